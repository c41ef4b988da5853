"""N-gram models: probabilities against a slow oracle, ARPA files, what is refused, the step and its recipe."""

import itertools
import json
import math
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from curate.commands.ngram import ngram as command
from curate.corpus.recipe import load as load_recipe
from curate.errors import InputError, OutputError, UsageError
from curate.filters import ngram
from curate.filters.base import Document
from curate.filters.ccnet import FewCharacters, Perplexity
from curate.quality import arpa, ngram_counts
from curate.quality import ngram as training
from curate.quality.ngram import FALLBACK, Options, discounts_of

Gram = tuple[str, ...]
LINES = st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=7), min_size=1, max_size=25)
ONE_BY_ONE = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


class Oracle:
    """Chen and Goodman's modified Kneser-Ney, word by word from their equations, with dictionaries."""

    def __init__(self, lines: Sequence[Sequence[str]], order: int, least: Sequence[int]) -> None:
        self.order, self.least = order, least
        padded = [["<s>", *line, "</s>"] for line in lines]
        self.raw = [Counter[Gram]() for _ in range(order + 1)]
        for line, n in itertools.product(padded, range(1, order + 1)):
            self.raw[n].update(tuple(line[i : i + n]) for i in range(len(line) - n + 1))
        self.raw[1].pop(("<s>",))
        self.counts = [Counter[Gram]() for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram, times in self.raw[n].items():
                if n == order or gram[0] == "<s>":
                    self.counts[n][gram] = times
                else:
                    self.counts[n][gram] = sum(1 for other in self.raw[n + 1] if other[1:] == gram)
        self.words = {word for line in padded for word in line} - {"<s>"} | {"<unk>"}
        self.discounts = [FALLBACK] * (order + 1)
        for n in range(1, order + 1):
            t = [sum(1 for times in self.counts[n].values() if times == k) for k in range(1, 5)]
            self.discounts[n] = discounts_of(t) or FALLBACK
        self.after = [defaultdict[Gram, list[Gram]](list) for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram in self.counts[n]:
                self.after[n][gram[:-1]].append(gram)

    def discount(self, gram: Gram) -> float:
        return self.discounts[len(gram)][min(3, self.counts[len(gram)][gram]) - 1]

    def kept(self, gram: Gram) -> bool:
        return self.raw[len(gram)][gram] > self.least[len(gram) - 1]

    def chance(self, word: str, context: Gram) -> float:
        n, gram = len(context) + 1, (*context, word)
        shorter = self.chance(word, context[1:]) if context else 1 / len(self.words)
        following = self.after[n][context]
        if not following:
            return shorter
        total = sum(self.counts[n][one] for one in following)
        rest = sum(self.discount(one) if self.kept(one) else self.counts[n][one] for one in following) / total
        own = (self.counts[n][gram] - self.discount(gram)) / total if gram in following and self.kept(gram) else 0.0
        return own + rest * shorter

    def log10(self, line: Sequence[str]) -> float:
        words = ["<s>", *(word if word in self.words else "<unk>" for word in line), "</s>"]
        return sum(
            math.log10(self.chance(words[i], tuple(words[max(0, i - self.order + 1) : i])))
            for i in range(1, len(words))
        )


def _write(path: Path, texts: Sequence[str]) -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return str(path)


def _train(folder: Path, lines: Sequence[Sequence[str]], **options: Any) -> ngram.Ngrams:
    texts = ["\n".join(" ".join(line) for line in lines[i : i + 3]) for i in range(0, len(lines), 3)]
    training.train(
        [_write(folder / "t.jsonl", texts)], str(folder / "model"), Options(**options), str(folder / "m.arpa")
    )
    return ngram.load(folder / "model")


@ONE_BY_ONE
@given(lines=LINES, order=st.integers(1, 5), prune=st.sampled_from([(), (0, 1), (0, 0, 1), (0, 1, 2)]), asked=LINES)
def test_as_the_equations_say(
    tmp_path_factory: pytest.TempPathFactory, lines: Any, order: int, prune: tuple[int, ...], asked: Any
) -> None:
    options = Options(order=order, prune=prune[:order])
    oracle = Oracle(lines, order, [options.least(n) for n in range(1, order + 1)])
    model = _train(tmp_path_factory.mktemp("n"), lines, order=order, prune=prune[:order])
    for line in [*lines[:3], *asked[:5], ["a", "new", "b"]]:
        found = ngram.score_words(model, " ".join(line))
        assert found.log10 == pytest.approx(oracle.log10(line), abs=1e-4)
        assert (found.words, found.unknown) == (len(line) + 1, sum(word not in oracle.words for word in line))
    for context in [(), *(("<s>", *line)[-order + 1 :] for line in asked[:2] if order > 1)]:
        assert sum(oracle.chance(word, context) for word in oracle.words) == pytest.approx(1)


@ONE_BY_ONE
@given(lines=LINES, prune=st.sampled_from([(), (0, 0, 1)]))
def test_arpa_round_trip_and_small_memory(
    tmp_path_factory: pytest.TempPathFactory, lines: Any, prune: tuple[int, ...]
) -> None:
    """The file that was written, read again, has the same tables; so has a model sorted in many runs, of the lines in reverse."""
    folder = tmp_path_factory.mktemp("n")
    _train(folder, lines, order=3, prune=prune)
    arpa.convert(str(folder / "m.arpa"), str(folder / "again"))
    first = (folder / "model" / ngram.TABLES).read_bytes()
    assert (folder / "again" / ngram.TABLES).read_bytes() == first
    (folder / "r").mkdir()
    _train(folder / "r", lines[::-1], order=3, prune=prune, memory=1)
    assert (folder / "r" / "model" / ngram.TABLES).read_bytes() == first


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**90 - 1), max_size=50), st.integers(1, 6))
def test_runs_add_up_in_any_number_of_parts(
    tmp_path_factory: pytest.TempPathFactory, grams: list[int], parts: int
) -> None:
    grams += grams[::3]
    runs = ngram_counts.Runs(tmp_path_factory.mktemp("runs"), "g", 90, 1)
    runs.most = 8
    for at in range(parts):
        rows = [(one >> 64, one & 2**64 - 1, 1, 2) for one in grams[at::parts]]
        runs.add(np.array(rows, np.uint64).reshape(-1, 4))
    found = [(int(a) << 64 | int(b), int(c), int(d)) for a, b, c, d in runs.merged()]
    assert found == [(one, times, 2 * times) for one, times in sorted(Counter(grams).items())]


def test_as_kenlm_says(testdata: Path, tmp_path: Path) -> None:
    """KenLM's own test model, which lacks n-grams that others end with and has a positive back-off weight; scores by its wheel."""
    folder = testdata / "J-sources/quality/kpu__kenlm/lm"
    if not folder.is_dir():
        pytest.skip("no ARPA files")
    card = arpa.convert(str(folder / "test.arpa"), str(tmp_path / "m"))
    assert card["data"]["added"] == [0, 5, 2, 1, 0]
    model = ngram.load(tmp_path / "m")
    for line, expected in KENLM:
        assert ngram.score(model, line).log10 == pytest.approx(expected, abs=1e-4)
    assert "no <unk>" in arpa.convert(str(folder / "test_nounk.arpa"), str(tmp_path / "n"))["notes"][0]


KENLM = [
    ("looking on a little more loin", -1.567984938621521),
    ("also would consider higher looking", -17.609458923339844),
    ("this is an unknown sentence , however foo bar baz", -96.53887939453125),
    ("also would consider beyond immediate concerns .", -18.176488876342773),
    ("a", -3.4293770790100098),
    ("screening a little . foo bar bar . bar a little more", -15.927753448486328),
]


def test_words() -> None:
    assert ngram.plain_words("It’s 1984: “Émile” said…").split() == [
        "it",
        "’",
        "s",
        "0000",
        ":",
        "“",
        "émile",
        "”",
        "said",
        ".",
        ".",
        ".",
    ]
    assert ngram.plain_words("हिन्दी में\n日本語です").split("\n")[0] == "हिन्दी में"
    assert len(ngram.plain_words("日本語です").split()) > 1
    assert ngram.plain_words("a\u00a0b\u2028c").split() == ["a", "b", "c"]


ODD = (
    "aA1é’“…\u0301\u0345ﾞｶΣİßﬁ½²٣中です한\u1161ก\u0f0b\u00a0\u2028\x85\x1c\x00\r\t\n .-_<\u0338´™ℹ𝟙\u200d\ufe0f\ufffd😀"
)


@settings(max_examples=300, deadline=None)
@example("a\u0f0bb \u0f0b c\u1361d")
@example("a \u4e2d b \u4e2d\u56fd c")
@given(text=st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), max_size=30))
def test_words_are_cut_as_a_few_expressions_say(text: str) -> None:
    """The compiled loop against Python's own Unicode."""
    low = text.lower()
    if not low.isascii():
        assert ngram.plain_words(text) == ngram.words_of_any(low)
        return
    said = low.translate(ngram._ASCII).split("\n")
    blanks = re.compile("[\t\r\x0b\x0c ]+")
    assert ngram.plain_words(text).split("\n") == [" ".join(filter(None, blanks.split(line))) for line in said]


def test_lines_blanks_and_marks(tmp_path: Path) -> None:
    model = _train(tmp_path, [["a", "b"], ["a", "c"]], order=2)
    one, two = (ngram.score_words(model, text) for text in ("a b", "a b\n\n \t\na c\n"))
    assert two.words == 6
    assert ngram.score_words(model, "\n\n") == ngram.score_words(model, "") == ngram.score_words(model, " ")
    assert ngram.score_words(model, "").words == 1
    assert ngram.score_words(model, "a <s> </s>").unknown == 2
    assert one.perplexity == float(f"{10 ** (-one.log10 / 3):.6g}")
    assert ngram.score_words(model, "x" * 300).unknown == 1


def test_pieces_of_a_tokenizer(tmp_path: Path) -> None:
    from curate.tokens.tokenizer import train as train_tokenizer

    texts = ["the boats of the harbour\nold boats", "the harbour 北京 <s> x"] * 5
    (tmp_path / "t.json").write_text(train_tokenizer(texts, 300).to_str(), encoding="utf-8")
    done = CliRunner().invoke(
        command,
        ["train", "--input", _write(tmp_path / "x.jsonl", texts), "--output", str(tmp_path / "m"), "--tokenizer", str(tmp_path / "t.json"), "--order", "3", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, (done.output, done.exception)
    model = ngram.load(tmp_path / "m")
    assert ngram.score(model, texts[1]).unknown == 0
    assert Perplexity(str(tmp_path / "m")).files()[-1].name == ngram.TOKENIZER
    done = CliRunner().invoke(
        command, ["evaluate", str(tmp_path / "x.jsonl"), "--model", str(tmp_path / "m"), "--json"]
    )
    told = json.loads(done.stdout)
    assert (told["texts"], told["unknown"], len(told["tenths"])) == (10, 0.0, 9)


def test_pieces_are_all_of_a_line_and_no_more(tmp_path: Path) -> None:
    """Whatever the file says of padding, of cutting, and of marks at the ends."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made = Tokenizer(models.WordLevel({word: n for n, word in enumerate(("?", "a", "b", "[PAD]", "[CLS]"))}, "?"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(["[PAD]", "[CLS]"])
    made.post_processor = processors.TemplateProcessing("[CLS] $A", special_tokens=[("[CLS]", 4)])
    made.enable_padding(pad_id=3, length=9)
    made.enable_truncation(2)
    made.save(str(tmp_path / "t.json"))
    assert ngram.pieces_of(tmp_path / "t.json")("a b  b a\n \n[CLS] a\n") == "a b b a\n[CLS] a"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    _train(folder, [list("abcab"), list("acb"), list("bca")] * 4, order=3)
    return folder


def _card(**changes: Any) -> Any:
    def change(folder: Path) -> None:
        card = json.loads((folder / ngram.CARD).read_text())
        (folder / ngram.CARD).write_text(json.dumps(card | changes))

    return change


def _table(at: int, kind: str, value: float) -> Any:
    """Another number in the first entry that is taken, with the right checksum."""

    def change(folder: Path) -> None:
        import xxhash

        table = np.fromfile(folder / ngram.TABLES, "<u8")
        entry = int(np.flatnonzero(table[::2])[0])
        table.view(kind)[entry * (16 // np.dtype(kind).itemsize) + at] = value
        table.tofile(folder / ngram.TABLES)
        _card(tables_xxh3=xxhash.xxh3_128_hexdigest(table))(folder)

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_card(format="x"), "not of the format"),
        (_card(order=99), "order must be"),
        (_card(order=True), "order must be"),
        (_card(counts=[1, 2]), "counts must be"),
        (_card(slots=[1 << 40] * 3), "slots must be"),
        (_card(slots=[4, 4, 4], counts=[4, 4, 4]), "no free entry"),
        (_card(slots=[100, 100, 100]), "its tables need"),
        (_card(tables_xxh3="0"), "not the file"),
        (_card(words="x"), "words must be"),
        (_card(words="tokenizer"), "not a tokenizer"),
        (_table(2, "<f4", math.nan), "damaged"),
        (_table(2, "<f4", 1.0), "damaged"),
        (_table(3, "<f4", math.inf), "damaged"),
        (_table(0, "<u8", 0), "damaged"),
        (lambda folder: (folder / ngram.TABLES).write_bytes(b"x"), "its tables need"),
        (lambda folder: (folder / ngram.CARD).write_text("[" * 100_000), "no n-gram model"),
        (lambda folder: (folder / ngram.CARD).write_text("{}"), "not of the format"),
    ],
)
def test_models_that_are_refused(made: Path, tmp_path: Path, change: Any, told: str) -> None:
    shutil.copytree(made / "model", tmp_path / "m")
    change(tmp_path / "m")
    with pytest.raises(ValueError, match=told):
        Perplexity(str(tmp_path / "m")).prepare()


@pytest.mark.parametrize("missing", [[ngram.CARD], [ngram.TABLES], [ngram.CARD, ngram.TABLES]])
def test_a_folder_that_lacks_a_file(made: Path, tmp_path: Path, missing: list[str]) -> None:
    shutil.copytree(made / "model", tmp_path / "m")
    for name in missing:
        (tmp_path / "m" / name).unlink()
    with pytest.raises(FileNotFoundError, match="curate ngram train"):
        ngram.load(tmp_path / "m")
    with pytest.raises(FileNotFoundError, match="curate ngram train"):
        ngram.load(tmp_path / "none")


GOOD = "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1 <unk>\n-99 <s> -0.1\n-1 </s>\n-0.5 a -0.2\n\n\\2-grams:\n-0.3 <s> a\n\n\\end\\\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\\data\\", "x", "ends before|not an ARPA"),
        ("ngram 1=4", "ngram 1=99999999999999999999", "the head says"),
        ("ngram 1=4", "ngram 1=-4", "expected ngram 1="),
        ("ngram 2=1", "ngram 3=1", "expected ngram 2="),
        ("-0.5 a", "nan a", "no logarithm"),
        ("-0.5 a", "0.5 a", "no logarithm of a probability"),
        ("a -0.2", "a inf", "no logarithm"),
        ("a -0.2", "a -0.2 b c", "line 9: expected a number, 1 words and a number"),
        ("<s> a\n", "<s> b\n", "'b' is not among"),
        ("-0.5 a", "-0.5 </s>", "twice"),
        ("-1 </s>", "-1 b", "no </s>"),
        ("\\end\\", "", "cut off"),
        ("\\2-grams:", "\\3-grams:", "expected .2-grams"),
        ("-0.3 <s> a\n", "-0.3 <s> a\n-0.3 <s> a\n", "the head says"),
    ],
)  # fmt: skip
def test_arpa_files_that_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    (tmp_path / "x.arpa").write_text(GOOD.replace(old, new))
    with pytest.raises(InputError, match=told):
        arpa.convert(str(tmp_path / "x.arpa"), str(tmp_path / "m"))
    assert not (tmp_path / "m").exists()


def test_arpa_files_that_contradict_themselves(tmp_path: Path) -> None:
    (tmp_path / "g.arpa").write_text(GOOD)
    done = CliRunner().invoke(command, ["import", str(tmp_path / "g.arpa"), "--output", str(tmp_path / "g")])
    assert done.exit_code == 0, done.output
    assert ngram.score(ngram.load(tmp_path / "g"), "a").log10 == pytest.approx(-0.3 - 0.2 - 1)
    twice = GOOD.replace("ngram 2=1", "ngram 2=2").replace("-0.3 <s> a\n", "-0.3 <s> a\n-0.3 <s> a\n")
    no_context = GOOD.replace("\n\n\\end", "\n\n\\3-grams:\n-0.1 a a a\n\n\\end").replace(
        "ngram 2=1\n", "ngram 2=1\nngram 3=1\n"
    )
    for text, told in (
        (twice, "the 2th of the 2-grams stands there twice"),
        (no_context, "begin with words that are no 2-gram"),
    ):
        (tmp_path / "x.arpa").write_text(text)
        with pytest.raises(InputError, match=told):
            arpa.convert(str(tmp_path / "x.arpa"), str(tmp_path / "m"))


def test_what_can_not_be_trained(tmp_path: Path) -> None:
    empty = _write(tmp_path / "e.jsonl", [" \n", ""])
    with pytest.raises(UsageError, match="no word"):
        training.train([empty], str(tmp_path / "m"), Options())
    for options, told in (
        ({"order": 0}, "--order"),
        ({"prune": (0, 2, 1)}, "do not fall"),
        ({"prune": (1,)}, "begin with 0"),
        ({"order": 2, "prune": (0, 0, 1)}, "up to 2"),
        ({"vocabulary": 0}, "--vocabulary"),
    ):
        with pytest.raises(UsageError, match=told):
            Options(**options)  # type: ignore[arg-type]
    (tmp_path / "m").mkdir()
    with pytest.raises(OutputError, match="exists"):
        training.train([empty], str(tmp_path / "m"), Options())


def test_vocabulary_and_language(tmp_path: Path) -> None:
    rows = [{"text": "a a a b b c", "language": "en"}, {"text": "d d d d", "language": "de"}]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    training.train([str(tmp_path / "x.jsonl")], str(tmp_path / "m"), Options(order=2, vocabulary=2, language="en"))
    model = ngram.load(tmp_path / "m")
    assert ngram.score(model, "a b c d").unknown == 2
    assert model.card["data"]["vocabulary"] == 5


def test_the_steps(made: Path) -> None:
    model = str(made / "model")
    found = Perplexity(model)(Document("1", "a b c"))
    value = found.signals["perplexity"]
    assert found.reason is None
    assert Perplexity(model, maximum=value)(Document("1", "a b c")).reason is None
    assert Perplexity(model, maximum=value - 0.01)(Document("1", "a b c")).reason == "too_high"
    assert Perplexity(model, minimum=value + 0.01)(Document("1", "a b c")).reason == "too_low"
    assert Perplexity(model)(Document("1", "c c c z z")).signals["perplexity"] > value
    assert FewCharacters()(Document("1", "x" * 299)).reason == "too_few"
    assert FewCharacters()(Document("1", "x" * 300)).reason is None
    for options in ({"maximum": -1.0}, {"maximum": 1.0, "minimum": 2.0}, {"minimum": math.nan}):
        with pytest.raises(ValueError, match=r"must be|below"):
            Perplexity(**options)  # type: ignore[arg-type]


def test_recipe_says_which_model_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    step = next(step for step in load_recipe("ccnet").steps if isinstance(step, Perplexity))
    with pytest.raises(FileNotFoundError, match=r"models/en-5gram.*curate ngram train"):
        step.prepare()
