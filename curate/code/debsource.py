"""Debian source packages: the archives that a `.dsc` file names, as one repository."""

import os
import re
from collections.abc import Iterator

from curate.code.members import MAX_FILE, Bomb, Member, is_repository, members

MAX_PARTS = 100
_PART = re.compile(r"^ *[0-9a-f]{32,64} +(\d+) +(\S+) *$", re.M)
_COMPONENT = re.compile(r"\.orig-([a-z0-9-]+)\.tar\.[a-z0-9]+$")


def is_dsc(path: str) -> bool:
    """Whether `path` is named like the description of a Debian source package."""
    return path.lower().endswith(".dsc")


def parts(path: str) -> list[str]:
    """The files that a `.dsc` names, beside it. Raises OSError for a name that is no plain name, or too many."""
    with open(path, encoding="utf-8", errors="replace") as file:
        named = sorted({match.group(2) for match in _PART.finditer(file.read(MAX_FILE))})
    if any("/" in name or "\\" in name or name in (".", "..") or not name.isprintable() for name in named):
        raise OSError("the .dsc names a file outside its folder")
    if not named or len(named) > MAX_PARTS:
        raise OSError(f"the .dsc names {len(named)} files; 1 to {MAX_PARTS} are read")
    return [os.path.join(os.path.dirname(path), name) for name in named]


def source_members(path: str) -> Iterator[Member]:
    """The files of a source package: upstream's below its root, `debian/` from the archive of the packaging.

    A patch (`.diff.gz` of format 1.0) is counted as `patch`, a signature is left out. Raises what `members` does.
    """
    seen = 0
    for part in parts(path):
        name = os.path.basename(part)
        if name.endswith(".asc"):
            continue
        if not is_repository(part) or os.path.isdir(part):
            yield Member(name, skipped="patch" if ".diff" in name else "no_archive")
            continue
        component = _COMPONENT.search(name)
        packaging = ".debian.tar." in name
        for member in members(part):
            seen += 1
            if seen > 500_000:
                raise Bomb("more than 500000 files in all parts")
            inner = member.path if packaging or member.skipped == "unsafe_name" else member.path.partition("/")[2]
            place = f"{component.group(1)}/{inner}" if component else inner
            yield Member(place or member.path, member.data, member.skipped)
