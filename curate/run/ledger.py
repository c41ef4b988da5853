"""The ledger: every input record is accounted for, in total and per file, or the job says no.

records = skipped + rejected + failed + kept. The left side is what the reader counted; `skipped` is counted where records
are read; the rest is counted from the files that were written. So a row that is lost or written twice is found. And what
was written, ids and texts, is summed up at each stage and compared with what the next one reads (`content.py`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import curate
from curate.corpus import checksums
from curate.corpus.shards import read_batches, read_facts
from curate.errors import BalanceError, InputError
from curate.files import storage
from curate.files.output import IDENTITY, read_json
from curate.run.job import Job

VERSION = 1


def tallies(written: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Add up the facts of source tasks: {file: {"records": n, "skipped": {kind: n}}}."""
    files: dict[str, Any] = {}
    for facts in written:
        for file, tally in facts["files"].items():
            entry = files.setdefault(file, {"records": 0, "skipped": {}})
            entry["records"] += tally["records"]
            for kind, count in tally["skipped"].items():
                entry["skipped"][kind] = entry["skipped"].get(kind, 0) + count
    return dict(sorted(files.items()))


def fallback(written: Iterable[dict[str, Any]]) -> int:
    """Pages whose text is from another extraction engine than the one asked for."""
    return sum(facts.get("fallback", 0) for facts in written)


def build(job: Job, tasks: Sequence[dict[str, Any]], index: dict[str, Any], stages: dict[str, Any]) -> dict[str, Any]:
    """The ledger of a job whose publishing `tasks` are done; `index` is that of `extracted/`."""
    counts = [read_facts(task["out"]) for task in tasks]
    files = {name: {**tally, "rejected": {}, "failed": {}, "kept": 0} for name, tally in index["files"].items()}
    for count in counts:
        for name, found in count["files"].items():
            entry = files.setdefault(name, {"records": 0, "skipped": {}, "rejected": {}, "failed": {}, "kept": 0})
            entry["kept"] += found["kept"]
            for verdict in ("rejected", "failed"):
                for reason, number in found[verdict].items():
                    entry[verdict][reason] = entry[verdict].get(reason, 0) + number
    total: dict[str, Any] = {"records": sum(entry["records"] for entry in files.values())}
    for verdict in ("skipped", "rejected", "failed"):
        total[verdict] = _added(entry[verdict] for entry in files.values())
    total["kept"] = sum(entry["kept"] for entry in files.values())
    in_steps = sum(n for reason, n in total["failed"].items() if "." in reason)
    documents = total["kept"] + sum(total["rejected"].values()) + in_steps
    known = read_json(job.path(IDENTITY))
    passes = len(job.recipe.segments())
    found = [job.scratch(f"facts-{n}.json") for n in range(1, passes)]
    return {
        "version": VERSION,
        "curate": curate.__version__,
        "job": job.name,
        "kind": job.source.kind,
        "command": job.command,
        "recipe": {
            "name": job.recipe.name,
            "digest": job.recipe.digest,
            "steps": list(job.recipe.labels),
            "files": known.get("files_of_the_recipe", {}),
        },
        "contents": known.get("contents", {}),
        **total,
        "extract": {"fallback": index.get("fallback", 0)},
        "removed": _added(count["removed"] for count in counts),
        "bytes": {
            "input": sum(size for _, size in job.source.inputs),
            "text_extracted": index["bytes"],
            "text_kept": sum(count["text_bytes"] for count in counts),
        },
        "stages": [{"name": name, **facts} for name, facts in stages.items()],
        "dedup": [_found(path) for path in found],
        "limits": {
            "failed_share": in_steps / documents if documents else 0.0,
            "max_failed": job.recipe.limits.max_failed,
        },
        "content": {
            "extracted": index["content"],
            "published": checksums.total(checksums.from_dict(count["content"]) for count in counts).to_dict(),
        },
        "files": files,
        "data": [
            describe(job.work, "data", task["data"], count["kept"]) for task, count in zip(tasks, counts, strict=True)
        ],
    }


def describe(root: str, folder: str, path: str, rows: int) -> dict[str, Any]:
    """Name, rows, bytes and SHA-256 of a published file."""
    name = path.rsplit("/", 1)[1]
    return {
        "file": f"{folder}/{name}",
        "rows": rows,
        "bytes": storage.file_size(path),
        "sha256": storage.sha256(path),
    }


def _found(path: str) -> dict[str, Any]:
    """What a corpus-wide step says of itself, and how many losses it told of."""
    stored = json.loads(storage.read_bytes(path))
    return {"step": stored["step"], **stored["facts"], "losses": sum(stored["losses"])}


def _added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def check(ledger: dict[str, Any]) -> None:
    """Raise BalanceError when the whole or a file does not add up, or a shard does not hold the kept rows."""
    problems = [
        f"{name}: {entry['records']} records read, {_accounted(entry)} accounted for"
        for name, entry in [("all files", ledger), *ledger["files"].items()]
        if entry["records"] != _accounted(entry)
    ]
    rows = sum(part["rows"] for part in ledger["data"])
    if rows != ledger["kept"]:
        problems.append(f"data/ holds {rows} rows, {ledger['kept']} were kept")
    extracted, published = (checksums.from_dict(ledger["content"][name]) for name in ("extracted", "published"))
    if not published.same_documents(extracted):
        problems.append(f"extracted were {extracted}, published {published}: other documents")
    if problems:
        raise BalanceError("the ledger does not add up: " + "; ".join(problems[:10]))


def refuse_nothing(job: Job, ledger: dict[str, Any]) -> None:
    """Raise InputError where not one document could be read, and leave nothing: an empty corpus would look like a result."""
    if ledger["kept"] or ledger["rejected"] or any("." in reason for reason in ledger["failed"]):
        return  # a reason with a dot is a step's: it had the document
    counts = {**ledger["failed"], **ledger["skipped"]}
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items()) or "they are empty"
    files = "1 file" if len(job.source.inputs) == 1 else f"{len(job.source.inputs):,} files"
    message = f"no document could be read from {files}: {told}{_first_failure(job)}"
    storage.remove(job.work)
    raise InputError(message)


def _first_failure(job: Job) -> str:
    for path in storage.list_files(job.path("rejected"), ".parquet"):
        for batch in read_batches(path, ["file", "detail"]):
            for row in batch.slice(0, 1).to_pylist():
                return f"; in {row['file']}: {row['detail']}"
    return ""


def _accounted(entry: dict[str, Any]) -> int:
    total: int = entry["kept"] + sum(sum(entry[verdict].values()) for verdict in ("skipped", "rejected", "failed"))
    return total
