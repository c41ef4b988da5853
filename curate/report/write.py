"""The report of a job: one self-contained `report.html`, and the dataset card next to it."""

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, cast

from curate.corpus.recipe import Recipe, parse
from curate.engine import children
from curate.files import storage

if TYPE_CHECKING:
    from curate.report.gather import ReportData
    from curate.run.ledger import Ledger
    from curate.run.pipeline import CorpusJob

PACKAGES = (
    "curate-corpora",
    "pyarrow",
    "trafilatura",
    "resiliparse",
    "fasttext-community",
    "pysail",
    "pyspark",
    "pyspark-client",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a corpus."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # not installed, or the code runs from an archive
            continue
    return found


def write_report(ledger: "Ledger", rows: "ReportData", path: str, recipe: Recipe | None = None) -> None:
    """Write the report of `ledger` and `rows` (see `gather`) to `path`, atomically."""
    from curate.report.page import page

    storage.write_text(path, page(ledger, rows, recipe, versions()))


def finish_report(job: "CorpusJob", ledger: "Ledger") -> None:
    """The last work of a job before its corpus gets its name: `report.html` and `README.md`."""
    children.call(run, ReportTask(job.work, job.recipe.text, job.recipe.name, dict(ledger)))


@dataclass(frozen=True, slots=True)
class ReportTask:
    """A corpus, its recipe and its ledger."""

    corpus: str
    recipe: str
    """Its text."""
    where: str
    """Its name in messages."""
    ledger: dict[str, Any]


def run(task: ReportTask) -> None:
    """Task: write both files of `corpus`. In a child, as it runs the recipe on crawled texts, and its models are loaded there."""
    from curate.report.card import card
    from curate.report.gather import gather

    recipe = parse(task.recipe, task.where)
    rows = gather(task.corpus, recipe)
    ledger = cast("Ledger", task.ledger)
    write_report(ledger, rows, storage.join(task.corpus, "report.html"), recipe)
    storage.write_text(storage.join(task.corpus, "README.md"), card(ledger, rows, recipe, versions()))
