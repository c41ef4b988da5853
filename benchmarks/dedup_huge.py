"""Huge and equal texts through `curate dedup` and `curate decontaminate`: seconds, CPU seconds, the largest process, what is kept.

    python -m benchmarks.dedup_huge [--words 7000000] [--texts 1000000]

The first input is a text of so many words, its beginning, and one word a million times (a seventh of the words); the second so many
equal texts of 60 words. Each command has a process of its own, on all cores. Prints rows of a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

COMMANDS = (("dedup", "--method", "substring"), ("dedup",), ("decontaminate",))


def write_huge(path: Path, words: int) -> None:
    """A text of `words` words, its beginning, and one word again and again."""
    whole = " ".join(f"b{n % max(1, words // 10)}" for n in range(words))
    texts = (whole, "word " * max(1, words // 7), whole[: len(whole) // 18])
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def write_equal(path: Path, texts: int) -> None:
    """`texts` times one text."""
    line = json.dumps({"text": " ".join(f"w{n}" for n in range(60))}) + "\n"
    with path.open("w") as file:
        file.writelines(line for _ in range(texts))


def measured(command: Sequence[str], source: Path, output: Path) -> str:
    """A row: command, what it was given, what it kept, and what it took."""
    started = time.monotonic()
    line = [sys.executable, "-m", "curate", command[0], str(source), *command[1:], "--output", str(output), "--quiet"]
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    ledger = json.loads((output / "ledger.json").read_text())
    cells = (
        source.stem,
        f"`{' '.join(command)}`",
        f"{ledger['records']:,}",
        f"{ledger['kept']:,}",
        f"{time.monotonic() - started:.0f}",
        f"{used.ru_utime + used.ru_stime:.0f}",
        f"{used.ru_maxrss >> 10:,}",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """All rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=7_000_000)
    parser.add_argument("--texts", type=int, default=1_000_000)
    asked = parser.parse_args()
    print("| input | command | records | kept | s | CPU s | MiB |\n|---|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        huge, equal = Path(name, "huge.jsonl"), Path(name, "equal.jsonl")
        write_huge(huge, asked.words)
        write_equal(equal, asked.texts)
        for number, (command, source) in enumerate([*((one, huge) for one in COMMANDS), (COMMANDS[0], equal)]):
            print(measured(command, source, Path(name, f"out-{number}")), flush=True)


if __name__ == "__main__":
    main()
