"""The embedded sample crawl: four small crawl files made here, the same bytes on every machine.

Every record is a planted case (`curate.sample.cases`, `.duplicates`, `.hostile`) with a known fate under the
recipe `c4`; `expected()` lists them, so that the demo's funnel can be checked to the page.
"""

import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from curate.sample.cases import (
    KEPT,
    NO_TEXT,
    ONE_OF,
    REJECTED,
    SKIPPED,
    Case,
    foreign_pages,
    page,
    plain_pages,
    rule_cases,
)
from curate.sample.duplicates import duplicate_cases
from curate.sample.hostile import hostile_cases
from curate.sample.prose import Writer, load
from curate.sample.records import date, digest, gzip_member, http_message, record_id, warc_record

FILES = ("sample-00000.warc.gz", "sample-00001.warc.gz", "sample-00002.warc.gz", "sample-00003.warc.wet.gz")
DAMAGE = ("garbage", "compression", "compression", "length", "garbage")
"""Names of the damage that `_damaged` makes, as the reader calls it."""
SOFTWARE = b"software: curate sample crawl\r\nformat: WARC File Format 1.0\r\nisPartOf: sample\r\n"


@dataclass(frozen=True)
class Member:
    """One stretch of a file: the bytes of a gzip member (or of garbage), and the case it holds."""

    data: bytes
    case: Case | None
    kind: str
    """response, conversion, or (where there is no case) the key under which the ledger counts it."""
    fate: str = SKIPPED
    """skipped or failed, where there is no case."""


def write(folder: Path) -> list[Path]:
    """Write the crawl files into `folder` (made where missing) and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, members in crawl().items():
        path = folder / name
        path.write_bytes(b"".join(member.data for member in members))
        paths.append(path)
    return paths


def expected() -> dict[str, Any]:
    """What must become of each record under the recipe `c4`.

    Keys: `pages`, a list of {file, url, case, fate, reason, group, language, note} for every response and
    conversion record, in the order of the files; `ledger`, the totals that follow: records, skipped, rejected,
    failed, kept.
    """
    pages = [
        _expectation(name, member.case)
        for name, members in crawl().items()
        for member in members
        if member.case is not None
    ]
    return {"pages": pages, "ledger": _totals(pages)}


def _expectation(file: str, case: Case) -> dict[str, object]:
    return {
        "file": file,
        "url": case.url,
        "case": case.name,
        "fate": case.fate,
        "reason": case.reason,
        "group": case.group,
        "language": case.language,
        "note": case.note,
    }


def _totals(pages: list[dict[str, Any]]) -> dict[str, object]:
    """Of each group of fate one_of, one is kept and the others are rejected."""
    counts: dict[str, Counter[str]] = {SKIPPED: Counter(), REJECTED: Counter(), "failed": Counter()}
    members = [member for found in crawl().values() for member in found]
    for member in members:
        if member.case is None:
            counts[member.fate][member.kind] += 1
    kept, groups = 0, set()
    for entry in pages:
        if entry["fate"] == KEPT or (entry["fate"] == ONE_OF and entry["group"] not in groups):
            kept += 1
        else:
            counts[REJECTED if entry["fate"] == ONE_OF else entry["fate"]][entry["reason"]] += 1
        groups.add(entry["group"])
    return {"records": len(members), "kept": kept, **{fate: dict(found) for fate, found in counts.items()}}


@functools.lru_cache(maxsize=1)
def crawl() -> dict[str, list[Member]]:
    """The members of each file, in order."""
    plain = list(plain_pages())
    half = len(plain) // 2
    return {
        FILES[0]: _file(FILES[0], [*plain[:half], *rule_cases()], companions=True),
        FILES[1]: _file(FILES[1], _mixed([*plain[half:]], [*foreign_pages()], [*duplicate_cases()])),
        FILES[2]: [*_file(FILES[2], hostile_cases()), *_damage()],
        FILES[3]: _wet(FILES[3]),
    }


def _mixed(*sources: list[Case]) -> Iterator[Case]:
    """The cases of several lists by turns."""
    for turn in range(max(map(len, sources))):
        yield from (source[turn] for source in sources if turn < len(source))


def _file(name: str, cases: Any, companions: bool = False) -> list[Member]:
    """warcinfo and a response for each case; `companions` adds request and metadata."""
    members = [_warcinfo(name)]
    for number, case in enumerate(cases):
        second = 3 * number + 1 if case.second is None else case.second
        if companions:
            members.append(_request(name, case, number, second))
        members.append(Member(gzip_member(response(name, case, number, second)), case, "response"))
        if companions:
            members.append(_metadata(name, case, number, second))
    return members


def _warcinfo(name: str) -> Member:
    headers = {
        "WARC-Type": "warcinfo",
        "WARC-Date": date(0),
        "WARC-Record-ID": record_id(name),
        "WARC-Filename": name,
        "Content-Type": "application/warc-fields",
    }
    return Member(gzip_member(warc_record(headers, SOFTWARE)), None, "type_warcinfo")


def response(name: str, case: Case, number: int, second: int, length: int | None = None) -> bytes:
    """The response record of `case`, uncompressed. `length` lies about the length of the block."""
    http = {"Date": "Sat, 04 Jul 2026 06:00:00 GMT", "Server": "sample/1.0"}
    if case.content_type is not None:
        http["Content-Type"] = case.content_type
    block = http_message(case.status, {**http, **case.http, "Content-Length": str(len(case.body))}, case.body)
    headers = {
        "WARC-Type": "response",
        "WARC-Date": date(second),
        "WARC-Record-ID": record_id(name, number, case.url, "response"),
        "WARC-Warcinfo-ID": record_id(name),
        "WARC-IP-Address": f"192.0.2.{1 + number % 250}" if number % 5 else f"2001:db8::{number % 250:x}",
        "WARC-Target-URI": case.url,
        "WARC-Payload-Digest": digest(case.body),
        "WARC-Block-Digest": digest(block),
        "Content-Type": "application/http; msgtype=response",
    }
    kept = {key: value for key, value in {**headers, **case.warc}.items() if value}
    return warc_record(kept, block, length)


def _request(name: str, case: Case, number: int, second: int) -> Member:
    host, _, path = case.url.split("//", 1)[1].partition("/")
    block = f"GET /{quote(path, safe='/?=&%')} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sample\r\n\r\n".encode()
    headers = {
        "WARC-Type": "request",
        "WARC-Date": date(second),
        "WARC-Record-ID": record_id(name, number, case.url, "request"),
        "WARC-Concurrent-To": record_id(name, number, case.url, "response"),
        "WARC-Target-URI": case.url,
        "Content-Type": "application/http; msgtype=request",
    }
    return Member(gzip_member(warc_record(headers, block)), None, "type_request")


def _metadata(name: str, case: Case, number: int, second: int) -> Member:
    block = b"fetchTimeMs: %d\r\ncharset-detected: UTF-8\r\n" % (40 + number % 90)
    headers = {
        "WARC-Type": "metadata",
        "WARC-Date": date(second),
        "WARC-Record-ID": record_id(name, number, case.url, "metadata"),
        "WARC-Refers-To": record_id(name, number, case.url, "response"),
        "WARC-Target-URI": case.url,
        "Content-Type": "application/warc-fields",
    }
    return Member(gzip_member(warc_record(headers, block)), None, "type_metadata")


def _damage() -> list[Member]:
    """Damaged stretches with good records between them, and an end cut in the middle of a record."""
    good = [_plain_case(f"after_damage_{number}") for number in range(5)]
    members = []
    for number, case in enumerate(good):
        members.append(Member(_damaged(number), None, DAMAGE[number], "failed"))
        members.append(Member(gzip_member(response(FILES[2], case, 900 + number, 30_000 + number)), case, "response"))
    cut = gzip_member(response(FILES[2], _plain_case("cut"), 990, 30_990))
    return [*members, Member(cut[: len(cut) // 2], None, "truncated", "failed")]


def _plain_case(name: str) -> Case:
    return page(name, f"https://hives.example/broken/{name}", Writer(name, topic="hives").article(6))


def _damaged(number: int) -> bytes:
    """Garbage, a wrong checksum, a broken block, a wrong length, a record that is none: by `number`."""
    record = response(FILES[2], _plain_case(f"damaged_{number}"), 800 + number, 29_000 + number)
    member = bytearray(gzip_member(record))
    if number == 0:
        return b"\x00garbage between two members, not gzip at all\r\n\xff\xfe" * 3
    if number == 1:
        member[-6] ^= 0x55
    if number == 2:
        member[13] ^= 0xFF
    if number == 3:
        case = _plain_case("damaged_3")
        return gzip_member(response(FILES[2], case, 803, 29_003, length=len(record) + 5_000))
    if number == 4:
        return gzip_member(b"This member holds no record.\r\n" * 4)
    return bytes(member)


def _wet(name: str) -> list[Member]:
    """A WET file: texts as an extractor wrote them, in English and other languages, one with hostile text."""
    members = [_warcinfo(name)]
    for number, case in enumerate(_wet_cases()):
        headers = {
            "WARC-Type": "conversion",
            "WARC-Target-URI": case.url,
            "WARC-Date": date(60_000 + number),
            "WARC-Record-ID": record_id(name, number, case.url),
            "WARC-Refers-To": record_id(name, number, case.url, "response"),
            "WARC-Block-Digest": digest(case.body),
            "Content-Type": "text/plain",
        }
        members.append(Member(gzip_member(warc_record(headers, case.body)), case, "conversion"))
    return members


def _wet_cases() -> Iterator[Case]:
    topics = list(load("prose")["topic"])
    for number in range(16):
        topic = topics[number % len(topics)]
        lines = Writer(f"wet {number}", topic=topic).article(6)
        text = "\n".join(["Home", "Articles", lines[0][:40], *lines, "Imprint"])
        yield Case("wet", f"https://{topic}.example/wet/{number}", text.encode())
    for language, vocabulary in list(load("languages").items())[:5]:
        text = "\n".join(Writer(f"wet {language}", language).paragraph(3) for _ in range(4))
        url = f"https://{vocabulary['host']}/wet/{language}"
        yield Case("wet_other_language", url, text.encode(), REJECTED, "FastText.other_language", language=language)
    shout = "The log said \x1b[2J\x1b[31mdanger\x1b[0m and "
    shout += "<script>alert('wet')</script> in one line, and we laughed."
    text = "\n".join([shout, *Writer("wet hostile", topic="harbour").article(6)])
    yield Case("wet_hostile", "https://harbour.example/wet/hostile", text.encode())
    yield Case("wet_empty", "https://harbour.example/wet/empty", b"", REJECTED, NO_TEXT)


FATES = (KEPT, REJECTED, SKIPPED, ONE_OF)
