"""Is what `clean` makes of each dump, and `links` of submissions, the same bytes on each engine and for any number of cores?

    python -m benchmarks.sources_same [SOURCE ...] [sail:1 sail:2 sail:7 spark:2]

Reads the small dumps of `benchmarks.crash_points`; of wiki and Stack Exchange also real ones, where $CURATE_TESTDATA has them.
Prints for each source how many files each engine wrote, and which differ from the first engine's.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.crash_points import write_inputs
from curate.engine.session import EngineOptions
from curate.jobs.clean import Options, clean
from curate.jobs.links import Options as LinksOptions
from curate.jobs.links import links

FOLDERS = ("data", "rejected", "duplicates", "extracted", "links")
DATA = Path(os.environ.get("CURATE_TESTDATA", "/nowhere"))
REAL = {
    "wikipedia": "J-sources/wikipedia/piskvorky__gensim/**/enwiki*.bz2",
    "stackexchange": "J-sources/stackexchange/AaronNie__*/**/Posts.xml",
    "books": "J-sources/books/readium__*/**/*.epub",
    "arxiv": "J-sources/arxiv/arXiv__*",
}


def written(folder: Path) -> dict[str, str]:
    """A digest of each file of documents."""
    found = (path for name in FOLDERS for path in (folder / name).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(found)}


SOURCES = ("wikipedia", "stackexchange", "arxiv", "books", "webtext", "links")


def main(asked_for: list[str]) -> None:
    """Each source on all engines."""
    engines = [one for one in asked_for if ":" in one] or ["sail:1", "sail:2", "sail:7", "spark:2"]
    sources = [one for one in asked_for if ":" not in one] or SOURCES
    with tempfile.TemporaryDirectory() as name:
        root, differ = Path(name), 0
        (root / "in").mkdir()
        write_inputs(root / "in")
        for source in sources:
            first: dict[str, str] = {}
            real = [str(path) for path in sorted(DATA.glob(REAL[source]))][:12] if source in REAL else []
            inputs = [str(root / "in" / {"webtext": "crawl", "links": "reddit"}.get(source, source)), *real]
            for asked in engines:
                engine, _, cores = asked.partition(":")
                out, options = (
                    root / f"{source}-{engine}-{cores}",
                    EngineOptions(engine=engine, cores=int(cores), quiet=True),
                )
                if source == "links":
                    links(LinksOptions(inputs, str(out), command=()), options)
                else:
                    recipe = str(root / "in" / "webtext.toml") if source == "webtext" else source
                    urls = str(root / "in" / "urls.txt") if source == "webtext" else None
                    clean(Options(inputs, str(out), recipe, urls=urls, command=()), options)
                found = written(out)
                first = first or found
                wrong = [path for path in first.keys() | found.keys() if first.get(path) != found.get(path)]
                differ += len(wrong)
                print(f"{source} {asked}: {len(inputs)} inputs, {len(found)} files, differ: {wrong}", flush=True)
    sys.exit(bool(differ))


if __name__ == "__main__":
    main(sys.argv[1:])
