"""Content is checked from extraction to the published files: whatever changes a file on the way ends the job."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import checksums, schema, shards
from curate.corpus.recipe import parse
from curate.corpus.shards import ShardWriter, read_written
from curate.errors import BalanceError
from curate.run import passes, pipeline, publish

ROWS = st.lists(st.tuples(st.text("0123456789abcdef", min_size=1, max_size=32), st.none() | st.text()), max_size=20)
TABLE = pa.schema([("id", pa.string()), ("text", pa.string())])


class Tasks:
    """A session that runs tasks here."""

    name, cores = "sail", 2

    def run(self, function: Callable[[Any], Any], tasks: list[Any]) -> Iterator[Any]:
        return map(function, tasks)


def table(rows: list[tuple[str, str | None]]) -> pa.Table:
    return pa.Table.from_pylist([{"id": name, "text": text} for name, text in rows], TABLE)


@settings(deadline=None)
@given(ROWS, st.data())
def test_the_sum_does_not_depend_on_order_and_files(rows: list[tuple[str, str | None]], data: st.DataObject) -> None:
    whole = checksums.of_rows(table(rows))
    shuffled = table(data.draw(st.permutations(rows)))
    cut = data.draw(st.integers(0, len(rows)))
    assert checksums.of_rows(shuffled.slice(0, cut)) + checksums.of_rows(shuffled.slice(cut)) == whole
    assert whole.rows == len(rows)
    assert whole.bytes == sum(len((text or "").encode()) for _, text in rows)
    assert checksums.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


@settings(deadline=None)
@given(ROWS, ROWS)
def test_other_rows_have_another_sum(rows: list[tuple[str, str | None]], others: list[tuple[str, str | None]]) -> None:
    key = str
    same = sorted(rows, key=key) == sorted(others, key=key)
    assert (checksums.of_rows(table(rows)) == checksums.of_rows(table(others))) == same


@settings(deadline=None)
@given(ROWS.filter(len), st.data())
def test_bytes_behind_a_null_are_no_text(rows: list[tuple[str, str | None]], data: st.DataObject) -> None:
    """Arrow's kernels leave them there, and they are in no file."""
    stays = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    whole = table(rows).combine_chunks()
    texts = pc.if_else(pa.array(stays), whole["text"], pa.scalar(None, pa.string()))
    cut = table([(name, text if stay else None) for (name, text), stay in zip(rows, stays, strict=True)])
    assert checksums.of_rows(whole.set_column(1, "text", texts)) == checksums.of_rows(cut)


def test_most_texts_of_rejected_rows_are_left_out(tmp_path: Path) -> None:
    rows = [
        {"id": f"{n:032x}", "source": "s", "text": f"text {n}", "verdict": "rejected", "reason": "a.b"}
        for n in range(300)
    ]
    judged, paths = (
        schema.judged("web", []),
        {name: str(tmp_path / name) for name in ("in", "data", "rejected", "evidence")},
    )
    with ShardWriter(paths["in"], judged, scratch=True) as writer:
        writer.write(pa.Table.from_pylist(rows, judged))
    outs = [str(tmp_path / "out"), paths["data"], paths["rejected"], paths["evidence"]]
    publish.run(publish.PublishTask((paths["in"],), *outs, (), "web", (), 0.2))
    left = pq.read_table(paths["rejected"])["text"]
    assert 200 < left.null_count < 280
    assert read_written(paths["rejected"]).content.bytes == sum(len(text or "") for text in left.to_pylist())


# ---- what may happen to a file between two stages ----


def _swapped(rows: pa.Table) -> pa.Table:
    places = [1, 0, *range(2, rows.num_rows)]
    at = rows.schema.get_field_index("text")
    return rows.set_column(at, rows.schema.field(at), rows["text"].take(pa.array(places)))


def _one_byte(rows: pa.Table) -> pa.Table:
    texts = rows["text"].to_pylist()
    texts[0] = "?" + texts[0][1:]
    at = rows.schema.get_field_index("text")
    return rows.set_column(at, rows.schema.field(at), pa.array(texts, pa.string()))


MUTATIONS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "two texts change places": _swapped,
    "one byte": _one_byte,
    "a row is lost": lambda rows: rows.slice(1),
    "a row is doubled": lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]),
    "one lost, one doubled": lambda rows: pa.concat_tables([rows.slice(1), rows.slice(1, 1)]),
    "all rows the same": lambda rows: rows.take(pa.array([0] * rows.num_rows)),
    "no rows": lambda rows: rows.slice(0, 0),
}


def mutate(path: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a file again, changed, with what it says of itself."""
    with pq.ParquetFile(path) as file:
        facts = {key: value for key, value in file.metadata.metadata.items() if key.startswith(b"curate")}
        rows = file.read()
    changed = change(rows)
    assert not changed.equals(rows)
    pq.write_table(changed.replace_schema_metadata(facts), path)


RECIPE = """
name = "small"
[[step]]
use = "filters.c4.LoremIpsum"
[[step]]
use = "filters.c4.LineRules"
"""


class Chain:
    """The stages of a job without an engine; `spoil` is called with the name of a stage and its files."""

    def __init__(self, folder: Path, spoil: Callable[[str, list[str]], None]) -> None:
        self.folder, self.spoil = folder, spoil

    def path(self, *names: str) -> str:
        return str(self.folder.joinpath(*names))

    def run(self) -> dict[str, Any]:
        made = schema.extracted("web")
        rows = [
            {
                "id": f"{n:x}{n * n % 16:x}".ljust(32, "5"),
                "text": f"The document {n} says very little{' lorem ipsum' * (n % 2)} here.",
                "source": "s",
            }
            for n in range(16)
        ]
        splits = [self.path("splits", f"{n}.parquet") for n in range(2)]
        for n, path in enumerate(splits):
            with ShardWriter(path, made, scratch=True, runs=["id"]) as writer:
                writer.write(pa.Table.from_pylist(rows[n::2], made))
        held = {path: read_written(path).content for path in splits}
        self.spoil("splits", splits)
        parts = pipeline.exchange(Tasks(), held, self.path("merged"), self.path("extracted"), 2, "web")  # type: ignore[arg-type]
        self.spoil("extracted", parts)
        recipe = parse(RECIPE, "small")
        judged = [self.path("pass-1", f"{n}.parquet") for n in range(2)]
        stated = self.path("recipe.toml")
        Path(stated).write_text(RECIPE)
        for a, b in zip(parts, judged, strict=True):
            passes.run(passes.PassTask(a, b, stated, "small", "web", 0, 2))
        self.spoil("pass", judged)
        outs = [self.path(name, "0.parquet") for name in ("counts", "data", "rejected", "duplicates")]
        task = publish.PublishTask(tuple(judged), *outs, (), "web", tuple(recipe.signals), 1.0)
        publish.run(task)
        return shards.read_facts(task.out)


def test_a_chain_that_nothing_happens_to(tmp_path: Path) -> None:
    counts = Chain(tmp_path, lambda stage, files: None).run()
    assert counts["rows"] == 16
    assert checksums.from_dict(counts["content"]).rows == 16


@pytest.mark.parametrize("stage", ["splits", "extracted", "pass"])
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_file_that_changed_between_two_stages(tmp_path: Path, stage: str, name: str) -> None:
    def spoil(at: str, files: list[str]) -> None:
        if at == stage:
            mutate(files[1], MUTATIONS[name])

    with pytest.raises(BalanceError, match=rf"{stage}.*/.*1.*parquet holds"):
        Chain(tmp_path, spoil).run()


@pytest.mark.parametrize("stage", ["splits", "extracted", "pass"])
def test_files_that_change_places_with_other_ones(tmp_path: Path, stage: str) -> None:
    """A whole file of another job, with the right sums of its own."""

    def spoil(at: str, files: list[str]) -> None:
        if at == stage:
            with ShardWriter(files[1], pq.read_schema(files[1]).remove_metadata(), runs=["id"]) as writer:
                writer.write(pq.read_table(files[0], partitioning=None))

    counts: dict[str, Any] = {}
    try:
        counts = Chain(tmp_path, spoil).run()
    except BalanceError:
        return
    # What one task can't see the ledger does: other documents were published than extracted.
    extracted = checksums.total(read_written(str(p)).content for p in sorted((tmp_path / "splits").glob("*.parquet")))
    assert stage != "splits"
    assert not checksums.from_dict(counts["content"]).same_documents(extracted)


@pytest.mark.parametrize("folder", ["data", "rejected"])
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_published_file_that_changed_before_it_was_counted(tmp_path: Path, folder: str, name: str) -> None:
    made = schema.published("web", []) if folder == "data" else schema.judged("web", [])
    paths = {key: str(tmp_path / f"{key}.parquet") for key in ("data", "rejected")}
    for key, path in paths.items():
        row = {"source": "s", "file": "f", "removed": [], **({"verdict": "rejected"} if key == "rejected" else {})}
        rows = [{**row, "id": f"{n:032x}", "text": f"text {n}"} for n in range(3)]
        with ShardWriter(
            path, schema.judged("web", []) if key == "rejected" else schema.published("web", [])
        ) as writer:
            writer.write(pa.Table.from_pylist(rows, writer.schema))
    assert publish.recount([paths["data"]], paths["rejected"]).rows == 6
    assert made == pq.read_schema(paths[folder]).remove_metadata()
    mutate(paths[folder], MUTATIONS[name])
    with pytest.raises(BalanceError, match=rf"{folder}.parquet holds"):
        publish.recount([paths["data"]], paths["rejected"])


def test_a_file_that_does_not_say_what_it_holds(tmp_path: Path) -> None:
    def spoil(stage: str, files: list[str]) -> None:
        if stage == "pass":
            pq.write_table(pq.read_table(files[0], partitioning=None).replace_schema_metadata(None), files[0])

    with pytest.raises(BalanceError, match="not the file that this job wrote"):
        Chain(tmp_path, spoil).run()


def test_a_step_that_loses_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = passes._batch
    monkeypatch.setattr(passes, "_batch", lambda *more: real(*more).slice(1))
    with pytest.raises(BalanceError, match="were lost, doubled or renamed"):
        Chain(tmp_path, lambda stage, files: None).run()
    assert not list(tmp_path.glob("pass-1/*.parquet"))


def test_a_publisher_that_loses_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_without_texts", lambda batch, share: batch.filter(pc.field("id") > "8"))
    with pytest.raises(BalanceError, match="were lost, doubled or renamed"):
        Chain(tmp_path, lambda stage, files: None).run()
