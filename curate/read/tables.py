"""Tables of documents, Parquet or JSON, row by row: what can be read, and for each row that can't be, why not.

JSON is one object a line; an array of objects, on one line or over many, and objects written over several lines are read,
too. Nothing is left out: each row comes out with its fields or with a problem.
"""

import bz2
import gzip
import io
import json
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, BinaryIO, NamedTuple

import lz4.frame
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from backports import zstd

from curate import storage
from curate.errors import InputError
from curate.read import columns
from curate.read.columns import USUAL, Asked

JSON_ENDINGS = (".jsonl", ".json", ".ndjson")
PACKED = ("", ".gz", ".zst", ".bz2", ".xz", ".lz4")
ENDINGS = (".parquet", *(f"{one}{packed}" for one in JSON_ENDINGS for packed in PACKED))
BATCH_ROWS, BATCH_BYTES = 1024, 32 << 20
MAX_LINE = 512 << 20
"""Bytes of a line (or of an object over several lines) that is read; one line must not fill the memory."""
READ_AHEAD = 1 << 20
DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,  # LZ4's
    lzma.LZMAError,
    pa.ArrowException,
    zlib.error,
    zstd.ZstdError,
)
EMPTY = ("no_text", "empty_text")
"""Problems of rows that can be read and hold no text. The others: not_text, not_utf8 (a column of bytes), not_json,
not_object, long_line, and damaged, which stands for all rows that can't be reached."""
ROW = [
    pa.field("_row", pa.int64(), nullable=False),  # counted from 0 in the file; blank lines don't count
    pa.field("_problem", pa.string()),  # null for a row that can be read
    pa.field("_detail", pa.string()),  # where and what, for a person
]


class _Problem(NamedTuple):
    kind: str
    detail: str


_Line = tuple[int, bytes | None]
"""Number of a line, from 1; None for one that is too long."""


class _Record(NamedTuple):
    """One row of a JSON file."""

    line: int
    """Where it ends, counted from 1."""
    value: dict[str, Any] | _Problem


def read(
    file: str,
    fields: Sequence[str],
    asked: Asked = USUAL,
    *,
    own: Sequence[pa.Field] = (),
    max_line: int = MAX_LINE,
) -> Iterator[pa.RecordBatch]:
    """All rows of a file in order, in batches of at most about BATCH_BYTES: ROW, `fields` (the first of them the text),
    and the columns `own`, taken by exact name and type.

    The same batches each time. Raises InputError where the file can't be opened, or as Parquet has no column of text.
    """
    schema = pa.schema([*ROW, *(pa.field(field, columns.type_of(field)) for field in fields), *own])
    try:
        if is_parquet(file):
            yield from _parquet(file, fields, asked, schema, own)
        else:
            yield from _json(file, fields, asked, schema, max_line)
    except DAMAGE as error:
        refuse_unreachable(file, error)
        yield _problems(schema, [(0, _Problem("damaged", f"the file can't be read: {first_line(error)}"))])


def is_parquet(file: str) -> bool:
    """Whether a file is Parquet: by its name, or where that says nothing by its first bytes. Raises InputError when it
    can't be opened."""
    if file.lower().endswith(ENDINGS):
        return file.lower().endswith(".parquet")
    with _raw(file) as stream:
        return bytes(stream.read(4)) in (b"PAR1", b"PARE")


def _raw(file: str) -> Any:
    fs, inner = storage.filesystem(file)
    try:
        return fs.open_input_stream(inner, compression=None, buffer_size=0)
    except OSError as error:
        raise InputError(f"{file}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    return (str(error).strip().split("\n", 1)[0] or type(error).__name__)[:300]


def refuse_unreachable(file: str, error: BaseException) -> None:
    """Raise InputError for what is no damage of the file: a file system that says no, a store that doesn't answer."""
    if isinstance(error, OSError) and (error.errno is not None or "AWS Error" in str(error)):
        raise InputError(f"{file}: {first_line(error)}") from error


def corpus_kind(file: str) -> str | None:
    """`web` or `code` for a Parquet file of a corpus of ours, by the mark in its metadata; None for any other file."""
    from curate import schema as ours

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
        with opened(file) as stream:
            values = (record.value for record in records(stream, file))
            first = next((value for value in values if isinstance(value, dict)), {})
            return {name: type(value).__name__ for name, value in first.items()}
    except DAMAGE:
        return {}


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
    with fs.open_input_file(inner) as stream, pq.ParquetFile(stream) as table:
        if not table.metadata.num_rows:
            return
        there = table.schema_arrow
        paths = {field: _paths(field, there, asked) for field in fields}
        _check_text(file, fields[0], paths, there, asked)
        if asked.id and "id" in fields:
            _check_id(file, there, asked.id)
        exact = [field.name for field in own if field.name in there.names]
        wanted = _leaves([path for found in paths.values() for path in found], there) + exact
        start = 0
        for group in range(table.num_row_groups):
            facts = table.metadata.row_group(group)
            at, rows = start, max(1, min(BATCH_ROWS, BATCH_BYTES * facts.num_rows // max(1, _size(facts, wanted))))
            start += facts.num_rows
            try:
                batches = table.iter_batches(rows, row_groups=[group], columns=wanted, use_threads=False)
                for batch in batches:
                    yield from _sliced(_converted(batch, fields, paths, own, at, schema), fields[0])
                    at += batch.num_rows
            except DAMAGE as error:
                refuse_unreachable(file, error)
                detail = f"rows {at + 1:,} to {start:,} can't be read: {first_line(error)}"
                yield _problems(schema, [(at, _Problem("damaged", detail))])


def _size(facts: Any, wanted: Sequence[str]) -> int:
    """Bytes of the wanted columns of a row group when they are unpacked."""
    tops = {name.split(".", 1)[0] for name in wanted}
    parts = (facts.column(i) for i in range(facts.num_columns))
    return sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".", 1)[0] in tops)


def _paths(field: str, there: pa.Schema, asked: Asked) -> list[_Path]:
    """Where a Parquet file may hold a field, the first place first."""
    names = asked.names(field)
    found = [_Path(name) for name in columns.spelled(names, there.names)]
    if field in columns.TEXTS:
        return found[:1]
    if field not in columns.TOP:
        found += [_Path(name, names) for name in columns.spelled(columns.CONTAINERS, there.names)]
    return found


def _check_text(file: str, field: str, paths: dict[str, list[_Path]], there: pa.Schema, asked: Asked) -> None:
    if not paths[field]:
        looked = " or ".join(asked.names(field))
        raise InputError(
            f"{file}: no column {looked} (it has {', '.join(there.names[:20])}); say which one holds the text: --text-column"
        )
    kind = _top(there, paths[field][0].column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (columns.is_text(kind) or columns.is_bytes(kind) or pa.types.is_null(kind)):
        raise InputError(
            f"{file}: column {paths[field][0].column} is {kind}, not text; say which column holds the text: --text-column"
        )


def _check_id(file: str, there: pa.Schema, name: str) -> None:
    if name not in there.names:
        raise InputError(f"{file}: no column {name} for the ids (it has {', '.join(there.names[:20])})")
    kind = _top(there, name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        raise InputError(f"{file}: column {name} is {kind}: no ids")


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


def _array(batch: pa.RecordBatch, field: str, path: _Path, objects: dict[str, list[Any]]) -> pa.Array | None:
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


def _problems(schema: pa.Schema, found: Sequence[tuple[int, _Problem]]) -> pa.RecordBatch:
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


def _json(file: str, fields: Sequence[str], asked: Asked, schema: pa.Schema, max_line: int) -> Iterator[pa.RecordBatch]:
    row, size, waiting = 0, 0, list[dict[str, Any]]()
    for record in _records(file, max_line):
        made = _row(record, row, fields, asked)
        waiting.append(made)
        row, size = row + 1, size + len(made.get(fields[0]) or "")
        if len(waiting) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(waiting, schema)
            size, waiting = 0, []
    if waiting:
        yield pa.RecordBatch.from_pylist(waiting, schema)


def _row(record: _Record, row: int, fields: Sequence[str], asked: Asked) -> dict[str, Any]:
    value = record.value
    if isinstance(value, _Problem):
        return {"_row": row, "_problem": value.kind, "_detail": value.detail}
    found: dict[str, Any] = {"_row": row, **{field: columns.record_value(field, value, asked) for field in fields[1:]}}
    name = next(iter(columns.spelled(asked.names(fields[0]), value)), None)
    text = value[name] if name is not None else None
    if isinstance(text, str) and text:
        return {**found, fields[0]: columns.encodable(text)}
    kind = "empty_text" if text == "" else "no_text" if text is None else "not_text"
    what = {
        "empty_text": "the text is empty",
        "no_text": "no text" if name is not None else f"no {' or '.join(asked.names(fields[0]))} in it",
        "not_text": f"{name} is {type(text).__name__}, not text",
    }[kind]
    return {**found, "_problem": kind, "_detail": f"line {record.line:,}: {what}"}


def _records(file: str, max_line: int) -> Iterator[_Record]:
    """The rows of a JSON file up to where it is damaged, and then that as a row."""
    line = 0
    try:
        with opened(file) as stream:
            for record in records(stream, file, max_line):
                line = record.line
                yield record
    except DAMAGE as error:
        refuse_unreachable(file, error)
        yield _Record(line, _Problem("damaged", f"can't be read behind line {line:,}: {first_line(error)}"))


def records(stream: BinaryIO, file: str, max_line: int = MAX_LINE) -> Iterator[_Record]:
    """The objects of an unpacked JSON file, whichever way they are written; and what is none, as a problem.

    Raises InputError for UTF-16 and UTF-32: JSON that is exchanged is UTF-8 (RFC 8259).
    """
    yield from _each(_lines(stream, max_line), file, max_line, first=True)


def _each(lines: Iterator[_Line], file: str, limit: int, *, first: bool) -> Iterator[_Record]:
    for number, line in lines:
        if line is None:
            yield _Record(number, _Problem("long_line", f"line {number:,} is longer than {limit:,} bytes"))
            first = False
            continue
        if first and (line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in line[:4]):
            raise InputError(f"{file}: UTF-16 or UTF-32, or no text at all; JSON has to be UTF-8")
        text = _text(line).strip()
        if not text:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            if first and text[0] in "[{":
                values = _Values(lines, text, number, limit)
                if values.begin():
                    yield from values.all()
                    return
                yield from _several(text, number, error)
                yield from _each(chain(values.taken, lines), file, limit, first=False)
                return
            yield from _several(text, number, error)
        else:
            yield from (_Record(number, one) for one in _objects(value))
        first = False


def _lines(stream: BinaryIO, limit: int) -> Iterator[_Line]:
    """Lines with their numbers from 1; None for a longer one than `limit`."""
    number = 0
    while line := stream.readline(limit + 1):
        number += 1
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := stream.readline(READ_AHEAD)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, line


def _text(line: bytes) -> str:
    """A line as text. Bytes that are no UTF-8 become U+FFFD, as in a text column."""
    return line.decode("utf-8", "replace").removeprefix("\ufeff")


def _objects(value: Any) -> list[dict[str, Any] | _Problem]:
    """A JSON value as rows: an object is one, an array of objects so many."""
    inside = value if isinstance(value, list) and value and all(isinstance(one, dict) for one in value) else [value]
    return [
        one if isinstance(one, dict) else _Problem("not_object", f"a {type(one).__name__}, no object") for one in inside
    ]


def _several(text: str, number: int, problem: Exception) -> Iterator[_Record]:
    """The rows of a line that is not one JSON value: several, one behind the other, or what is wrong with it."""
    found, at = list[_Record](), 0
    try:
        while at < len(text):
            value, at = _DECODER.raw_decode(text, at)
            found += [_Record(number, one) for one in _objects(value)]
            at = _end(_SPACE, text, at)
    except (ValueError, RecursionError):
        yield _Record(number, _Problem("not_json", f"line {number:,}: {first_line(problem)}"))
        return
    yield from found


_DECODER = json.JSONDecoder()
_SPACE, _GAP = re.compile(r"\s*"), re.compile(r"[\s,]*")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where what `pattern` matches at a place ends."""
    match = pattern.match(text, at)
    return match.end() if match else at


class _Values:
    """JSON values over several lines: those of an array, or one behind the other. Holds about one value."""

    def __init__(self, lines: Iterator[_Line], begun: str, number: int, limit: int) -> None:
        self._lines, self._limit, self._line = lines, limit, number
        self._array = begun.startswith("[")
        self._text, self._at = begun + "\n", int(self._array)
        self._first: Any = None
        self.taken: list[_Line] = []
        """The lines that were read to see how the file begins."""

    def begin(self) -> bool:
        """Whether an object follows, so that the file is written in this way."""
        try:
            self._first = self._next()
        except (ValueError, RecursionError):
            return False
        self.taken.clear()
        return isinstance(self._first, dict)

    def all(self) -> Iterator[_Record]:
        """The rows, up to where the file is no JSON, and that as a row."""
        value = self._first
        while value is not _END:
            yield from (_Record(self._line, one) for one in _objects(value))
            try:
                value = self._next()
                self.taken.clear()
            except (ValueError, RecursionError) as error:
                detail = f"can't be read behind line {self._line:,}: {first_line(error)}"
                yield _Record(self._line, _Problem("damaged", detail))
                return

    def _next(self) -> Any:
        """The next value, or _END. Raises ValueError for what is no JSON, RecursionError for what is nested too deeply."""
        while (at := _end(_GAP, self._text, self._at)) == len(self._text) or self._text[at] == "]":
            self._at = at
            if at < len(self._text):
                if not self._array:
                    raise ValueError("an array is closed that was not begun")
                self._array, self._at = False, at + 1
            elif not self._more(1):
                if self._array:
                    raise ValueError("the array is not closed")
                return _END
        step = 1
        while True:
            try:
                value, self._at = _DECODER.raw_decode(self._text, at)
                return value
            except json.JSONDecodeError as error:
                cut = error.pos >= len(self._text) - 12 or error.msg.startswith("Unterminated string")
                if not cut or len(self._text) - at > self._limit or not self._more(step):
                    raise
                at, step = _end(_GAP, self._text, self._at), step * 2

    def _more(self, count: int) -> bool:
        """Take `count` more lines; what was used up is forgotten."""
        lines = list(islice(self._lines, count))
        self.taken += lines
        read = [_text(line) for _, line in lines if line is not None]
        if len(read) < len(lines):
            raise ValueError(f"a line is longer than {self._limit:,} bytes")
        self._text, self._at = self._text[self._at :] + "".join(read), 0
        self._line = lines[-1][0] if lines else self._line
        return bool(lines)


_END = object()


# ---- files -------------------------------------------------------------------------------------------------

_UNPACKED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"\x28\xb5\x2f\xfd": lambda raw: zstd.ZstdFile(raw, options={zstd.DecompressionParameter.window_log_max: 31}),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
    b"\x04\x22\x4d\x18": lz4.frame.LZ4FrameFile,
}
"""How a compressed file begins, and what reads it."""


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked where it is gzip, zstd (long windows, too), bzip2, xz or LZ4, by what it begins with.

    Raises InputError when it can't be opened; reading raises one of DAMAGE where it is damaged or cut.
    """
    with _raw(file) as raw:
        plain = io.BufferedReader(raw, READ_AHEAD)
        head = plain.peek(6)[:6]
        unpack = next((unpack for magic, unpack in _UNPACKED.items() if head.startswith(magic)), None)
        yield plain if unpack is None else unpack(plain)


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
