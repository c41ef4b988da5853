"""Which documents of a source share n-grams with evaluation tasks: looked up once per source file and kept.

A file of hits stands row by row beside the counts of the same source file (see `counts`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.files import storage
from curate.mixing import counts, decontaminate
from curate.mixing.sources import Source, SourceFile, read

HITS = pa.schema([pa.field("hits", pa.int32(), nullable=False)])


@dataclass(frozen=True, slots=True)
class LookTask:
    """A file of a source, the evaluation tasks to look for, and the file for the hits."""

    file: SourceFile
    tasks: tuple[str, ...]
    ngram: int
    out: str


def tasks(source: Source, folder: str, paths: Sequence[str], ngrams: decontaminate.Ngrams) -> list[LookTask]:
    """One task per file of a source."""
    digest = f"hits-{ngrams.digest}"
    return [
        LookTask(
            source.only(file),
            tuple(paths),
            ngrams.ngram,
            storage.join(folder, f"{counts.fingerprint(source, file, digest)}.parquet"),
        )
        for file in source.files
    ]


def look(task: LookTask) -> int:
    """Task: write the hits of one file; gives its number of documents."""
    ngrams = decontaminate.load(task.tasks, task.ngram)
    found = [decontaminate.hits(ngrams, batch.column("text")) for batch in read(task.file, Counter())]
    column = pa.array(np.concatenate(found) if found else np.zeros(0, np.int32), pa.int32())
    with storage.atomic(task.out) as temporary:
        table = pa.table([column], schema=HITS)
        pq.write_table(table, temporary, row_group_size=counts.ROW_GROUP, compression="zstd")
    return len(column)
