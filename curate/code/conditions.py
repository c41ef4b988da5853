"""Words beside a licence's text that may take something from what it gives.

A file about licences holds little more than licences. What else stands in it says where the code is from, whom to thank
and which files are meant. So beside the text of a licence any word that speaks of duties, limits, payment or of some
people and not others makes the file's licence unknown, unless it stands in a phrase known to be harmless: a file
dropped too many costs a file, one too few takes code against its authors' will.
"""

from functools import lru_cache
from importlib.resources import files

from curate.code.names import UNKNOWN, Fast, Folded, fast
from curate.code.notices import SHORT_NOTICE, Span, neighbours

_SCRIPTS = (
    r"(?:[\xe0-\xed][\x80-\xbf]{2} ?){8}",  # Chinese, Japanese, Korean, Indian, Thai
    r"(?:(?:[\xee-\xf1\xd7-\xdb\xf8-\xfb][\x80-\xbf]){2,20} ){3}[\xee-\xf1\xd7-\xdb\xf8-\xfb]",  # Greek, Russian, Hebrew, Arabic
)
"""A sentence in a script of which no word is known, as the detector sees it: bytes of UTF-8 in lower case."""
BESIDE = 3_000
"""Characters around a text in which words count as standing beside it."""


def condition_beside(text: Folded, taken: list[Span]) -> Span | None:
    """The first words near a whole text, and in none, that may be a condition of its own."""
    # A short notice without a licence, such as "license agreement", covers nothing.
    ordered = sorted(s for s in taken if s.expression or s.end - s.start > SHORT_NOTICE)
    if all(s.kind != "full-text" for s in ordered):
        return None
    for match in _words().finditer(text):
        if match.lastgroup == "harmless":
            continue
        start, end = text.unfolded(match.start()), text.unfolded(match.end() - 1) + 1
        near = neighbours(ordered, start - BESIDE, end + BESIDE)
        if any(s.kind == "full-text" for s in near) and not neighbours(ordered, start, end):
            return Span(start, end, UNKNOWN, "header-notice", 0.5, match.group())
    return None


@lru_cache(maxsize=1)
def _words() -> Fast:
    """`licenses-conditions.txt` as one pattern; not in the middle of an address, a file's name or a compound."""
    lines = (files("filters") / "data" / "licenses-conditions.txt").read_text(encoding="utf-8").splitlines()
    sections: dict[str, list[str]] = {}
    words: list[str] = []
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            words = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            words.append(line)
    harmless = "|".join(sections.pop("harmless"))
    others = "|".join(word for section in sections.values() for word in section)
    known = rf"(?<![@./\-])\b(?:(?P<harmless>{harmless})|(?:{others})(?![@\-/]|\.[a-z]))\b"
    return fast("|".join([known, *_SCRIPTS]))
