"""The text that is still to be read: files and the bodies of macros, the innermost on top, and how arguments are taken from it.

Nothing here recurses, and what is looked at twice is bounded: after `PATIENCE` searches that found no end, further ones
look no more than `NEAR` characters ahead. So reading takes time linear in what is read.
"""

import re
from dataclasses import dataclass

NEAR = 2000
"""Characters that an optional argument, or a search after many failures, may take."""
FAR = 50_000
"""Characters up to the delimiter of a macro's argument (`\\def\\a#1;{…}`)."""
PATIENCE = 50
DEEP = 400
"""Files and macros inside each other."""

_TOKENS = r"""
    (?P<text>[^\\{{}}$&~%\n\-`'"^_\#]+)
  | (?P<command>\\(?:[{letters}]+|.|\n|$))
  | (?P<break>\n[ \t]*\n\s*)
  | (?P<line>\n)
  | (?P<open>\{{) | (?P<close>\}})
  | (?P<dollars>\$\$?)
  | (?P<comment>%[^\n]*(?:\n[ \t]*(?:\n\s*)?)?)
  | (?P<dash>-+) | (?P<quote>``|''|`|'|"(?:`|'|[a-zA-Z])?)
  | (?P<other>[&~^_\#])
"""
TOKENS = {
    False: re.compile(_TOKENS.format(letters="a-zA-Z"), re.VERBOSE),
    True: re.compile(_TOKENS.format(letters="a-zA-Z@"), re.VERBOSE),
}
"""Whether @ is a letter -> the pattern of a token."""
_BLANK = re.compile(r"(?:[ \t]|%[^\n]*(?:\n|$)|\n(?![ \t]*\n))*")
_AFTER_WORD = re.compile(r"[ \t]*(?:\n(?![ \t]*\n)[ \t]*)?")
_BRACES = re.compile(r"\\.|%[^\n]*|[{}]", re.DOTALL)
_SQUARE = re.compile(r"\\.|%[^\n]*|[{}\]]|\n[ \t]*\n", re.DOTALL)
_COMMENT = re.compile(r"(\\.)|%[^\n]*(?:\n[ \t]*)?", re.DOTALL)


def without_comments(text: str) -> str:
    """The text as TeX sees it: from a % to the end of the line nothing, and the next line joined."""
    return _COMMENT.sub(lambda found: found[1] or "", text)


@dataclass(slots=True)
class Frame:
    """A text that is being read."""

    text: str
    at: int
    letters: bool
    """Whether @ is a letter in it."""
    name: str
    """Of the macro (with its backslash) or of the file that it is from."""


class Source:
    """A stack of texts; what a macro becomes is read before what follows the macro."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.active: dict[str, int] = {}
        """How often a macro or file is being read now."""
        self._failures = 0

    def push(self, text: str, name: str, letters: bool) -> None:
        """Read `text` next."""
        self.frames.append(Frame(text, 0, letters, name))
        self.active[name] = self.active.get(name, 0) + 1

    def pop(self) -> Frame:
        """Leave the innermost text."""
        frame = self.frames.pop()
        self.active[frame.name] -= 1
        return frame

    def token(self) -> tuple[str, str]:
        """Kind and text of the next token; ("end", "") behind the last. Raises IndexError when nothing is there."""
        frame = self.frames[-1]
        found = TOKENS[frame.letters].match(frame.text, frame.at)
        if found is None:
            self.pop()
            return "end", ""
        frame.at = found.end()
        return found.lastgroup or "", found[0]

    def top(self) -> Frame | None:
        """The innermost text that is not read to its end; those that are, are left."""
        while self.frames and self.frames[-1].at >= len(self.frames[-1].text):
            self.pop()
        return self.frames[-1] if self.frames else None

    def after_word(self) -> None:
        """Skip the white space behind a command of letters, within its own text."""
        if self.frames:
            frame = self.frames[-1]
            found = _AFTER_WORD.match(frame.text, frame.at)
            frame.at = found.end() if found else frame.at

    def skip_blank(self) -> None:
        """Skip white space and comments, but no blank line."""
        while (frame := self.top()) is not None:
            found = _BLANK.match(frame.text, frame.at)
            if found is None or found.end() == frame.at:
                return
            frame.at = found.end()

    def peek(self) -> str:
        """The next character behind white space; nothing at the end."""
        self.skip_blank()
        frame = self.top()
        return frame.text[frame.at] if frame else ""

    def take(self, literal: str) -> bool:
        """Whether the next thing is `literal`, which is passed over then."""
        frame = self.top()
        if frame is None or not frame.text.startswith(literal, frame.at):
            return False
        frame.at += len(literal)
        return True

    def match(self, pattern: "re.Pattern[str]") -> "re.Match[str] | None":
        """Pass over what `pattern` matches in the innermost text."""
        frame = self.top()
        found = pattern.match(frame.text, frame.at) if frame else None
        if frame and found:
            frame.at = found.end()
        return found

    def argument(self) -> str | None:
        """The next group without its braces, or the next token; None where there is none (the group is not closed)."""
        if self.peek() in ("", "}"):
            return None
        frame = self.frames[-1]
        if frame.text[frame.at] != "{":
            found = TOKENS[frame.letters].match(frame.text, frame.at)
            assert found is not None
            size = found.end() - found.start() if found.lastgroup == "command" else 1
            frame.at += size
            return found[0][:size]
        end = self._closing(frame)
        if end < 0:
            return None
        text = frame.text[frame.at + 1 : end]
        frame.at = end + 1
        return text

    def optional(self) -> str | None:
        """What stands in [ ] next, None where nothing does."""
        if self.peek() != "[":
            return None
        frame, depth = self.frames[-1], 0
        for found in _SQUARE.finditer(frame.text, frame.at + 1, frame.at + NEAR):
            sign = found[0]
            depth += (sign == "{") - (sign == "}")
            if depth < 0 or sign[0] == "\n":
                return None
            if sign == "]" and depth == 0:
                text = frame.text[frame.at + 1 : found.start()]
                frame.at = found.end()
                return text
        return None

    def until(self, end: str, far: int = FAR) -> str | None:
        """The text up to the literal `end`, which is passed over; braces hide it. None where it does not come."""
        frame = self.top()
        if frame is None:
            return None
        stop = frame.text.find(end, frame.at, frame.at + (NEAR if self._failures > PATIENCE else far))
        if stop < 0:
            self._failures += 1
            return None
        depth, last = 0, frame.at
        while stop >= 0:
            for found in _BRACES.finditer(frame.text, last, stop):
                depth += (found[0] == "{") - (found[0] == "}")
            if depth <= 0:
                text = frame.text[frame.at : stop]
                frame.at = stop + len(end)
                return text
            last, stop = stop, frame.text.find(end, stop + 1, frame.at + far)
        self._failures += 1
        return None

    def raw(self, end: str) -> str | None:
        """The text up to `end`, whatever it is (verbatim); None where it does not come."""
        frame = self.top()
        if frame is None:
            return None
        limit = frame.at + NEAR if self._failures > PATIENCE else len(frame.text)
        stop = frame.text.find(end, frame.at, limit)
        if stop < 0:
            self._failures += 1
            return None
        text = frame.text[frame.at : stop]
        frame.at = stop + len(end)
        return text

    def _closing(self, frame: Frame) -> int:
        """Place of the brace that closes the group that begins here; -1 where there is none."""
        limit = frame.at + NEAR if self._failures > PATIENCE else len(frame.text)
        depth = 0
        for found in _BRACES.finditer(frame.text, frame.at, limit):
            sign = found[0]
            depth += (sign == "{") - (sign == "}")
            if depth == 0 and sign == "}":
                return found.start()
        self._failures += 1
        return -1

    def patience(self) -> int:
        """How far ahead a search may look now."""
        return NEAR if self._failures > PATIENCE else sum(len(frame.text) for frame in self.frames[-1:])

    def failed(self) -> None:
        """A search found no end."""
        self._failures += 1
