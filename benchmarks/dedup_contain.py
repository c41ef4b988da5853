"""Is what was removed held elsewhere? A planted corpus, removed by containment, by Jaccard and by peers.

    python -m benchmarks.dedup_contain [--datatrove PYTHON] [--textdedup PYTHON] [--only WORD]
    python -m benchmarks.dedup_contain --corpus CORPUS     # 100 removed documents of a corpus made with --keep-rejected

Each PYTHON is of a venv that holds that tool, at its defaults. Texts are the articles of test data E-neardup, books of
G-text, and the declaration of human rights in many languages (C-langid). Of each kind, what must go and what must stay:

| kind | goes | stays |
|---|---|---|
| reflowed | the text in other lines and case | the original |
| extended | the original | the version with a tenth more |
| framed | the page alone | the page in a site's navigation |
| mirror | the page | its mirror with one comment more |
| two comments | nothing | two mirrors, each with a comment of its own |
| corrected | nothing | two versions, a sentence of which differs |
| news | nothing | different news in the same boilerplate |
| template | nothing | one form, filled with other names and numbers |
| quotes | nothing | a text, and another that quotes half of it |
| chapters | (either) | a book; its chapters are held by it, and far shorter |
| translations | nothing | one text in many languages |

A removal is wrong when the document must stay. Of a cluster that a peer finds the longest stays, which favours the peers.
"""

import argparse
import functools
import re
import subprocess
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.dedup_quality import Pairs, articles, by_datasketch, by_peer, testdata
from curate.dedup import MinHash, kernel

KINDS = 40
"""Cases of each kind."""


class Planted:
    """Texts by name; which must go, which may; the kind of each."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.goes: set[str] = set()
        self.either: set[str] = set()
        self.twins: dict[str, str] = {}
        """The original by its reflowed copy: either may stay."""

    def add(self, kind: str, number: int, *texts: str, goes: int = -1) -> None:
        """A case: its texts, of which the one numbered `goes` is held by another."""
        for at, text in enumerate(texts):
            name = f"{kind}-{number}-{at}"
            self.texts[name], self.kinds[name] = text, kind
            if at == goes:
                self.goes.add(name)


def planted() -> Planted:
    """The corpus, the same each time."""
    found, sources = planted_texts(), iter(_articles())
    for number in range(KINDS):
        text, other = next(sources), next(sources)
        found.add("reflowed", number, text, _reflowed(text, number), goes=1)
        found.twins[f"reflowed-{number}-1"] = f"reflowed-{number}-0"
        text = next(sources)
        found.add("extended", number, text, f"{text}\n\n{_words(other, len(text.split()) // 10)}", goes=0)
        text, other = next(sources), next(sources)
        found.add("framed", number, text, _framed(text, other), goes=0)
        text, other = next(sources), next(sources)
        comment = f"{_words(other, len(text.split()) // 12)}."
        found.add("mirror", number, text, f"{text}\n\nA reader says: {comment}", goes=0)
        long = "\n\n".join(next(sources) for _ in range(1 + number % 16))
        comments = [f"Comment of user{number}{at}: {_words(next(sources), 4 + number % 30)}." for at in range(2)]
        found.add("two comments", number, *(f"{long}\n\n{comment}" for comment in comments))
        found.add("corrected", number, *_corrected("\n\n".join(next(sources) for _ in range(1 + number % 16)), number))
        frame, news = next(sources), [_words(next(sources), 40) for _ in range(3)]
        found.add("news", number, *(f"{_words(frame, 150)}\n\n{item}\n\n{_words(frame, 150, 150)}" for item in news))
        form = _words(next(sources), 300)
        found.add("template", number, *(_filled(form, next(sources), k) for k in range(3)))
        text, other = next(sources), next(sources)
        found.add("quotes", number, text, f"{_words(text, len(text.split()) // 2)}\n\n{other}")
    return found


def planted_texts() -> Planted:
    """Books with their chapters, and translations."""
    found = Planted()
    books = [sorted(folder.glob("[0-9]*.txt")) for folder in sorted((testdata() / "G-text" / "gutenberg").iterdir())]
    for number, path in enumerate(paths[0] for paths in books if paths):
        words = path.read_text(encoding="utf-8", errors="replace")[:600_000].split()
        chapters = [" ".join(words[at : at + 4000]) for at in range(0, len(words), 4000)]
        found.add("chapters", number, " ".join(words), *chapters)
    found.either |= {name for name in found.texts if not name.endswith("-0")}
    for number, text in enumerate(_declarations()):
        found.add("translations", number, text)
    return found


def _articles() -> list[str]:
    texts, truth = articles("articles_1000")
    copies = {name for both in truth for name in both}
    whole = [" ".join(texts[name].split()) for name in sorted(texts) if name not in copies]
    return _apart(_varied(text, turn) for turn in range(3) for text in whole)


def _apart(texts: Iterable[str]) -> list[str]:
    """Those of 40 words and more that share no five words with one before, nor with themselves: articles quote each other."""
    seen: set[tuple[str, ...]] = set()
    found = []
    for text in texts:
        words = kernel.words(text)
        grams = [tuple(words[at : at + 5]) for at in range(len(words) - 4)]
        if len(words) >= 40 and len(set(grams)) == len(grams) and seen.isdisjoint(grams):
            found.append(text)
            seen.update(grams)
    return found


def _varied(text: str, turn: int) -> str:
    """A third of its sentences, so that an article serves three times and no words stand in two cases."""
    sentences = re.split(r"(?<=[.!?]) ", text)
    cut = max(1, len(sentences) // 3)
    return " ".join(sentences[turn * cut : (turn + 1) * cut])


def _declarations() -> list[str]:
    folder = testdata() / "C-langid" / "udhr-xml-unicode"
    found = []
    for archive in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(archive) as files:
            found += [files.read(name).decode("utf-8", "replace") for name in sorted(files.namelist())]
    same = "chr_"  # Cherokee stands there twice, in two cases
    found += [
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.rglob("*.xml"))
        if same not in path.name
    ]
    return [re.sub(r"<[^>]+>", " ", text) for text in found][:200]


def _words(text: str, count: int, first: int = 0) -> str:
    words = text.split()
    return " ".join(words[(first + k) % len(words)] for k in range(count))


def _reflowed(text: str, number: int) -> str:
    words = text.split()
    width = 7 + number % 9
    lines = "\n".join(" ".join(words[at : at + width]) for at in range(0, len(words), width))
    return lines.upper() if number % 3 == 0 else lines


def _framed(text: str, other: str) -> str:
    size = len(text.split()) // 20
    return f"{_words(other, size)}\n{text}\n{_words(other, 2 * size, size)}"


def _corrected(text: str, number: int) -> tuple[str, str]:
    words = text.split()
    at = len(words) // 2
    new = [f"corrected{number}x{k}" for k in range(5 + number % 8)]
    return text, " ".join(words[:at] + new + words[at + len(new) :])


def _filled(form: str, other: str, number: int) -> str:
    words, values = form.split(), other.split()
    for k in range(0, len(words), 40):
        words[k : k + 4] = [f"{values[k % len(values)]}{number}", f"{number}{k}7", values[(k + 1) % len(values)], "ref"]
    return " ".join(words)


def removed_by_curate(texts: Mapping[str, str], step: MinHash) -> set[str]:
    """Names of what a step removes."""
    import tempfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    from curate.corpus.schema import document_id
    from curate.dedup.base import doc64
    from curate.engine.session import session

    names = {document_id("benchmark", name): name for name in texts}
    docs = dict(zip(doc64(list(names)).tolist(), names.values(), strict=True))
    with tempfile.TemporaryDirectory() as folder, session("contain", engine="sail") as s:
        batch = pa.RecordBatch.from_pydict({"id": list(names), "text": [texts[name] for name in names.values()]})
        Path(folder, "keys").mkdir()
        pq.write_table(step.keys(batch), f"{folder}/keys/0.parquet")
        step.resolve(s, f"{folder}/keys", f"{folder}/lost", 4)
        return {docs[doc] for doc in pq.read_table(f"{folder}/lost", columns=["doc"])["doc"].to_pylist()}


def removed_of(texts: Mapping[str, str], pairs: Pairs) -> set[str]:
    """All but the longest of each cluster; `pairs` are closed."""
    near: dict[str, set[str]] = defaultdict(set)
    for a, b in pairs:
        near[a].add(b)
        near[b].add(a)
    return {
        name for name, others in near.items() if any((-len(texts[o]), o) < (-len(texts[name]), name) for o in others)
    }


def report(name: str, corpus: Planted, gone: set[str]) -> None:
    """A row of the table, and what went wrongly or was missed, by kind."""
    gone = gone | {copy for copy, original in corpus.twins.items() if original in gone}
    gone -= {original for copy, original in corpus.twins.items() if copy in gone}
    wrong = gone - corpus.goes - corpus.either
    right = gone & corpus.goes
    kinds = [Counter(corpus.kinds[one] for one in names) for names in (wrong, corpus.goes - gone)]
    told = [", ".join(f"{kind} {n}" for kind, n in sorted(kind.items())) or "none" for kind in kinds]
    recall = len(right) / len(corpus.goes)
    print(f"| {name} | {len(gone)} | {len(wrong)} | {recall:.3f} | {told[0]} | {told[1]} |", flush=True)


def at_random(corpus: str) -> None:
    """The longest run of words that the survivor lacks, of 100 removed documents of a corpus (chosen by id)."""
    import pyarrow.dataset as ds

    from curate.dedup.difference import Piece, lacking
    from curate.report.explain import explain

    rows = ds.dataset(f"{corpus}/duplicates").to_table(columns=["id", "value"]).sort_by("id").to_pylist()[:100]
    runs = []
    for row in rows:
        (found, *_) = explain(corpus, row["id"])
        survivor = next(iter(found.survivors.values()), None)
        if survivor and survivor.text and found.row.get("text"):
            gaps = lacking(found.row["text"], survivor.text)
            longest = max(gaps, key=lambda gap: gap.words, default=Piece("", 0, False))
            runs.append((longest.words, row["value"], row["id"], longest.text))
    lengths = np.array([run[0] for run in runs])
    print(
        f"{len(runs)} removed: longest run lacking, median {np.median(lengths):g}, 95 % {np.quantile(lengths, 0.95):g}"
    )
    for words, value, name, text in sorted(runs, reverse=True)[:10]:
        print(f"  {words} words, {value:.4f} held, {name}: {text[:160]!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datatrove", metavar="PYTHON")
    parser.add_argument("--textdedup", metavar="PYTHON")
    parser.add_argument("--corpus", metavar="DIR")
    parser.add_argument("--only", metavar="WORD", default="", help="tools with this word in their names")
    options = parser.parse_args()
    if options.corpus:
        at_random(options.corpus)
        return
    corpus = planted()
    print(f"{len(corpus.texts)} documents, {len(corpus.goes)} must go, {len(corpus.either)} may\n")
    print("| | removed | wrongly | recall | wrongly, by kind | missed, by kind |\n|---|--:|--:|--:|---|---|")
    calm = functools.partial(MinHash, max_cluster_share=1.0, max_host_share=1.0, max_source_share=1.0)
    tools: dict[str, Callable[[], set[str]]] = {
        "curate, containment .99, gap 3 (default)": lambda: removed_by_curate(corpus.texts, calm()),
        "curate, containment .99, any gap": lambda: removed_by_curate(corpus.texts, calm(gap=10**6)),
        "curate, containment .95, gap 3": lambda: removed_by_curate(corpus.texts, calm(minimum=0.95)),
        "curate, containment 1": lambda: removed_by_curate(corpus.texts, calm(minimum=1.0)),
        "curate, containment .99, 5-grams": lambda: removed_by_curate(corpus.texts, calm(ngram=5)),
        "curate, Jaccard .8 (the default before)": lambda: removed_by_curate(corpus.texts, calm(verify="jaccard")),
        "curate, not verified": lambda: removed_by_curate(corpus.texts, calm(verify="none")),
        "datasketch MinHashLSH, 9 x 13 (its .9)": lambda: removed_of(corpus.texts, by_datasketch(corpus.texts, 9, 13)),
    }
    if options.datatrove:
        tools["datatrove, 14 x 8"] = lambda: removed_of(
            corpus.texts, by_peer(corpus.texts, options.datatrove, "benchmarks/dedup_datatrove.py", "14", "8", "1")
        )
    if options.textdedup:
        tools["text-dedup, 25 x 10 (its .7)"] = lambda: removed_of(
            corpus.texts, by_peer(corpus.texts, options.textdedup, "benchmarks/dedup_textdedup.py", "25", "10")
        )
    for name, tool in ((name, tool) for name, tool in tools.items() if options.only in name):
        try:
            report(name, corpus, tool())
        except subprocess.CalledProcessError as error:
            print(f"| {name} | failed: {error.stderr[-300:]} |")


if __name__ == "__main__":
    main()
