"""A block of bzip2, unpacked by compiled loops: three to four times as fast as libbz2.

libbz2 waits for memory in the last step but one, a walk through a table of 3.6 MB in which each place says where the next
one is, and it guesses wrong what a symbol will be. Here LANES walks begin at as many places and wait at once; what each of
them finds is put one behind the other in the end. Symbols are looked up two at a time, and what they stand for is found in
a step of its own that hardly branches. The format is that of Seward's bzip2 1.0 (decompress.c, huffman.c). What is
wrong with a block is not said here: one that is not whole by its checksum, or in any way unusual, is refused, and libbz2 has the last word.
"""

import numpy as np

from curate.filters.jit import Array, Number, compiled, compiled_making, inner, inner_making

LANES = 16
"""Walks at once."""
_PARTS = 256
"""Places at which a walk begins, in one lane or another: the parts are of any length, and so the lanes end at about the same time."""
_LARGEST = 900_000
"""Bytes of a block before its runs are put back."""
_ROOM = _LARGEST + 32
_MOST_OUT = 1_500_000
"""Bytes that a block may give here: long runs give up to 46 MB."""
_FAST = 10
"""Bits that are looked up at once; the longest codes have 20."""
_GROUP, _MOST_SELECTORS = 50, 18_002
_QUARTERS = 4
_STEP = 64
"""Bytes that are copied at once where no run is among them."""
_BEHIND = 256
"""Zeros behind the data: more than is read of a damaged block before its end is looked for."""
_U = np.uint64
"""Places in the inner loops: of one with a sign compiled code asks each time whether it counts from the end."""


def _crc_tables() -> Array:
    """CRC-32 with the polynomial 0x04c11db7, highest bit first, for eight bytes at a time."""
    tables = np.zeros((8, 256), np.uint32)
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc >> 31 else crc << 1) & 0xFFFFFFFF
        tables[0, byte] = crc
    for byte in range(256):
        for more in range(1, 8):
            crc = int(tables[more - 1, byte])
            tables[more, byte] = (crc << 8 ^ int(tables[0, crc >> 24])) & 0xFFFFFFFF
    return tables


class _Scratch:
    """What a process keeps between calls: 21 MB at most, of which 13 are hardly touched."""

    def __init__(self) -> None:
        self.next = np.zeros(_ROOM, np.uint32)
        self.sorted = np.zeros(_ROOM, np.uint8)
        self.lanes = np.zeros(LANES * _ROOM, np.uint8)
        self.coded = self.lanes[: 2 * _ROOM].view(np.uint16)  # not needed any more when the walk begins
        self.parts = np.zeros((_PARTS + 2, 4), np.int64)
        self.state = np.zeros((3, LANES), np.uint64)
        self.out = np.zeros(_MOST_OUT + 300, np.uint8)
        self.lookup = np.zeros(6 << _FAST, np.uint32)
        self.codes = np.zeros((6, 3, 258), np.int64)
        self.selectors = np.zeros(_MOST_SELECTORS + 8, np.uint8)
        self.order = np.zeros(256, np.uint8)
        self.counts = np.zeros((_QUARTERS, 256), np.uint32)
        self.cuts = np.zeros(_QUARTERS, np.int64)
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
    at, symbols, groups, origin = read_head(words, start, end, own.order, own.lookup, own.codes, own.selectors)
    if symbols == 0:
        return None
    coded = read_symbols(words, at, end, groups, symbols + 1, own.lookup, own.codes, own.selectors, own.coded)
    size = put_back(own.coded, coded, own.order, own.sorted, own.counts, own.cuts)
    if not origin < size:
        return None
    follow(own.sorted, own.counts, own.cuts, own.next)
    part_of_origin = walk(own.next, size, int(own.next[origin]) >> 8, own.lanes, own.parts, own.state)
    made = expanded(own.lanes, own.parts, part_of_origin, size, own.out)
    if made < 0 or checksum(own.out, made, own.crc) != _checksum(words, start):
        return None
    return own.out[:made].tobytes()


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
    for at in range(_U(1), _U(max(5, len(data)) - 4)):
        if first[data[at]]:
            value: Number = 0
            for place in range(_U(5)):
                value = value << 8 | np.int64(data[at + place])
            for one in range(len(inner)):
                if inner[one] == value:
                    if count == len(found):
                        return -1
                    found[count] = np.int64(at)
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
    """The lengths of all codes, and the tables that follow; the bit behind them, or -1.

    An entry of `lookup` is 0 (not told by so few bits, or the end of the block), or: from bit 0 on a symbol, from 9 the length of its
    code, from 13 a second symbol, from 22 the length of both codes, from 26 how many symbols these are. Of `codes`: [group, 0, n] is
    the first code longer than n bits (as 20 bits), [1, n] what leads to its place in [2].
    """
    lengths = np.zeros(258, np.int64)
    mask = (1 << _FAST) - 1
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
                    if size <= _FAST and symbol < alphabet - 1:
                        low = fast + (code << (_FAST - size))
                        lookup[low : low + (1 << (_FAST - size))] = symbol | size << 9 | size << 22 | 1 << 26
                    code += 1
            codes[group, 0, size] = code << (20 - size)
            code <<= 1
        for value in range(1 << _FAST):
            one = np.int64(lookup[fast + value])
            taken = one >> 9 & 15
            two = np.int64(lookup[fast + (value << taken & mask)])
            both = taken + (two >> 9 & 15)
            if one and two and both <= _FAST:
                lookup[fast + value] = one & 0x1FFF | (two & 511) << 13 | both << 22 | 2 << 26
    return at


@compiled_making
def read_head(
    words: Array, start: Number, end: Number, order: Array, lookup: Array, codes: Array, selectors: Array
) -> Number:
    """A block up to its symbols: the bit where those begin, how many bytes are in use (0: refused), the groups, and where the text begins.

    The bytes in use are in `order`.
    """
    if end - start < 48 + 32 + 25 + 16 + 18:
        return 0, 0, 0, 0
    if _bits(words, start + 80, 1):
        return 0, 0, 0, 0  # "randomised", as versions before 0.9.5 wrote
    origin = _bits(words, start + 81, 24)
    at = start + 105
    used = _bits(words, at, 16)
    at += 16
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
        return 0, 0, 0, 0
    places = np.arange(6)
    for number in range(count):
        place: Number = 0
        while at < end and _bits(words, at, 1):
            place += 1
            at += 1
        if place >= groups or at >= end:
            return 0, 0, 0, 0
        at += 1
        chosen = places[place]
        for one in range(place, 0, -1):
            places[one] = places[one - 1]
        places[0] = chosen
        selectors[number] = chosen
    at = _read_codes(words, at, end, groups, symbols + 2, codes, lookup)
    return (at, symbols, count, origin) if at >= 0 else (0, 0, 0, 0)


@compiled
def read_symbols(
    words: Array, start: Number, stop: Number, groups: Number, last: Number, lookup: Array, codes: Array, selectors: Array,
    coded: Array,
) -> Number:  # fmt: skip
    """The symbols of a block without the `last`, which ends it: how many; 0 where it ends elsewhere than at the bit `stop`."""
    at, made, end = _U(start), _U(0), _U(stop)
    few, five, low, one = _U(64 - _FAST), _U(5), _U(31), _U(1)
    symbols, length = _U(511), _U(15)
    for selected in range(groups):
        if at >= end:
            return 0
        group = np.int64(selectors[selected])
        fast = _U(group << _FAST)
        until = made + _U(_GROUP)
        while made < until:
            # 33 bits at least; three times two symbols take 30 of them
            both = (_U(words[at >> five]) << _U(32) | _U(words[(at >> five) + one])) << (at & low)
            if made + _U(6) <= until:
                entry = _U(0)
                for _ in range(3):
                    entry = _U(lookup[fast + (both >> few)])
                    coded[made], coded[made + one] = entry & symbols, entry >> _U(13) & symbols
                    made += entry >> _U(26)
                    taken = entry >> _U(22) & length
                    at += taken
                    both <<= taken
                if entry:
                    continue
                both = (_U(words[at >> five]) << _U(32) | _U(words[(at >> five) + one])) << (at & low)
            entry = _U(lookup[fast + (both >> few)])
            if entry:
                coded[made] = entry & symbols
                made += one
                at += entry >> _U(9) & length
                continue
            code, size = np.int64(both >> _U(44)), 1
            while size <= 20 and code >= codes[group, 0, size]:
                size += 1
            if size > 20:
                return 0
            symbol = codes[group, 2, (code >> (20 - size)) + codes[group, 1, size]]
            at += _U(size)
            if symbol == last:
                return np.int64(made) if at == end else 0
            coded[made] = symbol
            made += one
    return 0


@compiled_making
def put_back(coded: Array, number: Number, order: Array, walked: Array, counts: Array, cuts: Array) -> Number:
    """The bytes that symbols stand for, each a place in the list of those used last, or a digit of how often the last one is
    repeated; how many bytes, or 0 for too many. `cuts` and `counts`: four places, and how often each byte stands before them.
    """
    one, eight, all_ones, byte_of = _U(1), _U(8), _U(0xFFFFFFFFFFFFFFFF), _U(255)
    lists = np.zeros(32, np.uint64)  # eight bytes a number, so that they move at once
    for rank in range(256):
        lists[rank >> 3] |= _U(order[rank]) << _U(8 * (rank & 7))
    seen = np.zeros(256, np.uint32)
    front, size, weight = lists[0], _U(0), one
    quarter = 0
    limit: Number = _U(_LARGEST // _QUARTERS)
    for at in range(_U(number)):
        symbol = _U(coded[at])
        digit = _U(symbol < _U(2))
        place = (symbol - one) & (digit - one)
        count = one + digit * ((weight << (symbol & one)) - one)
        weight = one + digit * (weight + weight - one)
        bits, word = eight * (place & _U(7)), place >> _U(3)
        moved = all_ones >> (_U(56) - bits)
        if word == _U(0):
            byte = front >> bits & byte_of
            front = front & ~moved | front << eight & moved | byte
        else:
            byte = lists[word] >> bits & byte_of
            carry = front >> _U(56)
            front = front << eight | byte
            for between in range(one, word):
                value = lists[between]
                lists[between] = value << eight | carry
                carry = value >> _U(56)
            value = lists[word]
            lists[word] = value & ~moved | (value << eight | carry) & moved
        seen[byte] += np.uint32(count)
        for more in range(eight):  # most often one is meant; the next symbol overwrites the others
            walked[size + more] = np.uint8(byte)
        before = size
        size += count
        if size < limit and count <= eight:
            continue
        if size > _U(_LARGEST):
            return 0
        for more in range(before + eight, size):
            walked[more] = np.uint8(byte)
        while quarter < _QUARTERS - 1 and size >= limit:
            cuts[quarter], counts[quarter] = size, seen
            quarter += 1
            limit = _U(_LARGEST // _QUARTERS * (quarter + 1) + quarter // (_QUARTERS - 1))
    while quarter < _QUARTERS:
        cuts[quarter], counts[quarter] = size, seen
        quarter += 1
    return np.int64(size)


@compiled
def follow(walked: Array, counts: Array, cuts: Array, following: Array) -> None:
    """For each place in sorted order the place that follows (from bit 8 on) and the byte there. `counts` is used up.

    The four quarters are gone through at once: each step within one waits for the step before.
    """
    total: Number = 0
    for byte in range(256):
        every = counts[3, byte]
        for quarter in range(3, 0, -1):
            counts[quarter, byte] = total + counts[quarter - 1, byte]
        counts[0, byte] = total  # where the next one of this byte stands in sorted order
        total += every
    one, eight = np.uint32(1), _U(8)
    second, third, fourth, size = _U(cuts[0]), _U(cuts[1]), _U(cuts[2]), _U(cuts[3])
    common = min(min(second, third - second), min(fourth - third, size - fourth))
    for at in range(common):
        byte0, byte1, byte2, byte3 = walked[at], walked[second + at], walked[third + at], walked[fourth + at]
        place0, place1, place2, place3 = counts[0, byte0], counts[1, byte1], counts[2, byte2], counts[3, byte3]
        following[place0] = at << eight
        following[place1] = second + at << eight
        following[place2] = third + at << eight
        following[place3] = fourth + at << eight
        counts[0, byte0], counts[1, byte1] = place0 + one, place1 + one
        counts[2, byte2], counts[3, byte3] = place2 + one, place3 + one
    begin = _U(0)
    for quarter in range(_QUARTERS):
        for at in range(begin + common, _U(cuts[quarter])):
            byte = walked[at]
            following[counts[quarter, byte]] = at << eight
            counts[quarter, byte] += one
        begin = _U(cuts[quarter])
    for at in range(size):
        following[at] |= np.uint32(walked[at])


@compiled
def walk(following: Array, size: Number, origin: Number, lanes: Array, parts: Array, state: Array) -> Number:
    """Walk from _PARTS places, and the one where the text begins, to the next of them each; the number of that one's part.

    A part is where it begins in `lanes`, its length, the number of the one that follows, and its first place. Each lane holds its
    parts one behind the other. The table may be of several circles (of a text that repeats itself): each part ends all the same.
    """
    mark, low, eight, room = _U(1 << 31), _U((1 << 23) - 1), _U(8), _U(_ROOM)
    step = max(1, size // _PARTS)
    count = min(_PARTS, size)
    for first in range(count):
        parts[first, 3] = first * step
        following[first * step] |= np.uint32(mark)
    of_origin = origin // step
    if of_origin >= count or of_origin * step != origin:
        of_origin = count
        parts[count, 3] = origin
        following[origin] |= np.uint32(mark)
        count += 1
    following[size] = size << 8  # where a lane waits that has nothing to do
    here, own, found = state[0], state[1], state[2]
    at, begun, open_ = _U(0), 0, 0
    for lane in range(_U(LANES)):
        here[lane], own[lane] = size, count
    while True:
        # one step of each lane; those whose part has ended (at first all) begin another one
        for lane in range(_U(LANES)):
            value, number = _U(following[here[lane]]), np.int64(own[lane])
            behind = np.int64(at + lane * room)
            if number == count or value & mark:
                if number < count:
                    parts[number, 1] = behind - parts[number, 0]
                    reached = np.int64(here[lane])
                    other = reached // step
                    parts[number, 2] = other if other < _PARTS and other * step == reached else of_origin
                    open_ -= 1
                here[lane], own[lane] = size, count
                if begun == count:
                    continue
                value = _U(following[parts[begun, 3]])
                parts[begun, 0] = behind
                own[lane] = begun
                begun, open_ = begun + 1, open_ + 1
            lanes[behind] = value & _U(255)
            here[lane] = value >> eight & low
        at += _U(1)
        if open_ == 0:
            return of_origin
        while True:
            ends = _U(0)
            for lane in range(_U(LANES)):
                value = _U(following[here[lane]])
                found[lane] = value
                ends |= value
            if ends & mark:
                break
            for lane in range(_U(LANES)):
                lanes[at + lane * room] = found[lane] & _U(255)
                here[lane] = found[lane] >> eight
            at += _U(1)


@inner
def _has_run(lanes: Array, at: Number) -> Number:
    """Whether four equal bytes are among _STEP."""
    found = np.uint8(0)
    for place in range(at, at + _U(_STEP - 3)):
        byte = lanes[place]
        same = (byte == lanes[place + _U(1)]) & (byte == lanes[place + _U(2)]) & (byte == lanes[place + _U(3)])
        found |= np.uint8(same)
    return found


@compiled
def expanded(lanes: Array, parts: Array, part: Number, size: Number, out: Array) -> Number:
    """The bytes of a block in order, with their runs put back (four equal bytes, then how many more); how many, or -1 for too many."""
    made, one, most, few = _U(0), _U(1), _U(_MOST_OUT), _U(_STEP - 3)
    equal, last = 0, np.int64(-1)
    while size > 0:
        length = min(size, parts[part, 1])
        at = _U(parts[part, 0])
        end, singly = at + _U(length), at
        part = parts[part, 2]
        size -= length
        while at < end:
            if made > most:
                return -1
            byte = np.int64(lanes[at])
            if at >= singly and at + _U(_STEP) <= end and equal < 4 and byte != last:
                if not _has_run(lanes, at):
                    for place in range(_U(_STEP)):
                        out[made + place] = lanes[at + place]
                    # the last three may begin a run: they come again
                    at, made = at + few, made + few
                    equal, last = 0, np.int64(-1)
                    continue
                singly = at + few
            at += one
            if equal == 4:
                for place in range(made, made + _U(byte)):
                    out[place] = last
                made += _U(byte)
                equal, last = 0, np.int64(-1)
                continue
            out[made] = byte
            made += one
            equal = equal + 1 if byte == last else 1
            last = byte
    return np.int64(made) if made <= most else -1


@compiled
def checksum(out: Array, made: Number, crc: Array) -> Number:
    """The CRC of bytes."""
    check, at, size, low, top = _U(0xFFFFFFFF), _U(0), _U(made), _U(255), _U(24)
    while at + _U(8) <= size:
        check ^= _U(out[at]) << top | _U(out[at + _U(1)]) << _U(16) | _U(out[at + _U(2)]) << _U(8) | _U(out[at + _U(3)])
        check = _U(
            crc[7, check >> top] ^ crc[6, check >> _U(16) & low] ^ crc[5, check >> _U(8) & low] ^ crc[4, check & low]
            ^ crc[3, out[at + _U(4)]] ^ crc[2, out[at + _U(5)]] ^ crc[1, out[at + _U(6)]] ^ crc[0, out[at + _U(7)]]
        )  # fmt: skip
        at += _U(8)
    while at < size:
        check = check << _U(8) & _U(0xFFFFFFFF) ^ _U(crc[0, check >> top ^ _U(out[at])])
        at += _U(1)
    return np.int64(check ^ _U(0xFFFFFFFF))
