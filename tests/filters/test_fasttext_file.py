"""Files of fastText, made number by number: each setting at its limit, and a step beyond it."""

import struct
from pathlib import Path
from typing import Any

import pytest

from curate.filters import fasttext_file, lid_mapped

NAN = float("nan")


def matrix(rows: int, width: int, *, told: tuple[int, int] | None = None, value: float = 0.5) -> bytes:
    return struct.pack("<qq", *(told or (rows, width))) + struct.pack("<f", value) * (rows * width)


def quantizer(width: int, parts: int = 1, part: int = 0, last: int = 0, dim: int = 0) -> bytes:
    part = part or width
    return struct.pack("<iiii", dim or width, parts, part, last or part) + struct.pack("<f", 0.5) * (dim or width) * 256


def compressed(rows: int, width: int, codes: int = -1, norms: int = 0, table: bytes = b"", told: Any = None) -> bytes:
    codes = rows if codes < 0 else codes
    head = struct.pack("<B", norms) + struct.pack("<qqi", *(told or (rows, width)), codes)
    behind = b"\1" * rows + quantizer(1) if norms else b""
    return head + b"\1" * max(codes, 0) + (table or quantizer(width)) + behind


SETTINGS: dict[str, Any] = {
    "magic": fasttext_file.MAGIC, "version": 12, "width": 2, "grams": 1, "loss": 3, "kind": 3, "buckets": 3, "shortest": 0, "longest": 0,
    "rate": 0.1, "words": 1, "labels": 2, "size": None, "pruned": -1, "kinds": [0, 1, 1], "word": b"w", "names": None, "count": 1, "pairs": b"",
    "marks": (0, 0), "input": None, "output": None, "end": b"",
}  # fmt: skip


def model(**changed: Any) -> bytes:
    """A model of one word, two labels and three buckets, with what was changed."""
    s = {**SETTINGS, **changed}
    size = s["size"] if s["size"] is not None else s["words"] + s["labels"]
    head = struct.pack("<ii", s["magic"], s["version"])
    head += struct.pack("<12id", s["width"], 5, 5, 1, 5, s["grams"], s["loss"], s["kind"], s["buckets"], s["shortest"], s["longest"], 100, s["rate"])  # fmt: skip
    head += struct.pack("<iiiqq", size, s["words"], s["labels"], 10, s["pruned"])
    names = s["names"] or [s["word"]] * len(s["kinds"])
    entries = b"".join(
        name + b"\0" + struct.pack("<qb", s["count"], kind) for name, kind in zip(names, s["kinds"], strict=True)
    )
    rows = s["words"] + (s["buckets"] if s["pruned"] < 0 else s["pruned"])
    first = s["input"] if s["input"] is not None else matrix(rows, s["width"])
    second = s["output"] if s["output"] is not None else matrix(s["labels"], s["width"])
    mark = [struct.pack("<B", one) for one in s["marks"]]
    return head + entries + s["pairs"] + mark[0] + first + mark[1] + second + s["end"]


def check(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    fasttext_file.check(path)


def pair(bucket: int, row: int) -> bytes:
    return struct.pack("<ii", bucket, row)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"version": 11},
        {"width": 1},
        {"width": 4096},
        {"buckets": 0},
        {"grams": 64},
        {"longest": 64, "shortest": 7},
        {"kinds": [1, 0, 1]},
        {"words": 0, "kinds": [1, 1]},
        {"labels": 1, "kinds": [0, 1]},
        {"word": b""},
        {"count": 0},
        {"count": (10**15 - 1) // 2},
        {"word": b"w" * 65535},
        {"pruned": 0},
        {"pruned": 1, "pairs": pair(2, 0)},
        {"pruned": 2, "pairs": pair(0, 1) + pair(2, 0)},
        {"marks": (1, 0), "input": compressed(4, 2)},
        {"marks": (0, 1), "output": compressed(2, 2)},
        {"marks": (1, 1), "input": compressed(4, 2, norms=1), "output": compressed(2, 2, norms=1)},
        {"marks": (1, 0), "input": compressed(4, 2, 8, table=quantizer(2, 2, 1))},
        {"width": 3, "marks": (1, 0), "input": compressed(4, 3, 8, table=quantizer(3, 2, 2, 1))},
        {"version": 11, "marks": (0, 1), "output": compressed(2, 2)},
    ],
)
def test_whole_models(tmp_path: Path, changed: dict[str, Any]) -> None:
    check(tmp_path, model(**changed))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"magic": fasttext_file.MAGIC + 1}, "does not begin"),
        ({"version": 10}, "does not begin"),
        ({"version": 13}, "does not begin"),
        ({"kind": 2}, "without|not trained with labels"),
        ({"kind": 4}, "not trained with labels"),
        ({"width": 0}, "out of range"),
        ({"width": -1, "input": matrix(4, 2), "output": matrix(2, 2)}, "out of range"),
        ({"width": 4097}, "out of range"),
        ({"buckets": -1}, "out of range"),
        ({"buckets": 0, "longest": 1}, "no buckets"),
        ({"buckets": 0, "grams": 2}, "no buckets"),
        ({"shortest": -1}, "out of range"),
        ({"longest": -1}, "out of range"),
        ({"longest": 65}, "out of range"),
        ({"grams": 0}, "out of range"),
        ({"grams": 65}, "out of range"),
        ({"rate": NAN}, "out of range"),
        ({"words": -1, "labels": 2, "kinds": [1]}, "dictionary"),
        ({"words": 1, "labels": 0, "kinds": [0]}, "dictionary's sizes"),
        ({"words": 0, "labels": 0, "kinds": []}, "dictionary's sizes"),
        ({"size": 2}, "dictionary's sizes"),
        ({"size": 4}, "dictionary's sizes"),
        ({"pruned": -2}, "dictionary's sizes"),
        ({"kinds": [0, 1, 2]}, "unknown kind"),
        ({"kinds": [0, 1, -1]}, "unknown kind"),
        ({"kinds": [0, 0, 1]}, "dictionary's sizes"),
        ({"word": b"w" * 65536}, "does not end"),
        ({"count": -1}, "counts are out of range"),
        ({"count": 10**15 // 2}, "counts are out of range"),  # of two labels
        ({"pruned": 1, "pairs": pair(3, 0)}, "index of its buckets"),
        ({"pruned": 1, "pairs": pair(-1, 0)}, "index of its buckets"),
        ({"pruned": 1, "pairs": pair(0, 1)}, "index of its buckets"),
        ({"pruned": 1, "pairs": pair(0, -1)}, "index of its buckets"),
        ({"marks": (2, 0)}, "neither yes nor no"),
        ({"marks": (0, 2)}, "neither yes nor no"),
        ({"version": 11, "marks": (1, 0), "input": compressed(4, 2)}, "no compressed models"),
        ({"input": matrix(4, 2, told=(5, 2))}, "another size"),
        ({"input": matrix(4, 2, told=(4, 3))}, "another size"),
        ({"output": matrix(2, 2, told=(1, 2))}, "another size"),
        ({"input": matrix(4, 2, value=NAN)}, "not finite"),
        ({"output": matrix(2, 2, value=float("inf"))}, "not finite"),
        ({"marks": (1, 0), "input": compressed(4, 2, told=(5, 2))}, "another size"),
        ({"marks": (1, 0), "input": compressed(4, 2, told=(4, 1))}, "another size"),
        ({"marks": (1, 0), "input": b"\0" + struct.pack("<qqi", 4, 2, -1)}, "another size"),
        ({"marks": (1, 0), "input": compressed(4, 2, 3)}, "too few codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, 5)}, "too few codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, norms=2)}, "neither yes nor no"),
        ({"marks": (1, 0), "input": compressed(4, 2, table=quantizer(2, dim=3))}, "table of codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, table=quantizer(2, part=3, last=2))}, "table of codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, table=quantizer(2, part=-1))}, "table of codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, table=quantizer(2, part=1, last=2))}, "table of codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, table=quantizer(2, part=2, last=-1))}, "table of codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, 8, table=quantizer(2, 2, 2))}, "table of codes"),
        ({"marks": (1, 0), "input": compressed(4, 2, 0, table=quantizer(2, 0, 2))}, "table of codes"),
        ({"end": b"\0"}, "something follows"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        check(tmp_path, model(**changed))


def test_no_beginning_of_a_model_is_one(tmp_path: Path) -> None:
    whole = model(marks=(1, 0), input=compressed(4, 2, norms=1), pruned=-1)
    for size in [*range(60, 160), *range(160, len(whole), 97), len(whole) - 1]:
        with pytest.raises(ValueError, match="too short" if size < 64 else "no fastText model that can be used"):
            check(tmp_path, whole[:size])
    check(tmp_path, whole)


@pytest.mark.parametrize("chunk", [1, 3, 8, 100])
@pytest.mark.parametrize("at", range(8))
def test_every_number_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, at: int) -> None:
    monkeypatch.setattr(fasttext_file, "CHUNK", chunk)
    check(tmp_path, model())
    numbers = [0.5] * 8
    numbers[at] = NAN
    with pytest.raises(ValueError, match="not finite"):
        check(tmp_path, model(input=struct.pack("<qq8f", 4, 2, *numbers)))


def test_a_dictionary_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fasttext_file, "MOST_ENTRIES", 3)
    check(tmp_path, model())
    monkeypatch.setattr(fasttext_file, "MOST_ENTRIES", 2)
    with pytest.raises(ValueError, match="dictionary's sizes"):
        check(tmp_path, model())


NAMED = {"names": [b"</s>", b"__label__a", b"__label__b"], "shortest": 2, "longest": 3}


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, True),
        ({"shortest": 1, "longest": 1}, True),
        ({"buckets": 1}, True),
        ({"magic": fasttext_file.MAGIC - 1}, False),
        ({"version": 11}, False),
        ({"version": 13}, False),
        ({"grams": 0}, False),
        ({"grams": 2}, False),
        ({"loss": 2}, False),  # another way to a probability
        ({"loss": 4}, False),
        ({"kind": 2}, False),
        ({"kind": 4}, False),
        ({"longest": 64}, True),
        ({"shortest": 0}, False),
        ({"longest": 0}, False),
        ({"longest": 65}, False),
        ({"shortest": 4}, False),
        ({"names": [b"</s>", b"__label__a"], "kinds": [0, 1]}, False),
        ({"words": 0x7FFFFFFD, "names": [b"</s>"], "kinds": [0], "input": b"", "output": b"w" * 999}, False),
        ({"buckets": 0}, False),
        ({"pruned": 0}, False),  # a compressed one
        ({"pruned": 1, "pairs": pair(0, 0)}, False),
        ({"size": 2}, False),
        ({"size": 4}, False),
        ({"marks": (1, 0), "input": compressed(4, 2)}, False),
        ({"marks": (0, 1), "output": compressed(2, 2)}, False),
        ({"input": matrix(5, 2)}, False),
        ({"input": matrix(4, 3)}, False),
        ({"output": matrix(1, 2)}, False),
        ({"output": matrix(2, 1)}, False),
        ({"names": [b"word", b"__label__a", b"__label__b"]}, False),  # it lacks what ends a line
        ({"end": b"\0"}, False),
    ],
)
def test_models_that_are_mapped(tmp_path: Path, changed: dict[str, Any], taken: bool) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(model(**{**NAMED, **changed}))
    found = lid_mapped.load(path)
    assert (found is not None) is taken
    if found is not None:
        assert found.labels == ("a", "b")
        assert found.rows.shape == (1 + found.buckets, 2)
        assert found.output.tolist() == [[0.5, 0.5]] * 2
        label, score = lid_mapped.predict(found, "some text")
        assert (label, round(score, 6)) == ("a", 0.50001)  # both alike: half, and what the library adds


def test_no_beginning_of_a_model_is_mapped(tmp_path: Path) -> None:
    whole, path = model(**NAMED), tmp_path / "model.bin"
    for size in range(1, len(whole)):
        path.write_bytes(whole[:size])
        assert lid_mapped.load(path) is None
