"""Which files are a corpus, and that whatever is left out is said."""

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import InputError
from curate.read.files import Found, find, place

ATTRIBUTES = {"id": "1", "attributes": {"gopher__words": [[0, 3, 1.0]]}}
"""A row of Dolma's tagger."""


def make(root: Path, *names: str) -> Path:
    """Files with one text each, by their names."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.lower().endswith(".parquet"):
            pq.write_table(pa.table({"text": [name]}), path)
        else:
            path.write_text(json.dumps({"text": name}) + "\n")
    return root


def names(found: Found, root: Path) -> list[str]:
    return [os.path.relpath(file, root) for file in found.files]


def test_folders_called_like_ours_are_read(tmp_path: Path) -> None:
    all_ = ["data/a.jsonl", "duplicates/a.jsonl", "extracted/a.jsonl", "heldout/a.jsonl", "rejected/a.jsonl"]
    found = find(str(make(tmp_path, *all_)))
    assert names(found, tmp_path) == all_
    assert found.notes == ()


def test_of_ours_only_data_is_read_wherever_it_lies(tmp_path: Path) -> None:
    for corpus in ("web", "deep/code"):
        make(tmp_path, *(f"{corpus}/{name}/part.parquet" for name in ("data", "rejected", "extracted", "duplicates")))
        (tmp_path / corpus / "ledger.json").write_text('{"curate": "1", "kept": 1}')
        (tmp_path / corpus / "README.md").write_text("a card")
    make(tmp_path, "theirs/rejected/a.jsonl", "theirs/data/a.jsonl")
    (tmp_path / "theirs" / "ledger.json").write_text('{"accounts": []}')
    found = find(str(tmp_path))
    assert names(found, tmp_path) == [
        "deep/code/data/part.parquet",
        "theirs/data/a.jsonl",
        "theirs/rejected/a.jsonl",
        "web/data/part.parquet",
    ]
    assert [note.split(", ", 1)[1] for note in found.notes] == [
        "of JSON without a text, beside other tables (theirs/ledger.json)"
    ]


@pytest.mark.parametrize("below", ["", "all"])
@pytest.mark.parametrize("lost", ["data/a.parquet", "data/b.parquet"])
def test_of_ours_no_file_may_be_missing(tmp_path: Path, below: str, lost: str) -> None:
    corpus = make(tmp_path / below / "ours", "data/a.parquet", "data/b.parquet", "rejected/a.parquet")
    lists = [{"file": name} for name in ("data/a.parquet", "data/b.parquet", "duplicates/a.parquet")]
    (corpus / "ledger.json").write_text(json.dumps({"curate": "1", "data": lists}))
    (corpus / lost).unlink()
    with pytest.raises(InputError, match=f"ours: {lost} is missing, which its ledger lists"):
        find(str(tmp_path / below if below else corpus))
    assert len(find(str(corpus / "data")).files) == 1


def test_an_unfinished_job_is_no_corpus(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl", "out.partial/extracted/part.parquet")
    (tmp_path / "out.partial" / "job.json").write_text("{}")
    found = find(str(tmp_path))
    assert names(found, tmp_path) == ["a.jsonl"]
    assert "1 file is left out, of an unfinished job" in found.notes[0] or "of an unfinished job" in "".join(
        found.notes
    )
    with pytest.raises(InputError, match="of an unfinished job"):
        find(str(tmp_path / "out.partial"))


def test_json_beside_parquet_is_read_where_it_holds_texts(tmp_path: Path) -> None:
    make(tmp_path, "a.parquet", "b.json", "c.jsonl")
    (tmp_path / "dataset_info.json").write_text('{"features": {"text": {"dtype": "string"}}}')
    (tmp_path / "list.json").write_text("[1, 2]")
    found = find(str(tmp_path))
    assert names(found, tmp_path) == ["a.parquet", "b.json", "c.jsonl"]
    assert found.notes == (
        f"{tmp_path}: 2 files are left out, of JSON without a text, beside other tables (dataset_info.json, list.json)",
    )


@pytest.mark.parametrize("below", ["", "v1/"])
@pytest.mark.parametrize("packed", [False, True])
def test_attributes_beside_documents_are_no_documents(tmp_path: Path, below: str, packed: bool) -> None:
    """Dolma's tagger writes a file of attributes for each file of documents."""
    ending = "jsonl.gz" if packed else "parquet"
    documents = [f"{below}documents/{name}/0.{ending}" for name in ("cc", "wiki")]
    told = [f"{below}attributes/{tagger}/{name}/0.{ending}" for tagger in ("gopher", "pii") for name in ("cc", "wiki")]
    rows = {name: ATTRIBUTES if name in told else {"id": "1", "text": "one"} for name in (*documents, *told)}
    for name, row in rows.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if packed:
            (tmp_path / name).write_bytes(gzip.compress(json.dumps(row).encode()))
        else:
            pq.write_table(pa.Table.from_pylist([row]), tmp_path / name)
    found = find(str(tmp_path))
    assert names(found, tmp_path) == documents
    assert found.notes == (
        f"{tmp_path}: 4 files are left out, of attributes alone, without a text, beside documents/ "
        f"({', '.join(told[:3])} …)",
    )
    if packed:
        assert names(find(f"{tmp_path}/**/*.*"), tmp_path) == sorted(rows)  # what is named is read


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("attributes/a.jsonl", {**ATTRIBUTES, "text": "one"}),
        ("attributes/a.jsonl", {**ATTRIBUTES, "Raw-Content": "one"}),
        ("attributes/a.jsonl", {"id": "1", "words": 3}),
        ("attributes/a.jsonl", "cut"),
        ("other/a.jsonl", ATTRIBUTES),
        ("documents/attributes/a.jsonl", ATTRIBUTES),
        ("elsewhere/attributes/a.jsonl", ATTRIBUTES),
    ],
)
def test_what_only_looks_like_attributes_is_read(tmp_path: Path, name: str, row: object) -> None:
    make(tmp_path, "documents/a.jsonl", name)
    (tmp_path / name).write_text(json.dumps(row))
    found = find(str(tmp_path))
    assert (names(found, tmp_path), found.notes) == (sorted(["documents/a.jsonl", name]), ())


def test_attributes_that_can_t_be_read_are_told_as_damaged_and_no_others(tmp_path: Path) -> None:
    make(tmp_path, "documents/a.jsonl", *(f"attributes/x/{name}.jsonl" for name in "abc"))
    for name, text in zip("abc", ("{", *[json.dumps(ATTRIBUTES)] * 2), strict=True):
        (tmp_path / f"attributes/x/{name}.jsonl").write_text(text)
    assert names(find(str(tmp_path)), tmp_path) == ["attributes/x/a.jsonl", "documents/a.jsonl"]


def test_hidden_files_and_other_kinds_are_said(tmp_path: Path) -> None:
    make(tmp_path, "a.jsonl", ".b.jsonl", "_temporary/c.jsonl", "d.csv")
    (tmp_path / "_SUCCESS").touch()
    found = find(str(tmp_path))
    assert names(found, tmp_path) == ["a.jsonl"]
    assert [note.split(": ", 1)[1] for note in found.notes] == [
        "2 files are left out, hidden or temporary, with . or _ in front (.b.jsonl, _temporary/c.jsonl)",
        "1 file is left out, no Parquet and no JSON lines (d.csv)",
    ]


@pytest.mark.parametrize(
    ("train", "tests"),
    [
        (
            ["de/train-00000-of-00001.parquet"],
            ["de/test-00000-of-00001.parquet", "de/validation-00000-of-00001.parquet"],
        ),
        (["data/train-0.parquet", "data/extra.parquet"], ["data/test-0.parquet", "data/dev.parquet"]),
        (["default/train/0000.parquet"], ["default/test/0000.parquet", "default/validation/0000.parquet"]),
        (["c4-train.00000-of-00002.json.gz"], ["c4-validation.00000-of-00001.json.gz"]),
        (["train.jsonl", "contest.jsonl", "latest-testimony.jsonl"], ["test.jsonl", "val.jsonl", "my_test_set.jsonl"]),
        (["web.jsonl", "unit-test-docs.jsonl"], ["test.jsonl", "eval/a.jsonl"]),
    ],
)
def test_test_splits_are_left_out_unless_they_are_named(tmp_path: Path, train: list[str], tests: list[str]) -> None:
    make(tmp_path, *train, *tests)
    found = find(str(tmp_path))
    assert names(found, tmp_path) == sorted(train)
    assert (
        f"{len(tests)} file{'s are' if len(tests) > 1 else ' is'} left out, of test or validation splits"
        in found.notes[0]
    )
    assert names(find(str(tmp_path / tests[0])), tmp_path) == [tests[0]]
    assert len(find(f"{tmp_path}/**/*.*").files) == len(train) + len(tests)


def test_nothing_but_a_test_split_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of test or validation splits; name them to read them"):
        find(str(make(tmp_path, "test-00000-of-00001.parquet")))


def test_readme_says_what_the_splits_are(tmp_path: Path) -> None:
    make(tmp_path, "a/one.parquet", "b/two.parquet", "b/test-tube.parquet")
    (tmp_path / "README.md").write_text(
        "---\nconfigs:\n- config_name: x\n  data_files:\n  - split: test\n    path: a/*.parquet\n"
        "  - split: train\n    path: [b/*.parquet]\n---\n# A set\n"
    )
    assert names(find(str(tmp_path)), tmp_path) == ["b/test-tube.parquet", "b/two.parquet"]


@pytest.mark.parametrize(
    "text",
    ["---\nconfigs: [\n---\n", "---\nconfigs: 5\n---", "no head", "---\n- a\n---", "\x00\xff", "---\na: !!bool b\n---",
     "---\na: !!int ''\n---", "---\na: !!timestamp b\n---", "---" + "\n" * 100_000, "---\na: " + "9:" * 50_000 + "9\n---",
     "---\na0: &a0 {b: c}\n" + "".join(f"a{i + 1}: &a{i + 1} {{<<: [{', '.join([f'*a{i}'] * 9)}]}}\n" for i in range(12)) + "---"],
    ids=range(11),
)  # fmt: skip
def test_a_readme_of_any_kind(tmp_path: Path, text: str) -> None:
    make(tmp_path, "a.parquet")
    (tmp_path / "README.md").write_text(text)
    assert names(find(str(tmp_path)), tmp_path) == ["a.parquet"]


@pytest.mark.parametrize(
    "name", ["a?.jsonl", "a*.jsonl", "[a].jsonl", "a b.jsonl", "ä%20#.jsonl", "A.PARQUET", "b:c.JSONL.GZ"]
)
def test_names_with_signs(tmp_path: Path, name: str) -> None:
    make(tmp_path / name.split(".")[0], name)
    assert names(find(str(tmp_path)), tmp_path) == [f"{name.split('.')[0]}/{name}"]
    assert find(str(tmp_path / name.split(".")[0] / name)).files == (str(tmp_path / name.split(".")[0] / name),)


def test_patterns_of_folders_and_files(tmp_path: Path) -> None:
    make(tmp_path, "web-1/a.jsonl", "web-2/b/c.parquet", "other/d.jsonl", "web-3.jsonl", "web-4.txt")
    found = find(f"{tmp_path}/web-*")
    assert names(found, tmp_path) == ["web-1/a.jsonl", "web-2/b/c.parquet", "web-3.jsonl"]
    assert "web-4.txt" in found.notes[0]
    with pytest.raises(InputError, match="matches nothing"):
        find(f"{tmp_path}/none-*")


def test_links(tmp_path: Path) -> None:
    make(tmp_path / "real", "a.jsonl")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "round").symlink_to(corpus)
    (corpus / "there").symlink_to(tmp_path / "real")
    (corpus / "root").symlink_to("/")  # or the whole machine would be walked through
    os.mkfifo(corpus / "pipe.jsonl")
    (corpus / "lost.jsonl").symlink_to(tmp_path / "nowhere")
    (corpus / "file.jsonl").symlink_to(tmp_path / "real" / "a.jsonl")
    found = find(str(corpus))
    assert names(found, corpus) == ["file.jsonl", "there/a.jsonl"]
    assert (
        "4 files are left out, links to nowhere or to what is read already, pipes, devices (lost.jsonl, pipe.jsonl, root …)"
        in found.notes[0]
    )


def test_a_file_of_any_name_that_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "blob")
    assert find(str(tmp_path / "blob")).files == (str(tmp_path / "blob"),)


def test_the_place_of_a_file_does_not_depend_on_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "day1/a/part-0.jsonl", "day2/a/part-0.jsonl")
    monkeypatch.chdir(tmp_path / "day1")
    ways = [str(tmp_path / "day1"), f"{tmp_path}/day1/", ".", "../day1"]
    assert {place(way, find(way).files[0]) for way in ways} == {"day1/a/part-0.jsonl"}
    assert place(str(tmp_path / "day2"), str(tmp_path / "day2/a/part-0.jsonl")) == "day2/a/part-0.jsonl"
    assert place("a/part-0.jsonl", "a/part-0.jsonl") == "a/part-0.jsonl"
    assert place("a/*.jsonl", "a/part-0.jsonl") == "a/part-0.jsonl"
    assert place("s3://bucket/day1/", "s3://bucket/day1/x/p.parquet") == "day1/x/p.parquet"
