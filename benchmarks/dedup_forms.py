"""One text in other forms: which methods take it for the same? The declaration of human rights in all its scripts.

    python -m benchmarks.dedup_forms

A form counts for a language where it changes the text. Found: all keys of the method are those of the text as it is.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable

import pyarrow as pa

from benchmarks.dedup_contain import _declarations
from curate.dedup import Exact, Lines, MinHash, Spans
from curate.dedup.base import CorpusStep

WORDS = 150
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
FORMS: dict[str, Callable[[str], str]] = {
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "soft hyphens": lambda text: re.sub(r"(\w{2})(?=\w)", "\\1\u00ad", text),
    "spaces of no width": lambda text: re.sub(r"(\w{3})(?=\w)", "\\1\u200b", text),
    "word joiners, byte order mark": lambda text: "\ufeff" + text.replace(" ", " \u2060"),
    "full-width Latin": lambda text: text.translate(WIDE),
    "ligatures": lambda text: text.replace("fi", "ﬁ").replace("fl", "ﬂ"),
    "capitals": str.upper,
    "small letters": str.lower,
    "curly quotes": lambda text: text.replace("'", "’").replace('"', "“"),
    "other white space": lambda text: text.replace(" ", "\u00a0"),
}
METHODS: dict[str, CorpusStep] = {"exact": Exact(), "near (MinHash)": MinHash(), "lines": Lines(), "spans": Spans()}
NAMES = {"exact": ("hi", "lo"), "lines": ("hi", "lo"), "spans": ("hi", "lo"), "near (MinHash)": ("same", "shingles")}
LETTERLESS = ("😀😀 😀", "123 456", " \n\t", "...", "\u200b", "\u0301\u0301")


def keys(method: str, text: str) -> list[tuple[object, ...]]:
    """The keys of a text, without who holds them."""
    batch = pa.RecordBatch.from_pydict({"id": ["0" * 32], "text": [text], "url": ["http://a.example/"]})
    table = METHODS[method].keys(batch)
    return list(zip(*(map(str, table[name].to_pylist()) for name in NAMES[method]), strict=True))


def main() -> None:
    """Print the table."""
    texts = []
    for text in _declarations():
        words = text.split()[:WORDS]
        texts.append("\n".join(" ".join(words[at : at + 30]) for at in range(0, len(words), 30)))
    known = {method: [keys(method, text) for text in texts] for method in METHODS}
    print(f"{len(texts)} languages\n\n| form | languages | {' | '.join(METHODS)} |\n|---|--:|{'--:|' * len(METHODS)}")
    for name, form in FORMS.items():
        changed = [(n, form(text)) for n, text in enumerate(texts) if form(text) != text]
        assert changed, name
        found = Counter[str]()
        for n, other in changed:
            for method in METHODS:
                found[method] += keys(method, other) == known[method][n]
        print(f"| {name} | {len(changed)} | {' | '.join(str(found[method]) for method in METHODS)} |")
    print(f"| no letter at all, byte by byte | {len(LETTERLESS)} ", end="")
    print(
        "".join(f"| {sum(bool(keys(m, t)) and keys(m, t) == keys(m, t) for t in LETTERLESS)} " for m in METHODS) + "|"
    )


if __name__ == "__main__":
    main()
