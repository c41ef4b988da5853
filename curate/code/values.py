"""Licences as the value of a name, in metadata and in assignments: known names whole; words left over are no part of any."""

import re

from curate.code.evidence import canonical
from curate.code.names import UNKNOWN, Mention, mentions
from curate.code.prose import tokens_in

_BESIDE = frozenset(
    (  # noqa: SIM905 - words, as one writes them
        "the a an is are under in of and or and/or as at to by for with this that either both dual dually dual-licensed licence licences licenced licensed license licenses licensing"
        " term terms condition conditions software free open open-source source osi approved public permissive compatible style style-license type code version versions v ver"
        " see file files text full details more information info copying notice readme copyright copyrighted new old original revised modified simplified standard expat x11 clause clauses later any"
        " spdx identifier id url link http https mit like project repository repo distributed released available all rights reserved your option at found included domain dedication universal"
    ).split()
)
"""Words that may stand beside the names; "MIT for others" has one that may not."""
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+")
_FILE = re.compile(r"(?i)(?:[\w.-]*/)*[\w-]*(?:licen[sc]e|copying|copyright|notice|readme)[\w-]*(?:\.\w{1,5})*")
_NUMBER = re.compile(r"(?i)v?\d[\d.x-]{0,9}\+?|(?:one|two|three|four|[0-4])-clause")
_OWNER = re.compile(r"(?i)\W*(?:copyright|\(c\)|\xa9|\xc2\xa9)[^\n]{0,80}\Z")
"""Who holds the copyright, behind the name of the licence."""
_LIMITS = re.compile(r"(?i)\b(?:only|not?|non|for|in|un(?:der|til))\b")


def licence_of_value(value: str) -> str:
    """The SPDX expression of a value that is one, or one known name with words that names have beside them; else unknown."""
    exact = canonical(value)
    if exact and UNKNOWN not in exact:
        return exact
    named = {m.expression for m in names_in(value)}
    return named.pop() if len(named) == 1 and says_no_more(value) else UNKNOWN


def names_in(value: str) -> list[Mention]:
    """The licences that a value names."""
    found = mentions(_LABEL + value.lower())
    return [Mention(max(0, m.start - len(_LABEL)), m.end - len(_LABEL), m.expression) for m in found]


_LABEL = "license: "
"""Behind it short names count, as "MIT"."""


def says_no_more(value: str) -> bool:
    """Whether a value holds names of licences and nothing besides that could change what they mean."""
    blank = value
    for start, end, _ in names_in(value):
        blank = f"{blank[:start]}{' ' * (end - start)}{blank[end:]}"
    blank = _ADDRESS.sub(" ", blank)
    owner = _OWNER.search(blank)
    if owner and not _LIMITS.search(owner.group()):
        blank = blank[: owner.start()]
    return all(
        word.lower() in _BESIDE or _NUMBER.fullmatch(word) or _FILE.fullmatch(word) or not any(map(str.isalnum, word))
        for word in tokens_in(blank)
    )
