"""Planted duplicates: addresses, copies, shared passages, near-duplicates of known Jaccard."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from curate.sample.cases import ONE_OF, Case, page
from curate.sample.prose import Writer

SHINGLE = 5


def duplicate_cases() -> Iterator[Case]:
    yield from url_variants()
    yield from copies()
    yield from shared_passages()
    for topic, every, sentences in NEAR:
        yield from near_pair(topic, every, sentences)


def url_variants() -> Iterator[Case]:
    """One address in several spellings, crawled at different moments with different text: one survives."""
    for number, topic in enumerate(("bakehouse", "highhut", "creamery")):
        plain = f"{topic}.example/guide/{number}"
        variants = [f"https://{plain}", f"http://{plain}", f"https://www.{plain}", f"https://{plain}/"]
        variants += [f"https://{plain}?utm_source=letter&utm_medium=mail", f"https://{plain}?ref=front"]
        for visit, url in enumerate(variants[: 4 + number]):
            lines = Writer(f"variant {plain} {visit}", topic=topic).article(5)
            seconds = 40_000 + 600 * visit + number
            yield page("url_variant", url, lines, second=seconds, **_one_of("Urls.duplicate", f"url-{number}"))
    lines = Writer("again", topic="clayhouse").article(6)
    for second in (50_000, 50_060):
        url = "https://clayhouse.example/again"
        yield page("crawled_twice", url, lines, second=second, **_one_of("Urls.duplicate", "url-twice"))


def copies() -> Iterator[Case]:
    """The same article under other addresses, in another frame: one survives, the others lose all spans."""
    hosts = ("rivermuseum", "library", "harbour", "allotment")
    for number, topic in enumerate(hosts):
        lines = Writer(f"copy {topic}", topic=topic).article(6)
        for copy in range(2 + number % 2):
            host = hosts[(number + copy) % len(hosts)]
            url = f"https://{host}.example/mirror/{number}-{copy}"
            yield page("copy", url, lines, **_one_of("Spans.empty", f"copy-{number}"))


def shared_passages() -> Iterator[Case]:
    """Two articles with one passage of three sentences in common: both stay, one without the passage."""
    for number, topic in enumerate(("railways", "hives", "spokes")):
        passage = Writer(f"passage {topic}", topic=topic).paragraph(3)
        for half in range(2):
            lines = Writer(f"around {topic} {half}", topic=topic).article(5)
            url = f"https://{topic}.example/shared/{number}-{half}"
            case = page("shared_passage", url, [lines[0], passage, *lines[1:]])
            yield replace(case, group=f"passage-{number}", note="one of the two loses three sentences")


NEAR = (("nightsky", 3, 24), ("clayhouse", 2, 24), ("creamery", 1, 24))
"""Topic, one changed word in so many sentences, number of sentences."""


def near_texts(topic: str, every: int, sentences: int) -> tuple[list[str], list[str]]:
    """Two texts that differ by one word in the middle of each `every`-th sentence.

    `every` is 3 at most, so that no three sentences in a row are alike.
    """
    writer = Writer(f"near {topic}", topic=topic)
    first = [_joined(writer) for _ in range(sentences)]
    second = []
    for number, sentence in enumerate(first):
        words = sentence.split(" ")
        if number % every == every - 1:
            words[len(words) // 2] = "evidently"
        second.append(" ".join(words))
    return first, second


def near_pair(topic: str, every: int, sentences: int) -> Iterator[Case]:
    """Near-duplicates that span dedup leaves alone: both are kept by `c4`, one goes with MinHash dedup."""
    for half, text in enumerate(near_texts(topic, every, sentences)):
        lines = [" ".join(text[start : start + 3]) for start in range(0, len(text), 3)]
        case = page("near_duplicate", f"https://{topic}.example/near/{every}-{half}", lines, seed=f"near {topic}")
        yield replace(case, group=f"near-{every}", note=f"one word of each {every} sentences differs")


def near_jaccard() -> dict[str, float]:
    """Jaccard similarity of each planted pair over 5-word shingles of its running text, by group."""
    return {f"near-{every}": _pair_jaccard(topic, every, n) for topic, every, n in NEAR}


def _pair_jaccard(topic: str, every: int, sentences: int) -> float:
    one, other = near_texts(topic, every, sentences)
    return jaccard(" ".join(one), " ".join(other))


def jaccard(one: str, other: str, size: int = SHINGLE) -> float:
    """Jaccard similarity of two texts over shingles of `size` words, exact."""
    shingles = [
        {tuple(words[start : start + size]) for start in range(len(words) - size + 1)}
        for words in (one.lower().split(), other.lower().split())
    ]
    union = len(shingles[0] | shingles[1])
    return len(shingles[0] & shingles[1]) / union if union else 1.0


def _joined(writer: Writer) -> str:
    """A long sentence made of two."""
    one, other = writer.sentence(), writer.sentence()
    return one.rstrip(".?") + ", and " + other[:1].lower() + other[1:]


def _one_of(reason: str, group: str) -> dict[str, str]:
    return {"fate": ONE_OF, "reason": reason, "group": group}


__all__: Sequence[str] = ["duplicate_cases", "jaccard", "near_jaccard", "near_texts"]
