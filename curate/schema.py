"""Every table that is written, in one place: the only file where a column gets its name and type."""

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
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float32()),
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

STATE = [
    pa.field("verdict", pa.string()),  # null while undecided, then kept, rejected or failed
    pa.field("reason", pa.string()),  # Step.code for rejected, the error's class for failed
    pa.field("value", pa.float64()),  # the measurement that decided
    pa.field("detail", pa.string()),  # for failed: the message; for duplicates: the id of the survivor
    pa.field("signals", pa.map_(pa.string(), pa.float64())),  # all that was measured
    pa.field("removed", pa.map_(pa.string(), pa.int32())),  # lines and spans cut, by Step.code
]
"""Columns that the passes of a job add; working tables have them, `data/` has the last two (as structs of floats
and ints: readers without maps can open those)."""

WEB_DOCUMENT = pa.schema([*CORE, *WEB])
CODE_DOCUMENT = pa.schema([*CORE, *CODE])
