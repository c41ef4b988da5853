"""Dumps of Stack Exchange: each post in one document or counted, answers in the order of their scores."""

import itertools
import re
from collections import Counter
from html import escape

import py7zr
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.corpus.recipe import load
from curate.engine.session import EngineOptions
from curate.errors import InputError
from curate.html.fragment import fragment_text
from curate.jobs.clean import Options, clean
from curate.read import buckets, stackexchange
from curate.read.documents import document_source
from curate.read.stackexchange import StackExchange, attributes, chosen, license_of, rows, tags_of
from curate.read.unpack import Piece

BOM = b"\xef\xbb\xbf"
DOCTYPE = '<!DOCTYPE posts [<!ENTITY bomb "aaaa"><!ENTITY out SYSTEM "file:///etc/passwd">]>\n'


def row(**values):
    return (
        "  <row "
        + " ".join(f'{key}="{escape(str(value)).replace(chr(10), "&#xA;")}"' for key, value in values.items())
        + " />\r\n"
    )


def post(number, kind, **more):
    return row(Id=number, PostTypeId=kind, CreationDate="2012-03-04T05:06:07.890", Score=more.pop("score", 0), **more)


def table(name, *lines, doctype=""):
    return (
        BOM + f'<?xml version="1.0" encoding="utf-8"?>\r\n{doctype}<{name}>\r\n{"".join(lines)}</{name}>\r\n'.encode()
    )


POSTS = [
    post(1, 1, score=5, Title="Why?", Body="<p>Why is it?</p>", Tags="<a><b-c>", AcceptedAnswerId=3),
    post(2, 2, score=9, ParentId=1, Body="<p>Nine</p>"),
    post(3, 2, score=-1, ParentId=1, Body="<p>Accepted</p>"),
    post(4, 2, score=10, ParentId=1, Body="<p>Ten <code>x &lt; y</code></p>"),
    post(5, 2, score=100, ParentId=1, Body="<pre><code>if a:\n    b()\n</code></pre>", ContentLicense="CC BY-SA 4.0"),
    post(6, 1, Title="Nobody knows", Body="<p>?</p>", Tags="|d|e|"),
    post(7, 2, ParentId=99, Body="<p>Orphan</p>"),
    post(8, 2, Body="<p>Of nothing</p>"),
    post(9, 4, Body="Excerpt"),
    post(10, 5, Body="Wiki"),
    post(11, 2, ParentId=6, Body="<p>Gone</p>", DeletionDate="2013-01-01T00:00:00"),
    post(2, 2, score=9, ParentId=1, Body="<p>Nine</p>"),
]
COMMENTS = [
    row(Id=1, PostId=4, Score=1, Text="Well &quot;said&quot;"),
    row(Id=2, PostId=77, Score=1, Text="lost"),
    row(Id=3, PostId=3, Text="of a bad answer"),
]


def job(folder, out, recipe="stackexchange", **more):
    ledger = clean(Options([str(folder)], str(out), recipe=recipe, **more), EngineOptions(cores=2))
    return ledger, {one["question_id"]: one for one in pq.read_table(out / "data").to_pylist()}


@pytest.mark.engine
def test_each_post_is_in_one_document_or_in_the_ledger(tmp_path):
    site = tmp_path / "beer.stackexchange.com"
    site.mkdir()
    (site / "Posts.xml").write_bytes(table("posts", *POSTS, doctype=DOCTYPE))
    (site / "Badges.xml").write_bytes(table("badges", row(Id=1)))
    ledger, found = job(site, tmp_path / "out")
    assert ledger["records"] == len(POSTS)
    assert ledger["skipped"] == {
        "answer_in_document": 4, "answer_without_question": 1, "deleted_post": 1, "orphaned_answer": 1, "post_type_4": 1,
        "post_type_5": 1, "repeated_post": 1,
    }  # fmt: skip
    one = found[1]
    assert one["text"] == "Q: Why?\n\nWhy is it?\n\nA: if a:\n    b()\n\nA: Ten x < y\n\nA: Nine\n\nA: Accepted"
    assert one["answer_scores"] == [100, 10, 9, -1]
    assert one["tags"] == ["a", "b-c"]
    assert found[6]["tags"] == ["d", "e"]
    assert (one["site"], one["score"], one["accepted"]) == ("beer.stackexchange.com", 5, 3)
    assert one["license"] == "CC-BY-SA-3.0 AND CC-BY-SA-4.0"
    assert one["url"] == "https://beer.stackexchange.com/questions/1"
    assert found[6]["text"] == "Q: Nobody knows\n\n?"


@pytest.mark.engine
def test_archives_comments_and_options(tmp_path):
    with py7zr.SevenZipFile(tmp_path / "beer.stackexchange.com.7z", "w") as archive:
        archive.writestr(table("comments", *COMMENTS), "Comments.xml")
        archive.writestr(table("posts", *POSTS), "Posts.xml")
        archive.writestr(table("users", row(Id=1)), "Users.xml")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        '[source]\nuse = "curate.read.stackexchange.StackExchange"\naccepted_first = true\ncomments = true\n'
        "minimum_score = 0\nmaximum_answers = 2\nunanswered = false\n"
    )
    ledger, found = job(tmp_path / "beer.stackexchange.com.7z", tmp_path / "out", str(recipe))
    assert list(found) == [1]
    assert found[1]["text"].endswith('b()\n\nA: Ten x < y\n\nComment: Well "said"')
    assert ledger["records"] == len(POSTS) + len(COMMENTS)
    assert ledger["skipped"] == {
        "answer_in_document": 2, "answer_beyond_the_maximum": 1, "answer_of_low_score": 1, "answer_without_question": 1,
        "comment_in_document": 1, "comment_of_no_document": 1, "comment_without_post": 1, "deleted_post": 1, "orphaned_answer": 1, "post_type_4": 1,
        "post_type_5": 1, "question_without_answer": 1, "repeated_post": 1,
    }  # fmt: skip


@pytest.mark.engine
def test_the_same_documents_however_a_file_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(stackexchange, "BUCKET_BYTES", 4000)
    lines = [post(at, 1, Title=f"T{at}", Body=f"<p>{at}</p>") for at in range(1, 120)]
    lines += [post(1000 + at, 2, score=at % 13, ParentId=at % 119 + 1, Body=f"<p>a{at}</p>") for at in range(400)]
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "Posts.xml").write_bytes(table("posts", *lines))
    whole, first = job(tmp_path / "site", tmp_path / "a")
    monkeypatch.setattr(stackexchange, "BUCKET_BYTES", 1 << 30)
    cut, second = job(tmp_path / "site", tmp_path / "b", split_bytes=5000)
    assert whole["content"] == cut["content"]
    assert first == {number: {**one, "file": one["file"]} for number, one in second.items()}
    assert whole["records"] == cut["records"] == 519
    assert all(one["answer_scores"] == sorted(one["answer_scores"], reverse=True) for one in first.values())


@pytest.mark.engine
def test_a_damaged_place_is_a_row_and_the_rest_comes_through(tmp_path):
    data = table("posts", *POSTS[:2], '  <row Id="20" PostTypeId="1" Body="&bomb; &nbsp;" />\n', *POSTS[2:4])
    (tmp_path / "Posts.xml").write_bytes(data + b'<row Id="21" PostTypeId="1" Body="cut')
    ledger, found = job(tmp_path / "Posts.xml", tmp_path / "out")
    assert ledger["failed"] == {"row_xml": 1, "dump_cut": 1}
    assert found[1]["answer_scores"] == [10, 9, -1]
    bad = pq.read_table(tmp_path / "out" / "rejected").to_pylist()
    assert {one["offset"] for one in bad} == {data.index(b'<row Id="20"'), len(data)}


@given(st.integers(1, 2000), st.integers(0, 3000))
def test_a_row_belongs_to_the_range_in_which_it_begins(size, end):
    data = table("posts", *POSTS)
    own = [Piece(data[at : min(at + size, end)], at, True) for at in range(0, end, size)]
    rest = [Piece(data[at : at + size], at, False) for at in range(min(end, len(data)), len(data), size)]
    found = [offset for element, offset, problem in rows(iter([*own, *rest])) if not problem]
    assert found == [match.start() for match in re.finditer(b"<row ", data) if match.start() < end]


def test_values_of_a_row():
    assert attributes(b"<row Id='1' Body=\"a&lt;b&#xA;c > d\"  ></row>".partition(b"</row")[0]) == {
        "Id": "1",
        "Body": "a<b\nc > d",
    }
    assert attributes(b'<row Id="1" Body="&nbsp;" />') is None
    assert attributes(b'<row Id="1') is None
    assert tags_of("<c#><.net>") == tags_of("|c#|.net|") == ["c#", ".net"]


def test_licences_by_the_day():
    assert [license_of(None, day) for day in ("2009-01-01", "2011-04-08", "2018-05-01", "2018-05-02")] == [
        "CC-BY-SA-2.5",
        "CC-BY-SA-3.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
    ]
    assert license_of("CC BY-SA 2.5", "2020-01-01") == "CC-BY-SA-2.5"


@given(st.lists(st.integers(-1000, 1000), max_size=12), st.integers(0, 12), st.booleans())
def test_answers_are_ordered_by_their_scores_as_numbers(scores, accepted, first):
    answers = [[1, 2, number, score] for number, score in enumerate(scores)]
    kept, lost = chosen(answers, accepted, StackExchange(accepted_first=first))
    assert lost == []
    rest = [one[3] for one in kept if not (first and one[2] == accepted)]
    assert rest == sorted(rest, reverse=True)
    assert not (first and accepted < len(scores)) or kept[0][2] == accepted


@given(st.lists(st.tuples(st.integers(0, 5), st.text()), max_size=60), st.integers(1, 2000))
def test_records_come_back_by_bucket(tmp_path_factory, records, held):
    path = str(tmp_path_factory.mktemp("buckets") / "file")
    old, buckets.HELD = buckets.HELD, held
    try:
        with buckets.BucketWriter(path) as writer:
            for number, text in records:
                writer.add(number, [number, text])
    finally:
        buckets.HELD = old
    file = buckets.BucketFile(path)
    for number in range(6):
        assert list(file.read(number)) == [[n, text] for n, text in records if n == number]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a <b>b</b>c</p>\n\n<p>d</p>", "a bc\n\nd"),
        ("<pre><code>x\n  y\n\n\n  z</code></pre>\n<p>a</p>", "x\n  y\n\n\n  z\n\na"),
        ("<ul><li>a</li><li><p>b</p><ol><li>c</li></ol></li></ul>d", "- a\n- b\n  1. c\n\nd"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>", "a\tb\nc"),
        ("a &amp; &lt;b&gt; <script>no</script><!-- no -->", "a & <b>"),
        ("", ""),
        ("<p> </p>", ""),
        ("<blockquote><p>q</p></blockquote>r", "q\n\nr"),
    ],
)
def test_html_of_posts(html, expected):
    assert fragment_text(html) == expected


@given(st.text(max_size=80))
def test_text_that_is_escaped_comes_back(text):
    plain = " ".join(
        re.sub(r"[\x00-\x20\x7f-\xa0\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]|[^\x00-\uffff]", " ", text).split()
    )
    assert " ".join(fragment_text(f"<p>{escape(plain)}</p>").split()) == plain


def test_deeply_nested_html_goes_through():
    assert fragment_text("<p>first</p>" + "<div>" * 50_000 + "x y</div>").split() == ["first", "x", "y"]


def test_files_without_posts_are_named(tmp_path):
    (tmp_path / "Badges.xml").write_bytes(table("badges", row(Id=1)))
    with pytest.raises(InputError, match=r"Badges\.xml: holds no posts"):
        document_source([str(tmp_path / "Badges.xml")], load("stackexchange"), ("", ""))
    with pytest.raises(InputError, match="read it with --recipe stackexchange"):
        document_source([str(tmp_path / "Badges.xml")], load("wikipedia"), ("", ""))


def test_two_folders_of_one_name_are_two_sites(tmp_path):
    for parent in ("a", "b"):
        (tmp_path / parent / "data").mkdir(parents=True)
        (tmp_path / parent / "data" / "Posts.xml").write_bytes(table("posts", *POSTS))
    source = document_source([str(tmp_path)], load("stackexchange"), ("", ""))
    assert len(Counter(task.site for task in source.tasks)) == 2
    assert isinstance(load("stackexchange-pile").source, StackExchange)


def parted(data, *ends):
    """What the tasks of a file find that read up to each of `ends`: rows, and what is told of places."""
    cuts = sorted({0, *(end for end in ends if end < len(data)), len(data)})
    found = []
    for start, end in itertools.pairwise(cuts):
        pieces = [Piece(data[start:end], start, True), *([Piece(data[end:], end, False)] if data[end:] else [])]
        found += rows(iter(pieces), first=start == 0)
    return [element for element, _, problem in found if not problem], [
        (at, problem) for _, at, problem in found if problem
    ]


@pytest.mark.parametrize("name", ["posts", "comments", "Posts"])
@given(st.lists(st.integers(1, 4000), max_size=4))
def test_a_table_that_ends_behind_a_row_is_cut(name, ends):
    """The row before the cut is whole, and the range in which it begins tells of the cut, whatever ranges there are."""
    whole = table(name, *POSTS)
    end = f"</{name}>".encode()
    count = len(POSTS)
    for data in (whole, whole + b" \r\n\n", whole.replace(b"</", b"\r\n</")):
        assert [len(one) for one in parted(data, *ends)] == [count, 0]
    for data in (whole.partition(end)[0], whole.partition(end)[0].rstrip(), whole.rstrip()[:-1]):
        found, told = parted(data, *ends)
        assert len(found) == count
        assert told == [(len(data), "cut: the file ends without the end of its table")]


@pytest.mark.parametrize(
    ("data", "told"), [("<posts>\n", 1), ("<posts />", 0), ("<posts></posts>", 0), ("<comments/>\n", 0)]
)
def test_a_table_without_rows_has_an_end_as_well(data, told):
    assert len(list(rows(iter([Piece(data.encode(), 0, True)])))) == told
