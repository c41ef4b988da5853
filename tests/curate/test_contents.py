"""Same name, other content: noticed for every kind of job, and said which it is."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from curate.code.source import code_source
from curate.corpus.recipe import parse
from curate.errors import InputError, OutputError
from curate.files import fingerprints, output
from curate.jobs.dedup import recipe_of
from curate.mixing import counts, mixture, sources
from curate.mixing.job import MixJob, Request
from curate.read.corpora import corpus_source
from curate.read.documents import crawl_source
from curate.run import runner
from curate.run.pipeline import CorpusJob

WARC = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 4\r\n\r\nabcd\r\n\r\n"


def replace(path: Path, data: bytes) -> None:
    """Other bytes of the same number, and the times of before."""
    info = path.stat()
    assert len(data) == info.st_size
    path.write_bytes(data)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


@pytest.mark.parametrize("at", [0, 500_000, 999_999])
def test_a_file_replaced_by_one_of_its_size_and_time(tmp_path: Path, at: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000_000))
    before = fingerprints.stamp(str(path))
    replace(path, bytes(at) + b"x" + bytes(999_999 - at))
    assert fingerprints.stamp(str(path)) != before
    replace(path, bytes(1_000_000))
    assert fingerprints.stamp(str(path)) == before
    os.utime(path, ns=(1, 1))
    assert fingerprints.stamp(str(path)) != before


def test_small_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert fingerprints.stamp(str(tmp_path / "empty")).startswith("0 ")
    (tmp_path / ".git").mkdir()
    before = fingerprints.stamp(str(tmp_path)), fingerprints.digest(str(tmp_path))
    (tmp_path / ".git" / "index").write_bytes(b"changes when it is looked at")
    assert (fingerprints.stamp(str(tmp_path)), fingerprints.digest(str(tmp_path))) == before
    (tmp_path / "b").write_bytes(b"1")
    assert fingerprints.stamp(str(tmp_path)) != before[0]
    one = fingerprints.digest(str(tmp_path))
    (tmp_path / "b").write_bytes(b"2")
    assert before[1] != one != fingerprints.digest(str(tmp_path))
    for ask in (fingerprints.stamp, fingerprints.digest):
        with pytest.raises(InputError, match="nowhere: No such file"):
            ask(str(tmp_path / "nowhere"))


def crawl(folder: Path) -> CorpusJob:
    if not (folder / "a.warc").exists():
        (folder / "a.warc").write_bytes(WARC)
    return CorpusJob(
        "clean", crawl_source([str(folder / "a.warc")], parse("", "r")), parse("", "r"), str(folder / "out")
    )


def corpus(folder: Path) -> CorpusJob:
    if not (folder / "a.warc").exists():
        (folder / "in").mkdir(exist_ok=True)
        (folder / "a.warc").write_text("")
        (folder / "in" / "a.jsonl").write_text('{"text": "abcd"}\n')
    return CorpusJob("dedup", corpus_source(str(folder / "in")), recipe_of("exact", {}), str(folder / "out"))


def code(folder: Path) -> CorpusJob:
    (folder / "in").mkdir(exist_ok=True)
    if not (folder / "in" / "a.py").exists():
        (folder / "in" / "a.py").write_text("abcd = 1\n")
    return CorpusJob("code", code_source([str(folder / "in")]), parse("", "r"), str(folder / "out"))


@pytest.mark.parametrize(
    ("make", "name"), [(crawl, "a.warc"), (corpus, "in/a.jsonl"), (code, "in/a.py")], ids=["clean", "dedup", "code"]
)
def test_resume_says_which_input_changed(tmp_path: Path, make: Callable[[Path], CorpusJob], name: str) -> None:
    with runner.claimed(make(tmp_path), resume=False):
        pass
    with runner.claimed(make(tmp_path), resume=True):
        pass
    path = tmp_path / name
    time = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes().replace(b"abcd", b"abce"))
    os.utime(path, ns=(time, time + 1 if name == "in/a.py" else time))  # of what is in folders only names, sizes, times
    shown = name.removesuffix("/a.py")
    told = pytest.raises(OutputError, match=rf"was made from other contents \(.*{shown}\): delete it")
    with told, runner.claimed(make(tmp_path), resume=True):
        pass


def test_lists_named_by_a_recipe_are_a_part_of_the_job(tmp_path: Path) -> None:
    crawl(tmp_path)
    (tmp_path / "words.txt").write_text("darn\n")
    (tmp_path / "allow").write_text("MIT\n")
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "domains").write_text("bad.example\n")
    steps = {
        "filters.badwords.BadWords": ("words", "words.txt"),
        "filters.licenses.AllowedLicense": ("allow", "allow"),
        "filters.urls.UrlBlocklist": ("path", "hosts"),
    }
    text = "".join(f'[[step]]\nuse = "{use}"\n{key} = "{tmp_path / name}"\n' for use, (key, name) in steps.items())

    def make() -> CorpusJob:
        return CorpusJob("clean", crawl(tmp_path).source, parse(text, "r"), str(tmp_path / "out"))

    with runner.claimed(make(), resume=False):
        pass
    assert sorted(make().recipe.files()) == sorted(str(tmp_path / name) for _, name in steps.values())
    replace(tmp_path / "words.txt", b"damn\n")
    told = pytest.raises(OutputError, match=r"other files of the recipe \(.*words\.txt\)")
    with told, runner.claimed(make(), resume=True):
        pass


def test_what_comes_with_the_package_is_no_file_of_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the folder in which somebody works has one of that name."""
    monkeypatch.chdir(tmp_path)
    for name in ("own", "permissive", "c4"):
        (tmp_path / name).write_text("")
    steps = (
        "filters.badwords.BadWords",
        "filters.licenses.AllowedLicense",
        "curate.dedup.Lines",
        "filters.urls.UrlBlocklist",
    )
    assert parse("".join(f'[[step]]\nuse = "{use}"\n' for use in steps), "r").files() == []
    index = '[[step]]\nuse = "curate.dedup.Exact"\nindex = "./own"\nagainst = "./c4"\n'
    assert parse(index, "r").files() == ["./c4"]


def test_a_mixture(tmp_path: Path) -> None:
    for name in ("web", "task"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": "1", "text": "abcd"}) + "\n")
    stated = mixture.settle(mixture.load("web=1"), {"web": ""})

    def identity() -> dict[str, object]:
        found = sources.find("web", str(tmp_path / "web.jsonl"))
        tasks = (str(tmp_path / "task.jsonl"),)
        return runner.identity(MixJob(Request(stated, (found,), None, str(tmp_path), unit="bytes", tasks=tasks), "out"))

    before = identity()
    found = sources.find("web", str(tmp_path / "web.jsonl"))
    counted = counts.fingerprint(found, found.files[0], "")
    for name in ("web", "task"):
        path = tmp_path / f"{name}.jsonl"
        replace(path, path.read_bytes().replace(b"abcd", b"abce"))
    told = output.differences(before, identity())
    for words in ("contents (", "web.jsonl", "files of tasks (", "task.jsonl"):
        assert words in told
    assert counts.fingerprint(found, found.files[0], "") != counted  # counts are not taken from before


def test_the_ledger_names_what_was_read(tmp_path: Path) -> None:
    """Digests of inputs and of the recipe's lists stand in the identity of a job, which the ledger quotes."""
    (tmp_path / "x.warc.gz").write_bytes(gzip.compress(WARC))
    source = crawl_source([str(tmp_path / "x.warc.gz")], parse("", "r"))
    known = runner.identity(CorpusJob("clean", source, parse("", "r"), str(tmp_path / "out")))
    assert known["contents"] == {str(tmp_path / "x.warc.gz"): fingerprints.stamp(str(tmp_path / "x.warc.gz"))}
