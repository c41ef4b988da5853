"""The licence database out of a wheel: what is kept, and that the bytes are the same each time."""

import io
import json
import lzma
import zipfile

import pytest

from curate.code.database import build
from curate.code.texts import database_file
from curate.errors import InputError

MIT = (
    "---\nkey: mit\nspdx_license_key: MIT\ntext_urls:\n    - https://www.a.org/mit/\n---\n\n"
    + "permission is granted " * 20
)
OWN = "---\nkey: own-terms\n---\n\n" + "you may copy this file as long as you are kind to it " * 5
RULES = {
    "mit_1.RULE": "---\nlicense_expression: mit\nis_license_notice: yes\nrelevance: 100\n---\n\nLicensed under {{MIT}}",
    "both_1.RULE": "---\nlicense_expression: mit OR own-terms\nrelevance: 100\n---\n\nUse it as MIT or by our terms",
    "weak_1.RULE": "---\nlicense_expression: mit\nrelevance: 50\n---\n\nsome weak clue",
    "false_1.RULE": "---\nis_false_positive: yes\n---\n\nMIT Press of Boston",
}


def wheel(order: int) -> bytes:
    made = io.BytesIO()
    files = {f"licenses/{name}": text for name, text in (("mit.LICENSE", MIT), ("own.LICENSE", OWN))}
    files |= {f"rules/{name}": text for name, text in RULES.items()}
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in list(files.items())[::order]:
            archive.writestr(f"licensedcode/data/{name}", text)
        archive.writestr("licensedcode/data/licenses/deeper/mit.LICENSE", OWN)
    return made.getvalue()


def test_what_is_kept() -> None:
    data = json.loads(lzma.decompress(build(wheel(1))))
    assert [row["ids"] for row in data["texts"]] == [["LicenseRef-scancode-own-terms"]]
    assert data["notices"] == {
        "": [["MIT Press of Boston", ""]],
        "MIT": [["Licensed under MIT", ""], [("permission is granted " * 20).strip(), ""]],
        "MIT OR LicenseRef-scancode-own-terms": [["Use it as MIT or by our terms", ""]],
    }
    assert data["addresses"] == {"a.org/mit": "MIT"}


def test_the_same_bytes_whatever_the_order() -> None:
    assert build(wheel(1)) == build(wheel(-1))


def test_a_missing_database_says_how_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    with pytest.raises(InputError, match="curate assets fetch licensedb"):
        database_file()
