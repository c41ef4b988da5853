"""Stored columns against truly running the other recipe: the same ids, or it is said that they can't be known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.commands.whatif import whatif as command
from curate.corpus import schema
from curate.corpus.recipe import Recipe, load, parse
from curate.corpus.shards import ShardWriter
from curate.dedup.base import REMOVALS
from curate.errors import CurateError, InputError, RecipeError, UsageError
from curate.quality import answer, changes, stored, whatif
from curate.run import passes, publish

WORDS = ["the", "harbour", "and", "ferry", "was", "quiet", "bell", "of", "...", "# #", "12", "{x}", "to be", "have"]
RECIPE = """
name = "tried"
[[step]]
use = "filters.gopher.WordCount"
minimum = 8
maximum = 60
[[step]]
use = "filters.gopher.SymbolRatio"
[[step]]
use = "filters.c4.CurlyBracket"
[[step]]
use = "curate.dedup.Exact"
[[step]]
use = "filters.gopher.StopWords"
[[step]]
use = "filters.c4.LineRules"
min_words = 2
[[step]]
use = "filters.c4.TooFewSentences"
minimum = 2
[[step]]
use = "filters.gopher.EllipsisLines"
[[step]]
name = "Again"
use = "filters.gopher.WordCount"
minimum = 10
maximum = 50
"""
WITHOUT_EDITS = RECIPE.replace('[[step]]\nuse = "filters.c4.LineRules"\nmin_words = 2\n', "")
ALONE = WITHOUT_EDITS.replace('[[step]]\nuse = "curate.dedup.Exact"\n', "")


def _texts(count: int) -> list[str]:
    """Texts of all sorts; some stand there twice."""
    rng = np.random.default_rng(5)
    made = []
    for _ in range(count):
        lines = [
            " ".join(rng.choice(WORDS, rng.integers(1, 14))) + rng.choice([".", "", "...", "!"])
            for _ in range(rng.integers(1, 7))
        ]
        made.append("\n".join(lines))
    return made + made[: count // 6]


ROWS = [
    {
        **dict.fromkeys(schema.extracted("web").names),
        "id": f"{(n * 2654435761) % (1 << 32):08x}" + f"{n:024x}",
        "text": text,
        "source": "made",
        "file": "a",
        "offset": n,
        "url": f"https://h{n % 7}.example/{n}",
        "host": f"h{n % 7}.example",
        "language": ["en", "de", None][n % 3],
    }
    for n, text in enumerate(_texts(300))
]  # fmt: skip


def _corpus(folder: Path, text: str) -> Path:
    """What a job makes of ROWS, without an engine: `Exact`, where the recipe has it, keeps the smallest id of a text."""
    recipe = parse(text, "tried")
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(text)
    source = str(folder / "extracted.parquet")
    rows = sorted(ROWS, key=lambda row: row["id"])
    with ShardWriter(source, schema.extracted("web")) as writer:
        writer.write(pa.Table.from_pylist(rows, schema.extracted("web")))
    evidence: tuple[str, ...] = ()
    segments = recipe.segments()
    for number, (first, last) in enumerate(segments):
        out = str(folder / f"pass-{number}.parquet")
        task = passes.PassTask(source, out, str(folder / "recipe.toml"), "tried", "web", first, last)
        if number:
            _elect(source, folder / "lost", recipe.steps[first - 1])
            evidence = (str(folder / "evidence.parquet"),)
            task = replace(task, lost=str(folder / "lost"), duplicates=evidence[0])
        passes.run(task)
        source = out
    name = "part-00000-of-00001.parquet"
    outs = [str(folder / sub / name) for sub in ("counts", "data", "rejected", "duplicates")]
    publish.run(publish.PublishTask((source,), *outs, evidence, "web", tuple(recipe.signals), 1.0))  # type: ignore[arg-type]
    return folder


def _elect(judged: str, folder: Path, step: Any) -> None:
    alive = [row for row in pq.read_table(judged).to_pylist() if row["verdict"] is None]
    first: dict[str, str] = {}
    lost = []
    for row in alive:
        survivor = first.setdefault(row["text"], row["id"])
        if survivor != row["id"]:
            lost.append((row["id"], survivor))
    folder.mkdir()
    numbers = [[int(name[:16], 16) for name in pair] for pair in lost]
    numbers = [[one - (1 << 64) if one >> 63 else one for one in pair] for pair in numbers]
    found = [{"shard": 0, "doc": doc, "pos": -1, "survivor": survivor, "value": 2.0} for doc, survivor in numbers]
    pq.write_table(pa.Table.from_pylist(found, REMOVALS), folder / "one.parquet")


def _ids(folder: Path) -> set[str]:
    return set(pq.read_table(folder / "data" / "part-00000-of-00001.parquet", columns=["id"])["id"].to_pylist())


@pytest.fixture(scope="module", params=["alone", "compared", "edited"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = {"alone": ALONE, "compared": WITHOUT_EDITS, "edited": RECIPE}[request.param]
    return _corpus(tmp_path_factory.mktemp("whatif") / "corpus", text)


VALUES: dict[str, Sequence[Any]] = {
    "WordCount.minimum": [0, 4, 7, 12, 20],
    "WordCount.maximum": [70, 60, 50, 30, 22],
    "SymbolRatio.maximum": [0.0, 0.05, 0.2, 0.5],
    "StopWords.minimum": [0, 1, 2, 3, 4, 5],
    "TooFewSentences.minimum": [1, 2, 3, 4, 5],
    "EllipsisLines.max_share": [0.0, 0.2, 0.5, 1.0],
    "Again.minimum": [0, 8, 12, 18],
    "Again.maximum": [25, 40, 70],
}


def _true_ids(tmp: Path, recipe: Recipe) -> tuple[set[str], set[str]]:
    """(ids that are kept, ids that lost to another) when the recipe is truly run."""
    made = _corpus(tmp, recipe.text)
    lost = pq.read_table(made / "duplicates" / "part-00000-of-00001.parquet").to_pylist()
    return _ids(made), {row["id"] for row in lost}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(chosen=st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 9), min_size=1, max_size=3))
def test_same_ids_as_a_true_run(
    base: Path, tmp_path_factory: pytest.TempPathFactory, chosen: Mapping[str, int]
) -> None:
    known = stored.read(str(base))
    words = [f"{name}={VALUES[name][at % len(VALUES[name])]}" for name, at in chosen.items()]
    try:
        new = changes.changed(known.recipe, changes.settings(known.recipe, words))
    except RecipeError:  # a minimum above the maximum
        return
    outcome = whatif.Judge(known)(new)
    ids = np.array(known.ids.to_pylist())
    truth, lost = _true_ids(tmp_path_factory.mktemp("true") / "corpus", new)
    kept, unknown = set(ids[outcome.verdict == whatif.KEPT]), set(ids[outcome.verdict == whatif.UNKNOWN])
    assert truth - kept <= unknown
    wrong = kept - truth
    assert wrong <= (lost if outcome.newcomers else set())
    if not outcome.newcomers and not unknown:
        assert kept == truth


def test_nothing_changed_is_what_is_there(base: Path) -> None:
    known = stored.read(str(base))
    outcome = whatif.Judge(known)(known.recipe)
    assert (
        outcome.count(whatif.KEPT) == known.kept == int(np.count_nonzero(outcome.verdict[: known.kept] == whatif.KEPT))
    )
    assert (outcome.count(whatif.UNKNOWN), outcome.newcomers) == (0, {})
    assert all(was == now for _, was, now in whatif.by_reason(known, outcome))


def test_figures_add_up(base: Path) -> None:
    found = answer.ask(str(base), ["StopWords.minimum=3"], "WordCount.minimum=0:20:5")
    assert found.kept + found.rejected + found.unknown == found.rows == len(ROWS)
    assert sum(now for _, _, now in found.reasons) == found.rejected
    for rows in found.tables.values():
        assert sum(row[1] for row in rows) == found.kept_before
        assert sum(row[2] for row in rows) == found.kept
        assert sum(row[3] for row in rows) == found.unknown
    assert [value for value, *_ in found.curve] == [0, 5, 10, 15, 20]
    assert [kept for _, kept, _ in found.curve][1:] == sorted([kept for _, kept, _ in found.curve][1:], reverse=True)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _corpus(tmp_path_factory.mktemp("whatif") / "corpus", RECIPE)


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ("StopWord.minimum=1", UsageError, "did you mean 'StopWords'"),
        ("StopWords.minimun=1", UsageError, "did you mean 'minimum'"),
        ("minimum=1", UsageError, "write Step.parameter"),
        ("StopWords.minimum", UsageError, "write Step.parameter=value"),
        ("StopWords.minimum=99", RecipeError, "minimum must be from 0 to 8"),
        ("StopWords.minimum=many", RecipeError, "must be a whole number"),
        ("LineRules.min_words=3", RecipeError, "LineRules.min_words changes texts or measurements"),
        ("StopWords.ignore_case=false", RecipeError, "its limits are minimum"),
        ("Exact.fold=false", RecipeError, "Exact.fold compares documents"),
    ],
)
def test_what_columns_can_not_answer_is_refused(edited: Path, words: str, kind: type[CurateError], told: str) -> None:
    with pytest.raises(kind, match=told):
        answer.ask(str(edited), [words])


@pytest.mark.parametrize(
    "span", ["WordCount.minimum=1", "WordCount.minimum=a:b", "WordCount.minimum=1:2:1", "WordCount.minimum=0:inf"]
)
def test_sweeps_that_are_none(edited: Path, span: str) -> None:
    with pytest.raises(UsageError, match="from:to"):
        answer.ask(str(edited), [], span)


def test_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no corpus of ours"):
        answer.ask(str(tmp_path))


def test_the_command(edited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    done = run(command, [str(edited)])
    assert done.exit_code == 0
    assert "StopWords.minimum" in done.output
    assert "LineRules" not in done.output
    recipe, page = tmp_path / "out.toml", tmp_path / "page.html"
    asked = [str(edited), "--set", "WordCount.minimum=4", "--recipe", str(recipe), "--html", str(page)]
    done = run(command, asked)
    assert done.exit_code == 0, done.output
    assert "newly come to Exact" in " ".join(done.output.split())
    assert "can't be followed from Exact on" in " ".join(done.output.split())
    assert load(str(recipe)).steps[0].minimum == 4
    html = page.read_text()
    assert "<script" not in html
    assert "Again.minimum" in html
    assert html.count("<svg") > 5
    done = run(command, [str(edited), "--set", "StopWords.minimum=3", "--json"])
    assert json.loads(done.output)["changes"] == {"StopWords.minimum": 3}
    monkeypatch.setenv("CURATE_DEBUG", "")
    assert "exists already" in str(run(command, asked).exception)


def test_hostile_names_are_shown_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "<script>x</script>\x1b[31m"
    monkeypatch.setitem(ROWS[0], "host", evil)
    made = _corpus(tmp_path / "corpus", ALONE)
    page = tmp_path / "page.html"
    done = CliRunner().invoke(command, [str(made), "--set", "WordCount.minimum=60", "--html", str(page), "--top", "50"])
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "<script" not in page.read_text()


def test_language_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language step in front of the others: its documents can be chosen again, and the score."""
    from curate.filters import language

    def guess(text: str, model: str = "") -> tuple[str | None, float]:
        return ("en" if len(text) % 2 else "de", 0.5 + (len(text) % 5) / 10)

    monkeypatch.setattr(language, "identify", guess)
    text = ALONE.replace("[[step]]", '[[step]]\nuse = "filters.language.FastText"\n[[step]]', 1)
    made = _corpus(tmp_path / "one", text)
    known = stored.read(str(made))
    for number, words in enumerate(
        (["FastText.languages=['en','de']"], ["FastText.threshold=0.8"], ["FastText.languages=[]"])
    ):
        new = changes.changed(known.recipe, changes.settings(known.recipe, words))
        truth, _ = _true_ids(tmp_path / f"true{number}", new)
        outcome = whatif.Judge(known)(new)
        assert outcome.count(whatif.UNKNOWN) == 0
        assert set(np.array(known.ids.to_pylist())[outcome.verdict == whatif.KEPT]) == truth


def test_limits_that_are_off_and_parameters_by_language() -> None:
    ratio = FILTERS + "maximum = 0.5\n"
    (limit,) = whatif.limits_of(parse(ratio, "r").steps[0])
    assert whatif.bound(parse(ratio, "r").steps[0], limit) == 0.5
    assert whatif.bound(parse(FILTERS + "maximum = -1\n", "r").steps[0], limit) is None
    told = '[[step]]\nuse = "filters.language.FastText"\nlanguages = []\nthreshold = 0.5\n'
    assert whatif.adjustable(parse(told, "r").steps[0]) == ["languages", "threshold"]
    assert whatif.adjustable(parse(told + 'unsure = "und"\n', "r").steps[0]) == ["languages"]  # else it is named anew
    parameters = "[parameters]\nen = {m = %s}\n"
    old, new = (parse(FILTERS + 'maximum = "@m"\n' + parameters % value, "r") for value in ("0.5", "0.6"))
    whatif.check_change(old, old)
    with pytest.raises(RecipeError, match="NewlineRatio has parameters by language"):
        whatif.check_change(old, new)
    assert changes.named(old, "NewlineRatio.maximum") == (0, "maximum")
    one = changes.changed(old, {(0, "maximum"): 0.5})  # one for all, instead
    for before, after in ((old, one), (one, old)):
        with pytest.raises(RecipeError, match="NewlineRatio has parameters by language"):
            whatif.check_change(before, after)


FILTERS = '[[step]]\nuse = "filters.fineweb.NewlineRatio"\n'


def test_a_step_that_ranks_hangs_on_all_documents(tmp_path: Path) -> None:
    """Who leaves before `TopShare`, or newly comes to it, moves where it cuts."""
    text = ALONE + '[[step]]\nuse = "curate.quality.share.TopShare"\nsignal = "words"\nshare = 1.0\n'
    made = _corpus(tmp_path / "corpus", ALONE)
    (made / "recipe.toml").write_text(text)
    known = stored.read(str(made))
    judge = whatif.Judge(known)
    assert judge(known.recipe).count(whatif.UNKNOWN) == 0
    longest = int(known.signals["words"][: known.kept].max())
    for words in (f"Again.minimum={longest}", "SymbolRatio.maximum=0.9"):
        outcome = judge(changes.changed(known.recipe, changes.settings(known.recipe, [words])))
        assert outcome.count(whatif.KEPT) == 0
        assert outcome.count(whatif.UNKNOWN) > 0


def test_of_a_recipe_without_limits_that_is_said(edited: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "_limits", lambda recipe: [])
    assert CliRunner().invoke(command, [str(edited)]).output.startswith("the recipe has no limit that can be moved")
