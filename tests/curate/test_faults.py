"""What goes wrong in the first hour: each command says in one line what, where and what to do, with exit code 2."""

import os
import re

import pytest

import curate
from curate import cli
from curate.errors import InputError, of_disk, of_network
from curate.files import storage

ConnectError = type("ConnectError", (Exception,), {"__module__": "httpx._exceptions"})
"""As the Hub's client raises it: no OSError."""


def told(capsys, *words):
    """What a command that fails says on stderr, its last line; there is no traceback."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert "Traceback" not in said
    return said.strip().splitlines()[-1]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "hello there"}\n')
    (tmp_path / "cut.parquet").write_bytes(b"PAR1xxxxPAR1")
    (tmp_path / "bad.toml").write_text("[[step]\n")
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("clean --input a.jsonl --recipe none.toml --output o", "no recipe 'none.toml': neither a file nor built in"),
        ("clean --input a.jsonl --recipe gofer --output o", "did you mean 'gopher'"),
        ("clean --input a.jsonl --recipe bad.toml --output o", "bad.toml: not TOML"),
        ("clean --input a.jsonl --recipe latin.toml --output o", r"latin.toml: not UTF-8 \(byte 8\)"),
        ("clean --input none/*.gz --output o", "matches nothing"),
        (
            "clean --input a.jsonl --recipe gopher --output hf://datasets/a/b",
            "then: curate push FOLDER hf://datasets/a/b",
        ),
        ("dedup none --output o", "none: no such file or folder"),
        ("inspect none", "none: no such file or folder"),
        ("extract none.html", "none.html: No such file"),
        ("bundle /proc/x.zip", r"error: /proc/x\.zip: "),
        ("mix --weights bad.toml --source a=a.jsonl --output o --tokens 5", "bad.toml: not TOML"),
        ("links --input a.parquet --output l", "a.parquet"),
        ("recipes c5", "no recipe or mixture c5"),
        ("recipes --copy c4", "curate recipes --copy NAME FILE"),
        ("recipes --copy llama x.toml", "say which, --copy recipes/llama or --copy mixtures/llama"),
        ("recipes --copy c4 a.jsonl", "a.jsonl is there already"),
    ],
)
def test_a_fault_is_one_line(folder, capsys, words, says):
    before = sorted(os.listdir())
    assert re.search(says, told(capsys, *words.split()))
    assert sorted(os.listdir()) == before  # nothing was written


def test_a_recipe_is_printed_and_copied_as_it_is(folder, capsys):
    with pytest.raises(SystemExit):
        cli.main(["recipes", "c4"])
    text = capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        cli.main(["recipes", "--copy", "c4", "mine.toml"])
    assert stop.value.code == 0
    assert (folder / "mine.toml").read_text() == text
    assert 'use = "filters.c4.LineRules"' in text


def test_a_server_that_is_away_is_one_line(monkeypatch, capsys, folder):
    def away(path):
        raise ConnectError("[Errno -2] Name or service not known")

    monkeypatch.setattr(storage, "filesystem", away)
    assert "hf download" in told(capsys, "inspect", "hf://datasets/a/b")
    assert of_network(ValueError("x")) is None
    with pytest.raises(InputError, match="can't be reached"):
        curate.dedup("hf://datasets/a/b", "o")


def test_debug_shows_the_traceback(folder, monkeypatch):
    monkeypatch.setenv("CURATE_DEBUG", "")
    with pytest.raises(OSError, match="No such file"):
        cli.main(["--debug", "bundle", "/proc/x.zip"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "When getting information for bucket 'b': AWS Error NO_SUCH_BUCKET during HeadBucket operation",
            "no such bucket",
        ),
        (
            "google::cloud::Status(UNAVAILABLE: Retry policy exhausted, with a last message of Could not create a token. See x",
            r"Google Cloud Storage does not answer: UNAVAILABLE: Could not create a token; check .*gcloud auth",
        ),
        (
            "When resolving region for bucket 'b': AWS Error NETWORK_CONNECTION during HeadBucket operation: curlCode: 6, Could not "
            "resolve hostname; Details: Could not resolve host: b.s3.us-east-1.amazonaws.com",
            r"the store can't be reached: Could not resolve host: b\.s3\.us-east-1\.amazonaws\.com: check the network, or AWS_ENDPOINT_URL",
        ),
        (
            "AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7, Couldn't connect to server; Details: Failed to connect "
            "to 127.0.0.1 port 9000 after 0 ms: x",
            "the store can't be reached: Failed to connect to 127.0.0.1 port 9000: check",
        ),
        ("google::cloud::Status(NOT_FOUND: No such object {x})", "does not answer: NOT_FOUND: No such object"),
    ],
)
def test_stores_are_told_in_words(words, says):
    assert re.search(says, str(of_disk(OSError(words))))


def test_google_is_not_asked_for_a_quarter_of_an_hour():
    fs, inner = storage.filesystem("gs://bucket/a/b")
    assert inner == "bucket/a/b"
    assert fs.__reduce__()[1][0]["retry_time_limit"] == storage.PATIENCE


def test_a_table_in_a_file_has_one_form(folder, monkeypatch):
    """Whatever COLUMNS says: no line is cut or wrapped, and none has blanks at its end."""
    from click.testing import CliRunner

    found = []
    for columns in ("40", "80", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        found.append(CliRunner().invoke(cli.group, ["recipes"]).stdout)
    assert found[0] == found[1] == found[2]
    assert "unimax=N caps at N epochs (Chung et al. 2023)" in found[0]
    assert all(line == line.rstrip() for line in found[0].splitlines())


def test_inspect_in_a_file_has_one_form(folder, monkeypatch):
    from click.testing import CliRunner

    found = []
    for columns in ("40", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        found.append(CliRunner().invoke(cli.group, ["inspect", "a.jsonl"]).stdout)
    assert found[0] == found[1]
    assert "1 in 1 files" in found[0]
    assert all(line == line.rstrip() for line in found[0].splitlines())
