"""Words in scripts that put no space between them: Chinese, Japanese, Thai, Lao, Khmer, Burmese and some fifty others.

Which script that is says the property Line_Break of Unicode (17): where a line may break between letters that have no
space (SA, ID, CJ, AK, AP, AS), words are not parted by spaces. Hangul is not among them. ICU has dictionaries for the
most used ones; in the others an orthographic syllable (extended grapheme cluster, UAX 29) stands for a word.

The script of each run of letters decides, not the language of the document: labels are guesses, pages are mixed, and ICU
has one dictionary a script.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from icu4py.breakers import WordBreaker

_DICTIONARY = """
e01-e3a e40-e4e e50-e59 e81-ece ed0-edf 1000-1049 1050-109d 1780-17d3 17d7 17dc-17e9 3005-3007 3021-302f 3031-3035 3038-303c
3041-309a 309d-309f 30a1-30fa 30fc-30ff 3105-312f 31a0-31bf 31f0-31ff 3400-4dbf 4e00-9fff a9e0-a9fe aa60-aa7f f900-faff
ff66-ff9f 116d0-116e3 16ff0-16ff6 1aff0-1b16f 20000-2fffd 30000-3347f
"""
"""Thai, Lao, Burmese, Khmer, Bopomofo, Han and kana, as ranges of hexadecimal code points: letters, marks and digits."""
_SYLLABLES = """
1950-1974 1980-19d9 1a20-1a99 1aa7 1b00-1b4c 1b50-1b59 1bc0-1bf3 a000-a48c a980-a9c0 a9cf-a9d9 aa00-aa59 aa80-aadd 11000-11046
11052-11075 1107f 11300-11374 11380-113d1 113d3 113e1-113e2 11700-1173b 11740-11746 11900-11943 11950-11959 11ee0-11ef6
11f00-11f42 11f50-11f5a 16100-16139 16fe0-16fe4 17000-18df2 18e00-191d2 1b170-1b2fb 3d000-3fc3f
"""
"""Yi, Tai Le, New Tai Lue, Tai Tham, Tai Viet, Balinese, Batak, Javanese, Cham, Tangut, Nushu, old scripts of India and Java."""
SEPARATORS = "\u0f0b\u0f0c\u1361\U00010100\U00010101\U0001039f\U000103d0\U0001091f\U00012470"
"""Marks that stand between words or syllables as a space does: Tibetan tsheg, Ethiopic word space, dividers of old scripts."""
_SEPARATOR = re.compile(f"[{SEPARATORS}]")
_JOINERS = "\xad\u200c\u200d\u2060\ufe00-\ufe0f\U000e0100-\U000e01ef"
_OPENERS = (
    "([{<\xab\u2018\u201c\u2039\u3008\u300a\u300c\u300e\u3010\u3014\u3016\u3018\u301a\u301d\uff08\uff3b\uff5b\uff62"
)
LONGEST_RUN = 4096
"""Letters without a space that are looked at together: a run of a million is cut, and costs no more than its length."""
_AT_ONCE = 1 << 16
# Bytes of UTF-8 with which no letter or mark of interest begins: a look at each byte costs a hundredth of a pattern with classes.
_PLAIN = bytes({*range(256)} - {0xE0, 0xE1, *range(0xE3, 0xEB), 0xEF, *range(0xF0, 0xF5)})

_ASCII = bytes(range(128))


def char_class(ranges: str) -> str:
    """Ranges of hexadecimal code points (`e01-e3a 17d7`) as the inside of a character class."""
    pairs = (entry.partition("-") for entry in ranges.split())
    return "".join(f"{chr(int(first, 16))}-{chr(int(last or first, 16))}" for first, _, last in pairs)


@lru_cache(maxsize=1)
def _letters() -> re.Pattern[str]:
    """One such letter. Of two ranges first, which most characters of other scripts are outside: fifty take ten times as long."""
    return re.compile(f"[\u0e01-\u1bff\u3005-\U0003ffff](?<=[{char_class(_DICTIONARY)}{char_class(_SYLLABLES)}])")


@lru_cache(maxsize=1)
def _run() -> re.Pattern[str]:
    """Letters without spaces between them, and what closes them: dictionary, syllables, closing punctuation."""
    dictionary, syllables = (
        f"[{letters}][{letters}{_JOINERS}]{{0,{LONGEST_RUN}}}+"
        for letters in map(char_class, (_DICTIONARY, _SYLLABLES))
    )
    return re.compile(rf"(?:({dictionary})|({syllables}))([^\w\s{re.escape(_OPENERS)}\u200b]*+)\u200b*+")


def is_unspaced(text: str) -> bool:
    """Whether `text` has a letter of a script that puts no space between words."""
    return not _is_plain(text) and _letters().search(beyond_ascii(text)) is not None


def unspaced(text: str) -> list[str]:
    """The letters of `text` whose script puts no space between words."""
    return _letters().findall(text)


def _is_plain(text: str) -> bool:
    return text.isascii() or not text.encode("utf-8", "surrogatepass").translate(None, _PLAIN)


def beyond_ascii(text: str) -> str:
    """The characters of `text` beyond ASCII: an expression of many ranges takes a microsecond for ten characters."""
    return text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass")


def part_words(text: str) -> str:
    """`text` with a space where a word ends that the script doesn't end with one, and for each mark that parts words.

    Punctuation stays with the word that it stands at, as in scripts with spaces. A space without width (U+200B) parts words
    beside such a letter. Other text stays as it is.
    """
    if _is_plain(text):
        return text
    beyond = beyond_ascii(text)
    if _SEPARATOR.search(beyond):
        text = _SEPARATOR.sub(" ", text)
    if _letters().search(beyond) is None:
        return text
    found = list(_runs(text))
    pieces: list[str] = []
    at = 0
    for (start, run), words in zip(found, _segmented([run[1] or "" for _, run in found]), strict=True):
        opening = text[start : run.start()].lstrip("\u200b")
        pieces += (text[at:start], " ", opening, words or " ".join(_clusters(run[2])), run[3], " ")
        at = run.end()
    return "".join([*pieces, text[at:]])


def _runs(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Each run of such letters, and where the spaces without width and the opening punctuation before it begin.

    Its first letter is searched for, one class, and what stands before that is looked at then: a pattern that begins with
    what may be missing is tried at each character, which takes a hundred times as long.
    """
    first, whole = _letters().search, _run().match
    at = 0
    while (letter := first(text, at)) and (run := whole(text, letter.start())):
        start = at + len(text[at : run.start()].rstrip(_OPENERS).rstrip("\u200b"))
        yield start, run
        at = run.end()


def segmenter() -> str:
    """What parts words, with its version: words of another one can't be compared."""
    import icu4py

    return f"ICU {icu4py.icu_version_info[0]}"


def _segmented(runs: Iterable[str]) -> Iterator[str]:
    """Each run with a space between its words (an empty one stays so), after ICU's dictionaries."""
    breaker = _breaker()
    for batch in _batches(runs):
        for words in " ".join(breaker("\n".join(batch), "")).split("\n"):
            yield words.strip()


@lru_cache(maxsize=1)
def _breaker() -> "type[WordBreaker]":
    """ICU's, with the dictionaries of all scripts: it opens one when it meets a letter that only that script has, and until then
    parts what scripts share (\u30fc of Chinese and Japanese) otherwise. A text's words would depend on those before it.
    """
    from icu4py.breakers import WordBreaker

    # A letter alone is not looked up.
    list(WordBreaker("\u4e2d\u56fd \u0e01\u0e01 \u0e81\u0e81 \u1780\u1780 \u1000\u1000", ""))
    return WordBreaker


def _batches(runs: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for run in runs:
        batch.append(run)
        size += len(run) + 1
        if size > _AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _clusters(run: str) -> list[str]:
    import regex  # only where such a script is met

    found: list[str] = regex.findall(r"\X", run)
    return found
