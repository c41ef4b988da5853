"""`curate.extract`: the text of one page."""

import functools

from curate.encodings.decode import decode
from curate.html.extractors import DEFAULT, Engine, extractor


def extract(html: str | bytes, url: str | None = None, *, engine: str = DEFAULT, charset: str | None = None) -> str:
    """The text of a page; bytes are decoded as a browser would, `charset` being what the HTTP header says.

    `engine` is curate, trafilatura, resiliparse or `package.module.function`. In this process and without limits of time and
    memory: pages of strangers belong into `curate.clean`, which has them. Raises UsageError for an engine that is not there.
    """
    page = html if isinstance(html, str) else decode(bytes(html), charset)[0]
    return _engine(engine)(page, url)


@functools.lru_cache(maxsize=8)
def _engine(name: str) -> Engine:
    return extractor(name)
