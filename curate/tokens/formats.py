"""Packed token ids in the files that other trainers read.

Each writer streams the packed parts of all shards once (`pack.write_part`): what it holds is the table of one shard, or a
chunk of 64 MB. Those trainers want the end token behind a document, where ours leads it; the order of documents is the
global shuffle, as everywhere. Sources are the libraries' own writers: nanoGPT's `prepare.py` (a stream of uint16),
Megatron-Core's `indexed_dataset.py`, datatrove's `TokenizedFile`, MosaicML Streaming's `MDSWriter`, LitData's `BinaryWriter`.
"""

import json
import math
import pickle
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from curate.errors import UsageError
from curate.files import storage
from curate.tokens import pack, tokenizer
from curate.tokens.tokenizer import TokenizerFile

Tokens = NDArray[np.integer]
BLOCK = 1 << 20
"""Tokens that are read at once."""
CHUNK_BYTES = 1 << 26
"""A file of the formats that have several holds about so much: MDSWriter's default."""
MEGATRON_UINT16 = 65_500
"""Vocabularies below this are uint16 in Megatron (`DType.optimal_dtype`), others int32."""
MEGATRON_CODES: Final = {"<u2": 8, "<i4": 4}
SEQUENCE_LENGTH = 2048


@dataclass(frozen=True)
class Stream:
    """The packed parts of all shards in their order, and what they are tokens of."""

    parts: Sequence[str]
    """Without the endings `.bin` and `.npy`."""
    tokenizer: TokenizerFile

    def sizes(self) -> Iterator[NDArray[np.int64]]:
        """Tokens of each document with its end token, a part at a time."""
        for path in self.parts:
            yield np.load(pack.filesystem_path(f"{path}.npy"), mmap_mode="r")["tokens"].astype(np.int64)

    def count(self) -> tuple[int, int]:
        """(documents, tokens with end tokens)."""
        found = [(len(sizes), int(sizes.sum())) for sizes in self.sizes()]
        return sum(one for one, _ in found), sum(two for _, two in found)

    def blocks(self) -> Iterator[Tokens]:
        """All tokens, the end token behind each document."""
        last = None
        for path in self.parts:
            with open(pack.filesystem_path(f"{path}.bin"), "rb") as file:
                while data := file.read(BLOCK * self.dtype.itemsize):
                    block = np.frombuffer(data, self.dtype)
                    yield block[1:] if last is None else block
                    last = self.end
        if last is not None:
            yield np.array([last], self.dtype)

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """Of the packed parts."""
        return pack.dtype_of(self.tokenizer.vocabulary)

    @property
    def end(self) -> int:
        """The id that ends a document."""
        return tokenizer.end_of_text(tokenizer.load(self.tokenizer.path))


def cut(blocks: Iterable[Tokens], sizes: Iterable[int]) -> Iterator[Tokens]:
    """The tokens of `blocks` in runs of so many; what is left is let go."""
    waiting: list[Tokens] = []
    have, source = 0, iter(blocks)
    for size in sizes:
        while have < size:
            block = next(source)
            waiting.append(block)
            have += len(block)
        whole = np.concatenate(waiting) if waiting else np.zeros(0, np.uint16)
        yield whole[:size]
        waiting, have = [whole[size:]], have - size


def nanogpt(stream: Stream, folder: str, _: int) -> dict[str, object]:
    """`train.bin`: uint16 one after another, as nanoGPT's `data/openwebtext/prepare.py` writes it, and `meta.pkl` with the
    size of the vocabulary and its texts, as its `data/shakespeare_char/prepare.py` does."""
    _write(storage.join(folder, "train.bin"), stream.blocks(), "<u2")
    encoder, size = tokenizer.load(stream.tokenizer.path), stream.tokenizer.vocabulary
    texts = {place: encoder.decode([place], skip_special_tokens=False) for place in range(size)}
    meta = {"vocab_size": size, "itos": texts, "stoi": {text: place for place, text in reversed(texts.items())}}
    _write_bytes(storage.join(folder, "meta.pkl"), [pickle.dumps(meta, protocol=4)])
    return {"dtype": "<u2"}


def megatron(stream: Stream, folder: str, _: int) -> dict[str, object]:
    """`tokens.bin` and `tokens.idx`: what `preprocess_data.py --append-eod` writes, a sequence a document."""
    dtype = "<u2" if stream.tokenizer.vocabulary < MEGATRON_UINT16 else "<i4"
    _write(storage.join(folder, "tokens.bin"), stream.blocks(), dtype)
    _write_bytes(storage.join(folder, "tokens.idx"), _megatron_index(stream, dtype))
    return {"dtype": dtype}


def _megatron_index(stream: Stream, dtype: str) -> Iterator[bytes]:
    """Header; then of all sequences their lengths (int32) and first bytes (int64); then the first sequence of each document
    and the number of all (int64)."""
    documents, _ = stream.count()
    yield b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, MEGATRON_CODES[dtype], documents, documents + 1)
    for sizes in stream.sizes():
        yield sizes.astype("<i4").tobytes()
    width = np.dtype(dtype).itemsize
    for ends, sizes in _ends(stream):
        yield ((ends - sizes) * width).astype("<i8").tobytes()
    for first in range(0, documents + 1, BLOCK):
        yield np.arange(first, min(first + BLOCK, documents + 1), dtype="<i8").tobytes()


def datatrove(stream: Stream, folder: str, _: int) -> dict[str, object]:
    """`tokens.ds`, `tokens.ds.index` (where each document ends, in tokens: uint64) and `tokens.ds.metadata`."""
    dtype = stream.dtype
    _write(storage.join(folder, "tokens.ds"), stream.blocks(), dtype.str)
    ends = (one.astype("<u8").tobytes() for one, _ in _ends(stream))
    _write_bytes(storage.join(folder, "tokens.ds.index"), ends)
    tokens = stream.count()[1]
    lines = [f"tokenizer.json|{dtype.itemsize}", str(tokens), _metric(tokens)]
    storage.write_text(storage.join(folder, "tokens.ds.metadata"), "\n".join(lines))
    return {"dtype": dtype.str}


def _metric(tokens: int) -> str:
    """12.3 MT: three digits and a prefix, datatrove's way of saying how many."""
    power = min(int(math.log10(tokens)) if tokens else 0, 17)
    return f"{tokens / 1000 ** (power // 3):.{2 - power % 3}f} {'kMGTP'[power // 3 - 1] if power > 2 else ''}T"


def mosaic(stream: Stream, folder: str, length: int) -> dict[str, object]:
    """`shard.00000.mds` … and `index.json`: a sample is a run of `length` tokens in a column `tokens` (int32), whatever the
    documents' ends, as LLM Foundry's `convert_dataset_hf.py --concat_tokens` makes them. What fills no run at the end is
    left over, and counted."""
    config = {
        "column_encodings": [f"ndarray:int32:{length}"],
        "column_names": ["tokens"],
        "column_sizes": [4 * length],
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": CHUNK_BYTES,
        "version": 2,
    }
    head = json.dumps(config, sort_keys=True).encode()
    _, tokens = stream.count()
    runs, most = tokens // length, max(1, (CHUNK_BYTES - 8 - len(head)) // (4 * length + 4))
    counts = [min(most, runs - first) for first in range(0, runs, most)]
    shards = []
    for place, chunk in enumerate(cut(stream.blocks(), (length * count for count in counts))):
        name, count = f"shard.{place:05d}.mds", counts[place]
        first = 4 + 4 * (count + 1) + len(head)
        starts = first + 4 * length * np.arange(count + 1, dtype=np.int64)
        data = [struct.pack("<I", count), starts.astype("<u4").tobytes(), head, chunk.astype("<i4").tobytes()]
        _write_bytes(storage.join(folder, name), data)
        raw = {"basename": name, "bytes": sum(map(len, data)), "hashes": {}}
        shards.append({"samples": count, "raw_data": raw, "zip_data": None, **config})
    storage.write_text(storage.join(folder, "index.json"), json.dumps({"shards": shards, "version": 2}, sort_keys=True))
    return {"dtype": "<i4", "sequence_length": length, "sequences": runs, "left_over": tokens - runs * length}


def litgpt(stream: Stream, folder: str, _: int) -> dict[str, object]:
    """`chunk-0-0.bin` … and `index.json` of LitData, for its TokensLoader: an item is a document (int32), a chunk ends with
    the document that fills it."""
    chunks = []
    found = cut(stream.blocks(), (int(sizes.sum()) for sizes in _chunks(stream)))
    for place, (sizes, chunk) in enumerate(zip(_chunks(stream), found, strict=True)):
        name = f"chunk-0-{place}.bin"
        starts = 4 * (2 + len(sizes)) + 4 * np.concatenate([[0], np.cumsum(sizes)])
        data = [struct.pack("<I", len(sizes)), starts.astype("<u4").tobytes(), chunk.astype("<i4").tobytes()]
        _write_bytes(storage.join(folder, name), data)
        chunks.append(
            {"chunk_bytes": sum(map(len, data)), "chunk_size": len(sizes), "dim": len(chunk), "filename": name}
        )
    config = {
        "chunk_bytes": CHUNK_BYTES,
        "chunk_size": None,
        "compression": None,
        "data_format": ["no_header_tensor:16"],  # torch.int32 in LitData's table
        "data_spec": '[1, {"type": null, "context": null, "children_spec": []}]',  # torch's name for a bare tensor
        "encryption": None,
        "item_loader": "TokensLoader",
    }
    storage.write_text(
        storage.join(folder, "index.json"), json.dumps({"chunks": chunks, "config": config}, sort_keys=True)
    )
    return {"dtype": "<i4"}


def _chunks(stream: Stream) -> Iterator[NDArray[np.int64]]:
    """Sizes of the documents of each chunk: of one shard, and of those that begin within the same CHUNK_BYTES of it."""
    for sizes in stream.sizes():
        window = (np.cumsum(sizes) - sizes) * 4 // CHUNK_BYTES
        yield from (chunk for chunk in np.split(sizes, np.flatnonzero(np.diff(window)) + 1) if len(chunk))


def _ends(stream: Stream) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(where each document ends, its size), in tokens, a part at a time."""
    before = 0
    for sizes in stream.sizes():
        ends = np.cumsum(sizes) + before
        before += int(sizes.sum())
        yield ends, sizes


def _write(path: str, blocks: Iterable[Tokens], dtype: str) -> None:
    _write_bytes(path, (block.astype(dtype, copy=False).tobytes() for block in blocks))


def _write_bytes(path: str, data: Iterable[bytes]) -> None:
    with storage.atomic(path) as temporary, open(temporary, "wb") as stream:
        stream.writelines(data)


Writer = Callable[[Stream, str, int], dict[str, object]]
WRITERS: Final[Mapping[str, Writer]] = {
    "nanogpt": nanogpt,
    "megatron": megatron,
    "datatrove": datatrove,
    "mosaic": mosaic,
    "litgpt": litgpt,
}
OURS = "curate"
WITH_SEQUENCES: Final = ("mosaic",)
FORMATS: Final = (OURS, *WRITERS)


def check(name: str, length: int, vocabulary: int) -> None:
    """Raise UsageError for a format that can't hold such a vocabulary, or sequences of that length."""
    if name not in FORMATS:
        raise UsageError(f"--format is one of {', '.join(FORMATS)}, not {name!r}")
    if not 1 <= length <= 1 << 20:
        raise UsageError(f"--sequence-length must lie between 1 and {1 << 20}, got {length}")
    if name == "nanogpt" and vocabulary > 1 << 16:
        raise UsageError(
            f"nanoGPT reads ids of 16 bits, the tokenizer has {vocabulary:,} entries: take a smaller one, or another --format"
        )


def write(name: str, stream: Stream, folder: str, length: int) -> dict[str, object]:
    """Write all tokens into `folder` in the format `name` (not OURS), with `meta.json`, which is given back."""
    documents, tokens = stream.count()
    facts = WRITERS[name](stream, folder, length)
    meta = {
        "format": name,
        "tokenizer": stream.tokenizer.digest,
        "size": stream.tokenizer.vocabulary,
        "end": stream.end,
        "documents": documents,
        "tokens": tokens,
        **facts,
    }
    storage.write_text(storage.join(folder, "meta.json"), json.dumps(meta, indent=1))
    return meta


def write_validation(stream: Stream, folder: str) -> None:
    """`val.bin`, beside nanoGPT's `train.bin`: documents that are held out."""
    _write(storage.join(folder, "val.bin"), stream.blocks(), "<u2")
