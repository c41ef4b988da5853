"""Exact substrings: equal to a quadratic oracle, whatever the files; cuts between words; every run with its place."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.corpus import schema
from curate.corpus.shards import shard_of
from curate.dedup import Removal, Substrings, repeated
from curate.dedup.base import doc64, doc_hex, survivor_rank
from curate.dedup.index import keys_of_corpus
from curate.dedup.repeated import flat, partition, removed, runs
from curate.dedup.substrings import cut
from curate.dedup.windows import spans
from curate.engine.session import EngineOptions
from curate.filters.base import Document
from curate.jobs.dedup import Options, deduplicate
from tests.linear import assert_linear

Row = dict[str, Any]


def words(text: str) -> list[str]:
    data = text.encode()
    return [data[a:b].decode() for a, b in zip(*spans(data), strict=True)]


def windows(found: Sequence[str], length: int, unit: str, text: str) -> list[tuple[str, ...]]:
    """By the definition: from each word the fewest that reach the length, as long as there are enough."""
    if unit == "token":
        return [tuple(found[i : i + length]) for i in range(len(found) - length + 1)]
    data = text.encode()
    starts, ends = (side.tolist() for side in spans(data))
    made = []
    for i in range(len(found)):
        reach = [j for j in range(i, len(found)) if ends[j] - starts[i] >= length]
        if reach:
            made.append(tuple(found[i : reach[0] + 1]))
    return made


def oracle(rows: Sequence[Row], length: int, unit: str) -> dict[str, set[int]]:
    """{id: words that go}: those in a window that stands at another place before, but for those of a window that stands
    elsewhere later."""
    ranks = survivor_rank(
        pa.RecordBatch.from_pylist(list(rows), pa.schema([("id", pa.string()), ("text", pa.string())]))
    )
    docs = doc64([row["id"] for row in rows]).tolist()
    order = sorted(range(len(rows)), key=lambda n: (ranks[n], docs[n]))
    first: dict[tuple[str, ...], tuple[str, int]] = {}
    gone: dict[str, set[int]] = defaultdict(set)
    kept: dict[str, set[int]] = defaultdict(set)
    for n in order:
        found = words(rows[n]["text"])
        for at, window in enumerate(windows(found, length, unit, rows[n]["text"])):
            if window in first:
                gone[rows[n]["id"]] |= set(range(at, at + len(window)))
                owner, place = first[window]
                kept[owner] |= set(range(place, place + len(window)))
            else:
                first[window] = rows[n]["id"], at
    left = {name: there - kept[name] for name, there in gone.items()}
    return {name: there for name, there in left.items() if there}


def found(rows: Sequence[Row], step: Substrings, files: int, partitions: int) -> list[Row]:
    """The runs that the stages find, without an engine."""
    tables = [flat(step.keys(pa.RecordBatch.from_pylist(list(rows[n::files]), SCHEMA))) for n in range(files)]
    table = pa.concat_tables(tables)
    part = partition(table["hi"].to_numpy(), partitions)
    lost = [removed(table.filter(pa.array(part == n)))[0] for n in range(partitions)]
    return runs(pa.concat_tables(lost)).to_pylist()


SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string())])


class Here:
    """A session that runs tasks in this process."""

    def run(self, function: Any, tasks: Sequence[Any]) -> Any:
        return map(function, tasks)


@pytest.mark.parametrize("names", [["a.jsonl"], ["z/part-9.jsonl", "b.jsonl"], ["3.json", "1.jsonl", "2.jsonl"]])
@pytest.mark.parametrize("own_ids", [True, False])
def test_what_the_other_corpus_holds_goes_whatever_its_files_and_ids(
    tmp_path: Path, names: list[str], own_ids: bool
) -> None:
    other = [" ".join(f"o{n}x{k}" for k in range(40 + n)) for n in range(6)]
    held = other[2].split()[10:35]
    texts = [
        " ".join(["one", *held, "two"]),
        " ".join([*held, "three", *held[:4]]),
        "\n".join(other[4].split()),
        other[0][:20],
    ]
    rows = [{"id": f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" + "0" * 16, "text": text} for n, text in enumerate(texts)]
    for n, name in enumerate(names):
        part = [
            {"id": rows[k % 4]["id"] if own_ids else f"o{k}", "text": text}
            for k, text in enumerate(other)
            if k % len(names) == n
        ]
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    step = Substrings(length=10)
    folder = keys_of_corpus(Here(), step, str(tmp_path / "other"), str(tmp_path / "keys"))  # type: ignore[arg-type]
    before = flat(pq.read_table(folder))
    own = flat(step.keys(pa.RecordBatch.from_pylist(rows, SCHEMA)))
    gone = runs(removed(pa.concat_tables([before, own]))[0]).to_pylist()
    named = {row["id"][:16]: number for number, row in enumerate(rows)}
    assert sorted((named[doc_hex(run["doc"])], run["pos"], run["value"]) for run in gone) == [
        (0, 1, 25),
        (1, 0, 25),
        (2, 0, 44),
    ]


def test_the_same_corpus_holds_all_of_itself(tmp_path: Path) -> None:
    rows = [{"id": f"{n:016x}" + "0" * 16, "text": " ".join(f"w{n}x{k}" for k in range(40))} for n in range(3)]
    ours = pa.Table.from_pylist(
        [{**row, "source": "s", "file": "f", "offset": 0} for row in rows], schema.published("web", [])
    )
    pq.write_table(ours, tmp_path / "other.parquet")
    step = Substrings(length=10)
    folder = keys_of_corpus(Here(), step, str(tmp_path / "other.parquet"), str(tmp_path / "keys"))  # type: ignore[arg-type]
    both = pa.concat_tables([flat(step.keys(pa.RecordBatch.from_pylist(rows, SCHEMA))), flat(pq.read_table(folder))])
    gone = runs(removed(both)[0]).to_pylist()
    assert [(run["doc"], run["pos"], run["value"], run["survivor"], run["place"]) for run in gone] == [
        (n, 0, 40, n, 0) for n in range(3)
    ]


WORD = st.sampled_from(["a", "b", "c", "naïve", "東", "京", "กี", "🙂", "x́"])
TEXTS = st.lists(st.lists(WORD, max_size=25).map(" ".join), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(2, 6), st.sampled_from(["token", "byte"]), st.integers(1, 3))
def test_as_the_quadratic_oracle(texts: list[str], length: int, unit: str, files: int) -> None:
    rows = [{"id": f"{n * 0x9E3779B97F4A7C15 % 2**64:016x}" + "0" * 16, "text": text} for n, text in enumerate(texts)]
    step = Substrings(length=length, unit=unit)
    gone: dict[str, set[int]] = defaultdict(set)
    by_doc = {row["id"][:16]: row for row in rows}
    for run in found(rows, step, files, 2):
        here, there = (by_doc[doc_hex(run[name])] for name in ("doc", "survivor"))
        first, count = run["pos"], int(run["value"])
        assert words(here["text"])[first : first + count] == words(there["text"])[run["place"] : run["place"] + count]
        assert not gone[here["id"]] & set(range(first, first + count))
        gone[here["id"]] |= set(range(first, first + count))
    assert dict(gone) == oracle(rows, length, unit)
    for row in rows:
        lost = sorted(gone.get(row["id"], set()))
        text, _, left = cut(row["text"], [(at, at + 1) for at in lost])
        assert words(text) == [word for at, word in enumerate(words(row["text"])) if at not in set(lost)]
        assert left == len(words(text))
    stays = [step.apply(Document(row["id"], row["text"]), _removal(gone.get(row["id"], set()))) for row in rows]
    kept = [one.doc.text for one in stays if one.reason is None]
    held = {window for text in kept for window in windows(words(text), length, unit, text)}
    every = Counter(window for row in rows for window in windows(words(row["text"]), length, unit, row["text"]))
    assert held.issuperset(window for window, times in every.items() if times > 1)


@pytest.mark.parametrize("partition_of", [4_000_000, 20])
@pytest.mark.parametrize("shards", [1, 3])
def test_the_stages_tell_what_they_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partition_of: int, shards: int
) -> None:
    """The facts of the ledger by plain counting, and each document's losses in the folder of its shard."""
    monkeypatch.setattr(repeated, "PARTITION", partition_of)
    dice = random.Random(3)
    rows = [
        {
            "id": f"{dice.getrandbits(64):016x}" + "0" * 16,
            "text": " ".join(dice.choices("abcdef", k=dice.randrange(30))),
        }
        for _ in range(12)
    ]
    step = Substrings(length=3)
    (tmp_path / "keys").mkdir()
    for n in range(2):
        keys = step.keys(pa.RecordBatch.from_pylist(rows[n::2], SCHEMA))
        pq.write_table(keys, tmp_path / "keys" / f"{n}.parquet")
    facts = repeated.resolve(Here(), step, str(tmp_path / "keys"), str(tmp_path / "lost"), shards)  # type: ignore[arg-type]
    every = Counter(window for row in rows for window in windows(words(row["text"]), 3, "token", row["text"]))
    assert facts["windows"] == every.total()
    assert facts["repeated"] == sum(times > 1 for times in every.values())
    assert facts["lost_windows"] == every.total() - len(every)
    assert facts["partitions"] == -(-every.total() // partition_of)
    lost = [
        (path.parent.name, row)
        for path in (tmp_path / "lost").rglob("*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    assert (facts["runs"], facts["words"]) == (len(lost), sum(row["value"] for _, row in lost))
    assert facts["documents_cut"] == len({row["doc"] for _, row in lost})
    assert {folder for folder, _ in lost} == {f"shard={shard_of(doc_hex(row['doc']), shards)}" for _, row in lost}
    assert all(folder == f"shard={shard_of(doc_hex(row['doc']), shards)}" for folder, row in lost)
    gone: dict[str, set[int]] = defaultdict(set)
    for _, row in lost:
        gone[doc_hex(row["doc"]) + "0" * 16] |= set(range(row["pos"], row["pos"] + int(row["value"])))
    assert dict(gone) == oracle(rows, 3, "token")
    assert not (tmp_path / "lost.work").exists()


def _removal(gone: set[int]) -> list[Removal]:
    return [Removal(at, None, 1.0) for at in sorted(gone)]


@pytest.mark.parametrize("unit", ["token", "byte"])
def test_one_word_repeated_stays_as_one_run(unit: str) -> None:
    """A window that overlaps its own first place would else take that away, too."""
    rows = [{"id": f"{n:016x}" + "0" * 16, "text": "word " * 10_000} for n in range(2)]
    gone = found(rows, Substrings(unit=unit), 2, 2)
    length = 50 if unit == "token" else 11
    assert next((run["pos"], run["value"], run["place"]) for run in gone if run["doc"] == 1) == (0, length, 0)
    assert sum(run["value"] for run in gone if run["doc"] == 0) == 10_000 - length
    assert len(gone) <= 2 * (10_000 / length + 1)


def test_words() -> None:
    assert words(" a\u00a0bc\u3000東京。กี x́y\n") == ["a", "bc", "東京。", "กี", "x́y"]
    assert words("我们喜欢机器学习。") == ["我们", "喜欢", "机器", "学习。"]
    assert words("ฉันชอบกินข้าว ok") == ["ฉัน", "ชอบ", "กิน", "ข้าว", "ok"]
    assert words("བཀྲ་ཤིས་བདེ།") == ["བཀྲ", "ཤིས", "བདེ།"]
    assert words("") == words(" \n") == []
    assert words("\u0301 a") == ["\u0301", "a"]


@pytest.mark.parametrize(
    "known", ["我们 孩子 学校 学习 数学 图书馆 下午 北京 昨天 喜欢", "ฉัน ชอบ กิน ข้าว โรงเรียน หนังสือ เด็ก เรียน บ้าน น้ำ"]
)
def test_no_word_is_cut_where_no_spaces_stand(known: str) -> None:
    generator = random.Random(3)
    shared, other, last = ("".join(generator.choices(known.split(), k=k)) for k in (80, 60, 9))
    rows = [
        {"id": f"{n:016x}" + "0" * 16, "text": text}
        for n, text in enumerate((other + shared + last[3:], shared + last[:-2]))
    ]
    (run,) = found(rows, Substrings(length=50), 1, 1)
    here, there = words(rows[1]["text"]), words(rows[0]["text"])
    first, end = run["pos"], run["pos"] + int(run["value"])
    assert here[first:end] == there[run["place"] : run["place"] + end - first]
    assert len(words(shared)) - 2 <= end - first <= len(words(shared))
    text, _, _ = cut(rows[1]["text"], [(first, end)])
    assert text == "".join(here[:first] + here[end:])


TEXT = "One two three. Four five six. Seven\neight. Nine. Ten.\nEnd here."


@pytest.mark.parametrize(
    ("ends", "run", "left"),
    [
        ("word", (4, 9), "One two three. Four\nTen.\nEnd here."),
        ("word", (9, 12), "One two three. Four five six. Seven\neight. Nine."),
        ("word", (0, 7), "eight. Nine. Ten.\nEnd here."),
        ("sentence", (4, 9), "One two three. Four five six.\nTen.\nEnd here."),
        ("sentence", (2, 7), "One two three.\neight. Nine. Ten.\nEnd here."),
        ("line", (4, 9), TEXT),
        ("line", (4, 11), "One two three. Four five six. Seven\nEnd here."),
    ],
)
def test_where_cuts_end(ends: str, run: tuple[int, int], left: str) -> None:
    assert cut(TEXT, [run], ends)[0] == left


def test_a_text_with_little_left_is_dropped() -> None:
    step, text = Substrings(least=3), "a b c d e f"
    assert step.apply(Document("1", text), [Removal(0, 7, 3.0)]).doc.text == "d e f"
    decision = step.apply(Document("1", text), [Removal(0, 7, 4.0)])
    assert (decision.reason, decision.value, decision.removed) == ("little_left", 2.0, {"repeated": 1})
    assert replace(step, least=0).apply(Document("1", text), [Removal(0, 7, 6.0)]).reason == "little_left"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"length": 1}, "length must lie between 2 and 1000, got 1"),
        ({"unit": "character"}, "unit must be one of token, byte, got 'character'"),
        ({"ends": "page"}, "ends must be one of word, sentence, line, got 'page'"),
        ({"least": -1}, "least must be at least 0, got -1"),
        ({"index": "x"}, "have no index"),
    ],
)
def test_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Substrings(**parameters)


@pytest.mark.parametrize("unit", ["token", "byte"])
def test_linear(unit: str) -> None:
    step = Substrings(unit=unit)
    step.keys(pa.RecordBatch.from_pylist([{"id": "0" * 32, "text": "a b"}], SCHEMA))
    kinds = {
        "one word": lambda size, salt: f"w{salt:06d} " * (size // 8),
        "no space": lambda size, salt: f"{salt:06d}" + "x" * size,
        "different words": lambda size, salt: " ".join(f"{n:06d}{salt:06d}" for n in range(size // 13)),
    }
    for name, text in kinds.items():
        assert_linear(lambda size, salt, text=text: _work(step, text(size, salt)), name, 1 << 18)


def _work(step: Substrings, text: str) -> Any:
    batch = pa.RecordBatch.from_pylist([{"id": f"{n:016x}" + "0" * 16, "text": text} for n in range(2)], SCHEMA)
    return lambda: runs(removed(flat(step.keys(batch)))[0])


@pytest.mark.engine
def test_as_a_job(tmp_path: Path) -> None:
    shared = " ".join(f"s{n}" for n in range(60))
    own = {name: " ".join(f"{name}{n}" for n in range(30)) for name in "abcd"}
    texts = {
        "a": f"{own['a']} {own['b']}\n{shared}\n{own['c']} the end",
        "b": f"{own['d']} x1 x2\n{shared}",
        "c": shared.replace(" ", "\n"),
        "d": "",
        "e": " ".join(own["a"].split()[:40]),
    }
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"id": k, "text": t}) + "\n" for k, t in texts.items()))
    options = Options(str(tmp_path / "in.jsonl"), str(tmp_path / "out"), "substring", {}, True, command=())
    ledger = deduplicate(options, EngineOptions(engine="sail", quiet=True))
    assert ledger["rejected"] == {"Substrings.little_left": 1}
    rows = pq.read_table(tmp_path / "out" / "data").to_pylist()
    assert sorted(row["text"] for row in rows if row["text"])[-1] == f"{own['d']} x1 x2"
    assert shared in next(row["text"] for row in rows if row["text"].startswith("a0"))
    evidence = pq.read_table(tmp_path / "out" / "duplicates").to_pylist()
    assert sorted((row["pos"], row["value"], row["place"]) for row in evidence) == [(0, 60.0, 60), (32, 60.0, 60)]
    assert (ledger["dedup"][0]["runs"], ledger["dedup"][0]["words"]) == (2, 120)
