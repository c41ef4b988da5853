"""Two hundred changes of licences and notices made up by hand: how many are still allowed.

    python -m benchmarks.licenses_by_hand [--list]

Written by someone who knew the rules of the detector (so no blind adversary), at one go and before it was run on any of them; what
it let through was mended by kind afterwards, and the first count stands in benchmarks/results/licenses.md.
"""

import argparse
import re
from collections.abc import Iterator

from curate.code.detect import Detector
from curate.code.evidence import conjunction
from curate.code.spdx import plain
from curate.code.texts import spdx_data
from curate.filters.licenses import allow_list, is_allowed

CHANGES = """
MIT | free of charge, to any person | for a modest sum, to any person
MIT | to any person obtaining | to any natural person obtaining
MIT | to any person obtaining | to any person but Bob obtaining
MIT | any person obtaining a copy | any person buying a copy
MIT | without restriction, including | with few restrictions, including
MIT | without restriction, including without limitation | without limitation
MIT | use, copy, modify, merge | use, study, modify, merge
MIT | sublicense, and/or sell | sublicense, and/or lend
MIT | and/or sell copies | but not sell copies
MIT | merge, publish, distribute, sublicense, | merge,
MIT | to permit persons to whom | to forbid persons to whom
MIT | to do so, subject to | to do so in Europe, subject to
MIT | in all copies or substantial portions | in all copies, advertisements or substantial portions
MIT | shall be included in all copies | shall be displayed at start-up of all copies
MIT | The above copyright notice | The above copyright notice, the logo
MIT | Permission is hereby granted | Permission is hereby lent
MIT | Permission is hereby granted | Permission will be granted
MIT | Permission is hereby granted | Revocable permission is hereby granted
MIT | hereby granted, free of charge | hereby granted, on weekdays, free of charge
MIT | the following conditions: | the following conditions and those of the shop:
MIT | OTHER DEALINGS IN THE SOFTWARE. | OTHER DEALINGS IN THE SOFTWARE, WHICH STAYS OURS.
MIT | IN NO EVENT SHALL THE | THE USER PAYS IF SUED. IN NO EVENT SHALL THE
MIT | WITHOUT WARRANTY OF ANY KIND | WITHOUT WARRANTY OR RIGHT OF ANY KIND
MIT | to deal in the Software | to look at the Software
MIT | this software and associated documentation | the manual
BSD-3-Clause | Redistribution and use in source and binary forms | Redistribution and use in binary forms
BSD-3-Clause | Redistribution and use in source and binary forms | Redistribution in source and binary forms
BSD-3-Clause | with or without modification | without any modification
BSD-3-Clause | are permitted provided | are permitted to friends provided
BSD-3-Clause | are permitted provided | are tolerated provided
BSD-3-Clause | are permitted provided | are permitted inside the company provided
BSD-3-Clause | Redistributions in binary form must reproduce | Redistributions in binary form are ruled out. Source must reproduce
BSD-3-Clause | Redistributions of source code must retain | Redistributions of source code are for sale and must retain
BSD-3-Clause | may be used to endorse | may be used to endorse or criticise
BSD-3-Clause | Neither the name | Modified files go back to us within a month. Neither the name
BSD-3-Clause | provided that the following conditions are met | provided that the author is alive and the following conditions are met
BSD-3-Clause | with the distribution. | with the distribution, on the front page, in bold.
BSD-2-Clause | Redistribution and use | Evaluation and use
BSD-2-Clause | , are permitted provided | , may be licensed from us provided
BSD-2-Clause | this list of conditions and the following disclaimer | this list of conditions and the price list
BSD-2-Clause | with or without modification, are | with our modification, are
BSD-2-Clause | in source and binary forms | on paper and on tape
ISC | for any purpose with or without fee | for any purpose with a fee
ISC | for any purpose | for peaceful purposes
ISC | for any purpose | for purposes of study
ISC | Permission to use, copy, modify | Permission to read, copy, modify
ISC | and distribute this software | and distribute this software offline
ISC | is hereby granted, provided | is hereby granted to subscribers, provided
ISC | appear in all copies. | appear in all copies, none of which may leave the site.
ISC | modify, and distribute | modify, and privately distribute
ISC | the above copyright notice and this permission notice | the above copyright notice, a link to our shop and this permission notice
Zlib | Permission is granted to anyone | Permission is granted to owners of the book
Zlib | for any purpose, including commercial applications | for any purpose but commercial applications
Zlib | and redistribute it freely | and redistribute it rarely
Zlib | to alter it and redistribute it freely | to redistribute it freely unaltered
Zlib | must be plainly marked as such | must be sent to the author and plainly marked as such
Zlib | would be appreciated but is not required | is required
Zlib | subject to the following restrictions | subject to the author's mood and to the following restrictions
Zlib | to use this software for any purpose | to use this software for any lawful and decent purpose
Zlib | from any source distribution. | from any source distribution. Binary distribution is our business.
Apache-2.0 | perpetual, worldwide, non-exclusive | yearly, worldwide, non-exclusive
Apache-2.0 | worldwide, non-exclusive, no-charge | non-exclusive, no-charge
Apache-2.0 | no-charge, royalty-free, irrevocable copyright license | low-charge copyright license
Apache-2.0 | irrevocable copyright license to reproduce | revocable copyright license to reproduce
Apache-2.0 | sublicense, and distribute the Work | and distribute the Work
Apache-2.0 | in any medium, with or without modifications | in print, with or without modifications
Apache-2.0 | You must give any other recipients | You must pay for any other recipients
Unlicense | for any purpose, commercial or non-commercial | for any non-commercial purpose
Unlicense | Anyone is free to copy | Anyone over twelve is free to copy
Unlicense | released into the public domain | released into the public eye
Unlicense | and by any means | and by mail
Unlicense | Anyone is free to copy, modify, publish, use | Anyone is free to read, use
BSL-1.0 | to any person or organization | to any person
BSL-1.0 | free of charge, to any | against a deposit, to any
BSL-1.0 | to prepare derivative works of the Software | to read the Software
0BSD | for any purpose with or without fee | for the stated purpose with or without fee
0BSD | Permission to use, copy | Permission to borrow, copy
MIT-0 | without restriction, including | within reason, including
X11 | shall not be used in advertising | shall be used in all advertising
NCSA | without restriction, including | for inspection, including
PostgreSQL | for any purpose, without fee | for any purpose, at cost
PostgreSQL | without a written agreement | under a written agreement
NTP | for any purpose with or without fee | for timekeeping with or without fee
HPND | for any purpose and without fee | for one purpose and without fee
WTFPL | You just DO WHAT THE FUCK YOU WANT TO | You just ASK WHAT THE FUCK YOU MAY DO
Fair | Usage of the works is permitted | Usage of the works is considered
curl | for any purpose with or without fee | for any transfer of files with or without fee
"""
SENTENCES = """
Schools pay half.
Not a toy.
Keep off the grass.
Pharmaceutical firms talk to Alice beforehand.
Bots keep out.
This offer stands until Easter.
Any profit is shared with us.
Residents of Utopia are excluded.
Gamblers need not apply.
Do not show it to the press.
Free as in beer, once.
You promise to be nice.
Only humans may read this.
Good people welcome, others not.
The author may change his mind.
The author keeps all exclusive rights to the graph engine.
One installation per household.
Ten users at most.
A licence key is sold at our shop.
Cloud vendors must call us.
Modified copies are destroyed after use.
Subject to the rules of the club.
Send your changes to the list, always.
Use at sea is at the captain's discretion.
Use it on Linux.
Please do not fork.
Please star the repository first.
Students use it free.
For the demo only.
For review.
Internal.
Draft, circulate within the team.
No tanks.
Peaceful uses.
Works of the flesh are not covered.
Everything below is ours.
Ours, not yours.
Hands off.
Company property.
Look, do not touch.
Commercial edition.
Trial version, 30 days.
Sponsors get the rights first.
The rights revert to Jane in June.
Printing is reserved.
Hosting it for others is extra.
Embedding costs a dollar.
In return you link to us.
By reading on you join the cult.
Void where inconvenient.
Void on Mars.
Export to the moon needs a stamp.
May be used by left-handers.
May be copied by hand.
It is forbidden to laugh at it.
Licensees hold us harmless and bring cake.
Newspapers excepted.
Prior approval of the dean is needed.
Whoever earns with it gives a tenth.
Data brokers: no.
AI: no.
No AI, thanks.
Models are not fed with this.
Scrapers beware, we sue.
Not for the faint of heart or for banks.
Competing products are a no-go.
Ask before shipping.
Shipping to customers: see our price list.
The free tier ends at 100 users.
Terms apply.
Other terms may apply.
Some restrictions apply.
See our terms at example.com/terms.
Our lawyers have the last word.
The laws of the sea apply, and they say no.
Reciprocal: what you build on it is shared alike.
Derivatives carry this header and our banner.
Backlink wanted.
Attribution on every screen.
Please cite us, this is a duty.
The contributors assign their rights to Foo.
You assign your patches to Foo.
Users grant Foo a licence to their data.
Telemetry stays switched on.
Do not remove the nag screen.
The watermark remains.
Disputes are settled by duel.
Happy hour only.
While stocks last.
Non-transferable.
For you, and you alone.
This copy is numbered.
Leased, never owned.
On loan from the museum.
Under embargo.
Patent pending, royalties due.
Patents are not included, call us.
Not licensed in Kansas.
Except in Kansas.
Kansas excepted.
Nur für Freunde.
Usage réservé aux membres.
Sólo para amigos.
仅限朋友使用。
Только для друзей.
MIT for friends.
MIT, mostly.
MIT (see exceptions).
MIT minus the right to sell.
MIT-like, with a twist.
BSD without the redistribution part.
Apache 2.0 plus our addendum.
ISC for the small, commercial for the large.
"""


def cases() -> Iterator[tuple[str, str, str]]:
    """(what was changed, name of the file, text)."""
    texts = {r["ids"][0]: re.sub(r" (?=[.,;])", "", " ".join(plain(r["template"], optional=False).split())) for r in spdx_data()["texts"] if r["kind"] == "license"}  # fmt: skip
    for line in CHANGES.strip().splitlines():
        licence, old, new = (part.strip() for part in line.split(" | "))
        changed = texts[licence].replace(old, new, 1)
        if changed == texts[licence]:
            raise SystemExit(f"{licence} has no {old!r}: {texts[licence][:3000]}")
        header = "/*\n" + re.sub(r"(.{1,70})(?: |$)", r" * \1\n", changed) + " */\n\nint x;\n"
        yield line, "LICENSE", changed
        yield line, "a.c", header
    for said in SENTENCES.strip().splitlines():
        yield said, "LICENSE", f"{texts['MIT']}\n\n{said}\n"
        yield said, "LICENSE.md", f"# License\n\n{said}\n\n{texts['ISC']}\n"
        yield said, "a.c", f"/*\n * Licensed under the MIT License.\n * {said}\n */\nint x;\n"
        yield said, "a.py", f"# {said}\n#\n# SPDX-License-Identifier: Apache-2.0\n\nimport os\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="name what is allowed")
    options = parser.parse_args()
    detector, allowed = Detector(), allow_list("permissive")
    made = let = 0
    changes: dict[str, bool] = {}
    for what, name, text in cases():
        evidence = detector.detect(text.encode(), name)
        under = [e for e in evidence if e.kind not in ("mention", "doubt", "pointer", "scope")]
        said = [e.expression for e in evidence] + ([] if under else ["MIT"])  # without a licence of its own, the root's
        passes = is_allowed(conjunction(said), allowed)
        made, let = made + 1, let + passes
        changes[what] = changes.get(what, False) or passes
        if passes and options.list:
            print(f"{name}: {what}")
    print(f"{len(changes)} changes in {made} files: {sum(changes.values())} changes and {let} files allowed")


if __name__ == "__main__":
    main()
