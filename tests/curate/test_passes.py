from dataclasses import dataclass
from typing import Any

import pytest

from curate.corpus.recipe import Recipe
from curate.errors import CurateError
from curate.filters.base import Decision, Document, drop, keep
from curate.report.trace import trace
from curate.run.ledger import check_failures
from curate.run.passes import judge


@dataclass(frozen=True)
class Raises:
    costly: bool = False

    def __call__(self, doc: Document) -> Decision:
        raise ZeroDivisionError("by <b>")


@dataclass(frozen=True)
class Counts:
    """Drops what is shorter than `minimum`."""

    minimum: int

    def __call__(self, doc: Document) -> Decision:
        signals = {"characters": float(len(doc.text))}
        kept = len(doc.text) >= self.minimum
        return keep(doc, signals=signals) if kept else drop(doc, "short", len(doc.text), signals=signals)


def row(text: str) -> dict[str, Any]:
    fields = {"id": "1", "text": text, "source": "s", "verdict": None, "reason": None, "value": None, "detail": None}
    return {**fields, "signals": {}, "removed": {}}


def test_a_step_that_raises_fails_its_document_and_never_keeps_it():
    one = row("text")
    judge([one], [("Raises", Raises()), ("Counts", Counts(1))])
    assert (one["verdict"], one["reason"]) == ("failed", "Raises.ZeroDivisionError")
    assert one["detail"] == "by <b>"


@pytest.mark.parametrize("given", [None, True, Document(id="1", text="t", source="s"), ("text", None)])
def test_a_step_that_gives_no_decision_fails_its_document(given):
    """It ended the task, and `explain`, with a traceback."""
    one = row("text")
    judge([one], [("Own", lambda doc: given), ("Counts", Counts(1))])
    assert (one["verdict"], one["reason"]) == ("failed", "Own.TypeError")
    assert one["detail"] == f"a step returns a Decision (keep, drop), not {type(given).__name__}"
    rejected = row("text")
    judge([rejected], [("Short", Counts(5)), ("Own", lambda doc: given)])
    assert rejected["verdict"] == "rejected"
    found = trace(row("text"), Recipe("r", (lambda doc: given,), ("Own",)), {})
    assert (found.verdict, found.reason) == ("failed", "Own.TypeError")


def test_the_first_reason_decides_and_later_steps_only_measure():
    one = row("text")
    judge([one], [("Short", Counts(5)), ("Shorter", Counts(9)), ("Raises", Raises())])
    assert (one["verdict"], one["reason"], one["value"]) == ("rejected", "Short.short", 4)
    assert one["signals"] == {"characters": 4.0}


def test_a_document_that_no_step_rejects_stays_undecided():
    one = row("text")
    judge([one], [("Counts", Counts(4))])
    assert one["verdict"] is None
    assert one["reason"] is None


def test_more_failures_than_the_recipe_allows_end_the_job():
    check_failures("corpus", {"limits": {"failed_share": 0.25, "max_failed": 0.25}})
    with pytest.raises(CurateError, match=r"26\.00% of the documents failed, more than the 25\.00% the recipe allows"):
        check_failures("corpus", {"limits": {"failed_share": 0.26, "max_failed": 0.25}})
