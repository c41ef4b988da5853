"""Byte-level BPE: one fixed list of merges for every corpus, so that what differs is the text and not its tokens.

The shipped list (`data/merges.txt`, 16,384 ids) was learned on public-domain English books; `python -m
train_probe tokenizer` repeats it.  Merges are ranked, so a smaller vocabulary is the beginning of the list: the
4,096 ids of `nano` are a prefix of the 16,384 of `20m`.  Nothing in the text is ever out of vocabulary, and the
text of a special token inside a document is plain text.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from train_probe.errors import ProbeError

END, MASK, PAD = "<|endoftext|>", "<|mask|>", "<|pad|>"
SPECIALS = (END, MASK, PAD)
_END_NAMES = (END, "</s>", "<|end_of_text|>", "<eos>", "[SEP]", "<|im_end|>")
_MASK_NAMES = (MASK, "[MASK]", "<mask>")
_PIECES = r" ?[\p{L}\p{M}]+| ?\p{N}{1,2}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s+"
"""Words with their marks, digits by twos, punctuation, spaces: no merge crosses these borders."""


@dataclass(frozen=True)
class Tokenizer:
    """Text to ids.  `end` separates documents, `mask` hides tokens (BERT)."""

    inner: Any
    end: int
    mask: int
    size: int
    """Number of ids; all ids are below it."""
    digest: str
    """Of everything that decides the ids: two runs with equal digests tokenize alike."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without special tokens."""
        return [  # a batch's answer holds ten times what its ids take
            one.ids
            for at in range(0, len(texts), BATCH)
            for one in self.inner.encode_batch_fast(list(texts[at : at + BATCH]), add_special_tokens=False)
        ]

    def save(self, path: Path) -> None:
        """Write `tokenizer.json`."""
        path.write_text(self.inner.to_str(), encoding="utf-8")


def shipped(size: int = 16_384) -> Tokenizer:
    """The first `size` ids of the shipped list.  Raises ProbeError outside 259 … 16,384."""
    text = resources.files("train_probe").joinpath("data/merges.txt").read_text(encoding="utf-8")
    pairs = [(a, b) for a, b in (line.split(" ") for line in text.splitlines() if not line.startswith("#"))]
    room = size - len(SPECIALS) - 256
    if not 0 <= room <= len(pairs):
        raise ProbeError(f"the shipped tokenizer has 259 to {len(pairs) + 259} ids, asked for {size}")
    return from_merges(pairs[:room])


def from_merges(pairs: Sequence[tuple[str, str]]) -> Tokenizer:
    """A tokenizer of special tokens, 256 bytes and ranked merges; no merges = one id per byte."""
    from tokenizers import Tokenizer as Inner
    from tokenizers import models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: i for i, piece in enumerate([*SPECIALS, *letters])}
    for a, b in pairs:
        vocabulary.setdefault(a + b, len(vocabulary))
    inner = Inner(models.BPE(vocab=vocabulary, merges=list(pairs)))
    _shape(inner)
    return wrap(inner)


def train(texts: Iterable[str], size: int) -> Tokenizer:
    """Learn `size` ids from texts.  The same texts in any order give the same tokenizer."""
    from tokenizers import Tokenizer as Inner
    from tokenizers import models, pre_tokenizers, trainers

    inner = Inner(models.BPE())
    _shape(inner)
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    return from_merges([(a, b) for a, b in json.loads(inner.to_str())["model"]["merges"]])


def load(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`.  Raises ProbeError when it is none, or has no token that ends a document."""
    from tokenizers import Tokenizer as Inner

    if not path.is_file():
        raise ProbeError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    try:
        inner = Inner.from_file(str(path))
        told = fault(inner)
    except BaseException as error:  # the library raises plain Exception, and panics at some files
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ProbeError(f"{path}: not a tokenizer.json ({str(error)[:300]})") from None
    if told:
        raise ProbeError(f"{path}: {told}")
    try:
        return wrap(inner)
    except ProbeError as error:
        raise ProbeError(f"{path}: {error}") from None


BATCH = 4096
"""Texts tokenized at once."""

MAX_GROWTH, MAX_GAPS = 256, 1 << 16
"""How many times as long a normalizer may make a text, and how far ids may go beyond four times as many as there are."""


def fault(tokenizer: Any) -> str:
    """What keeps a tokenizer from being used, in words; nothing for one that can be. A stranger's may name an id of four billion, or
    make a million letters of one."""
    ids = tokenizer.get_vocab(with_added_tokens=True).values()
    if not ids:
        return "its vocabulary is empty"
    if max(ids) > 4 * len(ids) + MAX_GAPS:
        return f"its ids go up to {max(ids):,}, and it has {len(ids):,} of them"
    normalizer = tokenizer.normalizer
    if normalizer is not None and _growth(json.loads(normalizer.__getstate__())) > MAX_GROWTH:
        return f"its normalizer makes texts more than {MAX_GROWTH} times as long"
    try:
        tokenizer.encode_batch_fast(["a \U000f0000\u0378 1"], add_special_tokens=False)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"it has no tokens for some characters ({error})"
    return ""


def _growth(step: Any) -> float:
    """How many times as long a normalizer, as JSON, makes a text at most."""
    kind, found = step.get("type"), 1.0
    if kind == "Sequence":
        for one in step.get("normalizers") or ():
            found *= _growth(one)
    elif kind == "Replace":
        content, pattern = len(step.get("content") or ""), step.get("pattern") or {}
        if "String" in pattern:
            found = max(1.0, content / max(1, len(pattern["String"])))
        else:  # what matches nothing stands beside each letter
            found = max(1.0, content + _matches_nothing(pattern.get("Regex") or ""))
    elif kind == "Prepend":
        found = max(1.0, len(step.get("prepend") or ""))
    return found


def _matches_nothing(pattern: str) -> bool:
    try:
        return re.match(pattern, "") is not None
    except (re.error, RecursionError, OverflowError):  # one of another dialect, such as \\p{L}
        return False


def wrap(inner: Any) -> Tokenizer:
    """Find the special ids of a tokenizer and fix how it treats their names in text."""
    end = next((i for name in _END_NAMES if (i := inner.token_to_id(name)) is not None), None)
    if end is None:
        raise ProbeError(f"the tokenizer has none of the tokens {', '.join(_END_NAMES)} to end a document")
    mask = next((i for name in _MASK_NAMES if (i := inner.token_to_id(name)) is not None), end)
    inner.no_padding()
    inner.no_truncation()
    inner.encode_special_tokens = True
    if type(inner.post_processor).__name__ == "TemplateProcessing":  # special tokens are put by us: it changes no id
        inner.post_processor = None
    size = max(inner.get_vocab(with_added_tokens=True).values()) + 1
    return Tokenizer(inner, end, mask, size, hashlib.sha256(inner.to_str().encode()).hexdigest()[:16])


def merges(tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """The ranked merges of a BPE tokenizer."""
    return [(a, b) for a, b in json.loads(tokenizer.inner.to_str())["model"]["merges"]]


def _shape(inner: Any) -> None:
    from tokenizers import Regex, decoders, pre_tokenizers

    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()


def token_bytes(tokenizer: Tokenizer) -> list[int]:
    """Bytes that each id stands for; 0 for special tokens and unused ids."""
    special = {i for i, t in tokenizer.inner.get_added_tokens_decoder().items() if t.special}
    special |= {i for name in SPECIALS if (i := tokenizer.inner.token_to_id(name)) is not None}
    sizes = [0] * tokenizer.size
    for piece, i in tokenizer.inner.get_vocab(with_added_tokens=True).items():
        sizes[i] = 0 if i in special else len(piece)  # byte-level: one letter stands for one byte
    return sizes
