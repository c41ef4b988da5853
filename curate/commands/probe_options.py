"""What the probe's commands share: their options are those of `python -m train_probe`, in one place."""

import sys
from typing import Any

from curate.errors import UsageError

passed_on: dict[str, Any] = {"context_settings": {"ignore_unknown_options": True, "help_option_names": []}}


def forward(command: str, arguments: tuple[str, ...]) -> None:
    """Run a command of the trainer and exit with its code.  Raises UsageError when torch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError("the probe needs torch: pip install 'curate-corpora[probe]'") from None
    from train_probe.__main__ import main

    sys.exit(main([command, *arguments], prog="curate probe-"))
