"""`curate quality`: models that tell good texts from bad ones."""

from typing import TYPE_CHECKING, Any

import click

from curate.commands.options import json_option, printed

if TYPE_CHECKING:
    from collections.abc import Callable

    from curate.quality.evaluate import Evaluation


@click.group()
def quality() -> None:
    """Train a model that tells good texts from bad ones, and see what it is worth."""


def _texts(most: int, told: str) -> "Callable[[Callable[..., Any]], Callable[..., Any]]":
    """Options that say where texts and labels come from: the keyword arguments of `labelled.read`. Of each class `most` (0: all, `told`)."""
    options = [
        click.argument("labelled", nargs=-1, metavar="[TABLE]..."),
        click.option(
            "--good", multiple=True, metavar="PATH", help="A corpus, or Parquet or JSON lines, of good texts."
        ),
        click.option("--bad", multiple=True, metavar="PATH", help="The same for bad texts. Both repeatable."),
        click.option("--label-column", "label", default="label", show_default=True, help="Column of a TABLE's labels."),
        click.option(
            "--good-label",
            default="",
            metavar="VALUE",
            help="The label that is good, all others are bad.  [default: 1, true, good]",
        ),
        click.option("--text-column", "column", default="", metavar="COLUMN", help="Text column."),
        click.option(
            "--texts",
            "most",
            default=most,
            type=click.IntRange(min(most, 1)),
            help=f"Texts of each class, chosen by hash.  [default: {told}]",
        ),
    ]

    def all_of_them(command: "Callable[..., Any]") -> "Callable[..., Any]":
        for option in reversed(options):
            command = option(command)
        return command

    return all_of_them


@quality.command()
@_texts(20_000, "20,000")
@click.option("--output", required=True, metavar="FOLDER", help="Folder of the model.")
@json_option
def train(output: str, as_json: bool, **texts: Any) -> None:
    """Train a linear model on the shape and the words of texts, from corpora (--good, --bad) or from TABLEs with a label column.

    A tenth of the hosts is held out to score it. The same texts give the same bytes.
    """
    from curate.console.terminal import notes
    from curate.quality import labelled as reading
    from curate.quality import train as training

    found = reading.read(**texts)
    notes(found.notes)
    card = training.train(found, output, {name: [*texts[name]] for name in ("good", "bad", "labelled")})
    short = {"model": output, **{name: card[name] for name in ("data", "held_out", "strongest_words")}}
    printed(short, as_json, lambda: _trained(short))


@quality.command()
@_texts(0, "all")
@click.option(
    "--model",
    default="",
    metavar="PATH",
    help="Folder of a model, or a fastText model (.bin, .ftz).  [default: the shipped one]",
)
@click.option("--label", "fasttext_label", default="", metavar="LABEL", help="The fastText label that is good.")
@click.option("--lower", is_flag=True, help="Lower-case texts for a fastText model.")
@json_option
def evaluate(model: str, fasttext_label: str, lower: bool, as_json: bool, **texts: Any) -> None:
    """Evaluate a model on labelled texts: area under the ROC curve with its interval, reliability, by language, host
    and length, compared with cheap signals. Texts and hosts that the model was trained on are left out.
    """
    from curate.console.terminal import notes
    from curate.errors import RecipeError
    from curate.filters.quality import Quality
    from curate.quality import evaluate as evaluating
    from curate.quality import labelled as reading

    try:
        step = Quality(model=model, label=fasttext_label, lower=lower)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    value = evaluating.evaluate(reading.read(**texts), step)
    notes(value.notes)
    printed(evaluating.as_json(value), as_json, lambda: _evaluated(value))


def _trained(card: dict[str, Any]) -> str:
    from curate.console.terminal import one_line

    data, held = card["data"], card["held_out"]
    words = list(card["strongest_words"].items())
    score = "too few hosts to keep some back"
    if held.get("auc") is not None:
        score = f"{held['auc']:.3f} [{held['low']:.3f}, {held['high']:.3f}] on {held['documents']:,} texts of {held['hosts']:,} other hosts"
    lines = [
        f"model      {card['model']}",
        f"texts      {data['good_texts']:,} good, {data['bad_texts']:,} bad, of {data['hosts']:,} hosts",
        f"AUC        {score}",
        f"good words {', '.join(word for word, weight in words if weight > 0)}",
        f"bad words  {', '.join(word for word, weight in words if weight < 0)}",
    ]
    return "\n".join(one_line(line, 400) for line in lines)


def _evaluated(found: "Evaluation") -> object:
    from rich.console import Group
    from rich.text import Text

    from curate.console.tables import Table
    from curate.console.terminal import one_line

    def table(*heads: str) -> Table:
        made = Table(box=None, pad_edge=False, header_style="bold")
        for at, name in enumerate(heads):
            made.add_column(name, justify="right" if at else "left")
        return made

    areas = table(f"{found.texts:,} texts, {found.good:,} good", "AUC", "95 %")
    for name, area in {"model": found.area, **found.trivial}.items():
        areas.add_row(Text(name), f"{area.value:.3f}", f"{area.low:.3f} to {area.high:.3f}")
    bins = table("score", "texts", "mean score", "share good")
    for row in found.reliability:
        bins.add_row(f"{row.low:.1f} to {row.low + 0.1:.1f}", f"{row.texts:,}", f"{row.mean:.2f}", f"{row.good:.2f}")
    parts: list[Any] = [areas, "", bins]
    for name, rows in found.groups.items():
        if rows:
            some = table(name, "texts", "share good", "AUC")
            for one in rows:
                some.add_row(Text(one_line(one.name, 60)), f"{one.texts:,}", f"{one.good:.2f}", f"{one.auc:.3f}")
            parts += ["", some]
    return Group(*parts)
