"""The same mixture with other tools. Run with a Python that has them; prints seconds and what was drawn as JSON.

python mix_peers.py interleave|datatrove SOURCES OUT '{"web": 0.8, …}' '{"web": 0.31, …}' SEED
"""

import json
import sys
from pathlib import Path


def interleave(sources: Path, out: Path, weights: dict[str, float], rates: dict[str, float], seed: int) -> None:
    """datasets.interleave_datasets (weights are of documents), a shuffle, Parquet."""
    from datasets import interleave_datasets, load_dataset

    parts = []
    for name in weights:
        files = sorted(str(path) for path in (sources / name).glob("*.jsonl"))
        found = load_dataset("json", data_files=files, split="train", cache_dir=str(out / "cache"))
        parts.append(found.add_column("source", [name] * len(found)))
    mixed = interleave_datasets(parts, list(weights.values()), seed=seed, stopping_strategy="first_exhausted")
    (out / "data").mkdir(parents=True, exist_ok=True)
    mixed.shuffle(seed=seed).to_parquet(str(out / "data" / "part.parquet"))


def datatrove(sources: Path, out: Path, weights: dict[str, float], rates: dict[str, float], seed: int) -> None:
    """datatrove: a reader, SamplerFilter and a Parquet writer for each source (no shuffle, no repeats)."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.filters import SamplerFilter
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import ParquetWriter

    for name in weights:
        LocalPipelineExecutor(
            pipeline=[
                JsonlReader(str(sources / name), glob_pattern="*.jsonl", default_metadata={"source": name}),
                SamplerFilter(rate=min(1.0, rates[name]), seed=seed),
                ParquetWriter(str(out / "data"), output_filename=name + "-${rank}.parquet"),
            ],
            tasks=4,
            workers=1,
            logging_dir=str(out / "logs" / name),
        ).run()


def main() -> None:
    """Run one tool."""
    tool, sources, out, weights, rates, seed = sys.argv[1:]
    run = {"interleave": interleave, "datatrove": datatrove}[tool]
    run(Path(sources), Path(out), json.loads(weights), json.loads(rates), int(seed))


if __name__ == "__main__":
    main()
