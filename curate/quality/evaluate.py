"""A model on labelled texts it has not seen: how well it tells them apart, beside signals that cost nothing."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import RecipeError, UsageError
from curate.filters.base import Document
from curate.filters.jit import Array
from curate.filters.linear import load, shipped
from curate.filters.quality import MeanLineLength, Quality, StopWordShare
from curate.quality.labelled import Labelled, Text
from curate.quality.measures import Area, Reliability, auc, auc_with_interval, reliability
from curate.quality.train import seen

LEAST_OF_GROUP = 20
"""Texts that a host or language needs for a figure of its own."""
MOST_GROUPS = 15


@dataclass(frozen=True)
class Group:
    """Texts that share a host, a language or a length."""

    name: str
    texts: int
    good: float
    """Share."""
    auc: float


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on some texts."""

    model: str
    texts: int
    good: int
    area: Area
    trivial: Mapping[str, Area]
    """The same for signals by themselves."""
    reliability: Sequence[Reliability]
    groups: Mapping[str, Sequence[Group]]
    """By language, host and length."""
    notes: Sequence[str]


def evaluate(found: Labelled, step: Quality) -> Evaluation:
    """Score texts with a model and compare with their labels.

    Texts that the model has learnt from, or whose host it has, are left out and counted. Raises RecipeError for a model that can't
    be used, UsageError where nothing is left of a class.
    """
    try:
        step.prepare()
        texts, notes = _without_seen(found, step)
    except (OSError, ValueError) as error:
        raise RecipeError(str(error)) from error
    good = np.array([one.good for one in texts])
    if good.all() or not good.any():
        told = "; ".join(notes)
        raise UsageError(f"{len(texts):,} texts are left, and not some of each class{': ' if told else ''}{told}")
    hosts = [one.group for one in texts]
    scores = _values(step, "quality", texts)
    trivial = {
        "mean line length": _values(MeanLineLength(), "mean_line_chars", texts),
        "stop-word share": _values(StopWordShare(), "stop_word_share", texts),
        "characters": np.array([float(len(one.text)) for one in texts]),
    }
    return Evaluation(
        model=step.model or "the shipped one",
        texts=len(texts),
        good=int(good.sum()),
        area=auc_with_interval(scores, good, hosts),
        trivial={name: auc_with_interval(values, good, hosts) for name, values in trivial.items()},
        reliability=reliability(scores, good),
        groups={
            "language": _groups([one.language for one in texts], scores, good),
            "host": _groups([one.host for one in texts], scores, good),
            "length": _groups(_thirds([len(one.text) for one in texts]), scores, good),
        },
        notes=notes,
    )


def _values(step: Callable[[Document], Any], signal: str, texts: Sequence[Text]) -> Array:
    return np.array([step(Document(f"{one.digest:016x}", one.text)).signals[signal] for one in texts])


def _without_seen(found: Labelled, step: Quality) -> tuple[list[Text], list[str]]:
    folder = Path(step.model).expanduser() if step.model else shipped()
    notes = [*found.notes]
    if not folder.is_dir():
        return found.texts, [
            *notes,
            "a fastText model does not say what it has learnt from: texts it knows are not left out",
        ]
    card = load(folder).card
    notes += _other_languages(found.texts, card)
    hosts, known = (set(some.tolist()) for some in seen(folder, card))
    texts = [one for one in found.texts if one.digest not in known]
    if len(texts) < len(found.texts):
        notes.append(
            f"{len(found.texts) - len(texts):,} texts are those that the model has learnt from: they are left out"
        )
    away = [one for one in texts if not one.host or one.group not in hosts]
    if len(away) < len(texts):
        notes.append(f"{len(texts) - len(away):,} texts are of hosts that the model has learnt from: they are left out")
    if any(not one.host for one in away):
        notes.append("texts without a URL have no host, so none of theirs can be known again")
    return away, notes


def _other_languages(texts: Sequence[Text], card: Mapping[str, Any]) -> list[str]:
    """A note where texts are in languages that a model has not learnt from, as far as both are known."""
    data = card.get("data")
    learnt = data.get("languages") if isinstance(data, dict) else None
    if not isinstance(learnt, dict) or not learnt:
        return []
    others = Counter(one.language for one in texts if one.language and one.language not in learnt)
    if not others:
        return []
    named = ", ".join(f"{language} ({count:,})" for language, count in others.most_common(5))
    return [f"the model has learnt from {', '.join(learnt)} alone; of other languages are {named}"]


def _groups(names: Sequence[str], scores: Array, good: Array) -> list[Group]:
    counts = Counter(name for name in names if name)
    listed = np.array(names)
    rows = []
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        here = listed == name
        area = auc(scores[here], good[here])
        if count >= LEAST_OF_GROUP and not np.isnan(area):
            rows.append(Group(name, count, float(good[here].mean()), area))
    return rows[:MOST_GROUPS]


def _thirds(lengths: Sequence[int]) -> list[str]:
    low, high = np.quantile(lengths, [1 / 3, 2 / 3])
    names = (f"up to {low:,.0f} characters", f"up to {high:,.0f}", "longer")
    return [names[int(length > low) + int(length > high)] for length in lengths]


def as_json(found: Evaluation) -> dict[str, Any]:
    """With stable keys."""
    return {
        "model": found.model,
        "texts": found.texts,
        "good": found.good,
        "auc": found.area._asdict(),
        "trivial": {name: area._asdict() for name, area in found.trivial.items()},
        "reliability": [row._asdict() for row in found.reliability],
        "groups": {name: [asdict(group) for group in rows] for name, rows in found.groups.items()},
        "notes": list(found.notes),
    }
