"""The engines that run a job: Sail embedded, Spark on this machine, Spark on a cluster. The only file that imports pyspark.

Jobs use two things of an engine: DataFrames (joins, grouping, the exchange of rows between shards) and tasks (a function
on a JSON object that reads files and writes files). Neither relies on row order, partition boundaries, accumulators,
RDDs or caching, so the same job runs on each engine and writes the same bytes.
"""

import functools
import hashlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate import errors
from curate.engine import children, frames, memory, sail, starts
from curate.engine import tasks as typed
from curate.engine.memory import cpu_count
from curate.errors import CurateError, EngineError, OutputError, UsageError
from curate.files import storage, temporary, typed_json

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

T = TypeVar("T")
R = TypeVar("R")

JAVA_HINT = (
    "Spark needs Java 17 or newer and none was found. Install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; "
    "macOS: brew install openjdk@17) or set JAVA_HOME; or use the embedded engine, which needs no Java: --engine sail"
)

CLIENT_ONLY = (
    "this environment has only Spark's small client, which the embedded engine and sc:// need: pip uninstall pyspark-client, "
    "then pip install 'curate-corpora[spark]' (in that order: both packages have one folder)"
)


NOT_PRIVATE = (
    "--private: this system has no means to keep other users away from the embedded engine's port (it takes Linux on "
    "x86-64 or ARM, with seccomp and TCP's MD5 signatures); run the job in a container of its own, or with --engine "
    "spark (Java 17), which has a password"
)
NEIGHBOURS = (
    "note: other users of this machine can reach the embedded engine while it runs, and run code as you; "
    "--private refuses to run so, --engine spark has a password"
)
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s:,/;\[\]]+)"
MASTER = re.compile(
    r"local(\[(\*|0*[1-9]\d*)(\s*,\s*\d+)?\])?|local-cluster\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]|yarn|k8s://\S+"
    rf"|spark://{_HOST}:\d+(,{_HOST}:\d+)*|sc://{_HOST}(:\d+)?(/?(;\S*)?)?"
)
"""The masters that Spark 4 and its Connect client take (SparkContext.createTaskScheduler, the connection string of Spark Connect)."""
CONNECT_PORT = 15002
"""The port of `sc://host`."""
UNREACHED = "--master {}: the cluster can't be reached: {}: check its address, its port and the network"
PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")
PATIENCE = 10.0
"""Seconds that a cluster has to take a connection, and then to answer on it."""
AUTH_SECRET = "_SPARK_AUTH_SECRET"
"""Where Spark's SecurityManager looks for its secret first."""


HARMLESS = re.compile(r"[A-Za-z0-9._/=+@,~-]+")
"""Paths that all engines take as they are."""


class Session:
    """An engine that is running. Made by `session()`."""

    def __init__(
        self, name: str, start: "Callable[[], SparkSession]", cores: int, *, closed: bool = True, here: bool = True
    ) -> None:
        self.name = name
        """`sail` or `spark`."""
        self._start = start
        self.cores = cores
        """Tasks that run at once, as far as that is known."""
        self.here = here
        """Whether all of it runs on this machine."""
        self.closed = closed
        """Whether other users of this machine are kept out of the engine; of a cluster, nobody here knows."""
        self.memory: int | None = None
        """Bytes that all processes of the job may hold together; None: what the machine has."""
        self.notes: list[str] = [] if closed else [NEIGHBOURS]
        """What the person should know about it."""

    @functools.cached_property
    def spark(self) -> "SparkSession":
        """The SparkSession; DataFrame API only. The embedded one starts when it is first asked for: many a job needs none."""
        return self._start()

    def run(self, function: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
        """Run a task function (see `curate.engine.tasks`) on each task; yields the results as they come, in any order.

        A task runs in a process of its own kind: on Spark in a Python worker, on Sail in a child process. It may run
        twice (retries, speculation), so what it writes must appear atomically and be the same each time.
        """
        reference, arguments = typed.reference(function), [typed_json.dump(task) for task in tasks]
        answers = self._run_embedded if self.name == "sail" else self._run_on_spark
        for answer in answers(reference, arguments) if arguments else ():
            yield typed.result_of(function, answer)

    def _run_on_spark(self, reference: str, tasks: Sequence[object]) -> Iterator[object]:
        run = functools.partial(_run_partition, reference, [json.dumps(task) for task in tasks])
        frame = self.spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(run, "result string")
        for row in _engine_errors(frame.collect):  # toLocalIterator would run one partition after the other
            yield _answer(json.loads(row.result))

    def _run_embedded(self, reference: str, tasks: Sequence[object]) -> Iterator[object]:
        # Not through Sail, which would call the same function from threads of its own: the work is done in child
        # processes, one a thread, as many as cores.
        pool = ThreadPoolExecutor(min(self.cores, len(tasks)), "task")
        try:
            futures = [pool.submit(_run_one, reference, task, embedded=True) for task in tasks]
            for future in as_completed(futures):
                yield _answer(_engine_errors(future.result))
            pool.shutdown()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def read(self, path: str | Sequence[str], columns: Sequence[str] = ()) -> "DataFrame":
        """DataFrame over Parquet files, or over those right in folders; of all columns or of some.

        On Sail the files are read by Arrow: the engine's own reader (0.7.2) takes a column for constant whose first row
        group has no minimum. Files agree in names of columns; types are those of the first. Raises EngineError when
        there is none, or a type that engines don't have.
        """
        paths = [path] if isinstance(path, str) else list(path)
        if self.name == "sail":
            return frames.read(self.spark, paths, columns, self.cores)
        frame = self.spark.read.parquet(*map(plain, paths))
        return frame.select(*columns) if columns else frame

    def write(self, frame: "DataFrame", path: str, by: str | None = None) -> None:
        """Write a DataFrame as a folder of Parquet files, partitioned into folders `by=value` where asked.

        The folder appears whole or not at all; one that stands there already is finished work and is left alone.
        """
        self._appear(path, lambda target: self._write(frame, target, by))

    def _write(self, frame: "DataFrame", target: str, by: str | None) -> None:
        writer = frame.write.mode("overwrite").option("compression", "zstd")
        _engine_errors(lambda: (writer.partitionBy(by) if by else writer).parquet(plain(target)))

    def write_table(self, table: pa.Table, path: str, by: str) -> None:
        """What `write` does with a table that is here, without starting an engine."""
        self._appear(path, lambda target: _write_parts(table, target, by))

    def _appear(self, path: str, write: Callable[[str], None]) -> None:
        """Let a folder of files appear whole."""
        if exists_complete(path):
            return
        local = storage.is_local(path)
        target = f"{path}.tmp-{uuid.uuid4().hex}" if local else path
        write(target)
        if local:
            if not storage.exists(target):  # of no rows there may be no file
                os.makedirs(storage.filesystem(target)[1])
            storage.rename_folder(target, path)
        else:
            storage.write_text(storage.join(path, "_COMPLETE"), "")

    def clustered(self, frame: "DataFrame", column: str, partitions: int) -> "DataFrame":
        """The frame with equal values of `column` brought together, so that a partitioned write makes few files.

        Sail writes partitioned folders in a stream and needs no exchange for it.
        """
        return frame if self.name == "sail" else frame.repartition(partitions, column)


def _write_parts(table: pa.Table, folder: str, by: str) -> None:
    """A Parquet file for each value of the column `by`, in folders `by=value`."""
    for value in pc.unique(table[by]).to_pylist():
        rows = table.filter(pc.equal(table[by], value)).drop_columns([by])
        with storage.atomic(storage.join(folder, f"{by}={value}", "part-0.parquet")) as written:
            pq.write_table(rows, written, compression="zstd", write_statistics=False)


def plain(path: str) -> str:
    """A path for engines, which take some characters for patterns, escapes or parts of an address, and not all the same.

    Where a local path has any but those known to be harmless, it is one through a link in the folder for temporary files.
    """
    inner = storage.filesystem(path)[1] if storage.is_local(path) else ""
    if not inner or HARMLESS.fullmatch(inner):
        return path
    folder, name = os.path.split(inner)
    link = os.path.join(temporary.folder(), hashlib.blake2b(folder.encode(), digest_size=8).hexdigest())
    if not os.path.islink(link):
        os.makedirs(folder, exist_ok=True)
        os.symlink(folder, link)
    return os.path.join(link, name)


def check_path(s: Session, path: str) -> None:
    """Raise OutputError when the engine runs on other machines, which know nothing of `plain`, and can't take a path."""
    if not s.here and storage.is_local(path) and not HARMLESS.fullmatch(storage.filesystem(path)[1]):
        raise OutputError(f"{path}: on a cluster a path may hold letters, digits and . _ - = + @ , ~ / only")


class Answer(TypedDict, total=False):
    """What a task gave: its result as JSON, or what the person has to mend."""

    result: object
    error: str
    """Name of a class of `curate.errors`."""
    message: str


def _run_partition(reference: str, tasks: list[str], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for index in batch.column(0).to_pylist():
            answer = _run_one(reference, json.loads(tasks[index]), embedded=False)
            yield pa.RecordBatch.from_pydict({"result": [json.dumps(answer)]})


def _run_one(reference: str, task: object, *, embedded: bool) -> Answer:
    function = typed.function(reference)
    if not embedded:  # in a process of Spark's
        storage.be_patient()
    try:
        if embedded and not getattr(function, "supervises", False):
            return {"result": children.call_json(reference, task)}
        return {"result": typed.call_json(function, task)}
    except (CurateError, OSError) as error:  # the person's to mend: no use in trying again, as engines do
        told = error if isinstance(error, CurateError) else errors.of_disk(error)
        if told is None:
            raise
        return {"error": type(told).__name__, "message": str(told)}


def _answer(answer: Answer) -> object:
    if "error" in answer:
        raise getattr(errors, answer["error"], CurateError)(answer["message"])
    return answer["result"]


def _engine_errors(call: Callable[[], R]) -> R:
    """Call into the engine; its own exceptions (pages of Java frames) become one EngineError with the Python part."""
    try:
        return call()
    except Exception as error:
        if told := errors.of_disk(error):
            raise told from error
        lines = [line for line in str(error).splitlines() if line.strip() and not line.lstrip().startswith("at ")]
        cut = next(
            (i for i, line in enumerate(lines) if "JVM stacktrace" in line or "Driver stacktrace" in line),
            len(lines),
        )
        raise EngineError("the engine stopped: " + "\n".join(lines[:cut][-25:])) from error


def exists_complete(path: str) -> bool:
    """Whether a folder written by `Session.write` stands there whole."""
    return storage.exists(path if storage.is_local(path) else storage.join(path, "_COMPLETE"))


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What `curate.commands.options.engine_options` reads from the command line."""

    engine: str | None = None
    master: str | None = None
    cores: int | None = None
    resume: bool = False
    quiet: bool = False
    private: bool = False
    memory: int | None = None

    def check(self) -> None:
        """Raise UsageError for words that name no engine or contradict each other; asks nobody and starts nothing."""
        engine, master, submitted = self.engine, self.master, "PYSPARK_GATEWAY_PORT" in os.environ
        if self.cores is not None and self.cores < 1:
            raise UsageError(f"--cores is 1 or more, not {self.cores}")
        if engine == "sail" and (master or submitted):
            raise UsageError("--engine sail runs embedded: it takes no --master and no spark-submit")
        if engine not in (None, "sail", "spark"):
            raise UsageError(f"--engine is sail or spark, not {engine!r}")
        if master and not MASTER.fullmatch(master):
            raise UsageError(
                f"--master {master.partition(';')[0]!r} is no master of Spark: it is spark://HOST:7077, sc://HOST:15002, yarn, "
                "k8s://https://HOST:443, or local[4] for Spark on this machine"
            )
        if self.private and (submitted or not (master or "local").startswith("local")):
            raise UsageError(
                "--private is about an engine on this machine; who may reach a cluster is for its own settings to say "
                "(spark.authenticate, spark.network.crypto.enabled)"
            )
        if self.memory is not None and (submitted or engine == "spark" or master):
            raise UsageError("--memory is for the embedded engine; Spark has settings of its own (spark.driver.memory)")


@contextmanager
def session(
    name: str,
    engine: str | None = None,
    master: str | None = None,
    cores: int | None = None,
    private: bool = False,
    limit: int | None = None,
) -> Iterator[Session]:
    """Start (or join) an engine: the one of a running `spark-submit`; else what `engine` or `master` says; else Sail.

    `private` asks that other users of this machine are kept out of the engine; `limit` is how many bytes all processes of the
    embedded engine may hold together. Raises EngineError when that or the engine can't be had, UsageError when the words
    contradict each other.
    """
    children.begin()
    EngineOptions(engine, master, cores, private=private, memory=limit).check()
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted and engine != "spark" and not master:
        with _sail(cores or cpu_count(), private, limit) as found:
            yield found
        return
    remote = (master or "").startswith("sc://")
    _check_pyspark(whole=not remote)
    if remote and importlib.util.find_spec("grpc") is None:
        raise EngineError("sc:// needs grpc: pip install 'curate-corpora[local]'")
    _check_reached(master or "")
    spark = _connect(name, master) if remote else _spark(name, master, submitted, cores)
    try:
        here = not submitted and (master or "local").startswith("local")
        yield Session("spark", lambda: spark, cores or _parallelism(spark), here=here)
    finally:
        children.close_all()
        spark.stop()


def _parallelism(spark: "SparkSession") -> int:
    try:
        return int(spark.conf.get("spark.default.parallelism"))
    except Exception:  # not set: a classic session knows what it has, a Connect session does not say
        context = getattr(spark, "_sc", None)
        return int(context.defaultParallelism) if context is not None else cpu_count()


def _check_sail(private: bool) -> bool:
    """Whether the embedded engine can be closed to others. Raises EngineError where it can't be had as it is asked for."""
    if missing := [name for name in ("pysail", "pyspark", "grpc") if importlib.util.find_spec(name) is None]:
        raise EngineError(f"the embedded engine needs {', '.join(missing)}: pip install 'curate-corpora[local]'")
    closed = sail.closable()
    if private and not closed:
        raise EngineError(NOT_PRIVATE)
    return closed


@contextmanager
def _sail(cores: int, private: bool, limit: int | None) -> Iterator[Session]:
    closed = _check_sail(private)
    server: sail.Sail | None = None
    before = os.environ.get(sail.CONNECT_MODE)
    os.environ[sail.CONNECT_MODE] = "1"  # pyspark.sql.functions look for it, before there is a session

    def start() -> "SparkSession":
        nonlocal server
        os.environ.setdefault("RUST_LOG", "error")
        server = sail.Sail()
        if private and not server.closed:
            raise EngineError(NOT_PRIVATE)
        spark = server.connect()
        spark.conf.set("spark.sql.session.timeZone", "UTC")
        return spark

    there = memory.free(limit, servers=starts.server_pids())
    fit = memory.cores_that_fit(cores, there, memory.allowed(), limit)
    found = Session("sail", start, fit, closed=closed)
    found.memory = limit
    if fit < cores:
        found.notes.append(
            f"note: memory is short: {fit} task{'s' if fit > 1 else ''} at once instead of {cores} "
            f"(about {memory.TASK >> 20} MB each)"
        )
    try:
        yield found
    except KeyboardInterrupt:
        children.kill_all()  # and no orderly end: it would wait for the tasks that run
        raise
    finally:
        if sys.exc_info()[0] is not KeyboardInterrupt:
            children.close_all()
            if "spark" in vars(found):
                found.spark.stop()
            if server is not None:
                server.stop()
            if before is None:
                os.environ.pop(sail.CONNECT_MODE, None)  # else nothing started from here can have a local Spark


def _check_pyspark(whole: bool) -> None:
    """Raise EngineError where there is no pyspark, or only its client and the `whole` of it is needed."""
    if importlib.util.find_spec("pyspark") is None:
        raise EngineError(
            "pyspark is not installed: pip install 'curate-corpora[spark]', or use the spark-submit of the cluster"
        )
    if whole and importlib.util.find_spec("pyspark.core") is None:
        raise EngineError(CLIENT_ONLY)


def _check_reached(master: str) -> None:
    """Raise EngineError where nothing takes connections at the address of a cluster, of which Spark would try for minutes."""
    if not master.startswith(("sc://", "spark://")):
        return
    places = [_place(one) for one in master.partition("://")[2].partition(";")[0].rstrip("/").split(",")]
    if master.startswith("sc://") and any(os.environ.get(name) for name in PROXIES):
        return  # gRPC goes through it, we would not
    problem = ""
    for place in places:  # of several masters one is enough
        try:
            socket.create_connection(place, PATIENCE / len(places)).close()
            return
        except (OSError, OverflowError, UnicodeError) as error:  # a port above 65535, a host that is no name
            problem = getattr(error, "strerror", None) or str(error)
    raise EngineError(UNREACHED.format(master.partition(";")[0], problem))


def _place(text: str) -> tuple[str, int]:
    host, mark, port = text.rpartition(":")
    if not mark or port.endswith("]"):  # an IPv6 address without a port
        host, port = text, str(CONNECT_PORT)
    return host.strip("[]"), int(port)


def _connect(name: str, master: str | None) -> "SparkSession":
    from pyspark.sql import SparkSession

    _check_answers(master or "")
    return SparkSession.builder.remote(master or "").appName(name).getOrCreate()


def _check_answers(master: str) -> None:
    """Raise EngineError where a Spark Connect server takes no connection of gRPC: another server, TLS on one side only."""
    import grpc
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import DefaultChannelBuilder

    try:
        channel = DefaultChannelBuilder(master).toChannel()
    except (PySparkException, ValueError) as error:
        raise UsageError(f"--master {master.partition(';')[0]}: {error}") from error
    try:
        grpc.channel_ready_future(channel).result(PATIENCE)
    except grpc.FutureTimeoutError:
        told = "no answer of Spark Connect there (with TLS: sc://HOST:PORT/;use_ssl=true)"
        raise EngineError(UNREACHED.format(master.partition(";")[0], told)) from None
    finally:
        channel.close()


def _spark(name: str, master: str | None, submitted: bool, cores: int | None) -> "SparkSession":
    if not submitted and not java():
        raise EngineError(JAVA_HINT)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name).config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.parquet.compression.codec", "zstd")
    builder = builder.config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")  # INT96 has no zone
    if not submitted:
        count = cores or cpu_count()
        builder = builder.master(master or f"local[{count}]")
        builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
        builder = builder.config("spark.log.level", "ERROR").config("spark.driver.memory", "3g")
        builder = builder.config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        if not master or master.startswith("local"):
            builder = builder.config("spark.sql.shuffle.partitions", str(2 * count))
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
            # Its ports are open to every user of the machine: let in who knows a secret. Spark makes one for local[…];
            # for local-cluster it comes in the environment, which (unlike a command line) others can't read, and goes
            # before the word that Spark insists on.
            builder = builder.config("spark.authenticate", "true")
            if master and master.startswith("local-cluster"):
                builder = builder.config("spark.authenticate.secret", "in-the-environment")
                os.environ[AUTH_SECRET] = secrets.token_hex(32)
    return builder.getOrCreate()


def java() -> str | None:
    """The path of a Java that runs, or None."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(os.path.join(home, "bin", "java")) if home else shutil.which("java")
    if not found:
        return None
    done = subprocess.run([found, "-version"], capture_output=True, check=False)
    return found if done.returncode == 0 else None
