"""Items of tasks, where documents hold them, and `curate decontaminate` as a job."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd
from click.testing import CliRunner

from curate.cli import group
from curate.console.terminal import plain
from curate.engine.session import EngineOptions
from curate.errors import InputError
from curate.jobs.decontaminate import Options, decontaminate
from curate.mixing import decontam_items
from curate.mixing.decontam_items import Item, items
from curate.mixing.decontam_match import Tasks
from curate.mixing.decontam_step import Decontaminate, without
from curate.report.explain import explain
from curate.report.explain_view import view
from tests.linear import assert_linear

QUESTION = "A baker fills six trays with fourteen small rolls each and sells all but nine of them before noon; how many has she sold?"
ANSWER = "She made 84 rolls, so she sold 75"
OTHER = "Which of the two lighthouses on the island was the first to be lit with oil instead of wood and coal?"
STORY = " ".join(f"story{n}" for n in range(120))


def written(path: Path, *records: Any) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.mark.parametrize(
    ("record", "question", "answers", "passage"),
    [
        ({"question": "Q one?", "answer": "work #### 18", "id": "x"}, "Q one?", ("18", "work #### 18"), ""),
        ({"query": "Q?", "choices": ["no", "si"], "gold": 1}, "Q?", ("si",), ""),
        ({"question": "Q?", "choices": {"text": ["u", "v"], "label": ["A", "B"]}, "answerKey": "B"}, "Q?", ("v",), ""),
        ({"question": "Q?", "options": [{"text": "u"}, {"text": "v"}], "answer": "A"}, "Q?", ("u",), ""),
        ({"passage": "Long text.", "question": "Q?", "answer": True}, "Q?", ("yes",), "Long text."),
        ({"context": "It is", "continuation": "French"}, "It is", ("French",), ""),
        ({"question": "Q?", "answer": "8", "is_correct": False}, "Q?", (), ""),
        ({"question": "Q?", "answers": {"text": ["a", "b"], "start": [1, 2]}}, "Q?", ("a", "b"), ""),
        ({"passage": "Only this."}, "Only this.", (), ""),
        ({"prompt": "def f():", "canonical_solution": "    return 1"}, "def f():", ("    return 1",), ""),
        ({"premise": "P.", "choice1": "u", "choice2": "v", "question": "Why?", "label": 1}, "P.\nWhy?", ("v",), ""),
        ({"sentence": "Q _?", "option1": "u", "option2": "v", "answer": "1"}, "Q _?", ("u",), ""),
        ({"question": "Q?", "A": "u", "B": "v", "C": "w", "answer": "C"}, "Q?", ("w",), ""),
        ({"ctx": "He", "ending0": "u", "ending1": "v", "label": 0}, "He", ("u",), ""),
        ({"question": "Q?", "distractor1": "w", "correct_answer": "r", "support": "S."}, "Q?", ("r",), "S."),
        ({"question": "Q?", "best_answer": "r", "incorrect_answers": ["w"]}, "Q?", ("r",), ""),
        ({"sentence_good": "It is so.", "sentence_bad": "It are so."}, "It is so.", ("It is so.",), ""),
        ({"question": "half \ud800 pair", "answer": "\ud83d\ude00"}, "half \ufffd pair", ("\U0001f600",), ""),
        (["a", ["b"]], "a\nb", (), ""),
        ("plain", "plain", (), ""),
    ],
)
def test_forms(tmp_path: Path, record: Any, question: str, answers: tuple[str, ...], passage: str) -> None:
    (found,) = items([written(tmp_path / "t.jsonl", record)])
    assert found == Item("t", 1, question, answers, passage)


ITEMS = [{"question": f"Q{n}?", "answer": f"a{n}"} for n in range(3)]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(ITEMS),
        json.dumps(ITEMS, indent=1),
        json.dumps({"name": "t", "examples": ITEMS}, indent=1),
        json.dumps({"version": 1, "data": ITEMS}),
        "\n".join(map(json.dumps, ITEMS)),
        f"\ufeff{json.dumps(ITEMS)}",
        f"{json.dumps(ITEMS[:2])}\n{json.dumps(ITEMS[2])}",
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_records_in_an_array_are_items(tmp_path: Path, data: str, pack: Any) -> None:
    (tmp_path / "t.json").write_bytes(pack(data.encode()))
    found = list(items([str(tmp_path / "t.json")]))
    assert [(item.question, item.answers) for item in found] == [(f"Q{n}?", (f"a{n}",)) for n in range(3)]
    assert {item.task for item in found} == {"t"}


def test_of_a_folder_all_json_is_read_and_what_may_be_tasks_is_said(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    for name in ("a.jsonl", "b.json", "c.NDJSON", "d.jsonl.zst", ".cache/x.json"):
        written(tmp_path / name, ITEMS[0])
    for name in ("test.parquet", "z.csv", "README.md", "LICENSE"):
        (tmp_path / name).write_text("no task")
    assert [item.task for item in items([str(tmp_path)])] == ["a", "b", "c", "d"]
    assert decontam_items.notes([str(tmp_path), str(tmp_path / "a.jsonl"), "package://x"]) == [
        f"{tmp_path}: not read, as tasks are JSON: test.parquet, z.csv"
    ]


def test_records_of_one_question_are_one_item(tmp_path: Path) -> None:
    lines = [{"question": "Q?", "answer": a, "is_correct": a == "4"} for a in ("3", "4", "5")]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (tmp_path / "m.jsonl.gz").write_bytes(gzip.compress(data))
    assert list(items([str(tmp_path)])) == [Item("m", 1, "Q?", ("4",), "")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "there is no text in it"),
        (b"{\n", "line 1: not JSON: .*; tasks are JSON lines"),
        (b"question,answer\n", "line 1: not JSON"),
        (b"\x1f\x8b12", "t.jsonl: .*ended before"),
        ('{"question": "a"}\n{"question": "caf\xe9"}\n'.encode("latin-1"), "line 2: not JSON"),
        (b"{}\n3\n", "no text"),
    ],
)
def test_files_that_are_no_tasks(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "t.jsonl").write_bytes(data)
    with pytest.raises(InputError, match=message):
        list(items([str(tmp_path / "t.jsonl")]))


def test_a_file_of_tasks_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decontam_items, "MAX_BYTES", 1000)
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress(b'{"question": "%s"}' % (b"a" * 1000)))
    with pytest.raises(InputError, match="cut it into several files"):
        list(items([str(tmp_path)]))


def parts(text: str, *known: Item) -> list[str]:
    tasks = Tasks(known or [Item("t", 1, QUESTION, (ANSWER, "75"), "")])
    return [found.part for found in tasks.find(pa.array(["", text], pa.large_string()))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{STORY} {QUESTION} {ANSWER} {STORY}", ["both"]),
        ("\n".join(f"{QUESTION} {ANSWER}".upper().split()), ["both"]),
        (f"{QUESTION}\n\n{STORY}\n\n{ANSWER}", ["both"]),
        (QUESTION.replace("six", "6").replace("nine", "9") + f" {ANSWER}", ["both"]),
        (f"{STORY} {QUESTION} {STORY}", ["question"]),
        (f"{STORY} {' '.join(QUESTION.split()[:12])} {STORY} {ANSWER}", []),
        (f"{STORY} {ANSWER} {STORY}", []),
        (" ".join(sorted(QUESTION.split())), []),
        ("word " * 5000, []),
        (STORY, []),
    ],
)
def test_what_counts(text: str, found: list[str]) -> None:
    assert parts(text) == found


def test_a_passage_is_told_apart() -> None:
    passage = " ".join(f"old{n}" for n in range(80))
    item = Item("t", 1, "Who is it that wrote to whom on this day?", ("nobody at all",), passage)
    assert parts(f"{STORY} {passage} {STORY}", item) == ["passage"]
    assert parts(f"{passage} {item.question} Nobody, at all.", item) == ["both", "passage"]


def test_what_all_items_say_counts_for_none() -> None:
    phrase = "Which of the following statements about the picture that you see here is the one that is true"
    known = [Item("t", n, f"{phrase} of thing{n} and other{n}?", (f"yes{n}",), "") for n in range(20)]
    assert parts(f"{phrase} today, yes3", *known) == []
    assert Tasks([Item("t", 1, "a b", ("c",), ""), known[0]]).too_short == 1
    common = [Item("t", n, phrase, (f"yes{n}",), "") for n in range(20)]
    assert Tasks(common).too_short == 20
    assert parts(f"{phrase}? yes3", *common) == []


def test_a_short_question_of_a_benchmarks_own_words_needs_all_of_them() -> None:
    countries = [*(f"Ruritania{n}" for n in range(12)), "the Kingdom of Gondal"]
    known = [Item("t", n, f"The official language of {name} is", ("English",), "") for n, name in enumerate(countries)]
    page = "The laws of the Kingdom of Gondal are kept in the archive, where an English translation was made later."
    assert parts(page, *known) == []
    assert parts("A quiz. The official language of the Kingdom of Gondal is: English. Next question.", *known) == [
        "both"
    ]


def test_linear() -> None:
    known = Tasks([Item("t", n, f"{QUESTION} of number{n}", ("75",), "") for n in range(5)])
    pieces = {"hits": f"{QUESTION} x ", "one word": "word ", "answers": "75 "}
    for name, piece in pieces.items():
        assert_linear(
            lambda size, salt, piece=piece: _search(known, f"{salt:06d} " + piece * (size // len(piece))), name, 1 << 18
        )


def _search(known: Tasks, text: str) -> Any:
    column = pa.array([text], pa.large_string())
    return lambda: list(known.find(column))


def test_cuts() -> None:
    assert without("One two-three, four (five) six", [(1, 4)]) == ("One (five) six", 3)
    assert without("", [(0, 3)]) == ("", 0)


@pytest.mark.engine
def test_as_a_job(tmp_path: Path) -> None:
    tasks = written(
        tmp_path / "gsm.jsonl",
        {"question": QUESTION, "answer": ANSWER},
        {"question": f"Common {STORY}", "answer": "none"},
        {"passage": STORY.replace("story", "wiki"), "question": OTHER, "answer": "the oldest"},
    )
    rows = [
        {"id": "dirty", "text": f"{STORY.replace('story', 'own')}\n{QUESTION} {ANSWER}\nThe end."},
        {"id": "clean", "text": STORY.replace("story", "clean")},
        *({"id": f"common{n}", "text": f"{STORY} tail{n}"} for n in range(3)),
        *({"id": f"wiki{n}", "text": f"{STORY.replace('story', 'wiki')} tail{n}"} for n in range(3)),
        {"id": "asked", "text": f"{OTHER} {STORY.replace('story', 'mine')}"},
    ]
    source = written(tmp_path / "in.jsonl", *rows)
    command = ["decontaminate", source, "--against", tasks, "--common", "2", "--engine", "sail", "--quiet"]
    done = CliRunner().invoke(group, [*command, "--output", str(tmp_path / "drop")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert [line.split()[:2] for line in done.output.splitlines() if line.startswith(("records", "kept", "None"))] == [
        ["records", "9"],
        ["kept", "7"],
    ]
    for number in (2, 3):
        assert f"common text, left alone: gsm#{number} in 3 documents" in done.output
    kept = pq.read_table(tmp_path / "drop" / "data")["text"].to_pylist()
    assert sorted(kept) == sorted(row["text"] for row in rows[1:-1])
    found_rows = pq.read_table(tmp_path / "drop" / "duplicates").to_pylist()
    evidence, question = sorted(found_rows, key=lambda row: json.loads(row["note"])["part"])
    assert (
        json.loads(question["note"])["documents"] == 1
    )  # passages, which many pages quote, do not make it common text
    told = json.loads(evidence["note"])
    assert (told["task"], told["item"], told["part"], told["documents"]) == ("gsm", 1, "both", 1)
    assert (evidence["pos"], told["words"].split()[:2]) == (120, ["a", "baker"])
    (found,) = explain(str(tmp_path / "drop"), evidence["id"])
    shown = "\n".join(plain(part) for part in view(found))
    assert "gsm line 1: question and answer, 100% of its 3-grams" in shown
    for action, left in (("cut", f"{STORY.replace('story', 'own')}\nThe end."), ("report", rows[0]["text"])):
        options = Options(source, str(tmp_path / action), {"tasks": [tasks], "action": action, "common": 2}, command=())
        ledger = decontaminate(options, EngineOptions(engine="sail", quiet=True))
        assert (ledger["kept"], ledger["dedup"][0]["questions"], ledger["dedup"][0]["too_short"]) == (9, 3, 0)
        assert left in pq.read_table(tmp_path / action / "data")["text"].to_pylist()
        assert len(pq.read_table(tmp_path / action / "duplicates")) == 2


@pytest.mark.parametrize(
    "parameters", [{"action": "burn"}, {"common": -1}, {"least": -1}, {"index": "x"}, {"against": "x"}]
)
def test_parameters(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|no index"):
        Decontaminate(**parameters)
