"""The recipe `mc4` against the released code of mC4, page by page, in some seventy languages.

python -m benchmarks.mc4_oracle --work DIR --texts good.jsonl

The oracle is `c4_utils.py` of tensorflow-datasets, run as it is (see `c4_oracle`), its config "multilingual": pages of valid length,
`paragraph_filter`, lines kept once, `detect_languages` with cld3, bad words. Pages: those of `benchmarks.good_pages`, lingua's sentences in
paragraphs of seven, and for each of the 28 lists of bad words some of these with a listed word in them.
"""

import argparse
import ast
import json
import os
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import gcld3

from benchmarks.c4_oracle import differences, load, our_lines, ours, timed, unpack
from benchmarks.real_texts import Text
from curate.corpus import recipe
from curate.filters.assets import find
from curate.filters.badwords import ADDED_AFTER, ALLOWED, load_words
from curate.filters.base import Document

EACH = 20


def pages(root: Path, texts: Path) -> Iterator[Text]:
    """At most EACH of a language and kind."""
    seen = Counter[str]()
    for line in texts.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        kind = f"{row['language']}/{row['kind']}"
        seen[kind] += 1
        if seen[kind] <= EACH:
            yield Text("good page", f"http://test.example/{kind}/{seen[kind]}", row["text"])
    for path in sorted((root / "C-langid/lingua-testdata").rglob("sentences/*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        words = sorted(load_words("ldnoobw-c4", path.stem))
        for page in range(EACH):
            start = 42 * page
            found = [" ".join(lines[at : at + 7]) for at in range(start, min(start + 42, len(lines)), 7)]
            if words and page % 4 == 0 and len(found) == 6:
                found[1] += f" {words[page * 7919 % len(words)]} {lines[start]}"
            if len(found) == 6:
                yield Text("sentences", f"http://test.example/{path.stem}/{page}", "\n".join(found))


class Pages(list[Any]):
    """What Beam's operator is called with: the pages go through the function at once."""

    def __or__(self, step: Any) -> list[Any]:
        step.start_bundle()
        return [found for page in self for found in step.process(page)]


def oracle(utils: Any, languages: Iterable[str], texts: Sequence[Text]) -> dict[str, dict[str, tuple[str, str | None]]]:
    """{stage: {url: (text, label)}} of the released code."""
    lazy = utils.tfds.core.lazy_imports
    lazy.gcld3 = gcld3
    lazy.apache_beam.DoFn, lazy.apache_beam.ParDo = object, lambda step: step
    made = [utils.PageFeatures(url=t.url, normalized_url=utils.normalize_url(t.url), text=t.text) for t in texts]
    long = [page for page in made if utils.is_valid_length(page) and utils.paragraph_filter(page)]
    elected: dict[str, str] = {}
    for page in long:
        for key, url in utils._emit_url_to_lines(page):
            rival = elected.get(key)
            if rival is None or utils._hash_text(url) < utils._hash_text(rival):
                elected[key] = url
    lines: dict[str, list[str]] = {page.url: [] for page in long}
    for key, url in elected.items():
        lines[url].append(key)
    count = utils.get_counter_inc_fn("dedupe-lines")
    kept: list[Any] = []
    for page in long:
        kept += utils._remove_lines_from_text((page.url, {"pages": [page], "lines": lines[page.url]}), count, 0)
    told = utils.detect_languages(Pages(kept), languages)
    words = {path.name: bad_words(path) for path in find("ldnoobw").iterdir() if path.suffix != ".txt"}
    clean = utils.get_badwords_filter_fn(words, filter_fraction=0.999)
    stages = {"paragraphs": long, "line dedup": kept, "language": told, "bad words": [p for p in told if clean(p)]}
    return {
        name: {page.url: (page.text, page.language if name in LABELLED else None) for page in stage}
        for name, stage in stages.items()
    }


LABELLED = ("language", "bad words")


def bad_words(path: Path) -> set[str]:
    """A list as the code reads it; the English one as it was at the commit that it pins."""
    words = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()} - {""}
    if path.name == "en":
        words = {word for word in words if sha256(word.encode()).hexdigest()[:8] not in ADDED_AFTER}
    return words - ALLOWED.get(path.name, frozenset())


def curate(texts: Sequence[Text]) -> dict[str, dict[str, tuple[str, str | None]]]:
    """The same of the recipe."""
    from curate.dedup import Lines, Urls

    steps = [step for step in recipe.load("mc4").steps if not isinstance(step, Urls)]
    names = [type(step).__name__ for step in steps]
    cut, language = next(i for i, step in enumerate(steps) if isinstance(step, Lines)), names.index("Cld3")
    docs = [Document(blake2b(item.url.encode(), digest_size=16).hexdigest(), item.text, url=item.url) for item in texts]
    stages: dict[str, list[Document]] = {"paragraphs": ours(steps[:cut], docs)}
    stages["line dedup"] = ours(steps[cut + 1 : language], our_lines(steps[cut], stages["paragraphs"]))
    stages["language"] = ours(steps[language : language + 1], stages["line dedup"])
    stages["bad words"] = ours(steps[language + 1 :], stages["language"])
    return {
        name: {doc.url or "": (doc.text, doc.language if name in LABELLED else None) for doc in stage}
        for name, stage in stages.items()
    }


def valid_languages(work: Path) -> list[str]:
    """The list in the released config."""
    source = (work / "tensorflow-datasets-4.9.10/tensorflow_datasets/text/c4.py").read_text()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "MC4_LANGUAGES":
            found: list[str] = ast.literal_eval(node.value)
            return found
    raise ValueError("no MC4_LANGUAGES in c4.py")


def main() -> None:
    """Run both, print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=Path)
    parser.add_argument("--texts", required=True, type=Path)
    options = parser.parse_args()
    unpack(options.work)
    utils = load(options.work)
    assert isinstance(utils, types.ModuleType)
    texts = list(pages(Path(os.environ["CURATE_TESTDATA"]), options.texts))
    theirs, slow = timed(lambda: oracle(utils, valid_languages(options.work), texts))
    mine, fast = timed(lambda: curate(texts))
    labels = Counter(label for _, label in theirs["language"].values())
    print(
        f"{len(texts):,} pages; {sum(labels.values()):,} with a label, {len(labels)} labels, {labels['und']} `und`.\n"
    )
    print(
        "| after stage | kept by the code | kept by curate | only the code | only curate | other text | other label |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, found in theirs.items():
        text = differences({u: t for u, (t, _) in found.items()}, {u: t for u, (t, _) in mine[name].items()})
        both = found.keys() & mine[name].keys()
        other = sum(found[url][1] != mine[name][url][1] for url in both)
        print(
            f"| {name} | {len(found):,} | {len(mine[name]):,} | {' | '.join(str(len(v)) for v in text.values())} | {other} |"
        )
    print(f"\nCPU time: the code {slow:.1f} s, curate {fast:.1f} s.")


if __name__ == "__main__":
    main()
