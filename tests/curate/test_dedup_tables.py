"""Who goes and who stays in a table of keys: by plain sets and loops over rows, without an engine."""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.corpus.shards import read_facts
from curate.dedup import Exact, Urls, base, contain, copies, few, keep_first, memory, safety_limits, tables, verify
from curate.dedup.difference import Piece, excerpts
from curate.dedup.lines import page_rank
from curate.dedup.minhash import MinHash
from curate.errors import BalanceError, EngineError
from curate.filters.base import Document
from curate.run.passes import take_away

OFTEN = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
I64 = st.integers(-(2**63), 2**63 - 1)

# ---- documents, their order and their shards ----


@given(I64)
def test_a_document_is_named_by_the_first_16_digits_of_its_id(doc: int) -> None:
    name = base.doc_hex(doc)
    assert len(name) == 16
    assert base.doc_number(name) == doc
    assert base.doc64([f"{name}{'0' * 16}"]).tolist() == [doc]


def test_a_removal_of_a_whole_document_has_no_place_in_it() -> None:
    """Places count from 0, so that no line is taken for the document."""
    assert base.WHOLE < 0


LIMIT = 16 * 2**20 - 1
BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
PAGES = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 1, 2, LIMIT - 1, LIMIT, LIMIT + 5]),
        st.none() | st.sampled_from([-5, 0, 1, 2, 10**9, 4 * 10**10]),
    ),
    max_size=12,
)


@OFTEN
@given(PAGES, st.booleans())
def test_the_longest_text_is_first_then_the_earliest_and_none_is_last(
    pages: list[tuple[int | None, int | None]], dated: bool
) -> None:
    """Lengths beyond 16 MiB and dates before 1970 count as the limit; those of one rank are told apart by their ids."""
    blob = b"x" * (LIMIT + 5)
    texts = pa.array([None if size is None else blob[:size] for size, _ in pages], pa.large_binary())
    columns = {"text": texts}
    if dated:
        dates = [None if age is None else BEGIN + timedelta(seconds=age, microseconds=999_999) for _, age in pages]
        columns["date"] = pa.array(dates, pa.timestamp("us", tz="UTC"))
    ranks = base.survivor_rank(pa.record_batch(columns)).tolist()
    wanted = []
    for size, age in pages:
        date = math.inf if age is None or not dated else max(age, 0)
        wanted.append((-min(size or 0, LIMIT), date))
    assert [sorted(set(ranks)).index(rank) for rank in ranks] == [sorted(set(wanted)).index(one) for one in wanted]
    assert min(ranks, default=0) >= 0


def test_the_newest_page_of_an_address_is_first() -> None:
    pages = [("a", 5), ("b", None), ("c", 9), ("d", -3), ("e", 0)]
    batch = pa.record_batch(
        {
            "id": [f"{name * 16}" for name, _ in pages],
            "text": [""] * 5,
            "url": ["http://e.example/", "http://e.example/", "", "http://e.example/x", "http://e.example/"],
            "date": pa.array([None if s is None else BEGIN + timedelta(seconds=s) for _, s in pages], pa.timestamp("us", "UTC")),
        }
    )  # fmt: skip
    rows = Urls().keys(batch).to_pylist()
    assert [base.doc_hex(row["doc"]) for row in rows] == ["a" * 16, "b" * 16, "d" * 16, "e" * 16]
    keys = [(row["hi"], row["lo"]) for row in rows]
    assert keys[0] == keys[1] == keys[3] != keys[2]
    assert {row["pos"] for row in rows} == {base.WHOLE}
    newest, undated, old, first = (row["rank"] for row in rows)
    assert newest < undated == old == first  # what has no date, or one before there were pages, is older than all


def test_the_page_of_a_line_is_that_with_the_smallest_md5_of_its_address() -> None:
    names = [("a", "http://x.example/1"), ("b", None), ("c", "http://x.example/2"), ("d", "")]
    batch = pa.record_batch({"id": [name for name, _ in names], "url": [url for _, url in names]})
    wanted = [int(hashlib.md5((url or name).encode()).hexdigest()[:16], 16) >> 1 for name, url in names]
    assert page_rank(batch).tolist() == wanted
    assert page_rank(batch.select(["id"])).tolist() == [
        int(hashlib.md5(name.encode()).hexdigest()[:16], 16) >> 1 for name, _ in names
    ]


# ---- one document a key ----

KEY = st.tuples(st.integers(-1, 1), st.integers(-1, 1))
HOLDER = st.tuples(KEY, st.integers(-2, 2), st.sampled_from([-(2**63), -5, 0, 3 << 33, 2**63 - 1]), st.integers(0, 2))


@OFTEN
@given(
    st.lists(HOLDER, max_size=25, unique_by=lambda one: (one[0], *one[2:])),
    st.sampled_from(["one", "owners", "none"]),
    st.integers(1, 9),
)
def test_of_all_who_hold_a_key_the_first_one_keeps_it(
    tmp_path: Path, holders: list[tuple[tuple[int, int], int, int, int]], kind: str, shards: int
) -> None:
    """First is who has the smallest (rank, doc), there at its first place. Ranks below 0 are of documents of before: they lose nothing."""
    holders = [(key, doc % 4 - 1 if rank >= 0 else rank, doc, pos) for key, rank, doc, pos in holders]
    again = [any((one, who) == (key, doc) and at < pos for one, _, who, at in holders) for key, _, doc, pos in holders]
    columns = [[k[0] for k, *_ in holders], [k[1] for k, *_ in holders], *map(list, zip(*(h[1:] for h in holders), strict=True))]  # fmt: skip
    if not holders:
        columns = [[]] * 5
    arrays = [np.array(column, np.int64) for column in columns]
    assert keep_first._again(arrays[0], arrays[1], arrays[3], arrays[4]).tolist() == again
    rows = pa.table([pa.array(a) for a in (*arrays, again)], names=keep_first.KEYS.names)
    (tmp_path / "keys").mkdir(exist_ok=True)
    pq.write_table(rows.cast(keep_first.KEYS), tmp_path / "keys" / "0.parquet")
    found = few.elect([str(tmp_path / "keys")], keep_first.KEYS.names, shards, keep_one=kind != "none", owners=kind == "owners", owner_value=0.0)  # fmt: skip

    by_key = defaultdict(list)
    for (key, rank, doc, pos), later in zip(holders, again, strict=True):
        by_key[key].append((rank, doc, pos, later))
    wanted, sizes = [], Counter[int]()
    for held in by_key.values():
        least = min(rank for rank, *_ in held)
        firsts = [doc for rank, doc, _, later in held if rank == least and not later]
        if len(held) < 2 or not firsts:
            continue
        sizes[len(held)] += 1
        for rank, doc, pos, later in held:
            owns = (rank, doc, later) == (least, min(firsts), False)
            if rank < 0 or (owns and kind == "one"):
                continue
            shard = ((doc % 2**64) >> 32) * shards >> 32
            value = 0.0 if owns and kind == "owners" else float(len(held))
            wanted.append((shard, doc, pos, None if kind == "none" else min(firsts), value))
    assert sorted(map(repr, (tuple(row.values()) for row in found.lost.to_pylist()))) == sorted(map(repr, wanted))
    facts = keep_first._facts(len(holders), found.bins, found.largest, 7)
    assert (facts["keys"], facts["clusters"], facts["memory_estimate"]) == (len(holders), sizes.total(), 7)
    assert facts["copies"] == sum(size * number for size, number in sizes.items())
    told = Counter[str]()
    for size, number in sizes.items():
        power = 2 ** (len(bin(size)) - 3)
        told[f"{power}-{2 * power - 1}"] += number
    assert facts["sizes"] == told
    assert [one["copies"] for one in facts["largest"]] == sorted(sizes.elements(), reverse=True)[:10]


@pytest.mark.parametrize(
    ("copies_of", "clusters", "limit", "looks"), [(12, 2, 10, True), (11, 2, 10, False), (30, 1, None, False)]
)
def test_the_alarm_looks_from_the_stated_number_of_losses_on(
    copies_of: int, clusters: int, limit: int | None, looks: bool
) -> None:
    facts: Any = {"copies": copies_of, "clusters": clusters}
    assert keep_first._alarming(Exact(alarm_from=limit) if limit else None, facts) is looks


# ---- near-duplicates ----

SHINGLES = st.lists(st.integers(0, 9), min_size=1, max_size=9)
MEMBERS = st.lists(
    st.tuples(st.integers(-3, 1), st.integers(0, 1), SHINGLES, st.tuples(st.integers(0, 3), st.integers(4, 7))),
    min_size=1,
    max_size=12,
)
Member = tuple[int, int, list[int], tuple[int, int]]


def members(rows: Sequence[Member]) -> pa.Table:
    """Rows of `contain.MEMBERS`: (rank, component, shingles, bands); documents are numbered from the last to the first."""
    columns = [
        [len(rows) - n for n in range(len(rows))],
        [rank for rank, *_ in rows],
        [component for _, component, *_ in rows],
        [list(bands) for *_, bands in rows],
        [shingles for _, _, shingles, _ in rows],
    ]
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, contain.MEMBERS, strict=True)], schema=contain.MEMBERS
    )


def share_a_band(one: Member, other: Member) -> bool:
    return any(a == b for a, b in zip(one[3], other[3], strict=True))


def jaccard(one: Member, other: Member) -> float:
    x, y = set(one[2]), set(other[2])
    return len(x & y) / len(x | y)


@OFTEN
@given(MEMBERS, st.sampled_from([0.3, 0.5, 0.75, 1.0]), st.booleans())
def test_similar_candidates_are_clustered_as_by_brute_force(
    rows: list[Member], threshold: float, representative: bool
) -> None:
    near, tally = verify.cluster(members(rows), threshold, representative=representative, limit=64)
    docs = {n: len(rows) - n for n in range(len(rows))}
    order = sorted(docs, key=lambda n: (rows[n][1], rows[n][0], docs[n]))
    survivor, kept = {}, list[int]()
    for n in order:
        close = [m for m in kept if share_a_band(rows[n], rows[m]) and jaccard(rows[n], rows[m]) >= threshold]
        if representative:
            survivor[n] = close[0] if close else n
            kept += [] if close else [n]
            continue
        kept.append(n)
        roots = sorted({survivor[m] for m in close} | {n}, key=order.index)
        survivor[n] = roots[0]
        survivor.update({m: roots[0] for m in survivor if survivor[m] in roots})
    wanted = [(docs[n], rows[n][0], docs[m], jaccard(rows[n], rows[m])) for n, m in survivor.items() if m != n]
    assert sorted(tuple(row.values()) for row in near.to_pylist()) == sorted(wanted)
    assert tally[2] == 0
    if representative:
        assert tally[1] == len(wanted)


def gap(one: Sequence[int], other: set[int], ngram: int) -> int:
    """Words in a row of a text with these n-grams that no n-gram of the other one covers."""
    covered = [False] * (len(one) + ngram - 1)
    for at, gram in enumerate(one):
        if gram in other:
            covered[at : at + ngram] = [True] * ngram
    return max(map(len, "".join("-" if held else "x" for held in covered).split("-")))


def held(one: Member, other: Member) -> float:
    return len(set(one[2]) & set(other[2])) / len(set(one[2]))


@OFTEN
@given(MEMBERS, st.sampled_from([0.4, 0.5, 0.8, 1.0]), st.integers(0, 6), st.integers(-1, 5))
def test_who_is_held_goes_to_who_holds_most(rows: list[Member], minimum: float, most: int, heads: int) -> None:
    """In the order of preference: of before, most different n-grams, rank, number. Or against the first `heads` alone, which stay."""
    rows = [(rank, 0, shingles, bands) for rank, _, shingles, bands in rows]
    heads = min(heads, len(rows))
    rule = contain.Rule(minimum, most, 3, 64)
    near, stays, tally = contain.judge(members(rows), rule, heads)
    docs = {n: len(rows) - n for n in range(len(rows))}
    order = sorted(docs, key=lambda n: (rows[n][0] >= 0, -len(set(rows[n][2])), rows[n][0], docs[n]))
    if heads >= 0:
        order = [*range(heads), *(n for n in sorted(docs, key=lambda n: (rows[n][0], docs[n])) if n >= heads)]
    kept, wanted, compared, gaps = list[int](), {}, 0, 0
    for place, n in enumerate(order):
        best: tuple[float, int] | None = None
        if heads < 0 or place >= heads:
            for m in kept:
                if not share_a_band(rows[n], rows[m]) or (best and best[0] == 1):
                    continue
                compared += 1
                share = held(rows[n], rows[m])
                if share < minimum - 1e-9 or (best and share <= best[0]):
                    continue
                if gap(rows[n][2], set(rows[m][2]), 3) > most:
                    gaps += 1
                    continue
                best = (share, m)
        if best:
            wanted[docs[n]] = (rows[n][0], docs[best[1]], pytest.approx(best[0]))
        elif heads < 0 or place < heads:
            kept.append(n)
    assert {row["doc"]: (row["rank"], row["survivor"], row["value"]) for row in near.to_pylist()} == wanted
    assert {docs[n] for n in stays.tolist()} == set(docs.values()) - wanted.keys()
    assert (tally[0], tally[2], tally[3]) == (compared, 0, gaps)


@OFTEN
@given(MEMBERS, st.integers(1, 4), st.integers(1, 3))
def test_slices_of_a_large_component_are_judged_once_each(
    tmp_path: Path, rows: list[Member], block: int, slices: int
) -> None:
    """Block after block, whatever the slices: every document is judged once, and each survivor stays."""
    rows = [(rank, 0, shingles, bands) for rank, _, shingles, bands in rows]
    rule = contain.Rule(0.8, 3, 3, 64)
    found = []
    for count in (1, slices):
        table, folder = members(rows), tmp_path / f"s{count}"
        folder.mkdir(exist_ok=True)
        sources = []
        for n in range(count):
            sources.append(str(folder / f"{n}.parquet"))
            pq.write_table(table.take(pa.array(range(n, len(rows), count), pa.int64())), sources[-1])
        lost, stay, judged = {}, set[int](), 0
        for number in range(99):
            heads, near = str(folder / f"h{number}.parquet"), str(folder / f"n{number}.parquet")
            told = contain.run_block(contain.BlockTask(tuple(sources), heads, near, rule, block))
            first = pq.read_table(near).to_pylist()
            judged += told.documents
            assert told.documents <= block
            left = []
            for n, source in enumerate(sources):
                task = contain.SliceTask(source, heads, str(folder / f"r{number}-{n}.parquet"), str(folder / f"m{number}-{n}.parquet"), rule)  # fmt: skip
                part = contain.run_slice(task)
                assert read_facts(task.out)["left"] == part.left == pq.read_metadata(task.rest).num_rows
                judged += part.documents - part.left
                first += pq.read_table(task.out).to_pylist()
                left += [task.rest] if part.left else []
            stay |= set(pq.read_table(heads)["doc"].to_pylist())
            lost.update({row["doc"]: row["survivor"] for row in first})
            sources = left
            if not sources:
                break
        assert judged == len(rows)
        assert stay | lost.keys() == set(range(1, len(rows) + 1))
        assert not stay & lost.keys()
        assert set(lost.values()) <= stay
        found.append(lost)
    assert found[0] == found[1]


# ---- limits ----


@pytest.mark.parametrize("share", ["max_cluster_share", "max_host_share", "max_source_share"])
@pytest.mark.parametrize(("value", "fine"), [(0, True), (1, True), (-0.01, False), (1.01, False)])
def test_limits_of_alarms_are_shares(share: str, value: float, fine: bool) -> None:
    step = SimpleNamespace(max_cluster_share=0.5, max_host_share=0.5, alarm_from=1)
    setattr(step, share, value)
    if fine:
        safety_limits.check_limits(step)
        return
    with pytest.raises(ValueError, match=f"{share} must be between 0 and 1, got {value}"):
        safety_limits.check_limits(step)


@pytest.mark.parametrize("limit", [1, 2, 0, -1])
def test_alarms_begin_with_a_number_of_documents(limit: int) -> None:
    step = SimpleNamespace(max_cluster_share=0.5, max_host_share=0.5, alarm_from=limit)
    if limit >= 1:
        safety_limits.check_limits(step)
        return
    with pytest.raises(ValueError, match=f"alarm_from must be at least 1, got {limit}"):
        safety_limits.check_limits(step)


@pytest.mark.parametrize(
    "parameters",
    [
        {"threshold": 1.0}, {"minimum": 1.0}, {"gap": 0}, {"permutations": 1}, {"members": 1}, {"ngram": 1},
        {"bands": 1, "rows": 1}, {"merge_near": "numbers"}, {"verify": True, "representative": True},
    ],
)  # fmt: skip
def test_the_least_and_the_most_are_allowed(parameters: dict[str, Any]) -> None:
    MinHash(**parameters)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"host": ["h", None, "", None]}, ["h", None, None, None]),
        ({"host": ["h", None, "", None], "repo": ["r", "r", "r", None], "source": ["s"] * 4}, ["h", "r", "r", "s"]),
        ({"source": ["s"] * 4}, ["s"] * 4),
    ],
)
def test_the_alarm_looks_at_hosts_else_repositories_else_sources(
    columns: dict[str, list[str | None]], told: list[str | None]
) -> None:
    batch = pa.record_batch({"id": ["a"] * 4, **{name: pa.array(c, pa.string()) for name, c in columns.items()}})
    assert [one or None for one in safety_limits.hosts(batch)] == told


@pytest.mark.parametrize(
    ("free", "fine"), [(400 * 2**20 + 1000 * 9 * 135, True), (400 * 2**20 + 1000 * 9 * 135 - 1, False)]
)
def test_a_join_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch, free: int, fine: bool) -> None:
    """135 bytes a document and band, and 400 MiB besides (benchmarks/results/dedup.md); Spark spills."""
    monkeypatch.setattr(memory, "free", lambda _: free)
    monkeypatch.setattr(memory, "allowed", lambda: None)
    monkeypatch.setattr("curate.engine.children.close_all", lambda: None)
    sail: Any = SimpleNamespace(name="sail", memory=None)
    assert memory.check(SimpleNamespace(name="spark"), 10**9, 9) == 0  # type: ignore[arg-type]
    if fine:
        assert memory.check(sail, 1000, 9) == free
        return
    with pytest.raises(EngineError, match=r"1,000 documents x 9 bands need about 0\.4 GiB in the embedded engine"):
        memory.check(sail, 1000, 9)


@pytest.mark.parametrize(("function", "base_size"), [(memory.check_keys, 400 * 2**20), (memory.check_few, 0)])
def test_an_election_takes_200_bytes_a_key(monkeypatch: pytest.MonkeyPatch, function: Any, base_size: int) -> None:
    monkeypatch.setattr(memory, "free", lambda _: None)
    monkeypatch.setattr(memory, "allowed", lambda: None)
    assert function(SimpleNamespace(name="sail", memory=None), 5) == base_size + 5 * 200


# ---- what is told ----


@pytest.mark.parametrize(
    ("words", "n", "told"), [(0, 0, 3), (0, "jaccard", 5), (0, "none", 5), (2, 0, 2), (7, "jaccard", 7)]
)
def test_words_of_a_shingle(words: int, n: Any, told: int) -> None:
    step = MinHash(ngram=words, verify=n or "containment")
    assert step.words == told
    assert step.key_parameters()["ngram"] == told
    assert step.key_parameters()["verify"] == (step.verify != "none")


@given(
    st.lists(st.tuples(I64, st.integers(1, 2**40)), max_size=9, unique_by=lambda one: one[0]), st.lists(I64, max_size=4)
)
@OFTEN
def test_sizes_of_clusters_are_those_that_were_written(
    tmp_path: Path, sizes: list[tuple[int, int]], others: list[int]
) -> None:
    folder = tmp_path / "sizes"
    folder.mkdir(exist_ok=True)
    docs, more = [doc for doc, _ in sizes], [number for _, number in sizes]
    pq.write_table(pa.table([pa.array(docs, pa.int64()), pa.array(more, pa.int64())], schema=copies.MORE), folder / "0.parquet")  # fmt: skip
    known = dict(sizes)
    asked = [*docs, *others]
    found = copies.Sizes(str(folder), len(sizes)).of([base.doc_hex(doc) for doc in asked])
    assert found.tolist() == [min(1 + known.get(doc, 0), 2**31 - 1) for doc in asked]
    for other in (len(sizes) - 1, len(sizes) + 1):
        with pytest.raises(BalanceError, match=f"holds {len(sizes)} sizes of clusters, and {other} were written"):
            copies.Sizes(str(folder), other)


@pytest.mark.parametrize(
    ("place", "shown"), [("alone", "head"), ("first", "tail"), ("last", "head"), ("middle", "both")]
)
@pytest.mark.parametrize("size", [23, 24])
def test_of_what_is_held_the_ends_beside_what_lacks_are_shown(place: str, shown: str, size: int) -> None:
    text = "a" * 10 + "b" * (size - 20) + "c" * 10
    held, lacks = Piece(text, 9, True), Piece("lacks ", 1, False)
    around = {"alone": [held], "first": [held, lacks], "last": [lacks, held], "middle": [lacks, held, lacks]}[place]
    cut = {"head": "a" * 10 + " … ", "tail": " … " + "c" * 10, "both": "a" * 10 + " … " + "c" * 10}[shown]
    found = excerpts(around, context=10)
    assert [piece.text for piece in found if piece.held] == [text if size <= 23 else cut]
    assert [piece.text for piece in found if not piece.held] == ["lacks "] * (len(around) - 1)


def test_excerpts_end_at_the_most_characters() -> None:
    pieces = [Piece("x" * 30, 1, False)] * 3
    assert [piece.text for piece in excerpts(pieces, most=60)] == ["x" * 30] * 2
    assert [piece.text for piece in excerpts(pieces, most=61)] == ["x" * 30, "x" * 30, "x…"]
    assert [piece.text for piece in excerpts(pieces, most=90)] == ["x" * 30] * 3


def test_rows_and_bytes_of_a_folder(tmp_path: Path) -> None:
    assert (tables.count(str(tmp_path / "none")), tables.size(str(tmp_path / "none"))) == (0, 0)
    for n in range(3):
        pq.write_table(pa.table({"a": list(range(n))}), tmp_path / f"{n}.parquet")
    (tmp_path / "note.json").write_text("{}")
    assert tables.count(str(tmp_path)) == 3
    assert tables.size(str(tmp_path)) == sum(path.stat().st_size for path in tmp_path.glob("*.parquet"))


@pytest.mark.parametrize("step", [Exact(), Urls(), MinHash()])
def test_a_document_that_goes_is_told_with_what_was_measured(step: Any) -> None:
    found = take_away(step, [base.Removal(base.WHOLE, 5, 3.0)], Document("1", "text"))
    assert (found.reason, found.value) == ("duplicate", 3.0)


def test_a_step_that_takes_parts_of_documents_must_say_what_is_left() -> None:
    with pytest.raises(AttributeError, match="apply"):
        take_away(Exact(), [base.Removal(0, 5, 3.0)], Document("1", "text"))
