"""`curate tokenizer`: train a tokenizer, and measure one."""

from typing import Any

import click

from curate.commands.options import json_option, printed
from curate.errors import UsageError


@click.group()
def tokenizer() -> None:
    """Train a byte-level BPE tokenizer on a corpus or mixture, or measure one."""


@tokenizer.command()
@click.option(
    "--input", "inputs", multiple=True, required=True, metavar="PATH", help="Parquet or JSON lines. Repeatable."
)
@click.option("--output", required=True, metavar="FILE", help="tokenizer.json to write.")
@click.option(
    "--vocab-size", default=32768, show_default=True, help="Vocabulary size, including 256 bytes and <|endoftext|>."
)
@click.option(
    "--bytes", "size", default="200MB", show_default=True, help="Amount of text to train on, sampled by hash."
)
@click.option("--text-column", default="", metavar="COLUMN", help="Text column.")
@json_option
def train(inputs: tuple[str, ...], output: str, vocab_size: int, size: str, text_column: str, as_json: bool) -> None:
    """Train a tokenizer. The same documents give the same file, whatever their files and order."""
    from curate.console.terminal import notes
    from curate.errors import OutputError
    from curate.files import storage
    from curate.mixing import units
    from curate.mixing.sample import sample
    from curate.tokens import tokenizer as tokenizers

    if storage.exists(output):
        raise OutputError(f"{output} exists: choose another --output or delete it")
    texts = sample(inputs, units.parse(size, "--bytes"), text_column)
    if not texts:
        raise UsageError("no text in the inputs: nothing to learn from")
    storage.write_text(output, tokenizers.train(texts, vocab_size).to_str(pretty=True))
    found = tokenizers.find(output)
    if found.vocabulary < vocab_size:
        notes(
            [
                f"the vocabulary has {found.vocabulary:,} of the {vocab_size:,} entries that were asked for: the text has no further pair that "
                "occurs twice; give more text, or a smaller --vocab-size"
            ]
        )
    value = {
        "path": output,
        "vocabulary": found.vocabulary,
        "digest": found.digest,
        "documents": len(texts),
        "characters": sum(map(len, texts)),
    }
    printed(value, as_json, lambda: "\n".join(f"{key}: {one}" for key, one in value.items()))


@tokenizer.command()
@click.option("--tokenizer", "path", metavar="FILE", help="tokenizer.json.  [default: the probe trainer's]")
@click.option(
    "--input", "inputs", multiple=True, required=True, metavar="PATH", help="Parquet or JSON lines. Repeatable."
)
@click.option("--bytes", "size", default="20MB", show_default=True, help="Amount of text to measure, sampled by hash.")
@click.option("--text-column", default="", metavar="COLUMN", help="Text column.")
@json_option
def measure(path: str | None, inputs: tuple[str, ...], size: str, text_column: str, as_json: bool) -> None:
    """Characters, words and bytes per token, compared with the rule of thumb for GPT-2 (4 characters, 3/4 of a word)."""
    from curate.mixing import units
    from curate.mixing.sample import sample
    from curate.tokens import tokenizer as tokenizers

    found = tokenizers.find(path)
    rows = [_measured(found.path, one, sample([one], units.parse(size, "--bytes"), text_column)) for one in inputs]
    value = {"tokenizer": {"path": found.path, "digest": found.digest, "vocabulary": found.vocabulary}, "inputs": rows}
    printed(value, as_json, lambda: _table(rows))


def _measured(path: str, name: str, texts: list[str]) -> dict[str, object]:
    from curate.tokens import tokenizer as tokenizers

    tokens = sum(tokenizers.count(tokenizers.load(path), texts))
    characters, words = sum(map(len, texts)), sum(len(text.split()) for text in texts)
    rates = tokenizers.Rates.of(tokens, characters, words, sum(len(text.encode()) for text in texts))
    return {"input": name, "documents": len(texts), "tokens": tokens, **(vars(rates) if rates else {})}


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.text import Text

    from curate.console.tables import Table
    from curate.console.terminal import one_line
    from curate.tokens import tokenizer as tokenizers

    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(
        ("input", "documents", "tokens", "characters a token", "words a token", "bytes a token")
    ):
        table.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        rates = [row.get(f"{name}_per_token") for name in ("characters", "words", "bytes")]
        cells = ["—" if rate is None else f"{rate:.2f}" for rate in rates]
        table.add_row(Text(one_line(row["input"])), f"{row['documents']:,}", f"{row['tokens']:,}", *cells)
    thumb = (tokenizers.CHARACTERS_PER_TOKEN, tokenizers.WORDS_PER_TOKEN)
    table.add_row("GPT-2's rule of thumb", "", "", f"{thumb[0]:.2f}", f"{thumb[1]:.2f}", "")
    return table
