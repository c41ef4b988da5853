"""The text of a Project Gutenberg file without what is put before and after it, from the etexts of 1991 to today's."""

import re
from dataclasses import dataclass

_HEAD, _TAIL = 100_000, 200_000
"""Characters of a file in which its header and its footer are looked for; the licence behind the text has about 20,000."""
_MARK = re.compile(r"project\s+gutenberg", re.IGNORECASE)
_START = re.compile(
    r"^[ \t]*\*{2,4}[ \t]*START (?:OF|FOR) (?:THE |THIS |TH[A-Z]+ )?(?:COPYRIGHTED )?PROJECT GUTENBERG[^\n*]*(?:\n[^\n*]+){0,5}\**[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_SMALL_PRINT = re.compile(
    r"^[ \t]*\*{1,4}[ \t]*END[ *]*(?:OF )?THE SMALL PRINT[^\n]*(?:\n[^\n]*\*END\*[ \t]*$)?",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(
    r"^[ \t]*(?:\*{2,4}[ \t]*END (?:OF|FOR) (?:THE |THIS |TH[A-Z]+ )?(?:COPYRIGHTED )?PROJECT GUTENBERG"
    r"|\*{0,5}[ \t]*(?:this is )?(?:the )?end of (?:the |this )?project gutenberg"
    r"|\*{2,4}[ \t]*START: FULL LICENSE|\*{2,5}START\*\*THE SMALL PRINT)",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE = re.compile(r"^Title:[ \t]*([^\n]+(?:\n[ \t]+[^\n]+){0,3})", re.MULTILINE)
_LANGUAGE = re.compile(r"^Language:[ \t]*([A-Za-z][A-Za-z ()-]{1,40})", re.MULTILINE)
_OLD_TITLE = re.compile(r"project\s+gutenberg(?:'s|’s)?\s+(?:e-?text|ebook)\s+of[ \t]+([^\n*#,]{2,120})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Book:
    """What lies between the markers."""

    text: str
    title: str = ""
    language: str = ""
    """As the header says it: English."""
    markers: str = ""
    """Which were found: "start", "end", both with a blank between, or nothing."""


def is_gutenberg(head: str) -> bool:
    """Whether a text begins as Project Gutenberg's files do."""
    return bool(_MARK.search(head[:_HEAD])) and bool(
        _START.search(head[:_HEAD]) or _SMALL_PRINT.search(head[:_HEAD]) or _MARK.search(head[:3000])
    )


def between_markers(text: str) -> Book:
    """The text between the header and the footer, without blank lines at its ends, and what the header says of it.

    A START line of either wording begins the text; in the files before 2003, which had none, the end of the "small print".
    The first line of the footer ends it: "End of Project Gutenberg's …", *** END …, or the licence, or the small print.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    begin = _last_of_header(text)
    end = _END.search(text, max(begin, len(text) - _TAIL))
    if end is None and begin < len(text) - _TAIL:  # a footer of more than its share: a text with the licence doubled
        end = _END.search(text, begin)
    stop = end.start() if end else len(text)
    header = text[:begin] if begin else text[:3000]
    title = (_TITLE.search(header) or _OLD_TITLE.search(header)) if begin or end else None
    language = _LANGUAGE.search(header) if begin else None
    markers = " ".join(name for name, found in (("start", begin), ("end", end)) if found)
    inside = text[begin:stop].strip("\n") if begin or end else text.strip("\n")
    inside = "\n".join(line.rstrip() for line in inside.split("\n")).strip("\n")
    return Book(inside, " ".join(title[1].split()) if title else "", language[1].strip() if language else "", markers)


def _last_of_header(text: str) -> int:
    """Where the text begins; 0 where there is no header."""
    head = text[:_HEAD]
    start = _START.search(head)
    if start:
        return start.end()
    ends = [found.end() for found in _SMALL_PRINT.finditer(head) if text[found.end() : found.end() + 500].strip()]
    return ends[-1] if ends else 0  # what has nothing behind it is the footer's
