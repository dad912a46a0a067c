"""A journalled stream through the model again: the same entries in the same order, no clock."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from model.engine.engine import InteractionModel, RowInput, RowOutput, senses_of
from model.engine.jobs import Result
from model.engine.journal_digest import digest
from model.engine.journal_entries import Entry, Opened, Ran, Sampled, Stepped, Submitted
from model.engine.pieces import LAST, Ended, Failed, Job, advance
from model.messages import MicroTurnInput, MicroTurnOutput

__all__ = ["Again", "Lost", "Step"]


class Lost(Exception):
    """The model went another way than the journal: from here on nothing can be compared."""


@dataclass(frozen=True, slots=True)
class Step:
    """One micro-turn done again.

    Attributes:
        turn: what came in.
        output: what went out this time; None when the model raised.
        senses: what the decision was made from.
        differs: what was not as journalled: `token`, `result <lane>`, `jobs`, `speech`, `events`,
            `senses`, `failure`; what jobs did since the micro-turn before counts here.
        seconds: time of the step, and of the pieces since the one before.
        together: how many streams were stepped with it when it was journalled.
    """

    turn: MicroTurnInput
    output: MicroTurnOutput | None
    senses: Mapping[str, float]
    differs: tuple[str, ...]
    seconds: tuple[float, float]
    together: int


@dataclass(slots=True)
class _Waiting:
    """What the journal has not named yet: jobs that were begun, results, tokens by job."""

    made: deque[Job] = field(default_factory=deque)
    posted: deque[Result] = field(default_factory=deque)
    tokens: dict[int, int] = field(default_factory=dict)


class Again:
    """One stream, alone in the model: all other rows stay empty.

    Pieces run in a thread of their own, as they did live: torch counts its threads for each.

    Args:
        model: fresh, or with its rows closed.
        row: where to open the stream; None takes the row that was journalled.

    Attributes:
        shared: how many tokens were sampled in batches of 1, 2, … rows when it was journalled.
        lanes: `(lane, number, first k, last k, how it ended)` of every job.
    """

    def __init__(self, model: InteractionModel, row: int | None = None) -> None:
        self.shared: Counter[int] = Counter()
        self.lanes: list[tuple[str, int, int, int, Ended]] = []
        self._model = model
        self._state: Any = model.new_state()
        self._row = row
        self._waiting = _Waiting()
        self._jobs: dict[int, tuple[Job, int]] = {}
        self._differs: list[str] = []
        self._k = 0
        self._work_seconds = 0.0
        self._worker = ThreadPoolExecutor(1, "jobs", initializer=model.begin_jobs)

    def close(self) -> None:
        """End the thread of the jobs."""
        self._worker.shutdown()

    def feed(self, entry: Entry) -> Step | None:
        """Do what the entry says; a micro-turn's outcome for a `Stepped`.

        Raises:
            Lost: it cannot be done; the message says why.
        """
        match entry:
            case Opened():
                self._open(entry)
            case Submitted():
                self._submit(entry)
            case Sampled():
                self._sample(entry)
            case Ran():
                self._piece(entry)
            case Stepped():
                return self._step(entry)
            case _:
                pass
        return None

    def _open(self, entry: Opened) -> None:
        if self._row is None:
            self._row = entry.row
        self._k = entry.opening.k
        try:
            self._state, jobs = self._model.open(self._state, self._row, entry.opening)
        except ValueError:
            return  # It was refused when it was journalled, too: nothing follows.
        self._waiting.made.extend(jobs)

    def _submit(self, entry: Submitted) -> None:
        if not self._waiting.made:
            raise Lost(f"no job was begun where job {entry.number} ({entry.lane}) was")
        job = self._waiting.made.popleft()
        if job.lane != entry.lane:
            raise Lost(f"a job of lane {job.lane} was begun where one of {entry.lane} was")
        job.number = entry.number
        self._jobs[entry.number] = job, self._k

    def _piece(self, entry: Ran) -> None:
        if entry.number not in self._jobs:
            raise Lost(f"there is no job {entry.number}")
        job, since = self._jobs[entry.number]
        began = time.perf_counter()
        ended, value = self._worker.submit(self._run, job, entry).result()
        self._work_seconds += time.perf_counter() - began
        if ended != entry.ended:
            raise Lost(f"job {entry.number} ({job.lane}) {ended} where it {entry.ended}")
        if entry.posted:
            if digest(value) != entry.value:
                self._differs.append(f"result {job.lane}")
            self._waiting.posted.append((job.number, job.lane, value))
        if ended in LAST:
            del self._jobs[entry.number]
            self.lanes.append((job.lane, entry.number, since, self._k, ended))

    def _run(self, job: Job, entry: Ran) -> tuple[Ended, Any]:
        """The piece, in the thread of the jobs: how it ended, and its value."""
        if entry.ended == "unserved":
            return self._refused(job)
        if entry.ended == "closed":
            job.work.close()
            return "closed", None
        token = self._waiting.tokens.pop(job.number, None)
        if (token is None) != (job.waits_for is None):
            raise Lost(f"job {job.number} ({job.lane}) waits for a token where it did not, or not")
        job.waits_for = None
        cut_at = entry.pauses if entry.ended == "paused" else 0
        ended, value, _ = advance(job, token, lambda pauses: pauses == cut_at)
        return ended, value

    def _refused(self, job: Job) -> tuple[Ended, Any]:
        """A token that could not be sampled."""
        if job.waits_for is None:
            raise Lost(f"job {job.number} ({job.lane}) waits for no token")
        try:
            self._model.sample([job.waits_for.row])
        except Exception as error:
            return "unserved", Failed(job.lane, repr(error))
        return "asked", None

    def _sample(self, entry: Sampled) -> None:
        """Only the rows of this stream: what was beside them must not matter."""
        self.shared[len(entry.rows)] += len(entry.numbers)
        rows = []
        for number in entry.numbers:
            job, _ = self._jobs.get(number, (None, 0))
            if job is None or job.waits_for is None:
                raise Lost(f"job {number} waits for no token")
            rows.append(job.waits_for.row)
        began = time.perf_counter()
        tokens = tuple(map(int, self._worker.submit(self._model.sample, rows).result()))
        self._work_seconds += time.perf_counter() - began
        self._waiting.tokens.update(zip(entry.numbers, tokens, strict=True))
        if tokens != entry.tokens:
            self._differs.append("token")

    def _step(self, entry: Stepped) -> Step:
        if self._waiting.made:
            self._differs.append("jobs")
            self._waiting.made.clear()
        inputs: list[RowInput | None] = [None] * self._model.rows
        assert self._row is not None, "a journal begins with Opened"
        inputs[self._row] = RowInput(entry.turn, self._take(entry.entered))
        self._k = entry.turn.k
        began = time.perf_counter()
        try:
            self._state, outputs = self._model.step(self._state, inputs)
            row = outputs[self._row]
        except Exception:
            row = None
        seconds = time.perf_counter() - began, self._work_seconds
        senses = senses_of(self._model, self._state, self._row) if row is not None else {}
        self._compare(entry, row, senses)
        if row is not None:
            self._waiting.made.extend(row.jobs)
        differs, self._differs, self._work_seconds = tuple(self._differs), [], 0.0
        output = row.output if row is not None else None
        return Step(entry.turn, output, senses, differs, seconds, entry.together)

    def _compare(self, entry: Stepped, row: RowOutput | None, senses: Mapping[str, float]) -> None:
        if entry.failed or row is None:
            if (row is None) != entry.failed:
                self._differs.append("failure")
            return
        if digest(row.output.speech) != entry.speech:
            self._differs.append("speech")
        if digest(row.output.events) != entry.events:
            self._differs.append("events")
        if (digest(senses) if senses else "") != entry.senses:
            self._differs.append("senses")

    def _take(self, entered: tuple[int, ...]) -> tuple[Result, ...]:
        """The results that entered, out of those that wait; older ones were dropped live."""
        results = []
        for number in entered:
            while self._waiting.posted and self._waiting.posted[0][0] != number:
                self._waiting.posted.popleft()
            if not self._waiting.posted:
                raise Lost(f"a result of job {number} entered that is not there")
            results.append(self._waiting.posted.popleft())
        return tuple(results)
