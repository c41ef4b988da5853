"""What each block of text is made of: words, marks, capitals, digits; and hashes of its words."""

import numpy as np

from curate.filters.jit import Array, Number, compiled, compiled_making, inner
from curate.filters.sentence_ends import ANYWHERE, WIDE_DOT
from curate.html.markup import FNV_PRIME, FNV_START, U64
from curate.html.tape import B_END, B_START
from curate.html.words import EACH

# columns of the measures of a block
(
    WORDS, CHARS, DIGITS, CAPITALS, COMMAS, ENDS, MARKS, STOPS, INITIALS, FOREIGN, LONGEST, IN_TITLE, TERMINAL, FIRST,
    BARS, YEARS, COLON, DESCRIBED, MEASURES,
) = range(19)  # fmt: skip
WORD_COLUMNS = 18  # hashed words of a block that the word model sees; -1 is none
FIRST_WORDS, PAIRS = 11, 4
WORD_BUCKETS = 1 << 14
LETTER, DIGIT, COMMA, END, MARK, SPACE_CLASS, IDEOGRAPH, BAR = range(8)
NEAR = 1 << 12  # places for words of the title and the description: most words of a page are at none that is taken
TITLE, ABOUT = 1, 2


@inner
def decode(text: Array, at: Number, end: Number) -> tuple[Number, Number]:
    """Code point at `at` and its length in bytes; the text is well-formed UTF-8 by construction."""
    c = text[at]
    if c < 0x80:
        return np.int64(c), 1
    if c < 0xE0 and at + 1 < end:
        return ((c & np.int64(31)) << 6) | (text[at + 1] & 63), 2
    if c < 0xF0 and at + 2 < end:
        return ((c & np.int64(15)) << 12) | ((text[at + 1] & np.int64(63)) << 6) | (text[at + 2] & 63), 3
    if at + 3 < end:
        high = ((c & np.int64(7)) << 18) | ((text[at + 1] & np.int64(63)) << 12)
        return high | ((text[at + 2] & np.int64(63)) << 6) | (text[at + 3] & 63), 4
    return np.int64(0xFFFD), 1


# Greek and Armenian ends that are other marks elsewhere depend on the letter before: see `block`.
_ENDS = np.array(sorted(map(ord, ANYWHERE + WIDE_DOT)), np.int64)


@inner
def ends_sentence(code: Number) -> Number:
    """Whether a mark of a script other than Latin ends a sentence."""
    place = np.searchsorted(_ENDS, code)
    return place < len(_ENDS) and _ENDS[place] == code


@inner
def class_of(code: Number) -> Number:
    """Letter, digit, comma, end of sentence, other mark, space, ideograph or bar."""
    if code < 128:
        if 97 <= (code | 32) <= 122:
            return LETTER
        if 48 <= code <= 57:
            return DIGIT
        if code <= 32:
            return SPACE_CLASS
        if code == 44 or code == 59:
            return COMMA
        if code == 46 or code == 33 or code == 63:
            return END
        return BAR if code == 124 or code == 62 else MARK
    if code < 0xC0 or code == 0xD7 or code == 0xF7:
        return BAR if code == 0xBB or code == 0xAB or code == 0xB7 else LETTER if code in (0xAA, 0xB5, 0xBA) else MARK
    if code < 0x2000:
        if code in (0x60C, 0x61B):
            return COMMA
        if code >= 0x37E and ends_sentence(code):
            return END
        return IDEOGRAPH if 0xE00 <= code < 0xE80 else LETTER
    if code < 0x2C00:
        return END if code == 0x2026 else BAR if code == 0x2022 or code == 0x203A else MARK
    if 0x3000 <= code < 0x3040 or 0xFE30 <= code < 0xFE70 or 0xFF00 <= code < 0xFF21:
        return COMMA if code in (0x3001, 0xFF0C, 0xFF1B) else END if ends_sentence(code) else MARK
    if 0xA4FF <= code < 0xAC00 and ends_sentence(code):
        return END
    if 0x3040 <= code < 0xA000 or 0x20000 <= code < 0x32000:
        return IDEOGRAPH
    return MARK if 0x1F000 <= code < 0x20000 or 0xE000 <= code < 0xF900 else LETTER


@compiled
def measure(
    text: Array, blocks: Array, count: Number, stops: Array, title: Array, about: Array, near: Array, out: Array, words: Array,
    hashes: Array, recent: Array,
) -> None:  # fmt: skip
    """Fill `out` (blocks, MEASURES), `words` (blocks, WORD_COLUMNS) and `hashes` (blocks) for `count` blocks.

    `title` and `about` are the sorted hashes of the words of the title and of the page's description, `near` is room for NEAR zeros;
    `recent` is room for FIRST_WORDS + 1 hashes.
    """
    for i in range(len(title)):
        near[title[i] & U64(NEAR - 1)] |= TITLE
    for i in range(len(about)):
        near[about[i] & U64(NEAR - 1)] |= ABOUT
    for i in range(count):
        block(
            text, blocks[i, B_START], blocks[i, B_END], stops, title, about, near, out[i], words[i], hashes, i, recent
        )


@inner
def block(
    text: Array,
    start: Number,
    end: Number,
    stops: Array,
    title: Array,
    about: Array,
    near: Array,
    out: Array,
    words: Array,
    hashes: Array,
    index: Number,
    recent: Array,
) -> None:
    """Counts stand in variables: those in arrays would be read and written anew at each character."""
    words[:] = -1
    whole = FNV_START
    word = FNV_START
    length = 0
    halves = 0
    before = np.int64(0)  # the ideograph before, 0 where none is
    initial: Number = False
    digits_in_word = 0
    last = MARK
    letter = np.int64(0)
    stem = np.uint64(0)  # of a Korean word, whose end says what it does in the sentence
    number = chars = digits = capitals = foreign = commas = ends = marks = bars = 0
    initials = stopped = years = longest = in_title = described = first_kind = 0
    at = start
    while True:
        if length > 0:  # most of a text is small letters inside of words
            first = at
            while at < end and 97 <= text[U64(at)] <= 122:
                word = (word ^ U64(text[U64(at)])) * FNV_PRIME
                at += 1
            if at > first:
                length += at - first
                chars += at - first
                letter, last, before = np.int64(text[U64(at - 1)]), LETTER, np.int64(0)
                continue
        ended = at >= end
        code, size, kind = np.int64(0), 1, MARK
        if not ended:
            code, size = decode(text, at, end)
            kind = class_of(code)
        if kind in (LETTER, DIGIT):
            if length == 0:
                initial = 65 <= code <= 90
                digits_in_word = 0
                stem = np.uint64(0)
            elif length == 1 and hangul(letter) and hangul(code):
                stem = pair(letter, code)
            if kind == DIGIT:
                digits += 1
                digits_in_word += 1
            elif 65 <= code <= 90:
                capitals += 1
            elif code >= 128:
                foreign += 1
            value = np.uint64(code + 32 if 65 <= code <= 90 else code)
            for shift in range(size):
                byte = value if size == 1 else np.uint64(text[at + shift])
                word = (word ^ byte) * FNV_PRIME
            length += 1
            letter = code
        else:
            if length > 0:
                key = stem if stem else word
                found = near[key & U64(NEAR - 1)]
                if found:
                    in_title += (found & TITLE) > 0 and contains(title, key)
                    described += (found & ABOUT) > 0 and contains(about, key)
                longest = max(longest, length)
                initials += initial
                stop = is_stop(stops, word)
                if letter >= 0xAC00 and hangul(letter):
                    stop |= length > 1 and particle(letter)
                stopped += stop
                years += digits_in_word == 4 and length == 4
                if number < FIRST_WORDS:
                    recent[number] = word
                    words[number] = word_bucket(word, 1)
                    if 0 < number <= PAIRS:
                        words[FIRST_WORDS + number - 1] = word_bucket((recent[number - 1] * FNV_PRIME) ^ word, 2)
                number += 1
                whole = (whole ^ word) * FNV_PRIME
            if ended:
                break
            word, length = FNV_START, 0
            if kind == IDEOGRAPH:
                halves += 1
                foreign += 1
                stopped += frequent(code)
                whole = (whole ^ np.uint64(code)) * FNV_PRIME
                if before:
                    both = pair(before, code)
                    found = near[both & U64(NEAR - 1)]
                    if found:
                        in_title += (found & TITLE) > 0 and contains(title, both)
                        described += (found & ABOUT) > 0 and contains(about, both)
            else:
                if (code == 59 and greek(letter)) or (code == 58 and 0x531 <= letter < 0x589):
                    kind = END
                if kind == COMMA:
                    commas += 1
                elif kind == END:
                    after = at + size
                    ends += after >= end or text[after] <= 34 or text[after] >= 0x80 or text[after] == 41
                elif kind == BAR:
                    bars += 1
                elif kind == MARK:
                    marks += 1
        before = code if kind == IDEOGRAPH else np.int64(0)
        if chars == 0:
            upper = 65 <= code <= 90
            first_kind = 1 if upper else 0 if kind in (LETTER, IDEOGRAPH) else 2 if kind == DIGIT else 3
        chars += 1
        if kind != MARK or not closes(code):
            last = COLON_KIND if code == 58 and kind != END else kind
        at += size
    counts = (
        (CHARS, chars), (DIGITS, digits), (CAPITALS, capitals), (COMMAS, commas), (ENDS, ends), (MARKS, marks), (STOPS, stopped),
        (INITIALS, initials), (FOREIGN, foreign), (IN_TITLE, in_title), (BARS, bars), (YEARS, years),
        (DESCRIBED, described),
    )  # fmt: skip
    for column, many in counts:
        out[column] = min(many, MOST)
    out[WORDS] = min(number, MOST) + halves // 2
    out[LONGEST] = longest
    out[FIRST] = first_kind
    out[TERMINAL] = last == END
    out[COLON] = last == COLON_KIND
    words[FIRST_WORDS + PAIRS] = word_bucket(word if length > 0 else whole, 3)  # the last word, or the whole
    words[FIRST_WORDS + PAIRS + 1] = word_bucket(np.uint64(min(number + halves // 2, 12)), 4)
    words[FIRST_WORDS + PAIRS + 2] = word_bucket(np.uint64(last * 4 + first_kind), 5)
    hashes[index] = whole


COLON_KIND = 99
MOST = 1 << 24  # of a block: what single precision counts one by one


@inner
def closes(code: Number) -> Number:
    """Whether a quote or bracket may stand behind the end of a sentence, " ) ’ ” 」 』 ）, or a mark without width."""
    if 0x200B <= code < 0x2010 or 0x202A <= code < 0x202F or 0x2060 <= code < 0x206A:
        return True
    return code in (34, 41, 0xAD, 0x2019, 0x201D, 0x300D, 0x300F, 0xFF09)


# 은 는 이 가 을 를 의 에 다 로 도 고 과 와 서 한 며
PARTICLES = tuple(ord(c) for c in "은는이가을를의에다로도고과와서한며")


@inner
def frequent(code: Number) -> Number:
    """Whether a character of Chinese or Japanese is one that prose is full of and menus are not."""
    if 0x3040 <= code < 0x30A0:
        return code in (0x306E, 0x306F, 0x306B, 0x3092, 0x304C, 0x3067, 0x3068, 0x3082, 0x3066, 0x3057, 0x305F)
    return code in (0x7684, 0x4E86, 0x662F, 0x5728, 0x4E0D, 0x6709, 0x548C, 0x8FD9, 0x6211, 0x4ED6, 0x4E5F, 0x4E00)


@inner
def is_stop(stops: Array, word: Number) -> Number:
    """Whether `words.stop_words` has the word."""
    row = word & U64(len(stops) - 1)
    found = False
    for k in range(EACH):
        found |= stops[row, U64(k)] == word
    return found & (word != U64(0))  # 0 is where a row has no more words


@inner
def contains(known: Array, word: Number) -> Number:
    """Whether a sorted array has the word."""
    if len(known) == 0:
        return False
    place = np.searchsorted(known, word)
    return place < len(known) and known[place] == word


@inner
def greek(code: Number) -> Number:
    """Whether a letter is Greek."""
    return 0x370 <= code < 0x400 or 0x1F00 <= code < 0x2000


@inner
def hangul(code: Number) -> Number:
    """Whether a character is a Korean syllable."""
    return 0xAC00 <= code < 0xD7A4


@inner
def pair(first: Number, second: Number) -> Number:
    """Hash of two ideographs in a row: what stands for a word where nothing parts words."""
    return (((FNV_START ^ np.uint64(first)) * FNV_PRIME) ^ np.uint64(second)) * FNV_PRIME


@inner
def particle(code: Number) -> Number:
    """Whether a Korean word that ends in this syllable is most likely a noun with a particle, or a verb."""
    return code in PARTICLES


@inner
def word_bucket(value: Number, salt: Number) -> Number:
    mixed = (value ^ np.uint64(salt)) * FNV_PRIME
    return np.int32((mixed ^ (mixed >> np.uint64(31))) & np.uint64(WORD_BUCKETS - 1))


@compiled_making
def distinct_words(text: Array, start: Number, end: Number) -> Number:
    """Sorted hashes of the words of three letters or more in these bytes of UTF-8, the first 64 of them."""
    found = np.zeros(64, np.uint64)
    number = 0
    word, length = FNV_START, 0
    before = letter = np.int64(0)
    stem = np.uint64(0)
    at = start
    while at <= end and number < 64:
        code, size = decode(text, at, end) if at < end else (np.int64(32), 1)
        kind = class_of(code)
        if kind in (LETTER, DIGIT):
            if length == 1 and hangul(letter) and hangul(code):
                stem = pair(letter, code)
            letter = code
            value = np.uint64(code + 32 if 65 <= code <= 90 else code)
            for shift in range(size):
                word = (word ^ (value if size == 1 else np.uint64(text[at + shift]))) * FNV_PRIME
            length += 1
        else:
            if length > 2 or stem:
                found[number] = stem if stem else word
                number += 1
            word, length, stem = FNV_START, 0, np.uint64(0)
            if kind == IDEOGRAPH and before and number < 64:
                found[number] = pair(before, code)
                number += 1
        before = code if kind == IDEOGRAPH else np.int64(0)
        at += size
    ordered = np.sort(found[:number])
    distinct = 0
    for i in range(number):
        if i == 0 or ordered[i] != ordered[i - 1]:
            ordered[distinct] = ordered[i]
            distinct += 1
    return ordered[:distinct]
