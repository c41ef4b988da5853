"""`--extractor union`: of two engines' texts of a page the first that the recipe keeps.

Engines disagree on pages, and what one makes of a page is often dropped by rules that keep what another makes of it. So the
second engine is asked where the recipe would drop the first one's text. What needs two documents can't be asked of one page:
steps of the whole corpus are left out of the question, and decide later, as ever.
"""

from dataclasses import replace
from typing import Any

from curate.corpus.recipe import is_corpus_wide, parse
from curate.filters.base import Document
from curate.html.extractors import UNITED, named_extractor


class Union:
    """The engines and the recipe's steps on one document."""

    def __init__(self, recipe: str, title: bool) -> None:
        self._steps = [step for step in parse(recipe, "the recipe").steps if not is_corpus_wide(step)]
        self._engines = [(name, named_extractor(name, decoded=True, title=title)) for name in UNITED]

    def __call__(self, html: str, url: str | None, utf8: bytes | None, document: Document) -> tuple[str, str]:
        """The text of the first engine that the steps keep, and that engine; the first text of all where they keep none.

        An engine behind the first may fail: the page is as good as without it.
        """
        found: list[tuple[str, str]] = []
        for name, extract in self._engines:
            if any(engine == name for _, engine in found):  # the one before fell back on it
                continue
            try:
                text, engine = extract(html, url, utf8)
            except Exception:
                if not found:
                    raise
                continue
            if text and self.keeps(replace(document, text=text)):
                return text, engine
            found.append((text, engine))
        return next((one for one in found if one[0]), found[0])

    def keeps(self, document: Document) -> bool:
        """Whether every step on one document keeps it. A step that raises keeps nothing."""
        for step in self._steps:
            try:
                decision: Any = step(document)
            except Exception:
                return False
            if decision.reason is not None:
                return False
            document = decision.doc
        return True
