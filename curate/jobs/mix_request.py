"""From the words of the command line to a mixture: shared by `curate mix` and `jobs/mix.py`."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from curate.console.terminal import notes
from curate.errors import UsageError, nearest
from curate.jobs import mix
from curate.mixing import counts, decontaminate, mixture, sources, tables, units
from curate.mixing.plan import Plan
from curate.mixing.request import Request
from curate.report import mixture_card
from curate.tokens import tokenizer


def run(
    *, plan_only: bool, as_json: bool, output: str | None, resume: bool, quiet: bool, options: Mapping[str, Any]
) -> None:
    """Plan or build, and print the table (or JSON) to stdout; warnings go to stderr."""
    from curate.console.progress import Progress
    from curate.engine.session import session
    from curate.run.start import command_line, tell_notes

    if not plan_only and not output:
        raise UsageError("give --output DIR, or --plan to see the table only")
    order = request(options)
    with (
        Progress(quiet=quiet) as watcher,
        session("curate mix", *(options[key] for key in ("engine", "master", "cores", "private"))) as engine,
    ):
        tell_notes(engine, watcher)
        if plan_only:
            planned = mix.plan(order, engine.run)
        else:
            work = mix.Build(order, str(output), command_line(sys.argv), watcher)
            ledger = mix.build(engine, work, resume=resume)
    if plan_only:
        show_plan(planned, as_json)
        mix.check(order, planned)
    else:
        show_ledger(ledger, as_json)


def request(options: Mapping[str, Any]) -> Request:
    """What was asked for, from the options by name. Raises UsageError, RecipeError, InputError."""
    unit, budget = _budget(options)
    names = source_paths(options["sources"])
    texts, ids = (_columns(options[key], names, key) for key in ("text_column", "id_column"))
    stated = mixture.load(options["weights"])
    settled = mixture.settle(stated, names, normalise=options["normalise"], drop=options["drop_missing"])
    used = [name for name in names if settled.baseline or name in settled.weights]
    found = [sources.find(name, names[name], texts.get(name, ""), ids.get(name, "")) for name in used]
    notes([note for source in found for note in source.notes])
    needs = unit == "tokens" or options["tokenizer"] or options.get("tokenize")
    return Request(
        mixture=settled,
        sources=tuple(found),
        tokenizer=tokenizer.find(options["tokenizer"]) if needs else None,
        counts=options.get("counts") or counts.cache_folder(),
        unit=unit,
        budget=budget,
        seed=options["seed"],
        max_epochs=options["max_epochs"],
        held_out=options["held_out"],
        tasks=_tasks(options),
        ngram=options["ngram"],
        tokenize=bool(options.get("tokenize")),
        shards=options.get("shards"),
    )


def _budget(options: Mapping[str, Any]) -> tuple[str, int | None]:
    given = [
        (unit, options[key]) for unit, key in (("tokens", "tokens"), ("bytes", "size"), ("documents", "documents"))
    ]
    given = [(unit, text) for unit, text in given if text is not None]
    if len(given) > 1:
        raise UsageError("give one of --tokens, --bytes and --documents")
    if not given:
        return options["unit"] or "tokens", None
    unit, text = given[0]
    if options["unit"] not in (None, unit):
        raise UsageError(f"--{unit} says that weights are shares of {unit}, --unit says {options['unit']}")
    return unit, units.parse(text, f"--{unit}")


def source_paths(texts: Sequence[str]) -> dict[str, str]:
    """Path of each source by name, from NAME=PATH. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise UsageError(f"--source {text}: write NAME=PATH")
        mixture.check_name(name, "--source")
        if name in found:
            raise UsageError(f"--source {name} is given twice; a glob pattern can name several folders")
        found[name] = path
    return found


def _columns(texts: Sequence[str], names: Mapping[str, str], option: str) -> dict[str, str]:
    """Column by source, from COLUMN (for all) and SOURCE=COLUMN."""
    found: dict[str, str] = {}
    for text in sorted(texts, key=lambda one: "=" in one):
        source, equals, column = text.rpartition("=")
        if not equals:
            found.update(dict.fromkeys(names, column))
        elif source in names:
            found[source] = column
        else:
            raise UsageError(f"--{option.replace('_', '-')} {text}: no source {source!r}{nearest(source, names)}")
    return found


def _tasks(options: Mapping[str, Any]) -> tuple[str, ...]:
    if options["no_decontaminate"]:
        if options["tasks"]:
            raise UsageError("--decontaminate and --no-decontaminate contradict each other")
        return ()
    return tuple(options["tasks"]) or tuple(decontaminate.bundled())


def show_plan(planned: Plan, as_json: bool) -> None:
    """The table of a plan on stdout, what to know on stderr."""
    if as_json:
        print(json.dumps(tables.plan_json(planned), indent=1))
    else:
        tables.show(tables.plan_table(planned))
    _say([tables.rule_of_thumb(planned), *(f"note: {one}" for one in tables.warnings(planned))])


def show_ledger(ledger: Mapping[str, Any], as_json: bool) -> None:
    """What was written, on stdout; what to know on stderr."""
    if as_json:
        print(json.dumps(ledger, indent=1))
    else:
        tables.show(mixture_card.ledger_table(ledger))
    _say([ledger["rule_of_thumb"], *(f"note: {one}" for one in ledger["warnings"])])


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        if line:
            print(line, file=sys.stderr)
