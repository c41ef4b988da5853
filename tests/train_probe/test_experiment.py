"""An experiment on disk: what it was prepared from, what is held out, what is fixed, what is refused."""

import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from train_probe import held_out, looks, parallel, prepare, tokenizer  # noqa: E402
from train_probe.__main__ import main  # noqa: E402
from train_probe.config import parse, short  # noqa: E402
from train_probe.data import TokenFile  # noqa: E402

SMALL = ("--tokens", "2K", "--seeds", "2", "--no-tasks")


def write(folder, texts, **columns):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts, **columns}), folder / "a.parquet")


def test_other_content_under_the_same_path_is_refused(corpora, command, capsys):
    assert main(command("train", *SMALL)) == 0
    before = (corpora / "out/verdict.json").read_bytes()
    (corpora / "web").rename(corpora / "elsewhere")  # the same content under another path is the same
    words = [f"web={corpora / 'elsewhere'}" if x == str(corpora / "web") else x for x in command("train", *SMALL)]
    assert main(words) == 0
    assert (corpora / "out/verdict.json").read_bytes() == before
    (corpora / "elsewhere").rename(corpora / "web")
    table = pq.read_table(corpora / "web/a.parquet").to_pylist()
    pq.write_table(pa.Table.from_pylist([*table[:-1], {**table[-1], "text": "other"}]), corpora / "web/a.parquet")
    capsys.readouterr()
    assert main(command("train", *SMALL)) == 2
    assert "mixture web has changed since (0/a.parquet)" in capsys.readouterr().err


@pytest.mark.parametrize("role", ["held-out", "tokenizer", "task"])
def test_every_kind_of_input_is_known_by_its_content(corpora, command, capsys, role):
    write(corpora / "test", ["a cat on a mat " * 9, "one dog run home " * 9])
    (corpora / "q.jsonl").write_text('{"context": "the", "choices": [" cat", " mat"], "answer": 0}')
    tokenizer.from_merges([]).save(corpora / "t.json")
    words = [x for x in command("train", "--tokens", "2K", "--seeds", "1") if x not in ("--tokenizer", "bytes")]
    words += [
        "--tokenizer",
        str(corpora / "t.json"),
        "--tasks",
        str(corpora / "q.jsonl"),
        "--held-out",
        str(corpora / "test"),
    ]
    assert main(words) == 0
    assert main(words) == 0
    if role == "held-out":
        write(corpora / "test", ["a cat on a mat " * 9, "one dog run back " * 9])
    elif role == "tokenizer":
        tokenizer.from_merges([("a", "t")]).save(corpora / "t.json")
    else:
        (corpora / "q.jsonl").write_text('{"context": "the", "choices": [" dog", " mat"], "answer": 0}')
    capsys.readouterr()
    assert main(words) == 2
    assert f"{role}" in (error := capsys.readouterr().err)
    assert "has changed since" in error


def test_what_a_killed_preparation_left_is_not_used(corpora, command):
    """Token files of another tokenizer stand there, whole, and were never declared finished."""
    assert main(command("train", *SMALL, "--only", "prepare")) == 0
    (corpora / "out/data/prepared.json").unlink()
    words = [x if x != "bytes" else "" for x in command("train", *SMALL, "--only", "prepare")]
    assert main(words) == 0
    meta = json.loads((corpora / "out/data/web/meta.json").read_text())
    assert (
        meta["tokenizer"] == tokenizer.load(corpora / "out/tokenizer.json").digest != tokenizer.from_merges([]).digest
    )
    assert main([*command("train", *SMALL), "--only", "run"]) == 0
    (corpora / "out/data/prepared.json").unlink()
    assert main([*command("train", *SMALL), "--only", "run"]) == 2


@pytest.mark.parametrize("folder", ["data", "runs"])
def test_a_folder_that_is_something_else_is_left_alone(corpora, command, capsys, folder):
    """A corpus given for --output by mistake has a folder data/, too."""
    write(corpora / "out" / folder, ["a text"])
    assert main(command("train", *SMALL)) == 2
    assert "holds something else" in capsys.readouterr().err
    assert (corpora / "out" / folder / "a.parquet").exists()


def test_a_budget_in_bytes_is_kept_by_every_run(corpora, command, capsys):
    assert main(command("train", "--bytes", "2KB", "--seeds", "2", "--no-tasks")) == 0
    assert "the budget is in bytes" in capsys.readouterr().out
    for name in ("web", "books"):
        run = json.loads((corpora / f"out/runs/{name}/seed-1/result.json").read_text())
        assert run["bytes"] == pytest.approx(2000, abs=130)
    assert main(command("train", "--bytes", "2KB", "--tokens", "2K", "--seeds", "2")) == 2


@pytest.mark.parametrize(("tokens", "told"), [("1", True), ("2K", False)])
def test_more_tokens_than_asked_for_are_told(corpora, command, capsys, tokens, told):
    assert main(command("train", "--tokens", tokens, "--seeds", "1", "--no-tasks")) == 0
    trained = json.loads((corpora / "out/budget.json").read_text())["tokens"]
    assert (f"each run trains {trained:,}" in capsys.readouterr().err) == told


def near_by_hand(text, others):
    """Half the runs of 13 words of the shorter of the two."""

    def runs(t):
        words = t.casefold().split()
        return {tuple(words[i : i + 13]) for i in range(len(words) - 12)}

    mine = runs(text)
    return any(2 * len(mine & runs(o)) >= min(len(mine), len(runs(o))) > 0 and mine & runs(o) for o in others)


def test_near_copies_are_those_that_share_half_their_runs():
    rng = np.random.Generator(np.random.PCG64(3))
    held = [" ".join(rng.choice(list("abcdefgh"), 60)) for _ in range(8)]
    others = []
    for i in range(60):
        words = held[i % 8].split() if i % 3 else list(rng.choice(list("abcdefgh"), 60))
        cut = int(rng.integers(5, 60))
        others.append(" ".join(words[:cut] + list(rng.choice(list("XYZ"), int(rng.integers(0, 60))))))
    docs = [prepare.Text(1000 + i, 1000 + i, t, "s") for i, t in enumerate(others)]
    kept_out = held_out.HeldOut([prepare.Text(i, i, t, "s") for i, t in enumerate(held)])
    found = [reason == "near copy of held out" for reason in kept_out.reasons(docs)]
    assert found == [bool(near_by_hand(t, held)) for t in others]
    assert 10 < sum(found) < 50
    assert kept_out.reasons([docs[0]._replace(key=3)]) == ["held out"]
    assert held_out.HeldOut().reasons(docs[:1]) == [None]


def test_before_the_first_run_everything_may_be_changed(corpora, command, capsys):
    assert main(command("train", "--tokens", "900K", "--no-tasks")) == 2  # refused, because it is too much
    assert "--max-epochs" in capsys.readouterr().err
    assert main(command("train", *SMALL)) == 0
    assert main(command("train", *SMALL, "--lr-scale", "0.5")) == 2


def test_results_of_other_data_are_not_taken(corpora, command, capsys):
    assert main(command("train", *SMALL)) == 0
    path = corpora / "out/runs/web/seed-0/result.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps({**saved, "identity": {**saved["identity"], "data": "0" * 16}}))
    assert main(command("train", *SMALL)) == 2
    assert "of other data or settings" in capsys.readouterr().err


def test_damaged_files_are_one_line(corpora, command, capsys):
    assert main(command("train", *SMALL)) == 0
    for name in ("experiment.json", "budget.json", "looks.json", "runs/web/seed-0/result.json"):
        path = corpora / "out" / name
        good = path.read_bytes()
        deep, endless = b'{"a": ' + b"[" * 3000, b'[{"seeds": 1e999}]'
        if name in ("budget.json", "runs/web/seed-0/result.json"):  # of these the identity is looked at, or the numbers
            endless = b'{"steps": 1e999, "tokens": 1, "scores": [[1e999]]}'
        for content in (
            b"",
            b"\x00\xff",
            b"7",
            b"{}",
            b"null",
            b'{"scores": 1}',
            good[: len(good) // 2],
            deep,
            endless,
        ):
            path.write_bytes(content)
            for words in (["compare", str(corpora / "out")], command("train", *SMALL, "--only", "run")):
                capsys.readouterr()
                assert main(words) == 2, (name, content)
                lines = capsys.readouterr().err.splitlines()
                assert [line for line in lines if line.startswith("error: ")] == lines[-1:], (name, content)
                assert name.split("/")[-1] in lines[-1] or "experiment" in lines[-1], (name, content)
        path.write_bytes(good)


def test_what_is_not_as_ours_further_in_is_one_line_too(corpora, command, capsys):
    assert main(command("train", *SMALL)) == 0
    path = corpora / "out/runs/web/seed-0/result.json"
    good = json.loads(path.read_text())
    metric = next(iter(good["scores"]))
    for broken in (
        {"model": {"context": []}},
        {"tokens": "x"},
        {"scores": {metric: {"values": [1e300], "weights": "x"}}},
        {"curve": 7},
        {"ledger": {"a\ud800": {}}},
    ):
        path.write_text(json.dumps({**good, **broken}))
        assert main(["compare", str(corpora / "out")]) == 2, broken
        assert "holds what no experiment of ours has written" in capsys.readouterr().err, broken


def garbage():
    """Files that are no checkpoints, of many kinds."""
    import io
    import pickle
    import zipfile

    good = io.BytesIO()
    torch.save({"identity": 1}, good)
    other = io.BytesIO()
    torch.save([1, 2], other)
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as z:
        z.writestr("x", "y")
    whole = {"identity": {"model": {"layers": "many"}}, "step": 1, "model": {}, "state": {}, "curve": []}
    odd = io.BytesIO()
    torch.save(whole, odd)
    return {
        "empty": b"",
        "text": b"hello",
        "zeros": b"\x00" * 100,
        "zip": box.getvalue(),
        "cut": good.getvalue()[:-50],
        "keys": good.getvalue(),
        "list": other.getvalue(),
        "code": pickle.dumps(os.system),
        "pickle": b"\x80\x02}q\x00(K\x01K\x02u.",
        "shape": odd.getvalue(),
    }


def test_garbage_for_a_checkpoint_is_one_line(corpora, command, capsys):
    words = command("train", "--tokens", "1K", "--seeds", "1", "--no-tasks")
    assert main(words) == 0
    run = corpora / "out/runs/web/seed-0"
    for kind, content in garbage().items():
        (run / "checkpoint.pt").write_bytes(content)
        for more in (["eval", str(run), "--no-tasks"], ["export", str(run), str(corpora / "hf")]):
            capsys.readouterr()
            assert main(more) == 2, kind
            error = capsys.readouterr().err
            assert "not a checkpoint of the probe" in error, kind
            assert error.count("\n") == 1, kind
        (run / "result.json").unlink(missing_ok=True)  # now the run would be continued from it
        assert main(words) == 2, kind
        assert "checkpoint.pt" in capsys.readouterr().err, kind


def test_a_folder_that_is_held_out_is_used_whole(corpora, command, capsys):
    texts = [f"{' '.join(['home', 'dog', 'cat'] * 12)} {i}" for i in range(12)]
    write(corpora / "test", texts)
    assert main(command("train", *SMALL, "--held-out", str(corpora / "test"))) == 0
    file = TokenFile.open(corpora / "out/data/held-out")
    assert len(file.documents) == 12
    assert file.meta["bytes"] == sum(map(len, texts))
    assert "held out: 12 documents" in capsys.readouterr().err


def test_a_part_of_it_can_be_chosen(corpora, command):
    texts = [f"{' '.join(['home', 'dog', 'cat'] * 12)} {i}" for i in range(12)]
    write(corpora / "test", texts, source=["a"] * 6 + ["b"] * 6)
    assert (
        main(
            command(
                "train", *SMALL, "--held-out", str(corpora / "test"), "--held-out-bytes", "500", "--only", "prepare"
            )
        )
        == 0
    )
    file = TokenFile.open(corpora / "out/data/held-out")
    assert Counter(file.sources[d["source"]] for d in file.documents) == {"a": 3, "b": 3}


def mixture(folder, held):
    """As `curate mix` writes it: data/, and heldout/ by source."""
    write(folder / "data", [f"{folder.name} text {i} " + "word " * 20 for i in range(120)])
    for source, texts in held.items():
        (folder / "heldout").mkdir(exist_ok=True)
        pq.write_table(pa.table({"text": texts, "source": [source] * len(texts)}), folder / f"heldout/{source}.parquet")
    (folder / "ledger.json").write_text("{}")


def test_the_held_out_documents_of_mixtures_are_the_default(tmp_path):
    web, code = [f"web {i} " + "a " * 50 for i in range(30)], [f"code {i} " + "b " * 50 for i in range(5)]
    mixture(tmp_path / "m1", {"web": web, "code": code})
    mixture(tmp_path / "m2", {"web": web[10:]})
    write(tmp_path / "plain", [f"plain {i} " + "c " * 50 for i in range(100)])
    docs = held_out.choose([[tmp_path / "m1"], [tmp_path / "m2"]], None, 0, Counter())
    assert sorted(d.text for d in docs) == sorted(web + code)
    docs = held_out.choose([[tmp_path / "m1"], [tmp_path / "plain"]], None, 0, Counter())
    assert Counter(d.source for d in docs) == {"web": 30, "code": 5, "plain": 10}


def test_sources_are_balanced(monkeypatch):
    monkeypatch.setattr(held_out, "LEAST", 1000)
    docs = [prepare.Text(i, i, "x" * 100, "big") for i in range(500)]
    docs += [prepare.Text(900 + i, 900 + i, "y" * 100, "small") for i in range(8)]
    found = Counter(d.source for d in held_out.balanced(docs, 2_000_000))
    assert found == {"big": 16, "small": 8}
    assert Counter(d.source for d in held_out.balanced(docs[:-7], 2_000_000)) == {"big": 10, "small": 1}


def test_the_mean_over_sources_stands_beside_the_pooled_figure(corpora, command, capsys):
    assert main(command("train", *SMALL)) == 0
    found = json.loads((corpora / "out/verdict.json").read_text())["metrics"]
    pooled, macro = found["bits per byte"], found["bits per byte, sources equal"]
    for name in ("web", "books"):
        assert macro["mean"][name] == pytest.approx(np.mean([pooled["groups"][s][name] for s in ("web", "books")]))
    assert "bits per byte, sources equal" in capsys.readouterr().out


def test_the_report_has_every_seed_and_every_part(corpora, command):
    assert main(command("train", *SMALL)) == 0
    page = (corpora / "out/report.html").read_text()
    for name in ("web, seed 0", "web, seed 1", "books, seed 1", "share asked", "white space", "0 to 255"):
        assert name in page, name
    assert "What this can&#x27;t see" in page
    saved = json.loads((corpora / "out/runs/web/seed-0/result.json").read_text())
    bits, size = (sum(saved["scores"]["bits per byte"][k]) for k in ("values", "weights"))
    for division, parts in saved["parts"].items():
        assert sum(b for b, _ in parts.values()) == pytest.approx(bits, rel=1e-9), division
        assert sum(n for _, n in parts.values()) == size
    found = json.loads((corpora / "out/verdict.json").read_text())
    assert any(line.startswith("by byte class") for line in found["differences"])
    assert any("the context of 32 tokens" in line for line in found["unseen"])


def test_a_corpus_cut_short_is_pointed_at(corpora, command, capsys):
    """Equal tokens are not equal text: more documents are begun where they are cut to their first 30 %."""
    texts = pq.read_table(corpora / "web/a.parquet")["text"].to_pylist()
    write(corpora / "books", [t[: len(t) * 3 // 10] for t in texts], source=["books"] * len(texts))
    assert main(command("train", "--tokens", "1K", "--seeds", "2", "--no-tasks", "--documents", "shared")) == 0
    out = capsys.readouterr().out
    assert "bytes a document differ: web" in out
    assert "if one corpus is the other cut short" in out


def test_there_is_no_verdict_before_the_planned_seeds(corpora, command, capsys):
    words = command("train", "--tokens", "1K", "--seeds", "4", "--no-tasks", "--documents", "shared")
    assert main(words) == 0
    for name in ("web", "books"):
        (corpora / f"out/runs/{name}/seed-3/result.json").rename(corpora / f"{name}.json")
    (corpora / "out/looks.json").unlink()
    capsys.readouterr()
    assert main(["compare", str(corpora / "out")]) == 0
    assert "not yet: 3 seeds are finished, the next verdict is at 4" in capsys.readouterr().out
    assert looks.read(corpora / "out") == []
    assert main(["compare", str(corpora / "out"), "--now"]) == 0
    assert "a verdict at 3 may use 0.1 % of the 5 %" in capsys.readouterr().out
    for name in ("web", "books"):
        (corpora / f"{name}.json").rename(corpora / f"out/runs/{name}/seed-3/result.json")
    assert main(["compare", str(corpora / "out")]) == 0
    out = capsys.readouterr().out
    assert "not yet:" not in out
    assert "seeds were planned" not in out
    assert [x.alpha for x in looks.read(corpora / "out")] == pytest.approx([0.001, 0.04])
    for seeds in ("3", "5", "2"):
        words[words.index("--seeds") + 1] = seeds
        assert main(words) == 2
        assert "4 seeds were planned" in capsys.readouterr().err


def test_seeds_with_documents_of_their_own_are_not_added(corpora, command, capsys):
    """And having asked for it leaves the experiment as it was."""
    assert main(command("train", *SMALL)) == 0
    more = [x if x != "2" else "4" for x in command("train", *SMALL)]
    assert main(more) == 2
    assert "plan them from the start" in capsys.readouterr().err
    assert main(command("train", *SMALL)) == 0


def test_ids_that_a_mixture_brought_are_used(tmp_path):
    """Other order, documents that are not there, one id twice: the same token file as tokenizing gives."""
    ids = tokenizer.shipped(1024)
    docs = [
        prepare.Text(prepare.hash64(str(i % 37)), i, f"text number {i} " * (1 + i % 5), "ab"[i % 2]) for i in range(60)
    ]
    folder = tmp_path / "mix"
    prepare.write_tokens(docs[5:], ids, folder / "tokens")
    file = prepare.packed(folder, ids)
    assert file is not None
    assert prepare.packed(folder, tokenizer.shipped(512)) is None
    assert prepare.packed(tmp_path, ids) is None
    kept = held_out.HeldOut(docs[10:12])
    a = prepare.write_packed(docs, file, ids, tmp_path / "a", kept)
    b = prepare.write_tokens(docs, ids, tmp_path / "b", kept)
    assert a == b
    assert (tmp_path / "a/tokens.bin").read_bytes() == (tmp_path / "b/tokens.bin").read_bytes()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("150K", 150_000),
        ("2B", 2e9),
        ("50M", 5e7),
        ("1e9", 1e9),
        ("10MB", 1e7),
        ("1_000", 1000),
        ("1.5g", 1.5e9),
        ("7", 7),
    ],
)
def test_quantities_are_read_as_people_write_them(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", ["", "0", "-5", "many", "2Q", "1e99", "nan", "inf", "1..5M", "K"])
def test_what_is_no_quantity_is_one_line(capsys, text):
    assert main(["train", "--output", "x", "--tokens", text]) == 2
    error = capsys.readouterr().err
    assert "--tokens" in error
    assert "Traceback" not in error


def test_large_numbers_are_shown_short():
    assert [short(x) for x in (789, 1500, 26_123_456, 2e9, 3.1e13)] == ["789", "1.5K", "26.1M", "2B", "31T"]


def test_misspelt_words_have_a_suggestion(capsys):
    for words, near in (
        (["trian"], "did you mean 'train'?"),
        (["train", "--sharbs", "x"], "--shards"),
        (["train", "--output", "x", "--preset", "nanno"], "'nano'"),
    ):
        assert main(words) == 2
        assert near in capsys.readouterr().err
    assert main(["eval", "--help"]) == 0
    assert main(["evaluate", "--help"]) == 0


def test_the_commands_of_curate_are_the_same(capsys):
    from click.testing import CliRunner

    from curate.cli import group

    for name in ("train", "control", "compare", "eval", "export"):
        done = CliRunner().invoke(group, [f"probe-{name}", "--help"])
        assert done.exit_code == 0
        assert f"Usage: curate probe-{name}" in done.output.replace("Usage: group", "Usage: curate")
    done = CliRunner().invoke(group, ["probe-eval", "/nowhere"])
    assert done.exit_code == 2
    assert "error: /nowhere" in done.output


def test_utilisation_is_never_above_one(monkeypatch):
    """A peak that was measured on a busy machine is lower than what the run then reaches."""
    monkeypatch.setattr(parallel, "_best", {("cpu", False): 1.0})
    device = torch.device("cpu")
    assert parallel.seen(device, False, 5.0) == 5.0
    assert parallel.seen(device, False, 3.0) == 5.0
    assert parallel.measured_peak(device, False, 64) > 5.0


def test_several_processes_must_be_prepared_for(corpora, command, capsys, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(command("train", *SMALL)) == 2
    assert "prepare first" in capsys.readouterr().err


def test_alone_a_process_has_what_it_has():
    assert parallel.share({"a": 1}) == {"a": 1}
    assert parallel.is_main()


def test_a_prepared_folder_is_trained_with_torch_numpy_and_click_alone(corpora, command):
    assert main(command("train", *SMALL[:-1], "--only", "prepare")) == 0
    code = """
import sys
for name in ("pyarrow", "tokenizers", "safetensors", "pandas", "zstandard", "curate", "filters", "scipy"):
    sys.modules[name] = None
from train_probe import config
from train_probe.config import ModelConfig, Preset
config.PRESETS["nano"] = Preset(ModelConfig(layers=1, width=32, heads=2, vocab=320, context=32), 128, 4, True)
from train_probe.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    words = command("train", *SMALL[:-1], "--only", "run")
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "knowledge probability" in done.stdout


@pytest.mark.slow
def test_minutes_are_measured_once_for_all_processes(corpora, command):
    """Two processes that measure different speeds train the same number of steps."""

    assert main(command("train", "--minutes", "0.002", "--seeds", "1", "--no-tasks", "--only", "prepare")) == 0
    code = """
import os, sys
from train_probe import budget, config
from train_probe.config import ModelConfig, Preset
config.PRESETS["nano"] = Preset(ModelConfig(layers=1, width=32, heads=2, vocab=320, context=32), 128, 4, True)
real = budget._speed
budget._speed = lambda *a: real(*a) * 0 + 20_000 * (1 + int(os.environ["RANK"]))
from train_probe.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    (corpora / "worker.py").write_text(code)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    words = command("train", "--minutes", "0.002", "--seeds", "1", "--no-tasks", "--only", "run")
    done = subprocess.run(
        [*launch, str(corpora / "worker.py"), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    budget = json.loads((corpora / "out/budget.json").read_text())
    assert budget["tokens"] == pytest.approx(20_000 * 60 * 0.002 / 2, abs=128)
