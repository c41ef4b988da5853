"""Small dumps of each kind with numbered documents, ways to pack them, and their rows, read in this process."""

import bz2
import gzip
import io
import json
import lzma
import random
import re
from dataclasses import replace
from pathlib import Path

import lz4.frame
import py7zr
import pyarrow.parquet as pq
from backports import zstd

from curate.jobs.links import _kind
from curate.links import tasks
from curate.read import items, wikipedia
from curate.read.arxiv import ArXiv
from curate.read.books import Books
from curate.read.documents import dump_source
from curate.read.dumps import head_of
from curate.read.stackexchange import StackExchange
from curate.read.wikipedia import Wikipedia
from tests.read.test_stackexchange import post, table
from tests.read.test_wikipedia import dump, page, revision

COUNT, STREAM = 12, 2500
READERS = {"wiki": Wikipedia(), "site": StackExchange(), "papers": ArXiv(), "books": Books()}


def words(number):
    """The text of a document: its mark, and words that pack badly."""
    chance = random.Random(number)
    return f"Mark{number}x " + " ".join(f"word{chance.randrange(10**6)}" for _ in range(90))


WIKI = dump([page(n, revision(n, words(n))) for n in range(COUNT)])
SITE = table("posts", *[post(n + 1, 1, Title=f"T{n}", Body=f"<p>{words(n)}</p>") for n in range(COUNT)])
PAPERS = {
    f"2310/2310.{n:05d}.gz": gzip.compress(
        rf"\documentclass{{article}}\begin{{document}}\section{{One}} {words(n)}\end{{document}}".encode(), mtime=0
    )
    for n in range(COUNT)
}
BOOKS = {
    f"{n}.txt": f"Title: B{n}\n\n*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n\n{words(n)}\n\n*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n".encode()
    for n in range(COUNT)
}
REDDIT = "".join(
    json.dumps({"url": f"http://h{n}.example/", "title": words(n), "score": 5}) + "\n" for n in range(COUNT)
).encode()


def wat_record(number):
    links = [{"path": "A@/href", "url": f"http://h{number}.example/", "text": words(number)}]
    metadata = {"HTTP-Response-Metadata": {"HTML-Metadata": {"Links": links}}}
    envelope = {"WARC-Header-Metadata": {"WARC-Target-URI": "http://a.example/"}, "Payload-Metadata": metadata}
    body = json.dumps({"Envelope": envelope}).encode()
    head = f"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Type: application/json\r\nWARC-Date: 2026-01-01T00:00:00Z\r\nContent-Length: {len(body)}\r\n\r\n"
    return gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)


WAT = b"".join(map(wat_record, range(COUNT)))


def sevenz(name, **options):
    def pack(data):
        buffer = io.BytesIO()
        with py7zr.SevenZipFile(buffer, "w", **options) as archive:
            archive.writestr(data, name)
        return buffer.getvalue()

    return pack


def in_streams(pack):
    return lambda data: b"".join(pack(data[at : at + STREAM]) for at in range(0, len(data), STREAM))


CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
PACK = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: zstd.compress(data, options=CHECKED),
    ".lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}
PARTED = {ending: in_streams(pack) for ending, pack in PACK.items() if ending not in ("", ".lz4")}


def read(reader, tmp_path, *paths):
    """Rows of the files and the notes, as a job would get them, without an engine or children."""
    source = dump_source([str(path) for path in paths], reader, None, 0)
    scratch = tmp_path / "scratch"
    for stage in source.before:
        for task in stage.tasks:
            stage.run(replace(task, out=str(scratch / stage.folder / task.name), scratch=str(scratch)))
    rows = []
    for number, task in enumerate(source.tasks):
        if isinstance(reader, Wikipedia):
            batches = wikipedia.documents(wikipedia.PagesTask(task))
        elif isinstance(reader, StackExchange):
            out = scratch / f"{number}.parquet"
            source.run(replace(task, out=str(out), scratch=str(scratch)))
            batches = [pq.read_table(out)]
        else:
            batches = items.items(items.ItemsTask(task))
        rows += [row for batch in batches for row in batch.to_pylist()]
    return rows, source.notes


def read_links(tmp_path, path):
    """Rows of links, and of what can't be read, of one file."""
    head, out, failed = head_of(str(path)), tmp_path / "run.parquet", tmp_path / "failed.parquet"
    task = tasks.ReadTask(str(path), _kind(head), head.packed, 1, str(out), str(failed), 3, False, False)
    tasks.read(task)
    return pq.read_table(out).to_pylist(), pq.read_table(failed).to_pylist()


def texts(rows):
    """The numbers of the documents that came through whole, in order; and the rows of what could not be read."""
    good = []
    for row in rows:
        found = re.search(r"Mark(\d+)x", row.get("text") or "")
        if found and words(int(found[1])) in row["text"]:
            good.append(int(found[1]))
    return sorted(good), [row for row in rows if row["verdict"] == "failed"]


def written(folder, name, data):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
