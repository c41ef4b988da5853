"""No row of what the recipes make of the samples has changed, unless the table of digests says so."""

import json
from pathlib import Path

import pytest

from tests.digests import TABLE, digests


@pytest.mark.engine
@pytest.mark.slow
def test_rows_are_those_of_the_table(tmp_path: Path) -> None:
    """Where they were to change: python -m tests.digests > tests/digests.json."""
    found, wanted = digests(tmp_path), json.loads(TABLE.read_text())
    assert found == wanted
