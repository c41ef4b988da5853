"""`~/` as the home folder, wherever a path is named: on the command line, and in the functions of `import curate`."""

import os
import re

_AT_HOME = re.compile(r"((?:[\w.+-]+=)*)(~/.*)", re.DOTALL)


def at_home(word: str) -> str:
    """A word of the command line with `~/` as the home folder, also behind `--output=` and `NAME=`, where shells leave it as it is and a
    folder called `~` would be made. One that is called so is `./~/`."""
    found = _AT_HOME.fullmatch(word)
    return found[1] + os.path.expanduser(found[2]) if found else word
