"""Small rules of passes, the exchange and the runner against plain loops: what steps write down, what fails, which rows go where, which
copy of a record stays, groups of files to merge, what a stage keeps of an earlier run."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.corpus import schema
from curate.corpus.checksums import Content
from curate.corpus.shards import ShardWriter, read_written, shard_of
from curate.dedup.base import Removal, doc64, doc_hex
from curate.dedup.removals import COLUMNS, Removals
from curate.errors import BalanceError, OutputError
from curate.filters.base import Decision, Document, drop, keep
from curate.run import exchange, passes, pipeline, runner
from tests.curate.test_passes import Counts, row

TABLE = schema.judged("web", ["characters", "half"])


class Here:
    """An engine that runs tasks in this process, in order."""

    def run(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        yield from map(function, tasks)


def batch(*rows: dict[str, Any], table: pa.Schema = TABLE) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"source": "s", **one} for one in rows], table)


# ---- steps and rows ----


def test_what_steps_removed_adds_up_by_step_and_code() -> None:
    one = row("text")
    step = lambda doc: keep(doc, removed={"a": 2, "b": 1}, signals={"x": 1.0})  # noqa: E731
    passes.judge([one], [("S", step), ("S", step), ("T", lambda doc: keep(doc, removed={"a": 5}, signals={"x": 2.0}))])
    assert one["removed"] == {"S.a": 4, "S.b": 2, "T.a": 5}
    assert one["signals"] == {"x": 2.0}
    assert one["verdict"] is None


def test_a_step_sees_what_the_one_before_changed_and_a_rejected_text_is_the_changed_one() -> None:
    seen: list[str] = []

    def shout(doc: Document) -> Decision:
        seen.append(doc.text)
        return keep(replace(doc, text=doc.text + "!", language="en", id="other"))

    one = row("a") | {"language": None}
    passes.judge([one], [("A", shout), ("B", shout), ("C", lambda doc: drop(replace(doc, text="c"), "r", 0.5))])
    assert seen == ["a", "a!"]
    assert (one["text"], one["language"], one["id"]) == ("c", "en", "1"), "an id is no step's to change"
    assert "script" not in one, "a kind without a column gets none"
    assert (one["verdict"], one["reason"], one["value"]) == ("rejected", "C.r", 0.5)


@dataclass
class Measures:
    """Measures, and changes the language and rejects for a reason of its own."""

    costly: bool = False
    fails: bool = False

    def __call__(self, doc: Document) -> Decision:
        if self.fails:
            raise ValueError
        return drop(replace(doc, language="xx"), "own", 7, signals={"half": len(doc.text) / 2}, removed={"a": 1})


class Annotates(Measures):
    limits = ()


@pytest.mark.parametrize(
    ("step", "signals", "language"),
    [
        (Measures(), {"characters": 4.0, "half": 2.0}, "en"),
        (Annotates(), {"characters": 4.0, "half": 2.0}, "xx"),
        (Measures(costly=True), {"characters": 4.0}, "en"),
        (Annotates(costly=True), {"characters": 4.0}, "en"),
        (Measures(fails=True), {"characters": 4.0}, "en"),
    ],
)
def test_behind_a_rejection_steps_measure_and_decide_no_more(step: Any, signals: Any, language: str) -> None:
    one = row("text") | {"language": "en"}
    passes.judge([one], [("Short", Counts(5)), ("M", step)])
    assert (one["verdict"], one["reason"], one["value"], one["removed"]) == ("rejected", "Short.short", 4, {})
    assert (one["signals"], one["language"]) == (signals, language)


def test_no_step_sees_a_row_that_is_decided_before_or_that_failed() -> None:
    def no(doc: Document) -> Decision:
        raise AssertionError

    for verdict in ("rejected", "failed"):
        one = row("text") | {"verdict": verdict, "reason": "before"}
        passes.judge([one], [("No", no), ("Counts", Counts(1))])
        assert (one["verdict"], one["reason"], one["signals"]) == (verdict, "before", {})
    one = row("text")
    passes.judge([one], [("No", no), ("Counts", Counts(1))])
    assert (one["reason"], one["signals"]) == ("No.AssertionError", {})


@pytest.mark.parametrize(
    ("made", "fails"),
    [
        (lambda doc: keep(replace(doc, text=b"b")), True),
        (lambda doc: keep(replace(doc, language=b"b")), True),
        (lambda doc: keep(replace(doc, text=None)), True),
        (lambda doc: keep(replace(doc, language=None)), False),
        (lambda doc: keep(doc, removed={"a": 1.5}), True),
        (lambda doc: keep(doc, removed={"a": 1, "b": "1"}), True),
        (lambda doc: keep(doc, removed={"a": 0}), False),
        (lambda doc: drop(doc, 3), True),
        (lambda doc: drop(doc, ""), False),
    ],
)
def test_what_a_step_may_make(made: Any, fails: bool) -> None:
    one = row("text") | {"language": "en"}
    passes.judge([one], [("S", made)])
    assert (one["verdict"] == "failed") is fails
    assert (one["text"], one["reason"]) == ("text", "S.TypeError" if fails else one["reason"])


def test_rows_of_a_batch_and_back() -> None:
    given_ = batch(
        {"id": "0", "text": "a", "signals": {"characters": 1.0, "half": None}, "removed": [{"rule": "b", "count": 2}, {"rule": "a", "count": 1}]},
        {"id": "1", "text": None, "signals": None, "removed": None, "verdict": "failed", "reason": "r", "value": 2.0, "detail": "d"},
    )  # fmt: skip
    rows = passes._rows(given_)
    assert [(r["id"], r["text"], r["signals"], r["removed"]) for r in rows] == [
        ("0", "a", {"characters": 1.0}, {"b": 2, "a": 1}),
        ("1", None, {}, {}),
    ]
    assert [rows[1][name] for name in ("verdict", "reason", "value", "detail")] == ["failed", "r", 2.0, "d"]
    back = passes._batch(given_, rows, TABLE).to_pylist()
    assert back[0]["removed"] == [{"rule": "a", "count": 1}, {"rule": "b", "count": 2}], "in the order of names"
    assert back[1]["removed"] == []
    assert passes._batch(given_.slice(0, 0), [], TABLE).num_rows == 0
    bare = given_.select([name for name in given_.schema.names if name not in ("signals", "removed", "title")])
    rows = passes._rows(bare)
    assert [(r["signals"], r["removed"]) for r in rows] == [({}, {})] * 2
    assert rows[0]["signals"] is not rows[1]["signals"]
    older = batch({"id": "0", "text": "a"}).drop_columns(["url"])
    assert passes._batch(older, passes._rows(older), TABLE)["url"].to_pylist() == [None]


@given(
    st.lists(st.tuples(st.none() | st.text(max_size=5), st.sampled_from([None, "rejected", "failed"]), st.booleans())),
    st.integers(0, 3),
)
def test_texts_are_those_that_steps_made_and_else_those_that_came(
    given_: list[tuple[str | None, str | None, bool]], before: int
) -> None:
    whole = batch(*[{"id": str(at), "text": text, "verdict": verdict} for at, (text, verdict, _) in enumerate(given_)])
    part = whole.slice(before)  # Arrow holds the rows before it, too
    rows = passes._rows(part)
    for one, (_, verdict, shouts) in zip(rows, given_[before:], strict=True):
        passes.judge([one], [("S", lambda doc: keep(replace(doc, text=doc.text + "!")))] if shouts else [])
        assert one["verdict"] == verdict
    wanted = [f"{text or ''}!" if shouts and verdict is None else text for text, verdict, shouts in given_[before:]]
    assert passes._batch(part, rows, TABLE)["text"].to_pylist() == wanted


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"text": "\ud800"}, "text"),
        ({"language_score": "much"}, "language_score"),
        ({"signals": {"characters": "four"}}, "signals"),
        ({"removed": {"a": 1 << 70}}, "removed"),
    ],
)
def test_a_row_that_no_column_holds_fails_alone_and_is_as_it_was(change: dict[str, Any], column: str) -> None:
    before = batch(*({"id": str(n), "text": f"t{n}", "language": "en"} for n in range(3)))
    rows = passes._rows(before)
    for one in rows:
        one.update(language="de", text="new")
    rows[1].update(change)
    made = passes._batch(before, rows, TABLE).to_pylist()
    assert [r["verdict"] for r in made] == [None, "failed", None]
    assert [(r["text"], r["language"]) for r in made] == [("new", "de"), ("t1", "en"), ("new", "de")]
    assert made[1]["reason"].startswith("step.")
    assert made[1]["detail"].startswith(f"column {column}: ")


@pytest.mark.parametrize(
    ("sizes", "local", "packed"),
    [
        ([1, 2], True, False),
        ([], True, False),
        ([pipeline.UNPACKED - 1, 1], True, False),
        ([pipeline.UNPACKED, 1], True, True),
        ([1, 0], True, True),  # a folder of any size
        ([1], False, True),
    ],
)
def test_small_inputs_reach_their_shards_without_compression(sizes: list[int], local: bool, packed: bool) -> None:
    assert pipeline.is_packed(sizes, local=local) is packed


def test_documents_and_bytes_are_counted_by_what_became_of_them() -> None:
    written = Counter[str]()
    kept = [{"text": "\u00e9a"}, {"text": "b"}, {"text": None}]
    passes._count(written, batch(*kept, {"text": "xx", "verdict": "rejected"}))
    passes._count(written, batch({"text": "c"}, {"text": "d", "verdict": "failed"}))
    assert written == {"kept": 4, "rejected": 1, "failed": 1, "kept_bytes": 5}


def test_other_documents_than_were_read_are_an_error() -> None:
    one = Content(2, 10, 3, 4)
    passes.check_documents("p", one, Content(2, 9, 3, 5))
    for other in (Content(3, 10, 3, 4), Content(2, 10, 2, 4)):
        with pytest.raises(BalanceError, match=r"p: .*documents were lost, doubled or renamed"):
            passes.check_documents("p", one, other)


@dataclass
class Takes:
    """Rejects who lost the whole document, else cuts what was lost."""

    def apply(self, doc: Document, lost: Sequence[Removal]) -> Decision:
        if lost[0].pos < 0:
            return drop(doc, "copy", lost[0].value)
        return keep(replace(doc, text=doc.text[len(lost) :]), removed={"cut": len(lost)})


def test_what_a_corpus_wide_step_took_is_applied_to_undecided_rows_that_lost_something() -> None:
    ids = [f"{n:016x}{0:016x}" for n in range(1, 6)]
    docs = doc64(ids).tolist()
    whole, alone, cut, decided = docs[:4]
    lost = [
        {"doc": whole, "pos": -1, "survivor": 0, "value": 0.5},
        {"doc": alone, "pos": -1, "survivor": None, "value": 1.0},
        {"doc": cut, "pos": 2, "survivor": 7},
        {"doc": cut, "pos": 1, "survivor": 7},
        {"doc": decided, "pos": -1, "survivor": 7},
    ]
    rows = [row("text") | {"id": name} for name in ids]
    rows[3].update(verdict="rejected", reason="before")
    removed = passes._apply(rows, ("D", Takes()), Removals(pa.Table.from_pylist(lost, COLUMNS)))
    assert removed == list(zip(ids[:3], docs[:3], strict=True))
    assert [r["reason"] for r in rows] == ["D.copy", "D.copy", None, "before", None]
    assert [r["detail"] for r in rows] == [doc_hex(0), None, None, None, None]
    assert [r["text"] for r in rows] == ["text", "text", "xt", "text", "text"]
    assert rows[2]["removed"] == {"D.cut": 2}


# ---- rows to their shards ----

IDS = st.integers(0, 40).map(lambda n: f"{n * 0x6000000:08x}" + "0" * 24)


@given(st.lists(st.lists(IDS, max_size=8), min_size=1, max_size=3), IDS, IDS, st.integers(1, 4))
def test_rows_between_two_ids(tmp_path_factory: pytest.TempPathFactory, files: list[list[str]], first: str, end: str, group: int) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("b")
    table = schema.extracted("web")
    for n, names in enumerate(files):
        rows = pa.Table.from_pylist([{"id": i, "text": "t", "source": str(n)} for i in sorted(names)], table)
        pq.write_table(rows, folder / f"{n}.parquet", row_group_size=group)
    found = exchange.between(str(folder), len(files), "id", first, end, table)
    assert found.schema == table
    wanted = sorted((i, str(n)) for n, names in enumerate(files) for i in names if first <= i < end)
    assert sorted((r["id"], r["source"]) for r in found.select(["id", "source"]).to_pylist()) == wanted
    for wrong in (len(files) - 1, len(files) + 1):
        with pytest.raises(BalanceError, match=f"holds {len(files)} files instead of {wrong}"):
            exchange.between(str(folder), wrong, "id", first, end, table)


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([], []),
        ([10], [1]),
        ([5, 5, 1], [2, 1]),
        ([11, 1, 9, 1], [1, 2, 1]),
        ([3, 3, 3, 3, 3], [3, 2]),
    ],
)
def test_files_are_merged_in_groups_up_to_a_size(monkeypatch: pytest.MonkeyPatch, sizes: list[int], groups: list[int]) -> None:  # fmt: skip
    asked: list[exchange.MergeTask] = []
    monkeypatch.setattr(exchange, "MERGE_BYTES", 10)
    monkeypatch.setattr(exchange, "merge", asked.append)
    monkeypatch.setattr(exchange, "missing", lambda tasks: tasks)
    parts = {f"in/{n}": Content(bytes=size) for n, size in enumerate(sizes)}
    many = exchange.MERGE_SHARDS + 1
    assert exchange.together(Here(), parts, "m", many, ["id"]) == ("m", len(groups))  # type: ignore[arg-type]
    assert [len(task.sources) for task in asked] == groups
    assert [source for task in asked for source in task.sources] == list(parts)
    assert all((task.shards, task.runs) == (many, ("id",)) for task in asked)
    assert len({task.out for task in asked}) == len(groups)
    asked.clear()
    if parts:
        assert exchange.together(Here(), parts, "m", many - 1, ["id"]) == ("in", len(sizes))  # type: ignore[arg-type]
        assert not asked


def test_merged_rows_are_sorted_in_groups_that_end_where_shards_do(tmp_path: Path) -> None:
    names = [f"{n * 0x9E3779B1 % 2**32:08x}{'0' * 24}" for n in range(40)]
    sources = []
    for n in range(2):
        sources.append(str(tmp_path / f"{n}.parquet"))
        with ShardWriter(sources[-1], schema.extracted("web")) as writer:
            writer.write(
                pa.Table.from_pylist([{"id": i, "text": i, "source": "s"} for i in names[n::2]], writer.schema)
            )
    out = str(tmp_path / "out.parquet")
    assert exchange.merge(exchange.MergeTask(tuple(sources), out, 7, ("id",))) == 40
    groups = [
        pq.ParquetFile(out).read_row_group(g)["id"].to_pylist() for g in range(pq.ParquetFile(out).num_row_groups)
    ]
    assert [i for group in groups for i in group] == sorted(names)
    assert [{shard_of(i, 7) for i in group} for group in groups] == [{n} for n in range(7)]


COPIES = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["0" * 32, "1" * 32]),
        "text": st.sampled_from([None, "", "a", "b", "aa"]),
        "file": st.sampled_from(["x", "y"]),
        "offset": st.integers(0, 2),
        "verdict": st.sampled_from([None, "rejected", "failed"]),
        "truncated": st.sampled_from([None, "length"]),
    }
)


@given(st.lists(COPIES, max_size=7))
def test_the_best_copy_of_a_record_stays(copies: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist([{"source": "s", **one} for one in copies], schema.extracted("web"))

    def rank(one: dict[str, Any]) -> tuple[Any, ...]:
        quality = {None: 1 if one["truncated"] else 0, "rejected": 2, "failed": 3}[one["verdict"]]
        return (
            one["id"],
            quality,
            -len(one["text"] or ""),
            one["file"],
            one["offset"],
            one["text"] is None,
            one["text"] or "",
        )

    order, again = pipeline._order(table)
    rows = table.take(order)
    found = [{name: value for name, value in r.items() if name in COPIES_NAMES} for r in rows.to_pylist()]
    if len({one["id"] for one in copies}) < len(copies):
        assert found == sorted(copies, key=rank)
    assert [r["id"] for r in found] == sorted(one["id"] for one in copies)
    assert again.to_pylist() == [n > 0 and r["id"] == found[n - 1]["id"] for n, r in enumerate(found)]
    for before, repeated, after in zip(rows.to_pylist(), again.to_pylist(), pipeline._rejected(rows, again).to_pylist(), strict=True):  # fmt: skip
        told = {"verdict": "rejected", "reason": "duplicate_record", "detail": before["id"][:16]}
        assert after == before | (told if repeated and before["verdict"] is None else {})


COPIES_NAMES = ("id", "text", "file", "offset", "verdict", "truncated")


# ---- the runner ----


@dataclass
class Made:
    out: str


@dataclass
class Figures:
    rows: int
    share: float


class Shown:
    """A display that remembers."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def stage(self, name: str, total: int, total_bytes: int = 0) -> None:
        self.told.append((name, total, total_bytes))

    def resumed(self, found: int, others: int = 0) -> None:
        self.told.append(("resumed", found, others))

    def update(self, **numbers: int) -> None:
        self.told.append(numbers)


class Own(runner.Job):
    def __init__(self, output: str, inputs: Sequence[str] = (), watcher: Any = None) -> None:
        self.name, self.output, self.inputs, self.watcher = "own", output, inputs, watcher

    def build(self, s: Any) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("there", "others", "told"),
    [
        (0, 0, [{"done": 1, "rows": 5}, {"done": 2, "rows": 5}, {"done": 3, "rows": 5}]),
        (2, 0, [("resumed", 2, 0), {"done": 3, "rows": 5}]),
        (3, 0, [("resumed", 3, 0)]),
        (0, 4, [("resumed", 0, 4), {"done": 1, "rows": 5}, {"done": 2, "rows": 5}, {"done": 3, "rows": 5}]),
    ],
)
def test_tasks_whose_files_stand_are_not_run_again(tmp_path: Path, there: int, others: int, told: list[Any]) -> None:
    tasks = [Made(str(tmp_path / str(n))) for n in range(3)]
    for task in tasks[:there]:
        Path(task.out).touch()
    shown, ran = Shown(), list[Made]()
    job = Own(str(tmp_path / "out"), watcher=shown)
    worked = runner.run_tasks(Here(), job, lambda task: ran.append(task) or Figures(5, 0.5), tasks, others)  # type: ignore
    assert worked is (there < 3)
    assert ran == tasks[there:]
    assert shown.told == told


def test_a_stage_keeps_its_figures_and_adds_its_seconds(tmp_path: Path) -> None:
    shown = Shown()
    job = Own(str(tmp_path / "out"), watcher=shown)
    file = Path(job.scratch(runner.STAGES))
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"a": {"seconds": 100.0, "rows": 1, "kept": 2}, "b": {"seconds": 50.0, "rows": 3}}))
    with runner.stage(job, "a", 4, 9) as facts:
        facts.update(rows=7, worked=True)
    with runner.stage(job, "b", 1) as facts:
        facts.update(rows=8, worked=False)
    with runner.stage(job, "c", 1) as facts:
        facts.update(rows=9, worked=False)
    kept = json.loads(file.read_text())
    assert kept["a"].pop("seconds") >= 100
    assert kept["a"] == {"rows": 7, "kept": 2}
    assert kept["b"] == {"seconds": 50.0, "rows": 3}, "found done: the earlier figures stand"
    assert kept["c"].pop("seconds") >= 0
    assert kept["c"] == {"rows": 9}
    assert shown.told == [("a", 4, 9), ("b", 1, 0), ("c", 1, 0)]


@pytest.mark.parametrize(
    ("output", "refused"), [("in/out", True), ("in/deep/out", True), ("in", True), ("inner", False), ("out", False), ("file/x", False)]
)  # fmt: skip
def test_an_output_inside_of_what_is_read(tmp_path: Path, output: str, refused: bool) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for inputs in (["in", "file"], ["file", "link"]):
        job = Own(str(tmp_path / output), [str(tmp_path / name) for name in inputs])
        if refused:
            with pytest.raises(OutputError, match="is read: choose another"):
                runner._refuse_inside(job)
        else:
            runner._refuse_inside(job)


def test_documents_that_moved_are_those_that_went_in(tmp_path: Path) -> None:
    path = str(tmp_path / "a.parquet")
    with ShardWriter(path, schema.extracted("web")) as writer:
        writer.write(pa.Table.from_pylist([{"id": "0" * 32, "text": "t", "source": "s"}], writer.schema))
    held = read_written(path).content
    exchange.check_moved("it", {path: held}, held)
    exchange.check_moved("it", {}, Content())
    for other in (replace(held, rows=2), replace(held, bytes=2), replace(held, texts=held.texts ^ 1), Content()):
        with pytest.raises(BalanceError, match=r"it wrote .*lost, doubled or changed"):
            exchange.check_moved("it", {path: held}, other)
