"""Wheels of Python: what `NAME.dist-info` at the root says speaks for all files, which lie beside it.

PEP 427 and PEP 639: METADATA has the licence's expression, `licenses/` the files that it names, RECORD the names of all files. The rules
are those of a repository's root, and stricter where a wheel may say less than the source that it was built from: what METADATA
names as a licence file has to be one, and what is said of parts denies, as the parts may lie elsewhere in a wheel.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import HeaderParser

from curate.code.detect import Detector
from curate.code.evidence import Evidence, canonical
from curate.code.members import Member
from curate.code.names import UNKNOWN
from curate.code.repository import Licences, folder_of, of_readme
from curate.filters.code import is_vendored

ENDING = ".whl"
_OWN = re.compile(r"([^/]+\.dist-info)/(.*)", re.DOTALL)
_INNER = re.compile(r"(?:(?P<beside>.*)/)?[^/]+\.(?:dist|egg)-info(?:/.*)?", re.DOTALL)
_PEOPLE = re.compile(
    r"(?:authors?|contributors?|maintainers|credits|thanks|acknowledge?ments)(?:\.\w+)?", re.IGNORECASE
)
"""Files that METADATA may name as those of the licence, and that give none."""
_UNSIGNED = ("RECORD", "RECORD.jws", "RECORD.p7s")
"""Files that a RECORD need not list."""
_LONG = 300
"""Characters from which on the field License is the text of one, see `curate.code.metadata`."""


def is_wheel(path: str) -> bool:
    """Whether a file is a wheel by its name."""
    return path.lower().endswith(ENDING)


def wheel_survey(found: Iterable[Member], detector: Detector) -> Licences:
    """What the licence files and metadata of a wheel say. `NAME.dist-info` speaks for the root where it is the only one there and its
    RECORD lists every file; else it speaks for itself alone, as any folder."""
    licences, paths, own = Licences(), set[str](), list[Member]()
    for member in found:
        paths.add(member.path)
        if _OWN.fullmatch(member.path):
            own.append(member)
        else:
            licences.add(member, detector)
    folders = {member.path.partition("/")[0] for member in own}
    folder = folders.pop() if len(folders) == 1 else ""
    said = {member.path: member.data for member in own if not member.skipped}
    record, metadata = said.get(f"{folder}/RECORD"), said.get(f"{folder}/METADATA")
    speaks = metadata is not None and record is not None and paths <= _listed(record, folder)
    if speaks:
        licences.speaks = folder
    for member in own:
        licences.add(member, detector)
    if speaks and metadata is not None:
        where = f"{folder}/METADATA"
        fields = HeaderParser().parsestr(metadata.decode("utf-8", "replace"))
        licences.texts.setdefault("", []).extend(
            [*_of_field(fields, where, detector), *_missing(fields, where, paths, licences)]
        )
        described = str(fields.get_payload() or fields.get("Description") or "")
        licences.readmes.setdefault("", []).extend(of_readme(Member(where, described.encode()), detector))
        _apart(paths, licences)
    return licences


def _listed(record: bytes, folder: str) -> set[str]:
    """The files that a RECORD lists, and those that it need not."""
    try:
        rows = list(csv.reader(io.StringIO(record.decode("utf-8", "replace"))))
    except csv.Error:
        return set()
    return {row[0] for row in rows if row} | {f"{folder}/{name}" for name in _UNSIGNED}


def _of_field(fields: Message, where: str, detector: Detector) -> Iterator[Evidence]:
    """What the fields of the licence say besides what all metadata are asked for: the text of one, or an expression that no list knows,
    which the licence's text does not settle."""
    for value in map(str, (fields.get_all("License") or [])[:1]):
        if len(value) >= _LONG:
            found = detector.detect(value.encode("utf-8", "replace"), "LICENSE")
            yield from found or [_doubt(where, "a text as the licence, and none that is known")]
    for field in ("License", "License-Expression"):
        values = list(map(str, fields.get_all(field) or []))
        known = field == "License" or all(UNKNOWN not in (canonical(value.strip()) or UNKNOWN) for value in values)
        if len(values) > 1 or not known:
            yield _doubt(where, f"{field}: {'; '.join(values)}"[:200])


def _missing(fields: Message, where: str, paths: set[str], licences: Licences) -> Iterator[Evidence]:
    """A doubt about the first licence file that METADATA names and that was not read as one."""
    folder = folder_of(where)
    for name in map(str, fields.get_all("License-File") or []):
        here = [path for path in (f"{folder}/licenses/{name}", f"{folder}/{name}") if path in paths]
        if not here or not (licences.files.keys() & here or _PEOPLE.fullmatch(name.rpartition("/")[2])):
            yield _doubt(where, f"License-File: {name}"[:200])
            return


def _apart(paths: set[str], licences: Licences) -> None:
    """Where another package's metadata lie further down, what is beside them is that package, whose licence is not the wheel's."""
    for path in sorted(paths):
        inner = _INNER.fullmatch(path)
        beside = inner["beside"] or "" if inner else ""
        if inner and not path.startswith(f"{licences.speaks}/") and not any(map(is_vendored, beside.split("/"))):
            said = licences.texts.setdefault(beside, [])
            if not any(one.text == _ANOTHER for one in said):
                said.append(_doubt(path, _ANOTHER))


_ANOTHER = "another package, beside its metadata"


def _doubt(where: str, told: str) -> Evidence:
    return Evidence(UNKNOWN, "doubt", where, told, 0.5)
