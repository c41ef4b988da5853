"""How the members of a file are compressed: gzip, zstd, LZ4, bzip2, xz, each decoded in bounded steps."""

import bz2
import contextlib
import lzma
import re
import zlib
from types import ModuleType
from typing import Any, Protocol

import lz4.frame
from backports import zstd

from curate.warc.window import Window

inflate: ModuleType = zlib
with contextlib.suppress(ImportError):  # 1.6 times as fast as zlib on crawls; same interface, same result
    from isal import isal_zlib as inflate

ZSTD_DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18"
MAGICS = {
    "gzip": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "lz4": re.compile(rb"\x04\x22\x4d\x18[\x40-\x7f]"),
    "bzip2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),  # its first block, or the end of a stream without one
    "xz": re.compile(rb"\xfd7zXZ\x00"),
}
"""How a member begins."""
CODECS = {"gz": "gzip", "zst": "zstd", "lz4": "lz4", "bz2": "bzip2", "xz": "xz", "wacz": "gzip"}
"""By the end of a file's name. A WACZ comes here when its directory is lost: what it stores are .warc.gz files."""
_ZSTD: dict[int, int] = {
    zstd.DecompressionParameter.window_log_max: 31
}  # what `zstd --long=31` writes; the memory is the child's
_MAX_XZ = 256 << 20  # bytes of its dictionary; `xz -9` takes 64 MiB
_MAX_DICTIONARY = 64 << 20
ERRORS: tuple[type[Exception], ...] = (
    zlib.error,
    inflate.error,
    zstd.ZstdError,
    lzma.LZMAError,
    RuntimeError,  # LZ4's
    EOFError,
    OSError,  # bzip2's
)


class BrokenError(Exception):
    """The compressed bytes of a member are damaged; the text is `code: what`."""


class Inflater(Protocol):
    """What the decompressing objects of zlib, isal and `Member` share."""

    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


class Member:
    """One member in zlib's manner, by a decompressor in bz2's manner (as those of zstd, LZ4 and xz are, too).

    Those keep input back when `max_length` stops them, and say so with `needs_input`; zlib returns it.
    """

    def __init__(self, decompressor: Any) -> None:
        self._object = decompressor
        self.eof = False
        self.unused_data = b""
        self.unconsumed_tail = b""

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """Decode at most `max_length` bytes."""
        rest = b"" if self._object.needs_input else bytes(data)
        out: bytes = self._object.decompress(b"" if rest else data, max_length)
        self.eof = self._object.eof
        self.unused_data = (self._object.unused_data or b"") + rest if self.eof else b""
        self.unconsumed_tail = b"" if self.eof else rest
        return out


class Codec:
    """How the members of a file are compressed."""

    def __init__(self, name: str, dictionary: bytes | None = None) -> None:
        self.name = name
        self.magic = MAGICS[name]
        self._dictionary = zstd.ZstdDict(dictionary, is_raw=True) if dictionary else None

    def inflater(self) -> Inflater:
        """A fresh object for one member."""
        if self.name == "gzip":
            made: Inflater = inflate.decompressobj(31)
            return made
        if self.name == "zstd":
            return Member(zstd.ZstdDecompressor(self._dictionary, options=_ZSTD))
        if self.name == "lz4":
            return Member(lz4.frame.LZ4FrameDecompressor())
        return Member(bz2.BZ2Decompressor() if self.name == "bzip2" else lzma.LZMADecompressor(memlimit=_MAX_XZ))


def is_skippable(head: bytes) -> bool:
    """Whether these bytes begin a frame that holds no data: a dictionary, the sizes that pzstd writes in front."""
    return len(head) >= 4 and 0x50 <= head[0] <= 0x5F and head[1:4] == ZSTD_DICTIONARY_FRAME[1:]


def codec_of(head: bytes, name: str) -> str | None:
    """The codec of a file by its first bytes (10 suffice); by its name where these are damaged; None for plain bytes."""
    if is_skippable(head):  # zstd's and LZ4's are the same
        return "lz4" if name.lower().endswith(".lz4") else "zstd"
    if found := next((codec for codec, magic in MAGICS.items() if magic.match(head)), None):
        return found
    if head[:5].upper() == b"WARC/" or head[:9] == b"filedesc:":
        return None
    return CODECS.get(name.lower().rpartition(".")[2])


def read_dictionary(window: Window) -> bytes | None:
    """The dictionary in the first frame of a .warc.zst, as the specification of that format lays it out."""
    head = bytes(window.view(0, 8))
    if head[:4] != ZSTD_DICTIONARY_FRAME:
        return None
    data = bytes(window.view(8, int.from_bytes(head[4:8], "little")))
    if MAGICS["zstd"].match(data):
        return Member(zstd.ZstdDecompressor(options=_ZSTD)).decompress(data, _MAX_DICTIONARY)
    return data
