"""Where the bits of held-out text come from: by byte class, position, source and language.

Bits of a token are spread evenly over its bytes; every byte has one class, one position and one document.  So the parts of
each division add up to the total exactly, and the difference of two models is the sum of its parts.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe.data import TokenFile
from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.inputs import Text
from train_probe.tokenizer import Tokenizer, token_bytes

CLASSES = ("letters", "digits", "punctuation", "white space", "URLs", "non-ASCII")
POSITIONS = (0, 256, 1024, 4096, 16384, 65536)
"""Bytes from the beginning of a document: where a range begins."""
_URL = re.compile(rb"(?:https?://|www\.)[^\s\"'<>]+")
_TABLE = np.full(256, CLASSES.index("punctuation"), dtype=np.uint8)
_TABLE[[*range(65, 91), *range(97, 123)]] = CLASSES.index("letters")
_TABLE[48:58] = CLASSES.index("digits")
_TABLE[[9, 10, 11, 12, 13, 32]] = CLASSES.index("white space")
_TABLE[128:] = CLASSES.index("non-ASCII")

Bytes = NDArray[np.uint8]


def byte_classes(text: str) -> Bytes:
    """The class of each byte of a text in UTF-8, as a number into CLASSES."""
    data = text.encode()
    found: Bytes = _TABLE[np.frombuffer(data, np.uint8)]
    for url in _URL.finditer(data):
        found[url.start() : url.end()] = CLASSES.index("URLs")
    return found


def write(docs: Sequence[Text], tokenizer: Tokenizer, file: TokenFile) -> None:
    """Beside a token file of these documents: bytes of each token by class, and the language of each document.

    `classes.npy` [tokens, classes], `languages.npy` [documents], their names in `parts.json`.
    """
    known = {(doc.key, len(doc.text.encode()), doc.source): doc for doc in docs}
    classes = np.zeros((len(file.tokens), len(CLASSES)), dtype=np.uint32)
    sizes = np.array(token_bytes(tokenizer), dtype=np.int64)
    languages = sorted({doc.language for doc in docs})
    spoken = np.zeros(len(file.documents), dtype=np.int32)
    for i, row in enumerate(file.documents):
        doc = known[int(row["key"]), int(row["bytes"]), file.sources[row["source"]]]
        start, count = int(row["start"]), int(row["tokens"])
        ends = _ends(doc.text, file.tokens[start : start + count], sizes, tokenizer)
        classes[start : start + count] = _counted(byte_classes(doc.text), ends)
        spoken[i] = languages.index(doc.language)
    np.save(file.path / "classes.npy", classes)
    np.save(file.path / "languages.npy", spoken)
    (file.path / "parts.json").write_text(json.dumps({"classes": CLASSES, "languages": languages}), encoding="utf-8")


def _ends(text: str, tokens: NDArray[np.integer], sizes: NDArray[np.int64], tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Where in the bytes of a text each token ends: by the bytes of its tokens, or by what the tokenizer says.

    Tokenizers that are not byte-level say characters; a token that ends inside one ends behind it.
    """
    ends = np.cumsum(sizes[tokens])
    total = len(text.encode())
    if ends[-1] == total:
        return ends
    starts = np.cumsum([0, *(len(c.encode()) for c in text)])
    offsets = tokenizer.inner.encode(text, add_special_tokens=False).offsets
    ends = np.maximum.accumulate(np.array([0, *(int(starts[b]) for _, b in offsets)]))
    ends[-1] = total
    return ends


def _counted(classes: Bytes, ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many bytes of each class each token has, [tokens, classes]."""
    before = np.zeros((len(classes) + 1, len(CLASSES)), dtype=np.int64)
    before[1:] = np.cumsum(classes[:, None] == np.arange(len(CLASSES)), axis=0)
    return np.diff(before[ends], axis=0, prepend=0)


@dataclass(frozen=True)
class Part:
    """Bits and bytes of one part of the held-out text."""

    bits: float
    bytes: float


Parts = dict[str, dict[str, Part]]


def measure(file: TokenFile, nats: NDArray[np.float64]) -> Parts:
    """Bits and bytes by division and part, from the nats of each token of the file (0 for end tokens).

    Bits of tokens without bytes (some tokenizers have them) go to the byte before, or behind at the beginning.
    """
    try:
        names = json.loads((file.path / "parts.json").read_text(encoding="utf-8"))
        classes = np.load(file.path / "classes.npy")
        languages = np.load(file.path / "languages.npy")
    except DAMAGE as error:
        raise ProbeError(
            f"{file.path}: prepared by another version ({shortly(error)}); choose another --output"
        ) from None
    bits = nats / np.log(2)
    sizes = classes.sum(axis=1).astype(np.int64)
    bits = _to_bytes(bits, sizes, file)
    per_byte = np.divide(bits, sizes, out=np.zeros(len(bits)), where=sizes > 0)
    owner = np.repeat(np.arange(len(file.documents)), file.documents["tokens"].astype(np.int64))
    ends = np.cumsum(sizes)
    starts = (ends - sizes) - np.concatenate([[0], ends])[file.documents["start"]][owner]
    source = file.documents["source"][owner]
    found: Parts = {
        "byte class": {
            name: Part(float((per_byte * classes[:, i]).sum()), float(classes[:, i].sum()))
            for i, name in enumerate(names["classes"])
        },
        "position": _by_position(bits, per_byte, starts, sizes),
        "source": _by(bits, sizes, source, file.sources),
    }
    if len(names["languages"]) > 1:
        found["language"] = _by(bits, sizes, languages[owner], [n or "not given" for n in names["languages"]])
    return {division: {n: p for n, p in parts.items() if p.bytes or p.bits} for division, parts in found.items()}


def _to_bytes(bits: NDArray[np.float64], sizes: NDArray[np.int64], file: TokenFile) -> NDArray[np.float64]:
    """The bits of tokens without bytes moved to the nearest token before that has some, else behind, of a document."""
    if not (bits[sizes == 0] != 0).any():
        return bits
    moved = bits.copy()
    for row in file.documents:
        first, count = int(row["start"]), int(row["tokens"])
        have = np.flatnonzero(sizes[first : first + count])
        if len(have):
            at = have[np.maximum(np.searchsorted(have, np.arange(count), side="right") - 1, 0)]
            moved[first : first + count] = np.bincount(at, bits[first : first + count], minlength=count)
    return moved


def _by(
    bits: NDArray[np.float64], sizes: NDArray[np.int64], group: NDArray[np.generic], names: Sequence[str]
) -> dict[str, Part]:
    sums = [np.bincount(group, x, minlength=len(names)) for x in (bits, sizes)]
    return {name: Part(float(sums[0][i]), float(sums[1][i])) for i, name in enumerate(names)}


def _by_position(
    bits: NDArray[np.float64],
    per_byte: NDArray[np.float64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> dict[str, Part]:
    """A token that lies across a border gives each side the bits of its bytes there."""
    found = {}
    for i, begin in enumerate(POSITIONS):
        end = POSITIONS[i + 1] if i + 1 < len(POSITIONS) else None
        inside = np.maximum(starts + sizes if end is None else np.minimum(starts + sizes, end), begin) - np.maximum(
            starts, begin
        )
        inside = np.clip(inside, 0, None)
        name = f"{begin:,} to {end - 1:,}" if end else f"from {begin:,}"
        found[name] = Part(float((per_byte * inside).sum()), float(inside.sum()))
    return found


def to_json(parts: Parts) -> dict[str, dict[str, list[float]]]:
    """As [bits, bytes]."""
    return {d: {n: [p.bits, p.bytes] for n, p in some.items()} for d, some in parts.items()}


def contributions(saved: dict[str, list[float]]) -> dict[str, float]:
    """Bits of each part over the bytes of all: they add up to the bits per byte of the whole."""
    whole = sum(size for _, size in saved.values())
    return {name: bits / whole for name, (bits, _) in saved.items()}


SHOWN = 0.00005
"""Bits per byte below which a difference is shown as 0."""


def largest(a: list[dict[str, Any]], b: list[dict[str, Any]], names: tuple[str, str]) -> list[str]:
    """For each division a sentence: which part has most of the difference of two mixtures, means over runs.

    `a`, `b`: what `to_json` gave for each run.
    """
    sentences = []
    for division in a[0]:
        if any(division not in run for run in (*a, *b)) or len(a[0][division]) < 2:
            continue
        sides = [_mean([contributions(run[division]) for run in side]) for side in (a, b)]
        differences = {part: sides[0][part] - sides[1].get(part, 0.0) for part in sides[0]}
        total = sum(differences.values())
        part = max(differences, key=lambda p: abs(differences[p]))
        if abs(total) < SHOWN and abs(differences[part]) < SHOWN:
            continue
        text = a[0][division][part][1] / sum(size for _, size in a[0][division].values())
        sentences.append(
            f"by {division}: {differences[part]:+.4f} of the difference of {total:+.4f} ({names[0]} - {names[1]}) is in "
            f"{part!r}, which is {text:.0%} of the held-out bytes"
        )
    return sentences


def _mean(runs: list[dict[str, float]]) -> dict[str, float]:
    return {part: float(np.mean([run.get(part, 0.0) for run in runs])) for part in runs[0]}
