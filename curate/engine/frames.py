"""Parquet files as a DataFrame of an engine, read by Arrow in a Python function instead of the engine's own reader."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from curate.errors import EngineError
from curate.files import storage

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BATCH_ROWS = 8192
WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
}
"""Types that engines don't have, and what Spark reads them as."""


def read(spark: "SparkSession", paths: Sequence[str], columns: Sequence[str], lanes: int) -> "DataFrame":
    """DataFrame over files or folders of them, in up to `lanes` partitions. See `Session.read`."""
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import from_arrow_schema

    found = files(paths)
    if not found:
        raise EngineError(f"no Parquet files in {', '.join(paths)}")
    schema, lanes = engine_schema(found[0], columns), min(lanes, len(found))
    lane = functools.partial(_lane, found, lanes, schema)
    try:
        types = from_arrow_schema(schema, prefer_timestamp_ntz=True)
        return spark.range(0, lanes, 1, lanes).mapInArrow(lane, types)
    except (ValueError, PySparkException) as error:
        raise EngineError(f"{found[0]}: a type that engines don't have: {str(error).splitlines()[0]}") from error


def files(paths: Sequence[str]) -> list[str]:
    """The paths of files, and of the Parquet files right in folders."""
    found = []
    for path in paths:
        fs, inner = storage.filesystem(path)
        is_file = fs.get_file_info(inner).type == pafs.FileType.File
        found += [path] if is_file else storage.list_files(path, ".parquet")
    return found


def engine_schema(path: str, columns: Sequence[str]) -> pa.Schema:
    """Names and types of a file as an engine has them."""
    fs, inner = storage.filesystem(path)
    schema = pq.read_schema(inner, filesystem=fs)
    return pa.schema([pa.field(name, _type(schema.field(name).type)) for name in columns or schema.names])


def _type(found: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(found):
        return _type(found.value_type)
    if pa.types.is_timestamp(found):
        return pa.timestamp("us", found.tz and "UTC")
    if pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found):
        return pa.list_(_type(found.value_type))
    if pa.types.is_struct(found):
        return pa.struct([pa.field(inner.name, _type(inner.type)) for inner in found])
    if pa.types.is_map(found):
        return pa.map_(_type(found.key_type), _type(found.item_type))
    return WIDER.get(found, pa.binary() if pa.types.is_fixed_size_binary(found) else found)


def _lane(
    found: Sequence[str], lanes: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """In the engine: the rows of each `lanes`-th file, from the number of the partition on."""
    for batch in batches:
        for lane in batch.column(0).to_pylist():
            for path in found[lane::lanes]:
                yield from _batches(path, schema)


def _batches(path: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    fs, inner = storage.filesystem(path)
    with pq.ParquetFile(inner, filesystem=fs) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=schema.names, use_threads=False):
            yield batch.select(schema.names).cast(schema)
