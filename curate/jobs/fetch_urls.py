"""Just the pages of a list out of a crawl: by its URL index and byte ranges, resumed, checked.

Records are put one behind the other into `CRAWL-urls-00000.warc.gz`, in the order of the index. After each, a line of
`pages.jsonl` says what became of the address; an interrupted run cuts the file to the last line and goes on from there.
"""

import hashlib
import http.client
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from curate.errors import InputError, OutputError, UsageError
from curate.files import locks, storage, threads
from curate.files.remote import ATTEMPTS, Patience, below, request
from curate.jobs.fetch import BASE, MANIFEST, check_path, clear, fetch_files
from curate.links.index import MAX_BLOCK, BadIndexError, Block, Clusters, Place, captures, choose, surt
from curate.links.listed import read_urls
from curate.links.rules import Address, address

AT_ONCE = 8
"""Requests at once; Common Crawl asks for moderation."""
FILE_BYTES = 1 << 30
MAX_RECORD = 64 << 20
JOURNAL, ORDER, INDEX = "pages.jsonl", "urls.json", "index"
_CRAWL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,80}")
_TARGET = re.compile(rb"^WARC-Target-URI:[ \t]*<?([^\r\n>]+)", re.MULTILINE | re.IGNORECASE)
_DIGEST = re.compile(rb"^WARC-Payload-Digest:[ \t]*sha1:([A-Z2-7]{32})", re.MULTILINE | re.IGNORECASE)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Page:
    """What became of an address: a line of the journal."""

    url: str
    status: str
    """fetched, or why not: not_in_index, no_page, bad_url, changed (the record is not what the index says), missing, too_large,
    bad_index (what the index says of it can't be read)."""
    file: str = ""
    end: int = 0
    """Bytes of the file up to and with this record."""
    bytes: int = 0


def fetch_urls(
    crawl: str,
    urls: Sequence[str],
    output: Path,
    base: str = BASE,
    progress: Progress | None = None,
    unit: float = 1.0,
) -> dict[str, Any]:
    """Fetch the newest page of each address out of a crawl into WARC files in `output`; returns the counts by status.

    Raises UsageError for a name that no crawl has, InputError when the index can't be had, OutputError when the folder
    holds the pages of another list.
    """
    if not _CRAWL.fullmatch(crawl):
        raise UsageError(f"{crawl!r} is no name of a crawl, such as CC-MAIN-2026-30")
    wanted = _ordered(urls)
    if not wanted:
        raise InputError("no addresses to fetch")
    with locks.held(str(output), f"{output}: another run is fetching into it at this moment; wait for it"):
        clear(output, [ORDER, JOURNAL, MANIFEST])
        _claim(output, crawl, base, wanted)
        clusters = _clusters(crawl, output, base, progress, unit)
        done = _standing(_journal(output / JOURNAL).values(), output)
        known = {page.url for page in done}
        work = _Work(crawl, base, clusters, unit)
        _fetch(work, [one for one in wanted if one[1] not in known], output, done, progress, len(wanted))
        return _finish(output, crawl)


def fetch_listed(
    crawl: str, path: str, output: Path, base: str = BASE, progress: Progress | None = None
) -> dict[str, Any]:
    """`fetch_urls` for a list that a person names: a folder of `curate links`, Parquet, or a text file."""
    return fetch_urls(crawl, read_urls(path, odd=True), output, base, progress)


def _ordered(urls: Sequence[str]) -> list[tuple[str, str]]:
    """(key in the index, address), each address once, in the order of the index; what is no address has no key."""
    found = dict[str, tuple[str, str]]()
    for url in urls:
        made = address(url, wikipedia=True)
        if isinstance(made, Address):
            found.setdefault(made.key, (surt(made.url), made.url))
        else:
            found.setdefault(url, ("", url))
    return sorted(found.values())


def _claim(output: Path, crawl: str, base: str, wanted: Sequence[tuple[str, str]]) -> None:
    """Write down what is fetched into the folder, or see that it is the same as before."""
    digest = hashlib.sha256("\n".join(url for _, url in wanted).encode("utf-8", "surrogatepass")).hexdigest()
    order = {"crawl": crawl, "base": base, "urls": digest}
    try:
        output.mkdir(parents=True, exist_ok=True)
        if (output / ORDER).exists():
            if json.loads((output / ORDER).read_text()) != order:
                raise OutputError(f"{output} holds the pages of another list or crawl: choose another --output")
            return
        storage.write_text(str(output / ORDER), json.dumps(order, indent=1, sort_keys=True))
    except OSError as error:
        raise OutputError(f"{output}: {error.strerror}") from None


def _clusters(crawl: str, output: Path, base: str, progress: Progress | None, unit: float) -> Clusters:
    path = f"cc-index/collections/{crawl}/indexes/cluster.idx"
    try:
        [got] = fetch_files([path], output / INDEX, base, progress, unit)
    except InputError as error:
        raise InputError(f"{error}: the crawl {crawl} has no index there") from None
    return Clusters(Path(got.file).read_bytes())


def _journal(path: Path) -> dict[str, Page]:
    """What was done, by address. The last line may be half written, and is done again."""
    found = dict[str, Page]()
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                page = Page(**json.loads(line))
            except (ValueError, TypeError):
                break
            found[page.url] = page
    return found


def _standing(pages: Iterable[Page], output: Path) -> list[Page]:
    """The pages up to the first whose bytes are not there: somebody took a file away, or the machine lost its power."""
    sizes = dict[str, int]()
    found = list[Page]()
    for page in pages:
        if page.file and page.file not in sizes:
            places = [path for path in (output / page.file, output / f"{page.file}.part") if path.exists()]
            sizes[page.file] = max((path.stat().st_size for path in places), default=0)
        if page.file and sizes[page.file] < page.end:
            break
        found.append(page)
    return found


class _Work:
    """Looks addresses up and fetches their records; called from several threads."""

    def __init__(self, crawl: str, base: str, clusters: Clusters, unit: float) -> None:
        self._base, self._clusters, self._unit = base, clusters, unit
        self._folder = f"cc-index/collections/{crawl}/indexes"
        self._lines = lru_cache(maxsize=32)(self._block)

    def __call__(self, one: tuple[str, str]) -> tuple[str, bytes]:
        """(status, record) of an address."""
        key, url = one
        if not key:
            return "bad_url", b""
        try:
            lines = [line for block in self._clusters.blocks(key) for line in self._lines(block) if line[0] == key]
            place = choose(url, key, lines)
            if isinstance(place, str):
                return place, b""
            path = _path(place.file)
        except BadIndexError:
            return "bad_index", b""
        if place.length > MAX_RECORD:
            return "too_large", b""
        try:
            data = self._range(path, place.offset, place.length)
        except InputError as error:
            if re.search(r"HTTP (404|416)\b", str(error)):
                return "missing", b""
            raise
        return ("fetched", data) if is_record(data, place) else ("changed", b"")

    def _block(self, block: Block) -> list[tuple[str, str, dict[str, object]]]:
        if block.length > MAX_BLOCK:
            raise BadIndexError(f"a block of the index has {block.length} bytes")
        return captures(self._range(_path(f"{self._folder}/{block.file}"), block.offset, block.length))

    def _range(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file on the server. A connection that breaks is tried again."""
        headers, told = {"Range": f"bytes={offset}-{offset + length - 1}"}, ""
        patience = Patience(below(self._base, path), ATTEMPTS, self._unit)
        while patience.left:
            try:
                with request(below(self._base, path), headers, unit=self._unit, say=True) as response:
                    if response.status != 206:
                        raise InputError(f"{below(self._base, path)}: the server gives no ranges of bytes")
                    data = response.read(length)
                if len(data) == length:
                    return data
                told = f"{len(data)} bytes instead of {length}"
            except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
                told = str(error) or type(error).__name__
            patience.wait(told, say=True)
        raise InputError(f"{below(self._base, path)}: {told}, {ATTEMPTS} times; what is here stays, run again to go on")


def _path(path: str) -> str:
    try:
        return check_path(path, "the index")
    except InputError as error:
        raise BadIndexError(str(error)) from None


def is_record(data: bytes, place: Place) -> bool:
    """Whether bytes are the record that the index speaks of: whole by its CRC, with that address and that digest."""
    try:
        unpacked = zlib.decompressobj(31)
        text = unpacked.decompress(data, MAX_RECORD)
        if not unpacked.eof and not unpacked.unconsumed_tail:
            return False
    except zlib.error:
        return False
    head = text[: 1 << 16].partition(b"\r\n\r\n")[0]
    target, digest = _TARGET.search(head), _DIGEST.search(head)
    if not head.startswith(b"WARC/") or target is None or target[1].decode("utf-8", "replace").strip() != place.url:
        return False
    return (
        not place.digest or digest is None or digest[1].decode().upper() == place.digest.removeprefix("sha1:").upper()
    )


def _fetch(
    work: _Work,
    wanted: Sequence[tuple[str, str]],
    output: Path,
    done: Sequence[Page],
    progress: Progress | None,
    total: int,
) -> None:
    crawl = json.loads((output / ORDER).read_text())["crawl"]
    last = next((page for page in reversed(done) if page.file), None)
    number, at = (int(last.file[-13:-8]), last.end) if last else (0, 0)
    name = _name(crawl, number)
    part = output / f"{name}.part"
    if not part.exists() and at and (output / name).exists():
        os.replace(output / name, part)
    journal, count = output / JOURNAL, len(done)
    storage.write_text(str(journal), "".join(json.dumps(asdict(page)) + "\n" for page in done))
    with threads.pool(AT_ONCE) as pool, journal.open("a") as log:
        file = part.open("r+b" if part.exists() else "w+b")
        try:
            file.truncate(at)
            file.seek(at)
            for one, (status, data) in _in_order(pool, work, wanted):
                if at + len(data) > FILE_BYTES and at:
                    os.fsync(file.fileno())
                    file.close()
                    os.replace(part, output / name)
                    number, at = number + 1, 0
                    name = _name(crawl, number)
                    part = output / f"{name}.part"
                    file = part.open("w+b")
                file.write(data)
                file.flush()
                at += len(data)
                count += 1
                page = Page(one[1], status, name if data else "", at if data else 0, len(data))
                log.write(json.dumps(asdict(page)) + "\n")
                log.flush()
                if progress:
                    progress("pages", count, total)
            os.fsync(file.fileno())
        finally:
            file.close()
    if at:
        os.replace(part, output / name)
    else:  # no page was there
        part.unlink()


def _in_order(
    pool: ThreadPoolExecutor, work: _Work, wanted: Sequence[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], tuple[str, bytes]]]:
    """Results in the order of the addresses, few at once, so that no more than those are in memory."""
    for start in range(0, len(wanted), 4 * AT_ONCE):
        some = wanted[start : start + 4 * AT_ONCE]
        yield from zip(some, pool.map(work, some), strict=True)


def _name(crawl: str, number: int) -> str:
    return f"{crawl}-urls-{number:05d}.warc.gz"


def _finish(output: Path, crawl: str) -> dict[str, Any]:
    """Counts by status, and the files with their checksums, written to `fetched.json` too."""
    pages = _journal(output / JOURNAL)
    counts = Counter(page.status for page in pages.values())
    files = {}
    for path in sorted(output.glob(f"{crawl}-urls-*.warc.gz")):
        with path.open("rb") as file:
            files[path.name] = {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    found = {"crawl": crawl, "addresses": len(pages), "status": dict(sorted(counts.items())), "files": files}
    storage.write_text(str(output / MANIFEST), json.dumps(found, indent=1, sort_keys=True))
    if not counts["fetched"] and pages:
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        raise InputError(f"none of the {len(pages)} addresses could be fetched from {crawl}: {told}")
    return found
