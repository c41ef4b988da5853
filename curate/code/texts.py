"""The texts of the SPDX licence list, and an index of their word n-grams."""

import itertools
import json
import lzma
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from curate.code.tokens import GRAM, grams, words_of
from curate.errors import InputError
from filters.assets import AssetMissingError, find

POSTED = 0.65
"""Share of its different grams, the rarest first, by which a reference is found. The rest, the words of the usual
disclaimers, would find hundreds of others, too."""
_COPYRIGHT_LINE = re.compile(
    r"^[ \t]*(?:(?:portions? |parts? )?copyrights? .*|\(c\) .*|© ?.*|all rights reserved\.?)$", re.I | re.M
)
_PLACEHOLDER = re.compile(r"<[^<>\n]{1,80}>|\[[^\[\]\n]{1,60}\]|\{[^{}\n]{1,60}\}|<<[^<>\n]{1,80}>>")
_SPELLING = re.compile(
    rb"\blicence(?=[sd]?\b)|\borganisation|\bauthoris(?=[eai])|\backnowledgement|\bmerchantibility", re.I
)
_AMERICAN = {
    b"licence": b"license", b"organisation": b"organization", b"authoris": b"authoriz",
    b"acknowledgement": b"acknowledgment", b"merchantibility": b"merchantability",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """One text of the list."""

    ids: tuple[str, ...]
    """SPDX ids that share the text, e.g. GPL-2.0-only and GPL-2.0-or-later."""
    kind: str
    """license, header (the notice a licence asks to put into files) or exception."""
    size: int
    """Words."""
    text: str

    @property
    def optional(self) -> frozenset[str]:
        """Words of the placeholders and copyright lines that `template` left out."""
        return optional_words(self.text)


class Table(NamedTuple):
    """Hashes to numbers, by open addressing."""

    hashes: NDArray[np.uint64]
    """0 is empty."""
    numbers: NDArray[np.int32]


class Grams(NamedTuple):
    """Numbers in rows, e.g. the grams of each reference. Row n is `values[bounds[n]:bounds[n + 1]]`."""

    values: NDArray[np.int32]
    bounds: NDArray[np.int64]

    def of(self, row: int) -> NDArray[np.int32]:
        """One row."""
        return self.values[self.bounds[row] : self.bounds[row + 1]]


@dataclass(frozen=True, slots=True)
class Index:
    """Which reference holds which gram."""

    references: tuple[Reference, ...]
    table: Table
    """Gram hash to key."""
    grams: Grams
    """Keys of each reference in the order of the text."""
    rarest: Grams
    """The different keys of each reference, those that the fewest references have first."""
    posted: NDArray[np.int64]
    """How many of those `postings` has of each reference."""
    postings: Grams
    """For each key the references that are posted by it."""


def american(text: bytes) -> bytes:
    """British spellings as American: the matching guidelines of SPDX (section B.3, rule on varietal word spelling)."""
    if b"icence" not in text and b"anisation" not in text and b"thoris" not in text and b"dgement" not in text:
        return text
    return _SPELLING.sub(lambda m: _AMERICAN[m.group().lower()], text)


def template(text: str) -> bytes:
    """A reference text without what people fill in: copyright lines and placeholders."""
    return american(_PLACEHOLDER.sub(" ", _COPYRIGHT_LINE.sub("", text)).encode())


@lru_cache(maxsize=1000)
def optional_words(text: str) -> frozenset[str]:
    """What `template` cuts from a reference text, as lower-case words."""
    cut = _COPYRIGHT_LINE.findall(text) + _PLACEHOLDER.findall(text)
    return frozenset(re.findall(r"[a-z0-9]+", " ".join(cut).lower()))


@lru_cache(maxsize=1)
def raw_texts() -> dict[str, object]:
    """The shipped file as it is: source, deprecated ids, texts."""
    data = (files("filters") / "data" / "licenses-spdx-texts.json.xz").read_bytes()
    loaded: dict[str, object] = json.loads(lzma.decompress(data))
    return loaded


def database_file() -> Path:
    """Where the licence database is; InputError says how to get it."""
    try:
        return find("licensedb")
    except AssetMissingError as error:
        raise InputError(str(error)) from None


@lru_cache(maxsize=1)
def database() -> dict[str, Any]:
    """Texts, notices and web addresses of ScanCode's licence database (`curate.code.database`)."""
    loaded: dict[str, Any] = json.loads(lzma.decompress(database_file().read_bytes()))
    return loaded


_END_OF_TERMS = "END OF TERMS AND CONDITIONS"


def _with_bare_terms(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The texts, and those with an appendix once more without it, as many copies have them."""
    bare = [
        {**row, "text": row["text"][: row["text"].index(_END_OF_TERMS)]}
        for row in rows
        if row["kind"] == "license" and 2000 < row["text"].find(_END_OF_TERMS) < len(row["text"]) - 200
    ]
    return rows + bare


def _reference_rows() -> list[dict[str, Any]]:
    return [*_with_bare_terms(raw_texts()["texts"]), *database()["texts"]]  # type: ignore[arg-type]


def reference_text(number: int) -> bytes:
    """The text of reference `number` of the index, as it was indexed."""
    return template(str(_reference_rows()[number]["text"]))


@lru_cache(maxsize=1)
def spelling() -> dict[str, str]:
    """Lower-case SPDX id to the id, for every text of the list."""
    rows: list[dict[str, list[str]]] = raw_texts()["texts"]  # type: ignore[assignment]
    return {i.lower(): i for row in rows for i in row["ids"]}


@numba.njit(cache=True)
def _fill(table, slots, keys):  # type: ignore[no-untyped-def]
    mask = np.uint64(table.size - 1)
    for k in range(keys.size):
        if keys[k] == 0:
            continue
        i = keys[k] & mask
        while table[i] != 0:
            i = (i + np.uint64(1)) & mask
        table[i] = keys[k]
        slots[i] = k


@numba.njit(cache=True, nogil=True)
def find_hashes(table, slots, wanted):  # type: ignore[no-untyped-def]
    mask = np.uint64(table.size - 1)
    out = np.empty(wanted.size, np.int32)
    for n in range(wanted.size):
        i = wanted[n] & mask
        out[n] = -1
        while table[i] != 0:
            if table[i] == wanted[n]:
                out[n] = slots[i]
                break
            i = (i + np.uint64(1)) & mask
    return out


def _empty_table(count: int) -> Table:
    size = 1 << (2 * max(1, count) - 1).bit_length()
    return Table(np.zeros(size, np.uint64), np.zeros(size, np.int32))


def hash_table(hashes: NDArray[np.uint64]) -> Table:
    """A table that gives each of the different `hashes` its place in the array; zeros are left out."""
    table = _empty_table(len(hashes))
    _fill(table.hashes, table.numbers, hashes)
    return table


def lookup(table: Table, wanted: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Number of each hash, -1 where there is none."""
    result: NDArray[np.int32] = find_hashes(table.hashes, table.numbers, wanted)
    return result


@numba.njit(cache=True)
def _numbered(hashes, table, slots):  # type: ignore[no-untyped-def]
    """A number for each hash by the order in which they come up, and how many there are."""
    mask = np.uint64(table.size - 1)
    out = np.empty(hashes.size, np.int32)
    count = 0
    for n in range(hashes.size):
        wanted = max(hashes[n], np.uint64(1))
        i = wanted & mask
        while table[i] != 0 and table[i] != wanted:
            i = (i + np.uint64(1)) & mask
        if table[i] == 0:
            table[i] = wanted
            slots[i] = count
            count += 1
        out[n] = slots[i]
    return out, count


@numba.njit(cache=True)
def _rarest(values, bounds, count):  # type: ignore[no-untyped-def]
    """The different values of each row, those that the fewest rows have first: (values, bounds)."""
    owner = np.full(count, -1, np.int32)
    frequency = np.zeros(count, np.int64)
    different = np.empty(values.size, np.int64)
    starts = np.zeros(bounds.size, np.int64)
    n = 0
    for row in range(bounds.size - 1):
        for p in range(bounds[row], bounds[row + 1]):
            if owner[values[p]] != row:
                owner[values[p]] = row
                frequency[values[p]] += 1
                different[n] = values[p]
                n += 1
        starts[row + 1] = n
    for row in range(bounds.size - 1):
        own = different[starts[row] : starts[row + 1]]
        own[:] = np.sort((frequency[own] << 32) | own) & 0xFFFFFFFF
    return different[:n].astype(np.int32), starts


@numba.njit(cache=True)
def _postings(values, bounds, posted, count):  # type: ignore[no-untyped-def]
    """For each value the rows that have it among their first `posted`."""
    first = np.zeros(count + 1, np.int64)
    for row in range(posted.size):
        for p in range(bounds[row], bounds[row] + posted[row]):
            first[values[p] + 1] += 1
    first = np.cumsum(first)
    at = first[:-1].copy()
    owners = np.empty(first[-1], np.int32)
    for row in range(posted.size):
        for p in range(bounds[row], bounds[row] + posted[row]):
            owners[at[values[p]]] = row
            at[values[p]] += 1
    return owners, first


@lru_cache(maxsize=1)
def index() -> Index:
    """Index of all reference texts; takes about half a second, once a process."""
    rows = _reference_rows()
    hashes, bounds = words_of([template(str(row["text"])) for row in rows])
    sizes = np.diff(bounds)
    every = grams(hashes)
    ngrams = [every[first : max(first, last - GRAM + 1)] for first, last in itertools.pairwise(bounds)]
    together = np.concatenate(ngrams)
    bounds = np.cumsum([0, *(len(g) for g in ngrams)])
    keys, count = _numbered(together, *_empty_table(len(together)))
    unique = np.zeros(count, np.uint64)
    unique[keys] = together
    rarest = Grams(*_rarest(keys, bounds, count))
    references = tuple(
        Reference(tuple(row["ids"]), str(row["kind"]), int(size), str(row["text"]))
        for row, size in zip(rows, sizes, strict=True)
    )
    posted = np.ceil(POSTED * np.diff(rarest.bounds)).astype(np.int64)
    postings = Grams(*_postings(*rarest, posted, count))
    return Index(references, hash_table(unique), Grams(keys, bounds), rarest, posted, postings)


def gram_width() -> int:
    """Words to a gram of the index."""
    return GRAM
