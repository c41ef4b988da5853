"""Corpus-wide steps: whatever needs two documents.

In a recipe: `use = "curate.dedup.Urls"` (and `Exact`, `Lines`, `Spans`, `MinHash`).
"""

from curate.dedup.base import LOST, CorpusStep, Lost, doc64
from curate.dedup.exact import Exact
from curate.dedup.lines import Lines
from curate.dedup.minhash import MinHash
from curate.dedup.spans import Spans
from curate.dedup.urls import Urls

__all__ = ["LOST", "CorpusStep", "Exact", "Lines", "Lost", "MinHash", "Spans", "Urls", "doc64"]
