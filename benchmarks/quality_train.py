"""Train the model of quality that is shipped: `python -m benchmarks.quality_train [--output DIR] [--data DIR]` (= `make train-quality`).

Learnt are the format labels of `benchmarks.quality`, of four fifths of the hosts; the others judge it. Then the length of lines is
added, with as much weight as all the rest (its sum and the rest's have one standard deviation): of all that costs nothing it agrees
best with what people call good, which labels of formats do not say.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.quality import apart, contested, domains, shown
from curate.filters import linear
from curate.quality import train
from curate.quality.labelled import Labelled

BUCKETS = 1 << 17
LINES = linear.SIGNALS.index("mean_line_chars")
SHIPPED = Path(__file__).parents[1] / "filters" / "data" / "quality"


def with_line_length(weights: train.Weights, rows: train.Rows) -> train.Weights:
    """The weights with a term for the length of lines whose standard deviation over the texts is that of the sum without it."""
    score = np.clip(train.scores(weights, rows), 1e-9, 1 - 1e-9)
    sums = np.log(score / (1 - score))
    bins = np.searchsorted(weights.cuts[LINES], rows.signals[:, LINES], "right")
    ranges = weights.ranges.copy()
    means = np.array([rows.signals[bins == at, LINES].mean() for at in range(ranges.shape[1])])[bins]
    term = (means - means.mean()) / means.std() * sums.std()
    for at in range(ranges.shape[1]):
        ranges[LINES, at] += term[bins == at][0]
    return train.Weights(weights.bias, weights.cuts, ranges, weights.words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CURATE_TESTDATA", "testdata")))
    parser.add_argument("--output", type=Path, default=SHIPPED)
    options = parser.parse_args()
    learnt, kept_back = apart(domains(options.data))
    rows = train.rows_of([one.text for one in learnt], linear.STOP_WORDS, BUCKETS)
    good = np.array([one.good for one in learnt])
    plain = train.learn(rows, good, [one.digest for one in learnt], BUCKETS)
    weights = with_line_length(plain, rows)
    for title, some in (("other hosts", kept_back), ("contested", contested(options.data))):
        theirs = train.rows_of([one.text for one in some], linear.STOP_WORDS, BUCKETS)
        print(f"\n| {title} | AUC | 95 % |\n|---|---|---|")
        shown("without line length", train.scores(plain, theirs), some)
        shown("with it", train.scores(weights, theirs), some)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "model"
        train.write(str(made), Labelled(learnt), weights, BUCKETS, {"labelled": ["formats of WebOrganizer's examples"]})
        options.output.mkdir(parents=True, exist_ok=True)
        for file in sorted(made.iterdir()):
            shutil.copyfile(file, options.output / file.name)
    card = json.loads((options.output / linear.CARD).read_text(encoding="utf-8"))
    print(
        f"\n{options.output}: {card['data']['good_texts']} good and {card['data']['bad_texts']} bad texts, digest {card['data']['digest']}"
    )


if __name__ == "__main__":
    main()
