"""Which fastText threshold comes nearest to C4's langdetect at 0.99, on sentences with a known language and on pages.

python -m benchmarks.language [--save benchmarks/results/language.md]
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.real_texts import pages
from curate.filters import assets, lid
from curate.filters.base import Document
from curate.filters.language import FastText, LangDetect

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
Scores = Sequence[float]


def labelled(root: Path, size: int, each: int = 60) -> tuple[list[str], list[bool]]:
    """Texts of `size` sentences, `each` per language, and whether they are English."""
    texts, english = [], []
    for path in sorted((root / "C-langid/lingua-testdata").rglob("sentences/*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        count = min(each * (8 if path.stem == "en" else 1), len(lines) // size)
        texts += ["\n".join(lines[i * size : (i + 1) * size]) for i in range(count)]
        english += [path.stem == "en"] * count
    return texts, english


def english_score(step: FastText | LangDetect, text: str) -> float:
    """The score of the best guess if that is English, else 0."""
    doc = step(Document("0", text)).doc
    return doc.language_score or 0.0 if doc.language == "en" else 0.0


def scores(step: FastText | LangDetect, texts: Sequence[str]) -> tuple[list[float], float]:
    """English scores, and texts per second of CPU."""
    english_score(step, "Load the model first.")
    start = time.process_time()
    found = [english_score(step, text) for text in texts]
    return found, len(texts) / (time.process_time() - start)


def rates(kept: Sequence[bool], english: Sequence[bool]) -> str:
    """Recall on English and the share of other languages let through, as two cells."""
    right = [k for k, e in zip(kept, english, strict=True) if e]
    wrong = [k for k, e in zip(kept, english, strict=True) if not e]
    return f"{sum(right) / len(right):.2%} | {sum(wrong) / len(wrong):.2%}"


def table(texts: Sequence[str], english: Sequence[bool] | None) -> list[str]:
    """Rows: langdetect at 0.99, then fastText at each threshold."""
    slow, slow_speed = scores(LangDetect(languages=()), texts)
    fast, fast_speed = scores(FastText(languages=()), texts)
    reference = [score >= 0.99 for score in slow]
    head = "| | kept | same decision as langdetect |" + (" English kept | others kept |" if english else "")
    rows = [head, "|---|--:|--:|" + ("--:|--:|" if english else "")]
    runs = [("langdetect 0.99", reference)]
    runs += [(f"fastText {limit:.2f}", [score >= limit for score in fast]) for limit in THRESHOLDS]
    for name, kept in runs:
        same = sum(a == b for a, b in zip(kept, reference, strict=True)) / len(kept)
        row = f"| {name} | {sum(kept):,} | {same:.2%} |"
        rows.append(row + (f" {rates(kept, english)} |" if english else ""))
    rows += ["", f"{slow_speed:,.0f} texts a second with langdetect, {fast_speed:,.0f} with fastText.", ""]
    return rows


def capitals(root: Path, each: int = 160) -> list[str]:
    """Sentences with their language as they stand, in capitals, and in capitals that are read in small letters."""
    known = [
        (path.stem, line)
        for path in sorted((root / "C-langid/lingua-testdata").rglob("sentences/*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()[:each]
    ]
    plain, folded = FastText(languages=(), fold_capitals=False), FastText(languages=())
    runs = (
        ("as they stand", plain, str),
        ("as they stand, `fold_capitals`", folded, str),
        ("in capitals", plain, str.upper),
        ("in capitals, `fold_capitals`", folded, str.upper),
    )
    rows = ["| sentences | right | right of the English ones |", "|---|--:|--:|"]
    for name, step, change in runs:
        right = [(want, step(Document("0", change(text))).doc.language == want) for want, text in known]
        english = [hit for want, hit in right if want == "en"]
        rows.append(f"| {name} | {sum(hit for _, hit in right) / len(right):.2%} | {sum(english) / len(english):.2%} |")
    return [f"{len(known):,} sentences in 75 languages, some of which the model does not know.", "", *rows, ""]


def beside_library(texts: Sequence[str], rounds: int = 5) -> list[str]:
    """lid.176 in our loops and in fastText's library, taking turns: CPU time, labels, scores to four digits."""
    import fasttext

    path = assets.find("lid.176")
    ours, library = lid.load(path), fasttext.load_model(str(path)).f
    assert ours is not None
    lines = [" ".join(text.split("\n")) for text in texts]
    lid.predict(ours, "")
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        start = time.process_time()
        found = [lid.predict(ours, line) for line in lines]
        middle = time.process_time()
        theirs = [library.predict(line + "\n", 1, 0.0, "replace")[0] for line in lines]
        times.append((middle - start, time.process_time() - middle))
    labels = sum("__label__" + a[0] != b[1] for a, b in zip(found, theirs, strict=True))
    scores = sum(round(a[1], 4) != round(b[0], 4) for a, b in zip(found, theirs, strict=True))
    mine, other = statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)
    return [
        f"{len(lines):,} texts, {sum(map(len, lines)) / 1e6:.1f} M characters, median of {rounds}: library {other:.2f} s of CPU time, "
        f"`filters.lid` {mine:.2f} s ({other / mine:.1f} times as fast). Another label: {labels}; another score at four digits: {scores}.",
        "",
    ]


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not root.is_dir():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    out = ["# fastText's threshold for C4's langdetect at 0.99", ""]
    out += [
        f"{date.today()}, `python -m benchmarks.language`, Python {sys.version.split()[0]}, one of {os.cpu_count()} cores.",
        "",
    ]
    for size in (1, 10):
        texts, english = labelled(root, size)
        title = "single sentences" if size == 1 else f"texts of {size} sentences"
        out += [f"## {len(texts):,} {title} in 75 languages, {sum(english):,} English", ""]
        out += table(texts, english)
    found = [page.text for page in pages(root) if page.kind == "main text"]
    out += [f"## Main text of {len(found):,} web pages", "", *table(found, None)]
    out += ["## fastText's library and `filters.lid`", "", *beside_library([*found, *labelled(root, 1)[0]])]
    out += ["## Text in capitals", "", *capitals(root)]
    page = "\n".join(out)
    print(page)
    if options.save:
        options.save.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
