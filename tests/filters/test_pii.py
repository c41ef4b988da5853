"""Personal data in texts for people: what is found, what is not, and what stands in for it."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.base import Document
from curate.filters.people import FINDERS, luhn, mod97
from curate.filters.pii import FINEWEB, TAGS, PersonalData, places
from tests.linear import assert_linear

ALL = tuple(FINDERS)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("email", "Write to [Jane.Doe+x@mail.host.org], please."),
        ("email", "邮箱[jane@host.cn]欢迎"),
        ("email", "JANE: [JANE@HOST.DE]."),
        ("ip_address", "seen from [93.184.216.34] and [2606:2800:220:1:248:1893:25c8:1946]"),
        ("ip_address", "IP：[93.184.216.34]的"),
        ("card", "paid with [4111 1111 1111 1111] and [378282246310005]"),
        ("card", "[5555-5555-5555-4444]"),
        ("iban", "to [DE89 3704 0044 0532 0130 00] by Friday"),
        ("iban", "[gb82west12345698765432], [NO9386011117947]"),
        ("phone", "Call [+49 (0)30 1234567] or [+1-984-182-0190]"),
        ("phone", "Tel.: [030 1234567], fax [(555) 234-5678 x123]"),
        ("phone", "in Lyon [04 72 10 30 30]"),
        ("phone", "电话：[010-62768899]"),
    ],
)
def test_found(kind, text):
    plain = text.replace("[", "").replace("]", "")
    wanted = text.count("[")
    found = places(plain, ALL)
    assert [one[2] for one in found] == [kind] * wanted
    marked = plain
    for start, end, _ in reversed(found):
        marked = f"{marked[:start]}[{marked[start:end]}]{marked[end:]}"
    assert marked == text


@pytest.mark.parametrize(
    "text",
    [
        "jane@example.com, you@mail.example.org, a@b.invalid, a@b.notadomain, a @ b.com",
        "192.168.1.1, 10.0.0.1, 8.8.8.8, 127.0.0.1, 999.93.184.216, version 93.184.216.34, 1.2.3.4.5",
        "4111 1111 1111 1112, 1234567890123456, 0000000000000000, ISBN 978-3-16-148410-0",
        "DE89 3704 0044 0532 0130 01, DE89 3704 0044, XX89370400440532013000",
        "2026-11-29, 29.11.2026, 12:30:45, 1,234,567.89, 3.14159265, 1914-1918, 123-45-6789, 10 000 000 people",
        "In 1999 there were 250 000 of 1 300 000; see pages 123-456 and RFC 2606.",
    ],
)
def test_not_found(text):
    assert places(text, ALL) == []


def test_stand_ins_are_fineweb_s_by_turns_and_begin_anew():
    text = "a@host.org b@host.org c@host.org 93.184.216.34 93.184.216.35"
    step = PersonalData()
    first, second = FINEWEB["email"]
    ips = FINEWEB["ip_address"]
    decision = step(Document("1", text))
    assert decision.doc.text == f"{first} {second} {first} {ips[0]} {ips[1]}"
    assert decision.removed == {"email": 3, "ip_address": 2}
    assert decision.signals == {"pii_email": 3.0, "pii_ip_address": 2.0}
    assert step(Document("2", "d@host.org")).doc.text == first


def test_tags_and_other_kinds():
    text = "4111 1111 1111 1111, DE89370400440532013000, +49 30 1234567, a@host.org, 93.184.216.34"
    assert (
        PersonalData(kinds=ALL, form="tags")(Document("1", text)).doc.text == "<CARD>, <IBAN>, <PHONE>, <EMAIL>, <IP>"
    )
    assert PersonalData(kinds=("card",))(Document("1", text)).doc.text.startswith("<CARD>, DE89370400440532013000")


def test_wrong_parameters():
    with pytest.raises(ValueError, match="'ssn' is none of"):
        PersonalData(kinds=("ssn",))
    with pytest.raises(ValueError, match="form must be"):
        PersonalData(form="x")


@given(st.text(alphabet="ab1@.+-() :4/xtel\n", max_size=120))
def test_places_are_in_order_and_a_second_run_finds_nothing(text):
    found = places(text, ALL)
    assert all(a < b for a, b, _ in found)
    assert all(one[1] <= two[0] for one, two in itertools.pairwise(found))
    for form in ("fineweb", "tags"):
        step = PersonalData(kinds=("email", "ip_address", "card", "iban"), form=form)
        once = step(Document("1", text)).doc
        assert step(once).doc.text == once.text
    assert set(TAGS) == set(FINDERS)


@given(st.text(alphabet="0123456789", min_size=12, max_size=18))
def test_one_digit_is_right(digits):
    assert sum(luhn(digits + last) for last in "0123456789") == 1


@pytest.mark.parametrize(
    "iban", ["GB82WEST12345698765432", "FR1420041010050500013M02606", "MT84MALT011000012345MTLCAST001S"]
)
def test_a_wrong_character_of_an_account_number_is_noticed(iban):
    assert mod97(iban) == 1
    for at in range(4, len(iban)):
        other = "1" if iban[at] != "1" else "2"
        assert mod97(iban[:at] + other + iban[at + 1 :]) != 1


@pytest.mark.parametrize("piece", ["a.", "a@", "1 ", "1-", "1.", "a:", "+1(", "DE12 ", "a@b.", "tel "])
def test_linear_time(piece):
    def work(size: int, salt: int):
        text = str(salt) + piece * (size // len(piece))
        return lambda: places(text, ALL)

    assert_linear(work, piece)


def test_labelled_texts(testdata):
    """benchmarks/results/pii.md has the figures."""
    rows = json.loads((testdata / "J-sources/pii/microsoft__presidio-research/data/synth_dataset_v2.json").read_text())
    for name, kind, least in (
        ("EMAIL_ADDRESS", "email", 49),
        ("IP_ADDRESS", "ip_address", 14),
        ("IBAN_CODE", "iban", 21),
    ):
        told = [(row["full_text"], span) for row in rows for span in row["spans"] if span["entity_type"] == name]
        found = [
            text[a:b] for text, span in told for a, b in FINDERS[kind](text)
            if a <= span["start_position"] and b >= span["end_position"]
        ]  # fmt: skip
        assert len(found) == len(told) == least
