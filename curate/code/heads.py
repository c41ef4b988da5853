"""Sentences at the head of a source file: what is known to be harmless there; all else is a doubt about the file.

The comment at the head of a file speaks of all of it, and what a restriction may say there has no end. So a sentence must be of a
known kind: names, a label, a form that headings have, code, or a description. A description speaks of programs: it has words of
parts of programs, or words that the code below uses as names. The more it speaks of people, rights, prices and duties, the more
of these it needs; a sentence that speaks of nothing known ("Vegans only.") is a doubt.
"""

import re
from functools import lru_cache

from curate.code.comments import head_comments
from curate.code.described import (
    CURT_FORMS,
    DOES,
    IDENTIFIER,
    KNOWN,
    LABEL,
    LISTED,
    PROGRAM,
    WORK,
    limits_in,
    only_names,
    stands_out,
    without_addresses,
)
from curate.code.names import whole
from curate.code.prose import NOTICE_WORDS, SINGLE, is_code_line, is_harmless, ordinary, tokens_in
from curate.code.scan import names_in_code
from curate.code.values import says_no_more
from curate.filters.tables import lines_of

_SMALL = frozenset(
    (  # noqa: SIM905 - words, as one writes them
        "a an the of to in for on at by from with and or as is are was were be been has have had this that these those it its their they them he she we our us i you your there here"
        " which who whom whose what when where how than then so if else but not no nor only also just very more most some any all each every both such same other another into onto over"
        " under out up down off about above below before after between through during again once via per may might can could will would shall should must do does did done doing being"
        " because while until unless except without within against too even still yet one two three first second last next new old own way ways use uses used using user users make makes"
        " made need needs needed want see like get gets take taken give given keep kept let lets go goes come comes put show shows look stay leave share send pass buy sell pay work works"
        " ok okay please thanks etc e.g i.e vs non s t d m re ll ve copy copies distribute distribution redistribute licence license software"
    ).split()
)
"""Words of every sentence: they say nothing of what it is about."""
_PARTS = frozenset("function functions class classes component components plugin plugins extension extensions dependency dependencies test tests testing".split())  # fmt: skip  # noqa: SIM905
"""Words of notices that are parts of programs all the same."""
_EMPTY = _SMALL | WORK | NOTICE_WORDS
_DEALT = frozenset("touch look main start get set sets makes run runs record report native office".split())  # noqa: SIM905
"""Parts of programs that a sentence about what may be done speaks of, too."""
_DOING = frozenset("use uses using used user users pay sell buy share send give take keep leave stay one first last need needs copy copies distribute distribution redistribute".split())  # fmt: skip  # noqa: SIM905
_JOINING = (_SMALL - _DOING) | frozenset("note version defined available following documentation contents name title date description summary include includes contains contain author file code class functions function versions source sources example api text".split())  # fmt: skip  # noqa: SIM905
"""Words of which a piece of a sentence may be made alone."""
_TITLES = frozenset(
    (  # noqa: SIM905
        "features feature original modifications inspiration document documents documentation overview introduction background installation authors contributing changes changelog history credits"
        " references reference caution important notes warning tip todo fixme xxx hack links resources contents requirements about help faq more misc miscellaneous other others support advanced basics"
        " basic getting started summary description synopsis examples usage glossary index home welcome internals limitations remarks acknowledgements acknowledgments added removed fixed changed"
        " url urls shorthand unreleased script print rationale motivation caveats structure design purpose implementation tldr deprecated experimental unstable stable beta alpha package module vendor"
        " toggles main entry point points theory operation typical log security policy code conduct contact information common developers core system systems color colors settings setup general"
        " guide tutorial quickstart roadmap release releases releasing style guidelines questions troubleshooting prerequisites compatibility performance testing tests credits maintainers"
    ).split()
)
"""Titles of sections."""
_FORMS = whole(
    r"(?i)\W*(?:"
    r"for (?:more |the |further |full )*(?:documentation|details|info(?:rmation)?|help|examples?)|(?:please )?(?:don.t|do not) (?:edit|modify|change)(?: this(?: file)?)?"
    r"|this (?:script|code|file|test|module) is a (?:hack|stub|mess|placeholder|work in progress)|noqa"
    r"|(?:please )?(?:see|view|read|check|refer to)(?: the)? (?:LICEN[SC]E|COPYING|README|AUTHORS|NOTICE|CONTRIBUTING|CHANGE\w*)\S*(?: file)?(?: for (?:how to use it|(?:additional |more |further |full |the )*(?:licensing |license |copyright )?(?:information|details|info|terms|documentation)))?"
    r"|(?:this|these|the) (?:module|package|class|api|feature|function|header|helper|namespace|macro|interface|type)s? (?:is|are) (?:an? )?(?:experimental|provisional|deprecated|obsolete|internal|private|unstable|stub|undocumented|legacy|not public)"
    r"|[\w .-]{1,40}: (?:yes|no|none|n/a|true|false)|how to use(?: it)?|(?:run|call|start|try|invoke)(?: it| this)?(?: with| using)? --?[\w-]+(?: to .{1,40}| for .{1,40})?|see (?:also )?(?:sections?|chapters?|pages?|pp?\.|fig(?:ure|\.)|tables?|eq(?:uations?|\.)|algorithms?|theorems?|lemmas?|appendix) [\w.,-]{1,12}(?:,? (?:of|in) [\w .,'-]{1,60})?|named after (?:[A-Z][\w.-]+ ?){1,3}|(?:it )?(?:is |are )?(?:never|not|does not|doesn't|cannot|can't|always)(?: yet| currently| actually)? (?:raises?|throws?|fails?|blocks?|returns?|allocates?|sleeps?|panics?|overflows?|wraps?|re-?entrant|thread[- ]?safe|async[- ]?safe|signal[- ]?safe|exception[- ]?safe|portable|optimi[sz]ed|tested|implemented|supported|finished|complete|efficient|fast|exact|accurate|stable|recursive|cached|sorted|unique|guaranteed|pretty|elegant|perfect|beautiful)|not for use (?:in|from|inside|within) (?:an? |the )?(?:interrupt|signal|event|async\w*|irq|exception|callback|destructor|constructor|coroutine|multi-?threaded|kernel)(?: (?:handlers?|threads?|contexts?|code|functions?|routines?|callbacks?))?|options: .{1,40}|contact: \S+@\S+|(?:many |special )?thanks to [A-Z][\w.-]+(?:,? (?:and |&)?[A-Z][\w.-]+){0,9}"
    r"|(?:flake8|mypy|isort|ruff|black|type|pyright|noqa|nosec|fmt|yapf|jscs|globals?|exported|ts-[\w-]+|c8|v8|webpack\w*|sourcemappingurl|sbatch|pragma|pylint|autopep8|doctest|nolint|go:\w+|import-linter|no-?check)\b[: =-].{0,80}"
    r"|(?:top[- ]level )?package (?:for|of) [\w.-]+|all (?:edits|changes)(?: \w+){0,4} will be (?:lost|overwritten)"
    r"|(?:this file (?:is |was |has been )?)?(?:auto(?:matically)?[ -]?)(?:created|generated|written) (?:by|from|with) .{1,80}"
    r"|(?:this|these|the) (?:\w+ ){1,3}(?:must|should|may|can) (?:not|only) be (?:used|called|imported) (?:outside(?: of)?|in|by|from|inside|within) (?:this|the) (?:package|module|file|class|tests?|parser|library)"
    r")\W*"
)  # fmt: skip
"""Forms of headings that comments of all kinds have; beside those of `curate.code.described`."""
_FIELDS = whole(
    r"(?i)\W*(?:"
    r"stability\s*:\s*(?:experimental|provisional|stable|unstable|alpha|beta|internal|frozen|deprecated|unknown)|portability\s*:\s*[\w ,.()/+-]{1,60}"
    r"|(?:[\w-]+: ?[\w'.+-]{1,30}; ?)*(?:lexical-binding|mode|coding|indent-tabs-mode|tab-width|fill-column|c-basic-offset|no-byte-compile|byte-compile-warnings|buffer-read-only|encoding|truncate-lines)\s*: ?[\w'.+-]{1,30}"
    r"|package-requires\s*:.{0,300}|commentary|code|change ?log|(?:compatibility|features that might be required by this library)\b:?"
    r"|(?:company|engineer|create date|design names?|module names?|project names?|target devices?|tool versions?|dependencies|revision history|additional comments?|platform|standard|simulators?|synthesi[sz]ers?|unit name|entity name|library name)\s*:?(?:\s+[\w.,'/:+() -]{1,60})?"
    r"|revision\s+[0-9.]+\s*(?:-\s*)?file created|(?:a )?part of (?:the )?[\w.+-]+(?: (?:project|library|package|toolkit|suite|framework))?"
    r"|(?:see )?(?:the )?(?:file|license|licence) [\"'`]?(?:LICEN[SC]E|COPYING|COPYRIGHT)[\w.]*[\"'`]?,? (?:included|distributed|contained|that is included|that comes) (?:in|with) this (?:distribution|package|software|source|project|repository)(?: code| tree)?,? for (?:more |further )?(?:details?|information|terms)(?: about| on)?(?: the)?(?: copyright| licen[sc]e)?"
    r"|if any (?:changes?|edits?|modifications?) (?:should|must|needs? to|has to|have to) be (?:done|made|applied),? (?:please )?(?:apply|make) (?:the|those|these|it|them)(?: changes?)? (?:to|in) (?:the )?[\w./-]+(?: file)?(?: directly| instead)?|one of our ci(?: jobs?| checks?)? enforces this|this is a package|general configuration"
    r"|and (?:other |all |the )?contributors|licensed to (?:the )?[\w .]{2,50}(?:\(\w+\) )?under (?:one or more|an?) contributor (?:licen[sc]e )?agreements?|(?:(?:end|begin|fi|done|esac|endif|endmodule|endfunction|implementation|interface)\b[;. ]*)+"
    r"|(?:note: )?this file is auto-?(?:matically )?generated,? and (?:should|must) not be (?:edited|modified|changed)(?: by hand| manually)?|(?:this is )?not an? official (?:\w+ )?(?:implementation|port|client|wrapper|version|library|binding)s?(?: (?:of|for) .{1,40})?"
    r")\W*"
)
"""Fields of the headings that tools and style guides ask for: Haddock, Emacs Lisp, Vivado, and where a project's files say so."""
_WHO_ASKS = re.compile(
    r"\b(?:only|not|no|must|pay|ask|licen[sc]e[ds]?|confidential|internal|proprietary|property)\b", re.I
)


_SAYS_NOT = re.compile(
    r"(?i)^\W*licensed to .* contributor |^\W*stability\b|\bnot be (?:edited|modified|changed)\b|^\W*(?:this is )?not an? official\b|^\W*if any\b"
)


def is_field(said: str) -> bool:
    """Whether a line is a field of a usual heading, with a value that limits nothing."""
    line = " ".join(said.split())
    return _FIELDS.matches(line) and (
        _WHO_ASKS.search(line) is None or "LICENSE" in line or _SAYS_NOT.search(line) is not None
    )


_BY = re.compile(
    r"\W*(?:(?:inspired|originally (?:written|created|developed)|written|developed|created|designed|modified|adapted|ported|rewritten|maintained|contributed|translated|implemented|and|,| |heavily|also|based on (?:work|ideas))+ (?:by|in|at|for|from)|(?:portions|parts) \w+ (?:from|by|on)) ",
    re.I,
)
"""What goes before the name of who wrote a file, or what it is like."""
_USED = re.compile(
    r"\W*(?:(?:this|these) (?:\w+ ){1,2}(?:is|are) )?(?:only |mainly )?(?:for|to be|used|meant)(?: only)?(?: internal)?(?: use[d]?)?(?: only)? (?:in|by|for|with|from|inside|within)(?: the| our| all)? ",
    re.I,
)
"""What goes before the part of a program that a file is for: "Only used by the tests"."""
_LEFT_ALONE = re.compile(
    r"\W*(?:please )?(?:do not|don't|never) (?:edit|modify|change|import|include|call|remove|delete|instantiate|subclass|invoke|rely|depend|rename|move|mix|confuse|reorder|sort|override|overwrite|mock|forget|commit|merge|inherit|mutate|refactor|simplify|inline|lint|reformat|add)\b",
    re.I,
)
"""What programmers tell each other not to do with a part of a program."""
_TAKEN = re.compile(
    r"\b(?:lifted|stolen|borrowed|bought|purchased|decompiled|disassembled|scanned|typed in|leaked|rented|lent|loan(?:ed)?|property of(?! (?:an?|the|each|every|this) (?:object|node|element|class|file|css|document|array|window|model|item|type))|courtesy of|belongs? to|owne?d? by|owns?|own (?:the|this|it|all)|handed"
    r"|reserved(?!\s+(?:words?|names?|keywords?|characters?|identifiers?|for future|symbols?|bits?|fields?|memory))|unlock\w*|restricted)\b",
    re.I,
)
"""What tells of owners."""
_DUTIES = re.compile(r"\b(?:no|not|never|nor|only|solely|except|must|shall|needs?|required?|may|cannot|can't|don't|without|unless|until|non|(?:taken|copied|extracted) from|right|native|individual|offers?|evaluate[ds]?|revoke[ds]?|terminat\w+|publish\w*|until|void|offering)\b", re.I)  # fmt: skip
_MILD = frozenset(
    (  # noqa: SIM905
        "us our me my please thanks thank credit credits child children kindly contact love free purpose tell ask reserved right native individual offer offers evaluate revoke revokes revoked publish publishes published"
        " publisher terminate terminates terminating terminated until void trial copies harmless copying"
    ).split()
)
"""Words of people, rights and prices that heads of files have for other reasons."""
_OF_THE_WORK = re.compile(r"\b(?:us(?:e|es|ed|ing|age|er|ers)|cop(?:y|ies|ied|ying)|(?:re)?distribut\w+|s[eo]ld?|(?:re)?sell\w*|deploy\w*|publish\w*|ship\w*|shar(?:e|ed|ing)|you|your|host\w*|train\w*|this (?:file|code|software|program|script|module|package|library|work))\b", re.I)  # fmt: skip
_LICENCE_FOR = re.compile(r"\W*(?:MIT|BSD|ISC|X11|Expat|Zlib|ZLIB|Apache(?: ?2(?:\.0)?)?)\s{0,2}[(,:]")
"""The name of a licence, and what may say what it is for: "MIT (API)"."""
_SUSPECT = re.compile(
    r"\b(?:ke(?:ep|pt)\w*|stay\w*|remain\w*|leav\w+|left|lea?d? out|hand(?:s|ed|ing)?|pass(?:ed|ing)? (?:on|to|out|around)|secre\w*|seal\w*|classif\w*|embargo\w*|confid\w*|internal\w*|private\w*|sensitiv\w*|restrict\w*|protected|closed|outside\w*|eyes?|quiet\w*|vault|wraps|drawer|hush|silent"
    r"|ask\w*|request\w* (?:by|from)|wait\w*|await\w*|claim\w*|title|belong\w*|own\w*|holders?|propert(?:y|ies) of|author\w*|wr(?:ite|ote|itten) (?:by|for)|original\w*|origin|found|copied|cop(?:y|ies)|taken?|took|borrow\w*|stole\w*|translat\w*|port(?:ed)?|based|deriv\w*|adapt\w*|inspired|courtesy|source|from (?:the|a|an|our|some) (?:web|net|book|paper|blog|forum|internet|lab|client|vendor|leak\w*)"
    r"|out|off|over|behind|banned?|bans|refus\w*|exclu\w*|exempt\w*|except\w*|hands?|stop\w*|beware|lets?|letting|welcome|fine|ok(?:ay)?|invit\w*|allow\w*|deny|denied|denies|meant|made|intended|designed|suit\w*|good|bad|legal\w*|law\w*|court\w*|claus\w*|contract\w*|agree\w*|deal\w*|sign(?:ed|s)?|stamp\w*"
    r"|cost\w*|bill(?:ed|s|ing)?|charg\w*|invoice\w*|tax\w*|dollar\w*|cheap\w*|rent\w*|lease\w*|fund\w*|teams?|boss|staff|colleagues?|members?|crew|labs?|house\w*|offices?|departments?|suppliers?|museums?|airlines?|pilots?|casinos?|games? studios?|studios?|telcos?|shops?|stores?|famil\w+|pupils?|owners?|exam\w*|homework|courses?|class(?:room)s?"
    r"|beta|demo|preview|draft|sample|unpublished|unreleased|version|edition|expire\w*|end(?:s|ed)? (?:in|on|with)|burn\w*|destroy\w*|kill\w*|dies?|robots?|bots?|crawlers?|machines?|models?|learn\w*|military|weapons?|nuclear|embed\w*|ask|speak|call|mail|write|phone|go to|talk\w*|everyone|all)\b",
    re.I,
)
"""Words of a short sentence that may speak of use, owners, origin, secrets or prices after all."""
_PROGRAM_DOES = re.compile(
    r"^\W*(?:Asks (?:for|the|whether|if)|Keeps|Makes|Takes|Writes|Copies|Leaves|Lets|Allows|Finds|Ends|Signs|Hands|Passes|Calls|Stops|Excludes|Claims|Holds|Embeds|Translates|Waits|Closes|Bills|Charges)\b"
)
"""What a program does, with a verb that people have as well."""
_CALM = 3
"""Words from which a sentence without any of these is a description."""
_BEGINS = re.compile(
    r"\W*(?:[A-Z][a-z]+[a-rt-z]s(?! (?:pay|own|only|first)\b)|An?|The|Everything|Nothing|Numbers|All (?:numbers|values|units|angles|times|sizes|indices|indexes|lengths|distances|coordinates|offsets|dates|strings|keys|tests)|Things|What|How|Whether|Where|Each|Every|It|This)\b"
)
"""How a description begins: "Allocates from the arena", "A recurrent net", "Things that older Pythons lack"."""
_YES_NO = re.compile(r"\byes/no\b|\b[Nn]o\.(?= ?\d)")
_PARTY = re.compile(r"\b(?:you|your|yours|our|ours|us|me|my|we|they|them|their|he|she|his|her|who|whoever|those)\b", re.I)  # fmt: skip
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|had|can|does|do|will|[a-z]{3,}(?:s|ed))\b")
_DOES_SO = re.compile(r"\W*[A-Z][a-z]{2,}[a-rt-z]s (?:whether|if|the|an?|all|each|every|that|how|one|some|any)\b")
"""How a description begins: "Determines whether …"."""
_CODE_MARKS = re.compile(r"[(){}\[\]=;<>]|^\s*(?:from [\w.]+ )?import [\w., *]+$")
_CODE_WORD = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|\d|--?[a-z][\w-]*=?")
_OF_AUTHORS = re.compile(r"\W*(?:authors?|maintainers?|contributors?|editors?|credits?)\s", re.I)
_OUT_AT = re.compile(r"\bat\b.*\bdot\b|\bdot\b.*\bat\b|@", re.I)
_JOINTS = frozenset("of and the a an by in at for to from & de la van von with on or".split())  # noqa: SIM905
_BETWEEN_NAMES = frozenset("of and the a & de la van von der den di da y e".split())  # noqa: SIM905
MOST_CODE = 200_000
"""Characters of a file in which names are looked for."""
_LIMITS_ALONE = re.compile(r"(?:ware|left|licen[sc]ed|closed|forbidden|embargo\w*|strict\w*)$", re.I)
LONG = 8
"""Words from which a sentence without any word of people, rights, duties or use may speak of anything."""
_ENGLISH = frozenset("the of to and is are for with that this it be from by not".split())  # noqa: SIM905
"""Words of which nearly every long English sentence has one: of other languages the words that limit are not known."""
_GENERAL = 0.7
"""What a word of programs counts that licences use as well."""


@lru_cache(maxsize=1)
def _programs() -> tuple[frozenset[str], frozenset[str]]:
    """(words of programs, those of them that licences use as well)."""
    listed = frozenset(word for line in lines_of("heads-words.txt") for word in line.split())
    known = ((PROGRAM | DOES | listed) - (_EMPTY - _PARTS)) - _DEALT | _PARTS
    return known, (ordinary() & known) - _PARTS - frozenset(_PLAIN)


@lru_cache(maxsize=1)
def program_words() -> frozenset[str]:
    """Words of programs that no licence has."""
    known, general = _programs()
    return known - general


_PLAIN = "method methods parser library string strings type types value values variable variables object objects parameter parameters interface interfaces helper helpers implementation file filename directory list array".split()  # fmt: skip  # noqa: SIM905


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


_ENDINGS = ("izations", "isation", "ization", "ations", "ation", "ings", "ing", "ions", "ion", "ers", "ors", "ies", "ed", "er", "or", "es", "ly", "al", "s", "e", "y")  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}(?![a-z])")
_LETTERS = re.compile(r"[^\W\d_]+")


class Program:
    """The words that a file has as names in its code and in its path; looked up when they are first asked for."""

    def __init__(self, text: str, path: str = "") -> None:
        self._text, self._path = text, path
        self._stems: frozenset[str] | None = None

    def has(self, word: str) -> bool:
        """Whether a word (in small letters) is one of them, whatever its ending; never one that licences have."""
        return (word not in ordinary() or word in _programs()[0]) and self.names(word)

    def names(self, word: str) -> bool:
        """Whether a word (in small letters) is one of them, whatever its ending: a shop has customers and prices."""
        return len(word) > 3 and _stem(word) in self.stems

    def lies_in(self, path: str) -> bool:
        """Whether a path begins with a folder that the file lies in: one of the same project."""
        return path.lower().lstrip("./").split("/")[0] in self._path.lower().split("/")[:-1]

    @property
    def stems(self) -> frozenset[str]:
        """The words without their endings."""
        if self._stems is None:
            heads = head_comments(self._text)
            code = names_in_code(self._text[heads[-1][1] if heads else 0 :][:MOST_CODE])
            found = {w.lower() for w in (*_WORDS.findall(self._path), *code)}
            self._stems = frozenset(_stem(w) for w in found if len(w) > 3 and w not in _EMPTY)
        return self._stems


def unknown_in_head(words: str, program: Program, first: bool = False) -> str | None:
    """Why a sentence at the head of a file is a doubt; None for one of a known kind.

    Args:
        words: The sentence, Latin-1 of its bytes.
        program: What the rest of the file speaks of.
        first: Whether it begins a comment that says more.
    """
    said = " ".join(words.split())
    tokens = tokens_in(said)
    if _LICENCE_FOR.match(said) and not says_no_more(said):
        return "goes on behind the name of a licence"
    if not tokens or is_harmless(said) or LISTED.fullmatch(said) or _FORMS.matches(said) or is_field(said):
        return None
    by = _BY.match(said)
    if by and not _TAKEN.search(said) and _is_origin(said[by.end() :], program):
        return None
    if (by is None and KNOWN.matches(said) and not stands_out(said)) or CURT_FORMS.fullmatch(said):
        return None
    used = _USED.match(said) or _LEFT_ALONE.match(said)
    if used and _is_of_parts(said[used.end() :], program, 1 if used.re is _USED else 0):
        return None
    label = LABEL.match(said)
    rest = said[label.end() :] if label else said
    if all(t.lower() in _TITLES or t.lower() in _JOINTS for t in tokens) or all(len(t) < 3 for t in tokens):
        return None
    if len(tokens) == 1:
        return _unknown_alone(tokens[0], said, program, first)
    marked = label is not None and (bool(label.group("mark")) or _OF_AUTHORS.match(said) is not None)
    if _is_name(rest, marked, program) or (is_code_line(words) and _CODE_MARKS.search(said)):
        return None
    if is_calm(said, program):
        return None
    return _undescribed(rest, tokens, program)


def _unknown_alone(token: str, said: str, program: Program, first: bool) -> str | None:
    """The same of a sentence of one word."""
    if not any(c.isalnum() for c in said.encode("latin-1", "replace").decode("utf-8", "replace")):
        return None  # pictures
    titles = first and SINGLE.search(said) is None and _LIMITS_ALONE.search(said) is None and not limits_of(said)
    return None if titles or _is_word(token, said, program) else "a word that no program has"


def _is_of_parts(said: str, program: Program, least: int) -> bool:
    weighed = _weigh(said, program)
    return weighed.parts >= least and not weighed.limits and not weighed.duties


def _is_origin(names: str, program: Program) -> bool:
    return only_names(names, True) or (_weigh(names, program).parts > 0 and not _weigh(names, program).limits)


def _is_word(token: str, said: str, program: Program) -> bool:
    word = token.lower()
    if word in _programs()[0] or word in _JOINING or len(word) < 3 or program.has(word):
        return True
    return (
        (not word.isalpha() and word.isascii())
        or _CODE_WORD.search(token) is not None
        or IDENTIFIER.search(said) is not None
    )


def _is_name(rest: str, marked: bool, program: Program) -> bool:
    """Whether all words are names; behind a label, or with no word that licences have."""
    if marked and _OUT_AT.search(rest):
        return limits_of(rest) == 0
    tokens = [t.lower() for t in tokens_in(without_addresses(rest))]
    if not marked:
        if (tokens and tokens[0] in _JOINTS - {"the", "a", "an"}) or _TAKEN.search(rest):
            return False
        small = [t for t in tokens_in(without_addresses(rest)) if (t.islower() and t.isalpha()) or t.lower() in _SMALL]
        if any(t.lower() not in _BETWEEN_NAMES for t in small) or tokens[:1] in (["contains"], ["includes"]):
            return False
        if any(t in ordinary() and t not in _BETWEEN_NAMES and t not in _TITLES for t in tokens):
            return False
        if not rest.isascii() and not any(t.isascii() and t.isalpha() for t in tokens):
            return False
    return only_names(rest, marked)


_HOLDS = re.compile(
    r"\b(?:belongs? to|owned by|own(?:s|ed|ing)?|released by|takes?|has|have|transfers?|ownership (?:of|to|is|goes to|stays with|passes to)) (?:(?:the|a|an|its|their|this|that|each|no|any|new) )*(?:calle[re]s?|process(?:es)?|threads?|locks?|it|them|mutex(?:es)?|objects?|nodes?|parents?|child(?:ren)?|lists?|queues?|buffers?|pools?|arenas?|memory|pointers?|strings?|ownership|arrays?|handles?|sockets?|files?|containers?|tasks?|workers?|sessions?|tokens?|classes|instances?|windows?|widgets?|parsers?|functions?|closures?|slices?|values?|results?|references?)\b(?! (?:author|company|rights|licen))",
    re.I,
)
"""What a part of a program has or holds: no owner of the work."""


def _without_holds(said: str, program: Program) -> str:
    """A sentence without what parts of programs own of each other, where it speaks of such parts."""
    calm = _HOLDS.sub(" ", said)
    if calm == said or _SPOKEN_TO.search(said):
        return said
    return calm if _OF_MEMORY.search(said) else said


_OF_MEMORY = re.compile(
    r"\b(?:calle[re]s?|process(?:es)?|threads?|locks?|mutex(?:es)?|memory|buffers?|pointers?|nodes?|objects?|arenas?|ownership|handles?|freed?|slices?|strings?|arrays?)\b",
    re.I,
)


OBJECTS = re.compile(
    r"\bpermissions? (?:bits?|flags?|masks?|modes?)\b|\blicen[cs]e (?:plates?|servers?|plate numbers?)\b|\b(?:file|access|unix|posix|read|write|execute) permissions?\b|\bsecret keys?\b|\bfree (?:list|lists|blocks?|pages?|slots?|space|memory)\b|\btrial division\b|\b(?:start|stop|race|boundary|edge|error|loop|break|exit|initial|end|wait|if|guard) conditions?\b|\blicen[cs]e headers? (?:in|of|from)\b",
    re.I,
)
"""Things of programs with words of rights in their names."""
_MAY_BE_OBJECTS = ("permission", "licen", "secret key", "free ", "condition", "trial division")
"""Each of them has one of these: a quick look."""


def without_objects(said: str) -> str:
    """A sentence with a word that says nothing for such things."""
    low = said.lower()
    return OBJECTS.sub("bits", said) if any(word in low for word in _MAY_BE_OBJECTS) else said


def limits_of(said: str) -> int:
    """How many words of people, rights and prices a sentence has."""
    return sum(1 for _ in limits_in(without_addresses(said)))


class _Weighed:
    """What a sentence speaks of."""

    __slots__ = ("duties", "limits", "named", "others", "parts")

    def __init__(self, parts: float, named: int, duties: bool, limits: int, others: int) -> None:
        self.parts, self.named, self.duties, self.limits, self.others = parts, named, duties, limits, others


def _weigh(said: str, program: Program) -> _Weighed:
    rest = without_addresses(said)
    words = dict.fromkeys(w.lower() for token in tokens_in(rest) for w in _LETTERS.findall(token))
    dealt = [m.group().lower() for m in limits_in(rest)]
    found = [one for one in dealt if " " in one or not program.names(one)]
    limiting = {w for one in found for w in one.split()}
    known, general = _programs()
    named, others = len(IDENTIFIER.findall(said)), 0
    parts = named + (0.3 if _DOES_SO.match(rest) else 0)
    for n, word in enumerate(words):
        if word in limiting or (word in _EMPTY and word not in _PARTS):
            continue
        if program.has(word) or (word in known and (word not in general or (n == 0 and word in DOES))):
            parts += 1
        elif word in known or (word in dealt and program.names(word)):
            parts += _GENERAL
        elif len(word) > 2:
            others += 1
    limits = sum(one not in _MILD for one in found)
    return _Weighed(
        parts, named, _DUTIES.search(_YES_NO.sub(" ", rest)) is not None, limits + len(_TAKEN.findall(rest)), others
    )


def is_calm(said: str, program: Program | None = None) -> bool:
    """Whether a short sentence has no word at all of people, rights, duties, use, origin, owners or prices, and no name."""
    said = _THIS_DOES.sub("It", said)
    tokens = tokens_in(without_addresses(said))
    if len(tokens) < _CALM or not said.isascii() or _BEGINS.match(said) is None:
        return False
    begun = _PROGRAM_DOES.sub("", said).removeprefix("All ")
    if _SUSPECT.search(begun) or _PARTY.search(said) or _OF_THE_WORK.search(said) or _TAKEN.search(said):
        return False
    if _DUTIES.search(said) or limits_of(said):
        return False
    known = _programs()[0]
    named = (t for t in tokens[1:] if t[:1].isupper() and not t.isupper())
    return all(
        t.lower() in known or t.lower().rstrip("s") in _TONGUES or (program is not None and program.has(t.lower()))
        for t in named
    )


_TONGUES = frozenset("python java haskell ruby perl rust unicode fibonacci dijkstra gauss newton euler fourier bayes kalman bloom huffman markov monday sunday windows linux unix posix".split())  # fmt: skip  # noqa: SIM905
"""Names that descriptions of programs have."""


def describes(words: str, program: Program) -> bool:
    """Whether a sentence describes a program and has no word of people, rights, use, owners or origin; beside a notice, too."""
    said = " ".join(words.split())
    if is_calm(said, program):
        return True
    calmer = _without_holds(said, program)
    if _SPOKEN_TO.search(calmer) or _OF_THE_WORK.search(calmer) or _OF_RIGHTS.search(calmer):
        return False
    weighed = _weigh(said, program)
    return (
        weighed.parts >= 1 + 0.3 * weighed.duties
        and not _weigh(calmer, program).limits
        and _DUTY_OF_PEOPLE.search(said) is None
    )


_SPOKEN_TO = re.compile(r"\b(?:you|your|yours|our|ours|us|me|my|we|whoever)\b", re.I)
_OF_RIGHTS = re.compile(r"\b(?:licen[cs]\w*|term|terms|clause\w*|grant\w*|copyright\w*|above|below|following|conditions? (?:of|for|above|below|that|are|is|apply)|provided|applies|apply|holds?|valid|void (?:if|when|for)|schools?|for \w+ only)\b", re.I)  # fmt: skip
_DUTY_OF_PEOPLE = re.compile(r"\b(?:unless|except|until|provided|solely|only (?:for|in|on|at|by|to|with))\b", re.I)
"""Words by which a sentence beside a notice is more than a description."""


_THIS_DOES = re.compile(
    r"\bthis (?:file|module|package|class|script|code|program|library)(?= (?:contains|defines|provides|implements|tests|declares|handles|describes|adds|creates|parses|exports|registers|computes|converts|wraps|holds the|is the|is an?)\b)",
    re.I,
)
"""The file itself as what a description begins with."""


def _undescribed(rest: str, tokens: list[str], program: Program) -> str | None:
    rest = _THIS_DOES.sub(" ", rest)
    calmer = _without_holds(rest, program)
    weighed = _weigh(rest, program)
    if calmer != rest:
        calm = _weigh(calmer, program)
        weighed = _Weighed(weighed.parts, weighed.named, calm.duties, calm.limits, weighed.others)
        rest = calmer
    free = not weighed.duties and not weighed.limits
    if free and not weighed.others and all(t.lower() in _JOINING or (t.isascii() and not t.isalpha()) for t in tokens):
        return None
    if (
        free
        and len(tokens) >= LONG
        and any(t.lower() in _ENGLISH for t in tokens)
        and not _PARTY.search(rest)
        and not _OF_THE_WORK.search(rest)
        and _VERB.search(rest)
    ):
        return None
    if free and is_calm(rest, program):
        return None
    if free and sum(any(c in "0123456789" for c in t) for t in tokens) * 2 >= len(tokens):
        return None
    of_use = _PARTY.search(rest) or _OF_THE_WORK.search(rest)
    duty = weighed.duties and (_PARTY.search(rest) or (not weighed.named and (of_use or len(tokens) < LONG)))
    needed = 1.0 + bool(duty) + 2 * weighed.limits
    if free and not weighed.others and not of_use:
        needed = _GENERAL
    return None if weighed.parts >= needed else "no description of a program"
