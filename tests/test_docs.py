"""What pages tell people holds: links lead somewhere, commands and options exist, each option is described."""

import re
import runpy
import shlex
import urllib.parse
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import click
import pytest

from curate.cli import group
from curate.commands import reference
from curate.corpus.recipe import Extract
from curate.warc import Limits
from tests.pages import FENCE, PAGES, ROOT, find, mentions

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|\b(?:href|src)=\"([^\"]+)\"")
NAMED = re.compile(r"\b((?:docs|benchmarks/results)/[\w-]+\.(?:md|ipynb))\b")


@lru_cache
def sources() -> str:
    """All our code, with what parts a string over lines left out."""
    files = [path for package in ("curate", "filters") for path in (ROOT / package).rglob("*.py")]
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))


@lru_cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives the headings of a page: lower case, without punctuation, a hyphen a space."""
    found: list[str] = []
    for title in re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    lost = [name for name in NAMED.findall(text) if not (ROOT / name).exists()]
    for link in ("".join(found) for found in LINK.findall(text)):
        path, _, anchor = urllib.parse.unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def commands(page: Path) -> Iterator[tuple[str, bool]]:
    """The commands on a page, and whether each stands in a block of its own, where people copy it from."""
    text = page.read_text(encoding="utf-8")
    program = r"(?:curate|make|spark-submit|python -m (?:curate|train_probe)) "
    blocks = [code for _, language, code in FENCE.findall(text) if language in ("", "bash", "sh")]
    rest = FENCE.sub("", text)
    blocks += re.findall(r"(?:^    .*\n)+", rest, re.MULTILINE)
    for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
        if re.match(rf" *{program}(?! )", line) and "[OPTIONS]" not in line:
            yield re.sub(r"^ *| +# .*$", "", line), True
    for line in mentions(page):
        yield line, False


def wrong(line: str, whole: bool) -> str | None:
    """What is wrong with a command as a page gives it; `whole`: all that it needs must be there, unless `…` stands for it.

    `[--option value]` may be left out; of `one|other` each must do; in capitals is what a reader puts there.
    """
    line = re.sub(r"\[(--[^\]]*)\]", r"\1", line)
    words = shlex.split(re.sub(r" (?:2?>|\||&&) .*", "", line))
    if words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return next((f"no target {word}" for word in words[1:] if "=" not in word and word not in targets), None)
    command, rest = find(words)
    with click.Context(command) as context:
        if isinstance(command, click.Group):
            return None
        open_end = "…" in rest
        valued = [_takes_a_value(command, word) for word in ["", *rest]]
        rest = [word for word, value in zip(rest, valued, strict=False) if word != "…" or value]
        if not whole and valued[-1]:
            rest = [*rest, "…"]
        try:
            values, over, _ = command.make_parser(context).parse_args(list(rest))
        except click.UsageError as error:
            return error.format_message()
        if over:
            return f"too much: {over}"
        for option in command.params:
            given = values.get(option.name or "")
            if whole and not open_end and option.required and not given:
                return f"{option.opts[0]} is missing"
            if told := _not_of_its_type(option, given, context):
                return told
    return None


def _not_of_its_type(option: click.Parameter, given: object, context: click.Context) -> str | None:
    if isinstance(option.type, click.Choice | click.types.IntParamType | click.types.FloatParamType):
        for value in _alternatives(given):
            try:
                option.type.convert(value, option, context)
            except click.UsageError as error:
                return error.format_message()
    return None


def _takes_a_value(command: click.Command, name: str) -> bool:
    return any(isinstance(one, click.Option) and name in one.opts and not one.is_flag for one in command.params)


def _alternatives(given: object) -> list[str]:
    if isinstance(given, list | tuple):
        return [value for one in given for value in _alternatives(one)]
    if not isinstance(given, str):
        return []
    return [value for value in given.split("|") if "…" not in value and not re.fullmatch("[A-Z]+", value)]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_commands_on_pages_are_those_of_the_program(page: Path) -> None:
    found = [(line, wrong(line, whole)) for line, whole in commands(page)]
    assert [(line, told) for line, told in found if told] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("curate clean --input a --output b", None),
        ("curate clean --input a --outputs b", "No such option"),
        ("curate clean --input a", "--output is missing"),
        ("curate clean … --engine sail|spark", None),
        ("curate clean … --engine sail|dask", "dask"),
        ("curate mix … --tokens", "requires an argument"),
        ("curate dedup a b --output c", "too much"),
        ("curate ngram train --input wiki/ --output m", None),
        ("spark-submit jobs/dedup.py a --output b --metod url", "No such option"),
        ("make demo", None),
        ("make tea", "no target tea"),
    ],
)
def test_a_wrong_command_would_be_noticed(line: str, told: str | None) -> None:
    assert (wrong(line, True) or "none").find(told or "none") >= 0


def test_every_option_is_described() -> None:
    """docs/commands.md is what the commands say of themselves; each option says something."""
    options = [(" ".join(names), one) for names, command in reference.commands(group) for one in command.params]
    assert [
        (name, one.opts) for name, one in options if isinstance(one, click.Option) and not (one.help or one.hidden)
    ] == []
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert page == reference.reference(), "refresh it with: make docs"


def test_messages_in_troubleshooting_are_those_of_the_program() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    told = [
        message
        for cell in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
        for message in re.findall("`([^`]+)`", cell)
    ]
    pieces = [
        piece for message in told for piece in re.split(r"…|\d[\d.]*|lid\.176\.ftz", message) if len(piece.strip()) > 5
    ]
    assert len(pieces) > 15
    assert [piece for piece in pieces if piece.strip(" ,:") not in sources()] == []


def test_code_for_those_who_come_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for code in re.findall(r"^```python\n(?!# )(.*?)^```", page, re.DOTALL | re.MULTILINE):
        exec(compile(code, "docs/coming-from.md", "exec"), names)
    assert names["verdict"][:2] == (False, "Shouting.capitals")
    assert (names["ledger"].kept, names["table"].column_names[:2]) == (3, ["id", "text"])
    assert sorted(names["table"]["url"].to_pylist()) == [f"https://example.org/{n}" for n in (1, 2, 3)]


def test_the_largest_page_that_the_page_on_reading_names_is_the_one_that_is_read() -> None:
    [row] = [
        line for line in (ROOT / "docs" / "reading.md").read_text().splitlines() if line.startswith("| `too_large` ")
    ]
    assert f" {Extract().page_bytes:,} bytes" in row
    assert f" {Limits().body >> 20} MiB for `read_split`" in row


def test_every_page_is_in_the_sites_navigation() -> None:
    named = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert {str(page.relative_to(ROOT)) for page in PAGES} == named


@pytest.mark.parametrize(
    ("html", "refused"),
    [
        ('<script src="https://host/a.js"></script>', True),
        ("<link rel=stylesheet href=//host/a.css>", True),
        ('<img alt="x" src="http://host/a.png">', True),
        ('<a href="https://host/">there</a><img src="../images/a.png"><link rel="icon" href="assets/a.png">', False),
        ('<link rel="canonical" href="https://host/a.html">', False),
    ],
)
def test_a_page_that_needs_the_network_is_refused(html: str, refused: bool) -> None:
    names = runpy.run_path(str(ROOT / "docs" / "offline.py"))
    assert bool(names["ELSEWHERE"].search(html)) == refused


def test_the_container_runs_commands_that_there_are() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.findall(r"\b(curate [\w-]+[^&\"\n]*)", re.sub(r"^#.*$|^COPY.*$", "", text, flags=re.MULTILINE))
    assert len(found) == 6
    assert [(line, wrong(line.strip(), True)) for line in found if wrong(line.strip(), True)] == []
