"""Whether a sentence gives a work to the public domain, or only speaks of the public domain."""

import re

_GIVES = re.compile(
    r"\b(?:is|are|was|been|be|it.s|hereby|explicitly|placed|put|released|dedicated?|donated|committed|given|granted|contributed|place|licen[cs]ed?|license:|copyright:|100%|totally|all|this|these|under|in|into|to)\W+"
    r"(?:(?:hereby|explicite?ly|also|fully|purely|still|free|software|completely|entirely|and|in|into|to|under|the|a|of|by|be|been|placed|put|released|software|code|file|files|work|library|module|class|program|script|implementation|example|package|source|its?|is|are|was)\W+){0,8}"
    r"\W?public[- ]dom(?:ain|ian)"
    r"|(?:disclaims? (?:all |any )?copyright|no copyright is claimed|no rights reserved|not copyrighted|copyright on this file is disclaimed)"
    r"|dedicates? any and all copyright interest"
    r"|^\W*(?:100% |license\W+|licence\W+|status\W+)?public[- ]dom(?:ain|ian)(?: (?:license|licence|code|software|c library|library))?\W*(?:[,;:-]+ (?:no warranty|use as you please|written).*)?$",
    re.I | re.S,
)
_NOT_ALL = re.compile(
    r"\b(?:mostly|most of|some of|portions?|partly|parts? of (?:this|the)|based|derived|adapted|adopted|port of|version of|translated|lifted|obtained|stolen|bundles?|incorporat\w+|algorithms?|data\b|database|photo\w*|images?|pictures?|docs?\b|documents?\b|documentation is|pages?|stylesheet"
    r"|fonts?|wiki|book|texts?|translations?|messages|grammar|gifs?|values|patches|changes|modifications|contributions?|except\w*|exceptions?|third[- ]party|remains?|remainder|rest|gpl|gnu|however|but|requests?|submit|ask|please|only|unless|freeware|expired|considered|known|mark 1|agree|according|title 17|united states|u\.?s\.?c|government|federal|usda|nist|noaa|navy|naval|ncbi|epa|nasa|domestic|icann|was under|who|whom|which|if|wouldn|isn|not (?:actually|entirely)|other directories|packaging|individual)\b",
    re.I,
)


def dedicates(text: str) -> bool:
    """Whether a text says of the work it stands in, or of all of it, that it is in the public domain, and takes nothing back."""
    said = " ".join(text.split())
    return _GIVES.search(said) is not None and _NOT_ALL.search(_FALLBACK.sub(" ", said)) is None


_FALLBACK = re.compile(
    r"(?:if|in case|in countries|in jurisdictions|to the extent|where|should|in the event)\b.{0,120}?(?:public domain|dedication|copyright).{0,400}|(?:but|that it will be useful,? but) without any warrant.*|no (?:express or implied )?warrant.*|(?:this|the) (?:software|code|work) is (?:provided|distributed).*|for any purpose.*|anyone is free to.*|you (?:may|can|are free).*|do (?:whatever|what).*",
    re.I,
)
"""What a dedication adds: a licence where the law knows no public domain, and that nothing is warranted."""
