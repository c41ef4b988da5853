"""Near-duplicates: MinHash signatures, banding, verified clusters (Broder 1997; Leskovec et al., chapter 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curate.dedup import lsh, safety_limits
from curate.dedup.base import Lost, doc64, survivor_rank
from curate.filters.base import Decision, Document, drop

if TYPE_CHECKING:
    from curate.engine.session import Session

PRINTS = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("same", pa.int64()),  # hash of the normalised text
        pa.field("host", pa.string()),  # host, repository or source: what the alarm looks at
        pa.field("bands", pa.list_(pa.int64())),
        pa.field("shingles", pa.list_(pa.int32())),  # hash of each shingle; empty where nothing is verified
    ]
)


@dataclass(frozen=True)
class MinHash:
    """Of texts that share at least `threshold` of their word n-grams (Jaccard similarity), one stays.

    The longest stays; of equally long ones the earliest, of equally early ones that with the smallest id. Texts without
    a word are left alone; one of fewer than `ngram` words is one shingle. `docs/dedup.md` explains the parameters.
    """

    threshold: float = 0.8
    ngram: int = 5
    permutations: int = 128
    """Upper limit: bands x rows are used."""
    bands: int = 0
    rows: int = 0
    """0: chosen from the threshold, see `curate.dedup.lsh`."""
    seed: int = 1
    verify: bool = True
    """Compute the true Jaccard similarity of candidates; else sharing a band is enough."""
    representative: bool = False
    """Remove a text only for its similarity to a kept one; else clusters are connected components."""
    members: int = 64
    """Documents of one band that others are compared with."""
    max_cluster_share: float = 0.2
    """Alarm when one cluster loses a larger share of all documents than this."""
    max_host_share: float = 0.95
    """Alarm when one host (repository, source) loses a larger share of its documents than this."""
    alarm_from: int = 1000
    """No alarm for clusters and hosts that lose fewer documents than this."""
    index: str = ""
    """Folder of what earlier runs kept: their documents win, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: its documents win."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, got {self.threshold}")
        for name in ("ngram", "permutations", "members"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if (self.bands > 0) != (self.rows > 0) or min(self.bands, self.rows) < 0:
            raise ValueError(f"bands and rows go together, got {self.bands} and {self.rows}")
        safety_limits.check_limits(self)
        if self.representative and not self.verify:
            raise ValueError("representative needs verify: without it there is no similarity to a representative")

    def banding(self) -> tuple[int, int]:
        """(bands, rows): as given, or chosen. Verified candidates may be many, unverified ones must be few."""
        if self.bands:
            return self.bands, self.rows
        choose = lsh.searching if self.verify else lsh.balanced
        return choose(self.threshold, self.permutations)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        bands, rows = self.banding()
        return {"ngram": self.ngram, "seed": self.seed, "verify": self.verify, "bands": bands, "rows": rows}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Fingerprints of the documents that have a word."""
        from curate.dedup import kernel  # numba takes 0.2 s to import, and recipes without MinHash don't need it

        bands, rows = self.banding()
        prints = kernel.fingerprints(batch.column("text"), self.ngram, bands, rows, self.seed, shingles=self.verify)
        sizes = np.diff(prints.ends, prepend=0)
        with_words = np.flatnonzero(sizes)
        ends = np.cumsum(sizes[with_words]) if self.verify else np.zeros(len(with_words), np.int64)
        ids = batch.column("id").to_pylist()
        columns = [
            pa.array(doc64([ids[row] for row in with_words])),
            pa.array(survivor_rank(batch)[with_words]),
            pa.array(prints.same[with_words]),
            pa.array(safety_limits.hosts(batch), pa.string()).take(pa.array(with_words)),
            _lists(np.arange(1, len(with_words) + 1) * bands, prints.bands[with_words].ravel()),
            _lists(ends, prints.shingles.view(np.int32)),
        ]
        return pa.table(columns, schema=PRINTS)

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> dict[str, Any]:
        """Find the clusters and who survives in each. Raises AlarmError, EngineError."""
        from curate.dedup.clusters import resolve

        return resolve(s, self, keys, out, shards)

    def apply(self, doc: Document, lost: Sequence[Lost], /) -> Decision:
        """Drop the document; the value is its similarity to the survivor (none where nothing is verified)."""
        return drop(doc, "duplicate", lost[0].value)


def _lists(ends: Any, values: Any) -> pa.ListArray:
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
