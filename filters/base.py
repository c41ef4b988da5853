"""What a filter is: a pure function from a document to a decision.

A *step* is any callable `Document -> Decision`; in recipes it is a frozen dataclass with `__call__`, whose fields are
its parameters. A step sees one document, and nothing else: no clock, no randomness, no files, no other document.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Protocol

NOTHING: Mapping[str, int] = {}
NO_SIGNALS: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Document:
    """One document as a step sees it. The fields are columns of `curate.corpus.schema`."""

    id: str
    text: str
    source: str = ""
    url: str | None = None
    language: str | None = None
    """ISO 639-1 (or -3) code for natural language, with its script (`hin_Deva`) where the recipe asks for it; the lower-case
    name of the programming language for code."""
    language_score: float | None = None
    repo: str | None = None
    path: str | None = None
    """Path inside `repo`, for code."""
    license: str | None = None
    """SPDX expression, for code."""
    redacted: int | None = None
    """Secrets and e-mail addresses replaced, for code."""
    script: str | None = None
    """ISO 15924 code of the script it is written in, where a step told it."""
    opt_outs: tuple[str, ...] = ()
    """What its site declared against its use, for web pages: as in the column of that name."""


class Decision(NamedTuple):
    """What a step says of a document. Made by `keep` and `drop`, never by hand."""

    doc: Document
    """The document for the next step: the input itself unless the step edits."""
    reason: str | None = None
    """None keeps; otherwise a stable snake_case code, shown to people as `ClassName.code`."""
    value: float | None = None
    """The measurement that was compared with the limit."""
    signals: Mapping[str, float] = NO_SIGNALS
    """Everything measured, by name; the names are those of the class attribute `signals`."""
    removed: Mapping[str, int] = NOTHING
    """Lines (or spans) an edit cut, by code."""


def decision_of(step: Callable[[Document], Decision], document: Document) -> Decision:
    """What a step says of a document. Raises TypeError where a step gives something else, and what it raises itself."""
    decision = step(document)
    if not isinstance(decision, Decision):
        raise TypeError(f"a step returns a Decision (keep, drop), not {type(decision).__name__}")
    return decision


class Limit(NamedTuple):
    """A reason that follows from what a step has measured: the document goes where `signal relation parameter` holds."""

    reason: str
    signal: str
    """A name of the step's `signals`, or `language`, the document's."""
    relation: Literal["<", ">", "<=", ">=", "not in"]
    parameter: str = ""
    """The parameter compared with; empty: zero."""
    at: int | None = None
    """Its place in a parameter that is a list of limits."""
    when: str = ""
    """A parameter that switches this limit off where it is empty; with `not in` the parameter itself does."""
    unless: str = ""
    """A parameter with which nothing is dropped for this limit: the document is changed instead, so it can't be chosen again."""


class Step(Protocol):
    """The shape of a filter, an editor or an annotator."""

    def __call__(self, doc: Document, /) -> Decision: ...


class Parts(Protocol):
    """What a step may have besides `__call__`. Each part may be left out; whoever runs steps asks for it by these names."""

    signals: ClassVar[tuple[str, ...]]
    """Names of all that it measures; a column each."""
    limits: ClassVar[tuple[Limit, ...]]
    """Its reasons, in the order in which they are looked at, if all follow from its signals and it never changes the text. Then
    `curate whatif` can choose these parameters again from stored columns."""
    costly: ClassVar[bool]
    """Not run for its signals alone on a document that is rejected already. Default: False."""

    def prepare(self) -> None:
        """Load models and lists now. Raises OSError or ValueError with what is missing and how to get it: the job then ends
        before it starts."""
        ...

    def files(self) -> Iterable[Path]:
        """Files that decide what it says and are not named by a parameter, such as the model it uses: their bytes are a part
        of the job, so that a resumed run notices another one."""
        ...

    def lines(self, text: str, /) -> Iterable[tuple[str, str | None]]:
        """As in `LineStep`."""
        ...

    def told(self, doc: Document, /) -> Document:
        """Of a step that tells the language: the document with its language, by which parameters written `"@key"` are chosen.
        It depends on none of the parameters in `by_language`."""
        ...

    by_language: ClassVar[tuple[str, ...]]
    """Parameters that may be written `"@key"`. Default: all."""

    def moved(self, text: str, /) -> Iterable[tuple[str, float]]:
        """What moved the score of a text, by name, the strongest first; `curate explain` shows it."""
        ...


class LineStep(Protocol):
    """A step that can also say line by line what it cuts; `curate explain` shows it."""

    def __call__(self, doc: Document, /) -> Decision: ...

    def lines(self, text: str, /) -> Iterable[tuple[str, str | None]]:
        """Yield (line as it would stand, None) for lines that stay and (line, code) for lines that go."""
        ...


def keep(
    doc: Document,
    value: float | None = None,
    *,
    signals: Mapping[str, float] = NO_SIGNALS,
    removed: Mapping[str, int] = NOTHING,
) -> Decision:
    """Pass `doc` on (edited or annotated with `dataclasses.replace` where the step does that)."""
    return Decision(doc, None, value, signals, removed)


def drop(
    doc: Document,
    reason: str,
    value: float | None = None,
    *,
    signals: Mapping[str, float] = NO_SIGNALS,
    removed: Mapping[str, int] = NOTHING,
) -> Decision:
    """Reject `doc` for `reason`, with the measured `value` that decided."""
    return Decision(doc, reason, value, signals, removed)
