"""Blocks of bzip2 by our own loops: what libbz2 gives, or nothing."""

import bz2
import itertools
import random

import numpy as np
import pytest

from curate.read import bzip2, unpack


def _fibonacci(steps):
    one, two = b"a", b"ab"
    for _ in range(steps):
        one, two = two, two + one
    return two


TEXTS = {
    "words": lambda r: " ".join(r.choice(["alpha", "beta", "gamma", "d"]) + str(r.randrange(50)) for _ in range(20_000)).encode(),
    "noise": lambda r: r.randbytes(70_000),
    "few bytes": lambda r: bytes(r.choice(b"ab") for _ in range(5_000)),
    "one byte": lambda r: b"a" * r.randrange(1, 2_000),
    "circles": lambda r: b"abcde" * r.randrange(1, 3_000),
    "runs": lambda r: b"".join(bytes([r.randrange(5)]) * r.choice([1, 3, 4, 5, 258, 259, 260, 700]) for _ in range(500)),
    "short": lambda r: r.randbytes(r.randrange(1, 40)),
    "long codes": lambda r: bytes(min(255, int(r.expovariate(0.3))) for _ in range(60_000)) + bytes(range(256)),
    "words of two letters": lambda r: _fibonacci(r.randrange(20, 26)),
    "lines": lambda r: b"".join(b"<page>%d</page>\n" % r.randrange(10**6) for _ in range(9_000)),
}  # fmt: skip


def spans(data):
    marks = unpack.marks(data)
    return [(start, end) for (start, last), (end, _) in itertools.pairwise(marks) if not last]


@pytest.mark.parametrize("kind", TEXTS)
def test_a_block_is_what_libbz2_gives(kind):
    r = random.Random(kind)
    for _ in range(6):
        text = TEXTS[kind](r)
        packed = bytes(r.randrange(40)) + bz2.compress(text, r.choice([1, 9]))
        assert b"".join(bzip2.unpack_block(packed, *span) for span in spans(packed)) == text


@pytest.mark.parametrize("kind", ["words", "runs", "circles", "few bytes"])
def test_a_damaged_block_is_left_to_libbz2(kind):
    r = random.Random(kind)
    text = TEXTS[kind](r)
    packed = bz2.compress(text)
    (start, end), *_ = spans(packed)
    for number in range(150):
        damaged = bytearray(packed)
        at = r.randrange(10, 40 if number % 2 else len(packed) - 10)
        damaged[at] ^= 1 << r.randrange(8)
        found = bzip2.unpack_block(bytes(damaged), start, end)
        assert found is None or found == unpack._by_libbz2(bytes(damaged), start, end)
    for bit in range(start + 48, min(end - 8, start + 1500), 3):  # checksum, origin, bytes in use, codes
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 0x80 >> bit % 8
        found = bzip2.unpack_block(bytes(damaged), start, end)
        assert found is None or found == unpack._by_libbz2(bytes(damaged), start, end)
    for cut in (1, 8, 700):
        assert bzip2.unpack_block(packed, start, max(start + 80, end - cut)) is None
        assert bzip2.unpack_block(packed, start, end + cut) is None


def test_what_grows_too_large_is_left_to_libbz2():
    packed = bz2.compress(bytes(5_000_000))
    (span,) = spans(packed)
    assert bzip2.unpack_block(packed, *span) is None
    assert unpack.unpack_block(packed, *span) == bytes(5_000_000)


def test_nothing_is_written_behind_the_room(monkeypatch):
    own = bzip2._Scratch()
    behind = np.zeros(len(own.out) + 1_000_000, np.uint8)
    own.out = behind[: len(own.out)]
    monkeypatch.setattr(bzip2, "_kept", [own])
    text = b"a" * 259 * 5_700 + random.Random(1).randbytes(800_000)  # long runs, and then none
    packed = bz2.compress(text)
    (span,) = spans(packed)
    assert bzip2.unpack_block(packed, *span) is None
    assert not behind[len(own.out) :].any()
    assert unpack.unpack_block(packed, *span) == text


def test_nothing_is_read_behind_the_data(monkeypatch):
    """A head that promises more than the block has: 18,002 selectors, of which none is there. As Python, which looks at each index."""
    for name in ("_bits", "_read_codes"):
        monkeypatch.setattr(bzip2, name, getattr(bzip2, name).py_func)
    own, length = bzip2._Scratch(), 48 + 32 + 25 + 32 + 18 + 10
    head = f"{0:0105b}{1 << 15:016b}{1 << 15:016b}{2:03b}{18_002:015b}"
    data = int(head.ljust(length, "0"), 2) << -length % 32
    words = np.frombuffer(data.to_bytes(-(-length // 32) * 4, "big") + bytes(bzip2._BEHIND), ">u4").astype(np.uint32)
    found = bzip2.read_head.py_func(words, 0, length, own.order, own.lookup, own.codes, own.selectors)
    assert found == (0, 0, 0, 0)


def test_marks_are_the_same_however_they_are_looked_for(monkeypatch):
    r = random.Random(1)
    packed = b"".join(bz2.compress(r.randbytes(250_000), 1) + bytes(r.randrange(3)) for _ in range(3))
    found = unpack.marks(packed)
    monkeypatch.setattr(unpack, "_COMPILED", 1 << 40)
    assert found == unpack.marks(packed)
    assert len(found) == 12
    monkeypatch.undo()
    monkeypatch.setattr(bzip2, "_FOUND", 2)
    assert found == unpack.marks(packed)
