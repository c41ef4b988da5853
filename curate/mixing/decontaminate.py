"""Documents that share long runs of words with evaluation tasks: found by hashed n-grams.

Brown et al. 2020 (GPT-3, appendix C) call a document contaminated when it shares an n-gram of 13 words with a
test set, after lower-casing and dropping punctuation. That rule, with one difference: the whole document is
removed, not a window around the hit. Evaluation texts of fewer than n words can't be matched this way; they
are counted as `too_short`.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.errors import InputError, UsageError
from curate.files import storage

NGRAM = 13
BUNDLED = ("train_probe", "tasks")
"""Package and folder of the evaluation tasks that come with the probe trainer."""
PACKAGE = "package://"
ENDINGS = (".jsonl", ".jsonl.gz")
U64 = NDArray[np.uint64]


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of some evaluation tasks, as an open hash table."""

    table: U64
    """uint64 [a power of two]: hashes at their places, 0 where there is none; at most half full."""
    ngram: int
    distinct: int
    texts: int
    too_short: int
    """Evaluation texts of fewer than `ngram` words."""
    digest: str
    """Of the n-grams and n: what the hits depend on."""


def bundled() -> list[str]:
    """The evaluation tasks that are installed with the probe trainer, as PACKAGE:// names; empty without them."""
    try:
        found = [item.name for item in _folder().iterdir() if item.name.endswith(".jsonl")]
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError):
        return []
    return [PACKAGE + name for name in sorted(found)]


def _folder() -> Any:
    package, folder = BUNDLED
    return resources.files(package) / folder


def _read(path: str) -> bytes:
    """A file by path, by URL, or out of the trainer's package (which may be a zip on the machines of a cluster)."""
    try:
        if path.startswith(PACKAGE):
            data: bytes = (_folder() / path.removeprefix(PACKAGE)).read_bytes()
            return data
        return storage.read_bytes(path)
    except OSError as error:
        raise InputError(f"evaluation tasks {path}: {error}") from error


def load(paths: Sequence[str], ngram: int = NGRAM) -> Ngrams:
    """The n-grams of all strings in these JSON lines (files, or folders of *.jsonl).

    Raises UsageError for an `ngram` outside 2..100, InputError for a file that is missing or holds no JSON.
    """
    if not 2 <= ngram <= 100:
        raise UsageError(f"--ngram must lie between 2 and 100, got {ngram}")
    named = [(path, _read(path)) for path in files(paths)]
    key = (*(hashlib.sha256(data).hexdigest() for _, data in named), ngram)
    if key not in _loaded:
        if len(_loaded) >= 2:
            _loaded.clear()
        _loaded[key] = _make(named, ngram)
    return _loaded[key]


_loaded: dict[tuple[object, ...], Ngrams] = {}


def files(paths: Sequence[str]) -> list[str]:
    """The files that are named, and the *.jsonl and *.jsonl.gz in folders. Raises InputError for a folder without."""
    found: list[str] = []
    for path in paths:
        folder = Path(path)
        inside = sorted(str(file) for end in ENDINGS for file in folder.rglob(f"*{end}")) if folder.is_dir() else [path]
        if not inside:
            raise InputError(f"evaluation tasks {path}: no .jsonl files in this folder")
        found += inside
    return found


def _make(named: Sequence[tuple[str, bytes]], ngram: int) -> Ngrams:
    from curate.mixing.ngrams import fill, hash_ngrams

    texts, short, found = 0, 0, []
    for path, data in named:
        for text in strings(path, data):
            hashes = hash_ngrams(np.frombuffer(text.lower().encode("utf-8", "replace"), np.uint8), ngram)
            texts += 1
            short += not len(hashes)
            found.append(hashes)
    distinct = np.unique(np.concatenate(found)) if found else np.zeros(0, np.uint64)
    size = 1 << max(4, int(2 * len(distinct)).bit_length())
    digest = hashlib.sha256(distinct.tobytes() + bytes([ngram])).hexdigest()[:16]
    return Ngrams(fill(np.zeros(size, np.uint64), distinct), ngram, len(distinct), texts, short, digest)


def strings(path: str, data: bytes | None = None) -> Iterator[str]:
    """Every string value in the records of a file of JSON lines, however deep. Raises InputError for what is no
    JSON."""
    for _, record in records(path, data):
        yield from texts_in(record)


def records(path: str, data: bytes | None = None) -> Iterator[tuple[int, Any]]:
    """(line, record) of a file of JSON lines, also packed by gzip. Raises InputError for what is no JSON."""
    content = _read(path) if data is None else data
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"evaluation tasks {path}: damaged gzip: {error}") from error
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"evaluation tasks {path}, line {number}: not JSON: {error}") from error
        yield number, record


def texts_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)


def hits(ngrams: Ngrams, texts: pa.Array) -> NDArray[np.int32]:
    """int32 [documents]: how many n-grams of each text (large_string, no nulls) occur in the tasks."""
    from curate.mixing.ngrams import count_hits

    if not ngrams.distinct or not len(texts):
        return np.zeros(len(texts), np.int32)
    texts = _lowered(texts)
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    found: NDArray[np.int32] = count_hits(data, offsets, ngrams.table, ngrams.ngram)
    return found


def _lowered(texts: pa.Array) -> pa.Array:
    """Texts in lower case; the kernel itself does that for ASCII."""
    if pc.all(pc.string_is_ascii(texts)).as_py():
        return texts
    return pa.array([text if text.isascii() else text.lower() for text in texts.to_pylist()], pa.large_string())


def contaminated(ngrams: Ngrams, text: str) -> int:
    """How many n-grams of one text occur in the tasks."""
    return int(hits(ngrams, pa.array([text], pa.large_string()))[0])
