"""Which blocks nobody sees: in hidden elements, templates, closed dialogs, and what is for browsers without scripts or film."""

import numpy as np
from numpy.typing import NDArray

from curate.filters.jit import Array, compiled
from curate.html.tags import TAG
from curate.html.tape import B_NODE, HIDDEN, N_FLAGS, N_PARENT, N_TAG, OPEN

_TEMPLATE, _NOSCRIPT, _DIALOG = TAG["template"], TAG["noscript"], TAG["dialog"]
_VIDEO, _AUDIO, _CANVAS = TAG["video"], TAG["audio"], TAG["canvas"]
UNSEEN, NO_SCRIPT = 1, 2  # why a block is hidden
MOST = 0.1
"""Share of a page's text. What a page hides beyond it is a tab, an accordion or the whole article, shown by a script: on
labelled pages dropping it costs 7 points of F1 on each of 42 pages; dropping up to this share costs nothing on 18."""
MOST_BESIDE_PROSE, MOST_WITHOUT_SCRIPT = 0.6, 0.3
"""The same where what the page shows is an article by itself: tabs and accordions stand in shops and on pages of services."""
PROSE_WORDS, PROSE_SHARE, ENOUGH_WORDS = 12, 0.9, 30
"""A page shows an article where so much of its text is in blocks of so many words, and there are so many."""


SUMS = 5


@compiled
def _hidden(nodes: Array, blocks: Array, keep: Array, words: Array, of_node: Array, sums: Array) -> None:
    """Why each element is hidden (`of_node`), and words of the kept blocks: all, hidden, hidden for want of scripts, shown, and of
    those shown in blocks of `PROSE_WORDS` or more."""
    for node in range(1, len(nodes)):
        tag, flags = nodes[node, N_TAG], nodes[node, N_FLAGS]
        why = of_node[nodes[node, N_PARENT]]
        if why == 0 and tag == _NOSCRIPT:
            why = NO_SCRIPT
        if (
            (flags & HIDDEN) > 0
            or tag in (_TEMPLATE, _VIDEO, _AUDIO, _CANVAS)
            or (tag == _DIALOG and (flags & OPEN) == 0)
        ):
            why = UNSEEN
        of_node[node] = why
    for block in range(len(blocks)):
        if keep[block]:
            why, count = of_node[blocks[block, B_NODE]], words[block]
            sums[0] += count
            sums[1] += count if why > 0 else 0.0
            sums[2] += count if why == NO_SCRIPT else 0.0
            sums[3] += count if why == 0 else 0.0
            sums[4] += count if why == 0 and count >= PROSE_WORDS else 0.0


def visible(
    nodes: NDArray[np.int32], blocks: NDArray[np.int32], keep: NDArray[np.bool_], words: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Of the blocks to `keep` those that the page shows; all of them where it hides too much (see `MOST`).

    Style sheets are not read: hidden is what its tags and their attributes say.
    """
    why, sums = np.zeros(len(nodes), np.int8), np.zeros(SUMS)
    _hidden(nodes, blocks, keep, words, why, sums)
    total, unseen, unscripted, shown, prose = sums.tolist()
    if not unseen:  # most
        return keep
    article = shown >= ENOUGH_WORDS and prose >= PROSE_SHARE * shown
    most = (MOST_BESIDE_PROSE if unscripted <= MOST_WITHOUT_SCRIPT * total else 0.0) if article else MOST
    return keep & (why[blocks[:, B_NODE]] == 0) if unseen <= most * total else keep
