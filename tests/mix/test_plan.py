"""Counting, planning and drawing, without an engine."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.console import cells
from curate.engine.tasks import here
from curate.errors import AlarmError, InputError, UsageError
from curate.files import typed_json
from curate.mixing import counts, hashing, job, ledger, mixture, plan, published, sources, units
from curate.mixing.draw import DrawTask, draw_file, draw_tasks
from curate.mixing.job import MixJob, Request
from curate.tokens.tokenizer import TokenizerFile

Make = Callable[..., Path]


def order(
    folders: Mapping[str, Path], weights: str, tmp_path: Path, bpe: TokenizerFile | None = None, **more: Any
) -> Request:
    """A request for the sources in `folders`."""
    found = tuple(sources.find(name, str(path)) for name, path in folders.items())
    stated = mixture.settle(mixture.load(weights), folders)
    more.setdefault("unit", "tokens" if bpe else "bytes")
    return Request(stated, found, bpe, str(tmp_path / "counts"), **more)


def drawn(order_: Request, planned: plan.Plan, tmp_path: Path) -> Counter[tuple[str, str]]:
    """How often each (source, id) is drawn, from the files that the draw tasks write."""
    times: Counter[tuple[str, str]] = Counter()
    for place, row in enumerate(draw_rows(order_, planned, tmp_path)):
        times[row["source"], row["id"]] += 1
        assert place >= 0
    return times


def draw_rows(order_: Request, planned: plan.Plan, tmp_path: Path) -> list[dict[str, Any]]:
    work = MixJob(order_, str(tmp_path / f"draw-{len(list(tmp_path.iterdir()))}"))
    rows: list[dict[str, Any]] = []
    for task in draw_tasks(work, planned):
        draw_file(typed_json.load(DrawTask, json.loads(json.dumps(typed_json.dump(task)))))
        rows += pq.read_table(task.out).to_pylist()
    return rows


def planned_of(asked: Request) -> plan.Plan:
    return plan.answer(asked, job.measure(asked, here))


@pytest.fixture
def three(make_source: Make) -> dict[str, Path]:
    return {
        "web": make_source("web", 600, files=3, kind="jsonl.gz"),
        "code": make_source("code", 200, kind="parquet"),
        "wiki": make_source("wiki", 90),
    }


def test_counts_are_those_of_the_tokenizer(three: dict[str, Path], tmp_path: Path, bpe: TokenizerFile) -> None:
    from curate.tokens import tokenizer

    asked = order(three, "proportional", tmp_path, bpe)
    files = job.measure(asked, here)
    texts = [json.loads(line)["text"] for line in (three["wiki"] / "00.jsonl").read_text().splitlines()]
    expected = tokenizer.count(tokenizer.load(bpe.path), texts)
    table = pq.read_table(files[2][0].path)
    assert table["tokens"].to_pylist() == expected
    assert files[2][0].totals == counts.Totals(90, sum(expected), sum(len(text.encode()) for text in texts))
    assert files[2][0].words == sum(len(text.split()) for text in texts)
    assert sum(file.totals.documents for file in files[0]) == 600


def test_counts_are_kept_until_the_file_changes(three: dict[str, Path], tmp_path: Path) -> None:
    asked = order(three, "proportional", tmp_path)
    (task,) = counts.tasks(asked.sources[2], asked.counts, None)
    first, made = counts.count_file(task), Path(task.counts).stat().st_mtime_ns
    assert counts.count_file(task) == first
    assert Path(task.counts).stat().st_mtime_ns == made
    with (three["wiki"] / "00.jsonl").open("a") as stream:
        stream.write('{"id": "new", "text": "more"}\n')
    again = counts.tasks(asked.sources[2], asked.counts, None)
    assert counts.count_file(again[0]).totals.documents == 91


@pytest.mark.parametrize("weights", ["web=0.5,code=0.3,wiki=0.2", "web=0.02,code=0.01,wiki=0.97", "uniform", "unimax"])
@pytest.mark.parametrize("unit", ["bytes", "documents", "tokens"])
def test_planned_amounts_are_what_is_drawn(
    three: dict[str, Path], tmp_path: Path, bpe: TokenizerFile, weights: str, unit: str
) -> None:
    asked = order(three, weights, tmp_path, bpe, unit=unit, max_epochs=100)
    planned = planned_of(asked)
    rows = draw_rows(asked, planned, tmp_path)
    for one in planned.draws:
        mine = [row for row in rows if row["source"] == one.source]
        real = counts.Totals(
            len(mine), sum(row["tokens"] for row in mine), sum(len(row["text"].encode()) for row in mine)
        )
        assert real == one.drawn
        assert abs(one.drawn.of(unit) - one.target) <= max(one.step, 1)


@given(
    epochs=st.floats(0.05, 7),
    seed=st.integers(-(2**63), 2**63),
    sizes=st.lists(st.integers(1, 10_000), min_size=1, max_size=300),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_document_is_drawn_floor_or_ceil_times_and_the_sum_is_nearest(
    tmp_path_factory: pytest.TempPathFactory, epochs: float, seed: int, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("counts") / "counts.parquet"
    keys = hashing.document_keys(f"d{i}" for i in range(len(sizes)))
    pq.write_table(counts.COUNTS.empty_table().from_arrays([keys, sizes, sizes], schema=counts.COUNTS), path)
    file = counts.FileCounts("s", "file", str(path), counts.Totals(len(sizes), sum(sizes), sum(sizes)), 1, 1, {})
    stock = plan.stock("s", [file], 0.0)
    budget = epochs * sum(sizes)
    planned = plan.make([stock], {"s": 1.0}, budget, "tokens", seed)
    (one,) = planned.draws
    values = hashing.numbers(keys, hashing.DRAW, seed, "s", one.whole)
    partly = hashing.below(values, one.threshold)
    assert all(number >= one.threshold for number in one.extra)
    assert len(set(one.extra)) == len(one.extra) <= plan.MOST_FILLERS
    partly |= np.isin(values, np.array(one.extra, np.uint64))
    times = one.whole + partly.astype(int)
    assert set(times) <= {int(budget / sum(sizes) + 1e-9), int(budget / sum(sizes) + 1e-9) + 1}
    assert int((times * np.array(sizes)).sum()) == one.drawn.tokens
    # No other cut in the order of the numbers comes nearer to the budget.
    ordered = np.array(sizes)[np.argsort(hashing.numbers(keys, hashing.DRAW, seed, "s", one.whole))]
    cuts = one.whole * sum(sizes) + np.concatenate([[0], np.cumsum(ordered)])
    assert abs(one.drawn.tokens - budget) <= np.abs(cuts - budget).min() + 1e-6


def test_share_is_within_a_thousandth_when_documents_are_small(make_source: Make, tmp_path: Path) -> None:
    folders = {name: make_source(name, 4000, kind="parquet") for name in ("web", "code")}
    planned = planned_of(order(folders, "web=0.7,code=0.3", tmp_path))
    assert planned.deviations() == []
    for one in planned.draws:
        assert planned.share(one) == pytest.approx(one.weight, rel=1e-3)


def test_a_share_that_is_off_says_why(make_source: Make, tmp_path: Path) -> None:
    folders = {name: make_source(name, 9) for name in ("web", "code")}
    planned = planned_of(order(folders, "web=0.7,code=0.3", tmp_path, budget=500))
    (first, *_) = planned.deviations()
    assert "documents are not cut" in first
    assert first in ledger.warnings(planned)


def test_same_seed_shares_documents_whatever_the_weights(three: dict[str, Path], tmp_path: Path) -> None:
    few, many = (
        order(three, weights, tmp_path, budget=budget)
        for weights, budget in (("web=0.5,code=0.3,wiki=0.2", 20_000), ("web=0.8,code=0.1,wiki=0.1", 40_000))
    )
    a, b = (set(drawn(one, planned_of(one), tmp_path)) for one in (few, many))
    for name in three:
        ours, theirs = ({key for key in one if key[0] == name} for one in (a, b))
        smaller, larger = sorted((ours, theirs), key=len)
        assert len(smaller - larger) <= plan.MOST_FILLERS  # documents that fill a gap


def test_another_seed_draws_other_documents(three: dict[str, Path], tmp_path: Path) -> None:
    first, second = (order(three, "web=1,code=0,wiki=0", tmp_path, budget=20_000, seed=seed) for seed in (1, 2))
    a, b = (set(drawn(one, planned_of(one), tmp_path)) for one in (first, second))
    assert 0 < len(a & b) < 0.6 * len(a)


def test_a_new_source_does_not_reshuffle_the_others(three: dict[str, Path], tmp_path: Path) -> None:
    without = order({"web": three["web"]}, "web=1", tmp_path, budget=20_000)
    joined = order(three, "web=0.5,code=0.25,wiki=0.25", tmp_path, budget=40_000)
    rows = [draw_rows(one, planned_of(one), tmp_path) for one in (without, joined)]
    a, b = ({(row["id"], row["epoch"], row["place"]) for row in one if row["source"] == "web"} for one in rows)
    assert a == b


def test_files_and_formats_do_not_matter(make_source: Make, tmp_path: Path) -> None:
    layouts = [("jsonl", 1), ("parquet", 4), ("jsonl.gz", 7)]
    found = []
    for kind, files in layouts:
        folder = make_source("web", 300, files=files, kind=kind, folder=f"layout-{kind}")
        asked = order({"web": folder}, "web=1", tmp_path, budget=70_000, max_epochs=9)
        rows = draw_rows(asked, planned_of(asked), tmp_path)
        found.append(sorted((row["place"], row["shard"], row["id"], row["epoch"], row["text"]) for row in rows))
    assert found[0] == found[1] == found[2]


def test_held_out_documents_are_in_no_mixture(three: dict[str, Path], tmp_path: Path) -> None:
    found = []
    for seed in (0, 1, 2):
        asked = order(three, "uniform", tmp_path, seed=seed, held_out=0.1, max_epochs=50, budget=300_000)
        found.append(set(drawn(asked, planned_of(asked), tmp_path)))
    ids = {("web", f"web-{i}") for i in range(600)}
    keys = hashing.document_keys(f"web-{i}" for i in range(600))
    out = {("web", f"web-{i}") for i in np.flatnonzero(hashing.held_out(keys, 0.1))}
    assert 30 < len(out) < 100
    for one in found:
        assert not one & out
    assert set.union(*found) >= ids - out


def test_held_out_share_only_grows(three: dict[str, Path]) -> None:
    keys = hashing.document_keys(str(i) for i in range(2000))
    small, large = (hashing.held_out(keys, share) for share in (0.01, 0.05))
    assert bool((large | ~small).all())
    assert not hashing.held_out(keys, 0.0).any()


def test_too_many_epochs(three: dict[str, Path], tmp_path: Path) -> None:
    asked = order(three, "web=0.1,code=0.1,wiki=0.8", tmp_path, budget=200_000)
    planned = planned_of(asked)
    with pytest.raises(AlarmError, match="wiki would be repeated") as error:
        planned.check_repeats(asked.max_epochs)
    most = str(error.value).partition("at most ")[2].partition(" bytes")[0]
    assert most.endswith("K")
    fits = order(three, "web=0.1,code=0.1,wiki=0.8", tmp_path, budget=round(float(most[:-2]) * 1000))
    planned_of(fits).check_repeats(fits.max_epochs)
    assert any("epochs; beyond about 4" in one for one in ledger.warnings(planned))


@given(st.floats(1, 1e15))
def test_a_limit_that_is_shown_can_be_kept_to(limit: float) -> None:
    """It was shown rounded to the nearest three digits, and refused when asked for."""
    shown = units.parse(units.short(units.rounded_down(limit)).replace(" ", ""))
    assert limit * 0.98 - 1 <= shown <= limit


@pytest.mark.parametrize(("epochs", "refused"), [(3.95, False), (4.05, True)])
def test_the_limit_of_epochs_is_the_stated_one(
    three: dict[str, Path], tmp_path: Path, epochs: float, refused: bool
) -> None:
    size = planned_of(order({"wiki": three["wiki"]}, "wiki=1", tmp_path)).draws[0].stock.available.bytes
    planned = planned_of(
        order({"wiki": three["wiki"]}, "wiki=1", tmp_path, budget=round(epochs * size), max_epochs=100)
    )
    assert bool(planned.too_often(4.0)) is refused


def test_empty_source_says_why(make_source: Make, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": ""}\nnot json\n{"text": 3}\n[]\n')
    asked = order({"web": make_source("web", 5), "none": folder}, "web=0.5,none=0.5", tmp_path)
    with pytest.raises(
        InputError,
        match=r"source none is empty.*1 empty_text .*1 not_json \(.*a.jsonl: line 2: .*1 not_object .*1 not_text",
    ):
        planned_of(asked)


def test_without_a_budget_no_source_is_repeated(three: dict[str, Path], tmp_path: Path) -> None:
    planned = planned_of(order(three, "web=0.6,code=0.2,wiki=0.2", tmp_path))
    epochs = [planned.epochs(one) for one in planned.draws]
    assert max(epochs) == pytest.approx(1)
    assert all(one.whole <= 1 for one in planned.draws)


def test_a_file_that_changed_after_counting_is_refused(three: dict[str, Path], tmp_path: Path) -> None:
    asked = order(three, "uniform", tmp_path)
    planned = planned_of(asked)
    file = three["wiki"] / "00.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    another = '{"id": "x", "text": "other"}\n'
    for changed in ([another], lines[:-1], [*lines, another], []):
        file.write_text("".join(changed))
        with pytest.raises(InputError, match="changed after it was counted"):
            draw_rows(asked, planned, tmp_path)


@pytest.mark.parametrize(
    ("more", "part"),
    [({"held_out": 1.0}, "--held-out"), ({"max_epochs": 0}, "--max-epochs"), ({"unit": "tokens"}, "tokenizer")],
)
def test_wrong_requests(three: dict[str, Path], tmp_path: Path, more: dict[str, Any], part: str) -> None:
    with pytest.raises(UsageError, match=part):
        order(three, "uniform", tmp_path, **more)


def test_numbers_are_uniform_and_independent() -> None:
    keys = hashing.document_keys(str(i) for i in range(20_000))
    draws = [
        hashing.numbers(keys, purpose, seed, "s", epoch)
        for purpose in ("draw", "order")
        for seed, epoch in ((0, 0), (0, 1), (1, 0))
    ]
    scaled = [one / 2.0**64 for one in draws]
    for one in scaled:
        assert abs(one.mean() - 0.5) < 0.01
        assert np.abs(np.histogram(one, 16, (0, 1))[0] / 1250 - 1).max() < 0.15
    for i, one in enumerate(scaled):
        for other in scaled[:i]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.03


def test_documents_of_one_id_are_drawn_together_and_the_plan_says_so(make_source: Make, tmp_path: Path) -> None:
    folder = make_source("web", 60)
    (folder / "again.jsonl").write_bytes((folder / "00.jsonl").read_bytes())
    asked = order({"web": folder}, "web=1", tmp_path, budget=8_000, held_out=0.0)
    planned = planned_of(asked)
    assert planned.draws[0].stock.repeated_ids == 60
    assert any("60 documents have an id that came before" in one for one in ledger.warnings(planned))
    rows = draw_rows(asked, planned, tmp_path)
    assert set(Counter(row["id"] for row in rows).values()) == {2}
    assert sum(len(row["text"].encode()) for row in rows) == planned.drawn.bytes


def test_llama_table_as_a_plan(tmp_path: Path) -> None:
    """Sources of the sizes that follow from the published table, scaled down, are repeated as often as the table
    says."""
    scale = 1e-6
    stocks, table = [], published.details("llama")["sources"]
    for row in table:
        count = round(row["implied_tokens"] * scale / 20)
        keys = hashing.document_keys(f"{row['source']}-{i}" for i in range(count))
        tokens = np.full(count, 20)
        path = tmp_path / f"{row['source']}.parquet"
        pq.write_table(counts.COUNTS.empty_table().from_arrays([keys, tokens, tokens], schema=counts.COUNTS), path)
        totals = counts.Totals(count, 20 * count, 20 * count)
        file = counts.FileCounts(row["source"], row["source"], str(path), totals, 1, 1, {})
        stocks.append(plan.stock(row["source"], [file], 0.0))
    weights = {row["source"]: row["weight"] for row in table}
    planned = plan.make(stocks, weights, 1.4e12 * scale, "tokens", 0)
    for row, one in zip(table, planned.draws, strict=True):
        assert planned.epochs(one) == pytest.approx(row["printed_epochs"], abs=0.005)
        assert planned.share(one) == pytest.approx(row["printed_weight"], rel=1e-3)
    assert planned.deviations() == []
    assert planned.too_often(4.0) == []


def test_smaller_documents_fill_the_gap_that_large_ones_leave(tmp_path: Path) -> None:
    sizes = np.tile([50_000, 70_000, 13, 90_000, 1_700, 30_011, 420, 8_000], 40)
    keys = hashing.document_keys(f"d{i}" for i in range(len(sizes)))
    path = tmp_path / "counts.parquet"
    pq.write_table(counts.COUNTS.empty_table().from_arrays([keys, sizes, sizes], schema=counts.COUNTS), path)
    file = counts.FileCounts("s", "file", str(path), counts.Totals(len(sizes), int(sizes.sum()), 0), 1, 1, {})
    stock = plan.stock("s", [file], 0.0)
    filled = 0
    for budget in range(1_000_000, 9_000_000, 500_000):
        (one,) = plan.make([stock], {"s": 1.0}, budget, "tokens", 0).draws
        assert abs(one.drawn.tokens / budget - 1) < 1e-3
        if one.extra:
            filled += 1
            values = hashing.numbers(keys, hashing.DRAW, 0, "s", 0)
            chosen = (values < np.uint64(one.threshold)) | np.isin(values, np.array(one.extra, np.uint64))
            assert int(chosen.sum()) == one.drawn.documents
            assert int(sizes[chosen].sum()) == one.drawn.tokens
    assert filled > 5


@given(st.lists(st.integers(1, 30), min_size=2, max_size=12), st.integers(1, 160))
def test_a_wide_table_continues_below(sizes: list[int], width: int) -> None:
    groups = cells.fitting([["x" * size for size in sizes]], width)
    assert [place for group in groups for place in group[1:]] == list(range(1, len(sizes)))
    for group in groups:
        assert group[0] == 0
        assert len(group) == 2 or sum(sizes[place] for place in group) + cells.GAP * (len(group) - 1) <= width
