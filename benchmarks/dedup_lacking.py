"""What the kept copies of a deduplication lack: the longest run of words of a removed document that does not stand in its kept copy.

    curate dedup corpus/ --output deduped/ --keep-rejected
    python -m benchmarks.dedup_lacking deduped/ [--sample 100] [--worst 10]

Documents are sampled by a hash of their ids. A word is lacking when no 3-gram that covers it stands in the survivor
(`curate.dedup.difference`). Prints a table, and the worst ones with their runs, to be looked at by eye.
"""

import argparse
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from curate.dedup.difference import pieces


def rows_of(folder: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of all Parquet files of a folder."""
    for path in sorted(folder.glob("*.parquet")):
        yield from pq.read_table(path, columns=columns).to_pylist()


def lacking(removed: str, survivor: str) -> tuple[int, int, str]:
    """(words of the longest run that the survivor lacks, all lacking words, that run)."""
    runs = [piece for piece in pieces(removed, survivor) if not piece.held]
    longest = max(runs, key=lambda piece: piece.words, default=None)
    return (longest.words, sum(run.words for run in runs), longest.text) if longest else (0, 0, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--worst", type=int, default=10)
    options = parser.parse_args()
    removals = [row for row in rows_of(options.corpus / "duplicates", ["id", "pos", "survivor"]) if row["pos"] == -1]
    chosen = sorted(removals, key=lambda row: hashlib.sha256(row["id"].encode()).digest())[: options.sample]
    names = {row["id"][:16] for row in chosen} | {row["survivor"] for row in chosen}
    found = {
        row["id"][:16]: row
        for part in ("data", "rejected")
        for row in rows_of(options.corpus / part, ["id", "text", "url"])
        if row["id"][:16] in names
    }
    told = []
    for row in chosen:
        one, other = found[row["id"][:16]], found[row["survivor"]]
        told.append((*lacking(one["text"], other["text"]), one, other))
    longest = np.array([run for run, *_ in told])
    print("| removed | looked at | run of 0 | 1 to 3 | 4 to 10 | more | longest | words lacking in all |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    parts = [(longest == 0).sum(), ((longest > 0) & (longest <= 3)).sum(), ((longest > 3) & (longest <= 10)).sum()]
    more, total = (longest > 10).sum(), sum(words for _, words, *_ in told)
    print(f"| {len(removals)} | {len(told)} | {' | '.join(map(str, parts))} | {more} | {longest.max()} | {total} |\n")
    for run, words, text, one, other in sorted(told, key=lambda row: (-row[0], row[3]["id"]))[: options.worst]:
        shown = re.sub(r"\s+", " ", text)[:400]
        print(f"{run} in a row, {words} in all: {one['url']}\n    stays: {other['url']}\n    lacks: {shown!r}")


if __name__ == "__main__":
    main()
