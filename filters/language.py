"""Language identification: fastText's lid.176 (fast, 176 languages), langdetect (used by C4), cld3 (used by mC4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

from curate.filters import labels, writing
from curate.filters.assets import AssetMissingError, find, folders
from curate.filters.base import Decision, Document, Limit, drop, keep
from curate.filters.detector import detect
from curate.filters.text import without_capitals

MODELS = {"lid.176.ftz": "lid.176", "lid.176.bin": "lid.176.bin"}
"""Published models -> names of their assets."""
OTHER_LANGUAGE = "other_language"
"""The reason for a document in a language that is not wanted."""
RENAMED = {"als": "gsw"}
"""Labels of lid.176 that mean another language in ISO 639: Wikipedia's code for Alemannic is that of Tosk Albanian."""
_LABEL = len("__label__")
_NONE = "no fastText model of languages"


@dataclass(frozen=True)
class FastText:
    """Adds the language and its score to the document, and drops unwanted languages.

    Source: fastText's models lid.176 (Joulin et al., "Bag of Tricks for Efficient Text Classification"; CC BY-SA 3.0).
    CCNet (threshold 0.5), RefinedWeb and FineWeb (0.65) used the full model, `lid.176.bin`, 131 MB; `lid.176.ftz` is
    the same compressed to 0.9 MB. FineWeb-2 used GlotLID (2,000 languages, 1.7 GB) with a threshold per language. The
    text is passed as one line, as the model requires. `filters.lid` computes the same as the library in a fraction of
    the time. Differs from the source: these corpora pass the whole text unchanged; here `max_chars` can limit it to
    the beginning, and a text in capitals is lower-cased, because the models mistake English in capitals for other
    languages.
    """

    signals: ClassVar[tuple[str, ...]] = ("fasttext_score",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(OTHER_LANGUAGE, "language", "not in", "languages"),
        Limit("low_score", "fasttext_score", "<", "threshold", unless="unsure"),
    )
    by_language: ClassVar[tuple[str, ...]] = ("languages", "threshold", "unsure")

    languages: tuple[str, ...] = ("en",)
    """Languages to keep, by any of their names (`en`, `eng`, `eng_Latn`). Empty keeps all."""
    threshold: float | None = None
    """Minimum score. Default: 0.65, or with no `languages` 0 (annotate only)."""
    max_chars: int = 0
    """Look at this many characters from the start; 0 means all."""
    model: str = "lid.176.ftz"
    """"lid.176.ftz", "lid.176.bin" (`curate assets fetch lid.176.bin`) or the path of another fastText model, such as
    GlotLID's; a bare name is also looked up among the assets."""
    fold_capitals: bool = True
    """Lower-case a text if 80 % of its letters are capitals."""
    unsure: str = ""
    """Language to assign when the score is below the threshold, such as "und"; empty drops the document."""
    script: bool = False
    """Write the language as a three-letter code with the script of the text, `hin_Deva` for `hi` (labels that have a
    script are unchanged), and the script into the document."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))  # TOML gives a list
        _set_threshold(self, 0.65)
        if self.max_chars < 0:
            raise ValueError(f"max_chars must be at least 0, got {self.max_chars}")
        if not self.model:
            raise ValueError(f'model must be {", ".join(MODELS)} or a path, got ""')
        _check_unsure(self.unsure)

    def files(self) -> tuple[Path, ...]:
        """The model."""
        return (model_path(self.model),)

    def prepare(self) -> None:
        """Load the model and the compiled code. AssetMissingError or FileNotFoundError says how to get it, ValueError what is wrong
        with it."""
        try:
            _model(self.model)("a")
        except RuntimeError as error:
            raise ValueError(f"{model_path(self.model)} is {_NONE}: {error}") from error

    def told(self, doc: Document) -> Document:
        """The document with its language, score and script."""
        text = doc.text[: self.max_chars] if self.max_chars else doc.text
        text = without_capitals(text) if self.fold_capitals else text
        language, score = identify(text, self.model)
        if not self.script or language is None:
            return replace(doc, language=language, language_score=score)
        label, code = in_script(language, _told_by(language, text, self.model))
        return replace(doc, language=label, language_score=score, script=code)

    def __call__(self, doc: Document) -> Decision:
        doc = self.told(doc)
        return _decided(self, doc, "fasttext_score", sure_first=False)


def _set_threshold(step: "FastText | LangDetect | Cld3", usual: float) -> None:
    if step.threshold is None:
        object.__setattr__(step, "threshold", usual if step.languages else 0.0)
    _check_share("threshold", step.threshold or 0.0)


def _check_unsure(label: str) -> None:
    if label and not labels.is_label(label):
        raise ValueError(f'unsure must be the name of a language, such as "und", got {label!r}')


def _decided(step: "FastText | LangDetect | Cld3", doc: Document, signal: str, *, sure_first: bool) -> Decision:
    """What becomes of a document whose language and score were told. Of two reasons to drop it the score is the first (`sure_first`) or the language."""
    score = doc.language_score or 0.0
    signals = {signal: score}
    unsure = score < (step.threshold or 0.0) or doc.language is None
    if unsure and step.unsure:
        doc = replace(doc, language=step.unsure)
        unsure = False
    other = bool(step.languages) and not labels.any_covers(step.languages, doc.language)
    low = unsure and score < (step.threshold or 0.0)
    if not (low or other):
        return keep(doc, score, signals=signals)
    reason = "low_score" if low and (sure_first or not other) else OTHER_LANGUAGE
    return drop(doc, reason, score, signals=signals)


def identify(text: str, model: str = "lid.176.ftz") -> tuple[str | None, float]:
    """(language, score) of `text` by a model (see `FastText.model`); (None, 0.0) for white space. AssetMissingError without
    the model."""
    if not text.strip():
        return None, 0.0
    language, score = _said(_model(model), text)
    if language is not None and model in MODELS:
        language = RENAMED.get(language, language)
    return language, score


@lru_cache(maxsize=8)
def _said(predict: Callable[[str], tuple[str | None, float]], text: str) -> tuple[str | None, float]:
    """What a model says of a text; a step with parameters by language asks twice."""
    language, score = predict(" ".join(text.split("\n")))
    # Rounded, so that the last bits of another machine's arithmetic don't change the corpus; it may exceed 1
    # a little.
    return language, min(1.0, round(score, 4))


@lru_cache(maxsize=8)
def _told_by(language: str, text: str, model: str) -> str:
    """`text`; of one in several scripts what is in the first that the model takes for that language by themselves. A Japanese page
    on software may have more Latin letters than its own, and is not in the Latin script."""
    found = writing.scripts(text)
    parts = (writing.only(text, code) for code in found) if len(found) > 1 else ()
    return next((part for part in parts if identify(part, model)[0] == language), text)


@lru_cache(maxsize=8)
def in_script(language: str, text: str) -> tuple[str, str | None]:
    """The label of a language with the script of `text` (see `filters.writing`), and that script."""
    label = writing.with_script(language, text)
    return label, labels.parts(label).script or writing.script(text)


def model_path(model: str) -> Path:
    """Where the model lies. AssetMissingError or FileNotFoundError where it does not."""
    if model in MODELS:
        return find(MODELS[model])
    path = Path(model).expanduser()
    if path.is_file():
        return path
    beside = [folder / model for folder in folders() if "/" not in model]
    found = next((path for path in beside if path.is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f"no language model at {path}: expected {', '.join(MODELS)}, the path of a file, or the name of one in {folders()[0]}"
        )
    return found


@lru_cache(maxsize=4)
def _model(model: str) -> Callable[[str], tuple[str | None, float]]:
    """A model in compiled loops: of lid.176's shape, or with a softmax (such as GlotLID's), which stays in its file; any other one in the library.

    Raises ValueError for what is no whole model: the library hangs or ends the process.
    """
    from curate.filters import fasttext_file, lid, lid_mapped

    path = model_path(model)
    if loaded := lid_mapped.load(path):
        return partial(lid_mapped.predict, loaded)
    if told := fasttext_file.problem(path):
        raise ValueError(f"{path} is {_NONE}: {told}")
    if small := lid.load(path):
        return partial(lid.predict, small)
    import fasttext

    library = fasttext.load_model(str(path)).f

    def predict(line: str) -> tuple[str | None, float]:
        best = library.predict(line + "\n", 1, 0.0, "replace")
        return (best[0][1][_LABEL:], best[0][0]) if best else (None, 0.0)

    return predict


@dataclass(frozen=True)
class LangDetect:
    """Keeps documents that langdetect identifies as one of the languages with a probability of at least `threshold`.

    Source: C4's released code, `detect_english` (langdetect, seed 0, best guess, 0.99). langdetect looks at 10,000
    characters (see `filters.detector`). Slow compared with fastText. Differs from the source: langdetect uses few
    letters of a text in capitals and guesses wrong; here such a text is lower-cased, unless `fold_capitals = false`.
    """

    signals: ClassVar[tuple[str, ...]] = ("langdetect_score",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("low_score", "langdetect_score", "<", "threshold", unless="unsure"),
        Limit(OTHER_LANGUAGE, "language", "not in", "languages"),
    )
    by_language: ClassVar[tuple[str, ...]] = ("languages", "threshold", "unsure")
    costly: ClassVar[bool] = True

    languages: tuple[str, ...] = ("en",)
    """Languages to keep, by any of their names. Empty keeps all."""
    threshold: float | None = None
    """Minimum probability. Default: 0.99, or with no `languages` 0 (annotate only)."""
    fold_capitals: bool = True
    """Lower-case a text if 80 % of its letters are capitals."""
    unsure: str = ""
    """As in `FastText`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))  # TOML gives a list
        _set_threshold(self, 0.99)
        _check_unsure(self.unsure)

    def told(self, doc: Document) -> Document:
        """The document with its language and the probability."""
        language, score = detect(without_capitals(doc.text) if self.fold_capitals else doc.text)
        return replace(doc, language=language, language_score=score)

    def __call__(self, doc: Document) -> Decision:
        return _decided(self, self.told(doc), "langdetect_score", sure_first=True)


@dataclass(frozen=True)
class Cld3:
    """Adds cld3's language to the document: a small network over character n-grams that knows 107 languages.

    Source: mC4's released code (`PredictLanguage`, version 3.1.0: at least 100 bytes, 10,000 are looked at, reliable
    with a probability of 0.95, else `und`; 3.0 had 0.7), which calls the module in the package `cld3-py`
    (`pip install curate-corpora[cld3]`). No deviations. Labels are cld3's: `iw` is Hebrew, `zh-Latn` is Pinyin.
    """

    signals: ClassVar[tuple[str, ...]] = ("cld3_probability",)
    limits: ClassVar[tuple[Limit, ...]] = (
        Limit("low_score", "cld3_probability", "<", "threshold", unless="unsure"),
        Limit(OTHER_LANGUAGE, "language", "not in", "languages"),
    )
    by_language: ClassVar[tuple[str, ...]] = ("languages", "threshold", "unsure")

    languages: tuple[str, ...] = ()
    """Languages to keep, by any of their names; add `und` to keep unidentified documents. Empty keeps all."""
    threshold: float | None = 0.95
    """Minimum probability. One that cld3 does not call reliable counts as 0."""
    unsure: str = "und"
    """As in `FastText`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "languages", tuple(self.languages))  # TOML gives a list
        _set_threshold(self, 0.95)
        _check_unsure(self.unsure)

    def prepare(self) -> None:
        """See that the module is there. AssetMissingError says how to get it."""
        _cld3()

    def told(self, doc: Document) -> Document:
        """The document with its language and the probability."""
        language, score = _cld3_says(doc.text)
        return replace(doc, language=language, language_score=score)

    def __call__(self, doc: Document) -> Decision:
        return _decided(self, self.told(doc), "cld3_probability", sure_first=True)


@lru_cache(maxsize=8)
def _cld3_says(text: str) -> tuple[str | None, float]:
    """(label, probability); (None, 0.0) where cld3 is not sure."""
    found = _cld3().FindLanguage(text=text.encode("utf-8", "replace").decode())
    return (found.language, min(1.0, round(found.probability, 4))) if found.is_reliable else (None, 0.0)


@lru_cache(maxsize=1)
def _cld3() -> Any:
    try:
        import gcld3
    except ImportError as error:
        raise AssetMissingError(
            "the package cld3-py is not installed: pip install cld3-py (or use curate.filters.language.FastText)"
        ) from error
    return gcld3.NNetLanguageIdentifier(min_num_bytes=100, max_num_bytes=10_000)


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be from 0 to 1, got {value}")
