"""Frequent small words of thirty languages: a text that has them is prose, a menu has few."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from curate.html.tags import fnv

_STOP = """
the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which you
were their one all we can has there been if more when will would who so no she her my what up out about into them than
its your our just how also some do did could other then these only any us me
der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach
wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde
de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont avec mais ou son cette ont aux
el los las del una por con para como más su al lo pero sus este ya entre cuando muy sin sobre ser también fue hay desde
di che è per non sono con si da come più ma alla nel anche ha della dei gli nella dal ed o questo delle era essere
o os as em uma não com do da no na um mais dos das se foi ao pelo pela são ser tem à também seu sua
van het een niet zijn voor met aan er ook maar door bij uit dan nog wel wordt naar heeft deze hebben
och att som är på av för den till med inte om ett var men jag har de så vi från kan ska eller
det af er ikke og jeg på til den har som vil kan der men hvor
ja on ei että se oli mutta hän kun niin ovat myös kuin joka
i w na z się nie do to że jest od po jak za przez ale dla o tym być są czy tak co
a v se na že je s z do to o i pro ale jako po by jsou také který
ve bir bu için da ile de çok olan gibi daha kadar sonra ne
в и на не что с по как к от из у за это для его то а но так же был все она они мы при или было бы только
και το να της του η που με για από των την στο είναι δεν
і в у на що не з до та як за для це від але його вона він були який
și de la în cu pe nu un o care din sau mai este sunt pentru ca dar lui fi
a az és hogy nem is egy volt meg de ez csak már mint még ha azt
yang dan di ini itu dengan untuk tidak dari dalam akan pada juga saya ke bisa ada oleh
và của là có được cho không các một những trong với người này để khi đã từ
في من على أن إلى عن هذا التي ما لا كان مع هذه الذي بعد قد كل هو أو وقد بين ذلك لم
את של על לא זה הוא היא עם כי גם אני אם או כל היה מה אל אבל יש לו
که از به در را این است با برای آن یک می بود شد هم تا خود ها ما
है के में की से को का और पर ने यह कि भी नहीं हैं एक लिए हो था तो कर
ہے کے میں کی سے کو کا اور پر نے یہ کہ بھی نہیں ہیں ایک
এবং এই থেকে করে না হয় জন্য তার যে
да се на не и за от е с по като са ще че си но
je da se i u na ne su za od sa kao to bi što ali
"""


EACH = 4
"""Hashes in a row of the table, compared without a branch: one word in three is frequent, and none says which."""


@lru_cache(maxsize=1)
def stop_words() -> NDArray[np.uint64]:
    """The words' hashes (rows, EACH), each in the row that its last bits name; 0 where none is."""
    hashes = sorted({fnv(word.encode()) for word in _STOP.split()})
    count = len(hashes)
    while True:
        count = 1 << count.bit_length()
        rows = list[list[int]]([] for _ in range(count))
        for value in hashes:
            rows[value & (count - 1)].append(value)
        if max(map(len, rows)) <= EACH:
            return np.array([row + [0] * (EACH - len(row)) for row in rows], np.uint64)
