"""docs/dependencies.md tells of all that is installed; the two packages of Spark never meet."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PAGE = (ROOT / "docs" / "dependencies.md").read_text()


def names(requirements: list[str]) -> set[str]:
    """Names of packages without versions and extras."""
    return {re.split(r"[\[<>=!~ ;]", one)[0] for one in requirements}


def test_every_dependency_stands_in_the_table() -> None:
    told = set(re.findall(r"^\| `([^`]+)`", PAGE.split("## Packages")[1], re.MULTILINE))
    assert told == names(PROJECT["dependencies"]) | names(EXTRAS["local"]) | names(EXTRAS["spark"])
    small = {name for extra in ("cld3", "probe") for name in names(EXTRAS[extra])}
    assert all(f"`{name}`" in PAGE for name in small | set(EXTRAS))


def test_spark_and_its_client_never_meet() -> None:
    """They are two packages in one folder: removing one breaks the other."""
    having = {extra: names(wanted) & {"pyspark", "pyspark-client"} for extra, wanted in EXTRAS.items()}
    assert {extra: found for extra, found in having.items() if found} == {
        "local": {"pyspark-client"},
        "spark": {"pyspark"},
    }
    assert not names(PROJECT["dependencies"]) & {"pyspark", "pyspark-client"}


def test_what_is_tested_together_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines if "==" in line}
    wanted = names(PROJECT["dependencies"]) | names(EXTRAS["local"]) | names(EXTRAS["spark"]) | names(EXTRAS["docs"])
    assert {name.lower() for name in wanted} - pinned == set()
    versions = dict(line.split("==") for line in lines if "==" in line)
    assert versions["pyspark"] == versions["pyspark-client"]
