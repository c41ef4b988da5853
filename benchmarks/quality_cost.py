"""What models of quality cost a whole job: `python -m benchmarks.quality_cost CRAWL --work DIR [--ngram MODEL] [--rounds 3]`.

`curate clean` by the recipe c4 alone, with the shipped linear model behind it, and with an n-gram model's perplexity as well; in turn,
CPU seconds of all processes, medians.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from curate.corpus.recipe import load

QUALITY = '\n[[step]]\nuse = "filters.quality.Quality"\n'


def seconds(crawl: str, recipe: Path, output: Path) -> float:
    """CPU seconds of a job and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "curate", "clean", "--input", crawl, "--recipe", str(recipe), "--output", str(output), "--quiet"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(output)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--ngram", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    steps = {"without": "", "linear model": QUALITY}
    if options.ngram:
        model = f'\n[[step]]\nuse = "filters.ccnet.Perplexity"\nmodel = "{options.ngram.absolute()}"\n'
        steps["linear model and perplexity"] = QUALITY + model
    found: dict[str, list[float]] = {name: [] for name in steps}
    base = load("c4").text
    for _ in range(options.rounds):
        for name, more in steps.items():
            recipe = options.work / "recipe.toml"
            recipe.write_text(base + more)
            found[name].append(seconds(options.crawl, recipe, options.work / "out"))
            print(f"{name}: {found[name][-1]:.1f} s", flush=True)
    first = statistics.median(found["without"])
    print("\n| recipe c4 | CPU time | more |\n|---|---|---|")
    for name, some in found.items():
        print(f"| {name} | {statistics.median(some):.1f} s | {statistics.median(some) / first - 1:+.1%} |")


if __name__ == "__main__":
    main()
