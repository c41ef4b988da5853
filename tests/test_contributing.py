"""What CONTRIBUTING tells a newcomer to do is done here, to the letter, in copies of what it touches."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import curate
from curate.corpus.recipe import load
from tests.tasks import importable

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return GUIDE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str) -> dict[str, str]:
    """The blocks of code in a section, by the words of the step that they stand in."""
    found = re.findall(r"^\d+\. (.*?)\n\n {4}```\w+\n(.*?)^ {4}```", text, re.MULTILINE | re.DOTALL)
    return {words: re.sub(r"^ {4}", "", code, flags=re.MULTILINE) for words, code in found}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project, as far as a filter touches it."""
    for name in ("filters", "curate", "tests/filters"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/conftest.py", "tests/warm.py"):
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


def _as_told(title: str, module: str, recipe: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the three steps of a section in `folder`, and run the test that it writes there."""
    code, lines, test = blocks(section(title)).values()
    short = module.rpartition(".")[2]
    where = folder / "mine.toml"
    where.write_text(lines.replace(module, short))
    names: dict[str, Any] = {}
    with importable(monkeypatch, folder, short, code):
        exec(test.replace(module, short).replace(f'recipe="{recipe}"', f"recipe={str(where)!r}"), names)
        arguments = (folder,) if "(tmp_path)" in test else ()
        names[f"test_{short}"](*arguments)


@pytest.mark.engine
def test_add_a_source_in_fifteen_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_told("Add a source in fifteen minutes", "curate.read.ris", "ris", tmp_path, monkeypatch)


@pytest.mark.engine
def test_add_a_corpus_wide_step_in_fifteen_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_told("Add a corpus-wide step in fifteen minutes", "curate.dedup.titles", "", tmp_path, monkeypatch)


def test_add_an_extractor_in_five_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_told("Add an extractor in five minutes", "curate.html.paragraphs", "", tmp_path, monkeypatch)
    page = "<body><p>A paragraph.</p>and not</body>"
    assert load(str(tmp_path / "mine.toml")).extract.engine == "paragraphs.extract"
    assert curate.extract(page, engine="paragraphs.extract") == "A paragraph."
