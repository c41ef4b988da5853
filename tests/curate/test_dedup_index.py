"""`--index` and `--against` as a person meets them: what was published is remembered, and nothing else, and once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.corpus.recipe import parse
from curate.dedup import index
from curate.engine.session import Session, session
from curate.errors import InputError, OutputError, UsageError
from curate.files import storage
from curate.jobs.dedup import recipe_of
from curate.read.corpora import corpus_source
from curate.run import runner
from curate.run.pipeline import CorpusJob

pytestmark = [pytest.mark.engine]


@pytest.fixture(scope="module")
def sail() -> Iterator[Session]:
    with session("test", "sail", cores=2) as found:
        yield found


def texts(first: int, last: int) -> list[str]:
    return [f"Text number {n} of a few, all of them different and none of them long." for n in range(first, last)]


def corpus(folder: Path, rows: list[str], name: str = "part-0.parquet") -> Path:
    """Rows without ids."""
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"text": rows}), folder / name)
    return folder


def job(source: Path, out: Path, method: str = "exact", **more: object) -> CorpusJob:
    made = recipe_of(method, {"index": str(source.parent / "index"), **more})
    return CorpusJob("dedup", corpus_source(str(source)), made, str(out), keep_extracted=False)


def kept(s: Session, asked: CorpusJob, *, resume: bool = False) -> int:
    count: int = runner.run(s, asked, resume=resume)["kept"]
    return count


def listing(folder: Path) -> dict[str, bytes]:
    """What an index holds: the bytes of each file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("method", ["exact", "minhash", "lines", "spans"])
def test_files_of_one_name_in_two_folders_are_not_one_file(sail: Session, tmp_path: Path, method: str) -> None:
    first, second = (corpus(tmp_path / name, texts(0, 9)) for name in ("monday", "tuesday"))
    assert kept(sail, job(first, tmp_path / "1", method)) == 9
    ledger = runner.run(sail, job(second, tmp_path / "2", method))
    assert (ledger["records"], ledger["kept"]) == (9, 9 if method == "spans" else 0)  # one sentence is no span
    third = corpus(tmp_path / "wednesday", texts(9, 12))
    assert kept(sail, job(third, tmp_path / "3", method)) == 3
    assert kept(sail, job(first, tmp_path / "4", method)) == 9  # the same run again does not find itself


def test_a_run_that_was_not_published_is_not_remembered(
    sail: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(sail, job(corpus(tmp_path / "a", texts(0, 5)), tmp_path / "out-a"))
    before = listing(tmp_path / "index")
    later = corpus(tmp_path / "b", texts(3, 20))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    for place in ("curate.run.ledger.check", "curate.files.output.promised", "curate.files.output.finish"):
        with monkeypatch.context() as patched:
            patched.setattr(place, stop)
            with pytest.raises(KeyboardInterrupt):
                kept(sail, job(later, tmp_path / "out-b"), resume=(tmp_path / "out-b.partial").exists())
        if place != "curate.files.output.finish":
            assert listing(tmp_path / "index") == before
        assert json.loads((tmp_path / "index" / "runs.json").read_bytes()) == json.loads(before["runs.json"])
    assert kept(sail, job(later, tmp_path / "out-b"), resume=True) == 15
    known = json.loads((tmp_path / "index" / "runs.json").read_bytes())
    assert sorted(entry["rows"] for entry in known.values()) == [5, 15]
    folders = {path.name for path in (tmp_path / "index").iterdir() if path.is_dir()}
    assert folders == {entry["folder"] for entry in known.values()}
    assert not [name for name in listing(tmp_path / "index") if "pending" in name]


def test_killed_behind_the_publication(sail: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses the index next finds the run, though the run itself never came to say so."""
    real = index.settle

    def killed(folder: str) -> None:
        if (tmp_path / "out").exists():
            raise KeyboardInterrupt
        real(folder)

    with monkeypatch.context() as patched:
        patched.setattr(index, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            kept(sail, job(corpus(tmp_path / "a", texts(0, 5)), tmp_path / "out"))
    assert not (tmp_path / "index" / "runs.json").exists()
    assert kept(sail, job(corpus(tmp_path / "b", texts(0, 7)), tmp_path / "out-b")) == 2


def test_an_unfinished_run_that_others_overtook(sail: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = job(corpus(tmp_path / "a", texts(0, 9)), tmp_path / "late")
    for place in ("curate.run.ledger.check", "curate.files.storage.rename_folder"):
        with monkeypatch.context() as patched:
            real = storage.rename_folder

            def stop(source: str, *more: str, real: object = real, **names: str) -> None:
                if str(source).endswith(".partial") or isinstance(source, dict):
                    raise KeyboardInterrupt
                real(source, *more, **names)  # type: ignore[operator]

            patched.setattr(place, stop)
            with pytest.raises(KeyboardInterrupt):
                kept(sail, late, resume=place != "curate.run.ledger.check")
    kept(sail, job(corpus(tmp_path / "b", texts(0, 3)), tmp_path / "out"))
    with pytest.raises(OutputError, match="has got documents of other runs since"):
        kept(sail, late, resume=True)


def test_a_repeated_run_takes_its_own_place(sail: Session, tmp_path: Path) -> None:
    source = corpus(tmp_path / "a", texts(0, 9))
    for out in ("1", "2"):
        assert kept(sail, job(source, tmp_path / out)) == 9
    assert [e["rows"] for e in json.loads((tmp_path / "index" / "runs.json").read_bytes()).values()] == [9]
    assert len([path for path in (tmp_path / "index").iterdir() if path.is_dir()]) == 1


def test_what_an_index_can_not_be_used_for(sail: Session, tmp_path: Path) -> None:
    source = corpus(tmp_path / "a", texts(0, 9))
    kept(sail, job(source, tmp_path / "1"))
    with pytest.raises(UsageError, match="fold True instead of False"):
        kept(sail, job(source, tmp_path / "2", fold=False))
    with pytest.raises(UsageError, match="step Exact instead of MinHash"):
        kept(sail, job(source, tmp_path / "2", "minhash"))
    assert not (tmp_path / "2.partial").exists()  # said before anything was done
    parameters = tmp_path / "index" / "parameters.json"
    parameters.write_text(parameters.read_text().replace(f'"format": {index.FORMAT}', '"format": 1'))
    with pytest.raises(UsageError, match="another version"):
        kept(sail, job(source, tmp_path / "2"))
    step = f'[[step]]\nuse = "curate.dedup.Exact"\nindex = "{tmp_path}/other"\n'
    with pytest.raises(UsageError, match="two steps name the index"):
        index.check(parse(step + step, "twice").steps)


def test_an_index_that_lost_a_file(sail: Session, tmp_path: Path) -> None:
    kept(sail, job(corpus(tmp_path / "a", texts(0, 9)), tmp_path / "1"))
    next((tmp_path / "index").rglob("*.parquet")).unlink()
    with pytest.raises(InputError, match="does not hold the 9 rows"):
        kept(sail, job(corpus(tmp_path / "b", texts(0, 9)), tmp_path / "2"))


@pytest.mark.parametrize("entry", ["../a", "", ".", "/tmp/a", None])
def test_an_index_that_names_a_folder_elsewhere(tmp_path: Path, entry: str | None) -> None:
    """What is in no list is deleted: nothing outside the index, whatever an index of others says."""
    source, folder = corpus(tmp_path / "a", texts(0, 3)), tmp_path / "index"
    folder.mkdir()
    note = {"output": str(tmp_path / "gone"), "entry": entry, "run": "r", "rows": 3, "identity": "", "parameters": {}}
    (folder / "pending-x.json").write_text(json.dumps(note))
    with (
        pytest.raises(InputError, match="no folder of an index"),
        runner.claimed(job(source, tmp_path / "o"), resume=False),
    ):
        pass
    assert source.is_dir()
    assert folder.is_dir()


def test_an_index_that_can_not_be_written_to_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "index")
    asked = job(corpus(tmp_path / "a", texts(0, 3)), tmp_path / "out")
    with pytest.raises(OutputError, match="can't be written to"), runner.claimed(asked, resume=False):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_two_runs_on_one_index(tmp_path: Path) -> None:
    first, second = (job(corpus(tmp_path / name, texts(0, 3)), tmp_path / f"out-{name}") for name in "ab")
    told = pytest.raises(OutputError, match="another run is using this index")
    with runner.claimed(first, resume=False), told, runner.claimed(second, resume=False):
        pass
    assert not (tmp_path / "out-b.partial").exists()


@pytest.mark.parametrize("form", ["parquet", "jsonl", "curate"])
def test_against_whatever_is_a_corpus(sail: Session, tmp_path: Path, form: str) -> None:
    other = tmp_path / "other"
    if form == "curate":
        done = CorpusJob(
            "dedup", corpus_source(str(corpus(tmp_path / "o", texts(0, 4)))), recipe_of("exact", {}), str(other)
        )
        runner.run(sail, done)
    elif form == "jsonl":
        other.mkdir()
        (other / "part-0.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts(0, 4)))
    else:
        corpus(other, texts(0, 4))
    new = corpus(tmp_path / "new", texts(0, 9))
    made = recipe_of("minhash", {"against": str(other)})
    assert kept(sail, CorpusJob("dedup", corpus_source(str(new)), made, str(tmp_path / "out"))) == 5


def test_against_a_damaged_corpus(sail: Session, tmp_path: Path) -> None:
    """What can't be compared with would be taken for new."""
    whole = (corpus(tmp_path / "other", texts(0, 4)) / "part-0.parquet").read_bytes()
    (tmp_path / "other" / "part-0.parquet").write_bytes(whole[:10] + bytes(40) + whole[50:])
    made = recipe_of("exact", {"against": str(tmp_path / "other")})
    source = corpus_source(str(corpus(tmp_path / "new", texts(0, 9))))
    with pytest.raises(InputError, match="--against"):
        kept(sail, CorpusJob("dedup", source, made, str(tmp_path / "out")))


def test_against_nothing(sail: Session, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text("\n")
    made = recipe_of("exact", {"against": str(tmp_path / "other.jsonl")})
    source = corpus_source(str(corpus(tmp_path / "new", texts(0, 9))))
    with pytest.raises(InputError, match="no document in it to compare with"):
        kept(sail, CorpusJob("dedup", source, made, str(tmp_path / "out")))


@pytest.mark.parametrize("method", ["substring", "spans"])
def test_against_texts_too_short_for_a_key(sail: Session, tmp_path: Path, method: str) -> None:
    (tmp_path / "other.jsonl").write_text('{"text": "A short one."}\n')
    made = recipe_of(method, {"against": str(tmp_path / "other.jsonl")})
    source = corpus_source(str(corpus(tmp_path / "new", texts(0, 3))))
    assert kept(sail, CorpusJob("dedup", source, made, str(tmp_path / "out"))) == 3


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    monkeypatch.chdir(tmp_path)
    names = ["a/x", "./a/x", str(tmp_path / "a" / "x"), "link/x"]
    assert len({index.place_of([name]) for name in names}) == 1
    assert index.place_of(["b/x"]) != index.place_of(["a/x"]) != index.place_of(["a/x", "b/x"])


def test_what_a_killed_run_was_writing_into_an_index_is_cleared_up(tmp_path: Path) -> None:
    half, runs = tmp_path / "parameters.json.tmp-1f", tmp_path / "runs.json"
    half.write_text("{")
    runs.write_text("{}")
    index.settle(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == [runs]


def test_folders_that_no_list_and_no_note_names_are_cleared_up(tmp_path: Path) -> None:
    listed, replaced, noted = ("0" * 16 + f"-{n:08d}" for n in range(3))
    for name in (listed, replaced, noted, "somebody's"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.parquet").write_bytes(b"")
    (tmp_path / "runs.json").write_text(json.dumps({"run": {"folder": listed, "rows": 0}}))
    (tmp_path / "out.partial").mkdir()
    note = {"entry": noted, "output": str(tmp_path / "out"), "identity": ""}
    (tmp_path / "pending-1.json").write_text(json.dumps(note))
    index.settle(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {listed, noted, "somebody's", "out.partial"}
