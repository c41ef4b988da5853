"""Token files for other trainers: bytes written by hand after each format's definition.

`benchmarks/token_formats.py` has them read by the libraries themselves, and compares with their own writers.
"""

import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from curate.commands.mix import mix
from curate.errors import UsageError
from curate.mixing import mixture
from curate.mixing.job import MixJob, Request
from curate.tokens import formats, pack, tokenizer
from curate.tokens.tokenizer import TokenizerFile

ROWS = pa.table(
    {
        "id": ["a", "b", "c", "d"],
        "text": ["alpha beta", "", "gamma " * 40, "δ"],
        "source": ["web"] * 4,
        "epoch": [0, 0, 1, 0],
    }
)


@pytest.fixture
def stream(tmp_path: Path, bpe: TokenizerFile) -> formats.Stream:
    """Two rows, none, two rows."""
    parts = []
    for place, (first, count) in enumerate([(0, 2), (2, 0), (2, 2)]):
        parts.append(str(tmp_path / f"part-{place}"))
        task = pack.PackTask(parts[-1], bpe.path, bpe.vocabulary, ("web",))
        pack.write_part(task, ROWS.slice(first, count).to_batches())
    return formats.Stream(parts, bpe)


@pytest.fixture
def ids(bpe: TokenizerFile) -> list[list[int]]:
    """Tokens of each document, then the one that ends it."""
    encoder = tokenizer.load(bpe.path)
    return [[*one, tokenizer.end_of_text(encoder)] for one in tokenizer.encode(encoder, ROWS["text"].to_pylist())]


def flat(ids: list[list[int]], kind: str) -> bytes:
    return b"".join(struct.pack("<" + kind * len(one), *one) for one in ids)


def test_nanogpt(stream: formats.Stream, ids: list[list[int]], tmp_path: Path) -> None:
    formats.write("nanogpt", stream, str(tmp_path / "out"), 1)
    assert (tmp_path / "out/train.bin").read_bytes() == flat(ids, "H")
    meta = pickle.loads((tmp_path / "out/meta.pkl").read_bytes())
    assert meta["vocab_size"] == stream.tokenizer.vocabulary == len(meta["itos"])
    assert "".join(meta["itos"][one] for one in ids[0][:-1]) == "alpha beta"
    assert meta["itos"][meta["stoi"]["a"]] == "a"


@pytest.mark.parametrize(("vocabulary", "code", "kind"), [(400, 8, "H"), (65_500, 4, "i")])
def test_megatron(
    stream: formats.Stream, ids: list[list[int]], tmp_path: Path, vocabulary: int, code: int, kind: str
) -> None:
    larger = formats.Stream(stream.parts, TokenizerFile(stream.tokenizer.path, "", vocabulary))
    formats.write("megatron", larger, str(tmp_path / "out"), 1)
    assert (tmp_path / "out/tokens.bin").read_bytes() == flat(ids, kind)
    sizes = [len(one) for one in ids]
    starts = [sum(sizes[:place]) * struct.calcsize(kind) for place in range(4)]
    expected = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, code, 4, 5)
    expected += struct.pack("<4i4q5q", *sizes, *starts, *range(5))
    assert (tmp_path / "out/tokens.idx").read_bytes() == expected


def test_datatrove(stream: formats.Stream, ids: list[list[int]], tmp_path: Path) -> None:
    formats.write("datatrove", stream, str(tmp_path / "out"), 1)
    assert (tmp_path / "out/tokens.ds").read_bytes() == flat(ids, "H")
    sizes = [len(one) for one in ids]
    ends = [sum(sizes[: place + 1]) for place in range(4)]
    assert (tmp_path / "out/tokens.ds.index").read_bytes() == struct.pack("<4Q", *ends)
    lines = (tmp_path / "out/tokens.ds.metadata").read_text().split("\n")
    assert lines[:2] == ["tokenizer.json|2", str(sum(sizes))]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [(0, "0.00 T"), (7, "7.00 T"), (999, "999 T"), (1000, "1.00 kT"), (12_345, "12.3 kT"), (10**15, "1.00 PT")],
)
def test_how_datatrove_says_how_many(tokens: int, text: str) -> None:
    assert formats._metric(tokens) == text


def test_mosaic(stream: formats.Stream, ids: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "CHUNK_BYTES", 300)  # a few samples a shard
    meta = formats.write("mosaic", stream, str(tmp_path / "out"), 8)
    tokens = [token for one in ids for token in one]
    runs = [tokens[first : first + 8] for first in range(0, len(tokens) - 7, 8)]
    assert (meta["sequences"], meta["left_over"]) == (len(runs), len(tokens) - 8 * len(runs))
    shards = json.loads((tmp_path / "out/index.json").read_text())["shards"]
    config = {key: value for key, value in shards[0].items() if key not in ("samples", "raw_data", "zip_data")}
    assert config["column_encodings"] == ["ndarray:int32:8"]
    head, done = json.dumps(config, sort_keys=True).encode(), 0
    for shard in shards:
        mine = runs[done : done + shard["samples"]]
        done += len(mine)
        first = 4 + 4 * (len(mine) + 1) + len(head)
        expected = struct.pack("<I", len(mine)) + struct.pack(
            f"<{len(mine) + 1}I", *(first + 32 * place for place in range(len(mine) + 1))
        )
        expected += head + flat(mine, "i")
        assert (tmp_path / "out" / shard["raw_data"]["basename"]).read_bytes() == expected
        assert shard["raw_data"]["bytes"] == len(expected) <= 300
        assert done == len(runs) or len(expected) + 4 * 8 + 4 > 300  # as many samples as fit
    assert len(shards) > 1
    assert done == len(runs)


def test_litgpt(stream: formats.Stream, ids: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "CHUNK_BYTES", 40)
    formats.write("litgpt", stream, str(tmp_path / "out"), 1)
    index = json.loads((tmp_path / "out/index.json").read_text())
    done = 0
    for chunk in index["chunks"]:
        mine = ids[done : done + chunk["chunk_size"]]
        done += len(mine)
        starts = [4 * (2 + len(mine)) + 4 * sum(map(len, mine[:place])) for place in range(len(mine) + 1)]
        expected = struct.pack(f"<{2 + len(mine)}I", len(mine), *starts) + flat(mine, "i")
        assert (tmp_path / "out" / chunk["filename"]).read_bytes() == expected
        assert (chunk["chunk_bytes"], chunk["dim"]) == (len(expected), sum(map(len, mine)))
    assert done == 4
    assert len(index["chunks"]) > 1
    assert index["config"]["data_format"] == ["no_header_tensor:16"]


@given(st.lists(st.integers(0, 7)), st.lists(st.integers(0, 9)))
def test_a_cut_stream_is_the_stream(blocks: list[int], sizes: list[int]) -> None:
    whole = np.arange(sum(blocks))
    edges = np.cumsum([0, *blocks])
    sizes = [size for place, size in enumerate(sizes) if sum(sizes[: place + 1]) <= len(whole)]
    parts = (whole[first : first + count] for first, count in zip(edges, blocks, strict=False))
    found = list(formats.cut(parts, sizes))
    assert [len(one) for one in found] == sizes
    assert np.concatenate([whole[:0], *found]).tolist() == whole[: sum(sizes)].tolist()


def test_what_can_not_be_written(bpe: TokenizerFile) -> None:
    with pytest.raises(UsageError, match="16 bits"):
        formats.check("nanogpt", 1, 100_000)
    with pytest.raises(UsageError, match="nanogpt"):
        formats.check("llm.c", 1, 400)
    with pytest.raises(UsageError, match="--sequence-length"):
        formats.check("mosaic", 0, 400)


def test_the_command_offers_all_formats() -> None:
    (option,) = (one for one in mix.params if one.name == "format")
    assert tuple(option.type.choices) == formats.FORMATS  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "told"),
    [({"format": "llm.c"}, "--format is one of"), ({"format": "mosaic", "sequence_length": 0}, "--sequence-length")],
)
def test_what_can_not_be_written_is_told_before_anything_is_read(
    bpe: TokenizerFile, tmp_path: Path, asked: dict[str, Any], told: str
) -> None:
    order = Request(mixture.load("uniform"), (), bpe, "", tokenize=True, **asked)
    with pytest.raises(UsageError, match=told):
        MixJob(order, str(tmp_path / "mix"))
    MixJob(replace(order, tokenize=False), str(tmp_path / "mix"))


@pytest.mark.parametrize(("length", "fine"), [(0, False), (1, True), (1 << 20, True), ((1 << 20) + 1, False)])
def test_limits_of_samples(length: int, fine: bool) -> None:
    if fine:
        formats.check("mosaic", length, 400)
        return
    with pytest.raises(UsageError, match=f"between 1 and 1048576, got {length}"):
        formats.check("mosaic", length, 400)


def test_nanogpt_holds_ids_of_16_bits() -> None:
    formats.check("nanogpt", 1, 1 << 16)
    with pytest.raises(UsageError, match="65,537 entries"):
        formats.check("nanogpt", 1, (1 << 16) + 1)
    formats.check("megatron", 1, (1 << 16) + 1)


@pytest.mark.engine
def test_a_mixture_for_another_trainer(make_source: Callable[..., Path], tmp_path: Path, bpe: TokenizerFile) -> None:
    web = make_source("web", 120)

    def run(*words: str) -> Any:
        base = ["--weights", "web=1", "--source", f"web={web}", "--counts", str(tmp_path / "counts"), "--quiet"]
        return CliRunner().invoke(mix, [*base, "--tokenizer", bpe.path, "--no-decontaminate", *words])

    done = run(
        "--tokenize", "--format", "nanogpt", "--held-out", "0.1", "--shards", "2", "--output", str(tmp_path / "m")
    )
    assert done.exit_code == 0, done.exception
    tokens, encoder = tmp_path / "m/tokens", tokenizer.load(bpe.path)
    assert (tokens / "tokenizer.json").read_bytes() == Path(bpe.path).read_bytes()
    end = tokenizer.end_of_text(encoder)
    for name, folder in (("train.bin", "data"), ("val.bin", "heldout")):
        texts = [
            text
            for path in sorted((tmp_path / "m" / folder).glob("*"))
            for text in pq.read_table(path)["text"].to_pylist()
        ]
        assert len(texts) > 3
        expected = [[*one, end] for one in tokenizer.encode(encoder, texts)]
        assert (tokens / name).read_bytes() == flat(expected, "H")
    assert json.loads((tokens / "meta.json").read_text())["format"] == "nanogpt"
    for words, message in (
        (["--format", "nanogpt"], "needs --tokenize"),
        (["--tokenize", "--format", "litgpt", "--sequence-length", "4"], "needs --format mosaic"),
    ):
        failed = run(*words, "--output", str(tmp_path / "n"))
        assert isinstance(failed.exception, UsageError)
        assert message in str(failed.exception)
