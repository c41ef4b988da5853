"""Articles of a dump: the text beside what two other parsers give, what of the markup is left, and pages a second of CPU.

    python -m benchmarks.sources_wikipedia pages DUMP > pages.jsonl
    node benchmarks/sources_wtf.mjs < pages.jsonl > judged.jsonl             # npm install wtf_wikipedia
    python -m benchmarks.sources_wikipedia score DUMP judged.jsonl           # pip install mwparserfromhell
    python -m benchmarks.sources_wikipedia speed DUMP                        # both parsers in turn, three rounds
    python -m benchmarks.sources_wikipedia job DUMP [TIMES]                  # whole jobs: in bzip2 and as plain XML, its pages so many times

The judge is another parser, not a browser: it leaves tables out, so words of tables count against precision.
"""

import bz2
import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from lxml import etree

from curate.read import wikipedia
from curate.read.dumps import head_of
from curate.read.unpack import pieces
from curate.read.wikipedia import Wikipedia, raw_pages, site_of
from curate.wikitext.text import to_text

LEFT = ("{{", "}}", "[[", "]]", "|", "thumb|", "File:", "Category:", "<ref", "style=")
MATH = re.compile(r"<(math|chem|ce|nowiki|code|pre|syntaxhighlight|source)\b.*?</\1>", re.S | re.I)


def articles(path):
    """(title, wikitext) of the articles of a dump."""
    head = head_of(path)
    for page in raw_pages(pieces(path, head.packed, 0, head.size), Wikipedia().page_bytes):
        element = etree.fromstring(page.data)
        text = element.findtext("revision/text")
        if text and element.find("redirect") is None and (element.findtext("ns") or "0") == "0":
            yield element.findtext("title"), text


def words(text):
    return Counter(re.findall(r"\w+", text.lower()))


def agreement(found, judged):
    """Precision, recall and F1 of bags of words."""
    a, b = words(found), words(judged)
    common = (a & b).total()
    precision, recall = common / max(1, a.total()), common / max(1, b.total())
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def score(path, judged):
    import mwparserfromhell

    site = site_of(head_of(path))
    told = {one["title"]: one["text"] for one in map(json.loads, Path(judged).read_text().split("\n")[:-1])}
    pages = list(articles(path))

    def ours(title, source):
        return to_text(source, site, title).text

    def theirs(title, source):
        return mwparserfromhell.parse(source).strip_code()

    for name, parse in (("curate", ours), ("mwparserfromhell strip_code", theirs)):
        figures, left, authors, touched = [], Counter(), Counter(), 0
        for title, source in pages:
            text = parse(title, source)
            figures.append(agreement(text, told[title]))
            plain = parse(title, MATH.sub("", source))
            marks = {mark for word in plain.split(" ") for mark in LEFT if mark in word}
            shown = {mark for mark in marks if all(w in told[title] for w in plain.split() if mark in w)}
            authors.update(shown)  # the judge shows the same words: they are the author's
            left.update(marks - shown)
            touched += bool(marks - shown)
        means = [sum(column) / len(figures) for column in zip(*figures, strict=True)]
        print(f"{name}: {len(pages)} pages, precision {means[0]:.3f}, recall {means[1]:.3f}, F1 {means[2]:.3f}")
        print(
            f"  pages with markup left (math and code apart): {touched} ({touched / len(pages):.1%}) {dict(left)}; shown by the judge, too: {dict(authors)}"
        )


def speed(path, most=12):
    import mwparserfromhell

    site, pages = site_of(head_of(path)), list(articles(path))[:40]
    few = pages[:most]
    for title, source in pages:  # once without a clock
        to_text(source, site, title)
    for _ in range(3):
        start = time.process_time()
        for title, source in pages:
            to_text(source, site, title)
        ours = sum(len(source) for _, source in pages) / (time.process_time() - start)
        start = time.process_time()
        for _, source in few:
            mwparserfromhell.parse(source).strip_code()
        theirs = sum(len(source) for _, source in few) / (time.process_time() - start)
        print(
            f"curate {ours / 1e6:.2f} M characters a second of CPU, mwparserfromhell {theirs / 1e6:.3f}: {ours / theirs:.1f} times"
        )


def job(path, times="1"):
    """Bytes to Parquet on one core: our task (in this process), and mwparserfromhell on the same pages, read by lxml."""
    import mwparserfromhell
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    head = head_of(path)
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder) / "enwiki.xml", Path(folder) / "enwiki.xml.bz2"
        data = b"".join(piece.data for piece in pieces(path, head.packed, 0, head.size))
        first, last = data.index(b"<page>"), data.rindex(b"</page>") + 7
        plain.write_bytes(data[:first] + data[first:last] * int(times) + data[last:])
        packed.write_bytes(bz2.compress(plain.read_bytes()))
        for name in (str(packed), str(plain)):

            def ours(name=name):
                for task in Wikipedia().source([head_of(name)], None, 1 << 40).tasks:
                    table = pa.Table.from_batches(wikipedia.documents(wikipedia.PagesTask(task)))
                    table = table.filter(pc.is_valid(table["id"]))  # others are counted alone
                    pq.write_table(table, f"{folder}/ours.parquet", compression="zstd")

            def theirs(name=name):
                with bz2.open(name) if name.endswith(".bz2") else Path(name).open("rb") as file:
                    rows = []
                    for _, page in etree.iterparse(file, tag="{*}page"):
                        text = page.findtext("{*}revision/{*}text")
                        if text and page.find("{*}redirect") is None and page.findtext("{*}ns") in (None, "0"):
                            plain = mwparserfromhell.parse(text).strip_code()
                            rows.append({"title": page.findtext("{*}title"), "text": plain})
                        page.clear()
                pq.write_table(pa.Table.from_pylist(rows), f"{folder}/theirs.parquet", compression="zstd")

            ours()  # once without a clock
            took = []
            for run in (ours, ours, theirs, ours, ours):
                start = time.process_time()
                run()
                took.append(time.process_time() - start)
            size, mine = plain.stat().st_size / 1e6, sorted([*took[:2], *took[3:]])[1]
            print(
                f"{Path(name).suffix}: {size:.1f} MB of XML; curate {mine:.2f} s ({size / mine:.1f} MB/s), mwparserfromhell "
                f"{took[2]:.2f} s: {took[2] / mine:.1f} times"
            )


if __name__ == "__main__":
    what, dump, *rest = sys.argv[1:]
    if what == "pages":
        for title, source in articles(dump):
            print(json.dumps({"title": title, "source": source}))
    else:
        {"score": score, "speed": speed, "job": job}[what](dump, *rest)
