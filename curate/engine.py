"""The engines that run a job: Sail embedded, Spark on this machine, Spark on a cluster. The only file that imports pyspark.

Jobs use two things of an engine: DataFrames (joins, grouping, the exchange of rows between shards) and tasks (a function
on a JSON object that reads files and writes files). Neither relies on row order, partition boundaries, accumulators,
RDDs or caching, so the same job runs on each engine and writes the same bytes.
"""

import functools
import itertools
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from curate import errors, frames, storage, workers
from curate.errors import CurateError, EngineError, UsageError

JAVA_HINT = (
    "Spark needs Java 17 or newer and none was found. Install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; "
    "macOS: brew install openjdk@17) or set JAVA_HOME; or use the embedded engine, which needs no Java: --engine sail"
)


CONNECT_MODE = "SPARK_CONNECT_MODE_ENABLED"
"""What pyspark sets in the environment when it makes a Connect session, and leaves there."""


class Session:
    """An engine that is running. Made by `session()`."""

    def __init__(self, name: str, spark: Any, cores: int) -> None:
        self.name = name
        """`sail` or `spark`."""
        self.spark = spark
        """The SparkSession; DataFrame API only."""
        self.cores = cores
        """Tasks that run at once, as far as that is known."""

    def run(self, reference: str, tasks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Run `package.module:name` (dict -> dict, JSON both) on each task; yields the results as they come, in any order.

        A task runs in a process of its own kind: on Spark in a Python worker, on Sail in a child process. It may run
        twice (retries, speculation), so what it writes must appear atomically and be the same each time.
        """
        if not tasks:
            return
        if self.name == "sail":
            yield from self._run_embedded(reference, tasks)
            return
        run = functools.partial(_run_partition, reference, [json.dumps(task) for task in tasks])
        frame = self.spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(run, "result string")
        for row in _engine_errors(frame.collect):  # toLocalIterator would run one partition after the other
            yield _answer(row.result)

    def _run_embedded(self, reference: str, tasks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        # Sail calls Python functions in threads of this process, one a partition and all at once. So there are as many
        # partitions as cores, each takes the next task when it is free, and the work is done in child processes.
        key, lanes = uuid.uuid4().hex, min(self.cores, len(tasks))
        _queues[key] = itertools.count()
        try:
            run = functools.partial(_run_lane, key, reference, [json.dumps(task) for task in tasks])
            frame = self.spark.range(0, lanes, 1, lanes).mapInArrow(run, "result string")
            rows = frame.toLocalIterator()
            while (row := _engine_errors(lambda: next(rows, None))) is not None:
                yield _answer(row.result)
        finally:
            _queues.pop(key, None)

    def read(self, path: str | Sequence[str], columns: Sequence[str] = ()) -> Any:
        """DataFrame over Parquet files, or over those right in folders; of all columns or of some.

        On Sail the files are read by Arrow: the engine's own reader (0.7.2) takes a column for constant whose first row
        group has no minimum. Files agree in names of columns; types are those of the first. Raises EngineError when
        there is none, or a type that engines don't have.
        """
        paths = [path] if isinstance(path, str) else list(path)
        if self.name == "sail":
            return frames.read(self.spark, paths, columns, self.cores)
        frame = self.spark.read.parquet(*paths)
        return frame.select(*columns) if columns else frame

    def write(self, frame: Any, path: str, by: str | None = None) -> None:
        """Write a DataFrame as a folder of Parquet files, partitioned into folders `by=value` where asked.

        The folder appears whole or not at all; one that stands there already is finished work and is left alone.
        """
        if exists_complete(path):
            return
        local = storage.is_local(path)
        target = f"{path}.tmp-{uuid.uuid4().hex}" if local else path
        writer = frame.write.mode("overwrite").option("compression", "zstd")
        (writer.partitionBy(by) if by else writer).parquet(target)
        if local:
            if not storage.exists(target):  # an engine may write no file for no rows
                os.makedirs(target)
            storage.rename_folder(target, path)
        else:
            storage.write_text(storage.join(path, "_COMPLETE"), "")

    def clustered(self, frame: Any, column: str, partitions: int) -> Any:
        """The frame with equal values of `column` brought together, so that a partitioned write makes few files.

        Sail writes partitioned folders in a stream and needs no exchange for it.
        """
        return frame if self.name == "sail" else frame.repartition(partitions, column)


_queues: dict[str, Iterator[int]] = {}


def _run_lane(key: str, reference: str, tasks: list[str], batches: Iterable[Any]) -> Iterator[Any]:
    for _ in batches:
        while (index := next(_queues[key])) < len(tasks):
            yield _result(_run_one(reference, json.loads(tasks[index]), embedded=True))


def _run_partition(reference: str, tasks: list[str], batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        for index in batch.column(0).to_pylist():
            yield _result(_run_one(reference, json.loads(tasks[index]), embedded=False))


def _run_one(reference: str, task: dict[str, Any], *, embedded: bool) -> dict[str, Any]:
    function = workers.function(reference)
    try:
        if embedded and not getattr(function, "supervises", False):
            return workers.call(reference, task)
        result: dict[str, Any] = function(task)
    except CurateError as error:  # the person's to mend: no use in trying again, as engines do
        return {"error": type(error).__name__, "message": str(error)}
    return result


def supervises(function: Any) -> Any:
    """Mark a task function that does its work in children of its own, so that Sail calls it in this process."""
    function.supervises = True
    return function


def _result(answer: dict[str, Any]) -> Any:
    return pa.RecordBatch.from_pydict({"result": [json.dumps(answer)]})


def _answer(text: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(text)
    if "error" in answer:
        raise getattr(errors, answer["error"], CurateError)(answer["message"])
    return answer


def _engine_errors(call: Callable[[], Any]) -> Any:
    """Call into the engine; its own exceptions (pages of Java frames) become one EngineError with the Python part."""
    try:
        return call()
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip() and not line.lstrip().startswith("at ")]
        cut = next(
            (i for i, line in enumerate(lines) if "JVM stacktrace" in line or "Driver stacktrace" in line),
            len(lines),
        )
        raise EngineError("the engine stopped: " + "\n".join(lines[:cut][-25:])) from error


def exists_complete(path: str) -> bool:
    """Whether a folder written by `Session.write` stands there whole."""
    return storage.exists(path if storage.is_local(path) else storage.join(path, "_COMPLETE"))


def cpu_count() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def session(
    name: str, engine: str | None = None, master: str | None = None, cores: int | None = None
) -> Iterator[Session]:
    """Start (or join) an engine: the one of a running `spark-submit`; else what `engine` or `master` says; else Sail.

    Raises EngineError when it can't be had, UsageError when the words contradict each other.
    """
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if engine == "sail" and (master or submitted):
        raise UsageError("--engine sail runs embedded: it takes no --master and no spark-submit")
    if engine not in (None, "sail", "spark"):
        raise UsageError(f"--engine is sail or spark, not {engine!r}")
    if not submitted and engine != "spark" and not master:
        with _sail(cores or cpu_count()) as found:
            yield found
        return
    spark = _connect(name, master) if (master or "").startswith("sc://") else _spark(name, master, submitted, cores)
    try:
        yield Session("spark", spark, cores or _parallelism(spark))
    finally:
        workers.close_all()
        spark.stop()


def _parallelism(spark: Any) -> int:
    try:
        return int(spark.conf.get("spark.default.parallelism"))
    except Exception:  # not set: a classic session knows what it has, a Connect session does not say
        context = getattr(spark, "_sc", None)
        return int(context.defaultParallelism) if context is not None else cpu_count()


@contextmanager
def _sail(cores: int) -> Iterator[Session]:
    os.environ.setdefault("RUST_LOG", "error")
    try:
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError(f"the embedded engine can't be imported ({error}); pip install curate-corpora") from error
    before = os.environ.get(CONNECT_MODE)
    server = SparkConnectServer()
    server.start(background=True)
    spark = SparkSession.builder.remote(f"sc://localhost:{server.listening_address[1]}").create()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        yield Session("sail", spark, cores)
    except KeyboardInterrupt:
        workers.kill_all()  # and no orderly end: it would wait for the tasks that run
        raise
    finally:
        if sys.exc_info()[0] is not KeyboardInterrupt:
            workers.close_all()
            spark.stop()
            server.stop()
            if before is None:
                os.environ.pop(CONNECT_MODE, None)  # else neither this process nor its children can start a local Spark


def _connect(name: str, master: str | None) -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.builder.remote(master or "").appName(name).getOrCreate()


def _spark(name: str, master: str | None, submitted: bool, cores: int | None) -> Any:
    if not submitted and not java():
        raise EngineError(JAVA_HINT)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(name).config("spark.sql.session.timeZone", "UTC")
    builder = builder.config("spark.sql.parquet.compression.codec", "zstd")
    if not submitted:
        count = cores or cpu_count()
        builder = builder.master(master or f"local[{count}]")
        builder = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
        builder = builder.config("spark.log.level", "ERROR").config("spark.driver.memory", "3g")
        builder = builder.config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        if not master or master.startswith("local"):
            builder = builder.config("spark.sql.shuffle.partitions", str(2 * count))
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    return builder.getOrCreate()


def java() -> str | None:
    """The path of a Java that runs, or None."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(os.path.join(home, "bin", "java")) if home else shutil.which("java")
    if not found:
        return None
    done = subprocess.run([found, "-version"], capture_output=True, check=False)
    return found if done.returncode == 0 else None
