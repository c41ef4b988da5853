"""The mapped classifier beside fastText's own library: the same labels and probabilities, and nothing large in memory."""

import struct
from pathlib import Path
from random import Random
from typing import Any

import fasttext
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.filters import language, lid, lid_mapped
from curate.filters.base import Document

LETTERS = {"eng_Latn": "abcdefgh", "deu_Latn": "efghijkl", "rus_Cyrl": "жзийклмн", "jpn_Jpan": "はひふへほ漢字語"}
HEAD = 8 + struct.calcsize("<12id")
"""Where the dictionary begins: entries, words, labels, tokens, how many n-grams were kept."""
TEXTS = st.text(st.sampled_from("abcdefghijklжзийhé漢字は \t\r\x00\x0b<>/s_"), max_size=60)


def train(folder: Path, **kind: Any) -> Any:
    draw = Random(1)
    words = {k: ["".join(draw.choices(v, k=draw.randint(1, 7))) for _ in range(60)] for k, v in LETTERS.items()}
    lines = [f"__label__{k} " + " ".join(draw.choices(words[k], k=9)) for k in list(words) * 60]
    (folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(str(folder / "lines.txt"), thread=1, verbose=0, lr=1.0, epoch=10, **kind)
    model.save_model(str(folder / "model.bin"))
    return model.f


@pytest.fixture(scope="module", params=[(2, 5, 1), (1, 3, 1), (2, 5, 20)], ids=["like-glotlid", "short", "few-words"])
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[lid_mapped.Mapped, Any, Path]:
    """A small model of GlotLID's shape, ours and the library's."""
    folder = tmp_path_factory.mktemp("lid")
    shortest, longest, least = request.param
    library = train(folder, dim=13, minn=shortest, maxn=longest, minCount=least, bucket=5000, loss="softmax")
    ours = lid_mapped.load(folder / "model.bin")
    assert ours is not None
    return ours, library, folder / "model.bin"


@settings(deadline=None, max_examples=60)  # the first call may compile
@given(TEXTS)
@example("")
@example("abba </s> ййкл")
@example("__label__eng_Latn __label__ abba __label")
@example("a" * 5000)
@example("ab cd " * 3000)
@example("\x00a\x0bb\x0cc\u3000は")
def test_the_library_says_the_same(trained: tuple[lid_mapped.Mapped, Any, Path], text: str) -> None:
    ours, library, _ = trained
    line = " ".join(text.split("\n"))
    label, score = lid_mapped.predict(ours, line)
    ((their_score, their_label),) = library.predict(line + "\n", 1, 0.0, "replace")
    assert score == pytest.approx(their_score, abs=1e-4)
    every = {name: value for value, name in library.predict(line + "\n", 4, 0.0, "replace")}
    assert every["__label__" + label] == pytest.approx(their_score, abs=1e-4), (label, their_label)


def test_the_large_matrix_stays_in_the_file(trained: tuple[lid_mapped.Mapped, Any, Path]) -> None:
    ours, _, path = trained
    assert not ours.rows.flags.owndata
    assert not ours.rows.flags.writeable
    assert ours.rows.nbytes > path.stat().st_size / 2


def test_a_step_takes_it(trained: tuple[lid_mapped.Mapped, Any, Path]) -> None:
    step = language.FastText(languages=["en"], model=str(trained[2]), script=True)
    step.prepare()
    assert step(Document("0", "abc bad cafe")).doc.language == "eng_Latn"
    assert step(Document("0", "ийк лм зж")).reason == "other_language"


def test_a_model_of_one_column(tmp_path: Path) -> None:
    library = train(tmp_path, dim=1, minn=2, maxn=3, bucket=1, loss="softmax")
    ours = lid_mapped.load(tmp_path / "model.bin")
    assert ours is not None
    ((score, label),) = library.predict("abc bad\n", 1, 0.0, "replace")
    assert lid_mapped.predict(ours, "abc bad") == (label.removeprefix("__label__"), pytest.approx(score, abs=1e-4))


def test_what_is_no_such_model(tmp_path: Path) -> None:
    train(tmp_path, dim=4, minn=2, maxn=3, bucket=50, loss="softmax")
    whole = (tmp_path / "model.bin").read_bytes()
    assert lid_mapped.load(tmp_path / "model.bin") is not None
    words, labels = struct.unpack_from("<ii", whole, HEAD + 4)
    for at, form, value in (
        (0, "<i", lid.MAGIC - 1),
        (0, "<i", lid.MAGIC + 1),
        (4, "<i", lid.VERSION - 1),
        (4, "<i", lid.VERSION + 1),
        (HEAD + 8, "<i", labels + 1),
        (HEAD + 4, "<i", words - 1),
        (HEAD + 20, "<q", 0),
        (HEAD + 20, "<q", 7),
    ):
        changed = bytearray(whole)
        struct.pack_into(form, changed, at, value)  # what it is, the sums of the dictionary, what was pruned
        (tmp_path / "changed.bin").write_bytes(changed)
        assert lid_mapped.load(tmp_path / "changed.bin") is None
    for at in (0, 7, 60, 500, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.bin").write_bytes(whole[:at])
        assert lid_mapped.load(tmp_path / "cut.bin") is None
    (tmp_path / "cut.bin").write_bytes(whole + b"\0")
    assert lid_mapped.load(tmp_path / "cut.bin") is None
    train(tmp_path, dim=4, minn=0, maxn=0, loss="softmax")
    assert lid_mapped.load(tmp_path / "model.bin") is None  # no n-grams: the library reads it
    train(tmp_path, dim=4, minn=2, maxn=3, bucket=50, loss="ova")
    assert lid_mapped.load(tmp_path / "model.bin") is None


@pytest.mark.parametrize(
    ("quantized", "rows", "columns"), [(True, 2, 3), (False, 0, 3), (False, 2, 0), (False, -1, 3), (False, 2, 3)]
)
def test_a_matrix_that_is_quantized_or_empty_is_not_taken(quantized: bool, rows: int, columns: int) -> None:
    data: Any = b"before" + struct.pack("<?qq6f", quantized, rows, columns, *range(6)) + b"behind"
    if quantized or min(rows, columns) < 1:
        with pytest.raises(ValueError, match="another matrix"):
            lid_mapped._matrix(data, 6)
        return
    end, found = lid_mapped._matrix(data, 6)
    assert data[end:] == b"behind"
    assert found.tolist() == [[0, 1, 2], [3, 4, 5]]
