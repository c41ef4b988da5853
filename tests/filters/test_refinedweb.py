"""RefinedWeb's line-wise corrections, line by line."""

import pytest

from curate.corpus.recipe import load
from curate.filters.base import Document
from curate.filters.refinedweb import LineCorrections

PROSE = (
    "The ferry came in before noon, and everybody on the quay waved at the people who stood at its rail in the rain."
)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("Home", "one_word"),
        ("BREAKING NEWS TODAY", "capitals"),
        ("12 345", "digits"),
        ("3 likes", "counter"),
        ("1.2K Followers", "counter"),
        ("Sign-in to go on", "phrase"),
        ("The ferry is late. Read more...", "phrase"),
        ("You have 3 items in cart now", "phrase"),
        ("He likes 3 things", None),
        ("In 1999 there were 3 ferries", None),
        ("NATO and the UN met", None),
        ("Please read more... books", None),
        ("河水从北方的山里流出来。", None),
        ("ภาษาไทยเป็นภาษาที่มีเสียง", None),
        ("首页", "one_word"),
    ],
)
def test_lines(line: str, code: str | None) -> None:
    decision = LineCorrections(max_share=1.0)(Document("1", f"{PROSE}\n{line}\n\n{PROSE}"))
    assert dict(decision.removed) == ({code: 1} if code else {})
    assert (line in decision.doc.text.splitlines()) == (code is None)
    assert decision.reason is None


def test_more_than_a_twentieth_drops_the_page() -> None:
    page = "\n".join([PROSE] * 2 + ["3 likes"])
    words = len(page.split())
    assert words == 46 + 2
    assert LineCorrections()(Document("1", page)).reason is None  # 2 of 48
    more = LineCorrections()(Document("1", f"{page}\nHome"))
    assert (more.reason, more.value) == ("too_many_cut", 3 / 49)
    assert LineCorrections(max_share=1.0)(Document("1", "Home\n12 3")).reason == "no_line_left"


@pytest.mark.parametrize("name", ["gpt3", "llama", "dclm"])
def test_recipes_say_which_model_they_lack(name: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    step = next(step for step in load(name).steps if type(step).__name__ == "Quality")
    with pytest.raises(FileNotFoundError, match=r"models/(gpt3|llama|openhermes)"):
        step.prepare()
