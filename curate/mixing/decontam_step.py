"""Decontamination as a corpus-wide step: documents that hold items of evaluation tasks, with the evidence."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curate.dedup.base import Removal, doc64, shard_of
from curate.dedup.tables import count
from curate.filters.base import Decision, Document, drop, keep
from curate.mixing.contamination import COMMON, EVIDENCE, evidence, guilty
from curate.mixing.decontam_items import bundled, files

if TYPE_CHECKING:
    from curate.engine.session import Session

ROWS = pa.schema([pa.field("doc", pa.int64()), *list(EVIDENCE)[1:]])
ACTIONS = ("drop", "cut", "report")
SHOWN = 50


@dataclass(frozen=True)
class Decontaminate:
    """Documents that hold a question of an evaluation task and its answer, or a rare run of a question.

    Source: the n-gram overlap of Brown et al. (2020, appendix C), with a rule of our own (`curate.mixing.decontam_match`). A
    question without its answer that stands in more than `common` documents is common text: it is reported, and stays.
    """

    tasks: tuple[str, ...] = ()
    """JSON lines, or folders of them; empty: the tasks that come with the probe."""
    action: str = "drop"
    """"drop" the document, "cut" the words from question to answer out of it, or "report": leave it as it is."""
    common: int = COMMON
    least: int = 20
    """A document of which fewer words are left by a cut is dropped."""
    index: str = ""
    """Not there for this step."""
    against: str = ""
    """Not there for this step: its tasks are what it compares with."""

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"action must be one of {', '.join(ACTIONS)}, got {self.action!r}")
        for name in ("common", "least"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.index or self.against:
            raise ValueError("decontamination has no index and no against: name tasks")

    def named(self) -> tuple[str, ...]:
        """The files of tasks. Raises InputError where there is none."""
        return tuple(files(self.tasks or bundled()))

    def files(self) -> list[str]:
        """Files that decide what is found."""
        return [path for path in self.named() if os.path.exists(path)]

    def prepare(self) -> None:
        """Load the tasks. Raises InputError for what is no task."""
        from curate.mixing.decontam_match import load

        load(self.named())

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {"tasks": list(self.tasks)}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """A row for each item that a document holds."""
        if not batch.num_rows:
            return ROWS.empty_table()
        from curate.mixing.decontam_match import load

        found = evidence(load(self.named()), batch.column("text"))
        docs = doc64(batch.column("id").to_pylist())[found["row"].to_numpy()]
        return pa.table([pa.array(docs), *found.columns[1:]], schema=ROWS)

    def resolve(self, s: "Session", keys: str, out: str, shards: int, /) -> dict[str, object]:
        """Count in how many documents each item stands, and write who holds one to `out`."""
        from pyspark.sql import functions as F

        from curate.mixing.decontam_match import load

        known = load(self.named())
        facts: dict[str, Any] = {"questions": len(known.items), "too_short": known.too_short}
        facts |= {"found": 0, "contaminated": 0, "items": {}, "common": {}, "action": self.action}
        if not count(keys):
            s.write(s.spark.createDataFrame([], "shard int, " + _columns()), out)
            return facts
        rows = s.read(keys)
        # Where a question stands without its answer: by item, for it is these places that may be common text.
        alone = rows.where("part = 'question'").groupBy("item").agg(F.count(F.lit(1)).alias("documents"))
        asked = rows.where("part != 'passage'").groupBy("item").agg(F.count(F.lit(1)).alias("held_by"))
        told = rows.join(asked, "item", "left").join(alone, "item", "left")
        told = told.withColumn("guilty", guilty(F.col("part"), F.col("documents"), self.common))
        note = F.concat(F.col("note"), F.lit(', "documents": '), F.col("held_by").cast("string"), F.lit("}"))
        lost = told.where("guilty").select(
            shard_of(F.col("doc"), shards).alias("shard"),
            "doc",
            "pos",
            F.lit(None).cast("bigint").alias("survivor"),
            "value",
            note.alias("note"),
        )
        s.write(s.clustered(lost, "shard", shards), out, by="shard")
        facts["found"] = count(keys)
        facts["contaminated"] = told.where("guilty").select("doc").distinct().count()
        for name, some in (("items", told.where("guilty")), ("common", told.where("not guilty"))):
            tops = some.groupBy("label").agg(F.count(F.lit(1)).alias("n")).orderBy(F.desc("n"), "label").limit(SHOWN)
            facts[name] = {row["label"]: row["n"] for row in tops.collect()}
        return facts

    def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision:
        """Drop or cut the document; or leave it."""
        if self.action == "report":
            return keep(doc)
        if self.action == "drop":
            return drop(doc, "contaminated", float(len(lost)))
        text, left = without(doc.text, [(removal.pos, removal.pos + int(removal.value)) for removal in lost])
        removed = {"contaminated": len(lost)}
        if left < self.least or not left:
            return drop(doc, "little_left", float(left), removed=removed)
        return keep(replace(doc, text=text), removed=removed)


def _columns() -> str:
    return "doc bigint, pos int, survivor bigint, value double, note string"


def without(text: str, runs: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """The text without the words [first, end) of each run, as MinHash counts them, and how many are left.

    What stands between white space goes as a whole where one of its words goes.
    """
    from curate.dedup.difference import tokens, words_of

    parts = tokens(text)
    sizes = np.array([len(words) for words in words_of(parts)], np.int64)
    ends = np.cumsum(sizes)
    gone = np.zeros(len(parts), np.bool_)
    for first, end in runs:
        gone |= (ends > first) & (ends - sizes < end)
    left = "".join(part for part, lost in zip(parts, gone, strict=True) if not lost)
    return left, int(sizes[~gone].sum())
