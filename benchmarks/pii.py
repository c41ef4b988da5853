"""How much personal data `filters.pii.PersonalData` finds, and how much of what it finds is such: by kind, on labelled texts.

    python -m benchmarks.pii DATA…      # files of presidio-research: a list of {"full_text": …, "spans": […]}

A label is found when a place that was found overlaps it; a place is right when it overlaps a label of its kind.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from curate.filters.people import FINDERS, luhn
from curate.filters.pii import places

KINDS = {
    "EMAIL_ADDRESS": "email",
    "IP_ADDRESS": "ip_address",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
}


def measured(rows: list[dict]) -> list[str]:
    """A row of the table for each kind."""
    labels, found, hits, right, wrong = (Counter[str]() for _ in range(5))
    missed: dict[str, list[str]] = {kind: [] for kind in FINDERS}
    extra: dict[str, list[str]] = {kind: [] for kind in FINDERS}
    for row in rows:
        text = row["full_text"]
        told = [
            (s["start_position"], s["end_position"], KINDS[s["entity_type"]])
            for s in row["spans"]
            if s["entity_type"] in KINDS
        ]
        here = places(text, tuple(FINDERS))
        for start, end, kind in told:
            labels[kind] += 1
            hit = any(k == kind and a < end and b > start for a, b, k in here)
            hits[kind] += hit
            if not hit:
                missed[kind].append(text[start:end])
        for start, end, kind in here:
            found[kind] += 1
            good = any(k == kind and a < end and b > start for a, b, k in told)
            right[kind] += good
            if not good:
                wrong[kind] += 1
                extra[kind].append(text[start:end])
    lines = []
    for kind in FINDERS:
        recall = f"{hits[kind] / labels[kind]:.3f}" if labels[kind] else "-"
        precision = f"{right[kind] / found[kind]:.3f}" if found[kind] else "-"
        shown = f"missed {missed[kind][:6]}, extra {extra[kind][:6]}"
        lines.append(f"| {kind} | {labels[kind]} | {found[kind]} | {precision} | {recall} | {shown} |")
    cards = [s["entity_value"] for row in rows for s in row["spans"] if s["entity_type"] == "CREDIT_CARD"]
    lines.append(
        f"\n{sum(not luhn(card) for card in cards if card.isdigit())} of {len(cards)} card numbers of the data fail their own check digit."
    )
    return lines


def main(paths: list[str]) -> None:
    """Print a table for each file, and the speed over all texts."""
    texts = []
    for path in paths:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))
        texts += [row["full_text"] for row in rows]
        print(f"\n{Path(path).name}: {len(rows):,} texts\n")
        print(
            "\n".join(
                ["| kind | labelled | found | precision | recall | |", "|---|--:|--:|--:|--:|---|", *measured(rows)]
            )
        )
    whole = "\n".join(texts) * 10
    for kinds in (("email", "ip_address"), tuple(FINDERS)):
        start = time.process_time()
        places(whole, kinds)
        print(
            f"{', '.join(kinds)}: {len(whole) / 1e6 / (time.process_time() - start):.0f} million characters a CPU second"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
