"""What the engine thinks of a page, for people (`--html`) and programs (`--json`)."""

import html
import json

import numpy as np

from curate.html.columns import FEATURES
from curate.html.extract import CHUNK, Judged, extract_page
from curate.html.features import fill
from curate.html.tags import NAMES
from curate.html.tape import B_FROM, B_NODE, B_TO, N_PARENT, N_TAG

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff }
p { margin: 0; padding: .15rem .6rem; display: grid; grid-template-columns: 3.5rem 1fr; gap: .8rem }
p > span { color: #666; font-variant-numeric: tabular-nums }
p > b { font-weight: inherit; white-space: pre-wrap; overflow-wrap: anywhere }
.kept { background: #d9f2dc } .dropped { background: #f1f1f1; color: #666 }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #111 } p > span { color: #aaa }
  .kept { background: #12401b } .dropped { background: #222; color: #999 }
}
"""
_HEAD = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body>
<h1>{title}</h1>
<p class="{state}"><span>F1 {expected:.2f}</span><b>{verdict}</b></p><hr>
"""


def path_of(judged: Judged, index: int) -> str:
    """The tags of the elements that hold block `index`, from the outermost: "div > ul > li"."""
    nodes = judged.page.facts.nodes
    node = int(judged.page.facts.blocks[index, B_NODE])
    names = []
    while node > 0:
        names.append(NAMES[nodes[node, N_TAG]])
        node = int(nodes[node, N_PARENT])
    return " > ".join(reversed(names))


def page_html(judged: Judged, title: str) -> str:
    """A page that loads and runs nothing: every block in order, kept ones green, dropped ones grey."""
    verdict = (
        "expected: too low, so the text is trafilatura's"
        if judged.unsure
        else f"expected; {int(judged.keep.sum())} of {judged.page.count} blocks are kept"
    )
    parts = [
        _HEAD.format(
            title=html.escape(title),
            style=_STYLE,
            expected=judged.expected,
            verdict=verdict,
            state="dropped" if judged.unsure else "kept",
        )
    ]
    for i in range(judged.page.count):
        state = "kept" if judged.keep[i] else "dropped"
        parts.append(
            f'<p class="{state}" title="{html.escape(path_of(judged, i))}"><span>{judged.probability[i]:.3f}</span>'
            f"<b>{html.escape(judged.page.text(i))}</b></p>\n"
        )
    return "".join([*parts, "</body></html>"])


def page_json(judged: Judged, url: str | None) -> str:
    """{"text", "engine", "expected_f1", "blocks": [{"text", "keep", "probability", "path", "bytes", "features"}]}."""
    done = extract_page(judged.page.source.decode("utf-8", "replace"), url)
    value = {
        "text": done.text,
        "engine": done.engine,
        "expected_f1": round(judged.expected, 6),
        "blocks": blocks(judged),
    }
    return json.dumps(value, ensure_ascii=False)


def blocks(judged: Judged) -> list[dict[str, object]]:
    """Each block with its place in the page (bytes in UTF-8) and the features that the first pass saw."""
    facts = judged.page.facts
    found = []
    rows = np.empty((CHUNK, len(FEATURES)), np.float32)
    for i in range(judged.page.count):
        if i % CHUNK == 0:
            fill(facts, i, min(i + CHUNK, judged.page.count), rows)
        found.append(
            {
                "text": judged.page.text(i),
                "keep": bool(judged.keep[i]),
                "probability": round(float(judged.probability[i]), 6),
                "path": path_of(judged, i),
                "bytes": [int(facts.blocks[i, B_FROM]), int(facts.blocks[i, B_TO])],
                "features": dict(zip(FEATURES, (round(float(x), 6) for x in rows[i % CHUNK]), strict=True)),
            }
        )
    return found
