import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.commands.tokenizer import tokenizer as command
from curate.errors import CurateError, InputError, OutputError, UsageError
from curate.mixing.sample import sample
from curate.tokens import tokenizer


@given(st.text(max_size=60))
@settings(deadline=None)
def test_every_text_comes_back(bpe: tokenizer.TokenizerFile, text: str) -> None:
    loaded = tokenizer.load(bpe.path)
    (ids,) = tokenizer.encode(loaded, [text])
    assert loaded.decode(ids) == text
    assert tokenizer.count(loaded, [text]) == [len(ids)]
    assert all(0 <= one < bpe.vocabulary for one in ids)


def test_the_name_of_a_special_token_in_a_text_is_text(bpe: tokenizer.TokenizerFile) -> None:
    loaded = tokenizer.load(bpe.path)
    (ids,) = tokenizer.encode(loaded, [f"a{tokenizer.END_OF_TEXT}b"])
    assert tokenizer.end_of_text(loaded) not in ids


def test_training_is_deterministic_and_ignores_the_layout_of_files(tmp_path: Path) -> None:
    rows = [json.dumps({"id": str(i), "text": f"number {i} of many words {i * i}"}) + "\n" for i in range(300)]
    layouts = [[rows], [rows[1::2], rows[::2]]]
    found = []
    for place, parts in enumerate(layouts):
        folder = tmp_path / str(place)
        folder.mkdir()
        for i, part in enumerate(parts):
            (folder / f"{i}.jsonl").write_text("".join(part))
        arguments = [
            "train",
            "--input",
            str(folder),
            "--output",
            str(folder / "t.json"),
            "--vocab-size",
            "300",
            "--json",
        ]
        done = CliRunner().invoke(command, arguments)
        assert done.exit_code == 0, done.output
        value = json.loads(done.stdout)
        assert value["documents"] == 300
        found.append((folder / "t.json").read_bytes())
    assert found[0] == found[1]
    assert tokenizer.find(str(tmp_path / "0" / "t.json")).vocabulary == 300


def test_a_sample_is_the_lowest_numbers_that_fit(tmp_path: Path) -> None:
    rows = [json.dumps({"id": str(i), "text": f"{i:05d}" * 20}) + "\n" for i in range(500)]
    (tmp_path / "a.jsonl").write_text("".join(rows))
    small, large = (sample([str(tmp_path)], size) for size in (2_000, 20_000))
    assert len(small) == 20
    assert len(large) == 200
    assert large[:20] == small
    assert len(sample([str(tmp_path)], 10**9)) == 500


def test_measure(tmp_path: Path, bpe: tokenizer.TokenizerFile) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "alpha beta gamma"}) + "\n")
    arguments = ["measure", "--tokenizer", bpe.path, "--input", str(tmp_path), "--json"]
    row = json.loads(CliRunner().invoke(command, arguments).stdout)["inputs"][0]
    assert row["characters_per_token"] == pytest.approx(16 / row["tokens"])
    assert row["words_per_token"] == pytest.approx(3 / row["tokens"])
    table = CliRunner().invoke(command, arguments[:-1]).stdout
    assert "4.00" in table
    assert "0.75" in table


def test_errors(tmp_path: Path, bpe: tokenizer.TokenizerFile) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    for path, told in ((broken, r"not a tokenizer\.json"), (tmp_path / "nowhere.json", "no such file or folder")):
        with pytest.raises(InputError, match=told):
            tokenizer.find(str(path))
    with pytest.raises(UsageError, match="--vocab-size"):
        tokenizer.train(["x"], 100)
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    done = CliRunner().invoke(command, ["train", "--input", str(tmp_path / "a.jsonl"), "--output", str(broken)])
    assert isinstance(done.exception, OutputError)
    (tmp_path / "a.jsonl").write_text('{"text": ""}\n')
    done = CliRunner().invoke(command, ["train", "--input", str(tmp_path / "a.jsonl"), "--output", str(tmp_path / "x")])
    assert isinstance(done.exception, CurateError)


def test_the_probe_and_the_mixer_mean_the_same_tokenizer(bpe: tokenizer.TokenizerFile) -> None:
    trainer = pytest.importorskip("train_probe.tokenizer")
    theirs = trainer.load(Path(bpe.path))
    assert (theirs.digest, theirs.size) == (bpe.digest, bpe.vocabulary)
    texts = ["alpha  beta\n<|endoftext|> 123 né"]
    assert theirs.encode(texts) == tokenizer.encode(tokenizer.load(bpe.path), texts)


def test_the_default_is_the_tokenizer_of_the_probe() -> None:
    trainer = pytest.importorskip("train_probe.tokenizer")
    try:
        theirs = trainer.shipped()
    except FileNotFoundError:
        pytest.skip("the trainer ships no merges")
    found = tokenizer.find(None)
    assert (found.digest, found.vocabulary) == (theirs.digest, theirs.size)
