"""`curate explain`: each fate is explained from what is stored, and the same as the job decided."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.commands.explain import explain as command
from curate.console.terminal import plain
from curate.corpus import schema
from curate.errors import InputError, RecipeError
from curate.quality import stored
from curate.report.explain import as_json, explain, find, nearest_urls, parts
from curate.report.explain_view import _parameters, _steps, view
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
    assert "kept copy: " in text
    assert "Please enable Javascript" in text


def test_keeper_knows_its_copies(small_corpus: Path) -> None:
    (found,) = explain(str(small_corpus), "11111111")
    assert [(copy.id[:8], copy.step, copy.removals, copy.value) for copy in found.copies] == [
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
    with pytest.raises(InputError, match="--scan looks for them"):
        explain(str(small_corpus), "https://nowhere.example/")


def test_of_no_crawl_there_is_nothing_to_scan(tmp_path: Path) -> None:
    """As of a mixture, and of dumps."""
    (tmp_path / "data").mkdir()
    pq.write_table(
        pa.table({"id": ["0" * 32], "text": ["a"], "url": ["https://a.example/"]}), tmp_path / "data/0.parquet"
    )
    with pytest.raises(InputError, match="has no document") as told:
        explain(str(tmp_path), "https://nowhere.example/")
    assert "--scan" not in str(told.value)


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
    for query in ("src/a.py", "owner/name/src/a.py", "ab" * 16):
        assert len(list(find(str(tmp_path), "extracted", query))) == 1, query
    assert list(find(str(tmp_path), "extracted", "a.py")) == []
    assert "owner/name" in shown(tmp_path, "src/a.py")
    assert "owner/name" in shown(tmp_path, "ab")


def test_what_a_step_said_is_printed_once() -> None:
    assert (
        plain(_steps([Stage("MinHash", {}, "failed", "MinHash.ValueError", detail="no such bands")])).count(
            "no such bands"
        )
        == 1
    )


IDS = ("<urn:uuid:0a9f-1>", "<urn:uuid:0a9f-2>", "12", "120", "7", "doc-3", "Ärzte/1", None)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A corpus of rows that had ids of their own where they came from."""
    rows = [
        {"id": f"{number:x}" * 32, "text": f"Row {number}.", "record_id": own, "url": f"https://e.example/{number}"}
        for number, own in enumerate(IDS)
    ]
    (tmp_path / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "a.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("<urn:uuid:0a9f-1>", 0),
        ("urn:uuid:0a9f-2", 1),
        ("0a9f-2", 1),
        ("12", 2),  # not 120, which begins so
        ("120", 3),
        ("7", 4),  # not the corpus' own id 777…
        ("doc", 5),
        ("Ä", 6),
        ("66", 6),
        ("5" * 32, 5),
        ("https://e.example/7", 7),
    ],
)
def test_an_id_of_another_pipeline_or_its_beginning_is_found(foreign: Path, query: str, row: int) -> None:
    (found,) = explain(str(foreign), query)
    assert found.row["text"] == f"Row {row}."
    assert IDS[row] is None or f"record_id  {IDS[row]}" in shown(foreign, query)


@pytest.mark.parametrize(
    ("query", "listed"), [("0a9f", (0, 1)), ("<urn:uuid:", (0, 1)), ("1", (1, 2, 3)), ("0", (0, 1))]
)
def test_ids_that_begin_alike_are_listed(foreign: Path, query: str, listed: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as told:
        explain(str(foreign), query)
    head, *lines = str(told.value).splitlines()
    assert f"has {len(listed)} documents whose id begins with {query!r}; give more of it" in head
    assert [line.split()[0] for line in lines] == [f"{row:x}" * 32 for row in listed]
    assert all(f"https://e.example/{row}" in line for row, line in zip(listed, lines, strict=True))


def test_of_many_ids_that_begin_alike_some_are_listed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rows = [{"id": f"a{number:031x}", "text": "x"} for number in range(500)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "a.parquet")
    with pytest.raises(InputError, match="more than 12 documents whose id begins with 'a'") as told:
        explain(str(tmp_path), "a")
    assert len(str(told.value).splitlines()) == 13
    assert len(explain(str(tmp_path), f"a{77:031x}")) == 1


@pytest.mark.parametrize("width", [60, 70, 80, 100, 120])
def test_no_word_of_an_explanation_is_cut(small_corpus: Path, rows: list[dict], width: int) -> None:
    for row in rows:
        (found,) = explain(str(small_corpus), row["id"])
        for stage in found.trace.stages if found.trace else ():
            words = " ".join(plain(_steps([stage]), width).split())
            for parameter in _parameters(stage).split(", "):
                assert " ".join(parameter.split()) in words, (width, parameter)
            assert all(name in words for name in stage.signals)


def test_a_corpus_runs_no_code_of_its_own(small_corpus: Path, tmp_path: Path) -> None:
    """Modules that stood in its folder were imported, by `explain` and `whatif`."""
    strange = tmp_path / "strange"
    shutil.copytree(small_corpus, strange)
    with open(strange / "recipe.toml", "a", encoding="utf-8") as recipe:
        recipe.write('\n[[step]]\nuse = "a_step_of_theirs.Step"\n')
    (strange / "a_step_of_theirs.py").write_text("raise SystemExit('it ran')\n")
    document = pq.read_table(strange / "data", columns=["id"])["id"][0].as_py()
    for look in (partial(explain, str(strange), document), partial(stored.read, str(strange))):
        with pytest.raises(RecipeError, match=r"no module 'a_step_of_theirs'.*a corpus brings no code; put the folder"):
            look()
    assert str(strange) not in sys.path


def test_a_whole_id_is_found_where_others_begin_with_it(tmp_path: Path) -> None:
    """A mixture has the ids of its sources, in no order."""
    (tmp_path / "data").mkdir()
    for part, ids in enumerate((["9", "120", "12"], ["121", "1"], ["12x", "12"])):
        pq.write_table(pa.table({"id": ids, "text": ids}), tmp_path / f"data/part-{part}.parquet")
    assert [found.row["id"] for found in explain(str(tmp_path), "12")] == ["12", "12"]
    with pytest.raises(InputError, match="has no document '2'"):
        explain(str(tmp_path), "2")


def test_addresses_are_no_documents(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"url": ["https://a.example/"], "score": [3]}), tmp_path / "data/links-00000.parquet")
    with pytest.raises(InputError, match="holds no documents"):
        explain(str(tmp_path), "https://a.example/")


def test_of_a_recipe_without_steps_that_is_said(small_corpus: Path) -> None:
    found = explain(str(small_corpus), "https://host.example/3")[0]
    assert found.trace is not None
    said = "\n".join(plain(part) for part in view(replace(found, trace=replace(found.trace, stages=[]))))
    assert "the recipe has no steps" in said
    assert "outcome" not in said
