"""Questions with choices, scored by how probable the model finds each choice.

One question is one line of JSON:

    {"context": "The capital of France is", "choices": [" Paris", " Rome"], "answer": 0}

A single choice asks for a continuation (LAMBADA): it counts as right when every token is the most probable one.
Three other published forms are read as they are: BLiMP (`sentence_good`, `sentence_bad`), questions
(`query`, `choices`, `gold`), contexts with one ending (`context_options`, `continuation`, `gold`) and plain
continuations (`context`, `continuation`); a space goes before a choice that has none.

Scores for each task: accuracy (the most probable choice), accuracy per byte (most probable for its length),
probability of the right choice (softmax over the choices' log-probabilities per byte: it moves in small models when
accuracy does not), and bits per byte of the right choice.  Decoders only.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from train_probe.errors import ProbeError
from train_probe.evaluate import Scores
from train_probe.loss import token_losses
from train_probe.model import Model
from train_probe.prepare import hash64
from train_probe.tokenizer import Tokenizer

_BATCH = 16


class Question(NamedTuple):
    """Contexts and endings of the choices, pairwise, and the number of the right one."""

    contexts: list[str]
    endings: list[str]
    answer: int


class Answer(NamedTuple):
    """What the model makes of one choice."""

    log_probability: float
    greedy: bool
    """Every token of the ending is the most probable one."""
    size: int
    """Bytes of the ending."""


@dataclass(frozen=True)
class Task:
    """A named list of questions."""

    name: str
    questions: list[Question]


def read(path: Path) -> Task:
    """Read a file of questions.  Raises ProbeError with the line that is wrong."""
    questions = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProbeError(f"{path}: can't be read ({error})") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            questions.append(question(json.loads(line)))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ProbeError(f"{path}, line {number}: not a question ({error})") from None
    if not questions:
        raise ProbeError(f"{path}: no questions")
    return Task(path.stem, questions)


def question(row: dict[str, Any]) -> Question:
    """One question of any of the known forms.  Raises KeyError, TypeError or ValueError for others."""
    if "sentence_good" in row:
        return Question(["", ""], [row["sentence_good"], row["sentence_bad"]], 0)
    if "context_options" in row:
        options = [str(x) for x in row["context_options"]]
        found = Question(options, [_spaced(row["continuation"])] * len(options), int(row["gold"]))
    elif "continuation" in row:
        found = Question([str(row["context"])], [_spaced(row["continuation"])], 0)
    else:
        context = str(row["context"] if "context" in row else row["query"])
        answer = int(row["answer"] if "answer" in row else row["gold"])
        found = Question([context] * len(row["choices"]), [_spaced(x) for x in row["choices"]], answer)
    if not 0 <= found.answer < len(found.endings):
        raise ValueError(f"answer {found.answer} of {len(found.endings)} choices")
    return found


def _spaced(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"a choice is {text!r}")
    return text if text[0].isspace() else " " + text


def with_examples(task: Task, shots: int) -> Task:
    """Put `shots` solved questions of the same task before each; which ones follows from a hash of the question."""
    if not shots:
        return task
    order = sorted(range(len(task.questions)), key=lambda i: hash64(f"{i}{task.questions[i]}"))
    place = {i: n for n, i in enumerate(order)}
    out = []
    for i, q in enumerate(task.questions):
        chosen = [order[(place[i] + 1 + k) % len(order)] for k in range(min(shots, len(order) - 1))]
        solved = [(task.questions[j].contexts, task.questions[j].endings, task.questions[j].answer) for j in chosen]
        before = "".join(contexts[answer] + endings[answer] + "\n\n" for contexts, endings, answer in solved)
        out.append(q._replace(contexts=[before + c for c in q.contexts]))
    return Task(f"{task.name} ({shots} examples)", out)


def evaluate(model: Model, tokenizer: Tokenizer, task: Task) -> dict[str, Scores]:
    """The scores of a task by name, each with one item per question.

    Raises ProbeError for BERT and T5, which give no probability of a text read from left to right.
    """
    if model.config.family not in ("gpt2", "llama"):
        raise ProbeError(f"tasks need a decoder (llama or gpt2), not {model.config.family}")
    model.eval()
    flat = [(c, e) for q in task.questions for c, e in zip(q.contexts, q.endings, strict=True)]
    answers = score(model, tokenizer, flat)
    columns: dict[str, list[float]] = {"accuracy": [], "accuracy per byte": [], "probability": []}
    bits, sizes, at = [], [], 0
    for q in task.questions:
        found, at = answers[at : at + len(q.endings)], at + len(q.endings)
        for name, value in zip(columns, judge(found, q.answer), strict=True):
            columns[name].append(value)
        bits.append(-found[q.answer].log_probability / math.log(2))
        sizes.append(found[q.answer].size)
    groups = [task.name] * len(task.questions)
    ones = np.ones(len(groups))
    out = {f"{task.name} {name}": Scores(np.array(v), ones, groups) for name, v in columns.items()}
    return out | {f"{task.name} bits per byte": Scores(np.array(bits), np.array(sizes, dtype=float), groups)}


def judge(found: list[Answer], answer: int) -> tuple[float, float, float]:
    """(right, right per byte, probability of the right choice); ties are shared."""
    if len(found) == 1:
        probability = math.exp(found[0].log_probability)
        return float(found[0].greedy), float(found[0].greedy), probability
    whole = np.array([a.log_probability for a in found])
    per_byte = whole / np.array([a.size for a in found])
    right = [float(x[answer] == x.max()) / int((x == x.max()).sum()) for x in (whole, per_byte)]
    share = np.exp(per_byte - per_byte.max())
    return right[0], right[1], float(share[answer] / share.sum())


def score(model: Model, tokenizer: Tokenizer, pairs: list[tuple[str, str]]) -> list[Answer]:
    """Each ending after its context, and after the end token that begins every document.

    The context is cut from the left where both don't fit; context and ending are tokenized apart.
    """
    before = tokenizer.encode([c for c, _ in pairs])
    after = tokenizer.encode([e for _, e in pairs])
    width = model.config.context
    rows = [([tokenizer.end, *b, *a][-(width + 1) :], min(len(a), width)) for b, a in zip(before, after, strict=True)]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
    out: list[Answer | None] = [None] * len(rows)
    for first in range(0, len(order), _BATCH):
        chosen = order[first : first + _BATCH]
        for i, (total, greedy) in zip(chosen, _scored(model, [rows[i] for i in chosen], tokenizer.end), strict=True):
            out[i] = Answer(total, greedy, len(pairs[i][1].encode()))
    return [a for a in out if a is not None]


def _scored(model: Model, rows: list[tuple[list[int], int]], end: int) -> list[tuple[float, bool]]:
    """Log-probability of the last tokens of each row, and whether all are the most probable ones.

    Rows are filled up on the right, which a causal model does not see.
    """
    longest = max(len(ids) for ids, _ in rows)
    tokens = torch.full((len(rows), longest), end, dtype=torch.int64)
    for i, (ids, _) in enumerate(rows):
        tokens[i, : len(ids)] = torch.tensor(ids)
    tokens = tokens.to(model.head_weight().device)
    with torch.no_grad():
        hidden = model(tokens[:, :-1])
        out = []
        for i, (ids, count) in enumerate(rows):
            part = slice(len(ids) - 1 - count, len(ids) - 1)
            targets = tokens[i, 1:][part]
            losses = token_losses(hidden[i, part], model.head_weight(), model.head_bias, targets)
            best = (hidden[i, part] @ model.head_weight().t()).argmax(-1)
            out.append((-float(losses.double().sum()), bool((best == targets).all())))
    return out
