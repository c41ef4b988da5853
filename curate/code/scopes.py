"""What a licence file says of a part of a project: folders with a licence of their own, fonts and images.

Known are the usual forms, sentence by sentence: "content under the "enterprise/" directory is licensed under …", "everything
outside of these directories is available under the MIT license", "Icons: CC BY 4.0". Anything else is a doubt about the file.
"""

import re
from typing import NamedTuple

_DIR = r"[\"'`(*<\[]{0,3}\.?/?(?P<dirs>(?:[\w.@-]+/)+[\w.@*-]*|[\w.-]+(?=[\"'`)\]*>]{0,3} (?:director|folder|subdirector|subfolder)))[\"'`)*>\]]{0,3}"
_MORE = r"(?:(?:,| and| or|, and|, or) (?:the )?[\"'`]?[\w.@/-]+/?[\"'`]?(?: director(?:y|ies)| folders?)?){0,5}"
_THINGS = r"(?:all |any |the |every |other )*(?:of the )?(?:contents?|code|source code|source files?|source|files?|software|everything|anything|components?|modules?|packages?|features?|work|materials?|portions?)(?: of (?:this|the) (?:repository|repo|project|software|code|codebase))?"
_LIES = r"(?: (?:that|which))?(?: (?:is|are))?(?: (?:reside[sd]?|residing|live[sd]?|located|contained|found|stored|placed|lies?))?"
_HERE = r"(?: (?:in|of|within) (?:this|the) (?:repository|repo|project|codebase|source tree))?(?:,? (?:if|where|when) (?:that|those|such|these|any such) (?:director(?:y|ies)|folders?) exists?,?)?,?"
_IS = r" (?:is|are|shall be|falls?) (?:separately |subject to |all )?(?:licensed|available|released|provided|distributed|governed|covered|made available|subject)(?: (?:by|under|to))?"
_WITHIN = re.compile(
    rf"^\W*{_THINGS}{_LIES} (?:under|in|inside|within|of|below|beneath)(?: (?:the|any|a|our|following))* {_DIR}{_MORE}(?: director(?:y|ies)| folders?| subdirector(?:y|ies))?{_HERE}{_IS}(?P<rest>.*)$",
    re.I | re.S,
)
_DIRS_FIRST = re.compile(
    rf"^\W*(?:the )?{_DIR}{_MORE} (?:director(?:y|ies)|folders?|subdirector(?:y|ies))(?: (?:and|including) (?:all )?(?:its|their) (?:contents?|files|sub\w+))?{_HERE}{_IS}(?P<rest>.*)$",
    re.I | re.S,
)
_OUTSIDE = re.compile(
    rf"^\W*{_THINGS}{_LIES} (?:outside(?: of)?|except(?: for)?(?: (?:those|that|the (?:files|code|content)))?(?: (?:in|under|within|of))?|other than(?: (?:those|that))?(?: (?:in|under|within))?|not (?:in|under|within))"
    rf"(?: (?:the|these|those|this|above|said|any|of))*(?:[ -]?mentioned)?(?: {_DIR}{_MORE})?(?: (?:director(?:y|ies)|folders?|subdirector(?:y|ies)))?(?: or restrictions(?: above)?)?(?: above)?{_HERE}(?P<rest>{_IS}.*)$",
    re.I | re.S,
)
_OTHERS = re.compile(
    r"^\W*(?:all |any )?third[- ]party (?:components?|code|software|libraries|dependencies)(?: \w+){0,8} (?:is|are) (?:licensed|distributed|provided|available) under (?:the|their) (?:respective |original |own )*licenses?(?: provided by the owners? of the applicable components?)?\W*$"
    r"|^\W*(?:portions|parts) of this (?:software|repository|project|code) (?:is|are) licensed as follows\W*$",
    re.I,
)
_KIND = re.compile(
    r"^\W*(?:the |all |any )?(?:included |bundled |web )?(?P<kind>icons?|fonts?|font files|images?|logos?|artwork|art|graphics|sounds?|music|documentation|docs|photos?|pictures|assets|textures|screenshots|svg icons)\b[^.]{0,60}?(?::|--?|\bis\b|\bare\b|licensed|under|available|\()",
    re.I,
)
_AND_CODE = re.compile(
    r"\b(?:codes?|software|sources?|everything|programs?|library|project|package|repository)\b", re.I
)
_FILE_KIND = re.compile(r"(?:^|[-_./])(?:fonts?|icons?|images?|logos?|art(?:work)?|docs?|documentation|sounds?|media|assets?|ofl|cc-?by[\w.-]*)(?:[-_.]|$)", re.I)  # fmt: skip


class Scope(NamedTuple):
    """A folder that the licence around it does not hold for."""

    folder: str
    """Relative to the folder of the file that says so."""
    rest: str
    """What the sentence says of it: a licence, or where that stands."""


class Said(NamedTuple):
    """A sentence about parts of a project."""

    scopes: list[Scope]
    rest: str | None
    """What it says of everything else, a sentence that names a licence; None for nothing."""


def said_of_parts(sentence: str) -> Said | None:
    """What a sentence says of folders, fonts or images; None where it has none of the usual forms."""
    folded = " ".join(sentence.split())
    if len(folded) > 600:
        return None
    kind = _KIND.match(folded)
    if _OTHERS.match(folded) or (kind and not _AND_CODE.search(kind.group())):
        return Said([], None)
    outside = _OUTSIDE.match(folded)
    if outside:
        return Said(_scopes(outside, "", folded), outside.group("rest"))
    within = _WITHIN.match(folded) or _DIRS_FIRST.match(folded)
    return Said(_scopes(within, within.group("rest"), folded), None) if within else None


_LISTS = re.compile(
    r"\W*(?:the )?following files(?: (?:in|of) this \w+)? (?:are|were) (?:derived|taken|copied|adapted|ported|forked) from (?P<of>[\w.+-]+(?: [\w.+-]+){0,3}?)"
    r"(?:,? and)? (?:are|is) (?:subject to|under|(?:licensed|released|distributed|available) under) the same (?:licen[cs]e|terms|conditions) as (?P=of)\W*",
    re.I,
)
"""What puts the files that are listed behind it under a licence that stands elsewhere."""
_LISTED = re.compile(
    r"[ \t*-]*(?:(?:all )?files in )?(?:the )?[\"'`]?(?P<path>(?:[\w.@+-]+/)+(?:[\w.@+-]+)?|[\w@+-]+\.\w{1,5})[\"'`]?(?: (?:director(?:y|ies)|folders?))?[ \t,;.]*"
)
_UNDER_NAME = re.compile(
    r"(?:\A|\n)[ \t]*(?P<path>(?:[\w.@+-]+/)+[\w@+-]+\.\w{1,5})[ \t]*\r?\n(?:[ \t]*[-=~^\"]{3,}|\s)\s*\Z"
)
_FROM = re.compile(
    r"\W*(?:(?:a )?backport(?:ed)?|copied|taken|adapted|derived|ported|borrowed|forked) (?:from|of) [\w.+-]+(?: [\w.+-]+)? (?:[\w.+-]+/)+[\w+-]+\.\w{1,5}\W*",
    re.I,
)
"""From which file of which project a file is."""
MOST_FILES = 40


def files_of_others(sentence: str, before: str, behind: str) -> list[str]:
    """Files and folders that a sentence says to be of another project, whose licence is not stated: none of the text's holds for them.

    Args:
        sentence: "The following files are derived from X and are subject to the same license as X", or, alone under a title that is a
            path, "backport from X path/file.py".
        before: The text before it.
        behind: The text behind it, where the files are listed.
    """
    folded = " ".join(sentence.split())
    if _FROM.fullmatch(folded):
        title = _UNDER_NAME.search(before[-200:])
        alone = not behind.strip(" \t") or behind.lstrip(" \t.")[:1] in ("\n", "\r", "")
        return [title.group("path")] if title and alone else []
    if not _LISTS.fullmatch(folded):
        return []
    found: list[str] = []
    for line in behind.lstrip(" \t:.").splitlines()[: 2 * MOST_FILES]:
        listed = _LISTED.fullmatch(line)
        if listed:
            found.append(listed.group("path").strip("/"))
        elif line.strip():
            break
    return found


def _scopes(match: re.Match[str], rest: str, sentence: str) -> list[Scope]:
    if not match.group("dirs"):
        return []
    head = sentence[match.start("dirs") : match.start("rest")]
    first = [match.group("dirs")]
    others = re.findall(r"(?:,| and| or) (?:the )?[\"'`]?((?:[\w.@-]+/)+[\w.@-]*)", head)
    return [Scope(folder.strip("./*"), rest.strip()) for folder in [*first, *others] if folder.strip("./*")]


_THINGS_UNDER = re.compile(
    r"\W*(?:(?:the|all|any|our|its|project|bundled|included) )*(?:docs|documentation|manuals?|images?|icons?|fonts?|logos?|artwork|graphics|sounds?|music|photos?|screenshots)(?: (?:files?|pages?|content|itself))?"
    r"(?: (?:is|are))? (?:released|licensed|available|distributed|provided|published) under\b",
    re.I,
)


def is_for_other_things(sentence: str) -> bool:
    """Whether a sentence puts documentation, images, fonts or sounds alone under a licence: "Docs released under …"."""
    return _THINGS_UNDER.match(" ".join(sentence.split())) is not None


def is_for_other_files(name: str) -> bool:
    """Whether a licence file of this name is for fonts, images or documentation and not for code."""
    return bool(_FILE_KIND.search(name.rpartition("/")[2]))
