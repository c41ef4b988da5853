"""`python -m train_probe`: the trainer without the rest of the project; torchrun starts it on many devices."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

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
    train.set_defaults(run=_train, mixtures="named")
    control = commands.add_parser(
        "control", prog=f"{prog}control", help="the noise of every metric: the proportional mixture, several seeds"
    )
    _experiment(control, seeds=5)
    control.set_defaults(run=_train, mixtures="proportional")
    compare = commands.add_parser("compare", prog=f"{prog}compare", help="the verdict again, from what is on disk")
    compare.add_argument("output", type=Path)
    compare.add_argument("--json", action="store_true", help="all figures")
    compare.set_defaults(run=_show)
    evaluate = commands.add_parser("evaluate", prog=f"{prog}evaluate", help="a checkpoint on token files and tasks")
    evaluate.add_argument(
        "checkpoint", type=Path, help="folder of a run, its checkpoint.pt, or a Hugging Face folder (GPT-2, LLaMA)"
    )
    evaluate.add_argument("--tasks", action="append", metavar="FILE", help="default: two bundled tasks")
    evaluate.add_argument("--no-tasks", action="store_true", help="held-out text alone")
    evaluate.add_argument("--shots", type=int, default=0, help="solved examples before each question")
    evaluate.add_argument("--held-out", type=Path, help="a token file, or a folder of Parquet with a column text")
    evaluate.add_argument("--tokenizer", type=Path, help="default: the one beside the checkpoint")
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
        "--tasks",
        action="append",
        metavar="FILE",
        help="questions as JSON lines; repeatable; default: two bundled tasks",
    )
    train.add_argument("--no-tasks", action="store_true", help="held-out text alone")
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

    from train_probe import experiment, request, tasks

    main_process = int(os.environ.get("RANK", "0")) == 0
    if a.only != "run" and main_process:
        question = request.Request(
            mixtures=(request.proportional if a.mixtures == "proportional" else request.named)(a.shards),
            preset=a.preset,
            family=a.family,
            tokens=a.tokens,
            seeds=a.seeds,
            held_out=a.held_out,
            tokenizer=a.tokenizer,
            lr_scale=a.lr_scale,
            optimizer=a.optimizer,
            schedule=a.schedule,
            tasks=[] if a.no_tasks else a.tasks or tasks.bundled(),
            documents=a.documents,
        )
        experiment.prepare(question, a.output, _talk)
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
    experiment.run(a.output, request.How(**{name: getattr(a, name) for name in names}), _talk)
    if main_process:
        print(_compare(a.output)["text"])


def _show(a: Any) -> None:
    found = _compare(a.output)
    print(json.dumps(found, indent=1) if a.json else found["text"])


def _evaluate(a: Any) -> None:
    from train_probe import tasks
    from train_probe.checkpoint import held_out_file, open_model
    from train_probe.evaluate import held_out
    from train_probe.tokenizer import token_bytes

    opened = open_model(a.checkpoint, a.tokenizer)
    scores: dict[str, Any] = {}
    if a.held_out:
        with held_out_file(a.held_out, opened.tokenizer) as file:
            sizes = np.array(token_bytes(opened.tokenizer))
            scores["bits per byte"] = held_out(opened.model, file, sizes)
    for name in [] if a.no_tasks else a.tasks or tasks.bundled():
        task = tasks.with_examples(tasks.read(name), a.shots)
        scores |= tasks.evaluate(opened.model, tasks.encode(task, opened.tokenizer))
    if a.json:
        print(json.dumps({name: value.mean for name, value in scores.items()}, indent=1))
    else:
        print("\n".join(f"{v.mean:.4f}  {k}{'  (at chance)' if v.at_chance() else ''}" for k, v in scores.items()))


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
