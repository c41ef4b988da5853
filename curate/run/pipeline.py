"""How a job runs, whatever its source: extract, exchange, passes, publish. See ARCHITECTURE.md and `curate.files.output`.

A task that finished is a file that stands there; `resume` runs the tasks whose files are missing. What one step says it
wrote, the next one checks: a file that is promised and missing is an error, never taken for "nothing".
"""

import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import curate
from curate.corpus import checksums
from curate.corpus.checksums import Content
from curate.corpus.shards import part_name, read_facts, read_written
from curate.dedup import index
from curate.dedup.removals import rows_by_shard
from curate.engine.session import Session, check_path
from curate.errors import BalanceError, CurateError, OutputError
from curate.files import fingerprints, locks, output, storage
from curate.files.output import INDEX, dump_json, read_json
from curate.run import ledger as ledgers
from curate.run.exchange import exchange
from curate.run.job import Job

MINIMUM_SHARDS = 8


def run(s: Session, job: Job, *, resume: bool = False) -> dict[str, Any]:
    """Run a job to the end and return its ledger. Raises OutputError when the output is in the way, BalanceError when
    records were lost, InputError when no document could be read, CurateError when more documents failed than the recipe
    allows (the corpus is published first)."""
    with claimed(job, resume=resume):
        return build(s, job)


@contextmanager
def claimed(job: Job, *, resume: bool) -> Iterator[None]:
    """Hold the output and the indexes of its steps for one run. Raises OutputError and UsageError for what is in the way."""
    output.check_name(job.output)
    for path, _ in job.source.inputs:
        storage.check_name(path)
    _refuse_inside(job)
    with ExitStack() as stack:
        for folder in sorted(index.check(job.recipe.steps)):
            busy = f"{folder}: another run is using this index at this moment; wait for it"
            stack.enter_context(locks.held(folder, busy))
            if storage.is_local(folder) and not os.access(storage.filesystem(folder)[1], os.W_OK | os.X_OK):
                raise OutputError(f"{folder}: this index can't be written to, and would miss what the run keeps")
            index.settle(folder)
        stack.enter_context(output.claimed(job.output, identity(job), resume=resume))
        for step, keys in _indexed(job):
            index.check_unchanged(step, keys, job.output)
        yield


def _refuse_inside(job: Job) -> None:
    """Raise OutputError for an output in a folder that is read as a whole: the input would change as the job writes."""
    if not storage.is_local(job.output):
        return
    output = os.path.join(os.path.realpath(storage.filesystem(job.output)[1]), "")
    for path in job.source.reads or [path for path, _ in job.source.inputs]:
        inner = os.path.realpath(storage.filesystem(path)[1]) if storage.is_local(path) else ""
        if os.path.isdir(inner) and output.startswith(os.path.join(inner, "")):
            raise OutputError(f"{job.output} lies in {path}, which is read: choose another --output")


def _indexed(job: Job) -> list[tuple[Any, str]]:
    """The corpus-wide steps that have an index, and the folders of their keys."""
    ends = [last for _, last in job.recipe.segments()[:-1]]
    steps = [(job.recipe.steps[last], job.scratch(f"keys-{number}")) for number, last in enumerate(ends, 1)]
    return [(step, keys) for step, keys in steps if getattr(step, "index", "")]


def build(s: Session, job: Job) -> dict[str, Any]:
    """`run`, for who holds the output already (`claimed`)."""
    check_path(s, job.work)
    ledger = output.built(job.work)
    if ledger is None:
        parts = _documents(s, job)
        judged = _passes(s, job, parts)
        ledger = _publish(s, job, judged)
    return complete(job, ledger)


def complete(job: Job, ledger: dict[str, Any]) -> dict[str, Any]:
    """The last steps of a job whose ledger is written: clear up, give the corpus its name."""
    output.promised(job.work, [part["file"] for part in ledger["data"]], output.BUILT)
    for step, keys in _indexed(job):
        index.lay(step, keys, job.output, storage.read_bytes(job.path(output.IDENTITY)).decode())
    output.finish(job.output, ["_scratch", *([] if job.keep_extracted else ["extracted"])])
    for step, _ in _indexed(job):
        index.settle(step.index)
    if ledger["limits"]["failed_share"] > job.recipe.limits.max_failed:
        share, limit = ledger["limits"]["failed_share"], job.recipe.limits.max_failed
        raise CurateError(
            f"{share:.2%} of the documents failed, more than the {limit:.2%} the recipe allows: see {job.output}"
        )
    return ledger


def identity(job: Job) -> dict[str, Any]:
    """All that decides what a job writes; kept as `job.json`. An unfinished run goes on only as the same job."""
    return {
        "job": job.name,
        "curate": curate.__version__,
        "recipe": job.recipe.digest,
        "inputs": [list(item) for item in job.source.inputs],
        "source": job.source.digest,
        "contents": fingerprints.stamps(job.source.reads or [path for path, _ in job.source.inputs]),
        "files_of_the_recipe": {path: fingerprints.digest(path) for path in [*job.recipe.files(), *job.source.uses]},
        "keep_rejected": job.keep_rejected,
        "keep_extracted": job.keep_extracted,
    }


# ---- stages ----


@contextmanager
def stage(job: Job, name: str, total: int, total_bytes: int = 0) -> Iterator[dict[str, Any]]:
    """Time a stage; what the block puts into the yielded dict is kept in `stages.json` with it."""
    if job.watcher:
        job.watcher.stage(name, total, total_bytes)
    stages = read_json(job.scratch("stages.json"))
    started = time.monotonic()
    facts: dict[str, Any] = {}
    yield facts
    earlier, worked = stages.get(name, {}), facts.pop("worked", True)
    if earlier and not worked:
        return  # a resumed run found it done: its figures stand
    stages[name] = {
        **earlier,
        **facts,
        "seconds": round(earlier.get("seconds", 0.0) + time.monotonic() - started, 3),
    }
    storage.write_text(job.scratch("stages.json"), json.dumps(stages))


def run_tasks(s: Session, job: Job, reference: str, tasks: Sequence[dict[str, Any]]) -> bool:
    """Run those tasks whose file `out` is not there yet, and show progress. Returns whether there were any."""
    there = storage.existing(task["out"] for task in tasks)
    todo = [task for task in tasks if task["out"] not in there]
    done = len(tasks) - len(todo)
    for result in s.run(reference, todo):
        done += 1
        if job.watcher:
            numbers = {k: v for k, v in result.items() if isinstance(v, int)}
            job.watcher.update(done=done, **numbers)
    return bool(todo)


def _documents(s: Session, job: Job) -> list[str]:
    """Extract what is not extracted yet; returns the working shards."""
    if job.source.reuse:
        return _reuse(job, job.source.reuse)
    table = job.path("extracted", INDEX)
    if storage.exists(table):
        names = read_json(table)["parts"]
        output.promised(job.work, [f"extracted/{name}" for name in names], f"extracted/{INDEX}")
        storage.remove(job.scratch("splits"))  # a run killed behind the index may not have come to it
        return [job.path("extracted", name) for name in names]
    beats = job.scratch("beats") if storage.is_local(job.work) else None
    shared = {"beats": beats, **({"scratch": job.scratch()} if job.source.before else {})}
    for early in job.source.before:
        first = [{**task, "out": job.scratch(early.folder, task["name"]), **shared} for task in early.tasks]
        with stage(job, early.folder, len(first)) as facts:
            facts["worked"] = run_tasks(s, job, early.reference, first)
    tasks = [{**t, "out": job.scratch("splits", t["name"] + ".parquet"), **shared} for t in job.source.tasks]
    with stage(job, "extract", len(tasks), sum(size for _, size in job.source.inputs)) as facts:
        facts["worked"] = run_tasks(s, job, job.source.reference, tasks)
        read = {task["out"]: read_written(task["out"]) for task in tasks}
        written = [one.facts for one in read.values()]
        facts.update(bytes=sum(f["bytes"] for f in written), records=_records(written))
    with stage(job, "exchange", 1) as facts:
        held = {path: one.content for path, one in read.items()}
        whole = checksums.total(held.values())
        shards = max(MINIMUM_SHARDS, math.ceil(whole.bytes / job.recipe.shards.work_bytes))
        parts = exchange(s, held, job.scratch("merged"), job.path("extracted"), shards, job.source.kind)
        facts.update(bytes=whole.bytes, shards=shards)
    names = [path.rsplit("/", 1)[1] for path in parts]
    tally = {
        "parts": names,
        "files": ledgers.tallies(written),
        "fallback": ledgers.fallback(written),
        "bytes": whole.bytes,
        "content": whole.to_dict(),
        "kind": job.source.kind,
        "extraction": job.source.extraction,
    }
    storage.write_text(table, dump_json({**tally, "digest": job.source.digest}))
    for folder in ("splits", *(early.folder for early in job.source.before)):
        storage.remove(job.scratch(folder))
    return parts


def _records(written: Sequence[dict[str, Any]]) -> int:
    return sum(tally["records"] for facts in written for tally in facts["files"].values())


def _reuse(job: Job, folder: str) -> list[str]:
    parts = read_json(storage.join(folder, INDEX))["parts"]
    if not storage.exists(job.path("extracted", INDEX)):
        for name in [*parts, INDEX]:
            storage.link(storage.join(folder, name), job.path("extracted", name))
    paths = [job.path("extracted", name) for name in parts]
    found = checksums.total(read_written(path).content for path in paths)
    if found.to_dict() != read_json(storage.join(folder, INDEX)).get("content"):
        raise BalanceError(f"{folder} holds {found}, its {INDEX} says otherwise: start from the crawl files again")
    return paths


def _passes(s: Session, job: Job, parts: Sequence[str]) -> list[str]:
    """Run the recipe; returns the judged shards. A pass whose results were used up by a later one is not run again."""
    names = [path.rsplit("/", 1)[1] for path in parts]
    outs = [[job.scratch(f"pass-{n}", name) for name in names] for n in range(1, len(job.recipe.segments()) + 1)]
    done = max((n for n, paths in enumerate(outs, 1) if storage.existing(paths).issuperset(paths)), default=0)
    sources = list(parts)
    for number, paths in enumerate(outs, 1):
        if number >= done:
            _pass(s, job, number, sources, paths)
        if number > 1 and number >= done:
            storage.remove(job.scratch(f"pass-{number - 1}"))
        sources = paths
    return sources


def _pass(s: Session, job: Job, number: int, sources: Sequence[str], outs: Sequence[str]) -> None:
    """Judge every shard up to the next corpus-wide step, and resolve that step."""
    recipe, count = job.recipe, len(outs)
    first, last = recipe.segments()[number - 1]
    corpus_wide = last < len(recipe.steps)
    lost, keys = job.scratch(f"lost-{number - 1}", "lost"), job.scratch(f"keys-{number}")
    losses = read_json(_facts(job, number - 1))["losses"] if number > 1 else []
    tasks = [
        {
            "in": source,
            "out": out,
            "recipe": recipe.text,
            "where": recipe.name,
            "first": first,
            "last": last,
            "kind": job.source.kind,
            "lost": storage.join(lost, f"shard={i}") if number > 1 else "",
            "losses": losses[i] if number > 1 else 0,
            "duplicates": job.scratch(f"duplicates-{number}", part_name(i, count)) if number > 1 else "",
            "keys": storage.join(keys, part_name(i, count)) if corpus_wide else "",
        }
        for i, (source, out) in enumerate(zip(sources, outs, strict=True))
    ]
    with stage(job, f"pass {number}", count) as facts:
        facts["worked"] = run_tasks(s, job, "curate.run.passes:run", tasks)
        written = [read_written(out) for out in outs]
        facts["kept"] = sum(one.facts.get("kept", 0) for one in written)
        _check_pass(job, number, checksums.total(one.content for one in written))
    if corpus_wide:
        _resolve(s, job, number, last, keys, count)


def _check_pass(job: Job, number: int, written: Content) -> None:
    """Raise BalanceError unless a pass wrote the documents that were extracted."""
    extracted = checksums.from_dict(read_json(job.path("extracted", INDEX))["content"])
    if not written.same_documents(extracted):
        raise BalanceError(f"pass {number} wrote {written}, but {extracted} were extracted: other documents")


def _facts(job: Job, number: int) -> str:
    """The file that says what a corpus-wide step found, written when its losses are."""
    return job.scratch(f"facts-{number}.json")


def _resolve(s: Session, job: Job, number: int, at: int, keys: str, shards: int) -> None:
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


def _publish(s: Session, job: Job, judged: Sequence[str]) -> dict[str, Any]:
    facts = [read_facts(path) for path in judged]
    kept_bytes = sum(f.get("bytes", 0) for f in facts)
    rejected = sum(f.get("rejected", 0) for f in facts)
    shards = min(len(judged), max(1, math.ceil(kept_bytes / job.recipe.shards.target_bytes)))
    groups: list[list[int]] = [[] for _ in range(shards)]
    for i in range(len(judged)):
        groups[i * shards // len(judged)].append(i)
    passes = len(job.recipe.segments())
    tasks = [
        {
            "out": job.scratch("counts", part_name(i, shards)),
            "data": job.path("data", part_name(i, shards)),
            "rejected": job.path("rejected", part_name(i, shards)),
            "duplicates_out": job.path("duplicates", part_name(i, shards)),
            "in": [judged[j] for j in group],
            "duplicates": [
                job.scratch(f"duplicates-{n}", part_name(j, len(judged))) for n in range(2, passes + 1) for j in group
            ],
            "kind": job.source.kind,
            "signals": job.recipe.signals,
            "text_share": 1.0 if job.keep_rejected else min(1.0, max(0.01, 2000 / max(1, rejected))),
        }
        for i, group in enumerate(groups)
    ]
    with stage(job, "publish", len(tasks)) as timing:
        timing["worked"] = run_tasks(s, job, "curate.run.publish:run", tasks)
    ledger = ledgers.build(job, tasks, read_json(job.path("extracted", INDEX)), read_json(job.scratch("stages.json")))
    ledgers.check(ledger)
    ledgers.refuse_nothing(job, ledger)
    storage.write_text(job.path("recipe.toml"), job.recipe.text)
    for finisher in job.finishers:
        finisher(job, ledger)
    storage.write_text(job.path(output.BUILT), dump_json(ledger))
    return ledger
