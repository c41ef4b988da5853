"""Which addresses are worth having, and under what name two of them are the same."""

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from curate.filters.urls import normalize_url

MAX_URL = 2000
"""Characters; longer addresses are traps and trackers."""
REDDIT = frozenset(("reddit.com", "redd.it", "redditmedia.com", "redditstatic.com", "redditinc.com"))
MEDIA = frozenset(
    (
        "imgur.com", "youtube.com", "youtu.be", "youtube-nocookie.com", "vimeo.com", "gfycat.com", "giphy.com", "streamable.com",
        "twitch.tv", "instagram.com", "instagr.am", "flickr.com", "flic.kr", "soundcloud.com", "spotify.com", "tumblr.com",
        "photobucket.com", "tinypic.com", "imageshack.us", "minus.com", "deviantart.com", "deviantart.net", "tiktok.com",
        "dailymotion.com", "liveleak.com", "redgifs.com", "vidble.com", "bandcamp.com", "pinterest.com", "vine.co",
        "twitter.com", "x.com", "t.co", "facebook.com", "fb.com", "discord.gg", "discord.com", "snapchat.com", "puu.sh",
        "prntscr.com", "gyazo.com", "quickmeme.com", "livememe.com", "qkme.me", "mixcloud.com", "clyp.it", "vid.me",
    )
)  # fmt: skip
"""Hosts (with what is below them) of pictures, films, music and short messages: no pages of text. Ours, after what
openwebtext leaves out."""
HOSTS = {"reddit": REDDIT, "media_host": MEDIA, "wikipedia": frozenset(("wikipedia.org",))}
"""Hosts that are left out, by reason."""
_FILES = re.compile(
    r"\.(png|jpe?g|gif|gifv|webp|bmp|svg|tiff?|ico|mp4|webm|mov|avi|mkv|flv|wmv|mp3|ogg|wav|flac|m4a|zip|rar|gz|bz2|xz|7z"
    r"|exe|dmg|apk|iso|css|js|json|xml|rss|woff2?|ttf)$",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+([a-z]{2,63}|xn--[a-z0-9-]{2,59})")
_NEVER = re.compile(r"[\0-\x20\x7f\ud800-\udfff]")  # in an address: half a surrogate pair can't be written either


@dataclass(frozen=True, slots=True)
class Address:
    """An address that can be fetched."""

    url: str
    key: str
    """What equal addresses have in common: as C4 compares them (`filters.urls.normalize_url`), the host in lower case."""
    host: str
    """In lower case, without `www.`."""


def address(url: object, *, wikipedia: bool = False) -> Address | str:
    """The address, or why it is left out: no_url, not_http, bad_url, reddit, media_host, media_file, wikipedia.

    `wikipedia` keeps Wikipedia's pages, which WebText removes because other corpora hold them (GPT-2, section 2.1).
    """
    if not isinstance(url, str) or not url.strip():
        return "no_url"
    url = re.sub(r"[\t\n\r]", "", url.strip()).replace("&amp;", "&")
    if len(url) > MAX_URL:
        return "bad_url"
    if url.startswith(("/r/", "/u/", "/user/", "/comments/")):
        return "reddit"
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if host.isascii() else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        return "bad_url"
    if parts.scheme.lower() not in ("http", "https"):
        return "not_http" if parts.scheme else "bad_url"
    if not _HOST.fullmatch(host) or _NEVER.search(url):
        return "bad_url"
    plain = host.removeprefix("www.")
    for reason, hosts in HOSTS.items():
        if below(plain, hosts) and not (wikipedia and reason == "wikipedia"):
            return reason
    if _FILES.search(parts.path):
        return "media_file"
    where = f"{host}:{port}" if port and port not in (80, 443) else host
    rest = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")  # the fragment is no other page
    clean = f"{parts.scheme.lower()}://{where}{rest}"
    return Address(clean, normalize_url(clean), plain)


def below(host: str, hosts: frozenset[str]) -> bool:
    """Whether a host is one of `hosts` or below one."""
    parts = host.split(".")
    return any(".".join(parts[at:]) in hosts for at in range(len(parts) - 1))


def key_of(url: str) -> str:
    """The key of any address, as `address` makes it; of what is none, its normal form."""
    found = address(url, wikipedia=True)
    return found.key if isinstance(found, Address) else normalize_url(url)


def digest(key: str) -> int:
    """64 bits of a key, for tables of many."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
