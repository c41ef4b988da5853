"""Two small corpora and the command that trains a tiny model on them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "one", "dog", "run", "home"]


@pytest.fixture
def corpora(tmp_path, monkeypatch):
    """A folder with the corpora `web` and `books`; the preset `nano` is tiny for the while."""
    from train_probe import config

    tiny = config.Preset(config.ModelConfig(layers=1, width=32, heads=2, vocab=320, context=32), 128, 4, True)
    monkeypatch.setitem(config.PRESETS, "nano", tiny)
    rng = np.random.Generator(np.random.PCG64(0))
    for name in ("web", "books"):
        (tmp_path / name).mkdir()
        rows = [{"text": " ".join(rng.choice(WORDS, 30)) + f" {name} {i}", "source": name} for i in range(150)]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "a.parquet")
    return tmp_path


@pytest.fixture
def command(corpora):
    """Arguments of a command on both corpora."""

    def words(kind, *more):
        shards = [x for name in ("web", "books") for x in ("--shards", str(corpora / name))]
        rest = ["--output", str(corpora / "out"), "--preset", "nano", "--tokenizer", "bytes", "--device", "cpu"]
        return [kind, *shards, *rest, *more]

    return words
