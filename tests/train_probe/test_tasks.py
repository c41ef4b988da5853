"""Questions: forms, scoring by hand-worked examples, errors with their line."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train_probe import tasks, tokenizer  # noqa: E402
from train_probe.config import ModelConfig  # noqa: E402
from train_probe.errors import ProbeError  # noqa: E402
from train_probe.likelihood import Answer, Row, score  # noqa: E402
from train_probe.model import build, sentinel  # noqa: E402

BYTES = tokenizer.from_merges([])


def model(family="llama"):
    return build(ModelConfig(family=family, layers=1, width=32, heads=2, vocab=384, context=48), seed=3).eval()


def test_all_forms_are_read():
    assert tasks.question({"sentence_good": "A.", "sentence_bad": "B."}) == (["", ""], ["A.", "B."], 0)
    assert tasks.question({"query": "q", "choices": ["x", " y"], "gold": 1}) == (["q", "q"], [" x", " y"], 1)
    row = {"context_options": ["a", "b"], "continuation": "c", "gold": 1}
    assert tasks.question(row) == (["a", "b"], [" c", " c"], 1)
    assert tasks.question({"context": "a", "continuation": "c"}) == (["a"], [" c"], 0)


def test_scores_of_a_hand_worked_example():
    found = [Answer(-6.0, False, 2), Answer(-8.0, False, 4)]
    right, per_byte, probability = tasks.judge(found, 1)
    assert (right, per_byte) == (0.0, 1.0)
    assert probability == pytest.approx(math.exp(-2) / (math.exp(-2) + math.exp(-3)))


PAIRS = [("The cat", " sat"), ("", "Dogs ran."), ("A much longer context here", " x"), ("", "Cats ran.")]


def rows(pairs):
    return [Row(BYTES.encode([c])[0], BYTES.encode([e])[0]) for c, e in pairs]


def log_softmax(m, hidden):
    return torch.nn.functional.linear(hidden, m.head_weight(), m.head_bias).log_softmax(-1).detach()


def by_hand(m, row):
    """One forward pass for each token, without batches."""
    ids, total, greedy = [BYTES.end, *row.context, *row.ending], 0.0, True
    for i in range(len(row.ending)):
        place = len(row.context) + 1 + i
        if m.config.family == "bert":
            hidden_one = [BYTES.mask if j == place else t for j, t in enumerate(ids)]
            logits = log_softmax(m, m(torch.tensor([hidden_one])))[0, place]
        elif m.config.family == "t5":
            mark = sentinel(m.config, 0)
            given = torch.tensor([[BYTES.end, mark, *row.ending[:i]]])
            logits = log_softmax(m, m(torch.tensor([[BYTES.end, *row.context, mark]]), given))[0, -1]
        else:
            logits = log_softmax(m, m(torch.tensor([ids[:place]])))[0, -1]
        total += float(logits[ids[place]])
        greedy &= int(logits.argmax()) == ids[place]
    return total, greedy


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "t5"])
def test_log_probabilities_are_those_of_the_model_one_token_at_a_time(family):
    m = model(family)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # outputs begin at zero: that would hide most of the network
        for p in m.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.1)
        for row, found in zip(rows(PAIRS), score(m, rows(PAIRS), [4, 9, 2, 9], BYTES.end, BYTES.mask), strict=True):
            total, greedy = by_hand(m, row)
            assert found.log_probability == pytest.approx(total, rel=1e-4)
            assert found.greedy == greedy


def test_what_is_too_long_is_cut_from_the_left():
    m = model()
    long, short = ("x" * 100, " end"), ("x" * (48 - 4), " end")
    found = score(m, rows([long, short]), [4, 4], BYTES.end, BYTES.mask)
    assert all(math.isfinite(f.log_probability) for f in found)
    assert score(m, rows([("", "y" * 100)]), [100], BYTES.end, BYTES.mask)[0].log_probability < 0
    for family in ("bert", "t5"):
        wide = score(model(family), rows([long, ("", "y" * 100)]), [4, 100], BYTES.end, BYTES.mask)
        assert all(math.isfinite(f.log_probability) for f in wide)


def test_scores_of_a_task_worked_out_by_hand(monkeypatch, tmp_path):
    """Two questions whose log-probabilities are given: every score follows from them on paper."""
    given = [Answer(-2.0, False, 2), Answer(-3.0, False, 2), Answer(-8.0, False, 8), Answer(-4.0, False, 2)]
    monkeypatch.setattr(tasks, "score", lambda *_: given)
    questions = [tasks.Question(["a"] * 2, [" b", " c"], 0), tasks.Question(["d"] * 2, [" eeeeeee", " f"], 0)]
    encoded = tasks.encode(tasks.Task("t", questions), BYTES)
    encoded.save(tmp_path / "t.json")
    assert tasks.Encoded.load(tmp_path / "t.json") == encoded
    assert encoded.sizes == [2, 2, 8, 2]
    found = tasks.evaluate(model(), encoded)
    assert found["t accuracy"].mean == 0.5  # -2 > -3 is right, -8 < -4 is wrong
    assert found["t accuracy per byte"].mean == 1.0  # -1 > -1.5 and -1 > -2
    share = (1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(-1)))
    assert found["t probability"].mean == pytest.approx(sum(share) / 2)
    assert found["t bits per byte"].mean == pytest.approx((2 + 8) / math.log(2) / (2 + 8))
    assert found["t accuracy"].chance == 0.5
    assert found["t bits per byte"].chance is None


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


@pytest.mark.parametrize("name", tasks.bundled())
def test_bundled_questions_are_sound(name):
    task = tasks.read(name)
    assert len(task.questions) >= 30
    texts = [(q.contexts[0], tuple(q.endings)) for q in task.questions]
    assert len(set(texts)) == len(texts)
    for q in task.questions:
        assert len(set(q.endings)) == len(q.endings) >= 2
        assert all(x.strip() for x in q.endings)
    places = [q.answer for q in task.questions]
    choices = len(task.questions[0].endings)
    if task.questions[0].contexts[0]:  # minimal pairs are read with the good one first
        assert max(places.count(i) for i in range(choices)) < 0.4 * len(places)


def test_two_tasks_are_bundled():
    assert tasks.bundled() == ["bundled:grammar.jsonl", "bundled:knowledge.jsonl"]


def test_published_tasks_are_read_and_scored(testdata):
    folder = testdata / "F-eval"
    files = [folder / "blimp/data/passive_1.jsonl", *sorted((folder / "llm-foundry").glob("*.jsonl"))]
    assert len(files) > 10
    for file in files:
        task = tasks.read(file)
        few = tasks.encode(tasks.Task(task.name, task.questions[:6]), BYTES)
        found = tasks.evaluate(model(), few)
        assert len(found) == 4
        assert all(np.isfinite(s.values).all() for s in found.values()), file
        assert 0 <= found[f"{task.name} probability"].mean <= 1
