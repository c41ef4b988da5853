"""Keys, tokens, passwords and e-mail addresses in source code, replaced by placeholders.

The patterns of keys are those of detect-secrets (Yelp), which The Stack's and StarCoder's authors used for the same
purpose. Its entropy detectors are left out: on code they mostly find hashes and identifiers (StarCoder, section 4).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from itertools import groupby
from typing import ClassVar

from filters.base import Decision, Document, keep

DETECTORS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("basic_auth", "BasicAuthDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
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
"""Module and class of the detectors with a fixed form of key; Artifactory's also takes ordinary words."""

_PRIVATE_KEY = re.compile(
    r"(-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----)[^-]{1,20000}(-----END [A-Z0-9 ]{1,60}-----)"
)
_TOP = (
    "com|org|net|edu|gov|mil|int|info|biz|name|dev|app|io|ai|me|co|tv|cc|xyz|online|tech|cloud|pro|email|systems|software"
    "|de|uk|fr|it|es|pt|nl|be|ch|at|dk|se|no|fi|is|ie|pl|cz|sk|hu|ro|bg|gr|tr|ru|ua|by|lt|lv|ee|rs|hr|si|eu"
    "|cn|jp|kr|tw|hk|sg|in|id|th|vn|my|ph|pk|bd|lk|ir|il|sa|ae|us|ca|mx|br|ar|cl|pe|ve|uy|au|nz|za|ng|ke|eg|ma|kz|fm|su"
)
"""Ends of the hosts of nearly all addresses in code; a closed list, since `a@b.shape` is an expression."""
_EMAIL = re.compile(
    rf"(?<![\w.+/-])[A-Za-z0-9][\w.+-]{{0,63}}@(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,4}}(?:{_TOP})(?![\w(-])", re.I
)
_NOBODY = re.compile(r"@(?:[\w-]+\.)*example\.(?:com|org|net)$|^(?:git|noreply|no-reply)@", re.I)
"""Addresses that are no person's."""
_LONGEST_LINE = 2_000
"""Characters: longer lines hold data, on which the patterns take long; they are left as they are."""


_GATES = {"MailchimpDetector": "-us", "TelegramBotTokenDetector": ":AA", "BasicAuthDetector": "://"}
"""What a text must contain for a slow pattern to be tried. Telegram's tokens start with AA behind the colon."""


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    found: list[tuple[str, re.Pattern[str]]] = []
    for module, name in DETECTORS:
        detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
        found += [(_GATES.get(name, ""), pattern) for pattern in detector.denylist]
    return tuple(found)


def _secrets(text: str) -> list[tuple[int, int]]:
    """Places of keys: what the pattern's group catches, or all of it where the group is only a prefix."""
    places = []
    for gate, pattern in _patterns():
        for match in pattern.finditer(text) if gate in text else ():
            groups = [n for n in range(1, (match.lastindex or 0) + 1) if len(match.group(n) or "") >= 8]
            places.append(match.span(groups[0] if groups else 0))
    return places


@dataclass(frozen=True, slots=True)
class Secrets:
    """Replaces keys and tokens by `<KEY>` and e-mail addresses by `<EMAIL>`; keeps every file.

    Counted in the column `redacted`, and in `removed` as `key`, `private_key` and `email`. Addresses at example.com and of nobody (`noreply@`,
    `git@`) stay. Source: StarCoder (Li et al. 2023, section 4), with detect-secrets' patterns for its model.
    """

    signals: ClassVar[tuple[str, ...]] = ("code_redacted",)

    def __call__(self, doc: Document) -> Decision:
        counts: Counter[str] = Counter()
        text = doc.text
        if "PRIVATE KEY" in text:
            text, counts["private_key"] = _PRIVATE_KEY.subn(r"\1<KEY>\2", text)
        runs = groupby(text.splitlines(keepends=True), key=lambda line: len(line) <= _LONGEST_LINE)
        pieces = ((short, "".join(lines)) for short, lines in runs)
        text = "".join(_redacted(piece, counts) if short else piece for short, piece in pieces)
        total = sum(counts.values())
        signals: Mapping[str, float] = {"code_redacted": float(total)}
        counted = replace(doc, redacted=total + (doc.redacted or 0))
        if not total:
            return keep(counted, 0.0, signals=signals)
        removed = {name: n for name, n in sorted(counts.items()) if n}
        return keep(replace(counted, text=text), float(total), signals=signals, removed=removed)


def _redacted(text: str, counts: Counter[str]) -> str:
    end = len(text)
    for start, stop in sorted(_secrets(text), reverse=True):
        if stop <= end:
            text = f"{text[:start]}<KEY>{text[stop:]}"
            counts["key"] += 1
            end = start
    if "@" not in text:
        return text

    def hidden(match: re.Match[str]) -> str:
        if _NOBODY.search(match.group()):
            return match.group()
        counts["email"] += 1
        return "<EMAIL>"

    return _EMAIL.sub(hidden, text)
