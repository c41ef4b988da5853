"""Parquet with a `text` column to token files: read, hold out, tokenize once.

Needs pyarrow and tokenizers; what it writes is trained on with torch and numpy alone.  A document is known by its
`id` column, or by its text where there is none.  Held-out documents are chosen by hash, never by position, and
are kept out of every corpus both by id and by text, so a copy under another id does not leak either.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from train_probe.data import DOCUMENTS
from train_probe.errors import ProbeError
from train_probe.tokenizer import Tokenizer

_BATCH = 512


class Text(NamedTuple):
    """One document of a corpus."""

    key: int
    """64-bit hash of the id, or of the text where there is no id."""
    digest: int
    """64-bit hash of the text."""
    text: str
    source: str


_SHINGLE = 13
"""Words; GPT-3's unit for the overlap of training and test texts (Brown et al. 2020, appendix C)."""


@dataclass
class HeldOut:
    """Documents that must not be trained on: hashes of ids, of texts, and of runs of 13 words."""

    keys: set[int] = field(default_factory=set)
    digests: set[int] = field(default_factory=set)
    _runs: dict[int, list[int]] = field(default_factory=dict)
    _sizes: list[int] = field(default_factory=list)

    def reason(self, doc: Text) -> str | None:
        """Why this document can't be trained on; None when it can.

        A near copy shares half the runs of 13 words of the shorter of the two.
        """
        if doc.key in self.keys or doc.digest in self.digests:
            return "held out"
        runs = _runs(doc.text)
        hits = Counter(owner for run in runs for owner in self._runs.get(run, ()))
        near = any(2 * n >= min(len(runs), self._sizes[owner]) for owner, n in hits.items())
        return "near copy of held out" if near else None

    def add(self, doc: Text) -> None:
        """Hold it out."""
        self.keys.add(doc.key)
        self.digests.add(doc.digest)
        runs = _runs(doc.text)
        for run in runs:
            self._runs.setdefault(run, []).append(len(self._sizes))
        self._sizes.append(len(runs))


def _runs(text: str) -> set[int]:
    words = text.casefold().split()
    return {hash(tuple(words[i : i + _SHINGLE])) for i in range(len(words) - _SHINGLE + 1)}


def hash64(text: str | bytes) -> int:
    """The first 8 bytes of the BLAKE2b hash of a text in UTF-8."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a corpus: those in `data/` where there is such a folder, else all below it.

    Raises ProbeError when there are none.
    """
    if folder.is_file():
        return [folder]
    root = folder / "data" if (folder / "data").is_dir() else folder
    found = sorted(p for p in root.rglob("*.parquet") if "rejected" not in p.relative_to(root).parts)
    if not found:
        raise ProbeError(f"{folder}: no Parquet files here or in its data/")
    return found


def read(folder: Path, skipped: Counter[str] | None = None) -> Iterator[Text]:
    """All documents of a corpus.  Rows without text are counted in `skipped` under "empty".

    Raises ProbeError for a file that can't be read or has no column `text` of strings.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in parquet_files(folder):
        try:
            file = pq.ParquetFile(path)
            names = set(file.schema_arrow.names)
            if "text" not in names:
                raise ProbeError(f"{path}: no column 'text'; it has {', '.join(sorted(names))}")
            columns = [name for name in ("id", "text", "source", "verdict") if name in names]
            for batch in file.iter_batches(_BATCH, columns=columns):
                yield from _documents(batch.to_pydict(), folder.name, skipped)
        except (pa.ArrowException, OSError) as error:
            raise ProbeError(f"{path}: can't be read as Parquet ({error})") from None


def _documents(columns: dict[str, list[Any]], name: str, skipped: Counter[str] | None) -> Iterator[Text]:
    count = len(columns["text"])
    ids = columns.get("id", [None] * count)
    sources = columns.get("source", [None] * count)
    verdicts = columns.get("verdict", [None] * count)
    for ident, text, source, verdict in zip(ids, columns["text"], sources, verdicts, strict=True):
        if not isinstance(text, str) or not text:
            if skipped is not None:
                skipped["empty"] += 1
        elif verdict not in (None, "kept"):
            if skipped is not None:
                skipped["rejected"] += 1
        else:
            digest = hash64(text)
            yield Text(hash64(str(ident)) if ident is not None else digest, digest, text, str(source or name))


def choose_held_out(folders: Iterable[Path], max_bytes: int, share: float) -> list[Text]:
    """Documents to hold out of each source of these corpora, in the order of a hash.

    Of every source in every folder at most `max_bytes` bytes and at most `share` of its bytes (but one document at
    least); a text that occurs twice is taken once.
    """
    chosen: dict[int, Text] = {}
    for folder in folders:
        sizes: dict[str, list[tuple[int, int, int]]] = {}
        for doc in read(folder):
            row = (hash64(b"held out" + doc.key.to_bytes(8, "big")), doc.digest, len(doc.text.encode()))
            sizes.setdefault(doc.source, []).append(row)
        wanted = {digest for rows in sizes.values() for digest in _first_bytes(sorted(set(rows)), max_bytes, share)}
        for doc in read(folder):
            if doc.digest in wanted:
                chosen.setdefault(doc.digest, doc)
    return sorted(chosen.values(), key=lambda doc: (doc.source, doc.key, doc.digest))


def _first_bytes(rows: list[tuple[int, int, int]], max_bytes: int, share: float) -> list[int]:
    room = min(max_bytes, share * sum(size for _, _, size in rows))
    taken: list[int] = []
    used = 0
    for _, digest, size in rows:
        if taken and used + size > room:
            continue
        taken.append(digest)
        used += size
    return taken


def sample_bytes(folders: Collection[Path], max_bytes: int) -> list[str]:
    """Texts to train a tokenizer on: as many bytes of each corpus, chosen by hash, so that none is favoured."""
    texts: list[str] = []
    for folder in folders:
        docs = sorted({(hash64(b"sample" + d.key.to_bytes(8, "big")), d.text) for d in read(folder)})
        room = max_bytes // max(1, len(folders))
        for _, text in docs:
            if room <= 0:
                break
            texts.append(text)
            room -= len(text.encode())
    return texts


def write_tokens(
    docs: Iterable[Text],
    tokenizer: Tokenizer,
    out: Path,
    held_out: HeldOut | None = None,
    skipped: Counter[str] | None = None,
) -> dict[str, Any]:
    """Tokenize documents into the token file `out`; returns its meta.json.

    Documents are ordered by hash, so the bytes written do not depend on the order of `docs`.
    """
    skipped = Counter() if skipped is None else skipped
    out.mkdir(parents=True, exist_ok=True)
    dtype = np.dtype("<u2" if tokenizer.size <= 65_536 else "<u4")
    unsorted = out / f"tokens.tmp-{os.getpid()}"
    rows: list[tuple[int, int, int, int, int, int]] = []
    sources: dict[str, int] = {}
    with unsorted.open("wb") as stream:
        start = 0
        for group in _groups(_kept(docs, held_out, skipped)):
            for doc, ids in zip(group, tokenizer.encode([d.text for d in group]), strict=True):
                stream.write(np.array([tokenizer.end, *ids], dtype=dtype).tobytes())
                index = sources.setdefault(doc.source, len(sources))
                rows.append((doc.key, doc.digest, start, len(ids) + 1, len(doc.text.encode()), index))
                start += len(ids) + 1
    documents, names = _sorted_documents(rows, sources)
    total = _copy_sorted(unsorted, documents, out / "tokens.bin", dtype)
    unsorted.unlink()
    np.save(out / "documents.npy", documents)
    meta = {
        "version": 1,
        "tokenizer": tokenizer.digest,
        "size": tokenizer.size,
        "end": tokenizer.end,
        "mask": tokenizer.mask,
        "dtype": dtype.str,
        "documents": len(documents),
        "tokens": total,
        "bytes": int(documents["bytes"].sum()),
        "sources": names,
        "skipped": dict(sorted(skipped.items())),
        "fingerprint": hashlib.sha256(documents.tobytes() + (out / "tokens.bin").read_bytes()).hexdigest()[:16],
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
    return meta


def _kept(docs: Iterable[Text], held_out: HeldOut | None, skipped: Counter[str]) -> Iterator[Text]:
    for doc in docs:
        reason = held_out.reason(doc) if held_out is not None else None
        if reason is not None:
            skipped[reason] += 1
        else:
            yield doc


def _groups(docs: Iterable[Text]) -> Iterator[list[Text]]:
    group: list[Text] = []
    for doc in docs:
        group.append(doc)
        if len(group) == _BATCH:
            yield group
            group = []
    if group:
        yield group


def _sorted_documents(
    rows: list[tuple[int, int, int, int, int, int]], sources: dict[str, int]
) -> tuple[np.ndarray[Any, Any], list[str]]:
    """The table of documents in the order of (key, text), sources renumbered by name.  `start` is still the old place."""
    names = sorted(sources)
    renumbered = {sources[name]: i for i, name in enumerate(names)}
    rows.sort(key=lambda r: (r[0], r[1], names[renumbered[r[5]]]))
    documents = np.zeros(len(rows), dtype=DOCUMENTS)
    copies: Counter[int] = Counter()
    for i, (key, _, start, tokens, size, source) in enumerate(rows):
        documents[i] = (key, start, tokens, size, renumbered[source], copies[key])
        copies[key] += 1
    return documents, names


def _copy_sorted(unsorted: Path, documents: np.ndarray[Any, Any], out: Path, dtype: np.dtype[Any]) -> int:
    """Write the documents' tokens in their order and set `start` to the new places; returns the number of tokens."""
    place = 0
    held = np.memmap(unsorted, dtype=dtype, mode="r") if len(documents) else np.empty(0, dtype)
    with out.open("wb") as stream:
        for row in documents:
            begin, count = int(row["start"]), int(row["tokens"])
            stream.write(held[begin : begin + count].tobytes())
            row["start"] = place
            place += count
    return place
