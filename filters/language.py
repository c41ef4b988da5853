"""What language a document is in: fastText's lid.176 (fast, 176 languages) and langdetect (what C4 used)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import ClassVar

from curate.filters.assets import find
from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.detector import detect
from curate.filters.text import without_capitals

MODELS = {"lid.176.ftz": "lid.176", "lid.176.bin": "lid.176.bin"}
"""Published models -> names of their assets."""
_LABEL = len("__label__")


@dataclass(frozen=True)
class FastText:
    """Writes the language of the document and its score into the document, and drops what is not wanted.

    Source: fastText's models lid.176 (Joulin et al., "Bag of Tricks for Efficient Text Classification"; CC BY-SA 3.0).
    CCNet (threshold 0.5), RefinedWeb and FineWeb (0.65) used the full one, `lid.176.bin`, 131 MB; `lid.176.ftz` is the same
    compressed to 0.9 MB. The text is given in one line, as the model wants. `filters.lid` computes what the library
    computes, in a fraction of its time.
    Differs from the source: these give the whole text as it stands; `max_chars` can give its beginning alone, and a
    text in capitals is read in small letters: the models take English in capitals for other languages.
    """

    signals: ClassVar[tuple[str, ...]] = ("fasttext_score",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("other_language", "language", "not in", "languages"),
        Limit("low_score", "fasttext_score", "<", "threshold", when="languages"),
    )

    languages: tuple[str, ...] = ("en",)
    """Languages to keep, as the model names them (ISO 639-1, else 639-3). Empty keeps all: annotate only."""
    threshold: float = 0.65
    """Minimum score."""
    max_chars: int = 0
    """Look at this many characters from the start; 0 means all."""
    model: str = "lid.176.ftz"
    """"lid.176.ftz", "lid.176.bin" (`curate assets fetch lid.176.bin`) or the path of a model of your own, made by
    fastText."""
    fold_capitals: bool = True
    """Read a text of which 80 % of the letters are capitals in small letters."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))  # TOML gives a list
        _check_share("threshold", self.threshold)
        if self.max_chars < 0:
            raise ValueError(f"max_chars must be at least 0, got {self.max_chars}")
        if not self.model:
            raise ValueError(f'model must be {", ".join(MODELS)} or a path, got ""')

    def files(self) -> tuple[Path, ...]:
        """The model."""
        return (model_path(self.model),)

    def prepare(self) -> None:
        """See that the model is there, and that one of your own is one. AssetMissingError or FileNotFoundError says how to
        get it, ValueError what is wrong with it."""
        path = model_path(self.model)
        if self.model not in MODELS:
            try:
                _model(self.model)("a")
            except (ValueError, RuntimeError) as error:
                raise ValueError(f"{path} is no fastText model of languages: {error}") from error

    def __call__(self, doc: Document) -> Decision:
        text = doc.text[: self.max_chars] if self.max_chars else doc.text
        language, score = identify(without_capitals(text) if self.fold_capitals else text, self.model)
        doc = replace(doc, language=language, language_score=score)
        signals = {"fasttext_score": score}
        if self.languages and language not in self.languages:
            return drop(doc, "other_language", score, signals=signals)
        if score < self.threshold and self.languages:
            return drop(doc, "low_score", score, signals=signals)
        return keep(doc, score, signals=signals)


def identify(text: str, model: str = "lid.176.ftz") -> tuple[str | None, float]:
    """(language, score) of `text` by a model (see `FastText.model`); (None, 0.0) for white space. AssetMissingError without
    the model."""
    line = " ".join(text.split("\n"))
    if not line.strip():
        return None, 0.0
    language, score = _model(model)(line)
    # Rounded, so that the last bits of another machine's arithmetic don't change the corpus; it may exceed 1
    # a little.
    return language, min(1.0, round(score, 4))


def model_path(model: str) -> Path:
    """Where the model lies. AssetMissingError or FileNotFoundError where it does not."""
    if model in MODELS:
        return find(MODELS[model])
    path = Path(model).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no language model at {path}: expected {', '.join(MODELS)} or the path of a file")
    return path


@lru_cache(maxsize=4)
def _model(model: str) -> Callable[[str], tuple[str | None, float]]:
    """A model in compiled loops; one of another shape than lid.176's, the user's own say, in the library."""
    from curate.filters import lid

    path = model_path(model)
    loaded = lid.load(path)
    if loaded:
        return partial(lid.predict, loaded)
    import fasttext

    library = fasttext.load_model(str(path)).f

    def predict(line: str) -> tuple[str | None, float]:
        best = library.predict(line + "\n", 1, 0.0, "replace")
        return (best[0][1][_LABEL:], best[0][0]) if best else (None, 0.0)

    return predict


@dataclass(frozen=True)
class LangDetect:
    """Keeps documents that langdetect takes for one of the languages, with a probability of `threshold` or
    more.

    Source: C4's released code, `detect_english` (langdetect, seed 0, best guess, 0.99). langdetect looks at
    10,000 characters (`filters.detector` says how). Slow compared with fastText.
    Differs from the source: langdetect looks at few letters of a text in capitals and guesses wrong; it is read in small
    letters here, unless `fold_capitals = false`.
    """

    signals: ClassVar[tuple[str, ...]] = ("langdetect_score",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("low_score", "langdetect_score", "<", "threshold", when="languages"),
        Limit("other_language", "language", "not in", "languages"),
    )
    costly: ClassVar[bool] = True

    languages: tuple[str, ...] = ("en",)
    """Languages to keep, as langdetect names them. Empty keeps all: annotate only."""
    threshold: float = 0.99
    """The least probability that is believed."""
    fold_capitals: bool = True
    """Read a text of which 80 % of the letters are capitals in small letters."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))  # TOML gives a list
        _check_share("threshold", self.threshold)

    def __call__(self, doc: Document) -> Decision:
        language, score = detect(without_capitals(doc.text) if self.fold_capitals else doc.text)
        doc = replace(doc, language=language, language_score=score)
        signals = {"langdetect_score": score}
        if not self.languages:
            return keep(doc, score, signals=signals)
        if score < self.threshold:
            return drop(doc, "low_score", score, signals=signals)
        if language not in self.languages:
            return drop(doc, "other_language", score, signals=signals)
        return keep(doc, score, signals=signals)


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be from 0 to 1, got {value}")
