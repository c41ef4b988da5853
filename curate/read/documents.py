"""Crawl files, and corpora that are there already, as the source of a job."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from curate.corpus.recipe import Recipe
from curate.engine.memory import cpu_count
from curate.errors import InputError, UsageError
from curate.files import storage
from curate.files.fingerprints import digest_of
from curate.files.output import IDENTITY, believed, extracted_parts, index_path, read_json
from curate.html.extractors import UNION, extractor_version
from curate.read import web
from curate.read.corpora import corpus_source
from curate.read.dumps import Head, head_of, kind_of, known_reader
from curate.read.inputs import all_files, expand_named, holds_tables, is_crawl_name, may_be_folder, may_hold_others
from curate.read.robots import stages
from curate.read.source import Source
from curate.read.splits import plan_splits

SPLIT_BYTES, LEAST_SPLIT_BYTES = 64 << 20, 4 << 20
MOST_TASKS = 50_000
SHOWN = 20
"""Files that are left out which notes name."""
LOOKED_AT = 100
"""Files of a folder or glob without the name of a crawl file whose beginnings are looked at."""
_CRAWL = (b"WARC/", b"filedesc:")


def document_source(
    inputs: Sequence[str],
    recipe: Recipe,
    columns: tuple[str, str],
    name: str | None = None,
    split_bytes: int = 0,
    base: str | None = None,
    robots: Sequence[str] = (),
) -> Source:
    """The source of whatever holds documents: crawl files, a corpus that was cleaned before, anybody's Parquet and JSON.

    `columns` are those of the text and the id in tables, where they have no usual name; `base` and `robots` are for crawl files
    (`crawl_source`), `split_bytes` for these and dumps. Raises InputError for crawl files and tables at once, UsageError for options
    of the other kind.
    """
    if recipe.source is not None and not any(columns) and not any(map(_is_cleaned, inputs)):
        found = _dumps(inputs, recipe, name, split_bytes)
        if found:
            return found
    tables = [one for one in inputs if not _is_cleaned(one) and holds_tables(one)]
    if tables and len(tables) < len(inputs):
        crawls = next(one for one in inputs if one not in tables)
        raise InputError(f"{tables[0]} holds tables of documents and {crawls} crawl files: clean them one by one")
    if not tables:
        if any(columns):
            raise UsageError("--text-column and --id-column are for tables; crawl files have none")
        refuse_dumps([one for one in inputs if not _is_cleaned(one)])
        return crawl_source(inputs, recipe, name, split_bytes, base, robots)
    if robots:
        raise UsageError("--robots is for crawl files; these are tables of documents")
    if base or split_bytes:
        raise UsageError("--base and --split-mb are for crawl files; these are tables of documents")
    return corpus_source(inputs, name, *columns)


def _dumps(inputs: Sequence[str], recipe: Recipe, name: str | None, split_bytes: int) -> Source | None:
    """The source of dumps that the recipe's reader takes; None for tables of documents, which any recipe cleans."""
    try:
        return dump_source(inputs, recipe.source, name, split_bytes)
    except InputError:
        if all(map(holds_tables, inputs)):
            return None
        raise


def dump_source(inputs: Sequence[str], reader: Any, name: str | None, split_bytes: int) -> Source:
    """The source of dumps that `reader` takes; files of other kinds in folders are left out, with a note.

    Raises InputError when a file that was named is of another kind (which is named), and when none is left.
    """
    heads, named = {}, set()
    for path, size in all_files(inputs).items():
        heads[path] = head_of(path, size)
        named |= {path} & {*inputs}
    own = [head for head in heads.values() if reader.recognises(head)]
    others = [head for head in heads.values() if not reader.recognises(head)]
    for head in others:
        if head.path in named or not own:
            raise InputError(_another(head, reader))
    source: Source = reader.source(sorted(own, key=lambda head: head.path), name, split_bytes)
    notes = left_out(others, f"not {reader.what}")
    return replace(source, notes=(*source.notes, *notes)) if notes else source


def left_out(heads: Sequence[Head], told: str) -> list[str]:
    """A note for each of the first SHOWN files that are left out, and one for all further ones, which are `told`."""
    notes = [f"{head.path}: {kind_of(head)}; left out" for head in heads[:SHOWN]]
    if len(heads) > SHOWN:
        notes.append(f"{len(heads) - SHOWN} further files are {told}; left out")
    return notes


def refuse_dumps(inputs: Sequence[str]) -> None:
    """Raise InputError when an input is a dump that another recipe reads, or a folder or glob of such: of which no file is called, or
    begins (of the first LOOKED_AT), as a crawl file does."""
    for path in filter(may_hold_others, inputs):
        found = all_files([path], missing_ok=True)
        if any(map(is_crawl_name, found)):
            continue
        told = None
        for head in itertools.starmap(head_of, itertools.islice(found.items(), LOOKED_AT)):
            if head.data.startswith(_CRAWL):
                break
            if told is None and (reader := known_reader(head)):
                told = f"{head.path}: {reader.what}: read it with --recipe {reader.recipe}"
        else:
            if told:
                raise InputError(told)


def _another(head: Head, reader: Any) -> str:
    known = known_reader(head)
    hint = f"; read it with --recipe {known.recipe}" if known else ""
    return f"{head.path}: {kind_of(head)}, and this recipe reads {reader.what}{hint}"


def _is_cleaned(name: str) -> bool:
    return may_be_folder(name) and _is_corpus(name)


def crawl_source(
    inputs: Sequence[str],
    recipe: Recipe,
    name: str | None = None,
    split_bytes: int = 0,
    base: str | None = None,
    robots: Sequence[str] = (),
) -> Source:
    """The source of crawl files (WARC, WET, ARC; files, globs, folders, path lists, URLs).

    A single folder that is a finished corpus with `extracted/` is not extracted again: its documents are taken from
    there, if they were made with the same extraction settings. `robots` are crawl files with records of robots.txt and
    tdmrep.json: they are read before the pages, and are inputs themselves, whose records are counted. Inputs in a folder
    `robotstxt` are such.
    """
    settings = extraction(recipe)
    if len(inputs) == 1 and _is_cleaned(inputs[0]):
        if robots:
            raise UsageError(f"--robots is for crawl files; what sites declared stands in {inputs[0]} already")
        return _reused(inputs[0], settings)
    files, named, notes = expand_named([*inputs, *robots], base)
    paths = {path for name in robots for path in named[name]}
    telling = {f.path for f in files if (f.wacz or f.path) in paths or "robotstxt" in f.path.split("/")[:-1]}
    total = sum(file.size for file in files)
    busy = max(LEAST_SPLIT_BYTES, total // (2 * cpu_count()))  # a small input must keep every core busy, too
    each = split_bytes or max(min(SPLIT_BYTES, busy), total // MOST_TASKS)
    names = {file.name: name or _crawl_name(file.name) for file in files}
    splits = [split for file in files for split in plan_splits(file, each)]
    tasks = [
        web.WebTask(
            name=f"{i:06d}-{digest_of(asdict(replace(split, address='')))}",  # one address, signed again, is the same task
            split=split,
            source=names[split.file],
            engine=recipe.extract.engine,
            title=recipe.extract.title,
            recipe=recipe.text if recipe.extract.engine == UNION else "",
            cpu_seconds=recipe.extract.cpu_seconds,
            page_bytes=recipe.extract.page_bytes,
            memory_bytes=recipe.extract.memory_bytes,
            robots=bool(telling),
        )
        for i, split in enumerate(splits)
    ]
    listed = [(file.name, file.size) for file in files]
    digest = digest_of([settings, name, listed, *([sorted(telling)] if telling else [])])
    reads = sorted({file.wacz or file.path for file in files})
    rules = [task for task in tasks if (task.split.address or task.split.file) in telling]
    return Source(
        "web",
        web.run,
        tasks,
        listed,
        digest,
        extraction=settings,
        reads=reads,
        before=stages(rules) if rules else (),
        notes=notes,
        memory_bytes=recipe.extract.memory_bytes,
    )


def _is_corpus(folder: str) -> bool:
    """Whether a corpus was made from crawl files and has their texts still."""
    return bool(_index(folder).get("extraction"))


def _index(folder: str) -> dict[str, Any]:
    return read_json(index_path(storage.join(folder, "extracted")))


def extraction(recipe: Recipe) -> dict[str, str | int | float]:
    """Everything that decides what text a page gives."""
    engine = recipe.extract.engine
    chooses: dict[str, str | int | float] = {"recipe": recipe.digest} if engine == UNION else {}
    return chooses | {
        "engine": engine,
        "title": recipe.extract.title,
        "version": extractor_version(engine),
        "cpu_seconds": recipe.extract.cpu_seconds,
        "page_bytes": recipe.extract.page_bytes,
        "memory_bytes": recipe.extract.memory_bytes,
    }


def _reused(corpus: str, settings: dict[str, str | int | float]) -> Source:
    with believed(corpus):
        return _of_corpus(corpus, settings)


def _of_corpus(corpus: str, settings: dict[str, str | int | float]) -> Source:
    job, index = read_json(storage.join(corpus, IDENTITY)), _index(corpus)
    if index["extraction"] != settings:
        raise InputError(
            f"{corpus}/extracted was made with other extraction settings ({settings['engine']} was asked for): "
            "name the crawl files instead, or use the recipe's engine it was made with"
        )
    folder = storage.join(corpus, "extracted")
    parts = [*(storage.join(folder, name) for name in extracted_parts(folder)), index_path(folder)]
    made = [(name, int(size)) for name, size in job["inputs"]]
    return Source(index["kind"], None, [], made, job["source"], extraction=settings, reuse=folder, reads=parts)


def _crawl_name(path: str) -> str:
    found = re.search(r"CC-MAIN-\d{4}-\d{2}", path)
    return found.group() if found else "crawl"
