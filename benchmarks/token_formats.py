"""Token files of `curate mix --format …`, read back by the trainers' own libraries and compared with their own writers.

    python -m benchmarks.token_formats --peers PYTHON

PYTHON has what the suite has, and megatron-core, datatrove, mosaicml-streaming, litdata (`pip install --no-deps` and what they
import). A source of many shapes of text is mixed once a format; what the library reads is compared, document by document,
with the texts of `data/` as `tokenizer.json` beside encodes them.
"""

import argparse
import filecmp
import json
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from curate.tokens.formats import WRITERS

LENGTH = 128
WORDS = ("the", "of", "naïve", "漢字", "🙂", "x = 1\n", "ไทย", "and", "42", "\t")


def texts(count: int) -> Iterator[str]:
    """Texts of 1 to 400 words."""
    for place in range(count):
        yield f"{place} " + " ".join(WORDS[(place * 7 + i * i) % len(WORDS)] for i in range(1 + place * 37 % 400))


def main() -> None:
    """Mix once a format, and have each read by PYTHON; a table on stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the libraries")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("formats", nargs="*", default=list(WRITERS))
    parser.add_argument("--check", nargs=2, metavar=("FORMAT", "MIXTURE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.check:
        print(CHECKS[args.check[0]](Path(args.check[1])))
        return
    with tempfile.TemporaryDirectory() as work:
        source = Path(work, "web.jsonl")
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts(args.documents)))
        print("| format | what was seen |\n|---|---|")
        for name in args.formats:
            out = mixed(source, Path(work, name), name)
            command = [args.peers, "-W", "ignore", "-m", "benchmarks.token_formats", "--check", name, str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            said = done.stdout.strip().splitlines() if done.returncode == 0 else done.stderr.strip().splitlines()
            print(f"| {name} | {said[-1]} |", flush=True)


def mixed(source: Path, out: Path, name: str) -> Path:
    """A mixture of one source with its tokens in a format."""
    command = [sys.executable, "-m", "curate", "mix", "--weights", "web=1", "--source", f"web={source}"]
    command += ["--output", str(out), "--tokenize", "--format", name, "--shards", "3", "--quiet"]
    command += ["--sequence-length", str(LENGTH)] if name == "mosaic" else []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def expected(out: Path) -> tuple[list[list[int]], dict[str, Any]]:
    """Ids of each document, the end token behind it; and `meta.json`."""
    import pyarrow.parquet as pq
    from tokenizers import Tokenizer

    meta = json.loads((out / "tokens/meta.json").read_text())
    encoder = Tokenizer.from_file(str(out / "tokens/tokenizer.json"))
    encoder.encode_special_tokens = True
    rows = [text for part in sorted((out / "data").glob("*")) for text in pq.read_table(part)["text"].to_pylist()]
    ids = [[*one.ids, meta["end"]] for one in encoder.encode_batch(rows, add_special_tokens=False)]
    assert (meta["documents"], meta["tokens"]) == (len(ids), sum(map(len, ids)))
    return ids, meta


def flat(ids: list[list[int]]) -> Any:
    """One after another."""
    return np.concatenate([np.array(one) for one in ids])


def same(ours: Path, theirs: Path, names: list[str]) -> str:
    """Raises AssertionError unless all files have equal bytes."""
    wrong = [name for name in names if not filecmp.cmp(ours / name, theirs / name, shallow=False)]
    assert not wrong, f"other bytes in {wrong}"
    return f"{len(names)} files byte-equal to its writer's"


def check_nanogpt(out: Path) -> str:
    """As train.py reads: np.memmap of uint16, and meta.pkl."""
    import pickle

    ids, meta = expected(out)
    read = np.memmap(out / "tokens/train.bin", dtype=np.uint16, mode="r")
    assert (read == flat(ids)).all()
    facts = pickle.loads((out / "tokens/meta.pkl").read_bytes())
    said = "".join(facts["itos"][int(i)] for i in read[:20])
    held = np.memmap(out / "tokens/val.bin", dtype=np.uint16, mode="r")
    assert facts["vocab_size"] == meta["size"]
    assert int((held == meta["end"]).sum()) >= 1
    return f"np.memmap: {len(read):,} tokens equal, val.bin {len(held):,}; meta.pkl says {said[:12]!r}"


def check_megatron(out: Path) -> str:
    """IndexedDataset, and IndexedDatasetBuilder's files."""
    import torch
    from megatron.core.datasets.indexed_dataset import DType, IndexedDataset, IndexedDatasetBuilder

    ids, meta = expected(out)
    read = IndexedDataset(str(out / "tokens/tokens"))
    assert len(read) == len(ids)
    assert all(list(read[place]) == one for place, one in enumerate(ids))
    (out / "theirs").mkdir()
    builder = IndexedDatasetBuilder(str(out / "theirs/tokens.bin"), dtype=DType.optimal_dtype(meta["size"]))
    for one in ids:
        builder.add_document(torch.IntTensor(one), [len(one)])
    builder.finalize(str(out / "theirs/tokens.idx"))
    found = same(out / "tokens", out / "theirs", ["tokens.bin", "tokens.idx"])
    return f"megatron-core {version('megatron-core')}: {len(ids):,} documents equal; {found}"


def check_datatrove(out: Path) -> str:
    """DatatroveFolderDataset, and TokenizedFile's files."""
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile
    from datatrove.utils.dataset import DatatroveFolderDataset

    ids, _ = expected(out)
    read = DatatroveFolderDataset(str(out / "tokens"), LENGTH - 1, filename_pattern="*.ds", return_positions=True)
    whole = flat(ids)
    for place in range(len(read)):
        found = read[place]
        assert (np.array(found["input_ids"]) == whole[place * LENGTH : (place + 1) * LENGTH]).all()
    theirs = out / "theirs"
    file = TokenizedFile(str(theirs), "tokens.ds", tokenizer_name_or_path="tokenizer.json", save_final_metadata=True)
    for one in ids:
        file.write(one, None)
    file.close()
    found = same(out / "tokens", theirs, ["tokens.ds", "tokens.ds.index", "tokens.ds.metadata"])
    return f"datatrove {version('datatrove')}: {len(read):,} windows equal; {found}"


def check_mosaic(out: Path) -> str:
    """StreamingDataset, and MDSWriter's files."""
    _without_pictures()
    from streaming import MDSWriter, StreamingDataset

    ids, meta = expected(out)
    whole = flat(ids)[: meta["sequences"] * LENGTH].reshape(-1, LENGTH)
    read = StreamingDataset(local=str(out / "tokens"), shuffle=False, batch_size=1)
    assert len(read) == len(whole)
    assert all((read[place]["tokens"] == one).all() for place, one in enumerate(whole))
    with MDSWriter(out=str(out / "theirs"), columns={"tokens": f"ndarray:int32:{LENGTH}"}) as writer:
        for one in whole:
            writer.write({"tokens": one.astype(np.int32)})
    names = sorted(path.name for path in (out / "theirs").iterdir())
    found = same(out / "tokens", out / "theirs", names)
    return f"mosaicml-streaming {version('mosaicml-streaming')}: {len(whole):,} samples equal; {found}"


def _without_pictures() -> None:
    """Streaming imports torchvision, which few versions of torch go with, for data sets that are not used here."""
    names = ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional")
    for name in names:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__spec__ = ModuleSpec(name, None)
    sys.modules["torchvision.datasets"].VisionDataset = object  # type: ignore[attr-defined]
    sys.modules["torchvision.transforms.functional"].to_tensor = None  # type: ignore[attr-defined]


def check_litgpt(out: Path) -> str:
    """StreamingDataset with a TokensLoader, as `litgpt.data.LitData` opens a folder; chunks of LitData's own writer."""
    import torch
    from litdata import StreamingDataset, TokensLoader
    from litdata.streaming.writer import BinaryWriter

    ids, _ = expected(out)
    index = json.loads((out / "tokens/index.json").read_text())
    blocks, start = [], 0
    for chunk in index["chunks"]:  # a block never spans two chunks
        part = flat(ids)[start : start + chunk["dim"]]
        blocks += list(part[: len(part) // LENGTH * LENGTH].reshape(-1, LENGTH))
        start += chunk["dim"]
    assert start == sum(map(len, ids))
    read = StreamingDataset(str(out / "tokens"), item_loader=TokensLoader(block_size=LENGTH), shuffle=False)
    assert len(read) == len(blocks)
    assert all((np.array(found) == one).all() for found, one in zip(read, blocks, strict=True))
    (out / "theirs").mkdir()
    first = 0
    for place, chunk in enumerate(index["chunks"]):
        writer = BinaryWriter(str(out / "theirs"), chunk_size=1 << 30, chunk_index=place, item_loader=TokensLoader())
        for number in range(chunk["chunk_size"]):
            writer[number] = torch.tensor(ids[first + number], dtype=torch.int32)
        writer.done()
        first += chunk["chunk_size"]
    found = same(out / "tokens", out / "theirs", [chunk["filename"] for chunk in index["chunks"]])
    return f"litdata {version('litdata')}: {len(blocks):,} blocks equal; {found}"


CHECKS: dict[str, Callable[[Path], str]] = {
    "nanogpt": check_nanogpt,
    "megatron": check_megatron,
    "datatrove": check_datatrove,
    "mosaic": check_mosaic,
    "litgpt": check_litgpt,
}


if __name__ == "__main__":
    main()
