"""From raw web crawls to pretraining corpora, and a probe that says which corpus is better.

    import curate

    curate.clean("crawl/*.warc.gz", "corpus/", recipe="c4")   # the ledger, as a table
    curate.extract(html, url="https://…")                     # the text of a page
    curate.apply("gopher", frame["text"])                     # kept, reason, value, text
    dataset.map(curate.filter("fineweb"), batched=True)
    curate.dedup(…), curate.mix(…), curate.probe(…).verdict

Nothing is loaded before it is used. See docs/python.md.
"""

import importlib
from typing import TYPE_CHECKING

import curate.filters  # noqa: F401  (chooses where compiled code is kept)

if TYPE_CHECKING:
    from curate.api.frames import apply
    from curate.api.jobs import Probe, clean, dedup, mix, probe, sample_crawl
    from curate.api.ledger import Ledger
    from curate.api.page import extract
    from curate.api.verdicts import Filter, Verdict, filter
    from curate.errors import CurateError

__version__ = "0.1.0"

_LAZY = {
    "apply": "curate.api.frames",
    "clean": "curate.api.jobs",
    "extract": "curate.api.page",
    "filter": "curate.api.verdicts",
    "mix": "curate.api.jobs",
    "probe": "curate.api.jobs",
    "sample_crawl": "curate.api.jobs",
    "CurateError": "curate.errors",
    "Filter": "curate.api.verdicts",
    "Ledger": "curate.api.ledger",
    "Probe": "curate.api.jobs",
    "Verdict": "curate.api.verdicts",
}
"""Name -> module that has it."""

__all__ = [
    "CurateError",
    "Filter",
    "Ledger",
    "Probe",
    "Verdict",
    "apply",
    "clean",
    "dedup",
    "extract",
    "filter",
    "mix",
    "probe",
    "sample_crawl",
]


if not TYPE_CHECKING:  # a type checker knows the names from above, and no others

    def __getattr__(name: str):
        if name == "dedup":  # the package of that name can be called
            return importlib.import_module("curate.dedup")
        if name not in _LAZY:
            raise AttributeError(f"module 'curate' has no attribute {name!r}")
        found = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
