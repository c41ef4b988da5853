"""TeX to text: what TeX would print as words is there, what it would not print is not."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.tex.convert import Options, convert
from curate.tex.math import math_text
from curate.tex.project import decode, project
from tests.linear import assert_linear

DATA = Path(__file__).parents[1] / "data" / "tex"


def body(text, **options):
    source = "\\documentclass{article}\\begin{document}\n" + text + "\n\\end{document} after"
    return convert("m.tex", {"m.tex": source}, Options(**options)).text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"about 5\% of it % a note" + "\nall", "about 5% of it all"),
        ("join%\n  ed words", "joined words"),
        ("one % x\n\ntwo", "one\n\ntwo"),
        ("50\\% % \\section{no}\nand \\\\% here\nnext", "50% and\nnext"),
        (r"\newcommand{\foo}[2][x]{#1 and \bf#2.}\foo{a}, \foo[y]{b}", "x and a., y and b."),
        (r"\def\pair<#1|#2>{#2 then #1}\pair<a|b>", "b then a"),
        (r"\def\B{\textbf}\B{bold} \let\C=\B \C{too}", "bold too"),
        (r"\newcommand*\R{\mathbb{R}}in $\R^n$", r"in $\mathbb{R}^n$"),
        (r"\def\a{\alpha}$\a b$ and $x\a$", r"$\alpha b$ and $x\alpha$"),
        (
            r"\def\be{\begin{equation}}\def\ee{\end{equation}}so \be a=b\label{e} \ee",
            "so\n\\begin{equation}\na=b\n\\end{equation}",
        ),
        (r"as in~\cite[p.~2]{a,b}, and (see \ref{x}) too", "as in, and (see) too"),
        (r"Eq.~(\ref{x}) and (\cite{a}; \cite{b}) end", "Eq. and end"),
        (r"``q'' --- it's 1--2", "“q” — it’s 1–2"),
        (r"Erd\H{o}s, na\"{\i}ve, \c{c}a, \'etude, \aa, \O re, \v Skoda", "Erdős, naïve, ça, étude, å, Øre, Škoda"),
        (r"\iffalse gone \else here \fi\iftrue also\else no\fi", "here also"),
        (r"\newif\ifx@y \newif\ifdraft\draftfalse \ifdraft no\else yes\fi \drafttrue\ifdraft yes\fi", "yesyes"),
        (r"a \verb|x % \y| b", r"a x % \y b"),
        ("\\begin{verbatim}\n 100% \\x\n\n y\n\\end{verbatim}", " 100% \\x\n\n y"),
        (r"text\footnote{a note} goes on", "text goes on\n\na note"),
        (r"\begin{figure}[h]\includegraphics[width=2cm]{f}\caption{A cat.}\end{figure}rest", "A cat.\n\nrest"),
        (r"\begin{tabular}{l|c}a & b \\ \hline c & d\end{tabular}", "a | b\nc | d"),
        (r"\textcolor{red}{kept} \href{http://a}{link} \includegraphics{x}\vspace{3mm}", "kept link"),
        (r"\package{numpy} and \other{two words}{3pt} \unknown", "numpy and two words"),
        (r"\expandafter\csname foo\endcsname bar", "bar"),
        (r"\parindent=0pt \vskip 3pt plus 1pt \catcode`\@=11 text", "text"),
        (r"\begin{theorem}[Euler] It holds. \end{theorem}", "Theorem (Euler). It holds."),
        (r"\begin{enumerate}\item a \item b\end{enumerate}", "1. a\n2. b"),
        (r"$\text{if $x$ holds}$ end", r"$\text{if $x$ holds}$ end"),
        ("a $5 and\n\nb costs", "a $5 and$\n\nb costs"),
        (r"\ensuremath{x^2} and \(y\) and \[z\]", "$x^2$ and \\(y\\) and\n\\[z\\]"),
        (r"\NewDocumentCommand{\p}{O{n} m}{#2 of #1}\p{a} \p[s]{b}", "a of n b of s"),
        (r"\newenvironment{box}[1]{[#1: }{]}\begin{box}{t}in\end{box}", "[t: in]"),
        (r"\begin{thebibliography}{9}\bibitem{a} X.\end{thebibliography}end", "end"),
        (r"\href{u}{a} \texorpdfstring{b}{c} \SI{5}{km}", "a b 5 km"),
    ],
)
def test_words(tex, text):
    assert body(tex, front=True) == text


def test_front_matter_goes_unless_the_text_is_there():
    front = r"\begin{abstract}Short.\end{abstract}" + "\n"
    assert body(front + r"\section{One} Text.") == "One\n\nText."
    assert body(front + r"\section{One} Text.", front=True) == "Short.\n\nOne\n\nText."
    letter = "A letter without sections, of many words, as physicists write them. " * 3
    assert letter.strip() in body(letter + r"\section*{Thanks} You.")


def test_a_list_of_references_that_is_a_section_goes_and_the_appendix_stays():
    assert body(r"\section{A} a \section*{References} [1] X. \appendix \section{B} b") == "A\n\na\n\nB\n\nb"


def test_math_as_text_and_without():
    tex = r"so $\frac{a+b}{2} \le \alpha^{10} x_i$ holds"
    assert body(tex, math="text") == "so (a+b)/2 ≤ α¹⁰ xᵢ holds"
    assert body(tex, math="drop") == "so holds"
    assert math_text(r"\sqrt{x} \sin\theta \mathbb{R}^{n-1} {a \over b}") == "√x sin θ Rⁿ⁻¹ a / b"


@pytest.mark.parametrize("name", ["one", "two", "three", "six", "seven", "eight", "nine", "ten"])
def test_a_paper_loses_no_sentence_and_keeps_no_command(name):
    text = convert(f"{name}.tex", {f"{name}.tex": (DATA / f"{name}.tex").read_text()}, Options(math="drop")).text
    assert len(text) > 200
    outside = text.replace("\\alpha", "").replace("100% dark", "")  # of the verbatim text of `seven`
    assert not set("\\{}~") & set(outside)


def test_a_project_follows_its_files_and_leaves_no_folder():
    folder = DATA / "four"
    members = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (outside := dict(members))["outside.tex"] = b"never"
    found = project(outside)
    assert found.root == "main.tex"
    made = convert(found.root, {k: v for k, v in found.files.items() if k != "outside.tex"})
    assert "Apis mellifera, lives in the city" in made.text
    assert "the sparrow and its kin" in made.text
    assert "because its bees shiver, and they eat" in made.text
    assert made.problems == {"no_file": 1}


@pytest.mark.parametrize(
    "bomb",
    [
        r"\def\a{x\a\a}\a",
        r"\def\a#1{\a{#1#1}}\a{z}",
        r"\def\a{\b\b}\def\b{\a\a}\a",
        "".join(rf"\def\{chr(97 + i)}{{\{chr(98 + i)}\{chr(98 + i)}}}" for i in range(25)) + r"\def\z{boom}\a",
        r"\newenvironment{e}{\begin{e}}{\end{e}}\begin{e}",
        r"\let\a\a \a \let\b\c \let\c\b \b",
        r"\input{m} \input{m.tex}",
        r"\iftrue" * 2000,
        "{" * 5000,
        r"\begin{x}" * 2000,
        r"\footnote{" * 2000,
        "$" * 4001,
        r"\frac{" * 3000,
    ],
)
def test_what_never_ends_ends(bomb):
    text = body(bomb + " tail of the paper}")
    assert len(text) < 2_000_000


@pytest.mark.parametrize(
    "unit",
    [
        r"\cite{",
        r"\cite[",
        r"\foo{\foo{",
        r"\iffalse ",
        "$",
        r"\begin{figure}",
        r"\def\a#1;{",
        r"\x{a b}{",
        r"\cite{a}(",
        r"\a{\a{",
    ],
)
def test_time_is_linear(unit):
    def work(size, salt):
        text = f"{salt}\\newcommand{{\\a}}[1]{{#1}} " + unit * (size // len(unit))
        return lambda: convert("m.tex", {"m.tex": text}, Options(math="text"))

    assert_linear(work, unit, largest=1 << 14, first=1 << 13)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                "$",
                "\\",
                "a ",
                "%",
                "\n",
                "\\a",
                "\\def",
                "#1",
                "[",
                "]",
                "\\begin{x}",
                "\\end{x}",
                "\\fi",
                "\\iffalse",
                "\\else",
                "~",
                "&",
                "\\section{",
                "\\footnote",
                "é",
                "\\'",
                "\\end{document}",
                "\\[",
                "\\verb",
                "\\item",
                "\\caption{",
                "\\newcommand",
            ]
        )
    )
)
def test_nothing_raises(parts):
    for math in ("latex", "text", "drop"):
        convert("m.tex", {"m.tex": "".join(parts)}, Options(math=math))


def test_encodings():
    assert decode("é\r\nx".encode()) == "é\nx"
    assert decode(r"\usepackage[latin2]{inputenc} ő".encode("iso-8859-2")).endswith("ő")
    assert decode("naïve – “x”".encode("cp1252")) == "naïve – “x”"


@pytest.mark.parametrize(
    ("files", "root"),
    [
        ({"a.tex": b"\\documentclass{x}\\input{b}", "b.tex": b"\\begin{document}" + b"text " * 99}, "a.tex"),
        (
            {
                "supp.tex": b"\\documentclass{x}\\begin{document}s\\end{document}",
                "main.tex": b"\\documentclass{x}\\begin{document}s\\end{document}",
            },
            "main.tex",
        ),
        (
            {
                "fig.tex": b"\\documentclass{standalone}\\begin{document}" + b"x" * 999,
                "p.tex": b"\\documentstyle{x}\\begin{document}",
            },
            "p.tex",
        ),
        ({"paper": b"\\magnification=1200 \\bf \\it \\title{x} text \\bye", "macros.tex": b"\\def\\a{b}"}, "paper"),
        (
            {
                "00README.XXX": b"b.tex toplevelfile\n",
                "a.tex": b"\\documentclass{x}\\begin{document}",
                "b.tex": b"text",
            },
            "b.tex",
        ),
        ({"% old.tex": b"%\\documentclass{x}", "new.tex": b"\\documentclass{x}\\begin{document}"}, "new.tex"),
        ({"figure.eps": b"%!PS"}, ""),
    ],
)
def test_the_root_file(files, root):
    assert project(files).root == root


def test_latex_of_others(testdata):
    folder = testdata / "J-sources" / "arxiv" / "plastex__plastex" / "Doc"
    members = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.tex")}
    found = project(members)
    assert found.root == "plastex.tex"
    assert len(convert(found.root, found.files).text) > 150_000


def test_headings_inside_one_another_are_not_tidied_as_a_whole(monkeypatch):
    from curate.tex import convert as module

    looked, whole = [], module.tidy
    monkeypatch.setattr(module, "tidy", lambda text: looked.append(len(text)) or whole(text))
    module.convert("a.tex", {"a.tex": r"\section{word " * 2_000})
    assert sum(looked[:-2]) <= module.LONGEST_HEADING * 2_000 / 5
    assert "word" not in module.convert("a.tex", {"a.tex": r"a \section{References} word"}).text
