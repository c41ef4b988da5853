"""Lists of addresses, however a person has them."""

import gzip

import pyarrow.parquet as pq

from curate.errors import InputError
from curate.files import storage


def read_urls(path: str) -> list[str]:
    """Addresses out of what `--urls` names: a folder of `curate links`, Parquet with a column `url`, or a text file."""
    data = storage.join(path, "data")
    files = storage.list_files(data, ".parquet") if storage.exists(data) else []
    if not files and path.lower().endswith(".parquet"):
        files = [path]
    if files:
        found = list[str]()
        for file in files:
            fs, inner = storage.filesystem(file)
            with fs.open_input_file(inner) as opened:
                table = pq.ParquetFile(opened)
                if "url" not in table.schema_arrow.names:
                    raise InputError(f"{file}: no column url")
                found += [url for url in table.read(columns=["url"])["url"].to_pylist() if url]
        return found
    if storage.exists(path) and not storage.exists(data):
        lines = _text(path).splitlines()
        if found := [line.strip() for line in lines if line.strip().startswith(("http://", "https://"))]:
            return found
    raise InputError(f"{path}: no addresses in it; give a folder that curate links wrote, or a file with one a line")


def _text(path: str) -> str:
    data = storage.read_bytes(path)
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: {error}") from None
