"""`curate links` as one function: dumps of Reddit or WAT files in, a table of addresses with their scores out."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import curate
from curate.engine.session import Session, check_path, session
from curate.engine.tasks import OutTask, missing
from curate.errors import BalanceError, InputError
from curate.files import fingerprints, output, storage
from curate.links import tasks
from curate.read.dumps import Head, head_of
from curate.read.inputs import all_files
from curate.run.start import EngineOptions

T = TypeVar("T", bound=OutTask)
BUCKET_BYTES = 32 << 20
"""Bytes of input (packed) a bucket of addresses stands for."""
MOST_BUCKETS = 4096


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate links`."""

    inputs: Sequence[str]
    output: str
    min_score: int = 3
    over_18: bool = False
    wikipedia: bool = False


def links(options: Options, engine: EngineOptions | None = None) -> dict[str, Any]:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""
    engine = engine or EngineOptions()
    files = all_files(options.inputs)
    kinds = {path: _kind(head_of(path, size)) for path, size in files.items()}
    if unknown := [path for path, kind in kinds.items() if not kind]:
        if len(unknown) == len(kinds) or set(unknown) & set(options.inputs):
            raise InputError(f"{unknown[0]}: neither submissions of Reddit (JSON lines, packed or not) nor a WAT file")
        files = {path: size for path, size in files.items() if kinds[path]}
    if len(set(kinds.values()) - {""}) > 1:
        raise InputError("dumps of Reddit and WAT files have scores of different kinds: make links of them one by one")
    identity = {
        "job": "links",
        "curate": curate.__version__,
        "options": asdict(options),
        "inputs": sorted(files.items()),
    }
    identity["contents"] = fingerprints.stamps(list(files))
    with output.claimed(options.output, identity, resume=engine.resume):
        work = output.work_folder(options.output)
        ledger = output.built(work)
        if ledger is None:
            with session(
                "curate links", engine.engine, engine.master, engine.cores, engine.private, engine.memory
            ) as s:
                check_path(s, work)
                ledger = _build(s, options, files, next(iter(set(kinds.values()) - {""})), work)
        output.promised(work, [f"data/{name}" for name in ledger["data"]], output.BUILT)
        output.finish(options.output, ["_scratch"])
    return ledger


def _kind(head: Head) -> str:
    """reddit, wat, or nothing."""
    data = head.data.lstrip(b"\xef\xbb\xbf \r\n\t")
    if (data.startswith(b"WARC/") and b"application/json" in data[:4096]) or ".wat" in head.name.lower():
        return "wat"
    if data.startswith((b"{", b"[")) and b'"Envelope"' not in data[:4096]:
        return "reddit"
    name = head.name.lower()
    return "reddit" if name.startswith("rs_") else ""


def _build(s: Session, options: Options, files: dict[str, int], kind: str, work: str) -> dict[str, Any]:
    buckets = max(1, min(MOST_BUCKETS, sum(files.values()) // BUCKET_BYTES))
    runs = [
        tasks.ReadTask(
            file=path,
            kind=kind,
            buckets=buckets,
            out=storage.join(work, "_scratch", "runs", f"{number:06d}.parquet"),
            min_score=options.min_score,
            over_18=options.over_18,
            wikipedia=options.wikipedia,
        )
        for number, path in enumerate(files)
    ]
    read = _run(s, tasks.read, runs)
    parts = [
        tasks.MergeTask(
            name=f"links-{bucket:05d}.parquet",
            bucket=bucket,
            buckets=buckets,
            runs=tuple(task.out for task in runs),
            out=storage.join(work, "data", f"links-{bucket:05d}.parquet"),
            min_score=options.min_score,
        )
        for bucket in range(buckets)
    ]
    merged = _run(s, tasks.merge, parts)
    ledger = _ledger(kind, options, read, merged)
    storage.write_text(storage.join(work, output.BUILT), output.dump_json(ledger))
    return ledger


def _run(s: Session, function: Callable[[T], dict[str, object]], wanted: Sequence[T]) -> list[dict[str, object]]:
    """Run the tasks whose files are missing; the facts of all, in order."""
    for _ in s.run(function, missing(wanted)):
        pass
    return [tasks.facts_of(task.out) for task in wanted]


def _ledger(kind: str, options: Options, read: list[dict[str, Any]], merged: list[dict[str, Any]]) -> dict[str, object]:
    skipped = Counter[str]()
    for one in read:
        skipped.update(one["skipped"])
    seen, found = sum(one["seen"] for one in read), sum(one["links"] for one in read)
    addresses = sum(one["addresses"] for one in merged)
    if found + skipped.total() != seen or sum(one["links"] for one in merged) != found:
        raise BalanceError(f"{seen} links were seen, and {found} with {skipped.total()} skipped ones are accounted for")
    if not seen:
        damage = [told for one in read for told in one["damage"]]
        raise InputError(damage[0] if damage else f"{read[0]['file']}: nothing in it")
    return {
        "curate": curate.__version__,
        "job": "links",
        "kind": kind,
        "min_score": options.min_score,
        "records": sum(one["records"] for one in read),
        "seen": seen,
        "skipped": dict(sorted(skipped.items())),
        "links": found,
        "duplicates": found - addresses,
        "low_score": sum(one["low_score"] for one in merged),
        "kept": sum(one["rows"] for one in merged),
        "damage": [told for one in read for told in one["damage"]],
        "inputs": {one["file"]: {"records": one["records"], "links": one["links"]} for one in read},
        "data": {one["file"]: one["rows"] for one in merged},
    }


def summary(ledger: dict[str, Any]) -> str:
    """The ledger as a table of lines."""
    rows = [("records", ledger["records"]), ("links seen", ledger["seen"])]
    rows += [(f"  {reason}", -count) for reason, count in ledger["skipped"].items()]
    rows += [("  duplicates", -ledger["duplicates"])]
    rows += [("  low_score", -ledger["low_score"])] if ledger["low_score"] else []
    rows += [("addresses kept", ledger["kept"])]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:<{width}}  {count:>12,}" for name, count in rows]
    return "\n".join([*lines, *(f"damaged: {told}" for told in ledger["damage"][:10])])
