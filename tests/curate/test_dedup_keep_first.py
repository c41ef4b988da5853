"""Urls, Exact, Lines, Spans: keys and apply in this process, the election on the engine."""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup import REMOVALS, Exact, Lines, Removal, Spans, Urls, doc64, few, keep_first, normalise
from curate.dedup.base import CorpusStep, doc_hex, survivor_rank
from curate.dedup.spans import without
from curate.engine.session import Session, session
from curate.errors import AlarmError, EngineError
from curate.filters.base import Decision, Document
from curate.run.passes import take_away
from tests.linear import assert_linear

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("url", pa.string()),
        ("host", pa.string()),
        ("date", pa.timestamp("us", tz="UTC")),
    ]
)


def page(name: str, text: str | None, url: str | None = None, day: int | None = None) -> dict[str, object]:
    date = dt.datetime(2026, 1, day, tzinfo=dt.UTC) if day else None
    return {
        "id": hashlib.blake2b(name.encode(), digest_size=16).hexdigest(),
        "text": text,
        "url": url,
        "host": None,
        "date": date,
    }


@pytest.fixture(scope="module")
def sail() -> Iterator[Session]:
    with session("test", engine="sail", cores=2) as s:
        yield s


@pytest.fixture(scope="module", params=["few", "many"])
def engine(request: pytest.FixtureRequest, sail: Session) -> Iterator[Session]:
    """Both ways to hold an election: without the engine, and with it."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "many":
            patch.setattr(few, "MOST_KEYS", -1)
        yield sail


def deduplicate(
    s: Session,
    step: CorpusStep,
    pages: Sequence[dict[str, object]],
    folder: Path,
    files: int = 2,
    shards: int = 4,
) -> tuple[dict[str, Decision], dict[str, object]]:
    """Keys in `files` files, the election, and the decisions on the documents that lost something, by id."""
    (folder / "keys").mkdir(parents=True)
    for number in range(files):
        batch = pa.RecordBatch.from_pylist(list(pages[number::files]), schema=SCHEMA)
        pq.write_table(step.keys(batch), folder / "keys" / f"{number}.parquet")
    facts = step.resolve(s, str(folder / "keys"), str(folder / "lost"), shards)
    lost: dict[int, list[Removal]] = defaultdict(list)
    if any((folder / "lost").rglob("*.parquet")):
        partitions = ds.partitioning(pa.schema([REMOVALS.field("shard")]), flavor="hive")
        for row in ds.dataset(folder / "lost", partitioning=partitions).to_table().to_pylist():
            assert row["shard"] == (row["doc"] % 2**64 >> 32) * shards >> 32
            lost[row["doc"]].append(Removal(row["pos"], row["survivor"], row["value"]))
    decisions = {}
    for one in pages:
        name = str(one["id"])
        if removals := lost.get(int(doc64([name])[0])):
            decisions[name] = take_away(step, removals, Document(id=name, text=str(one["text"] or "")))
    return decisions, facts


def ids(*pages: dict[str, object]) -> set[str]:
    return {str(p["id"]) for p in pages}


pytestmark = pytest.mark.engine


def test_urls_keep_the_newest(engine: Session, tmp_path: Path) -> None:
    old, new = (
        page("old", "a", "http://www.a.org/x/", 1),
        page("new", "b", "https://a.org/x?utm_source=mail", 2),
    )
    dateless = page("dateless", "c", "http://a.org/x")
    other, none = page("other", "d", "http://a.org/y", 1), page("none", "e")
    decisions, facts = deduplicate(engine, Urls(), [old, new, dateless, other, none, page("none2", "f")], tmp_path)
    assert decisions.keys() == ids(old, dateless)
    assert {d.reason for d in decisions.values()} == {"duplicate"}
    assert {d.value for d in decisions.values()} == {3.0}
    assert facts["keys"] == 4
    assert facts["largest"] == [{"survivor": str(new["id"])[:16], "copies": 3}]


def test_exact_keeps_longest_then_earliest_then_smallest_id(engine: Session, tmp_path: Path) -> None:
    spaced = page("spaced", "The  cat\nsat.", day=9)
    same = page("same", "the cat sat.", day=1)
    late, early = page("late", "dogs", day=5), page("early", "DOGS", day=3)
    twins = sorted([page("t1", "twin"), page("t2", "twin")], key=lambda p: int(str(p["id"])[:16], 16) ^ 1 << 63)
    empty = [page("e1", ""), page("e2", "  \n"), page("e3", None)]
    decisions, _ = deduplicate(engine, Exact(), [spaced, same, late, early, *twins, *empty], tmp_path)
    assert decisions.keys() - ids(*empty) == ids(same, late, twins[1])
    assert len(decisions.keys() & ids(*empty)) == 2  # the texts without a word are one text


def test_one_text_in_two_forms_is_one_to_every_method(engine: Session, tmp_path: Path) -> None:
    forms = [
        "“Große” ﬁsche… schwimmen.\nNoch ein Satz.\nEin dritter.",
        '"GROSSE" fische... schwimmen.\nNOCH EIN SATZ.\nEin\xad dritter.',
    ]
    pages = [page(f"http://a.org/{n}", text, f"http://a.org/{n}") for n, text in enumerate(forms)]
    steps: list[CorpusStep] = [Exact(), Lines(), Spans()]
    for number, step in enumerate(steps):
        decisions, _ = deduplicate(engine, step, pages, tmp_path / str(number))
        assert [decision.reason for decision in decisions.values() if decision.reason] in (["duplicate"], ["empty"])


def test_lines_as_in_c4s_code_know_case_alone(engine: Session, tmp_path: Path) -> None:
    pages = [page(name, text, name) for name, text in (("a", "It’s\nOne"), ("b", "it's\none"))]
    decisions, _ = deduplicate(engine, Lines(rule="c4"), pages, tmp_path)
    assert sorted(decision.doc.text for decision in decisions.values() if decision.removed) in (["It’s"], ["it's"])


def test_lines_stay_on_the_page_with_the_smallest_md5(engine: Session, tmp_path: Path) -> None:
    urls = [f"http://a.org/{n}" for n in range(8)]
    pages = [page(u, f"Shared line.\nOwn {n}.\n SHARED LINE. ", u) for n, u in enumerate(urls)]
    decisions, facts = deduplicate(engine, Lines(), pages, tmp_path, files=3)
    first = min(urls, key=lambda u: hashlib.md5(u.encode()).hexdigest())
    for n, one in enumerate(pages):
        decision = decisions[str(one["id"])]
        expected = f"Shared line.\nOwn {n}." if one["url"] == first else f"Own {n}."
        assert decision.doc.text == expected
        assert decision.removed == {"duplicate": 1 if one["url"] == first else 2}
    assert facts["sizes"] == {"16-31": 1}


def test_a_page_without_lines_left_is_dropped(engine: Session, tmp_path: Path) -> None:
    a, b = page("a", "One.\n\nTwo.", "http://a"), page("b", "Two.\nOne.", "http://b")
    decisions, _ = deduplicate(engine, Lines(), [a, b], tmp_path)
    assert [d.reason for d in decisions.values()] == ["empty"]


def test_ccnet_removes_the_first_copy_too(engine: Session, tmp_path: Path) -> None:
    a, b = page("a", "Page 12, of 30!\nBody a."), page("b", "page 47 of 99\nBody b.")
    decisions, _ = deduplicate(engine, Lines(rule="ccnet"), [a, b], tmp_path)
    assert {d.doc.text for d in decisions.values()} == {"Body a.", "Body b."}


def test_spans_leave_exactly_one_copy(engine: Session, tmp_path: Path) -> None:
    shared = "First thing. Second thing. Third thing."
    pages = [page(f"p{n}", f"Start {n}.\n{shared}\nEnd {n}.", f"http://p/{n}") for n in range(5)]
    pairs = page("two", "Second thing. Third thing. Nothing else.", "http://two")
    decisions, _ = deduplicate(engine, Spans(), [*pages, pairs], tmp_path)
    after = [decisions[str(p["id"])].doc.text if str(p["id"]) in decisions else str(p["text"]) for p in pages]
    assert sum(shared in text for text in after) == 1
    assert str(pairs["id"]) not in decisions


def test_a_span_repeated_inside_a_page_keeps_its_first_place(engine: Session, tmp_path: Path) -> None:
    decisions, _ = deduplicate(engine, Spans(), [page("p", " ".join(["Again."] * 9) + "\nEnd.")], tmp_path)
    assert [d.doc.text for d in decisions.values()] == ["Again. Again. Again.\nEnd."]


def test_nothing_repeated(engine: Session, tmp_path: Path) -> None:
    steps: list[CorpusStep] = [Urls(), Exact(), Lines(), Spans()]
    for number, step in enumerate(steps):
        decisions, facts = deduplicate(engine, step, [page("a", "One. Two. Three.", "u")], tmp_path / str(number))
        assert not decisions
        assert facts["clusters"] == 0


WORDS = st.sampled_from(["A b.", "C d.", "E f.", "G h.", "I j."])
TEXTS = st.lists(st.lists(WORDS, max_size=7).map(" ".join), min_size=1, max_size=4).map("\n".join)


@settings(max_examples=12, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_spans_promise(engine: Session, tmp_path_factory: pytest.TempPathFactory, found: list[str]) -> None:
    """Every span of the input is in the output exactly as often as promised: repeated ones once, others stay
    possible.
    """
    step = Spans()
    pages = [page(f"{n}", text, f"http://{n}") for n, text in enumerate(found)]
    decisions, _ = deduplicate(engine, step, pages, tmp_path_factory.mktemp("spans"))
    left = [decisions[str(p["id"])].doc.text if str(p["id"]) in decisions else str(p["text"]) for p in pages]
    before = [span for text in found for span in map(tuple, step._spans(text.encode()).tolist())]
    after = [span for text in left for span in map(tuple, step._spans(text.encode()).tolist())]
    repeated = {span for span in before if before.count(span) > 1}
    assert repeated <= set(after)


DOCS = [-(2**63) + 1, -(2**40), -1, 0, 7 << 33, 2**63 - 1]
HOLDERS = st.lists(st.tuples(st.integers(-2, 1), st.integers(-1, 1), st.sampled_from(DOCS), st.integers(-1, 2)))


def rows_of(holders: Sequence[tuple[int, int, int, int]], *, earlier: bool) -> pa.Table:
    """KEYS rows; every third document has the rank of another."""
    hi, lo, doc, pos = (
        (np.array(column, np.int64) for column in zip(*holders, strict=True))
        if holders
        else [np.zeros(0, np.int64)] * 4
    )
    rank = np.array([DOCS.index(one) // 2 for one in doc.tolist()], np.int64) - (2**62) * earlier
    again = keep_first._again(hi, lo, doc, pos)
    columns = [hi, lo, rank, doc, pos, again]
    return pa.table([pa.array(one) for one in columns], names=keep_first.KEYS.names).cast(keep_first.KEYS)


@settings(max_examples=25, deadline=None)
@given(HOLDERS, HOLDERS, st.sampled_from([(True, False), (True, True), (False, False)]), st.integers(1, 9))
def test_few_keys_and_many_have_one_result(
    sail: Session,
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[int, int, int, int]],
    now: list[tuple[int, int, int, int]],
    kind: tuple[bool, bool],
    shards: int,
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "keys").mkdir()
    pq.write_table(rows_of(before, earlier=True), folder / "keys" / "0.parquet")
    pq.write_table(rows_of(now, earlier=False), folder / "keys" / "1.parquet")
    found = []
    for most in (1000, -1):
        out = folder / f"lost{most}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(few, "MOST_KEYS", most)
            facts = keep_first.elect(
                sail, Exact(), str(folder / "keys"), str(out), shards, keep_one=kind[0], owners=kind[1]
            )
        lost: list[tuple[object, ...]] = []
        for path in out.rglob("*.parquet"):
            for row in pq.ParquetFile(path).read(["doc", "pos", "survivor", "value"]).to_pylist():
                lost.append((path.parent.name, *row.values()))
        found.append(({**facts, "memory_estimate": 0}, sorted(lost, key=repr)))
    assert found[0] == found[1]


def test_few_keys_start_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "MOST_KEYS", 2)
    with session("test", engine="sail", cores=2) as s:
        deduplicate(s, Exact(), [page("a", "One."), page("b", "One.")], tmp_path)
        assert "spark" not in vars(s)


@pytest.mark.parametrize("files", [1, 2, 7, 64])
def test_partitions_do_not_matter(engine: Session, tmp_path: Path, files: int) -> None:
    pages = [page(f"{n}", f"Line {n % 7}.\nLine {n % 11}. More {n % 3}.\nOwn {n}.", f"http://h/{n}") for n in range(90)]
    steps: list[CorpusStep] = [Lines(), Spans(sentences=2)]
    for number, step in enumerate(steps):
        got, _ = deduplicate(engine, step, pages, tmp_path / f"{number}a", files)
        want, _ = deduplicate(engine, step, pages[::-1], tmp_path / f"{number}b", 3)
        assert got == want


def test_exact_and_urls_stop_before_they_wipe_out_a_host(engine: Session, tmp_path: Path) -> None:
    bad = [page(f"bad{n}", "One text for all.", "http://bad.example/") | {"host": "bad.example"} for n in range(60)]
    good = [page(f"good{n}", f"Text {n}.", f"http://good.example/{n}") | {"host": "good.example"} for n in range(90)]
    for number, kind in enumerate((Exact, Urls)):
        with pytest.raises(
            AlarmError, match=r"lose 59 documents, 39\.3%.*max_cluster_share = 0\.2.*others are [0-9a-f]{16}"
        ):
            deduplicate(engine, kind(alarm_from=50), bad + good, tmp_path / f"{number}a")
        with pytest.raises(AlarmError, match=r"bad\.example would lose 59 of 60 documents .*max_host_share = 0\.95"):
            deduplicate(engine, kind(alarm_from=50, max_cluster_share=1.0), bad + good, tmp_path / f"{number}b")
        step = kind(alarm_from=50, max_cluster_share=1.0, max_host_share=1.0)
        assert len(deduplicate(engine, step, bad + good, tmp_path / f"{number}c")[0]) == 59
        assert len(deduplicate(engine, kind(alarm_from=60), bad + good, tmp_path / f"{number}d")[0]) == 59


def test_a_host_is_told_from_so_many_losses_on(sail: Session, tmp_path: Path) -> None:
    """Each host by its own losses: one of a few pages may lose them all."""
    pages = [page(f"s{n}", "One.", None) | {"host": "small"} for n in range(9)]
    pages += [page(f"l{n}", f"Text {n % 30}.", None) | {"host": "large"} for n in range(40)]
    calm = {"max_cluster_share": 1.0, "max_host_share": 0.5}
    assert len(deduplicate(sail, Exact(alarm_from=9, **calm), pages, tmp_path / "a")[0]) == 8 + 10
    with pytest.raises(AlarmError, match=r"small would lose 8 of 9 documents .limit: max_host_share = 0\.5.$"):
        deduplicate(sail, Exact(alarm_from=8, **calm), pages, tmp_path / "b")


def test_too_much_for_memory_is_said_beforehand(sail: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few, "MOST_KEYS", -1)
    monkeypatch.setattr("curate.dedup.memory.free", lambda _: 300 << 20)
    with pytest.raises(
        EngineError, match=r"2 keys need about 0\.4 GiB .* 0\.3 GiB are free: run it with --engine spark"
    ):
        deduplicate(sail, Exact(), [page("a", "One."), page("b", "One.")], tmp_path)


@given(st.text())
def test_sentences_are_the_line(text: str) -> None:
    for line in text.split("\n"):
        assert "".join(normalise.sentences(line)) == (line if line.strip() else "")


def test_sentences() -> None:
    assert normalise.sentences("One. Two? 'Three!' Four.") == ["One. ", "Two? ", "'Three!' ", "Four."]
    assert normalise.sentences("See e.g. this. 3.5 m") == ["See e.g. this. ", "3.5 m"]
    assert normalise.sentences("一。二！三") == ["一。", "二！", "三"]
    assert len(normalise.sentences("." * 500_000 + "x")) == len(normalise.sentences("." + " " * 500_000 + "x")) == 1


@settings(deadline=None)  # the first call makes tables
@given(st.text(alphabet=" \n\t\r.!?\u2026\"')abA1\u2028\x1c\0\u0301\u03a3\u03c2_\u3002\x85\xa0"))
def test_sentences_of_a_text_are_those_of_its_lines(text: str) -> None:
    one_by_one = [piece for line in text.split("\n") for piece in normalise.sentences(line)]
    assert normalise.text_sentences(text) == one_by_one
    assert normalise.folded_sentences(text) == [normalise.same(piece) for piece in one_by_one]


@pytest.mark.parametrize("unit", [".", ". ", ".\n", ".'", '"', " ", ".x", ". x", ". X", "." + " " * 1000])
def test_sentences_of_a_hostile_text_take_linear_time(unit: str) -> None:
    def work(size: int, salt: int) -> Callable[[], Any]:
        text = unit * (size // len(unit)) + "x"
        return lambda: normalise.folded_sentences(text)

    assert_linear(work, repr(unit), 500_000)


def test_without() -> None:
    assert without("A b. C d.\n\nE f.", {0, 1, 2}) == ""
    assert without("A b. C d.\n\nE f. G h.\nI j.", {1, 4}) == "A b.\n\nE f. G h."
    assert without("A b. C d.", set()) == "A b. C d."


def test_doc() -> None:
    name = "ffff0000" * 4
    assert doc_hex(int(doc64([name])[0])) == name[:16]
    with pytest.raises(ValueError, match="invalid literal"):
        doc64(["not an id"])


def test_rank_order() -> None:
    pages = [
        page("1", "abc", day=2),
        page("2", "abc", day=1),
        page("3", "abcd"),
        page("4", "abc"),
        page("5", None),
    ]
    ranks = survivor_rank(pa.RecordBatch.from_pylist(pages, schema=SCHEMA))
    assert (ranks >= 0).all()
    assert ranks[2] < ranks[1] < ranks[0] < ranks[3] < ranks[4]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lines(rule="c5"),
        lambda: Spans(sentences=0),
        lambda: Exact(max_host_share=1.5),
        lambda: Urls(alarm_from=0),
    ],
)
def test_parameters(make: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()  # type: ignore[operator]
