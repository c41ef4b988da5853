"""Mutate real pages and feed them to the extraction engine: no crash, no hang, no invalid text.

    NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=/tmp/checked python -m benchmarks.extractor_fuzz --minutes 60 [--seed 1]

With NUMBA_BOUNDSCHECK compiled code checks every index, so that a read outside an array is an error and not luck.
What fails is written beside the current folder as fuzz-SEED-NUMBER.html, and the exit status is 1.
"""

import argparse
import faulthandler
import os
import sys
from pathlib import Path
from time import monotonic, process_time

import numpy as np

from benchmarks.extractor_pages import pages
from curate.html.extract import assemble, judge
from curate.html.title import title_of, with_title

PIECES = (
    "<", ">", "</", "<!--", "-->", "<![CDATA[", "<script>", "</script>", "<style>", "<svg>", "</svg>", "<title>", "<p>",
    "</p>", "<table><tr><td>", "</td>", "</table>", "<li>", "<a href='", "<b>", "<pre>", "\x00", "&", "&#", "&#x110000;",
    "&nbsp", "&NotEqualTilde;", "'", '"', "=", "<div class=", "<x-y>", "\ud800", "\u2028", "\U0001f600", "\u202e", "\xad",
    "<select><option>", "<template>", "<plaintext>", "<body class='x'>", "<p style='display:none", "itemprop=articleBody",
    '<script type="application/ld+json">{"@type":["', "<meta property=og:type content=article>", "<div>" * 300,
    "<a>" * 300, "&amp" * 100, "<!" * 100, "<p " + "a " * 300,
    "<sup>", "</sup>", "<sub>2", "<sup><a>1</a></sup>", "<ruby>", "<rt>", "<rp>(", "</ruby>", "<span hidden>", "</span>",
    "<span style=display:none>" * 100, "<math>", "</math>", "<math><mfrac><mi>a", "<annotation encoding='application/x-tex'>",
    "<script type='math/tex'>", "<span class=katex>", "<mjx-container>", "<img class='tex' alt='", "<dl><dt>a<dd>", "[b]", "[/b]", "[vc_row a=",
)  # fmt: skip
SECONDS_PER_MB = 3.0  # with index checks on a busy machine; linear time is what is tested


def mutated(html: str, other: str, draw: np.random.Generator) -> str:
    """`html` after one to twenty edits: cut, repeat, splice with `other`, insert a piece, swap a character."""
    for _ in range(int(draw.integers(1, 21))):
        size = len(html)
        at = int(draw.integers(0, size + 1))
        end = min(size, at + int(draw.integers(1, 2000)))
        kind = int(draw.integers(0, 6))
        if kind == 0:
            html = html[:at] + html[end:]
        elif kind == 1:
            html = html[:at] + html[at:end] * int(draw.integers(2, 5)) + html[end:]
        elif kind == 2:
            place = int(draw.integers(0, len(other) + 1))
            html = html[:at] + other[place : place + 2000] + html[at:]
        elif kind == 3:
            html = html[:at] + PIECES[int(draw.integers(0, len(PIECES)))] + html[at:]
        elif kind == 4:
            html = html[:at] + chr(int(draw.integers(0, 0x300))) + html[at + 1 :]
        else:
            html = html[:at] if draw.integers(0, 4) == 0 else html
    return html


def check(html: str) -> str | None:
    """What is wrong with the engine's answer to `html`, or None."""
    start = process_time()
    judged = judge(html)
    text = with_title(assemble(judged), title_of(judged.page, "https://www.example.org/1"))
    seconds = process_time() - start
    if seconds > 0.5 + SECONDS_PER_MB * len(html) / 1e6:
        return f"{seconds:.1f} s for {len(html)} characters"
    if not (np.isfinite(judged.probability).all() and 0 <= judged.expected <= 1 + 1e-9):
        return "a probability is not a number from 0 to 1"
    if "\ufffd" in text and "\ufffd" not in html and "&" not in html and "\ud800" not in html:
        return "the text is not valid UTF-8"
    text.encode()
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--largest", type=int, default=150_000, help="characters of a page that are used")
    args = parser.parse_args()
    faulthandler.enable()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    seeds = [page.html[: args.largest] for page in pages(testdata)]
    draw = np.random.default_rng(args.seed)
    done, failed, end = 0, 0, monotonic() + 60 * args.minutes
    judge("<p>a")
    while monotonic() < end:
        html = mutated(seeds[int(draw.integers(len(seeds)))], seeds[int(draw.integers(len(seeds)))], draw)
        try:
            wrong = check(html)
        except Exception as error:  # the point of the exercise
            wrong = f"{type(error).__name__}: {error}"
        done += 1
        if wrong:
            failed += 1
            name = f"fuzz-{args.seed}-{done}.html"
            Path(name).write_bytes(html.encode("utf-8", "surrogatepass"))
            print(f"{name}: {wrong}", flush=True)
    print(f"{done} mutated pages, {failed} failures")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
