"""Speed and memory of the arXiv, books and link readers on one core, on the test data repeated with changes.

    python -m benchmarks.sources_speed

Data: $CURATE_TESTDATA (G-text/arxiv-sample, G-text/gutenberg, J-sources/reddit). Prints MB of source text a second of CPU, for
the conversion alone and for the whole task (unpacking, child process, Parquet), and the largest memory of a process.
"""

import gzip
import io
import json
import lzma
import os
import resource
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from curate.books.gutenberg import between_markers
from curate.links import tasks
from curate.read.arxiv import ArXiv
from curate.read.books import Books
from curate.read.dumps import head_of
from curate.read.items import run
from curate.tex.convert import Options, convert

DATA = Path(os.environ.get("CURATE_TESTDATA", ""))
TIMES = 3


def cpu() -> float:
    """Seconds of CPU time of this process and its ended children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def papers() -> list[str]:
    """LaTeX bodies of 20 papers."""
    lines = (DATA / "G-text/arxiv-sample/scripts/data_prep/example_data/arxiv.jsonl").read_text().splitlines()
    frame = "\\documentclass{article}\\begin{document}\n%s\n\\end{document}\n"
    return [frame.replace("%s", json.loads(line)["text"]) for line in lines]


def arxiv(folder: Path) -> None:
    """Rows of the table for arXiv."""
    texts = papers()
    size = sum(map(len, texts))
    for math in ("latex", "text"):
        start = time.process_time()
        for text in texts:
            convert("m.tex", {"m.tex": text}, Options(math))
        print(f"arXiv, conversion, math = {math}: {size / 1e6 / (time.process_time() - start):.2f} MB/s")
    path = folder / "arXiv_src_2310_001.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(TIMES * len(texts)):
            data = gzip.compress(texts[number % len(texts)].replace("the", f"the{number}", 1).encode(), 6)
            info = tarfile.TarInfo(f"2310/2310.{number:05d}.gz")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    [task] = ArXiv().source([head_of(str(path))], None, 0).tasks
    start = time.perf_counter()
    found = run(replace(task, out=str(folder / "a.parquet")))
    took = time.perf_counter() - start
    print(
        f"arXiv, whole task: {found.rows} papers, {size * TIMES / 1e6 / took:.2f} MB/s, {found.rows / took:.1f} papers/s"
    )


def books(folder: Path) -> None:
    """Rows of the table for books."""
    names = [path for path in (DATA / "G-text/gutenberg").rglob("*.txt") if path.stat().st_size > 100_000]
    size, start = 0, time.process_time()
    for path in names:
        text = path.read_text("latin-1")
        between_markers(text)
        size += len(text)
    print(f"books, markers: {size / 1e6 / (time.process_time() - start):.1f} MB/s")
    pages = list((DATA / "G-text/gutenberg").rglob("*.htm"))
    start, total = time.perf_counter(), 0
    for number, path in enumerate([*names, *pages]):
        [task] = Books().source([head_of(str(path))], None, 0).tasks
        run(replace(task, out=str(folder / f"b{number}.parquet")))
        total += path.stat().st_size
    print(f"books, whole tasks: {number + 1} books, {total / 1e6 / (time.perf_counter() - start):.1f} MB/s")


def reddit(folder: Path) -> None:
    """Rows of the table for links."""
    lines = [
        line
        for path in (DATA / "J-sources/reddit/jcpeterson__openwebtext").rglob("*.xz")
        for line in lzma.decompress(path.read_bytes()).splitlines()
    ]
    path = folder / "RS_2019-01.gz"
    data = b"\n".join(line.replace(b"http:", b"http:%d" % number, 1) for number in range(20) for line in lines)
    path.write_bytes(gzip.compress(data, 1))
    task = tasks.ReadTask(str(path), "reddit", 16, str(folder / "r.parquet"), 3, False, False)
    start = time.perf_counter()
    found = tasks.read(task)
    took = time.perf_counter() - start
    print(
        f"Reddit: {found['seen']} submissions, {len(data) / 1e6 / took:.1f} MB/s of JSON, {found['seen'] / took:,.0f} a second"
    )


def main() -> None:
    """All of them."""
    with tempfile.TemporaryDirectory() as name:
        for one in (arxiv, books, reddit):
            one(Path(name))
            here, children = (
                resource.getrusage(w).ru_maxrss >> 10 for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
            print(f"  largest process so far: {max(here, children)} MiB")


if __name__ == "__main__":
    main()
