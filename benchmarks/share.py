"""Recipes with models and corpus-wide ranks keep the same documents however the job runs: `python -m benchmarks.share --data DIR --work DIR`.

DIR of --data is the test data (CURATE_TESTDATA): pages of `J-sources/domains`, in languages by turns, some twice. `--recipes` are `share` (two
TopShares of plain signals) or built-in ones, whose models are trained on some of these pages. Each job is run with 1, 2, 7 and 64
working shards on Sail; with 7 on each of --engines as well (`spark`: local; `cluster`: two workers); and is killed by SIGKILL at some
moments and resumed. Compared are ids with their fates, the cuts in the ledger, and for each number of shards all bytes.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import fasttext
import pyarrow.parquet as pq
import pyspark

from benchmarks.cluster import digest
from benchmarks.quality import domains
from curate.corpus.recipe import load
from curate.quality import ngram, train
from curate.quality.labelled import Labelled, Text

RECIPE = """
name = "share"
[shards]
work_bytes = 1_000_000_000
[[step]]
use = "filters.quality.MeanLineLength"
[[step]]
use = "curate.quality.share.TopShare"
name = "Tail"
signal = "mean_line_chars"
share = 0.6
cuts = [0.3]
[[step]]
use = "filters.quality.StopWordShare"
[[step]]
use = "curate.quality.share.TopShare"
signal = "stop_word_share"
share = 0.25
by_language = false
"""
JOB = """
import sys
from curate.jobs.clean import Options, clean
from curate.run import pipeline
from curate.engine.session import EngineOptions
shards, engine, resume, recipe, output, *inputs = sys.argv[1:]
pipeline.MINIMUM_SHARDS = int(shards)
where = {"master": "local-cluster[2,1,1024]"} if engine == "cluster" else {"engine": engine}
clean(Options(inputs, output, recipe), EngineOptions(quiet=True, resume=resume == "True", **where))
"""


def start(recipe: Path, output: Path, shards: int, engine: str, resume: bool = False) -> "subprocess.Popen[bytes]":
    inputs = [str(path) for path in sorted(recipe.parent.glob("in-*.jsonl"))]
    command = [sys.executable, "-c", JOB, str(shards), engine, str(resume), str(recipe), str(output), *inputs]
    spark = {"SPARK_HOME": str(Path(pyspark.__file__).parent)} if engine == "cluster" else {}
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, env={**os.environ, **spark})


def models(texts: Sequence[Text], folder: Path) -> None:
    """What the built-in recipes name, small: two linear models, an n-gram model, and a fastText model as DCLM's."""
    if folder.exists():
        return
    folder.mkdir()
    for name in ("gpt3", "llama"):
        train.train(Labelled(list(texts)), str(folder / name), {})
    table = folder / "good.jsonl"
    table.write_text("".join(json.dumps({"text": one.text}) + "\n" for one in texts if one.good))
    ngram.train([str(table)], str(folder / "en-5gram"), ngram.Options())
    lines = [f"__label__{'hq' if one.good else 'cc'} {' '.join(one.text.split())}" for one in texts]
    (folder / "labelled.txt").write_text("\n".join(lines))
    made = fasttext.train_supervised(str(folder / "labelled.txt"), bucket=1 << 16, dim=10, thread=1, verbose=0)
    made.save_model(str(folder / "openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train.bin"))


def run(*job: object) -> float:
    begin = time.perf_counter()
    child = start(*job)  # type: ignore[arg-type]
    _, told = child.communicate()
    assert child.returncode == 0, told.decode()[-2000:]
    return time.perf_counter() - begin


def fates(corpus: Path) -> str:
    """A digest of all ids, whether each is kept, and of the ledger's cuts."""
    rows = []
    for name in ("data", "rejected"):
        for path in sorted((corpus / name).glob("*.parquet")):
            table = pq.read_table(path, columns=["id"] + (["reason"] if name == "rejected" else []))
            rows += [(name, *row.values()) for row in table.to_pylist()]
    ledger = json.loads((corpus / "ledger.json").read_text())
    facts = [{key: one.get(key) for key in ("documents", "lost", "worst_kept", "cuts")} for one in ledger["dedup"]]
    return hashlib.sha256(json.dumps([sorted(rows), facts]).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--recipes", nargs="*", default=["share"])
    parser.add_argument("--engines", nargs="*", default=[], choices=["spark", "cluster"])
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--documents", type=int, default=1500)
    options = parser.parse_args()
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    texts = domains(options.data)
    learnt, texts = texts[-1500:], texts[: options.documents]
    texts += texts[:: options.documents // 20]
    for part in range(4):
        rows = [
            {"text": one.text, "language": ("en", "de", None)[at % 3]} for at, one in enumerate(texts) if at % 4 == part
        ]
        (work / f"in-{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if options.recipes != ["share"]:
        models(learnt, work / "models")
    print("| recipe | engine | shards | kept | ids, fates and cuts | bytes |\n|---|---|---|---|---|---|")
    for name in options.recipes:
        one_recipe(work, name, options.engines, options.kills)


def one_recipe(work: Path, name: str, engines: Sequence[str], kills: int) -> None:
    """Rows of the table, and what became of killed jobs."""
    recipe = work / f"{name}.toml"
    text = RECIPE if name == "share" else load(name).text.replace('"models/', f'"{work.absolute()}/models/')
    recipe.write_text(text)
    for engine, shards in [*(("sail", count) for count in (1, 2, 7, 64)), *((one, 7) for one in engines)]:
        out = work / f"{name}-{engine}-{shards}"
        if not out.exists():
            run(recipe, out, shards, engine)
        kept = json.loads((out / "ledger.json").read_text())["kept"]
        print(f"| {name} | {engine} | {shards} | {kept} | {fates(out)} | {digest(out)[:16]} |", flush=True)
    if kills:
        whole = run(recipe, work / f"{name}-timed", 7, "sail")
    for kill in range(kills):
        out = work / f"{name}-killed-{kill}"
        child = start(recipe, out, 7, "sail")
        time.sleep(whole * (kill + 1) / (kills + 1))
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        run(recipe, out, 7, "sail", True)
        same = "the same bytes" if digest(out) == digest(work / f"{name}-sail-7") else "OTHER BYTES"
        print(f"{name}: killed after {kill + 1}/{kills + 1} of the time and resumed: {same}", flush=True)


if __name__ == "__main__":
    main()
