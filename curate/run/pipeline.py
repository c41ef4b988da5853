"""The stages of a job that makes a corpus, whatever its source: extract, exchange, passes, publish. See ARCHITECTURE.md."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import curate
from curate.console.terminal import notes
from curate.corpus import checksums
from curate.corpus.checksums import Content
from curate.corpus.recipe import Recipe, load_steps, parse
from curate.corpus.shards import part_name, read_facts, read_written
from curate.dedup import copies, index
from curate.dedup.base import CorpusStep
from curate.dedup.removals import rows_by_shard
from curate.engine import children
from curate.engine.session import Session
from curate.errors import BalanceError
from curate.files import output, storage
from curate.files.output import INDEX, dump_json, read_json
from curate.filters.caching import is_compiled
from curate.filters.labels import UNKNOWN
from curate.read.source import ReadTask, Source
from curate.run import ledger as ledgers
from curate.run import passes, publish
from curate.run.exchange import exchange
from curate.run.ledger import Ledger
from curate.run.runner import EngineOptions, Job, Watcher, run_job, run_tasks, stage

MINIMUM_SHARDS = 8
OF_OURS = ("curate", "union")
"""Extractors with loops that are compiled where they first run."""
UNPACKED = 1 << 30
"""Bytes of text up to which passes write files without compression, on this machine: a hundredth of a job's time, and twice
as much room for a while."""


@dataclass(frozen=True, slots=True)
class LoadTask:
    """A recipe whose steps are to be loaded."""

    recipe: str
    """Its text."""
    where: str
    """Its name in messages."""


def load(task: LoadTask) -> None:
    """Task: load what the steps of a recipe need. Raises RecipeError."""
    load_steps(parse(task.recipe, task.where))


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

    def build(self, s: Session) -> Ledger:
        """All stages."""
        storage.write_text(self.path("recipe.toml"), self.recipe.text)
        return _publish(s, self, _passes(s, self, _documents(s, self)))


def make(job: CorpusJob, engine: EngineOptions | None = None) -> Ledger:
    """Run the job and return its ledger, when the models and lists of its steps have been loaded by a child, which reads and judges
    afterwards. Raises RecipeError with what is missing, and how to get it, and what `run_job` raises."""
    engine_of_pages = (job.source.extraction or {}).get("engine")
    if (
        job.source.tasks
        and engine_of_pages in OF_OURS
        and not is_compiled(Path(curate.__file__).parent / "html" / "extract.py")
    ):
        notes(["the loops of the extractor are compiled, once on this machine: a minute or two"])
    children.call(load, LoadTask(job.recipe.text, job.recipe.name), memory=job.source.memory_bytes)
    return run_job(job, engine)


# ---- stages ----


def _documents(s: Session, job: CorpusJob) -> list[str]:
    """Extract what is not extracted yet; returns the working shards."""
    if job.source.reuse or job.source.run is None:
        return _reuse(job, job.source.reuse or "")
    table = job.path("extracted", INDEX)
    if storage.exists(table):
        names = read_json(table)["parts"]
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
    splits = job.scratch("splits")
    tasks = [
        replace(t, out=storage.join(splits, f"{t.name}.parquet"), beats=job.beats, scratch=scratch)
        for t in job.source.tasks
    ]
    with stage(job, "extract", len(tasks), sum(size for _, size in job.source.inputs)) as facts:
        facts["worked"] = run_tasks(s, job, job.source.run, tasks, _remove_others(splits, tasks))
        read = {task.out: read_written(task.out) for task in tasks}
        written = [one.facts for one in read.values()]
        facts.update(
            bytes=sum(f["bytes"] for f in written),
            records=sum(tally["records"] for facts in written for tally in facts["files"].values()),
        )
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


def _remove_others(splits: str, tasks: Sequence[ReadTask]) -> int:
    """Delete what an earlier run left that cut its input otherwise (`--split-mb`): no task of this one makes it. How many there were."""
    names = {f"{task.name}.parquet" for task in tasks}
    others = [name for name in storage.names_below(splits) if name.endswith(".parquet") and name not in names]
    for name in others:
        storage.remove(storage.join(splits, name))
    return len(others)


def tallies(written: Iterable[Mapping[str, Any]]) -> dict[str, ledgers.Account]:
    """Add up the facts of source tasks: {file: {"records": n, "skipped": {kind: n}}}."""
    files: dict[str, Any] = {}
    for facts in written:
        for file, tally in facts["files"].items():
            entry = files.setdefault(file, {"records": 0, "skipped": {}})
            entry["records"] += tally["records"]
            for kind, count in tally["skipped"].items():
                entry["skipped"][kind] = entry["skipped"].get(kind, 0) + count
    return dict(sorted(files.items()))


def _reuse(job: CorpusJob, folder: str) -> list[str]:
    parts = read_json(storage.join(folder, INDEX))["parts"]
    if not storage.exists(job.path("extracted", INDEX)):
        for name in [*parts, INDEX]:
            storage.link(storage.join(folder, name), job.path("extracted", name))
    paths = [job.path("extracted", name) for name in parts]
    found = checksums.total(read_written(path).content for path in paths)
    if found.to_dict() != read_json(storage.join(folder, INDEX)).get("content"):
        raise BalanceError(f"{folder} holds {found}, its {INDEX} says otherwise: start from the crawl files again")
    return paths


def _passes(s: Session, job: CorpusJob, parts: Sequence[str]) -> list[str]:
    """Run the recipe; returns the judged shards. A pass whose results were used up by a later one is not run again."""
    names = [path.rsplit("/", 1)[1] for path in parts]
    outs = [[job.scratch(f"pass-{n}", name) for name in names] for n in range(1, len(job.recipe.segments()) + 1)]
    storage.write_text(job.scratch("recipe.toml"), job.recipe.text)
    done = max((n for n, paths in enumerate(outs, 1) if storage.existing(paths).issuperset(paths)), default=0)
    sources, size = list(parts), int(read_json(job.path("extracted", INDEX))["content"]["bytes"])
    for number, paths in enumerate(outs, 1):
        if number >= done:
            size = _pass(s, job, number, sources, paths, size)
        if number > 1 and number >= done:
            storage.remove(job.scratch(f"pass-{number - 1}"))
        sources = paths
    return sources


def _pass(s: Session, job: CorpusJob, number: int, sources: Sequence[str], outs: Sequence[str], size: int) -> int:
    """Judge every shard (of `size` bytes of text in all) up to the next corpus-wide step, and resolve that step. Gives the bytes of
    text that were written."""
    recipe, count = job.recipe, len(outs)
    first, last = recipe.segments()[number - 1]
    corpus_wide = last < len(recipe.steps)
    lost, keys = job.scratch(f"lost-{number - 1}", "lost"), job.scratch(f"keys-{number}")
    losses = read_json(_facts(job, number - 1))["losses"] if number > 1 else []
    tasks = [
        passes.PassTask(
            source=source,
            out=out,
            recipe=job.scratch("recipe.toml"),
            where=recipe.name,
            kind=job.source.kind,
            first=first,
            last=last,
            lost=storage.join(lost, f"shard={i}") if number > 1 else "",
            losses=losses[i] if number > 1 else None,
            duplicates=job.scratch(f"duplicates-{number}", part_name(i, count)) if number > 1 else "",
            keys=storage.join(keys, part_name(i, count)) if corpus_wide else "",
            packed=size > UNPACKED or not storage.is_local(job.work),
            beats=job.beats,
        )
        for i, (source, out) in enumerate(zip(sources, outs, strict=True))
    ]
    with stage(job, f"pass {number}", count, size) as facts:
        facts["worked"] = run_tasks(s, job, passes.run, tasks)
        written = [read_written(out) for out in outs]
        facts["kept"] = sum(one.facts.get("kept", 0) for one in written)
        whole = checksums.total(one.content for one in written)
        _check_pass(job, number, whole)
    if corpus_wide:
        _resolve(s, job, number, last, keys, count)
    return whole.bytes


def _check_pass(job: CorpusJob, number: int, written: Content) -> None:
    """Raise BalanceError unless a pass wrote the documents that were extracted."""
    extracted = checksums.from_dict(read_json(job.path("extracted", INDEX))["content"])
    if not written.same_documents(extracted):
        raise BalanceError(f"pass {number} wrote {written}, but {extracted} were extracted: other documents")


def _facts(job: CorpusJob, number: int) -> str:
    """The file that says what a corpus-wide step found, written when its losses are."""
    return job.scratch(f"facts-{number}.json")


def _resolve(s: Session, job: CorpusJob, number: int, at: int, keys: str, shards: int) -> None:
    label, lost = job.recipe.labels[at], job.scratch(f"lost-{number}", "lost")
    with stage(job, label, 1) as facts:
        facts["worked"] = not storage.exists(_facts(job, number))
        if facts["worked"]:
            step = job.recipe.steps[at]
            if getattr(step, "index", ""):
                index.consult(step, keys, index.place_of(path for path, _ in job.source.inputs))
            found = step.resolve(s, keys, lost, shards)
            found = {"step": label, "facts": found, "losses": rows_by_shard(lost, shards)}
            storage.write_text(_facts(job, number), dump_json(found))
    storage.remove(keys)  # what stands beside it under its name stays until the corpus appears


def _publish(s: Session, job: CorpusJob, judged: Sequence[str]) -> Ledger:
    facts = [read_facts(path) for path in judged]
    kept_bytes = sum(f["kept_bytes"] for f in facts)
    rejected = sum(f.get("rejected", 0) for f in facts)
    shards = min(len(judged), max(1, math.ceil(kept_bytes / job.recipe.shards.target_bytes)))
    groups: list[list[int]] = [[] for _ in range(shards)]
    for i in range(len(judged)):
        groups[i * shards // len(judged)].append(i)
    last = len(job.recipe.segments())
    sizes = _sizes(s, job, len(judged))
    apart = job.recipe.output.by == "language"
    pieces = [job.scratch("pieces", part_name(i, len(judged))) for i in range(len(judged))] if apart else []
    tasks = [
        publish.PublishTask(
            sources=tuple(judged[j] for j in group),
            out=job.scratch("counts", part_name(i, shards)),
            data=job.path("data", part_name(i, shards)),
            rejected=job.path("rejected", part_name(i, shards)),
            duplicates=job.path("duplicates", part_name(i, shards)),
            evidence=tuple(
                job.scratch(f"duplicates-{n}", part_name(j, len(judged))) for n in range(2, last + 1) for j in group
            ),
            kind=job.source.kind,
            signals=tuple(job.recipe.signals),
            text_share=1.0 if job.keep_rejected else min(1.0, max(0.01, 2000 / max(1, rejected))),
            pieces=tuple(pieces[j] for j in group) if apart else (),
            sizes=tuple(sizes[j] for j in group) if sizes else (),
        )
        for i, group in enumerate(groups)
    ]
    with stage(job, "publish", len(tasks)) as timing:
        timing["worked"] = run_tasks(s, job, publish.run, tasks)
    written = _languages(s, job, pieces, sized=bool(sizes)) if apart else {"data": [task.data for task in tasks]}
    return ledgers.of_corpus(job, tasks, written, read_json(job.path("extracted", INDEX)))


def _sizes(s: Session, job: CorpusJob, shards: int) -> list[publish.SizesFolder]:
    """Where the sizes of clusters are, by working shard; none where no step takes copies away."""
    ends = [last for _, last in job.recipe.segments()[:-1]]
    numbers = [n for n, last in enumerate(ends, 1) if getattr(job.recipe.steps[last], "copies", False)]
    if not numbers:
        return []
    out, told = job.scratch("sizes"), job.scratch("sizes.json")
    with stage(job, "copies", 1) as facts:
        facts["worked"] = not storage.exists(told)
        if facts["worked"]:
            copies.write(s, [job.scratch(f"lost-{n}", "lost") for n in numbers], out, shards)
            storage.write_text(told, dump_json(rows_by_shard(out, shards)))
    rows = json.loads(storage.read_bytes(told))
    return [publish.SizesFolder(storage.join(out, f"shard={i}"), rows[i]) for i in range(shards)]


def _languages(s: Session, job: CorpusJob, pieces: Sequence[str], *, sized: bool) -> dict[str, list[str]]:
    """The files of `data/`, a folder a language: paths by folder. Raises BalanceError when they hold other rows than the pieces."""
    tasks, written = list[publish.LanguageTask](), dict[str, list[str]]()
    found_sizes = publish.of_languages(pieces) or {UNKNOWN: {}}  # a corpus of nothing is a file of no rows
    for language, sizes in found_sizes.items():
        parts = publish.grouped(sizes, job.recipe.shards.target_bytes)
        name = f"data/language={language}"
        written[name] = [job.path(*name.split("/"), part_name(i, len(parts))) for i in range(len(parts))]
        tasks += [
            publish.LanguageTask(group, language, out, job.source.kind, tuple(job.recipe.signals), sized)
            for group, out in zip(parts, written[name], strict=True)
        ]
    with stage(job, "languages", len(tasks)) as timing:
        timing["worked"] = run_tasks(s, job, publish.gather_language, tasks)
    meant = checksums.total(read_written(path).content for path in pieces)
    found = checksums.total(read_written(path).content for paths in written.values() for path in paths)
    if found != meant:
        raise BalanceError(f"data/ holds {found}, but {meant} were kept")
    return written
