"""The whole job from S3 to S3, against a local S3 server."""

import json
import os
import subprocess
import sys

import pytest

from curate import sample_crawl

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


@pytest.fixture
def bucket(monkeypatch):
    """A client of an S3 server on this machine, with buckets `in` and `out`, and the environment that points to it."""
    server_module = pytest.importorskip("moto.server")
    import boto3

    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for name in ("in", "out"):
        client.create_bucket(Bucket=f"curate-{name}")
    yield client
    server.stop()


def _clean(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curate", "clean", "--extractor", "resiliparse", "--quiet", "--json", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


def test_from_s3_to_s3(bucket, tmp_path):
    folder = tmp_path / "crawl"
    folder.mkdir()
    for path in sample_crawl.write(folder):
        bucket.upload_file(str(path), "curate-in", f"crawl/{path.name}")
    done = _clean("--input", "s3://curate-in/crawl/", "--output", "s3://curate-out/corpus")
    assert done.returncode == 0, done.stderr[-2000:]
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
