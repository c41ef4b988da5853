"""Which files of a folder are a corpus: of ours its data/, of others every table but test splits; what is left out is said."""

import fnmatch
import functools
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs

from curate.errors import InputError, said
from curate.files import storage
from curate.read import columns, tables
from curate.read.columns import USUAL, Asked

SHOWN = 3
"""Files that a note names."""
_LEFT_OUT = {
    "split": "of test or validation splits; name them to read them",
    "side": "of JSON without a text, beside other tables",
    "attributes": "of attributes alone, without a text, beside documents/",
    "hidden": "hidden or temporary, with . or _ in front",
    "unfinished": "of an unfinished job",
    "linked": "links to nowhere or to what is read already, pipes, devices",
    "name": "whose names are no UTF-8",
    "other": "no Parquet and no JSON lines",
    "called": "not called as crawl files are",
}
"""Why files are left out."""
_SPLITS = ("test", "tests", "testing", "eval", "evaluation", "val", "valid", "validation", "dev", "devel")
_TRAIN = ("train", "training")
_SPLIT = re.compile(rf"({'|'.join(_SPLITS)})([-_.]?\d+)*([-_.]of[-_.]\d+)?")
_ATTRIBUTES = ("attributes", "documents", {"id", "attributes"})
"""Where Dolma's tagger writes: a folder, the one beside it that it is about, and columns of its files."""
_HEAD = 256 << 10
"""Bytes of README.md in which its front matter is looked for."""
_PATTERNS = 1_000
"""Patterns of its splits that count."""
_SIDE = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")


@dataclass(frozen=True)
class Found:
    """The files of an input, in order."""

    path: str
    """As it was named."""
    files: tuple[str, ...]
    sizes: tuple[int, ...]
    """Bytes of each file."""
    notes: tuple[str, ...] = ()
    """A sentence for each kind of files that are left out."""


def place(path: str, file: str) -> str:
    """A file's name below what was named (a folder, a pattern, the file), with the name of that folder in front.

    So it is the same wherever the folder lies, and another one for `day1/part-0.parquet` and `day2/part-0.parquet`.
    """
    root = path.rstrip("/") if file.startswith(path.rstrip("/") + "/") else os.path.dirname(_fixed(path))
    if file == path:
        root = os.path.dirname(path)
    below = file.removeprefix(f"{root}/") if root else file
    full = root if "://" in root else os.path.abspath(root or ".")
    return f"{full.rsplit('/', 1)[-1]}/{below}"


def find(path: str, asked: Asked = USUAL) -> Found:
    """List the tables of a folder, a file or a pattern, local or by URL.

    Raises InputError when there are none, or when the first has no column of text.
    """
    known, left = _matched(path, asked) if _is_pattern(path) else _listed(path, asked)
    notes = [note(path, reason, left[reason]) for reason in _LEFT_OUT if left.get(reason)]
    if not known:
        told = "; ".join(one.removeprefix(f"{path}: ") for one in notes)
        there = told or ("matches nothing" if _is_pattern(path) else "an empty folder")
        raise InputError(
            f"{path}: no Parquet or JSON lines to read (.parquet, .jsonl, .json, .ndjson, packed or not): {there}"
        )
    files = sorted(known)
    if fault := tables.fault(files[0], asked):  # most often a wrong option: said at once
        raise InputError(f"{files[0]}: {fault}")
    return Found(path, tuple(files), tuple(known[file] for file in files), tuple(notes))


def _matched(pattern: str, asked: Asked) -> tuple[dict[str, int], dict[str, list[str]]]:
    """As `_listed`, of all that matches a pattern."""
    known, left = dict[str, int](), dict[str, list[str]]()
    for match, size in _matches(pattern):
        more, out = ({match: size}, {}) if size is not None else _listed(match, asked)
        known.update({file: bytes_ for file, bytes_ in more.items() if file.lower().endswith(tables.ENDINGS)})
        out = {**out, "other": [*out.get("other", []), *(file for file in more if file not in known)]}
        for reason, names in out.items():
            left.setdefault(reason, []).extend(names)
    return known, left


def note(path: str, reason: str, names: Sequence[str]) -> str:
    """The sentence for files that are left out, and why."""
    shown = ", ".join(sorted(names)[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    files = "1 file is" if len(names) == 1 else f"{len(names):,} files are"
    return f"{path}: {files} left out, {_LEFT_OUT[reason]} ({shown})"


# ---- listing -----------------------------------------------------------------------------------------------


def _is_pattern(path: str) -> bool:
    if "://" in path:  # where ? begins options
        return "?" not in path and any(sign in path for sign in "*[") and not storage.exists(path)
    return any(sign in path for sign in "*?[") and not os.path.lexists(path)


def _fixed(pattern: str) -> str:
    """The part of a pattern before its first sign."""
    return re.split(r"[*?\[]", pattern, maxsplit=1)[0]


def _matches(pattern: str) -> list[tuple[str, int | None]]:
    """Paths that match a pattern, with the size of files and None for folders."""
    if "://" not in pattern:
        return [(path, os.path.getsize(path) if os.path.isfile(path) else None) for path in _glob(pattern)]
    folder = os.path.dirname(_fixed(pattern))
    below, _ = tree(folder)
    found = ((storage.join(folder, name), size) for name, size in below.items())
    return sorted((path, size) for path, size in found if fnmatch.fnmatchcase(path, pattern))


def _glob(pattern: str) -> list[str]:
    return [path for path in storage.matching(pattern) if os.path.exists(path)]


def _listed(path: str, asked: Asked) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Files below a folder (or the file itself) with their sizes, and names of what is left out, by reason."""
    fs, inner = storage.filesystem(path)
    info = storage.info(fs, inner, path)
    if info.type == pafs.FileType.NotFound:
        raise InputError(f"{path}: {storage.missing(path)}")
    if info.type == pafs.FileType.File:
        return {path: int(info.size)}, {}
    below, linked = tree(path)
    kept, left = _chosen(path, below, asked)
    left["linked"] = linked
    return {storage.join(path, name): below[name] for name in kept}, left


def tree(folder: str) -> tuple[dict[str, int], list[str]]:
    """All files below a folder, by their path in it, with their sizes; and what is none: links that lead nowhere or round in a
    circle, pipes and devices."""
    fs, inner = storage.filesystem(folder)
    if not storage.is_local(folder):
        try:
            infos = fs.get_file_info(pafs.FileSelector(inner, recursive=True))
        except OSError as error:
            raise InputError(f"{folder}: {said(error)}") from error
        start = len(inner.rstrip("/")) + 1
        return {info.path[start:]: int(info.size) for info in infos if info.type == pafs.FileType.File}, []
    found, links, seen = dict[str, int](), list[str](), {os.path.realpath(inner)}
    for here, folders, names in os.walk(inner, followlinks=True, onerror=_refuse):
        storage.look_into(here)
        folders.sort()
        for name in [name for name in folders if os.path.islink(os.path.join(here, name))]:
            real = os.path.realpath(os.path.join(here, name))
            if real in seen or any(one.startswith(real.rstrip(os.sep) + os.sep) for one in seen):
                folders.remove(name)
                links.append(os.path.relpath(os.path.join(here, name), inner))
        seen.update(os.path.realpath(os.path.join(here, name)) for name in folders)
        for name in names:
            full = os.path.join(here, name)
            if os.path.isfile(full):
                found[os.path.relpath(full, inner)] = os.path.getsize(full)
            else:
                links.append(os.path.relpath(full, inner))
    return found, links


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename}: {said(error)}") from error


# ---- choosing ----------------------------------------------------------------------------------------------


def _chosen(path: str, below: dict[str, int], asked: Asked) -> tuple[list[str], dict[str, list[str]]]:
    """Which of the files below a folder are read, and the others by reason."""
    left = defaultdict[str, list[str]](list)
    jobs, unfinished = _corpora(path, below)
    names = [name for name in sorted(below) if not _beside(name, jobs)]
    splits, attributes = _splits(path, below), _attributes(path, below, asked)
    mixed = len({_kind(name) for name in names if _kind(name) and not _is_hidden(name)}) > 1
    kept = []
    for name in names:
        reason = None
        if columns.encodable(name) != name:
            reason = "name"
        elif name.startswith(unfinished):
            reason = "unfinished"
        elif _is_hidden(name):
            reason = "hidden" if _kind(name) else "marker"
        elif not _kind(name):
            reason = "other"
        elif splits(name) and not name.startswith(jobs):
            reason = "split"
        elif name.lower().endswith(".json") and (os.path.basename(name) in _SIDE or mixed):
            reason = None if _holds_text(storage.join(path, name), asked) else "side"
        if reason is None and attributes(name):
            reason = "attributes"
        if reason is None:
            kept.append(name)
        else:
            left[reason].append(name)
    return kept, left


def _kind(name: str) -> str:
    """parquet, json (which may tell of other files) or lines; nothing for a file that is no table by its name."""
    name = name.lower()
    return (
        ""
        if not name.endswith(tables.ENDINGS)
        else name[name.rindex(".") + 1 :]
        if name.endswith((".parquet", ".json"))
        else "lines"
    )


def _is_hidden(name: str) -> bool:
    return any(part[:1] in "._" for part in name.split("/"))


def _corpora(path: str, below: dict[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders (with / behind) that are corpora of ours, and those of jobs that did not end."""
    done, unfinished = list[str](), list[str]()
    for name in below:
        folder, base = name[: -len(os.path.basename(name))], os.path.basename(name)
        if base == "ledger.json" and "curate" in (ledger := _object(storage.join(path, name))):
            _check_there(storage.join(path, folder.rstrip("/")) if folder else path, folder, ledger, below)
            done.append(folder)
        elif base in ("job.json", "plan.json") and (folder or path.rstrip("/") + "/").endswith(".partial/"):
            unfinished.append(folder)
    return tuple(done), tuple(folder for folder in unfinished if folder not in done)


def _check_there(corpus: str, folder: str, ledger: Mapping[str, Any], below: Mapping[str, int]) -> None:
    """Raises InputError for a file of documents that the ledger of a corpus lists and that is not there: it would go missing unsaid."""
    for one in ledger.get("data", ()):
        name = str(one.get("file", "")) if isinstance(one, dict) else ""
        if name.startswith("data/") and folder + name not in below:
            raise InputError(
                f"{corpus}: {name} is missing, which its ledger lists: make it again, or name {storage.join(corpus, 'data')} to read what there is"
            )


def _beside(name: str, corpora: Iterable[str]) -> bool:
    """Whether a file belongs to a corpus of ours and is none of its data."""
    return any(name.startswith(folder) and not name.startswith(f"{folder}data/") for folder in corpora)


def _attributes(path: str, below: Mapping[str, int], asked: Asked) -> Callable[[str], bool]:
    """A function that says whether a file holds attributes of documents that lie elsewhere. The first file that can be read tells for
    all of its folder: there may be thousands, each a request to a store."""
    own, other, wanted = _ATTRIBUTES
    roots = tuple({f"/{name}".partition(f"/{other}/")[0] + f"/{own}/" for name in below if f"/{other}/" in f"/{name}"})
    known: dict[str, bool] = {}

    def is_one(name: str) -> bool:
        folder = os.path.dirname(f"/{name}") + "/"
        if folder.startswith(roots) and folder not in known and (there := tables.names(storage.join(path, name))):
            known[folder] = wanted <= {*there} and not columns.spelled(asked.names("text"), there)
        return known.get(folder, False)

    return is_one


def _object(file: str) -> dict[str, Any]:
    try:
        value = json.loads(storage.read_bytes(file))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _holds_text(file: str, asked: Asked) -> bool:
    return bool(columns.spelled(asked.names("text"), tables.names(file)))


# ---- splits ------------------------------------------------------------------------------------------------


def _splits(path: str, below: dict[str, int]) -> Any:
    """A function that says whether a file belongs to a test or validation split.

    As Hugging Face's libraries name them: a folder or a file is called after its split, with or without a number behind;
    where there is a training split too, the word may stand anywhere in the name. What README.md says goes first.
    """
    stated = _stated(path) if "README.md" in below else []
    train = any(_words(part) & set(_TRAIN) for name in below if _kind(name) for part in name.split("/"))

    def is_test(name: str) -> bool:
        for pattern, test in stated:
            if fnmatch.fnmatchcase(name, pattern):
                return test
        *folders, base = name.split("/")
        ending = next((ending for ending in tables.ENDINGS if base.lower().endswith(ending)), "")
        parts = [*folders, base[: len(base) - len(ending)]]
        if not train:
            return any(_SPLIT.fullmatch(part.lower()) for part in parts)
        words = next((words for part in reversed(parts) if (words := _words(part) & {*_SPLITS, *_TRAIN})), frozenset())
        return bool(words) and not words & set(_TRAIN)

    return is_test


@functools.lru_cache(maxsize=4096)
def _words(part: str) -> frozenset[str]:
    return frozenset(re.split(r"[^a-z]+", part.lower()))


def _stated(path: str) -> list[tuple[str, bool]]:
    """Patterns of files in the order of README.md's configurations, and whether their split is for tests."""
    import yaml  # type: ignore[import-untyped]

    first, *lines = storage.read_bytes(storage.join(path, "README.md"))[:_HEAD].decode("utf-8", "replace").split("\n")
    end = next((number for number, line in enumerate(lines) if line.startswith("---")), None)
    if not first.startswith("---") or first[3:].strip() or end is None:
        return []
    try:  # texts, lists and tables alone: what YAML makes of tags, numbers and merged tables may raise anything, and take hours
        facts = yaml.load("\n".join(lines[:end]), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    found = list[tuple[str, bool]]()
    for config in _list(facts, "configs"):
        for item in _list(config, "data_files"):
            if isinstance(item, dict) and isinstance(item.get("split"), str):
                paths = item.get("path")
                test = bool(_words(item["split"]) & set(_SPLITS))
                found += [
                    (one, test) for one in (paths if isinstance(paths, list) else [paths]) if isinstance(one, str)
                ]
    return found[:_PATTERNS]


def _list(value: object, key: str) -> list[object]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
