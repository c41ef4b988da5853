"""Pages that are no articles: disambiguations and lists, told by their templates and titles."""

import functools
import re

import numpy as np

from curate.filters.jit import Array
from curate.wikitext import scan

DISAMBIGUATIONS = """
    disambiguation disambig disamb dab dis disambigua disambiguation_page hndis geodis geodab mil-unit-dis schooldis
    human_name_disambiguation place_name_disambiguation letter-number_combination_disambiguation numberdis mathdab
    roaddis shipindex set_index_article surname_disambig begriffsklärung homonymie homonymes homonyme patronymie
    toponymie desambiguación desambiguacion desambiguação desambig doorverwijspagina dp förgrening ujednoznacznienie
    disambigo неоднозначность неоднозначность_(фамилия) многозначность багатозначність пояснение вишезначна_одредница
    višeznačna_odrednica razdvojba preusmeritev_razločitev razločitev rozcestník rozcestnik egyért egyértelműsítő
    flertydig dezambiguizare flertydighed desambiguació desambigua bisongidila انحصار
"""
"""Templates that say that a page is a disambiguation (MediaWiki:Disambiguationspage of the wikis in LLaMA's 20 languages)."""
LISTS = [
    "list of ",
    "lists of ",
    "liste der ",
    "liste von ",
    "liste des ",
    "liste de ",
    "liste du ",
    "lista de ",
    "lista del ",
    "lista dei ",
    "lista delle ",
    "lista di ",
    "lijst van ",
    "lista över ",
    "lista ",
    "списък на ",
    "список ",
    "seznam ",
    "listă de ",
    "анекс:",
    "anexo:",
    "liste over ",
    "llista de ",
    "popis ",
    "списак ",
]
"""How titles of lists begin, in lower case."""
_DISAMBIGUATIONS = frozenset(DISAMBIGUATIONS.split())
_TEMPLATE = re.compile(r"\{\{\s*([^{}|\n]{1,60}?)\s*(?:\||\}\})")
_MAGIC = "__DISAMBIG__"


_ENDS = (np.frombuffer(b"disambig", np.uint8), np.frombuffer(b"disambiguation", np.uint8))


@functools.cache
def _table() -> Array:
    return scan.table(name.replace("_", " ") for name in _DISAMBIGUATIONS)


def is_disambiguation(source: str, packed: bytes | None = None) -> bool:
    """Whether the page has a template that makes it a disambiguation. `packed` is the same in UTF-8, where it is known."""
    if len(source) > 200_000:
        return False
    if _MAGIC in source:
        return True
    if not scan.named_so(np.frombuffer(packed or source.encode("utf-8", "surrogatepass"), np.uint8), _table(), *_ENDS):
        return False
    for found in _TEMPLATE.finditer(source):
        name = found[1].lower().replace(" ", "_")
        if name in _DISAMBIGUATIONS or name.endswith(("_disambiguation", "-disambig", "_disambig")):
            return True
    return False


def is_list(title: str) -> bool:
    """Whether an article is a list by its title."""
    return title.lower().startswith(tuple(LISTS))
