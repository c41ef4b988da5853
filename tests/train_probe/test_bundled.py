"""The bundled tasks are what `curate mix` keeps out of every mixture by default."""

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from curate.commands.mix import mix
from curate.mixing import decontam_items
from curate.mixing.decontam_match import load
from train_probe.items import ABILITIES


def questions(name):
    return [record for _, record in decontam_items.records(decontam_items.PACKAGE + name)]


def found(text):
    return {one.part for one in load(tuple(decontam_items.bundled())).find(pa.array([text], pa.large_string()))}


def test_the_bundled_tasks_are_found_and_long_enough_to_matter():
    names = decontam_items.bundled()
    assert names == [decontam_items.PACKAGE + f"{n}.jsonl" for n in sorted([*ABILITIES, "grammar", "knowledge"])]
    asked = questions("knowledge.jsonl")
    alone = [q for q in asked if found(f"On page 7 we read: {q['context'].upper()} and so on.")]
    assert len(alone) >= 0.8 * len(asked)
    answered = [q for q in asked if "both" in found(f"Page 7: {q['context']}{q['choices'][q['answer']]}.")]
    assert len(answered) == len(asked)
    pairs = [found(f"They say: {q['sentence_good']}") for q in questions("grammar.jsonl")]
    assert pairs == [{"both"}] * len(pairs)


@pytest.mark.engine
def test_a_mixture_is_decontaminated_against_them_by_default(tmp_path):
    texts = [f"Document number {i} speaks of quite ordinary things such as hens, hats and hills." for i in range(40)]
    texts[7] = "A page of questions. " + questions("knowledge.jsonl")[0]["context"] + " what?"
    texts[9] = "We heard that " + questions("grammar.jsonl")[0]["sentence_good"]
    lines = [json.dumps({"id": f"{i:032x}", "text": t}) for i, t in enumerate(texts)]
    (tmp_path / "web.jsonl").write_text("\n".join(lines))
    words = ["--weights", "uniform", "--source", f"web={tmp_path / 'web.jsonl'}", "--unit", "documents", "--quiet"]
    words += ["--counts", str(tmp_path / "counts"), "--held-out", "0", "--plan", "--json"]
    available = {}
    for more in ((), ("--no-decontaminate",)):
        done = CliRunner().invoke(mix, [*words, *more])
        assert done.exit_code == 0, done.exception
        (source,) = json.loads(done.stdout)["sources"]
        available[bool(more)] = source["available"]["documents"]
    assert available == {False: 38, True: 40}
