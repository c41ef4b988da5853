"""The documents of a corpus or a mixture in other people's files: JSON lines, tar files for WebDataset, a table of Lance."""

import io
import json
import math
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from curate.corpus.shards import read_checked, read_facts, write_facts
from curate.errors import BalanceError, UsageError
from curate.files import storage, typed_json

LEVEL = 3
"""Of zstd, as in our Parquet files."""
ROWS = 512


@dataclass(frozen=True, slots=True)
class ExportTask:
    """A file of documents, the file that it becomes, and one that says how many there were."""

    file: str
    number: int
    """Of the file in the corpus, for names that no other has."""
    format: str
    data: str
    out: str


@dataclass(frozen=True, slots=True)
class Exported:
    """Documents read, and found again in what was written."""

    read: int
    records: int


def export(task: ExportTask) -> Exported:
    """Task: write one file and count what is in it. Raises BalanceError when that is not what was read."""
    write, count = PER_FILE[task.format]
    read: list[int] = []
    with storage.atomic(task.data) as temporary, open(temporary, "wb") as stream:
        write(_batches([task.file], read), stream, task.number)
    return counted(task.out, sum(read), count(task.data), task.data)


def _batches(files: Iterable[str], read: list[int]) -> Iterator[pa.RecordBatch]:
    """The documents of `files`; how many come in each batch is added to `read`."""
    for file in files:
        for batch in read_checked(file, rows=ROWS):
            read.append(batch.num_rows)
            yield batch


def counted(out: str, read: int, written: int, data: str) -> Exported:
    """Say in the file `out` what was read and written. Raises BalanceError where these differ."""
    if read != written:
        raise BalanceError(f"{data} holds {written} documents, {read} were read")
    found = Exported(read, written)
    write_facts(out, asdict(found))
    return found


def exported_at(out: str) -> Exported:
    """What a finished task counted."""
    return typed_json.load(Exported, read_facts(out))


def as_json(row: Mapping[str, Any]) -> bytes:
    """A row as one line of JSON: times as in ISO 8601, numbers that JSON hasn't as null."""
    return json.dumps(_plain(row), ensure_ascii=False, allow_nan=False).encode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, datetime | date) else value


def write_json_lines(batches: Iterable[pa.RecordBatch], stream: Any, _: int) -> None:
    """A line a document with all its columns, packed by zstd."""
    with zstandard.ZstdCompressor(LEVEL, write_checksum=True).stream_writer(stream, closefd=False) as packed:
        for batch in batches:
            packed.write(b"".join(as_json(row) + b"\n" for row in batch.to_pylist()))


def count_json_lines(path: str) -> int:
    """Lines that are JSON."""
    with _opened(path) as file, zstandard.ZstdDecompressor().stream_reader(file) as lines:
        return sum(1 for line in io.TextIOWrapper(lines, "utf-8", newline="\n") if line.endswith("}\n"))


def write_tar(batches: Iterable[pa.RecordBatch], stream: Any, number: int) -> None:
    """Two members a document: `NNNNN-NNNNNNNN.txt`, its text, and `.json`, all other columns. Names are numbers (a name that a
    record brought could be a path, or hold the dot at which WebDataset parts key and field); `id` is in the JSON."""
    place = 0
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
        for batch in batches:
            for row in batch.to_pylist():
                text = row.pop("text") or ""
                _add(tar, f"{number:05d}-{place:08d}.txt", text.encode())
                _add(tar, f"{number:05d}-{place:08d}.json", as_json(row))
                place += 1


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # the time 0 and no owner: equal bytes for equal documents
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def count_tar(path: str) -> int:
    """Documents whose both members are there."""
    with _opened(path) as file, tarfile.open(fileobj=file, mode="r|") as tar:
        names = [member.name for member in tar]
    pairs = zip(names[::2], names[1::2], strict=True)
    return sum(one.removesuffix(".txt") == two.removesuffix(".json") for one, two in pairs)


def _opened(path: str) -> Any:
    fs, inner = storage.filesystem(path)
    return fs.open_input_stream(inner, compression=None)


PER_FILE: Final[Mapping[str, tuple[Callable[[Iterable[pa.RecordBatch], Any, int], None], Callable[[str], int]]]] = {
    "jsonl.zst": (write_json_lines, count_json_lines),
    "webdataset": (write_tar, count_tar),
}
ENDINGS: Final = {"jsonl.zst": ".jsonl.zst", "webdataset": ".tar"}
LANCE = "lance"
FORMATS: Final = (*PER_FILE, LANCE)


@dataclass(frozen=True, slots=True)
class LanceTask:
    """All files of documents, and the folder of the one table that they become."""

    files: tuple[str, ...]
    data: str
    out: str


def export_lance(task: LanceTask) -> Exported:
    """Task: write the table; what a killed run left of it goes first. Raises as `export` does."""
    lance = _lance()
    storage.remove(task.data)
    read: list[int] = []
    folder = storage.filesystem(task.data)[1]
    reader = pa.RecordBatchReader.from_batches(_columns(task.files[0]), _batches(task.files, read))
    table = lance.write_dataset(reader, folder)
    return counted(task.out, sum(read), int(table.count_rows()), task.data)


def _columns(path: str) -> pa.Schema:
    """The columns of a Parquet file."""
    fs, inner = storage.filesystem(path)
    return pq.read_schema(inner, filesystem=fs).remove_metadata()


def check_lance(output: str) -> None:
    """Raise UsageError where no table of Lance can be written."""
    _lance()
    if not storage.is_local(output):
        raise UsageError(f"--format lance writes into a folder of this machine, not into {output}")


def _lance() -> Any:
    try:
        import lance
    except ImportError as error:
        raise UsageError(f"--format lance needs pylance: pip install 'curate-corpora[lance]' ({error})") from error
    return lance
