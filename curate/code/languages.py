"""The programming language of a file, by its name or its first line. None for what is no source code."""

import re
from pathlib import PurePosixPath

_BY_ENDING = {
    "python": "py pyi pyx pxd", "c": "c h", "c++": "cc cpp cxx hpp hh hxx cu", "java": "java", "javascript": "js mjs cjs jsx",
    "typescript": "ts tsx mts", "go": "go", "rust": "rs", "ruby": "rb", "php": "php", "c#": "cs", "kotlin": "kt kts",
    "scala": "scala sc", "swift": "swift", "objective-c": "m mm", "perl": "pl pm t", "lua": "lua", "r": "r", "julia": "jl",
    "haskell": "hs lhs", "ocaml": "ml mli", "fortran": "f f90 f95 for", "shell": "sh bash zsh ksh", "powershell": "ps1 psm1",
    "sql": "sql", "css": "css scss sass less", "html": "html htm xhtml", "tex": "tex sty", "assembly": "s asm", "elixir": "ex exs",
    "erlang": "erl hrl", "clojure": "clj cljs cljc", "dart": "dart", "lisp": "lisp el scm rkt", "cmake": "cmake", "vim": "vim",
    "markdown": "md", "yaml": "yml yaml", "json": "json", "toml": "toml", "xml": "xml", "restructuredtext": "rst",
}  # fmt: skip
_LANGUAGES = {f".{ending}": name for name, endings in _BY_ENDING.items() for ending in endings.split()}
_BY_NAME = {"Makefile": "makefile", "GNUmakefile": "makefile", "Dockerfile": "dockerfile", "CMakeLists.txt": "cmake"}
_SHEBANG = re.compile(rb"#!\s*\S*?/(?:env\s+(?:-S\s+)?)?(python|bash|sh|zsh|perl|ruby|node|lua|php|Rscript)[\d.]*\b")
_INTERPRETERS = {"bash": "shell", "sh": "shell", "zsh": "shell", "node": "javascript", "Rscript": "r"}


def language_of(path: str, data: bytes) -> str | None:
    """Lower-case name of the language.

    By ending, as LLaMA's and The Stack's selections are; a content classifier would be a large dependency for the few
    endings that two languages share, and those (`.h`, `.m`, `.pl`) are given to the more frequent one.
    """
    name = PurePosixPath(path).name
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = _LANGUAGES.get(PurePosixPath(name).suffix.lower())
    if found:
        return found
    match = _SHEBANG.match(data[:100])
    if match:
        interpreter = match.group(1).decode()
        return _INTERPRETERS.get(interpreter, interpreter)
    return None
