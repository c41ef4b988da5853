"""Dumps of wikis: every page once, wherever the file is cut, whatever is damaged."""

import bz2
import gzip
import itertools
import lzma
from dataclasses import replace
from html import escape

import py7zr
import pyarrow.parquet as pq
import pytest

from curate.corpus.recipe import load
from curate.engine import children
from curate.engine.session import EngineOptions
from curate.errors import InputError
from curate.jobs.clean import Options, clean
from curate.read import rows, wikipedia
from curate.read.documents import document_source
from curate.read.dumps import head_of
from curate.read.unpack import pieces

HEAD = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="de">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>dewiki</dbname>
    <base>https://de.wikipedia.org/wiki/Wikipedia:Hauptseite</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Diskussion</namespace>
      <namespace key="6" case="first-letter">Datei</namespace>
      <namespace key="14" case="first-letter">Kategorie</namespace>
    </namespaces>
  </siteinfo>
"""
WORDS = ["Der", "Fluss", "entspringt", "im", "Gebirge", "und", "mündet", "in", "den", "See"]


def revision(number, text, stamp="2020-01-01T00:00:00Z", **more):
    extra = "".join(f"<{key}>{value}</{key}>" for key, value in more.items())
    return (
        f"    <revision>\n      <id>{number}</id>\n      <timestamp>{stamp}</timestamp>\n      {extra}\n"
        f'      <text bytes="{len(text)}" xml:space="preserve">{escape(text, quote=False)}</text>\n    </revision>\n'
    )


def page(number, *revisions, title="", space=0, extra=""):
    return (
        f"  <page>\n    <title>{title or f'Seite {number}'}</title>\n    <ns>{space}</ns>\n    <id>{number}</id>\n{extra}"
        f"{''.join(revisions)}  </page>\n"
    )


def body(number):
    """Text that packs badly, so that there are several blocks."""
    return " ".join(WORDS[hash((number, at, 7)) % len(WORDS)] + str(hash((number, at)) % 10_000) for at in range(300))


def dump(pages):
    return (HEAD + "".join(pages) + "</mediawiki>\n").encode()


PLAIN = [page(number, revision(number, body(number))) for number in range(160)]


LINKED = page(70, revision(70, "Text [https://a.org/x a].<ref>{{Literatur|url=http://b.org/}}</ref>"), title="Verweis")


def read(path, task_options=None, **asked):
    """The rows and the records of all tasks of a file, read in this process."""
    reader = wikipedia.Wikipedia(**(task_options or {}))
    rows = []
    for task in reader.source([head_of(str(path))], None, asked.get("split_bytes", 0)).tasks:
        for batch in wikipedia.documents(wikipedia.PagesTask(task)):
            rows += batch.to_pylist()
    return rows


def reasons(rows):
    return [row["reason"] for row in rows]


PACKED = {
    "xml": bytes,
    "xml.bz2": lambda data: bz2.compress(data, 1),
    "multistream.xml.bz2": lambda data: b"".join(
        bz2.compress(data[at : at + 99_999]) for at in range(0, len(data), 99_999)
    ),
    "xml.gz": gzip.compress,
    "xml.xz": lambda data: lzma.compress(data, preset=0),
}


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("split", [0, 70_001])
def test_each_page_comes_once_wherever_the_file_is_cut(tmp_path, ending, split):
    path = tmp_path / f"dewiki.{ending}"
    path.write_bytes(PACKED[ending](dump(PLAIN)))
    rows = read(path, split_bytes=split)
    assert [row["page_id"] for row in rows] == list(range(160))
    assert [row["text"] for row in rows] == [body(number) for number in range(160)]
    assert len({row["id"] for row in rows}) == 160


def test_7z(tmp_path):
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w") as archive:
        archive.writestr(dump(PLAIN[:40]), "dewiki-pages-meta-history.xml")
    assert [row["page_id"] for row in read(tmp_path / "x.7z")] == list(range(40))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16(tmp_path, encoding):
    (tmp_path / "x").write_bytes(bz2.compress(("\ufeff" + dump(PLAIN[:40]).decode()).encode(encoding)))
    rows = read(tmp_path / "x", split_bytes=1000)
    assert [row["text"] for row in rows] == [body(number) for number in range(40)]


def test_what_the_dump_says_of_its_wiki(tmp_path):
    article = "[[Datei:x.png|mini]]Text [[Hilfe:A|b]]. [[Kategorie:K]]"
    (tmp_path / "x").write_bytes(dump([page(1, revision(5, article), title="Ä &amp; B")]))
    (row,) = read(tmp_path / "x")
    assert row["text"] == "Text b."
    assert (row["title"], row["wiki"], row["language"], row["revision"]) == ("Ä & B", "dewiki", "de", 5)
    assert row["url"] == "https://de.wikipedia.org/wiki/%C3%84_%26_B"
    assert row["date"].year == 2020
    assert row["license"] == "CC-BY-SA-4.0"


def test_pages_that_are_no_documents_are_skipped_by_kind(tmp_path):
    pages = [
        page(1, revision(1, "Rede"), space=1),
        page(2, revision(2, "#WEITERLEITUNG [[A]]"), extra='<redirect title="A" />'),
        page(3, revision(3, "{{Begriffsklärung}}\n* [[a]]")),
        page(4, revision(4, "{}", model="json")),
        page(5, revision(5, "")),
        page(6, '<revision><id>6</id><timestamp>2020-01-01T00:00:00Z</timestamp><text deleted="deleted" /></revision>'),
        page(7),
        page(8, revision(8, "#REDIRECT [[B]]")),
        page(9, revision(9, "Text"), title="Liste der Seen"),
        page(10, revision(10, "{{Nur Vorlage}}")),
    ]
    (tmp_path / "x").write_bytes(dump(pages))
    rows = read(tmp_path / "x")
    assert reasons(rows) == [
        "other_namespace", "redirect", "disambiguation", "not_wikitext", "no_text", "deleted", "no_revision", "redirect", None,
        "extract.no_text",
    ]  # fmt: skip
    assert reasons(read(tmp_path / "x", {"lists": False}))[8] == "list"
    assert reasons(read(tmp_path / "x", {"disambiguations": True}))[2] is None
    assert reasons(read(tmp_path / "x", {"namespaces": (0, 1)}))[0] is None


def test_the_newest_revision_counts(tmp_path):
    stamps = ["2021-01-01T00:00:00Z", "2023-01-01T00:00:00Z", "2022-01-01T00:00:00Z"]
    pages = [page(1, *(revision(at, f"Fassung {at}", stamp) for at, stamp in enumerate(stamps)))]
    (tmp_path / "x").write_bytes(dump(pages))
    assert [row["text"] for row in read(tmp_path / "x")] == ["Fassung 1"]


def test_a_long_history_is_not_in_memory_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(wikipedia, "COMPACT", 9000)
    revisions = [revision(at, f"Fassung {at} {body(at)}", f"20{at % 90 + 10}-01-01T00:00:00Z") for at in range(95)]
    (tmp_path / "x").write_bytes(dump([page(1, *revisions), page(2, revision(2, "danach"))]))
    rows = read(tmp_path / "x", {"page_bytes": 60_000})
    assert [row["revision"] for row in rows] == [89, 2]
    assert rows[0]["text"].startswith("Fassung 89 ")


def test_a_page_that_is_too_large_costs_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(wikipedia, "COMPACT", 1000)
    huge = page(2, revision(2, "x" * 3_000_000))
    (tmp_path / "x").write_bytes(dump([PLAIN[1], huge, PLAIN[3]]))
    assert reasons(read(tmp_path / "x", {"page_bytes": 100_000})) == [None, "page_too_large", None]


def test_a_damaged_block_costs_the_pages_it_touches(tmp_path):
    data = bytearray(bz2.compress(dump(PLAIN), 1))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "x.bz2").write_bytes(data)
    rows = read(tmp_path / "x.bz2")
    whole = [row["page_id"] for row in rows if row["verdict"] is None]
    assert reasons(rows).count("dump_damaged") == 1
    assert len(whole) > 80
    assert whole == sorted(set(whole))
    bad = next(row for row in rows if row["reason"] == "dump_damaged")
    assert abs(bad["offset"] - len(data) // 2) < 100_000
    assert read(tmp_path / "x.bz2", split_bytes=20_000) != []
    assert [row["page_id"] for row in read(tmp_path / "x.bz2", split_bytes=20_000) if row["verdict"] is None] == whole


@pytest.mark.parametrize("ending", ["xml", "xml.bz2"])
@pytest.mark.parametrize("split", [0, 20_001])
@pytest.mark.parametrize(
    "damage",
    [dict.fromkeys(range(9, 150, 10), mark) for mark in (b"<page>", b"</page>", b"</revision>\n  </page>")]
    + [
        {
            0: b"<page>",
            1: b"<page>",
            2: b"<page>",
            80: b"</page>",
            81: b"</page>",
            82: b"</page>",
            158: b"<page>",
            159: b"<page>",
        }
    ],
)
def test_a_damaged_mark_costs_its_page(tmp_path, ending, split, damage):
    pages = [one.encode() for one in PLAIN]
    for number, mark in damage.items():
        at = pages[number].rindex(mark)
        pages[number] = pages[number][:at] + b"\0" * len(mark) + pages[number][at + len(mark) :]
    path = tmp_path / f"dewiki.{ending}"
    path.write_bytes(PACKED[ending](HEAD.encode() + b"".join(pages) + b"</mediawiki>\n"))
    rows = read(path, split_bytes=split)
    assert [row["page_id"] for row in rows if row["verdict"] is None] == [n for n in range(160) if n not in damage]
    assert reasons(rows).count("page_xml") == len(damage)


@pytest.mark.parametrize("ending", PACKED)
def test_a_cut_file_gives_what_came_before(tmp_path, ending):
    data = PACKED[ending](dump(PLAIN))
    (tmp_path / "dewiki-pages").write_bytes(data[: len(data) * 2 // 3])
    rows = read(tmp_path / "dewiki-pages")
    assert rows[-1]["verdict"] == "failed"
    assert rows[-1]["reason"] in ("dump_cut", "dump_damaged")
    if ending not in ("xml.bz2",):
        assert [row["page_id"] for row in rows[:-1]] == list(range(len(rows) - 1))
        assert len(rows) > 60


def test_entities_are_never_expanded(tmp_path):
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
    data = dump([page(1, revision(1, "A")).replace(">A<", ">A &b; &x;<"), PLAIN[2]])
    (tmp_path / "x").write_bytes(bomb.encode() + data)
    rows = read(tmp_path / "x")
    assert reasons(rows) == ["page_xml", None]
    assert rows[0]["text"] is None


@pytest.mark.parametrize("cut", [0, 1, 5, 100, 4096])
def test_blocks_are_found_from_any_byte(tmp_path, cut):
    data = bz2.compress(dump(PLAIN), 1)
    (tmp_path / "x").write_bytes(data)
    cuts = [0, *range(cut + 1, len(data), 20_000 + cut), len(data)]
    found = [
        piece.data
        for start, end in itertools.pairwise(cuts)
        for piece in pieces(str(tmp_path / "x"), "bz2", start, end)
        if piece.own
    ]
    assert b"".join(found) == dump(PLAIN)


def test_dumps_of_another_kind_are_named(tmp_path):
    (tmp_path / "x.xml").write_bytes(dump(PLAIN[:1]))
    with pytest.raises(InputError, match=r"x\.xml: a dump of a wiki: read it with --recipe wikipedia"):
        document_source([str(tmp_path / "x.xml")], load("c4"), ("", ""))
    (tmp_path / "y.txt").write_text("a text")
    with pytest.raises(InputError, match=r"y\.txt: none of the dumps"):
        document_source([str(tmp_path / "y.txt")], load("wikipedia"), ("", ""))


def test_a_range_that_ends_its_process_is_a_failed_row(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(dump(PLAIN[:2]))
    (task,) = wikipedia.Wikipedia().source([head_of(str(tmp_path / "x"))], None, 0).tasks
    task = replace(task, out=str(tmp_path / "out.parquet"))
    died = children.ChildDied("crash", -1, "ended with SIGSEGV")
    monkeypatch.setattr(wikipedia, "survive", lambda *asked: iter([rows._unread(task, 1, died)]))
    assert wikipedia.run(task).records == 1
    (row,) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert (row["verdict"], row["reason"], row["title"]) == ("failed", "reading_crash", None)


@pytest.mark.engine
def test_the_job_accounts_for_each_page(tmp_path):
    (tmp_path / "dewiki.xml.bz2").write_bytes(
        bz2.compress(dump([*PLAIN[:50], page(60, revision(1, "x"), space=1), LINKED]))
    )
    ledgers = []
    for split in (0, 30_000):
        out = tmp_path / f"out{split}"
        options = Options([str(tmp_path / "dewiki.xml.bz2")], str(out), recipe="wikipedia", split_bytes=split)
        ledgers.append(clean(options, EngineOptions(cores=2)))
        rows = pq.read_table(out / "data").to_pylist()
        assert {row["text"] for row in rows} == {*map(body, range(50)), "Text a."}
        assert "| `page_id` | int64 |" in (out / "README.md").read_text()
        links = pq.read_table(out / "links").to_pylist()
        assert [(one["url"], one["reference"], one["title"]) for one in links] == [
            ("http://b.org/", True, "Verweis"),
            ("https://a.org/x", False, "Verweis"),
        ]
    assert ledgers[0]["records"] == 52
    assert (ledgers[0]["kept"], ledgers[0]["skipped"]) == (51, {"other_namespace": 1})
    assert ledgers[0]["content"] == ledgers[1]["content"]


@pytest.mark.parametrize("ending", ["xml", "xml.bz2", "streams.xml.bz2", "xml.gz", "xml.xz"])
@pytest.mark.parametrize("split", [0, 5_003, 70_001])
@pytest.mark.parametrize("behind", ["</mediawiki>", "</mediawiki>\n\n \n" * 2, "\n", "", "</mediawi"])
def test_a_dump_that_is_cut_between_two_pages_is_told(tmp_path, ending, split, behind):
    """A multistream dump has its end in a stream of its own, which may be missing whole."""
    parts = [HEAD + "".join(PLAIN[:80]), "".join(PLAIN[80:]), behind]
    packed = {"streams.xml.bz2": bz2.compress}.get(ending)
    data = (
        b"".join(packed(part.encode()) for part in parts if part) if packed else PACKED[ending]("".join(parts).encode())
    )
    path = tmp_path / f"dewiki.{ending}"
    path.write_bytes(data)
    found = read(path, split_bytes=split)
    assert [row["page_id"] for row in found if row["verdict"] is None] == list(range(160))
    assert [row["reason"] for row in found if row["verdict"]] == ([] if ">" in behind else ["dump_cut"])
    if ">" not in behind:
        assert found[-1]["detail"] == "cut: the file ends without </mediawiki>"
        assert ending != "xml" or found[-1]["offset"] == len(data)


@pytest.mark.parametrize("split", range(1, 40))
def test_the_end_of_a_dump_may_be_parted_anywhere(tmp_path, split):
    data = dump(PLAIN[:2])
    (tmp_path / "x").write_bytes(data)
    assert reasons(read(tmp_path / "x", split_bytes=split + 100)) == [None, None]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (HEAD, ["dump_cut"]),
        (HEAD + "</mediawiki>", []),
        ('<mediawiki version="0.11" xml:lang="de" />', []),
        (PLAIN[0] + PLAIN[1], [None, None]),  # a stream out of a dump
        (HEAD + PLAIN[0] + "</mediawiki>\n" + HEAD + PLAIN[1], [None, None, "dump_cut"]),
    ],
)
def test_what_has_to_have_an_end(tmp_path, data, told):
    (tmp_path / "x").write_bytes(data.encode())
    assert reasons(read(tmp_path / "x")) == told
