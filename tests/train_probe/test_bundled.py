"""The bundled tasks are what `curate mix` keeps out of every mixture by default."""

import json

import pytest
from click.testing import CliRunner

from curate.commands.mix import mix
from curate.mixing import decontaminate
from train_probe.items import ABILITIES


def questions(name):
    return [json.loads(line) for line in decontaminate._read(decontaminate.PACKAGE + name).splitlines()]


def test_the_bundled_tasks_are_found_and_long_enough_to_matter():
    names = decontaminate.bundled()
    assert names == [decontaminate.PACKAGE + f"{n}.jsonl" for n in sorted([*ABILITIES, "grammar", "knowledge"])]
    loaded = decontaminate.load(names)
    contexts = [q["context"] for q in questions("knowledge.jsonl")]
    caught = [c for c in contexts if decontaminate.contaminated(loaded, f"On page 7 we read: {c.upper()} and so on.")]
    assert len(caught) >= 0.9 * len(contexts)
    pairs = [q["sentence_good"] for q in questions("grammar.jsonl")]
    assert sum(decontaminate.contaminated(loaded, p) > 0 for p in pairs) >= 25


@pytest.mark.engine
def test_a_mixture_is_decontaminated_against_them_by_default(tmp_path):
    texts = [f"Document number {i} speaks of quite ordinary things such as hens, hats and hills." for i in range(40)]
    texts[7] = "A page of questions. " + questions("knowledge.jsonl")[0]["context"] + " what?"
    texts[9] = "We heard that " + questions("grammar.jsonl")[0]["sentence_good"]
    lines = [json.dumps({"id": f"{i:032x}", "text": t}) for i, t in enumerate(texts)]
    (tmp_path / "web.jsonl").write_text("\n".join(lines))
    words = ["--weights", "uniform", "--source", f"web={tmp_path / 'web.jsonl'}", "--unit", "documents", "--quiet"]
    words += ["--counts", str(tmp_path / "counts"), "--held-out", "0", "--plan", "--json"]
    found = {}
    for more in ((), ("--no-decontaminate",)):
        done = CliRunner().invoke(mix, [*words, *more])
        assert done.exit_code == 0, done.exception
        (source,) = json.loads(done.stdout)["sources"]
        found[bool(more)] = source["available"]["documents"]
    assert found == {False: 38, True: 40}
