"""Filters: pure functions on one document. There is no registry; a recipe names a class by its dotted name."""

from filters.base import Decision, Document, LineStep, Step, drop, keep

__all__ = ["Decision", "Document", "LineStep", "Step", "drop", "keep"]
