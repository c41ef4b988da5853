"""What stands for the data of a reader of the pages: a name on a page, and what is made under it."""

import gzip
import io
import json
import re
import shutil
import tarfile
import tomllib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from curate.filters import assets
from curate.sample import crawl, dumps, sources
from curate.sample.prose import Writer
from curate.sample.records import date, gzip_member, http_message, record_id, warc_record

Make = Callable[[Path], object]
"""Writes what stands for something to a path, which does not exist and whose parent does."""
By = tuple[str, ...]
"""A command that writes it (--output); `{name}` in it is another input."""
WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "saw", "one", "dog", "run", "home")
TINY = ("--preset", "nano", "--tokenizer", "bytes", "--no-tasks", "--quiet")


def lines(*rows: dict[str, Any]) -> Make:
    """A file of JSON lines."""
    return lambda to: to.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def text(words: str) -> Make:
    return lambda to: to.write_text(words, encoding="utf-8")


def one_crawl(to: Path) -> None:
    """A file of the sample crawl."""
    crawl.write(to)
    for file in sorted(to.iterdir()):
        if file.name != "sample-00001.warc.gz":
            file.unlink()


def texts(name: str) -> Make:
    """A table of short texts that a model of any size learns."""

    def make(to: Path) -> None:
        rng = np.random.Generator(np.random.PCG64(len(name)))
        to.mkdir()
        rows = [{"text": " ".join(rng.choice(WORDS, 30)) + f" {name} {i}", "source": name} for i in range(150)]
        pq.write_table(pa.Table.from_pylist(rows), to / "a.parquet")

    return make


def judged(day: str, column: str, good: object, bad: object) -> Make:
    """Texts of two kinds, each of a host of its own."""
    rows = [
        {
            "text": f"{f'It was a long {day}' if i % 2 else f'BUY THE {day} NOW'} {i}. " * 9,
            column: good if i % 2 else bad,
            "url": f"https://{day}{i}.example/",
        }
        for i in range(60)
    ]
    return lines(*rows)


def repositories(to: Path) -> None:
    """Three small projects, checked out."""
    sources.write_code(to)
    for file in sorted(to.iterdir())[3:]:
        file.unlink()
    for file in sorted(to.iterdir()):
        with tarfile.open(file) as archive:
            archive.extractall(to, filter="data")
        file.unlink()


def archives(to: Path) -> None:
    sources.write_code(to)
    for file in sorted(to.iterdir())[3:]:
        file.unlink()


def posts(to: Path) -> None:
    """The table of posts out of a site's archive."""
    import py7zr

    with py7zr.SevenZipFile(dumps.write_site(to.parent.parent)) as archive:
        archive.extract(to.parent, ["Posts.xml"])


def robots(to: Path) -> None:
    """Records of robots.txt, as Common Crawl keeps them in files of their own."""
    to.mkdir()
    body = http_message("200 OK", {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /private/\n")
    head = {
        "WARC-Type": "response",
        "WARC-Target-URI": "https://library.example/robots.txt",
        "WARC-Date": date(0),
        "WARC-Record-ID": record_id("robots"),
        "Content-Type": "application/http; msgtype=response",
    }
    record = warc_record(head, body)
    (to / "a.warc.gz").write_bytes(gzip_member(record))


def block_list(name: str) -> Make:
    """A category of UT1: a folder, packed where the name says so."""
    data = b"bad.example\n"

    def make(to: Path) -> None:
        if not to.name.endswith(".gz"):
            to.mkdir()
            (to / "domains").write_bytes(data)
            return
        with tarfile.open(to, "w:gz") as archive:
            info = tarfile.TarInfo(f"{name}/domains")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

    return make


def limits(to: Path) -> None:
    """Limits of a language, in the form of FineWeb-2's files."""
    found = tomllib.loads(
        files("curate").joinpath("recipes", "fineweb-2", "languages.toml").read_text(encoding="utf-8")
    )
    to.write_text(yaml.safe_dump(found["fra_Latn"]), encoding="utf-8")


def fasttext(to: Path) -> None:
    """A model that tells two kinds of text."""
    import fasttext as library

    path = to.with_suffix(".txt")
    path.write_text("".join(f"__label__{'hq it was a long day' if i % 2 else 'lq buy now'}\n" for i in range(40)))
    library.train_supervised(str(path), dim=4, bucket=100, minCount=1, verbose=0).save_model(str(to))


def in_loop(to: Path) -> None:
    """The sets of the suite olmes-easy, as OLMo's package has them: a request for each choice."""
    for entry in tomllib.loads(files("train_probe").joinpath("suites", "olmes-easy.toml").read_text("utf-8"))["task"]:
        rows = [
            {
                "request_type": "loglikelihood",
                "doc": {},
                "doc_id": number,
                "idx": index,
                "label": one["answer"],
                "request": {"context": one["context"], "continuation": choice},
            }
            for number, one in enumerate(CHOICES)
            for index, choice in enumerate(one["choices"])
        ]
        path = to / entry["file"]
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def table_of_runs(head: str, rows: int, losses: bool, weights: bool) -> Make:
    """Runs of a search: weights of three sources, losses that follow from them."""

    def make(to: Path) -> None:
        found = [head]
        rng = np.random.Generator(np.random.PCG64(0))
        for number in range(rows):
            web, code = (float(x) for x in rng.dirichlet((1, 1, 1))[:2])
            web, code = round(web, 4), round(code, 4)
            shown = [web, code, round(1 - web - code, 4)] if weights else []
            lost = [round(3 - web + (code - 0.3) ** 2, 6), round(2 + web * web, 6)] if losses else []
            found.append(",".join(map(str, [number, *shown, *lost])))
        to.write_text("\n".join(found) + "\n")

    return make


C4 = files("curate").joinpath("recipes", "c4.toml").read_text(encoding="utf-8")
_WRITERS = [Writer(f"page {number}") for number in range(24)]
PAGES = ["\n".join(writer.paragraph(4) for _ in range(4)) for writer in _WRITERS]
WEIGHTS, LOSSES = "train_web,train_code,train_books", "metric/web_val_loss,metric/code_val_loss"
CHOICES = [
    {"context": f"The cat sat on the mat, and {n} dogs", "choices": [" ran home", " mat the on"], "answer": 0}
    for n in range(9)
]
"""Questions in the trainer's own form."""
QUESTION = {"question": "What is the capital of the country where the old harbour stands?", "answer": "It is the town."}
INPUTS: dict[str, tuple[str, Make | By]] = {
    # crawls and dumps
    "crawl": ("crawl", one_crawl),
    "scratch/crawl": ("scratch/crawl", one_crawl),
    "shared/crawl": ("shared/crawl", one_crawl),
    "warc": ("warc", one_crawl),
    "robotstxt": ("robotstxt", robots),
    "RS_2019-": ("RS_2019-01.zst", lambda to: shutil.move(sources.write_reddit(to.parent / "reddit"), to)),
    "enwiki-20261101-pages-articles.xml.bz2": (
        "enwiki-20261101-pages-articles.xml.bz2",
        lambda to: shutil.move(dumps.write_wiki(to.parent / "made"), to),
    ),
    "stackexchange": ("stackexchange", lambda to: dumps.write_site(to)),
    "beer.stackexchange.com": ("beer.stackexchange.com/Posts.xml", posts),
    "repos": ("repos", repositories),
    "sdists": ("sdists", archives),
    "page.html": (
        "page.html",
        text("<title>A page</title><body><p>It is a page of one paragraph, long enough to be text."),
    ),
    "warc.paths": ("warc.paths", text("sample-00001.warc.gz\n")),
    # tables
    "some-dataset": ("some-dataset/a.jsonl", lines({"text": PAGES[0]})),
    "dataset": ("dataset/a.jsonl", lines({"text": PAGES[1]})),
    "any-corpus": ("any-corpus/a.jsonl", lines({"text": PAGES[2]})),
    "documents": (
        "documents/a.jsonl",
        lines(*[{"text": page, "url": f"https://example.org/{n}"} for n, page in enumerate(PAGES)]),
    ),
    "other": ("other/a.jsonl", lines({"body": "One line of text."})),
    "clusters.jsonl": (
        "clusters.jsonl",
        lines(*[{"text": page, "minhash_cluster_size": n % 9} for n, page in enumerate(PAGES)]),
    ),
    "target": ("target", texts("target")),
    "labelled.jsonl": ("labelled.jsonl", judged("day", "label", 1, 0)),
    "judged.jsonl": ("judged.jsonl", judged("night", "label", 1, 0)),
    # corpora
    "corpus": ("corpus", ("clean", "--input", "{crawl}", "--recipe", "gopher", "--quiet")),
    "world": ("world", ("clean", "--input", "{crawl}", "--recipe", "fineweb-2", "--quiet")),
    "deduped": ("deduped", ("clean", "--input", "{crawl}", "--recipe", "gopher", "--quiet")),
    "new-crawl": ("new-crawl", ("clean", "--input", "{crawl}", "--recipe", "gopher", "--quiet")),
    "new": ("new", ("clean", "--input", "{crawl}", "--recipe", "gopher", "--quiet")),
    "old": ("old", ("clean", "--input", "{crawl}", "--recipe", "c4", "--quiet")),
    "wiki": (
        "wiki",
        ("clean", "--input", "{enwiki-20261101-pages-articles.xml.bz2}", "--recipe", "wikipedia", "--quiet"),
    ),
    "books": ("books", ("clean", "--input", "{raw books}", "--recipe", "books", "--quiet")),
    "raw books": ("raw books", sources.write_books),
    "gutenberg": ("gutenberg", sources.write_books),
    "arXiv_src_": ("arXiv_src_2601_001.tar", lambda to: shutil.move(sources.write_arxiv(to.parent / "arxiv"), to)),
    "scored": ("scored", ("clean", "--input", "{crawl}", "--recipe", "{scored.toml}", "--quiet")),
    "scored.toml": ("scored.toml", text('[[step]]\nuse = "filters.quality.Quality"\nminimum = 0.1\n')),
    "code": ("code", ("code", "--input", "{sdists}/*", "--quiet")),
    "web": ("web", texts("web")),
    "a": ("a", texts("a")),
    "b": ("b", texts("bb")),
    "mixes/a": (
        "mixes/a",
        ("mix", "--weights", "web=1", "--source", "web={a}", "--held-out", "0.1", "--documents", "120", "--quiet"),
    ),
    "mixes/b": (
        "mixes/b",
        ("mix", "--weights", "web=1", "--source", "web={b}", "--held-out", "0.1", "--documents", "120", "--quiet"),
    ),
    "mixes/llama": (
        "mixes/llama",
        (
            "mix",
            "--weights",
            "web=0.5,wiki=0.5",
            "--source",
            "web={corpus}",
            "--source",
            "wiki={wiki}",
            "--documents",
            "30",
            "--quiet",
        ),
    ),
    # lists, models, questions
    "ut1/adult.tar.gz": ("ut1/adult.tar.gz", block_list("adult")),
    "ut1/malware": ("ut1/malware", block_list("malware")),
    "mine.txt": ("mine.txt", text("worse.example\n")),
    "glotlid.bin": ("glotlid.bin", lambda to: shutil.copy(assets.find("lid.176"), to)),
    "fineweb-2/configs": ("fineweb-2/configs/fra_Latn.yml", limits),
    "weights/up_to_10_reps.json": ("weights/up_to_10_reps.json", text('{"default": {"1": 1, "2": 2}}')),
    "share.toml": ("share.toml", text(re.sub(r'\[\[step\]\]\nuse = "curate.dedup[^\[]*', "", C4))),
    "hq.bin": ("hq.bin", fasttext),
    "gsm8k.jsonl": ("gsm8k.jsonl", lines(QUESTION)),
    "tasks": ("tasks/gsm8k.jsonl", lines(QUESTION)),
    "my-benchmark": ("my-benchmark/a.jsonl", lines(QUESTION)),
    "runs.csv": ("runs.csv", table_of_runs(f"run,{WEIGHTS},{LOSSES}", 24, True, True)),
    "train_mixture_1m.csv": ("train_mixture_1m.csv", table_of_runs(f"index,{WEIGHTS}", 24, False, True)),
    "train_pile_loss_1m.csv": ("train_pile_loss_1m.csv", table_of_runs(f"index,{LOSSES}", 24, True, False)),
    "test_mixture_1B.csv": ("test_mixture_1B.csv", table_of_runs(f"index,{WEIGHTS}", 9, False, True)),
    **{name: (name, lines(*CHOICES)) for name in ("piqa.jsonl", "piqa-train.jsonl", "q.jsonl", "blimp.jsonl")},
    "oe_eval_tasks": ("oe_eval_tasks", in_loop),
    "test": ("test", texts("test")),
    # what was trained
    **{
        f"runs/ab-{name}": (
            f"runs/ab-{name}",
            (
                "probe-train",
                "--shards",
                "{mixes/a}",
                "--shards",
                "{mixes/b}",
                "--seeds",
                "2",
                "--tokens",
                tokens,
                *TINY[:-1],
            ),
        )
        for name, tokens in (("nano", "1K"), ("4m", "3K"), ("20m", "9K"))
    },
}
"""By the name on a page: the path in the folder where it is run, and what makes it."""
