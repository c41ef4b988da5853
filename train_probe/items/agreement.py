"""Forms that must agree: number, case, determiners, reflexives, participles.

Level 1: the two words that agree stand side by side.  Level 2: a short phrase between them, with a noun of the other
number.  Level 3: a relative clause between them.
"""

from collections.abc import Iterator

from train_probe.items.base import Item, opened

PEOPLE = (
    ("boy", "boys", "himself"),
    ("girl", "girls", "herself"),
    ("man", "men", "himself"),
    ("woman", "women", "herself"),
    ("uncle", "uncles", "himself"),
    ("aunt", "aunts", "herself"),
    ("king", "kings", "himself"),
    ("queen", "queens", "herself"),
    ("brother", "brothers", "himself"),
    ("sister", "sisters", "herself"),
)
THINGS = (
    ("dog", "dogs"),
    ("house", "houses"),
    ("ship", "ships"),
    ("tree", "trees"),
    ("horse", "horses"),
    ("letter", "letters"),
    ("road", "roads"),
    ("bird", "birds"),
    ("chair", "chairs"),
    ("child", "children"),
)
VERBS = ((" is", " are"), (" was", " were"), (" has", " have"))
ADJECTIVES = ("old", "young", "little", "other", "new")
LONG = ", as the others knew very well,"
BEHIND = ("behind", "near", "beside", "before")
PARTICIPLES = (
    ("eaten", "ate"),
    ("seen", "saw"),
    ("taken", "took"),
    ("written", "wrote"),
    ("given", "gave"),
    ("gone", "went"),
    ("begun", "began"),
    ("fallen", "fell"),
)


def items() -> Iterator[Item]:
    """All questions of this ability."""
    yield from _subject_and_verb()
    yield from _determiners()
    yield from _reflexives()
    yield from _cases()
    yield from _participles()


def _subject_and_verb() -> Iterator[Item]:
    nouns = [*((one, many) for one, many, _ in PEOPLE), *THINGS]
    for i, pair in enumerate(nouns):
        for number, noun in enumerate(pair):
            other = THINGS[(i + 3) % len(THINGS)][1 - number]
            for v, forms in enumerate(VERBS):
                right, wrong = forms[number], forms[1 - number]
                adjective = ADJECTIVES[(i + v) % len(ADJECTIVES)]
                subject = f"The {adjective} {noun}"
                yield Item(opened(subject, v), right, (wrong,), 1)
                between = f"{subject} {BEHIND[(i + v) % len(BEHIND)]} the {other}"
                yield Item(opened(between, v), right, (wrong,), 2)
                liked = "like" if number == 0 else "likes"
                yield Item(opened(f"{subject} that the {other} {liked}", v), right, (wrong,), 3)


def _determiners() -> Iterator[Item]:
    for i, (one, many) in enumerate(THINGS):
        for number, (near, far) in enumerate((("this", "that"), ("these", "those"))):
            noun, other = (one, many) if number == 0 else (many, one)
            for word in (near, far):
                for k, who in enumerate(("She", "The man", "My father")):
                    yield Item(opened(f"{who} looked at {word}", i + k), f" {noun}", (f" {other}",), 1)
                    yield Item(
                        opened(f"{who} looked at {word} {ADJECTIVES[i % 5]}", i + k), f" {noun}", (f" {other}",), 2
                    )


def _reflexives() -> Iterator[Item]:
    for i, (one, many, own) in enumerate(PEOPLE):
        other = "herself" if own == "himself" else "himself"
        for k, verb in enumerate(("hurt", "asked", "told", "washed", "saw")):
            friend = PEOPLE[(i + 1) % len(PEOPLE)][0]  # of the other kind
            yield Item(opened(f"The {one} {verb}", k), f" {own}", (f" {other}",), 1)
            yield Item(opened(f"The {many} {verb}", k), " themselves", (f" {own}",), 1)
            yield Item(opened(f"The {one} beside the {friend} {verb}", k), f" {own}", (f" {other}",), 2)
            yield Item(opened(f"The {one} who had met the {friend} {verb}", k), f" {own}", (f" {other}",), 3)


def _cases() -> Iterator[Item]:
    pronouns = ((" he", " him"), (" she", " her"), (" they", " them"), (" we", " us"), (" I", " me"))
    for k, (subject, object_) in enumerate(pronouns):
        for i, start in enumerate(("The letter was for", "He came to", "They spoke with", "Nobody looked at")):
            yield Item(opened(start, i + k), object_, (subject,), 1)
        for i, start in enumerate(
            ("The door opened and then", "It was late when", "We waited because", "Nobody came, so")
        ):
            yield Item(opened(f"{start}", i + k), f"{subject} had", (f"{object_} had",), 1)
        for i, who in enumerate(("my brother", "the old woman", "the two boys", "his father")):
            if subject == " I":  # "for him and I" is heard too often to be called wrong
                continue
            yield Item(opened(f"The letter was for {who} and", i + k), f"{object_}.", (f"{subject}.",), 2)


def _participles() -> Iterator[Item]:
    """The participle after "had", the past without it: each form is right as often as wrong."""
    for i, (part, past) in enumerate(PARTICIPLES):
        for k, (one, _, _) in enumerate(PEOPLE[:6]):
            for level, before, between in ((1, "", ""), (2, "soon", "not yet"), (3, LONG, LONG)):
                with_had = f"The {one} had {between}".replace(" ,", ",").strip()
                without = f"The {one} {before}".replace(" ,", ",").strip()
                yield Item(opened(with_had, i + k), f" {part}", (f" {past}",), level)
                yield Item(opened(without, i + k), f" {past}", (f" {part}",), level)
