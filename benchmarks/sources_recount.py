"""Is all of each real dump accounted for? Counted again by short scripts that know nothing of ours.

    CURATE_TESTDATA=DATA python -m benchmarks.sources_recount [wikipedia stackexchange books epub links]

`curate clean` (or `links`) runs on each dump; lxml, the standard library and mwxml (pip install mwxml, if it is there) read the
dump for themselves. Prints a line a dump; ends with an error where anything is lost, doubled or in a wrong order.
"""

import bz2
import io
import json
import lzma
import os
import re
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq
from lxml import etree, html

import curate
from benchmarks import sources_stackexchange
from curate.errors import InputError

DATA = Path(os.environ.get("CURATE_TESTDATA", "/nowhere"))


def found(*patterns: str) -> list[Path]:
    """The files that patterns find in the data."""
    return sorted(path for pattern in patterns for path in DATA.glob(pattern) if path.is_file())


def texts(paths: list[Path], folder: Path) -> dict[str, str]:
    """The text of each book, by its file: of all, short or there twice."""
    (recipe := folder.with_suffix(".toml")).write_text('name = "all"\n[source]\nuse = "curate.read.books.Books"\n')
    curate.clean([str(path) for path in paths], folder, recipe=recipe, quiet=True)
    return {row["file"]: row["text"] for row in rows(f"{folder}/data")}


def cleaned(path: Path, folder: str, recipe: str) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """What `clean` makes of a dump: the ledger, the documents, the rejected rows."""
    ledger = dict(curate.clean(path, folder, recipe=recipe, quiet=True))
    return ledger, rows(f"{folder}/data"), rows(f"{folder}/rejected")


def rows(folder: str) -> list[dict[str, Any]]:
    """All rows of a folder."""
    return [row for file in sorted(Path(folder).glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def wiki_pages(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Number, namespace and whether it is a redirect, of each page, by lxml; a cut dump up to where it is cut."""
    if not data[:200].replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf").startswith(b"<mediawiki"):
        data = b"<mediawiki>" + data + b"</mediawiki>"  # a page alone
    for _, page in etree.iterparse(io.BytesIO(data), tag="{*}page", recover=True, huge_tree=True):
        number, space = page.findtext("{*}id"), page.findtext("{*}ns")
        yield int(number), int(space or 0), page.find("{*}redirect") is not None
        page.clear()


def wikipedia(folder: Path) -> bool:
    """Each page is a document, rejected, or counted by the kind for which it is none."""
    right = True
    for at, path in enumerate(
        found(
            "J-sources/wikipedia/**/*.xml.bz2",
            "J-sources/wikipedia/**/*.xml-*.bz2",
            "J-sources/wikipedia/**/*.Sample.xml",
        )
    ):
        data = bz2.decompress(path.read_bytes()) if path.suffix == ".bz2" else path.read_bytes()
        pages = list(wiki_pages(data))
        try:
            ledger, kept, lost = cleaned(path, str(folder / f"wiki{at}"), "wikipedia")
        except InputError as error:
            print(f"wikipedia {path.name}: {len(pages)} pages, none an article: {error}")
            right &= all(space or redirect for _, space, redirect in pages)
            continue
        skipped = Counter(ledger["skipped"])
        articles = {number for number, space, redirect in pages if space == 0 and not redirect}
        documents = [row["page_id"] for row in kept]
        rest = sum(skipped.values()) - skipped["other_namespace"] - skipped["redirect"]
        told = (
            len(pages) == ledger["records"],
            sum(space != 0 for _, space, _ in pages) == skipped["other_namespace"],
            sum(space == 0 and redirect for _, space, redirect in pages) <= skipped["redirect"],
            len(documents) == len(set(documents)) and set(documents) <= articles,
            len(pages) == len(documents) + len(lost) + sum(skipped.values()),
        )
        right &= all(told)
        spaces = dict(Counter(space for _, space, _ in pages))
        print(
            f"wikipedia {path.name}: {len(pages)} pages {spaces}, {sum(r for *_, r in pages)} redirects; {len(documents)} documents, "
            f"{len(lost)} rejected, skipped {dict(skipped)} ({rest} by kind); {told}"
        )
        right &= by_mwxml(data, pages)
    return right


def by_mwxml(data: bytes, pages: list[tuple[int, int, bool]]) -> bool:
    """Whether mwxml reads the same pages."""
    try:
        import mwxml
    except ImportError:
        return True
    try:
        theirs = [
            (page.id, page.namespace or 0, page.redirect is not None) for page in mwxml.Dump.from_file(io.BytesIO(data))
        ]
    except Exception as error:  # it reads only whole dumps in UTF-8 of newer versions
        print(f"  mwxml: {type(error).__name__}: {str(error)[:80]}")
        return True
    print(f"  mwxml: {len(theirs)} pages, the same: {theirs == pages}")
    return theirs == pages


def stackexchange(folder: Path) -> bool:
    """See `sources_stackexchange`."""
    for at, path in enumerate(found("*/stackexchange/**/Posts.xml")):
        out = folder / f"site{at}"
        curate.clean(path, out, recipe="stackexchange", quiet=True)
        told = io.StringIO()
        with redirect_stdout(told):
            sources_stackexchange.main(str(path), str(out))
        print(told.getvalue(), end="")
        if "misordered: 0; of another question: 0" not in told.getvalue():
            return False
    return True


_BEGIN = re.compile(
    r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG EBOOK[^*]*\*\*\*[^\n]*\n|\*END\*? ?THE SMALL PRINT[^\n]*\n|^\*END\*[^\n]*\n",
    re.M,
)
_END = re.compile(
    r"\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG EBOOK|^(?:\*+ ?)?End of (?:the|this)? ?Project Gutenberg",
    re.M | re.I,
)


def letters(text: str) -> str:
    """Only what is no white space."""
    return "".join(text.split())


def books(folder: Path) -> bool:
    """The text of each Gutenberg file is all that is between its markers."""
    paths = [path for path in found("G-text/gutenberg/**/*.txt") if path.name != "README.txt"]
    ours, inner = texts(paths, folder / "gutenberg"), dict[Path, str]()
    for path in paths:
        data = path.read_bytes()
        text = (data.decode("utf-8-sig") if _is_utf8(data) else data.decode("cp1252", "replace")).replace("\r\n", "\n")
        begins = [one.end() for one in _BEGIN.finditer(text) if one.end() < len(text) // 2]
        if begins:
            end = _END.search(text, begins[-1])
            inner[path] = letters(text[begins[-1] : end.start() if end else len(text)])
    exact = 0
    for path, theirs in inner.items():
        told = letters(ours.get(str(path), ""))
        exact += told == theirs
        if told != theirs:
            at = next(
                (at for at, (a, b) in enumerate(zip(told, theirs, strict=False)) if a != b), min(len(told), len(theirs))
            )
            print(
                f"  {path.relative_to(DATA)}: {len(told)} and {len(theirs)} letters, ours from {told[at : at + 60]!r}, between the markers {theirs[at : at + 60]!r}"
            )
    print(f"books: {len(paths)} files, {len(inner)} with markers, the same letters in {exact}")
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def chapters(path: Path) -> Iterator[str]:
    """The text of the pages of the spine that are no navigation, by zipfile and lxml."""
    with zipfile.ZipFile(path) as archive:
        container = etree.fromstring(archive.read("META-INF/container.xml"))
        package = container.find(".//{*}rootfile").get("full-path")
        tree = etree.fromstring(archive.read(package))
        items = {item.get("id"): item for item in tree.iter("{*}item")}
        for reference in tree.iter("{*}itemref"):
            item = items[reference.get("idref")]
            if "nav" in (item.get("properties") or "").split() or "html" not in item.get("media-type"):
                continue
            page = html.document_fromstring(
                archive.read(os.path.normpath(os.path.join(os.path.dirname(package), item.get("href"))))
            )
            for gone in page.xpath("//script|//style|//head|//annotation|//*[local-name()='annotation']|//rp|//nav"):
                gone.drop_tree()
            yield page.text_content()


def epub(folder: Path) -> bool:
    """Each line of each chapter of the spine is in the text."""
    paths = found("J-sources/books/**/*.epub")
    made, whole = texts(paths, folder / "epub"), 0
    for path in paths:
        ours = letters(made.get(str(path), ""))
        lines = [letters(line) for text in chapters(path) for line in text.splitlines()]
        missing = [line for line in lines if len(line) > 8 and line not in ours]
        whole += not missing
        if missing:
            print(f"  {path.name}: {len(missing)} of {len(lines)} lines are not in it, such as {missing[0][:80]!r}")
    print(f"epub: {len(paths)} books, complete {whole}")
    return True


def links(folder: Path) -> bool:
    """Addresses of submissions with their greatest score: a script of ten lines."""
    from curate.jobs import links as job

    paths = found("J-sources/reddit/jcpeterson__openwebtext/**/*.xz")
    job.links(job.Options([str(path) for path in paths], str(folder / "links"), min_score=3, command=()))
    ours = {row["key"]: row["score"] for row in rows(str(folder / "links/data"))}
    theirs: dict[str, int] = {}
    for path in paths:
        for line in lzma.decompress(path.read_bytes()).splitlines():
            one = json.loads(line)
            parts = urlsplit(unescape(one["url"]))
            host = (parts.hostname or "").removeprefix("www.")
            if (
                int(one["score"]) >= 3
                and parts.scheme in ("http", "https")
                and not one.get("over_18")
                and "reddit.com" not in host
            ):
                key = host + (f"{parts.path}?{parts.query}" if parts.query else parts.path.rstrip("/"))
                theirs[key] = max(theirs.get(key, 0), int(one["score"]))
    only = [sorted(ours.keys() - theirs.keys()), sorted(theirs.keys() - ours.keys())]
    other = [key for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]]
    print(
        f"links: {len(ours)} addresses; {len(theirs)} by the script; only ours {only[0][:5]}, only theirs {len(only[1])} {only[1][:12]}, other scores {other[:5]}"
    )
    return not only[0] and not other


ALL: dict[str, Callable[[Path], bool]] = {
    "wikipedia": wikipedia, "stackexchange": stackexchange, "books": books, "epub": epub, "links": links,
}  # fmt: skip


def main(asked: list[str]) -> None:
    """Each kind of dump."""
    with tempfile.TemporaryDirectory() as name:
        right = [ALL[kind](Path(name)) for kind in asked or ALL]
    sys.exit(not all(right))


if __name__ == "__main__":
    main(sys.argv[1:])
