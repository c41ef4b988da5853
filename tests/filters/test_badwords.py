"""Bad words: the released code's regular expression is the reference."""

import json
import re
from hashlib import md5, sha256
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.filters import labels
from curate.filters.assets import AssetMissingError
from curate.filters.badwords import ALLOWED, UNSPACED, BadWords, _alternatives, load_words
from curate.filters.base import Document

LIST = ["bad", "very bad", "b.d", "sh*t", "\xe9vil", "\u6027", "c++"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lists") / "words.txt"
    path.write_text("\n".join([*LIST, "", "  "]) + "\n", encoding="utf-8")
    return path


LANGUAGES = [
    "ar",
    "cs",
    "da",
    "de",
    "en",
    "eo",
    "es",
    "fa",
    "fi",
    "fil",
    "fr",
    "hi",
    "hu",
    "it",
    "ja",
    "kab",
    "ko",
    "nl",
    "no",
    "pl",
    "pt",
    "ru",
    "sv",
    "th",
    "tlh",
    "tr",
    "zh",
]  # fr-CA joins fr


@pytest.fixture(scope="module")
def public(testdata: Path) -> Path:
    return testdata / "H-lists/ldnoobw"


def _entries(public: Path, language: str) -> set[str]:
    """The entries of a language as the released code reads them."""
    names = [language, "fr-CA-u-sd-caqc"] if language == "fr" else [language]
    return {line.strip() for name in names for line in (public / name).read_text(encoding="utf-8").split("\n")} - {""}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_public_word_is_found(public: Path, language: str) -> None:
    """In a sentence, at the start and end, between quotes, in either encoding of accents; as the released code does, not inside
    another word (but in scripts without spaces)."""
    step = BadWords(words=str(public))
    entries = _entries(public, language)
    assert len(entries) == (403 if language == "en" else len(entries))
    for entry in entries - ALLOWED.get(language, frozenset()):
        shown = (
            f"We say {entry} here.",
            entry,
            f"Say \u201c{entry}\u201d!",
            f"a\n{entry}\r\nb",
            entry.title(),
            normalize("NFD", entry),
        )
        for text in shown[: 4 if entry.title().lower() != entry.lower() else 6]:
            assert step(Document("0", text, language=language)).reason == "found", (entry, text)
    assert len(load_words(str(public), language)) == len(entries - ALLOWED.get(language, frozenset()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_as_listed_is_the_released_code(public: Path, language: str) -> None:
    entries = _entries(public, language) - ALLOWED.get(language, frozenset())
    either = "|".join(map(re.escape, entries))
    theirs = re.compile(either if language in UNSPACED else rf"(?:\W|^)({either})(?:\W|$)")
    step = BadWords(words=str(public), as_listed=True)
    for entry in entries:
        for text in (
            f"We say {entry} here.",
            f"x{entry}",
            f"{entry}s",
            f"_{entry}_",
            f"({entry})",
            f"{entry}\u0301",
            f"7{entry}",
        ):
            found = theirs.search(text.lower()) is not None
            assert (step(Document("0", text, language=language)).reason == "found") == found, text


@pytest.mark.parametrize(
    "text", ["Scunthorpe, Essex", "a class assassin in Sussex", "peacocks", "the cockpit", "shitake"]
)
def test_innocent_words_stay(public: Path, text: str) -> None:
    assert BadWords(words=str(public))(Document("0", text)).reason is None


def test_the_english_list_of_c4(public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the entries that joined later it is, to the byte, the file whose sha256 the released code states."""
    (tmp_path / "ldnoobw-5faf2ba").mkdir()
    listed = (public / "en").read_text(encoding="utf-8")
    (tmp_path / "ldnoobw-5faf2ba/en").write_text(listed, encoding="utf-8")
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    pinned = load_words("ldnoobw-c4", "en")
    lines = "".join(f"{line}\n" for line in listed.splitlines() if line in pinned)
    assert sha256(lines.encode()).hexdigest() == "a506cbcf8a31935b122299f3bb1d32be6db3d0ad498765d28f365dfc4f4d7b8c"
    assert (len(pinned), len(load_words("ldnoobw", "en"))) == (377, 403)


@settings(max_examples=400, deadline=None)
@given(
    text=st.lists(
        st.sampled_from([*LIST, "BAD", "bxd", " ", "\n", "_", "\xe9", "\u0301", "1", "-", "x", "\u6027", "."]),
        max_size=8,
    ).map("".join)
)
def test_reference(listed: Path, text: str) -> None:
    either = "|".join(re.escape(word) for word in LIST)
    spaced = re.compile(rf"(?:\W|^)({either})(?:\W|$)").search(text.lower())
    inside = re.compile(either).search(text.lower())
    step = BadWords(words=str(listed), as_listed=True)
    assert (step(Document("0", text, language="en")).reason is not None) == (spaced is not None)
    assert (step(Document("0", text, language="zh")).reason is not None) == (inside is not None)


@pytest.mark.parametrize(
    ("text", "found"),
    [("a bad day, BAD", 2.0), ("badly", 0.0), ("bad\xe9", 0.0), ("\xe9bad bad", 1.0), ("bad bad bad", 3.0)],
)
def test_count(listed: Path, text: str, found: float) -> None:
    decision = BadWords(words=str(listed))(Document("0", text))
    assert decision.signals == {"bad_words": found}
    assert decision.reason == ("found" if found else None)


def test_languages(tmp_path: Path) -> None:
    (tmp_path / "en").write_text("bad\n")
    (tmp_path / "fr-CA-u-sd-caqc").write_text("mauvais\n")
    (tmp_path / "de.json").write_text(json.dumps(["schlecht"]))
    (tmp_path / "ja").write_text("sm\n\u60aa\n")
    (tmp_path / "fil").write_text("masama\n")
    (tmp_path / "es").write_text("\ufeffMalo\nCabr\u00f3n\n", encoding="utf-8")
    (tmp_path / "_LICENSE").mkdir()
    step = BadWords(words=str(tmp_path))

    def reason(text: str, language: str | None) -> str | None:
        return step(Document("0", text, language=language)).reason

    assert reason("bad", None) == "found"
    assert reason("bad", "fr") is None
    assert reason("mauvais", "fr") == "found"
    assert reason("schlecht", "de-AT") == "found"
    assert reason("\u3068\u60aa\u3044", "ja") == "found"
    assert reason("sm", "ja") is None  # on the code's allow-list
    assert reason("bad", "xx") is None
    assert reason("masama", "tl") == "found"  # fastText's name of the language
    assert reason("malo", "es") == "found"
    assert reason("CABRO\u0301N", "es") == "found"
    assert BadWords(words=str(tmp_path), as_listed=True)(Document("0", "Malo", language="es")).reason is None
    assert BadWords(words=str(tmp_path), default_language="")(Document("0", "bad")).reason is None


def test_share_is_chosen_by_the_url(listed: Path) -> None:
    """mC4's rule: md5 of the normalised URL modulo the denominator of the share."""
    step = BadWords(words=str(listed), drop_share=0.5)
    for number in range(200):
        spared = int(md5(f"a.org/{number}".encode()).hexdigest(), 16) % 2 >= 1
        decision = step(Document("0", "bad", url=f"https://www.a.org/{number}/?utm_source=x"))
        assert (decision.reason is None) == spared
        assert decision.signals == {"bad_words": 1.0}


@given(
    st.lists(st.text("ab.*", min_size=1, max_size=4), min_size=1, max_size=12, unique=True),
    st.text("ab.* ", max_size=12),
)
def test_alternatives_are_those_of_the_list(words: list[str], text: str) -> None:
    """The expression with shared beginnings finds what the plain one, longest first, finds."""
    plain = re.compile("|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)))
    assert re.findall(f"(?:{_alternatives(sorted(words))})", text) == plain.findall(text)


def test_a_long_entry_is_no_deep_recursion() -> None:
    assert _alternatives(["x" * 100_000, "x" * 100_000 + "y"]).endswith("(?:y)?")


def test_own_lists_are_lower_case_and_sorted() -> None:
    for language in ("en", "de", "fr", "es", "it", "pt_BR", "nld_Latn", "pl", "rus_Cyrl", "sv", "tr"):
        words = load_words("own", language)
        assert len(words) > 10
        assert all(word == word.lower().strip() for word in words)
    assert load_words("own", "../badwords/en") == frozenset()


@pytest.mark.parametrize(
    ("name", "data"), [("a.txt", b"\xff\xfeb\0"), ("a.json", b"[1]"), ("a.json", b'{"en": 1}x'), ("a.json", b"3")]
)
def test_what_is_no_list(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"{name} is no bad-word list"):
        BadWords(words=str(tmp_path / name)).prepare()


def test_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="no bad-word list at"):
        BadWords(words=str(tmp_path / "nothing"))(Document("0", "x"))
    monkeypatch.setenv("CURATE_ASSETS", str(tmp_path))
    with pytest.raises(AssetMissingError, match="curate assets fetch ldnoobw"):
        load_words("ldnoobw", "en")
    with pytest.raises(ValueError, match="drop_share"):
        BadWords(drop_share=1.5)


@pytest.mark.parametrize(
    ("language", "entry", "inside", "alone"),
    [
        ("zh", "奶", "我喜欢喝牛奶和茶。", "一个 奶 字。"),
        ("cmn_Hani", "奶", "我喜欢喝牛奶和茶。", "一个 奶 字。"),
        ("th", "หี", "เขาเปิดหีบใบใหญ่ในบ้าน", "คำว่า หี เป็นคำ"),
        ("ja", "人種", "三人種類が違う。", "人種が違う。"),
        ("zh_Hant", "成人 電影", "完成人電影業", "他看成人電影。"),
    ],
)
def test_words_in_scripts_without_spaces(tmp_path: Path, language: str, entry: str, inside: str, alone: str) -> None:
    """As published a listed word counts inside longer ones there; with `whole_words` alone."""
    (tmp_path / language[:2].replace("cm", "zh")).write_text(entry.replace(" ", "") + "\n", encoding="utf-8")
    published, bounded = (BadWords(words=str(tmp_path), whole_words=whole) for whole in (False, True))
    for text in (inside, alone):
        assert published(Document("0", text, language=language)).reason == "found"
    assert bounded(Document("0", alone, language=language)).reason == "found"
    assert bounded(Document("0", inside, language=language)).reason is None
    assert bounded(Document("0", "", language=language)).reason is None


def test_romanised_texts_have_no_list_in_the_code(public: Path) -> None:
    entry = sorted(load_words("ldnoobw", "hi"))[0]
    assert BadWords(words="ldnoobw")(Document("0", entry, language="hi-Latn")).reason == "found"
    assert BadWords(words="ldnoobw-c4", as_listed=True)(Document("0", entry, language="hi-Latn")).reason is None
    assert BadWords(words="ldnoobw-c4", as_listed=True)(Document("0", entry, language="hi")).reason == "found"


def test_all_published_lists_are_found_by_every_name(public: Path) -> None:
    names = sorted(
        {path.name.split("-")[0] for path in public.iterdir() if "." not in path.name and path.name[0].islower()}
    )
    assert len(names) == 27  # and a regional one, which joins French
    for name in names:
        listed = load_words("ldnoobw", name)
        assert listed
        assert all(load_words("ldnoobw", other) == listed for other in labels.names(name) if other != "no")


def test_a_mark_behind_a_letter_is_a_part_of_the_word(tmp_path: Path) -> None:
    """As published a vowel sign ends a word; with `whole_words` it does not, but for optional ones."""
    (tmp_path / "hi.txt").write_text("नाग\n", encoding="utf-8")
    (tmp_path / "ar.txt").write_text("سوء\n", encoding="utf-8")
    published, bounded = (BadWords(words=str(tmp_path), whole_words=whole) for whole in (False, True))
    for language, text, counts in (
        ("hin_Deva", "नागा नागिन", (2, 0)), ("hi", "नाग और नाग।", (2, 2)), ("ar", "سوءٌ سوء", (2, 2)), ("ar", "سوءها", (0, 0)),
    ):  # fmt: skip
        doc = Document("1", text, language=language)
        assert (published(doc).value, bounded(doc).value) == counts, text


def test_the_files_of_a_step_are_those_of_lists_that_are_not_in_the_package(tmp_path: Path) -> None:
    assert BadWords(words="own").files() == ()
    for path in (tmp_path / "list.txt", tmp_path / "a"):  # whatever stands before "own" in the alphabet, and behind it
        assert BadWords(words=str(path)).files() == (path,)
    assert BadWords(words="zz.txt").files() == (Path("zz.txt"),)
