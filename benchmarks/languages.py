"""Programming languages: by the name of a file and by its content, beside identify, pygments, magika and whats_that_code.

    python -m benchmarks.languages --input GLOB... [--peers PYTHON] [--each N]

Files come from packages (sdists, `.deb`, folders; at most three of a language from one). PYTHON is the interpreter of an
environment with magika and whats_that_code; without it they are left out. Three questions:

1. The ending hidden: which language is it, by content alone? The truth is the ending, where only one language has it.
2. `.h` with its name: C or C++? The truth is the language of the package's other files, where they have but one.
3. What the names leave unnamed: how many of those files are source code, by magika?
"""

import argparse
import glob
import json
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path, PurePosixPath

from curate.code.languages import language_of
from curate.code.members import BROKEN, Bomb, Member
from curate.code.packages import is_package, members_of

SHARED = frozenset(".h .m .pl .t .s .ts .r .sc .f .less .v .inc".split())  # noqa: SIM905
"""Endings that several languages have."""
NO_CODE = frozenset({"markdown", "yaml", "json", "toml", "xml", "restructuredtext", "html", "tex"})
LENGTHS = range(300, 200_000)
"""Bytes of a file that is asked about."""
ALIASES = {
    "cpp": "c++", "csharp": "c#", "cs": "c#", "js": "javascript", "ts": "typescript", "golang": "go", "rb": "ruby", "py": "python",
    "python3": "python", "python2": "python", "numpy": "python", "bash": "shell", "sh": "shell", "zsh": "shell", "perl6": "perl",
    "html+php": "php", "css+php": "php", "javascript+php": "php", "xml+php": "php", "splus": "r", "postgresql": "sql",
    "mysql": "sql", "plpgsql": "sql", "objectivec": "objective-c", "common-lisp": "lisp", "emacs-lisp": "lisp",
    "scheme": "lisp", "racket": "lisp", "fortranfixed": "fortran", "makefile": "makefile", "make": "makefile", "viml": "vim",
    "restructuredtext": "restructuredtext", "rst": "restructuredtext", "scss": "css", "sass": "css", "less": "css", "asm": "assembly",
    "jsx": "javascript", "tsx": "typescript", "batchfile": "batch", "c header": "c", "cuda": "c++", "postscript": "postscript",
    "objective-c++": "objective-c", "objectpascal": "pascal", "delphi": "pascal",
}  # fmt: skip
"""Names of the tools as the names of `curate.code.languages`."""
MAGIKA = """
import json, sys, time
from magika import Magika
found = Magika()
paths = json.load(sys.stdin)
found.identify_path(paths[0])
out, started = [], time.monotonic()
for path in paths:
    with open(path, "rb") as file:
        answer = found.identify_bytes(file.read())
    out.append([answer.output.label, answer.output.group])
json.dump({"seconds": time.monotonic() - started, "found": out}, sys.stdout)
"""
ELECTION = """
import json, sys, time
from whats_that_code.election import guess_language_all_methods
paths = json.load(sys.stdin)
out, started = [], time.monotonic()
for path in paths:
    try:
        answer = guess_language_all_methods(code=open(path, encoding="utf-8").read())
    except Exception:
        answer = None
    out.append([answer, None])
json.dump({"seconds": time.monotonic() - started, "found": out}, sys.stdout)
"""
Guess = Callable[[str, bytes], str | None]


@dataclass(frozen=True)
class Case:
    """A file and its language."""

    name: str
    data: bytes
    truth: str


@dataclass
class Found:
    """What was found in the packages."""

    by_language: dict[str, list[Case]]
    headers: list[Case]
    unnamed: list[Case]
    named: int


def name_of(answer: str | None) -> str | None:
    """A tool's name of a language as ours."""
    low = (answer or "").lower()
    return ALIASES.get(low, low) or None


def pygments_by_content(_: str, data: bytes) -> str | None:
    from pygments.lexers import guess_lexer  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        lexer = guess_lexer(data.decode())
    except ClassNotFound:
        return None
    return name_of(lexer.aliases[0]) if lexer.aliases and lexer.name != "Text only" else None


def pygments_by_name(name: str, data: bytes) -> str | None:
    from pygments.lexers import find_lexer_class_for_filename

    lexer = find_lexer_class_for_filename(name, data.decode())
    return name_of(lexer.aliases[0]) if lexer else None


def identify_by_name(name: str, data: bytes) -> str | None:
    from identify.identify import parse_shebang, tags_from_filename, tags_from_interpreter

    tags = tags_from_filename(name)
    if not tags:
        import io

        tags = tags_from_interpreter(next(iter(parse_shebang(io.BytesIO(data))), ""))
    known = sorted(name_of(tag) or "" for tag in tags - {"text", "binary"})
    return next((tag for tag in known if tag in ("c", "c++")), None) or next(iter(known), None)


def ours(name: str, data: bytes) -> str | None:
    return language_of(name, data)


def collected(paths: list[str], each: int) -> Found:
    """Files of the packages, `each` of a language at most."""
    found, headers, unnamed, named = defaultdict(list), list[Case](), list[Case](), 0
    for path in paths:
        try:
            members = [m for m in members_of(path) if not m.skipped and _is_text(m)]
        except (Bomb, *BROKEN) as error:
            print(f"{path}: {error}")
            continue
        members.sort(key=lambda m: sha1(m.path.encode()).digest())
        headers += _headers(members)
        taken = Counter[str]()
        for member in members:
            truth = language_of(member.path, b"")
            named += truth is not None
            if truth is None and language_of(member.path, member.data) is None:
                unnamed.append(Case(member.path, member.data, ""))
            ending = PurePosixPath(member.path).suffix.lower()
            if truth and ending and ending not in SHARED and truth not in NO_CODE and taken[truth] < 3:
                taken[truth] += 1
                found[truth].append(Case(member.path, member.data, truth))
    kept = {name: _some(cases, each) for name, cases in sorted(found.items()) if len(cases) >= 10}
    return Found(kept, _some(headers, 5 * each), unnamed, named)


def _is_text(member: Member) -> bool:
    try:
        return len(member.data) in LENGTHS and bool(member.data.decode()) and b"\x00" not in member.data
    except UnicodeDecodeError:
        return False


def _headers(members: list[Member]) -> list[Case]:
    """Up to three `.h` of a package whose other files are all C, or all C++."""
    kinds = {PurePosixPath(m.path).suffix.lower() for m in members}
    is_c, is_cpp = ".c" in kinds, bool(kinds & {".cc", ".cpp", ".cxx", ".hpp", ".hh"})
    if is_c == is_cpp:
        return []
    return [Case(m.path, m.data, "c++" if is_cpp else "c") for m in members if m.path.endswith(".h")][:3]


def _some(cases: list[Case], most: int) -> list[Case]:
    unique = {sha1(case.data).digest(): case for case in cases}
    return [case for _, case in sorted(unique.items(), key=lambda item: item[0])][:most]


def answers(cases: list[Case], guess: Guess, hidden: bool) -> tuple[list[str | None], float]:
    """What a tool of this process says, and its seconds."""
    guess("file" if hidden else cases[0].name, cases[0].data)
    started = time.monotonic()
    found = [guess("file" if hidden else case.name, case.data) for case in cases]
    return found, time.monotonic() - started


def peer(python: str, script: str, contents: list[bytes]) -> tuple[list[list[str | None]], float]:
    """Answers [language, group] of a tool of another environment, which sees files without endings."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:06d}" for number in range(len(contents))]
        for path, data in zip(paths, contents, strict=True):
            path.write_bytes(data)
        text = json.dumps([str(path) for path in paths])
        done = subprocess.run([python, "-c", script], input=text, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout[done.stdout.index('{"seconds"') :])
    return answer["found"], answer["seconds"]


def line(tool: str, cases: list[Case], found: list[str | None], seconds: float) -> str:
    """A row: how many are right, of all and of those with an answer."""
    right = sum(f == case.truth for f, case in zip(found, cases, strict=True))
    said = sum(f is not None for f in found)
    shares = f"{100 * right / len(cases):.1f} | {100 * said / len(cases):.1f} | {100 * right / max(said, 1):.1f}"
    return f"| {tool} | {len(cases)} | {shares} | {len(cases) / seconds:,.0f} |"


def rows(
    cases: list[Case], tools: dict[str, Guess], scripts: dict[str, str], python: str | None, hidden: bool
) -> Iterator[str]:
    """The table of one question."""
    yield "| tool | files | right % | answered % | right of those % | files/s |\n|---|---|---|---|---|---|"
    for tool, guess in tools.items():
        yield line(tool, cases, *answers(cases, guess, hidden))
    for tool, script in scripts.items() if python else ():
        found, seconds = peer(str(python), script, [case.data for case in cases])
        yield line(tool, cases, [name_of(answer) for answer, _ in found], seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", required=True, metavar="GLOB")
    parser.add_argument("--peers", metavar="PYTHON")
    parser.add_argument("--each", type=int, default=60, help="files of a language")
    parser.add_argument("--unnamed", type=int, default=1000, help="files without a known name that magika reads")
    options = parser.parse_args()
    paths = [path for pattern in options.input for path in sorted(glob.glob(pattern)) if is_package(path)]
    found = collected(paths, options.each)
    cases = [case for some in found.by_language.values() for case in some]
    print(f"{len(paths)} packages; {', '.join(f'{n} {len(c)}' for n, c in found.by_language.items())}", flush=True)
    magika = {"magika": MAGIKA}
    content: dict[str, Guess] = {
        "curate (first line)": ours,
        "identify": identify_by_name,
        "pygments": pygments_by_content,
    }
    for row in rows(cases, content, {**magika, "whats_that_code": ELECTION}, options.peers, hidden=True):
        print(row, flush=True)
    named: dict[str, Guess] = {"curate": ours, "identify": identify_by_name, "pygments": pygments_by_name}
    print(f"\n{dict(Counter(case.truth for case in found.headers))} headers")
    for row in rows(found.headers, named, magika, options.peers, hidden=False):
        print(row, flush=True)
    wrong = Counter((case.truth, said) for case in found.headers if (said := ours(case.name, case.data)) != case.truth)
    print(f"curate's wrong headers (truth, said): {dict(wrong)}")
    if options.peers:
        sample = _some(found.unnamed, options.unnamed)
        groups, _ = peer(options.peers, MAGIKA, [case.data for case in sample])
        code = [(case, label) for case, (label, group) in zip(sample, groups, strict=True) if group == "code"]
        print(
            f"\n{found.named} files with a name, {len(found.unnamed)} without; of {len(sample)} of those {len(code)} are code by magika"
        )
        print(
            Counter(
                f"{PurePosixPath(case.name).suffix.lower() or '(none)'} {label}" for case, label in code
            ).most_common(40)
        )


if __name__ == "__main__":
    main()
