"""What a set of rows holds, as sums of hashes: the same in whatever order and files the rows stand.

A row that is lost, doubled or changed in one byte, and two rows that change their texts, change a sum (but for one chance
in 2^64). So each stage of a job proves that it read what the one before it wrote. It guards against faults of disks,
engines and code, not against somebody who wants two sets of rows to look alike.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest as hash64

COLUMNS = ("id", "text")
"""What is summed; a table without these two has no content."""


@dataclass(frozen=True, slots=True)
class Content:
    """Sums over rows."""

    rows: int = 0
    bytes: int = 0
    """Of text, UTF-8."""
    ids: int = 0
    """XXH3-64 of each id, added up modulo 2^64."""
    texts: int = 0
    """XXH3-64 of each text with the hash of its id as the seed, added up modulo 2^64. A null is not an empty text."""

    def __add__(self, other: "Content") -> "Content":
        return Content(
            self.rows + other.rows,
            self.bytes + other.bytes,
            (self.ids + other.ids) % 2**64,
            (self.texts + other.texts) % 2**64,
        )

    def same_documents(self, other: "Content") -> bool:
        """Whether both are of the same ids, each as often; their texts may differ."""
        return (self.rows, self.ids) == (other.rows, other.ids)

    def to_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.bytes} bytes of text, sums {self.ids:016x} {self.texts:016x}"


def difference(whole: Content, part: Content) -> Content:
    """The content of what is in `whole` and not in `part`."""
    sums = ((whole.ids - part.ids) % 2**64, (whole.texts - part.texts) % 2**64)
    return Content(whole.rows - part.rows, whole.bytes - part.bytes, *sums)


def total(parts: Iterable[Content]) -> Content:
    """The content of all together."""
    return sum(parts, Content())


def of_rows(rows: pa.Table | pa.RecordBatch) -> Content:
    """The content of a table with the columns `id` (no nulls) and `text` (string or null)."""
    batches = rows.to_batches() if isinstance(rows, pa.Table) else [rows]
    return total(_of_batch(batch["id"], batch["text"]) for batch in batches)


def _of_batch(ids: pa.Array, texts: pa.Array) -> Content:
    if not len(ids):
        return Content()
    names, name_ends = _flat(ids)
    filled = pc.fill_null(texts, "") if texts.null_count else texts  # Arrow allows bytes behind a null
    bodies, body_ends = _flat(filled)
    nulls = texts.is_null().to_pylist()
    id_sum = text_sum = name_start = body_start = 0
    name_start, body_start = name_ends[0], body_ends[0]
    size = body_ends[-1] - body_start
    for name_end, body_end, null in zip(name_ends[1:], body_ends[1:], nulls, strict=True):
        key = hash64(names[name_start:name_end])
        id_sum += key
        text_sum += hash64(bodies[body_start:body_end], key) + null
        name_start, body_start = name_end, body_end
    return Content(len(ids), size, id_sum % 2**64, text_sum % 2**64)


def _flat(column: pa.Array) -> tuple[memoryview, list[int]]:
    """The bytes of a column of strings without nulls, and where each begins and the last ends."""
    wide = column.cast(pa.large_binary())
    _, places, data = wide.buffers()
    ends: list[int] = np.frombuffer(places, np.int64)[wide.offset : wide.offset + len(wide) + 1].tolist()
    return memoryview(data or b""), ends


def from_dict(found: dict[str, Any]) -> Content:
    """What `to_dict` made."""
    return Content(**found)
