"""text-dedup's MinHash over a JSON-lines file, for `dedup_quality`. Runs in a venv of its own (text-dedup 0.4.0):

    TEXTDEDUP_PYTHON benchmarks/dedup_textdedup.py input.jsonl work/ bands rows > result.json

Prints {"seconds": s, "clusters": {id: cluster}, "kept": n}. Its default hash is SHA-1 cut to 32 bits in 64-bit arithmetic.
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

from datasets import load_from_disk


def main(source: str, work: str, bands: int, rows: int) -> None:
    shutil.rmtree(work, ignore_errors=True)
    command = [sys.executable, "-m", "text_dedup.minhash", "--path", "json", "--data_files", source, "--split", "train"]
    command += ["--cache_dir", f"{work}/cache", "--output", f"{work}/out", "--column", "text", "--debug"]
    command += [
        "--ngram",
        "5",
        "--min_length",
        "1",
        "--num_perm",
        str(bands * rows),
        "--b",
        str(bands),
        "--r",
        str(rows),
    ]
    command += ["--num_proc", "1", "--use_auth_token", "false"]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HF_DATASETS_OFFLINE": "1"})
    seconds = time.monotonic() - started
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found = pickle.loads(Path(work, "out", "uf.pkl").read_bytes())  # written by the command above
    with open(source, encoding="utf-8") as lines:
        names = [json.loads(line)["id"] for line in lines]
    clusters = {names[number]: int(found.find(number)) for number in list(found.parent)}
    kept = len(load_from_disk(f"{work}/out"))
    print(json.dumps({"seconds": seconds, "clusters": clusters, "kept": kept}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(value) for value in sys.argv[3:5]))
