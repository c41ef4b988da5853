"""Strings that a source file names after what they say of it: `__status__`, `__copyright__`, `__credits__`, `NOTICE`.

A status is one of the known ones, a copyright is a copyright line, an author is a name; what else is named so is read as a sentence
at the head of the file.
"""

import re
from collections.abc import Iterator

from curate.code.heads import Program, unknown_in_head
from curate.code.names import rough
from curate.code.notices import doubtful
from curate.code.prose import Sentence, copyright_lines, is_name
from curate.code.reserved import reserved_in_head
from curate.code.values import says_no_more

_NAMED = re.compile(
    rb"__(?P<dunder>status|copyright|credits|authors?|maintainer|owner|organi[sz]ation|company|notice|legal|disclaimer|rights|terms|restrictions|classification|distribution|origin)__"
    rb"|\b(?P<loud>(?:[A-Z]+_)?(?:NOTICE|COPYRIGHT|LEGAL|DISCLAIMER|RIGHTS|TERMS|OWNER|CLASSIFICATION|CONFIDENTIALITY))\b"
)
_MAY_NAME = rough(_NAMED.pattern.decode())
_BEFORE = re.compile(r"[ \t]*(?:[A-Za-z_$][\w.&<>\[\]$*]*[ \t*&]+){0,6}[$@]?\Z")
"""What stands in a line before a name that something is assigned to: "static final String"."""
_ASSIGNS = re.compile(r"(?:\[\d*\])?(?: ?: ?[\w.&' \[\]]{1,30})?\s{0,8}:?=\s{0,8}(?=[\"'(\[{bruf`])")
_BETWEEN = re.compile(r"(?:[\s,+\\(\[{.]|#[^\n]*\n){0,200}")
_STRING = re.compile(
    r"[bruf]{0,2}(?:(?P<q>\"\"\"|''')(?P<long>[\s\S]*?)(?P=q)|(?P<p>[\"'`])(?P<short>(?:[^\"'`\\\n]|\\.|(?!(?P=p))[\"'`])*)(?P=p))",
    re.I,
)
MOST = 4_000
"""Characters of the values that are read."""
_STATUS = re.compile(
    r"(?i)\W*(?:development status :: )?(?:[0-9.]+\W{0,3})?(?:(?:in |under |active |early |pre-?|post-?|final |first |very |release |still |work in |actively )*"
    r"(?:production|development|developing|developed|dev|develop|alpha|beta|prototype|stable|unstable|experimental|mature|inactive|planning|planned|deprecated|released?|release candidate|rc|testing|tested|test|maintained|maintenance|unmaintained|wip|progress|active|final|complete|working|obsolete|legacy|ok|draft|demo|example|mainline|submitted|approved)?"
    r"(?:\W{1,3}(?=\w))?){1,3}[0-9.]*\W*"
)
"""What the state of a program is, as classifiers and people say it."""
_MARKS = re.compile(r"\\[ntr\"'\\]|\{[^{}\n]{0,60}\}|%[sd]")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n\s*\n")


def doubtful_constants(text: bytes, program: Program) -> Iterator[tuple[Sentence, str]]:
    """(place, words) of each such string that is not of its kind."""
    raw = ""
    for match in _NAMED.finditer(text) if _MAY_NAME.search(text) is not None else ():
        raw = raw or text.decode("latin-1")
        line = raw.rfind("\n", 0, match.start()) + 1
        assigned = _ASSIGNS.match(raw, match.end())
        if assigned is None or match.start() - line > 80 or not _BEFORE.match(raw[line : match.start()]):
            continue
        kind = (match.group("dunder") or b"").decode()
        for start, value in _values(raw, assigned.end()):
            words = next((said for said in _said(kind, value) if _is_doubt(kind, said, program)), None)
            if words is not None:
                yield Sentence(start, start + len(value)), f"{match.group().decode()}: {words}"


def _values(raw: str, at: int) -> Iterator[tuple[int, str]]:
    """The strings that stand from a place on with nothing but marks between: (place, what is in it)."""
    last = at + MOST
    while at < last:
        between = _BETWEEN.match(raw, at, last)
        found = _STRING.match(raw, between.end() if between else at, last)
        if found is None:
            return
        yield found.start(), found.group("long") or found.group("short") or ""
        at = found.end()


def _said(kind: str, value: str) -> list[str]:
    """What a value says, piece by piece; names and states are one."""
    plain = " ".join(_MARKS.sub(" ", value).split()) if kind in ("status", "copyright") else _MARKS.sub(" ", value)
    return [plain] if kind in _WHOLE else [said for said in _SENTENCES.split(plain) if said.strip()]


_WHOLE = ("status", "copyright", "author", "authors", "maintainer")


def _is_doubt(kind: str, said: str, program: Program) -> bool:
    if kind == "status":
        return _STATUS.fullmatch(said) is None
    if kind == "copyright":
        return not _is_copyright(said)
    if kind in _WHOLE:
        return not is_name(said)
    return bool(doubtful(said) or reserved_in_head(said) or unknown_in_head(said, program))


def _is_copyright(said: str) -> bool:
    """Whether a text is copyright lines, with the name of a licence at most beside them."""
    line = said if _SIGN.search(said) else f"Copyright {said}"
    for start, end in reversed(copyright_lines(line)):
        line = f"{line[:start]} {line[end:]}"
    return says_no_more(line)


_SIGN = re.compile(r"(?i)copyright|\(c\)|\xc2\xa9|\xa9|&copy;")
