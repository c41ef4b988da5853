"""Every extraction engine on every labelled page: quality by set and by kind of page, in one table.

    python -m benchmarks.extraction [--cache DIR] [--cv FILE.jsonl] [--sets FILE.jsonl] [--json]
    python -m benchmarks.extraction --speed [--pages 120]

Quality: token-level precision, recall and F1 (multisets of lower-case words), ROUGE-LSum, and the share of pages that
are lost (F1 below .3); means over pages. Differences to trafilatura with 95 % intervals by resampling whole domains.
`--cv` and `--sets` name what `benchmarks.extractor_cv` wrote: texts of the engine `curate` by models that never saw the
page's domain (or its set); the engine itself has seen these pages in training, so its own texts would flatter it.
Speed: CPU time of all engines side by side on the same pages in one run, median of five rounds.
"""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np

from benchmarks.extractor_pages import Page, pages
from benchmarks.extractor_scores import CATASTROPHE, Score, paired_interval, score, tokens
from curate.html.extractors import clean_html, clean_text, extractor

REFERENCE = "trafilatura"
OWN = "curate (not trained on these)"
Engine = Callable[[str, str | None], str]


def _trafilatura_default(html: str, url: str | None) -> str:
    import trafilatura

    return trafilatura.extract(html, url=url) or ""


def _trafilatura_fast(html: str, url: str | None) -> str:
    import trafilatura

    return trafilatura.extract(html, url=url, fast=True, include_comments=False) or ""


def _justext(html: str, url: str | None) -> str:
    import justext

    kept = justext.justext(html, justext.get_stoplist("English"))
    return "\n".join(paragraph.text for paragraph in kept if not paragraph.is_boilerplate)


PEERS: dict[str, Engine] = {
    "trafilatura": extractor("trafilatura"),
    "trafilatura-comments": _trafilatura_default,  # its own defaults
    "trafilatura-fast": _trafilatura_fast,
    "resiliparse": extractor("resiliparse"),
    "justext": _justext,
}


@dataclass(frozen=True)
class Results:
    """One engine's scores, in the order of the pages."""

    name: str
    scores: list[Score]

    def f1(self, chosen: Sequence[int] | None = None) -> float:
        """Mean F1 over the chosen pages (all by default)."""
        picked = self.scores if chosen is None else [self.scores[i] for i in chosen]
        return statistics.fmean(one.f1 for one in picked)


def texts_of(name: str, engine: Engine, labelled: Sequence[Page], cache: Path | None) -> dict[str, str]:
    """Text of every page by its path; read from and kept in `cache` when there is one."""
    file = cache / f"{name}.jsonl" if cache else None
    if file and file.exists():
        return stored(file)
    found = {}
    for page in labelled:
        try:
            found[page.path] = clean_text(engine(clean_html(page.html), page.url))
        except Exception as error:  # whatever an engine raises costs this page
            print(f"{name}: {page.path}: {type(error).__name__}")
            found[page.path] = ""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            out.writelines(json.dumps({"path": path, "text": text}) + "\n" for path, text in found.items())
    return found


def stored(file: Path, unsure: float = 0.0, instead: dict[str, str] | None = None) -> dict[str, str]:
    """Texts by path from a file; where its expected F1 is below `unsure`, the text of `instead`."""
    found = {}
    with open(file, encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            low = instead is not None and row.get("expected", 1.0) < unsure
            found[row["path"]] = instead[row["path"]] if low and instead else row["text"]
    return found


def quality(args: argparse.Namespace, labelled: Sequence[Page]) -> list[Results]:
    """Scores of every engine, the reference first."""
    texts = {name: texts_of(name, engine, labelled, args.cache) for name, engine in PEERS.items()}
    some = [page for page in labelled if page.partial]
    texts[OWN] = texts_of("curate-partial", extractor("curate"), some, args.cache)
    for label, file in (("curate (held-out domains)", args.cv), ("curate (held-out sets)", args.sets)):
        if file:
            texts[f"{label}, no fall-back"] = stored(file)
            texts[label] = stored(file, args.unsure, texts[REFERENCE])
    return [
        Results(name, [score(found.get(page.path, ""), page.gold) for page in labelled])
        for name, found in texts.items()
    ]


def tables(results: Sequence[Results], labelled: Sequence[Page]) -> Iterator[str]:
    """The tables as Markdown."""
    everything, results = results, [one for one in results if one.name != OWN]
    full = [i for i, page in enumerate(labelled) if not page.partial]
    domains = [labelled[i].domain for i in full]
    base = [results[0].scores[i].f1 for i in full]
    yield "| engine | F1 | P | R | ROUGE-LSum | lost pages | difference in F1 to trafilatura [95 %] |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for one in results:
        picked = [one.scores[i] for i in full]
        f1 = [item.f1 for item in picked]
        mean, low, high = paired_interval(f1, base, domains)
        lost = np.mean(np.array(f1) < CATASTROPHE)
        columns = [
            statistics.fmean(getattr(item, key) for item in picked) for key in ("f1", "precision", "recall", "rouge")
        ]
        numbers = " | ".join(f"{value:.3f}" for value in columns)
        yield f"| {one.name} | {numbers} | {lost:.1%} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] |"
    for title, key in (("set", "set"), ("kind of page", "kind")):
        yield ""
        yield f"F1 by {title}:"
        yield ""
        yield from by_group(results, labelled, full, title, key)
    yield ""
    yield "Recall on the sets whose gold is a part of the text:"
    yield ""
    yield from partial_sets(everything, labelled)


def by_group(
    results: Sequence[Results], labelled: Sequence[Page], full: Sequence[int], title: str, key: str
) -> Iterator[str]:
    """One row a group of pages, one column an engine."""
    yield f"| {title} | pages | " + " | ".join(one.name for one in results) + " |"
    yield "|---|--:|" + "--:|" * len(results)
    for group in sorted({getattr(labelled[i], key) for i in full}):
        chosen = [i for i in full if getattr(labelled[i], key) == group]
        numbers = " | ".join(f"{one.f1(chosen):.3f}" for one in results)
        yield f"| {group} | {len(chosen)} | {numbers} |"


def partial_sets(results: Sequence[Results], labelled: Sequence[Page]) -> Iterator[str]:
    some = [one for one in results if one.name == OWN or not one.name.startswith("curate")]
    yield "| set | pages | " + " | ".join(one.name for one in some) + " |"
    yield "|---|--:|" + "--:|" * len(some)
    for group in sorted({page.set for page in labelled if page.partial}):
        chosen = [i for i, page in enumerate(labelled) if page.set == group]
        numbers = " | ".join(f"{statistics.fmean(one.scores[i].recall for i in chosen):.3f}" for one in some)
        yield f"| {group} | {len(chosen)} | {numbers} |"


def speed(labelled: Sequence[Page], count: int, rounds: int = 5) -> Iterator[str]:
    """Pages a second of CPU time of every engine on the same pages, median of `rounds`, engines taking turns."""
    picked = labelled[:: max(1, len(labelled) // count)][:count]
    engines = {**PEERS, "curate": extractor("curate")}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for engine in engines.values():
        engine(picked[0].html, None)
    for _ in range(rounds):
        for name, engine in engines.items():
            start = process_time()
            for page in picked:
                engine(page.html, page.url)
            times[name].append(process_time() - start)
    base = statistics.median(times[REFERENCE])
    yield f"{len(picked)} pages, {sum(len(page.html) for page in picked) / len(picked) / 1000:.0f} kB on average"
    yield ""
    yield "| engine | pages a CPU second | times trafilatura |"
    yield "|---|--:|--:|"
    for name, values in times.items():
        middle = statistics.median(values)
        yield f"| {name} | {len(picked) / middle:.1f} | {base / middle:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder that keeps the engines' texts")
    parser.add_argument("--cv", type=Path)
    parser.add_argument("--sets", type=Path)
    parser.add_argument("--unsure", type=float, help="fall back below this expected F1 (default: the model's)")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--json", action="store_true", help="the means as JSON")
    args = parser.parse_args()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    labelled = [page for page in pages(testdata) if tokens(page.gold)]
    if args.speed:
        print("\n".join(speed([page for page in labelled if not page.partial], args.pages)))
        return
    if args.unsure is None and (args.cv or args.sets):
        from curate.html.model import model

        args.unsure = model().unsure
    results = quality(args, labelled)
    if args.json:
        full = [i for i, page in enumerate(labelled) if not page.partial]
        print(json.dumps({one.name: round(one.f1(full), 6) for one in results}))
        return
    print("\n".join(tables(results, labelled)))


if __name__ == "__main__":
    main()
