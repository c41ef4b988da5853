import json
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import curate
from curate.corpus import schema
from curate.corpus.checksums import Content, total
from curate.corpus.shards import ShardWriter, read_written
from curate.errors import BalanceError, CurateError, InputError, OutputError
from curate.files.output import IDENTITY
from curate.mixing import ledger as mixtures
from curate.run import publish, runner
from curate.run.ledger import accounted, added, check, check_corpus, check_failures, first_failure
from curate.run.publish import Counts, FileCounts


def entry(kept: int, **verdicts: int) -> dict[str, Any]:
    counts = {name: {"some": verdicts.get(name, 0)} for name in ("skipped", "rejected", "failed")}
    return {"records": kept + sum(verdicts.values()), "kept": kept, **counts}


BALANCED = {
    **entry(5, skipped=1, rejected=2, failed=1),
    "files": {"a": entry(3, rejected=2), "b": entry(2, skipped=1, failed=1)},
}
CONTENT = Content(rows=7, bytes=70, ids=11, texts=13)
CORPUS = {
    "data": [{"rows": 3}, {"rows": 2}],
    "kept": 5,
    "content": {"extracted": CONTENT.to_dict(), "published": CONTENT.to_dict()},
}
MIXTURE = {
    "files": {"a": {"records": 4, "rejected": {"held_out": 1}}},
    "sources": [
        {
            "source": "web",
            "drawn": {"documents": 3, "tokens": 30, "bytes": 99},
            "written": {"rows": 3, "tokens": 30, "bytes": 99},
        }
    ],
    "packed_tokens": 30,
}


def test_what_adds_up_passes():
    check(BALANCED)
    check_corpus(CORPUS)
    mixtures.check(MIXTURE)


@given(
    st.sampled_from(["records", "kept", "skipped", "rejected", "failed"]),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([-1, 1]),
)
def test_one_record_too_many_or_too_few_anywhere_is_an_error(part, file, by):
    ledger = deepcopy(BALANCED)
    where = ledger["files"][file] if file else ledger
    if part in ("records", "kept"):
        where[part] += by
    else:
        where[part]["some"] += by
    with pytest.raises(BalanceError, match=f"^the ledger does not add up: {file or 'all files'}: "):
        check(ledger)


@pytest.mark.parametrize("by", [-1, 1])
def test_a_row_too_many_or_too_few_in_data_is_an_error(by):
    with pytest.raises(BalanceError, match=f"data/ holds {5 + by} rows, 5 were kept"):
        check_corpus({**CORPUS, "data": [{"rows": 3}, {"rows": 2 + by}]})


@pytest.mark.parametrize("other", [Content(7, 70, 12, 13), Content(6, 70, 11, 13)])
def test_other_documents_than_were_extracted_are_an_error(other):
    with pytest.raises(BalanceError, match="other documents"):
        check_corpus({**CORPUS, "content": {**CORPUS["content"], "published": other.to_dict()}})


@pytest.mark.parametrize("key", ["rows", "tokens", "bytes"])
def test_a_mixture_that_was_not_written_as_planned_is_an_error(key):
    found = deepcopy(MIXTURE)
    found["sources"][0]["written"][key] += 1
    with pytest.raises(BalanceError, match="web: planned"):
        mixtures.check(found)


def test_tokens_that_were_not_packed_and_files_that_gave_too_much_are_errors():
    with pytest.raises(BalanceError, match="29 tokens packed, 30 planned"):
        mixtures.check({**MIXTURE, "packed_tokens": 29})
    with pytest.raises(BalanceError, match="a: 4 records read, more accounted for"):
        mixtures.check({**MIXTURE, "files": {"a": {"records": 4, "rejected": {"held_out": 6, "not_drawn": -2}}}})


def test_of_many_problems_ten_are_told():
    files = {f"f{n:02}": {**entry(3), "records": 4} for n in range(12)}
    with pytest.raises(BalanceError) as told:
        check({**entry(3), "records": 3, "files": files})
    assert str(told.value).count("records read") == 10
    assert "f09: 4 records read, 3 accounted for" in str(told.value)
    assert "f10" not in str(told.value)


@given(*[st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)) for _ in range(3)], st.integers(0, 9))
def test_all_that_is_known_of_records_is_added_up(skipped, rejected, failed, kept):
    one = {"skipped": skipped, "rejected": rejected, "failed": failed, "kept": kept}
    assert accounted(one) == kept + sum([*skipped.values(), *rejected.values(), *failed.values()])
    whole = added([skipped, rejected, failed])
    assert whole == {key: sum(part.get(key, 0) for part in (skipped, rejected, failed)) for key in whole}
    assert set(whole) == {*skipped, *rejected, *failed}
    assert list(whole.items()) == sorted(whole.items(), key=lambda item: (-item[1], item[0]))


def test_more_failures_than_the_recipe_allows():
    for share, most in ((0.0, 0.0), (0.01, 0.01), (0.5, 1.0)):
        check_failures("out", {"limits": {"failed_share": share, "max_failed": most}})
    check_failures("out", {})  # of jobs without steps
    with pytest.raises(
        CurateError, match=r"^2\.00% of the documents failed, more than the 1\.00% the recipe allows: see out$"
    ):
        check_failures("out", {"limits": {"failed_share": 0.02, "max_failed": 0.01}})


class Corpus:
    """What `of_corpus` asks of a job, in a folder."""

    name, command, uses_named = "clean", "curate clean", "files_used"

    def __init__(self, folder: Path, inputs: int = 1) -> None:
        self.folder = folder
        self.work = str(folder / "work")
        self.source = SimpleNamespace(kind="web", inputs=[(f"f{n}", 100 + n) for n in range(inputs)])
        self.recipe = SimpleNamespace(
            name="r",
            digest="d",
            labels=("A", "B"),
            limits=SimpleNamespace(max_failed=0.5),
            segments=lambda: [(0, 1), (1, 2)],
        )
        for path, stored in (
            (self.path(IDENTITY), {"contents": {"f0": 1}, "files_used": {"list": "sha"}}),
            (self.scratch(runner.STAGES), {"extract": {"seconds": 2.0, "records": 7}}),
            (self.scratch("facts-1.json"), {"step": "B", "facts": {"groups": 3}, "losses": [2, 4]}),
        ):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(json.dumps(stored))

    def path(self, *names: str) -> str:
        return str(Path(self.work).joinpath(*names))

    def scratch(self, *names: str) -> str:
        return str(Path(self.work).joinpath("_scratch", *names))

    def write(self, folder: str, rows: list[dict[str, Any]]) -> str:
        table = schema.published("web", []) if folder == "data" else schema.judged("web", [])
        Path(self.path(folder)).mkdir(parents=True, exist_ok=True)
        with ShardWriter(self.path(folder, "part-00000.parquet"), table) as writer:
            writer.write(pa.Table.from_pylist(rows, table))
        return self.path(folder, "part-00000.parquet")


def row(n: int, **more: Any) -> dict[str, Any]:
    return {"id": f"{n:032x}", "source": "s", "file": "a", "text": f"text {n}", **more}


def published(tmp_path: Path) -> tuple[Corpus, list[Counts], dict[str, list[str]], dict[str, Any]]:
    """Of eight records two are skipped, two kept, two rejected, and two failed, one of these in a step."""
    job = Corpus(tmp_path)
    data = job.write("data", [row(0), row(1)])
    rejected = job.write("rejected", [row(n, verdict="rejected", reason="A.short") for n in (2, 3)] + [row(4, verdict="failed", reason="A.ValueError"), row(5, verdict="failed", reason="damaged")])  # fmt: skip
    content = total(read_written(path).content for path in (data, rejected))
    one = {
        "a": FileCounts(1, {"A.short": 1}, {"A.ValueError": 1}),
        "b": FileCounts(0, {"A.short": 1}, {"damaged": 1}),
    }
    empty = {"languages": {}, "language_bytes": {}, "opt_outs": {}}
    counts = [
        Counts(one, removed={"B.x": 2}, text_bytes=6, rows=5, kept=1, content=content, **empty),
        Counts({"a": FileCounts(1)}, removed={"B.x": 1, "B.y": 5}, text_bytes=6, rows=1, kept=1, content=Content(), **empty),
    ]  # fmt: skip
    index = {
        "files": {"a": {"records": 5, "skipped": {"not_html": 1}}, "b": {"records": 2, "skipped": {}}, "c": {"records": 1, "skipped": {"x": 1}}},
        "fallback": 2, "bytes": 60, "content": content.to_dict(),
    }  # fmt: skip
    return job, counts, {"data": [data]}, index


def test_the_ledger_of_a_corpus(tmp_path: Path) -> None:
    job, counts, written, index = published(tmp_path)
    told = publish.of_corpus(job, counts, written, index)  # type: ignore[arg-type]
    assert told["files"] == {
        "a": {"records": 5, "skipped": {"not_html": 1}, "rejected": {"A.short": 1}, "failed": {"A.ValueError": 1}, "kept": 2},
        "b": {"records": 2, "skipped": {}, "rejected": {"A.short": 1}, "failed": {"damaged": 1}, "kept": 0},
        "c": {"records": 1, "skipped": {"x": 1}, "rejected": {}, "failed": {}, "kept": 0},
    }  # fmt: skip
    assert {name: told[name] for name in ("version", "curate", "job", "command", "contents", "records", "kept")} == {
        "version": 1, "curate": curate.__version__, "job": "clean", "command": "curate clean", "contents": {"f0": 1}, "records": 8, "kept": 2,
    }  # fmt: skip
    assert told["skipped"] == {"not_html": 1, "x": 1}
    assert (told["rejected"], told["failed"]) == ({"A.short": 2}, {"A.ValueError": 1, "damaged": 1})
    assert told["stages"] == [{"name": "extract", "seconds": 2.0, "records": 7}]
    assert told["recipe"] == {"name": "r", "digest": "d", "steps": ["A", "B"], "files": {"list": "sha"}}
    assert (told["extract"], told["removed"]) == ({"fallback": 2}, {"B.y": 5, "B.x": 3})
    assert told["bytes"] == {"input": 100, "text_extracted": 60, "text_kept": 12}
    assert told["dedup"] == [{"step": "B", "groups": 3, "losses": 6}]
    # of five documents one failed in a step; what could not be read was none
    assert told["limits"] == {"failed_share": 1 / 5, "max_failed": 0.5}
    assert told["content"]["published"] == told["content"]["extracted"] == index["content"]
    assert [(one["file"], one["rows"]) for one in told["data"]] == [("data/part-00000.parquet", 2)]
    check(told)


def test_a_corpus_whose_files_hold_other_rows_than_were_counted(tmp_path: Path) -> None:
    job, counts, written, index = published(tmp_path)
    with pytest.raises(BalanceError, match="data/ holds 0 rows, 2 were kept"):
        publish.of_corpus(job, counts, {"data": []}, index)  # type: ignore[arg-type]
    with pytest.raises(BalanceError, match="other documents"):
        publish.of_corpus(job, counts, written, {**index, "content": Content(6, 1, 2, 3).to_dict()})  # type: ignore[arg-type]


def test_a_file_that_no_reader_has_counted_does_not_add_up(tmp_path: Path) -> None:
    job, counts, written, index = published(tmp_path)
    told = publish.of_corpus(job, counts, written, {**index, "files": {"b": index["files"]["b"]}})  # type: ignore[arg-type]
    assert told["files"]["a"] == {"records": 0, "skipped": {}, "rejected": {"A.short": 1}, "failed": {"A.ValueError": 1}, "kept": 2}  # fmt: skip
    with pytest.raises(BalanceError, match="a: 0 records read, 4 accounted for"):
        check(told)


def test_a_corpus_of_nothing_has_no_ledger(tmp_path: Path) -> None:
    job, _, _, index = published(tmp_path)
    with pytest.raises(InputError, match="no document could be read"):
        publish.of_corpus(job, [], {}, {**index, "content": Content().to_dict()})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failed", "skipped", "inputs", "told"),
    [
        ({"damaged": 1200}, {"not_html": 2}, 1, r"read from 1 file: 1,200 damaged, 2 not_html$"),
        ({}, {}, 1001, r"read from 1,001 files: no record is in them$"),
        ({}, {}, 1, r"read from 1 file: no record is in it$"),
        ({}, {}, -2, r"read from 2 files: they are empty$"),
        ({}, {"x": 1}, 2, r"read from 2 files: 1 x$"),
    ],
)
def test_a_corpus_of_which_nothing_could_be_read_is_none(
    tmp_path: Path, failed: dict[str, int], skipped: dict[str, int], inputs: int, told: str
) -> None:
    job = Corpus(tmp_path, abs(inputs))
    if inputs < 0:
        job.source.inputs = [(name, 0) for name, _ in job.source.inputs]
    with pytest.raises(InputError, match=told):
        publish._refuse_nothing(job, {"kept": 0, "rejected": {}, "failed": failed, "skipped": skipped})  # type: ignore[arg-type]
    assert not Path(job.work).exists()


@pytest.mark.parametrize(
    "had", [{"kept": 1}, {"rejected": {"A.short": 1}}, {"failed": {"A.ValueError": 1, "damaged": 2}}]
)
def test_a_corpus_of_which_one_document_was_read_is_one(tmp_path: Path, had: dict[str, Any]) -> None:
    job = Corpus(tmp_path)
    publish._refuse_nothing(job, {"kept": 0, "rejected": {}, "failed": {}, "skipped": {}, **had})  # type: ignore[arg-type]
    assert Path(job.work).exists()


def test_the_first_failure_is_told_with_its_file(tmp_path: Path) -> None:
    job = Corpus(tmp_path)
    assert first_failure(job) == ""  # type: ignore[arg-type]
    job.write("rejected", [row(0, verdict="failed", reason="damaged", detail="cut"), row(1, detail="other")])
    assert first_failure(job) == "; in a: cut"  # type: ignore[arg-type]
    job.write("rejected", [row(0, verdict="failed", reason="damaged")])
    assert first_failure(job) == "; in a"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ['{"a": 1e308}', '{"a": {"b": 1}}', '{"a": {"seconds": "x"}}', '{"a": {"seconds": 1, "bytes": []}}']
)
def test_stages_that_no_job_has_written(tmp_path: Path, text: str) -> None:
    """`--resume` of a folder that somebody changed ended with a traceback."""
    (tmp_path / "stages.json").write_text(text)
    job: Any = SimpleNamespace(scratch=lambda name: str(tmp_path / name))
    with pytest.raises(OutputError, match=r"stages.json is damaged"):
        runner.stages_of(job)
