"""Models to evaluate: of the probe itself, or a Hugging Face folder of GPT-2 or LLaMA."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from train_probe import tokenizer as tokenizers
from train_probe.config import ModelConfig
from train_probe.data import TokenFile
from train_probe.errors import DAMAGE, ProbeError, believed, shortly
from train_probe.export import State, places
from train_probe.model import Model, build
from train_probe.tokenizer import Tokenizer


@dataclass(frozen=True)
class Opened:
    """A model and its tokenizer."""

    model: Model
    tokenizer: Tokenizer


def open_model(path: Path, tokenizer: Path | None = None) -> Opened:
    """Open a checkpoint of the probe (file or run folder) or a Hugging Face folder (config.json, *.safetensors).

    Raises ProbeError for what can't be read, for other architectures, and where there is no tokenizer.json.
    """
    from train_probe.train import load_weights

    if (path / "config.json").exists():
        return _published(path, tokenizer)
    file = path / "checkpoint.pt" if path.is_dir() else path
    if not file.exists():
        raise ProbeError(f"{path}: neither a checkpoint.pt nor a config.json here")
    model, _ = load_weights(file, torch.device("cpu"))
    beside = next((p / "tokenizer.json" for p in file.parents if (p / "tokenizer.json").exists()), None)
    return Opened(model, tokenizers.load(_found(tokenizer or beside, path)))


def _found(tokenizer: Path | None, path: Path) -> Path:
    if tokenizer is None:
        raise ProbeError(f"no tokenizer.json beside {path}; give --tokenizer")
    return tokenizer


def _published(folder: Path, tokenizer: Path | None) -> Opened:
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except DAMAGE as error:
        raise ProbeError(f"{folder / 'config.json'}: can't be read ({shortly(error)})") from None
    config = model_config(settings, folder)
    model = build(config)
    _fill(model, _weights(folder), folder)
    beside = folder / "tokenizer.json"
    ids = tokenizers.load(_found(tokenizer or (beside if beside.exists() else None), folder))
    if ids.size > config.vocab:
        raise ProbeError(f"{folder}: the tokenizer has {ids.size} ids, the model {config.vocab}: not a pair")
    first = settings.get("bos_token_id")
    return Opened(model, replace(ids, end=first) if isinstance(first, int) else ids)


def model_config(settings: dict[str, Any], folder: Path) -> ModelConfig:
    """The shape that a config.json describes.  Raises ProbeError for what our models don't compute."""
    kind = settings.get("model_type")
    try:
        if kind == "gpt2":
            _only(settings, folder, "activation_function", "gelu_new", "gelu_pytorch_tanh")
            _only(settings, folder, "scale_attn_by_inverse_layer_idx", False)
            _only(settings, folder, "tie_word_embeddings", True)
            return ModelConfig(
                family="gpt2",
                layers=_size(settings, "n_layer"),
                width=_size(settings, "n_embd"),
                heads=_size(settings, "n_head"),
                vocab=_size(settings, "vocab_size"),
                context=_size(settings, "n_positions"),
                hidden=settings.get("n_inner") or 0,
                eps=settings.get("layer_norm_epsilon", 1e-5),
            )
        if kind == "llama":
            return _llama(settings, folder)
    except (KeyError, TypeError) as error:
        raise ProbeError(f"{folder / 'config.json'}: incomplete ({error})") from None
    raise ProbeError(f"{folder}: a model of type {kind!r}; gpt2 and llama can be evaluated")


def _llama(settings: dict[str, Any], folder: Path) -> ModelConfig:
    _only(settings, folder, "hidden_act", "silu")
    _only(settings, folder, "attention_bias", False)
    _only(settings, folder, "mlp_bias", False)
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise ProbeError(f"{folder}: scaled rotary positions ({rope}) are not known here")
    width, heads = _size(settings, "hidden_size"), _size(settings, "num_attention_heads")
    if settings.get("head_dim") not in (None, width // heads):
        raise ProbeError(f"{folder}: heads of {settings['head_dim']} units in a width of {width} are not known here")
    return ModelConfig(
        family="llama",
        layers=_size(settings, "num_hidden_layers"),
        width=width,
        heads=heads,
        vocab=_size(settings, "vocab_size"),
        context=_size(settings, "max_position_embeddings"),
        kv_heads=settings.get("num_key_value_heads") or 0,
        hidden=_size(settings, "intermediate_size"),
        tied=bool(settings.get("tie_word_embeddings", False)),
        rope_theta=float(rope.get("rope_theta") or settings.get("rope_theta") or 10_000.0),
        eps=settings.get("rms_norm_eps", 1e-6),
    )


def _size(settings: dict[str, object], name: str) -> int:
    value = settings[name]
    if not isinstance(value, int) or not 1 <= value <= 10_000_000:
        raise TypeError(f"{name} is {value!r}")
    return value


def _only(settings: dict[str, object], folder: Path, name: str, *known: object) -> None:
    if settings.get(name, known[0]) not in known:
        raise ProbeError(f"{folder}: {name} is {settings[name]!r}; only {known[0]!r} is known here")


def _weights(folder: Path) -> State:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise ProbeError("this needs the package safetensors: pip install safetensors") from None
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ProbeError(f"{folder}: no *.safetensors (files of pickled weights are not opened: they can run code)")
    state: State = {}
    for file in files:
        try:
            state |= load_file(str(file))
        except Exception as error:  # the library raises its own kind for a damaged file
            raise ProbeError(f"{file}: can't be read ({error})") from None
    return state


def _fill(model: Model, state: State, folder: Path) -> None:
    """Copy published weights into a model.  Raises ProbeError when one is missing or of another shape."""
    weights = dict(model.named_parameters())
    if model.config.family == "gpt2" and not any(name.startswith("transformer.") for name in state):
        state = {f"transformer.{name}": weight for name, weight in state.items()}  # as OpenAI's own are kept
    for theirs, ours, part, turned in places(model):
        if theirs not in state:
            raise ProbeError(f"{folder}: the weight {theirs} is missing")
        given = state[theirs]
        given = given.t() if turned and given.ndim == 2 else given
        given = given.chunk(3, 0)[part] if part is not None else given
        if given.shape != weights[ours].shape:
            shapes = f"{list(given.shape)} where config.json means {list(weights[ours].shape)}"
            raise ProbeError(f"{folder}: {theirs} is {shapes}")
        with torch.no_grad():
            weights[ours].copy_(given)


@contextmanager
def held_out_file(path: Path, tokenizer: Tokenizer) -> Iterator[TokenFile]:
    """A token file as it is, or a folder of Parquet tokenized for the while.

    Raises ProbeError for a token file of another tokenizer.
    """
    if (path / "meta.json").exists():
        file = TokenFile.open(path)
        if file.meta["tokenizer"] != tokenizer.digest:
            raise ProbeError(f"{path} was made with another tokenizer; give the Parquet folder it was made from")
        with believed(path):
            yield file
        return
    from train_probe import breakdown, prepare

    with tempfile.TemporaryDirectory() as folder:
        docs = list(prepare.read(path))
        prepare.write_tokens(docs, tokenizer, Path(folder))
        file = TokenFile.open(Path(folder))
        breakdown.write(docs, tokenizer, file)
        yield file
