"""Crawled text on a terminal does nothing, numbers read well, the funnel adds up."""

import itertools
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.cli import printable
from curate.console import terminal
from curate.console.terminal import (
    clean,
    duration,
    funnel,
    funnel_rows,
    number,
    one_line,
    plain,
    share,
    side_by_side,
    size,
    without_secrets,
)
from curate.report import charts

LEDGER = {
    "records": 1_000,
    "skipped": {"request": 300, "status": 100},
    "failed": {"damaged": 1},
    "rejected": {"TooFewSentences.too_few": 50, "extract.no_text": 9, "Language.other": 200, "Urls.duplicate": 40},
    "kept": 300,
}


@given(st.text())
def test_clean_leaves_nothing_a_terminal_obeys(text: str) -> None:
    out = clean(text)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in out)
    assert not any(0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E or 0xD800 <= ord(c) < 0xE000 for c in out)
    assert clean(out) == out
    out.encode()


SHOWN = st.characters(exclude_categories=("C", "Zl", "Zp", "Mn"), exclude_characters="\u115f\u1160\u3164\uffa0\u2800")
"""Letters, digits, marks that are seen: no variation selectors, no fillers."""


@given(st.text(alphabet=SHOWN))
def test_clean_leaves_ordinary_text_alone(text: str) -> None:
    assert clean(text) == text


def test_clean_takes_whole_sequences() -> None:
    assert clean("a\x1b[31mb\x1b[0mc") == "abc"
    assert clean("a\x1b]0;new title\x07b") == "ab"
    assert clean("a\x1b]8;;http://x.example\x1b\\link\x1b]8;;\x1b\\b") == "alinkb"
    assert clean("a\x9b2Jb\x1bcc") == "abc"
    assert clean("over\rwritten\x08") == "overwritten"
    assert clean("a\x1b]0;no end\nnext line") == "a\nnext line"


@given(st.text(max_size=60), st.integers(4, 40))
def test_one_line_fits(text: str, columns: int) -> None:
    from rich.cells import cell_len

    line = one_line(text, columns)
    assert cell_len(line) <= columns
    assert len(line.splitlines()) <= 1


def test_one_line_counts_wide_characters_twice() -> None:
    assert one_line("青石镇青石镇", 7) == "青石镇…"


def test_numbers() -> None:
    assert [number(n) for n in (0, 1234567, 3.0, 0.123456, 12345.6, 1e20)] == [
        "0", "1,234,567", "3", "0.1235", "12,346", "1e+20",
    ]  # fmt: skip
    assert [size(n) for n in (0, 999, 1_000, 999_960, 5_300_000, 2e15)] == [
        "0 B", "999 B", "1.0 KB", "1.0 MB", "5.3 MB", "2000.0 TB",
    ]  # fmt: skip
    assert [duration(s) for s in (0.44, 9.96, 59.6, 61, 7_620)] == [
        "0.4 s", "10 s", "1 min 00 s", "1 min 01 s", "2 h 07 min",
    ]  # fmt: skip


def test_share_is_honest_at_both_ends() -> None:
    assert [share(n, 100_000) for n in (0, 1, 50_000, 99_999, 100_000)] == [
        "0.0 %", "<0.1 %", "50.0 %", ">99.9 %", "100.0 %",
    ]  # fmt: skip
    assert share(1, 0) == "–"


def test_funnel_adds_up_to_what_was_kept() -> None:
    rows = funnel_rows(LEDGER)
    assert rows[0].left == 1_000
    assert rows[-2].left == rows[-1].count == 300
    for before, row in itertools.pairwise(rows[:-1]):
        assert row.left == before.left - row.count


def test_funnel_follows_the_recipe() -> None:
    rejected = [r.reason for r in funnel_rows(LEDGER, ["Urls", "Language", "TooFewSentences"]) if r.kind == "rejected"]
    assert rejected == ["extract.no_text", "Urls.duplicate", "Language.other", "TooFewSentences.too_few"]
    by_size = [r.reason for r in funnel_rows(LEDGER) if r.kind == "rejected"]
    assert by_size == ["Language.other", "TooFewSentences.too_few", "Urls.duplicate", "extract.no_text"]


def test_funnel_as_text() -> None:
    text = plain(funnel(LEDGER, ["Urls", "Language"]))
    assert "skipped  request" in text
    assert text.splitlines()[1].split() == ["records", "1,000", "100.0", "%", "1,000"]
    assert text.splitlines()[-1].split() == ["kept", "300", "30.0", "%", "300"]
    assert "\x1b" not in plain(funnel({**LEDGER, "rejected": {"evil\x1b[2J": 1}}))


def test_side_by_side_shows_both_texts_harmless() -> None:
    text = plain(side_by_side("same\nleft [bold]only", "same\nright\x1b[2J", 60, ("kept", "dropped")), 60)
    assert "kept" in text
    assert "left [bold]only" in text
    assert "right" in text
    assert "\x1b" not in text


UNSEEN = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and chr(code) not in "\t\n"
] + [chr(code) for code in (0x34F, 0x3164, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))]


def test_nothing_unseen_reaches_a_terminal_a_report_or_json():
    text = "".join(f"a{character}b" for character in UNSEEN if character not in "\x1b\x90\x98\x9b\x9d\x9e\x9f")
    assert set(terminal.clean(text)) == {"a", "b"}
    for character in UNSEEN:
        assert character not in terminal.clean(f"x{character}y{character}")
        assert character not in charts.text(f"x{character}y")
        told = terminal.json_text({f"k{character}": [f"v{character}"]})
        assert character not in told.replace("\n", "")
        assert json.loads(told) == {f"k{character}": [f"v{character}"]}
        assert character not in printable(f"x{character}y")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://AKIA:SECRET@bucket/a.warc.gz", "s3://AKIA:***@bucket/a.warc.gz"),
        ("web=s3://AKIA:SEC/R+T@bucket/a", "web=s3://AKIA:***@bucket/a"),
        ("s3://AKIA:1SE%2FCRET@bucket?region=x", "s3://AKIA:***@bucket?region=x"),
        ("'https://me:SECRET@host:8080/a' and http://SECRET@host/b", "'https://***@host:8080/a' and http://***@host/b"),
        ("sc://host:15002/;user_id=me;token=SECRET", "sc://host:15002/;user_id=me;token=***"),
        ("https://b.s3.amazonaws.com/a?X-Amz-Date=2026&X-Amz-Signature=SECRET", "https://b.s3.amazonaws.com/a?***"),
        ("https://h/a.warc.gz?sv=2024&se=2026-01-01&sr=b&sig=SEC%2BRET%3D", "https://h/a.warc.gz?***"),
        ("https://h/a?Expires=1&Signature=S~R&Key-Pair-Id=SECRET", "https://h/a?***"),
        (
            "'https://h/d?file=c/CC-1.warc.gz&access_token=SECRET': HTTP 403",
            "'https://h/d?file=c/CC-1.warc.gz&***': HTTP 403",
        ),
        (
            "https://h/a?q=0123456789abcdefSECRET and http://h/?SECRETSECRETSECRETSECRET",
            "https://h/a?*** and http://h/?***",
        ),
        ("s3://bucket/a?access_key=SECRET&region=x", "s3://bucket/a?region=x&***"),
        ("a#b,https://h/#c?token=SECRET", "a#b,https://h/#c?***"),
    ],
)
def test_secrets_in_addresses_are_not_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/@name/a",
        "http://host:8080",
        "s3://bucket/key:with@signs/x@y",
        "hdfs://me@host:9000/a@b",
        "gs://anonymous@bucket/a",
        "at 10:30://x and a:b@c, mail@example.org",
        "/home/a:b@c/file",
        "https://host/download?file=crawl-data/CC-MAIN-2026-30/a.warc.gz&part=2",
        "s3://bucket/a?region=eu-west-1 is it? token=no address",
        "https://host/a.warc.gz?***",
    ],
)
def test_addresses_without_secrets_stay(text: str) -> None:
    assert without_secrets(text) == text
