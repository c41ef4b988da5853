"""Quality: two simple measures of prose, and models trained on good and bad texts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.sampling import uniform
from curate.filters.text import lines, lowered, words

if TYPE_CHECKING:
    from curate.filters.linear import Linear

STOP_WORDS = (
    "the",
    "be",
    "to",
    "of",
    "and",
    "that",
    "have",
    "with",
    "a",
    "in",
    "is",
    "it",
    "for",
    "on",
    "as",
    "was",
    "are",
)
FASTTEXT = (".bin", ".ftz")
_MARKS = ".,;:!?\"'()[]\u201c\u201d\u2018\u2019"


@dataclass(frozen=True)
class MeanLineLength:
    """Drops documents whose lines are short on average: menus, lists, tables. By default it only measures.

    Source: our own; of the cheap signals, the one that agrees best with human quality labels
    (benchmarks/results/quality.md). Blank lines and white space at the ends are ignored.
    """

    signals: ClassVar[tuple[str, ...]] = ("mean_line_chars",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_short", "mean_line_chars", "<", "minimum"),)

    minimum: float = 0.0
    """Characters."""

    def __post_init__(self) -> None:
        if not 0 <= self.minimum < math.inf:
            raise ValueError(f"minimum must be at least 0, got {self.minimum}")

    def __call__(self, doc: Document) -> Decision:
        sizes = [len(trimmed) for line in lines(doc.text) if (trimmed := line.strip())]
        mean = sum(sizes) / len(sizes) if sizes else 0.0
        signals = {"mean_line_chars": mean}
        if mean < self.minimum:
            return drop(doc, "too_short", mean, signals=signals)
        return keep(doc, mean, signals=signals)


@dataclass(frozen=True)
class StopWordShare:
    """Drops documents with few common words: lists of names, products, keywords. By default it only measures.

    Source: RedPajama-v2's signal stop_word_fraction. Differs from the source: the words are a short English list
    (Gopher's eight and the most frequent others) unless you give your own, and punctuation at the ends of a word is
    cut.
    """

    signals: ClassVar[tuple[str, ...]] = ("stop_word_share",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_few", "stop_word_share", "<", "minimum"),)

    minimum: float = 0.0
    """Share of the words."""
    words: tuple[str, ...] = STOP_WORDS

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(word.lower() for word in self.words))  # TOML gives a list
        if not 0 <= self.minimum <= 1:
            raise ValueError(f"minimum must be a share from 0 to 1, got {self.minimum}")

    def __call__(self, doc: Document) -> Decision:
        listed, found = frozenset(self.words), words(lowered(doc.text))
        share = sum(word.strip(_MARKS) in listed for word in found) / len(found) if found else 0.0
        signals = {"stop_word_share": share}
        if share < self.minimum:
            return drop(doc, "too_few", share, signals=signals)
        return keep(doc, share, signals=signals)


@dataclass(frozen=True)
class Quality:
    """Scores documents with a model, from 0 (bad) to 1 (good), and drops those below `minimum` or not sampled by
    `pareto`.

    Source of `pareto`: GPT-3 (Brown et al. 2020, appendix A), which keeps a document if a number drawn from a Pareto
    distribution of shape 9 is above 1 - score, so that some low-scoring documents are kept. Differs from the source:
    the number comes from a hash of the id. Source of `minimum`: LLaMA and DCLM keep documents that score above a
    threshold. The model is a folder made by `curate quality train`, or a fastText model (`.bin`, `.ftz`), which gets
    the text as one line, lower-cased or not, as in its training; the default is the model shipped with this package
    (English web pages).
    """

    signals: ClassVar[tuple[str, ...]] = ("quality", "quality_pareto")
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("too_low", "quality", "<", "minimum"),
        Limit("not_drawn", "quality_pareto", "<=", "pareto"),
    )

    model: str = ""
    """Folder of `curate quality train`, or a fastText model; empty: the shipped one."""
    minimum: float = 0.0
    """Minimum score."""
    pareto: float = 0.0
    """Shape of the Pareto distribution (GPT-3: 9); 0 is off."""
    label: str = ""
    """For a fastText model: the label whose probability is the score."""
    lower: bool = False
    """For a fastText model: lower-case the text."""

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= 1:
            raise ValueError(f"minimum must be from 0 to 1, as scores are, got {self.minimum}")
        if not 0 <= self.pareto < math.inf:
            raise ValueError(f"pareto must be at least 0, got {self.pareto}")
        if self.label and not self.model.endswith(FASTTEXT):
            raise ValueError("label is for fastText models (.bin, .ftz)")
        if self.model.endswith(FASTTEXT) and not self.label:
            raise ValueError("a fastText model needs label, the one whose probability is the score")

    def files(self) -> tuple[Path, ...]:
        """The model; the shipped one is a part of this version."""
        path = Path(self.model).expanduser()
        if not self.model:
            return ()
        return (path,) if self.model.endswith(FASTTEXT) else (path / "model.json", path / "words.f32")

    def prepare(self) -> None:
        """Load the model. Raises FileNotFoundError where there is none, ValueError where it is not one that can be used."""
        _scorer(self.model, self.label, self.lower)

    def __call__(self, doc: Document) -> Decision:
        score = _scorer(self.model, self.label, self.lower)(doc.text)
        shape = largest_shape(doc.id, score)
        signals = {"quality": score, "quality_pareto": shape}
        if score < self.minimum:
            return drop(doc, "too_low", score, signals=signals)
        if shape <= self.pareto:
            return drop(doc, "not_drawn", shape, signals=signals)
        return keep(doc, score, signals=signals)

    def moved(self, text: str) -> list[tuple[str, float]]:
        """Signals and words that moved the score of a text, the strongest first; of a fastText model nothing is known."""
        if self.model.endswith(FASTTEXT):
            return []
        from curate.filters.linear import moved

        return moved(_linear(self.model), text)


def largest_shape(id: str, score: float) -> float:
    """The shape of the Pareto distribution up to which a document is drawn.

    A number of shape a is (1 - u)^(-1/a) - 1 with a uniform u, here of the id; it is above 1 - score as long as a is smaller than
    -ln(1 - u) / ln(2 - score).
    """
    draw = uniform(id, "pareto")
    return min(1e9, max(1e-12, -math.log1p(-draw)) / max(1e-12, math.log(2.0 - min(1.0, score))))


@lru_cache(maxsize=4)
def _scorer(model: str, label: str, lower: bool) -> Callable[[str], float]:
    if model.endswith(FASTTEXT):
        return _fasttext(model, label, lower)
    from curate.filters import linear

    return partial(linear.score, _linear(model))


@lru_cache(maxsize=4)
def _linear(model: str) -> "Linear":
    from curate.filters import linear

    return linear.load(Path(model).expanduser() if model else linear.shipped())


def _fasttext(model: str, label: str, lower: bool) -> Callable[[str], float]:
    """The probability of a label by a fastText model. ValueError names the labels where it has no such one."""
    from curate.filters.fasttext_file import check

    path = Path(model).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"no fastText model at {path}: download the published one to there (the comments of the recipe say which), or train one "
            "(curate quality train) and name its folder as `model` in a copy of the recipe (curate recipes --copy)"
        )
    check(path)
    import fasttext

    library = fasttext.load_model(str(path)).f
    known = list(library.getLabels("replace")[0])
    if label not in known:
        raise ValueError(f"{path} has no label {label!r}; it has {', '.join(sorted(known)[:20])}")

    def score(text: str) -> float:
        line = " ".join((text.lower() if lower else text).split())
        best = library.predict(line + "\n", len(known), 0.0, "replace") if line else []
        return min(1.0, max(0.0, round(next((chance for chance, name in best if name == label), 0.0), 6)))

    return score
