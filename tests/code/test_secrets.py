"""Keys and addresses in code."""

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
