"""URL rules."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.base import Document
from curate.filters.urls import UrlBlocklist, UrlWords, host_of, normalize_url
from curate.jobs.clean import Options, _recipe


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


def _packed(path: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return str(path)


def test_blocklists_as_they_are_published(tmp_path: Path) -> None:
    """An archive a category, or one of all; the folder in front does not matter."""
    adult = {"adult/domains": b"bad.example\n", "adult/urls": b"good.example/x\n", "adult/usage": b"black.example\n"}
    _packed(tmp_path / "adult.tar.gz", adult)
    every = {f"blacklists/{name}": data for name, data in {**adult, "malware/domains": b"evil.example\n"}.items()}
    whole = _packed(tmp_path / "all.tar.gz", every)

    def said(step: UrlBlocklist, host: str) -> str | None:
        return step(Document("0", "text", url=f"https://{host}")).reason

    for step in (
        UrlBlocklist(path=str(tmp_path), categories=("adult",)),
        UrlBlocklist(path=str(tmp_path / "adult.tar.gz")),
        UrlBlocklist(path=whole, categories=("adult",)),
    ):
        found = [said(step, host) for host in ("a.bad.example/y", "good.example/x/z", "black.example", "evil.example")]
        assert found == ["domain", "url", None, None]
        assert len(step.files()) == 1
    assert said(UrlBlocklist(path=whole), "evil.example") == "domain"
    both = tmp_path / "both"
    (both / "adult").mkdir(parents=True)
    (both / "adult/domains").write_text("unpacked.example\n")
    _packed(both / "adult.tar.gz", adult)
    beside = UrlBlocklist(path=str(both), categories=("adult",))  # the folder goes before the archive
    assert [said(beside, host) for host in ("unpacked.example", "bad.example")] == ["domain", None]
    with pytest.raises(FileNotFoundError, match="expected a file gambling/domains"):
        UrlBlocklist(path=whole, categories=("gambling",)).prepare()
    (tmp_path / "cut.tar.gz").write_bytes(Path(whole).read_bytes()[:60])
    with pytest.raises(ValueError, match=r"cut\.tar\.gz: a damaged archive"):
        UrlBlocklist(path=str(tmp_path / "cut.tar.gz")).prepare()


@pytest.mark.parametrize(
    ("line", "url", "reason"),
    [
        ("0.0.0.0 bad.example", "http://x.bad.example/", "domain"),
        ("127.0.0.1\tbad.example # why", "http://bad.example/", "domain"),
        ("||bad.example^", "http://bad.example/", "domain"),
        ("||bad.example^$third-party", "http://bad.example/", "domain"),
        ("*.bad.example", "http://x.bad.example/", "domain"),
        (".bad.example", "http://bad.example/", "domain"),
        ("https://www.bad.example/~me/", "http://bad.example/~me/a", "url"),
        ("bücher.example", "http://xn--bcher-kva.example/", "domain"),
        ("xn--bcher-kva.example", "http://bücher.example/", "domain"),
        ("! a comment", "http://a.example/", None),
        ("www.bad.example", "http://www.bad.example/", "domain"),
        ("example", "http://bad.example/", "domain"),
        ("\ufeffbad.example", "http://bad.example/", "domain"),
    ],
)
def test_lists_of_one_s_own(tmp_path: Path, line: str, url: str, reason: str | None) -> None:
    (tmp_path / "mine.txt").write_text(f"{line}\nother.example\n", encoding="utf-8")
    step = UrlBlocklist(lists=[str(tmp_path / "mine.txt")])  # type: ignore[arg-type]
    assert step(Document("0", "text", url=url)).reason == reason
    assert step(Document("0", "text", url="http://other.example/")).reason == "domain"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"domains": ["bad.example", "worse.example"]}', "line 1 is"),
        (b'[\n  "bad.example",\n  "https://worse.example/x"\n]\n', "line 1 is"),
        (b"".join(b'{"url": "https://a%d.example/x", "text": "one"}\n' % n for n in range(9)), "line 1 is"),
        (b"domain,category\nbad.example,adult\nworse.example,adult\n", "line 1 is 'domain,category'"),
        (b"# why\nThe first hosts of it are bad.\nAnd so is another.\nword\n", "line 2 is 'the first"),
        (b"PAR1\x15\x00\x15\x1a", "it is no text"),
        (gzip.compress(b"\x00\x01" * 99), "it is no text"),
        ("bad.example\nworse.example\n".encode("utf-16"), "it is no text"),
        (b"\x89\xff\xfe\x80\n\x90\x91\n", "line 1 is"),
        (b'{"a": "' + b"x" * 100_000 + b'"}', "line 1 is"),
    ],
)
def test_what_is_no_list_is_refused_in_one_line(tmp_path: Path, data: bytes, told: str) -> None:
    """It would block nothing, and nobody would be told."""
    path = tmp_path / "list"
    path.write_bytes(data)
    _packed(tmp_path / "list.tar.gz", {"adult/domains": data})
    for place in (path, tmp_path / "list.tar.gz") if data[:2] != b"\x1f\x8b" else (path,):
        with pytest.raises(ValueError, match="no list of hosts and URLs") as raised:
            UrlBlocklist(lists=(str(place),)).prepare()
        message = str(raised.value)
        assert message.startswith(f"{place}: ")
        assert told in message
        assert len(message.removeprefix(str(place))) < 200
        assert message.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n\n",
        "[Adblock Plus 2.0]\n! Title: x\n||bad.example^\n@@||good.example^\n||worse.example^\n||worst.example^\n",
        "# hosts\n127.0.0.1 localhost\n255.255.255.255 broadcasthost\nfe80::1%lo0 localhost\n"
        + "".join(f"0.0.0.0 bad{n}.example\n" for n in range(9)),
        "https://bad.example:8080/a b\nbücher.example\n[2001:db8::1]/x\n192.0.2.1\nbad.example?x=1\n-odd.example\n",
        "\ufeffbad.example\r\nworse.example\r\n",
    ],
)
def test_lists_of_every_kind_are_taken(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text, encoding="utf-8", newline="")
    UrlBlocklist(lists=(str(tmp_path / "list"),)).prepare()


def test_lists_of_the_command_line_are_a_step_and_files_of_the_job(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("bad.example\n")
    own, known = (_recipe(Options([], "", name, block_lists=[str(path)])) for name in ("c4", "refinedweb"))
    assert own.labels[0] == "UrlBlocklist"
    assert [type(step).__name__ for step in known.steps].count("UrlBlocklist") == 1
    for recipe in (own, known):
        assert str(path) in recipe.files()
        assert recipe.steps[0](Document("0", "t", url="http://bad.example/")).reason == "domain"


@given(st.sets(st.text("ab.-", min_size=1, max_size=9), max_size=20), st.text("ab.-", min_size=1, max_size=12))
def test_a_host_is_blocked_where_it_or_a_parent_is_listed(tmp_path_factory, listed: set[str], host: str) -> None:
    path = tmp_path_factory.mktemp("list") / "hosts"
    path.write_text("\n".join(f"{name.strip('.-') or 'x'}" for name in sorted(listed)))
    names = {name.strip(".-") or "x" for name in listed}
    plain = host_of(f"http://{host}/")
    parts = plain.split(".")
    wanted = any(".".join(parts[i:]) in names for i in range(len(parts)))
    assert (UrlBlocklist(path=str(path))(Document("0", "t", url=f"http://{host}/")).reason == "domain") == wanted


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


def test_real_lists_are_all_taken(testdata: Path) -> None:
    for path in sorted((testdata / "H-lists/ut1-blacklists/blacklists").iterdir()):
        if path.is_dir():
            UrlBlocklist(path=str(path)).prepare()


def test_real_lists(testdata: Path) -> None:
    path = testdata / "H-lists/ut1-blacklists/blacklists"
    categories = tuple(sorted(p.name for p in path.iterdir() if (p / "domains").exists()))[:3]
    assert categories
    entry = (path / categories[0] / "domains").read_text("utf-8", "replace").split("\n", 1)[0]
    step = UrlBlocklist(path=str(path), categories=categories)
    assert step(Document("0", "t", url=f"http://sub.{entry}/page")).reason == "domain"
