"""Restrictions of one line at the head of a source file, and lines that restrict nothing: how many are allowed.

    python -m benchmarks.licenses_heads [--list]

All lines of `LINES` and `FINE` were written at one go before the rules for heads of files were read; each fourth one of `LINES` was held
back from all work on these rules. `FRESH` was written when they were done; one kind that it
found (names) was mended. Each line alone at the head of a
file, in its docstring, in a line with a description, and in a block comment of JavaScript, below a root under MIT.
"""

import argparse
from collections.abc import Iterator

from benchmarks.licenses_adversary import CODE, MIT, A, decision
from curate.code.detect import Detector
from curate.filters.licenses import allow_list

LINES = """
Not for use in nuclear plants.
Universities only.
You must buy a seat if you employ over ten people.
Keep out of weapons systems.
Hospitals need our written okay first.
Ask Karin before shipping this.
Free for students; everybody else pays.
No banks.
Competitors of Foobar Inc. may look but not touch.
This script stays inside the company.
For the eyes of the audit team.
Strictly between us and the client.
If you make money with this, send us half.
Governments keep off.
Running this in production costs 40 euros a month.
One machine per household.
Paid tier feature.
Gold members get to use this module.
You can read this, nothing more.
Only people who attended the workshop can run it.
Do not show this to customers.
Not to leave the building.
Private.
Classified.
Company confidential, level 2.
Trade secret of Acme Ltd.
Hands off unless you work here.
Contractors: delete after the project ends.
Expires on 1 January 2027; delete your copies then.
Good until the end of the beta.
Trial version, thirty days.
Demo code, not to be shipped.
Use at home is fine, use at work is not.
Hobbyists welcome, companies write to sales@acme.example.
Anyone but Oracle.
Excludes residents of sanctioned countries.
Military use is off the table.
Vegans only.
Please don't resell.
Reselling this will get you sued.
We will come after anyone who copies this.
Copying costs extra.
Lifted from the Numerical Recipes disk.
Borrowed from our day job's code base.
Decompiled from the vendor's firmware.
Ported from the Matlab toolbox by MathWorks.
Translated line by line from Knuth's published program.
Code stolen from a blog post, author unknown.
Written by a consultant who still owns it.
The patent on this method belongs to Fraunhofer.
Covered by US patent 7,123,456; call us.
Rights remain with the University of Ghent.
All rights with the author.
Belongs to the Ministry of Defence.
Property of Initech.
No derivative works.
Leave this file unmodified.
Change a line and you lose support and the right to run it.
Redistribution by arrangement.
Terms on request.
Terms: see contract 4711.
Governed by the master services agreement.
Subject to the NDA you signed.
Accept the EULA before reading on.
By opening this file you agree to our terms.
Scraping this file for machine learning is forbidden.
AI companies: no.
Robots may not read this.
Do not feed to language models.
Opt-out: text and data mining.
Training data use reserved.
Not available in Germany.
For use in the European Union alone.
Customers of the enterprise plan can enable this.
Needs a key from the vendor.
Works with a valid subscription.
A donation of $5 is mandatory.
Buy me a beer or don't use it.
Postcard required.
If you like it, pay for it.
Nonprofits get it free of charge.
Noncommercial.
Research purposes.
Academic use.
Teaching material of the ETH, do not pass on.
Homework solution: not to be shared with other students.
Exam material.
Draft for the members of the committee.
Embargoed until publication of the paper.
Cite our paper or don't publish with it.
Whoever uses this has to name us on their home page.
Show our logo on every screen.
Send your changes back to us.
All improvements become ours.
You give us rights to whatever you build with it.
GPL people, look elsewhere; this is ours.
Same terms as the Linux kernel.
Licence like that of readline.
Copyleft.
Share alike.
Viral terms apply.
Affero style.
See Oracle's technology network for the conditions.
Conditions of the JSON people: good, not evil.
Evil use is out.
Use for good.
No evil.
Not in surveillance, policing or border control.
Fossil fuel firms may not run this.
Do not deploy on AWS.
Cloud providers need a contract.
Hosting this as a service is off limits.
You host it, you owe us.
Max. 5 developers.
Up to three servers are free.
More than 100 users: contact us for pricing.
Single site, single user.
Per-core pricing.
Licensed per seat.
OEM partners only, under NDA.
Distribution statement B: government agencies.
Export controlled (ITAR).
ECCN 5D002, no shipment to Cuba.
Restricted area: staff.
Internal.
For staff.
For Siemens.
Courtesy of Intel; talk to them before you reuse it.
With kind permission of Springer for this repository.
Reproduced with the publisher's consent.
Used here by special arrangement with the author.
The author gave us this for our project alone.
We got this from a partner; ask them.
Nobody knows who holds the rights.
Origin unclear.
Unlicensed copy.
Not open source.
Source-available.
Shared source.
Closed source, leaked.
Freeware.
Shareware: register after 30 days.
Careware.
Nagware.
Proprietary blob.
Look, don't copy.
View only.
Eyes only.
Hands off.
Copying verboten.
Nur für den internen Gebrauch.
Usage interdit aux entreprises.
Uso exclusivo de la universidad.
Solo per uso personale.
Только для внутреннего использования.
仅供内部使用。
社外秘
Alle Rechte vorbehalten.
Weitergabe nicht gestattet.
Ne pas diffuser.
"""
FINE = """
Parses the command line.
Helpers for reading PNG headers.
This module only handles ASCII input.
The caller must hold the lock.
Callers must not free the returned buffer.
Not thread safe.
Requires Python 3.8 or newer.
Only used by the tests.
For internal use by the parser.
Internal helpers.
Private API; may change without notice.
Do not edit by hand.
Do not import this module directly.
Except on Windows, where paths differ.
Users who need more speed can set the cache size.
You must call init() first.
TODO: remove this when Python 2 is gone.
Works without a network connection.
Utility functions shared by client and server.
The owner of a node frees its children.
Free the memory at exit.
Allowed characters are letters and digits.
Permission bits of a file.
Checks whether the user may read the file.
Returns the price of an item in the shop.
Customers and their orders: models.
Company: a model with name and address.
Payment gateway client.
License plate recognition.
Tests for the export of invoices.
This file is part of the Foo project.
See README for how to use it.
Contains the base class of all widgets.
Implements RFC 2616 section 4.2.
Based on the algorithm of Knuth and Morris.
Written by John Smith in 2004.
Last change: 2019-03-04
-*- coding: utf-8 -*-
vim: set ts=4 sw=4:
eslint-disable no-console
Generated by protoc; do not modify.
http://example.com/docs/foo.html
Usage: foo [options] FILE
Example of a plugin.
Demo of the scrolling widget.
Compatibility layer for Python 2 and 3.
Experimental: the interface can change.
Deprecated, use foo.bar instead.
This is a hack.
Fixes issue #123.
Thanks to Jane Doe for the patch.
Bring your own buffer.
Reserved words of the language.
Commercial at sign in addresses.
A test of the trial division.
Free list of blocks.
Public functions of the package.
The constants here should match those in foo.h.
Never call this from a signal handler.
All numbers are in metres.
"""
FRESH = """
Museums may run this; galleries have to ask.
Not to be taken across the border.
Airlines, please negotiate first.
Left over from a client engagement, so keep it quiet.
A yearly fee of 12 dollars is due for each copy.
Meant for the pilots of our airline and nobody else.
Whoever makes a profit shares it.
Reading is fine; compiling is not.
Blind people use this free, others pay.
Runs on our hardware alone by contract.
Cut out of a Windows driver.
Prepared at the request of the defendant; privileged.
Contains know-how of Bosch.
Sealed by court order.
Farmers only, sorry.
Ask before you fork.
The publisher keeps everything.
Given to us for review; goes back on Monday.
Cannot be combined with closed programs.
Your startup is too big for this.
Not for children.
Winners of the contest get the right to use it.
Signed copies of the contract are needed.
This belongs in the vault.
Do not mirror.
We retain title.
Sublicensing is out.
The customer has bought this module outright.
Schools: half price.
One time use.
Burn after reading.
No warranty, no use, no questions.
Permission pending.
Awaiting clearance from legal.
Legal has not signed off on this.
Not cleared for export to Iran.
Dual use goods, see regulation 428/2009.
The name of the author may not appear in reviews.
Publishing results of this needs our blessing.
Scientists must send us their papers.
Nobody outside team blue should have this.
Team blue's.
Copyright law applies in full.
Permitted: looking. Not permitted: the rest.
Look but keep your hands in your pockets.
Hired work for Globex, who own the result.
Globex reserves the fruits of this.
Monthly users above 1000 trigger invoices.
Turnover above one million means you owe a royalty.
Swiss residents excluded.
Women in tech get it for nothing.
Licence expires with the employee's contract.
Works of this kind need a stamp from the ministry.
Police use is banned.
Never in a casino.
Gambling sites must not embed this.
Adult sites keep out.
Do not run on the competitor's cloud.
Made for Karl.
Karl's eyes.
Unpublished.
Pre-release, under wraps.
Sharing kills the deal.
Third party material, origin withheld.
"""
SCRIPT = """export function total(rows, key) {
  let sum = 0;
  for (const row of rows) {
    sum += row[key] || 0;
  }
  return sum;
}

export class Table {
  constructor(rows) {
    this.rows = rows;
  }
}
"""


def places(line: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """(place, files of the repository, file that is decided on) for a line."""
    yield "head", {"LICENSE": MIT, "src/a.py": f"# {line}\n\n{CODE}"}, "src/a.py"
    yield "docstring", {"LICENSE": MIT, "src/a.py": f'"""Sums of rows.\n\n{line}\n"""\n\n{CODE}'}, "src/a.py"
    yield "in line", {"LICENSE": MIT, "src/a.py": f'"""Sums of rows. {line}\n"""\n\n{CODE}'}, "src/a.py"
    yield "block", {"LICENSE": MIT, "src/a.js": f"/**\n * Sums of rows.\n * {line}\n */\n\n{SCRIPT}"}, "src/a.js"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--list", action="store_true", help="name the restrictions that are allowed and the other lines that are not"
    )
    options = parser.parse_args()
    lines, fresh, fine = (text.strip().splitlines() for text in (LINES, FRESH, FINE))
    developed = [line for n, line in enumerate(lines) if n % 4 != 3]
    lists = {"developed with": developed, "held back": lines[3::4], "fresh": fresh, "restrict nothing": fine}
    detector, allowed = Detector(), allow_list("permissive")
    print("| lines | of them | head | docstring | in line | block |\n|---|---|---|---|---|---|")
    for name, some in lists.items():
        found: dict[str, list[str]] = {}
        for line in some:
            for place, files, target in places(line):
                found.setdefault(place, [])
                if decision(files, target, detector, allowed)[0] == A:
                    found[place].append(line)
        print(f"| {name} | {len(some)} | {' | '.join(str(len(got)) for got in found.values())} |")
        if options.list:
            print(*(line for line in some if (line in found["head"]) != (some is fine)), sep="\n")


if __name__ == "__main__":
    main()
