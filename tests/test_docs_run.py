"""Every block of shell on a page is run, in the order of the page, as by somebody who copies it; then the commands in its prose.

In prose a command is often named alone, or with the one option that is spoken of: these are left out (`whole`), all others are run.

bash reads a block: quotes, patterns, pipes and redirections are bash's. Each program that it names is a stand-in that asks this
process, which runs `curate`, `python -m train_probe` and `spark-submit` (on the embedded engine) in itself. What stands for the
reader's own data is in tests/made.py; what stands for something that is too dear, or that the reader is to fill in, in STANDS_FOR;
what can't run here is in NOT_RUN with its reason (test_docs looks at its options all the same). Any other program fails its page.
"""

import gzip
import json
import os
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner

from curate.commands.fetch import fetch
from curate.filters import assets
from curate.sample import crawl
from tests import command, made
from tests.faulty_s3 import serve
from tests.links.test_fetch_urls import CRAWL, crawl_of, server
from tests.pages import PAGES, blocks, find, mentions, recipes
from tests.test_docs import wrong

if TYPE_CHECKING:
    from train_probe.tasks import Task

pytestmark = [pytest.mark.engine, pytest.mark.slow]

STANDS_FOR = [
    # what a reader fills in
    (r"(?<=curate clean) …", " --input crawl/ --output corpus/"),
    (
        r"(curate mix) … (--repeat-by cluster_size=\S+)",
        r"\1 --weights t=1 --source t=world/ --documents 20 --output mix/ \2",
    ),
    (
        r"(curate mix) … (--repeat-by minhash_\S+)",
        r"\1 --weights t=1 --source t=clusters.jsonl --documents 4 --output mix/ \2",
    ),
    (r"(?<=curate mix) …", " --weights web=1 --source web=corpus/ --documents 20 --output mix/"),
    (
        r"(mix --search.*) --source …",
        r"\1 --source web=web/ --source code=code/ --source books=books/ --tokens 2K --preset nano",
    ),
    (
        r"--source …(?: --output (\S+))?",
        r"--source web=web/ --source code=code/ --source books=books/ --documents 20 --output \1best",
    ),
    (r"--shards …", "--shards a --shards b"),
    (r"path/to/model", "sizes/nano/runs/a/seed-0"),
    (r"\b(\w+)=…", r"\1=\1/"),
    (r" …(?= |$)", ""),
    (r"https://example\.org/", "https://library.example/mirror/0-1"),
    (r"\bPATH\b", "repos/project-0"),
    (r"corpus/ owner/name/src/main.py", "code/ project-1/part_0.py"),
    (r"\|FILE\b", ""),
    (r"corpus/data/language=", "world/data/language="),
    (r"> docs/", "> "),
    (r"curate inspect out/", "curate inspect corpus/"),
    (r"corpus/ (?=--sweep Quality)", "scored/ "),
    # what is dear
    (r"--preset 4m(?= )(?!.*--tokens)", "--preset nano --tokens 2048"),
    (r"--preset 20m(?= )(?!.*--tokens)", "--preset nano --tokens 12288"),
    (r"--seeds \d+", "--seeds 2"),
    (r"(probe-train|probe-control|train_probe train)(?!.*--seeds)", r"\1 --seeds 2"),
    (r"(probe-train|probe-control|train_probe train)(?!.*--preset)", r"\1 --preset nano"),
    (r"(probe-train|probe-control|train_probe train)(?!.*--tokens)", r"\1 --tokens 1K"),
    (r"--tokens \d+[KMB]", "--tokens 4K"),
    (r"--preset \w+", "--preset nano"),
    (r"(--search(?! --from))", r"\1 --run-tokens 1K --check-seeds 1"),
    (r"(probe-train|probe-control)(?!.*(?:--tasks|--primary))", r"\1 --no-tasks"),
    (r"--vocab-size \d+", "--vocab-size 512"),
    # what lies on other disks
    (r"/(scratch|shared)/", r"\1/"),
    (r"/opt/curate/bin/", ""),
]
"""Patterns in a block, and what is run instead."""

NOT_RUN = {
    "docker ": "needs a daemon",
    "git clone": "needs the network",
    "pip install": "needs the network",
    "python3.11 -m venv": "needs the network",
    "dolma ": "another project's program",
    "gcloud ": "needs an account",
    "python -m benchmarks": "takes hours",
    "torchrun ": "processes of its own that speak with each other; two of them train in tests/train_probe/test_train.py",
    "make ": "makes an environment of its own",
    "spark-submit .*--master": "needs a cluster",
    "spark-submit .*--deploy-mode": "needs a cluster",
    "curate clean .*--engine spark": "needs Java",
    "curate clean .*--master": "needs a cluster",
    "curate push (?!.*--dry-run)": "needs an account",
    "curate assets fetch lid.176.bin": "needs the network",
    "curate clean --input x.ris": "its reader is made on the page; tests/test_contributing.py runs it",
}
"""How a command begins that can't be run here, and why."""

PROGRAMS = (
    "curate",
    "make",
    "spark-submit",
    "srun",
    "torchrun",
    "python",
    "python3.11",
    "pip",
    "git",
    "docker",
    "gcloud",
    "dolma",
)
ASK = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as one:
    one.connect({path!r})
    one.sendall(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]).encode() + b"\\n")
    told = json.loads(one.makefile().read())
sys.stdout.write(told["out"]); sys.stderr.write(told["err"]); sys.exit(told["code"])
"""
BUDGETS = (
    "--tokens",
    "--preset",
    "--seeds",
    "--run-tokens",
    "--check-seeds",
    "--no-tasks",
    "--vocab-size",
    "--documents",
)
"""All that is ever lowered of a command that trains."""
QUESTIONS = 6
"""Of each file of tasks so many are scored, the first ones."""


def lines(block: str) -> list[str]:
    """The commands of a block, a line each, with what stands for what a reader fills in.

    Of `[--option a|b]` there is one command with each, and one without.
    """
    found = []
    for line in re.sub(r" *\\\n *", " ", block).splitlines():
        for pattern, instead in STANDS_FOR:
            line = re.sub(pattern, instead, line)
        parts = re.split(r" *\[(--[^\]]*)\]", line)
        found.append("".join(parts[::2]))
        for place in range(1, len(parts), 2):
            name, _, values = parts[place].partition(" ")
            found += [
                "".join([*parts[:place:2], f" {name} {value}", *parts[place + 1 :: 2]]) for value in values.split("|")
            ]
    return found


def whole(line: str) -> bool:
    """Whether a command in prose is given with all that it needs: not with `…`, something in capitals that a reader puts there,
    its name alone, or without an option that it asks for."""
    if "…" in line or any(re.fullmatch("[A-Z]+", word) for word in line.split()):
        return False
    words = shlex.split(re.sub(r" > .*", "", line))
    if words[0] == "make":
        return True
    command, rest = find(words)
    if command.name == "mix" and "--output" not in rest:
        return False
    return bool(rest) and wrong(line, True) is None


def prose(page: Path) -> list[str]:
    """The commands in the prose of a page that are run, each once, and not those of its blocks again."""
    said = {line.partition(" #")[0].rstrip() for block in blocks(page) for line in lines(block)}
    return list(dict.fromkeys(line for line in mentions(page) if whole(line) and not {*lines(line)} & said))


PAGES_RUN = [page for page in PAGES if page.name != "CHANGELOG.md" and (any(blocks(page)) or prose(page))]


class Reader:
    """Somebody who copies blocks: a folder to work in, programs that answer, and what was done and left out."""

    def __init__(self, folder: Path, made_once: Path, programs: Path) -> None:
        self.folder, self.once, self.programs = folder, made_once, programs
        self.ran: list[str] = []
        self.left: list[str] = []
        self.known: set[str] = set()
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(programs / "door"))
        self.door.listen()
        for name in PROGRAMS:
            (programs / name).write_text(ASK.format(python=sys.executable, path=str(programs / "door")))
            (programs / name).chmod(0o755)
        for name in ("split", "cat", "id"):
            (programs / name).symlink_to(str(shutil.which(name)))

    def begin(self) -> None:
        """An empty folder: the same one for each page, for children that wait know where they are."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.ran, self.left = [], []

    def need(self, name: str) -> Path:
        """What stands for `name`, made once."""
        path, make = made.INPUTS[name]
        at = self.once / path
        if not at.exists():
            at.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(make, tuple):
                words = [re.sub(r"{(.+?)}", lambda found: str(self.need(found[1])), word) for word in make]
                done = command.curate(*words, "--output", str(at))
                assert done.returncode == 0, (words, done.stderr[-2000:])
            else:
                make(at)
        return at

    def bring(self, block: str) -> None:
        """Copy what the block names, where the page has not made it."""
        named = re.sub(r" # .*", "", block)
        for name, (path, _) in made.INPUTS.items():
            there = (self.folder / path).exists()
            if not there and re.search(
                rf"(?<![\w/.-]){re.escape(name)}(?:$|[\s/'\"]|(?<=[-_])\*)", named, re.MULTILINE
            ):
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if self.need(name).is_dir() else shutil.copy
                copy(self.need(name), self.folder / path)

    def run(self, block: str) -> None:
        """Run a block. AssertionError with what was said when a command fails."""
        code = "\n".join(lines(block))
        self.bring(code)
        environment = {**os.environ, "PATH": str(self.programs)}
        said = self.folder.parent / "said"
        ended, held = os.pipe()  # the shell and its programs hold one end: the other says when there is none any more
        with said.open("w") as file, open(ended) as end:
            shell = subprocess.Popen(
                [str(shutil.which("bash")), "-eu", "-o", "pipefail", "-c", f"SLURM_ARRAY_TASK_ID=0\n{code}"],
                cwd=self.folder,
                env=environment,
                stdout=file,
                stderr=file,
                pass_fds=[held],
            )
            os.close(held)
            while self.door in select.select([self.door, end], [], [])[0]:
                connection, _ = self.door.accept()
                with connection, connection.makefile("rw") as talk:
                    json.dump(self.answer(json.loads(talk.readline())), talk)
        assert shell.wait() == 0, f"{code}\n{said.read_text()[-3000:]}"

    def answer(self, words: list[str]) -> dict[str, object]:
        """What a program says, and how it ends."""
        if words[0] == "srun":
            words = words[1:]
        line = " ".join(words)
        if left := next((start for start in NOT_RUN if re.match(start, line)), None):
            self.left.append(left)
            return {"out": "", "err": "", "code": 0}
        self.ran.append(line)
        self._clear(words)
        if words[0] == "curate" and "--debug" not in words:
            done = command.curate(*words[1:])
            return {"out": done.stdout, "err": done.stderr, "code": done.returncode}
        if words[0] in ("curate", "spark-submit") or words[:3] == ["python", "-m", "train_probe"]:
            program, rest = find(words)
            told = CliRunner().invoke(program, rest)
            return {"out": told.stdout, "err": f"{told.stderr}{told.exception or ''}", "code": told.exit_code}
        return {"out": "", "err": f"{line}: neither run nor in NOT_RUN", "code": 127}

    def _clear(self, words: list[str]) -> None:
        """A page that says `--output corpus/` twice means two readers; so does one that copies a recipe to a name that is used."""
        if "--copy" in words:
            (self.folder / words[-1]).unlink(missing_ok=True)
        for option, value in pairwise(words):
            if option == "--output" and "--resume" not in words and not value.startswith("s3:"):
                shutil.rmtree(self.folder / value, ignore_errors=True)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Stores and servers on this machine stand for those elsewhere; the smallest model for each size."""
    from train_probe import config, tasks

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of models this small, threads spend their time waiting for each other
    root = tmp_path_factory.mktemp("pages")
    for name in ("work", "once", "bin"):
        (root / name).mkdir()
    tiny = config.Preset(config.ModelConfig(layers=1, width=32, heads=2, vocab=512, context=32), 128, 4, True)
    with pytest.MonkeyPatch.context() as patched, serve() as store, server(common_crawl()) as site:
        patched.chdir(root / "work")
        for name, value in store.environment.items():
            patched.setenv(name, value)
        patched.setenv("CURATE_CACHE", str(root / "cache"))
        patched.setenv("CURATE_ASSETS", str(fetched(root / "assets")))
        patched.setitem(config.PRESETS, "nano", tiny)
        whole = tasks.read
        patched.setattr(tasks, "read", lambda name: first_of(whole(name)))
        (base,) = [option for option in fetch.params if option.name == "base"]
        patched.setattr(base, "default", site.url)
        found = Reader(root / "work", root / "once", root / "bin")
        import boto3

        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        for file in found.need("crawl").iterdir():
            client.upload_file(str(file), "bucket", f"crawl/{file.name}")
        yield found
        found.door.close()
    torch.set_num_threads(threads)


def first_of(task: "Task") -> "Task":
    """A task of a few questions."""
    return replace(task, questions=task.questions[:QUESTIONS], levels=task.levels[:QUESTIONS])


def common_crawl() -> dict[str, bytes]:
    """A file of the sample crawl as Common Crawl has it, and an index of the pages that the sample of Reddit links to."""
    name = f"crawl-data/{CRAWL}/segments/1/warc/sample.warc.gz"
    members = crawl.crawl()["sample-00001.warc.gz"]
    pages = [(f"https://www.site{n % 30}.example/page/{n % 20}", "20260701", "200") for n in range(60)]
    return {
        **crawl_of(pages),
        f"crawl-data/{CRAWL}/warc.paths.gz": gzip.compress(f"{name}\n".encode()),
        name: b"".join(member.data for member in members),
    }


def fetched(folder: Path) -> Path:
    """The assets that this machine has, and the published bad words: one."""
    (folder / assets.FILES["ldnoobw"]).mkdir(parents=True)
    (folder / assets.FILES["ldnoobw"] / "en").write_text("damnable\n")
    for name in ("lid.176", "licensedb"):
        path = assets.find(name)
        (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize("page", PAGES_RUN, ids=lambda page: page.name)
def test_commands_are_run(reader: Reader, page: Path) -> None:
    reader.begin()
    for name, recipe in recipes(page).items():
        (reader.folder / name).write_text(recipe, encoding="utf-8")
    for block in blocks(page):
        reader.run(block)
    mentioned = [line for line in prose(page) if line not in reader.known]  # on several pages
    reader.known.update(mentioned)
    if mentioned:
        reader.run("\n".join(mentioned))
    assert len(reader.ran) + len(reader.left) >= len(mentioned)


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("curate inspect corpus/", True),
        ("curate inspect", False),
        ("curate inspect …", False),
        ("curate inspect FOLDER", False),
        ("curate filters", False),
        ("curate filters --markdown > docs/filters.md", True),
        ("curate clean --input corpus/", False),
        ("curate clean --input corpus/ --output b/", True),
        ("curate mix --weights llama", False),
        ("curate fetch CC-MAIN-2026-30 --urls links/ --output crawl/", True),
        ("curate --version", True),
        ("make demo", True),
    ],
)
def test_which_commands_in_prose_are_run(line: str, run: bool) -> None:
    assert whole(line) == run


@pytest.mark.parametrize(
    "block",
    ["curate inspect nowhere", "curl https://example.org/x", "python -m http.server", "curate inspect nowhere | cat"],
)
def test_a_block_that_fails_would_be_noticed(reader: Reader, block: str) -> None:
    reader.begin()
    with pytest.raises(AssertionError, match=re.escape(block.split()[0])):
        reader.run(block)


@pytest.mark.parametrize("page", PAGES_RUN, ids=lambda page: page.name)
def test_of_commands_that_train_budgets_alone_are_lowered(page: Path) -> None:
    """Whatever else such a command says on its page it says when it is run."""
    for block in [*blocks(page), *prose(page)]:
        for said in re.sub(r" *\\\n *", " ", block).splitlines():
            if re.search(r"probe-(train|control)|train_probe train", said) and "…" not in said and "[" not in said:
                (done,) = lines(said)
                assert _without_budgets(done) == _without_budgets(said)


def _without_budgets(line: str) -> list[str]:
    words = re.sub(r" # .*", "", line).split()
    valued = [name for name in BUDGETS if name != "--no-tasks"]
    return [word for before, word in pairwise(["", *words]) if word not in BUDGETS and before not in valued]


def test_each_rule_stands_for_something_on_a_page() -> None:
    every = [block for page in PAGES_RUN for block in (*blocks(page), *prose(page))]
    said, done = "\n".join(every), [line for block in every for line in lines(block)]
    assert [name for name in NOT_RUN if not any(re.match(name, line) for line in done)] == []
    assert [pattern for pattern, _ in STANDS_FOR if not re.search(pattern, said)] == []
