"""What the law asks to be published: every figure is counted again by its statement; what nobody knows is left open."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import cli
from curate.corpus import schema
from curate.errors import InputError
from curate.report import counted, law
from tests.curate.conftest import document

HOSTILE = "evil|host`\n# title"


def listed(folder: Path) -> list[dict[str, object]]:
    """What a ledger says of the files."""
    found = sorted(path for path in folder.rglob("*.parquet"))
    return [{"file": str(path.relative_to(folder)), "bytes": path.stat().st_size} for path in found]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two files, in a folder a language, of rows with everything that is counted."""
    folder = tmp_path_factory.mktemp("law") / "it's a corpus"
    rows = [
        {
            **document(number, "ü" * number),
            "host": f"{'www.' if number % 2 else ''}site{number // 3}.example",
            "date": 1_780_000_000_000_000 + number * 86_400_000_000,
            "language": "de" if number % 4 else "en",
            "source": "CC-MAIN-2026-30",
            "opt_outs": [
                ["meta:noai", "header:noai@gptbot"],
                [],
                None,
                ["robots.txt:ccbot", "header:tdm-policy=https://a/b@c"],
            ][number % 4],
            "removed": [{"rule": "PersonalData.email", "count": number}] if number % 2 else [],
        }
        for number in range(1, 41)
    ]
    rows[0] |= {"host": HOSTILE, "text": None}
    rows[1] |= {"host": None, "date": None, "language": None}
    table = schema.published("web", [])
    for language in ("de", "en"):
        path = folder / "data" / f"language={language}"
        path.mkdir(parents=True)
        part = [row for row in rows if (row["language"] == "en") == (language == "en")]
        pq.write_table(pa.Table.from_pylist(part, table), path / "part-00000-of-00001.parquet")
    (folder / "rejected").mkdir()
    lost = [
        {**document(50 + n, None), "verdict": "rejected", "reason": f"OptOuts.{kind}"}
        for n, kind in enumerate(["noai", "noai", "noindex"])
    ]
    pq.write_table(
        pa.Table.from_pylist(lost, schema.judged("web", [])), folder / "rejected" / "part-00000-of-00001.parquet"
    )
    facts = {
        "kind": "web",
        "kept": 40,
        "records": 43,
        "recipe": {"name": "c4", "steps": ["OptOuts", "UrlBlocklist", "PersonalData"]},
    }
    (folder / "ledger.json").write_text(json.dumps({**facts, "data": listed(folder)}))
    return str(folder)


def recounted(figure: counted.Figure) -> object:
    """What DuckDB says."""
    rows = duckdb.sql(figure.sql).fetchall()
    return rows[0][0] if figure.rows is None else tuple(rows)


def every_figure(statements: list[law.Statement]) -> list[law.Figure]:
    """The figures of documents, each once."""
    found = [
        one for statement in statements for part in statement.parts for item in part.fields for one in item.figures
    ]
    return list({figure.sql: figure for figure in found}.values())


@pytest.mark.parametrize(("share", "most"), [(0.1, 0), (0.05, 1000), (1.0, 3)])
def test_every_figure_can_be_counted_again(corpus, share, most):
    figures = counted.figures(corpus, share, most)
    assert set(figures) == {
        "documents", "bytes", "first", "last", "sources", "languages", "domains", "top", "looked", "opt_outs", "removed", "dropped",
    }  # fmt: skip
    for figure in figures.values():
        assert recounted(figure) == (figure.value if figure.rows is None else figure.rows), figure.sql


def test_figures_by_hand(corpus):
    figures = counted.figures(corpus)
    assert figures["documents"].value == 40
    assert figures["bytes"].value == 2 * (sum(range(1, 41)) - 1)
    assert (
        figures["domains"].value == 14
    )  # site1 to site13, and the hostile one; of site0 one page has that host and one has none
    assert [row[0] for row in figures["top"].rows] == ["site12.example", "site11.example"]
    assert figures["opt_outs"].rows == (("noai", 10), ("robots.txt", 10), ("tdm-policy", 10))
    assert figures["looked"].value == 30
    assert figures["dropped"].rows == (("OptOuts.noai", 2), ("OptOuts.noindex", 1))


def fields(statement: law.Statement) -> dict[str, law.Field]:
    return {one.name: one for part in statement.parts for one in part.fields}


def test_what_a_corpus_knows_and_what_it_cannot(corpus):
    figures, ledger = counted.figures(corpus), counted.ledger_of(corpus)
    eu, ab = law.eu(ledger, figures), law.ab2013(ledger, figures)
    told = fields(eu)
    assert "CC-MAIN-2026-30" in told["Large public data sets"].text
    assert "left out (step OptOuts)" in told["Measures to respect reservations"].text
    assert "UrlBlocklist" in told["Measures"].text
    for name in (
        "Name and contact details of the provider",
        "Versioned model name",
        "Licensed by rightsholders or their representatives",
    ):
        assert told[name] == law.Field(name)
    assert len(ab.parts[0].fields) == 12
    assert every_figure([eu, ab])
    stored = law.as_json(eu)
    for part, made in zip(eu.parts, stored["parts"], strict=True):
        for one, field in zip(part.fields, made["fields"], strict=True):
            known = bool(one.text or one.figures)
            assert known or "to_be_filled_in" in field
    page = law.markdown(eu)
    assert page.count(law.PROVIDER) >= 12
    for figure in every_figure([eu]):
        assert figure.sql in page


def test_hostile_hosts_stay_in_their_cell(corpus):
    figures = counted.figures(corpus, 1.0)
    page = law.markdown(law.eu(counted.ledger_of(corpus), figures))
    assert "| `evil/host' # title` | 1 | 0 |" in page
    assert "\n# title" not in page


def test_a_mixture(tmp_path):
    (tmp_path / "data").mkdir()
    rows = [{"source": f"s{n % 2}", "epoch": 0, "id": f"{n:032x}", "text": "a" * n, "tokens": n} for n in range(9)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "part-00000-of-00001.parquet")
    (tmp_path / "ledger.json").write_text(
        json.dumps({"mixture": {}, "kept": 9, "records": 20, "data": listed(tmp_path)})
    )
    figures, ledger = counted.figures(str(tmp_path)), counted.ledger_of(str(tmp_path))
    assert set(figures) == {"documents", "bytes", "tokens", "sources"}
    for figure in figures.values():
        assert recounted(figure) == (figure.value if figure.rows is None else figure.rows)
    told = fields(law.eu(ledger, figures))
    assert told["Most relevant domain names"] == law.Field("Most relevant domain names")
    assert not told["Size of the training data"].rest
    assert (
        "drawn by weights" in fields(law.ab2013(ledger, figures))["(9) Cleaning, processing or other modification"].text
    )


def test_command(corpus, tmp_path, capsys):
    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as stop:
            cli.main(["card", corpus, *words])
        return int(stop.value.code or 0)

    assert run("--eu", "--ab2013", "--sme", "--output", str(tmp_path)) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ab2013.json",
        "ab2013.md",
        "eu-summary.json",
        "eu-summary.md",
    ]
    assert run("--eu", "--json") == 0
    out = capsys.readouterr()
    assert json.loads(out.out)["eu-summary"]["title"].startswith("Public summary")
    assert run() == 2
    assert "say which: --eu, --ab2013 or both" in capsys.readouterr().err


def test_no_corpus(tmp_path):
    with pytest.raises(InputError, match="no corpus or mixture"):
        counted.figures(str(tmp_path))


def test_real_corpus(make_corpus, tmp_path):
    folder = Path(make_corpus(tmp_path))
    ledger = json.loads((folder / "ledger.json").read_text())
    figures = counted.figures(str(folder))
    for figure in figures.values():
        assert recounted(figure) == (figure.value if figure.rows is None else figure.rows), figure.sql
    assert figures["documents"].value == ledger["kept"]
    lost = {**ledger["rejected"], **ledger["failed"]}
    assert dict(row[:2] for row in figures["dropped"].rows) == lost


@pytest.mark.parametrize("damage", ["lost", "cut", "garbage"])
@pytest.mark.parametrize("which", ["data", "rejected"])
def test_a_corpus_that_is_not_whole_has_no_figures(make_corpus, tmp_path, damage, which):
    folder = Path(make_corpus(tmp_path))
    path = next(folder.glob(f"{which}/*.parquet"))
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(b"cut" if damage == "cut" else b"x" * path.stat().st_size)
    with pytest.raises(InputError, match=f"{which}.*: .*make the corpus again"):
        counted.figures(str(folder))
