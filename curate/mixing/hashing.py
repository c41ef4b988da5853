"""The only source of chance in a mixture: hashes of (purpose, seed, source, id, epoch).

A document's `key` is a 64-bit hash of its id. Each use of chance (which documents are held out, in which
order they are drawn, where a draw lands in the shuffle) has numbers of its own, made from the key and a salt.
So the choice among the documents of one source depends neither on other sources nor on files, shards or
cores.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
FULL = 1 << 64
"""A threshold that every number is below."""

HELD_OUT = "held-out"
DRAW = "draw"
ORDER = "order"


def document_keys(ids: Iterable[str]) -> U64:
    """uint64 [documents]: XXH3 of each id (lone surrogates included)."""
    hashes = (xxhash.xxh3_64_intdigest(one.encode("utf-8", "surrogatepass")) for one in ids)
    return np.fromiter(hashes, np.uint64)


def content_id(text: str) -> str:
    """The id of a document that came without one: 32 hex digits of the 128-bit XXH3 of its text."""
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))


def filled_ids(ids: pa.Array, texts: pa.Array) -> pa.Array:
    """The ids, with one made from the text where there is none."""
    absent = ids.is_null()
    if not pc.any(absent).as_py():
        return ids
    made = pa.array([content_id(text) for text in texts.filter(absent).to_pylist()], pa.large_string())
    return pc.replace_with_mask(ids, absent, made)


def numbers(keys: U64, purpose: str, seed: int, source: str, epoch: int) -> U64:
    """uint64 [documents], uniform: the draw of each key for one purpose, seed, source and epoch."""
    label = "\0".join((purpose, str(seed), source, str(epoch))).encode("utf-8", "surrogatepass")
    salt = xxhash.xxh3_128_intdigest(label)
    first, second = np.uint64(salt & (FULL - 1)), np.uint64(salt >> 64)
    return _finish(_finish(keys ^ first) + second)


def below(values: U64, threshold: int) -> NDArray[np.bool_]:
    """Which numbers lie below a threshold in 0..2**64."""
    if threshold >= FULL:
        return np.ones(len(values), np.bool_)
    return values < np.uint64(threshold)


def held_out(keys: U64, fraction: float) -> NDArray[np.bool_]:
    """Which documents no mixture may draw from: by id alone, whatever the seed, the source's name or the
    weights."""
    return below(numbers(keys, HELD_OUT, 0, "", 0), round(fraction * FULL))


def _finish(values: U64) -> U64:
    """The finalizer of MurmurHash3 (64 bits): a bijection in which each input bit moves half of the output
    bits."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
