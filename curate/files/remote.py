"""Files behind http(s), read by ranges: one long request per stretch, resumed where a connection breaks."""

import http.client
import io
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from curate.console.terminal import notes, without_secrets
from curate.errors import InputError
from curate.files import storage

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ATTEMPTS, FIRST_ATTEMPTS = 6, 5
"""Times that a server is asked in a job (half a minute), and before one has begun."""
TOLD = 3.0  # seconds of waiting that a person is told of
PATIENCE = 60.0  # seconds without a byte
REFUSED = re.compile(r"HTTP (400|401|403|405|501)\b")
"""Answers of servers to HEAD where the address, or the server, knows GET alone."""
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
AGENT = "curate (corpus builder; reads published crawls)"
Response = http.client.HTTPResponse


def backoff(attempt: int, response: Mapping[str, str] | None = None, unit: float = 1.0) -> float:
    """Seconds to wait before attempt `attempt` + 1: 1, 2, 4 … 32, or what the server's Retry-After asks, if more."""
    asked = (response or {}).get("Retry-After") or ""
    return max(min(2.0**attempt, 32.0) * unit, min(float(asked), 120.0) * unit if asked.isdigit() else 0.0)


class NoNameError(OSError):
    """Nobody knows the server's name: mostly there is no network."""


class Patience:
    """How often a server is asked, with growing waits between; a person is told when it takes longer than some seconds."""

    _last = float("-inf")
    """When anybody was told, over all threads: a line is enough."""

    def __init__(self, url: str, attempts: int, unit: float) -> None:
        self._told = without_secrets(url)
        self._attempts, self._unit = attempts, unit
        self.asked = 0  # times, without an answer that serves
        self._began = time.monotonic()

    @property
    def left(self) -> bool:
        """Whether it is to be asked once more."""
        return self.asked < self._attempts

    def wait(self, problem: str, say: bool, response: Mapping[str, str] | None = None) -> None:
        """The answer was this problem: wait, unless that was the last time."""
        wait = backoff(self.asked, response, self._unit)
        self.asked += 1
        if not self.left:
            return
        now = time.monotonic()
        if say and now - self._began + wait >= TOLD <= now - Patience._last:
            Patience._last = now
            again = f"asked again in {wait:.0f} s ({self.asked + 1} of {self._attempts})"
            notes([f"{self._told}: {problem}; {again}"])
        time.sleep(wait)


def request(
    url: str,
    headers: Mapping[str, str],
    method: str = "GET",
    unit: float = 1.0,
    attempts: int = ATTEMPTS,
    say: bool = False,
) -> Response:
    """Open `url`, trying again (`attempts` times in all) while the server is busy or the network fails.

    A person is told of long waits if asked, and before a job has begun.

    Raises InputError for addresses that are no web addresses and for 4xx, OSError when patience ends.
    """
    storage.check_name(url)
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"{without_secrets(url)}: not a web address")
    problem, patience = "", Patience(url, attempts, unit)
    while patience.left:
        asked: Mapping[str, str] | None = None
        try:
            message = urllib.request.Request(url, headers={"User-Agent": AGENT, **headers}, method=method)
            response: Response = urllib.request.urlopen(message, timeout=PATIENCE)
            return response
        except urllib.error.HTTPError as error:
            error.close()
            problem, asked = f"HTTP {error.code} {error.reason}", dict(error.headers)
            if error.code not in RETRIED:
                raise InputError(f"{without_secrets(url)}: {problem}") from None
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
            problem = str(getattr(error, "reason", error)) or type(error).__name__
            if patience.asked and isinstance(getattr(error, "reason", None), socket.gaierror):
                raise NoNameError(f"{without_secrets(url)}: {problem}: check the network and the address") from None
        patience.wait(problem, say or attempts < ATTEMPTS, asked)
    proxies = urllib.request.getproxies()  # their values may hold a password
    through = f" (through the proxy of {urlsplit(url).scheme}_proxy)" if urlsplit(url).scheme in proxies else ""
    raise OSError(
        f"{without_secrets(url)}: {problem}, {attempts} times{through}: check the network, or try again later"
    )


@dataclass(frozen=True, slots=True)
class Remote:
    """What a server says of a file."""

    size: int | None
    etag: str
    modified: str


def remote_file(url: str, unit: float = 1.0) -> Remote:
    """What there is to know of what is behind `url`, asked without fetching it (but for one byte, where an address is signed
    for fetching alone)."""
    attempts = ATTEMPTS if storage.at_work() else FIRST_ATTEMPTS
    try:
        with request(url, {}, method="HEAD", unit=unit, attempts=attempts) as response:
            return _remote(response.headers, response.headers.get("Content-Length") or "")
    except InputError as refused:
        if not REFUSED.search(str(refused)):
            raise
    with request(url, {"Range": "bytes=0-0"}, unit=unit, attempts=attempts) as response:
        _, _, total = (response.headers.get("Content-Range") or "").partition("/")
        return _remote(
            response.headers, total if response.status == 206 else response.headers.get("Content-Length") or ""
        )


def _remote(headers: Message, size: str) -> Remote:
    etag, modified = headers.get("ETag") or "", headers.get("Last-Modified") or ""
    return Remote(int(size) if size.isdigit() else None, etag, modified)


def remote_size(url: str, unit: float = 1.0) -> int:
    """The size of what is behind `url`. Raises InputError where the server does not say it."""
    size = remote_file(url, unit).size
    if size is None:
        told = without_secrets(url)
        raise InputError(f"{told}: the server does not say how large it is; download it with `curate fetch`")
    return size


def below(base: str, path: str) -> str:
    """The address of `path` below a base address; a query of this one (a signature for all of it) stays at the end."""
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path.lstrip('/'))}"))


def read_all(url: str, limit: int, unit: float = 1.0) -> bytes:
    """What is behind `url`, at most `limit` bytes of it; a connection that breaks is taken up again. Raises InputError."""
    found = bytearray()
    with HttpFile(url, unit, say=True) as file:
        while len(found) < limit and (data := file.read(limit - len(found))):
            found += data
    return bytes(found)


class HttpFile(io.RawIOBase):
    """A file behind http(s), for reading anywhere. Reading on costs no new request; seeking costs one."""

    def __init__(self, url: str, unit: float = 1.0, say: bool = False) -> None:
        super().__init__()
        self._say = say
        self._url = url
        self._unit = unit  # of the waits between attempts; tests shorten it
        self._at = 0
        self._response: Response | None = None
        self._etag: str | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to `offset` from the start; no other way of counting is needed."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the start")
        if offset != self._at:
            self._drop()
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end. A connection that breaks is taken up again."""
        for attempt in range(ATTEMPTS):
            try:
                data = self._read(size)
            except (OSError, http.client.HTTPException):
                self._drop()
                if attempt + 1 == ATTEMPTS:
                    raise
                time.sleep(backoff(attempt, unit=self._unit))
            else:
                self._at += len(data)
                return data
        raise AssertionError  # the loop returns or raises

    def _read(self, size: int) -> bytes:
        if self._response is None:
            self._response = self._open()
        if self._response is None:
            return b""
        data = self._response.read(size) if size >= 0 else self._response.read()
        if not data and self._response.length:
            raise OSError(f"{without_secrets(self._url)}: the connection broke at byte {self._at}")
        return data

    def _open(self) -> Response | None:
        try:
            response = request(self._url, {"Range": f"bytes={self._at}-"}, unit=self._unit, say=self._say)
        except InputError as error:
            if "HTTP 416" in str(error):  # at the end
                return None
            raise
        except OSError as error:  # its patience has ended: no use in beginning again
            raise InputError(str(error)) from None
        if self._at and response.status != 206:
            response.close()
            raise InputError(
                f"{without_secrets(self._url)}: the server does not serve parts; download it with `curate fetch`"
            )
        etag = response.headers.get("ETag")
        if self._etag and etag != self._etag:
            response.close()
            raise InputError(f"{without_secrets(self._url)}: changed while it was read")
        self._etag = etag
        return response

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def close(self) -> None:
        """Give the connection back."""
        self._drop()
        super().close()

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """For the standard library's wrappers."""
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
