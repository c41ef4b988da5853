"""Is each post of a dump in one document or counted in the ledger, and are answers in the order of their scores? Counted apart.

    curate clean --input DUMP/Posts.xml --recipe stackexchange --output qa/
    python -m benchmarks.sources_stackexchange DUMP/Posts.xml qa/

The standard library's parser reads the dump, pyarrow the corpus: nothing of ours.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pyarrow.parquet as pq


def main(dump, corpus):
    posts = {}
    for _, element in ElementTree.iterparse(dump):
        if element.tag == "row":
            posts[int(element.get("Id"))] = dict(element.attrib)
            element.clear()
    rows = pq.read_table(Path(corpus) / "data").to_pylist()
    ledger = json.loads((Path(corpus) / "ledger.json").read_text())
    placed = Counter(number for row in rows for number in [row["question_id"], *row["answer_ids"]])
    assert max(placed.values()) == 1, "a post in two documents"
    left = Counter(values["PostTypeId"] for number, values in posts.items() if number not in placed)
    skipped = {kind: count for kind, count in ledger["skipped"].items() if kind != "answer_in_document"}
    misordered = wrong = 0
    for row in rows:
        scores = [int(posts[number]["Score"]) for number in row["answer_ids"]]
        misordered += scores != sorted(scores, reverse=True)
        wrong += any(int(posts[number]["ParentId"]) != row["question_id"] for number in row["answer_ids"])
    by_text = sum(
        [*row["answer_ids"]] != sorted(row["answer_ids"], key=lambda number: posts[number]["Score"], reverse=True)
        for row in rows
    )
    print(f"{dump}: {len(posts)} posts, {len(rows)} documents, {sum(placed.values())} posts in them")
    print(f"  not in a document, by type: {dict(left)}; the ledger says: {skipped}")
    print(
        f"  misordered: {misordered}; of another question: {wrong}; orders that differ if scores were texts: {by_text}"
    )
    assert sum(placed.values()) + sum(left.values()) == len(posts) == ledger["records"]
    assert sum(left.values()) == sum(skipped.values()) + sum(ledger["rejected"].values())


if __name__ == "__main__":
    main(*sys.argv[1:])
