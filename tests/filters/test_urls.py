"""URL rules."""

import gzip
from pathlib import Path

import pytest

from curate.filters.base import Document
from curate.filters.urls import UrlBlocklist, UrlWords, host_of, normalize_url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://www.a.org/", "a.org"),
        ("https://a.org/x//", "a.org/x"),
        ("http://a.org/x?utm_source=y", "a.org/x"),
        ("http://a.org/x/?ref=y#z", "a.org/x"),
        ("http://a.org/?feed=rss", "a.org"),
        ("http://a.org/x?y=1&utm_source=y", "a.org/x?y=1&utm_source=y"),
        ("HTTP://A.org/", "HTTP://A.org"),
        ("http://web.archive.org/http://www.a.org/", "web.archive.org/a.org"),
        ("a.org", "a.org"),
        ("", ""),
    ],
)
def test_normalize(url: str, normal: str) -> None:
    """The expectations are what C4's `normalize_url` returns."""
    assert normalize_url(url) == normal


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://www.A.org:80/x", "a.org"), ("a.org/x", "a.org"), ("http://[bad", ""), (None, ""), ("//", "")],
)
def test_host(url: str | None, host: str) -> None:
    assert host_of(url) == host


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult/domains").write_text("bad.example\n# a comment\n\nWORSE.example\n")
    (tmp_path / "adult/urls").write_text("good.example/~bad\ngood.example/x?y\n")
    (tmp_path / "malware").mkdir()
    (tmp_path / "malware/domains.gz").write_bytes(gzip.compress(b"evil.example\n"))
    return tmp_path


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://bad.example/x", "domain"),
        ("http://www.sub.bad.example/", "domain"),
        ("http://worse.example", "domain"),
        ("http://notbad.example/", None),
        ("http://good.example/~bad/page.html", "url"),
        ("http://good.example/~badly", None),
        ("http://good.example/x?y", "url"),
        ("http://evil.example/", "domain"),
        ("http://[broken", None),
        (None, None),
    ],
)
def test_blocklist(lists: Path, url: str | None, reason: str | None) -> None:
    step = UrlBlocklist(path=str(lists), categories=("adult", "malware"))
    decision = step(Document("0", "text", url=url))
    assert decision.reason == reason
    assert decision.signals == {"url_blocklisted": float(reason is not None)}


def test_blocklist_of_one_category_and_one_file(lists: Path) -> None:
    evil = Document("0", "text", url="http://evil.example/")
    assert UrlBlocklist(path=str(lists), categories=("adult",))(evil).reason is None
    assert UrlBlocklist(path=str(lists / "malware/domains.gz"))(evil).reason == "domain"
    assert UrlBlocklist()(evil).reason is None
    with pytest.raises(FileNotFoundError, match="no block list at"):
        UrlBlocklist(path=str(lists), categories=("gambling",))(evil)
    with pytest.raises(ValueError, match="plain folder names"):
        UrlBlocklist(path=str(lists), categories=("../x",))


@pytest.mark.parametrize(
    ("url", "reason", "value"),
    [
        ("http://a.org/xxx/1", "hard_word", 1.0),
        ("http://a.org/sexxxy", None, 0.0),
        ("http://hot-girls.org/", "soft_words", 2.0),
        ("http://hot.org/", None, 1.0),
        (None, None, 0.0),
    ],
)
def test_words(url: str | None, reason: str | None, value: float) -> None:
    decision = UrlWords(hard=("XXX",), soft=("hot", "girls"))(Document("0", "text", url=url))
    assert (decision.reason, decision.value) == (reason, value)


def test_real_lists(testdata: Path) -> None:
    path = testdata / "H-lists/ut1-blacklists/blacklists"
    categories = tuple(sorted(p.name for p in path.iterdir() if (p / "domains").exists()))[:3]
    assert categories
    entry = (path / categories[0] / "domains").read_text("utf-8", "replace").split("\n", 1)[0]
    step = UrlBlocklist(path=str(path), categories=categories)
    assert step(Document("0", "t", url=f"http://sub.{entry}/page")).reason == "domain"
