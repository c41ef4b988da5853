"""MinHash from texts to LOST on the embedded engine, against a brute-force oracle."""

import functools
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from curate.corpus import schema
from curate.dedup import REMOVALS, MinHash, doc64, index, kernel
from curate.dedup.base import doc_hex
from curate.dedup.verify import cluster
from curate.engine.session import Session, session
from curate.errors import AlarmError, EngineError, UsageError

SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "text", "host", "source")])
OURS = SCHEMA.with_metadata(schema.published("web", []).metadata)
"""The same of a corpus of ours, whose ids are kept."""
Page = dict[str, Any]
pytestmark = pytest.mark.engine
similar = functools.partial(MinHash, verify="jaccard")


@pytest.fixture(scope="module")
def engine() -> Iterator[Session]:
    with session("test", engine="sail", cores=2) as s:
        yield s


def page(name: str, text: str | None, host: str = "h") -> Page:
    return {"id": hashlib.blake2b(name.encode(), digest_size=16).hexdigest(), "text": text, "host": host}


def words(seed: int, count: int) -> list[str]:
    return [f"w{n}" for n in np.random.RandomState(seed).randint(0, 50_000, count)]


def edited(text: list[str], seed: int, edits: int) -> list[str]:
    """`edits` words replaced at distances of more than five, so each costs five shingles."""
    found = list(text)
    for k in range(edits):
        found[7 + k * (len(text) // (edits + 1))] = f"x{seed}-{k}"
    return found


def chain(length: int, size: int = 100, step: int = 4) -> list[Page]:
    """Texts of which each shares most shingles with the next, and none with one far away."""
    source = words(99, size + step * length)
    return [page(f"chain{n}", " ".join(source[n * step : n * step + size])) for n in range(length)]


def clusters_of(
    s: Session, step: MinHash, pages: Sequence[Page], folder: Path, files: int = 3, shards: int = 4
) -> tuple[dict[str, tuple[str, float | None]], dict[str, Any]]:
    """({removed: (survivor, similarity)} by doc, facts)."""
    (folder / "keys").mkdir(parents=True)
    for number in range(files):
        batch = pa.RecordBatch.from_pylist(list(pages[number::files]), schema=SCHEMA)
        pq.write_table(step.keys(batch), folder / "keys" / f"{number}.parquet")
    facts = step.resolve(s, str(folder / "keys"), str(folder / "lost"), shards)
    lost: dict[str, tuple[str, float | None]] = {}
    if any((folder / "lost").rglob("*.parquet")):
        partitions = ds.partitioning(pa.schema([REMOVALS.field("shard")]), flavor="hive")
        for row in ds.dataset(folder / "lost", partitioning=partitions).to_table().to_pylist():
            assert row["pos"] == -1
            assert row["shard"] == (row["doc"] % 2**64 >> 32) * shards >> 32
            assert doc_hex(row["doc"]) not in lost
            lost[doc_hex(row["doc"])] = (doc_hex(row["survivor"]), row["value"])
    assert facts["removed"] == len(lost)
    assert facts["kept"] + facts["removed"] == facts["documents"]
    return lost, facts


@functools.cache
def shingles(text: str, ngram: int = 5) -> set[str]:
    found = kernel.words(text)
    return {" ".join(found[i : i + ngram]) for i in range(max(1, len(found) - ngram + 1))}


def jaccard(a: Page, b: Page) -> float:
    x, y = shingles(a["text"]), shingles(b["text"])
    return len(x & y) / len(x | y)


def oracle(pages: Sequence[Page], threshold: float) -> dict[str, str]:
    """{removed: survivor}: components of all pairs at or above the threshold; the longest survives."""
    parents = list(range(len(pages)))

    def root(n: int) -> int:
        while parents[n] != n:
            n = parents[n]
        return n

    for i in range(len(pages)):
        for j in range(i):
            if jaccard(pages[i], pages[j]) >= threshold:
                parents[root(i)] = root(j)
    groups: dict[int, list[Page]] = defaultdict(list)
    for n, one in enumerate(pages):
        groups[root(n)].append(one)
    found = {}
    for group in groups.values():
        group.sort(key=lambda p: (-len(p["text"].encode()), int(doc64([p["id"]])[0])))
        found.update({one["id"][:16]: group[0]["id"][:16] for one in group[1:]})
    return found


def corpus() -> list[Page]:
    """60 families of near-duplicates at similarities from 0.95 down to 0.5, and some texts of their own."""
    pages = [page(f"own{n}", " ".join(words(1000 + n, 120))) for n in range(60)]
    for family in range(60):
        base = words(family, 200)
        pages.append(page(f"f{family}", " ".join(base)))
        pages += [page(f"f{family}-{k}", " ".join(edited(base, k, 1 + (family + 3 * k) % 12))) for k in range(4)]
        if family % 3 == 0:
            pages.append(page(f"f{family}-same", "  " + " ".join(base).upper() + "."))
    return pages


def test_verified_clusters_are_those_of_brute_force(engine: Session, tmp_path: Path) -> None:
    pages = corpus()
    want = oracle(pages, 0.8)
    lost, facts = clusters_of(engine, similar(permutations=256), pages, tmp_path)
    assert {doc: survivor for doc, (survivor, _) in lost.items()} == want
    by_doc = {p["id"][:16]: p for p in pages}
    for doc, (survivor, value) in lost.items():
        assert value == pytest.approx(jaccard(by_doc[doc], by_doc[survivor]))
    assert facts["expected"]["found_at_threshold"] > 0.95
    assert facts["similar"] <= facts["compared"]


def test_without_verification_a_shared_band_is_enough(engine: Session, tmp_path: Path) -> None:
    lost, _ = clusters_of(engine, MinHash(verify=False, bands=126, rows=1), corpus(), tmp_path)
    verified, _ = clusters_of(engine, similar(bands=126, rows=1), corpus(), tmp_path / "v")
    assert len(lost) > len(verified) > 0
    assert {value for _, value in lost.values()} <= {None, 1.0}


@pytest.mark.parametrize("representative", [False, True])
def test_a_chain(engine: Session, tmp_path: Path, representative: bool) -> None:
    pages = chain(60)
    assert jaccard(pages[0], pages[1]) > 0.8 > jaccard(pages[0], pages[4])
    step = similar(representative=representative, max_cluster_share=1, permutations=256)
    lost, facts = clusters_of(engine, step, pages, tmp_path)
    if not representative:
        assert len(lost) == 59
        return
    assert 15 < len(lost) < 59
    assert all(value is not None and value >= 0.8 for _, value in lost.values())
    assert not lost.keys() & {survivor for survivor, _ in lost.values()}
    assert facts["rounds"] < 15


def test_a_hot_bucket_of_identical_pages_is_one_row(engine: Session, tmp_path: Path) -> None:
    hot = [page(f"hot{n}", "The very same page.  " + "It says nothing at all. " * 5) for n in range(3000)]
    other = [page(f"o{n}", " ".join(words(n, 30))) for n in range(50)]
    lost, facts = clusters_of(engine, similar(max_cluster_share=1, max_host_share=1), hot + other, tmp_path)
    assert len(lost) == 2999
    assert facts["candidates"] == 0
    assert {value for _, value in lost.values()} == {1.0}
    assert facts["sizes"] == {"2048-4095": 1}


def test_identical_pages_follow_their_text(engine: Session, tmp_path: Path) -> None:
    """A copy of a text that goes itself is given to the text's survivor, with that similarity."""
    base = words(5, 150)
    longest, near = page("long", " ".join([*base, "andmore"])), page("near", " ".join(base))
    copy = page("copy", " ".join(base).upper())
    lost, _ = clusters_of(engine, similar(), [longest, near, copy], tmp_path)
    assert lost.keys() == {near["id"][:16], copy["id"][:16]}
    assert {survivor for survivor, _ in lost.values()} == {longest["id"][:16]}
    assert len({value for _, value in lost.values()}) == 1


def test_texts_without_words_are_compared_by_their_marks(engine: Session, tmp_path: Path) -> None:
    pages = [page("a", ""), page("b", None), page("c", "…!"), page("d", "…!"), page("e", "word"), page("f", "Word!")]
    lost, facts = clusters_of(engine, similar(), pages, tmp_path)
    pairs = [{one["id"][:16] for one in pair} for pair in (pages[:2], pages[2:4], pages[4:])]
    assert sorted(len(pair & lost.keys()) for pair in pairs) == [1, 1, 1]
    assert facts["documents"] == 6


@pytest.mark.parametrize("files", [1, 2, 7, 64])
def test_partitions_do_not_matter(engine: Session, tmp_path: Path, files: int) -> None:
    pages = corpus()
    for representative in (False, True):
        step = similar(representative=representative)
        got, _ = clusters_of(engine, step, pages, tmp_path / f"a{representative}", files)
        want, _ = clusters_of(engine, step, pages[::-1], tmp_path / f"b{representative}", 3, shards=9)
        assert got == want


def test_an_alarm_stops_the_job(engine: Session, tmp_path: Path) -> None:
    base = words(3, 100)
    bad = [page(f"bad{n}", " ".join([*base, f"n{n}"]), "bad.example") for n in range(300)]
    good = [page(f"good{n}", " ".join(words(n, 50)), "good.example") for n in range(100)]
    with pytest.raises(AlarmError, match=r"one cluster would lose 299 documents, 74\.8%.*least similar are"):
        clusters_of(engine, similar(alarm_from=100), bad + good, tmp_path / "a")
    with pytest.raises(AlarmError, match=r"bad\.example would lose 299 of 300 documents"):
        clusters_of(engine, similar(alarm_from=100, max_cluster_share=1), bad + good, tmp_path / "b")
    step = similar(alarm_from=100, max_cluster_share=1, max_host_share=1)
    lost, _ = clusters_of(engine, step, bad + good, tmp_path / "c")
    assert len(lost) == 299


def test_against_another_corpus(engine: Session, tmp_path: Path) -> None:
    base = words(8, 150)
    old = [page("old", " ".join(base)), page("old copy", " ".join(base))]
    (tmp_path / "other" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(old, schema=OURS), tmp_path / "other" / "data" / "0.parquet")
    new = [
        page("longer", " ".join([*base, "more"])),
        page("same", " ".join(base)),
        page("fresh", " ".join(words(9, 50))),
    ]
    lost, facts = clusters_of(engine, similar(against=str(tmp_path / "other")), new, tmp_path)
    assert lost.keys() == {new[0]["id"][:16], new[1]["id"][:16]}
    assert {survivor for survivor, _ in lost.values()} <= {p["id"][:16] for p in old}
    assert facts["documents"] == 3


def appear(step: MinHash, folder: Path) -> None:
    """The corpus whose keys are in `folder` appears, and so the index learns of it."""
    for name in ("job.json", "ledger.json"):
        (folder / name).write_text("{}")
    index.lay(step, str(folder / "keys"), str(folder), "{}")
    index.settle(step.index)


def test_an_index_remembers_what_was_kept(engine: Session, tmp_path: Path) -> None:
    base = words(8, 150)
    first = [page("a", " ".join(base)), page("b", " ".join(base[:-1])), page("c", " ".join(words(1, 99)))]
    second = [page("d", " ".join([*base, "more", "words"])), page("e", " ".join(words(2, 99)))]
    step = similar(index=str(tmp_path / "index"))
    lost, _ = clusters_of(engine, step, first, tmp_path / "1")
    assert lost.keys() == {first[1]["id"][:16]}
    unknown, _ = clusters_of(engine, step, second, tmp_path / "0")  # its corpus has not appeared
    assert not unknown
    assert not (tmp_path / "index").exists()
    appear(step, tmp_path / "1")
    lost, facts = clusters_of(engine, step, second, tmp_path / "2")
    assert {d: s for d, (s, _) in lost.items()} == {second[0]["id"][:16]: first[0]["id"][:16]}
    assert facts["earlier"] == 1
    again, _ = clusters_of(engine, step, first, tmp_path / "3")
    assert again.keys() == {first[1]["id"][:16]}
    with pytest.raises(UsageError, match="ngram 5 instead of 3"):
        clusters_of(engine, similar(index=str(tmp_path / "index"), ngram=3), second, tmp_path / "4")


def test_copies_with_the_ids_of_their_originals(engine: Session, tmp_path: Path) -> None:
    """A document of before with the same id is another one, and wins as any other; survivors keep their names."""
    base = words(8, 150)
    old = [page("a", " ".join(base)), page("b", " ".join(words(1, 99)))]
    (tmp_path / "old").mkdir()
    pq.write_table(pa.Table.from_pylist(old, schema=OURS), tmp_path / "old" / "0.parquet")
    new = [*old, page("c", " ".join(base[:-1])), page("d", " ".join(words(2, 99)))]
    lost, _ = clusters_of(engine, similar(against=str(tmp_path / "old")), new, tmp_path)
    a, b, c = (one["id"][:16] for one in new[:3])
    assert {doc: survivor for doc, (survivor, _) in lost.items()} == {a: a, b: b, c: a}


def test_too_much_for_memory_is_said_beforehand(
    engine: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.dedup.memory.free", lambda _: 1 << 20)
    with pytest.raises(EngineError, match="--engine spark"):
        clusters_of(engine, similar(), [page("a", "b c")], tmp_path)


def test_children_that_wait_for_tasks_make_room(
    engine: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr("curate.engine.children.close_all", lambda: closed.append(True))
    monkeypatch.setattr("curate.dedup.memory.free", lambda _: 1 << 40 if closed else 1 << 20)
    lost, _ = clusters_of(engine, similar(), [page("a", "b c"), page("b", "b c")], tmp_path)
    assert len(lost) == 1
    assert closed == [True]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"threshold": 0}, "threshold must be"),
        ({"ngram": -1}, "ngram must be at least 0, got -1"),
        ({"members": 0}, "members must be at least 1, got 0"),
        ({"verify": "cosine"}, "verify must be one of containment, jaccard, none, got 'cosine'"),
        ({"minimum": 0}, "minimum must be above 0 and at most 1, got 0"),
        ({"gap": -1}, "gap must be at least 0, got -1"),
        ({"merge_near": "dates"}, "merge_near must be numbers or empty, got 'dates'"),
        ({"representative": True}, "representative needs verify = jaccard, got containment"),
        ({"max_source_share": 2}, "max_source_share must be between 0 and 1, got 2"),
        ({"bands": 3}, "bands and rows go together"),
        ({"representative": True, "verify": False}, "representative needs verify"),
    ],
)
def test_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MinHash(**parameters)


@pytest.mark.parametrize("connect", [True, False])
@pytest.mark.parametrize(("threshold", "near"), [(0.75, True), (math.nextafter(0.75, 1), False)])
def test_a_pair_right_at_the_threshold_is_similar(threshold: float, near: bool, connect: bool) -> None:
    table = pa.table(
        {
            "doc": pa.array([1, 2], pa.int64()),
            "rank": pa.array([0, 1], pa.int64()),
            "component": pa.array([0, 0], pa.int64()),
            "bands": pa.array([[7], [7]], pa.list_(pa.uint64())),
            "shingles": pa.array([[1, 2, 3, 4], [1, 2, 3]], pa.list_(pa.int32())),
        }
    )
    lost, _ = cluster(table, threshold, representative=not connect, limit=8)
    assert lost["value"].to_pylist() == ([0.75] if near else [])
