"""The last step of `make demo-probe`: is the cleaned sample crawl better to train on than the raw one?

`python -m benchmarks.demo_probe [FOLDER [TOKENS]]`; FOLDER holds the corpus that `make demo` wrote (default: demo).
Both are judged by held-out pages of the cleaned text; three seeds each, `nano`, see the printed speed for how long.
"""

import sys
from pathlib import Path

from train_probe.__main__ import main as probe


def main(folder: Path, tokens: int) -> int:
    """Train and compare; the exit code of the probe."""
    corpus, output = folder / "corpus", folder / "probe"
    print(f"training a small model on the clean and the raw text, {tokens:,} tokens, 3 seeds each ...", flush=True)
    arguments = ["train", "--shards", f"clean={corpus}", "--shards", f"raw={corpus / 'extracted'}"]
    arguments += ["--held-out", str(corpus), "--preset", "nano", "--tokens", str(tokens), "--seeds", "3"]
    arguments += ["--max-epochs", "100"]  # the sample crawl is small
    code = probe([*arguments, "--device", "cpu", "--output", str(output)])
    if code == 0:
        print(f"\nOpen:          {output / 'report.html'}")
    return code


if __name__ == "__main__":
    folder, tokens = (sys.argv[1:] + ["demo", "120000"][len(sys.argv) - 1 :])[:2]
    sys.exit(main(Path(folder), int(tokens)))
