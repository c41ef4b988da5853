"""Keys, tokens, passwords, e-mail addresses and public IP addresses in source code, replaced by placeholders.

The rules for keys are those of gitleaks (MIT licence, `filters/data/secrets-gitleaks.toml`) and of detect-secrets
(Yelp), which The Stack's and StarCoder's authors used for the same purpose. detect-secrets' entropy detectors are
left out: on code they mostly find hashes and identifiers (StarCoder, section 4).
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from typing import Any, ClassVar, NamedTuple

import re2

from curate.filters.base import Decision, Document, keep
from curate.filters.people import EMAIL, IPV4, IPV6, is_public, is_version, top_level_domains

DETECTORS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("basic_auth", "BasicAuthDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
"""Module and class of detect-secrets' detectors with a fixed form of key; Artifactory's also takes ordinary words."""
_GATES = {"MailchimpDetector": "-us", "TelegramBotTokenDetector": ":AA", "BasicAuthDetector": "://"}
"""What a text must contain for a slow pattern to be tried. Telegram's tokens start with AA behind the colon."""
_LONGEST_LINE = 2_000
"""Characters: on longer lines, which hold data, only the patterns of gitleaks (RE2, linear time) are tried."""

_PRIVATE_KEY = re.compile(
    r"(-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----)[^-]{1,20000}(-----END [A-Z0-9 ]{1,60}-----)"
)
_OWN = (
    ("anthropic", r"\bsk-ant-[a-z0-9]{2,12}-[\w-]{24,200}"),
    ("openai", r"\bsk-(?:proj|svcacct|admin|None)-[\w-]{32,250}"),
    ("google", r"\bAIza[\w-]{35}"),
    ("google_oauth", r"\bGOCSPX-[\w-]{28}|\bya29\.[\w-]{30,300}"),
    ("huggingface", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,60}\b"),
    ("github", r"\bgithub_pat_\w{60,100}|\bgh[pousr]_[A-Za-z0-9]{36,255}"),
    ("gitlab", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[\w-]{20,100}"),
    ("slack", r"\bxox[abeoprs]-(?:\d+-)*[A-Za-z0-9-]{16,200}|\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+|hooks\.slack\.com/services/([A-Za-z0-9+/]{40,60})"),
    ("stripe", r"\b(?:sk|rk|pk|whsec)_(?:test|live|prod)_[A-Za-z0-9]{16,100}|\bwhsec_[A-Za-z0-9+/=]{32,100}"),
    ("jwt", r"\bey[A-Za-z0-9_-]{10,}\.ey[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"),
    ("aws", r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}\b"),
    ("aws_secret", r"(?i)aws.{0,20}?(?:secret|key).{0,20}?['\"=: ]([A-Za-z0-9/+]{40})\b"),
    ("url", r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"<>{}$]{1,80}:([^\s/@'\"<>{}$]{4,100})@[\w.-]"),
    ("npm", r"\bnpm_[A-Za-z0-9]{36}\b|_authToken=([\w-]{20,100})"),
    ("docker", r"\bdckr_[po]at_[\w-]{24,40}"),
    ("newrelic", r"\bNR(?:AK|II|RA|JS)-[A-Za-z0-9]{18,32}\b"),
    ("replicate", r"\br8_[A-Za-z0-9]{37}\b"),
    ("groq", r"\bgsk_[A-Za-z0-9]{40,60}\b"),
    ("bearer", r"(?i)\bauthorization['\"]?\s*[:=,]\s*['\"]?(?:bearer|token|basic)\s+([\w.~+/=-]{16,500})"),
)  # fmt: skip
"""Forms of today that the rules of others don't have, or have too narrow."""
_ASSIGNED = re2.compile(
    r"(?i)(?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|credentials?)[\w.-]{0,20}['\"]?\]?\s{0,4}(?:=>|:=|=|:|,)\s{0,4}(?:[frbuFRBU@$]{0,2})(?:\"((?:[^\"\\\n]|\\.){6,120})\"|'((?:[^'\\\n]|\\.){6,120})')"
)
"""A password or key that is given as the value of a name that says so."""
_STANDS_FOR = re.compile(
    r"[\s{}<>$%()\[\]]|^[*xX.\-_#]+$|\.\.\.|example|sample|dummy|fake|mock|placeholder|change.?me|your|insert|todo|^(?:none|null|true|false|undefined)$|test|default|redacted|(?-i:^[A-Z]+(?:_[A-Z0-9]+)+$)|^(?:https?|file|[\w.]+)[:/]{1,3}|^<KEY>$|^[./~]|^--",
    re.I,
)
"""What stands for a password, or is the name of one."""
_DIGEST = re.compile(r"^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|0x[0-9a-f]+)$", re.I)  # fmt: skip
"""Hashes and UUIDs."""
_NOBODY = re.compile(
    r"@(?:[\w-]+\.)*(?:example\.\w+|example|test|invalid|localhost|localdomain|domain\.(?:com|tld)|users\.noreply\.github\.com|company\.com|email\.com|foo\.(?:com|bar)|bar\.com|yourdomain\.\w+)$|^(?:git|noreply|no-reply|donotreply|user|username|you|your\.?name|name|me|someone|foo|test)@",
    re.I,
)
"""Addresses that are no person's."""


class _Rule(NamedTuple):
    pattern: Any
    """Of RE2."""
    group: int
    entropy: float
    allowed: tuple[Any, ...]
    stopwords: tuple[str, ...]
    generic: bool


@lru_cache(maxsize=1)
def _detectors() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found: list[tuple[str, re.Pattern[str]]] = []
    for module, name in DETECTORS:
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        found += [(_GATES.get(name, ""), pattern) for pattern in detector.denylist]
    return tuple(found)


@lru_cache(maxsize=1)
def _rules() -> tuple[Any, tuple[tuple[_Rule, ...], ...]]:
    """An automaton of the rules' keywords, and for each keyword the rules that it opens."""
    text = (files("curate.filters") / "data" / "secrets-gitleaks.toml").read_text(encoding="utf-8")
    opened: dict[str, list[_Rule]] = {}
    for row in tomllib.loads(text)["rules"]:
        rule = _Rule(
            re2.compile(row["regex"]),
            row.get("secretGroup", 0),
            row.get("entropy", 0.0),
            tuple(re2.compile(pattern) for pattern in row.get("allowed", ())),
            tuple(row.get("stopwords", ())),
            row["id"] in ("generic-api-key", "hashicorp-tf-password"),
        )
        for keyword in row["keywords"]:
            opened.setdefault(keyword, []).append(rule)
    options = re2.Options()
    options.literal = True
    options.case_sensitive = False
    words = re2.Set.SearchSet(options)
    for keyword in opened:
        words.Add(keyword)
    words.Compile()
    return words, tuple(map(tuple, opened.values()))


@lru_cache(maxsize=1)
def _own() -> tuple[Any, ...]:
    return tuple(re2.compile(pattern) for _, pattern in _OWN)


def entropy(text: str) -> float:
    """Shannon's entropy of the characters, in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def _group(match: Any, wanted: int) -> int:
    """The group that holds the secret: the one asked for, else the first that is no mere prefix, else all."""
    if wanted:
        return wanted
    return next((n for n in range(1, len(match.groups()) + 1) if len(match.group(n) or "") >= 8), 0)


def _by_rules(text: str) -> Iterator[tuple[int, int]]:
    """Places that a rule of gitleaks finds, less what the rule lets pass."""
    words, opened = _rules()
    seen: set[int] = set()
    for number in words.Match(text) or ():
        for rule in opened[number]:
            if id(rule) in seen:
                continue
            seen.add(id(rule))
            for match in rule.pattern.finditer(text):
                group = _group(match, rule.group)
                secret = match.group(group)
                low = secret.lower()
                passes = entropy(secret) <= rule.entropy or any(p.search(secret) for p in rule.allowed)
                stopped = any(word in low for word in rule.stopwords)
                if not passes and not stopped and not (rule.generic and _is_harmless(secret)):
                    yield match.span(group)


def _is_harmless(value: str) -> bool:
    return (
        bool(_DIGEST.match(value) or _STANDS_FOR.search(value))
        or not re.search(r"\d", value)
        or not re.search(r"[A-Za-z]", value)
    )


def _passwords(text: str) -> Iterator[tuple[int, int]]:
    for match in _ASSIGNED.finditer(text):
        group = 1 if match.group(1) is not None else 2
        value = match.group(group)
        if (
            not _STANDS_FOR.search(value)
            and not _DIGEST.match(value)
            and re.search(r"[\d!@#^&*?+=]", value)
            and entropy(value) >= 2.0
        ):
            yield match.span(group)


def _secrets(text: str) -> list[tuple[int, int]]:
    """Places of keys, in no order: what the pattern's group catches, or all of it where the group is only a prefix."""
    places = list(_by_rules(text))
    for pattern in _own():
        places += [match.span(_group(match, 0)) for match in pattern.finditer(text)]
    places += _passwords(text)
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line) <= _LONGEST_LINE:
            for gate, detector in _detectors():
                for found in detector.finditer(line) if gate in line else ():
                    start, stop = found.span(_group(found, 0))
                    places.append((at + start, at + stop))
        at += len(line)
    places = [_inside(text, a, b) for a, b in places]
    return [(a, b) for a, b in places if a < b and "<KEY>" not in text[a:b] and not text[a:b].endswith("EXAMPLE")]


def _inside(text: str, start: int, stop: int) -> tuple[int, int]:
    """A place without the quotes around it, which some patterns catch: the line stays code."""
    quoted = stop - start > 1 and text[start] in "\"'`" and text[start] == text[stop - 1]
    return (start + 1, stop - 1) if quoted else (start, stop)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Replaces keys, tokens and passwords with `<KEY>`, e-mail addresses with `<EMAIL>`, public IP addresses with
    `<IP>`; keeps every file.

    Counted in the column `redacted`, and in `removed` as `key`, `private_key`, `email` and `ip_address`. Addresses at
    example.com, role addresses (`noreply@`, `git@`), private networks and public name servers are kept, and so are
    hashes and UUIDs. Source: StarCoder (Li et al. 2023, section 4), with the patterns of two scanners instead of its
    model.
    """

    signals: ClassVar[tuple[str, ...]] = ("code_redacted",)

    def __call__(self, doc: Document) -> Decision:
        counts: Counter[str] = Counter()
        text = doc.text
        if "PRIVATE KEY" in text:
            text, counts["private_key"] = _PRIVATE_KEY.subn(r"\1<KEY>\2", text)
        text = _redacted(text, counts)
        total = sum(counts.values())
        signals: Mapping[str, float] = {"code_redacted": float(total)}
        counted = replace(doc, redacted=total + (doc.redacted or 0))
        if not total:
            return keep(counted, 0.0, signals=signals)
        removed = {name: n for name, n in sorted(counts.items()) if n}
        return keep(replace(counted, text=text), float(total), signals=signals, removed=removed)


def _redacted(text: str, counts: Counter[str]) -> str:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(set(_secrets(text))):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    places = [0, *(place for span in merged for place in span), len(text)]
    text = "<KEY>".join(text[start:stop] for start, stop in zip(places[::2], places[1::2], strict=True))
    counts["key"] += len(merged)

    def hidden(match: re.Match[str]) -> str:
        called = match.string.startswith("(", match.end())  # a method of a module, not a person's
        if called or _NOBODY.search(match.group()) or match.group(1).lower() not in top_level_domains():
            return match.group()
        counts["email"] += 1
        return "<EMAIL>"

    def moved(match: re.Match[str]) -> str:
        if not is_public(match.group(1)) or is_version(match.string, match.start()):
            return match.group()
        counts["ip_address"] += 1
        return "<IP>"

    text = EMAIL.sub(hidden, text) if "@" in text else text
    return IPV6.sub(moved, IPV4.sub(moved, text)) if "." in text or ":" in text else text
