"""Evaluation tasks as items: a question, the answers that are right, and text that it merely comes with.

Files are JSON lines (or one JSON value) by path, in folders, or out of the package of the probe trainer. Records are of any form. Names
of fields tell answers, choices, passages and what is no text at all; every other text is the question's. A record of an unknown form
is one question of all its texts.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path, PurePath
from typing import Any

from curate.errors import InputError
from curate.read import jsonl, tables
from curate.read.files import tree

BUNDLED = ("train_probe", "tasks")
"""Package and folder of the evaluation tasks that come with the probe trainer."""
PACKAGE = "package://"
ENDINGS = tuple(end for end in tables.ENDINGS if end != ".parquet")
HOLDERS = ("data", "examples", "instances", "items", "questions")
"""Where the one object of a file may hold the records: BIG-bench has `examples`."""
NO_TASKS = (".md", ".txt", ".rst", ".py", ".yaml", ".yml", ".toml")
"""Ends of names of what comes with tasks and needs no word; so do names without an end, or with a dot in front."""
SHOWN = 3
MAX_BYTES = 256 << 20
"""Of a file of tasks when it is unpacked, which is held whole; the largest test sets have tens of MB."""
ANSWERS = {
    "answer",
    "answers",
    "gold",
    "label",
    "target",
    "targets",
    "solution",
    "continuation",
    "completion",
    "output",
}
ANSWERS |= {"answer_text", "correct_answer", "best_answer", "canonical_solution", "answerkey", "final_answer"}
CHOICES = {"choices", "options", "endings", "distractors"}
NUMBERED = re.compile(r"(?:choice|option|ending|sol|op)_?([0-9a-e])|([a-e])")
"""Fields of one choice each: `choice1`, `ending0`, `option_a`, `A`."""
WRONG = re.compile(r"(?:incorrect|wrong|bad)_?\w*|\w+_(?:bad|wrong|incorrect)|distractor_?\d")
"""Fields of what is no right answer: such as the other sentence of a minimal pair."""
PASSAGES = {"passage", "article", "support", "story", "document", "paragraph", "source"}
NO_TEXT = {
    "id",
    "doc_id",
    "split",
    "config",
    "fingerprint",
    "eval_key",
    "subject",
    "category",
    "type",
    "level",
    "task",
    "url",
}
NO_TEXT |= {
    "eval_instance_index",
    "is_correct",
    "difficulty",
    "dataset",
    "license",
    "language",
    "name",
    "title",
    "meta",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One record of a task."""

    task: str
    """Name of its file without the ending."""
    number: int
    """Line, or place in an array, from 1."""
    question: str
    answers: tuple[str, ...]
    passage: str


def items(paths: Sequence[str]) -> Iterator[Item]:
    """The items of files of JSON, or of those in folders. Raises InputError for what is none."""
    for path in files(paths):
        name = PurePath(path).name
        task = name[: len(name) - max(len(end) * name.lower().endswith(end) for end in ENDINGS)]
        found: dict[tuple[str, str], Item] = {}  # some files have a record for each choice of a question
        for number, record in records(path):
            if (item := _item(task, number, record)) is not None:
                first = found.setdefault((item.question, item.passage), item)
                found[item.question, item.passage] = replace(first, answers=(*first.answers, *item.answers))
        yield from (replace(item, answers=tuple(sorted(set(item.answers)))) for item in found.values())
        if not found:
            raise InputError(f"{path}: there is no text in it: a task is a file of JSON lines, one question each")


def _item(task: str, number: int, record: object) -> Item | None:
    if not isinstance(record, dict):
        texts = [text for text in texts_in(record) if text.strip()]
        return Item(task, number, "\n".join(texts), (), "") if texts else None
    named = {str(key).lower(): value for key, value in record.items()}
    one_each = {"".join(m.groups("")): key for key in named if (m := NUMBERED.fullmatch(key))}
    one_each = one_each if len(one_each) > 1 else {}
    choices = next((_choices(named[key]) for key in CHOICES if key in named), [])
    choices = choices or [str(named[key]) for key in one_each.values()]
    passage = _joined(value for key, value in named.items() if key in PASSAGES)
    known = ANSWERS | CHOICES | PASSAGES | NO_TEXT | {*one_each.values()} | {*filter(WRONG.fullmatch, named)}
    question = _joined(value for key, value in named.items() if key not in known)
    # The right one of a minimal pair, `sentence_good`, is the question and its answer.
    given = [value for key, value in named.items() if key in ANSWERS or key.endswith("_good")]
    given = [
        str(named[one_each[one.lower()]]) if isinstance(one, str) and one.lower() in one_each else one for one in given
    ]
    answers = [answer for one in given for answer in _answers(one, choices)]
    if not question.strip():
        question, passage = passage, ""
    if not question.strip():
        question = _joined(value for key, value in named.items() if key not in NO_TEXT)
    if named.get("is_correct") is False:
        answers = []
    return Item(task, number, question, tuple(answers), passage) if question.strip() else None


def _joined(values: Any) -> str:
    return "\n".join(text for value in values for text in texts_in(value) if text.strip())


def _choices(value: object) -> list[str]:
    """The texts of choices: a list of them, or columns as in {"text": […], "label": […]}."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        return [str(text) for text in value["text"]]
    if isinstance(value, list):
        return [str(one.get("text", "")) if isinstance(one, Mapping) else str(one) for one in value]
    return []


def _answers(value: object, choices: Sequence[str]) -> list[str]:
    """The texts of the right answers: of a choice by number or letter; what follows `####` of a worked solution as well."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, int):
        return [choices[value]] if 0 <= value < len(choices) else [str(value)]
    if isinstance(value, float):
        return [f"{value:g}"]
    if isinstance(value, str):
        letter = value.strip().upper()
        if choices and len(letter) == 1 and 0 <= ord(letter) - 65 < len(choices):
            return [choices[ord(letter) - 65]]
        return [value, value.rsplit("####", 1)[1].strip()] if "####" in value else [value]
    return [answer for one in texts_in(value) for answer in _answers(one, choices)]


def label(item: Item) -> str:
    """`task#line`."""
    return f"{item.task}#{item.number}"


# ---- files ----


def bundled() -> list[str]:
    """The evaluation tasks that are installed with the probe trainer, as PACKAGE:// names; empty without them."""
    try:
        found = [item.name for item in _folder().iterdir() if item.name.endswith(".jsonl")]
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError):
        return []
    return [PACKAGE + name for name in sorted(found)]


def _folder() -> Any:
    package, folder = BUNDLED
    return resources.files(package) / folder


def _read(path: str) -> bytes:
    """A file by path, by URL, or out of the trainer's package (which may be a zip on the machines of a cluster), unpacked."""
    try:
        if path.startswith(PACKAGE):
            return bytes((_folder() / path.removeprefix(PACKAGE)).read_bytes())
        with jsonl.opened(path) as stream:
            if len(data := stream.read(MAX_BYTES + 1)) > MAX_BYTES:
                raise InputError(f"more than {MAX_BYTES >> 20} MiB when it is unpacked: cut it into several files")
            return data
    except (InputError, *jsonl.DAMAGE) as error:
        raise InputError(f"evaluation tasks {path}: {jsonl.first_line(error)}") from error


def files(paths: Sequence[str]) -> list[str]:
    """The files that are named, and those of JSON in folders, packed or not. Raises InputError for a folder without."""
    found: list[str] = []
    for path in paths:
        inside = [file for file in _below(path) if file.lower().endswith(ENDINGS)] if Path(path).is_dir() else [path]
        if not inside:
            raise InputError(f"evaluation tasks {path}: no .jsonl or .json files in this folder")
        found += inside
    return found


def _below(folder: str) -> list[str]:
    """Files of a folder that are not hidden, in order; of anything else none."""
    below, _ = tree(folder) if os.path.isdir(folder) else ({}, [])
    return sorted(str(Path(folder, name)) for name in below if not any(p.startswith(".") for p in name.split("/")))


def notes(paths: Sequence[str]) -> list[str]:
    """A sentence for each folder with files that may be tasks and are not read."""
    told = []
    for path in paths:
        others = [os.path.basename(file) for file in _below(path) if not file.lower().endswith((*ENDINGS, *NO_TASKS))]
        others = [name for name in others if "." in name]
        if others:
            shown = ", ".join(others[:SHOWN]) + (" …" if len(others) > SHOWN else "")
            told.append(f"{path}: not read, as tasks are JSON: {shown}")
    return told


def stamp(path: str) -> str:
    """What changes with a file of this machine; nothing is known of others without asking."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def records(path: str) -> Iterator[tuple[int, Any]]:
    """(number, record) of a file of JSON lines, packed or not; of one that is an array, or an object that holds one, its
    objects. The number is that of the line, or that in the array. Raises InputError for what is no JSON."""
    content = _read(path)
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        yield from _lines(path, content)
        return
    held = [whole[name] for name in HOLDERS if name in whole] if isinstance(whole, dict) else [whole]
    found = next(filter(_are_objects, held), [whole])
    yield from enumerate(found, 1)


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def _lines(path: str, content: bytes) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            told = f"line {number}: not JSON: {jsonl.first_line(error)}"
            raise InputError(f"evaluation tasks {path}, {told}; tasks are JSON lines, one question each") from error
        yield from ((number, one) for one in (record if _are_objects(record) else [record]))


def texts_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value; half a surrogate pair is U+FFFD."""
    if isinstance(value, str):
        yield value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
