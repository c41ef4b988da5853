"""The dataset card of a corpus: README.md with the front matter that dataset hubs read."""

import json
import re
from collections.abc import Mapping, Sequence

from curate.console.terminal import FunnelRow, clean, funnel_rows, number, opt_outs_line, share, size
from curate.corpus.recipe import Recipe
from curate.filters.labels import parts
from curate.report.gather import ReportData
from curate.run.ledger import Ledger

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
         (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))  # fmt: skip
LISTED_FILES, LISTED_LANGUAGES, LISTED_CONFIGS = 100, 50, 2_000

LOAD = """\
```python
# datasets
from datasets import load_dataset
corpus = load_dataset("parquet", data_files="{data}/{files}", split="train")

# pandas
import pandas as pd
frame = pd.read_parquet("{data}")

# Spark
frame = spark.read.parquet("{data}")
```

```sql
-- DuckDB
SELECT host, count(*) FROM '{data}/{files}' GROUP BY host ORDER BY 2 DESC LIMIT 20;
```
"""
WEB_LIMITS = """\
The texts are what a program took for the main text of web pages: headings, tables and captions may be missing, menus
may have stayed. Rules look at the form of a text, not at whether it is true or fair. Copies that differ more than the
recipe's deduplication allows are still there, and so may be personal data and words that offend.
"""
CODE_LIMITS = """\
Licences were read from files, headers and metadata by a program, which can be wrong; the evidence is in the column
`license_evidence`. Secrets and addresses were replaced where patterns found them, which is not everywhere.
"""
WEB_LICENCE = """\
The texts belong to their authors. This card grants no right to them: what you may do with them depends on where you
are, on what for, and on the terms of the crawl they come from. Each document has its URL, so that it can be taken out.
"""
CODE_LICENCE = """\
Each file is under the licence in its column `license`; most of these ask that the notice be kept with copies.
"""


def card(
    ledger: Ledger,
    data: ReportData,
    recipe: Recipe | None,
    versions: Mapping[str, str],
) -> str:
    """The text of README.md for a corpus that is described by its ledger."""
    code = ledger.get("kind") == "code"
    name = clean(ledger["recipe"]["name"])
    sections = [
        front_matter(ledger, data, name),
        f"# {name}\n\n{_summary(ledger, recipe, code)}",
        "## Load it\n\n" + LOAD.format(data="data", files="**/*.parquet" if _folders(ledger) else "*.parquet"),
        "## Columns\n\n" + _columns(ledger.get("kind", "web"), sizes=_has_sizes(recipe)),
        "## What became of the input\n\n" + funnel_table(funnel_rows(ledger, recipe.labels if recipe else ())),
        _removed(ledger),
        _opt_outs(ledger),
        "## Known limits\n\n" + (CODE_LIMITS if code else WEB_LIMITS),
        "## Licence\n\n" + (CODE_LICENCE if code else WEB_LICENCE),
        "## How it was made\n\n" + _made(ledger, recipe, versions),
        "## Checksums\n\n" + _checksums(ledger["data"]),
    ]
    return "\n\n".join(part.strip("\n") for part in sections if part) + "\n"


def front_matter(ledger: Ledger, data: ReportData, name: str) -> str:
    """YAML between `---` lines. Strings are written as JSON, which is YAML too, so that no name can break out."""
    code = ledger.get("kind") == "code"
    languages = ["code"] if code else sorted({parts(label).language for label in _frequent(data, ledger["kept"])})
    lines = ["---", f"pretty_name: {json.dumps(name)}", "license: other", "task_categories:", "- text-generation"]
    if languages:
        lines += ["language:", *(f"- {json.dumps(language)}" for language in languages)]
    lines += [
        "tags:",
        f"- {'code' if code else 'web'}",
        "- pretraining",
        "size_categories:",
        f"- {size_category(ledger['kept'])}",
    ]
    paths = {"default": "data/**/*.parquet" if _folders(ledger) else "data/*.parquet"}
    paths.update({folder.partition("=")[2]: f"{folder}/*.parquet" for folder in _folders(ledger)[:LISTED_CONFIGS]})
    lines.append("configs:")
    for config, path in paths.items():
        lines.append(f"- config_name: {config}")
        lines += ["  data_files:", "  - split: train", f"    path: {path}"]
    if len(paths) == 1:
        lines += ["dataset_info:", "  splits:", "  - name: train", f"    num_examples: {int(ledger['kept'])}"]
        # without a size `datasets` leaves the rest aside, with a warning; it is that of the texts
        lines.append(f"    num_bytes: {int(ledger['bytes'].get('text_kept', 0))}")
    return "\n".join([*lines, "---"])


def _folders(ledger: Ledger) -> list[str]:
    """`data/language=hin_Deva` and so on, where the corpus has a folder a language."""
    return sorted({part["file"].rpartition("/")[0] for part in ledger["data"] if part["file"].count("/") > 1})


def _frequent(data: ReportData, kept: int) -> list[str]:
    """Languages of at least one document in a thousand."""
    least = max(1, data.looked_at.get("kept", kept) // 1000)
    return [name for name, count in data.languages["kept"].most_common(LISTED_LANGUAGES) if count >= least]


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return next((name for limit, name in SIZES if rows < limit), "n>1B")


def _summary(ledger: Ledger, recipe: Recipe | None, code: bool) -> str:
    description = f"{clean(recipe.description)}\n\n" if recipe and recipe.description else ""
    kind = "source files" if code else "documents"
    kept, sizes = int(ledger["kept"]), ledger["bytes"]
    told = f"{number(kept)} {kind}, {size(sizes.get('text_kept', 0))} of text"
    pages = int(ledger["records"]) - sum(ledger["skipped"].values())
    return f"{description}{told}: {share(kept, pages)} of the {number(pages)} {kind} that were read. See `report.html`."


def _has_sizes(recipe: Recipe | None) -> bool:
    return recipe is not None and any(getattr(step, "copies", False) for step in recipe.steps)


def _columns(kind: str, *, sizes: bool) -> str:
    from curate.corpus import schema

    notes = {**WEB_NOTES, **(CODE_NOTES if kind == "code" else DUMP_NOTES if kind != "web" else {})}
    fields = [*schema.DOCUMENTS[kind], *([schema.CLUSTER_SIZE] if sizes else [])]
    rows = [f"| `{field.name}` | {field.type} | {notes.get(field.name, '')} |" for field in fields]
    rows.append(
        "| `signals` | struct of double | what each step measured, by name: limits can be chosen again from it |"
    )
    rows.append("| `removed` | list of struct | lines and spans that were cut, by rule |")
    return "\n".join(["| column | type | |", "|---|---|---|", *rows])


WEB_NOTES = {
    "id": "32 hex digits, the same in every run",
    "text": "the text",
    "source": "the crawl",
    "file": "input file",
    "offset": "of the record, in bytes into that file",
    "date": "when it was crawled",
    "record_id": "WARC-Record-ID",
    "payload_digest": "as in the crawl",
    "truncated": "why the crawler cut the page, if it did",
    "charset": "the one that decoded the page",
    "extractor": "the engine that took the text out of the page",
    "language": "ISO 639",
    "opt_outs": "what its site declared against its use",
    "cluster_size": "how many documents with this or nearly this text there were, this one included",
}
DUMP_NOTES = {
    "source": "the dump",
    "date": "of the revision, or of the question",
    "license": "SPDX expression of the text",
    "wiki": "name of its database",
    "links": "to other sites; `reference`: from a footnote",
    "tags": "of the question",
    "score": "of the question",
    "answer_ids": "of the answers in the text, in its order",
    "answer_scores": "their scores",
    "accepted": "the answer that the asker accepted",
}
CODE_NOTES = {
    "id": "32 hex digits, the same in every run",
    "text": "the file",
    "language": "programming language",
    "license": "SPDX expression",
    "license_evidence": "JSON: where the licence was found",
    "redacted": "secrets and addresses replaced",
}


def funnel_table(rows: Sequence[FunnelRow]) -> str:
    """The funnel as a Markdown table."""
    lines = ["| | | count | left |", "|---|---|--:|--:|"]
    lines += [f"| {row.kind} | {cell(row.reason)} | {number(row.count)} | {number(row.left)} |" for row in rows]
    return "\n".join(lines)


def cell(name: str) -> str:
    """`name` as code in a Markdown table; nothing in it can end the cell."""
    flat = " ".join(clean(name).replace("`", "'").replace("|", "/").split())
    return f"`{flat}`" if flat else ""


def _removed(ledger: Ledger) -> str:
    if not ledger["removed"]:
        return ""
    rows = [f"| {cell(rule)} | {number(count)} |" for rule, count in ledger["removed"].items()]
    return "\n".join(["Lines and spans removed from documents:", "", "| rule | count |", "|---|--:|", *rows])


def _opt_outs(ledger: Ledger) -> str:
    """What sites declared; empty where nobody looked."""
    found = ledger.get("opt_outs") or {}
    if not found.get("looked_at"):
        return ""
    told = opt_outs_line(ledger).partition(": ")[2] or f"none declared by {number(found['looked_at'])} pages"
    what = "noai, noindex and the like in meta tags and headers, TDM-Reservation, robots.txt and tdmrep.json where the crawl has them"
    return f"## Opt-outs\n\nWhat sites declare against the use of their pages ({what}; column `opt_outs`): {told}."


def _made(ledger: Ledger, recipe: Recipe | None, versions: Mapping[str, str]) -> str:
    listed = ", ".join(f"{clean(name)} {clean(value)}" for name, value in versions.items())
    parts = [f"With curate {ledger['curate']} ({listed}):", fenced(ledger.get("command") or "", "sh")]
    parts.append(f"Recipe `{clean(ledger['recipe']['name'])}`, digest `{ledger['recipe']['digest']}`:")
    if recipe:
        parts.append(fenced(recipe.shown, "toml"))
    return "\n\n".join(parts)


def fenced(text: str, language: str) -> str:
    """`text` as a code block whose fence is longer than any in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{clean(text)}\n{fence}"


def _checksums(parts: Sequence[Mapping[str, object]]) -> str:
    lines = [f"{part['sha256']}  {part['file']}" for part in parts[:LISTED_FILES]]
    more = len(parts) - LISTED_FILES
    tail = f"\n\nand {number(more)} more in `ledger.json`." if more > 0 else ""
    return "SHA-256, to be checked with `sha256sum -c`:\n\n```\n" + "\n".join(lines) + "\n```" + tail
