"""What a corpus-wide step is, and the order that decides which of several copies stays.

A step works in three parts. `keys` runs in a worker on the documents of one shard and writes small rows: a
key and who holds it. `resolve` joins the rows of all shards and writes the table LOST: who lost what to
whom. `apply` runs in a worker again and edits or drops one document; a step that only takes whole
documents needs none: they are dropped as `duplicate`.

Documents are named by `doc`: the first 16 hex digits of the id as a signed 64-bit number. Ids are uniform
hashes, so among 10^9 documents the chance that any two share a `doc` is 3 %.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from pyspark.sql import Column

    from curate.engine.session import Session

WHOLE = -1
"""`pos` of a key or a removal that concerns the whole document."""

REMOVALS = pa.schema(
    [
        pa.field("shard", pa.int32()),  # working shard of `doc`
        pa.field("doc", pa.int64()),
        pa.field("pos", pa.int32()),  # line or sentence, counted from 0; WHOLE = the document
        pa.field("survivor", pa.int64()),  # doc of the survivor, the copy that is kept; null where no copy is kept
        pa.field("value", pa.float64()),  # number of copies, similarity to the survivor, or words of a run
        pa.field("place", pa.int32()),  # which word of the survivor's text a run is; may be missing
        pa.field("note", pa.string()),  # evidence of another kind; may be missing
    ]
)
"""What `resolve` writes, in folders `shard=0/`, `shard=1/` …"""


class Removal(NamedTuple):
    """One row of LOST, as `apply` sees it."""

    pos: int
    survivor: int | None
    value: float


class CorpusStep(Protocol):
    """The shape of a step that compares documents. Its fields are its parameters.

    A step that edits, or has a reason of its own, also has

        def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision

    which says in a worker what is left of a document that lost something; `lost` has no order.
    """

    @property
    def index(self) -> str:
        """Folder of what earlier runs kept; empty: there is none."""
        ...

    @property
    def against(self) -> str:
        """Folder of another corpus to compare with; empty: there is none."""
        ...

    def key_parameters(self) -> Mapping[str, object]:
        """Every parameter that `keys` depends on, by name: keys made with others can't be compared, in an index say."""
        ...

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Rows to compare, from the documents of one shard (the columns of `schema.DOCUMENTS`). Runs in a worker.

        A class attribute `uses_signals`, a tuple of names, asks for what filters before it have measured: the batch then has
        a column of that name each, float64, null where nothing was measured (as in a corpus to compare `against`).
        A class attribute `copies`, true, says that the documents which it takes away are copies of their survivors: they count
        in `cluster_size`.
        """
        ...

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> Mapping[str, object]:
        """Compare the rows of all shards in the folder `keys`, write LOST to `out`; returns facts for the
        ledger.
        """
        ...


def documents_of(step: CorpusStep, documents: pa.Schema) -> pa.Schema:
    """Columns of the batches that a step makes keys of: those of documents, and the signals it asks for."""
    return pa.schema([*documents, *(pa.field(name, pa.float64()) for name in getattr(step, "uses_signals", ()))])


def with_signals(step: CorpusStep, batch: pa.RecordBatch, documents: pa.Schema) -> pa.RecordBatch:
    """The batch with the columns of `documents_of`; `signals`, where it has that column, is a struct of numbers."""
    stored = batch["signals"] if "signals" in batch.schema.names else None
    known = [] if stored is None else [field.name for field in stored.type]
    columns = [batch[name] for name in documents.names]
    for name in getattr(step, "uses_signals", ()):
        found = pc.struct_field(stored, name) if name in known else pa.nulls(batch.num_rows, pa.float64())
        columns.append(found.cast(pa.float64()))
    return pa.RecordBatch.from_arrays(columns, schema=documents_of(step, documents))


def doc64(ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """The `doc` of each id. Raises ValueError for an id that doesn't begin with 16 hex digits."""
    return np.fromiter((int(name[:16], 16) for name in ids), np.uint64, len(ids)).view(np.int64)


def doc_hex(doc: int) -> str:
    """The first 16 hex digits of the id: what `curate explain` looks up."""
    return f"{doc & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def doc_number(name: str) -> int:
    """The `doc` of what `doc_hex` made."""
    return int.from_bytes(bytes.fromhex(name), signed=True)


def shard_of(doc: "Column", shards: int) -> "Column":
    """DataFrame column: the working shard of a column `doc`: `int(id[:8], 16) * shards >> 32`."""
    from pyspark.sql import functions as F

    top = F.shiftrightunsigned(doc, 32)
    return F.shiftright(top * F.lit(shards).cast("bigint"), 32).cast("int")


LENGTH_BITS, SECOND_BITS = 24, 39
MAX_LENGTH, MAX_SECOND = (1 << LENGTH_BITS) - 1, (1 << SECOND_BITS) - 1


def survivor_rank(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """The rank of each document, from 0; of several copies the one with the smallest (rank, doc) stays.

    Longest text first (bytes, up to 16 MiB), then the earliest date (to the second; none is last). Negative
    ranks are free for documents of earlier runs, which win over all new ones.
    """
    length = pc.fill_null(pc.binary_length(batch.column("text")), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    short = MAX_LENGTH - np.minimum(length, MAX_LENGTH)
    rank: npt.NDArray[np.int64] = short << SECOND_BITS | np.clip(seconds(batch, missing=MAX_SECOND), 0, MAX_SECOND)
    return rank


def seconds(batch: pa.RecordBatch, *, missing: int) -> npt.NDArray[np.int64]:
    """Seconds since 1970 of the column `date`, `missing` where there is none (or no such column)."""
    if "date" not in batch.schema.names:
        return np.full(batch.num_rows, missing, np.int64)
    micros = batch.column("date").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    known = pc.fill_null(micros, missing * 1_000_000).to_numpy(zero_copy_only=False)
    whole: npt.NDArray[np.int64] = known.astype(np.int64) // 1_000_000
    return whole


def texts(batch: pa.RecordBatch) -> list[str]:
    """The column `text`; null counts as empty."""
    return [text or "" for text in batch.column("text").to_pylist()]


def column(batch: pa.RecordBatch, name: str) -> list[str | None]:
    """A text column, or nulls where the table has none of that name (code has no `url`)."""
    return batch.column(name).to_pylist() if name in batch.schema.names else [None] * batch.num_rows
