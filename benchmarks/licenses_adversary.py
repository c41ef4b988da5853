"""Two hundred and ten small repositories by hand, each with the decision that is right: an adversary's licences.

    python -m benchmarks.licenses_adversary [--list]

Written before the code of the detector was read, from the texts of the licences alone: edits of seven permissive licences,
sentences beside them, headers, strings, READMEs, metadata, pointers, choices and scopes. `SECOND` was written after
the first ones that were allowed had been mended, one sentence each, of the same kind (the head of a file without a notice).
"""

import argparse
import re
from collections import Counter

from curate.code.detect import Detector
from curate.code.members import Member
from curate.code.repository import licence_of, survey
from curate.filters.licenses import allow_list, is_allowed

MIT = """MIT License

Copyright (c) 2019 Jane Roe

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

BSD3 = """BSD 3-Clause License

Copyright (c) 2018, Jane Roe
All rights reserved.

Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this
   list of conditions and the following disclaimer.

2. Redistributions in binary form must reproduce the above copyright notice,
   this list of conditions and the following disclaimer in the documentation
   and/or other materials provided with the distribution.

3. Neither the name of the copyright holder nor the names of its
   contributors may be used to endorse or promote products derived from
   this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""

ISC = """ISC License

Copyright (c) 2020, Jane Roe

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
"""

BSD0 = """BSD Zero Clause License

Copyright (c) 2021 Jane Roe

Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.
"""

ZLIB = """zlib License

(C) 2017 Jane Roe

This software is provided 'as-is', without any express or implied
warranty.  In no event will the authors be held liable for any damages
arising from the use of this software.

Permission is granted to anyone to use this software for any purpose,
including commercial applications, and to alter it and redistribute it
freely, subject to the following restrictions:

1. The origin of this software must not be misrepresented; you must not
   claim that you wrote the original software. If you use this software
   in a product, an acknowledgment in the product documentation would be
   appreciated but is not required.
2. Altered source versions must be plainly marked as such, and must not be
   misrepresented as being the original software.
3. This notice may not be removed or altered from any source distribution.
"""

UNLICENSE = """This is free and unencumbered software released into the public domain.

Anyone is free to copy, modify, publish, use, compile, sell, or
distribute this software, either in source code form or as a compiled
binary, for any purpose, commercial or non-commercial, and by any
means.

In jurisdictions that recognize copyright laws, the author or authors
of this software dedicate any and all copyright interest in the
software to the public domain. We make this dedication for the benefit
of the public at large and to the detriment of our heirs and
successors. We intend this dedication to be an overt act of
relinquishment in perpetuity of all present and future rights to this
software under copyright law.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND,
EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.
IN NO EVENT SHALL THE AUTHORS BE LIABLE FOR ANY CLAIM, DAMAGES OR
OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR
OTHER DEALINGS IN THE SOFTWARE.

For more information, please refer to <https://unlicense.org>
"""

BSL = """Boost Software License - Version 1.0 - August 17th, 2003

Permission is hereby granted, free of charge, to any person or organization
obtaining a copy of the software and accompanying documentation covered by
this license (the "Software") to use, reproduce, display, distribute,
execute, and transmit the Software, and to prepare derivative works of the
Software, and to permit third-parties to whom the Software is furnished to
do so, all subject to the following:

The copyright notices in the Software and this entire statement, including
the above license grant, this restriction and the following disclaimer,
must be included in all copies of the Software, in whole or in part, and
all derivative works of the Software, unless such copies or derivative
works are solely in the form of machine-executable object code generated by
a source language processor.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE, TITLE AND NON-INFRINGEMENT. IN NO EVENT
SHALL THE COPYRIGHT HOLDERS OR ANYONE DISTRIBUTING THE SOFTWARE BE LIABLE
FOR ANY DAMAGES OR OTHER LIABILITY, WHETHER IN CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""

APACHE_HEADER = """# Copyright 2020 Jane Roe
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""

CODE = '''import os


def total(values):
    """Sum of the values, none of them negative."""
    result = 0
    for value in values:
        if value < 0:
            raise ValueError(f"negative value: {value}")
        result += value
    return result


def names(folder):
    """The sorted names in a folder."""
    return sorted(os.listdir(folder))
'''

GPL_HEADER = """# This program is free software: you can redistribute it and/or modify
# it under the terms of the GNU General Public License as published by
# the Free Software Foundation, either version 3 of the License, or
# (at your option) any later version.
"""

TEXTS = {"MIT": MIT, "BSD3": BSD3, "ISC": ISC, "0BSD": BSD0, "Zlib": ZLIB, "Unlicense": UNLICENSE, "BSL": BSL}
CASES: list[tuple[str, str, dict[str, str], str]] = []
"""What was changed, the right decision, the files, and the one that is decided on."""


def case(name: str, expected: str, files: dict[str, str], target: str = "src/a.py") -> None:
    CASES.append((f"{len(CASES) + 1:03d} {name}", expected, files, target))


def swap(text: str, old: str, new: str) -> str:
    """The text with one passage replaced; words of `old` may be broken over lines."""
    pattern = r"\s+".join(map(re.escape, old.split()))
    out, n = re.subn(pattern, lambda _: new, text, count=1)
    if n != 1:
        raise ValueError(f"no {old!r} in {text[:40]!r}")
    return out


def edit(base: str, expected: str, old: str, new: str) -> None:
    case(f"LICENSE {base}: {old!r} -> {new!r}", expected, {"LICENSE": swap(TEXTS[base], old, new), "src/a.py": CODE})


def add(base: str, expected: str, text: str, where: str = "end") -> None:
    body = TEXTS[base] + "\n" + text + "\n" if where == "end" else text + "\n\n" + TEXTS[base]
    case(f"LICENSE {base} + {where}: {text!r}", expected, {"LICENSE": body, "src/a.py": CODE})


def header(expected: str, text: str, license: str = MIT, code: str = CODE, where: str = "top") -> None:
    comment = "".join(f"# {line}\n" if line else "#\n" for line in text.split("\n"))
    body = comment + "\n" + code if where == "top" else code + "\n\n" + comment
    case(f"header: {text!r}", expected, {"LICENSE": license, "src/a.py": body})


D, A = "deny", "allow"

# --- A. single edits of licence texts (60) -------------------------------------------------
edit("MIT", D, "to any person obtaining", "to any natural person not employed by a company obtaining")
edit("MIT", D, "free of charge,", "for the duration of the subscription,")
edit("MIT", D, "without restriction, including", "with restriction, including")
edit("MIT", D, "copies of the Software, and to permit", "copies of the Software for personal use, and to permit")
edit("MIT", D, "is hereby granted", "may be granted")
edit("MIT", D, "publish, distribute, sublicense, and/or sell", "publish, distribute, and sublicense, but not sell")
edit("MIT", D, "to use, copy, modify, merge", "to use, copy, merge")
edit("MIT", D, "subject to the following conditions", "subject to the following conditions and the payment of a fee")
edit("MIT", D, "shall be included in all", "and a link to our web shop shall be shown in all")
edit("MIT", D, "to deal in the Software without restriction", "to look at the Software without restriction")
edit("MIT", D, "any person obtaining a copy", "any person lawfully buying a copy")
edit("MIT", D, "Permission is hereby granted", "Permission is hereby granted until 31 December 2026")
edit("MIT", D, "Permission is hereby granted", "No permission is hereby granted")
edit("MIT", D, '(the "Software")', '(the "Software", excluding the models)')
edit("MIT", D, "to permit persons", "not to permit persons")
edit("MIT", D, "furnished to do so", "furnished to do so within the European Union")
edit(
    "MIT", D, "The above copyright notice", "The Software shall be used for Good, not Evil. The above copyright notice"
)
edit("MIT", D, "SOFTWARE IS PROVIDED", "SOFTWARE MAY NOT BE USED FOR TRAINING AND IS PROVIDED")
edit("MIT", D, "MIT License", "MIT License (Non-Commercial)")
edit("MIT", D, "MIT License", "MIT License with Commons Clause")
edit(
    "MIT",
    D,
    "Copyright (c) 2019 Jane Roe",
    "Copyright (c) 2019 Jane Roe. All commercial rights remain with the author.",
)
edit("MIT", D, "Copyright (c) 2019 Jane Roe", "Copyright (c) 2019 Jane Roe, for evaluation only")
edit("MIT", D, "Copyright (c) 2019 Jane Roe", "Copyright (c) 2019 Jane Roe\nUse by governments prohibited")
edit("MIT", D, "Copyright (c) 2019 Jane Roe", "Copyright (c) 2019 Jane Roe <jane@example.com> no AI training")
edit("MIT", D, "Copyright (c) 2019 Jane Roe", "Copyright (c) 2019 Jane Roe (non-commercial use only)")
edit("BSD3", D, "are permitted provided", "are permitted for research provided")
edit("BSD3", D, "with or without modification", "without any modification")
edit("BSD3", D, "source and binary forms", "binary form only")
edit("BSD3", D, "Redistribution and use in", "Use in")
edit("BSD3", D, "following conditions are met", "following conditions are met and the copyright holder consents")
edit("BSD3", D, "may be used to endorse", "may be mentioned, and the software shall not be used to compete, to endorse")
edit(
    "BSD3",
    D,
    "3. Neither the name",
    "3. Redistributions must be accompanied by the complete source code.\n\n4. Neither the name",
)
edit("BSD3", D, "3. Neither the name", "3. Redistributions may not be sold.\n\n4. Neither the name")
edit("BSD3", D, "with the distribution.", "with the distribution, and a copy must be sent to the author.")
edit("BSD3", D, "are permitted provided", "are permitted to non-profit organisations provided")
edit("BSD3", D, "are permitted provided", "are not permitted provided")
edit("BSD3", D, "All rights reserved.", "All rights reserved. Proprietary and confidential.")
edit("ISC", D, "with or without fee", "without fee")
edit("ISC", D, "for any purpose", "for any lawful non-military purpose")
edit("ISC", D, "copy, modify, and/or distribute", "copy, and/or distribute")
edit("ISC", D, "is hereby granted", "is hereby reserved")
edit("ISC", D, "appear in all copies.", "appear in all copies and that no copy is used to train a model.")
edit("ISC", D, "Permission to use", "Permission to privately use")
edit("0BSD", D, "for any purpose", "for teaching")
edit("0BSD", D, "is hereby granted.", "is hereby granted to members.")
edit("0BSD", D, "with or without fee is hereby granted.", "with or without fee is hereby granted for 90 days.")
edit("Zlib", D, "including commercial applications", "except commercial applications")
edit("Zlib", D, "to anyone to use", "to anyone but resellers to use")
edit("Zlib", D, "and to alter it and redistribute it freely", "and to redistribute it unaltered")
edit("Zlib", D, "is not required.", "is required, as is a fee.")
edit("Zlib", D, "3. This notice", "3. Source code of altered versions must be published.\n4. This notice")
edit("Unlicense", D, "is free and unencumbered software", "is unencumbered software for subscribers")
edit("Unlicense", D, "commercial or non-commercial", "non-commercial")
edit("Unlicense", D, "publish, use, compile, sell, or", "publish, use, compile, or")
edit("Unlicense", D, "to the public domain. We make", "to the Acme Corporation. We make")
edit("BSL", D, "any person or organization", "any person, but no organization,")
edit("BSL", D, "and to prepare derivative works of the Software,", "")
edit("BSL", D, "distribute, execute", "execute")
edit("BSL", D, "unless such copies", "and licensed as a whole under these terms, unless such copies")
edit("BSL", D, "free of charge, to any", "for a charge, to any")

# --- B. sentences beside a whole licence text (26) ---------------------------------------------
add("MIT", D, "The above licence does not apply to companies with more than 50 employees.")
add("MIT", D, "Commercial use requires a separate agreement. Write to sales@example.com.", "start")
add("MIT", D, "You may not use this software to train machine learning models.")
add("MIT", D, "Additional terms: the name of the product must be shown on every page.")
add("MIT", D, "This licence ends when you sue anyone.")
add("MIT", D, "The file data/words.txt may not be redistributed.")
add("MIT", D, "Versions after 2.0 are under the Business Source License.")
add("MIT", D, "This applies only to the documentation. The code is proprietary.", "start")
add("MIT", D, "Parts of this software are under the GPL; see COPYING.")
add("MIT", D, "For students only:", "start")
add("MIT", D, "Draft - not yet approved by legal.", "start")
add("MIT", D, "NOT licensed under the following text, shown as an example:", "start")
add("MIT", D, "The old version had this licence; now all rights reserved.", "start")
add("BSD3", D, "Military use is prohibited.")
add("BSD3", D, "The covered work must also comply with the attached EULA.")
add("BSD3", D, "Patents: no patent licence is granted; using this software infringes patent 1234567.")
add("ISC", D, "Except in the Republic of Elbonia.")
add("ISC", D, "Buy a key at https://example.com/buy to use it at work.")
add("Zlib", D, "4. Games made with it must credit us on the title screen.")
add("Unlicense", D, "This dedication excludes the trained weights and the examples folder.")
add("Unlicense", D, "If you earn money with it, pay us 5 %.")
add("BSL", D, "Notwithstanding the above, hosting the Software as a service is not allowed.")
add("MIT", A, "https://opensource.org/licenses/MIT")
add("MIT", A, "The MIT License (MIT)", "start")
add("ISC", A, "Copyright (c) 2015-2019, John Smith <john@example.org>", "start")
add("BSD3", A, "Copyright 2011 The Frob Authors. All rights reserved.", "start")

# --- C. harmless layouts of licence texts: fine, must be allowed (16) -------------------------------
case(
    "MIT, one line a paragraph",
    A,
    {"LICENSE": "\n\n".join(" ".join(p.split()) for p in MIT.split("\n\n")), "src/a.py": CODE},
)
case(
    "MIT, CRLF and curly quotes",
    A,
    {"LICENSE": MIT.replace('"Software"', "“Software”").replace("\n", "\r\n"), "src/a.py": CODE},
)
case("MIT, without a title", A, {"LICENSE": MIT.split("\n\n", 1)[1], "src/a.py": CODE})
case("MIT, markdown title", A, {"LICENSE.md": MIT.replace("MIT License", "# The MIT License (MIT)"), "src/a.py": CODE})
case("MIT, British licence", A, {"LICENCE": MIT.replace("MIT License", "MIT Licence"), "src/a.py": CODE})
case(
    "MIT, quoted > block in md",
    A,
    {"LICENSE.md": "".join("> " + line + "\n" for line in MIT.splitlines()), "src/a.py": CODE},
)
case(
    "MIT, two holders",
    A,
    {
        "LICENSE": MIT.replace("Jane Roe", "Jane Roe\nCopyright © 2020 Contributors to frob (https://example.org)"),
        "src/a.py": CODE,
    },
)
case(
    "BSD-3, dashes for numbers",
    A,
    {"LICENSE": BSD3.replace("1. ", "- ").replace("2. ", "- ").replace("3. ", "- "), "src/a.py": CODE},
)
case(
    "BSD-3, stars for numbers",
    A,
    {"LICENSE": BSD3.replace("1. ", "* ").replace("2. ", "* ").replace("3. ", "* "), "src/a.py": CODE},
)
case(
    "BSD-3, own name",
    A,
    {"LICENSE": swap(BSD3, "the name of the copyright holder", "the name of Frob Inc."), "src/a.py": CODE},
)
case(
    "BSD-3, organisation name in the warranty",
    A,
    {
        "LICENSE": swap(
            BSD3, "PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS", "PROVIDED BY FROB INC. AND CONTRIBUTORS"
        ),
        "src/a.py": CODE,
    },
)
case(
    "ISC, ampersand: modify, and distribute",
    A,
    {"LICENSE": ISC.replace("and/or distribute", "and distribute"), "src/a.py": CODE},
)
case("zlib, no title", A, {"LICENSE": ZLIB.split("\n\n", 1)[1], "src/a.py": CODE})
case("Unlicense http address", A, {"LICENSE": UNLICENSE.replace("https:", "http:"), "src/a.py": CODE})
case(
    "BSL indented", A, {"LICENSE_1_0.txt": "".join("    " + line + "\n" for line in BSL.splitlines()), "src/a.py": CODE}
)
case(
    "MIT as header comment and file",
    A,
    {"LICENSE": MIT, "src/a.py": "".join(("# " + line).rstrip() + "\n" for line in MIT.splitlines()) + CODE},
)

# --- D. headers and sentences in source files of an MIT repository (44) --------------------------------
for text in [
    "May not be used in weapons.",
    "Not for use by direct competitors of Frob Inc.",
    "Companies above 10 million revenue need a paid plan.",
    "Free until version 3; afterwards ask us.",
    "This file is confidential.",
    "Copyright 2020 Frob Inc. All rights reserved. Do not distribute.",
    "Property of Frob Inc.",
    "Trade secret of Frob Inc.; unauthorised copying of this file is forbidden.",
    "Copied from the Linux kernel, lib/sort.c",
    "Taken from GNU coreutils.",
    "Adapted from https://stackoverflow.com/a/12345 (CC BY-SA 4.0)",
    "Ported from qux, which is GPLv2.",
    "Based on the LGPL library frobnicate",
    "Derived from code under the Mozilla Public License 1.1",
    "SPDX-License-Identifier: GPL-2.0-only",
    "SPDX-License-Identifier: MIT AND GPL-2.0-only",
    "SPDX-License-Identifier: MIT WITH Commons-Clause",
    "SPDX-License-Identifier: LicenseRef-Proprietary",
    "SPDX-License-Identifier: BUSL-1.1",
    "License: Elastic License 2.0",
    "@license AGPL-3.0",
    "@license CC-BY-NC-4.0",
    "Licensed under the Functional Source License, Version 1.1",
    "Use of this source code is governed by the Business Source License included in LICENSE.BSL",
    "Released under the Server Side Public License",
    "This file is NOT under the MIT licence of the rest.",
    "This file is exempt from the project's licence.",
    "License: see the vendor's terms",
    "For internal use at Frob only",
    "Licensed to Frob Inc. under one or more agreements; see EULA.txt",
    "Distributed under a proprietary licence to customers.",
    "You need a valid subscription to use this file.",
    "Academic use only. Contact us for other uses.",
    "Licensed under the Polyform Noncommercial License 1.0.0",
    "Licensed under the Llama 3 Community License",
    "This code may be read but not copied.",
    "Modification of this file is not permitted.",
    "Patent pending. Use needs a patent licence.",
]:
    header(D, text)
header(A, "Copyright 2020 Jane Roe\nSPDX-License-Identifier: MIT")
header(A, "SPDX-License-Identifier: (GPL-2.0-only OR MIT)")
header(A, "Licensed under the MIT license. See LICENSE in the project root for details.")
case("header: Apache header in an Apache-marked file", A, {"LICENSE": MIT, "src/a.py": APACHE_HEADER + "\n" + CODE})
case(
    "header: Apache header, 'except in compliance' lost",
    D,
    {"LICENSE": MIT, "src/a.py": swap(APACHE_HEADER, "except in compliance with the License", "at all") + "\n" + CODE},
)
case("header: GPL notice at the bottom of a long file", D, {"LICENSE": MIT, "src/a.py": CODE * 300 + GPL_HEADER})

# --- E. in strings, docstrings, metadata of files (12) ----------------------------------------------------
case("dunder: GPL", D, {"LICENSE": MIT, "src/a.py": '__license__ = "GPL-3.0-or-later"\n' + CODE})
case("dunder: Proprietary", D, {"LICENSE": MIT, "src/a.py": '__license__ = "Proprietary"\n' + CODE})
case("dunder: commercial", D, {"LICENSE": MIT, "src/a.py": "__license__ = 'commercial, see contract'\n" + CODE})
case("dunder: MIT", A, {"LICENSE": MIT, "src/a.py": '__license__ = "MIT"\n' + CODE})
case(
    "docstring: GPL",
    D,
    {"LICENSE": MIT, "src/a.py": '"""Frob.\n\n:license: GNU GPL v3, see COPYING for more details.\n"""\n' + CODE},
)
case(
    "docstring: BSD pointer without a BSD file",
    D,
    {"LICENSE": GPL_HEADER, "src/a.py": '"""Frob.\n\n:license: BSD, see LICENSE for more details.\n"""\n' + CODE},
)
case(
    "docstring: harmless 'license' word",
    A,
    {"LICENSE": MIT, "src/a.py": '"""Parse a driving licence number."""\n' + CODE},
)
case(
    "code: a table of SPDX names in an MIT project",
    A,
    {"LICENSE": MIT, "src/a.py": 'PERMISSIVE = {"MIT", "ISC", "Zlib"}\n' + CODE},
)
case(
    "JS: banner proprietary",
    D,
    {
        "LICENSE": MIT,
        "src/a.js": "/*! frob v1.0 | (c) Frob Inc. | Commercial license: frob.example/license */\nexport const a = 1;\n",
    },
    "src/a.js",
)
case(
    "JS: banner MIT",
    A,
    {"LICENSE": MIT, "src/a.js": "/*! frob v1.0 | (c) Jane Roe | MIT License */\nexport const a = 1;\n"},
    "src/a.js",
)
case(
    "C: MODULE_LICENSE GPL",
    D,
    {"LICENSE": MIT, "src/a.c": '#include <linux/module.h>\nint a(void) { return 1; }\nMODULE_LICENSE("GPL v2");\n'},
    "src/a.c",
)
case(
    "XML attribute: licence CC-BY-NC",
    D,
    {"LICENSE": MIT, "src/a.xml": '<package license="CC-BY-NC-4.0"><name>frob</name></package>\n'},
    "src/a.xml",
)


# --- F. READMEs and package metadata, without or against LICENSE (22) --------------------------------------------
def readme(expected: str, text: str, **more: str) -> None:
    case(
        f"README: {text!r}",
        expected,
        {"README.md": "# Frob\n\nA frobber.\n\n## License\n\n" + text + "\n", "src/a.py": CODE, **more},
    )


readme(A, "MIT")
readme(D, "MIT for hobbyists, commercial for everybody else.")
readme(D, "Free for non-commercial use.")
readme(D, "We like the MIT license, but this project is proprietary.")
readme(D, "Not MIT.")
readme(D, "MIT, except the icons and everything in src, which are ours.")
readme(D, "See the LICENSE file.")
readme(D, "Will be MIT once the paper is accepted.")
readme(D, "Up to version 1.9: MIT. Since 2.0: BUSL-1.1.")
readme(D, "The code is AGPL-3.0; the MIT licence covers the examples.")
readme(D, "GPL-3.0", LICENSE=MIT)


def package(expected: str, metadata: str, name: str = "package.json", **more: str) -> None:
    case(
        f"{name}: {metadata!r} {sorted(more)}",
        expected,
        {name: metadata, "src/a.js": "export const answer = 42;\n", **more},
        "src/a.js",
    )


package(A, '{"name": "frob", "version": "1.0.0", "license": "MIT"}')
package(D, '{"name": "frob", "version": "1.0.0", "license": "UNLICENSED"}')
package(D, '{"name": "frob", "version": "1.0.0", "license": "SEE LICENSE IN EULA.md"}')
package(D, '{"name": "frob", "version": "1.0.0", "license": "MIT AND AGPL-3.0-only"}')
package(A, '{"name": "frob", "version": "1.0.0", "license": "(MIT OR GPL-3.0)"}')
package(
    D,
    '{"name": "frob", "version": "1.0.0", "license": "MIT", "private": true}',
    LICENSE="All rights reserved. Frob Inc.\n",
)
package(D, '{"name": "frob", "version": "1.0.0", "license": "AGPL-3.0"}', LICENSE=MIT)
case(
    "pyproject: proprietary classifier",
    D,
    {
        "pyproject.toml": '[project]\nname = "frob"\nversion = "1"\nclassifiers = ["License :: Other/Proprietary License"]\n',
        "src/a.py": CODE,
    },
)
case(
    "pyproject: MIT expression",
    A,
    {"pyproject.toml": '[project]\nname = "frob"\nversion = "1"\nlicense = "MIT"\n', "src/a.py": CODE},
)
case(
    "setup.py: GPL beside MIT file",
    D,
    {
        "LICENSE": MIT,
        "setup.py": 'from setuptools import setup\nsetup(name="frob", license="GPLv3")\n',
        "src/a.py": CODE,
    },
)
case(
    "Cargo: MIT/Apache old slash",
    A,
    {
        "Cargo.toml": '[package]\nname = "frob"\nversion = "0.1.0"\nlicense = "MIT/Apache-2.0"\n',
        "src/a.rs": "pub fn a() -> u32 { 1 }\n",
    },
    "src/a.rs",
)

# --- G. pointers (8) --------------------------------------------------------------------------------------------
POINT = "# Copyright 2015 The Frob Authors. All rights reserved.\n# Use of this source code is governed by a BSD-style\n# license that can be found in the LICENSE file.\n\n"
case("pointer: BSD-style, LICENSE is BSD", A, {"LICENSE": BSD3, "src/a.py": POINT + CODE})
case(
    "pointer: BSD-style, LICENSE is GPL notice", D, {"LICENSE": GPL_HEADER.replace("# ", ""), "src/a.py": POINT + CODE}
)
case("pointer: BSD-style, LICENSE is missing", D, {"README.md": "# Frob\n", "src/a.py": POINT + CODE})
case(
    "pointer: BSD-style, LICENSE is edited BSD",
    D,
    {
        "LICENSE": swap(BSD3, "are permitted provided", "are permitted to our customers provided"),
        "src/a.py": POINT + CODE,
    },
)
case(
    "pointer: to LICENSE.ee that is proprietary",
    D,
    {
        "LICENSE": MIT,
        "LICENSE.ee": "Frob Enterprise. All rights reserved; a subscription is needed.\n",
        "src/a.py": "# See LICENSE.ee for the terms of this file.\n" + CODE,
    },
)
case(
    "pointer: to a file that is not there",
    D,
    {"LICENSE": MIT, "src/a.py": "# The licence of this file is in TERMS.txt.\n" + CODE},
)
case(
    "pointer: MIT named, LICENSE is proprietary",
    D,
    {
        "LICENSE": "Copyright Frob Inc. All rights reserved.\n",
        "src/a.py": "# Licensed under the MIT licence in the LICENSE file.\n" + CODE,
    },
)
case("pointer: COPYING is BSD", A, {"COPYING": BSD3, "src/a.py": "# See COPYING for the licence.\n" + CODE})

# --- H. choices and both-apply (8) ---------------------------------------------------------------------------------
header(A, "Licensed under either of the MIT license or the Apache License, Version 2.0, at your option.")
header(D, "Licensed under both the MIT license and the GNU GPL v3; both apply.")
header(D, "Dual licensed: MIT for the API, GPL for the engine.")
header(D, "Dual licensed under GPL and a commercial licence.")
header(A, "Dual licensed under the MIT and GPL licenses.")
header(D, "Licensed under the MIT licence or, if you are a company, a commercial licence.")
header(D, "Licensed under MIT or GPL, at our option.")
header(D, "You must comply with the MIT licence as well as the GPL.")

# --- I. scopes (14) ----------------------------------------------------------------------------------------------------
OPEN_CORE = """Copyright (c) 2020-present Frob Inc.

Portions of this software are licensed as follows:

* All content that resides under the "ee/" directory of this repository, if that directory exists, is licensed under the license defined in "ee/LICENSE".
* Content outside of the above mentioned directories or restrictions above is available under the "MIT Expat" license as defined below.

""" + MIT.split("\n\n", 2)[2]
EE = "Frob Enterprise Edition. You need a subscription to use this software in production. All rights reserved.\n"
tree = {"LICENSE": OPEN_CORE, "ee/LICENSE": EE, "src/a.py": CODE, "ee/a.py": CODE}
case("open core: outside", A, tree)
case("open core: inside", D, tree, "ee/a.py")
case("open core: inside, deep", D, {**tree, "ee/x/y/a.py": CODE}, "ee/x/y/a.py")
case("open core: inside without a file there", D, {"LICENSE": OPEN_CORE, "ee/a.py": CODE}, "ee/a.py")
case(
    "folder licence: GPL under an MIT root",
    D,
    {"LICENSE": MIT, "plugins/LICENSE": GPL_HEADER.replace("# ", ""), "plugins/a.py": CODE},
    "plugins/a.py",
)
case(
    "folder licence: MIT under a proprietary root", A, {"LICENSE": EE, "sdk/LICENSE": MIT, "sdk/a.py": CODE}, "sdk/a.py"
)
case(
    "vendored: third_party without a licence", D, {"LICENSE": MIT, "third_party/zed/a.py": CODE}, "third_party/zed/a.py"
)
case(
    "vendored: third_party with MIT",
    A,
    {"LICENSE": MIT, "third_party/zed/LICENSE": MIT, "third_party/zed/a.py": CODE},
    "third_party/zed/a.py",
)
case(
    "vendored: _vendor without a licence",
    D,
    {"LICENSE": MIT, "src/frob/_vendor/six.py": CODE},
    "src/frob/_vendor/six.py",
)
case(
    "vendored: node_modules GPL",
    D,
    {
        "LICENSE": MIT,
        "node_modules/q/package.json": '{"name": "q", "version": "1.0.0", "license": "GPL-3.0"}',
        "node_modules/q/index.js": "module.exports = 1;\n",
    },
    "node_modules/q/index.js",
)
case(
    "REUSE: .license sidecar GPL",
    D,
    {
        "LICENSE": MIT,
        "src/a.py": CODE,
        "src/a.py.license": "SPDX-FileCopyrightText: 2020 Jane\nSPDX-License-Identifier: GPL-3.0-only\n",
    },
)
case(
    "root file for fonts",
    A,
    {"LICENSE": MIT, "LICENSE.fonts": "The fonts are under the SIL Open Font License 1.1.\n", "src/a.py": CODE},
)
case(
    "two root files: MIT and GPL",
    D,
    {"LICENSE.MIT": MIT, "LICENSE.GPL": GPL_HEADER.replace("# ", ""), "src/a.py": CODE},
)
case(
    "two root files: MIT and Apache, README says either",
    A,
    {
        "LICENSE-MIT": MIT,
        "LICENSE-BSL": BSL,
        "README.md": "# Frob\n\n## License\n\nLicensed under either of MIT license or Boost Software License 1.0 at your option.\n",
        "src/a.py": CODE,
    },
)

FIRST = len(CASES)
SECOND = """
Big corporations have to get a licence from us.
Enterprises pay.
If your firm earns more than 1M a year, buy a plan.
Teams of more than five people need a subscription.
Free during the beta.
Free of charge for schools.
From 2027 on this costs money.
The beta ends in June; from then on a licence is needed.
Highly confidential.
This source is secret.
For your eyes only.
Don't share.
Please don't redistribute this file.
Not to be shared outside Frob.
Internal to Frob Inc., do not leak.
Owned by Frob Inc.
Belongs to Frob Inc. and its clients.
Made for Frob Inc.; not for others.
All rights belong to Frob Inc.
This module is not open source.
This file isn't covered by the licence in the root folder.
The MIT terms don't extend to this file.
This file has its own terms.
A different licence applies here.
Separately licensed.
Licence: on request
License: ask Jane
Licence: none
License: TBD
License: N/A
License: closed
Terms: 10 EUR a month
Get a key at frob.example before you run this.
A valid key is necessary for production.
Students only.
For teaching only.
For non-profits.
For use in class.
Only Frob staff may use this.
Only for owners of a Frob device.
May be used with Frob hardware only.
You can look, but you can't copy.
Read only, no copying please.
No forks, please.
No commercial forks.
No reselling.
No redistribution.
Never ship this to customers.
Not for production.
Not for use in aircraft.
Do not use it for evil.
Do not use for AI training.
Bots may not read this.
No scraping.
AI companies: keep out.
Copyright 2020 Frob. No licence is granted.
Copyright Frob Inc, used with permission
Used by permission of Frob Inc.
Courtesy of Frob Inc., with permission.
Licensed from Frob Inc.
Under NDA.
Patent 123,456; licence needed.
Contains third-party code under other terms.
Parts of this file are not free.
This is abandonware.
Try before you buy.
"""
FINE = """
Parse the answers of the companies endpoint.
Helpers for customers and their orders.
Manage subscriptions of users.
Models for schools and students.
This module is not part of the public API.
For testing purposes only.
Do not edit.
Do not import this module directly.
This code should not be used in new programs.
Deprecated, use frob.total instead.
Read a file that was shared between processes.
This file is only used by the tests.
Convert prices between currencies and compute fees.
Contact: jane@example.com
Ask the server for its version.
Free the buffers that a request holds.
Publish messages to a queue; messages are never copied.
These helpers must not be used outside of this package.
The banks of memory that the emulator switches.
This file must be kept in sync with the schema.
Checks whether the license key of a server is valid.
A subscription to a topic is needed before messages come.
Note: this module only works on Linux.
Utilities for research on sorting.
This module implements the government's holiday calendar.
Payments: charge cards and refund them.
Users must call setup first.
Property of an object, by name.
Terms of a polynomial.
License: see LICENSE
"""
for line in SECOND.strip().splitlines():
    header(D, line)
for line in FINE.strip().splitlines():
    header(A, line)

SECOND_END = len(CASES)
THIRD = """
You owe the author a beer per deployment, payable before first use.
Students at our school may look at this; nobody else.
Running this on more than four cores needs a subscription.
This module is on loan from Acme GmbH and goes back to them in June.
Do not paste this into a chat assistant.
The patent for this method is held by Initech; ask them before you build on it.
We have not decided on a licence yet.
Evaluation copy.
Only members of the consortium get to run this.
If you work for an arms maker, stop reading here.
Keep this file within the team.
Each fork must be approved by the maintainers.
Nothing in this folder is for redistribution outside the EU.
This was left here by mistake and is going to be removed; please do not copy.
Our lawyers are still reviewing this code.
Any service that shows this output must carry our logo.
Derived from the firmware of the X200 camera by disassembly.
Customers with a support plan may use this in production.
Contains trade secrets of Hooli Inc.
Not to be shown to third parties.
By opening this file you accept the agreement at https://example.org/eula.
The grant above ends when you sue anybody.
You may use this on weekdays.
Copied with kind permission of the publisher.
The author asks for ten percent of all revenue made with this.
Government agencies are excluded.
Use by persons under 18 needs the consent of their parents.
Decompiled from vendor.jar, version 2.1.
This code was bought; the seat count is 12.
Trial period: 30 days.
Taken from the book "Numerical Recipes", Cambridge University Press.
Please don't train models on this.
Modified versions may not be called by the same name nor sold.
Subject to export control; do not send abroad.
It is fine to read this, but write your own.
Redistribution is at the discretion of the Foundation.
Property of Umbrella Corp, hands off.
Answer copied from Stack Overflow, user 12345.
Licensees may not publish benchmarks of this.
For the sole benefit of the hosting provider named in the contract.
"""
"""Written at one go before the rules for heads of files were read."""
FOURTH = """
Ownership stays with the ministry until the project ends.
We lent this to the Frob project for one release.
Handle as restricted material.
Our competitors should look elsewhere.
The university keeps the exclusive exploitation of this work.
Whoever earns money with it shares half with the author.
A copy of this belongs on no public server.
This is a sample from a paid course.
Screenshots of the sources are not welcome.
Keep your hands off this file unless you work here.
Extracted from the installer of version 4.
Only readers of the book get to use the listings.
Governments of occupied territories have no right to it.
Unlock the full version with a code from our shop.
This text was typed in from a magazine.
Use ends with your employment.
Distribution list: board members.
The vendor asked us not to spread it.
Not cleared for release.
Reviewers may look at it for the duration of the review.
Robots are not invited.
Half of this is patented.
You break our rules by selling it.
Classified.
"""
"""Written when what the third list had found was mended."""


def everywhere(line: str) -> None:
    """A line alone at the head of a file, in its docstring, beside a notice, and before, in and behind a licence's text."""
    for where, files in {
        "head": {"LICENSE": MIT, "src/a.py": f"# {line}\n\n{CODE}"},
        "docstring": {"LICENSE": MIT, "src/a.py": f'"""Sums of rows.\n\n{line}\n"""\n\n{CODE}'},
        "notice": {
            "LICENSE": MIT,
            "src/a.py": f"# Copyright 2019 Jane Roe\n# Licensed under the MIT license.\n# {line}\n\n{CODE}",
        },
        "after": {"LICENSE": f"{MIT}\n{line}\n", "src/a.py": CODE},
        "before": {"LICENSE": f"{line}\n\n{MIT}", "src/a.py": CODE},
        "inside": {"LICENSE": BSD3.replace("3. Neither", f"{line}\n\n3. Neither"), "src/a.py": CODE},
    }.items():
        case(f"{where}: {line}", D, files)


for line in [*THIRD.strip().splitlines(), *FOURTH.strip().splitlines()]:
    everywhere(line)


def decision(files: dict[str, str], target: str, detector: Detector, allowed: frozenset[str]) -> tuple[str, str | None]:
    """Whether a file of a repository is allowed, and its expression."""
    members = [Member(path, text.encode()) for path, text in files.items()]
    member = next(m for m in members if m.path == target)
    expression, _ = licence_of(member, survey(members, detector), detector)
    return A if is_allowed(expression, allowed) else D, expression


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name what is decided otherwise")
    options = parser.parse_args()
    detector, allowed = Detector(), allow_list("permissive")
    counts: Counter[tuple[str, str, str]] = Counter()
    for number, (name, expected, files, target) in enumerate(CASES):
        found, expression = decision(files, target, detector, allowed)
        which = "first" if number < FIRST else "second" if number < SECOND_END else "third and fourth"
        counts[which, expected, found] += 1
        if options.list and found != expected:
            print(f"{found} {expression} {name}")
    for (which, expected, found), count in sorted(counts.items()):
        print(f"{which}: {count} to {expected}, {found}")


if __name__ == "__main__":
    main()
