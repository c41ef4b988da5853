"""Documents to token files: leave out what is held out, tokenize once.

Needs pyarrow and tokenizers; what it writes is trained on with torch and numpy alone.  Everything streams: what is kept in
memory is a table of 38 bytes a document.  The tokenizer works on all cores.
"""

import hashlib
import itertools
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe.data import DOCUMENTS, TokenFile
from train_probe.errors import ProbeError
from train_probe.held_out import HeldOut, choose_held_out
from train_probe.inputs import BATCH, Text, hash64, read
from train_probe.tokenizer import Tokenizer

__all__ = ["HeldOut", "Text", "choose_held_out", "hash64", "packed", "read", "sample_bytes", "write_tokens"]

_ROW = np.dtype(
    [("key", "<u8"), ("digest", "<u8"), ("start", "<i8"), ("tokens", "<i4"), ("bytes", "<i8"), ("source", "<i2")]
)
_PIECE = 1 << 22
"""Tokens copied at once."""
Group = tuple[list[Text], list[NDArray[Any]]]
"""Some documents, and their ids led by the end token."""


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
    return _write(_ahead(_groups(docs, held_out, skipped), tokenizer), tokenizer, out, skipped)


def _ahead(groups: Iterable[list[Text]], tokenizer: Tokenizer) -> Iterator[Group]:
    """Documents are read and compared here while others are tokenized, on all other cores."""
    with ThreadPoolExecutor(1) as pool:
        before: Future[Group] | None = None
        for group in groups:
            now = pool.submit(_tokenized, group, tokenizer)
            if before is not None:
                yield before.result()
            before = now
        if before is not None:
            yield before.result()


def packed(folder: Path, tokenizer: Tokenizer) -> TokenFile | None:
    """The token file `tokens/` that `curate mix --tokenize` wrote beside a mixture, when it is of this tokenizer."""
    try:
        file = TokenFile.open(folder / "tokens")
    except ProbeError:
        return None
    same = all(file.meta.get(k) == v for k, v in (("tokenizer", tokenizer.digest), ("end", tokenizer.end)))
    return file if same else None


def write_packed(
    docs: Iterable[Text],
    file: TokenFile,
    tokenizer: Tokenizer,
    out: Path,
    held_out: HeldOut | None = None,
    skipped: Counter[str] | None = None,
) -> dict[str, Any]:
    """As `write_tokens`, with the ids taken from a token file that has the same documents.

    A document is looked up by its key and its length in bytes; one that is not there is tokenized.
    """
    skipped = Counter() if skipped is None else skipped
    order = np.lexsort((file.documents["bytes"], file.documents["key"]))
    names = file.documents[["key", "bytes"]][order]
    groups = (_looked_up(group, file, names, order, tokenizer) for group in _groups(docs, held_out, skipped))
    return _write(groups, tokenizer, out, skipped)


def _looked_up(
    group: list[Text], file: TokenFile, names: NDArray[np.void], order: NDArray[np.integer], tokenizer: Tokenizer
) -> Group:
    wanted = np.array([(doc.key, len(doc.text.encode())) for doc in group], dtype=names.dtype)
    keys = names["key"]
    found: list[NDArray[Any]] = []
    for doc, (key, size) in zip(group, wanted, strict=True):
        at = int(np.searchsorted(keys, key))
        while at < len(keys) and keys[at] == key and names["bytes"][at] < size:
            at += 1
        if at < len(keys) and keys[at] == key and names["bytes"][at] == size:
            found.append(file.document(int(order[at])))
        else:
            found += _tokenized([doc], tokenizer)[1]
    return group, found


def _tokenized(group: list[Text], tokenizer: Tokenizer) -> Group:
    ids = tokenizer.encode([doc.text for doc in group])
    sizes = np.array([len(one) + 1 for one in ids])
    led = itertools.chain.from_iterable(itertools.chain((tokenizer.end,), one) for one in ids)
    flat = np.fromiter(led, _dtype(tokenizer), int(sizes.sum()))
    return group, np.split(flat, np.cumsum(sizes)[:-1])


def _dtype(tokenizer: Tokenizer) -> np.dtype[np.integer]:
    return np.dtype("<u2" if tokenizer.size <= 65_536 else "<u4")


def _write(groups: Iterable[Group], tokenizer: Tokenizer, out: Path, skipped: Counter[str]) -> dict[str, object]:
    out.mkdir(parents=True, exist_ok=True)
    dtype = _dtype(tokenizer)
    unsorted = out / f"tokens.tmp-{os.getpid()}"
    tables: list[NDArray[Any]] = [np.empty(0, _ROW)]
    sources: dict[str, int] = {}
    start = 0
    with unsorted.open("wb") as stream:
        for docs, ids in groups:
            table = np.zeros(len(docs), _ROW)
            sizes = np.array([len(one) for one in ids], dtype=np.int64)
            np.concatenate([np.asarray(one, dtype) for one in ids]).tofile(stream)
            table["key"] = np.array([doc.key for doc in docs], np.uint64)
            table["digest"] = np.array([doc.digest for doc in docs], np.uint64)
            table["bytes"] = [len(doc.text.encode()) for doc in docs]
            table["source"] = [sources.setdefault(doc.source, len(sources)) for doc in docs]
            table["tokens"], table["start"] = sizes, start + np.cumsum(sizes) - sizes
            start += int(sizes.sum())
            tables.append(table)
            if len(sources) > 32_767:
                raise ProbeError(f"{out}: more than 32,767 sources; leave the column 'source' out")
    documents, names = _sorted_documents(np.concatenate(tables), sources)
    digest = _copy_sorted(unsorted, documents, out / "tokens.bin", dtype)
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
        "tokens": start,
        "bytes": int(documents["bytes"].sum()),
        "sources": names,
        "skipped": dict(sorted(skipped.items())),
        "fingerprint": digest,
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
    return meta


def _groups(docs: Iterable[Text], held_out: HeldOut | None, skipped: Counter[str]) -> Iterator[list[Text]]:
    """Documents that may be trained on, some at a time."""
    waiting = iter(docs)
    while group := list(itertools.islice(waiting, BATCH)):
        reasons = held_out.reasons(group) if held_out is not None else [None] * len(group)
        skipped.update(reason for reason in reasons if reason is not None)
        kept = [doc for doc, reason in zip(group, reasons, strict=True) if reason is None]
        if kept:
            yield kept


def _sorted_documents(rows: NDArray[np.void], sources: dict[str, int]) -> tuple[NDArray[np.void], list[str]]:
    """The table of documents in the order of (key, text), sources renumbered by name.  `start` is still the old place."""
    names = sorted(sources)
    rank = np.zeros(len(names), np.int64)
    rank[[sources[name] for name in names]] = np.arange(len(names))
    source = rank[rows["source"]] if len(rows) else rows["source"]
    order = np.lexsort((source, rows["digest"], rows["key"]))
    documents = np.zeros(len(rows), dtype=DOCUMENTS)
    for name in ("key", "start", "tokens", "bytes"):
        documents[name] = rows[name][order]
    documents["source"] = source[order]
    first = np.searchsorted(documents["key"], documents["key"], side="left")
    documents["copy"] = np.arange(len(rows)) - first
    return documents, names


def _copy_sorted(unsorted: Path, documents: NDArray[np.void], out: Path, dtype: np.dtype[np.integer]) -> str:
    """Write the documents' tokens in their order and set `start` to the new places; returns a digest of both."""
    begins, sizes = documents["start"].copy(), documents["tokens"].astype(np.int64)
    ends = np.cumsum(sizes)
    documents["start"] = ends - sizes
    digest = hashlib.sha256(documents.tobytes())
    held = np.memmap(unsorted, dtype=dtype, mode="r") if len(documents) else np.empty(0, dtype)
    with out.open("wb") as stream:
        first = 0
        while first < len(documents):
            done = int(ends[first] - sizes[first])
            last = max(first + 1, int(np.searchsorted(ends, done + _PIECE, side="right")))
            here = sizes[first:last]
            shift = np.repeat(begins[first:last] - documents["start"][first:last], here)
            piece = held[np.arange(done, done + int(here.sum())) + shift].tobytes()
            stream.write(piece)
            digest.update(piece)
            first = last
    return digest.hexdigest()[:16]
