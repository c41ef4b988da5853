"""Plans and ledgers as tables for people."""

from collections.abc import Mapping, Sequence

from curate.mixing.counts import Totals
from curate.mixing.ledger import rates
from curate.mixing.plan import Plan
from curate.mixing.units import percent, short, short_bytes
from curate.tokens.tokenizer import Rates


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
