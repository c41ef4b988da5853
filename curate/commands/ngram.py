"""`curate ngram`: language models whose perplexity says how like other text a text is."""

from typing import Any

import click

from curate.commands.options import json_option, printed


@click.group()
def ngram() -> None:
    """Train an n-gram language model, as CCNet's, for the step Perplexity; or take one from an ARPA file."""


_tokenizer = click.option(
    "--tokenizer",
    default="",
    metavar="FILE",
    help="Use the tokens of this tokenizer.json as words (curate tokenizer train).",
)
_output = click.option("--output", required=True, metavar="FOLDER", help="Folder of the model.")


@ngram.command()
@click.option(
    "--input",
    "inputs",
    multiple=True,
    required=True,
    metavar="PATH",
    help="A corpus, Parquet or JSON lines. Repeatable.",
)
@_output
@click.option("--order", default=5, show_default=True, help="Words in the longest n-grams.")
@click.option("--vocabulary", default=1 << 21, show_default=True, help="Maximum vocabulary: the most frequent words.")
@click.option(
    "--prune",
    default="",
    metavar="0,0,1",
    help="Drop n-grams that occur this often or less: one number per order.",
)
@_tokenizer
@click.option("--language", default="", metavar="CODE", help="Only texts of this language.")
@click.option("--memory", default="1GB", show_default=True, help="Memory for sorting; the words are held in addition.")
@click.option("--arpa", default="", metavar="FILE", help="Also write the model as an ARPA file.")
@click.option("--text-column", default="", metavar="COLUMN", help="Text column.")
@json_option
def train(
    inputs: tuple[str, ...], output: str, order: int, vocabulary: int, prune: str, tokenizer: str, language: str, memory: str,
    arpa: str, text_column: str, as_json: bool,
) -> None:  # fmt: skip
    """Train a model with modified Kneser-Ney smoothing on all texts, each line a sentence. The same texts give the same bytes."""
    from curate.console.terminal import notes
    from curate.errors import UsageError
    from curate.mixing import units
    from curate.quality import ngram as training

    try:
        pruned = tuple(int(one) for one in prune.split(",")) if prune else ()
    except ValueError:
        raise UsageError(f"--prune takes numbers with commas between, such as 0,0,1, got {prune!r}") from None
    options = training.Options(
        order=order, vocabulary=vocabulary, prune=pruned, tokenizer=tokenizer, language=language,
        memory=units.parse(memory, "--memory"), column=text_column,
    )  # fmt: skip
    card = training.train(inputs, output, options, arpa)
    notes(card["notes"])
    _print(output, card, as_json)


@ngram.command("import")
@click.argument("arpa", metavar="FILE.arpa")
@_output
@click.option(
    "--words", default="plain", show_default=True, type=click.Choice(["plain", "words"]),
    help="plain: split at white space; words: split as in curate ngram train.",
)  # fmt: skip
@_tokenizer
@json_option
def import_(arpa: str, output: str, words: str, tokenizer: str, as_json: bool) -> None:
    """Make a model from an ARPA file (KenLM, SRILM …); scores are those of KenLM."""
    from curate.console.terminal import notes
    from curate.quality import arpa as arpas

    card = arpas.convert(arpa, output, words, tokenizer)
    notes(card["notes"])
    _print(output, card, as_json)


@ngram.command()
@click.argument("inputs", nargs=-1, required=True, metavar="PATH...")
@click.option("--model", required=True, metavar="FOLDER", help="Folder of a model.")
@click.option("--text-column", default="", metavar="COLUMN", help="Text column.")
@json_option
def evaluate(inputs: tuple[str, ...], model: str, text_column: str, as_json: bool) -> None:
    """Print the perplexity of texts: overall, and its deciles."""
    from curate.errors import RecipeError
    from curate.quality import ngram as training

    try:
        value = training.evaluate(model, inputs, text_column)
    except (OSError, ValueError) as error:
        raise RecipeError(str(error)) from error
    printed(value, as_json, lambda: "\n".join(f"{name}: {one}" for name, one in value.items()))


def _print(output: str, card: dict[str, Any], as_json: bool) -> None:
    counts = ", ".join(f"{count:,}" for count in card["counts"])
    value = {"model": output, **{name: card[name] for name in ("order", "words", "counts", "data")}}
    lines = {"model": output, "order": card["order"], "n-grams": counts, **card["data"]}
    printed(value, as_json, lambda: "\n".join(f"{name}: {one}" for name, one in lines.items()))
