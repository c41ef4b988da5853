"""Our models and those of `transformers` with the same weights: equal outputs, losses and gradients."""

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from train_probe.config import ModelConfig  # noqa: E402
from train_probe.export import configuration, published  # noqa: E402
from train_probe.loss import cross_entropy  # noqa: E402
from train_probe.model import build  # noqa: E402

SHAPE = {"layers": 2, "width": 32, "heads": 4, "vocab": 192, "context": 24}
CASES = {
    "gpt2": {},
    "llama": {"kv_heads": 2},
    "bert": {"eps": 1e-12},
    "t5": {"eps": 1e-6},
}


@pytest.mark.parametrize("family", CASES)
def test_logits_and_gradients_are_those_of_transformers(family):
    c = ModelConfig(family=family, **SHAPE, **CASES[family])
    ours = build(c, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # outputs begin at zero: that would hide most of the network
        for p in ours.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.1)
    settings = configuration(c)
    theirs = getattr(transformers, settings["architectures"][0])(
        getattr(transformers, settings["architectures"][0].split("LMHead")[0].split("For")[0] + "Config")(
            **{k: v for k, v in settings.items() if k not in ("model_type", "architectures", "torch_dtype")}
        )
    ).eval()
    state = {name: weight.detach().clone() for name, weight in published(ours).items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected
    theirs.tie_weights()
    assert all(any(part in m for part in ("decoder.", "embed_tokens", "lm_head")) for m in missing)
    tokens = torch.randint(0, c.vocab, (3, c.context), generator=generator)
    targets = torch.randint(0, c.vocab, (3, c.context), generator=generator)
    if family == "t5":
        inputs = torch.randint(0, c.vocab, (3, 17), generator=generator)
        hidden = ours(inputs, tokens)
        logits = theirs(input_ids=inputs, decoder_input_ids=tokens).logits
    else:
        hidden = ours(tokens)
        logits = theirs(input_ids=tokens).logits
    mine = torch.nn.functional.linear(hidden, ours.head_weight(), ours.head_bias)
    torch.testing.assert_close(mine, logits, rtol=1e-4, atol=1e-4)
    loss = cross_entropy(hidden.flatten(0, 1), ours.head_weight(), ours.head_bias, targets.flatten(), chunk=7)
    reference = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(loss, reference, rtol=1e-5, atol=1e-5)
    loss.backward()
    reference.backward()
    named = dict(theirs.named_parameters())
    gradients = {n: p.grad for n, p in named.items()}
    compared = 0
    for p in ours.parameters():  # the same table of names, applied to the gradients
        p.data = torch.zeros_like(p) if p.grad is None else p.grad
    for name, gradient in published(ours).items():
        if name in gradients and gradients[name] is not None:
            torch.testing.assert_close(gradient, gradients[name], rtol=1e-3, atol=1e-5)
            compared += 1
    assert compared > 20


@pytest.mark.parametrize("family", CASES)
def test_an_exported_checkpoint_is_loaded_with_equal_logits(family, tmp_path):
    from train_probe import prepare, tokenizer
    from train_probe.config import TrainConfig
    from train_probe.data import Stream, TokenFile
    from train_probe.export import export
    from train_probe.parallel import World
    from train_probe.train import Trainer

    pytest.importorskip("safetensors")
    text = "one two three four five six seven eight nine ten " * 20
    ids = tokenizer.from_merges([])
    ids.save(tmp_path / "tokenizer.json")
    prepare.write_tokens([prepare.Text(1, 1, text, "s")], ids, tmp_path / "tokens")
    c = ModelConfig(family=family, **{**SHAPE, "vocab": 384}, **CASES[family])
    trainer = Trainer(c, TrainConfig(steps=3, batch_rows=2, precision="fp32"), World())
    trainer.run(Stream(TokenFile.open(tmp_path / "tokens"), 0), tmp_path / "run")
    export(tmp_path / "run", tmp_path / "hf")
    architecture = configuration(c)["architectures"][0]
    theirs = getattr(transformers, architecture).from_pretrained(tmp_path / "hf").eval()
    tokens = torch.randint(0, c.vocab, (2, c.context), generator=torch.Generator().manual_seed(2))
    if family == "t5":
        hidden, logits = trainer.model(tokens, tokens), theirs(input_ids=tokens, decoder_input_ids=tokens).logits
    else:
        hidden, logits = trainer.model(tokens), theirs(input_ids=tokens).logits
    mine = torch.nn.functional.linear(hidden, trainer.model.head_weight(), trainer.model.head_bias)
    torch.testing.assert_close(mine, logits, rtol=1e-4, atol=1e-4)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert loaded(text[:40], add_special_tokens=False)["input_ids"] == ids.encode([text[:40]])[0]
    assert loaded(text[:40])["input_ids"] == [ids.end, *ids.encode([text[:40]])[0]]  # as in training
    assert tokenizer.load(tmp_path / "hf/tokenizer.json").digest == ids.digest
    assert (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id) == (ids.end,) * 3
    assert theirs.config.eos_token_id == ids.end


def of_transformers(family, folder, **changes):
    """A small model of theirs, with weights far from the initial ones, saved as they save it."""
    if family == "gpt2":
        settings = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": 259}
        config, kind = transformers.GPT2Config(**settings, bos_token_id=0, eos_token_id=0), transformers.GPT2LMHeadModel
    else:
        settings = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
        settings |= {"intermediate_size": 48, "max_position_embeddings": 64, "vocab_size": 259, "rms_norm_eps": 1e-6}
        settings |= {"bos_token_id": 0, "eos_token_id": 0, **changes}
        config, kind = transformers.LlamaConfig(**settings), transformers.LlamaForCausalLM
    theirs = kind(config).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.1)
    theirs.save_pretrained(folder)
    return theirs


@pytest.mark.parametrize(
    ("family", "changes"),
    [("gpt2", {}), ("llama", {}), ("llama", {"tie_word_embeddings": True}), ("llama", {"rope_theta": 500.0})],
)
def test_a_checkpoint_of_theirs_is_evaluated(family, changes, tmp_path, capsys):
    """Log-probabilities, scores and bits per byte are those that their model gives."""
    import json
    import math

    import pyarrow as pa
    import pyarrow.parquet as pq

    from train_probe import tokenizer
    from train_probe.__main__ import main

    theirs = of_transformers(family, tmp_path / "hf", **changes)
    ids = tokenizer.from_merges([])
    ids.save(tmp_path / "hf/tokenizer.json")
    question = {"context": "The cat", "choices": [" sat down", " green"], "answer": 0}
    (tmp_path / "q.jsonl").write_text(json.dumps(question))
    texts = ["One two three.", "Five six seven eight nine."]
    if family == "gpt2":  # its learned positions count from the beginning of the row, not of the document
        texts = texts[:1]
    (tmp_path / "text").mkdir()
    pq.write_table(pa.table({"text": texts}), tmp_path / "text/a.parquet")

    def nats(text, ending):
        before, after = (ids.encode([t])[0] for t in (text, ending))
        row = torch.tensor([[0, *before, *after]])
        logits = theirs(input_ids=row).logits.log_softmax(-1)[0].detach()
        return -sum(float(logits[i - 1, row[0, i]]) for i in range(len(before) + 1, row.shape[1]))

    command = ["evaluate", str(tmp_path / "hf"), "--tasks", str(tmp_path / "q.jsonl"), "--json"]
    assert main([*command, "--held-out", str(tmp_path / "text")]) == 0
    found = json.loads(capsys.readouterr().out)
    right, wrong = nats("The cat", " sat down"), nats("The cat", " green")
    assert found["q accuracy"] == float(right < wrong)
    share = math.exp(-right / 9) / (math.exp(-right / 9) + math.exp(-wrong / 6))
    assert found["q probability"] == pytest.approx(share, rel=1e-4)
    assert found["q bits per byte"] == pytest.approx(right / math.log(2) / 9, rel=1e-4)
    bits = sum(nats("", t) for t in texts) / math.log(2)
    assert found["bits per byte"] == pytest.approx(bits / sum(map(len, texts)), rel=1e-4)


def test_what_our_models_do_not_compute_is_refused(tmp_path, capsys):
    import json

    from train_probe import tokenizer
    from train_probe.__main__ import main

    of_transformers("llama", tmp_path / "hf")
    settings = json.loads((tmp_path / "hf/config.json").read_text())
    changed = [
        ({"model_type": "mamba"}, "'mamba'"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, "rotary"),
        ({"num_hidden_layers": 3}, "is missing"),
        ({"intermediate_size": 64}, "where config.json means"),
        ({"vocab_size": None}, "vocab_size is None"),
        ({}, "give --tokenizer"),
    ]
    for change, message in changed:
        (tmp_path / "hf/config.json").write_text(json.dumps({**settings, **change}))
        assert main(["evaluate", str(tmp_path / "hf")]) == 2
        assert message in capsys.readouterr().err
    tokenizer.shipped(1024).save(tmp_path / "hf/tokenizer.json")
    assert main(["evaluate", str(tmp_path / "hf")]) == 2
    assert "not a pair" in capsys.readouterr().err
    (tmp_path / "hf/model.safetensors").write_bytes(b"junk")
    assert main(["evaluate", str(tmp_path / "hf")]) == 2
    assert "can't be read" in capsys.readouterr().err
