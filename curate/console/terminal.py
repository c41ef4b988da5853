"""What goes to a terminal: crawled text made harmless, numbers as people read them, the funnel of a job."""

import difflib
import itertools
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor movement
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\n)|$)"  # titles, strings
    r"|\x1b[ -/]*[0-~]"
)
_UNSEEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Controls but tab and newline, format characters (direction marks, zero width, tags), variation selectors, fillers, lone
surrogates, separators of lines: the categories Cc, Cf, Cs, Zl and Zp, and what Unicode calls default-ignorable."""
_CONTROL = re.compile(f"[{_UNSEEN}]")

_SECRET = re.compile(
    r"(?P<login>\bhttps?://)[^\s/?#@]+(?=@)"
    r"|(?P<name>\b[a-z][a-z0-9+.-]*://[^\s/?#:@]*:)(?!\d+(/|$))[^\s@]+(?=@)"  # keys of S3 may hold a slash
    r"|(?P<token>;(x-)?(token|password|secret|key)=)[^\s;]+",  # sc://host:15002/;token=…
    re.IGNORECASE,
)
"""The secret part of an address. `http://host:8080/@name` has none."""
_SCHEME = re.compile(r"[a-z0-9]://", re.IGNORECASE)
_QUERY = re.compile(r"[^\s]*[^\s'\"<>:,;.)\]]")
_HIDDEN_NAME = re.compile(
    r"sig|token|key|secret|pass|pwd|auth|cred|session|jwt|sas|policy|hmac|code|ticket|access|^x-[a-z0-9]+-|^expir|^exp$"
    r"|^s(e|t|p|v|r|s|rt|pr|ip|ke|kt|ks|kv|koid|ktid)$",
    re.IGNORECASE,
)
"""Names of parameters that give access or, like the times of a signature, change with what does (AWS, Google, Azure)."""
_PLAIN_VALUE = re.compile(r"[_.,/:~ -]*+(?:[^\W_]{1,19}+(?:[_.,/:~ -]++|$))*+")
"""Values that say what they are: words and numbers, with points and strokes between them. A key has a longer run of letters."""

SHARE_DIGITS = 1


def clean(text: str) -> str:
    """`text` without anything a terminal would obey: escape sequences, control characters, direction marks.

    Tabs and newlines stay; carriage returns go, since they let a line overwrite itself.
    """
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def visible(text: str) -> str:
    """`text` with whatever a person can't see written as an escape."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def without_secrets(text: str) -> str:
    """`text` with *** for passwords, keys and tokens in the addresses in it, and for what of their queries may be one."""
    return re.sub(r"\S+", lambda found: _without_query(found[0]), without_logins(text))


def without_logins(text: str) -> str:
    """`text` with *** for passwords, keys and tokens in the addresses in it; queries stay."""
    return _SECRET.sub(lambda found: (found["login"] or found["name"] or found["token"]) + "***", text)


def _without_query(word: str) -> str:
    scheme = _SCHEME.search(word)
    start = word.find("?", scheme.end()) + 1 if scheme else 0
    return word[:start] + _QUERY.sub(lambda found: _told(found[0]), word[start:], count=1) if start else word


def _told(query: str) -> str:
    """The parameters of a query that are no secrets, as they are, then *** if there are others.

    So one address, signed again, has one name.
    """
    parameters = query.split("&")
    shown = [parameter for parameter in parameters if not _is_secret(parameter)]
    return "&".join(shown if len(shown) == len(parameters) else [*(one for one in shown if one != "***"), "***"])


def _is_secret(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    if _HIDDEN_NAME.search(name):
        return True
    return not all(_PLAIN_VALUE.fullmatch(unquote(part)) for part in (name, value))


def json_text(value: object, indent: int | None = 1) -> str:
    """`value` as JSON in which whatever a person can't see is written as an escape."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    return _CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], text)


def one_line(text: str, columns: int = 80) -> str:
    """`text` cleaned, on one line, cut to so many terminal columns (wide characters count two)."""
    from rich.cells import cell_len, set_cell_size

    flat = " ".join(clean(text).split())
    if cell_len(flat) <= columns:
        return flat
    return set_cell_size(flat, max(0, columns - 1)).rstrip() + "…"


def notes(lines: Iterable[str]) -> None:
    """What a person should know, on stderr, a line each."""
    for line in lines:
        print(f"note: {one_line(line, 1000)}", file=sys.stderr)


def number(value: float) -> str:
    """12,345 or 0.0123: thousands separated, fractions with four significant digits."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e15 else f"{value:.4g}"


def size(count: float) -> str:
    """Bytes for people: 999 B, 1.5 KB, 12.3 MB (powers of 1000)."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if abs(count) < 999.95 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def duration(seconds: float) -> str:
    """0.4 s, 12 s, 3 min 05 s, 2 h 07 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def share(part: float, whole: float) -> str:
    """Part of the whole in percent; "–" of nothing. Never "0.0 %" for something, never "100.0 %" for less."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.05:
        return "<0.1 %"
    if 99.95 <= percent < 100:
        return ">99.9 %"
    return f"{percent:.{SHARE_DIGITS}f} %"


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One line of the funnel."""

    kind: str
    """records, skipped, failed, rejected or kept."""
    reason: str
    """The kind, error or rule; empty for totals (records and kept)."""
    count: int
    left: int
    """What is left after this line."""


FOLD = 6
"""Kinds of skipped records that a funnel names; the rest is one line."""


def funnel_rows(ledger: Mapping[str, Any], order: Sequence[str] = (), fold: int = FOLD) -> list[FunnelRow]:
    """The ledger as a funnel: records, less what each kind, error and rule took, down to what was kept.

    `order` names the steps of the recipe (else the ledger does); rules come in that order, those of no step first,
    and within a step the largest first.
    """
    order = order or ledger.get("recipe", {}).get("steps", ())
    left = int(ledger["records"])
    rows = [FunnelRow("records", "", left, left)]
    for kind in ("skipped", "failed", "rejected"):
        counts: Mapping[str, int] = _folded(ledger[kind], fold) if kind == "skipped" else ledger[kind]
        ordered = sorted(counts, key=lambda name: (_place(name, order), -counts[name], name))
        for reason in ordered if kind != "skipped" else counts:
            left -= counts[reason]
            rows.append(FunnelRow(kind, reason, counts[reason], left))
    rows.append(FunnelRow("kept", "", int(ledger["kept"]), int(ledger["kept"])))
    return rows


def opt_outs_line(ledger: Mapping[str, Any]) -> str:
    """What the sites of the pages declared against their use, in a line; empty where nobody looked, or found any."""
    found = ledger.get("opt_outs") or {}
    looked, kept = found.get("looked_at", 0), found.get("kept", {}).get("any", 0)
    declared = kept + found.get("dropped", {}).get("any", 0)
    if not declared:
        return ""
    kinds: dict[str, int] = {}
    for part in ("kept", "dropped"):
        for kind, count in found[part].items():
            kinds[kind] = kinds.get(kind, 0) + count
    told = ", ".join(f"{kind} {number(count)}" for kind, count in sorted(kinds.items()) if kind != "any")
    return (
        f"opt-outs: declared by {number(declared)} of {number(looked)} pages ({told}); {number(kept)} of them are kept"
    )


def _folded(counts: Mapping[str, int], fold: int) -> dict[str, int]:
    """The `fold` largest counts, and the others as one."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= fold + 1:
        return dict(ordered)
    return {**dict(ordered[:fold]), f"{len(ordered) - fold} other kinds": sum(count for _, count in ordered[fold:])}


def _place(reason: str, order: Sequence[str]) -> int:
    step = reason.split(".")[0]
    return order.index(step) if step in order else -1


def funnel(ledger: Mapping[str, object], order: Sequence[str] = ()) -> "Table":
    """The funnel as a table for `rich`."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("")
    for heading in ("count", "of records", "left"):
        table.add_column(heading, justify="right")
    rows = funnel_rows(ledger, order)
    records, before = rows[0].count, ""
    for row in rows:
        kind = row.kind if row.kind != before else " " * len(row.kind)
        before = row.kind
        style = {"records": "bold", "kept": "bold green"}.get(row.kind, "")
        cells = [f"{kind}  {clean(row.reason)}", number(row.count), share(row.count, records), number(row.left)]
        table.add_row(*(Text(cell, style=style) for cell in cells))
    return table


def plain(renderable: "RenderableType", width: int = 120) -> str:
    """What `rich` would show, as text without colours and without blanks at the ends of lines."""
    import io

    from rich.console import Console

    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None, force_terminal=False).print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()).rstrip("\n")


def side_by_side(left: str, right: str, width: int = 120, titles: tuple[str, str] = ("", "")) -> "Table":
    """Two crawled texts in columns, equal lines next to each other and dimmed."""
    from rich.table import Table
    from rich.text import Text

    columns = [clean(text).splitlines() for text in (left, right)]
    table = Table(width=width, header_style="bold")
    for title in titles:
        table.add_column(Text(one_line(title, 500), overflow="fold"), ratio=1, overflow="fold")
    for tag, first, last, start, end in difflib.SequenceMatcher(
        None, columns[0], columns[1], autojunk=False
    ).get_opcodes():
        pairs = itertools.zip_longest(columns[0][first:last], columns[1][start:end], fillvalue="")
        for pair in pairs:
            table.add_row(*(Text(cell, style="dim" if tag == "equal" else "") for cell in pair))
    return table


def command_line(arguments: Sequence[str]) -> str:
    """The command as a person would type it again (the program by its name, not by where it is installed), without secrets."""
    program = os.path.basename(arguments[0]) if arguments else "curate"
    return shlex.join(["curate" if program == "__main__.py" else program, *map(without_secrets, arguments[1:])])
