"""`import curate`: what docs/python.md and the notebook say, done to the letter; texts in every container; errors."""

import inspect
import json
import math
import os
import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass, fields
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pytest

import curate
from curate.api import jobs
from curate.api.ledger import aligned, as_html, funnel
from curate.errors import CurateError, InputError, OutputError, RecipeError, UsageError
from curate.filters import Decision, Document, drop, keep

ROOT = Path(__file__).parents[2]
TEXTS = ["a", "long enough", None]


@dataclass(frozen=True)
class Short:
    minimum: int = 5

    def __call__(self, doc: Document) -> Decision:
        if doc.url == "raise":
            raise KeyError("no")
        return (
            drop(doc, "short", len(doc.text))
            if len(doc.text) < self.minimum
            else keep(Document(doc.id, doc.text.upper()))
        )


SAID = [(False, "Short.short", 1.0, "a"), (True, None, None, "LONG ENOUGH"), (False, "extract.no_text", None, None)]


def rows(frame):
    """Rows of a frame of pandas as verdicts."""
    plain = frame.astype(object).where(frame.notna(), None)
    return list(plain[["kept", "reason", "value", "text"]].itertuples(index=False, name=None))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in; modules that are imported from it are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("mysteps", None)


@pytest.mark.engine
def test_the_page_is_run_from_top_to_bottom(folder, monkeypatch, capsys):
    from train_probe import config

    tiny = config.Preset(config.ModelConfig(layers=1, width=32, heads=2, vocab=320, context=32), 128, 4, True)
    monkeypatch.setitem(config.PRESETS, "nano", tiny)
    for path in curate.sample_crawl("crawl"):
        if not path.endswith("00002.warc.gz"):
            os.unlink(path)
    page = (ROOT / "docs/python.md").read_text()
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/python.md", "exec"), names)
    assert names["verdict"][:2] == (False, "FastText.low_score")
    ledger, unique, mixed, answer = (names[name] for name in ("ledger", "unique", "mixed", "answer"))
    assert (ledger["rejected"], ledger.kept) == ({"extract.no_text": 2, "extract.binary": 1}, 37)
    assert ledger["command"] == "curate clean --input 'crawl/*.warc.gz' --output corpus/ --recipe mine.toml"
    assert ledger.read(["text"]).num_rows == unique.kept == unique.records == 37
    assert mixed.kept == mixed.read().num_rows > 0
    assert answer.verdict == "a - b: no difference shown"
    assert Path(ledger.report).exists()
    assert "nothing/*.warc.gz: matches nothing" in capsys.readouterr().out


@pytest.mark.engine
def test_the_notebook_runs_offline(folder):
    book = json.loads((ROOT / "docs/python.ipynb").read_text())
    assert (book["nbformat"], len({cell["id"] for cell in book["cells"]})) == (4, len(book["cells"]))
    names: dict[str, object] = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    shown = names["ledger"]._repr_html_()
    assert "<table>" in shown
    assert "kept" in shown


def test_import_is_light_and_names_are_there():
    code = "import sys, curate; before = set(sys.modules); assert sorted(curate.__all__) == [n for n in dir(curate) if n in curate.__all__]\n"
    code += "print([m for m in ('numpy', 'pyarrow', 'click', 'rich', 'pandas', 'numba', 'torch') if m in before])\n"
    code += "print([n for n in curate.__all__ if not callable(getattr(curate, n))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
    with pytest.raises(AttributeError, match="has no attribute 'claen'"):
        _ = curate.claen


def test_a_list_and_one_text():
    assert [tuple(one) for one in curate.apply(Short(), TEXTS)] == SAID
    assert [tuple(one) for one in curate.apply(Short(), iter(TEXTS))] == SAID
    assert curate.filter(Short())("a").reason == "Short.short"
    with pytest.raises(UsageError, match="takes many texts"):
        curate.apply(Short(), "a")
    with pytest.raises(UsageError, match="row 1: a text is wanted, not int"):
        curate.apply(Short(), ["a", 5])
    with pytest.raises(UsageError, match="not int"):
        curate.apply(Short(), 5)


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA])
def test_pandas(missing):
    texts = pd.Series([*TEXTS[:2], missing], index=[7, 7, 9], name="body")
    found = curate.apply(Short(), texts)
    assert rows(found) == SAID
    assert list(found.index) == [7, 7, 9]
    frame = pd.DataFrame({"body": texts, "n": [1, 2, 3]})
    found = curate.apply(Short(), frame, text="body")
    assert rows(found.rename(columns={"body": "text"})) == SAID
    assert list(frame.columns) == ["body", "n"]
    assert frame["body"].iloc[1] == "long enough"


def test_arrow_and_whatever_speaks_it():
    for one in (pa.array(TEXTS), pa.chunked_array([TEXTS[:1], TEXTS[1:]]), pa.table({"text": TEXTS})):
        assert rows(curate.apply(Short(), one).to_pandas()) == SAID
    batch = pa.record_batch({"text": pa.array(TEXTS, pa.large_string()), "n": [1, 2, 3]})
    found = curate.apply(Short(), batch)
    assert found.schema.field("text").type == pa.large_string()
    duckdb = pytest.importorskip("duckdb")
    assert rows(curate.apply(Short(), duckdb.sql("select * from batch")).to_pandas()) == SAID


def test_polars():
    pl = pytest.importorskip("polars")
    found = curate.apply(Short(), pl.Series("body", TEXTS))
    assert found.select("kept", "reason", "value", "text").rows() == SAID
    found = curate.apply(Short(), pl.DataFrame({"text": TEXTS, "n": [1, 2, 3]}))
    assert found.columns == ["text", "n", "kept", "reason", "value"]
    with pytest.raises(UsageError, match="collect"):
        curate.apply(Short(), pl.LazyFrame({"text": TEXTS}))


def test_datasets():
    """A first batch in which all is kept does not decide the types of the columns."""
    dataset = datasets.Dataset.from_dict({"text": ["long enough"] * 1000 + ["a"], "n": list(range(1001))})
    for found in (curate.apply(Short(), dataset), dataset.map(curate.filter(Short()), batched=True)):
        last = found[1000]
        assert (last["kept"], last["reason"], last["value"], last["n"]) == (False, "Short.short", 1.0, 1000)
        assert found[0]["text"] == "LONG ENOUGH"
        assert found.features["reason"].dtype == "string"
    left = dataset.map(curate.filter(Short(), drop=True), batched=True)
    assert left["n"][:] == list(range(1000))
    streamed = list(curate.apply(Short(), dataset.to_iterable_dataset()))
    assert streamed[1000] == {"text": "a", "n": 1000, "kept": False, "reason": "Short.short", "value": 1.0}


@pytest.mark.engine
def test_a_dataframe_of_the_engine():
    from curate.engine.session import session

    with session("x", engine="sail") as s:
        frame = s.spark.createDataFrame([("a", 1), ("x" * 200, 2), (None, 3)], "text string, n int")
        found = curate.apply("gopher", frame).orderBy("n").collect()
    assert [row.kept for row in found] == [False, False, False]
    assert [row.reason for row in found][2] == "extract.no_text"
    assert found[0].asDict().keys() == {"text", "n", "kept", "reason", "value"}


def test_columns_of_a_document_are_seen_and_a_step_that_raises_is_no_end():
    found = curate.apply(Short(), pd.DataFrame({"text": ["long enough"] * 2, "url": ["raise", None]}))
    assert list(found["reason"]) == ["Short.KeyError", None]


def test_columns_in_the_way_are_named():
    table = pa.table({"text": ["a"], "value": [1]})
    with pytest.raises(UsageError, match=r"there is a column 'value' already: give prefix="):
        curate.apply(Short(), table)
    found = curate.apply(Short(), table, prefix="short_")
    assert found.column_names == ["text", "value", "short_kept", "short_reason", "short_value"]
    with pytest.raises(UsageError, match="no column 'body' of texts; there are: text, value"):
        curate.apply(Short(), table, text="body")


def test_steps_that_compare_documents_are_named():
    with pytest.warns(UserWarning, match="c4 without Urls, Spans"):
        rules = curate.filter("c4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pickle.loads(pickle.dumps(rules)).recipe.digest == rules.recipe.digest
    with pytest.raises(RecipeError, match="did you mean 'gopher'"):
        curate.filter("gofer")
    with pytest.raises(RecipeError, match="5 is not a step"):
        curate.filter([Short(), 5])


def test_what_is_missing_is_told_before_anything_runs(tmp_path, monkeypatch):
    from curate.filters import language

    language._model.cache_clear()
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    with pytest.raises(RecipeError, match="curate assets fetch"):
        curate.filter("gopher")


@pytest.mark.parametrize("page", [5, [1, 2, 3], None])
def test_a_page_is_text_or_bytes(page):
    with pytest.raises(TypeError, match="a page is str or bytes, not"):
        curate.extract(page)
    assert curate.extract(bytearray(b"<p>Hello, world.</p>")) == curate.extract("<p>Hello, world.</p>")
    with pytest.raises(InputError, match="the bytes are a PDF"):
        curate.extract(b"%PDF-1.4 x")


def test_errors_are_those_of_the_command_line(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="matches nothing"):
        curate.clean(tmp_path / "nothing*.gz", tmp_path / "out")
    with pytest.raises(UsageError, match="did you mean 'minhash'"):
        curate.dedup(tmp_path, tmp_path / "out", "minhush")
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(UsageError, match="--treshold means nothing"):
        curate.dedup(tmp_path, f"{tmp_path}-out", treshold=0.5)

    with pytest.raises(InputError, match="an input is empty"):
        curate.clean("", tmp_path / "out")
    with pytest.raises(UsageError, match="--cores is 1 or more, not 0"):
        curate.clean(tmp_path / "a.jsonl", tmp_path / "out", "gopher", cores=0)

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("curate.jobs.clean.clean", full)
    with pytest.raises(OutputError, match="no room left on the disk"):
        curate.clean("x", "y")
    assert issubclass(OutputError, CurateError)


@pytest.mark.parametrize(
    ("function", "options"),
    [("clean", "curate.jobs.clean"), ("dedup", "curate.jobs.dedup"), ("mix", "curate.jobs.mix")],
)
def test_options_have_the_names_and_defaults_of_the_command(function, options):
    import importlib

    known = {one.name: one.default for one in fields(importlib.import_module(options).Options)}
    known |= {one.name: one.default for one in fields(jobs.EngineOptions)}
    for name, parameter in inspect.signature(getattr(jobs, function)).parameters.items():
        if name in known and parameter.default not in (inspect.Parameter.empty, None):
            assert parameter.default == known[name], name


def test_the_command_that_does_the_same():
    words = jobs.command(
        "clean", {"input": ("a b", "c"), "keep_rejected": True, "quiet": False, "split_mb": 0, "x": None}, "first"
    )
    assert words == ("curate", "clean", "first", "--input", "a b", "--input", "c", "--keep-rejected")


def test_crawled_names_are_harmless_in_a_table():
    facts = {"records": 2, "skipped": {"<script>\x1b[31m": 1}, "failed": {}, "rejected": {}, "kept": 1}
    assert "<script>" not in as_html(funnel(facts))
    assert "\x1b" not in aligned(funnel(facts))
    assert [line.split()[0] for line in aligned(funnel(facts)).splitlines()] == ["count", "records", "skipped", "kept"]


@pytest.mark.engine
def test_the_home_folder_is_that_of_the_command_line(folder, monkeypatch):
    """`~/` is expanded wherever a path may stand, and no folder called `~` is made."""
    monkeypatch.setenv("HOME", str(folder / "me"))
    (folder / "here").mkdir()
    monkeypatch.chdir(folder / "here")
    paths = curate.sample_crawl("~/crawl")
    assert paths[0].startswith(str(folder / "me/crawl"))
    (folder / "me/mine.toml").write_text('[[step]]\nuse = "curate.filters.gopher.WordCount"\n')
    assert [one.kept for one in curate.apply("~/mine.toml", ["a"])] == [False]
    said = curate.clean(["~/crawl/*.wet.gz"], Path("~/corpus"), "~/mine.toml", quiet=True)
    assert said.path == str(folder / "me/corpus")
    assert os.path.isdir(folder / "me/corpus/data")
    with pytest.raises(CurateError, match=re.escape(f"{folder}/me/none")):
        curate.mix({"a": 1}, {"a": "~/none"}, "~/mix", documents=1)
    with pytest.raises(CurateError, match=re.escape(f"{folder}/me/none")):
        curate.dedup("~/none", "~/out")
    assert os.listdir(folder / "here") == []
    assert jobs.housed(lambda *a, **b: (a, b))("a=~/b", "./~/c", 1, None, ("~/d",)) == (
        (f"a={folder}/me/b", "./~/c", 1, None, (f"{folder}/me/d",)),
        {},
    )
