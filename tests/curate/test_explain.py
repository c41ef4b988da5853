"""`curate explain`: each fate is explained from what is stored, and the same as the job decided."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.commands.explain import explain as command
from curate.console.terminal import plain
from curate.corpus import schema
from curate.errors import InputError
from curate.report.explain import as_json, explain, find, nearest_urls, parts
from curate.report.explain_view import _steps, view
from curate.report.trace import Line, Stage, cut_spans

KEPT, DUPLICATE = "https://host.example/1", "44444444"


def shown(corpus: Path, query: str, **options: bool) -> str:
    return "\n".join(plain(part) for one in explain(str(corpus), query) for part in view(one, **options))


def test_stored_verdicts_and_the_rerun_agree(small_corpus: Path, rows: list[dict]) -> None:
    for row in rows:
        (found,) = explain(str(small_corpus), row["id"])
        assert found.trace is not None
        assert (found.verdict, found.reason) == (found.trace.verdict, found.trace.reason), row["id"]


def test_lines_that_went_are_named(small_corpus: Path) -> None:
    (found,) = explain(str(small_corpus), "1" * 8)
    assert found.trace is not None
    assert [(line.text[:12], line.left is None, line.rules) for line in found.trace.lines] == [
        ("Home", True, ("LineRules.no_end_mark",)),
        ("Please enabl", True, ("LineRules.javascript",)),
        ("The harbour ", False, ()),
        ("We all waved", False, ()),
    ]
    assert found.removed == {"LineRules.javascript": 1, "LineRules.no_end_mark": 1}
    assert found.signals["sentences"] == 4


def test_rejected_shows_value_and_limit(small_corpus: Path) -> None:
    text = shown(small_corpus, "33333333")
    assert "REJECTED  TooFewSentences.too_few  measured 1" in text
    assert "minimum=3" in text
    step = next(s for s in explain(str(small_corpus), "33333333")[0].trace.stages if s.step == "TooFewSentences")  # type: ignore[union-attr]
    assert (step.outcome, step.value, step.parameters["minimum"]) == ("rejected", 1.0, 3)


def test_steps_behind_the_decision_did_not_run(small_corpus: Path) -> None:
    (found,) = explain(str(small_corpus), "55555555")
    assert found.reason == "LoremIpsum.found"
    assert [stage.outcome for stage in found.trace.stages] == ["rejected", "not_run", "not_run", "not_run"]  # type: ignore[union-attr]


def test_duplicate_shows_both_texts(small_corpus: Path) -> None:
    (found,) = explain(str(small_corpus), DUPLICATE)
    assert found.reason == "Urls.duplicate"
    (survivor,) = found.survivors.values()
    assert survivor.url == KEPT
    text = shown(small_corpus, DUPLICATE)
    assert "the whole document" in text
    assert "This copy goes." in text
    assert "Please enable Javascript" in text  # the keeper's side


def test_keeper_knows_its_copies(small_corpus: Path) -> None:
    (found,) = explain(str(small_corpus), "11111111")
    assert [(copy.id[:8], copy.step, copy.losses, copy.value) for copy in found.copies] == [
        ("44444444", "Urls", 1, 2.0)
    ]
    assert "44444444" in shown(small_corpus, "11111111")


def test_url_finds_all_records_of_it(small_corpus: Path) -> None:
    assert [found.verdict for found in explain(str(small_corpus), KEPT)] == ["kept", "rejected"]


def test_failed_record(small_corpus: Path) -> None:
    text = shown(small_corpus, "66666666")
    assert text.startswith("FAILED  damaged")
    assert "a.warc.gz at byte 6,000" in text


def test_hostile_text_is_harmless(small_corpus: Path) -> None:
    assert "\x1b" not in shown(small_corpus, "22222222", full=True)


def test_cut_pieces_are_marked_without_colours(small_corpus: Path) -> None:
    assert "[-Home-]" in shown(small_corpus, "11111111", colours=False)
    assert "[-" not in shown(small_corpus, "11111111")


def test_long_stretches_fold(small_corpus: Path) -> None:
    short, full = shown(small_corpus, "77777777"), shown(small_corpus, "77777777", full=True)
    assert "line number 40" in full
    assert "line number 40" not in short
    assert "…" in short


def test_changed_code_is_noticed(make_corpus: Callable[[Path], Path], tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    recipe = corpus / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("minimum = 3", "minimum = 100"))
    assert "has changed since the corpus was made" in " ".join(shown(corpus, "11111111").split())


def test_without_extracted_the_stored_columns_answer(make_corpus: Callable[[Path], Path], tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus")
    shutil.rmtree(corpus / "extracted")
    kept, rejected = shown(corpus, "11111111"), shown(corpus, "33333333")
    assert kept.startswith("KEPT")
    assert "LineRules.javascript 1" in kept
    assert rejected.startswith("REJECTED  TooFewSentences.too_few  measured 1")
    assert "was not kept" in kept


def test_not_found_names_the_nearest(small_corpus: Path) -> None:
    with pytest.raises(InputError, match=r"nearest URLs are:\n  https://other\.example/long"):
        explain(str(small_corpus), "https://other.example/lon")
    assert nearest_urls(parts(str(small_corpus), "extracted"), "https://hots.example/33")[0] == "https://host.example/3"
    with pytest.raises(InputError, match="32 hex digits"):
        explain(str(small_corpus), "deadbeef")


def test_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no corpus"):
        explain(str(tmp_path), "https://x.example/")


def test_json_has_stable_keys(small_corpus: Path) -> None:
    result = CliRunner().invoke(command, [str(small_corpus), DUPLICATE, "--json"])
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.output)
    assert set(found) == {
        "document", "verdict", "reason", "value", "detail", "signals", "removed", "steps", "lines", "duplicates",
        "survivors", "differences", "copies", "text",
    }  # fmt: skip
    assert found["duplicates"]["Urls"] == [{"pos": -1, "survivor": "1111111100000000", "value": 2.0, "note": None}]
    json.dumps(as_json(explain(str(small_corpus), KEPT)[0]))


def test_command_prints(small_corpus: Path) -> None:
    result = CliRunner().invoke(command, [str(small_corpus), KEPT])
    assert result.exit_code == 0
    assert "KEPT" in result.output
    assert "REJECTED  Urls.duplicate" in result.output


@pytest.mark.parametrize("left", ["a b", "", None, "word without mark", "x" * 5_000])
def test_cut_spans_give_the_line_back(left: str | None) -> None:
    line = Line("a word [3] without b mark " * 300, left, ("LineRules.edited",))
    pieces = cut_spans(line)
    assert "".join(piece for piece, _ in pieces) == line.text


def test_cut_spans_show_what_went() -> None:
    pieces = cut_spans(Line("One two[3].", "One two.", ("x",)))
    assert pieces == [("One two", False), ("[3]", True), (".", False)]


def test_code_is_found_by_path(tmp_path: Path) -> None:
    row = dict.fromkeys(schema.extracted("code").names)
    row |= {"id": "ab" * 16, "text": "x = 1\n", "source": "s", "repo": "owner/name", "path": "src/a.py"}
    (tmp_path / "extracted").mkdir()
    pq.write_table(pa.Table.from_pylist([row], schema.extracted("code")), tmp_path / "extracted" / "a.parquet")
    for query in ("src/a.py", "owner/name/src/a.py", "abababab"):
        assert len(list(find(str(tmp_path), "extracted", query))) == 1, query
    assert list(find(str(tmp_path), "extracted", "a.py")) == []
    assert "owner/name" in shown(tmp_path, "src/a.py")


def test_what_a_step_said_is_printed_once() -> None:
    assert (
        plain(_steps([Stage("MinHash", {}, "failed", "MinHash.ValueError", detail="no such bands")])).count(
            "no such bands"
        )
        == 1
    )
