"""The ledger of a job as an object: a mapping that prints as a table, and shows as one in a notebook."""

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from curate.console.terminal import clean, funnel_rows, number, plain, share
from curate.files import storage

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Sequence[Sequence[str]]
"""A table: its header, then its rows; the first column is text, the others are figures."""


class Facts(Mapping[str, Any]):
    """What a command wrote into the folder `path`: its JSON file as a mapping, and its page."""

    def __init__(self, facts: Mapping[str, Any], path: str) -> None:
        self._facts = facts
        self.path = path

    def __getitem__(self, key: str) -> Any:
        return self._facts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def report(self) -> str:
        """The page to open."""
        return storage.join(self.path, "report.html")


class Ledger(Facts):
    """What a job wrote: `ledger.json` as a mapping, with `path` (the folder) and `table` (as the command prints it)."""

    def __init__(self, facts: Mapping[str, Any], path: str, table: Rows) -> None:
        super().__init__(facts, path)
        self.table = table

    @property
    def records(self) -> int:
        """Records that were read."""
        return int(self._facts["records"])

    @property
    def kept(self) -> int:
        """Documents in `data/`."""
        return int(self._facts["kept"])

    def files(self) -> list[str]:
        """The Parquet files of the documents, in order."""
        names = [part["file"] for part in self._facts["data"]]  # of a mixture, what is held out as well
        return [
            storage.join(self.path, name) for name in names if name.startswith("data/") and name.endswith(".parquet")
        ]

    def read(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """The documents, all of them in memory, or some of their columns."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = []
        for path in self.files():
            fs, inner = storage.filesystem(path)
            parts.append(pq.read_table(inner, columns=list(columns) if columns else None, filesystem=fs))
        return pa.concat_tables(parts)

    def __repr__(self) -> str:
        return f"{aligned(self.table)}\n{self.path}   report: {self.report}"

    def _repr_html_(self) -> str:
        return f"{as_html(self.table)}<p>{html.escape(self.path)} · report: {html.escape(self.report)}</p>"


def aligned(rows: Rows) -> str:
    """A table as text: columns parted by two blanks, figures to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_edge=False)
    for place, heading in enumerate(rows[0]):
        table.add_column(Text(heading), justify="left" if not place else "right", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    return plain(table, width=1000)


def as_html(rows: Rows) -> str:
    """A table as HTML, every cell escaped."""
    sides = ["left", *["right"] * (len(rows[0]) - 1)]

    def line(cells: Sequence[str], tag: str) -> str:
        inner = (
            f'<{tag} style="text-align:{side};white-space:pre">{html.escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        )
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(line(row, "td") for row in rows[1:])
    return f"<table><thead>{line(rows[0], 'th')}</thead><tbody>{body}</tbody></table>"


def funnel(facts: Mapping[str, Any]) -> Rows:
    """The funnel of a corpus: what was read, less what each kind, error and rule took, down to what was kept."""
    rows, before = [["", "count", "of records", "left"]], ""
    for row in funnel_rows(facts):
        kind = row.kind if row.kind != before else " " * len(row.kind)
        before = row.kind
        rows.append(
            [
                f"{kind}  {clean(row.reason)}".rstrip(),
                number(row.count),
                share(row.count, int(facts["records"])),
                number(row.left),
            ]
        )
    return rows
