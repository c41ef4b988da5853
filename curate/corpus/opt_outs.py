"""Columns `opt_outs`, counted."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from curate.filters.opt_outs import kind_of


def kinds(column: pa.ListArray) -> Counter[str]:
    """How many documents declare each kind; a document counts once a kind."""
    documents, entries = pc.list_parent_indices(column).to_pylist(), pc.list_flatten(column).to_pylist()
    return Counter(kind for _, kind in {(d, kind_of(entry)) for d, entry in zip(documents, entries, strict=True)})
