"""Text for a person's eyes: a terminal, a table, a page.  Sources, levels and tasks are named by strangers."""

import html
import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of controls (but tab and newline), format characters, half surrogates, separators of lines."""


def visible(text: str) -> str:
    """`text` with what a terminal would obey, or a person can't see, written as an escape."""
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _UNSEEN and c not in "\n\t" else c
        for c in text
    )


def escape(value: object) -> str:
    """`value` for HTML text and attributes."""
    return html.escape(visible(str(value)))
