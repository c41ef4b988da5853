"""The compiled classifier beside fastText's own library: the same labels, the same probabilities."""

import itertools
import struct
from pathlib import Path
from random import Random
from typing import Any

import fasttext
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.filters import assets, lid

LETTERS = {"a": "abcdefgh", "b": "efghijkl", "c": "жзийклмн", "d": "はひふへほ漢字語"}
TEXTS = st.text(st.sampled_from("abcdefghijklжзийhé漢字は \t\r\x00\x0b<>/s_"), max_size=60)


@pytest.fixture(scope="module", params=["quantized", "full"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[lid.Lid, Any]:
    """A small model of lid.176's shapes (.ftz and .bin), ours and the library's."""
    folder = tmp_path_factory.mktemp("lid")
    draw = Random(1)
    words = {k: ["".join(draw.choices(v, k=draw.randint(1, 7))) for _ in range(60)] for k, v in LETTERS.items()}
    lines = [f"__label__{k} " + " ".join(draw.choices(words[k], k=9)) for k in [*words, *"ab", "a"] * 60]
    (folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    kind = {"dim": 16, "minn": 2, "maxn": 4, "bucket": 2_000_000, "loss": "hs", "lr": 1.0, "epoch": 10}
    model = fasttext.train_supervised(str(folder / "lines.txt"), thread=1, verbose=0, **kind)
    if request.param != "full":
        model.quantize(str(folder / "lines.txt"), cutoff=600, qnorm=True)
    model.save_model(str(folder / "model"))
    if request.param == "quantized":
        whole = (folder / "model").read_bytes()
        for at, value in itertools.product((0, 4), (-1, 1)):  # another magic number, another version
            changed = bytearray(whole)
            struct.pack_into("<i", changed, at, struct.unpack_from("<i", whole, at)[0] + value)
            (folder / "other").write_bytes(changed)
            assert lid.load(folder / "other") is None
    ours = lid.load(folder / "model")
    (folder / "model").unlink()  # 128 MB where it is full
    assert ours is not None
    assert (len(ours.rows) < 2000) == (request.param == "quantized")
    return ours, model.f


def _same(ours: lid.Lid, library: Any, text: str) -> None:
    line = " ".join(text.split("\n"))
    label, score = lid.predict(ours, line)
    ((their_score, their_label),) = library.predict(line + "\n", 1, 0.0, "replace")
    assert score == pytest.approx(their_score, abs=1e-5)
    every = {name: value for value, name in library.predict(line + "\n", 4, 0.0, "replace")}
    assert every["__label__" + label] == pytest.approx(their_score, abs=1e-5), (label, their_label)


def test_the_model_learnt_something(trained: tuple[lid.Lid, Any]) -> None:
    assert [lid.predict(trained[0], text)[0] for text in ("abc bad", "ийк лм", "はひ 漢字")] == ["a", "c", "d"]
    assert len(trained[0].rows) > 100


@settings(deadline=None)  # the first call may compile
@given(TEXTS)
@example("")
@example("abba </s> ййкл")
@example("__label__a __label__ abba __label")
@example("a" * 5000)
@example("\x00a\x0bb\x0cc\u3000は")
def test_the_library_says_the_same(trained: tuple[lid.Lid, Any], text: str) -> None:
    _same(*trained, text)


@settings(deadline=None)
@given(TEXTS.map(lambda text: text * 3))
def test_lid_176_says_the_same(text: str) -> None:
    _same(*_shipped(), text)


_FOUND: list[tuple[lid.Lid, Any]] = []


def _shipped() -> tuple[lid.Lid, Any]:
    if not _FOUND:
        try:
            path = assets.find("lid.176")
        except assets.AssetMissingError as error:
            pytest.skip(str(error))
        ours = lid.load(path)
        assert ours is not None
        _FOUND.append((ours, fasttext.load_model(str(path)).f))
    return _FOUND[0]


def test_other_files_are_left_to_the_library(tmp_path: Path, trained: tuple[lid.Lid, Any]) -> None:
    for content in (b"", b"not a model", (793712314).to_bytes(4, "little") + bytes(200)):
        (tmp_path / "m").write_bytes(content)
        assert lid.load(tmp_path / "m") is None


def test_the_tree_is_huffman_s() -> None:
    """Counts 5, 3, 2, 1: 1 and 2 make 3 (node 4), which goes before the 3 that is a leaf; 3 and 3 make 6 (node 5); 5 and 6 the root."""
    left, right = lid._tree([5, 3, 2, 1])
    assert left.tolist() == [-1, -1, -1, -1, 3, 4, 0]
    assert right.tolist() == [-1, -1, -1, -1, 2, 1, 5]
    assert [part.tolist() for part in lid._tree([7])] == [[-1], [-1]]
