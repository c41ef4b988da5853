"""A linear model of quality: the shape of a text and its words, each with a weight that can be read.

A text becomes (1) a few signals of its shape, each put into one of the ranges that training has found, and (2) its words and
pairs of words, hashed into `buckets` places, each with 1 + log(times), all divided by the length of that vector. The weights of
both are added up; the logistic function makes a score from 0 to 1 of the sum. Words are runs of letters and digits in small
letters, each character of Chinese, Japanese and Korean by itself.

A model is a folder: `model.json` (the card, with ranges and weights of signals) and `words.f32` (weights of the buckets, little
endian). Reading it runs nothing; each length and each number is looked at before it is used.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from curate.filters.jit import Array, Number, compiled, hot, inner

FORMAT, VERSION = "curate-quality-linear", 1
CARD, WORDS = "model.json", "words.f32"
SIGNALS = (
    "words", "mean_line_chars", "stop_words", "mean_word_chars", "ended_lines", "short_lines", "capitals", "digits", "symbols",
    "other_letters", "bullet_lines", "different_words",
)  # fmt: skip
"""What is measured, in this order: the first two as log(1 + x), `mean_word_chars` as it is, the others as shares."""
_ENGLISH = """
a about after all also an and are as at be been but by can did do for from had has have he her his how i if in into is it its
just like more most my no not of on one or our out she so some than that the their them there these they this to up was we were
what when which who will with would you your
"""
STOP_WORDS = tuple(_ENGLISH.split())
"""Common English words."""
SMALLEST, LARGEST = 1 << 10, 1 << 24
"""Buckets that a model may have."""
MOST_RANGES = 256
MAX_CARD = 4 << 20
SHORT_LINE = 30
_FNV, _PRIME, _PAIR = np.uint32(2166136261), np.uint32(16777619), np.uint32(0x9E3779B1)


@dataclass(frozen=True, eq=False)
class Linear:
    """A model as it scores."""

    bias: float
    cuts: Array
    """Ends of the ranges of each signal, ascending: signals x (ranges - 1)."""
    ranges: Array
    """Weights of the ranges: signals x ranges."""
    words: Array
    """Weights of the buckets, float32; their number is a power of two."""
    stops: Array
    """Hashes of its stop words, ascending."""
    card: Mapping[str, Any]


class Features(NamedTuple):
    """A text as the model sees it."""

    signals: Array
    places: Array
    """Hashes of its words and pairs of words, ascending, each once."""
    values: Array


def features(text: str, stops: Array, buckets: int) -> Features:
    """Signals, buckets and values of a text. `stops` are `hashes` of stop words; `buckets` is a power of two."""
    raw = text.encode("utf-8", "replace")
    low = raw.lower() if text.isascii() else text.lower().encode("utf-8", "replace")
    signals, hashed = np.zeros(len(SIGNALS)), np.empty(len(low) + 1, np.uint32)
    places, values = np.empty(2 * len(low) + 2, np.int32), np.empty(2 * len(low) + 2)
    known = _measure(
        np.frombuffer(raw, np.uint8), np.frombuffer(low, np.uint8), stops, buckets - 1, signals, hashed, places
    )
    found, own = places[: max(2 * known - 1, 0)], hashed[:known]
    found.sort()  # numpy's sorts many numbers at a time
    own.sort()
    signals[-1] = _different(own) / max(known, 1)
    count = _merge(found, values)
    return Features(signals, places[:count], values[:count])


def score(model: Linear, text: str) -> float:
    """0 (bad) to 1 (good), to six digits: the last bits of another machine's logarithms don't change a corpus."""
    found = features(text, model.stops, len(model.words))
    total = _total(found.signals, found.places, found.values, model.bias, model.cuts, model.ranges, model.words)
    return logistic(float(total))


def logistic(total: float) -> float:
    """1 / (1 + exp(-total)), to six digits."""
    return round(1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, total)))), 6)


def moved(model: Linear, text: str, most: int = 12) -> list[tuple[str, float]]:
    """What moved the score of a text, the strongest first: signals with their value, words and pairs; what is added to the sum."""
    found = features(text, model.stops, len(model.words))
    places = dict(zip(found.places.tolist(), found.values.tolist(), strict=True))
    told: dict[str, float] = {}
    for at, name in enumerate(SIGNALS):
        value = float(found.signals[at])
        told[f"{name} {math.expm1(value) if at < 2 else value:.3g}"] = float(
            model.ranges[at, np.searchsorted(model.cuts[at], value, "right")]
        )
    known = words(text)
    for word in [*known, *map(" ".join, pairwise(known))]:
        place = bucket(word, len(model.words))
        told.setdefault(word, places.get(place, 0.0) * float(model.words[place]))
    return sorted(told.items(), key=lambda item: (-abs(item[1]), item[0]))[:most]


def words(text: str) -> list[str]:
    """The words of a text, as they are hashed."""
    low = text.lower().encode("utf-8", "replace")
    ends = np.empty(len(low) + 1, np.int64)
    starts = np.empty(len(low) + 1, np.int64)
    count = _cut(np.frombuffer(low, np.uint8), starts, ends)
    return [low[a:b].decode("utf-8", "replace") for a, b in zip(starts[:count], ends[:count], strict=True)]


def word_hash(word: str) -> int:
    """32 bits of a word in small letters."""
    value = int(_FNV)
    for byte in word.encode("utf-8", "replace"):
        value = (value ^ byte) * int(_PRIME) & 0xFFFFFFFF
    return value


def bucket(word: str, buckets: int) -> int:
    """The place of a word, or of two with a space between."""
    first, _, second = word.partition(" ")
    value = word_hash(first)
    if second:
        value = (value * int(_PAIR) & 0xFFFFFFFF ^ word_hash(second)) * int(_PRIME) & 0xFFFFFFFF
    return (value ^ value >> 15) & (buckets - 1)


def hashes(stop_words: tuple[str, ...] | list[str]) -> Array:
    """Sorted hashes of stop words, as `features` takes them."""
    return np.unique(np.array([word_hash(word.lower()) for word in stop_words], np.uint32))


# ---- reading ----


def shipped() -> Traversable:
    """The folder of the model that comes with this package."""
    return resources.files("curate.filters") / "data" / "quality"


def load(folder: Path | Traversable) -> Linear:
    """The model in a folder. Raises FileNotFoundError where there is none, ValueError that says what is wrong with it."""
    card_file, words_file = folder / CARD, folder / WORDS
    if not card_file.is_file() or not words_file.is_file():
        raise FileNotFoundError(
            f"no model at {folder}: expected a folder with {CARD} and {WORDS} (curate quality train)"
        )
    try:
        return _checked(card_file, words_file)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        told = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{folder} is no model of quality: {told}") from error


def _size(file: Traversable) -> int:
    return file.stat().st_size if isinstance(file, Path) else len(file.read_bytes())


def _card(card_file: Traversable) -> dict[str, Any]:
    """The card of a model of this version. Raises as `_checked` does."""
    if _size(card_file) > MAX_CARD:
        raise ValueError(f"{CARD} is larger than {MAX_CARD:,} bytes")
    card = json.loads(card_file.read_bytes())
    if not isinstance(card, dict) or (card.get("format"), card.get("version")) != (FORMAT, VERSION):
        raise ValueError(f"{CARD} is not of the format {FORMAT}, version {VERSION}")
    if card["signals"] != list(SIGNALS):
        raise ValueError("its signals are others than those of this version")
    buckets = card["buckets"]
    if type(buckets) is not int or not SMALLEST <= buckets <= LARGEST or buckets & (buckets - 1):
        raise ValueError(f"buckets must be a power of two from {SMALLEST} to {LARGEST}, got {buckets!r}")
    stop_words, bias = card["stop_words"], card["bias"]
    if not isinstance(stop_words, list) or not all(isinstance(one, str) for one in stop_words):
        raise ValueError("stop_words must be a list of texts")
    if type(bias) not in (int, float):
        raise ValueError("bias must be a number")
    return card


def _checked(card_file: Traversable, words_file: Traversable) -> Linear:
    card = _card(card_file)
    buckets, stop_words, bias = card["buckets"], card["stop_words"], card["bias"]
    if _size(words_file) != 4 * buckets:
        raise ValueError(f"{WORDS} holds {_size(words_file):,} bytes, {buckets:,} buckets are {4 * buckets:,}")
    data = words_file.read_bytes()
    if hashlib.sha256(data).hexdigest() != card["words_sha256"]:
        raise ValueError(f"{WORDS} is not the file that {CARD} was written with")
    ranges = _table(card["ranges"], "ranges")
    cuts = _table(card["cuts"], "cuts")
    if not 1 <= ranges.shape[1] <= MOST_RANGES or cuts.shape[1] != ranges.shape[1] - 1:
        raise ValueError(f"{ranges.shape[1]} ranges and {cuts.shape[1]} cuts do not fit together")
    if (np.diff(cuts, axis=1) < 0).any():
        raise ValueError("cuts must ascend")
    words = np.frombuffer(data, "<f4").astype(np.float32)
    for name, values in (("bias", np.array(bias)), ("ranges", ranges), ("cuts", cuts), (WORDS, words)):
        if not np.isfinite(values).all() or np.abs(values).max(initial=0) > 1e6:
            raise ValueError(f"{name} holds a number that is not finite, or huge")
    return Linear(float(bias), cuts, ranges, words, hashes(stop_words), card)


def _table(value: object, name: str) -> Array:
    """A table of numbers with a row for each signal."""
    rows = value if isinstance(value, list) else []
    plain = all(isinstance(row, list) and all(type(one) in (int, float) for one in row) for row in rows)
    if len(rows) != len(SIGNALS) or not plain or len({len(row) for row in rows}) != 1:
        raise ValueError(f"{name} must be {len(SIGNALS)} rows of as many numbers each")
    return np.array(rows, np.float64).reshape(len(SIGNALS), -1)


# ---- compiled ----


@hot
def _is_word(byte: Number) -> Number:
    return 97 <= byte <= 122 or 48 <= byte <= 57 or byte >= 128


@hot
def _is_mark(low: Array, at: int) -> Number:
    """Whether a character of punctuation in three bytes stands here: U+2000 to U+206F, U+3000 to U+303F, U+FF00 to U+FF0F."""
    if low[at] < 0xE2 or at + 2 >= len(low):
        return False
    if low[at] == 0xE2:
        return low[at + 1] == 0x80 or (low[at + 1] == 0x81 and low[at + 2] <= 0xAF)
    return (low[at] == 0xE3 and low[at + 1] == 0x80) or (
        low[at] == 0xEF and low[at + 1] == 0xBC and low[at + 2] <= 0x8F
    )


@hot
def _alone(byte: Number) -> Number:
    """Whether a character with this first byte is a word by itself: kana, ideographs, hangul."""
    return 0xE3 <= byte <= 0xED


@inner
def _next(low: Array, at: int) -> tuple[int, int]:
    """The first word at or behind `at`: where it starts and ends; both the end of the text where there is none."""
    size = len(low)
    while at < size:
        if low[at] >= 0xE2 and _is_mark(low, at):
            at += 3
        elif low[at] == 0xC2 and at + 1 < size and low[at + 1] < 0xC0:  # no-break space, guillemets, the middle dot
            at += 2
        elif _is_word(low[at]):
            break
        else:
            at += 1
    start = at
    if at < size and _alone(low[at]):
        return start, min(size, at + 3)
    while at < size and _is_word(low[at]) and not _alone(low[at]):
        if low[at] == 0xC2 or (low[at] >= 0xE2 and _is_mark(low, at)):
            break
        at += 1
    return start, max(at, min(start + 1, size))


@compiled
def _cut(low: Array, starts: Array, ends: Array) -> int:
    """Write where words start and end; returns how many there are."""
    count, at = 0, 0
    while True:
        start, at = _next(low, at)
        if start >= len(low):
            return count
        starts[count], ends[count] = start, at
        count += 1


@compiled
def _measure(raw: Array, low: Array, stops: Array, mask: int, signals: Array, hashed: Array, places: Array) -> int:
    """Fill signals, hashes of words, and places of words and pairs; returns how many words there are."""
    count, n, at, stopped, chars, before = 0, 0, 0, 0, 0, np.uint32(0)
    while True:
        start, at = _next(low, at)
        if start >= len(low):
            break
        value = _FNV
        for i in range(start, at):
            value = np.uint32((value ^ np.uint32(low[i])) * _PRIME)
            chars += 1 if low[i] & 0xC0 != 0x80 else 0
        stopped += _is_among(stops, value)
        hashed[count] = value
        places[n] = np.int64(value ^ (value >> np.uint32(15))) & mask
        n += 1
        if count:
            pair = np.uint32((np.uint32(before * _PAIR) ^ value) * _PRIME)
            places[n] = np.int64(pair ^ (pair >> np.uint32(15))) & mask
            n += 1
        count += 1
        before = value
    _shape(raw, signals)
    signals[0] = math.log(1.0 + count)
    signals[2] = stopped / max(count, 1)
    signals[3] = chars / max(count, 1)
    return count


@inner
def _is_among(stops: Array, value: Number) -> int:
    low, high = 0, len(stops)
    while low < high:
        middle = (low + high) // 2
        if stops[middle] < value:
            low = middle + 1
        else:
            high = middle
    return 1 if low < len(stops) and stops[low] == value else 0


@compiled
def _different(ordered: Array) -> int:
    """How many different numbers there are."""
    count = 0
    for i in range(len(ordered)):
        count += 1 if i == 0 or ordered[i] != ordered[i - 1] else 0
    return count


@compiled
def _merge(found: Array, values: Array) -> int:
    """Each of the sorted places once, with 1 + log(times) over the length of all; returns how many are left."""
    kept, i, square = 0, 0, 0.0
    while i < len(found):
        j = i
        while j < len(found) and found[j] == found[i]:
            j += 1
        value = 1.0 + math.log(j - i)
        found[kept], values[kept] = found[i], value
        square += value * value
        kept += 1
        i = j
    length = math.sqrt(square) if square > 0 else 1.0
    for i in range(kept):
        values[i] /= length
    return kept


@inner
def _shape(raw: Array, signals: Array) -> None:
    """The signals of lines and characters."""
    lines, line_chars, ended, short, bulleted = 0, 0, 0, 0, 0
    capitals, letters, digits, symbols, others, solid = 0, 0, 0, 0, 0, 0
    at, size = 0, len(raw)
    while at < size:
        end = at
        while end < size and raw[end] != 10 and raw[end] != 13:
            end += 1
        first, last = at, end
        while first < last and raw[first] <= 32:
            first += 1
        while last > first and raw[last - 1] <= 32:
            last -= 1
        at = end + 1
        if first == last:
            continue
        chars = 0
        for i in range(first, last):
            byte = raw[i]
            if byte & 0xC0 == 0x80:
                continue
            chars += 1
            if byte <= 32:
                continue
            solid += 1
            if 97 <= byte <= 122:
                letters += 1
            elif 65 <= byte <= 90:
                letters += 1
                capitals += 1
            elif 48 <= byte <= 57:
                digits += 1
            elif byte < 128:
                symbols += 1
            else:
                others += 1
        lines += 1
        line_chars += chars
        short += chars <= SHORT_LINE
        ended += _ends(raw, first, last)
        byte = raw[first]
        bulleted += (
            byte == 42
            or byte == 45
            or byte == 124
            or (byte == 0xE2 and last - first > 2 and raw[first + 1] == 0x80 and raw[first + 2] == 0xA2)
        )
    signals[1] = math.log(1.0 + line_chars / max(lines, 1))
    signals[4] = ended / max(lines, 1)
    signals[5] = short / max(lines, 1)
    signals[6] = capitals / max(letters, 1)
    signals[7] = digits / max(solid, 1)
    signals[8] = symbols / max(solid, 1)
    signals[9] = others / max(solid, 1)
    signals[10] = bulleted / max(lines, 1)


@inner
def _ends(raw: Array, first: int, last: int) -> Number:
    """Whether a line ends as sentences do: . ! ? and their East Asian forms, behind closing marks too; not in three dots."""
    while last > first:
        byte = raw[last - 1]
        if byte == 34 or byte == 39 or byte == 41 or byte == 93:
            last -= 1
        elif last - first > 3 and raw[last - 3] == 0xE2 and raw[last - 2] == 0x80 and (byte == 0x9D or byte == 0x99):
            last -= 3
        else:
            break
    if last == first:
        return False
    byte = raw[last - 1]
    if byte == 46:
        return not (last - first >= 3 and raw[last - 2] == 46 and raw[last - 3] == 46)
    if byte == 33 or byte == 63:
        return True
    if last - first < 3:
        return False
    a, b = raw[last - 3], raw[last - 2]
    return (a == 0xE3 and b == 0x80 and byte == 0x82) or (a == 0xEF and b == 0xBC and (byte == 0x81 or byte == 0x9F))


@compiled
def _total(
    signals: Array, places: Array, values: Array, bias: float, cuts: Array, ranges: Array, words: Array
) -> float:
    """The sum that the logistic function takes."""
    total = bias
    for i in range(len(signals)):
        at = 0
        while at < cuts.shape[1] and cuts[i, at] <= signals[i]:
            at += 1
        total += ranges[i, at]
    for i in range(len(places)):
        total += values[i] * words[places[i]]
    return total
