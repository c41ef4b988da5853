"""A verdict as it is saved, in words for a terminal, and in tables: the same rows as HTML, CSV (all digits) and LaTeX (booktabs)."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

from train_probe.evaluate import MACRO, METRIC
from train_probe.shown import escape, visible

LEVEL = 0.95
Runs = dict[str, dict[int, dict[str, Any]]]


class Pair(TypedDict, total=False):
    """Two mixtures on a metric: `a` less `b`."""

    a: str
    b: str
    seeds: int
    delta: float
    interval: list[float | None]
    p: float
    p_corrected: float
    seed_error: float | None
    item_error: float
    paired: bool
    correlation: float | None
    mean: float
    percent: float | None
    smallest: float
    """The smallest difference that matters."""
    power: float
    detectable: float | None
    target: float
    """The difference that `more` and `plan` are for: as large as what was measured, or the smallest that matters."""
    more: int | None
    """Seeds to add before a look that shows it with power .8, in this experiment; None: there is none."""
    plan: int | None
    """Seeds of another experiment that shows it with power .8 when all are planned from the start; None: more than MOST_PLANNED."""
    verdict: str
    caveat: str | None


class Metric(TypedDict):
    """A metric by mixture."""

    mean: dict[str, float]
    noise: float | None
    signal_to_noise: float | None
    chance: float | None
    silent: str | None
    """Why it shows nothing."""
    shows: bool
    groups: dict[str, dict[str, float]]
    """Means by group and mixture."""


class Found(TypedDict, total=False):
    """`verdict.json`."""

    version: int
    primary: str
    second: str | None
    stated: str
    groups: dict[str, dict[str, list[Pair]]]
    level: float
    smallest: float
    pairs: list[Pair]
    others: dict[str, list[Pair]]
    metrics: dict[str, Metric]
    look: dict[str, Any] | None
    documents: dict[str, int]
    differences: list[str]
    unseen: list[str]
    note: str | None
    text: str


# ---- in words ----


def text(found: Found) -> str:
    """The verdict for a terminal."""
    primary = found["metrics"][found["primary"]]
    noise = f"{primary['noise']:.4f}" if primary["noise"] is not None else "unknown (one seed)"
    of = " of the held-out text" if found["primary"] in (METRIC, MACRO) else ""
    lines = [f"{found['primary']}{of} (noise of a seed: {noise})"]
    if found.get("stated"):
        lines.insert(
            0, f"{found['primary']} was not stated before the training ({found['stated']} was): figures, no verdict"
        )
    for name, value in sorted(
        primary["mean"].items(), key=lambda x: x[1] * (1 if lower_is_better(found["primary"]) else -1)
    ):
        lines.append(f"  {value:.4f}  {name}")
    lines += _other_metrics(found)
    lines += [f"{_figures(pair)}: {said(pair)}" for pair in found["pairs"]]
    beside = found["others"].get(found["second"] or "", [])
    if beside:
        lines.append(f"beside it {found['second']}, which decides nothing (p for the pairs of both):")
        for pair in beside:
            more = "" if pair["p_corrected"] < 1 - LEVEL else ways(pair)
            power = f", power {pair['power']:.2f} for {pair['smallest']:.4f}" if pair["seeds"] > 1 else ""
            lines.append(f"  {_figures(pair)}{power}" + (f"; {more}" if more else ""))
    look = found.get("look")
    if look and look["seeds"] != look["planned"]:
        lines.append(
            f"{look['planned']} seeds were planned: a verdict at {look['seeds']} may use {100 * look['alpha']:.2g} % of the 5 %, so that all "
            "looks together are wrong in 5 % of experiments at most; intervals and p hold that"
        )
    lines += found.get("differences", [])
    lines += found.get("unseen", [])
    if note := found.get("note"):
        lines.append(note)
    return "\n".join(lines)


def _figures(pair: Pair) -> str:
    """Difference, interval, seeds, p and what could have been seen, in a line."""
    low, high = pair["interval"]
    within = f" [{low:+.4f}, {high:+.4f}]" if low is not None else ""
    percent = f" ({pair['percent']:+.2f} %)" if pair["percent"] is not None else ""
    seen = f", finds {pair['detectable']:.4f} with power .8" if pair["detectable"] is not None else ""
    return (
        f"{pair['a']} - {pair['b']}: {pair['delta']:+.4f}{within}{percent}, {counted_seeds(pair['seeds'])}, "
        f"p {pair['p_corrected']:.2g}{seen}"
    )


def counted_seeds(number: int) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{number} seed{'' if number == 1 else 's'}"


def said(pair: Pair) -> str:
    """The verdict on a pair, with what must be said beside it."""
    return f"{pair['verdict']} ({pair['caveat']})" if pair.get("caveat") else str(pair["verdict"])


def _other_metrics(found: Found) -> list[str]:
    """A line for each further metric: the means in the order of the mixtures, and why it decides nothing."""
    others = {name: m for name, m in found["metrics"].items() if name != found["primary"]}
    if not others:
        return []
    lines = [
        "other metrics, which decide nothing (" + ", ".join(next(iter(others.values()))["mean"]) + "; noise of a seed):"
    ]
    for name, m in others.items():
        values = "  ".join(f"{value:.4f}" for value in m["mean"].values())
        values += f"; {m['noise']:.4f}" if m["noise"] is not None else ""
        lines.append(f"  {values}  {name}" + (f"  ({m['silent']})" if m["silent"] else ""))
    return lines


def ways(pair: Pair) -> str:
    """What would show a difference as large as the measured one, or the smallest that matters; empty where nothing would."""
    ways = []
    if pair["more"] is not None:
        ways.append(
            f"{pair['more']} more seed{'' if pair['more'] == 1 else 's'} (--seeds {pair['seeds'] + pair['more']})"
        )
    if pair["plan"] is not None:
        ways.append(f"another experiment of {pair['plan']} seeds")
    return f"{' or '.join(ways)} would show a difference of {pair['target']:.4f} with power .8" if ways else ""


def lower_is_better(metric: str) -> bool:
    """Whether less is better: bits are, shares of right answers are not."""
    return "bits" in metric


# ---- in tables ----


@dataclass(frozen=True)
class Table:
    """Columns with how their numbers are shown (a format; "" for texts), and rows of values; None is not known."""

    name: str
    """Of its files."""
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    grey: frozenset[int] = field(default_factory=frozenset)
    """Numbers of the rows that show nothing."""

    def shown(self, row: Sequence[object]) -> list[str]:
        """The cells as texts."""
        return [_shown(value, form) for value, (_, form) in zip(row, self.columns, strict=True)]

    def html(self) -> str:
        """Escaped, in a box that scrolls sideways."""
        kinds = ["" if form else ' class="word"' for _, form in self.columns]
        head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, (name, _) in zip(kinds, self.columns, strict=True))
        body = "".join(
            ('<tr class="grey">' if i in self.grey else "<tr>")
            + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, self.shown(row), strict=True))
            + "</tr>"
            for i, row in enumerate(self.rows)
        )
        return f'<div class="table"><table><tr>{head}</tr>{body}</table></div>'

    def cut(self, first: int, last: int | None = None) -> "Table":
        """Some of its rows."""
        place = range(len(self.rows))[first:last]
        grey = frozenset(i - place.start for i in self.grey if i in place)
        return replace(self, rows=self.rows[first:last], grey=grey)

    def csv(self) -> str:
        """Numbers with all their digits, a column title a line first."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([visible(name) for name, _ in self.columns])
        writer.writerows(
            [
                ["" if value is None else visible(value) if isinstance(value, str) else value for value in row]
                for row in self.rows
            ]
        )
        return out.getvalue()

    def latex(self) -> str:
        """A tabular for the package booktabs."""
        kinds = "".join("r" if form else "l" for _, form in self.columns)
        lines = [" & ".join(_latex(name) for name, _ in self.columns), ""]
        lines += [" & ".join(_latex(cell) for cell in self.shown(row)) for row in self.rows]
        body = "\n".join(f"{line} \\\\" if line else "\\midrule" for line in lines)
        return f"\\begin{{tabular}}{{{kinds}}}\n\\toprule\n{body}\n\\bottomrule\n\\end{{tabular}}\n"


def _shown(value: object, form: str) -> str:
    if value is None:
        return "–"
    return format(value, form) if form and not isinstance(value, str) else visible(str(value))


_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}


def _latex(text: str) -> str:
    return "".join(_SPECIAL.get(c, c) for c in " ".join(visible(text).split()))


def write(tables: Sequence[Table], folder: Path) -> None:
    """NAME.csv and NAME.tex of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables:
        (folder / f"{table.name}.csv").write_text(table.csv(), encoding="utf-8")
        (folder / f"{table.name}.tex").write_text(table.latex(), encoding="utf-8")


def ranking(found: Found, runs: Runs) -> Table:
    """The mixtures, best first, with the places that the decided pairs leave to each."""
    primary = found["metrics"][found["primary"]]["mean"]
    better: dict[str, set[str]] = {name: set() for name in primary}
    for pair in found["pairs"]:
        for winner, loser in ((pair["a"], pair["b"]), (pair["b"], pair["a"])):
            if pair["verdict"] == f"{winner} is better":
                better[winner].add(loser)
    count = len(primary)
    rows = []
    for name in sorted(primary, key=lambda n: primary[n] * (1 if lower_is_better(found["primary"]) else -1)):
        above = sum(name in losers for losers in better.values())
        first, last = 1 + above, count - len(better[name])
        rows.append(
            [
                str(first) if first == last else f"{first} to {last}",
                name,
                primary[name],
                len(runs.get(name, {})),
                ", ".join(sorted(better[name])) or "–",
            ]
        )
    return Table(
        "ranking",
        [("place", ""), ("mixture", ""), (found["primary"], ".4f"), ("seeds", "d"), ("better than", "")],
        rows,
    )


def differences(found: Found) -> Table:
    """Every pair on every metric: what decides first, then what stands beside it."""
    order = [found["primary"], *([found["second"]] if found["second"] else [])]
    every = {found["primary"]: found["pairs"], **found["others"]}
    order += [metric for metric in every if metric not in order]
    rows = []
    for metric in order:
        for p in every[metric]:
            low, high = p["interval"]
            rows.append(
                [
                    metric,
                    f"{p['a']} - {p['b']}",
                    p["delta"],
                    low,
                    high,
                    p["percent"],
                    p["p_corrected"],
                    p["detectable"],
                    p["smallest"],
                    p["power"],
                    p["more"],
                    p["plan"],
                    f"{p['seeds']} {'paired' if p['paired'] else 'unpaired'}",
                    p.get("correlation"),
                ]
            )
    columns = [
        ("metric", ""),
        ("pair", ""),
        ("difference", "+.4f"),
        ("from", "+.4f"),
        ("to", "+.4f"),
        ("in %", "+.2f"),
        ("p", ".2g"),
        ("found with power .8", ".4f"),
        ("matters from", ".4f"),
        ("power for that", ".2f"),
        ("seeds to add", "d"),
        ("or anew", "d"),
        ("seeds", ""),
        ("correlation of seeds", ".2f"),
    ]
    return Table("differences", columns, rows, frozenset(range(len(found["pairs"]), len(rows))))


def metrics(found: Found, names: Sequence[str]) -> Table:
    """The mean of every metric by mixture, and of its groups (sources, tasks, levels)."""
    rows: list[list[Any]] = []
    grey = set()
    for metric, m in sorted(found["metrics"].items(), key=lambda item: item[0] != found["primary"]):
        groups = m["groups"] if len(m["groups"]) > 1 else {}
        for group, values in ("", m["mean"]), *groups.items():
            if not m["shows"]:
                grey.add(len(rows))
            facts = [m["chance"], m["noise"], m["signal_to_noise"], m["silent"] or "differs"]
            rows.append([metric, group, *(values.get(n) for n in names), *([None] * 3 + [""] if group else facts)])
    columns = [("metric", ""), ("of", ""), *((n, ".4f") for n in names)]
    columns += [("chance", ".3f"), ("noise of a seed", ".4f"), ("signal / noise", ".1f"), ("", "")]
    return Table("metrics", columns, rows, frozenset(grey))


def parts(runs: Runs) -> Table | None:
    """Bits per byte of the parts of the held-out text, means over seeds, and what each adds to the whole."""
    known = {name: [run["parts"] for run in seeds.values() if run.get("parts")] for name, seeds in runs.items()}
    known = {name: some for name, some in known.items() if some}
    if not known:
        return None
    rows = []
    first = next(iter(known.values()))[0]
    for division, divided in first.items():
        whole = sum(size for _, size in divided.values())
        for part, (_, size) in divided.items():
            row: list[Any] = [division, part, size / whole if whole else None]
            for some in known.values():
                bits = sum(p[division][part][0] for p in some) / len(some)
                row += [bits / size if size else None, bits / whole if whole else None]
            rows.append(row)
    columns = [("by", ""), ("part", ""), ("of the bytes", ".1%")]
    columns += [column for name in known for column in ((name, ".4f"), (f"{name} adds", ".4f"))]
    return Table("parts", columns, rows)


def ledger(runs: Runs) -> Table:
    """What each run read of each source."""
    rows = []
    for name, seeds in runs.items():
        for seed, run in seeds.items():
            for source, row in run["ledger"].items():
                shares = [row[k] / run["tokens"] for k in ("asked", "seen")]
                rows.append(
                    [f"{name}, seed {seed}", source, row["unique"], row["asked"], row["seen"], *shares, row["epochs"]]
                )
    columns = [("run", ""), ("source", ""), ("unique tokens", ",.0f"), ("asked", ",.0f"), ("seen", ",.0f")]
    return Table("ledger", [*columns, ("share asked", ".1%"), ("share seen", ".1%"), ("epochs", ".2f")], rows)


def cost(runs: Runs) -> Table:
    """What each run took, and whether it was well."""
    rows = [
        [
            f"{name}, seed {seed}",
            r["tokens"],
            r["flops"],
            r["seconds"],
            r["tokens_per_second"],
            r["mfu"],
            r["device"],
            r["precision"],
            "; ".join(r["health"]) or "well",
        ]
        for name, seeds in runs.items()
        for seed, r in seeds.items()
    ]
    columns = [
        ("run", ""),
        ("tokens", ",d"),
        ("FLOPs", ".3g"),
        ("seconds", ".0f"),
        ("tokens/s", ",.0f"),
        ("MFU", ".1%"),
    ]
    return Table("cost", [*columns, ("device", ""), ("precision", ""), ("health", "")], rows)
