"""An input that can't be read ends a command with one line, and nothing of its output is left: the corrected command runs as if the
first had not been."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import cli
from tests import command

pytestmark = [pytest.mark.engine]
PROBE = "--preset nano --tokens 1K --no-tasks --output deep/er/o"
COMMANDS = {
    "clean --input BAD --recipe c4 --output o --quiet": "nulls empty cut notext nojson folder none dead late",
    "dedup BAD --output o --quiet": "nulls empty cut notext nojson folder none dead late",
    "dedup good.jsonl --against BAD --output o --quiet": "nulls empty cut notext nojson folder none dead",
    "clean --input good.jsonl --recipe against.toml --output o --quiet": "cut none",
    "decontaminate BAD --against good.jsonl --output o --quiet": "empty cut notext none",
    "decontaminate good.jsonl --against BAD --output o --quiet": "empty cut none",
    "code --input BAD --output o --quiet": "nulls empty cut notext nojson none dead late gz",
    "links --input BAD --output o --quiet": "cut notext none",
    "mix --weights a=1 --source a=BAD --output o --tokens 500 --tokenizer bytes --quiet": "nulls empty cut notext none",
    "mix --weights a=.5,b=.5 --source a=good.jsonl --source b=BAD --output o --tokens 500 --tokenizer bytes --quiet": "empty cut none",
    "mix --search --source a=good.jsonl --source b=BAD --preset nano --run-tokens 1K --output o": "nulls few cut none",
    f"probe-train --shards a=good.jsonl --shards b=BAD {PROBE}": "nulls empty cut notext nojson none late few gz all",
    f"probe-train --shards a=good.jsonl --shards b=good.jsonl --held-out BAD {PROBE}": "empty cut none",
    f"probe-train --shards a=good.jsonl --shards b=good.jsonl --tasks BAD {PROBE}".replace(
        " --no-tasks", ""
    ): "empty cut none",
    f"probe-train --shards a=good.jsonl --shards b=good.jsonl --tokenizer BAD {PROBE}": "empty cut none",
    f"probe-control --shards BAD {PROBE}": "empty cut none few",
    "probe-export BAD o": "empty cut none",
    "quality train --good good.jsonl --bad BAD --output o": "empty cut notext none",
    "ngram train --input BAD --output o": "empty cut notext none",
    "ngram import BAD --output o": "empty cut none",
    "tokenizer train --input BAD --output o": "empty cut notext none",
    "export BAD --format jsonl.zst --output o": "empty cut none",
    "fetch CC-MAIN-2026-30 --urls BAD --output o": "empty cut none",
    "push BAD hf://datasets/a/b": "empty none",
    "bundle BAD/deeper/o": "cut",
}
"""Commands that write something, and the kinds of inputs that each is tried with."""
WRITE_NOTHING = {
    *("probe-compare", "probe-scale", "probe-eval", "inspect", "card", "explain", "whatif", "extract", "license"),
    *("filters", "recipes", "budget", "assets", "sample-crawl", "sample-dumps"),
}
"""Those that write no output, or read no input."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    rows = [{"text": f"A good line of words number {number}. " * 20} for number in range(60)]
    (folder / "good.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "cut").write_bytes(b"PAR1xxxxPAR1")
    (folder / "notext").write_text('{"body": 1}\n' * 5)
    (folder / "nojson").write_text("hello\nthere\n")
    (folder / "empty").write_text("")
    (folder / "nulls").write_text('{"text": null}\n{"text": ""}\n')
    (folder / "few").write_text('{"text": "one"}\n')
    (folder / "gz").write_bytes(gzip.compress((folder / "good.jsonl").read_bytes())[:-40])
    (folder / "folder").mkdir()
    (folder / "folder" / "x.txt").write_text("hi")
    (folder / "dead").symlink_to("nowhere")
    table = pa.table({"text": [f"A good line of words number {number}. " * 20 for number in range(2000)]})
    pq.write_table(table, folder / "late", compression="none", row_group_size=500)
    whole = (folder / "late").read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    (folder / "late").write_bytes(whole[:4] + b"\xff" * (len(whole) - footer - 4) + whole[-footer:])
    (folder / "all").mkdir()
    shutil.copy(folder / "good.jsonl", folder / "all" / "a.jsonl")
    shutil.copy(folder / "cut", folder / "all" / "b.parquet")
    return folder


ENDINGS = {"cut": ".parquet", "late": ".parquet", "gz": ".jsonl.gz", "folder": "", "all": "", "none": "", "dead": ""}


@pytest.fixture
def here(inputs: Path, here: Path) -> Path:
    for path in inputs.iterdir():
        at = here / (path.name if "." in path.name else path.name + ENDINGS.get(path.name, ".jsonl"))
        at.symlink_to("nowhere") if path.is_symlink() else (shutil.copytree if path.is_dir() else shutil.copy)(path, at)
    return here


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_every_command_is_tried_or_writes_nothing() -> None:
    assert {words.split()[0] for words in COMMANDS} | WRITE_NOTHING == set(cli.COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words.split()[:6]))
def test_nothing_is_left(here: Path, words: str) -> None:
    for kind in COMMANDS[words].split():
        bad = kind + ENDINGS.get(kind, ".jsonl")
        recipe = f'[[step]]\nuse = "curate.dedup.Exact"\nagainst = "{bad}"\n'
        (here / "against.toml").write_text(recipe)
        before = everything(here)
        done = command.curate(*words.replace("BAD", bad).split())
        said = done.stderr.strip().splitlines()[-1]
        assert (done.returncode, said.startswith("error: ")) == (2, True), (kind, done.stderr[-600:])
        assert everything(here) == before, (kind, said)


def test_what_was_there_stays(here: Path) -> None:
    """An experiment that failed over an input leaves the files that somebody had put into its folder."""
    (here / "o").mkdir()
    (here / "o" / "notes.txt").write_text("mine")
    words = "probe-train --shards a=good.jsonl --shards b=cut.parquet --preset nano --tokens 1K --no-tasks --output o"
    assert command.curate(*words.split()).returncode == 2
    assert (here / "o" / "notes.txt").read_text() == "mine"
    os.remove(here / "o" / "notes.txt")


def test_the_corrected_command_runs(here: Path) -> None:
    assert (
        command.curate(*["dedup", "good.jsonl", "--against", "cut.parquet", "--output", "o", "--quiet"]).returncode == 2
    )
    assert (
        command.curate(*["dedup", "good.jsonl", "--against", "few.jsonl", "--output", "o", "--quiet"]).returncode == 0
    )
