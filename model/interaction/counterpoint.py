"""The interaction model behind the engine: the floor senses all rows at once, then each acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from model.engine.engine import RowInput, RowOutput
from model.engine.jobs import Job, Priority
from model.interaction import work
from model.interaction.language import Language
from model.interaction.mind import Mind
from model.interaction.step import RowStep
from model.interaction.work import Parts
from model.messages import OpenStream

__all__ = ["CounterpointModel", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """State of all rows: the floor's senses, and what each conversation is in the middle of."""

    floor: Any
    minds: tuple[Mind | None, ...]


class CounterpointModel:
    """An InteractionModel. The tick runs the floor; all else are jobs.

    Attributes:
        rows: how many conversations it holds.
        parts: what the jobs work with, and who has the floor.
        threads: torch threads of a job.
    """

    apart = work.APART

    def __init__(self, language: Language, parts: Parts, threads: int = 1) -> None:
        self.rows = len(parts.memories)
        self.threads = threads
        self._language = language
        self.parts = parts

    def begin_jobs(self) -> None:
        """Let jobs have their threads: torch counts them for the thread that says so.

        The tick keeps to one: with two on busy cores a step of the senses took 98-186 ms in the
        median (they wait for each other), with one 1.4-7 ms at the same load.
        """
        torch.set_num_threads(self.threads)

    def new_state(self) -> Rows:
        """Every row empty."""
        return Rows(self.parts.floor.new_state(self.rows), (None,) * self.rows)

    def open(self, state: Rows, row: int, opening: OpenStream) -> tuple[Rows, tuple[Job, ...]]:
        """Begin a conversation, or go on with one: prime its row of Language, queue its greeting.

        Raises:
            ValueError: the instructions are too long; the message says how long they may be.
        """
        settings = opening.settings
        self._language.chat_prefix(settings.instructions)
        # Whoever comes back, or is there still when the engine was restarted, was greeted.
        greeting = settings.greeting if not opening.turns else ""
        floor = self.parts.floor.begin()
        mind = Mind(row, settings, floor, sayings=(greeting,) if greeting else ())
        prime = work.prime(self.parts, row, opening)
        job = Job(opening.stream, "language", Priority.SPEECH, prime, lasting=True)
        return self._with(state, row, mind), (job,)

    def close(self, state: Rows, row: int) -> Rows:
        """Empty a row."""
        return self._with(state, row, None)

    def step(
        self, state: Rows, inputs: Sequence[RowInput | None]
    ) -> tuple[Rows, tuple[RowOutput | None, ...]]:
        """Advance the rows that have an input."""
        steps = [
            None if given is None or mind is None else RowStep(mind, given, self.parts)
            for mind, given in zip(state.minds, inputs, strict=True)
        ]
        seen = [None if step is None else step.take_in() for step in steps]
        sensed, floor = self.parts.floor.sense(state.floor, seen)
        minds = list(state.minds)
        outputs: list[RowOutput | None] = [None] * self.rows
        for row, (step, found) in enumerate(zip(steps, sensed, strict=True)):
            if step is not None and found is not None:
                minds[row], outputs[row] = step.act(found)
        return Rows(floor, tuple(minds)), tuple(outputs)

    def sample(self, rows: Sequence[int]) -> Sequence[int]:
        """The next token of each of these rows of Language."""
        return self._language.next_tokens(rows)

    def senses(self, state: Rows, row: int) -> Mapping[str, float]:
        """What the row's last decision was made from, for journal and replay."""
        mind = state.minds[row]
        return {} if mind is None else self.parts.floor.told(state.floor, row, mind)

    def _with(self, state: Rows, row: int, mind: Mind | None) -> Rows:
        minds = list(state.minds)
        minds[row] = mind
        return Rows(self.parts.floor.reset(state.floor, row), tuple(minds))
