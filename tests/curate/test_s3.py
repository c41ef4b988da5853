"""The whole job from S3 to S3, against a local S3 server."""

import json
from collections.abc import Iterator
from subprocess import CompletedProcess

import pytest

from curate.errors import InputError, is_passing, of_disk
from curate.files import storage
from curate.run import pipeline
from curate.sample import crawl
from tests.command import curate
from tests.faulty_s3 import Faulty, serve

pytestmark = [pytest.mark.engine]


@pytest.fixture
def store(monkeypatch) -> Iterator[Faulty]:
    """An S3 server on this machine, and the environment that points to it."""
    pytest.importorskip("moto.server")
    with serve() as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def bucket(store):
    """A client of the server, with buckets `in` and `out`."""
    import boto3

    client = boto3.client("s3")
    for name in ("in", "out"):
        client.create_bucket(Bucket=f"curate-{name}")
    return client


def _clean(*arguments: str) -> CompletedProcess[str]:
    return curate("clean", "--extractor", "resiliparse", "--quiet", "--json", *arguments)


def test_from_s3_to_s3(bucket, store, tmp_path):
    folder = tmp_path / "crawl"
    folder.mkdir()
    for path in crawl.write(folder):
        bucket.upload_file(str(path), "curate-in", f"crawl/{path.name}")
    store.requests.clear()
    done = _clean("--input", "s3://curate-in/crawl/", "--output", "s3://curate-out/corpus")
    assert done.returncode == 0, done.stderr[-2000:]
    assert sum(store.requests.values()) < 1600  # 2,997 when each file was asked for, and each column fetched by itself
    there = _clean("--input", "s3://curate-in/crawl/", "--output", str(tmp_path / "here"))
    assert there.returncode == 0, there.stderr[-2000:]
    first, second = json.loads(done.stdout), json.loads(there.stdout)
    assert first["kept"] == second["kept"] > 0
    assert first["data"] == second["data"]
    keys = [item["Key"] for item in bucket.list_objects_v2(Bucket="curate-out")["Contents"]]
    assert "corpus/ledger.json" in keys
    assert not [key for key in keys if "partial" in key or "_scratch" in key]
    again = _clean("--input", "s3://curate-in/crawl/", "--output", "s3://curate-out/corpus")
    assert again.returncode == 2
    assert "exists" in again.stderr


@pytest.mark.slow
def test_a_store_that_fails_now_and_then_changes_nothing(bucket, store, tmp_path, monkeypatch):
    monkeypatch.setattr(
        pipeline, "MINIMUM_SHARDS", 2
    )  # each fault is waited for, half a second: as many kinds of requests, fewer of them
    path = crawl.write(tmp_path)[0]
    bucket.upload_file(str(path), "curate-in", path.name)
    store.share = 0.04
    done = _clean("--input", f"s3://curate-in/{path.name}", "--output", "s3://curate-out/corpus")
    assert done.returncode == 0, done.stderr[-2000:]
    store.share = 0
    assert sum(store.failed.values()) > 10
    there = _clean("--input", f"s3://curate-in/{path.name}", "--output", str(tmp_path / "here"))
    assert json.loads(done.stdout)["data"] == json.loads(there.stdout)["data"]
    for folder in ("data", "rejected", "duplicates"):
        for file in sorted((tmp_path / "here" / folder).iterdir()):
            assert storage.sha256(f"s3://curate-out/corpus/{folder}/{file.name}") == storage.sha256(str(file))


def test_each_operation_outlives_a_busy_store(bucket, store):
    root = "s3://curate-out/some where/50%25"  # a percent sign in a URL is written so
    store.share = 0.15
    for number in range(4):
        storage.write_text(f"{root}/{number}.json", str(number))
    assert storage.list_files(root, ".json") == [f"{root}/{number}.json" for number in range(4)]
    assert storage.existing([f"{root}/1.json", f"{root}/9.json"]) == {f"{root}/1.json"}
    assert storage.exists(f"{root}/2.json")
    assert not storage.exists(f"{root}/9.json")
    assert storage.read_bytes(f"{root}/3.json") == b"3"
    store.silent = 1
    assert storage.read_bytes(f"{root}/3.json") == b"3"
    assert store.silent == 0
    storage.rename_folder(root, "s3://curate-out/moved", last="0.json")
    assert storage.is_empty(root)
    storage.remove("s3://curate-out/moved")
    assert storage.list_files("s3://curate-out/moved") == []
    assert store.failed


def test_a_store_that_is_away_is_told_in_one_line(bucket, store, monkeypatch):
    monkeypatch.setattr(storage, "ATTEMPTS", 2)
    storage._s3.cache_clear()
    store.share = 1
    with storage.patient(), pytest.raises(OSError, match=r"HTTP status|NETWORK") as found:
        storage.read_bytes("s3://curate-out/file")
    store.share = 0
    told = of_disk(found.value)
    assert told is not None
    assert "the store does not answer" in str(told)
    assert "\n" not in str(told)
    with pytest.raises(OSError, match="does not exist") as missing:
        storage.read_bytes("s3://curate-out/file")
    assert not is_passing(missing.value)
    assert of_disk(OSError("a fault of ours")) is None
    storage._s3.cache_clear()


def test_a_file_system_is_made_once_for_a_bucket_and_its_settings(store, monkeypatch):
    first = storage.filesystem("s3://curate-in/a/b")
    assert storage.filesystem("s3://curate-in/c")[0] is first[0]
    assert first[1] == "curate-in/a/b"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with storage.patient():  # nobody is asked for a first answer
        assert storage.filesystem("s3://curate-in/c")[0] is not first[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    with pytest.raises(InputError, match="unknown"):
        storage.filesystem("s3://curate-in/c?unknown=1")
