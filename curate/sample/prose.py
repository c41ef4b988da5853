"""Sentences of the sample crawl: templates filled by hash, one seed gives one text everywhere."""

import functools
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, TypeVar

T = TypeVar("T")
SLOT = re.compile(r"\{(\w+)\}")
ARTICLE = re.compile(r"\b([Aa]) (?=(?:old|unfinished|unusually|almost|ivory)\b)")


@functools.lru_cache(maxsize=2)
def load(name: str) -> dict[str, Any]:
    """The vocabulary `name` ("prose" or "languages")."""
    return tomllib.loads(files("curate.sample").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


class Writer:
    """Writes text from a seed. Two writers with one seed and one order of calls write the same."""

    def __init__(self, seed: str, language: str = "en", topic: str = "bakehouse") -> None:
        self.seed = seed
        self.language = language
        self.calls = 0
        self.unused: dict[str, list[str]] = {}
        self.vocabulary: Mapping[str, Sequence[str]]
        if language == "en":
            prose = load("prose")
            self.vocabulary = {**prose["words"], **prose["english"], **prose["topic"][topic]}
        else:
            self.vocabulary = load("languages")[language]

    def below(self, limit: int) -> int:
        """A number from 0 to `limit - 1`."""
        self.calls += 1
        digest = hashlib.blake2b(f"{self.seed}\0{self.calls}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % limit

    def pick(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def fill(self, template: str) -> str:
        """`template` with its slots filled; a slot that occurs twice gets two different words."""
        used: set[str] = set()

        def word(match: re.Match[str]) -> str:
            options = [option for option in self.vocabulary[match[1]] if option not in used]
            used.add(chosen := self.pick(options))
            return chosen

        return ARTICLE.sub(r"\1n ", SLOT.sub(word, template))

    def phrase(self, kind: str) -> str:
        """A heading, a list entry or the like: `kind` names a list of templates."""
        return capitalized(self.fill(self.pick(self.vocabulary[kind])))

    def sentence(self) -> str:
        """The next sentence; no template comes twice before all have come once."""
        waiting = self.unused.get("sentences") or list(self.vocabulary["sentences"])
        template = waiting.pop(self.below(len(waiting)))
        self.unused["sentences"] = waiting
        return capitalized(self.fill(template))

    def paragraph(self, sentences: int) -> str:
        glue = "" if self.language in ("zh", "ja") else " "
        return glue.join(self.sentence() for _ in range(sentences))

    def article(self, paragraphs: int = 5) -> list[str]:
        """Paragraphs of two to four sentences each."""
        return [self.paragraph(2 + self.below(3)) for _ in range(paragraphs)]


def capitalized(text: str) -> str:
    """`text` with its first letter in upper case and the others as they are."""
    return text[:1].upper() + text[1:]
