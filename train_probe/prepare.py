"""The first half of an experiment: corpora to token files. Leave out what is held out, tokenize once.

Needs pyarrow and tokenizers; what it writes is trained on with torch and numpy alone.  Everything streams: what is kept in
memory is a table of 38 bytes a document.  The tokenizer works on all cores.
"""

import hashlib
import itertools
import json
import os
import platform
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train_probe import __version__, breakdown, budget, held_out, looks
from train_probe import tokenizer as tokenizers
from train_probe.config import PRESETS, Log
from train_probe.data import DOCUMENTS, TokenFile
from train_probe.errors import ProbeError
from train_probe.held_out import HeldOut, choose_held_out
from train_probe.inputs import BATCH, Input, Text, changed, find, fingerprint, has_own, hash64, read
from train_probe.request import HELD_OUT, TASKS, Request, begun, prepared, saved, write_json
from train_probe.tokenizer import Tokenizer

__all__ = ["HeldOut", "Text", "choose_held_out", "hash64", "packed", "read", "sample_bytes", "write_tokens"]

_ROW = np.dtype(
    [("key", "<u8"), ("digest", "<u8"), ("start", "<i8"), ("tokens", "<i4"), ("bytes", "<i8"), ("source", "<i2")]
)
_PIECE = 1 << 22
"""Tokens copied at once."""
Group = tuple[list[Text], list[NDArray[Any]]]
"""Some documents, and their ids led by the end token."""


def prepare(request: Request, output: Path, log: Log) -> None:
    """Choose the held-out documents, tokenize everything.  What is finished already is not done again.

    Raises ProbeError when `output` holds an experiment with another question, when the files it was prepared from hold
    something else by now, and when fewer seeds are asked for than were planned.
    """
    before = saved(output) if (output / "experiment.json").exists() else None
    if before is None and any((output / name).exists() for name in ("data", "runs")):
        raise ProbeError(f"{output} holds something else (a corpus?): choose another --output")
    asked = json.loads(json.dumps(asdict(request)))
    inputs = _inputs(request, before["inputs"] if before else {})
    stands = before if begun(output) else None
    if stands:
        _check_same(output, stands, asked, inputs)
    identity = _identity(asked, inputs)
    planned = stands["planned"] if stands else request.seeds
    known = {"version": 2, "planned": planned, "request": asked, "inputs": inputs, "environment": environment()}
    with nothing_left(output):
        write_json(output / "experiment.json", known)
        if prepared(output) is None or (prepared(output) != identity and not stands):
            _tokenize(request, output, log)
            write_json(output / "data" / "prepared.json", {"identity": identity})


@contextmanager
def nothing_left(output: Path) -> Iterator[None]:
    """Make a folder for the block. Where that fails (an input that can't be read, say), of a folder that was not there, or empty,
    nothing is left, so that the corrected command finds no other experiment in its way."""
    new = [path for path in (output, *output.parents) if not path.exists()]
    empty = bool(new) or not any(output.iterdir())
    output.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except Exception:
        for path in output.iterdir() if empty else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):  # somebody else has put something into it by now
            for path in new:
                path.rmdir()
        raise


_PATHS = ("mixtures", "held_out", "tokenizer", "tasks")
"""Parts of a request that name inputs: these are compared by what they hold."""


def _check_same(output: Path, before: dict[str, Any], asked: dict[str, Any], inputs: dict[str, Any]) -> None:
    old = {f.name: f.default_factory() for f in fields(Request) if f.default_factory is not MISSING} | before["request"]
    other = [k for k in asked if old.get(k) != asked[k] and k != "seeds" and k not in _PATHS]
    other += ["tasks"] if _of_package(old["tasks"]) != _of_package(asked["tasks"]) else []
    other += sorted(before["inputs"].keys() ^ inputs.keys())
    if other:
        raise ProbeError(f"{output} holds another experiment (different: {', '.join(other)}); choose another --output")
    for name, entries in inputs.items():
        files = changed(before["inputs"][name], entries)
        if files:
            some = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
            raise ProbeError(
                f"{output} was prepared from other content: {name} has changed since ({some}); choose another --output"
            )
    planned, seeds = before["planned"], asked["seeds"]
    if len(asked["mixtures"]) > 1 and seeds != looks.next_point(seeds, planned):
        raise ProbeError(
            f"{planned} seeds were planned, and training has begun: there is a verdict at {planned}, {2 * planned}, {4 * planned} ... seeds, "
            f"not at {seeds} (probe-compare --now gives one on fewer)"
        )
    if (fixed := budget.kept(output)) is not None:
        budget.check_seeds(fixed, seeds)


def _of_package(tasks: list[str]) -> list[str]:
    from train_probe.tasks import BUNDLED

    return sorted(name for name in tasks if name.startswith(BUNDLED))


def _identity(asked: dict[str, Any], inputs: dict[str, Any]) -> str:
    """Of everything that decides what data/ holds."""
    names = ("preset", "family", "held_out_bytes", "vocab")
    content = {name: [[entry[0], entry[1], entry[4]] for entry in entries] for name, entries in inputs.items()}
    from train_probe.tasks import digest

    questions = [[name, digest(name)] for name in _of_package(asked["tasks"])]
    decides = [{name: asked[name] for name in names}, asked["tokenizer"] == "bytes", content, questions]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _inputs(request: Request, before: dict[str, Any]) -> dict[str, Any]:
    """What every input holds, by its role (see inputs.fingerprint)."""
    from train_probe.tasks import BUNDLED, name_of

    roots = {f"mixture {name}": [Path(p) for p in _several(paths)] for name, paths in request.mixtures.items()}
    if request.held_out:
        roots["held-out"] = [Path(request.held_out)]
    else:
        own = {name: [p / "heldout" for p in paths if has_own(p)] for name, paths in roots.items()}
        roots |= {f"held-out of {name}": paths for name, paths in own.items() if paths}
    found: dict[str, Any] = {}
    for name, paths in roots.items():
        found[name] = []
        for i, path in enumerate(paths):
            known = [[e[0].removeprefix(f"{i}/"), *e[1:]] for e in before.get(name, []) if e[0].startswith(f"{i}/")]
            found[name] += [[f"{i}/{entry[0]}", *entry[1:]] for entry in fingerprint(find(path), known)]
    files = [("tokenizer", request.tokenizer)] if request.tokenizer not in ("", "bytes") else []
    files += [("task " + name_of(name), name) for name in request.tasks if not name.startswith(BUNDLED)]
    for name, file in ((name, Path(path)) for name, path in files):
        if not file.is_file():
            raise ProbeError(f"{file}: {'not a file' if file.exists() else 'no such file'}")
        found[name] = fingerprint(Input(file, (file,)), before.get(name))
    return found


def _tokenize(request: Request, output: Path, log: Log) -> None:
    from train_probe import tasks

    data = output / "data"
    shutil.rmtree(data, ignore_errors=True)  # what an unfinished preparation left may be of another question
    tokenizer = tokenizer_of(request)
    tokenizer.save(output / "tokenizer.json")
    np.save(output / "token_bytes.npy", np.array(tokenizers.token_bytes(tokenizer), dtype=np.int32))
    for task in read_tasks(request.tasks):
        tasks.encode(task, tokenizer).save(data / TASKS / f"{task.name}.json")
    folders = {name: [Path(p) for p in _several(paths)] for name, paths in request.mixtures.items()}
    given = Path(request.held_out) if request.held_out else None
    skipped: Counter[str] = Counter()
    docs = held_out.choose(list(folders.values()), given, request.held_out_bytes, skipped)
    part = given is not None and held_out.is_corpus(list(folders.values()), given)
    some = f"a tenth of {given}, whose rest is trained on: " if part else ""
    some += held_out.described(docs)
    kept_out = HeldOut(docs)
    meta = write_tokens(docs, tokenizer, data / HELD_OUT, skipped=skipped)
    breakdown.write(docs, tokenizer, TokenFile.open(data / HELD_OUT))
    log(f"held out: {some}{_left_out(meta)}")
    for name, paths in folders.items():
        _tokenize_mixture(name, paths, tokenizer, data / name, kept_out, log)


def _tokenize_mixture(
    name: str, paths: list[Path], tokenizer: Tokenizer, out: Path, kept_out: HeldOut, log: Log
) -> None:
    skipped: Counter[str] = Counter()
    found = [find(path) for path in paths]
    for line in (line for one in found for line in one.left_out):
        log(f"{name}: left out {line}")
    every = (doc for one in found for doc in read(one, skipped))
    known = packed(paths[0], tokenizer) if len(paths) == 1 else None
    if known is not None:
        log(f"{name}: the ids are those of {paths[0] / 'tokens'}")
        meta = write_packed(every, known, tokenizer, out, kept_out, skipped)
    else:
        meta = write_tokens(every, tokenizer, out, kept_out, skipped)
    if not meta["documents"]:
        raise ProbeError(f"{name}: nothing is left to train on{_left_out(meta)}")
    log(f"{name}: {meta['documents']:,} documents, {meta['tokens']:,} tokens, {meta['bytes']:,} bytes{_left_out(meta)}")


def _left_out(meta: dict[str, Any]) -> str:
    return "".join(f"; left out {n:,} {reason}" for reason, n in meta["skipped"].items())


def _several(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else paths


def read_tasks(names: list[str]) -> list[Any]:
    """The tasks of these files.  Raises ProbeError for a bad one, or for two of one name."""
    from train_probe import tasks

    found = [tasks.read(name) for name in names]
    twice = [name for name, n in Counter(task.name for task in found).items() if n > 1]
    if twice:
        raise ProbeError(f"two tasks are called {twice[0]!r}: rename one of the files")
    return found


def tokenizer_of(request: Request) -> Any:
    """The tokenizer that a request asks for."""
    if request.tokenizer == "bytes":
        return tokenizers.from_merges([])
    if request.tokenizer:
        return tokenizers.load(Path(request.tokenizer))
    return tokenizers.shipped(request.vocab or min(16_384, PRESETS[request.preset].model.vocab))


def environment() -> dict[str, str]:
    """Versions that can change a figure."""
    import torch

    return {
        "train_probe": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


# ---- token files ----


def sample_bytes(folders: Collection[Path], max_bytes: int) -> list[str]:
    """Texts to train a tokenizer on: as many bytes of each corpus, chosen by hash, so that none is favoured."""
    texts: list[str] = []
    for folder in folders:
        docs = sorted({(hash64(b"sample" + d.key.to_bytes(8, "big")), d.text) for d in read(folder)})
        room = max_bytes // max(1, len(folders))
        for _, text in docs:
            if room <= 0:
                break
            texts.append(text)
            room -= len(text.encode())
    return texts


def write_tokens(
    docs: Iterable[Text],
    tokenizer: Tokenizer,
    out: Path,
    held_out: HeldOut | None = None,
    skipped: Counter[str] | None = None,
) -> dict[str, Any]:
    """Tokenize documents into the token file `out`; returns its meta.json.

    Documents are ordered by hash, so the bytes written do not depend on the order of `docs`.
    """
    skipped = Counter() if skipped is None else skipped
    return _write(_ahead(_groups(docs, held_out, skipped), tokenizer), tokenizer, out, skipped)


def _ahead(groups: Iterable[list[Text]], tokenizer: Tokenizer) -> Iterator[Group]:
    """Documents are read and compared here while others are tokenized, on all other cores."""
    with ThreadPoolExecutor(1) as pool:
        before: Future[Group] | None = None
        for group in groups:
            now = pool.submit(_tokenized, group, tokenizer)
            if before is not None:
                yield before.result()
            before = now
        if before is not None:
            yield before.result()


def packed(folder: Path, tokenizer: Tokenizer) -> TokenFile | None:
    """The token file `tokens/` that `curate mix --tokenize` wrote beside a mixture, when it is of this tokenizer."""
    try:
        file = TokenFile.open(folder / "tokens")
    except ProbeError:
        return None
    same = all(file.meta.get(k) == v for k, v in (("tokenizer", tokenizer.digest), ("end", tokenizer.end)))
    return file if same else None


def write_packed(
    docs: Iterable[Text],
    file: TokenFile,
    tokenizer: Tokenizer,
    out: Path,
    held_out: HeldOut | None = None,
    skipped: Counter[str] | None = None,
) -> dict[str, Any]:
    """As `write_tokens`, with the ids taken from a token file that has the same documents.

    A document is looked up by its key and its length in bytes; one that is not there is tokenized.
    """
    skipped = Counter() if skipped is None else skipped
    order = np.lexsort((file.documents["bytes"], file.documents["key"]))
    names = file.documents[["key", "bytes"]][order]
    groups = (_looked_up(group, file, names, order, tokenizer) for group in _groups(docs, held_out, skipped))
    return _write(groups, tokenizer, out, skipped)


def _looked_up(
    group: list[Text], file: TokenFile, names: NDArray[np.void], order: NDArray[np.integer], tokenizer: Tokenizer
) -> Group:
    wanted = np.array([(doc.key, len(doc.text.encode())) for doc in group], dtype=names.dtype)
    keys = names["key"]
    found: list[NDArray[Any]] = []
    for doc, (key, size) in zip(group, wanted, strict=True):
        at = int(np.searchsorted(keys, key))
        while at < len(keys) and keys[at] == key and names["bytes"][at] < size:
            at += 1
        if at < len(keys) and keys[at] == key and names["bytes"][at] == size:
            found.append(file.document(int(order[at])))
        else:
            found += _tokenized([doc], tokenizer)[1]
    return group, found


def _tokenized(group: list[Text], tokenizer: Tokenizer) -> Group:
    ids = tokenizer.encode([doc.text for doc in group])
    sizes = np.array([len(one) + 1 for one in ids])
    led = itertools.chain.from_iterable(itertools.chain((tokenizer.end,), one) for one in ids)
    flat = np.fromiter(led, _dtype(tokenizer), int(sizes.sum()))
    return group, np.split(flat, np.cumsum(sizes)[:-1])


def _dtype(tokenizer: Tokenizer) -> np.dtype[np.integer]:
    return np.dtype("<u2" if tokenizer.size <= 65_536 else "<u4")


def _write(groups: Iterable[Group], tokenizer: Tokenizer, out: Path, skipped: Counter[str]) -> dict[str, object]:
    out.mkdir(parents=True, exist_ok=True)
    dtype = _dtype(tokenizer)
    unsorted = out / f"tokens.tmp-{os.getpid()}"
    tables: list[NDArray[Any]] = [np.empty(0, _ROW)]
    sources: dict[str, int] = {}
    start = 0
    with unsorted.open("wb") as stream:
        for docs, ids in groups:
            table = np.zeros(len(docs), _ROW)
            sizes = np.array([len(one) for one in ids], dtype=np.int64)
            np.concatenate([np.asarray(one, dtype) for one in ids]).tofile(stream)
            table["key"] = np.array([doc.key for doc in docs], np.uint64)
            table["digest"] = np.array([doc.digest for doc in docs], np.uint64)
            table["bytes"] = [len(doc.text.encode()) for doc in docs]
            table["source"] = [sources.setdefault(doc.source, len(sources)) for doc in docs]
            table["tokens"], table["start"] = sizes, start + np.cumsum(sizes) - sizes
            start += int(sizes.sum())
            tables.append(table)
            if len(sources) > 32_767:
                raise ProbeError(f"{out}: more than 32,767 sources; leave the column 'source' out")
    documents, names = _sorted_documents(np.concatenate(tables), sources)
    digest = _copy_sorted(unsorted, documents, out / "tokens.bin", dtype)
    unsorted.unlink()
    np.save(out / "documents.npy", documents)
    meta = {
        "version": 1,
        "tokenizer": tokenizer.digest,
        "size": tokenizer.size,
        "end": tokenizer.end,
        "mask": tokenizer.mask,
        "dtype": dtype.str,
        "documents": len(documents),
        "tokens": start,
        "bytes": int(documents["bytes"].sum()),
        "sources": names,
        "skipped": dict(sorted(skipped.items())),
        "fingerprint": digest,
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
    return meta


def _groups(docs: Iterable[Text], held_out: HeldOut | None, skipped: Counter[str]) -> Iterator[list[Text]]:
    """Documents that may be trained on, some at a time."""
    waiting = iter(docs)
    while group := list(itertools.islice(waiting, BATCH)):
        reasons = held_out.reasons(group) if held_out is not None else [None] * len(group)
        skipped.update(reason for reason in reasons if reason is not None)
        kept = [doc for doc, reason in zip(group, reasons, strict=True) if reason is None]
        if kept:
            yield kept


def _sorted_documents(rows: NDArray[np.void], sources: dict[str, int]) -> tuple[NDArray[np.void], list[str]]:
    """The table of documents in the order of (key, text), sources renumbered by name.  `start` is still the old place."""
    names = sorted(sources)
    rank = np.zeros(len(names), np.int64)
    rank[[sources[name] for name in names]] = np.arange(len(names))
    source = rank[rows["source"]] if len(rows) else rows["source"]
    order = np.lexsort((source, rows["digest"], rows["key"]))
    documents = np.zeros(len(rows), dtype=DOCUMENTS)
    for name in ("key", "start", "tokens", "bytes"):
        documents[name] = rows[name][order]
    documents["source"] = source[order]
    first = np.searchsorted(documents["key"], documents["key"], side="left")
    documents["copy"] = np.arange(len(rows)) - first
    return documents, names


def _copy_sorted(unsorted: Path, documents: NDArray[np.void], out: Path, dtype: np.dtype[np.integer]) -> str:
    """Write the documents' tokens in their order and set `start` to the new places; returns a digest of both."""
    begins, sizes = documents["start"].copy(), documents["tokens"].astype(np.int64)
    ends = np.cumsum(sizes)
    documents["start"] = ends - sizes
    digest = hashlib.sha256(documents.tobytes())
    held = np.memmap(unsorted, dtype=dtype, mode="r") if len(documents) else np.empty(0, dtype)
    with out.open("wb") as stream:
        first = 0
        while first < len(documents):
            done = int(ends[first] - sizes[first])
            last = max(first + 1, int(np.searchsorted(ends, done + _PIECE, side="right")))
            here = sizes[first:last]
            shift = np.repeat(begins[first:last] - documents["start"][first:last], here)
            piece = held[np.arange(done, done + int(here.sum())) + shift].tobytes()
            stream.write(piece)
            digest.update(piece)
            first = last
    return digest.hexdigest()[:16]
