"""What stands between the texts that are known: copyright lines, names, titles, and sentences that are none of these.

All functions read Latin-1 strings made of UTF-8 bytes, so that a place in the string is one in the bytes.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import of_strings, saved, strings
from curate.code.names import Fast, fast, in_one_line, whole
from curate.code.scan import WHITE, Literals, literals, places
from curate.code.texts import APART, readable, spdx_data
from curate.filters.jit import Array, Number, compiled, inner
from curate.filters.tables import lines_of

_SCRIPTS = (
    r"(?:[\xe0-\xed][\x80-\xbf]{2} ?){8}",  # Chinese, Japanese, Korean, Indian, Thai
    r"(?:(?:[\xee-\xf1\xd7-\xdb\xf8-\xfb][\x80-\xbf]){2,20} ){3}[\xee-\xf1\xd7-\xdb\xf8-\xfb]",  # Greek, Russian, Hebrew, Arabic
    *(word.encode().decode("latin-1") for word in ("禁止", "商用", "商业", "不得", "仅限", "仅供", "只能", "商業", "营利", "非営利")),
)  # fmt: skip
"""A sentence in a script of which few words are known, as bytes of UTF-8 in lower case; and words of limits in Chinese."""

_WORD = r"[\w\x80-\xff]+(?:['.\-_+/&][\w\x80-\xff]+)*"
_TOKEN = re.compile(rf"[\w.+'/-]{{0,64}}[\w+-]@[\w.-]+\w|(?:https?://|www\.|ftp://)[^\s<>\"')\]]+|{_WORD}")
"""An e-mail or web address, or a word with its inner marks."""
_WORD_ALONE = re.compile(_WORD)


def token_in(text: str) -> re.Pattern[str]:
    """What finds the tokens of a text: e-mail and web addresses, and words with their inner marks."""
    return _TOKEN if "@" in text or "://" in text or "www." in text else _WORD_ALONE


def tokens_in(text: str) -> list[str]:
    """The tokens of a text."""
    return token_in(text).findall(text)


_GLUE = frozenset(
    (  # noqa: SIM905 - words, as one writes them
        "is are was were be been being for to in on with without under from into onto as if when while unless until may can could will would shall"
        " should must do does did not no nor only use used uses using this that these those you your yours who whom which whose it they them he she"
        " we our us permission permitted grant granted license licensed licenses licensing sublicense distribute distributed distribution redistribute"
        " redistribution redistributions copy copies modify modified sell sold see provided subject except have has had any each every all than"
        " after before within outside against there here then but so because where how what allowed prohibited forbidden restricted"
        " commercial noncommercial evaluation academic personal internal private confidential proprietary released"
    ).split()
)
"""Words that no name has, however they are written: with one of them a line says something."""
NAME_WORDS = frozenset(
    (  # noqa: SIM905
        "the a an of and or by et al author authors copyright holder holders owner owners contributor contributors developer developers maintainer"
        " maintainers team project projects inc incorporated ltd limited llc gmbh corp corporation co company ag sa bv oy ab plc group foundation"
        " university regents trustees institute institutes institution technology california college others other various respective its their his"
        " above listed mentioned following original initial present rights reserved all some c r tm year years yyyy name names fullname email development"
        " people person persons individual individuals entity entities organization community association society laboratory laboratories"
        " department division school center centre research science computer systems software internet consortium open source free world wide web"
        " version and/or members committers creator creators programmer editor editors jr sr de la le du van von der den di da del el dos und y e i"
        " contributing affiliates affiliate subsidiaries successors assigns employees officers directors"
    ).split()
)
"""Words that names and lists of owners have, in lower case or capitals, although licences use them too."""
_IN_LINES = _GLUE - {"all"}
_FOR_AFTER = frozenset({"center", "centre", "institute", "foundation", "agency", "office", "consortium", "association", "society",
                        "laboratory", "council", "committee", "fund", "department", "ministry", "corporation"})  # fmt: skip
_PLACED = frozenset({"university", "college", "institute", "school", "california", "laboratory", "center", "centre", "department", "illinois", "texas"})  # fmt: skip
_LOWER = 3
"""Words in small letters that licences don't use and that a name may have: nicknames."""

NOTICE_WORDS = frozenset(
    (  # noqa: SIM905
        "the a an this that these those it its is are was be been has have file files folder directory source sources code software program programs"
        " package packages library libraries module modules project projects work works script scripts product component components portions portion part parts plugin theme"
        " extension app application tool repository repo website tree distribution content contents version versions v"
        " of and or & under in on to at by as with within along also all any other more both either each one two three choice option your you may can use"
        " term terms condition conditions license licenses licence licences licensed licenced licensing dual tri triple multi dual-licensed dually released"
        " distributed available provided published made covered governed subject free freely open see read refer please for details detail information full"
        " complete text copy copies copyright copyrighted copyrights c rights reserved below above following follows accompanying included attached found"
        " file's root top level apply applies applied according accordance pursuant to-date s t http https spdx identifier id url link note"
        " style new old revised modified simplified original standard permissive expat x11 clause clauses 2-clause 3-clause mit-style bsd-style"
        " author authors contributor contributors holder holders owner owners written maintained created developed by developer copyrightholder team"
        " notice notices agreement statement header legal default same which from where here unless otherwise stated noted but"
        " everything whole entire it's inc name title date year description summary homepage maintainer type"
        " short brief orphan true language text literalinclude toctree contents changelog readme badge img png svg alt align center width height"
        " includes include including incorporates incorporate contains contain bundles bundled developed product products which from based derived taken"
        " uses modify redistribute function functions class classes comes come originally has have optional dependency dependencies depends again via more permissive"
        " defined mit"
        " remainder rest follows fork extended january february march april june july august september october november december"
        " page permits public domain later commercial-friendly official osi approved online web site obtain obtained received should not if write along"
    ).split()
) - {"not", "if", "write", "should", "but", "unless"}  # fmt: skip
"""Words of which a sentence that names a licence, and does nothing else, is made."""
PATH = re.compile(
    r"^(?:[\w.@+-]+/)*[\w@+-]*[\w+-]\.\w{1,10}$|^(?:[\w.@+-]+/)+[\w.@+-]*$|^(?:LICEN[SC]E|COPYING|COPYRIGHT|NOTICE)(?:[-_.]\w+)*$"
)
_NUMBER = re.compile(r"^[vV]?\d[\d.,\-/:x]*\w{0,2}$")
_ADDRESS = re.compile(r"@\w|^(?:https?:|ftp:|www\.)|^\w[\w-]*\.(?:com|org|net|edu|io|dev)\b")


class Sentence(NamedTuple):
    """A run of words that nothing known covers."""

    start: int
    end: int


@lru_cache(maxsize=1)
def ordinary() -> frozenset[str]:
    """Words of licences: in small letters in the literal text of at least three of SPDX's templates."""
    return frozenset(strings("words", saved("ordinary", lambda: of_strings("words", _ordinary()))))


def _ordinary() -> list[str]:
    counts: Counter[str] = Counter()
    for row in spdx_data()["texts"]:
        text = " ".join(part for part in row["template"] if isinstance(part, str))
        counts.update(word for word in set(re.findall(r"[A-Za-z]+", text)) if word.islower())
    return sorted(word for word, n in counts.items() if n >= 3)


@lru_cache(maxsize=2)
def conditions(weak: bool = True) -> Fast:
    """`licenses-conditions.txt` as one pattern; not in the middle of an address, a file's name or a compound.

    `weak` are the words of duties and limits, which other sentences have too.
    """
    sections: dict[str, list[str]] = {}
    found: list[str] = []
    for line in lines_of("licenses-conditions.txt"):
        if line.startswith("[") and line.endswith("]"):
            found = sections.setdefault(line.strip("[]"), [])
        else:
            found.append(line)
    harmless = "|".join(sections.pop("harmless"))
    if not weak:
        sections = {name: found for name, found in sections.items() if name not in ("duties", "limits")}
    others = "|".join(word for section in sections.values() for word in section)
    known = rf"(?<![@./\-])\b(?:(?P<harmless>{harmless})|(?:{others})(?![@\-/]|\.[a-z]))\b"
    return fast("|".join([known, *_SCRIPTS]))


@lru_cache(maxsize=20_000)
def condition_in(text: str) -> str | None:
    """The first words that may be a condition of their own; None for none."""
    for match in conditions().finditer(in_one_line(text)):
        if match.lastgroup != "harmless" and not (match.group() == "enterprises" and _of_a_name(text, match.group())):
            return match.group()
    return None


OF_USE = re.compile(
    r"\b(?:us(?:e[sd]?|ing|age)|cop(?:y|ies|ied|ying)|(?:re)?distribut\w+|modif\w+|s[eo]ld?|(?:re)?sell\w*|resale|licen[cs]\w+|permi\w+|commercial\w*|deploy\w*|publish\w*|fork\w*|ship\w*|train\w*|rights?|grant\w*|terms|allowed|consent|approval)\b",
    re.I,
)
"""What a sentence about what may be done with a program speaks of."""
_TAKES_BACK = re.compile(r"\b(?:prohibit\w*|forb[aio]\w+|restrict\w*|banned|denied|revo[ck]\w+|terminat\w+|expir\w+|disallow\w*|without (?:permission|consent|asking))\b", re.I)  # fmt: skip


@lru_cache(maxsize=20_000)
def takes_back(text: str) -> str | None:
    """The words of a sentence near a notice, but not beside it, that may take something from what the notice gives."""
    use = OF_USE.search(text)
    for match in conditions(weak=False).finditer(in_one_line(text)):
        if (
            match.lastgroup != "harmless"
            and (use or match.group()[0] >= "\x80")
            and not _of_a_name(text, match.group())
        ):
            return match.group()
    if not use:
        return None
    found = _TAKES_BACK.search(text)
    return found.group() if found else condition_in(text) if _ABOUT.search(text) else None


_ABOUT = re.compile(
    r"\b(?:this|the|our|my|above|said) (?:[a-z-]+ ){0,2}(?:software|code|program|librar(?:y|ies)|file|work|source|package|script|licen[cs]e|permission|project|product|module|material|plugin)\b"
    r"|^\W*(?:you|nobody|no one|no-one|anyone|everyone|anybody|use|usage|using|copying|redistribution|distribution|redistributions|modified|copies|it) ",
    re.I,
)


def _of_a_name(text: str, found: str) -> bool:
    """Whether words stand with a capital inside of a sentence in small letters, as in "Vixie Enterprises"."""
    at = text.lower().find(found)
    return (
        at > 0
        and text[at].isupper()
        and not text.isupper()
        and text[max(0, at - 2) : at].strip(" ") not in (".", "!", "?")
        and sum(map(str.isupper, text)) * 3 < len(text)
    )


def _fits(token: str, before: str, shouted: bool, small: int) -> bool | None:
    """Whether a token belongs to a name: True, False, or None for one in small letters that licences don't use."""
    low = token.lower()
    if _NUMBER.match(token) or _ADDRESS.search(low) or (token == "US" and not shouted):  # a country
        return True
    if low in _IN_LINES:
        if token in ("Will", "Grant", "May", "Case") and not shouted:
            return True
        return (
            (low == "for" and before in _FOR_AFTER)
            or (low in ("in", "at") and before in _PLACED)
            or (low == "to" and before in ("contributors", "contributor"))
        )
    if low in NAME_WORDS or not token.isascii() or (len(token) == 1 and token.isupper()):
        return True
    if low in ordinary():
        if token.isupper() and (shouted or len(token) > 1):
            return None if small < _LOWER else False
        return token[:1].isupper()
    if token.isupper() or token[:1].isupper() or not token.isalpha():
        return True
    return None if small < _LOWER else False


_OWNERS = whole(
    r"(?i)\W*(?:(?:the |this |my |its |their |our )?(?:project|authors?|author\(s\)|organi[sz]ation|copyright (?:holders?|owners?)|holders?|owners?|developers?|maintainers?|company|library|software|program|package|above listed copyright holder(?:s|\(s\))?)"
    r"|(?:the |its |their |other |any |specific |names? of |project's )*contributors?)(?:(?: nor| or| and|,)+ (?:the |names? of |its |their |other |any |specific )*(?:contributors?|authors?|developers?|maintainers?|copyright holders?|members?))?\W*"
)
"""How licences speak of those who own the work."""


def is_name(text: str) -> bool:
    """Whether a phrase is made of names: of people, firms, products, with years, versions and addresses; or stands for the owners."""
    if len(text) < 100 and _OWNERS.matches(" ".join(text.split())):
        return True
    tokens = tokens_in(text)
    shouted = sum(t.isupper() for t in tokens) * 2 > len(tokens)
    before, small = "", 0
    for token in tokens:
        fits = _fits(token, before, shouted, small)
        if fits is False:
            return False
        small += fits is None
        before = token.lower()
    return condition_in(text) is None


_RIGHTS = re.compile(r"[\s.,;:]*(?:all|some)\s+rights?\s+reserved\b(?: worldwide)?", re.I)
_SIGNS = ("copyright", "copr", "(c)", "&copy;", "rights reserved")
_RESERVED = re.compile(r"(?:(?<=\n)|^|[.*#/;%]\s+|\s{2})(?:all|some) \Z", re.I)
_ENDED = re.compile(r"rights reserved\b(?=\s*(?:[.*]|\n|$))", re.I)
_WHAT = r"\b(?:portions?|parts?|files?|code|software|modifications?|changes|original|font|work|data|documentation|images?|designs?)\b[\s,:]{1,3}(?:of (?:the |this )?\w{1,20}\s)?(?:(?:is|are|also)\s)?"
_LEAD = re.compile(_WHAT + r"\Z", re.I)
_COPYRIGHT = re.compile(
    rf"(?:{_WHAT})?"
    r"(?:\bcopyright(?:s|ed)?\b|\bcopr\b\.?|(?<!\w)\(c\)|&copy;)(?:\s{0,3}(?:\(c\)|\xc2\xa9|&copy;|@))?(?!\s*(?:notice|holder|owner|law|statement|and\b|or\b|in\b|is\b|protect|right|licen[sc]|disclaim|interest|act\b|treat|messag|infring|header|line|info|file|string|symbol|sign))",
    re.I,
)
_FOLLOWS = re.compile(
    r"(?:[ \t:,.(\[<{*|]*|[\s:,.(\[<{*#/|]*(?=\(?[12]\d{3}|\(c\)|<))(?:(?i:by|\(c\)|the)\b|[12]\d{3}|[A-Z\x80-\xff]|<|\[|\{|[\w.+-]+@|\$|@|[a-z][\w-]*(?=[\s.,]*(?:$|\n|[12]\d{3}|[<(\[])|,? (?:Inc|Ltd|LLC|GmbH|Corp)\b))"
)
_GOES_ON = re.compile(
    r"[ \t]*(?:[12]\d{3}\b|(?:rights )?reserved\b|and\b|by\b|<|\(c\)|all rights reserved|\S+@\S+)", re.I
)
_STOPS = frozenset({"licensed", "license", "licence", "permission", "released", "distributed", "redistribution", "redistributions", "use",
                    "see", "this", "you", "under", "spdx", "subject", "available", "provided", "based", "portions", "mit", "bsd", "gpl",
                    "apache", "http", "dual", "everyone", "version"})  # fmt: skip


@lru_cache(maxsize=1)
def _signs() -> Literals:
    return literals(_SIGNS)


def copyright_lines(text: str) -> list[tuple[int, int]]:
    """Places of copyright notices (years, names, "all rights reserved"), in order; each ends before a word that is no name."""
    found: list[tuple[int, int]] = []
    for start in places(text.encode("latin-1"), _signs()):
        before = found[-1][1] if found else 0
        if start < before:
            continue
        if text[start] in "rR":
            lead, reserved = _RESERVED.search(text, max(0, start - 8), start), _ENDED.match(text, start)
            if lead and reserved:
                found.append((start - 4, reserved.end()))
            continue
        what = _LEAD.search(text, max(before, start - 60), start)
        match = _COPYRIGHT.match(text, what.start() if what else start) or _COPYRIGHT.match(text, start)
        if match is None:
            continue
        if not _FOLLOWS.match(text, match.end()) or (_BARE.match(match.group()) and not _dated(text, match)):
            continue
        end = _names_end(text, match.end())
        held = _HELD.match(text, end) if end > match.end() else None
        end = held.end() if held else end
        if end > match.end():
            found.append((match.start(), end))
    return found


_HELD = re.compile(
    r"[.,]?\s{0,2}\((?:only |for |in )?(?:\./)?[\w.@*-]+/[\w.*/@-]*(?: files?)?(?: only)?\)"
    r"|\s(?:until|since|up to) https?://\S+"
    r"|\.?,?\s(?:or|and/or)\s(?:its|their|one\sof\sits)\s(?:affiliates|subsidiaries|affiliated\scompanies)(?:[.,]?\s{1,2}all\srights\sreserved)?"
    r"|,\score\steam\s(?:&|and)\scontributors"
    r"|\s\((?:[a-z]+ ){0,2}(?:github|gitlab|bitbucket|codeberg|sourcehut)(?:\.com|\.org)?/[\w.-]+\)"
    r"|\W{0,3}\bat\b\W{1,3}[\w-]+(?:\W{1,3}dot\W{1,3}[\w-]+){1,3}[^\S\n]{0,1}>?",
    re.I,
)
"""What may stand behind the names: the files or the time that they hold, or an e-mail address that is written out."""


def without_copyright(text: str) -> str:
    """A text less its copyright notices, which count in no comparison."""
    return without_copyrights([text])[0]


def without_copyrights(texts: Sequence[str]) -> list[str]:
    """The same for many texts at one go; none may hold `APART`."""
    flat = readable(APART.join(texts).encode()).decode("latin-1")
    kept, at = [], 0
    for start, end in copyright_lines(flat):
        kept.append(flat[at:start])
        at = end
    return "".join([*kept, flat[at:]]).encode("latin-1").decode("utf-8", "replace").split(APART)


_BARE = re.compile(r"\(c\)\s*$", re.I)


_YEAR = re.compile(r"\b(?:19[6-9]\d|20\d\d)\b")


def _dated(text: str, sign: re.Match[str]) -> bool:
    """Whether a lone (c), which may be the label of a list, stands before a year or at the start of a line before a name."""
    after = text[sign.end() : sign.end() + 80].split("\n", 1)[0]
    if _YEAR.search(after):
        return True
    before = text[max(0, sign.start() - 40) : sign.start()].rpartition("\n")[2].strip(" \t*#/;%")
    first = token_in(after).match(after.strip())
    return not before and first is not None and first.group()[:1].isupper() and first.group().lower() not in ordinary()


_INK = re.compile(r"\S")
_GOES_ON_BEHIND = re.compile(r"(?:,|\band|\bby|&)[ \t]*$", re.I)


def _names_end(text: str, at: int) -> int:
    """Where the names behind a copyright sign end: over following lines only where the line before goes on."""
    end = at
    while True:
        line_end = text.find("\n", end)
        line_end = len(text) if line_end < 0 else line_end
        end, whole = _names_in_line(text, end, line_end)
        rights = _RIGHTS.match(text, end)
        if rights and "\n" in rights.group():
            return rights.end()
        after = line_end + 1
        stub = _GOES_ON_BEHIND.search(text[at:line_end]) or not text[at:line_end].strip(" \t\r,.:0123456789-")
        if not whole or after >= len(text) or after - at > 600:
            return end
        if not (_GOES_ON.match(text, after) or (stub and text[after : after + 200].split("\n", 1)[0].strip())):
            return end
        ink = _INK.search(text, after)
        if ink and _COPYRIGHT.match(text, ink.start()):
            return end
        end = after


_OPENS = re.compile(r"[.!?;>)]\s|\s--?\s|\s\*\s")
"""What stands before something that is no name any more."""


def _names_in_line(text: str, start: int, line_end: int) -> tuple[int, bool]:
    """(where the names end, whether that is the end of the line)."""
    line = text[start:line_end]
    tokens = list(token_in(line).finditer(line))
    shouted = sum(t.group().isupper() for t in tokens) * 2 > len(tokens)
    end, before, small, at = 0, "", 0, 0
    while at < len(tokens):
        token = tokens[at]
        rights = _RIGHTS.match(line, end)
        if rights:
            end = rights.end()
            at = next((n for n in range(at, len(tokens)) if tokens[n].start() >= end), len(tokens))
            continue
        word = token.group()
        fits = _fits(word, before, shouted, small)
        opens = _OPENS.search(line[end : token.start()]) is not None
        if fits is False or word.lower() in _STOPS or (opens and word.lower() in ordinary()):
            return start + _without_condition(line, end), False
        small += fits is None
        end, before, at = token.end(), word.lower(), at + 1
    cut = _without_condition(line, end)
    return start + cut, cut == end


def _without_condition(line: str, end: int) -> int:
    """`end`, or where words that may be a condition begin before it."""
    for match in conditions().finditer(in_one_line(line[:end])):
        if match.lastgroup != "harmless":
            low = line[:end].lower()
            first = low.find(match.group().split()[0])
            return max(0, first)
    return end


_SHORT_LINE = 50
_FIELD = re.compile(r"[A-Z][A-Za-z-]{1,20}(?:[ \t]{0,12}):\s")
_CODE_WORDS = r"(?:import|from|def|class|package|use|using|var|let|const|function|module|struct|enum|public|private|static|return|if|for|while|#include|#define|#ifndef|#ifdef|#pragma|@\w+\s*$)\b"
_BEGINS_CODE = re.compile(rf"\s*(?:{_CODE_WORDS}|(?:\w+\s*(?:=|:=|\+=|\()|[\w.-]+\s*=))")
_BEGINS_WITH = re.compile(rf"\s*{_CODE_WORDS}")
"""What of it a line without = and ( may begin with."""
_ENDS_CODE = frozenset(";{}")


def is_code_line(line: str) -> bool:
    """Whether a line is code and no text."""
    if line.rstrip()[-1:] in _ENDS_CODE:
        return True
    begins = _BEGINS_CODE if "=" in line or "(" in line else _BEGINS_WITH
    return begins.match(line) is not None


_DULL = np.zeros(256, np.bool_)
_DULL[list(b" \t,;:()[]/<>|&+%$@`{}~^\\\"'")] = True
"""What may stand between two words of one sentence."""


_SIGN_OF_CODE = re.compile(
    r"\w\(|[={}\[\]]|::|->|^\s*(?:#\s*include|import\s+[\w.*]+\s*;?$|from\s+\S+\s+import\b)|^\s*\w+;\s*$"
)


def is_code(line: str) -> bool:
    """Whether a line in a comment is code: "for schools only;" looks like some, and has no sign that only code has."""
    return is_code_line(line) and _SIGN_OF_CODE.search(line) is not None


@inner
def _parted(text: Array, start: Number, end: Number, white: Array) -> Number:
    """Whether a gap between two words parts them: 1, or 2 for a line's end, of which the lines have to say it; 0 for none.

    What parts them is the end of a sentence (and what closes it) before white space, a blank line, the end of a comment, three marks of a
    line that is drawn, or the end of a string in a list of strings.
    """
    found = 0
    run = 0
    for at in range(start, end):
        c = text[at]
        if c == 47 and at > start and text[at - 1] == 42:  # */
            return 1
        run = run + 1 if c == 42 or c == 45 or c == 61 or c == 95 or c == 35 else 0  # * - = _ #
        if run >= 3 and at + 1 < end and white[text[at + 1]] and at - run >= start and white[text[at - run]]:
            return 1
        if c == 46 or c == 33 or c == 63:  # . ! ?
            after = at + 1
            while after < end and (
                text[after] == 34 or text[after] == 39 or text[after] == 41 or text[after] == 93
            ):  # " ' ) ]
                after += 1
            if after < end and white[text[after]]:
                return 1
        elif c == 10:
            found = 2
            after = at + 1
            while after < end and (text[after] == 32 or text[after] == 9 or text[after] == 13):
                after += 1
            if after < end and text[after] == 10:
                return 1
        elif (c == 34 or c == 39) and at + 1 < end and text[at + 1] == 44:  # ", and a quote in a line behind it
            after = at + 2
            while after < end and (text[after] == 32 or text[after] == 9):
                after += 1
            after += after < end and text[after] == 13
            if after < end and text[after] == 10:
                while after < end and white[text[after]]:
                    after += 1
                if after < end and (text[after] == 34 or text[after] == 39):
                    return 1
    return found


@compiled
def _seams(
    text: Array, starts: Array, ends: Array, free: Array, dull: Array, white: Array, breaks: Array, out: Array
) -> Number:
    """How many rows of `out` there are: (end of a word, start of the next, whether they are parted as of `_parted`) where words stop or
    begin to be free, or where what stands between two may part them, or a break.

    -1 for a word that is not free.
    """
    size = 0
    before = False
    broken = 0
    for n in range(free.size):
        parted = 1 if free[n] != before else 0
        if before and free[n] and (starts[n] - ends[n - 1] > 1 or text[ends[n - 1]] == 10 or text[ends[n - 1]] == 13):
            for at in range(ends[n - 1], starts[n]):
                if not dull[text[at]]:
                    while broken < breaks.size and breaks[broken] < ends[n - 1]:
                        broken += 1
                    at_break = broken < breaks.size and breaks[broken] < starts[n]
                    parted = 1 if at_break else _parted(text, ends[n - 1], starts[n], white)
                    break
        if parted:
            out[size, 0] = ends[n - 1] if before else -1
            out[size, 1] = starts[n] if free[n] else -1
            out[size, 2] = parted
            size += 1
        before = free[n]
    if before:
        out[size, 0], out[size, 1], out[size, 2] = ends[free.size - 1], -1, 1
        size += 1
    return size


def sentences(
    text: str,
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    free: NDArray[np.bool_],
    apart: Sequence[tuple[int, int]],
) -> Iterator[Sentence]:
    """Runs of free words of `text`, parted by covered words, ends of sentences, blank lines, short lines and what is `apart`."""
    first, breaks = -1, [start for start, _ in apart]
    data = np.frombuffer(text.encode("latin-1"), np.uint8)
    out = np.empty((free.size + 1, 3), np.int32)
    size = _seams(data, starts, ends, free, _DULL, WHITE, np.array(breaks, np.int64), out)
    for end, start, parted in out[:size].tolist():
        if parted == 2 and not _lines_part(text, end, start):
            continue
        if first >= 0:
            yield Sentence(first, end)
        first = start


def _lines_part(text: str, end: int, start: int) -> bool:
    """Whether the lines of two words, the one ending and the other beginning there, are none of one sentence."""
    begin = text.rfind("\n", 0, end) + 1
    if _FIELD.match(text, start):
        return True
    last = text.rfind("\n", 0, start) + 1
    following = text.find("\n", start)
    code = text[last : following if following >= 0 else len(text)]
    if start - end == 1:  # nothing but the line's end, as in a text that is filled: "if" and "import" begin lines there
        return is_code(code)
    return is_code_line(code) or (end - begin < _SHORT_LINE and not text[start].islower())


SINGLE = re.compile(r"\b(?:propriet|confiden|commercial|eval|trial|academic|forbid|forb|prohib|private|internal|expired|revoked|denied|void|not|no|never|none|nobody|nothing|neither|hardly|seldom|except|without|unless|until|false|restricted|unpublished|secret|non-?|transfer|draft|review|only\b|solely|excluded)", re.I)  # fmt: skip


_NAME = r"(?-i:[\"'(]*[A-Z0-9\x80-\xff][\w.,&'()<>@/:\x80-\xff-]*(?: (?:(?:of|the|and|for|at|de|von|in|University)|[\"'(<]*[A-Z0-9\x80-\xff][\w.,&'()<>@/:\x80-\xff-]*)){0,14})"
"""A run of words with capitals."""
_HARMLESS = whole(
    r"(?i)\W*(?:[\w.\x80-\xff]+\W{1,3}){1,5}(?:is|are) (?:a |the )?(?:registered )?(?:trade|service )marks?(?: or (?:registered )?(?:trade|service )marks?)?(?: (?:of|by|owned by) (?:[\w.,&\x80-\xff]+ ?){1,6})?(?: in the (?:US|U\.S\.|United States)(?: and/or other countries)?)?\W*"
    r"|\W*(?:all )?(?:other )?(?:trademarks|names|product names|brands)(?: \w+){0,6} (?:is|are) (?:the )?property of their respective (?:owners|holders|companies)\W*"
    r"|\W*(?:for|see|the) (?:a |an |the )?(?:full |complete |exact )?(?:list|history) of (?:all )?(?:contributors|authors|changes)\b[^.;]{0,40}(?:https?://\S+|AUTHORS|CONTRIBUTORS|THANKS|git)\S*(?: file| log| history)?\W*"
    rf"|\W*to learn more about (?:the )?{_NAME},? see\W{{0,4}}https?://\S+(?:,? or [\w.]+@[\w.]+)?\W*"
    rf"|\W*this (?:software|code|file|library) (?:was|has been) (?:originally )?(?:written|contributed|donated|developed)(?: (?:for|to) (?:the )?{_NAME})?(?: by {_NAME})?(?: (?:in cooperation|under a contract|in collaboration) with {_NAME})?\W*"
    rf"|\W*(?:by {_NAME} in cooperation with|further modifications have been made for the) {_NAME}(?: under a contract with {_NAME})?\W*"
    rf"|\W*this (?:code|software) is derived from software (?:contributed|written) (?:to|for) (?:the )?{_NAME} by (?:the )?{_NAME}\W*"
    r"|\W*on debian(?: gnu/linux)? systems,? the (?:complete |full )?(?:text of|texts of) the [\w.,/ -]{3,80} can be found in (?:the file )?\W{0,2}/usr/share/common-licenses/[\w.-]+\W*"
    r"|\W*the full text of the [\w., -]{3,60} is distributed in /usr/share/common-licenses/[\w.-]+ on debian systems\W*"
    r"|\W*usr/share/common-licenses/[\w.-]+ \(?on debian systems\)?\W*"
    r"|(?:\W*(?:id|header|source|rcsfile|\w*bsd|dragonfly|xorg|xfree86|gcc)\W{1,3}[\w./+-]+,v [0-9.]+ [0-9]{4}[/-][0-9]{2}[/-][0-9]{2} [0-9:]+z? [\w.-]+ exp(?: [\w.-]+)?\W*)+"
    r"|\W*spdx license expression \"?[\w.+-]+\"?:? https://spdx\.org/licenses/[\w.+-]+(?: on debian systems, the complete text of the [\w.,/ -]{3,80} can be found in \W{0,2}/usr/share/common-licenses/[\w.-]+)?\W*"
    rf"|\W*(?:here is the (?:copyright and )?license for (?:the )?[\w.+-]+|(?:the |{_NAME} |[\w'-]+ )?license is as follows|the files tagged with this license contains? the following paragraphs?|[\w.-]+(?: and its unit tests)? (?:is|are) released under the following licen[cs]e)\W*"
    r"|\W*the full texts? of (?:each|the|both) licen[cs]es?(?: agreements?)? (?:is|are) included below\W*"
    rf"|\W*this code is also licensed to the {_NAME} under a contributor agreement\W*"
    rf"|\W*(?:this|the) (?:project|software|library) is (?:maintained|developed) (?:independently )?by (?:the open[ -]source community|{_NAME}),?(?: governed by (?:the )?{_NAME})?\W*"
    r"|(?:\W*[0-9.]+ (?:(?:thru|and above|through) )?(?:[0-9.]+ )?(?:[0-9.]+(?:\+[0-9.]+)? )?(?:[0-9]{4}(?:-(?:[0-9]{4}|now))? )?(?-i:[A-Z][\w.]*) (?:yes|no)(?: \([0-9]\))?)+\W*"
    r"|\W*back to (?:the )?(?:[\w.+-]+ ){0,3}(?:home ?page|top|index|contents)\W*"
    r"|\W*(?:the )?(?:software|program|code|library|this project|we|it) (?:is|are) not affiliated (?:with|to) [\w., ]{1,60}\W*"
)
"""Sentences of licence files that neither give nor take: trademarks' owners, where contributors are listed."""


@lru_cache(maxsize=20_000)
def is_harmless(text: str) -> bool:
    """Whether a sentence is one of the usual ones that neither give nor take."""
    return len(text) < 1_500 and _HARMLESS.matches(" ".join(text.split()))


@lru_cache(maxsize=50_000)
def _names_nothing(token: str) -> bool:
    """Whether a token is a word of notices, a number, an address or a path."""
    low = token.lower().strip("_'")
    return (
        not low.strip("_")
        or low in NOTICE_WORDS
        or _NUMBER.match(token) is not None
        or _ADDRESS.search(low) is not None
        or PATH.match(token) is not None
    )


def is_plain(text: str, named: Sequence[tuple[int, int]]) -> bool:
    """Whether a sentence does no more than name licences, owners, files and addresses.

    Args:
        text: The sentence.
        named: Places of the licences that it names, in order.
    """
    return _is_plain(text, tuple(named))


@lru_cache(maxsize=20_000)
def _is_plain(text: str, named: tuple[tuple[int, int], ...]) -> bool:
    blank = text
    for start, end in named:
        blank = f"{blank[:start]}{' ' * (end - start)}{blank[end:]}"
    if _is_made_of_names(blank, named) and (condition_in(blank) is None or _is_one_word(blank)):
        return True
    return is_harmless(text)


def _is_made_of_names(blank: str, named: tuple[tuple[int, int], ...]) -> bool:
    """Whether a sentence, with blanks for what is `named`, has no words but those of names and notices."""
    first = named[0][0] if named else len(blank)
    before, small, spoken = "", 0, False
    for match in token_in(blank).finditer(blank):
        token = match.group()
        low = token.lower().strip("_'")
        if _names_nothing(token):
            spoken = spoken or low in ("under", "licensed", "license", "licence")
            before = low
            continue
        owner = (
            before in ("by", "via", "c", "copyright", "and", "author", "authors", "see", "at", "name", "name:")
            or before == "*"
        )
        if match.start() > first and not owner:
            return False
        fits = _fits(token, before, False, small)
        if named and before in _PLACING and match.start() < first and token != "Debian":
            return False  # "In Norway licensed under …"
        if fits is False or (spoken and not owner and match.start() < first):
            return False
        small += fits is None
        before = "by" if owner else low
    if named or not small:
        return True
    words_ = {token.lower() for token in tokens_in(blank)}
    return len(words_) <= _LOWER and not words_ & _JOINTS


_JOINTS = frozenset({"for", "to", "in", "on", "at", "with", "within", "by", "under", "is", "are", "be", "may", "can"})
"""Words by which a few others become a sentence."""
_PLACING = frozenset({"in", "on", "within", "for"})
"""Words behind which a name is a place, a time or a person that alone is meant."""


def _is_one_word(text: str) -> bool:
    """Whether a text is a title of one word, as "Requests", and not one that limits."""
    return text.isascii() and len(list(islice(token_in(text).finditer(text), 2))) == 1 and SINGLE.search(text) is None
