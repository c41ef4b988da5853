"""A sample of texts by hash of their ids: which ones depends neither on files nor on their order."""

import heapq
from collections import Counter
from collections.abc import Sequence

from curate.console.terminal import notes
from curate.mixing.hashing import document_keys, numbers
from curate.mixing.sources import find, read

SAMPLE = "sample"


def sample(paths: Sequence[str], size: int, text_column: str = "") -> list[str]:
    """Texts of about `size` bytes, the same share of each path, in the order of their numbers.

    Reads all of the inputs once and holds no more than the sample. Raises InputError when a path has no documents.
    """
    chosen = [_one(path, max(1, size // len(paths)), text_column) for path in paths]
    return [text for texts in chosen for text in texts]


def _one(path: str, room: int, text_column: str) -> list[str]:
    """The documents with the lowest numbers, as many as fit: a heap gives up the highest while there is too much."""
    source = find("input", path, text_column)
    notes(source.notes)
    heap: list[tuple[int, str]] = []
    held = 0
    for file in source.files:
        for batch in read(source.only(file), Counter()):
            places = numbers(document_keys(batch.column("id").to_pylist()), SAMPLE, 0, "", 0).tolist()
            for place, text in zip(places, batch.column("text").to_pylist(), strict=True):
                if held >= room and heap and -heap[0][0] <= place:
                    continue
                heapq.heappush(heap, (-place, text))
                held += len(text.encode())
                while len(heap) > 1 and held - len(heap[0][1].encode()) >= room:
                    held -= len(heapq.heappop(heap)[1].encode())
    return [text for _, text in sorted(heap, key=lambda one: (-one[0], one[1]))]
