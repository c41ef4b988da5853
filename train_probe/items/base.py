"""What all abilities share: a question, and a choice among many that does not depend on their order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

OPENERS = (
    "The morning was grey and nobody had come to the door yet.",
    "It was late and only one lamp was still burning in the house.",
    "Rain had fallen on the roofs of the little town all night.",
    "The kitchen smelled of bread and the window stood half open.",
    "A cold wind came down from the hills and shook the fence.",
    "Nothing much had happened in the street since the bell rang.",
    "The long summer was over and the first leaves lay about.",
    "Somebody had left a wet coat hanging over the garden gate.",
    "The boat had come back early and lay tied to the post.",
    "All the shops were shut and the square was nearly empty.",
    "The old clock in the hall had stopped again before noon.",
    "There was snow along the wall and smoke above the chimney.",
)
"""Sentences of eleven or twelve words that say nothing about what is asked."""


@dataclass(frozen=True)
class Item:
    """One question: its choices begin with what stands between them and the context."""

    context: str
    right: str
    wrong: tuple[str, ...]
    level: int

    def row(self) -> dict[str, object]:
        """As a line of a file; the place of the right choice follows from a hash."""
        choices = sorted((self.right, *self.wrong), key=lambda choice: number(self.context + "|" + choice))
        return {
            "context": self.context,
            "choices": choices,
            "answer": choices.index(self.right),
            "level": self.level,
        }


def number(text: str) -> int:
    """A number that looks random and depends on the text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def opened(context: str, which: int = 0) -> str:
    """The context after a sentence that has nothing to do with it."""
    return f"{OPENERS[(number(context) + which) % len(OPENERS)]} {context}"


def chosen(items: Iterable[Item], each: int) -> list[Item]:
    """At most `each` items of every level, by hash; two with the same context and right choice are one."""
    levels: dict[int, dict[tuple[str, str], Item]] = {}
    for item in items:
        if item.right in item.wrong or len(set(item.wrong)) < len(item.wrong):
            raise ValueError(f"two choices are the same: {item}")
        levels.setdefault(item.level, {}).setdefault((item.context, item.right), item)
    out = []
    for _, found in sorted(levels.items()):
        out += sorted(found.values(), key=lambda item: number(item.context + item.right))[:each]
    return out
