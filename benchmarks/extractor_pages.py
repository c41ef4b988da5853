"""The labelled pages that extraction is measured on and the model is trained on: eight sets, one shape.

Six sets have the whole main text of a page as gold. Two have less and are scored by recall alone: goose3's gold is
the beginning of the text, and that of recipe-scrapers is ingredients and instructions, without the story around them.
"""

import csv
import gzip
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curate.encodings.decode import decode

NEWS = "daniel"  # the set of the news in five languages
PARTIAL_GOLD = frozenset({"goose3", "recipe-scrapers"})

_BLOG = re.compile(r"\bblogs?\b|blogspot|wordpress|tumblr|medium\.com|substack", re.IGNORECASE)
# a whole part of the host or path: "…-lashes-out-world-community-…" in an article's slug says nothing
_DISCUSSION = re.compile(
    r"(?<=[/.])(?:forums?|threads?|discussions?|community|questions?|viewtopic|stackoverflow|stackexchange|reddit)(?=[/.?]|$)",
    re.IGNORECASE,
)
_TWO_PART = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "or", "ne"})


@dataclass(frozen=True)
class Page:
    """One labelled page. `kind` is the set's own label of the page where it has one, else told from the URL."""

    set: str
    path: str
    url: str | None
    domain: str  # groups pages of one site: the registered domain, or for a page without URL its path
    kind: str
    html: str
    gold: str

    @property
    def partial(self) -> bool:
        """Whether the gold is only a part of the main text, so that precision means nothing."""
        return self.set in PARTIAL_GOLD


def pages(testdata: Path) -> Iterator[Page]:
    """Every page of pack B with gold text, in the order of its table; `testdata` is the unpacked folder."""
    root = testdata / "B-html"
    with open(root / "PAGES.tsv", newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            path = root / row["path"]
            if not path.exists() and path.suffix == ".gz":
                path = path.with_suffix("")
            loader = _GOLD.get(row["set"])
            if loader is None or not path.exists():
                continue
            body = path.read_bytes()
            html, _ = decode(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
            gold, label = loader(root, path, html)
            if gold.strip():
                url = row["url"] if "://" in row["url"] else None
                kind = kind_of(row["set"], label, url, gold)
                yield Page(row["set"], row["path"], url, domain_of(url, row), kind, html, gold)


def news(testdata: Path) -> Iterator[Page]:
    """The news pages of pack I (DAnIEL, 2011-12), in the order of its table; `kind` is the language. Nothing where it lacks."""
    root = testdata / "I-scripts"
    if not (root / "PAGES.tsv").exists():
        return
    with open(root / "PAGES.tsv", newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            marked = (root / "reference" / row["file"]).read_text(encoding="utf-8", errors="replace")
            gold = re.sub(r"</?[a-z]+[^>]*>", " ", marked)
            html, _ = decode((root / "html" / row["file"]).read_bytes())
            if gold.strip():
                yield Page(NEWS, row["file"], None, row["domain"], row["language"], html, gold)


def domain_of(url: str | None, row: dict[str, str]) -> str:
    """The registered domain (two labels, three below co.uk and its like), which pages of one site share."""
    if url is None:
        name = row["path"].rsplit("/", 2)[-2:]
        return f"{row['set']}/{'/'.join(name)}"
    labels = (urlsplit(url).hostname or "").split(".")
    keep = 3 if len(labels) > 2 and labels[-2] in _TWO_PART else 2
    return ".".join(labels[-keep:])


def kind_of(name: str, label: str | None, url: str | None, gold: str) -> str:
    """Kind of page: non-Latin script first, then the set's label, then what the address says."""
    if _non_latin_share(gold) > 0.3:
        return "non-Latin"
    if label and label != "article":
        return label
    if name == "recipe-scrapers":
        return "recipe"
    if url and _DISCUSSION.search(url):
        return "discussion"
    if url and _BLOG.search(url):
        return "blog"
    return "article"


def _non_latin_share(text: str) -> float:
    letters = [character for character in text[:5000] if character.isalpha()]
    return sum(not unicodedata.name(c, "").startswith("LATIN") for c in letters) / max(len(letters), 1)


Gold = Callable[[Path, Path, str], tuple[str, str | None]]


def _wcxb(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    name = path.name.split(".")[0]
    item = json.loads((root / "wcxb/dev/ground-truth" / f"{name}.json").read_text(encoding="utf-8"))
    label = item["_internal"]["page_type"]["primary"]
    return item["ground_truth"].get("main_content") or "", label


@lru_cache
def _articles(root: Path) -> dict[str, Any]:
    text = (root / "article-extraction-benchmark/ground-truth.json").read_text(encoding="utf-8")
    items: dict[str, Any] = json.loads(text)
    return items


def _article(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    return _articles(root).get(path.name.split(".")[0], {}).get("articleBody", ""), None


def _newspaper(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    text = root / "newspaper/tests/data/text" / f"{path.stem}.txt"
    return (text.read_text(encoding="utf-8", errors="replace") if text.exists() else ""), None


def _readability(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    from lxml import html as lxml_html

    expected = path.with_name("expected.html")
    if not expected.exists():
        return "", None
    source = expected.read_text(encoding="utf-8").strip()
    if not source:
        return "", None
    tree = lxml_html.fromstring(source)
    return "\n".join(piece.strip() for piece in tree.itertext() if piece.strip()), None


def _cleanportal(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    gold = root / "cleanportaleval/GoldStandard" / f"{path.stem}.txt"
    if not gold.exists():
        return "", None
    text = gold.read_text(encoding="utf-8", errors="replace")
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("URL:"))
    return re.sub(r"<(?:p|h|l)>", "", "\n".join(lines)), None


def _fundus(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    labels = path.with_name(f"{path.name.rsplit('_', 3)[0]}.json")
    if not labels.exists():
        return "", None
    versions = json.loads(labels.read_text(encoding="utf-8")).values()
    texts = ["\n".join(_body(version["body"])) for version in versions if version.get("body")]
    return max(texts, key=lambda text: _found(text, html), default=""), None


def _body(body: dict[str, Any]) -> Iterator[str]:
    yield from body.get("summary") or []
    for section in body.get("sections") or []:
        yield from section["headline"]
        yield from section["paragraphs"]


def _found(text: str, html: str) -> float:
    """Share of the words of `text` that the page has: tells which of several gold texts is this page's."""
    words = set(re.findall(r"\w{4,}", text))
    return len(words & set(re.findall(r"\w{4,}", html))) / max(len(words), 1)


def _goose(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    labels = path.with_suffix(".json")
    if not labels.exists():
        return "", None
    expected = json.loads(labels.read_text(encoding="utf-8")).get("expected")
    return (expected.get("cleaned_text") or "" if isinstance(expected, dict) else ""), None


def _recipe(root: Path, path: Path, html: str) -> tuple[str, str | None]:
    labels = path.with_suffix(".json")
    if not labels.exists():
        return "", None
    item = json.loads(labels.read_text(encoding="utf-8"))
    lines = [*(item.get("ingredients") or []), *(item.get("instructions_list") or [])]
    return "\n".join(str(line) for line in lines), None


_GOLD: dict[str, Gold] = {
    "wcxb-dev": _wcxb,
    "article-extraction-benchmark": _article,
    "newspaper": _newspaper,
    "mozilla-readability": _readability,
    "cleanportaleval": _cleanportal,
    "fundus-news": _fundus,
    "goose3": _goose,
    "recipe-scrapers": _recipe,
}
