"""TeX to text beside pandoc: word F1 a paper. Needs pandoc (`pip install pypandoc-binary`).

    python benchmarks/arxiv.py tests/data/tex "$CURATE_TESTDATA/J-sources/arxiv"

Every argument is a folder; each LaTeX project below it (a folder whose main file has a document class, an archive of a
submission) is converted by both. Citations and cross-references (keys in the source, numbers on the page) and formulas
are taken out of pandoc's tree, and formulas out of our text; front matter stays in both.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from curate.tex.convert import Options, convert
from curate.tex.project import decode, project

WORD = re.compile(r"\w+")


def words(text: str) -> Counter[str]:
    """How often each word is there."""
    return Counter(WORD.findall(text.replace("’", "'").casefold()))


def f1(ours: Counter[str], theirs: Counter[str]) -> float:
    """Word F1 of two texts."""
    both = sum((ours & theirs).values())
    return 2 * both / max(1, ours.total() + theirs.total())


def judged(path: Path) -> str:
    """Pandoc's text, without math, citations and references."""
    import pypandoc

    tree = json.loads(
        pypandoc.convert_file(str(path.name), "json", format="latex", cworkdir=str(path.resolve().parent))
    )
    abstract = tree["meta"].get("abstract", {"c": []})["c"]
    tree["meta"], tree["blocks"] = {}, [*abstract, *tree["blocks"]]
    return str(pypandoc.convert_text(json.dumps(_without(tree)), "plain", format="json", extra_args=["--wrap=none"]))


def _without(node: Any) -> Any:
    if isinstance(node, list):
        return [_without(item) for item in node]
    if isinstance(node, dict):
        if node.get("t") in ("Math", "Cite", "Image"):
            return {"t": "Str", "c": ""}
        if node.get("t") == "Link" and any(key == "reference-type" for key, _ in node["c"][0][2]):
            return {"t": "Str", "c": ""}
        if node.get("t") == "Div" and "thebibliography" in node["c"][0][1]:
            return {"t": "Plain", "c": []}
        if node.get("t") == "Figure":
            return {"t": "Div", "c": [["", [], []], _without(node["c"][1][1])]}
        return {key: _without(value) for key, value in node.items()}
    return node


def main(folders: list[str]) -> None:
    """Print a row a project: F1, the share of pandoc's words that are in ours, words of both, its main file."""
    for folder in folders:
        for root in sorted(Path(folder).rglob("*.tex")):
            if "\\begin{document}" not in decode(root.read_bytes()):
                continue
            files = {
                str(path.relative_to(root.parent)): path.read_bytes()
                for path in root.parent.rglob("*")
                if path.is_file()
            }
            texts = {**project(files).files, root.name: decode(root.read_bytes())}
            ours = convert(root.name, texts, Options(math="drop", front=True))
            try:
                theirs = judged(root)
            except RuntimeError as error:
                print(f"{root}\tpandoc failed: {str(error).splitlines()[-1][:80]}\tours {len(ours.text)}")
                continue
            a, b = words(ours.text), words(theirs)
            recall = (a & b).total() / max(1, b.total())
            print(f"{f1(a, b):.3f}\t{recall:.4f}\t{a.total():6}\t{b.total():6}\t{root}\t{dict(ours.problems)}")
            if "-v" in sys.argv:
                print("   only ours:", (a - b).most_common(20), "\n   only theirs:", (b - a).most_common(20))


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if name != "-v"])
