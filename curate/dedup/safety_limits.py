"""Stop before a deduplication wipes out what it should not.

Templated pages, a boilerplate header, an address that thousands of pages claim or a threshold set too low can make one
cluster of a whole source. Other tools go on silently; here the job stops, with the evidence, when one cluster, one
host or one source loses a larger share than the recipe allows. Nothing has been removed by then.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pyarrow as pa

from curate.dedup.base import column, doc_hex
from curate.errors import AlarmError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

SHOWN = 5


class Limits(Protocol):
    """What a step says about alarms. It may have a `max_source_share`, too."""

    @property
    def max_cluster_share(self) -> float:
        """Alarm when one cluster loses a larger share of all documents than this."""
        ...

    @property
    def max_host_share(self) -> float:
        """Alarm when one host (repository, source) loses a larger share of its documents than this."""
        ...

    @property
    def alarm_from(self) -> int:
        """No alarm for clusters and hosts that lose fewer documents than this."""
        ...


class Cluster(NamedTuple):
    """A group of copies: who stays, and how many they are with it."""

    survivor: int
    documents: int


def check_limits(step: Limits) -> None:
    """Raises ValueError for limits that are no shares, or no number of documents."""
    for name in ("max_cluster_share", "max_host_share", "max_source_share"):
        if not 0 <= getattr(step, name, 1) <= 1:
            raise ValueError(f"{name} must be between 0 and 1, got {getattr(step, name)}")
    if step.alarm_from < 1:
        raise ValueError(f"alarm_from must be at least 1, got {step.alarm_from}")


def hosts(batch: pa.RecordBatch) -> list[str | None]:
    """What the alarm looks at, of each document: its host, else its repository, else its source."""
    names = zip(column(batch, "host"), column(batch, "repo"), column(batch, "source"), strict=True)
    return [host or repo or source for host, repo, source in names]


def check(
    step: Limits, documents: int, largest: Sequence[Cluster], removals: "DataFrame", holders: "DataFrame"
) -> None:
    """Raise AlarmError when a cluster or a host is over its limit.

    `documents` is the number of all, `largest` the largest clusters, `removals` a frame (doc, survivor, value) and
    `holders` a frame (doc, host, source) of all documents, each once.
    """
    found = _clusters(step, documents, largest, removals)
    found += _places(step, "host", removals, holders) + _places(step, "source", removals, holders)
    if found:
        raise AlarmError("\n  ".join(["deduplication stopped, nothing was removed:", *found]))


def _clusters(step: Limits, documents: int, largest: Sequence[Cluster], removals: "DataFrame") -> list[str]:
    found = []
    for cluster in largest:
        gone = cluster.documents - 1
        share = gone / documents
        if gone >= step.alarm_from and share > step.max_cluster_share:
            sample = removals.where(removals["survivor"] == cluster.survivor).orderBy("value", "doc").limit(SHOWN)
            found.append(
                f"one cluster would lose {gone:,} documents, {share:.1%} of all (limit: max_cluster_share = "
                f"{step.max_cluster_share}); its kept copy is {doc_hex(cluster.survivor)}, {_shown(sample.collect())}"
            )
    return found


def _shown(rows: "Sequence[Row]") -> str:
    if any(row["value"] is None or row["value"] > 1 for row in rows):  # no similarity, but a number of copies
        return f"among the others are {', '.join(doc_hex(row['doc']) for row in rows)}"
    return "the least similar are " + ", ".join(f"{doc_hex(row['doc'])} ({row['value']:.2f})" for row in rows)


def _places(step: Limits, kind: str, removals: "DataFrame", holders: "DataFrame") -> list[str]:
    """Hosts or sources that would lose more than their limit."""
    from pyspark.sql import functions as F

    name = f"max_{kind}_share"
    limit: float = getattr(step, name, 1.0)  # equal texts and addresses are no judgement: sources may lose them
    if limit >= 1:
        return []
    totals = holders.groupBy(kind).agg(F.count(F.lit(1)).alias("documents"))
    gone = removals.select("doc").join(holders, "doc").groupBy(kind).agg(F.count(F.lit(1)).alias("gone"))
    both = gone.where(F.col("gone") >= step.alarm_from).join(totals, kind)
    over = both.where(F.col("gone") > F.col("documents") * limit)
    what = "source " if kind == "source" else ""
    return [
        f"{what}{row[kind]} would lose {row['gone']:,} of {row['documents']:,} documents (limit: {name} = {limit})"
        for row in over.orderBy(F.desc("gone"), kind).limit(SHOWN).collect()
    ]
