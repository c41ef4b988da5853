"""What documents hold of evaluation tasks, as rows: the same for `curate decontaminate` and `curate mix`."""

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from curate.mixing.decontam_items import label

if TYPE_CHECKING:
    from curate.mixing.decontam_match import Tasks

EVIDENCE = pa.schema(
    [
        pa.field("row", pa.int64()),  # of the column that was looked at
        pa.field("item", pa.int32()),
        pa.field("label", pa.string()),  # task#line
        pa.field("part", pa.string()),  # both, question or passage
        pa.field("pos", pa.int32()),  # first word in the document, as MinHash counts words
        pa.field("value", pa.float64()),  # how many words
        pa.field("note", pa.string()),  # JSON, without the number of documents and the closing brace
    ]
)
COMMON = 10
"""A question without its answer in more documents than this is common text."""
SHOWN_WORDS = 60


def evidence(known: "Tasks", column: Any) -> pa.Table:
    """EVIDENCE: a row for each item that a text of a string column holds, in the order of the texts."""
    from curate.dedup import kernel  # importing its compiler takes longer than many commands do

    rows, row, words = [], -1, list[str]()
    for found in known.find(column):
        if found.row != row:
            row, words = found.row, kernel.words(column[found.row].as_py() or "")
        item = known.items[found.item]
        facts = {
            "task": item.task,
            "item": item.number,
            "part": found.part,
            "held": round(found.held, 4),
            "run": found.run,
            "words": " ".join(words[found.first : found.end][:SHOWN_WORDS]),
        }
        told = json.dumps(facts, ensure_ascii=False)[:-1]
        size = float(found.end - found.first)
        rows.append((row, found.item, label(item), found.part, found.first, size, told))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(EVIDENCE)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, EVIDENCE, strict=True)], schema=EVIDENCE)


def guilty(part: Any, alone: Any, common: int) -> Any:
    """Which rows of evidence make a document contaminated: question and answer, or a question that is no common text.

    `part` and `alone` (documents that hold the item without its answer) are columns of an engine or arrays of numpy.
    """
    return (part == "both") | ((part == "question") & (alone <= common))
