"""`curate whatif` against the truth, and its time: `python -m benchmarks.whatif --corpus CORPUS … --changes 20`, `--rows 1000000`.

CORPUS is the output of a job with extracted/ kept, by any recipe; `--texts TABLE --recipes NAME … --work DIR` makes some. The changed recipe is truly run on its extracted texts: the whole
job, corpus-wide steps on Sail, its tasks in this process. With --rows a corpus of made-up measurements is written to --work and asked.
"""

import argparse
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.corpus import schema
from curate.corpus.recipe import Recipe, load
from curate.corpus.shards import ShardWriter
from curate.engine.session import Session, session
from curate.errors import CurateError, InputError
from curate.files import storage
from curate.files.output import INDEX, read_json
from curate.quality import answer, changes, stored, whatif
from curate.read.corpora import corpus_source
from curate.read.source import Source
from curate.run import pipeline, runner
from curate.run.pipeline import CorpusJob


class Inline(Session):
    """Sail, with tasks in this process: no child is started for each of a few hundred runs."""

    def run(self, function: Any, tasks: Sequence[Any]) -> Iterator[Any]:
        return map(function, tasks)


def make(s: Session, texts: str, recipe: Recipe, output: str) -> None:
    """The corpus that a job makes of a table of texts."""
    runner.run(s, CorpusJob(name="clean", source=corpus_source([texts], "made"), recipe=recipe, output=output))


def truly_run(s: Session, corpus: str, recipe: Recipe, output: str) -> tuple[set[str], set[str]]:
    """(ids that the job keeps, ids that lost something to another document) when the recipe is run on the extracted texts of `corpus`."""
    folder = storage.join(corpus, "extracted")
    job = CorpusJob(
        name="clean",
        source=Source(read_json(storage.join(folder, INDEX))["kind"], None, [], [], "", reuse=folder),
        recipe=recipe,
        output=output,
    )
    runner.run(s, job)
    found = []
    for name in ("data", "duplicates"):
        tables = [pq.ParquetFile(path).read(["id"]) for path in sorted(Path(output, name).rglob("*.parquet"))]
        found.append({name for table in tables for name in table["id"].to_pylist()})
    shutil.rmtree(output)
    return found[0], found[1]


def random_change(known: stored.Stored, rng: np.random.Generator) -> Recipe | None:
    """One to three limits moved to where a stored document stands: on the better side of the median, so that some stay."""
    numbers = [
        (at, limit)
        for at, step in enumerate(known.recipe.steps)
        for limit in whatif.limits_of(step)
        if limit.parameter in whatif.adjustable(step)
        and limit.at is None
        and not np.isnan(known.signals.get(limit.signal, np.array([np.nan]))).all()
    ]
    values: dict[tuple[int, str], Any] = {}
    for pick in rng.choice(len(numbers), int(rng.integers(1, min(4, len(numbers) + 1))), replace=False):
        at, limit = numbers[pick]
        measured = known.signals[limit.signal]
        ranked = np.sort(measured[~np.isnan(measured)])
        half = len(ranked) // 2
        value = float(rng.choice(ranked[: half + 1] if limit.relation in ("<", "<=") else ranked[half:]))
        now = getattr(known.recipe.steps[at], limit.parameter)
        values[at, limit.parameter] = int(value) if isinstance(now, int) else value
    try:
        return changes.changed(known.recipe, values)
    except CurateError:
        return None


@dataclass(slots=True)
class Compared:
    """What became of some random changes."""

    recipe: str
    documents: int
    same: int = 0
    """All ids as told."""
    apart: int = 0
    """The same but for documents that it said it can't know."""
    wrong: list[str] = field(default_factory=list)
    """The changes after which an id was told wrong."""
    unknown: int = 0
    """Documents said not to be known, of all changes."""
    displaced: int = 0
    """Told as kept, and lost to a newcomer: newcomers are counted, not followed."""
    kept: list[int] = field(default_factory=list)

    def row(self) -> str:
        """Of a Markdown table."""
        tried = len(self.kept)
        return (
            f"| {self.recipe} | {self.documents} | {min(self.kept)} to {max(self.kept)} | {self.same} | {self.apart} | "
            f"{len(self.wrong)} | {self.unknown / tried:.1f} | {self.displaced / tried:.1f} |"
        )


def compare(s: Session, corpus: str, count: int, seed: int = 11) -> Compared:
    """Random changes of limits: what the stored columns say beside what the changed recipe truly keeps."""
    known = stored.read(corpus)
    judge, rng = whatif.Judge(known), np.random.default_rng(seed)
    ids = np.array(known.ids.to_pylist())
    found = Compared(known.recipe.name, known.rows)
    if not any(whatif.adjustable(step) for step in known.recipe.steps):
        raise InputError(f"{corpus}: its recipe {known.recipe.name} has no limit to change")
    while len(found.kept) < count:
        new = random_change(known, rng)
        if new is None:
            continue
        outcome = judge(new)
        told = set(ids[outcome.verdict == whatif.KEPT])
        unsure = set(ids[outcome.verdict == whatif.UNKNOWN])
        kept, lost = truly_run(s, corpus, new, f"{corpus.rstrip('/')}-true")
        wrong = (told ^ kept) - unsure
        beaten = wrong & told & lost if outcome.newcomers else set()
        if wrong - beaten:
            pairs = zip(new.labels, known.recipe.steps, new.steps, strict=True)
            limits = "; ".join(f"{label}: {was} -> {now}" for label, was, now in pairs if was != now)
            found.wrong.append(f"{len(wrong - beaten)} ids after {limits}")
        elif told == kept and not unsure:
            found.same += 1
        else:
            found.apart += 1
        found.displaced += len(beaten)
        found.unknown += len(unsure)
        found.kept.append(len(kept))
    return found


def made_up(folder: Path, rows: int) -> None:
    """A corpus of the recipe gopher with `rows` rows in 16 files, half of them rejected, without texts."""
    recipe = load("gopher")
    rng = np.random.default_rng(3)
    table = schema.judged("web", recipe.signals)
    (folder / "recipe.toml").parent.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(recipe.text)
    reasons = [f"{label}.{limit.reason}" for label, step in zip(recipe.labels, recipe.steps, strict=True)
               for limit in whatif.limits_of(step)]  # fmt: skip
    for number in range(16):
        count = rows // 32
        for sub in ("data", "rejected"):
            columns: dict[str, Any] = {name: pa.nulls(count, table.field(name).type) for name in table.names}
            columns["id"] = pa.array([f"{n:08x}{rng.integers(1 << 62):024x}" for n in range(count)])
            columns["source"] = pa.array(["made"] * count)
            columns["host"] = pa.array([f"h{n}.example" for n in rng.zipf(1.3, count) % 100_000])
            columns["language"] = pa.array(rng.choice(["en", "de", "fr"], count))
            measured = [
                pa.array(rng.gamma(2, 200, count).round() if name == "words" else rng.beta(1, 9, count))
                for name in recipe.signals
            ]
            columns["signals"] = pa.StructArray.from_arrays(measured, recipe.signals)
            columns["removed"] = pa.array([[]] * count, table.field("removed").type)
            if sub == "rejected":
                columns["verdict"] = pa.array(["rejected"] * count)
                columns["reason"] = pa.array(rng.choice(reasons, count))
                columns["value"] = pa.array(rng.beta(1, 9, count))
            kind = table if sub == "rejected" else schema.published("web", recipe.signals)
            with ShardWriter(str(folder / sub / f"part-{number:05d}-of-00016.parquet"), kind) as writer:
                writer.write(pa.table({name: columns[name] for name in kind.names}, schema=kind))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", nargs="*", default=[])
    parser.add_argument("--texts", help="A table of texts, of which each of --recipes makes a corpus in --work.")
    parser.add_argument("--recipes", nargs="*", default=[])
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if options.corpus or options.recipes:
        pipeline.MINIMUM_SHARDS = 2
        print(
            "| recipe | documents | kept | all ids the same | the same but for what is not known | wrong | not known | lost to newcomers |"
        )
        print("|---|---|---|---|---|---|---|---|", flush=True)
        with session("whatif", "sail") as inner:
            s = Inline(inner.name, lambda: inner.spark, 1)
            made = [str(options.work / name) for name in options.recipes]
            for name, corpus in zip(options.recipes, made, strict=True):
                if not Path(corpus).exists():
                    make(s, options.texts, load(name), corpus)
            for corpus in [*options.corpus, *made]:
                found = compare(s, corpus, options.changes)
                print("\n".join([found.row(), *found.wrong]), flush=True)
    if options.rows:
        folder = options.work / f"made-{options.rows}"
        if not folder.exists():
            made_up(folder, options.rows)
        size = sum(pq.read_metadata(path).num_rows for path in [*folder.glob("*/*.parquet")])
        for words in (
            ["WordCount.minimum=100"],
            ["WordCount.minimum=100", "StopWords.minimum=1", "RepeatedLines.max_share=0.1"],
        ):
            start, cpu = time.perf_counter(), time.process_time()
            found = answer.ask(str(folder), words)
            spent = time.perf_counter() - start
            print(f"{size:,} rows, {' '.join(words)}: {spent:.1f} s, {time.process_time() - cpu:.1f} s of CPU time; "
                  f"{found.kept:,} kept, {found.unknown:,} not known")  # fmt: skip


if __name__ == "__main__":
    main()
