"""Addresses and numbers of people at their limits: one digit more or less is another thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters import people
from curate.filters.people import (
    account_numbers,
    card_numbers,
    emails,
    ip_addresses,
    is_public,
    is_version,
    phone_numbers,
)


def found(finder, text: str) -> list[str]:
    return [text[start:end] for start, end in finder(text)]


def checked(digits: str) -> str:
    """`digits` and the digit that checks them."""
    return next(digits + last for last in "0123456789" if people.luhn(digits + last))


LENGTHS = [
    (("34", "37"), {15}),
    (("4",), {13, 16, 19}),
    (("51", "55", "2221", "2720"), {16}),
    (("6011", "644", "649", "65", "3528", "3589", "62", "81"), {16, 17, 18, 19}),
    (("300", "305", "36", "38", "39"), {14, 15, 16, 17, 18, 19}),
    (("50", "56", "57", "58", "6304", "6759", "6761", "6762", "6763"), {12, 13, 14, 15, 16, 17, 18, 19}),
    (("1800", "2131"), {15}),
    (("2220", "2721", "306", "33", "3527", "3590", "59", "6010", "6012", "643", "6303", "66", "1801", "2130", "80", "9"), set()),
]  # fmt: skip
"""First digits, and what lies just outside: Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, Maestro (their own ranges)."""


@pytest.mark.parametrize(("firsts", "lengths"), LENGTHS)
def test_cards_have_the_digits_of_their_scheme(firsts, lengths):
    for first in firsts:
        made = {size: checked(first + "0" * (size - 1 - len(first))) for size in range(11, 21)}
        assert {size for size, number in made.items() if found(card_numbers, f"paid {number}.")} == lengths, first


@given(st.text("0123456789", min_size=3, max_size=30))
def test_luhn_is_the_sum_of_digits_with_every_second_one_doubled(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += sum(map(int, str(value)))
    assert people.luhn(digits) is (total % 10 == 0)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("20.1.1.1", True),
        ("1.2.20.3", True),
        ("19.19.19.19", False),  # a version of four parts
        ("1.19.3.4", False),
        ("8.8.8.8", False),
        ("93.184.216.34", True),
        ("10.0.0.93", False),
        ("224.0.1.99", False),  # to many
        ("127.0.0.1", False),
        ("999.1.1.1", False),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("1::1", True),
        ("2001::a", False),
        ("2600::", True),
        ("fe80::1", False),
        ("ff0e::1", False),
        ("x", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(address) is public


def test_a_version_is_told_by_what_stands_before_it():
    for text in ("v=93.184.216.34", "version: 93.184.216.34", "x >= 93.184.216.34", "rev 93.184.216.34"):
        assert is_version(text, text.index("93"))
        assert found(ip_addresses, text) == []
    assert found(ip_addresses, "seen from 93.184.216.34") == ["93.184.216.34"]
    assert not is_version("a version of 93.184.216.34", 13)
    far = "assembly" + "x" * 15 + "="  # 24 characters are looked at
    assert is_version(far, len(far))
    assert not is_version(f"assemblyx{far[8:]}", len(far) + 1)


def test_addresses_of_both_kinds_in_their_order():
    text = "2606:2800:220:1:248:1893:25c8:1946 93.184.216.34 93.184.216.35"
    assert found(ip_addresses, text) == ["93.184.216.34", "93.184.216.35", "2606:2800:220:1:248:1893:25c8:1946"]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@host.de", ["a@host.de"]),
        ("a@host.museum b@host.zz", ["a@host.museum", "b@host.zz"]),  # any two letters
        ("a@host.txt a@host.py2", []),
        ("a@host.test, a@example.org, a@my.example.com", []),
        ("a@example.org.de", ["a@example.org.de"]),
        ("A@HOST.ORG", ["A@HOST.ORG"]),
        ("no address", []),
    ],
)
def test_addresses_are_of_domains_that_exist(text, addresses):
    assert found(emails, text) == addresses


def iban(country: str, size: int) -> str:
    """An account number of so many characters with the right remainder."""
    rest = "0" * (size - 4)
    check = 98 - people.mod97(f"{country}00{rest}")
    return f"{country}{check:02}{rest}"


@pytest.mark.parametrize(("country", "size"), [("NO", 15), ("DE", 22), ("MT", 31), ("RU", 33)])
def test_account_numbers_have_the_length_of_their_country(country, size):
    number = iban(country, size)
    assert people.mod97(number) == 1
    assert found(account_numbers, f"to {number}.") == [number]
    assert found(account_numbers, number) == [number]
    assert found(account_numbers, number.lower()) == [number.lower()]
    for other in (iban(country, size - 1), iban(country, size + 1)):
        assert found(account_numbers, f"to {other}.") == []
    grouped = " ".join(number[at : at + 4] for at in range(0, size, 4))
    assert found(account_numbers, f"to {grouped} by today") == [grouped]  # words behind are no group of it
    assert found(account_numbers, f"to {grouped}1") == []
    assert found(account_numbers, f"to {number[:-1]}{(int(number[-1]) + 1) % 10}") == []


def test_a_country_without_account_numbers_has_none():
    assert found(account_numbers, iban("US", 20)) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+4930123", ""),  # 7 digits with a country's code
        ("+49301234", "+49301234"),  # 8
        ("0049301234", "0049301234"),
        ("+0930123456", ""),
        ("+49 30 1234 5678 901", "+49 30 1234 5678 901"),  # 15
        ("+49 30 1234 5678 9012", ""),  # 16
        ("tel. 123456", "123456"),  # 6
        ("tel. 12345", ""),
        ("030 123456", "030 123456"),  # 9 behind a 0
        ("030 12345", ""),
        ("030 12345678", "030 12345678"),  # 11
        ("030 123456789", ""),
        ("(555) 234-5678", "(555) 234-5678"),
        ("555-234-5678 ext. 12", "555-234-5678 ext. 12"),
        ("155-234-5678", ""),
        ("(030 1234567", ""),
        ("(030 1234567) 89", ""),
        ("fax: 2026-11-29", ""),  # a date
        ("tel 123-45-6789", ""),
        ("call us at 1234567", "1234567"),
        ("1234567 mobile", "1234567"),
        ("1234567 items", ""),
        ("and 1234567", ""),
    ],
)
def test_phone_numbers(text, number):
    assert found(phone_numbers, text) == ([number] if number else [])


def test_a_word_that_calls_a_number_stands_before_it():
    for before in ("tel ", "phone: ", "x" * 60 + " tel "):
        assert found(phone_numbers, f"{before}1234567") == ["1234567"]


@pytest.mark.parametrize(
    "before", ["server ", "over ", "driver: ", "prev=", "asteroid ", "serv ", "receiver (", "SERVER="]
)
def test_a_word_that_only_ends_like_version_says_none(before):
    assert not is_version(before + "93.184.216.34", len(before))


@pytest.mark.parametrize(
    "before", ["v", "ver ", "my_ver = ", "rev. 3, rev ", "FileVersion: ", "oid ", "pkg-v", "prerelease "]
)
def test_words_for_a_version_say_one(before):
    assert is_version(before + "93.184.216.34", len(before))
