"""Stop before a deduplication wipes out what it should not.

Templated pages, a boilerplate header or a threshold set too low can make one cluster of a whole source. Other tools go
on silently; here the job stops, with the evidence, when one cluster or one host loses a larger share than the recipe
allows. Nothing has been removed by then.
"""

from typing import TYPE_CHECKING, Any

from curate.dedup.base import doc_hex
from curate.dedup.tables import count
from curate.errors import AlarmError

if TYPE_CHECKING:
    from curate.dedup.minhash import MinHash
    from curate.engine import Session

SHOWN = 5


def check(s: "Session", step: "MinHash", prints: Any, lost: str, facts: dict[str, Any]) -> None:
    """Raise AlarmError when a cluster or a host in the folder `lost` (doc, survivor, value) is over its limit."""
    if not count(lost):
        return
    losses = s.read(lost)
    found = _clusters(losses, step, facts) + _hosts(losses, prints, step)
    if found:
        raise AlarmError("\n  ".join(["deduplication stopped, nothing was removed:", *found]))


def _clusters(losses: Any, step: "MinHash", facts: dict[str, Any]) -> list[str]:
    found = []
    for cluster in facts["largest"]:
        gone = cluster["documents"] - 1
        share = gone / facts["documents"]
        if gone >= step.alarm_from and share > step.max_cluster_share:
            sample = losses.where(losses["survivor"] == _number(cluster["survivor"])).orderBy("value", "doc")
            least = [f"{doc_hex(r['doc'])} ({_similarity(r['value'])})" for r in sample.limit(SHOWN).collect()]
            found.append(
                f"one cluster would lose {gone:,} documents, {share:.1%} of all (limit: max_cluster_share = "
                f"{step.max_cluster_share}); its survivor is {cluster['survivor']}, the least similar are {', '.join(least)}"
            )
    return found


def _hosts(losses: Any, prints: Any, step: "MinHash") -> list[str]:
    from pyspark.sql import functions as F

    if step.max_host_share >= 1:
        return []
    hosts = prints.where("rank >= 0").select("doc", "host")
    totals = hosts.groupBy("host").agg(F.count(F.lit(1)).alias("documents"))
    gone = losses.select("doc").join(hosts, "doc").groupBy("host").agg(F.count(F.lit(1)).alias("gone"))
    both = gone.where(F.col("gone") >= step.alarm_from).join(totals, "host")
    over = both.where(F.col("gone") > F.col("documents") * step.max_host_share)
    return [
        f"{row['host']} would lose {row['gone']:,} of {row['documents']:,} documents (limit: max_host_share = "
        f"{step.max_host_share})"
        for row in over.orderBy(F.desc("gone"), "host").limit(SHOWN).collect()
    ]


def _number(name: str) -> int:
    value = int(name, 16)
    return value - 2**64 if value >= 2**63 else value


def _similarity(value: float | None) -> str:
    return "not verified" if value is None else f"{value:.2f}"
