"""Work beside the tick: jobs cut into pieces, run by priority, whose results wait for their stream.

A job is a generator. Between pieces it yields one of

* `None`: a piece is done, go on when it is your turn again;
* `Emit(value)`: an intermediate result, which enters the stream at its next micro-turn;
* `Token(row)`: sample the next token of a Language row. All jobs that wait for a token are
  served by one batched step, and each is sent its own token.

Jobs of one (stream, lane) run one after another in the order of their submission, so that what
they do to the same row never interleaves. A cancelled job is closed at its next piece boundary.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import Any, Final

__all__ = ["Emit", "Failed", "Job", "JobQueue", "Priority", "Result", "Token", "Work"]

QUEUE_LIMIT: Final = 256
"""Jobs waiting in all; one more is refused, since the engine is then far behind anyway."""

RESULT_LIMIT: Final = 512
"""Results waiting for one stream; the oldest are dropped beyond it: the stream no longer ticks."""


class Priority(IntEnum):
    """What goes first; equals take turns.

    Speech that is due and drafts are equals: a long answer keeps its row busy for ten seconds and
    more, and would keep everybody else waiting for their first word.
    """

    ENDS_TURN = 0
    SPEECH = 1
    LOOKING = 2
    HOUSEKEEPING = 3


@dataclass(frozen=True, slots=True)
class Emit:
    """Yielded by a job: an intermediate result."""

    value: Any


@dataclass(frozen=True, slots=True)
class Token:
    """Yielded by a job: a request for the next token of a Language row."""

    row: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The result of a job that raised; `error` is what to log."""

    lane: str
    error: str


Work = Generator[Emit | Token | None, Any, Any]


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


Result = tuple[int, str, Any]
"""(job number, lane, value); a returned None is not a result."""


class JobQueue:
    """Thread-safe: the tick submits, cancels and takes results; one worker runs pieces.

    Args:
        sample: samples one token for each of the given Language rows in one batched step.
    """

    def __init__(self, sample: Callable[[Sequence[int]], Sequence[int]] | None = None) -> None:
        self._sample = sample
        self._lanes: dict[tuple[int, str], deque[Job]] = {}
        self._running: set[tuple[int, str]] = set()
        self._results: dict[int, deque[Result]] = {}
        self._numbers = count(1)
        self._changed = threading.Condition()
        self._turns = 0
        self._ended = False

    def submit(self, job: Job) -> int:
        """Queue a job; returns its number. Raises OverflowError when the queue is full."""
        with self._changed:
            if self._waiting() >= QUEUE_LIMIT:
                raise OverflowError(f"{QUEUE_LIMIT} jobs wait; the machine is too slow for them")
            job.number = next(self._numbers)
            self._lanes.setdefault((job.stream, job.lane), deque()).append(job)
            self._changed.notify()
            return job.number

    def cancel(self, stream: int, lane: str | None = None) -> None:
        """Abandon a stream's jobs at their next piece boundary: those of one lane that are not
        lasting, or all.
        """
        with self._changed:
            for (owner, name), jobs in self._lanes.items():
                if owner == stream and lane in (None, name):
                    for job in jobs:
                        job.cancelled |= lane is None or not job.lasting
            self._changed.notify()

    def results(self, stream: int) -> tuple[Result, ...]:
        """Take what has finished for a stream, in order."""
        with self._changed:
            return tuple(self._results.pop(stream, ()))

    def forget(self, stream: int) -> None:
        """Cancel a stream's jobs and drop its results."""
        self.cancel(stream)
        with self._changed:
            self._results.pop(stream, None)

    def waiting(self) -> int:
        """Jobs not finished."""
        with self._changed:
            return self._waiting()

    def end(self) -> None:
        """Make `run_forever` return after its current piece."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def run_forever(self) -> None:
        """Run pieces until `end`; the body of the worker thread."""
        while True:
            with self._changed:
                while not self._ended and not self._ready():
                    self._changed.wait()
                if self._ended:
                    return
            self.run_piece()

    def run_piece(self) -> bool:
        """Run one piece of the most urgent job, or one batched token step; False if none waits."""
        with self._changed:
            jobs = self._choose()
            self._running |= {(job.stream, job.lane) for job in jobs}
        if not jobs:
            return False
        try:
            if jobs[0].waits_for is not None and not jobs[0].cancelled:
                self._serve_tokens(jobs)
            else:
                self._advance(jobs[0])
        finally:
            with self._changed:
                self._running -= {(job.stream, job.lane) for job in jobs}
        return True

    def _waiting(self) -> int:
        return sum(len(jobs) for jobs in self._lanes.values())

    def _ready(self) -> list[Job]:
        return [jobs[0] for key, jobs in self._lanes.items() if jobs and key not in self._running]

    def _choose(self) -> list[Job]:
        heads = self._ready()
        cancelled = [job for job in heads if job.cancelled]
        if cancelled:
            return cancelled[:1]
        if not heads:
            return []
        # Among equals the one served longest ago goes first: `served` numbers the pieces.
        first = min(heads, key=lambda job: (job.priority, job.served))
        if first.waits_for is None:
            return [first]
        return [job for job in heads if job.waits_for is not None]

    def _serve_tokens(self, jobs: list[Job]) -> None:
        assert self._sample is not None, "a job asked for a token but the model samples none"
        rows = [job.waits_for.row for job in jobs if job.waits_for is not None]
        try:
            tokens = self._sample(rows)
        except Exception as error:
            if len(jobs) == 1:
                self._finish(jobs[0], Failed(jobs[0].lane, repr(error)))
            else:
                # One broken row must not cost the others their answer.
                for job in jobs:
                    self._serve_tokens([job])
            return
        for job, token in zip(jobs, tokens, strict=True):
            job.waits_for = None
            self._advance(job, token)

    def _advance(self, job: Job, sent: int | None = None) -> None:
        if job.cancelled:
            job.work.close()
            self._finish(job, None)
            return
        self._turns += 1
        job.served = self._turns
        try:
            asked = job.work.send(sent)
        except StopIteration as stop:
            self._finish(job, stop.value)
        except Exception as error:
            # One stream's broken job must not end the worker that serves the others.
            self._finish(job, Failed(job.lane, repr(error)))
        else:
            if isinstance(asked, Emit):
                self._post(job, asked.value)
            elif isinstance(asked, Token):
                job.waits_for = asked

    def _finish(self, job: Job, value: Any) -> None:
        with self._changed:
            lane = self._lanes.get((job.stream, job.lane))
            if lane and lane[0] is job:
                lane.popleft()
                if not lane:
                    del self._lanes[job.stream, job.lane]
        if value is not None:
            self._post(job, value)

    def _post(self, job: Job, value: Any) -> None:
        with self._changed:
            if not job.cancelled:
                waiting = self._results.setdefault(job.stream, deque(maxlen=RESULT_LIMIT))
                waiting.append((job.number, job.lane, value))
