"""What a text has that another one lacks, word by word: the measure of `contain`, shown in the text as it is written.

A word is held when an n-gram that covers it stands in the other text. So it takes one pass over each, whatever they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from curate.filters.scripts import part_words

NGRAM = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text, with the white space behind it; joined they are the text."""

    text: str
    words: int
    """Words of it, as MinHash counts them."""
    held: bool
    """Whether they stand in the other text."""


def pieces(text: str, other: str, ngram: int = NGRAM) -> list[Piece]:
    """The text cut into stretches that the other text holds, or lacks."""
    from curate.dedup import kernel

    found = tokens(text)
    words = words_of(found)
    flat = [word for own in words for word in own]
    grams = _grams(kernel.words(other), ngram)
    held = [False] * len(flat)
    for at, gram in enumerate(_each(flat, ngram)):
        if gram in grams:
            held[at : at + ngram] = [True] * len(held[at : at + ngram])
    marks, at = list[bool](), 0
    for own in words:
        known = all(held[at : at + len(own)]) if own else (marks[-1] if marks else True)
        marks.append(known)
        at += len(own)
    joined = []
    for known, group in groupby(zip(marks, found, words, strict=True), key=lambda one: one[0]):
        stretch = list(group)
        joined.append(Piece("".join(token for _, token, _ in stretch), sum(len(w) for _, _, w in stretch), known))
    return joined


def tokens(text: str) -> list[str]:
    """The words of a text as it is written, each with what stands between it and the next one."""
    starts, at = [0], 0
    for word in part_words(text).split():
        at = text.index(word, at)
        starts.append(at)
        at += len(word)
    return [text[start:end] for start, end in pairwise([*starts, len(text)]) if start < end]


def words_of(found: Sequence[str]) -> list[list[str]]:
    """The words of each of the `tokens` of a text: marks alone are words only where the whole text has no letter."""
    from curate.dedup import kernel

    lettered = [any(map(str.isalnum, token)) for token in found]
    marks_alone = not any(lettered)
    return [kernel.words(token) if has or marks_alone else [] for token, has in zip(found, lettered, strict=True)]


def _each(words: Sequence[str], ngram: int) -> Iterator[tuple[str, ...]]:
    if not words:
        return
    for at in range(max(1, len(words) - ngram + 1)):
        yield tuple(words[at : at + ngram])


def _grams(words: Sequence[str], ngram: int) -> set[tuple[str, ...]]:
    return set(_each(words, ngram))


def lacking(text: str, other: str, ngram: int = NGRAM) -> list[Piece]:
    """The stretches of `text` that `other` does not hold."""
    return [piece for piece in pieces(text, other, ngram) if not piece.held and piece.words]


def excerpts(found: Sequence[Piece], context: int = 60, most: int = 2_000) -> list[Piece]:
    """Stretches that are held, cut to `context` characters beside what is lacking; up to about `most` characters in all."""
    shown: list[Piece] = []
    size = 0
    for at, piece in enumerate(found):
        text = piece.text if not piece.held else _cut(piece.text, context, at > 0, at + 1 < len(found))
        text = text if len(text) <= most - size else f"{text[: most - size]}…"
        shown.append(Piece(text, piece.words, piece.held))
        size += len(text)
        if size >= most:
            break
    return shown


def _cut(text: str, context: int, before: bool, behind: bool) -> str:
    """The ends of a stretch that stand next to others; of one that stands alone the beginning."""
    if len(text) <= 2 * context + 3:
        return text
    head = text[:context] if before or not behind else ""
    return f"{head} … {text[-context:] if behind else ''}"
