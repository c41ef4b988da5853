"""N-gram language models: what a text's perplexity is under a model with back-off.

A model is a folder: `model.json` (the card) and `tables.u64` (little endian), and `tokenizer.json` where its words are a tokenizer's
pieces. The tables hold one open-addressed table for each length of n-gram, one behind the other; an entry is the n-gram's hash of 64
bits (0: free), the logarithm to base 10 of its probability, and that of its back-off weight, as in an ARPA file. Two n-grams of one
hash are as unlikely as in KenLM (Heafield 2011), whose "probing" model this is; words have no numbers, their hashes are their keys.
The file is mapped: processes share it. Reading it runs nothing; each length and each number is looked at before it is used.

A text is scored line by line, each between a mark of its beginning and one of its end; blank lines are none.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash

from curate.filters.jit import Array, Number, compiled, hot
from curate.filters.scripts import is_unspaced, part_words
from curate.filters.text import combining, parted

FORMAT, VERSION = "curate-ngram", 1
CARD, TABLES, TOKENIZER = "model.json", "tables.u64", "tokenizer.json"
LARGEST_ORDER = 8
LONGEST_WORD = 255
"""Bytes; what is longer is an unknown word."""
UNKNOWN, START, END = b"<unk>", b"<s>", b"</s>"
WORDS, PLAIN, PIECES = "words", "plain", "tokenizer"
KINDS = (WORDS, PLAIN, PIECES)
"""What a model's words are: `words` in small letters, marks by themselves, digits as 0; what stands between white space; a
tokenizer's pieces."""
MAX_CARD = 4 << 20
_FNV, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_29, _32, _0, _1 = np.uint64(29), np.uint64(32), np.uint64(0), np.uint64(1)


@dataclass(frozen=True, eq=False)
class Ngrams:
    """A model as it scores."""

    order: int
    table: Array
    """Entries, uint64: hash, and both logarithms as float32."""
    firsts: Array
    """Where the table of each order begins, in entries."""
    slots: Array
    """How many entries it has room for."""
    words: Callable[[str], str]
    """A text as the model reads it: words with spaces between, in lines."""
    card: Mapping[str, Any]


class Score(NamedTuple):
    """What a model says of a text."""

    log10: float
    """Logarithm of its probability."""
    words: int
    """Words, with one end for each line."""
    unknown: int
    """Words that the model doesn't know."""

    @property
    def perplexity(self) -> float:
        """Six digits: the last bits of another machine's logarithms don't change a corpus."""
        return float(f"{10.0 ** min(300.0, -self.log10 / self.words):.6g}")


def score(model: Ngrams, text: str) -> Score:
    """The probability of a text; one without words counts as one empty line."""
    return score_words(model, model.words(text))


def score_words(model: Ngrams, words: str) -> Score:
    """The same of words with spaces between, in lines."""
    data = np.frombuffer(words.encode("utf-8", "replace"), np.uint8)
    counts = np.zeros(2, np.int64)
    total = _score(
        data, model.table, model.table.view(np.float32), model.firsts, model.slots, model.order, START_HASH, END_HASH,
        UNKNOWN_HASH, np.empty(LARGEST_ORDER, np.uint64), np.empty(LARGEST_ORDER), np.empty(LARGEST_ORDER), counts,
    )  # fmt: skip
    return Score(float(total), int(counts[0]), int(counts[1]))


# ---- words ----

_MARKS = {code: f" {chr(code)} " for code in range(128) if re.match(r"[^\w\s]", chr(code))}
_ASCII = {**_MARKS, **dict.fromkeys(range(48, 58), "0")}
_BEYOND = re.compile(r"([^\x00-\x7f]+)")
_KEPT, _MARK, _DIGIT, _BLANK, _LINE = range(5)


def plain_words(text: str) -> str:
    """Words as `words` models read them: small letters, each digit 0, marks by themselves, one form of Unicode (NFKC)."""
    low = text.lower()
    if low.isascii():
        return _cut_ascii(low, _kinds("\t\r\x0b\x0c "))
    pieces = _BEYOND.split(low)
    spelled = [one for one in map(_spelled, pieces[1::2]) if one is not None]
    if len(spelled) < len(pieces) // 2:
        return words_of_any(low)
    pieces[1::2] = spelled
    return _cut_ascii("".join(pieces), _kinds("\t\r\x0b\x0c\x1c\x1d\x1e\x1f "))


def words_of_any(low: str) -> str:
    """The same of a text in small letters of any script, as a few expressions say it."""
    text = unicodedata.normalize("NFKC", parted(low)).translate(_ASCII)
    text = re.sub(r"\d", "0", _marks().sub(r" \g<0> ", text))
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


@lru_cache(maxsize=1 << 13)
def _spelled(run: str) -> str | None:
    """Characters beyond ASCII as `words_of_any` leaves them, ASCII among them apart; None where what they become hangs on those beside."""
    if is_unspaced(run) or part_words(run) != run or _accents().search(run):
        return None
    text = re.sub(r"\d", "0", _marks().sub(r" \g<0> ", unicodedata.normalize("NFKC", run)))
    return re.sub(r"\s", " ", text)


def _cut_ascii(text: str, kinds: Array) -> str:
    """Marks by themselves, digits as 0, one space between words and none at the ends of lines."""
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    out = np.empty(3 * len(data), np.uint8)
    return out[: _cut(data, kinds, out)].tobytes().decode()


@lru_cache(maxsize=2)
def _kinds(blanks: str) -> Array:
    """What each byte is."""
    kinds = np.full(256, _KEPT, np.uint8)
    kinds[[*_MARKS]], kinds[48:58], kinds[[*blanks.encode()]], kinds[10] = _MARK, _DIGIT, _BLANK, _LINE
    return kinds


@lru_cache(maxsize=1)
def _marks() -> re.Pattern[str]:
    return re.compile(rf"[^\w\s\x00-\x7f{combining()}]")


@lru_cache(maxsize=1)
def _accents() -> re.Pattern[str]:
    return re.compile(rf"[{combining()}]")


def same_words(text: str) -> str:
    """Words as they stand, for models that were made elsewhere."""
    return text


def pieces_of(tokenizer: Path) -> Callable[[str], str]:
    """A function from a text to the pieces of a tokenizer. ValueError where the file is none."""
    from tokenizers import Tokenizer

    try:
        loaded = Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{tokenizer} is not a tokenizer.json: {error}") from error
    loaded.no_truncation()
    loaded.no_padding()
    loaded.encode_special_tokens = True

    def pieces(text: str) -> str:
        lines = [loaded.encode(line, add_special_tokens=False).tokens for line in text.split("\n") if line.strip()]
        return "\n".join(" ".join("▁".join(piece.split()) or "▁" for piece in line) for line in lines)

    return pieces


def reader_of(kind: str, tokenizer: Path) -> Callable[[str], str]:
    """How a model of a kind reads texts."""
    return {WORDS: plain_words, PLAIN: same_words}.get(kind) or pieces_of(tokenizer)


# ---- reading ----


def files(folder: Path) -> tuple[Path, ...]:
    """The files of a model, the tokenizer where it has one."""
    tokenizer = folder / TOKENIZER
    return (folder / CARD, folder / TABLES, *((tokenizer,) if tokenizer.is_file() else ()))


@lru_cache(maxsize=4)
def load(folder: Path) -> Ngrams:
    """The model in a folder. Raises FileNotFoundError where there is none, ValueError that says what is wrong with it."""
    card, tables = folder / CARD, folder / TABLES
    if not card.is_file() or not tables.is_file():
        raise FileNotFoundError(f"no n-gram model at {folder}: expected {CARD} and {TABLES} (curate ngram train)")
    try:
        return _checked(folder, card, tables)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        told = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{folder} is no n-gram model: {told}") from error


def _card(card_file: Path) -> dict[str, Any]:
    """The card of a model, whose figures can be those of a model. Raises as `_checked` does."""
    if card_file.stat().st_size > MAX_CARD:
        raise ValueError(f"{CARD} is larger than {MAX_CARD:,} bytes")
    card = json.loads(card_file.read_bytes())
    if not isinstance(card, dict) or (card.get("format"), card.get("version")) != (FORMAT, VERSION):
        raise ValueError(f"{CARD} is not of the format {FORMAT}, version {VERSION}")
    order, counts, slots, kind = card["order"], card["counts"], card["slots"], card["words"]
    if type(order) is not int or not 1 <= order <= LARGEST_ORDER:
        raise ValueError(f"order must be from 1 to {LARGEST_ORDER}, got {order!r}")
    for name, value in (("counts", counts), ("slots", slots)):
        whole = isinstance(value, list) and all(type(one) is int and 0 <= one < 1 << 32 for one in value)
        if not whole or len(value) != order:
            raise ValueError(f"{name} must be {order} numbers below 2^32")
    if kind not in KINDS:
        raise ValueError(f"words must be {', '.join(KINDS)}, got {kind!r}")
    if any(room <= count for count, room in zip(counts, slots, strict=True)):
        raise ValueError("a table has no free entry")
    return card


def _checked(folder: Path, card_file: Path, tables: Path) -> Ngrams:
    card = _card(card_file)
    order, counts, slots, kind = card["order"], card["counts"], card["slots"], card["words"]
    if tables.stat().st_size != 16 * sum(slots):
        raise ValueError(f"{TABLES} holds {tables.stat().st_size:,} bytes, its tables need {16 * sum(slots):,}")
    table = np.memmap(tables, "<u8", "r")
    if xxhash.xxh3_128_hexdigest(table.data) != card["tables_xxh3"]:
        raise ValueError(f"{TABLES} is not the file that {CARD} was written with")
    firsts = np.cumsum([0, *slots])[:-1]
    for n, (first, room, count) in enumerate(zip(firsts.tolist(), slots, counts, strict=True), 1):
        if (
            _entries(table[2 * first : 2 * (first + room)], table.view(np.float32)[4 * first : 4 * (first + room)])
            != count
        ):
            raise ValueError(f"the table of {n}-grams is damaged, or holds a number that no logarithm can be")
    model = Ngrams(
        order, np.asarray(table), firsts, np.array(slots, np.int64), reader_of(kind, folder / TOKENIZER), card
    )
    if min(find(model.table, model.firsts, model.slots, 1, key) for key in (UNKNOWN_HASH, END_HASH, START_HASH)) < 0:
        raise ValueError("it lacks <unk>, <s> or </s>")
    return model


# ---- compiled ----


@compiled
def _cut(text: Array, kinds: Array, out: Array) -> int:
    """Write the words of a text to `out`; returns how many bytes these are."""
    size, begun, parts = 0, False, False  # whether the line has a word; whether a space is due
    for i in range(len(text)):
        byte = text[i]
        kind = kinds[byte]
        if kind == _BLANK:
            parts = True
            continue
        if kind == _LINE:
            out[size] = byte
            size += 1
            begun, parts = False, False
            continue
        if begun and (parts or kind == _MARK):
            out[size] = 32
            size += 1
        out[size] = 48 if kind == _DIGIT else byte
        size += 1
        begun, parts = True, kind == _MARK
    return size


@compiled
def _entries(table: Array, floats: Array) -> int:
    """How many entries there are; -1 where one has a number that can't be."""
    count = 0
    for at in range(len(table) // 2):
        if table[2 * at] != _0:
            chance, back = floats[4 * at + 2], floats[4 * at + 3]
            if not (-1000.0 <= chance <= 0.0) or not (-1000.0 <= back <= 1000.0):
                return -1
            count += 1
    return count


@compiled
def word_hash(text: Array, start: int, stop: int) -> Number:
    """64 bits of a word, never 0."""
    value = _FNV
    for i in range(start, stop):
        value = (value ^ np.uint64(text[i])) * _PRIME
    value = (value ^ (value >> _32)) * _B
    value ^= value >> _29
    return value if value != _0 else _1


@compiled
def longer(key: Number, word: Number) -> Number:
    """The hash of an n-gram with one more word before it, never 0."""
    value = (key + _B) * _A ^ word * _B
    value ^= value >> _29
    return value if value != _0 else _1


@compiled
def place(key: Number, slots: int) -> Number:
    """Where the search for a hash begins."""
    return np.int64(((key >> _32) * np.uint64(slots)) >> _32)


@compiled
def find(table: Array, firsts: Array, slots: Array, n: int, key: Number) -> Number:
    """The entry of an n-gram, -1 where there is none."""
    first, room = firsts[n - 1], slots[n - 1]
    at = place(key, room)
    for _ in range(room):
        found = table[2 * (first + at)]
        if found == key:
            return first + at
        if found == _0:
            return -1
        at = at + 1 if at + 1 < room else 0
    return -1


@compiled
def put(table: Array, firsts: Array, slots: Array, n: int, key: Number) -> Number:
    """A new entry for an n-gram; -1 where its hash is there, or there is no room."""
    first, room = firsts[n - 1], slots[n - 1]
    at = place(key, room)
    for _ in range(room):
        if table[2 * (first + at)] == key:
            return -1
        if table[2 * (first + at)] == _0:
            table[2 * (first + at)] = key
            return first + at
        at = at + 1 if at + 1 < room else 0
    return -1


@hot
def blank(byte: Number) -> Any:
    """White space between words of one line."""
    return byte == 32 or byte == 9 or 11 <= byte <= 13


@compiled
def _score(
    text: Array, table: Array, floats: Array, firsts: Array, slots: Array, order: int, start_word: Number, end_word: Number,
    unknown: Number, history: Array, backs: Array, found_backs: Array, counts: Array,
) -> float:  # fmt: skip
    """The sum of the logarithms; adds to `counts` words and unknown ones.

    `history` holds the hashes of the words before, the last one first; backs[k] is the back-off weight of the last k + 1 words.
    """
    total, at, size, length, lines = 0.0, 0, len(text), 0, 0
    fresh, start = True, find(table, firsts, slots, 1, start_word)
    while at <= size:
        while at < size and blank(text[at]):
            at += 1
        ends = at == size or text[at] == 10
        if ends and fresh and (at < size or lines > 0):
            at += 1
            continue  # a blank line
        if fresh:
            history[0], backs[0], length, fresh = start_word, floats[4 * start + 3], min(1, order - 1), False
        if ends:
            word, fresh = end_word, True
            lines += 1
            at += 1
        else:
            begin = at
            while at < size and text[at] != 10 and not blank(text[at]):
                at += 1
            word = word_hash(text, begin, at)
            if word in (start_word, end_word) or at - begin > LONGEST_WORD:
                word = unknown
        key = word
        entry = find(table, firsts, slots, 1, key)
        if entry < 0:
            word = key = unknown
            entry = find(table, firsts, slots, 1, key)
        counts[0] += 1
        counts[1] += word == unknown
        chance, found = floats[4 * entry + 2], 1
        found_backs[0] = floats[4 * entry + 3]
        for k in range(length):
            key = longer(key, history[k])
            entry = find(table, firsts, slots, k + 2, key)
            if entry < 0:
                break
            chance, found = floats[4 * entry + 2], k + 2
            found_backs[k + 1] = floats[4 * entry + 3]
        total += chance
        for k in range(found - 1, length):
            total += backs[k]
        length = min(found, order - 1)
        for k in range(length - 1, 0, -1):
            history[k] = history[k - 1]
        history[0] = word
        for k in range(length):
            backs[k] = found_backs[k]
    return total


def hash_of(word: bytes) -> np.uint64:
    """64 bits of a word."""
    return np.uint64(word_hash(np.frombuffer(word, np.uint8), 0, len(word)))


UNKNOWN_HASH, START_HASH, END_HASH = hash_of(UNKNOWN), hash_of(START), hash_of(END)
