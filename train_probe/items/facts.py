"""What everybody knows, in simple sentences: kinds, opposites, places, uses, parts, colours, order.

Level 1: the wrong choices are answers to questions of other kinds.  Level 2: they are answers to the same question about
other things.  Level 3: as 2, with the fact turned round in a longer sentence.  So no word is right or wrong by itself.
"""

from collections.abc import Iterator

from train_probe.items.base import Item, number, opened

KINDS = {
    "animal": "dog cat horse cow sheep wolf bear lion",
    "bird": "hen owl eagle crow duck swan",
    "fruit": "apple pear plum cherry orange lemon",
    "tree": "oak pine willow birch elm",
    "metal": "gold silver iron copper lead",
    "tool": "hammer saw spade axe",
    "fish": "salmon trout herring cod",
    "colour": "red blue green yellow white",
}
OPPOSITES = (
    "hot cold|big small|old young|long short|rich poor|day night|high low|good bad|right wrong|first last|"
    "full empty|hard soft|dark light|early late|strong weak|wet dry|open shut|black white|up down|life death|"
    "love hate|war peace|friend enemy|summer winter|north south|east west|begin end|buy sell|give take|come go"
)
PLACES = (
    "fish water|birds nest|bread kitchen|stars sky|sheep field|books library|ships sea|flowers garden|trees forest|"
    "prisoners prison|pupils school|kings palace|bees hive|letters envelope|money purse|clouds sky|snow mountain|"
    "actors theatre|patients hospital|monks monastery"
)
USES = (
    "knife cut|pen write|needle sew|spoon eat|broom sweep|key open|axe chop|oven bake|boat sail|bed sleep|"
    "chair sit|cup drink|spade dig|lamp see|ladder climb|brush paint|rope tie|scales weigh|bell ring|gun shoot"
)
PARTS = "eyes see|ears hear|nose smell|legs walk|teeth bite|hands hold|wings fly|fins swim|tongue taste|lungs breathe"
COLOURS = "snow white|grass green|blood red|coal black|milk white|the sky blue|leaves green|ravens black|fire red"
YOUNG = "cow calf|sheep lamb|dog puppy|cat kitten|horse foal|hen chick|goat kid|lion cub"
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
ALSO = {
    "snow": "sky forest field garden",
    "birds": "sky forest field garden water",
    "bees": "garden field forest sky",
    "flowers": "field forest mountain",
    "trees": "garden field mountain",
    "sheep": "mountain garden",
    "fish": "sea kitchen animal",
    "ships": "water",
    "clouds": "mountain",
    "books": "school envelope",
    "bread": "hospital monastery",
    "pupils": "library",
    "monks": "library",
    "letters": "library purse",
    "money": "envelope palace",
    "knife": "chop eat open",
    "axe": "cut",
    "bed": "sit",
    "boat": "sit sleep",
    "chair": "sleep climb",
    "rope": "climb",
    "ladder": "sit",
    "brush": "sweep write",
    "pen": "paint",
    "spade": "cut chop",
    "cup": "eat",
    "spoon": "drink",
    "key": "shut",
    "hands": "walk climb",
    "good": "wrong",
    "bad": "right",
    "right": "bad",
    "wrong": "good",
    "big": "short low",
    "small": "long high",
    "long": "small",
    "short": "big high",
    "high": "down short",
    "low": "up",
    "up": "low",
    "down": "high",
    "hard": "weak",
    "soft": "strong",
    "strong": "soft",
    "weak": "hard",
    "love": "war enemy",
    "hate": "peace friend",
    "war": "love friend",
    "peace": "hate enemy",
    "friend": "hate war",
    "enemy": "love peace",
    "light": "black night",
    "dark": "white day",
    "black": "light day",
    "white": "dark night",
    "day": "dark black",
    "night": "light white",
    "begin": "shut last",
    "end": "open first",
    "open": "end",
    "shut": "begin",
    "first": "late end",
    "last": "early begin",
    "early": "last",
    "late": "first",
    "buy": "give",
    "sell": "take",
    "give": "buy",
    "take": "sell",
    "life": "war",
    "death": "love peace",
    "bird": "animal",
    "fruit": "tree colour",
    "metal": "colour",
    "salmon": "colour animal",
    "leaves": "red",
    "the sky": "black red white",
    "fire": "white blue",
}
"""Answers that are no wrong choices for these things (or kinds), since they are not quite wrong."""
FAR = {
    "kinds": ("opposites", "young", "days", "months"),
    "opposites": ("places", "young", "days", "months", "kinds"),
    "places": ("opposites", "young", "days", "months", "kinds"),
    "uses": ("places", "young", "days", "months", "kinds"),
    "parts": ("places", "young", "days", "months", "kinds"),
    "colours": ("places", "young", "days", "months", "uses"),
    "young": ("opposites", "days", "months", "colours"),
    "days": ("opposites", "young", "colours", "uses"),
    "months": ("opposites", "young", "colours", "uses"),
}
"""For each relation those whose answers answer none of its questions."""
Pairs = list[tuple[str, str]]


def items() -> Iterator[Item]:
    """All questions of this ability."""
    relations = _relations()
    for name, (pairs, short, long) in relations.items():
        answers = sorted({b for _, b in pairs})
        far = sorted({b for other in FAR[name] for _, b in relations[other][0]})
        for thing, answer in pairs:
            near = [b for b in answers if b not in (answer, thing, *_also(thing)) and (thing, b) not in pairs]
            if name == "kinds":
                near = [b for b in near if b not in _also(answer)]
            for turn in (0, 4):
                said = short.format(_article(thing) if name == "kinds" else thing)
                yield _asked(opened(said, turn), answer, [b for b in far if b != thing], 1)
                yield _asked(opened(said, turn + 2), answer, near, 2)
                yield _asked(opened(long.format(thing), turn), answer, near, 3)


def _relations() -> dict[str, tuple[Pairs, str, str]]:
    """Pairs (thing, answer), a short and a long question."""
    kinds = [(word, kind) for kind, words in KINDS.items() for word in words.split()]
    opposites = [*_pairs(OPPOSITES), *((b, a) for a, b in _pairs(OPPOSITES))]
    after, over = "The one that comes right after {} is", "When {} is over, then what begins on the next morning is"
    return {
        "kinds": (kinds, "{} is a kind of", "There are many things in the world, and {} is the name of some kind of"),
        "opposites": (
            opposites,
            "The opposite of {} is",
            "They said not {} but the very opposite of it, which is to say",
        ),
        "places": (
            _pairs(PLACES),
            "If you look for {} you will find them in the",
            "You need not ask where {} are: go and look in the",
        ),
        "uses": (
            _pairs(USES),
            "A {} is a thing that people use to",
            "If you have a {} in your hand you can use it to",
        ),
        "parts": (
            _pairs(PARTS),
            "We all know that {} are there to",
            "Without its {} no animal in the world would be able to",
        ),
        "colours": (
            _pairs(COLOURS),
            "The colour of {} is",
            "If you want to paint {} you must take the colour that we call",
        ),
        "young": (
            _pairs(YOUNG),
            "The young one of a {} is called a",
            "When a {} has a little one, the farmer calls it a",
        ),
        "days": (_next(DAYS), after, over),
        "months": (_next(MONTHS), after, over),
    }


def _next(names: list[str]) -> Pairs:
    return list(zip(names, [*names[1:], names[0]], strict=True))


def _also(thing: str) -> list[str]:
    return ALSO.get(thing, "").split()


_MASS = {word for kind in ("metal", "colour") for word in KINDS[kind].split()}


def _article(word: str) -> str:
    if word in _MASS - {"orange"}:
        return word.capitalize()
    return ("An " if word[0] in "aeiou" else "A ") + word


def _pairs(text: str) -> Pairs:
    return [(part.rsplit(" ", 1)[0], part.rsplit(" ", 1)[1]) for part in text.split("|")]


def _asked(context: str, right: str, wrong: list[str], level: int) -> Item:
    order = sorted(wrong, key=lambda word: number(context + word))
    return Item(context, f" {right}", tuple(f" {word}" for word in order[:3]), level)
