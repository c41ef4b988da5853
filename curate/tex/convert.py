"""A LaTeX or plain TeX project as text.

The author's macros are expanded as TeX would, within a budget that grows with the size of the sources; whatever LaTeX's
own commands do to the look of a page is left out. Conditionals are decided where that is easy (`\\iffalse`, `\\newif`,
numbers) and else by their second branch. Deviations from TeX: definitions are not undone at the end of a group, and
category codes do not change, but for @.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from curate.tex import macros, tables
from curate.tex.macros import NAME, Macro
from curate.tex.math import math_text
from curate.tex.source import DEEP, Source
from curate.tex.symbols import ACCENTS, accented, names, table
from curate.tex.tidy import GONE, LINE, PRIVATE, kept, tidy

ROOM, TIMES = 300_000, 8
"""What macros and includes may add, in characters: this many, and this many times the size of the sources."""
LONGEST_HEADING = 1_000
"""Characters of a heading, as they are collected, that may be that of the references."""
SAME, PER_CALL = 8, 20
"""A macro may stand in its own expansion this often; and what each use of one costs beside its characters."""
_ASSIGNED = re.compile(
    r"\s*(?:=?\s*[-+]?(?:\d+\.?\d*|\.\d+)\s*(?:true\s*)?(?:pt|cm|mm|in|ex|em|bp|pc|dd|sp|mu|fil+|\\[a-z]*(?:width|height|skip|size))(?![a-zA-Z])"
    r"(?:\s*(?:plus|minus)\s*[-+]?[\d.]+\s*[a-z]{2,5})*|=\s*[-+]?\d+|=\s*\\[a-zA-Z@]+|=\s*`\\?.|(?<=penalty)\s*-?\d+)"
)
_CATCODE = re.compile(r"\s*(?:`\\?.|\d+)\s*=?\s*\d+\s?")
_FILE = re.compile(r"[ \t]*([^\s{}\\%#]+)")
_PARAGRAPH = re.compile(r"[^\n{}]{0,500}(?:\n(?![ \t]*\n)[^\n{}]{0,500}){0,5}")
_BRANCHES = re.compile(r"\\([a-zA-Z@]+|.)|%[^\n]*", re.DOTALL)
_LET = re.compile(r"\s*\\([a-zA-Z@]+|[^a-zA-Z])\s*=? ?(\\(?:[a-zA-Z@]+|.)|\S)", re.DOTALL)
_TWO = re.compile(r"\s*(\\(?:[a-zA-Z@]+|.)|.)\s*(\\(?:[a-zA-Z@]+|.)|.)", re.DOTALL)
_NUMBERS = re.compile(r"\s*(-?\d+)\s*([<>=])\s*(-?\d+)")
_CSNAME = re.compile(r"([^\\{}\s]{0,80})\\endcsname")
_DEFINING = re.compile(
    r"\\(newcommand|renewcommand|providecommand|DeclareRobustCommand|DeclareMathOperator|newenvironment|renewenvironment"
    r"|def|gdef|edef|xdef|let|NewDocumentCommand|newtheorem|newif)(?![a-zA-Z@])"
)
_PROSE = re.compile(r"[^\W\d_]{2,}[^{}=]*\s[^\W\d_]")
_WORD = re.compile(r"[^\W\d_][\w .+'-]*|[^\x00-\x7f]+")
_GERMAN = {f'"{a}': b for a, b in zip("aouAOUs`'", "äöüÄÖÜß„“", strict=True)}
_DASHES = {1: "-", 2: "–", 3: "—"}
_QUOTES = {"``": "“", "''": "”", "`": "‘", "'": "’"}


@dataclass(frozen=True, slots=True)
class Options:
    """How a paper becomes text."""

    math: str = "latex"
    """latex: as it is written, macros expanded; text: as characters; drop."""
    front: bool = False
    """Keep what stands before the first section (the abstract). Text that has no sections is kept in any case."""
    captions: bool = True
    """Keep the captions of figures; the figures themselves go."""


@dataclass(slots=True)
class Converted:
    """The text of a project."""

    text: str
    title: str = ""
    problems: Counter[str] = field(default_factory=Counter)
    """What could not be followed, by kind: expansion_limit, recursion, no_file."""


def convert(root: str, files: Mapping[str, str], options: Options | None = None) -> Converted:
    """The text of the project whose main file is `root`. `files` maps paths to their texts; no others are read.

    Time grows linearly with the size of the files, but for some that are no TeX (unclosed arguments inside one another, thousands of
    formulas that don't end): who reads those of strangers limits it.
    """
    return _Converter(files, options or Options()).run(root)


Hook = Callable[[], None]


class _Converter:
    def __init__(self, files: Mapping[str, str], options: Options) -> None:
        self.files, self.options = files, options
        self.source = Source()
        self.room = ROOM + TIMES * sum(map(len, files.values()))
        self.macros, self.aliases = dict[str, Macro](), dict[str, str]()
        self.environments = dict[str, tuple[Macro, str]]()
        self.theorems, self.switches = dict(tables.THEOREMS), dict[str, bool]()
        self.groups: list[tuple[str, Hook | None]] = []
        self.open_environments = Counter[str]()
        self.out: list[str] = []
        self.body = self.out
        self.started = False
        self.cut: int | None = None
        self.abstract = 0
        self.figures, self.tables = 0, 0
        self.captions, self.footnotes = list[str](), list[str]()
        self.lists: list[int | None] = []
        self.references: list[str] | None = None
        self.title = ""
        self.german = False
        self.letters = False
        self.problems = Counter[str]()
        self.symbols = table()
        self.commands = self._commands()
        self.kinds: dict[str, Callable[[str], None]] = {
            "text": lambda value: self.out.append(value),
            "break": lambda _: self._paragraph(),
            "line": lambda _: self.out.append(" "),
            "comment": lambda value: self._paragraph() if value.count("\n") > 1 else None,
            "open": lambda _: self.groups.append(("{", None)),
            "close": lambda _: self._close(),
            "dollars": self._dollars,
            "dash": lambda value: self.out.append(_DASHES.get(len(value), value)),
            "quote": self._quote,
            "other": self._other,
            "command": lambda value: self._command(value[1:]),
        }

    def run(self, root: str) -> Converted:
        self._file(root)
        source, kinds = self.source, self.kinds
        while source.frames:
            kind, value = source.token()
            if kind != "end":
                kinds[kind](value)
        while self.groups:
            self._unwind()
        if self.references is not None:
            self.out = self.references
        self._paragraph()
        return Converted(self._text(), tidy(self.title), self.problems)

    def _text(self) -> str:
        body = self.body
        if self.cut is not None and not self.options.front:
            before = sum(map(len, body[: self.cut])) - self.abstract
            if before <= sum(map(len, body[self.cut :])):  # letters have their only section at the end
                body = body[self.cut :]
        return tidy("".join(body))

    # ---- files and macros ----------------------------------------------------------------------------------

    def _push(self, text: str, name: str = "", letters: bool = False) -> bool:
        self.room -= len(text) + PER_CALL
        if self.room < 0 or len(self.source.frames) > DEEP:
            self.problems["expansion_limit"] += 1
            return False
        self.source.push(text, name, letters)
        return True

    def _file(self, path: str) -> None:
        self._push(PRIVATE.sub("", self.files[path]), f"file {path}", path.endswith((".sty", ".cls")))

    def _include(self, named: str | None, folder: str = "") -> None:
        named = (named or "").strip().strip('"')
        path = self._find(folder + named, ("", ".tex", ".ltx", ".pgf"))
        if path is None:
            self.problems["no_file"] += 1
        elif self.source.active.get(f"file {path}"):
            self.problems["recursion"] += 1
        else:
            self._file(path)

    def _find(self, named: str, endings: tuple[str, ...]) -> str | None:
        """The file of the project that is meant; none outside it."""
        parts = list[str]()
        for part in named.replace("\\", "/").split("/"):
            if part == ".." and parts:
                parts.pop()
            elif part not in ("", ".", ".."):
                parts.append(part)
        clean = "/".join(parts)
        return next((clean + ending for ending in endings if clean + ending in self.files), None)

    def _expand(self, name: str, found: Macro) -> None:
        if self.source.active.get(f"\\{name}", 0) >= SAME:
            self.problems["recursion"] += 1
            self.macros[name] = macros.macro("")  # it would never end: nothing from now on
            return
        if self.room < 0:
            return
        text = macros.expansion(found, self.source, max(0, self.room))
        if text is not None:
            self._push(text, f"\\{name}", found.letters)

    def _define(self, name: str, found: Macro) -> None:
        if name in _PROTECTED or name in self.open_environments:
            return
        self.aliases.pop(name, None)
        self.macros[name] = found

    def _newcommand(self, *, keep: bool = False) -> None:
        read = macros.read_newcommand(self.source, self._letters())
        if read and not (keep and read[0] in self.macros):
            self._define(*read)

    def _def(self) -> None:
        if read := macros.read_def(self.source, self._letters()):
            self._define(*read)

    def _xparse(self) -> None:
        if read := macros.read_xparse(self.source, self._letters()):
            self._define(*read)

    def _operator(self) -> None:
        self.source.take("*")
        name, text = self.source.match(NAME), self.source.argument()
        if name and text is not None:
            self._define(name[1], macros.macro(f"\\operatorname{{{text}}}"))

    def _newenvironment(self) -> None:
        if read := macros.read_environment(self.source, self._letters()):
            name, begin, end = read
            if name.rstrip("*") not in _PROTECTED_ENVIRONMENTS:
                self.environments[name] = begin, end

    def _let(self) -> None:
        found = self.source.match(_LET)
        if found is None or found[1] in _PROTECTED:
            return
        target = found[2][1:] if found[2][0] == "\\" else ""
        self.macros.pop(found[1], None)
        self.aliases.pop(found[1], None)
        if not target:
            self.macros[found[1]] = macros.macro(found[2])
        elif target in self.macros:
            self.macros[found[1]] = self.macros[target]
        elif (target := self.aliases.get(target, target)) != found[1]:
            self.aliases[found[1]] = target

    def _newtheorem(self) -> None:
        self.source.take("*")
        name = self.source.argument()
        self.source.optional()
        title = self.source.argument()
        self.source.optional()
        if name and title is not None:
            self.theorems[name.strip()] = title

    def _newif(self) -> None:
        name = self.source.match(NAME)
        if name and name[1].startswith("if"):
            self.switches[name[1][2:]] = False

    def _packages(self) -> None:
        options = self.source.optional() or ""
        for name in (self.source.argument() or "").split(","):
            self.german |= name.strip() in ("german", "ngerman") or (name.strip() == "babel" and "german" in options)
            if path := self._find(name.strip() + ".sty", ("",)):
                self._definitions(self.files[path])
        self.source.optional()

    def _class(self) -> None:
        self.german |= "german" in (self.source.optional() or "")
        name = (self.source.argument() or "").strip()
        for ending in (".cls", ".sty"):
            if path := self._find(name + ending, ("",)):
                self._definitions(self.files[path])
        self.source.optional()

    def _definitions(self, text: str) -> None:
        """Take the definitions out of a package of the author's; nothing else of it is read."""
        self.room -= len(text)
        if self.room < 0:
            return
        ours, letters = self.source, self.letters
        self.source, self.letters = Source(), True
        known = {name: found for name, found in self.macros.items() if name in tables.SPECS or name in self.symbols}
        self.source.push(text, "", True)
        while frame := self.source.top():
            found = _DEFINING.search(frame.text, frame.at)
            if found is None:
                break
            line = text.rfind("\n", 0, found.start()) + 1
            frame.at = found.end()
            if "%" not in text[max(line, found.start() - 200) : found.start()]:
                self.commands[found[1]]()
        self.source, self.letters = ours, letters
        for name in [name for name in self.macros if name in tables.SPECS or name in self.symbols]:
            if name not in known:
                del self.macros[name]

    def _letters(self) -> bool:
        return self.letters or bool(self.source.frames and self.source.frames[-1].letters)

    def _at_letter(self, on: bool) -> None:
        self.letters = on
        if self.source.frames:
            self.source.frames[-1].letters = on

    def _csname(self) -> None:
        if found := self.source.match(_CSNAME):
            self._command(found[1], word=False)

    # ---- conditions ----------------------------------------------------------------------------------------

    def _is_condition(self, name: str) -> bool:
        return name in tables.CONDITIONS or (name[:2] == "if" and name[2:] in self.switches)

    def _condition(self, name: str, math: bool = False) -> None:
        if not self._holds(name, math):
            self._skip_branch(("else", "fi"))

    def _holds(self, name: str, math: bool) -> bool:
        if name[2:] in self.switches:
            return self.switches[name[2:]]
        if name == "ifnum" and (found := self.source.match(_NUMBERS)):
            a, b = int(found[1][:9]), int(found[3][:9])
            return a < b if found[2] == "<" else a > b if found[2] == ">" else a == b
        if name == "ifx" and (found := self.source.match(_TWO)):
            return self._meaning(found[1]) == self._meaning(found[2])
        if name == "ifdefined" and (one := self.source.match(NAME)):
            return self._meaning("\\" + one[1]) is not None
        return name == "iftrue" or (name == "ifmmode" and math)

    def _meaning(self, token: str) -> object:
        name = token[1:]
        if token[0] != "\\":
            return token
        name = self.aliases.get(name, name)
        known = name in self.commands or name in tables.SPECS or name in self.symbols
        return self.macros.get(name) or (name if known else None)

    def _skip_branch(self, stops: tuple[str, ...]) -> None:
        frame = self.source.top()
        if frame is None:
            return
        depth = 0
        for found in _BRANCHES.finditer(frame.text, frame.at, frame.at + self.source.patience()):
            name = found[1] or ""
            if depth == 0 and name in stops:
                frame.at = found.end()
                return
            depth += self._is_condition(name)
            depth -= name == "fi"
        self.source.failed()

    # ---- what is written -----------------------------------------------------------------------------------

    def _paragraph(self) -> None:
        self.out.append("\n\n")
        if self.out is self.body and self.footnotes:
            for note in self.footnotes:
                self.out += (note, "\n\n")
            self.footnotes.clear()

    def _quote(self, value: str) -> None:
        if value[0] == '"':
            value = _GERMAN.get(value, value) if self.german else value
        self.out.append(_QUOTES.get(value, value))

    def _other(self, value: str) -> None:
        self.out.append(" " if value == "~" else " | " if value == "&" and self.tables else value)

    def _close(self) -> None:
        if self.groups and self.groups[-1][0] == "{":
            _, hook = self.groups.pop()
            if hook:
                hook()

    def _unwind(self) -> None:
        name, hook = self.groups.pop()
        if name != "{":
            self.open_environments[name] -= 1
        if hook:
            hook()

    def _captured(self, then: Callable[[str], None]) -> None:
        """Hand the text of the next argument to `then` when it ends."""
        before = self.out

        def done() -> None:
            text = "".join(self.out)
            self.out = before
            then(text)

        if self.source.peek() == "{":
            self.source.take("{")
            self.groups.append(("{", done))
            self.out = []
        elif (text := self.source.argument()) is not None:
            then(text if text[0] != "\\" else "")

    def _section(self) -> None:
        if self.references is not None:
            self.out, self.references = self.references, None
        self.source.take("*")
        self.source.optional()
        self._paragraph()
        if self.out is self.body and self.cut is None:
            self.cut = len(self.out)

        def done(text: str) -> None:
            short = (
                len(text) <= LONGEST_HEADING
            )  # headings that aren't closed hold one another: all together they are long
            if short and tidy(text).casefold().strip(" .:0123456789") in tables.REFERENCES and self.out is self.body:
                self.references, self.out = self.out, []
                return
            self.out.append(text)
            self._paragraph()

        self._captured(done)

    def _plain_section(self) -> None:
        """Plain TeX's heading ends with its paragraph."""
        found = self.source.match(_PARAGRAPH)
        if found and self._push(f"{{{found[0]}}}\n\n"):
            self._section()

    def _run_in(self) -> None:
        self.source.take("*")
        self._paragraph()
        self._captured(lambda text: self.out.append(f"{text} "))

    def _appendix(self) -> None:
        if self.references is not None:
            self.out, self.references = self.references, None
        self._paragraph()

    def _caption(self) -> None:
        self.source.take("*")
        self.source.optional()

        def done(text: str) -> None:
            if self.figures:
                self.captions.append(text)
            else:
                self.out += ("\n\n", text, "\n\n")

        self._captured(done)

    def _footnote(self) -> None:
        self.source.optional()
        self._captured(lambda text: self.footnotes.append(text))

    def _title(self) -> None:
        self.source.optional()

        def done(text: str) -> None:
            self.title = self.title or text

        self._captured(done)

    def _abstract(self) -> None:
        def done(text: str) -> None:
            self.abstract += len(text)
            self.out += ("\n\n", text, "\n\n")

        self._captured(done)

    def _item(self) -> None:
        label = self.source.optional()
        self.out.append("\n")
        if label is not None:
            self._push(f"{label} ")
        elif self.lists and (number := self.lists[-1]) is not None:
            self.lists[-1] = number + 1
            self.out.append(f"{number}. ")
        else:
            self.out.append("- ")

    def _line_break(self) -> None:
        self.source.take("*")
        frame = self.source.top()
        if frame and frame.text[frame.at] == "[":
            self.source.optional()
        self.out.append("\n")

    def _verb(self) -> None:
        self.source.take("*")
        frame = self.source.top()
        if frame is None:
            return
        if frame.text[frame.at] == "[":
            self.source.optional()
            frame = self.source.top()
        if frame and frame.at < len(frame.text) and frame.text[frame.at] == "{":
            self.out.append(kept(self.source.argument() or ""))
        elif frame and frame.at < len(frame.text) and not frame.text[frame.at].isspace():
            mark, end = frame.text[frame.at], frame.text.find("\n", frame.at)
            stop = frame.text.find(mark, frame.at + 1, end if end >= 0 else len(frame.text))
            if stop > 0:
                self.out.append(kept(frame.text[frame.at + 1 : stop]))
                frame.at = stop + 1

    def _mintinline(self) -> None:
        self.source.optional()
        self.source.argument()
        self._verb()

    # ---- math ----------------------------------------------------------------------------------------------

    def _dollars(self, value: str) -> None:
        self._math(value, value, display=value == "$$")

    def _math(self, opening: str, closing: str, display: bool) -> None:
        content = self._formula(closing, display).strip()
        if not content or self.options.math == "drop":
            self.out.append(" ")
            return
        if self.options.math == "text":
            shown = math_text(content)
            self.out.append(f"\n{shown}\n" if display else shown)
        elif display:
            lines = [line for part in content.split("\n") if (line := part.strip())]
            gap = LINE if opening.startswith("\\begin") else ""
            self.out.append(f"\n{opening}{gap}{LINE.join(lines)}{gap}{closing}\n")
        else:
            self.out.append(f"{opening}{' '.join(content.split())}{closing}")

    def _formula(self, closing: str, display: bool) -> str:
        """The LaTeX up to `closing`, with the author's macros expanded. What is not closed ends at a section, at the end of
        the document, and where it is no display at the end of the paragraph."""
        parts, depth, inside, word = list[str](), 0, 0, False
        source = self.source
        while source.frames:
            kind, value = source.token()
            was_word, word = word, False
            if kind == "command":
                name = value[1:]
                if value == closing and depth <= 0:
                    break
                if name == "end":
                    environment = source.argument() or ""
                    if f"\\end{{{environment}}}" == closing and inside <= 0:
                        break
                    if environment == "document":
                        self._push("\\end{document}")
                        break
                    inside -= 1
                    parts.append(f"\\end{{{environment}}}")
                elif name == "begin":
                    inside += 1
                    parts.append(value)
                elif name in tables.SECTIONS:
                    self._push(f"{value} ")
                    break
                elif name == "def" or name in _DEFINERS:
                    self.commands[name]()
                elif not self._in_formula(name, parts):
                    word = name[:1].isalpha()
                    parts.append(value)
                else:
                    word = was_word
            elif kind == "dollars" and depth <= 0 and closing[0] == "$":
                if value == "$$" and closing == "$":
                    source.frames[-1].at -= 1
                break
            elif kind == "break" or (kind == "comment" and value.count("\n") > 1):
                if not display:
                    self._push("\n\n")
                    break
                parts.append("\n")
            elif kind == "close" and depth <= 0 and not display and closing == "$":
                self._push("}")
                break
            elif kind == "end" or kind == "comment":
                word = was_word
            else:
                depth += (kind == "open") - (kind == "close")
                if was_word and value[0].isalpha():
                    parts.append(" ")
                parts.append(value)
        return "".join(parts)

    def _in_formula(self, name: str, parts: list[str]) -> bool:
        """Do what a command in a formula does to the text that is read; whether it is done with."""
        name = self.aliases.get(name, name) if name not in self.macros else name
        if (found := self.macros.get(name)) is not None:
            self._expand(name, found)
        elif self._is_condition(name):
            self._condition(name, math=True)
        elif name == "else":
            self._skip_branch(("fi",))
        elif name in ("label", "vspace"):
            self.source.argument()
        elif name == "ensuremath":
            pass
        elif name == "csname":
            if one := self.source.match(_CSNAME):
                self._push(f"\\{one[1]} ")
        elif not self._switched(name):
            return name in ("nonumber", "notag", "fi", "protect", "relax", "expandafter", "noexpand")
        return True

    def _ensuremath(self) -> None:
        text = self.source.argument()
        if text is not None:
            self._push(f"${text}$")

    # ---- environments --------------------------------------------------------------------------------------

    def _begin(self) -> None:
        name = (self.source.argument() or "").strip()
        plain = name.rstrip("*")
        if name in self.environments:
            begin, end = self.environments[name]
            self._enter(name, lambda: self._ended(end))
            self._expand(f"begin {name}", begin)
        elif plain == "document":
            self._start()
        elif plain in tables.MATH:
            self._math(f"\\begin{{{name}}}", f"\\end{{{name}}}", display=plain != "math")
        elif plain in tables.VERBATIM:
            self._verbatim(name, plain)
        elif plain in tables.DROPPED or plain in ("keyword", "keywords", "IEEEkeywords"):
            if self.source.raw(f"\\end{{{name}}}") is None:
                self._hidden(name)
        else:
            self._environment(name, plain)

    def _environment(self, name: str, plain: str) -> None:
        self._arguments(tables.ENVIRONMENT_ARGUMENTS.get(name, tables.ENVIRONMENT_ARGUMENTS.get(plain, "")))
        if plain in tables.FIGURES:
            self._figure(name)
        elif plain in tables.TABLES:
            self.tables += 1
            self.out.append("\n")
            self._enter(name, self._table_ended)
        elif plain in ("itemize", "enumerate", "description", "list", "compactitem", "compactenum"):
            self.lists.append(1 if "enum" in plain else None)
            self._enter(name, self._list_ended)
            self._paragraph()
        elif plain == "abstract":
            before, self.out = self.out, []
            self._enter(name, partial(self._abstract_ended, before))
        elif plain in self.theorems:
            self._paragraph()
            note = self.source.optional()
            self._enter(name, self._paragraph)
            self._push(f"{self.theorems[plain]} ({note}). " if note else f"{self.theorems[plain]}. ")
        else:
            if name not in tables.ENVIRONMENT_ARGUMENTS:
                self.source.optional()
            self._paragraph()
            self._enter(name, self._paragraph)

    def _enter(self, name: str, hook: Hook) -> None:
        self.groups.append((name, hook))
        self.open_environments[name] += 1

    def _end(self) -> None:
        if self.source.peek() != "{":  # plain TeX's \end
            self._stop()
            return
        name = (self.source.argument() or "").strip()
        if name == "document":
            self._stop()
        elif self.open_environments[name] > 0:
            while self.groups[-1][0] != name:
                self._unwind()
            self._unwind()

    def _ended(self, code: str) -> None:
        self._push(code)

    def _table_ended(self) -> None:
        self.tables -= 1
        self._paragraph()

    def _list_ended(self) -> None:
        self.lists.pop()
        self._paragraph()

    def _abstract_ended(self, before: list[str]) -> None:
        text = "".join(self.out)
        self.out = before
        self.abstract += len(text)
        self.out += ("\n\n", text, "\n\n")

    def _figure(self, name: str) -> None:
        before, self.out = self.out, []
        self.figures += 1

        def done() -> None:
            self.out = before
            self.figures -= 1
            if not self.figures and self.options.captions:
                for text in self.captions:
                    self.out += ("\n\n", text, "\n\n")
            if not self.figures:
                self.captions.clear()

        self._enter(name, done)

    def _hidden(self, name: str) -> None:
        before, self.out = self.out, []

        def done() -> None:
            self.out = before

        self._enter(name, done)

    def _verbatim(self, name: str, plain: str) -> None:
        if plain != "verbatim":
            self.source.optional()
        if plain == "minted":
            self.source.argument()
        text = self.source.raw(f"\\end{{{name}}}")
        if text is not None:
            first, _, rest = text.partition("\n")
            self.out.append(f"\n\n{kept((rest if not first.strip() else text).rstrip())}\n\n")

    def _start(self) -> None:
        if not self.started:
            self.started = True
            self.out = self.body = []
            self.groups.clear()
            self.open_environments.clear()
            self.cut = None
            self.figures = self.tables = 0

    def _stop(self) -> None:
        """End the file: the whole document, unless it is a part that was included."""
        frames = self.source.frames
        while frames and not frames[-1].name.startswith("file "):
            self.source.pop()
        if frames:
            self.source.pop()

    # ---- commands ------------------------------------------------------------------------------------------

    def _command(self, name: str, word: bool = True) -> None:
        if not name:
            return
        source = self.source
        if (found := self.macros.get(name)) is not None:
            self._spaces(name, word)
            self._expand(name, found)
            return
        name = self.aliases.get(name, name)
        frame = source.frames[-1] if source.frames else None
        adjacent = bool(frame and frame.text.startswith(("[", "{", "*"), frame.at))
        if name not in ("verb", "lstinline"):
            self._spaces(name, word)
        if (handler := self.commands.get(name)) is not None:
            handler()
        elif (spec := tables.SPECS.get(name)) is not None:
            if name in tables.CITES:
                self.out.append(GONE)
            self._arguments(spec, star=True)
        elif name in ACCENTS and not (name.isalpha() and not self._letter_follows()):
            self._accent(name)
        elif name in ("vskip", "hskip", "kern"):
            self.source.match(_ASSIGNED)
            self.out.append("\n\n" if name == "vskip" else " ")
        elif name in tables.SPACES:
            self.out.append(" ")
        elif name in tables.BREAKS:
            self._paragraph()
        elif self._is_condition(name):
            self._condition(name)
        elif name in self.symbols:
            self.out.append(self.symbols[name])
        elif not self._switched(name) and (name[0].isalpha() or name[0] == "@"):
            self._unknown(adjacent)

    def _switched(self, name: str) -> bool:
        """Turn the condition that `\\footrue` turns; whether it is one."""
        for value in ("true", "false"):
            if name.endswith(value) and name.removesuffix(value) in self.switches:
                self.switches[name.removesuffix(value)] = value == "true"
                return True
        return False

    def _xspace(self) -> None:
        frame = self.source.top()
        if frame and (frame.text[frame.at].isalnum() or frame.text[frame.at] in "\\$("):
            self.out.append(" ")

    def _spaces(self, name: str, word: bool) -> None:
        if word and (name[0].isalpha() or name[0] == "@"):
            self.source.after_word()

    def _letter_follows(self) -> bool:
        frame = self.source.top()
        return bool(frame and (frame.text[frame.at] in "{\\" or frame.text[frame.at].isalpha()))

    def _accent(self, name: str) -> None:
        if self.source.peek() == "\\" and (found := self.source.match(NAME)):
            letter = self.symbols.get(found[1], found[1])
        else:
            letter = self.source.argument() or ""
        letter = letter.strip("{} ")
        if letter[:1] == "\\":
            letter = self.symbols.get(letter[1:].strip(), letter[1:])
        self.out.append(accented(name, letter))

    def _arguments(self, spec: str, star: bool = False) -> None:
        """Read the arguments of a command; what stays of them is read next."""
        if self.room < 0:
            return
        if star and spec[:1] != "s":
            self.source.take("*")
        last = len(spec) - 1
        stays = list[str]()
        for at, kind in enumerate(spec):
            if kind == "s":
                self.source.take("*")
            elif kind == "o":
                self.source.optional()
            elif kind == "m":
                self.source.argument()
            elif at < last or stays:
                stays.append(self.source.argument() or "")
        if stays:
            self._push(" ".join(stays))

    def _unknown(self, adjacent: bool) -> None:
        """A command that nobody has defined: numbers that are set go, arguments stay where they are words."""
        if self.source.match(_ASSIGNED) or not adjacent or self.room < 0:
            return
        self.source.take("*")
        stays = list[str]()
        for number in range(9):
            frame = self.source.top()
            sign = frame.text[frame.at] if frame else ""
            if sign == "[":
                if self.source.optional() is None:
                    break
            elif sign == "{":
                text = self.source.argument()
                if text is None:
                    break
                if _PROSE.search(text) or (not number and _WORD.fullmatch(text.strip())):
                    stays.append(text)
            else:
                break
        if stays:
            self._push("{" + "} {".join(stays) + "}")

    def _commands(self) -> dict[str, Hook]:
        source = self.source
        nothing: Hook = lambda: None  # noqa: E731
        found: dict[str, Hook] = {
            "begin": self._begin, "end": self._end, "caption": self._caption, "footnote": self._footnote,
            "footnotetext": self._footnote, "title": self._title, "abstract": self._abstract, "item": self._item,
            "\\": self._line_break, "newline": self._line_break, "tabularnewline": self._line_break, "cr": self._line_break,
            "verb": self._verb, "lstinline": self._verb, "mintinline": self._mintinline, "appendix": self._appendix,
            "(": lambda: self._math("\\(", "\\)", display=False), "[": lambda: self._math("\\[", "\\]", display=True),
            "ensuremath": self._ensuremath, "newcommand": self._newcommand, "renewcommand": self._newcommand,
            "providecommand": lambda: self._newcommand(keep=True), "DeclareRobustCommand": self._newcommand,
            "def": self._def, "gdef": self._def, "edef": self._def, "xdef": self._def, "let": self._let,
            "NewDocumentCommand": self._xparse, "RenewDocumentCommand": self._xparse,
            "DeclareDocumentCommand": self._xparse, "ProvideDocumentCommand": self._xparse,
            "DeclareMathOperator": self._operator, "newenvironment": self._newenvironment,
            "renewenvironment": self._newenvironment, "newtheorem": self._newtheorem, "newif": self._newif,
            "usepackage": self._packages, "RequirePackage": self._packages, "documentclass": self._class,
            "documentstyle": self._class, "document": self._start, "enddocument": self._stop, "bye": self._stop,
            "endinput": self._stop, "input": lambda: self._input(), "include": lambda: self._input(),
            "subfile": lambda: self._input(), "InputIfFileExists": lambda: self._input(),
            "import": lambda: self._import(), "subimport": lambda: self._import(),
            "makeatletter": lambda: self._at_letter(True), "makeatother": lambda: self._at_letter(False),
            "csname": self._csname, "else": lambda: self._skip_branch(("fi",)), "fi": nothing, "or": nothing,
            "catcode": lambda: void(self.source.match(_CATCODE)), "lccode": lambda: void(self.source.match(_CATCODE)),
            "begingroup": nothing, "endgroup": nothing, "bgroup": nothing, "egroup": nothing, "relax": nothing,
            "newboolean": lambda: void(self.switches.setdefault(source.argument() or "", False)),
            "topmatter": lambda: self._hidden("topmatter"), "endtopmatter": lambda: self._leave("topmatter"),
            "Refs": lambda: self._hidden("Refs"), "endRefs": lambda: self._leave("Refs"),
            "xspace": self._xspace, "proclaim": self._paragraph, "demo": self._paragraph,
            "cases": nothing, "-": nothing, "/": nothing, "@": nothing, "!": nothing, "today": nothing,
        }  # fmt: skip
        found.update(dict.fromkeys(tables.SECTIONS, self._section))
        found.update(dict.fromkeys(tables.PARAGRAPHS, self._run_in))
        found["beginsection"] = self._plain_section
        return found

    def _input(self) -> None:
        if self.source.peek() == "{":
            self._include(self.source.argument())
        elif found := self.source.match(_FILE):
            self._include(found[1])

    def _import(self) -> None:
        self.source.take("*")
        folder = (self.source.argument() or "").strip()
        self._include(self.source.argument(), folder.rstrip("/") + "/" if folder else "")

    def _leave(self, name: str) -> None:
        if self.open_environments[name] > 0:
            while self.groups[-1][0] != name:
                self._unwind()
            self._unwind()


def void(_: object) -> None:
    """Nothing, for a handler whose answer nobody wants."""


_DEFINERS = names("newcommand renewcommand providecommand gdef edef xdef let DeclareMathOperator")
_PROTECTED = names("""begin end caption footnote title abstract item \\ newcommand renewcommand providecommand def gdef edef xdef let
    newenvironment renewenvironment documentclass documentstyle usepackage input include label ref cite citep citet
    eqref pageref bibliography par maketitle fi else iftrue iffalse csname""") | tables.SECTIONS | tables.PARAGRAPHS  # fmt: skip
"""Commands that an author's definition does not change: it is about their looks."""
_PROTECTED_ENVIRONMENTS = tables.MATH | tables.VERBATIM | tables.DROPPED | tables.FIGURES | tables.TABLES | {"document", "abstract", "itemize", "enumerate", "description"}  # fmt: skip
