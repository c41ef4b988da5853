"""One pass over the bytes of a page into blocks of text, with a stack of open elements instead of a tree.

It follows the parsing rules of WHATWG HTML where they decide which text is shown and what holds it: void, raw text and
hidden-by-nature elements, implied end tags, scopes, comments in all their broken forms, character references. It does
not foster-parent, and formatting elements are counters, not nodes. Every step moves forward in the bytes and every
search is bounded by MAX_DEPTH, so time is linear in the size of the page.
"""

# ruff: noqa: I001 (names of columns, by the line)

from curate.filters.jit import Array, Number, compiled, hot, inner

from curate.html.inline import (
    after_concealed, begin_reading, end_raised, end_reading, is_concealed, raise_or_lower, shows_tex,
)  # fmt: skip
from curate.html.markup import find, fnv_lower, is_letter, skip_comment, tag_end
from curate.html.start import attributes, find_close, schema_types
from curate.html.tags import (
    BLOCK,
    BODY,
    BOLD,
    BRACKET,
    BREAK,
    CELL,
    CODE,
    CUSTOM,
    FIELD,
    FORMULA,
    HEADING,
    IMAGE,
    INLINE,
    LINK,
    META,
    P,
    PARAGRAPH,
    PRE,
    RAISED,
    RAW,
    READING,
    RUBY,
    RUBY_TAG,
    SCRIPT,
    SKIP,
    TABLE,
    TITLE,
    VOID_BLOCK,
    Tables,
)
from curate.html.tape import (
    A_ABOUT,
    A_FLAGS,
    A_FROM,
    A_LD,
    A_OG,
    A_SIGN,
    ABOUT_END,
    ABOUT_START,
    B_BOLD,
    B_CODE,
    B_END,
    B_FIELDS,
    B_FROM,
    B_IMAGES,
    B_LINKED,
    B_LINKS,
    B_NODE,
    B_SOFT,
    B_START,
    B_TO,
    BLOCKS,
    BOLD_ON,
    BOLDED,
    CODE_ON,
    CODED,
    DEPTH,
    FIELDS,
    FORMULAS,
    FROM,
    IMAGES,
    LINK as LINK_ON,
    LINK_FROM,
    LINKED,
    LINKS,
    MAX_BLOCKS,
    MAX_DEPTH,
    MAX_NAMES,
    MAX_NODES,
    N_DEPTH,
    N_FLAGS,
    N_PARENT,
    N_SIGN,
    N_TAG,
    N_TOKENS,
    N_TOKENS_END,
    NO_SVG_END,
    NODES,
    OVER,
    POS,
    RUBY_ON,
    SCHEMA,
    SOFT,
    SPACE,
    START,
    TEXT,
    TITLE_END,
    TITLE_START,
    TOKENS,
    Tape,
)
from curate.html.text import characters, kept_space, put

LT, GT, SLASH, BANG, QUESTION = 60, 62, 47, 33, 63
SHORTEST_HIDING = 7  # bytes of ` hidden>`, all but one


@compiled
def scan(buf: Array, tape: Tape, known: Tables) -> Number:
    """Read on in `buf` to the end (True), or until a table of `tape` is nearly full (False: grow it, call again)."""
    state = tape.state
    size = len(buf)
    while state[POS] < size:
        if (
            state[NODES] + 2 > len(tape.nodes)
            or state[BLOCKS] + 2 > len(tape.blocks)
            or state[TOKENS] + MAX_NAMES > len(tape.tokens)
        ):
            return False
        at = state[POS]
        if buf[at] == LT:
            state[POS] = markup(buf, at, tape, known)
        else:
            state[POS] = characters(buf, at, size, tape, known, tape.opened[PRE] > 0)
    flush(tape, size, 0)
    return True


@hot
def markup(buf: Array, at: Number, tape: Tape, known: Tables) -> Number:
    """What starts with the "<" at `at`; the place after it."""
    if at + 1 >= len(buf):
        put(tape, at, LT)
        return at + 1
    following = buf[at + 1]
    if is_letter(following):
        return start_tag(buf, at, tape, known)
    if following == SLASH:
        if at + 2 < len(buf) and is_letter(buf[at + 2]):
            return end_tag(buf, at, tape, known)
        return skip_comment(buf, at + 2, False)
    if following == BANG:
        return skip_comment(buf, at + 2, True)
    if following == QUESTION:
        return skip_comment(buf, at + 2, False)
    put(tape, at, LT)
    return at + 1


@hot
def start_tag(buf: Array, at: Number, tape: Tape, known: Tables) -> Number:
    name, after = fnv_lower(buf, at + 1)
    tag = tag_id(name, buf, at + 1, after, known)
    role = known.role[tag]
    wanted = role in (BLOCK, BODY, SCRIPT, META)
    end = attributes(buf, after, tape) if wanted else tag_end(buf, after)
    if end > len(buf):  # the page ends inside the tag: it is no tag
        return len(buf)
    if role == BLOCK:
        flush(tape, at, 0)
        open_element(tape, known, tag, name)
        return end
    if (
        end - after > SHORTEST_HIDING
        and role in (INLINE, LINK, BOLD, CODE, RAISED, RUBY)
        and is_concealed(buf, after, end)
    ):
        past = after_concealed(buf, end, name, tape, known)
        if past >= 0:
            return past
    return start_other(buf, at, end, tape, known, tag, name, role)


@inner
def start_other(
    buf: Array, at: Number, end: Number, tape: Tape, known: Tables, tag: Number, name: Number, role: Number
) -> Number:
    """The start tags that make no node: formatting, breaks, raw text and what is skipped."""
    state = tape.state
    if role == LINK:
        state[LINK_ON] = 1
        state[LINKS] += 1
        state[LINK_FROM] = state[TEXT]
    elif role == RAISED:
        raise_or_lower(buf, end, name, tape)
    elif role == RUBY:
        end_reading(tape, at)
        state[RUBY_ON] = 1
    elif role == READING:
        if state[RUBY_ON]:
            begin_reading(tape, at)
    elif role == BRACKET:
        end_reading(tape, at)
        if state[RUBY_ON]:  # the brackets for browsers that know no ruby: the reading has its own
            return next_tag(buf, end)
    elif role == BOLD:
        state[BOLD_ON] += 1
    elif role == CODE:
        state[CODE_ON] += 1
    elif role == IMAGE:
        state[IMAGES] += 1
        state[FORMULAS] |= shows_tex(buf, at, end)
    elif role == FORMULA:
        state[FORMULAS] = 1
    elif role == FIELD:
        state[FIELDS] += 1
    elif role in (BREAK, VOID_BLOCK):
        break_line(tape, at, role == BREAK)
        if tape.opened[PARAGRAPH] > 0 and role == VOID_BLOCK:
            close(tape, known, P, CELL | TABLE)
    elif role == META:
        state[SCHEMA] |= state[A_OG]
        if state[A_ABOUT] > state[ABOUT_END] - state[ABOUT_START]:
            state[ABOUT_START], state[ABOUT_END] = state[A_FROM], state[A_FROM] + state[A_ABOUT]
    elif role == BODY:
        take_names(tape, 0)
    elif role in (SCRIPT, RAW):
        close_at = find_close(buf, end, name)
        if role == SCRIPT and state[A_LD]:
            state[SCHEMA] |= schema_types(buf, end, close_at)
        return after_close(buf, close_at)
    elif role == TITLE:
        return read_title(buf, at, end, tape, known, name)
    elif role == SKIP and not state[NO_SVG_END]:
        close_at = find_close(buf, end, name)
        if close_at < len(buf):
            return after_close(buf, close_at)
        state[NO_SVG_END] = 1
    return end


@inner
def break_line(tape: Tape, at: Number, soft: Number) -> None:
    """End the block; in preformatted text a line break is a character."""
    if soft and tape.opened[PRE] > 0:
        kept_space(tape, at, 10)
    else:
        flush(tape, at, 1 if soft else 0)


@inner
def next_tag(buf: Array, at: Number) -> Number:
    """The place of the next "<"."""
    return find(buf, at, len(buf), LT)


@inner
def drop_sign(tape: Tape) -> None:
    """Take back the text of a link that is one sign for the eye: to a heading's own address, back from a note."""
    state, text = tape.state, tape.text
    start, end = state[LINK_FROM], state[TEXT]
    if start < state[START] or end <= start:
        return
    if text[start] == 32:
        start += 1
    length = end - start
    first, second, third = text[start], text[min(start + 1, end - 1)], text[min(start + 2, end - 1)]
    if (
        (length == 1 and first == 35)  # "#"
        or (length == 2 and first == 0xC2 and (second == 0xB6 or second == 0xA7))  # pilcrow, section sign
        or (
            length in (3, 6) and first == 0xE2 and second == 0x86 and (third == 0xA9 or third == 0x91)
        )  # arrows back and up
    ):
        state[LINKED] = max(0, state[LINKED] - length)
        state[TEXT] = state[LINK_FROM]


@hot
def tag_id(name: Number, buf: Array, start: Number, end: Number, known: Tables) -> Number:
    """Id of the tag whose name has this hash; names with a hyphen are custom elements; the rest is inline (0)."""
    mask = len(known.tag_keys) - 1
    slot = int(name) & mask
    while known.tag_keys[slot] != 0:
        if known.tag_keys[slot] == name:
            return known.tag_ids[slot]
        slot = (slot + 1) & mask
    for i in range(start, end):
        if buf[i] == 45:
            return CUSTOM
    return 0


@inner
def read_title(buf: Array, at: Number, end: Number, tape: Tape, known: Tables, name: Number) -> Number:
    """The text of the first title, apart from the blocks."""
    state = tape.state
    close_at = find_close(buf, end, name)
    if state[TITLE_END] == 0 and tape.opened.sum() == 0:
        flush(tape, at, 0)
        held = state[LINK_ON]
        state[LINK_ON] = 0
        place = end
        while place < close_at:
            if buf[place] == LT:
                put(tape, place, LT)
                place += 1
            else:
                place = characters(buf, place, close_at, tape, known, False)
        state[TITLE_START], state[TITLE_END] = state[START], state[TEXT]
        state[LINK_ON] = held
        reset_block(state)
    return after_close(buf, close_at)


@inner
def after_close(buf: Array, at: Number) -> Number:
    """The place after the end tag that starts at `at`."""
    return tag_end(buf, at + 2) if at < len(buf) else len(buf)


@hot
def end_tag(buf: Array, at: Number, tape: Tape, known: Tables) -> Number:
    name, after = fnv_lower(buf, at + 2)
    tag = tag_id(name, buf, at + 2, after, known)
    role = known.role[tag]
    end = min(tag_end(buf, after), len(buf))
    state = tape.state
    if role == LINK:
        state[LINK_ON] = 0
        drop_sign(tape)
    elif role == RAISED:
        end_raised(tape, at)
    elif role == READING:
        end_reading(tape, at)
    elif role == RUBY:
        end_reading(tape, at)
        if tag == RUBY_TAG:
            state[RUBY_ON] = 0
    elif role == BOLD:
        state[BOLD_ON] = max(0, state[BOLD_ON] - 1)
    elif role == CODE:
        state[CODE_ON] = max(0, state[CODE_ON] - 1)
    elif role == BREAK:
        break_line(tape, at, True)
    elif role == BLOCK:
        flush(tape, at, 0)
        if state[OVER] > 0:
            state[OVER] -= 1
        elif tape.opened[tag] > 0:
            close_named(tape, known, name, known.end_stop[tag])
    return end


@hot
def open_element(tape: Tape, known: Tables, tag: Number, name: Number) -> None:
    state = tape.state
    if known.closes_p[tag] and tape.opened[PARAGRAPH] > 0:
        close(tape, known, P, CELL | TABLE)
    if known.closes[tag]:
        close(tape, known, known.closes[tag], known.closes_stop[tag])
        if known.closes_p[tag] and tape.opened[PARAGRAPH] > 0:
            close(tape, known, P, CELL | TABLE)
    depth = state[DEPTH]
    group = known.group[tag]
    if group == HEADING and known.group[tape.stack_tag[depth - 1]] == HEADING:
        pop_to(tape, known, depth - 1)
        depth -= 1
    if depth >= MAX_DEPTH or state[NODES] >= MAX_NODES:
        state[OVER] += 1
        return
    node = state[NODES]
    parent = tape.stack_node[depth - 1]
    tape.nodes[node, N_PARENT] = parent
    tape.nodes[node, N_TAG] = tag
    tape.nodes[node, N_DEPTH] = depth
    take_names(tape, node)
    tape.stack_node[depth], tape.stack_tag[depth], tape.stack_name[depth] = node, tag, name
    tape.opened[tag] += 1
    state[NODES] += 1
    state[DEPTH] += 1


@hot
def take_names(tape: Tape, node: Number) -> None:
    """Give the attributes just read to `node`; `attributes` left the words after TOKENS and their number in them."""
    state = tape.state
    count = tape.tokens[state[TOKENS]]
    tape.nodes[node, N_TOKENS] = state[TOKENS] + 1
    tape.nodes[node, N_TOKENS_END] = state[TOKENS] + 1 + count
    tape.nodes[node, N_FLAGS] = state[A_FLAGS]
    tape.nodes[node, N_SIGN] = state[A_SIGN]
    state[TOKENS] += 1 + count


@inner
def close(tape: Tape, known: Tables, target: Number, stop: Number) -> None:
    """Close the innermost open element of the groups `target`, unless one of `stop` is nearer."""
    for depth in range(tape.state[DEPTH] - 1, 0, -1):
        group = known.group[tape.stack_tag[depth]]
        if group & target:
            pop_to(tape, known, depth)
            return
        if group & stop:
            return


@inner
def close_named(tape: Tape, known: Tables, name: Number, stop: Number) -> None:
    for depth in range(tape.state[DEPTH] - 1, 0, -1):
        if tape.stack_name[depth] == name:
            pop_to(tape, known, depth)
            return
        if known.group[tape.stack_tag[depth]] & stop:
            return


@inner
def pop_to(tape: Tape, known: Tables, depth: Number) -> None:
    state = tape.state
    for level in range(depth, state[DEPTH]):
        tag = tape.stack_tag[level]
        tape.opened[tag] -= 1
        if known.group[tag] & (CELL | TABLE):  # formatting left open in a cell ends with it
            state[LINK_ON] = state[BOLD_ON] = state[CODE_ON] = 0
    state[DEPTH] = depth


@hot
def flush(tape: Tape, at: Number, soft: Number) -> None:
    """End the block of text at byte `at`; `soft` says that only a line break ends it."""
    state = tape.state
    text = tape.text
    end = state[TEXT]
    while end > state[START] and (text[end - 1] == 32 or text[end - 1] == 10 or text[end - 1] == 9):
        end -= 1
    state[TEXT] = end
    if end > state[START] and state[BLOCKS] < MAX_BLOCKS:
        row = tape.blocks[state[BLOCKS]]
        row[B_NODE] = tape.stack_node[state[DEPTH] - 1]
        row[B_START], row[B_END] = state[START], end
        row[B_FROM], row[B_TO] = state[FROM], at
        length = end - state[START]
        row[B_LINKED], row[B_BOLD] = min(state[LINKED], length), min(state[BOLDED], length)
        row[B_CODE], row[B_LINKS] = min(state[CODED], length), state[LINKS]
        row[B_IMAGES], row[B_FIELDS] = state[IMAGES], state[FIELDS]
        row[B_SOFT] = state[SOFT]
        state[BLOCKS] += 1
        state[IMAGES] = state[FIELDS] = 0
    reset_block(state)
    state[SOFT] = soft


@hot
def reset_block(state: Array) -> None:
    state[START] = state[TEXT]
    state[SPACE] = state[LINKED] = state[BOLDED] = state[LINKS] = state[CODED] = 0
