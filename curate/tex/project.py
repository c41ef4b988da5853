"""The files of a submission: which are TeX, in what encoding, and which is the main one."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

ENDINGS = (".tex", ".ltx", ".latex", ".sty", ".cls", ".bbl", ".tikz", ".pgf", ".def", ".clo", ".txt", ".cfg")
_ENCODINGS = {
    "latin1": "latin-1", "latin9": "iso-8859-15", "latin2": "iso-8859-2", "latin3": "iso-8859-3", "latin4": "iso-8859-4",
    "latin5": "iso-8859-9", "latin10": "iso-8859-16", "ansinew": "cp1252", "cp1252": "cp1252", "cp1250": "cp1250",
    "cp1251": "cp1251", "cp1257": "cp1257", "koi8-r": "koi8-r", "koi8-u": "koi8-u", "applemac": "mac-roman",
    "cp866": "cp866", "cp850": "cp850", "cp437": "cp437", "iso88595": "iso-8859-5", "maccyr": "mac-cyrillic",
}  # fmt: skip
_DECLARED = re.compile(rb"\\usepackage\s*\[([^\]]{1,80})\]\s*\{inputenc\}|\\inputencoding\s*\{([^}]{1,40})\}")
_CLASS = re.compile(
    r"^[^%\n]{0,500}?\\document(?:class|style)\b\s*(?:\[[^\]]{0,2000}\])?\s*\{([^}]{0,100})\}", re.MULTILINE
)
_DOCUMENT = re.compile(r"^[^%\n]{0,500}?\\(?:begin\s*\{document\}|document\b)", re.MULTILINE)
_PLAIN = re.compile(
    r"^[^%\n]{0,500}?\\(?:bye|end|magnification|input\s+(?:harvmac|amstex|amsppt|phyzzx|lanlmac))(?![a-zA-Z{])",
    re.MULTILINE,
)
_INPUTS = re.compile(r"\\(?:input|include|subfile)\s*\{?\s*([^\s{}\\%]{1,200})")
_MARKUP = re.compile(r"\\[a-zA-Z]+")
_SURELY = re.compile(rb"\\(documentclass|documentstyle|begin\s*\{document\}|magnification|section\s*\{|input\s)")
_PARTS = ("standalone", "subfiles")
_USUAL = ("main", "ms", "paper", "article", "manuscript", "root", "arxiv")


@dataclass(frozen=True, slots=True)
class Project:
    """A submission in TeX."""

    root: str = ""
    """Path of its main file; empty where there is none."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path -> text of all that TeX may read."""


def decode(data: bytes) -> str:
    r"""A TeX file as text with `\n` at the ends of lines: UTF-8 where it is, else what it declares, else Windows-1252."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        found = _DECLARED.search(data[:100_000])
        names = ((found[1] or found[2]).decode("latin-1") if found else "").split(",")
        codec = next((_ENCODINGS[name.strip()] for name in names if name.strip() in _ENCODINGS), "cp1252")
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def is_tex(path: str, data: bytes) -> bool:
    """Whether TeX may read this file as text: by its name, or where that says nothing by commands in it."""
    name = path.rsplit("/", 1)[-1].lower()
    if name.endswith(ENDINGS):
        return not data.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8"))
    plain = "." not in name or re.fullmatch(r"[\w.-]*\d{4,7}(v\d+)?", name) is not None
    head = data[:20_000]
    if not plain or b"\x00" in head or head.startswith((b"%!PS", b"%PDF")):
        return False
    return _SURELY.search(head) is not None or len(re.findall(rb"\\[a-zA-Z]+", head)) > 3


def project(members: Mapping[str, bytes]) -> Project:
    """The project that the files of a submission are. Its root is what arXiv's own hints (00README) say, else a file with a
    document class that no other includes, else one in plain TeX, else the largest."""
    files = {path: decode(data) for path, data in sorted(members.items()) if is_tex(path, data)}
    top, ignored = _hints(members)
    files = {path: text for path, text in files.items() if path not in ignored}
    mains = {
        path: text
        for path, text in files.items()
        if not path.lower().endswith((".sty", ".cls", ".bbl", ".def", ".clo", ".cfg"))
    }
    if top in mains:
        return Project(top, files)
    return Project(_root(mains), files)


def _root(files: Mapping[str, str]) -> str:
    classes = {path: found[1].strip() for path, text in files.items() if (found := _CLASS.search(text))}
    whole = [path for path, name in classes.items() if name not in _PARTS] or list(classes)
    if whole:
        included = {_plain(name) for text in files.values() for name in _INPUTS.findall(text)}
        free = [path for path in whole if _plain(path) not in included and _base(path) not in included] or whole
        return max(free, key=lambda path: _rank(path, files))
    plain = [path for path, text in files.items() if _PLAIN.search(text)]
    tex = [path for path in files if path.lower().endswith((".tex", ".ltx", ".latex"))]
    marked = [path for path, text in files.items() if not path.lower().endswith(".txt") and _MARKUP.search(text)]
    choice = plain or tex or marked
    return max(choice, key=lambda path: (len(files[path]), path)) if choice else ""


def _rank(path: str, files: Mapping[str, str]) -> tuple[bool, int, bool, int, str]:
    reach = _reachable(path, files)
    document = any(_DOCUMENT.search(files[one]) for one in reach)
    return document, -path.count("/"), _base(path).lower() in _USUAL, sum(len(files[one]) for one in reach), path


def _reachable(path: str, files: Mapping[str, str]) -> set[str]:
    """The files that a file includes, directly or not, and itself."""
    names = {_plain(one): one for one in files}
    found, waiting = {path}, [path]
    while waiting:
        for name in _INPUTS.findall(files[waiting.pop()]):
            one = names.get(_plain(name))
            if one and one not in found:
                found.add(one)
                waiting.append(one)
    return found


def _plain(path: str) -> str:
    return re.sub(r"\.(tex|ltx|latex)$", "", path.removeprefix("./"))


def _base(path: str) -> str:
    return _plain(path.rsplit("/", 1)[-1])


def _hints(members: Mapping[str, bytes]) -> tuple[str, set[str]]:
    """The main file and those to be left out, as arXiv's 00README says."""
    top, ignored = "", set[str]()
    for path, data in sorted(members.items()):
        if not path.lower().startswith("00readme"):
            continue
        text = decode(data[:100_000])
        if path.lower().endswith(".json"):
            for item in _sources(text):
                usage, name = item.get("usage"), item.get("filename")
                if isinstance(name, str):
                    top = top or (name if usage == "toplevel" else "")
                    ignored |= {name} if usage == "ignore" else set()
            continue
        for line in text.splitlines():
            name, _, usage = line.strip().rpartition(" ")
            top = top or (name.strip() if usage == "toplevelfile" else "")
            ignored |= {name.strip()} if usage == "ignore" else set()
    return top, ignored


def _sources(text: str) -> list[dict[str, object]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    items = found.get("sources") if isinstance(found, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
