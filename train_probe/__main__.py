"""`python -m train_probe`: the trainer without the rest of the project; torchrun starts it on many devices."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from train_probe.config import FAMILIES, PRESETS
from train_probe.errors import ProbeError


def main(arguments: list[str] | None = None, prog: str = "python -m train_probe ") -> int:
    """Run a command; an error of the person who runs it is one line and exit code 2."""
    asked = _parser(prog).parse_args(arguments)
    try:
        asked.run(asked)
    except ProbeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; finished runs are kept, the same command goes on", file=sys.stderr)
        return 130
    return 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog.strip(), description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    train = commands.add_parser(
        "train", prog=f"{prog}train", help="prepare, train every mixture with every seed, compare"
    )
    _experiment(train, seeds=3)
    train.set_defaults(run=_train)
    control = commands.add_parser(
        "control", prog=f"{prog}control", help="the noise of every metric: one mixture, several seeds"
    )
    _experiment(control, seeds=5)
    control.set_defaults(run=_train)
    compare = commands.add_parser("compare", prog=f"{prog}compare", help="the verdict again, from what is on disk")
    compare.add_argument("output", type=Path)
    compare.add_argument("--json", action="store_true", help="all figures")
    compare.set_defaults(run=_show)
    evaluate = commands.add_parser("evaluate", prog=f"{prog}evaluate", help="a checkpoint on token files and tasks")
    evaluate.add_argument("checkpoint", type=Path, help="checkpoint.pt or the folder of a run")
    evaluate.add_argument("--tasks", action="append", default=[], type=Path, metavar="FILE")
    evaluate.add_argument("--shots", type=int, default=0, help="solved examples before each question")
    evaluate.add_argument("--held-out", type=Path, help="a token file")
    evaluate.add_argument("--tokenizer", type=Path, help="default: the one of the experiment")
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(run=_evaluate)
    export = commands.add_parser("export", prog=f"{prog}export", help="a checkpoint as a Hugging Face folder")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("folder", type=Path)
    export.set_defaults(run=_export)
    return parser


def _experiment(train: argparse.ArgumentParser, seeds: int) -> None:
    train.add_argument("--shards", action="append", default=[], metavar="[NAME=]FOLDER", help="a mixture; repeatable")
    train.add_argument("--output", type=Path, required=True)
    train.add_argument("--preset", choices=list(PRESETS), default="20m")
    train.add_argument("--family", choices=FAMILIES, default="llama")
    train.add_argument("--tokens", type=int, default=0, help="of each run; default 20 per weight")
    train.add_argument("--minutes", type=float, default=0.0, help="instead: for all runs together")
    train.add_argument("--flops", type=float, default=0.0, help="instead: of each run")
    train.add_argument("--seeds", type=int, default=seeds)
    train.add_argument("--held-out", default="", metavar="FOLDER", help="default: an equal part of each mixture")
    train.add_argument("--tokenizer", default="", help="tokenizer.json, or 'bytes'; default: the shipped one")
    train.add_argument(
        "--tasks", action="append", default=[], metavar="FILE", help="questions as JSON lines; repeatable"
    )
    train.add_argument(
        "--documents",
        choices=("auto", "apart", "shared"),
        default="auto",
        help="whether seeds read documents of their own",
    )
    train.add_argument("--lr-scale", type=float, default=1.0)
    train.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    train.add_argument("--schedule", choices=("wsd", "cosine"), default="wsd")
    _machine(train)
    train.add_argument("--only", choices=("prepare", "run"), help="one half: prepare here, train elsewhere")


def _machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--parallel", choices=("ddp", "fsdp", "tp"), default="ddp")
    parser.add_argument("--micro-rows", type=int, default=0, help="rows per forward pass of one device")
    parser.add_argument("--checkpoint-every", type=int, default=0, metavar="STEPS")
    parser.add_argument("--tensorboard", action="store_true")


def _train(a: Any) -> None:
    import os

    from train_probe import experiment

    main_process = int(os.environ.get("RANK", "0")) == 0
    if a.only != "run" and main_process:
        request = experiment.Request(
            mixtures=experiment.named(a.shards),
            preset=a.preset,
            family=a.family,
            tokens=a.tokens,
            seeds=a.seeds,
            held_out=a.held_out,
            tokenizer=a.tokenizer,
            lr_scale=a.lr_scale,
            optimizer=a.optimizer,
            schedule=a.schedule,
            tasks=a.tasks,
            documents=a.documents,
        )
        experiment.prepare(request, a.output, _talk)
    if a.only == "prepare":
        return
    names = (
        "device",
        "precision",
        "compile",
        "parallel",
        "micro_rows",
        "checkpoint_every",
        "minutes",
        "flops",
        "tensorboard",
    )
    experiment.run(a.output, experiment.How(**{name: getattr(a, name) for name in names}), _talk)
    if main_process:
        print(_compare(a.output)["text"])


def _show(a: Any) -> None:
    found = _compare(a.output)
    print(json.dumps(found, indent=1) if a.json else found["text"])


def _evaluate(a: Any) -> None:
    import torch

    from train_probe import tasks, tokenizer
    from train_probe.data import TokenFile
    from train_probe.evaluate import held_out
    from train_probe.train import load_weights

    path = a.checkpoint / "checkpoint.pt" if a.checkpoint.is_dir() else a.checkpoint
    model, _ = load_weights(path, torch.device("cpu"))
    scores: dict[str, float] = {}
    if a.held_out:
        scores["bits per byte"] = held_out(model, TokenFile.open(a.held_out)).mean
    if a.tasks:
        beside = next((p / "tokenizer.json" for p in path.parents if (p / "tokenizer.json").exists()), None)
        given = a.tokenizer or beside
        if given is None:
            raise ProbeError(f"no tokenizer.json beside {path}; give --tokenizer")
        ids = tokenizer.load(given)
        for file in a.tasks:
            found = tasks.evaluate(model, ids, tasks.with_examples(tasks.read(file), a.shots))
            scores |= {name: value.mean for name, value in found.items()}
    print(json.dumps(scores, indent=1) if a.json else "\n".join(f"{v:.4f}  {k}" for k, v in scores.items()))


def _compare(output: Path) -> dict[str, Any]:
    from train_probe.compare import compare

    return compare(output)


def _export(a: Any) -> None:
    from train_probe.export import export

    export(a.checkpoint, a.folder)


def _talk(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
