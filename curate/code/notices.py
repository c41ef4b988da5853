"""Sentences that speak of licences: what they say together, what they point to, and what takes something back."""

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from curate.code.arrays import saved
from curate.code.described import speaks_of_parts
from curate.code.evidence import ids
from curate.code.known import Span
from curate.code.names import Folded, fast, first_place, in_one_line, mentions, rough, spaced
from curate.code.needles import Gates, gates, needed, opens
from curate.code.scan import Literals, literals, places

_GATE = (
    "licenc", "licens", "gpl", "copyleft", "public domain", "public-domain", "free software", "redistribut", "permission",
    "proprietary", "opensource.org", "creativecommons", "noncommercial", "non-commercial", "same terms", "confidential", "copyright",
    "commercial", "internal use", "unauthori", "trade secret", "not be used", "may not", "prohibited", "forbidden", "no part of",
    "stackoverflow", "stack overflow", "eula", "not for use", "personal use", "(c)", "not distribute", "not redistribute", "cc by", "cc-by",
    "taken from", "copied from", "borrowed from", "based on code", "lifted from", "stolen from", "derived from", "adapted from", "ported from",
    "all rights", "rights reserved", "permitted", "warrant", "hereby", "as is", "property of", "evaluation", "not allowed to", "purchase", "freeware", "shareware", "copying", "donat",
)  # fmt: skip
"""What a text that speaks of licences, of restrictions or of where it is from has somewhere."""
_REMARK_GATE = (
    "verboten", "untersagt", "weitergabe", "weitergeben", "verschlusssache", "dienstgebrauch", "eigentum", "vorbehalten", "vertraulich", "nur f", "nicht f", "interdit", "tous droits", "ne pas ",
    "diffusion", "usage interne", "usage non", "usage perso", "document interne", "aux clients", "prohibid", "reservados", "confiden", "uso ", "propiedad", "vietat", "riservat", "non dist", "proibid", "verboden", "vertrouwelijk", "alle recht",
    "stays in", "stay in the", "keep in house", "in-house", "in house", "pass it on", "pass this", "hand this", "hand it", "between us", "leave the building", "leave the lab", "eyes of", "eyes only", "ours alone", "to us by", "to us under", "show this to",
    "decompiled", "retyped", "transcribed", "nabbed", "swiped", "pilfered", "leaked", "out of the", "wholesale", "from a colleague", "firmeneigentum", "schulung",
)  # fmt: skip
"""What a remark has somewhere that limits in another language, or tells of where a file may not go or what it was made of."""
_TRIGGERS = (
    r"\bunder\b|licen[sc]ed?\b|licen[sc]ing|licen[sc]e ?[:=(\-]|\bterms of\b|\bterms and\b|governed by|covered by"
    r"|subject to|conditions of|accordance with|copying|according to|permitted|distribut|released?|part of|copyright|\blic\b"
    r"|available"
)
_TRIGGER = re.compile(spaced(_TRIGGERS))


def _rough_spaced(pattern: str) -> Any:
    """`rough` of a `spaced` pattern: in RE2 `\\s` means less than in `re`."""
    space = r"\s\x0b\x1c-\x1f\x85\xa0"
    found = spaced(pattern).replace(r"[\s", f"[{space}")
    return rough(found.replace(r"\s+", f"[{space}]+").replace(r"\s*", f"[{space}]*"))


_ROUGH_TRIGGER = _rough_spaced(_TRIGGERS)
_CHOICE = re.compile(
    spaced(
        r"\bor\b|\bor,|[a-z0-9)+]?/ ?$|alternative|at your (?:option|choice)|dual|either|choice|whichever|\||triple|tri-licen"
    )
)
_ANY_CHOICE = re.compile(r"alternative|\beither\b|at your option|choice|\bor under\b|\bor the\b")
_BOTH = re.compile(r"\band\b|\bboth\b|&|portions|parts of|contains|includes")
_DUALS = r"dual[ -]?licen[sc]|double[ -]licen[sc]|tri-?licen[sc]|triple[ -]licen[sc]|choice of (?:one of )?(?:two|three|the)|either of the following"
_DUAL = re.compile(spaced(_DUALS))
_BOTH_APPLIES = (
    r"\b(?:both|all|each)\b[^.]{0,60}\b(?:appl(?:y|ies)|hold|must be|compl(?:y|ied)|follow(?:ed)?|observed|met|satisf\w+|fulfil\w+|required|cumulativ\w*)\b"
    r"|\bcomply with (?:both|all|each|the terms of (?:both|all))\b|\bat the same time\b|simultaneous|\bcumulative|\bconjunctive|\bnot (?:a|at your) choice|\bno choice\b|\bin addition to (?:the )?(?:terms|licen)"
)
_BOTH_APPLY = re.compile(spaced(_BOTH_APPLIES))
"""Where licences hold at once, whatever else is said of a choice."""
_ROUGH_BOTH_APPLY, _ROUGH_DUAL = _rough_spaced(_BOTH_APPLIES), _rough_spaced(_DUALS)

_ASIDES = (
    r"gpl[ -]?compatible|incompatible\"? with the gpl|compatible with (?:the )?(?:gnu )?(?:l?gpl|general public)|unlike the gpl"
    r"|(?:python|it) under the gpl|other software that is released under the gpl|another distribution licen[sc]e \[including the gnu"
)
_ASIDE = re.compile(spaced(_ASIDES))
_ROUGH_ASIDE = _rough_spaced(_ASIDES)
"""Where a text speaks of the GNU licences and is not under them, as the history in Python's licence does."""

_A = "[^ -~]{1,2}"
"""A letter with a mark."""
_OTHER_LANGUAGES = (
    r"\b(?:verboten|untersagt|weiter(?:gabe|verbreitung)|nicht weiter(?:geben|zugeben|verbreiten)|streng geheim|geheimhaltung\w*|firmeneigentum|betriebsgeheimnis\w*|dienstgebrauch|verschlusssache|vertraulich\w*"
    rf"|(?:alle )?rechte vorbehalten|eigentum (?:der|des|von)|nur f{_A}r (?:den|die|das|interne\w?|private\w?|schulung\w*|mitglieder|kunden|mitarbeiter\w*|nicht|studenten|forschung\w*)|nicht f{_A}r (?:dritte|die {_A}ffentlichkeit|den verkauf|kommerziell\w*)|nicht[ -]?kommerziell\w*"
    r"|interdit(?:e|s|es)?|tous droits|ne pas (?:diffuser|distribuer|copier|divulguer|partager|communiquer|redistribuer|reproduire)|diffusion (?:restreinte|interne|limit\w*)|usage (?:interne|non commercial|personnel|exclusif|acad\w*)|document interne|confidentiel\w*"
    rf"|propri{_A}t{_A} (?:de|du|des|exclusive|intellectuelle)|r{_A}serv{_A}e?s? (?:aux?|{_A})"
    r"|prohibid[oa]s?|derechos reservados|no (?:distribuir|copiar|divulgar|compartir)|uso (?:interno|personal|exclusivo|no comercial|privado|pessoal|riservato)|propiedad de|confidencial(?:es)?"
    rf"|vietat[oaie]|(?:diritti )?riservat[oaie]|non (?:distribuire|divulgare|copiare)|propriet{_A} di|proibid[oa]s?|direitos reservados|n{_A}o (?:distribuir|copiar|divulgar)|propriedade d[aeo]"
    rf"|verboden|vertrouwelijk|alle rechten|niet (?:verspreiden|kopi{_A}ren)|eigendom van|f{_A}rbjud\w*|konfidentiell\w*|fortrolig\w*|eftertryck|zabronione|poufne|wszelkie prawa)\b"
)
"""Words of limits, owners and secrecy in other languages of Europe, as notices have them."""
_CONFINED = (
    r"|(?:^\W*|[\"'`:;{}()=>] ?)(?:please )?(?:this |it |code |file |module )*(?:stays?|keep(?: (?:this|it))?|remains?) (?:with)?in(?:side)?(?: the| our| my)?[ -](?:lab|house|building|company|office|firm|team|group|department|family|club|room)\b"
    r"|\b(?:don't|do not|never|not to) (?:pass|hand|give) (?:it|this|them|these)(?: (?:file|code|module|script))? (?:on|out|away|around)\b|\b(?:strictly |just |keep this )between (?:us|ourselves|you and me)\b|\b(?:not|never) to leave the (?:lab|building|company|office|house|room|firm|team)\b"
    r"|\bfor (?:the )?eyes (?:of|only)\b|\b(?:yours|theirs|ours|mine) alone\b|\b(?:given|supplied|handed|lent|shown|licen[sc]ed|sold) to us (?:by|under|in confidence)\b|\bdo not show (?:this|it) to\b"
    r"|\b(?:de-?compiled|disassembled|retyped|re-typed|transcribed|swiped|nabbed|pinched|pilfered|leaked|reverse[- ]engineered) (?:wholesale |straight |directly |verbatim |by hand )?(?:from|out of|off) (?!its |the (?:bytecode|byte code|ast|ir)\b)|\bleaked (?:sources?|code|source code|sdk|tree)\b"
    r"|\b(?:straight|copied|lifted|taken|comes?|came|code) (?:wholesale |directly |verbatim |right )?(?:from|out of) (?:the |an? )?(?:vendor|windows|photoshop|oracle|matlab|quake|doom|sony|nintendo|microsoft|adobe|apple|intel|nvidia|colleague|former employer|old job|previous job|customer|client)(?:'s)?\b(?! (?:id|ids|header|headers|side|docs?|documentation|spec|api|data|table|list|prefix|field|request|response|library|module))"
)
"""What a remark says of where a file may not go, and of what it was made of."""
_REMARKS = fast(_OTHER_LANGUAGES + _CONFINED)
_RESTRICTION = fast(
    _OTHER_LANGUAGES + _CONFINED + r"|non-?commercial|not (?:for|be used for|intended for) (?:any )?(?:commercial|resale|military|production use|use in)|commercial (?:use|usage|redistribution|users?|purposes?|exploitation)[a-z ,]{0,20}(?:is |are )?(?:prohibited|not|requires?|need|forbidden|must|excluded|only)|(?:for|any|no) commercial (?:use|purposes?)"
    r"|evaluation (?:purposes?|only|use|licen[sc]e|copy)|\bproprietary (?:and|to|information|software|code|licen[sc]e|property|material|rights|of)\b|confidential (?:and|information|property|material)|\bconfidential\b(?= ?[.-])|trade secrets?|internal (?:use|evaluation|purposes)\b(?! of\b)|academic (?:use|purposes)|educational (?:use|purposes)|research (?:use|purposes) only|(?:personal|private|home) use(?: only)?\b"
    r"|(?:may|must|shall) not (?:be )?(?:used? (?:th(?:is|e|ese) (?:file|code|software|work|program|library|source|material)|for|in|by|without|except|commercially|or|to make|unless)|cop(?:y|ied)|modif(?:y|ied) (?:or|and|this|and/or)|distributed?(?: without|,| or| it)|redistributed?|reproduced?|sold|resold|sell|sublicen[sc]e|published? without|disclosed?)"
    r"(?! (?:this|these|the) [a-z]{2,12},? except in compliance)"
    r"|(?:no permission|permission (?:is )?(?:denied|required) (?:to|from|for)) (?:use|copy|the|redistribute|author)|without (?:the )?(?:express |prior |explicit |specific )*written (?:permission|consent|authori[sz]ation|agreement|approval)"
    r"|you (?:also )?hereby (?:agree to )?grant|under the conditions? that"
    r"|shall be used for good|\bnot evil\b|all rights(?: are)? reserved[ .,;:]*(?:no part|unauthori[sz]ed|reproduction|any (?:use|copy|reproduction|unauth)|you may not|do not|use|copying|without|this (?:file|code|software) (?:is|may))|unpublished (?:work|proprietary|source|rights|confidential|copyright)"
    r"|(?:use|copying|redistribution|distribution|modification|reproduction|resale|sale|disclosure|transfer|duplication|dissemination|training|scraping|reverse engineering)(?:[a-z ,/]{0,60})(?:is|are) (?:strictly |expressly |hereby |explicitly )*(?:prohibited|forbidden|not permitted|not allowed|denied|restricted|disallowed)"
    r"|(?:unauthori[sz]ed|unlicen[sc]ed) (?:use|copying|cop(?:y|ies)|distribution|reproduction|access|modification|redistribution|duplication|disclosure)"
    r"|do not (?:re)?(?:distribute|publish|share|copy|sell|use) (?:this|without|outside|or|it\b|commercially)|not for (?:re-?)?(?:distribution|sale|publication|release|public)"
    r"|\bshareware\b|(?:this|is|as) freeware|donat(?:e|ion)s? (?:is |are )?required|licen[sc]e fees?\b|\broyalt(?:y|ies)\b(?! ?-?free)|purchase (?:a|an|the|of) (?:[a-z]+ ){0,2}licen[sc]e|buy (?:a|the) licen[sc]e|valid licen[sc]e (?:key|agreement|from)|commercial licen[sc]e|requires? a (?:paid |commercial |separate )?licen[sc]e"
    r"|(?:property|sole property|intellectual property) of (?!the (?:object|element|node|class|file|css))(?:[a-z0-9&.,]+ ){0,4}(?:inc|ltd|llc|gmbh|corp|corporation|company|co)\b|no part of (?:this|the) (?:file|code|software|source|program|work|document|material|publication|module|package|library)"
    r"|only (?:be used|for use) (?:by|with|in|for|within)\b[a-z ]{0,30}(?:licen[sc]|customer|employee|student|research|academic|member|subscriber|internal)|licen[sc]ed (?:only|solely|exclusively) (?:to|for)|for the (?:sole|exclusive|internal) use of|in (?:the )?production (?:use )?(?:requires?|without a)|free for (?:personal|academic|non|educational|private|research|home|hobby|students?)"
    r"|(?:licen[sc]e|permission|rights?)[a-z ]{0,20}(?:terminates?|expires?|ends|is revoked|may be revoked)\b(?! automatically)|must (?:buy|purchase|pay|obtain a (?:commercial )?licen[sc]e)|hobby(?:ists?)? (?:projects?|use) only|competitors? (?:of|may|must|are)|(?:train|training|trained)[a-z ,]{0,30}(?:ai|ml|machine learning|language models?|neural)[a-z ]{0,30}(?:prohibited|forbidden|not|without)|not (?:be )?(?:used?|feed|fed)[a-z ,]{0,30}(?:machine learning|language model|train|\bai\b)"
)  # fmt: skip

_GRANT = fast(
    r"permission (?:is|to use|to copy)(?! and distributed? verbatim copies of this)(?: [a-z,]+){0,12} (?:granted|given)|permission is hereby|redistributions? and use in (?:source|binary)|redistributions? (?:of|in) (?:source|binary)"
    r"|licen[sc]e is (?:hereby )?granted|\b(?:under|in|of|to) the (?!gnu )(?:[a-z.\-]{2,30} ){1,3}public licen[sc]e\b|to (?:deal in|use, copy)|granted to any|hereby (?:granted|permitted|denied|licen[sc]ed)"
    r"|\b(?:usage|use|copying|(?:re)?distributions?|modification|reproduction)\b[a-z ,]{0,80}\bpermitted\b|without (?:any )?(?:express |implied )?warrant(?:y|ies)|merchantability"
    r"|provided (?:\"|')?as[ -]is(?:\"|')?,? (?:without|and)|permitted provided that|can be used under|free(?:ly)? (?:to )?(?:use|redistribut|distribut|cop)[a-z ,]{0,30}(?:this|provided|long as)|you (?:may|can|are free to) (?:freely )?(?:use|copy|redistribute|distribute|modify) (?:this|it|the) (?:code|software|file|program|library|script|work|source)"
)  # fmt: skip
"""What grants something: a sentence with one that belongs to no text known has terms that nobody has read."""

_VERB = r"(?:taken|copied|borrowed|lifted|stolen|adapted|derived|ported|ripped|adopted|grabbed|cribbed|nicked|copy[- ]pasted?|copy ?(?:&|and) ?pasted?|based on (?:the )?(?:original )?(?:code|work|source|implementation|software|version)s?)"
_ORIGIN = fast(
    _VERB
    + r"(?:[a-z, ]{0,40}?)? (?:from|by|of)(?: the)?(?: code| source| sources| work| version| implementation| file| function| snippet| answer)?(?: (?:from|of|in|by|at|on))?(?: the)?[ :<(]{0,4}"
    r"(?:https?://|www\.|stack ?overflow|stackexchange|(?:[a-z0-9_.\-]+ )?\(?(?:gpl|lgpl|agpl|gnu )|(?:linux|gcc|glibc|busybox|ffmpeg|wordpress|mysql|qt) (?:kernel|source|code|project))"
    r"|(?:from|credits?|thanks|courtesy|inspired|source|via|based|borrowed|stolen|adapted|solution|due to|answer)\b[^\n]{0,40}(?:stack ?overflow\.com/(?:a|q|questions)/|stack ?overflow answer)|cc[ -]?by[ -]?sa"
    r"|\b(?:copied|borrowed|lifted|stolen|ripped) from (?:[a-z0-9_.'-]+ ){0,3}(?:[a-z0-9_.-]+/){1,6}[a-z0-9_-]+\.(?:c|h|cc|cpp|hpp|py|pyx|js|ts|java|go|rs|rb|php|cs|pl|m)\b"
)  # fmt: skip
"""Code of others whose licence nobody states here; a path of a source file is one of another project."""

_NAMED = re.compile(
    r"\b((?:[A-Z][\w.+-]*[ -]){1,5})(?:[Ll]icen[sc]e|LICEN[SC]E|EULA|Licen[sc]e Agreement|[Tt]erms of (?:[Uu]se|[Ss]ervice))\b(?!\s*(?:[Kk]ey|[Ss]erver|[Mm]anager|[Ii]dentifier|[Ff]ile|[Hh]eader|[Cc]hecker|[Ee]xception|[Ee]xpression|[Cc]lass|[Tt]ext|=|\())"
)
_GENERIC = frozenset(
    ["the", "this", "that", "a", "an", "your", "my", "our", "its", "any", "each", "all", "open", "source", "free", "software", "public", "project", "see", "main", "default", "no", "new", "same", "other", "following", "above", "under", "per", "via", "note", "code", "license", "licence", "library", "program", "file", "by", "and", "or", "for", "of", "in", "with", "full", "complete", "original", "current", "dual", "apache", "mit", "bsd", "gnu", "general", "lesser", "affero", "isc", "zlib", "copyright", "permissive", "python", "package", "and/or", "module", "if", "see", "read", "spdx", "use", "used", "uses", "get", "set", "add", "update", "check", "valid", "check", "missing", "unknown", "generate", "type", "name", "driver", "driver's", "community", "modified", "new", "simplified", "revised", "clause", "two", "three", "style", "version", "s", "not", "all", "rights", "reserved", "standard", "common", "creative", "commons", "attribution", "international"]
)  # fmt: skip
_UNDER = re.compile(
    r"\b(?:licen[sc]ed|released|distributed|available|published|provided) under (?:the )?(?:terms (?:and conditions )?of )?(?:the )?([a-z0-9.\- ]{2,60}?) (?:licen[sc]e|eula|agreement|terms)\b"
)


_ASIDE_WORDS = ("compatible", "the gpl", "the gnu")
"""Each of these has one of them."""


def asides(low: str, line: str) -> list[tuple[int, int]]:
    """Where a text, in small letters, speaks of the GNU licences and is not under them; `line` is the text with single blanks."""
    if not ("gpl" in low or "gnu" in low) or not any(word in line for word in _ASIDE_WORDS):
        return []
    data = low.encode("latin-1", "replace")
    found: list[tuple[int, int]] = []
    at = 0
    while (place := first_place(_ROUGH_ASIDE, data, at)) and (match := _ASIDE.search(low, place[0])):
        found.append(match.span())
        at = match.end()
    return found


@lru_cache(maxsize=1)
def gate() -> Literals:
    """The words of which a source file without any says nothing of licences."""
    return literals(_GATE)


@lru_cache(maxsize=1)
def remark_gate() -> Literals:
    """The words of which a sentence without any is none of `remarks`."""
    return literals(_REMARK_GATE)


_TRIGGER_BEHIND = re.compile(r"[\s:,.)]*(?:licen[sc]ed|lic\b|see\b|for more|for details)")


_COPY_OF = re.compile(
    r"\bcop(?:y|ies) of (?:the|this|its|that|such|said) (?:[\w\"'.,-]+ ){0,8}?licen[cs]es?\b[^.;]{0,80}?(?P<address>(?:https?://|www\.)[^\s<>\"')\]]+)",
    re.I,
)
_SCHEME = re.compile(r"(?:https?://)?(?:www\.)?")
_HOSTS = re.compile(
    r"(?:apache\.org/licenses|opensource\.org/licenses?|gnu\.org/(?:licenses|copyleft)|spdx\.org/licenses|creativecommons\.org/(?:licenses|publicdomain)|mozilla\.org/mpl|boost\.org/license\w*"
    r"|eclipse\.org/(?:legal|org/documents)|unlicense\.org|mit-license\.org|choosealicense\.com/licenses|osi\.org/licenses)(?=[/.?#_-]|\Z)"
)
"""Where organisations publish licences."""


def foreign_copy(said: str) -> str | None:
    """The words of a sentence that says that a copy of the licence stands at an address that is none of a known licence."""
    match = _COPY_OF.search(" ".join(said.split())) if "cop" in said.lower() else None
    if match is None:
        return None
    address = match.group("address").lower().rstrip(".,;")
    host = _SCHEME.match(address)
    at = host.end() if host else 0
    known = _HOSTS.match(address, at) or any(named.start <= at for named in mentions(address))
    return None if known else match.group()


def has_trigger(low: str, start: int, end: int) -> bool:
    """Whether the words around a name say that something is under it."""
    if ".org/" in low[start:end] or ".com/" in low[start:end]:
        return True
    first = max(0, start - 160)
    near = _ROUGH_TRIGGER.search(low[first:start].encode("latin-1", "replace"))
    return bool(near and _TRIGGER.search(low, first + near.start(), start)) or bool(
        _TRIGGER_BEHIND.match(low, end, end + 40)
    )


_DOUBTFUL = (_RESTRICTION, _GRANT, _ORIGIN)


@lru_cache(maxsize=1)
def _doubtful() -> Gates:
    """The words without one of which a sentence matches none of these: pattern n has bit n."""
    return Gates(**saved("doubtful", lambda: gates({1 << n: needed(one.pattern) for n, one in enumerate(_DOUBTFUL)})))


@lru_cache(maxsize=20_000)
def doubtful(said: str, heading: bool = True) -> str | None:
    """The words of a sentence that restrict, reserve, grant on terms of its own, or tell of a foreign origin; None for none.

    `heading` for one before the code begins: what is for internal use further down are parts of the program.
    """
    text = in_one_line(said)
    may = opens(text.data, _doubtful())
    for number, pattern in enumerate(_DOUBTFUL):
        for match in pattern.finditer(text) if may >> number & 1 else ():
            of_names = match.group().startswith("internal") and (
                _OF_CODE.search(text.text) or (not heading and not _OF_WORK.search(text.text))
            )
            of_names = of_names or (match.group().endswith(" use in") and speaks_of_parts(text.text[match.end() :]))
            of_data = pattern is _ORIGIN and _OF_DATA.search(text.text[: match.start()])
            if not of_names and not of_data:
                return match.group()
    return unknown_name(said)


def remarks(said: str) -> str | None:
    """The words of a sentence, which may be made of names otherwise, that limit in another language, or tell of where it may not go."""
    found = next(_REMARKS.finditer(in_one_line(said)), None)
    return found.group() if found else None


def comes_from(said: str) -> str | None:
    """The words of a sentence that tell of code of others; None for none."""
    text = in_one_line(said)
    found = next(_ORIGIN.finditer(text), None)
    return found.group() if found and not _OF_DATA.search(text.text[: found.start()]) else None


def restricts(said: str) -> bool:
    """Whether a sentence has words that restrict or reserve."""
    return next(_RESTRICTION.finditer(in_one_line(_BOTH_USES.sub(" ", said))), None) is not None


_BOTH_USES = re.compile(r"\b(?:commercial (?:and|or|as well as) non-?commercial|non-?commercial (?:and|or|as well as) commercial)(?: (?:use|usage|purposes|projects))?\b", re.I)  # fmt: skip
"""All uses, in two words."""


_OF_CODE = re.compile(
    r"\b(?:methods?|functions?|class(?:es)?|apis?|variables?|attributes?|options?|parameters?|macros?|helpers?|commands?|constants?|arguments?|flags?|propert(?:y|ies)"
    r"|members?|interfaces?|hooks?|symbols?|structs?|types?|internals|them|these|routines?|fields?|keys?|modules?|values?|names?|enums?|objects?|utilit(?:y|ies)|subclass(?:es)?|self|private|tests?)\b"
)
"""What is for internal use in every program: parts of it that others should not call."""
_OF_WORK = re.compile(
    r"\b(?:software|program|source|company|inc|corp|confidential|document|material|copyright|propert)"
)
_OF_DATA = re.compile(
    r"\b(?:keywords?|examples?|lists?|data|values?|constants?|tables?|names?|text|wording|descriptions?|numbers?|definitions?|docs|documentation|ideas?|images?|quotes?|samples?|formulas?|equations?|tests?|inputs?|colors?)\b[^.]{0,25}$"
)
"""What may be taken from elsewhere without taking code."""


_PUTS_UNDER = re.compile(r"\bunder\b|\blicen[sc]ed\b|\breleased\b|\bdistributed\b|\bsubject to\b|\bterms of\b|\bgoverned\b|\bcovered by\b|licen[sc]e:", re.I)  # fmt: skip


_COPY_AT = re.compile(r"\bcop(?:y|ies) of (?:the|this|its) licen[cs]e\b[^.;]{0,60}?(?:https?://|www\.)\S+", re.I)
"""Where the licence stands, at an address of none that is known."""


def unknown_name(said: str) -> str | None:
    """A licence that a sentence names and that no list knows: capitals before "License", or "under the … license"."""
    said = " ".join(said.split())  # a name goes on in the next line
    low = said.lower()
    copy = _COPY_AT.search(said) if "cop" in low and "licen" in low else None
    if copy and not mentions(low):
        return copy.group()
    for match in _NAMED.finditer(said) if "licen" in low or "eula" in low or "terms" in low else ():
        if match.start() and not _PUTS_UNDER.search(said[: match.start()]):
            continue
        words = [w.lower().strip(".-") for w in re.split(r"[ -]", match.group(1)) if w.strip(".-")]
        if any(w not in _GENERIC and not w.isdigit() for w in words) and not mentions(match.group().lower()):
            return match.group()
    for match in _UNDER.finditer(low) if " under " in low else ():
        words = match.group(1).split()
        if any(w.strip(".-") not in _GENERIC and not w[0].isdigit() for w in words) and not mentions(match.group()):
            return match.group()
    return None


_GOVERNED = re.compile(
    r"\W*(?:(?:your|the|any|all) )?(?:use|usage|distribution|redistribution|modification)(?:(?:,| and| or|,? and/or) (?:use|usage|distribution|redistribution|modification))*"
    r"(?: of (?:this|these|the)(?: (?:source|code|file|files|software|program|library|package|module|project|repository|sources|or|and)){1,4})? (?:is|are) governed by "
    r"|\W*(?:this|the)(?: (?:source|code|file|software|program|library|package|module|project|repository)){1,3} is governed by ",
    re.I,
)
_IS_FREE = re.compile(r"\b(?:is|are) free software\b", re.I)
_FREE_SO = re.compile(
    r"\W*$|\W{1,3}(?:and )?you (?:can|may|are (?:welcome|free) to) (?:re)?(?:use|distribute|copy)\b"
    r"|\W{1,3}(?:it )?(?:and )?(?:is )?(?:licen[sc]ed|released|distributed|available|published)? ?(?:under)?(?=\W*$| (?:the|an?) )",
    re.I,
)
"""What goes on behind "is free software", or that nothing does."""


def off_form(said: str) -> str | None:
    """The words of a usual notice where a sentence has others before or behind them than that notice has; None for none."""
    line = " ".join(said.split())
    low = line.lower()
    if "governed" in low and "licen" in low and not _GOVERNED.match(line.replace(" ,", ",")):
        return "governed"
    for match in _IS_FREE.finditer(line) if "free software" in low else ():
        if not _FREE_SO.match(line, match.end()):
            return match.group()
    return None


ACCORDING = re.compile(
    r"\W*(?:this file|this code|these files|it) may not be (?:used, )?copied, modified,? or distributed except according to (?:those|these|the) terms\W*",
    re.I,
)
"""What the usual notice of Rust's projects goes on with behind the names of its licences."""
_FILE = r"[`'\"(\[<*_]{0,3}(?P<%s>(?:\.{0,2}/|[\w.-]+/){0,4}(?:[A-Z0-9_-]*LICEN[SC]ES?|[A-Z0-9_-]*COPYING|COPYRIGHT|NOTICE|UNLICENSE|[Ll]icen[sc]e|[Cc]opying|[Cc]opyright)(?:[-_.][\w-]+)*)[`'\")\]>*_]{0,3}"
_POINTER = fast(
    r"(?:\b[Ss]ee|\bSEE|\bin|\b[Rr]ead|\b[Rr]efer to|\b[Cc]onsult|\bfile|\bfound (?:in|at)|\bper|\bby|\bunder|\bto|\bwith|\bof|\bcheck|&|\band|\bor|@license|[Ll]icense:?)\s+(?:the\s+)?(?:accompanying\s+|included\s+|enclosed\s+|attached\s+|top[- ]level\s+|root\s+|project(?:'s)?\s+|full\s+|main\s+)*(?:file\s+|files\s+)?"
    + _FILE % "a"
    + r"(?P<after>\s+files?\b)?"
)
_ELSEWHERE = re.compile(
    r"(?i:\blicen[sc](?:e|es|ing)|\bterms of use)\b[^.;:!?\n]{0,80}\s(?i:in|at|see|file|under|from|to)\s+(?:the\s+)?(?:file\s+)?[`'\"<(]{0,2}(?P<name>(?:[\w-]+/){0,4}(?!(?:README|AUTHORS|CONTRIBUT|CHANGE|THANKS|CREDITS|[Rr]eadme))[A-Z][\w-]*\.(?:txt|md|rst|pdf|html?|docx?|rtf))\b"
)
"""A file of any name that is said to hold a licence."""
_OF_DOCUMENTS = re.compile(rb"\.(?:txt|md|rst|pdf|html?|docx?|rtf)\b")
_LOOSE = fast(r"\b[lL]icen[sc](?:e|ing)[- ]files?\b")
_MAY_BE_LOOSE = re.compile(rb"icen[sc](?:e|ing)[- ]file")
"""Each of these has it: a quick look, since it begins with letters alone."""


def pointers(text: str) -> list[tuple[int, int, str]]:
    """(start, end, file name) of files that a text says its licence stands in; the name is "" for "the license file"."""
    found = []
    unfolded = Folded(text, text.encode("latin-1"), [0], [0])
    for match in _POINTER.finditer(unfolded):
        name = match.group("a").rstrip(".")
        shouted = re.search(r"[A-Z]{4}", name) is not None
        if shouted or match.group("after") or re.search(r"\.(?:txt|md|rst|html?)$", name, re.I):
            found.append((match.start(), match.end(), name))
    for match in _elsewhere(unfolded.data, text):
        if not any(start < match.end() and match.start("name") < end for start, end, _ in found):
            found.append((match.start(), match.end(), match.group("name")))
    taken = [f[:2] for f in found]
    found += [
        (m.start(), m.end(), "")
        for m in (_LOOSE.finditer(unfolded) if _MAY_BE_LOOSE.search(unfolded.data) else ())
        if not any(a < m.end() and m.start() < b for a, b in taken)
    ]
    return sorted(found)


def _elsewhere(data: bytes, text: str) -> Iterator[re.Match[str]]:
    """The matches of `_ELSEWHERE` in order, without overlaps; tried only where its first words stand."""
    end = 0
    for start in places(data, _holds()) if _OF_DOCUMENTS.search(data) else ():
        match = _ELSEWHERE.match(text, start) if start >= end else None
        if match:
            end = match.end()
            yield match


@lru_cache(maxsize=1)
def _holds() -> Literals:
    return literals(("licence", "license", "licencing", "licensing", "terms of use"))


def without_chosen(spans: Sequence[Span]) -> list[Span]:
    """`spans` without texts of licences between which another one says that there is a choice, and notices of these behind it.

    A notice before the choice puts something else under its licence.
    """
    choices = [(s.start, _families(s.expression)) for s in spans if " OR " in s.expression]
    return [
        s
        for s in spans
        if " OR " in s.expression
        or not any(
            _families(s.expression) <= families
            and (s.start > start or (s.kind == "full-text" and not _is_gnu_notice(s)))
            for start, families in choices
        )
    ]


def _is_gnu_notice(span: Span) -> bool:
    """Whether a text is the notice that puts a program under a GNU licence (some 130 words), not that licence (over 1,000)."""
    return "GPL" in span.expression and span.words < 500


def _families(expression: str) -> frozenset[str]:
    """The licences of an expression, whatever "or later" it says."""
    return frozenset(
        i.removesuffix("-only").removesuffix("-or-later").removesuffix("-no-copyleft-exception")
        for i in ids(expression)
    )


def combined(text: str, spans: Sequence[Span]) -> str | None:
    """One expression for `spans` in order of place: neighbours joined by "or" are a choice, all else holds at once."""
    ordered = without_chosen(sorted(spans))
    if not ordered:
        return None
    if len({s.expression for s in ordered}) == 1 and " OR " not in ordered[0].expression:
        return ordered[0].expression
    low = text.lower()
    if _both_apply(_around(low, ordered)):
        joined = (f"({s.expression})" if " OR " in s.expression else s.expression for s in ordered)
        return " AND ".join(dict.fromkeys(joined)).replace(" OR ", " AND ")
    groups: list[list[str]] = [[ordered[0].expression]]
    for before, span in itertools.pairwise(ordered):
        if _is_choice(low, before, span, len(ordered)):
            groups[-1].append(span.expression)
        else:
            groups.append([span.expression])
    parts = []
    for group in groups:
        unique = list(dict.fromkeys(group))
        parts.append(unique[0] if len(unique) == 1 else "(" + " OR ".join(unique) + ")")
    unique = list(dict.fromkeys(parts))
    if len(unique) == 1:
        return unique[0].removeprefix("(").removesuffix(")") if unique[0].startswith("(") else unique[0]
    return " AND ".join(f"({p})" if " OR " in p and not p.startswith("(") else p for p in unique)


@lru_cache(maxsize=8)
def _says_dual(low: str) -> bool:
    return _ROUGH_DUAL.search(low.encode("latin-1", "replace")) is not None and bool(_DUAL.search(low))


def _both_apply(low: str) -> bool:
    return _ROUGH_BOTH_APPLY.search(low.encode("latin-1", "replace")) is not None and bool(_BOTH_APPLY.search(low))


def _around(low: str, ordered: Sequence[Span]) -> str:
    """What stands near notices and between them, without the inside of texts."""
    ends = [max(0, ordered[0].start - 400), *(s.end if s.words > 100 else s.start for s in ordered)]
    starts = [*(s.start for s in ordered), len(low)]
    return " . ".join(low[a : min(b, a + 800)] for a, b in zip(ends, starts, strict=True))


_NEW_CHOICE = re.compile(r"[.!]\s[^.!]*\beither\b[^.!]*\Z")
"""Where a sentence ends and another one begins a choice of its own."""


def _is_choice(low: str, before: Span, span: Span, count: int) -> bool:
    gap = low[before.end : span.start]
    if len(gap) >= 600 or any("LicenseRef-unknown" in e for e in (before.expression, span.expression)):
        return False
    if _NEW_CHOICE.search(gap):
        return False
    lead = low[max(0, before.start - 80) : before.start]
    return bool(
        (len(gap) < 160 and _CHOICE.search(gap) and not _BOTH.search(gap))
        or _ANY_CHOICE.search(gap)
        or (len(gap) < 60 and re.search(r"\beither\b", lead))
        or (count < 5 and _says_dual(low))
    )
