"""`python -m train_probe.items FOLDER`: write the files of questions again."""

import sys
from pathlib import Path

from train_probe.items import ABILITIES, lines

if __name__ == "__main__":
    for ability in ABILITIES:
        (Path(sys.argv[1]) / f"{ability}.jsonl").write_text(lines(ability), encoding="utf-8")
