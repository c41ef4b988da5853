"""Where models and word lists that are too big (or not ours) to ship with the package are found.

`curate assets fetch NAME` puts them there; this module only looks. Folders, in this order: `$CURATE_ASSETS`
(alone, if it is set), else `curate` in the user's cache folder and `share/curate` below the Python
environment.
"""

import os
import sys
from pathlib import Path

from curate.filters.caching import cache_home

FILES = {
    "lid.176": "lid.176.ftz",
    "lid.176.bin": "lid.176.bin",
    "ldnoobw": "ldnoobw-5faf2ba",  # the commit of the lists
    "licensedb": "licenses-known.json.xz",
}
"""Asset name -> its file or folder below an assets folder."""


class AssetMissingError(FileNotFoundError):
    """A model or a list that a step needs is not on this machine."""


def folders() -> list[Path]:
    """The folders that are searched, best first. The first is where assets are fetched to."""
    named = os.environ.get("CURATE_ASSETS")
    if named:
        return [Path(named)]
    return [cache_home() / "curate", Path(sys.prefix) / "share" / "curate"]


def find(name: str) -> Path:
    """The path of asset `name`; AssetMissingError tells how to get it."""
    searched = folders()
    for folder in searched:
        path = folder / FILES[name]
        if os.path.exists(path):  # not so where a folder above it is closed to us
            return path
    places = " or ".join(str(folder) for folder in searched)
    raise AssetMissingError(
        f"{FILES[name]} is not in {places}. Get it with: curate assets fetch {name} "
        f"(or set CURATE_ASSETS to a folder that holds it)"
    )
