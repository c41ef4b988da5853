"""What sentences of licence files say around the licence that they name, and that changes nothing of it: usual forms.

"Except where otherwise noted, …" (each file's own notice goes first as it is), "…, reproduced below", "All contributions towards
frob are …", "Some files have been taken from the standard library and are therefore …". All licences that a file names hold at once,
so what is said of a part adds to the whole and takes nothing from it.
"""

import re

from curate.code.names import spaced

_NAME = r"[\w+-][\w.+'-]{0,30}"
_EXCEPT = (
    r"\W*(?:except|unless) (?:when |where |as |if )?(?:otherwise (?:noted|stated|specified|indicated|mentioned)|(?:noted|stated|specified) otherwise)"
    r"(?: (?:in|at) (?:the |each |individual |source )*(?:(?:top|beginning|head|header)s? of (?:the |each |individual |source )*)?(?:files?|headers?|source code|folders?))?"
    r"(?: \(look (?:for licen[cs]e files in directories or information )?at the beginning of each file\))?,?"
)
_BEFORE = re.compile(
    spaced(
        rf"(?:{_EXCEPT} )?(?:\W*(?:(?:all |any )?contributions (?:towards|to) {_NAME}|all additions and alterations|modifications (?:on|to|of) (?:these|those|the) files) (?:is|are)(?= ))?"
    ),
    re.I,
)
"""What a sentence begins with; the last contributions come with the licence that they are made under."""
_TAKEN = re.compile(
    spaced(
        r"\W*(?:also )?(?:some|a few|several|many)(?: of the)?(?: \w+)? files?(?: (?:under|in|of) [\w./-]+)? (?:have been|were|are) (?:taken|copied|ported|adapted|derived)"
        r" from (?:the (?:c?python(?:'s)? )?standard library|https?://[^\s,;()]+)(?: and (?:are|is)(?: therefore| thus| hence| also)?)?(?= )"
    ),
    re.I,
)
"""Where a part is from, whose licence the rest of the sentence names."""
_BEHIND = re.compile(
    spaced(
        r",? (?:as |which (?:is|are) )?(?:(?:re)?produced|included|printed) below\W*$"
        rf"|,? as code derived from {_NAME}\W*$"
        rf"|,? {_NAME} is free and open[ -]source software\W*$"
    ),
    re.I,
)
_ENDS = ("below", "derived", "source")
"""Words of which one stands in each of these endings: a quick look."""
_OTHER = re.compile(spaced(r"\W*(?:portions|parts) of [^.;:]{1,60} (?:is|are) licen[cs]ed(?P<what> under different licen[cs]es(?: \(like)?)"), re.I)  # fmt: skip
"""What puts parts under other licences: these follow."""
_PERSON = r"(?-i:[A-Z\x80-\xff][\w\x80-\xff.'-]{0,30})(?: (?-i:[A-Z\x80-\xff(][\w\x80-\xff.')-]{0,30})){0,4}(?: ?<?[\w.+-]{1,40}@[\w.-]{1,60}>?)?"
_DATE = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)\w{0,6},? )?\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w{0,6} \d{4}(?: \d\d?:\d\d(?::\d\d)?)?(?: [+-]\d{4})?"
_DEBIAN = (
    rf"(?:this package|it) was (?:originally )?debianized by {_PERSON},?(?: on {_DATE})?"
    r"|(?:this package|it|[\w.+-]{1,40}) was (?:originally )?(?:downloaded|obtained) from:?(?: <?(?:https?|ftp)://[^\s<>]{1,200}>?)?"
    r"|upstream (?:authors?|maintainers?|licen[cs]e|contacts?)(?:\(s\))?"
    rf"|the (?:current )?(?:package )?maintainer (?:(?:of|for) this package )?is {_PERSON}"
    rf"|the debian packaging is|and is licen[cs]ed under the same (?:licen[cs]e|terms|conditions) as {_NAME}(?:,? (?:see )?above)?"
)
"""What the copyright files of Debian's packages have said since dh_make wrote their first lines."""
_SEE = r"(?:please )?see (?:the )?(?:file )?(?:licen[cs]es?|copying|notice)(?:[-_.][\w-]{1,20}){0,2}(?: file)? and <?https?://[^\s<>]{1,100}>? for (?:more |further )?(?:details|information)"
"""A file that the licence stands in (which has to be there), and a page."""
_SAID = re.compile(
    spaced(
        rf"\W*(?:{_DEBIAN}|{_SEE}|"
        r"the software and (?:the )?documentation in this project are|documentation licen[cs]e"
        r"|(?:the )?licen[cs]e is an osi approved open source licen[cs]e and is gpl-compatible\W*\d?"
        r")\W*"
    ),
    re.I,
)
"""Whole sentences that neither give nor take."""
_ORIGIN = re.compile(
    spaced(
        r"\W*(?:this|the) (?:work|code|software|program|library|package|module|project) (?:is|was|has been) (?:originally )?(?:derived|adapted|ported|forked) from (?:the )?"
        rf"(?:\W?[\w.]+\W? module (?:of|in|from) )?{_NAME}(?: \d[\w.]*)?(?:(?: and|,) {_NAME}(?: \d[\w.]*)?){{0,3}}\W*"
    ),
    re.I,
)
MOST = 600
"""Characters of the longest sentence in one of these forms."""


def is_said(words: str) -> bool:
    """Whether a sentence neither gives nor takes."""
    return len(words) < MOST and _SAID.fullmatch(words) is not None


def is_origin(words: str) -> bool:
    """Whether a sentence says from what the work is derived, and nothing else."""
    return len(words) < MOST and _ORIGIN.fullmatch(words) is not None


def unframed(words: str, named: bool, others: bool) -> str:
    """A sentence with blanks for such forms, of the same length.

    Args:
        words: The sentence.
        named: Whether it names a licence.
        others: Whether the text of another licence follows.
    """
    if len(words) > MOST:
        return words
    out, low = words, words.lower()
    behind = _BEHIND.search(words) if any(word in low for word in _ENDS) else None
    found = [_BEFORE.match(words), behind, _TAKEN.match(words) if named else None]
    for match in found:
        if match is not None:
            out = _blanked(out, match.start(), match.end())
    other = _OTHER.match(words) if others else None
    return _blanked(out, other.start("what"), other.end("what")) if other else out


def _blanked(text: str, start: int, end: int) -> str:
    return f"{text[:start]}{' ' * (end - start)}{text[end:]}"
