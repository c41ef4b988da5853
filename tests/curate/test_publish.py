"""What is published: how shards are gathered, and what is counted in them, against plain counting."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import schema
from curate.corpus.checksums import Content, total
from curate.corpus.shards import ShardWriter, read_facts, read_written, write_facts
from curate.errors import BalanceError
from curate.filters.labels import folder
from curate.filters.sampling import uniform
from curate.run import languages, ledger, publish

LABELS = ["hin_Deva", "EN", "../../etc", None]
KINDS = ["header:noai", "meta:noindex", "robots.txt:ccbot"]
ROW = st.fixed_dictionaries(
    {
        "file": st.sampled_from(["a.warc", "b.warc", None]),
        "text": st.none() | st.text("aé\n", max_size=8),
        "language": st.sampled_from(LABELS),
        "verdict": st.sampled_from([None, None, "rejected", "failed"]),
        "reason": st.sampled_from(["A.short", "B.long"]),
        "removed": st.lists(
            st.fixed_dictionaries({"rule": st.sampled_from(["C.x", "C.y"]), "count": st.integers(1, 9)}), max_size=2
        ),
        "opt_outs": st.none() | st.lists(st.sampled_from(KINDS), unique=True),
    }
)


def numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**row, "id": f"{n:032x}", "source": "s", "reason": row["reason"] if row["verdict"] else None}
        for n, row in enumerate(rows)
    ]


def write(path: Path, rows: list[dict[str, Any]], table: pa.Schema, scratch: bool = True) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ShardWriter(str(path), table, scratch=scratch) as writer:
        writer.write(pa.Table.from_pylist([{name: row.get(name) for name in table.names} for row in rows], table))
    return str(path)


def task(folder: Path, sources: list[str], **more: Any) -> publish.PublishTask:
    outs = [str(folder / f"{name}.parquet") for name in ("counts", "data", "rejected", "duplicates")]
    return publish.PublishTask(tuple(sources), *outs, (), "web", (), 1.0, **more)  # type: ignore[misc]


def by(rows: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    """What `Counts` says of files or languages, counted one by one."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        value = row[name]
        if name == "language":
            value = folder(value) if value is not None else None
        entry = found.setdefault(value or "", {"kept": 0, "rejected": Counter(), "failed": Counter()})
        if row["verdict"] is None:
            entry["kept"] += 1
        else:
            entry[row["verdict"]][row["reason"]] += 1
    return found


@settings(deadline=None, max_examples=40)
@given(st.lists(ROW, max_size=30), st.data())
def test_counts_are_those_of_plain_counting(tmp_path_factory: Any, rows: list[dict[str, Any]], data: Any) -> None:
    tmp_path, rows = tmp_path_factory.mktemp("counts"), numbered(rows)
    cut = data.draw(st.integers(0, len(rows)))
    sources = [
        write(tmp_path / f"{n}.parquet", part, schema.judged("web", []))
        for n, part in enumerate((rows[:cut], rows[cut:]))
    ]
    asked = task(tmp_path, sources)
    shown = publish.run(asked)
    counts = publish.counts_of(asked)
    kept = [row for row in rows if row["verdict"] is None]
    dropped = [row for row in rows if row["verdict"]]
    for name, told in (("file", counts.files), ("language", counts.languages)):
        plain = {
            key: {part: dict(value) if part != "kept" else value for part, value in entry.items()}
            for key, entry in by(rows, name).items()
        }
        assert {key: {"kept": c.kept, "rejected": c.rejected, "failed": c.failed} for key, c in told.items()} == plain
    sizes = Counter[str]()
    for row in kept:
        sizes[folder(row["language"]) if row["language"] is not None else ""] += len((row["text"] or "").encode())
    assert counts.language_bytes == dict(sizes)
    assert counts.text_bytes == sizes.total()
    removed = Counter[str]()
    for row in rows:
        for one in row["removed"]:
            removed[one["rule"]] += one["count"]
    assert counts.removed == dict(removed)
    for part, some in (("kept", kept), ("dropped", dropped)):
        looked = [row["opt_outs"] for row in some if row["opt_outs"] is not None]
        told_kinds = Counter({"looked_at": len(looked), "any": sum(map(bool, looked))})
        for entries in looked:
            told_kinds.update({"robots.txt" if "robots" in one else one.partition(":")[2] for one in entries})
        assert Counter(counts.opt_outs[part]) == told_kinds
    assert (counts.rows, counts.kept) == (shown.records, shown.kept) == (len(rows), len(kept))
    assert counts.content == total(read_written(path).content for path in sources)
    assert [row["id"] for row in pq.read_table(asked.data).to_pylist()] == [row["id"] for row in kept]
    assert [row["id"] for row in pq.read_table(asked.rejected).to_pylist()] == [row["id"] for row in dropped]


@settings(deadline=None, max_examples=30)
@given(st.lists(ROW, max_size=30), st.integers(0, 30))
def test_a_folder_a_language_holds_the_same(tmp_path_factory: Any, rows: list[dict[str, Any]], cut: int) -> None:
    tmp_path, rows = tmp_path_factory.mktemp("languages"), numbered(rows)
    sources = [
        write(tmp_path / f"{n}.parquet", part, schema.judged("web", []))
        for n, part in enumerate((rows[:cut], rows[cut:]))
    ]
    pieces = tuple(str(tmp_path / f"piece-{n}.parquet") for n in range(2))
    asked = task(tmp_path, sources, pieces=pieces)
    publish.run(asked)
    flat = publish.recount(pieces, asked.rejected)
    assert flat == publish.counts_of(asked)
    kept = [row for row in rows if row["verdict"] is None]
    found = languages.of_languages(pieces)
    assert list(found) == sorted({folder(row["language"]) for row in kept})
    for name, sizes in found.items():
        ones = [[row for row in part if row["verdict"] is None and folder(row["language"]) == name] for part in (rows[:cut], rows[cut:])]  # fmt: skip
        there = {path: sum(len((r["text"] or "").encode()) for r in part) for path, part in zip(pieces, ones, strict=True) if part}  # fmt: skip
        assert sizes == there
        out = str(tmp_path / f"{name}.parquet")
        told = languages.gather_language(languages.LanguageTask(pieces, name, out, "web", ()))
        ids = [row["id"] for part in ones for row in part]
        assert (told.records, told.kept) == (len(ids), len(ids))
        assert pq.read_table(out)["id"].to_pylist() == ids


def test_a_piece_that_says_that_it_holds_other_rows(tmp_path: Path) -> None:
    rows = numbered([{"file": "a", "text": "x", "language": "en", "verdict": None, "reason": "", "removed": [], "opt_outs": None}])  # fmt: skip
    piece = str(tmp_path / "piece.parquet")
    asked = task(tmp_path, [write(tmp_path / "in.parquet", rows, schema.judged("web", []))], pieces=(piece,))
    publish.run(asked)
    facts = read_facts(piece)
    assert facts["languages"]["en"]["groups"] == [0, 1]
    with ShardWriter(str(tmp_path / "other.parquet"), pq.read_schema(piece).remove_metadata(), scratch=True) as writer:
        writer.write(pq.read_table(piece, partitioning=None).cast(writer.schema))
        more = {**facts["languages"]["en"]["content"], "rows": 2}
        writer.facts = {"languages": {"en": {"groups": [0, 1], "content": more}}}
    with pytest.raises(BalanceError, match="its pieces hold"):
        languages.gather_language(
            languages.LanguageTask((str(tmp_path / "other.parquet"),), "en", str(tmp_path / "out.parquet"), "web", ())
        )


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(0, 60), max_size=12), st.integers(1, 200))
def test_groups_are_few_and_in_order(sizes: dict[str, int], target: int) -> None:
    groups = languages.grouped(sizes, target)
    assert [name for group in groups for name in group] == list(sizes)
    assert len(groups) <= max(1, -(-sum(sizes.values()) // target))
    assert all(groups) or not sizes
    assert all(sum(sizes[name] for name in group) <= target + max(sizes.values()) for group in groups if sizes)


def test_groups_of_about_the_size_asked_for() -> None:
    sizes = {str(n): 10 for n in range(12)}
    assert [len(group) for group in languages.grouped(sizes, 30)] == [3, 3, 3, 3]
    assert [len(group) for group in languages.grouped(sizes, 31)] == [3, 3, 3, 3]
    assert [len(group) for group in languages.grouped(sizes, 40)] == [4, 4, 4]
    assert [len(group) for group in languages.grouped(sizes, 120)] == [12]
    assert [len(group) for group in languages.grouped(sizes, 119)] == [6, 6]


@given(st.floats(0, 1))
def test_the_texts_of_a_share_of_the_rejected_stay(share: float) -> None:
    rows = [{"id": f"{n:032x}", "text": f"text {n}"} for n in range(20)]
    batch = pa.RecordBatch.from_pylist(rows)
    left = publish._without_texts(batch, share)
    assert left["id"] == batch["id"]
    assert left["text"].to_pylist() == [
        row["text"] if share >= 1 or uniform(row["id"], "rejected text") < share else None for row in rows
    ]


class Captured:
    """Stands for `run_tasks`, `stage` and `of_corpus`: remembers the tasks, writes what each would have counted, and remembers what
    the ledger is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tasks: list[publish.PublishTask] = []
        self.stages: list[tuple[str, int]] = []
        monkeypatch.setattr(publish, "run_tasks", self.run_tasks)
        monkeypatch.setattr(publish, "stage", self.stage)
        monkeypatch.setattr(publish, "of_corpus", self.of_corpus)

    def of_corpus(self, job: Any, counts: list[publish.Counts], written: dict[str, list[str]], index: Any) -> None:
        self.told = counts, written

    def run_tasks(self, s: Any, job: Any, function: Any, tasks: list[Any]) -> bool:
        assert function is publish.run
        self.tasks = tasks
        for one in tasks:
            empty = {"files": {}, "languages": {}, "language_bytes": {}, "removed": {}, "opt_outs": {}, "text_bytes": 0, "rows": 0, "kept": 0}  # fmt: skip
            write_facts(one.out, {**empty, "content": Content().to_dict()})
        return True

    def stage(self, job: Any, name: str, total: int) -> Any:
        self.stages.append((name, total))
        import contextlib

        return contextlib.nullcontext({})


def planned(folder: Path, kept: list[int], target: int, keep_rejected: bool = False, rejected: int = 0, segments: int = 1) -> Any:  # fmt: skip
    judged = []
    for n, size in enumerate(kept):
        path = str(folder / f"judged-{n}")
        write_facts(path, {"kept_bytes": size, **({"rejected": rejected} if n == 0 else {})})
        judged.append(path)
    recipe = SimpleNamespace(
        shards=SimpleNamespace(target_bytes=target),
        output=SimpleNamespace(by=None),
        signals=["words"],
        steps=[SimpleNamespace()] * segments,
        segments=lambda: [(n, n + 1) for n in range(segments)],
    )
    job = SimpleNamespace(
        recipe=recipe,
        source=SimpleNamespace(kind="web"),
        keep_rejected=keep_rejected,
        path=lambda *names: "/".join((str(folder), *names)),
        scratch=lambda *names: "/".join((str(folder), "scratch", *names)),
    )
    Path(folder / "scratch" / "counts").mkdir(parents=True, exist_ok=True)
    return job, judged


@pytest.mark.parametrize(
    ("kept", "target", "groups"),
    [
        ([10, 10, 10, 10], 20, [2, 2]),
        ([10, 10, 10, 10], 19, [2, 1, 1]),
        ([10, 10, 10, 10], 40, [4]),
        ([10, 10, 10, 10], 39, [2, 2]),
        ([10, 10, 10, 10], 1, [1, 1, 1, 1]),
        ([0, 0], 10, [2]),
        ([5, 5, 5], 10, [2, 1]),
    ],
)
def test_shards_are_gathered_to_about_the_size_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: list[int], target: int, groups: list[int]
) -> None:
    captured = Captured(monkeypatch)
    job, judged = planned(tmp_path, kept, target)
    publish.publish_corpus(None, job, judged)  # type: ignore[arg-type]
    counts, written = captured.told
    assert [len(one.sources) for one in captured.tasks] == groups
    assert [path for one in captured.tasks for path in one.sources] == judged
    assert written == {"data": [one.data for one in captured.tasks]}
    assert len(counts) == len(groups)
    assert captured.stages == [("publish", len(groups))]
    names = [f"part-{n:05d}" in one.data for n, one in enumerate(captured.tasks)]
    assert all(names) or len({one.data for one in captured.tasks}) == len(groups)
    assert all(not one.pieces and not one.sizes and not one.evidence for one in captured.tasks)


@pytest.mark.parametrize(
    ("keep", "rejected", "share"),
    [(False, 0, 1.0), (False, 2000, 1.0), (False, 4000, 0.5), (False, 10**6, 0.01), (True, 10**6, 1.0)],
)
def test_about_two_thousand_texts_of_rejected_documents_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool, rejected: int, share: float
) -> None:
    captured = Captured(monkeypatch)
    publish.publish_corpus(None, *planned(tmp_path, [1], 1, keep, rejected))  # type: ignore[arg-type]
    assert [one.text_share for one in captured.tasks] == [share]


def test_the_evidence_of_every_pass_behind_the_first_is_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captured = Captured(monkeypatch)
    publish.publish_corpus(None, *planned(tmp_path, [1, 1, 1], 2, segments=3))  # type: ignore[arg-type]
    found = [[path.split("/scratch/")[1].split("/")[0] for path in one.evidence] for one in captured.tasks]
    assert found == [["duplicates-2", "duplicates-2", "duplicates-3", "duplicates-3"], ["duplicates-2", "duplicates-3"]]


def counts(**more: Any) -> publish.Counts:
    base: dict[str, Any] = {"files": {}, "languages": {}, "language_bytes": {}, "removed": {}, "opt_outs": {}, "text_bytes": 0, "rows": 0, "kept": 0, "content": Content()}  # fmt: skip
    return publish.Counts(**{**base, **more})


def test_languages_and_opt_outs_are_added_up() -> None:
    one = counts(
        languages={"en": publish.FileCounts(2, {"a.b": 1}, {"c.D": 3}), "": publish.FileCounts(1)},
        language_bytes={"en": 20, "": 4},
        opt_outs={"kept": {"looked_at": 3, "any": 1, "noai": 0}, "dropped": {"looked_at": 2, "any": 2, "noml": 1}},
    )
    two = counts(languages={"en": publish.FileCounts(5, {"a.b": 4})}, language_bytes={"en": 50}, opt_outs={"kept": {"looked_at": 1, "any": 1}})  # fmt: skip
    assert publish._languages([one, two]) == {
        "": {"kept": 1, "rejected": {}, "failed": {}, "text_kept": 4},
        "en": {"kept": 7, "rejected": {"a.b": 5}, "failed": {"c.D": 3}, "text_kept": 70},
    }
    assert publish._opt_outs([one, two]) == {"looked_at": 6, "kept": {"any": 2}, "dropped": {"any": 2, "noml": 1}}
    assert publish._opt_outs([]) == {"looked_at": 0, "kept": {}, "dropped": {}}


def test_a_published_file_is_described_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "part.parquet").write_bytes(b"abc")
    sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of `abc`, FIPS 180
    told = ledger.describe("data", str(tmp_path / "part.parquet"), 0)
    assert told == {"file": "data/part.parquet", "rows": 0, "bytes": 3, "sha256": sha}
    assert "rows" not in ledger.describe("data", str(tmp_path / "part.parquet"))
    assert json.dumps(told)


def test_what_passes_wrote_of_duplicates_is_published_in_their_order(tmp_path: Path) -> None:
    rows = [{"step": step, "id": f"{n:032x}", "pos": n, "survivor": "0" * 16} for n, step in enumerate("CBA")]
    plain = [{name: row.get(name) for name in schema.DUPLICATES.names} for row in rows]
    evidence = [
        write(tmp_path / f"e{n}.parquet", part, schema.DUPLICATES) for n, part in enumerate((rows[:2], [], rows[2:]))
    ]
    asked = replace(
        task(tmp_path, [write(tmp_path / "none.parquet", [], schema.judged("web", []))]), evidence=tuple(evidence)
    )
    publish.run(asked)
    assert pq.read_table(asked.duplicates).to_pylist() == plain
    publish.run(replace(asked, evidence=()))
    assert pq.read_table(asked.duplicates).to_pylist() == []
