"""Personal data in texts for people, replaced."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from curate.filters.base import Decision, Document, keep
from curate.filters.people import FINDERS

FINEWEB = {
    "email": ("email@example.com", "firstname.lastname@example.org"),
    "ip_address": (
        "22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168",
    ),
}  # fmt: skip
"""What FineWeb puts in the place of addresses, by turns (datatrove's PIIFormatter)."""
TAGS = {"email": "<EMAIL>", "ip_address": "<IP>", "phone": "<PHONE>", "card": "<CARD>", "iban": "<IBAN>"}
_STAND_INS = frozenset(FINEWEB["ip_address"])


@dataclass(frozen=True)
class PersonalData:
    """Replaces e-mail addresses and public IP addresses, and optionally phone numbers, card numbers (Luhn) and bank
    account numbers (IBAN, modulo 97); keeps every document. Counted in `removed` and in signals, by kind.

    Source: FineWeb (Penedo et al. 2024, section 3.6; datatrove's PIIFormatter) for addresses and their replacements.
    Differs from the source: IPv6 addresses, and addresses in capitals or next to other scripts, are found as well;
    reserved domains, public name servers and version numbers are kept; the sequence of replacements restarts in each
    document, so that it depends on nothing else.
    """

    signals: ClassVar[tuple[str, ...]] = ("pii_email", "pii_ip_address", "pii_iban", "pii_card", "pii_phone")

    kinds: tuple[str, ...] = ("email", "ip_address")
    """Any of email, ip_address, phone, card, iban."""
    form: str = "fineweb"
    """"fineweb": dummy addresses, in rotation, and tags for the other kinds; "tags": `<EMAIL>`, `<IP>` and so on."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))  # TOML gives a list
        for kind in self.kinds:
            if kind not in FINDERS:
                raise ValueError(f"kinds: {kind!r} is none of {', '.join(FINDERS)}")
        if self.form not in ("fineweb", "tags"):
            raise ValueError(f'form must be "fineweb" or "tags", got {self.form!r}')

    def __call__(self, doc: Document) -> Decision:
        found = places(doc.text, self.kinds)
        counts = {kind: sum(one[2] == kind for one in found) for kind in FINDERS if kind in self.kinds}
        signals = {f"pii_{kind}": float(count) for kind, count in counts.items()}
        if not found:
            return keep(doc, 0.0, signals=signals)
        removed = {kind: count for kind, count in sorted(counts.items()) if count}
        return keep(
            replace(doc, text=self._replaced(doc.text, found)), float(len(found)), signals=signals, removed=removed
        )

    def _replaced(self, text: str, found: Sequence[tuple[int, int, str]]) -> str:
        parts, at, turns = [], 0, dict.fromkeys(FINDERS, 0)
        for start, end, kind in found:
            forms = FINEWEB.get(kind, ()) if self.form == "fineweb" else ()
            parts += [text[at:start], forms[turns[kind] % len(forms)] if forms else TAGS[kind]]
            turns[kind] += 1
            at = end
        return "".join([*parts, text[at:]])


def places(text: str, kinds: Sequence[str]) -> list[tuple[int, int, str]]:
    """Start, end and kind of what is found in a text, in order; no two overlap."""
    found: list[tuple[int, int, str]] = []
    for kind, finder in FINDERS.items():
        if kind in kinds:
            new = [(a, b, kind) for a, b in finder(text) if text[a:b] not in _STAND_INS]
            found = _merged(found, new) if found else new
    return sorted(found)


def _merged(old: list[tuple[int, int, str]], new: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Both, without those of `new` that overlap one of `old`."""
    old, kept, at = sorted(old), [], 0
    for one in sorted(new):
        while at < len(old) and old[at][1] <= one[0]:
            at += 1
        if at == len(old) or old[at][0] >= one[1]:
            kept.append(one)
    return old + kept
