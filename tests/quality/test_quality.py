"""Models of quality: training, judging, the step, what is refused."""

import json
import math
import shutil
import struct
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.commands.quality import quality as command
from curate.corpus.recipe import parse
from curate.errors import InputError, RecipeError, UsageError
from curate.filters import fasttext_file, linear
from curate.filters.base import Document
from curate.filters.quality import MeanLineLength, Quality, StopWordShare, _fasttext, largest_shape
from curate.quality import evaluate, labelled, measures, train
from curate.report.trace import trace

GOOD, BAD = (
    "the harbour and its boats were seen by people who had lived there for years because ferry history",
    "buy cheap click offer price cart sale discount menu home login shop deal",
)
GOOD_WORDS, BAD_WORDS = GOOD.split(), BAD.split()


def _row(number: int, good: bool) -> dict[str, Any]:
    rng = np.random.default_rng(2 * number + good)
    words, other = (GOOD_WORDS, BAD_WORDS) if good else (BAD_WORDS, GOOD_WORDS)
    picked = [*rng.choice(words, 30), *rng.choice(other, int(rng.integers(0, 20)))]
    text = (" " if good else "\n").join(picked) + ("." if good else "")
    return {
        "text": f"{text} {number}",
        "label": int(good),
        "url": f"https://h{number % 40}.example/{number}",
        "language": "en",
    }


ROWS = [_row(number, good) for number in range(120) for good in (True, False)]


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quality")
    table = _write(folder / "labelled.jsonl", ROWS)
    done = CliRunner().invoke(command, ["train", table, "--output", str(folder / "model"), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return folder


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.lists(st.sampled_from(["the", "École", "中文", "“x”", "a’b", "…", "한국어", "é", "\u00a0", "١٢", "x\u3000y", "！", "\n- ", "Ω."]), max_size=20).map(" ".join),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS)
def test_compiled_features_are_those_in_words(text: str) -> None:
    """What is hashed is what `words` says, so that an explanation names what was weighed."""
    buckets = 1 << 20
    found = linear.features(text, linear.hashes(linear.STOP_WORDS), buckets)
    known = linear.words(text)
    counts: dict[int, int] = {}
    for word in [*known, *map(" ".join, pairwise(known))]:
        place = linear.bucket(word, buckets)
        counts[place] = counts.get(place, 0) + 1
    assert found.places.tolist() == sorted(counts)
    weighed = np.array([1 + math.log(counts[place]) for place in sorted(counts)])
    assert np.allclose(found.values, weighed / (np.linalg.norm(weighed) or 1))
    assert np.isfinite(found.signals).all()
    assert found.signals[-1] == len(set(known)) / max(1, len(known))  # different words
    assert found.signals[0] == math.log(1 + len(known))
    assert all(word and not word.isspace() for word in known)


def test_signals_by_hand() -> None:
    found = linear.features("The end.\n\n- Of 1 thing…\nNo", linear.hashes(["the", "of"]), 1024).signals
    named = dict(zip(linear.SIGNALS, found.tolist(), strict=True))
    assert named["words"] == math.log(7)
    assert named["stop_words"] == 2 / 6
    assert math.isclose(named["mean_line_chars"], math.log(1 + (8 + 13 + 2) / 3))
    assert named["ended_lines"] == 1 / 3
    assert named["bullet_lines"] == 1 / 3
    assert named["capitals"] == 3 / 15
    assert named["different_words"] == 1.0


def test_the_model_tells_apart_what_it_has_not_seen(made: Path) -> None:
    card = json.loads((made / "model" / "model.json").read_text())
    assert card["held_out"]["auc"] > 0.95
    assert card["held_out"]["low"] <= card["held_out"]["auc"] <= card["held_out"]["high"]
    words = card["strongest_words"]
    assert (
        max(words[word] for word in GOOD_WORDS if word in words)
        > 0
        > min(words[word] for word in BAD_WORDS if word in words)
    )
    assert all(added < 0 for word, added in words.items() if word in BAD_WORDS)
    new = [_row(number, good) for number in range(500, 560) for good in (True, False)]
    step = Quality(model=str(made / "model"))
    scores = np.array([step(Document("1", row["text"])).signals["quality"] for row in new])
    assert measures.auc(scores, np.array([bool(row["label"]) for row in new])) > 0.95


def test_same_texts_same_bytes(made: Path, tmp_path: Path) -> None:
    """In another order, in two files, with copies."""
    first, second = _write(tmp_path / "a.jsonl", ROWS[::-1][:100]), _write(tmp_path / "b.jsonl", ROWS[::-1][90:])
    found = labelled.read(labelled=[first, second])
    assert any("10 texts stand in the inputs more than once" in note for note in found.notes)
    train.train(found, str(tmp_path / "model"), {})
    for name in (linear.WORDS, train.SEEN):
        assert (tmp_path / "model" / name).read_bytes() == (made / "model" / name).read_bytes()


def test_explained_is_what_is_added(made: Path) -> None:
    model, text = linear.load(made / "model"), ROWS[0]["text"]
    told = linear.moved(model, text, 10_000)
    assert math.isclose(
        linear.logistic(model.bias + sum(added for _, added in told)), linear.score(model, text), abs_tol=2e-6
    )
    assert "harbour" in dict(told)
    recipe = parse(f'[[step]]\nuse = "curate.filters.quality.Quality"\nmodel = "{made / "model"}"\n', "mine")
    stage = trace({"id": "0" * 32, "text": text, "source": ""}, recipe, {}).stages[0]
    assert stage.moved == tuple(linear.moved(model, text))


PROSE = (
    "The committee has published its report on the floods of last winter. It describes how the rivers rose within two days, and why the "
    "warnings came too late for most of the villages that were hit. Its authors ask for more gauges and for one office that decides."
)
SHOP = "Add to cart\nBuy now\nFree shipping\n$19.99\nIn stock\nCustomer login\nSale\nMy account\nCheckout\nContact us"


def test_the_shipped_model(tmp_path: Path) -> None:
    """It is used where none is named, in a recipe, in the evaluation, in an explanation; its bytes are a part of the version."""
    step = Quality()
    step.prepare()
    assert step.files() == ()
    assert step(Document("1", PROSE)).signals["quality"] > 0.5 > 0.2 > step(Document("1", SHOP)).signals["quality"]
    told = dict(step.moved(SHOP))
    assert any(name.startswith("mean_line_chars") for name in told)
    hosts, texts = train.seen(linear.shipped(), linear.load(linear.shipped()).card)
    assert len(hosts) > 1000 < len(texts)
    rows = [{"text": f"{text} {n}", "label": text == PROSE} for text in (PROSE, SHOP) for n in range(20)]
    done = CliRunner().invoke(command, ["evaluate", _write(tmp_path / "t.jsonl", rows), "--json"])
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert (found["model"], found["auc"]["value"]) == ("the shipped one", 1.0)


def test_the_shipped_model_is_read_from_a_zip_as_well(tmp_path: Path) -> None:
    """As executors of a cluster have the package."""
    with zipfile.ZipFile(tmp_path / "curate.zip", "w") as archive:
        for name in (linear.CARD, linear.WORDS, train.SEEN):
            archive.writestr(f"quality/{name}", (linear.shipped() / name).read_bytes())
    inside = zipfile.Path(tmp_path / "curate.zip", "quality/")
    assert linear.score(linear.load(inside), PROSE) == linear.score(linear.load(linear.shipped()), PROSE)
    assert len(train.seen(inside, linear.load(inside).card)[0]) > 1000


def test_two_classes_and_copies(tmp_path: Path) -> None:
    both = [{"text": "in both", "label": "good"}, {"text": " in  both", "label": "bad"}]
    rows = [
        *both,
        {"text": "only good", "label": "good"},
        {"text": "only bad", "label": "bad"},
        {"text": "none", "label": None},
    ]
    found = labelled.read(labelled=[_write(tmp_path / "t.jsonl", rows)])
    assert {one.text for one in found.texts} == {"only good", "only bad"}
    assert any("1 texts are in both classes" in note for note in found.notes)
    assert any("1 texts have no label" in note for note in found.notes)


def test_a_bounded_sample_does_not_depend_on_order(tmp_path: Path) -> None:
    one = labelled.read(labelled=[_write(tmp_path / "a.jsonl", ROWS)], most=30)
    other = labelled.read(labelled=[_write(tmp_path / "b.jsonl", ROWS[::-1])], most=30)
    assert [text.digest for text in one.texts] == [text.digest for text in other.texts]
    assert sum(text.good for text in one.texts) == 30 == len(one.texts) // 2


@pytest.mark.parametrize(
    ("rows", "kind", "told"),
    [
        ([{"text": "a", "label": 1}], UsageError, "there is no bad text"),
        ([{"text": "a", "label": 0}], UsageError, "there is no good text"),
        ([{"text": "a", "label": "fine"}, {"text": "b", "label": "bad"}], InputError, "neither good nor bad: 'fine'"),
        ([{"text": "a", "kind": 1}], InputError, "no column 'label'"),
        ([{"text": "a", "label": 1}, {"text": "a", "label": 0}], UsageError, "1 texts are in both classes"),
    ],
)
def test_labels_that_teach_nothing(
    tmp_path: Path, rows: list[dict[str, Any]], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        labelled.read(labelled=[_write(tmp_path / "t.jsonl", rows)])


@pytest.mark.parametrize("values", [("a", "b"), (2.5, 1.5), (True, False), (3, 4)])
def test_a_label_of_ones_own(tmp_path: Path, values: tuple[Any, Any]) -> None:
    rows = [{"text": "good one", "kind": values[0]}, {"text": "bad one", "kind": values[1]}]
    path = _write(tmp_path / "t.jsonl", rows)
    found = labelled.read(labelled=[path], label="kind", good_label=str(values[0]).lower())
    # With one label named, all others are bad.
    assert {one.text: one.good for one in found.texts} == {"good one": True, "bad one": False}


def test_too_few_texts(tmp_path: Path) -> None:
    found = labelled.read(labelled=[_write(tmp_path / "t.jsonl", ROWS[:20])])
    with pytest.raises(UsageError, match="at least 20 of each"):
        train.train(found, str(tmp_path / "model"), {})


def test_what_was_learnt_from_is_left_out(made: Path, tmp_path: Path) -> None:
    model = str(made / "model")
    with pytest.raises(UsageError, match="those that the model has learnt from"):
        evaluate.evaluate(labelled.read(labelled=[str(made / "labelled.jsonl")]), Quality(model=model))
    same_hosts = [{**row, "text": row["text"] + " anew"} for row in ROWS]
    with pytest.raises(UsageError, match="of hosts that the model has learnt from"):
        evaluate.evaluate(labelled.read(labelled=[_write(tmp_path / "t.jsonl", same_hosts)]), Quality(model=model))
    other = [
        {**_row(n, good), "url": f"https://other{n % 9}.example/{n}"} for n in range(900, 960) for good in (True, False)
    ]
    other[0]["language"] = "de"
    path = _write(tmp_path / "u.jsonl", other + same_hosts[:7])
    done = CliRunner().invoke(command, ["evaluate", path, "--model", model, "--json"])
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["texts"] == len(other)
    assert any("learnt from en alone; of other languages are de (1)" in note for note in found["notes"])
    assert found["auc"]["low"] <= found["auc"]["value"] <= found["auc"]["high"]
    assert found["auc"]["value"] > 0.95
    assert sum(row["texts"] for row in found["reliability"]) == len(other)
    assert sum(row["texts"] for row in found["groups"]["length"]) <= len(other)
    assert set(found["trivial"]) == {"mean line length", "stop-word share", "characters"}
    assert "AUC" in CliRunner().invoke(command, ["evaluate", path, "--model", model]).output


@given(pairs=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_area_is_the_share_of_pairs(pairs: list[tuple[int, bool]]) -> None:
    scores, good = np.array([float(a) for a, _ in pairs]), np.array([b for _, b in pairs])
    wins = [(a > b) + (a == b) / 2 for a in scores[good] for b in scores[~good]]
    area = measures.auc(scores, good)
    assert math.isnan(area) if not wins else math.isclose(area, sum(wins) / len(wins))


# ---- the step ----


def test_pareto_keeps_as_many_as_gpt3(made: Path) -> None:
    """Drawn are those whose number of the distribution is above 1 - score: (2 - score) ^ -9 of a score."""
    ids = [f"{n:032x}" for n in range(4000)]
    for score in (0.0, 0.5, 0.9, 1.0):
        kept = sum(largest_shape(one, score) > 9 for one in ids) / len(ids)
        assert abs(kept - (2 - score) ** -9) < 0.03
    assert max(largest_shape(one, 1.0) for one in ids) == 1e9  # no more than that, however good
    step = Quality(model=str(made / "model"), pareto=9.0)
    for one in ids[:50]:
        decision = step(Document(one, ROWS[1]["text"]))
        assert (decision.reason == "not_drawn") == (decision.signals["quality_pareto"] <= 9)


def test_limits_of_the_step(made: Path) -> None:
    for minimum in (0.0, 0.3, 1.0):
        step = Quality(model=str(made / "model"), minimum=minimum)
        for row in ROWS[:6]:
            decision = step(Document("1", row["text"]))
            assert (decision.reason == "too_low") == (decision.signals["quality"] < minimum)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"minimum": 1.5}, "from 0 to 1, as scores are"),
        ({"pareto": -1.0}, "at least 0"),
        ({"model": "a.bin"}, "needs label"),
        ({"model": "folder", "label": "x"}, "for fastText models"),
    ],
)
def test_parameters_that_can_not_be(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Quality(**options)


def test_model_is_part_of_the_job(made: Path) -> None:
    names = [path.name for path in Quality(model=str(made / "model")).files()]
    assert names == [linear.CARD, linear.WORDS]
    recipe = parse(f'[[step]]\nuse = "curate.filters.quality.Quality"\nmodel = "{made / "model"}"\n', "mine")
    assert {Path(path).name for path in recipe.files()} >= set(names)


def test_plain_measures() -> None:
    doc = Document("1", "The end of it.\n\n   two words  \n")
    assert MeanLineLength()(doc).signals["mean_line_chars"] == (14 + 9) / 2
    assert MeanLineLength(minimum=12.0)(doc).reason == "too_short"
    assert StopWordShare()(doc).signals["stop_word_share"] == 3 / 6
    assert StopWordShare(minimum=0.6)(doc).reason == "too_few"


# ---- hostile models ----


def _set(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        card = json.loads((folder / linear.CARD).read_text())
        (folder / linear.CARD).write_text(json.dumps({**card, **values}))

    return change


def _words(data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        import hashlib

        (folder / linear.WORDS).write_bytes(data)
        _set(words_sha256=hashlib.sha256(data).hexdigest())(folder)

    return change


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "format": (_set(format="other"), "not of the format"),
    "version": (_set(version=99), "version 1"),
    "not-json": (lambda folder: (folder / linear.CARD).write_text("{"), "no model of quality"),
    "a-list": (lambda folder: (folder / linear.CARD).write_text("[]"), "not of the format"),
    "deep": (lambda folder: (folder / linear.CARD).write_text("[" * 100_000), "no model of quality"),
    "buckets-huge": (_set(buckets=1 << 40), "power of two"),
    "buckets-odd": (_set(buckets=12345), "power of two"),
    "buckets-text": (_set(buckets="1024"), "power of two"),
    "buckets-others": (_set(buckets=1 << 17), "buckets are"),
    "short": (_words(b"\0" * 40), "holds 40 bytes"),
    "other-words": (lambda folder: (folder / linear.WORDS).write_bytes(b"\1" * (4 << 18)), "not the file"),
    "nan": (_words(np.full(1 << 18, np.nan, "<f4").tobytes()), "not finite"),
    "bias": (_set(bias=float("inf")), "not finite"),
    "bias-text": (_set(bias="1"), "bias must be a number"),
    "cuts": (_set(cuts=[[2, 1]] * 12, ranges=[[0, 0, 0]] * 12), "ascend"),
    "rows": (_set(ranges=[[0.0]]), "ranges must be 12 rows"),
    "ragged": (_set(ranges=[[0.0]] * 11 + [[0.0, 1.0]]), "ranges must be 12 rows"),
    "fit": (_set(ranges=[[0.0]] * 12), "do not fit together"),
    "signals": (_set(signals=["x"]), "signals are others"),
    "stops": (_set(stop_words=[1]), "list of texts"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_models_are_refused(made: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(made / "model", folder)
    change, told = HOSTILE[name]
    change(folder)
    with pytest.raises(ValueError, match=told):
        Quality(model=str(folder)).prepare()


def test_a_missing_key_or_file(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(made / "model", folder)
    card = json.loads((folder / linear.CARD).read_text())
    del card["bias"]
    (folder / linear.CARD).write_text(json.dumps(card))
    with pytest.raises(ValueError, match="lacks 'bias'"):
        linear.load(folder)
    (folder / linear.CARD).unlink()
    with pytest.raises(FileNotFoundError, match="curate quality train"):
        linear.load(folder)
    found = labelled.read(labelled=[str(made / "labelled.jsonl")])
    with pytest.raises(RecipeError, match="curate quality train"):
        evaluate.evaluate(found, Quality(model=str(folder)))


# ---- fastText ----


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import fasttext

    folder = tmp_path_factory.mktemp("fasttext")
    lines = [f"__label__{'hq' if row['label'] else 'cc'} {' '.join(row['text'].split())}" for row in ROWS]
    (folder / "train.txt").write_text("\n".join(lines))
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=4, bucket=600, wordNgrams=2, epoch=20, thread=1, verbose=0
    )
    model.save_model(str(folder / "model.bin"))
    model.quantize(str(folder / "train.txt"), retrain=False, cutoff=300, qnorm=True)
    model.save_model(str(folder / "model.ftz"))
    return folder


@pytest.mark.parametrize("ending", ["bin", "ftz"])
def test_fasttext_models(classifier: Path, ending: str) -> None:
    path = str(classifier / f"model.{ending}")
    step = Quality(model=path, label="__label__hq", minimum=0.5)
    step.prepare()
    right = [(step(Document("1", row["text"])).reason is None) == bool(row["label"]) for row in ROWS]
    assert sum(right) > 0.9 * len(right)
    assert step(Document("1", "")).signals["quality"] == 0.0
    import fasttext

    library = fasttext.load_model(path).f
    for row in ROWS[:9]:
        said = dict(reversed(pair) for pair in library.predict(" ".join(row["text"].split()) + "\n", 2, 0.0, "replace"))
        assert step(Document("1", row["text"])).signals["quality"] == min(1.0, round(said["__label__hq"], 6))
    assert step.moved("text") == []
    assert step.files() == (Path(path),)
    with pytest.raises(ValueError, match=r"no label 'hq'; it has __label__cc, __label__hq"):
        Quality(model=path, label="hq").prepare()


def test_a_score_is_from_0_to_1_whatever_the_library_says(classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It adds 1e-5 to a probability."""
    said = [(1.00001, "__label__hq"), (-0.00001, "__label__cc")]
    library = SimpleNamespace(getLabels=lambda _: ([name for _, name in said], []), predict=lambda *_: said)
    monkeypatch.setattr("fasttext.load_model", lambda _: SimpleNamespace(f=library))
    for label, score in (("__label__hq", 1.0), ("__label__cc", 0.0)):
        assert _fasttext(str(classifier / "model.bin"), label, lower=False)("text") == score


@pytest.mark.parametrize("ending", ["bin", "ftz"])
def test_hostile_fasttext_models_are_refused(classifier: Path, tmp_path: Path, ending: str) -> None:
    """Cut anywhere, lengthened, or with a number changed to a huge one: refused before the library sees it."""
    data = (classifier / f"model.{ending}").read_bytes()
    path = tmp_path / f"model.{ending}"
    hurt = [data[: len(data) * k // 20] for k in range(20)] + [data + b"\0", b"\0" * len(data)]
    for at in (8, 40, 64, 68, 72, 84, 88):  # width, buckets, and the dictionary's sizes
        hurt += [
            data[:at] + struct.pack("<i", value) + data[at + 4 :]
            for value in (-5, 1 << 30)
            if not (ending == "ftz" and at == 40 and value > 0)
        ]  # there more buckets do no harm
    for number, broken in enumerate(hurt):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="fastText model"):
            fasttext_file.check(path)
        assert path.read_bytes() == broken, number
    if ending == "bin":
        path.write_bytes(data[:-4] + struct.pack("<f", math.nan))
        with pytest.raises(ValueError, match="not finite"):
            fasttext_file.check(path)
    path.write_bytes(data)
    fasttext_file.check(path)
