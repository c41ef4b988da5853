"""Decontamination against planted documents: precision and recall, beside the rule of 13 words.

    python -m benchmarks.decontamination

Items are GSM8K (test) and MMLU (validation) of J-sources, ARC, OpenBookQA and SIQA of F-eval; documents are articles of E-neardup.
Planted are 300 question-answer pairs (as they are, reflowed, in capitals, with the answer in another paragraph, with numbers
in words), each in the middle of an article; and 300 passages that share common phrases with tasks: the first twelve words of a
question in other text, twenty words of a long one, its answer alone, or all its words in another order.
"""

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from benchmarks.dedup_contain import _apart, _articles
from benchmarks.dedup_quality import testdata
from curate.mixing import decontam_items
from curate.mixing.decontam_items import Item, items
from curate.mixing.decontam_match import Tasks

PAIRS = 300
NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def paths() -> list[str]:
    """Files of tasks."""
    bundled = testdata() / "J-sources" / "decontamination" / "allenai__decon" / "bundled-evals"
    others = testdata() / "F-eval" / "llm-foundry"
    names = ("arc_easy", "arc_challenge", "openbook_qa", "siqa")
    return [*map(str, sorted(bundled.glob("*.gz"))), *(str(others / f"{name}.jsonl") for name in names)]


def right(known: list[Item]) -> list[Item]:
    """Items with an answer and ten words and more of question; of several records of one question the first."""
    seen, found = set[str](), []
    for item in known:
        if item.answers and len(item.question.split()) >= 10 and item.question not in seen:
            seen.add(item.question)
            found.append(item)
    return found


def in_words(text: str) -> str:
    return re.sub(r"\b\d{1,2}\b", lambda m: NUMBERS[int(m[0])] if int(m[0]) < len(NUMBERS) else m[0], text)


def planted(kind: int, item: Item, article: str) -> str:
    """An article with a question and its answer."""
    words = article.split()
    before, behind = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    question, answer = item.question, item.answers[0]
    if kind == 1:
        question = "\n".join(question.split())
    if kind == 2:
        question, answer = question.upper(), answer.upper()
    if kind == 3:
        return f"{before}\n\n{question}\n\n{behind}\n\n{answer}"
    if kind == 4:
        question, answer = in_words(question), answer
    return f"{before}\n\n{question}\n{answer}\n\n{behind}"


def common(kind: int, item: Item, article: str, generator: np.random.Generator) -> str:
    """An article that shares phrases with a question, and not the question."""
    words, question = article.split(), item.question.split()
    half, middle = len(words) // 2, len(question) // 2
    if kind == 0:
        shared = question[: min(12, middle)]
    elif kind == 1:
        shared = question[middle : middle + min(20, middle)]
    elif kind == 2:
        shared = item.answers[-1].split()[:12]
    else:
        shared = [str(word) for word in generator.permutation(question)]
    return " ".join([*words[:half], *shared, *words[half:]])


def grams(texts: Iterable[str]) -> set[tuple[str, ...]]:
    """The rule of Brown et al. (2020, appendix C): any 13 words in a row, without case and punctuation."""
    found = set[tuple[str, ...]]()
    for text in texts:
        words = re.findall(r"[^\W_]+", text.lower())
        found.update(tuple(words[i : i + 13]) for i in range(len(words) - 12))
    return found


def main() -> None:
    known = list(items(paths()))
    tasks, old = (
        Tasks(known),
        grams(
            text for path in paths() for _, one in decontam_items.records(path) for text in decontam_items.texts_in(one)
        ),
    )
    chosen, generator = right(known), np.random.default_rng(7)
    picked = [chosen[n] for n in generator.choice(len(chosen), 2 * PAIRS, replace=False)]
    articles = _apart(_articles())
    dirty = [planted(n % 5, item, articles[n]) for n, item in enumerate(picked[:PAIRS])]
    clean = [common(n % 4, item, articles[PAIRS + n], generator) for n, item in enumerate(picked[PAIRS:])]
    column = pa.array([*dirty, *clean], pa.large_string())
    parts: dict[int, set[str]] = {}
    for found in tasks.find(column):
        parts.setdefault(found.row, set()).add(found.part)
    new = np.array([bool(parts.get(row, set()) & {"both", "question"}) for row in range(len(column))])
    thirteen = np.array([bool(grams([text]) & old) for text in [*dirty, *clean]])
    print(
        f"{len(known):,} items, {tasks.too_short} texts too short to be found; {len(dirty)} planted, {len(clean)} common\n"
    )
    print("| rule | precision | recall | missed, by kind | wrongly, by kind |\n|---|--:|--:|---|---|")
    for name, rule in (("question and answer, or a rare run", new), ("13 words", thirteen)):
        hit, wrong = rule[:PAIRS], rule[PAIRS:]
        missed = np.bincount(np.flatnonzero(~hit) % 5, minlength=5).tolist()
        false = np.bincount(np.flatnonzero(wrong) % 4, minlength=4).tolist()
        precision = hit.sum() / max(1, hit.sum() + wrong.sum())
        print(f"| {name} | {precision:.3f} | {hit.mean():.3f} | {missed} | {false} |")
    rows = list(tasks.find(pa.array(articles, pa.large_string())))
    by_thirteen = sum(bool(grams([text]) & old) for text in articles)
    print(f"\n{len(articles)} articles as they are: {len(rows)} found, {by_thirteen} by 13 words")


if __name__ == "__main__":
    main()
