"""Download crawl files that a published list of paths names: resumed, verified, never half there.

A file is downloaded to `name.part`, beside `name.part.json` that says of which version it is a part, and gets its
name once its size (and its MD5, where the server's ETag is one) is right. `fetched.json` in the folder holds what was
fetched from where, with the sha256 of each file.
"""

import gzip
import hashlib
import http.client
import json
import os
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from curate.console.terminal import without_secrets
from curate.errors import InputError, OutputError, UsageError
from curate.files import locks, storage
from curate.files.remote import ATTEMPTS, NoNameError, Patience, Response, below, read_all, request

BASE = "https://data.commoncrawl.org/"
KINDS = ("warc", "wet", "wat")
MANIFEST = "fetched.json"
_CRAWL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,80}(/[A-Za-z0-9][A-Za-z0-9_-]{0,80}){0,2}")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=+,@-]*(/[A-Za-z0-9_][A-Za-z0-9._=+,@-]*)*")
_MD5 = re.compile(r'"([0-9a-f]{32})"')
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_STEP = 1 << 20
_MAX_LIST = 64 << 20

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes that are there, and the bytes that it will have."""


class ChangedError(OutputError):
    """The file on the server is another one than the one whose part is here."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file that is there."""

    file: str
    """Path on this machine."""
    url: str
    bytes: int
    sha256: str
    etag: str
    verified: str
    """"md5" where the server's ETag is one, otherwise "size"."""
    status: str
    """downloaded, resumed, or present (it was there)."""


def crawl_paths(crawl: str, kind: str, base: str = BASE, unit: float = 1.0) -> list[str]:
    """The published list of a crawl's files, paths below `base`. Raises InputError when there is none."""
    if kind not in KINDS:
        raise UsageError(f"unknown kind {kind!r}; one of {', '.join(KINDS)}")
    if not _CRAWL.fullmatch(crawl):
        raise UsageError(f"{crawl!r} is no name of a crawl, such as CC-MAIN-2026-30")
    url = below(base, f"crawl-data/{crawl}/{kind}.paths.gz")
    told = without_secrets(url)
    try:
        data = read_all(url, _MAX_LIST, unit)
    except InputError as error:
        if "HTTP 404" in str(error) or "HTTP 403" in str(error):
            raise InputError(
                f"{told}: there is no such list; crawls are named CC-MAIN-<year>-<week> and listed at "
                "https://commoncrawl.org/get-started"
            ) from None
        raise
    try:
        text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{told}: broken: {error}") from None
    return [check_path(line.strip(), told) for line in text.decode("utf-8", "replace").splitlines() if line.strip()]


def check_path(path: str, source: str) -> str:
    """`path` itself when it can be a relative path of a published file, so that no list names files elsewhere."""
    if len(path) > 500 or not _PATH.fullmatch(path):
        raise InputError(f"{source}: {path[:100]!r} is no path of a crawl file")
    return path


def choose(paths: Sequence[str], files: int, *, first: bool = False) -> list[str]:
    """`files` of `paths`: those with the least hash, so that more files include the fewer; or the first."""
    if files < 1:
        raise UsageError(f"--files must be at least 1, got {files}")
    if first:
        return list(paths[:files])
    return sorted(paths, key=lambda p: hashlib.blake2b(p.encode(), digest_size=16).digest())[:files]


def fetch_files(
    paths: Sequence[str], output: Path, base: str = BASE, progress: Progress | None = None, unit: float = 1.0
) -> list[Fetched]:
    """Download `paths` (below `base`) into the folder `output`, under their last names.

    What is there already, complete and the same as on the server, is left alone. Raises InputError when a file can't
    be had, OutputError when it can't be written or is not what it should be; files that are complete stay.
    """
    names = [path.rpartition("/")[2] for path in paths]
    if doubles := sorted({n for n in names if names.count(n) > 1}):
        raise InputError(f"two files are called {doubles[0]}; fetch them into different folders")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: {error.strerror}") from None
    done: list[Fetched] = []
    with locks.held(str(output), f"{output}: another run is downloading into it at this moment; wait for it"):
        clear(output, [MANIFEST])
        for path, name in zip(paths, names, strict=True):
            url = below(base, path)
            download = _Download(url, output / name, progress or (lambda *_: None), unit)
            done.append(download.present(_known(output, name)) or download.run())
            _remember(output, done)
    return done


def clear(folder: Path, names: Sequence[str]) -> None:
    """Delete what killed runs left of the files `names`, half written; the folder may hold what is not ours."""
    for path in folder.iterdir():
        if any(path.name.startswith(f"{name}{storage.GARBAGE}") for name in names):
            path.unlink(missing_ok=True)


class _Download:
    """One file on its way."""

    def __init__(self, url: str, target: Path, progress: Progress, unit: float) -> None:
        self.url = url
        self.told = without_secrets(url)  # what is written down
        self.target = target
        self.part = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")
        self._progress = progress
        self._unit = unit
        self._etag = ""
        self._total = -1

    def present(self, known: dict[str, str]) -> Fetched | None:
        """The file, if it is there and has the size and the ETag of the one on the server."""
        if not self.target.is_file():
            return None
        with request(self.url, {}, method="HEAD", unit=self._unit) as response:
            etag, size = response.headers.get("ETag") or "", int(response.headers.get("Content-Length") or -1)
        if self.target.stat().st_size != size or known.get("etag", etag) != etag:
            return None
        sha256, md5 = _digests(self.target)
        if known.get("sha256", sha256) != sha256 or not _md5_agrees(etag, md5):
            return None
        self.note.unlink(missing_ok=True)  # a run that was killed between the two
        return self._fetched(sha256, etag, "present")

    def run(self) -> Fetched:
        """Download, taking up what an earlier attempt left."""
        self._read_note()
        resumed, failures = self._here() > 0, 0
        patience = Patience(self.url, ATTEMPTS, self._unit)
        while True:
            before = self._here()
            try:
                self._attempt(before)
            except (OSError, http.client.HTTPException) as error:
                failures = 0 if self._here() > before else failures + 1
                if not failures:
                    patience = Patience(self.url, ATTEMPTS, self._unit)
                offline = isinstance(error, NoNameError) and not self._here()
                full = getattr(error, "errno", None) in (28, 30, 122)  # or read-only, or a quota
                if offline or full or failures >= ATTEMPTS:
                    raise OutputError(f"{self.target}: {error}; what is here stays, run again to go on") from None
                patience.wait(str(error).removeprefix(f"{self.told}: ") or type(error).__name__, say=True)
            if self._total >= 0 and self._here() >= self._total:
                return self._finish("resumed" if resumed else "downloaded")

    def _here(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _read_note(self) -> None:
        with suppress(OSError, ValueError):
            note = json.loads(self.note.read_text())
            if note["url"] == self.told and note["etag"]:
                self._etag = str(note["etag"])
                return
        self.part.unlink(missing_ok=True)

    def _attempt(self, at: int) -> None:
        headers = {"Range": f"bytes={at}-", "If-Range": self._etag} if at and self._etag else {}
        with request(self.url, headers, unit=self._unit, say=True) as response:
            at = self._begin(response, at if headers else 0)
            with self.part.open("r+b" if at else "wb") as file:
                file.seek(at)
                file.truncate()
                while data := response.read(_STEP):
                    file.write(data)
                    at += len(data)
                    self._progress(self.target.name, at, self._total)
                file.flush()
                os.fsync(file.fileno())
        if self._total < 0:  # the server did not say; the end of the connection is the end of the file
            self._total = at

    def _begin(self, response: Response, at: int) -> int:
        """Take note of the version that the server sends, and say where in the file it begins."""
        etag = response.headers.get("ETag") or ""
        self._total = int(response.headers.get("Content-Length") or -1)
        if response.status == 206:
            span = _RANGE.match(response.headers.get("Content-Range") or "")
            if span is None or int(span[1]) != at or etag not in ("", self._etag):
                self.part.unlink(missing_ok=True)
                raise OSError(f"{self.told}: the server answered with another part than asked for")
            self._total = int(span[2])
            return at
        self._etag = etag
        self.note.write_text(json.dumps({"url": self.told, "etag": etag}))
        return 0

    def _finish(self, status: str) -> Fetched:
        sha256, md5 = _digests(self.part)
        size = self.part.stat().st_size
        if size != self._total or not _md5_agrees(self._etag, md5):
            self.part.unlink()
            self.note.unlink(missing_ok=True)
            why = f"{size} bytes instead of {self._total}" if size != self._total else "the MD5 is wrong"
            raise ChangedError(f"{self.target}: {why}; the download was thrown away, run again")
        os.replace(self.part, self.target)
        self.note.unlink(missing_ok=True)
        return self._fetched(sha256, self._etag, status)

    def _fetched(self, sha256: str, etag: str, status: str) -> Fetched:
        verified = "md5" if _MD5.fullmatch(etag) else "size"
        return Fetched(str(self.target), self.told, self.target.stat().st_size, sha256, etag, verified, status)


def _md5_agrees(etag: str, md5: str) -> bool:
    found = _MD5.fullmatch(etag)
    return found is None or found[1] == md5


def _digests(path: Path) -> tuple[str, str]:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while data := file.read(_STEP):
            sha256.update(data)
            md5.update(data)
    return sha256.hexdigest(), md5.hexdigest()


def _manifest(output: Path) -> dict[str, dict[str, str]]:
    with suppress(OSError, ValueError):
        found = json.loads((output / MANIFEST).read_text())
        if isinstance(found, dict):
            return {name: entry for name, entry in found.items() if isinstance(entry, dict)}
    return {}


def _known(output: Path, name: str) -> dict[str, str]:
    return _manifest(output).get(name, {})


def _remember(output: Path, done: Sequence[Fetched]) -> None:
    entries = _manifest(output)
    for item in done:
        fields = asdict(item)
        del fields["status"]
        entries[Path(item.file).name] = fields
    storage.write_text(str(output / MANIFEST), json.dumps(entries, indent=1, sort_keys=True))
