"""Titles over the text of a licence: its known name, or the name of the program; what says more may change what the text is for.

"Formerly: MIT License", "MIT License (from 2030)", "Modified MIT License" and "Examples:" say that the text holds for something else,
at another time, or not as it stands.
"""

import re
from collections.abc import Sequence

from curate.code.described import PROGRAM, is_common, is_name_described
from curate.code.prose import is_harmless, tokens_in
from curate.code.values import says_no_more

_CHANGES = re.compile(
    r"(?i)\b(?:former|formerly|previous|previously|planned|future|withdrawn|revoked|rejected|drafts?|proposed|proposal|modified|altered|adapted|amended|changed|custom|customi[sz]ed|extended|edited|revised|reworked|restricted|limited|partial|partially"
    r"|trial|demo|superseded|obsolete|expired|pending|temporary|conditional|conditionally|academic|community|commercial|enterprise|professional|internal|personal|private|evaluation|preview|unmodified|non-?\w*|not|no|only|was|old|once|until|till|from|since|after|before|as of|effective|minus|less|plus|instead|almost|nearly|mostly|pseudo|quasi|inspired|variant|version [a-z]+)\b"
)
"""What says that the name behind or before it does not hold as it stands."""
_PUTS = re.compile(
    r"(?i)\b(?:under|licen[cs]ed|is|are|be|governed|covered|see|may|can|by|copyright|distribut\w+|released?|permitted)\b|https?://|\(c\)|@"
)
"""What a title has not: such a sentence is read elsewhere."""
_EDITION = re.compile(r"(?i)\b(?:edition|tier|plan|preview|trial|demo|sample)\b")
_REVISED = re.compile(
    r"(?i)\b(?:new|modified|revised|simplified)\b(?=[^a-z]*(?:\d[- ]clause\b)?[^a-z]*\bbsd\b)|(?<=bsd)\W[^a-z]*(?:licen[cs]e\W{1,3})?(?:new|revised|modified|simplified)\b"
)
MOST = 120
"""Characters of a title."""


def odd_title(words: str, behind: str, named: Sequence[tuple[int, int]]) -> str | None:
    """Why a line over the text of a licence is no title of it; None for one that is, or for a sentence.

    Args:
        words: The line.
        behind: What follows it.
        named: Places of licences that it names.
    """
    line = " ".join(words.split())
    if is_harmless(line) or is_name_described(words):
        return None
    if not named:
        return _scope(line, behind)
    if len(line) > MOST or _PUTS.search(line):
        return None
    found = _CHANGES.search(_REVISED.sub(" ", line.lower()))
    if found:
        return found.group()
    label, colon, _ = words[: named[0][0]].partition(":")
    if colon and not is_common(label) and not says_no_more(label):
        return f"of {label.strip()!r}"
    rest = words[named[-1][1] :]
    if rest.lstrip()[:1] in (",", "(", "-") and not says_no_more(_DATED.sub(" ", rest)):
        return "goes on behind the name"
    return None


_DATED = re.compile(
    r"(?i)\b(?:january|february|march|april|may|june|july|august|september|october|november|december)\b(?=,? \d{4})"
)


def _scope(line: str, behind: str) -> str | None:
    """Whether a line that names no licence says what alone the text is for."""
    tokens = tokens_in(line)
    if "::" in line + behind[:2]:
        return None
    if _CHANGES.fullmatch(line) and not _OF_OWNERS.match(behind):
        return line
    if len(tokens) > 1 and all(token.lower() in PROGRAM for token in tokens):
        return "of a part"
    if is_common(line) or len(line) > MOST:
        return None
    if _EDITION.search(line):
        return "of an edition"
    label, colon, rest = line.partition(": ")
    within = colon and not is_common(rest) and (_SEE.match(rest) or any(t.lower() in PROGRAM for t in tokens_in(label)))
    return "of what the label says" if (_LABELS.match(behind) or within) and not _PUTS.search(label) else None


_SEE = re.compile(r"(?i)\W*(?:see|read|refer)\b")
_OF_OWNERS = re.compile(
    r"(?i)[\s:]*(?:works?|portions?|parts?|versions?|files?)?[\s:]*(?:copyright|\(c\)|\xc2\xa9|by )"
)
"""Who holds the copyright in what is modified."""
_LABELS = re.compile(r"\s*:(?!:)")
