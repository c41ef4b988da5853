"""Filters: pure functions on one document. There is no registry; a recipe names a class by its dotted name."""

from pathlib import Path

if __name__ != "curate.filters":
    raise ModuleNotFoundError(
        f"write curate.filters: the folder filters/ has that name, not {__name__!r}", name=__name__
    )

from curate.filters.base import Decision, Document, LineStep, Step, drop, keep
from curate.filters.caching import choose_folder

__all__ = ["Decision", "Document", "LineStep", "Step", "drop", "keep"]

choose_folder(Path(__file__).parent)  # here, because it must come before any module of ours imports numba
