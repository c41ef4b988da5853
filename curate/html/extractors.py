"""Engines that turn one HTML page into text, behind one call: `(html, url) -> text`.

    curate        the default, our own: blocks judged by a small model (docs/extraction.md)
    trafilatura   the best of the established engines on labelled pages, at a sixteenth of the speed
    resiliparse   several times as fast, and keeps more of what is not the main text

An engine is a pure function of its two arguments: no state of the process, no clock, no network. What it may
raise is an ordinary exception (the caller records the page as failed). Limits of time, size and memory are the
caller's, because only a process of its own can be stopped in the middle of a C call: elements nested by the
ten thousand cost resiliparse minutes, and trafilatura takes quadratic time for some (benchmarks/extraction.py).
"""

import hashlib
import inspect
import re
from collections.abc import Callable
from importlib import import_module, resources
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from curate.encodings.mojibake import repaired
from curate.errors import UsageError, nearest

Engine = Callable[[str, str | None], str]


class Known(NamedTuple):
    """An engine of ours: the module is imported on first use only, since each costs up to a second."""

    module: str
    function: str
    package: str
    """What has its version."""
    reads_bytes: bool = False
    """Whether it takes pages in UTF-8, too."""


ENGINES = {
    "trafilatura": Known(__name__, "_trafilatura", "trafilatura"),
    "resiliparse": Known(__name__, "_resiliparse", "resiliparse"),
    "curate": Known("curate.html.extract", "extract_page", "curate-corpora", reads_bytes=True),
}
"""Engines by name. Any other one is named by its dotted name, `package.module.function`."""
DEFAULT = "curate"
UNION = "union"
UNITED = ("curate", "trafilatura")
"""The engines of `union`: the second is asked where the recipe drops the first one's text (curate/read/web.py)."""
TEXT = 4
"""Of our own engine: raised with every change of what text a page gives, so that texts of before are not taken for those of now."""

_UNWANTED = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_GAP = re.compile("\n{3,}")


def extractor(name: str = DEFAULT, *, title: bool = False) -> Engine:
    """The engine called `name`, with its output cleaned (see `clean_text`), and its input (`clean_html`).

    `title`: the page's title is the first line, with engines that know it (`curate`). Raises UsageError when there is no engine of that name.
    """
    named = named_extractor(name, title=title)

    def extract(html: str, url: str | None = None) -> str:
        return named(html, url)[0]

    return extract


NamedEngine = Callable[[str | bytes, str | None], tuple[str, str]]


def named_extractor(name: str = DEFAULT, *, title: bool = False) -> NamedEngine:
    """Like `extractor`, but each text comes with the name of the engine that it is from: `curate` hands the pages that
    it is unsure of to another one.

    Pages may be bytes, too: UTF-8 as `curate.encodings.decode` leaves it, with nothing in it to clean. `title` as in `extractor`.
    """
    module, engine = _found(name)
    if hasattr(module, "prepare"):
        module.prepare()  # compiled code and models are loaded now, not on the time of the first page

    options = {"title": True} if title and "title" in signature(engine).parameters else {}
    reads_bytes = name in ENGINES and ENGINES[name].reads_bytes

    def extract(page: str | bytes, url: str | None) -> tuple[str, str]:
        if isinstance(page, str):
            page = clean_html(page)
        elif not reads_bytes:
            page = page.decode()
        made = engine(page, url, **options)
        if isinstance(made, str):
            return clean_text(made), name
        return clean_text(made.text, gaps=made.engine == name), made.engine  # its only gaps are of preformatted text

    return extract


def _found(name: str) -> tuple[ModuleType, Callable[..., Any]]:
    if name == UNION:
        raise UsageError("union takes the text that a recipe keeps: it is for curate clean, not for one page")
    known = ENGINES.get(name)
    where, function = (known.module, known.function) if known else name.rsplit(".", 1) if "." in name else ("", name)
    try:
        module = import_module(where) if where else None
    except ImportError as error:
        raise UsageError(f"the extractor {name} can't be imported: {error}") from error
    engine = getattr(module, function, None)
    if module is None or not callable(engine):
        raise UsageError(
            f"no extractor is called {name!r}{nearest(name, (*ENGINES, UNION))}; one of your own is named package.module.function"
        )
    return module, engine


def check_extractor(name: str) -> None:
    """Raise UsageError when there is no engine of that name. Those of ours are not imported for it."""
    if name not in (*ENGINES, UNION):
        _found(name)


def extractor_version(name: str) -> str:
    """The version of an engine's package; of ours, its model's digest and the engine that it falls back on as well; of
    somebody's, a digest of the module: whatever changes it, texts may be others."""
    if name == UNION:
        return extractor_version("curate")
    known = ENGINES.get(name)
    if known is None:
        source = inspect.getsourcefile(_found(name)[0])
        return f"{name} {hashlib.blake2b(Path(source).read_bytes(), digest_size=8).hexdigest()}" if source else name
    if name != "curate":
        return version(known.package)
    model = resources.files("curate.html").joinpath("model.bin").read_bytes()
    digest = hashlib.blake2b(model, digest_size=8).hexdigest()
    return f"{version(known.package)}, text {TEXT}, model {digest}, trafilatura {version('trafilatura')}"


def clean_html(html: str) -> str:
    """`html` as every engine can take it: no NUL (libxml2 may stop there), no lone surrogate (not encodable)."""
    return encodable(html.replace("\x00", ""))


def clean_text(text: str, *, gaps: bool = False) -> str:
    """`text` with one kind of line end, so that `split("\\n")` and `splitlines()` agree, and nothing harmful.

    Gone are control characters other than tab, byte order marks, white space at the ends of lines, more than
    one blank line in a row (`gaps`: these stay), and blank lines at both ends. Lone surrogates become U+FFFD. C1
    characters and doubly encoded UTF-8 are what was meant (`curate.encodings.mojibake`). Idempotent.
    """
    from curate.html.tidy import is_tidy  # with numba: not for who only plans what others read

    text, utf8 = _encoded(text)
    if is_tidy(utf8, gaps) and repaired(text, utf8) is text:  # most
        return text
    lines = _UNWANTED.sub("", repaired(text)).splitlines()  # at every line end that Unicode knows
    whole = "\n".join([line.rstrip() for line in lines])
    return whole.strip("\n") if gaps else _GAP.sub("\n\n", whole.strip())


def encodable(text: str) -> str:
    """`text` with U+FFFD for lone surrogates."""
    return _encoded(text)[0]


def _encoded(text: str) -> tuple[str, bytes]:
    """That, and its UTF-8."""
    try:
        return text, text.encode()  # faster than a search, and there is hardly ever one
    except UnicodeEncodeError:
        text = _SURROGATE.sub("\ufffd", text)
        return text, text.encode()


_BARS = "\u2758\u23d0\uffe8\u2502\u2503\u01c0"
"""Characters that look like a bar and hardly stand in a page: one of them holds the place of the page's own bars."""
_CHARACTER_BAR = re.compile(r"&(?:#0*124|#[xX]0*7[cC]|vert|verbar|VerticalLine);")
_RULE = re.compile(r"\|(?:---\|)+")
_PROSE = 100
"""A cell of so many characters is text, not a figure in a table."""


def fallback(html: str, url: str | None) -> str:
    """What `curate` takes for pages that it is unsure of: trafilatura without what it tries where it finds little. On such pages
    that adds nothing and takes half of its time (benchmarks/results/extraction.md)."""
    return clean_text(_trafilatura(clean_html(html), url, fast=True))


def _trafilatura(html: str, url: str | None, fast: bool = False) -> str:
    """trafilatura with its defaults, except that comment sections are left out (better on labelled pages).

    `deduplicate` stays off: it remembers paragraphs for the whole process, so that a page's text would depend on
    the pages before it. `include_formatting` and metadata stay off too: plain lines, no date guessing.

    It writes rows of tables as Markdown, `| … | … |`, also where a table lays out a whole page, and rules that look at the ends
    of lines would drop every one. So cells are parted by a bar and no bar is at the ends; a long cell is a line of its own.
    """
    from trafilatura import extract

    own = next((bar for bar in _BARS if bar not in html), "")
    page = _CHARACTER_BAR.sub(own, html).replace("|", own) if own else html
    text = extract(page, url=url, fast=fast, include_comments=False, include_tables=True, deduplicate=False) or ""
    if "|" not in text:
        return text.replace(own, "|") if own else text
    made = ((line, _row(line) if "|" in line else line) for line in text.split("\n"))
    rows = "\n".join([new for old, new in made if new or not old])
    return rows.replace(own, "|") if own else rows


def _row(line: str) -> str:
    """The cells of a line of Markdown: short ones joined by bars, long ones on lines of their own. The line below a head has none."""
    if _RULE.fullmatch(line):
        return ""
    parts: list[str] = []
    after_prose = True
    for cell in filter(None, (cell.strip() for cell in line.split("|"))):
        prose = len(cell) >= _PROSE
        parts += ["" if not parts else "\n" if prose or after_prose else " | ", cell]
        after_prose = prose
    return "".join(parts)


def _resiliparse(html: str, url: str | None) -> str:
    """resiliparse's main content, without image descriptions, links and form fields."""
    from resiliparse.extract.html2text import extract_plain_text

    return str(
        extract_plain_text(
            html,
            preserve_formatting=True,
            main_content=True,
            list_bullets=False,
            alt_texts=False,
            links=False,
            form_fields=False,
            noscript=False,
            comments=False,
        )
    )
