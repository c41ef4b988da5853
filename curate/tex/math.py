"""A formula as running text: symbols as Unicode has them, fractions with a stroke, commands gone."""

import re
from collections.abc import Mapping

from curate.tex.symbols import ACCENTS, names, table

_TOKEN = re.compile(r"\\(?:[a-zA-Z]+|.)|[{}^_&~]|\s+|[^\\{}^_&~\s]+", re.DOTALL)
_SUPER = str.maketrans("0123456789+-=()nij", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱʲ")
_SUB = str.maketrans("0123456789+-=()aeoxij", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓᵢⱼ")
DEEP = 50
"""Groups inside each other that are more than their characters."""
_SILENT = names("""left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle
    mathbf mathrm mathit mathsf mathtt mathcal mathbb mathfrak mathscr boldsymbol bm rm bf it cal text textrm textbf
    textit mbox hbox operatorname limits nolimits nonumber notag hline vphantom middle mathop mathrel mathbin mathord
    mathstrut strut hat tilde bar vec dot ddot overline underline widehat widetilde overrightarrow mathring check
    breve acute grave overbrace underbrace boxed ensuremath protect scriptscriptstyle mathnormal""")
_SPACES = frozenset(("quad", "qquad", ",", ";", ":", ">", " ", "\\", "space", "enspace", "thinspace", "\n", "\t"))
_NAMES = names("""sin cos tan cot sec csc log ln exp lim sup inf max min det dim ker deg gcd hom arg sinh cosh tanh arcsin arccos
    arctan Pr limsup liminf mod bmod""")


def math_text(latex: str) -> str:
    r"""`\frac{a}{b} \le \alpha^2` -> `a/b ≤ α²`. Reads once from left to right."""
    out, symbols = list[str](), table()
    groups: list[
        tuple[int, str]
    ] = []  # where in `out` a group began, and what it is: "", "frac", "over", "^", "_", "sqrt", "drop"
    waiting = ""
    for found in _TOKEN.finditer(latex):
        token = found[0]
        if token == "{":
            groups.append((len(out), waiting if len(groups) < DEEP else ""))
            waiting = ""
        elif token == "}":
            if groups:
                waiting = _close(out, *groups.pop())
        elif token in "^_":
            waiting = token
        elif token == "&" or token == "~" or token.isspace():
            out.append(" ")
        elif token[0] == "\\":
            waiting = _command(out, token[1:], symbols, waiting)
        else:
            if waiting in ("^", "_") and len(token) > 1:
                _put(out, token[0], waiting)
                out.append(token[1:])
            else:
                _put(out, token, waiting)
            waiting = ""
    return re.sub(r"\s+", " ", "".join(out)).strip()


def _command(out: list[str], name: str, symbols: Mapping[str, str], waiting: str) -> str:
    """Write what a command stands for; what the group behind it will be."""
    if name in ("frac", "dfrac", "tfrac", "cfrac"):
        return "frac"
    if name == "sqrt":
        out.append("√")
        return "sqrt"
    if name in ("begin", "end", "label", "tag", "hspace", "vspace", "phantom"):
        return "drop"
    if name in _SPACES:
        out.append(" ")
    elif name in _NAMES or name == "over":
        out.append("/" if name == "over" else f" {name} ")
    elif name not in _SILENT and name not in ACCENTS:
        _put(out, symbols.get(name, ""), waiting)
        return ""
    return waiting


def _put(out: list[str], text: str, script: str) -> None:
    out.append(_script(text, script) if script in ("^", "_") else text)


def _script(text: str, script: str) -> str:
    raised = text.translate(_SUPER if script == "^" else _SUB)
    if text and all(a != b for a, b in zip(text, raised, strict=True)):
        return raised
    return f"{script}{text}" if len(text) < 2 else f"{script}({text})"


def _close(out: list[str], start: int, kind: str) -> str:
    """End a group; what the next one is."""
    if not kind:
        return ""
    text = "".join(out[start:]).strip()
    del out[start:]
    if kind == "drop":
        return ""
    if kind in ("^", "_"):
        out.append(_script(text, kind))
        return ""
    plain = text if len(text) < 2 or text.isalnum() else f"({text})"
    out.append(plain)
    if kind == "frac":
        out.append("/")
        return "over"
    return ""
