"""The interaction model behind the engine: senses batched over rows, then each row's own step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from model.engine.engine import RowInput, RowOutput
from model.engine.jobs import Job, Priority
from model.interaction.floor import FloorState
from model.interaction.language import Language
from model.interaction.mind import Mind
from model.interaction.step import RowStep
from model.interaction.voice_activity import VoiceActivity, VoiceActivityState
from model.interaction.work import Parts
from model.messages import OpenStream
from model.timebase import HEARING_BLOCK_SAMPLES

__all__ = ["CounterpointModel", "Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """State of all rows: the senses' tensors, and what each conversation is in the middle of."""

    activity: VoiceActivityState
    minds: tuple[Mind | None, ...]


class CounterpointModel:
    """An InteractionModel. The tick runs the senses and the floor; all else are jobs.

    Attributes:
        rows: how many conversations it holds.
        parts: what the jobs work with.
        threads: torch threads of a job.
    """

    def __init__(
        self, activity: VoiceActivity, language: Language, parts: Parts, threads: int = 1
    ) -> None:
        self.rows = language.rows
        self.threads = threads
        self._activity = activity
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
        return Rows(self._activity.new_state(self.rows), (None,) * self.rows)

    def open(self, state: Rows, row: int, opening: OpenStream) -> tuple[Rows, tuple[Job, ...]]:
        """Begin a conversation: prime its row of Language, queue its greeting.

        Raises:
            ValueError: the instructions are too long; the message says how long they may be.
        """
        self._language.chat_prefix(opening.settings.instructions)
        greeting = opening.settings.greeting
        mind = Mind(row, opening.settings, FloorState(), sayings=(greeting,) if greeting else ())
        prime = self.parts.memories[row].prime(opening.settings.instructions, opening.turns)
        job = Job(opening.stream, "language", Priority.SPEECH, prime, lasting=True)
        return self._with(state, row, mind), (job,)

    def close(self, state: Rows, row: int) -> Rows:
        """Empty a row."""
        return self._with(state, row, None)

    def step(
        self, state: Rows, inputs: Sequence[RowInput | None]
    ) -> tuple[Rows, tuple[RowOutput | None, ...]]:
        """Advance the rows that have an input."""
        probabilities, activity = self._sense(state.activity, inputs)
        minds = list(state.minds)
        outputs: list[RowOutput | None] = [None] * self.rows
        for row, given in enumerate(inputs):
            mind = minds[row]
            if given is None or mind is None:
                continue
            step = RowStep(mind, given, self.parts)
            minds[row], outputs[row] = step.run(probabilities[row])
        return Rows(activity, tuple(minds)), tuple(outputs)

    def sample(self, rows: Sequence[int]) -> Sequence[int]:
        """The next token of each of these rows of Language."""
        return self._language.next_tokens(rows)

    def senses(self, state: Rows, row: int) -> dict[str, float]:
        """What the row's last decision was made from, for journal and replay."""
        mind = state.minds[row]
        found = {"rules.voice": float(state.activity.last[row])}
        if mind is not None and mind.end_of_turn is not None:
            found["rules.end of turn"] = mind.end_of_turn.probability
        return found

    def _sense(
        self, state: VoiceActivityState, inputs: Sequence[RowInput | None]
    ) -> tuple[list[list[float]], VoiceActivityState]:
        audio = np.zeros((self.rows, HEARING_BLOCK_SAMPLES), np.float32)
        for row, given in enumerate(inputs):
            if given is not None:
                audio[row] = given.turn.audio
        mask = torch.tensor([given is not None for given in inputs])
        with torch.inference_mode():
            probabilities, state = self._activity.step(torch.from_numpy(audio), state, mask)
        listed: list[list[float]] = probabilities.tolist()
        return listed, state

    def _with(self, state: Rows, row: int, mind: Mind | None) -> Rows:
        minds: list[Any] = list(state.minds)
        minds[row] = mind
        return Rows(self._activity.reset(state.activity, row), tuple(minds))
