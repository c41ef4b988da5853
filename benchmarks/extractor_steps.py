"""Milliseconds a page of each step of the extraction engine, next to what parsing alone costs others.

python -m benchmarks.extractor_steps [--pages 120]
"""

import argparse
import os
import statistics
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from benchmarks.extractor_pages import pages
from curate.html import extract
from curate.html.columns import FEATURES
from curate.html.context import CONTEXT, context
from curate.html.features import fill, word_logits
from curate.html.layout import name_logits
from curate.html.measure import WORDS
from curate.html.model import model
from curate.html.page import read_page
from curate.html.scan import scan
from curate.html.tags import NAMES, tables
from curate.html.tape import grown, new_tape
from curate.html.trees import probabilities


def scanned(html: str) -> Any:
    """The scan alone: a string in, blocks out."""
    source = html.encode("utf-8", "replace")
    tape = new_tape(len(source), len(NAMES))
    while not scan(np.frombuffer(source, np.uint8), tape, tables()):
        tape = grown(tape)
    return tape


def steps(html: str, spent: dict[str, float]) -> None:
    """Run the engine's steps on a page, adding their seconds to `spent`."""
    weights = model()
    clock = [process_time()]

    def done(name: str) -> None:
        spent[name] = spent.get(name, 0.0) + process_time() - clock[0]
        clock[0] = process_time()

    scanned(html)
    done("encode and scan")
    page = read_page(html)
    done("encode, scan, measure, layout")
    facts, count = page.facts, page.count
    name_logits(facts.nodes, len(facts.nodes), page.tape.tokens, weights.names, facts.places)
    word_logits(facts.words, weights.words, facts.logits)
    rows = np.empty((count, len(FEATURES) + len(CONTEXT)), np.float32)
    fill(facts, 0, count, rows)
    done("features")
    one, around = np.zeros(count, np.float32), np.empty((count, len(CONTEXT)), np.float32)
    probabilities(weights.one, rows, one)
    done("first pass")
    context(facts, one, around)
    rows[:, len(FEATURES) :] = around
    done("context")
    probabilities(weights.two, rows, one)
    done("second pass")
    keep, expected = extract.decide(one, facts.measures[:, WORDS].astype(np.float64))
    extract.assemble(extract.Judged(page, one, keep, expected, False))
    done("choice and lines")


def parsers() -> dict[str, Callable[[str], Any]]:
    """Parsers of others, bare."""
    from lxml import html as lxml_html
    from resiliparse.parse.html import HTMLTree

    return {"resiliparse": HTMLTree.parse, "lxml": lxml_html.fromstring, "ours (scan)": scanned}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    every = [page.html.replace("\x00", "") for page in pages(testdata) if not page.partial]
    picked = every[:: max(1, len(every) // args.pages)][: args.pages]
    rounds: dict[str, list[float]] = {}
    for _ in range(args.rounds + 1):  # the first warms up
        spent: dict[str, float] = {}
        for html in picked:
            steps(html, spent)
        for name, parse in parsers().items():
            start = process_time()
            for html in picked:
                parse(html)
            spent[f"bare parse: {name}"] = process_time() - start
        for name, seconds in spent.items():
            rounds.setdefault(name, []).append(seconds)
    print("| step | ms a page |\n|---|--:|")
    for name, values in rounds.items():
        print(f"| {name} | {1000 * statistics.median(values[1:]) / len(picked):.2f} |")


if __name__ == "__main__":
    main()
