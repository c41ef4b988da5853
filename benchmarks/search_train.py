"""A search with training, on two cores, against a grid that is trained as well: books, code and news, preset nano.

    python -m benchmarks.search_train TESTDATA WORK [--seconds S]

TESTDATA is the folder of real texts (CURATE_TESTDATA). WORK keeps what is trained: repeat the command until it prints the
table. The grid is every mixture of quarters within the limits of epochs, with a seed of its own; its lowest is trained again
with the seeds of the check, so that the luck of having been the lowest does not count. Regret is the search's answer minus
that, over pairs of equal seed.
"""

import argparse
import html
import itertools
import json
import re
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from curate.commands.mix_search import as_runs, compared
from curate.search import choose, design, result
from train_probe import config
from train_probe import swarm as swarms

NAMES = ("books", "code", "news")
MOST, HELD, GRID_SEED, SEEDS = 3_000_000, 60_000, 7, (1, 2, 3)


def texts(root: Path, name: str) -> list[str]:
    """Documents of some thousand characters."""
    if name == "books":
        whole = [path.read_text(errors="replace") for path in sorted((root / "gutenberg").rglob("*.txt"))]
        large = sorted((one for one in whole if len(one) > 50_000), key=len, reverse=True)[:12]
        return [one[i : i + 4000] for one in large for i in range(0, len(one), 4000)]
    if name == "code":
        with zipfile.ZipFile(next((root / "python-wheels").glob("sympy*.whl"))) as wheel:
            some = sorted(n for n in wheel.namelist() if n.endswith(".py") and "/tests/" not in n)
            return [wheel.read(n).decode(errors="replace")[:8000] for n in some]
    found = []
    for path in sorted((root / "reuters21578").glob("*.sgm")):
        bodies = re.findall(r"<BODY>(.*?)</BODY>", path.read_text("latin-1"), re.DOTALL)
        found += [html.unescape(body).replace("\x03", "").strip() for body in bodies]
    return found


def write(root: Path, work: Path) -> None:
    """The three sources, and a folder of held-out text, as JSON lines."""
    for name in NAMES:
        docs = list(dict.fromkeys(one for one in texts(root, name) if len(one) > 200))
        order = np.random.default_rng(0).permutation(len(docs))
        held, kept, size = [], [], 0
        for i in order:
            into = held if sum(map(len, held)) < HELD else kept
            size += len(docs[i]) if into is kept else 0
            if size < MOST:
                into.append(docs[i])
        for folder, some in ((work / name, kept), (work / "target", held)):
            folder.mkdir(parents=True, exist_ok=True)
            lines = "".join(
                json.dumps({"id": f"{name}-{i}", "text": t, "source": name}) + "\n" for i, t in enumerate(some)
            )
            (folder / f"{name}.jsonl").write_text(lines)


def main() -> None:
    """Train what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("testdata", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--run-tokens", type=int, default=100_000)
    parser.add_argument("--tiny", action="store_true", help="a model of one layer on bytes: seconds instead of minutes")
    parser.add_argument("--seconds", type=float, default=1e9)
    asked = parser.parse_args()
    began = time.monotonic()
    if asked.tiny:
        shape = config.ModelConfig(layers=1, width=64, heads=2, vocab=320, context=64)
        config.PRESETS["nano"] = config.Preset(shape, 1024, 16, True)
    if not (asked.work / "target").exists():
        write(asked.testdata / "G-text", asked.work)
    paths = {name: str(asked.work / name) for name in NAMES}
    swarm = swarms.Swarm(
        sources=paths,
        output=str(asked.work / "out"),
        preset="nano",
        run_tokens=asked.run_tokens,
        held_out=str(asked.work / "target"),
        tokenizer="bytes" if asked.tiny else "",
        device="cpu",
    )
    ready = swarms.prepare(swarm, print)
    sizes = [float(ready.tokens[name]) for name in NAMES]
    target = sum(sizes)
    caps = design.limits(sizes, target, 4)
    prior = np.array(sizes) / target

    def train(weights: list[dict[str, float]], seed: int) -> list[dict[str, Any]]:
        found = []
        for row in weights:
            if time.monotonic() - began > asked.seconds:
                raise SystemExit("time is up; run it again to go on")
            found += swarms.train(swarm, ready, [(row, seed)], target, lambda line: print(line, flush=True))
        return found

    rows = design.mixtures(prior, caps, 8, 0).round(6)
    wanted = [dict(zip(NAMES, row.tolist(), strict=True)) for row in rows]
    trained = train(wanted, 0)
    runs = as_runs(NAMES, trained)
    found = result.search(runs, prior, caps)
    best = choose.shares(NAMES, np.array([one["best"] for one in found["sources"]]))
    sampled = wanted[int(runs.losses.mean(1).argmin())]
    lattice = [np.array(p) / 4 for p in itertools.product(range(5), repeat=3) if sum(p) == 4]
    grid = [dict(zip(NAMES, p.tolist(), strict=True)) for p in lattice if (p <= caps + 1e-9).all()]
    tried = train(grid, GRID_SEED)
    losses = [float(np.mean(list(one["losses"].values()))) for one in tried]
    arms = {
        "proposal": best,
        "prior": wanted[0],
        "best sampled": sampled,
        "best of the grid": grid[int(np.argmin(losses))],
    }
    measured: dict[str, list[float]] = {}
    for seed in SEEDS:
        for name, weights in arms.items():
            measured.setdefault(name, []).append(float(np.mean(list(train([weights], seed)[0]["losses"].values()))))
    found["check"] = compared(measured)
    result.write(found, runs, str(asked.work / "out"))
    seconds = sum(json.loads(p.read_text())["seconds"] for p in (asked.work / "out" / "runs").glob("*.json"))
    print(f"\n{len(trained)} runs for the search, {len(grid)} of the grid, {seconds:,.0f} s of training in all\n")
    print(f"| mixture | {' | '.join(NAMES)} | bits per byte, mean of 3 seeds |\n|---|---|---|---|---|")
    for name, weights in arms.items():
        print(f"| {name} | {' | '.join(f'{weights.get(n, 0):.2f}' for n in NAMES)} | {np.mean(measured[name]):.4f} |")
    print("\n| grid | bits per byte, one seed |\n|---|---|")
    for weights, loss in sorted(zip(grid, losses, strict=True), key=lambda one: one[1]):
        print(f"| {' '.join(f'{weights[n]:.2f}' for n in NAMES)} | {loss:.4f} |")
    print()
    for line in result.said(found) + found["check"]["said"]:
        print("-", line)
    region = ", ".join(f"{one['source']} {one['low']:.2f} … {one['high']:.2f}" for one in found["sources"])
    print(f"- region: {region}")


if __name__ == "__main__":
    main()
