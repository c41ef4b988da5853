"""The command line in this process: what it says, and how it would end. A process of its own imports everything again."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

import pytest

from curate import cli


def curate(*arguments: str) -> CompletedProcess[str]:
    """Run `curate …`. What is raised and would be a traceback is raised."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched, redirect_stdout(out), redirect_stderr(err):
        patched.delenv("CURATE_DEBUG", raising=False)
        patched.setattr(cli, "_end", sys.exit)  # with an engine in this process it would end it at once
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
    code = ended.value.code
    return CompletedProcess(
        ["curate", *arguments], code if isinstance(code, int) else 1, out.getvalue(), err.getvalue()
    )
