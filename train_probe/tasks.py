"""Questions with choices, scored by how probable the model finds each choice.

One question is one line of JSON:

    {"context": "The capital of France is", "choices": [" Paris", " Rome"], "answer": 0, "level": 1}

`level` may be left out: questions of one level are shown together.  Context and choice are joined as they are written; `"delimiter": " "` puts that between them.  A single choice asks for
a continuation (LAMBADA): it counts as right when every token is the most probable one.

Published forms are read as they are: BLiMP (`sentence_good`, `sentence_bad`), and those of MosaicML's gauntlet,
questions (`query`, `choices`, `gold`), contexts with one ending (`context_options`, `continuation`, `gold`) and plain
continuations (`context`, `continuation`).  The gauntlet's loader puts a space between context and choice; so does this
one for its forms, but where white space or a script without spaces between words (Chinese, Thai ...) meets the border.
OLMo's in-loop requests (`requests.jsonl`, a line for each choice, also .gz) are questions by their `doc_id`.

How text becomes tokens is the rule of lm-evaluation-harness: white space at the end of a context belongs to the choice,
and both are tokenized as one text where its tokens begin with those of the context.

Scores for each task: accuracy (the most probable choice), accuracy per byte (most probable for the length of the choice
without the space before it), probability of the right choice (softmax over the choices' log-probabilities per byte of
the text that was scored: it moves in small models when accuracy does not), and bits per byte of the right choice.  How
each family of models gives a probability is in likelihood.py.
"""

import gzip
import hashlib
import itertools
import json
import math
import unicodedata
import zlib
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.evaluate import Scores
from train_probe.inputs import hash64
from train_probe.likelihood import Answer, Row, score
from train_probe.model import Model
from train_probe.tokenizer import Tokenizer

BUNDLED = "bundled:"
MAX_CHOICES = 1000
"""Of a question."""
MAX_BYTES = 256 << 20
"""Of a file of questions when it is unpacked, and of all its choices with their contexts: MMLU with five examples has 170 MB."""


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
    levels: list[str] = field(default_factory=list)
    """Difficulty of each question, "" where it is not known; empty where none is."""


def bundled() -> list[str]:
    """The tasks that come with the package, in the form that `read` takes."""
    files = resources.files("train_probe").joinpath("tasks").iterdir()
    return sorted(BUNDLED + file.name for file in files if file.name.endswith(".jsonl"))


def _at(name: str | Path) -> Any:
    inside = str(name).removeprefix(BUNDLED)
    return resources.files("train_probe").joinpath("tasks", inside) if inside != str(name) else Path(name)


def digest(name: str) -> str:
    """Of what one of `bundled()` holds; "" when there is none of that name."""
    try:
        return hashlib.sha256(_at(name).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""


def read(name: str | Path) -> Task:
    """Read a file of questions, or one of `bundled()`.  Raises ProbeError with the line that is wrong."""
    path = _at(name)
    if isinstance(path, Path) and path.exists() and not path.is_file():
        raise ProbeError(f"{path}: not a file")
    try:
        with path.open("rb") as plain, gzip.open(plain) if path.name.endswith(".gz") else plain as file:
            data = file.read(MAX_BYTES + 1)
        content = data.decode("utf-8") if len(data) <= MAX_BYTES else ""
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ProbeError(f"{path}: can't be read ({error})") from None
    if len(data) > MAX_BYTES:
        raise ProbeError(f"{path}: more than {MAX_BYTES >> 20} MiB of questions: cut it into several files")
    questions: list[Question] = []
    levels: list[str] = []
    requests: dict[Any, list[dict[str, Any]]] = {}
    for number, line in enumerate(content.split("\n"), 1):  # not splitlines: JSON may hold U+2028
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if isinstance(row, dict) and "request" in row:
                requests.setdefault(row["doc_id"], []).append(row)
            else:
                questions.append(question(row))
                levels.append(_level(row))
        except DAMAGE as error:
            raise ProbeError(f"{path}, line {number}: not a question ({shortly(error)})") from None
    for ident, rows in requests.items():
        try:
            questions += _of_requests(ident, rows)
        except DAMAGE as error:
            raise ProbeError(f"{path}, doc_id {ident}: not a question ({shortly(error)})") from None
    if not questions:
        raise ProbeError(f"{path}: no questions")
    # Each choice is scored behind its context: so much is tokenized.
    if sum(map(len, itertools.chain.from_iterable((*q.contexts, *q.endings) for q in questions))) > MAX_BYTES:
        raise ProbeError(
            f"{path}: its choices with their contexts are more than {MAX_BYTES >> 20} MiB: cut it into several files"
        )
    known = [*levels, *[""] * (len(questions) - len(levels))] if any(levels) else []
    return Task(name_of(str(name)), questions, known)


def _level(row: dict[str, object]) -> str:
    level = row.get("level", "")
    if isinstance(level, bool) or not isinstance(level, int | str):
        raise ValueError(f"the level is {level!r}")
    return str(level)


def name_of(file: str) -> str:
    """A task's name: the file's, or that of the two folders above where it is called as OLMo's are (.../requests.jsonl)."""
    path = Path(file.removeprefix(BUNDLED))
    stem = path.name.split(".jsonl")[0]
    return " ".join([*path.parts[-3:-1]] or [stem]) if stem == "requests" else stem


_UNCONDITIONAL = 1_000_000
"""From this doc_id on a request is the same choice without its question, which no score here uses."""


def _of_requests(ident: Any, rows: list[dict[str, Any]]) -> list[Question]:
    """The question of OLMo's in-loop requests of one document: contexts (with examples) and endings as they are."""
    if isinstance(ident, int) and ident >= _UNCONDITIONAL:
        return []
    rows = sorted(rows, key=lambda row: int(row["idx"]))
    pairs = [(row["request"]["context"], row["request"]["continuation"]) for row in rows]
    label = rows[0]["label"] if len(rows) > 1 else 0
    return [_sound([c for c, _ in pairs], [e for _, e in pairs], label, "")]


def question(row: dict[str, Any]) -> Question:
    """One question of any of the known forms.  Raises KeyError, TypeError or ValueError for others."""
    if "sentence_good" in row:
        return _sound(["", ""], [row["sentence_good"], row["sentence_bad"]], 0, "")
    if "context_options" in row:
        options = _list(row["context_options"])
        return _sound(options, [row["continuation"]] * len(options), row["gold"], row.get("delimiter"))
    if "continuation" in row:
        return _sound([row["context"]], [row["continuation"]], 0, row.get("delimiter"))
    own = "context" in row
    context, choices = row["context"] if own else row["query"], _list(row["choices"])
    answer = row["answer"] if "answer" in row else row["gold"]
    return _sound([context] * len(choices), choices, answer, row.get("delimiter", "" if own else None))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} where a list is to be")
    return value


def _sound(contexts: list[Any], endings: list[Any], answer: Any, delimiter: str | None) -> Question:
    """A question after all checks; `delimiter` None is the gauntlet's rule (see `_between`)."""
    if isinstance(answer, float) and not answer.is_integer():
        raise ValueError(f"the answer is {answer!r}")
    answer = int(answer)
    if len(endings) > MAX_CHOICES:
        raise ValueError(f"{len(endings):,} choices, where {MAX_CHOICES:,} are the most")
    if not 0 <= answer < len(endings):
        raise ValueError(f"answer {answer} of {len(endings)} choices")
    for kind, texts in (("context", contexts), ("choice", endings)):
        for text in texts:
            if not isinstance(text, str) or (kind == "choice" and not text):
                raise ValueError(f"a {kind} is {text!r}")
            text.encode()  # lone surrogates are legal in JSON, and no text
    if delimiter is not None and not isinstance(delimiter, str):
        raise ValueError(f"the delimiter is {delimiter!r}")
    joined = [(_between(c, e) if delimiter is None else delimiter) + e for c, e in zip(contexts, endings, strict=True)]
    return Question(contexts, joined, answer)


_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "THAI", "LAO", "KHMER", "MYANMAR")
"""How the Unicode names of letters and marks begin in scripts that put no spaces between words."""


def _between(context: str, ending: str) -> str:
    """What the gauntlet's forms mean between context and choice: a space, unless the border has one or needs none."""
    if not context or any(
        c.isspace() or unicodedata.name(c, "").startswith(_UNSPACED) for c in (context[-1], ending[0])
    ):
        return ""
    return " "


def with_examples(task: Task, shots: int, examples: Task | None = None) -> Task:
    """Put `shots` solved questions before each.

    With `examples` (the task's training file) its first ones, the same for all, as the sampler `first_n` of
    lm-evaluation-harness does; else questions of the same task, which ones follows from a hash of the question.  A
    question is never its own example.  Raises ProbeError when there are fewer than `shots`.
    """
    if not shots:
        return task
    pool = (examples or task).questions
    if len(pool) - (examples is None) < shots:
        raise ProbeError(f"{(examples or task).name}: {len(pool)} questions, too few for {shots} examples")
    if examples is not None:
        firsts = [(q, [e for e in pool[: shots + 1] if e != q][:shots]) for q in task.questions]
        return Task(f"{task.name} ({shots} examples)", [_after(q, solved) for q, solved in firsts], task.levels)
    order = sorted(range(len(pool)), key=lambda i: hash64(f"{i}{pool[i]}"))
    place = {i: n for n, i in enumerate(order)}
    chosen = [[pool[order[(place[i] + 1 + k) % len(order)]] for k in range(shots)] for i in range(len(pool))]
    return Task(
        f"{task.name} ({shots} examples)", [_after(q, c) for q, c in zip(pool, chosen, strict=True)], task.levels
    )


def _after(question: Question, solved: list[Question]) -> Question:
    before = "".join(q.contexts[q.answer] + q.endings[q.answer] + "\n\n" for q in solved)
    return question._replace(contexts=[before + c for c in question.contexts])


@dataclass(frozen=True)
class Encoded:
    """A task as ids, so that scoring needs no tokenizer."""

    name: str
    rows: list[Row]
    """Of all choices of all questions, one after another."""
    sizes: list[int]
    """Bytes of the text that is scored for each choice, white space that came from the context with it."""
    lengths: list[int]
    """Bytes of each choice without the white space before it."""
    choices: list[int]
    """How many choices each question has."""
    answers: list[int]
    end: int
    mask: int
    levels: list[str] = field(default_factory=list)
    """Of each question, "" where it is not known; empty where none is."""

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
        except DAMAGE as error:
            raise ProbeError(f"{path}: not an encoded task ({shortly(error)}); prepare it again") from None


def encode(task: Task, tokenizer: Tokenizer) -> Encoded:
    """Contexts and endings as ids, by the rule of lm-evaluation-harness (see the head of this module).

    Where the tokens of the whole do not begin with those of the context (one would cross the border), the two are
    tokenized apart: the harness would score tokens of another text there.
    """
    pairs = [_moved(c, e) for q in task.questions for c, e in zip(q.contexts, q.endings, strict=True)]
    before = tokenizer.encode([c for c, _ in pairs])
    whole = tokenizer.encode([c + e for c, e in pairs])
    alone = tokenizer.encode([e for _, e in pairs])
    rows = [
        Row(b, w[len(b) :] if w[: len(b)] == b and len(w) > len(b) else a)
        for b, w, a in zip(before, whole, alone, strict=True)
    ]
    return Encoded(
        name=task.name,
        rows=rows,
        sizes=[len(e.encode()) for _, e in pairs],
        lengths=[len(e.lstrip().encode()) or len(e.encode()) for _, e in pairs],
        choices=[len(q.endings) for q in task.questions],
        answers=[q.answer for q in task.questions],
        end=tokenizer.end,
        mask=tokenizer.mask,
        levels=task.levels,
    )


def _moved(context: str, ending: str) -> tuple[str, str]:
    """The white space at the end of a context belongs to the ending: so words keep the space before them."""
    kept = context.rstrip()
    return kept, context[len(kept) :] + ending


def evaluate(model: Model, task: Encoded) -> dict[str, Scores]:
    """The scores of a task by name, each with one item per question.

    The level of chance (for accuracy: one over the number of choices, averaged over questions) goes with those that
    have one; continuations have none.
    """
    columns: dict[str, list[float]] = {"accuracy": [], "accuracy per byte": [], "probability": []}
    bits, sizes, at = [], [], 0
    answers = score(model, task.rows, task.sizes, task.end, task.mask)
    for count, answer in zip(task.choices, task.answers, strict=True):
        found, lengths, at = answers[at : at + count], task.lengths[at : at + count], at + count
        for name, value in zip(columns, judge(found, lengths, answer), strict=True):
            columns[name].append(value)
        bits.append(-found[answer].log_probability / math.log(2))
        sizes.append(found[answer].size)
    groups = [
        f"{task.name}, level {level}" if level else task.name for level in task.levels or [""] * len(task.answers)
    ]
    ones = np.ones(len(groups))
    chance = float(np.mean([1 / n if n > 1 else 0.0 for n in task.choices])) or None
    out = {f"{task.name} {name}": Scores(np.array(v), ones, groups, chance) for name, v in columns.items()}
    return out | {f"{task.name} bits per byte": Scores(np.array(bits), np.array(sizes, dtype=float), groups)}


def judge(found: list[Answer], lengths: list[int], answer: int) -> tuple[float, float, float]:
    """(right, right per byte, probability of the right choice); ties are shared.

    `lengths` are the bytes that "per byte" divides by; the probability divides by those that were scored.
    """
    if len(found) == 1:
        probability = math.exp(found[0].log_probability)
        return float(found[0].greedy), float(found[0].greedy), probability
    whole = np.array([a.log_probability for a in found])
    right = [float(x[answer] == x.max()) / int((x == x.max()).sum()) for x in (whole, whole / np.array(lengths))]
    per_byte = whole / np.array([a.size for a in found])
    share = np.exp(per_byte - per_byte.max())
    return right[0], right[1], float(share[answer] / share.sum())
