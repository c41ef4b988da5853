"""How the words of a copy differ from those of the licence: what is missing, what was put in."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from curate.code.texts import reference_text
from curate.code.tokens import Words, words

SAME = 0.75
"""Share of a licence's words that a copy must have, in their order; most of the others are names."""
BLOCK = 4
"""Words in a row that both have, between the first and the last of which the licence stands; around it are titles and explanations."""
LONGEST = 2_500
"""Words of the longest text that is compared; longer ones differ by a small share when only names do."""

_MATTERS = re.compile(
    r"\b(?:permission|permitted|grant(?:s|ed)?|licen[sc]e[ds]?|use|copy|copies|modify|modification|merge|publish|distribute|redistribut\w*"
    r"|sublicen[sc]e|sell|fee|free|charge|purposes?|without|not|no|any|may|royalty|source|binary|perpetual|irrevocable|worldwide)\b"
)
"""Words whose lack may take something of what a licence gives, or of what limits its conditions."""


_GIVEN = re.compile(r"\b(?:permission|permitted|granted|provided that|must|redistributions?)\b")
"""What no title has, and no explanation."""


class Difference(NamedTuple):
    """What a copy of a licence has and has not of its words."""

    share: float
    """Share of the licence's words that are there, in their order."""
    missing: str
    """Words that are not, less a title or an explanation after the end."""
    added: tuple[tuple[int, int], ...]
    """Runs (first word, one after last) of the copy that the licence does not have."""

    @property
    def gives_less(self) -> bool:
        """Whether words are missing that may belong to what the licence gives."""
        return self.share < SAME or bool(_MATTERS.search(self.missing))


@lru_cache(maxsize=512)
def _reference(number: int) -> tuple[str, ...]:
    text = reference_text(number)
    return spelled(text, words(text), 0, 1 << 30)


def spelled(text: bytes, split: Words, first: int, last: int) -> tuple[str, ...]:
    """Words `first` to `last` of a text, in lower case."""
    places = zip(split.starts[first:last], split.ends[first:last], strict=True)
    return tuple(text[a:b].decode("latin-1").lower() for a, b in places)


def difference(number: int, copy: Sequence[str], first: int) -> Difference:
    """Reference `number` beside a copy of it whose first word is word `first` of its text."""
    own = _reference(number)
    if len(own) + len(copy) > 2 * LONGEST:
        return Difference(0.0, "", ())
    rows = SequenceMatcher(None, own, copy, autojunk=False).get_opcodes()
    same = sum(b - a for kind, a, b, _, _ in rows if kind == "equal")
    added = tuple((first + c, first + d) for kind, _, _, c, d in rows if kind in ("insert", "replace"))
    blocks = [(a, b) for kind, a, b, _, _ in rows if kind == "equal" and b - a >= BLOCK]
    begin, end = (blocks[0][0], blocks[-1][1]) if blocks else (0, len(own))
    if not _GIVEN.search(" ".join(own[:begin])):
        rows = [row for row in rows if row[2] > begin]
    if not _GIVEN.search(" ".join(own[end:])):
        rows = [row for row in rows if row[1] < end]
    missing = " ".join(word for kind, a, b, _, _ in rows if kind in ("delete", "replace") for word in own[a:b])
    return Difference(same / max(1, len(own)), missing, added)
