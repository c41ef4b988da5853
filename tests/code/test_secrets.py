"""Keys and addresses in code."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.base import Document
from filters.secrets import Secrets


def _redact(text):
    decision = Secrets()(Document("1", text))
    assert decision.reason is None
    return decision.doc.text, dict(decision.removed)


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("aws = 'AKIA" + "Q3EGRXMPL4BCDFGH'", "aws = '<KEY>'", "key"),
        ("t = 'ghp_" + "a1B2c3" * 6 + "'", "t = '<KEY>'", "key"),
        ("u = 'https://bob:hunter2hunter2@host.org/x'", "u = 'https://bob:<KEY>@host.org/x'", "key"),
        ("# jane.doe+x@mail.corp.io wrote it", "# <EMAIL> wrote it", "email"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----<KEY>-----END RSA PRIVATE KEY-----",
            "private_key",
        ),
    ],
)
def test_replaced(text, expected, kind):
    assert _redact(f"x = 1\n{text}\ny = 2\n") == (f"x = 1\n{expected}\ny = 2\n", {kind: 1})


@pytest.mark.parametrize(
    "text",
    ["@decorator\ndef f(a): ...\n", "x = a @ b\n", "a@example.com", "git@host.org:x/y.git", "0123456789abcdef" * 4, ""],
)
def test_left_alone(text):
    assert _redact(text) == (text, {})


def test_two_keys_in_a_line_and_a_long_line():
    key = "AKIA" + "Q3EGRXMPL4BCDFGH"
    long = "x" * 3000 + key
    assert _redact(f"{key} {key}\n{long}\n{key}") == (f"<KEY> <KEY>\n{long}\n<KEY>", {"key": 3})


@given(st.text(alphabet="abz019@.:/-_ \n=+", max_size=400))
def test_twice_is_once(text):
    once, _ = _redact(text)
    assert _redact(once)[0] == once


def test_the_count_is_in_the_document():
    decision = Secrets()(Document("0" * 32, "# jane@uni-x.de, john@host.org\n"))
    assert decision.doc.redacted == 2
    assert Secrets()(decision.doc).doc == decision.doc
    assert Secrets()(Document("0" * 32, "x = 1\n")).doc.redacted == 0


@pytest.mark.parametrize(
    "text", ["y = a@b.shape", "icon@2x.png", "@app.route('/')", "w@x.T", "a@b.is(c)", "user@example.org"]
)
def test_what_is_no_address_stays(text):
    assert Secrets()(Document("0" * 32, text)).doc.text == text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000 + "@",
        "a.@" * 300_000,
        "-----BEGIN PRIVATE KEY-----" * 20_000,
        ("eyJ" * 500 + "\n") * 600,
        ("aws_secret" * 150 + "\n") * 600,
        ("x://a:" * 300 + "\n") * 500,
    ],
)
def test_hostile_texts_take_linear_time(text):
    started = time.process_time()
    Secrets()(Document("0" * 32, text))
    assert time.process_time() - started < 6
