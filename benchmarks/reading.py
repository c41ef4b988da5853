"""Reading crawl files: records on real files against two other readers, damage survived, and speed.

python -m benchmarks.reading [--crawl DIR] [--save benchmarks/results/reading.md]

The files are those of `$CURATE_TESTDATA/A-warc`; DIR holds large .warc.gz files for the speed (several MB each).
"""

import argparse
import contextlib
import gzip
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

from curate.read.inputs import InputFile
from curate.read.splits import plan_splits, read_split
from curate.warc import Record

EXPLAINED = {
    "bad.arc": "lengths of -1 and of `abc`: warcio counts four headers, the records behind which it can't read; "
    "two of them are one damaged region here",
    "badexample.arc.gz": "all records in one gzip member, which warcio refuses; one header has no date",
    "IAH-20080430204825-00000-blackbook-truncated.arc": "no line end behind the first record; warcio stops there",
    "invalid-warcheaderversion-12.warc": "a version line and nothing else; counted, as damaged",
    "invalid-warcheaderversion-13.warc": "a version line and nothing else; counted, as damaged",
    "invalid-warcheaderversion-8.warc": "a version line and nothing else; counted, as damaged",
    "invalid-warcheaderversion-20.warc": "two bytes, a line end; warcio counts a record",
    "invalid-warcreader-diagnosis-1.warc": "57 bytes of prose; warcio counts an ARC record",
    "invalid-warcrecord-3.warc": "six records, three of them with a wrong Content-Length; warcio stops at the first",
}
"""Why a count differs from the better of the two other readers, by file."""


def seen(record: Record) -> bool:
    """Whether a record, or what is left of one, is there: a damaged region without a header is none."""
    if record.kind != "damaged" or record.error_code in ("length", "header"):
        return True
    return bool(record.url or record.record_id or record.date)


def ours(path: Path, splits: int = 1) -> list[Record]:
    """All records of a file, read in so many splits."""
    size = path.stat().st_size
    plan = plan_splits(InputFile(str(path), size, "warc"), max(1, -(-size // splits)))
    return [record for split in plan for record in read_split(split)]


def counted(records: Callable[[], Iterable[object]]) -> tuple[int, str]:
    """How many records a reader yields before it stops, and why it stops."""
    count = 0
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            for _ in records():
                count += 1
    except Exception as error:  # whatever a reader raises ends its reading
        return count, type(error).__name__
    return count, ""


def warcio(path: Path) -> Iterator[object]:
    """warcio's records; nothing is converted."""
    with path.open("rb") as file:
        yield from WarcioIterator(file)


def fastwarc(path: Path) -> Iterator[object]:
    """FastWARC's records in its lenient mode."""
    with path.open("rb") as file:
        yield from FastIterator(file, quirks_mode=True)


def real_files(root: Path) -> list[str]:
    """A table of all files on which the readers disagree or find damage, and the totals."""
    paths = [root / line.split("\t")[0] for line in (root / "MANIFEST.tsv").read_text().splitlines()[1:]]
    rows, totals, equal, union = [], [0, 0, 0, 0], 0, 0
    for path in paths:
        records = ours(path)
        count = sum(map(seen, records))
        (other, stop), (fast, fast_stop) = counted(lambda p=path: warcio(p)), counted(lambda p=path: fastwarc(p))
        assert ours(path, 5) == records, f"{path}: five splits read something else than one"
        union += count
        best = max(other, fast)
        totals = [a + b for a, b in zip(totals, (count, other, fast, best), strict=True)]
        equal += count == best
        damage = [r for r in records if r.error]
        if count != best:
            why = EXPLAINED.get(path.name, "UNEXPLAINED")
            ends = f"{other} {stop}".strip(), f"{fast} {fast_stop}".strip()
            rows.append(f"| {path.name} | {count} | {ends[0]} | {ends[1]} | {len(damage)} | {why} |")
    head = [
        f"{len(paths)} files, each read in one split and in five, with the same result.",
        "",
        "| | records |",
        "|---|---|",
        f"| curate | {totals[0]:,} |",
        f"| the better of the two, file by file | {totals[3]:,} |",
        f"| warcio | {totals[1]:,} |",
        f"| FastWARC (quirks mode) | {totals[2]:,} |",
        "",
        f"On {equal} of {len(paths)} files curate finds as many as the better of the two. The others:",
        "",
        "| file | curate | warcio | FastWARC | damaged | why |",
        "|---|---|---|---|---|---|",
    ]
    return head + rows


def damaged(data: bytes, ends: list[int]) -> dict[str, tuple[bytes, int]]:
    """Kinds of damage -> (file, records that no damage touches)."""
    count, middle = len(ends), ends[len(ends) // 2]
    at = middle + 40
    flipped, zeroed = bytearray(data), bytearray(data)
    flipped[at] ^= 0x55
    zeroed[at : at + 4096] = bytes(4096)
    hit = sum(a < at + 4096 and at < b for a, b in zip([0, *ends], ends, strict=False))
    spread = bytearray(data)
    for i in range(1, 11):
        spread[len(data) * i // 11] ^= 0xFF
    cuts = {len(data) * i // 11 for i in range(1, 11)}
    spread_hit = sum(any(a <= c < b for c in cuts) for a, b in zip([0, *ends], ends, strict=False))
    return {
        "sound": (data, count),
        "one flipped byte": (bytes(flipped), count - 1),
        "ten flipped bytes": (bytes(spread), count - spread_hit),
        "4 KiB of zeros": (bytes(zeroed), count - hit),
        "100 bytes of garbage between records": (data[:middle] + b"garbage!" * 13 + data[middle:], count),
        "cut off in the middle of a record": (data[:at], len(ends) // 2 + 1),
        "first 10 bytes missing": (data[10:], count - 1),
    }


def damage_table(source: Path, work: Path) -> list[str]:
    """Share of the undamaged records that each reader still finds."""
    records = ours(source)[:600]
    ends = [r.offset + r.length for r in records]
    data = source.read_bytes()[: ends[-1]]
    rows = ["| damage | undamaged records | curate | FastWARC | warcio |", "|---|---|---|---|---|"]
    ids = [r.record_id for r in records]
    for what, (broken, untouched) in damaged(data, ends).items():
        path = work / "damaged.warc.gz"
        path.write_bytes(broken)
        mine = [r for r in ours(path) if not r.error]
        assert {r.record_id for r in mine} <= set(ids)
        rest = []
        for reader in (fastwarc, warcio):
            count, stop = counted(lambda p=path, read=reader: read(p))
            rest.append(f"{count} {stop}".strip())
        rows.append(f"| {what} | {untouched} | {len(mine)} | {rest[0]} | {rest[1]} |")
    path.unlink()
    return rows


def read_ours(path: Path) -> int:
    """Records; the pages among them decoded."""
    return len(ours(path))


def read_fastwarc(path: Path) -> int:
    """Records; the bodies of responses read."""
    count = 0
    with path.open("rb") as file:
        for record in FastIterator(file, quirks_mode=True, parse_http=True):
            count += 1
            if record.is_http and record.headers.get("WARC-Type") == "response":
                record.reader.read()
    return count


def read_warcio(path: Path) -> int:
    """Records; the bodies of responses read."""
    count = 0
    with path.open("rb") as file:
        for record in WarcioIterator(file):
            count += 1
            if record.rec_type == "response":
                record.content_stream().read()
    return count


def read_inflate(path: Path) -> int:
    """Only zlib, for comparison."""
    with gzip.open(path) as file:
        while file.read(1 << 20):
            pass
    return 0


def speed(paths: list[Path], rounds: int = 7) -> list[str]:
    """CPU seconds of each reader on the same files, in turns; medians."""
    readers = {"curate": read_ours, "FastWARC": read_fastwarc, "warcio": read_warcio, "gzip module": read_inflate}
    size = sum(path.stat().st_size for path in paths)
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    records: dict[str, int] = {}
    for _ in range(rounds):
        for name, read in readers.items():
            begun = time.process_time()
            records[name] = sum(map(read, paths))
            seconds[name].append(time.process_time() - begun)
    base = statistics.median(seconds["curate"])
    rows = [
        f"{len(paths)} files, {size / 1e6:.1f} MB, {records['curate']:,} records; "
        f"medians of {rounds} rounds, CPU seconds of one process.",
        "",
        "| reader | records/s | MB/s (compressed) | time, curate = 1 |",
        "|---|---|---|---|",
    ]
    for name, times in seconds.items():
        median = statistics.median(times)
        each = f"{records[name] / median:,.0f}" if records[name] else "-"
        rows.append(f"| {name} | {each} | {size / median / 1e6:.0f} | {median / base:.2f} |")
    return rows


def main() -> None:
    """Print the page, or save it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crawl", type=Path, help="folder of large .warc.gz files")
    parser.add_argument("--save", type=Path, help="write the page here")
    options = parser.parse_args()
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser() / "A-warc"
    if not root.is_dir():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    packages = ", ".join(f"{name} {version(name)}" for name in ("fastwarc", "warcio", "isal"))
    large = sorted(options.crawl.glob("*.warc.gz"))[:2] if options.crawl else []
    source = large[0] if large else root / "archivesunleashed__aut/src/test/resources/warc/example.warc.gz"
    lines = [
        "# Reading crawl files",
        "",
        f"`python -m benchmarks.reading`, {date.today()}, Python {platform.python_version()}, {packages}, "
        f"{os.cpu_count()} cores.",
        "",
        "## Real files",
        "",
        *real_files(root),
        "",
        "## Damage",
        "",
        "Records found in the first 600 of a real crawl file, after damage; a reader that stops says with what.",
        "",
        *damage_table(source, Path(os.environ.get("TMPDIR", "/tmp"))),
        "",
        "## Speed",
        "",
        *speed(large or [source]),
    ]
    text = "\n".join(lines) + "\n"
    if options.save:
        options.save.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
