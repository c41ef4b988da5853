"""What every step must do, whichever it is: found by looking, not listed, so a new one is tested on the day
it comes."""

import ast
import contextlib
import dataclasses
import importlib
import inspect
import math
import operator
import pickle
import pkgutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate import filters
from curate.filters import assets, language
from curate.filters.base import Decision, Document

MODULES = [importlib.import_module(f"curate.filters.{found.name}") for found in pkgutil.iter_modules(filters.__path__)]
STEPS = [
    member
    for module in MODULES
    for member in vars(module).values()
    if inspect.isclass(member) and member.__module__ == module.__name__ and hasattr(member, "signals")
    if dataclasses.is_dataclass(member)
]
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "LineRules": [
        {"repeat": True},
        {"rules": ["javascript"]},
        {"exact": True, "end_marks": '.?!"', "repeat": True},
        {"rules": ["policy"]},
        {"min_words": 1, "max_word_chars": 5, "repeat": True},
    ],
    "TooFewSentences": [{"splitter": "english"}, {"splitter": "punkt"}, {"splitter": "punkt-ascii", "per_line": False}],
    "LoremIpsum": [{"exact": True}],
    "CurlyBracket": [{"marks": "{"}],
    "WordsWithoutLetters": [{"split_punctuation": True}],
    "WordCount": [{"split_punctuation": True}],
    "WordLength": [{"split_punctuation": True}],
    "SymbolRatio": [{"split_punctuation": True}],
    "BulletLines": [{"blank_lines": True, "bullets": ["-"]}],
    "EllipsisLines": [{"blank_lines": True, "closers": ""}],
    "RepeatedLines": [{"blank_lines": True}],
    "RepeatedParagraphs": [{"blank_lines": True}],
    "StopWords": [{"split_punctuation": False}, {"ignore_case": False}],
    "FastText": [{"languages": []}, {"max_chars": 50}, {"fold_capitals": False}],
    "LangDetect": [{"fold_capitals": False}],
    "BadWords": [{"as_listed": True}],
    "Sample": [{"share": 0.5}],
    "UrlWords": [{"hard": ["bad"], "soft": ["so", "la"]}],
}
NOT_SETTLING = {
    "LineRules": "as the released code: citation marks are cut once and the line is not stripped again; see `repeat`"
}
CASES = [(step, options) for step in STEPS for options in [{}, *VARIANTS.get(step.__name__, [])]]
IDS = [f"{step.__name__}-{'-'.join(options) or 'defaults'}" for step, options in CASES]

PIECES = [
    "The quick brown fox jumps over the lazy dog.", "Lorem ipsum dolor sit amet.", "Please enable JavaScript now.",
    "We use cookies on this site.", "{ }", "[1]", "[[2]]", "[edit]", "[citation needed]", "...", "\u2026", "\u2022 point",
    "- dash", "#", "x" * 1001, "fuck", "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u061f", "\u5973\u306e\u5b50\u3002",
    "\u202e", "\x00", "\x1b[31m", "\x1c", "\x85", "\u2028", "\r\n", "\n", "\n\n", " ", "\u00a0", "\ud55c\uad6d\uc5b4",
    "Mr. Smith said \u201cno.\u201d He left.", "U.S.", "3.5", "\u0130", "\u1e9e", "e\u0301",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map("\n".join),
)
URLS = st.one_of(st.none(), st.sampled_from(["http://www.a.org/?utm_x=1", "https://[bad", "", "//", "\x00", "a"]))
DOCUMENTS = st.builds(
    Document,
    id=st.text("0123456789abcdef", min_size=8, max_size=32),
    text=TEXTS,
    url=URLS,
    language=st.sampled_from([None, "en", "ja", "xx", "fr-CA", "../en"]),
)


def build(step: type[Any], options: dict[str, Any]) -> Any:
    """The step, or a skip where its model or list is not on this machine."""
    made = step(**options)
    try:
        made(Document("0", "Some text to load what the step needs. It is English."))
    except assets.AssetMissingError as error:
        pytest.skip(str(error))
    return made


def test_there_are_steps() -> None:
    assert len(STEPS) > 20


def test_class_names_and_signals_are_unique() -> None:
    names = Counter(step.__name__ for step in STEPS)
    signals = Counter(signal for step in STEPS for signal in step.signals)
    assert [name for name, times in (names + signals).items() if times > 1] == []
    assert all(signal.isidentifier() and signal.islower() for signal in signals)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_steps_are_frozen_documented_and_have_defaults(step: Any) -> None:
    assert step.__dataclass_params__.frozen
    assert "Source" in (step.__doc__ or "")
    assert step() == step()


@pytest.mark.parametrize(("step", "options"), CASES, ids=IDS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(doc=DOCUMENTS)
def test_any_document(step: Any, options: dict[str, Any], doc: Document) -> None:
    made = build(step, options)
    decision = made(doc)
    assert isinstance(decision, Decision)
    assert isinstance(decision.doc, Document)
    assert decision.doc.id == doc.id
    assert decision.reason is None or (decision.reason.isidentifier() and decision.reason.islower())
    assert set(decision.signals) <= set(made.signals)
    assert all(isinstance(v, float) and math.isfinite(v) for v in decision.signals.values())
    assert decision.value is None or math.isfinite(decision.value)
    assert all(number > 0 for number in decision.removed.values())
    assert pickle.loads(pickle.dumps(made))(doc) == decision
    if decision.reason is None and (step.__name__ not in NOT_SETTLING or made.repeat):
        again = made(decision.doc)
        assert again.doc.text == decision.doc.text
        assert again.reason is None


@pytest.mark.parametrize("step", [s for s in STEPS if hasattr(s, "lines")], ids=lambda step: step.__name__)
@settings(max_examples=60, deadline=None)
@given(doc=DOCUMENTS)
def test_lines_tell_what_the_step_does(step: Any, doc: Document) -> None:
    made = step()
    decision = made(doc)
    shown = list(made.lines(doc.text))
    kept = [line for line, code in shown if code is None]
    assert "\n".join(kept).strip() == ("" if decision.reason else decision.doc.text)
    # A blank line is a gap, not something a rule cut.
    cut = zip(doc.text.splitlines(), shown, strict=True)
    assert Counter(code for raw, (_, code) in cut if code and raw.strip()) == Counter(decision.removed)


@pytest.mark.parametrize(("step", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("text", ["." * 100_000, "a!\u00a0" * 30_000, "[" * 100_000, "x " * 50_000, "{\n" * 50_000])
def test_long_hostile_text_takes_no_square(step: Any, options: dict[str, Any], text: str) -> None:
    """A rule that costs the square of the length would need minutes here, and the run would show it."""
    assert isinstance(build(step, options)(Document("0", text)), Decision)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("FastText", {}),
        ("BadWords", {"words": "ldnoobw"}),
        ("BadWords", {"words": "/no/such/list"}),
        ("UrlBlocklist", {"path": "/no/such/list"}),
    ],
)
def test_prepare_finds_what_is_missing(
    name: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job calls it before it starts; without it every document would fail."""
    language._model.cache_clear()
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    (step,) = (step for step in STEPS if step.__name__ == name)
    with pytest.raises(FileNotFoundError, match=r"curate assets fetch|no (bad-word|block) list at /no/such/list"):
        step(**options).prepare()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_clock_no_chance_no_file_paths(module: Any) -> None:
    tree = ast.parse(inspect.getsource(module))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    if module.__name__ != "curate.filters.detector":  # seeds a generator of its own for each text, as langdetect does
        assert "random" not in imported
    assert not imported & {"time", "datetime", "secrets", "uuid"}
    ours = {f"{name}." for name in imported if name.split(".")[0] == "curate"}
    assert all(name.startswith("curate.filters.") for name in ours)
    assert not any(isinstance(node, ast.Name) and node.id == "__file__" for node in ast.walk(tree))


LIMITED = [(step, options) for step, options in CASES if hasattr(step, "limits") and step.__name__ != "LangDetect"]


@pytest.mark.parametrize(
    ("step", "options"), LIMITED, ids=[f"{s.__name__}-{'-'.join(o) or 'defaults'}" for s, o in LIMITED]
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(doc=DOCUMENTS, place=st.floats(0, 1))
def test_limits_say_what_the_step_decides(step: Any, options: dict[str, Any], doc: Document, place: float) -> None:
    """The first limit that what was measured crosses is the reason, whatever the limits are; the text is left alone."""
    made = build(step, options)
    for limit in made.limits:
        assert limit.signal in (*made.signals, "language")
    measured = made(doc).signals
    numbers = [one for one in made.limits if one.parameter and one.at is None and one.signal in measured]
    if numbers:  # a limit at, or beside, what was measured
        chosen = numbers[int(place * (len(numbers) - 1))]
        now, value = getattr(made, chosen.parameter), measured[chosen.signal]
        with contextlib.suppress(ValueError):
            made = dataclasses.replace(made, **{chosen.parameter: type(now)(value)})
    decision = made(doc)
    assert decision.doc.text == doc.text
    assert decision.reason == _first(made, decision)


def _first(step: Any, decision: Decision) -> str | None:
    """The reason by its limits."""
    compare = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
    for limit in step.limits:
        if limit.when and not getattr(step, limit.when):
            continue
        if limit.relation == "not in":
            listed = getattr(step, limit.parameter)
            if listed and decision.doc.language not in listed:
                return str(limit.reason)
            continue
        value = getattr(step, limit.parameter) if limit.parameter else 0.0
        if compare[limit.relation](decision.signals[limit.signal], value if limit.at is None else value[limit.at]):
            return str(limit.reason)
    return None
