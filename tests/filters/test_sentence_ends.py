"""Where sentences end, in each of the places that ask."""

import unicodedata

import pytest
import regex

from curate.dedup import normalise
from curate.filters import c4, fineweb, punkt
from curate.filters.base import Document
from curate.filters.sentence_ends import INVISIBLE, terminals
from curate.filters.text import count_sentences, sentences

TWO = {
    "Amharic": "ይህ ነው። ይህ ነው።", "Amharic, question": "ይህ ነው፧ ይህ ነው።", "Amharic, two word spaces": "ይህ፡ነው፡፡ ይህ፡ነው፡፡",
    "Amharic, no space": "ይህ ነው።ይህ ነው።", "Khmer": "នេះជាប្រយោគ។ នេះជាប្រយោគ។", "Khmer, end": "នេះ។នេះ៕", "Burmese": "ဒါပါ။ ဒါပါ။",
    "Burmese, no space": "ဒါပါ။ဒါပါ။", "Armenian": "Սա է։ Սա է։", "Armenian, colon": "Սա է: Սա է:", "Greek": "Τι είναι; Είναι αυτό.",
    "Greek, own mark": "Τι είναι\u037e Είναι αυτό.", "Urdu": "یہ ہے۔ یہ ہے۔", "Urdu, no space": "یہ ہے۔یہ ہے۔", "Arabic": "ما هذا؟ هذا كتاب.",
    "Hindi": "यह है। यह है।", "Hindi, no space": "यह है।यह है।", "Hindi, double": "यह है॥ यह है॥", "Bengali": "এটা বই। এটা বই।",
    "Punjabi": "ਇਹ ਹੈ। ਇਹ ਹੈ।", "Odia": "ଏହା ବହି।ଏହା ବହି।", "Chinese": "这是书。这是书。", "Chinese, marks": "是吗？是的！",
    "Chinese, ASCII": "是吗?是的.", "Chinese, wide dot": "这是３．５元．这是书．", "Japanese": "本です。「本です。」", "Japanese, half": "ﾎﾝﾃﾞｽ｡ﾎﾝﾃﾞｽ｡",
    "Tibetan": "འདི་ཡིན། འདི་ཡིན།", "Mongolian": "ᠡᠨᠡ᠃ ᠡᠨᠡ᠃", "Javanese": "ꦲꦏ꧉ꦲꦏ꧉", "Balinese": "ᬅᬓ᭟ᬅᬓ᭟", "Santali": "ᱱᱚᱣᱟ᱾ ᱱᱚᱣᱟ᱾",
    "Syriac": "ܗܢܐ܀ܗܢܐ܀".replace("܀", "܂"), "N'Ko": "ߞߊ߹ ߞߊ߹", "Meitei": "ꯃꯁꯤ꯫ ꯃꯁꯤ꯫", "Vai": "ꕙꔤ꘎ꕙꔤ꘎", "Lisu": "ꓡꓲ꓿ ꓡꓲ꓿",
    "Hebrew, mark of direction": "זה ספר.\u200f זה ספר.\u200f", "Arabic, mark of direction": "هذا.\u200f هذا.\u202c", "Thai": "อะไร? นี่!",
    "Greek, quoted": "«Πού είσαι;» Εδώ.", "Armenian, quoted": "«Սա է:» Սա է:", "Chakma": "𑄌𑄋𑄴𑅁 𑄌𑄋𑄴𑅂", "Newa": "𑐣𑐾𑑋𑐣𑐾𑑌", "Adlam": "𞤲𞤣𞤫. 𞤲𞤣𞤫!",
    "Cham": "ꨀꨇ꩝ ꨀꨇ꩝", "Limbu": "ᤕᤠ᥄ ᤕᤠ᥅", "Sindhi": "هي آهي۔هو آهي۔", "Assamese": "এইখন কিতাপ।ভাল নে?", "Dzongkha": "ཀིཏབ་ཨིན།ལེགས་ཤོམ་ཨིན།",
    "Russian": "Это книга. Это книга.", "English": "This is it. That is it.", "English, no width": "This is it.\u200b That is it.\ufeff",
    "emoji": "Really\u2049\ufe0f Yes\u203c\ufe0f", "Mongolian, separator of vowels": "ᠡᠨᠡ᠃\u180e ᠡᠨᠡ᠃\u180b", "Kashmiri": "یہِ چھُ۔\u034f یہِ چھُ۔\u206f",
}  # fmt: skip


@pytest.mark.parametrize("name", TWO)
def test_two_sentences(name: str) -> None:
    text = TWO[name]
    assert count_sentences(text) == len(sentences(text)) == 2
    assert len(normalise.sentences(text)) == 2
    assert len(normalise.text_sentences(text)) == 2
    assert fineweb.LinesWithoutPunctuation()(Document("1", text.rstrip("」"))).value == 1


@pytest.mark.parametrize(
    "text", ["Αυτό, ναι", "a; b: c", "３．５", "Time 10:30", "ժամը 10:30", "版本3.5发布", "它……然后", "እና፡ይህ"]
)
def test_one_sentence(text: str) -> None:
    assert count_sentences(text) == len(sentences(text)) == len(normalise.sentences(text)) == 1
    assert fineweb.LinesWithoutPunctuation()(Document("1", text)).value == 0


def test_the_table_is_unicodes() -> None:
    every = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x20000)]))
    assert terminals() == {*regex.findall(r"\p{Sentence_Terminal}", every), *"\u037e\u0f0d\u0f0e\u0f0f\u0f10\u0f11"}


def test_punkt_knows_the_marks_of_other_scripts() -> None:
    assert punkt.count_english("这是中文句子。 ይህ ነው። ነገር ነው። And this.") == 4


@pytest.mark.parametrize("name", TWO)
def test_lines_of_c4s_paper_may_end_in_any_script(name: str) -> None:
    rule = c4.LineRules(rules=("no_end_mark",))
    assert rule(Document("1", TWO[name])).reason is None
    assert rule(Document("1", TWO[name] + "x")).reason == "no_line_left"


def test_lines_of_c4s_code_end_as_there() -> None:
    rule = c4.LineRules(rules=("no_end_mark",), end_marks='.?!"', exact=True)
    assert rule(Document("1", TWO["Hindi"])).reason == "no_line_left"


def test_what_is_not_there_is_neither_space_nor_letter() -> None:
    """Characters of format and marks that choose a form, each once."""
    assert not [char for char in INVISIBLE if char.isspace() or char.isalnum()]
    assert {unicodedata.category(char) for char in INVISIBLE} <= {"Cf", "Mn", "Cn"}
    assert len(set(INVISIBLE)) == len(INVISIBLE)
