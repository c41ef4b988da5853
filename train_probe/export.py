"""Checkpoints as Hugging Face folders: config.json, model.safetensors, tokenizer.json.

The tables below say which published name each weight has.  GPT-2 keeps its matrices transposed and the three of
attention in one.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from train_probe.config import ModelConfig
from train_probe.errors import ProbeError
from train_probe.model import Model

State = dict[str, Tensor]


def export(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint (its file, or the folder of its run) as a folder that `transformers` loads.

    Raises ProbeError when it can't be read, or the package safetensors is missing.
    """
    from train_probe.train import load_weights

    try:
        from safetensors.torch import save
    except ImportError:
        raise ProbeError("the export needs the package safetensors: pip install safetensors") from None
    path = checkpoint / "checkpoint.pt" if checkpoint.is_dir() else checkpoint
    model, _ = load_weights(path, torch.device("cpu"))
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: weight.detach().clone().contiguous() for name, weight in published(model).items()}
    (folder / "model.safetensors").write_bytes(save(state, metadata={"format": "pt"}))  # a full disk is an OSError here
    beside = next((p / "tokenizer.json" for p in path.parents if (p / "tokenizer.json").exists()), None)
    end = 0 if beside is None else _export_tokenizer(beside, model.config, folder)
    settings = configuration(model.config, end)
    (folder / "config.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def _export_tokenizer(path: Path, c: ModelConfig, folder: Path) -> int:
    """Copy the tokenizer and name its special tokens (programs ask for them); returns the id that ends documents."""
    from train_probe.tokenizer import load

    ids = load(path)
    end, mask = ids.inner.id_to_token(ids.end), ids.inner.id_to_token(ids.mask)
    led_by(ids, end).save(str(folder / "tokenizer.json"))
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": c.context}
    about |= {"bos_token": end, "eos_token": end, "pad_token": end} | (
        {"mask_token": mask} if c.family == "bert" else {}
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    return ids.end


def led_by(ids: Any, first: str) -> Any:
    """The inner tokenizer (a copy), which puts the token `first` before each text unless it is asked not to.

    In training that token led every document; programs that tokenize by default (lm-evaluation-harness among them)
    then show the model what it knows.
    """
    from tokenizers import Tokenizer, processors

    inner = Tokenizer.from_str(ids.inner.to_str())
    inner.post_processor = processors.TemplateProcessing(
        single=f"{first} $A", pair=f"{first} $A {first} $B", special_tokens=[(first, ids.end)]
    )
    return inner


def configuration(c: ModelConfig, end: int = 0) -> dict[str, object]:
    """The config.json of a shape."""
    ids = {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}
    common = {"vocab_size": c.vocab, "torch_dtype": "float32", **ids}
    if c.family == "gpt2":
        own: dict[str, Any] = {"n_embd": c.width, "n_layer": c.layers, "n_head": c.heads, "n_positions": c.context}
        own |= {"n_inner": c.num_hidden, "layer_norm_epsilon": c.eps}
        off = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], **common, **own, **off}
    if c.family == "t5":
        own = {"d_model": c.width, "d_kv": c.head_width, "d_ff": c.num_hidden, "num_layers": c.layers}
        own |= {"num_heads": c.heads, "layer_norm_epsilon": c.eps, "tie_word_embeddings": c.is_tied}
        kind = {"feed_forward_proj": "gated-gelu", "dropout_rate": 0.0, "decoder_start_token_id": end}
        return {"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], **common, **own, **kind}
    own = {"hidden_size": c.width, "num_hidden_layers": c.layers, "num_attention_heads": c.heads}
    own |= {"intermediate_size": c.num_hidden, "max_position_embeddings": c.context}
    if c.family == "bert":
        off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "layer_norm_eps": c.eps}
        return {"model_type": "bert", "architectures": ["BertForMaskedLM"], **common, **own, **off}
    own |= {"num_key_value_heads": c.num_kv_heads, "rms_norm_eps": c.eps, "rope_theta": c.rope_theta}
    own |= {"tie_word_embeddings": c.is_tied}
    return {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **common, **own}


def published(model: Model) -> State:
    """The weights under their published names."""
    state = dict(model.named_parameters())
    convert = {"gpt2": _gpt2, "llama": _llama, "bert": _bert, "t5": _t5}[model.config.family]
    return convert(state, model.config)


class Place(NamedTuple):
    """Where one of our weights is in a published state."""

    theirs: str
    ours: str
    part: int | None = None
    """Which third of their weight it is (GPT-2's attention)."""
    turned: bool = False
    """Whether they keep it transposed."""


def places(model: Model) -> list[Place]:
    """The way back for decoders: where each of our weights comes from."""
    mine = [name for name, _ in model.named_parameters()]
    if model.config.family == "llama":
        table: Any = _llama({name: name for name in mine}, model.config)
        return [Place(theirs, ours) for theirs, ours in table.items()]
    found = []
    for name in mine:
        kind = name.rsplit(".", 1)[1]
        for ours, (theirs, part) in _GPT2.items():
            if f".{ours}." in f".{name}":
                block = f"h.{name.split('.')[1]}." if name.startswith("blocks.") else ""
                turned = kind == "weight" and theirs.startswith(("attn", "mlp"))
                found.append(Place(f"transformer.{block}{theirs}.{kind}", name, part, turned))
    return found


_GPT2: dict[str, tuple[str, int | None]] = {
    "embed": ("wte", None),
    "positions": ("wpe", None),
    "norm": ("ln_f", None),
    "norm1": ("ln_1", None),
    "norm2": ("ln_2", None),
    "attention.q": ("attn.c_attn", 0),
    "attention.k": ("attn.c_attn", 1),
    "attention.v": ("attn.c_attn", 2),
    "attention.o": ("attn.c_proj", None),
    "feed_forward.up": ("mlp.c_fc", None),
    "feed_forward.down": ("mlp.c_proj", None),
}


def _take(state: State, ours: str, theirs: str) -> State:
    """Weight and, where there is one, bias."""
    return {f"{theirs}.{kind}": state[f"{ours}.{kind}"] for kind in ("weight", "bias") if f"{ours}.{kind}" in state}


def _llama(state: State, c: ModelConfig) -> State:
    out = _take(state, "embed", "model.embed_tokens") | _take(state, "norm", "model.norm")
    if not c.is_tied:
        out |= _take(state, "head", "lm_head")
    for i in range(c.layers):
        ours, theirs = f"blocks.{i}", f"model.layers.{i}"
        for w in "qkvo":
            out |= _take(state, f"{ours}.attention.{w}", f"{theirs}.self_attn.{w}_proj")
        for w in ("gate", "up", "down"):
            out |= _take(state, f"{ours}.feed_forward.{w}", f"{theirs}.mlp.{w}_proj")
        out |= _take(state, f"{ours}.norm1", f"{theirs}.input_layernorm")
        out |= _take(state, f"{ours}.norm2", f"{theirs}.post_attention_layernorm")
    return out


def _gpt2(state: State, c: ModelConfig) -> State:
    out = _take(state, "embed", "transformer.wte") | _take(state, "positions", "transformer.wpe")
    out |= _take(state, "norm", "transformer.ln_f")
    for i in range(c.layers):
        ours, theirs = f"blocks.{i}", f"transformer.h.{i}"
        parts = [f"{ours}.attention.{w}" for w in "qkv"]
        out[f"{theirs}.attn.c_attn.weight"] = torch.cat([state[f"{p}.weight"] for p in parts]).t()
        out[f"{theirs}.attn.c_attn.bias"] = torch.cat([state[f"{p}.bias"] for p in parts])
        names = (("attention.o", "attn.c_proj"), ("feed_forward.up", "mlp.c_fc"), ("feed_forward.down", "mlp.c_proj"))
        for mine, other in names:
            out[f"{theirs}.{other}.weight"] = state[f"{ours}.{mine}.weight"].t()
            out[f"{theirs}.{other}.bias"] = state[f"{ours}.{mine}.bias"]
        out |= _take(state, f"{ours}.norm1", f"{theirs}.ln_1") | _take(state, f"{ours}.norm2", f"{theirs}.ln_2")
    return out


def _bert(state: State, c: ModelConfig) -> State:
    base = "bert.embeddings"
    out = _take(state, "embed", f"{base}.word_embeddings") | _take(state, "positions", f"{base}.position_embeddings")
    out |= _take(state, "embed_type", f"{base}.token_type_embeddings") | _take(state, "embed_norm", f"{base}.LayerNorm")
    for i in range(c.layers):
        ours, theirs = f"blocks.{i}", f"bert.encoder.layer.{i}"
        for w, name in (("q", "query"), ("k", "key"), ("v", "value")):
            out |= _take(state, f"{ours}.attention.{w}", f"{theirs}.attention.self.{name}")
        out |= _take(state, f"{ours}.attention.o", f"{theirs}.attention.output.dense")
        out |= _take(state, f"{ours}.norm1", f"{theirs}.attention.output.LayerNorm")
        out |= _take(state, f"{ours}.feed_forward.up", f"{theirs}.intermediate.dense")
        out |= _take(state, f"{ours}.feed_forward.down", f"{theirs}.output.dense")
        out |= _take(state, f"{ours}.norm2", f"{theirs}.output.LayerNorm")
    head = "cls.predictions"
    out |= _take(state, "transform", f"{head}.transform.dense") | _take(state, "norm", f"{head}.transform.LayerNorm")
    return out | {f"{head}.bias": state["head_bias"]}


def _t5(state: State, c: ModelConfig) -> State:
    out = _take(state, "embed", "shared") | _take(state, "norm_encoder", "encoder.final_layer_norm")
    out |= _take(state, "norm", "decoder.final_layer_norm")
    if not c.is_tied:
        out |= _take(state, "head", "lm_head")
    for side, blocks, last in (("encoder", "encoder", 1), ("decoder", "decoder", 2)):
        table = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias"
        out |= _take(state, f"relative_{side}", table)
        for i in range(c.layers):
            ours, theirs = f"{blocks}.{i}", f"{side}.block.{i}.layer"
            for w in "qkvo":
                out |= _take(state, f"{ours}.attention.{w}", f"{theirs}.0.SelfAttention.{w}")
                if side == "decoder":
                    out |= _take(state, f"{ours}.cross.{w}", f"{theirs}.1.EncDecAttention.{w}")
            out |= _take(state, f"{ours}.norm1", f"{theirs}.0.layer_norm")
            if side == "decoder":
                out |= _take(state, f"{ours}.norm_cross", f"{theirs}.1.layer_norm")
            for mine, other in (("gate", "wi_0"), ("up", "wi_1"), ("down", "wo")):
                out |= _take(state, f"{ours}.feed_forward.{mine}", f"{theirs}.{last}.DenseReluDense.{other}")
            out |= _take(state, f"{ours}.norm2", f"{theirs}.{last}.layer_norm")
    return out
