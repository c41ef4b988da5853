"""Are the scores of tasks those of lm-evaluation-harness?  `python -m benchmarks.probe_lm_eval MODEL OUT TASK.jsonl ...`

MODEL is a run of the probe (it is exported to OUT first) or a Hugging Face folder.  Every choice of every question is given
to the harness' `HFLM` (the package lm-eval, which is not a dependency) as (context, ending) with its defaults, and scored by
`train_probe`; zero-shot and with five examples, the first of the same file.  One line of JSON for each task: items, the
largest difference of a log-probability, and how many items differ in accuracy and in accuracy per byte.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from train_probe import tasks
from train_probe.checkpoint import open_model
from train_probe.export import export
from train_probe.likelihood import score

MOST = 100
"""Questions of each file."""


def harness(lm: Any, task: tasks.Task) -> list[float]:
    """The harness' log-probability of each choice of each question."""
    from lm_eval.api.instance import Instance

    pairs = [(c, e) for q in task.questions for c, e in zip(q.contexts, q.endings, strict=True)]
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    return [float(total) for total, _ in lm.loglikelihood(requests, disable_tqdm=True)]


def compared(lm: Any, opened: Any, task: tasks.Task) -> dict[str, Any]:
    """One task by both."""
    began = time.monotonic()
    theirs = np.array(harness(lm, task))
    middle = time.monotonic()
    ours = tasks.encode(task, opened.tokenizer)
    found = score(opened.model, ours.rows, ours.sizes, ours.end, ours.mask)
    mine = np.array([a.log_probability for a in found])
    ended = time.monotonic()
    whole, per_byte, at = 0, 0, 0
    for count in ours.choices:
        here, size = slice(at, at + count), np.array(ours.lengths[at : at + count])
        whole += int(mine[here].argmax() != theirs[here].argmax())
        per_byte += int((mine[here] / size).argmax() != (theirs[here] / size).argmax())
        at += count
    facts = {"task": task.name, "items": len(ours.choices), "choices": at, "largest": float(abs(mine - theirs).max())}
    return facts | {
        "accuracy differs": whole,
        "per byte differs": per_byte,
        "seconds": [round(middle - began, 1), round(ended - middle, 1)],
    }


def main(model: Path, out: Path, names: list[str]) -> None:
    """Score every task by both; prints JSON lines."""
    from lm_eval.models.huggingface import HFLM

    folder = model
    if not (model / "config.json").exists():
        export(model, out)
        folder = out
    lm, opened = HFLM(pretrained=str(folder), device="cpu", batch_size=8, dtype="float32"), open_model(folder)
    for name in names:
        task = tasks.read(name)
        few = tasks.Task(task.name, task.questions[:MOST])
        for shots in (0, 5):
            examples = tasks.Task(task.name, task.questions[MOST:]) if len(task.questions) > MOST + 6 else task
            print(json.dumps(compared(lm, opened, tasks.with_examples(few, shots, examples))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
