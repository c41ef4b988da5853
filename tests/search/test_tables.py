"""Tables of runs in their published forms, and hostile ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import CurateError, InputError
from curate.search import tables


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_two_tables_are_joined_by_their_index(tmp_path: Path) -> None:
    weights = write(tmp_path / "w.csv", "index,train_web,train_code\n2,0.25,0.75\n1,0.5,0.5\n3,1,0\n")
    losses = write(tmp_path / "l.csv", "index,metric/web_val_loss,metric/code_val_loss\n1,3.0,2.0\n2,3.5,1.5\n4,9,9\n")
    found = tables.read([losses, weights])  # in any order
    assert found.sources == ("web", "code")
    assert found.metrics == ("web_val_loss", "code_val_loss")
    assert found.names == ("2", "1")
    assert found.weights.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert found.losses.tolist() == [[3.5, 1.5], [3.0, 2.0]]
    assert len(found.left_out) == 2  # run 3 has no losses, run 4 no weights


def test_one_table_with_rounded_weights_is_scaled_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "name;web;code;bpb\na;0.333;0.666;1.2\nb;0.5;0.5;1.1\n")
    found = tables.read([path])
    assert found.names == ("a", "b")
    assert np.allclose(found.weights.sum(1), 1)
    assert "scaled" in found.notes[0]


def test_bad_rows_are_left_out_by_line_and_reason(tmp_path: Path) -> None:
    lines = ["web,code,loss", "0.5,0.5,1", "0.5,0.9,1", "-0.5,1.5,1", "0.5,nan,1", "0.5,0.5,inf", "0.5,0.5", "1,0,x"]
    found = tables.read([write(tmp_path / "r.csv", "\n".join(lines))])
    assert len(found.names) == 1
    assert len(found.left_out) == 6
    assert all("line " in line for line in found.left_out)
    assert any("add up to 1.4" in line for line in found.left_out)
    assert any("negative" in line for line in found.left_out)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("web,code\n0.5,0.5\n", "no columns of losses"),
        ("loss\n1\n", "no columns of weights"),
        ("web,web,loss\n0.5,0.5,1\n", "two columns"),
        ("web,code,loss\n5,5,1\n", "no run can be used"),
        ("web\0,loss\n", "zero byte"),
        ("../x,b,loss\n0.5,0.5,1\n", "can't name a source"),
        ('a,b,loss\n"' + "x" * 200_000 + '",0.5,1\n', "not CSV"),
    ],
)
def test_what_is_no_table_is_refused_with_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CurateError, match=said):
        tables.read([write(tmp_path / "r.csv", text)])


def test_other_encodings_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"\xff\xfew\x00e\x00")
    for path in (tmp_path / "r.csv", tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError):
            tables.read([str(path)])


def test_a_run_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    weights = write(tmp_path / "w.csv", "run,a,b\n1,0.5,0.5\n1,1,0\n")
    losses = write(tmp_path / "l.csv", "run,loss\n1,2\n")
    with pytest.raises(InputError, match="twice"):
        tables.read([weights, losses])


def test_lines_of_mixing_laws(tmp_path: Path) -> None:
    lines = [
        f"/x/70M_{run}-{w}/{step}\t/y/valid.domains//pile.valid.{file}.bin\t{loss}"
        for run, w in ((1, "0.25-0.75"), (2, "0.5-0.5"))
        for file, loss in (("Github", 1.5), ("Pile-CC", 3.5))
        for step in (1000, 2000)
    ]
    lines.append("/x/70M_3-0-1/1000\t/y/pile.valid.Github.bin\t1.0")
    lines.append("garbage")
    found = tables.read([write(tmp_path / "70M.txt", "\n".join(lines))])
    assert found.metrics == ("Github", "Pile-CC")
    assert found.names == ("70M_1-0.25-0.75", "70M_2-0.5-0.5")
    assert found.weights.tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert "step 2,000" in found.notes[0]
    assert len(found.left_out) == 2


@pytest.mark.parametrize(
    "name", ["time", "step", "tokens", "Seconds", "accuracy", "eval/acc", "train_tokens", "seed", "lr"]
)
def test_columns_of_known_other_names_are_set_aside_and_told(tmp_path: Path, name: str) -> None:
    text = f"run,web,code,{name},loss\n1,0.5,0.5,0.3,3\n2,0.2,0.8,0.4,2.9\n"
    for values in (text, text.replace("0.3", "13.5")):
        found = tables.read([write(tmp_path / "r.csv", values)])
        assert found.sources == ("web", "code")
        assert name == "seed" or f"'{name}'" in found.notes[0]


def test_a_source_may_have_such_a_name(tmp_path: Path) -> None:
    found = tables.read([write(tmp_path / "r.csv", "run,time,code,loss\n1,0.5,0.5,3\n2,0.2,0.8,2.9\n")])
    assert found.sources == ("time", "code")


def test_unknown_columns_are_named_with_what_to_do_and_named_weights_are_all(tmp_path: Path) -> None:
    text = "run,web,code,zap,loss\n1,0.5,0.5,13,3\n2,0.2,0.8,14,2.9\n"
    with pytest.raises(InputError, match=r"'zap' can't be weights.*weight/NAME"):
        tables.read([write(tmp_path / "r.csv", text)])
    with pytest.raises(InputError, match="'zap'; call the columns of weights weight/NAME"):
        tables.read([write(tmp_path / "r.csv", text.replace("13", "0.1").replace("14", "0.2"))])
    with pytest.raises(InputError, match="not percent"):
        tables.read([write(tmp_path / "r.csv", "a,b,loss\n50,50,3\n0.5,99.5,2\n1,99,2\n")])
    told = text.replace("web", "weight/web").replace("code", "weight/code")
    found = tables.read([write(tmp_path / "r.csv", told)])
    assert found.sources == ("web", "code")
    assert "'zap'" in found.notes[0]


@pytest.mark.parametrize(
    "name", ["accuracy", "hellaswag_acc", "f1", "pass@1", "arc/acc_norm", "rougeL", "win_rate", "score"]
)
def test_what_is_better_when_higher_is_not_lowered(name: str) -> None:
    assert tables.better_when_higher(name)
    assert not tables.better_when_higher(f"{name}_error")


@pytest.mark.parametrize(
    "name", ["loss", "pile_cc_val_loss", "bpb", "accounting", "Wikipedia (en)", "nll_accuracy", "ppl"]
)
def test_what_is_better_when_lower_is(name: str) -> None:
    assert not tables.better_when_higher(name)


def test_rows_that_are_there_twice_count_once(tmp_path: Path) -> None:
    rows = "1,0.5,0.5,3\n2,0.2,0.8,2.9\n"
    found = tables.read([write(tmp_path / "r.csv", f"run,a,b,loss\n{rows}{rows}")])
    assert found.names == ("1", "2")
    assert "2 rows are there twice" in found.notes[0]
    weights, losses = "run,a,b\n1,0.5,0.5\n1,0.5,0.5\n2,1,0\n", "run,loss\n1,2\n2,3\n2,3\n"
    both = tables.read([write(tmp_path / "w.csv", weights), write(tmp_path / "l.csv", losses)])
    assert both.names == ("1", "2")


@pytest.mark.parametrize("named", [True, False])
def test_of_the_steps_of_a_run_one_is_taken(tmp_path: Path, named: bool) -> None:
    rows = [
        (run, w, step)
        for run, w in (("x", 0.5), ("y", 0.2), ("v", 0.3), ("z", 0.1))
        for step in (1000, 2000)
        if (run, step) != ("z", 2000)
    ]
    lines = [f"{run},{w},{1 - w},{4 - step / 1000},{step}" for run, w, step in rows]
    text = "\n".join([f"{'run' if named else 'what'},a,b,loss,step", *lines])
    found = tables.read([write(tmp_path / "r.csv", text)])
    assert found.weights[:, 0].tolist() == [0.5, 0.2, 0.3]
    assert found.losses[:, 0].tolist() == [2.0, 2.0, 2.0]
    assert "no row at step 2000" in found.left_out[0]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "r.csv"
    path.write_bytes(("a,b,loss\n0.5,0.5,1\n" + text).encode())
    try:
        found = tables.read([str(path)])
    except CurateError:
        return
    assert len(found.names) == len(found.weights) == len(found.losses) >= 1
