"""Evaluation tasks as items: a question, the answers that are right, and text that it merely comes with.

Records are JSON lines of any form. Names of fields tell answers, choices, passages and what is no text at all; every other text
is the question's. A record of an unknown form is one question of all its texts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from curate.errors import InputError
from curate.mixing import decontam_files

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
    """The items of files of JSON, or of those in folders (see `decontam_files`). Raises InputError for what is none."""
    for path in decontam_files.files(paths):
        name = PurePath(path).name
        task = name[: len(name) - max(len(end) * name.lower().endswith(end) for end in decontam_files.ENDINGS)]
        found: dict[tuple[str, str], Item] = {}  # some files have a record for each choice of a question
        for number, record in decontam_files.records(path):
            if (item := _item(task, number, record)) is not None:
                first = found.setdefault((item.question, item.passage), item)
                found[item.question, item.passage] = replace(first, answers=(*first.answers, *item.answers))
        yield from (replace(item, answers=tuple(sorted(set(item.answers)))) for item in found.values())
        if not found:
            raise InputError(f"{path}: there is no text in it: a task is a file of JSON lines, one question each")


def _item(task: str, number: int, record: object) -> Item | None:
    if not isinstance(record, dict):
        texts = [text for text in decontam_files.texts_in(record) if text.strip()]
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
    return "\n".join(text for value in values for text in decontam_files.texts_in(value) if text.strip())


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
    return [answer for one in decontam_files.texts_in(value) for answer in _answers(one, choices)]


def label(item: Item) -> str:
    """`task#line`."""
    return f"{item.task}#{item.number}"
