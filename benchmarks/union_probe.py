"""Is what `--extractor union` adds worth training on?

    python -m benchmarks.union_probe CRAWL --data DIR --work DIR [--train added mixed repeated matched longer]

CRAWL is a folder of crawl files, DIR of --data the test data (CURATE_TESTDATA). `curate clean` makes a corpus by the recipes c4 and gopher
with the extractors `curate`, `trafilatura` and `union`: documents, tokens (`nano`'s), CPU time of the job. How much union adds where a
recipe is stricter is told from the texts of both engines, by the steps on one document of gopher and fineweb and a cut by the shipped model
of quality behind them. `strict` is such a recipe, gopher's rules and that model at a score that a third passes; its corpora are made by
`curate` and `union`. What union adds is written to WORK/RECIPE-added.txt in an order of a hash, to be read by eye, and compared with all
other documents of union's (Jaccard and containment over runs of five words, exact).

`--train` asks `curate probe-train` questions about `strict`, where union adds most; `nano`, one thread, each seed with documents of its own but for `matched`:

| | corpora | tokens of a run | seeds |
|---|---|---|---|
| added | what union adds; as many tokens of `curate`'s corpus drawn by hash | 60 % of their tokens: three epochs of a fifth | 5 |
| mixed | all of `curate`'s, all of union's | as in `added`: a compute-limited user | 3 |
| repeated | a part of the pages, by hash: union's, `curate`'s | as in `added`: one pass of union's, `curate`'s repeated: a data-limited user | 3 |
| matched | what union adds; two times as many of `curate`'s documents, each of nearly the length of an added one | one pass of all, which all seeds share | 3 |
| longer | as `mixed` | 300,000 | 5 |

Held out is text that neither engine chose: news of Reuters, two novels, articles of WikiText-2 (benchmarks/quality_probe.py), and the
hand-made text of English news pages of 2011-12 whose pages are in no corpus; 60 kB of each, all sources pooled.

The rule, written before anything was trained (the corpora had been made and counted, none of their texts read): bits per byte of the held-out
text decides, 0.5 % of it is the smallest difference that matters, and the probe's own verdict is the answer to each question.

* worse, better: the probe says that one corpus is better (p below .05 for this experiment). Five questions are asked: where p is .01 or
  more it is called weak evidence. Where the winner's documents are shorter by a quarter and more, as the probe says itself, it is no answer.
* equal: "no difference shown", the whole 95 % interval within 0.5 %.
* anything else: it cannot be told, and the interval says how much worse or better it may be.

`matched`: the two times `curate`'s say what another draw of documents does. It is worse or better only where the probe says so against both.

The answer for a user is the one to `mixed` (tokens cost) and to `repeated` (pages lack); `added` says why. First c4 was to be trained on. Its
union has 22 documents more (.8 % of the tokens), with which nothing can be shown, so `strict` took its place, before any training. `matched`
and `longer` were added while `added` ran (one pair of its five was finished, of which one figure had been seen, not the difference): the
documents that were drawn for it are a third longer than those added, and time was left. `matched` got its shape when `added` had been found
too noisy to tell anything (a fifth is 13 or 16 documents), before it was trained, and `longer` its five seeds (three of 500,000 tokens before)
when `mixed` had an interval of .7 %, too wide by a little.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from benchmarks.extractor_pages import news
from benchmarks.quality_probe import PIECE, held_out
from curate.corpus.recipe import is_corpus_wide, load
from curate.filters.base import Document, Step
from curate.filters.quality import Quality
from curate.filters.sampling import uniform
from curate.filters.text import words
from train_probe.__main__ import main as probe
from train_probe.tokenizer import Tokenizer, shipped

EXTRACTORS = ("curate", "trafilatura", "union")
HELD_OUT_BYTES, RUN, NEAR = 60_000, 5, 0.5
LONGER = 300_000
SHARES = (1.0, 0.5, 0.33, 0.1)
STRICT = '\n[[step]]\nuse = "filters.quality.Quality"\nminimum = 0.98\n'
NANO = 4096


class Kept(NamedTuple):
    """A document of a corpus; `tokens` as the model `nano` counts them, the end token among them."""

    id: str
    url: str
    extractor: str
    text: str
    tokens: int


def clean(crawl: Path, recipe: str, extractor: str, output: Path) -> None:
    """Run the job as a user would, on one core; CPU seconds of all its processes are written beside the corpus. A corpus that exists stays."""
    if output.exists():
        return
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "curate",
        "clean",
        "--input",
        str(crawl),
        "--recipe",
        recipe,
        "--extractor",
        extractor,
    ]
    subprocess.run([*command, "--cores", "1", "--quiet", "--output", str(output)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    output.with_suffix(".seconds").write_text(f"{seconds:.1f}")


def kept(folder: Path, tokenizer: Tokenizer) -> dict[str, Kept]:
    """The documents of a corpus by id."""
    rows = pq.read_table(folder / "data", columns=["id", "url", "extractor", "text"]).to_pylist()
    counts = [len(ids) + 1 for ids in tokenizer.encode([row["text"] for row in rows])]
    return {row["id"]: Kept(**row, tokens=count) for row, count in zip(rows, counts, strict=True)}


def total(docs: Iterable[Kept]) -> int:
    return sum(doc.tokens for doc in docs)


def runs_of_words(text: str) -> set[int]:
    """Hashes of the runs of five words of a text."""
    found = [word.casefold() for word in words(text)]
    return {hash(tuple(found[at : at + RUN])) for at in range(max(1, len(found) - RUN + 1))}


def alike(added: Sequence[Kept], corpus: Mapping[str, Kept]) -> dict[str, tuple[float, float]]:
    """Of each added document the largest Jaccard with another one of the corpus, and the largest share of its runs that another one has."""
    sets = {key: runs_of_words(doc.text) for key, doc in corpus.items()}
    holders = defaultdict[int, list[str]](list)
    for key, found in sets.items():
        for one in found:
            holders[one].append(key)
    best: dict[str, tuple[float, float]] = {}
    for doc in added:
        own = sets[doc.id]
        common = Counter(other for one in own for other in holders[one] if other != doc.id)
        jaccard = max((count / (len(own) + len(sets[key]) - count) for key, count in common.items()), default=0.0)
        best[doc.id] = jaccard, max(common.values(), default=0) / len(own)
    return best


def compare(work: Path, recipe: str, extractors: Sequence[str]) -> dict[str, dict[str, Kept]]:
    """Print what the extractors leave, and what union adds; the corpora by extractor."""
    tokenizer = shipped(NANO)
    corpora = {name: kept(work / f"{recipe}-{name}", tokenizer) for name in extractors}
    print(f"\n| recipe {recipe} | documents | tokens | tokens a document | CPU s of the job |\n|---|--:|--:|--:|--:|")
    for name, docs in corpora.items():
        seconds = (work / f"{recipe}-{name}.seconds").read_text()
        print(
            f"| {name} | {len(docs):,} | {total(docs.values()):,} | {total(docs.values()) / len(docs):,.0f} | {seconds} |"
        )
    first, union = corpora["curate"], corpora["union"]
    added = added_by(union, first)
    gone = [doc for key, doc in first.items() if key not in union]
    edited = [key for key, doc in first.items() if key in union and union[key].text != doc.text]
    near = alike(added, union)
    print(
        f"\nunion: {total(union.values()) / total(first.values()) - 1:+.1%} tokens; {len(added)} documents more ({total(added):,} tokens), "
        f"{len(gone)} fewer ({total(gone):,}), {len(edited)} with another text. Of those more, "
        f"{sum(jaccard >= NEAR for jaccard, _ in near.values())} have a Jaccard of {NEAR} and more with another document, "
        f"of {sum(share >= NEAR for _, share in near.values())} another one holds half and more",
        flush=True,
    )
    with open(work / f"{recipe}-added.txt", "w", encoding="utf-8") as out:
        for doc in sorted(added, key=lambda one: uniform(one.id, "look")):
            jaccard, share = near[doc.id]
            out.write(
                f"##### {doc.id} {doc.url} {doc.tokens} tokens, Jaccard {jaccard:.2f}, held {share:.2f}\n{doc.text}\n\n"
            )
    return corpora


def score_if_kept(steps: Sequence[Step], model: Quality, row: Mapping[str, str]) -> float | None:
    """The quality of a text as the steps leave it; None where one drops it."""
    doc = Document(row["id"], row["text"], url=row["url"])
    for step in steps:
        decision = step(doc)
        if decision.reason:
            return None
        doc = decision.doc
    return model(doc).signals["quality"]


def strictness(work: Path, recipe: str) -> None:
    """Print what union adds by the steps of a recipe on one document, and where a share of `curate`'s pages passes the model of quality."""
    steps, model, tokenizer = (
        [step for step in load(recipe).steps if not is_corpus_wide(step)],
        Quality(),
        shipped(NANO),
    )
    found: dict[str, dict[str, tuple[float, int]]] = {}
    for name in ("curate", "trafilatura"):
        rows = pq.read_table(
            sorted((work / f"c4-{name}" / "extracted").glob("*.parquet")), columns=["id", "url", "text"]
        )
        scores = {row["id"]: (score_if_kept(steps, model, row), row["text"]) for row in rows.to_pylist() if row["text"]}
        found[name] = {
            key: (one, len(tokenizer.encode([text])[0]) + 1) for key, (one, text) in scores.items() if one is not None
        }
    first, second = found["curate"], found["trafilatura"]
    ranked = sorted((one for one, _ in first.values()), reverse=True)
    print(
        f"\n| rules of {recipe}, share that passes | documents | tokens | union: documents more | tokens more |\n|---|--:|--:|--:|--:|"
    )
    for share in SHARES:
        cut = ranked[round(share * len(ranked)) - 1] if share < 1 else 0.0
        ours = {key: tokens for key, (one, tokens) in first.items() if one >= cut}
        more = {key: tokens for key, (one, tokens) in second.items() if one >= cut and key not in ours}
        tokens = sum(ours.values())
        print(
            f"| {share:.0%} | {len(ours):,} | {tokens:,} | {len(more)} | {sum(more.values()):,} ({sum(more.values()) / tokens:+.1%}) |",
            flush=True,
        )


def added_by(union: Mapping[str, Kept], first: Mapping[str, Kept]) -> list[Kept]:
    return [doc for key, doc in union.items() if key not in first]


def drawn(docs: Iterable[Kept], tokens: int) -> list[Kept]:
    """Documents in an order of a hash until they have `tokens`."""
    found: list[Kept] = []
    for doc in sorted(docs, key=lambda one: uniform(one.id, "draw")):
        if total(found) >= tokens:
            break
        found.append(doc)
    return found


def web(data: Path) -> Iterator[tuple[str, str]]:
    """(source, text) of the English news pages, in pieces, as `held_out` gives the other sources."""
    for page in news(data):
        if page.kind == "English":
            text = "\n".join(line.strip() for line in page.gold.splitlines() if line.strip())
            yield from (("web articles", text[at : at + PIECE]) for at in range(0, len(text), PIECE))


def write(path: Path, docs: Iterable[Kept]) -> str:
    path.write_text("".join(json.dumps({"id": doc.id, "text": doc.text, "source": "web"}) + "\n" for doc in docs))
    return str(path)


def matched(added: Sequence[Kept], docs: Iterable[Kept]) -> tuple[list[Kept], list[Kept]]:
    """Two draws without a document in common: for each added document, the longest first, the two nearest to it in tokens that are left."""
    left = sorted(docs, key=lambda one: one.id)
    found: tuple[list[Kept], list[Kept]] = [], []
    for at, doc in enumerate(sorted(added, key=lambda one: (-one.tokens, one.id))):
        for turn in range(2):
            nearest = min(left, key=lambda one: abs(one.tokens - doc.tokens))
            left.remove(nearest)
            found[(at + turn) % 2].append(nearest)
    return found


def share_of(docs: Mapping[str, Kept], share: float) -> list[Kept]:
    """The documents of a share of all pages, the same ones in each corpus."""
    return [doc for doc in docs.values() if uniform(doc.id, "part") < share]


def train(work: Path, data: Path, first: Mapping[str, Kept], union: Mapping[str, Kept], only: Sequence[str]) -> int:
    """The experiments in the order of their names; the exit code of the first that fails."""
    rows = [{"text": text, "source": name} for name, text in (*held_out(data), *web(data))]
    (work / "held_out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    added = added_by(union, first)
    budget = total(added) * 3 // 5
    part = 3 * budget / total(union.values())
    whole = {"curate": list(first.values()), "union": list(union.values())}
    asked: dict[str, tuple[dict[str, list[Kept]], int, int]] = {
        "added": ({"curate": drawn(first.values(), total(added)), "added": added}, budget, 5),
        "mixed": (whole, budget, 3),
        "repeated": ({"curate": share_of(first, part), "union": share_of(union, part)}, budget, 3),
        "matched": (
            dict(zip(("curate", "curate-again"), matched(added, first.values()), strict=True)) | {"added": added},
            total(added),
            3,
        ),
        "longer": (whole, LONGER, 5),
    }
    for name in only:
        corpora, tokens, seeds = asked[name]
        print(
            f"\n{name}: "
            + ", ".join(f"{one} {len(docs):,} documents, {total(docs):,} tokens" for one, docs in corpora.items()),
            flush=True,
        )
        arguments = [
            word
            for one, docs in corpora.items()
            for word in ("--shards", f"{one}={write(work / f'{name}-{one}.jsonl', docs)}")
        ]
        arguments += [
            "--held-out",
            str(work / "held_out.jsonl"),
            "--held-out-bytes",
            str(HELD_OUT_BYTES),
            "--preset",
            "nano",
        ]
        arguments += [
            "--tokens",
            str(tokens),
            "--seeds",
            str(seeds),
            "--documents",
            "shared" if name == "matched" else "apart",
            "--no-tasks",
            "--device",
            "cpu",
        ]
        if code := probe(["train", *arguments, "--output", str(work / "probe" / name)]):
            return code
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--train", nargs="+", choices=("added", "mixed", "repeated", "matched", "longer"), default=[])
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    strict = options.work / "strict.toml"
    strict.write_text(load("gopher").text.replace('name = "gopher"', 'name = "strict"') + STRICT)
    made = {"c4": EXTRACTORS, "gopher": EXTRACTORS, str(strict): ("curate", "union")}
    corpora: dict[str, dict[str, Kept]] = {}
    for recipe, extractors in made.items():
        for extractor in extractors:
            clean(options.crawl, recipe, extractor, options.work / f"{Path(recipe).stem}-{extractor}")
        corpora = compare(options.work, Path(recipe).stem, extractors)
    for recipe in () if options.train else ("gopher", "fineweb"):
        strictness(options.work, recipe)
    return train(options.work, options.data, corpora["curate"], corpora["union"], options.train)


if __name__ == "__main__":
    sys.exit(main())
