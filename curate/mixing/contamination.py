"""Which documents of a source share n-grams with evaluation tasks: looked up once per source file and kept.

A file of hits stands row by row beside the counts of the same source file (see `counts`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.files import storage
from curate.mixing import counts, decontaminate
from curate.mixing.sources import Source, read

HITS = pa.schema([pa.field("hits", pa.int32(), nullable=False)])


def tasks(source: Source, folder: str, paths: Sequence[str], ngrams: decontaminate.Ngrams) -> list[dict[str, Any]]:
    """One task per file of a source, as JSON for `look`."""
    digest = f"hits-{ngrams.digest}"
    return [
        {
            "source": source.name,
            "file": file,
            "text_column": source.text_column,
            "id_column": source.id_column,
            "tasks": list(paths),
            "ngram": ngrams.ngram,
            "hits": storage.join(folder, f"{counts.fingerprint(source, file, digest)}.parquet"),
        }
        for file in source.files
    ]


def look(task: dict[str, Any]) -> dict[str, Any]:
    """Write the hits of one file unless they stand there. Runs in a worker."""
    answer = {"source": task["source"], "file": task["file"], "hits": task["hits"]}
    if storage.exists(task["hits"]):
        return answer
    source = Source(task["source"], "", (task["file"],), task["text_column"], task["id_column"])
    ngrams = decontaminate.load(task["tasks"], task["ngram"])
    found = [decontaminate.hits(ngrams, batch.column("text")) for batch in read(source, task["file"], Counter())]
    column = pa.array(np.concatenate(found) if found else np.zeros(0, np.int32), pa.int32())
    with storage.atomic(task["hits"]) as temporary:
        table = pa.table([column], schema=HITS)
        pq.write_table(table, temporary, row_group_size=counts.ROW_GROUP, compression="zstd")
    return {**answer, "documents": len(column)}
