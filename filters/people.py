"""What leads to a person, and where it stands in a text: e-mail addresses, public IP addresses, phone numbers, card and account numbers.

Every pattern is bounded, so that time is linear in the text. Numbers are told by their check digits, where they have any.
"""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache

from curate.filters.tables import lines_of

EMAIL = re.compile(
    r"(?<![\w.+/%-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,5}([A-Za-z]{2,24})(?![\w-])",
    re.ASCII,
)
"""Group 1: the top-level domain. Letters of other scripts may stand on both sides, as in Chinese."""
IPV4 = re.compile(
    r"(?<![\w.\-/])((?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3})(?![\w-]|\.\d)", re.ASCII
)
IPV6 = re.compile(r"(?<![\w:.])((?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,7})(?![\w:])", re.ASCII)
_IN_IPV4, _IN_IPV6 = re.compile(r"\.\d{1,3}\.\d"), re.compile(r":[0-9A-Fa-f]{0,4}:")
"""A part of each: ten times as fast to look for."""
_OF_VERSION = re.compile(
    r"(?:(?<![a-z])(?:v|ver|rev|oid)|version|release|revision|build|==|>=|<=|~=|\^|assembly\w*)['\"(:=\s]{0,6}$", re.I
)
_KNOWN_IPS = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220", "1.2.3.4", "4.3.2.1", "5.6.7.8"})  # fmt: skip
"""Name servers for everybody, and made-up addresses."""
_RESERVED = re.compile(r"(?:[.@]example\.(?:com|net|org)|\.(?:example|test|invalid|localhost))$", re.IGNORECASE)
"""Domains that are nobody's (RFC 2606)."""
_CARD = re.compile(r"(?<![\w.+-])\d(?:[ -]?\d){11,18}(?![\w-]|\.\d)", re.ASCII)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])")
_PHONE = re.compile(
    r"(?<![\w+/=&?#.-])(?<!\d[,:])(?:\+ ?)?\(?\d(?:[ .()/\u00a0\u2009\u2011-]{0,3}\d){5,16}(?: ?(?:x|ext\.?) ?\d{1,6})?(?![\w%]|[.,:/-]\d)",
    re.ASCII | re.IGNORECASE,
)
_AMERICAN = re.compile(
    r"(?:(?:\+|00)?1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}(?: ?(?:x|ext\.?) ?\d{1,6})?", re.I
)
_ABROAD = re.compile(r"(?:\+ ?|00(?=[1-9]))[1-9]")
_TRUNK = re.compile(r"\(?0[1-9]\d{0,3}\)?(?:[ ./\u00a0-]\d{2,8}){1,4}")
_DATE = re.compile(r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})(?![\d./-])")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_CALLED = re.compile(
    r"(?:\btel[eé]?(?:f[oó]n[oe]?|fone|fonnummer|phone)?s?|\btél(?:éphone)?|\bphone|\bfax|\bmobil[e]?|\bcell|\bcall(?: us)?(?: at| on)?|"
    r"\bwhatsapp|\bsms|\bhandy|\bhotline|\bnumber is|\bruf|тел(?:ефон)?|電話|电话|手机|전화)[\w ]{0,12}[.:：)\s]{0,4}$",
    re.IGNORECASE,
)  # fmt: skip
_NAMED = re.compile(r"[ -](?:office|fax|mobile|phone|cell)\b", re.IGNORECASE)
_SCHEMES = (
    (("34", "37"), (15,)),
    (("4",), (13, 16, 19)),
    (tuple(map(str, range(51, 56))), (16,)),
    (tuple(map(str, range(2221, 2721))), (16,)),
    (("6011", "65", *map(str, range(644, 650))), (16, 17, 18, 19)),
    (tuple(map(str, range(3528, 3590))), (16, 17, 18, 19)),
    (("36", "38", "39", *map(str, range(300, 306))), (14, 15, 16, 17, 18, 19)),
    (("62", "81"), (16, 17, 18, 19)),
    (("50", "56", "57", "58", "6304", "6759", "6761", "6762", "6763"), (12, 13, 14, 15, 16, 17, 18, 19)),
    (("1800", "2131"), (15,)),
)  # fmt: skip
"""First digits of card numbers and how many there are, by scheme (ISO/IEC 7812; the schemes' own ranges)."""
_IBAN_LENGTHS = dict(
    pair.split(":")
    for pair in [
        "AD:24",
        "AE:23",
        "AL:28",
        "AT:20",
        "AZ:28",
        "BA:20",
        "BE:16",
        "BG:22",
        "BH:22",
        "BI:27",
        "BR:29",
        "BY:28",
        "CH:21",
        "CR:22",
        "CY:28",
        "CZ:24",
        "DE:22",
        "DJ:27",
        "DK:18",
        "DO:28",
        "EE:20",
        "EG:29",
        "ES:24",
        "FI:18",
        "FK:18",
        "FO:18",
        "FR:27",
        "GB:22",
        "GE:22",
        "GI:23",
        "GL:18",
        "GR:27",
        "GT:28",
        "HR:21",
        "HU:28",
        "IE:22",
        "IL:23",
        "IQ:23",
        "IS:26",
        "IT:27",
        "JO:30",
        "KW:30",
        "KZ:20",
        "LB:28",
        "LC:32",
        "LI:21",
        "LT:20",
        "LU:20",
        "LV:21",
        "LY:25",
        "MC:27",
        "MD:24",
        "ME:22",
        "MK:19",
        "MN:20",
        "MR:27",
        "MT:31",
        "MU:30",
        "NI:28",
        "NL:18",
        "NO:15",
        "OM:23",
        "PK:24",
        "PL:28",
        "PS:29",
        "PT:25",
        "QA:29",
        "RO:24",
        "RS:22",
        "RU:33",
        "SA:24",
        "SC:31",
        "SD:18",
        "SE:24",
        "SI:19",
        "SK:24",
        "SM:27",
        "SO:23",
        "ST:25",
        "SV:28",
        "TL:23",
        "TN:24",
        "TR:26",
        "UA:29",
        "VA:22",
        "VG:24",
        "XK:20",
        "YE:30",
    ]
)
"""Characters of an account number by country (the IBAN registry)."""


@lru_cache(maxsize=1)
def top_level_domains() -> frozenset[str]:
    """Those of the Public Suffix List, less endings of files and names in code."""
    return frozenset(word for line in lines_of("domains.txt") for word in line.split())


def is_public(address: str) -> bool:
    """Whether an IP address is of the public network, and not everybody's, nor a version of four parts."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if found.version == 4 and max(found.packed) < 20:
        return False
    return found.is_global and not found.is_multicast and address not in _KNOWN_IPS


def is_version(text: str, at: int) -> bool:
    """Whether what stands before `at` says that the number there is a version."""
    return _OF_VERSION.search(text, max(0, at - 24), at) is not None


def emails(text: str) -> Iterator[tuple[int, int]]:
    """Where e-mail addresses stand, of top-level domains that exist; those of reserved domains are nobody's."""
    if "@" in text:
        for match in EMAIL.finditer(text):
            top = match[1].lower()
            if (len(top) == 2 or top in top_level_domains()) and not _RESERVED.search(match[0]):
                yield match.span()


def ip_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Where public IP addresses stand."""
    for pattern, telling in ((IPV4, _IN_IPV4), (IPV6, _IN_IPV6)):
        for match in pattern.finditer(text) if telling.search(text) else ():
            if is_public(match[1]) and not is_version(text, match.start()):
                yield match.span()


def card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers of payment cards stand: of a scheme's first digits and length, with the check digit of ISO/IEC 7812 (Luhn)."""
    for match in _CARD.finditer(text):
        digits = match[0].replace(" ", "").replace("-", "")
        known = any(digits.startswith(first) and len(digits) in lengths for first, lengths in _SCHEMES)
        if known and luhn(digits):
            yield match.span()


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others."""
    doubled = [(2 * int(digit) - 9 if digit > "4" else 2 * int(digit)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def account_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where international bank account numbers stand (ISO 13616): of a country's length, with remainder 1 modulo 97."""
    for match in _IBAN.finditer(text):
        length = int(_IBAN_LENGTHS.get(match[0][:2].upper(), "0"))
        end, count = match.start(), 0
        while length and count < length and end < match.end():  # words behind may look like groups of it
            count += text[end] != " "
            end += 1
        whole = end == len(text) or not text[end].isalnum()
        if length and count == length and whole and mod97(text[match.start() : end].replace(" ", "")) == 1:
            yield match.start(), end


def mod97(iban: str) -> int:
    """The remainder of an account number, its first four characters moved to the end and letters as two digits."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97


def phone_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where phone numbers stand: with a country code, in the American form, in groups behind a trunk 0, or behind a word that says so."""
    for match in _PHONE.finditer(text):
        start, end = match.span()
        number = match[0]
        digits = sum(char.isdigit() for char in re.split("x|ext", number, flags=re.I)[0])
        if (
            not 6 <= digits <= 15
            or _DATE.match(number)
            or _SSN.fullmatch(number)
            or number.count("(") != number.count(")")
        ):
            continue
        if (
            (digits >= 8 and _ABROAD.match(number))
            or _AMERICAN.fullmatch(number)
            or (9 <= digits <= 11 and _TRUNK.fullmatch(number))
            or _CALLED.search(text, max(0, start - 40), start)
            or _NAMED.match(text, end)
        ):
            yield start, end


FINDERS = {
    "email": emails,
    "ip_address": ip_addresses,
    "iban": account_numbers,
    "card": card_numbers,
    "phone": phone_numbers,
}
"""Functions that find a kind, the surest first: what one has found is not looked at by those behind it."""
