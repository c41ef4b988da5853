"""`data/` with a folder for each language, for recipes that ask for it: every shard becomes a piece, sorted by language, and each
file gathers its language from some of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from curate.corpus import checksums, schema
from curate.corpus.checksums import Content
from curate.corpus.shards import ShardWriter, part_name, read_checked, read_facts, read_groups, read_written
from curate.engine.session import Session
from curate.errors import BalanceError
from curate.filters.labels import UNKNOWN, folder
from curate.run.runner import run_tasks, stage

if TYPE_CHECKING:
    from curate.run.pipeline import CorpusJob


@dataclass(frozen=True, slots=True)
class Published:
    """For the progress display."""

    records: int
    kept: int


def write_piece(path: str, table: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Content:
    """Write the kept rows of one working shard, each language in row groups of its own, by id in each; what they hold.

    Its facts say of each language which row groups are its, and what they hold.
    """
    rows = pa.Table.from_batches(batches, table).combine_chunks()
    names = pa.array([folder(label) for label in rows["language"].to_pylist()], pa.string())
    facts = {}
    with ShardWriter(path, table, scratch=True) as writer:
        for name in sorted(set(names.to_pylist())):
            first, before = writer.groups, writer.content
            writer.write(rows.filter(pc.equal(names, name)))
            writer.cut()
            held = checksums.difference(writer.content, before)
            facts[name] = {"groups": [first, writer.groups], "content": held.to_dict()}
        writer.facts = {"languages": facts}
    return writer.content


def by_language(s: Session, job: "CorpusJob", pieces: Sequence[str], *, sized: bool) -> dict[str, list[str]]:
    """The files of `data/`, a folder a language: paths by folder. Raises BalanceError when they hold other rows than the pieces."""
    tasks, written = list[LanguageTask](), dict[str, list[str]]()
    found_sizes = of_languages(pieces) or {UNKNOWN: {}}  # a corpus of nothing is a file of no rows
    for language, sizes in found_sizes.items():
        parts = grouped(sizes, job.recipe.shards.target_bytes)
        name = f"data/language={language}"
        written[name] = [job.path(*name.split("/"), part_name(i, len(parts))) for i in range(len(parts))]
        tasks += [
            LanguageTask(group, language, out, job.source.kind, tuple(job.recipe.signals), sized)
            for group, out in zip(parts, written[name], strict=True)
        ]
    with stage(job, "languages", len(tasks)) as timing:
        timing["worked"] = run_tasks(s, job, gather_language, tasks)
    meant = checksums.total(read_written(path).content for path in pieces)
    found = checksums.total(read_written(path).content for paths in written.values() for path in paths)
    if found != meant:
        raise BalanceError(f"data/ holds {found}, but {meant} were kept")
    return written


@dataclass(frozen=True, slots=True)
class LanguageTask:
    """A file of `data/language=…/`: the rows of one language in some pieces."""

    sources: tuple[str, ...]
    language: str
    """As its folder is named."""
    out: str
    kind: str
    signals: tuple[str, ...]
    sizes: bool = False
    """Whether there is a column of the sizes of clusters."""


def gather_language(task: LanguageTask) -> Published:
    """Task: write `out`, and read it again. Raises BalanceError when it does not hold what the pieces say of the language."""
    table = schema.by_language(schema.published(task.kind, list(task.signals), sizes=task.sizes))
    held = Content()
    with ShardWriter(task.out, table) as writer:
        for path in task.sources:
            facts = read_facts(path)["languages"].get(task.language)
            if facts is None:
                continue
            held += checksums.from_dict(facts["content"])
            for batch in read_groups(path, range(*facts["groups"])):
                writer.write(batch)
    if writer.content != held:
        raise BalanceError(f"{task.out} got {writer.content}, but its pieces hold {held}")
    rows = sum(batch.num_rows for batch in read_checked(task.out, list(checksums.COLUMNS)))
    return Published(rows, rows)


def of_languages(pieces: Sequence[str]) -> dict[str, dict[str, int]]:
    """By language, as folders are named: bytes of text in each piece that has any document of it, in their order."""
    found: dict[str, dict[str, int]] = {}
    for path in pieces:
        for name, facts in read_facts(path)["languages"].items():
            found.setdefault(name, {})[path] = facts["content"]["bytes"]
    return dict(sorted(found.items()))


def grouped(sizes: Mapping[str, int], target: int) -> list[tuple[str, ...]]:
    """Pieces in their order, in as few groups as keep each at about `target` bytes; never none."""
    count = max(1, math.ceil(sum(sizes.values()) / target))
    groups: list[list[str]] = [[] for _ in range(count)]
    seen, whole = 0, max(1, sum(sizes.values()))
    for path, size in sizes.items():
        groups[min(count - 1, seen * count // whole)].append(path)
        seen += size
    return [tuple(group) for group in groups if group] or [()]
