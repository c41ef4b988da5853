"""What a person names as input, as a list of files that can be opened anywhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a crawl."""

    path: str
    size: int
    kind: str
    compression: str = "none"


def open_input(path: str) -> BinaryIO:
    """Open for random access."""
    return Path(path).open("rb", buffering=0)
