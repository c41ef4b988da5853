"""`curate bundle`: the code for executors."""

import click


@click.command()
@click.argument("output", metavar="OUT.zip", type=click.Path(dir_okay=False, writable=True))
def bundle(output: str) -> None:
    """Pack the package curate for spark-submit --py-files.

    A .zip, because executors import from it; a .whl given to --py-files is imported by the driver only. Libraries with
    native code (pyarrow, fastwarc, resiliparse …) are not in it: executors need an environment that has them.
    """
    from curate.engine.bundle import write

    files = write(output)
    click.echo(f"{output}: {files} files")
