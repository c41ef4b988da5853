"""The ledger of a mixture: every record of every source accounted for, and every draw counted again from what
was written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import curate
from curate.errors import BalanceError
from curate.files import storage
from curate.mixing import decontaminate, tables
from curate.mixing.counts import Totals
from curate.mixing.plan import Plan
from curate.mixing.request import Request

VERSION = 1


def ledger(
    request: Request,
    plan: Plan,
    drawn: Sequence[Mapping[str, Any]],
    finished: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What was asked, what is in the files, and what became of each record of the sources."""
    files = {f"{one['source']}: {one['file']}": _fates(one) for one in drawn}
    written = _written(finished)
    sizes = {one["source"]: {"rows": one["rows"], "bytes": one["bytes"]} for one in held_out}
    sources = [
        {**planned, "written": written.get(planned["source"], _nothing()), "held_out_file": sizes[planned["source"]]}
        for planned in tables.plan_json(plan)["sources"]
    ]
    _shares(sources, plan.unit)
    return {
        "version": VERSION,
        "curate": curate.__version__,
        "job": "mix",
        "mixture": _mixture(request),
        "unit": plan.unit,
        "seed": plan.seed,
        "budget": plan.budget,
        "max_epochs": request.max_epochs,
        "held_out_share": request.held_out,
        "tokenizer": _tokenizer(request),
        "decontamination": _decontamination(request, drawn),
        "records": sum(one["records"] for one in files.values()),
        **{fate: _sum(one[fate] for one in files.values()) for fate in ("skipped", "rejected", "failed")},
        "kept": sum(one["kept"] for one in files.values()),
        "rows": sum(one["rows"] for one in finished),
        "sources": sources,
        "packed_tokens": sum(one["packed"] for one in finished) if request.tokenize else None,
        "warnings": tables.warnings(plan),
        "rule_of_thumb": tables.rule_of_thumb(plan),
        "files": files,
    }


def _fates(one: Mapping[str, Any]) -> dict[str, Any]:
    read = one["records"] - sum(one["skipped"].values())
    rest = read - one["held_out"] - one["contaminated"] - one["drawn"]
    rejected = {"held_out": one["held_out"], "contaminated": one["contaminated"], "not_drawn": rest}
    return {
        "records": one["records"],
        "skipped": one["skipped"],
        "rejected": {reason: number for reason, number in rejected.items() if number},
        "failed": {},
        "kept": one["drawn"],
    }


def _nothing() -> dict[str, Any]:
    return {"rows": 0, "tokens": 0, "bytes": 0, "epochs": {}}


def _written(finished: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for shard in finished:
        for name, one in shard["sources"].items():
            entry = found.setdefault(name, {**_nothing(), "epochs": Counter()})
            for key in ("rows", "tokens", "bytes"):
                entry[key] += one[key]
            entry["epochs"].update(one["epochs"])
    return {name: {**entry, "epochs": dict(sorted(entry["epochs"].items()))} for name, entry in found.items()}


def _shares(sources: Sequence[dict[str, Any]], unit: str) -> None:
    """Set share and epochs of each source to what the written files say."""
    name = "rows" if unit == "documents" else unit
    total = sum(one["written"][name] for one in sources)
    for one in sources:
        amount, available = one["written"][name], one["available"][unit]
        one["share"] = amount / total if total else 0.0
        one["epochs"] = amount / available if available else 0.0


def _mixture(request: Request) -> dict[str, Any]:
    mixture = request.mixture
    return {
        "name": mixture.name,
        "reference": mixture.reference,
        "weights": dict(mixture.weights),
        "baseline": mixture.baseline,
        "parameter": mixture.parameter,
    }


def _tokenizer(request: Request) -> dict[str, Any] | None:
    found = request.tokenizer
    return {"path": found.path, "digest": found.digest, "vocabulary": found.vocabulary} if found else None


def _decontamination(request: Request, drawn: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    if not request.tasks:
        return None
    ngrams = decontaminate.load(request.tasks, request.ngram)
    removed: Counter[str] = Counter()
    for one in drawn:
        removed[one["source"]] += one["contaminated"]
    return {
        "tasks": [path.rsplit("/", 1)[-1] for path in request.tasks],
        "ngram": ngrams.ngram,
        "ngrams": ngrams.distinct,
        "texts": ngrams.texts,
        "too_short": ngrams.too_short,
        "removed": dict(removed),
    }


def _sum(parts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def check(found: Mapping[str, Any]) -> None:
    """Raise BalanceError unless each file adds up and each source was written exactly as planned."""
    problems = []
    for name, one in [("all files", found), *found["files"].items()]:
        accounted = one["kept"] + sum(sum(one[fate].values()) for fate in ("skipped", "rejected", "failed"))
        if one["records"] != accounted or min(one["rejected"].values(), default=0) < 0:
            problems.append(f"{name}: {one['records']} records read, {accounted} accounted for")
    for one in found["sources"]:
        written = one["written"]
        real = Totals(written["rows"], written["tokens"], written["bytes"])
        if tables.totals_json(real) != one["drawn"]:
            problems.append(f"{one['source']}: planned {one['drawn']}, written {tables.totals_json(real)}")
    packed = found["packed_tokens"]
    planned = sum(one["drawn"]["tokens"] for one in found["sources"])
    if packed is not None and packed != planned:
        problems.append(f"{packed} tokens packed, {planned} planned")
    if problems:
        raise BalanceError("the ledger does not add up: " + "; ".join(problems[:10]))


def manifest(root: str, tokens: bool) -> list[dict[str, Any]]:
    """Name, rows, bytes and SHA-256 of every data file under `root`."""
    found = []
    for folder in ("data", "heldout", *(["tokens"] if tokens else [])):
        for path in storage.list_files(storage.join(root, folder)):
            name = path.rsplit("/", 1)[-1]
            entry = {"file": f"{folder}/{name}", "bytes": storage.file_size(path), "sha256": storage.sha256(path)}
            if name.endswith(".parquet"):
                entry["rows"] = row_count(path)
            found.append(entry)
    return found


def row_count(path: str) -> int:
    """Rows of a Parquet file, from its footer."""
    import pyarrow.parquet as pq

    fs, inner = storage.filesystem(path)
    return int(pq.read_metadata(inner, filesystem=fs).num_rows)
