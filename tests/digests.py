"""What each recipe makes of the embedded samples, as digests of rows: a change that was to change nothing is seen in one table.

    python -m tests.digests > tests/digests.json

writes the table again, where rows were meant to change. Digests are of what the files hold (names of files, columns, types, values;
numbers to six digits), not of their bytes, which versions of Arrow and of compressors decide too.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pyarrow.parquet as pq

from curate.engine.session import EngineOptions
from curate.jobs.clean import Options, clean
from curate.jobs.code import Options as CodeOptions
from curate.jobs.code import clean_code
from curate.jobs.dedup import Options as DedupOptions
from curate.jobs.dedup import deduplicate
from curate.jobs.mix import Options as MixOptions
from curate.jobs.mix import mix
from curate.sample import crawl, dumps, sources

TABLE = Path(__file__).with_name("digests.json")
FOLDERS = ("data", "rejected", "duplicates", "held_out")
AGAIN = ("c4-tfds", "gopher", "fineweb", "fineweb-2", "mc4", "refinedweb")
"""Recipes that start from the texts of the first job. Those that want a model or a list of the person's own are left out."""
DUMPS = {
    "wikipedia": dumps.write_wiki,
    "stackexchange": dumps.write_site,
    "arxiv": sources.write_arxiv,
    "books": sources.write_books,
}
Digests = dict[str, dict[str, str]]


def made(root: Path) -> Iterator[str]:
    """Make one corpus after the other in `root`, under its name, which is given when it is there."""
    engine = EngineOptions(quiet=True)
    crawl.write(root / "crawl")
    for name, write in DUMPS.items():
        write(root / name)
    sources.write_code(root / "github")
    with chdir(root):  # rows name their files: by the same paths each time
        clean(Options(["crawl"], "c4"), engine)
        yield "c4"
        for recipe in AGAIN:
            clean(Options(["c4"], recipe, recipe, extractor="curate"), engine)
            yield recipe
        for recipe in DUMPS:
            clean(Options([recipe], f"of-{recipe}", recipe), engine)
            yield f"of-{recipe}"
        clean_code(CodeOptions(["github/*.tar.gz"], "of-github"), engine)
        yield "of-github"
        for method in ("exact", "minhash", "lines", "substring"):
            deduplicate(DedupOptions("c4", method, method), engine)
            yield method
        mixture = MixOptions(
            "web=0.7,books=0.3", ["web=c4", "books=of-books"], "mix", size="40K", counts="counts", shards=2
        )
        mix(mixture, engine)
        yield "mix"


def digest(folder: Path) -> str:
    """16 hex digits of the names, columns and rows of the Parquet files of a folder."""
    found = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.rglob("*.parquet")):
        table = pq.ParquetFile(path).read()
        found.update(repr((str(path.relative_to(folder)), [str(field) for field in table.schema])).encode())
        for row in table.to_pylist():
            found.update(json.dumps(_plain(row), sort_keys=True, default=str).encode())
    return found.hexdigest()


def _plain(value: object) -> object:
    """A value whose numbers have six digits: the last ones are the processor's and the compiler's."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def digests(root: Path) -> Digests:
    """The table: by corpus and folder."""
    return {
        name: {folder: digest(root / name / folder) for folder in FOLDERS if (root / name / folder).is_dir()}
        for name in made(root)
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        json.dump(digests(Path(folder)), sys.stdout, indent=1)
        print()
