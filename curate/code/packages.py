"""Whatever holds the files of one project: a repository, an archive, a Debian source (`.dsc`) or package (`.deb`), a wheel."""

from collections.abc import Iterator

from curate.code.deb import deb_members, deb_survey, is_deb
from curate.code.debsource import is_dsc, source_members
from curate.code.detect import Detector
from curate.code.members import Member, is_repository, members
from curate.code.repository import Licences, survey
from curate.code.wheels import is_wheel, wheel_survey


def is_package(path: str) -> bool:
    """Whether `path` is something that `members_of` reads."""
    return is_repository(path) or is_dsc(path) or is_deb(path)


def members_of(path: str) -> Iterator[Member]:
    """The files in a fixed order. Raises Bomb at a limit, one of `members.BROKEN` where it can't be read on."""
    if is_deb(path):
        return deb_members(path)
    return source_members(path) if is_dsc(path) else members(path)


def survey_of(path: str, detector: Detector) -> Licences:
    """What its licence files and metadata say. Raises what `members_of` does."""
    if is_deb(path):
        return deb_survey(deb_members(path), detector)
    return (wheel_survey if is_wheel(path) else survey)(members_of(path), detector)
