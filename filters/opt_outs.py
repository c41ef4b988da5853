"""Pages whose sites opt out of use: robots tags, the TDM Reservation Protocol, robots.txt, tdmrep.json."""

from dataclasses import dataclass
from typing import ClassVar

from curate.filters.base import Decision, Document, drop, keep

KINDS = ("noai", "noimageai", "noml", "noindex", "tdm-reservation", "train-ai", "robots.txt")
"""What can be declared. `train-ai`: the header Content-Usage; in robots.txt it is a part of that."""


def kind_of(entry: str) -> str:
    """The kind of an entry of the column `opt_outs`: `header:noai@gptbot` -> "noai", `robots.txt:ccbot` -> "robots.txt"."""
    place, _, said = entry.partition(":")
    return place if place == "robots.txt" else said.partition("@")[0].partition("=")[0]


@dataclass(frozen=True)
class OptOuts:
    """Drops pages whose site opted out of their use: `noai`, `noimageai`, `noml` and `noindex` in robots meta tags
    and X-Robots-Tag (for all crawlers, or for one that collects training data), `tdm-reservation: 1` (also in
    tdmrep.json), `train-ai=n` in Content-Usage, and what robots.txt disallows for such crawlers, or for all.

    Source: the robots meta tag (WHATWG HTML, section 4.2.5.3) and X-Robots-Tag, the TDM Reservation Protocol (W3C community group, 2024),
    RFC 9309; `noai` is DeviantArt's (2022). The declarations are recorded with the page whether or not this step is
    used.
    """

    signals: ClassVar[tuple[str, ...]] = ("opt_outs_declared",)

    honour: tuple[str, ...] = KINDS
    """Which declarations drop a page; all by default."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "honour", tuple(self.honour))  # TOML gives a list
        for name in self.honour:
            if name not in KINDS:
                raise ValueError(f"honour: no declaration is called {name!r}; there are {', '.join(KINDS)}")

    def __call__(self, doc: Document) -> Decision:
        found = [kind_of(entry) for entry in doc.opt_outs]
        count = float(len(doc.opt_outs))
        signals = {"opt_outs_declared": count}
        for kind in KINDS:
            if kind in self.honour and kind in found:
                return drop(doc, kind.replace("-", "_").replace(".", "_"), count, signals=signals)
        return keep(doc, count, signals=signals)
