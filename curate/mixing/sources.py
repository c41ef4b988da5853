"""Sources: folders of other people's corpora and ours, read as batches of (id, text).

Parquet and JSON lines (plain, .gz, .zst), nested as deep as they like: FineWeb, Dolma, RedPajama and this
project's own output all fit. Only two columns are looked at, an id and a text, so sources may differ in all
others.
"""

import glob
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import zstandard

from curate import storage
from curate.errors import InputError
from curate.mixing.hashing import content_id

JSON_ENDINGS = (".jsonl", ".json", ".ndjson")
ENDINGS = (".parquet", *(f"{one}{packed}" for one in JSON_ENDINGS for packed in ("", ".gz", ".zst")))
TEXT_NAMES = ("text", "content", "raw_content")
"""Columns tried in this order: most corpora; code sets; RedPajama 2."""
ID_NAMES = ("id", "_id", "doc_id", "uuid", "digest")
BATCH_ROWS, BATCH_BYTES = 1024, 32 << 20
READ_AHEAD = 1 << 20
MAX_LINE = 512 << 20
"""A longer line is skipped and counted: one line must not fill the memory."""
DAMAGE = (OSError, EOFError, zlib.error, zstandard.ZstdError, pa.ArrowException)
BATCH = pa.schema([pa.field("id", pa.large_string()), pa.field("text", pa.large_string())])
SIDE_FOLDERS = ("heldout", "rejected", "extracted")
"""Folders of this project's own outputs that hold no documents to train on."""


@dataclass(frozen=True)
class Source:
    """One source: a name, its files in sorted order, and what its columns are called."""

    name: str
    path: str
    files: tuple[str, ...]
    text_column: str = ""
    """Empty: the first of TEXT_NAMES that a file has."""
    id_column: str = ""
    """Empty: the first of ID_NAMES that a file has, else ids are made from the text."""


def find(name: str, path: str, text_column: str = "", id_column: str = "") -> Source:
    """List the files of a source: a folder, a file, a URL or a glob pattern. Raises InputError when there are
    none."""
    files = sorted(glob.glob(path, recursive=True)) if _is_pattern(path) else _walk(path)
    known = tuple(file for file in files if file.endswith(ENDINGS))
    if not known:
        there = f"{len(files)} files, none of them" if files else "no such folder, or an empty one; looked for"
        raise InputError(f"--source {name}={path}: {there} {', '.join(ENDINGS[:4])} …")
    return Source(name, path, known, text_column, id_column)


def _is_pattern(path: str) -> bool:
    return storage.is_local(path) and any(sign in path for sign in "*?[") and not storage.exists(path)


def _walk(path: str) -> list[str]:
    fs, inner = storage.filesystem(path)
    info = fs.get_file_info(inner)
    if info.type == pafs.FileType.NotFound:
        return []
    if info.type == pafs.FileType.File:
        return [path]
    found = fs.get_file_info(pafs.FileSelector(inner, recursive=True))
    relative = sorted(one.path[len(inner.rstrip("/")) + 1 :] for one in found if one.type == pafs.FileType.File)
    shown = [name for name in relative if not any(part[:1] in "._" for part in name.split("/"))]
    if "ledger.json" in shown and any(name.startswith("data/") for name in shown):
        shown = [name for name in shown if name.split("/")[0] == "data"]
    if any(name.endswith(".parquet") for name in shown):  # beside these a .json tells of the files, and holds no text
        shown = [name for name in shown if not name.endswith(".json")]
    return [storage.join(path, name) for name in shown if name.split("/")[0] not in SIDE_FOLDERS]


def read(source: Source, file: str, skipped: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Batches of BATCH from one file, in file order, the same ones each time; what can't be read is counted
    in `skipped`.

    Kinds: damaged_file (the rest of it is lost), not_json, not_object, long_line, no_text, empty_text. A
    column that is missing or not text altogether raises InputError: that is a wrong option, not a damaged
    record.
    """
    batches = _parquet(source, file, skipped) if file.endswith(".parquet") else _json(source, file, skipped)
    try:
        yield from batches
    except DAMAGE:
        skipped["damaged_file"] += 1


# ---- Parquet -----------------------------------------------------------------------------------------------


def _parquet(source: Source, file: str, skipped: Counter[str]) -> Iterator[pa.RecordBatch]:
    fs, inner = storage.filesystem(file)
    with fs.open_input_file(inner) as stream:
        table = pq.ParquetFile(stream)
        text, ident = _columns(source, file, table.schema_arrow)
        names = [text] if ident is None else [text, ident]
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=names, use_threads=False):
            yield from _sliced(_two_columns(batch, text, ident, skipped))


def _columns(source: Source, file: str, schema: pa.Schema) -> tuple[str, str | None]:
    text = _pick(source.text_column, TEXT_NAMES, schema.names)
    if text is None:
        asked = source.text_column or "/".join(TEXT_NAMES)
        raise InputError(
            f"source {source.name}: {file} has no column {asked} (it has {', '.join(schema.names[:20])}); "
            f"say which one holds the text: --text-column {source.name}=COLUMN"
        )
    kind = schema.field(text).type
    if not _is_text(kind):
        raise InputError(f"source {source.name}: column {text} of {file} is {kind}, not text")
    ident = _pick(source.id_column, ID_NAMES, schema.names)
    if ident is None and source.id_column:
        raise InputError(f"source {source.name}: {file} has no column {source.id_column} for the ids")
    if ident is not None and not (_is_text(schema.field(ident).type) or pa.types.is_integer(schema.field(ident).type)):
        if source.id_column:
            raise InputError(f"source {source.name}: column {ident} of {file} can't be an id")
        ident = None
    return text, ident


def _pick(asked: str, usual: tuple[str, ...], present: list[str]) -> str | None:
    wanted = (asked,) if asked else usual
    return next((name for name in wanted if name in present), None)


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _two_columns(batch: pa.RecordBatch, text: str, ident: str | None, skipped: Counter[str]) -> pa.RecordBatch:
    texts = batch.column(text).cast(pa.large_string())
    lengths = pc.binary_length(texts)
    filled = pc.fill_null(pc.greater(lengths, 0), False)
    missing = texts.null_count
    skipped["no_text"] += missing
    skipped["empty_text"] += len(texts) - missing - (pc.sum(filled).as_py() or 0)
    texts = texts.filter(filled)
    if ident is None:
        ids = pa.array([content_id(one) for one in texts.to_pylist()], pa.large_string())
    else:
        ids = _fill_ids(batch.column(ident).cast(pa.large_string()).filter(filled), texts)
    return pa.record_batch([ids, texts], schema=BATCH)


def _fill_ids(ids: pa.Array, texts: pa.Array) -> pa.Array:
    absent = pc.fill_null(pc.equal(ids, ""), True)
    if not pc.any(absent).as_py():
        return ids
    made = [
        content_id(text) if gap else one
        for one, text, gap in zip(*(a.to_pylist() for a in (ids, texts, absent)), strict=True)
    ]
    return pa.array(made, pa.large_string())


def _sliced(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Halve a batch until its text fits BATCH_BYTES (or one document is left)."""
    if batch.num_rows == 0:
        return
    if batch.num_rows == 1 or batch.get_total_buffer_size() <= BATCH_BYTES:
        yield batch
        return
    middle = batch.num_rows // 2
    for part in (batch.slice(0, middle), batch.slice(middle)):
        lengths = pc.binary_length(part.column(1))
        if part.num_rows > 1 and pc.sum(lengths).as_py() > BATCH_BYTES:
            yield from _sliced(part)
        else:
            yield part


# ---- JSON lines --------------------------------------------------------------------------------------------


def lines(file: str, skipped: Counter[str]) -> Iterator[bytes]:
    """The lines of a file of JSON lines, plain, .gz or .zst. Raises one of DAMAGE where it can't be read
    further."""
    fs, inner = storage.filesystem(file)
    with fs.open_input_stream(inner, compression=None) as raw:
        yield from _lines(_unpacked(raw, file), skipped)


def _json(source: Source, file: str, skipped: Counter[str]) -> Iterator[pa.RecordBatch]:
    fs, inner = storage.filesystem(file)
    ids: list[str] = []
    texts: list[str] = []
    size, damaged = 0, None
    with fs.open_input_stream(inner, compression=None) as raw:
        lines = _lines(_unpacked(raw, file), skipped)
        while True:
            try:
                line = next(lines, None)
            except DAMAGE as error:  # what came before the damage stays
                damaged, line = error, None
            if line is None:
                break
            found = _record(source, file, line, skipped)
            if found is not None:
                ids.append(found[0])
                texts.append(found[1])
                size += len(found[1])
            if len(texts) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield pa.record_batch([ids, texts], schema=BATCH)
                ids, texts, size = [], [], 0
    if texts:
        yield pa.record_batch([ids, texts], schema=BATCH)
    if damaged is not None:
        raise damaged


def _unpacked(raw: Any, file: str) -> BinaryIO:
    if file.endswith(".gz"):
        return gzip.GzipFile(fileobj=io.BufferedReader(raw, READ_AHEAD))  # type: ignore[return-value]
    if file.endswith(".zst"):
        unpacker = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return io.BufferedReader(unpacker, READ_AHEAD)
    return io.BufferedReader(raw, READ_AHEAD)


def _lines(stream: BinaryIO, skipped: Counter[str]) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE):
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            skipped["long_line"] += 1
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        elif line.strip():
            yield line


def parse_line(line: bytes, skipped: Counter[str]) -> dict[str, Any] | None:
    """The JSON object of a line; None, and counted, where there is none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        skipped["not_json"] += 1
        return None
    if not isinstance(record, dict):
        skipped["not_object"] += 1
        return None
    return record


def _record(source: Source, file: str, line: bytes, skipped: Counter[str]) -> tuple[str, str] | None:
    record = parse_line(line, skipped)
    if record is None:
        return None
    name = _pick(source.text_column, TEXT_NAMES, list(record))
    text = record.get(name) if name is not None else None
    if not isinstance(text, str):
        skipped["no_text"] += 1
        return None
    text = encodable(text)
    if not text:
        skipped["empty_text"] += 1
        return None
    key = _pick(source.id_column, ID_NAMES, list(record))
    value = record.get(key) if key is not None else None
    usable = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return (encodable(str(value)) if usable else content_id(text)), text


def encodable(text: str) -> str:
    """The text with lone surrogates (legal in JSON, not in UTF-8) replaced by U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
