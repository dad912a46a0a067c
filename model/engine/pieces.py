"""What jobs are made of: pieces, what a job may ask for between them, and who may watch."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal, Protocol, TypeVar

__all__ = [
    "LAST",
    "PAUSE",
    "Emit",
    "Ended",
    "Failed",
    "Job",
    "Pause",
    "Piece",
    "Priority",
    "Token",
    "Watch",
    "Work",
    "advance",
    "finished",
]

Result = TypeVar("Result")


class Priority(IntEnum):
    """What goes first; equals take turns.

    Speech that is due and drafts are equals: a long answer keeps its row busy for ten seconds and
    more, and would keep everybody else waiting for their first word.
    """

    ENDS_TURN = 0
    SPEECH = 1
    LOOKING = 2


@dataclass(frozen=True, slots=True)
class Emit:
    """Yielded by a job: an intermediate result; what follows may be less urgent, or more."""

    value: Any
    then: Priority | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """Yielded by a job: a request for the next token of a Language row."""

    row: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Yielded by a job inside a long pass, such as after each layer; see `PAUSE`."""


PAUSE: Final = Pause()
"""The piece may end here; it goes on at once unless it has lasted long."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The result of a job that raised; `error` is what to log."""

    lane: str
    error: str


Work = Generator[Emit | Token | Pause | None, Any, Any]

Ended = Literal["paused", "went on", "emitted", "asked", "returned", "failed", "closed", "unserved"]
"""How a piece ended: at a pause, at a boundary, with an intermediate result, with a request for a
token, with the job; it raised; it was abandoned; its token could not be sampled."""

LAST: Final = ("returned", "failed", "closed", "unserved")
"""Ends of a piece that are the end of its job."""


@dataclass(slots=True)
class Job:
    """One piece-wise computation for one stream. Mutable: owned by the JobQueue once submitted.

    A `lasting` job writes down what was decided; it is not abandoned with the drafts of its lane.
    """

    stream: int
    lane: str
    priority: Priority
    work: Work
    lasting: bool = False
    number: int = 0
    cancelled: bool = False
    served: int = 0
    waits_for: Token | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece that was run.

    Attributes:
        job: whose it was.
        ended: how.
        value: what it gave; it waits for the stream if `posted`.
        posted: a job that was cancelled meanwhile posts nothing.
        pauses: how many pauses it came to.
    """

    job: Job
    ended: Ended
    value: Any = None
    posted: bool = False
    pauses: int = 0


class Watch(Protocol):
    """Is told what the queue does, in order, while it is locked: must not wait."""

    def submitted(self, job: Job) -> None:
        """A job was queued."""

    def sampled(self, jobs: Sequence[Job], rows: Sequence[int], tokens: Sequence[int]) -> None:
        """A token was sampled for each job, in one batch; next their pieces are run."""

    def ran(self, piece: Piece) -> None:
        """A piece was run."""


def advance(job: Job, token: int | None, cut: Callable[[int], bool]) -> tuple[Ended, Any, int]:
    """Run one piece.

    Args:
        job: whose turn it is.
        token: what it waited for, if it did.
        cut: whether the piece ends at its n-th pause, from 1.

    Returns:
        How it ended, what it gave, and how many pauses it came to.
    """
    pauses = 0
    try:
        asked = job.work.send(token)
        while isinstance(asked, Pause):
            pauses += 1
            if cut(pauses):
                return "paused", None, pauses
            asked = job.work.send(None)
    except StopIteration as stop:
        return "returned", stop.value, pauses
    except Exception as error:
        # One stream's broken job must not end the worker that serves the others.
        return "failed", Failed(job.lane, repr(error)), pauses
    if isinstance(asked, Emit):
        job.priority = job.priority if asked.then is None else asked.then
        return "emitted", asked.value, pauses
    if isinstance(asked, Token):
        job.waits_for = asked
        return "asked", None, pauses
    return "went on", None, pauses


def finished(pieces: Generator[Any, None, Result]) -> Result:
    """What work in pieces gives, all of it done now, with nobody's turn in between."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: Result = end.value
            return result
