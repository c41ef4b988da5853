"""`python -m train_probe`: the trainer without the rest of the project; torchrun starts it on many devices."""

import sys
from collections.abc import Sequence

import click

from train_probe.cli import group


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error of the person who runs it is one line and exit code 2."""
    try:
        code = group.main(
            args=list(arguments) if arguments is not None else None,
            prog_name="python -m train_probe",
            standalone_mode=False,
        )
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
