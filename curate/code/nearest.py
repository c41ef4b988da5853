"""The known text that a text comes nearest to, and how the two differ: for people, since what differs at all is denied."""

from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curate.code.marks import unmarked
from curate.code.prose import copyright_lines
from curate.code.spdx import plain
from curate.code.texts import readable, spdx_data
from curate.code.tokens import Words, grams, words

WINDOW = 5
"""Words to a window."""
LEAST = 0.3
"""Share of a known text's windows that a text must have to be a changed copy of it."""
LONGEST = 20_000
"""Words of the longest texts that are compared."""
AROUND = 4
"""Words shown before and after a difference."""


class Difference(NamedTuple):
    """How a text differs from the known text nearest to it."""

    name: str
    """SPDX id."""
    lines: tuple[str, ...]
    """One a difference: words around it, `[-what the known text has-]`, `{+what this text has+}`."""


class _Windows(NamedTuple):
    names: tuple[str, ...]
    texts: tuple[str, ...]
    values: NDArray[np.uint64]
    """The different windows of all texts, those of a text together."""
    owners: NDArray[np.int64]


def _split(text: str) -> Words:
    """Words less those of copyright notices."""
    data = unmarked(readable(text.encode()))
    split = words(data)
    kept = np.ones(len(split.starts), np.bool_)
    for start, end in copyright_lines(data.decode("latin-1")):
        kept[slice(*np.searchsorted(split.starts, (start, end)))] = False
    return Words(split.hashes[kept], split.starts[kept], split.ends[kept])


@lru_cache(maxsize=1)
def _known() -> _Windows:
    rows = [row for row in spdx_data()["texts"] if row["kind"] != "exception"]
    texts = tuple(plain(row["template"], optional=False) for row in rows)
    windows = [np.unique(grams(_split(text).hashes, WINDOW)) for text in texts]
    owners = np.repeat(np.arange(len(rows)), [len(w) for w in windows])
    return _Windows(tuple(row["ids"][0] for row in rows), texts, np.concatenate(windows), owners)


def nearest(data: bytes) -> Difference | None:
    """The text of the SPDX list of which a text holds most; None where it holds too little of any.

    Args:
        data: The text as it is.
    """
    text = data.decode("utf-8", "replace")
    split = _split(text)
    own = np.unique(grams(split.hashes, WINDOW))
    known = _known()
    sizes = np.bincount(known.owners, minlength=len(known.names))
    shared = np.bincount(known.owners[np.isin(known.values, own)], minlength=len(known.names))
    fit = shared / np.maximum(1, sizes)
    best = int(np.argmax(fit * np.sqrt(shared)))
    if fit[best] < LEAST or len(split.hashes) > LONGEST:
        return None
    return Difference(known.names[best], _differences(known.texts[best], text))


def _spelled(text: str) -> list[str]:
    data = unmarked(readable(text.encode()))
    split = _split(text)
    return [data[a:b].decode("utf-8", "replace").lower() for a, b in zip(split.starts, split.ends, strict=True)]


def _differences(known: str, text: str) -> tuple[str, ...]:
    """What stands between the first and the last words that both have."""
    before, after = _spelled(known), _spelled(text)
    rows = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    same = [n for n, (kind, a, b, _, _) in enumerate(rows) if kind == "equal" and b - a >= WINDOW]
    lines = []
    for kind, a, b, c, d in rows[same[0] : same[-1] + 1] if same else []:
        if kind != "equal":
            lead, tail = " ".join(before[max(0, a - AROUND) : a]), " ".join(before[b : b + AROUND])
            cut = f"[-{' '.join(before[a:b])}-]" if a < b else ""
            put = f"{{+{' '.join(after[c:d])}+}}" if c < d else ""
            lines.append(" ".join(part for part in (lead, cut + put, tail) if part))
    return tuple(lines)
