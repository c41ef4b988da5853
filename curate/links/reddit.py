"""Submissions of Reddit (Pushshift's and Arctic Shift's dumps, 2005 to today): the page each links to, with its score.

Fields changed their types over the years: scores are numbers or texts, flags are booleans, texts, numbers or missing. The
name of whoever wrote a submission is never read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from curate.links.rules import Address, address

_MENTION = re.compile(r"(?<![\w/])/?u(?:ser)?/[\w-]+")
_NUMBER = re.compile(r"\s*[-+]?\d{1,18}(\.\d+)?\s*")
MAX_TITLE = 300


@dataclass(frozen=True, slots=True)
class Link:
    """One link to a page."""

    address: Address
    score: int
    text: str
    """What it is called where it stands: the title of a submission, the anchor of a link."""
    host: str = ""
    """Where it stands, for links of pages."""


def link(
    submission: Mapping[str, object], minimum: int, *, over_18: bool = False, wikipedia: bool = False
) -> Link | str:
    """The link of a submission, or why there is none: a reason of `rules.address`, or self_post, over_18, no_score,
    low_score, not_a_submission."""
    if "url" not in submission and "selftext" not in submission and "title" not in submission:
        return "not_a_submission"
    if flag(submission.get("is_self")) or str(submission.get("domain") or "").startswith("self."):
        return "self_post"
    if not over_18 and flag(submission.get("over_18")):
        return "over_18"
    found = address(submission.get("url") or submission.get("url_overridden_by_dest"), wikipedia=wikipedia)
    if isinstance(found, str):
        return found
    score = number(submission.get("score"))
    if score is None:
        return "no_score"
    if score < minimum:
        return "low_score"
    title = submission.get("title")
    words = " ".join(_MENTION.sub("", title).split())[:MAX_TITLE] if isinstance(title, str) else ""
    return Link(found, max(-(2**31), min(2**31 - 1, score)), words.encode("utf-8", "replace").decode())


def flag(value: object) -> bool:
    """Whether a flag is set: true, 1, "true", "True", "1"."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return bool(value) if isinstance(value, bool | int | float) else False


def number(value: object) -> int | None:
    """A number that may be a text; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if abs(value) < 2**53 else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(float(value)) if "." in value else int(value)
    return None
