"""Keys in code: how what was found is put together, and what lets a finding pass."""

import math
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curate.filters import secrets
from curate.filters.base import Document
from curate.filters.secrets import Secrets, entropy


def redacted(text: str) -> tuple[str, dict[str, int]]:
    decision = Secrets()(Document("1", text))
    assert decision.value == sum(decision.removed.values()) == decision.doc.redacted
    assert decision.signals == {"code_redacted": decision.value}
    return decision.doc.text, dict(decision.removed)


@given(st.text("abcd1", max_size=40))
def test_entropy_is_shannon_s(text: str) -> None:
    shares = [text.count(char) / len(text) for char in set(text)]
    assert entropy(text) == pytest.approx(-sum(p * math.log2(p) for p in shares), abs=1e-12)


@example("a" * 30, [(0, 4), (6, 6), (10, 5), (20, 6), (22, 2)])
@given(st.text("ab ", max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=6))
def test_findings_that_overlap_are_one(text: str, found: list[tuple[int, int]]) -> None:
    spans = [(at, min(at + size, len(text))) for at, size in found if at < len(text)]
    covered = [any(a <= at < b for a, b in spans) for at in range(len(text))]
    # a finding begins where nothing before it goes on
    starts = {at for at, _ in spans if not any(a < at < b for a, b in spans)}
    wanted = "".join(("<KEY>" if at in starts else "") + ("" if covered[at] else char) for at, char in enumerate(text))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(secrets, "_secrets", lambda _: spans)
        text, counts = redacted(text)
    assert text == wanted
    assert counts == ({"key": len(starts)} if starts else {})


@pytest.mark.parametrize(
    ("pattern", "text", "wanted", "group"),
    [
        ("(x)-(y{8})", "x-yyyyyyyy", 0, 2),  # the first that is no mere prefix
        ("(x{8})-(y{8})", "xxxxxxxx-yyyyyyyy", 0, 1),
        ("(x)-(y{7})", "x-yyyyyyy", 0, 0),  # all
        ("(x)-(y{8})", "x-yyyyyyyy", 1, 1),  # the one asked for
        ("(x)|(y{8})", "yyyyyyyy", 0, 2),
        ("xy", "xy", 0, 0),
    ],
)
def test_the_group_that_holds_the_secret(pattern: str, text: str, wanted: int, group: int) -> None:
    assert secrets._group(re.fullmatch(pattern, text), wanted) == group


MAILCHIMP = "3ae4c7b1d95f2068a7c4e1b3d8f59062-us12"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x0b"])
@pytest.mark.parametrize("size", [2000, 2001])
def test_lines_of_data_are_not_looked_through_by_slow_patterns(size: int, end: str) -> None:
    line = MAILCHIMP.rjust(size - len(end))
    text = f"é = 1{end}{line}{end}y = '{MAILCHIMP}'{end}"
    hidden = line.replace(MAILCHIMP, "<KEY>") if size <= 2000 else line
    assert redacted(text)[0] == f"é = 1{end}{hidden}{end}y = '<KEY>'{end}"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("password = 'a1b2a1b2'", "password = '<KEY>'"),  # two bits a character
        ("password = 'a1a1a1b1'", None),
        ('passphrase = "a1b2a1b2"', 'passphrase = "<KEY>"'),
        ("password = 'abcdefgh'", None),  # a word
        ("password = 'abcdef1'", "password = '<KEY>'"),
        ("password = 'abcdef!'", "password = '<KEY>'"),
        ("password = 'abc1!'", None),  # five characters
        (r"password = 'ab\'cdef1'", "password = '<KEY>'"),  # a quote in it
        (r'password = "ab\\", x = "cdef1"', None),  # it ends behind two backslashes
        ("password = 'your1pass'", None),
        ("password = 'd41d8cd98f00b204e9800998ecf8427e'", None),
        ("api_key = 'a1a1a1a1a1a1a1a1a1a1a1a1'", None),
        ("api_key = 'zK9vQ2xW7mR4tY8pL3nB'", "api_key = '<KEY>'"),
        ("k = 'AKIA" + "Q3EGRXMPL4BCDFGH'", "k = '<KEY>'"),
        ("k = 'AKIA" + "Q3EGRXMPLEXAMPLE'", None),
        ("k = 'ghp_" + "a1B2c3" * 6 + "'", "k = '<KEY>'"),
        ("k = 'ghp_" + "a" * 36 + "'", "k = '<KEY>'"),
        ("u = 'https://bob:hunter2hunter2@host.org/x'", "u = 'https://bob:<KEY>@host.org/x'"),
    ],
)
def test_what_is_a_secret(text: str, hidden: str | None) -> None:
    assert redacted(text) == ((hidden, {"key": 1}) if hidden else (text, {}))


@pytest.mark.parametrize(
    ("value", "harmless"),
    [
        ("abcdefgh", True),
        ("12345678", True),
        ("a1b2c3d4e5", False),
        ("example1", True),
        ("d41d8cd98f00b204e9800998ecf8427e", True),
        ("API_KEY_1", True),  # the name of one
        ("API_KEY", True),
    ],
)
def test_what_is_no_key_whatever_it_is_called(value: str, harmless: bool) -> None:
    assert secrets._is_harmless(value) is harmless


def test_a_rule_of_gitleaks_lets_pass_what_it_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """One rule of our own in their place: its keyword, group, entropy, exceptions and stop words, one by one."""
    import re2

    options = re2.Options()
    options.literal, options.case_sensitive = True, False

    def found(text: str, **changed: object) -> list[tuple[int, int]]:
        plain = {
            "pattern": re2.compile(r"tok_(\w+)"),
            "group": 1,
            "entropy": 1.0,
            "allowed": (),
            "stopwords": (),
            "generic": False,
        }
        words = re2.Set.SearchSet(options)
        words.Add("tok_")
        words.Compile()
        monkeypatch.setattr(secrets, "_rules", lambda: (words, ((secrets._Rule(**{**plain, **changed}),),)))  # type: ignore[arg-type]
        return list(secrets._by_rules(text))

    assert found("x tok_abcd y tok_dcba") == [(6, 10), (17, 21)]
    assert found("x tok_abcd", group=0) == [(2, 10)]
    assert found("x TOK_abcd") == []
    assert found("x tok_aabb") == []  # one bit a character
    assert found("x tok_aabc") == [(6, 10)]
    assert found("x tok_abcd", allowed=(re2.compile("bc"),)) == []
    assert found("x tok_abcd", allowed=(re2.compile("x"), re2.compile("^a"))) == []
    assert found("x tok_abcd", allowed=(re2.compile("x"),)) == [(6, 10)]
    assert found("x tok_aBCd", stopwords=("bc",)) == []
    assert found("x tok_abcd", stopwords=("x", "y")) == [(6, 10)]
    assert found("x tok_abcd", generic=True) == []  # no digit
    assert found("x tok_abc1", generic=True) == [(6, 10)]
    assert found("nothing") == []


def test_a_keyword_opens_its_rules_where_it_stands_and_in_any_case() -> None:
    """A dot in it is a dot, no pattern."""
    words, opened = secrets._rules()
    rows = tomllib.loads((Path(secrets.__file__).parent / "data/secrets-gitleaks.toml").read_text())["rules"]
    for row in rows:
        for keyword in row["keywords"]:
            for written in (keyword, keyword.upper()):
                found = {rule.pattern.pattern for number in words.Match(f"-{written}-") for rule in opened[number]}
                assert row["regex"] in found
    dotted = next(row for row in rows if "webhook.office.com" in row["keywords"])
    for text, opens in (("x webhook.office.com y", True), ("x webhook-office-com y", False)):
        found = {rule.pattern.pattern for number in words.Match(text) or () for rule in opened[number]}
        assert (dotted["regex"] in found) is opens


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("# jane@host.org", "# <EMAIL>"),
        ("jane@host.org()", "jane@host.org()"),  # a method
        ("noreply@host.org", "noreply@host.org"),
        ("jane@host.notadomain", "jane@host.notadomain"),
        ("h = '93.184.216.34' '10.0.0.1'", "h = '<IP>' '10.0.0.1'"),
        ("version = '93.184.216.34'", "version = '93.184.216.34'"),
        ("h = '2606:2800:220:1:248:1893:25c8:1946'", "h = '<IP>'"),
    ],
)
def test_addresses_in_code(text: str, hidden: str) -> None:
    kind = "email" if "<EMAIL>" in hidden else "ip_address"
    assert redacted(text) == (hidden, {kind: 1} if hidden != text else {})


def test_secrets_that_are_counted_already() -> None:
    doc = Document("1", "# jane@host.org", redacted=3)
    assert Secrets()(doc).doc.redacted == 4
    assert Secrets()(Document("1", "x", redacted=3)).doc.redacted == 3


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("value", ["s3cr3t-Pa55w0rd", "hunter2hunter2", "Zx9dK2mQ7vB4nT8wR5yU1pL6"])
def test_the_quotes_around_a_secret_stay(quote: str, value: str) -> None:
    line = f"administrator_password = {quote}{{}}{quote}\nafter = 1\n"
    assert Secrets()(Document("0", line.format(value))).doc.text == line.format("<KEY>")
