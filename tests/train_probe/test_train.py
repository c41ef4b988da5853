"""Training: resume bit for bit, several processes like one, the verdict end to end."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from train_probe import prepare, tokenizer  # noqa: E402
from train_probe.__main__ import main  # noqa: E402
from train_probe.config import ModelConfig, TrainConfig  # noqa: E402
from train_probe.data import Stream, TokenFile  # noqa: E402
from train_probe.errors import ProbeError  # noqa: E402
from train_probe.evaluate import held_out  # noqa: E402
from train_probe.parallel import World  # noqa: E402
from train_probe.train import Trainer, load_weights  # noqa: E402

SHAPE = ModelConfig(layers=2, width=32, heads=2, vocab=320, context=32)
BYTES = tokenizer.from_merges([])


def texts(count=40):
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "one", "dog", "run", "home"]
    rng = np.random.Generator(np.random.PCG64(0))
    return [" ".join(rng.choice(words, 30)) + f" {i}." for i in range(count)]


@pytest.fixture
def file(tmp_path):
    docs = [prepare.Text(prepare.hash64(t), prepare.hash64(t), t, "s") for t in texts()]
    prepare.write_tokens(docs, BYTES, tmp_path / "tokens")
    return TokenFile.open(tmp_path / "tokens")


def settings(**changes):
    return TrainConfig(**{"steps": 8, "batch_rows": 4, "micro_rows": 2, "precision": "fp32", "log_every": 3, **changes})


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_run_that_was_stopped_ends_as_if_it_had_not(file, tmp_path, optimizer):
    c = settings(optimizer=optimizer, checkpoint_every=3)
    whole = Trainer(SHAPE, c, World()).run(Stream(file, 1), tmp_path / "whole")

    class StoppedError(Exception):
        pass

    trainer = Trainer(SHAPE, c, World())
    real = trainer._step

    def stop(batch, made, step):
        if step == 5:
            raise StoppedError
        return real(batch, made, step)

    trainer._step = stop
    with pytest.raises(StoppedError):
        trainer.run(Stream(file, 1), tmp_path / "part")
    assert torch.load(tmp_path / "part/checkpoint.pt", weights_only=True)["step"] == 3
    again = Trainer(SHAPE, c, World()).run(Stream(file, 1), tmp_path / "part")
    assert again["curve"] == whole["curve"]
    resumed = Trainer(SHAPE, c, World()).run(Stream(file, 1), tmp_path / "part")  # nothing is left to train
    assert min(resumed["seconds"], resumed["tokens_per_second"]) > 0  # those of the processes before
    a, b = (load_weights(tmp_path / x / "checkpoint.pt", torch.device("cpu"))[0] for x in ("whole", "part"))
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_accumulation_changes_nothing_that_matters(file):
    curves = [
        [p["loss"] for p in Trainer(SHAPE, settings(micro_rows=m), World()).run(Stream(file, 0))["curve"]]
        for m in (1, 4)
    ]
    assert np.allclose(*curves, rtol=1e-5)
    assert curves[0][-1] < curves[0][0] - 0.5


def test_a_checkpoint_of_other_settings_is_refused(file, tmp_path):
    Trainer(SHAPE, settings(), World()).run(Stream(file, 0), tmp_path / "x")
    with pytest.raises(ProbeError, match="other settings"):
        Trainer(SHAPE, settings(lr_scale=0.5), World()).run(Stream(file, 0), tmp_path / "x")


@pytest.mark.parametrize("family", ["gpt2", "bert", "t5"])
def test_every_family_learns(file, family):
    shape = ModelConfig(family=family, layers=2, width=32, heads=2, vocab=384, context=32)
    curve = Trainer(shape, settings(steps=25), World()).run(Stream(file, 0))["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"] - 0.5


def test_bits_per_byte_of_a_uniform_model_are_those_of_its_vocabulary(file):
    model = Trainer(SHAPE, settings(), World()).model
    with torch.no_grad():
        model.head.weight.zero_()
    assert held_out(model, file).mean == pytest.approx(np.log2(SHAPE.vocab), rel=1e-6)


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
@pytest.mark.parametrize("family", ["gpt2", "bert", "t5"])
def test_a_model_whose_weights_ran_away_has_no_scores(file, family, weight):
    shape = ModelConfig(family=family, layers=1, width=32, heads=2, vocab=384, context=32)
    model = Trainer(shape, settings(), World()).model
    with torch.no_grad():
        for one in model.parameters():
            one.fill_(weight)
    with pytest.raises(ProbeError, match=r"not a number: .* --lr-scale"):
        held_out(model, file, np.ones(384, np.int64))


WORKER = """
import json, sys
from train_probe import parallel
from train_probe.config import ModelConfig, TrainConfig
from train_probe.data import Stream, TokenFile
from train_probe.train import Trainer
world = parallel.start("cpu")
for kind in sys.argv[2:]:
    c = TrainConfig(steps=4, batch_rows=4, micro_rows=1, precision="fp32", parallel=kind)
    shape = ModelConfig(layers=2, width=32, heads=2, vocab=320, context=32)
    facts = Trainer(shape, c, world).run(Stream(TokenFile.open(__import__("pathlib").Path(sys.argv[1])), 0))
    if world.is_main:
        print("CURVE", json.dumps([p["loss"] for p in facts["curve"]]))
parallel.stop()
"""
KINDS = ("ddp", "fsdp", "tp")


@pytest.mark.slow
def test_two_processes_train_like_one(file, tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path / "worker.py"), str(file.path), *KINDS],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line[6:]) for line in done.stdout.splitlines() if line.startswith("CURVE")]
    c = settings(steps=4, micro_rows=1)
    one = [p["loss"] for p in Trainer(SHAPE, c, World()).run(Stream(file, 0))["curve"]]
    for kind, two in zip(KINDS, found, strict=True):
        assert np.allclose(one, two, rtol=1e-5), kind


def test_the_command_compares_two_corpora(tmp_path, capsys, monkeypatch):
    from train_probe import config

    tiny = config.Preset(ModelConfig(layers=1, width=32, heads=2, vocab=320, context=32), 128, 4, True)
    monkeypatch.setitem(config.PRESETS, "nano", tiny)
    rng = np.random.Generator(np.random.PCG64(4))
    for name in ("clean", "<b>shuffled"):
        rows = [{"id": str(i), "text": t} for i, t in enumerate(texts(80))]
        if name != "clean":
            rows = [{**r, "text": "".join(rng.permutation(list(r["text"])))} for r in rows]
        (tmp_path / name).mkdir()
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "a.parquet")
    out = tmp_path / "out"
    command = ["train", "--shards", str(tmp_path / "clean"), "--shards", f"bad={tmp_path / '<b>shuffled'}"]
    command += ["--held-out", str(tmp_path / "clean"), "--preset", "nano", "--tokens", "8000", "--seeds", "2"]
    command += ["--tokenizer", "bytes", "--device", "cpu", "--output", str(out), "--no-tasks"]
    assert main(command) == 0
    assert "clean is better" in capsys.readouterr().out
    found = json.loads((out / "verdict.json").read_text())
    low, high = found["pairs"][0]["interval"]
    assert low < high < 0
    page = (out / "report.html").read_text()
    assert "<b>shuffled" not in page
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert main(["compare", str(out)]) == 0
    assert main([*command, "--lr-scale", "0.5"]) == 2
    assert "another experiment" in capsys.readouterr().err
