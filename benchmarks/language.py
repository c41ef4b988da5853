"""Which fastText threshold comes nearest to C4's langdetect at 0.99, on sentences with a known language and on pages.

python -m benchmarks.language [--save benchmarks/results/language.md]
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.real_texts import pages
from filters.base import Document
from filters.language import FastText, LangDetect

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
    page = "\n".join(out)
    print(page)
    if options.save:
        options.save.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
