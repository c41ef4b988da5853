"""Good texts in many languages, as JSON lines for `benchmarks.fineweb2`: what a filter for the web should keep.

    python -m benchmarks.good_pages --testdata DIR --repositories DIR --help-pages DIR --output texts.jsonl

* articles: news (DAnIEL's reference texts in DIR/I-scripts, masakhane-news), Wikipedia (xquad, JGLUE, KorQuAD, PersianQA);
* manuals: the pages of Debian's gnome-user-docs and libreoffice-help-km, -dz, unpacked under one folder;
* chapters of the Bible (bible-corpus), and the Declaration of Human Rights in pieces, where there is nothing else.

Repositories are bare ones named `owner+name/repo`. A text has 100 words or more and is told to be in its language by lid.176, where that
knows it (manuals are translated in part); of the rest at most `--each` a language and kind, spread evenly.
"""

import argparse
import csv
import io
import json
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree, html

WORDS = 100
NEWS = {"English": "eng_Latn", "Chinese": "cmn_Hani", "Greek": "ell_Grek", "Polish": "pol_Latn", "Russian": "rus_Cyrl"}
MASAKHANE = {
    "amh": "amh_Ethi", "fra": "fra_Latn", "hau": "hau_Latn", "ibo": "ibo_Latn", "lin": "lin_Latn", "lug": "lug_Latn",
    "orm": "gaz_Latn", "run": "run_Latn", "sna": "sna_Latn", "som": "som_Latn", "swa": "swh_Latn", "tir": "tir_Ethi", "xho": "xho_Latn",
    "yor": "yor_Latn", "eng": "eng_Latn",
}  # fmt: skip
XQUAD = {
    "ar": "arb_Arab", "de": "deu_Latn", "el": "ell_Grek", "es": "spa_Latn", "hi": "hin_Deva", "ro": "ron_Latn", "ru": "rus_Cyrl",
    "th": "tha_Thai", "tr": "tur_Latn", "vi": "vie_Latn", "zh": "cmn_Hani", "en": "eng_Latn",
}  # fmt: skip
QUESTIONS = [
    ("yahoojapan+JGLUE", "datasets/jsquad-v1.3/valid-v1.3.json", "jpn_Jpan"),
    ("korquad+korquad.github.io", "dataset/KorQuAD_v1.0_dev.json", "kor_Hang"),
    ("sajjjadayobi+PersianQA", "dataset/pqa_test.json", "fas_Arab"),
    *(("google-deepmind+xquad", f"xquad.{code}.json", label) for code, label in XQUAD.items()),
]
GNOME = {
    "ca": "cat_Latn", "cs": "ces_Latn", "da": "dan_Latn", "de": "deu_Latn", "el": "ell_Grek", "es": "spa_Latn", "fi": "fin_Latn",
    "fr": "fra_Latn", "gl": "glg_Latn", "gu": "guj_Gujr", "he": "heb_Hebr", "hi": "hin_Deva", "hr": "hrv_Latn", "hu": "hun_Latn",
    "id": "ind_Latn", "it": "ita_Latn", "ja": "jpn_Jpan", "kn": "kan_Knda", "ko": "kor_Hang", "lt": "lit_Latn", "lv": "lvs_Latn",
    "mr": "mar_Deva", "nl": "nld_Latn", "pa": "pan_Guru", "pl": "pol_Latn", "pt": "por_Latn", "pt_BR": "por_Latn", "ro": "ron_Latn",
    "ru": "rus_Cyrl", "sl": "slv_Latn", "sr": "srp_Cyrl", "sv": "swe_Latn", "ta": "tam_Taml", "te": "tel_Telu", "tr": "tur_Latn",
    "uk": "ukr_Cyrl", "vi": "vie_Latn", "zh_CN": "cmn_Hani", "as": "asm_Beng", "fa": "fas_Arab",
}  # fmt: skip
LIBREOFFICE = {"km": "khm_Khmr", "dz": "dzo_Tibt"}
BIBLES = {
    "Armenian-PART": "hye_Armn", "Basque-NT": "eus_Latn", "Estonian-PART": "ekk_Latn", "Gujarati-NT": "guj_Gujr",
    "Latvian-NT": "lvs_Latn", "Swahili-NT": "swh_Latn", "Ukranian-NT": "ukr_Cyrl", "Zulu-NT": "zul_Latn", "Ewe-NT": "ewe_Latn",
    "Wolof-NT": "wol_Latn",
}  # fmt: skip
DECLARATIONS = {
    "ben": "ben_Beng", "bod": "bod_Tibt", "khm": "khm_Khmr", "lao": "lao_Laoo", "mya": "mya_Mymr", "tam": "tam_Taml", "tel_Telu": "tel_Telu",
    "tel": "tel_Telu", "mal": "mal_Mlym", "sin": "sin_Sinh", "kat": "kat_Geor", "urd": "urd_Arab", "mar": "mar_Deva", "kan": "kan_Knda",
}  # fmt: skip
Found = Iterator[tuple[str, str, str]]
"""(label, kind, text)"""


def main() -> None:
    """Write the texts and say how many there are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("testdata", "repositories", "help-pages"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--output", required=True, type=Path)
    options = parser.parse_args()
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for label, kind, text in found(options.testdata, options.repositories, options.help_pages):
        if is_one(text, label):
            groups[label, kind].append(text)
    counts = Counter[str]()
    with options.output.open("w", encoding="utf-8") as out:
        for (label, kind), texts in sorted(groups.items()):
            many = min(options.each, len(texts))
            for at in range(many):
                row = {"text": texts[at * len(texts) // many], "language": label, "kind": kind}
                print(json.dumps(row, ensure_ascii=False), file=out)
            counts[label] += many
            print(label, kind, many, "of", len(texts))
    print(
        sum(counts.values()),
        "texts in",
        len(counts),
        "languages,",
        sum(n >= 15 for n in counts.values()),
        "with 15 or more",
    )


def found(testdata: Path, repositories: Path, manuals: Path) -> Found:
    """All texts."""
    yield from news(testdata, repositories)
    yield from wikipedia(repositories)
    yield from help_pages(manuals)
    yield from chapters(repositories)
    yield from declarations(testdata)


def news(testdata: Path, repositories: Path) -> Found:
    """News pages."""
    with (testdata / "I-scripts/PAGES.tsv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE):
            text = (testdata / "I-scripts/reference" / row["file"]).read_text(encoding="utf-8", errors="replace")
            yield NEWS[row["language"]], "news", plain(re.sub(r"</?p>", "\n", text))
    for code, label in MASAKHANE.items():
        table = shown(repositories, "masakhane-io+masakhane-news", f"data/{code}/test.tsv").decode()
        for row in csv.DictReader(io.StringIO(table), delimiter="\t"):
            yield label, "news", plain((row["text"] or "").strip('"'))


def wikipedia(repositories: Path) -> Found:
    """Articles of which sets of questions hold paragraphs."""
    for repository, path, label in QUESTIONS:
        for article in json.loads(shown(repositories, repository, path))["data"]:
            paragraphs = dict.fromkeys(one["context"].rpartition("[SEP]")[2] for one in article["paragraphs"])
            yield label, "Wikipedia", plain("\n".join(paragraphs))


def help_pages(manuals: Path) -> Found:
    """Pages of manuals, a line a paragraph."""
    for code, label in GNOME.items():
        for path in sorted((manuals / "usr/share/help" / code / "gnome-help").glob("*.page")):
            tree: Any = etree.parse(path)
            lines = tree.xpath("//*[local-name()='p' or local-name()='title'][not(ancestor::*[local-name()='info'])]")
            yield label, "manual", plain("\n".join(" ".join("".join(one.itertext()).split()) for one in lines))
    for code, label in LIBREOFFICE.items():
        for path in sorted((manuals / "usr/share/libreoffice/help" / code / "text").rglob("*.html")):
            tree = html.document_fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8"))
            lines = tree.xpath("//*[@id='DisplayArea']//p")
            yield label, "manual", plain("\n".join(" ".join(one.text_content().split()) for one in lines))


def chapters(repositories: Path) -> Found:
    """Chapters of the Bible, each a paragraph of verses."""
    for name, label in BIBLES.items():
        tree = etree.fromstring(shown(repositories, "christos-c+bible-corpus", f"bibles/{name}.xml"))
        for chapter in tree.xpath("//div[@type='chapter']"):
            yield label, "Bible", " ".join(" ".join(chapter.itertext()).split())


def declarations(testdata: Path) -> Found:
    """The Declaration of Human Rights, cut at paragraphs into pieces of 100 words or more."""
    for path in sorted((testdata / "C-langid/udhr-xml-unicode/data/udhr").glob("*.xml")):
        tree: Any = etree.parse(path)
        label = DECLARATIONS.get(tree.getroot().get("iso639-3") or "")
        if label is None:
            continue
        piece: list[str] = []
        for one in tree.xpath("//*[local-name()='para']"):
            piece.append(" ".join("".join(one.itertext()).split()))
            if words("\n".join(piece)) >= WORDS:
                yield label, "Declaration", plain("\n".join(piece))
                piece = []


def shown(repositories: Path, name: str, path: str) -> bytes:
    """A file of a bare repository."""
    ran = subprocess.run(
        ["git", "-C", repositories / name / "repo", "show", f"HEAD:{path}"], check=True, capture_output=True
    )
    return ran.stdout


def plain(text: str) -> str:
    """Lines without white space at the ends, and no empty ones."""
    return "\n".join(filter(None, (re.sub(r"<[^>]+>", "", line).strip() for line in text.splitlines())))


def words(text: str) -> int:
    """How many words a text has."""
    from curate.filters.text import parted

    return len(parted(text).split())


def is_one(text: str, label: str) -> bool:
    """Whether a text is long enough and in its language."""
    from curate.filters import labels
    from curate.filters.language import identify

    if words(text) < WORDS:
        return False
    if label[4:] not in ("Latn", "Jpan") and sum(map(str.isascii, filter(str.isalpha, text))) > len(text) / 10:
        return False  # a manual that is translated in part
    told, _ = identify(text)
    return told is not None and (labels.covers(told, label) or label[:3] in UNKNOWN)


UNKNOWN = ("hau", "ibo", "lin", "lug", "gaz", "run", "sna", "tir", "xho", "ewe", "wol", "dzo", "zul")
"""Languages that lid.176 has no label for, or hardly ever gives."""


if __name__ == "__main__":
    main()
