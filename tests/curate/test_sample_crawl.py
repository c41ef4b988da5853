"""The embedded sample crawl: the same bytes everywhere, and really what it says it is."""

import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import pytest
import trafilatura
from click.testing import CliRunner
from warcio.archiveiterator import ArchiveIterator

from curate.commands.sample_crawl import sample_crawl as command
from curate.sample import crawl
from curate.sample.cases import foreign_pages, page, plain_pages, rule_cases
from curate.sample.duplicates import duplicate_cases, jaccard, near_jaccard
from curate.sample.prose import Writer, load
from curate.sample.records import chunked, gzip_member

DIGEST = "e182676aa752dd7de4d639d3d6d51bc789109c65158fb06c8cb24e3136c21471"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("sample")
    crawl.write(target)
    return target


def test_bytes_are_pinned(folder: Path) -> None:
    """A change of the sample is fine, but never by accident: set DIGEST anew."""
    data = b"".join((folder / name).read_bytes() for name in crawl.FILES)
    assert hashlib.sha256(data).hexdigest() == DIGEST


def test_second_run_writes_the_same(folder: Path, tmp_path: Path) -> None:
    crawl.crawl.cache_clear()
    for path in crawl.write(tmp_path / "new" / "folder"):
        assert path.read_bytes() == (folder / path.name).read_bytes()


@pytest.mark.parametrize("name", [crawl.FILES[0], crawl.FILES[1], crawl.FILES[3]])
def test_another_reader_finds_every_record(folder: Path, name: str) -> None:
    with (folder / name).open("rb") as stream:
        records = [(r.rec_type, r.rec_headers["WARC-Target-URI"]) for r in ArchiveIterator(stream)]
    found = [url for kind, url in records if kind in ("response", "conversion")]
    assert found == [p["url"] for p in crawl.expected()["pages"] if p["file"] == name]
    others = Counter(f"type_{kind}" for kind, _ in records if kind not in ("response", "conversion"))
    assert others == Counter(member.kind for member in crawl.crawl()[name] if member.case is None)


def test_expected_names_a_fate_for_each_page() -> None:
    pages = crawl.expected()["pages"]
    assert len(pages) > 300
    assert {p["fate"] for p in pages} == set(crawl.FATES)
    for entry in pages:
        assert (entry["reason"] is None) == (entry["fate"] == "kept"), entry
        assert entry["fate"] != "one_of" or entry["group"], entry
    groups = Counter(p["group"] for p in pages if p["group"])
    assert all(size >= 2 for size in groups.values())


def test_expected_ledger_balances() -> None:
    ledger = crawl.expected()["ledger"]
    parts = [sum(ledger[fate].values()) for fate in ("skipped", "rejected", "failed")]
    assert ledger["records"] == sum(parts) + ledger["kept"]


def test_kept_pages_survive_extraction() -> None:
    """Of every page meant to be kept, at least five sentences come back, whatever the layout."""
    for case in [*plain_pages(2), *rule_cases()]:
        if case.fate == "kept":
            text = trafilatura.extract(case.body.decode(), url=case.url) or ""
            assert sum(text.count(mark) for mark in (". ", ".\n", "?")) + 1 >= 5, case.url


def test_navigation_is_never_part_of_an_article() -> None:
    for case in plain_pages(3):
        text = trafilatura.extract(case.body.decode(), url=case.url) or ""
        assert "Calendar" not in text.splitlines()
        assert "window.visits" not in text


def test_planted_jaccard_values() -> None:
    found = near_jaccard()
    assert found == {"near-3": pytest.approx(0.906, abs=0.001), "near-2": pytest.approx(0.859, abs=0.001),
                     "near-1": pytest.approx(0.741, abs=0.001)}  # fmt: skip


def test_ordinary_pages_are_no_near_duplicates_of_each_other() -> None:
    texts = [" ".join(Writer(f"plain hives {n}", topic="hives").article(6)) for n in range(10)]
    assert max(jaccard(a, b) for i, a in enumerate(texts) for b in texts[:i]) < 0.2


def test_jaccard_of_equal_disjoint_and_short_texts() -> None:
    assert jaccard("a b c d e f", "a b c d e f") == 1.0
    assert jaccard("a b c d e f", "g h i j k l") == 0.0
    assert jaccard("a", "b") == 1.0  # neither has a shingle


def test_no_three_sentences_in_a_row_are_shared_by_accident() -> None:
    """Spans repeat only where they are planted."""
    seen: dict[str, str] = {}
    for case in [*plain_pages(), *rule_cases(), *duplicate_cases()]:
        if case.group or case.name == "too_long":
            continue
        text = trafilatura.extract(case.body.decode(), url=case.url) or ""
        sentences = text.replace("\n", " ").split(". ")
        for start in range(len(sentences) - 2):
            span = ". ".join(sentences[start : start + 3])
            assert seen.setdefault(span, case.url) == case.url, span


def test_foreign_pages_are_in_their_language(monkeypatch: pytest.MonkeyPatch) -> None:
    langdetect = pytest.importorskip("langdetect")
    monkeypatch.setattr(langdetect.DetectorFactory, "seed", 0)
    for case in foreign_pages(1):
        text = trafilatura.extract(case.body.decode(), url=case.url) or ""
        assert langdetect.detect(text).split("-")[0] == case.language, case.url


def test_all_languages_have_room_for_variety() -> None:
    for language, vocabulary in load("languages").items():
        assert len(vocabulary["sentences"]) >= 9, language
        text = Writer("room", language).paragraph(9)
        assert "{" not in text, language


def test_writer_is_a_function_of_its_seed() -> None:
    assert Writer("a").article() == Writer("a").article()
    assert Writer("a").article() != Writer("b").article()


def test_page_is_escaped_but_for_planted_markup() -> None:
    case = page("x", "https://hives.example/x", ["a < b & c > d."])
    assert b"a &lt; b &amp; c &gt; d." in case.body


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 200_000])
def test_stored_gzip_members_open(size: int) -> None:
    import gzip

    data = bytes(n % 251 for n in range(size))
    assert gzip.decompress(gzip_member(data)) == data


def test_chunks_end_with_an_empty_one() -> None:
    body = chunked(b"x" * 1_500, size=1_000)
    assert body == b"3e8\r\n" + b"x" * 1_000 + b"\r\n1f4\r\n" + b"x" * 500 + b"\r\n0\r\n\r\n"


def test_damage_is_damage(folder: Path) -> None:
    """The strict reader stops at the garbage; every good record after it is there all the same."""
    data = (folder / crawl.FILES[2]).read_bytes()
    for number in range(5):
        assert f"https://hives.example/broken/after_damage_{number}".encode() in data
    with pytest.raises(Exception):  # noqa: B017, PT011 - any complaint will do
        list(ArchiveIterator(io.BytesIO(data)))


def test_command_writes_files_and_expectations(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "new"), "--expected", "--json"])
    assert result.exit_code == 0, result.output
    assert [Path(row["path"]).name for row in json.loads(result.output)] == list(crawl.FILES)
    assert json.loads((tmp_path / "new" / "expected.json").read_text()) == crawl.expected()
