"""Names of licences as people write them, and the SPDX ids they mean.

Patterns are for lower-case text in which every run of white space is one blank (`folded`), so that no pattern has to
repeat over white space: on a text of blanks such a pattern takes quadratic time, or worse.
"""

import _sre  # type: ignore[import-not-found]
import bisect
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from re import _compiler, _parser  # type: ignore[attr-defined]  # what `re` itself makes patterns with
from typing import Any, NamedTuple

import numpy as np
import re2
from numpy.typing import NDArray

from curate.code.arrays import Arrays, of_strings, saved, strings
from curate.code.needles import Gates, gates, needed, opens
from curate.code.scan import fold
from curate.code.texts import spelling
from curate.filters.tables import lines_of

UNKNOWN = "LicenseRef-unknown"
"""A licence that is named or hinted at, and that no list knows: never allowed."""
PROPRIETARY = "LicenseRef-proprietary"
PUBLIC_DOMAIN = "LicenseRef-public-domain"


class Mention(NamedTuple):
    """A licence named in a text."""

    start: int
    end: int
    expression: str


_VERSION = (
    r"(?:[ ,;:(\-\"'/]{0,6}(?:licen[sc]e|international|unported|generic)?[ ,;:(\-\"']{0,6}(?:as )?"
    r"(?:published|issued|distributed)? ?(?:by the free software foundation)?[ ,;:.(]{0,6}"
    r"(?:\([al]?gpl\)|\(fdl\)|\(the \"?licen[sc]e\"?\))?[ ,;:(\-]{0,6}(?:either |under |or |only |the terms of )*(?:the )?"
    r"(?:gnu )?(?:licen[sc]e )?)?"
    r"(?:[ ,;:(\-\"']{0,6}(?:the )?(?:version|ver|v|versions)?[ .\-]{0,6}(?P<version>\d(?:\.\d{1,2})?)(?:\.0)?(?![\d%]))"
)
_LATER = (
    r"(?:[ ,;.)\"']{0,6}(?:of (?:the|that) (?:license|licence|gpl|lgpl|gnu [a-z ]{0,20}general public licen[sc]e)[ ,;.)\"']{0,6})?"
    r"(?:dated (?:june|july|february),? \d{4}[ ,;.)]{0,6})?"
    r"(?:(?:and|or|und|ou)[ ,/]{0,6}(?:\(?(?:at|if) (?:your|you) (?:option|like|prefer|wish),?\)?,? )?"
    r"(?:\(?at your option\)? )?(?:any |all |a |\(at your option\) any )?"
    r"(?:later|newer|higher|above|greater|up)|[ ]?\+|-or-later|any later version))"
)
_GNU = (
    r"(?:(?:version|v)\.? ?(?P<before>\d(?:\.\d)?)(?P<more> ?\+| or (?:any )?(?:later|newer)(?: version)?,?)? of (?:the )?)?"
    r"(?:(?:gnu )?(?P<kind>affero|lesser|library(?: or lesser| \(lesser\))?|lesser \(library\)|lesser/library)?[ ,]{0,6}"
    r"(?:gnu )?general[ -]public[ -]licen[sc]e|gnu (?:free )?(?P<fdl>documentation|public) licen[sc]e"
    r"|(?<!not-)\b(?P<short>agpl|lgpl|gpl|gfdl)(?:[ -]?(?=v?\d)|\b))"
)

_FAMILIES = {
    "MPL": ("MPL-{}", "2.0", ("1.0", "1.1", "2.0")),
    "EPL": ("EPL-{}", "1.0", ("1.0", "2.0")),
    "CDDL": ("CDDL-{}", "1.0", ("1.0", "1.1")),
    "EUPL": ("EUPL-{}", "1.2", ("1.0", "1.1", "1.2")),
    "AFL": ("AFL-{}", "3.0", ("1.1", "1.2", "2.0", "2.1", "3.0")),
    "OSL": ("OSL-{}", "3.0", ("1.0", "1.1", "2.0", "2.1", "3.0")),
    "ZPL": ("ZPL-{}", "2.1", ("1.1", "2.0", "2.1")),
    "W3C": ("W3C", "", ("",)),
    "CC": ("CC-{}", "4.0", ("1.0", "2.0", "2.5", "3.0", "4.0")),
    "GPL": ("GPL-{}", "1.0", ("1.0", "2.0", "3.0")),
    "LGPL": ("LGPL-{}", "2.0", ("2.0", "2.1", "3.0")),
    "AGPL": ("AGPL-{}", "3.0", ("1.0", "3.0")),
    "GFDL": ("GFDL-{}", "1.1", ("1.1", "1.2", "1.3")),
}


def spaced(pattern: str) -> str:
    """A pattern whose blanks mean any white space, for texts that are not folded."""
    out, in_class = [], False
    for n, c in enumerate(pattern):
        if c == "[" and (n == 0 or pattern[n - 1] != "\\"):
            in_class = True
        elif c == "]" and pattern[n - 1] != "\\":
            in_class = False
        if c == " ":
            out.append("\\s" if in_class else (" " if pattern[n : n + 2] == " ?" else "\\s+"))
        else:
            out.append(c)
    return "".join(out).replace(" ?", "\\s*")


_BLANKS = re.compile(r"\s\s+|[^\S ]")
"""White space that is not one blank already."""


class Folded(NamedTuple):
    """A text with each run of white space as one blank."""

    text: str
    data: bytes
    """The same in Latin-1 (what is not in it, as `?`), so that a place in one is the place in the other."""
    here: Sequence[int] | NDArray[np.int32]
    """Places in `text` where it and the text that was folded part."""
    there: Sequence[int] | NDArray[np.int32]
    """The same in the text that was folded."""

    def unfolded(self, place: int) -> int:
        """The place in the text that was folded."""
        at = bisect.bisect_right(self.here, place) - 1
        return int(self.there[at]) + place - int(self.here[at])


def folded(text: str) -> Folded:
    """`text` with each run of white space as one blank."""
    try:
        data, here, there = fold(text.encode("latin-1"))
    except UnicodeEncodeError:
        return _folded_wide(text)
    return Folded(data.decode("latin-1"), data, here, there)


@lru_cache(maxsize=2_000)
def in_one_line(said: str) -> Folded:
    """A sentence in lower case with single blanks, where places in it don't matter: less work than `folded`."""
    text = " ".join(said.lower().split())
    return Folded(text, text.encode("latin-1", "replace"), (0,), (0,))


def _folded_wide(text: str) -> Folded:
    """The same for characters outside Latin-1."""
    out: list[str] = []
    here, there = [0], [0]
    at = length = 0
    for match in _BLANKS.finditer(text):
        start, end = match.span()
        out.append(text[at:start])
        length += start - at + 1
        at = end
        here.append(length)
        there.append(at)
    out.append(text[at:])
    whole = " ".join(out)
    return Folded(whole, whole.encode("latin-1", "replace"), here, there)


class Fast:
    """A pattern with lookaround, and one without that matches wherever it does and takes linear time.

    Each is compiled when it is first asked for: `re` takes a tenth of a second for the largest, and few texts come to it.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    @cached_property
    def exact(self) -> re.Pattern[str]:
        """The pattern as it is."""
        return made(self.pattern) if len(self.pattern) > LARGE else re.compile(self.pattern)

    @cached_property
    def rough(self) -> Any:
        """The one without lookaround."""
        return rough(self.pattern)

    def finditer(self, text: Folded) -> Iterator[re.Match[str]]:
        """The matches of the exact pattern, in order, without overlaps."""
        at = 0
        while place := first_place(self.rough, text.data, at):
            match = None
            first, last = place
            for start in range(first, max(last, first + 1)):
                match = self.exact.match(text.text, start)
                if match is not None:
                    break
            if match is not None:
                yield match
            at = match.end() if match is not None and match.end() > first else last
            if at >= len(text.text) or last == first:
                return


LARGE = 2_000
"""Characters from which what `re` makes of a pattern is kept in a file: making it takes up to a tenth of a second."""


def made(pattern: str) -> re.Pattern[str]:
    """A pattern as `re` makes it, in the same steps (`re._compiler.compile`), the code for its matcher from an earlier process."""

    def build() -> Arrays:
        parsed = _parser.parse(pattern)
        state, code = parsed.state, _compiler._code(parsed, 0)
        return {
            "code": np.array(code, np.uint32),
            "groups": np.array([state.flags, state.groups, *state.groupdict.values()], np.int32),
            **of_strings("names", list(state.groupdict)),
        }

    digest = hashlib.blake2b(pattern.encode(), digest_size=8).hexdigest()
    kept = saved(f"pattern-{_compiler.MAGIC}-{digest}", build)
    flags, groups, *numbers = kept["groups"].tolist()
    named = dict(zip(strings("names", kept), numbers, strict=True))
    names = {number: name for name, number in named.items()}
    found: re.Pattern[str] = _sre.compile(
        pattern, flags, kept["code"].tolist(), groups - 1, named, tuple(map(names.get, range(groups)))
    )
    return found


_ANYWHERE = re2._Anchor.UNANCHORED


def first_place(pattern: Any, data: bytes, at: int = 0) -> tuple[int, int] | None:
    """(first, one after last) of the first match of a `rough` pattern from a place on; None for none.

    `pattern.search` spends most of its time on the object of the match, which nobody asks for.
    """
    first, last = pattern._regexp.Match(_ANYWHERE, data, at, len(data))[0]
    return None if first < 0 else (first, last)


def fast(pattern: str) -> Fast:
    """`pattern`, for folded text in lower case."""
    return Fast(pattern)


def rough(pattern: str) -> Any:
    """`pattern` less its conditions on what is around, for Latin-1: it matches at or before any place that `pattern` does."""
    options = _latin1(64 << 20)  # with less, an automaton of many states is thrown away and made anew again and again
    options.never_capture = True  # only the place is asked for, which is less work
    return re2.compile(_uncounted(_without_lookaround(pattern)).encode("latin-1"), options)


_COUNTED = re.compile(r"\{([0-9]+),([0-9]+)\}")


def _uncounted(pattern: str) -> str:
    """A pattern without counts of more than a few: it matches more, and its automaton has a fraction of the states."""
    return _COUNTED.sub(lambda m: m.group() if int(m.group(2)) < FEW else "*" if m.group(1) == "0" else "+", pattern)


FEW = 4


class Whole(NamedTuple):
    """A pattern for texts that it matches whole, in linear time."""

    pattern: Any

    def matches(self, text: str) -> bool:
        """Whether it does. Asked without groups, which takes a fraction of the time."""
        data = text.encode("utf-8", "replace")
        matched: bool = self.pattern._regexp.Match(re2._Anchor.ANCHOR_BOTH, data, 0, len(data))[0][0] >= 0
        return matched


def whole(pattern: str) -> Whole:
    """A pattern for whole texts, with room for an automaton of many states."""
    options = re2.Options()
    options.max_mem = 256 << 20
    options.log_errors = False
    options.never_capture = True
    return Whole(re2.compile(pattern, options))


def _latin1(memory: int = 8 << 20) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = memory
    options.log_errors = False
    return options


@lru_cache(maxsize=1)
def _table() -> list[tuple[Fast, str]]:
    """(pattern, id or family) in order of preference."""
    rows = (line.split("\t", 1) for line in lines_of("licenses-names.tsv"))
    return [(fast(pattern), name) for name, pattern in rows]


def _without_lookaround(pattern: str) -> str:
    """`pattern` less its lookaheads and lookbehinds, which RE2 does not have: it matches wherever `pattern` does."""
    out, at = [], 0
    for start in (m.start() for m in re.finditer(r"\(\?<?[=!]", pattern)):
        if start < at:
            continue
        out.append(pattern[at:start])
        depth, at = 1, start + 1
        while depth:
            depth += (pattern[at] == "(") - (pattern[at] == ")") if pattern[at - 1] != "\\" else 0
            at += 1
    return "".join(out) + pattern[at:]


BITS = 64
"""Of a gate: several names share one."""


@lru_cache(maxsize=1)
def _present() -> Gates:
    """The words without one of which a text has none of the names of the table: pattern n has bit n modulo `BITS`."""

    def build() -> Arrays:
        needs: dict[int, frozenset[str]] = {}
        for number, (pattern, _) in enumerate(_table()):
            bit = 1 << number % BITS
            needs[bit] = needs.get(bit, frozenset()) | needed(pattern.pattern)
        return gates(needs, np.uint64)

    return Gates(**saved("names", build))


@lru_cache(maxsize=1)
def _patterns() -> tuple[Fast, re.Pattern[str], re.Pattern[str]]:
    """Names of the GNU family; a version after a name; what says "or later" after a version."""
    return fast(_GNU), re.compile(_VERSION), re.compile(_LATER)


def mentions(text: str) -> list[Mention]:
    """All licences named in lower-case `text`, in order, without overlaps (the first pattern of the list wins)."""
    return mentions_in(folded(text))


def mentions_in(text: Folded) -> list[Mention]:
    """All licences named in a folded text; places are those of the text that was folded."""
    return [Mention(text.unfolded(m.start), text.unfolded(m.end - 1) + 1, m.expression) for m in _mentions(text)]


def _mentions(folded_: Folded) -> list[Mention]:
    gnu, version, later = _patterns()
    text = folded_.text
    found: list[Mention] = []
    for match in gnu.finditer(folded_) if "gpl" in text or "gnu" in text or "general" in text else ():
        if not found or match.start() >= found[-1].end:
            found.append(_gnu(text, match, version, later))
    may = opens(folded_.data, _present())
    for number, (pattern, name) in enumerate(_table()) if may else ():
        if not may >> number % BITS & 1:
            continue
        new = []
        for match in pattern.finditer(folded_):
            if _taken(found, match.start(), match.end()):
                continue
            if name != "URL":
                new.append(_simple(text, match, name, version))
            elif match.group("id") in spelling():
                new.append(Mention(match.start(), match.end(), spelling()[match.group("id")]))
        found = sorted(found + new) if new else found
    return found


def _taken(found: list[Mention], start: int, end: int) -> bool:
    """Whether one of `found` (sorted, apart from each other) overlaps [start, end)."""
    at = bisect.bisect_left(found, (end, 0, "")) - 1
    return at >= 0 and found[at].end > start


def _gnu(text: str, match: re.Match[str], version: re.Pattern[str], later: re.Pattern[str]) -> Mention:
    kind, short = match.group("kind") or "", match.group("short") or ""
    if match.group("fdl") == "documentation" or short == "gfdl":
        family = "GFDL"
    elif kind.startswith("affero") or short == "agpl":
        family = "AGPL"
    elif kind or short == "lgpl":
        family = "LGPL"
    else:
        family = "GPL"
    end = match.end()
    template, default, known = _FAMILIES[family]
    before = match.group("before")
    number = None if before else version.match(text, end, end + 140)
    if number is not None:
        end = number.end()
    found = before or (number.group("version") if number else None)
    value = _nearest_version(found, known) if found else default
    suffix = later.match(text, end, end + 200)
    ending = "-or-later" if suffix or match.group("more") or not found else "-only"
    return Mention(match.start(), suffix.end() if suffix else end, template.format(value) + ending)


def _nearest_version(value: str, known: tuple[str, ...]) -> str:
    full = value if "." in value else value + ".0"
    if full in known:
        return full
    same = [k for k in known if k[0] == full[0]]
    return same[0] if same else known[-1]


def _simple(text: str, match: re.Match[str], name: str, version: re.Pattern[str]) -> Mention:
    if name not in _FAMILIES:
        return Mention(match.start(), match.end(), name)
    template, default, known = _FAMILIES[name]
    number = version.match(text, match.end(), match.end() + 60)
    value = _nearest_version(number.group("version"), known) if number else default
    end = number.end() if number else match.end()
    if name != "CC":
        return Mention(match.start(), end, template.format(value))
    groups = match.groupdict()
    parts = (groups["url"] or groups["abbr"] or "").replace(" ", "-").upper()
    if not parts:
        parts = "-".join(p for p in ("BY", groups["nc"] and "NC", groups["nd"] and "ND", groups["sa"] and "SA") if p)
    return Mention(match.start(), end, f"CC-{parts}-{value}")
