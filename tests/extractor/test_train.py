"""Training: labels by alignment, and the same bytes from the same pages."""

import numpy as np
import pytest

from curate.html.model import Model
from curate.html.page import read_page

pytest.importorskip("lightgbm")
pytest.importorskip("rapidfuzz")
train = pytest.importorskip("benchmarks.extractor_train")
labelled = pytest.importorskip("benchmarks.extractor_pages")

MENU = (
    "<div class='menu nav'><ul><li><a href=/>Home</a><li><a href=/news>News</a><li><a href=/x>Contact us</a></ul></div>"
)


def page(number: int) -> object:
    """A page of a site of its own: a menu, a few paragraphs, a footer."""
    lines = [f"Paragraph {number} {i} tells of the river, and of the town that number {i} has." for i in range(4)]
    html = f"<title>t{number}</title>{MENU}<div class=article>{''.join(f'<p>{line}' for line in lines)}</div>{MENU}"
    domain = f"d{number}.org"
    return labelled.Page("set", f"{number}.html", None, domain, "article", html, "\n".join(lines))


def test_blocks_in_gold_are_labelled() -> None:
    found = train.example(page(1))
    assert found.labels.tolist() == [0.0] * 3 + [1.0] * 4 + [0.0] * 3


def test_a_block_that_gold_has_in_part_is_labelled_in_part() -> None:
    read = read_page("<p>one two three four five six seven eight</p><p>menu of other things</p>")
    assert train.label(read, "one two three four").tolist() == [0.5, 0.0]


def test_of_two_blocks_with_the_same_text_gold_has_one() -> None:
    line = "the river rises in the hills above the town"
    read = read_page(f"<p>{line}</p><p>something else that is no part of gold</p><p>{line}</p>")
    assert sorted(train.label(read, line).tolist()) == [0.0, 0.0, 1.0]
    assert train.label(read, f"{line} {line}").tolist() == [1.0, 0.0, 1.0]


def test_the_same_pages_give_the_same_bytes() -> None:
    def bytes_of() -> bytes:
        examples = [train.example(page(number)) for number in range(40)]
        weights = train.train(examples, train.Size(4, 4, 3, 7))
        return Model(weights.names, weights.words, weights.one, weights.two, 0.5).to_bytes()

    first = bytes_of()
    assert bytes_of() == first
    assert np.isfinite(Model.from_bytes(first).two.leaf).all()


def test_folds_keep_domains_together() -> None:
    folds = [train.fold_of(f"d{number}.org", 5) for number in range(200)]
    assert set(folds) == set(range(5))
    assert folds == [train.fold_of(f"d{number}.org", 5) for number in range(200)]
