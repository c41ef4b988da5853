"""A corpus on the Hub: what is sent, and what the Hub and `datasets` say of the folder, offline."""

import json
import warnings
from pathlib import Path

import datasets
import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from curate.cli import group, main
from curate.errors import InputError, OutputError, UsageError
from curate.jobs import push
from curate.report.mixture_card import front_matter

TARGET = "hf://datasets/me/corpus"


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    """A finished folder as `curate mix` leaves it, with what must stay here."""
    folder = tmp_path / "mixed"
    parts = []
    for name, texts in (("data/part-00000-of-00001.parquet", ["one", "two"]), ("heldout/web.parquet", ["three"])):
        path = folder / name
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"text": texts}), path)
        parts.append({"file": name, "bytes": path.stat().st_size, "rows": len(texts)})
    ledger = {"data": parts, "kept": 2}
    (folder / "ledger.json").write_text(json.dumps(ledger))
    (folder / "README.md").write_text(front_matter('odd: "name"', ledger) + "# A mixture\n")
    (folder / "rejected").mkdir()
    (folder / "job.json").write_text("{}")
    return folder


def test_the_plan_is_data_and_pages(mixture: Path) -> None:
    found = push.plan(str(mixture), TARGET)
    assert [name for name, _ in found.files] == [
        "data/part-00000-of-00001.parquet",
        "heldout/web.parquet",
        "README.md",
        "ledger.json",
    ]
    assert found.left == ["job.json", "rejected"]
    assert found.repository == "me/corpus"
    done = CliRunner().invoke(group, ["push", str(mixture), TARGET, "--dry-run", "--json"])
    assert json.loads(done.stdout)["bytes"] == found.bytes == sum(size for _, size in found.files)
    assert "nothing was sent" in done.stderr


def test_links_out_of_the_folder_are_not_sent(mixture: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (mixture / "report.html").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="only what lies in the folder itself is sent"):
        push.plan(str(mixture), TARGET)


def test_what_is_not_the_ledgers_is_refused(mixture: Path, tmp_path: Path) -> None:
    for target in ("me/corpus", "hf://datasets/corpus", "s3://a/b", "hf://datasets/a/b/c"):
        with pytest.raises(UsageError, match="write hf://datasets/OWNER/NAME"):
            push.plan(str(mixture), target)
    with pytest.raises(InputError, match="no finished corpus"):
        push.plan(str(tmp_path), TARGET)
    (mixture / "README.md").write_text("no head")
    with pytest.raises(OutputError, match=r"README\.md"):
        push.plan(str(mixture), TARGET)
    (mixture / "heldout/web.parquet").unlink()
    with pytest.raises(InputError, match=r"heldout/web\.parquet: missing"):
        push.plan(str(mixture), TARGET)


def test_one_commit_of_these_files(mixture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, dict[str, object]] = {}

    class Hub:
        def create_repo(self, name: str, **options: object) -> None:
            asked["repo"] = {"name": name, **options}

        def upload_folder(self, **options: object) -> object:
            asked["upload"] = options
            return type("Commit", (), {"commit_url": "https://huggingface.co/me/corpus/commit/1"})

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    done = CliRunner().invoke(group, ["push", str(mixture), TARGET])
    assert done.exit_code == 0, done.output
    assert asked["repo"] == {"name": "me/corpus", "repo_type": "dataset", "private": True, "exist_ok": True}
    sent = huggingface_hub.utils.filter_repo_objects(
        [str(path.relative_to(mixture)) for path in mixture.rglob("*") if path.is_file()],
        allow_patterns=asked["upload"]["allow_patterns"],
    )
    assert sorted(sent) == sorted(name for name, _ in push.plan(str(mixture), TARGET).files)


def test_a_hub_that_is_away_says_what_a_sender_can_do(
    mixture: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = type("ConnectError", (Exception,), {"__module__": "httpx._exceptions"})

    class Hub:
        def create_repo(self, name: str, **options: object) -> None:
            raise away("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    with pytest.raises(SystemExit) as stop:
        main(["push", str(mixture), TARGET])
    said = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2
    assert said.startswith(f"error: {TARGET}: the server can't be reached, or says no: Name or service not known.")
    assert "hf auth login" in said
    assert "push again" in said
    assert "hf download" not in said


def test_a_mixture_is_a_dataset_as_it_stands(mixture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head = huggingface_hub.DatasetCard.load(str(mixture / "README.md")).data
        cache = str(tmp_path / "cache")
        assert datasets.load_dataset(str(mixture), cache_dir=cache)["train"]["text"][:] == ["one", "two"]
        assert datasets.load_dataset(str(mixture), "heldout", cache_dir=cache)["test"]["text"][:] == ["three"]
    assert (head.pretty_name, head.size_categories) == ('Mixture odd: "name"', ["n<1K"])
    assert "heldout" not in front_matter("x", {"data": [], "kept": 5})


def test_what_has_no_documents_is_not_sent(mixture: Path) -> None:
    ledger = json.loads((mixture / "ledger.json").read_text())
    (mixture / "ledger.json").write_text(json.dumps(ledger | {"kept": 0}))
    with pytest.raises(InputError, match="no documents"):
        push.plan(str(mixture), TARGET)


def test_nobody_is_asked_for_a_missing_card(mixture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of no file is to huggingface_hub the name of a repository, whose card it fetches."""
    monkeypatch.setattr(huggingface_hub.DatasetCard, "load", lambda *_: pytest.fail("the Hub was asked"))
    (mixture / "README.md").unlink()
    with pytest.raises(OutputError, match=r"README\.md: missing"):
        push.plan(str(mixture), TARGET)
