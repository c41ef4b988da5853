"""What a page and its HTTP header say against the use of the page: the column `opt_outs`.

An entry is `place:declaration`, and `@crawler` behind where it is said to one crawler alone: `meta:noai`,
`header:noindex@ccbot`, `meta:tdm-reservation`, `header:tdm-policy=https://…`, `header:train-ai`, `robots.txt:gptbot`,
`tdmrep.json:tdm-reservation`.
"""

import html as entities
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

AI_CRAWLERS = frozenset(
    name.lower()
    for name in (
        "AI2Bot",
        "Ai2Bot-Dolma",
        "Amazonbot",
        "anthropic-ai",
        "Applebot-Extended",
        "Brightbot",
        "Bytespider",
        "CCBot",
        "ChatGLM-Spider",
        "Claude-Web",
        "ClaudeBot",
        "cohere-ai",
        "cohere-training-data-crawler",
        "Cotoyogi",
        "Crawlspace",
        "DeepSeekBot",
        "Diffbot",
        "FacebookBot",
        "FriendlyCrawler",
        "Google-Extended",
        "GoogleOther",
        "GPTBot",
        "ICC-Crawler",
        "img2dataset",
        "laion-huggingface-processor",
        "LAIONDownloader",
        "LCC",
        "meta-externalagent",
        "omgili",
        "omgilibot",
        "PanguBot",
        "PetalBot",
        "SBIntuitionsBot",
        "Scrapy",
        "TikTokSpider",
        "Timpibot",
        "VelenPublicWebCrawler",
        "Webzio-Extended",
        "YandexAdditional",
        "YandexAdditionalBot",
        "Kangaroo Bot",
    )
)
"""Those of the list ai.robots.txt (github.com/ai-robots-txt/ai.robots.txt, 2026) that gather data for the training of models, or
crawls that models are trained on (CCBot); not the ones that fetch a page for a user's question or for a search engine."""
EVERYBODY = "*"
DIRECTIVES = {"noai": "noai", "noimageai": "noimageai", "noml": "noml", "noindex": "noindex", "none": "noindex"}
"""Words of robots meta tags and X-Robots-Tag, and what they say: `none` is `noindex, nofollow`."""
RESERVATION, POLICY, TDMREP = "tdm-reservation", "tdm-policy", "tdmrep.json"
_VALUED = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
"""Directives that have a colon of their own."""
_META = re.compile(r"<(?:[mM][eE][tT][aA][\s/]|[bB][oO][dD][yY][\s>])")  # several times as fast as to ignore case
_TELLING = ("noai", "noi", "noml", "none", "tdm-", "&#")
"""One of these stands in a tag that matters: of the others no attribute is read. References to characters are looked into."""
_QUOTES = ('"', "'")
_TAG_END = re.compile(r"""[^"'>]*(?:(?:"[^"]*"|'[^']*')[^"'>]*)*""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]{1,100})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
_UNSEEN = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<(script|style|textarea|title|xmp|iframe|noembed|noframes|template)\b.*?(?:</\1|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""Comments, and elements whose content is no markup, or is none of the page."""
_TRAINING = re.compile(r"(?:^|[,\s])(?:train-ai|ai-train)\s*=\s*(?:n|no|\?0)(?:$|[,;\s])", re.IGNORECASE)
MOST_TAGS, LONGEST_TAG, LONGEST_POLICY, LONGEST_HEAD = 1_000, 4_000, 300, 1 << 20
"""Meta tags of a page that are read, characters of one, of an address that is kept, and of what comes before <body>."""


def declared(reserving: Sequence[tuple[str, str]], html: str | bytes, of_site: Sequence[str] = ()) -> list[str]:
    """What the fields of an HTTP header (see `warc.headers.Http`) and a page's meta tags declare; sorted, each once. Behind it
    `of_site`: the entries of its site's own files. Bytes are UTF-8: most pages are known to say nothing before they are text.

    The TDM Reservation Protocol (W3C community group, 2024, section 6): what the page says of it goes before what the header says,
    and that before the file.
    """
    header, meta = dict(_of_header(reserving)), dict(_of_page(html))
    if RESERVATION in header or RESERVATION in meta:
        of_site = [entry for entry in of_site if not entry.startswith(f"{TDMREP}:")]
    if RESERVATION in meta:
        header = {key: value for key, value in header.items() if key not in (RESERVATION, POLICY)}
    return [*sorted({*_entries("header", header), *_entries("meta", meta)}), *of_site]


def reserves_training(value: str) -> bool:
    """Whether a value of Content-Usage or Content-Signal refuses training: `train-ai=n`, `ai-train=no`."""
    return _TRAINING.search(value) is not None


def _entries(place: str, found: dict[str, str]) -> Iterator[str]:
    for key, _value in found.items():
        if key not in (RESERVATION, POLICY):
            yield f"{place}:{key}"
    if found.get(RESERVATION) == "1":
        yield f"{place}:{RESERVATION}"
        if policy := policy_address(found.get(POLICY, "")):
            yield f"{place}:{POLICY}={policy}"


def policy_address(value: str) -> str:
    """An address as it may be written down, without what could end a line; empty for what is none."""
    return value if re.fullmatch(rf"https?://[!-~]{{1,{LONGEST_POLICY}}}", value, re.IGNORECASE) else ""


def _of_header(fields: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Declarations by name; those of TDM with their value. Of a field that is there twice the last counts."""
    for name, value in fields:
        if name == "x-robots-tag":
            yield from _directives(value)
        elif name == "content-usage":
            if reserves_training(value):
                yield "train-ai", ""
        else:
            yield name, value.strip().strip("\"'")


def _directives(value: str) -> Iterator[tuple[str, str]]:
    """Of one X-Robots-Tag: a product token and a colon before a directive says whom it and those behind it are for."""
    crawler = ""
    for part in value.split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip().lower() not in _VALUED:
            crawler, part = product(name), rest
        yield from _directive(part, crawler)


def _directive(word: str, crawler: str) -> Iterator[tuple[str, str]]:
    said = DIRECTIVES.get(word.strip().lower())
    if said and crawler in ("", "robots", "*"):
        yield said, ""
    elif said and is_ai_crawler(crawler):
        yield f"{said}@{crawler}", ""


def _of_page(html: str | bytes) -> Iterator[tuple[str, str]]:
    """Declarations of meta tags, as those of a header. Tags in comments and scripts are none."""
    if isinstance(html, bytes):
        from curate.read.telling import telling  # with numba: not for who only plans what others read

        if not any(True for piece in telling(html) for _ in _of_tag(_tag(piece, 0))):
            return
        html = html.decode()
    found = [(at, one) for at, tag in _telling(html) for one in _of_tag(tag)]
    hidden = [match.span() for match in _UNSEEN.finditer(html, 0, found[-1][0])] if found else []
    for at, one in found:
        if not any(start < at <= end for start, end in hidden):
            yield one


def _of_tag(tag: str) -> Iterator[tuple[str, str]]:
    attributes: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        attributes.setdefault(match[1].lower(), entities.unescape(match[2] or match[3] or match[4] or ""))
    name = (attributes.get("name") or attributes.get("http-equiv", "")).strip().lower()
    value = attributes.get("content", "")
    if name in (RESERVATION, POLICY):
        yield name, value.strip()
    elif name == "x-robots-tag":
        yield from _directives(value)
    elif name == "robots" or is_ai_crawler(name):
        for word in re.split(r"[,\s]+", value):
            yield from _directive(word, "" if name == "robots" else product(name))


def _telling(html: str) -> Iterator[tuple[int, str]]:
    """Place and attributes of the meta tags before the body that hold a word of ours."""
    for match in islice(_META.finditer(html, 0, LONGEST_HEAD), MOST_TAGS):
        start = match.end() - 1
        if html[start - 1] in "yY":
            return
        tag = _tag(html, start)
        lower = tag.lower()
        if any(word in lower for word in _TELLING):
            yield start, tag


def _tag(html: str, start: int) -> str:
    """The attributes of the tag whose name ends at `start`, LONGEST_TAG characters of them."""
    close = html.find(">", start, start + LONGEST_TAG)
    tag = html[start : close if close >= 0 else start + LONGEST_TAG]
    if tag.rstrip(" /")[-1:] not in _QUOTES:  # the ">" may stand in a value
        whole = _TAG_END.match(html, start, start + LONGEST_TAG)
        tag = whole[0] if whole else tag
    return tag


def is_ai_crawler(name: str) -> bool:
    """Whether a product token names a crawler of the list, in either case, with a version behind or not."""
    return product(name) in AI_CRAWLERS


def product(name: str) -> str:
    """`GPTBot/1.1` -> "gptbot"."""
    return name.partition("/")[0].strip().lower()
