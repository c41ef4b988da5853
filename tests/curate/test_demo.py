"""The demo, checked to the page: every record of the sample crawl meets the fate that was planted for it."""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.commands.explain import explain as explain_command
from curate.engine.session import EngineOptions
from curate.errors import InputError
from curate.jobs.clean import Options, clean
from curate.report.explain import explain
from curate.report.skipped import find_skipped
from curate.sample import crawl

pytestmark = [pytest.mark.engine]

Place = tuple[str, str | None]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    crawl.write(folder / "crawl")
    clean(
        Options(inputs=[str(folder / "crawl")], output=str(folder / "corpus"), keep_rejected=True),
        EngineOptions(quiet=True),
    )
    return folder / "corpus"


@pytest.fixture(scope="module")
def rows(demo: Path) -> dict[Place, list[dict[str, Any]]]:
    """Rows of data/ and rejected/ by input file and URL."""
    found: dict[Place, list[dict[str, Any]]] = defaultdict(list)
    for folder in ("data", "rejected"):
        for row in pq.read_table(demo / folder).to_pylist():
            found[Path(row["file"]).name, row["url"]].append({"verdict": "kept", "reason": None, **row})
    return found


def test_the_ledger_is_the_expected_one(demo: Path) -> None:
    ledger = json.loads((demo / "ledger.json").read_text())
    for key, value in crawl.expected()["ledger"].items():
        assert ledger[key] == value, key


def test_every_page_meets_its_fate(rows: dict[Place, list[dict[str, Any]]]) -> None:
    for entry in crawl.expected()["pages"]:
        met = [(row["verdict"], row["reason"]) for row in rows.get((entry["file"], entry["url"]), [])]
        lost = ("rejected", entry["reason"])
        if entry["fate"] == "skipped":
            assert met == [], entry
        elif entry["fate"] == "one_of":
            assert set(met) <= {("kept", None), lost}, entry
        else:
            assert met == [(entry["fate"], entry["reason"])], entry


def test_of_each_group_one_copy_is_kept(rows: dict[Place, list[dict[str, Any]]]) -> None:
    groups: dict[str, set[Place]] = defaultdict(set)
    for entry in crawl.expected()["pages"]:
        if entry["fate"] == "one_of":
            groups[entry["group"]].add((entry["file"], entry["url"]))
    assert len(groups) >= 8
    for group, places in groups.items():
        assert [row["verdict"] for place in places for row in rows[place]].count("kept") == 1, group


def test_failed_records_are_the_damaged_ones(rows: dict[Place, list[dict[str, Any]]]) -> None:
    failed = Counter(row["reason"] for found in rows.values() for row in found if row["verdict"] == "failed")
    assert failed == crawl.expected()["ledger"]["failed"]


def test_planted_lines_are_cut_and_nothing_else_of_the_page(rows: dict[Place, list[dict[str, Any]]]) -> None:
    def removed(case: str) -> dict[str, int]:
        (entry,) = (e for e in crawl.expected()["pages"] if e["case"] == case)
        (row,) = rows[entry["file"], entry["url"]]
        counts = {item["rule"]: item["count"] for item in row["removed"]}
        return {rule: count for rule, count in counts.items() if rule != "LineRules.no_end_mark"}

    assert removed("javascript_line") == {"LineRules.javascript": 1}
    assert removed("policy_line") == {"LineRules.policy": 3}
    assert removed("long_word_line") == {"LineRules.long_word": 1}
    assert removed("few_words_line") == {"LineRules.few_words": 2}
    assert removed("short_lines") == {}


def test_kept_texts_obey_the_recipe(demo: Path) -> None:
    for row in pq.read_table(demo / "data").to_pylist():
        assert row["language"] == "en"
        assert not set("{}") & set(row["text"]), row["url"]
        for line in row["text"].splitlines():
            assert line.endswith((".", "?", "!", '"')), (row["url"], line)
            assert len(line.split()) >= 3
            assert not re.search(r"\[\d*\]|\[edit\]|\[citation needed\]|\x00", line)
            assert max(map(len, line.split())) <= 1000


def test_charsets_and_transports_were_undone(rows: dict[Place, list[dict[str, Any]]]) -> None:
    for entry in crawl.expected()["pages"]:
        for row in rows.get((entry["file"], entry["url"]), []):
            if row["text"] and entry["case"] != "nul_bytes":  # a NUL may become U+FFFD
                assert "\ufffd" not in row["text"], entry
            if entry["case"] in ("windows_1252", "latin1_label", "utf_16_mark", "utf_16_header", "no_charset"):
                assert "café’s “own”" in row["text"], entry


def test_shared_passage_stays_in_one_place(rows: dict[Place, list[dict[str, Any]]]) -> None:
    groups: dict[str, list[int]] = defaultdict(list)
    for entry in crawl.expected()["pages"]:
        if entry["case"] == "shared_passage":
            (row,) = rows[entry["file"], entry["url"]]
            groups[entry["group"]].append({i["rule"]: i["count"] for i in row["removed"]}.get("Spans.duplicate", 0))
    assert len(groups) == 3
    assert all(sorted(lost) == [0, 3] for lost in groups.values()), groups


def test_explain_agrees_with_the_job_on_every_document(demo: Path, rows: dict[Place, list[dict[str, Any]]]) -> None:
    for row in [row for found in rows.values() for row in found][::7]:
        (found,) = explain(str(demo), row["id"])
        assert found.trace is not None
        assert (found.verdict, found.reason) == (row["verdict"], row["reason"])
        assert (found.trace.verdict, found.trace.reason) == (row["verdict"], row["reason"])
        if row["verdict"] == "kept":
            assert found.trace.text == row["text"]


def test_skipped_records_are_found_in_the_input(demo: Path) -> None:
    command = [str(demo), "https://library.example/other/404"]
    assert CliRunner().invoke(explain_command, command).exit_code != 0
    done = CliRunner().invoke(explain_command, [*command, "--scan"])
    assert done.output.startswith("SKIPPED status_404 (response, 404, text/html, 2026-07-04T06:00")
    (found,) = json.loads(CliRunner().invoke(explain_command, [*command, "--scan", "--json"]).output)
    assert found["verdict"] == "skipped"
    with pytest.raises(InputError, match="no record of"):
        find_skipped(str(demo), "https://library.example/nothing")


def test_report_and_card_are_written(demo: Path) -> None:
    report = (demo / "report.html").read_text()
    assert "Line<wbr>Rules.<wbr>javascript" in report
    assert "<script" not in report
    assert "pretty_name" in (demo / "README.md").read_text()
