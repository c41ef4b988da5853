"""Names and values of columns: the same from Arrow arrays and from JSON values."""

import datetime
import json
import math
import re
import uuid
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.read import columns
from curate.read.columns import Asked, column_of, date_of, id_of, record_values, value_of


def utc(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=datetime.UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-31T10:20:30Z", utc(2024, 1, 31, 10, 20, 30)),
        ("2024-01-31T10:20:30.500+02:00", utc(2024, 1, 31, 8, 20, 30, 500_000)),
        ("2024-01-31 10:20:30", utc(2024, 1, 31, 10, 20, 30)),
        ("2024-01-31", utc(2024, 1, 31)),
        ("2024", utc(2024, 1, 1)),
        (2024, utc(2024, 1, 1)),
        ("20240131102030", utc(2024, 1, 31, 10, 20, 30)),
        (20240131, utc(2024, 1, 31)),
        ("Wed, 31 Jan 2024 10:20:30 GMT", utc(2024, 1, 31, 10, 20, 30)),
        (1706696430, utc(2024, 1, 31, 10, 20, 30)),
        (1706696430.5, utc(2024, 1, 31, 10, 20, 30, 500_000)),
        ("1706696430", utc(2024, 1, 31, 10, 20, 30)),
        (1706696430_000, utc(2024, 1, 31, 10, 20, 30)),
        (1706696430_000_000, utc(2024, 1, 31, 10, 20, 30)),
        (1706696430_000_000_000, utc(2024, 1, 31, 10, 20, 30)),
        (-86400, utc(1969, 12, 31)),
        (datetime.date(2024, 1, 31), utc(2024, 1, 31)),
        (20240131.0, utc(2024, 1, 31)),  # whole numbers in a column with nulls, as pandas stores them
        ("2019.0", utc(2019, 1, 1)),
        (Decimal(1706696430), utc(2024, 1, 31, 10, 20, 30)),
        ("2024-01", utc(2024, 1, 1)),
        ("2024-01-31 10:20:30 UTC", utc(2024, 1, 31, 10, 20, 30)),
        *((bad, None) for bad in (Decimal("NaN"), Decimal("1E+50"), Decimal("Infinity"))),
        *((bad, None) for bad in ("", "soon", "2024-02-31", "0000-00-00", "99999-01-01", True, None, [], {})),
        *((bad, None) for bad in (math.nan, math.inf, 10**400, -(10**30), "9" * 5000, "0001-01-01T00:00:00+10:00")),
    ],
)
def test_a_date_in_each_form(value: object, expected: datetime.datetime | None) -> None:
    assert date_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (7, "7"),
        (7.0, "7"),
        (Decimal("7.00"), "7"),
        (Decimal("7.5"), None),
        (-1, "-1"),
        (b"key", "key"),
        (b"\xff\x00", "ff00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        *((bad, None) for bad in ("", b"", 7.5, math.nan, math.inf, True, None, [1], {"a": 1})),
    ],
)
def test_what_an_id_is(value: object, expected: str | None) -> None:
    assert id_of(value) == expected


DAY = datetime.datetime(2024, 1, 31, 10, 20, 30)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([DAY, None], pa.timestamp("s")), utc(2024, 1, 31, 10, 20, 30)),
        (pa.array([DAY, None], pa.timestamp("ns")), utc(2024, 1, 31, 10, 20, 30)),
        (pa.array([DAY, None], pa.timestamp("ms", tz="Europe/Berlin")), utc(2024, 1, 31, 10, 20, 30)),
        (pa.array([DAY.date(), None], pa.date32()), utc(2024, 1, 31)),
        (pa.array([DAY.date(), None], pa.date64()), utc(2024, 1, 31)),
        (pa.array(["2024-01-31", "nonsense"]), utc(2024, 1, 31)),
        (pa.array(["2024-01-31", "nonsense"]).dictionary_encode(), utc(2024, 1, 31)),
        (pa.array(["2024-01-31", None], pa.string_view()), utc(2024, 1, 31)),
        (pa.array([1706659200, 10**18 * 9], pa.int64()), utc(2024, 1, 31)),
        (pa.array([utc(2024, 1, 31).timestamp(), math.nan]), utc(2024, 1, 31)),
    ],
)
def test_dates_in_columns_of_each_type(array: pa.Array, expected: datetime.datetime) -> None:
    first, second = column_of("date", array).to_pylist()
    assert first == expected
    assert second is None or second.year == 2255  # so many nanoseconds are a date


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_dates_that_nobody_can_hold_are_none(unit: str) -> None:
    numbers = [2**62, -(2**62), 0]
    assert column_of("date", pa.array(numbers, pa.timestamp(unit))).to_pylist() == [None, None, utc(1970, 1, 1)]
    assert column_of("date", pa.array([2**31 - 1, -(2**31), 0], pa.date32())).to_pylist() == [
        None,
        None,
        utc(1970, 1, 1),
    ]


def test_one_bad_byte_costs_one_character() -> None:
    texts = pa.array([b"good", b"b\xffad", None]).view(pa.string())
    assert column_of("text", texts).to_pylist() == ["good", "b\ufffdad", None]
    assert column_of("url", texts.dictionary_encode()).to_pylist() == ["good", "b\ufffdad", None]
    assert column_of("text", pa.array([b"good", b"b\xffad"], pa.binary())).to_pylist() == ["good", None]


RECORDS = {
    "fineweb": {
        "text": "t",
        "id": "<urn:uuid:1>",
        "dump": "d",
        "url": "http://u/",
        "date": "2024-01-31",
        "language": "en",
    },
    "c4": {"text": "t", "timestamp": "2024-01-31", "url": "http://u/"},
    "datatrove": {"text": "t", "id": "1", "metadata": {"url": "http://u/", "date": "2024-01-31", "dump": "d"}},
    "dolma": {
        "id": "1",
        "text": "t",
        "source": "cc",
        "added": "2025-01-01",
        "created": "2024-01-31",
        "metadata": {"url": "http://u/"},
    },
    "redpajama 1": {"text": "t", "meta": '{"url": "http://u/", "timestamp": "2024-01-31"}'},
    "redpajama 2": {"raw_content": "t", "doc_id": "1", "url": "http://u/", "date_download": "2024-01-31"},
    "dclm": {"text": "t", "metadata": {"WARC-Target-URI": "http://u/", "WARC-Date": "2024-01-31T00:00:00Z"}},
    "oscar": {"content": "t", "warc_headers": {"warc-target-uri": "http://u/", "warc-date": "2024-01-31T00:00:00Z"}},
    "nemo": {"text": "t", "id": "1", "source_url": "http://u/", "crawl_date": "2024-01-31"},
    "flattened": {"text": "t", "metadata.url": "http://u/", "meta.date": "2024-01-31"},
    "capitals": {"TEXT": "t", "Url": "http://u/", "Date": "2024-01-31"},
}


@pytest.mark.parametrize("name", RECORDS)
def test_the_columns_of_known_corpora(name: str) -> None:
    assert record_values(RECORDS[name], ("text", "url", "date")) == ["t", "http://u/", utc(2024, 1, 31)]


def test_a_name_asked_for_is_the_only_one() -> None:
    record = {"text": "no", "body": "yes", "key": 5, "id": "no"}
    assert record_values(record, ("text", "id"), Asked("body", "key")) == ["yes", "5"]
    assert record_values(record, ("text", "id"), Asked("nowhere")) == [None, "no"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(columns.NAMES)), VALUES)
def test_no_value_is_an_error(field: str, value: object) -> None:
    found = value_of(field, value)
    made = pa.array([found], columns.type_of(field))  # and what comes out fits its column
    made.validate(full=True)


@given(st.dictionaries(st.sampled_from(["text", "url", "metadata", "meta", "date", "id"]), VALUES))
def test_no_record_is_an_error(record: dict[str, object]) -> None:
    fields = tuple(columns.NAMES)
    for field, value in zip(fields, record_values(record, fields), strict=True):
        assert value is None or pa.array([value], columns.type_of(field)).null_count == 0


def test_containers_of_each_kind() -> None:
    assert columns.mapping('{"a": 1}') == columns.mapping(b'{"a": 1}') == {"a": 1}
    assert columns.mapping([("a", 1)]) == {"a": 1}
    for bad in ("{", "[1]", "{" * 100_000, 5, None, [1], [("a", 1, 2)], json.dumps([1])):
        assert columns.mapping(bad) == {}


def test_the_docs_name_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "inputs.md").read_text()
    table = next(part for part in page.split("\n\n") if part.startswith("| field |"))
    told = re.findall(r"`([^`]+)`", table)
    fields = ("text", "id", "url", "date", "language", "language_score", "source")
    assert told == [name for field in fields for name in columns.NAMES[field]]


def test_what_is_remembered_of_names_is_bounded() -> None:
    """Each row of JSON may have other keys, as many and as long as it likes."""
    known = columns._known_spellings.cache_info().currsize, columns._known_places.cache_info().currsize
    for row in ({f"{i}": 0 for i in range(5000)}, {"k" * 100_000: 0}):
        assert columns.record_values({**row, "URL": "a"}, ("url",)) == ["a"]
    assert (columns._known_spellings.cache_info().currsize, columns._known_places.cache_info().currsize) == known
