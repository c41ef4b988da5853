"""XXH3-128 (seed 0, default secret) for compiled code, beside `xxh3`: the hash that keys of elections are.

After the published specification of xxHash. The tests compare it with the library for every length up to 600 bytes and for long inputs.
"""

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from curate.dedup.xxh3 import (
    LOW,
    MIX_2,
    P32_2,
    P64_1,
    P64_2,
    P64_4,
    SECRET,
    U64,
    _avalanche,
    _avalanche64,
    _mix,
    _swapped,
    lanes_of,
    load32,
    load64,
    merged,
)
from curate.filters.jit import compiled_like_numpy

Half = tuple[np.uint64, np.uint64]
"""(low, high)"""


@intrinsic  # type: ignore[untyped-decorator]
def upper_product(_context: Any, x: Any, y: Any) -> object:
    """The upper half of the 128-bit product of two 64-bit numbers."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> object:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), generate


@compiled_like_numpy
def _small(data: npt.NDArray[np.uint8], start: int, size: int) -> Half:
    """Up to 8 bytes."""
    if size >= 4:
        both = load32(data, start) + (load32(data, start + size - 4) << U64(32))
        keyed = both ^ load64(SECRET, 16) ^ load64(SECRET, 24)
        factor = P64_1 + (nb.uint64(size) << U64(2))
        low, high = keyed * factor, upper_product(keyed, factor)
        high += low << U64(1)
        low ^= high >> U64(3)
        low = (low ^ low >> U64(35)) * MIX_2
        return low ^ low >> U64(28), _avalanche(high)
    if size:
        ends = nb.uint64(data[start]) << U64(16) | nb.uint64(data[start + (size >> 1)]) << U64(24)
        one = ends | nb.uint64(data[start + size - 1]) | nb.uint64(size) << U64(8)
        other = _swapped(one) >> U64(32)
        other = (other << U64(13) | other >> U64(19)) & LOW
        low = _avalanche64(one ^ (load32(SECRET, 0) ^ load32(SECRET, 4)))
        return low, _avalanche64(other ^ (load32(SECRET, 8) ^ load32(SECRET, 12)))
    return _avalanche64(load64(SECRET, 64) ^ load64(SECRET, 72)), _avalanche64(load64(SECRET, 80) ^ load64(SECRET, 88))


@compiled_like_numpy
def _short(data: npt.NDArray[np.uint8], start: int, size: int) -> Half:
    """9 to 16 bytes."""
    first, last = load64(data, start), load64(data, start + size - 8)
    mixed = first ^ last ^ load64(SECRET, 32) ^ load64(SECRET, 40)
    low, high = mixed * P64_1, upper_product(mixed, P64_1)
    low += nb.uint64(size - 1) << U64(54)
    last ^= load64(SECRET, 48) ^ load64(SECRET, 56)
    high += last + (last & LOW) * (P32_2 - U64(1))
    low ^= _swapped(high)
    return _avalanche(low * P64_2), _avalanche(upper_product(low, P64_2) + high * P64_2)


@compiled_like_numpy
def _both(low: np.uint64, high: np.uint64, data: npt.NDArray[np.uint8], one: int, other: int, secret: int) -> Half:
    """The sums with 16 bytes at each of two places."""
    low = (low + _mix(data, one, secret)) ^ (load64(data, other) + load64(data, other + 8))
    high = (high + _mix(data, other, secret + 16)) ^ (load64(data, one) + load64(data, one + 8))
    return low, high


@compiled_like_numpy
def _middle(data: npt.NDArray[np.uint8], start: int, size: int) -> Half:
    """17 to 240 bytes."""
    low, high, end = nb.uint64(size) * P64_1, U64(0), start + size
    if size <= 128:
        for i in range((size - 1) // 32, -1, -1):
            low, high = _both(low, high, data, start + 16 * i, end - 16 * (i + 1), 32 * i)
    else:
        for i in range(4):
            low, high = _both(low, high, data, start + 32 * i, start + 32 * i + 16, 32 * i)
        low, high = _avalanche(low), _avalanche(high)
        for i in range(4, size // 32):
            low, high = _both(low, high, data, start + 32 * i, start + 32 * i + 16, 32 * (i - 4) + 3)
        low, high = _both(low, high, data, end - 16, end - 32, 103)
    mixed = low * P64_1 + high * P64_4 + nb.uint64(size) * P64_2
    return _avalanche(low + high), U64(0) - _avalanche(mixed)


@compiled_like_numpy
def _long(data: npt.NDArray[np.uint8], start: int, size: int) -> Half:
    """More than 240 bytes."""
    lanes, length = lanes_of(data, start, size), nb.uint64(size)
    return merged(lanes, 11, length * P64_1), merged(lanes, 117, ~(length * P64_2))


@compiled_like_numpy
def xxh128(data: npt.NDArray[np.uint8], start: int, end: int) -> Half:
    """XXH3-128 of the bytes data[start:end], `data` a contiguous array of uint8: (low, high) half."""
    size = end - start
    if size <= 8:
        return _small(data, start, size)
    if size <= 16:
        return _short(data, start, size)
    return _middle(data, start, size) if size <= 240 else _long(data, start, size)
