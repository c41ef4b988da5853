"""Pages that declare no encoding: how many come out as they were, by language and encoding.

    python -m benchmarks.encoding_detection [LANGUAGE ...]

Sentences of lingua's test data in CURATE_TESTDATA, 1, 5 and 20 to a page, encoded as the web has encoded that language, without
the characters that the encoding lacks. Pages that are ASCII then are left out. Prints a Markdown table.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from curate.encodings.decode import decode_page

ENCODINGS = {
    **dict.fromkeys(("cs", "hr", "hu", "pl", "ro", "sk", "sl"), ("iso8859-2", "cp1250")),
    **dict.fromkeys(("da", "de", "es", "fi", "fr", "it", "nl", "pt", "sv"), ("cp1252",)),
    **dict.fromkeys(("et", "lt", "lv"), ("cp1257",)),
    "ar": ("cp1256",),
    "bg": ("cp1251",),
    "el": ("cp1253", "iso8859-7"),
    "he": ("cp1255",),
    "ja": ("cp932", "euc_jp"),
    "ko": ("euc_kr",),
    "ru": ("cp1251", "koi8-r"),
    "th": ("cp874",),
    "tr": ("cp1254",),
    "uk": ("cp1251", "koi8-u"),
    "vi": ("cp1258",),
    "zh": ("gbk",),
}
SENTENCES = (1, 5, 20)
PAGES = 60


def pages(lines: list[str], size: int, encoding: str) -> Iterator[bytes]:
    """The first pages of `size` lines that are not ASCII."""
    for start in range(0, min(len(lines), size * PAGES), size):
        page = "".join(f"<p>{line}</p>\n" for line in lines[start : start + size]).encode(encoding, "ignore")
        if not page.isascii():
            yield page


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*")
    wanted = parser.parse_args().languages or sorted(ENCODINGS)
    folder = Path(os.environ["CURATE_TESTDATA"], "C-langid/lingua-testdata/language-testdata/sentences")
    totals = {size: [0, 0] for size in SENTENCES}
    print("| language | encoding | " + " | ".join(f"{n} sentence{'s' * (n > 1)}" for n in SENTENCES) + " |")
    print("|---" * (2 + len(SENTENCES)) + "|")
    for language in wanted:
        lines = [line for line in (folder / f"{language}.txt").read_text().splitlines() if line.strip()]
        for encoding in ENCODINGS[language]:
            cells = []
            for size in SENTENCES:
                made = list(pages(lines, size, encoding))
                right = sum(decode_page(page, None, html=True)[0] == page.decode(encoding) for page in made)
                totals[size][0] += right
                totals[size][1] += len(made)
                cells.append(f"{right} of {len(made)}")
            print(f"| {language} | {encoding} | {' | '.join(cells)} |")
    print(f"| all | | {' | '.join(f'{right:,} of {made:,}' for right, made in totals.values())} |")


if __name__ == "__main__":
    main()
