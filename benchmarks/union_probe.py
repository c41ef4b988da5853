"""Is what `--extractor union` adds worth training on? `python -m benchmarks.union_probe CRAWL --data DIR --work DIR [--recipes c4 gopher] [--train]`

CRAWL is a folder of crawl files, DIR of --data the test data (CURATE_TESTDATA). `curate clean` makes a corpus by each recipe with the
extractors `curate`, `trafilatura` and `union`: documents, tokens (`nano`'s), CPU time of the job. What union adds to `curate`'s corpus
is written to WORK/RECIPE-added.txt in an order of a hash, to be read by eye, and compared with all other documents of union's (Jaccard and
containment over runs of five words, exact). `--train` asks `curate probe-train` three questions about the first recipe, `nano`, one thread:

| | corpora | tokens of a run | seeds, each with documents of its own |
|---|---|---|---|
| mixed | all of `curate`'s, all of union's | the same for both: a compute-limited user | 4 |
| added | what union adds; as many tokens of `curate`'s corpus drawn by hash | 60 % of their tokens: three epochs of a fifth | 5 |
| repeated | half of the pages, by hash: union's, `curate`'s | one pass of union's; `curate`'s repeated to as many: a data-limited user | 3 |

Held out is text that neither engine chose: news of Reuters, two novels, articles of WikiText-2 (benchmarks/quality_probe.py), and the
hand-made text of English news pages of 2011-12 whose pages are in no corpus; 100 kB of each, all sources pooled.

The rule, written before anything was trained (the corpora had been made and counted, none of their texts read): bits per byte of the held-out
text decides, 0.5 % of it is the smallest difference that matters, and the probe's own verdict is the answer to each question.

* worse, better: the probe says that one corpus is better (p below .05 for this experiment). Three questions are asked: where p is .017 or
  more it is called weak evidence. Where the winner's documents are shorter by a quarter and more, as the probe says itself, it is no answer.
* equal: "no difference shown", the whole 95 % interval within 0.5 %.
* anything else: it cannot be told, and the interval says how much worse or better it may be.

The answer for a user is the one to `mixed` (tokens cost) and to `repeated` (pages lack); `added` says why.
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
from curate.filters.sampling import uniform
from curate.filters.text import words
from train_probe.__main__ import main as probe
from train_probe.tokenizer import Tokenizer, shipped

EXTRACTORS = ("curate", "trafilatura", "union")
HELD_OUT_BYTES, RUN, NEAR = 100_000, 5, 0.5
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


def compare(work: Path, recipe: str) -> dict[str, dict[str, Kept]]:
    """Print what the three extractors leave, and what union adds; the corpora by extractor."""
    tokenizer = shipped(NANO)
    corpora = {name: kept(work / f"{recipe}-{name}", tokenizer) for name in EXTRACTORS}
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
    more = total(union.values()) / total(first.values()) - 1
    print(
        f"\nunion: {more:+.1%} tokens; {len(added)} documents more ({total(added):,} tokens), {len(gone)} fewer ({total(gone):,}), "
        f"{len(edited)} with another text; {sum(doc.id in corpora['trafilatura'] for doc in added)} of those more are in trafilatura's corpus"
    )
    near = alike(added, union)
    print(
        f"of those more, {sum(jaccard >= NEAR for jaccard, _ in near.values())} have a Jaccard of {NEAR} and more with another document, "
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


def train(work: Path, data: Path, corpora: Mapping[str, Mapping[str, Kept]], tokens: int, only: Sequence[str]) -> int:
    """The three experiments; the exit code of the first that fails."""
    rows = [{"text": text, "source": name} for name, text in (*held_out(data), *web(data))]
    (work / "held_out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, union = corpora["curate"], corpora["union"]
    added = added_by(union, first)
    half_first, half_union = (
        [doc for doc in docs.values() if uniform(doc.id, "half") < 0.5] for docs in (first, union)
    )
    asked: dict[str, tuple[dict[str, Iterable[Kept]], int, int]] = {
        "mixed": ({"curate": first.values(), "union": union.values()}, tokens, 4),
        "added": ({"curate": drawn(first.values(), total(added)), "added": added}, total(added) * 3 // 5, 5),
        "repeated": ({"curate": half_first, "union": half_union}, total(half_union) // 3, 3),
    }
    for name in only:
        shards, budget, seeds = asked[name]
        print(
            f"\n{name}: {', '.join(f'{one} {len(list(docs)):,} documents, {total(docs):,} tokens' for one, docs in shards.items())}"
        )
        arguments = [
            word
            for one, docs in shards.items()
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
            str(budget),
            "--seeds",
            str(seeds),
            "--documents",
            "apart",
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
    parser.add_argument("--recipes", nargs="+", default=["c4"])
    parser.add_argument(
        "--train", nargs="*", choices=("mixed", "added", "repeated"), help="which; all where none is named"
    )
    parser.add_argument("--tokens", type=int, default=240_000, help="of a run of `mixed`")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    found = []
    for recipe in options.recipes:
        for extractor in EXTRACTORS:
            clean(options.crawl, recipe, extractor, options.work / f"{recipe}-{extractor}")
        found.append(compare(options.work, recipe))
    if options.train is None:
        return 0
    return train(options.work, options.data, found[0], options.tokens, options.train or ("mixed", "added", "repeated"))


if __name__ == "__main__":
    sys.exit(main())
