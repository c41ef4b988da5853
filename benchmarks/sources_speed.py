"""Documents and MB a second of CPU, and the largest process, for each source: the test data so many times over.

    python -m benchmarks.sources_speed [wikipedia stackexchange arxiv books reddit wat] [--times 1 8 64]

Data: $CURATE_TESTDATA (G-text, J-sources). Each size of each source is read in a process of its own by the tasks of the
job (children, Parquet and all; one after the other). A rate is that of what the last size has more than the first, in MB and in CPU
time, so that the start of processes is out of it; MB are of what is unpacked. Buckets of Stack Exchange and of links are of
4 MB here, so that a larger input is more of them, as in a dump of full size.
"""

import argparse
import bz2
import gzip
import io
import json
import lzma
import os
import re
import resource
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.jobs import links as links_job
from curate.links import tasks
from curate.read import stackexchange
from curate.read.arxiv import ArXiv
from curate.read.books import Books
from curate.read.documents import dump_source
from curate.read.dumps import head_of
from curate.read.stackexchange import StackExchange
from curate.read.wikipedia import Wikipedia

DATA = Path(os.environ.get("CURATE_TESTDATA", "/nowhere"))
BUCKET = 4 << 20
WIKI = "J-sources/wikipedia/piskvorky__gensim/gensim/test/test_data/enwiki-latest*.bz2"
SITE = "J-sources/stackexchange/AaronNie__*/**/Posts.xml"
PAPERS = "G-text/arxiv-sample/scripts/data_prep/example_data/arxiv.jsonl"


def one(pattern: str) -> Path:
    """The first file that a pattern finds."""
    return next(iter(sorted(DATA.glob(pattern))))


def wikipedia(folder: Path, times: int) -> int:
    """A dump in one stream of bzip2."""
    data = bz2.decompress(one(WIKI).read_bytes())
    first, last = data.index(b"<page>"), data.rindex(b"</page>") + 7
    (folder / "enwiki.xml.bz2").write_bytes(bz2.compress(data[:first] + data[first:last] * times + data[last:]))
    return len(data) * times


def site(folder: Path, times: int) -> int:
    """Posts of a site, with other numbers in each copy."""
    data = one(SITE).read_bytes()
    first, last = data.index(b"<row "), data.rindex(b"/>") + 2
    number = re.compile(rb' (Id|ParentId|AcceptedAnswerId)="(\d+)"')

    def copy(at: int) -> bytes:
        return number.sub(lambda found: b' %s="%d"' % (found[1], int(found[2]) + at * 10_000_000), data[first:last])

    (folder / "beer.stackexchange.com").mkdir()
    path = folder / "beer.stackexchange.com" / "Posts.xml"
    path.write_bytes(data[:first] + b"\n".join(copy(at) for at in range(5 * times)) + data[last:])
    return path.stat().st_size


def papers(folder: Path, times: int) -> int:
    """A bulk archive of 20 papers a copy."""
    frame = "\\documentclass{article}\\begin{document}\n%s\n\\end{document}\n"
    texts = [frame.replace("%s", json.loads(line)["text"]).encode() for line in one(PAPERS).read_text().splitlines()]
    with tarfile.open(folder / "arXiv_src_2310_001.tar", "w") as archive:
        for number in range(times * len(texts)):
            packed = gzip.compress(texts[number % len(texts)], mtime=0)
            info = tarfile.TarInfo(f"2310/2310.{number:05d}.gz")
            info.size = len(packed)
            archive.addfile(info, io.BytesIO(packed))
    return times * sum(map(len, texts))


def books(folder: Path, times: int) -> int:
    """A zip of Gutenberg's texts and pages."""
    found = [path for path in sorted((DATA / "G-text/gutenberg").rglob("*")) if path.suffix in (".txt", ".htm")]
    found = [path for path in found if 50_000 < path.stat().st_size < 500_000][:8]
    with zipfile.ZipFile(folder / "books.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for copy in range(times):
            for path in found:
                archive.write(path, f"{copy}/{path.name}")
    return times * sum(path.stat().st_size for path in found)


def reddit(folder: Path, times: int) -> int:
    """Submissions, with other hosts in each copy."""
    paths = sorted((DATA / "J-sources/reddit/jcpeterson__openwebtext").rglob("*.xz"))
    lines = [line for path in paths for line in lzma.decompress(path.read_bytes()).splitlines()]
    each = (line.replace(b"http://", b"http://h%d." % at) for at in range(10 * times) for line in lines)
    data = b"\n".join(each)
    (folder / "RS_2019-01.gz").write_bytes(gzip.compress(data, 1))
    return len(data)


def wat(folder: Path, times: int) -> int:
    """Made WAT records of 60 links each."""

    def record(number: int) -> bytes:
        found = [
            {"path": "A@/href", "url": f"http://h{(number * 31 + at) % 5000}.example/{at % 7}", "text": f"link {at}"}
            for at in range(60)
        ]
        html = {"HTTP-Response-Metadata": {"HTML-Metadata": {"Links": found}}}
        header = {"WARC-Target-URI": f"http://p{number}.example/"}
        body = json.dumps({"Envelope": {"WARC-Header-Metadata": header, "Payload-Metadata": html}}).encode()
        head = b"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
            body
        )
        return head + body + b"\r\n\r\n"

    records = [record(number) for number in range(150 * times)]
    (folder / "a.warc.wat.gz").write_bytes(b"".join(gzip.compress(one, 1) for one in records))
    return sum(map(len, records))


MADE: dict[str, tuple[Callable[[Path, int], int], Any]] = {
    "wikipedia": (wikipedia, Wikipedia()),
    "stackexchange": (site, StackExchange()),
    "arxiv": (papers, ArXiv()),
    "books": (books, Books()),
    "reddit": (reddit, None),
    "wat": (wat, None),
}


def cpu() -> float:
    """Seconds of CPU time of this process and its ended children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def read(source: Any, folder: Path) -> int:
    """Run the tasks of a source; returns the rows."""
    scratch = str(folder / "scratch")
    for stage in source.before:
        for task in stage.tasks:
            stage.run(replace(task, out=f"{scratch}/{stage.folder}/{task.name}", scratch=scratch))
    done = (
        source.run(replace(task, out=f"{scratch}/{n}.parquet", scratch=scratch)) for n, task in enumerate(source.tasks)
    )
    return sum(one.rows for one in done)


def read_links(path: Path, folder: Path) -> int:
    """Both steps of `curate links` for a file; returns the links."""
    head = head_of(str(path))
    buckets, run = max(1, head.size // BUCKET), str(folder / "run.parquet")
    failed = str(folder / "failed.parquet")
    kind = links_job._kind(head)
    found = tasks.read(tasks.ReadTask(str(path), kind, head.packed, buckets, run, failed, 3, False, False))
    for bucket in range(buckets):
        tasks.merge(tasks.MergeTask("x", bucket, buckets, (run,), str(folder / f"{bucket}.parquet"), 3))
    return found.records


def child(name: str, path: Path, folder: Path) -> None:
    """In a process of its own: read what is in a folder, and print what it took."""
    stackexchange.BUCKET_BYTES = BUCKET
    _, reader = MADE[name]
    start = cpu()
    if reader is None:
        count = read_links(next(iter(path.iterdir())), folder)
    else:
        count = read(dump_source([str(path)], reader, None, 0), folder)
    from curate.engine import children

    children.close_all()
    peaks = [own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]
    print(json.dumps({"documents": count, "cpu": cpu() - start, "peak": max(peaks) >> 10}))


def own_peak() -> int:
    """KiB that this process held at most. Not `ru_maxrss`: that begins with what the process held that started this one."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def measured(name: str, factors: list[int]) -> Iterator[dict[str, float]]:
    """Figures of one source, each so many times over."""
    for times in factors:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "in").mkdir()
            (folder / "out").mkdir()
            size = MADE[name][0](folder / "in", times)
            command = [sys.executable, "-m", "benchmarks.sources_speed", "--child", name, str(folder / "in")]
            done = subprocess.run([*command, str(folder / "out")], capture_output=True, text=True, check=True)
            yield {"size": size / 1e6, **json.loads(done.stdout.splitlines()[-1])}


def main(arguments: list[str]) -> None:
    """A row a source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", choices=[[], *MADE])
    parser.add_argument("--times", nargs="+", type=int, default=[1, 8])
    asked = parser.parse_args(arguments)
    sizes = ", ".join(f"{n}x" for n in asked.times)
    print(f"| source | MB at {sizes} | documents | MB/s | documents/s | largest process at {sizes} |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in asked.sources or MADE:
        found = list(measured(name, asked.times))
        small, large = found[0], found[-1]
        took = large["cpu"] - small["cpu"]
        rate, each = (large["size"] - small["size"]) / took, (large["documents"] - small["documents"]) / took
        megabytes, peaks = (
            ", ".join(f"{one['size']:.1f}" for one in found),
            ", ".join(str(one["peak"]) for one in found),
        )
        print(f"| {name} | {megabytes} | {large['documents']:,} | {rate:.2f} | {each:,.0f} | {peaks} MiB |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main(sys.argv[1:])
