"""Near-duplicates: MinHash signatures, banding, verified clusters (Broder 1997; Leskovec et al., chapter 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.dedup import lsh, safety_limits
from curate.dedup.base import Removal, doc64, survivor_rank
from curate.dedup.base import column as column_of
from curate.filters import scripts
from curate.filters.base import Decision, Document, drop

if TYPE_CHECKING:
    from curate.engine.session import Session

PRINTS = pa.schema(
    [
        pa.field("doc", pa.int64()),
        pa.field("rank", pa.int64()),
        pa.field("same", pa.int64()),  # hash of the normalised text
        pa.field("host", pa.string()),  # host, repository or source: what the alarm looks at
        pa.field("source", pa.string()),
        pa.field("bands", pa.list_(pa.int64())),
        pa.field("shingles", pa.list_(pa.int32())),  # hash of each shingle; empty where nothing is verified
    ]
)

VERIFY = ("containment", "jaccard", "none")
NUMBER = r"\p{Nd}+([.,:/-]\p{Nd}+)*"
"""A number, date or time (RE2)."""


@dataclass(frozen=True)
class MinHash:
    """Near-duplicates: a text goes when another one that stays holds it (`verify="containment"`), or resembles it ("jaccard").

    A text of fewer than `ngram` words is one shingle. `docs/dedup.md` explains the parameters.
    """

    copies: ClassVar[bool] = True

    threshold: float = 0.8
    """Jaccard similarity of the pairs that are looked for; with `verify="jaccard"`, of those that are removed."""
    ngram: int = 0
    """Words of a shingle; 0: 3 for containment, else 5."""
    permutations: int = 128
    """Upper limit: bands x rows are used."""
    bands: int = 0
    rows: int = 0
    """0: chosen from the threshold, see `curate.dedup.lsh`."""
    seed: int = 1
    verify: str | bool = "containment"
    """What is measured of candidates: "containment" (the share of a text's n-grams that its kept copy holds), "jaccard" (or
    true: the true similarity), "none" (or false: sharing a band is enough)."""
    minimum: float = 0.99
    """Of containment: the share of a removed text's n-grams that its kept copy holds at least."""
    gap: int = 3
    """Of containment: the longest run of words of a removed text that its kept copy may lack."""
    merge_near: str = ""
    """"numbers": texts that differ in their numbers alone are the same."""
    representative: bool = False
    """Remove a text only for its similarity to a kept one; else clusters are connected components."""
    members: int = 64
    """Documents of one band that others are compared with."""
    max_cluster_share: float = 0.2
    """Alarm when one cluster loses a larger share of all documents than this."""
    max_host_share: float = 0.95
    """Alarm when one host (repository, source) loses a larger share of its documents than this."""
    max_source_share: float = 0.5
    """Alarm when one source loses a larger share of its documents than this."""
    alarm_from: int = 1000
    """No alarm for clusters, hosts and sources that lose fewer documents than this."""
    index: str = ""
    """Folder of what earlier runs kept: their documents win, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: its documents win."""

    def __post_init__(self) -> None:
        for name in ("threshold", "minimum"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        for name, least in {"ngram": 0, "gap": 0, "permutations": 1, "members": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if isinstance(self.verify, bool):
            object.__setattr__(self, "verify", "jaccard" if self.verify else "none")
        if self.verify not in VERIFY:
            raise ValueError(f"verify must be one of {', '.join(VERIFY)}, got {self.verify!r}")
        if self.merge_near not in ("", "numbers"):
            raise ValueError(f"merge_near must be numbers or empty, got {self.merge_near!r}")
        if (self.bands > 0) != (self.rows > 0) or min(self.bands, self.rows) < 0:
            raise ValueError(f"bands and rows go together, got {self.bands} and {self.rows}")
        safety_limits.check_limits(self)
        if self.representative and self.verify != "jaccard":
            raise ValueError(f"representative needs verify = jaccard, got {self.verify}: it chooses by similarity")

    @property
    def measure(self) -> str:
        """What is verified: one of VERIFY."""
        return str(self.verify)

    def banding(self) -> tuple[int, int]:
        """(bands, rows): as given, or chosen. Verified candidates may be many, unverified ones must be few."""
        if self.bands:
            return self.bands, self.rows
        choose = lsh.balanced if self.verify == "none" else lsh.searching
        return choose(self.threshold, self.permutations)

    @property
    def words(self) -> int:
        """Words of a shingle."""
        return self.ngram or (3 if self.verify == "containment" else 5)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        bands, rows = self.banding()
        stored = self.verify != "none"
        own = {"merge_near": self.merge_near} if self.merge_near else {}
        found = {"ngram": self.words, "seed": self.seed, "verify": stored, "bands": bands, "rows": rows, **own}
        return {**found, "words": scripts.segmenter()}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Fingerprints of the documents."""
        from curate.dedup import kernel  # numba takes 0.2 s to import, and recipes without MinHash don't need it

        bands, rows = self.banding()
        verified, column = self.verify != "none", batch.column("text")
        if self.merge_near:
            column = pc.replace_substring_regex(column, NUMBER, "0")
        prints = kernel.fingerprints(column, self.words, bands, rows, self.seed, shingles=verified)
        ends = prints.ends if verified else np.zeros(len(batch), np.int64)
        columns = [
            pa.array(doc64(batch.column("id").to_pylist())),
            pa.array(survivor_rank(batch)),
            pa.array(prints.same),
            pa.array(safety_limits.hosts(batch), pa.string()),
            pa.array(column_of(batch, "source"), pa.string()),
            _lists(np.arange(1, len(batch) + 1) * bands, prints.bands.ravel()),
            _lists(ends, prints.shingles.view(np.int32)),
        ]
        return pa.table(columns, schema=PRINTS)

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Find the clusters and who survives in each. Raises AlarmError, EngineError."""
        from curate.dedup.clusters import resolve

        return resolve(s, self, keys, out, shards)

    def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision:
        """Drop the document; the value is what was measured against the survivor: the share held or the similarity (none where
        nothing is verified)."""
        return drop(doc, "duplicate", lost[0].value)


def _lists(ends: object, values: object) -> pa.ListArray:
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))
