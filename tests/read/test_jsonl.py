"""JSON as people write it: lines, arrays, objects over lines, damage; packed in each way."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from curate.read import jsonl
from curate.read.jsonl import DAMAGE, Problem, opened, records
from tests.linear import assert_linear

ONE, TWO = {"text": "one", "n": 1}, {"text": "two ]}", "more": {"a": [1, {"b": "\n"}]}}


def read(data: bytes, max_line: int = 1 << 20) -> list[tuple[int, object]]:
    found = records(io.BytesIO(data), max_line)
    return [(one.line, one.value.kind if isinstance(one.value, Problem) else one.value) for one in found]


def values(data: bytes) -> list[object]:
    return [value for _, value in read(data)]


A, B = json.dumps(ONE), json.dumps(TWO)


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n",
        f"{A}\r\n\r\n{B}",
        f"\ufeff{A}\n \n\t\n{B}\n",
        f"[{A}, {B}]",
        f"[{A},\n{B}]\n",
        f"[\n{A},\n{B}\n]\n",
        f"{A}{B}",
        f"{A}\n[{B}]",
        f" {A} \x0c\n\x0b\n{B}",
        f"[\n{A}\n]\n[\n{B}\n]",
        json.dumps([ONE, TWO], indent=2),
        f"\n\n{json.dumps([ONE, TWO], indent=4)}\n\n",
        "\n".join(json.dumps(one, indent=1) for one in (ONE, TWO)),
        ",\n".join(json.dumps(one, indent=1) for one in (ONE, TWO)),
    ],
)
def test_each_way_of_writing_two_objects(text: str) -> None:
    assert values(text.encode()) == [ONE, TWO]


def test_a_bad_line_is_named_and_the_others_are_read() -> None:
    data = b'{"text": "cut\n' + A.encode() + b'\n{"text": \n[1, 2]\n"x"\n[{"a": 1}, null]\n' + B.encode()
    assert read(data) == [
        (1, "not_json"),
        (2, ONE),
        (3, "not_json"),
        (4, "not_object"),
        (5, "not_object"),
        (6, {"a": 1}),
        (6, "not_object"),
        (7, TWO),
    ]


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_an_array_that_is_cut_gives_what_is_whole(cut: int) -> None:
    data = json.dumps([ONE, TWO, ONE], indent=2).encode()
    found = values(data[:-cut])
    assert found[:2] == [ONE, TWO]
    assert found[-1] == "damaged"


def test_numbers_that_are_none_duplicates_and_lone_surrogates() -> None:
    assert values(b'{"text": "a", "text": "b"}') == [{"text": "b"}]
    assert str(values(b'{"a": NaN, "b": -Infinity}')[0]) == "{'a': nan, 'b': -inf}"
    assert values(b'{"a": "\\ud800"}') == [{"a": "\ud800"}]
    assert values(b"[" * 100_000) == ["not_json"]
    assert values(b'{"text": "a\xffb"}') == [{"text": "a\ufffdb"}]


@pytest.mark.parametrize("digits", [4300, 4301, 100_000])
def test_a_whole_number_of_any_length_loses_nothing(digits: int) -> None:
    number = b"-" + b"9" * digits
    told = int(number) if digits == 4300 else float("-inf")
    huge, first = b'{"n": [' + number + b', 7], "text": "a"}', {"n": [told, 7], "text": "a"}
    assert read(huge + b"\n{\n" + A.encode() + b"\n" + huge) == [(1, first), (2, "not_json"), (3, ONE), (4, first)]
    assert values(huge + A.encode() + b"\n" + huge) == [first, ONE, first]
    assert values(huge.replace(b'"a"', b'"a\xff"')) == [{**first, "text": "a\ufffd"}]
    assert values(b"[\n" + huge.replace(b", ", b",\n") + b",\n" + A.encode() + b"\n]") == [first, ONE]
    assert values(huge[:-1] + b"\n" + huge) == ["not_json", first]


def test_numbers_of_many_digits_take_linear_time() -> None:
    def work(size: int, salt: int) -> Callable[[], object]:
        data = b'{"n": ' + b"%d" % salt + b"9" * size + b"}"
        return lambda: list(records(io.BytesIO(data)))

    assert_linear(work, "a number of many digits", largest=1 << 18)


def test_a_long_line_does_not_fill_the_memory() -> None:
    data = b'{"text": "' + b"x" * 5000 + b'"}\n' + A.encode() + b"\n[" + b"1," * 5000 + b"\n"
    assert read(data, 1000) == [(1, "long_line"), (2, ONE), (3, "long_line")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_a_problem(encoding: str) -> None:
    assert values(f"{A}\n{B}\n".encode(encoding)) == ["damaged"]


@given(st.lists(st.sampled_from([A, B, "[", "]", "{", "}", ",", "\n", " ", '"', "1", "\\", "null", "\ufeff", "{}\n"])))
def test_what_stands_between_costs_no_other_line(parts: list[str]) -> None:
    found = values(f"{A}\n{''.join(parts)}\n{B}".encode())
    assert (found[0], found[-1]) == (ONE, TWO)


@given(
    st.lists(
        st.dictionaries(st.text(), st.text(max_size=9) | st.integers() | st.lists(st.text(max_size=3)), max_size=4),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 3),
)
def test_pretty_printed_or_not_it_is_the_same(objects: list[dict[str, object]], indent: int) -> None:
    lines = "\n".join(map(json.dumps, objects)).encode()
    assert values(lines) == values(json.dumps(objects, indent=indent or None).encode()) == objects


def test_the_time_grows_with_the_size() -> None:
    def work(count: int, salt: int) -> Callable[[], Any]:
        data = json.dumps([ONE] * count, indent=1).encode() + b"".join([A.encode()] * count)
        return lambda: values(data)

    assert_linear(work, "an array, then objects", 8000, 1000)


PACKED = {
    "": lambda data: data,
    "gz": lambda data: gzip.compress(data[:20]) + gzip.compress(data[20:]),
    "bz2": lambda data: bz2.compress(data[:20]) + bz2.compress(data[20:]),
    "xz": lambda data: lzma.compress(data[:20]) + lzma.compress(data[20:]),
    "lz4": lambda data: lz4.frame.compress(data[:20]) + lz4.frame.compress(data[20:]),
    "zst": lambda data: zstd.compress(data[:20]) + zstd.compress(data[20:], options=LONG),
}
LONG = {zstd.CompressionParameter.window_log: 28, zstd.CompressionParameter.enable_long_distance_matching: 1}


@pytest.mark.parametrize("packed", PACKED)
def test_packed_in_each_way(tmp_path: Path, packed: str) -> None:
    path = tmp_path / "named wrongly.jsonl"
    path.write_bytes(PACKED[packed](f"{A}\n{B}\n".encode()))
    with opened(str(path)) as stream:
        assert [one.value for one in records(stream)] == [ONE, TWO]


@pytest.mark.parametrize("packed", [name for name in PACKED if name])
def test_what_is_cut_is_noticed(tmp_path: Path, packed: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(PACKED[packed](f"{A}\n".encode() * 3000)[:-9])
    with pytest.raises(DAMAGE), opened(str(path)) as stream:
        list(records(stream))


@pytest.mark.parametrize("name", ["bz2", "xz"])
def test_what_stands_between_streams_is_no_end(tmp_path: Path, name: str) -> None:
    pack = {"bz2": bz2.compress, "xz": lzma.compress}[name]
    one, two, path = pack(f"{A}\n".encode()), pack(f"{B}\n".encode()), tmp_path / "a.jsonl"
    for padding in (b"", b"\0" * 4, b"\0" * 40_000):  # padding is part of the xz format
        path.write_bytes(one + padding + two + padding)
        with opened(str(path)) as stream:
            assert [record.value for record in records(stream)] == [ONE, TWO]
    path.write_bytes(one + b"?" + two)
    with opened(str(path)) as stream:
        found = records(stream)
        assert next(found).value == ONE
        with pytest.raises(DAMAGE):
            next(found)


@pytest.mark.parametrize("pack", [zstd.compress, lz4.frame.compress])
def test_skippable_frames_in_front(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path, frame = tmp_path / "a.jsonl", b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    path.write_bytes(frame + frame + pack(f"{A}\n".encode()) + frame + pack(f"{B}\n".encode()))  # as pzstd writes
    with opened(str(path)) as stream:
        assert [record.value for record in records(stream)] == [ONE, TWO]
    path.write_bytes(frame[:-1])
    with opened(str(path)) as stream:
        assert list(records(stream)) == []


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl"), opened("nowhere.jsonl"):
        pass


@pytest.mark.parametrize("values", ["[" + "[]," * 60 + "[]]", "{" + '"a":{},' * 60 + '"b":0}'])
def test_an_object_of_too_many_values_costs_itself(values: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_VALUES", 40)
    hostile, good = f'{{"x":{values}}}', '{"text":"[,]{,}\\"' + "," * 99 + '"}'
    for text in (f"{hostile}\n{good}\n", f"{good}\n{hostile}\n{good}\n"):
        found = [record.value for record in records(io.BytesIO(text.encode()))]
        bad = [one for one in found if isinstance(one, Problem)]
        assert [one.kind for one in bad] == ["not_json"]
        assert "more than 40 values" in bad[0].detail
        assert [one for one in found if isinstance(one, dict)] == [json.loads(good)] * text.count(good)
    cut = [record.value for record in records(io.BytesIO(f"[{good},{hostile}]".encode()))]
    assert cut[0] == json.loads(good)
    assert isinstance(cut[1], Problem)


def test_an_array_on_one_line_may_hold_as_many_objects_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_VALUES", 40)
    rows = [{"text": str(i), "x": [i, i]} for i in range(100)]
    assert [record.value for record in records(io.BytesIO(json.dumps(rows).encode()))] == rows


def test_lines_of_one_value_are_taken_up_to_the_limit() -> None:
    stream = io.BytesIO(b'[{"text":\n' + b"\n" * 4096 + (b" " * 1000 + b"\n") * 4096 + b'"a"}]')
    found = [record.value for record in records(stream, max_line=20_000)]
    assert any(isinstance(one, Problem) for one in found)
    stream.seek(0)
    next(records(stream, max_line=20_000))
    assert stream.tell() < 100_000
