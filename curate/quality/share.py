"""The best share of each language by a score: a corpus-wide step that sees what filters before it have measured."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.dedup.base import REMOVALS, WHOLE, Removal, column, doc64
from curate.files import storage
from curate.filters.base import Decision, Document, drop
from curate.filters.jit import Array

if TYPE_CHECKING:
    from curate.engine.session import Session

BINS = 1 << 16
TOP = (1 << 64) - 1
KEYS = pa.schema([pa.field("language", pa.string()), pa.field("rank", pa.uint64()), pa.field("doc", pa.int64())])
BEST = ("highest", "lowest")


@dataclass(frozen=True)
class TopShare:
    """Of each language the `share` of documents with the best score stays, rounded up; of equal scores those with the smallest ids.

    The score is a signal that a filter before it has measured (`quality`, `mean_line_chars` …); documents without one are the
    worst. Found by counting scores in ever finer ranges, never by sorting: exact, in bounded memory, and the same however the
    documents lie in files. Source: DCLM (Li et al. 2024) keeps the best tenth; CCNet (Wenzek et al. 2019) cuts each language at the
    30th and 60th percentile of perplexity: `best = "lowest"`, `share = 0.3` is its head, 0.6 its head and middle.
    """

    signal: str = "quality"
    share: float = 0.1
    best: str = "highest"
    """highest or lowest."""
    cuts: tuple[float, ...] = ()
    """Other shares whose worst score the ledger is to have as well (`cuts`); they drop nothing."""
    by_language: bool = True
    """Each language by itself; else all documents together."""
    index: str = ""
    """Not possible: a share is of one corpus."""
    against: str = ""
    """Not possible."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "cuts", tuple(self.cuts))  # TOML gives a list
        for name, shares in (("share", (self.share,)), ("cuts", self.cuts)):
            if not all(0 < one <= 1 for one in shares):
                raise ValueError(f"{name} must be above 0 and at most 1, got {', '.join(map(str, shares))}")
        if self.best not in BEST:
            raise ValueError(f"best must be {' or '.join(BEST)}, got {self.best!r}")
        if not self.signal:
            raise ValueError("signal must name what a filter before this step measures, e.g. quality")
        if self.index or self.against:
            raise ValueError("a share is of one corpus: it has no index and nothing to compare with")

    @property
    def uses_signals(self) -> tuple[str, ...]:
        """The score."""
        return (self.signal,)

    def key_parameters(self) -> dict[str, object]:
        """What its keys depend on."""
        return {"signal": self.signal, "best": self.best, "by_language": self.by_language}

    def keys(self, batch: pa.RecordBatch, /) -> pa.Table:
        """Language, rank of the score (the smaller the better) and document."""
        scores = batch[self.signal].to_numpy(zero_copy_only=False).astype(np.float64)
        languages = [name or "" for name in column(batch, "language")] if self.by_language else [""] * batch.num_rows
        columns = [pa.array(languages, pa.string()), ranks(scores, self.best), doc64(batch["id"].to_pylist())]
        return pa.table(columns, schema=KEYS)

    def resolve(self, s: "Session | None", keys: str, out: str, shards: int, /) -> dict[str, object]:
        """Find where each language is cut, and write who is behind it."""
        storage.remove(out)
        files = storage.list_files(keys, ".parquet")  # one a shard, in their order
        counts: dict[str, int] = {}
        for part in _parts(files):
            for language, some in part.items():
                counts[language] = counts.get(language, 0) + len(some.ranks)
        shares = (self.share, *self.cuts)
        all_cuts = {
            (share, name): _Cut(math.ceil(share * count - 1e-9)) for share in shares for name, count in counts.items()
        }
        while left := {key: cut for key, cut in all_cuts.items() if not cut.found}:
            histograms = {key: np.zeros(BINS, np.int64) for key in left}
            for part in _parts(files):
                for key, cut in left.items():
                    if key[1] in part:
                        cut.count(part[key[1]], histograms[key])
            for key, cut in left.items():
                cut.narrow(histograms[key])
        cuts = {name: all_cuts[self.share, name] for name in counts}
        lost = 0
        for shard, part in enumerate(_parts(files)):
            lost += self._write(part, cuts, storage.join(out, f"shard={shard}", "part-00000.parquet"), shard)
        worst = {
            share: {name: value_of(all_cuts[share, name].rank, self.best) for name in sorted(counts)}
            for share in shares
        }
        told = {"documents": sum(counts.values()), "lost": lost, "worst_kept": worst[self.share]}
        return told | ({"cuts": {f"{share:g}": worst[share] for share in self.cuts}} if self.cuts else {})

    def _write(self, part: Mapping[str, "_Some"], cuts: Mapping[str, "_Cut"], path: str, shard: int) -> int:
        """Write the removals of one shard, if there are any; returns how many."""
        docs, values = [np.empty(0, np.int64)], list[float | None]()
        for name, some in sorted(part.items()):
            gone = ~cuts[name].keeps(some)
            docs.append(some.docs[gone])
            values += [value_of(rank, self.best) for rank in some.ranks[gone].tolist()]
        found = np.concatenate(docs)
        if len(found):
            names = [one for one in REMOVALS.names if one in ("shard", "doc", "pos", "survivor", "value", "place")]
            known = {
                "shard": pa.array(np.full(len(found), shard), pa.int32()),
                "doc": pa.array(found),
                "pos": pa.array(np.full(len(found), WHOLE), pa.int32()),
                "value": pa.array(values, pa.float64()),
            }
            columns = [known.get(name, pa.nulls(len(found), REMOVALS.field(name).type)) for name in names]
            with storage.atomic(path) as written:
                pq.write_table(pa.table(columns, names=names).drop_columns(["shard"]), written)
        return len(found)

    def apply(self, doc: Document, lost: Sequence[Removal], /) -> Decision:
        """Drop the document; the value is its score."""
        return drop(doc, "not_among_the_best", lost[0].value)


def ranks(scores: Array, best: str) -> Array:
    """Numbers in the order of the scores, the best first; NaN is the last."""
    plain = scores + 0.0  # -0.0 is 0.0
    bits = plain.view(np.uint64)
    ascending = np.where(bits >> np.uint64(63), ~bits, bits | np.uint64(1 << 63))
    found: Array = ascending if best == "lowest" else ~ascending
    return np.where(np.isnan(scores), np.uint64(TOP), found)


def value_of(rank: int, best: str) -> float | None:
    """The score of a rank; None of none."""
    if rank == TOP:
        return None
    ascending = rank if best == "lowest" else rank ^ TOP
    bits = ascending ^ (1 << 63) if ascending >> 63 else ascending ^ TOP
    return float(np.array(bits, np.uint64).view(np.float64))


@dataclass(frozen=True, slots=True)
class _Some:
    """Documents of one language in one file."""

    ranks: Array
    docs: Array

    @property
    def places(self) -> Array:
        """The documents as numbers from 0, in the order of their ids."""
        found: Array = self.docs.view(np.uint64)
        return found


def _parts(files: Sequence[str]) -> Iterator[dict[str, _Some]]:
    """The keys of each file, by language."""
    for path in files:
        fs, inner = storage.filesystem(path)
        table = pq.read_table(inner, filesystem=fs, columns=KEYS.names).combine_chunks()
        names = table["language"].combine_chunks().dictionary_encode() if table.num_rows else None
        codes = names.indices.to_numpy() if names is not None else np.empty(0, np.int64)
        rank, doc = table["rank"].to_numpy(), table["doc"].to_numpy()
        listed = names.dictionary.to_pylist() if names is not None else []
        yield {name: _Some(rank[codes == code], doc[codes == code]) for code, name in enumerate(listed)}


@dataclass(slots=True)
class _Cut:
    """The last document of a language that stays: its rank, and the largest place among those of that rank."""

    wanted: int
    """Documents that stay and are not yet counted below `low`."""
    low: int = 0
    high: int = TOP
    found: bool = False
    rank: int = -1
    """-1 as long as ranks are narrowed; then places within it are."""
    place: int = TOP
    _width: int = field(default=0)

    def count(self, some: _Some, histogram: Array) -> None:
        """Add the documents within [low, high] to BINS equal ranges."""
        values = some.ranks if self.rank < 0 else some.places[some.ranks == np.uint64(self.rank)]
        self._width = -(-(self.high - self.low + 1) // BINS)
        inside = values[(values >= np.uint64(self.low)) & (values <= np.uint64(self.high))]
        bins = (inside - np.uint64(self.low)) // np.uint64(self._width)
        histogram += np.bincount(bins.astype(np.int64), minlength=BINS)

    def narrow(self, histogram: Array) -> None:
        """Go on in the range where the last one that stays is."""
        sums = np.cumsum(histogram)
        at = int(np.searchsorted(sums, self.wanted))
        self.wanted -= int(sums[at] - histogram[at])
        self.low += at * self._width
        self.high = min(self.high, self.low + self._width - 1)
        if self.low < self.high:
            return
        if self.rank >= 0:
            self.place, self.found = self.low, True
        else:
            self.rank, self.found = self.low, self.wanted == int(histogram[at])
            self.low, self.high = 0, TOP

    def keeps(self, some: _Some) -> Array:
        """Which documents stay."""
        rank = np.uint64(self.rank)
        found: Array = (some.ranks < rank) | ((some.ranks == rank) & (some.places <= np.uint64(self.place)))
        return found
