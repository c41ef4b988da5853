"""The end of a short story.

Level 1: the next words must fit the grammar of the sentence.  Level 2: they must fit its sense.  Level 3: they must be those
that the story has named before (who, where, what).
"""

from collections.abc import Iterator

from train_probe.items.base import Item, number

PEOPLE = (
    ("Mary", "she", "her"),
    ("John", "he", "his"),
    ("the old man", "he", "his"),
    ("the little girl", "she", "her"),
    ("my aunt", "she", "her"),
    ("the captain", "he", "his"),
    ("the doctor's wife", "she", "her"),
    ("Peter", "he", "his"),
)
PLACES = ("garden", "kitchen", "church", "forest", "station", "market", "cellar", "harbour")
THINGS = ("key", "lamp", "hat", "book", "knife", "basket", "watch", "coat")
EVENTS = (
    ("It was very cold that evening", "put more wood on the", "fire", ("door", "water", "candle")),
    ("The road was long and dusty", "asked for a glass of cold", "water", ("fire", "door", "table")),
    ("Somebody knocked three times", "went to open the", "door", ("fire", "water", "table")),
    ("The night was dark", "lit a", "candle", ("door", "table", "water")),
    ("The soup was ready", "sat down at the", "table", ("candle", "door", "help")),
    ("The child had fallen into the water", "cried for", "help", ("fire", "table", "candle")),
    ("The news was very sad", "began to", "cry", ("laugh", "dance", "sing")),
    ("The joke was a good one", "began to", "laugh", ("cry", "pray", "knock")),
    ("The music was gay and the floor was smooth", "began to", "dance", ("cry", "knock", "sleep")),
    ("The train was about to leave", "began to", "run", ("read", "sing", "sleep")),
    ("The door was shut and nobody answered", "began to", "knock", ("dance", "read", "pray")),
    ("The letter had come at last", "took it out to", "read", ("run", "dance", "knock")),
    ("The work was done and the bed was warm", "lay down to", "sleep", ("run", "knock", "dance")),
    ("There was nothing in the house to eat", "was very", "hungry", ("happy", "proud", "tall")),
    ("Everybody said how good the work was", "was very", "proud", ("hungry", "poor", "ill")),
)
GRAMMAR = (
    (" and went into the", " house", (" went", " of")),
    (" and looked at the", " window", (" is", " from")),
    (" and did not want to", " go", (" the", " gone")),
    (" and said that it was", " time", (" him", " went")),
    (" and took off", " the coat", (" coat the", " of of")),
    (" and said nothing for a long", " time", (" very", " was")),
    (" and it was the end of", " the day", (" day the", " was the")),
    (" and there was", " a great noise", (" noise a great", " great noise a")),
    (" and went up the", " stairs", (" have", " very")),
    (" and would have to", " wait", (" waits", " waited")),
)


def items() -> Iterator[Item]:
    """All questions of this ability."""
    for p, (who, pronoun, own) in enumerate(PEOPLE):
        subject = who[0].upper() + who[1:]
        for e, (event, then, right, wrong) in enumerate(EVENTS):
            place, thing = PLACES[(p + e) % 8], THINGS[(p + 3 * e) % 8]
            start = f"{subject} had been in the {place} since the morning. {event}, so {pronoun} {then}"
            yield Item(start, f" {right}", tuple(f" {w}" for w in wrong), 2)
            yield from _named(subject, pronoun, own, place, thing, e)
            said, good, bad = GRAMMAR[(p + e) % len(GRAMMAR)]
            yield Item(
                f"{event}. {subject} had been in the {place}, and {pronoun} took {own} {thing}{said}", good, bad, 1
            )


def _named(who: str, pronoun: str, own: str, place: str, thing: str, turn: int) -> Iterator[Item]:
    """Who, where and what must be remembered from the first sentence."""
    story = f"{who} left {own} {thing} in the {place}. In the evening {pronoun} wanted to have it again"
    yield Item(f"{story}, so {pronoun} went back to the", f" {place}", _others(PLACES, place, story), 3)
    yield Item(f"{story}. But somebody else had already taken the", f" {thing}", _others(THINGS, thing, story), 3)


def _others(words: tuple[str, ...], right: str, story: str) -> tuple[str, ...]:
    return tuple(f" {w}" for w in sorted((w for w in words if w != right), key=lambda w: number(story + w))[:3])
