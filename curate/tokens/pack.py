"""Packed token ids, in the folder that the probe trainer memory-maps.

`tokens.bin`: the documents, each led by the end token, one after another, uint16 where the vocabulary allows,
else uint32, little-endian. `documents.npy`: a table of where each begins. `meta.json`: what wrote it.
Documents stand in the order of the global shuffle.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import UsageError
from curate.files import storage
from curate.tokens import tokenizer
from curate.tokens.tokenizer import TokenizerFile

DOCUMENTS = np.dtype(
    [("key", "<u8"), ("start", "<i8"), ("tokens", "<i4"), ("bytes", "<i8"), ("source", "<i2"), ("copy", "<i4")]
)
"""key: hash of the id; start: index of the leading end token; tokens: with that token; bytes: UTF-8; source:
index into the names in `meta.json`; copy: the epoch, 0 for the first time a document appears."""
BATCH = 512


@dataclass(frozen=True, slots=True)
class PackTask:
    """Where the tokens of a shard go, and what they are made with."""

    path: str
    """Without the endings `.bin` and `.npy`."""
    tokenizer: str
    vocabulary: int
    sources: tuple[str, ...]
    """Names, in the order of their numbers."""


def write_part(task: PackTask, batches: Iterable[pa.RecordBatch]) -> int:
    """Tokenize the rows of one shard (columns id, text, source and epoch, 0 where there is none); gives the tokens without
    end tokens."""
    encoder = tokenizer.load(task.tokenizer)
    end = tokenizer.end_of_text(encoder)
    index = {name: place for place, name in enumerate(task.sources)}
    kind = dtype_of(task.vocabulary)
    rows: list[tuple[int, int, int, int, int, int]] = []
    start = 0
    with storage.atomic(f"{task.path}.bin") as temporary, open(temporary, "wb") as stream:
        for batch in batches:
            columns = batch.to_pydict()
            epochs = columns.get("epoch", [0] * batch.num_rows)
            ids = tokenizer.encode(encoder, columns["text"])
            sizes = pc.binary_length(batch.column("text")).to_pylist()
            for place, tokens in enumerate(ids):
                stream.write(np.array([end, *tokens], kind).tobytes())
                source = index[columns["source"][place]]
                key, epoch = trainer_key(columns["id"][place]), epochs[place]
                rows.append((key, start, len(tokens) + 1, sizes[place], source, epoch))
                start += len(tokens) + 1
    with storage.atomic(f"{task.path}.npy") as temporary, open(temporary, "wb") as stream:
        np.save(stream, np.array(rows, DOCUMENTS))
    return start - len(rows)


def dtype_of(vocabulary: int) -> np.dtype[np.integer]:
    """uint16 when every id fits, else uint32; little-endian."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


def trainer_key(document_id: str) -> int:
    """The trainer's 64-bit key of an id: the first 8 bytes of its BLAKE2b hash."""
    digest = hashlib.blake2b(document_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def check_folder(folder: str) -> None:
    """Raise UsageError for a folder on a store: the trainer maps the file into memory."""
    if not storage.is_local(folder):
        raise UsageError(f"--tokenize writes files that are memory-mapped; {folder} is not a local path")


def join(parts: Sequence[str], folder: str, sources: Sequence[str], file: TokenizerFile) -> dict[str, Any]:
    """Put the parts of all shards together, in order: `folder` with tokens.bin, documents.npy and meta.json.

    Gives the meta. Holds the table of one part at a time.
    """
    encoder = tokenizer.load(file.path)
    kind, digest = dtype_of(file.vocabulary), hashlib.sha256()
    documents = sum(len(_table(path)) for path in parts)
    start = size = 0
    with storage.atomic(storage.join(folder, "documents.npy")) as temporary, open(temporary, "wb") as stream:
        header = {"descr": np.lib.format.dtype_to_descr(DOCUMENTS), "fortran_order": False, "shape": (documents,)}
        np.lib.format.write_array_header_1_0(stream, header)
        for path in parts:
            table = np.array(_table(path))
            table["start"] += start
            start += int(table["tokens"].astype(np.int64).sum())
            size += int(table["bytes"].sum())
            digest.update(table.tobytes())
            stream.write(table.tobytes())
    with storage.atomic(storage.join(folder, "tokens.bin")) as temporary, open(temporary, "wb") as stream:
        for path in parts:
            with open(filesystem_path(f"{path}.bin"), "rb") as part:
                while chunk := part.read(1 << 24):
                    stream.write(chunk)
                    digest.update(chunk)
    end = tokenizer.end_of_text(encoder)
    meta = {
        "version": 1,
        "tokenizer": file.digest,
        "size": file.vocabulary,
        "end": end,
        "mask": tokenizer.mask(encoder, end),
        "dtype": kind.str,
        "documents": documents,
        "tokens": start,
        "bytes": size,
        "sources": list(sources),
        "skipped": {},
        "fingerprint": digest.hexdigest()[:16],
    }
    storage.write_text(storage.join(folder, "meta.json"), json.dumps(meta, indent=1))
    return meta


def _table(path: str) -> Any:
    return np.load(filesystem_path(f"{path}.npy"), mmap_mode="r")


def filesystem_path(path: str) -> Path:
    """A local path or file:// URL as a Path."""
    return Path(storage.filesystem(path)[1])
