"""What sites declare against the use of their pages: meta tags, headers, robots.txt; counted, and honoured."""

import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import curate
from curate.corpus import schema
from curate.corpus.recipe import load
from curate.corpus.shards import ShardWriter
from curate.errors import UsageError
from curate.filters.base import Document
from curate.filters.opt_outs import KINDS, OptOuts
from curate.jobs.clean import Options, clean
from curate.read import inputs, robots
from curate.read.corpora import rows, tables_source
from curate.read.documents import crawl_source
from curate.read.opt_outs import AI_CRAWLERS, DIRECTIVES, declared
from curate.read.robots import LONGEST_PATTERN, MOST_RULES, MOST_SITE, Sites, parse, refused, reservations, reserved
from curate.report.trace import trace
from curate.sample.records import gzip_member, http_message, warc_record
from curate.warc.headers import parse_http
from tests.linear import assert_linear


def header(*lines: str) -> tuple[tuple[str, str], ...]:
    """The fields of an HTTP header that reserve rights, as the reader finds them."""
    found = parse_http(("HTTP/1.1 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
    assert found
    return found.reserving


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ('<meta name="robots" content="noai, noimageai">', ["meta:noai", "meta:noimageai"]),
        ("<META NAME=Robots CONTENT=NOINDEX>", ["meta:noindex"]),
        ("<meta content='none' name='robots'/>", ["meta:noindex"]),
        ('<meta name="robots" content="NO&#65;I">', ["meta:noai"]),
        ('<meta name="robots" data-x="a > b" content="noml">', ["meta:noml"]),
        ('<meta name="CCBot" content="noindex">', ["meta:noindex@ccbot"]),
        ('<meta http-equiv="X-Robots-Tag" content="GPTBot: noai">', ["meta:noai@gptbot"]),
        ('<meta name="tdm-reservation" content="1">', ["meta:tdm-reservation"]),
        ('<meta name="googlebot" content="noindex">', []),  # a search engine's, not ours
        ('<meta name="robots" content="index, follow, max-image-preview:none">', []),
        ('<!-- <meta name="robots" content="noai"> --><meta charset="utf-8">', []),
        ('<script>var a = \'<meta name="robots" content="noai">\'</script>', []),
        ('<body><meta name="robots" content="noai">', []),
        ('<meta name="description" content="What noindex and noai mean">', []),
        ('<meta name="tdm-reservation" content="0"><meta name="tdm-policy" content="https://a.example/p">', []),
        ('<script>// </script><meta name="robots" content="noai">', ["meta:noai"]),
    ],
)
def test_meta_tags(page, said):
    assert declared((), f"<!doctype html><head>{page}") == said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["X-Robots-Tag: noindex, nofollow"], ["header:noindex"]),
        (["x-robots-tag: NoAI"], ["header:noai"]),
        (["X-Robots-Tag: googlebot: noai, noindex"], []),
        (["X-Robots-Tag: googlebot: noai", "X-Robots-Tag: noimageai"], ["header:noimageai"]),
        (["X-Robots-Tag: GPTBot: noai, noindex"], ["header:noai@gptbot", "header:noindex@gptbot"]),
        (["X-Robots-Tag: unavailable_after: 25 Jun 2030 15:00:00 PST, noindex"], ["header:noindex"]),
        (["TDM-Reservation: 1"], ["header:tdm-reservation"]),
        (
            ["tdm-reservation: 1", "tdm-policy: https://a.example/p.json"],
            ["header:tdm-policy=https://a.example/p.json", "header:tdm-reservation"],
        ),
        (["tdm-reservation: 0", "tdm-policy: https://a.example/p.json"], []),
        (["tdm-reservation: 1", "tdm-policy: javascript:alert(1)"], ["header:tdm-reservation"]),
        (["Content-Usage: train-ai=n"], ["header:train-ai"]),
        (["Content-Usage: train-ai=y"], []),
        (["X-Robots-Tag: all"], []),
    ],
)
def test_headers(lines, said):
    assert declared(header(*lines), "") == said


def test_a_page_goes_before_its_header():
    assert declared(header("tdm-reservation: 1"), '<meta name="tdm-reservation" content="0">') == []


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=60))
def test_any_page_and_header(html, name, value):
    found = declared((("x-robots-tag", value), ("tdm-policy", name)), f"<meta name={name} content={value}>{html}")
    assert found == sorted(set(found))
    assert all(entry.isprintable() for entry in found)


@pytest.mark.parametrize(
    "piece", ["<meta ", '<meta name="', "<meta name=robots content=noai><!--", "<script><meta noai"]
)
def test_hostile_pages_take_linear_time(piece):
    def work(size: int, salt: int):
        page = str(salt) + piece * (size // len(piece))
        return lambda: declared((), page)

    assert_linear(work, piece, largest=1 << 20)


ROBOTS = """\
# comment
User-agent: GPTBot/1.2
User-agent: CCBot   # the crawl
Disallow: /

User-agent: *
Disallow: /private*/x$
Allow: /private/open/x

User-agent: ClaudeBot
Disallow:

user-agent: Bytespider
disallow: /a
allow: /a/b
"""


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ["ccbot", "gptbot"]),
        ("/private/deep/x", ["*", "ccbot", "gptbot"]),
        ("/private/deep/xy", ["ccbot", "gptbot"]),
        ("/private/open/x", ["ccbot", "gptbot"]),
        ("/a/c", ["bytespider", "ccbot", "gptbot"]),
        ("/a/b/c", ["ccbot", "gptbot"]),
        ("/%61/c", ["bytespider", "ccbot", "gptbot"]),
        ("", ["ccbot", "gptbot"]),
    ],
)
def test_robots_txt(path, names):
    assert refused(parse(ROBOTS), path) == names


def test_signals_of_robots_txt():
    rules = parse("User-agent: *\nContent-Signal: search=yes,ai-train=no\nContent-Usage: /open/ train-ai=y\nAllow: /\n")
    assert refused(rules, "/a") == ["ai-train"]
    assert refused(rules, "/open/a") == []
    assert refused(parse("User-agent: Googlebot\nDisallow: /\nContent-Signal: ai-train=no"), "/") == []


TDMREP = json.dumps(
    [
        {"location": "/free/*.jpg", "tdm-reservation": 0},
        {"location": "/free/", "tdm-reservation": "1", "tdm-policy": "https://a.example/policy.json"},
        {"location": "/exactly$", "tdm-reservation": 1, "tdm-policy": "/relative"},
        {"location": "/price-%24", "tdm-reservation": 1},
        {"location": "/unknown", "tdm-reservation": 2},
        {"location": ["/"], "tdm-reservation": 1},
        "/",
    ]
)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", []),
        ("/free/a.jpg", []),  # the first that matches decides
        ("/free/a.html", ["tdmrep.json:tdm-policy=https://a.example/policy.json", "tdmrep.json:tdm-reservation"]),
        ("/exactly", ["tdmrep.json:tdm-reservation"]),
        ("/exactly/not", []),
        ("/price-$5", ["tdmrep.json:tdm-reservation"]),
        ("/price-", []),
        ("/Free/a.html", []),
        ("/unknown", []),
    ],
)
def test_tdmrep_json(path, said):
    assert reserved(reservations(TDMREP), path) == said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"location": "*", "tdm-reservation": 1}', [("*", True, "")]),
        ("<html>not found", []),
        ("[" * 100_000, []),
        ("17", []),
        ('[{"location": "%s", "tdm-reservation": 1}]' % ("/" * (LONGEST_PATTERN + 1)), []),
        (json.dumps([{"location": "/", "tdm-reservation": 1}] * 3_000), [("/", True, "")] * MOST_RULES),
    ],
    ids=["an object", "a page", "deep", "a number", "a long pattern", "many rules"],
)
def test_a_tdmrep_json_of_any_kind(text, found):
    assert reservations(text) == found


def test_a_header_goes_before_the_file_of_its_site():
    of_site = ["robots.txt:ccbot", "tdmrep.json:tdm-reservation"]
    assert declared((), "", of_site) == of_site
    assert declared(header("tdm-reservation: 0"), "", of_site) == ["robots.txt:ccbot"]
    assert declared((), '<meta name="tdm-reservation" content="0">', of_site) == ["robots.txt:ccbot"]


@given(st.text(alphabet="ab*/$%6", max_size=8), st.text(alphabet="ab/$", max_size=8))
def test_patterns_match_as_their_regular_expressions(pattern, path):
    plain = unquote(pattern)
    end = plain.endswith("$")
    wanted = "".join(".*" if char == "*" else re.escape(char) for char in plain.removesuffix("$")) + (
        "$" if end else ""
    )
    rules = {"ccbot": [(False, pattern)]}
    assert (refused(rules, "/" + path) == ["ccbot"]) == bool(re.match(wanted, "/" + path, re.DOTALL))


def test_hostile_robots_txt_takes_linear_time():
    rules = parse("User-agent: ccbot\n" + "\n".join("Disallow: /" + "*a" * 400 for _ in range(50)))

    def work(size: int, salt: int):
        path = f"/{salt}" + "a" * size
        return lambda: refused(rules, path)

    assert_linear(work, "paths")


def test_rules_of_a_site_are_bounded_whoever_they_are_for():
    many = "".join(f"User-agent: {name}\n" for name in sorted(AI_CRAWLERS))
    for pattern in ("/" + "a" * 990, "/" + "\U0001f600" * 900, "/"):
        rules = parse(many + f"Disallow: {pattern}\n" * 10_000 + f"Content-Signal: {pattern} ai-train=no\n" * 10_000)
        assert 20_000 < len(json.dumps(rules)) <= MOST_SITE
    long = [{"location": "/" + "\ud800" * 900, "tdm-reservation": 1, "tdm-policy": "https://a.example/" + "p" * 250}]
    assert 400_000 < len(json.dumps(reservations(json.dumps(long * 1_000)))) <= MOST_SITE


def test_rules_that_are_held_parsed_are_bounded_by_their_bytes(monkeypatch):
    asked = []
    monkeypatch.setattr(robots, "MOST_PARSED", 100)
    parsed = robots.Parsed(lambda text: asked.append(text) or len(text))
    for text in ("a" * 60, "b" * 30, "a" * 60, "c" * 20, "a" * 60, "b" * 30, "d" * 101, "a" * 60):
        assert parsed(text) == len(text)
    assert [text[0] for text in asked] == ["a", "b", "c", "b", "d", "a"]


@pytest.mark.parametrize(("most", "said"), [(200, ["robots.txt:ccbot"]), (60, ["robots.txt:*"])])
def test_where_sites_have_too_many_rules_the_longest_refuse_everything(tmp_path, monkeypatch, most, said):
    monkeypatch.setattr(robots, "MOST_SITES", most)
    rules = {"a": "User-agent: CCBot\nDisallow: /x", "b": "User-agent: CCBot\nDisallow: /" + "y" * 40}
    told = [{"place": f"{host}.example", "rules": json.dumps(parse(text))} for host, text in rules.items()]
    mined = reservations('[{"location": "/z%s", "tdm-reservation": 0}]' % ("z" * 300))
    told.append({"place": "c.example/tdmrep.json", "rules": json.dumps(mined)})
    with ShardWriter(str(tmp_path / "robots" / "one"), robots.ROWS, scratch=True) as writer:
        writer.write(pa.Table.from_pylist(told, robots.ROWS))
    task = robots.MergeTask(
        name="all", names=("one",), out=str(tmp_path / robots.MERGED / "all"), scratch=str(tmp_path)
    )
    assert robots.merge(task).rows == 3
    sites = robots.sites(str(tmp_path))
    assert sites.declared("https://a.example/x") == ["robots.txt:ccbot"]
    assert sites.declared("https://b.example/" + "y" * 40) == said
    assert sites.declared("https://c.example/") == ["tdmrep.json:tdm-reservation"]
    assert sites.declared("https://d.example/") == []


def test_no_sites():
    nothing = Sites(np.array([], np.uint64), np.array([], np.int32), pa.array([], pa.large_string()))
    assert nothing.declared("https://a.example/") == []


# ---- the filter ----


def test_filter():
    said = Document("1", "text", opt_outs=("header:noindex@ccbot", "meta:tdm-policy=https://a.example/"))
    assert OptOuts()(said).reason == "noindex"
    assert OptOuts(honour=("noai", "tdm-reservation"))(said).reason is None
    assert OptOuts()(Document("1", "text", opt_outs=("robots.txt:gptbot",))).reason == "robots_txt"
    assert OptOuts()(Document("1", "text")).reason is None
    with pytest.raises(ValueError, match="no declaration is called 'noay'"):
        OptOuts(honour=("noay",))


# ---- a job ----

TEXT = "".join(
    f"<p>The harbour was quiet on morning {n}. Nobody had rung the bell. The ferry came in late.</p>" for n in range(9)
)
PAGES = {
    "plain": ("", []),
    "meta": ('<meta name="robots" content="noai">', []),
    "header": ("", ["X-Robots-Tag: noindex"]),
    "tdm": ("", ["TDM-Reservation: 1", "TDM-Policy: https://a.example/policy.json"]),
    "refused/one": ("", []),
    "mined/one": ("", []),
    "mined/open": ("", ["TDM-Reservation: 0"]),
}
RECIPE = 'name = "all"\n[[step]]\nuse = "filters.c4.TooLong"\n'


def record(url: str, lines: list[str], body: str, kind: str = "text/html", status: str = "200 OK") -> bytes:
    fields = {"Content-Type": kind, **dict(line.split(": ", 1) for line in lines)}
    block = http_message(status, fields, body.encode())
    names = {"WARC-Type": "response", "WARC-Date": "2026-07-04T06:00:00Z", "WARC-Target-URI": url,
             "WARC-Record-ID": f"<urn:x:{url}>", "Content-Type": "application/http; msgtype=response"}  # fmt: skip
    return gzip_member(warc_record(names, block))


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crawl")
    (folder / "warc").mkdir()
    (folder / "robotstxt").mkdir()
    pages = [
        record(f"https://a.example/{name}", lines, f"<html><head><title>{name}</title>{meta}</head><body>{TEXT}</body>")
        for name, (meta, lines) in PAGES.items()
    ]
    (folder / "warc" / "a.warc.gz").write_bytes(b"".join(pages))
    rules = "User-agent: CCBot\nDisallow: /refused/\n"
    told = [
        record("https://a.example/robots.txt", [], rules, "text/plain"),
        record(
            "https://a.example/.well-known/tdmrep.json",
            [],
            '[{"location": "/mined/", "tdm-reservation": 1}]',
            "application/json",
        ),
        record("https://b.example/.well-known/tdmrep.json", [], "<html>no rules, and no page", "text/html"),
        record("https://b.example/robots.txt", [], "gone", "text/html", "404 Not Found"),
        record("https://c.example/robots.txt", [], "<html>no rules, and no page", "text/html"),
    ]
    (folder / "robotstxt" / "r.warc.gz").write_bytes(b"".join(told))
    (folder / "all.toml").write_text(RECIPE)
    return folder


def test_counted_and_honoured(crawl, tmp_path):
    both = [str(crawl / "warc"), str(crawl / "robotstxt")]
    counted = clean(Options(both, str(tmp_path / "counted"), str(crawl / "all.toml")))
    assert counted["skipped"] == {"robots_txt": 2, "tdmrep_json": 2, "status_404": 1}
    assert counted["kept"] == 7
    assert counted["opt_outs"]["looked_at"] == 7
    assert counted["opt_outs"]["dropped"] == {}
    kinds = {"noai": 1, "noindex": 1, "tdm-reservation": 2, "tdm-policy": 1, "robots.txt": 1}
    assert counted["opt_outs"]["kept"] == {"any": 5, **kinds}
    rows = pq.read_table(tmp_path / "counted" / "data").select(["url", "opt_outs"]).to_pylist()
    said = {row["url"].removeprefix("https://a.example/"): row["opt_outs"] for row in rows}
    assert said["plain"] == []
    assert said["tdm"] == ["header:tdm-policy=https://a.example/policy.json", "header:tdm-reservation"]
    assert said["refused/one"] == ["robots.txt:ccbot"]
    assert said["mined/one"] == ["tdmrep.json:tdm-reservation"]
    assert said["mined/open"] == []
    # the documents that are there are asked again, without a page being read
    again = Options([str(tmp_path / "counted")], str(tmp_path / "again"), str(crawl / "all.toml"), opt_outs="honour")
    honoured = clean(again)
    assert honoured["kept"] == 2
    assert set(honoured["rejected"]) == {
        f"OptOuts.{kind}" for kind in ("noai", "noindex", "tdm_reservation", "robots_txt")
    }
    assert honoured["opt_outs"]["dropped"]["any"] == 5
    card = (tmp_path / "again" / "README.md").read_text()
    assert "declared by 5 of 7 pages" in card
    assert "OptOuts" in json.loads((tmp_path / "again" / "ledger.json").read_text())["recipe"]["steps"]


def test_a_folder_that_is_named_twice_is_listed_once(crawl, monkeypatch):
    listed = []
    walk = inputs._walk
    monkeypatch.setattr(inputs, "_walk", lambda *args: listed.append(args[2]) or walk(*args))
    folder = str(crawl / "warc")
    assert crawl_source([folder], load(str(crawl / "all.toml")), robots=[folder]).before
    assert listed == [folder]


def test_named_files_of_robots_txt(crawl):
    recipe, pages = load(str(crawl / "all.toml")), [str(crawl / "warc")]
    named = crawl_source(pages, recipe, robots=[str(crawl / "robotstxt")])
    known = crawl_source([*pages, str(crawl / "robotstxt")], recipe)
    assert (named.digest, named.inputs) == (known.digest, known.inputs)
    assert [stage.folder for stage in named.before] == ["robots", "robots-merged"]
    assert [task.split.file.rsplit("/")[-1] for task in named.before[0].tasks] == ["r.warc.gz"]
    both = crawl_source(pages, recipe, robots=pages)  # in the same files as the pages
    assert len(both.inputs) == 1
    assert both.before
    assert not crawl_source(pages, recipe).before


def test_wrong_words(crawl, tmp_path):
    with pytest.raises(UsageError, match="counted or honoured"):
        clean(Options([str(crawl / "warc")], str(tmp_path / "out"), opt_outs="ignore"))


def test_a_recipe_that_has_the_step_keeps_its_own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('name = "own"\n[[step]]\nuse = "filters.opt_outs.OptOuts"\nhonour = ["noai"]\n')
    recipe = load(str(path), first=[{"use": "filters.opt_outs.OptOuts"}])
    assert [step.honour for step in recipe.steps] == [("noai",)]
    assert load("c4", first=[{"use": "filters.opt_outs.OptOuts"}]).steps[0].honour == KINDS


def test_explain_and_frames_know_what_was_declared():
    row = {
        **dict.fromkeys(schema.extracted("web").names),
        "id": "0" * 32,
        "text": "A text.",
        "source": "s",
        "opt_outs": ["meta:noai"],
    }
    recipe = load("gopher", first=[{"use": "filters.opt_outs.OptOuts"}])
    found = trace(row, recipe, {})
    assert (found.verdict, found.reason) == ("rejected", "OptOuts.noai")
    said = {"text": ["a", "b", "c"], "opt_outs": [["meta:noai"], None, np.array(["header:noindex"])]}
    assert curate.filter(OptOuts())(said)["reason"] == ["OptOuts.noai", "", "OptOuts.noindex"]


def test_a_corpus_read_as_tables_keeps_what_was_declared(tmp_path):
    table = schema.published("web", [])
    row = {**dict.fromkeys(table.names), "id": "0" * 32, "text": "A text.", "source": "s", "opt_outs": ["meta:noai"]}
    pq.write_table(pa.Table.from_pylist([row], table), tmp_path / "a.parquet")
    (task,) = tables_source(str(tmp_path)).tasks
    (batch,) = rows(task, Counter())
    assert batch["opt_outs"].to_pylist() == [["meta:noai"]]


PIECES = (
    "<meta ", "<META\n", "<meta\u00a0", "<meta/", "<body>", "<body\t", "<bodyx>", "name=robots ", 'name="robots"', "name='GPTBot'", "&#110;oai",
    "content='noai, noindex'", 'content="a > noai"', "content=none", 'name="tdm-reservation"', 'content="1"', ">", "/>", " ", "<", "&#", "<!--",
    "-->", "<script>", "</script>", "é", "x" * 5000, "\x0b", "NoImageAI", "'", '"',
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_bytes_declare_what_their_text_does(page):
    assert declared((), page.encode()) == declared((), page)


@given(st.sampled_from(sorted(DIRECTIVES)), st.sampled_from([str.upper, str.lower, str.title]), st.booleans())
def test_each_directive_is_seen_in_bytes(word, case, quoted):
    mark = '"' if quoted else ""
    page = f"<!doctype html><head><meta name={mark}robots{mark} content={mark}{case(word)}{mark}><body>"
    assert declared((), page.encode()) == [f"meta:{DIRECTIVES[word]}"]
