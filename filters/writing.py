"""The script that a text is written in, by Unicode's property Script.

Source: Unicode, UAX 24 (Script; short names are those of ISO 15924); UAX 38 and the repertoires of GB 2312 and Big5 for
the two ways to write Chinese.
"""

from collections import Counter
from functools import lru_cache

import regex

from curate.filters import labels

_CODES = """
Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Bhks Bopo Brah Brai Bugi Buhd Cakm Cans Cari Cham Cher Chrs Copt
Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Geor Glag Gong Gonm Goth Gran Grek Gujr Guru Hang Hani Hano Hatr
Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi Khar Khmr Khoj Kits Knda Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu
Lyci Lydi Mahj Maka Mand Mani Marc Medf Mend Merc Mero Mlym Modi Mong Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu
Ogam Olck Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd
Sidd Sind Sinh Sogd Sogo Sora Soyo Sund Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa
Toto Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb
"""
_USUAL = "Latn Cyrl Arab Hani Hira Kana Hang Deva Grek Thai Beng Taml"
_SAMPLE = 4096
_JAPANESE = 0.02
"""Share of kana from which a text in Han is Japanese: Chinese pages have a word or two, Japanese ones a third and more."""
_SHOWN = 0.1
"""Share of the letters from which a text is also in a script."""
_CHINESE = frozenset(["zho", "cmn", "yue", "wuu", "nan", "hak", "gan", "hsn", "cdo", "lzh"])


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, "regex.Pattern[str]"], ...]:
    codes = dict.fromkeys([*_USUAL.split(), *_CODES.split()])
    return tuple((code, regex.compile(rf"\p{{Script={code}}}")) for code in codes)


@lru_cache(maxsize=1 << 15)
def script_of_char(char: str) -> str | None:
    """The script of a character, None for those of several (digits, punctuation, most marks)."""
    return next((code for code, pattern in _patterns() if pattern.match(char)), None)


def script(text: str) -> str | None:
    """The script of most letters of `text` in ISO 15924, None where there is no letter: `Jpan` for kana and Han together, `Hans` and `Hant` for
    Chinese in one of its ways (`Hani` where no character tells).

    Of a long text 4,096 characters are looked at, evenly spaced.
    """
    most = next(iter(_letters(text)), None)
    return _chinese(text) if most == "Hani" else most


def scripts(text: str) -> list[str]:
    """The scripts of a tenth or more of the letters of `text`, that of most first; `Hani` for both ways of Chinese."""
    counts = _letters(text)
    return [code for code, times in counts.items() if times >= _SHOWN * sum(counts.values())]


def only(text: str, code: str) -> str:
    """`text` with a space for each letter of another script than `code` (as `scripts` calls it)."""
    among = ("Hira", "Kana", "Hani", None) if code == "Jpan" else (code, None)
    return text.translate({ord(char): " " for char in set(text) if script_of_char(char) not in among})


@lru_cache(maxsize=8)
def _letters(text: str) -> dict[str, int]:
    """How many letters of each script a sample of `text` has, most first."""
    sample = text[:: len(text) // _SAMPLE + 1]
    counts = Counter[str]()
    for char, times in Counter(sample).items():
        code = script_of_char(char)
        if code:
            counts[code] += times
    kana = counts.pop("Hira", 0) + counts.pop("Kana", 0)
    if kana and kana >= _JAPANESE * (kana + counts["Hani"]):
        counts["Jpan"] = kana + counts.pop("Hani", 0)
    counts += Counter()  # drops what has none
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@lru_cache(maxsize=1 << 15)
def _way(char: str) -> int:
    """1 for a character that only simplified Chinese has, -1 for one that only traditional Chinese has, else 0."""
    return _has(char, "gb2312") - _has(char, "big5")


def _has(char: str, charset: str) -> bool:
    try:
        char.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _chinese(text: str) -> str:
    sample = text[:: len(text) // _SAMPLE + 1]
    ways = sum(_way(char) for char in sample if script_of_char(char) == "Hani")
    return "Hans" if ways > 0 else "Hant" if ways < 0 else "Hani"


def with_script(language: str, text: str) -> str:
    """The label of a language with the script that `text` is in: `zh` is `zho_Hant`, `hi` is `hin_Deva`. A label's own script stays;
    `und` and a text without letters have none.

    Japanese in Han alone is `Jpan`, Korean with more Han than Hangul is still `Hang`; other languages than Chinese are in
    `Hani`.
    """
    told = labels.parts(language)
    if language == labels.UNKNOWN:
        return language
    code = told.script or written(told.language, text)
    return f"{labels.iso3(told.language)}_{code}" if code else labels.iso3(told.language)


def written(language: str, text: str) -> str | None:
    """The script of a text of which the language is known; see `with_script`."""
    found = script(text)
    three = labels.iso3(language)
    if found in ("Hani", "Hans", "Hant"):
        if three == "jpn":
            return "Jpan"
        if three == "kor":
            return "Hang"
        if three not in _CHINESE:
            return "Hani"
    return found
