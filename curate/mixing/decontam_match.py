"""Which items of evaluation tasks a document holds: by 3-grams of words, and by the right answer beside them.

Words are those of MinHash (`curate.dedup.kernel`): case, punctuation, accents and line breaks do not matter. A document holds

* *both*: at least `HALF` of the 3-grams of a question, close together, and the right answer near them (an answer of one or two
  characters stands anywhere, and so needs `MOST` of the question; so does a question of fewer than `RUN` words, of all its 3-grams:
  "the language of … is" is many items, and what it is asked of with "English" near it any page);
* *question*: `MOST` of them with a run of 13 words, or a run of 50 words, without its answer;
* *passage*: a run of 50 words of a text that merely comes with questions.

3-grams that stand in more than `SPREAD` items are the benchmark's language, and count for none. What the rule is measured against
stands in benchmarks/decontamination.py. Differs from Brown et al. (2020, appendix C), who count any 13 words of any text of a task.
"""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dedup import kernel
from curate.filters import scripts
from curate.mixing.decontam_items import Item, files, items, stamp

VERSION = 2
"""Of the rule: what was found by another one is not kept."""
NGRAM, SPREAD = 3, 10
HALF, MOST = 0.5, 0.8
RUN, LONG_RUN = 13, 50
LEAST = 8
"""Words of a question below which all of it must stand there."""
BESIDE = 250
"""Words around a question in which its answer is looked for."""
_SEEN = 1 << 24
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Found:
    """An item that a document holds."""

    row: int
    item: int
    part: str
    first: int
    """Word of the document."""
    end: int
    """Word behind it."""
    held: float
    """Share of the question's 3-grams."""
    run: int
    """The longest run, in words."""


class Tasks:
    """Items, and where each 3-gram of them belongs."""

    def __init__(self, known: Sequence[Item]) -> None:
        self.items = list(known)
        texts, self.owner, self.passage = [], list[int](), list[bool]()
        for number, item in enumerate(self.items):
            for text in (item.question, item.passage):
                if text.strip():
                    texts.append(text)
                    self.owner.append(number)
                    self.passage.append(text is item.passage)
        hashes, counts = _shingles(pa.array(texts, pa.large_string()))
        text_of = np.repeat(np.arange(len(texts)), counts)
        pairs = (
            np.unique(np.stack([hashes.astype(np.int64), text_of]), axis=1)
            if len(hashes)
            else np.zeros((2, 0), np.int64)
        )
        grams, firsts, spread = np.unique(pairs[0], return_index=True, return_counts=True)
        rare = spread <= SPREAD
        self.grams, self.firsts, self.spread = grams[rare], firsts[rare], spread[rare]
        self.seen = np.zeros(_SEEN, np.bool_)
        self.seen[self.grams & (_SEEN - 1)] = True
        self.text_of = pairs[1]
        kept = np.repeat(rare, spread)
        self.sizes = np.bincount(pairs[1][kept], minlength=len(texts))
        self.words = np.array([len(kernel.words(text)) for text in texts], np.int64)

    @property
    def digest(self) -> str:
        """Of all that decides what is found."""
        rule = [VERSION, NGRAM, SPREAD, HALF, MOST, RUN, LONG_RUN, LEAST, BESIDE, scripts.segmenter()]
        return hashlib.sha256(repr((rule, self.items)).encode()).hexdigest()[:16]

    @property
    def too_short(self) -> int:
        """Texts of fewer than three words or without a 3-gram of their own: they can't be found."""
        return int(((self.words < NGRAM) | (self.sizes == 0)).sum())

    def find(self, column: Any) -> Iterator[Found]:
        """What the documents of a string column hold, in order; of one item and document once."""
        hashes, counts = _shingles(column)
        if not len(hashes) or not len(self.grams):
            return
        # hardly any: a table of bits is looked at before the numbers
        maybe = np.flatnonzero(self.seen[hashes & (_SEEN - 1)])
        place = np.minimum(np.searchsorted(self.grams, hashes[maybe]), len(self.grams) - 1)
        held = self.grams[place] == hashes[maybe]
        hit, gram = maybe[held], place[held]
        ends = np.cumsum(counts)
        row = np.searchsorted(ends, hit, side="right")
        pos = hit - (ends - counts)[row]
        many = self.spread[gram]
        text = self.text_of[_ranges(self.firsts[gram], many)]
        row, pos, gram = (np.repeat(part, many) for part in (row, pos, gram))
        key = row * len(self.owner) + text
        order = np.lexsort([pos, key])
        key, pos, gram = key[order], pos[order], gram[order]
        firsts = np.flatnonzero(np.diff(key, prepend=-1))
        counts = np.diff(firsts, append=len(key))
        needed = np.minimum(HALF * self.sizes[key[firsts] % len(self.owner)], LONG_RUN - NGRAM + 1)
        enough = counts >= needed
        words = functools.lru_cache(maxsize=2)(lambda at: kernel.words(column[at].as_py() or ""))
        for first, end in zip(firsts[enough].tolist(), (firsts + counts)[enough].tolist(), strict=True):
            at, number = divmod(int(key[first]), len(self.owner))
            found = self._judge(at, number, pos[first:end], gram[first:end], words)
            if found:
                yield found

    def _judge(self, row: int, text: int, pos: I64, gram: I64, words: Any) -> Found | None:
        first, end, held = _densest(pos, gram, int(1.5 * self.words[text]) + 20, int(self.sizes[text]))
        run, begins = _longest_run(pos)
        item = self.items[self.owner[text]]
        if self.passage[text]:
            if run >= LONG_RUN:
                return Found(row, self.owner[text], "passage", begins, begins + run, held, run)
            return None
        if self.words[text] < RUN:
            enough = held >= MOST and _asked(item.question, words(row), first, end)
        else:
            enough = held >= HALF
        if enough and (answered := _answer(words(row), first, end, item.answers, held)) is not None:
            return Found(row, self.owner[text], "both", min(first, answered[0]), max(end, answered[1]), held, run)
        if (held >= MOST and run >= RUN) or run >= LONG_RUN:
            return Found(row, self.owner[text], "question", min(first, begins), max(end, begins + run), held, run)
        return None


def _asked(question: str, words: Sequence[str], first: int, end: int) -> bool:
    """Whether a short question stands there, common 3-grams included; one of a few words as a whole."""
    asked = kernel.words(question)
    there = set(_grams(words[max(0, first - len(asked)) : end + len(asked)]))
    wanted = _grams(asked)
    return sum(gram in there for gram in wanted) >= (MOST if len(asked) >= LEAST else 1) * len(wanted)


def _grams(words: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(words, words[1:], words[2:], strict=False))


def _shingles(column: object) -> tuple[npt.NDArray[np.uint32], I64]:
    """(hashes of 3-grams in order, how many each text has). A text of fewer words has none."""
    prints = kernel.fingerprints(column, NGRAM, 1, 1, 1, shingles=True)
    return prints.shingles, np.diff(prints.ends, prepend=0)


def _ranges(firsts: I64, counts: I64) -> I64:
    """first, first + 1 … for each, `counts` of them."""
    ends = np.cumsum(counts)
    found: I64 = np.repeat(firsts - (ends - counts), counts) + np.arange(int(ends[-1]) if len(ends) else 0)
    return found


def _densest(pos: I64, gram: I64, width: int, size: int) -> tuple[int, int, float]:
    """(first word, word behind, share of `size` different 3-grams) of the stretch of `width` words that holds most."""
    counts, best, low = dict[int, int](), (0, 0, 0), 0
    places, names = pos.tolist(), gram.tolist()
    for high, name in enumerate(names):
        counts[name] = counts.get(name, 0) + 1
        while places[high] - places[low] > width:
            counts[names[low]] -= 1
            if not counts[names[low]]:
                del counts[names[low]]
            low += 1
        if len(counts) > best[0]:
            best = (len(counts), low, high)
    return places[best[1]], places[best[2]] + NGRAM, best[0] / max(1, size)


def _longest_run(pos: I64) -> tuple[int, int]:
    """(words, first word) of the longest run of 3-grams that follow each other; `pos` ascends."""
    places = np.unique(pos)
    cuts = np.append(np.flatnonzero(np.diff(places) != 1), len(places) - 1)
    starts = np.append(0, cuts[:-1] + 1)
    longest = int(np.argmax(cuts - starts))
    return int(cuts[longest] - starts[longest]) + NGRAM, int(places[starts[longest]])


def _answer(words: list[str], first: int, end: int, answers: Sequence[str], held: float) -> tuple[int, int] | None:
    """Where a right answer stands near words[first:end]: (first word, word behind); None where none does."""
    low, high = max(0, first - BESIDE), min(len(words), end + BESIDE)
    for answer in answers:
        wanted = kernel.words(answer)
        if not wanted or (sum(map(len, wanted)) <= 2 and held < MOST):
            continue
        # Behind the question first: there it stands, mostly; between its words by chance.
        for start, stop in ((end, high), (low, end)):
            if found := _stands(words, wanted, start, stop):
                return found
    return None


def _stands(words: list[str], wanted: list[str], low: int, high: int) -> tuple[int, int] | None:
    size = len(wanted)
    if size > RUN:  # a worked solution: half of its 3-grams
        grams = {tuple(wanted[i : i + NGRAM]) for i in range(size - NGRAM + 1)}
        places = [i for i in range(low, max(low, high - NGRAM + 1)) if tuple(words[i : i + NGRAM]) in grams]
        there = {tuple(words[i : i + NGRAM]) for i in places}
        return (places[0], places[-1] + NGRAM) if len(there) >= HALF * len(grams) else None
    return next(((i, i + size) for i in range(low, high - size + 1) if words[i : i + size] == wanted), None)


def load(paths: tuple[str, ...]) -> Tasks:
    """The items of these files, read once a process as long as they do not change. Raises InputError."""
    return _load(paths, tuple(stamp(path) for path in paths))


@functools.lru_cache(maxsize=2)
def _load(paths: tuple[str, ...], _stamps: tuple[str, ...]) -> Tasks:
    return Tasks(list(items(paths)))


def known_items(tasks: Sequence[str]) -> Tasks:
    """The items of evaluation tasks. Raises InputError for what is no task."""
    return load(tuple(files(tasks)))
