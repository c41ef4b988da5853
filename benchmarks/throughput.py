"""Pages per second and core: reading, reading and extracting, the whole job; beside datatrove and plain multiprocessing.

    python -m benchmarks.throughput CRAWL_FOLDER [--rounds 3] [--extractor resiliparse] [--datatrove PYTHON] [--times 1]

Every contender does the same work on the same files with the same number of processes: WARC to records, HTML to text,
language, C4 rules, Parquet. `multiprocessing` leaves the corpus-wide steps out; `same tasks` is the whole job with its
tasks in a plain pool instead of the engine's workers, so that the engine's own cost shows. Each is a command of its own; its
CPU seconds are those of all its processes, of such that its own processes left behind, too (on Linux). One that ends badly, or takes
longer than `--limit` seconds, is ended with all its processes, said and left out. Rounds are interleaved; medians of wall
and CPU seconds are printed as one JSON object. `--datatrove` names the Python of an environment where
`datatrove[io,processing]`, `spacy` and `lxml_html_clean` are installed. `--times N` multiplies the input first.
"""

import argparse
import ctypes
import gzip
import json
import multiprocessing
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from curate.engine.memory import cpu_count
from curate.engine.session import Session

DATATROVE = """
import sys
import datatrove.utils.lid
datatrove.utils.lid.cached_asset_path_or_download = lambda *_, **__: sys.argv[4]  # the same language model, no download
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import C4QualityFilter, LanguageFilter
from datatrove.pipeline.readers import WarcReader
from datatrove.pipeline.writers import ParquetWriter
if __name__ == "__main__":
    crawl, output, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
    LocalPipelineExecutor(
        pipeline=[
            WarcReader(crawl, glob_pattern="*.warc.gz"),
            Trafilatura(favour_precision=False, timeout=30),
            LanguageFilter(languages="en", language_threshold=0.65),
            C4QualityFilter(),
            ParquetWriter(output + "/data"),
        ],
        tasks=cores, workers=cores, logging_dir=output + "/logs",
    ).run()
"""


def multiply(crawl: Path, out: Path, times: int) -> Path:
    """The crawl `times` over, with URLs and record ids of their own (so that nothing is a repeat)."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(crawl.glob("*.warc.gz")):
        for copy in range(times):
            target = out / f"{copy:02d}-{path.name}"
            if target.exists():
                continue
            _copy(path, target, copy)
    return out


def _copy(path: Path, target: Path, copy: int) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with path.open("rb") as source, target.with_suffix(".tmp").open("wb") as sink:
        for record in ArchiveIterator(source, parse_http=False, record_types=WarcRecordType.any_type):
            headers = [(k, v) for k, v in record.headers.items()]
            body = record.reader.read()
            lines = ["WARC/1.0"]
            for name, value in headers:
                if name.lower() == "warc-record-id":
                    value = value[:-5] + f"{copy:04x}>" if value.endswith(">") else value + str(copy)
                if name.lower() == "warc-target-uri" and copy:
                    value += f"{'&' if '?' in value else '?'}copy={copy}"
                lines.append(f"{name}: {len(body) if name.lower() == 'content-length' else value}")
            block = "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n\r\n"
            sink.write(gzip.compress(block, 6, mtime=0))
    target.with_suffix(".tmp").rename(target)


def read_only(path: str) -> int:
    """Read every record of a file; returns the pages."""
    from curate.read.inputs import expand_inputs
    from curate.read.splits import plan_splits, read_split
    from curate.warc import skip_reason

    pages = 0
    for split in plan_splits(expand_inputs([path])[0], 1 << 40):
        pages += sum(1 for record in read_split(split) if not record.error and skip_reason(record) is None)
    return pages


def plain(task: tuple[str, str, str]) -> int:
    """Read, extract, filter, write one file, with our functions and no engine."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from curate.corpus import schema
    from curate.corpus.recipe import is_corpus_wide, load
    from curate.read import web
    from curate.read.inputs import expand_inputs
    from curate.read.splits import plan_splits
    from curate.run import passes

    path, output, engine = task
    recipe = load("c4")
    steps = [(n, s) for n, s in zip(recipe.labels, recipe.steps, strict=True) if not is_corpus_wide(s)]
    table, pages = schema.judged("web", recipe.signals), 0
    asked = {"name": "b", "source": "b", "engine": engine, "cpu_seconds": 30.0, "page_bytes": 20 << 20}
    with pq.ParquetWriter(output, table, compression="zstd") as writer:
        for split in plan_splits(expand_inputs([path])[0], 1 << 40):
            for batch in web.pages(web.PagesTask(web.WebTask(**asked, split=split, memory_bytes=0))):
                rows = batch.filter(pc.is_null(batch["verdict"]))
                pages += rows.num_rows
                if rows.num_rows:
                    writer.write_batch(passes.judged_batch(rows, steps, table))
    return pages


class PoolSession(Session):
    """A session whose tasks run in a plain pool of processes; what moves data stays with the engine."""

    def __init__(self, inner: Session, pool: Any) -> None:
        super().__init__(inner.name, inner.spark, inner.cores)
        self._pool = pool

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        """As in Session."""
        return self._pool.imap_unordered(in_pool, [(function, task) for task in tasks], 1)


def in_pool(call: tuple[Callable[[Any], Any], Any]) -> Any:
    """Run one task in this process: no child, no limits."""
    from curate.read import web

    def survive(task: web.WebTask, reference: str = "") -> Iterator[Any]:
        return web.pages(web.PagesTask(task))

    web.survive = survive
    return call[0](call[1])


def same_tasks(crawl: str, output: str, engine: str, cores: int) -> None:
    """The job of `curate clean`, its tasks in a pool."""
    from curate.corpus.recipe import load
    from curate.engine.session import session
    from curate.read.documents import crawl_source
    from curate.report.write import finish_report
    from curate.run import runner
    from curate.run.pipeline import CorpusJob

    recipe = load("c4", {"extract": {"engine": engine}})
    job = CorpusJob("clean", crawl_source([crawl], recipe), recipe, output, finishers=(finish_report,))
    with session("benchmark", "sail", cores=cores) as s, multiprocessing.get_context("spawn").Pool(cores) as pool:
        runner.run(PoolSession(s, pool), job)


def reading(crawl: str, _: str, __: str, cores: int) -> None:
    """Read every record, a file a task."""
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        pool.map(read_only, _files(crawl), 1)


def multiprocess(crawl: str, out: str, engine: str, cores: int) -> None:
    """Our functions in a pool, a file a task."""
    Path(out).mkdir()
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        pool.map(plain, [(f, str(Path(out, f"{i}.parquet")), engine) for i, f in enumerate(_files(crawl))], 1)


def _files(crawl: str) -> list[str]:
    return [str(path) for path in sorted(Path(crawl).glob("*.warc.gz"))]


def contenders(crawl: Path, engine: str, cores: int, datatrove: str | None) -> dict[str, Callable[[Path], list[str]]]:
    """Name -> the command that does the work into a folder."""

    def ours(function: Callable[[str, str, str, int], None]) -> Callable[[Path], list[str]]:
        return lambda out: [
            sys.executable, "-c", f"from benchmarks.throughput import {function.__name__} as f; "
            f"f({str(crawl)!r}, {str(out / 'corpus')!r}, {engine!r}, {cores})"
        ]  # fmt: skip

    def job(out: Path) -> list[str]:
        command = [sys.executable, "-m", "curate", "clean", "--input", str(crawl), "--output", str(out / "corpus")]
        return [*command, "--extractor", engine, "--cores", str(cores), "--quiet", "--json"]

    def peer(out: Path) -> list[str]:
        from curate.filters.assets import find

        script = out / "peer.py"  # a file: its worker processes import it again
        script.write_text(DATATROVE)
        return [str(datatrove), str(script), str(crawl), str(out), str(cores), str(find("lid.176"))]

    found: dict[str, Callable[[Path], list[str]]] = {"read": ours(reading), "multiprocessing": ours(multiprocess)}
    found |= {"same tasks": ours(same_tasks), "curate clean": job}
    if datatrove:
        found["datatrove"] = peer
    return found


NEEDED = (
    "datatrove.pipeline.extractors, datatrove.pipeline.filters, datatrove.pipeline.readers, datatrove.pipeline.writers"
)
MODULES = "spacy, trafilatura, fasttext, warcio, pyarrow, tldextract, inscriptis, magic, nltk"
"""What the pipeline imports in its workers only: a worker that can't leaves the peer waiting for ever."""


def refuse_peer(python: str) -> str | None:
    """Why the environment of this Python can't run the peer, with what to install; None where it can."""
    try:
        done = subprocess.run(
            [python, "-c", f"import {NEEDED}, {MODULES}"], capture_output=True, text=True, check=False, timeout=300
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{python} can't be used: {error}"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return f"{python}: {said[-1] if said else 'it ended'}; {python} -m pip install 'datatrove[io,processing]' spacy lxml_html_clean"


def adopt() -> bool:
    """Have the processes that a contender leaves behind handed to this one, so that their CPU time is counted; False where the
    system can't (it takes Linux)."""
    become_subreaper = 36
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(become_subreaper, 1, 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def measured(command: Sequence[str], limit: float) -> tuple[float, float]:
    """Wall and CPU seconds of a command with all its processes; none is left. Raises SystemExit with what it said when it fails or
    takes longer than `limit` seconds."""
    with tempfile.TemporaryFile() as said:
        before, started = _children(), time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True)
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        wall = time.monotonic() - started
        _end(process)
        if code != 0:
            said.seek(0)
            why = f"took longer than {limit:g} s" if code is None else f"ended with {code}"
            told = said.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{' '.join(command[:3])} … {why}\n{told}")
        return wall, _children() - before


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of a command, after a second in which it may end by itself, and take its times."""
    deadline = time.monotonic() + 1.0
    while process.poll() is not None and _left() and time.monotonic() < deadline:
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60.0
    while (left := _left()) and time.monotonic() < deadline:  # those with a session of their own
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _left() -> list[int]:
    """Adopted processes that have not ended, as far as the system tells; takes the times of those that have."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        found += map(int, path.read_text().split())
    return found


def _children() -> float:
    """CPU seconds of all children that have ended, and theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Parse the command line, run the rounds, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crawl", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--extractor", default="curate")
    parser.add_argument("--cores", type=int, default=cpu_count())
    parser.add_argument("--datatrove", metavar="PYTHON")
    parser.add_argument("--limit", type=float, default=3600, metavar="SECONDS", help="of one run of one contender")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--times", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.datatrove and (refused := refuse_peer(arguments.datatrove)):
        raise SystemExit(refused)
    if not adopt():
        print("CPU seconds leave out processes that a contender leaves behind: this is not Linux", file=sys.stderr)
    crawl = arguments.crawl
    if arguments.times > 1:
        crawl = multiply(crawl, crawl.with_name(f"{crawl.name}-x{arguments.times}"), arguments.times)
    chosen = contenders(crawl, arguments.extractor, arguments.cores, arguments.datatrove)
    chosen = {name: run for name, run in chosen.items() if not arguments.only or name in arguments.only}
    pages = sum(read_only(str(path)) for path in sorted(crawl.glob("*.warc.gz")))
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    cpu: dict[str, list[float]] = {name: [] for name in chosen}
    failed: dict[str, str] = {}
    for _ in range(arguments.rounds):
        for name, run in chosen.items():
            if name in failed:
                continue
            try:
                with tempfile.TemporaryDirectory(prefix="curate-bench-") as folder:
                    wall, work = measured(run(Path(folder)), arguments.limit)
            except SystemExit as error:  # the others' figures are not lost for it
                failed[name] = str(error)
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                continue
            seconds[name].append(wall)
            cpu[name].append(work)
            print(f"{name}: {wall:.1f} s, {work:.1f} CPU s", file=sys.stderr, flush=True)
    seconds, cpu = ({name: found[name] for name in found if name not in failed} for found in (seconds, cpu))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    cost = {name: statistics.median(values) for name, values in cpu.items()}
    report = {
        "pages": pages,
        "megabytes": round(sum(p.stat().st_size for p in crawl.glob("*.warc.gz")) / 1e6, 1),
        "cores": arguments.cores,
        "extractor": arguments.extractor,
        "seconds": {name: [round(value, 1) for value in values] for name, values in seconds.items()},
        "cpu_seconds": {name: [round(value, 1) for value in values] for name, values in cpu.items()},
        "pages_per_cpu_second": {n: round(pages / m, 1) for n, m in cost.items()},
        "pages_per_core_second": {n: round(pages / m / arguments.cores, 1) for n, m in medians.items()},
        "job_over": {n: round(m / medians["curate clean"], 3) for n, m in medians.items() if "curate clean" in medians},
    }
    print(json.dumps(report, indent=1))
    if failed:
        raise SystemExit(f"no figures of {', '.join(failed)}")


if __name__ == "__main__":
    main()
