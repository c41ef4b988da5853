"""How far running tasks are: each writes a small file now and then, the driver adds them up.

Files, because tasks run in threads on one engine and on other machines on another. Losing one costs a number on a
screen, nothing else: counts that matter are read from what was written.
"""

import json
import os
import time
from pathlib import Path
from typing import Any


class Beat:
    """Writes the progress of one task, at most twice a second. `folder` None: writes nothing."""

    def __init__(self, name: str, folder: str | None) -> None:
        self._path = Path(folder, os.path.basename(name) + ".json") if folder else None
        self._next = 0.0

    def __call__(self, **numbers: int) -> None:
        """Say what is done so far."""
        if self._path is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.5
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(numbers))
        except OSError:
            self._path = None

    def end(self) -> None:
        """The task is done: its result counts from here on."""
        if self._path:
            self._path.unlink(missing_ok=True)


def clear(folder: str) -> None:
    """Forget tasks of an earlier stage, or of a run that was killed: none of them runs any more."""
    for path in Path(folder).glob("*.json"):
        path.unlink(missing_ok=True)


def read(folder: str) -> dict[str, int]:
    """The sum over the running tasks."""
    total: dict[str, int] = {}
    for path in Path(folder).glob("*.json"):
        try:
            numbers: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):  # just being written, or gone
            continue
        for name, value in numbers.items():
            total[name] = total.get(name, 0) + int(value)
    return total
