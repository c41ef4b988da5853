"""Names of languages, and the script of a text."""

import re
import unicodedata
from pathlib import Path

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from curate.filters import labels, writing
from curate.filters.badwords import load_words

SENTENCES = {
    "Latn": "Alle Menschen sind frei", "Cyrl": "Все люди рождаются свободными", "Grek": "Όλοι οι άνθρωποι γεννιούνται",
    "Arab": "يولد جميع الناس أحرارا", "Hebr": "כל בני האדם נולדו", "Deva": "सभी मनुष्यों को", "Beng": "সমস্ত মানুষ স্বাধীনভাবে",
    "Taml": "மனிதப் பிறிவியினர்", "Thai": "มนุษย์ทั้งหลายเกิดมา", "Khmr": "មនុស្សទាំងអស់", "Mymr": "လူတိုင်းသည်", "Laoo": "ມະນຸດທຸກຄົນ",
    "Ethi": "የሰው ልጅ ሁሉ", "Armn": "Բոլոր մարդիկ ծնվում են", "Geor": "ყველა ადამიანი", "Tibt": "འགྲོ་བ་མིའི་རིགས", "Hang": "모든 인간은 태어날",
    "Jpan": "すべての人間は、生まれながらにして自由", "Hans": "人人生而自由，在尊严和权利上一律平等", "Hant": "人人生而自由，在尊嚴和權利上一律平等",
    "Java": "ꦱꦧꦼꦤ꧀ꦲꦸꦮꦺꦴꦁ", "Tfng": "ⵎⴰⵔⵔⴰ ⵎⴷⴷⵏ",
}  # fmt: skip


@pytest.mark.parametrize("code", SENTENCES)
def test_the_script_of_a_text(code: str) -> None:
    assert writing.script(SENTENCES[code]) == code
    assert writing.script(f"2026 ({SENTENCES[code]}) http: 10%") == code


def test_texts_without_letters_and_of_two_scripts() -> None:
    assert writing.script("") is writing.script("1, 2 … 3 🙂") is None
    assert writing.script("人山水") == "Hani"  # both ways write them alike
    assert writing.script("中文网页 iPhone の 新款 " + "手机发布了许多新的功能" * 9) == "Hans"  # one kana
    assert writing.script("Python и много русских слов") == "Cyrl"
    assert writing.script("カタカナ") == "Jpan"
    assert writing.script("a" * 10**6 + "б") == "Latn"


def test_every_letter_has_a_script_or_belongs_to_several() -> None:
    for code in range(0, 0x20000, 7):
        char = chr(code)
        if unicodedata.category(char)[0] == "L" and writing.script_of_char(char) is None:
            assert regex.match(r"\p{Script=Zyyy}|\p{Script=Zinh}|\p{Script=Zzzz}", char), hex(code)


@pytest.mark.parametrize(
    ("language", "code", "label"),
    [
        ("hi", "Deva", "hin_Deva"),
        ("zh", "Hant", "zho_Hant"),
        ("zh", "Hans", "zho_Hans"),
        ("zho", "Hant", "zho_Hant"),
        ("ja", "Hans", "jpn_Jpan"),
        ("ko", "Hant", "kor_Hang"),
        ("vi", "Hant", "vie_Hani"),
        ("hin_Latn", "Deva", "hin_Latn"),
        ("zh-tw", "Hans", "zho_Hant"),
        ("und", "Latn", "und"),
        ("ceb", "Latn", "ceb_Latn"),
    ],
)
def test_labels_with_scripts(language: str, code: str, label: str) -> None:
    assert writing.with_script(language, SENTENCES[code]) == label


def test_udhr_in_its_declared_script(testdata: Path) -> None:
    """The Declaration of Human Rights; some files hold no more than a notice in Latin script."""
    right, wrong = 0, []
    for file in sorted((testdata / "C-langid/udhr-xml-unicode/data/udhr").glob("udhr_*.xml"))[::6]:
        xml = file.read_text(encoding="utf-8")
        declared = re.search(r"iso15924=['\"](\w+)", xml)
        paragraphs = " ".join(re.findall(r"<para>([^<]*)", xml))
        if declared and len(paragraphs) > 2000:
            found = writing.script(paragraphs)
            (wrong.append((file.name, declared[1], found)) if found != declared[1] else None)
            right += found == declared[1]
    assert right > 50
    assert wrong == []


@pytest.mark.parametrize(
    ("wanted", "label", "whether"),
    [
        ("en", "eng_Latn", True),
        ("eng", "en", True),
        ("en", "en_GB", True),
        ("zh", "cmn_Hani", True),
        ("zho_Hant", "zho_Hant", True),
        ("zho_Hani", "zho_Hant", True),
        ("zho_Hant", "zho_Hans", False),
        ("zh-cn", "zh-tw", False),
        ("zh", "zh-tw", True),
        ("fil", "tl", True),
        ("no", "nob_Latn", True),
        ("no", "nno_Latn", False),
        ("hin_Deva", "hin_Latn", False),
        ("hin_Deva", "hi", False),
        ("ar", "fa", False),
        ("sr", "hr", False),
        ("als", "sq", True),
        ("de", "ger", True),
        ("chi", "zh-Hant-TW", True),
        ("fa", "per_Arab", True),
        ("cs", "slo", False),
    ],
)
def test_what_a_name_covers(wanted: str, label: str, whether: bool) -> None:
    assert labels.covers(wanted, label) is whether
    assert labels.any_covers([wanted], label) is whether
    assert not labels.any_covers([wanted], None)


@pytest.mark.parametrize("label", ["fil", "tl", "tgl_Latn", "fil_Latn", "nb", "no", "nob_Latn", "zh-cn", "cmn_Hani", "zho_Hant",
                                   "arb_Arab", "pes", "ces_Latn", "eng_Latn", "chi", "per", "cze_Latn"])  # fmt: skip
def test_lists_by_other_names_of_their_language(label: str, tmp_path: Path) -> None:
    for name in ("fil", "no", "zh", "ar", "fa", "cs", "en", "fr-CA-u-sd-caqc", "fr"):
        (tmp_path / name).write_text(f"word{name}\n")
    assert len(load_words(str(tmp_path), label)) == 1


@pytest.mark.parametrize("label", ["por_Latn", "pt", "hin_Deva", "hi", "zho_Hant", "cmn_Hani", "srp_Cyrl", "ger"])
def test_lists_that_are_named_by_another_name(label: str, tmp_path: Path) -> None:
    for name in ("pt_BR", "hin_Deva", "hin_Latn_x", "chi", "srp_Cyrl", "srp_Latn", "deu_Latn", "README"):
        (tmp_path / f"{name}.txt").write_text(f"word{name}\n")
    assert len(load_words(str(tmp_path), label)) == (2 if label == "hi" else 1)


@given(st.text(max_size=12) | st.from_regex(labels._LABEL, fullmatch=True))
def test_folders_are_harmless_and_one_for_names_that_differ_in_capitals(label: str) -> None:
    name = labels.folder(label)
    assert re.fullmatch(r"[A-Za-z0-9_]{2,50}", name)
    assert labels.folder(name) == name
    assert name == "und" or name == labels.folder(label.upper()) == labels.folder(label.lower())


def test_folders() -> None:
    given = ["hin_Deva", "EN", "zh-hant-tw", "../etc", "", None, "en/..", "CON.", "x-klingon"]
    wanted = ["hin_Deva", "en", "zh_Hant_TW", "und", "und", "und", "und", "und", "und"]
    assert [labels.folder(one) for one in given] == wanted
