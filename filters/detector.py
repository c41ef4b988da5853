"""langdetect's answers, in two thirds of its time and the same on every machine.

langdetect (Nakatani Shuyo's language-detection, ported to Python) spends most of its time on cutting a text
into the 1-, 2- and 3-grams of its characters, one character at a time. Here that is done word by word, and
what a word gives is remembered. The trials do the same arithmetic in the same order, so the answers are the
same to the last bits.

Differs from the source: profiles are loaded in the order of their names, not of the file system; the order
only moves the last bits of a sum, and this way they are the same on every machine.
"""

import re
from functools import lru_cache
from pathlib import Path
from random import Random  # noqa: TID251  a fixed seed for each text: no chance in it
from typing import Any

SEED = 0
"""What C4's code sets; langdetect draws n-grams at random."""

_TRIALS, _MAX_STEPS, _SURE, _LEAST = 7, 1000, 0.99999, 0.1
_ALPHA, _ALPHA_WIDTH, _BASE_FREQUENCY, _MAX_CHARS = 0.5, 0.05, 10_000, 10_000
_SPACES = re.compile(" {2,}")
_LATIN = re.compile("[A-z]")
_OTHER = re.compile("[\u0300-\U0010ffff]")  # langdetect means to leave out Vietnamese letters, and does not
_MAX_CACHED = 40


def detect(text: str) -> tuple[str | None, float]:
    """(language, probability) of the best guess; (None, 0.0) when there is no letter that any profile
    knows."""
    grams = _grams(_prepare(text))
    if not grams:
        return None, 0.0
    factory = _factory()
    # Of equals the first in the order of profiles, and langdetect names none below a tenth.
    probability, at = max((p, -i) for i, p in enumerate(_probabilities(grams, factory.word_lang_prob_map)))
    return (factory.langlist[-at], probability) if probability > _LEAST else (None, 0.0)


def _probabilities(grams: list[str], known: dict[str, list[float]]) -> list[float]:
    """A probability per language: the mean of some random trials, each of which draws n-grams until it is
    sure."""
    draw = Random(SEED)
    size = len(next(iter(known.values())))
    total = [0.0] * size
    for _ in range(_TRIALS):
        weight = (_ALPHA + draw.gauss(0.0, 1.0) * _ALPHA_WIDTH) / _BASE_FREQUENCY
        chances = [1.0 / size] * size
        for step in range(_MAX_STEPS + 1):
            chances = [c * (weight + p) for c, p in zip(chances, known[draw.choice(grams)], strict=True)]
            if step % 5 == 0:
                whole = sum(chances)
                chances = [c / whole for c in chances]
                if max(chances) > _SURE:
                    break
        total = [t + c / _TRIALS for t, c in zip(total, chances, strict=True)]
    return total


@lru_cache(maxsize=1)
def _factory() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()  # our own: the library's global one belongs to the program that uses us
    profiles = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if not path.name.startswith("."))
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles if path.is_file()])
    factory.seed = SEED
    return factory


def _prepare(text: str) -> str:
    """The text that n-grams are taken from: without addresses, 10,000 characters, without Latin amid other
    script."""
    from langdetect.detector import Detector
    from langdetect.utils.ngram import NGram

    text = Detector.MAIL_RE.sub(" ", Detector.URL_RE.sub(" ", text))
    text = _SPACES.sub(" ", NGram.normalize_vi(text)[:_MAX_CHARS])
    if 2 * len(_LATIN.findall(text)) < len(_OTHER.findall(text)):
        text = _LATIN.sub("", text)
    return "".join(map(_normal, text))


@lru_cache(maxsize=1 << 14)
def _normal(char: str) -> str:
    from langdetect.utils.ngram import NGram

    normal: str = NGram.normalize(char)
    return normal


def _grams(text: str) -> list[str]:
    """The n-grams of `text` that a profile knows, in langdetect's order."""
    grams: list[str] = []
    words = text.split(" ")
    last = len(words) - 1
    for at, word in enumerate(words):
        if word:
            cut = _of_word if len(word) <= _MAX_CACHED else _of_word.__wrapped__
            grams += cut(word, at < last)
    return grams


@lru_cache(maxsize=1 << 16)
def _of_word(word: str, closed: bool) -> tuple[str, ...]:
    """The n-grams of a word; `closed` says that a space follows.

    A word counts with the space before it. From the second of two capitals in a row on nothing counts until a
    character comes that is no capital: names in capitals say little about a language.
    """
    known = _factory().word_lang_prob_map
    found = []
    before, capitals = " ", False
    spaced = f" {word} " if closed else f" {word}"
    for at in range(1, len(spaced)):
        char = spaced[at]
        capitals = char.isupper() and (capitals or before.isupper())
        before = char
        if capitals:
            continue
        for size in (1, 2, 3):
            gram = spaced[at + 1 - size : at + 1] if size <= at + 1 else ""
            if gram != " " and gram in known:
                found.append(gram)
    return tuple(found)
