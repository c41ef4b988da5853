"""Bits per byte in parts: they add up, and each byte has its class, position and document."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from train_probe import breakdown, prepare, tokenizer
from train_probe.data import TokenFile

BYTES = tokenizer.from_merges([])
SHIPPED = tokenizer.shipped(4096)


def doc(text, source="s", language=""):
    key = prepare.hash64(text)
    return prepare.Text(key, key, text, source, language)


def opened(docs, ids, folder):
    prepare.write_tokens(docs, ids, folder)
    file = TokenFile.open(folder)
    breakdown.write(docs, ids, file)
    return file


def test_every_byte_has_its_class():
    text = "Ab1 é, see https://a.example/x?y=1 or www.b.example\n再"
    names = [breakdown.CLASSES[i] for i in breakdown.byte_classes(text)]
    data = text.encode()
    assert len(names) == len(data)
    of = {c: bytes(b for b, n in zip(data, names, strict=True) if n == c) for c in breakdown.CLASSES}
    assert of["URLs"] == b"https://a.example/x?y=1www.b.example"
    assert of["letters"] == b"Abseeor"
    assert of["digits"] == b"1"
    assert of["punctuation"] == b","
    assert of["white space"] == b"     \n"
    assert of["non-ASCII"] == "é再".encode()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=6, unique=True), st.sampled_from([BYTES, SHIPPED])
)
def test_the_parts_add_up_to_the_total(tmp_path_factory, texts, ids):
    texts = [t for t in texts if all(not 0xD800 <= ord(c) < 0xE000 for c in t)] or ["x"]
    docs = [doc(t, source="ab"[i % 2], language=("en", "de", "")[i % 3]) for i, t in enumerate(texts)]
    file = opened(docs, ids, tmp_path_factory.mktemp("t"))
    nats = np.random.Generator(np.random.PCG64(1)).random(len(file.tokens)) * 5
    nats[np.asarray(file.tokens) == file.end] = 0.0
    total_bytes = sum(len(t.encode()) for t in texts)
    for division, parts in breakdown.measure(file, nats).items():
        assert sum(p.bits for p in parts.values()) == pytest.approx(nats.sum() / np.log(2), rel=1e-12), division
        assert sum(p.bytes for p in parts.values()) == total_bytes, division


def test_positions_and_classes_are_those_of_the_bytes(tmp_path):
    """With one token a byte and bits that depend on the byte, every part is known."""
    texts = ["a" * 300 + "1" * 800, "b" * 10 + " " * 20]
    file = opened([doc(t, source=t[0]) for t in texts], BYTES, tmp_path / "t")
    tokens = np.asarray(file.tokens)
    worth = np.zeros(BYTES.size)
    for letter, bits in (("a", 1.0), ("1", 2.0), ("b", 3.0), (" ", 4.0)):
        worth[BYTES.encode([letter])[0]] = bits * np.log(2)
    found = breakdown.measure(file, worth[tokens])
    bits = {d: {n: (round(p.bits, 6), p.bytes) for n, p in parts.items()} for d, parts in found.items()}
    assert bits["byte class"] == {"letters": (330, 310), "digits": (1600, 800), "white space": (80, 20)}
    assert bits["source"] == {"a": (1900, 1100), "b": (110, 30)}
    assert bits["position"] == {
        "0 to 255": (256 + 110, 256 + 30),
        "256 to 1,023": (44 + 2 * 724, 768),
        "1,024 to 4,095": (2 * 76, 76),
    }
    assert "language" not in bits


def test_a_tokenizer_that_is_not_of_bytes_counts_every_byte_once(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {"</s>": 0, "[UNK]": 1, "été": 2, "cat": 3}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    ids = tokenizer.wrap(inner)
    text = "  été cat 12 再 end."
    file = opened([doc(text)], ids, tmp_path / "t")
    classes = np.load(file.path / "classes.npy")
    assert classes.sum() == len(text.encode())
    parts = breakdown.measure(file, np.ones(len(file.tokens)) * (np.asarray(file.tokens) != 0))
    for some in parts.values():
        assert sum(p.bits for p in some.values()) == pytest.approx((len(file.tokens) - 1) / np.log(2))


def test_the_largest_part_of_a_difference_is_named():
    a = [{"byte class": {"letters": [100.0, 80.0], "digits": [50.0, 20.0]}}]
    b = [{"byte class": {"letters": [98.0, 80.0], "digits": [30.0, 20.0]}}]
    (sentence,) = breakdown.largest(a, b, ("x", "y"))
    assert "+0.2000 of the difference of +0.2200 (x - y) is in 'digits', which is 20% of the held-out bytes" in sentence


def test_of_no_difference_no_part_is_named():
    a = [{"byte class": {"letters": [100.0, 80.0], "digits": [50.0, 20.0]}}]
    b = [{"byte class": {"letters": [100.001, 80.0], "digits": [50.0, 20.0]}}]
    assert breakdown.largest(a, a, ("x", "y")) == breakdown.largest(a, b, ("x", "y")) == []
    moved = [{"byte class": {"letters": [90.0, 80.0], "digits": [60.0, 20.0]}}]
    assert len(breakdown.largest(a, moved, ("x", "y"))) == 1  # parts that differ and weigh each other up
