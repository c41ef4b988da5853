"""`curate assets`: the models and lists that are fetched, not shipped."""

import json

import click


@click.group()
def assets() -> None:
    """Fetch the language model and the word lists that some steps need."""


@assets.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: name, path (null if missing), license, about.")
def list_assets(as_json: bool) -> None:
    """Show every asset, where it is and its licence."""
    from curate.jobs.assets import ASSETS

    rows = [
        {"name": a.name, "path": str(a.path) if a.path else None, "license": a.license, "about": a.about}
        for a in ASSETS.values()
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']:<12} {row['path'] or 'missing: curate assets fetch ' + str(row['name'])}")
        click.echo(f"{'':<12} {row['license']}")


@assets.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def fetch(names: tuple[str, ...]) -> None:
    """Fetch the assets NAME (without a name: all except lid.176.bin, which is 131 MB). Existing assets are left alone."""
    from curate.jobs.assets import ASSETS
    from curate.jobs.assets import fetch as fetch_one

    for name in names or [name for name, asset in ASSETS.items() if not asset.large]:
        click.echo(fetch_one(name))


@assets.command()
@click.argument("name")
def path(name: str) -> None:
    """Print where the asset NAME is; exits with 1 if it is missing."""
    from curate.jobs.assets import get

    found = get(name).path
    if found is None:
        raise click.ClickException(f"{name} is missing. Get it with: curate assets fetch {name}")
    click.echo(found)
