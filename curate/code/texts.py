"""The texts that the detector knows, and how a text is made ready to be compared with them."""

import json
import lzma
import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.arrays import Arrays, of_strings, saved, strings
from curate.errors import InputError
from curate.filters.assets import AssetMissingError, find
from curate.filters.jit import Array, Number, compiled, compiled_making, inner

_ALIKE = {
    "‘’‚‛′`´ʼ": "'", "“”„‟″«»": '"', "‐‑‒–—―−": "-", "•·∙◦▪●○‣⁃": "*", "©": "(c)", "®™": " ",
    "…": "...", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "\xad\u200b\u200c\u200d\u2060\ufeff": "",
    "，": ", ", "；": "; ", "：": ": ", "（": " (", "）": ") ",
    "\xa0\u2002\u2003\u2007\u2009\u202f\u3000": " ", "\u2028\u2029\x85": " ", "§¶": " ",
}  # fmt: skip
"""Characters that the matching guidelines (quotes, dashes, bullets, white space, copyright symbol) take for each other; full-width marks."""
_MEANT = {c: value for row, value in _ALIKE.items() for c in row}
_FOREIGN = re.compile("[" + re.escape("".join(_MEANT)) + "]")
_STRUCK = re.compile(r"~~(?=\w)|</?(?:del|s|strike)>", re.I)
"""Markup that takes back the words inside it."""
_STRIKES = (b"~~", b"<del>", b"<DEL>", b"<s>", b"<S>", b"<strike>", b"<STRIKE>")


def readable(text: bytes) -> bytes:
    """A text in UTF-8 with the characters that SPDX's guidelines take for each other made one; lines stay as they are."""
    struck = (b"<" in text or b"~" in text) and any(mark in text for mark in _STRIKES)
    if text.isascii():
        return _STRUCK.sub(" struck ", text.decode("ascii")).encode() if struck else text
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        decoded = text.decode("utf-16", "replace")
    else:
        try:
            decoded = text.decode("utf-8")
        except UnicodeDecodeError:
            decoded = text.decode("cp1252", "replace")
    decoded = decoded.replace("Â§", " ").replace("Â©", "(c)") if "Â" in decoded else decoded  # encoded twice
    same = _FOREIGN.sub(lambda m: _MEANT[m.group()], decoded)
    return (_STRUCK.sub(" struck ", same) if struck else same).encode("utf-8", "replace")


def readables(texts: Sequence[str]) -> list[bytes]:
    """`readable` of many texts."""
    return [readable(text.encode()) for text in texts]


APART = "\n\n\x00\n\n"
"""What stands between texts that are read at one go: nothing goes on behind it."""


class Table(NamedTuple):
    """Hashes to numbers, by open addressing."""

    hashes: NDArray[np.uint64]
    """0 is empty."""
    numbers: NDArray[np.int32]


@lru_cache(maxsize=1)
def spdx_data() -> dict[str, Any]:
    """The shipped templates of the SPDX list (`curate.code.spdx`): source, equivalent words, texts."""
    data = (files("curate.filters") / "data" / "licenses-spdx-templates.json.xz").read_bytes()
    loaded: dict[str, Any] = json.loads(lzma.decompress(data))
    return loaded


def plainest(ids: Sequence[str]) -> str:
    """Of ids that share a text the one that permits least."""
    return min(ids, key=lambda i: ("or-later" in i, len(i), i))


@lru_cache(maxsize=1)
def variants() -> list[tuple[str, str]]:
    """(SPDX id, text) of the reviewed wordings in `filters/data/licenses-variants.txt`; names may stand for `{{…}}`."""
    text = (files("curate.filters") / "data" / "licenses-variants.txt").read_text(encoding="utf-8")
    blocks = re.split(r"(?m)^=== ", text)[1:]
    heads = ((block.split("\n", 1)[0], block.split("\n", 1)[1]) for block in blocks)
    return [(head.split(" | ")[0].strip(), body.strip()) for head, body in heads]


def database_file() -> Path:
    """Where the licence database is; InputError says how to get it."""
    try:
        return find("licensedb")
    except AssetMissingError as error:
        raise InputError(str(error)) from None


@lru_cache(maxsize=1)
def database() -> dict[str, Any]:
    """Texts and notices of ScanCode's licence database (`curate.code.database`)."""
    loaded: dict[str, Any] = json.loads(lzma.decompress(database_file().read_bytes()))
    return loaded


@lru_cache(maxsize=1)
def spelling() -> dict[str, str]:
    """Lower-case SPDX id to the id, for every text of the list."""
    return {name.lower(): name for name in strings("ids", saved("ids", lambda: of_strings("ids", _ids())))}


def _ids() -> list[str]:
    return [name for row in spdx_data()["texts"] for name in row["ids"]]


@compiled
def _fill(table: Array, slots: Array, keys: Array) -> None:
    mask = np.uint64(table.size - 1)
    for k in range(keys.size):
        if keys[k] == 0:
            continue
        i = keys[k] & mask
        while table[i] != 0:
            i = (i + np.uint64(1)) & mask
        table[i] = keys[k]
        slots[i] = k


@inner
def number_of(table: Array, numbers: Array, wanted: Number) -> Number:
    """The number that a table (hashes, numbers) has for a hash; -1 for none."""
    mask = np.uint64(table.size - 1)
    i = wanted & mask
    while table[i] != 0:
        if table[i] == wanted:
            return numbers[i]
        i = (i + np.uint64(1)) & mask
    return -1


@compiled_making
def find_hashes(table: Array, slots: Array, wanted: Array) -> Array:
    out = np.empty(wanted.size, np.int32)
    for n in range(wanted.size):
        out[n] = number_of(table, slots, wanted[n])
    return out


def hash_table(hashes: NDArray[np.uint64]) -> Table:
    """A table that gives each of the different `hashes` its place in the array; zeros are left out."""
    size = 1 << (2 * max(1, len(hashes)) - 1).bit_length()
    table = Table(np.zeros(size, np.uint64), np.zeros(size, np.int32))
    _fill(table.hashes, table.numbers, hashes)
    return table


def of_table(name: str, table: Table) -> Arrays:
    """A table as two arrays, for `curate.code.arrays.saved`."""
    return {name: table.hashes, f"{name}-numbers": table.numbers}


def table_of(name: str, arrays: Arrays) -> Table:
    """The table that `of_table` made arrays of."""
    return Table(arrays[name], arrays[f"{name}-numbers"])


def lookup(table: Table, wanted: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Number of each hash, -1 where there is none."""
    return find_hashes(table.hashes, table.numbers, wanted)
