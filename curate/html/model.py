"""The trained model: one file of numbers in the package, without pickle.

The file is one line of JSON (ended by a line feed, padded with spaces so that its length is a multiple of 64), then
the arrays it lists, each little-endian and one after the other in that order. The JSON has "format" (2), "features"
and "context" (names of the columns that the trees index), "arrays" ({name: [dtype, shape]}), "unsure" (pages whose
expected F1 is below it go to trafilatura) and "card" (what it was trained on, and its score).
"""

import json
import math
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import InputError
from curate.html.columns import FEATURES
from curate.html.context import CONTEXT
from curate.html.measure import WORD_BUCKETS
from curate.html.tape import BUCKETS
from curate.html.trees import LEVELS, Trees

FORMAT = 2
FILE = "model.bin"
_ALIGN = 64


@dataclass(frozen=True)
class Model:
    """Weights of the two hashed word models and of both passes' trees."""

    names: NDArray[np.float32]  # (BUCKETS,) of class and id words
    words: NDArray[np.float32]  # (WORD_BUCKETS,) of words of the text
    one: Trees
    two: Trees
    unsure: float
    card: dict[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        arrays: dict[str, NDArray[Any]] = {
            "names": self.names.astype("<f2"),
            "words": self.words.astype("<f2"),
        }
        for name, trees in (("one", self.one), ("two", self.two)):
            for key, value in trees._asdict().items():
                arrays[f"{name}.{key}"] = value.astype(value.dtype.newbyteorder("<"))
        header = {
            "format": FORMAT,
            "features": FEATURES,
            "context": CONTEXT,
            "unsure": self.unsure,
            "card": self.card,
            "arrays": {name: [value.dtype.str, value.shape] for name, value in arrays.items()},
        }
        line = json.dumps(header).encode()
        line += b" " * (-(len(line) + 1) % _ALIGN) + b"\n"
        return line + b"".join(value.tobytes() for value in arrays.values())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """The model in a file's bytes. Raises InputError when they are of another format or damaged."""
        line, _, rest = data.partition(b"\n")
        try:
            header = json.loads(line)
            arrays, at = {}, 0
            for name, (kind, shape) in header["arrays"].items():
                dtype, length = np.dtype(kind), math.prod(shape)
                flat = np.frombuffer(rest, dtype, length, at)
                arrays[name] = flat.astype(dtype.newbyteorder("=")).reshape(shape)
                at += dtype.itemsize * length
            one, two = (Trees(*(arrays[f"{part}.{key}"] for key in Trees._fields)) for part in ("one", "two"))
            names, words = (arrays[name].astype(np.float32) for name in ("names", "words"))
            right = (header["format"], tuple(header["features"]), tuple(header["context"]), len(names), len(words))
            unsure, card = float(header["unsure"]), header["card"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"the extraction model is damaged ({error}); train it again") from error
        if right != (FORMAT, FEATURES, CONTEXT, BUCKETS, WORD_BUCKETS):
            raise InputError("the extraction model was trained for another version; train it again")
        for trees, columns in ((one, len(FEATURES)), (two, len(FEATURES) + len(CONTEXT))):
            _check(trees, columns)
        return cls(names, words, one, two, unsure, card)


def _check(trees: Trees, columns: int) -> None:
    """Compiled code does not check indices, so that every column and the shape of the trees is checked here."""
    kinds = [array.dtype.name for array in trees]
    shapes = tuple(array.shape for array in trees)
    number, leaves = shapes[-1] if len(shapes[-1]) == 2 else (0, 0)
    right = (
        kinds == ["int16", "float32", "float32"]
        and leaves == 1 << LEVELS
        and shapes[:2] == ((number, leaves - 1),) * 2
        and bool(np.all((trees.feature >= 0) & (trees.feature < columns)))
    )
    if not right:
        raise InputError("the extraction model is damaged (an index out of range); train it again")


@lru_cache(maxsize=1)
def model() -> Model:
    """The model that comes with the package."""
    return Model.from_bytes(resources.files("curate.html").joinpath(FILE).read_bytes())
