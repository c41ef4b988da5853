"""The compiled kernel against the libraries whose values it must reproduce."""

import unicodedata

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup import kernel, normalise
from curate.dedup.xxh3 import xxh3

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=60)), min_size=1, max_size=8)


def shingles(text: str, ngram: int) -> list[bytes]:
    words = kernel.words(text)
    count = max(1, len(words) - ngram + 1) if words else 0
    return [" ".join(words[i : i + ngram]).encode() for i in range(count)]


def hash32(value: bytes) -> int:
    return xxhash.xxh3_64_intdigest(value) & 0xFFFF_FFFF


def oracle(text: str, ngram: int, count: int, seed: int) -> npt.NDArray[np.uint32]:
    """datasketch's signature of the same shingles under the same hash and seed."""
    minhash = datasketch.MinHash(count, seed=seed, hashfunc=hash32, scheme="affine32")
    minhash.update_batch(shingles(text, ngram))
    return np.asarray(minhash.hashvalues, np.uint32)


def test_xxh3_is_the_librarys() -> None:
    data = np.frombuffer(np.random.RandomState(7).bytes(70_000), np.uint8)
    for size in [*range(600), 1023, 1024, 1025, 2048, 2049, 65_536]:
        assert int(xxh3(data, 5, 5 + size)) == xxhash.xxh3_64_intdigest(data[5 : 5 + size].tobytes()), size


@pytest.mark.parametrize(("count", "ngram", "seed"), [(128, 5, 1), (112, 5, 1), (64, 1, 42), (256, 13, 7)])
def test_signatures_are_those_of_datasketch(count: int, ngram: int, seed: int) -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "größere", "漢字", "ไทย", "Émile", "10", "and", "leaves"]
    texts = [" ".join(words[i % 7 :: 1 + i % 3]) * (1 + i) for i in range(12)] + ["one", "one two", " … "]
    found = kernel.signatures(pa.array(texts), ngram, count, seed)
    for text, signature in zip(texts, found, strict=True):
        assert (signature == oracle(text, ngram, count, seed)).all(), text


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_any_text(texts: list[str | None], ngram: int) -> None:
    column = pa.array(texts, pa.string())
    found = kernel.signatures(column, ngram, 16)
    prints = kernel.fingerprints(column, ngram, 4, 4, 1, shingles=True)
    start = 0
    for i, text in enumerate(texts):
        want = [hash32(s) for s in shingles(text or "", ngram)]
        got = prints.shingles[start : prints.ends[i]]
        start = int(prints.ends[i])
        assert (kernel.premixed(np.array(want, np.uint32)) == got).all()
        assert (found[i] == oracle(text or "", ngram, 16, 1)).all()
        if want:
            bands = found[i].reshape(4, 4)
            assert [int(b) % 2**64 for b in prints.bands[i]] == [xxhash.xxh3_64_intdigest(b.tobytes()) for b in bands]


@given(st.text())
def test_words_do_not_depend_on_normal_form_or_case(text: str) -> None:
    """Composed and decomposed letters are one, in every script; so are the texts of a column."""
    forms = [text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)]
    assert kernel.words(forms[0]) == kernel.words(forms[1]) == kernel.words(forms[2])
    found = kernel.fingerprints(pa.array([None, *forms, "plain"]), 2, 2, 2, 1, shingles=False)
    assert len(set(found.same[1:4].tolist())) == 1


ONE_TEXT = {
    "composed kana": "ガラスのバスで昨日",
    "composed Hangul": "우리는 어제 학교에서 점심을",
    "composition exclusions": "राम ज़रूर क़लम",
    "soft hyphens": "Die Donaudampfschifffahrt veröffentlichte",
    "joiners": "او می\u200cخواهد کتاب\u200cهایش",
    "byte order mark and spaces without width": "the qu\u200bick \ufeffreader",
    "sigma at the end": "ΟΔΥΣΣΕΥΣ ΗΛΘΕΝ ΕΙΣ ΤΗΝ",
    "i with and without dot": "IŞIK VE GÖLGE İSTANBULDA",
    "case and white space": "The  QUICK\nreader",
}


@pytest.mark.parametrize("name", ONE_TEXT)
def test_one_text_in_several_forms(name: str) -> None:
    text = ONE_TEXT[name]
    visible = "".join(c for c in text if c not in "\u200b\u200c\ufeff")
    lower = {"i with and without dot": "ışık ve gölge istanbulda", "sigma at the end": "οδυσσευς ηλθεν εις την"}
    forms = [
        text,
        visible,
        *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")),
        lower.get(name, text.lower()),
    ]
    forms.append("\u00ad".join(text))
    assert len({tuple(kernel.words(form)) for form in forms}) == 1
    assert len({normalise.same(form) for form in forms}) == 1
    assert normalise.same(text) != normalise.same(text + "x")


def test_texts_that_differ_stay_apart() -> None:
    pairs = [("がき", "かき"), ("resume", "résumé"), ("a b", "ab"), ("²", "2")]
    for one, other in pairs:
        assert normalise.same(one) != normalise.same(other), (one, other)
    assert kernel.words("がき") != kernel.words("かき")


@given(st.text())
def test_same_is_stable(text: str) -> None:
    assert normalise.same(normalise.same(text)) == normalise.same(text)


def test_words() -> None:
    assert kernel.words("Don't STOP — Élan, naïve_x 12.5") == ["don", "t", "stop", "elan", "naive", "x", "12", "5"]
    assert kernel.words("a中文b ไทย") == ["a", "中", "文", "b", "ไ", "ท", "ย"]
    assert kernel.words("हिन्दी") == ["हिन्दी"]
    assert kernel.words(" \n…!😀") == []


def test_slices_nulls_and_large_strings() -> None:
    texts = ["zero", None, "one two three", "", "four five six seven"]
    whole = kernel.signatures(pa.array(texts), 2, 8)
    assert (kernel.signatures(pa.array(texts).slice(2, 3), 2, 8) == whole[2:]).all()
    assert (kernel.signatures(pa.array(texts, pa.large_string()), 2, 8) == whole).all()
    assert (whole[1] == 0xFFFF_FFFF).all()


def test_bytes_that_are_not_utf8() -> None:
    """Arrow does not check what a file holds: no crash, and the good neighbours keep their values."""
    broken = [b"good words here", b"cut \xf0\x9f", b"\xff\xfe\x80 lone \xc3", b"good words here"]
    column = pa.array(broken, pa.binary()).view(pa.string())
    found = kernel.signatures(column, 2, 8)
    assert (found[0] == found[3]).all()


def test_same_is_the_hash_of_the_normalised_text() -> None:
    prints = kernel.fingerprints(
        pa.array(["The  cat, sat.", "the CAT sat", "the cat sat on"]), 5, 2, 2, 1, shingles=False
    )
    assert prints.same[0] == prints.same[1] != prints.same[2]
    assert int(prints.same[0]) % 2**64 == xxhash.xxh3_64_intdigest(b"the cat sat ")
    assert len(prints.shingles) == 0
