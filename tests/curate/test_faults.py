"""What goes wrong in the first hour: each command says in one line what, where and what to do, with exit code 2."""

import errno
import gzip
import http.server
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import curate
from curate import cli
from curate.engine import session
from curate.errors import InputError, OutputError, UsageError, of_disk, of_network
from curate.files import remote, storage
from curate.filters import assets, caching
from curate.mixing import counts
from curate.read import inputs
from curate.run import runner
from tests import command
from tests.faulty_s3 import serve

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
def folder(here, monkeypatch):
    for name in session.PROXIES:
        monkeypatch.delenv(name, raising=False)
    (here / "a.jsonl").write_text('{"text": "hello there"}\n')
    (here / "cut.parquet").write_bytes(b"PAR1xxxxPAR1")
    (here / "bad.toml").write_text("[[step]\n")
    (here / "latin.toml").write_bytes(b"name = '\xe9'\n")
    return here


FAULTS = [
    ("clean --input a.jsonl --recipe none.toml --output o", "no recipe 'none.toml': neither a file nor built in"),
    ("clean --input a.jsonl --recipe gofer --output o", "did you mean 'gopher'"),
    ("clean --input a.jsonl --recipe bad.toml --output o", "bad.toml: not TOML"),
    ("clean --input a.jsonl --recipe latin.toml --output o", r"latin.toml: not UTF-8 \(byte 8\)"),
    ("clean --input none/*.gz --output o", "matches nothing"),
    (
        "clean --input a.jsonl --recipe c4 --output o --quiet --master nonsense",
        "'nonsense' is no master of Spark: .*local",
    ),
    ("dedup a.jsonl --output o --quiet --master localhost:7077", r"spark://HOST:7077, sc://HOST:15002, yarn, k8s://"),
    (
        "dedup a.jsonl --output o --quiet --master sc://localhost:1",
        "sc://localhost:1: the cluster can't be reached: Conn",
    ),
    (
        "dedup a.jsonl --output o --quiet --master spark://localhost:1",
        "the cluster can't be reached: Connection refused",
    ),
    ("dedup a.jsonl --output o --quiet --memory 1M", "a job takes about .* of the 1 MB of --memory"),
    ("dedup a.jsonl --output o --quiet --engine spark --memory 1G", "--memory is for the embedded engine"),
    (
        "clean --input a.jsonl --recipe gopher --output hf://datasets/a/b",
        "then: curate push FOLDER hf://datasets/OWNER/NAME",
    ),
    (
        "clean --input hf:// --recipe c4 --output o",
        r"hf://: of the Hub give a dataset: hf://datasets/OWNER/NAME\[/PATH\]$",
    ),
    ("clean --input a.jsonl --recipe c4 --output hf://datasets", "then: curate push FOLDER hf://datasets/OWNER/NAME"),
    ("inspect hf://datasets", "hf://datasets: of the Hub give a dataset: hf://datasets/OWNER/NAME"),
    ("inspect hf://datasets/squad", "hf://datasets/squad: of the Hub give a dataset"),
    ("mix --weights a=1 --source a=hf://datasets/ --output o --tokens 5", "of the Hub give a dataset"),
    ("mix --weights a=1 --source a=hf:// --output o --plan", "of the Hub give a dataset"),
    (
        "inspect https://example.org/a.parquet",
        "https://example.org/a.parquet: a web address can't be read here.*download it",
    ),
    (
        "inspect ftp://example.org/a",
        "ftp://example.org/a: no address that can be read: known are file://, s3://, gs://.*hf://",
    ),
    ("dedup az://a/b --output o", "az://a/b: no address that can be read: known are"),
    ("clean --input a.jsonl --recipe c4 --output ftp://a/o", "ftp://a/o: no address that can be written to: known are"),
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
    ("code --input none --output o", "none: no folder, archive"),
    ("decontaminate none --against a.jsonl --output o", "none: no such file or folder"),
    ("decontaminate a.jsonl --against none --output o", "evaluation tasks none"),
    ("links --input none --output l", "none: no file there; known: a.jsonl"),
    ("mix --search --from none.csv --output s", "--from none.csv: no such file"),
    ("mix --search --from a.jsonl --output s", "no columns of weights"),
    ("mix --search --source a=none --source b=a.jsonl --output s", "none: no such file or folder"),
    ("probe-train --shards none --shards a.jsonl --output p", "none: no such file or folder"),
    ("probe-train --shards a.jsonl --no-tasks --tasks q.jsonl --output p", "--tasks names .* give one of them"),
    ("probe-eval a.jsonl --no-tasks --tasks q.jsonl", "--tasks names .* give one of them"),
    ("probe-control --shards none --output p", "none: no such file or folder"),
    ("probe-compare none", "none: no experiment here; start one with probe-train$"),
    ("probe-scale none", "none: no experiment here"),
    ("probe-eval none --tasks a.jsonl", "none: neither a checkpoint.pt nor a config.json here"),
    ("probe-export none o", "none: no such file or folder$"),
    ("card none --eu", r"none: no corpus or mixture \(a folder with ledger.json\)"),
    ("card a.jsonl --eu", r"a.jsonl: no corpus or mixture"),
    ("card a.jsonl", "say which: --eu, --ab2013 or both"),
    ("push none hf://datasets/a/b", "none: no ledger.json: this is no finished corpus or mixture"),
    ("push none s3://a/b", "s3://a/b: write hf://datasets/OWNER/NAME"),
    ("export none --format jsonl.zst --output o", "none: no ledger.json"),
    ("whatif none", "none is no corpus of ours"),
    ("explain none x", "none is no corpus"),
    ("quality train --good none --bad a.jsonl --output q", "none: no such file or folder"),
    ("quality train a.jsonl --label-column mark --output q", "no column 'mark' with labels"),
    ("quality train a.jsonl --label-column text --output q", "--label-column text: that column is no label"),
    ("quality evaluate none", "none: no such file or folder"),
    ("ngram train --input none --output n", "none: no such file or folder"),
    ("ngram train --input cut.parquet --output n", "there is no word in the inputs"),
    ("ngram import none.arpa --output n", "no such file: none.arpa"),
    ("ngram import a.jsonl --output n", "the file ends before .*: it is cut off"),
    ("ngram evaluate a.jsonl --model none", "no n-gram model at none"),
    ("license none", "Path 'none' does not exist"),
    ("filters none", "unexpected extra argument"),
    ("budget --flops 1e20 --fit none", "--fit: none: no experiment here"),
    ("budget --flops 1e20 --source none", "none: no such file or folder"),
    ("tokenizer train --input none --output t", "none: no such file or folder"),
    ("tokenizer measure --tokenizer none --input a.jsonl", r"tokenizer none: [^\[]*no such file"),
    ("tokenizer measure --tokenizer a.jsonl --input a.jsonl", "a.jsonl: not a tokenizer.json"),
    ("fetch CC-MAIN-2026-30 --urls none --output f", "none: no addresses in it"),
    ("fetch ../x --output f", "error: "),
    ("assets fetch none", "no asset is called 'none'; known: ldnoobw"),
    ("sample-crawl /proc/x", "/proc/x: No such file"),
    ("sample-dumps /proc/x", "/proc/x: No such file"),
]


def test_every_command_has_its_faults():
    assert {words.split()[0] for words, _ in FAULTS} == set(cli.COMMANDS)


@pytest.mark.parametrize(("words", "says"), FAULTS)
def test_a_fault_is_one_line(folder, capsys, words, says):
    before = sorted(os.listdir())
    assert re.search(says, told(capsys, *words.split()), re.IGNORECASE)
    assert sorted(os.listdir()) == before  # nothing was written


def test_a_server_that_is_no_spark_connect_is_told(folder, capsys, monkeypatch):
    monkeypatch.setattr(session, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        master = f"sc://127.0.0.1:{silent.getsockname()[1]}"
        said = told(capsys, *f"dedup a.jsonl --output o --quiet --master {master}/;token=secret".split())
    assert f"{master}/: the cluster can't be reached: no answer of Spark Connect" in said
    assert "secret" not in said
    assert not os.path.exists("o.partial")


@pytest.mark.parametrize(
    ("master", "right"),
    [(one, True) for one in ("local", "local[4]", "local[*]", "local[2,3]", "local-cluster[2,1,1024]", "yarn")]
    + [(one, True) for one in ("spark://a:7077", "spark://a:1,b.c:2", "spark://[::1]:7077", "k8s://https://a:443")]
    + [(one, True) for one in ("sc://a", "sc://a:15002", "sc://[::1]:2/", "sc://a:1/;use_ssl=true;token=x")]
    + [
        (one, False)
        for one in ("local[0]", "local[a]", "spark://a", "sc://", "sc://a/b", "mesos://a:1", "k8s://", "YARN")
    ],
)
def test_a_master_has_one_of_the_known_forms(master, right):
    if right:
        session.EngineOptions(master=master).check()
        return
    with pytest.raises(UsageError, match="is no master of Spark"):
        session.EngineOptions(master=master).check()


def test_a_start_that_fails_leaves_what_an_earlier_run_made(folder, capsys, monkeypatch):
    """Only a claim in which nothing was made is taken back."""
    monkeypatch.setattr(runner.ledgers, "check", lambda _: (_ for _ in ()).throw(OutputError("stop")))
    asked = "dedup a.jsonl --output o --quiet"
    told(capsys, *asked.split())
    kept = storage.names_below("o.partial")
    assert len(kept) > 1
    told(capsys, *f"{asked} --resume --memory 1M".split())
    assert storage.names_below("o.partial") == kept


@pytest.mark.parametrize(
    "words",
    [
        "clean --output o --input",
        "clean --input a.jsonl --output o --input",
        "links --output o",
        "inspect",
        "extract",
        "explain a.jsonl",
        "dedup --output o",
        "license",
        "tokenizer train --output t --input",
        "decontaminate a.jsonl --output o --against",
        "ngram import --output n",
        "probe-eval",
    ],
)
def test_an_unset_variable_is_no_name(folder, capsys, words):
    """It would be the working directory, and / for what joins a name to it."""
    said = told(capsys, *words.split(), "")
    assert re.fullmatch(r"error: (an input|--against) is empty \(an unset variable\?\)", said)
    assert "--output is empty" in told(capsys, "clean", "--input", "a.jsonl", "--output", "")
    assert "the path of --source a is empty" in told(
        capsys, *["mix", "--weights", "a=1", "--output", "o", "--bytes", "9", "--source", "a="]
    )
    assert not Path("o").exists()


def test_inputs_without_their_option(folder, capsys):
    assert "no input: --input PATH, or the paths alone" in told(capsys, "clean", "--output", "o")
    with pytest.raises(SystemExit) as stop:
        cli.main(["clean", "a.jsonl", "--recipe", "gopher", "--output", "o", "--quiet"])
    assert stop.value.code == 0
    assert Path("o/ledger.json").exists()


def test_what_is_no_page_and_no_archive_is_named(folder, capsys):
    Path("doc.pdf").write_bytes(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj")
    assert told(capsys, "extract", "doc.pdf") == "error: doc.pdf: a PDF, not a page of HTML"
    assert "no WARC or ARC record in the whole file; it is a PDF" in told(
        capsys, "clean", "--input", "doc.pdf", "--output", "o"
    )


@pytest.mark.parametrize("name", ["a.csv", "b.TSV", "c.csv.gz", "d.arrow", "e.feather", "f.orc", "g.avro"])
def test_a_table_of_a_kind_that_is_not_read_says_what_to_do(folder, capsys, name):
    """As others' pipelines leave them."""
    Path(name).write_bytes(gzip.compress(b"id,text\n1,hello\n") if name.endswith("gz") else b"id,text\n1,hello\n")
    said = told(capsys, "clean", "--input", name, "--recipe", "gopher", "--output", "o", "--quiet")
    assert f"it is called {name[1:]}: tables of that kind are not read, make Parquet of it first" in said


def test_a_column_of_another_name_is_told_how_to_name(folder, capsys):
    Path("other.jsonl").write_text('{"body": "hello", "n": 1}\n')
    said = told(capsys, *["clean", "--input", "other.jsonl", "--recipe", "gopher", "--output", "o"])
    assert "(it has body, n); say which column holds the text: --text-column" in said


def test_what_a_person_should_know_before_the_first_page(folder, monkeypatch):
    """No list of addresses; loops that are to be compiled, and no second time."""
    out = command.curate("clean", "a.jsonl", "--recipe", "webtext", "--output", "o", "--opt-outs", "honor", "--quiet")
    assert "note: without --urls the recipe webtext keeps pages of every address" in out.stderr
    assert "compiled" not in out.stderr  # texts that are there need no extractor
    source = Path(curate.__file__).parent / "html" / "extract.py"
    monkeypatch.setenv(caching.VARIABLE, str(folder / "numba"))
    assert not caching.is_compiled(source, "best_step")
    made = folder / "numba" / "html_1" / "extract.best_step-1.py311.nbi"
    made.parent.mkdir(parents=True)
    made.write_bytes(b"")
    assert caching.is_compiled(source, "best_step")
    assert not caching.is_compiled(source, "best")  # the last one that a page needs is the last to be compiled
    os.utime(made, (0, 0))  # of an earlier version
    assert not caching.is_compiled(source, "best_step")


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


def test_an_address_of_the_hub_keeps_its_kind(monkeypatch):
    """A dataset is asked for, not the model of the same name; a revision and a path may follow."""
    given = "hf://datasets/a/b@main/data/x.parquet"
    storage.check_name(given)
    assert inputs._filesystem(given)[1] == storage.filesystem(given)[1] == given.removeprefix("hf://")
    storage.check_name("hf:local")  # a file of this name
    with pytest.raises(InputError, match="of the Hub give a dataset"):
        curate.dedup("hf://datasets", "o")


@pytest.mark.parametrize("asked", ["--debug", "CURATE_DEBUG"])
def test_debug_shows_the_traceback_and_the_line(folder, monkeypatch, capsys, asked):
    monkeypatch.setenv("CURATE_DEBUG", "1" if asked == "CURATE_DEBUG" else "")
    with pytest.raises(SystemExit) as stop:
        cli.main([*(["--debug"] if asked == "--debug" else []), "bundle", "/proc/x.zip"])
    said = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2
    assert said[0] == "Traceback (most recent call last):"
    assert re.match(r"error: /proc/x\.zip: ", said[-1])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("words", ["inspect a.jsonl", "inspect a.jsonl --json", "recipes c4", "--help"])
def test_a_full_disk_under_the_standard_output(folder, words):
    """Nothing is left to the interpreter to complain of at its end (its exit code would be 120)."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "curate", *words.split()], stdout=full, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: standard output: there is no room left on the disk")
    assert "--resume" not in done.stderr
    assert "Traceback" not in done.stderr


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
        (
            "When getting information for key 'a' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject operation: No response body.",
            r"the store refuses: .*AWS Error ACCESS_DENIED .*: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \(or AWS_PROFILE\)",
        ),
        ("google::cloud::Status(NOT_FOUND: No such object {x})", "does not answer: NOT_FOUND: No such object"),
    ],
)
def test_stores_are_told_in_words(words, says):
    assert re.search(says, str(of_disk(OSError(words))))


def test_google_is_not_asked_for_a_quarter_of_an_hour(monkeypatch):
    asked = []
    monkeypatch.setattr(storage, "_google_answers", lambda bucket, _: asked.append(bucket))
    fs, inner = storage.filesystem("gs://bucket/a/b")
    assert inner == "bucket/a/b"
    assert fs.__reduce__()[1][0]["retry_time_limit"] == storage.PATIENCE
    assert asked == ["bucket"]


@pytest.mark.parametrize(
    ("words", "raised"),
    [("UNAVAILABLE: no token", True), ("UNAUTHENTICATED: who", True), ("PERMISSION_DENIED: buckets.get", False)],
)
def test_google_has_answered_where_it_says_no(monkeypatch, words, raised):
    class Says:
        def get_file_info(self, _path):
            raise OSError(f"google::cloud::Status({words})")

    monkeypatch.setattr(storage, "_patient", lambda _fs, _patience: Says())
    storage._google_answers.cache_clear()
    if raised:
        with pytest.raises(OSError, match=words):
            storage._google_answers("b", ())
    else:
        storage._google_answers("b", ())
    storage._google_answers.cache_clear()


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
    assert "1 in 1 file " in found[0]
    assert all(line == line.rstrip() for line in found[0].splitlines())


# ---- a file that may not be read, a full disk, no home, a store ----

CLOSED = Path("/proc/sys/vm/compact_memory")
"""A file that nobody may read, not even root."""


def _may_read(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


@pytest.fixture
def closed(folder):
    """In a folder with `closed.json` and `closed.jsonl`, which may not be read."""
    for name in ("closed.json", "closed.jsonl"):
        (folder / name).write_text('{"text": "hello there"}\n')
        (folder / name).chmod(0)
        if _may_read(folder / name):  # as root
            (folder / name).unlink()
            (folder / name).symlink_to(CLOSED)
    if not CLOSED.exists() or _may_read(folder / "closed.json"):
        pytest.skip("this user may read everything")
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "clean --input closed.jsonl --recipe gopher --output o",
        "inspect closed.json",
        "dedup closed.jsonl --output o",
        "mix --weights closed.json --source a=a.jsonl --output o --tokens 5",
        "mix --weights a=1 --source a=closed.jsonl --output o --tokens 5",
        "decontaminate a.jsonl --against closed.json --output o",
        "tokenizer train --input closed.jsonl --output t.json",
        "quality train --good closed.jsonl --bad a.jsonl --output q",
        "clean --input a.jsonl --recipe closed.json --output o",
        "extract closed.json",
        "explain closed.json x",
        "probe-train --shards closed.jsonl --output p",
    ],
)
def test_a_file_that_may_not_be_read(closed, capsys, words):
    assert re.search(
        r"closed\.jsonl?: .*permission denied|closed.json is no corpus|'closed.json' is not readable",
        told(capsys, *words.split()),
        re.I,
    )


@pytest.mark.parametrize(
    ("number", "given", "says"),
    [
        (errno.ENOSPC, None, r"^error: \S+: there is no room left on the disk .*: make room$"),
        (errno.EDQUOT, None, r"^error: \S+: your quota of the disk is used up"),
        (errno.EACCES, "/o/x", r"^error: /o/x: permission denied: change the permissions or choose another folder$"),
        (errno.EROFS, "/o/x", r"^error: /o/x: the disk can only be read: choose another folder$"),
    ],
)
def test_a_disk_is_named(folder, monkeypatch, capsys, number, given, says):
    """As Arrow raises it, a full disk has no name in it: the output, or the folder of temporary files, has the least room."""

    def refuse(*_args, **_named):
        raise OSError(number, os.strerror(number), given)

    monkeypatch.setattr(storage, "write_text", refuse)
    monkeypatch.setattr(storage, "atomic", refuse)
    assert re.search(says, told(capsys, "bundle", "o.zip"))


def test_where_a_full_disk_or_a_store_is(tmp_path, monkeypatch):
    full = "there is no room left on the disk (bytes: df; files: df -i): make room"
    monkeypatch.setattr(cli, "_room", lambda path: 0 if path == "out/a" else 5)
    assert cli.located(full, ["clean", "--input", "a", "--output", "out/a"]) == f"out/a: {full}"
    assert cli.located(full, ["clean", "--output", "elsewhere"]).startswith("elsewhere: ")
    assert cli.located(full, ["whatif", "corpus", "--html=out/a", "--top", "3"]) == f"out/a: {full}"
    assert cli.located(full, ["sample-dumps", "out/a", "--json"]) == f"out/a: {full}"
    assert cli.located(full, ["mix", "--source", "a=b/c", "--shards", "3"]) == f"{tempfile.gettempdir()}: {full}"
    assert cli.located("no such bucket", ["inspect", "s3://b/a"]) == "s3://b/a: no such bucket"
    assert cli.located("AWS Error of s3://b/x", ["inspect", "s3://b/a"]) == "AWS Error of s3://b/x"
    assert cli.located("the store is away", ["mix", "--source", "a=hf://d/a/b"]) == "hf://d/a/b: the store is away"
    assert cli.located("AWS Error", ["clean", "--input", "s3://a/a", "--output", "s3://b/b"]) == "AWS Error"
    assert cli.located("--top is no number", ["inspect", "s3://b/a"]) == "--top is no number"


def test_only_commands_that_resume_are_said_to(folder, monkeypatch, capsys):
    def refuse(*_args, **_named):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "write_text", refuse)
    monkeypatch.setattr(storage, "atomic", refuse)
    monkeypatch.setattr(storage, "make_folder", refuse, raising=False)
    assert "--resume" not in told(capsys, "bundle", "o.zip")
    assert cli._resumes(cli.group, ["clean"])
    assert not any(cli._resumes(cli.group, words) for words in (["whatif", "a"], ["card"], ["mix", "--search"]))


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("~/a", "/home/me/a"),
        ("--output=~/a b", "--output=/home/me/a b"),
        ("web=~/a", "web=/home/me/a"),
        ("--source=web=~/a", "--source=web=/home/me/a"),
        ("./~/a", "./~/a"),
        ("a~/b", "a~/b"),
        ("https://h/~/a", "https://h/~/a"),
        ("", ""),
    ],
)
def test_the_home_folder(monkeypatch, word, meant):
    """A shell leaves `~` behind `--output=` as it is, and a folder called `~` was made."""
    monkeypatch.setenv("HOME", "/home/me")
    assert cli.at_home(word) == meant


def test_an_output_at_home(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "argv", ["curate", "recipes", "--copy", "c4", "~/c4.toml"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 0
    assert (tmp_path / "me/c4.toml").is_file()
    assert list((tmp_path / "here").iterdir()) == []


def test_room_is_that_of_the_disk_on_which_a_folder_would_be(tmp_path):
    assert cli._room(str(tmp_path / "not" / "there")) == pytest.approx(cli._room(str(tmp_path)), rel=0.2)


def test_a_user_without_a_home(monkeypatch, tmp_path, folder, capsys):
    """As in a container: HOME is not set, and there is no entry in the table of users."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("CURATE_ASSETS", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert caching.cache_home().parent == tmp_path
    assert counts.cache_folder().startswith(str(tmp_path))
    assert assets.folders()[0] == caching.cache_home() / "curate"
    monkeypatch.setattr(assets, "FILES", {"lid.176": "not-there.ftz"})
    said = told(capsys, *["clean", "--input", "a.jsonl", "--recipe", "gopher", "--output", "o"])
    assert re.search(r"not-there.ftz is not in .*curate assets fetch lid.176 \(or set CURATE_ASSETS", said)


def test_a_home_that_is_closed(monkeypatch, tmp_path):
    """A folder above it can't even be looked into: nothing is raised, what can be made again lies among the temporary files."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/1/root/closed" if os.geteuid() else str(tmp_path / "closed" / "x"))
    (tmp_path / "closed").write_text("a file where a folder is wanted")
    monkeypatch.delenv("CURATE_CACHE", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(counts, "writable", lambda _: False)
    assert counts.cache_folder().startswith(str(tmp_path / "curate-cache-"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(counts, "writable", lambda _: True)
    assert counts.cache_folder() == str(tmp_path / "xdg" / "curate" / "counts")


@pytest.fixture
def store(monkeypatch):
    """A server of S3 without a bucket; nothing but its address, and keys, in the environment."""
    pytest.importorskip("moto.server")
    with serve() as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.environment["AWS_ENDPOINT_URL"])
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, found.environment[name])
        yield found


@pytest.mark.parametrize(
    "words",
    [
        "inspect s3://nobucket/a",
        "clean --input a.jsonl --recipe s3://nobucket/r.toml --output o",
        "clean --input a.jsonl --recipe c4 --output s3://nobucket/o",
        "clean --input s3://nobucket/a.warc.gz --output o",
        "mix --weights a=1 --source a=s3://nobucket/a --output o --tokens 5",
        "dedup s3://nobucket/a --output o",
    ],
)
def test_a_bucket_that_is_not_there(folder, store, capsys, words):
    assert re.search(r"no such bucket: nobucket: make it first, or correct its name$", told(capsys, *words.split()))


@pytest.fixture
def closed_store(store, monkeypatch, tmp_path):
    """A bucket whose owner alone may read and write; somebody else has keys, too. What moto holds is emptied afterwards."""
    import boto3
    from moto import settings
    from moto.core.responses import ActionAuthenticatorMixin

    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="closed")
    boto3.client("s3", region_name="us-east-1").put_object(Bucket="closed", Key="a.jsonl", Body=b'{"text": "a"}\n')
    iam = boto3.client("iam", region_name="us-east-1")
    iam.create_user(UserName="else")
    keys = iam.create_access_key(UserName="else")["AccessKey"]
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)  # from now on moto asks who it is
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    store.closed = True
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    yield {
        "nobody": None,
        "an unknown key": ("AKIA" + "X" * 16, "x"),
        "a wrong secret": (keys["AccessKeyId"], "x"),
        "not allowed": (keys["AccessKeyId"], keys["SecretAccessKey"]),
    }
    storage._s3.cache_clear()


@pytest.mark.parametrize("who", ["nobody", "an unknown key", "a wrong secret", "not allowed"])
def test_a_store_that_refuses_says_what_to_set(folder, closed_store, monkeypatch, capsys, who):
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), closed_store[who] or ("", ""), strict=True):
        monkeypatch.delenv(name) if not value else monkeypatch.setenv(name, value)
    for words in (
        "inspect s3://closed/a.jsonl",
        "clean --input s3://closed/a.jsonl --recipe c4 --output o",
        "clean --input a.jsonl --recipe s3://closed/r.toml --output o",
        "clean --input a.jsonl --recipe c4 --output s3://closed/o",
        "export s3://closed/a --format jsonl.zst --output o",
        "card s3://closed/a --eu",
    ):
        said = told(capsys, *words.split())
        assert re.search(
            r"s3://closed/\S*: the store refuses: .*set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", said
        ), (words, said)
        assert not os.path.exists("o")


# ---- a store that is broken ----


@pytest.fixture
def broken(monkeypatch):
    """A server that answers 500 to whatever it is asked, until told otherwise; and a clock that waits alone move on."""
    failing, asked, clock = [True], [], [0.0]

    class Broken(http.server.BaseHTTPRequestHandler):
        def answer(self):
            asked.append(f"{self.command} {self.path}")
            self.send_response(500 if failing[0] else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_PUT = answer  # noqa: N815, RUF100

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    sleep = lambda seconds: clock.__setitem__(0, clock[0] + seconds)  # noqa: E731
    monkeypatch.setattr(storage, "time", SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    yield SimpleNamespace(asked=asked, failing=failing, url=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    storage._s3.cache_clear()


@pytest.mark.parametrize(
    "words",
    [
        "inspect s3://b/a",
        "clean --input s3://b/a.warc.gz --output o",
        "clean --input a.jsonl --recipe s3://b/r.toml --output o",
        "clean --input a.jsonl --recipe c4 --output s3://b/o",
        "dedup s3://b/a --output o --quiet",
        "mix --weights a=1 --source a=s3://b/a --output o --tokens 5",
        "explain s3://b/a https://example.org/",
        "quality train --good s3://b/a --bad a.jsonl --output o",
        "tokenizer train --input s3://b/a --output o",
        "whatif s3://b/a",
        "card s3://b/a --eu",
    ],
)
def test_a_store_that_fails_is_told_before_a_job_begins(folder, broken, capsys, words):
    with pytest.raises(SystemExit) as stop:
        cli.main(words.split())
    said = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2
    assert re.fullmatch(
        r"error: .*the store s3://b answers with HTTP status 500, for 1\d s now: try again later", said[-1]
    )
    assert sum("it is asked again for" in line for line in said) == 1
    assert 7 < len(broken.asked) < 10
    assert not Path("o").exists()


def test_a_store_that_answers_in_the_end_is_used(folder, broken, monkeypatch):
    monkeypatch.setattr(storage.time, "sleep", lambda _seconds: broken.failing.__setitem__(0, len(broken.asked) < 3))
    assert not storage.exists("s3://b/a")
    assert len(broken.asked) > 3


@pytest.mark.parametrize("failures", [storage.ATTEMPTS - 1, storage.ATTEMPTS])
def test_a_running_job_has_more_patience(monkeypatch, capsys, failures):
    waits, left = [], [failures]
    monkeypatch.setattr(storage.time, "sleep", waits.append)

    def ask():
        left[0] -= 1
        if left[0] >= 0:
            raise OSError("AWS Error UNKNOWN (HTTP status 500)")
        return "answer"

    with storage.patient():
        assert storage.at_work()
        if failures < storage.ATTEMPTS:
            assert storage._answered("b", ask) == "answer"
        else:
            with pytest.raises(OSError, match="500"):
                storage._answered("b", ask)
    assert not storage.at_work()
    assert sum(waits) > 60
    assert capsys.readouterr().err == ""


def test_a_web_server_that_fails_is_asked_less_before_a_job_begins(folder, broken, monkeypatch, capsys):
    waits = []
    monkeypatch.setattr(remote.time, "sleep", waits.append)
    address = f"{broken.url}/a.warc.gz"
    assert told(capsys, "clean", "--input", address, "--output", "o") == (
        f"error: {address}: HTTP 500 Internal Server Error, {remote.FIRST_ATTEMPTS} times: check the network, or try again later"
    )
    assert sum(waits) < 20
    with storage.patient(), pytest.raises(OSError, match=f"{remote.ATTEMPTS} times"):
        remote.remote_file(address)
