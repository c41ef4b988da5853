"""The report of a mixture as one HTML page: target and actual shares, where records went, sizes of tokens, samples. No
script."""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files

from curate.console.terminal import duration, number
from curate.corpus.shards import read_batches
from curate.files import storage
from curate.mixing.job import MixJob
from curate.mixing.ledger import rates
from curate.mixing.plan import Plan
from curate.mixing.units import percent, short, short_bytes
from curate.report import mixture_card
from curate.report.charts import bar, text
from curate.report.page import headings, section
from curate.run.ledger import Ledger

SAMPLES, SAMPLE_LENGTH = 3, 700
FATES = (("kept", "drawn"), ("not_drawn", "not drawn"), ("held_out", "held out"), ("contaminated", "contaminated"))


def finish_mixture(job: MixJob, ledger: Ledger) -> None:
    """The last work of a mixture before it gets its name: `manifest.json`, `README.md` and `report.html`."""
    assert job.planned is not None  # it was built
    parts = [job.path(*part["file"].split("/")) for part in ledger["data"] if part["file"].startswith("data/")]
    storage.write_text(job.path("manifest.json"), json.dumps({"files": ledger["data"]}, indent=1) + "\n")
    storage.write_text(job.path("README.md"), mixture_card.text(job.request, job.planned, ledger))
    storage.write_text(job.path("report.html"), page(job.planned, ledger, parts))


def page(plan: Plan, ledger: Ledger, parts: Sequence[str]) -> str:
    """The whole page; `parts` are the files of the mixture, of which the first give the samples."""
    style = files("curate.report").joinpath("style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    name = text(ledger["mixture"]["name"])
    body = [_head(ledger), _shares(ledger), _table(ledger), _records(ledger), _tokens(plan, ledger), _notes(ledger)]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Mixture report: {name}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join([*body, _samples(ledger, parts), _work(ledger)])}\n<footer>Written by curate "
        f"{text(ledger['curate'])}. Texts shown here belong to their authors.</footer>\n</main>\n</body>\n</html>\n"
    )


def _head(ledger: Ledger) -> str:
    written = [one["written"] for one in ledger["sources"]]
    unit = "rows" if ledger["unit"] == "documents" else ledger["unit"]
    drawn = sum(one[unit] for one in written)
    figures = [
        (short(drawn), f"{ledger['unit']} drawn"),
        (short(ledger["budget"]), f"{ledger['unit']} asked for"),
        (number(ledger["rows"]), "rows written"),
        (number(ledger["kept"]), "different documents"),
        (short_bytes(sum(one["bytes"] for one in written)), "of text"),
        (str(ledger["seed"]), "seed"),
    ]
    cards = "".join(
        f'<div class="figure"><b>{text(value)}</b><span>{text(what)}</span></div>' for value, what in figures
    )
    return (
        f"<header>\n<h1>Mixture report: {text(ledger['mixture']['name'])}</h1>\n"
        f'<p class="soft">{text(ledger.get("command") or "")}</p>\n'
        f'<p class="soft">{text(ledger["mixture"]["reference"])}</p>\n<div class="figures">{cards}</div>\n</header>\n'
    )


def _shares(ledger: Ledger) -> str:
    most = max([one[key] for one in ledger["sources"] for key in ("weight", "share")], default=1.0)
    rows = "".join(
        f'<tr><td class="name">{text(one["source"])}</td><td class="bar">{bar([(one["weight"], "records")], most)}'
        f'{bar([(one["share"], "kept")], most)}</td><td class="n">{percent(one["weight"])}</td>'
        f'<td class="n">{percent(one["share"])}</td><td class="n">{one["epochs"]:.3g}</td></tr>'
        for one in ledger["sources"]
    )
    head = headings("source", "", "#target", "#actual", "#epochs")
    legend = "<p>The upper bar is the target share, the lower one the actual share.</p>"
    return section("Target and actual shares", "shares", legend, f"<table>{head}{rows}</table>")


def _table(ledger: Ledger) -> str:
    head, *rows = mixture_card.ledger_table(ledger)
    return section("Counted from the files", "counted", _plain(head, rows))


def _plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = (
        f"<td>{text(name)}</td>" + "".join(f'<td class="n">{text(cell)}</td>' for cell in rest) for name, *rest in rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f'<div class="wide"><table>{headings(head[0], *(f"#{name}" for name in head[1:]))}{body}</table></div>'


def _records(ledger: Ledger) -> str:
    fates = {"kept": ledger["kept"], **ledger["rejected"]}
    rows = [(label, fates[key]) for key, label in FATES if fates.get(key)]
    rows += [(f"skipped: {kind}", count) for kind, count in ledger["skipped"].items()]
    body = "".join(
        f'<tr><td class="name">{text(label)}</td><td class="bar">{bar([(count, "records")], ledger["records"])}</td>'
        f'<td class="n">{number(count)}</td></tr>'
        for label, count in rows
    )
    total = f"<p>{number(ledger['records'])} records were read; each is in one line.</p>"
    return section("Where records went", "records", total, f"<table>{headings('', '', '#records')}{body}</table>")


def _tokens(plan: Plan, ledger: Ledger) -> str:
    if not ledger["rule_of_thumb"]:
        return ""
    rows = []
    for draw in plan.draws:
        size = rates([draw.stock])
        if size:
            figures = (size.characters_per_token, size.words_per_token, size.bytes_per_token)
            rows.append([draw.source, *(f"{figure:.2f}" for figure in figures)])
    head = ["source", "characters a token", "words a token", "bytes a token"]
    return section("Size of a token", "tokens", f"<p>{text(ledger['rule_of_thumb'])}</p>", _plain(head, rows))


def _notes(ledger: Ledger) -> str:
    if not ledger["warnings"]:
        return ""
    lines = "".join(f"<li>{text(line)}</li>" for line in ledger["warnings"])
    return section("What to know", "notes", f"<ul>{lines}</ul>")


def _samples(ledger: Ledger, parts: Sequence[str]) -> str:
    """The first documents of each source in the order of the shuffle: a random sample."""
    found: dict[str, list[str]] = {one["source"]: [] for one in ledger["sources"]}
    for path in parts[:1]:
        for batch in read_batches(path, ["source", "text"], rows=256):
            for name, document in zip(batch["source"].to_pylist(), batch["text"].to_pylist(), strict=True):
                if len(found[name]) < SAMPLES:
                    found[name].append(document[:SAMPLE_LENGTH] + (" …" if len(document) > SAMPLE_LENGTH else ""))
            if all(len(texts) == SAMPLES for texts in found.values()):
                break
    shown = "".join(
        f"<h3>{text(name)}</h3>{''.join(f'<pre>{text(document)}</pre>' for document in texts)}"
        for name, texts in found.items()
        if texts
    )
    return section("Samples", "samples", shown)


def _work(ledger: Ledger) -> str:
    longest = max((stage["seconds"] for stage in ledger["stages"]), default=0.0)
    body = "".join(
        f'<tr><td class="name">{text(stage["name"])}</td><td class="bar">'
        f'{bar([(stage["seconds"], "records")], longest)}</td><td class="n">{duration(stage["seconds"])}</td></tr>'
        for stage in ledger["stages"]
    )
    return section("Work", "work", f"<table>{headings('stage', '', '#time')}{body}</table>")
