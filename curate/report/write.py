"""What a job writes last beside its corpus: one self-contained `report.html`, the dataset card, the links of its pages."""

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import schema
from curate.corpus.recipe import Recipe, parse
from curate.corpus.shards import read_batches
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

LINKS = "links"
LINK_ROWS = pa.schema(
    [
        pa.field("url", pa.string()),
        pa.field("reference", pa.bool_()),  # from a footnote
        pa.field("page", pa.string()),  # id of the document
        pa.field("title", pa.string()),
    ]
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


def finish_links(job: "CorpusJob", ledger: "Ledger") -> None:
    """A finisher: write `links/`, a file a shard of `data/`, for corpora with a column `links`: who trains on pages that an
    encyclopedia refers to (LLaMA's reference classifier) needs their addresses."""
    if LINKS not in schema.DOCUMENTS[job.source.kind].names:
        return
    for part in ledger["data"]:
        name = part["file"].removeprefix("data/")
        with (
            storage.atomic(job.path("links", *name.split("/"))) as path,
            pq.ParquetWriter(path, LINK_ROWS, compression="zstd", write_statistics=False) as writer,
        ):
            for batch in read_batches(job.path(part["file"]), ["id", "title", LINKS]):
                writer.write_table(_outbound(batch))


def _outbound(batch: pa.RecordBatch) -> pa.Table:
    """A row a link, in the order of the documents and of the links in them."""
    links = batch[LINKS]
    owners, flat = pc.list_parent_indices(links), pc.list_flatten(links)
    columns = [flat.field("url"), flat.field("reference"), batch["id"].take(owners), batch["title"].take(owners)]
    return pa.Table.from_arrays(columns, schema=LINK_ROWS)
