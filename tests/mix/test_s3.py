"""Mixing from S3 to S3, against a local S3 server: the same bytes as on a local disk."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.tokens.tokenizer import TokenizerFile

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 server on this machine with a bucket `curate-mix`, and the environment that points to it."""
    server_module = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    settings |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="curate-mix")
    yield client
    server.stop()


@pytest.mark.parametrize("shards", ["1", "3"])
def test_from_s3_to_s3(
    s3: Any, make_source: Callable[..., Path], tmp_path: Path, bpe: TokenizerFile, shards: str
) -> None:
    folders = {
        "web": make_source("web", 200, files=2, kind="jsonl.gz"),
        "code": make_source("code", 80, kind="parquet"),
    }
    for name, folder in folders.items():
        for path in folder.iterdir():
            s3.upload_file(str(path), "curate-mix", f"in/{name}/{path.name}")
    found = []
    for root, counts in (("s3://curate-mix/in", "s3://curate-mix/counts"), (str(tmp_path), str(tmp_path / "counts"))):
        words = [f"--source={name}={root}/{name}" for name in folders]
        out = f"s3://curate-mix/out-{shards}" if root.startswith("s3") else str(tmp_path / "out")
        words += ["--weights", "web=0.7,code=0.3", "--tokens", "3000", "--tokenizer", bpe.path, "--counts", counts]
        words += ["--no-decontaminate", "--quiet", "--json", "--shards", shards, "--output", out]
        command = [sys.executable, "-m", "curate", "mix", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout))
    assert found[0]["data"] == found[1]["data"]
    assert found[0]["rows"] > 0
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="curate-mix")["Contents"]]
    assert f"out-{shards}/ledger.json" in keys
    assert not [key for key in keys if "partial" in key]
