"""The engines on news pages in five languages and on the labelled pages of other kinds: one table with intervals.

    python -m benchmarks.extractor_scripts [--title] [--without-peers] [--cv FILE.jsonl]

Rows are the languages of the DAnIEL news (2011-12), then the kinds of the other labelled sets. F1 as everywhere; differences to
trafilatura with 95 % intervals by resampling domains. The model that is shipped has seen the other sets in training, and
none of the news; `--cv` names texts by models that saw no page of a page's domain. `--title` puts the page's title first.
"""

import argparse
import json
import os
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from benchmarks.extractor_pages import NEWS, Page, news, pages
from benchmarks.extractor_scores import paired_interval, score_f1
from curate.html.extractors import clean_html, extractor


def texts(name: str, labelled: list[Page], title: bool) -> dict[str, str]:
    """Text of each page by its path; empty where the engine raises."""
    engine, found = extractor(name, title=title), {}
    for page in labelled:
        try:
            found[page.path] = engine(clean_html(page.html), page.url)
        except Exception as error:  # whatever an engine raises costs this page
            print(f"{name}: {page.path}: {type(error).__name__}")
            found[page.path] = ""
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", action="store_true")
    parser.add_argument("--without-peers", action="store_true", help="no trafilatura: F1 alone")
    parser.add_argument("--cv", type=Path)
    args = parser.parse_args()
    testdata = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    labelled = [*news(testdata), *(page for page in pages(testdata) if not page.partial)]
    if args.cv:
        rows = map(json.loads, args.cv.read_text(encoding="utf-8").splitlines())
        own = {row["path"]: row["text"] for row in rows}
        labelled = [page for page in labelled if page.path in own]
    else:
        own = texts("curate", labelled, args.title)
    peer = {} if args.without_peers else texts("trafilatura", labelled, False)
    groups: dict[str, list[Page]] = defaultdict(list)
    for page in labelled:
        groups[f"{page.set}: {page.kind}" if page.set == NEWS else page.kind].append(page)
    print("| pages | n | curate | trafilatura | difference [95 %] |\n|---|--:|--:|--:|---|")
    for name, some in groups.items():
        ours = [score_f1(own[page.path], page.gold) for page in some]
        if not peer:
            print(f"| {name} | {len(some)} | {fmean(ours):.4f} | | |")
            continue
        theirs = [score_f1(peer[page.path], page.gold) for page in some]
        mean, low, high = paired_interval(ours, theirs, [page.domain for page in some])
        print(
            f"| {name} | {len(some)} | {fmean(ours):.3f} | {fmean(theirs):.3f} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] |"
        )


if __name__ == "__main__":
    main()
