"""`curate license`."""

from typing import Any

import click

from curate.commands.options import json_option, printed


@click.command()
@click.argument("path", type=click.Path(exists=True))
@click.option("--licenses", default="permissive", show_default=True, metavar="LIST", help="apache-bsd-mit, permissive, or a file with one SPDX id a line.")  # fmt: skip
@json_option
def license(path: str, licenses: str, as_json: bool) -> None:
    """What licence a file or repository is under, and what the evidence is.

    PATH is a file, a folder or an archive. Of a folder or an archive, what its root and each folder with a licence says.
    """
    from curate.code.show import evidence_of, table
    from curate.errors import UsageError
    from curate.filters.licenses import allow_list

    try:
        allowed = allow_list(licenses)
    except ValueError as error:
        raise UsageError(f"--licenses: {error}") from error
    found: list[dict[str, Any]] = evidence_of(path, allowed)
    printed(found, as_json, lambda: table(found))
