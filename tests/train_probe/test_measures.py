"""What is measured of a model and told of an experiment: token by token and document by document, by plain counting."""

import itertools
import json
import math
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from train_probe import breakdown, budget, compare, evaluate, inputs, prepare
from train_probe.config import PRESETS
from train_probe.errors import ProbeError
from train_probe.evaluate import Scores
from train_probe.request import Request
from train_probe.statistics import detectable, difference, holm_step, power

END, WIDTH = 9, 4
ROWS = np.dtype(
    [("key", "<u8"), ("start", "<i8"), ("tokens", "<i4"), ("bytes", "<i8"), ("source", "<i2"), ("copy", "<i4")]
)
ITEMS = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.5, 9), st.sampled_from("abc")), min_size=1, max_size=12)


def token_file(documents, sources=("web", "wiki"), **meta):
    """A file of documents of so many (tokens, bytes, source); each begins with the end token, then its own number."""
    starts = np.cumsum([0, *(tokens for tokens, *_ in documents)])
    table = np.array([(n + 1, starts[n], t, size, source, 0) for n, (t, size, source) in enumerate(documents)], ROWS)
    tokens = [token for n, (t, *_) in enumerate(documents) for token in [END, *[n % 8] * (t - 1)]]
    told = {"tokens": int(starts[-1]), "bytes": int(table["bytes"].sum()), "documents": len(table), **meta}
    return SimpleNamespace(
        documents=table, tokens=np.array(tokens), sources=list(sources), end=END, meta=told, path="here"
    )


# ---- metrics ----


@given(ITEMS)
def test_a_metric_is_the_ratio_of_sums(items):
    scores = Scores(*(np.array([item[n] for item in items]) for n in (0, 1)), [item[2] for item in items])
    assert scores.mean == pytest.approx(math.fsum(v for v, *_ in items) / math.fsum(w for _, w, _ in items))
    groups = {name: [item for item in items if item[2] == name] for name in sorted({item[2] for item in items})}
    means = {name: math.fsum(v for v, *_ in some) / math.fsum(w for _, w, _ in some) for name, some in groups.items()}
    assert scores.by_group() == pytest.approx(means)
    assert list(scores.by_group()) == list(groups)
    for name, some in groups.items():
        assert scores.only(name).mean == pytest.approx(means[name])
        assert scores.only(name).groups == [name] * len(some)
    equal = evaluate.sources_equal(scores)  # each source counts the same, however much text it has
    assert equal.mean == pytest.approx(math.fsum(means.values()) / len(means))
    assert equal.by_group() == pytest.approx(means)
    assert Scores.of(json.loads(json.dumps(scores.to_dict()))).to_dict() == scores.to_dict()


@pytest.mark.parametrize(("right", "silent"), [(25, True), (33, True), (34, True), (35, False), (90, False)])
def test_what_guessing_explains_is_at_chance(right, silent):
    """Of 100 questions of four choices: 25 right and two standard errors, sqrt(p (1 - p) / 100) each, of what was reached."""
    scores = Scores(np.array([1.0] * right + [0.0] * (100 - right)), np.ones(100), ["q"] * 100, 0.25)
    share = right / 100
    assert silent == (share <= 0.25 + 2 * math.sqrt(share * (1 - share) / 100))
    assert scores.at_chance() is silent
    assert not Scores(scores.values, scores.weights, scores.groups).at_chance()
    heavy = Scores(scores.values * 3, scores.weights * 3, scores.groups, 0.25)  # the unit of the weights is nothing
    assert heavy.at_chance() is silent


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.5, 9)), min_size=2, max_size=12), st.floats(-3, 3))
def test_the_error_of_a_ratio_is_that_of_what_is_left_over(items, off):
    """Two standard errors: the root of the sum of (value - mean x weight)^2, over the sum of the weights."""
    values, weights = (np.array([item[n] for item in items]) for n in (0, 1))
    mean = math.fsum(values) / math.fsum(weights)
    error = math.sqrt(math.fsum((v - mean * w) ** 2 for v, w in zip(values, weights, strict=True))) / math.fsum(weights)
    if error > 1e-6 and abs(off - 2) > 1e-6:
        scores = Scores(values, weights, ["q"] * len(values), mean - off * error)
        assert scores.at_chance() is (off < 2)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_model_that_ran_away_is_told(wrong):
    with pytest.raises(ProbeError, match="not a number"):
        Scores(np.array([1.0, wrong]), np.ones(2), ["a", "a"])


# ---- bits of held-out text ----


def model(family="llama"):
    return SimpleNamespace(
        config=SimpleNamespace(family=family, context=WIDTH),
        head_weight=lambda: SimpleNamespace(device="cpu"),
        eval=lambda: None,
    )


def told(row):
    """A number that only this beginning of a row and its target have."""
    return 1.0 + sum((token + 1) * 11**place for place, token in enumerate(row)) % 997


def losses(model_, batch, device):
    found = []
    for tokens, targets in zip(batch["tokens"].tolist(), batch["targets"].tolist(), strict=True):
        found += [told([*tokens[: at + 1], target]) for at, target in enumerate(targets)]
    return np.array(found)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40), st.integers(0, 1)), min_size=1, max_size=40))
def test_each_token_is_predicted_once_from_what_stands_before_it_in_its_row(documents):
    file = token_file(documents)
    tokens = file.tokens.tolist()
    wanted = [0.0]
    for at in range(1, len(tokens)):
        first = (at - 1) // WIDTH * WIDTH  # where its row begins
        wanted.append(0.0 if tokens[at] == END else told(tokens[first : at + 1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "_losses", losses)
        patch.setattr(evaluate, "ROWS", 2)
        patch.setattr(evaluate, "TOKENS", 12)
        assert evaluate.stream_losses(model(), file.tokens, END).tolist() == wanted
        scores = evaluate.held_out(model(), file)
    bits = [math.fsum(wanted[d["start"] : d["start"] + d["tokens"]]) / math.log(2) for d in file.documents]
    assert scores.values.tolist() == pytest.approx(bits)
    assert scores.weights.tolist() == [size for _, size, _ in documents]
    assert scores.groups == [file.sources[source] for *_, source in documents]


@pytest.mark.parametrize(("sources", "metrics"), [((0, 0), 1), ((0, 1), 2)])
def test_of_several_sources_their_mean_is_told_too(tmp_path, monkeypatch, sources, metrics):
    file = token_file([(5, 10, sources[0]), (7, 30, sources[1])])
    file.path = tmp_path
    monkeypatch.setattr(evaluate, "_losses", losses)
    measured = evaluate.evaluate(model(), file)
    assert list(measured.scores) == [evaluate.METRIC, evaluate.MACRO][:metrics]
    assert measured.parts == {}
    (tmp_path / "parts.json").write_text("{}")
    monkeypatch.setattr(breakdown, "measure", lambda file, nats: nats)
    monkeypatch.setattr(breakdown, "to_json", lambda nats: {"all": {"nats": nats.tolist()}})
    with_parts = evaluate.evaluate(model(), file)
    assert with_parts.scores[evaluate.METRIC].to_dict() == measured.scores[evaluate.METRIC].to_dict()
    nats = evaluate.stream_losses(model(), file.tokens, END)
    assert with_parts.parts == {"all": {"nats": nats.tolist()}}


@pytest.mark.parametrize("tokens", [4, 5, 6, 9, 13, 40])
def test_what_is_hidden_is_measured_by_its_bytes(monkeypatch, tokens):
    """Encoders: rows end to end, as many as are full; tokens without bytes (those of the end) count for nothing."""
    file = token_file([(tokens // 2, 8, 0), (tokens - tokens // 2, 9, 1)])
    rows = []

    def made(config, rows_, meta, seed, first, training):
        rows.extend(rows_.tolist())
        assert (seed, training) == (0, False)
        return {"tokens": rows_[:, :-1], "targets": rows_[:, 1:3]}

    monkeypatch.setattr(evaluate, "_losses", lambda model, batch, device: np.ones(batch["targets"].size))
    monkeypatch.setattr(evaluate.objectives, "make", made)
    encoder = model("bert")
    encoder.config.vocab = 12
    token_bytes = np.array([0 if n == END else n + 1 for n in range(10)])
    scores = evaluate.held_out(encoder, file, token_bytes)
    padded = [*file.tokens.tolist(), *[END] * (WIDTH + 1)]
    wanted = [padded[n * WIDTH : n * WIDTH + WIDTH + 1] for n in range(max(1, (tokens - 1) // WIDTH))]
    assert rows == wanted
    assert scores.weights.tolist() == [sum(token_bytes[t] for t in row[1:3]) for row in wanted]
    assert scores.values.tolist() == pytest.approx([sum(t != END for t in row[1:3]) / math.log(2) for row in wanted])
    owners = [file.sources[int(n * WIDTH >= tokens // 2)] for n in range(len(wanted))]
    assert scores.groups == owners
    with pytest.raises(ValueError, match="bytes of each token"):
        evaluate.held_out(encoder, file)


# ---- what it writes ----


def test_beginnings_are_of_documents_that_are_long_enough_by_their_hash():
    file = token_file([(33, 1, 0), (32, 1, 0), (50, 1, 0), (40, 1, 0), (90, 1, 0)])
    file.documents["key"] = [7, 1, 3, 9, 5]
    found = evaluate.prompts(file)
    assert [row[1] for row in found] == [2, 4, 0]  # of more than twice the given tokens, in the order of keys
    assert all(row[0] == END and len(row) == 1 + evaluate.GIVEN for row in found)


def test_what_is_written_is_the_inverse_of_the_distribution_at_fixed_numbers():
    vocabulary, beginnings = 7, [[1, 2], [3, 0]]
    weight = torch.tensor(np.random.default_rng(1).normal(size=(vocabulary, vocabulary)), dtype=torch.float32)
    bias = torch.linspace(-1, 1, vocabulary)
    seen = []

    class Stub:
        config = SimpleNamespace(family="gpt2", context=3)
        head_bias = bias

        def head_weight(self):
            return weight

        def __call__(self, tokens):
            seen.append(tokens.shape[1])
            return torch.eye(vocabulary)[tokens]

    found = evaluate.continued(Stub(), beginnings, seed=5)
    drawn = np.random.Generator(np.random.PCG64(5)).random((evaluate.WRITTEN, 2))
    for column, row in enumerate(beginnings):
        last, wanted = row[-1], []
        for step in range(evaluate.WRITTEN):
            logits = (weight.double().numpy()[:, last] + bias.double().numpy()) / 0.8
            share = np.cumsum(np.exp(logits) / np.exp(logits).sum())
            last = next(n for n in range(vocabulary) if share[n] >= drawn[step, column] * share[-1])
            wanted.append(last)
        assert found[column] == wanted
    assert seen == [2, *[3] * (evaluate.WRITTEN - 1)]  # no more than the context is looked at
    assert evaluate.continued(Stub(), []) == []
    Stub.config = SimpleNamespace(family="bert", context=3)
    assert evaluate.continued(Stub(), beginnings) == []


# ---- the budget ----


def asked(**more):
    return Request(**{"mixtures": {"a": "a"}, "tokens": 1000, "batch_tokens": 64, **more})


def decided(question, files, flops=0.0, minutes=0.0):
    chosen = PRESETS["nano"] if "nano" in PRESETS else next(iter(PRESETS.values()))
    return budget.decide(question, chosen, files, flops, minutes, lambda: 50.0), chosen


def big(tokens=10**9, size=4 * 10**9):
    return token_file([(3, 5, 0)], ["web"], tokens=tokens, bytes=size)


def test_steps_are_whole_batches_of_whole_rows():
    preset = next(iter(PRESETS.values()))
    context = preset.model.context
    for batch, tokens in itertools.product(
        (1, context, 3 * context, 3 * context + 1), (1, 10 * context, 10 * context + 1)
    ):
        found = budget.decide(asked(batch_tokens=batch, tokens=tokens), preset, {"a": big()}, 0, 0, lambda: 1.0)
        per_step = max(1, batch // context) * context
        assert found.steps == math.ceil(tokens / per_step)
        assert (found.tokens, found.unit, found.by_mixture, found.parts) == (found.steps * per_step, "tokens", {}, 1)


def test_of_tokens_compute_time_and_the_rule_the_first_that_is_given_counts():
    chosen = decided(asked(), {"a": big()})[1]
    step = max(1, 64 // chosen.model.context) * chosen.model.context
    per_token = chosen.model.flops_per_token()

    def tokens(question, **more):
        found = decided(question, {"a": big(), "b": big()}, **more)[0]
        return found.tokens // step

    assert tokens(asked(tokens=500 * step), flops=1.0, minutes=9.0) == 500
    assert tokens(asked(tokens=0), flops=700 * step * per_token, minutes=9.0) == 700
    minutes = 2 * 3 * 11 * step / 50 / 60  # two mixtures of three seeds, 50 tokens a second
    assert tokens(asked(tokens=0, seeds=3), minutes=minutes) in (10, 11)
    rule = decided(asked(tokens=0), {"a": big(10**15)})[0]
    assert rule.steps == math.ceil(20 * chosen.model.matmul_weights() / step)


def test_a_budget_in_bytes_gives_each_mixture_its_own_steps():
    files = {"dense": big(10**9, 8 * 10**9), "thin": big(10**9, 2 * 10**9)}
    question = asked(mixtures={"dense": "a", "thin": "b"}, tokens=0, bytes=80_000_000)
    found, chosen = decided(question, files)
    step = max(1, 64 // chosen.model.context) * chosen.model.context
    wanted = {"dense": round(10_000_000 / step), "thin": round(40_000_000 / step)}
    assert (found.by_mixture, found.unit) == (wanted, "bytes")
    assert {name: found.steps_of(name) for name in wanted} == wanted
    assert (found.steps, found.tokens) == (wanted["thin"], wanted["thin"] * step)
    assert budget.Budget(7, 7).steps_of("any") == 7


@pytest.mark.parametrize("cut", [1, 4])
@pytest.mark.parametrize("most", [1.0, 4.0])
def test_a_corpus_is_read_as_often_as_is_allowed(cut, most):
    """A hundredth more and the longest document are let pass: streams end in the middle of one."""
    file = token_file([(600, 1, 0), (400, 1, 0)], ["web"], tokens=100_000)
    limit = int(most * 100_000 / cut * 1.01 + 600)
    budget._check_epochs("web", {"web": file}, limit, 64, cut, most)
    told = "its" if cut == 1 else "its part's .1 of 4."
    with pytest.raises(
        ProbeError, match=rf"web: a run of .* tokens would read {told} .* times, more than {most:g}; give"
    ):
        budget._check_epochs("web", {"web": file}, limit + 1, 64, cut, most)


@pytest.mark.parametrize(
    ("documents", "seeds", "tokens", "wanted"),
    [
        ("shared", 3, 10, 1), ("apart", 3, 10**9, 3), ("apart", 1, 10, 1), ("apart", 5, 10, 1),
        ("auto", 3, 1000, 3), ("auto", 3, 1001, 1), ("auto", 1, 10, 1),
    ],
)  # fmt: skip
def test_seeds_read_documents_of_their_own_where_there_are_enough(documents, seeds, tokens, wanted):
    file = token_file([(750, 1, 0)] * 4, ["web"])
    assert budget.parts(documents, seeds, {"a": tokens}, {"a": file}) == wanted


def test_the_source_that_is_farthest_from_its_share_is_told():
    """Two long documents of two sources: a run that ends within the first has seen one of them alone."""
    file = token_file([(100, 1, 0), (300, 1, 1)])
    worst = budget.unevenness(file, 50, 1, 1)
    assert worst.asked == {"web": 0.25, "wiki": 0.75}[worst.source]
    assert worst.seen in (0, 1)
    assert worst.share == abs(worst.seen - worst.asked)
    whole = budget.unevenness(file, 400, 3, 1)
    assert whole.share == 0
    assert budget.unevenness(token_file([(9, 1, 0)], ["web"]), 5, 3, 1) == budget.Uneven(0, "", 0.0, 0.0)
    short = [(10, 1, 0)] * 100
    lumpy = token_file(
        [*short, (3000, 1, 1)], tokens=10**6
    )  # whatever comes first, a run of 1,000 tokens has too much of one
    with pytest.raises(ProbeError, match=r"a: seed \d would read \d+% of '(web|wiki)' where (25|75)% was asked"):
        decided(asked(), {"a": lumpy})
    assert decided(asked(max_uneven=1.0), {"a": lumpy})[0].parts == 1
    assert budget._allowed(file, 1000, 0.1) == 0.4  # two documents of the middling size
    assert budget._allowed(file, 100_000, 0.1) == 0.1
    assert budget._allowed(token_file([], ["web"]), 10, 0.1) == 0.1


@pytest.mark.parametrize(("parts", "seeds", "fine"), [(1, 9, True), (3, 3, True), (3, 2, True), (3, 4, False)])
def test_more_seeds_than_parts_are_refused(parts, seeds, fine):
    found = budget.Budget(1, 1, parts)
    if fine:
        budget.check_seeds(found, seeds)
        return
    with pytest.raises(ProbeError, match=f"for the {parts} seeds that were planned, {seeds} were asked for"):
        budget.check_seeds(found, seeds)


def test_a_budget_that_was_fixed_stays(tmp_path):
    assert budget.kept(tmp_path) is None
    (tmp_path / "budget.json").write_text('{"steps": 5, "tokens": 640}')
    assert budget.kept(tmp_path) == budget.Budget(5, 640, 1, {}, "tokens")
    (tmp_path / "budget.json").write_text(
        '{"steps": 5, "tokens": 640, "parts": 3, "by_mixture": {"a": 4}, "unit": "bytes"}'
    )
    assert budget.kept(tmp_path) == budget.Budget(5, 640, 3, {"a": 4}, "bytes")
    for wrong in (
        "",
        "[]",
        '{"steps": 5}',
        '{"steps": "x", "tokens": 1}',
        '{"steps": 5, "tokens": 1, "by_mixture": 3}',
    ):
        (tmp_path / "budget.json").write_text(wrong)
        with pytest.raises(ProbeError, match=r"budget\.json: damaged"):
            budget.kept(tmp_path)


# ---- what was prepared ----


def test_an_experiment_on_other_content_is_refused_with_the_files(tmp_path):
    request = {**json.loads(json.dumps(vars(asked(mixtures={"a": "a"})))), "seeds": 3}
    entries = [[f"{n}.txt", 1, 0, 0, "x"] for n in range(5)]
    before = {"request": request, "inputs": {"a": entries}, "planned": 3}
    prepare._check_same(tmp_path, before, request, {"a": entries})
    for changed, told in ((3, "0.txt, 1.txt, 2.txt"), (4, "0.txt, 1.txt, 2.txt, ..."), (1, "0.txt")):
        now = [[*one[:4], "y" if n < changed else "x"] for n, one in enumerate(entries)]
        assert len(inputs.changed(entries, now)) == changed
        with pytest.raises(ProbeError) as error:
            prepare._check_same(tmp_path, before, request, {"a": now})
        assert f"a has changed since ({told}); choose" in str(error.value)
    with pytest.raises(ProbeError, match="different: preset, b"):
        prepare._check_same(tmp_path, before, {**request, "preset": "other"}, {"a": entries, "b": entries})


def test_all_that_decides_what_is_prepared_is_in_its_identity():
    request = {"preset": "20m", "family": "llama", "held_out_bytes": 0, "vocab": 0, "tokenizer": "", "tasks": []}
    entries = {"a": [["f", 1, 2, 3, "x"]]}
    seen = {prepare._identity(request, entries)}
    for change in ({"preset": "b"}, {"family": "gpt2"}, {"held_out_bytes": 1}, {"vocab": 9}, {"tokenizer": "bytes"}):
        seen.add(prepare._identity({**request, **change}, entries))
    for other in (["g", 1, 2, 3, "x"], ["f", 2, 2, 3, "x"], ["f", 1, 2, 3, "y"]):
        seen.add(prepare._identity(request, {"a": [other]}))
    assert len(seen) == 9
    assert prepare._identity(request, {"a": [["f", 1, 5, 6, "x"]]}) in seen  # when and where it lies is nothing
    for file in ("/a/file.json", "z.json"):  # by its content, an input
        assert prepare._identity({**request, "tokenizer": file}, entries) == prepare._identity(request, entries)


def test_what_an_unfinished_preparation_left_is_gone_before_the_next(tmp_path, monkeypatch):
    (tmp_path / "data" / "of another question").mkdir(parents=True)

    def stop(request):
        raise ProbeError("no tokenizer")

    monkeypatch.setattr(prepare, "tokenizer_of", stop)
    with pytest.raises(ProbeError, match="no tokenizer"):
        prepare._tokenize(asked(), tmp_path, print)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("names", "fine"), [("ab", True), ("aba", False)])
def test_two_tasks_of_one_name_are_refused(monkeypatch, names, fine):
    monkeypatch.setattr("train_probe.tasks.read", lambda name: SimpleNamespace(name=name))
    if fine:
        assert [task.name for task in prepare.read_tasks(list(names))] == list(names)
        return
    with pytest.raises(ProbeError, match="two tasks are called 'a'"):
        prepare.read_tasks(list(names))


# ---- the verdict ----


def run(bits, groups=("s",) * 6):
    values = np.linspace(-0.1, 0.1, len(groups)) + bits
    return {"scores": {"bits per byte": Scores(values, np.ones(len(groups)), list(groups)).to_dict()}}


def test_each_pair_is_planned_at_what_the_correction_leaves_it():
    """Holm: of three pairs the clearest is tested at a third of the level, the next at half, the last at all of it."""
    means = {"a": 2.0, "b": 2.02, "c": 2.3}
    runs = {name: {seed: run(x + 0.01 * seed) for seed in range(3)} for name, x in means.items()}
    pairs = compare.judge(runs, "bits per byte", smallest=0.01)["pairs"]
    steps = holm_step([pair["p"] for pair in pairs])
    assert sorted(steps) == [1, 2, 3]
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for pair, step in zip(pairs, steps, strict=True):
        sides = [
            [Scores.of(one["scores"]["bits per byte"]) for one in runs[x].values()] for x in (pair["a"], pair["b"])
        ]
        found = difference(*([(one.values, one.weights) for one in side] for side in sides), False)
        assert pair["detectable"] == pytest.approx(detectable(found, compare.looks.ALPHA / step))
        assert pair["power"] == pytest.approx(power(found, pair["smallest"], compare.looks.ALPHA / step))


def test_one_seed_has_no_plan():
    (pair,) = compare.judge({name: {0: run(x)} for name, x in (("a", 2.0), ("b", 2.1))}, "bits per byte")["pairs"]
    assert (pair["power"], pair["detectable"], pair["more"], pair["plan"]) == (0.0, None, None, None)
    (pair,) = compare.judge({"a": {0: run(2.0)}, "b": {1: run(2.1)}}, "bits per byte")["pairs"]
    assert (pair["seeds"], pair["power"], pair["detectable"], pair["p"]) == (0, 0.0, None, 1.0)


@pytest.mark.parametrize("other", ["sssssr", "rsssss", "sssss"])
@pytest.mark.parametrize("side", ["a", "b"])
def test_runs_on_different_items_are_not_compared(side, other):
    runs = {name: {0: run(2.0), 1: run(2.1)} for name in "ab"}
    runs[side][1] = run(2.1, tuple(other))
    with pytest.raises(ProbeError, match="a and b were evaluated on different items"):
        compare.judge(runs, "bits per byte")


def test_pairs_share_what_both_files_hold(monkeypatch, tmp_path):
    monkeypatch.setattr(compare, "shared_documents", lambda a, b: (a.name, b.name))
    found = compare._shared(tmp_path, dict.fromkeys("abc"))
    assert found == {(a, b): (a, b) for a, b in [("a", "b"), ("a", "c"), ("b", "c")]}


def test_where_the_difference_is_is_told_of_pairs_with_parts(monkeypatch):
    monkeypatch.setattr(breakdown, "largest", lambda *told: [told])
    runs = {"a": {0: {"parts": {"x": 1}}, 1: {"parts": {"x": 2}}}, "b": {0: {"parts": {"x": 3}}, 1: {}}, "c": {0: {"parts": {}}}}  # fmt: skip
    pairs = [{"a": a, "b": b} for a, b in ("ab", "ac", "cb")]
    assert compare._differences(runs, pairs) == [([{"x": 1}, {"x": 2}], [{"x": 3}], ("a", "b"))]


def unseen(monkeypatch, tmp_path, lengths, context=10):
    """What is told of mixtures whose documents have so many bytes (a token each four), and held-out text of 40 and 120 bytes."""
    files = {name: token_file([(size // 4, size, 0)] * 5, ["web"]) for name, size in lengths.items()}
    files[compare.HELD_OUT] = token_file([(10, 40, 0), (30, 120, 0)], ["web"])
    monkeypatch.setattr(compare.TokenFile, "open", lambda path: files[path.name])
    runs = {name: {0: {"tokens": 1000, "model": {"context": context}}} for name in lengths}
    return compare._unseen(tmp_path, runs)


@pytest.mark.parametrize(
    ("context", "seen", "deep"), [(10, 40, "50%"), (20, 80, "25%"), (30, 120, "0%"), (2, 8, "90%"), (100, 400, "0%")]
)
def test_how_much_of_the_held_out_text_is_beyond_the_context(monkeypatch, tmp_path, context, seen, deep):
    """Of 160 bytes those that have more than the context's bytes before them."""
    lines, lengths = unseen(monkeypatch, tmp_path, {"a": 100, "b": 100}, context)
    assert lengths == {"a": 100, "b": 100}
    assert lines[0] == "the budget is in tokens; tokens of a run (bytes): a 1,000 (4,000), b 1,000 (4,000)"
    assert f"{context} tokens is about {seen} bytes" in lines[1]
    assert f"({deep} of the held-out bytes" in lines[1]
    assert len(lines) == 2


@pytest.mark.parametrize(("shorter", "told"), [(100, 2), (84, 2), (76, 5)])
def test_mixtures_that_differ_in_the_length_of_documents_are_told(monkeypatch, tmp_path, shorter, told):
    """From a quarter on: the lengths, the documents begun, and that this favours the shorter ones."""
    lines, _ = unseen(monkeypatch, tmp_path, {"a": 100, "b": shorter})
    assert len(lines) == told
    kinds = Counter(line.split(" differ:")[0] for line in lines if " differ:" in line)
    assert kinds == ({"bytes a document": 1, "documents begun in a run": 1} if told == 5 else {})
    alone, _ = unseen(monkeypatch, tmp_path, {"a": 100})
    assert len(alone) == 2
