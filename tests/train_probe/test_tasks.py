"""Questions: forms, scoring by hand-worked examples, errors with their line."""

import gzip
import json
import math
import os

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train_probe import tasks, tokenizer  # noqa: E402
from train_probe.config import ModelConfig  # noqa: E402
from train_probe.errors import ProbeError  # noqa: E402
from train_probe.likelihood import Answer, Row, batches, longest_ending, pieces, score  # noqa: E402
from train_probe.model import build, sentinel  # noqa: E402
from train_probe.train import read_checkpoint  # noqa: E402

BYTES = tokenizer.from_merges([])


def model(family="llama"):
    return build(ModelConfig(family=family, layers=1, width=32, heads=2, vocab=384, context=48), seed=3).eval()


def test_all_forms_are_read():
    assert tasks.question({"sentence_good": "A.", "sentence_bad": "B."}) == (["", ""], ["A.", "B."], 0)
    assert tasks.question({"query": "q", "choices": ["x", " y"], "gold": 1}) == (["q", "q"], [" x", " y"], 1)
    row = {"context_options": ["a", "b"], "continuation": "c", "gold": 1}
    assert tasks.question(row) == (["a", "b"], [" c", " c"], 1)
    assert tasks.question({"context": "a", "continuation": "c"}) == (["a"], [" c"], 0)


def test_our_own_form_is_joined_as_it_is_written():
    row = {"context": "a", "choices": ["b", " c"], "answer": 1}
    assert tasks.question(row) == (["a", "a"], ["b", " c"], 1)
    assert tasks.question({**row, "delimiter": " "}) == (["a", "a"], [" b", "  c"], 1)


@pytest.mark.parametrize(
    ("context", "continuation", "ending"),
    [
        ("The capital is", "Paris", " Paris"),
        ("Answer: ", "Paris", "Paris"),
        ("Question: dresser\n", "use pins", "use pins"),
        ("第1个问题的答案是", "北京", "北京"),
        ("答案：", "Paris", "Paris"),
        ("เมืองหลวงคือ", "กรุงเทพ", "กรุงเทพ"),
        ("서울은 한국의", "수도", " 수도"),
        ("", "Paris", "Paris"),
    ],
)
def test_the_gauntlets_forms_have_a_space_where_their_script_has_one(context, continuation, ending):
    assert tasks.question({"context": context, "continuation": continuation}).endings == [ending]
    query = {"query": context, "choices": [continuation, "x"], "gold": 0}
    assert tasks.question(query).endings[0] == ending
    assert tasks.question({**query, "delimiter": "->"}).endings[0] == f"->{continuation}"


@pytest.mark.parametrize(
    ("context", "ending", "before", "scored"),
    [
        ("Answer: ", "Paris", "Answer:", " Paris"),
        ("Answer:\n\n ", "Paris", "Answer:", "\n\n Paris"),
        ("第1个问题的答案是", "北京", "第1个问题的答案是", "北京"),
        (" ", "x", "", " x"),
    ],
)
def test_white_space_at_the_end_of_a_context_is_scored_with_the_choice(context, ending, before, scored):
    for ids in (BYTES, tokenizer.shipped(4096)):
        found = tasks.encode(tasks.Task("t", [tasks.Question([context] * 2, [ending, "zz"], 0)]), ids)
        assert ids.inner.decode(found.rows[0].context) == before
        assert ids.inner.decode(found.rows[0].ending) == scored
        assert found.sizes[0] == len(scored.encode())
        assert found.lengths[0] == len(ending.encode())


def test_tokens_that_would_cross_the_border_are_not_scored():
    """ "walk" + "ing" is one token or more as a whole: context and choice are then tokenized apart."""
    ids = tokenizer.shipped(4096)
    found = tasks.encode(tasks.Task("t", [tasks.Question(["the wa"], ["ter"], 0)]), ids)
    assert ids.encode(["the water"])[0][: len(found.rows[0].context)] != found.rows[0].context
    assert found.rows[0] == Row(ids.encode(["the wa"])[0], ids.encode(["ter"])[0])


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


def noisy(family, context=48):
    shape = ModelConfig(family=family, layers=1, width=32, heads=2, vocab=384, context=context)
    m, generator = build(shape, seed=3).eval(), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in m.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.1)
    return m


def test_a_context_that_is_too_long_is_cut_from_the_left():
    m = noisy("llama")
    long, short = ("x" * 100, " end"), ("x" * (48 - 3), " end")
    a, b = (score(m, rows([pair]), [4], BYTES.end, BYTES.mask)[0] for pair in (long, short))
    ids = [*rows([short])[0].context, *rows([short])[0].ending]
    logits = log_softmax(m, m(torch.tensor([ids[:-1]])))[0]
    assert a.log_probability == pytest.approx(sum(float(logits[i - 1, ids[i]]) for i in range(45, 49)), rel=1e-4)
    assert a.log_probability == pytest.approx(b.log_probability, rel=1e-4)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "t5"])
def test_every_token_of_an_ending_longer_than_the_context_is_scored_once(family):
    """As if each piece were an ending of its own after all that comes before it."""
    m = noisy(family)
    row = rows([("Item:", "".join(chr(97 + i % 26) for i in range(131)))])[0]
    parts = pieces(row, longest_ending(m))
    assert [t for p in parts for t in p.ending] == row.ending
    assert all(p.context == (row.context + row.ending)[: len(p.context)] for p in parts)
    found = score(m, [row], [131], BYTES.end, BYTES.mask)[0]
    apart = [score(m, [p], [len(p.ending)], BYTES.end, BYTES.mask)[0] for p in parts]
    assert found.log_probability == pytest.approx(sum(x.log_probability for x in apart), rel=1e-5)
    assert found.log_probability / 131 == pytest.approx(
        score(m, [row._replace(ending=row.ending[:40])], [40], BYTES.end, BYTES.mask)[0].log_probability / 40, rel=0.25
    )


@pytest.mark.parametrize("size", [46, 47, 48, 49, 95, 96, 97])
def test_the_border_of_what_fits_is_no_place_to_lose_a_token(size):
    m = noisy("llama")
    with torch.no_grad():
        m.head.weight.zero_()  # every token has the same probability, so what is scored can be counted
    for context in ("", "a", "abc" * 30):
        found = score(m, rows([(context, "y" * size)]), [size], BYTES.end, BYTES.mask)[0]
        assert found.log_probability == pytest.approx(-size * math.log(384), rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2", "bert", "t5"])
def test_rows_that_are_computed_together_are_scored_as_alone(family):
    m = noisy(family)
    many = rows([("c" * (i * 7 % 60), " e" * (1 + i % 9)) for i in range(40)] + [("", "z" * 120)])
    together = score(m, many, [1] * len(many), BYTES.end, BYTES.mask)
    for row, found in zip(many, together, strict=True):
        alone = score(m, [row], [1], BYTES.end, BYTES.mask)[0]
        assert found.log_probability == pytest.approx(alone.log_probability, rel=1e-4)


def test_rows_of_many_lengths_share_a_forward_pass():
    rng = np.random.Generator(np.random.PCG64(1))
    lengths = [int(x) for x in rng.integers(20, 200, 2000)]
    groups = batches(lengths)
    assert sorted(i for g in groups for i in g) == list(range(2000))
    assert all(len(g) * max(lengths[i] for i in g) <= 16_384 for g in groups)
    assert len(lengths) / len(groups) > 50  # it was 1.3 where only rows of one shape were put together
    assert [len(g) for g in batches([40_000, 50_000])] == [1, 1]


def test_scores_of_a_task_worked_out_by_hand(monkeypatch, tmp_path):
    """Two questions whose log-probabilities are given: every score follows from them on paper."""
    given = [Answer(-2.0, False, 2), Answer(-3.0, False, 2), Answer(-8.0, False, 8), Answer(-4.0, False, 2)]
    monkeypatch.setattr(tasks, "score", lambda *_: given)
    questions = [tasks.Question(["a"] * 2, [" b", " c"], 0), tasks.Question(["d"] * 2, [" eeeeeee", " f"], 0)]
    encoded = tasks.encode(tasks.Task("t", questions), BYTES)
    encoded.save(tmp_path / "t.json")
    assert tasks.Encoded.load(tmp_path / "t.json") == encoded
    assert encoded.sizes == [2, 2, 8, 2]
    assert encoded.lengths == [1, 1, 7, 1]  # the space before a choice does not count
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


@pytest.mark.parametrize(
    "line",
    [
        '{"context": "a", "choices": [" b", " c"], "answer": 1e999}',
        '{"context": "a", "choices": [" b", " c"], "answer": 0.7}',
        '{"context": "a", "choices": "bc", "answer": 0}',
        '{"context": "a", "choices": {" b": 1}, "answer": 0}',
        '{"context_options": "ab", "continuation": "c", "gold": 0}',
        json.dumps({"context": "a", "choices": [" b"] * 1001, "answer": 0}),
        '{"request": {"context": "a", "continuation": "b"}, "doc_id": 3, "idx": 1e999, "label": 0}',
        '{"context": ' + "[" * 3000,
    ],
)
def test_what_a_stranger_s_question_may_say(tmp_path, line):
    (tmp_path / "x.jsonl").write_text(line)
    with pytest.raises(ProbeError, match="not a question") as told:
        tasks.read(tmp_path / "x.jsonl")
    assert len(str(told.value)) < 400


def test_a_pipe_is_no_file_of_questions(tmp_path):
    os.mkfifo(tmp_path / "x.jsonl")
    for read in (tasks.read, tokenizer.load, lambda path: read_checkpoint(path, torch.device("cpu"))):
        with pytest.raises(ProbeError, match="not a file"):
            read(tmp_path / "x.jsonl")


def test_a_file_of_questions_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "MAX_BYTES", 1000)
    question = b'{"context": "%s", "choices": [" b", " c"], "answer": 0}' % (b"x" * 600)
    for data in (gzip.compress(b" " * 1001), gzip.compress(question)):  # large in itself; by a context for each choice
        (tmp_path / "x.jsonl.gz").write_bytes(data)
        with pytest.raises(ProbeError, match="cut it into several files"):
            tasks.read(tmp_path / "x.jsonl.gz")


def test_accuracy_per_byte_does_not_count_the_space_before_a_choice():
    found = [Answer(-3.0, False, 2), Answer(-7.0, False, 4)]
    right, per_byte, probability = tasks.judge(found, [1, 3], 1)
    assert (right, per_byte) == (0.0, 1.0)  # -7/3 > -3/1; with the space -7/4 < -3/2
    assert probability == pytest.approx(math.exp(-7 / 4) / (math.exp(-7 / 4) + math.exp(-3 / 2)))


def request_lines():
    """Two questions as OLMo's in-loop sets have them: a line a choice, and the same without the question."""
    rows = []
    for ident, (label, endings) in enumerate([(1, [" a", " b"]), (0, [" a", "  "])]):
        for unconditional in (False, True):
            for i, ending in reversed(list(enumerate(endings))):
                context = "Answer:" if unconditional else f"Q: x\nAnswer: y\n\nQ: {ident}\nAnswer:"
                request = {"context": context, "continuation": ending}
                row = {"request_type": "loglikelihood", "doc": {}, "request": request, "idx": i, "label": label}
                rows.append(json.dumps({**row, "doc_id": ident + 1_000_000 * unconditional}))
    return "\n".join(rows)


@pytest.mark.parametrize("name", ["requests.jsonl", "requests.jsonl.gz"])
def test_the_requests_of_olmo_are_questions(tmp_path, name):
    path = tmp_path / "arc_easy/rc_5shot" / name
    path.parent.mkdir(parents=True)
    path.write_bytes((gzip.compress if name.endswith("gz") else bytes)(request_lines().encode()))
    task = tasks.read(path)
    assert task.name == "arc_easy rc_5shot"
    first, second = task.questions
    assert first == (["Q: x\nAnswer: y\n\nQ: 0\nAnswer:"] * 2, [" a", " b"], 1)
    assert (second.endings, second.answer) == ([" a", "  "], 0)
    assert tasks.encode(task, BYTES).lengths == [1, 1, 1, 2]
    path.write_bytes(b'{"request": {}, "doc_id": 3, "idx": 0, "label": 0}')
    with pytest.raises(ProbeError):
        tasks.read(path)


def test_examples_come_from_a_training_file_in_its_order():
    train = tasks.Task("train", [tasks.Question([f"t{i}"] * 2, [" yes", " no"], i % 2) for i in range(9)])
    task = tasks.Task("t", [train.questions[1], tasks.Question(["q"] * 2, [" yes", " no"], 0)])
    own, other = tasks.with_examples(task, 2, train).questions
    assert other.contexts[0] == "t0 yes\n\nt1 no\n\nq"
    assert own.contexts[0] == "t0 yes\n\nt2 yes\n\nt1"  # never its own example
    with pytest.raises(ProbeError, match="too few for 10"):
        tasks.with_examples(task, 10, train)
    with pytest.raises(ProbeError, match="too few for 2"):
        tasks.with_examples(task, 2)


@pytest.mark.parametrize("bad", ['"\\ud800"', "7", "null", '""'])
def test_a_choice_that_is_no_text_is_an_error_with_its_line(tmp_path, bad):
    line = f'{{"context": "a", "choices": [" b", {bad}], "answer": 0}}'
    (tmp_path / "x.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(ProbeError, match="line 2"):
        tasks.read(tmp_path / "x.jsonl")


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
        assert max(places.count(i) for i in range(choices)) < 0.55 * len(places)


def test_the_tasks_that_are_bundled():
    names = ["agreement", "arithmetic", "code", "facts", "grammar", "knowledge", "narrative", "senses"]
    assert tasks.bundled() == [f"bundled:{name}.jsonl" for name in names]


def test_questions_of_one_level_are_shown_together_and_a_level_is_a_word_or_a_number(tmp_path):
    rows = [{"context": "a", "choices": [" b", " c"], "answer": 0, "level": level} for level in (1, "hard", 1)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, [*rows, {**rows[0], "level": ""}])))
    encoded = tasks.encode(tasks.with_examples(tasks.read(tmp_path / "x.jsonl"), 1), BYTES)
    encoded.save(tmp_path / "x.json")
    (scores, *_) = tasks.evaluate(model(), tasks.Encoded.load(tmp_path / "x.json")).values()
    name = "x (1 examples)"
    assert scores.groups == [f"{name}, level 1", f"{name}, level hard", f"{name}, level 1", name]
    old = json.loads((tmp_path / "x.json").read_text())
    del old["levels"]  # as it was prepared before there were any
    (tmp_path / "x.json").write_text(json.dumps(old))
    assert set(tasks.evaluate(model(), tasks.Encoded.load(tmp_path / "x.json"))[f"{name} accuracy"].groups) == {name}
    for bad in (True, 1.5, [1], None):
        (tmp_path / "x.jsonl").write_text(json.dumps({**rows[0], "level": bad}))
        with pytest.raises(ProbeError, match=r"line 1.*level"):
            tasks.read(tmp_path / "x.jsonl")


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
