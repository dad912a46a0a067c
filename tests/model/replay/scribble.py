"""A model whose outputs depend on everything a journal must keep: order, pauses, tokens, lanes.

Every row has a memory that all its jobs write to, whichever lane they are in. Nothing in it depends
on other rows or on a clock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from model.engine.engine import RowInput, RowOutput
from model.engine.jobs import PAUSE, Emit, Job, Priority, Token, Work
from model.messages import MicroTurnOutput, OpenStream, Remembered

__all__ = ["ScribbleModel"]

LANES = ("ears", "language", "turn")
Rows = tuple[int, ...]


class ScribbleModel:
    """An InteractionModel that says the sum of all it remembers.

    Args:
        rows: how many streams.
        slow_seconds: how long a stroke takes; live it makes jobs and ticks overlap.

    Attributes:
        strokes: how many its jobs have made.
    """

    apart = frozenset[str]()

    def __init__(self, rows: int, slow_seconds: float = 0.0) -> None:
        self.rows = rows
        self.strokes = 0
        self._slow_seconds = slow_seconds
        self._memories: list[list[int]] = [[] for _ in range(rows)]

    def begin_jobs(self) -> None:
        """Nothing to set."""

    def new_state(self) -> Rows:
        """Every row at nought."""
        return (0,) * self.rows

    def open(self, state: Rows, row: int, opening: OpenStream) -> tuple[Rows, tuple[Job, ...]]:
        """Forget the row and begin with one job."""
        self._memories[row] = [opening.k]
        first = Job(opening.stream, "language", Priority.SPEECH, self._scribble(row, 3), True)
        return self._with(state, row, opening.k), (first,)

    def close(self, state: Rows, row: int) -> Rows:
        """Empty a row."""
        return self._with(state, row, 0)

    def step(
        self, state: Rows, inputs: Sequence[RowInput | None]
    ) -> tuple[Rows, tuple[RowOutput | None, ...]]:
        """Add what came in and what jobs found; begin a job, and cancel one now and then."""
        outputs: list[RowOutput | None] = [None] * self.rows
        for row, given in enumerate(inputs):
            if given is None:
                continue
            k = given.turn.k
            value = state[row] + int(np.abs(given.turn.audio).sum())
            for _, _, found in given.results:
                value = (value * 31 + found) % 1_000_003
            state = self._with(state, row, value)
            lane = LANES[value % 3]
            job = Job(given.turn.stream, lane, Priority(value % 2), self._scribble(row, value % 7))
            event = Remembered(k, str(value), cut=False)
            output = MicroTurnOutput(given.turn.stream, k, events=(event,))
            cancel = (LANES[value % 5],) if value % 5 < 3 else ()
            outputs[row] = RowOutput(output, cancel, (job,))
        return state, tuple(outputs)

    def senses(self, state: Rows, row: int) -> Mapping[str, float]:
        """One number."""
        return {"value": state[row] / 1_000_003}

    def sample(self, rows: Sequence[int]) -> Sequence[int]:
        """What the row's memory comes to, and one stroke more in it."""
        tokens = []
        for row in rows:
            tokens.append(sum(self._memories[row]) % 1_009)
            self._memories[row].append(tokens[-1])
        time.sleep(self._slow_seconds)
        self.strokes += 1
        return tokens

    def _scribble(self, row: int, strokes: int) -> Work:
        for number in range(strokes):
            time.sleep(self._slow_seconds)
            self.strokes += 1
            self._memories[row] = self._memories[row][-99:]
            self._memories[row].append(number * self._memories[row][-1] % 997 + 1)
            yield PAUSE if number % 2 else None
            yield Emit(sum(self._memories[row]))
        token = yield Token(row)
        self._memories[row].append(token * 3 % 997)
        return sum(self._memories[row]) + token

    @staticmethod
    def _with(state: Rows, row: int, value: int) -> Rows:
        return (*state[:row], value, *state[row + 1 :])
