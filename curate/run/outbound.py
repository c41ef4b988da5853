"""Links to other sites out of a corpus whose documents have them, as a table beside it: who trains on pages that an encyclopedia
refers to (LLaMA's reference classifier) needs their addresses."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import schema
from curate.corpus.shards import read_batches
from curate.files import storage
from curate.run.ledger import Ledger
from curate.run.pipeline import CorpusJob

COLUMN = "links"
ROWS = pa.schema(
    [
        pa.field("url", pa.string()),
        pa.field("reference", pa.bool_()),  # from a footnote
        pa.field("page", pa.string()),  # id of the document
        pa.field("title", pa.string()),
    ]
)


def finish_links(job: CorpusJob, ledger: Ledger) -> None:
    """A finisher: write `links/`, a file a shard of `data/`, for corpora with a column `links`; nothing for others."""
    if COLUMN not in schema.DOCUMENTS[job.source.kind].names:
        return
    for part in ledger["data"]:
        name = part["file"].removeprefix("data/")
        with (
            storage.atomic(job.path("links", *name.split("/"))) as path,
            pq.ParquetWriter(path, ROWS, compression="zstd", write_statistics=False) as writer,
        ):
            for batch in read_batches(job.path(part["file"]), ["id", "title", COLUMN]):
                writer.write_table(outbound(batch))


def outbound(batch: pa.RecordBatch) -> pa.Table:
    """A row a link, in the order of the documents and of the links in them."""
    links = batch[COLUMN]
    owners, flat = pc.list_parent_indices(links), pc.list_flatten(links)
    columns = [flat.field("url"), flat.field("reference"), batch["id"].take(owners), batch["title"].take(owners)]
    return pa.Table.from_arrays(columns, schema=ROWS)
