"""Owns the model's state and the streams; `tick` advances all that are due. No clock, no I/O."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from model.engine.jobs import Job, JobQueue, Result
from model.engine.journal import Journal
from model.engine.scheduler import NoRow, Scheduler
from model.engine.stream import Stream
from model.messages import (
    CloseStream,
    FromEngine,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    StreamClosed,
    StreamOpened,
)

__all__ = ["Engine", "InteractionModel", "RowInput", "RowOutput", "Senses", "senses_of"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RowInput:
    """What one active row is stepped with: its micro-turn and the job results that enter at it."""

    turn: MicroTurnInput
    results: tuple[Result, ...] = ()


@dataclass(frozen=True, slots=True)
class RowOutput:
    """What one row's step gave. Jobs start and lanes are cancelled only on commit.

    `drafted` answers were begun in it, before the floor was taken or with it; `dropped` ones that
    were begun earlier turned out to be wanted by nobody.
    """

    output: MicroTurnOutput
    cancel: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    drafted: int = 0
    dropped: int = 0


class InteractionModel(Protocol):
    """Turns a batch of micro-turn inputs into outputs; state goes in and comes out.

    `inputs` has one place a row; None marks a row that does not move in this tick. A step must
    leave the state it was given usable: the engine steps again from it when a step failed.

    Attributes:
        rows: how many streams at once.
        apart: lanes whose jobs share no state with those of others: a second thread runs them.
    """

    rows: int
    apart: frozenset[str]

    def begin_jobs(self) -> None:
        """Called once in each thread that runs jobs, before its first."""

    def new_state(self) -> Any:
        """State of all rows, every row empty."""

    def open(self, state: Any, row: int, opening: OpenStream) -> tuple[Any, tuple[Job, ...]]:
        """Begin a conversation in an empty row; ValueError refuses settings that cannot be met."""

    def close(self, state: Any, row: int) -> Any:
        """Empty a row."""

    def step(
        self, state: Any, inputs: Sequence[RowInput | None]
    ) -> tuple[Any, tuple[RowOutput | None, ...]]:
        """Advance the rows that have an input by one micro-turn."""

    def sample(self, rows: Sequence[int]) -> Sequence[int]:
        """Next token for each of the Language rows, in one batched step (called by a job)."""


@runtime_checkable
class Senses(Protocol):
    """An InteractionModel that can tell what a row's last decision was made from."""

    def senses(self, state: Any, row: int) -> Mapping[str, float]:
        """Numbers by name; what stands before a dot groups them (`core.take`)."""


def senses_of(model: InteractionModel, state: Any, row: int) -> Mapping[str, float]:
    """What the row's last decision was made from; nothing where the model cannot tell."""
    return model.senses(state, row) if isinstance(model, Senses) else {}


@dataclass(slots=True)
class Engine:
    """Streams, state and jobs around an InteractionModel.

    Attributes:
        model: the model.
        journal: writes down all that enters the model, if there is one.
        jobs: work beside the tick; run by the worker's thread, or by a test.
        arrived: arrival time of each micro-turn answered by the last tick, for the vitals.
        drafted: answers begun, of all streams since the start.
        dropped: those of them that nobody heard.
    """

    model: InteractionModel
    journal: Journal | None = None
    jobs: JobQueue = field(init=False)
    arrived: list[float] = field(init=False, default_factory=list)
    drafted: int = field(init=False, default=0)
    dropped: int = field(init=False, default=0)
    _scheduler: Scheduler = field(init=False)
    _state: Any = field(init=False)

    def __post_init__(self) -> None:
        """Take the model's empty state."""
        self.jobs = JobQueue(self.model.sample, self.journal, self.model.apart)
        self._scheduler = Scheduler(self.model.rows)
        self._state = self.model.new_state()

    def open(self, opening: OpenStream) -> FromEngine:
        """Give a row to a stream; a refusal comes as StreamClosed with its reason."""
        try:
            stream = self._scheduler.open(opening.stream, opening.k)
        except NoRow as refusal:
            return StreamClosed(opening.stream, str(refusal))
        if self.journal is not None:
            self.journal.opened(opening, stream.row)
        try:
            self._state, jobs = self.model.open(self._state, stream.row, opening)
            for job in jobs:
                self.jobs.submit(job)
        except (ValueError, OverflowError) as refusal:
            # What one person asks for must not end the engine of all.
            return self.close(CloseStream(opening.stream), str(refusal))
        return StreamOpened(opening.stream)

    def close(self, closing: CloseStream, reason: str = "") -> FromEngine:
        """Free a stream's row and abandon its jobs."""
        stream = self._scheduler.close(closing.stream)
        self.jobs.forget(closing.stream)
        if stream is not None:
            self._state = self.model.close(self._state, stream.row)
        if self.journal is not None:
            self.journal.closed(closing.stream, reason)
        return StreamClosed(closing.stream, reason)

    def push(self, turn: MicroTurnInput, now: float) -> None:
        """Put an input in its stream's inbox; inputs of unknown streams are dropped."""
        stream = self._scheduler.get(turn.stream)
        if stream is not None and not stream.push(turn, now):
            log.warning("stream %d: micro-turn %d came out of order", turn.stream, turn.k)

    @property
    def due(self) -> bool:
        """Whether a stream has a micro-turn waiting."""
        return bool(self._scheduler.due())

    def tick(self) -> list[FromEngine]:
        """Advance every due stream by one micro-turn."""
        self.arrived = []
        due = self._scheduler.due()
        if not due:
            return []
        inputs: list[RowInput | None] = [None] * self.model.rows
        for stream in due:
            turn, arrived = stream.pop()
            self.arrived.append(arrived)
            inputs[stream.row] = RowInput(turn, self.jobs.results(stream.number))
        try:
            return self._commit(inputs)
        except Exception:
            if len(due) == 1:
                return [self._fail(due[0], inputs)]
            log.exception("a tick of %d streams failed; stepping them one by one", len(due))
            return self._one_by_one(due, inputs)

    def _one_by_one(self, due: list[Stream], inputs: Sequence[RowInput | None]) -> list[FromEngine]:
        outputs: list[FromEngine] = []
        for stream in due:
            alone: list[RowInput | None] = [None] * self.model.rows
            alone[stream.row] = inputs[stream.row]
            try:
                outputs += self._commit(alone)
            except Exception:
                outputs.append(self._fail(stream, inputs))
        return outputs

    def _fail(self, stream: Stream, inputs: Sequence[RowInput | None]) -> FromEngine:
        log.exception("stream %d failed", stream.number)
        given = inputs[stream.row]
        if self.journal is not None and given is not None:
            self.journal.stepped(given.turn, given.results, None, {}, 1)
        return self.close(CloseStream(stream.number), "the model failed in this conversation")

    def _commit(self, inputs: Sequence[RowInput | None]) -> list[FromEngine]:
        state, outputs = self.model.step(self._state, inputs)
        # Nothing below may fail for a reason the step could have found: this is the commit.
        self._state = state
        messages: list[FromEngine] = []
        for given, row in zip(inputs, outputs, strict=True):
            if given is None or row is None:
                continue
            number = given.turn.stream
            self.drafted += row.drafted
            self.dropped += row.dropped
            if self.journal is not None:
                self._write_down(given, row.output, inputs)
            for lane in row.cancel:
                self.jobs.cancel(number, lane)
            try:
                for job in row.jobs:
                    self.jobs.submit(job)
            except OverflowError as full:
                messages.append(self.close(CloseStream(number), str(full)))
            else:
                messages.append(row.output)
        return messages

    def _write_down(
        self, given: RowInput, output: MicroTurnOutput, inputs: Sequence[RowInput | None]
    ) -> None:
        """Before the jobs of this micro-turn begin: their pieces come after it."""
        assert self.journal is not None
        row = next(row for row, one in enumerate(inputs) if one is given)
        together = sum(one is not None for one in inputs)
        senses = senses_of(self.model, self._state, row)
        self.journal.stepped(given.turn, given.results, output, senses, together)
