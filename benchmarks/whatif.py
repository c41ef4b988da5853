"""`curate whatif` against the truth, and its time: `python -m benchmarks.whatif --corpus CORPUS --changes 20`, `--rows 1000000`.

CORPUS is the output of `curate clean` with extracted/ kept, by a recipe without corpus-wide steps: the changed recipe is truly run
on its extracted texts, in this process. With --rows a corpus of made-up measurements is written to --work and asked.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.corpus import schema
from curate.corpus.lookup import parts
from curate.corpus.recipe import Recipe, load
from curate.corpus.shards import ShardWriter, read_batches
from curate.errors import CurateError
from curate.quality import answer, changes, stored, whatif
from curate.run import passes


def truth(corpus: str, recipe: Recipe, limit: int) -> tuple[set[str], int]:
    """(ids that the recipe keeps of the first `limit` extracted documents, how many these are)."""
    kept: set[str] = set()
    steps = list(zip(recipe.labels, recipe.steps, strict=True))
    seen = 0
    for path in parts(corpus, "extracted"):
        for batch in read_batches(path):
            batch = batch.slice(0, max(0, limit - seen))
            seen += batch.num_rows
            rows = passes._rows(batch)
            passes.judge(rows, steps)
            kept.update(row["id"] for row in rows if row["verdict"] is None)
        if seen >= limit:
            break
    return kept, seen


def random_change(known: stored.Stored, rng: np.random.Generator) -> Recipe | None:
    """One to three limits moved to where a stored document stands."""
    numbers = [
        (at, limit)
        for at, step in enumerate(known.recipe.steps)
        for limit in whatif.limits_of(step)
        if limit.parameter and limit.at is None and limit.signal in known.signals
    ]
    values: dict[tuple[int, str], Any] = {}
    for pick in rng.choice(len(numbers), int(rng.integers(1, 4)), replace=False):
        at, limit = numbers[pick]
        measured = known.signals[limit.signal]
        value = float(rng.choice(measured[~np.isnan(measured)]))
        now = getattr(known.recipe.steps[at], limit.parameter)
        values[at, limit.parameter] = int(value) if isinstance(now, int) else value
    try:
        return changes.changed(known.recipe, values)
    except CurateError:
        return None


def compare(corpus: str, count: int, limit: int) -> None:
    known = stored.read(corpus)
    judge, rng = whatif.Judge(known), np.random.default_rng(11)
    ids = np.array(known.ids.to_pylist())
    done = same = 0
    least, most, unknown = 1 << 60, 0, 0
    while done < count:
        new = random_change(known, rng)
        if new is None:
            continue
        kept, seen = truth(corpus, new, limit)
        outcome = judge(new)
        first = set(np.sort(ids)[:seen])
        told = set(ids[outcome.verdict == whatif.KEPT]) & first
        unsure = set(ids[outcome.verdict == whatif.UNKNOWN]) & first
        same += told == kept or told ^ kept <= unsure
        least, most, unknown = min(least, len(kept)), max(most, len(kept)), unknown + len(unsure)
        done += 1
    print(f"{known.recipe.name}: {same} of {count} changes with the same ids kept; {seen} documents, {least} to {most} kept, "
          f"{unknown} not known in all")  # fmt: skip


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
    parser.add_argument("--corpus")
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    if options.corpus:
        compare(options.corpus, options.changes, options.documents)
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
