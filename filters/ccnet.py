"""CCNet's per-document rules: length, and perplexity under a language model of good text."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from curate.filters.assets import AssetMissingError
from curate.filters.base import Decision, Document, Limit, drop, keep

if TYPE_CHECKING:
    from curate.filters.ngram import Ngrams


@dataclass(frozen=True)
class FewCharacters:
    """Drops documents of fewer than `minimum` characters.

    Source: CCNet (Wenzek et al. 2019), whose released code leaves out pages of fewer than 300 (`min_len`).
    """

    signals: ClassVar[tuple[str, ...]] = ("characters",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("too_few", "characters", "<", "minimum"),)

    minimum: int = 300

    def __post_init__(self) -> None:
        if self.minimum < 0:
            raise ValueError(f"minimum must be at least 0, got {self.minimum}")

    def __call__(self, doc: Document) -> Decision:
        count = float(len(doc.text))
        if count < self.minimum:
            return drop(doc, "too_few", count, signals={"characters": count})
        return keep(doc, count, signals={"characters": count})


@dataclass(frozen=True)
class Perplexity:
    """Measures perplexity under an n-gram model, and drops documents above `maximum` or below `minimum`; by default
    it only measures.

    Source: CCNet (Wenzek et al. 2019), section 4: a 5-gram Kneser-Ney model of Wikipedia in the page's language; lower
    means more similar to it. CCNet sets no limit but cuts each language at percentiles:
    `curate.quality.share.TopShare` with `signal = "perplexity"`, `best = "lowest"`. Differs from the source: each
    line of a page is scored as a sentence, as in the model's training; the released code scores a page as one.
    """

    signals: ClassVar[tuple[str, ...]] = ("perplexity",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("too_high", "perplexity", ">", "maximum", when="maximum"),
        Limit("too_low", "perplexity", "<", "minimum"),
    )

    model: str = ""
    """Folder of `curate ngram train`."""
    maximum: float = 0.0
    """Maximum perplexity; 0: no limit."""
    minimum: float = 0.0
    """Minimum perplexity."""

    def __post_init__(self) -> None:
        for name, value in (("maximum", self.maximum), ("minimum", self.minimum)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be at least 0, got {value}")
        if 0 < self.maximum < self.minimum:
            raise ValueError(f"maximum {self.maximum} is below minimum {self.minimum}")

    def files(self) -> tuple[Path, ...]:
        """The model."""
        from curate.filters.ngram import files

        return files(Path(self.model).expanduser()) if self.model else ()

    def prepare(self) -> None:
        """Load the model. Raises FileNotFoundError where there is none, ValueError where it is not one that can be used."""
        _model(self.model)

    def __call__(self, doc: Document) -> Decision:
        from curate.filters.ngram import score

        value = score(_model(self.model), doc.text).perplexity
        signals = {"perplexity": value}
        if 0 < self.maximum < value:
            return drop(doc, "too_high", value, signals=signals)
        if value < self.minimum:
            return drop(doc, "too_low", value, signals=signals)
        return keep(doc, value, signals=signals)


def _model(folder: str) -> "Ngrams":
    from curate.filters.ngram import load

    if not folder:
        raise AssetMissingError(
            'Perplexity needs a model: make one with curate ngram train, and name it as model = "models/en-5gram"'
        )
    return load(Path(folder).expanduser())
