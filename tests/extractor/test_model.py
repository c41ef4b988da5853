"""The model: its file, its trees, which blocks it keeps, and that none of it depends on chance."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curate.errors import InputError
from curate.html.columns import FEATURES
from curate.html.context import CONTEXT
from curate.html.extract import STEPS, block_probabilities, decide, judge
from curate.html.features import fill
from curate.html.model import Model, model
from curate.html.page import read_page
from curate.html.trees import INSIDE, TOGETHER, Trees, probabilities

PARAGRAPH = "The river rises in the hills above the town, and it reaches the sea after two hundred miles. "
PAGE = f"""<title>Rivers of the north</title><body><div class=menu><ul>{"<li><a href=/>Home page</a>" * 12}</ul></div>
<div class="article-body"><h1>Rivers of the north</h1>{f"<p>{PARAGRAPH * 3}" * 8}
<table><tr><th>River</th><th>Miles</th></tr><tr><td>Ouse</td><td>129</td></tr></table></div>
<div class=footer><p>Copyright 2020. All rights reserved. <a href=/privacy>Privacy</a></div>"""


def stump(feature: int, threshold: float, left: float = -2.0, right: float = 2.0) -> Trees:
    made = Trees(
        np.zeros((1, INSIDE), np.int16), np.zeros((1, INSIDE), np.float32), np.zeros((1, INSIDE + 1), np.float32)
    )
    made.feature[0, 0], made.threshold[0, 0] = feature, threshold
    made.leaf[0] = np.repeat([left, right], (INSIDE + 1) // 2)
    return made


def test_the_file_keeps_the_model() -> None:
    data = model().to_bytes()
    again = Model.from_bytes(data)
    assert again.to_bytes() == data
    assert again.card["pages"] > 1000
    assert (data.index(b"\n") + 1) % 64 == 0
    header = json.loads(data.partition(b"\n")[0])
    assert header["format"] == 2
    assert tuple(header["features"]) == FEATURES


def test_the_model_is_small() -> None:
    assert len(model().to_bytes()) < 1_000_000


@pytest.mark.parametrize("part", ["one", "two"])
@pytest.mark.parametrize("value", [999, -1])
def test_a_model_with_an_index_out_of_range_is_refused(part: str, value: int) -> None:
    good = model()
    trees = getattr(good, part)
    feature = trees.feature.copy()
    feature[3, 5] = value
    bad = dataclasses.replace(good, **{part: trees._replace(feature=feature)})
    with pytest.raises(InputError, match="damaged"):
        Model.from_bytes(bad.to_bytes())


@pytest.mark.parametrize("column", ["feature", "threshold", "leaf"])
@pytest.mark.parametrize("cut", [lambda x: x[:, :-1], lambda x: x[:-1], lambda x: x[0], lambda x: x.astype("f8")])
def test_trees_of_another_shape_are_refused(column: str, cut: Callable[[Any], Any]) -> None:
    good = model()
    bad = dataclasses.replace(good, two=good.two._replace(**{column: cut(getattr(good.two, column))}))
    with pytest.raises(InputError, match="damaged"):
        Model.from_bytes(bad.to_bytes())


@pytest.mark.parametrize("cut", [0, 10, 5000, -1])
def test_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises(InputError, match="train it again"):
        Model.from_bytes(model().to_bytes()[:cut])


def test_a_model_of_another_version_is_refused() -> None:
    data = model().to_bytes().replace(b'"words"', b'"wordz"', 1)
    with pytest.raises(InputError, match="another version"):
        Model.from_bytes(data)


def test_a_stump_splits_at_its_threshold() -> None:
    rows = np.array([[0, 1.0], [0, np.nextafter(np.float32(1), np.float32(2))], [0, 0.5]], np.float32)
    out = np.zeros(3, np.float32)
    probabilities(stump(1, 1.0), rows, out)
    low, high = 1 / (1 + np.exp(2.0)), 1 / (1 + np.exp(-2.0))
    assert np.allclose(out, [low, high, low])


def test_a_row_comes_to_the_leaf_that_a_walk_finds() -> None:
    draw = np.random.default_rng(0)
    rows = draw.integers(0, 5, (TOGETHER + 7, 9)).astype(np.float32)
    one = Trees(
        draw.integers(0, 9, (1, INSIDE)).astype(np.int16),
        draw.integers(0, 5, (1, INSIDE)).astype(np.float32),
        np.linspace(-8, 8, INSIDE + 1, dtype=np.float32)[None],
    )
    out = np.zeros(len(rows), np.float32)
    probabilities(one, rows, out)
    for row, found in zip(rows, out.tolist(), strict=True):
        node = 0
        while node < INSIDE:
            node = 2 * node + 1 + int(row[one.feature[0, node]] > one.threshold[0, node])
        assert found == pytest.approx(1 / (1 + np.exp(-float(one.leaf[0, node - INSIDE]))), abs=1e-6)


def test_trees_sum_as_lightgbm_sums_them() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    train = pytest.importorskip("benchmarks.extractor_train")
    draw = np.random.default_rng(0)
    x = draw.integers(0, 9, (2000, 6)).astype(np.float32) / np.float32(3)
    y = draw.random(2000)
    settings = {"objective": "cross_entropy", "num_leaves": 15, "max_depth": 5, "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(settings, lightgbm.Dataset(x, y), 20)
    out = np.zeros(len(x), np.float32)
    probabilities(train.as_arrays(booster), x, out)
    assert np.abs(out - booster.predict(x)).max() < 1e-6


def test_probabilities_are_the_same_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judge(PAGE).probability
    for size in (1, 3, 7, len(whole)):
        monkeypatch.setattr("curate.html.extract.CHUNK", size)
        assert judge(PAGE).probability.tobytes() == whole.tobytes()


def test_every_feature_is_a_finite_number() -> None:
    page = read_page(PAGE)
    block_probabilities(page, model())
    rows = np.full((page.count, len(FEATURES) + len(CONTEXT)), np.nan, np.float32)
    fill(page.facts, 0, page.count, rows)
    assert np.isfinite(rows[:, : len(FEATURES)]).all()
    assert np.isnan(rows[:, len(FEATURES) :]).all()


def f1_of(kept: NDArray[np.bool_], truth: NDArray[np.bool_], words: NDArray[np.float64]) -> float:
    both = float(words[kept].sum() + words[truth].sum())
    return 2 * float(words[kept & truth].sum()) / both if both else 0.0


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 50)), max_size=8))
def test_no_other_step_promises_more(blocks: list[tuple[float, int]]) -> None:
    p = np.array([one for one, _ in blocks], np.float32)
    words = np.array([many for _, many in blocks], np.float64)
    keep, expected = decide(p, words)
    truths = [p >= np.float32(step / STEPS) for step in range(1, STEPS, 2)]
    promised = [
        float(np.mean([f1_of(p >= np.float32(step / STEPS), truth, words) for truth in truths]))
        for step in range(1, STEPS)
    ]
    assert expected == pytest.approx(max(promised), abs=1e-9)
    assert float(np.mean([f1_of(keep, truth, words) for truth in truths])) == pytest.approx(expected, abs=1e-9)


def test_a_section_that_is_half_likely_is_weighed_as_a_whole() -> None:
    article, comments = np.full(10, 0.97, np.float32), np.full(30, 0.4, np.float32)
    keep, _ = decide(np.concatenate([article, comments]), np.full(40, 20.0))
    assert keep.tolist() == [True] * 10 + [False] * 30


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.sampled_from([PARAGRAPH, "<p>", "<li>", "<td>", "<a href=x>", "Menu", "<h2>", "</div>", "<div class=x>"])
    )
)
def test_a_page_has_one_answer(parts: list[str]) -> None:
    html = "".join(parts)
    one, two = judge(html), judge(html)
    assert one.probability.tobytes() == two.probability.tobytes()
    assert ((one.probability >= 0) & (one.probability <= 1)).all()


@given(st.floats(-40, 40))
def test_the_exponential_is_the_exponential(x: float) -> None:
    rows = np.zeros((1, 1), np.float32)
    out = np.zeros(1, np.float32)
    probabilities(stump(0, 1.0, x, x), rows, out)
    assert out[0] == pytest.approx(1 / (1 + np.exp(-float(np.float32(x)))), rel=1e-6)
