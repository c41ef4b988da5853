"""The list of filters, its page, and the recipes that use them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.commands.filters import catalogue, filters, reference
from curate.corpus import recipe

PAGE = Path(__file__).parents[2] / "docs/filters.md"


def test_page_is_current() -> None:
    """Refresh it with: curate filters --markdown > docs/filters.md."""
    if not PAGE.exists():
        pytest.skip("docs are not part of this installation")
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_catalogue_describes_parameters() -> None:
    (rules,) = (row for row in catalogue() if row["use"] == "filters.c4.LineRules")
    assert rules["signals"] == ["c4_lines", "c4_lines_kept"]
    words = next(p for p in rules["parameters"] if p["name"] == "min_words")
    assert (words["type"], words["default"]) == ("int", 3)
    assert "5 in the code" in words["about"]


def test_json() -> None:
    result = CliRunner().invoke(filters, ["--json"])
    assert result.exit_code == 0
    rows = json.loads(result.output)
    assert len(rows) > 20
    assert all(row.keys() == {"use", "summary", "about", "costly", "signals", "parameters"} for row in rows)


def test_plain() -> None:
    result = CliRunner().invoke(filters, [])
    assert "filters.c4.CurlyBracket" in result.output
    assert 'marks = "{}"' in result.output


@pytest.mark.parametrize("name", ["c4", "c4-tfds", "mc4", "gopher", "fineweb"])
def test_recipes_load(name: str) -> None:
    found = recipe.load(name)
    assert found.name == name
    assert len(found.steps) > 5
    assert len(set(found.labels)) == len(found.labels)


def test_published_constants() -> None:
    """The numbers by which the two C4s differ."""
    from curate.filters.c4 import CurlyBracket, LineRules, TooFewSentences

    def first(name: str, kind: type) -> object:
        return next(step for step in recipe.load(name).steps if isinstance(step, kind))

    paper = [first("c4", kind) for kind in (LineRules, TooFewSentences, CurlyBracket)]
    code = [first("c4-tfds", kind) for kind in (LineRules, TooFewSentences, CurlyBracket)]
    assert [paper[0].min_words, paper[1].minimum, paper[2].marks] == [3, 5, "{}"]  # type: ignore[attr-defined]
    assert [code[0].min_words, code[1].minimum, code[2].marks] == [5, 3, "{"]  # type: ignore[attr-defined]
