"""Threads of PyTorch that wait don't take the processor from those that work."""

import os
import subprocess
import sys


def waits(**environment: str) -> str:
    """How long libgomp is told to spin in a process that has imported the probe."""
    kept = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"} | environment
    code = "import train_probe, os; print(os.environ['GOMP_SPINCOUNT'])"
    return subprocess.run([sys.executable, "-c", code], env=kept, check=True, capture_output=True, text=True).stdout


def test_threads_sleep_soon_unless_told_otherwise():
    assert waits() == "10000\n"
    assert waits(GOMP_SPINCOUNT="5") == "5\n"


def test_it_is_set_before_torch_is_loaded():
    code = "import train_probe, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
