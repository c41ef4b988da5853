"""Lists of addresses, what `curate links` found or anybody's, and the pages whose address is on one."""

import functools
import gzip
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import InputError, said
from curate.files import storage
from curate.filters.base import Decision, Document, drop, keep
from curate.links.rules import digest, key_of

_LONGEST = 10_000


@dataclass(frozen=True)
class Listed:
    """Keeps the pages whose address is on the list `urls`, compared as everywhere here; drops the others as `not_listed`.

    GPT-2 (Radford et al. 2019, section 2.1): "we only scraped web pages which have been curated/filtered by humans".
    Eight bytes an address are held in memory.
    """

    signals: ClassVar[tuple[str, ...]] = ()

    urls: str = ""
    """A folder of `curate links`, Parquet with a column `url`, or a text file with an address a line. Empty: all are kept."""

    def files(self) -> tuple[str, ...]:
        """The files of the list."""
        data = storage.join(self.urls, "data") if self.urls else ""
        if data and storage.exists(data):
            return tuple(storage.list_files(data, ".parquet"))
        return (self.urls,) if self.urls else ()

    def prepare(self) -> None:
        """Load the list."""
        if self.urls:
            _digests(self.urls)

    def __call__(self, doc: Document) -> Decision:
        """Keep or drop by the address."""
        if not self.urls:
            return keep(doc)
        known = _digests(self.urls)
        wanted = np.uint64(digest(key_of(doc.url or "")))
        at = int(np.searchsorted(known, wanted))
        return keep(doc) if at < len(known) and known[at] == wanted else drop(doc, "not_listed", 0.0)


@functools.lru_cache(maxsize=2)
def _digests(path: str) -> Any:
    return np.unique(np.array([digest(key_of(url)) for url in read_urls(path)], np.uint64))


def read_urls(path: str, *, odd: bool = False) -> list[str]:
    """Addresses out of what `--urls` names: a folder of `curate links`, Parquet with a column `url`, or a text file; of this with
    the lines that are none, where `odd` ones are to be counted."""
    data = storage.join(path, "data")
    files = storage.list_files(data, ".parquet") if storage.exists(data) else []
    if not files and path.lower().endswith(".parquet"):
        files = [path]
    if files:
        found = list[str]()
        for file in files:
            fs, inner = storage.filesystem(file)
            with fs.open_input_file(inner) as opened:
                try:
                    table = pq.ParquetFile(opened)
                    if "url" not in table.schema_arrow.names:
                        raise InputError(f"{file}: no column url")
                    found += [str(url) for url in table.read(columns=["url"])["url"].to_pylist() if url]
                except (pa.ArrowException, OSError) as error:
                    raise InputError(f"{file}: it can't be read: {said(error)}") from error
        return found
    if storage.exists(path) and not storage.exists(data):
        lines = [line.strip()[:_LONGEST] for line in _text(path).splitlines() if line.strip()]
        if addresses := [line for line in lines if line.startswith(("http://", "https://"))]:
            return lines if odd else addresses
    raise InputError(f"{path}: no addresses in it; give a folder that curate links wrote, or a file with one a line")


def _text(path: str) -> str:
    data = storage.read_bytes(path)
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: {error}") from None
