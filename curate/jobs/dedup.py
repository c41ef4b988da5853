"""`curate dedup` as one function: a corpus in, the corpus without its duplicates out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from curate.console.terminal import command_line, notes
from curate.corpus.recipe import Recipe, parse, to_toml
from curate.engine.session import EngineOptions
from curate.errors import UsageError
from curate.read.corpora import corpus_source
from curate.run.ledger import Ledger
from curate.run.pipeline import CorpusJob
from curate.run.runner import run_job

STEPS = {
    "minhash": "MinHash",
    "exact": "Exact",
    "spans": "Spans",
    "lines": "Lines",
    "url": "Urls",
    "substring": "Substrings",
}
"""`--method` and the step it stands for."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate dedup`."""

    corpus: str
    output: str
    method: str = "minhash"
    parameters: dict[str, Any] = field(default_factory=dict)
    """Parameters of the step that were given; the others have its defaults."""
    keep_rejected: bool = False
    text_column: str = ""
    """Column of the texts, where it has no usual name."""
    id_column: str = ""
    """Column of the ids, likewise."""
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def recipe_of(method: str, parameters: dict[str, object]) -> Recipe:
    """The recipe of one corpus-wide step. Raises UsageError for a parameter that the method does not have."""
    import dataclasses

    import curate.dedup as steps

    kind = getattr(steps, STEPS[method])
    known = {found.name for found in dataclasses.fields(kind)}
    for name in parameters:
        if name not in known:
            raise UsageError(f"--{name.replace('_', '-')} means nothing to --method {method}")
    step = {"use": f"curate.dedup.{STEPS[method]}", **parameters}
    return parse(to_toml({"name": f"dedup-{method}", "step": [step]}), f"--method {method}")


def deduplicate(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""
    from curate.report.write import finish_report

    recipe = recipe_of(options.method, options.parameters)
    # Its files are found here; the job's first stage reads them, a task each.
    source = corpus_source(options.corpus, text=options.text_column, ident=options.id_column)
    notes(source.notes)
    job = CorpusJob(
        name="dedup",
        source=source,
        recipe=recipe,
        output=options.output.rstrip("/"),
        command=command_line(options.command),
        keep_rejected=options.keep_rejected,
        keep_extracted=False,
        finishers=(finish_report,),
    )
    return run_job(job, engine)
