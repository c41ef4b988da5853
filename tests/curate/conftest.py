"""A small corpus made without an engine: the tasks of a job, called one after the other."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import cli
from curate.corpus import schema
from curate.corpus.recipe import parse
from curate.corpus.shards import ShardWriter
from curate.dedup.base import REMOVALS
from curate.run import ledger, passes, publish

RECIPE = """
name = "small"
description = "A recipe for tests."
[[step]]
use = "filters.c4.LoremIpsum"
[[step]]
use = "curate.dedup.Urls"
[[step]]
use = "filters.c4.LineRules"
[[step]]
use = "filters.c4.TooFewSentences"
minimum = 3
"""
SCRIPT = "<script>document.title='owned';console.error('ran')</script>"
STORY = "The harbour was quiet in the morning. Nobody had rung the bell. Then the ferry came in.\nWe all waved at it."


def document(number: int, text: str | None, **more: Any) -> dict[str, Any]:
    """A row of extracted/; ids are spread over the whole range."""
    row: dict[str, Any] = dict.fromkeys(schema.extracted("web").names)
    row |= {"id": f"{number * 0x11111111:08x}" + "0" * 24, "text": text, "source": "crawl", "file": "a.warc.gz"}
    row |= {"offset": number * 1_000, "url": f"https://host.example/{number}", "host": "host.example", "status": 200}
    return {**row, **more}


@pytest.fixture(autouse=True)
def no_hard_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test before had an engine in this process, `cli.main` would end the process at once after an error."""
    monkeypatch.setattr(cli, "_end", sys.exit)


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    hostile = f"The page said {SCRIPT} and \x1b[2Jmore. <img src=x onerror=alert(1)> stood there too.\n{STORY}"
    long = "\n".join(f"{STORY} This is line number {number} of a long page." for number in range(80))
    return [
        document(1, f"Home\nPlease enable Javascript to see more.\n{STORY}", language="en", language_score=0.9),
        document(2, hostile, url=f"https://evil.example/{SCRIPT}\x1b[31m", host="evil.example", language="en"),
        document(3, "Only one sentence here.", language="en"),
        document(4, STORY + " This copy goes.", url="https://host.example/1"),
        document(5, f"{STORY} Lorem ipsum dolor."),
        document(6, None, verdict="failed", reason="damaged", detail=f"checksum {SCRIPT}", url=None),
        document(7, long, language="de", host="other.example", url="https://other.example/long"),
        document(8, None, verdict="rejected", reason="extract.no_text", value=12.0),
    ]


@pytest.fixture(scope="session")
def make_corpus(rows: list[dict[str, Any]]) -> Callable[[Path], Path]:
    """Writes the small corpus into a folder: extracted/, data/, rejected/, duplicates/, recipe.toml, ledger.json."""

    def make(folder: Path) -> Path:
        extracted = folder / "extracted" / "part-00000-of-00001.parquet"
        with ShardWriter(str(extracted), schema.extracted("web")) as writer:
            writer.write(pa.Table.from_pylist(rows, schema.extracted("web")))
        removed_one, survivor = (int(rows[at]["id"][:16], 16) for at in (3, 0))
        lost = pa.Table.from_pylist(
            [{"shard": 0, "doc": removed_one, "pos": -1, "survivor": survivor, "value": 2.0}], REMOVALS
        )
        (folder / "lost").mkdir()
        pq.write_table(lost, folder / "lost" / "one.parquet")
        first, second = str(folder / "pass-1.parquet"), str(folder / "pass-2.parquet")
        duplicates = str(folder / "dup.parquet")
        (folder / "recipe.toml").write_text(RECIPE)
        asked = (str(folder / "recipe.toml"), "small", "web")
        passes.run(passes.PassTask(str(extracted), first, *asked, 0, 1))
        passes.run(passes.PassTask(first, second, *asked, 2, 4, lost=str(folder / "lost"), duplicates=duplicates))
        recipe = parse(RECIPE, "small")
        name = "part-00000-of-00001.parquet"
        outs = [str(folder / sub / name) for sub in ("counts", "data", "rejected", "duplicates")]
        task = publish.PublishTask((second,), *outs, (duplicates,), "web", tuple(recipe.signals), 1.0)
        publish.run(task)
        (folder / "ledger.json").write_text(
            json.dumps(_ledger(folder, recipe, asdict(publish.recount([task.data], task.rejected))))
        )
        return folder

    return make


def _ledger(folder: Path, recipe: Any, counts: dict[str, Any]) -> dict[str, Any]:
    entry = {"records": 11, "skipped": {"type_request": 2, "status_404": 1}, **counts["files"]["a.warc.gz"]}
    data = folder / "data" / "part-00000-of-00001.parquet"
    return {
        "version": 1,
        "curate": "0.1.0",
        "job": "clean",
        "kind": "web",
        "command": f"curate clean --input 'a.warc.gz' # {SCRIPT}",
        "recipe": {"name": recipe.name, "digest": recipe.digest, "steps": list(recipe.labels)},
        **entry,
        "removed": counts["removed"],
        "content": {"extracted": counts["content"], "published": counts["content"]},
        "bytes": {"input": 9_000, "text_extracted": 8_000, "text_kept": counts["text_bytes"]},
        "stages": [
            {"name": "extract", "seconds": 2.5, "records": 11, "bytes": 9_000},
            {"name": "pass 1", "seconds": 0.1},
        ],
        "dedup": [{"step": "Urls", "keys": 7, "clusters": 1, "copies": 2, "sizes": {"2-3": 1}, "largest": []}],
        "limits": {"failed_share": 0.0, "max_failed": 0.01},
        "files": {"a.warc.gz": entry},
        "data": [ledger.describe("data", str(data), counts["kept"])],
    }


@pytest.fixture(scope="session")
def small_corpus(make_corpus: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("small") / "corpus")
