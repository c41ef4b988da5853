"""The compiled kernel against the libraries whose values it must reproduce."""

import re
import unicodedata

import datasketch
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import xxhash
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate.dedup import kernel, normalise
from curate.dedup.xxh3 import xxh3

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=60)), min_size=1, max_size=8)


def shingles(text: str, ngram: int) -> list[bytes]:
    words = kernel.words(text)
    count = max(1, len(words) - ngram + 1)
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


@settings(deadline=None)
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
FORMS = {
    "full width": ("ｆｕｌｌ　ｗｉｄｔｈ １２", "full width 12"),
    "half-width kana": ("ﾊﾝｶｸｶﾞﾅ", "ハンカクガナ"),
    "ligatures": ("ﬁne ﬂow oﬃce", "fine flow office"),
    "sharp s": ("GROSSE STRASSE", "große straße"),
    "curly quotes, dashes and dots": ("“Don’t” – he said…", '"Don\'t" - he said...'),
    "Ukrainian apostrophes": ("м\u02bcята", "м'ята"),
    "Arabic vowel signs": ("كِتَابٌ مُفِيدٌ", "كتاب مفيد"),
    "tatweel": ("كتـــاب", "كتاب"),
    "two keyboards": ("کتاب یک", "كتاب يك"),
    "Persian digits": ("۱۲۳", "١٢٣"),
    "Arabic presentation forms": ("ﻛﺘﺎﺏ ﻻ", "كتاب لا"),
    "Quranic alef": ("ٱلحمد", "الحمد"),
    "Hebrew points": ("שָׁלוֹם עוֹלָם", "שלום עולם"),
    "Hebrew quotes": ("צה״ל", 'צה"ל'),
    "Turkish capitals": ("IŞIK İSTANBUL", "ışık istanbul"),
    "Thai sara am in two": ("นํ้า ทํา", "น้ำ ทำ"),
    "Khmer with and without spaces of no width": ("ភាសា\u200bខ្មែរ", "ភាសាខ្មែរ"),
    "Georgian capitals": ("ᲥᲐᲠᲗᲣᲚᲘ", "ქართული"),
    "Cherokee": ("ꭰꮃ", "ᎠᎳ"),
    "Malayalam chillus": ("അവൻ അവൾ അവർ പാൽ", "അവന്\u200d അവള്\u200d അവര്\u200d പാല്\u200d"),
    "Bengali khanda ta": ("হঠাৎ", "হঠাত্\u200d"),
    "Marathi candra a": ("ॲप", "अॅप"),
    "Lao ligatures": ("ໜັງສື ໝາ", "ຫນັງສື ຫມາ"),
    "Persian heh with hamza": ("خانۀ ما", "خانهٔ ما"),
    "Kurdish ae as heh and joiner": ("ئەو ژنە", "ئه\u200cو ژنه\u200c"),
    "Urdu teh marbuta": ("مراۃ", "مراة"),
    "Yiddish digraphs": ("װאָס ייִדיש", "וואָס יידיש"),
    "Romanian cedillas": ("Şi ţara ŢĂRII", "Și țara ȚĂRII"),
    "Romanian, decomposed": ("s\u0326i t\u0326ara\u0306", "şi ţară"),
    "Hawaiian and Uzbek apostrophes": ("Hawaiʻi oʻzbek", "Hawai'i o‘zbek"),
    "Kangxi radicals": ("⼈⼝", "人口"),
    "variation selectors": ("葛\U000e0100城", "葛城"),
    "wave dashes": ("東京〜大阪", "東京～大阪"),
    "mathematical letters": ("𝐁𝐨𝐥𝐝", "bold"),
}


@pytest.mark.parametrize("name", FORMS)
def test_other_forms_of_one_text(name: str) -> None:
    one, other = FORMS[name]
    assert normalise.same(one) == normalise.same(other)
    assert kernel.words(one) == kernel.words(other) != []


def test_every_composed_letter_is_its_parts() -> None:
    letters = [char for char in map(chr, range(0x80, 0x30000)) if re.match("[0-9A-F]", unicodedata.decomposition(char))]
    assert len(letters) > 2000
    apart = [unicodedata.normalize("NFD", char) for char in letters]
    assert kernel.words(" ".join(f"a{char}" for char in letters)) == kernel.words(
        " ".join(f"a{char}" for char in apart)
    )
    assert kernel.words(" ".join(letters)) == kernel.words(" ".join(apart))


def test_every_character_of_several_letters_is_these_letters() -> None:
    """Such as U+337B, a Japanese era of two characters, or U+FB01, two Latin letters: alone, and in the middle of a word."""
    found = [(char, kernel.folded(char)) for char in map(chr, [*range(0x80, 0xD800), *range(0xE000, kernel.TABLE)])]
    several = [(char, letters) for char, letters in found if len(letters) > 1]
    assert len(several) > 500
    for around in ("a {} b", "月{}日"):
        one, other = (pa.array([around.format(pair[n]) for pair in several]) for n in (0, 1))
        keys = [kernel.fingerprints(texts, 1, 4, 2, 1, shingles=False) for texts in (one, other)]
        assert keys[0].same.tolist() == keys[1].same.tolist()
        assert keys[0].bands.tolist() == keys[1].bands.tolist()


def test_nuktas_are_left_out_as_accents_are() -> None:
    assert kernel.words("ज़रूर") == kernel.words("जरूर")
    assert normalise.same("ज़रूर") != normalise.same("जरूर")


MIXED = st.text(
    "aéßﬁ\u0301\u0307iİı\u200b\xad\u093c\u0930\u091cかが\u3099ｶﾞ\u1100\u1161\u11a8각中ไท\u0e4d\u0e32\u0e49\u064a\u06cc\u0654\u064b\u0640\u05d0\u05b8’—٣۳ꦏ꧀😀\U000e0100 \n\0\u0d7b\u0d28\u0d4d\u200d\u09ce\u06d5\u06c0\u0647\u1fb3\u0345\u0308\u0390\u0edc\u05f2\u0f73"
)


@settings(max_examples=150, deadline=None)
@example("\u06cc\u0654")
@given(MIXED | st.text())
def test_one_normalisation_for_all(text: str) -> None:
    """What is the same to exact deduplication has the same words, however it is written."""
    wanted = normalise.same(text)
    assert normalise.same(wanted) == wanted
    if any(char.isalnum() for char in wanted):
        assert kernel.words(wanted) == kernel.words(text)
    for form in ("NFC", "NFD"):
        assert normalise.same(unicodedata.normalize(form, text)) == wanted


@settings(max_examples=150, deadline=None)
@example("=\u0338")
@example("e\u200b\u0301 \u06cc\u064b\u0654")
@given(MIXED | st.text())
def test_what_the_kernel_reads_alone_has_the_words_that_python_makes(text: str) -> None:
    every = kernel.IN_PYTHON | kernel.COMPOSE
    assert kernel.words(text) == kernel._words_of(kernel._one_prepared(text, every), 0)[0].split()


def test_latin_text_is_read_by_the_kernel_alone() -> None:
    texts = [
        "“Größe” — naïve…",
        "e\u0301te\u0301 – İstanbul ŁÓDŹ ﬁ",
        "Привет, Ёлка ΟΔΥΣΣΕΥΣ",
        "كِتَابٌ",
        "Việt Nam 한국어",
    ]
    for text in texts:
        assert kernel._words_of(text, kernel.IN_PYTHON)[1] == 0, text


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_text_has_the_same_keys_in_any_column(kind: pa.DataType) -> None:
    texts = [
        "plain one two",
        "ไทย แลนด์ ครับ",
        None,
        "e\u0301te\u0301",
        "中文在中间 word",
        "",
        "क़लम और",
        "=\u0338",
        "last",
    ]
    whole = kernel.fingerprints(pa.array(texts, kind), 2, 3, 2, 1, shingles=True)
    alone = [kernel.fingerprints(pa.array([text], kind), 2, 3, 2, 1, shingles=True) for text in texts]
    assert (whole.same == np.concatenate([one.same for one in alone])).all()
    assert (whole.bands == np.concatenate([one.bands for one in alone])).all()
    assert (whole.shingles == np.concatenate([one.shingles for one in alone])).all()
    assert whole.ends.tolist() == np.cumsum([one.ends[0] for one in alone]).tolist()
    without = kernel.fingerprints(pa.array(texts, kind), 2, 3, 2, 1, shingles=False)
    assert without.ends.tolist() == whole.ends.tolist()


@pytest.mark.parametrize("text", ["😀😀", "12", "...", " \n", "", "\U000f0000", "—"])
def test_every_text_has_a_shingle(text: str) -> None:
    found = kernel.fingerprints(pa.array([text, text, text + "x"]), 5, 2, 2, 1, shingles=True)
    assert (found.bands[0] == found.bands[1]).all()
    assert found.same[0] == found.same[1] != found.same[2]
    assert found.ends.tolist() == [1, 2, 3]


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


@settings(deadline=None)
@given(st.text())
def test_same_is_stable(text: str) -> None:
    assert normalise.same(normalise.same(text)) == normalise.same(text)


_NEAR = st.sampled_from(
    "ei\u0307\u0301\u0327\u0345\ufe0f\u200b\xdf\ufb01\u0e4d\u0e48\u0e32\u1100\u1161\u11a8\uac00\u0130\u2026\u212b\U0001f600\U0001d538"
)


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(max_codepoint=0x1FFFF), _NEAR)))
def test_characters_that_stand_alone_are_looked_up_and_the_rest_is_composed(text: str) -> None:
    wanted = text.lower() if text.isascii() else normalise._one_form_of_all(text)
    assert normalise.one_form(text) == wanted


def test_every_character_has_the_form_of_a_text_of_it() -> None:
    every = map(chr, [*range(0x80, 0xD800), *range(0xE000, 0x20000)])
    assert [char for char in every if normalise.one_form(char) != normalise._one_form_of_all(char)] == []


def test_words() -> None:
    assert kernel.words("Don't STOP — Élan, naïve_x 12.5") == ["don", "t", "stop", "elan", "naive", "x", "12", "5"]
    assert kernel.words("a中文b ภาษาไทย") == ["a", "中文", "b", "ภาษา", "ไทย"]
    assert kernel.words("ꦲꦏ꧀ꦱ \U00030edd\U00030edd") == ["ꦲ", "ꦏ꧀ꦱ", "\U00030edd", "\U00030edd"]
    assert kernel.words("Straße ﬁne ½") == ["strasse", "fine", "½"]
    assert kernel.words("हिन्दी") == ["हिन्दी"]
    assert kernel.words(" \n--!😀 — ") == ["--!😀", "-"]  # no letter: all that is not white space
    assert kernel.words(" \n") == []


def test_slices_nulls_and_large_strings() -> None:
    texts = ["zero", None, "one two three", "", "four five six seven"]
    whole = kernel.signatures(pa.array(texts), 2, 8)
    assert (kernel.signatures(pa.array(texts).slice(2, 3), 2, 8) == whole[2:]).all()
    assert (kernel.signatures(pa.array(texts, pa.large_string()), 2, 8) == whole).all()
    assert (whole[1] == whole[3]).all()


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
