"""Recipes: what is built in parses, and every mistake is named with the nearest right word."""

import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import recipe
from curate.errors import RecipeError, UsageError
from curate.jobs.clean import Options
from curate.jobs.clean import _recipe as asked


@pytest.mark.parametrize("name", recipe.built_in())
def test_built_in_recipes_parse(name):
    found = recipe.load(name)
    assert found.name == name
    assert found.steps or found.source
    assert len(set(found.labels)) == len(found.labels)


def test_segments_are_cut_at_corpus_wide_steps():
    found = recipe.load("c4")
    for first, last in found.segments():
        assert not any(recipe.is_corpus_wide(step) for step in found.steps[first:last])
    cuts = [last for _, last in found.segments()[:-1]]
    assert [found.labels[cut] for cut in cuts] == ["Urls", "Spans"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nam = 'x'", "the recipe has no key 'nam'; did you mean 'name'?"),
        ("name = ", "not TOML"),
        ("[extract]\nengin = 'x'", r"\[extract\]: Extract has no parameter 'engin'; did you mean 'engine'\?"),
        ("[extract]\ncpu_seconds = 'x'", "must be a number, got 'x'"),
        ("[[step]]\nmin_words = 3", "needs use ="),
        ("[[step]]\nuse = 'filters.c4.LineRule'", r"\[\[step\]\] 1: .* did you mean 'LineRules'\?"),
        ("[[step]]\nuse = 'filters.c5.LineRules'", r"no module 'filters.c5'; did you mean 'filters.c4'\?"),
        (
            "[[step]]\nuse = 'filters.c4.LineRules'\nmin_word = 3",
            r"no parameter 'min_word'; did you mean 'min_words'\?",
        ),
        ("[[step]]\nuse = 'filters.c4.LineRules'\nmin_words = true", "must be a whole number, got True"),
        ("[[step]]\nuse = 'filters.c4.LineRules'\nmin_words = -1", "min_words must be at least"),
        ("[[step]]\nuse = 'os.path'", "not a step"),
        ("[[step]]\nuse = 'subprocess.Popen'", "not a step"),
        ("[step]\nuse = 'filters.c4.LineRules'", "two brackets"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(RecipeError, match=message) as error:
        recipe.parse(text, "r.toml")
    assert str(error.value).startswith("r.toml:")


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'c4-tfds'"):
        recipe.load("c4-tfd")
    with pytest.raises(RecipeError, match="did you mean 'c4'"):
        recipe.load("C4")


def test_changes_stand_in_the_text_and_change_the_digest():
    plain = recipe.load("c4")
    changed = recipe.load("c4", {"extract": {"engine": "resiliparse"}}, {"BadWords": {"words": "ldnoobw"}})
    assert changed.digest != plain.digest
    again = recipe.parse(changed.text, "c4")
    assert again.extract.engine == "resiliparse"
    assert again.steps == changed.steps != plain.steps
    with pytest.raises(RecipeError, match="has no step Nothing"):
        recipe.load("c4", None, {"Nothing": {"x": 1}})


SCALARS = st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
KEYS = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.recursive(
    SCALARS | st.dates() | st.times(), lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), one, max_size=3),
    max_leaves=5,
)  # fmt: skip
TABLES = st.dictionaries(KEYS | st.text(max_size=3), VALUES, max_size=4)


@settings(max_examples=50, deadline=None)
@given(TABLES, st.lists(TABLES.filter(bool), max_size=3))
def test_written_toml_reads_back(table, steps):
    whole = {**{k: v for k, v in table.items() if k != "step"}, **({"step": steps} if steps else {})}
    assert tomllib.loads(recipe.to_toml(whole)) == whole


OWN = """from dataclasses import dataclass
from curate.filters import keep


@dataclass(frozen=True)
class Mine:
    def __call__(self, doc):
        return keep(doc)
"""


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """A folder with a person's recipe, and modules of theirs beside it; forgotten afterwards."""
    elsewhere = [
        path for path in sys.path if not Path(path, "filters").exists()
    ]  # no checkout: as where it is installed
    monkeypatch.setattr(sys, "path", elsewhere)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if not name.startswith("curate"):
            del sys.modules[name]


def test_steps_stand_in_a_module_beside_the_recipe(beside):
    """Also where it is called `filters`: names of ours are ours, under any other name the module is the person's."""
    (beside / "filters.py").write_text(OWN)
    steps = "".join(f"[[step]]\nuse = '{use}'\n" for use in ("filters.Mine", "filters.c4.LineRules"))
    (beside / "mine.toml").write_text(steps)
    found = recipe.load(str(beside / "mine.toml"))
    assert [type(step).__module__ for step in found.steps] == ["filters", "curate.filters.c4"]
    assert str(beside / "filters.py") in found.files()  # another version of it makes another corpus


def test_a_module_beside_the_recipe_hides_no_module_that_is_there(beside):
    (beside / "json.py").write_text("raise ValueError")
    (beside / "mine.toml").write_text("[[step]]\nuse = 'own_steps.Mine'\n")
    (beside / "own_steps.py").write_text("import json\n" + OWN)
    assert len(recipe.load(str(beside / "mine.toml")).steps) == 1


def test_a_module_that_raises_is_named(beside):
    (beside / "own_broken.py").write_text("1 / 0\n")
    (beside / "mine.toml").write_text("[[step]]\nuse = 'own_broken.Mine'\n")
    with pytest.raises(RecipeError, match=r"own_broken can't be imported: ZeroDivisionError: division by zero"):
        recipe.load(str(beside / "mine.toml"))


def test_a_recipe_with_a_table_as_a_parameter_can_be_changed(tmp_path):
    text = """
[extract]
engine = "resiliparse"

[[step]]
use = "filters.gopher.StopWords"
words = "@stopwords"

[[step]]
use = "filters.badwords.BadWords"

[parameters.eng_Latn]
stopwords = ["the", "of"]
[parameters."zh-Hant"]
stopwords = ["a", "b"]
"""
    (tmp_path / "r.toml").write_text(text)
    plain = recipe.load(str(tmp_path / "r.toml"))
    changed = recipe.load(
        str(tmp_path / "r.toml"), {"extract": {"engine": "curate"}}, {"BadWords": {"words": "ldnoobw"}}
    )
    assert changed.extract.engine == "curate"
    assert changed.steps[0] == plain.steps[0]
    assert changed.steps[1].words == "ldnoobw"
    assert recipe.parse(changed.text, "x").steps == changed.steps


EVERY_FORM = """
name = "every form" # 中文
description = 'says "so"'
[parameters.hin_Deva]
language_score = 0.5
stop = ["और", "है", "two words"]
[parameters.default]
language_score = 1e-1
stop = ["the", "of"]
[output]
by = "language"
[[step]]
use = "filters.language.FastText"
languages = []
threshold = "@language_score"
[[step]]
use = "own_forms.Forms"
table = {a = 1, "b c" = [1.5, "x y", {deep = true, when = 2020-01-02}], d.e.f = "@@literal"}
[step.other]
"k.ey" = 'v "w"'
[step.other.inner]
x = -inf
[[step]]
use = "own_forms.Forms"
name = "by language"
table = {a = "@language_score", l = ["@stop", {b = "@stop"}]}
[[step]]
use = "filters.gopher.StopWords"
words = "@stop"
[[step]]
use = "filters.badwords.BadWords"
words = "ldnoobw"
"""
FORMS = """from dataclasses import dataclass, field


@dataclass(frozen=True)
class Forms:
    table: dict = field(default_factory=dict)
    other: dict = field(default_factory=dict)

    def __call__(self, doc):
        raise NotImplementedError
"""
OVERRIDES = [
    ("extractor", "resiliparse", set()),
    ("bad_words", "my list.txt", {"BadWords"}),
    ("language_model", 'a "model".bin', {"FastText"}),
    ("parameters", "langs", {"FastText", "by language", "StopWords"}),
    ("block_lists", ["bad hosts.txt"], {"UrlBlocklist"}),
    ("opt_outs", "honour", {"OptOuts"}),
]


@pytest.mark.parametrize(("option", "value", "changed"), OVERRIDES)
def test_an_override_changes_its_own_steps_whatever_form_the_parameters_have(
    beside, monkeypatch, option, value, changed
):
    monkeypatch.chdir(beside)
    (beside / "own_forms.py").write_text(FORMS)
    (beside / "all.toml").write_text(EVERY_FORM, encoding="utf-8")
    (beside / "langs").mkdir()
    (beside / "langs/default.json").write_text('{"language_score": 0.25, "stop": ["a", "b"]}')
    plain, found = (asked(Options([], "", "all.toml", **given)) for given in ({}, {option: value}))
    before, after = (
        {label: recipe.variants(step) for label, step in zip(one.labels, one.steps, strict=True)}
        for one in (plain, found)
    )
    assert {label for label in after if after[label] != before.get(label)} == changed
    assert before.keys() <= after.keys()
    assert before["Forms"][0].table["d"] == {"e": {"f": "@literal"}}
    assert before["Forms"][0].other == {"k.ey": 'v "w"', "inner": {"x": -float("inf")}}
    assert before["by language"][0].table == {
        "a": 0.5,
        "l": [["और", "है", "two words"], {"b": ["और", "है", "two words"]}],
    }
    assert (found.name, found.description, found.output) == (plain.name, plain.description, plain.output)
    again = recipe.parse(found.text, "all.toml")
    assert list(map(recipe.variants, again.steps)) == list(map(recipe.variants, found.steps))


@pytest.mark.parametrize("name", ["c4", "mc4"])
def test_parameters_by_language_that_no_step_asks_for_are_no_silence(name, tmp_path):
    (tmp_path / "default.json").write_text('{"language_score": 0.25}')
    with pytest.raises(UsageError, match="no step of"):
        asked(Options([], "", name, parameters=str(tmp_path)))
