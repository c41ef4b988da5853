"""What the tokeniser knows of HTML's elements and character references, as arrays that compiled code can search."""

from functools import lru_cache
from html.entities import html5
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Groups of elements, as bits: what closes what, and how far a search through the open elements may go.
P, LI, TERM, CELL, ROW, SECTION, TABLE, LIST, TERMS, OPTION, HEADING, BUTTON, SCOPE, SELECT = (
    1 << bit for bit in range(14)
)

# Roles of a tag in the scanner.
(
    INLINE, BLOCK, VOID_BLOCK, RAW, TITLE, SKIP, LINK, BOLD, CODE, IMAGE, FIELD, SCRIPT, META, BODY, BREAK, RAISED, RUBY, READING,
    BRACKET, FORMULA,
) = range(20)  # fmt: skip

_BLOCKS = [
    "div",
    "p",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "colgroup",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "blockquote",
    "section",
    "article",
    "main",
    "aside",
    "nav",
    "header",
    "footer",
    "form",
    "fieldset",
    "legend",
    "figure",
    "figcaption",
    "address",
    "details",
    "summary",
    "dialog",
    "menu",
    "dir",
    "center",
    "hgroup",
    "search",
    "button",
    "select",
    "optgroup",
    "option",
    "noscript",
    "template",
    "object",
    "video",
    "audio",
    "canvas",
    "map",
    "listing",
    "picture",
    "iframe-text",
    "marquee",
    "label-block",
    "custom",
]
_ROLES: dict[int, str] = {
    VOID_BLOCK: "hr",
    BREAK: "br",
    RAISED: "sup sub",
    RUBY: "ruby rb rtc",
    READING: "rt",
    BRACKET: "rp",
    FORMULA: "math m:math mml:math",
    RAW: "style iframe noembed noframes xmp textarea",
    TITLE: "title",
    SKIP: "svg",
    LINK: "a",
    BOLD: "b strong",
    CODE: "code kbd samp var tt",
    IMAGE: "img",
    FIELD: "input",
    SCRIPT: "script",
    META: "meta",
    BODY: "body",
}
_GROUPS: dict[int, str] = {
    P: "p",
    LI: "li",
    TERM: "dt dd",
    CELL: "td th",
    ROW: "tr",
    SECTION: "thead tbody tfoot",
    TABLE: "table",
    LIST: "ul ol menu dir",
    TERMS: "dl",
    OPTION: "option",
    HEADING: "h1 h2 h3 h4 h5 h6",
    BUTTON: "button",
    SCOPE: "object template caption",
    SELECT: "select",
}
# start tag -> (groups that it closes, groups beyond which nothing is closed); WHATWG HTML, 13.2.6.4.7 and on
_CLOSES: dict[str, tuple[int, int]] = {
    "li": (LI, LIST | CELL | TABLE | SCOPE),
    "dt": (TERM, TERMS | CELL | TABLE | SCOPE),
    "dd": (TERM, TERMS | CELL | TABLE | SCOPE),
    "td": (CELL, ROW | SECTION | TABLE),
    "th": (CELL, ROW | SECTION | TABLE),
    "tr": (ROW, SECTION | TABLE),
    "thead": (SECTION, TABLE),
    "tbody": (SECTION, TABLE),
    "tfoot": (SECTION, TABLE),
    "option": (OPTION, SELECT),
    "optgroup": (OPTION, SELECT),
    "button": (BUTTON, SCOPE | CELL | TABLE),
}
_NO_PARAGRAPH = frozenset(
    [
        "td",
        "th",
        "tr",
        "thead",
        "tbody",
        "tfoot",
        "caption",
        "colgroup",
        "option",
        "optgroup",
        "select",
        "button",
        "noscript",
    ]
)
_TABLE_PARTS = CELL | ROW | SECTION

NAMES: tuple[str, ...] = ("", *_BLOCKS, *(name for names in _ROLES.values() for name in names.split()))
TAG = {name: index for index, name in enumerate(NAMES)}
CUSTOM = TAG["custom"]
PRE = TAG["pre"]
PARAGRAPH = TAG["p"]
RUBY_TAG = TAG["ruby"]


class Tables(NamedTuple):
    """Look-up arrays of the scanner. Hash tables are open-addressed; a key of 0 is an empty slot."""

    tag_keys: NDArray[np.uint64]
    tag_ids: NDArray[np.int32]
    role: NDArray[np.int32]  # by tag id
    group: NDArray[np.int32]
    closes: NDArray[np.int32]
    closes_stop: NDArray[np.int32]
    closes_p: NDArray[np.bool_]
    end_stop: NDArray[np.int32]
    entity_keys: NDArray[np.uint64]
    entity_span: NDArray[np.int32]  # (slots, 2): start and end in entity_bytes
    entity_bytes: NDArray[np.uint8]
    legacy_keys: NDArray[np.uint64]
    windows: NDArray[np.int32]  # what &#128; to &#159; stand for


def fnv(data: bytes) -> int:
    """64-bit FNV-1a, as the compiled code computes it."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value or 1


def hash_table(words: list[bytes]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Keys and, for each slot, the index of its word; at most half full."""
    size = 1 << (2 * len(words)).bit_length()
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for index, word in enumerate(words):
        key = fnv(word)
        slot = key & (size - 1)
        while keys[slot]:
            if int(keys[slot]) == key:
                raise ValueError(f"{word!r} and another word have the same hash")
            slot = (slot + 1) & (size - 1)
        keys[slot], values[slot] = key, index
    return keys, values


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The look-up arrays, made once a process (a few milliseconds)."""
    count = len(NAMES)
    role, group, closes, stop, end_stop = (np.zeros(count, np.int32) for _ in range(5))
    closes_p = np.zeros(count, np.bool_)
    for index, name in enumerate(NAMES):
        role[index] = BLOCK if name in _BLOCKS else next((r for r, n in _ROLES.items() if name in n.split()), INLINE)
        group[index] = next((bit for bit, names in _GROUPS.items() if name in names.split()), 0)
        closes[index], stop[index] = _CLOSES.get(name, (0, 0))
        closes_p[index] = role[index] in (BLOCK, VOID_BLOCK) and name not in _NO_PARAGRAPH
        in_table = bool(group[index] & _TABLE_PARTS)
        end_stop[index] = 0 if name == "table" else TABLE if in_table else CELL | TABLE | SCOPE
    tag_keys, tag_ids = hash_table([name.encode() for name in NAMES[1:]])
    names = sorted(name for name in html5 if name.endswith(";"))
    entity_keys, entity_index = hash_table([name[:-1].encode() for name in names])
    values = [html5[name].encode() for name in names]
    ends = np.cumsum([0] + [len(value) for value in values]).astype(np.int32)
    span = np.stack([ends[entity_index], ends[entity_index + 1]], axis=1)
    legacy_keys, _ = hash_table([name.encode() for name in html5 if not name.endswith(";")])
    windows = [ord(bytes([byte]).decode("cp1252", "replace")) for byte in range(128, 160)]
    return Tables(
        tag_keys, tag_ids + np.int32(1), role, group, closes, stop, closes_p, end_stop,
        entity_keys, span.astype(np.int32), np.frombuffer(b"".join(values), np.uint8), legacy_keys,
        np.array(windows, np.int32),
    )  # fmt: skip
