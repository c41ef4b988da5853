"""`union`: the text of the first engine that the recipe keeps, and its name as a column."""

import pytest

from curate.corpus.recipe import parse
from curate.errors import UsageError
from curate.filters.base import Document
from curate.html.extractors import check_extractor, extractor, extractor_version
from curate.read import web
from curate.read.documents import extraction

RECIPE = '[[step]]\nuse = "curate.dedup.Urls"\n[[step]]\nuse = "filters.gopher.WordCount"\nminimum = 4\nmaximum = 9\n'
DOCUMENT = Document(id="1", text="", source="s", url="http://example.org/")


def united(monkeypatch: pytest.MonkeyPatch, recipe: str = "", **texts: str) -> tuple[str, str]:
    """What union makes of a page of which the engines make `texts`; "!": it raises."""

    def named(name: str, **how: bool):
        def extract(page, url):
            assert how == {"title": True}
            if texts[name] == "!":
                raise ValueError(name)
            text, _, engine = texts[name].partition("@")
            return text, engine or name

        return extract

    monkeypatch.setattr(web, "named_extractor", named)
    return web.Union(recipe or RECIPE, True)(b"<p>", None, DOCUMENT)


GOOD, OTHER, SHORT = "one two three four five", "six seven eight nine ten", "one two"


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (GOOD, "!", (GOOD, "curate")),
        (SHORT, OTHER, (OTHER, "trafilatura")),
        ("", OTHER, (OTHER, "trafilatura")),
        (SHORT, SHORT + " three", (SHORT, "curate")),
        (SHORT, "", (SHORT, "curate")),
        ("", SHORT, (SHORT, "trafilatura")),
        ("", "", ("", "curate")),
        (SHORT, "!", (SHORT, "curate")),
        (SHORT + "@trafilatura", "!", (SHORT, "trafilatura")),
    ],
)
def test_the_first_text_that_the_recipe_keeps(monkeypatch, first: str, second: str, taken: tuple[str, str]) -> None:
    assert united(monkeypatch, curate=first, trafilatura=second) == taken


GERMAN = "Der Fluss fließt seit vielen Jahren durch das breite Tal, und niemand weiß, woher er seinen Namen hat."
ENGLISH = (
    "The river has been flowing through the wide valley for many years, and nobody knows where it has its name from."
)


def test_no_engine_is_asked_again_for_a_page_in_another_language(monkeypatch) -> None:
    language = '[[step]]\nuse = "filters.language.FastText"\nlanguages = ["en"]\n'
    assert united(monkeypatch, language, curate=GERMAN, trafilatura="!") == (GERMAN, "curate")
    assert united(monkeypatch, language, curate=GERMAN, trafilatura=ENGLISH) == (GERMAN, "curate")
    # dropped before anybody asks for the language
    assert united(monkeypatch, RECIPE + language, curate=GERMAN + " so", trafilatura=GERMAN) == (
        GERMAN + " so",
        "curate",
    )
    assert united(monkeypatch, RECIPE.replace("9", "90") + language, curate="zu kurz", trafilatura=ENGLISH) == (
        ENGLISH,
        "trafilatura",
    )


def test_a_page_that_the_first_engine_can_not_read_fails(monkeypatch) -> None:
    with pytest.raises(ValueError, match="curate"):
        united(monkeypatch, curate="!", trafilatura=GOOD)


def test_union_is_known_and_depends_on_the_recipe() -> None:
    check_extractor("union")
    assert extractor_version("union") == extractor_version("curate")
    with pytest.raises(UsageError, match="curate clean"):
        extractor("union")
    one, other = (parse(f'[extract]\nengine = "union"\n{text}', "r") for text in (RECIPE, RECIPE.replace("4", "5")))
    assert extraction(one) != extraction(other)
