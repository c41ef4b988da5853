"""The folder that a corpus or a mixture is built in, and how it gets its name.

Everything is built in `<output>.partial/` and renamed to `<output>/` at the end. Whatever ends a run at whatever moment,
another one with `resume` goes on from what stands there, because each step is one of three kinds:

* a file appears whole (written under another name, renamed), and the last file of a step promises all others of it;
* a folder goes whole (renamed to a name that says it is garbage, then deleted);
* `ledger.json` is written when all the rest is there: from then on nothing is left but to clear up and to rename.

On an object store, where folders can't be renamed, a corpus is copied and its `ledger.json` last.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from curate.console.terminal import without_secrets
from curate.errors import InputError, OutputError
from curate.files import locks, storage

IDENTITY, BUILT = "job.json", "ledger.json"
INDEX = "_index.json"
"""In `extracted/`: which parts there are, and what was counted when they were read. Written when all of them stand there. Readers of
folders of Parquet pass over a name that begins so."""
_INDEX_BEFORE = "index.json"
"""Its name in corpora made before December 2026."""
_PART = re.compile(r"part-\d{5,9}-of-\d{5,9}\.parquet")
SHOWN = 5
_PASSING = re.compile(r"recipe\.toml|_scratch/(stages\.json|beats/.*)")
"""What says how far a run is: of no use without what it made."""
ADDRESS = re.compile(r"[a-z0-9]+://[A-Za-z0-9._/=+@,~:-]+")
"""Addresses that every client takes as they are: no part of them is a pattern, an escape, a query or a fragment."""


def work_folder(output: str) -> str:
    """Where `output` is built."""
    return output.rstrip("/") + ".partial"


class FinishedError(OutputError):
    """The output of a job that is to be resumed is complete, and was made by this very job."""


@contextmanager
def claimed(output: str, identity: Mapping[str, object], *, resume: bool) -> Iterator[None]:
    """Hold the output for one run; before the block begins, what is in the way is refused and a new run written down.

    `identity` is all that decides what is written, as JSON. Raises OutputError when something is there that this run must
    not touch: a folder of somebody, an unfinished run of another job, a run that is at work at this moment.
    """
    check_name(output)
    if not storage.is_local(output) and (told := storage.missing(output)).startswith("no such bucket"):
        raise OutputError(f"{output}: {told}")
    _refuse_planted(output)
    work, identity = work_folder(output), json.loads(dump_json(identity))  # as it is read again: lists, no tuples
    _refuse_finished(output, work, identity, resume)
    with locks.held(
        work, f"{output}: another run is writing it at this moment; wait for it, or choose another --output"
    ):
        _refuse_finished(output, work, identity, resume)
        storage.remove_empty(output)
        _begin(work, identity, resume)
        yield


def unclaim(output: str) -> None:
    """Take a claim back in which nothing was made, so that the corrected command is not refused; one who holds it calls this."""
    work = work_folder(output)
    made = (name for name in storage.names_below(work) if name not in (IDENTITY, locks.NAME))
    if all(_PASSING.fullmatch(name) for name in made):
        storage.remove(work)


def check_name(output: str) -> None:
    """Raise OutputError for a name that can't be written to, or not by everything that has to."""
    try:
        output.encode()
    except UnicodeEncodeError:
        raise OutputError(f"{output!a}: {storage.not_utf8(output, 'choose another --output')}") from None
    if not output.strip() or "\0" in output:
        raise OutputError(f"--output {output!r} is no name of a folder")
    if output.startswith("hf://"):
        raise OutputError(
            f"{without_secrets(output)}: the Hub can be read, not built in: write into a folder, then: curate push FOLDER "
            "hf://datasets/OWNER/NAME"
        )
    storage.check_name(output)
    if not storage.is_local(output):
        storage.check_scheme(output, "written to")
    if not storage.is_local(output) and not ADDRESS.fullmatch(output):
        raise OutputError(
            f"{output}: the address of an output may hold letters, digits and . _ - = + @ , ~ / only; choose another --output"
        )


def _refuse_planted(output: str) -> None:
    """Raise OutputError where a file or a link has the name of the output, or a link or a folder of another user the name that it is
    built under: in a folder that many can write to, somebody else would own the corpus."""
    if not storage.is_local(output):
        return
    work = work_folder(output)
    for path in (output, work):
        if os.path.islink(storage.filesystem(path)[1]):
            raise OutputError(f"{path} is a link: name the folder that it leads to, or delete it")
        if storage.exists(path) and not os.path.isdir(storage.filesystem(path)[1]):
            raise OutputError(f"{path} is a file, and a folder is to be made there: choose another --output")
    inner = storage.filesystem(work)[1]
    for path in storage.no_files(inner):
        raise OutputError(
            f"{path} is a link, a pipe or a device, and a job makes none: it would lead out of the output; delete {work} and start again"
        )
    begun = storage.exists(storage.join(work, IDENTITY))  # then it goes on with `resume` only
    if os.path.isdir(inner) and not begun and os.stat(inner).st_uid != os.geteuid():
        raise OutputError(f"{work} is in the way, made by another user: delete it, or choose another --output")


def _refuse_finished(output: str, work: str, identity: Mapping[str, object], resume: bool) -> None:
    if storage.is_empty(output):
        return
    store, complete = not storage.is_local(output), storage.exists(storage.join(output, BUILT))
    if resume and complete and read_json(storage.join(output, IDENTITY)) == identity:
        if store:
            storage.remove(work)  # what it was copied from, where the run was killed behind the last copy
        raise FinishedError(f"{output} is complete already, made by this very job: nothing to resume")
    if not (resume and store and not complete and _half_copied(output, work, identity)):
        raise OutputError(f"{output} exists: choose another --output or delete it")


def _half_copied(output: str, work: str, identity: Mapping[str, object]) -> bool:
    """Whether all that is in `output` is a part of what stands finished in `work`."""
    if not storage.exists(storage.join(work, BUILT)) or read_json(storage.join(work, IDENTITY)) != identity:
        return False
    return set(storage.names_below(output)) <= set(storage.names_below(work))


def _begin(work: str, identity: Mapping[str, object], resume: bool) -> None:
    path = storage.join(work, IDENTITY)
    if not storage.exists(path):
        storage.remove_garbage(work)
        if set(storage.names_below(work)) - {locks.NAME}:
            raise OutputError(f"{work} is in the way, and no run of this program: rename or delete it")
        storage.write_text(path, dump_json(identity))
        return
    if not resume:
        raise OutputError(f"an unfinished run is in {work}: continue it with --resume, or delete it")
    if told := differences(read_json(path), identity):
        raise OutputError(f"{work} was made from other {told}: delete it, or run what it was made from")
    storage.remove_garbage(work)


def differences(stored: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """What differs between two identities, in words; empty when nothing does. Of mappings the keys that differ are named."""
    told = []
    for key in sorted({*stored, *wanted}):
        before, now = stored.get(key), wanted.get(key)
        if before == now:
            continue
        name = key.replace("_", " ")
        if isinstance(before, dict) and isinstance(now, dict):
            names = sorted(one for one in {*before, *now} if before.get(one) != now.get(one))
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            name += f" ({', '.join(names[:SHOWN])}{more})"
        told.append(name)
    return ", ".join(told)


def built(work: str) -> dict[str, Any] | None:
    """The ledger, where all is built and only the name is missing; else None."""
    path = storage.join(work, BUILT)
    return read_json(path) if storage.exists(path) else None


def promised(work: str, names: Sequence[str], by: str) -> None:
    """Raise OutputError when one of the files `names` (relative to `work`) that the file `by` speaks of is not there."""
    if missing := sorted(set(names) - set(storage.names_below(work))):
        raise OutputError(
            f"{storage.join(work, missing[0])} is missing, and {by} says that it was written: somebody deleted it. "
            f"Delete {work} and start again"
        )


def finish(output: str, scratch: Sequence[str]) -> None:
    """Take the folders and files `scratch` (names in the work folder) away and give the rest the name `output`."""
    work = work_folder(output)
    for name in scratch:
        storage.remove(storage.join(work, name))
    storage.remove_garbage(work)
    storage.rename_folder(work, output, last=BUILT, without=locks.NAME)


def index_path(folder: str) -> str:
    """The index of a folder `extracted/`, under the name that it has there."""
    before = storage.join(folder, _INDEX_BEFORE)
    return before if storage.exists(before) else storage.join(folder, INDEX)


def read_json(path: str) -> dict[str, Any]:
    """The JSON object in a file; empty when there is no file. Raises OutputError when it holds anything else."""
    if not storage.exists(path):
        return {}
    try:
        value = json.loads(storage.read_bytes(path))
    except (ValueError, RecursionError):  # a machine that lost its power may leave a file empty
        value = None
    if not isinstance(value, dict):
        raise OutputError(f"{path} is damaged: delete the folder that it is in, and start again")
    return value


@contextmanager
def believed(path: str) -> Iterator[None]:
    """What is made of a file that somebody else may have written, as if it held what ours do: raises InputError where it does not."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        told = _shortly(error)
        raise InputError(
            f"{path} holds what no job of ours has written ({told}): make it again, or take another"
        ) from error


def _shortly(error: BaseException) -> str:
    """Kind and beginning of what an exception says, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"


def extracted_parts(folder: str) -> list[str]:
    """Names of the files of a folder `extracted/`, as its index gives them. Raises InputError for one that could lead elsewhere: they
    are written under the same name."""
    path = index_path(folder)
    names = read_json(path).get("parts")
    if not isinstance(names, list) or not all(isinstance(name, str) and _PART.fullmatch(name) for name in names):
        raise InputError(f"{path} names files that are no parts of a corpus: somebody changed it, take another")
    return names


def dump_json(value: object) -> str:
    """JSON as it is written to files: the same text for the same value."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
