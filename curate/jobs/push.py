"""A corpus or a mixture on the Hugging Face Hub: what goes, checked before anything is sent."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curate.corpus.lookup import check_whole
from curate.errors import InputError, OutputError, UsageError, of_sending
from curate.files.output import believed, read_json

if TYPE_CHECKING:
    from rich.text import Text

TARGET = re.compile(r"hf://datasets/([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)/?")
PAGES = ("README.md", "ledger.json", "report.html", "recipe.toml", "mixture.toml", "tokenizer.json")
"""What goes beside the data: the card, the account, the page, what it was made by."""
FOLDERS = ("data/", "heldout/")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent where."""

    repository: str
    files: Sequence[tuple[str, int]]
    """Name in the folder and bytes."""
    left: Sequence[str]
    """Names at the top of the folder that stay here."""

    @property
    def bytes(self) -> int:
        """All that is sent."""
        return sum(size for _, size in self.files)


def plan(folder: str, target: str) -> Plan:
    """What of a finished corpus or mixture goes to `hf://datasets/OWNER/NAME`: the files that the ledger names, its card and pages.

    Raises UsageError for an address that is none; InputError for a folder that has no ledger, lacks a file of it, or holds one of
    another size; OutputError for a card that the Hub would refuse.
    """
    found = TARGET.fullmatch(target)
    if not found:
        raise UsageError(f"{target}: write hf://datasets/OWNER/NAME")
    if "://" in folder:
        raise InputError(f"{folder}: only a folder of this machine can be pushed")
    if not os.path.exists(os.path.join(folder, "ledger.json")):
        raise InputError(f"{folder}: no ledger.json: this is no finished corpus or mixture")
    ledger = read_json(os.path.join(folder, "ledger.json"))
    if not ledger.get("kept"):
        raise InputError(f"{folder}: no documents: its ledger says that none was kept, and nothing is sent")
    with believed(os.path.join(folder, "ledger.json")):
        listed = [part for part in ledger["data"] if part["file"].startswith(FOLDERS)]
        check_whole(folder, listed)
        files = [(part["file"], int(part["bytes"])) for part in listed]
    files += [(name, os.path.getsize(os.path.join(folder, name))) for name in PAGES if _is_file(folder, name)]
    _check_inside(folder, [name for name, _ in files])
    check_card(os.path.join(folder, "README.md"))
    sent = {name.split("/")[0] for name, _ in files}
    return Plan(found[1], files, sorted(name for name in os.listdir(folder) if name not in sent))


def _check_inside(folder: str, names: Iterable[str]) -> None:
    """Raises InputError for a link that leads out of the folder: a stranger's corpus would send a file of yours."""
    root = os.path.realpath(folder)
    for name in names:
        if os.path.commonpath([root, real := os.path.realpath(os.path.join(folder, name))]) != root:
            raise InputError(
                f"{os.path.join(folder, name)} is a link to {real}: only what lies in the folder itself is sent"
            )


def _is_file(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name))


def check_card(path: str) -> None:
    """Raise OutputError for a dataset card without metadata, or with such as huggingface_hub can't read. Offline."""
    from huggingface_hub import DatasetCard

    if not os.path.isfile(path):  # else the Hub is asked for it
        raise OutputError(
            f"{path}: missing: a corpus goes with its dataset card, which the job wrote; make the corpus again"
        )
    try:
        card = DatasetCard.load(path)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: no dataset card that the Hub takes: {error}") from error
    if not card.data.to_dict().get("configs"):
        raise OutputError(f"{path}: the card names no data files (configs): load_dataset would guess")


def send(folder: str, asked: Plan, private: bool = True) -> str:
    """Make the repository, if it isn't there, and send the plan's files in one commit; the address of the commit.

    Raises OutputError where the Hub can't be reached or says no. Files that are there are not sent again.
    """
    try:
        return _send(folder, asked, private)
    except Exception as error:
        if told := of_sending(error):
            raise type(told)(f"hf://datasets/{asked.repository}: {told}") from error
        raise


def _send(folder: str, asked: Plan, private: bool) -> str:
    from huggingface_hub import HfApi

    hub = HfApi()
    hub.create_repo(asked.repository, repo_type="dataset", private=private, exist_ok=True)
    commit = hub.upload_folder(
        repo_id=asked.repository,
        repo_type="dataset",
        folder_path=folder,
        allow_patterns=[_literal(name) for name, _ in asked.files],
        delete_patterns=[f"{kind}**" for kind in FOLDERS],
        commit_message="From curate",
    )
    return str(commit.commit_url)


def _literal(name: str) -> str:
    """A name as a pattern that matches it alone."""
    return re.sub(r"([*?[])", r"[\1]", name)


def table(asked: Plan) -> "Text":
    """The plan for a terminal."""
    from rich.text import Text

    from curate.console.terminal import clean, size

    lines = [f"{asked.repository}: {len(asked.files)} files, {size(asked.bytes)}"]
    lines += [f"  {name}  {size(count)}" for name, count in asked.files]
    return Text("\n".join([*map(clean, lines), f"stays here: {', '.join(asked.left) or 'nothing'}"]))


def told(asked: Plan) -> Mapping[str, object]:
    """The plan as JSON."""
    return {
        "repository": asked.repository,
        "bytes": asked.bytes,
        "files": [{"file": name, "bytes": size} for name, size in asked.files],
        "left": list(asked.left),
    }
