"""Tar archives out of hostile hands: cut, damaged, with headers without end; and zip directories of any size."""

import bz2
import gzip
import io
import lzma
import resource
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.code import members as reader
from curate.code.members import BROKEN, members
from curate.files.tar import entries

FILES = {f"a/{n}.py": b"print(%d)\n" % n * (n * 40 + 1) for n in range(6)} | {"long/" + "x" * 300: b"y", "empty": b""}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def packed(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    return {item.name: content(1 << 20) for item, content in entries(io.BytesIO(data))}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("packing", PACKINGS)
def test_all_files_are_read(tmp_path: Path, packing: str, form: int) -> None:
    path = tmp_path / f"x.tar{packing}"
    path.write_bytes(PACKINGS[packing](packed(FILES, form)))
    assert {one.path: one.data for one in members(str(path))} == FILES


def test_what_is_not_read_is_passed_over() -> None:
    assert [item.name for item, _ in entries(io.BytesIO(packed(FILES)))] == list(FILES)


@settings(deadline=None)
@given(st.integers(0, len(packed(FILES))))
def test_an_archive_that_is_cut_is_damaged(end: int) -> None:
    data = packed(FILES)
    mark = (
        data.rindex(b"empty") // 512 * 512 + 512
    )  # what stands behind the last file: two blocks of zeros, and filling
    if end >= mark + 512:
        assert read(data[:end]) == FILES
        return
    with pytest.raises(tarfile.TarError):
        read(data[:end])


@settings(deadline=None)
@given(st.integers(0, 511).filter(lambda at: not 148 <= at < 156))  # the checksum's own field is read leniently
def test_a_damaged_header_is_no_end(at: int) -> None:
    data = bytearray(packed({"a": b"x" * 600, "b": b"y", "c": b"z"}))
    at += 3 * 512  # in the header of b
    data[at] ^= 0xFF
    with pytest.raises(tarfile.TarError):
        read(bytes(data))


def header(kind: bytes, size: int) -> bytes:
    item = tarfile.TarInfo("././@PaxHeader")
    item.type, item.size = kind, size
    return item.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_headers_without_end_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(packed({"a.py": b"print(1)\n"})[:1024])
        out.write(header(kind, 300 << 20))
        for _ in range(300):
            out.write(b"9" * (1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: list[str] = []
    with pytest.raises(BROKEN, match="headers of more than"):
        found.extend(one.path for one in members(str(path)))
    assert found == ["a.py"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_a_sparse_map_without_end_is_refused() -> None:
    pax = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    data = header(tarfile.XHDTYPE, len(pax)) + pax.ljust(512, b"\0")
    item = tarfile.TarInfo("sparse")
    item.size = 8 << 20
    data += item.tobuf(tarfile.GNU_FORMAT) + b"9999999\n" + b"1\n" * (4 << 20)
    with pytest.raises(BROKEN):
        read(data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_ends_in_the_known_errors(data: st.DataObject) -> None:
    good = bytearray(PACKINGS[data.draw(st.sampled_from(list(PACKINGS)))](packed(FILES)))
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(good))
    except BROKEN:
        return


def test_a_stream_without_peek() -> None:
    class Plain(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.inner = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return self.inner.readinto(buffer)

    assert {item.name for item, _ in entries(Plain(gzip.compress(packed(FILES))))} == set(FILES)  # type: ignore[arg-type]


def test_a_zip_with_a_directory_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(100):
            archive.writestr(f"{n}.py", "x")
    assert len(list(members(str(path)))) == 100
    monkeypatch.setattr(reader, "MAX_DIRECTORY", 4000)
    with pytest.raises(zipfile.BadZipFile, match="a directory of more than"):
        list(members(str(path)))
