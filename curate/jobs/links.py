"""`curate links` as one function: dumps of Reddit or WAT files in, a table of addresses with their scores out."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from curate.console.terminal import command_line, notes
from curate.engine.session import EngineOptions, Session
from curate.errors import BalanceError, InputError
from curate.files import storage
from curate.links import tasks
from curate.read.documents import left_out
from curate.read.dumps import Head, head_of, kind_of
from curate.read.inputs import all_files
from curate.run import ledger as ledgers
from curate.run.ledger import Ledger
from curate.run.runner import Job, Watcher, framed, run_job, run_tasks, stage

BUCKET_BYTES = 32 << 20
"""Bytes of input (packed) a bucket of addresses stands for."""
MOST_BUCKETS = 4096
_NO_RECORDS = ("not_a_submission", "not_a_page", "type_warcinfo")


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate links`."""

    inputs: Sequence[str]
    output: str
    min_score: int = 3
    over_18: bool = False
    wikipedia: bool = False
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def links(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""

    heads = [head_of(path, size) for path, size in all_files(options.inputs).items()]
    own, left = [head for head in heads if _kind(head)], [head for head in heads if not _kind(head)]
    for head in left:
        if head.path in options.inputs or not own:
            told = "this command reads submissions of Reddit (JSON lines, packed or not) and WAT files"
            raise InputError(f"{head.path}: {kind_of(head)}, and {told}")
    kinds = {_kind(head) for head in own}
    if len(kinds) > 1:
        raise InputError("dumps of Reddit and WAT files have scores of different kinds: make links of them one by one")
    notes(left_out(left, "neither submissions of Reddit nor WAT files"))
    job = LinksJob(options, own, kinds.pop(), options.output.rstrip("/"), command_line(options.command))
    return run_job(job, engine)


def _kind(head: Head) -> str:
    """reddit, wat, or nothing."""
    data = head.data.lstrip(b"\xef\xbb\xbf \r\n\t")
    if (data.startswith(b"WARC/") and b"application/json" in data[:4096]) or ".wat" in head.name.lower():
        return "wat"
    if data.startswith((b"{", b"[")) and b'"Envelope"' not in data[:4096]:
        return "reddit"
    return "reddit" if head.name.lower().startswith("rs_") and head.size else ""


@dataclass(slots=True)
class LinksJob(Job):
    """Files of one kind to a table of addresses."""

    options: Options
    files: Sequence[Head]
    kind: str
    output: str
    command: str = ""
    name: str = "links"
    watcher: Watcher | None = None
    finishers: Sequence[Callable[["LinksJob", Ledger], None]] = ()

    inputs: Sequence[str] = field(init=False)
    settings: Mapping[str, object] = field(init=False)

    def __post_init__(self) -> None:
        """The dumps, and which links count."""
        self.inputs = [head.path for head in self.files]
        asked = asdict(self.options)
        self.settings = {
            "inputs": [[head.path, head.size] for head in self.files],
            **{name: asked[name] for name in ("min_score", "over_18", "wikipedia")},
        }

    def build(self, s: Session) -> Ledger:
        """Read each file, then each bucket of addresses."""
        buckets = max(1, min(MOST_BUCKETS, sum(head.size for head in self.files) // BUCKET_BYTES))
        runs = [self._read_task(number, head, buckets) for number, head in enumerate(self.files)]
        with stage(self, "read", len(runs), sum(head.size for head in self.files)) as facts:
            facts["worked"] = run_tasks(s, self, tasks.read, runs)
        parts = [self._merge_task(bucket, buckets, [task.out for task in runs]) for bucket in range(buckets)]
        with stage(self, "merge", len(parts)) as facts:
            facts["worked"] = run_tasks(s, self, tasks.merge, parts)
        ledger = framed(self, self._own(runs, parts))
        self._check(ledger)
        return ledger

    def _read_task(self, number: int, head: Head, buckets: int) -> tasks.ReadTask:
        return tasks.ReadTask(
            file=head.path,
            kind=self.kind,
            packed=head.packed,
            buckets=buckets,
            out=self.scratch("runs", f"{number:06d}.parquet"),
            failed=self.path("rejected", f"{number:06d}.parquet"),
            min_score=self.options.min_score,
            over_18=self.options.over_18,
            wikipedia=self.options.wikipedia,
        )

    def _merge_task(self, bucket: int, buckets: int, runs: Sequence[str]) -> tasks.MergeTask:
        name = f"links-{bucket:05d}.parquet"
        return tasks.MergeTask(
            name=name,
            bucket=bucket,
            buckets=buckets,
            runs=tuple(runs),
            out=self.path("data", name),
            min_score=self.options.min_score,
        )

    def _own(self, runs: Sequence[tasks.ReadTask], parts: Sequence[tasks.MergeTask]) -> Ledger:
        """What is this job's own in its ledger. Of a file the links are kept; of all, an address is kept once."""
        read, merged = [tasks.facts_of(task.out) for task in runs], [tasks.facts_of(task.out) for task in parts]
        found, addresses = sum(one["links"] for one in read), sum(one["addresses"] for one in merged)
        if sum(one["links"] for one in merged) != found:
            raise BalanceError(f"{found} links were read, and {sum(one['links'] for one in merged)} put together")
        low = sum(one["low_score"] for one in merged)
        rejected = {"duplicate": found - addresses, "low_score": low}
        bad = [(task.failed, sum(one["failed"].values())) for task, one in zip(runs, read, strict=True)]
        return {
            "kind": self.kind,
            "min_score": self.options.min_score,
            "links": found,
            "rejected": {reason: count for reason, count in rejected.items() if count},
            "kept": sum(one["rows"] for one in merged),
            "files": {
                one["file"]: {
                    "records": one["seen"],
                    "skipped": one["skipped"],
                    "rejected": {},
                    "failed": one["failed"],
                    "kept": one["links"],
                }
                for one in read
            },
            "data": [
                *(ledgers.describe("data", task.out, one["rows"]) for task, one in zip(parts, merged, strict=True)),
                *(ledgers.describe("rejected", path, rows) for path, rows in bad),
            ],
        }

    def _check(self, ledger: Ledger) -> None:
        """Raise BalanceError when the tables do not hold the addresses that were kept, InputError when nothing could be read."""
        rows = sum(part["rows"] for part in ledger["data"] if part["file"].startswith("data/"))
        if rows != ledger["kept"]:
            raise BalanceError(f"data/ holds {rows} addresses, {ledger['kept']} were kept")
        unread = {**ledger["failed"], **{kind: n for kind, n in ledger["skipped"].items() if kind in _NO_RECORDS}}
        if ledger["records"] == sum(unread.values()):
            told = ", ".join(f"{count:,} {reason}" for reason, count in unread.items()) or "they are empty"
            files = "1 file" if len(self.files) == 1 else f"{len(self.files):,} files"
            message = f"no link could be read from {files}: {told}{ledgers.first_failure(self)}"
            storage.remove(self.work)
            raise InputError(message)


def summary(ledger: Ledger) -> str:
    """The ledger as a table of lines."""
    rows = [("links seen", ledger["records"])]
    rows += [
        (f"  {reason}", -count)
        for counts in (ledger["failed"], ledger["skipped"], ledger["rejected"])
        for reason, count in counts.items()
    ]
    rows += [("addresses kept", ledger["kept"])]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {count:>12,}" for name, count in rows)
