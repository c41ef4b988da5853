"""Token files and streams: nothing dropped, nothing depends on the layout of files, resume by step."""

import io
import itertools
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

from train_probe import budget, config, objectives, prepare, tokenizer
from train_probe.config import ModelConfig
from train_probe.data import DOCUMENTS, Stream, TokenFile, part_of, prefetch, segments
from train_probe.errors import ProbeError
from train_probe.request import UNEVEN, Request
from train_probe.train import ledger

BYTES = tokenizer.from_merges([])


def rows(count=60):
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]
    return [
        {
            "id": f"{i:032x}",
            "text": " ".join(words[(i * k) % 8] for k in range(1, 4 + i % 17)) + f" {i}",
            "source": ("web", "code", "books")[i % 3],
        }
        for i in range(count)
    ]


def write(folder, parts):
    folder.mkdir(parents=True)
    for i, part in enumerate(parts):
        pq.write_table(pa.Table.from_pylist(part), folder / f"part-{i}.parquet")
    return folder


def token_file(tmp_path, parts, name="a"):
    out = tmp_path / f"{name}-tokens"
    prepare.write_tokens(prepare.read(write(tmp_path / name, parts)), BYTES, out)
    return TokenFile.open(out)


def test_the_layout_of_files_changes_nothing(tmp_path):
    all_rows = rows()
    a = token_file(tmp_path, [all_rows], "a")
    b = token_file(tmp_path, [all_rows[40:], all_rows[:40][::-1]], "b")
    for name in ("tokens.bin", "documents.npy", "meta.json"):
        assert (a.path / name).read_bytes() == (b.path / name).read_bytes()


def test_every_token_of_an_epoch_comes_exactly_once(tmp_path):
    file = token_file(tmp_path, [rows()])
    stream = Stream(file, 3)
    for epoch in range(2):
        seen = stream.read(epoch * stream.length, stream.length)
        documents = np.split(seen, np.flatnonzero(seen == file.end))[1:]
        assert sorted(d.tobytes() for d in documents) == sorted(
            file.document(i).astype(np.int64).tobytes() for i in range(len(file.documents))
        )
    assert (stream.read(0, stream.length) != stream.read(stream.length, stream.length)).any()


def test_batches_are_cut_from_the_stream_end_to_end(tmp_path):
    stream = Stream(token_file(tmp_path, [rows()]), 0)
    width, count = 16, 4
    whole = stream.read(0, 3 * count * width + 1)
    targets = np.concatenate([stream.batch(s, count, width)[:, 1:].ravel() for s in range(3)])
    assert (targets == whole[1:]).all()
    again = Stream(stream.file, 0).batch(2, count, width, first=1, take=2)
    assert (again == stream.batch(2, count, width)[1:3]).all()


@pytest.mark.parametrize("tokens", [1, 100, 777, 2500, 6000])
def test_the_ledger_is_what_a_recount_of_the_stream_finds(tmp_path, tokens):
    file = token_file(tmp_path, [rows()])
    stream = Stream(file, 5)
    owner = {file.document(i).tobytes(): file.sources[file.documents["source"][i]] for i in range(len(file.documents))}
    longer = stream.read(0, tokens + 400)
    starts = np.append(np.flatnonzero(longer == file.end), len(longer))
    counted = dict.fromkeys(file.sources, 0)
    for begin, finish in itertools.pairwise(starts):
        source = owner.get(longer[begin:finish].astype(file.tokens.dtype).tobytes())
        if source is not None and begin < tokens:
            counted[source] += int(min(finish, tokens) - begin)
    found = ledger(stream, tokens)
    assert {k: v["seen"] for k, v in found.items()} == counted
    assert sum(v["seen"] for v in found.values()) == tokens
    longest = int(file.documents["tokens"].max())
    assert all(abs(v["seen"] - v["asked"]) <= 2 * longest for v in found.values())


def test_documents_that_two_corpora_share_come_in_the_same_order(tmp_path):
    all_rows = rows()
    a = token_file(tmp_path, [all_rows], "a")
    b = token_file(tmp_path, [[r for i, r in enumerate(all_rows) if i % 4]], "b")
    orders = [[int(f.documents["key"][i]) for i in Stream(f, 9)._epoch(0)[0]] for f in (a, b)]
    for source in a.sources:
        sequences = []
        for file, order in zip((a, b), orders, strict=True):
            of = {int(d["key"]): file.sources[d["source"]] for d in file.documents}
            sequences.append([k for k in order if of[k] == source and k in set(orders[1])])
        assert sequences[0] == sequences[1]


def test_parts_are_apart_and_whole_and_have_the_proportions_of_the_corpus(tmp_path):
    all_rows = [r for r in rows(240) for _ in range(1 + (r["source"] == "code"))]  # code comes twice
    file = token_file(tmp_path, [all_rows])
    parts = [Stream(file, 3, part, 4) for part in range(4)]
    owner = {}
    for number, stream in enumerate(parts):
        for key in stream.documents["key"]:
            assert owner.setdefault(int(key), number) == number  # copies stay together
        epoch = stream.read(0, stream.length)
        assert int((epoch == file.end).sum()) == len(stream.documents)
    assert sum(len(s.documents) for s in parts) == len(file.documents)
    longest = 2 * int(file.documents["tokens"].max())
    for stream in parts:
        assert stream.length == pytest.approx(file.meta["tokens"] / 4, abs=3 * longest)
        for source, row in ledger(stream, stream.length).items():
            assert row["seen"] == pytest.approx(row["asked"], abs=2 * longest), source
        epochs = {source: row["epochs"] for source, row in ledger(stream, stream.length).items()}
        assert epochs == {"web": 1.0, "books": 1.0, "code": 2.0}


def test_a_document_of_two_corpora_is_mostly_in_the_same_part(tmp_path):
    all_rows = rows(400)
    a = token_file(tmp_path, [all_rows], "a")
    b = token_file(tmp_path, [[r for i, r in enumerate(all_rows) if i % 3]], "b")
    homes = [
        dict(zip(f.documents["key"].tolist(), part_of(f.documents, f.sources, 3).tolist(), strict=True)) for f in (a, b)
    ]
    same = [homes[0][key] == home for key, home in homes[1].items()]
    assert np.mean(same) > 0.85


def test_an_empty_part_is_refused(tmp_path):
    file = token_file(tmp_path, [rows(1)])
    with pytest.raises(ProbeError, match="holds no documents"):
        [Stream(file, 0, part, 2) for part in range(2)]


def test_parts_follow_from_the_text_there_is(tmp_path):
    file = token_file(tmp_path, [rows(60)])
    tokens, files = file.meta["tokens"], {"a": file}
    assert budget.parts("auto", 3, {"a": tokens // 5}, files) == 3  # one for each seed, however much text there is
    assert budget.parts("auto", 3, {"a": tokens // 2}, files) == 1  # not enough for three
    assert budget.parts("apart", 3, {"a": tokens // 2}, files) == 3
    assert budget.parts("shared", 3, {"a": tokens // 5}, files) == 1
    assert budget.parts("auto", 1, {"a": 1}, files) == 1
    budget.check_seeds(budget.Budget(1, 1, 5), 5)
    with pytest.raises(ProbeError, match="parts for the 5 seeds"):
        budget.check_seeds(budget.Budget(1, 1, 5), 6)


def corpus(tmp_path, name, sizes):
    """A token file with documents of these sizes (tokens) by source."""
    docs = [
        prepare.Text(prepare.hash64(f"{source}{i}"), 1000 * n + i, "x" * (size - 1), source)
        for n, (source, some) in enumerate(sizes.items())
        for i, size in enumerate(some)
    ]
    prepare.write_tokens(docs, BYTES, tmp_path / name)
    return TokenFile.open(tmp_path / name)


SIZES = {
    "few long": {"code": [40_000] * 12, "web": [400] * 540},
    "uneven": {"code": [90_000, 60_000, 30_000, 30_000, 30_000, 30_000, 9_000, 9_000], "web": [500] * 260},
    "rare": {"a": [300] * 3000, "b": [300] * 40, "c": [300] * 9},
}


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("seeds", [2, 3, 4])
def test_every_seed_reads_of_each_source_what_was_asked(tmp_path, name, seeds):
    """Also where a source has few and long documents: a part is dealt its share of them."""
    file = corpus(tmp_path, "t", SIZES[name])
    tokens = int(file.meta["tokens"]) // seeds
    cut = budget.parts("auto", seeds, {"a": tokens}, {"a": file})
    for seed in range(seeds):
        for source, row in ledger(Stream(file, seed, seed % cut, cut), tokens).items():
            assert abs(row["seen"] - row["asked"]) <= UNEVEN * tokens, (source, cut, row)


def test_two_long_documents_of_a_source_are_dealt_to_two_parts(tmp_path):
    file = corpus(tmp_path, "t", {"code": [50_000, 30_000, 20_000, 100], "web": [100] * 1000})
    home = part_of(file.documents, file.sources, 2)
    loads = np.bincount(home[file.documents["source"] == 0], file.documents["tokens"][file.documents["source"] == 0])
    assert sorted(loads) == [50_000, 50_100]


def settings_of(**changes):
    return Request(mixtures={"a": "a"}, preset="nano", **changes)


def decided(file, **changes):
    return budget.decide(settings_of(**changes), config.preset("nano"), {"a": file}, 0, 0, lambda: 0)


def test_a_share_that_can_not_be_kept_stops_the_run(tmp_path):
    """One document is most of a source: no part, and no short run, has the share that was asked."""
    file = corpus(tmp_path, "t", {"code": [400_000], "web": [500] * 800})
    with pytest.raises(ProbeError, match=r"would read \d+% of 'code' where 50% was asked"):
        decided(file, tokens=100_000)
    assert decided(file, tokens=800_000, seeds=2).parts == 1
    assert decided(file, tokens=100_000, max_uneven=1.0).parts == 1


def test_budgets_beyond_the_text_are_refused(tmp_path):
    file = corpus(tmp_path, "t", {"web": [500] * 100})
    with pytest.raises(ProbeError, match=r"400\.\d times, more than 4; give --tokens 200K"):
        decided(file, tokens=20_000_000)
    with pytest.raises(ProbeError, match="more than 4"):
        decided(file)  # 20 tokens a weight
    assert decided(file, tokens=200_000).tokens >= 200_000
    assert decided(file, tokens=400_000, max_epochs=9).steps == 196
    with pytest.raises(ProbeError, match="its part's"):
        decided(file, tokens=200_000, documents="apart", seeds=4)


@pytest.mark.parametrize("sizes", [(399, 96), (100, 100), (399, 4_000), (20, 30)])
@pytest.mark.parametrize("cut", ["shared", "apart"])
def test_the_budget_that_is_advised_fits_all_corpora(tmp_path, sizes, cut):
    """It was rounded to the next number of three digits, and held for the first corpus alone."""
    files = {name: corpus(tmp_path, name, {"web": [100] * n}) for name, n in zip("ab", sizes, strict=True)}

    def asked(tokens):
        question = replace(
            settings_of(tokens=tokens, documents=cut, seeds=2, max_uneven=1.0), mixtures={"a": "a", "b": "b"}
        )
        return budget.decide(question, config.preset("nano"), files, 0, 0, lambda: 0)

    with pytest.raises(ProbeError, match="more than 4; give --tokens") as error:
        asked(50_000_000)
    advised = re.search(r"--tokens ([\d.]+)(K?),", str(error.value))
    assert asked(round(float(advised[1]) * (1000 if advised[2] else 1))).tokens
    with pytest.raises(ProbeError, match="more than 4; give more text"):
        budget.decide(
            settings_of(tokens=9_000),
            config.preset("nano"),
            {"a": corpus(tmp_path, "c", {"web": [100]})},
            0,
            0,
            lambda: 0,
        )


def test_a_budget_in_bytes_gives_each_corpus_as_much_text(tmp_path):
    """The shipped tokenizer has more bytes a token for one text than for the other."""
    ids = tokenizer.shipped(4096)
    words, files = {"prose": "the house of the old man was near the water ", "code": "x=f(a[0]);y:=q<<2&&z "}, {}
    for name, text in words.items():
        docs = [prepare.Text(i, i, text * 12 + str(i), name) for i in range(400)]
        prepare.write_tokens(docs, ids, tmp_path / name)
        files[name] = TokenFile.open(tmp_path / name)
    found = budget.decide(settings_of(bytes=100_000), config.preset("nano"), files, 0, 0, lambda: 0)
    assert found.unit == "bytes"
    assert found.steps_of("code") > 1.5 * found.steps_of("prose")
    for name, file in files.items():
        read = Stream(file, 0).bytes_of(found.steps_of(name) * 2048)
        assert read == pytest.approx(100_000, rel=0.06), name


def test_bytes_of_a_stream_are_those_of_its_documents(tmp_path):
    file = token_file(tmp_path, [rows(60)])
    stream = Stream(file, 1)
    assert stream.bytes_of(stream.length) == stream.bytes_of(2 * stream.length) / 2 == file.meta["bytes"]
    assert stream.bytes_of(0) == 0
    assert stream.bytes_of(1000) == pytest.approx(1000 - (stream.read(0, 1000) == file.end).sum(), abs=2)


def test_held_out_documents_and_their_copies_are_not_trained_on(tmp_path):
    all_rows = rows()
    copies = [{**r, "id": f"{i + 5000:032x}"} for i, r in enumerate(all_rows)]
    folder = write(tmp_path / "a", [all_rows, copies])
    chosen = prepare.choose_held_out([folder], 10_000, 0.1)
    held = prepare.HeldOut(chosen)
    meta = prepare.write_tokens(prepare.read(folder), BYTES, tmp_path / "t", held)
    assert meta["skipped"]["held out"] == 2 * len(chosen) > 0
    assert {d.source for d in chosen} == {"web", "code", "books"}
    file = TokenFile.open(tmp_path / "t")
    texts = {bytes(BYTES.encode([d.text])[0]) for d in chosen}
    assert not texts & {bytes(list(file.document(i)[1:])) for i in range(len(file.documents))}


def test_a_token_file_that_is_none_is_named(tmp_path):
    with pytest.raises(ProbeError, match="not a token file"):
        TokenFile.open(tmp_path)


def test_preparing_holds_a_row_a_document_and_no_text(tmp_path, monkeypatch):
    """Twice the documents, 4 MB more of text: the peak is up by a few dozen bytes a document."""
    monkeypatch.setattr(prepare, "_PIECE", 1 << 14)
    ids = tokenizer.from_merges([])

    def peak(count):
        docs = (prepare.Text(prepare.hash64(str(i)), i, f"{i} " + "x y " * 500, "s") for i in range(count))
        tracemalloc.start()
        prepare.write_tokens(docs, ids, tmp_path / str(count))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)  # what is loaded once
    assert peak(4000) - peak(2000) < 2000 * 300


def test_special_tokens_inside_a_text_are_text():
    ids = tokenizer.shipped(1024).encode(["a<|endoftext|>b<|mask|>"])[0]
    assert min(ids) >= 3


def test_smaller_vocabularies_are_prefixes():
    small, large = tokenizer.shipped(512), tokenizer.shipped(4096)
    assert tokenizer.merges(large)[: len(tokenizer.merges(small))] == tokenizer.merges(small)


def test_segments_count_documents_of_a_row():
    assert segments(np.array([[5, 0, 6, 0], [0, 7, 0, 8]]), 0).tolist() == [[0, 1, 1, 2], [0, 0, 1, 1]]


def test_span_corruption_can_be_undone():
    c = ModelConfig(family="t5", vocab=384, context=64)
    original = np.random.Generator(np.random.PCG64(1)).integers(3, 250, (5, 65))
    batch = objectives.spans(c, original, 0, 7, 11)
    for row, inputs, targets in zip(original, batch["inputs"], batch["targets"], strict=True):
        spans, current = {}, None
        for t in targets[:-1]:
            if t >= 284:
                current = spans.setdefault(int(t), [])
            else:
                current.append(int(t))
        restored = [x for t in inputs for x in (spans[int(t)] if int(t) in spans else [int(t)])]
        assert restored == row[:-1].tolist()
        assert sum(map(len, spans.values())) == round(0.15 * 64)


def test_masking_depends_on_the_row_alone():
    original = np.random.Generator(np.random.PCG64(1)).integers(3, 250, (6, 33))
    whole = objectives.mlm(original, 0, 1, 259, 3, 10)
    part = objectives.mlm(original[2:4], 0, 1, 259, 3, 12)
    assert (whole["tokens"][2:4] == part["tokens"]).all()
    assert (np.take_along_axis(original, whole["places"], 1) == whole["targets"]).all()


def test_errors_of_the_reading_thread_reach_the_caller():
    def make(step):
        if step == 2:
            raise ValueError("disk")
        return step

    got = []

    def read() -> None:
        for x in prefetch(make, 0, 5):
            got.append(x)

    with pytest.raises(ValueError, match="disk"):
        read()
    assert got == [0, 1]


@pytest.mark.parametrize(
    "meta", ["[]", "{}", '{"dtype": "|O", "tokens": 1, "documents": 0}', '{"dtype": ["<u2"]}', '{"dtype": "<u2"}']
)
def test_what_a_stranger_s_meta_may_say(tmp_path, meta):
    (tmp_path / "meta.json").write_text(meta)
    (tmp_path / "tokens.bin").write_bytes(b"12345678")
    np.save(tmp_path / "documents.npy", np.zeros(0, DOCUMENTS))
    with pytest.raises(ProbeError, match="not a token file"):
        TokenFile.open(tmp_path)


def test_what_a_stranger_s_array_may_say(tmp_path):
    folder = token_file(tmp_path, [rows(9)]).path
    whole = (folder / "documents.npy").read_bytes()
    for broken in (
        whole.replace(b"}", b"{", 1),
        whole.replace(b"(", b"9", 1),
        whole[:100],
        whole.replace(b"descr", b"des\0r"),
    ):
        (folder / "documents.npy").write_bytes(broken)
        with pytest.raises(ProbeError, match="not a token file"):
            TokenFile.open(folder)
    documents = np.load(io.BytesIO(whole))
    for field, value in (("start", 1 << 40), ("tokens", 1 << 30), ("tokens", -1), ("source", 3)):
        other = documents.copy()
        other[field][2] = value
        np.save(folder / "documents.npy", other)
        with pytest.raises(ProbeError, match="not in it"):
            TokenFile.open(folder)
