"""Questions: forms, scoring by hand-worked examples, errors with their line."""

import math

import pytest

torch = pytest.importorskip("torch")

from train_probe import tasks, tokenizer  # noqa: E402
from train_probe.config import ModelConfig  # noqa: E402
from train_probe.errors import ProbeError  # noqa: E402
from train_probe.model import build  # noqa: E402

BYTES = tokenizer.from_merges([])


def model(family="llama"):
    return build(ModelConfig(family=family, layers=1, width=32, heads=2, vocab=320, context=48), seed=3).eval()


def test_all_forms_are_read():
    assert tasks.question({"sentence_good": "A.", "sentence_bad": "B."}) == (["", ""], ["A.", "B."], 0)
    assert tasks.question({"query": "q", "choices": ["x", " y"], "gold": 1}) == (["q", "q"], [" x", " y"], 1)
    row = {"context_options": ["a", "b"], "continuation": "c", "gold": 1}
    assert tasks.question(row) == (["a", "b"], [" c", " c"], 1)
    assert tasks.question({"context": "a", "continuation": "c"}) == (["a"], [" c"], 0)


def test_scores_of_a_hand_worked_example():
    found = [tasks.Answer(-6.0, False, 2), tasks.Answer(-8.0, False, 4)]
    right, per_byte, probability = tasks.judge(found, 1)
    assert (right, per_byte) == (0.0, 1.0)
    assert probability == pytest.approx(math.exp(-2) / (math.exp(-2) + math.exp(-3)))


def test_log_probabilities_are_those_of_the_model_one_token_at_a_time():
    m = model()
    pairs = [("The cat", " sat"), ("", "Dogs ran."), ("A much longer context here", " x")]
    for (context, ending), found in zip(pairs, tasks.score(m, BYTES, pairs), strict=True):
        ids = [BYTES.end, *BYTES.encode([context])[0]]
        total = 0.0
        for token in BYTES.encode([ending])[0]:
            logits = m(torch.tensor([ids]))[0, -1] @ m.head_weight().t()
            total += float(logits.log_softmax(-1)[token].detach())
            ids.append(token)
        assert found.log_probability == pytest.approx(total, rel=1e-4)
        assert found.size == len(ending.encode())


def test_a_wrong_line_is_named(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"context": "a", "choices": [" b"], "answer": 0}\n{"context": "a"}\n')
    with pytest.raises(ProbeError, match="line 2"):
        tasks.read(tmp_path / "x.jsonl")
    (tmp_path / "y.jsonl").write_text('{"context": "a", "choices": [" b"], "answer": 3}\n')
    with pytest.raises(ProbeError, match="answer 3"):
        tasks.read(tmp_path / "y.jsonl")


def test_examples_are_solved_questions_other_than_the_own():
    task = tasks.Task("t", [tasks.Question([f"q{i}"] * 2, [" yes", " no"], i % 2) for i in range(5)])
    for i, q in enumerate(tasks.with_examples(task, 2).questions):
        before = q.contexts[0].removesuffix(f"q{i}")
        assert before.count("\n\n") == 2
        assert f"q{i} " not in before


def test_bert_is_refused():
    with pytest.raises(ProbeError, match="decoder"):
        tasks.evaluate(model("bert"), BYTES, tasks.Task("t", []))
