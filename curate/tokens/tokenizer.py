"""Byte-level BPE tokenizers: loading, counting, training. The unit in which a mixture is stated."""

import hashlib
import importlib
import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from curate.errors import InputError, UsageError, said
from curate.files import storage
from curate.tokens import pretokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"
PROBE = "probe"
"""Instead of a path: the tokenizer that comes with the probe trainer."""
CHARACTERS_PER_TOKEN, WORDS_PER_TOKEN = 4.0, 0.75
"""The rules of thumb for GPT-2's tokenizer on English text."""
# Words with the space before them, numbers of at most three digits, runs of punctuation, line ends: GPT-4's
# split with shorter numbers left as they are. Published as cl100k_base in tiktoken.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer.json: where it lies and what is in it."""

    path: str
    digest: str
    """Of all that decides the ids; the same as the probe trainer gives."""
    vocabulary: int


def find(path: str | None) -> TokenizerFile:
    """The tokenizer at `path`, or the probe's.

    Raises UsageError when there is none, InputError when the file is broken.
    """
    if path is None and not has_probe():
        raise UsageError(
            "no tokenizer: give --tokenizer tokenizer.json, train one with 'curate tokenizer train', "
            "or count in --unit bytes"
        )
    path = path or PROBE
    tokenizer = load(path)
    digest = hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:16]
    return TokenizerFile(path, digest, max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1)


def has_probe() -> bool:
    """Whether the probe trainer, whose tokenizer is the default, is installed."""
    return importlib.util.find_spec("train_probe") is not None


@lru_cache(maxsize=2)
def load(path: str) -> "Tokenizer":
    """The `tokenizers.Tokenizer` of a file (or PROBE): no truncation, no padding, special tokens in texts are
    text."""
    from tokenizers import Tokenizer

    if path == PROBE:
        # By name: this package must work, and be imported, without the trainer.
        shipped: Tokenizer = importlib.import_module("train_probe.tokenizer").shipped().inner
        return shipped
    try:
        tokenizer = Tokenizer.from_buffer(storage.read_bytes(path))
    except OSError as error:
        raise InputError(f"tokenizer {path}: {said(error)}") from error
    except BaseException as error:  # the library raises bare Exception for any malformed file, and panics at some
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InputError(f"tokenizer {path}: not a tokenizer.json: {str(error)[:300]}") from error
    if told := fault(tokenizer):
        raise InputError(f"tokenizer {path}: {told}")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


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


def text_of(path: str) -> str:
    """The text of a `tokenizer.json`: of the file at `path` as it stands, or of PROBE."""
    return str(load(path).to_str()) if path == PROBE else storage.read_bytes(path).decode("utf-8")


def encode(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    fast = _pieces_of(tokenizer)
    if fast is not None:
        return fast.encode(texts)
    return [one.ids for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def count(tokenizer: "Tokenizer", texts: Sequence[str]) -> list[int]:
    """Tokens of each text, without special tokens."""
    fast = _pieces_of(tokenizer)
    if fast is not None:
        return fast.count(texts)
    return [len(one) for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


_fast: dict[int, tuple[Any, pretokens.Pieces | None]] = {}


def _pieces_of(tokenizer: "Tokenizer") -> pretokens.Pieces | None:
    """The fast way for a tokenizer, made once; the tokenizer is kept beside it, so that its number stays its own."""
    if id(tokenizer) not in _fast:
        if len(_fast) >= 4:
            _fast.clear()
        _fast[id(tokenizer)] = (tokenizer, pretokens.of(tokenizer))
    return _fast[id(tokenizer)][1]


def end_of_text(tokenizer: "Tokenizer") -> int:
    """The id that ends a document. Raises InputError when the vocabulary has none of the usual ones."""
    for name in (END_OF_TEXT, "</s>", "<|end_of_text|>", "<eos>", "[SEP]", "<|im_end|>"):
        found = tokenizer.token_to_id(name)
        if found is not None:
            return int(found)
    raise InputError(f"the tokenizer has no token that ends a document, such as {END_OF_TEXT}")


def mask(tokenizer: "Tokenizer", otherwise: int) -> int:
    """The id that hides a token (for masked models), or `otherwise`."""
    names = ("<|mask|>", "[MASK]", "<mask>")
    return next((int(i) for name in names if (i := tokenizer.token_to_id(name)) is not None), otherwise)


def train(texts: Iterable[str], vocabulary: int, *, min_frequency: int = 2) -> "Tokenizer":
    """A byte-level BPE of `vocabulary` entries (256 bytes and END_OF_TEXT among them), learned from `texts`.

    The same texts in the same order give the same tokenizer. Raises UsageError for a vocabulary that can't
    be.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    if not 257 <= vocabulary <= 1 << 20:
        raise UsageError(f"--vocab-size must lie between 257 (bytes and {END_OF_TEXT}) and 1048576, got {vocabulary}")
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=min_frequency,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_chunks(texts), trainer)
    return tokenizer


def _chunks(texts: Iterable[str], size: int = 1 << 20) -> Iterator[str]:
    """Long documents in pieces of a million characters: the trainer copies each string several times."""
    for text in texts:
        for start in range(0, len(text), size):
            yield text[start : start + size]


@dataclass(frozen=True)
class Rates:
    """Measured size of a token."""

    characters_per_token: float
    words_per_token: float
    bytes_per_token: float

    @classmethod
    def of(cls, tokens: int, characters: int, words: int, size: int) -> "Rates | None":
        """From totals; None when there is no token."""
        return cls(characters / tokens, words / tokens, size / tokens) if tokens else None
