"""An experiment on disk: mixtures prepared once, then one run for each mixture and seed.

    OUTPUT/
      experiment.json            what was asked: mixtures, preset, budget, seeds, primary metric; what the inputs held
      tokenizer.json             token_bytes.npy
      data/held-out/             token file of the documents that nobody trains on
      data/NAME/                 token file of each mixture
      data/tasks/                questions as ids
      data/prepared.json         which question all of data/ was prepared for
      budget.json                steps, tokens and parts, fixed before the first run
      runs/NAME/seed-S/          checkpoint.pt, result.json (facts, curve, ledger, scores per document)
      looks.json                 how often the result was looked at
      verdict.json, report.html  written by compare.py

Preparing needs pyarrow and tokenizers; a prepared folder can be trained where only torch and numpy are.
"""

import hashlib
import json
import os
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from train_probe import __version__, held_out, looks
from train_probe import budget as budgets
from train_probe.config import PRESETS, Preset, TrainConfig, preset
from train_probe.data import Stream, TokenFile
from train_probe.errors import ProbeError
from train_probe.inputs import Input, find, fingerprint, read
from train_probe.inputs import changed as changed_files
from train_probe.request import HELD_OUT, TASKS, How, Request

Talk = Callable[[str], None]


def prepare(request: Request, output: Path, talk: Talk) -> None:
    """Choose the held-out documents, tokenize everything.  What is finished already is not done again.

    Raises ProbeError when `output` holds an experiment with another question, when the files it was prepared from hold
    something else by now, and when fewer seeds are asked for than were planned.
    """
    file = output / "experiment.json"
    before = _saved(output) if file.exists() else None
    if before is None and any((output / name).exists() for name in ("data", "runs")):
        raise ProbeError(f"{output} holds something else (a corpus?): choose another --output")
    asked = json.loads(json.dumps(asdict(request)))
    inputs = _inputs(request, before["inputs"] if before else {})
    if before and _begun(output):
        _check_same(output, before, asked, inputs)
    identity = _identity(asked, inputs)
    with nothing_left(output):
        _prepare(request, output, talk, before, identity, asked, inputs)


@contextmanager
def nothing_left(output: Path) -> Iterator[None]:
    """Make a folder for the block. Where that fails (an input that can't be read, say), of a folder that was not there, or empty,
    nothing is left, so that the corrected command finds no other experiment in its way."""
    new = [path for path in (output, *output.parents) if not path.exists()]
    empty = bool(new) or not any(output.iterdir())
    output.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except Exception:
        for path in output.iterdir() if empty else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):  # somebody else has put something into it by now
            for path in new:
                path.rmdir()
        raise


def _prepare(
    request: Request,
    output: Path,
    talk: Talk,
    before: dict[str, Any] | None,
    identity: str,
    asked: dict[str, Any],
    inputs: dict[str, Any],
) -> None:
    file = output / "experiment.json"
    planned = before["planned"] if before and _begun(output) else request.seeds
    known = {"version": 2, "planned": planned, "request": asked, "inputs": inputs, "environment": environment()}
    write_json(file, known)
    if prepared(output) is None or (prepared(output) != identity and not _begun(output)):
        _tokenize(request, output, talk)
        write_json(output / "data" / "prepared.json", {"identity": identity})


def _begun(output: Path) -> bool:
    """Whether anything was trained: from then on the question stands."""
    return (output / "budget.json").exists() or (output / "runs").exists()


def stated(output: Path) -> Request | None:
    """The question of an experiment whose training has begun, from when on it stands; None before."""
    return load(output) if (output / "experiment.json").exists() and _begun(output) else None


def planned_seeds(output: Path) -> int:
    """The seeds that were planned when the first run began."""
    return int(_saved(output)["planned"])


def prepared(output: Path) -> str | None:
    """Which question the whole of data/ was prepared for; None when it is not finished."""
    try:
        return str(json.loads((output / "data" / "prepared.json").read_text(encoding="utf-8"))["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _saved(output: Path) -> dict[str, Any]:
    file = output / "experiment.json"
    try:
        saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        kinds = {"request": dict, "inputs": dict, "planned": int}
        if not all(isinstance(saved[name], kind) for name, kind in kinds.items()):
            raise TypeError("of another version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProbeError(f"{file}: can't be read ({error}); choose another --output") from None
    return saved


_PATHS = ("mixtures", "held_out", "tokenizer", "tasks")
"""Parts of a request that name inputs: these are compared by what they hold."""


def _check_same(output: Path, before: dict[str, Any], asked: dict[str, Any], inputs: dict[str, Any]) -> None:
    old = {f.name: f.default_factory() for f in fields(Request) if f.default_factory is not MISSING} | before["request"]
    changed = [k for k in asked if old.get(k) != asked[k] and k != "seeds" and k not in _PATHS]
    changed += ["tasks"] if _of_package(old["tasks"]) != _of_package(asked["tasks"]) else []
    changed += sorted(before["inputs"].keys() ^ inputs.keys())
    if changed:
        raise ProbeError(
            f"{output} holds another experiment (different: {', '.join(changed)}); choose another --output"
        )
    for name, entries in inputs.items():
        files = changed_files(before["inputs"][name], entries)
        if files:
            some = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
            raise ProbeError(
                f"{output} was prepared from other content: {name} has changed since ({some}); choose another --output"
            )
    planned, seeds = before["planned"], asked["seeds"]
    if len(asked["mixtures"]) > 1 and seeds != looks.next_point(seeds, planned):
        raise ProbeError(
            f"{planned} seeds were planned, and training has begun: there is a verdict at {planned}, {2 * planned}, {4 * planned} ... seeds, "
            f"not at {seeds} (probe-compare --now gives one on fewer)"
        )
    budget = budgets.kept(output)
    if budget is not None:
        budgets.check_seeds(budget, seeds)


def _of_package(tasks: list[str]) -> list[str]:
    from train_probe.tasks import BUNDLED

    return sorted(name for name in tasks if name.startswith(BUNDLED))


def _identity(asked: dict[str, Any], inputs: dict[str, Any]) -> str:
    """Of everything that decides what data/ holds."""
    names = ("preset", "family", "held_out_bytes", "vocab")
    content = {name: [[entry[0], entry[1], entry[4]] for entry in entries] for name, entries in inputs.items()}
    from train_probe.tasks import digest

    questions = [[name, digest(name)] for name in _of_package(asked["tasks"])]
    decides = [{name: asked[name] for name in names}, asked["tokenizer"] == "bytes", content, questions]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def _inputs(request: Request, before: dict[str, Any]) -> dict[str, Any]:
    """What every input holds, by its role (see inputs.fingerprint)."""
    from train_probe.tasks import BUNDLED, name_of

    roots = {f"mixture {name}": [Path(p) for p in _several(paths)] for name, paths in request.mixtures.items()}
    if request.held_out:
        roots["held-out"] = [Path(request.held_out)]
    else:
        own = {name: [p / "heldout" for p in paths if held_out.has_own(p)] for name, paths in roots.items()}
        roots |= {f"held-out of {name}": paths for name, paths in own.items() if paths}
    found: dict[str, Any] = {}
    for name, paths in roots.items():
        found[name] = []
        for i, path in enumerate(paths):
            known = [[e[0].removeprefix(f"{i}/"), *e[1:]] for e in before.get(name, []) if e[0].startswith(f"{i}/")]
            found[name] += [[f"{i}/{entry[0]}", *entry[1:]] for entry in fingerprint(find(path), known)]
    files = [("tokenizer", request.tokenizer)] if request.tokenizer not in ("", "bytes") else []
    files += [("task " + name_of(name), name) for name in request.tasks if not name.startswith(BUNDLED)]
    for name, file in ((name, Path(path)) for name, path in files):
        if not file.is_file():
            raise ProbeError(f"{file}: no such file")
        found[name] = fingerprint(Input(file, (file,)), before.get(name))
    return found


def _tokenize(request: Request, output: Path, talk: Talk) -> None:
    from train_probe import breakdown, tasks
    from train_probe import prepare as files
    from train_probe import tokenizer as tokenizers

    data = output / "data"
    shutil.rmtree(data, ignore_errors=True)  # what an unfinished preparation left may be of another question
    tokenizer = tokenizer_of(request)
    tokenizer.save(output / "tokenizer.json")
    np.save(output / "token_bytes.npy", np.array(tokenizers.token_bytes(tokenizer), dtype=np.int32))
    folders = {name: [Path(p) for p in _several(paths)] for name, paths in request.mixtures.items()}
    for task in read_tasks(request.tasks):
        tasks.encode(task, tokenizer).save(data / TASKS / f"{task.name}.json")
    given = Path(request.held_out) if request.held_out else None
    skipped: Counter[str] = Counter()
    docs = held_out.choose(list(folders.values()), given, request.held_out_bytes, skipped)
    meta = files.write_tokens(docs, tokenizer, data / HELD_OUT, skipped=skipped)
    breakdown.write(docs, tokenizer, TokenFile.open(data / HELD_OUT))
    part = given is not None and held_out.is_corpus(list(folders.values()), given)
    some = f"a tenth of {given}, whose rest is trained on: " if part else ""
    talk(f"held out: {some}{_of_sources(docs)}{_left_out(meta)}")
    kept_out = held_out.HeldOut(docs)
    for name, paths in folders.items():
        skipped = Counter()
        found = [find(path) for path in paths]
        for line in (line for one in found for line in one.left_out):
            talk(f"{name}: left out {line}")
        every = (doc for one in found for doc in read(one, skipped))
        known = files.packed(paths[0], tokenizer) if len(paths) == 1 else None
        if known is not None:
            talk(f"{name}: the ids are those of {paths[0] / 'tokens'}")
            meta = files.write_packed(every, known, tokenizer, data / name, kept_out, skipped)
        else:
            meta = files.write_tokens(every, tokenizer, data / name, kept_out, skipped)
        if not meta["documents"]:
            raise ProbeError(f"{name}: nothing is left to train on{_left_out(meta)}")
        talk(
            f"{name}: {meta['documents']:,} documents, {meta['tokens']:,} tokens, {meta['bytes']:,} bytes{_left_out(meta)}"
        )


def _left_out(meta: dict[str, Any]) -> str:
    return "".join(f"; left out {n:,} {reason}" for reason, n in meta["skipped"].items())


def _of_sources(docs: list[Any]) -> str:
    counts, sizes = Counter(doc.source for doc in docs), Counter[str]()
    for doc in docs:
        sizes[doc.source] += len(doc.text.encode())
    some = ", ".join(f"{name} {counts[name]:,} ({size:,} bytes)" for name, size in sizes.most_common(8))
    return f"{len(docs):,} documents, {sum(sizes.values()):,} bytes: {some}{', ...' if len(sizes) > 8 else ''}"


def _several(paths: str | list[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else paths


def read_tasks(names: list[str]) -> list[Any]:
    """The tasks of these files.  Raises ProbeError for a bad one, or for two of one name."""
    from train_probe import tasks

    found = [tasks.read(name) for name in names]
    twice = [name for name, n in Counter(task.name for task in found).items() if n > 1]
    if twice:
        raise ProbeError(f"two tasks are called {twice[0]!r}: rename one of the files")
    return found


def tokenizer_of(request: Request) -> Any:
    """The tokenizer that a request asks for."""
    from train_probe import tokenizer as tokenizers

    if request.tokenizer == "bytes":
        return tokenizers.from_merges([])
    if request.tokenizer:
        return tokenizers.load(Path(request.tokenizer))
    return tokenizers.shipped(request.vocab or min(16_384, PRESETS[request.preset].model.vocab))


def load(output: Path) -> Request:
    """The question of an experiment on disk.  Raises ProbeError when there is none."""
    try:
        return Request(**json.loads((output / "experiment.json").read_text(encoding="utf-8"))["request"])
    except FileNotFoundError:
        raise ProbeError(f"{output}: no experiment here; start one with probe-train") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProbeError(f"{output}: no experiment here ({error}); start one with probe-train") from None


def run(output: Path, how: How, talk: Talk) -> None:
    """Train and evaluate every mixture with every seed; finished runs are kept, unfinished ones continued.

    Seeds come first, mixtures second, so that whatever stops the experiment leaves mixtures with equal numbers of
    seeds, and a slower hour of the machine hits all alike.
    """
    from train_probe import parallel
    from train_probe.train import Trainer, identity

    request = load(output)
    if prepared(output) is None:
        raise ProbeError(f"{output} was not prepared to its end; run the command without --only run")
    world = parallel.start(how.device)
    say = talk if world.is_main else _silent
    token_files = {name: TokenFile.open(output / "data" / name) for name in request.mixtures}
    held = TokenFile.open(output / "data" / HELD_OUT)
    chosen = preset(request.preset, request.family, held.meta["size"])
    budget = _budget(request, how, chosen, output, token_files)
    if chosen.below_floor:
        say(f"{request.preset} is below the size from which orders are stable: use it to screen")
    if request.tokens and budget.tokens > 1.5 * request.tokens:
        steps = budget.steps_of(next(iter(token_files)))
        say(f"asked for {request.tokens:,} tokens; each run trains {budget.tokens:,}: steps are whole, {steps} of them")
    if request.seeds > 1:
        say(_which_documents(budget.parts, budget.tokens, token_files))
    trainer: Trainer | None = None
    try:
        for seed in range(request.first_seed, request.first_seed + request.seeds):
            for name, file in token_files.items():
                settings = settings_for(request, how, chosen, budget.steps_of(name), seed)
                stream = Stream(file, seed, seed % budget.parts, budget.parts)
                folder = output / "runs" / name / f"seed-{seed}"
                if parallel.share(finished(folder, identity(chosen.model, settings, stream))):
                    continue
                if trainer is not None:
                    trainer.settings = settings  # only seed and length differ: what is compiled is used again
                trainer = trainer or Trainer(chosen.model, settings, world, say)
                say(
                    f"{name}, seed {seed}: {settings.steps:,} steps of {settings.batch_rows * chosen.model.context:,} tokens"
                )
                facts = trainer.run(stream, folder)
                if world.is_main:
                    _finish(folder, trainer, facts, held, output, how, talk)
                parallel.barrier()
    finally:
        parallel.stop()


def finished(folder: Path, identity: dict[str, object] | None = None) -> bool:
    """Whether a run is finished.  Raises ProbeError when its result is damaged, or of another `identity`."""
    path = folder / "result.json"
    if not path.exists():
        return False
    found = read_result(path).get("identity")
    if identity is not None and found != json.loads(json.dumps(identity)):
        raise ProbeError(f"{path} is of other data or settings than this experiment; delete {folder} to run it again")
    return True


def read_result(path: Path) -> dict[str, object]:
    """A finished run.  Raises ProbeError when the file is damaged."""
    try:
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(saved["scores"], dict):
            raise TypeError("no scores")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProbeError(f"{path}: damaged ({error}); delete it to run this again") from None
    return saved


def _which_documents(parts: int, tokens: int, files: dict[str, TokenFile]) -> str:
    if parts > 1:
        return f"each seed reads documents of its own: part s of {parts}"
    most = max(tokens / int(f.meta["tokens"]) for f in files.values())
    return (
        f"all seeds draw from the same documents (a run reads up to {most:.2g} times a whole mixture): the interval "
        "will not hold the luck of which documents a mixture has"
    )


def settings_for(request: Request, how: How, chosen: Preset, steps: int, seed: int) -> TrainConfig:
    """The training settings of one run."""
    rows = max(1, (request.batch_tokens or chosen.batch) // chosen.model.context)
    return TrainConfig(
        steps=steps,
        batch_rows=rows,
        micro_rows=min(rows, how.micro_rows or chosen.micro),
        seed=seed,
        optimizer=request.optimizer,
        schedule=request.schedule,
        lr_scale=request.lr_scale,
        checkpoint_every=how.checkpoint_every,
        log_every=max(1, min(50, steps // 10)),
        precision=how.precision,
        compile=how.compile,
        parallel=how.parallel,
    )


def _budget(request: Request, how: How, chosen: Preset, output: Path, files: dict[str, TokenFile]) -> budgets.Budget:
    """What the first run fixed, or fixed now: by the main process, for all."""
    from train_probe import parallel

    found = parallel.share(budgets.kept(output))
    if found is None:
        rate = _speed(request, how, chosen, output) if how.minutes and not (request.tokens or request.bytes) else 0.0
        rate = parallel.share(rate)  # each process measures another one, and all must train as long
        found = budgets.decide(request, chosen, files, how.flops, how.minutes, lambda: rate)
        if parallel.is_main():
            write_json(output / "budget.json", asdict(found))
        parallel.barrier()
    budgets.check_seeds(found, request.seeds)
    return found


def _speed(request: Request, how: How, chosen: Preset, output: Path) -> float:
    """Tokens per second of a short run on the first mixture, whose start-up is not counted."""
    from train_probe import parallel
    from train_probe.train import Trainer

    settings = settings_for(request, how, chosen, 8, 0)
    trainer = Trainer(chosen.model, settings, parallel.start(how.device))
    stream = Stream(TokenFile.open(output / "data" / next(iter(request.mixtures))), 0)
    trainer.run(stream)
    return float(trainer.run(stream)["tokens_per_second"])


def _finish(
    folder: Path,
    trainer: Any,
    facts: dict[str, Any],
    held: TokenFile,
    output: Path,
    how: How,
    talk: Talk,
) -> None:
    from train_probe import sample, tasks
    from train_probe.evaluate import evaluate
    from train_probe.train import load_weights

    began = time.monotonic()
    model = trainer.model
    if trainer.world.size > 1:  # its weights may be spread over processes that are not here
        model, _ = load_weights(folder / "checkpoint.pt", trainer.world.device)
    sizes = np.load(output / "token_bytes.npy")
    measured = evaluate(model, held, sizes)
    scores = {name: value.to_dict() for name, value in measured.scores.items()}
    for path in sorted((output / "data" / TASKS).glob("*.json")):
        found = tasks.evaluate(model, tasks.Encoded.load(path))
        scores |= {name: value.to_dict() for name, value in found.items()}
    given = sample.prompts(held)
    written = [{"given": a, "written": b} for a, b in zip(given, sample.write(model, given), strict=False)]
    trainer.model.train()
    facts["evaluation_seconds"] = time.monotonic() - began
    if how.tensorboard:
        _tensorboard(folder, facts, scores)
    write_json(folder / "result.json", {**facts, "scores": scores, "parts": measured.parts, "samples": written})
    bits = scores["bits per byte"]
    talk(f"  {sum(bits['values']) / sum(bits['weights']):.4f} bits per byte of the held-out text")


def _tensorboard(folder: Path, facts: dict[str, Any], scores: dict[str, dict[str, Any]]) -> None:
    """Loss, gradient norm and learning rate over tokens, and the final scores."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ProbeError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    writer: Any = SummaryWriter(str(folder / "tensorboard"))  # type: ignore[no-untyped-call,unused-ignore]
    for point in facts["curve"]:
        for name in ("loss", "norm", "rate"):
            writer.add_scalar(name, point[name], int(point["tokens"]))
    for name, score in scores.items():
        writer.add_scalar(f"scores/{name}", sum(score["values"]) / sum(score["weights"]), int(facts["tokens"]))
    writer.close()


def environment() -> dict[str, str]:
    """Versions that can change a figure."""
    import torch

    return {
        "train_probe": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def _silent(_: str) -> None:
    return


def write_json(path: Path, value: object) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    part.rename(path)
