"""Documents that come one by one out of files (the papers of an archive, books), as rows: each in a child, with limits.

A reader's generator `package.module:name` takes a task and yields `Item`s in a fixed order. What an item raises costs that
item alone: `Skip` is for what is no document, `Reject` for what has no text, `Fail` for what is damaged. What the generator
itself raises costs what follows in its file.
"""

import functools
import io
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from curate.corpus import schema
from curate.engine import children
from curate.engine.tasks import function, reference, supervises
from curate.errors import CurateError
from curate.files.fingerprints import digest_of
from curate.read.dumps import Head, head_of, place
from curate.read.rows import SKIPPED, in_batches, printable, survive, write_rows
from curate.read.source import ReadResult, Source
from curate.read.splits import Split, SplitTask
from curate.read.unpack import CODECS, Piece, Unbroken, pieces, recoded

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BATCH_ROWS = 64
MEMORY = 3 << 30
"""Bytes of memory that a process which reads items may take."""


class Skip(Exception):
    """Not a document; the message is its kind."""


class Reject(Exception):
    """A document without text; the message is the code of the reason."""


class Fail(Exception):
    """A document that can't be read; the first word of the message, up to a colon, is the reason."""


@dataclass(frozen=True, slots=True)
class Item:
    """One document of a file, not yet read."""

    offset: int
    """Bytes into the file, where it is known; else its number."""
    key: str
    """What tells it from the others of its source, wherever the file lies: its own number, or the file's name and the offset.
    Of two items with one key the second is dropped as `duplicate_record`."""
    make: Callable[[], dict[str, object]]
    """The columns, `text` among them, all of the task's kind; raises Skip, Reject or Fail."""
    row: dict[str, object] = field(default_factory=dict)
    """Columns that are known whatever `make` does."""
    lost: Callable[[], str] | None = None
    """Asked behind `make`: what of the document could not be read, which is a failed row behind its own; empty: nothing.
    It must say the same where `make` was not called."""


def refused(offset: int, key: str, why: Skip | Reject | Fail) -> Item:
    """An item of which it is known before it is read that it gives no document."""

    def make() -> dict[str, object]:
        raise why

    return Item(offset, key, make)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemTask(SplitTask):
    """A file, and the generator that gives its items."""

    kind: str
    reader: str
    """`package.module:name`."""
    options: dict[str, object] = field(default_factory=dict)
    """Of the reader."""


@dataclass(frozen=True, slots=True)
class ItemsTask:
    """What a child is given: the items from number `done` on, but for those that killed one before, with why."""

    task: ItemTask
    done: int = 0
    poison: dict[str, str] = field(default_factory=dict)
    """By the number of the item."""


def file_by_file(
    kind: str,
    reader: Callable[[ItemTask], Iterator[Item]],
    files: Sequence[Head],
    name: str | None,
    *,
    cpu_seconds: float,
    options: Mapping[str, object] | None = None,
    uses: Sequence[str] = (),
) -> Source:
    """The source of which each file is a task of the generator `reader`. `cpu_seconds` is what an item may cost."""
    asked = dict(options or {})
    tasks = [
        ItemTask(
            name=f"{number:06d}",
            kind=kind,
            reader=reference(reader),
            split=Split(head.path, kind, 0, head.size, head.size),
            source=name or kind,
            options=asked,
            cpu_seconds=cpu_seconds,
            memory_bytes=MEMORY,
        )
        for number, head in enumerate(files)
    ]
    listed = [(head.path, head.size) for head in files]
    return Source(kind, run, tasks, listed, digest_of([name, asked, listed]), uses=uses, memory_bytes=MEMORY)


class _Whole(Unbroken):
    """Pieces as a file that raises Fail where they are damaged, and knows how far it has been read."""

    def __init__(self, found: Iterator[Piece]) -> None:
        super().__init__(found)
        self._pieces, self._at = found, 0

    def readinto(self, buffer: "WriteableBuffer") -> int:
        size = super().readinto(buffer)
        if self.problem and not size:
            raise Fail(f"damaged: {self.problem.problem.removeprefix('damaged: ')}")
        self._at += size
        return size

    def tell(self) -> int:
        """Bytes that were read, unpacked."""
        return self._at

    def close(self) -> None:
        """Closes the file as well."""
        cast("Generator[Piece]", self._pieces).close()
        super().close()


def open_unpacked(path: str) -> io.BufferedReader:
    """A file from the start, as `Head.data` shows its beginning: gz, bz2, xz, zst and lz4 unpacked, UTF-16 as UTF-8. `tell()`
    is the byte of what is unpacked. Reading raises Fail where it is damaged: `damaged`, behind all lines before.
    """
    head = head_of(path)
    found = pieces(path, head.packed if head.packed in CODECS else "", 0, head.size)
    return io.BufferedReader(_Whole(recoded(found, head.encoding) if head.encoding else found), 1 << 18)


@supervises
def run(task: ItemTask) -> ReadResult:
    """Task: bring the items of `split.file` to the rows of `kind` in the file `out`."""
    size = task.split.size

    def place(batch: pa.RecordBatch) -> int:
        return min(size, batch["offset"][-1].as_py() or 0)

    return write_rows(task, schema.extracted(task.kind), survive(task, f"{__name__}:items"), size, place)


def items(task: ItemsTask) -> Iterator[pa.RecordBatch]:
    """In the child: a row for each item from number `done` on, in batches."""
    return in_batches(_rows(task), schema.extracted(task.task.kind), BATCH_ROWS)


def _rows(task: ItemsTask) -> Iterator[dict[str, object]]:
    number = 0
    for item in _found(task.task):
        poison = task.poison.get(str(number))
        if number >= task.done:
            yield _row(item, number, task.task, poison)
        number += 1
        if not poison and (told := _lost(item, number - 1, task.task)):
            if number >= task.done:
                yield _row(refused(item.offset, f"{item.key} lost", Fail(told)), number, task.task, None)
            number += 1


def _found(task: ItemTask) -> Iterator[Item]:
    """The items of a file. Where the reader raises, the last one says so: it is a failed row for what follows."""
    found = cast("Iterator[Item]", function(task.reader)(task))
    number, at = 0, 0
    try:
        for item in found:
            yield item
            number, at = number + 1, item.offset
    except (CurateError, OSError):  # the file itself can't be had: no matter of its content
        raise
    except Exception as error:
        told = str(error) if isinstance(error, Fail) else f"reading_{type(error).__name__}: {error}"
        reason, _, why = told.partition(":")
        behind = f"what follows document {number} (at byte {at})" if number else "the file"
        key = f"{place(task.split.file)} {task.split.size} unread"
        yield refused(at, key, Fail(f"{reason}: {behind} could not be read: {why.strip()}"))


@functools.cache
def _columns(kind: str) -> frozenset[str]:
    return frozenset(schema.extracted(kind).names)


def _lost(item: Item, number: int, task: ItemTask) -> str:
    if item.lost is None:
        return ""
    try:
        with children.page(number, task.cpu_seconds):
            return item.lost()
    except (Exception, children.PageTimeout):  # as its row says already
        return ""


def _row(item: Item, number: int, task: ItemTask, known: str | None) -> dict[str, object]:
    row = {
        "id": schema.document_id(task.kind, item.key),
        "source": task.source,
        "file": task.split.file,
        "offset": item.offset,
        **item.row,
    }
    if known:
        return {**row, "verdict": "failed", "reason": f"page_{known}", "detail": "reading it ended the process, twice"}
    try:
        with children.page(number, task.cpu_seconds):
            row.update(item.make())
        if strange := row.keys() - _columns(task.kind):
            columns = f"are no columns of the kind {task.kind!r} (curate/corpus/schema.py)"
            raise TypeError(f"{', '.join(sorted(strange))} {columns}")
        if not str(row.get("text") or "").strip():
            raise Reject("no_text")
    except Skip as skip:
        row.update(text=None, verdict=SKIPPED, reason=str(skip))
    except Reject as none:
        row.update(text=None, verdict="rejected", reason=f"extract.{none}")
    except Fail as fail:
        reason, _, detail = str(fail).partition(":")
        row.update(text=None, verdict="failed", reason=reason, detail=printable(detail.strip()))
    except children.PageTimeout:
        detail = f"more than {task.cpu_seconds:g} s of CPU time"
        row.update(text=None, verdict="failed", reason="page_timeout", detail=detail)
    except MemoryError:
        detail = f"more than {task.memory_bytes >> 20} MiB of memory"
        row.update(text=None, verdict="failed", reason="page_memory", detail=detail)
    except Exception as error:  # whatever a parser raises costs this item alone
        row.update(text=None, verdict="failed", reason=f"page_{type(error).__name__}", detail=printable(error))
    return row
