"""Tables of names, written as running words."""


def names(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())
