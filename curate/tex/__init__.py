"""LaTeX and plain TeX sources to text: the author's macros expanded, comments gone, math as LaTeX or as text."""
