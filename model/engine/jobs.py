"""Work beside the tick: jobs cut into pieces, run by priority, whose results wait for their stream.

A job is a generator. Between pieces it yields one of

* `None`: a piece is done, go on when it is your turn again;
* `PAUSE`: the piece may end here; it goes on at once unless it has lasted `PIECE_SECONDS`;
* `Emit(value)`: an intermediate result, which enters the stream at its next micro-turn;
* `Token(row)`: sample the next token of a Language row. All jobs that wait for a token are
  served by one batched step, and each is sent its own token.

Jobs of one (stream, lane) run one after another in the order of their submission, so that what
they do to the same row never interleaves. A cancelled job is closed at its next piece boundary.

Lanes that share nothing with the others may be worked on by a thread of their own (`apart`): a
recogniser that reads on while the person is answered then takes no time from the answer.

No job looks at a clock: where its pieces end is decided here, and can be written down and done
again (`Watch`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from model.engine.pieces import (
    LAST,
    PAUSE,
    Emit,
    Ended,
    Failed,
    Job,
    Pause,
    Piece,
    Priority,
    Token,
    Watch,
    Work,
    advance,
)

__all__ = [
    "PAUSE",
    "Emit",
    "Ended",
    "Failed",
    "Job",
    "JobQueue",
    "Pause",
    "Piece",
    "Priority",
    "Result",
    "Token",
    "Watch",
    "Work",
]

PIECE_SECONDS: Final = 0.025
"""How long a piece goes on past pauses; what lies between two of them is the granularity."""

QUEUE_LIMIT: Final = 256
"""Jobs waiting in all; one more is refused, since the engine is then far behind anyway."""

RESULT_LIMIT: Final = 512
"""Results waiting for one stream; the oldest are dropped beyond it: the stream no longer ticks."""

Result = tuple[int, str, Any]
"""(job number, lane, value); a returned None is not a result."""


class JobQueue:
    """Thread-safe: the tick submits, cancels and takes results; one worker runs pieces, or two,
    one of them those of the lanes `apart`.

    Args:
        sample: samples one token for each of the given Language rows in one batched step; asked for
            by lanes that are not apart.
        watch: is told of jobs and pieces.
        apart: lanes that share no state with others.
    """

    def __init__(
        self,
        sample: Callable[[Sequence[int]], Sequence[int]] | None = None,
        watch: Watch | None = None,
        apart: Collection[str] = (),
    ) -> None:
        self._sample = sample
        self._watch = watch
        self._apart = frozenset(apart)
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
            if self._watch is not None:
                self._watch.submitted(job)
            self._changed.notify_all()
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
            self._changed.notify_all()

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
        """Make every `run_forever` return after its current piece."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def run_forever(self, apart: bool | None = None) -> None:
        """Run pieces until `end`; the body of a worker thread. For `apart` see `run_piece`."""
        while True:
            with self._changed:
                while not self._ended and not self._ready(apart):
                    self._changed.wait()
                if self._ended:
                    return
            self.run_piece(apart)

    def run_piece(self, apart: bool | None = None) -> bool:
        """Run one piece of the most urgent job, or one batched token step; False if none waits.

        Args:
            apart: only of the lanes that are, or are not; None for all.
        """
        with self._changed:
            jobs = self._choose(apart)
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

    def _ready(self, apart: bool | None) -> list[Job]:
        return [
            jobs[0]
            for key, jobs in self._lanes.items()
            if jobs and key not in self._running and apart in (None, key[1] in self._apart)
        ]

    def _choose(self, apart: bool | None) -> list[Job]:
        heads = self._ready(apart)
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
                self._after(Piece(jobs[0], "unserved", Failed(jobs[0].lane, repr(error))))
            else:
                # One broken row must not cost the others their answer.
                for job in jobs:
                    self._serve_tokens([job])
            return
        if self._watch is not None:
            with self._changed:
                self._watch.sampled(jobs, rows, tokens)
        for job, token in zip(jobs, tokens, strict=True):
            job.waits_for = None
            self._advance(job, token)

    def _advance(self, job: Job, token: int | None = None) -> None:
        if job.cancelled:
            job.work.close()
            self._after(Piece(job, "closed"))
            return
        with self._changed:
            self._turns += 1
            job.served = self._turns
        began = time.perf_counter()
        ended, value, pauses = advance(
            job, token, lambda _: job.cancelled or time.perf_counter() - began > PIECE_SECONDS
        )
        self._after(Piece(job, ended, value, pauses=pauses))

    def _after(self, piece: Piece) -> None:
        """What a piece leaves behind: its job goes on or is over, its value waits."""
        job = piece.job
        with self._changed:
            lane = self._lanes.get((job.stream, job.lane))
            if piece.ended in LAST and lane and lane[0] is job:
                lane.popleft()
                if not lane:
                    del self._lanes[job.stream, job.lane]
            gives = piece.ended == "emitted" or piece.value is not None
            posted = gives and not job.cancelled
            if posted:
                waiting = self._results.setdefault(job.stream, deque(maxlen=RESULT_LIMIT))
                waiting.append((job.number, job.lane, piece.value))
            if self._watch is not None:
                self._watch.ran(replace(piece, posted=posted))
