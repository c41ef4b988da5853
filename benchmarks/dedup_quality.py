"""Does MinHash find what it promises: planted pairs against the S-curve, labelled sets, and an exact oracle beside peers.

    python -m benchmarks.dedup_quality [--datatrove PYTHON] [--textdedup PYTHON] [--svg docs/dedup-s-curve.svg]

Each PYTHON is of a venv that holds that tool.

The oracle is the exact Jaccard similarity of all pairs (sets of word 5-grams, words as our kernel sees them). Pairs that a
tool puts into one cluster are compared with the pairs of the oracle's clusters (components of pairs at or above 0.8).
"""

import argparse
import itertools
import json
import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from curate.corpus.schema import document_id
from curate.dedup import MinHash, kernel, lsh
from curate.dedup.base import doc64, doc_hex
from curate.engine.session import session

THRESHOLD, NGRAM = 0.8, 5
Pairs = set[tuple[str, str]]
CURVES = ((14, 8), (18, 7))


def testdata() -> Path:
    """The folder of test data: the environment's CURATE_TESTDATA, or ~/.cache/curate-testdata."""
    return Path(os.environ.get("CURATE_TESTDATA") or Path.home() / ".cache" / "curate-testdata")


def edited(words: list[str], edits: int, mark: str) -> list[str]:
    """`edits` words replaced, evenly spread and more than five apart: each costs five shingles."""
    found = list(words)
    for k in range(edits):
        found[5 + k * ((len(words) - 10) // edits)] = f"{mark}x{k}"
    return found


def planted(similarity: float, pairs: int, seed: int, size: int = 604) -> tuple[list[str], float]:
    """2·pairs texts, one pair after the other, and their exact similarity."""
    shingles = size - NGRAM + 1
    edits = round(shingles * (1 - similarity) / (NGRAM * (1 + similarity)))
    generator = np.random.default_rng(seed)
    texts = []
    for number in range(pairs):
        words = [f"w{n}" for n in generator.choice(10_000_000, size, replace=False)]
        texts += [" ".join(words), " ".join(edited(words, edits, f"p{number}"))]
    return texts, (shingles - NGRAM * edits) / (shingles + NGRAM * edits)


def measured_curve(bands: int, rows: int, pairs: int = 1000) -> list[tuple[float, float, float]]:
    """(exact similarity, share of planted pairs that share a band, what the formula says)."""
    points = []
    for step in range(19):
        texts, exact = planted(0.5 + 0.025 * step, pairs, step)
        keys = kernel.fingerprints(pa.array(texts), NGRAM, bands, rows, 1, shingles=False).bands
        found = float((keys[::2] == keys[1::2]).any(axis=1).mean())
        points.append((exact, found, float(lsh.probability(exact, bands, rows))))
    return points


def svg(curves: Mapping[tuple[int, int], list[tuple[float, float, float]]]) -> str:
    """The theoretical curves as lines, the measured shares as dots."""
    left, top, width, height = 60, 20, 520, 320
    colours = ("#1f6feb", "#d1570a", "#2da44e")

    def at(x: float, y: float) -> str:
        return f"{left + (x - 0.4) / 0.6 * width:.1f},{top + (1 - y) * height:.1f}"

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 400" font-family="sans-serif" font-size="13">',
        "<title>Probability that a pair shares a band: formula (lines) and 1,000 planted pairs a point (dots)</title>",
        '<rect width="620" height="400" fill="white"/>',
    ]
    for tick in range(7):
        x, y = 0.4 + tick / 10, tick / 6
        column, row = at(x, 0).split(",")[0], at(0.4, y).split(",")[1]
        parts.append(f'<line x1="{column}" x2="{column}" y1="{top}" y2="{top + height}" stroke="#ddd"/>')
        parts.append(f'<text x="{column}" y="{top + height + 18}" text-anchor="middle">{x:.1f}</text>')
        parts.append(f'<line x1="{left}" x2="{left + width}" y1="{row}" y2="{row}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{float(row) + 4}" text-anchor="end">{y:.2f}</text>')
    for (banding, points), colour in zip(curves.items(), colours, strict=False):
        line = " ".join(at(x, float(lsh.probability(x, *banding))) for x in np.linspace(0.4, 1, 121))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for exact, found, _ in points:
            x, y = at(exact, found).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>')
        x, y = at(0.42, 0.95 - 0.08 * list(curves).index(banding)).split(",")
        parts.append(f'<text x="{x}" y="{y}" fill="{colour}">{banding[0]} bands of {banding[1]} rows</text>')
    parts.append(f'<text x="{left + width / 2}" y="392" text-anchor="middle">Jaccard similarity</text></svg>')
    return "\n".join(parts) + "\n"


def articles(name: str) -> tuple[dict[str, str], Pairs]:
    """McCormick's plagiarised articles: texts by id, true pairs."""
    folder = testdata() / "E-neardup" / "mccormick" / "data"
    lines = (folder / f"{name}.train").read_text(encoding="utf-8", errors="replace").splitlines()
    texts = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines if " " in line}
    truth = {pair(*line.split()) for line in (folder / f"{name}.truth").read_text().splitlines() if line.strip()}
    return texts, truth


def pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def mixed_set() -> dict[str, str]:
    """The 1,000 articles and, of 600 of them, two edited copies at similarities from 0.5 to 1."""
    texts, _ = articles("articles_1000")
    found = dict(texts)
    for number, name in enumerate(sorted(texts)[:600]):
        words = texts[name].split()
        for copy in (1, 2):
            edits = (number * 7 + copy * 5) % max(1, len(words) // 30)
            found[f"{name}-{copy}"] = " ".join(edited(words, edits, f"c{copy}")) if edits else texts[name].upper()
    return found


def exact_pairs(texts: Mapping[str, str], threshold: float) -> Pairs:
    """All pairs at or above the threshold, by brute force over an inverted index (exact)."""
    sets, index = {}, defaultdict(list)
    for name in sorted(texts):
        words = kernel.words(texts[name])
        sets[name] = {" ".join(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))}
        for shingle in sets[name]:
            index[shingle].append(name)
    common: dict[tuple[str, str], int] = defaultdict(int)
    for names in index.values():
        for a, b in itertools.combinations(names, 2):
            common[a, b] += 1
    return {(a, b) for (a, b), n in common.items() if n / (len(sets[a]) + len(sets[b]) - n) >= threshold}


def closed(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """All pairs inside the connected components."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for a, b in pairs:
        parents[root(a)] = root(b)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(parents):
        groups[root(name)].append(name)
    return {pair(a, b) for group in groups.values() for a, b in itertools.combinations(group, 2)}


def by_curate(texts: Mapping[str, str], step: MinHash) -> Pairs:
    names = {document_id("benchmark", name): name for name in texts}
    docs = dict(zip(doc64(list(names)).tolist(), names.values(), strict=True))
    with tempfile.TemporaryDirectory() as folder, session("quality", engine="sail") as s:
        batch = pa.RecordBatch.from_pydict({"id": list(names), "text": [texts[name] for name in names.values()]})
        Path(folder, "keys").mkdir()
        pq.write_table(step.keys(batch), f"{folder}/keys/0.parquet")
        step.resolve(s, f"{folder}/keys", f"{folder}/lost", 4)
        rows = pq.read_table(f"{folder}/lost", columns=["doc", "survivor"]).to_pylist()
    assert all(doc_hex(row["doc"]) for row in rows)
    return closed((docs[row["doc"]], docs[row["survivor"]]) for row in rows)


def by_datasketch(texts: Mapping[str, str], bands: int, rows: int) -> Pairs:
    from datasketch import MinHash as Sketch
    from datasketch import MinHashLSH

    index, found = MinHashLSH(num_perm=bands * rows, params=(bands, rows)), []
    for name, text in texts.items():
        words = text.lower().split()
        sketch = Sketch(bands * rows, hashfunc=lambda b: xxhash.xxh3_64_intdigest(b) & 0xFFFF_FFFF)
        sketch.update_batch([" ".join(words[i : i + NGRAM]).encode() for i in range(max(1, len(words) - NGRAM + 1))])
        found += [(other, name) for other in index.query(sketch)]
        index.insert(name, sketch)
    return closed(found)


def by_peer(texts: Mapping[str, str], python: str, script: str, *arguments: str) -> Pairs:
    """Pairs of one cluster, from a script that prints {"clusters": {id: cluster}} for a JSON-lines file."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in", "0.jsonl")
        source.parent.mkdir()
        lines = (json.dumps({"id": name, "text": text}) for name, text in texts.items())
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        given = source.parent if "datatrove" in script else source
        # -P: the scripts lie beside modules that have names of the standard library's
        command = [python, "-P", script, str(given), f"{folder}/work", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    clusters: dict[int, list[str]] = defaultdict(list)
    for name, cluster in json.loads(done.stdout.splitlines()[-1])["clusters"].items():
        clusters[cluster].append(name)
    return {pair(a, b) for group in clusters.values() for a, b in itertools.combinations(sorted(group), 2)}


def scores(found: Pairs, truth: Pairs) -> dict[str, Any]:
    hits = len(found & truth)
    precision, recall = hits / len(found) if found else 1.0, hits / len(truth) if truth else 1.0
    both = precision + recall
    return {
        "pairs": len(found),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / both if both else 0.0, 4),
    }


def tools(texts: Mapping[str, str], datatrove: str | None, textdedup: str | None) -> dict[str, Pairs]:
    calm: dict[str, Any] = {"max_cluster_share": 1.0, "max_host_share": 1.0}
    found = {
        "curate, verified, 18 x 7 (default)": by_curate(texts, MinHash(**calm)),
        "curate, verified, 14 x 8": by_curate(texts, MinHash(bands=14, rows=8, **calm)),
        "curate, verified, 14 x 8, representative": by_curate(
            texts, MinHash(bands=14, rows=8, representative=True, **calm)
        ),
        "curate, not verified, 14 x 8": by_curate(texts, MinHash(bands=14, rows=8, verify=False, **calm)),
        "datasketch MinHashLSH, 14 x 8": by_datasketch(texts, 14, 8),
    }
    if datatrove:
        found["datatrove, 14 x 8"] = by_peer(texts, datatrove, "benchmarks/dedup_datatrove.py", "14", "8", "1")
    if textdedup:
        found["text-dedup, 14 x 8"] = by_peer(texts, textdedup, "benchmarks/dedup_textdedup.py", "14", "8")
    return found


def answers() -> dict[str, list[float]]:
    """Similarity of each graded short answer to its source, by grade."""
    import csv

    folder = testdata() / "E-neardup" / "plagiarised-short-answers"
    grades: dict[str, list[float]] = defaultdict(list)
    with (folder / "file_information.csv").open(encoding="utf-8", errors="replace") as lines:
        for row in csv.DictReader(lines):
            name, grade, task = row["File"], row["Category"], row["Task"]
            if grade == "orig":
                continue
            texts = [(folder / n).read_text(encoding="utf-8", errors="replace") for n in (name, f"orig_task{task}.txt")]
            words = [kernel.words(text) for text in texts]
            a, b = ({" ".join(w[i : i + NGRAM]) for i in range(len(w) - NGRAM + 1)} for w in words)
            grades[grade].append(len(a & b) / len(a | b))
    return grades


def print_table(title: str, found: Mapping[str, Pairs], truth: Pairs) -> None:
    print(f"\n{title}: {len(truth)} true pairs")
    for name, pairs in found.items():
        row = scores(pairs, truth)
        print(
            f"| {name} | {row['pairs']} | {row['precision']:.4f} | {row['recall']:.4f} | {row['f1']:.4f} |", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datatrove", metavar="PYTHON", help="Python of a venv with datatrove[processing].")
    parser.add_argument("--textdedup", metavar="PYTHON", help="Python of a venv with text-dedup.")
    parser.add_argument("--svg", metavar="FILE", help="Write the plot of the S-curve.")
    options = parser.parse_args()
    curves = {banding: measured_curve(*banding) for banding in CURVES}
    for banding, points in curves.items():
        worst = max(abs(found - want) for _, found, want in points)
        error: npt.NDArray[np.float64] = np.array([found - want for _, found, want in points])
        print(f"S-curve {banding}: largest difference {worst:.3f}, RMS {np.sqrt((error**2).mean()):.4f}")
        print("  " + " ".join(f"{exact:.3f}:{found:.3f}/{want:.3f}" for exact, found, want in points[::3]))
    if options.svg:
        Path(options.svg).write_text(svg(curves), encoding="utf-8")
    for name in ("articles_100", "articles_1000"):
        texts, truth = articles(name)
        print_table(
            f"{name}, {len(texts)} documents, labelled", tools(texts, options.datatrove, options.textdedup), truth
        )
    texts = mixed_set()
    truth = closed(exact_pairs(texts, THRESHOLD))
    print_table(
        f"articles and planted copies, {len(texts)} documents, exact oracle",
        tools(texts, options.datatrove, options.textdedup),
        truth,
    )
    for grade, similarities in sorted(answers().items()):
        found = np.array(similarities)
        print(
            f"answers {grade}: {len(found)}, median similarity {np.median(found):.3f}, max {found.max():.3f}, at 0.8: {(found >= 0.8).sum()}"
        )


if __name__ == "__main__":
    main()
