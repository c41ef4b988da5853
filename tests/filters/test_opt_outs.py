"""Declarations against the use of a page, as the column has them."""

import itertools

import pytest

from curate.filters.base import Document
from curate.filters.opt_outs import KINDS, OptOuts, kind_of

ENTRIES = {
    "header:noai": "noai",
    "meta:noimageai@gptbot": "noimageai",
    "header:noml": "noml",
    "meta:noindex": "noindex",
    "tdmrep.json:tdm-reservation=1": "tdm-reservation",
    "header:train-ai=n": "train-ai",
    "robots.txt:ccbot": "robots.txt",
    "robots.txt:noai": "robots.txt",
}


@pytest.mark.parametrize(("entry", "kind"), ENTRIES.items())
def test_the_kind_of_an_entry(entry: str, kind: str) -> None:
    assert kind_of(entry) == kind


def test_the_first_kind_that_is_honoured_drops_a_page() -> None:
    honoured, all_declared = [(), *itertools.combinations(KINDS, 2), KINDS], [(), *itertools.combinations(ENTRIES, 2)]
    for honour, declared in itertools.product(honoured, all_declared):
        decision = OptOuts(honour)(Document("1", "x", opt_outs=declared))
        found = [kind for kind in KINDS if kind in honour and kind in map(ENTRIES.get, declared)]
        assert decision.reason == (found[0].replace("-", "_").replace(".", "_") if found else None)
        assert (decision.value, decision.signals) == (len(declared), {"opt_outs_declared": len(declared)})


def test_what_can_be_honoured() -> None:
    assert OptOuts(["noai"]).honour == ("noai",)  # type: ignore[arg-type]
    assert OptOuts().honour == KINDS
    with pytest.raises(ValueError, match="no declaration is called 'robots'"):
        OptOuts(("noai", "robots"))
