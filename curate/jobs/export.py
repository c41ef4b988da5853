"""`curate export` as one function: a finished corpus or mixture to files of another kind."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from curate.console.terminal import command_line
from curate.corpus import exports
from curate.corpus.lookup import check_documents, check_whole
from curate.engine.session import EngineOptions, Session
from curate.errors import BalanceError, InputError, UsageError
from curate.files import storage
from curate.files.output import believed, read_json
from curate.run.ledger import Account, Described, Ledger
from curate.run.runner import Job, Watcher, framed, run_job, run_tasks, stage


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks of `curate export`."""

    corpus: str
    format: str
    output: str
    command: Sequence[str] = field(default_factory=lambda: tuple(sys.argv))


def export(options: Options, engine: EngineOptions | None = None) -> Ledger:
    """Run the job and return its ledger. Raises CurateError for whatever the person can mend."""
    if options.format not in exports.FORMATS:
        raise UsageError(f"--format is one of {', '.join(exports.FORMATS)}, not {options.format!r}")
    corpus, output = options.corpus.rstrip("/"), options.output.rstrip("/")
    return run_job(ExportJob(corpus, options.format, output, command_line(options.command)), engine)


@dataclass(slots=True)
class ExportJob(Job):
    """The files of `data/`, one to one (or all to one table)."""

    corpus: str
    format: str
    output: str
    command: str = ""
    name: str = "export"
    watcher: Watcher | None = None
    finishers: Sequence[Callable[["ExportJob", Ledger], None]] = ()

    inputs: Sequence[str] = field(init=False)
    settings: Mapping[str, object] = field(init=False)
    files: Sequence[str] = field(init=False)
    """Names of the files of documents in the corpus."""

    def __post_init__(self) -> None:
        """The files of documents, and the format. Raises UsageError, InputError for what can't be written, or is not finished, or
        not whole."""
        if self.format == exports.LANCE:
            exports.check_lance(self.output)
        ledger = read_json(storage.join(self.corpus, "ledger.json"))
        if not ledger:
            raise InputError(f"{self.corpus}: no ledger.json: this is no finished corpus or mixture")
        with believed(storage.join(self.corpus, "ledger.json")):
            parts = [part for part in ledger.get("data", ()) if part["file"].startswith("data/")]
            check_whole(self.corpus, parts)
        if not parts:
            raise InputError(f"{self.corpus}: no documents: its ledger names no file in data/")
        check_documents(self.corpus)
        if not ledger.get("kept"):
            raise InputError(f"{self.corpus}: no documents: its ledger says that none was kept")
        self.files = sorted(part["file"] for part in parts)
        self.inputs = [storage.join(self.corpus, name) for name in self.files]
        self.settings = {"format": self.format}

    def build(self, s: Session) -> Ledger:
        """Write each file, or the one table."""
        names, paths = self.files, self.inputs
        if self.format == exports.LANCE:
            table = exports.LanceTask(tuple(paths), self.path("data.lance"), self.scratch("counts", "lance.parquet"))
            with stage(self, "export", 1) as facts:
                facts["worked"] = run_tasks(s, self, exports.export_lance, [table])
            found = [exports.exported_at(table.out)]
            data = [self._described("data.lance", name) for name in storage.names_below(table.data)]
            return self._ledger({self.corpus: found[0]}, data)
        ending = exports.ENDINGS[self.format]
        written = [name.removesuffix(".parquet") + ending for name in names]
        tasks = [
            exports.ExportTask(
                path, number, self.format, self.path(name), self.scratch("counts", f"{number:06d}.parquet")
            )
            for number, (path, name) in enumerate(zip(paths, written, strict=True))
        ]
        with stage(self, "export", len(tasks)) as facts:
            facts["worked"] = run_tasks(s, self, exports.export, tasks)
        counts = {task.file: exports.exported_at(task.out) for task in tasks}
        rows = [counts[task.file].records for task in tasks]
        return self._ledger(
            counts, [self._described("", name) | Described(rows=n) for name, n in zip(written, rows, strict=True)]
        )

    def _described(self, folder: str, name: str) -> Described:
        path, name = self.path(folder, name) if folder else self.path(name), os.path.join(folder, name)
        return {"file": name, "bytes": storage.file_size(path), "sha256": storage.sha256(path)}

    def _ledger(self, counts: Mapping[str, exports.Exported], data: Sequence[Described]) -> Ledger:
        """Raises BalanceError unless as many documents were written as the corpus says that it has: of a mixture each as often as
        it stands there."""
        files = {
            name: Account(records=one.read, skipped={}, rejected={}, failed={}, kept=one.records)
            for name, one in counts.items()
        }
        ledger = framed(self, {"format": self.format, "corpus": self.corpus, "files": files, "data": list(data)})
        theirs = read_json(storage.join(self.corpus, "ledger.json"))
        rows = theirs.get("rows", theirs["kept"])  # a mixture's `kept` counts a document once, whatever its epochs
        if ledger["kept"] != rows:
            raise BalanceError(f"{self.corpus} has {rows} documents, {ledger['kept']} were written")
        return ledger


def summary(ledger: Ledger) -> str:
    """What was written, in a line."""
    size = sum(part["bytes"] for part in ledger["data"])
    files = len(ledger["data"])
    return f"{ledger['kept']:,} documents in {files:,} {'file' if files == 1 else 'files'}, {size:,} bytes"
