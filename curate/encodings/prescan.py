"""The encoding that a page declares in its own markup.

The HTML standard's prescan of a byte stream (section 13.2.3.2), with two differences, both as browsers behave: what
stands in scripts, style sheets and titles is no markup, and a declaration is looked for up to the end of the head, not
in the first 1024 bytes only.
"""

import re

from curate.encodings.labels import encoding_of

_ENOUGH = 1024  # bytes in which a declaration counts wherever it stands
_HEAD = 1 << 20  # bytes of a head that are searched: inline scripts and styles fill hundreds of kilobytes
_IN_HEAD = frozenset(b"html head title base basefont bgsound link meta style script noscript noframes template".split())
_TAG = re.compile(rb"<(?:(!--)|([A-Za-z][^\t\n\f\r />]*+)|(/[A-Za-z])|([!/?]))")
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r >]*+)))?"
)
_ATTRIBUTES = re.compile(rb"(?:" + re.sub(rb"(?<!\\)\((?!\?)", rb"(?:", _ATTRIBUTE.pattern) + rb")*+")
_CHARSET = re.compile(rb"(?i:charset)[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\t\n\f\r ;\"']++))")
_XML = re.compile(rb"[\t\n\f\r ]*+<\?xml[^>]{0,400}?encoding[\t\n\f\r ]*+=[\t\n\f\r ]*+[\"']([^\"'<>]{1,40})[\"']")
_RAW = {  # elements whose content is text
    name: re.compile(rb"</" + name + rb"(?=[\t\n\f\r />])", re.IGNORECASE)
    for name in (b"script", b"style", b"title", b"textarea", b"xmp", b"iframe", b"noembed", b"noframes", b"noscript")
}


def prescan(body: bytes) -> str | None:
    """Name of the encoding of the first meta tag that declares a known one, else of the XML declaration; or None.

    A declaration that was read as ASCII can't be of UTF-16: it means UTF-8.
    """
    head = body[:_HEAD]
    found = _meta(head)
    if found is None and (declaration := _XML.match(head)):
        found = _encoding(declaration[1])
    return "utf-8" if found and found.startswith("utf-16") else found


def _meta(head: bytes) -> str | None:
    at, end = 0, len(head)
    unclosed: set[bytes] = set()
    while tag := _TAG.search(head, at, end):
        comment, name, closing, _ = tag.groups()
        if comment:
            at = head.find(b"-->", tag.start() + 2) + 3  # <!--> is a whole comment
            if at < 3:
                return None
            continue
        if not name and not closing:
            at = head.find(b">", tag.end())
            if at < 0:
                return None
            continue
        name = name.lower() if name else b""
        begin, at = tag.end(), _ATTRIBUTES.match(head, tag.end()).end()  # type: ignore[union-attr] # matches nothing, too
        if name == b"meta" and b"charset" in head[begin:at].lower() and (found := _declared(_attributes(head, begin))):
            return found
        if name and name not in _IN_HEAD:
            end = min(end, _ENOUGH)
        if name in _RAW and name not in unclosed:
            if close := _RAW[name].search(head, at):
                at = close.start()
            else:
                unclosed.add(name)  # its like need not be searched for again: that would be quadratic
    return None


def _attributes(head: bytes, at: int) -> dict[bytes, bytes]:
    """Names in lower case -> values, the first of each name, of a tag."""
    found: dict[bytes, bytes] = {}
    while attribute := _ATTRIBUTE.match(head, at):
        name, *values = attribute.groups()
        found.setdefault(name.lower(), next((value for value in values if value is not None), b""))
        at = attribute.end()
    return found


def _declared(attributes: dict[bytes, bytes]) -> str | None:
    """The encoding that a meta tag declares; x-user-defined means windows-1252 (the standard's prescan, meta)."""
    found = None
    if b"charset" in attributes:
        found = _encoding(attributes[b"charset"])
    elif attributes.get(b"http-equiv", b"").lower() == b"content-type":
        label = _CHARSET.search(attributes.get(b"content", b""))
        found = _encoding(next(value for value in label.groups() if value is not None)) if label else None
    return "windows-1252" if found == "x-user-defined" else found


def _encoding(label: bytes) -> str | None:
    return encoding_of(label.decode("latin-1"))
