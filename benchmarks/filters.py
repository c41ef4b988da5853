"""Documents and megabytes a second of each filter on one core, beside datatrove's on the same texts.

    python -m benchmarks.filters [--peer /path/to/venv/of/datatrove/bin/python] [--save FILE]

Rounds of both sides alternate, so a busy machine slows both; the medians are of CPU time. datatrove runs in a Python
of its own (`pip install "datatrove[processing]"`): it gets the texts in a file and answers with seconds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.real_texts import pages
from curate.filters import badwords, c4, fineweb, gopher, language, repetition
from curate.filters.base import Document

GROUPS: dict[str, Callable[[], list[Any]]] = {
    "C4 quality": lambda: [
        c4.LineRules(
            rules=("long_word", "citation", "no_end_mark", "few_words"),
            count_after_citations=False,
            end_marks=".?!\"'",
            exact=True,
        ),
        c4.LoremIpsum(exact=True),
        c4.LineRules(rules=("javascript",)),
        c4.CurlyBracket(marks="{"),
        c4.LineRules(rules=("policy",), exact=True),
        c4.TooFewSentences(minimum=5, splitter="punkt"),
    ],
    "C4 bad words": lambda: [badwords.BadWords(words="ldnoobw-c4")],
    "Gopher quality": lambda: [
        gopher.WordCount(split_punctuation=True),
        gopher.WordLength(split_punctuation=True),
        gopher.SymbolRatio(split_punctuation=True),
        gopher.BulletLines(bullets=("\u2022", "-"), blank_lines=True),
        gopher.EllipsisLines(closers="", blank_lines=True),
        gopher.WordsWithoutLetters(split_punctuation=True),
        gopher.StopWords(ignore_case=False),
    ],
    "Gopher repetition": lambda: [
        repetition.RepeatedParagraphs(blank_lines=True),
        repetition.RepeatedLines(blank_lines=True),
        repetition.TopNgrams(),
        repetition.RepeatedNgrams(),
    ],
    "FineWeb quality": lambda: [
        fineweb.LinesWithoutPunctuation(),
        fineweb.ShortLines(),
        fineweb.RepeatedLineChars(),
        fineweb.NewlineRatio(),
    ],
}
SINGLE: tuple[Any, ...] = (
    c4.TooLong(),
    c4.CurlyBracket(),
    c4.LoremIpsum(),
    c4.LineRules(),
    c4.TooFewSentences(),
    c4.TooFewSentences(splitter="punkt"),
    c4.FewLongLines(),
    badwords.BadWords(),
    badwords.BadWords(words="ldnoobw-c4"),
    language.FastText(),
    language.FastText(max_chars=2000),
    language.LangDetect(),
    *(step for name in ("Gopher quality", "Gopher repetition", "FineWeb quality") for step in GROUPS[name]()),
)

PEER = r"""
import json, sys, time, warnings
warnings.filterwarnings("ignore")
from loguru import logger
logger.remove()
from datatrove.data import Document
from datatrove.pipeline import filters as f
from datatrove.pipeline.filters.c4_filters import C4BadWordsFilter, C4QualityFilter
from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
texts = json.load(open(sys.argv[1], encoding="utf-8"))
make = {"C4 quality": C4QualityFilter, "Gopher quality": GopherQualityFilter,
        "Gopher repetition": GopherRepetitionFilter, "FineWeb quality": FineWebQualityFilter}
made = {name: kind() for name, kind in make.items()}
if len(sys.argv) > 2:
    import re
    lists = C4BadWordsFilter()
    words = [re.escape(w) for w in json.load(open(sys.argv[2], encoding="utf-8"))]
    lists._badwords_regex["en"] = re.compile(r"(?:\W|^)({})(?:\W|$)".format("|".join(words)))
    made["C4 bad words"] = lists
def keeps(step, text):
    try:
        return step.filter(Document(text=text, id="0", metadata={"language": "en"})) is True
    except ZeroDivisionError:
        return False
for step in made.values():
    keeps(step, "Load what is needed. Then measure.")
from importlib.metadata import version
print("ready", version("datatrove"), flush=True)
for name in sys.stdin:
    step = made[name.strip()]
    start = time.process_time()
    kept = [keeps(step, text) for text in texts]
    print(json.dumps([time.process_time() - start, kept]), flush=True)
"""


def run_steps(steps: Sequence[Any], texts: Sequence[str]) -> tuple[float, list[bool]]:
    """(seconds of CPU, whether each text stays) for a group of steps; the first rejection ends a text's turn."""
    kept = []
    start = time.process_time()
    for text in texts:
        doc, reason = Document("0", text, language="en"), None
        for step in steps:
            decision = step(doc)
            doc, reason = decision.doc, decision.reason
            if reason:
                break
        kept.append(reason is None)
    return time.process_time() - start, kept


def against_peer(peer: Path, texts: Sequence[str], rounds: int) -> list[str]:
    """Rows of the table of groups: ours and datatrove's, in alternating rounds."""
    with tempfile.TemporaryDirectory() as scratch:
        names = Path(scratch, "texts.json"), Path(scratch, "words.json"), Path(scratch, "peer.py")
        names[0].write_text(json.dumps(list(texts)), encoding="utf-8")
        names[1].write_text(json.dumps(sorted(badwords.load_words("ldnoobw-c4", "en"))), encoding="utf-8")
        names[2].write_text(PEER, encoding="utf-8")
        command = [str(peer), str(names[2]), str(names[0]), str(names[1])]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            ready, _, version = process.stdout.readline().strip().partition(" ")
            if ready != "ready":
                raise SystemExit("datatrove did not start")
            rows = [
                f"| group | curate, docs/s | datatrove {version}, docs/s | ratio | same decision |",
                "|---|--:|--:|--:|--:|",
            ]
            for name, make in GROUPS.items():
                ours, theirs = [], []
                for _ in range(rounds):
                    ours.append(run_steps(make(), texts))
                    process.stdin.write(name + "\n")
                    process.stdin.flush()
                    theirs.append(json.loads(process.stdout.readline()))
                rows.append(_row(name, ours, theirs))
            process.stdin.close()
    return rows


def _row(name: str, ours: list[Any], theirs: list[Any]) -> str:
    fast, slow = (statistics.median(seconds for seconds, _ in side) for side in (ours, theirs))
    mine, other = ours[0][1], theirs[0][1]
    same = sum(a == b for a, b in zip(mine, other, strict=True)) / len(mine)
    number = len(mine)
    return f"| {name} | {number / fast:,.0f} | {number / slow:,.0f} | {slow / fast:.1f} | {same:.1%} |"


def single(texts: Sequence[str], rounds: int) -> list[str]:
    """Rows of the table of single steps: with caches as they are when it runs alone."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    rows = []
    for step in SINGLE:
        run_steps([step], texts[:5])
        seconds = statistics.median(run_steps([step], texts)[0] for _ in range(rounds))
        rows.append(f"| `{step!r}` | {len(texts) / seconds:,.0f} | {size / seconds:,.0f} |")
    return rows


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="the Python of an environment with datatrove")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not root.is_dir():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    found = [page.text for page in pages(root) if page.kind == "main text"]
    texts = found[:: max(1, len(found) // options.texts)]
    mean = sum(map(len, texts)) / len(texts)
    out = [
        "# Speed of the filters",
        "",
        f"{date.today()}, `python -m benchmarks.filters --peer …`, Python {sys.version.split()[0]}, "
        f"{os.cpu_count()} cores of which one is used; {len(texts)} main texts of real web pages, "
        f"{mean:,.0f} characters on average; medians of {options.rounds} rounds of CPU time. The machine was busy "
        "with other work: trust the ratios more than the numbers.",
        "",
        "Most of datatrove's time goes into its tokenizer (spaCy), which makes words of punctuation; curate splits at white "
        "space. That is also where the decisions differ.",
        "",
    ]
    if options.peer:
        out += [*against_peer(options.peer, texts, options.rounds), ""]
    out += ["| step alone | docs/s | MB/s |", "|---|--:|--:|", *single(texts, options.rounds), ""]
    page = "\n".join(out)
    print(page)
    if options.save:
        options.save.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
