"""Assets: pinned, atomic, and left alone when they are there."""

import dataclasses
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from curate.commands.assets import assets as command
from curate.errors import InputError, UsageError
from curate.jobs import assets


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path / "assets"))
    return tmp_path / "assets"


def offer(monkeypatch: pytest.MonkeyPatch, data: bytes, *, sha256: str | None = None) -> list[str]:
    """Make `data` what lid.176's sources give; the list grows with each call."""
    calls: list[str] = []

    def broken() -> bytes:
        calls.append("broken")
        raise OSError("no route to host")

    def good() -> bytes:
        calls.append("good")
        return data

    fake = dataclasses.replace(
        assets.ASSETS["lid.176"], sha256=sha256 or hashlib.sha256(data).hexdigest(), sources=(broken, good)
    )
    monkeypatch.setitem(assets.ASSETS, "lid.176", fake)
    return calls


def test_fetch_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = offer(monkeypatch, b"model")
    path = assets.fetch("lid.176")
    assert path == folder / "lid.176.ftz"
    assert path.read_bytes() == b"model"
    assert "ShareAlike" in (folder / "lid.176.ftz.LICENSE.txt").read_text()
    assert sorted(p.name for p in folder.iterdir()) == ["lid.176.ftz", "lid.176.ftz.LICENSE.txt"]
    assert assets.fetch("lid.176") == path
    assert calls == ["broken", "good"]


def test_wrong_bytes_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, b"something else", sha256="0" * 64)
    with pytest.raises(InputError, match=r"(?s)no route to host.*expected 0000"):
        assets.fetch("lid.176")
    assert not folder.exists()


def test_the_full_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a file of this machine in the place of the publisher's."""
    (folder.parent / "published").write_bytes(b"full model")

    def published() -> bytes:
        return assets._download((folder.parent / "published").as_uri())

    real = assets.ASSETS["lid.176.bin"]
    assert real.large
    monkeypatch.setitem(assets.ASSETS, "lid.176.bin", dataclasses.replace(real, sources=(published,)))
    with pytest.raises(
        InputError, match=r"(?s)expected 7e69ec5451bc.*on another machine, it belongs at .*lid\.176\.bin"
    ):
        assets.fetch("lid.176.bin")
    right = hashlib.sha256(b"full model").hexdigest()
    monkeypatch.setitem(assets.ASSETS, "lid.176.bin", dataclasses.replace(real, sources=(published,), sha256=right))
    assert assets.fetch("lid.176.bin").read_bytes() == b"full model"
    assert "ShareAlike" in (folder / "lid.176.bin.LICENSE.txt").read_text()


def test_without_a_name_nothing_large_is_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(assets, "fetch", lambda name: fetched.append(name) or Path(name))
    assert CliRunner().invoke(command, ["fetch"]).exit_code == 0
    assert sorted(fetched) == sorted(set(assets.ASSETS) - {"lid.176.bin"})


def test_a_file_names_its_asset() -> None:
    assert assets.get("lid.176.ftz").name == "lid.176"


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match=r"no asset is called 'lid\.175'; did you mean 'lid\.176'"):
        assets.fetch("lid.175")


def archive(lists: dict[str, list[str]]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, words in lists.items():
            data = json.dumps(words).encode()
            info = tarfile.TarInfo(f"package/{name}.json")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(made.getvalue())


def test_lists_are_unpacked_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "ENGLISH_SHA256", hashlib.sha256(b"bad\nworse\n").hexdigest())
    data = archive({"en": ["bad", "worse"], "../../xx": ["evil"], "package": ["no list"], "de": ["schlecht"]})
    assets._write_lists(data, tmp_path / "lists")
    assert sorted(p.name for p in (tmp_path / "lists").iterdir()) == ["de", "en", "xx"]
    assert (tmp_path / "lists/de").read_text() == "schlecht\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lists"]


def test_another_english_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not LDNOOBW's at commit"):
        assets._write_lists(archive({"en": ["bad"]}), tmp_path / "lists")


def test_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, b"model")
    run = CliRunner().invoke
    assert run(command, ["path", "lid.176"]).exit_code == 1
    assert "missing" in run(command, ["list"]).output
    assert run(command, ["fetch", "lid.176"]).output.strip() == str(folder / "lid.176.ftz")
    assert run(command, ["path", "lid.176"]).output.strip() == str(folder / "lid.176.ftz")
    rows = {row["name"]: row for row in json.loads(run(command, ["list", "--json"]).output)}
    assert rows["lid.176"]["path"] == str(folder / "lid.176.ftz")
    assert rows["ldnoobw"]["path"] is None
