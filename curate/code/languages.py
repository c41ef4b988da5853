"""The programming language of a file, by its name or its first line. None for what is no source code.

Endings that several languages share are told apart by a few words that only one of them has. What the table here does
not name, `identify` does (the library of pre-commit, which follows new languages).
"""

import io
import re
from functools import lru_cache
from pathlib import PurePosixPath

_BY_ENDING = {
    "python": "py pyi pyx pxd", "c": "c h", "c++": "cc cpp cxx hpp hh hxx cu", "java": "java", "javascript": "js mjs cjs jsx",
    "typescript": "ts tsx mts cts", "go": "go", "rust": "rs", "ruby": "rb", "php": "php", "c#": "cs", "kotlin": "kt kts",
    "scala": "scala sc", "swift": "swift", "objective-c": "m mm", "perl": "pl pm t", "lua": "lua", "r": "r", "julia": "jl",
    "haskell": "hs lhs", "tcl": "tcl tk", "ocaml": "ml mli", "fortran": "f f90 f95 for", "shell": "sh bash zsh ksh", "powershell": "ps1 psm1",
    "sql": "sql", "css": "css scss sass less", "html": "html htm xhtml", "tex": "tex sty", "assembly": "s asm", "elixir": "ex exs",
    "erlang": "erl hrl", "clojure": "clj cljs cljc", "dart": "dart", "lisp": "lisp el scm rkt", "cmake": "cmake", "vim": "vim",
    "markdown": "md", "yaml": "yml yaml", "json": "json", "toml": "toml", "xml": "xml", "restructuredtext": "rst",
}  # fmt: skip
_LANGUAGES = {f".{ending}": name for name, endings in _BY_ENDING.items() for ending in endings.split()}
_BY_NAME = {"Makefile": "makefile", "GNUmakefile": "makefile", "Dockerfile": "dockerfile", "CMakeLists.txt": "cmake"}
_SHEBANG = re.compile(
    rb"#!\s*\S*?/(?:env\s+(?:-S\s+)?)?(python|bash|sh|zsh|perl|ruby|node|lua|php|Rscript|make)[\d.]*\b"
)
_INTERPRETERS = {
    "bash": "shell",
    "sh": "shell",
    "zsh": "shell",
    "node": "javascript",
    "Rscript": "r",
    "make": "makefile",
}


_RENAMED = {
    "asm": "assembly", "aspectj": "java", "c#script": "c#", "clojurescript": "clojure", "csh": "shell", "cuda": "c++", "cython": "python",
    "expect": "tcl", "f#script": "f#", "gyp": "python", "ino": "c++", "literate-haskell": "haskell", "luau": "lua",
    "objective-c++": "objective-c", "sbt": "scala", "stylus": "css", "system-verilog": "verilog", "tcsh": "shell", "ts": "typescript",
}  # fmt: skip
_KEPT = (
    "awk batch bazel bitbake c c++ coffee crystal cue dart elixir elm f# fish fortran gdscript gleam graphql groovy hcl hlsl idris java"
    " javascript jsonnet lean lua m4 makefile meson metal nim nix nushell pascal perl php prisma proto purescript python qml ruby shell"
    " solidity svelte terraform thrift vala vb verilog vhdl vue xquery zig"
)
_MORE = {tag: tag for tag in _KEPT.split()} | _RENAMED
"""Tags of `identify` that are languages, with their names here."""
_LOOKED_AT = 20_000
"""Bytes in which a shared ending is told apart."""
_APART = {
    ".h": (
        (
            "objective-c",
            rb"^[ \t]{0,40}(?:@(?:interface|protocol|property|implementation|end)\b|#[ \t]*import[ \t]+[<\"])",
        ),
        (
            "c++",
            rb"^[ \t]{0,40}(?:template[ \t]{0,9}<|(?:using[ \t]+)?namespace[ \t]+\w|(?:private|public|protected)[ \t]*:[ \t\r]*$"
            rb"|class[ \t]+(?:[A-Z][A-Z0-9_]*[ \t]+)?\w+[ \t]*(?:final[ \t]*)?(?:[:{;]|\r?$)|#[ \t]*include[ \t]*<[a-z_]+>)|\bstd::[a-z_]",
        ),
    ),
    ".m": (("matlab", rb"\A(?:\s{0,200})(?:%|function\b)"),),
    ".pl": (("prolog", rb"^(?::-[ \t]*\w|[a-z]\w{0,60}\([^\n]{0,200}\)[ \t]*:-)"),),
    ".ts": (("xml", rb"\A(?:\xef\xbb\xbf)?\s{0,200}<(?:\?xml|!DOCTYPE TS)"),),
    ".v": (("coq", rb"^[ \t]{0,40}(?:Require[ \t]|Theorem[ \t]|Lemma[ \t]|Qed\.|Proof\.)"),),
}
"""For an ending that has several languages, what the less frequent ones have (translations of Qt among TypeScript)."""


@lru_cache(maxsize=1)
def _patterns() -> dict[str, list[tuple[str, re.Pattern[bytes]]]]:
    return {ending: [(name, re.compile(p, re.M)) for name, p in several] for ending, several in _APART.items()}


def language_of(path: str, data: bytes) -> str | None:
    """Lower-case name of the language; `data` need be no more than the beginning of the file.

    By ending, as LLaMA's and The Stack's selections are: of the libraries that go by content the best needs 127 MB more
    and reads 50 to 150 files a second (benchmarks/results/languages.md).
    """
    name = PurePosixPath(path).name
    if name in _BY_NAME:
        return _BY_NAME[name]
    ending = PurePosixPath(name).suffix.lower()
    for language, pattern in _patterns().get(ending, ()):
        if pattern.search(data, 0, _LOOKED_AT):
            return language
    found = _LANGUAGES.get(ending)
    if found:
        return found
    match = _SHEBANG.match(data[:100])
    if match:
        interpreter = match.group(1).decode()
        return _INTERPRETERS.get(interpreter, interpreter)
    return _by_library(name, data)


def _by_library(name: str, data: bytes) -> str | None:
    """What `identify` says of a name, or else of the interpreter that the first line calls."""
    from identify.identify import parse_shebang, tags_from_filename, tags_from_interpreter

    tags = tags_from_filename(name)
    if not tags and data.startswith(b"#!"):
        command = parse_shebang(io.BytesIO(data[:1000]))
        tags = tags_from_interpreter(command[0]) if command else set()
    return min((_MORE[tag] for tag in tags if tag in _MORE), default=None)
