"""Plans and ledgers as rows (for --json) and as tables for people."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from curate.mixing.counts import Totals
from curate.mixing.plan import EPOCHS_WITHOUT_LOSS, Draw, Plan, Stock, skipped_told
from curate.mixing.units import percent, short, short_bytes
from curate.tokens.tokenizer import CHARACTERS_PER_TOKEN, WORDS_PER_TOKEN, Rates


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


def plan_table(plan: Plan) -> list[list[str]]:
    """Header and rows of the plan, every cell as text."""
    rows = [["source", "weight", "documents", "bytes", "tokens", "drawn docs", "drawn bytes", "drawn tokens"]]
    rows[0] += ["share", "epochs", "chars/token", "words/token"]
    for draw in plan.draws:
        have = draw.stock.available
        size = rates([draw.stock])
        rows.append(
            [
                draw.source,
                percent(draw.weight),
                *_amounts(have),
                *_amounts(draw.drawn),
                percent(plan.share(draw)),
                f"{plan.epochs(draw):.3g}",
                *_size(size),
            ]
        )
    have = sum((draw.stock.available for draw in plan.draws), Totals())
    total = ["all", percent(sum(draw.weight for draw in plan.draws)), *_amounts(have), *_amounts(plan.drawn)]
    rows.append([*total, "", "", *_size(rates([draw.stock for draw in plan.draws]))])
    return rows


def _amounts(totals: Totals) -> list[str]:
    tokens = short(totals.tokens) if totals.tokens else "—"
    return [short(totals.documents), short_bytes(totals.bytes), tokens]


def _size(size: Rates | None) -> list[str]:
    return [f"{size.characters_per_token:.2f}", f"{size.words_per_token:.2f}"] if size else ["—", "—"]


def rule_of_thumb(plan: Plan) -> str:
    """GPT-2's rules of thumb beside what was measured; empty without tokens."""
    size = rates([draw.stock for draw in plan.draws])
    if size is None:
        return ""
    return (
        f"A token is {size.characters_per_token:.2f} characters and {size.words_per_token:.2f} words here; "
        f"the rule of thumb for GPT-2's tokenizer on English says {CHARACTERS_PER_TOKEN:g} and {WORDS_PER_TOKEN:g}."
    )


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table: first column to the left, the others to the right."""
    head, *body = rows
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


GAP = 2
"""Blanks between two columns on a terminal."""


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print rows to stdout: a table on a terminal, tab-separated lines into a pipe.

    What is too wide for the terminal continues in a table below, with the first column again.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        for row in rows:
            print("\t".join(row))
        return
    for number, columns in enumerate(fitting(rows, console.width)):
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for place in columns:
            table.add_column(rows[0][place], justify="right" if place else "left", no_wrap=place == 0)
        for row in rows[1:]:
            table.add_row(*(row[place] for place in columns))
        if number:
            console.print()
        console.print(table)


def fitting(rows: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """The columns in groups that fit a width in characters, each with the first column in front."""
    from rich.cells import cell_len

    sizes = [GAP + max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    groups, left = [[0]], width - sizes[0]
    for place, size in enumerate(sizes[1:], 1):
        if size > left + GAP and len(groups[-1]) > 1:
            groups.append([0])
            left = width - sizes[0]
        groups[-1].append(place)
        left -= size
    return groups


def published(weights: Mapping[str, float], sizes: Mapping[str, float], budget: float) -> dict[str, float]:
    """Epochs that follow from weights, a budget and sizes in the same unit."""
    return {name: weight * budget / sizes[name] for name, weight in weights.items() if sizes.get(name)}
