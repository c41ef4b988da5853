"""What CONTRIBUTING tells a newcomer to do is done here, to the letter, in copies of what it touches."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.jobs.clean import Options, clean
from curate.run.start import EngineOptions
from tests.tasks import importable

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return GUIDE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str) -> dict[str, str]:
    """The blocks of code in a section, by the words of the step that they stand in."""
    found = re.findall(r"^\d+\. (.*?)\n\n {3}```\w+\n(.*?)^ {3}```", text, re.MULTILINE | re.DOTALL)
    return {words: re.sub(r"^ {3}", "", code, flags=re.MULTILINE) for words, code in found}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project, as far as a filter touches it."""
    for name in ("filters", "curate", "tests/filters"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "docs").mkdir()
    return tmp_path


def _run(copy: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_add_a_filter_in_five_minutes(copy: Path) -> None:
    steps = blocks(section("Add a filter in five minutes"))
    assert len(steps) == 3
    for words, code in steps.items():
        if name := re.search(r"`((?:filters|tests)/\S+\.py)`", words):
            (copy / name[1]).write_text(code)
    recipe = next(code for words, code in steps.items() if "recipe" in words)
    (copy / "mine.toml").write_text(recipe)
    load = "from curate.corpus.recipe import load; print(load('mine.toml').labels)"
    assert _run(copy, "-c", load) == "('Short',)\n"
    (copy / "docs/filters.md").write_text(_run(copy, "-m", "curate", "filters", "--markdown"))
    assert "filters.short" in (copy / "docs/filters.md").read_text()
    tests = ["tests/filters/test_short.py", "tests/filters/test_contract.py", "tests/filters/test_reference.py"]
    told = _run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "short or Short or reference", *tests)
    assert " passed" in told
    assert " failed" not in told


@pytest.mark.engine
def test_add_a_source_in_fifteen_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = blocks(section("Add a source in fifteen minutes"))
    code = next(code for words, code in steps.items() if "curate/read/subtitles.py" in words)
    recipe = next(code for words, code in steps.items() if "curate/recipes/subtitles.toml" in words)
    (tmp_path / "mine.toml").write_text(recipe.replace("curate.read.", ""))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"
    )
    (tmp_path / "in" / "b.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\n\n")
    asked = Options([str(tmp_path / "in")], str(tmp_path / "out"), recipe=str(tmp_path / "mine.toml"))
    with importable(monkeypatch, tmp_path, "subtitles", code):
        ledger = clean(asked, EngineOptions(cores=1))
    assert pq.read_table(tmp_path / "out" / "data")["text"].to_pylist() == ["Hello.\n\nBye."]
    assert ledger["rejected"] == {"extract.no_text": 1}
