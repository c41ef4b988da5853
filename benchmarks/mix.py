"""Mixing measured: LLaMA's table as a plan, shares, overlap, speed beside other tools, growth with size,
decontamination.

    python -m benchmarks.mix --peers /path/to/python-with-datasets-and-datatrove
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import mix_peers, mix_sources
from curate.console.cells import markdown
from curate.mixing import counts, hashing, ledger, mixture, plan, published
from curate.mixing.decontam_items import items
from curate.mixing.decontam_match import Tasks
from curate.mixing.sources import find
from curate.tokens import tokenizer

WEIGHTS = {name: mixture.builtin("llama").weights[name] for name in mix_sources.KINDS}
"""LLaMA's, without C4, of which there is no real text here."""
TEXTS = pa.schema([(name, pa.string()) for name in ("id", "text", "source")])


def data_root() -> Path:
    """The folder of real texts."""
    return Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()


# ---- LLaMA's table -------------------------------------------------------------------------------------------------


def llama_plan(folder: Path, scale: float = 2e-5) -> list[list[str]]:
    """The planner on sources of LLaMA's sizes (tokens implied by the table, scaled down), at 1.4 T tokens, scaled
    alike."""
    rng = np.random.default_rng(0)
    stocks, weights = [], {}
    rows = published.details("llama")["sources"]
    for row in rows:
        size = round(row["implied_tokens"] * scale)
        tokens = rng.integers(100, 900, size // 500)
        tokens = tokens * size // int(tokens.sum())
        keys = hashing.document_keys(f"{row['source']}-{i}" for i in range(len(tokens)))
        path = folder / f"llama-{row['source']}.parquet"
        pq.write_table(pa.table([keys, tokens, tokens * 4], schema=counts.COUNTS), path)
        total = counts.Totals(len(tokens), int(tokens.sum()), 4 * int(tokens.sum()))
        file = counts.FileCounts(row["source"], row["source"], str(path), total, 0, 0, {})
        stocks.append(plan.stock(row["source"], [file], 0.0))
        weights[row["source"]] = row["weight"]
    made = plan.make(stocks, weights, 1.4e12 * scale, "tokens", 0)
    table = [["source", "weight", "share drawn", "epochs printed", "epochs planned"]]
    for row, draw in zip(rows, made.draws, strict=True):
        share, epochs = f"{100 * made.share(draw):.3f} %", f"{made.epochs(draw):.3f}"
        table.append([row["source"], f"{100 * row['weight']:g} %", share, f"{row['printed_epochs']:.2f}", epochs])
    return table


# ---- running tools -------------------------------------------------------------------------------------------------


def timed(command: Sequence[str], **more: str) -> tuple[float, float]:
    """Wall and CPU seconds of a command and its children. Raises when it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **more})
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def curate(sources: Path, out: Path, cache: Path, *words: str) -> list[str]:
    """The command line of `curate mix` on one core."""
    named = [f"--source={name}={sources / name}" for name in WEIGHTS]
    base = [sys.executable, "-m", "curate", "mix", "--weights", "llama", "--drop-missing", *named, "--output", str(out)]
    return [*base, "--counts", str(cache), "--held-out", "0", "--no-decontaminate", "--cores", "1", "--quiet", *words]


def drawn(out: Path) -> pa.Table:
    """id, text and source of what a tool wrote."""
    tables_ = []
    for path in sorted((out / "data").glob("*.parquet")):
        table = pq.read_table(path)
        if "metadata" in table.column_names:  # datatrove
            source = pc.struct_field(table["metadata"].combine_chunks(), "source").cast(pa.string())
            table = table.append_column("source", source)
        tables_.append(table.select(TEXTS.names).cast(TEXTS))
    return pa.concat_tables(tables_)


def token_shares(out: Path, encoder: Any) -> tuple[int, dict[str, float]]:
    """Tokens drawn, and the share of each source."""
    sums = dict.fromkeys(WEIGHTS, 0)
    table = drawn(out)
    for batch in table.to_batches(max_chunksize=512):
        numbers = tokenizer.count(encoder, batch["text"].to_pylist())
        for name, number in zip(batch["source"].to_pylist(), numbers, strict=True):
            sums[name] += number
    total = sum(sums.values())
    return total, {name: number / total for name, number in sums.items()}


def commands(work: Path, sources: Path, peers: str | None, file: str) -> dict[str, Any]:
    """By name: a function (output folder, number of the run) -> command line."""
    found: dict[str, Any] = {
        "curate, tokens, counts kept": lambda out, n: curate(sources, out, work / "counts", "--tokenizer", file),
        "curate, tokens, counted anew": lambda out, n: curate(sources, out, work / f"new-{n}", "--tokenizer", file),
        "curate, bytes, counted anew": lambda out, n: curate(sources, out, work / f"bytes-{n}", "--unit", "bytes"),
    }
    if peers:
        ledger = json.loads((work / "warm" / "ledger.json").read_text())
        rates = json.dumps({one["source"]: one["epochs"] for one in ledger["sources"]})
        words = [json.dumps(mixture.normalised(WEIGHTS)), rates, "0"]
        for name, tool in (("datasets.interleave_datasets", "interleave"), ("datatrove SamplerFilter", "datatrove")):
            base = [peers, mix_peers.__file__, tool, str(sources)]
            found[name] = lambda out, n, base=base: [*base, str(out), *words]
    return found


def speed(work: Path, sources: Path, peers: str | None, runs: int, file: str) -> list[list[str]]:
    """Every tool on the same sources and weights, in turn, `runs` times; medians."""
    encoder, weights = tokenizer.load(file), mixture.normalised(WEIGHTS)
    times: dict[str, list[tuple[float, float]]] = {}
    found: dict[str, tuple[int, dict[str, float]]] = {}
    for run in range(runs):
        for place, (name, make) in enumerate(commands(work, sources, peers, file).items()):
            if run and "tokens, counted anew" in name:
                continue  # slow, and nearly all of it is the tokenizer
            out = work / f"out-{run}-{place}"
            seconds = timed(make(out, run), TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")
            times.setdefault(name, []).append(seconds)
            if name not in found:
                found[name] = token_shares(out, encoder)
    table = [["tool", "wall s", "CPU s", "tokens drawn", "tokens a CPU second", "largest error of a share", "shuffled"]]
    for name, seconds_ in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*seconds_, strict=True))
        total, shares = found[name]
        error = max(abs(shares[source] / weights[source] - 1) for source in weights)
        shuffled = "no" if name.startswith("datatrove") else "yes"
        cells = [f"{wall:.1f}", f"{cpu:.1f}", f"{total:,}", f"{total / cpu:,.0f}", f"{100 * error:.2f} %", shuffled]
        table.append([name, *cells])
    return table


# ---- other measurements --------------------------------------------------------------------------------------------


def growth(work: Path, file: str, copies: Sequence[int]) -> list[list[str]]:
    """The whole job (counted anew) on sources of growing size."""
    table = [["text", "wall s", "CPU s", "CPU s a GB"]]
    for number in copies:
        sizes = mix_sources.write(data_root(), work / f"x-{number}", number)
        total = sum(sizes.values())
        source, out, kept = (work / f"{kind}-{number}" for kind in ("x", "grown", "grown-counts"))
        wall, cpu = timed(curate(source, out, kept, "--tokenizer", file))
        table.append([f"{total / 1e6:.0f} MB", f"{wall:.1f}", f"{cpu:.1f}", f"{cpu / total * 1e9:.0f}"])
    return table


def overlap(work: Path, sources: Path, file: str, peers: str | None) -> list[list[str]]:
    """How many documents two mixtures of one seed share: with other weights, and with the sources in other files."""
    other = {"commoncrawl": 0.3, "github": 0.25, "wikipedia": 0.05, "books": 0.2, "arxiv": 0.05, "stackexchange": 0.15}
    first = mixture.normalised(WEIGHTS)
    mix_sources.write(data_root(), work / "other-files", 2, files=3)
    rows = [["tool", "shared by mixtures of other weights", "shared after the files were cut anew"]]
    for tool in ["curate", *(["datasets.interleave_datasets"] if peers else [])]:
        outs = []
        for place, (weights, folder) in enumerate(((first, sources), (other, sources), (first, work / "other-files"))):
            out = work / f"overlap-{tool}-{place}"
            if tool == "curate":
                text = ",".join(f"{source}={weight:.12g}" for source, weight in weights.items())
                command = curate(folder, out, work / "counts", "--tokenizer", file, "--tokens", "2M", "--normalise")
                command[command.index("--weights") + 1] = text
            else:
                words = [str(folder), str(out), json.dumps(weights), "{}", "0"]
                command = [str(peers), mix_peers.__file__, "interleave", *words]
            timed(command, HF_HUB_OFFLINE="1")
            outs.append(out)
        rows.append([tool, _shared(outs[0], outs[1]), _shared(outs[0], outs[2])])
    return rows


def _shared(first: Path, second: Path) -> str:
    """Documents in both, of the most that could be (the smaller draw of each source)."""
    a: dict[str, set[str]] = {name: set() for name in WEIGHTS}
    b: dict[str, set[str]] = {name: set() for name in WEIGHTS}
    for sets, out in ((a, first), (b, second)):
        table = drawn(out)
        for name, source in zip(table["id"].to_pylist(), table["source"].to_pylist(), strict=True):
            sets[source].add(name)
    both = sum(len(a[name] & b[name]) for name in WEIGHTS)
    most = sum(min(len(a[name]), len(b[name])) for name in WEIGHTS)
    return f"{both:,} of {most:,} ({100 * both / most:.1f} %)"


def token_sizes(sources: Path, file: str, work: Path) -> list[list[str]]:
    """Characters and words a token, by source, beside the rules of thumb."""
    table = [["source", "characters a token", "words a token", "bytes a token"]]
    found = tokenizer.find(file)
    for name in WEIGHTS:
        tasks = counts.tasks(find(name, str(sources / name)), str(work / "counts"), found)
        files = [counts.count_file(task) for task in tasks]
        size = ledger.rates([plan.stock(name, files, 0.0)])
        assert size is not None
        figures = (size.characters_per_token, size.words_per_token, size.bytes_per_token)
        table.append([name, *(f"{figure:.2f}" for figure in figures)])
    thumb = (tokenizer.CHARACTERS_PER_TOKEN, tokenizer.WORDS_PER_TOKEN)
    table.append(["rule of thumb (GPT-2)", *(f"{figure:.2f}" for figure in thumb), ""])
    return table


def texts_in(paths: Sequence[Path]) -> list[str]:
    """All texts of JSON lines."""
    return [json.loads(line)["text"] for path in paths for line in path.open(encoding="utf-8")]


def contamination(sources: Path) -> list[list[str]]:
    """Speed of the look-up of tasks, and what documents of the sources hold of them (precision and recall: benchmarks.decontamination)."""
    known = Tasks(list(items(sorted(str(path) for path in (data_root() / "F-eval/llm-foundry").glob("*.jsonl")))))
    column = pa.array(texts_in(sorted(sources.rglob("*.jsonl"))), pa.large_string())
    list(known.find(column[:10]))
    seconds = []
    for _ in range(3):
        started = time.process_time()
        found = list(known.find(column))
        seconds.append(time.process_time() - started)
    held = {part: len({one.row for one in found if one.part == part}) for part in ("both", "question", "passage")}
    return [
        ["what", "figure"],
        ["items of 12 tasks", f"{len(known.items):,} ({known.too_short:,} texts too short)"],
        ["speed, one core", f"{column.nbytes / statistics.median(seconds) / 1e6:.0f} MB/s"],
        *([f"documents of the sources that hold one: {part}", f"{n:,} of {len(column):,}"] for part, n in held.items()),
    ]


def main() -> None:
    """Run everything and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="a Python with datasets and datatrove")
    parser.add_argument("--tokenizer", help="tokenizer.json; default: trained on the sources")
    parser.add_argument("--copies", type=int, default=12, help="how often each text is repeated for the timings")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-mix-") as name:
        work = Path(name)
        sizes = mix_sources.write(data_root(), work / "once")
        mix_sources.write(data_root(), work / "many", args.copies)
        file = args.tokenizer or str(work / "tokenizer.json")
        if not args.tokenizer:
            tokenizer.train(texts_in(sorted((work / "once").rglob("0.jsonl"))), 16384).save(file)
        say("LLaMA's table as a plan", llama_plan(work))
        say("Size of a token", token_sizes(work / "once", file, work))
        timed(curate(work / "many", work / "warm", work / "counts", "--tokenizer", file))
        print(f"\nSources: {', '.join(f'{key} {size / 1e6:.1f} MB' for key, size in sizes.items())}, x {args.copies}")
        say("Speed and exactness", speed(work, work / "many", args.peers, args.runs, file))
        say("Growth", growth(work, file, (1, 2, 4)))
        mix_sources.write(data_root(), work / "twice", 2)
        say("Overlap", overlap(work, work / "twice", file, args.peers))
        say("Decontamination", contamination(work / "once"))


def say(title: str, rows: Sequence[Sequence[str]]) -> None:
    """Print a table as Markdown."""
    print(f"\n## {title}\n\n{markdown(rows)}", flush=True)


if __name__ == "__main__":
    main()
