"""Every entry of every encoding of the WHATWG Encoding Standard, decoded by us and by independent judges.

    python -m benchmarks.encodings --standard FOLDER [--node] [--save FILE]     (FOLDER: encodings.json, indexes.json)
    python -m benchmarks.encodings --digests --standard FOLDER                  for tests/curate/test_encodings.py

The first judge is `reference`: the standard's decoders, step by step, over the standard's own index files (a checkout
of github.com/whatwg/encoding has both). The second is node's TextDecoder with full ICU. Slow and simple on purpose.
"""

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

BAD = "\ufffd"
DOUBLE = ("gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr")
BEFORE = {  # the Python codecs that decoded these before
    "shift_jis": "cp932", "euc-kr": "cp949", "big5": "big5hkscs", "gbk": "gb18030", "gb18030": "gb18030",
    "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp", "windows-874": "cp874", "x-mac-cyrillic": "mac-cyrillic",
    "macintosh": "mac-roman", "x-user-defined": "cp1252", "iso-8859-8-i": "iso-8859-8", "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le", "ibm866": "cp866", "replacement": "utf-8",
}  # fmt: skip
TEXTS = {
    "utf-8": "Съешь же ещё этих мягких <p>французских булок</p>, да выпей чаю. ",
    "windows-1252": "Dès Noël, où un zéphyr haï <p>me vêt de glaçons</p> würmiens. ",
    "windows-1251": "Съешь же ещё этих мягких <p>французских булок</p>, да выпей чаю. ",
    "shift_jis": "日本語の文章をここに書いておきます。<p>これは試験のための段落です。</p>",
    "euc-jp": "日本語の文章をここに書いておきます。<p>これは試験のための段落です。</p>",
    "gbk": "这是一个用来测试字符编码的段落，<p>内容没有特别的意义。</p>",
    "big5": "這個網頁是以大五碼儲存的，<p>這些字都應該正確顯示出來。</p>",
    "euc-kr": "이 페이지는 문자 인코딩을 시험하기 위하여 <p>만들어진 문서입니다.</p>",
    "utf-16le": "Съешь же ещё этих мягких <p>французских булок</p>, да выпей чаю. ",
}


def sequences(name: str) -> Iterator[bytes]:
    """All byte sequences of an encoding that could mean anything, each one alone, errors included.

    Of double-byte encodings all 65,536 pairs (behind 8F too in EUC-JP) and of gb18030 all 1,587,600 sequences of four;
    of ISO-2022-JP all pairs behind each escape sequence; of UTF-8 and UTF-16 every code point, and what is broken.
    """
    pairs = [bytes([a, b]) for a in range(256) for b in range(256)]
    if name in DOUBLE:
        yield from pairs
        if name == "euc-jp":
            yield from (b"\x8f" + pair for pair in pairs)
        if name == "gb18030":
            for a, b in ((a, b) for a in range(0x81, 0xFF) for b in range(0x30, 0x3A)):
                yield from (bytes([a, b, c, d]) for c in range(0x81, 0xFF) for d in range(0x30, 0x3A))
    elif name == "iso-2022-jp":
        yield from (b"\x1b" + pair for pair in pairs)
        for escape in (b"(B", b"(J", b"(I", b"$@", b"$B"):
            yield from (b"\x1b" + escape + pair for pair in pairs)
    elif name == "utf-8":
        yield from (chr(code).encode() for code in _code_points())
        yield from pairs
        yield from (bytes([a]) + pair for a in (0xE0, 0xED, 0xEF) for pair in pairs)
        yield from (bytes([a]) + pair + bytes([c]) for a in (0xF0, 0xF4, 0xF5) for pair in pairs for c in (0x80, 0xBF))
    elif name in ("utf-16le", "utf-16be"):
        yield from (chr(code).encode(name.replace("16", "16-")) for code in _code_points())
        yield from (bytes([a, b]) for a in range(0xD8, 0xE0) for b in range(256))
        yield from (bytes([a, 0, b, 0]) for a in range(256) for b in range(0xD8, 0xE0))
        yield from (bytes([0, a, 0, b]) for a in range(0xD8, 0xE0) for b in range(256))
        yield from (bytes([a]) for a in range(256))
    else:
        yield from (bytes([a]) for a in range(256))


def garbage(name: str, size: int = 20_000) -> bytes:
    """Bytes of the kinds that an encoding's decoder tells apart, at random: how much does each error swallow?"""
    kinds = bytes(
        [0x1B, 0x24, 0x28, 0x42, 0x4A, 0x49, 0x40, 0x0E, 0x7E, 0x5C, 0x7F, 0x80, 0x8E, 0x8F, 0xA0, 0xD8, 0xFF]
    )
    draw = random.Random(name)
    return bytes(draw.choice(kinds) if draw.random() < 0.3 else draw.randrange(256) for _ in range(size))


def _code_points() -> Iterator[int]:
    yield from range(0xD800)
    yield from range(0xE000, 0x110000)


class Standard:
    """The standard's labels, indexes and decoders. `decode(bytes, name)` never raises."""

    def __init__(self, folder: Path) -> None:
        groups = json.loads((folder / "encodings.json").read_text())
        self.labels = {
            label: e["name"].lower() for group in groups for e in group["encodings"] for label in e["labels"]
        }
        self.indexes: dict[str, Any] = json.loads((folder / "indexes.json").read_text())
        self.names = sorted(set(self.labels.values()))
        self._ranges = self.indexes["gb18030-ranges"]

    def decode(self, data: bytes, name: str) -> str:
        """`data` as the standard's decoder of `name` has it, without a look at byte order marks."""
        if name in ("gbk", "gb18030"):
            return self._gb18030(data)
        if name in ("big5", "euc-kr", "shift_jis"):
            return self._double(data, name)
        if name == "euc-jp":
            return self._euc_jp(data)
        if name == "iso-2022-jp":
            return self._iso_2022_jp(data)
        if name == "utf-8":
            return _utf8(data)
        if name in ("utf-16le", "utf-16be"):
            return _utf16(data, name == "utf-16be")
        if name == "replacement":
            return BAD if data else ""
        if name == "x-user-defined":
            return "".join(chr(byte if byte < 0x80 else 0xF700 + byte) for byte in data)
        index = self.indexes["iso-8859-8" if name == "iso-8859-8-i" else name]
        codes = [byte if byte < 0x80 else index[byte - 0x80] for byte in data]
        return "".join(BAD if code is None else chr(code) for code in codes)

    def _char(self, index: str, pointer: int | None) -> str | None:
        table = self.indexes[index]
        if pointer is None or not 0 <= pointer < len(table) or table[pointer] is None:
            return None
        return chr(table[pointer])

    def _gb18030(self, data: bytes) -> str:
        out, at = [], 0
        while at < len(data):
            a = data[at]
            at += 1
            if a < 0x80:
                out.append(chr(a))
            elif a == 0x80:
                out.append("€")
            elif a == 0xFF or at >= len(data):
                out.append(BAD)
            elif 0x30 <= data[at] <= 0x39:
                four = data[at : at + 3]
                if len(four) > 1 and not 0x81 <= four[1] <= 0xFE:
                    out.append(BAD)
                elif len(four) < 3:
                    out.append(BAD)
                    at = len(data)
                elif not 0x30 <= four[2] <= 0x39:
                    out.append(BAD)
                else:
                    b, c, d = four
                    out.append(self._range((a - 0x81) * 12600 + (b - 0x30) * 1260 + (c - 0x81) * 10 + d - 0x30))
                    at += 3
            else:
                b = data[at]
                valid = 0x40 <= b <= 0x7E or 0x80 <= b <= 0xFE
                pointer = (a - 0x81) * 190 + b - (0x40 if b < 0x7F else 0x41) if valid else None
                char = self._char("gb18030", pointer)
                out.append(char or BAD)
                at += char is not None or b >= 0x80
        return "".join(out)

    def _range(self, pointer: int) -> str:
        if 39419 < pointer < 189000 or pointer > 1237575:
            return BAD
        if pointer == 7457:
            return "\ue7c7"
        start, code = self._ranges[bisect_right(self._ranges, [pointer, 0x110000]) - 1]
        return chr(code + pointer - start)

    def _double(self, data: bytes, name: str) -> str:
        out, at = [], 0
        while at < len(data):
            a = data[at]
            at += 1
            if a < 0x80 or (a == 0x80 and name == "shift_jis"):
                out.append(chr(a))
            elif name == "shift_jis" and 0xA1 <= a <= 0xDF:
                out.append(chr(0xFF61 - 0xA1 + a))
            elif a in (0x80, 0xFF) or at >= len(data) or (name == "shift_jis" and (a == 0xA0 or a > 0xFC)):
                out.append(BAD)
            else:
                b = data[at]
                chars = {"big5": self._big5, "euc-kr": self._euc_kr, "shift_jis": self._shift_jis}[name](a, b)
                out.append(chars or BAD)
                at += chars is not None or b >= 0x80
        return "".join(out)

    def _big5(self, a: int, b: int) -> str | None:
        if not (0x40 <= b <= 0x7E or 0xA1 <= b <= 0xFE):
            return None
        pointer = (a - 0x81) * 157 + b - (0x40 if b < 0x7F else 0x62)
        twos = {1133: "\u00ca\u0304", 1135: "\u00ca\u030c", 1164: "\u00ea\u0304", 1166: "\u00ea\u030c"}
        return twos.get(pointer) or self._char("big5", pointer)

    def _euc_kr(self, a: int, b: int) -> str | None:
        return self._char("euc-kr", (a - 0x81) * 190 + b - 0x41 if 0x41 <= b <= 0xFE else None)

    def _shift_jis(self, a: int, b: int) -> str | None:
        if not (0x40 <= b <= 0x7E or 0x80 <= b <= 0xFC):
            return None
        pointer = (a - (0x81 if a < 0xA0 else 0xC1)) * 188 + b - (0x40 if b < 0x7F else 0x41)
        return chr(0xE000 - 8836 + pointer) if 8836 <= pointer <= 10715 else self._char("jis0208", pointer)

    def _euc_jp(self, data: bytes) -> str:
        out, at = [], 0
        while at < len(data):
            a = data[at]
            at += 1
            if a < 0x80:
                out.append(chr(a))
                continue
            if not (a in (0x8E, 0x8F) or 0xA1 <= a <= 0xFE) or at >= len(data):
                out.append(BAD)
                continue
            b = data[at]
            if a == 0x8E and 0xA1 <= b <= 0xDF:
                out.append(chr(0xFF61 - 0xA1 + b))
                at += 1
                continue
            index = "jis0208"
            if a == 0x8F and 0xA1 <= b <= 0xFE:
                index, a, at = "jis0212", b, at + 1
                if at >= len(data):
                    out.append(BAD)
                    continue
                b = data[at]
            inside = 0xA1 <= a <= 0xFE and 0xA1 <= b <= 0xFE
            char = self._char(index, (a - 0xA1) * 94 + b - 0xA1 if inside else None)
            out.append(char or BAD)
            at += char is not None or b >= 0x80
        return "".join(out)

    def _iso_2022_jp(self, data: bytes) -> str:
        states = {b"(B": "ascii", b"(J": "roman", b"(I": "katakana", b"$@": "kanji", b"$B": "kanji"}
        out, at, state, fresh = [], 0, "ascii", False
        while at < len(data):
            a = data[at]
            at += 1
            if a == 0x1B:
                new = states.get(data[at : at + 2])
                if new is None or fresh:
                    out.append(BAD)
                if new is not None:
                    at, state = at + 2, new
                fresh = new is not None
                continue
            fresh = False
            if state == "kanji" and 0x21 <= a <= 0x7E:
                b = data[at] if at < len(data) else 0x1B
                char = self._char("jis0208", (a - 0x21) * 94 + b - 0x21) if 0x21 <= b <= 0x7E else None
                out.append(char or BAD)
                if b == 0x1B and at < len(data):
                    continue
                at += 1
            elif state == "katakana" and 0x21 <= a <= 0x5F:
                out.append(chr(0xFF61 - 0x21 + a))
            elif state in ("ascii", "roman") and a < 0x80 and a not in (0x0E, 0x0F):
                out.append({0x5C: "¥", 0x7E: "‾"}.get(a, chr(a)) if state == "roman" else chr(a))
            else:
                out.append(BAD)
        return "".join(out)


def _utf8(data: bytes) -> str:
    out, at = [], 0
    while at < len(data):
        a = data[at]
        at += 1
        if a < 0x80:
            out.append(chr(a))
            continue
        needed = 1 if 0xC2 <= a <= 0xDF else 2 if 0xE0 <= a <= 0xEF else 3 if 0xF0 <= a <= 0xF4 else 0
        low, high = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}.get(
            a, (0x80, 0xBF)
        )
        code, left = a & (0x3F >> needed), needed
        while left and at < len(data) and low <= data[at] <= high:
            code, left, at, low, high = code << 6 | data[at] & 0x3F, left - 1, at + 1, 0x80, 0xBF
        out.append(BAD if left or not needed else chr(code))
    return "".join(out)


def _utf16(data: bytes, big: bool) -> str:
    whole = len(data) // 2 * 2
    units = [int.from_bytes(data[at : at + 2], "big" if big else "little") for at in range(0, whole, 2)]
    out, at = [], 0
    while at < len(units):
        unit, after = units[at], units[at + 1] if at + 1 < len(units) else 0
        at += 1
        if 0xD800 <= unit < 0xDC00 and 0xDC00 <= after < 0xE000:
            out.append(chr(0x10000 + (unit - 0xD800 << 10) + after - 0xDC00))
            at += 1
        elif 0xD800 <= unit < 0xDC00 and at == len(units) and whole < len(data):
            return "".join([*out, BAD])  # a lone surrogate and a lone byte at the end are one error
        else:
            out.append(BAD if 0xD800 <= unit < 0xE000 else chr(unit))
    return "".join(out) + BAD * (whole < len(data))


def digest(texts: Iterator[str]) -> str:
    """A fingerprint of decoded sequences, in order."""
    found = hashlib.sha256()
    for text in texts:
        found.update(text.encode("utf-8", "surrogatepass") + b"\xff")
    return found.hexdigest()[:16]


_NODE = """
const fs = require('fs'), [, , name, from, to] = process.argv, data = fs.readFileSync(from), texts = [];
for (let at = 0; at < data.length; at += 1 + data[at])
    texts.push(new TextDecoder(name, {ignoreBOM: true}).decode(data.subarray(at + 1, at + 1 + data[at])));
fs.writeFileSync(to, JSON.stringify(texts));
"""


def by_node(name: str, items: Sequence[bytes]) -> list[str] | None:
    """`items` as node's TextDecoder has them; None where node does not know the encoding."""
    with tempfile.TemporaryDirectory() as folder:
        script, given, made = (Path(folder) / file for file in ("decode.js", "in", "out"))
        script.write_text(_NODE)
        given.write_bytes(b"".join(bytes([len(item)]) + item for item in items))
        done = subprocess.run(["node", script, name, given, made], capture_output=True, text=True)
        if done.returncode:
            return None
        texts: list[str] = json.loads(made.read_text())
        return texts


def main(arguments: list[str]) -> None:
    """Print the tables; with `--digests`, what the tests hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--standard", type=Path, required=True)
    parser.add_argument("--node", action="store_true")
    parser.add_argument("--digests", action="store_true")
    parser.add_argument("--save", type=Path)
    given = parser.parse_args(arguments)
    standard = Standard(given.standard)
    if given.digests:
        for name in standard.names:
            items = [*sequences(name), garbage(name)]
            print(f'    "{name}": "{digest(standard.decode(item, name) for item in items)}",')
        return
    lines = [*table(standard, given.node), "", *labels(standard), "", *speeds()]
    text = "\n".join(lines) + "\n"
    print(text)
    if given.save:
        given.save.write_text(text)


def table(standard: Standard, node: bool) -> Iterator[str]:
    """A row an encoding: how many sequences, and how many of them come out otherwise than the standard says."""
    from curate.encodings.labels import decode_as

    yield "| encoding | sequences | wrong before (Python's codec) | wrong now | node differs from the standard (in a character) |"
    yield "|---|---|---|---|---|"
    for name in standard.names:
        items = [*sequences(name), garbage(name)]
        right = [standard.decode(item, name) for item in items]
        now = sum(decode_as(item, name) != text for item, text in zip(items, right, strict=True))
        codec = BEFORE.get(name, name)
        before = sum(item.decode(codec, "replace") != text for item, text in zip(items, right, strict=True))
        judged = by_node(name, items[:-1]) if node else None
        yield f"| {name} | {len(items):,} | {before:,} | {now:,} | {_differing(judged, right)} |"


def _differing(judged: list[str] | None, right: list[str]) -> str:
    """How many differ, and how many of them have a character in both."""
    if judged is None:
        return "unknown to it"
    pairs = [(a, b) for a, b in zip(judged, right, strict=False) if a != b]
    return f"{len(pairs):,} ({sum(BAD not in a + b for a, b in pairs):,})"


def labels(standard: Standard) -> Iterator[str]:
    """One line: how many labels are understood as the standard says."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    from curate.encodings.labels import LABELS

    before = sum(map_encoding_to_html5(label, False) is None for label in standard.labels)
    wrong = sum(LABELS.get(label) != name for label, name in standard.labels.items())
    yield (
        f"{len(standard.labels)} labels: {before} unknown before, now {wrong} wrong or unknown and "
        f"{len(LABELS.keys() - standard.labels.keys())} that the standard does not have."
    )


def speeds() -> Iterator[str]:
    """MB a second of the codec that decoded before and of ours, on 400 kB; best of 20."""
    from curate.encodings.labels import decode_as

    yield "| encoding | Python's codec, MB/s | now, MB/s |"
    yield "|---|---|---|"
    for name, text in TEXTS.items():
        codec = BEFORE.get(name, name)
        piece = text.encode(codec)
        data = piece * (400_000 // len(piece))
        ways: list[Callable[[], str]] = [
            lambda d=data, c=codec: d.decode(c, "replace"),
            lambda d=data, n=name: decode_as(d, n),
        ]
        rates = [len(data) / 1e6 / min(_seconds(way) for _ in range(20)) for way in ways]
        yield f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} |"


def _seconds(way: Callable[[], str]) -> float:
    start = time.process_time()
    way()
    return time.process_time() - start


if __name__ == "__main__":
    main(sys.argv[1:])
