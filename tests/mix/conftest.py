"""Small corpora and a tokenizer for the tests of mixing."""

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.tokens import tokenizer

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"]


def text_of(name: str, number: int) -> str:
    """A text of 3 to 60 words that depends on the name and the number."""
    length = 3 + (number * 7919 + len(name)) % 58
    return f"{name} {number} " + " ".join(WORDS[(number * 31 + i * i) % len(WORDS)] for i in range(length))


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[..., Path]:
    """Write a source: `make_source("web", 100, files=3, kind="jsonl.gz")` gives its folder."""

    def make(name: str, count: int, files: int = 1, kind: str = "jsonl", folder: str = "") -> Path:
        root = tmp_path / (folder or name)
        root.mkdir(parents=True, exist_ok=True)
        rows = [{"id": f"{name}-{i}", "text": text_of(name, i)} for i in range(count)]
        for place in range(files):
            write(root / f"{place:02d}.{kind}", rows[place::files])
        return root

    return make


def write(path: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write rows as Parquet or JSON lines, by the name of the file."""
    rows = list(rows)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


@pytest.fixture(scope="session")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> tokenizer.TokenizerFile:
    """A small tokenizer."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.train([text_of("web", i) for i in range(200)], 400).save(str(path))
    return tokenizer.find(str(path))
