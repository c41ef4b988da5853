"""What `make site` asks of each page beyond MkDocs' own checks: nothing is loaded from another host to read it."""

import re
from typing import Any

ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|object|embed)\b[^>]*?\b(?:src|srcset|data|href)\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b(?![^>]*\brel=["']?(?:canonical|license))[^>]*?\bhref\s*=\s*["']?(?:https?:)?//[^"'\s>]+""",
    re.IGNORECASE,
)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """The page as it is. Raises ValueError where it would load something from elsewhere."""
    if found := ELSEWHERE.search(output):
        raise ValueError(f"{page.file.src_uri}: the site must do without the network, but this page loads {found[0]}")
    return output
