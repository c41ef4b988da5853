"""The command line of `curate mix` and `curate recipes`."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from curate import cli
from curate.commands.mix import mix
from curate.commands.recipes import recipes
from curate.errors import AlarmError, CurateError, InputError, RecipeError, UsageError
from curate.tokens.tokenizer import TokenizerFile

Make = Callable[..., Path]


@pytest.fixture
def ask(make_source: Make, tmp_path: Path, bpe: TokenizerFile) -> Callable[..., Result]:
    web, code = make_source("web", 300, kind="parquet"), make_source("code", 100)

    def call(*words: str, weights: str = "web=0.8,code=0.2", tokens: str | None = "5K") -> Result:
        base = ["--weights", weights, "--source", f"web={web}", "--source", f"code={code}"]
        base += ["--counts", str(tmp_path / "counts"), "--no-decontaminate", "--quiet"]
        base += ["--tokenizer", bpe.path] if "--unit" not in words and "--bytes" not in words else []
        base += ["--tokens", tokens] if tokens else []
        return CliRunner().invoke(mix, [*base, *words])

    return call


@pytest.mark.engine
def test_plan_shows_all_three_units_and_writes_nothing(ask: Callable[..., Result], tmp_path: Path) -> None:
    done = ask("--plan", "--json")
    assert done.exit_code == 0, done.exception
    value = json.loads(done.stdout)
    assert {"weight", "available", "drawn", "share", "epochs", "target"} <= set(value["sources"][0])
    assert set(value["sources"][0]["available"]) == {"documents", "tokens", "bytes"}
    assert "rule of thumb" in done.stderr
    table = ask("--plan")
    assert table.stdout.splitlines()[0].split("\t")[:3] == ["source", "weight", "documents"]
    assert {one.name for one in tmp_path.iterdir()} == {"web", "code", "counts"}


@pytest.mark.engine
def test_build(ask: Callable[..., Result], tmp_path: Path) -> None:
    done = ask("--output", str(tmp_path / "mix"), "--json")
    assert done.exit_code == 0, done.exception
    assert json.loads(done.stdout) == json.loads((tmp_path / "mix" / "ledger.json").read_text())
    card = (tmp_path / "mix" / "README.md").read_text()
    assert "| web | 80 % |" in card
    assert card.startswith('---\npretty_name: "Mixture web=0.8, code=0.2"')


@pytest.mark.engine
def test_a_plan_with_too_many_epochs_is_shown_and_refused(ask: Callable[..., Result]) -> None:
    done = ask("--plan", "--json", tokens="500K")
    assert json.loads(done.stdout)["sources"]
    assert isinstance(done.exception, AlarmError)


@pytest.mark.engine
@pytest.mark.parametrize(("tokens", "kind"), [("500K", AlarmError), ("100", InputError)])
def test_a_mixture_that_can_not_be_leaves_nothing(
    ask: Callable[..., Result], tmp_path: Path, tokens: str, kind: type
) -> None:
    if kind is InputError:
        for file in (tmp_path / "web").iterdir():
            file.unlink()
        (tmp_path / "web" / "a.jsonl").write_text("\n")
    done = ask("--output", str(tmp_path / "mix"), tokens=tokens)
    assert isinstance(done.exception, kind)
    assert not list(tmp_path.glob("mix*"))


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        (("--plan", "--bytes", "1GB"), UsageError, "one of --tokens, --bytes"),
        (("--plan", "--unit", "bytes"), UsageError, "--unit says bytes"),
        ((), UsageError, "--output"),
        (("--plan", "--source", "web=elsewhere"), UsageError, "given twice"),
        (("--plan", "--source", "web"), UsageError, "NAME=PATH"),
        (("--plan", "--source", "a/b=c"), UsageError, "no folder a; a name has no slash"),
        (("--plan", "--source", __file__.replace("test_commands.py", "lang=x.py")), UsageError, "no folder in "),
        (("--plan", "--source", "a b=c"), RecipeError, "can't name a source"),
        (("--plan", "--source", "books=nowhere"), RecipeError, "books has no weight"),
        (("--plan", "--text-column", "wob=x"), UsageError, "did you mean 'web'"),
        (("--plan", "--text-column", "web=body"), InputError, "source web: "),
        (("--plan", "--decontaminate", "x"), UsageError, "contradict"),
        (("--plan", "--report-only"), UsageError, "--report-only and --no-decontaminate contradict"),
        (("--plan", "--held-out", "1.5"), UsageError, "--held-out"),
    ],
)
@pytest.mark.engine
def test_errors(ask: Callable[..., Result], words: tuple[str, ...], kind: type[CurateError], part: str) -> None:
    done = ask(*words)
    assert done.exit_code != 0
    assert part in str(done.exception)
    assert isinstance(done.exception, kind)


def test_recipes() -> None:
    value: dict[str, Any] = json.loads(CliRunner().invoke(recipes, ["--json"]).stdout)
    names = {one["name"] for one in value["mixtures"]}
    assert {"gpt3", "llama", "llama-1.25t", "redpajama", "pile", "slimpajama"} <= names
    assert {one["name"].partition("=")[0] for one in value["baselines"]} == {
        "proportional",
        "uniform",
        "temperature",
        "unimax",
    }
    text = CliRunner().invoke(recipes, ["llama"]).stdout
    assert "2302.13971" in text
    assert isinstance(CliRunner().invoke(recipes, ["lama"]).exception, RecipeError)


@pytest.mark.engine
def test_the_job_script_takes_the_same_options(make_source: Make, tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "jobs" / "mix.py"
    words = [
        "--weights",
        "uniform",
        "--source",
        f"web={make_source('web', 50)}",
        "--source",
        f"code={make_source('code', 50)}",
    ]
    words += [
        "--unit",
        "documents",
        "--counts",
        str(tmp_path / "counts"),
        "--no-decontaminate",
        "--plan",
        "--json",
        "--quiet",
    ]
    done = subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [one["weight"] for one in json.loads(done.stdout)["sources"]] == [0.5, 0.5]
    wrong = subprocess.run(
        [sys.executable, str(script), *words, "--weights", "wob=1"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ")


@pytest.mark.engine
def test_what_is_left_out_and_what_could_not_be_read_is_said(ask: Callable[..., Result], tmp_path: Path) -> None:
    before = json.loads(ask("--plan", "--json").stdout)
    (tmp_path / "web" / "test-00000-of-00001.jsonl").write_text('{"text": "never to be seen in training"}\n')
    (tmp_path / "web" / "zz.jsonl").write_text("no\n")
    done = ask("--plan", "--json")
    after = json.loads(done.stdout)
    assert after["sources"][0]["available"] == before["sources"][0]["available"]
    assert "1 file is left out, of test or validation splits; name them to read them" in done.stderr
    assert "web: records skipped: 1 not_json (" in done.stderr
    assert "zz.jsonl: line 1: Expecting value" in done.stderr


@pytest.mark.engine
@pytest.mark.parametrize("words", [["--plan"], ["--output", "mix"], ["--output", "mix", "--tokenize"]])
@pytest.mark.parametrize("unit", ["tokens", "bytes"])
def test_a_budget_that_no_document_fits_into_is_refused(
    ask: Callable[..., Result], here: Path, words: list[str], unit: str
) -> None:
    done = ask(*words, *([] if unit == "tokens" else ["--bytes", "1"]), tokens="1" if unit == "tokens" else None)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == f"no document fits into 1 {unit}: give a larger --{unit}"
    assert not list(here.iterdir())


def test_a_vocabulary_that_little_text_does_not_fill_is_told(tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"text": "a few words, and a few words more"}\n')
    for size, told in ((100_000, 1), (257, 0)):
        words = ["tokenizer", "train", "--input", f"{tmp_path}/a.jsonl", "--output", f"{tmp_path}/{size}.json"]
        cli.group.main([*words, "--vocab-size", str(size)], standalone_mode=False)
        said = capsys.readouterr()
        number = said.out.partition("vocabulary: ")[2].partition("\n")[0]
        assert said.err.count(f"note: the vocabulary has {number} of the 100,000 entries that were asked for") == told


def test_a_source_that_is_a_file_with_an_equals_sign(tmp_path: Path) -> None:
    from curate.mixing.mixture import source_paths

    (tmp_path / "lang=en.jsonl").write_text("{}")
    with pytest.raises(UsageError, match=r"lang=en\.jsonl: is a file: write NAME="):
        source_paths([f"{tmp_path}/lang=en.jsonl"])
    assert source_paths([f"en={tmp_path}/lang=en.jsonl"]) == {"en": f"{tmp_path}/lang=en.jsonl"}


@pytest.mark.engine
def test_what_a_plan_says_of_its_sources(ask: Callable[..., Result], tmp_path: Path) -> None:
    """Of a source of weight 0, which the table has not, and of one file under two names."""
    one = ask("--plan", "--source", f"none={tmp_path}/web", weights="web=0.8,code=0.2,none=0")
    assert "note: source none has weight 0: nothing of it is drawn\n" in one.stderr
    assert "both read" not in one.stderr
    two = ask("--plan", "--source", f"again={tmp_path}/web/../web", weights="web=0.4,code=0.2,again=0.4")
    assert two.exit_code == 0, two.exception
    (told,) = (line for line in two.stderr.splitlines() if "both read" in line)
    assert told.startswith(f"note: sources web and again both read {tmp_path}/web/")
    assert told.endswith("its documents may be drawn for each of them")


@pytest.mark.engine
def test_counts_that_are_kept_are_those_of_the_file_however_its_path_is_spelled(
    make_source: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that had been counted as `web` could not be mixed as `./web`, or from another folder."""
    path = make_source("web", 20)
    monkeypatch.chdir(path.parent)
    words = ["--weights", "a=1", "--documents", "5", "--plan", "--quiet", "--counts", str(tmp_path / "counts")]
    told = [
        CliRunner().invoke(mix, [*words, "--source", f"a={one}"]) for one in (path.name, f"./{path.name}", str(path))
    ]
    assert [one.exit_code for one in told] == [0, 0, 0], [one.exception for one in told]
    assert len({one.stdout for one in told}) == 1
