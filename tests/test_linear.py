"""Twice the input, twice the time: filters, readers, writers and our extractor on texts and files made to be hard.

trafilatura and resiliparse are left out: they
have quadratic cases that are not ours to mend, and children with limits of CPU time run them (curate.engine.children).
"""

import gzip
import importlib
import inspect
import json
import pkgutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curate import filters
from curate.console import terminal
from curate.corpus import recipe, schema
from curate.corpus.shards import ShardWriter
from curate.dedup import Exact, Lines, MinHash, Spans, Urls, normalise, spans
from curate.encodings import decode
from curate.filters.assets import AssetMissingError
from curate.filters.base import Document
from curate.html import extract
from curate.html.extractors import clean_html, clean_text
from curate.read import corpora
from curate.read.inputs import InputFile
from curate.read.rows import tallies
from curate.read.splits import plan_splits, read_split
from curate.report import trace
from curate.warc.headers import parse_http
from curate.warc.payload import unchunk
from tests import linear
from tests.linear import assert_linear

LARGEST_TEXT = 1 << 15


def test_a_square_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def square(size: int, salt: int) -> Callable[[], Any]:
        return lambda: sum(1 for _ in range(size // 32) for _ in range(size // 32))

    with monkeypatch.context() as patched:
        patched.setattr(linear, "ENOUGH", 0.002)  # a square takes long to be tried six times
        with pytest.raises(AssertionError, match=r"square: twice the input takes \d"):
            assert_linear(square, "square")
    assert_linear(lambda size, salt: lambda: sum(range(size * 20)), "line")


# Texts -------------------------------------------------------------------------------------------------------------------

PIECES = {
    "one huge line": "The old mill stood by the river, and nobody knew why ",
    "short lines": "The cat.\n",
    "words that repeat": "one two three four five six seven eight nine ten eleven ",
    "one letter": "a",
    "letters and a space": "a ",
    "capitals": "THE OLD MILL STOOD. ",
    "dots": ".",
    "dots and spaces": ". ",
    "less-than signs": "<",
    "quotes": '"',
    "curly quotes": "\u201d \u2019",
    "brackets": "[",
    "citation marks": "[1]",
    "nested marks": "[[1]]",
    "parentheses": "(",
    "URLs": "http://a.org/b?c=d ",
    "one URL": "/a?b",
    "labels": "a.",
    "mail": "a@b.co ",
    "no white space": "\u4e2d\u6587\u5b57",
    "wide sentences": "\u4e2d\u6587\u3002",
    "letters with marks": "e\u0301",
    "marks": "\u0301",
    "spaces": " ",
    "line feeds": "\n",
    "carriage returns": "\r",
    "blank lines": " \n",
    "hidden ends": "\u200b ",
    "abbreviations": "Mr. J. K. e.g. no. 5 ",
    "phrases": "terms of privacy use cookie policy lorem ",
    "bullets": "- a\n",
    "hashes": "#",
    "equals": "A=",
    "hexadecimal": "0x1f, ",
    "comments": "// generated\n",
    "licences": "MIT OR ",
}


def piece_text(piece: str) -> Callable[[int, int], str]:
    return lambda size, salt: f"{salt} {piece * (size // len(piece))}"


def _distinct(size: int, salt: int) -> str:
    return " ".join(f"w{salt}x{i}" for i in range(size // 8))


TEXTS: dict[str, Callable[[int, int], str]] = {name: piece_text(piece) for name, piece in PIECES.items()}
TEXTS |= {
    "words that differ": _distinct,
    "lines that differ": lambda size, salt: _distinct(size, salt).replace(" ", ".\n"),
    "few words in many orders": lambda size, salt: " ".join(
        "abcde"[(i * i + i // 7 + salt) % 5] for i in range(size // 2)
    ),
}

MODULES = [importlib.import_module(f"curate.filters.{found.name}") for found in pkgutil.iter_modules(filters.__path__)]
STEPS: list[Any] = [
    member
    for module in MODULES
    for member in vars(module).values()
    if inspect.isclass(member) and member.__module__ == module.__name__ and hasattr(member, "signals")
    if is_dataclass(member)
]
OTHER_WAYS: dict[str, dict[str, Any]] = {
    "LineRules": {"repeat": True, "exact": True, "min_words": 1},
    "WordsWithoutLetters": {"split_punctuation": True},
    "RepeatedParagraphs": {"blank_lines": True},
    "StopWords": {"split_punctuation": False},
    "TooFewSentences": {"splitter": "english"},
}
CASES: list[tuple[Any, dict[str, Any]]] = [(step, {}) for step in STEPS] + [
    (s, OTHER_WAYS[s.__name__]) for s in STEPS if s.__name__ in OTHER_WAYS
]
CASES += [(s, {"splitter": "punkt", "per_line": False}) for s in STEPS if s.__name__ == "TooFewSentences"]


def _document(text: str) -> Document:
    """With the text in every field that a step may look at."""
    return Document("0" * 32, text, url=text, language="en", repo=text, path=text, license=text)


@pytest.mark.parametrize(("step", "options"), CASES, ids=[f"{s.__name__}{''.join(map(str, o))}" for s, o in CASES])
def test_filters(step: Any, options: dict[str, Any], tmp_path: Path) -> None:
    if step.__name__ == "UrlBlocklist":
        (tmp_path / "list").write_text("a.org\nb.org/c?d\nb.org/a/b\n")
        options = {"path": str(tmp_path / "list")}
    made = step(**options)
    try:
        made(_document("Some text to load what the step needs."))
    except AssetMissingError as error:
        pytest.skip(str(error))
    for name, text in TEXTS.items():

        def work(size: int, salt: int, text: Callable[[int, int], str] = text) -> Callable[[], Any]:
            doc = _document(text(size, salt))
            return lambda: made(doc)

        assert_linear(work, f"{step.__name__} on {name}", LARGEST_TEXT)


def _batch(texts: list[str]) -> pa.RecordBatch:
    size = len(texts)
    rows = {"id": [f"{i:032x}" for i in range(size)], "text": texts, "url": [f"http://a.org/{i}" for i in range(size)]}
    types = {field.name: field.type for field in schema.extracted("web")}
    rows["source"] = ["crawl"] * size
    columns = {name: pa.array(rows.get(name, [None] * size), kind) for name, kind in types.items()}
    return pa.RecordBatch.from_pydict(columns)


PURE: dict[str, Callable[[str], Any]] = {
    "clean_text": clean_text,
    "clean_html": clean_html,
    "terminal.clean": terminal.clean,
    "terminal.one_line": terminal.one_line,
    "fold": normalise.fold,
    "folded_sentences": normalise.folded_sentences,
    "cut sentences": lambda text: spans.without(text, set(range(0, len(text), 2))),
    "trace": lambda text: trace.trace({"id": "0" * 32, "text": text}, _shown(), {}),
    "decode": lambda text: decode.decode(text.encode("utf-16-le"), None),
    "decode as Shift_JIS": lambda text: decode.decode(text.encode("shift_jis", "replace") + b"\xff", "shift_jis"),
}


def _shown() -> recipe.Recipe:
    return recipe.parse(
        "[[step]]\nuse = 'filters.c4.LineRules'\nmin_words = 1\n[[step]]\nuse = 'filters.c4.LoremIpsum'", "r"
    )


@pytest.mark.parametrize("function", PURE.values(), ids=PURE)
def test_texts_elsewhere(function: Callable[[str], Any]) -> None:
    function("Load what is needed.")
    for name, text in TEXTS.items():

        def work(size: int, salt: int, text: Callable[[int, int], str] = text) -> Callable[[], Any]:
            given = text(size, salt)
            return lambda: function(given)

        assert_linear(work, name, LARGEST_TEXT)


@pytest.mark.parametrize("step", [Urls(), Exact(), Lines(), Spans(), MinHash()], ids=lambda step: type(step).__name__)
def test_keys_of_corpus_wide_steps(step: Any) -> None:
    step.keys(_batch(["Load what is needed."]))
    for name, text in TEXTS.items():

        def one_text(size: int, salt: int, text: Callable[[int, int], str] = text) -> Callable[[], Any]:
            batch = _batch([text(size, salt)])
            return lambda: step.keys(batch)

        assert_linear(one_text, name, LARGEST_TEXT)

    def many(size: int, salt: int) -> Callable[[], Any]:
        batch = _batch([f"Document {i} {salt}. It has three. Sentences here." for i in range(size // 64)])
        return lambda: step.keys(batch)

    assert_linear(many, "many documents")


# Files -------------------------------------------------------------------------------------------------------------------


def _warc(block: bytes, fields: bytes = b"") -> bytes:
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.org/\r\n"
    return head + fields + b"Content-Length: %d\r\n\r\n" % len(block) + block + b"\r\n\r\n"


def _http(body: bytes, fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + fields + b"\r\n" + body


def _times(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


RECORD = _warc(_http(b"<p>text</p>"))
CHUNKED = b"Transfer-Encoding: chunked\r\n"
ARC_RECORD = b"http://a.org/ 1.2.3.4 20260101000000 text/html 60\n" + _http(b"<p>text</p>").ljust(60) + b"\n"
SEED = bytes(range(256)) * 2

ARCHIVES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "records": ("a.warc", lambda size: _times(RECORD, size)),
    "records of WET": ("a.wet", lambda size: _times(RECORD.replace(b"response", b"conversion"), size)),
    "one member": ("a.warc.gz", lambda size: gzip.compress(_times(RECORD, size), mtime=0)),
    "members": ("a.warc.gz", lambda size: _times(gzip.compress(RECORD, mtime=0), size)),
    "frames": ("a.warc.zst", lambda size: _times(zstandard.compress(RECORD), size)),
    "one frame": ("a.warc.zst", lambda size: zstandard.compress(_times(RECORD, size))),
    "ARC": ("a.arc", lambda size: _times(ARC_RECORD, size)),
    "beginnings of headers": ("a.warc", lambda size: _times(b"WARC/1.0\r\nX:", size)),
    "headers that go on": ("a.warc", lambda size: _times(b"WARC/1.0\r\nA: b\r\n", size)),
    "beginnings of members": ("a.warc.gz", lambda size: RECORD[:0] + _times(b"\x1f\x8b\x08", size)),
    "beginnings of good members": ("a.warc.gz", lambda size: _times(b"\x1f\x8b\x08\0", size)),
    "beginnings of frames": ("a.warc.zst", lambda size: _times(b"\x28\xb5\x2f\xfd", size)),
    "line ends": ("a.warc", lambda size: RECORD + _times(b"\r\n", size) + RECORD),
    "garbage": ("a.warc", lambda size: RECORD + _times(SEED, size) + RECORD),
    "zeros": ("a.warc.gz", lambda size: gzip.compress(RECORD) + bytes(size) + gzip.compress(RECORD)),
    "many fields": ("a.warc", lambda size: _warc(_http(b"x"), _times(b"A-B: c\r\n", size))),
    "one long field": ("a.warc", lambda size: _warc(_http(b"x"), b"A: " + b"b" * size + b"\r\n")),
    "folded fields": ("a.warc", lambda size: _warc(_http(b"x"), b"A: b\r\n" + _times(b" c\r\n", size))),
    "many fields of HTTP": ("a.warc", lambda size: _warc(_http(b"x", _times(b"Content-Encoding: br\r\n", size)))),
    "folded fields of HTTP": ("a.warc", lambda size: _warc(_http(b"x", b"A: b\r\n" + _times(b" c\r\n", size)))),
    "chunks": ("a.warc", lambda size: _warc(_http(_times(b"1\r\na\r\n", size) + b"0\r\n\r\n", CHUNKED))),
    "wrong lengths": ("a.warc", lambda size: _times(RECORD.replace(b"Length: ", b"Length: 1"), size)),
    "cut records": ("a.warc", lambda size: _times(RECORD[:-12], size)),
}


@pytest.mark.parametrize(("name", "made"), ARCHIVES.values(), ids=ARCHIVES)
def test_readers_of_archives(name: str, made: Callable[[int], bytes], tmp_path: Path) -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        path = tmp_path / name
        path.write_bytes(data := made(size))
        file = InputFile(str(path), len(data), "arc" if ".arc" in name else "warc")
        return lambda: sum(
            1 for split in plan_splits(file, 1 << 30) for _ in read_split(split)
        )  # not held: as jobs read

    work(100, 0)()
    assert_linear(work, name)


BODIES: dict[str, tuple[Callable[[bytes], Any], Callable[[int], bytes]]] = {
    "chunks": (unchunk, lambda size: _times(b"1\r\na\r\n", size) + b"0\r\n\r\n"),
    "chunks with extensions": (unchunk, lambda size: _times(b"1;a=b\r\na\r\n", size)),
    "a long chunk size": (unchunk, lambda size: _times(b"0", size)),
    "fields": (parse_http, lambda size: _http(b"", _times(b"A: b\r\n", size))),
    "codings": (parse_http, lambda size: _http(b"", b"Content-Encoding: " + _times(b"gzip, ", size) + b"\r\n")),
    "types": (parse_http, lambda size: _http(b"", b"Content-Type: " + _times(b"a;charset=", size) + b"\r\n")),
    "metas": (decode.decode, lambda size: _times(b"<meta charset=", size) + b"\xff"),
    "comments": (decode.decode, lambda size: _times(b"<!-- <meta ", size) + b"\xff"),
    "C1": (decode.decode, lambda size: _times("we\u0092ve ".encode(), size)),
    "doubly encoded": (decode.decode, lambda size: _times("\u00c3\u00a9t\u00c3\u00a9 ".encode(), size)),
    "escapes": (decode.decode, lambda size: _times(b"\x1b$B%$\x1b(B ", size)),
    "binary": (decode.decode, lambda size: _times(SEED, size)),
}


@pytest.mark.parametrize(("function", "made"), BODIES.values(), ids=BODIES)
def test_bodies_and_headers(function: Callable[[bytes], Any], made: Callable[[int], bytes]) -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        data = made(size)

        def run() -> None:
            with suppress(ValueError):  # a body that can't be read, in linear time
                function(data)

        return run

    work(100, 0)()
    assert_linear(work, function.__name__)


def _json_lines(path: Path, size: int) -> None:
    path.write_text("".join(f'{{"text": "Document {i}.", "url": "http://a.org/{i}"}}\n' for i in range(size // 64)))


def _json_object(path: Path, size: int) -> None:
    path.write_text('{"text": "' + "word " * (size // 5) + '"}\n')


def _json_array(path: Path, size: int) -> None:
    path.write_text(json.dumps([{"text": f"Document {i}."} for i in range(size // 32)], indent=1))


def _json_open(path: Path, size: int) -> None:
    path.write_text('{"text": "first."}\n' + "[" * size)


def _json_broken(path: Path, size: int) -> None:
    path.write_text('{"text": "first."}\n' + '{"text": "no end\n' * (size // 16))


def _parquet(path: Path, size: int) -> None:
    table = pa.table({"text": [f"Document {i}." for i in range(size // 64)], "url": ["http://a.org/"] * (size // 64)})
    pq.write_table(table, path, row_group_size=64)


CORPORA = {
    "lines.jsonl": _json_lines, "object.jsonl": _json_object, "array.json": _json_array, "open.jsonl": _json_open,
    "broken.jsonl": _json_broken, "rows.parquet": _parquet,
}  # fmt: skip


@pytest.mark.parametrize("name", CORPORA)
def test_readers_of_corpora(name: str, tmp_path: Path) -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        CORPORA[name](tmp_path / name, size)
        (task,) = corpora.tables_source(str(tmp_path / name)).tasks
        return lambda: [batch.num_rows for batch in corpora.rows(task, Counter())]

    work(1000, 0)()
    assert_linear(work, name)


@pytest.mark.parametrize("rows_a_write", [1, 2, 100])
def test_writer_of_shards(rows_a_write: int, tmp_path: Path) -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        batch = _batch([f"Document {i}. {'word ' * 20}" for i in range(rows_a_write)])

        def run() -> None:
            with ShardWriter(str(tmp_path / "part.parquet"), batch.schema) as writer:
                for _ in range(size // 64 // rows_a_write):
                    writer.write(batch)

        return run

    work(1000, 0)()
    assert_linear(work, f"writes of {rows_a_write} rows")


def test_ledger() -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        written = [{"files": {f"f{i}": {"records": 1, "skipped": {f"s{i % 50}": 1}}}} for i in range(size // 64)]
        return lambda: tallies(written)

    assert_linear(work, "tallies of many files")


# Pages -------------------------------------------------------------------------------------------------------------------

MARKUP = {
    "paragraphs": "<p>The old mill stood by the river, and nobody knew why.</p>",
    "nested": "<div>",
    "nested with text": "<div>text",
    "closed that were never open": "</div>",
    "inline": "<b><i>x",
    "misnested": "<b><p>x</b></p>",
    "unclosed tags": "<p <p ",
    "less-than signs": "<",
    "attributes": "<p a=1 b='2' c>x",
    "one tag of attributes": " a=1",
    "quotes": "<a href='",
    "entities": "&amp;&nosuch;&#x41;&",
    "ampersands": "&",
    "comments": "<!-- x --><!--",
    "open comments": "<!-",
    "scripts": "<script>x</script><script>",
    "raw text": "<textarea><title><style>",
    "cells": "<table><tr><td>x",
    "rows": "<tr><td>x</td></tr>",
    "lists": "<ul><li>x",
    "options": "<select><option>",
    "links": "<a href=/x>link</a> ",
    "formatting": "<a><b><font>",
    "pre": "<pre>\n\tx\n",
    "foreign": "<svg><math><mi>",
    "headings": "<h1>x<h2>",
    "text": "word ",
    "breaks": "<br>",
    "wide": "\u4e2d\u6587\u3002",
    "templates": "<template><p>",
    "declarations": "<![CDATA[ ]]><?x ?>",
}


@pytest.mark.parametrize("name", MARKUP)
def test_our_extractor(name: str) -> None:
    piece = MARKUP[name]
    extract.assemble(extract.judge("<p>Load the model.</p>"))

    def work(size: int, salt: int) -> Callable[[], Any]:
        page = (
            f"<html><title>The old mill {salt}</title><body>"
            + ("<p" if name.startswith("one tag") else "")
            + piece * (size // len(piece))
        )
        return lambda: extract.assemble(extract.judge(page))

    assert_linear(work, name)
