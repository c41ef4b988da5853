"""Limits of all rules: at what was measured, and the next number on either side; and which values a parameter may have."""

import math
import operator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters import ccnet, code, fineweb, gopher, quality, refinedweb, repetition, sampling
from curate.filters.base import Document
from curate.filters.limits import OFF, above, check_limit

COMPARE = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
STEPS = (
    ccnet.FewCharacters, code.LongLines, code.FewAlphanumeric, code.FewLetters, code.EncodedData, fineweb.LinesWithoutPunctuation,
    fineweb.ShortLines, fineweb.RepeatedLineChars, fineweb.NewlineRatio, gopher.WordCount, gopher.WordLength, gopher.SymbolRatio,
    gopher.BulletLines, gopher.EllipsisLines, gopher.WordsWithoutLetters, gopher.StopWords, quality.MeanLineLength,
    quality.StopWordShare, repetition.RepeatedLines, repetition.RepeatedParagraphs, repetition.TopNgrams,
    repetition.RepeatedNgrams, sampling.Sample,
)  # fmt: skip
TEXTS = (
    "The cat sat on the mat.\n- and the dog...\n\nThe cat sat on the mat.\n# 12 of 34\n" + "abc" * 80,
    "one two three four five six seven eight nine ten " * 2 + "\n\none two\n\none two\n\n\u2022 end\u2026",
    "1 2 3 that have be\nx",
)


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("text", TEXTS)
def test_at_a_limit_and_beside_it(kind: Any, text: str) -> None:
    """Of all limits the first that is passed is the reason; at the limit itself its relation says what holds."""
    doc = Document("0123456789abcdef", text)
    for limit in kind.limits:
        measured = kind()(doc).signals[limit.signal]
        default = getattr(kind(), limit.parameter)
        for value in (
            measured,
            math.nextafter(measured, -1),
            math.nextafter(measured, 10**9),
            measured + 1,
            measured - 1,
        ):
            one: Any = value
            if isinstance(default, int):
                one = math.floor(value)
            if limit.at is not None:
                one = [value if at == limit.at else 9.0 for at in range(len(default))]
            try:
                step = kind(**{limit.parameter: one})
            except ValueError:
                continue
            decision = step(doc)
            passed = COMPARE[limit.relation](measured, one if limit.at is None else value)
            off = limit.relation == ">" and (value < 0 and not isinstance(default, int))
            others = [other for other in kind.limits[: kind.limits.index(limit)] if _passes(step, other, decision)]
            if not others:
                assert (decision.reason == limit.reason) is (passed and not off)
                if passed and not off:
                    assert decision.value == measured


def _passes(step: Any, limit: Any, decision: Any) -> bool:
    value = getattr(step, limit.parameter)
    value = value if limit.at is None else value[limit.at]
    return bool(COMPARE[limit.relation](decision.signals[limit.signal], value))


BIG = 10**9
RANGES: list[tuple[Any, str, list[Any], list[Any]]] = [
    (ccnet.FewCharacters, "minimum", [0, 1], [-1]),
    (ccnet.Perplexity, "maximum", [0, 0.5, BIG], [-0.5, math.inf, math.nan]),
    (ccnet.Perplexity, "minimum", [0, 0.5, BIG], [-0.5, math.inf, math.nan]),
    (fineweb.ShortLines, "max_chars", [0, 1], [-1]),
    (fineweb.NewlineRatio, "maximum", [0, 0.5, -1, 7], [-0.5, -2, math.nan]),
    (gopher.SymbolRatio, "maximum", [0, 0.5, -1, 7], [-0.5, -2, math.nan]),
    (gopher.WordCount, "minimum", [0, 100_000], [-1, 100_001]),
    (gopher.WordCount, "maximum", [50], [49]),
    (gopher.WordLength, "minimum", [0, 10], [-0.5, 10.5]),
    (gopher.WordLength, "maximum", [3], [2.5]),
    (gopher.StopWords, "minimum", [0, 8], [-1, 9]),
    (quality.MeanLineLength, "minimum", [0, 0.5, BIG], [-0.5, math.inf, math.nan]),
    (quality.StopWordShare, "minimum", [0, 1], [-0.5, 1.5]),
    (quality.Quality, "minimum", [0, 1], [-0.5, 1.5]),
    (quality.Quality, "pareto", [0, 0.5, BIG], [-0.5, math.inf, math.nan]),
    (refinedweb.LineCorrections, "max_share", [0, 1], [-0.5, 1.5]),
    (refinedweb.LineCorrections, "capitals", [0, 1], [-0.5, 1.5]),
    (sampling.Sample, "share", [0, 1], [-0.5, 1.5]),
    *(
        (kind, name, [0, 1, 10, OFF], [-0.5, -2, 10.5, math.nan, math.inf])
        for kind, name in (
            (fineweb.LinesWithoutPunctuation, "min_share"),
            (fineweb.ShortLines, "max_share"),
            (fineweb.RepeatedLineChars, "max_share"),
            (gopher.BulletLines, "max_share"),
            (gopher.EllipsisLines, "max_share"),
            (gopher.WordsWithoutLetters, "min_share"),
            (repetition.RepeatedLines, "max_share"),
            (repetition.RepeatedLines, "max_chars"),
            (repetition.RepeatedParagraphs, "max_share"),
            (repetition.RepeatedParagraphs, "max_chars"),
        )
    ),
]


@pytest.mark.parametrize(("kind", "name", "right", "wrong"), RANGES, ids=[f"{r[0].__name__}-{r[1]}" for r in RANGES])
def test_parameters_at_the_ends_of_their_range(kind: Any, name: str, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        assert getattr(kind(**{name: value}), name) == value
    for value in wrong:
        with pytest.raises(ValueError, match=r"must (be|hold)"):
            kind(**{name: value})


@pytest.mark.parametrize("size", [3, 6])
def test_limits_for_several_sizes_are_checked_one_by_one(size: int) -> None:
    kind = repetition.TopNgrams if size == 3 else repetition.RepeatedNgrams
    first = 2 if size == 3 else 5
    plain = [0.5 - at / 100 for at in range(size)]
    assert kind(max_chars=plain) == kind(max_chars=[[first + at, share] for at, share in enumerate(plain)])
    for at in range(size):
        for wrong in (-0.5, 10.5, True, "x"):
            with pytest.raises(ValueError, match="must be"):
                kind(max_chars=[wrong if n == at else share for n, share in enumerate(plain)])
    with pytest.raises(ValueError, match=f"needs {size} values, got {size + 1}"):
        kind(max_chars=[*plain, 0.1])
    with pytest.raises(ValueError, match=f"needs pairs .* n = {first}, "):
        kind(max_chars=[[first + 1 + at, share] for at, share in enumerate(plain)])
    with pytest.raises(ValueError, match="needs pairs"):
        kind(max_chars=[[first, 0.5], *plain[1:]])


def test_a_perplexity_has_room_between_its_limits() -> None:
    assert ccnet.Perplexity(maximum=5, minimum=5).files() == ()
    with pytest.raises(ValueError, match="maximum 5 is below minimum 6"):
        ccnet.Perplexity(maximum=5, minimum=6)
    assert ccnet.Perplexity(minimum=6).maximum == 0  # any


@given(st.floats(allow_nan=False))
def test_what_can_be_a_limit(value: float) -> None:
    if value == OFF or 0 <= value <= 10:
        check_limit("x", value)
        return
    with pytest.raises(ValueError, match="x must be a share") as told:
        check_limit("x", value)
    assert ("percent?" in str(told.value)) is (10 < value <= 100)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_nothing_is_above_a_limit_that_is_off(value: float, limit: float) -> None:
    assert above(value, limit) is (limit >= 0 and value > limit)
    assert not above(1e9, OFF)
    assert not above(0.0, 0.0)
    assert above(1e-9, 0.0)


def test_a_sample_is_cut_at_its_share() -> None:
    doc = Document("a", "")
    draw = sampling.uniform("a")
    assert sampling.Sample(draw)(doc).reason == "not_drawn"
    assert sampling.Sample(math.nextafter(draw, 1))(doc).reason is None
    assert sampling.Sample(1.0)(doc).reason is None
    assert sampling.Sample(0.0)(replace(doc, id="b")).reason == "not_drawn"


def test_the_numbers_of_ids_are_as_stated() -> None:
    """The first 53 bits of blake2b of salt, NUL and id, by RFC 7693's function for eight bytes."""
    from hashlib import blake2b

    for salt, name in (("", "a"), ("s", "a"), ("", "\ud800")):
        digest = blake2b(salt.encode() + b"\0" + name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        bits = "".join(f"{byte:08b}" for byte in digest)[:53]
        assert sampling.uniform(name, salt) == int(bits, 2) / 2**53


@pytest.mark.parametrize("kind", STEPS, ids=lambda kind: kind.__name__)
def test_every_number_that_is_measured_has_its_limit(kind: Any) -> None:
    assert {limit.signal for limit in kind.limits} == set(kind.signals)
    several = [limit for limit in kind.limits if limit.at is not None]
    assert [limit.at for limit in several] == list(range(len(several)))
    assert all(limit.signal == f"{limit.reason}_chars" for limit in several)
