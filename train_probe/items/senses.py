"""Which of two meanings a word has here.

Two contexts and two endings for each word: each ending is right once and wrong once, so what a model makes of the endings
alone is worth nothing.  Level 1: what decides stands in the same sentence.  Level 2: a sentence earlier.  Level 3: two
sentences earlier.
"""

from collections.abc import Iterator

from train_probe.items.base import OPENERS, Item, number

SENSES = (
    ("bank", ("He needed money", "He needed a loan"), (" and paid his debts.", " and asked for coins."),
     ("He rowed up the river", "He swam in the river"), (" and sat in the grass.", " and dried his feet."), "then he went to the bank"),
    ("bat", ("It flew out of the cave", "It hung under the roof"), (" and ate a fly.", " with folded wings."),
     ("He hit the ball hard", "He was ready for the ball"), (" in both his hands.", " made of heavy wood."), "and there we saw the bat"),
    ("bark", ("The tree was very old", "The oak had been cut down"), (" was rough and thick.", " was brown and dry."),
     ("The dog was very angry", "The hound heard a thief"), (" was loud and deep.", " woke the whole house."), "and the bark"),
    ("light", ("The lamp was lit", "The sun came up"), (" and we could see.", " and bright as day."),
     ("The box was empty", "The bag held feathers"), (" and easy to lift.", " and she carried it."), "so it was light"),
    ("letter", ("She took paper and ink", "The postman came"), (" to her mother.", " in an envelope."),
     ("She was learning to read", "The child knew the alphabet"), (" after A and B.", " of the word."), "and there was one more letter"),
    ("spring", ("Winter was over", "The snow was gone"), (" and flowers came out.", " and birds sang."),
     ("They were thirsty in the hills", "They looked for water"), (" and drank from it.", " and filled the jug."), "at last they had found the spring"),
    ("ring", ("They were to be married", "The jeweller opened his box"), (" of gold.", " on her finger."),
     ("Somebody was at the door", "The telephone stood in the hall"), (" of the bell.", " and ran to answer."), "and then came the ring"),
    ("match", ("He wanted to light the fire", "The candle had gone out"), (" and struck it.", " from the box."),
     ("The two teams had come", "The players were on the field"), (" and lost it.", " by two goals."), "he had only one match"),
    ("palm", ("It was hot on the island", "They lay on the beach"), (" and its leaves.", " with coconuts."),
     ("He opened his hand", "She held out her hand"), (" and its lines.", " with its fingers."), "and I looked at the palm"),
    ("watch", ("He wanted to know the time", "It was made of gold"), (" in his pocket.", " on its chain."),
     ("The soldiers were afraid of an attack", "The sailors slept on deck"), (" until the morning.", " all night long."), "so he kept a watch"),
    ("seal", ("It swam under the ice", "It lay on the rocks by the sea"), (" and ate a fish.", " and dived again."),
     ("The king signed the paper", "The letter was closed"), (" of red wax.", " and broke it."), "and then I saw the seal"),
    ("glass", ("She was thirsty", "There was wine on the table"), (" and drank it.", " to the brim."),
     ("The window was broken", "The stone hit the window"), (" on the floor.", " and cut his hand."), "and there was the glass"),
    ("sentence", ("The judge looked at the thief", "The prisoner stood up in court"), (" of two years.", " was prison."),
     ("The teacher read the page", "The pupil took up his pen"), (" of ten words.", " had no verb."), "and the next sentence"),
    ("crane", ("It stood in the water on long legs", "It flew over the marsh"), (" and ate a frog.", " with white wings."),
     ("They were building a tower", "The ship was full of heavy boxes"), (" and lifted a beam.", " with iron chains."), "and there was the crane"),
    ("nail", ("He took up his hammer", "The board was loose"), (" in the wood.", " of iron."),
     ("She cut herself on the hand", "He bit his thumb"), (" of her finger.", " and the skin."), "and there was the nail"),
    ("trunk", ("The elephant came near", "The great beast was thirsty"), (" full of water.", " and its ears."),
     ("She was leaving for a long journey", "The maid packed the clothes"), (" full of dresses.", " and its lock."), "and I saw the trunk"),
)  # fmt: skip


def items() -> Iterator[Item]:
    """All questions of this ability."""
    for place, (_, *sides, said) in enumerate(SENSES):
        cues, endings = (sides[0], sides[2]), (sides[1], sides[3])
        for mine in (0, 1):
            for cue in cues[mine]:
                for i in (0, 1):
                    right, wrong = endings[mine][i], endings[1 - mine][i]
                    for level, context in _contexts(cue, said, place + i):
                        yield Item(context, right, (wrong,), level)


def _contexts(cue: str, said: str, which: int) -> Iterator[tuple[int, str]]:
    first = OPENERS[(number(cue) + which) % len(OPENERS)]
    second = OPENERS[(number(cue) + which + 5) % len(OPENERS)]
    later = said[0].upper() + said[1:]
    yield 1, f"{first} {cue}, {said}"
    yield 1, f"{second} {cue}, {said}"
    yield 2, f"{first} {cue}. {later}"
    yield 2, f"{cue}. {first} {later}"
    yield 3, f"{cue}. {first} {second} {later}"
    yield 3, f"{cue}. {second} {first} {later}"
