"""The licence of every file of a repository: its own header, else that of the nearest folder, else the package's metadata."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from curate.code.debian import Paragraph, evidence_for, is_copyright, paragraphs
from curate.code.detect import Detector, is_license_file
from curate.code.evidence import Evidence, conjunction, ids
from curate.code.members import Member
from curate.code.metadata import is_metadata, stated
from curate.code.names import UNKNOWN
from curate.code.reuse import Annotation, annotation_for, annotations

HEADER_BYTES = 8_000
"""A file's own licence stands at its beginning."""

_PROSE = re.compile(r"\.(?:md|markdown|rst|txt|adoc|html?|xhtml|tex)$|(?:^|/)[A-Z]+$", re.I)
_TESTS = re.compile(
    r"(?:^|/)(?:__)?(?:tests?|testing|test[-_]?data|test[-_]?suite|fixtures?|specs?)(?:__)?(?:/|$)", re.I
)
_MANUAL = re.compile(
    r"(?:^|/)(?:docs?|documentation|manual|guides?)/(?:.*/)?[^/]*[-_][^/]*\.(?:md|markdown|rst|txt|adoc|html?)$", re.I
)
"""Pages of a manual with a name of several words."""
MANUAL_PAGE = 2_000
"""Bytes from which such a page is no mere notice."""


@dataclass(slots=True)
class Licences:
    """What the licence files and the metadata of a repository say, by folder (`""` is the root)."""

    texts: dict[str, list[Evidence]] = field(default_factory=dict)
    metadata: dict[str, list[Evidence]] = field(default_factory=dict)
    debian: dict[str, list[Paragraph]] = field(default_factory=dict)
    reuse: dict[str, list[Annotation]] = field(default_factory=dict)

    def add(self, member: Member, detector: Detector) -> None:
        """Read a member, if it is a licence file or package metadata."""
        if member.skipped:
            return
        folder = folder_of(member.path)
        text = member.data.decode("utf-8", "replace") if member.path.endswith("debian/copyright") else ""
        if is_copyright(member.path, text):
            self.debian[folder_of(folder)] = paragraphs(text, member.path)
        elif PurePosixPath(member.path).name == "REUSE.toml":
            self.reuse[folder] = annotations(member.data.decode("utf-8", "replace"), member.path)
        elif is_license_file(member.path):
            found = detector.detect(member.data, member.path)
            if _is_manual(member, found):
                return
            if PurePosixPath(folder).name.lower() in ("licenses", "license", "licences"):
                folder = folder_of(folder)  # REUSE and friends: the folder speaks for what holds it
            self.texts.setdefault(folder, []).extend(found)
        elif is_metadata(member.path):
            evidence = stated(member.path, member.data)
            if evidence:
                self.metadata.setdefault(folder, []).append(evidence)

    def of_file(self, path: str) -> list[Evidence]:
        """The evidence for a file that says nothing itself: Debian's word on it, else that of the nearest folder."""
        for folder, found in self.debian.items():
            relative = path.removeprefix(folder + "/") if folder else path
            said = evidence_for(found, relative) if not folder or relative != path else None
            if said:
                return [said]
        annotation = self.annotation(path)
        return [annotation.evidence] if annotation else self.of_folder(folder_of(path))

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
            found = agreed(texts, metadata)
            if found:
                return [*found, *(item for item in tests if UNKNOWN not in item.expression)]
            if not folder:
                return tests
            folder = folder_of(folder)


def agreed(texts: list[Evidence], metadata: list[Evidence]) -> list[Evidence]:
    """What a folder's licence texts and its metadata say together.

    Metadata that names just the licences of the texts says how they combine (LICENSE-MIT and LICENSE-APACHE with
    `MIT OR Apache-2.0`). Metadata that names others adds to them, so that the stricter of the two decides; metadata
    too vague to name one ("BSD", "see LICENSE") gives way to the texts.
    """
    clear = [item for item in metadata if UNKNOWN not in item.expression]
    if not texts or not clear:
        return texts or metadata
    of_texts = frozenset[str]().union(*(ids(item.expression) for item in texts))
    of_metadata = frozenset[str]().union(*(ids(item.expression) for item in clear))
    if of_texts == of_metadata:
        return clear if any(" OR " in item.expression for item in clear) else texts
    return texts if of_metadata < of_texts else [*texts, *clear]


def _is_manual(member: Member, found: list[Evidence]) -> bool:
    """Whether a file named like a licence is a long page of a manual that names licences and has the text of none."""
    long = len(member.data) >= MANUAL_PAGE and bool(_MANUAL.search(member.path))
    return long and all(item.kind != "full-text" and UNKNOWN not in item.expression for item in found)


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
    whole = is_license_file(member.path)
    own = detector.detect(member.data if whole else member.data[:HEADER_BYTES], member.path)
    annotation = licences.annotation(member.path) if licences.reuse else None
    if annotation and annotation.precedence == "override":
        own = []
    elif annotation and annotation.precedence == "aggregate":
        own = [*own, annotation.evidence]
    evidence = own or licences.of_file(member.path)
    if own and _PROSE.search(member.path) and all(item.kind == "header-notice" for item in own):
        evidence = [*own, *licences.of_file(member.path)]  # a README that speaks of a licence is not thereby under it
    return conjunction(item.expression for item in evidence), evidence
