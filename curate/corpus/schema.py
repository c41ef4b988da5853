"""Every table that is written, in one place: the only file where a column gets its name and type."""

import hashlib
import re
from urllib.parse import urlsplit

import pyarrow as pa

CORE = [
    pa.field("id", pa.string(), nullable=False),  # 32 hex digits, see document_id(); uniform, stable over re-runs
    pa.field("text", pa.string()),  # null where extraction failed or a rejected text was not kept
    pa.field("source", pa.string(), nullable=False),  # name of the source, e.g. CC-MAIN-2026-30
    pa.field("file", pa.string()),  # input file, as the person named it
    pa.field("offset", pa.int64()),  # bytes into that file (of the gzip member, for .gz): the way back to the record
]
"""Columns that every table of documents has."""

WEB = [
    pa.field("url", pa.string()),
    pa.field("host", pa.string()),
    pa.field("date", pa.timestamp("us", tz="UTC")),  # WARC-Date
    pa.field("record_id", pa.string()),
    pa.field("ip", pa.string()),
    pa.field("payload_digest", pa.string()),
    pa.field("truncated", pa.string()),  # WARC-Truncated: length, time, disconnect, unspecified
    pa.field("status", pa.int16()),
    pa.field("content_type", pa.string()),
    pa.field("charset", pa.string()),  # the one that decoded the page
    pa.field("extractor", pa.string()),  # the engine that the text is from; null where there was no HTML
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float32()),
    pa.field("script", pa.string()),  # ISO 15924, where a step told it
    pa.field("opt_outs", pa.list_(pa.string())),  # what the site declared (docs/law.md); null where nobody looked
]

CODE = [
    pa.field("repo", pa.string()),
    pa.field("path", pa.string()),
    pa.field("language", pa.string()),  # programming language
    pa.field("language_score", pa.float32()),
    pa.field("license", pa.string()),  # SPDX expression
    pa.field("license_evidence", pa.string()),  # JSON: where, which text, score
    pa.field("redacted", pa.int32()),  # secrets and e-mail addresses replaced
]

OUTCOME = [
    pa.field("verdict", pa.string()),  # null while undecided, then kept, rejected or failed
    pa.field("reason", pa.string()),  # Step.code for rejected, the error's class for failed
    pa.field("value", pa.float64()),  # the measurement that decided
    pa.field("detail", pa.string()),  # for failed: the message; for duplicates: first 16 digits of the survivor's id
]
"""What became of a document so far."""

REMOVED = pa.field("removed", pa.list_(pa.struct([("rule", pa.string()), ("count", pa.int32())])))
"""Lines and spans cut, by rule. A list of pairs, not a map: readers without maps can open it."""

_PAGE = [
    pa.field("url", pa.string()),
    pa.field("title", pa.string()),
    pa.field("date", pa.timestamp("us", tz="UTC")),  # of what the text is from: the revision, the question
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float32()),
    pa.field("script", pa.string()),
    pa.field("license", pa.string()),  # SPDX expression
]
"""Columns of whatever was published under a title: the kind `titled`, for sources without columns of their own."""

WIKIPEDIA = [
    *_PAGE,
    pa.field("wiki", pa.string()),  # name of its database, e.g. enwiki
    pa.field("page_id", pa.int64()),
    pa.field("revision", pa.int64()),
    pa.field("links", pa.list_(pa.struct([("url", pa.string()), ("reference", pa.bool_())]))),  # to other sites
]

STACKEXCHANGE = [
    *_PAGE,
    pa.field("site", pa.string()),  # e.g. stackoverflow.com
    pa.field("question_id", pa.int64()),
    pa.field("tags", pa.list_(pa.string())),
    pa.field("score", pa.int32()),  # of the question
    pa.field("answer_ids", pa.list_(pa.int64())),  # of those in the text, in its order
    pa.field("answer_scores", pa.list_(pa.int32())),
    pa.field("accepted", pa.int64()),  # id of the answer that the asker accepted
]

ARXIV = [
    *_PAGE,
    pa.field("arxiv_id", pa.string()),  # 2310.08262 or hep-th/9901001
    pa.field("year", pa.int16()),  # of the first version
    pa.field("categories", pa.list_(pa.string())),
]

BOOKS = [
    *_PAGE,
    pa.field("form", pa.string()),  # gutenberg, epub, html, text
]

DOCUMENTS = {
    kind: pa.schema([*CORE, *fields])
    for kind, fields in {
        "web": WEB,
        "code": CODE,
        "titled": _PAGE,
        "wikipedia": WIKIPEDIA,
        "stackexchange": STACKEXCHANGE,
        "arxiv": ARXIV,
        "books": BOOKS,
    }.items()
}
"""Columns of a document, by kind of corpus. A source of its own kind adds a list of fields here: all other stages take the
columns as they find them."""

DUPLICATES = pa.schema(
    [
        pa.field("step", pa.string(), nullable=False),  # the corpus-wide step, e.g. Spans
        pa.field("id", pa.string(), nullable=False),  # who lost
        pa.field("pos", pa.int32(), nullable=False),  # which line, span or word; -1 the whole document
        pa.field("survivor", pa.string(), nullable=False),  # first 16 hex digits of the id that keeps it
        pa.field("value", pa.float64()),  # what was measured: share held, similarity, copies; of a run its words
        pa.field("place", pa.int32()),  # of a run of words: which word of the survivor's text it begins with
        pa.field("note", pa.string()),  # evidence of another kind, as JSON: the item of an evaluation task
    ]
)


MARK = b"curate.corpus"
"""Key in the metadata of every file of documents that is ours: its kind. Columns of files without it are somebody else's,
whatever they are called."""


def kind_of(table: pa.Schema) -> str | None:
    """The kind of the corpus that a file with this schema belongs to, None where it is none of ours."""
    kind = (table.metadata or {}).get(MARK, b"").decode("utf-8", "replace")
    return kind if kind in DOCUMENTS else None


def _marked(kind: str, fields: list[pa.Field]) -> pa.Schema:
    return pa.schema(fields, {MARK: kind.encode()})


def extracted(kind: str) -> pa.Schema:
    """`extracted/`: each document as it came out of the source, decided only where extraction itself decided."""
    return _marked(kind, [*DOCUMENTS[kind], *OUTCOME])


def signals_field(names: list[str]) -> pa.Field:
    """What the steps of a recipe measured: one column of floats for each name."""
    return pa.field("signals", pa.struct([(name, pa.float64()) for name in names]))


def judged(kind: str, names: list[str]) -> pa.Schema:
    """The working table between passes, and `rejected/`."""
    return _marked(kind, [*DOCUMENTS[kind], *OUTCOME, *([signals_field(names)] if names else []), REMOVED])


CLUSTER_SIZE = pa.field("cluster_size", pa.int32(), nullable=False)
"""How many documents with this text or nearly this text there were, the kept one included."""


def published(kind: str, names: list[str], *, sizes: bool = False) -> pa.Schema:
    """`data/`: kept documents; with `sizes` those of their clusters."""
    own = [CLUSTER_SIZE] if sizes else []
    return _marked(kind, [*DOCUMENTS[kind], *own, *([signals_field(names)] if names else []), REMOVED])


def by_language(table: pa.Schema) -> pa.Schema:
    """The same for files in folders `language=…`: readers that make a column of the folder's name make such a one, and refuse
    another under that name (pandas, Arrow). To all others it is a column of texts."""
    at = table.get_field_index("language")
    return table.set(at, table.field(at).with_type(pa.dictionary(pa.int32(), pa.string())))


_ID = re.compile(r"[0-9a-f]{32}")


def is_id(text: str) -> bool:
    """Whether a text has the form of our ids."""
    return _ID.fullmatch(text) is not None


def document_id(*parts: object) -> str:
    """32 hex digits of BLAKE2b-128 over the parts: the same record has the same id in each run, on each machine."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = ("" if part is None else str(part)).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


_PLAIN_HOST = re.compile(r"https?://([a-z0-9.-]+)(?::[0-9]+)?(?:[/?#]|\Z)")
"""Most addresses; the others take five times as long."""


def host(url: str | None) -> str | None:
    """The host of a URL in lower case, without port; None where there is none."""
    if plain := _PLAIN_HOST.match(url or ""):
        return plain[1]
    try:
        return urlsplit(url or "").hostname or None
    except ValueError:
        return None
