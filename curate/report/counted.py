"""Figures of a corpus or mixture that anybody can count again: each with the DuckDB statement that gives it.

They are counted here from the published files, in one pass and without DuckDB; a test runs every statement and compares.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.corpus import opt_outs
from curate.corpus.lookup import check_documents, check_whole, parts
from curate.errors import InputError, said
from curate.files import storage
from curate.files.output import read_json
from curate.run.ledger import Ledger

Value = int | str | None
Row = tuple[str, *tuple[int, ...]]
WWW = "regexp_replace(host, '^www\\.', '')"
KIND = (
    "CASE WHEN starts_with(said, 'robots.txt:') THEN 'robots.txt' ELSE regexp_extract(said, '^[a-z.]+:([^@=]+)', 1) END"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number (a date, a text), or a table of a name and numbers, the largest first."""

    name: str
    sql: str
    value: Value = None
    rows: tuple[Row, ...] | None = None
    columns: tuple[str, ...] = ()


@dataclass
class _Tally:
    documents: int = 0
    bytes: int = 0
    tokens: int = 0
    dates: list[datetime] = field(default_factory=list)
    looked: int = 0
    groups: dict[str, dict[str, list[int]]] = field(default_factory=lambda: defaultdict(dict))
    opt_outs: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    columns: set[str] = field(default_factory=set)


def ledger_of(corpus: str) -> Ledger:
    """The ledger of a corpus or a mixture. Raises InputError where there is none, or its documents are addresses."""
    found = read_json(storage.join(corpus, "ledger.json"))
    if not found.get("data"):
        raise InputError(f"{corpus}: no corpus or mixture (a folder with ledger.json)")
    check_documents(corpus)
    return cast(Ledger, found)


def figures(corpus: str, top_share: float = 0.1, most: int = 0) -> dict[str, Figure]:
    """All figures by key. `top_share` of the domains by bytes of text are listed, `most` at most where it is not 0."""
    ledger = ledger_of(corpus)
    check_whole(corpus, [one for one in ledger["data"] if one["file"].startswith("data/")])
    tally = _tally(corpus)
    _check_dropped(corpus, sum(tally.reasons.values()), {**ledger.get("rejected", {}), **ledger.get("failed", {})})
    data, dropped = (_table(corpus, folder) for folder in ("data", "rejected"))
    found = {
        "documents": Figure("documents", f"SELECT count(*) FROM {data}", tally.documents),
        "bytes": Figure(
            "bytes of text (UTF-8)", f"SELECT coalesce(sum(strlen(text)), 0)::BIGINT FROM {data}", tally.bytes
        ),
    }
    if "tokens" in tally.columns:
        found["tokens"] = Figure("tokens", f"SELECT sum(tokens)::BIGINT FROM {data}", tally.tokens)
    if tally.dates:
        for key, what, which in (("first", "min", min(tally.dates)), ("last", "max", max(tally.dates))):
            sql = f"SELECT strftime({what}(date) AT TIME ZONE 'UTC', '%Y-%m-%d') FROM {data}"
            found[key] = Figure(f"{key} date", sql, f"{which:%Y-%m-%d}")
    for key, column, name in (
        ("sources", "source", "source"),
        ("languages", "coalesce(language, '')", "language"),
        ("licenses", "coalesce(license, '')", "licence"),
    ):
        if key in tally.groups:
            found[key] = _grouped(name, f"{column}", data, tally.groups[key])
    if "domains" in tally.groups:
        found.update(_domains(data, tally.groups["domains"], top_share, most))
    if "opt_outs" in tally.columns:
        found["looked"] = Figure(
            "pages that were looked at for opt-outs", f"SELECT count(opt_outs) FROM {data}", tally.looked
        )
        sql = (
            f"SELECT {KIND} AS kind, count(DISTINCT id) AS documents FROM (SELECT id, unnest(opt_outs) AS said FROM {data}) "
            "GROUP BY kind ORDER BY documents DESC, kind"
        )
        found["opt_outs"] = Figure(
            "opt-outs declared by pages that are kept", sql, None, _rows(tally.opt_outs), ("declared", "documents")
        )
    if tally.removed:
        sql = (
            f"SELECT r.rule AS rule, sum(r.count)::BIGINT AS places FROM (SELECT unnest(removed) AS r FROM {data}) "
            "GROUP BY rule ORDER BY places DESC, rule"
        )
        found["removed"] = Figure(
            "removed or replaced in documents that are kept", sql, None, _rows(tally.removed), ("rule", "places")
        )
    if tally.reasons:
        sql = f"SELECT reason, count(*) AS documents FROM {dropped} GROUP BY reason ORDER BY documents DESC, reason"
        found["dropped"] = Figure(
            "documents left out, by reason", sql, None, _rows(tally.reasons), ("reason", "documents")
        )
    return found


def _rows(counts: Mapping[str, int]) -> tuple[Row, ...]:
    return tuple((name, count) for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _check_dropped(corpus: str, rows: int, told: Mapping[str, int]) -> None:
    """Raises InputError where rejected/ is not what the ledger says; it may be gone whole."""
    path = storage.join(corpus, "rejected")
    if told and rows != sum(told.values()) and storage.exists(path):
        raise InputError(f"{path}: {rows:,} rows, not the {sum(told.values()):,} of the ledger: make the corpus again")


def _by_bytes(groups: Mapping[str, list[int]]) -> list[Row]:
    ordered = sorted(groups.items(), key=lambda item: (-item[1][1], item[0]))
    return [(name, documents, size) for name, (documents, size) in ordered]


def _grouped(name: str, column: str, data: str, groups: Mapping[str, list[int]], limit: str = "") -> Figure:
    sql = (
        f"SELECT {column} AS name, count(*) AS documents, coalesce(sum(strlen(text)), 0)::BIGINT AS bytes FROM {data} "
        f"GROUP BY name ORDER BY bytes DESC, name{limit}"
    )
    return Figure(f"by {name}", sql, None, tuple(_by_bytes(groups)), (name, "documents", "bytes"))


def _domains(data: str, groups: Mapping[str, list[int]], share: float, most: int) -> dict[str, Figure]:
    known = {name: sizes for name, sizes in groups.items() if name}
    count = math.ceil(round(len(known) * share, 6))
    count = min(count, most) if most else count
    some = f"{data} WHERE host IS NOT NULL AND host <> ''"
    listed = _grouped(
        "domain", WWW, some, {row[0]: known[row[0]] for row in _by_bytes(known)[:count]}, f" LIMIT {count}"
    )
    told = f"the {count:,} largest of {len(known):,} domains by bytes of text"
    return {
        "domains": Figure("domains", f"SELECT count(DISTINCT {WWW}) FROM {some}", len(known)),
        "top": Figure(told, listed.sql, None, listed.rows, listed.columns),
    }


def _table(corpus: str, folder: str) -> str:
    path = storage.join(corpus, folder, "**", "*.parquet").replace("'", "''")
    return f"read_parquet('{path}', hive_partitioning = false)"


def _tally(corpus: str) -> _Tally:
    tally = _Tally()
    wanted = ("id", "text", "date", "source", "host", "language", "license", "opt_outs", "removed", "tokens")
    for path in parts(corpus, "data"):
        for batch in _batches(path, wanted):
            _add(tally, batch)
    if storage.exists(storage.join(corpus, "rejected")):
        for path in parts(corpus, "rejected"):
            for batch in _batches(path, ("reason",)):
                for item in pc.value_counts(batch["reason"]).to_pylist():
                    tally.reasons[item["values"]] += item["counts"]
    return tally


def _batches(path: str, wanted: tuple[str, ...]) -> Any:
    fs, inner = storage.filesystem(path)
    try:
        with pq.ParquetFile(inner, filesystem=fs) as file:  # the columns that there are
            yield from file.iter_batches(4096, columns=list(wanted), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged ({said(error)}): make the corpus again") from None


def _add(tally: _Tally, batch: pa.RecordBatch) -> None:
    names = batch.schema.names
    tally.columns.update(names)
    tally.documents += batch.num_rows
    sizes = pc.fill_null(pc.binary_length(batch["text"]), 0).cast(pa.int64())
    tally.bytes += pc.sum(sizes).as_py() or 0
    if "tokens" in names:
        tally.tokens += pc.sum(batch["tokens"]).as_py() or 0
    if "date" in names and (seen := batch["date"].drop_null()) and len(seen):
        ends = pc.min_max(seen).as_py()
        tally.dates = [min([*tally.dates, ends["min"]]), max([*tally.dates, ends["max"]])]
    for key, name in (("sources", "source"), ("languages", "language"), ("licenses", "license"), ("domains", "host")):
        if name in names:
            column = batch[name].cast(pa.string())
            column = pc.fill_null(pc.replace_substring_regex(column, r"^www\.", "") if name == "host" else column, "")
            _sum(tally.groups[key], pa.table([column, sizes], ["name", "bytes"]))
    if "opt_outs" in names:
        column = batch["opt_outs"]
        tally.looked += len(column) - column.null_count
        tally.opt_outs.update(opt_outs.kinds(column))
    if "removed" in names:
        for item in pc.list_flatten(batch["removed"]).to_pylist():
            tally.removed[item["rule"]] += item["count"]


def _sum(groups: dict[str, list[int]], table: pa.Table) -> None:
    for row in table.group_by("name").aggregate([([], "count_all"), ("bytes", "sum")]).to_pylist():
        one = groups.setdefault(row["name"], [0, 0])
        one[0] += row["count_all"]
        one[1] += row["bytes_sum"]
