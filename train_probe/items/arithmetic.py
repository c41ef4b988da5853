"""Small sums.

Level 1: one sum of numbers up to ten, in words.  Level 2: the same in a story.  Level 3: numbers of two digits, in digits.
"""

from collections.abc import Iterator

from train_probe.items.base import Item, number, opened

WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
NAMES = ("Anna", "Tom", "Mary", "John", "Ruth", "Peter")
THINGS = ("apples", "pears", "books", "eggs", "coins", "hens", "plums", "cups")


def items() -> Iterator[Item]:
    """All questions of this ability."""
    for a in range(1, 11):
        for b in range(1, 11):
            yield _asked(opened(f"{WORDS[a].capitalize()} and {WORDS[b]} make"), a + b, 1)
            if a > b:
                yield _asked(opened(f"Take {WORDS[b]} from {WORDS[a]} and what is left is"), a - b, 1)
            yield from _stories(a, b)
    for a in range(11, 90, 3):
        for b in range(11, 90, 7):
            total = a + b
            wrong = tuple(f" {total + step}" for step in (10, -10, 1))
            yield Item(
                f"In the lesson on Monday the teacher wrote upon the board that {a} plus {b} is", f" {total}", wrong, 3
            )


def _stories(a: int, b: int) -> Iterator[Item]:
    mark = number(f"{a} {b}")
    who, other = NAMES[mark % 6], NAMES[(mark // 6 + 1 + mark % 6) % 6]
    if who == other:
        other = NAMES[(NAMES.index(who) + 1) % 6]
    what = THINGS[mark % 8]
    if a > 1:
        more = f"{who} had {WORDS[a]} {what} in a basket. {other} came and gave {who} {WORDS[b]} more. Now {who} has"
        yield _asked(more, a + b, 2)
    if a > b + 1:
        less = f"{who} had {WORDS[a]} {what} in a basket. {other} came and took {WORDS[b]} away. Now {who} has"
        yield _asked(less, a - b, 2)


def _asked(context: str, answer: int, level: int) -> Item:
    others = [answer + step for step in (1, -1, 2, -2, 3) if 0 < answer + step <= 20]
    order = sorted(others, key=lambda n: number(f"{context} {n}"))
    return Item(context, f" {WORDS[answer]}", tuple(f" {WORDS[n]}" for n in order[:3]), level)
