"""Errors meant for the person who runs a command.

    CurateError                 everything below; the CLI prints it as one line and exits with 2
    ├── UsageError              the command line or the arguments of a job are wrong
    ├── RecipeError             a recipe is wrong: names the file, the key and the nearest right one
    ├── InputError              an input can't be found or read at all
    ├── OutputError             an output folder is in the way, or can't be written
    ├── EngineError             no engine can be had (Java missing, wrong version, cluster away)
    ├── BalanceError            the ledger does not add up: records were lost or counted twice
    └── AlarmError              a safety limit of the recipe stopped the job (e.g. one cluster swallowed a source)

A damaged record is never an error of this kind: it is a row with a reason.
"""

import difflib
import errno
import os
import re
from collections.abc import Iterable


class CurateError(Exception):
    """Base of all errors that a person can do something about."""


class UsageError(CurateError):
    """The command line or the arguments of a job are wrong."""


class RecipeError(CurateError):
    """A recipe is wrong."""


class InputError(CurateError):
    """An input can't be found or read at all."""


class OutputError(CurateError):
    """An output folder is in the way or can't be written."""


class EngineError(CurateError):
    """No engine can be had."""


class CrashError(EngineError):
    """The process of a task crashed, each time, and was not killed by anybody else: its input may be to blame."""


class BalanceError(CurateError):
    """The ledger does not add up."""


class AlarmError(CurateError):
    """A safety limit of the recipe stopped the job."""


def refuse_empty(name: str, what: str = "an input") -> None:
    """Raise InputError for a path without a character: it would stand for the working directory, or for /."""
    if not name.strip():
        raise InputError(f"{what} is empty (an unset variable?)")


DISK = {
    errno.ENOSPC: "there is no room left on the disk (bytes: df; files: df -i): make room",
    errno.EDQUOT: "your quota of the disk is used up: make room",
    errno.EFBIG: "a file would become larger than is allowed (ulimit -f): allow more",
    errno.EROFS: "the disk can only be read: choose another folder",
    errno.EACCES: "permission denied: change the permissions or choose another folder",
    errno.EPERM: "not permitted: change the permissions or choose another folder",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.EIO: "the disk reports an error",
}
"""What a person can do about an error of the operating system, by number."""
GOES_ON = "; what is finished is kept, --resume goes on from there"
_IN_A_RUN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Those that come when a job has been at work for a while."""


_PASSING = re.compile(
    r"HTTP status (408|425|429|5\d\d)\b|SLOW_DOWN|NETWORK_CONNECTION|REQUEST_TIMEOUT|THROTTLING|curlCode"
)


_NO_HOST = re.compile(r"Could not resolve host: [^ ]+|Failed to connect to \S+ port \d+")
_REFUSED = re.compile(
    r"AWS Error (ACCESS_DENIED|INVALID_ACCESS_KEY_ID|INVALID_SIGNATURE|SIGNATURE_DOES_NOT_MATCH|[A-Z_]*TOKEN[A-Z_]*)|HTTP status 40[13]\b"
)
_GOOGLE = re.compile(r"google::cloud::Status\((\w+): (?:[^:]*, with a last message of )?([^.({]*)")


def is_passing(error: BaseException) -> bool:
    """Whether an error of a store may be gone a little later: it is busy, or the network failed."""
    return bool(_PASSING.search(str(error)))


def _of_store(error: BaseException) -> OutputError | None:
    if found := _GOOGLE.search(str(error)):
        return OutputError(
            f"Google Cloud Storage does not answer: {found[1]}: {found[2]}; check the network and your credentials (gcloud auth "
            "application-default login, or GOOGLE_APPLICATION_CREDENTIALS)"
        )
    if "NO_SUCH_BUCKET" in str(error) or "NoSuchBucket" in str(error):
        return OutputError("no such bucket: make it first, or correct its name")
    told = next((line for line in str(error).splitlines() if "AWS Error" in line), None)
    if told is None:
        return None
    if found := _NO_HOST.search(told):
        return OutputError(
            f"the store can't be reached: {found[0]}: check the network, or AWS_ENDPOINT_URL; a run that had begun goes on with --resume"
        )
    if _REFUSED.search(told):
        return OutputError(
            f"the store refuses: {told}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE), and look what they may do"
        )
    if is_passing(error):
        return OutputError(f"the store does not answer, however often it is asked: {told}; --resume goes on from there")
    return OutputError(told)


def said(error: BaseException) -> str:
    """What a system, a store or a library says, on one line, with what can be done about it where we know."""
    if told := _of_store(error):
        return str(told)
    if (number := getattr(error, "errno", None)) in DISK:
        return DISK[number]
    words = getattr(error, "strerror", None) or str(error)
    if isinstance(error, FileNotFoundError) and words.startswith("Failed to open local file"):  # Arrow's words
        return "no such file or folder"
    return (words.strip().split("\n", 1)[0].split(". Detail: ", 1)[0] or type(error).__name__)[:300]


_CLIENTS = ("httpx", "httpx2", "httpcore", "huggingface_hub", "requests", "urllib3", "aiohttp")
"""Packages whose exceptions are about a server or the way to it."""


def in_words(error: Exception) -> CurateError | None:
    """What a person can mend, as one line says it: a CurateError as it is, what the network or the system refused in words;
    None for a fault of ours."""
    if isinstance(error, CurateError):
        return error
    if isinstance(error, OSError):
        return of_network(error) or of_disk(error) or of_system(error)
    if isinstance(error, EOFError) and "marshal data" in str(error):
        return OutputError(
            "a compiled module of Python is cut short, as a full disk leaves it: delete the folders __pycache__"
        )
    return of_network(error)


def of_network(error: BaseException) -> CurateError | None:
    """The error of a library that asks a server (the Hugging Face Hub), in a line; None for any other error."""
    if not (words := _of_client(error)):
        return None
    return InputError(
        f"the server can't be reached, or says no: {words}. Offline: fetch the files on another machine (hf download OWNER/NAME "
        "--repo-type dataset) and name their folder; a private one: hf auth login"
    )


def of_sending(error: BaseException) -> CurateError | None:
    """As `of_network`, for who sends to the Hub."""
    if not (words := _of_client(error)):
        return None
    return OutputError(
        f"the server can't be reached, or says no: {words}. The folder is as it was: check the network and sign in (hf auth login, or "
        "HF_TOKEN, with a token that may write there), then push again; what is there already is not sent twice"
    )


def _of_client(error: BaseException) -> str:
    if type(error).__module__.split(".")[0] not in _CLIENTS:
        return ""
    return " ".join(str(error).split())[:300] or type(error).__name__


def of_disk(error: BaseException) -> OutputError | None:
    """The error of a full or closed disk, or of a store, in words; None for any other error.

    Engines and libraries hand such errors on as text, with the system's own words in it.
    """
    if store := _of_store(error):
        return store
    number = getattr(error, "errno", None)
    if number not in DISK:
        text = str(error)
        number = next((one for one in DISK if one != errno.EPERM and os.strerror(one) in text), None)
        if (
            number is None and isinstance(error, OSError) and text.startswith("Not enough free space to write")
        ):  # numpy's words
            number = errno.ENOSPC
    if number is None:
        return None
    name = getattr(error, "filename", None)
    where = f"{_asked(name)}: " if isinstance(name, str | bytes) else ""
    kept = GOES_ON if number in _IN_A_RUN else ""
    return OutputError(f"{where}{DISK[number]}{kept}")


def of_system(error: OSError) -> CurateError:
    """What the system refused, in one line: the path and the system's words. CURATE_DEBUG=1 shows the traceback."""
    words = (error.strerror or str(error)).split("\n", 1)[0].split(". Detail: ", 1)[0]
    where = f"{_asked(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return CurateError(f"{where}{words or type(error).__name__}")


def _asked(name: str | bytes) -> str:
    """The file that was asked for, where the name is that of its temporary one (`curate.files.storage.atomic`)."""
    return re.sub(r"\.tmp-[0-9a-f]{32}$", "", os.fsdecode(name))


def nearest(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` for the nearest of `known`, or the list of them, or nothing when there are none."""
    names = sorted(known)
    same = [name for name in names if name.casefold() == word.casefold()]
    close = same or difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
