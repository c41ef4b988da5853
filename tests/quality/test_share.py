"""The best share of each language: exact, wherever the documents lie."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.corpus import schema
from curate.dedup.base import Removal, doc_hex, documents_of
from curate.filters.base import Document
from curate.quality.share import TopShare, ranks, value_of

SCORES = st.one_of(st.none(), st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 0.5, 0.5000000001, 1.0, 1e-300]))
ROWS = st.lists(st.tuples(SCORES, st.sampled_from(["en", "de", None])), max_size=60)


def _batch(step: TopShare, rows: list[tuple[float | None, str | None, str]]) -> pa.RecordBatch:
    table = documents_of(step, schema.DOCUMENTS["web"])  # type: ignore[arg-type]
    found = [
        {"id": name, "source": "s", "text": "", "language": language, step.signal: score}
        for score, language, name in rows
    ]
    return pa.RecordBatch.from_pylist(found, table)


def _removal(step: TopShare, rows: list[Any], folder: Path, shards: int) -> dict[str, float | None]:
    """{beginning of the id: score} of all that lose, with the documents in so many files."""
    (folder / "keys").mkdir(parents=True)
    for shard in range(shards):
        mine = [row for row in rows if int(row[2][:8], 16) * shards >> 32 == shard]
        pq.write_table(step.keys(_batch(step, mine)), folder / "keys" / f"part-{shard:05d}-of-{shards:05d}.parquet")
    facts = step.resolve(None, str(folder / "keys"), str(folder / "lost"), shards)
    found = {}
    for path in sorted((folder / "lost").rglob("*.parquet")):
        for row in pq.ParquetFile(path).read().to_pylist():
            name = doc_hex(row["doc"])
            assert path.parent.name == f"shard={int(name[:8], 16) * shards >> 32}"
            assert (row["pos"], row["survivor"]) == (-1, None)
            found[name] = row["value"]
    assert facts["lost"] == len(found)
    assert facts["documents"] == len(rows)
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, share=st.floats(0.01, 1), best=st.sampled_from(["highest", "lowest"]), together=st.booleans())
def test_as_sorting_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], share: float, best: str, together: bool
) -> None:
    step = TopShare("score", share, best, by_language=not together)
    named = [
        (score, language, f"{(n * 2654435761) % (1 << 32):08x}{n:024x}") for n, (score, language) in enumerate(rows)
    ]
    expected = dict[str, float | None]()
    for language in {None} if together else {"en", "de", None}:
        mine = [row for row in named if together or row[1] == language]
        sign = -1 if best == "highest" else 1
        mine.sort(key=lambda row: (row[0] is None, sign * row[0] if row[0] is not None else 0, row[2]))
        expected |= {row[2][:16]: row[0] for row in mine[math.ceil(share * len(mine) - 1e-9) :]}
    for shards in (1, 3):
        assert _removal(step, named, tmp_path_factory.mktemp("share") / "job", shards) == expected


@given(scores=st.lists(st.floats(allow_nan=False), max_size=20))
def test_ranks_are_in_order_and_tell_the_score(scores: list[float]) -> None:
    for best in ("highest", "lowest"):
        found = ranks(np.array(scores, np.float64), best).tolist()
        assert [value_of(rank, best) for rank in found] == scores
        order = sorted(scores, reverse=best == "highest")
        assert [value_of(rank, best) for rank in sorted(found)] == order


def test_many_equal_scores_are_parted_by_id(tmp_path: Path) -> None:
    named = [(0.5, "en", f"{n * 4294967:08x}{n:024x}") for n in range(1000)]
    lost = _removal(TopShare("score", 0.1), named, tmp_path / "job", 4)
    assert sorted(lost) == sorted(name[:16] for _, _, name in named[100:])


def test_what_it_says_of_a_document() -> None:
    decision = TopShare().apply(Document("1", "text"), [Removal(-1, None, 0.25)])
    assert (decision.reason, decision.value) == ("not_among_the_best", 0.25)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"share": 0.0}, "above 0"),
        ({"best": "most"}, "highest or lowest"),
        ({"signal": ""}, "must name"),
        ({"index": "x"}, "no index"),
    ],
)
def test_parameters_that_can_not_be(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TopShare(**options)


def test_other_shares_are_told_and_drop_nothing(tmp_path: Path) -> None:
    named = [(float(n), "en", f"{n * 4294967:08x}{n:024x}") for n in range(100)]
    step = TopShare("score", 0.6, "lowest", cuts=(0.3, 1.0))
    assert len(_removal(step, named, tmp_path / "job", 2)) == 40
    facts = step.resolve(None, str(tmp_path / "job" / "keys"), str(tmp_path / "again"), 2)
    assert (facts["worst_kept"], facts["cuts"]) == ({"en": 59.0}, {"0.3": {"en": 29.0}, "1": {"en": 99.0}})
    with pytest.raises(ValueError, match="cuts must be above 0"):
        TopShare(cuts=(0.3, 0.0))
