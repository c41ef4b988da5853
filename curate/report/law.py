"""What the law asks to be published of training data: the EU's summary (AI Act, Article 53(1)(d)), California's AB 2013.

A field is what the corpus knows, or says that the provider has to fill it in; nothing is made up. Figures come with the statement
that counts them again (`counted.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curate.console.terminal import clean, number, size
from curate.report.card import cell
from curate.report.counted import Figure
from curate.run.ledger import Ledger

PROVIDER = "to be filled in by the provider"
SHOWN = 100
"""Rows of a table that the Markdown shows; the JSON has all."""
KINDS = {
    "web": "text of web pages",
    "code": "source code",
    "wikipedia": "articles of wikis",
    "stackexchange": "questions and answers",
    "arxiv": "scientific papers",
    "books": "books",
}
EU = "Public summary of training content, Article 53(1)(d) of Regulation (EU) 2024/1689"
EU_NOTE = """\
After the template of the European Commission's AI Office (24 July 2025), by its sections. It describes one corpus, not a model: whoever
trains on several puts their summaries together. Check it against the template as it is now, and with a lawyer."""
AB2013 = "Training data documentation, California Civil Code section 3111 (AB 2013)"
AB2013_NOTE = """\
The twelve items of section 3111(a). It describes one corpus, not a system: whoever trains on several puts them together. Check it
against the law as it is now, and with a lawyer."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked. Without a text and figures the provider has to fill it in; `rest` is what else they have to."""

    name: str
    text: str = ""
    figures: tuple[Figure, ...] = ()
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A numbered part of a document."""

    title: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole document."""

    title: str
    note: str
    parts: tuple[Part, ...]


class _Known:
    """What ledger and figures say, in words."""

    def __init__(self, ledger: Ledger, figures: Mapping[str, Figure]) -> None:
        self.ledger, self.figures = ledger, figures
        self.mixture = "mixture" in ledger
        self.kind = "" if self.mixture else str(ledger.get("kind", "web"))
        self.types = KINDS.get(self.kind, "")
        rows = figures["sources"].rows if "sources" in figures else ()
        self.sources = [str(row[0]) for row in rows or ()]
        self.crawls = [name for name in self.sources if name.startswith("CC-MAIN-")]

    def some(self, *names: str) -> tuple[Figure, ...]:
        """The figures of these keys that there are."""
        return tuple(self.figures[name] for name in names if name in self.figures)

    @property
    def public(self) -> str:
        """Data sets that anybody can have, as far as the names tell."""
        if self.crawls:
            return f"Common Crawl (commoncrawl.org): {', '.join(map(clean, self.crawls))}"
        if self.kind in ("wikipedia", "stackexchange", "arxiv"):
            return f"{self.types} from published dumps: {', '.join(map(clean, self.sources))}"
        return ""

    @property
    def steps(self) -> list[str]:
        """The steps of the recipe."""
        return [str(step) for step in self.ledger.get("recipe", {}).get("steps", ())]

    @property
    def processing(self) -> str:
        """How the documents were made, in a sentence."""
        if self.mixture:
            return f"Documents of {len(self.sources)} sources drawn by weights; {number(self.ledger['kept'])} drawn at least once."
        told = ", ".join(map(clean, self.steps)) or "none"
        name = clean(self.ledger.get("recipe", {}).get("name", ""))
        records, kept = number(self.ledger["records"]), number(self.ledger["kept"])
        return f"{kept} of {records} records of the input are kept. Recipe {name}, steps: {told}. `recipe.toml` has their parameters."

    @property
    def opt_outs(self) -> str:
        """What was done about reservations of rights."""
        if "opt_outs" not in self.figures:
            return ""
        looked = (
            "Robots meta tags and X-Robots-Tag (noai, noimageai, noindex), the TDM Reservation Protocol, Content-Usage, and robots.txt and "
            "tdmrep.json where the crawl has them, were read with each page."
        )
        if "OptOuts" in self.steps:
            return f"{looked} Pages that declared one were left out (step OptOuts)."
        return f"{looked} They were counted and not honoured."

    @property
    def block_lists(self) -> str:
        """Lists of hosts that were left out."""
        found = [step for step in self.steps if step.startswith(("UrlBlocklist", "UrlWords", "BadWords"))]
        return (
            f"Steps of the recipe that leave out pages by lists of addresses or words: {', '.join(found)}."
            if found
            else ""
        )

    @property
    def personal(self) -> str:
        """Whether personal data was replaced."""
        if "PersonalData" in self.steps or "Secrets" in self.steps:
            return "Addresses and numbers of persons were replaced where patterns found them; names and postal addresses were not looked for."
        return "Nothing was done to find personal data; pages of the web hold some." if self.kind == "web" else ""


def eu(ledger: Ledger, figures: Mapping[str, Figure]) -> Statement:
    """The summary by the sections of the Commission's template."""
    known = _Known(ledger, figures)
    mine = "whether the crawl is the provider's own (then crawler names, purposes, behaviour at robots.txt, logins and paywalls) or somebody's data set (then 2.1)"
    return Statement(EU, EU_NOTE, (
        Part("1.1 Provider", (Field("Name and contact details of the provider"), Field("Authorised representative in the Union"))),
        Part("1.2 Model", (
            Field("Versioned model name"),
            Field("Models that it depends on"),
            Field("Date of placement on the Union market"),
        )),
        Part("1.3 Modalities, size and characteristics", (
            Field("Modalities", "text"),
            Field("Size of the training data", "", known.some("documents", "bytes", "tokens"),
                  "" if "tokens" in figures else "tokens, as a range: less than 1 billion, 1 billion to 10 trillion, more than 10 trillion"),
            Field("Types of content", known.types, known.some("sources")),
            Field("Latest date of data acquisition", "", known.some("last")),
            Field("Whether training goes on with new data"),
            Field("Languages", "", known.some("languages")),
        )),
        Part("2.1 Publicly available data sets", (
            Field("Large public data sets", known.public, known.some("sources") if known.public else ()),
            Field("Other public data sets"),
        )),
        Part("2.2 Private data sets of third parties", (
            Field("Licensed by rightsholders or their representatives"),
            Field("Obtained from other third parties"),
        )),
        Part("2.3 Data crawled and scraped from online sources", (
            Field("Crawlers: names, purposes, behaviour", "None of the provider's that the corpus knows of: it is from Common Crawl (crawler CCBot)."
                  if known.crawls and len(known.crawls) == len(known.sources) else "", (), "" if known.crawls else mine),
            Field("Period of collection", "", known.some("first", "last")),
            Field("Kind of content and of sources", known.types if known.kind == "web" else "", known.some("languages")),
            Field("Most relevant domain names", "A domain is a host without www.; size is that of the text that is kept."
                  if "top" in figures else "", known.some("domains", "top")),
        )),
        Part("2.4 User data", (Field("From interactions with the model"), Field("From other services of the provider"))),
        Part("2.5 Synthetic data", (Field("Data made by models, and which"),)),
        Part("2.6 Other sources", (Field("Data from elsewhere"),)),
        Part("3.1 Reservation of rights from text and data mining", (
            Field("Signatory of the code of practice, copyright policy"),
            Field("Measures to respect reservations", known.opt_outs, known.some("looked", "opt_outs"), "" if known.opt_outs else "which"),
            Field("Licences", "", known.some("licenses")),
        )),
        Part("3.2 Removal of illegal content", (
            Field("Measures", known.block_lists, (), "what else was done, such as lists of known illegal material"),
        )),
        Part("3.3 Other information", (
            Field("Processing", known.processing, known.some("dropped", "removed")),
            Field("Personal data", known.personal),
        )),
    ))  # fmt: skip


def ab2013(ledger: Ledger, figures: Mapping[str, Figure]) -> Statement:
    """The twelve items of section 3111(a)."""
    known = _Known(ledger, figures)
    sources = known.public or ", ".join(map(clean, known.sources))
    collected = "Dates are those of the crawl, or of the revision of a text." if "first" in figures else ""
    asked = (
        Field("(1) Sources or owners of the datasets", sources, known.some("sources", "domains", "top"), "owners, where they are known"),
        Field("(2) How the datasets further the intended purpose"),
        Field("(3) Number of data points", "A data point is a document.", known.some("documents", "bytes", "tokens")),
        Field("(4) Types of data points", f"{known.types or 'text'}, without labels", known.some("languages")),
        Field("(5) Data protected by copyright, trademark or patent, or in the public domain",
              "Texts of web pages belong to their authors unless a licence says otherwise." if known.kind == "web" else "",
              known.some("licenses")),
        Field("(6) Purchased or licensed"),
        Field("(7) Personal information", known.personal),
        Field("(8) Aggregate consumer information"),
        Field("(9) Cleaning, processing or other modification", known.processing, known.some("dropped", "removed"), "purpose of it"),
        Field("(10) Time of collection, and whether it goes on", collected, known.some("first", "last"), "whether it goes on"),
        Field("(11) Dates when the datasets were first used in development"),
        Field("(12) Synthetic data generation", "", (), "whether it is used, here or elsewhere in development"),
    )  # fmt: skip
    return Statement(AB2013, AB2013_NOTE, (Part("Section 3111(a)", asked),))


# ---- writing -----------------------------------------------------------------------------------------------


def markdown(statement: Statement) -> str:
    """The document for people; behind each figure the statement that counts it again."""
    lines = [
        f"# {statement.title}",
        "",
        statement.note,
        "",
        "Figures can be counted again with DuckDB: the statement stands below each.",
        "",
    ]
    for part in statement.parts:
        lines += [f"## {part.title}", ""]
        for one in part.fields:
            lines += _field(one)
    return "\n".join(lines).rstrip("\n") + "\n"


def _field(one: Field) -> list[str]:
    said = one.text or ("" if one.figures or one.rest else f"*{PROVIDER}*")
    lines = [f"**{one.name}.** {said}".rstrip(), ""]
    for figure in one.figures:
        lines += _figure(figure)
    if one.rest:
        lines += [f"*{PROVIDER}: {one.rest}*", ""]
    return lines


def _figure(figure: Figure) -> list[str]:
    code = ["```sql", f"{clean(figure.sql)};", "```", ""]
    if figure.rows is None:
        shown = number(figure.value) if isinstance(figure.value, int) else str(figure.value)
        more = f" ({size(figure.value)})" if isinstance(figure.value, int) and figure.name.startswith("bytes") else ""
        return [f"- {figure.name}: **{shown}**{more}", "", *code]
    head = [
        f"{figure.name[:1].upper()}{figure.name[1:]}:",
        "",
        f"| {' | '.join(figure.columns)} |",
        f"|---|{'--:|' * (len(figure.columns) - 1)}",
    ]
    rows = [
        f"| {cell(row[0]) or 'not told'} | {' | '.join(number(value) for value in row[1:])} |"
        for row in figure.rows[:SHOWN]
    ]
    left = len(figure.rows) - SHOWN
    return [
        *head,
        *rows,
        "",
        *([f"and {number(left)} more: the statement gives all, and the JSON has them.", ""] if left > 0 else []),
        *code,
    ]


def as_json(statement: Statement) -> dict[str, Any]:
    """The document for programs; `value` is null where the provider has to fill a field in."""
    return {
        "title": statement.title,
        "note": " ".join(statement.note.split()),
        "parts": [{"title": part.title, "fields": [_json(one) for one in part.fields]} for part in statement.parts],
    }


def _json(one: Field) -> dict[str, Any]:
    rest = one.rest or ("" if one.text or one.figures else PROVIDER)
    return {
        "name": one.name,
        "value": one.text or None,
        "figures": [_figure_json(figure) for figure in one.figures],
        **({"to_be_filled_in": rest} if rest else {}),
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    what: dict[str, Any] = {"name": figure.name, "sql": figure.sql}
    if figure.rows is None:
        return {**what, "value": figure.value}
    return {**what, "columns": list(figure.columns), "rows": [list(row) for row in figure.rows]}
