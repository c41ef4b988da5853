"""Kill a job before each of its file operations, resume it, compare the bytes.

    python -m benchmarks.crash_points [COMMAND …] [--store local s3] [--points 12] [--seconds 200] [--twice]
        [--copies] [--results FILE] [--summary]

Commands: clean dedup substring index decontaminate mix code links fetch, and `clean` of dumps: wikipedia stackexchange arxiv books
webtext.

A job is run undisturbed and its file operations are counted: rename, replace, link, unlink, rmdir, mkdir, open for
writing, the opening and the closing of each Parquet file, and on an object store each request that writes, copies or
deletes. Then, for each K, it is run again in a process that ends itself by SIGKILL before operation K, and resumed by
another. What is published must be the same bytes, and nothing else must be left. `--twice` kills the resumed run, too, at
an operation that a seed chooses. `--points` takes so many operations, spread evenly; without it all of them.
`--copies` copies the disk, and the store, before each operation of one run, which is what a kill leaves, instead of killing as many runs.
With `--results` and `--seconds` a sweep goes in pieces: each call goes on where the one before has ended.

The tasks of the job run in the process that is killed, so the operations of what are else child processes are among them.
Two undisturbed runs say which files can be compared: those with times in them are looked at without these. Prints JSON.
"""

import argparse
import bz2
import gc
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from curate.files import storage
from curate.filters.base import Document

SOURCES = ("wikipedia", "stackexchange", "arxiv", "books")
COMMANDS = (
    "clean",
    "dedup",
    "substring",
    "index",
    "decontaminate",
    "mix",
    "code",
    *SOURCES,
    "webtext",
    "links",
    "fetch",
)
EVENTS = {"os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.link": 2, "os.mkdir": 2, "os.symlink": 2, "os.truncate": 0}
"""What Python tells audit hooks of, and which argument is the folder that a relative path is in."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
RECIPE = """
name = "small"
[extract]
engine = "resiliparse"
[[step]]
use = "curate.dedup.Urls"
[[step]]
use = "curate.dedup.Lines"
[[step]]
use = "curate.dedup.MinHash"
"""
WEBTEXT = """
name = "webtext-small"
[extract]
engine = "resiliparse"
[[step]]
use = "curate.links.listed.Listed"
[[step]]
use = "curate.dedup.Urls"
"""
CRAWL = "CC-MAIN-2026-30"
SERVER = """
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *told): pass
    def do_GET(self):
        with open(self.translate_path(self.path), "rb") as file: data = file.read()
        size, asked = len(data), self.headers.get("Range")
        self.send_response(206 if asked else 200)
        if asked:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            data = data[int(start) : int(end or size) + 1]
            self.send_header("Content-Range", f"bytes {start}-{int(start) + len(data) - 1}/{size}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
os.chdir(sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
"""A server of files that gives ranges of bytes, as a program."""
TIMES = ("seconds", "memory_estimate", "command", "output")
"""Keys of a ledger that two undisturbed runs need not have in common."""


class Killer:
    """Counts the file operations of this process below some folders, and ends it before one of them; or calls `before` with
    the number of each."""

    def __init__(
        self, roots: Sequence[str], kill_at: int, log: str, before: Callable[[int], None] = lambda number: None
    ) -> None:
        self.roots, self.kill_at, self.log, self.before = tuple(roots), kill_at, log, before
        self.seen, self.on = 0, True

    def __call__(self, name: str, path: object) -> None:
        if not self.on or not isinstance(path, str) or not path.startswith(self.roots):
            return
        self.seen += 1
        self.on = False
        self.before(self.seen)
        if self.log:
            with open(self.log, "a") as stream:
                stream.write(json.dumps([name, path]) + "\n")
        self.on = True
        if self.seen == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """A hook for `sys.addaudithook`."""
        if event in EVENTS:
            self(event, _full(os.fsdecode(arguments[0]), arguments[EVENTS[event]] if EVENTS[event] else -1))
        elif event == "open" and isinstance(arguments[0], str | bytes):
            mode, flags = arguments[1], arguments[2]
            if (mode and set(mode) & set("wxa+")) or (not mode and flags & WRITING):
                self(event, os.path.abspath(os.fsdecode(arguments[0])))


def _full(path: str, folder: int) -> str:
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path) if folder >= 0 else os.path.abspath(path)


class Store(pafs.FileSystemHandler):  # type: ignore[misc]
    """A file system that tells `count` of each change before it makes it."""

    def __init__(self, real: Any, count: Callable[[str, str], None]) -> None:
        self.real, self.count = real, count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and self.real.equals(other.real)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def get_type_name(self) -> str:
        return "counted"

    def normalize_path(self, path: str) -> str:
        return str(self.real.normalize_path(path))

    def get_file_info(self, paths: Any) -> Any:
        return self.real.get_file_info(paths)

    def get_file_info_selector(self, selector: Any) -> Any:
        return self.real.get_file_info(selector)

    def create_dir(self, path: str, recursive: bool) -> None:
        self.count("create_dir", path)
        self.real.create_dir(path, recursive=recursive)

    def delete_dir(self, path: str) -> None:
        """One object after the other, in the worst order: a store promises none, and a mark that is left when files are gone
        says that they are there."""
        names = [info.path for info in self.real.get_file_info(pafs.FileSelector(path, recursive=True)) if info.is_file]
        for name in sorted(names, key=lambda name: (name.endswith(storage.COMPLETE), name)):
            self.delete_file(name)
        self.count("delete_dir", path)
        self.real.delete_dir(path)

    def delete_dir_contents(self, path: str, missing_dir_ok: bool = False) -> None:
        self.count("delete_dir_contents", path)
        self.real.delete_dir_contents(path, missing_dir_ok=missing_dir_ok)

    def delete_root_dir_contents(self) -> None:
        raise NotImplementedError

    def delete_file(self, path: str) -> None:
        self.count("delete_file", path)
        self.real.delete_file(path)

    def move(self, source: str, target: str) -> None:
        self.count("move", source)
        self.real.move(source, target)

    def copy_file(self, source: str, target: str) -> None:
        self.count("copy_file", target)
        self.real.copy_file(source, target)

    def open_input_stream(self, path: str) -> Any:
        return self.real.open_input_stream(path)

    def open_input_file(self, path: str) -> Any:
        return self.real.open_input_file(path)

    def open_output_stream(self, path: str, metadata: Any) -> Any:
        self.count("open_output_stream", path)
        return self.real.open_output_stream(path, metadata=metadata)

    def open_append_stream(self, path: str, metadata: Any) -> Any:
        raise NotImplementedError


# ---- in the process that is killed ----


def arm(count: Killer) -> None:
    """Have all operations counted, and all work done in this process."""
    from curate.engine import children, session, tasks
    from curate.files import storage, typed_json
    from curate.jobs import fetch_urls
    from curate.read import items, web, wikipedia
    from curate.run import pipeline

    sys.addaudithook(count.audit)
    real_filesystem = storage.filesystem

    def filesystem(path: str) -> tuple[Any, str]:
        found, inner = real_filesystem(path)
        if storage.is_local(path):
            return found, inner
        return pafs.PyFileSystem(Store(found, lambda name, key: count(name, f"s3://{key}"))), inner

    class Writer(pq.ParquetWriter):  # type: ignore[misc]
        def __init__(self, where: Any, *more: Any, **names: Any) -> None:
            count("parquet.open", str(where))
            super().__init__(where, *more, **names)
            self._name = str(where)

        def close(self) -> None:
            if self.is_open:
                count("parquet.close", self._name)
            super().close()

    def call(function: Callable[[Any], Any], task: Any, memory: int = 0) -> Any:
        answer = tasks.call_json(function, json.loads(json.dumps(typed_json.dump(task))))
        return tasks.result_of(function, json.loads(json.dumps(answer)))

    def run(self: Any, function: Callable[[Any], Any], todo: Sequence[Any]) -> Iterator[Any]:
        return (call(function, task) for task in todo)

    def call_json(reference: str, task: Any, *_memory: int, limited: bool = False) -> Any:
        return json.loads(json.dumps(tasks.call_json(tasks.function(reference), json.loads(json.dumps(task)))))

    def load(function: Callable[[Any], Any], *todo: Any, memory: int = 0) -> None:
        for task in todo:
            call(function, task)

    storage.filesystem, pq.ParquetWriter = filesystem, Writer
    children.call, session.Session.run = call, run  # type: ignore[assignment, method-assign]
    children.call_json, children.load = call_json, load  # type: ignore[assignment]
    web.survive = lambda task, reference="": web.pages(web.PagesTask(task))
    items.survive = lambda task, reference="": items.items(items.ItemsTask(task))  # type: ignore[arg-type]
    wikipedia.survive = lambda task, reference="": wikipedia.documents(wikipedia.PagesTask(task))  # type: ignore[arg-type]
    pipeline.MINIMUM_SHARDS = 2
    real_page = fetch_urls.Page

    def page(*values: Any, **named: Any) -> Any:  # made between the bytes of a record and its line in the journal
        count("record", count.roots[0])
        return real_page(*values, **named)

    fetch_urls.Page = page  # type: ignore[assignment, misc]


def work(command: str, inputs: Path, output: str, place: str, resume: bool) -> None:
    """Run the job. `place` is a folder, or a prefix of a store, for the index and the counts."""
    from curate.engine.session import EngineOptions

    options = EngineOptions(engine="sail", cores=1, resume=resume, quiet=True)
    if command == "clean":
        from curate.jobs.clean import Options, clean

        clean(Options([str(inputs / "crawl")], output, str(inputs / "small.toml"), command=()), options)
    elif command in ("dedup", "index", "substring"):
        from curate.jobs.dedup import Options as DedupOptions
        from curate.jobs.dedup import deduplicate

        store = "://" in place
        if not store:
            os.chdir(place)  # the index has the same name in all places, and so has the recipe
        more = {"index": f"{place}/index" if store else "index"} if command == "index" else {}
        method = "substring" if command == "substring" else "minhash"
        deduplicate(DedupOptions(str(inputs / "corpus"), output, method, more, command=()), options)
    elif command == "decontaminate":
        from curate.jobs.decontaminate import Options as DecontaminateOptions
        from curate.jobs.decontaminate import decontaminate

        tasks = {"tasks": [str(inputs / "tasks.jsonl")], "action": "cut"}
        decontaminate(DecontaminateOptions(str(inputs / "corpus"), output, tasks, command=()), options)
    elif command in SOURCES:
        from curate.jobs.clean import Options, clean
        from curate.read import stackexchange, unpack

        stackexchange.BUCKET_BYTES = 20_000
        unpack._COMPILED = 0
        more = {"split_bytes": 3000} if command == "wikipedia" else {}
        clean(Options([str(inputs / command)], output, command, command=(), **more), options)
    elif command == "webtext":
        from curate.jobs.clean import Options, clean

        urls = str(inputs / "urls.txt")
        clean(Options([str(inputs / "crawl")], output, str(inputs / "webtext.toml"), urls=urls, command=()), options)
    elif command == "links":
        from curate.jobs import links

        links.BUCKET_BYTES = 1000
        links.links(links.Options([str(inputs / "reddit")], output, command=()), options)
    elif command == "fetch":
        fetch(inputs, output)
    elif command == "code":
        from curate.jobs.code import Options as CodeOptions
        from curate.jobs.code import clean_code

        clean_code(CodeOptions([str(inputs / "repos" / name) for name in ("one", "two")], output, command=()), options)
    else:
        mix(inputs, output, place, resume)


def fetch(inputs: Path, output: str) -> None:
    """`curate fetch --urls`, several files long."""
    from curate.jobs import fetch_urls

    fetch_urls.FILE_BYTES = 1500
    fetch_urls.fetch_listed(CRAWL, str(inputs / "urls.txt"), Path(output), (inputs / "server").read_text())


def mix(inputs: Path, output: str, place: str, resume: bool) -> None:
    """`curate mix` of two sources."""
    from curate.engine.session import EngineOptions
    from curate.files import storage
    from curate.mixing import mixture, sources
    from curate.mixing.job import MixJob, Request
    from curate.report.mixture import finish_mixture
    from curate.run.runner import run_job
    from curate.tokens import tokenizer

    paths = {name: str(inputs / "mix" / name) for name in ("web", "code")}
    stated = mixture.settle(mixture.load("web=0.7,code=0.3"), paths)
    found = tuple(sources.find(name, path) for name, path in paths.items())
    packs = storage.is_local(output)
    order = Request(
        stated,
        found,
        tokenizer.find(None) if packs else None,
        f"{place}/counts",
        unit="tokens" if packs else "bytes",
        held_out=0.1,
        shards=2,
        max_epochs=9,
        tokenize=packs,
    )
    options = EngineOptions(engine="sail", cores=1, resume=resume, quiet=True)
    run_job(MixJob(order, output, finishers=(finish_mixture,)), options)


def prepare_index(inputs: Path, place: str) -> None:
    """An index that knows one run."""
    from curate.engine.session import EngineOptions
    from curate.jobs.dedup import Options, deduplicate

    index = f"{place}/index"
    if "://" not in place:
        os.chdir(place)
        index = "index"
    options = Options(str(inputs / "before"), f"{place}/before", "minhash", {"index": index}, command=())
    deduplicate(options, EngineOptions(engine="sail", cores=1, quiet=True))


# ---- what is compared ----


def listing(folder: str) -> dict[str, bytes]:
    """Name and bytes of each file below a folder or prefix."""
    if "://" not in folder:
        root = Path(folder)
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    client, (bucket, _, prefix) = s3_client(), folder.removeprefix("s3://").partition("/")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix.rstrip("/") + "/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
    return {key[len(prefix) + 1 :]: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def s3_client() -> Any:
    """A client of the store that the environment names."""
    import boto3

    return boto3.client("s3")


def objects(client: Any, folder: str) -> dict[str, str]:
    """Key to ETag of all objects below a prefix of a store, markers of folders included."""
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix.rstrip("/") + "/")
    return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", [])}


def download(folder: str, to: Path, seen: Path) -> None:
    """Copy the objects below a prefix to a folder; the content of each is fetched once, and lies in `seen` under its ETag."""
    client, (bucket, _, prefix) = s3_client(), folder.removeprefix("s3://").partition("/")
    seen.mkdir(exist_ok=True)
    to.mkdir(parents=True)
    for key, tag in objects(client, folder).items():
        path = to / key[len(prefix) + 1 :]
        if key.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        if not (seen / tag).exists():
            (seen / tag).write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(seen / tag, path)


def upload(folder: Path, to: str) -> None:
    """Make what is below a prefix what lies in a folder, as `download` has left it."""
    client, (bucket, _, prefix) = s3_client(), to.removeprefix("s3://").partition("/")
    for key in objects(client, to):
        client.delete_object(Bucket=bucket, Key=key)
    for path in sorted(folder.rglob("*")):
        key = f"{prefix}/{path.relative_to(folder)}"
        if path.is_file():
            client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        elif not any(path.iterdir()):
            client.put_object(Bucket=bucket, Key=f"{key}/", Body=b"")


def without_times(value: Any) -> Any:
    """A ledger without what may differ."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def figures(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """(path, JSON) of each figure in a ledger, so that what differs has a name."""
    if not isinstance(value, dict | list) or not value:
        yield where, json.dumps(value)
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from figures(item, f"{where}.{key}" if where else str(key))


def digests(folder: str, place: str) -> dict[str, str]:
    """A digest of each published file; the figures of the ledger without times; a digest of what the index knows."""
    found = {}
    for name, data in listing(folder).items():
        if name == "ledger.json":
            text = json.dumps(without_times(json.loads(data)), sort_keys=True).replace(place, "").replace(folder, "")
            found |= {f"ledger.json {where}": value for where, value in figures(json.loads(text))}
            continue
        found[name] = hashlib.sha256(data).hexdigest()
    index = listing(f"{place}/index")
    if index:
        runs = json.loads(index.get("runs.json", b"{}"))
        for run, entry in runs.items():
            parts = [
                pq.read_table(pa.BufferReader(b))
                for n, b in index.items()
                if n.startswith(entry["folder"] + "/") and n.endswith(".parquet")
            ]
            rows = sorted(str(row) for part in parts for row in part.to_pylist())
            found[f"index of {run}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        known = {"parameters.json", "runs.json", *(entry["folder"] for entry in runs.values())}
        found |= {f"left in the index: {name}": "" for name in index if name.split("/")[0] not in known}
    return found


# ---- the sweep ----


def forked(act: Callable[[], None]) -> int:
    """Run `act` in a process of its own: what it ended with (a signal as a negative number; 2 for an error of ours)."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException as error:
            from curate.errors import CurateError

            if isinstance(error, CurateError):
                code = 2
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            if code == 1:
                import traceback

                traceback.print_exc()
        finally:
            from curate.files import temporary

            temporary.close()  # as at the end of a program; a killed one does not come here
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Outcome(NamedTuple):
    """Whether the process was killed at the point, and what is wrong (nothing: empty)."""

    killed: bool
    wrong: str


class Sweep:
    """All points of one command on one store."""

    def __init__(self, command: str, store: str, inputs: Path, root: Path) -> None:
        self.command, self.store, self.inputs, self.root = command, store, inputs, root
        self.temporary = root / "tmp"
        self.temporary.mkdir(exist_ok=True)

    def place(self, name: str) -> str:
        """A folder or prefix for one point; what is in it is deleted."""
        if self.store == "s3":
            return f"s3://sweep/{self.command}/{name}"
        folder = self.root / "points" / self.command / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return str(folder)

    def run(self, place: str, *, kill_at: int = 0, resume: bool = False, log: str = "") -> int:
        """One run; what it ended with."""

        def act() -> None:
            roots = [place, str(self.temporary)]
            tempfile.tempdir = str(self.temporary)
            arm(Killer(roots, kill_at, log))
            work(self.command, self.inputs, f"{place}/out", place, resume)

        return forked(act)

    def begin(self, name: str) -> str:
        """A place as it is before the job."""
        place = self.place(name)
        if self.command == "index":

            def act() -> None:
                arm(Killer(["/nowhere"], 0, ""))
                prepare_index(self.inputs, place)

            if self.store == "s3":
                if forked(act):
                    raise SystemExit("the index can't be prepared")
            else:  # the same index for all points
                made = self.root / "points" / "index-before"
                if not made.exists():
                    made.parent.mkdir(parents=True, exist_ok=True)
                    if forked(act):
                        raise SystemExit("the index can't be prepared")
                    shutil.copytree(place, made)
                shutil.rmtree(place)
                shutil.copytree(made, place)
        return place

    def base(self) -> tuple[dict[str, str], list[list[str]]]:
        """What two undisturbed runs agree on, and the operations of one."""
        found = []
        log = str(self.root / f"{self.command}-{self.store}.log")
        Path(log).unlink(missing_ok=True)
        for name in ("base-1", "base-2"):
            place = self.begin(name)
            if self.run(place, log=log if name == "base-1" else ""):
                raise SystemExit(f"{self.command} on {self.store} fails undisturbed")
            found.append(digests(f"{place}/out", place))
        operations = [json.loads(line) for line in Path(log).read_text().splitlines()]
        same = {name: value for name, value in found[0].items() if found[1].get(name) == value}
        differ = {name: "" for name in found[0].keys() | found[1].keys() if name not in same}
        return {**same, **differ}, operations

    def copy(self, numbers: Sequence[int]) -> None:
        """Run the job once and copy what is there before each of some operations: a kill leaves the same."""
        place, wanted = self.begin("copied"), set(numbers)
        shutil.rmtree(self.root / "copies", ignore_errors=True)

        def before(number: int) -> None:
            if number in wanted:
                to = self.root / "copies" / str(number)
                shutil.copytree(self.temporary, to / "tmp", symlinks=True)
                if self.store == "s3":
                    download(place, to / "place", self.root / "objects")
                else:
                    shutil.copytree(place, to / "place", symlinks=True)

        def act() -> None:
            tempfile.tempdir = str(self.temporary)
            arm(Killer([place, str(self.temporary)], 0, "", before))
            work(self.command, self.inputs, f"{place}/out", place, resume=False)

        if forked(act):
            raise SystemExit(f"{self.command} fails while it is copied")

    def left(self, number: int) -> str | None:
        """A place with what a run that was killed before operation `number` left, from a copy; None where there is none."""
        copied = self.root / "copies" / str(number)
        if not copied.exists():
            return None
        place = self.place("copied")
        shutil.rmtree(self.temporary)
        shutil.move(copied / "tmp", self.temporary)
        if self.store == "s3":
            upload(copied / "place", place)
        else:
            shutil.rmtree(place)
            shutil.move(copied / "place", place)
        return place

    def point(self, number: int, wanted: dict[str, str], again: int = 0) -> Outcome:
        """Kill before operation `number` (and the resumed run before `again`), resume.

        The engine does not write as many files in each run, so that the last operation may be in front of `number`: then
        the run is an undisturbed one more, and is compared like the others.
        """
        copied = self.left(number)
        place = copied or self.begin(f"{number}-{again}")
        code = -signal.SIGKILL if copied else self.run(place, kill_at=number)
        killed = code == -signal.SIGKILL
        if not killed and code:
            return Outcome(killed, f"not killed, but ended with {code}")
        if killed and again:
            self.run(place, kill_at=again, resume=True)
        code = self.run(place, resume=True) if killed else 0
        if code:
            return Outcome(killed, f"resumed: ended with {code}")
        found = digests(f"{place}/out", place)
        wrong = [name for name in wanted.keys() | found.keys() if wanted.get(name) not in ("", found.get(name))]
        if wrong:
            told = [f"{name} ({found.get(name, 'missing')})" for name in sorted(wrong)]
            return Outcome(killed, f"differ: {', '.join(told[:5])}")
        left = sorted({name.split("/")[0] for name in listing(place)} - {"out", "index", "before", "counts"})
        left += sorted(path.name for path in self.temporary.iterdir())
        if self.store == "local":
            shutil.rmtree(place)
        return Outcome(killed, f"left behind: {', '.join(left[:5])}" if left else "")


@dataclass(frozen=True, slots=True)
class Order:
    """Which points are wanted."""

    points: int = 0
    last: int = 0
    part: str = "1/1"
    twice: bool = False
    seconds: float = 0.0
    results: str = ""
    copies: bool = False

    def numbers(self, total: int, chance: random.Random) -> list[int]:
        """Numbers of operations: all, or the last ones; so many of them, spread evenly; of those the n-th of m parts, in an
        order by chance."""
        numbers = list(range(1, total + 1))[-self.last :]
        if self.points and self.points < len(numbers):
            gaps = max(1, self.points - 1)
            numbers = sorted({numbers[round(i * (len(numbers) - 1) / gaps)] for i in range(self.points)})
        n, m = map(int, self.part.split("/"))
        mine = numbers[n - 1 :: m]
        chance.shuffle(mine)
        return mine


def sweep(command: str, store: str, inputs: Path, root: Path, order: Order) -> dict[str, Any]:
    """The points of one command; {"operations", "points", "wrong": {number: what}} and kinds of operations.

    Where `order.results` names a file, each point is a line of it, and those that are there are not tried again.
    """
    started = time.monotonic()
    runner = Sweep(command, store, inputs, root)
    wanted, operations = runner.base()
    chance = random.Random(f"{command} {store}")
    numbers = order.numbers(len(operations), chance)
    tried = {line["number"] for line in read_results(order.results) if _of(line) == (command, store, order.twice)}
    wrong, done, unreached = {}, 0, 0
    if order.copies:
        runner.copy([number for number in numbers if number not in tried])
    for number in numbers:
        again = chance.randint(1, max(2, len(operations) - number)) if order.twice else 0
        if number in tried:
            continue
        if order.seconds and time.monotonic() - started > order.seconds:
            break
        outcome = runner.point(number, wanted, again)
        done, unreached = done + 1, unreached + (not outcome.killed)
        name, path = operations[number - 1]
        if outcome.wrong:
            wrong[number] = f"{name} {path}: {outcome.wrong}"
            print(f"{command} {store} {number} ({again}): {wrong[number]}", file=sys.stderr, flush=True)
        if order.results:
            line = {"command": command, "store": store, "twice": order.twice, "number": number, "again": again}
            line |= {"copied": order.copies}
            line |= {"operations": len(operations), "operation": name, "killed": outcome.killed, "wrong": outcome.wrong}
            with open(order.results, "a") as stream:
                stream.write(json.dumps(line) + "\n")
    return {
        "command": command,
        "store": store,
        "operations": len(operations),
        "kinds": dict(Counter(name for name, _ in operations).most_common()),
        "compared": sum(bool(value) for value in wanted.values()),
        "points": done,
        "not reached": unreached,
        "twice": order.twice,
        "wrong": wrong,
        "seconds": round(time.monotonic() - started, 1),
    }


def read_results(path: str) -> list[dict[str, Any]]:
    """The points in a file of results; none where there is no file."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()] if path and Path(path).exists() else []


def _of(line: dict[str, Any]) -> tuple[str, str, bool]:
    return line["command"], line["store"], line["twice"]


def summary(lines: Sequence[dict[str, Any]]) -> str:
    """A table of results: what was killed where, and what was wrong then."""
    rows = ["| command | store | killed | operations | points | wrong |", "|---|---|---|---|---|---|"]
    for key in sorted({_of(line) for line in lines}, key=lambda key: (key[2], key[1], COMMANDS.index(key[0]))):
        mine = [line for line in lines if _of(line) == key and line["killed"]]
        counts = sorted({line["operations"] for line in lines if _of(line) == key})
        operations = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        wrong = sum(bool(line["wrong"]) for line in lines if _of(line) == key)
        times = "twice" if key[2] else "once"
        rows.append(f"| `{key[0]}` | {key[1]} | {times} | {operations} | {len(mine)} | {wrong} |")
    return "\n".join(rows)


# ---- inputs ----


def write_inputs(folder: Path) -> None:
    """A crawl of a few pages, two corpora, two repositories, two sources of a mixture."""
    (folder / "small.toml").write_text(RECIPE)
    (folder / "webtext.toml").write_text(WEBTEXT)
    write_dumps(folder)
    (folder / "crawl").mkdir()
    index = []
    story = [f"Sentence {n} of the story tells of a ferry that came in late on day {n}." for n in range(40)]
    for file in range(2):
        records = b""
        for n in range(6):
            body = "".join(f"<p>{line}</p>" for line in story[5 * n : 5 * n + 12])
            page = f"<html><body><main><h1>Page {file} {n}</h1>{body}</main></body></html>".encode()
            http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://host{n % 3}.example/{n}\r\n"
                f"WARC-Date: 2026-01-0{n + 1}T00:00:00Z\r\nWARC-Record-ID: <urn:uuid:{file:08d}-0000-4000-8000-{n:012d}>\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
            ).encode()
            packed = gzip.compress(head + http + b"\r\n\r\n", mtime=0)
            index.append((f"http://host{n % 3}.example/{n}", f"crawl/{file}.warc.gz", len(records), len(packed), file))
            records += packed
        (folder / "crawl" / f"{file}.warc.gz").write_bytes(records)
    write_served(folder, index)
    for name, first in (("corpus", 0), ("before", 20)):
        (folder / name).mkdir()
        rows = [{"id": f"{name} {n}", "text": " ".join(story[n % 25 : n % 25 + 9])} for n in range(first, first + 40)]
        (folder / name / "part-0.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tasks = [{"question": " ".join(story[n : n + 2]), "answer": "a ferry"} for n in (3, 17)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    for name in ("one", "two"):
        repo = folder / "repos" / name
        repo.mkdir(parents=True)
        (repo / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nlicense = "MIT"\n')
        for n in range(4):
            lines = "".join(f"def function_{name}_{n}_{k}(x):\n    return x * {k} + {n}\n\n\n" for k in range(30))
            (repo / f"module{n}.py").write_text(f"# SPDX-License-Identifier: MIT\n{lines}")
    for name in ("web", "code"):
        (folder / "mix" / name).mkdir(parents=True)
        rows = [{"id": f"{name}-{n}", "text": " ".join(story[n % 30 : n % 30 + 5]) + f" {name}"} for n in range(30)]
        (folder / "mix" / name / "0.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_dumps(folder: Path) -> None:
    """Small dumps of a wiki, of Stack Exchange, arXiv, books and Reddit: the embedded samples."""
    from curate.sample import dumps, sources

    dumps.ARTICLES, dumps.QUESTIONS = 40, 30  # type: ignore[misc]
    sources.PAPERS, sources.BOOKS, sources.SUBMISSIONS = 8, 6, 80  # type: ignore[misc]
    write_packed(dumps.write_wiki(folder / "wikipedia"))
    dumps.write_site(folder / "stackexchange")
    sources.write_arxiv(folder / "arxiv")
    sources.write_books(folder / "books")
    sources.write_reddit(folder / "reddit")


def write_packed(dump: Path) -> None:
    """Beside a dump of a wiki two of other wikis: one in many streams of bzip2, one in a 7z archive."""
    import py7zr

    data = bz2.decompress(dump.read_bytes())
    streams = data.replace(b"samplewiki", b"otherwiki").split(b"  <page>")
    parts = [
        streams[0],
        *(b"".join(b"  <page>" + page for page in streams[at : at + 9]) for at in range(1, len(streams), 9)),
    ]
    (dump.parent / dump.name.replace("samplewiki", "otherwiki")).write_bytes(b"".join(map(bz2.compress, parts)))
    with py7zr.SevenZipFile(dump.parent / "thirdwiki-pages.xml.7z", "w") as archive:
        archive.writestr(data.replace(b"samplewiki", b"thirdwiki"), "thirdwiki-pages.xml")


def write_served(folder: Path, index: Sequence[tuple[str, str, int, int, int]]) -> None:
    """What a server has of a crawl: its files, and an index of them in blocks of three lines; and a list of addresses."""
    from curate.links.index import surt

    lines = sorted(
        f"{surt(url)} 2026070{day} "
        + json.dumps(
            {"url": url, "mime": "text/html", "status": "200", "length": str(size), "offset": str(at), "filename": file}
        )
        for url, file, at, size, day in index
    )
    below, clusters, blocks = folder / "served" / "cc-index" / "collections" / CRAWL / "indexes", "", b""
    below.mkdir(parents=True)
    for start in range(0, len(lines), 3):
        block = gzip.compress("".join(line + "\n" for line in lines[start : start + 3]).encode(), mtime=0)
        key, time_, _ = lines[start].split(" ", 2)
        clusters += f"{key} {time_}\tcdx-00000.gz\t{len(blocks)}\t{len(block)}\t{start}\n"
        blocks += block
    (below / "cluster.idx").write_text(clusters)
    (below / "cdx-00000.gz").write_bytes(blocks)
    shutil.copytree(folder / "crawl", folder / "served" / "crawl")
    urls = [url for url, *_, day in index if day == 0][:5]
    (folder / "urls.txt").write_text("".join(f"{url}\n" for url in [*urls, "http://nobody.example/x"]))


@contextmanager
def crawl_server(inputs: Path) -> Iterator[None]:
    """A server of what is in `served`; its address stands in the file `server`."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(inputs / "served")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    (inputs / "server").write_text(f"http://127.0.0.1:{process.stdout.readline().strip()}/")
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def s3_server() -> Iterator[None]:
    """A store on this machine with the bucket `sweep`; the environment points to it."""
    code = (  # moto's own server looks for the service of each request, a fifth of its time
        "from moto.server import create_backend_app as app; from werkzeug.serving import make_server; import logging, threading, sys;"
        "logging.getLogger('werkzeug').setLevel(logging.ERROR); s = make_server('127.0.0.1', 0, app('s3'), threaded=True);"
        "threading.Thread(target=s.serve_forever, daemon=True).start(); print(s.host, s.port, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    host, port = process.stdout.readline().split()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        s3_client().create_bucket(Bucket="sweep")
        yield
    finally:
        process.kill()
        process.wait()


def preload(commands: Sequence[str], inputs: Path) -> None:
    """Import and compile what the jobs need, once for all processes. No engine is started, and no thread."""
    import pysail.spark  # noqa: F401
    import pyspark.sql.connect.functions
    import pyspark.sql.connect.session
    import pyspark.sql.functions
    import pyspark.sql.streaming.stateful_processor_util  # noqa: F401
    import rich.cells  # noqa: F401

    import curate.jobs.clean
    import curate.jobs.code
    import curate.jobs.dedup
    import curate.jobs.mix
    import curate.mixing.finish
    import curate.read.web
    import curate.report.card
    import curate.report.gather
    import curate.report.mixture
    import curate.report.page
    import curate.report.write
    import curate.run.passes
    import curate.run.publish  # noqa: F401
    from curate.code.source import code_source
    from curate.corpus import recipe
    from curate.dedup import MinHash, contain, kernel, verify  # noqa: F401
    from curate.engine import tasks
    from curate.read.rows import SafeTask
    from curate.tokens import tokenizer

    kernel.fold()
    batch = pa.RecordBatch.from_pylist([{"id": f"{n:032x}", "text": "one two three four five six"} for n in range(2)])
    prints = MinHash().keys(batch).append_column("component", pa.array([0, 0]))
    for representative in (False, True):
        verify.cluster(prints, 0.8, representative=representative, limit=64)
    if "mix" in commands and (found := tokenizer.find(None)):
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        tokenizer.count(tokenizer.load(found.path), ["one two"])
    if "code" in commands:  # the texts of licences and the rules of secrets take seconds
        with tempfile.TemporaryDirectory() as folder:
            source = code_source([str(inputs / "repos" / "one")])
            for task in source.tasks:
                if isinstance(task, SafeTask):
                    one = {**task.task, "out": f"{folder}/{task.name}.parquet"}
                    tasks.call_json(tasks.function(task.reader), one)
        for step in recipe.load("code").steps:
            if not recipe.is_corpus_wide(step):
                step(Document("0", "x = 1\n"))
    gc.freeze()  # what is here stays: no process goes through it, and so none copies it


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of {', '.join(COMMANDS)}; all")
    parser.add_argument("--store", nargs="+", choices=["local", "s3"], default=["local"])
    parser.add_argument("--points", type=int, default=0, help="so many operations, spread evenly (default: all)")
    parser.add_argument("--last", type=int, default=0, help="of the last so many operations (default: of all)")
    parser.add_argument("--part", default="1/1", help="N/M: every M-th of them, from the N-th")
    parser.add_argument("--twice", action="store_true", help="kill the resumed run, too")
    parser.add_argument("--seconds", type=float, default=0, help="begin no point after so many seconds of a command")
    parser.add_argument(
        "--results", default="", help="a file of results: its points are not tried again, new ones go there"
    )
    parser.add_argument(
        "--copies", action="store_true", help="copy disk and store before each operation, instead of killing"
    )
    parser.add_argument("--summary", action="store_true", help="print a table of the --results, and do nothing")
    arguments = parser.parse_args()
    if arguments.summary:
        print(summary(read_results(arguments.results)))
        return
    commands = arguments.commands or COMMANDS
    order = Order(
        arguments.points,
        arguments.last,
        arguments.part,
        arguments.twice,
        arguments.seconds,
        arguments.results,
        arguments.copies,
    )
    found = []
    with tempfile.TemporaryDirectory(prefix="crash-points-") as folder:
        inputs = Path(folder) / "in"
        inputs.mkdir()
        write_inputs(inputs)
        preload(commands, inputs)
        for store in arguments.store:
            with s3_server() if store == "s3" else nullcontext():
                for command in commands:
                    with crawl_server(inputs) if command == "fetch" else nullcontext():
                        found.append(sweep(command, store, inputs, Path(folder), order))
    print(json.dumps(found, indent=1))
    sys.exit(any(one["wrong"] for one in found))


if __name__ == "__main__":
    main()
