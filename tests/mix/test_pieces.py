import json
import re
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from curate.tokens import pretoken_counts, pretokens, tokenizer

TEXT = st.text(
    st.one_of(st.sampled_from("aA'sS1 \n\t\r.é\u00a0\u2009\u3000\x1c\x85ſ"), st.characters(exclude_categories=["Cs"]))
)


def slow(one: Any, texts: list[str]) -> list[list[int]]:
    return [found.ids for found in one.encode_batch_fast(texts, add_special_tokens=False)]


@pytest.fixture(scope="module")
def ours(bpe: tokenizer.TokenizerFile) -> Any:
    return tokenizer.load(bpe.path)


@pytest.fixture(scope="module")
def gpt2_like() -> Any:
    """A tokenizer of the form of GPT-2's: one ByteLevel step that splits by itself."""
    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    texts = ["it's the 12 many words ", "don't we'll  they've\n\n", "naïve café 123"] * 9
    found.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    )
    return found


@given(st.lists(TEXT, max_size=4))
@settings(max_examples=150, deadline=None)
def test_the_fast_way_gives_the_tokenizers_ids(ours: Any, gpt2_like: Any, texts: list[str]) -> None:
    for one in (ours, gpt2_like):
        fast = tokenizer._pieces_of(one)  # made once
        assert fast is not None
        expected = slow(one, texts)
        assert fast.encode(texts) == expected
        assert fast.count(texts) == [len(ids) for ids in expected]
        assert tokenizer.encode(one, texts) == expected


def test_real_texts(ours: Any, testdata: Path) -> None:
    paths = [path for path in sorted((testdata / "G-text").rglob("*.txt")) if path.stat().st_size < 300_000][:60]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    assert len(texts) > 20
    assert tokenizer.encode(ours, texts) == slow(ours, texts)


def test_most_characters_are_taken_the_fast_way(ours: Any) -> None:
    fast = pretokens.of(ours)
    assert fast is not None
    assert all(
        fast._ours(text)
        for text in ("plain ascii\n", "naïve café", "Привет", "नमस्ते", "“quotes” — dash", "漢字", "한글", "🙂")
    )
    assert not fast._ours("\ue000")  # private use: not tried
    texts = ["\ue000 a", "plain"]
    assert fast.count(texts) == [len(ids) for ids in slow(ours, texts)]


CLOSE = st.text(st.sampled_from("aBsStTrRevVelLmMdD'' \n\r\t.,12é\u0301\u00a0ſ漢"), max_size=40)


@pytest.mark.parametrize("pattern", pretoken_counts.STYLES)
@given(texts=st.lists(st.one_of(CLOSE, TEXT), max_size=5))
@settings(max_examples=100, deadline=None)
def test_compiled_pieces_are_those_of_the_pattern(pattern: str, texts: list[str]) -> None:
    style = pretoken_counts.STYLES[pattern]
    table = pretoken_counts.classes(style, re.compile(r"(?!)"), 0x3100)
    sizes: dict[str, int] = {}
    counter = pretoken_counts.PieceCounter(style, table, lambda piece: sizes.setdefault(piece, len(piece) % 7 + 1), 50)
    for _ in range(2):  # the second time the pieces are known
        found = counter.count(texts)
        for text, size in zip(texts, found, strict=True):
            strange = any(ord(sign) >= 0x3100 or (style.contractions == 2 and sign == "ſ") for sign in text)
            parts = regex.findall(pattern, text)
            assert size == (-1 if strange else sum(len(part) % 7 + 1 for part in parts))
            assert strange or sizes.keys() >= set(parts)


def test_compiled_pieces_when_nothing_fits(ours: Any) -> None:
    """More new pieces than a round holds, pieces that are too long to keep, no texts, empty texts."""
    words = " ".join(f"w{number}" for number in range(40_000))
    texts = [words, "", words, "y" * 5000, words[::-1]]
    fast = pretokens.of(ours)
    assert fast is not None
    assert fast.count(texts) == [len(ids) for ids in slow(ours, texts)]
    assert fast.count([]) == []
    assert fast.count([""]) == [0]


@pytest.mark.parametrize("change", ["normalizer", "prefix", "added", "model", "merged", "lookup"])
def test_other_tokenizers_are_left_alone(bpe: tokenizer.TokenizerFile, change: str) -> None:
    one = Tokenizer.from_file(bpe.path)
    level = pre_tokenizers.ByteLevel(add_prefix_space=change == "prefix", use_regex=False)
    split = pre_tokenizers.Split(Regex(tokenizer.SPLIT), "merged_with_next" if change == "merged" else "isolated")
    if change == "normalizer":
        one.normalizer = normalizers.NFKC()
    elif change in ("prefix", "merged"):
        one.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    elif change == "lookup":
        one.pre_tokenizer = pre_tokenizers.Whitespace()
    elif change == "added":
        one.add_tokens(["alpha"])
    else:
        one = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
        one.pre_tokenizer = pre_tokenizers.ByteLevel()
    assert pretokens.pattern_of(json.loads(one.to_str())) is None
    texts = [" alpha beta", "ﬁne"]
    assert tokenizer.encode(one, texts) == slow(one, texts)


def test_pieces_are_forgotten_when_there_are_too_many(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = pretokens.of(ours)
    assert fast is not None
    monkeypatch.setattr(pretokens, "CACHED_PIECES", 10)
    texts = [f"word{number} {number * 7}" for number in range(50)]
    for text in texts:
        assert fast.encode([text]) == slow(ours, [text])
    assert len(fast._ids) < 20
    fast.encode(["x" * 100])
    assert "x" * 100 not in fast._ids
