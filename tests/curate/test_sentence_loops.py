"""Spans by the compiled loop against the plain sentences and the library's hash."""

import random

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.dedup import Spans, keep_first, normalise, sentence_loops
from curate.dedup.xxh128 import xxh128
from curate.filters.sentence_ends import INVISIBLE

_PIECES = [
    *("One sentence here. ", "Another one", "no small letter", " A", " a", ".", "?!", "...", "\u2026", "\u203d", "!"),
    *(
        '"',
        "'",
        "\u201d",
        "\u2019",
        "\xbb",
        ")",
        "]",
        "\u300d",
        "\uff09",
        "\ufb01",
        "\xdf",
        "\u0130",
        "\u01c4",
        "\ufdfa",
        "\ufdfb",
    ),
    *("\n", "\n\n", " ", "  ", "\t", "\r\n", "\x85", "\xa0", "\u2003", "\u2028", "\x1c", "\x00", "\u3000", "\u00a8"),
    *(
        "\u0301",
        "e\u0301",
        "\u0e4d",
        "\u1161",
        "\u3002",
        "\u0964",
        "\u037e",
        "\u4e2d",
        "\u05d0",
        "\u0660",
        "\U0001f600",
        "\U0001d538",
    ),
    *("\U00011047", "\U0010fffd", "\uff21", "\u2460", "\ufffd", "z. Y", "Y. z", *INVISIBLE[:4], INVISIBLE[-1]),
]
_TEXTS = (
    st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=24)
    .map("".join)
    .filter(lambda text: not any("\ud800" <= char < "\ue000" for char in text))
)


@settings(deadline=None, max_examples=300)
@given(text=_TEXTS)
@example("")
@example("\n \n")
@example(". . .")
@example("A. B.\nC")
@example("\ufb01" * 999)
@example("a\n" * 999)
def test_sentences_are_the_plain_ones(text: str) -> None:
    found = sentence_loops.folded(text.encode())
    if found is None:
        return
    data, stops = found.data.tobytes(), found.ends.tolist()
    sentences = [data[start:stop].decode() for start, stop in zip([0, *stops], stops, strict=False)]
    assert sentences == normalise.folded_sentences(text)


def test_it_knows_ordinary_texts() -> None:
    for text in (
        "It\u2019s \u201cquoted\u201d \u2013 caf\xe9, \u20ac5\u2026 Yes!",
        "\u041f\u0440\u0438\u0432\u0435\u0442. \u042f",
        "\U0001f600 \xdf \ufb01",
    ):
        assert sentence_loops.folded(text.encode()) is not None
    for text in ("\u4f60\u597d\u3002", "e\u0301", "\U0001d538"):
        assert sentence_loops.folded(text.encode()) is None


def test_every_character_stands_in_a_sentence() -> None:
    """Of Han and Hangul some: they have no other form."""
    codes = [*range(0x3400), *range(0x3400, 0xD800, 97), *range(0xF900, 0x10000), *range(0x1F000, 0x1FB00), 0xE0100]
    normalise.learn(code for code in codes if code < 0x1FB00)
    for code in codes:
        text = f"Of {chr(code)}.{chr(code)} The A{chr(code)} b"
        found = sentence_loops.folded(text.encode())
        if found is not None:
            data, stops = found.data.tobytes(), found.ends.tolist()
            sentences = [data[start:stop].decode() for start, stop in zip([0, *stops], stops, strict=False)]
            assert sentences == normalise.folded_sentences(text), hex(code)


@pytest.mark.parametrize("size", [1, 3, 4])
def test_keys_are_hashes_of_hashes(size: int) -> None:
    texts = ["", "One. Two.\nThree. Four. " + "Five " * 99, None, "\u4f60\u597d\u3002" * 4, "A. B. C. D. E."]
    columns = {
        "id": pa.array([f"{i:016x}{0:016x}" for i in range(5)]),
        "text": pa.array(texts),
        "url": pa.array(["u"] * 5),
    }
    made = Spans(sentences=size).keys(pa.RecordBatch.from_pydict(columns))
    wanted = []
    for i, text in enumerate(texts):
        one = keep_first.digests(normalise.folded_sentences(text or ""))
        spans = [xxhash.xxh3_128_digest(b"".join(one[at : at + size])) for at in range(len(one) - size + 1)]
        wanted += [(*np.frombuffer(span, ">i8").tolist(), i, at) for at, span in enumerate(spans)]
    assert list(zip(*(made[name].to_pylist() for name in ("hi", "lo", "doc", "pos")), strict=True)) == wanted


def test_hash_is_the_librarys() -> None:
    rng = random.Random(1)
    for size in [*range(601), 1023, 1024, 1025, 5000, 65536, 100_001]:
        data = rng.randbytes(size + 3)
        low, high = xxh128(np.frombuffer(data, np.uint8), 3, size + 3)
        assert int(high) << 64 | int(low) == xxhash.xxh3_128_intdigest(data[3:]), size
