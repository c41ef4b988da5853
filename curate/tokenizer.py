"""Byte-level BPE tokenizers: loading, counting, training. The unit in which a mixture is stated."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from curate import storage
from curate.errors import InputError, UsageError

END_OF_TEXT = "<|endoftext|>"
PROBE_TOKENIZER = ("train_probe", "data/tokenizer.json")
"""The tokenizer that the probe trainer ships: package and file in it."""
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
    """SHA-256 of the file, hex."""
    vocabulary: int


def default_path() -> str | None:
    """The tokenizer shipped with the probe trainer, when it is installed."""
    package, name = PROBE_TOKENIZER
    try:
        found = resources.files(package) / name
    except ModuleNotFoundError:
        return None
    return str(found) if found.is_file() else None


def find(path: str | None) -> TokenizerFile:
    """The tokenizer at `path`, or the default one. Raises UsageError when there is neither, InputError when
    it is broken."""
    path = path or default_path()
    if path is None:
        raise UsageError(
            "no tokenizer: give --tokenizer tokenizer.json, train one with 'curate tokenizer train', "
            "or count in --unit bytes"
        )
    return TokenizerFile(path, hashlib.sha256(_bytes(path)).hexdigest(), load(path).get_vocab_size())


def _bytes(path: str) -> bytes:
    try:
        return storage.read_bytes(path)
    except OSError as error:
        raise InputError(f"tokenizer {path}: {error}") from error


@lru_cache(maxsize=2)
def load(path: str) -> Any:
    """The `tokenizers.Tokenizer` of a file, with truncation and padding off."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(_bytes(path))
    except Exception as error:  # the library raises bare Exception for any malformed file
        raise InputError(f"tokenizer {path}: not a tokenizer.json: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    return [one.ids for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def count(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Tokens of each text, without special tokens."""
    return [len(one) for one in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]


def end_of_text(tokenizer: Any) -> int:
    """The id that ends a document. Raises InputError when the vocabulary has none of the usual ones."""
    for name in (END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>"):
        found = tokenizer.token_to_id(name)
        if found is not None:
            return int(found)
    raise InputError(f"the tokenizer has no token that ends a document, such as {END_OF_TEXT}")


def train(texts: Iterable[str], vocabulary: int, *, min_frequency: int = 2) -> Any:
    """A byte-level BPE of `vocabulary` entries (256 bytes and END_OF_TEXT among them), learned from `texts`.

    The same texts in the same order give the same tokenizer. Raises UsageError for a vocabulary that can't
    be.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    if not 257 <= vocabulary <= 1 << 20:
        raise UsageError(
            f"--vocab-size must lie between 257 (bytes and {END_OF_TEXT}) and 1048576, got {vocabulary}"
        )
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
    tokenizer.train_from_iterator(_pieces(texts), trainer)
    return tokenizer


def _pieces(texts: Iterable[str], size: int = 1 << 20) -> Iterator[str]:
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
