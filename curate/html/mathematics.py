"""Formulas as LaTeX: MathML, what MathJax, KaTeX and MediaWiki make of them, and pictures of formulas.

The markup of a formula is replaced by `\\(…\\)`, or `\\[…\\]` for one on a line of its own, before the page is read. TeX
that stands in the page is taken (an annotation, `alttext`, MathJax's script, the text of a picture); MathML without it is
written as TeX. Each replacement is filled up to the length of what it replaces, so that places in the page stay what they
were. Every search is bounded, so time is linear.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

_INSIDE = rb"""(?:[^<>"']|"[^"]{0,4000}"|'[^']{0,4000}')*"""
_MATH = re.compile(rb"<(?:\w{1,8}:)?math\b(" + _INSIDE + rb")>")
_MATH_END = re.compile(rb"</(?:\w{1,8}:)?math\s*>")
_HOLDER = re.compile(
    rb"<(?:(mjx-container)\b|(span|div)\b(?=[^<>]{0,300}?class\s*=\s*[\"']?(?:[^\"'<>]*\s)?"
    rb"(?:katex(?:-display)?|mwe-math-element|MathJax\w*)[\"'\s>]))[^<>]{0,2000}>"
)
_SCRIPT = re.compile(rb"<script\b(?=[^<>]{0,400}?\btype\s*=\s*[\"']?math/tex)([^<>]{0,1000})>", re.IGNORECASE)
_SCRIPT_END = re.compile(rb"</script\s*>", re.IGNORECASE)
_PICTURE = re.compile(
    rb"<img\b(?=" + _INSIDE + rb"(?:class\s*=\s*[\"']?(?:latex|tex)[\"'\s>]|latex\.php\?))(" + _INSIDE + rb")>"
)
_ANNOTATION = re.compile(rb"<(?:\w{1,8}:)?annotation\b[^<>]{0,200}?application/x-tex[^<>]{0,200}>")
_ANNOTATION_END = re.compile(rb"</(?:\w{1,8}:)?annotation")
_ALT = re.compile(rb"""\b(?:alttext|alt)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_DISPLAY = re.compile(rb"display\s*=\s*[\"']?(?:block|true)|mode\s*=\s*[\"']?display|katex-display|MathJax_Display")
_WRAPPED = re.compile(r"\{\\(?:display|text|scriptscript|script)style\s*(.*)\}", re.DOTALL)
_STYLE = re.compile(r"^\\(?:display|text)style\b\s*")
_LONGEST = 1 << 16  # bytes of MathML that is written as TeX
_DEEPEST = 100
_FILLER = 4  # bytes of the shortest end tag, which means nothing


def with_latex(source: bytes) -> bytes:
    """`source`, a page in UTF-8, with LaTeX in the place of the markup of formulas; the same object where there is none.

    It takes longer than the scanner, which says (FORMULAS) whether a page may have any.
    """
    has_scripts = _SCRIPT.search(source) is not None
    parts, at = list[bytes](), 0
    for start, end, tex, display in sorted(_found(source, has_scripts)):
        if start >= at:
            parts += [source[at:start], _in_place(tex, display, end - start, source[end : end + 1].isalnum())]
            at = end
    return b"".join([*parts, source[at:]]) if parts else source


class _Formula(NamedTuple):
    """A piece of the page and the TeX that it becomes (empty: nothing)."""

    start: int
    end: int
    tex: str
    display: bool


def _found(source: bytes, has_scripts: bool) -> Iterator[_Formula]:
    """All formulas; those inside another one come after it when they are sorted by place."""
    yield from _holders(source, has_scripts)
    at = 0
    while (begin := _MATH.search(source, at)) and (end := _MATH_END.search(source, begin.end())):
        at = end.end()
        yield _Formula(begin.start(), at, _tex_of(begin[1], source[begin.end() : end.start()]), _displayed(begin[0]))
    at = 0
    while (begin := _SCRIPT.search(source, at)) and (end := _SCRIPT_END.search(source, begin.end())):
        at = end.end()
        tex = html.unescape(source[begin.end() : end.start()].decode("utf-8", "replace"))  # as MathJax does
        yield _Formula(begin.start(), at, tex, _displayed(begin[1]))
    for picture in _PICTURE.finditer(source):
        if tex := _alternative(picture[1]):
            yield _Formula(picture.start(), picture.end(), tex, False)


def _holders(source: bytes, has_scripts: bool) -> Iterator[_Formula]:
    """What typesetters put round a formula: its MathML, and the same again for the eye.

    With MathJax 2 the TeX is in a script that follows; what it made of that is nothing then.
    """
    at = 0
    while begin := _HOLDER.search(source, at):
        end = _balanced(source, begin.start(), (begin[1] or begin[2]))
        if end < 0:
            return
        inside = source[begin.end() : end]
        math = _MATH.search(inside)
        close = _MATH_END.search(inside, math.end()) if math else None
        at = begin.end()
        if has_scripts and b"MathJax" in begin[0]:
            at = end
            if not _SCRIPT.search(inside):
                yield _Formula(begin.start(), end, "", False)
        elif math and close:
            at = end
            display = _displayed(begin[0]) or _displayed(math[0])
            yield _Formula(begin.start(), end, _tex_of(math[1], inside[math.end() : close.start()]), display)


def _balanced(source: bytes, start: int, name: bytes) -> int:
    """Where the element that begins at `start` ends; -1 where it does not."""
    depth = 0
    for tag in re.compile(rb"<(/?)" + name + rb"\b[^<>]*>").finditer(source, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return tag.end()
    return -1


def _displayed(tag: bytes) -> bool:
    return _DISPLAY.search(tag) is not None


def _in_place(tex: str, display: bool, size: int, before_word: bool) -> bytes:
    """TeX in its delimiters as HTML of `size` bytes, or more where it is longer."""
    tex = _bare(tex)
    if not tex:
        return b"</" + b"x" * (size - 3) + b">" if size >= _FILLER else b""
    delimited = tex.startswith(("$", r"\(", r"\[", r"\begin{equation", r"\begin{align"))
    first, last = ("", "") if delimited else (r"\[", r"\]") if display else (r"\(", r"\)")
    around = " " if display else ""
    made = html.escape(around + first + tex + last + (" " if before_word else around), quote=False).encode()
    room = size - len(made)
    return made + b"</x" + b" " * (room - _FILLER) + b">" if room >= _FILLER else made


def _bare(tex: str) -> str:
    """TeX on one line without the styles that typesetters add."""
    tex = " ".join(tex.split())
    wrapped = _WRAPPED.fullmatch(tex)
    return _STYLE.sub("", wrapped[1] if wrapped else tex).strip()


def _alternative(attributes: bytes) -> str:
    found = _ALT.search(attributes)
    return html.unescape((found[1] or found[2] or b"").decode("utf-8", "replace")) if found else ""


def _tex_of(attributes: bytes, inside: bytes) -> str:
    """The TeX of a `math` element: as it says itself, else from its MathML."""
    note = _ANNOTATION.search(inside)
    end = _ANNOTATION_END.search(inside, note.end()) if note else None
    if note and end:
        return html.unescape(inside[note.end() : end.start()].decode("utf-8", "replace"))
    said = _alternative(attributes)
    if "\\" in said or "^" in said or "_" in said or not inside.strip():
        return said
    return tex_of_mathml(inside[:_LONGEST].decode("utf-8", "replace")) or said


# ---- MathML as TeX: https://www.w3.org/TR/MathML3/chapter3.html

_TOKEN = re.compile(r"<(/?)(?:\w{1,8}:)?([a-z-]+)((?:\s[^<>]*?)?)(/?)>|([^<]+)")
_FENCE = re.compile(r"""\b(open|close|separators)\s*=\s*["']([^"']*)["']""")
_LETTERS = re.compile(r"\\[A-Za-z]+$")
_FUNCTIONS = [
    "arccos",
    "arcsin",
    "arctan",
    "arg",
    "cos",
    "cosh",
    "cot",
    "coth",
    "csc",
    "deg",
    "det",
    "dim",
    "exp",
    "gcd",
    "hom",
    "inf",
    "ker",
    "lg",
    "lim",
    "ln",
    "log",
    "max",
    "min",
    "sec",
    "sin",
    "sinh",
    "sup",
    "tan",
    "tanh",
    "Pr",
    "liminf",
    "limsup",
]
_COMMANDS = """α:alpha β:beta γ:gamma δ:delta ε:varepsilon ϵ:epsilon ζ:zeta η:eta θ:theta ϑ:vartheta ι:iota κ:kappa λ:lambda μ:mu
    ν:nu ξ:xi π:pi ρ:rho σ:sigma ς:varsigma τ:tau υ:upsilon φ:varphi ϕ:phi χ:chi ψ:psi ω:omega Γ:Gamma Δ:Delta Θ:Theta
    Λ:Lambda Ξ:Xi Π:Pi Σ:Sigma Υ:Upsilon Φ:Phi Ψ:Psi Ω:Omega ∑:sum ∏:prod ∫:int ∬:iint ∭:iiint ∮:oint ∞:infty ∂:partial
    ∇:nabla ±:pm ∓:mp ×:times ÷:div ⋅:cdot ·:cdot ∘:circ ∗:ast ≤:le ≥:ge ≠:ne ≈:approx ≡:equiv ∼:sim ≃:simeq ≅:cong
    ∝:propto ≪:ll ≫:gg ∈:in ∉:notin ∋:ni ⊂:subset ⊃:supset ⊆:subseteq ⊇:supseteq ∪:cup ∩:cap ∖:setminus ∅:emptyset
    ∀:forall ∃:exists ¬:neg ∧:wedge ∨:vee ⊕:oplus ⊗:otimes ⊥:perp ∥:parallel ∣:mid →:to ←:leftarrow ↔:leftrightarrow
    ⇒:Rightarrow ⇐:Leftarrow ⇔:Leftrightarrow ↦:mapsto …:ldots ⋯:cdots ⋮:vdots ⋱:ddots ⟨:langle ⟩:rangle ⌊:lfloor ⌋:rfloor
    ⌈:lceil ⌉:rceil ℏ:hbar ℓ:ell ℜ:Re ℑ:Im ℵ:aleph ℝ:mathbb{R} ℂ:mathbb{C} ℕ:mathbb{N} ℤ:mathbb{Z} ℚ:mathbb{Q} †:dagger
    √:surd ∠:angle"""
_NAMES = {sign: name for sign, _, name in (pair.partition(":") for pair in _COMMANDS.split())}
_PLAIN = {
    "−": "-",
    "′": "'",
    "″": "''",
    "‖": r"\|",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "$": r"\$",
}
_INVISIBLE = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064\u200b\u200c\u200d\ufeff"))
_ACCENTS = {
    "¯": "overline", "‾": "overline", "_": "overline", "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", r"\to": "vec", "⃗": "vec",
    "˙": "dot", ".": "dot", "¨": "ddot", "⏞": "overbrace",
}  # fmt: skip
_UNDER = {"⏟": "underbrace", "_": "underline", "¯": "underline", "‾": "underline"}
_LEAVES = frozenset(("mi", "mn", "mo", "mtext", "ms"))
_SILENT = frozenset(("annotation", "annotation-xml", "mphantom", "mprescripts", "none", "maligngroup", "malignmark"))
_VOID = frozenset(("mspace", "mprescripts", "none", "maligngroup", "malignmark"))


def tex_of_mathml(markup: str) -> str:
    """Presentation MathML, the inside of a `math` element, as TeX. Elements that it does not know are what they hold."""
    names, fences, held = ["math"], [""], [list[str]()]

    def end() -> None:
        name, fence, parts = names.pop(), fences.pop(), held.pop()
        held[-1].append(_element(name, fence, parts))

    for close, name, attributes, empty, text in _TOKEN.findall(markup):
        if text:
            if names[-1] in _LEAVES or text.strip():
                held[-1].append(html.unescape(text))
        elif close:
            if name in names[1:]:
                while names[-1] != name:
                    end()
                end()
        elif empty or name in _VOID:
            held[-1].append(" " if name == "mspace" else "")
        elif len(names) < _DEEPEST:
            names.append(name)
            fences.append(attributes)
            held.append([])
    while len(names) > 1:
        end()
    return _joined(held[0]).strip()


def _element(name: str, attributes: str, parts: list[str]) -> str:
    """One element whose children are TeX already."""
    if name in _SILENT:
        return ""
    if name in _LEAVES:
        return _leaf(name, " ".join("".join(parts).translate(_INVISIBLE).split()))
    a, b, c = [*parts, "", "", ""][:3]
    if name == "mfrac":
        return rf"\frac{{{a}}}{{{b}}}"
    if name == "msqrt":
        return rf"\sqrt{{{_joined(parts)}}}"
    if name == "mroot":
        return rf"\sqrt[{b}]{{{a}}}"
    if name in ("mover", "munder") and b in (accents := _ACCENTS if name == "mover" else _UNDER):
        return rf"\{accents[b]}{{{a}}}"
    if name in _SCRIPTED:
        return _scripted(name, a, b, c)
    if name in ("mtr", "mlabeledtr"):
        return " & ".join(parts)
    if name == "mtable":
        return r"\begin{matrix} " + r" \\ ".join(parts) + r" \end{matrix}"
    return _fenced(attributes, parts) if name == "mfenced" else _joined(parts)


_SCRIPTED = frozenset(("msub", "munder", "msup", "mover", "msubsup", "munderover"))


def _scripted(name: str, base: str, first: str, second: str) -> str:
    """A base with what stands below it, above it, or both."""
    if name in ("msub", "munder"):
        return f"{_base(base)}_{_script(first)}"
    if name in ("msup", "mover"):
        return f"{_base(base)}{first}" if first and not first.strip("'") else f"{_base(base)}^{_script(first)}"
    return f"{_base(base)}_{_script(first)}^{_script(second)}"


def _fenced(attributes: str, parts: list[str]) -> str:
    """Parts between brackets, and signs between the parts."""
    said = dict(_FENCE.findall(attributes))
    between = (said.get("separators", ",").strip() or "")[:1]
    inner = f"{between} ".join(parts) if between else _joined(parts)
    opening, closing = (_leaf("mo", html.unescape(said.get(*one))) for one in (("open", "("), ("close", ")")))
    return opening + inner + closing


def _leaf(name: str, text: str) -> str:
    """An identifier, number, operator or words."""
    if name in ("mtext", "ms"):
        return rf"\text{{{text}}}" if text else " "
    if text in _FUNCTIONS:
        return "\\" + text
    if name == "mi" and len(text) > 1 and text.isalpha():
        return rf"\mathrm{{{text}}}"
    return _joined(["\\" + _NAMES[c] if c in _NAMES else _PLAIN.get(c, c) for c in text])


def _joined(parts: list[str]) -> str:
    """One after the other, with a space where the name of a command would run into a letter."""
    made = list[str]()
    for part in parts:
        if part and made and part[0].isalpha() and _LETTERS.search(made[-1]):
            made.append(" ")
        if part:
            made.append(part)
    return "".join(made)


def _base(tex: str) -> str:
    return tex if len(tex) <= 1 or re.fullmatch(r"\\[A-Za-z]+(?:\{\w+\})?|\w+", tex) else f"{{{tex}}}"


def _script(tex: str) -> str:
    return tex if len(tex) == 1 else f"{{{tex}}}"
