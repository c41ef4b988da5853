"""The ledger of a mixture, and its plan as JSON: every record of every source accounted for, and every draw counted again from
what was written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from curate.errors import BalanceError
from curate.files import storage
from curate.mixing import contamination
from curate.mixing.counts import Totals
from curate.mixing.decontam_items import label
from curate.mixing.draw import Drawn
from curate.mixing.finish import Amount, Finished, HeldOut
from curate.mixing.plan import EPOCHS_WITHOUT_LOSS, Draw, Plan, Stock, skipped_told
from curate.run.ledger import Account, Described, Ledger, describe
from curate.tokens.tokenizer import CHARACTERS_PER_TOKEN, WORDS_PER_TOKEN, Rates

if TYPE_CHECKING:
    from curate.mixing.job import Request

SHOWN = 50


def of_mixture(
    request: "Request",
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
        for planned in plan_json(plan)["sources"]
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
        "warnings": warnings(plan),
        "rule_of_thumb": rule_of_thumb(plan),
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


def _mixture(request: "Request") -> dict[str, object]:
    mixture = request.mixture
    return {
        "name": mixture.name,
        "reference": mixture.reference,
        "weights": dict(mixture.weights),
        "baseline": mixture.baseline,
        "parameter": mixture.parameter,
    }


def _tokenizer(request: "Request") -> dict[str, object] | None:
    found = request.tokenizer
    return {"path": found.path, "digest": found.digest, "vocabulary": found.vocabulary} if found else None


def _decontamination(
    request: "Request", plan: Plan, drawn: Sequence[Drawn], found: Mapping[str, int]
) -> dict[str, object] | None:
    if not request.tasks:
        return None
    from curate.mixing.decontam_match import known_items

    known = known_items(request.tasks)
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
        if totals_json(real) != source["drawn"]:
            problems.append(f"{source['source']}: planned {source['drawn']}, written {totals_json(real)}")
    packed = found["packed_tokens"]
    planned = sum(source["drawn"]["tokens"] for source in found["sources"])
    if packed is not None and packed != planned:
        problems.append(f"{packed} tokens packed, {planned} planned")
    if problems:
        raise BalanceError("the ledger does not add up: " + "; ".join(problems[:10]))


def manifest(root: str) -> list[Described]:
    """Name, rows, bytes and SHA-256 of every data file under `root`."""
    found = []
    for folder in ("data", "heldout", contamination.CONTAMINATED, "tokens"):
        if storage.exists(storage.join(root, folder)):
            for path in storage.list_files(storage.join(root, folder)):
                found.append(describe(folder, path, row_count(path) if path.endswith(".parquet") else None))
    return found


def row_count(path: str) -> int:
    """Rows of a Parquet file, from its footer."""
    import pyarrow.parquet as pq

    fs, inner = storage.filesystem(path)
    return int(pq.read_metadata(inner, filesystem=fs).num_rows)


# ---- the plan ----


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan with stable keys."""
    return {
        "unit": plan.unit,
        "seed": plan.seed,
        "budget": plan.budget,
        "sources": [_draw_json(plan, draw) for draw in plan.draws],
        "drawn": totals_json(plan.drawn),
        "warnings": warnings(plan),
    }


def totals_json(totals: Totals) -> dict[str, int]:
    """Documents, tokens and bytes."""
    return {"documents": totals.documents, "tokens": totals.tokens, "bytes": totals.bytes}


def _draw_json(plan: Plan, draw: Draw) -> dict[str, object]:
    stock = draw.stock
    return {
        "source": draw.source,
        "weight": draw.weight,
        "available": totals_json(stock.available),
        "held_out": totals_json(stock.held_out),
        "contaminated": totals_json(stock.contaminated),
        "skipped": skipped(stock),
        "repeated_ids": stock.repeated_ids,
        "target": draw.target,
        "drawn": totals_json(draw.drawn),
        "share": plan.share(draw),
        "epochs": plan.epochs(draw),
        "whole_epochs": draw.whole,
        "threshold": f"{draw.threshold:017x}",
        "extra": [f"{number:016x}" for number in draw.extra],
        "token_size": token_size(stock),
    }


def skipped(stock: Stock) -> dict[str, int]:
    """Records of a source that could not be read, by kind."""
    found: Counter[str] = Counter()
    for file in stock.files:
        found.update(file.skipped)
    return dict(sorted(found.items()))


def rates(stocks: Iterable[Stock]) -> Rates | None:
    """Measured characters, words and bytes a token over all documents of some sources."""
    files = [file for stock in stocks for file in stock.files]
    totals = sum((file.totals for file in files), Totals())
    characters, words = sum(file.characters for file in files), sum(file.words for file in files)
    return Rates.of(totals.tokens, characters, words, totals.bytes)


def token_size(stock: Stock) -> dict[str, float] | None:
    """Measured size of a token of one source, beside GPT-2's rules of thumb."""
    found = rates([stock])
    if found is None:
        return None
    return {
        "characters_per_token": round(found.characters_per_token, 4),
        "words_per_token": round(found.words_per_token, 4),
        "bytes_per_token": round(found.bytes_per_token, 4),
    }


def warnings(plan: Plan) -> list[str]:
    """What a person should know before building: deviations, many repeats, lost records, empty held-out
    splits."""
    found = plan.deviations()
    for draw in plan.draws:
        epochs, stock = plan.epochs(draw), draw.stock
        if epochs > EPOCHS_WITHOUT_LOSS * (1 + 1e-9):
            found.append(
                f"{draw.source}: {epochs:.1f} epochs; beyond about {EPOCHS_WITHOUT_LOSS:g} repeated data is worth "
                "much less than new data (Muennighoff et al. 2023)"
            )
        if lost := skipped_told(stock):
            found.append(f"{draw.source}: records skipped: {', '.join(lost)}")
        if stock.repeated_ids:
            found.append(
                f"{draw.source}: {stock.repeated_ids:,} documents have an id that came before; documents of one id "
                f"are drawn together (deduplicate, or name another column: --id-column {draw.source}=COLUMN)"
            )
        if not stock.held_out.documents and stock.fraction:
            found.append(f"{draw.source}: no document falls into the held-out split ({stock.fraction:.2%} of the ids)")
    return found


def rule_of_thumb(plan: Plan) -> str:
    """GPT-2's rules of thumb beside what was measured; empty without tokens."""
    size = rates([draw.stock for draw in plan.draws])
    if size is None:
        return ""
    return (
        f"A token is {size.characters_per_token:.2f} characters and {size.words_per_token:.2f} words here; "
        f"the rule of thumb for GPT-2's tokenizer on English says {CHARACTERS_PER_TOKEN:g} and {WORDS_PER_TOKEN:g}."
    )
