"""From what a person names to files: local, in S3, behind a web server; and what is said when there is nothing."""

import gzip
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curate.corpus.recipe import load
from curate.errors import InputError
from curate.files import storage
from curate.read import inputs
from curate.read.documents import crawl_source
from curate.read.inputs import InputFile, block_size, expand_inputs, expand_named, may_be_folder, open_input
from curate.read.splits import plan_splits, read_split
from curate.run import runner
from curate.run.pipeline import CorpusJob
from tests.faulty_s3 import serve


def warc(i: int) -> bytes:
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\npage %d" % i
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.org/%d\r\nContent-Length: %d\r\n\r\n"
    return gzip.compress(head % (i, len(body)) + body + b"\r\n\r\n", mtime=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "crawl"
    (root / "sub").mkdir(parents=True)
    for name in ("b.warc.gz", "a.warc.gz", "sub/c.warc.wet.gz", "sub/d.arc", ".hidden.warc.gz", "notes.md"):
        (root / name).write_bytes(warc(ord(name[0])))
    return root


def names(files: list[InputFile], root: Path) -> list[str]:
    return [os.path.relpath(file.path, root) for file in files]


def test_a_folder(folder: Path) -> None:
    found = expand_inputs([str(folder)])
    assert names(found, folder) == ["a.warc.gz", "b.warc.gz", "sub/c.warc.wet.gz", "sub/d.arc"]
    assert [f.kind for f in found] == ["warc", "warc", "wet", "arc"]
    assert found[0].size == len(warc(97))


def test_what_else_a_folder_holds_is_told(folder: Path) -> None:
    for name in ("fetched.json", "pages.jsonl", "index/cluster.idx", "warc.paths.gz"):  # of `curate fetch`
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert expand_named([str(folder)])[2] == [f"{folder}: 1 file is left out, not called as crawl files are (notes.md)"]
    for name in ("a.jsonl", "b.parquet", "sub/pages.jsonl"):
        (folder / name).touch()
    (told,) = expand_named([str(folder)])[2]
    assert told.endswith("4 files are left out, not called as crawl files are (a.jsonl, b.parquet, notes.md …)")
    assert expand_named([f"{folder}/*.warc.gz"])[2] == []


def test_globs_and_files_each_once(folder: Path) -> None:
    assert names(expand_inputs([f"{folder}/*.gz"]), folder) == ["a.warc.gz", "b.warc.gz"]
    assert names(expand_inputs([f"{folder}/**/*.arc"]), folder) == ["sub/d.arc"]
    both = expand_inputs([f"{folder}/a.warc.gz", f"{folder}/*.warc.gz", f"file://{folder}/a.warc.gz"])
    assert names(both, folder) == ["a.warc.gz", "b.warc.gz"]


def test_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert names(expand_inputs(["~/a.warc.gz"]), folder) == ["a.warc.gz"]


def test_a_name_with_brackets_is_a_file_first(tmp_path: Path) -> None:
    (tmp_path / "a[1].warc.gz").write_bytes(warc(1))
    assert names(expand_inputs([f"{tmp_path}/a[1].warc.gz"]), tmp_path) == ["a[1].warc.gz"]


@pytest.mark.parametrize("list_name", ["warc.paths.gz", "warc.paths", "files.txt", "files.lst"])
def test_a_list_of_paths(folder: Path, list_name: str) -> None:
    text = b"# chosen by hand\n\nb.warc.gz\r\nsub/d.arc\n"
    (folder / list_name).write_bytes(gzip.compress(text) if list_name.endswith("gz") else text)
    assert names(expand_inputs([f"{folder}/{list_name}"]), folder) == ["b.warc.gz", "sub/d.arc"]


def test_a_base_for_a_list(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.paths").write_text("d.arc\n")
    assert names(expand_inputs([f"{tmp_path}/x.paths"], base=f"{folder}/sub/"), folder) == ["sub/d.arc"]


def test_a_published_list_needs_a_base(tmp_path: Path) -> None:
    (tmp_path / "wet.paths").write_text("crawl-data/CC-MAIN-2026-30/segments/1/wet/a.warc.wet.gz\n")
    with pytest.raises(InputError, match="say where the files are with --base https://data"):
        expand_inputs([f"{tmp_path}/wet.paths"])


def refused(name: str, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        expand_inputs([name])
    for part in parts:
        assert part in str(caught.value)


def test_what_is_not_there(folder: Path) -> None:
    refused(f"{folder}/a.warc", "no such file", "did you mean 'a.warc.gz'?")
    refused(f"{folder}/*.wet.gz", "matches nothing", "a.warc.gz")
    refused(f"{folder}s/*.gz", "matches nothing", "there is no folder", "did you mean 'crawl'?")
    refused("s4://bucket/x.warc.gz", "unknown scheme 's4'; known: file, gcs, gs")
    with pytest.raises(InputError, match="no input"):
        expand_inputs([])


def test_a_folder_without_crawl_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    refused(f"{tmp_path}/docs", "no crawl files", "it is empty")
    (tmp_path / "docs" / "a.html").write_text("<p>")
    refused(f"{tmp_path}/docs", "no crawl files", "1 other files, such as a.html")


def test_lists_and_archives_mixed_up(folder: Path) -> None:
    (folder / "x.warc.gz").write_bytes(gzip.compress(b"crawl-data/a.warc.gz\ncrawl-data/b.warc.gz\n"))
    refused(f"{folder}/x.warc.gz", "a list of paths, not a crawl file", "rename it to end in .paths")
    (folder / "x.paths.gz").write_bytes(warc(1))
    refused(f"{folder}/x.paths.gz", "a crawl file, not a list of paths")
    (folder / "y.paths").write_text("\n\n")
    refused(f"{folder}/y.paths", "without a path in it")
    (folder / "z.paths").write_text("a.warc.gz\nsome prose\n")
    refused(f"{folder}/z.paths", "'some prose' is no crawl file")
    (folder / "cut.paths.gz").write_bytes(gzip.compress(b"a.warc.gz\n" * 5000)[:40])
    refused(f"{folder}/cut.paths.gz", "download the list again")


def pages(path: str, split_bytes: int = 40) -> list[bytes | None]:
    (file,) = expand_inputs([path])
    return [r.body for split in plan_splits(file, split_bytes) for r in read_split(split)]


class Ranged(SimpleHTTPRequestHandler):
    """The standard library's server, with byte ranges."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        if asked is None:
            super().do_GET()
            return
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        whole = path.read_bytes()
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, data = int(first), whole[: int(last) + 1] if last else whole
        self.send_response(206 if start < len(data) else 416)
        self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(data[start:])))
        self.end_headers()
        self.wfile.write(data[start:])


@pytest.fixture
def web(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranged, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_web_server(folder: Path, web: str) -> None:
    (folder / "all.warc.gz").write_bytes(b"".join(warc(i) for i in range(20)))
    assert pages(f"{web}/all.warc.gz") == [b"page %d" % i for i in range(20)]
    (folder / "warc.paths").write_text("a.warc.gz\nsub/d.arc\n")
    found = expand_inputs([f"{web}/warc.paths"])
    assert [(f.path, f.size) for f in found] == [
        (f"{web}/a.warc.gz", len(warc(97))),
        (f"{web}/sub/d.arc", len(warc(115))),
    ]
    refused(f"{web}/none.warc.gz", "HTTP 404")
    refused(f"{web}/*.warc.gz", "can't be asked for a list")
    assert block_size(web) > block_size("a.warc.gz")


def test_a_job_from_a_web_server(folder: Path, web: str) -> None:
    source = crawl_source([f"{web}/a.warc.gz"], load("c4"))
    assert [path for path, _ in source.inputs] == [f"{web}/a.warc.gz"]


def test_what_can_be_a_folder() -> None:
    assert may_be_folder("corpus")
    assert may_be_folder("s3://bucket/corpus/")
    for name in ("a.warc.gz", "s3://bucket/*.warc.gz", "crawl/*", "https://a.org/corpus", "x.arc"):
        assert not may_be_folder(name)


def test_hdfs_without_hadoop_says_what_is_missing() -> None:
    error = OSError("Unable to load libjvm\ndlopen(/usr/lib/jvm/libjvm.so) failed\n" * 9)
    said = storage.reason("hdfs://host/x", error)
    assert "libhdfs" in said
    assert "HADOOP_HOME" in said
    assert "\n" not in said
    assert storage.reason("s3://b/x", OSError("a\nb")) == "a"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("moto.server")
    with serve() as store:
        for name, value in {**store.environment, "AWS_EC2_METADATA_DISABLED": "true"}.items():
            monkeypatch.setenv(name, value)
        inputs._filesystem_of.cache_clear()
        yield "s3://crawls"
        inputs._filesystem_of.cache_clear()


def test_s3(s3: str) -> None:
    from pyarrow import fs

    system, bucket = fs.FileSystem.from_uri(f"{s3}?allow_bucket_creation=true")
    system.create_dir(bucket)
    for name in ("x/a.warc.gz", "x/y/b.warc.gz", "x/notes.md"):
        with system.open_output_stream(f"{bucket}/{name}", compression=None) as file:
            file.write(b"".join(warc(i) for i in range(20)))
    with system.open_output_stream(f"{bucket}/x/warc.paths") as file:
        file.write(b"a.warc.gz\ny/b.warc.gz\n")
    both = [f"{s3}/x/a.warc.gz", f"{s3}/x/y/b.warc.gz"]
    for name in ("/x", "/x/", "/x/*.gz", "/x/warc.paths"):
        assert [f.path for f in expand_inputs([s3 + name])] == both
    assert pages(both[0]) == [b"page %d" % i for i in range(20)]
    refused(f"{s3}/x/none.warc.gz", "no such file")
    refused(f"{s3}/x/*.arc", "matches nothing")
    with pytest.raises(InputError, match="no such file"):
        open_input(f"{s3}/x/none.warc.gz")


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_input(str(tmp_path / "none.warc.gz"))
    with pytest.raises(InputError, match="directory"):
        open_input(str(tmp_path))


def test_a_folder_that_can_not_be_listed_is_named(tmp_path, monkeypatch):
    def closed(folder, followlinks, onerror):
        onerror(PermissionError(13, "Permission denied", folder))

    monkeypatch.setattr("os.walk", closed)
    for ask in (inputs.holds_tables, lambda name: inputs.expand_inputs([name])):
        with pytest.raises(InputError, match=f"{tmp_path}: permission denied"):
            ask(str(tmp_path))


def test_names_that_are_not_utf8_in_a_folder(tmp_path):
    """A crawl file is named, for it would be missed; beside tables such names are left out."""
    (tmp_path / os.fsdecode(b"a\xff.jsonl")).write_text("{}")
    (tmp_path / "b.jsonl").write_text('{"text": "a"}')
    assert inputs.holds_tables(str(tmp_path))
    (tmp_path / "c.warc").write_text("")
    assert [file.path for file in expand_inputs([str(tmp_path)])] == [str(tmp_path / "c.warc")]
    (tmp_path / os.fsdecode(b"d\xff.warc")).write_text("")
    for name in (str(tmp_path), f"{tmp_path}/*.warc"):
        with pytest.raises(InputError, match=r"d\\udcff.warc': the name is not UTF-8: rename it"):
            expand_inputs([name])


@pytest.fixture
def signed(folder: Path) -> Iterator[str]:
    """A web server that wants a signature, good for fetching alone, as S3 gives it."""

    class Signed(Ranged):
        def do_HEAD(self) -> None:
            self.send_error(403)

        def do_GET(self) -> None:
            if "X-Amz-Signature=SECRET" in self.path:
                super().do_GET()
            else:
                self.send_error(403)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Signed, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def query(date: int) -> str:
    return f"?X-Amz-Date={date}&X-Amz-Signature=SECRET{date}"


def test_a_signed_address_opens_and_its_query_is_written_nowhere(folder: Path, signed: str) -> None:
    (folder / "all.warc.gz").write_bytes(b"".join(warc(i) for i in range(20)))
    (folder / "files.txt").write_text(f"{signed}/all.warc.gz{query(1)}\n")
    with zipfile.ZipFile(folder / "x.wacz", "w") as archive:
        archive.writestr("archive/b.warc.gz", b"".join(warc(i) for i in range(20)))
    for name in (f"{signed}/all.warc.gz{query(1)}", str(folder / "files.txt"), f"{signed}/x.wacz{query(1)}"):
        assert pages(name) == [b"page %d" % i for i in range(20)]
        (file,) = expand_inputs([name])
        (split,) = plan_splits(file)
        assert {record.file for record in read_split(split)} == {split.file}
        assert split.file in (f"{signed}/all.warc.gz?***", f"{signed}/x.wacz?***/archive/b.warc.gz")
        assert "SECRET" in split.address
    (folder / "warc.paths").write_text("all.warc.gz\n")
    (file,) = expand_inputs([str(folder / "warc.paths")], base=signed + query(2))
    assert file.path == f"{signed}/all.warc.gz{query(2)}"
    refused(f"{signed}/none.warc.gz?X-Amz-Signature=WRONG", "none.warc.gz?***: HTTP 403")
    with pytest.raises(InputError, match="2 addresses differ"):
        expand_inputs([f"{signed}/all.warc.gz{query(n)}" for n in (1, 2)])


def test_an_address_signed_again_is_the_same_job(folder: Path, signed: str, tmp_path: Path) -> None:
    (folder / "all.warc.gz").write_bytes(b"".join(warc(i) for i in range(20)))
    made = []
    for date in (1, 2):
        source = crawl_source([f"{signed}/all.warc.gz{query(date)}"], load("c4"))
        job = CorpusJob("clean", source, load("c4"), str(tmp_path / "out"))
        made.append((runner.identity(job), [task.name for task in source.tasks]))
    assert made[0] == made[1]
    assert "SECRET" not in json.dumps(made)
    assert f"{signed}/all.warc.gz?***" in made[0][0]["contents"]


def test_an_address_with_a_password_is_refused(web: str) -> None:
    for name in ("http://me:HIDDEN@127.0.0.1/a.warc.gz", "s3://bucket/a.warc.gz?secret_key=HIDDEN"):
        with pytest.raises(InputError, match="password") as caught:
            expand_inputs([name])
        assert "HIDDEN" not in str(caught.value)
