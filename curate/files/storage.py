"""Files by path or URL: the few operations that jobs need, atomic where that matters. Built on `pyarrow.fs`."""

import errno
import functools
import glob
import hashlib
import itertools
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import pyarrow.fs as pafs

from curate.console.terminal import notes, without_logins, without_secrets
from curate.errors import DISK, InputError, OutputError, is_passing, said
from curate.files import temporary

T = TypeVar("T")
ATTEMPTS = 10
"""Times that a request of S3 is made before it counts as failed; the waits between them double, up to 20 s."""

FIRST_SECONDS, TOLD_AFTER = 15.0, 2.0
"""How long a store of S3 is asked for its first answer before a job has begun, and when that is told. Each request of a running job
has ATTEMPTS, a minute and more: then there is work to lose."""

PATIENCE, FIRST_PATIENCE = timedelta(seconds=15), timedelta(seconds=2)
"""How long Google's store is asked again, without an answer; and for its first one. Its client waits longer before each try, and so ends
up to three times as late (4 s: 5 to 12 s)."""


def filesystem(path: str) -> tuple[Any, str]:
    """The `pyarrow.fs.FileSystem` of `path` (a local path or a URL such as s3://bucket/key) and the path inside it.

    Raises InputError when it can't be had, or the name is not UTF-8: such a name can't stand in a table.
    """
    check_name(path)
    if "://" not in path:
        return pafs.LocalFileSystem(), os.path.abspath(path)
    check_scheme(path)
    try:
        if path.startswith("s3://"):
            parts = urlsplit(path)
            place = parts.netloc + unquote(parts.path)
            return _s3(f"s3://{parts.netloc}/?{parts.query}".rstrip("?"), _settings()), place.rstrip("/")
        if path.startswith(("gs://", "gcs://")):
            _google_answers(urlsplit(path).netloc, tuple(item for item in os.environ.items() if "GOOGLE" in item[0]))
        found: tuple[Any, str] = pafs.FileSystem.from_uri(path)
        return (_patient(found[0], PATIENCE), found[1]) if isinstance(found[0], pafs.GcsFileSystem) else found
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: {reason(path, error)}") from error


def _patient(fs: pafs.GcsFileSystem, patience: timedelta) -> pafs.GcsFileSystem:
    """By itself it asks for a quarter of an hour whoever does not answer."""
    return pafs.GcsFileSystem(**{**fs.__reduce__()[1][0], "retry_time_limit": patience})


@functools.lru_cache(maxsize=64)
def _google_answers(bucket: str, settings: tuple[tuple[str, str], ...]) -> None:
    """Raise OSError when Google's store, asked for a bucket the first time, can't be reached or knows no credentials."""
    fs, inner = pafs.FileSystem.from_uri(f"gs://{bucket}/")
    try:
        _patient(fs, FIRST_PATIENCE).get_file_info(inner)
    except OSError as error:
        if re.search(r"\b(UNAVAILABLE|DEADLINE_EXCEEDED|UNAUTHENTICATED)\b", str(error)):
            raise  # else it has answered: who may read objects may perhaps not ask for their bucket


def _settings() -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item for item in os.environ.items() if item[0].startswith("AWS_")))


_jobs = 0
"""Jobs that run in this process."""


def at_work() -> bool:
    """Whether a job runs in this process."""
    return _jobs > 0


def be_patient() -> None:
    """From now on this process works for a job: a store that is busy is asked for as long as a job can wait, its first answer too."""
    global _jobs
    _jobs += 1


@contextmanager
def patient() -> Iterator[None]:
    """Within it this process works for a job."""
    global _jobs
    be_patient()
    try:
        yield
    finally:
        _jobs -= 1


@functools.lru_cache(maxsize=64)
def _s3(root: str, settings: tuple[tuple[str, str], ...]) -> pafs.S3FileSystem:
    """The file system of a bucket, made once (that alone takes some requests): it tries again when the store is busy, and
    sends small files in one request."""
    bucket = root.removeprefix("s3://").partition("/")[0]
    options = _answered(bucket, lambda: pafs.FileSystem.from_uri(root)[0].__reduce__()[1][0])  # it asks for the region
    if not at_work():
        once = pafs.S3FileSystem(**options | {"retry_strategy": pafs.AwsStandardS3RetryStrategy(max_attempts=1)})
        _answered(bucket, lambda: _asked(once, bucket))
    options |= {"allow_delayed_open": True, "retry_strategy": pafs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)}
    return pafs.S3FileSystem(**options)


def _asked(fs: pafs.FileSystem, bucket: str) -> None:
    """Ask for a bucket. A store that refuses has answered: who may read objects may perhaps not ask for their bucket."""
    try:
        fs.get_file_info(bucket)
    except OSError as error:
        if is_passing(error):
            raise


def _answered(bucket: str, ask: Callable[[], T]) -> T:
    """What a request that is made once gives, asked again while the store is busy: ATTEMPTS times in a job, for FIRST_SECONDS before."""
    began, told = time.monotonic(), False
    for attempt in itertools.count(1):
        try:
            return ask()
        except OSError as error:
            wait = min(0.1 * 2**attempt, 20.0) if at_work() else min(0.1 * 2**attempt, 3.0)
            waited = time.monotonic() - began
            if not is_passing(error) or "curlCode: 6," in str(error):  # no such name: no network
                raise
            status = re.search(r"HTTP status \d+", str(error))
            if attempt == ATTEMPTS if at_work() else waited + wait > FIRST_SECONDS:
                if at_work() or status is None:
                    raise
                raise InputError(
                    f"the store s3://{bucket} answers with {status[0]}, for {waited:.0f} s now: try again later"
                ) from error
            if not at_work() and not told and waited + wait > TOLD_AFTER:
                what, told = f"answers with {status[0]}" if status else "does not answer", True
                notes([f"the store s3://{bucket} {what}; it is asked again for {FIRST_SECONDS - waited:.0f} s"])
        time.sleep(wait)
    raise AssertionError


SCHEMES = ("file", "s3", "gs", "gcs", "hdfs", "viewfs", "hf")
"""The kinds of addresses that have files and folders. A web address has no folders: `curate.read.inputs` reads single files of one."""
WEB = ("http", "https")
_HUB = re.compile(r"hf://datasets/[\w.-]+/[\w.-]+(@[^/]+)?(/.*)?", re.DOTALL | re.IGNORECASE)


def check_scheme(path: str, use: str = "read") -> None:
    """Raise InputError for an address of another kind than `SCHEMES`; `use` is what it can't be."""
    scheme = path.partition("://")[0]
    if scheme in SCHEMES:
        return
    told = f"{without_secrets(path)}: "
    if scheme.lower() in WEB and use == "read":
        raise InputError(f"{told}a web address can't be read here, as --input alone can: download it and name the file")
    known = ", ".join(f"{one}://" for one in SCHEMES)
    raise InputError(f"{told}no address that can be {use}: known are {known} and paths of this machine")


def not_utf8(name: str, way: str) -> str:
    """Why a name can't be used that Python could not decode: its bytes are no UTF-8, with the `way` out, or the locale is of another encoding."""
    try:
        os.fsencode(name).decode()
    except UnicodeError:
        return f"the name is not UTF-8: {way}"
    return f"this locale has no such letters ({sys.getfilesystemencoding()}): set LC_ALL=C.UTF-8 or PYTHONUTF8=1"


def check_name(path: str) -> None:
    """Raise InputError for a name that is not UTF-8, which can't stand in a table, for an address of the Hub that is no dataset's
    (its library knows no lists of them), and for an address with a password, which must not: addresses are written into corpora, reports and messages, and other users see them among the processes. A signed
    web address may come: its query is not written down, see `without_secrets`."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError(f"{path!a}: {not_utf8(path, 'rename it')}") from None
    if path[:5].lower() == "hf://" and not _HUB.fullmatch(path):
        raise InputError(f"{without_secrets(path)}: of the Hub give a dataset: hf://datasets/OWNER/NAME[/PATH]")
    signed = path.lower().startswith(("http://", "https://"))
    if (shown := without_logins(path) if signed else without_secrets(path)) != path:
        shown = without_secrets(path)
        raise InputError(
            f"{shown}: an address with a password (or key) in it would be written into what is made; leave it out and set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the store takes instead"
        )


def reason(path: str, error: Exception) -> str:
    """Why a file system can't be had, and what to do about it."""
    first = said(error)
    if path.startswith(("hdfs://", "viewfs://")) and "load lib" in first:
        return f"{first}: HDFS needs Java and Hadoop's libhdfs; set JAVA_HOME, HADOOP_HOME and CLASSPATH"
    return first


def missing(path: str) -> str:
    """What is to be said of a path that is not there: of a store perhaps its bucket is not. InputError where it can't be reached."""
    if path.startswith(("s3://", "gs://", "gcs://")):
        bucket = path.split("/")[2].partition("?")[0]
        fs, _ = filesystem(path)
        try:
            if fs.get_file_info(bucket).type == pafs.FileType.NotFound:
                return f"no such bucket: {bucket}: make it first, or correct its name"
        except OSError:  # who may read objects may perhaps not ask for their bucket
            pass
    return "no such file or folder"


def refuse_special(path: str) -> None:
    """Raises InputError for a pipe, a socket or a device: it has no size, is read once, and may have no end or never begin."""
    if "://" not in path and os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise InputError(f"{path}: a pipe or a device, not a file: write what comes out of it to a file first")


def info(system: pafs.FileSystem, inner: str, path: str) -> pafs.FileInfo:
    """What a file system knows of an input. Raises InputError where it can't say, and for what `refuse_special` refuses."""
    refuse_special(path)
    try:
        return system.get_file_info(inner)
    except OSError as error:
        raise InputError(f"{path}: {said(error)}") from error


def look_into(folder: str) -> None:
    """Raise InputError for a folder that may not be listed or entered: what is in it would be missed without a word."""
    if os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f"{folder}: {DISK[errno.EACCES]}")


def matching(pattern: str) -> list[str]:
    """Paths of this machine that match a pattern, sorted; InputError where one of its folders may not be looked into, which `glob`
    takes for empty."""
    part = pattern
    while (above := os.path.dirname(part)) != part:
        last = os.path.basename(part)
        if any(sign in last for sign in "*?["):
            for folder in glob.glob(part if last == "**" else above or ".", recursive=True):
                look_into(folder)
        part = above
    return sorted(glob.glob(pattern, recursive=True))


def no_files(folder: str) -> Iterator[str]:
    """What is neither a file nor a folder below one of this machine: links, pipes, devices."""
    for root, folders, files in os.walk(folder):
        for path in (os.path.join(root, name) for name in (*folders, *files)):
            try:
                mode = os.lstat(path).st_mode
            except FileNotFoundError:  # another run is at work
                continue
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                yield path


def is_local(path: str) -> bool:
    """Whether `path` lies on a file system of this machine, where folders can be renamed."""
    return "://" not in path or path.startswith("file://")


def join(folder: str, *names: str) -> str:
    """`folder/name/…` for paths and URLs alike."""
    return "/".join([folder.rstrip("/"), *names])


def exists(path: str) -> bool:
    """Whether a file or folder stands there."""
    fs, inner = filesystem(path)
    return bool(fs.get_file_info(inner).type != pafs.FileType.NotFound)


def existing(paths: Iterable[str]) -> set[str]:
    """Those of `paths` that stand there; a store is asked for lists of folders, not for each path."""
    wanted, found = set(paths), set[str]()
    for folder in {path.rpartition("/")[0] for path in wanted if not is_local(path)}:
        fs, inner = filesystem(folder)
        infos = fs.get_file_info(pafs.FileSelector(inner, allow_not_found=True))
        found |= {join(folder, info.base_name) for info in infos} & wanted
    return found | {path for path in wanted if is_local(path) and exists(path)}


def list_files(folder: str, suffix: str = "") -> list[str]:
    """Paths of the files right in `folder` whose names end with `suffix`, sorted; empty when there is no folder."""
    fs, inner = filesystem(folder)
    found = fs.get_file_info(pafs.FileSelector(inner, allow_not_found=True))
    names = [info.base_name for info in found if info.type == pafs.FileType.File]
    return [join(folder, name) for name in sorted(names) if name.endswith(suffix) and not name.startswith(".")]


def file_size(path: str) -> int:
    """Size in bytes."""
    fs, inner = filesystem(path)
    return int(fs.get_file_info(inner).size)


def read_bytes(path: str) -> bytes:
    """The whole file. Raises InputError for what `refuse_special` refuses."""
    refuse_special(path)
    fs, inner = filesystem(path)
    with fs.open_input_stream(inner, compression=None) as stream:
        return bytes(stream.read())


@contextmanager
def atomic(path: str) -> Iterator[str]:
    """Give a temporary local path to write; when the block ends well, `path` appears whole, else not at all."""
    if is_local(path):
        inner = filesystem(path)[1]
        if os.path.exists(inner) and not os.path.isfile(inner):  # a device would be replaced by a file
            raise OutputError(
                f"{path} is a {'folder' if os.path.isdir(inner) else 'device'}, not a file: choose another"
            )
        Path(inner).parent.mkdir(parents=True, exist_ok=True)
        written = temporary_name(inner)
        try:
            yield written
            os.replace(written, inner)
        finally:
            Path(written).unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(dir=temporary.folder()) as folder:
        written = os.path.join(folder, "file")
        yield written
        fs, inner = filesystem(path)
        if not isinstance(fs, pafs.S3FileSystem):  # which has no folders
            fs.create_dir(inner.rsplit("/", 1)[0], recursive=True)
        pafs.copy_files(written, inner, destination_filesystem=fs)


def write_text(path: str, text: str) -> None:
    """Write a small UTF-8 file atomically."""
    with atomic(path) as written:
        Path(written).write_text(text, encoding="utf-8")


def rename_folder(source: str, target: str, last: str = "", without: str = "") -> None:
    """Move a folder to a path that must not exist. One step on local disks; elsewhere file by file, and the file `last`
    at the end, so that it tells readers that the rest is there. The file `without` of the source is not moved."""
    if is_local(source):
        if exists(target):
            raise OutputError(f"{target} exists already")
        os.rename(filesystem(source)[1], filesystem(target)[1])
        return
    fs, inner = filesystem(source)
    other, target_inner = filesystem(target)
    for name in sorted(names_below(source), key=lambda name: (name == last, name)):
        if name != without:
            start, end = f"{inner}/{name}", f"{target_inner}/{name}"
            pafs.copy_files(start, end, source_filesystem=fs, destination_filesystem=other)
    remove(source)


def copy_folder(source: str, target: str) -> None:
    """Give a folder of finished files a second name, unless that stands there. It appears whole; on an object store its
    file COMPLETE comes last. Files are linked where that can be had."""
    local = is_local(target)
    if exists(target if local else join(target, COMPLETE)):
        return
    place = temporary_name(target) if local else target
    if local:
        os.makedirs(filesystem(place)[1])
    for name in names_below(source):
        if name != COMPLETE:
            link(join(source, name), join(place, name))
    if local:
        os.rename(filesystem(place)[1], filesystem(target)[1])
    else:
        write_text(join(target, COMPLETE), "")


def names_below(folder: str) -> list[str]:
    """Names of all files in `folder` and its folders, relative to it, sorted; empty when there is no such folder."""
    fs, inner = filesystem(folder)
    found = fs.get_file_info(pafs.FileSelector(inner, recursive=True, allow_not_found=True))
    return sorted(info.path[len(inner.rstrip("/")) + 1 :] for info in found if info.is_file)


GARBAGE = ".tmp-"
"""In the names of files that are being written and of folders that are being deleted: of no use to anybody."""
COMPLETE = "_COMPLETE"
"""The file that is written last into a folder on an object store, and deleted first."""


def temporary_name(path: str) -> str:
    """Another name beside `path`, that says that what has it is garbage unless it is renamed."""
    return f"{path}{GARBAGE}{uuid.uuid4().hex}"


def remove(path: str) -> None:
    """Delete a file or a folder; nothing happens when it is not there.

    A folder goes as a whole: whatever stops this in the middle, no part of it is left under its name. (An object store
    deletes one object after the other, in any order: there the marks COMPLETE go first, of all folders in it, so that none
    says of the rest that it is whole.)
    """
    if is_local(path):
        inner = filesystem(path)[1]
        if os.path.isdir(inner) and not os.path.islink(inner):
            garbage = inner if GARBAGE in os.path.basename(inner) else temporary_name(inner)
            if garbage != inner:
                os.rename(inner, garbage)
            shutil.rmtree(garbage, ignore_errors=True)
        else:
            Path(inner).unlink(missing_ok=True)
        return
    fs, inner = filesystem(path)
    kind = fs.get_file_info(inner).type
    if kind == pafs.FileType.Directory:
        for name in names_below(path):
            if name.rpartition("/")[2] == COMPLETE:
                fs.delete_file(f"{inner}/{name}")
        fs.delete_dir(inner)
    elif kind == pafs.FileType.File:
        fs.delete_file(inner)


def remove_garbage(folder: str) -> None:
    """Delete what killed runs left anywhere below a local `folder`: files half written, folders half deleted."""
    if not is_local(folder):
        return
    inner = filesystem(folder)[1]
    for root, folders, files in os.walk(inner):
        for name in [name for name in folders if GARBAGE in name]:
            folders.remove(name)
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)
        for name in files:
            if GARBAGE in name:
                Path(root, name).unlink(missing_ok=True)


def is_empty(folder: str) -> bool:
    """Whether nothing is there: no such path, or a folder without entries."""
    fs, inner = filesystem(folder)
    if fs.get_file_info(inner).type == pafs.FileType.File:
        return False
    return not fs.get_file_info(pafs.FileSelector(inner, allow_not_found=True))


def remove_empty(folder: str) -> None:
    """Delete a local folder that is empty, so that another can take its name; never one that holds something."""
    inner = filesystem(folder)[1]
    if is_local(folder) and os.path.isdir(inner):
        os.rmdir(inner)


def link(source: str, target: str) -> None:
    """Give a finished file a second name. A copy where that can't be had, or where the file is another's or has other permissions than
    those of its new folder, which a second name would have too."""
    if is_local(source) and is_local(target):
        inner, other = filesystem(source)[1], filesystem(target)[1]
        Path(other).parent.mkdir(parents=True, exist_ok=True)
        Path(other).unlink(missing_ok=True)
        file, folder = os.stat(inner), os.stat(os.path.dirname(other))
        if (file.st_uid, file.st_mode & 0o777) == (folder.st_uid, folder.st_mode & 0o666):
            with suppress(OSError):  # another disk, or no links there
                os.link(inner, other)
                return
    fs, inner = filesystem(source)
    with atomic(target) as written:
        pafs.copy_files(inner, written, source_filesystem=fs, destination_filesystem=pafs.LocalFileSystem())


def sha256(path: str) -> str:
    """Hex digest of a file."""
    fs, inner = filesystem(path)
    digest = hashlib.sha256()
    with fs.open_input_stream(inner, compression=None) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
