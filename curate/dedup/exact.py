"""One document per text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from curate.dedup import keep_first, normalise, safety_limits
from curate.dedup.base import WHOLE, doc64, survivor_rank, texts

if TYPE_CHECKING:
    from curate.engine.session import Session


@dataclass(frozen=True)
class Exact:
    """Of all documents with one text, apart from case, white space and Unicode's forms (`normalise.same`), the longest stays.

    Of equally long ones the earliest, of equally early ones that with the smallest id. `fold=False`
    compares the bytes.
    """

    copies: ClassVar[bool] = True

    fold: bool = True
    index: str = ""
    """Folder of what earlier runs kept: it wins, and what this run keeps is added."""
    against: str = ""
    """Folder of another corpus: it wins."""
    max_cluster_share: float = 0.2
    """Alarm when the copies of one text are a larger share of all documents than this."""
    max_host_share: float = 0.95
    """Alarm when one host (repository, source) loses a larger share of its documents than this."""
    alarm_from: int = 1000
    """No alarm where fewer documents than this are lost."""

    def __post_init__(self) -> None:
        safety_limits.check_limits(self)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {"fold": self.fold}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """One key a document."""
        same = (normalise.same(text) if self.fold else text for text in texts(batch))
        docs = doc64(batch.column("id").to_pylist())
        return keep_first.table(
            keep_first.digests(same), survivor_rank(batch), docs, [WHOLE] * len(docs), safety_limits.hosts(batch)
        )

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Elect the document of each text."""
        return keep_first.elect(s, self, keys, out, shards, limits=self)
