"""Tables that come with the package: text files in `data/`, of which lines that begin with # are comments."""

from importlib.resources import files


def lines_of(name: str) -> list[str]:
    """The lines of a table, without comments and empty ones."""
    text = (files("curate.filters") / "data" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
