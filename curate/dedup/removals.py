"""What a corpus-wide step took from the documents of one shard: looked up by document, and kept as evidence."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import schema
from curate.corpus.shards import opened, row_count
from curate.dedup.base import REMOVALS, Removal, doc_hex
from curate.errors import BalanceError
from curate.files import storage

COLUMNS = pa.schema([REMOVALS.field(name) for name in ("doc", "pos", "survivor", "value", "place", "note")])


class Removals:
    """Rows of LOST by document, in each in the order of place and survivor. Held as columns: there may be millions."""

    def __init__(self, rows: pa.Table) -> None:
        rows = _completed(rows)
        doc, pos = (rows[name].to_numpy() for name in ("doc", "pos"))
        survivor = pc.fill_null(rows["survivor"], 0).to_numpy()
        order = np.lexsort((survivor, pos, doc))
        self._pos, self._survivor = pos[order], survivor[order]
        self._alone = rows["survivor"].is_null().to_numpy()[order]
        self._value, self._place, self._note = (
            rows[name].take(pa.array(order)).combine_chunks() for name in ("value", "place", "note")
        )
        found, first = np.unique(doc[order], return_index=True)
        ends = np.append(first, len(order))[1:].tolist()
        self._places = {d: (a, b) for d, a, b in zip(found.tolist(), first.tolist(), ends, strict=True)}

    @classmethod
    def read(cls, folder: str, rows: int | None = None) -> "Removals":
        """The removals of one shard; `folder` is `…/shard=N` as `resolve` wrote it, or is not there, as nothing was removed.

        Raises BalanceError when they are not as many `rows` as were counted when they were written.
        """
        tables = [COLUMNS.empty_table()]
        for path in storage.list_files(folder, ".parquet"):
            with opened(path) as file:
                tables.append(_completed(file.read(COLUMNS.names)))
        table = pa.concat_tables(tables)
        if rows is not None and table.num_rows != rows:
            raise BalanceError(f"{folder} holds {table.num_rows} removals, and {rows} were written")
        return cls(table)

    def of(self, doc: int) -> list[Removal]:
        """What the document lost, ordered."""
        first, end = self._places.get(doc, (0, 0))
        survivors: list[int | None] = self._survivor[first:end].tolist()
        if self._alone[first:end].any():
            survivors = [None if alone else s for alone, s in zip(self._alone[first:end], survivors, strict=True)]
        values = self._value.slice(first, end - first).to_pylist()
        return list(map(Removal, self._pos[first:end].tolist(), survivors, values))

    def check(self, removed: Sequence[tuple[str, int]]) -> None:
        """Raise BalanceError unless every document that lost something is among the `removed` (id, doc), who were told."""
        if missing := self._places.keys() - {doc for _, doc in removed}:
            raise BalanceError(
                f"{len(missing)} documents lost something and are not in their shard: {doc_hex(min(missing))} …"
            )

    def evidence(self, step: str, removed: Sequence[tuple[str, int]]) -> pa.Table:
        """Rows of `schema.DUPLICATES` of all that `removed` (id, doc) lost to `step`, sorted."""
        places = [self._places[doc] for _, doc in removed]
        lengths = [end - first for first, end in places]
        rows = np.concatenate([np.arange(*place) for place in places]) if places else np.zeros(0, np.int64)
        columns = {
            "step": pa.array([step] * len(rows), pa.string()),
            "id": pa.array([name for name, _ in removed], pa.string()).take(
                pa.array(np.repeat(np.arange(len(removed)), lengths))
            ),
            "pos": pa.array(self._pos[rows], pa.int32()),
            "survivor": pc.if_else(pa.array(self._alone[rows]), "", hexes(self._survivor[rows])),
            "value": self._value.take(pa.array(rows)),
            "place": self._place.take(pa.array(rows)),
            "note": self._note.take(pa.array(rows)),
        }
        table = pa.table(columns, schema=schema.DUPLICATES)
        return table.sort_by([(name, "ascending") for name in ("id", "pos", "survivor")])


def _completed(rows: pa.Table) -> pa.Table:
    """The rows with the types of COLUMNS; most steps have no `place` and no `note`."""
    for name in ("place", "note"):
        if name not in rows.schema.names:
            rows = rows.append_column(name, pa.nulls(len(rows), COLUMNS.field(name).type))
    return rows.select(COLUMNS.names).cast(COLUMNS)


def rows_by_shard(folder: str, shards: int) -> list[int]:
    """How many removals `resolve` wrote for each shard to `folder`."""
    rows = [0] * shards
    for name in storage.names_below(folder):
        shard, _, file = name.partition("/")
        if shard.startswith("shard=") and file.endswith(".parquet"):
            rows[int(shard.removeprefix("shard="))] += row_count(storage.join(folder, name))
    return rows


def hexes(docs: npt.NDArray[np.int64]) -> pa.Array:
    """`doc_hex` of each number."""
    letters = docs.astype(">i8").tobytes().hex().encode()
    ends = np.arange(len(docs) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(docs), pa.py_buffer(ends), pa.py_buffer(letters))
