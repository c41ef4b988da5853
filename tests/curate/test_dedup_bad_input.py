"""Texts that are hardly texts: each method ends with the right rows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.dedup import Exact, Lines, MinHash, Spans, Substrings
from curate.dedup.base import CorpusStep
from curate.dedup.windows import spans
from curate.engine.session import Session, session
from tests.curate.test_dedup_keep_first import deduplicate, page

pytestmark = pytest.mark.engine
TWICE = {
    "a word": "word",
    "emoji": "😀😀😀",
    "digits": "123 456",
    "dots": "...",
    "marks": "\u0301" * 50,
    "one letter": "aaaa" * 100,
    "Chinese": "東" * 3000,
    "repeated": "word " * 20_000,
}
ONCE = {"empty": "", "white space": " \n\t", "another word": "Word!"}
ALL = set(TWICE)


@pytest.fixture(scope="module")
def engine() -> Iterator[Session]:
    with session("test", engine="sail", cores=2) as s:
        yield s


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (Exact(), [*sorted(ALL), "empty"]),
        (MinHash(), [*sorted(ALL), "a word", "empty"]),
        (Lines(), sorted(ALL)),
        (Spans(), []),
        (Substrings(), ["Chinese", "repeated"]),
    ],
)
def test_of_texts_that_are_hardly_texts_one_stays(
    engine: Session, tmp_path: Path, step: CorpusStep, wanted: list[str]
) -> None:
    texts = [(name, text) for name, text in TWICE.items() for _ in range(2)] + list(ONCE.items())
    pages = [page(f"{name}{n}", text, f"http://a.example/{n}") for n, (name, text) in enumerate(texts)]
    kinds = {"white space": "empty", "another word": "a word"}
    names = {str(one["id"]): kinds.get(name, name) for one, (name, _) in zip(pages, texts, strict=True)}
    decisions, _ = deduplicate(engine, step, pages, tmp_path)
    gone = sorted(names[one] for one, decision in decisions.items() if decision.reason)
    assert gone == sorted(wanted)
    for one, decision in decisions.items():
        if decision.reason is None:  # cut: what repeats itself stays once
            assert len(spans(decision.doc.text.encode())[0]) == 50, names[one]
