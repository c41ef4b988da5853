"""The code job as one function, and its list of what was used."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc

from curate.code.source import code_source
from curate.corpus.recipe import load
from curate.corpus.shards import read_batches
from curate.files import storage
from curate.run.job import Job
from curate.run.start import EngineOptions, run_job


def clean_code(
    inputs: Sequence[str],
    output: str,
    engine: EngineOptions,
    *,
    recipe: str = "code",
    licenses: str | None = None,
    keep_rejected: bool = False,
    command: str = "",
) -> dict[str, Any]:
    """Repositories and archives to a corpus of code; returns the ledger. Raises CurateError for what a person can mend."""
    from curate.report.write import finish_report

    steps = {"AllowedLicense": {"allow": licenses}} if licenses else None
    job = Job(
        name="code",
        source=code_source(inputs),
        recipe=load(recipe, None, steps),
        output=output.rstrip("/"),
        command=command,
        keep_rejected=keep_rejected,
        finishers=(attribution, finish_report),
    )
    return run_job(job, engine)


def attribution(job: Job, ledger: dict[str, Any]) -> None:
    """Write `LICENSES.csv`: repository, licence, files and bytes of what was kept."""
    files, sizes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for part in ledger["data"]:
        for batch in read_batches(job.path(*part["file"].split("/")), ["repo", "license", "text"]):
            lengths = pc.fill_null(pc.binary_length(batch["text"]), 0).to_pylist()
            for repo, licence, size in zip(
                batch["repo"].to_pylist(), batch["license"].to_pylist(), lengths, strict=True
            ):
                files[repo, licence] += 1
                sizes[repo, licence] += size
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["repository", "license", "files", "bytes"])
    for (repo, licence), count in sorted(files.items()):
        writer.writerow([_cell(repo), _cell(licence), count, sizes[repo, licence]])
    storage.write_text(job.path("LICENSES.csv"), out.getvalue())


def _cell(text: str) -> str:
    """A name from an archive as a cell: a spreadsheet must not take it for a formula."""
    return "'" + text if text[:1] in "=+-@\t\r" else text
