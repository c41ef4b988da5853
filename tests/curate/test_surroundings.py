"""Odd names, full and closed disks, what is left in the folder for temporary files: one line each, or no matter at all."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from curate import cli
from curate.console.terminal import command_line
from curate.corpus.recipe import parse
from curate.engine import starts
from curate.engine.session import Session, check_path, session
from curate.errors import InputError, OutputError, RecipeError, of_disk
from curate.files import output, temporary
from curate.jobs.dedup import recipe_of
from curate.read.corpora import corpus_source
from curate.read.source import Source
from curate.run import runner
from curate.run.pipeline import CorpusJob
from tests.command import curate, limited
from tests.tasks import wait_for_end

ROWS = "".join(json.dumps({"text": f"A text of number {n % 7} that is like some others."}) + "\n" for n in range(20))
NAMES = ["a?b", "a*b", "a[b]", "a{b,c}", "a:b", "a\nb", "a%20b", "a#b", "a b", "日本", "-x", "a'b\"\\", "$x;&<y>"]


@pytest.fixture(scope="module")
def sail() -> Iterator[Session]:
    with session("test", "sail", cores=2) as found:
        yield found


def write(folder: Path, name: str = "part") -> str:
    folder.mkdir(parents=True)
    (folder / f"{name}.jsonl").write_text(ROWS)
    return str(folder)


@pytest.mark.engine
@pytest.mark.parametrize("name", NAMES)
def test_names_of_outputs_inputs_and_indexes(sail: Session, tmp_path: Path, name: str) -> None:
    """Engines take some characters for patterns: with `{` all duplicates stayed, with others the job ended."""
    root = tmp_path / name
    asked = recipe_of("minhash", {"index": str(root / name), "against": write(root / f"{name}-old")})
    for number, kept in enumerate((0, 0)):
        job = CorpusJob(
            "dedup", corpus_source(write(root / f"{number}{name}", name)), asked, str(root / f"{name}{number}")
        )
        assert runner.run(sail, job)["kept"] == kept
    job = CorpusJob("dedup", corpus_source(str(root / f"0{name}")), recipe_of("minhash", {}), str(root / "all"))
    assert runner.run(sail, job)["kept"] == 7


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    bad = os.fsdecode(b"a\xff")
    source = corpus_source(write(tmp_path / "in"))
    with pytest.raises(OutputError, match=r"a\\udcff': the name is not UTF-8"):
        runner.run(
            Session("none", lambda: None, 1), CorpusJob("dedup", source, recipe_of("exact", {}), str(tmp_path / bad))
        )
    with pytest.raises(InputError, match=r"a\\udcff': the name is not UTF-8"):
        corpus_source(write(tmp_path / bad))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in", bad])


@pytest.mark.parametrize(
    "address", ["s3://bucket/a?b", "s3://bucket/a b", "s3://bucket/a#b", "s3://bucket/a%20", "s3://b/*"]
)
def test_addresses_of_outputs(address: str) -> None:
    with pytest.raises(OutputError, match="the address of an output may hold"):
        output.check_name(address)


def test_addresses_that_are_taken() -> None:
    for address in ("s3://bucket/a-b/c_d.e=f", "gs://bucket/x", "hdfs://host:8020/user/x", "out", "/tmp/a b"):
        output.check_name(address)
    for name in ("", " "):
        with pytest.raises(OutputError, match="no name of a folder"):
            output.check_name(name)


def test_on_a_cluster_odd_names_are_refused_before_any_work(tmp_path: Path) -> None:
    source = corpus_source(write(tmp_path / "in"))
    job = CorpusJob("dedup", source, recipe_of("exact", {}), str(tmp_path / "a{b}"))
    with pytest.raises(OutputError, match="on a cluster a path may hold"):
        runner.run(Session("spark", lambda: None, 1, here=False), job)
    check_path(Session("spark", lambda: None, 1, here=False), str(tmp_path / "plain"))


def test_a_misspelt_extractor_is_found_with_the_recipe() -> None:
    with pytest.raises(RecipeError, match=r"no extractor is called 'trafilatur'; did you mean 'trafilatura'"):
        parse('[extract]\nengine = "trafilatur"\n', "r")


def test_errors_of_a_disk_in_words() -> None:
    told = of_disk(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"))
    assert str(told).startswith("/data/x: there is no room left on the disk (bytes: df; files: df -i): make room; ")
    assert "make room" in str(of_disk(RuntimeError("Generic error: No space left on device (os error 28)")))
    assert "make room" in str(
        of_disk(OSError("Not enough free space to write 43895104 bytes after offset 0"))
    )  # numpy's
    assert of_disk(OSError(errno.ENOENT, "no such file")) is None
    assert of_disk(ValueError("anything")) is None


def test_a_file_that_is_cut_short_is_no_person_who_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    """click makes "aborted" of every EOFError; a module that a full disk cut short raises one."""

    def cut(message: str) -> click.Command:
        @click.command()
        def command() -> None:
            raise EOFError(message)

        return command

    with pytest.raises(EOFError, match="of ours"):
        cli.run(cut("of ours"), [], "curate")
    with pytest.raises(SystemExit):
        cli.run(cut("marshal data too short"), [], "curate")
    told = capsys.readouterr().err.strip()
    assert (
        told
        == "error: a compiled module of Python is cut short, as a full disk leaves it: delete the folders __pycache__"
    )


@pytest.mark.engine
@pytest.mark.parametrize("most", [600, 3_000])
def test_a_full_disk_costs_one_line_and_no_work(tmp_path: Path, most: int) -> None:
    """A limit on the size of files fails as a full disk does, in the driver and in tasks."""
    source, out = write(tmp_path / "in"), tmp_path / "out"
    command = ["dedup", source, "--output", str(out), "--quiet", "--cores", "1"]
    full = limited("RLIMIT_FSIZE", most, *command)
    assert full.returncode == 2, full.stderr
    assert "a file would become larger than is allowed" in full.stderr
    assert full.stderr.count("\n") == 1
    assert not out.exists()
    whole = curate(*command, "--resume")
    assert whole.returncode == 0, whole.stderr
    assert json.loads((out / "ledger.json").read_text())["kept"] == 7
    assert [path.name for path in tmp_path.glob("out*")] == ["out"]


@pytest.mark.parametrize("inside", ["out", "deep/er/out", "../link/out"])
def test_an_output_in_a_folder_that_is_read(tmp_path: Path, inside: str) -> None:
    """The run changed its own input, and could never be resumed."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "link").symlink_to("repo")
    source = Source("code", "", [], [(str(tmp_path / "repo"), 1)], "")
    asked = CorpusJob("code", source, recipe_of("exact", {}), str(tmp_path / "repo" / inside))
    with pytest.raises(OutputError, match=r"lies in .*repo, which is read"), runner.claimed(asked, resume=False):
        pass
    beside = CorpusJob("code", source, recipe_of("exact", {}), str(tmp_path / "repository"))
    with runner.claimed(beside, resume=False):
        pass


ADDRESSES = [
    "s3://AKIA:HIDDEN@bucket/a.jsonl",
    "s3://AKIA:HID/DEN@bucket/a.warc.gz",
    "s3://AKIA:HIDDEN@bucket/web-*/",
    "https://me:HIDDEN@127.0.0.1:9/a.warc.gz",
    "https://HIDDEN@127.0.0.1:9/a.warc.gz",
    "hdfs://me:HIDDEN@host/a.parquet",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_with_a_password_are_refused_unread_and_unshown(
    tmp_path: Path, address: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stood in job.json, ledger.json, the column `file`, the card, the report, and in each error."""
    monkeypatch.setattr(cli, "_end", sys.exit)  # where another test started an engine it would end this very process
    source, out = write(tmp_path / "in"), str(tmp_path / "out")
    listed = tmp_path / "warc.paths"
    listed.write_text(f"{address}.warc.gz\n")
    told = [
        ["clean", "--input", address, "--output", out],
        ["clean", "--input", str(listed), "--output", out],
        ["clean", "--input", source, "--output", address],
        ["dedup", source, "--against", address, "--output", out],
        ["dedup", source, "--index", address, "--output", out],
        ["inspect", address],
        ["mix", "--weights", "proportional", "--unit", "bytes", "--source", f"web={address}", "--output", out],
    ]
    for arguments in told:
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        said = capfd.readouterr()
        assert ended.value.code == 2, arguments
        assert "HIDDEN" not in said.out + said.err
        assert "DEN@" not in said.out + said.err
        assert "address with a password" in said.err, (arguments, said.err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "warc.paths"]


def test_a_command_is_written_down_without_secrets() -> None:
    given = ["curate", "dedup", "in", "--master", "sc://host:15002/;use_ssl=true;token=HIDDEN", "--output", "a b"]
    assert command_line(given) == "curate dedup in --master 'sc://host:15002/;use_ssl=true;token=***' --output 'a b'"


@pytest.mark.engine
def test_a_folder_that_nothing_can_be_written_to(tmp_path: Path) -> None:
    done = curate("dedup", write(tmp_path / "in"), "--output", "/proc/nothing/out", "--quiet")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    (tmp_path / "file").write_text("")
    done = curate("dedup", str(tmp_path / "in"), "--output", str(tmp_path / "file" / "out"), "--quiet")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


HOLDER = """
import sys, time
from curate.files import temporary
print(temporary.folder(), flush=True)
time.sleep(60 if sys.argv[1:] else 0)
"""


def test_the_folder_for_temporary_files_goes_with_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = {**os.environ, "TMPDIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", HOLDER], env=settings, capture_output=True, check=True)
    assert not os.path.exists(ended.stdout.decode().strip())
    killed = subprocess.Popen([sys.executable, "-c", HOLDER, "stay"], env=settings, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    (tmp_path / f"{temporary.PREFIX}mine").write_text("a file of somebody")
    temporary.sweep()
    assert left.is_dir()  # its process lives
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert left.is_dir()
    temporary.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [f"{temporary.PREFIX}mine"]


ORPHAN = """
import os, signal, sys, threading, time
from curate.engine import children, starts
def end_when_it_works():
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
starts.ahead(None)
print(*starts.server_pids(), flush=True)
threading.Thread(target=end_when_it_works).start()
children.call_json("tests.tasks:linger", {"path": sys.argv[1]})
"""


def test_children_end_with_their_parent(tmp_path: Path) -> None:
    """An orphan that goes on writing could write into what a later run has published."""
    command = [sys.executable, "-c", ORPHAN, str(tmp_path / "child")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    wait_for_end(map(int, [(tmp_path / "child").read_text(), *done.stdout.split()]))


STOPPED = """
import os, signal, sys, time
import click
from curate import cli

@click.command()
@OPTIONS
def work(**_):
    os.kill(os.getpid(), int(sys.argv[1]))
    time.sleep(60)

cli.run(work, [], "work")
"""


@pytest.mark.parametrize(
    ("number", "code", "options", "way"),
    [
        (signal.SIGINT, 130, "click.option('--resume', is_flag=True)", "--resume"),
        (signal.SIGTERM, 143, "click.option('--seeds')", "the same command"),
    ],
)
def test_a_run_that_is_stopped_says_how_to_go_on(number: int, code: int, options: str, way: str) -> None:
    """SIGTERM, which schedulers send, left folders for temporary files and tracebacks of the children behind."""
    command = [sys.executable, "-c", STOPPED.replace("@OPTIONS", f"@{options}"), str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = f"stopped; what is finished is kept, {way} goes on from there"
    assert (done.returncode, done.stderr.strip()) == (code, told)


LOST = """
import os, signal, sys, time
import click
from curate import cli

@click.command()
def work():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
        time.sleep(60)
    except KeyboardInterrupt:  # as a library in C does whose import of numpy it ended
        raise AttributeError("module 'numpy' has no attribute 'dot'")

cli.run(work, [], "work")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_an_interrupt_breaks_that_a_library_lost_is_no_fault_of_ours(number: int, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", LOST, str(int(number))], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.startswith("stopped; ")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc")
def test_ctrl_c_reaches_no_child_from_its_first_moment_on() -> None:
    """The terminal sends it to all; one that was still loading Python ended in a traceback of Python's."""
    started = starts._start()
    try:
        status = Path(f"/proc/{started.process.pid}/status").read_text()
    finally:
        started.close()
    blocked = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk"))
    assert int(blocked, 16) & 1 << signal.SIGINT - 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


SENDER = "import os, sys; from curate.engine import children; children._send(os.fdopen(os.dup(1), 'wb'), b'J', bytes(1 << 20))"


def test_a_child_whose_parent_is_gone_ends_without_a_word() -> None:
    child = subprocess.Popen([sys.executable, "-c", SENDER], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == b""
    assert child.wait() == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mix", "--search", "--from", "runs.csv"], "stopped"),
        (["mix", "--search", "--from=runs.csv"], "stopped"),
        (
            ["mix", "--search", "--output", "o"],
            "stopped; what is finished is kept, the same command goes on from there",
        ),
        (["mix", "--weights", "a=1"], "stopped; what is finished is kept, --resume goes on from there"),
        (["whatif", "corpus"], "stopped"),
    ],
)
def test_only_of_what_is_kept_it_is_said(words: list[str], told: str) -> None:
    assert cli._stopped(cli.group, words) == told
    assert set(cli.COMMANDS) >= cli._AT_ONCE


def test_a_name_that_the_locale_has_no_letters_for(tmp_path: Path) -> None:
    """The name is UTF-8, and was said not to be: Python decodes it by the locale."""
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"}
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    for words in (["inspect", f"{tmp_path}/\u00fc"], ["dedup", "a.jsonl", "--method", "exact", "--output", "\u00fc"]):
        command = [sys.executable, "-c", "from curate import cli; cli.main()", *words]
        done = subprocess.run(command, capture_output=True, check=False, env=environment, cwd=tmp_path)
        assert b"this locale has no such letters (ascii): set LC_ALL=C.UTF-8" in done.stderr, done.stderr
