"""The bundled questions of six abilities: right by other means than those that made them, fair, and kept out of mixtures."""

import contextlib
import json
import re
from collections import Counter
from importlib import resources

import pyarrow as pa
import pytest

from curate.mixing.decontam_items import PACKAGE
from curate.mixing.decontam_match import load
from train_probe.items import ABILITIES, lines

ROWS = {name: [json.loads(line) for line in lines(name).splitlines()] for name in ABILITIES}
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
NUMBERS += [f"{n}teen" for n in ("thir", "four", "fif", "six", "seven", "eigh", "nine")] + ["twenty"]


@pytest.mark.parametrize("name", ABILITIES)
def test_the_files_are_what_their_templates_make(name):
    file = resources.files("train_probe").joinpath("tasks", f"{name}.jsonl")
    assert file.read_text(encoding="utf-8") == lines(name)


@pytest.mark.parametrize("name", ABILITIES)
def test_every_question_is_whole_and_its_place_of_the_answer_says_nothing(name):
    rows = ROWS[name]
    assert len(rows) >= 350
    levels = Counter(row["level"] for row in rows)
    assert set(levels) == {1, 2, 3}
    assert min(levels.values()) >= 100
    assert len({(row["context"], row["choices"][row["answer"]]) for row in rows}) == len(rows)
    for row in rows:
        assert len(set(row["choices"])) == len(row["choices"]) >= 2
    first = sum(row["answer"] == 0 for row in rows) / sum(1 / len(row["choices"]) for row in rows)
    assert 0.8 < first < 1.2


@pytest.mark.parametrize("name", ABILITIES)
def test_a_copy_of_a_question_and_its_answer_is_found_in_a_document(name):
    """All but code whose answer is a mark, and whose words are those of many other questions."""
    known = load((PACKAGE + f"{name}.jsonl",))
    texts = [f"page 3 {row['context'].upper()}{row['choices'][row['answer']]} and so on" for row in ROWS[name]]
    found = {one.row for one in known.find(pa.array(texts, pa.large_string())) if one.part == "both"}
    missed = [texts[row] for row in range(len(texts)) if row not in found]
    assert len(missed) <= (0.2 * len(texts) if name == "code" else 0), missed[:5]


def test_each_ending_of_a_sense_is_right_as_often_as_it_is_wrong():
    """So a model that looks at the endings alone is at chance."""
    right, wrong = Counter(), Counter()
    for row in ROWS["senses"]:
        for place, choice in enumerate(row["choices"]):
            (right if place == row["answer"] else wrong)[choice] += 1
    assert right == wrong


@pytest.mark.parametrize("name", ["agreement", "facts", "arithmetic", "senses"])
def test_who_knows_how_often_each_choice_is_right_does_not_know_the_answers(name):
    right, shown = Counter(), Counter()
    for row in ROWS[name]:
        right[row["choices"][row["answer"]]] += 1
        shown.update(row["choices"])
    guessed = sum(
        max(row["choices"], key=lambda c: right[c] / shown[c]) == row["choices"][row["answer"]] for row in ROWS[name]
    )
    assert guessed <= 0.6 * len(ROWS[name])


def test_sums_come_out():
    for row in ROWS["arithmetic"]:
        last = re.split(r"(?<=[.]) ", row["context"])[-3:]
        said = " ".join(last) if row["level"] == 2 else last[-1]
        found = [
            NUMBERS.index(w) if w in NUMBERS else int(w)
            for w in re.findall(r"\w+", said.lower())
            if w in NUMBERS or w.isdigit()
        ]
        if row["level"] == 3:
            wanted = found[0] + found[1]
        elif "Take" in said:
            wanted = found[1] - found[0]
        else:
            wanted = found[0] - found[1] if "away" in said else found[0] + found[1]
        answer = row["choices"][row["answer"]].strip()
        assert answer == (str(wanted) if row["level"] == 3 else NUMBERS[wanted]), row


def test_code_that_is_called_right_runs_and_the_other_does_not():
    """Python: what is right is compiled, and what its asserts say is true; each other choice fails there."""
    asked = 0
    for row in ROWS["code"]:
        if row["context"].startswith("#") and row["level"] != 2:  # level 2: names, which only fail later
            for place, choice in enumerate(row["choices"]):
                assert _runs(row["context"] + choice) == (place == row["answer"]), (row, choice)
                asked += 1
    assert asked > 500


def _runs(program):
    with contextlib.suppress(SyntaxError, AssertionError):
        code = compile(program + ("        pass\n" if program.endswith(":\n") else ""), "question", "exec")
        if "assert" in program:
            names = {}
            exec(code, names)
            next(value for name, value in names.items() if name.startswith("test_"))()
        return True
    return False
