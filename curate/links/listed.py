"""Pages whose address is on a list: what `curate links` found, or anybody's."""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from curate.files import storage
from curate.filters.base import Decision, Document, drop, keep
from curate.links.addresses import read_urls
from curate.links.rules import digest, key_of


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
