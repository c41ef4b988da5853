"""One page per address: the released C4 code groups pages by normalised URL and, since version 3.1, keeps
the newest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from curate.dedup import keep_first, safety_limits
from curate.dedup.base import MAX_SECOND, WHOLE, column, doc64, seconds
from curate.filters.urls import normalize_url

if TYPE_CHECKING:
    from curate.engine.session import Session


@dataclass(frozen=True)
class Urls:
    """Of all pages with one normalised URL the newest stays; of equally new ones that with the smallest id.

    A page without a date counts as older than all others. Documents without a URL are left alone.
    """

    index: str = ""
    """Folder of what earlier runs kept: it wins, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: it wins."""
    max_cluster_share: float = 0.2
    """Alarm when the copies of one URL are a larger share of all documents than this."""
    max_host_share: float = 0.95
    """Alarm when one host (repository, source) loses a larger share of its documents than this."""
    alarm_from: int = 1000
    """No alarm where fewer documents than this are lost."""

    def __post_init__(self) -> None:
        safety_limits.check_limits(self)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """One key a page with a URL."""
        urls = column(batch, "url")
        rows = [row for row, address in enumerate(urls) if address]
        found = keep_first.digests(normalize_url(urls[row] or "") for row in rows)
        ids = batch.column("id").to_pylist()
        ranks = MAX_SECOND - np.clip(seconds(batch, missing=0), 0, MAX_SECOND)
        docs, hosts = doc64(ids)[rows], safety_limits.hosts(batch)
        return keep_first.table(found, ranks[rows], docs, [WHOLE] * len(rows), [hosts[row] for row in rows])

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Elect the page of each URL."""
        return keep_first.elect(s, self, keys, out, shards, limits=self)
