"""The dataset card of a mixture (README.md): what it is made of, and what was measured; and the tables of a plan and of a ledger."""

import json
from collections.abc import Sequence

from curate.console.cells import markdown
from curate.console.terminal import one_line
from curate.mixing.counts import Totals
from curate.mixing.job import Request
from curate.mixing.ledger import rates
from curate.mixing.plan import Plan, Stock
from curate.mixing.units import percent, short, short_bytes
from curate.report.card import size_category
from curate.run.ledger import Ledger


def text(request: Request, plan: Plan, ledger: Ledger) -> str:
    """The card, as Markdown with the header that the Hugging Face Hub and `datasets` read."""
    name = one_line(request.mixture.name)
    parts = [
        front_matter(name, ledger),
        f"# Mixture {name}\n",
        _summary(request, plan, ledger),
        "## Sources: target and actual shares\n",
        "Counted from the files in `data/`.\n",
        markdown(ledger_table(ledger)),
        _sizes(plan, ledger),
        _sampling(request, ledger),
        _lost(ledger),
        _columns(ledger),
    ]
    return "\n".join(part for part in parts if part)


def front_matter(name: str, ledger: Ledger) -> str:
    """YAML that the Hub and `datasets` read. A held-out part without documents is not named: it could not be loaded."""
    held_out = any(part["file"].startswith("heldout/") and part.get("rows") for part in ledger["data"])
    lines = ["---", f"pretty_name: {json.dumps(f'Mixture {name}')}", "license: other"]
    lines += ["task_categories:", "- text-generation", "size_categories:", f"- {size_category(int(ledger['kept']))}"]
    lines += ["tags:", "- pretraining", "configs:"]
    for config, split, folder in (
        ("default", "train", "data"),
        *([("heldout", "test", "heldout")] if held_out else []),
    ):
        lines += [f"- config_name: {config}", "  data_files:", f"  - split: {split}", f"    path: {folder}/*.parquet"]
    return "\n".join([*lines, "---\n"])


def _summary(request: Request, plan: Plan, ledger: Ledger) -> str:
    lines = [f"Weights are shares of {plan.unit}; {short(plan.budget)} {plan.unit} were asked for; seed {plan.seed}."]
    if request.mixture.reference:
        lines.append(f"Weights published in: {one_line(request.mixture.reference, 300)}.")
    if ledger["tokenizer"]:
        found = ledger["tokenizer"]
        lines.append(f"Tokens are those of a tokenizer of {found['vocabulary']:,} entries (digest {found['digest']}).")
    if ledger.get("command"):
        lines.append(f"\nMade by curate {ledger['curate']}:\n\n    {one_line(ledger['command'], 2000)}")
    return "\n".join(lines) + "\n"


def plan_table(plan: Plan) -> list[list[str]]:
    """Header and rows of the plan, every cell as text."""
    rows = [["source", "weight", "documents", "bytes", "tokens", "drawn docs", "drawn bytes", "drawn tokens"]]
    rows[0] += ["share", "epochs", "chars/token", "words/token"]
    for draw in plan.draws:
        have = draw.stock.available
        rows.append(
            [
                draw.source,
                percent(draw.weight),
                *_amounts(have),
                *_amounts(draw.drawn),
                percent(plan.share(draw)),
                f"{plan.epochs(draw):.3g}",
                *_size([draw.stock]),
            ]
        )
    have = sum((draw.stock.available for draw in plan.draws), Totals())
    total = ["all", percent(sum(draw.weight for draw in plan.draws)), *_amounts(have), *_amounts(plan.drawn)]
    rows.append([*total, "", "", *_size([draw.stock for draw in plan.draws])])
    return rows


def _amounts(totals: Totals) -> list[str]:
    tokens = short(totals.tokens) if totals.tokens else "—"
    return [short(totals.documents), short_bytes(totals.bytes), tokens]


def _size(stocks: Sequence[Stock]) -> list[str]:
    size = rates(stocks)
    return [f"{size.characters_per_token:.2f}", f"{size.words_per_token:.2f}"] if size else ["—", "—"]


def ledger_table(ledger: Ledger) -> list[list[str]]:
    """Header and rows of what was written, by source."""
    rows = [
        ["source", "target share", "actual share", "documents", "tokens", "bytes", "epochs", "held out", "contaminated"]
    ]
    for one in ledger["sources"]:
        written = one["written"]
        rows.append(
            [
                one["source"],
                percent(one["weight"]),
                percent(one["share"]),
                f"{written['rows']:,}",
                f"{written['tokens']:,}" if ledger["tokenizer"] else "—",
                f"{written['bytes']:,}",
                f"{one['epochs']:.3g}",
                f"{one['held_out']['documents']:,}",
                f"{one['contaminated']['documents']:,}",
            ]
        )
    return rows


def _sizes(plan: Plan, ledger: Ledger) -> str:
    if not ledger["rule_of_thumb"]:
        return ""
    rows = [["source", "characters a token", "words a token", "bytes a token"]]
    for draw in plan.draws:
        size = rates([draw.stock])
        if size:
            figures = (size.characters_per_token, size.words_per_token, size.bytes_per_token)
            rows.append([draw.source, *(f"{figure:.2f}" for figure in figures)])
    return f"## Size of a token\n\n{ledger['rule_of_thumb']}\n\n{markdown(rows)}"


def _sampling(request: Request, ledger: Ledger) -> str:
    lines = [
        "## How documents were drawn\n",
        "A document asked for e epochs is drawn floor(e) or ceil(e) times; which ones is decided by a hash of seed, "
        "source, id and epoch. Mixtures with the same seed share the documents that both draw. The order is a global "
        "shuffle by such a hash.",
        f"\n{percent(request.held_out)} of the ids of each source are held out (`heldout/`): no mixture draws from "
        "them, whatever its seed.",
    ]
    found = ledger["decontamination"]
    if found:
        lines.append(
            f"\n{sum(found['found'].values()):,} documents of all sources hold a question of an evaluation task with its answer, "
            f"or a rare run of one ({found['questions']:,} questions; {found['too_short']:,} texts are too short to be found). "
            f"They {'stay in' if found['action'] == 'report' else 'are left out'}; `contaminated/` says what stands where."
        )
    else:
        lines.append("\nNobody looked for evaluation tasks in the documents.")
    return "\n".join(lines) + "\n"


def _lost(ledger: Ledger) -> str:
    warnings = [f"- {one_line(warning, 400)}" for warning in ledger["warnings"]]
    lines = [f"{ledger['records']:,} records were read, {ledger['kept']:,} documents drawn at least once."]
    if ledger["skipped"]:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in ledger["skipped"].items())
        lines.append(f"Skipped: {kinds}.")
    return "## What to know\n\n" + " ".join(lines) + "\n\n" + "\n".join(warnings) + ("\n" if warnings else "")


def _columns(ledger: Ledger) -> str:
    size = sum(one["bytes"] for one in ledger["data"] if one["file"].startswith("data/"))
    lines = [
        "## Files\n",
        f"- `data/*.parquet` ({short_bytes(size)}): `source`, `epoch` (0 is the first time), `id`, `text`"
        + (", `tokens`" if ledger["tokenizer"] else ""),
        "- `heldout/<source>.parquet`: the held-out documents of a source, in random order",
    ]
    if ledger["decontamination"]:
        lines.append(
            "- `contaminated/<source>.parquet`: documents that hold a question of an evaluation task: its task and line, "
            "where it stands, what was found"
        )
    if ledger["packed_tokens"] is not None:
        lines.append("- `tokens/`: packed token ids with an index, to be mapped into memory by the trainer")
    lines.append("- `manifest.json`: SHA-256 of every file; `ledger.json`: what became of every record; `report.html`")
    return "\n".join(lines) + "\n"
