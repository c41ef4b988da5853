"""Text to MinHash signature: this kernel beside datasketch and rensa, in one process, interleaved rounds.

    python -m benchmarks.dedup_speed [--documents 2000] [--rounds 7]

rensa takes part where it can be imported. CPU seconds of one thread; medians. All start from the same raw strings: the
peers split at white space after lower-casing (their words are simpler than ours) and join five words to a shingle.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from curate.dedup import kernel

PERMUTATIONS, NGRAM, WORDS = 128, 5, 1000


def corpus(documents: int, words: int = WORDS) -> list[str]:
    """Texts of `words` words (5.5 letters on average) with capitals and commas."""
    generator = np.random.RandomState(0)
    letters = generator.randint(97, 123, (20_000, 10)).astype(np.uint8)
    lengths = generator.randint(2, 10, 20_000)
    vocabulary = [bytes(row[:size]).decode() for row, size in zip(letters, lengths, strict=True)]
    texts = []
    for _ in range(documents):
        chosen = [vocabulary[i] for i in generator.randint(0, 20_000, words)]
        chosen[::13] = [word.title() for word in chosen[::13]]
        texts.append(", ".join(" ".join(chosen[i : i + 9]) for i in range(0, words, 9)))
    return texts


def shingles(text: str) -> list[str]:
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(max(1, len(words) - NGRAM + 1))]


def hash32(value: bytes) -> int:
    return xxhash.xxh3_64_intdigest(value) & 0xFFFF_FFFF


def datasketch(texts: list[str], scheme: str) -> None:
    from datasketch import MinHash

    hasher: dict[str, Any] = {} if scheme == "legacy" else {"hashfunc": hash32}
    for text in texts:
        MinHash(PERMUTATIONS, scheme=scheme, **hasher).update_batch([s.encode() for s in shingles(text)])


def rensa(texts: list[str]) -> None:
    from rensa import RMinHash

    for text in texts:
        one = RMinHash(num_perm=PERMUTATIONS, seed=1)
        one.update(shingles(text))
        one.digest()


def contenders(texts: list[str]) -> dict[str, Callable[[], Any]]:
    column = pa.array(texts)
    few, some = texts[: len(texts) // 20], texts[: len(texts) // 8]
    found: dict[str, Callable[[], Any]] = {
        "curate": lambda: kernel.signatures(column, NGRAM, PERMUTATIONS),
        "curate, with band keys and shingles": lambda: kernel.fingerprints(column, NGRAM, 18, 7, 1, shingles=True),
        "datasketch affine32, xxh3": lambda: datasketch(some, "affine32"),
        "datasketch legacy, sha1 (its default before 2.0)": lambda: datasketch(few, "legacy"),
    }
    try:
        import rensa as _  # noqa: F401  # type: ignore[import-not-found]
    except ImportError:
        return found
    return {**found, "rensa RMinHash": lambda: rensa(some)}


def parts(texts: list[str]) -> dict[str, float]:
    """CPU seconds per document of each part of the kernel, and of a bare read of the bytes."""
    data, offsets = kernel.buffers(pa.array(texts))
    table, _, several = kernel.fold()
    a, b = kernel.permutations(PERMUTATIONS)
    norm, starts = np.empty(2 * len(texts[0]) * 2 + 16, np.uint8), np.empty(len(texts[0]) * 2, np.int64)
    hashes, out = np.empty(len(texts[0]) * 2, np.uint32), np.empty(PERMUTATIONS, np.uint32)

    def words() -> None:
        for i in range(len(texts)):
            kernel._words(data, offsets[i], offsets[i + 1], table, several, norm, starts, 0)

    def hashed() -> None:
        for _ in texts:
            kernel._shingles(norm, starts, WORDS, NGRAM, hashes)

    def signed() -> None:
        for _ in texts:
            kernel._signature(hashes, WORDS - NGRAM + 1, a, b, out)

    def nothing() -> None:
        for i in range(len(texts)):
            kernel._words(data, offsets[i], offsets[i], table, several, norm, starts, 0)

    calls = cpu(nothing) / len(texts)
    found = {
        name: cpu(f) / len(texts) - calls for name, f in (("words", words), ("shingles", hashed), ("minima", signed))
    }
    copy: npt.NDArray[np.uint8] = np.empty_like(data)
    found["copying the bytes"] = cpu(lambda: np.copyto(copy, data)) / len(texts)
    return found


def cpu(function: Callable[[], Any], rounds: int = 5) -> float:
    function()
    found = []
    for _ in range(rounds):
        started = time.process_time()
        function()
        found.append(time.process_time() - started)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    texts = corpus(options.documents)
    size = sum(map(len, texts)) / len(texts)
    runs = contenders(texts)
    counts = {name: len(texts) // (1 if name.startswith("curate") else 20 if "legacy" in name else 8) for name in runs}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for name, function in runs.items():
        function() if name.startswith("curate") else None
    for _ in range(options.rounds):
        for name, function in runs.items():
            started = time.process_time()
            function()
            seconds[name].append((time.process_time() - started) / counts[name])
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    for name, each in medians.items():
        print(f"{name:50} {1 / each:9,.0f} documents/s {size / each / 1e6:8.1f} MB/s {each / medians['curate']:7.1f}x")
    for name, each in parts(texts).items():
        print(f"  part: {name:42} {each * 1e6:9.2f} µs a document of {size:,.0f} bytes")
    print(json.dumps({"documents_per_second": {name: round(1 / each) for name, each in medians.items()}}))


if __name__ == "__main__":
    main()
