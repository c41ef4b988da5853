"""`curate license`."""

from typing import Any

import click

from curate.commands.options import collect_rarely, json_option, printed


@click.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--licenses", default="permissive", show_default=True, metavar="LIST", help="apache-bsd-mit, permissive, or a file with one SPDX id per line.")  # fmt: skip
@json_option
def license(path: str, licenses: str, as_json: bool) -> None:
    """Show the licence of a file or repository, and the evidence for it.

    PATH is a file, a folder or an archive. For a folder or an archive, it shows the root and each folder with a licence.
    """
    collect_rarely()
    from curate.code.show import evidence_of, table
    from curate.errors import UsageError
    from curate.filters.licenses import allow_list

    try:
        allowed = allow_list(licenses)
    except ValueError as error:
        raise UsageError(f"--licenses: {error}") from error
    found: list[dict[str, Any]] = evidence_of(path, allowed)
    printed(found, as_json, lambda: table(found))
