"""Documents of other people's files and of this project's: Parquet and JSON lines (plain, .gz, .zst).

A document is a text, an id, a source and a language; other columns are not looked at.  What can't be read is counted
by its kind, and an input of which nothing could be read is an error.  Inputs are known by their content, see
`fingerprint`.
"""

import hashlib
import io
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from train_probe.errors import ProbeError

TEXT_NAMES = ("text", "content", "raw_content")
"""Columns tried in this order, as in mixtures."""
ID_NAMES = ("id", "_id", "doc_id", "uuid", "digest")
SOURCE_NAMES, LANGUAGE_NAMES = ("source",), ("language", "lang")
LINES = (".jsonl", ".ndjson", ".json")
PACKED = ("", ".gz", ".zst")
ENDINGS = (".parquet", *(line + packed for line in LINES for packed in PACKED))
SPLITS = ("test", "validation", "valid", "val", "dev", "eval", "evaluation")
"""Names of the parts of a data set that are not to be trained on."""
LOST = ("rejected", "failed", "skipped")
"""What the column `verdict` of this project's own files says of rows that are no documents of the corpus."""
BATCH = 512
MAX_LINE = 512 << 20
"""A longer line is skipped and counted: one line must not fill the memory."""
SAMPLE = 1 << 16


class Text(NamedTuple):
    """One document of a corpus."""

    key: int
    """64-bit hash of the id, or of the text where there is no id."""
    digest: int
    """64-bit hash of the text."""
    text: str
    source: str
    language: str = ""


@dataclass(frozen=True)
class Input:
    """The files of one corpus in sorted order, and what was left out of it, a line each."""

    root: Path
    files: tuple[Path, ...]
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The source of documents that name none."""
        return self.root.resolve().name.split(".")[0] if self.root.is_file() else self.root.resolve().name


def hash64(text: str | bytes) -> int:
    """The first 8 bytes of the BLAKE2b hash of a text in UTF-8."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _raise(error: OSError) -> None:
    raise error


def find(root: Path) -> Input:
    """The files of a corpus: a file, or a folder with all below it.

    Of a folder with `data/` (this project's outputs, many others') only that is read; of a data set with a training
    split, not its test and validation splits; `.json` beside Parquet is about the data.  Files that are hidden, or are
    left out by these rules, are named in `left_out`.  Raises ProbeError when there is nothing to read.
    """
    if root.is_file():
        if not root.name.endswith(ENDINGS):
            raise ProbeError(f"{root}: neither Parquet nor JSON lines ({', '.join(LINES)}, also .gz and .zst)")
        return Input(root, (root,))
    if not root.is_dir():
        asked = re.sub(r"^([a-z0-9]+):/", r"\1://", str(root))  # as a path an address has lost a slash
        far = "not on this machine: copy it here first"
        raise ProbeError(f"{asked}: {far if '://' in asked else 'no such file or folder'}")
    walked = os.walk(root, onerror=_raise)  # `rglob` passes over folders that may not be looked into
    below = (Path(at, name) for at, _, names in walked for name in names if name.endswith(ENDINGS))
    every = sorted(path for path in below if path.is_file())
    every = [p for p in every if not any(part[:1] in "._" for part in p.relative_to(root).parts)]
    groups: list[tuple[str, list[Path]]] = []
    data = [p for p in every if p.relative_to(root).parts[0] == "data" and p != root / "data"]
    if data and len(data) < len(every):
        chosen = set(data)
        other = [p for p in every if p not in chosen and not p.name.endswith((".json", ".json.gz", ".json.zst"))]
        if not (root / "ledger.json").exists():  # of this project's own outputs only data/ is the corpus
            groups.append(("outside its data/", other))
        every = data
    if any(p.suffix == ".parquet" for p in every):
        groups.append((".json beside Parquet", [p for p in every if _about(p)]))
        every = [p for p in every if not _about(p)]
    tests = [p for p in every if _split(p.relative_to(root)) in SPLITS]
    if len(tests) < len(every):
        groups.append(("of a test or validation split", tests))
        every = [p for p in every if _split(p.relative_to(root)) not in SPLITS]
    if not every:
        raise ProbeError(f"{root}: no Parquet files or JSON lines here")
    lines = [f"{len(found)} files {why} ({_some(found, root)})" for why, found in groups if found]
    return Input(root, tuple(every), tuple(lines))


def has_own(path: Path) -> bool:
    """Whether a mixture has held-out documents of its own."""
    try:
        return path.is_dir() and (path / "data").is_dir() and bool(find(path / "heldout").files)
    except ProbeError:
        return False


def _about(path: Path) -> bool:
    return path.name.endswith((".json", ".json.gz", ".json.zst"))


def _split(relative: Path) -> str:
    """What split a file belongs to by the layout of Hugging Face data sets: a folder or the first word of its name."""
    words = [*relative.parts[:-1], re.split(r"[-_.]", relative.name)[0]]
    return next((w.casefold() for w in words if w.casefold() in (*SPLITS, "train")), "")


def _some(files: Sequence[Path], root: Path) -> str:
    names = ", ".join(str(p.relative_to(root)) for p in files[:3])
    return f"{names}, ..." if len(files) > 3 else names


def read(where: "Input | Path", skipped: Counter[str] | None = None) -> Iterator[Text]:
    """All documents of a corpus.  Rows that are none are counted in `skipped` by kind.

    Raises ProbeError for a file that can't be read, that has no text column, or when there is not one document.
    """
    found = find(where) if isinstance(where, Path) else where
    skipped = Counter() if skipped is None else skipped
    before, count = skipped.copy(), 0
    for path in found.files:
        rows = _parquet(path) if path.name.endswith(".parquet") else _lines(path, skipped)
        for row in rows:
            doc = _document(row, found.name, skipped)
            if doc is not None:
                count += 1
                yield doc
    if not count:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted((skipped - before).items())) or "no rows"
        raise ProbeError(f"{found.root}: not one document could be read ({kinds})")


class Row(NamedTuple):
    """What a file says of one document, unchecked; None where it says nothing."""

    text: Any
    ident: Any
    source: Any
    language: Any
    verdict: Any


def _document(row: Row, name: str, skipped: Counter[str]) -> Text | None:
    """A document, or its kind counted."""
    text = row.text
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError:
            skipped["not UTF-8"] += 1
            return None
    if _string(row.verdict) in LOST:
        skipped["rejected"] += 1
    elif not isinstance(text, str) or not text:
        skipped["empty"] += 1
    else:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _broken(text) else text
        digest = hash64(text)
        key = hash64(_string(row.ident)) if row.ident is not None else digest
        return Text(key, digest, text, _string(row.source) or name, _string(row.language))
    return None


def _broken(text: str) -> bool:
    """Whether it has lone surrogates, which JSON allows and UTF-8 does not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _string(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    text = str(value)
    return text.encode("utf-8", "replace").decode() if _broken(text) else text


def _parquet(path: Path) -> Iterator[Row]:
    """Rows of a Parquet file.  Strings are read as bytes, so that one that is not UTF-8 costs its row alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        chosen = [next((n for n in known if n in names), None) for known in _COLUMNS]
        text = chosen[0]
        if text is None:
            raise ProbeError(f"{path}: no column 'text'; it has {', '.join(sorted(names))}")
        kind = file.schema_arrow.field(text).type
        if not _is_text(kind):
            raise ProbeError(f"{path}: the column {text!r} holds {kind}, not text")
        for batch in file.iter_batches(BATCH, columns=sorted({n for n in chosen if n is not None})):
            columns = [[None] * batch.num_rows if n is None else _values(batch.column(n)) for n in chosen]
            yield from (Row(*values) for values in zip(*columns, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise ProbeError(f"{path}: can't be read as Parquet ({' '.join(str(error).split())[:300]})") from None


_COLUMNS = (TEXT_NAMES, ID_NAMES, SOURCE_NAMES, LANGUAGE_NAMES, ("verdict",))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_null(kind)
    )


def _values(column: Any) -> list[object]:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.binary())
    elif pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    values: list[Any] = column.to_pylist()
    return values


def _lines(path: Path, skipped: Counter[str]) -> Iterator[Row]:
    """Rows of JSON lines, or of a file that is one JSON array.  What is no object is counted."""
    try:
        with _opened(path) as stream:
            yield from _json_rows(stream, path, skipped)
    except (OSError, EOFError, zlib.error) as error:
        raise ProbeError(f"{path}: can't be read to its end ({error})") from None


def _json_rows(stream: BinaryIO, path: Path, skipped: Counter[str]) -> Iterator[Row]:
    first = True
    while line := stream.readline(MAX_LINE):
        if len(line) >= MAX_LINE and not line.endswith(b"\n"):
            skipped["line too long"] += 1
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE)
            continue
        line = line.removeprefix(b"\xef\xbb\xbf") if first else line
        if not line.strip():
            continue
        if first and line.lstrip().startswith(b"["):
            raise ProbeError(f"{path}: a JSON array; write one object on each line (jq -c '.[]')")
        first = False
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            skipped["not JSON"] += 1
            continue
        if isinstance(record, dict):
            yield Row(*(next((record[n] for n in known if n in record), None) for known in _COLUMNS))
        else:
            skipped["no object"] += 1


def _opened(path: Path) -> BinaryIO:
    """The decompressed bytes of a file."""
    if path.suffix == ".gz":
        import gzip

        return cast(BinaryIO, gzip.open(path))
    if path.suffix == ".zst":
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"), 1 << 20)
    return path.open("rb")


Identity = list[Any]
"""[name below the root, size, time of change in ns, digest of three samples, digest of all] of a file."""


def fingerprint(found: Input, before: list[Identity] | None = None) -> list[Identity]:
    """What the files of an input hold, by name below its root: where the folder lies does not matter.

    A file is read whole unless size, time and samples are those that `before` says of it.
    """
    known = {entry[0]: entry for entry in before or []}
    return [_identity(path, _relative(path, found.root), known) for path in found.files]


def _relative(path: Path, root: Path) -> str:
    return path.name if path == root else str(path.relative_to(root))


def _identity(path: Path, name: str, known: dict[str, Identity]) -> Identity:
    facts = path.stat()
    sampled = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        for at in (0, max(0, facts.st_size // 2 - SAMPLE // 2), max(0, facts.st_size - SAMPLE)):
            stream.seek(at)
            sampled.update(stream.read(SAMPLE))
        quick = [facts.st_size, facts.st_mtime_ns, sampled.hexdigest()]
        entry = known.get(name)
        if entry is not None and entry[1:4] == quick:
            return entry
        stream.seek(0)
        whole = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
    return [name, *quick, whole.hexdigest()]


def changed(before: list[Identity], now: list[Identity]) -> list[str]:
    """Names of the files whose content is another, or that are new or gone."""
    old, new = ({entry[0]: (entry[1], entry[4]) for entry in side} for side in (before, now))
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
