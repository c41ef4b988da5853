"""The source that CONTRIBUTING.md adds in fifteen minutes works as it stands there."""

import re
import textwrap
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.engine import children
from curate.jobs.clean import Options, clean
from curate.run.start import EngineOptions

TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()


@pytest.mark.engine
def test_a_source_in_fifteen_minutes(tmp_path, monkeypatch):
    section = TEXT[TEXT.index("## Add a source") : TEXT.index("## Rules")]
    code, recipe = (re.search(rf"```{kind}\n(.*?)```", section, re.DOTALL)[1] for kind in ("python", "toml"))
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "subtitles.py").write_text(textwrap.dedent(code))
    (tmp_path / "mine.toml").write_text(textwrap.dedent(recipe).replace("curate.read.", ""))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.srt").write_text(
        "1\n00:00:01,000 --> 00:00:02,000\nHello.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"
    )
    (tmp_path / "in" / "b.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\n\n")
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    children.close_all()  # those that wait do not know the folder
    asked = Options([str(tmp_path / "in")], str(tmp_path / "out"), recipe=str(tmp_path / "mine.toml"))
    ledger = clean(asked, EngineOptions(cores=1))
    assert pq.read_table(tmp_path / "out" / "data")["text"].to_pylist() == ["Hello.\n\nBye."]
    assert ledger["rejected"] == {"extract.no_text": 1}
