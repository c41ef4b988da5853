"""What the columns of a table are called and what their values mean: the only place where names of other corpora are known.

A field is looked for under its names, in their order, at the top of a row and then in its containers (a struct, a map, or
a JSON object as text). Case and `-` for `_` don't matter. The first value that can be used counts.
"""

import datetime
import decimal
import functools
import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "content", "raw_content"),
    "content": ("content", "code", "text", "whole_func_string", "file_contents"),
    "id": ("id", "_id", "doc_id", "document_id", "uuid", "digest", "hexsha", "blob_id", "warc_record_id"),
    "url": ("url", "uri", "source_url", "warc_target_uri", "page_url"),
    "date": (
        "date",
        "timestamp",
        "warc_date",
        "crawl_date",
        "fetched_at",
        "date_download",
        "created",
        "created_at",
        "fetch_time",
    ),
    "language": ("language", "lang", "language_code"),
    "language_score": ("language_score", "lang_score"),
    "source": ("source",),
    "repo": ("repo", "repo_name", "repository_name", "max_stars_repo_name", "repository"),
    "path": ("path", "file_path", "max_stars_repo_path", "func_path_in_repository", "filename"),
    "license": ("license", "licenses", "max_stars_repo_licenses", "detected_licenses", "license_expression"),
}
"""FineWeb, C4, mC4, CulturaX, datatrove, Dolma, RedPajama 1 and 2, CCNet, NeMo Curator, DCLM, OSCAR; The Stack 1 and 2,
GitHub's public dataset, CodeParrot, CodeSearchNet."""
CONTAINERS = ("metadata", "meta", "warc_headers")
"""Columns that hold further columns."""
TEXTS = ("text", "content")
"""Fields that make a row a document. They are looked for at the top alone, and the first name that is there counts, even
where a row has nothing under it: which column is the text must not change from row to row."""
TOP = (*TEXTS, "source")
"""Fields that are not looked for in containers."""

_TRIED = {
    field: names if field in TOP else (*names, *(f"{one}.{name}" for one in CONTAINERS for name in names))
    for field, names in NAMES.items()
}
"""With the names of flattened containers: `metadata.url`."""

_DATE = pa.timestamp("us", tz="UTC")
_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.large_string(),
    "content": pa.large_string(),
    "date": _DATE,
    "language_score": pa.float32(),
    "license": pa.list_(pa.string()),
}


def type_of(field: str) -> pa.DataType:
    """The type that a field is brought to."""
    return _TYPES.get(field, pa.string())


FEW_NAMES, SHORT_NAMES = 1_000, 10_000
"""Names of columns, and characters of them, for which is remembered what they stand for: each row of JSON may have its own."""


def plain(name: str) -> str:
    """A column's name without case, `-` as `_`."""
    return name.lower().replace("-", "_")


def spellings(present: tuple[str, ...]) -> Mapping[str, str]:
    """Where a name is found among the columns `present`: as it is written there, else without case and `-`."""
    return _known_spellings(present) if _are_few(present) else _spellings(present)


def _are_few(names: tuple[str, ...]) -> bool:
    return len(names) <= FEW_NAMES and sum(map(len, names)) <= SHORT_NAMES


def _spellings(present: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in present:
        found.setdefault(plain(name), name)
    return {**found, **{name: name for name in present}}


_known_spellings = functools.lru_cache(maxsize=1024)(_spellings)


def listed(names: Iterable[str], most: int = 20) -> str:
    """The first of some columns for a person: names of strangers may be as long as they like."""
    return ", ".join(name if len(name) <= 60 else f"{name[:60]}…" for name in islice(names, most))


def spelled(names: Iterable[str], present: Iterable[str]) -> list[str]:
    """Which of `names` are among the columns `present`, in the order of `names`, as they are written there."""
    known = spellings(tuple(present))
    return [known[name] for name in names if name in known]


class Asked(NamedTuple):
    """Columns by the names that a person gave; empty: by the usual names."""

    text: str = ""
    id: str = ""

    def names(self, field: str) -> tuple[str, ...]:
        """The names under which a field is looked for."""
        given = {"text": self.text, "content": self.text, "id": self.id}.get(field)
        return (given,) if given else _TRIED[field]


USUAL = Asked()
"""No column is asked for by name."""


# ---- values ------------------------------------------------------------------------------------------------


def value_of(field: str, value: object) -> object:
    """A value as the field wants it; None for what can't be one, whatever it is."""
    return _VALUES.get(field, string_of)(value)


def string_of(value: object) -> str | None:
    """Text; bytes that are UTF-8. Lone surrogates (legal in JSON, not in UTF-8) become U+FFFD."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return encodable(value) if isinstance(value, str) else None


def encodable(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD."""
    try:
        if not text.isascii():
            text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def id_of(value: object) -> str | None:
    """An id: text, whole numbers, bytes (as hexadecimal digits where they are no text), UUIDs. Nothing else, and not ""."""
    value = _whole(value)
    if isinstance(value, float | decimal.Decimal):
        return None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | uuid.UUID):
        return str(value)
    text = string_of(value)
    if isinstance(value, bytes) and not (text and text.isprintable()):
        text = value.hex()
    return text or None


def _whole(value: object) -> Any:
    """A float or decimal as a whole number where it is one: columns of integers with nulls in them are often stored so."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def number_of(value: object) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | decimal.Decimal):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def strings_of(value: object) -> list[str] | None:
    """A text, or the texts in a list."""
    values = value if isinstance(value, list | tuple) else [value]
    found = [text for text in map(string_of, values) if text is not None]
    return found or None


_DIGITS = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d))?")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_MONTH = re.compile(r"\d{4}-\d\d")
_UTC = re.compile(r"(?<=[\d:])[ ]?(UTC|GMT)$")
_YEARS = range(1900, 2100)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_UNITS = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (math.inf, 10**9))
"""Below which size a number counts seconds, milliseconds, microseconds, nanoseconds since 1970: until the year 5138."""


def date_of(value: object) -> datetime.datetime | None:
    """A time in UTC: dates, ISO 8601, digits as in WARC names (2024, 20240131, 20240131235959), the form of HTTP and mail,
    numbers of seconds, milli-, micro- or nanoseconds since 1970. A time without zone is UTC. None for anything else, and
    for what lies outside of the years 1 to 9999."""
    try:
        if isinstance(value, str | bytes):
            found = _written_date(string_of(value) or "")
        elif isinstance(value, datetime.datetime):
            found = value
        elif isinstance(value, datetime.date):
            found = datetime.datetime(value.year, value.month, value.day)
        else:
            found = _digits(f"{_whole(value)}") or _counted(value)
        if found is None:
            return None
        return found.replace(tzinfo=datetime.UTC) if found.tzinfo is None else found.astimezone(datetime.UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _written_date(text: str) -> datetime.datetime | None:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return _digits(f"{_whole(float(text))}") or _counted(float(text))
    if _MONTH.fullmatch(text):
        text += "-01"
    try:
        return datetime.datetime.fromisoformat(_UTC.sub("Z", text))
    except ValueError:
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text)


def _digits(text: str) -> datetime.datetime | None:
    """Digits that write a day of the years 1900 to 2099."""
    match = _DIGITS.fullmatch(text)
    if match is None or int(match[1]) not in _YEARS:
        return None
    parts = [int(part) for part in match.groups() if part]
    try:
        return datetime.datetime(*[*parts, 1, 1][: max(3, len(parts))])  # type: ignore[arg-type]
    except ValueError:
        return None


def _counted(value: object) -> datetime.datetime | None:
    number = number_of(value)
    if number is None:
        return None
    unit = next(unit for limit, unit in _UNITS if abs(number) < limit)
    return _EPOCH + datetime.timedelta(microseconds=round(number * 1e6 / unit))


_VALUES = {"id": id_of, "language_score": number_of, "date": date_of, "license": strings_of}


# ---- records (JSON) ----------------------------------------------------------------------------------------


class _Places(NamedTuple):
    """Where a JSON object with certain keys may hold a field."""

    convert: Callable[[Any], Any]
    keys: list[str]
    containers: list[str]
    names: tuple[str, ...]
    """What it is called inside a container."""


def _places(keys: tuple[str, ...], fields: tuple[str, ...], asked: Asked) -> list[_Places]:
    return (_known_places if _are_few(keys) else _looked_up)(keys, fields, asked)


def _looked_up(keys: tuple[str, ...], fields: tuple[str, ...], asked: Asked) -> list[_Places]:
    containers = spelled(CONTAINERS, keys)
    return [
        _Places(
            _VALUES.get(field, string_of),
            spelled(asked.names(field), keys),
            [] if field in TOP else containers,
            asked.names(field),
        )
        for field in fields
    ]


_known_places = functools.lru_cache(maxsize=1024)(_looked_up)


def record_values(record: Mapping[str, object], fields: tuple[str, ...], asked: Asked = USUAL) -> list[object]:
    """The values of fields in a JSON object; None for what it does not have."""
    found, inside = list[Any](), dict[str, Mapping[str, Any]]()
    for convert, keys, containers, names in _places(tuple(record), fields, asked):
        value = None
        for key in keys:
            if (value := convert(record[key])) is not None:
                break
        for container in containers if value is None else ():
            if container not in inside:
                inside[container] = mapping(record[container])
            there = inside[container]
            tried = (convert(there[key]) for key in spelled(names, there))
            if (value := next((one for one in tried if one is not None), None)) is not None:
                break
        found.append(value)
    return found


def mapping(value: object) -> Mapping[str, object]:
    """A container's value as a mapping: an object, a list of pairs (a map of Parquet), or JSON text of an object."""
    value = string_of(value) if isinstance(value, bytes) else value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    if isinstance(value, list) and all(isinstance(one, tuple) and len(one) == 2 for one in value):
        value = dict(value)
    return {key: one for key, one in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


# ---- arrays (Parquet) --------------------------------------------------------------------------------------


def column_of(field: str, array: pa.Array) -> pa.Array:
    """An Arrow array as an array of the field's type; null for each value that can't be one."""
    array = decoded(array)
    kind, wanted = array.type, type_of(field)
    if pa.types.is_null(kind):
        return pa.nulls(len(array), wanted)
    if is_text(kind) and wanted in (pa.string(), pa.large_string()):
        texts = repaired(array).cast(wanted)
        return pc.if_else(pc.equal(texts, ""), None, texts) if field == "id" else texts
    if field == "date" and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return _times(array)
    return pa.array([value_of(field, value) for value in values(array)], wanted)


def decoded(array: pa.Array) -> pa.Array:
    """The array without what only says how it is stored: dictionaries, extension types."""
    if isinstance(array.type, pa.BaseExtensionType) and not isinstance(array.type, pa.UuidType):
        array = array.storage
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text, however it is stored."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether a type is bytes that may be text."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def repaired(array: pa.Array) -> pa.Array:
    """A text array as large_string with U+FFFD for bytes that are no UTF-8 (Parquet's readers don't check them)."""
    texts = array.cast(pa.large_string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        found = texts.view(pa.large_binary()).to_pylist()
        return pa.array([None if one is None else one.decode("utf-8", "replace") for one in found], pa.large_string())
    return texts


def values(array: pa.Array) -> list[Any]:
    """The Python values; None for one that Python can't hold or that is not valid, the others unharmed."""
    if is_text(array.type):
        return list(repaired(array).to_pylist())
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(array, at) for at in range(len(array))]


def _value(array: pa.Array, at: int) -> object:
    try:
        return array[at].as_py()
    except (ValueError, OverflowError, pa.ArrowException):
        return None


_FIRST, _LAST = (
    pa.scalar(limit, _DATE)
    for limit in (
        datetime.datetime.min.replace(tzinfo=datetime.UTC),
        datetime.datetime.max.replace(tzinfo=datetime.UTC),
    )
)


_MICROS = {"s": 10**6, "ms": 1000, "us": 1, "ns": 0}
"""Microseconds of a unit of time; 0 for less than one."""


def _times(array: pa.Array) -> pa.Array:
    """Dates and timestamps as UTC; those outside of the years 1 to 9999 are null. Without zone they are UTC."""
    days = pa.types.is_date32(array.type)
    numbers = array.cast(pa.int32()).cast(pa.int64()) if days else array.cast(pa.int64())
    unit = 86_400_000_000 if days else _MICROS["ms" if pa.types.is_date64(array.type) else array.type.unit]
    if unit:
        limit = (2**63 - 1) // unit
        inside = pc.and_(pc.greater_equal(numbers, -limit), pc.less_equal(numbers, limit))
        found = pc.multiply(pc.if_else(inside, numbers, None), unit).cast(_DATE)
    else:
        found = pc.divide(numbers, 1000).cast(_DATE)
    return pc.if_else(pc.and_(pc.greater_equal(found, _FIRST), pc.less_equal(found, _LAST)), found, None)
