"""White space of a converted text. Three private characters carry what must survive until the end."""

import re

SPACE, LINE, GONE = "\ue000", "\ue001", "\ue002"
"""A space and a line end to be kept (of verbatim text, of math); where a citation was."""
PRIVATE = re.compile("[\ue000-\ue002]")
_EMPTY_BRACKETS = re.compile(r"[(\[][\s,;.and\ue002]{0,40}\ue002[\s,;.\ue002]{0,40}[)\]]")
_BEFORE_MARK = re.compile(r"[ \n]{0,3}\ue002[ ,\ue002]{0,40}(?=[.,;:!?)\]])")
_TWO_STOPS = re.compile(r"(?<=\w\.) ?\ue002[ ,\ue002]{0,40}\.(?!\.)")
_AFTER_OPENING = re.compile(r"([(\[]) ?\ue002[ ,;]{0,9}")
_AT_PLACE = re.compile(r" ?\ue002+ ?")
_SPACES = re.compile(r"[ \t\u00a0]+")
_AROUND_LINE = re.compile(r" *\n *")
_GAP = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """The text with its paragraphs apart by one blank line, single spaces, and nothing left of what went."""
    text = _SPACES.sub(" ", text)
    text = _EMPTY_BRACKETS.sub("", text)
    text = _TWO_STOPS.sub("", text)  # "see Fig. [1]." is not "see Fig.."
    text = _BEFORE_MARK.sub("", text)
    text = _AFTER_OPENING.sub(r"\1", text)
    text = _AT_PLACE.sub(" ", text)
    text = _AROUND_LINE.sub("\n", _SPACES.sub(" ", text))
    text = _GAP.sub("\n\n", text).strip()
    lines = (line.rstrip() for line in text.replace(SPACE, " ").replace(LINE, "\n").split("\n"))
    return _GAP.sub("\n\n", "\n".join(lines)).strip("\n")


def kept(text: str) -> str:
    """A text whose spaces and line ends stay as they are."""
    return text.replace("\t", "    ").replace(" ", SPACE).replace("\n", LINE)
