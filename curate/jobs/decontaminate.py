"""`curate decontaminate` as one function: a corpus in, the corpus without evaluation tasks out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from curate.console.terminal import command_line, notes
from curate.corpus.recipe import parse, to_toml
from curate.engine.session import EngineOptions
from curate.mixing import decontam_items
from curate.read.corpora import corpus_source
from curate.run.ledger import Ledger
from curate.run.pipeline import CorpusJob
from curate.run.runner import run_job


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate decontaminate`."""

    corpus: str
    output: str
    parameters: dict[str, Any] = field(default_factory=dict)
    """Parameters of the step that were given; the others have its defaults."""
    keep_rejected: bool = False
    text_column: str = ""
    id_column: str = ""
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def decontaminate(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""
    from curate.report.write import finish_report

    step = {"use": "curate.mixing.decontam_step.Decontaminate", **options.parameters}
    recipe = parse(to_toml({"name": "decontaminate", "step": [step]}), "curate decontaminate")
    (found,) = recipe.steps
    found.prepare()
    source = corpus_source(options.corpus, text=options.text_column, ident=options.id_column)
    notes([*decontam_items.notes(options.parameters.get("tasks", ())), *source.notes])
    job = CorpusJob(
        name="decontaminate",
        source=source,
        recipe=recipe,
        output=options.output.rstrip("/"),
        command=command_line(options.command),
        keep_rejected=options.keep_rejected,
        keep_extracted=False,
        finishers=(finish_report,),
    )
    return run_job(job, engine)
