"""Questions with choices, scored by how probable the model finds each choice.

One question is one line of JSON:

    {"context": "The capital of France is", "choices": [" Paris", " Rome"], "answer": 0}

A single choice asks for a continuation (LAMBADA): it counts as right when every token is the most probable one.
Three other published forms are read as they are: BLiMP (`sentence_good`, `sentence_bad`), questions
(`query`, `choices`, `gold`), contexts with one ending (`context_options`, `continuation`, `gold`) and plain
continuations (`context`, `continuation`); a space goes before a choice that has none.

Scores for each task: accuracy (the most probable choice), accuracy per byte (most probable for its length),
probability of the right choice (softmax over the choices' log-probabilities per byte: it moves in small models when
accuracy does not), and bits per byte of the right choice.  How each family of models gives a probability is in
likelihood.py.
"""

import json
import math
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from train_probe.errors import ProbeError
from train_probe.evaluate import Scores
from train_probe.likelihood import Answer, Row, score
from train_probe.model import Model
from train_probe.prepare import hash64
from train_probe.tokenizer import Tokenizer

BUNDLED = "bundled:"


class Question(NamedTuple):
    """Contexts and endings of the choices, pairwise, and the number of the right one."""

    contexts: list[str]
    endings: list[str]
    answer: int


@dataclass(frozen=True)
class Task:
    """A named list of questions."""

    name: str
    questions: list[Question]


def bundled() -> list[str]:
    """The tasks that come with the package, in the form that `read` takes."""
    files = resources.files("train_probe").joinpath("tasks").iterdir()
    return sorted(BUNDLED + file.name for file in files if file.name.endswith(".jsonl"))


def read(name: str | Path) -> Task:
    """Read a file of questions, or one of `bundled()`.  Raises ProbeError with the line that is wrong."""
    inside = str(name).removeprefix(BUNDLED)
    path: Any = resources.files("train_probe").joinpath("tasks", inside) if inside != str(name) else Path(name)
    questions = []
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProbeError(f"{path}: can't be read ({error})") from None
    for number, line in enumerate(content.split("\n"), 1):  # not splitlines: JSON may hold U+2028
        if not line.strip():
            continue
        try:
            questions.append(question(json.loads(line)))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ProbeError(f"{path}, line {number}: not a question ({error})") from None
    if not questions:
        raise ProbeError(f"{path}: no questions")
    return Task(Path(inside).stem, questions)


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


@dataclass(frozen=True)
class Encoded:
    """A task as ids, so that scoring needs no tokenizer."""

    name: str
    rows: list[Row]
    """Of all choices of all questions, one after another."""
    sizes: list[int]
    """Bytes of each choice."""
    choices: list[int]
    """How many choices each question has."""
    answers: list[int]
    end: int
    mask: int

    def save(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Encoded":
        """Back from JSON.  Raises ProbeError when it is missing or damaged."""
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{**saved, "rows": [Row(*row) for row in saved["rows"]]})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ProbeError(f"{path}: not an encoded task ({error}); prepare it again") from None


def encode(task: Task, tokenizer: Tokenizer) -> Encoded:
    """Contexts and endings are tokenized apart, so that no token crosses the border between them."""
    pairs = [(c, e) for q in task.questions for c, e in zip(q.contexts, q.endings, strict=True)]
    before = tokenizer.encode([c for c, _ in pairs])
    after = tokenizer.encode([e for _, e in pairs])
    return Encoded(
        name=task.name,
        rows=[Row(b, a) for b, a in zip(before, after, strict=True)],
        sizes=[len(e.encode("utf-8", "surrogatepass")) for _, e in pairs],
        choices=[len(q.endings) for q in task.questions],
        answers=[q.answer for q in task.questions],
        end=tokenizer.end,
        mask=tokenizer.mask,
    )


def evaluate(model: Model, task: Encoded) -> dict[str, Scores]:
    """The scores of a task by name, each with one item per question.

    The level of chance (for accuracy: one over the number of choices, averaged over questions) goes with those that
    have one; continuations have none.
    """
    columns: dict[str, list[float]] = {"accuracy": [], "accuracy per byte": [], "probability": []}
    bits, sizes, at = [], [], 0
    answers = score(model, task.rows, task.sizes, task.end, task.mask)
    for count, answer in zip(task.choices, task.answers, strict=True):
        found, at = answers[at : at + count], at + count
        for name, value in zip(columns, judge(found, answer), strict=True):
            columns[name].append(value)
        bits.append(-found[answer].log_probability / math.log(2))
        sizes.append(found[answer].size)
    groups = [task.name] * len(task.choices)
    ones = np.ones(len(groups))
    chance = float(np.mean([1 / n if n > 1 else 0.0 for n in task.choices])) or None
    out = {f"{task.name} {name}": Scores(np.array(v), ones, groups, chance) for name, v in columns.items()}
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
