"""Remarks anywhere in a file that take it back: where its code is from, what its use costs, and limits in other languages.

What is said in English counts in comments and docstrings alone; words of other languages and marks of secrecy in strings as well.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import Arrays, saved
from curate.code.comments import head_comments
from curate.code.heads import Program
from curate.code.known import meets
from curate.code.names import Fast, Folded, fast, first_place, in_one_line, mentions, rough
from curate.code.needles import Gates, gates, needed, opened
from curate.code.notices import ACCORDING
from curate.code.prose import Sentence
from curate.code.reserved import anywhere, reserved_anywhere
from curate.code.spoken import comments, sentences_of, strings
from curate.code.terms import MAY_SET, sets_terms
from curate.code.tongues import beginnings, said_in_tongues
from curate.filters.tables import lines_of

_TAKING = (
    r"(?:lifted|stolen|stole|swiped|grabbed|nicked|cribbed|ripped|pinched|pilfered|snatched|filched|pirated|yanked|cp'?d|copy ?-?(?:and|&|n)?-? ?pasted?|copypasta|c&p|cut ?-?(?:and|&)-? ?pasted?|plagiari[sz]ed"
    r"|borrowed|looted|poached|salvaged|harvested|hijacked|liberated|beautified|prettified|retyped|typed (?:in|up)|keyed in|transcribed|rewritten|extracted|pulled|cut|nabbed|cloned|scraped|hoovered|shamelessly (?:copied|taken|adapted)|copied (?:and pasted|verbatim|wholesale|word for word|line by line|straight|off|out of|over from|shamelessly)|taken (?:verbatim|wholesale|straight|out of|directly)|translated (?:line|word) (?:by|for))"
)
_FROM = r"(?:[a-z0-9_'-]+ ){0,4}?(?:straight |right |directly |verbatim |wholesale )?(?:from|off|out of)"
_SOMEWHERE = r"(?:(?:an? |the |some |some random |an old |my old |our old |somebody's |someone's |one of )(?:[a-z-]+ ){0,2})?(?:gists?|blogs?|blog ?posts?|forums?|threads? (?:on|in)|newsgroups?|usenet|tutorials?|pastebin|jsfiddle|codepen|web ?sites?|web ?pages?|internet|reddit|quora|(?:the )?net\b|lab page|lecture notes|textbook|disk edition|cd-?rom|magazine|listing|competitor'?s?|vendor'?s?|former employer|ex-?employer|last job|previous job|old job|irc|discord|slack|telegram|so answer|stack ?exchange|(?:site|app|apk|firmware|game|product|driver|sdk) of (?:a|the|our|another)|their (?:app|apk|firmware|site|game|product|driver|sdk)|(?:windows|macos|ios|solaris|vendor) (?:driver|binary|dll|kernel|installer|update)|(?:book|listing|manual|paper|article|magazine) (?:by|of|in))"
_TOOLS = r"(?:reflector|ilspy|dotpeek|dnspy|jd-?gui|jadx|procyon|cfr|fernflower|ghidra|hex-?rays|ida(?: pro)?|objdump|binary ninja|radare2?|decompiler|disassembler|chatgpt)"
_CODE = r"(?:code|source|sources|source code|routines?|functions?|class(?:es)?|body|algorithm text|implementation|encoder|decoder|parser|internals|tree|release|file|header|module|method|logic)"
_PATH = r"(?:[\w.-]+/)+[\w-]+(?:\.\w{1,4})?|~?/(?:etc|usr|opt|home|var|lib)/[\w./-]+"

_ORIGINS = {
    "taken from a place": rf"\b{_TAKING} {_FROM} {_SOMEWHERE}|\b{_TAKING} {_FROM} (?:the )?(?:{_PATH})\b|\b{_TAKING} {_FROM} [\w.-]+'s (?:\w+ ){{0,2}}{_CODE}\b",
    "found somewhere": rf"\b(?:originally |first )?(?:found|posted|published as code|downloaded|got this|got it|seen)\b[^.;]{{0,40}}? (?:on|in|from|at) {_SOMEWHERE}\b[^.;]{{0,40}}\b(?:forum|post|no licen[cs]e|anymore|any more|author|somewhere|again|here)\b"
    rf"|\b{_CODE} (?:by|from|of) (?:the )?(?:authors? of (?:the|a|this) (?:paper|article|book)|an? (?:ex-?|former )?colleague|previous employer)|\b(?:disk|diskette|cd-?rom) edition\b|\bcompanion (?:disk|diskette|cd)\b|\bcredit goes to user\b|\bgrabbed this\b|\b(?:i|we) (?:took|stole|copied|lifted|grabbed|got|ripped|pasted|borrowed|nicked|swiped|pinched|pulled) (?:this|it|these|most|much|all|the code|parts|large parts|it all)\b[^.;]{{0,40}}\b(?:from|off|out of) (?!the (?:cache|queue|list|input|stream|buffer|stack|server|config|file|pool|event)\b)|\b(?:someone|somebody|a friend|a colleague|a coworker|a guy|a user) (?:on|at|from|in)? ?(?:\w+ )?(?:gave|sent|mailed|posted|handed|shared|slipped)(?: \w+)? (?:me|us|this|it)\b|\b(?:answer|snippet|post) (?:on|from) (?:so|stack ?exchange)\b",
    "made by a tool": rf"\b{_TOOLS}(?:'s)? (?:dump|output|listing|decompilation|export|pseudo-?code)\b|\b(?:dump|output|listing|decompiled|disassembled|body|code|written) (?:of|by|from|with|using|in) {_TOOLS}\b|\bun-?minified\b(?! (?:version|build|js|javascript|source|css|file|code|bundle|output))|\bde-?obfuscated\b|\bread out of (?:the|a) running\b|\breconstructed from memory\b|\bfrom memory after\b",
    "another's with new names": r"\b(?:we|i) (?:only|just|merely) (?:renamed|changed the names|translated|reformatted|removed the header)|\bwith our names\b|\bsame (?:thing|code|logic|function) (?:here|there) (?:as|in)\b|\b(?:see|like|from|as in) [\w-]+/(?:[\w-]+/)*[\w-]+\.(?:c|h|cc|cpp)\b[^.;]{0,20}\bsame (?:thing|code|logic)\b|\bwith the (?:header|copyright|notice|licen[cs]e)s? (?:stripped|removed|taken off)\b|\bsame (?:code|source) as\b[^.;]{0,60}/[\w.-]+\.\w{1,4}\b",
}  # fmt: skip
_TOLD = (
    rf"(?:\b(?:from(?! [\"'`])|off|out of|based on|derived|adapted|after|clones?|forks?|copy|copied|copies|ported|translat\w+|rewritten|re-?written|rip-?off|{_TAKING[3:-1]}|borrowed|courtesy|reimplement\w+ line|same code|built from|taken|extract(?:ed)? (?:of|from)"
    rf"|(?:swift|rust|go|java|javascript|js|typescript|python|c\+\+|c#|ruby|php|kotlin|scala|c|perl|lua|julia|zig|our|a|straight|direct|line-by-line) (?:port|version|translation|rewrite|conversion|transcription|copy) of|{_CODE} (?:of|by|in)|internals of|un-?minified|(?:originally|formerly|once) (?:part|a part) of|(?:disassembly|listing|transcription|transliteration|re-?implementation|line-by-line \w+|straight \w+) of|modell?ed on the (?:code|source))\b|\b(?:{_CODE}|glyphs|icons|tables?|images|sounds)(?: and code)?:)"
)
_NEAR = r"[^.;\n]{0,50}?"
_THEIRS = r"(?:'s? own [\w.-]+|(?:'s?)?(?: [\w.]+)? [\w-]+\.(?:c|h|cc|cpp|el|py|js|php|java|pas|m|pl|rb)|(?:'s?)? (?:\w+ )?(?:sources|routines?|rtl|internals|guts|team,)|'s? (?:\w+ )?(?:code|source|source code|implementation|library code))\b"

_LIMITS = {
    "licences and what they ask": r"\blicen[cs](?:e|es|ing)\b[^.;]{0,40}\b(?:costs?|is (?:needed|required|sold)|are (?:needed|required|sold)|must be (?:bought|obtained|paid|purchased))\b|\b(?:needs?|requires?|without|buy|under) (?:an? |the |your |our )?(?:separate|paid|commercial|written|prior|own|extra|special|additional) (?:agreement|licen[cs]e|contract|permission|consent|approval)\b"
    r"|\b(?:have|has|get|gets|carr(?:y|ies)|gives?|grants?|receives?) no (?:rights?|licen[cs]e|permission)\b(?! (?:to (?:read|access|write)|on|shift|hand|child|side))|\b(?:excluded|exempt|left out|carved out) (?:from|of) (?:the|this|that|our) (?:grant|licen[cs]e|permission)|\b(?:keeps?|retains?|reserves?|hold) every rights?|\b(?:authors?|company|owners?|we|i|vendor|firm|publisher|university) (?:keeps?|retains?|reserves?|holds?) (?:all|any|the) rights?\b|\bbreach(?:es)? (?:of )?(?:the|your|this|an|our) (?:agreement|contract|terms|licen[cs]e|nda|eula)\b"
    r"|\bpermission to (?:run|use|copy|pass|alter|modify|sell|share|distribute|publish|redistribute|reuse)(?: \w+)?(?: only)? ?[:=]|\bpermission (?:is )?granted (?:only )?to\b(?! (?:use|copy|the (?:user|app|process|file)|a (?:user|role)|this (?:app|user|role)|app|user|role|any person|do|modify|copy|distribute|make|anyone|redistribute|process))|\b(?:dropped|left|abandoned|gave up|no longer|quit|not any ?more) (?:on |under |the )*(?:mit|bsd|apache|isc|zlib) (?:thing|licen[cs]e|terms|licen[cs]ing)\b",
    "uses that are banned": r"\b(?:use|usage|running|copying|selling|sale|resale|deployment|deploying|redistribution|shipping|hosting|reuse|training)\b[^.;]{0,50}\b(?:is|are) (?:strictly |expressly )?(?:prohibited|forbidden|banned|ruled out|out of bounds|off limits)\b|\bis (?:strictly |expressly )prohibited\b|\bnot to be (?:bundled|resold|sold|mirrored|republished|redistributed|rebranded|sublicensed|exported|ported) (?:with|in|to|by|on|as|outside|for)\b|\bnot to be (?:resold|sold|redistributed)\b"
    r"|\b(?:don't|do not|never|not) use (?:this|it|these) (?:in|for|on|with|inside) (?:anything(?! (?:other|else|but))|any product|any service|a product|products)\b|\b(?:you|they|we) charge (?:for|money)\b|\b(?:for|in|by|on|with) nothing else\.?$|\bnot yours to\b|\bnot for (?:the )?(?:outside|outsiders|outside world)\b|\b(?:u|ya) (?:may|can) (?:not |only )?(?:use|copy|run)\b|\bclassroom (?:use|exercises?|purposes)\b|\bmax(?:\.|imum)? (?:of )?\d+ (?:developers|users|seats|machines|servers|cores|employees|installs|installations|devices)\b|\b(?:research|evaluation|academic|trial|personal|home|students?|classroom|hobby|education|non-?profit|members?|staff)-only\b|\bwithout (?:our|my|the author'?s?|the owner'?s?|his|her|their) (?:okay|ok|consent|blessing|say-so|permission|approval|leave|agreement|written)\b|^\W*(?:only |just |strictly )?for (?:the |our )?(?:members|employees|staff|students|pupils|subscribers|partners|licensees|citizens|residents|alumni|contractors)(?: of [a-z ]{3,30})?\W*$",
    "payment": r"^\W*(?!to |then |we |you |they |i )[a-z]{3,} pays?\W*$|\bpay what you (?:want|can|like)\b|\b(?:euros?|dollars?|pounds?|bucks|usd|eur)\b (?:each|apiece|per (?:seat|user|copy|core|head|machine|install\w*|developer|year|month))\b|\bfree as in beer\b[^.]{0,20}\bfor\b|\bfor-profit\b|\b(?:charity|donation|postcard|care|nag|guilt|coffee)ware\b|\bfreeware for\b|\b(?:write|talk|speak|mail|e-?mail|go) to sales\b|\bsales (?:team )?before\b|\bask(?:s)? for a quote\b|\b(?:you )?owes? (?:us|me)\b|\b(?:contact|ask|call|mail|e-?mail|write) (?:us|me|the author|sales) (?:first|before|if you)\b|\b(?:please )?(?:buy|purchase|order|get) (?:a|an|your|your own) (?:seat|copy|subscription|licen[cs]e)\b|\b(?:needs?|requires?|with) (?:a |an )?paid (?:keys?|licen[cs]es?|plans?|tiers?|seats?|accounts?|editions?)\b|\bget in touch (?:first|before|if)\b|\bif your (?:firm|company|employer|business|organi[sz]ation)\b"
    r"|\b(?:larger|bigger|commercial|other|all other|profitable) (?:teams?|firms?|companies|shops?|studios?|users|outfits) (?:take|buy|need|must|pay|get|require|have to|are asked)\b[^.;]{0,60}\b(?:pro|paid|enterprise|licen[cs]e|plan|package|edition|seat|quote|us)\b|\b(?:for|4|without) \$\$\$|\b(?:boards?|devices?|hardware|machines?) (?:bought )?from our (?:own )?(?:store|shop)\b",
    "names and logos": r"\b(?:must|shall|has to|have to|should|needs? to) (?:display|show|carry|keep|print|feature) (?:our|the author's|my) (?:logo|name|banner|brand|credit|link|badge)\b|^\W*(?:please )?(?:show|display|carry|keep|print) our (?:logo|name|banner|brand|badge)\b",
    "secrecy": r"(?:^\W*|[.:(] ?)eyes only\b|\bdo not (?:commit|push|publish|upload|post|mirror)\b[^.;]{0,30}\b(?:public|open|outside|github)\b(?! (?:key|api|method|field|member|dir|folder|directory|func))|\bitar\b(?!\w)|\bear ?99\b|\bexport[- ]controlled\b|\bexport (?:laws?|regulations?|licen[cs]es?)\b|\b(?:company|client|customer|group|corporate|business)[- ]confidential\b|\b(?:company|corporate|business)[- ]secrets?\b|\bgroup internal\b|\bproprietary\b(?= (?:and|to) (?:the |our )?(?:company|firm|client)\b)|\bth(?:is|ese) (?:schema|file|code|module|class|script|package|table|work|source|library|program|function) (?:is|becomes|goes|turns|was made|will be) closed\b(?! (?:by|when|after|before|if|on|with|and|or|automatic))",
}  # fmt: skip


@lru_cache(maxsize=1)
def _projects() -> str:
    """Names of programs whose code comes under no permissive licence, as one pattern."""
    return "|".join(line.split("\t")[0] for line in lines_of("licenses-projects.tsv"))


@lru_cache(maxsize=1)
def _patterns() -> tuple[Fast, Fast]:
    """(remarks of any kind, the names of projects that make one with a word of origin)."""
    named = rf"\b(?:{_projects()})\b"
    return fast("|".join([*_ORIGINS.values(), *_LIMITS.values()])), fast(
        rf"{_TOLD} {_NEAR}{named}|\b(?:essentially|basically|literally|mostly|this is|it's|it is) (?:just |the |pure |straight |all )*{named}(?:'s)? (?:\w+ ){{0,2}}(?:code|source|implementation|tokenizer|parser|routine|algorithm|loop|allocator|encoder|decoder|tables?)\b|{named}{_THEIRS}|(?:\(c\)|\xa9|copyright) ?(?:\d{{4}})?[ ,-]{{0,3}}{named}|{named}[^.;\n]{{0,30}}\b(?:we only renamed|un-?minified|decompiled|copied|verbatim)\b"
    )


@lru_cache(maxsize=1)
def _gate() -> Sequence[str]:
    """What a text has one of somewhere that has a remark, the usual first."""
    any_, projects = (pattern.pattern for pattern in _patterns())
    for edge in (r"(?:^\W*|[.:(] ?)", r"^\W*", r"\W*$", r"\.?$"):
        any_ = any_.replace(edge, "")
    return MAY_SET, _MAY_TAKE, anywhere(), any_, projects


@lru_cache(maxsize=5)
def _rough(pattern: str) -> Any:
    """One of these, when it is first asked for: their automata are large."""
    return rough(pattern)


_MAY_TAKE = rf"\b(?:{_TAKING[3:-1]}|copied|taken|borrowed|pasted|ported|transliterated|cut|code|straight|sources?|body|logic|routines?|tables?|constants?|maths?|parts|bits|pieces|stuff|guts|adapted|derived|extracted|reproduced|reworked|simplified|stripped|condensed|based|modell?ed)\b(?: [a-z0-9_'-]+){{0,5}} (?:from|off|out of|on|upon|courtesy of) |'s? (?:\w+ )?(?:code|sources?|routines?|release|internals|driver|listing|encoder|decoder|codec|firmware)\b|\b(?:port|translation|clone|fork|rewrite|conversion|reimplementation|rip-?off|transcription|copy|remake|imitation|adaptation|reconstruction|excerpt|backport) (?:of|from) "


@lru_cache(maxsize=1)
def _may_take() -> Any:
    """What a sentence has somewhere that tells of something with a name."""
    return rough(_MAY_TAKE)


_BLANKED = bytes.maketrans(b"#*;%!", b"     ")


def _flat(low: str) -> bytes:
    """A text without marks of comments, in one line."""
    data = low.encode("latin-1", "replace").translate(_BLANKED).replace(b"//", b"  ").replace(b"--", b"  ")
    return b" ".join(data.split())


_ANY, _PROJECTS, _TAKEN, _RESERVED, _TERMS, _TONGUES = (1 << n for n in range(6))
_ALL = _ANY | _PROJECTS | _TAKEN | _RESERVED


@lru_cache(maxsize=1)
def _gates() -> Gates:
    """The words without one of which a sentence is none of what these bits stand for."""

    def build() -> Arrays:
        any_, projects = (pattern.pattern for pattern in _patterns())
        patterns = {_ANY: any_, _PROJECTS: projects, _TAKEN: _MAY_TAKE, _RESERVED: anywhere(), _TERMS: MAY_SET}
        return gates({_TONGUES: beginnings(), **{bit: needed(pattern) for bit, pattern in patterns.items()}})

    return Gates(**saved("remarks", build))


def remark(said: str, program: Program, commented: bool = True, opened: int = _ALL) -> str | None:
    """The words of a sentence that take the file back; None for none. Strings that are not `commented` may tell of other things.

    `opened` are the kinds of which the sentence has a word at all.
    """
    if not opened & _ALL or ACCORDING.fullmatch(" ".join(said.split())):
        return None
    line = in_one_line(said)
    match = None
    if opened & _ANY:
        match = next((m for m in _patterns()[0].finditer(line) if not _is_own(m.group(), program)), None)
    if match is None and opened & _PROJECTS:
        match = next((m for m in _patterns()[1].finditer(line) if not _permitted(line)), None)
    if match is None and opened & _TAKEN and first_place(_may_take(), line.data) and not _permitted(line):
        match = _of_name(said, program)
    if match is not None:
        return match.group()
    return reserved_anywhere(said) if commented and opened & _RESERVED else None


_PATH_IN = re.compile(r"(?:[\w.-]+/)+[\w.-]+")


def _is_own(found: str, program: Program) -> bool:
    """Whether words tell of another file of the same project."""
    path = _PATH_IN.search(found)
    return path is not None and program.lies_in(path.group())


_PLAIN_NAME = r"(?:(?i:the|an?) )?(?P<%s>[A-Z][a-z]{2,}(?![\w:(\[])|[A-Z][a-z]*[A-Z]\w*(?='s ))(?!(?:'s)?(?: [\w-]+)? (?:algorithms?|methods?|theorem|rules?|formulas?|formulae|sieve|sort|filter|transform|equations?|notation|law|Standard|standard|License|documentation|docs|spec\w*|format|syntax|encoding|alphabet|calendar)\b)"
_FROM_PLAIN = re.compile(
    rf"(?i:\b(?:code|sources?|body|logic|routines?|tables?|constants?|maths?|parts|bits|pieces|stuff|guts) (?:from|out of|courtesy of) ){_PLAIN_NAME % 'a'}"
    rf"|(?i:\b(?:adapted|derived|extracted|reproduced|reworked|simplified|stripped(?: down)?|condensed|based|modell?ed)(?: (?:closely|loosely|heavily|mostly|directly|verbatim|almost \w+|straight))? (?:from|off|out of|on|upon) ){_PLAIN_NAME % 'b'}"
    rf"|(?i:\b(?:rewrite|copy|clone|remake|imitation|transcription|adaptation|reconstruction|excerpt|backport) (?:of|from) )(?!the License){_PLAIN_NAME % 'c'}"
    rf"|\b(?P<d>[A-Z][a-z]{{2,}})'s? (?:own |old |original |internal |closed )?(?i:code|sources?|source code|routines?|release|internals|driver|listing|encoder|decoder|codec|firmware)\b"
)
"""The same with a plain name, which no identifier of a program is."""


def _of_name(said: str, program: Program) -> re.Match[str] | None:
    """The words that tell of code taken from something with a name that is none of the program's own."""
    line = " ".join(said.split())
    for match in (*_FROM_NAME.finditer(line), *_FROM_PLAIN.finditer(line)):
        groups = match.groupdict()
        path = groups.get("path")
        name = next((found for kind, found in groups.items() if kind != "path" and found), "")
        if path and program.lies_in(path):
            continue
        if (
            name.lower() not in _PERMISSIVE
            and not program.names(name.lower())
            and not _OF_DATA.search(match.string[: match.start()])
        ):
            return match
    return None


_NAME = r"(?:the |an? |some )?(?P<%s>[A-Z][a-z]{2,}\w*|[a-z]+[A-Z]\w+|@\w+)(?!::|\w| (?:Standard|License))"
_FROM_NAME = re.compile(
    rf"(?i:\b{_TAKING} {_FROM} |\b(?:copied|taken|borrowed|pasted|ported|transliterated|cut|hand-translated|code|straight)(?: \w+){{0,3}} (?:from|out of|off) )(?:{_NAME % 'name'}|(?i:the )?(?P<path>(?:[\w.-]+/)+[\w-]+\.(?:c|h|cc|cpp|cxx|hpp|py|js|ts|java|go|rs|rb|php|pas|f|f90|m|pl|pm|el|hs|ml|cs|swift|kt|scala|lua|asm)|[\w-]+\.(?:c|cc|cpp|pas|f|f90|el|ml|asm))\b)"
    rf"|(?i:\b(?:port|translation|clone|fork|rewrite|conversion|reimplementation|rip-?off|transcription) of )(?!the License){_NAME % 'of'}"
)
"""A word of taking and a name with a capital, or a source file of somewhere else."""
_PERMISSIVE = frozenset(
    (  # noqa: SIM905
        "python cpython pypy stdlib django flask werkzeug jinja numpy scipy pandas matplotlib scikit-learn pytorch tensorflow jax requests urllib3 attrs click pillow pytest setuptools pip twisted tornado sqlalchemy boost llvm clang"
        " sqlite lua zlib libpng react angular vue svelte jquery lodash underscore express node nodejs deno typescript webpack babel rust cargo tokio go golang kubernetes docker swift kotlin apache spark hadoop kafka lucene guava"
        " spring android chromium webkit freebsd openbsd netbsd bsd ruby rails sinatra elixir phoenix clojure haskell julia d3 bootstrap stdin stdout windows unix posix test the this these that our its google facebook microsoft english german french greek latin cyrillic chinese japanese arabic hebrew european internet unicode ascii json html http markdown github what which how when where here each all"
        " fourier gauss newton euler bayes kalman bloom huffman dijkstra fibonacci knuth january february march april may june july august september october november december"
    ).split()
)
"""Programs under permissive licences, and words with a capital that are none."""
_OF_DATA = re.compile(
    r"(?i)\b(?:names?|ideas?|examples?|data|values?|list|tables? of|input|text|wording|numbers?|test (?:cases?|vectors?|data)|definitions?|constants?|docstrings?|docs|documentation|is|are|be|descriptors?|converted|concepts?|terms?|images?)\b[^.]{0,25}$"
)
"""What may be taken from elsewhere without taking code."""


def _permitted(line: Folded) -> bool:
    """Whether a sentence names the licence of what it tells of, which is read for itself."""
    return bool(mentions(line.text)) or _FREE.search(line.text) is not None


_FREE = re.compile(r"\b(?:hpnd|mit|bsd|isc|zlib|apache|public domain|cc0)\b")


def doubtful_remarks(
    text: bytes, program: Program, covered: Sequence[tuple[Any, ...]] = ()
) -> Iterator[tuple[Sentence, str]]:
    """(place, words) of the remarks of a source file, outside of the known texts that are `covered` (start, end, …)."""
    places, kinds = opened(text, _gates())
    if (kinds & _TONGUES).any() or not text.isascii():
        yield from _in_tongues(text, covered)
    raw = _without(text.decode("latin-1"), covered)
    if covered:
        places, kinds = opened(raw.encode("latin-1"), _gates())
    ends, bits_of = places.tolist(), kinds.tolist()
    for start, spoken, commented in _spoken(raw, places) if ends else ():
        plain, sentences = sentences_of(spoken)
        for begin, end in sentences:
            first, last = start + begin, start + end
            within = bits_of[bisect_left(ends, first) : bisect_right(ends, last)]
            if not within or end - begin <= SHORT:
                continue
            said = plain[begin:end]
            bits = reduce(or_, within)
            found = remark(said, program, commented, bits)
            if found is None and bits & _TERMS and commented and start >= _head_end(raw):
                found = sets_terms(said, program) if not _permitted(in_one_line(said)) else None
            if found and _may_remark(raw) and _may_remark(spoken):
                yield Sentence(first, last), f"{found}: {said}"
                return


def _in_tongues(text: bytes, covered: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Sentence, str]]:
    low = text.decode("utf-8", "replace").lower()
    for start, end in said_in_tongues(low):
        first, last = low.rfind("\n", 0, start + 1) + 1, low.find("\n", end)
        at = _line_start(text, low.count("\n", 0, first))
        words = low[first : last if last >= 0 else len(low)].strip()[:MOST_SHOWN]
        if not meets((at, at + 1), covered):
            yield Sentence(at, at + 1), words.encode().decode("latin-1")


def _spoken(raw: str, places: NDArray[np.int32]) -> Iterator[tuple[int, str, bool]]:
    """(start, text, whether it is a comment) of comments, and of strings that are sentences or a mark of secrecy alone, at some places."""
    data = raw.encode("latin-1")
    for start, end in comments(data, places):
        yield start, raw[start:end], True
    for start, end in strings(data, places):
        said = raw[start:end]
        if said.count(" ") >= SPOKEN or _MARKED.fullmatch(said):
            yield start, said, False


def _head_end(raw: str) -> int:
    heads = head_comments(raw)
    return heads[-1][1] if heads else 0


def _may_remark(text: str) -> bool:
    """Whether a text may have a remark at all, by a look at all patterns; asked last, since it is costly."""
    flat = _flat(text.lower())
    return any(first_place(_rough(pattern), flat) is not None for pattern in _gate())


def _without(raw: str, covered: Sequence[tuple[Any, ...]]) -> str:
    """A text with blanks for what is covered, in order."""
    kept, at = list[str](), 0
    for start, end in ((max(at, span[0]), span[1]) for span in covered):
        if start < end:
            kept += [raw[at:start], _INK.sub(" ", raw[start:end])]
            at = end
    return "".join([*kept, raw[at:]]) if kept else raw


_INK = re.compile(r"[^\s.]")


_MARKED = re.compile(
    r"(?:strictly |highly )?(?:company|corporate|client|customer|group|business|trade)[ -](?:confidential|secret|proprietary|internal)",
    re.I,
)
SPOKEN = 4
"""Blanks from which a string is a sentence."""


MOST_SHOWN = 200
"""Characters of a line that are shown."""
SHORT = 6
"""Characters of a sentence that says nothing."""


def _line_start(text: bytes, line: int) -> int:
    at = 0
    for _ in range(line):
        at = text.find(b"\n", at) + 1
    return at
