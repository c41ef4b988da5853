"""The ledger of a mixture: every record of every source accounted for, and every draw counted again from what
was written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from curate.errors import BalanceError
from curate.files import storage
from curate.mixing import contamination, tables
from curate.mixing.counts import Totals
from curate.mixing.decontam_items import label
from curate.mixing.draw import Drawn
from curate.mixing.finish import Amount, Finished, HeldOut
from curate.mixing.plan import Plan
from curate.mixing.request import Request, load_tasks
from curate.run.ledger import Account, Described, Ledger, describe

CONTAMINATED = "contaminated"
"""Folder of what documents hold of evaluation tasks."""
SHOWN = 50


def of_mixture(
    request: Request,
    plan: Plan,
    drawn: Sequence[Drawn],
    finished: Sequence[Finished],
    held_out: Mapping[str, HeldOut],
    evidence: Mapping[str, int],
) -> Ledger:
    """The ledger's own part: what was asked, what is in the files, and what became of each record of the sources."""
    sources = [
        {
            **planned,
            "written": asdict(sum((one.sources.get(name, Amount()) for one in finished), Amount())),
            "held_out_file": asdict(held_out[name]),
        }
        for planned in tables.plan_json(plan)["sources"]
        for name in [planned["source"]]
    ]
    _shares(sources, plan.unit)
    return {
        "mixture": _mixture(request),
        "unit": plan.unit,
        "seed": plan.seed,
        "budget": plan.budget,
        "max_epochs": request.max_epochs,
        "held_out_share": request.held_out,
        "repeats": {one.name: asdict(one.repeats) for one in request.sources if one.repeats},
        "tokenizer": _tokenizer(request),
        "decontamination": _decontamination(request, plan, drawn, evidence),
        "rows": sum(one.rows for one in finished),
        "sources": sources,
        "packed_tokens": sum(one.packed or 0 for one in finished) if request.tokenize else None,
        "warnings": tables.warnings(plan),
        "rule_of_thumb": tables.rule_of_thumb(plan),
        "files": {f"{one.source}: {one.file}": _fates(one) for one in drawn},
    }


def _fates(one: Drawn) -> Account:
    rest = one.records - sum(one.skipped.values()) - one.held_out - one.contaminated - one.drawn
    rejected = {"held_out": one.held_out, "contaminated": one.contaminated, "not_drawn": rest}
    return {
        "records": one.records,
        "skipped": one.skipped,
        "rejected": {reason: number for reason, number in rejected.items() if number},
        "failed": {},
        "kept": one.drawn,
    }


def _shares(sources: Sequence[dict[str, Any]], unit: str) -> None:
    """Set share and epochs of each source to what the written files say."""
    name = "rows" if unit == "documents" else unit
    total = sum(one["written"][name] for one in sources)
    for one in sources:
        amount, available = one["written"][name], one["available"][unit]
        one["share"] = amount / total if total else 0.0
        one["epochs"] = amount / available if available else 0.0


def _mixture(request: Request) -> dict[str, object]:
    mixture = request.mixture
    return {
        "name": mixture.name,
        "reference": mixture.reference,
        "weights": dict(mixture.weights),
        "baseline": mixture.baseline,
        "parameter": mixture.parameter,
    }


def _tokenizer(request: Request) -> dict[str, object] | None:
    found = request.tokenizer
    return {"path": found.path, "digest": found.digest, "vocabulary": found.vocabulary} if found else None


def _decontamination(
    request: Request, plan: Plan, drawn: Sequence[Drawn], found: Mapping[str, int]
) -> dict[str, object] | None:
    if not request.tasks:
        return None
    known = load_tasks(request)
    removed: Counter[str] = Counter()
    for one in drawn:
        removed[one.source] += one.contaminated
    (spread,) = {file.spread for draw in plan.draws for file in draw.stock.files}
    common = contamination.common_items(spread, request.common)
    return {
        "tasks": [path.rsplit("/", 1)[-1] for path in request.tasks],
        "action": "report" if request.report_only else "drop",
        "questions": len(known.items),
        "too_short": known.too_short,
        "found": dict(found),
        "removed": dict(removed),
        "common": {label(known.items[item]): number for item, number in list(common.items())[:SHOWN]},
    }


def check(found: Ledger) -> None:
    """Raise BalanceError unless each source was written exactly as planned, and no file gave more than it has."""
    problems = []
    for name, one in found["files"].items():
        if min(one["rejected"].values(), default=0) < 0:
            problems.append(f"{name}: {one['records']} records read, more accounted for")
    for source in found["sources"]:
        written = source["written"]
        real = Totals(written["rows"], written["tokens"], written["bytes"])
        if tables.totals_json(real) != source["drawn"]:
            problems.append(f"{source['source']}: planned {source['drawn']}, written {tables.totals_json(real)}")
    packed = found["packed_tokens"]
    planned = sum(source["drawn"]["tokens"] for source in found["sources"])
    if packed is not None and packed != planned:
        problems.append(f"{packed} tokens packed, {planned} planned")
    if problems:
        raise BalanceError("the ledger does not add up: " + "; ".join(problems[:10]))


def manifest(root: str) -> list[Described]:
    """Name, rows, bytes and SHA-256 of every data file under `root`."""
    found = []
    for folder in ("data", "heldout", CONTAMINATED, "tokens"):
        if storage.exists(storage.join(root, folder)):
            for path in storage.list_files(storage.join(root, folder)):
                found.append(describe(folder, path, row_count(path) if path.endswith(".parquet") else None))
    return found


def row_count(path: str) -> int:
    """Rows of a Parquet file, from its footer."""
    import pyarrow.parquet as pq

    fs, inner = storage.filesystem(path)
    return int(pq.read_metadata(inner, filesystem=fs).num_rows)
