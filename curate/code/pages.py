"""Pages of a crawl that are source files, by content type and address."""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from curate.code.languages import language_of
from curate.code.members import MAX_FILE, Member, safe_name
from curate.read.inputs import InputFile
from curate.read.splits import plan_splits, read_split
from curate.warc import Limits, Record

ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz")
_TYPES = re.compile(
    r"(?:text|application)/(?:x-)?(?:python|python-code|java|java-source|javascript|ecmascript|typescript|c|c\+\+|csrc"
    r"|c\+\+src|chdr|c\+\+hdr|csharp|go|rust|ruby|perl|php|httpd-php-source|sh|shellscript|scala|kotlin|swift|lua|haskell"
    r"|fortran|pascal|lisp|scheme|r|r-source|sql|css|diff|makefile|cmake|tex|latex|erlang|ocaml|source-code)"
)
_PLAIN = frozenset({"text/plain", "application/octet-stream", None})
"""Types that say nothing: the ending of the address decides."""
_NO_CODE = frozenset({"html", "xml", "json", "yaml", "markdown", "restructuredtext", "toml"})
"""Languages of documents and data, which a crawl serves as pages of their own."""
_HOSTS = {
    "raw.githubusercontent.com": re.compile(r"/(?P<repo>[^/]+/[^/]+)/(?:refs/heads/)?[^/]+/(?P<path>.+)"),
    "gitlab.com": re.compile(r"/(?P<repo>[^/]+/.+?)/-/raw/[^/]+/(?P<path>.+)"),
    "codeberg.org": re.compile(r"/(?P<repo>[^/]+/[^/]+)/raw/(?:branch|tag|commit)/[^/]+/(?P<path>.+)"),
}
"""Sites whose addresses say the repository, so that its licence files count for its other files."""


class Page(NamedTuple):
    """One record: the file it holds, the site or repository it is of, and its place in the archive."""

    repo: str
    shared: bool
    """Whether `repo` is a repository; else it is the name of a site, whose files share no licence."""
    member: Member
    offset: int


def is_crawl(path: str) -> bool:
    """Whether `path` is named like an archive of a crawl."""
    return path.lower().endswith(ENDINGS)


def pages(path: str) -> Iterator[Page]:
    """The records of an archive, in order; what is no file is skipped and says why. Raises what `read_split` does."""
    kind = "arc" if ".arc" in os.path.basename(path).lower() else "warc"
    [split] = plan_splits(InputFile(path, os.path.getsize(path), kind), 1 << 62)
    for record in read_split(split, is_response, Limits(body=MAX_FILE)):
        yield _page(record)


def is_response(record: Record) -> bool:
    """Whether a record may hold a file: a good answer over HTTP of a type that is code or says nothing."""
    good = record.kind == "response" and record.status is not None and 200 <= record.status <= 299
    return good and (record.content_type in _PLAIN or bool(_TYPES.fullmatch(record.content_type or "")))


def _page(record: Record) -> Page:
    repo, path, shared = place(record.url or "")
    if record.error:
        kind = "too_large" if record.error_code == "too_large" else "damaged"
        return Page(repo, shared, Member(path, skipped=kind), record.offset)
    if not is_response(record) or record.body is None:
        return Page(repo, shared, Member(path, skipped="no_source_file"), record.offset)
    if not path:
        return Page(repo, shared, Member(path, skipped="unsafe_name"), record.offset)
    return Page(repo, shared, Member(path, record.body), record.offset)


def place(url: str) -> tuple[str, str, bool]:
    """Of an address: site or repository, path in it ("" for one that is no safe name), whether it is a repository."""
    try:
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path)
    except ValueError:
        return "", "", False
    known = _HOSTS.get(host)
    match = known.fullmatch(path) if known else None
    name = safe_name((match.group("path") if match else path).lstrip("/"))
    repo = f"{host}/{match.group('repo')}" if match else host
    return repo.encode("utf-8", "replace").decode()[:500], name or "", match is not None


def page_language(path: str, data: bytes) -> str | None:
    """The language of a page's file; None for documents and data, however they are served."""
    language = language_of(path, data)
    return None if language in _NO_CODE else language
