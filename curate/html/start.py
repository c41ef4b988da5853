"""What start tags carry: class and id words, hidden or not, schema.org types; and where raw text ends."""

# ruff: noqa: I001 (names of columns, by the line)

import numpy as np
from curate.filters.jit import Array, Number, inner

from curate.html.markup import find, FNV_PRIME, FNV_START, is_letter, is_space, lower, U64
from curate.html.tags import fnv
from curate.html.tape import (
    A_ABOUT,
    A_FLAGS,
    A_FROM,
    A_LD,
    A_OG,
    A_SIGN,
    ARTICLE_BODY,
    BUCKETS,
    COMMENTS,
    FORMULAS,
    HIDDEN,
    MAX_NAMES,
    OPEN,
    TOKENS,
    Tape,
)

GT, EQUALS, SLASH = 62, 61, 47


def _key(name: str) -> np.uint64:
    return np.uint64(fnv(name.encode()))


CLASS, ID, STYLE, HIDDEN_NAME, ARIA, ROLE, ITEMPROP, TYPE, PROPERTY, CONTENT, NAME, OPENED = (
    _key(n)
    for n in [
        "class",
        "id",
        "style",
        "hidden",
        "aria-hidden",
        "role",
        "itemprop",
        "type",
        "property",
        "content",
        "name",
        "open",
    ]
)
BODY_NAME, LD_JSON, OG_TYPE, TRUE, UNTIL_FOUND, MATH_TEX = (
    _key(n) for n in ["articlebody", "application/ld+json", "og:type", "true", "until-found", "math/tex"]
)
DESCRIPTION, OG_DESCRIPTION = _key("description"), _key("og:description")
COMMENT = _key("comment")  # any word that begins so
# class and id words of what readers wrote under a page
COMMENT_WORDS = np.array(
    [
        fnv(n.encode())
        for n in [
            "comment",
            "comments",
            "commentlist",
            "commentary",
            "commenting",
            "commenter",
            "respond",
            "response",
            "responses",
            "reply",
            "replies",
            "disqus",
            "talkback",
            "guestbook",
            "kommentar",
            "kommentare",
            "kommentarer",
            "commentaire",
            "commentaires",
            "comentario",
            "comentarios",
            "commenti",
            "reacties",
            "reactie",
            "opmerkingen",
        ]
    ],
    np.uint64,
)
# bit of SCHEMA: the schema.org or Open Graph types that set it
TYPES = (
    "article newsarticle blogposting reportagenewsarticle techarticle",
    "product",
    "recipe",
    "discussionforumposting qapage question",
    "itemlist collectionpage searchresultspage",
    "service localbusiness faqpage",
)
ARTICLE = 1  # the bit of the first line
TYPE_KEYS = np.array([fnv(n.encode()) for names in TYPES for n in names.split()], np.uint64)
TYPE_BITS = np.array([1 << bit for bit, names in enumerate(TYPES) for _ in names.split()], np.int64)
OG_SHIFT = 8


@inner
def attributes(buf: Array, at: Number, tape: Tape) -> Number:
    """Read the attributes of a tag up to its ">"; the place after it, or beyond the end of the page if it has none.

    Hashed words of class, id, role and itemprop go after TOKENS on the tape (their number first),
    what they say of the element into A_FLAGS, A_SIGN (a hash of tag-independent class names), A_LD and A_OG.
    """
    state = tape.state
    size = len(buf)
    tape.tokens[state[TOKENS]] = 0
    state[A_FLAGS] = state[A_SIGN] = state[A_LD] = state[A_OG] = state[A_ABOUT] = 0
    meaning = np.uint64(0)
    from_, to = 0, 0
    i = at
    while i < size:
        c = buf[i]
        if c == GT:
            if to > from_:
                content(buf, from_, to, meaning, state)
            return i + 1
        if is_space(c) or c == SLASH:
            i += 1
            continue
        name, i = attribute_name(buf, i)
        start, end, i = attribute_value(buf, i)
        if name in (PROPERTY, NAME):
            meaning = hash_range(buf, start, end)
        elif name == CONTENT:
            from_, to = start, end
        else:
            attribute(buf, name, start, end, tape)
    return size + 1


@inner
def content(buf: Array, start: Number, end: Number, meaning: Number, state: Array) -> None:
    """The value of an attribute `content`, by what the same tag's `property` or `name` says that it is."""
    if meaning == OG_TYPE:
        state[A_OG] = type_bit(hash_range(buf, start, end)) << OG_SHIFT
    elif meaning in (DESCRIPTION, OG_DESCRIPTION):
        state[A_FROM], state[A_ABOUT] = start, min(end, len(buf)) - start


@inner
def attribute_name(buf: Array, at: Number) -> tuple[Number, Number]:
    value = FNV_START
    i = at
    while i < len(buf):
        c = buf[U64(i)]
        if is_space(c) or c in (GT, SLASH) or (c == EQUALS and i > at):
            break
        value = (value ^ np.uint64(lower(c))) * FNV_PRIME
        i += 1
    return value, i


@inner
def attribute_value(buf: Array, at: Number) -> tuple[Number, Number, Number]:
    """Start and end of the value that follows an attribute's name (both `at` if none), and the place after it."""
    size = len(buf)
    i = at
    while i < size and is_space(buf[i]):
        i += 1
    if i >= size or buf[i] != EQUALS:
        return at, at, i
    i += 1
    while i < size and is_space(buf[i]):
        i += 1
    if i < size and (buf[i] == 34 or buf[i] == 39):
        quote = buf[i]
        start = i + 1
        i = find(buf, start, size, quote)
        return start, i, i + 1
    start = i
    while i < size and not is_space(buf[U64(i)]) and buf[U64(i)] != GT:
        i += 1
    return start, i, i


@inner
def hash_range(buf: Array, start: Number, end: Number) -> Number:
    value = FNV_START
    for i in range(start, min(end, start + 64)):
        value = (value ^ np.uint64(lower(buf[U64(i)]))) * FNV_PRIME
    return value


@inner
def attribute(buf: Array, name: Number, start: Number, end: Number, tape: Tape) -> None:
    state = tape.state
    if name in (CLASS, ID, ROLE, ITEMPROP):
        salt = 0 if name in (CLASS, ID) else 1 if name == ROLE else 2
        names(buf, start, end, tape, salt)
        if name == ITEMPROP and hash_range(buf, start, end) == BODY_NAME:
            state[A_FLAGS] |= ARTICLE_BODY
    elif name == HIDDEN_NAME:
        if not until_found(buf, start, end):
            state[A_FLAGS] |= HIDDEN
    elif name == ARIA:
        if hash_range(buf, start, end) == TRUE:
            state[A_FLAGS] |= HIDDEN
    elif name == OPENED:
        state[A_FLAGS] |= OPEN
    elif name == STYLE:
        if hides(buf, start, end):
            state[A_FLAGS] |= HIDDEN
    elif name == TYPE:
        if hash_range(buf, start, end) == LD_JSON:
            state[A_LD] = 1
        elif hash_range(buf, start, min(end, start + 8)) == MATH_TEX:  # "; mode=display" may follow
            state[FORMULAS] = 1


@inner
def names(buf: Array, start: Number, end: Number, tape: Tape, salt: Number) -> None:
    """Hash the words of a class or id: runs of letters, split at a capital too; digits and marks part them."""
    state = tape.state
    at = state[TOKENS]
    value = FNV_START
    length = 0
    begins = False
    sign = state[A_SIGN]
    for i in range(start, end + 1):
        c = buf[U64(i)] if i < end else 32
        boundary = not is_letter(c) or (65 <= c <= 90 and i > start and 97 <= buf[U64(i - 1)] <= 122)
        if boundary and length > 0:
            if length > 1 and tape.tokens[at] < MAX_NAMES - 4:
                tape.tokens[at] += 1
                tape.tokens[at + tape.tokens[at]] = bucket(value, salt)
            if is_one_of(value, COMMENT_WORDS) or begins:
                state[A_FLAGS] |= COMMENTS
            sign = np.int64(np.uint64(sign) * FNV_PRIME ^ value) & 0x7FFFFFFF
            value = FNV_START
            length = 0
            begins = False
        if is_letter(c):
            value = (value ^ np.uint64(lower(c))) * FNV_PRIME
            length += 1
            if length == 7 and value == COMMENT:
                begins = True
    state[A_SIGN] = sign


@inner
def is_one_of(value: Number, keys: Array) -> Number:
    for key in keys:  # noqa: SIM110 (compiled)
        if key == value:
            return True
    return False


@inner
def bucket(value: Number, salt: Number) -> Number:
    mixed = (value ^ np.uint64(salt)) * FNV_PRIME
    return np.int32((mixed ^ (mixed >> np.uint64(29))) & np.uint64(BUCKETS - 1))


@inner
def until_found(buf: Array, start: Number, end: Number) -> Number:
    """Whether `hidden` means folded: a search in the page opens it."""
    return hash_range(buf, start, end) == UNTIL_FOUND


@inner
def hides(buf: Array, start: Number, end: Number) -> Number:
    """Whether a style says `display: none` or `visibility: hidden`."""
    for i in range(start, min(end, start + 400) - 3):
        a = buf[U64(i)] | 32
        if a != 110 and a != 104:
            continue
        b, c, d = lower(buf[i + 1]), lower(buf[i + 2]), lower(buf[i + 3])
        if a == 110 and b == 111 and c == 110 and d == 101 and is_value_of(buf, start, i, 100, 7):  # display: none
            return True
        if a == 104 and b == 105 and c == 100 and d == 100 and is_value_of(buf, start, i, 118, 10):  # visibility: hidd…
            return True
    return False


@inner
def is_value_of(buf: Array, start: Number, at: Number, first: Number, length: Number) -> Number:
    """Whether before the value at `at` stands a property of `length` letters that begins with `first` and ends with y."""
    j = at - 1
    while j > start and (is_space(buf[j]) or buf[j] == 58):
        j -= 1
    return j - length + 1 >= start and lower(buf[j]) == 121 and lower(buf[j - length + 1]) == first


@inner
def find_close(buf: Array, at: Number, name: Number) -> Number:
    """Where the end tag of the raw text element with this name's hash starts; the end of the page if nowhere."""
    size = len(buf)
    i = find(buf, at, size, 60)
    while i + 2 < size:
        if buf[i + 1] == SLASH and is_letter(buf[i + 2]):
            value = FNV_START
            j = i + 2
            while j < size and j < i + 12 and is_letter(buf[j]):
                value = (value ^ np.uint64(lower(buf[j]))) * FNV_PRIME
                j += 1
            if value == name:
                return i
        i = find(buf, i + 1, size, 60)
    return size


@inner
def type_bit(value: Number) -> Number:
    for i in range(len(TYPE_KEYS)):
        if TYPE_KEYS[i] == value:
            return TYPE_BITS[i]
    return 0


@inner
def schema_types(buf: Array, start: Number, end: Number) -> Number:
    """Bits of the schema.org types named after "@type" in a JSON-LD script; strings alone or in a list."""
    bits = 0
    i = start
    while i + 8 < end:
        if buf[i] == 34 and buf[i + 1] == 64 and buf[i + 2] == 116 and buf[i + 3] == 121 and buf[i + 6] == 34:
            j = i + 7
            limit = min(end, j + 200)
            while j < limit and (is_space(buf[j]) or buf[j] == 58 or buf[j] == 91):
                j += 1
            if j < limit and buf[j] == 34:
                k = j + 1
                while k < limit and buf[k] != 34:
                    k += 1
                bits |= type_bit(hash_range(buf, j + 1, k))
                i = k
        i += 1
    return bits
