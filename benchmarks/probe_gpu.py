"""Tokens per second and utilisation of each preset: `python -m benchmarks.probe_gpu [PRESET …] [--steps 20] [--all FOLDER]`.

With --all FOLDER also nanoGPT's shape by a plain loop, by the probe and by `transformers`' Trainer (where it is installed), and a
search of 24 runs of `4m` over three sources. `--prepare FOLDER` makes the token files of that search beforehand, on a machine with
tokenizers, and trains nothing. `graphs` is what has been compiled before and after the timed part: equal when nothing was
compiled anew. `--dry` does all parts with a model of one layer, to see that they run.

All parts take --seconds (450) at most: each is a process of its own, which is ended at its share of that (SHARES; what a part does
not need is left to those after it), with a line that says so. The search stops by itself before, and says how many runs it made.

Utilisation is model FLOPs (train_probe/config.py has the convention) over the peak of dense bf16 matrix products
that is measured in the same run, not the one on the data sheet.  Rows are random ids in documents of about 400
tokens.  Written for one accelerator; on a processor it measures fp32 or bf16 as training would use.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.probe_nanogpt import Plain
from train_probe import objectives, prepare, tokenizer
from train_probe import swarm as swarms
from train_probe.attention import has_varlen
from train_probe.config import PRESETS, ModelConfig, TrainConfig, preset
from train_probe.data import Stream, TokenFile
from train_probe.optim import optimizers
from train_probe.parallel import World, measured_peak, start, synchronize
from train_probe.train import Trainer, use_bf16

SHARES = {"peak": 0.06, "preset": 0.1, "trainer": 0.1, "search": 0.24}
"""Of the time, for each of four presets, each of three trainers, and the others."""
TRAINERS = ("plain", "probe", "transformers")
WHOLE = 15.0
"""Seconds that a search leaves itself to end."""


def stream(folder: Path, size: int, tokens: int) -> Stream:
    """Random documents, enough for `tokens` tokens."""
    rng = np.random.Generator(np.random.PCG64(0))
    ids = tokenizer.shipped(min(size, 16_384))
    words = [chr(97 + i) * (1 + i % 5) for i in range(26)]
    texts = [" ".join(rng.choice(words, 400)) for _ in range(max(8, tokens // 2000))]
    docs = (prepare.Text(i, i, text, "s") for i, text in enumerate(texts))
    prepare.write_tokens(docs, ids, folder)
    return Stream(TokenFile.open(folder), 0)


def measure(name: str, world: World, steps: int, peak: float, compiled: bool, micro: int) -> dict[str, Any]:
    """One preset: warm up, then time `steps` steps."""
    chosen = preset(name)
    rows = max(1, chosen.batch // chosen.model.context)
    c = TrainConfig(steps, rows, min(rows, micro or chosen.micro), compile=compiled, log_every=steps)
    trainer = Trainer(chosen.model, c, world)
    with tempfile.TemporaryDirectory() as folder:
        data = stream(Path(folder), chosen.model.vocab, min(4_000_000, c.steps * chosen.batch))
        trainer.run(data)
        before = graphs()
        facts = trainer.run(data)
    return {
        "preset": name,
        "tokens_per_second": round(facts["tokens_per_second"]),
        "tflops": round(facts["flops_per_second"] / 1e12, 3),
        "share_of_measured_peak": round(facts["flops_per_second"] / peak, 4),
        "data_wait": round(facts["data_wait"], 4),
        "weights": facts["weights"],
        "precision": facts["precision"],
        "device": facts["device"],
        "graphs": [before, graphs()],
    }


def graphs() -> int:
    """Graphs that were compiled so far."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


def beside(trained_by: str, world: World, steps: int, compiled: bool, dry: bool) -> dict[str, Any]:
    """Tokens per second of GPT-2's 124M shape by one of TRAINERS: the same rows of random ids, one document a row, AdamW."""
    shape, rows = ModelConfig("gpt2", layers=12, width=768, heads=12, vocab=50304, context=1024), 32
    if dry:
        shape, rows = ModelConfig("gpt2", layers=1, width=32, heads=2, vocab=320, context=64), 2
    ids = torch.from_numpy(np.random.default_rng(0).integers(1, shape.vocab - 1, (rows, shape.context + 1)))
    bf16 = use_bf16("auto", world.device)
    if trained_by == "transformers":
        return huggingface(shape, ids, steps, bf16, compiled)

    def timed(name: str, step: Callable[[], object], tokens: int) -> dict[str, Any]:
        for _ in range(3):
            step()
        synchronize(world.device)
        before, began = graphs(), time.monotonic()
        for _ in range(steps):
            step()
        synchronize(world.device)
        speed = steps * tokens / (time.monotonic() - began)
        return {"trainer": name, "tokens_per_second": round(speed), "graphs": [before, graphs()]}

    if trained_by == "probe":
        settings = TrainConfig(
            steps, rows, rows, optimizer="adamw", schedule="cosine", compile=compiled, log_every=steps
        )
        trainer = Trainer(shape, settings, world)
        made = optimizers(trainer.model, settings)
        meta = {"end": 0, "mask": 0, "size": shape.vocab}
        batch = objectives.make(shape, ids.numpy(), meta, 0, 0, bf16 and has_varlen(world.device))
        return timed("probe, adamw", lambda: trainer._step([batch], made, 0), rows * shape.context)
    plain = Plain(shape, 0).to(world.device)
    model: Any = torch.compile(plain, dynamic=False) if compiled else plain
    optimizer = torch.optim.AdamW(plain.parameters(), lr=6e-4, fused=world.device.type == "cuda")
    on_device = ids.to(world.device)

    def step() -> None:
        with torch.autocast(world.device.type, torch.bfloat16, enabled=bf16):
            logits = model(on_device[:, :-1])
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), on_device[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return timed("plain loop, nanoGPT's recipe", step, rows * shape.context)


def huggingface(shape: ModelConfig, ids: torch.Tensor, steps: int, bf16: bool, compiled: bool) -> dict[str, Any]:
    """The same by `transformers`' Trainer, its own speed without the first steps."""
    name = "Trainer of transformers"
    try:
        import accelerate  # noqa: F401 - the Trainer needs it
        import transformers
    except ImportError as error:
        return {"trainer": name, "left out": str(error)}
    config = transformers.GPT2Config(
        vocab_size=shape.vocab, n_positions=shape.context, n_embd=shape.width, n_layer=shape.layers, n_head=shape.heads
    )
    times: list[float] = []

    class Clock(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            times.append(time.monotonic())

    rows = [{"input_ids": row[:-1], "labels": row[:-1]} for row in ids] * (steps + 5)
    with tempfile.TemporaryDirectory() as folder:
        asked = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=len(ids),
            max_steps=steps + 5,
            bf16=bf16,
            torch_compile=compiled,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            use_cpu=not torch.cuda.is_available(),
        )
        transformers.Trainer(
            transformers.GPT2LMHeadModel(config), asked, train_dataset=rows, callbacks=[Clock()]
        ).train()
    speed = steps * len(ids) * shape.context / (times[-1] - times[4])
    return {"trainer": name, "tokens_per_second": round(speed)}


def searched(folder: Path, dry: bool, compiled: bool, until: float) -> dict[str, Any] | None:
    """24 runs of `4m` over three sources of random documents, none of which is kept, as many as begin before `until`; only the files where that is 0."""
    if dry:
        tiny = ModelConfig(layers=1, width=32, heads=2, vocab=320, context=64)
        PRESETS["4m"] = replace(PRESETS["4m"], model=tiny, batch=256, micro=4)
    paths = {}
    for i, name in enumerate(("a", "b", "c")):
        rng = np.random.Generator(np.random.PCG64(i))
        words = ["".join(chr(97 + x) for x in rng.integers(0, 26, rng.integers(2, 9))) for _ in range(3000)]
        paths[name] = str(folder / f"{name}.jsonl")
        if not Path(paths[name]).exists():
            texts = (" ".join(rng.choice(words, 300)) for _ in range(60 if dry else 12_000))
            Path(paths[name]).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    tokens = 2_000 if dry else 8_000_000
    kind = {"preset": "4m", "run_tokens": tokens, "compile": compiled, "tokenizer": "bytes" if dry else ""}
    swarm = swarms.Swarm(sources=paths, output=str(folder / "search"), **kind)  # type: ignore[arg-type]
    ready = swarms.prepare(swarm, lambda line: print(line, file=sys.stderr, flush=True))
    if until <= 0:
        return None
    shutil.rmtree(folder / "search" / "runs", ignore_errors=True)
    rng = np.random.Generator(np.random.PCG64(9))
    wanted = [(dict(zip(paths, rng.dirichlet((2, 2, 2)).tolist(), strict=True)), 0) for _ in range(24)]
    began, speeds, before = time.monotonic(), [], 0
    for number, one in enumerate(wanted):
        if speeds and time.monotonic() > until:
            break
        speeds.append(swarms.train(swarm, ready, [one], 4.0 * tokens, lambda _: None)[0]["tokens_per_second"])
        before = before if number else graphs()
    facts = {"search_runs": len(speeds), "seconds": round(time.monotonic() - began, 1)}
    return facts | {"tokens_per_second": round(float(np.median(speeds))), "graphs": [before, graphs()]}


def limited(words: list[str], seconds: float) -> tuple[str, str | None]:
    """What a part prints, as a process of its own, and why it ended early: None when it did not."""
    started = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.probe_gpu", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, errors = started.communicate(timeout=max(0.1, seconds))
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)  # its compilers, too
        return started.communicate()[0], f"stopped at its limit of {seconds:.0f} s"
    last = errors.strip().splitlines()[-1:] or [""]
    return said, f"failed ({started.returncode}): {last[0]}" if started.returncode else None


def planned(presets: list[str], whole: bool, seconds: float) -> list[tuple[str, float]]:
    """The parts, and the second at which each must have ended."""
    shares = [("peak", SHARES["peak"]), *((name, SHARES["preset"]) for name in presets)]
    if whole:
        shares += [*((name, SHARES["trainer"]) for name in TRAINERS), ("search", SHARES["search"])]
    total, ends, at = sum(share for _, share in shares), [], 0.0
    for name, share in shares:
        at += share / total * seconds
        ends.append((name, at))
    return ends


def main() -> None:
    """Print a line of JSON for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=["20m", "60m", "150m", "350m"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--micro-rows", type=int, default=0)
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--all", type=Path)
    parser.add_argument("--prepare", type=Path)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--seconds", type=float, default=450)
    parser.add_argument("--part", help="one part in this process: as the whole script does it")
    parser.add_argument("--peak", type=float, default=1.0, help="FLOP/s, for a part")
    asked = parser.parse_args()
    unknown = set(asked.presets) - set(PRESETS)
    if unknown:
        parser.error(f"unknown presets: {', '.join(sorted(unknown))}")
    if asked.prepare:
        asked.prepare.mkdir(parents=True, exist_ok=True)
        searched(asked.prepare, asked.dry, False, 0)
    elif asked.part:
        print(json.dumps(part(asked)), flush=True)
    else:
        everything(asked)


def everything(asked: argparse.Namespace) -> None:
    """All parts one after another, each within its time."""
    began, peak = time.monotonic(), 1.0
    words = ["--steps", str(asked.steps), "--micro-rows", str(asked.micro_rows)]
    words += ["--no-compile"] * asked.no_compile + ["--dry"] * asked.dry
    words += ["--all", str(asked.all)] if asked.all else []
    for name, end in planned(asked.presets, asked.all is not None, asked.seconds):
        left = end - (time.monotonic() - began)
        said, early = limited([*words, "--part", name, "--peak", str(peak), "--seconds", str(left)], left)
        print(said, end="", flush=True)
        if early:
            print(json.dumps({"part": name, "left out": early}), flush=True)
        elif name == "peak":
            peak = 1e12 * float(json.loads(said)["measured_peak_tflops"])
    print(json.dumps({"seconds_in_all": round(time.monotonic() - began, 1)}), flush=True)


def part(asked: argparse.Namespace) -> dict[str, Any] | None:
    """One part."""
    until, compiled = time.monotonic() + asked.seconds, not asked.no_compile
    if asked.dry:
        shape = ModelConfig(layers=1, width=32, heads=2, vocab=320, context=64)
        PRESETS.update({name: replace(one, model=shape, batch=256, micro=4) for name, one in PRESETS.items()})
    if asked.part == "search":
        return searched(asked.all, asked.dry, compiled, until - WHOLE)
    world = start("auto")
    if asked.part == "peak":
        peak = measured_peak(world.device, use_bf16("auto", world.device))
        return {"measured_peak_tflops": round(peak / 1e12, 6), "torch": str(torch.__version__)}
    if asked.part in TRAINERS:
        return beside(asked.part, world, asked.steps, compiled, asked.dry)
    return measure(asked.part, world, asked.steps, asked.peak, compiled, asked.micro_rows)


if __name__ == "__main__":
    main()
