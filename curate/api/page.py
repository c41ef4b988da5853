"""`curate.extract`: the text of one page."""

import functools

from curate.encodings.decode import decode, kind_of_binary
from curate.errors import InputError
from curate.html.extractors import DEFAULT, Engine, extractor


def extract(html: str | bytes, url: str | None = None, *, engine: str = DEFAULT, charset: str | None = None) -> str:
    """The text of a page; bytes are decoded as a browser would, `charset` being what the HTTP header says.

    `engine` is curate, trafilatura, resiliparse or `package.module.function`. In this process and without limits of time and
    memory: pages of strangers belong into `curate.clean`, which has them. Raises UsageError for an engine that is not there,
    InputError for bytes that are no text (a PDF, an image), TypeError for what is neither str nor bytes.
    """
    return _engine(engine)(html if isinstance(html, str) else _decoded(html, charset), url)


def _decoded(html: object, charset: str | None) -> str:
    if not isinstance(html, bytes | bytearray | memoryview):
        raise TypeError(f"a page is str or bytes, not {type(html).__name__}")
    if kind := kind_of_binary(body := bytes(html)):
        raise InputError(f"the bytes are {kind}, not a page of HTML")
    return decode(body, charset)[0]


@functools.lru_cache(maxsize=8)
def _engine(name: str) -> Engine:
    return extractor(name)
