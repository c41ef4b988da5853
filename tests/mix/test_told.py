"""What a plan and a ledger say of a mixture: against plain counting."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.errors import BalanceError, InputError
from curate.mixing import contamination, counts, hashing, ledger, plan
from curate.mixing.counts import FileCounts, Totals
from curate.mixing.draw import Drawn
from curate.mixing.finish import Amount

MIB = 1 << 20


def file(number: int = 0, skipped: dict[str, int] | None = None, where: dict[str, str] | None = None) -> FileCounts:
    return FileCounts("web", f"{number}.jsonl", "", Totals(), 0, 0, skipped or {}, where=where or {})


def stock(*files: FileCounts, fraction: float = 0.0, **sizes: Any) -> plan.Stock:
    told = {"available": Totals(), "held_out": Totals(), "contaminated": Totals(), **sizes}
    return plan.Stock("web", files or (file(),), fraction, **told)


def draw(weight: float, target: float, available: int, drawn: int, name: str = "web", step: float = 7) -> plan.Draw:
    one = replace(stock(available=Totals(available, available, available)), name=name)
    return plan.Draw(name, weight, one, target, 0, 0, Totals(drawn, drawn, drawn), (), step)


def planned(*draws: plan.Draw, unit: str = "tokens") -> plan.Plan:
    return plan.Plan(0, unit, sum(one.target for one in draws), draws)


@pytest.mark.parametrize(
    ("size", "asked", "shards"),
    [(0, None, 1), (1, None, 1), (256 * MIB, None, 1), (256 * MIB + 1, None, 2), (1000 * MIB, None, 4), (9, 5, 5)],
)
def test_a_mixture_has_a_file_for_each_256_mib(size: int, asked: int | None, shards: int) -> None:
    one = replace(draw(1, 1, 1, 1), drawn=Totals(1, 1, size))
    assert planned(one).number_of_shards(asked) == shards


@given(st.integers(1, 10**9), st.floats(0.01, 50), st.floats(0.1, 1))
def test_what_is_offered_for_too_many_epochs_is_the_most_that_is_taken(
    available: int, most: float, weight: float
) -> None:
    limit = available * most / weight  # a budget of which this source is asked for `most` epochs
    for budget, refused in ((limit * 0.999, False), (limit, False), (limit * 1.001, True)):
        told = planned(draw(weight, weight * budget, available, 0)).too_often(most)
        assert len(told) == refused
        if told:
            offered = told[0].partition("at most ")[2].partition(" tokens")[0]
            number, _, scale = offered.partition(" ")
            value = float(number) * {"": 1, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}[scale]
            assert 0.99 * limit - 1 < value <= limit * (1 + 1e-9)  # three digits, whole, and rounded down
            asked = float(told[0].partition("repeated ")[2].partition(" times")[0])
            assert asked == pytest.approx(1.001 * most, abs=0.0051)


def test_a_share_that_is_off_is_told_with_what_is_missing() -> None:
    even = planned(draw(0.5, 1000, 9000, 1000, "web"), draw(0.5, 1000, 9000, 1000, "wiki"))
    assert even.deviations() == []
    for missing, told in ((1, 0), (3, 2)):  # each is off by half of missing / 1000; a thousandth is let pass
        assert len(planned(draw(0.5, 1000, 9000, 1000 - missing, "web"), even.draws[1]).deviations()) == told
    first, second = planned(draw(0.5, 1000, 9000, 500, "web", 4321), even.draws[1]).deviations()
    assert first == (
        "web: the drawn share is -33.33% off its weight, as documents are not cut: -500 tokens against 1,000 asked, "
        "and the next document has 4,321. A larger budget makes the difference smaller"
    )
    assert second.startswith("wiki: the drawn share is +33.33% off its weight")
    used_up = planned(draw(0.5, 1000, 500, 500, "web", 0), even.draws[1])
    assert "-500 tokens against 1,000 asked, and no document is left of the round. " in used_up.deviations()[0]
    nothing = planned(draw(0.5, 1000, 0, 0, "web"))
    assert (nothing.share(nothing.draws[0]), nothing.epochs(nothing.draws[0])) == (0, 0)


def test_the_first_place_of_each_kind_of_damage_is_told() -> None:
    files = [
        file(1),
        file(2, {"not_json": 3}, {"not_json": "line 7"}),
        file(3, {"not_json": 2, "empty_text": 1}, {"not_json": "line 1", "empty_text": "line 4"}),
        file(4, {"cut": 1}),
    ]
    wanted = ["1 cut", "1 empty_text (3.jsonl: line 4)", "5 not_json (2.jsonl: line 7)"]
    assert plan.skipped_told(stock(*files)) == wanted
    assert ledger.skipped(stock(*files)) == {"cut": 1, "empty_text": 1, "not_json": 5}
    told = ledger.warnings(planned(replace(draw(1, 10, 10, 10), stock=stock(*files, available=Totals(10, 10, 10)))))
    assert told == [f"web: records skipped: {', '.join(wanted)}"]
    with pytest.raises(InputError) as error:
        plan.check_stock(stock(*files[:1], held_out=Totals(4), contaminated=Totals(5)), "documents")
    assert str(error.value) == (
        "source web is empty: 1 files, no document to draw (4 held out, 5 contaminated)"
    )  # fmt: skip
    with pytest.raises(InputError, match=r"0 files, no document to draw \(no records\)"):
        plan.check_stock(replace(stock(), files=()), "tokens")


def test_an_empty_split_is_told_where_one_was_asked_for() -> None:
    said = ["web: no document falls into the held-out split (1.00% of the ids)"]
    for fraction, held, told in ((0.0, 0, []), (0.01, 0, said), (0.01, 1, [])):
        one = stock(fraction=fraction, held_out=Totals(held), available=Totals(10, 10, 10))
        assert ledger.warnings(planned(replace(draw(1, 10, 10, 10), stock=one))) == told


@pytest.mark.parametrize(("epochs", "told"), [(399, False), (400, False), (401, True)])
def test_more_than_four_epochs_are_told(epochs: int, told: bool) -> None:
    found = ledger.warnings(planned(draw(1, epochs, 100, epochs)))
    assert found == ([f"web: {epochs / 100:.1f} epochs; beyond about 4 repeated data is worth much less than new data (Muennighoff et al. 2023)"] if told else [])  # fmt: skip


def counted(folder: Path, keys: Sequence[int], sizes: Sequence[int]) -> FileCounts:
    path = folder / "counts.parquet"
    table = counts.COUNTS.empty_table().from_arrays(
        [pa.array(keys, pa.uint64()), sizes, sizes], schema=counts.COUNTS
    )  # fmt: skip
    pq.write_table(table, path)
    return replace(file(), path=str(path), totals=Totals(len(keys), sum(sizes), sum(sizes)))


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 90))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_repeated_ids_are_counted_among_a_sample_of_them(tmp_path: Path, ids: list[int], sampled: int) -> None:
    """Exactly where all are looked at; else those of a part of the ids, whose number is scaled."""
    keys = hashing.document_keys(map(str, ids)).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "SAMPLED_IDS", sampled)
        found = plan.stock("web", [counted(tmp_path, keys, [1] * len(keys))], 0.0).repeated_ids
    part = max(1, len(keys) // sampled)
    times = Counter(key for key in keys if key % part == 0)
    assert found == part * sum(number - 1 for number in times.values())


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 50), st.integers(1, 90)), min_size=1, max_size=9))
def test_without_a_budget_the_scarcest_source_is_drawn_once(sources: list[tuple[int, int, int]]) -> None:
    """The largest budget for which no source is repeated: those without weight have no say."""
    total = sum(weight for weight, _, _ in sources)
    if not total:
        return
    stocks = [replace(stock(available=Totals(a, b, a)), name=str(n)) for n, (_, a, b) in enumerate(sources)]
    weights = {str(n): weight / total for n, (weight, _, _) in enumerate(sources)}
    for unit, of in (("documents", 1), ("tokens", 2)):
        epochs = [plan.once(stocks, weights, unit) * weights[str(n)] / one[of] for n, one in enumerate(sources)]
        assert max(epochs) == pytest.approx(1)


def source(rows: int, tokens: int, size: int, **more: Any) -> dict[str, Any]:
    """A source of a ledger whose written rows are those that were planned."""
    plain = {"source": "web", "written": {"rows": rows, "tokens": tokens, "bytes": size}}
    return {**plain, "drawn": {"documents": rows, "tokens": tokens, "bytes": size}, **more}


def account(records: int = 9, skipped: int = 0, **fates: int) -> Any:
    told = {"held_out": 0, "contaminated": 0, "drawn": 0, "rows": 0, **fates}
    return ledger._fates(Drawn("web", "a", records, {"cut": skipped} if skipped else {}, **told))


def test_what_became_of_the_records_of_a_file_adds_up() -> None:
    told = account(20, 3, held_out=2, contaminated=1, drawn=10, rows=40)
    assert told["rejected"] == {"held_out": 2, "contaminated": 1, "not_drawn": 4}
    assert (told["records"], told["skipped"], told["kept"], told["failed"]) == (20, {"cut": 3}, 10, {})
    assert account(10, drawn=10)["rejected"] == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"packed_tokens": None}, ""),
        ({"packed_tokens": 79}, "79 tokens packed, 80 planned"),
        ({"packed_tokens": 0}, "0 tokens packed, 80 planned"),
        ({"sources": [source(4, 80, 300, written={"rows": 3, "tokens": 80, "bytes": 300})]}, "web: planned"),
        ({"sources": [source(4, 80, 300, written={"rows": 4, "tokens": 80, "bytes": 301})]}, "web: planned"),
        ({"sources": [source(4, 80, 300, written={"rows": 4, "tokens": 81, "bytes": 300})]}, "web: planned"),
        ({"files": {"a": account(9, drawn=9), "b": account(9, 1, drawn=9)}}, "b: 9 records read, more accounted for"),
        ({"files": {"a": account(9, 1, held_out=8), "b": account(1, drawn=1)}}, ""),
    ],
)
def test_a_ledger_that_does_not_add_up_is_refused(change: dict[str, Any], said: str) -> None:
    found: Any = {"files": {"a": account()}, "sources": [source(4, 80, 300)], "packed_tokens": 80, **change}
    if not said:
        ledger.check(found)
        return
    with pytest.raises(BalanceError, match=f"does not add up: {said}"):
        ledger.check(found)


def test_shares_and_epochs_of_a_ledger_are_those_of_the_written_files() -> None:
    sources = [
        {"written": {"rows": 1, "tokens": 30, "bytes": 8}, "available": {"documents": 4, "tokens": 10, "bytes": 4}},
        {"written": {"rows": 3, "tokens": 10, "bytes": 0}, "available": {"documents": 6, "tokens": 40, "bytes": 0}},
    ]
    for unit, shares, epochs in (
        ("documents", [0.25, 0.75], [0.25, 0.5]),
        ("tokens", [0.75, 0.25], [3, 0.25]),
        ("bytes", [1, 0], [2, 0]),
    ):
        ledger._shares(sources, unit)
        assert [one["share"] for one in sources] == shares
        assert [one["epochs"] for one in sources] == epochs
    nothing = [
        {"written": {"rows": 0, "tokens": 0, "bytes": 0}, "available": {"documents": 1, "tokens": 1, "bytes": 1}}
    ]
    ledger._shares(nothing, "bytes")
    assert nothing[0]["share"] == 0


AMOUNTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 99)), max_size=6)


@given(AMOUNTS, AMOUNTS)
def test_amounts_add_up(one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]) -> None:
    def amount(rows: list[tuple[int, int, int]]) -> Amount:
        epochs = Counter(str(epoch) for epoch, _, _ in rows)
        return Amount(len(rows), sum(t for _, t, _ in rows), sum(b for _, _, b in rows), dict(epochs))

    assert amount(one) + amount(other) == amount([*one, *other])


def test_the_size_of_a_token_is_that_of_all_documents() -> None:
    files = [replace(file(n), totals=Totals(n, 10 * n, 50 * n), characters=40 * n, words=7 * n) for n in (1, 3)]
    told = {"characters_per_token": 4.0, "words_per_token": 0.7, "bytes_per_token": 5.0}
    assert ledger.token_size(stock(*files)) == told
    assert ledger.token_size(stock(file())) is None
    one = planned(replace(draw(1, 1, 1, 1), stock=stock(*files, available=Totals(1, 1, 1))))
    assert ledger.rule_of_thumb(one).startswith("A token is 4.00 characters and 0.70 words here")
    assert ledger.rule_of_thumb(planned(draw(1, 1, 1, 1))) == ""


def test_a_plan_as_json_has_the_numbers_of_the_plan() -> None:
    one = replace(draw(0.25, 100, 90, 45), whole=2, threshold=(1 << 64) - 1, extra=(255,))
    two = draw(0.75, 300, 900, 135, "wiki")
    told = ledger.plan_json(planned(one, two))
    first, second = told["sources"]
    assert (first["weight"], first["share"], first["epochs"]) == (0.25, 0.25, 0.5)
    assert (second["share"], second["epochs"]) == (0.75, 0.15)
    assert (first["threshold"], first["extra"], first["whole_epochs"]) == ("0ffffffffffffffff", ["00000000000000ff"], 2)
    assert first["drawn"] == {"documents": 45, "tokens": 45, "bytes": 45}
    assert told["drawn"] == {"documents": 180, "tokens": 180, "bytes": 180}
    assert (told["unit"], told["budget"]) == ("tokens", 400)


def test_documents_below_a_threshold_are_those_whose_numbers_are() -> None:
    values = np.array([0, 5, 9, (1 << 64) - 1], np.uint64)
    for threshold in (0, 1, 5, 6, (1 << 64) - 1, 1 << 64):
        assert hashing.below(values, threshold).tolist() == [int(value) < threshold for value in values]
    assert math.isclose(float(hashing.held_out(hashing.document_keys(map(str, range(20_000))), 0.3).mean()), 0.3, abs_tol=0.01)  # fmt: skip


def finalised(value: int) -> int:
    """The finaliser of MurmurHash3 (64 bits) as published."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = (value ^ value >> 33) * factor % (1 << 64)
    return value ^ value >> 33


@given(st.text(max_size=9), st.sampled_from([hashing.DRAW, hashing.ORDER]), st.integers(-9, 9), st.integers(0, 9))
def test_numbers_of_documents_never_change(name: str, purpose: str, seed: int, epoch: int) -> None:
    """A seed gives the same mixture with every version: the numbers spelled out."""
    key = xxhash.xxh3_64_intdigest(name.encode())
    salt = xxhash.xxh3_128_intdigest(f"{purpose}\0{seed}\0web\0{epoch}".encode())
    wanted = finalised((finalised(key ^ salt % (1 << 64)) + (salt >> 64)) % (1 << 64))
    assert hashing.numbers(hashing.document_keys([name]), purpose, seed, "web", epoch).tolist() == [wanted]
    assert finalised(1) == 0xB456BCFC34C2CB2C


SPREAD = st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=6)


@given(SPREAD, st.integers(0, 3))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_common_text_is_told_with_the_most_frequent_first(
    tmp_path: Path, items: list[tuple[int, int, int]], common: int
) -> None:
    """Questions that stand alone in more than `common` documents, and passages."""
    columns = [pa.array([one[n] for one in items], pa.int64()) for n in range(3)]
    pq.write_table(pa.table(columns, schema=contamination.SPREAD), tmp_path / "spread.parquet")
    found = contamination.common_items(str(tmp_path / "spread.parquet"), common)
    stay = {n: (alone if alone > common else 0) + passages for n, (alone, passages, _) in enumerate(items)}
    assert found == {n: number for n, number in stay.items() if number}
    assert list(found) == sorted(found, key=lambda n: (-stay[n], n))


@pytest.mark.parametrize(("common", "hits", "bad"), [(0, [0, 1, 0], 1), (1, [0, 1, 1], 2), (2, [1, 1, 1], 3)])
def test_a_question_in_more_documents_than_stated_is_common_text(
    tmp_path: Path, common: int, hits: list[int], bad: int
) -> None:
    """Item 0 stands alone in two documents, item 1 in one; with the answer it counts whatever is common."""
    rows = [(0, 0, "question"), (1, 0, "both"), (1, 2, "passage"), (2, 1, "question")]
    names = ("row", "item", "part")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], contamination.LOOKED)
    pq.write_table(table, tmp_path / "looked.parquet")
    for number in (0, 1):  # twice: in two files of the sources
        spread = contamination.write_spread([str(tmp_path / "looked.parquet")] * (number + 1), 3, str(tmp_path))
        assert pq.read_table(spread).to_pylist() == [
            {"alone": one * (number + 1), "passages": two * (number + 1), "documents": three * (number + 1)}
            for one, two, three in ((1, 0, 2), (1, 0, 1), (0, 1, 0))
        ]
    wide = pa.table(
        [pa.array(one, pa.int64()) for one in ([2, 1, 0], [0, 0, 1], [3, 1, 0])], schema=contamination.SPREAD
    )
    pq.write_table(wide, tmp_path / "wide.parquet")
    task = contamination.judge_task(
        str(tmp_path / "looked.parquet"), 3, str(tmp_path / "wide.parquet"), common, str(tmp_path)
    )
    assert contamination.judge(task) == bad
    assert pq.read_table(task.out)["hits"].to_pylist() == hits
