"""Words where the script puts no space between them."""

import re
import subprocess
import sys

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters import c4, fineweb, gopher, repetition, scripts
from curate.filters.base import Document
from curate.filters.text import words
from tests.linear import assert_linear

WORDS = {
    "zh": ("我们在学校里学习中文。", "我们 在 学校 里 学习 中文。"),
    "zh beyond the basic plane": ("\U00030edd\U00030edd面", "\U00030edd \U00030edd 面"),
    "ja": ("「北の川。」と言った", "「北 の 川。」 と 言 っ た"),
    "th": ("ภาษาไทยเป็นภาษาที่มีเสียง", "ภาษา ไทย เป็น ภาษา ที่ มี เสียง"),
    "lo": ("ມະນຸດທຸກຄົນເກີດມາ", "ມະນຸດ ທຸກຄົນ ເກີດ ມາ"),
    "km, parted by spaces without width": ("ភាសា\u200bខ្មែរ\u200bគឺជា", "ភាសា ខ្មែរ គឺជា"),
    "my": ("လူ့အခွင့်အရေး", "လူ့ အခွင့်အရေး"),
    "am": ("ሰላም፡ለዓለም፡ሁሉ።", "ሰላም ለዓለም ሁሉ።"),
    "bo": ("བོད་ཡིག་འདི།", "བོད ཡིག འདི།"),
    "jv": ("ꦲꦏ꧀ꦱꦫꦗꦮ", "ꦲ ꦏ꧀ꦱ ꦫ ꦗ ꦮ"),
    "nod": ("ᨲ᩠ᩅᩫᨾᩮᩬᩥ", "ᨲ᩠ᩅᩫ ᨾᩮᩬᩥ"),
    "several scripts": ("iPhone手机（中文）English，foo-bar中", "iPhone 手机 （中文） English，foo-bar 中"),
    "ko": ("한국어 문장은 띄어 쓴다.", "한국어 문장은 띄어 쓴다."),
    "hi": ("हिन्दी में क्षत्रिय", "हिन्दी में क्षत्रिय"),
    "fa": ("او می\u200cخواهد", "او می\u200cخواهد"),
    "a space without width between others": ("qu\u200bick fox", "qu\u200bick fox"),
}


@pytest.mark.parametrize("name", WORDS)
def test_words(name: str) -> None:
    text, found = WORDS[name]
    assert words(text) == tuple(found.split())


@settings(max_examples=60, deadline=None)
@given(st.text() | st.text("中の。「ไทย\u200bក្\u200cꦏ꧀A1 \n་፡(\ufe0f"))
def test_only_spaces_change(text: str) -> None:
    def bare(text: str) -> str:
        return re.sub(rf"[\s\u200b{scripts.SEPARATORS}]", "", text)

    parted = scripts.part_words(text)
    assert bare(parted) == bare(text)
    assert scripts.part_words(parted).split() == parted.split() or scripts.is_unspaced(text)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(max_codepoint=0xDFF)))
def test_scripts_with_spaces_are_left_alone(text: str) -> None:
    assert words(text) == tuple(text.split())


@pytest.mark.parametrize("text", ["", "abc", "caf\xe9", "\u0939\u093f", "\ud55c\uad6d", "\uff01", "\U0001f600"])
def test_no_letter_of_these_has_no_space_beside_it(text: str) -> None:
    assert not scripts.is_unspaced(text)
    assert scripts.unspaced(text) == []
    assert scripts.unspaced(f"{text}\u4e2d{text}") == ["\u4e2d"]


def test_the_scripts_are_unicodes() -> None:
    """Letters between which a line may break, Hangul and compatibility forms apart (property Line_Break)."""
    breaking = regex.compile(r"[[\p{lb=SA}\p{lb=ID}\p{lb=CJ}\p{lb=AK}\p{lb=AP}\p{lb=AS}]&&\p{L}]", regex.V1)
    other = regex.compile(r"\p{sc=Hangul}|\p{scx=Hangul}|[\uff00-\uff65]")
    for code in [*range(0xD800), *range(0xE000, 0x40000)]:
        char = chr(code)
        if breaking.match(char) and not other.match(char):
            assert scripts.is_unspaced(char), hex(code)


def test_the_version_of_what_parts_words_is_its_first_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("icu4py.icu_version_info", (78, 1, 2, 0))
    assert scripts.segmenter() == "ICU 78"


def test_words_do_not_depend_on_the_texts_before() -> None:
    """ICU opens a script's dictionary when it first meets a letter of that script alone, and \u30fc is of several."""
    text = "\u30fc的"
    code = f"from curate.filters.scripts import part_words; print(ascii(part_words({text!a})))"
    first = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert first == ascii(" \u30fc 的 ") == ascii(scripts.part_words(text))


@pytest.mark.parametrize("text", ["ไทย", "中", "ꦏ", "中。", "ก\u200b"])
def test_linear(text: str) -> None:
    assert_linear(lambda size, salt: lambda: scripts.part_words(text * size + str(salt)), "part_words", largest=1 << 15)


def doc(text: str) -> Document:
    return Document("1", text)


CHINESE = "河水从北方的山里流出来，经过我们住的城市，最后流进大海。春天的时候，很多人到河边散步，孩子们在草地上玩。\n"


def test_rules_on_chinese() -> None:
    page = "".join(CHINESE.replace("河", char) for char in "河江湖海")
    assert gopher.WordCount()(doc(page)).reason is None
    assert gopher.WordLength(minimum=1)(doc(page)).value == pytest.approx(1.8, abs=0.4)
    assert gopher.StopWords(words=("的", "在"))(doc(page)).value == 2
    assert gopher.StopWords(words=("的", "时"))(doc(page)).value == 1  # within a word
    assert gopher.WordsWithoutLetters()(doc(page)).reason is None
    assert fineweb.NewlineRatio()(doc(page)).reason is None
    assert repetition.RepeatedNgrams()(doc(CHINESE * 9)).reason == "repeated_5gram"
    assert c4.LineRules(rules=("few_words", "long_word"))(doc("中文" * 600 + "。")).reason is None
    assert c4.LineRules(rules=("long_word",), exact=True)(doc("中文" * 600)).reason == "no_line_left"


@pytest.mark.parametrize("text", [
    "हिन्दी में", "او می\u200cخواهد", "বাংলা ভাষা", "தமிழ் மொழி", "한국어 문장", "שָׁלוֹם עוֹלָם", 'צה"ל צה״ל', "ג׳ורג׳ דר׳", "ո՞ր գի՛րք", "col·lega intel·ligent",
    "۶۶٫۷ ۶۰۰٬۰۰۰",
])  # fmt: skip
def test_marks_and_joiners_part_no_word(text: str) -> None:
    for split in (True, False):
        assert gopher.WordCount(split_punctuation=split)(doc(text)).value == 2


def test_a_space_without_width_is_no_word() -> None:
    step = gopher.WordsWithoutLetters(split_punctuation=True)
    assert step(doc("ក។ (\u200bខ) \u200b\u200b\n\u200b«ក»\u200b")).value == step(doc("ក។ (ខ) «ក»")).value
