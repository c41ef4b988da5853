"""The code job as one function, and its list of what was used."""

import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc

from curate.code.source import code_source
from curate.console.terminal import command_line
from curate.corpus.recipe import load
from curate.corpus.shards import read_batches
from curate.engine.session import EngineOptions
from curate.files import storage
from curate.run.ledger import Ledger
from curate.run.pipeline import CorpusJob
from curate.run.runner import run_job


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate code`."""

    inputs: Sequence[str]
    output: str
    recipe: str = "code"
    licenses: str | None = None
    """A list of licences by name, or a file of them; None: what the recipe says."""
    keep_rejected: bool = False
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def clean_code(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Repositories and archives to a corpus of code; returns the ledger. Raises CurateError for what a person can mend."""
    from curate.report.write import finish_report

    steps = {"AllowedLicense": {"allow": options.licenses}} if options.licenses else None
    job = CorpusJob(
        name="code",
        source=code_source(options.inputs),
        recipe=load(options.recipe, None, steps),
        output=options.output.rstrip("/"),
        command=command_line(options.command),
        keep_rejected=options.keep_rejected,
        finishers=(attribution, finish_report),
    )
    return run_job(job, engine)


def attribution(job: CorpusJob, ledger: Ledger) -> None:
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
