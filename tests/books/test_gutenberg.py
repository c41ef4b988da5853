"""Exactly the text between the markers, of every age."""

import re

import pytest

from curate.books.gutenberg import between_markers, is_gutenberg
from curate.encodings.decode import decode_page

TEXT = "CHAPTER I\n\nIt was the first line.\n\nIt was the last line, about the end of the Project."
NEW = """The Project Gutenberg eBook of A Book, by A. Writer

Title: A Book
       of two lines

Language: English

*** START OF {} PROJECT GUTENBERG EBOOK A BOOK ***


{}


{}*** END OF {} PROJECT GUTENBERG EBOOK A BOOK ***

licence licence
"""
SMALL = """**The Project Gutenberg Etext of A Book, by A. Writer**
***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here?
{}


{}

{}
"""


@pytest.mark.parametrize("which", ["THE", "THIS"])
@pytest.mark.parametrize("tail", ["", "End of Project Gutenberg's A Book, by A. Writer\n\n"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_start_and_end(which, tail, line):
    book = between_markers("\ufeff" + NEW.format(which, TEXT, tail, which).replace("\n", line))
    assert (book.text, book.title, book.language) == (TEXT, "A Book of two lines", "English")


@pytest.mark.parametrize(
    "end",
    [
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
        "*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
        "**END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.08.01*END**",
        "*END THE SMALL PRINT! FOR COPYRIGHT PROTECTED ETEXTS*Ver.03.17.95*END*",
    ],
)
@pytest.mark.parametrize(
    "tail", ["End of the Project Gutenberg Etext of A Book", "End of this Project Gutenberg etext", ""]
)
def test_small_print(end, tail):
    book = between_markers(SMALL.format(end, TEXT, tail))
    assert (book.text, book.title) == (TEXT, "A Book")


def test_a_title_that_goes_over_lines_in_the_marker():
    text = f"x\n*** START OF THE PROJECT GUTENBERG EBOOK A VERY\nLONG TITLE ***\n\n{TEXT}\n"
    assert between_markers(text).text == TEXT


def test_a_text_without_markers_stays_whole():
    assert between_markers(TEXT).text == TEXT
    assert not is_gutenberg(TEXT[:30])


def test_books_of_others(testdata):
    found = 0
    for path in [*testdata.glob("G-text/gutenberg/*/**/*.txt"), *testdata.glob("J-sources/books/GITenberg*/*.txt")]:
        if path.name == "README.txt":
            continue
        found += 1
        text = decode_page(path.read_bytes(), None, html=False)[0].replace("\r\n", "\n")
        book = between_markers(text)
        lines = text.split("\n")
        start = max(
            i for i, x in enumerate(lines[:600]) if re.search(r"\*\*\* ?START OF|\*END.{0,3}THE SMALL PRINT", x)
        )
        start = next(i for i in range(start, start + 4) if lines[i].rstrip().endswith("*"))  # a title over two lines
        ends = [
            i
            for i in range(start + 1, len(lines))
            if re.match(r"(\*\*\* ?|\W*)end of (th\w+ )?project gutenberg", lines[i], re.I)
        ]
        stop = ends[0] if ends else len(lines)
        inside = "\n".join(line.rstrip() for line in lines[start + 1 : stop]).strip("\n")
        assert book.text == inside, path
    assert found > 25
