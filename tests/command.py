"""The command line in this process: what it says, and how it would end. A process of its own imports everything again."""

import io
import os
import subprocess
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


_LIMITED = """
import os, resource, sys
limit = getattr(resource, sys.argv[1])
resource.setrlimit(limit, (int(sys.argv[2]), resource.getrlimit(limit)[1]))
os.execv(sys.executable, [sys.executable, "-m", "curate", *sys.argv[3:]])
"""


def limited(limit: str, most: int, *arguments: str) -> CompletedProcess[str]:
    """Run `curate …` in a process of its own that `limit` (RLIMIT_…) allows so much.

    It limits itself: what `preexec_fn` runs is a copy of this process, in which the threads of an engine that ran here may abort.
    """
    command = [sys.executable, "-c", _LIMITED, limit, str(most), *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # modules cut short would stay for whoever comes next
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
