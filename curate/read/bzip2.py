"""A block of bzip2, unpacked by compiled loops: two to three times as fast as libbz2.

Much of libbz2's time goes into the last step but one: a walk through a table of 3.6 MB in which each place says where the next
one is, and for each the processor waits for memory. Here LANES walks begin at as many places and wait at once; what each of
them finds is put one behind the other in the end. The format is that of Seward's bzip2 1.0 (decompress.c, huffman.c). What is
wrong with a block is not said here: one that is not whole by its checksum, or in any way unusual, is refused, and libbz2 has the last word.
"""

import numpy as np

from curate.filters.jit import Array, Number, compiled, compiled_making, inner, inner_making

LANES = 8
"""Walks at once."""
_PARTS = 128
"""Places at which a walk begins, in one lane or another: the parts are of any length, and so the lanes end at about the same time."""
_ROOM = 900_032
"""Places for the bytes of a block before its runs are put back: 9 times 100,000 at most."""
_MOST_OUT = 1_500_000
"""Bytes that a block may give here: long runs give up to 46 MB."""
_FAST = 10
"""Bits of a code that are looked up at once; the longest have 20."""
_GROUP, _MOST_SELECTORS = 50, 18_002
_BEHIND = 256
"""Zeros behind the data: more than is read of a damaged block before its end is looked for."""


def _crc_tables() -> Array:
    """CRC-32 with the polynomial 0x04c11db7, highest bit first, for four bytes at a time."""
    tables = np.zeros((4, 256), np.uint32)
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc >> 31 else crc << 1) & 0xFFFFFFFF
        tables[0, byte] = crc
    for byte in range(256):
        for more in range(1, 4):
            crc = int(tables[more - 1, byte])
            tables[more, byte] = (crc << 8 ^ int(tables[0, crc >> 24])) & 0xFFFFFFFF
    return tables


class _Scratch:
    """What a process keeps between calls: 13 MB at most, of which 7 are hardly touched."""

    def __init__(self) -> None:
        self.next = np.zeros(_ROOM, np.uint32)
        self.sorted = np.zeros(_ROOM, np.uint8)
        self.lanes = np.zeros(LANES * _ROOM, np.uint8)
        self.parts = np.zeros((_PARTS + 2, 4), np.int64)
        self.state = np.zeros((2, LANES), np.int64)
        self.out = np.zeros(_MOST_OUT + 300, np.uint8)
        self.lookup = np.zeros(6 << _FAST, np.uint16)
        self.codes = np.zeros((6, 3, 258), np.int64)
        self.selectors = np.zeros(_MOST_SELECTORS + 8, np.uint8)
        self.crc = _crc_tables()


_kept: list[_Scratch] = []


def unpack_block(data: bytes, start: int, end: int) -> bytes | None:
    """The block in the bits `start` … `end` of `data`, from its mark to the next mark; None for one that is left to libbz2."""
    if not _kept:
        _kept.append(_Scratch())
    own, first = _kept[0], start // 32
    part = data[4 * first : 4 * (end // 32 + 4)]
    words = np.frombuffer(part + bytes(-len(part) % 4 + _BEHIND), ">u4").astype(np.uint32)
    start, end = start - 32 * first, end - 32 * first
    size, origin = read_block(words, start, end, own.next, own.sorted, own.lookup, own.codes, own.selectors)
    if size <= 0:
        return None
    part_of_origin = walk(own.next, size, origin, own.lanes, own.parts, own.state)
    made = expanded(own.lanes, own.parts, part_of_origin, size, own.out, own.crc, _checksum(words, start))
    return own.out[:made].tobytes() if made > 0 else None


_FOUND = 4096


def places_of(inner: tuple[bytes, ...], data: bytes) -> list[int] | None:
    """Where one of several five bytes stands in `data`, from its second byte on, in order; None where that is too often."""
    first, found = np.zeros(256, np.uint8), np.zeros(_FOUND, np.int64)
    first[[one[0] for one in inner]] = 1
    wanted = np.array([int.from_bytes(one, "big") for one in inner], np.int64)
    count = find_inner(np.frombuffer(data, np.uint8), first, wanted, found)
    return None if count < 0 else [int(at) for at in found[:count]]


def _checksum(words: Array, start: int) -> int:
    value = int(words[(start + 48) // 32]) << 32 | int(words[(start + 48) // 32 + 1])
    return value >> (32 - (start + 48) % 32) & 0xFFFFFFFF


@compiled
def find_inner(data: Array, first: Array, inner: Array, found: Array) -> Number:
    """Where five bytes are one of the numbers `inner`, whose first byte `first` has: places in `found`, and how many there are."""
    count = 0
    for at in range(1, len(data) - 4):
        if first[data[at]]:
            value = np.int64(0)
            for place in range(at, at + 5):
                value = value << 8 | np.int64(data[place])
            for one in range(len(inner)):
                if inner[one] == value:
                    if count == len(found):
                        return -1
                    found[count] = at
                    count += 1
    return count


@inner
def _bits(words: Array, at: Number, count: Number) -> Number:
    """`count` bits from the bit `at` on, 32 at most."""
    both = np.uint64(words[at >> 5]) << np.uint64(32) | np.uint64(words[(at >> 5) + 1])
    return np.int64(both << np.uint64(at & 31) >> np.uint64(64 - count))


@inner_making
def _read_codes(
    words: Array, at: Number, end: Number, groups: Number, alphabet: Number, codes: Array, lookup: Array
) -> Number:
    """The lengths of all codes, and the tables that follow; the bit behind them, or -1."""
    lengths = np.zeros(258, np.int64)
    for group in range(groups):
        length = _bits(words, at, 5)
        at += 5
        for symbol in range(alphabet):
            while True:
                if length < 1 or length > 20 or at >= end:
                    return -1
                step = _bits(words, at, 2)
                if step < 2:
                    at += 1
                    break
                length += 1 if step == 2 else -1
                at += 2
            lengths[symbol] = length
        # canonical codes: codes[group, 0, n] the first code longer than n bits (as 20 bits), [1, n] what leads to its place in [2]
        fast = group << _FAST
        lookup[fast : fast + (1 << _FAST)] = 0
        code, place = 0, 0
        for size in range(1, 21):
            codes[group, 1, size] = place - code
            for symbol in range(alphabet):
                if lengths[symbol] == size:
                    codes[group, 2, place] = symbol
                    place += 1
                    if code >= 1 << size:
                        return -1
                    if size <= _FAST:
                        low = fast + (code << (_FAST - size))
                        lookup[low : low + (1 << (_FAST - size))] = symbol << 5 | size
                    code += 1
            codes[group, 0, size] = code << (20 - size)
            code <<= 1
    return at


@compiled_making
def read_block(
    words: Array, start: Number, end: Number, following: Array, walked: Array, lookup: Array, codes: Array, selectors: Array
) -> Number:  # fmt: skip
    """A block as far as the walk: its length (0: refused), and the place where the walk begins.

    `following` holds for each place the one that follows (from bit 8 on) and its byte.
    """
    if end - start < 48 + 32 + 25 + 16 + 18:
        return 0, 0
    if _bits(words, start + 80, 1):
        return 0, 0  # "randomised", as versions before 0.9.5 wrote
    origin = _bits(words, start + 81, 24)
    at = start + 105
    used = _bits(words, at, 16)
    at += 16
    order = np.empty(256, np.uint8)
    symbols = 0
    for high in range(16):
        if used >> (15 - high) & 1:
            few = _bits(words, at, 16)
            at += 16
            for low in range(16):
                if few >> (15 - low) & 1:
                    order[symbols] = high * 16 + low
                    symbols += 1
    groups, count = _bits(words, at, 3), _bits(words, at + 3, 15)
    at += 18
    if symbols == 0 or groups < 2 or groups > 6 or count < 1 or count > _MOST_SELECTORS:
        return 0, 0
    places = np.arange(6)
    for number in range(count):
        place: Number = 0
        while _bits(words, at, 1):
            place += 1
            at += 1
            if place >= groups or at >= end:
                return 0, 0
        at += 1
        chosen = places[place]
        for one in range(place, 0, -1):
            places[one] = places[one - 1]
        places[0] = chosen
        selectors[number] = chosen
    at = _read_codes(words, at, end, groups, symbols + 2, codes, lookup)
    if at < 0:
        return 0, 0
    counts = np.zeros(256, np.int64)
    # the eight bytes used last are one number, so that most symbols cost no branch
    front, full = np.uint64(0), np.uint64(0xFFFFFFFFFFFFFFFF)
    for place in range(min(8, symbols)):
        front |= np.uint64(order[place]) << np.uint64(8 * place)
    last: Number = symbols + 1
    weight: Number = 1
    size: Number = 0
    run: Number = 0
    ended, selected = False, 0
    while not ended:
        if selected >= count or at >= end:
            return 0, 0
        group = np.int64(selectors[selected])
        selected += 1
        fast = group << _FAST
        for _ in range(_GROUP):
            both = np.uint64(words[at >> 5]) << np.uint64(32) | np.uint64(words[(at >> 5) + 1])
            both <<= np.uint64(at & 31)
            entry = np.int64(lookup[fast + np.int64(both >> np.uint64(64 - _FAST))])
            if entry:
                symbol = entry >> 5
                at += entry & 31
            else:
                code = np.int64(both >> np.uint64(44))
                length = _FAST + 1
                while length <= 20 and code >= codes[group, 0, length]:
                    length += 1
                if length > 20:
                    return 0, 0
                symbol = codes[group, 2, (code >> (20 - length)) + codes[group, 1, length]]
                at += length
            if symbol < 2:
                run += weight << symbol
                weight <<= 1
                if run > _ROOM:
                    return 0, 0
                continue
            if run:
                if size + run > 900_000:
                    return 0, 0
                byte: Number = np.uint8(front & np.uint64(255))
                counts[byte] += run
                for place in range(size, size + run):
                    walked[place] = byte
                size += run
                run, weight = 0, 1
            if symbol == last:
                ended = True
                break
            if size >= 900_000:
                return 0, 0
            place = symbol - 1
            if place < 8:
                shifted = front >> np.uint64(8 * place)
                byte = np.uint8(shifted & np.uint64(255))
                moved = full >> np.uint64(56 - 8 * place)
                front = front & ~moved | front << np.uint64(8) & moved | np.uint64(byte)
            else:
                byte = order[place]
                while place > 8:
                    order[place] = order[place - 1]
                    place -= 1
                order[8] = np.uint8(front >> np.uint64(56))
                front = front << np.uint64(8) | np.uint64(byte)
            counts[byte] += 1
            walked[size] = byte
            size += 1
    if at != end or size == 0 or origin >= size:
        return 0, 0
    total = 0
    for one in range(256):
        counts[one], total = total, total + counts[one]
    for place in range(size):
        byte = walked[place]
        # from a place in sorted order to the next: where it stands, and (filled in behind) its byte
        following[counts[byte]] = np.uint32(place) << np.uint32(8)
        counts[byte] += 1
    for place in range(size):
        following[place] |= np.uint32(walked[place])
    return size, np.int64(following[origin] >> np.uint32(8))


@compiled
def walk(following: Array, size: Number, origin: Number, lanes: Array, parts: Array, state: Array) -> Number:
    """Walk from _PARTS places, and the one where the text begins, to the next of them each; the number of that one's part.

    A part is where it begins in `lanes`, its length, the number of the one that follows, and its first place. Each lane holds its
    parts one behind the other. The table may be of several circles (of a text that repeats itself): each part ends all the same.
    """
    mark, low, eight = np.uint32(1 << 31), np.uint32((1 << 23) - 1), np.uint32(8)
    step = max(1, size // _PARTS)
    count = min(_PARTS, size)
    for number in range(count):
        parts[number, 3] = number * step
        following[number * step] |= mark
    of_origin = origin // step
    if of_origin >= count or of_origin * step != origin:
        of_origin = count
        parts[count, 3] = origin
        following[origin] |= mark
        count += 1
    following[size] = np.uint32(size) << eight  # where a lane waits that has nothing to do
    at, begun, open_ = 0, 0, 0
    for lane in range(LANES):
        state[0, lane], state[1, lane] = size, -1
    while True:
        # one step of each lane; those whose part has ended (at first all) begin another one
        for lane in range(LANES):
            here, number = state[0, lane], state[1, lane]
            value = following[here]
            if number < 0 or value & mark:
                if number >= 0:
                    parts[number, 1] = at + lane * _ROOM - parts[number, 0]
                    reached = here // step
                    parts[number, 2] = reached if reached < _PARTS and reached * step == here else of_origin
                    open_ -= 1
                state[0, lane], state[1, lane] = size, -1
                if begun == count:
                    continue
                value = following[parts[begun, 3]]
                parts[begun, 0] = at + lane * _ROOM
                state[1, lane] = begun
                begun, open_ = begun + 1, open_ + 1
            lanes[at + lane * _ROOM] = value & np.uint32(255)
            state[0, lane] = value >> eight & low
        at += 1
        if open_ == 0:
            return of_origin
        p0 = np.uint32(state[0, 0])
        p1 = np.uint32(state[0, 1])
        p2 = np.uint32(state[0, 2])
        p3 = np.uint32(state[0, 3])
        p4 = np.uint32(state[0, 4])
        p5 = np.uint32(state[0, 5])
        p6 = np.uint32(state[0, 6])
        p7 = np.uint32(state[0, 7])
        while True:
            v0 = following[p0]
            v1 = following[p1]
            v2 = following[p2]
            v3 = following[p3]
            v4 = following[p4]
            v5 = following[p5]
            v6 = following[p6]
            v7 = following[p7]
            if (v0 | v1 | v2 | v3 | v4 | v5 | v6 | v7) & mark:
                break
            lanes[at + 0 * _ROOM] = v0
            lanes[at + 1 * _ROOM] = v1
            lanes[at + 2 * _ROOM] = v2
            lanes[at + 3 * _ROOM] = v3
            lanes[at + 4 * _ROOM] = v4
            lanes[at + 5 * _ROOM] = v5
            lanes[at + 6 * _ROOM] = v6
            lanes[at + 7 * _ROOM] = v7
            p0 = v0 >> eight
            p1 = v1 >> eight
            p2 = v2 >> eight
            p3 = v3 >> eight
            p4 = v4 >> eight
            p5 = v5 >> eight
            p6 = v6 >> eight
            p7 = v7 >> eight
            at += 1
        state[0, 0] = p0
        state[0, 1] = p1
        state[0, 2] = p2
        state[0, 3] = p3
        state[0, 4] = p4
        state[0, 5] = p5
        state[0, 6] = p6
        state[0, 7] = p7


@compiled
def expanded(
    lanes: Array, parts: Array, part: Number, size: Number, out: Array, crc: Array, checksum: Number
) -> Number:
    """The bytes of a block in order, with their runs put back (four equal bytes, then how many more); how many, or -1 where they
    do not match the checksum."""
    made: Number = 0
    equal, last = 0, np.int64(-1)
    while size > 0:
        begin, length = parts[part, 0], min(size, parts[part, 1])
        part = parts[part, 2]
        size -= length
        for at in range(begin, begin + length):
            byte = np.int64(lanes[at])
            if equal == 4:
                if made > _MOST_OUT:
                    return -1
                for place in range(made, made + byte):
                    out[place] = last
                made += byte
                equal, last = 0, np.int64(-1)
                continue
            out[made] = byte
            made += 1
            equal = equal + 1 if byte == last else 1
            last = byte
    if made > _MOST_OUT:
        return -1
    check = np.int64(0xFFFFFFFF)
    whole = made - made % 4
    for at in range(0, whole, 4):
        check ^= (
            np.int64(out[at]) << 24 | np.int64(out[at + 1]) << 16 | np.int64(out[at + 2]) << 8 | np.int64(out[at + 3])
        )  # fmt: skip
        check = np.int64(
            crc[3, check >> 24] ^ crc[2, check >> 16 & 255] ^ crc[1, check >> 8 & 255] ^ crc[0, check & 255]
        )
    for at in range(whole, made):
        check = (check << 8 & 0xFFFFFFFF) ^ np.int64(crc[0, check >> 24 ^ np.int64(out[at])])
    return made if check ^ 0xFFFFFFFF == checksum else -1
