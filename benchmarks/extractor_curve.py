"""CPU seconds of the extraction engine by size of the page, up to 200 MB, for ordinary and hostile markup.

python -m benchmarks.extractor_curve [--largest 200]
"""

import argparse
import os
import resource
from pathlib import Path
from time import process_time

from benchmarks.extractor_pages import pages
from curate.html.extract import assemble, judge

HOSTILE = {
    "nested div": "<div>",
    "nested table": "<table><tr><td>x",
    "unclosed links": "<a href=x>y ",
    "paragraphs": "<p>some words here. ",
    "one attribute list": " a=1",
    "less-than signs": "<",
    "references": "&#x41;&eacute;",
    "open comments": "<!--x",
    "closing tags": "</div></p></td>",
}
SIZES = (1, 3, 10, 30, 100, 200)


def content(kind: str, size: int, real: str) -> str:
    """A page of about `size` characters."""
    if kind == "real pages":
        return (real * (size // len(real) + 1))[:size]
    start = "<p" if kind == "one attribute list" else ""
    return start + HOSTILE[kind] * (size // len(HOSTILE[kind]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=200, help="MB, of real pages")
    parser.add_argument("--hostile", type=int, default=30, help="MB, of hostile markup")
    args = parser.parse_args()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    # each page ends what it leaves open, as a browser would at the end of a file
    real = "".join(f"{page.html}--></script></div>" for page, _ in zip(pages(testdata), range(40), strict=False))
    judge("<p>a")
    print("| markup | " + " | ".join(f"{size} MB" for size in SIZES) + " |")
    print("|---|" + "--:|" * len(SIZES))
    for kind in ("real pages", *HOSTILE):
        row = []
        for size in SIZES:
            if size > (args.largest if kind == "real pages" else args.hostile):
                row.append("")
                continue
            html = content(kind, size * 1_000_000, real)
            start = process_time()
            assemble(judge(html))
            row.append(f"{process_time() - start:.2f} s")
        print(f"| {kind} | " + " | ".join(row) + " |", flush=True)
    print(f"\nPeak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
