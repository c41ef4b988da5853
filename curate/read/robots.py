"""Records of robots.txt and of /.well-known/tdmrep.json in a crawl: which of its pages sites refuse to crawlers that gather data
for training, and for which they reserve text and data mining.

Before the pages are read, the records are (`gather`, a task a split), and become one table of sites (`merge`). Hosts stand in it
as hashes and rules as numbers of a list in which each set of rules stands once: 12 bytes a site and file, and rules are much alike.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.corpus.shards import ShardWriter, read_batches
from curate.engine import children, tasks
from curate.files import storage
from curate.read.opt_outs import (
    EVERYBODY,
    POLICY,
    RESERVATION,
    TDMREP,
    is_ai_crawler,
    policy_address,
    product,
    reserves_training,
)
from curate.read.rows import in_batches, survive
from curate.read.source import ReadResult, ReadTask, Stage
from curate.read.splits import SplitTask, read_split
from curate.warc import Limits, Record
from curate.warc.record import site_file

T = TypeVar("T")
STAGE, MERGED = "robots", "robots-merged"
LONGEST = 512 << 10
"""Bytes of a robots.txt that are read (RFC 9309, section 2.5, asks for 500 KiB at least)."""
MOST_RULES, LONGEST_PATTERN, LONGEST_PATH = 2_000, 1_000, 2_048
"""Rules of a site that are kept, characters of one, and characters of a path that are compared with them."""
MOST_SITE, MOST_SITES, MOST_PARSED = LONGEST, 1 << 30, 4 << 20
"""Bytes of the rules of a site, as JSON, that are kept (a rule that holds for several crawlers stands there for each); of all
sites; and of those that a process holds parsed, which takes some ten times as much."""
TRAINING = "ai-train"
"""Stands for a crawler where Content-Signal or Content-Usage refuses training."""
ROWS = pa.schema([("place", pa.string()), ("date", pa.timestamp("us", tz="UTC")), ("rules", pa.string())])
"""`place`: the host; with `/tdmrep.json` behind it where the rules are of that file."""
TABLE = pa.schema([("hash", pa.uint64()), ("rules", pa.dictionary(pa.int32(), pa.large_string()))])

Rules = dict[str, list[tuple[bool, str]]]
"""By crawler: whether a pattern allows, and the pattern."""
Reservations = list[tuple[str, bool, str]]
"""Pattern, whether the rights to what it matches are reserved, and the address of the policy; in the order of the file."""


# ---- the text ----------------------------------------------------------------------------------------------


def parse(text: str) -> Rules:
    """The groups of a robots.txt (RFC 9309) for crawlers of `AI_CRAWLERS`, for all crawlers ("*"), and what Content-Signal and
    Content-Usage say of training (`TRAINING`). Groups of one crawler are one."""
    found: Rules = {}
    named: list[str] = []
    open_, left, room = False, MOST_RULES, MOST_SITE
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            named = [*(named if open_ else []), product(value)]
            open_ = True
            continue
        open_ = open_ and key not in ("allow", "disallow")
        heard = [name for name in dict.fromkeys(named) if name == EVERYBODY or is_ai_crawler(name)]
        if key in ("allow", "disallow"):
            for name in heard if len(value) <= LONGEST_PATTERN else ():
                if left <= 0 or room < (size := _size(value)):
                    break
                rules = found.setdefault(name, [])
                if value:  # an empty one forbids nothing; the group stands for its crawler all the same
                    rules.append((key == "allow", value))
                    left, room = left - 1, room - size
        elif key in ("content-signal", "content-usage") and (heard or not named) and left > 0:
            path, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
            if len(path) <= LONGEST_PATTERN and room >= (size := _size(path)):
                said = found.setdefault(TRAINING, [])
                said.append((not reserves_training(rest), path))
                left, room = left - 1, room - size
    return found


def _size(*words: str) -> int:
    """Bytes of a rule as JSON: a character that is no ASCII takes six or twelve."""
    return 16 + sum(len(json.dumps(word)) for word in words)


def refused(rules: Rules, path: str) -> list[str]:
    """Whom the rules keep away from a path (with its query): crawlers by name, "*" where all are that are not named."""
    path = unquote(path[:LONGEST_PATH]) or "/"
    return sorted(name for name, group in rules.items() if not _allowed(group, path))


def _allowed(group: Sequence[tuple[bool, str]], path: str) -> bool:
    """RFC 9309, section 2.2.2: the longest pattern that matches decides; of two, the one that allows; none allows."""
    best = max(((len(pattern), allow) for allow, pattern in group if _matches(pattern, path)), default=None)
    return best is None or best[1]


def _matches(pattern: str, path: str) -> bool:
    """Whether a path begins with a pattern, in which * stands for anything and $ at its end for the end (%2A and %24 for
    themselves). The path is decoded, the pattern is not."""
    whole = pattern.endswith("$")
    first, *rest = map(unquote, pattern.removesuffix("$").split("*"))
    if not path.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(rest):
        if whole and number == len(rest) - 1:
            return len(path) - len(part) >= at and path.endswith(part)
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return not whole or at == len(path)


def reservations(text: str) -> Reservations:
    """The rules of a tdmrep.json (TDM Reservation Protocol, W3C community group, 2024, section 3.1); none of what is no such file.

    The protocol asks for an array; an object alone is taken for its only rule.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found: Reservations = []
    room = MOST_SITE
    for rule in [said] if isinstance(said, dict) else said if isinstance(said, list) else ():
        if len(found) == MOST_RULES:
            break
        if not isinstance(rule, dict) or not isinstance(location := rule.get("location"), str):
            continue
        reserved, policy = rule.get(RESERVATION), rule.get(POLICY)
        if reserved in (0, 1, "0", "1") and 0 < len(location) <= LONGEST_PATTERN:
            one = (location, reserved in (1, "1"), policy_address(policy) if isinstance(policy, str) else "")
            if (room := room - _size(location, one[2])) < 0:
                break
            found.append(one)
    return found


def reserved(rules: Reservations, path: str) -> list[str]:
    """Entries of the column `opt_outs`: the first rule that matches a path decides (section 3.1)."""
    path = unquote(path[:LONGEST_PATH]) or "/"
    for location, reserves, policy in rules:
        if _matches(location, path):
            said = [f"{TDMREP}:{POLICY}={policy}"] if policy else []
            return [*said, f"{TDMREP}:{RESERVATION}"] if reserves else []
    return []


# ---- gathering ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordsTask:
    """What a child is given of a split of a crawl file; as `web.PagesTask`."""

    task: SplitTask
    done: int = 0
    poison: dict[str, str] = field(default_factory=dict)


@tasks.supervises
def gather(task: SplitTask) -> ReadResult:
    """Task: the rules of each such record in `split`, to the file `out`. What is damaged is counted where the pages are read."""
    records = 0
    with ShardWriter(task.out, ROWS, scratch=True) as writer:
        for batch in survive(task, f"{__name__}:records"):
            if batch.schema.names == ROWS.names:
                records += batch.num_rows
                writer.write(batch.filter(batch["place"].is_valid()))
    return ReadResult(records, writer.rows)


def records(task: RecordsTask) -> Iterator[pa.RecordBatch]:
    """In the child: a row for each record of the split, from number `done` on; without a place where it holds no rules for us."""
    robots = task.task

    def rows() -> Iterator[dict[str, object]]:
        for number, record in enumerate(read_split(robots.split, _wanted, Limits(body=8 << 20))):
            if number < task.done:
                continue
            row: dict[str, object] = dict.fromkeys(ROWS.names)
            if record.body is not None and str(number) not in task.poison:
                try:
                    with children.page(number, robots.cpu_seconds):
                        text = record.body[:LONGEST].decode("utf-8-sig", "replace")
                        place, rules = authority(record.url), json.dumps(parse(text))
                        if site_file(record.url) == "tdmrep_json":
                            place, rules = f"{place}/{TDMREP}", json.dumps(reservations(text))
                        row = {"place": place, "date": record.date, "rules": rules}
                except (children.PageTimeout, MemoryError):
                    pass
            yield row

    return in_batches(rows(), ROWS, 1024, "rules")


def _wanted(record: Record) -> bool:
    return (
        record.kind == "response"
        and record.status is not None
        and 200 <= record.status <= 299
        and site_file(record.url) is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeTask(ReadTask):
    """The files of `gather`, by name, to be one table."""

    names: tuple[str, ...]


def merge(task: MergeTask) -> ReadResult:
    """Task: one table of the sites with rules, by hash. Of several records of one file of a site the newest holds.

    The files are read twice, so that only the rules that hold are in memory. Where these are more than MOST_SITES bytes, the sites
    with the longest count as if they refused everything to everybody.
    """
    newest: dict[int, tuple[str, bytes, int]] = {}
    for key, date, rules in _gathered(task):
        one = (date, _digest(rules), len(rules))
        newest[key] = max(one, newest.get(key, one))
    sizes = {digest: size for _, digest, size in newest.values()}
    held, room = set[bytes](), MOST_SITES
    for digest in sorted(sizes, key=lambda digest: (sizes[digest], digest)):
        if (room := room - sizes[digest]) < 0:
            break
        held.add(digest)
    texts: dict[bytes, str] = {}
    told: dict[int, str] = {}
    for key, _, rules in _gathered(task):
        digest = _digest(rules)
        if newest[key][1] == digest and rules not in ("{}", "[]"):
            told[key] = texts.setdefault(digest, rules if digest in held else _ALL_REFUSED[rules[0]])
    keys = sorted(told)
    table = pa.table([pa.array(keys, pa.uint64()),
                      pa.array([told[key] for key in keys], pa.large_string()).dictionary_encode()], schema=TABLE)  # fmt: skip
    with storage.atomic(task.out) as out, pa.OSFile(out, "wb") as file, pa.ipc.new_file(file, TABLE) as writer:
        writer.write_table(table)
    return ReadResult(len(newest), len(told))


_ALL_REFUSED = {"{": json.dumps({EVERYBODY: [(False, "/")]}), "[": json.dumps([("/*", True, "")])}
"""What stands for rules that are too many, by how they begin: those of robots.txt, and of tdmrep.json."""


def _gathered(task: MergeTask) -> Iterator[tuple[int, str, str]]:
    """Hash of the place, date and rules of each record."""
    for name in task.names:
        for batch in read_batches(storage.join(task.scratch, STAGE, name), rows=64):
            for row in batch.to_pylist():
                yield _hash(row["place"]), row["date"].isoformat() if row["date"] else "", row["rules"]


def _digest(rules: str) -> bytes:
    return hashlib.blake2b(rules.encode(), digest_size=16).digest()


def stages(tasks_: Sequence[SplitTask]) -> list[Stage]:
    """What comes before the pages: the rules in the splits of those tasks."""
    asked = [
        SplitTask(
            name=task.name,
            split=task.split,
            source=task.source,
            cpu_seconds=task.cpu_seconds,
            memory_bytes=task.memory_bytes,
        )
        for task in tasks_
    ]
    return [
        Stage(STAGE, gather, asked),
        Stage(MERGED, merge, [MergeTask(name="all", names=tuple(task.name for task in asked))]),
    ]


# ---- asking ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sites:
    """The rules of all sites of a job."""

    hashes: npt.NDArray[np.uint64]
    numbers: npt.NDArray[np.int32]
    rules: pa.LargeStringArray

    def declared(self, url: str | None) -> list[str]:
        """Entries of the column `opt_outs` for a page."""
        host = authority(url)
        if not host or not len(self.hashes):
            return []
        rules, tdm = self._of(host), self._of(f"{host}/{TDMREP}")
        if rules is None and tdm is None:
            return []
        parts = urlsplit(url or "")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        said = [f"robots.txt:{name}" for name in refused(_loaded(rules), path)] if rules else []
        return said + (reserved(_loaded_reservations(tdm), path) if tdm else [])

    def _of(self, place: str) -> str | None:
        key = _hash(place)
        at = int(np.searchsorted(self.hashes, np.uint64(key)))
        if at == len(self.hashes) or int(self.hashes[at]) != key:
            return None
        return str(self.rules[int(self.numbers[at])].as_py())


@lru_cache(maxsize=2)
def sites(scratch: str) -> Sites:
    """The table that `merge` wrote, once a process."""
    path = storage.join(scratch, MERGED, "all")
    fs, inner = storage.filesystem(path)
    with (
        pa.memory_map(inner) if storage.is_local(path) else fs.open_input_file(inner) as file
    ):  # one copy for all processes
        table = pa.ipc.open_file(file).read_all().combine_chunks()
    column = table["rules"].chunk(0) if table.num_rows else pa.array([], TABLE.field("rules").type)
    return Sites(table["hash"].to_numpy(), column.indices.to_numpy(), column.dictionary)


class Parsed(Generic[T]):
    """What a function makes of texts, of those asked for last: of MOST_PARSED bytes at most."""

    def __init__(self, parse: Callable[[str], T]) -> None:
        self._parse, self._size = parse, 0
        self._held: OrderedDict[str, T] = OrderedDict()

    def __call__(self, text: str) -> T:
        if text in self._held:
            self._held.move_to_end(text)
            return self._held[text]
        self._held[text] = found = self._parse(text)
        self._size += len(text)
        while self._size > MOST_PARSED:
            self._size -= len(self._held.popitem(last=False)[0])
        return found


def _rules(text: str) -> Rules:
    return {name: [(bool(allow), pattern) for allow, pattern in group] for name, group in json.loads(text).items()}


def _reservations(text: str) -> Reservations:
    return [(location, bool(reserves), policy) for location, reserves, policy in json.loads(text)]


_loaded, _loaded_reservations = Parsed(_rules), Parsed(_reservations)
_DEFAULT_PORT = re.compile(r":(?:80|443)?$")


def authority(url: str | None) -> str:
    """Host and port of an address, in lower case, without a port that goes without saying; empty where there is none."""
    try:
        found = urlsplit(url or "").netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
    return _DEFAULT_PORT.sub("", found)


def _hash(host: str) -> int:
    return int.from_bytes(hashlib.blake2b(host.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
