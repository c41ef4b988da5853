import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import InputError, UsageError
from curate.mixing import decontaminate

QUESTION = "Which of these animals is known to carry its young in a pouch for several months after birth?"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "task.jsonl"
    record = {
        "query": QUESTION,
        "choices": ["kangaroo", "horse"],
        "meta": {"source": {"deep": "one two three"}},
        "gold": 0,
    }
    path.write_text(json.dumps(record) + "\n\n", encoding="utf-8")
    return path


def test_counts_and_short_texts(tasks: Path) -> None:
    found = decontaminate.load([str(tasks)])
    assert found.distinct == len(QUESTION.split()) - 13 + 1
    assert (found.texts, found.too_short) == (4, 3)


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        f"before {QUESTION.upper()} after",
        f"…“{QUESTION.replace(' ', ' -- ')}”",
        QUESTION.replace(" ", "\n\t"),
        QUESTION.replace(" ", "\u2003—\u2019"),
        QUESTION.replace(" ", "\u00a0\u3000"),
        " ".join(QUESTION.split()[2:15]),
    ],
)
def test_thirteen_words_in_a_row_are_found_whatever_stands_between(tasks: Path, text: str) -> None:
    assert decontaminate.contaminated(decontaminate.load([str(tasks)]), text) > 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ".join(QUESTION.split()[:12]),
        QUESTION.replace("young", "child"),
        " ".join(reversed(QUESTION.split())),
        QUESTION.replace(" ", ""),
        "é".join(QUESTION.split()),
    ],
)
def test_less_is_not(tasks: Path, text: str) -> None:
    assert decontaminate.contaminated(decontaminate.load([str(tasks)]), text) == 0


def reference(text: str) -> list[str]:
    """The rule in plain Python, for texts without letters beyond ASCII."""
    return re.findall(r"[a-z0-9]+", text.lower())


@given(st.lists(st.text("ab1 .-_\n", max_size=60), max_size=6), st.text("ab1 .-_\n", max_size=80), st.integers(2, 5))
@settings(max_examples=150, deadline=None)
def test_hits_are_those_of_the_plain_rule(
    tmp_path_factory: pytest.TempPathFactory, known: list[str], text: str, ngram: int
) -> None:
    path = tmp_path_factory.mktemp("tasks") / "t.jsonl"
    path.write_text("".join(json.dumps({"t": one}) + "\n" for one in known))
    found = decontaminate.load([str(path)], ngram)
    grams = {
        tuple(words[i : i + ngram])
        for one in known
        for words in [reference(one)]
        for i in range(len(words) - ngram + 1)
    }
    words = reference(text)
    expected = sum(tuple(words[i : i + ngram]) in grams for i in range(len(words) - ngram + 1))
    assert found.distinct == len(grams)
    assert decontaminate.contaminated(found, text) == expected


@given(st.lists(st.binary(max_size=50)))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_looked_at(texts: list[bytes]) -> None:
    column = pa.array([one.decode("utf-8", "replace") for one in texts], pa.large_string())
    table = decontaminate.Ngrams(np.zeros(16, np.uint64), 2, 1, 1, 0, "")
    assert len(decontaminate.hits(table, column)) == len(texts)
    assert list(decontaminate.hits(table, column[1:])) == list(decontaminate.hits(table, column))[1:]


def test_words_with_letters_beyond_ascii(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"t": "один два три 四 fünf"}), encoding="utf-8")
    found = decontaminate.load([str(path)], 5)
    assert decontaminate.contaminated(found, "ноль один, два: три 四 fünf") == 1
    assert decontaminate.contaminated(found, "ОДИН Два: ТРИ 四 FÜNF") == 1
    assert decontaminate.contaminated(found, "один два три 四 funf") == 0


def test_the_answer_depends_on_the_tasks_and_n_alone(tasks: Path, tmp_path: Path) -> None:
    copy = tmp_path / "more" / "copy.jsonl"
    copy.parent.mkdir()
    copy.write_bytes(tasks.read_bytes())
    assert decontaminate.load([str(copy.parent)]).digest == decontaminate.load([str(tasks)]).digest
    assert decontaminate.load([str(tasks)], 12).digest != decontaminate.load([str(tasks)], 13).digest


def test_errors(tmp_path: Path, tasks: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        decontaminate.load([str(tmp_path / "nowhere.jsonl")])
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"a": 1}\nnot json\n')
    with pytest.raises(InputError, match="line 2"):
        decontaminate.load([str(bad)])
    with pytest.raises(UsageError, match="--ngram"):
        decontaminate.load([str(tasks)], 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.jsonl"):
        decontaminate.load([str(tmp_path / "empty")])


def test_tasks_inside_a_package_are_read_from_it(tmp_path: Path, tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "shipped.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("some_trainer/__init__.py", "")
        packed.writestr("some_trainer/tasks/pouch.jsonl", tasks.read_bytes())
        packed.writestr("some_trainer/tasks/README.md", "no task")
    monkeypatch.syspath_prepend(str(archive))
    monkeypatch.setattr(decontaminate, "BUNDLED", ("some_trainer", "tasks"))
    (path,) = decontaminate.bundled()
    found = decontaminate.load([path])
    assert found.digest == decontaminate.load([str(tasks)]).digest
    monkeypatch.setattr(decontaminate, "BUNDLED", ("no_such_trainer", "tasks"))
    assert decontaminate.bundled() == []
