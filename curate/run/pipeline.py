"""The stages of a job that makes a corpus, whatever its source: extract, exchange, passes, publish. See ARCHITECTURE.md."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

import curate
from curate.console.terminal import notes
from curate.corpus import checksums
from curate.corpus import schema as schemas
from curate.corpus.checksums import Content
from curate.corpus.recipe import LoadTask, Recipe, is_corpus_wide, load_in_child
from curate.corpus.shards import ShardWriter, first_id, part_name, read_written
from curate.dedup import index
from curate.dedup.base import CorpusStep
from curate.engine import children
from curate.engine.session import Session
from curate.engine.tasks import missing
from curate.errors import BalanceError
from curate.files import output, storage
from curate.files.output import INDEX, dump_json, read_json
from curate.filters.caching import is_compiled
from curate.read.rows import tallies
from curate.read.source import ReadTask, Source
from curate.run.exchange import between, check_moved, together
from curate.run.ledger import Ledger
from curate.run.passes import judge_corpus
from curate.run.publish import publish_corpus
from curate.run.runner import Job, Watcher, run_tasks, stage

MINIMUM_SHARDS = 8
UNPACKED = 512 << 20
"""Bytes of input up to which what was read is brought to its shards without compression, on this machine."""
SOME_ROWS = 256
"""Rows that are brought in order together: each is there twice then."""
OF_OURS = ("curate", "union")
"""Extractors with loops that are compiled where they first run."""


@dataclass(slots=True)
class CorpusJob(Job):
    """Documents of a source, through a recipe, to a corpus: clean, dedup and code."""

    name: str
    source: Source
    recipe: Recipe
    output: str
    command: str = ""
    keep_rejected: bool = False
    keep_extracted: bool = True
    watcher: Watcher | None = None
    finishers: Sequence[Callable[["CorpusJob", Ledger], None]] = ()

    inputs: Sequence[str] = field(init=False)
    uses: Sequence[str] = field(init=False)
    settings: Mapping[str, object] = field(init=False)
    indexed: Sequence[tuple[CorpusStep, str]] = field(init=False)
    leftovers: Sequence[str] = field(init=False)
    uses_named: ClassVar[str] = "files_of_the_recipe"

    def __post_init__(self) -> None:
        """What decides the corpus: files that are read, models and lists, recipe and source, and what is to be kept."""
        recipe, source = self.recipe, self.source
        self.inputs = source.reads or [path for path, _ in source.inputs]
        self.uses = [*recipe.files(), *source.uses]
        self.settings = {
            "recipe": recipe.digest,
            "inputs": [list(item) for item in source.inputs],
            "source": source.digest,
            "keep_rejected": self.keep_rejected,
            "keep_extracted": self.keep_extracted,
        }
        steps = [(recipe.steps[last], f"keys-{n}") for n, (_, last) in enumerate(recipe.segments()[:-1], 1)]
        self.indexed = [(step, self.scratch(keys)) for step, keys in steps if getattr(step, "index", "")]
        self.leftovers = ["_scratch", *([] if self.keep_extracted else ["extracted"])]

    @property
    def title(self) -> str:
        """What an engine shows of it."""
        return f"curate {self.name} {self.recipe.name}"

    def ready(self) -> None:
        """Have the extractor, and the models and lists of the steps, loaded for the children that read, and those that judge afterwards.
        Raises RecipeError with what is missing, and how to get it."""
        recipe, source = self.recipe, self.source
        for corpus in {getattr(step, "against", "") for step in recipe.steps if is_corpus_wide(step)} - {""}:
            index.check_against(corpus)
        loops = Path(curate.__file__).parent / "html" / "extract.py"
        engine = (source.extraction or {}).get("engine")
        if source.tasks and engine in OF_OURS and not is_compiled(loops, "best_step"):
            notes(["the loops of the extractor are compiled, once on this machine: a minute or two"])
        loads = [LoadTask(recipe.text, recipe.name, __name__)]
        if source.run and source.tasks and engine:
            loads.insert(0, LoadTask(recipe.text, recipe.name, source.run.__module__, str(engine)))
        children.load(load_in_child, *loads, memory=source.memory_bytes)

    def build(self, s: Session) -> Ledger:
        """All stages."""
        storage.write_text(self.path("recipe.toml"), self.recipe.text)
        documents = _documents(s, self)
        children.turn()  # where an earlier run has read all, and done the exchange
        return publish_corpus(s, self, judge_corpus(s, self, documents))


# ---- stages ----


def _documents(s: Session, job: CorpusJob) -> list[str]:
    """Extract what is not extracted yet; returns the working shards."""
    if job.source.reuse or job.source.run is None:
        return _reuse(job, job.source.reuse or "")
    table = job.path("extracted", INDEX)
    if storage.exists(table):
        names = output.extracted_parts(job.path("extracted"))
        output.promised(job.work, [f"extracted/{name}" for name in names], f"extracted/{INDEX}")
        storage.remove(job.scratch("splits"))  # a run killed behind the index may not have come to it
        return [job.path("extracted", name) for name in names]
    scratch = job.scratch() if job.source.before else ""
    for early in job.source.before:
        first = [
            replace(t, out=job.scratch(early.folder, t.name), beats=job.beats, scratch=scratch) for t in early.tasks
        ]
        with stage(job, early.folder, len(first)) as facts:
            facts["worked"] = run_tasks(s, job, early.run, first)
    splits, sizes = job.scratch("splits"), [size for _, size in job.source.inputs]
    packed = is_packed(sizes, local=storage.is_local(job.work))
    tasks = [
        replace(t, out=storage.join(splits, f"{t.name}.parquet"), beats=job.beats, scratch=scratch, packed=packed)
        for t in job.source.tasks
    ]
    with stage(job, "extract", len(tasks), sum(sizes)) as facts:
        facts["worked"] = run_tasks(s, job, job.source.run, tasks, _remove_others(splits, tasks))
        read = {task.out: read_written(task.out) for task in tasks}
        written = [one.facts for one in read.values()]
        facts.update(
            bytes=sum(f["bytes"] for f in written),
            records=sum(tally["records"] for facts in written for tally in facts["files"].values()),
        )
    children.turn()
    with stage(job, "exchange", 1) as facts:
        held = {path: one.content for path, one in read.items()}
        whole = checksums.total(held.values())
        shards = max(MINIMUM_SHARDS, math.ceil(whole.bytes / job.recipe.shards.work_bytes))
        parts = exchange(s, held, job.scratch("merged"), job.path("extracted"), shards, job.source.kind)
        facts.update(bytes=whole.bytes, shards=shards)
    names = [path.rsplit("/", 1)[1] for path in parts]
    tally = {
        "parts": names,
        "files": tallies(written),
        "fallback": sum(
            facts.get("fallback", 0) for facts in written
        ),  # pages that another engine than the one asked for has read
        "bytes": whole.bytes,
        "content": whole.to_dict(),
        "kind": job.source.kind,
        "extraction": job.source.extraction,
    }
    storage.write_text(table, dump_json({**tally, "digest": job.source.digest}))
    for folder in ("splits", *(early.folder for early in job.source.before)):
        storage.remove(job.scratch(folder))
    return parts


def is_packed(sizes: Sequence[int], *, local: bool) -> bool:
    """Whether what is read of inputs of so many bytes is compressed on its way to its shards; folders say 0."""
    return not local or not all(sizes) or sum(sizes) > UNPACKED


def _remove_others(splits: str, tasks: Sequence[ReadTask]) -> int:
    """Delete what an earlier run left that cut its input otherwise (`--split-mb`): no task of this one makes it. How many there were."""
    names = {f"{task.name}.parquet" for task in tasks}
    others = [name for name in storage.names_below(splits) if name.endswith(".parquet") and name not in names]
    for name in others:
        storage.remove(storage.join(splits, name))
    return len(others)


def _reuse(job: CorpusJob, folder: str) -> list[str]:
    index, parts = output.index_path(folder), output.extracted_parts(folder)
    if not storage.exists(job.path("extracted", INDEX)):
        for name in parts:
            storage.link(storage.join(folder, name), job.path("extracted", name))
        storage.link(index, job.path("extracted", INDEX))
    paths = [job.path("extracted", name) for name in parts]
    found = checksums.total(read_written(path).content for path in paths)
    if found.to_dict() != read_json(index).get("content"):
        raise BalanceError(f"{folder} holds {found}, {index} says otherwise: start from the crawl files again")
    return paths


# ---- rows to their shards ----


def exchange(s: Session, parts: Mapping[str, Content], merged: str, out: str, shards: int, kind: str) -> list[str]:
    """Bring the rows of files with runs by id, all in one folder, to `shards` files sorted by id. Returns their paths.

    The text moves once and passes through no engine: a task a shard reads its range of ids out of each file and sorts it.
    It holds the text of a shard, whatever the input. Where there are many shards, groups of files are merged to one in
    the folder `merged` before. What stands already is not made again. Raises BalanceError when other rows come out than
    `parts` says.
    """
    paths = [storage.join(out, part_name(i, shards)) for i in range(shards)]
    if not storage.existing(paths).issuperset(paths):
        folder, files = together(s, parts, merged, shards, ["id"])
        tasks = [
            FinishTask(folder, files, path, kind, first_id(i, shards), first_id(i + 1, shards))
            for i, path in enumerate(paths)
        ]
        for _ in s.run(finish, missing(tasks)):
            pass
    check_moved("the exchange", parts, checksums.total(read_written(path).content for path in paths))
    storage.remove(merged)
    return paths


@dataclass(frozen=True, slots=True)
class FinishTask:
    """A shard: the rows of all `files` files of the folder `source` whose ids are in [first, end)."""

    source: str
    files: int
    out: str
    kind: str
    first: str
    end: str


def finish(task: FinishTask) -> int:
    """Task: sort one shard by id and write it; the number of its rows. Of a record that was read twice the better copy is kept, see `PREFERRED`;
    the others are rejected as `duplicate_record`, those that failed stay failed."""
    schema = schemas.extracted(task.kind)
    table = between(task.source, task.files, "id", task.first, task.end, schema)
    order, again = _order(table)
    with ShardWriter(task.out, schema, small=True) as writer:
        for start in range(0, table.num_rows, SOME_ROWS):
            rows = table.take(order.slice(start, SOME_ROWS))
            writer.write(_rejected(rows, again.slice(start, SOME_ROWS)))
    return int(table.num_rows)


def _order(table: pa.Table) -> tuple[pa.Array, pa.Array]:
    """The order of rows by id, of rows with one id the best first; and whether a row in this order has the id of the one
    before."""
    order = pc.sort_indices(table, [("id", "ascending")])
    again = _repeated(table, order)
    if pc.any(again).as_py():
        order = pc.sort_indices(_ranked(table), [("id", "ascending"), *PREFERRED])
    return order, again


def _repeated(table: pa.Table, order: pa.Array) -> pa.Array:
    ids = table["id"].take(order).combine_chunks()
    if len(ids) < 2:
        return pa.array([False] * len(ids), pa.bool_())
    return pa.concat_arrays([pa.array([False]), pc.equal(ids[1:], ids[:-1])])


WHOLE, TRUNCATED, REJECTED, FAILED = range(4)
PREFERRED = [(name, "ascending") for name in ("quality", "missing", "file", "offset", "text")]
"""Of several copies of a record: one that was read well before one that the crawler cut, before one without text, before
a damaged one; the longest text; then names of files, so that it does not matter in which order they were read."""


def _ranked(table: pa.Table) -> pa.Table:
    """The table with the columns of PREFERRED."""
    cut = pc.is_valid(table["truncated"]) if "truncated" in table.column_names else pa.scalar(False)
    undecided = pc.if_else(cut, TRUNCATED, WHOLE)
    decided = pc.if_else(pc.equal(table["verdict"], "failed"), FAILED, REJECTED)
    quality = pc.if_else(pc.is_null(table["verdict"]), undecided, decided)
    missing = pc.negate(pc.fill_null(pc.binary_length(table["text"]), 0))
    return table.append_column("quality", quality).append_column("missing", missing)


def _rejected(rows: pa.Table, again: pa.Array) -> pa.Table:
    """The rows with those decided that stand `again` and are not decided yet."""
    again = pc.and_(again, pc.is_null(rows["verdict"]))
    if not pc.any(again).as_py():
        return rows
    decision = {
        "verdict": pa.scalar("rejected"),
        "reason": pa.scalar("duplicate_record"),
        "detail": pc.utf8_slice_codeunits(rows["id"], 0, 16),
    }
    for name, value in decision.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(name), pc.if_else(again, value, rows[name]))
    return rows
