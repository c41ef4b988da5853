"""Tables of documents, Parquet or JSON, row by row: what can be read, and for each row that can't be, why not.

JSON is one object a line; an array of objects, on one line or over many, and objects written over several lines are read,
too. Nothing is left out: each row comes out with its fields or with a problem.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.files import storage
from curate.read import columns
from curate.read.columns import USUAL, Asked
from curate.read.jsonl import (
    DAMAGE,
    MAX_LINE,
    Problem,
    Record,
    first_line,
    opened,
    raw_stream,
    records,
    refuse_unreachable,
)

JSON_ENDINGS = (".jsonl", ".json", ".ndjson")
PACKED = ("", ".gz", ".zst", ".bz2", ".xz", ".lz4")
HINT = "say which column holds the text: --text-column"
ENDINGS = (".parquet", *(f"{one}{packed}" for one in JSON_ENDINGS for packed in PACKED))
BATCH_ROWS, BATCH_BYTES = 1024, 32 << 20
EMPTY = ("no_text", "empty_text")
"""Problems of rows that can be read and hold no text. The others: no_column, not_text, not_utf8 (a column of bytes),
not_json, not_object, long_line, given_up (of a file with more than MAX_ROWLESS of these), and damaged, which stands for all rows that can't be reached."""
MAX_ROWLESS = 1 << 20
"""Failed rows of a file that are given one by one, as a few bytes pack hundreds of millions of them. All further ones are one row, and
a file that has had no document at all is given up."""
ROW = [
    pa.field("_row", pa.int64(), nullable=False),  # counted from 0 in the file; blank lines don't count
    pa.field("_problem", pa.string()),  # null for a row that can be read
    pa.field("_detail", pa.string()),  # where and what, for a person
]


def read(
    file: str,
    fields: Sequence[str],
    asked: Asked = USUAL,
    *,
    own: Sequence[pa.Field] = (),
    label: str = "",
    max_line: int = MAX_LINE,
) -> Iterator[pa.RecordBatch]:
    """All rows of a file in order, in batches of at most about BATCH_BYTES: ROW, `fields` (the first of them the text),
    and the columns `own`, taken by exact name and type (null in JSON); last, where it is asked for, the column `label` as text.

    The same batches each time. Raises InputError where the file can't be opened.
    """
    schema = pa.schema([*ROW, *(pa.field(field, columns.type_of(field)) for field in fields), *own])
    if label:
        own = [*own, pa.field(label, pa.string())]
        schema = schema.append(own[-1])
    try:
        whole = (
            _parquet(file, fields, asked, schema, own)
            if is_parquet(file)
            else _json(file, fields, asked, schema, label, max_line)
        )
        yield from _bounded(whole)
    except DAMAGE as error:
        refuse_unreachable(file, error)
        yield _problems(schema, [(0, Problem("damaged", f"the file can't be read: {first_line(error)}"))])


def _bounded(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches with MAX_ROWLESS failed rows, or some more, and one for all further ones."""
    failed, documents, more, first = 0, 0, 0, 0
    for batch in batches:
        problems = batch["_problem"]
        documents += problems.null_count
        bad = pc.and_(problems.is_valid(), pc.invert(pc.is_in(problems, pa.array(EMPTY))))
        if not bad.true_count or failed < MAX_ROWLESS:
            failed += bad.true_count
            yield batch
            continue
        first, more = first if more else batch.filter(bad)["_row"][0].as_py(), more + bad.true_count
        if not documents:
            told = f"row {first + 1:,}: {failed:,} rows before it and no document, the rest is not read"
            yield _problems(batch.schema, [(first, Problem("given_up", told))])
            return
        yield batch.filter(pc.invert(bad))
    if more:
        told = f"row {first + 1:,}: from here on {more:,} rows are no documents, as {failed:,} before them"
        yield _problems(batch.schema, [(first, Problem("given_up", told))])


def is_parquet(file: str) -> bool:
    """Whether a file is Parquet: by its name, or where that says nothing by its first bytes. Raises InputError when it
    can't be opened."""
    if file.lower().endswith(ENDINGS):
        return file.lower().endswith(".parquet")
    with raw_stream(file) as stream:
        return bytes(stream.read(4)) in (b"PAR1", b"PARE")


def where(file: str | None, offset: int | None) -> str:
    """Where in its file a record stands, for a person: a row of a table, counted from 1, or a byte; "" if it isn't known."""
    if offset is None:
        return ""
    return f"row {offset + 1:,}" if (file or "").lower().endswith(ENDINGS) else f"byte {offset:,}"


def corpus_kind(file: str) -> str | None:
    """`web` or `code` for a Parquet file of a corpus of ours, by the mark in its metadata; None for any other file."""
    from curate.corpus import schema as ours

    try:
        return ours.kind_of(parquet_schema(file)) if is_parquet(file) else None
    except DAMAGE:
        return None


def parquet_schema(file: str) -> pa.Schema:
    """The Arrow schema of a Parquet file."""
    fs, inner = storage.filesystem(file)
    return pq.read_schema(inner, filesystem=fs)


def column_types(file: str) -> dict[str, str]:
    """The columns of a file and their types: of its schema, or of its first JSON object; none where it can't be read."""
    try:
        if is_parquet(file):
            return {field.name: str(field.type) for field in parquet_schema(file)}
        return {columns.encodable(name): type(value).__name__ for name, value in _first_object(file).items()}
    except DAMAGE:
        return {}


def contained(file: str) -> list[str]:
    """What stands in the containers of a file (`metadata` and the like), as `metadata.url`: in its structs, or in those of its first JSON
    object."""
    try:
        if is_parquet(file):
            there = parquet_schema(file)
            holders = {name: there.field(name).type for name in columns.spelled(columns.CONTAINERS, there.names)}
            inner = {name: [one.name for one in kind] for name, kind in holders.items() if pa.types.is_struct(kind)}
        else:
            first = _first_object(file)
            holders = {name: first[name] for name in columns.spelled(columns.CONTAINERS, first)}
            inner = {name: list(value) for name, value in holders.items() if isinstance(value, dict)}
    except DAMAGE:
        return []
    return [columns.encodable(f"{holder}.{name}") for holder, names in inner.items() for name in names]


def _first_object(file: str) -> dict[str, object]:
    with opened(file) as stream:
        values = (record.value for record in islice(records(stream), BATCH_ROWS))
        return next((value for value in values if isinstance(value, dict)), {})


def names(file: str) -> list[str]:
    """The columns of a file; none where it can't be read."""
    return list(column_types(file))


# ---- Parquet -----------------------------------------------------------------------------------------------


class _Path(NamedTuple):
    """Where a value may stand: a column, and for a container the names inside."""

    column: str
    inside: tuple[str, ...] = ()


def _parquet(
    file: str, fields: Sequence[str], asked: Asked, schema: pa.Schema, own: Sequence[pa.Field]
) -> Iterator[pa.RecordBatch]:
    fs, inner = storage.filesystem(file)
    with fs.open_input_file(inner) as stream, _opened(stream) as table:
        if not table.metadata.num_rows:
            return
        there = table.schema_arrow
        paths = {field: _paths(field, there, asked) for field in fields}
        if told := _fault(there, asked, fields[0]):
            yield from _rowless(schema, table.metadata.num_rows, told)
            return
        exact = [field.name for field in own if field.name in there.names]
        wanted = _leaves([path for found in paths.values() for path in found], there) + exact
        start = 0
        for group in range(table.num_row_groups):
            facts = table.metadata.row_group(group)
            at, rows = start, max(1, min(BATCH_ROWS, BATCH_BYTES * facts.num_rows // max(1, facts.total_byte_size)))
            start += facts.num_rows
            try:
                batches = table.iter_batches(rows, row_groups=[group], columns=wanted, use_threads=False)
                for batch in batches:
                    yield from _sliced(_converted(batch, fields, paths, own, at, schema), fields[0])
                    at += batch.num_rows
                if at < start:
                    raise pa.ArrowInvalid("the row group holds fewer rows than it says")
            except DAMAGE as error:
                refuse_unreachable(file, error)
                detail = f"rows {at + 1:,} to {start:,} can't be read: {first_line(error)}"
                yield _problems(schema, [(at, Problem("damaged", detail))])
        if start < table.metadata.num_rows:
            detail = f"rows {start + 1:,} to {table.metadata.num_rows:,} are in no row group"
            yield _problems(schema, [(start, Problem("damaged", detail))])


def _opened(stream: object) -> pq.ParquetFile:
    """A Parquet file whose times in INT96 reach beyond the years 1677 to 2262, and whose checksums count where it has any."""
    return pq.ParquetFile(stream, coerce_int96_timestamp_unit="us", page_checksum_verification=True)


def _paths(field: str, there: pa.Schema, asked: Asked) -> list[_Path]:
    """Where a Parquet file may hold a field, the first place first."""
    names = asked.names(field)
    found = [_Path(name) for name in columns.spelled(names, there.names)]
    if field in columns.TEXTS:
        return found[:1]
    if field not in columns.TOP:
        found += [_Path(name, names) for name in columns.spelled(columns.CONTAINERS, there.names)]
    return found


def fault(file: str, asked: Asked) -> str:
    """What keeps a whole Parquet file from being read, in words; nothing for one that can be, and for other files."""
    try:
        return _fault(parquet_schema(file), asked, "text") if is_parquet(file) else ""
    except DAMAGE:
        return ""


def _fault(there: pa.Schema, asked: Asked, field: str) -> str:
    names = columns.spelled(asked.names(field), there.names)
    has = f"it has {columns.listed(there.names)}"
    if not names:
        return f"no column {' or '.join(asked.names(field))} ({has}); {HINT}"
    kind = _stored(there, names[0])
    if not (columns.is_text(kind) or columns.is_bytes(kind) or pa.types.is_null(kind)):
        return f"column {names[0]} is {str(kind)[:100]}, not text; {HINT}"
    if asked.id and asked.id not in there.names:
        return f"no column {asked.id} for the ids ({has})"
    if asked.id and not _may_be_id(_stored(there, asked.id)):
        return f"column {asked.id} is {str(_stored(there, asked.id))[:100]}: no ids"
    return ""


def _may_be_id(kind: pa.DataType) -> bool:
    types = pa.types
    return not (types.is_nested(kind) or types.is_temporal(kind) or types.is_boolean(kind))


def _stored(there: pa.Schema, name: str) -> pa.DataType:
    """The type of a column, of its values where it is a dictionary."""
    kind = _top(there, name).type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _rowless(schema: pa.Schema, rows: int, told: str) -> Iterator[pa.RecordBatch]:
    """The rows of a file of which none can be read."""
    for start in range(0, rows, BATCH_ROWS):  # of which `_bounded` takes MAX_ROWLESS
        places = range(start, min(start + BATCH_ROWS, rows))
        yield _problems(schema, [(at, Problem("no_column", f"{rows:,} rows: {told}")) for at in places])


def _top(there: Any, name: str) -> Any:
    """A column by name; the first one where several have it."""
    return there.field(list(there.names).index(name))


def _leaves(paths: Iterable[_Path], there: pa.Schema) -> list[str]:
    """The columns to read, of structs only those inside that are asked for."""
    found: dict[str, None] = {}
    for path in paths:
        kind = _top(there, path.column).type
        inner = [kind.field(i).name for i in range(kind.num_fields)] if pa.types.is_struct(kind) else []
        if path.inside and pa.types.is_struct(kind):
            found.update({f"{path.column}.{name}": None for name in columns.spelled(path.inside, inner)})
        else:
            found[path.column] = None
    return list(found)


def _converted(
    batch: pa.RecordBatch,
    fields: Sequence[str],
    paths: dict[str, list[_Path]],
    own: Sequence[pa.Field],
    at: int,
    schema: pa.Schema,
) -> pa.RecordBatch:
    """A batch of the file as a batch of `schema`; its first row is row `at` of the file."""
    count = batch.num_rows
    objects: dict[str, list[Any]] = {}  # containers that are no structs, parsed once
    found = {
        field: _coalesced(field, [_array(batch, field, path, objects) for path in paths[field]], count)
        for field in fields
    }
    stored = columns.decoded(_column(batch, paths[fields[0]][0].column))
    problems = _text_problems(stored, found[fields[0]])
    arrays = [pa.array(range(at, at + count), pa.int64()), problems, _details(problems, at), *found.values()]
    arrays += [_cast(batch, field) for field in own]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _column(batch: Any, name: str) -> pa.Array | None:
    return batch.column(list(batch.schema.names).index(name)) if name in batch.schema.names else None


def _array(batch: pa.RecordBatch, field: str, path: _Path, objects: dict[str, list[object]]) -> pa.Array | None:
    column = _column(batch, path.column)
    if column is None or not path.inside:
        return None if column is None else columns.column_of(field, column)
    if pa.types.is_struct(column.type):
        inner = [column.type.field(i).name for i in range(column.type.num_fields)]
        parts = [
            columns.column_of(field, pc.struct_field(column, [name])) for name in columns.spelled(path.inside, inner)
        ]
        return _coalesced(field, parts, batch.num_rows)
    if path.column not in objects:
        objects[path.column] = [columns.mapping(value) for value in columns.values(columns.decoded(column))]
    found = [_inside(field, value, path.inside) for value in objects[path.column]]
    return pa.array(found, columns.type_of(field))


def _inside(field: str, value: Any, names: tuple[str, ...]) -> Any:
    found = (columns.value_of(field, value[name]) for name in columns.spelled(names, value))
    return next((one for one in found if one is not None), None)


def _coalesced(field: str, parts: Sequence[pa.Array | None], count: int) -> pa.Array:
    there = [part for part in parts if part is not None]
    if not there:
        return pa.nulls(count, columns.type_of(field))
    return there[0] if len(there) == 1 else pc.coalesce(*there)


def _cast(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    """A column of ours as it is; null where it is missing or of another type."""
    column = _column(batch, field.name)
    if column is not None and columns.is_text(field.type) and columns.is_text(columns.decoded(column).type):
        return columns.repaired(columns.decoded(column)).cast(field.type)
    try:
        return pa.nulls(batch.num_rows, field.type) if column is None else column.cast(field.type)
    except (pa.ArrowException, ValueError):
        return pa.nulls(batch.num_rows, field.type)


def _text_problems(stored: pa.Array, texts: pa.Array) -> pa.Array:
    """What keeps each row from being a document, from its column as stored and the text made of it."""
    kinds = pc.if_else(
        texts.is_valid(), pa.scalar(None, pa.string()), pc.if_else(stored.is_valid(), "not_utf8", "no_text")
    )
    return pc.if_else(pc.fill_null(pc.equal(pc.binary_length(texts), 0), False), "empty_text", kinds)


def _details(problems: pa.Array, at: int) -> pa.Array:
    if problems.null_count == len(problems):
        return pa.nulls(len(problems), pa.string())
    told = (
        None if kind is None else f"row {at + i + 1:,}: {_SAID[kind]}" for i, kind in enumerate(problems.to_pylist())
    )
    return pa.array(told, pa.string())


_SAID = {
    "no_text": "no text",
    "empty_text": "the text is empty",
    "not_utf8": "the bytes of the text are no UTF-8",
}


def _problems(schema: pa.Schema, found: Sequence[tuple[int, Problem]]) -> pa.RecordBatch:
    rows = [{"_row": at, "_problem": problem.kind, "_detail": problem.detail} for at, problem in found]
    return pa.RecordBatch.from_pylist(rows, schema)


def _sliced(batch: pa.RecordBatch, text: str) -> Iterator[pa.RecordBatch]:
    """Halve a batch until its text fits BATCH_BYTES (or one document is left)."""
    size = pc.sum(pc.binary_length(batch.column(text))).as_py() or 0
    if batch.num_rows <= 1 or size <= BATCH_BYTES:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from _sliced(batch.slice(0, middle), text)
    yield from _sliced(batch.slice(middle), text)


# ---- JSON --------------------------------------------------------------------------------------------------


def _json(
    file: str, fields: Sequence[str], asked: Asked, schema: pa.Schema, label: str, max_line: int
) -> Iterator[pa.RecordBatch]:
    size, waiting = 0, list[tuple[Any, ...]]()
    missing = [None] * (len(schema) - len(ROW) - len(fields) - bool(label))
    names, others = asked.names(fields[0]), tuple(fields[1:])
    for row, record in enumerate(_records(file, max_line)):
        text, kind, detail = _text_of(record, names)
        value = {} if isinstance(record.value, Problem) else record.value
        found = (row, kind, detail, text, *columns.record_values(value, others, asked))
        waiting.append((*found, *missing, _plain(value.get(label))) if label else found)
        size += len(text or "") + sum(map(_size, found[4:]))
        if len(waiting) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield _batch(waiting, schema)
            size, waiting = 0, []
    if waiting:
        yield _batch(waiting, schema)


def _size(value: object) -> int:
    """Characters of a value of a row, or of the texts in it."""
    return len(value) if isinstance(value, str) else sum(map(len, value)) if isinstance(value, list) else 0


def _plain(value: object) -> str | None:
    """A label as text: of numbers and truth values as Parquet's are written."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.15g}"
    return columns.string_of(value)


def _batch(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as a batch; the last columns of the schema, for which they have no values, are null."""
    made = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=False)]
    made += [pa.nulls(len(rows), field.type) for field in list(schema)[len(made) :]]
    return pa.RecordBatch.from_arrays(made, schema=schema)


def _text_of(record: Record, names: tuple[str, ...]) -> tuple[str | None, str | None, str | None]:
    """The text of a row; else what is the problem, and where."""
    value = record.value
    if isinstance(value, Problem):
        return None, value.kind, value.detail
    found = columns.spelled(names, value)
    if not found:
        kind, what = "no_column", f"no {' or '.join(names)} in it (it has {columns.listed(value)}); {HINT}"
    elif isinstance(text := value[found[0]], str) and text:
        return columns.encodable(text), None, None
    elif text is None or text == "":
        kind, what = ("no_text", "no text") if text is None else ("empty_text", "the text is empty")
    else:
        kind, what = "not_text", f"{found[0]} is {type(text).__name__}, not text"
    return None, kind, columns.encodable(f"line {record.line:,}: {what}")


def _records(file: str, max_line: int) -> Iterator[Record]:
    """The rows of a JSON file up to where it is damaged, and then that as a row."""
    line = 0
    try:
        with opened(file) as stream:
            for record in records(stream, max_line):
                line = record.line
                yield record
    except DAMAGE as error:
        refuse_unreachable(file, error)
        yield Record(line, Problem("damaged", f"can't be read behind line {line:,}: {first_line(error)}"))


def without_problems(
    batch: pa.RecordBatch, counted: Counter[str], where: dict[str, str] | None = None
) -> pa.RecordBatch:
    """The rows of a batch that can be read. The others are counted by kind; `where` gets the first place of each kind."""
    problems = batch.column("_problem")
    if problems.null_count == len(problems):
        return batch
    bad = problems.is_valid()
    for kind, detail in zip(
        *(batch.column(name).filter(bad).to_pylist() for name in ("_problem", "_detail")), strict=True
    ):
        counted[kind] += 1
        if where is not None:
            where.setdefault(kind, detail)
    return batch.filter(problems.is_null())
