"""The funnel by language: what each language loses to each rule, beside the median language.

A rule that fits one script badly takes much more of a language than of the others; in the totals that is not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from curate.console.terminal import number, share, size
from curate.report.charts import breakable, text
from curate.run.ledger import Ledger

ENOUGH = 20
"""Documents from which a share of a language says something."""
APART, TIMES = 0.1, 3.0
"""A language stands out when a rule takes so much more of it than of the median language, and so many times as much."""
SHOWN, RULES = 60, 8


@dataclass(frozen=True, slots=True)
class LanguageFunnel:
    """One language."""

    name: str
    documents: int
    """Kept, rejected and failed ones, as far as their language was told."""
    kept: int
    text_kept: int
    """Bytes."""
    lost: Mapping[str, int]
    """By reason."""

    def share(self, reason: str) -> float:
        """Of its documents, lost for a reason."""
        return self.lost.get(reason, 0) / self.documents if self.documents else 0.0


def funnels(ledger: Ledger) -> list[LanguageFunnel]:
    """All languages of a ledger, the largest first; documents whose language nothing told are left out."""
    found = []
    for name, entry in ledger.get("languages", {}).items():
        lost = {**entry["rejected"], **entry["failed"]}
        if name:
            found.append(
                LanguageFunnel(name, entry["kept"] + sum(lost.values()), entry["kept"], entry["text_kept"], lost)
            )
    return sorted(found, key=lambda one: (-one.documents, one.name))


def medians(rows: Sequence[LanguageFunnel]) -> dict[str, float]:
    """Of each reason the median share over the languages with enough documents."""
    large = [one for one in rows if one.documents >= ENOUGH]
    return {reason: median(one.share(reason) for one in large) for one in large for reason in one.lost}


def stands_out(one: LanguageFunnel, reason: str, middle: Mapping[str, float]) -> bool:
    """Whether a rule takes far more of a language than of the median one."""
    usual, found = middle.get(reason, 0.0), one.share(reason)
    return one.documents >= ENOUGH and found >= usual + APART and found >= TIMES * usual


def outliers(rows: Sequence[LanguageFunnel]) -> list[tuple[LanguageFunnel, str, float]]:
    """(language, reason, share of the median language) of all that stand out, the largest share first."""
    middle = medians(rows)
    found = [
        (one, reason, middle.get(reason, 0.0)) for one in rows for reason in one.lost if stands_out(one, reason, middle)
    ]
    return sorted(found, key=lambda item: (-item[0].share(item[1]), item[0].name, item[1]))


def languages(ledger: Ledger) -> str:
    """The section of the report; nothing for a corpus of one language."""
    rows = funnels(ledger)
    if len(rows) < 2:
        return ""
    middle = medians(rows)
    reasons = sorted(
        middle, key=lambda reason: (-max(one.share(reason) for one in rows if one.documents >= ENOUGH), reason)
    )
    shown = reasons[:RULES]
    head = "".join(
        f'<th class="n">{text(name)}</th>' for name in ("documents", "kept", "of text", "bytes a document")
    ) + "".join(f'<th class="n">{breakable(reason)}</th>' for reason in shown)
    body = "".join(_row(one, shown, middle) for one in rows[:SHOWN])
    large = [one for one in rows if one.documents >= ENOUGH]
    usual = share(median(one.kept / one.documents for one in large), 1) if large else ""
    first = (
        f'<tr class="total"><td>median language</td><td></td><td class="n">{usual}</td><td></td><td></td>'
        + "".join(f'<td class="n">{share(middle[reason], 1)}</td>' for reason in shown)
        + "</tr>"
    )
    more = len(rows) - SHOWN
    tail = f'<p class="soft">and {number(more)} more languages in ledger.json</p>' if more > 0 else ""
    what = (
        f"What each rule took of the documents of a language, the {RULES} rules that took most of any. Marked is what is "
        f"{APART:.0%} of the documents, and {TIMES:g} times, above the median of the languages with {ENOUGH} documents: look at "
        "these texts, a rule may not fit the script."
    )
    table = f'<div class="wide"><table><tr><th>language</th>{head}</tr>{first}{body}</table></div>'
    return f'<section id="languages">\n<h2>Languages</h2>\n<p class="soft">{what}</p>{_told(rows)}{table}{tail}\n</section>\n'


def _told(rows: Sequence[LanguageFunnel]) -> str:
    """The worst in words."""
    found = outliers(rows)[:5]
    if not found:
        return ""
    items = "".join(
        f"<li><b>{text(one.name)}</b>: {text(reason)} took {share(one.lost[reason], one.documents)}, of the median language "
        f"{share(usual, 1)}</li>"
        for one, reason, usual in found
    )
    return f"<ul>{items}</ul>"


def _row(one: LanguageFunnel, shown: Sequence[str], middle: Mapping[str, float]) -> str:
    cells = [
        number(one.documents),
        share(one.kept, one.documents),
        size(one.text_kept),
        number(round(one.text_kept / one.kept)) if one.kept else "",
    ]
    plain = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    lost = "".join(
        f'<td class="n{" out" if stands_out(one, reason, middle) else ""}">{_maybe(one, reason)}</td>'
        for reason in shown
    )
    return f"<tr><td>{text(one.name)}</td>{plain}{lost}</tr>"


def _maybe(one: LanguageFunnel, reason: str) -> str:
    return share(one.lost[reason], one.documents) if one.lost.get(reason) else ""
