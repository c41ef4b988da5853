"""Characters that commands stand for: pylatexenc's table of macros, and accents as Unicode combines them."""

import functools
import unicodedata


def names(text: str) -> frozenset[str]:
    """The words of a text: how tables of names are written here."""
    return frozenset(text.split())


ACCENTS = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
    '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328",
    "b": "\u0331", "t": "\u0361", "G": "\u030f", "U": "\u030e",
}  # fmt: skip
"""Command -> the combining character."""
_NO_SYMBOLS = names("today hspace vspace \\ ref autoref cref Cref eqref cite citet citep - , ; : ! quad qquad") | {" "}
_OWN = {
    "S": "§", "P": "¶", "copyright": "©", "pounds": "£", "dots": "…", "ldots": "…", "textellipsis": "…", "%": "%",
    "TeX": "TeX", "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "BibTeX": "BibTeX", "AmS": "AMS", "textbar": "|",
    "textless": "<", "textgreater": ">", "textasciitilde": "~", "textasciicircum": "^", "textunderscore": "_",
    "lbrack": "[", "rbrack": "]", "slash": "/", "degree": "°", "textperiodcentered": "·", "textdiv": "÷",
    "lq": "‘", "rq": "’", "glqq": "„", "grqq": "“", "flqq": "«", "frqq": "»", "textquotesingle": "'",
    "quotedblbase": "„", "quotesinglbase": "‚", "guilsinglleft": "‹", "guilsinglright": "›", "og": "«", "fg": "»",
    "textquotedbl": '"', "textdollar": "$", "textbullet": "•", "checkmark": "✓", "textdagger": "†", "textdaggerdbl": "‡",
    "textreferencemark": "※", "eg": "e.g.", "ie": "i.e.", "lbrace": "{", "rbrace": "}", "colon": ":", "textohm": "Ω",
    "textmu": "μ", "Omega": "Ω", "ddag": "‡", "square": "□", "blacksquare": "■", "Box": "□", "#": "#", "pdfTeX": "pdfTeX",
}  # fmt: skip


@functools.cache
def table() -> dict[str, str]:
    """Name of a command -> the text it stands for."""
    from pylatexenc.latex2text import get_default_latex_context_db

    found = {
        spec.macroname: spec.simplify_repl
        for spec in get_default_latex_context_db().iter_macro_specs()
        if isinstance(spec.simplify_repl, str) and "%" not in spec.simplify_repl and spec.macroname not in _NO_SYMBOLS
    }
    return {**found, **_OWN}


def accented(accent: str, letter: str) -> str:
    """The letter with the accent of a command, composed; `\\'{}` with no letter is nothing."""
    letter = {"\\i": "i", "\\j": "j", "ı": "i", "ȷ": "j"}.get(letter.strip(), letter.strip())
    return unicodedata.normalize("NFC", letter[:1] + ACCENTS[accent] + letter[1:]) if letter else ""
