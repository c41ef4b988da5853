"""The last task of a shard: sort it into the order of the shuffle, write it, count what was written."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import checksums
from curate.corpus.checksums import Content
from curate.corpus.shards import ShardWriter, part_name, read_checked, read_facts, read_written, write_facts
from curate.engine.session import Session
from curate.files import storage, typed_json
from curate.mixing.draw import DRAWN, KEPT_BACK, DrawnRows
from curate.mixing.plan import Plan
from curate.run.exchange import between, check_moved
from curate.run.runner import run_tasks, stage
from curate.tokens import formats, pack
from curate.tokens import tokenizer as tokenizers

if TYPE_CHECKING:
    from curate.mixing.job import MixJob

HELD_OUT = pa.schema([KEPT_BACK.field(name) for name in ("source", "id", "text", "tokens")])
IN_ORDER = [(name, "ascending") for name in ("place", "source", "id", "epoch", "text")]
"""Place alone orders nearly everything; the rest settles what shares an id."""


def published(*, counted: bool) -> pa.Schema:
    """Columns of a mixture: source, epoch, id, text, and tokens where a tokenizer counted."""
    names = ["source", "epoch", "id", "text", *(["tokens"] if counted else [])]
    return pa.schema([DRAWN.field(name) for name in names])


def shards(s: Session, job: "MixJob", planned: Plan, drawn: DrawnRows) -> list["ShardTask"]:
    """Write each shard in the order of the shuffle."""
    order, count = job.request, planned.number_of_shards(job.request.shards)
    packs = [_pack_into(job, planned, "packed", i) if order.tokenize else None for i in range(count)]
    tasks = [
        ShardTask(
            drawn=drawn.folder,
            files=drawn.parts,
            shard=i,
            out=job.scratch("counts", part_name(i, count)),
            data=job.path("data", part_name(i, count)),
            counted=order.tokenizer is not None,
            packed=packs[i],
        )
        for i in range(count)
    ]
    with stage(job, "finish", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, finish_shard, tasks)
        finished = [finished_of(task) for task in tasks]
        facts["rows"] = sum(one.rows for one in finished)
    check_moved("the exchange", drawn.written, checksums.total(one.content for one in finished))
    return tasks


def _pack_into(job: "MixJob", planned: Plan, folder: str, number: int) -> pack.PackTask | None:
    tokenizer = job.request.tokenizer
    if tokenizer is None:
        return None
    names = tuple(draw.source for draw in planned.draws)
    return pack.PackTask(job.scratch(folder, f"{number:05d}"), tokenizer.path, tokenizer.vocabulary, names)


def held_out(s: Session, job: "MixJob", drawn: DrawnRows) -> dict[str, "HeldOut"]:
    """By source, what is held out."""
    tasks = {
        name: HeldOutTask(tuple(files), job.path("heldout", f"{name}.parquet"))
        for name, files in drawn.held_out.items()
    }
    with stage(job, "held-out", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, write_held_out, list(tasks.values()))
    return {name: held_out_of(task) for name, task in tasks.items()}


def tokens(s: Session, job: "MixJob", planned: Plan, shards: Sequence["ShardTask"]) -> dict[str, Any] | None:
    """Put the packed tokens of all shards together in the format asked for, the tokenizer beside; what their `meta.json` says."""
    order, tokenizer, folder = job.request, job.request.tokenizer, job.path("tokens")
    if not order.tokenize or tokenizer is None:
        return None
    parts = [task.packed.path for task in shards if task.packed]
    if order.format == "nanogpt":
        validation = _packed_held_out(s, job, planned)
        formats.write_validation(formats.Stream(validation, tokenizer), folder)
    with stage(job, "tokens", 1):
        storage.write_text(storage.join(folder, "tokenizer.json"), tokenizers.text_of(tokenizer.path))
        if order.format != formats.OURS:
            return formats.write(order.format, formats.Stream(parts, tokenizer), folder, order.sequence_length)
        return pack.join(parts, folder, [draw.source for draw in planned.draws], tokenizer)


def _packed_held_out(s: Session, job: "MixJob", planned: Plan) -> list[str]:
    """The packed held-out documents of each source."""
    tasks = []
    for number, source in enumerate(job.request.sources):
        if packed := _pack_into(job, planned, "packed-heldout", number):
            data = job.path("heldout", f"{source.name}.parquet")
            tasks.append(PackHeldOutTask(data, packed, f"{packed.path}.parquet"))
    with stage(job, "held-out tokens", len(tasks)) as facts:
        facts["worked"] = run_tasks(s, job, pack_held_out, tasks)
    return [task.packed.path for task in tasks]


@dataclass(frozen=True, slots=True)
class ShardTask:
    """A shard: those rows of all `files` files of the folder `drawn` that are its, and the file that they become."""

    drawn: str
    files: int
    shard: int
    out: str
    """File for the counts."""
    data: str
    counted: bool
    """Whether there are tokens to write in a column."""
    packed: pack.PackTask | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """What a source has in a mixture; rows by epoch, so that repeats are counted."""

    rows: int = 0
    tokens: int = 0
    bytes: int = 0
    epochs: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Amount") -> "Amount":
        epochs = {
            name: self.epochs.get(name, 0) + other.epochs.get(name, 0) for name in sorted({*self.epochs, *other.epochs})
        }
        return Amount(self.rows + other.rows, self.tokens + other.tokens, self.bytes + other.bytes, epochs)


@dataclass(frozen=True, slots=True)
class Finished:
    """What is in a written shard."""

    sources: dict[str, Amount]
    content: Content
    rows: int
    packed: int | None = None
    """Tokens packed, without end tokens; None where nobody asked."""


def finish_shard(task: ShardTask) -> Finished:
    """Task: write one shard of the mixture (and its tokens where asked) and count it from the written file; `out` holds
    the counts."""
    schema = published(counted=task.counted)
    table = between(task.drawn, task.files, "shard", task.shard, task.shard + 1, DRAWN)
    with ShardWriter(task.data, schema) as writer:
        writer.write(table.take(pc.sort_indices(table, IN_ORDER)).select(schema.names))
    packed = None
    if task.packed:
        batches = read_checked(task.data, ["id", "text", "source", "epoch"], pack.BATCH)
        packed = pack.write_part(task.packed, batches)
    sources = recount(task.data)
    rows = sum(one.rows for one in sources.values())
    finished = Finished(sources, read_written(task.data).content, rows, packed)
    write_facts(task.out, asdict(finished))
    return finished


def finished_of(task: ShardTask) -> Finished:
    """What a finished task counted."""
    return typed_json.load(Finished, read_facts(task.out))


def recount(path: str) -> dict[str, Amount]:
    """Rows, tokens, bytes and rows by epoch of each source in a written shard. Raises BalanceError when it does not hold
    the rows that were written there."""
    fs, inner = storage.filesystem(path)
    counted = "tokens" in pq.read_schema(inner, filesystem=fs).names
    found: dict[str, Amount] = {}
    for batch in read_checked(path, ["source", "epoch", "id", "text", *(["tokens"] if counted else [])], rows=8192):
        sizes = pc.binary_length(batch.column("text")).cast(pa.int64())
        tokens = batch.column("tokens") if counted else pa.array([0] * batch.num_rows, pa.int64())
        table = pa.table([batch.column("source"), batch.column("epoch"), tokens, sizes], ["s", "e", "t", "b"])
        sums = table.group_by(["s", "e"]).aggregate([([], "count_all"), ("t", "sum"), ("b", "sum")])
        for row in sums.to_pylist():
            amount = Amount(row["count_all"], row["t_sum"], row["b_sum"], {str(row["e"]): row["count_all"]})
            found[row["s"]] = found.get(row["s"], Amount()) + amount
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class HeldOutTask:
    """The files that draws wrote for a source, and the one that they become."""

    parts: tuple[str, ...]
    out: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Documents in a held-out file, and bytes of their texts."""

    rows: int
    bytes: int


def write_held_out(task: HeldOutTask) -> HeldOut:
    """Task: write the held-out documents of one source in the order of their numbers: any beginning of the file is a
    sample."""
    batches = (batch for path in task.parts for batch in read_checked(path))
    table = pa.Table.from_batches(batches, KEPT_BACK).combine_chunks()
    order = pc.sort_indices(table, [(name, "ascending") for name in ("place", "id", "text")])
    with ShardWriter(task.out, HELD_OUT) as writer:
        writer.write(table.take(order).select(HELD_OUT.names))
    return held_out_of(task)


@dataclass(frozen=True, slots=True)
class PackHeldOutTask:
    """A held-out file whose tokens are packed, too; `out` says that they are."""

    data: str
    packed: pack.PackTask
    out: str


@dataclass(frozen=True, slots=True)
class PackedHeldOut:
    """Tokens packed, without end tokens."""

    tokens: int


def pack_held_out(task: PackHeldOutTask) -> PackedHeldOut:
    """Task: tokenize the held-out documents of one source."""
    found = PackedHeldOut(pack.write_part(task.packed, read_checked(task.data, ["id", "text", "source"], pack.BATCH)))
    write_facts(task.out, asdict(found))
    return found


def held_out_of(task: HeldOutTask) -> HeldOut:
    """What is in a file that was written."""
    content = read_written(task.out).content
    return HeldOut(content.rows, content.bytes)
