"""The licence of every file of a repository: its own header, else that of the nearest folder, else the package's metadata."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TypeVar

from curate.code.debian import Paragraph, evidence_for, is_copyright, paragraphs
from curate.code.detect import Detector, is_license_file
from curate.code.evidence import Evidence, conjunction, ids
from curate.code.heads import Program
from curate.code.members import Member
from curate.code.metadata import is_metadata, stated
from curate.code.names import PROPRIETARY, UNKNOWN
from curate.code.notices import restricts
from curate.code.remarks import remark
from curate.code.reuse import Annotation, annotation_for, annotations
from curate.code.scopes import is_for_other_files
from curate.code.strangers import MAX_POINTERS, MAX_STATEMENTS
from curate.code.terms import sets_terms
from curate.filters.code import installed_at, is_vendored

T = TypeVar("T")
_TOO_MUCH = f"more than {MAX_STATEMENTS:,} signs of a licence in a folder"
_PROSE = re.compile(r"\.(?:md|markdown|rst|txt|adoc|html?|xhtml|tex)$|(?:^|/)[A-Z]+$", re.I)
_TESTS = re.compile(
    r"(?:^|/)(?:__)?(?:tests?|testing|test[-_]?data|test[-_]?suite|fixtures?|specs?)(?:__)?(?:/|$)", re.I
)
_MANUAL = re.compile(
    r"(?:^|/)(?:docs?|documentation|manual|guides?)/(?:.*/)?[^/]*\.(?:md|markdown|rst|txt|adoc|html?)$", re.I
)
"""Pages of a manual."""


@dataclass(slots=True)
class Licences:
    """What the licence files and the metadata of a repository say, by folder (`""` is the root)."""

    texts: dict[str, list[Evidence]] = field(default_factory=dict)
    files: dict[str, list[Evidence]] = field(default_factory=dict)
    """The same by file, for those that point to one."""
    files_of: dict[str, list[str]] = field(default_factory=dict)
    """The paths of these by folder."""
    scopes: dict[str, list[Evidence]] = field(default_factory=dict)
    """Folders that the licence above does not hold for, with what is said of them."""
    metadata: dict[str, list[Evidence]] = field(default_factory=dict)
    readmes: dict[str, list[Evidence]] = field(default_factory=dict)
    """What the section on the licence says; it holds besides what the files above say, and never alone."""
    debian: dict[str, list[Paragraph]] = field(default_factory=dict)
    reuse: dict[str, list[Annotation]] = field(default_factory=dict)
    statements: int = 0
    """How many scopes, paragraphs of Debian's and annotations there are."""
    installed: bool = False
    """Whether this is what a Debian package installs, whose place for modules is no folder of other people's code."""
    speaks: str = ""
    """A folder of metadata that speaks for the root, as that of a wheel."""

    def _place(self, path: str) -> str:
        """The folder that a licence file or metadata speak for."""
        folder = folder_of(path)
        return "" if self.speaks and f"{folder}/".startswith(f"{self.speaks}/") else folder

    def _is_top(self, folder: str) -> bool:
        """Whether what stands above a folder says nothing of it."""
        own = self.installed and installed_at(folder) == folder
        return not folder or (is_vendored(PurePosixPath(folder).name) and not own)

    def add(self, member: Member, detector: Detector) -> None:
        """Read a member, if it is a licence file or package metadata."""
        if member.skipped:
            return
        folder = self._place(member.path)
        text = member.data.decode("utf-8", "replace") if member.path.endswith("debian/copyright") else ""
        if is_copyright(member.path, text):
            if stating := paragraphs(text, member.path, detector.licence_of_text):
                self._state(self.debian, folder_of(folder), stating)
        elif PurePosixPath(member.path).name == "REUSE.toml":
            if annotating := annotations(member.data.decode("utf-8", "replace"), member.path):
                self._state(self.reuse, folder, annotating)
        elif is_license_file(member.path):
            self._add_licence(member, folder, detector)
        elif is_metadata(member.path):
            evidence = stated(member.path, member.data)
            if evidence:
                self._say(self.metadata, folder, [evidence])
        elif is_readme(member.path):
            self._say(self.readmes, folder, of_readme(member, detector))

    def _state(self, stated: dict[str, list[T]], folder: str, found: list[T]) -> None:
        """Take statements for some of the files, unless there are too many of them: each is tried on each file."""
        self.statements += len(found)
        if self.statements <= MAX_STATEMENTS:
            stated[folder] = found

    def _say(self, table: dict[str, list[Evidence]], folder: str, found: list[Evidence]) -> None:
        """Take what is said of a folder; where that is too much, its licence is unknown."""
        held = table.setdefault(folder, [])
        if len(held) + len(found) <= MAX_STATEMENTS:
            held += found
        elif not any(item.text == _TOO_MUCH for item in self.texts.get(folder, ())):
            self.texts.setdefault(folder, []).append(Evidence(UNKNOWN, "full-text", folder, _TOO_MUCH, 0.0))

    def too_many(self) -> list[Evidence]:
        """That more is stated for some of the files than is tried on each: the licence of all of them is unknown."""
        told = f"more than {MAX_STATEMENTS:,} statements for some of the files"
        return [Evidence(UNKNOWN, "metadata", "", told, 0.0)] if self.statements > MAX_STATEMENTS else []

    def put(self, path: str, found: list[Evidence]) -> None:
        """Keep what a licence file says, for those that point to it."""
        if path not in self.files:
            self.files_of.setdefault(self._place(path), []).append(path)
        self.files[path] = found

    def _add_licence(self, member: Member, folder: str, detector: Detector) -> None:
        found = detector.detect(member.data, member.path) or _reserved(member)
        if _is_manual(member, found):
            return
        self.put(member.path, found)
        if PurePosixPath(folder).name.lower() in ("licenses", "license", "licences"):
            folder = folder_of(folder)  # REUSE and friends: the folder speaks for what holds it
        for item in found:
            if item.kind == "scope" and self._is_apart(
                member.path
            ):  # where a part of the source lies in a wheel nobody says
                self._say(self.texts, folder, [replace(item, expression=UNKNOWN, kind="doubt")])
            elif item.kind == "scope":
                place = f"{folder}/{item.text}".lstrip("/")
                self.statements += 1
                if self.statements <= MAX_STATEMENTS:
                    self.scopes.setdefault(place, []).append(item)
        if not is_for_other_files(member.path):
            self._say(self.texts, folder, [e for e in found if e.kind != "scope"])

    def _is_apart(self, path: str) -> bool:
        """Whether a file speaks for the root and lies elsewhere."""
        return self._place(path) != folder_of(path)

    def of_file(self, path: str) -> list[Evidence]:
        """The evidence for a file that says nothing itself: Debian's word on it, else that of the nearest folder."""
        for folder, found in self.debian.items():
            relative = path.removeprefix(folder + "/") if folder else path
            said = evidence_for(found, relative) if not folder or relative != path else None
            if said:
                return [said]
        annotation = self.annotation(path)
        if annotation:
            return [annotation.evidence]
        own = [item for place, found in self.scopes.items() if _is_at(path, place) for item in found]
        return own or self.of_folder(folder_of(path))

    def annotation(self, path: str) -> Annotation | None:
        """What the nearest REUSE.toml that speaks of a file says of it; one above that overrides goes before it."""
        found = None
        for folder in sorted(self.reuse, key=len, reverse=True):
            if folder and not path.startswith(folder + "/"):
                continue
            said = annotation_for(self.reuse[folder], path.removeprefix(folder + "/") if folder else path)
            found = said if said and (found is None or said.precedence == "override") else found
        return found

    def of_folder(self, folder: str) -> list[Evidence]:
        """The evidence of the nearest folder at or above `folder` that has any.

        Metadata among tests is often made up for them: what it names holds besides what the folders above say, and what
        it leaves vague counts only where they say nothing.
        """
        tests: list[Evidence] = []
        while True:
            texts, metadata = self.texts.get(folder, []), self.metadata.get(folder, [])
            if metadata and not texts and _TESTS.search(folder):
                tests, metadata = [*tests, *metadata], []
            if texts or metadata:
                metadata = [*metadata, *self.readmes.get(folder, [])]
            scope = self.scopes.get(folder, [])
            found = [
                *agreed(self.resolved(_for_code(texts), folder), metadata),
                *(e for e in scope if e.expression != UNKNOWN),
            ]
            if found:
                return [*found, *(item for item in tests if UNKNOWN not in item.expression)]
            if scope:
                return scope
            if self._is_top(folder):
                return tests
            folder = folder_of(folder)

    def resolved(self, found: list[Evidence], folder: str, depth: int = 2) -> list[Evidence]:
        """`found` with what stands in the files that it points to in the place of the pointers.

        A file that says no more than was said already confirms it. One that is not there is an unknown licence.
        """
        out = [item for item in found if item.kind != "pointer"]
        named = frozenset[str]().union(*(ids(item.expression) for item in out if item.kind not in ("mention", "doubt")))
        for number, item in enumerate(e for e in found if e.kind == "pointer"):
            asking = item.where.rsplit(":", 1)[0]
            target = self._target(item.text, folder, asking) if depth and number < MAX_POINTERS else None
            if target is None:
                out.append(item)
                continue
            said = self.resolved([e for e in target if _concerns(e, asking)], folder, depth - 1)
            if not frozenset[str]().union(*(ids(e.expression) for e in said)) <= named or not said:
                out += [e for e in said if e not in out] or [item]
        return out

    def _target(self, name: str, folder: str, asking: str) -> list[Evidence] | None:
        """What the licence file of a name says that is nearest at or above `folder`; "" is any; None where there is none."""
        wanted = PurePosixPath(name).name.lower()
        while True:
            here = [path for path in self.files_of.get(folder, ()) if path != asking]
            if len(here) > MAX_STATEMENTS:
                return None
            exact = [path for path in here if PurePosixPath(path).name.lower() == wanted]
            alike = [path for path in here if _stem(path) == _stem(wanted)]
            if exact or alike:
                most = None if self.speaks else 1  # those of a wheel lie in several folders
                return [e for path in exact[:most] or alike[:most] for e in self.files[path]]
            if here and (not wanted or _stem(wanted) in ("license", "copying")):
                return agreed([e for path in here for e in self.files[path]], self.metadata.get(folder, []))
            if self._is_top(folder):
                return None
            folder = folder_of(folder)


def _concerns(item: Evidence, path: str) -> bool:
    """Whether what a licence file says concerns a file that points to it: what is said of other folders and files does not."""
    place = f"{folder_of(item.where.rsplit(':', 1)[0])}/{item.text}".lstrip("/")
    return item.kind != "scope" or _is_at(path, place) or path.startswith(f"{place}/")


def _is_at(path: str, place: str) -> bool:
    """Whether a file is the one that a licence file names, as it is seen from there or further down."""
    return path == place or path.endswith(f"/{place}")


def _stem(path: str) -> str:
    """The name of a licence file without what only says how it is written: `LICENCE.txt` is `license`."""
    return (
        re.sub(r"\.(?:txt|md|markdown|rst|html?)$", "", PurePosixPath(path).name.lower())
        .replace("licence", "license")
        .removesuffix("s")
    )


_FOR_FONTS = frozenset({"OFL-1.0", "OFL-1.1", "OFL-1.1-RFN", "OFL-1.1-no-RFN", "OFL-1.0-RFN", "OFL-1.0-no-RFN", "Bitstream-Vera", "Ubuntu-font-1.0"})  # fmt: skip


def _for_code(texts: list[Evidence]) -> list[Evidence]:
    """Licence texts less those that are for fonts by their own words, where there are others."""
    return [item for item in texts if item.expression not in _FOR_FONTS] or texts


def agreed(texts: list[Evidence], metadata: list[Evidence]) -> list[Evidence]:
    """What a folder's licence texts and its metadata say together.

    Metadata that names just the licences of the texts says how they combine (LICENSE-MIT and LICENSE-APACHE with
    `MIT OR Apache-2.0`). Metadata that names others adds to them, so that the stricter of the two decides; metadata
    too vague to name one ("BSD", "see LICENSE") gives way to the texts.
    """
    metadata = [replace(item, expression=_less_fonts(item.expression)) for item in metadata]
    clear = [item for item in metadata if UNKNOWN not in item.expression]
    if not texts or not clear:
        return texts or metadata
    of_texts = frozenset[str]().union(*(ids(item.expression) for item in texts))
    of_metadata = frozenset[str]().union(*(ids(item.expression) for item in clear))
    if of_texts == of_metadata:
        return clear if any(" OR " in item.expression for item in clear) else texts
    return texts if of_metadata < of_texts else [*texts, *clear]


def _less_fonts(expression: str) -> str:
    """A conjunction less the licences that are for fonts by their own words, where there are others: `OFL-1.1 AND MIT`."""
    parts = expression.split(" AND ")
    kept = [part for part in parts if part not in _FOR_FONTS]
    return " AND ".join(kept) if kept and len(kept) < len(parts) and "(" not in expression else expression


_GIVES = re.compile(r"(?:licen[sc]es?|copying|eula|legal)(?:\.\w+)?$", re.I)
"""Names of files that give a licence, and hold more than notices of owners."""


def _reserved(member: Member) -> list[Evidence]:
    """A doubt about a licence file that gives none and reserves all rights."""
    name = PurePosixPath(member.path).name
    if not _GIVES.match(name) or b"rights reserved" not in b" ".join(member.data[:5_000].lower().split()):
        return []
    return [Evidence(UNKNOWN, "doubt", f"{member.path}:1", "all rights reserved, and no licence", 0.5)]


def is_readme(path: str) -> bool:
    """Whether a file of this name may have a section on the licence."""
    return bool(_README.search(path))


_README = re.compile(r"(?:^|/)readme(?:\.(?:md|markdown|rst|txt))?$", re.I)
_SECTION = re.compile(
    rb"^(?:#{1,6}[ \t]*|=+[ \t]+)?(?:\d+\.[ \t]*)?(?:\*\*)?(?:copyright (?:and|&) )?(?:the )?licen[sc](?:e|es|ing)(?: information)?(?:\*\*)?:?[ \t]*#*\r?\n(?:[ \t]*[-=~^\"'*+#]{3,}[ \t]*\r?\n)?\s*(?P<body>[^\n]+(?:\n(?![ \t]*(?:#|\n|\r))[^\n]+)*)",
    re.I | re.M,
)
"""A heading that says "License", and the first paragraph behind it."""


def of_readme(member: Member, detector: Detector) -> list[Evidence]:
    """What a README's section on the licence says, where each of its sentences is known, or one of them restricts."""
    match = _SECTION.search(member.data)
    if match is None or len(match.group("body")) > 2_000:
        return []
    where = f"{member.path}:{member.data.count(10, 0, match.start('body')) + 1}"
    found = detector.detect(match.group("body"), "LICENSE")
    restricting = [item for item in found if item.kind == "doubt" and _sets_terms(item.text, member.path)]
    if restricting:
        return [Evidence(PROPRIETARY, "doubt", where, restricting[0].text, 0.5)]
    if any(UNKNOWN in item.expression and item.kind != "pointer" for item in found):
        return []
    said = conjunction(item.expression for item in found if item.kind != "pointer")
    return (
        [Evidence(said, "metadata", where, " ".join(match.group("body").decode("utf-8", "replace").split())[:200], 0.9)]
        if said
        else []
    )


def _sets_terms(said: str, path: str) -> bool:
    """Whether a sentence about the licence restricts, or says in any words who may use the work, or for what."""
    program = Program("", path)
    if restricts(said) or remark(said, program):
        return True
    found = sets_terms(said, program)
    return found is not None and "licen" not in found.lower()  # here every sentence has that word


def _is_manual(member: Member, found: list[Evidence]) -> bool:
    """Whether a file named like a licence is a page of a manual that has the text of none and restricts nothing."""
    texts = any(item.kind == "full-text" or (item.kind == "doubt" and restricts(item.text)) for item in found)
    return bool(_MANUAL.search(member.path)) and not texts


def folder_of(path: str) -> str:
    """The folder of a path inside a repository; "" for the root."""
    return path.rpartition("/")[0]


def survey(found: Iterable[Member], detector: Detector) -> Licences:
    """Read all licence files and metadata of a repository."""
    licences = Licences()
    for member in found:
        licences.add(member, detector)
    return licences


def licence_of(member: Member, licences: Licences, detector: Detector) -> tuple[str | None, list[Evidence]]:
    """SPDX expression of a file and the evidence for it; (None, []) where nothing says a licence."""
    own = licences.resolved(detector.detect(member.data, member.path), folder_of(member.path))
    annotation = licences.annotation(member.path) if licences.reuse else None
    if annotation and annotation.precedence == "override":
        own = []
    elif annotation and annotation.precedence == "aggregate":
        own = [*own, annotation.evidence]
    beside = [item for item in own if item.kind in ("mention", "doubt", "scope")]
    under = [item for item in own if item not in beside]
    if not under:
        under = licences.of_file(member.path)
    elif _PROSE.search(member.path) and all(item.kind == "header-notice" for item in under):
        under = [*under, *licences.of_file(member.path)]  # a README that speaks of a licence is not thereby under it
    evidence = [*under, *beside] if under else []
    evidence += licences.too_many()
    return conjunction(item.expression for item in evidence), evidence
