"""Language steps on sentences whose language is plain."""

from pathlib import Path
from typing import Any

import pytest

from filters import assets
from filters.base import Document
from filters.language import FastText, LangDetect

ENGLISH = "The weather was fine this morning, and so we walked along the river until we came to the old mill."
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


def test_wrong_parameters() -> None:
    with pytest.raises(ValueError, match="threshold must be from 0 to 1"):
        FastText(threshold=65)
    with pytest.raises(ValueError, match="max_chars"):
        FastText(max_chars=-1)
