"""Sampling by a hash of the document id: the same documents on every machine, in every order and on every retry."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar

from curate.filters.base import Decision, Document, Limit, drop, keep


def uniform(id: str, salt: str = "") -> float:
    """A number in [0, 1) that depends on `id` and `salt` alone; uniform over ids, independent between salts.

    It is the first 53 bits of blake2b(salt, NUL, id), so every value is exact in a float.
    """
    digest = blake2b(f"{salt}\0{id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


@dataclass(frozen=True)
class Sample:
    """Keeps a share of the documents, chosen by a hash of the id.

    Source: our own. Samples with the same salt are nested: a sample of 0.1 is a subset of a sample of 0.2.
    """

    signals: ClassVar[tuple[str, ...]] = ("sample_draw",)
    limits: ClassVar[tuple[Limit, ...]] = (Limit("not_drawn", "sample_draw", ">=", "share"),)

    share: float = 1.0
    """Expected share of the documents that are kept, 0 to 1."""
    salt: str = ""
    """A different salt gives an independent sample."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"share must be from 0 to 1, got {self.share}")

    def __call__(self, doc: Document) -> Decision:
        draw = uniform(doc.id, self.salt)
        signals = {"sample_draw": draw}
        if draw < self.share:
            return keep(doc, draw, signals=signals)
        return drop(doc, "not_drawn", draw, signals=signals)
