"""`curate card`: what the law asks to be published of training data."""

import click


@click.command()
@click.argument("corpus")
@click.option("--eu", is_flag=True, help="The public summary of training content of the EU's AI Act, Article 53(1)(d).")
@click.option("--ab2013", is_flag=True, help="The twelve items of California's AB 2013 (Civil Code, section 3111).")
@click.option(
    "--sme",
    is_flag=True,
    help="List the domains that small providers must: the top 5 %, 1,000 at most (default: 10 %).",
)
@click.option(
    "--output", metavar="DIR", help="Write eu-summary.md, ab2013.md and the same as .json here (default: print)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown.")
def card(corpus: str, eu: bool, ab2013: bool, sme: bool, output: str | None, as_json: bool) -> None:
    """Write what the law requires to be published about the training data in CORPUS, a corpus or mixture of curate.

    Every figure is counted from the published files, and comes with the DuckDB statement that reproduces it. What
    can't be known from the corpus is left for the provider to fill in. See docs/law.md.

    \b
    curate card corpus/ --eu > summary.md
    curate card corpus/ --eu --ab2013 --sme --output law/
    """
    from curate.console.terminal import json_text
    from curate.errors import UsageError
    from curate.files import storage
    from curate.files.output import believed
    from curate.report import counted, law

    if not (eu or ab2013):
        raise UsageError("say which: --eu, --ab2013 or both")
    folder = corpus.rstrip("/")
    ledger = counted.ledger_of(folder)
    with believed(storage.join(folder, "ledger.json")):
        figures = counted.figures(folder, *((0.05, 1000) if sme else (0.1, 0)))
        made = {"eu-summary": law.eu(ledger, figures)} if eu else {}
        if ab2013:
            made["ab2013"] = law.ab2013(ledger, figures)
        texts = {name: law.markdown(statement) for name, statement in made.items()}
    if output:
        for name, statement in made.items():
            storage.write_text(storage.join(output, f"{name}.md"), texts[name])
            storage.write_text(storage.join(output, f"{name}.json"), json_text(law.as_json(statement)) + "\n")
        click.echo(f"written to {output}: {', '.join(f'{name}.md and .json' for name in made)}", err=True)
    elif as_json:
        click.echo(json_text({name: law.as_json(statement) for name, statement in made.items()}))
    else:
        click.echo("\n".join(texts.values()), nl=False)
