"""Why a document was kept or dropped: find it in a corpus, run the recipe on it again, show what took what."""

import difflib
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import or_
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from curate.console.terminal import one_line
from curate.corpus.lookup import by_id, by_ids, check_documents, judged, parts, schema_of
from curate.corpus.recipe import Recipe, of_corpus
from curate.dedup.difference import Piece, pieces
from curate.errors import InputError
from curate.files import storage
from curate.report.trace import RemovalRow, Trace, trace

HEX = re.compile(r"[0-9a-f]{1,32}")
NEAR_URLS = 5
ID_DIGITS = 32
SHOWN_IDS = 12
"""Documents whose ids begin alike that are listed; one more is looked for, to say that there are more."""
SCANNED_URLS = 20_000
"""URLs of a host that are compared with one that was not found."""


@dataclass(frozen=True)
class Survivor:
    """The document that keeps what this one lost."""

    id: str
    url: str | None
    text: str | None


@dataclass(frozen=True)
class Copy:
    """A document that lost something to another."""

    id: str
    step: str
    removals: int
    """Lines or spans; the whole document counts one."""
    value: float


@dataclass(frozen=True)
class Explanation:
    """One record and its way through the recipe."""

    row: Mapping[str, Any]
    """Its row in `extracted/` (or, where that was not kept, in `data/` or `rejected/`)."""
    trace: Trace | None
    """None where the text as extracted is not stored: then only what is stored is known."""
    verdict: str
    """What the corpus says: kept, rejected or failed."""
    reason: str | None
    value: float | None
    detail: str | None
    signals: Mapping[str, float]
    removed: Mapping[str, int]
    removals: Mapping[str, Sequence[RemovalRow]]
    survivors: Mapping[str, Survivor]
    """By the first 16 digits of the id."""
    copies: Sequence[Copy]
    """Documents (or parts of them) that went because this one keeps the same."""


def explain(corpus: str, query: str) -> list[Explanation]:
    """Everything known of the record(s) with this URL, path or id: the corpus' own, that which the record had where it came from
    (`record_id`), or the beginning of either where no other document's begins so.

    Raises InputError when `corpus` is none, or has no such record, or several ids begin so; the message names the nearest URLs, or
    those ids.
    """
    recipe = of_corpus(corpus)
    folders = [name for name in ("extracted", "data", "rejected") if parts(corpus, name)]
    if not folders:
        raise InputError(f"{corpus} is no corpus: it has no folder data/ with Parquet files")
    check_documents(corpus)
    extracted = folders[0] == "extracted"
    searched = folders[:1] if extracted else folders
    rows = [row for folder in searched for row in find(corpus, folder, query)]
    if not rows and (begun := _begun(corpus, searched, query)):
        if len(begun) > 1:
            raise InputError(_several(corpus, query, begun))
        rows = [row for folder in searched for row in by_id(parts(corpus, folder), *begun)]
    if rows:
        return [_explanation(corpus, row, recipe, extracted) for row in rows]
    raise InputError(_not_found(corpus, folders, query))


def find(corpus: str, folder: str, query: str) -> Iterator[dict[str, Any]]:
    """Rows of a folder whose URL (for code: path, or repository/path), id or `record_id` is `query`."""
    paths = parts(corpus, folder)
    found = list(by_id(paths, query.lower())) if len(query) == ID_DIGITS and HEX.fullmatch(query.lower()) else []
    names = schema_of(paths[0]).names if paths and not found else []
    conditions = [
        pc.field(name) == query for name in ("id", "url") if name in names
    ]  # a mixture's ids are those of its sources
    if "path" in names:
        conditions.append(pc.field("path") == query)
        if "repo" in names:
            conditions.append(pc.binary_join_element_wise(pc.field("repo"), pc.field("path"), pc.scalar("/")) == query)
    if "record_id" in names:
        conditions += [pc.field("record_id") == form for form in _forms(query)]
    if conditions:
        # Only these columns are read of every row; texts of the rows that were found.
        ids = _dataset(paths).to_table(columns=["id"], filter=reduce(or_, conditions))["id"].to_pylist()
        known = set(ids)
        found = [row for row in by_ids(paths, ids) if row["id"] in known]  # not those that only begin so
    yield from found


def _forms(query: str) -> tuple[str, ...]:
    """An id as crawlers write it, too: people leave the brackets and what stands before a UUID out."""
    return query, f"<{query}>", f"<urn:uuid:{query}>"


def _begun(corpus: str, folders: Sequence[str], query: str) -> dict[str, str]:
    """Documents whose id or `record_id` begins with `query`, by id, each with what it is called; a few of them."""
    found: dict[str, str] = {}
    digits = query.lower() if HEX.fullmatch(query.lower()) else ""
    for folder in folders:
        paths = parts(corpus, folder)
        names = schema_of(paths[0]).names if paths else []
        ours = (pc.field("id") >= digits) & (pc.field("id") < digits + "g")  # of sorted files, few are read
        theirs = [pc.starts_with(pc.field("record_id"), form.rstrip(">")) for form in _forms(query)]
        conditions = ([ours] if digits else []) + (theirs if "record_id" in names else [])
        columns = [name for name in ("id", "url", "path", "record_id") if name in names]
        for condition in conditions:
            for batch in _dataset(paths).to_batches(columns=columns, filter=condition):
                for row in batch.to_pylist():
                    if len(found) <= SHOWN_IDS:
                        told = (row.get(name) for name in ("url", "path", "record_id"))
                        found[row["id"]] = next((value for value in told if value), "")
                if len(found) > SHOWN_IDS:
                    return found
    return found


def _several(corpus: str, query: str, begun: Mapping[str, str]) -> str:
    shown = [f"\n  {id_}  {one_line(name, 200)}".rstrip() for id_, name in sorted(begun.items())[:SHOWN_IDS]]
    many = f"{len(begun)}" if len(begun) <= SHOWN_IDS else f"more than {SHOWN_IDS}"
    return f"{corpus} has {many} documents whose id begins with {query!r}; give more of it:{''.join(shown)}"


def _dataset(paths: Sequence[str]) -> Any:
    fs, _ = storage.filesystem(paths[0])
    return ds.dataset([storage.filesystem(path)[1] for path in paths], format="parquet", filesystem=fs)


def _explanation(corpus: str, row: dict[str, Any], recipe: Recipe | None, extracted: bool) -> Explanation:
    outcome = _outcome(corpus, row, extracted)
    removals = removals_of(corpus, [row["id"]])[row["id"]] if judged(outcome) else {}
    survivor_ids = {removal.survivor for found in removals.values() for removal in found if removal.survivor}
    survivor_ids -= {row["id"][:16]}
    if recipe and extracted:
        steps = trace(row, recipe, removals)
    else:
        steps = None
    return Explanation(
        row=row,
        trace=steps,
        verdict=outcome.get("verdict") or (steps.verdict if steps and not _stored(corpus) else "kept"),
        reason=outcome.get("reason"),
        value=outcome.get("value"),
        detail=outcome.get("detail"),
        signals={key: value for key, value in (outcome.get("signals") or {}).items() if value is not None},
        removed={item["rule"]: item["count"] for item in outcome.get("removed") or []},
        removals=removals,
        survivors=survivors_of(corpus, sorted(survivor_ids)),
        copies=_copies(corpus, row["id"]) if judged(outcome) else [],
    )


def _stored(corpus: str) -> bool:
    return bool(parts(corpus, "data"))


def _outcome(corpus: str, row: dict[str, Any], extracted: bool) -> dict[str, Any]:
    """The row of `data/` or `rejected/` that says what became of the record; one that the reader decided says it itself."""
    if not extracted or row.get("verdict"):
        return row
    for folder in ("data", "rejected"):
        for found in by_id(parts(corpus, folder), row["id"]):
            if judged(found):  # others of this id are records that were read again
                return found
    return row


def removals_of(corpus: str, documents: Collection[str]) -> dict[str, dict[str, list[RemovalRow]]]:
    """What corpus-wide steps took from each of the documents, by step."""
    found: dict[str, dict[str, list[RemovalRow]]] = {document: {} for document in documents}
    for item in by_ids(parts(corpus, "duplicates"), documents):
        found[item["id"]].setdefault(item["step"], []).append(
            RemovalRow(item["pos"], item["survivor"], item["value"], item.get("note"))
        )
    return found


def _copies(corpus: str, document: str) -> list[Copy]:
    """Who lost what to this document, the most first; one pass over two small columns."""
    paths = parts(corpus, "duplicates")
    if not paths:
        return []
    condition = (pc.field("survivor") == document[:16]) & (pc.field("id") != document)
    table = _dataset(paths).to_table(columns=["id", "step", "value"], filter=condition)
    groups = table.group_by(["id", "step"]).aggregate([("value", "count"), ("value", "max")])
    found = [Copy(one["id"], one["step"], one["value_count"], one["value_max"]) for one in groups.to_pylist()]
    return sorted(found, key=lambda copy: (-copy.removals, copy.step, copy.id))


def survivors_of(corpus: str, survivor_ids: Collection[str], longest: int = sys.maxsize) -> dict[str, Survivor]:
    """The documents whose ids begin with `survivor_ids` (16 digits); without URL and text where they lie in another corpus, and without
    a text of more than `longest` characters."""
    found: dict[str, Survivor] = {}
    for folder in ("extracted", "data"):
        missing = [survivor for survivor in survivor_ids if survivor not in found]
        for row in by_ids(parts(corpus, folder), missing, texts=longest > 0):
            if judged(row):
                text = row.get("text")
                text = None if len(text or "") > longest else text
                found[row["id"][:16]] = Survivor(row["id"], row.get("url") or row.get("path"), text)
    return {survivor: found.get(survivor, Survivor(survivor, None, None)) for survivor in survivor_ids}


def _not_found(corpus: str, folders: Sequence[str], query: str) -> str:
    message = f"{corpus} has no document {query!r}"
    if HEX.fullmatch(query.lower()):
        return message + " (ids are 32 hex digits; as many from the beginning are enough as no other has)"
    near = nearest_urls(parts(corpus, folders[0]), query)
    if near:
        message += "; the nearest URLs are:\n" + "\n".join(f"  {url}" for url in near)
    if "status" not in schema_of(parts(corpus, folders[0])[0]).names:
        return message  # of no crawl, whose records --scan reads
    return (
        message
        + "\nRecords that are no pages (redirects, errors, images …) are counted, not stored: --scan looks for them."
    )


def nearest_urls(paths: Sequence[str], query: str, count: int = NEAR_URLS) -> list[str]:
    """URLs that resemble `query`: of its host, else of the host with the nearest name. In bounded memory."""
    from curate.corpus.schema import host

    names = schema_of(paths[0]).names if paths else []
    if "url" not in names:
        return []
    wanted = host(query) or host(f"//{query}") or query
    column = "host" if "host" in names else None
    urls = _urls(paths, (pc.field(column) == wanted) if column else None)
    if not urls and column:
        known = _hosts(paths)
        close = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
        urls = _urls(paths, pc.field(column) == close[0]) if close else []
    ranked = sorted(set(urls), key=lambda url: (-difflib.SequenceMatcher(None, url, query).ratio(), url))
    return ranked[:count]


def _urls(paths: Sequence[str], condition: object) -> list[str]:
    found: list[str] = []
    for batch in _dataset(paths).to_batches(columns=["url"], filter=condition):
        found.extend(url for url in batch["url"].to_pylist() if url)
        if len(found) >= SCANNED_URLS:
            break
    return found[:SCANNED_URLS]


def _hosts(paths: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for batch in _dataset(paths).to_batches(columns=["host"]):
        found.update(name for name in pc.unique(batch["host"]).to_pylist() if name)
        if len(found) >= SCANNED_URLS:
            break
    return sorted(found)


@dataclass(frozen=True)
class Difference:
    """A removed document beside the one that stays, word by word (see `curate.dedup.difference`)."""

    removed: Sequence[Piece]
    survivor: Sequence[Piece]

    @property
    def words(self) -> int:
        """Words of the removed document."""
        return sum(piece.words for piece in self.removed)

    @property
    def lacking(self) -> list[int]:
        """Lengths of the runs of words of it that do not stand in the survivor."""
        return [piece.words for piece in self.removed if not piece.held and piece.words]


def difference(text: str, survivor: str) -> Difference:
    """What each of two texts has that the other lacks."""
    return Difference(pieces(text, survivor), pieces(survivor, text))


def differences(found: Explanation) -> dict[str, Difference]:
    """Where the document went as a whole: its difference from each survivor whose text is stored."""
    text = found.row.get("text")
    survivor_ids = {removal.survivor for removals in found.removals.values() for removal in removals if removal.pos < 0}
    stored = {survivor: found.survivors[survivor].text for survivor in sorted(survivor_ids & found.survivors.keys())}
    return {survivor: difference(text, kept) for survivor, kept in stored.items() if text and kept}


def as_json(found: Explanation) -> dict[str, Any]:
    """The explanation with stable keys, for `--json`."""
    row = {key: value for key, value in found.row.items() if key not in ("signals", "removed", "text")}
    steps = found.trace.stages if found.trace else ()
    lines = found.trace.lines if found.trace else ()
    return {
        "document": {key: _plain(value) for key, value in row.items() if key not in OUTCOME_KEYS},
        "verdict": found.verdict,
        "reason": found.reason,
        "value": found.value,
        "detail": found.detail,
        "signals": dict(found.signals),
        "removed": dict(found.removed),
        "steps": [{**asdict(stage), "parameters": _parameters(stage.parameters)} for stage in steps],
        "lines": [{"text": line.text, "left": line.left, "rules": list(line.rules)} for line in lines],
        "duplicates": {step: [asdict(removal) for removal in removals] for step, removals in found.removals.items()},
        "survivors": {key: asdict(survivor) for key, survivor in found.survivors.items()},
        "differences": {
            survivor: {
                "words": one.words,
                "lacking": sum(one.lacking),
                "longest": max(one.lacking, default=0),
                "runs": [piece.text.strip() for piece in one.removed if not piece.held and piece.words],
            }
            for survivor, one in differences(found).items()
        },
        "copies": [asdict(copy) for copy in found.copies],
        "text": found.trace.text if found.trace else found.row.get("text"),
    }


OUTCOME_KEYS = ("verdict", "reason", "value", "detail")


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _parameters(known: Mapping[str, object]) -> dict[str, object]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in known.items()}


__all__ = ["Copy", "Explanation", "Survivor", "as_json", "explain", "find", "nearest_urls", "parts"]
