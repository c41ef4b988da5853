"""XXH3-64 (seed 0, default secret) for compiled code: the hash of the xxhash library, callable from a numba
kernel.

After the published specification of xxHash. The tests compare it with the library for every length up to 600 bytes and
for long inputs. It reads eight bytes at a time, little-endian, so it needs a little-endian machine (x86-64, ARM64).
"""

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from curate.filters.jit import compiled_like_numpy

SECRET = np.frombuffer(
    bytes.fromhex(
        "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
        "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
        "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
        "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
    ),
    np.uint8,
)
U64 = np.uint64
P32_1, P32_2, P32_3 = U64(2654435761), U64(2246822519), U64(3266489917)
P64_1, P64_2, P64_3 = U64(11400714785074694791), U64(14029467366897019727), U64(1609587929392839161)
P64_4, P64_5 = U64(9650029242287828579), U64(2870177450012600261)
MIX_1, MIX_2 = U64(0x165667919E3779F9), U64(0x9FB21C651E98DF25)
LOW = U64(0xFFFF_FFFF)


def _loader(bits: int) -> Callable[..., Any]:
    def load(_context: Any, data: Any, at: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> object:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            pointer = builder.gep(array.data, [arguments[1]])
            value = builder.load(builder.bitcast(pointer, ir.IntType(bits).as_pointer()))
            value.align = 1
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return types.uint64(data, at), generate

    return load


load64 = intrinsic(_loader(64))
load32 = intrinsic(_loader(32))


@intrinsic  # type: ignore[untyped-decorator]
def folded_product(_context: Any, x: Any, y: Any) -> object:
    """The 128-bit product of two 64-bit numbers, upper half xor lower half."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> object:
        wide, narrow = ir.IntType(128), ir.IntType(64)
        product = builder.mul(*(builder.zext(argument, wide) for argument in arguments))
        upper = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), narrow)
        return builder.xor(builder.trunc(product, narrow), upper)

    return types.uint64(types.uint64, types.uint64), generate


@compiled_like_numpy
def _avalanche(h: np.uint64) -> np.uint64:
    h = (h ^ h >> U64(37)) * MIX_1
    return h ^ h >> U64(32)


@compiled_like_numpy
def _avalanche64(h: np.uint64) -> np.uint64:
    h = (h ^ h >> U64(33)) * P64_2
    h = (h ^ h >> U64(29)) * P64_3
    return h ^ h >> U64(32)


@compiled_like_numpy
def _swapped(x: np.uint64) -> np.uint64:
    x = (x & U64(0x00FF00FF00FF00FF)) << U64(8) | x >> U64(8) & U64(0x00FF00FF00FF00FF)
    x = (x & U64(0x0000FFFF0000FFFF)) << U64(16) | x >> U64(16) & U64(0x0000FFFF0000FFFF)
    return x << U64(32) | x >> U64(32)


@compiled_like_numpy
def _mix(data: npt.NDArray[np.uint8], at: int, secret: int) -> np.uint64:
    return folded_product(load64(data, at) ^ load64(SECRET, secret), load64(data, at + 8) ^ load64(SECRET, secret + 8))  # type: ignore[no-any-return]


@compiled_like_numpy
def _short(data: npt.NDArray[np.uint8], start: int, size: int) -> np.uint64:
    """Up to 16 bytes."""
    if size > 8:
        low = load64(data, start) ^ load64(SECRET, 24) ^ load64(SECRET, 32)
        high = load64(data, start + size - 8) ^ load64(SECRET, 40) ^ load64(SECRET, 48)
        return _avalanche(nb.uint64(size) + _swapped(low) + high + folded_product(low, high))
    if size >= 4:
        both = load32(data, start + size - 4) + (load32(data, start) << U64(32))
        h = both ^ load64(SECRET, 8) ^ load64(SECRET, 16)
        h ^= (h << U64(49) | h >> U64(15)) ^ (h << U64(24) | h >> U64(40))
        h *= MIX_2
        h = (h ^ (h >> U64(35)) + nb.uint64(size)) * MIX_2
        return h ^ h >> U64(28)  # type: ignore[no-any-return]
    if size:
        ends = nb.uint64(data[start]) << U64(16) | nb.uint64(data[start + (size >> 1)]) << U64(24)
        both = ends | nb.uint64(data[start + size - 1]) | nb.uint64(size) << U64(8)
        return _avalanche64(both ^ (load32(SECRET, 0) ^ load32(SECRET, 4)))
    return _avalanche64(load64(SECRET, 56) ^ load64(SECRET, 64))


@compiled_like_numpy
def _middle(data: npt.NDArray[np.uint8], start: int, size: int) -> np.uint64:
    """129 to 240 bytes."""
    h = nb.uint64(size) * P64_1
    for i in range(8):
        h += _mix(data, start + 16 * i, 16 * i)
    h = _avalanche(h)
    for i in range(8, size // 16):
        h += _mix(data, start + 16 * i, 16 * (i - 8) + 3)
    return _avalanche(h + _mix(data, start + size - 16, 119))


@compiled_like_numpy
def _stripe(lanes: npt.NDArray[np.uint64], data: npt.NDArray[np.uint8], at: int, secret: int) -> None:
    for i in range(8):
        value = load64(data, at + 8 * i)
        key = value ^ load64(SECRET, secret + 8 * i)
        lanes[i ^ 1] += value
        lanes[i] += (key & LOW) * (key >> U64(32))


@compiled_like_numpy
def lanes_of(data: npt.NDArray[np.uint8], start: int, size: int) -> npt.NDArray[np.uint64]:
    """The eight sums over more than 240 bytes: stripes of 64 bytes in blocks of 16."""
    lanes = np.array([P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1], np.uint64)
    stripes = (size - 1) // 64
    for stripe in range(stripes):
        _stripe(lanes, data, start + 64 * stripe, 8 * (stripe % 16))
        if stripe % 16 == 15 and (stripe + 1) * 64 < size:
            for i in range(8):
                lanes[i] = (lanes[i] ^ lanes[i] >> U64(47) ^ load64(SECRET, 128 + 8 * i)) * P32_1
    _stripe(lanes, data, start + size - 64, 121)
    return lanes


@compiled_like_numpy
def merged(lanes: npt.NDArray[np.uint64], secret: int, h: np.uint64) -> np.uint64:
    """One number of the eight sums, from `h` on."""
    for i in range(4):
        h += folded_product(
            lanes[2 * i] ^ load64(SECRET, secret + 16 * i), lanes[2 * i + 1] ^ load64(SECRET, secret + 8 + 16 * i)
        )
    return _avalanche(h)


@compiled_like_numpy
def _long(data: npt.NDArray[np.uint8], start: int, size: int) -> np.uint64:
    """More than 240 bytes."""
    return merged(lanes_of(data, start, size), 11, nb.uint64(size) * P64_1)


@compiled_like_numpy
def xxh3(data: npt.NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """XXH3-64 of the bytes data[start:end], `data` a contiguous array of uint8."""
    size = end - start
    if size <= 16:
        return _short(data, start, size)
    if size > 240:
        return _long(data, start, size)
    if size > 128:
        return _middle(data, start, size)
    h = nb.uint64(size) * P64_1 + _mix(data, start, 0) + _mix(data, end - 16, 16)
    if size > 32:
        h += _mix(data, start + 16, 32) + _mix(data, end - 32, 48)
    if size > 64:
        h += _mix(data, start + 32, 64) + _mix(data, end - 48, 80)
    if size > 96:
        h += _mix(data, start + 48, 96) + _mix(data, end - 64, 112)
    return _avalanche(h)
