"""Byte ranges of files as units of work: every record is read by exactly one of them."""

import itertools
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from curate.encodings.decode import kind_of_binary
from curate.read.inputs import InputFile, block_size, open_input
from curate.read.source import ReadTask
from curate.warc.chain import Chain, Limits
from curate.warc.record import Record, Wanted, goes_on
from curate.warc.streams import open_stream

LOOKBACK = 8 << 20
"""How far before its first byte a split begins to walk.

A record may hold an archive. To a reader who begins inside such a record, the archive's records look like the crawl's
own. Beginning this much earlier, the walk comes along the outer record and passes over it. Common Crawl cuts records
at 5 MiB; records of more than 8 MiB (compressed) that are archives themselves are beyond this.
"""
_TABLE = re.compile(r"\.(csv|tsv|arrow|feather|orc|avro)(\.\w+)?$", re.IGNORECASE)
NOT_AN_ARCHIVE = "not_an_archive: no WARC or ARC record in the whole file"


@dataclass(frozen=True, slots=True)
class Split:
    """Bytes `start` … `end` of `file`, which has `size` bytes. `address` opens it, where its name is not what does."""

    file: str
    kind: str
    start: int
    end: int
    size: int
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTask(ReadTask):
    """A part of a file, and what one of its documents may cost."""

    split: Split
    source: str
    """The column of that name."""
    cpu_seconds: float
    memory_bytes: int


def plan_splits(file: InputFile, split_bytes: int = 64 << 20) -> list[Split]:
    """Cut `file` into splits of about `split_bytes`, all of about the same size, without reading it: rather few larger ones, because
    each but the first begins to read `LOOKBACK` earlier."""
    if split_bytes < 1:
        raise ValueError(f"split_bytes must be at least 1, got {split_bytes}")
    count = max(1, (file.size + split_bytes // 2) // split_bytes) if file.splittable else 1
    cuts = [file.size * i // count for i in range(count + 1)]
    address = file.path if file.path != file.name else ""
    return [Split(file.name, file.kind, a, b, file.size, address) for a, b in itertools.pairwise(cuts)]


def read_split(
    split: Split,
    wanted: Wanted = goes_on,
    limits: Limits | None = None,
    lookback: int = LOOKBACK,
    brief: bool = False,
) -> Iterator[Record]:
    """Yield every record that belongs to `split`, and one record of kind "damaged" for each bad region.

    A record belongs to the split in which its gzip member (in plain files: the record itself) starts; a bad region
    to that of the record before it. `wanted` is asked, once the headers are known, whether the body is to be loaded. `brief`: of requests
    and metadata nothing is told but their kind and where they are, unless they are damaged.
    Raises InputError when the file can't be opened, OSError when it can't be read.
    """
    with closing(open_input(split.address or split.file)) as file:
        stream, grammar = open_stream(file, split.size, split.file, block_size(split.file))
        chain = Chain(stream, split.size, grammar, split.file, limits or Limits(), wanted, brief)
        yield from _own_records(chain, split, lookback)


def _own_records(chain: Chain, split: Split, lookback: int) -> Iterator[Record]:
    if split.size == 0:
        yield Record(split.file, 0, error="empty: the file has no bytes")
        return
    start = max(0, split.start - lookback)
    if start > 0:
        start = chain.anchor(start, split.end)
        if start >= split.end:
            return
    own, nothing = split.start == 0, start == 0
    for anchor, record in chain.walk(start, split.start):
        nothing = False
        if anchor is not None:
            if anchor >= split.end:
                return
            own = own or anchor >= split.start
        if own:
            if record.length == split.size and record.error_code == "garbage":
                record.error = _not_an_archive(split)
            yield record
    if nothing and own:
        yield Record(split.file, 0, split.size, error=_not_an_archive(split))


def _not_an_archive(split: Split) -> str:
    """That, and what the file is where its first bytes say so; gzip and zstd are what archives are packed in."""
    with closing(open_input(split.address or split.file)) as file:
        kind = kind_of_binary(file.read(4096) or b"")
    if name := _TABLE.search(split.file):
        return f"{NOT_AN_ARCHIVE}; it is called {name[0]}: tables of that kind are not read, make Parquet of it first (DuckDB, pandas)"
    return NOT_AN_ARCHIVE + (f"; it is {kind}" if kind and not kind.endswith(("gzip file", "zst file")) else "")
