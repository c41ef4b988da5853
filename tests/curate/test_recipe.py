"""Recipes: what is built in parses, and every mistake is named with the nearest right word."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.corpus import recipe
from curate.errors import RecipeError


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
TABLES = st.dictionaries(KEYS, SCALARS | st.lists(st.text(), max_size=3), max_size=4)


@given(TABLES, st.lists(TABLES.filter(bool), max_size=3))
def test_written_toml_reads_back(table, steps):
    whole = {**{k: v for k, v in table.items() if k != "step"}, **({"step": steps} if steps else {})}
    assert tomllib.loads(recipe.to_toml(whole)) == whole
