"""Formulas as LaTeX, whatever typeset them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.html.mathematics import tex_of_mathml, with_latex
from curate.html.page import read_page
from tests.linear import assert_linear

MATHML = "<mrow><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></mrow>"
NOTED = f'<math><semantics>{MATHML}<annotation encoding="application/x-tex">E=mc^2</annotation></semantics></math>'
WIKI = NOTED.replace("<math>", r'<math alttext="{\displaystyle E=mc^{2}}">').replace(
    ">E=mc^2<", r">{\displaystyle E=mc^{2}}<"
)


def text(html: str) -> str:
    page = read_page(f"<p>As {html} says.")
    return "\n".join(page.text(i) for i in range(page.count))


@pytest.mark.parametrize(
    ("html", "tex"),
    [
        (f"<math>{MATHML}</math>", r"\(E=mc^2\)"),
        (NOTED, r"\(E=mc^2\)"),
        (NOTED.replace("<math>", '<math display="block">'), r"\[E=mc^2\]"),
        (r'<math alttext="\frac{a}{b}"><mfrac><mi>a</mi><mi>b</mi></mfrac></math>', r"\(\frac{a}{b}\)"),
        (f"<m:math>{MATHML.replace('<', '<m:').replace('<m:/', '</m:')}</m:math>", r"\(E=mc^2\)"),
        ('<script type="math/tex">E=mc^2</script>', r"\(E=mc^2\)"),
        ('<script type="math/tex; mode=display">a &lt; b < c</script>', r"\[a < b < c\]"),
        (r"\(E=mc^2\)", r"\(E=mc^2\)"),
        (
            '<span class="MathJax_Preview">E</span><span class="MathJax" id=a><span><nobr>E=mc2</nobr></span>'
            f'<span class="MJX_Assistive_MathML">{NOTED}</span></span><script type="math/tex" id=b>E=mc^2</script>',
            r"\(E=mc^2\)",
        ),
        (
            '<mjx-container class="MathJax"><mjx-math aria-hidden="true"><mjx-mi>E</mjx-mi></mjx-math>'
            f"<mjx-assistive-mml>{NOTED}</mjx-assistive-mml></mjx-container>",
            r"\(E=mc^2\)",
        ),
        (
            f'<span class="katex"><span class="katex-mathml">{NOTED}</span><span class="katex-html" aria-hidden="true">'
            '<span class="base"><span>E</span><span>=</span></span><span class="base"><span>mc2</span></span></span></span>',
            r"\(E=mc^2\)",
        ),
        (
            f'<span class="katex-display"><span class="katex">{NOTED}<span aria-hidden="true">E=mc2</span></span></span>',
            r"\[E=mc^2\]",
        ),
        (
            f'<span class="mwe-math-element"><span style="display: none;">{WIKI}</span>'
            '<img alt="{\\displaystyle E=mc^{2}}" class="mwe-math-fallback-image-inline"></span>',
            r"\(E=mc^{2}\)",
        ),
        ('<img src="//s0.wp.com/latex.php?latex=E%3Dmc" alt="E=mc^2" class="latex" />', r"\(E=mc^2\)"),
        ("<img class='tex' alt='a &lt; b'>", r"\(a < b\)"),
    ],
)
def test_a_formula_is_latex(html: str, tex: str) -> None:
    assert " ".join(text(html).split()) == f"As {tex} says."


def test_a_formula_is_found_wherever_its_class_stands_in_a_long_tag() -> None:
    """Tags are looked through in blocks."""
    for before in range(70):
        for behind in ("", "<!-- -->" * 20):
            image = f"<img title={'x' * (before + 1)} class='tex' alt='a+b'>{behind}"
            assert " ".join(text(image).split()) == r"As \(a+b\) says."


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        ("<mfrac><mi>a</mi><mi>b</mi></mfrac><mo>+</mo><msqrt><mi>x</mi></msqrt>", r"\frac{a}{b}+\sqrt{x}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        (
            "<munderover><mo>&#x2211;</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><msub><mi>x</mi><mi>i</mi></msub>",
            r"\sum_{i=1}^nx_i",
        ),
        ("<mi>sin</mi><mo>&ApplyFunction;</mo><mi>&alpha;</mi><mi>x</mi>", r"\sin\alpha x"),
        (
            "<mover><mi>x</mi><mo>&#xAF;</mo></mover><mo>&#x2212;</mo><mtext>one or two</mtext>",
            r"\overline{x}-\text{one or two}",
        ),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr></mtable>",
            r"\begin{matrix} 1 & 2 \\ 3 & 4 \end{matrix}",
        ),
        (
            '<mfenced open="[" close=")"><mi>a</mi><mi>b</mi></mfenced><msup><mi>f</mi><mo>&#x2032;</mo></msup>',
            "[a, b)f'",
        ),
        ("<mi>x</mi><mfrac><mi>a", r"x\frac{a}{}"),
    ],
)
def test_mathml_without_tex_is_written_as_tex(mathml: str, tex: str) -> None:
    assert tex_of_mathml(mathml) == tex


def test_places_in_the_page_stay() -> None:
    html = f"<p>One {NOTED} two</p><p>{WIKI}</p><p>three</p>".encode()
    made = with_latex(html)
    assert len(made) == len(html)
    assert made.index(b"three") == html.index(b"three")
    plain = b"<p>No formula, $5 \\ 3.</p>"
    assert with_latex(plain) is plain


@given(
    st.lists(
        st.sampled_from([*NOTED.replace(">", ">\0").split("\0"), "<span class=katex>", "</span>", "<math", '"', "x"])
    )
)
def test_any_pieces_make_a_page(pieces: list[str]) -> None:
    text("".join(pieces))


@pytest.mark.parametrize(
    "piece", ["<math ", "<math>", "<math><annotation encoding='application/x-tex'>", "<span class=katex>", '<math "']
)
def test_time_is_linear(piece: str) -> None:
    def work(size: int, salt: int) -> Callable[[], bytes]:
        page = f"{salt}".encode() + piece.encode() * (size // len(piece))
        return lambda: with_latex(page)

    assert_linear(work, "formulas")
