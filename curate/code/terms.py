"""Sentences of comments that set terms: who, money and rights said together of using the work, in any words.

Programs speak of companies, prices and permissions as well: words that the code or the path has as names don't count, and the more
words of parts of programs a sentence has, the less it is about the work.
"""

import re

from curate.code.described import IDENTIFIER
from curate.code.heads import Program, program_words
from curate.code.names import rough
from curate.code.prose import is_code, tokens_in

_WHO = (
    r"(?:compan(?:y|ies)|firms?|business(?:es)?|corporations?|enterprises?|organi[sz]ations?|start-?ups?|studios?|agenc(?:y|ies)|governments?|ministr(?:y|ies)|schools?|universit(?:y|ies)|colleges?|students?|pupils?|teachers?|tutors?"
    r"|academics?|researchers?|scientists?|hobby(?:ists?)?|amateurs?|individuals?|employees?|employers?|subscribers?|members?|sponsors?|patrons?|competitors?|resellers?|vendors?|manufacturers?|makers?|hospitals?|banks?|insurers?"
    r"|arm(?:y|ies)|military|police|nato|freelancers?|consultants?|contractors?|institutions?|charit(?:y|ies)|non-?profits?|for-?profits?|professionals?|customers?|licensees?|residents?|citizens?|countries|nationals?|nations?|staff"
    r"|colleagues?|outsiders?|strangers?|partners?|investors?|publishers?|kids|people|persons?|anyone|anybody|everyone|everybody|nobody|no one|whoever|those who|reviewers?|buyers?|your (?:company|firm|employer|boss|school|team))"
)
_MONEY = (
    r"(?:pays?|paid|paying|payment|buy(?:s|ing)?|bought|purchas\w+|fees?|price[ds]?|pricing|euros?|dollars?|usd|eur|gbp|pounds?|bucks|cents|donat\w+|invoices?|subscriptions?|seats?|royalt\w+|revenue|turnover|income|profits?"
    r"|gratis|for free|free of charge|free for|sales|money|charge (?:for|money)|sell(?:s|ing)?|sold|resell\w*|resale|commercial\w*|monthly|yearly|annual|premium|pro (?:version|edition|plan)|trial|beer|coffee)"
)
_RIGHTS = r"(?:licen[cs](?:e|es|ed|ing)|permission|permitted|consent|contract|agreement|nda|rights|approval|legal (?:department|team|advice|reasons?|trouble)|lawyers?|patent\w*|embargo\w*|confidential\w*|proprietary|forbidden|prohibited|banned|off[- ]limits|no-go|excluded|exempt)"
_LIMITS = re.compile(
    r"\b(?:may|must|shall|can|cannot|can't|mustn't|not|never|no|only|except|unless|without|need(?:s|ed)?|requires?|required|ask|contact|write to|allowed|permitted|welcome|fine|ok|okay|forbidden|prohibited|banned|limited|reserved"
    r"|excluded|until|please|before|don't|do not|out|stop)\b",
    re.I,
)
_USE = re.compile(
    r"\b(?:us(?:e|es|ed|ing)|run(?:s|ning)?|ship(?:s|ped|ping)?|deploy\w*|cop(?:y|ies|ied|ying)|sell\w*|sold|shar(?:e|ed|es|ing)|(?:re)?distribut\w*|embed\w*|host(?:s|ed|ing)?|publish\w*|modif\w+|fork\w*|train\w*|compil\w+"
    r"|bundl\w+|re-?us\w+|pass(?:ed)? on|hand(?:ed)? on|show(?:n)?|leak\w*|mirror\w*|upload\w*|release[ds]?)\b",
    re.I,
)
_WORK = re.compile(
    r"\b(?:this|these|it|the (?:code|file|routine|function|module|script|class|software|library|program|table|below|following)|below|here|my|our|ours|we|us|i|me|mine)\b", re.I
)  # fmt: skip
_ONE = re.compile(
    rf"\b(?:(?P<who>{_WHO})|(?P<money>{_MONEY})|(?P<rights>{_RIGHTS}))\b|(?P<sum>[$\u20ac\u00a3] ?\d+(?!\w)|(?<!\w)\d+ ?[\u20ac\u00a3])",
    re.I,
)
MAY_SET = rf"\b(?:{_WHO}|{_MONEY}|{_RIGHTS})\b|[$] ?\d"
"""What a text has somewhere that sets terms."""
_GATE = rough(f"(?i){MAY_SET}")
_OF_CLASSES = re.compile(r"\b(?:no-|doxygen-|undoc-|private-|special-)members?\b|\bmembers? (?:function|variable|access|name|pointer|init|template|of the (?:class|struct|list|set|group))", re.I)  # fmt: skip
_POINTS = re.compile(r"\b(?:see|following|under (?:the|an?)|terms of the|governing|compliance) (?:\w+ ){0,4}licen[cs]e|\baccess denied|\bpermission denied", re.I)  # fmt: skip
"""Where a notice speaks, which is read for itself, or a message of the system."""
_WEAK = re.compile(
    r"(?i)(?:people|persons?|any(?:one|body)|every(?:one|body)|nobody|no one|individuals?|rights|forbidden|legal|members?|contract|studio)$"
)
"""Words that say little alone."""
_WORD = re.compile(r"[A-Za-z]+")
_TITLE = re.compile(
    r"(?i)\W*(?:head\d )?copyright and licen[cs]e|.*=head\d|.*\bsubscriptions? (?:for|to) the\b|.*\bread permission\b"
)
"""Titles of manuals, and what else is no sentence about the work."""
MOST = 40
"""Words of the longest sentence that sets terms."""
SHORT = 8


def sets_terms(said: str, program: Program) -> str | None:
    """The words of a sentence that sets terms for the work, whoever it is for and whatever it asks; None for none."""
    line = " ".join(said.split())
    if _GATE.search(line.encode("latin-1", "replace")) is None:
        return None
    tokens = tokens_in(line)
    if not 2 < len(tokens) <= MOST or is_code(said) or _OF_CLASSES.search(line) or _POINTS.search(line):
        return None
    found = [("money" if m.lastgroup == "sum" else m.lastgroup or "", m.group()) for m in _ONE.finditer(line)]
    if _most_parts(dict(found), line, len(tokens)) < 0:
        return None  # before the names of the code are looked up
    kinds = {kind: said for kind, said in found[::-1] if not _is_named(said, program)}
    if not kinds or (len(kinds) == 1 and _WEAK.match(next(iter(kinds.values())))) or _TITLE.match(line):
        return None
    most = _most_parts(kinds, line, len(tokens))
    if most < 0:
        return None
    parts = sum(1 for t in tokens if t.lower() in program_words() or program.has(t.lower()))
    return " and ".join(kinds.values()) if parts + 2 * bool(IDENTIFIER.search(line)) <= most else None


def _is_named(said: str, program: Program) -> bool:
    return any(program.names(word.lower()) for word in _WORD.findall(said))


def _most_parts(kinds: dict[str, str], line: str, words: int) -> int:
    """How many words of programs a sentence may have that sets terms; -1 for one that sets none."""
    if not kinds:
        return -1
    limited, used, work = (pattern.search(line) is not None for pattern in (_LIMITS, _USE, _WORK))
    if len(kinds) > 1:
        return 2 if limited or (used and work) or words < SHORT else -1
    if "money" in kinds:
        return 2 if limited else 1 if used and work else -1
    if limited and (used or work):
        return 1
    if "who" in kinds:
        return 0 if limited and words < SHORT else -1
    return 0 if (used or work or words < SHORT) and "rights" not in kinds["rights"].lower() else -1
