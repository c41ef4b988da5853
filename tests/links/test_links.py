"""Links of Reddit and of WAT files: the right ones, each with its score, and a reason for each of the others."""

import gzip
import json
import lzma
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import InputError
from curate.filters.base import Document
from curate.jobs.links import Options, links
from curate.links import reddit, wat
from curate.links.listed import Listed, read_urls
from curate.links.rules import Address, address, key_of
from curate.links.tasks import ReadTask, facts_of, read

PAGE = "http://www.example.org/a"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://WWW.Example.org/A/?x=1#part", "example.org/A/?x=1"),
        ("http://example.org", "example.org"),
        ("http://example.org:80/a/", "example.org/a"),
        ("http://example.org:8080/", "example.org:8080"),
        ("http://example.org/?utm_source=x", "example.org"),
        ("http://bücher.example/x", "xn--bcher-kva.example/x"),
        ("http://i.imgur.com/a.jpg", "media_host"),
        ("http://notimgur.com/a", "notimgur.com/a"),
        ("http://a.org/b.PNG?x=1", "media_file"),
        ("http://old.reddit.com/r/x", "reddit"),
        ("/r/x/comments/1", "reddit"),
        ("http://redd.it/1", "reddit"),
        ("https://de.m.wikipedia.org/wiki/X", "wikipedia"),
        ("ftp://a.org/", "not_http"),
        ("javascript:alert(1)", "not_http"),
        ("http://[::1", "bad_url"),
        ("http://127.0.0.1/x", "bad_url"),
        ("http://localhost/x", "bad_url"),
        ("http://a.org:99999/", "bad_url"),
        ("http://user:pw@a.org/x", "a.org/x"),
        ("http://a.org/" + "x" * 3000, "bad_url"),
        ("http://a.org/\ud83d", "bad_url"),
        ("http://a\udc00.org/", "bad_url"),
        ("http://a.org/\U0001f600", "a.org/\U0001f600"),
        ("", "no_url"),
        (None, "no_url"),
        (3, "no_url"),
    ],
)
def test_addresses(url, found):
    made = address(url)
    assert (made.key if isinstance(made, Address) else made) == found


def test_a_key_is_the_same_for_the_page_as_it_was_crawled():
    assert key_of("https://www.example.org/a/") == address("http://example.org/a#b").key


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, 7),
        ({"score": "7"}, 7),
        ({"score": 7.0}, 7),
        ({"score": "2"}, "low_score"),
        ({"score": None}, "no_score"),
        ({"score": "many"}, "no_score"),
        ({"score": True}, "no_score"),
        ({"is_self": True}, "self_post"),
        ({"is_self": "true"}, "self_post"),
        ({"is_self": None, "domain": "self.news"}, "self_post"),
        ({"over_18": True}, "over_18"),
        ({"over_18": "True"}, "over_18"),
        ({"over_18": None}, 7),
        ({"url": None, "url_overridden_by_dest": PAGE}, 7),
        ({"url": "https://v.redd.it/x"}, "reddit"),
    ],
)
def test_submissions(fields, found):
    made = reddit.link({"url": PAGE, "score": 7, "title": "T", "author": "somebody", **fields}, 3)
    assert (made if isinstance(made, str) else made.score) == found


def test_no_name_of_a_user_comes_along():
    made = reddit.link({"url": PAGE, "score": 7, "title": "as /u/some_body and u/other said", "author": "third"}, 3)
    assert made.text == "as and said"
    assert "third" not in repr(made)
    assert reddit.link({"body": "a comment"}, 3) == "not_a_submission"


def record(page, found, base=None):
    html = {"Links": found, "Head": {"Base": base} if base else {}}
    header = {"WARC-Target-URI": page}
    return json.dumps(
        {
            "Envelope": {
                "WARC-Header-Metadata": header,
                "Payload-Metadata": {"HTTP-Response-Metadata": {"HTML-Metadata": html}},
            }
        }
    ).encode()


def test_links_of_a_page():
    found = list(
        wat.links(
            record(
                "http://a.org/x/",
                [
                    {"path": "A@/href", "url": "//b.org/p", "text": " to  b "},
                    {"path": "A@/href", "url": "y"},
                    {"path": "IMG@/src", "url": "http://c.org/i"},
                    {"path": "A@/href", "url": "http://d.org/", "rel": "nofollow ugc"},
                    {"path": "A@/href", "url": "mailto:x@y.org"},
                    {"path": "A@/href"},
                    "no link",
                ],
            )
        )
    )
    assert found[0].address.url == "http://b.org/p"
    assert (found[0].text, found[0].host) == ("to b", "a.org")
    assert found[1:] == ["same_host", "embedded", "nofollow", "not_http", "no_url", "no_url"]
    based = list(wat.links(record("http://a.org/", [{"path": "A@/href", "url": "y"}], "http://b.org/z/")))
    assert based[0].address.url == "http://b.org/z/y"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Envelope": 3}', b"[" * 100_000])
def test_odd_records_have_a_reason(body):
    assert list(wat.links(body)) in (["bad_json"], ["not_a_page"])


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.just([{}]),
).map(lambda one: f"http://a.org/{one}" if isinstance(one, str) and len(one) % 2 else one)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["url", "title", "score", "domain", "is_self", "over_18", "selftext"]), ODD)
    )
)
def test_whatever_a_submission_holds_it_is_counted(rows):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "RS.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
        task = ReadTask(
            f"{folder}/RS.json", "reddit", "", 4, f"{folder}/out", f"{folder}/failed", 1, over_18=True, wikipedia=True
        )
        read(task)
        facts = facts_of(task.out)
    assert facts["seen"] == len(rows) == facts["links"] + sum(facts["skipped"].values())


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(("url", "path", "rel", "text"), ODD))), ODD, ODD)
def test_whatever_a_page_links_to_can_be_written(found, page, base):
    for made in wat.links(record(page, found, base)):
        texts = [made] if isinstance(made, str) else [made.address.url, made.address.key, made.text, made.host]
        assert all(text.encode() for text in texts if text)


def submissions(*rows):
    return "".join(json.dumps({"title": "t", "over_18": False, **row}) + "\n" for row in rows).encode()


def table(folder):
    return pq.read_table([str(path) for path in sorted(Path(folder, "data").glob("*.parquet"))]).to_pylist()


PACK = {
    "zst": lambda data: zstd.compress(data, options={zstd.CompressionParameter.window_log: 27}),
    "xz": lzma.compress,
    "gz": gzip.compress,
    "json": bytes,
}


@pytest.mark.parametrize("ending", PACK)
def test_job_of_reddit(tmp_path, ending):
    data = submissions(
        {"url": "http://a.org/x", "score": 3, "title": "low"},
        {"url": "https://www.a.org/x/", "score": 9, "title": "high"},
        {"url": "http://b.org/", "score": 2},
        {"url": "http://c.org/", "score": 5, "is_self": True},
    )
    (tmp_path / f"RS_2019-01.{ending}").write_bytes(PACK[ending](data + b"no json\n"))
    ledger = links(Options([str(tmp_path / f"RS_2019-01.{ending}")], str(tmp_path / "links")))
    assert ledger["records"] == 5
    assert (ledger["skipped"], ledger["failed"]) == ({"low_score": 1, "self_post": 1}, {"not_json": 1})
    assert (ledger["links"], ledger["rejected"], ledger["kept"]) == (2, {"duplicate": 1}, 1)
    [bad] = pq.read_table(tmp_path / "links" / "rejected").to_pylist()
    assert (bad["reason"], bad["line"]) == ("not_json", 5)
    [row] = table(tmp_path / "links")
    assert (row["key"], row["score"], row["count"], row["text"]) == ("a.org/x", 9, 2, "high")
    assert read_urls(str(tmp_path / "links")) == ["https://www.a.org/x/"]


def test_a_cut_dump_gives_what_is_before_and_says_so(tmp_path):
    data = submissions(*({"url": f"http://a{n}.org/x", "score": 3 + n} for n in range(9000)))
    (tmp_path / "RS_1.gz").write_bytes(gzip.compress(data)[:-20_000])
    ledger = links(Options([str(tmp_path / "RS_1.gz")], str(tmp_path / "links")))
    assert 100 < ledger["kept"] < 9000
    assert ledger["failed"] == {"dump_cut": 1, "not_json": 1}
    bad = {row["reason"]: row for row in pq.read_table(tmp_path / "links" / "rejected").to_pylist()}
    assert bad["dump_cut"]["offset"] > 0


def test_nothing_to_read_is_an_error(tmp_path):
    (tmp_path / "RS_1.zst").write_bytes(b"\x28\xb5\x2f\xfd nothing")
    with pytest.raises(InputError):
        links(Options([str(tmp_path / "RS_1.zst")], str(tmp_path / "links")))
    (tmp_path / "x.txt").write_bytes(b"plain words")
    with pytest.raises(
        InputError, match=r"x\.txt: none of the dumps that are known, and this command reads submissions"
    ):
        links(Options([str(tmp_path / "x.txt")], str(tmp_path / "links")))


def test_json_of_another_kind_and_an_empty_dump_are_errors(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "of a corpus"}\n')
    with pytest.raises(InputError, match="no link could be read from 1 file: 1 not_a_submission"):
        links(Options([str(tmp_path / "a.jsonl")], str(tmp_path / "links")))
    (tmp_path / "RS_1.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(InputError, match="no link could be read from 1 file: they are empty"):
        links(Options([str(tmp_path / "RS_1.gz")], str(tmp_path / "links")))


def test_what_a_folder_holds_of_other_kinds_is_told(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "RS_1.gz").write_bytes(gzip.compress(submissions({"url": "http://a.org/x", "score": 3})))
    (tmp_path / "in" / "notes.txt").write_bytes(b"plain words")
    assert links(Options([str(tmp_path / "in")], str(tmp_path / "links")))["kept"] == 1
    assert "notes.txt: none of the dumps that are known; left out" in capsys.readouterr().err


def test_job_of_wat_counts_hosts(tmp_path):
    pages = [
        record(page, [{"path": "A@/href", "url": "http://b.org/p", "text": text}])
        for page, text in [
            ("http://a.org/1", "one"),
            ("http://a.org/2", "two"),
            ("http://c.org/", "two"),
            ("http://d.org/", "two"),
            ("http://b.org/", "no"),
        ]
    ]
    data = b"".join(
        b"WARC/1.0\r\nWARC-Type: metadata\r\nContent-Type: application/json\r\nWARC-Date: 2026-01-01T00:00:00Z\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
        % (len(page), page)
        for page in pages
    )
    (tmp_path / "x.wat.gz").write_bytes(gzip.compress(data))
    ledger = links(Options([str(tmp_path / "x.wat.gz")], str(tmp_path / "links"), min_score=2))
    assert ledger["skipped"] == {"same_host": 1}
    [row] = table(tmp_path / "links")
    assert (row["url"], row["score"], row["count"], row["text"]) == ("http://b.org/p", 3, 4, "two")


def test_listed_pages_are_kept(tmp_path):
    (tmp_path / "urls.txt").write_text("http://www.a.org/x\nhttps://b.org/\n")
    step = Listed(urls=str(tmp_path / "urls.txt"))
    assert step(Document("1", "t", url="https://a.org/x/")).reason is None
    assert step(Document("1", "t", url="https://a.org/y")).reason == "not_listed"
    assert step(Document("1", "t")).reason == "not_listed"
    assert Listed()(Document("1", "t")).reason is None


def test_counts_beside_a_short_script(tmp_path, testdata):
    folder = testdata / "J-sources/reddit/jcpeterson__openwebtext/pushshift_dumps"
    ledger = links(Options([str(folder)], str(tmp_path / "links")))
    rows = [
        json.loads(line) for path in folder.glob("*.xz") for line in lzma.decompress(path.read_bytes()).splitlines()
    ]
    high = [row for row in rows if int(row["score"]) >= 3 and not row["is_self"] and not row["over_18"]]
    best = Counter()
    for row in high:
        host = (urlsplit(row["url"]).hostname or "").removeprefix("www.")
        if not host.endswith(("reddit.com", "wikipedia.org")) and not urlsplit(row["url"]).path.lower().endswith(
            (".jpg", ".png", ".gif", ".pdf.zip", ".mp3", ".mov", ".wmv", ".xml", ".swf")
        ):
            best[address(row["url"], wikipedia=True).key] = max(
                best[address(row["url"], wikipedia=True).key], row["score"]
            )
    assert ledger["records"] == len(rows)
    assert {row["key"]: row["score"] for row in table(tmp_path / "links")} == dict(best)
