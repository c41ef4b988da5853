"""C1 characters and doubly encoded UTF-8: repaired where they are, and good text is never changed."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.encodings.counts import checked, look
from curate.encodings.labels import decode_as
from curate.encodings.mojibake import meant, repaired, without_c1
from curate.html.extractors import clean_text

GOOD = {
    "fr": "Dès Noël, où un zéphyr haï me vêt de glaçons würmiens ; «\u00a0L’été\u00a0» – «\u00a0à\u00a0» – déjà… ½ café\u00a0!",
    "pt": "Luís argüia à Júlia que «brações, fé, chá, óxido, pôr, zângão» eram palavras: “MANHÔ, «AMANHû, NÃO.",
    "de": "„Zwölf große Boxkämpfer“ jagen Viktor quer über den Sylter Deich – Spaß… STRAẞE, GRÖẞE, ÜBER“",
    "es": "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia… ¿«ÑANDÚ»? ¡SÍ! 20 °C · 3ª · 1º",
    "pl": "Zażółć gęślą jaźń – „pchnąć w tę łódź jeża lub ośm skrzyń fig”…",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy: „znáš“, „máš“ – áš… ÚŽAS",
    "vi": "Tiếng Việt có dấu: “Âm nhạc” và Ân – Ấn Độ, à…",
    "ro": "România: „în”, „când”, Ână… Â",
    "tr": "Pijamalı hasta yağız şoföre çabucak güvendi. HÂLÂ “hâlâ”",
    "is": "Kæmi ný öxi hér ykist þjófum nú bæði víl og ádrepa. „Það“",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю. «Ещё» – Сё Рё",
    "uk": "Чуєш їх, доцю, га? Кумедна ж ти, прощайся без ґольфів! ВІДІЛІ СІМ’Ї РІДНІ",
    "el": "Ταχίστη αλώπηξ βαφής ψημένη γη, δρασκελίζει υπέρ νωθρού κυνός",
    "he": "דג סקרן שט בים מאוכזב ולפתע מצא לו חברה",
    "ar": "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت",
    "ja": "いろはにほへと ちりぬるを「わかよたれそ」…",
    "zh": "这是一个用来测试字符编码的段落，“内容”没有特别的意义。",
    "ko": "키스의 고유조건은 입술끼리 만나야 하고",
    "th": "นายสังฆภัณฑ์ เฮงพิทักษ์ฝั่ง",
}


def wrongly(text: str, name: str = "windows-1252") -> str:
    return decode_as(text.encode(), name)


@pytest.mark.parametrize("language", GOOD)
def test_a_text_that_was_encoded_twice_is_as_it_was(language: str) -> None:
    text = GOOD[language]
    assert repaired(text) == text
    assert repaired(wrongly(text)) == text
    assert repaired(text.encode().decode("latin-1")) == text
    assert repaired(wrongly(wrongly(text))) == text  # and three times


@pytest.mark.parametrize("language", ["ru", "uk"])
def test_cyrillic_that_was_read_as_windows_1251(language: str) -> None:
    assert repaired(wrongly(GOOD[language], "windows-1251")) == GOOD[language]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("we\x92ve \x93said\x94 it\x85 \x80 5", "we’ve “said” it… € 5"),
        ("cafÃ©", "café"),
        ("donâ€™t", "don’t"),
        ("itâ\x80\x99s", "it’s"),
        ("Â© 2024", "© 2024"),
        ("20Â°C and 5Â\u00a0%", "20°C and 5\u00a0%"),
        (
            "“Ça va”, â\x80\x9cyesâ\x80\x9d: Ã\x89t\u00e9 â\x86\x90 Â\x92",
            "“Ça va”, “yes”: Été ← ’",
        ),  # C1 in it: wherever
        ("«MANHÃ\x94, «MANHÃ\x96 ça", "«MANHÃ”, «MANHÃ– ça"),  # may be a quote, may be a dash
        ("a\x81b", "a\x81b"),  # no character in windows-1252 either
        ("CafÃ© – cafÃ©, cafÃ©, cafÃ©, cafÃ©, cafÃ©, cafÃ©", "Café – café, café, café, café, café, café"),
    ],
)
def test_repaired(wrong: str, right: str) -> None:
    assert repaired(wrong) == right


@pytest.mark.parametrize(
    "text",
    [
        "Le café\u00a0– ouvert",  # E9 A0 96 would be U+9816
        "Le café\u00a0»",
        "CAFÉ® sells",
        "“MANHÃ”",
        "«AMANHÃ»",
        "jusqu’à\u00a0«\u00a0la",
        "10 Å² and 3 Å³",
        "FÖ\u00adR",
        "10\u00a0×\u00a03",
        "Ø½ inch",
        "máš…",
        "It is “cafÃ©” that a page shows – not “café” – when… ‘UTF-8’ is read wrongly",  # a page about it
        "ВІДІМІ",
        "日本語 Ã©",
    ],
)
def test_good_text_is_left_alone(text: str) -> None:
    assert repaired(text) is text


@settings(deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from(
            ["a", "\x93", "\x81", "Ã\x89", "Ã©", "Â°", "â\x80\x99", "Ñ\x81", "Рџ", "о", " ", "é", "\ud800"]
        ),
        max_size=30,
    )
)
def test_in_utf8_the_same_is_meant(parts: list[str]) -> None:
    text = "".join(parts)
    utf8 = text.encode("utf-8", "surrogatepass")
    found = meant(utf8)
    assert repaired(text) == (text if found is None else found.decode("utf-8", "surrogatepass"))


LETTERS = st.text(st.characters(categories=["L", "Nd", "Zs", "Po"], max_codepoint=0x17F), max_size=80)


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=80) | LETTERS)
def test_idempotent_and_storable(text: str) -> None:
    once = repaired(text)
    assert repaired(once) == once
    clean = clean_text(text)
    assert clean_text(clean) == clean
    clean.encode()


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([word for text in GOOD.values() for word in text.split(" ")]), min_size=4, max_size=40))
def test_no_mixture_of_good_words_is_changed(words: list[str]) -> None:
    text = " ".join(words)
    assert repaired(text) == text


def test_cleaned_text_has_what_was_meant() -> None:
    assert clean_text("we\x92ve\x85\x0cand\x07") == "we’ve…\nand"
    assert clean_text("un cafÃ©") == "un café"


def test_real_texts_in_300_languages_are_left_alone(testdata: Path) -> None:
    files = sorted((testdata / "C-langid" / "udhr-xml-unicode").rglob("*.xml"))
    assert len(files) > 100
    for file in files:
        text = without_c1(file.read_text("utf-8"))  # one of them has C1 characters
        assert repaired(text) == text, file
        for line in text.splitlines():
            assert repaired(line) == line, (file, line)


@given(
    st.lists(st.sampled_from([0x41, 0x80, 0x9F, 0xA0, 0xBF, 0xC2, 0xC3, 0xC5, 0xD0, 0xE2, 0xF0]), max_size=40).map(
        bytes
    )
)
def test_counts_are_those_of_each_byte(data: bytes) -> None:
    leading = [data[i + 2] for i in range(len(data) - 2) if data[i] == 0xC3]
    assert look(data) == (
        sum(pair[0] == 0xC2 and pair[1] < 0xA0 for pair in itertools.pairwise(data)),
        len(leading),
        sum(byte > 0xC1 for byte in leading),
        sum(byte in (0xC2, 0xC5, 0xC6, 0xCB, 0xE2) for byte in leading),
        sum(byte > 0xC1 for byte in data),
    )


@settings(derandomize=True)
@given(
    st.lists(
        st.sampled_from([*b"a\0\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff"]),
        max_size=6,
    ).map(bytes)
    | st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.integers(0, 130),
    st.integers(0, 130),
)
def test_what_is_utf8(some: bytes, before: int, behind: int) -> None:
    """As Python's decoder has it, wherever it stands in what is looked through word by word."""
    data = b"a" * before + some + b"b" * behind
    try:
        data.decode()
    except UnicodeDecodeError:
        assert checked(data) is None
    else:
        assert checked(data) == look(data)
