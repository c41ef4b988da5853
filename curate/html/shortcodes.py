"""What a page builder or a forum left unread in the text: `[vc_row]`, `[caption width="300"]…[/caption]`, `[b]…[/b]`."""

import re

_CLOSING = re.compile(rb"\[/([A-Za-z][\w-]{0,40})\]")
_VALUE = rb"""(?:"[^"\[\]]{0,300}"|'[^'\[\]]{0,300}'|[^\s\[\]"']{1,200}(?:\s[^\s\[\]="']{1,60}){0,12}?)"""
_ATTRIBUTES = rb"(?:\s{1,3}[A-Za-z_][\w-]{0,40}\s?=\s?" + _VALUE + rb"){1,30}"
_WITH_ATTRIBUTES = rb"\[[A-Za-z][\w-]{1,40}" + _ATTRIBUTES + rb"\s?/?\]"
_OF_BUILDERS = rb"\[/?(?:vc|et_pb|fusion|av|mk|tatsu|ux|nectar|wpb|cs|mpc|dt|fl)_\w{1,40}(?:\s[^\[\]]{0,600})?/?\]"
_ALONE = re.compile(_OF_BUILDERS + b"|" + _WITH_ATTRIBUTES)
_ADDRESS = rb"\[(?:img|embed|video|audio|youtube|vimeo|attach|media)\b[^\[\]]{0,300}\]\s*\S{1,500}?\s*\[/\w{3,7}\]"
_MOST_NAMES = 50


def shortcodes(text: bytes) -> re.Pattern[bytes] | None:
    """A pattern of what to take out of a page's text, None where there is nothing.

    A name in square brackets is markup where the page closes it, `[/name]`, where it has attributes, or where a page builder
    is known to make it. `[1]`, `[sic]` and `a[i]` are text.
    """
    names = sorted(set(_CLOSING.findall(text)))[:_MOST_NAMES]
    if not names:
        return _ALONE if _ALONE.search(text) else None
    paired = b"|".join(map(re.escape, names))
    return re.compile(
        _ADDRESS
        + b"|"
        + _ALONE.pattern
        + rb"|\[/(?:"
        + paired
        + rb")\]|\[(?:"
        + paired
        + rb")(?:[=\s][^\[\]]{0,600})?\]"
    )
