"""Keys and addresses in code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.base import Document
from curate.filters.secrets import Secrets
from tests.linear import assert_linear


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"t = 'github_pat_{'a1B2c3D4e5F' * 2}_{'Z9y8X7w6V5u' * 5}Ab3d'", "t = '<KEY>'"),
        (f"k = 'sk-proj-{'aB3_dE5-' * 9}xyT3BlbkFJ{'aB3_dE5-' * 9}xy'", "k = '<KEY>'"),
        (f"k = 'sk-ant-api03-{'aB3_dE5-' * 11}Q2wE-AA'", "k = '<KEY>'"),
        (f"k = 'AIza{'SyD3fG7hJ9k' * 3}Q2'", "k = '<KEY>'"),
        (f"k = 'hf_{'aBcDeFgHiJ' * 3}kLmN'", "k = '<KEY>'"),
        ("j = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'", "j = '<KEY>'"),
        ("db_password = 'Tr0ub4dor&3x'", "db_password = '<KEY>'"),
        ('"apiKey": "q8w7e6r5t4y3u2i1o0p9",', '"apiKey": "<KEY>",'),
        ("# mail: jane@kyoto.museum", "# mail: <EMAIL>"),
        ("host = '91.198.174.192'", "host = '<IP>'"),
        ("host = '2001:4860:4860:1234:0:0:0:9999'", "host = '<IP>'"),
    ],
)  # fmt: skip
def test_forms_of_today(text, expected):
    assert _redact(text)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "sha = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
        "cache_key = 'd41d8cd98f00b204e9800998ecf8427e'",
        "token_id = '6ba7b810-9dad-41d1-80b4-00c04fd430c8'",
        "password = os.environ['DB_PASSWORD']",
        "password = 'changeme'",
        "password: ${PASSWORD}",
        "host = '192.168.0.17'",
        "dns = '8.8.8.8'",
        "__version__ = '1.12.4.2'",
        "aws = 'AKIAIOSFODNN7EXAMPLE'",
        "mail = 'jane@mail.example.org'",
    ],
)
def test_harmless_alike(text):
    assert _redact(text)[0] == text


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
    ("piece", "end"),
    [
        ("a", "@"),
        ("a.@", ""),
        ("-----BEGIN PRIVATE KEY-----", ""),
        ("eyJ" * 500 + "\n", ""),
        ("aws_secret" * 150 + "\n", ""),
        ("x://a:" * 300 + "\n", ""),
    ],
)
def test_hostile_texts_take_linear_time(piece, end):
    step = Secrets()
    step(Document("0" * 32, piece))

    def work(size, salt):
        doc = Document("0" * 32, f"{salt} {piece * (size // len(piece))}{end}")
        return lambda: step(doc)

    assert_linear(work, piece[:20], 1 << 20)
