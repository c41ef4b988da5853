"""The error meant for the person who runs the probe."""

import tokenize
from collections.abc import Iterator
from contextlib import contextmanager


class ProbeError(Exception):
    """What is wrong, where, and what to do about it: shown as one line, without a traceback."""


DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    SyntaxError,
    tokenize.TokenError,
)
"""What reading a file raises that somebody else has written, or cut: no file, no JSON, other types, numbers without end, too deep;
the last two of them what numpy does with the head of an array."""


@contextmanager
def believed(folder: object) -> Iterator[None]:
    """What is made of an experiment that somebody else may have changed, as if it held what ours do.  Raises ProbeError where not."""
    try:
        yield
    except OSError:  # a disk that is full, say
        raise
    except DAMAGE as error:
        raise ProbeError(
            f"{folder} holds what no experiment of ours has written ({type(error).__name__}: {shortly(error)}): make it again, or take "
            "another"
        ) from error


def shortly(error: object) -> str:
    """The beginning of what an exception says, on one line."""
    return " ".join(str(error).split())[:200]
