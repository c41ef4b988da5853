"""Files of `curate export`, read back by the libraries that they are for.

    python -m benchmarks.export_peers --peers PYTHON

PYTHON has `datasets`, `datatrove[io]`, `webdataset` and `pylance`; what is not there is said. The sample crawl is cleaned and exported
once a format; what a library reads is compared, document by document, with `data/`.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

Texts = dict[str, str]


def main() -> None:
    """Export, and have each file read by PYTHON; a table on stdout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the libraries")
    parser.add_argument("--check", nargs=3, metavar=("LIBRARY", "CORPUS", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.check:
        print(_checked(*args.check))
        return
    with tempfile.TemporaryDirectory() as work:
        crawl, corpus = f"{work}/crawl", f"{work}/corpus"
        _curate("sample-crawl", crawl)
        _curate("clean", "--input", crawl, "--output", corpus, "--quiet")
        print("| format | read by | what was seen |\n|---|---|---|")
        for library, (kind, _) in READERS.items():
            out = f"{work}/{kind}"
            told = "" if Path(out).exists() else _curate("export", corpus, "--format", kind, "--output", out)
            command = [args.peers, "-W", "ignore", __file__, "--check", library, corpus, out]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            said = (told or (done.stdout if done.returncode == 0 else done.stderr)).strip().splitlines()
            print(f"| {kind} | {library} | {said[-1]} |", flush=True)


def _curate(*words: str) -> str:
    """What a command says; an extra that is missing here is for the table."""
    done = subprocess.run([sys.executable, "-m", "curate", *words], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def _checked(library: str, corpus: str, out: str) -> str:
    found = READERS[library][1](out)
    table = pq.read_table(f"{corpus}/data", columns=["id", "text"])
    wanted = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    same = sum(found.get(name) == text for name, text in wanted.items())
    package = {"lance": "pylance"}.get(library, library)
    return f"{package} {version(package)}: {same} of {len(wanted)} documents equal, {len(found) - same} others"


def _datasets(out: str) -> Texts:
    from datasets import load_dataset

    rows = load_dataset("json", data_files=f"{out}/data/*.zst", split="train", cache_dir=f"{out}-cache")
    return {row["id"]: row["text"] for row in rows}


def _datatrove(out: str) -> Texts:
    from datatrove.pipeline.readers import JsonlReader

    reader = JsonlReader(f"{out}/data", glob_pattern="*.zst", compression="zstd")
    return {document.id: document.text for document in reader.run()}


def _webdataset(out: str) -> Texts:
    import webdataset

    files = sorted(str(path) for path in Path(out, "data").rglob("*.tar"))
    rows = webdataset.WebDataset(files, shardshuffle=False).decode()
    return {row["json"]["id"]: row["txt"] for row in rows}


def _lance(out: str) -> Texts:
    import lance

    rows = lance.dataset(f"{out}/data.lance").to_table(columns=["id", "text"])
    return dict(zip(rows["id"].to_pylist(), rows["text"].to_pylist(), strict=True))


READERS: dict[str, tuple[str, Callable[[str], Texts]]] = {
    "datasets": ("jsonl.zst", _datasets),
    "datatrove": ("jsonl.zst", _datatrove),
    "webdataset": ("webdataset", _webdataset),
    "lance": ("lance", _lance),
}

if __name__ == "__main__":
    main()
