"""Corpus-wide steps: whatever needs two documents.

In a recipe: `use = "curate.dedup.Urls"` (and `Exact`, `Lines`, `Spans`, `Substrings`, `MinHash`). As a function it is the command:
`curate.dedup("corpus/", "deduped/")`, see `curate.api.jobs.dedup`.
"""

import importlib
import sys
from types import ModuleType

from curate.dedup.base import REMOVALS, CorpusStep, Removal, doc64
from curate.dedup.exact import Exact
from curate.dedup.lines import Lines
from curate.dedup.minhash import MinHash
from curate.dedup.spans import Spans
from curate.dedup.substrings import Substrings
from curate.dedup.urls import Urls

__all__ = ["REMOVALS", "CorpusStep", "Exact", "Lines", "MinHash", "Removal", "Spans", "Substrings", "Urls", "doc64"]


class _Command(ModuleType):
    """This package, which can be called: its name is the command's as well."""

    def __call__(self, *arguments: object, **options: object) -> object:
        return importlib.import_module("curate.api.jobs").dedup(*arguments, **options)


sys.modules[__name__].__class__ = _Command
