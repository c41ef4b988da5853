"""Words in many scripts: how alike two texts are of which so many words differ, and how fast words are found.

    CURATE_TESTDATA=… python -m benchmarks.scripts

The texts are the Declaration of Human Rights; a word is changed by swapping it for another one of the text.
"""

import os
import random
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa

from curate.dedup import kernel
from curate.filters.scripts import part_words

LANGUAGES = [
    "eng",
    "deu_1996",
    "rus",
    "ell_monotonic",
    "arb",
    "hin",
    "ben",
    "tam",
    "kor",
    "cmn_hans",
    "jpn",
    "tha",
    "lao",
    "khm",
    "mya",
    "amh",
    "bod",
    "jav_java",
]
NGRAM, PAIRS = 5, 10


def text_of(folder: Path, code: str) -> str:
    root = ET.parse(folder / f"udhr_{code}.xml").getroot()
    return "\n".join(part.strip() for part in root.itertext() if part.strip())


def changed(text: str, share: float, seed: int) -> str:
    """`text` with `share` of its words replaced, spaces only where it had them."""
    generator = random.Random(seed)
    words = part_words(text).split()
    pieces, at = [], 0
    for word in words:
        start = text.index(word, at)
        pieces.append((text[at:start], generator.choice(words) if generator.random() < share else word))
        at = start + len(word)
    return "".join(gap + word for gap, word in pieces)


def jaccard(one: str, other: str) -> float:
    first, second = (
        {tuple(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)}
        for words in map(kernel.words, (one, other))
    )
    return len(first & second) / len(first | second)


def main() -> None:
    folder = Path(os.environ["CURATE_TESTDATA"]) / "C-langid/udhr-xml-unicode/data/udhr"
    print("| text | 5 % changed | 10 % changed | words, MB/s | MinHash, MB/s |\n|---|---|---|---|---|")
    for code in LANGUAGES:
        if not (folder / f"udhr_{code}.xml").exists():
            print(f"| {code} | no text | | | |")
            continue
        text = text_of(folder, code)
        found = [sum(jaccard(text, changed(text, s, n)) for n in range(PAIRS)) / PAIRS for s in (0.05, 0.1)]
        part_words(text)
        started = time.process_time()
        for n in range(5):
            part_words(text + str(n)).split()
        speed = 5 * len(text.encode()) / (time.process_time() - started) / 1e6
        print(f"| {code} | {found[0]:.3f} | {found[1]:.3f} | {speed:.1f} | {minhash_speed(text):.1f} |")


def minhash_speed(text: str) -> float:
    """Megabytes of ten copies of `text` that MinHash reads in a second of CPU time, the best of five rounds."""
    column = pa.array([text + str(n) for n in range(10)], pa.string())
    times = []
    for _ in range(6):
        started = time.process_time()
        kernel.fingerprints(column, NGRAM, 16, 8, 1, shingles=False)
        times.append(time.process_time() - started)
    return sum(len(one.encode()) for one in column.to_pylist()) / min(times) / 1e6


if __name__ == "__main__":
    main()
