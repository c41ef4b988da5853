"""The commands that write a folder, as functions: the same options by the same names, a ledger for an answer."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.api import ledger as ledgers
from curate.api.ledger import Facts, Ledger
from curate.api.told import housed, told
from curate.engine.session import EngineOptions
from curate.errors import UsageError, refuse_empty

Name = str | os.PathLike[str]
"""A path, a pattern or an address."""


@told
@housed
def clean(
    inputs: Name | Sequence[Name],
    output: Name,
    recipe: Name = "c4",
    *,
    extractor: str | None = None,
    bad_words: str | None = None,
    urls: str | None = None,
    metadata: str | None = None,
    block_list: Sequence[Name] = (),
    opt_outs: str = "count",
    robots: Sequence[Name] = (),
    source: str | None = None,
    base: str | None = None,
    split_mb: int = 0,
    text_column: str = "",
    id_column: str = "",
    keep_rejected: bool = False,
    drop_extracted: bool = False,
    engine: str | None = None,
    master: str | None = None,
    cores: int | None = None,
    memory: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    private: bool = False,
) -> Ledger:
    """Crawl files, or a corpus that exists, to a clean corpus in the folder `output`: `curate clean` with its options.

    Raises CurateError, with what the command line would say.
    """
    from curate.jobs.clean import Options
    from curate.jobs.clean import clean as run

    given: dict[str, Any] = {
        "extractor": extractor,
        "bad_words": bad_words,
        "urls": urls,
        "metadata": metadata,
        "opt_outs": opt_outs,
        "robots": [str(path) for path in robots],
        "source": source,
        "base": base,
        "text_column": text_column,
        "id_column": id_column,
        "keep_rejected": keep_rejected,
    }
    names, recipe, lists = _names(inputs), str(recipe), [str(path) for path in block_list]
    words = ("clean", {"input": names, "output": str(output), "recipe": recipe, **given})
    words[1].update(
        split_mb=split_mb,
        drop_extracted=drop_extracted,
        block_list=lists,
        opt_outs=opt_outs if opt_outs != "count" else "",
    )
    options = Options(
        names,
        str(output),
        recipe,
        **given,
        block_lists=lists,
        split_bytes=split_mb << 20,
        keep_extracted=not drop_extracted,
        command=command(*words),
    )
    facts = run(options, _engine(engine, master, cores, memory, resume, quiet, private))
    return Ledger(facts, options.output.rstrip("/"), ledgers.funnel(facts))


@told
@housed
def dedup(
    corpus: Name,
    output: Name,
    method: str = "minhash",
    *,
    text_column: str = "",
    id_column: str = "",
    keep_rejected: bool = False,
    engine: str | None = None,
    master: str | None = None,
    cores: int | None = None,
    memory: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    private: bool = False,
    **parameters: object,
) -> Ledger:
    """A corpus without its duplicates, in the folder `output`: `curate dedup`.

    `method` is minhash, exact, spans, lines or url; `parameters` are those of the method by the names of the command's
    options (threshold, ngram, bands, rows, index …). Raises CurateError.
    """
    from curate.errors import nearest
    from curate.jobs.dedup import STEPS, Options, deduplicate

    refuse_empty(str(corpus))
    if method not in STEPS:
        raise UsageError(f"no method {method!r}{nearest(method, STEPS)}")
    asked = {"output": str(output), "method": method, "text_column": text_column, "id_column": id_column}
    words = command("dedup", {**asked, "keep_rejected": keep_rejected, **parameters}, str(corpus))
    options = Options(
        str(corpus), parameters=dict(parameters), keep_rejected=keep_rejected, command=words, **asked
    )  # fmt: skip
    facts = deduplicate(options, _engine(engine, master, cores, memory, resume, quiet, private))
    return Ledger(facts, options.output.rstrip("/"), ledgers.funnel(facts))


@told
@housed
def mix(
    weights: str | Mapping[str, float] | Name,
    sources: Mapping[str, Name],
    output: Name,
    *,
    tokens: int | str | None = None,
    size: int | str | None = None,
    documents: int | str | None = None,
    unit: str | None = None,
    normalise: bool = False,
    drop_missing: bool = False,
    max_epochs: float | None = None,
    held_out: float | None = None,
    seed: int = 0,
    tokenizer: str | None = None,
    tokenize: bool = False,
    format: str | None = None,
    sequence_length: int | None = None,
    tasks: Sequence[str] = (),
    common: int | None = None,
    report_only: bool = False,
    no_decontaminate: bool = False,
    text_column: Sequence[str] = (),
    id_column: Sequence[str] = (),
    repeat_by: str | None = None,
    shards: int | None = None,
    counts: str | None = None,
    engine: str | None = None,
    master: str | None = None,
    cores: int | None = None,
    memory: str | None = None,
    resume: bool = False,
    quiet: bool = False,
    private: bool = False,
) -> Ledger:
    """Corpora blended by weight, in the folder `output`: `curate mix`.

    `weights` is a published mixture's name, a file, or weights by source; `sources` are folders by name. One of `tokens`,
    `size` (bytes) and `documents` is the budget ("2B", 50_000). Raises CurateError.
    """
    from curate.jobs.mix import Options
    from curate.jobs.mix import mix as run
    from curate.report.mixture_card import ledger_table

    for path in sources.values():
        refuse_empty(str(path))
    named = isinstance(weights, Mapping)
    stated = ",".join(f"{name}={weight:g}" for name, weight in weights.items()) if named else str(weights)  # type: ignore[union-attr]
    given: dict[str, Any] = {
        "tokens": None if tokens is None else str(tokens),
        "size": None if size is None else str(size),
        "documents": None if documents is None else str(documents),
        "unit": unit,
        "normalise": normalise,
        "drop_missing": drop_missing,
        "seed": seed,
        "tokenizer": tokenizer,
        "tokenize": tokenize,
        "format": format,
        "sequence_length": sequence_length,
        "report_only": report_only,
        "no_decontaminate": no_decontaminate,
        "text_column": tuple(text_column),
        "id_column": tuple(id_column),
        "repeat_by": repeat_by,
        "shards": shards,
        "counts": counts,
        **({} if common is None else {"common": common}),
        **({} if max_epochs is None else {"max_epochs": max_epochs}),
        **({} if held_out is None else {"held_out": held_out}),
    }
    listed = tuple(f"{name}={path}" for name, path in sources.items())
    said = {**{"bytes" if name == "size" else name: value for name, value in given.items()}, "decontaminate": tasks}
    words = command("mix", {"weights": stated, "source": listed, "output": str(output), **said})
    options = Options(stated, listed, str(output), tasks=tuple(tasks), command=words, **given)
    facts = run(options, _engine(engine, master, cores, memory, resume, quiet, private))
    return Ledger(facts, str(output).rstrip("/"), ledger_table(facts))


@told
@housed
def sample_crawl(folder: Name) -> list[str]:
    """Write the embedded sample crawl (three WARC files and a WET file) into `folder`; the paths of the files."""
    from curate.sample.crawl import write

    return [str(path) for path in write(Path(folder))]


class Probe(Facts):
    """What small models that were trained say: all figures of `verdict.json` as a mapping, and the verdict in words."""

    @property
    def verdict(self) -> str:
        """Which corpus is better, or that it can't be told: a line for each pair."""
        return "\n".join(f"{pair['a']} - {pair['b']}: {pair['verdict']}" for pair in self._facts["pairs"])

    def __repr__(self) -> str:
        return str(self._facts["text"])

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(repr(self))}</pre>"


@told
@housed
def probe(
    mixtures: Mapping[str, Name] | Sequence[Name],
    output: Name,
    *,
    preset: str = "20m",
    tokens: int | str | None = None,
    seeds: int = 3,
    held_out: str = "",
    tokenizer: str = "",
    tasks: Sequence[str] | None = None,
    device: str = "auto",
    minutes: float = 0.0,
    quiet: bool = False,
) -> Probe:
    """Train a small model on each mixture with each seed and say which is better: `curate probe-train`.

    `mixtures` are folders, by name or by their own names. `tasks` None: the bundled ones; []: held-out text alone. Finished
    runs in `output` are kept; the same call goes on. Raises UsageError for what the command line would refuse.
    """
    import sys

    try:
        import torch  # noqa: F401
    except ImportError:
        raise UsageError("the probe needs torch: pip install 'curate-corpora[probe]'") from None
    from train_probe import experiment, request
    from train_probe import tasks as bundled
    from train_probe.config import parse
    from train_probe.errors import ProbeError

    def log(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    folders = [f"{name}={path}" for name, path in mixtures.items()] if isinstance(mixtures, Mapping) else mixtures
    try:
        asked = request.Request(
            mixtures=request.named([str(folder) for folder in folders]),
            preset=preset,
            tokens=int(parse(str(tokens), 2.0**62)) if tokens else 0,
            seeds=seeds,
            held_out=held_out,
            tokenizer=tokenizer,
            tasks=bundled.bundled() if tasks is None else list(tasks),
        )
        compared = experiment.conduct(asked, Path(output), request.RunConfig(device=device, minutes=minutes), log)
        return Probe(compared or {"text": "", "pairs": []}, str(output))  # one process of several prints
    except ProbeError as error:
        raise UsageError(str(error)) from error


def _engine(
    engine: str | None, master: str | None, cores: int | None, memory: str | None, *flags: bool
) -> EngineOptions:
    """Where a job runs; `memory` as text ("2G"), flags resume, quiet, private. Raises UsageError for an amount that is none."""
    from curate.engine.memory import size

    resume, quiet, private = flags
    most = size(memory) if memory else None
    return EngineOptions(engine, master, cores, resume=resume, quiet=quiet, private=private, memory=most)


def _names(inputs: Name | Sequence[Name]) -> tuple[str, ...]:
    names = (str(inputs),) if isinstance(inputs, str | os.PathLike) else tuple(map(str, inputs))
    for name in names:
        refuse_empty(name)
    return names


def command(name: str, options: Mapping[str, object], *arguments: str) -> tuple[str, ...]:
    """The words of the command line that does the same; what has its default (None, "", False, 0, ()) is not said."""
    words = ["curate", name, *arguments]
    for key, value in options.items():
        option = f"--{key.replace('_', '-')}"
        values = value if isinstance(value, tuple | list) else (value,)
        for one in values:
            if one is True:
                words.append(option)
            elif one not in (None, "", False, 0):
                words += [option, str(one)]
    return tuple(words)
