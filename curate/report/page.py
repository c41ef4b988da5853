"""The report as one HTML page: no script, nothing from outside, a policy that forbids both."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files

from curate.console.terminal import FunnelRow, duration, funnel_rows, number, one_line, opt_outs_line, share, size
from curate.corpus.recipe import Recipe
from curate.dedup.difference import Piece
from curate.report.charts import bar, bar_table, histogram, linked, short, text
from curate.report.gather import ReportData
from curate.report.languages import languages
from curate.report.measured import measured
from curate.report.samples import anchors_of, failures, samples
from curate.run.ledger import Account, Ledger, accounted

LISTED, LISTED_FILES = 20, 200


def page(ledger: Ledger, data: ReportData, recipe: Recipe | None, versions: Mapping[str, str]) -> str:
    """The whole page."""
    style = files("curate.report").joinpath("style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    name = ledger["recipe"]["name"]
    shown = anchors_of(data)
    sections = [
        _funnel(ledger, recipe, shown),
        _rules(ledger, shown),
        languages(ledger),
        _contents(ledger, data),
        measured(data, recipe),
        _duplicates(ledger),
        _worst(data),
        samples(data, int(ledger["kept"])),
        failures(data, sum(ledger["failed"].values())),
        _work(ledger),
        _recipe(ledger, recipe, versions),
    ]
    body = "".join(sections)
    anchors = re.findall(r'<section id="(\w+)"', body)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>Corpus report: {text(name)}</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n<main>\n{_head(ledger, anchors)}{body}\n"
        f"<footer>Written by curate {text(ledger['curate'])}. Texts shown here come from the crawl and belong to "
        "their authors. This page holds no script and loads nothing.</footer>\n</main>\n</body>\n</html>\n"
    )


def section(title: str, anchor: str, *parts: str) -> str:
    """A section with its heading."""
    return f'<section id="{anchor}">\n<h2>{text(title)}</h2>\n{"".join(parts)}\n</section>\n'


def _head(ledger: Ledger, anchors: Sequence[str]) -> str:
    """Title, figures, checks and links to the sections that there are."""
    records, kept = int(ledger["records"]), int(ledger["kept"])
    pages = records - sum(ledger["skipped"].values())
    kind = "files" if ledger.get("kind") == "code" else "pages"
    sizes = ledger["bytes"]
    figures = [
        (number(records), "records read", ""),
        (number(pages), f"of them {kind}", ""),
        (number(kept), "documents kept", "good"),
        (share(kept, pages), f"of the {kind}", ""),
        (size(sizes.get("text_kept", 0)), f"of text, from {size(sizes.get('text_extracted', 0))} extracted", ""),
        (
            duration(sum(stage.get("seconds", 0) for stage in ledger["stages"])),
            f"for {size(sizes['input'])} of input",
            "",
        ),
    ]
    cards = "".join(
        f'<div class="figure {kind}"><b>{value}</b><span>{what}</span></div>' for value, what, kind in figures
    )
    menu = " ".join(f'<a href="#{name}">{name.capitalize()}</a>' for name in anchors)
    return (
        f"<header>\n<h1>Corpus report: {text(ledger['recipe']['name'])}</h1>\n"
        f'<p class="soft">{text(ledger.get("command") or ledger.get("job", ""))}</p>\n'
        f'<div class="figures">{cards}</div>\n{_checks(ledger)}\n<nav>{menu}</nav>\n</header>\n'
    )


def _checks(ledger: Ledger) -> str:
    """What was verified of the job, good or bad."""
    wrong = [name for name, entry in ledger["files"].items() if entry["records"] != accounted(entry)]
    rows = sum(part["rows"] for part in ledger["data"])
    limits = ledger.get("limits", {})
    failed, most = limits.get("failed_share", 0.0), limits.get("max_failed", 1.0)
    checks = [
        (ledger["records"] == accounted(ledger), "records = skipped + rejected + failed + kept"),
        (not wrong, f"so for each input file ({number(len(ledger['files']))})"),
        (rows == ledger["kept"], f"{number(rows)} rows in data/ ({number(len(ledger['data']))} files)"),
        (failed <= most, f"{share(failed, 1)} of documents failed in a step, at most {share(most, 1)} allowed"),
    ]
    items = "".join(f'<li class="{"good" if good else "bad"}">{text(what)}</li>' for good, what in checks)
    return f'<ul class="checks">{items}</ul>'


def _funnel(ledger: Ledger, recipe: Recipe | None, shown: Mapping[str, str]) -> str:
    rows = funnel_rows(ledger, recipe.labels if recipe else ())
    before = ["", *(row.kind for row in rows)]
    body = "".join(_step(row, rows[0].count, row.kind != kind, shown) for row, kind in zip(rows, before, strict=False))
    head = headings("", "", "", "#count", "#of records", "#left")
    what = (
        "Every record that was read, and what took it. Rules stand in the order of the recipe; a link opens a sample."
    )
    return section("Funnel", "funnel", f'<p class="soft">{what}</p>', f'<table class="funnel">{head}{body}</table>')


def _step(row: FunnelRow, records: int, named: bool, shown: Mapping[str, str]) -> str:
    """One row of the funnel: what is left as a bar, and at its end what this row took."""
    total = row.kind in ("records", "kept")
    parts = [(row.left, row.kind)] if total else [(row.left, "second"), (row.count, row.kind)]
    return (
        f'<tr class="{"total" if total else "part"}"><td class="kind">{row.kind if named else ""}</td>'
        f'<td class="name">{linked(row.reason, shown)}</td><td class="bar">{bar(parts, records)}</td>'
        f'<td class="n">{"" if total else "−"}{number(row.count)}</td>'
        f'<td class="n soft">{share(row.count, records)}</td><td class="n">{number(row.left)}</td></tr>'
    )


def headings(*names: str) -> str:
    """A row of column headings; those of columns of numbers begin with #."""
    cells = (
        f'<th class="n">{text(name[1:])}</th>' if name.startswith("#") else f"<th>{text(name)}</th>" for name in names
    )
    return f"<tr>{''.join(cells)}</tr>"


def _rules(ledger: Ledger, shown: Mapping[str, str]) -> str:
    reasons = sorted(ledger["rejected"].items(), key=lambda item: (-item[1], item[0]))
    removed = sorted(ledger["removed"].items(), key=lambda item: (-item[1], item[0]))
    left = "<h3>Documents rejected, by reason</h3>" + bar_table(reasons, "rejected", "reason", links=shown)
    right = "<h3>Lines and spans removed, by rule</h3>" + bar_table(removed, "failed", "rule")
    skipped = sorted(ledger["skipped"].items(), key=lambda item: (-item[1], item[0]))
    folded = (
        f'<details class="more"><summary>Records skipped, by kind ({number(len(skipped))} kinds)</summary>'
        f"{bar_table(skipped, 'skipped', 'kind')}</details>"
    )
    columns = f'<div class="two"><div>{left}</div><div>{right}</div></div>'
    return section("Rules", "rules", columns, folded if skipped else "")


def _contents(ledger: Ledger, data: ReportData) -> str:
    """Languages, hosts or repositories, lengths."""
    looked = data.looked_at.get("kept", 0)
    whole = looked >= ledger["kept"]
    note = "" if whole else f'<p class="soft">From a fair sample of {number(looked)} documents.</p>'
    code = ledger.get("kind") == "code"
    languages = "<h3>Languages kept</h3>" + bar_table(_most(data.languages["kept"]), "kept", "language", looked)
    if data.languages["rejected"]:
        dropped = bar_table(_most(data.languages["rejected"]), "rejected", "language")
        languages += f"<h3>Languages of rejected documents, where they were identified</h3>{dropped}"
    places = bar_table(_most(data.places), "records", "repository" if code else "host", looked)
    right = (
        f"<h3>{'Repositories' if code else 'Hosts'} of kept documents ({number(len(data.places))} in all)</h3>{places}"
    )
    if data.licenses:
        right += "<h3>Licences</h3>" + bar_table(_most(data.licenses), "records", "licence", looked)
    series = [("as extracted", "second", data.lengths["extracted"]), ("kept", "kept", data.lengths["kept"])]
    used = [key for _, _, counts in series for key in counts]
    labels = {key: short(2**key) for key in range(max(used, default=0) + 1)}
    shape = histogram([item for item in series if item[2]], labels, "Documents by length")
    lengths = f"<h3>Length in characters, from the number below a bar up to twice that</h3>{shape}"
    columns = f'<div class="two"><div>{languages}</div><div>{right}</div></div>'
    told = opt_outs_line(ledger)
    return section("Contents", "contents", note, lengths, columns, f"<p>{text(told)}</p>" if told else "")


def _most(counter: Counter[str]) -> list[tuple[str, int]]:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ordered[:LISTED]


def _duplicates(ledger: Ledger) -> str:
    """For each corpus-wide step: its facts, and how large the groups of copies are."""
    parts = []
    for facts in ledger.get("dedup", []):
        sizes = {_low(name): int(count) for name, count in facts.get("sizes", {}).items()}
        bins = {low.bit_length() - 1: count for low, count in sizes.items()}
        names = {low.bit_length() - 1: name for name in facts.get("sizes", {}) for low in [_low(name)]}
        labels = {key: names.get(key, f"{2**key}-{2 ** (key + 1) - 1}") for key in range(max(bins, default=0) + 1)}
        told = [
            f"{size(value) if key.startswith('memory') else number(value)} {text(key.replace('_', ' '))}"
            for key, value in facts.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        parts.append(f"<div><h3>{text(facts.get('step', ''))}</h3><p class='soft small'>{', '.join(told)}</p>")
        if facts.get("held_share"):
            parts.append(bar_table([(_share(low), n) for low, n in facts["held_share"].items()], "records", "held"))
        parts.append(
            histogram([("groups", "records", bins)], {k: text(v) for k, v in labels.items()}, "Groups by copies")
        )
        parts.append("</div>")
    if not parts:
        parts = ['<p class="soft">The recipe has no step that compares documents.</p>']
    what = '<p class="soft">Groups of copies, by the number of copies in a group.</p>' if ledger.get("dedup") else ""
    return section("Duplicates", "duplicates", what, f'<div class="two">{"".join(parts)}</div>')


def _share(low: str) -> str:
    return "all" if float(low) >= 1 else f"from {float(low):.1%}"


def _worst(data: ReportData) -> str:
    """The removed documents of which their survivors hold the least, side by side with those."""
    if not data.worst:
        return ""
    rows = []
    for pair in data.worst:
        sides = [""] * 2 if pair.texts is None else [_marked(pieces) for pieces in pair.texts]
        columns = "".join(
            f'<div><p class="soft small">{what}: {text(one_line(name, 300))}</p><p class="text" dir="auto">{side}</p></div>'
            for what, name, side in zip(("removed", "kept"), pair.names, sides, strict=True)
        )
        rows.append(f'<h3>{pair.value:.2%} held</h3><div class="two">{columns}</div>')
    what = (
        "The removed documents of which the kept ones hold the least. Struck through, on each side: words that the other "
        "text does not have."
    )
    return section("Least held", "held", f'<p class="soft">{what}</p>', *rows)


def _marked(pieces: Sequence[Piece]) -> str:
    return "".join(text(piece.text) if piece.held else f"<del>{text(piece.text)}</del>" for piece in pieces)


def _low(name: str) -> int:
    digits = name.split("-")[0].rstrip("+")
    return max(1, int(digits)) if digits.isdigit() else 1


def _work(ledger: Ledger) -> str:
    """Seconds and bytes of each stage; each input file."""
    longest = max((stage.get("seconds", 0) for stage in ledger["stages"]), default=0)
    body = "".join(
        f'<tr><td class="name">{text(stage["name"])}</td><td class="bar">'
        f"{bar([(stage['seconds'], 'records')], longest)}</td>"
        f'<td class="n">{duration(stage["seconds"])}</td><td class="n">{number(stage["records"]) if "records" in stage else ""}</td>'
        f'<td class="n">{size(stage["bytes"]) if "bytes" in stage else ""}</td></tr>'
        for stage in ledger["stages"]
    )
    head = headings("stage", "", "#time", "#records", "#bytes")
    return section("Work", "work", f"<table>{head}{body}</table>", _files(ledger["files"]))


def _files(entries: Mapping[str, Account]) -> str:
    head = headings("input file", "#records", "#skipped", "#rejected", "#failed", "#kept")
    rows = []
    for name, entry in list(entries.items())[:LISTED_FILES]:
        parts = (entry["skipped"], entry["rejected"], entry["failed"])
        numbers = [entry["records"], *(sum(counts.values()) for counts in parts)]
        cells = "".join(f'<td class="n">{number(value)}</td>' for value in [*numbers, entry["kept"]])
        rows.append(f"<tr><td>{text(name)}</td>{cells}</tr>")
    more = len(entries) - LISTED_FILES
    tail = f'<p class="soft">and {number(more)} more in ledger.json</p>' if more > 0 else ""
    opened = " open" if len(entries) <= 12 else ""
    summary = f"<summary>{number(len(entries))} input files</summary>"
    return f'<details class="more"{opened}>{summary}<table>{head}{"".join(rows)}</table>{tail}</details>'


def _recipe(ledger: Ledger, recipe: Recipe | None, versions: Mapping[str, str]) -> str:
    told = f"{text(ledger['recipe']['name'])}, digest <code>{text(ledger['recipe']['digest'])}</code>"
    body = f"<p>{told}</p>"
    if recipe:
        body += f"<pre>{text(recipe.shown)}</pre>"
    parts = "".join(
        f'<tr><td>{text(part["file"])}</td><td class="n">{number(part["rows"])}</td>'
        f'<td class="n">{size(part["bytes"])}</td><td><code>{text(part["sha256"])}</code></td></tr>'
        for part in ledger["data"][:LISTED_FILES]
    )
    head = headings("file", "#rows", "#size", "SHA-256")
    rows = "".join(f"<tr><td>{text(name)}</td><td>{text(value)}</td></tr>" for name, value in versions.items())
    return section(
        "Recipe", "recipe", body, f"<h3>Files</h3><table>{head}{parts}</table>",
        f"<h3>Versions</h3><table>{headings('what', 'version')}{rows}</table>",
        f"<h3>Command line</h3><pre>{text(ledger.get('command', ''))}</pre>",
    )  # fmt: skip
