"""Documents that nobody trains on: which they are, and what is too like them.

They are chosen by hash, never by position, and kept out of every corpus by id, by text, and where half of a document's
runs of 13 words are in one of them.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train_probe.data import mix_bits
from train_probe.errors import ProbeError
from train_probe.inputs import Text, has_own, hash64, read

BYTES, SHARE = 2_000_000, 0.1
"""Of each source of a mixture without held-out documents of its own: at most so many bytes, and this share of them."""
LEAST = 500_000
"""Bytes of a source that are always used, however small another source is."""
SHINGLE = 13
"""Words; GPT-3's unit for the overlap of training and test texts (Brown et al. 2020, appendix C)."""
_BITS = 22
_LOW = np.uint64((1 << _BITS) - 1)
_PRIME = 0x9E3779B97F4A7C15

Hashes = NDArray[np.uint64]


def choose(mixtures: Sequence[Sequence[Path]], given: Path | None, most: int, skipped: Counter[str]) -> list[Text]:
    """The held-out documents of an experiment, each text once.

    All of the folder `given` (a part of it where it is one of the corpora, whose rest is trained on); else of each mixture its own `heldout/` (as `curate mix` writes it), or where it has none a
    part of it, then balanced by source.  `most` bytes of each source at most; 0 for no limit (`given`) or BYTES.  Raises
    ProbeError when there are none.
    """
    if given is not None and is_corpus(mixtures, given):
        docs = choose_held_out([given], most or BYTES, SHARE)
    elif given is not None:
        docs = first_bytes(_once(read(given, skipped)), most) if most else _once(read(given, skipped))
    else:
        found: dict[int, Text] = {}
        for path in (p for paths in mixtures for p in paths):
            own = path / "heldout"
            docs = _once(read(own, skipped)) if has_own(path) else choose_held_out([path], most or BYTES, SHARE)
            for doc in docs:
                found.setdefault(doc.digest, doc)
        docs = balanced(list(found.values()), most or BYTES)
    if not docs:
        raise ProbeError("there are no held-out documents; give --held-out FOLDER")
    return sorted(docs, key=lambda doc: (doc.source, doc.key, doc.digest))


def is_corpus(mixtures: Sequence[Sequence[Path]], given: Path) -> bool:
    """Whether a folder is one of those that are trained on."""
    return any(path.resolve() == given.resolve() for paths in mixtures for path in paths)


def described(docs: Sequence[Text]) -> str:
    """How many they are, and of which sources, for a person."""
    counts, sizes = Counter(doc.source for doc in docs), Counter[str]()
    for doc in docs:
        sizes[doc.source] += len(doc.text.encode())
    some = ", ".join(f"{name} {counts[name]:,} ({size:,} bytes)" for name, size in sizes.most_common(8))
    return f"{len(docs):,} documents, {sum(sizes.values()):,} bytes: {some}{', ...' if len(sizes) > 8 else ''}"


def _once(docs: Iterable[Text]) -> list[Text]:
    found: dict[int, Text] = {}
    for doc in docs:
        found.setdefault(doc.digest, doc)
    return list(found.values())


def balanced(docs: list[Text], most: int) -> list[Text]:
    """At most `most` bytes of each source, and at most twice those of the smallest or LEAST, if that is more."""
    sizes: Counter[str] = Counter()
    for doc in docs:
        sizes[doc.source] += len(doc.text.encode())
    return first_bytes(docs, min(most, max(2 * min(sizes.values(), default=0), LEAST)))


def first_bytes(docs: list[Text], most: int) -> list[Text]:
    """At most `most` bytes of each source, in the order of a hash; one document of each at least."""
    by_source: dict[str, list[Text]] = {}
    for doc in docs:
        by_source.setdefault(doc.source, []).append(doc)
    return [doc for some in by_source.values() for doc in _taken(some, most)]


def _taken(docs: list[Text], most: float) -> list[Text]:
    taken: list[Text] = []
    used = 0
    for doc in sorted(docs, key=_place):
        size = len(doc.text.encode())
        if not taken or used + size <= most:
            taken.append(doc)
            used += size
    return taken


def _place(doc: Text) -> tuple[int, int]:
    return hash64(b"held out" + doc.key.to_bytes(8, "big")), doc.digest


def choose_held_out(folders: Iterable[Path], max_bytes: int, share: float) -> list[Text]:
    """Documents to hold out of each source of these corpora, in the order of a hash.

    Of every source in every folder at most `max_bytes` bytes and at most `share` of its bytes (but one document at
    least); a text that occurs twice is taken once.  Each folder is read twice and never held in memory.
    """
    chosen: dict[int, Text] = {}
    for folder in folders:
        sizes: dict[str, list[tuple[int, int, int]]] = {}
        for doc in read(folder):
            sizes.setdefault(doc.source, []).append((*_place(doc), len(doc.text.encode())))
        wanted = {digest for rows in sizes.values() for digest in _firsts(sorted(set(rows)), max_bytes, share)}
        for doc in read(folder):
            if doc.digest in wanted:
                chosen.setdefault(doc.digest, doc)
    return sorted(chosen.values(), key=lambda doc: (doc.source, doc.key, doc.digest))


def _firsts(rows: list[tuple[int, int, int]], max_bytes: int, share: float) -> list[int]:
    room = min(max_bytes, share * sum(size for _, _, size in rows))
    taken: list[int] = []
    used = 0
    for _, digest, size in rows:
        if not taken or used + size <= room:
            taken.append(digest)
            used += size
    return taken


class HeldOut:
    """Documents that must not be trained on: hashes of ids, of texts, and of runs of 13 words."""

    def __init__(self, docs: Iterable[Text] = ()) -> None:
        """Hold these out."""
        self.keys: set[int] = set()
        self.digests: set[int] = set()
        self._sizes: list[int] = []
        runs: list[Hashes] = []
        for doc in docs:
            self.keys.add(doc.key)
            self.digests.add(doc.digest)
            runs.append(np.unique(_windows([doc.text])[0]))
            self._sizes.append(len(runs[-1]))
        flat = np.concatenate(runs) if runs else np.empty(0, np.uint64)
        owners = np.repeat(np.arange(len(runs)), self._sizes)
        order = np.argsort(flat, kind="stable")
        self._runs, self._owners = flat[order], owners[order]
        self._maybe = np.zeros(1 << _BITS, dtype=bool)
        self._maybe[flat & _LOW] = True
        """By the low bits of a run's hash: False says that no held-out document has it."""

    def reasons(self, docs: Sequence[Text]) -> list[str | None]:
        """Why each document can't be trained on; None when it can."""
        hashes, document = _windows([doc.text for doc in docs])
        near = set(np.unique(document[self._known(hashes)]).tolist())
        begins = np.searchsorted(document, np.arange(len(docs) + 1)).tolist()
        out: list[str | None] = []
        for i, doc in enumerate(docs):
            if doc.key in self.keys or doc.digest in self.digests:
                out.append("held out")
            else:
                out.append(
                    "near copy of held out" if i in near and self._near(hashes[begins[i] : begins[i + 1]]) else None
                )
        return out

    def _known(self, hashes: Hashes) -> NDArray[np.int64]:
        """Places of the hashes that some held-out document has."""
        places = np.flatnonzero(self._maybe[hashes & _LOW])
        if not len(places):
            return places
        at = np.minimum(np.searchsorted(self._runs, hashes[places]), len(self._runs) - 1)
        found: NDArray[np.int64] = places[self._runs[at] == hashes[places]]
        return found

    def _near(self, hashes: Hashes) -> bool:
        """Whether half the runs of the shorter of the two are in one held-out document."""
        runs = np.unique(hashes)
        shared = runs[self._known(runs)]
        first, last = (np.searchsorted(self._runs, shared, side=side) for side in ("left", "right"))
        found = [self._owners[a:b] for a, b in zip(first, last, strict=True) if b > a]
        if not found:
            return False
        names, counts = np.unique(np.concatenate(found), return_counts=True)
        pairs = zip(names.tolist(), counts.tolist(), strict=True)
        return any(2 * n >= min(len(runs), self._sizes[owner]) for owner, n in pairs)


def _windows(texts: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """A hash of each run of 13 words of each text, and which text it is of.

    Python's hashes of words differ between processes: they are compared within one only.
    """
    split = [text.casefold().split() for text in texts]
    counts = np.array([len(words) for words in split])
    words = np.fromiter(map(hash, itertools.chain.from_iterable(split)), np.int64, int(counts.sum())).view(np.uint64)
    if len(words) < SHINGLE:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    words = mix_bits(words)
    size = len(words) - SHINGLE + 1
    total = np.zeros(size, np.uint64)
    for i in range(SHINGLE):
        total = total * np.uint64(_PRIME) + words[i : i + size]
    owner = np.repeat(np.arange(len(texts)), counts)
    inside = owner[:size] == owner[SHINGLE - 1 :]
    return mix_bits(total[inside]), owner[:size][inside]
