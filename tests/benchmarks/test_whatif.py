"""`curate whatif` against whole jobs by the changed recipe, as the benchmark compares them."""

import json
from pathlib import Path

import numpy as np
import pytest

from curate.corpus.recipe import parse
from curate.engine.session import Session
from curate.run import pipeline

whatif = pytest.importorskip("benchmarks.whatif")
WORDS = [
    "the",
    "harbour",
    "and",
    "ferry",
    "was",
    "quiet",
    "bell",
    "of",
    "to",
    "be",
    "have",
    "with",
    "that",
    "menu",
    "cart",
    "price",
    "login",
    "shop",
    "deal",
]
RECIPE = """
name = "tried"
[[step]]
use = "filters.quality.MeanLineLength"
minimum = 12
[[step]]
use = "filters.gopher.WordCount"
minimum = 4
[[step]]
use = "filters.gopher.StopWords"
[[step]]
use = "filters.quality.Quality"
minimum = 0.01
"""
RANKED = """
[[step]]
use = "curate.quality.share.TopShare"
signal = "quality"
share = 0.5
[[step]]
use = "filters.quality.StopWordShare"
minimum = 0.2
"""


def _engine() -> Session:
    def none() -> None:
        raise AssertionError("no step here needs an engine")

    return whatif.Inline("sail", none, 1)


@pytest.mark.parametrize("ranked", [False, True])
def test_random_changes(ranked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MINIMUM_SHARDS", 1)
    rng = np.random.default_rng(7)
    lines = [[" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(rng.integers(1, 8))] for _ in range(80)]
    texts = tmp_path / "t.jsonl"
    texts.write_text("".join(json.dumps({"text": ".\n".join(one)}) + "\n" for one in lines))
    corpus, engine = str(tmp_path / "corpus"), _engine()
    whatif.make(engine, str(texts), parse(RECIPE + RANKED * ranked, "tried"), corpus)
    found = whatif.compare(engine, corpus, 12)
    assert found.wrong == []
    assert (found.same + found.apart, found.displaced) == (12, 0)
    assert len(set(found.kept)) > 3
    assert (found.unknown > 0) == ranked
