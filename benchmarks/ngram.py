"""N-gram models beside KenLM, and what perplexity is worth: `python -m benchmarks.ngram --data DIR --work DIR`.

DIR of --data is the test data (CURATE_TESTDATA). One model is of WikiText-2 (valid and test), as CCNet's is of Wikipedia: its perplexity
judges pages of other hosts by their format, and the contested labels. A larger one is of pages of `J-sources/domains`: both
libraries read it from one ARPA file and score the same words. KenLM is compared where its package is installed.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.quality import contested, domains, shown
from curate.filters import ngram
from curate.filters.sampling import uniform
from curate.quality import arpa
from curate.quality import ngram as training

ROUNDS = 5


def trained(texts: Sequence[str], folder: Path, name: str) -> ngram.Ngrams:
    """A model of texts, with its ARPA file beside it, and what the training took."""
    if not (folder / name).exists():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": one}) + "\n" for one in texts))
        start = time.process_time()
        card = training.train([str(folder / f"{name}.jsonl")], str(folder / name), training.Options())
        spent = time.process_time() - start
        print(f"{name}: {card['data']['words']:,} words, {sum(card['counts']):,} n-grams, {spent:.1f} s of CPU time")
        training.train(
            [str(folder / f"{name}.jsonl")], str(folder / f"{name}-2"), training.Options(), str(folder / f"{name}.arpa")
        )
        start = time.process_time()
        arpa.convert(str(folder / f"{name}.arpa"), str(folder / f"{name}-3"))
        print(f"{name}: ARPA file read in {time.process_time() - start:.1f} s of CPU time")
    return ngram.load(folder / name)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def beside_kenlm(model: ngram.Ngrams, file: Path, texts: Sequence[str]) -> None:
    import kenlm  # type: ignore[import-not-found]

    peer = kenlm.Model(str(file))
    pages = [model.words(one) for one in texts]
    pages = ["\n".join(line for line in page.split("\n") if line.strip()) for page in pages]
    lines = [line for page in pages for line in page.split("\n")]
    words = sum(len(line.split()) + 1 for line in lines)
    far = worst = 0.0
    for line in lines:
        ours, theirs = ngram.score_words(model, line), peer.score(line)
        far = max(far, abs(ours.log10 - theirs) / ours.words)
        worst = max(worst, abs(ours.log10 / theirs - 1))
    print(f"{len(lines):,} lines, {words:,} words: largest difference {far:.1e} a word, {worst:.1e} of a line's score")
    ways = {
        "KenLM, line by line": lambda: [peer.score(line) for line in lines],
        "here, line by line": lambda: [ngram.score_words(model, line) for line in lines],
        "KenLM, pages": lambda: [sum(peer.score(line) for line in page.split("\n")) for page in pages],
        "here, pages": lambda: [ngram.score_words(model, page) for page in pages],
        "here, pages, words cut from the text as well": lambda: [ngram.score(model, one) for one in texts],
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            found[name].append(seconds(work))
    for name, times in found.items():
        print(
            f"| {name} | {median(times):.3f} s | {len(pages) / median(times):,.0f} pages/s | {1e6 * median(times) / words:.2f} us a word |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    texts = domains(options.data)
    back = [uniform(f"{one.group:016x}", "benchmark") < 0.2 for one in texts]
    kept_back = [one for one, away in zip(texts, back, strict=True) if away]
    wiki = sorted((options.data / "G-text" / "wikitext2-valid-test").rglob("*.txt"))
    lines = [
        line for path in wiki for line in path.read_text(encoding="utf-8").split("\n") if path.stem in ("valid", "test")
    ]
    model = trained(["\n".join(lines[at : at + 20]) for at in range(0, len(lines), 20)], options.work, "wikitext")
    for title, some in (("formats, other hosts", kept_back), ("contested", contested(options.data))):
        print(f"\n| {title} | AUC | 95 % |\n|---|---|---|")
        shown("low perplexity, WikiText-2", [-ngram.score(model, one.text).perplexity for one in some], some)
    large = trained([one.text for one, away in zip(texts, back, strict=True) if not away], options.work, "pages")
    try:
        beside_kenlm(large, options.work / "pages.arpa", [one.text for one in kept_back])
    except ImportError:
        print("skipped: the package kenlm is not installed")


if __name__ == "__main__":
    main()
