"""The ledger: every input record is accounted for, in total and per file, or the job says no.

records = skipped + rejected + failed + kept. The left side is what the reader counted; `skipped` is counted where records
are read; the rest is counted from the files that were written. So a row that is lost or written twice is found. And what
was written, ids and texts, is summed up at each stage and compared with what the next one reads (`corpus/checksums.py`).
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from curate.corpus import checksums
from curate.corpus.shards import read_batches
from curate.errors import BalanceError, CurateError
from curate.files import storage

if TYPE_CHECKING:
    from curate.run.runner import Job


class Account(TypedDict, total=False):
    """What became of records, of a file or of all."""

    records: int
    skipped: dict[str, int]
    """By kind."""
    rejected: dict[str, int]
    """By reason, and so are the failed ones."""
    failed: dict[str, int]
    kept: int


class Described(TypedDict, total=False):
    """A published file."""

    file: str
    rows: int
    """Of tables."""
    bytes: int
    sha256: str


class StageFacts(TypedDict, total=False):
    """A stage, and what it took."""

    name: str
    seconds: float
    records: int
    bytes: int


class RecipeFacts(TypedDict):
    """The recipe of a corpus."""

    name: str
    digest: str
    steps: list[str]
    files: dict[str, str]


class OptOuts(TypedDict, total=False):
    """Declarations against the use of pages, by kind."""

    looked_at: int
    kept: dict[str, int]
    dropped: dict[str, int]


class ByLanguage(TypedDict):
    """What became of the documents of a language."""

    kept: int
    rejected: dict[str, int]
    failed: dict[str, int]
    text_kept: int


class Ledger(Account, total=False):
    """`ledger.json`. Up to `data` of every job, then of corpora, of links, of exports, of mixtures (see `curate.mixing.ledger`)."""

    version: int
    curate: str
    job: str
    command: str
    contents: dict[str, object]
    stages: list[StageFacts]
    files: dict[str, Account]
    data: list[Described]

    kind: str
    recipe: RecipeFacts
    extract: dict[str, int]
    removed: dict[str, int]
    bytes: dict[str, int]
    dedup: list[dict[str, Any]]
    limits: dict[str, float]
    content: dict[str, dict[str, Any]]
    languages: dict[str, ByLanguage]
    opt_outs: OptOuts

    min_score: int
    links: int

    format: str
    corpus: str

    mixture: dict[str, Any]
    unit: str
    seed: int
    budget: float
    max_epochs: float
    held_out_share: float
    tokenizer: dict[str, Any] | None
    decontamination: dict[str, Any] | None
    files_of_tasks: dict[str, str]
    repeats: dict[str, dict[str, Any]]
    packed: dict[str, Any]
    rows: int
    sources: list[dict[str, Any]]
    packed_tokens: int | None
    warnings: list[str]
    rule_of_thumb: str


def describe(folder: str, path: str, rows: int | None = None) -> Described:
    """Name, bytes, SHA-256 and (of tables) rows of a published file."""
    name = f"{folder}/{path.rsplit('/', 1)[1]}"
    counted = Described() if rows is None else Described(rows=rows)
    return {"file": name, **counted, "bytes": storage.file_size(path), "sha256": storage.sha256(path)}


def added(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def check_corpus(ledger: Ledger) -> None:
    """Raise BalanceError when the shards do not hold the rows that were kept, or other documents than were extracted."""
    problems = []
    rows = sum(part["rows"] for part in ledger["data"])
    if rows != ledger["kept"]:
        problems.append(f"data/ holds {rows} rows, {ledger['kept']} were kept")
    extracted, published = (checksums.from_dict(ledger["content"][name]) for name in ("extracted", "published"))
    if not published.same_documents(extracted):
        problems.append(f"extracted were {extracted}, published {published}: other documents")
    if problems:
        raise BalanceError("the ledger does not add up: " + "; ".join(problems))


def check(ledger: Ledger) -> None:
    """Raise BalanceError when the whole or a file does not add up."""
    problems = [
        f"{name}: {entry['records']} records read, {accounted(entry)} accounted for"
        for name, entry in [("all files", ledger), *ledger["files"].items()]
        if entry["records"] != accounted(entry)
    ]
    if problems:
        raise BalanceError("the ledger does not add up: " + "; ".join(problems[:10]))


def check_failures(output: str, ledger: Ledger) -> None:
    """Raise CurateError when more documents failed than the recipe allows; what was published stays."""
    limits = ledger.get("limits", {"failed_share": 0.0, "max_failed": 0.0})
    if limits["failed_share"] > limits["max_failed"]:
        raise CurateError(
            f"{limits['failed_share']:.2%} of the documents failed, more than the {limits['max_failed']:.2%} the recipe "
            f"allows: see {output}"
        )


def first_failure(job: "Job") -> str:
    """What the first row of what could not be read says, for a message; empty where there is none."""
    for path in storage.list_files(job.path("rejected"), ".parquet"):
        for batch in read_batches(path, ["file", "detail"]):
            for row in batch.slice(0, 1).to_pylist():
                return f"; in {row['file']}" + (f": {row['detail']}" if row["detail"] else "")
    return ""


def accounted(entry: Account) -> int:
    """Records of which is known what became of them."""
    return entry["kept"] + sum(
        sum(counts.values()) for counts in (entry["skipped"], entry["rejected"], entry["failed"])
    )
