"""What files of strangers may hold and Python's own parsers take forever for: names in TOML of thousands of parts, lines of blanks in
configuration files, lists of globs that no automaton holds, and so many
statements that files times statements take forever."""

import re
import tomllib
from collections.abc import Iterable
from typing import Any

import re2

MAX_PARTS = 64
"""Parts of a dotted name in TOML: the time that it takes grows with their square (with their cube in a table's name)."""
MAX_PATTERN, MAX_WILDCARDS = 400_000, 10_000
"""Characters of the patterns of one statement, and what in them stands for anything: each name is held against all of them."""
MAX_STATEMENTS, MAX_POINTERS = 2_000, 200
"""What a repository states for some of its files (each is tried on each file), or what licence files and metadata say of a folder; and what a
file points to. Where more is said, the licence is unknown."""
_DOTTED = re2.compile(rf"""(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MAX_PARTS}}}""")
_BLANKS = re.compile(r"(?<=\S)[^\S\n]{2,}")
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # it would write the pattern to the terminal, as it is
_OPTIONS.max_mem = 64 << 20
_OPTIONS.dot_nl = True  # names of files may have line breaks


def toml(text: str) -> dict[str, Any]:
    """A TOML file as a table. Raises ValueError for what is none, and for names of more than MAX_PARTS parts."""
    if _DOTTED.search(text):
        raise ValueError(f"a name of more than {MAX_PARTS} parts")
    return tomllib.loads(text)


def single_blanks(text: str) -> str:
    """The text with each run of white space inside or at the end of a line as one blank."""
    return _BLANKS.sub(" ", text)


def any_of(patterns: Iterable[str]) -> Any | None:
    """One pattern, compiled by RE2, for what matches one of several; None where they are too many or too long for it."""
    joined = "|".join(patterns)
    if len(joined) > MAX_PATTERN or joined.count("*") + joined.count(".") - joined.count("\\.") > MAX_WILDCARDS:
        return None
    try:
        return re2.compile(joined, _OPTIONS)
    except re2.error:
        return None


EVERYTHING = re2.compile("(?s).*")
