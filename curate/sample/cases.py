"""What is planted in the sample crawl: pages whose fate under the recipe `c4` is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from curate.sample.pages import Page, render
from curate.sample.prose import Writer, load

HTML = "text/html; charset=UTF-8"
KEPT, REJECTED, SKIPPED, ONE_OF = "kept", "rejected", "skipped", "one_of"
NO_TEXT = "extract.no_text"


@dataclass
class Case:
    """One record and what must become of it."""

    name: str
    """What is planted, e.g. "curly_bracket"."""
    url: str
    body: bytes
    fate: str = KEPT
    """kept, rejected, skipped, or one_of: one of its group is kept, the others are rejected."""
    reason: str | None = None
    """Why it is rejected (for one_of: those that lose), or the kind of a skipped record."""
    group: str | None = None
    """Records that belong together: copies of one page."""
    language: str = "en"
    status: str = "200 OK"
    content_type: str | None = HTML
    http: dict[str, str] = field(default_factory=dict)
    """More HTTP headers."""
    warc: dict[str, str] = field(default_factory=dict)
    """More WARC headers, or other values for the usual ones; an empty value leaves the header out."""
    second: int | None = None
    """Moment of the crawl; else by position."""
    note: str = ""


def page(name: str, url: str, paragraphs: Sequence[str], *, seed: str = "", **case: object) -> Case:
    """A case whose body is an English article of `paragraphs` in realistic HTML."""
    topic = url.split("//")[1].removeprefix("www.").split(".")[0]
    writer = Writer(f"frame {seed or url}", topic=topic)
    html = render(
        Page(
            title=writer.phrase("headings"),
            paragraphs=paragraphs,
            headings=[writer.phrase("headings") for _ in range(2)],
            sidebar=[writer.phrase("lists") for _ in range(4)],
            layout=writer.below(3),
        )
    )
    return Case(name, url, html.encode(), **case)  # type: ignore[arg-type]


def topics() -> list[str]:
    return list(load("prose")["topic"])


def plain_pages(per_topic: int = 10) -> Iterator[Case]:
    """Ordinary English articles: kept."""
    for topic in topics():
        for number in range(per_topic):
            writer = Writer(f"plain {topic} {number}", topic=topic)
            path = writer.phrase("lists").lower().replace(" ", "-").replace(",", "").replace("'", "")
            url = f"https://{topic}.example/{2020 + number % 7}/{path}-{number}.html"
            yield page("plain", url, writer.article(5 + writer.below(4)))


def foreign_pages(per_language: int = 6) -> Iterator[Case]:
    """Articles in other languages: rejected by the language rule."""
    for language, vocabulary in load("languages").items():
        for number in range(per_language):
            yield foreign_page(language, f"https://{vocabulary['host']}/{language}/{number}")


def foreign_page(
    language: str,
    url: str,
    name: str = "other_language",
    charset: str = "utf-8",
    meta: str = "",
    **case: object,
) -> Case:
    """An article in `language`, its HTML in `charset`; rejected by the language rule."""
    writer = Writer(f"foreign {url}", language)
    title = writer.fill(writer.vocabulary["title"])  # type: ignore[arg-type]
    paragraphs = [writer.paragraph(3) for _ in range(5)]
    html = render(Page(title, paragraphs, language, layout=writer.below(3), meta=(meta,) if meta else ()))
    known = {"fate": REJECTED, "reason": "FastText.other_language", **case}
    return Case(name, url, html.encode(charset), language=language, **known)  # type: ignore[arg-type]


def rule_cases() -> Iterator[Case]:
    """One page or more for each rule of C4."""
    yield from _line_cases()
    yield from _page_cases()


def _line_cases() -> Iterator[Case]:
    """Rules that cut lines: the page is kept while enough is left."""
    text = Writer("lines", topic="spokes").article(9)
    kept = {
        "javascript_line": ["Please turn on Javascript in your browser to see the map of the hill circuit."],
        "policy_line": [
            "By reading on you agree to the terms of use of this club and its friends.",
            "Our privacy policy was last changed in the spring, and nobody has read it since.",
            "This site uses cookies to remember which wheel you looked at last.",
        ],
        "ellipsis_line": ["And then the chain broke for the third time that morning, and we walked on..."],
        "no_end_mark_line": ["Opening hours of the workshop on weekdays and on the first Saturday of the month"],
        "long_word_line": [f"The serial number of the frame is {'7fa3' * 300} and it was never read aloud."],
        "few_words_line": ["Well done!", "Thank you."],
    }
    for number, (name, lines) in enumerate(kept.items()):
        writer = Writer(f"line {name}", topic=topics()[number])
        article = writer.article(6)
        yield page(name, f"https://{topics()[number]}.example/rules/{name}", [article[0], *lines, *article[1:]])
    marks = [line.replace(". ", " [3]. ", 1).replace(", ", "[citation needed], ", 1) + " [edit]" for line in text[:3]]
    lines = [mark.removesuffix(" [edit]") + " That is all we know so far[12]." for mark in marks]
    yield page("citation_marks", "https://spokes.example/rules/citation_marks", [*lines, *text[3:]])
    short = [
        "The wheel turns.",
        "Nobody saw it.",
        "We waited outside.",
        "Rain fell again.",
        "The bell rang.",
        "It was late.",
    ]
    yield page(
        "short_lines",
        "https://spokes.example/rules/short_lines",
        short,
        note="c4-tfds wants five words a line",
    )


def _page_cases() -> Iterator[Case]:
    """Rules that drop the page."""

    def case(name: str, topic: str, paragraphs: Sequence[str], reason: str, note: str = "") -> Case:
        url = f"https://{topic}.example/rules/{name}"
        return page(name, url, paragraphs, fate=REJECTED, reason=reason, note=note)

    def article(name: str, topic: str, paragraphs: int = 5) -> list[str]:
        return Writer(f"page {name}", topic=topic).article(paragraphs)

    few, none = "TooFewSentences.too_few", "LineRules.no_line_left"
    for count in (1, 3, 4):
        lines = [Writer(f"count {count}", topic="hives").paragraph(count)]
        yield case(f"{count}_sentences", "hives", lines, few, "c4-tfds keeps three and four" if count > 1 else "")
    yield page(
        "5_sentences",
        "https://hives.example/rules/5_sentences",
        [Writer("count 5", topic="hives").paragraph(5)],
    )
    bare = [line.rstrip(".?") for line in article("bare", "library", 6)]
    yield case("no_end_mark", "library", bare, none, "not one line ends in a mark")
    catalogue = [Writer(f"list {n}", topic="library").phrase("lists") for n in range(40)]
    yield case("catalogue", "library", catalogue, none, "a list of headings")
    two = [f"{word} again." for word in ("Bread", "Rye", "Salt", "Flour", "Water", "Butter", "Oats", "Malt")]
    yield case("few_words", "bakehouse", two, none, "two words a line")
    script = [line.rstrip(".?") + " with javascript." for line in article("script", "nightsky")]
    yield case("javascript", "nightsky", script, none, "every line names javascript")
    policy = [line.rstrip(".?") + ", says our cookie policy." for line in article("policy", "nightsky")]
    yield case("policy", "nightsky", policy, none, "every line is about cookies")
    filler = "Lorem ipsum dolor sit amet, consectetur adipiscing elit."
    yield case("lorem_ipsum", "clayhouse", [*article("lorem", "clayhouse"), filler], "LoremIpsum.found")
    for name, bracket in (("curly_open", "{"), ("curly_close", "}")):
        lines = article(name, "railways")
        lines[2] = lines[2].replace(" the ", f" the {bracket} ", 1)
        yield case(name, "railways", lines, "CurlyBracket.found", "c4-tfds looks for { only" if bracket == "}" else "")
    rude = article("rude", "harbour")
    yield case("bad_word", "harbour", [*rude, "Then he called it a fucking disgrace."], "BadWords.found")
    endless = Writer("endless", topic="railways")
    lines = [endless.paragraph(12) for _ in range(180)]
    yield case("too_long", "railways", lines, "TooLong.too_long", "more than 190,000 characters")
