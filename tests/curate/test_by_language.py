"""Parameters by language: read, checked for all languages, chosen by the document's language; reasons stay the real class's."""

import json
import pickle
from pathlib import Path

import pytest

from curate.corpus import by_language, recipe
from curate.corpus.by_language import Chooser
from curate.errors import RecipeError
from curate.filters.base import Document
from curate.filters.gopher import StopWords
from curate.report.trace import trace
from curate.run.passes import judge

RECIPE = """
name = "x"
parameters = "limits"   # beside the recipe

# a comment that stays
[[step]]
use = "filters.gopher.StopWords"
words = "@stopwords"
minimum = 2

[[step]]
use = "filters.fineweb.NewlineRatio"
maximum = "@ratio"
"""
FILES = {
    "hin_Deva.yml": 'stopwords: ["\\u0915\\u0947", "\\u0939\\u0948"]\nratio: 0.2\nunused: [1]\n',
    "eng.toml": 'stopwords = ["the", "of"]\n',
    "default.json": '{"ratio": 0.1}',
}


def write(folder: Path, text: str = RECIPE, files: dict[str, str] = FILES) -> str:
    (folder / "limits").mkdir()
    for name, content in files.items():
        (folder / "limits" / name).write_text(content, encoding="utf-8")
    (folder / "x.toml").write_text(text)
    return str(folder / "x.toml")


def test_each_language_has_a_step_of_its_own(tmp_path: Path) -> None:
    found = recipe.load(write(tmp_path))
    assert found.labels == ("StopWords", "NewlineRatio")
    assert found.signals == ["stop_words", "newlines_per_word"]
    stop, ratio = found.steps
    assert stop.steps == {"hin_Deva": StopWords(words=("के", "है")), "eng": StopWords(words=("the", "of"))}
    assert {label: step.maximum for label, step in ratio.steps.items()} == {"default": 0.1, "eng": 0.1, "hin_Deva": 0.2}
    hindi = Document("0", "घर के पास है", language="hi")
    assert stop(hindi) == StopWords(words=("के", "है"))(hindi)
    assert stop(Document("0", "of the", language="en_GB")).reason is None
    assert stop(Document("0", "of it", language="en")).reason == "too_few"
    assert stop(Document("0", "der von", language="de")).reason == "no_parameters"
    assert stop(Document("0", "?")).reason == "no_parameters"
    assert ratio(Document("0", "a\nb", language="de")).reason == "too_many"  # the default
    # The text states it all, and its comments stand.
    again = recipe.parse(found.text, "elsewhere")
    assert (again.steps, again.text) == (found.steps, found.text)
    assert "# a comment that stays" in found.text
    assert "unused" not in found.text
    assert pickle.loads(pickle.dumps(found)).steps == found.steps


def test_reasons_and_explanations_are_those_of_the_real_class(tmp_path: Path) -> None:
    found = recipe.load(write(tmp_path))
    row = {"id": "1", "text": "one of", "source": "s", "language": "en", "verdict": None, "signals": {}, "removed": {}}
    judge([row], list(zip(found.labels, found.steps, strict=True)))
    assert (row["verdict"], row["reason"]) == ("rejected", "StopWords.too_few")
    assert row["signals"] == {"stop_words": 1.0, "newlines_per_word": 0.0}
    stages = trace({**row, "verdict": None}, found, {}).stages
    assert stages[0].reason == "StopWords.too_few"
    assert stages[0].parameters["words"] == ("the", "of")


@pytest.mark.parametrize(
    ("change", "files", "message"),
    [
        (("@ratio", "@ration"), {}, r"no language has a parameter 'ration'; did you mean 'ratio'"),
        (("", ""), {"default.json": "{}"}, "eng has no 'ratio', and neither has a default"),
        (("", ""), {"deu.json": '{"stopwords": ["der"]}'}, r"step\]\] 1: deu: StopWords: minimum must be"),
        (("", ""), {"deu.json": '{"stopwords": [1], "ratio": "x"}'}, r"deu: "),
        (("", ""), {"deu.json": "[1]"}, "deu.json: holds no table"),
        (("", ""), {"deu.json": "{"}, "deu.json: can't be read"),
        (("", ""), {"hin_deva.json": "{}"}, "hin_deva and hin_Deva are one language"),
        (("", ""), {"../a b.yml": "x: 1"}, None),
        (('"limits"', '"nowhere"'), {}, "no parameters at nowhere"),
        (('parameters = "limits"', ""), {}, 'needs parameters = "folder/"'),
        (('parameters = "limits"', "parameters = 3"), {}, "parameters = "),
        (("filters.gopher.StopWords", "curate.dedup.MinHash"), {}, "has no parameter|compares documents"),
        (('minimum = 2', 'minimum = "@stopwords"'), {}, "minimum must be a whole number"),
    ],
)  # fmt: skip
def test_mistakes_are_named_when_the_recipe_is_read(tmp_path, change, files, message) -> None:
    path = write(tmp_path, RECIPE.replace(*change) if change[0] else RECIPE, {**FILES, **files})
    if message is None:
        recipe.load(path)
    else:
        with pytest.raises(RecipeError, match=message):
            recipe.load(path)


def test_a_step_that_tells_the_language_is_chosen_by_what_it_tells(tmp_path: Path) -> None:
    text = """
[[step]]
use = "filters.language.LangDetect"
languages = []
threshold = "@score"

[parameters]
de = {score = 1}
eng_Latn = {score = 0}
"""
    (step,) = recipe.parse(text, "x").steps
    english = "The weather was fine this morning, and so we walked along the river until we came to the old mill."
    german = "Das Wetter war heute Morgen schön, und so gingen wir am Fluss entlang bis zur alten Mühle."
    assert step(Document("0", english)).doc.language == "en"
    assert step(Document("0", english)).reason is None
    assert step(Document("0", german)).reason == "low_score"
    other = step(Document("0", "Il faisait beau ce matin, et nous avons marché le long de la rivière."))
    assert (other.reason, other.doc.language) == ("no_parameters", "fr")
    with pytest.raises(RecipeError, match="fold_capitals is one for all"):
        recipe.parse(text.replace("languages = []", 'fold_capitals = "@score"').replace("= 1", "= true"), "x")


def test_words_that_begin_with_an_at(tmp_path: Path) -> None:
    text = '[[step]]\nuse = "filters.gopher.StopWords"\nminimum = 1\nwords = ["@@x", "@y"]\n'
    plain = recipe.parse(text, "x").steps[0]
    assert plain.words == ("@@x", "@y")  # a recipe without parameters has no "@key"
    (step,) = recipe.parse(text + '[parameters]\nen = {y = "z"}', "x").steps
    assert step.steps["en"].words == ("@x", "z")


@pytest.mark.parametrize(
    ("known", "language", "text", "label"),
    [
        (["hin_Deva"], "hi", "घर", "hin_Deva"),
        (["hin_Deva"], "hin_Latn", "ghar", None),
        (["arb_Arab", "arb_Latn"], "ar", "بيت", "arb_Arab"),
        (["arb_Arab", "arb_Latn"], "ar", "bayt", "arb_Latn"),
        (["cmn_Hani"], "zho_Hant", "門", "cmn_Hani"),
        (["zho_Hans", "zho_Hant", "zho"], "zho_Hant", "門", "zho_Hant"),
        (["fil_Latn"], "tl", "bahay", "fil_Latn"),
        (["nob_Latn", "nno_Latn"], "no", "hus", "nob_Latn"),
        (["kor_Hang"], "ko", "집", "kor_Hang"),
        (["jpn_Jpan"], "ja", "家です", "jpn_Jpan"),
        (["srp", "srp_Cyrl"], "sr", "кућа", "srp_Cyrl"),
        (["srp", "srp_Cyrl"], "sr", "kuća", "srp"),
        (["en"], "eng_Latn", "", "en"),
        (["en"], "../en", "", None),
        ([], "en", "", None),
    ],
)
def test_the_label_of_the_same_language_is_found(known, language, text, label) -> None:
    assert Chooser(known).label(language, Document("0", text)) == label


def test_one_file_for_all(tmp_path: Path) -> None:
    (tmp_path / "all.toml").write_text('[eng]\na = 1\n[default]\na = 2\n')  # fmt: skip
    assert by_language.read(tmp_path / "all.toml", "x") == {"eng": {"a": 1}, "default": {"a": 2}}
    (tmp_path / "all.toml").write_text("a = 1")
    with pytest.raises(RecipeError, match="a table a language"):
        by_language.read(tmp_path / "all.toml", "x")


def test_long_parameters_are_counted_not_shown(tmp_path: Path) -> None:
    files = {
        f"{a}{b}.json": json.dumps({"stopwords": ["a", "b"], "ratio": 1}) for a in "abcdefghij" for b in "mnopqrstuvwx"
    }
    found = recipe.load(write(tmp_path, files=files))
    assert found.shown.endswith("# [parameters] of 120 languages: see recipe.toml")
    assert found.steps[0].distinct() == [StopWords(words=("a", "b"))]


def test_fineweb2s_published_settings_are_read_unchanged(testdata: Path, tmp_path: Path) -> None:
    """Those of the languages that are bundled, and a twelfth of the others (benchmarks/fineweb2.py reads all 1,929)."""
    folder = testdata / "J-sources/multilingual/fineweb-2/huggingface__fineweb-2/configs"
    bundled = recipe.load("fineweb-2")
    ours = set(bundled.steps[0].steps) - {"eng_Latn"}
    for at, file in enumerate(sorted(folder.glob("*.yml"))):
        if at % 12 == 0 or file.stem in ours:
            (tmp_path / file.name).symlink_to(file)
    found = recipe.load("fineweb-2", {"parameters": str(tmp_path)})
    for step, own in zip(found.steps, bundled.steps, strict=True):
        if isinstance(own, by_language.ByLanguage):
            assert {label: step.steps[label] for label in ours} == {label: own.steps[label] for label in ours}
            assert len(step.steps) > 200
        else:
            assert step == own
