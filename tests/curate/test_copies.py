"""`cluster_size`: how many copies there were of a document that stays."""

import json
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import curate
from curate.corpus.shards import shard_of
from curate.dedup import copies
from curate.dedup.base import REMOVALS, doc64
from curate.engine import session
from curate.engine.session import EngineOptions
from curate.errors import BalanceError
from curate.jobs.clean import Options, clean

SHARDS = 4
WORDS = [
    "river",
    "stone",
    "bridge",
    "window",
    "harbour",
    "lantern",
    "garden",
    "winter",
    "copper",
    "ladder",
    "meadow",
    "signal",
    "harvest",
    "marble",
]
RECIPE = """
[output]
by = "language"
[[step]]
use = "curate.dedup.Exact"
[[step]]
use = "curate.dedup.Urls"
[[step]]
use = "curate.dedup.MinHash"
"""


def lose(folder: Path, removals: dict[str, str | None]) -> str:
    """A folder of LOST: {id of who lost: id of the survivor}."""
    for shard in range(SHARDS):
        rows = [
            {"doc": int(doc64([one])[0]), "pos": -1, "survivor": int(doc64([to])[0]) if to else None, "value": 1.0}
            for one, to in removals.items()
            if shard_of(one, SHARDS) == shard
        ]
        rows += [{**rows[0], "pos": 3}] if rows else []  # a line that was lost is no copy
        if rows:
            path = folder / f"shard={shard}" / "part.parquet"
            path.parent.mkdir(parents=True)
            pq.write_table(pa.Table.from_pylist(rows, REMOVALS).drop_columns(["shard"]), path)
    return str(folder)


@pytest.mark.engine
def test_all_that_went_for_a_document_by_any_chain_count(tmp_path: Path) -> None:
    dice = random.Random(5)
    ids = [f"{dice.getrandbits(128):032x}" for _ in range(300)]
    alive, size, lost = list(ids), Counter(ids), list[str]()
    for step in range(3):
        order = dice.sample(alive, len(alive))
        stay, gone = order[: len(order) // 2], order[len(order) // 2 :]
        removals: dict[str, str | None] = {one: dice.choice(stay[:40]) for one in gone}
        removals[gone[0]] = None  # its copy is not in this corpus
        for one, to in removals.items():
            if to:
                size[to] += size[one]
        alive = stay
        lost.append(lose(tmp_path / f"lost-{step}", removals))
    with session.session("test", engine="sail") as s:
        copies.write(s, [lost[0], str(tmp_path / "nothing"), *lost[1:]], str(tmp_path / "out"), SHARDS)
    found = {}
    for shard in range(SHARDS):
        folder, mine = tmp_path / "out" / f"shard={shard}", [one for one in alive if shard_of(one, SHARDS) == shard]
        rows = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
        found.update(zip(mine, copies.Sizes(str(folder), rows).of(mine).tolist(), strict=True))
        with pytest.raises(BalanceError, match="sizes of clusters"):
            copies.Sizes(str(folder), rows + 1)
    assert found == {one: size[one] for one in alive}
    assert copies.Sizes(str(tmp_path / "none"), 0).of(ids[:2]).tolist() == [1, 1]


def page(number: int, *, changed: int = 0) -> str:
    dice = random.Random(number)
    words = [dice.choice(WORDS) for _ in range(200)]
    return " ".join([*words[: 200 - changed], *(f"and{number}x" for _ in range(changed // 100))])


@pytest.mark.engine
def test_a_corpus_has_the_sizes_of_its_clusters(tmp_path: Path) -> None:
    rows = [{"text": page(0), "url": f"http://a.org/{i}", "language": "en"} for i in range(5)]  # five of one text
    rows += [{"text": page(0, changed=5), "url": f"http://b.org/{i}", "language": "en"} for i in range(2)]  # held in it
    rows += [{"text": page(1), "url": "http://c.org/", "language": "de"}]
    rows += [
        {"text": page(number), "url": "http://d.org/", "language": "de"} for number in (2, 3)
    ]  # one address, two texts
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.toml").write_text(RECIPE)
    ledger = clean(
        Options([str(tmp_path / "in.jsonl")], str(tmp_path / "out"), str(tmp_path / "r.toml")),
        EngineOptions(quiet=True),
    )
    tables = [pq.read_table(tmp_path / "out" / part["file"], partitioning=None) for part in ledger["data"]]
    found = {row["text"]: row["cluster_size"] for table in tables for row in table.to_pylist()}
    assert all(table.schema.field("cluster_size").type == pa.int32() for table in tables)
    assert len(found) == 3
    assert "| `cluster_size` | int32 |" in (tmp_path / "out" / "README.md").read_text()
    assert (found.pop(page(0)), found.pop(page(1)), list(found.values())) == (7, 1, [1])

    again = curate.clean(tmp_path / "out" / "data", tmp_path / "again", recipe=_recipe(tmp_path))
    assert again["kept"] == 3
    assert (
        "cluster_size" not in pq.read_table(tmp_path / "again/data", partitioning=None).column_names
    )  # not carried along


def _recipe(folder: Path) -> Path:
    path = folder / "again.toml"
    path.write_text('[[step]]\nuse = "curate.filters.gopher.WordCount"\nminimum = 1\n')
    return path
