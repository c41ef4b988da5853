"""Many runs on mixtures of the same sources: one token file a source, one process, one compiled model, a file a result.

A result is kept under a key of everything that decides it: what the sources hold (not their names or paths), the weights,
the share of each source that is read, the model and its settings, the seed, what is measured.  So a search goes on where it
was stopped, grows, and takes up what another search of the same sources has measured in the same folder.
"""

import hashlib
import json
import math
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train_probe import held_out
from train_probe import prepare as files
from train_probe.blend import Blend, some_of
from train_probe.config import Log, Preset, chinchilla_tokens, preset
from train_probe.data import TokenFile
from train_probe.errors import DAMAGE, ProbeError, shortly
from train_probe.inputs import Input, find, fingerprint, read
from train_probe.prepare import nothing_left, read_tasks, tokenizer_of
from train_probe.request import Request, RunConfig, settings_for, write_json

HELD_OUT_BYTES = 400_000
"""Of each source, where the sources give the held-out text: each run reads all of it."""


@dataclass(frozen=True)
class Swarm:
    """The sources of a search, and how its runs are trained."""

    sources: dict[str, str]
    """Folder or file of each by name."""
    output: str
    preset: str = "4m"
    run_tokens: int = 0
    """Tokens of each run; 0 = 20 per weight."""
    held_out: str = ""
    """A folder to measure on; "" = a part of each source."""
    tasks: tuple[str, ...] = ()
    """Measure bits per byte of the right answers of these tasks instead."""
    tokenizer: str = ""
    compile: bool = False
    device: str = "auto"

    def request(self) -> Request:
        """As one experiment, for the rules that they share.  Raises ProbeError."""
        return Request(dict(self.sources), preset=self.preset, tokens=self.run_tokens, tokenizer=self.tokenizer)


@dataclass(frozen=True)
class Prepared:
    """Sources that are tokenized, and what they hold."""

    folder: Path
    tokens: dict[str, int]
    contents: dict[str, str]
    """A digest of each token file, and of what is measured under "held-out" and "tasks"."""


def prepare(swarm: Swarm, log: Log) -> Prepared:
    """Tokenize what is not tokenized yet, or has changed.  Raises ProbeError."""
    request = swarm.request()
    folder = Path(swarm.output)
    data = folder / "data"
    before = _saved(data / "prepared.json")
    inputs = _inputs(swarm, before.get("inputs", {}))
    kind = {"preset": swarm.preset, "tokenizer": swarm.tokenizer, "held_out": bool(swarm.held_out)}
    same = [{n: [[e[0], e[1], e[4]] for e in es] for n, es in x.items()} for x in (inputs, before.get("inputs", {}))]
    if before and before.get("kind") == kind and same[0] == same[1]:
        return Prepared(folder, before["tokens"], before["contents"])
    with nothing_left(folder):
        shutil.rmtree(data, ignore_errors=True)
        return _tokenized(swarm, request, inputs, kind, log)


def _tokenized(swarm: Swarm, request: Request, inputs: dict[str, Any], kind: dict[str, object], log: Log) -> Prepared:
    folder, data = Path(swarm.output), Path(swarm.output) / "data"
    tokenizer = tokenizer_of(request)
    skipped: Counter[str] = Counter()
    paths = {name: Path(path) for name, path in swarm.sources.items()}
    if swarm.held_out:
        docs = held_out.choose([[path] for path in paths.values()], Path(swarm.held_out), 0, skipped)
    else:
        docs = [
            doc._replace(source=name)
            for name, path in paths.items()
            for doc in held_out.choose([[path]], None, HELD_OUT_BYTES, skipped)
        ]
    measured = files.write_tokens(docs, tokenizer, data / "held-out", skipped=skipped)
    log(f"held out: {measured['documents']:,} documents, {measured['bytes']:,} bytes")
    contents, tokens = {"held-out": measured["fingerprint"], "tasks": ""}, {}
    encoded = []
    from train_probe import tasks

    for task in read_tasks(list(swarm.tasks)):
        one = tasks.encode(task, tokenizer)
        one.save(data / "tasks" / f"{task.name}.json")
        encoded.append((data / "tasks" / f"{task.name}.json").read_bytes())
    if encoded:
        contents["tasks"] = hashlib.sha256(b"\0".join(encoded)).hexdigest()[:16]
    kept_out = held_out.HeldOut(docs)
    for name, path in paths.items():
        skipped = Counter()
        every = (doc._replace(source=name) for doc in read(find(path), skipped))
        meta = files.write_tokens(every, tokenizer, data / "sources" / name, kept_out, skipped)
        if not meta["documents"]:
            raise ProbeError(f"{name}: nothing is left to train on")
        left = "".join(f"; left out {n:,} {reason}" for reason, n in meta["skipped"].items())
        log(f"{name}: {meta['documents']:,} documents, {meta['tokens']:,} tokens{left}")
        tokens[name], contents[f"source {name}"] = int(meta["tokens"]), str(meta["fingerprint"])
    write_json(data / "prepared.json", {"kind": kind, "inputs": inputs, "tokens": tokens, "contents": contents})
    return Prepared(folder, tokens, contents)


def _saved(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) and {"kind", "inputs", "tokens", "contents"} <= set(found) else {}
    except DAMAGE:
        return {}


def _inputs(swarm: Swarm, before: dict[str, Any]) -> dict[str, Any]:
    found = {f"source {name}": find(Path(path)) for name, path in swarm.sources.items()}
    if swarm.held_out:
        found["held-out"] = find(Path(swarm.held_out))
    for name in swarm.tasks:
        if Path(name).is_file():
            found[f"task {name}"] = Input(Path(name), (Path(name),))
    return {name: fingerprint(one, before.get(name)) for name, one in found.items()}


def run_tokens(swarm: Swarm) -> int:
    """Tokens of each run: as asked, or 20 per weight."""
    return swarm.run_tokens or chinchilla_tokens(preset(swarm.preset).model)


def train(
    swarm: Swarm,
    ready: Prepared,
    wanted: Iterable[tuple[dict[str, float], int]],
    target: float,
    log: Log,
) -> list[dict[str, Any]]:
    """The result of each (weights, seed), trained where it is not there yet, in this order.

    `target` is the budget of the mixture in tokens: each source is read in part, so that a run repeats it as often as
    the mixture will.
    """
    held = TokenFile.open(ready.folder / "data" / "held-out")
    chosen = preset(swarm.preset, "llama", held.meta["size"])
    request, run_config = swarm.request(), RunConfig(device=swarm.device, compile=swarm.compile)
    rows = settings_for(request, run_config, chosen, 1, 0).batch_rows
    steps = max(1, math.ceil(run_tokens(swarm) / (rows * chosen.model.context)))
    share = steps * rows * chosen.model.context / target
    parts = {name: some_of(TokenFile.open(ready.folder / "data" / "sources" / name), share) for name in swarm.sources}
    trainer: Any = None
    found = []
    every = list(wanted)
    for number, (weights, seed) in enumerate(every):
        used = {name: weight for name, weight in weights.items() if weight > 0}
        settings = settings_for(request, run_config, chosen, steps, seed)
        path = ready.folder / "runs" / f"{key(ready, used, chosen, settings.to_dict(), min(1.0, share))}.json"
        kept = _result(path)
        if kept is None:
            from train_probe import parallel
            from train_probe.train import Trainer

            if trainer is None:
                trainer = Trainer(chosen.model, settings, parallel.start(swarm.device))
            trainer.settings = settings  # only the seed differs: what is compiled is used again
            blend = Blend({name: parts[name] for name in used}, used, steps * rows, chosen.model.context, seed)
            facts = trainer.run(blend)
            kept = {
                "weights": used,
                "contents": _contents(ready, used),
                "setting": setting(ready, chosen, settings.to_dict(), min(1.0, share)),
                "seed": seed,
                "tokens": facts["tokens"],
                "ledger": {
                    n: {"seen": v, "unique": blend.unique_tokens()[n]}
                    for n, v in blend.consumed(facts["tokens"]).items()
                },
                "seconds": facts["seconds"],
                "tokens_per_second": facts["tokens_per_second"],
                "losses": _measure(trainer, held, ready.folder, swarm),
            }
            write_json(path, kept)
            log(
                f"run {number + 1} of {len(every)}: {_short(used)}, seed {seed}: {np.mean(list(kept['losses'].values())):.4f}"
                f"  ({facts['tokens_per_second']:,.0f} tokens/s)"
            )
        found.append({**kept, "weights": used, "key": path.stem})
    return found


def key(ready: Prepared, weights: dict[str, float], chosen: Preset, settings: dict[str, object], share: float) -> str:
    """Of everything that decides a result: contents, not names."""
    return _digest([_contents(ready, weights), setting(ready, chosen, settings, share)])


def setting(ready: Prepared, chosen: Preset, settings: dict[str, object], share: float) -> str:
    """Of everything that decides a result but the weights: results of one setting can be compared."""
    kept = {k: v for k, v in settings.items() if k not in ("checkpoint_every", "log_every", "micro_rows", "compile")}
    return _digest([round(share, 9), ready.contents["held-out"], ready.contents["tasks"], chosen.model.to_dict(), kept])


def _contents(ready: Prepared, weights: dict[str, float]) -> list[list[Any]]:
    return sorted([ready.contents[f"source {name}"], round(weight, 6)] for name, weight in weights.items())


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]


def others(ready: Prepared, trained: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Results in the folder that can be compared with `trained` (all of one seed) and are over the same sources, by content:
    of an earlier search with fewer of them, or with more runs.  In the order of their keys."""
    names = {ready.contents[f"source {name}"]: name for name in ready.tokens}
    have, wanted = {one["key"] for one in trained}, trained[0]["setting"]
    found = []
    for path in sorted((ready.folder / "runs").glob("*.json")):
        one = _result(path) if path.stem not in have else None
        if one is None or one.get("setting") != wanted or not all(content in names for content, _ in one["contents"]):
            continue
        found.append(
            {**one, "key": path.stem, "weights": {names[content]: weight for content, weight in one["contents"]}}
        )
    return found


def _result(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not all(math.isfinite(x) for x in saved["losses"].values()) or not saved["losses"]:
            raise ValueError("no losses")
    except DAMAGE as error:
        raise ProbeError(f"{path}: damaged ({shortly(error)}); delete it to run this again") from None
    return saved


def _measure(trainer: Any, held: TokenFile, folder: Path, swarm: Swarm) -> dict[str, float]:
    """Bits per byte by source of the held-out text, or of the right answers by task."""
    from train_probe import tasks
    from train_probe.evaluate import held_out as measured

    if swarm.tasks:
        found = {}
        for path in sorted((folder / "data" / "tasks").glob("*.json")):
            scores = tasks.evaluate(trainer.model, tasks.Encoded.load(path))
            name = next(name for name in scores if name.endswith(" bits per byte"))
            found[name.removesuffix(" bits per byte")] = scores[name]
        values = {name: float(s.values.sum() / s.weights.sum()) for name, s in found.items()}
    else:
        pooled = measured(trainer.model, held)
        names = np.array(pooled.groups)
        values = {
            str(n): float(pooled.values[names == n].sum() / pooled.weights[names == n].sum())
            for n in sorted(set(pooled.groups))
        }
    trainer.model.train()
    return values


def _short(weights: dict[str, float]) -> str:
    return " ".join(f"{name} {weight:.0%}" for name, weight in weights.items())


__all__ = ["Prepared", "Swarm", "others", "prepare", "run_tokens", "train"]
