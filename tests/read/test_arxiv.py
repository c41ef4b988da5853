"""E-prints to rows: every submission is a row or counted, with what is known of it."""

import gzip
import io
import json
import random
import tarfile
from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from curate.corpus.recipe import load
from curate.corpus.shards import read_facts
from curate.errors import InputError
from curate.jobs.clean import Options, clean
from curate.read.arxiv import ArXiv, arxiv_id, spdx, year_of
from curate.read.documents import document_source
from curate.read.dumps import head_of
from curate.read.items import run
from tests.packing import zipped

WORDS = " ".join(f"word{number} of the paper" for number in range(30))
PAPER = (
    rb"\documentclass{article}\title{On Words}\begin{document}\section{One} %s $x^2$.\end{document}" % WORDS.encode()
)


def tarred(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data or b""))
    return buffer.getvalue()


BULK = [
    ("2310", None),
    ("2310/2310.00001.gz", gzip.compress(PAPER)),
    (
        "2310/2310.00002.gz",
        gzip.compress(tarred([("m.tex", PAPER.replace(b"word1 ", b"other ")), ("f.png", b"\x89PNG")])),
    ),
    ("2310/2310.00003.pdf", b"%PDF-1.5"),
    ("2310/2310.00004.gz", gzip.compress(b"%auto-ignore")),
    ("2310/2310.00005.gz", gzip.compress(PAPER)[:20]),
    ("2310/2310.00006.gz", gzip.compress(b"<html><body>" + WORDS.encode() + b" as a page</body></html>")),
    ("2310/._2310.00001.gz", b"\x00\x05\x16\x07"),
    (
        "2310/2310.00007.gz",
        gzip.compress(
            "\\documentclass{a}\\begin{document}na\u00efve %s\\end{document}".replace("%s", WORDS).encode("latin-1")
        ),
    ),
    ("2310/hep-th9901001.gz", gzip.compress(PAPER.replace(b"word2 ", b"third "))),
]


def rows_of(path, tmp_path, **options):
    source = ArXiv(**options).source([head_of(str(path))], None, 0)
    out = tmp_path / "out.parquet"
    run(replace(source.tasks[0], out=str(out)))
    table = pq.read_table(out)
    return {row["arxiv_id"]: row for row in table.to_pylist()}, read_facts(str(out))


def test_a_bulk_archive_is_accounted_for(tmp_path):
    path = tmp_path / "arXiv_src_2310_001.tar"
    path.write_bytes(tarred(BULK))
    metadata = tmp_path / "arxiv-metadata.jsonl"
    entry = {
        "id": "2310.00001",
        "title": "A  title",
        "categories": "cs.CL math.CO",
        "license": "http://creativecommons.org/licenses/by-nc-sa/4.0/",
        "versions": [{"created": "Mon, 2 Oct 2023 19:18:42 GMT"}],
    }
    metadata.write_text("no json\n" + json.dumps({"id": "2310.99999"}) + "\n" + json.dumps(entry) + "\n")
    rows, facts = rows_of(path, tmp_path, metadata=str(metadata))
    [counted] = facts["files"].values()
    assert counted == {"records": 9, "skipped": {"pdf_only": 1, "withdrawn": 1, "apple_double": 1}}
    verdicts = {ident: row["verdict"] and (row["verdict"], row["reason"]) for ident, row in rows.items()}
    good = ("2310.00001", "2310.00002", "2310.00006", "2310.00007", "hep-th/9901001")
    assert verdicts == {**dict.fromkeys(good), "2310.00005": ("failed", "damaged")}
    first = rows["2310.00001"]
    assert (first["title"], first["year"], first["categories"]) == ("A title", 2023, ["cs.CL", "math.CO"])
    assert (first["license"], str(first["date"].date())) == ("CC-BY-NC-SA-4.0", "2023-10-02")
    assert first["text"] == f"One\n\n{WORDS} $x^2$."
    assert (rows["2310.00002"]["title"], rows["hep-th/9901001"]["year"]) == ("On Words", 1999)
    assert rows["2310.00007"]["text"].startswith("naïve")
    assert path.read_bytes()[first["offset"] :][:2] == b"\x1f\x8b"


def test_a_cut_archive_gives_what_is_before_and_a_row_with_the_place(tmp_path):
    path = tmp_path / "arXiv_src_2310_001.tar"
    data = tarred(BULK)
    path.write_bytes(data[: data.index(b"hep-th9901001") + 600])
    rows, _ = rows_of(path, tmp_path)
    assert rows["2310.00001"]["verdict"] is None
    [failed] = [row for row in rows.values() if row["reason"] == "damaged_archive"]
    assert "could not be read" in failed["detail"]


def test_the_forms_of_math(tmp_path):
    path = tmp_path / "2310.00001.gz"
    path.write_bytes(gzip.compress(PAPER))
    assert rows_of(path, tmp_path, math="text")[0]["2310.00001"]["text"].endswith("x².")
    with pytest.raises(ValueError, match="math"):
        ArXiv(math="mathml")


@pytest.mark.parametrize(
    ("name", "ident", "year"),
    [
        ("2310/2310.08262v2.gz", "2310.08262", 2023),
        ("0704/0704.0001.gz", "0704.0001", 2007),
        ("9901/hep-th9901001.gz", "hep-th/9901001", 1999),
        ("cs/papers/9901/9901011.tar.gz", "cs/9901011", 1999),
        ("0612/math.AG0612001.gz", "math.AG/0612001", 2006),
        ("paper.tex", None, None),
    ],
)
def test_identifiers(name, ident, year):
    assert (arxiv_id(name), year_of(ident)) == (ident, year)


def test_licences():
    assert spdx("http://arxiv.org/licenses/nonexclusive-distrib/1.0/") == "LicenseRef-arXiv-nonexclusive-distrib-1.0"
    assert spdx("http://creativecommons.org/publicdomain/zero/1.0/") == "CC0-1.0"
    assert spdx(None) is None


def test_a_dump_of_another_kind_is_named(tmp_path):
    (tmp_path / "book.txt").write_text("*** START OF THE PROJECT GUTENBERG EBOOK A ***\n\nText\n")
    with pytest.raises(
        InputError, match=r"books, and this recipe reads sources of e-prints; read it with --recipe books"
    ):
        document_source([str(tmp_path / "book.txt")], load("arxiv"), ("", ""))
    with pytest.raises(InputError, match="--recipe books"):
        document_source([str(tmp_path / "book.txt")], load("c4"), ("", ""))


def test_the_job(tmp_path):
    (tmp_path / "arXiv_src_2310_001.tar").write_bytes(tarred(BULK))
    ledger = clean(Options([str(tmp_path / "arXiv_src_2310_001.tar")], str(tmp_path / "out"), recipe="arxiv"))
    reasons = Counter()
    for part in (tmp_path / "out" / "rejected").glob("*.parquet"):
        reasons.update(pq.read_table(part)["reason"].to_pylist())
    assert sum(part["rows"] for part in ledger["data"]) == 5
    assert reasons == {"damaged": 1}


def test_a_zip_is_known_by_its_list(tmp_path):
    path = tmp_path / "paper.zip"
    path.write_bytes(zipped({"figures/a.png": random.Random(1).randbytes(200_000), "main.tex": PAPER}))
    head = head_of(str(path))
    assert b".tex" not in head.data
    assert ArXiv().recognises(head)
    path.write_bytes(zipped({"figures/a.png": random.Random(1).randbytes(200_000)}))
    assert not ArXiv().recognises(head_of(str(path)))
