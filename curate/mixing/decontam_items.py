"""Evaluation tasks as items: a question, the answers that are right, and text that it merely comes with.

Records are JSON lines of any form. Names of fields tell answers, choices, passages and what is no text at all; every other text
is the question's. A record of an unknown form is one question of all its texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from curate.errors import InputError
from curate.mixing import decontaminate

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
    """Line, from 1."""
    question: str
    answers: tuple[str, ...]
    passage: str


def items(paths: Sequence[str]) -> Iterator[Item]:
    """The items of JSON lines (files, or folders of *.jsonl, also packed by gzip). Raises InputError for what is none."""
    for path in decontaminate.files(paths):
        task = PurePath(path).name.removesuffix(".gz").removesuffix(".jsonl")
        found: dict[tuple[str, str], Item] = {}  # some files have a record for each choice of a question
        for number, record in decontaminate.records(path):
            if (item := _item(task, number, record)) is not None:
                first = found.setdefault((item.question, item.passage), item)
                found[item.question, item.passage] = replace(first, answers=(*first.answers, *item.answers))
        yield from (replace(item, answers=tuple(sorted(set(item.answers)))) for item in found.values())
        if not found:
            raise InputError(f"{path}: there is no text in it: a task is a file of JSON lines, one question each")


def _item(task: str, number: int, record: Any) -> Item | None:
    if not isinstance(record, dict):
        texts = [text for text in decontaminate.texts_in(record) if text.strip()]
        return Item(task, number, "\n".join(texts), (), "") if texts else None
    named = {str(key).lower(): value for key, value in record.items()}
    choices = next((_choices(named[key]) for key in CHOICES if key in named), [])
    passage = _joined(value for key, value in named.items() if key in PASSAGES)
    known = ANSWERS | CHOICES | PASSAGES | NO_TEXT
    question = _joined(value for key, value in named.items() if key not in known)
    answers = [answer for key in named.keys() & ANSWERS for answer in _answers(named[key], choices)]
    if not question.strip():
        question, passage = passage, ""
    if not question.strip():
        question = _joined(value for key, value in named.items() if key not in NO_TEXT)
    if named.get("is_correct") is False:
        answers = []
    return Item(task, number, question, tuple(answers), passage) if question.strip() else None


def _joined(values: Any) -> str:
    return "\n".join(text for value in values for text in decontaminate.texts_in(value) if text.strip())


def _choices(value: Any) -> list[str]:
    """The texts of choices: a list of them, or columns as in {"text": […], "label": […]}."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        return [str(text) for text in value["text"]]
    if isinstance(value, list):
        return [str(one.get("text", "")) if isinstance(one, Mapping) else str(one) for one in value]
    return []


def _answers(value: Any, choices: Sequence[str]) -> list[str]:
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
    return [answer for one in decontaminate.texts_in(value) for answer in _answers(one, choices)]


def label(item: Item) -> str:
    """`task#line`."""
    return f"{item.task}#{item.number}"
