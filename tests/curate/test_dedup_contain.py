"""Containment: what goes is held by what stays, whatever the partitions and blocks; against an oracle of sets."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.console.terminal import plain
from curate.dedup import MinHash, contain, kernel
from curate.dedup.difference import excerpts, lacking, pieces
from curate.engine.session import EngineOptions, Session, session
from curate.errors import AlarmError
from curate.jobs.dedup import Options, deduplicate
from curate.report.explain import as_json, difference, explain
from curate.report.explain_view import view
from tests.curate.test_dedup_minhash import Page, clusters_of, page, words

pytestmark = pytest.mark.engine
CALM = {"max_cluster_share": 1.0, "max_host_share": 1.0, "max_source_share": 1.0}


@pytest.fixture(scope="module")
def engine() -> Iterator[Session]:
    with session("test", engine="sail", cores=2) as s:
        yield s


def grams(text: str) -> list[tuple[str, ...]]:
    found = kernel.words(text)
    return [tuple(found[i : i + 3]) for i in range(max(1, len(found) - 2))]


def held(text: str, other: str) -> float:
    """The share of the distinct 3-grams."""
    mine, theirs = set(grams(text)), set(grams(other))
    return len(mine & theirs) / len(mine)


def gap(text: str, other: str) -> int:
    """The longest run of words that no 3-gram of the other text covers, by the definition."""
    theirs, found = set(grams(other)), kernel.words(text)
    covered = [False] * len(found)
    for i, gram in enumerate(grams(text)):
        if gram in theirs:
            covered[i : i + 3] = [True] * len(covered[i : i + 3])
    runs = "".join("-" if one else "x" for one in covered).split("-")
    return max(map(len, runs))


def family() -> list[Page]:
    """Texts with tails, holes and replaced words, at all lengths about the limits."""
    base = words(1, 700)
    found = [page("base", " ".join(base)), page("caps", "\n".join(base).upper())]
    for n in range(40):
        text = [*base, *words(50 + n, n % 9)]
        if n % 3 == 0:
            text[100 : 100 + n // 3] = [f"new{n}x{k}" for k in range(n // 3)]
        if n % 4 == 1:
            text = text[n:]
        found.append(page(f"v{n}", " ".join(text)))
    return found


@pytest.mark.parametrize(("files", "block"), [(1, 20_000), (3, 20_000), (2, 13), (5, 13)])
def test_what_goes_is_held(
    engine: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, block: int
) -> None:
    monkeypatch.setattr(contain, "BLOCK", block)
    pages = family()
    texts = {p["id"][:16]: p["text"] for p in pages}
    lost, facts = clusters_of(engine, MinHash(**CALM), pages, tmp_path, files)
    kept = texts.keys() - lost.keys()
    for doc, (survivor, share) in lost.items():
        assert survivor in kept
        assert share == pytest.approx(held(texts[doc], texts[survivor]))
        assert share is not None
        assert share >= 0.99
        assert gap(texts[doc], texts[survivor]) <= 3
        if block > len(pages):
            able = [one for one in kept if gap(texts[doc], texts[one]) <= 3]
            assert share == pytest.approx(max(held(texts[doc], texts[one]) for one in able))
    for doc in kept:
        others = [texts[one] for one in kept - {doc} if len(set(grams(texts[one]))) > len(set(grams(texts[doc])))]
        assert not any(held(texts[doc], one) >= 0.99 and gap(texts[doc], one) <= 3 for one in others)
    assert 5 < len(lost) < len(pages) - 5
    assert sum(facts["held_share"].values()) == len(lost)
    assert facts["large_components"] == (block < len(pages))


def test_slices_do_not_matter(engine: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contain, "BLOCK", 11)
    found = [clusters_of(engine, MinHash(**CALM), family(), tmp_path / str(n), files=n)[0] for n in (1, 4)]
    assert found[0] == found[1]


def test_a_page_in_two_frames_stays_twice(engine: Session, tmp_path: Path) -> None:
    base = " ".join(words(5, 400))
    pages = [
        page("alone", base),
        page("one", f"{base} a comment by one reader of it"),
        page("two", f"{base} and now another remark by somebody else"),
        page("empty", ""),
        page("word", "word"),
        page("word2", "Word!"),
    ]
    lost, facts = clusters_of(engine, MinHash(**CALM), pages, tmp_path)
    names = {
        p["id"][:16]: name for name, p in zip(("alone", "one", "two", "empty", "word", "word2"), pages, strict=True)
    }
    assert sorted(names[doc] for doc in lost if names[doc] not in ("word", "word2")) == ["alone"]
    assert len(lost) == 2  # one of the two that are the same word
    assert facts["gaps"] == 0


def test_the_most_different_text_stays_not_the_longest(engine: Session, tmp_path: Path) -> None:
    base = words(9, 300)
    repeated = page("repeated", " ".join([*base, *base[:40], *base[:40]]))
    more = page("more", " ".join([*base, *words(10, 20)]))
    lost, _ = clusters_of(engine, MinHash(gap=10, minimum=0.98, **CALM), [repeated, more], tmp_path)
    assert {doc: survivor for doc, (survivor, _) in lost.items()} == {repeated["id"][:16]: more["id"][:16]}


def test_numbers(engine: Session, tmp_path: Path) -> None:
    form = "On {} at {} the gauge of the river stood at {} cm, which is {} % above the mean of the last {} years there."
    pages = [page(str(n), " ".join(form.format(n, n + 1, n * 7, f"{n}.5", n + 3) for _ in range(9))) for n in range(6)]
    assert len(clusters_of(engine, MinHash(**CALM), pages, tmp_path / "a")[0]) == 0
    assert len(clusters_of(engine, MinHash(merge_near="numbers", **CALM), pages, tmp_path / "b")[0]) == 5


def test_a_source_that_would_lose_over_half_stops_the_job(engine: Session, tmp_path: Path) -> None:
    small = [{**page(f"s{n}", "  " + text), "source": "small"} for n, text in enumerate(_some(9))]
    large = [{**page(f"l{n}", text + " end"), "source": "large"} for n, text in enumerate(_some(60))]
    with pytest.raises(AlarmError, match=r"source small would lose 9 of 9 documents .limit: max_source_share = 0.5."):
        clusters_of(engine, MinHash(alarm_from=5, max_host_share=1), [*small, *large], tmp_path / "a")
    lost, _ = clusters_of(engine, MinHash(alarm_from=5, **CALM), [*small, *large], tmp_path / "b")
    assert lost.keys() == {p["id"][:16] for p in small}


def _some(count: int) -> list[str]:
    return [" ".join(words(200 + n, 80)) for n in range(count)]


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "É", "東", "京", "...", "x1"]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(WORDS, WORDS)
def test_pieces_are_the_text_and_gaps_are_by_definition(one: Sequence[str], other: Sequence[str]) -> None:
    text, kept = "  ".join(one), " ".join(other)
    found = pieces(text, kept)
    assert "".join(piece.text for piece in found) == text
    assert sum(piece.words for piece in found) == len(kernel.words(text))
    runs = [piece.words for piece in lacking(text, kept)]
    if len(kernel.words(text)) >= 3:
        assert max(runs, default=0) == gap(text, kept)
        a, b = (kernel.fingerprints(pa.array([t]), 3, 1, 1, 1, shingles=True).shingles for t in (text, kept))
        unique = sorted(set(b.tolist()))
        values = pa.array(unique, pa.uint32()).to_numpy()
        assert contain.longest_gap(a, values, 0, len(unique), 3) == gap(text, kept)


def test_the_difference_is_told() -> None:
    base = " ".join(words(3, 200))
    both = difference(f"{base} and a last word", f"{base} End.")
    assert (both.words, both.lacking) == (204, [4])
    shown = excerpts(both.removed)
    assert shown[-1].text == "and a last word"
    assert len("".join(piece.text for piece in shown)) < 140


def test_report_and_explain_show_what_is_not_held(tmp_path: Path) -> None:
    base = " ".join(words(4, 600))
    rows = [
        {"id": "long", "text": f"{base} End of <b>it</b>", "url": "https://a.example/long"},
        {"id": "other", "text": f"{base} Fin.", "url": "https://a.example/other"},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = Options(str(tmp_path / "a.jsonl"), str(tmp_path / "out"), keep_rejected=True, command=())
    ledger = deduplicate(options, EngineOptions(engine="sail", quiet=True))
    assert ledger["dedup"][0]["held_share"] == {"0.99": 1}
    report = (tmp_path / "out" / "report.html").read_text()
    section = report[report.index('<section id="held"') :].split("</section>")[0]
    assert "<del>Fin.</del>" in section
    assert "<del>End of &lt;b&gt;it&lt;/b&gt;</del>" in section
    (found,) = explain(str(tmp_path / "out"), "https://a.example/other")
    (told,) = as_json(found)["differences"].values()
    assert told == {"words": 601, "lacking": 1, "longest": 1, "runs": ["Fin."]}
    text = "\n".join(plain(part) for part in view(found, colours=False))
    assert "601 words: 1 of them do not stand in the text that stays, in 1 places; 1 in a row at most" in text
    assert "[-Fin.-]" in text
    assert "{+End of <b>it</b>+}" in text
