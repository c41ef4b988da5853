"""`curate mix` keeps out what `curate decontaminate` finds: the same documents, with the same evidence."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.cli import group
from curate.errors import InputError, UsageError
from curate.mixing import contamination, decontam_items
from curate.mixing.decontam_items import items
from curate.mixing.decontam_match import Tasks, load
from curate.mixing.job import Request
from curate.mixing.sources import SourceFile
from tests.mix.conftest import write

QUESTION = "Which of these animals is known to carry its young in a pouch for several months after birth?"
OTHER = "A baker fills six trays with fourteen small rolls each and sells all but nine of them; how many has she sold?"
FREQUENT = "When does the last train of the evening leave the old station by the harbour on a day before a holiday?"
TASKS = [
    {"question": QUESTION, "choices": ["horse", "the kangaroo"], "gold": 1},
    {"question": OTHER, "answer": "She sold 75 rolls"},
    {"question": FREQUENT, "answer": "at ten"},
]


def document(number: int, *said: str) -> dict[str, str]:
    own = " ".join(f"w{number}x{i}" for i in range(30))
    return {"id": f"{number:032x}", "text": f"{own} {' '.join(said)} {own}"}


DOCUMENTS = [
    document(0, QUESTION, "It is the kangaroo."),
    document(1, QUESTION),
    document(2, OTHER.upper(), "\n\n", "she SOLD: 75 rolls"),
    document(3, " ".join(OTHER.split()[:9])),
    *(document(n, FREQUENT) for n in range(4, 8)),
    document(8, FREQUENT, "At ten."),
    *(document(n) for n in range(9, 20)),
]


@pytest.fixture
def asked(tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "tasks").mkdir()
    write(tmp_path / "tasks" / "zoo.jsonl", TASKS)  # type: ignore[arg-type]
    for name, rows in (("web", DOCUMENTS[0::2]), ("wiki", DOCUMENTS[1::2])):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a.jsonl", rows[:4])
        write(tmp_path / name / "b.parquet", rows[4:])
    (tmp_path / "all").mkdir()
    write(tmp_path / "all" / "all.jsonl", DOCUMENTS)

    def mix(*more: str, against: str = "tasks") -> Any:
        words = ["mix", "--weights", "proportional", "--unit", "documents", "--held-out", "0", "--quiet", "--json"]
        words += [f"--source={name}={tmp_path / name}" for name in ("web", "wiki")]
        words += ["--counts", str(tmp_path / "counts"), "--engine", "sail", *more]
        words += ["--decontaminate", str(tmp_path / against)] if against else ["--no-decontaminate"]
        done = CliRunner().invoke(group, words)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return json.loads(done.stdout)

    return mix


def texts(folder: Path) -> set[str]:
    return set(pq.read_table(folder / "data")["text"].to_pylist())


def evidence(folder: Path) -> list[tuple[Any, ...]]:
    rows = pq.read_table(folder).to_pylist()
    return sorted((row["id"][:16], row["pos"], row["value"], *sorted(json.loads(row["note"]).items())) for row in rows)


@pytest.mark.engine
def test_a_mixture_lacks_what_decontaminate_removes_and_says_the_same_of_it(
    asked: Callable[..., Any], tmp_path: Path
) -> None:
    words = ["decontaminate", tmp_path / "all", "--against", tmp_path / "tasks", "--common", "3", "--engine", "sail"]
    done = CliRunner().invoke(group, [*map(str, words), "--output", str(tmp_path / "clean"), "--quiet"])
    assert done.exit_code == 0, done.output
    ledger = asked("--output", str(tmp_path / "mix"), "--common", "3")
    bad = [DOCUMENTS[n]["text"] for n in (0, 1, 2, 8)]
    assert texts(tmp_path / "mix") == texts(tmp_path / "clean") == {one["text"] for one in DOCUMENTS} - set(bad)
    (contaminated,) = pq.read_table(tmp_path / "mix" / "contaminated" / "wiki.parquet").to_pylist()
    assert (contaminated["source"], contaminated["label"], contaminated["part"]) == ("wiki", "zoo#1", "question")
    assert contaminated["id"] == DOCUMENTS[1]["id"]
    found = evidence(tmp_path / "mix" / "contaminated")
    ids = {row["text"]: row["id"] for row in DOCUMENTS}  # the other command makes ids of its own
    own = {
        row["id"][:16]: ids[row["text"]][:16]
        for row in pq.read_table(tmp_path / "clean" / "rejected").to_pylist()
        if row["text"] in ids
    }
    told = evidence(tmp_path / "clean" / "duplicates")
    assert found == sorted((own[name], *rest) for name, *rest in told)
    facts = ledger["decontamination"]
    assert facts["found"] == facts["removed"] == {"web": 3, "wiki": 1}
    assert facts["common"] == {"zoo#3": 4}
    assert (facts["questions"], facts["too_short"], facts["action"]) == (3, 0, "drop")
    assert {one["file"] for one in ledger["data"]} >= {"contaminated/web.parquet", "contaminated/wiki.parquet"}
    assert "contaminated/<source>.parquet" in (tmp_path / "mix" / "README.md").read_text()


@pytest.mark.engine
def test_to_report_only_changes_nothing(asked: Callable[..., Any], tmp_path: Path) -> None:
    asked("--output", str(tmp_path / "plain"), against="")
    ledger = asked("--output", str(tmp_path / "told"), "--report-only")
    data = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "data").iterdir()} for name in ("plain", "told")
    ]
    assert data[0] == data[1]
    assert not (tmp_path / "plain" / "contaminated").exists()
    assert ledger["decontamination"]["action"] == "report"
    assert ledger["decontamination"]["removed"] == {"web": 0, "wiki": 0}
    assert ledger["decontamination"]["found"] == {"web": 5, "wiki": 3}  # frequent, too: four are no more than ten
    assert "They stay in" in (tmp_path / "told" / "README.md").read_text()


@pytest.mark.engine
def test_what_was_looked_up_is_kept_and_other_sources_decide_what_is_common(
    asked: Callable[..., Any], tmp_path: Path
) -> None:
    def available(*more: str, against: str = "tasks") -> int:
        plan = asked("--plan", *more, against=against)
        return sum(one["available"]["documents"] for one in plan["sources"])

    def kept() -> set[str]:
        return {path.name for path in (tmp_path / "counts").iterdir() if not path.name.startswith(("hits", "spread"))}

    assert available() == 20 - 8
    before = kept()
    assert available("--common", "3") == 20 - 4
    assert available("--common", "0") == 20 - 3  # both, and no question alone
    assert kept() == before
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "zoo.jsonl").write_bytes((tmp_path / "tasks" / "zoo.jsonl").read_bytes())
    assert available(against="copy") == 20 - 8
    assert kept() == before  # the tasks decide, not where they lie
    write(tmp_path / "copy" / "zoo.jsonl", TASKS[:1])  # type: ignore[arg-type]
    assert available(against="copy") == 20 - 2
    assert kept() > before


def test_rows_of_evidence_count_from_the_start_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "t.jsonl", TASKS)  # type: ignore[arg-type]
    batches = [
        pa.record_batch(
            {"id": pa.array([d["id"] for d in part]), "text": pa.array([d["text"] for d in part], pa.large_string())}
        )
        for part in (DOCUMENTS[3:5], DOCUMENTS[9:12], DOCUMENTS[0:3])
    ]
    monkeypatch.setattr(contamination, "read", lambda file, skipped: iter(batches))
    task = contamination.LookTask(SourceFile("web", "x"), (str(tmp_path / "t.jsonl"),), str(tmp_path / "looked"))
    assert contamination.look(task) == 4
    spread = contamination.write_spread([task.out], 3, str(tmp_path))
    judge = contamination.judge_task(task.out, 8, spread, 10, str(tmp_path))
    assert contamination.judge(judge) == 4
    assert pq.read_table(judge.out)["hits"].to_pylist() == [0, 1, 0, 0, 0, 1, 1, 1]


def test_the_digest_is_that_of_the_items(tmp_path: Path) -> None:
    write(tmp_path / "zoo.jsonl", TASKS)  # type: ignore[arg-type]
    known = load((str(tmp_path / "zoo.jsonl"),))
    assert known.digest == Tasks(list(items([str(tmp_path / "zoo.jsonl")]))).digest
    assert known.digest != Tasks(known.items[:2]).digest


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        list(items([str(tmp_path / "nowhere.jsonl")]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.jsonl"):
        list(items([str(tmp_path / "empty")]))
    with pytest.raises(UsageError, match="--common must be at least 0, got -1"):
        Request(None, (), None, "", unit="bytes", common=-1)  # type: ignore[arg-type]


def test_tasks_inside_a_package_are_read_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "pouch.jsonl", TASKS)  # type: ignore[arg-type]
    archive = tmp_path / "shipped.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("some_trainer/__init__.py", "")
        packed.writestr("some_trainer/tasks/pouch.jsonl", (tmp_path / "pouch.jsonl").read_bytes())
        packed.writestr("some_trainer/tasks/README.md", "no task")
    monkeypatch.syspath_prepend(str(archive))
    monkeypatch.setattr(decontam_items, "BUNDLED", ("some_trainer", "tasks"))
    (path,) = decontam_items.bundled()
    assert list(items([path])) == list(items([str(tmp_path / "pouch.jsonl")]))
    monkeypatch.setattr(decontam_items, "BUNDLED", ("no_such_trainer", "tasks"))
    assert decontam_items.bundled() == []
