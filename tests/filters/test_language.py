"""Language steps on sentences whose language is plain."""

import itertools
import struct
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fasttext
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters import assets, language
from curate.filters.base import Document
from curate.filters.language import Cld3, FastText, LangDetect, identify
from curate.filters.text import without_capitals

ENGLISH = "The weather was fine this morning, and so we walked along the river until we came to the old mill."
MIXED = "警告音を選択します。Open the Activities overview and start typing. 音量をシステムの音量とは別に設定できます。Press Sound to open the panel."
GERMAN = "Das Wetter war heute Morgen schön, und so gingen wir am Fluss entlang bis zur alten Mühle."


@pytest.fixture
def model() -> Path:
    try:
        return assets.find("lid.176")
    except assets.AssetMissingError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("step", "text", "language", "reason"),
    [
        (FastText(), ENGLISH, "en", None),
        (FastText(), GERMAN, "de", "other_language"),
        (FastText(languages=("de", "en")), GERMAN, "de", None),
        (FastText(languages=()), GERMAN, "de", None),
        (FastText(threshold=1.0), ENGLISH, "en", "low_score"),
        (FastText(), "", None, "other_language"),
        (FastText(languages=()), " \n ", None, None),
        (FastText(max_chars=len(ENGLISH)), ENGLISH + "\n" + GERMAN * 5, "en", None),
        (FastText(), ENGLISH.replace(" ", "\n"), "en", None),
    ],
)
def test_fasttext(step: FastText, text: str, language: str | None, reason: str | None) -> None:
    decision = step(Document("0", text))
    assert (decision.doc.language, decision.reason) == (language, reason)
    assert decision.doc.language_score == decision.value == decision.signals["fasttext_score"]
    assert 0.0 <= decision.signals["fasttext_score"] <= 1.0


@pytest.mark.parametrize(
    ("step", "text", "language", "reason"),
    [
        (LangDetect(), ENGLISH, "en", None),
        (LangDetect(), GERMAN, "de", "other_language"),
        (LangDetect(languages=()), GERMAN, "de", None),
        (LangDetect(), "", None, "low_score"),
        (LangDetect(), "12345 67890", None, "low_score"),
    ],
)
def test_langdetect(step: LangDetect, text: str, language: str | None, reason: str | None) -> None:
    decision = step(Document("0", text))
    assert (decision.doc.language, decision.reason) == (language, reason)
    assert step(Document("0", text)) == decision


def test_langdetect_leaves_the_global_factory_alone(monkeypatch: Any) -> None:
    from langdetect.detector_factory import DetectorFactory

    monkeypatch.setattr(DetectorFactory, "seed", 5)
    LangDetect()(Document("0", ENGLISH))
    assert DetectorFactory.seed == 5


def test_missing_model(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    with pytest.raises(assets.AssetMissingError, match=r"lid\.176\.ftz is not in .* curate assets fetch lid\.176"):
        assets.find("lid.176")


SHOUTED = "PROJECT TAGGING CRITERIA"
"""Taken for Chinese as it stands."""


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH.upper(), "en"),
        (SHOUTED, "en"),
        (f"{SHOUTED}\n{ENGLISH.upper()} (v. 1.2, by Ann)", "en"),  # nearly all
        (GERMAN.upper(), "de"),
        ("BUG\u00dcN HAVA \u00c7OK G\u00dcZELD\u0130 VE NEHR\u0130N KIYISINDA Y\u00dcR\u00dcD\u00dcK, SONRA ESK\u0130 DE\u011e\u0130RMENE VARDIK.", "tr"),
        ("\u041f\u041e\u0413\u041e\u0414\u0410 \u0411\u042b\u041b\u0410 \u0425\u041e\u0420\u041e\u0428\u0410\u042f, \u0418 \u041c\u042b \u041f\u041e\u0428\u041b\u0418 \u0412\u0414\u041e\u041b\u042c \u0420\u0415\u041a\u0418", "ru"),
    ],
)  # fmt: skip
def test_capitals(text: str, language: str) -> None:
    assert FastText(languages=())(Document("0", text)).doc.language == language
    plain = FastText(languages=(), fold_capitals=False)(Document("0", text)).doc
    assert (plain.language, plain.language_score) == identify(text)
    assert FastText(threshold=0.5)(Document("0", ENGLISH.upper())).doc.text == ENGLISH.upper()  # as it stands


def test_capitals_in_langdetect() -> None:
    assert LangDetect()(Document("0", SHOUTED)).doc.language == "en"
    assert LangDetect(fold_capitals=False)(Document("0", SHOUTED)).doc.language == "vi"  # as the released code


@pytest.mark.parametrize(
    "text",
    [
        ENGLISH,
        GERMAN,
        "",
        "12 345 \u4e2d\u6587",
        f"{SHOUTED} {ENGLISH}",
        "I",
        "NASA and ESA told the BBC",
        "\u10d3\u10e6\u10d4\u10e1",
    ],
)
def test_other_texts_stand(text: str) -> None:
    assert without_capitals(text) == (text if text != "I" else "i")


@given(st.text(st.sampled_from("aAzZ\u0130\u0131I\u00c9\u00e9\u0414\u0434 .1\u4e2d"), max_size=600))
def test_capitals_by_the_sample_are_those_of_the_text(text: str) -> None:
    large, small = sum(map(str.isupper, text)), sum(map(str.islower, text))
    if not text or 3 * large < len(text):
        assert without_capitals(text) == text
    elif small == 0 or len(text) <= 256:
        assert (without_capitals(text) != text) == (large >= 0.8 * (large + small))
    assert len(without_capitals(text)) == len(text)


def _train(folder: Path, *, full: bool) -> Path:
    lines = ["__label__up ab cd ef", "__label__down uv wx yz"] * 50
    (folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    shape = {"dim": 16, "minn": 2, "maxn": 4, "bucket": 2_000_000, "loss": "hs"} if full else {"dim": 4, "bucket": 100}
    model = fasttext.train_supervised(str(folder / "lines.txt"), thread=1, verbose=0, lr=1.0, epoch=20, **shape)
    model.save_model(str(folder / "lid.176.bin"))
    return folder / "lid.176.bin"


@pytest.mark.parametrize("full", [False, True], ids=["another shape", "lid.176.bin's shape"])
def test_a_recipe_names_its_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool) -> None:
    path = _train(tmp_path, full=full)
    step = FastText(languages=("up",), model=str(path))
    step.prepare()
    assert step.files() == (path,)  # its content is a part of what a job is
    assert step(Document("0", "ab cd\nef")).doc.language == "up"
    assert step(Document("0", "uv wx")).reason == "other_language"
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    language._model.cache_clear()
    named = FastText(languages=("up",), model="lid.176.bin")
    assert named(Document("0", "ab cd\nef")) == step(Document("0", "ab cd\nef"))
    with pytest.raises(assets.AssetMissingError, match=r"curate assets fetch lid\.176 "):
        FastText(languages=("up",)).prepare()
    language._model.cache_clear()


def test_a_cut_or_hostile_model_is_refused_at_once(tmp_path: Path) -> None:
    """The library hangs on such files, takes gigabytes, or ends the process."""
    whole, path = _train(tmp_path, full=False).read_bytes(), tmp_path / "cut.bin"
    hostile = whole[:8] + struct.pack("<12id", 4, 5, 5, 1, 5, 1, 3, 3, 100, 2, 3, 100, 0.1) + b"\xff\xff\xff\x7f" * 500
    for data in (*(whole[:size] for size in range(1, len(whole), 97)), whole[:-1], whole + b"\0", hostile):
        path.write_bytes(data)
        language._model.cache_clear()
        with pytest.raises(ValueError, match=r"^\S*cut\.bin is no fastText model of languages: (?!.*cut\.bin)"):
            FastText(model=str(path)).prepare()


def test_what_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.bin").write_bytes(b"not a model" * 9)
    with pytest.raises(ValueError, match=r"words\.bin is no fastText model of languages"):
        FastText(model=str(tmp_path / "words.bin")).prepare()
    with pytest.raises(FileNotFoundError, match=r"no language model at .*lid\.177.*lid\.176\.bin"):
        FastText(model="lid.177").prepare()
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    with pytest.raises(assets.AssetMissingError, match=r"lid\.176\.bin is not in .* curate assets fetch lid\.176\.bin"):
        FastText(model="lid.176.bin").prepare()


@pytest.mark.usefixtures("model")
def test_capitals_of_75_languages(testdata: Path) -> None:
    """Of real sentences, as many are known in capitals as in small letters, and what is not in capitals is left alone."""
    known = shouted = total = 0
    for path in sorted((testdata / "C-langid/lingua-testdata").rglob("sentences/*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines()[:30]:
            total += 1
            known += FastText(languages=())(Document("0", line)).doc.language == path.stem
            shouted += FastText(languages=())(Document("0", line.upper())).doc.language == path.stem
    assert total > 2000
    assert shouted > known - 0.01 * total


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match="model must be"):
        FastText(model="")
    for wrong in (-0.01, 1.01, 65):
        with pytest.raises(ValueError, match="threshold must be from 0 to 1"):
            FastText(threshold=wrong)
    with pytest.raises(ValueError, match="max_chars"):
        FastText(max_chars=-1)


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("step", "text", "language", "script", "reason"),
    [
        (FastText(languages=(), threshold=1.0), ENGLISH, "en", None, "low_score"),
        (FastText(languages=[]), "xq", "uz", None, None),
        (FastText(languages=(), threshold=1.0, unsure="und"), ENGLISH, "und", None, None),
        (FastText(languages=["en"], threshold=1.0, unsure="und"), ENGLISH, "und", None, "other_language"),
        (FastText(languages=["en", "und"], threshold=1.0, unsure="und"), ENGLISH, "und", None, None),
        (FastText(languages=[], unsure="und"), "", "und", None, None),
        (FastText(languages=["eng_Latn"], script=True), ENGLISH, "eng_Latn", "Latn", None),
        (FastText(languages=["deu"], script=True), GERMAN, "deu_Latn", "Latn", None),
        (FastText(languages=["deu"]), GERMAN, "de", None, None),
        (FastText(languages=["zh"], script=True), "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性", "zho_Hant", "Hant", None),
        (FastText(languages=["ja"], script=True), MIXED, "jpn_Jpan", "Jpan", None),
        (FastText(languages=[], script=True), GERMAN + " ⵜⴰⵎⴰⵣⵉⵖⵜ" * 10, "deu_Latn", "Latn", None),
        (FastText(languages=["zho_Hans"], script=True), "人人生而自由，在尊嚴和權利上一律平等。", "zho_Hant", "Hant", "other_language"),
    ],
)  # fmt: skip
def test_thresholds_unsure_texts_and_scripts(step, text, language, script, reason) -> None:
    decision = step(Document("0", text))
    if step == FastText(languages=[]):  # nonsense: any language, and it stays
        language = decision.doc.language
    assert (decision.doc.language, decision.doc.script, decision.reason) == (language, script, reason)
    assert decision.value == decision.doc.language_score


@pytest.mark.parametrize(("kind", "usual"), [(FastText, 0.65), (LangDetect, 0.99), (Cld3, 0.95)])
def test_the_threshold_that_nobody_names(kind: Any, usual: float) -> None:
    assert kind(languages=("en",), threshold=None).threshold == usual
    assert kind(languages=(), threshold=None).threshold == 0.0
    assert kind(languages=("en",), threshold=0.0).threshold == 0.0
    assert kind(languages=["de"]).languages == ("de",)


def test_a_threshold_without_languages_is_obeyed_by_langdetect_too() -> None:
    assert LangDetect(languages=[], threshold=1.0)(Document("0", ENGLISH)).reason == "low_score"
    assert LangDetect(languages=[])(Document("0", "")).reason is None
    assert LangDetect(languages=[], threshold=0.9, unsure="und")(Document("0", "1")).doc.language == "und"
    for step in (FastText, LangDetect):
        with pytest.raises(ValueError, match="unsure must be the name of a language"):
            step(unsure="../x")


def test_a_model_by_its_name_among_the_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    (tmp_path / "glotlid.bin").write_bytes(b"x")
    assert language.model_path("glotlid.bin") == tmp_path / "glotlid.bin"
    with pytest.raises(FileNotFoundError, match=r"no language model at other\.bin"):
        language.model_path("other.bin")


CLD3 = {
    "en": ENGLISH + " The miller stood at the door and asked us whether we had seen his two white horses.",
    "de": GERMAN + " Der Müller stand vor der Tür und fragte uns, ob wir seine zwei weißen Pferde gesehen hätten.",
    "zh": "今天早上天气很好，所以我们沿着河边走，一直走到那座老磨坊。磨坊主站在门口，问我们有没有看见他的两匹白马。",
    "iw": "הבוקר היה מזג האוויר נאה, ולכן הלכנו לאורך הנהר עד שהגענו לטחנה הישנה שבקצה הכפר. הטוחן עמד בפתח ושאל אותנו.",
}


@pytest.mark.parametrize("label", CLD3)
def test_cld3_says_what_the_module_says(label: str) -> None:
    gcld3 = pytest.importorskip("gcld3")
    decision = Cld3()(Document("0", CLD3[label]))
    found = gcld3.NNetLanguageIdentifier(min_num_bytes=100, max_num_bytes=10000).FindLanguage(text=CLD3[label])
    assert found.language == label
    sure = found.is_reliable and found.probability >= 0.95
    assert (decision.doc.language, decision.reason) == (label if sure else "und", None)
    assert decision.doc.language_score == decision.value == pytest.approx(found.probability, abs=1e-4)


def test_what_cld3_is_not_sure_of() -> None:
    pytest.importorskip("gcld3")
    short = Document("0", "Good morning.")  # less than 100 bytes
    assert (Cld3()(short).doc.language, Cld3()(short).value) == ("und", 0.0)
    assert Cld3(unsure="")(short).reason == "low_score"
    assert Cld3(languages=["en"])(short).reason == "other_language"
    assert Cld3(languages=["en", "und"])(short).reason is None
    assert Cld3(languages=["he"])(Document("0", CLD3["iw"])).reason is None
    assert Cld3(languages=["fr", "und"], threshold=0.5)(Document("0", CLD3["de"])).reason == "other_language"


def test_cld3_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    language._cld3.cache_clear()
    monkeypatch.setitem(sys.modules, "gcld3", None)
    with pytest.raises(assets.AssetMissingError, match="pip install cld3-py"):
        Cld3().prepare()


def test_what_becomes_of_a_language_and_its_score() -> None:
    """All there can be: what a model says, and what a step is asked for."""
    asked = itertools.product([(), ("en",), ("en", "und")], ["", "und"], [None, 0.0, 0.5], [False, True])
    for (languages, unsure, threshold, sure_first), told in itertools.product(asked, [None, "en", "de"]):
        step = SimpleNamespace(languages=languages, unsure=unsure, threshold=threshold)
        for score in (None, 0.0, 0.4, 0.5, 0.6):
            doc = Document("0", "text", language=told, language_score=score)
            decision = language._decided(step, doc, "s", sure_first=sure_first)  # type: ignore[arg-type]
            low = (score or 0.0) < (threshold or 0.0)
            called = unsure if unsure and (low or told is None) else told
            reasons = ["low_score"] if low and not unsure else []
            if languages and called not in languages:
                reasons.insert(len(reasons) if sure_first else 0, "other_language")
            assert decision.reason == (reasons[0] if reasons else None)
            assert decision.doc == replace(doc, language=called)
            assert (decision.value, decision.signals) == (score or 0.0, {"s": score or 0.0})
