"""Fast tokenizing with a byte-level BPE: split a text into pieces as the tokenizer does, and look each piece up.

Natural text repeats its words, so nearly every piece was seen before; a dictionary answers about four times as fast as
the tokenizer's own splitting. Exact by construction and by test: a piece that is new is given to the tokenizer's own
model; and a text is only split here when the two regular expression engines agree on every character in it.
"""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import regex

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from curate.tokens.pretoken_counts import PieceCounter

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""The split of the pre-tokenizer ByteLevel(use_regex=True), as published with GPT-2."""
LAST_TRIED, BLOCK = 0x20000, 256
TRIED = (*range(0x3100), *range(0x3100, 0xD800), *range(0xF900, 0x10000), *range(0x1F000, 0x1FB00))
"""Characters beyond are left to the tokenizer, and so are those on which the engines differ."""
_PROBE, _SHORT_PROBE = "a?a 1?1 .?. ?? '? \n?\n ?", "a?a 1? .?\n?"
"""What is tried with `?` replaced: all for characters below U+3100, white space and apostrophes among them."""
CACHED_PIECES, CACHED_LENGTH = 1 << 20, 64


class Pieces:
    """Token ids and counts of texts, for one tokenizer."""

    def __init__(self, tokenizer: "Tokenizer", pattern: str) -> None:
        self._tokenizer = tokenizer
        self._split = regex.compile(pattern).findall
        self._strange = _strange_characters(tokenizer, pattern)
        self._plain_ascii = not self._strange.search("".join(map(chr, range(128))))
        self._ids = _Cache(tokenizer.model)
        self._sizes = _Sizes(self._ids)
        self._counter = self._compiled(pattern)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens."""
        left = [text for text in texts if not self._ours(text)]
        rest = iter(self._tokenizer.encode_batch_fast(left, add_special_tokens=False))
        self._bound()
        ids = self._ids.__getitem__
        return [
            list(chain.from_iterable(map(ids, self._split(text)))) if self._ours(text) else next(rest).ids
            for text in texts
        ]

    def _compiled(self, pattern: str) -> "PieceCounter | None":
        # numba takes 0.3 s to import, and who only draws counts nothing
        from curate.tokens.pretoken_counts import STYLES, PieceCounter, classes

        style = STYLES.get(pattern)
        if style is None:
            return None
        table = classes(style, self._strange, LAST_TRIED)
        return PieceCounter(style, table, self._sizes.__getitem__, CACHED_PIECES)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens."""
        if self._counter is None:
            return self._count(texts)
        found = self._counter.count(texts)
        left = [text for text, size in zip(texts, found, strict=True) if size < 0]
        rest = iter(self._count(left))
        self._bound()
        return [size if size >= 0 else next(rest) for size in found]

    def _count(self, texts: Sequence[str]) -> list[int]:
        left = [text for text in texts if not self._ours(text)]
        rest = iter(self._tokenizer.encode_batch_fast(left, add_special_tokens=False))
        self._bound()
        size = self._sizes.__getitem__
        return [sum(map(size, self._split(text))) if self._ours(text) else len(next(rest)) for text in texts]

    def _ours(self, text: str) -> bool:
        return (self._plain_ascii and text.isascii()) or not self._strange.search(text)

    def _bound(self) -> None:
        if len(self._ids) > CACHED_PIECES:
            self._ids.clear()
            self._sizes.clear()


class _Cache(dict[str, tuple[int, ...]]):
    """Ids by piece; a new piece is asked of the tokenizer's model."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def __missing__(self, piece: str) -> tuple[int, ...]:
        letters = piece.encode("utf-8").decode("latin-1").translate(_LETTERS)
        ids = tuple(token.id for token in self._model.tokenize(letters))
        if len(piece) <= CACHED_LENGTH:
            self[piece] = ids
        return ids


class _Sizes(dict[str, int]):
    """Number of ids by piece."""

    def __init__(self, ids: _Cache) -> None:
        super().__init__()
        self._ids = ids

    def __missing__(self, piece: str) -> int:
        size = len(self._ids[piece])
        if len(piece) <= CACHED_LENGTH:
            self[piece] = size
        return size


def _byte_letters() -> dict[int, str]:
    """The letter that stands for each byte in a byte-level vocabulary: itself when printable, else the next free
    one."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


_LETTERS = _byte_letters()


def of(tokenizer: "Tokenizer") -> Pieces | None:
    """The fast way for a `tokenizers.Tokenizer`, or None when it is not a plain byte-level BPE."""
    pattern = pattern_of(json.loads(tokenizer.to_str()))
    if pattern is None:
        return None
    try:
        return Pieces(tokenizer, pattern)
    except regex.error:  # a pattern of another dialect
        return None


def pattern_of(description: dict[str, Any]) -> str | None:
    """The regular expression that splits texts, when nothing else happens to them before the merges."""
    model, before = description.get("model") or {}, description.get("pre_tokenizer") or {}
    plain = model.get("type") == "BPE" and not model.get("dropout") and description.get("normalizer") is None
    added = all(token.get("special") for token in description.get("added_tokens") or [])
    if not (plain and added):
        return None
    steps = before.get("pretokenizers", []) if before.get("type") == "Sequence" else [before]
    if not steps or steps[-1].get("type") != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return None
    if len(steps) == 1:
        return GPT2 if steps[0].get("use_regex", True) else None
    split = steps[0]
    if len(steps) != 2 or steps[1].get("use_regex", True) or split.get("type") != "Split":
        return None
    found = (split.get("pattern") or {}).get("Regex")
    isolated = split.get("behavior") == "Isolated" and not split.get("invert")
    return found if isolated and isinstance(found, str) else None


@lru_cache(maxsize=4)
def _agreed(pre_tokenizer: str, pattern: str) -> frozenset[int]:
    """Characters that both engines take for the same: each is tried beside letters, digits, signs and spaces."""
    from tokenizers import Tokenizer

    split, before = regex.compile(pattern), Tokenizer.from_str(pre_tokenizer).pre_tokenizer

    def agree(codes: Sequence[int]) -> bool:
        probe = "".join((_PROBE if code < 0x3100 else _SHORT_PROBE).replace("?", chr(code)) for code in codes)
        theirs = [place for _, place in before.pre_tokenize_str(probe)]
        return theirs == [match.span() for match in split.finditer(probe)]

    agreed = list[int]()
    for start in range(0, len(TRIED), BLOCK):
        codes = TRIED[start : start + BLOCK]
        agreed += codes if agree(codes) else [code for code in codes if agree([code])]
    return frozenset(agreed)


def _strange_characters(tokenizer: "Tokenizer", pattern: str) -> Any:
    """A pattern that finds any character on which the engines may differ."""
    description = json.loads(tokenizer.to_str())
    description["model"] = {"type": "BPE", "vocab": {}, "merges": []}
    description["added_tokens"], description["post_processor"] = [], None
    agreed = _agreed(json.dumps(description), pattern)
    strange = [code for code in range(LAST_TRIED) if code not in agreed]
    listed = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _ranges(strange))
    return re.compile(f"[{listed}\\U{LAST_TRIED:08x}-\\U0010ffff]")


def _ranges(codes: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, last) of what lies side by side."""
    found = list[tuple[int, int]]()
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found
