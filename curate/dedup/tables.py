"""Small helpers on the folders of Parquet files that the stages of a deduplication hand to each other."""

import pyarrow.parquet as pq

from curate import storage


def count(folder: str) -> int:
    """Rows in the Parquet files right in `folder`, from their footers."""
    rows = 0
    for path in storage.list_files(folder, ".parquet"):
        fs, inner = storage.filesystem(path)
        rows += pq.read_metadata(inner, filesystem=fs).num_rows
    return rows


def size(folder: str) -> int:
    """Bytes of the Parquet files right in `folder`."""
    return sum(storage.file_size(path) for path in storage.list_files(folder, ".parquet"))
