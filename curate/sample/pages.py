"""HTML of the sample crawl: an article within navigation, sidebar, footer, script and style."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

STYLE = "body{margin:0;font-family:serif} nav a{padding:0 .5em} .side{float:right;width:18em} footer{color:#666}"
SCRIPT = "window.visits=(window.visits||0)+1;document.documentElement.className+=' js';"
MENU = ("Home", "Articles", "Calendar", "Pictures", "About us", "Contact")


@dataclass
class Page:
    """What a page says. `render` makes HTML of it."""

    title: str
    paragraphs: Sequence[str]
    language: str = "en"
    headings: Sequence[str] = ()
    sidebar: Sequence[str] = ()
    raw: str = ""
    """Markup put into the article as it is, after the paragraphs."""
    layout: int = 0
    meta: Sequence[str] = field(default_factory=tuple)
    """Tags for the head, as they are."""


def render(page: Page) -> str:
    """The whole page as HTML."""
    article = _article(page)
    side = "".join(f"<li><a href='/tag/{n}'>{escape(entry)}</a></li>" for n, entry in enumerate(page.sidebar))
    menu = "".join(f"<a href='/{name.split()[0].lower()}'>{name}</a> " for name in MENU)
    body = (_modern, _boxes, _table)[page.layout % 3](page, article, f"<ul>{side}</ul>", menu)
    head = "".join(page.meta)
    return (
        f"<!DOCTYPE html>\n<html lang='{page.language}'>\n<head>{head}<title>{escape(page.title)}</title>\n"
        f"<style>{STYLE}</style>\n<script>{SCRIPT}</script>\n</head>\n<body>\n{body}\n"
        f"<script>if (window.visits > 1) {{ console.log('again'); }}</script>\n</body>\n</html>\n"
    )


def _article(page: Page) -> str:
    """The paragraphs, with the headings spread evenly among them."""
    every = max(1, len(page.paragraphs) // (len(page.headings) + 1))
    parts = []
    for number, paragraph in enumerate(page.paragraphs):
        if number and number % every == 0 and number // every <= len(page.headings):
            parts.append(f"<h2>{escape(page.headings[number // every - 1])}</h2>")
        parts.append(f"<p>{escape(paragraph, quote=False)}</p>")
    return "\n".join([*parts, page.raw])


def _modern(page: Page, article: str, side: str, menu: str) -> str:
    return (
        f"<nav>{menu}</nav>\n<header><h1>{escape(page.title)}</h1></header>\n"
        f"<main><article>\n{article}\n</article></main>\n"
        f"<aside class='side'><h3>Elsewhere</h3>{side}</aside>\n"
        "<footer><p>All rights reserved. <a href='/imprint'>Imprint</a></p></footer>"
    )


def _boxes(page: Page, article: str, side: str, menu: str) -> str:
    return (
        f"<div id='top' class='navbar'>{menu}</div>\n<div id='wrap'><div class='side sidebar'>{side}</div>\n"
        f"<div id='content' class='post-content'><h1>{escape(page.title)}</h1>\n{article}\n</div></div>\n"
        "<div id='footer' class='footer'>Made by volunteers | <a href='/feed'>Feed</a></div>"
    )


def _table(page: Page, article: str, side: str, menu: str) -> str:
    return (
        f"<center><b>{escape(page.title)}</b><br>{menu}</center><hr>\n"
        f"<section class='entry-content'>\n{article}\n</section>\n<div class='menu'>{side}</div>\n"
        "<address class='footer'>Last change: see the calendar.</address>"
    )
