"""The floor by rules: voice activity and a pretrained end-of-turn model. See `floor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch

from model.engine.jobs import Priority, Work
from model.interaction import hearing
from model.interaction.end_of_turn import EndOfTurnModel
from model.interaction.floor import Decided, FloorSettings, FloorState, Observation, decide
from model.interaction.floor_port import FloorJob, RowSeen, Sensed, Verdict
from model.interaction.mind import Mind
from model.interaction.voice_activity import VoiceActivity, VoiceActivityState
from model.messages import Audio, MicroTurnInput, Speech
from model.timebase import HEARING_BLOCK_SAMPLES

__all__ = ["EndOfTurn", "Rules", "RulesRow", "heard"]

VOICED: Final = 0.5
DRAFT_SILENCE_SECONDS: Final = 0.1
"""Silence of the person after which an answer is drafted; the floor decides later whether it is
said. One micro-turn: a draft is cheap to drop, and every answer begins that much earlier."""


@dataclass(frozen=True, slots=True)
class EndOfTurn:
    """Result of a job: the probability that what was heard until micro-turn `k` is finished."""

    k: int
    probability: float


@dataclass(frozen=True, slots=True)
class RulesRow:
    """What the rules remember of a row; `end_of_turn` is the last judgement of the model."""

    state: FloorState = field(default_factory=FloorState)
    end_of_turn: EndOfTurn | None = None

    @property
    def falling_silent(self) -> bool:
        """The person may have finished."""
        silence = self.state.silence_seconds
        return self.state.turn and silence + 1e-6 >= DRAFT_SILENCE_SECONDS


class Rules:
    """A `FloorPart`.

    Args:
        activity: tells voice; on the tick.
        end_of_turn: tells finished turns; in jobs of lane `turn`.
        settings: the rules' numbers.
    """

    described = "voice activity and a pretrained end-of-turn model"

    def __init__(
        self, activity: VoiceActivity, end_of_turn: EndOfTurnModel, settings: FloorSettings
    ) -> None:
        self._activity = activity
        self._end_of_turn = end_of_turn
        self._settings = settings

    def new_state(self, rows: int) -> VoiceActivityState:
        """Rows that have heard nothing."""
        return self._activity.new_state(rows)

    def reset(self, state: VoiceActivityState, row: int) -> VoiceActivityState:
        """The state with one row new."""
        return self._activity.reset(state, row)

    def begin(self) -> RulesRow:
        """A conversation in which nothing was said."""
        return RulesRow()

    def sense(
        self, state: VoiceActivityState, rows: Sequence[RowSeen | None]
    ) -> tuple[list[Sensed | None], VoiceActivityState]:
        """Probabilities of voice in the frames of the micro-turn."""
        audio = np.zeros((len(rows), HEARING_BLOCK_SAMPLES), np.float32)
        for row, seen in enumerate(rows):
            if seen is not None:
                audio[row] = seen.turn.audio
        mask = torch.tensor([seen is not None for seen in rows])
        with torch.inference_mode():
            probabilities, state = self._activity.step(torch.from_numpy(audio), state, mask)
        listed: list[list[float]] = probabilities.tolist()
        return [
            None if seen is None else heard(frames)
            for seen, frames in zip(rows, listed, strict=True)
        ], state

    def enter(self, mind: Mind, value: object) -> RulesRow:
        """The row with a judgement of the end-of-turn model."""
        if not isinstance(value, EndOfTurn):
            raise TypeError(f"no job gives a {type(value).__name__}")
        return replace(_row(mind), end_of_turn=value)

    def failed(self, mind: Mind, lane: str) -> RulesRow:
        """Nothing waits for the model."""
        return _row(mind)

    def decide(self, mind: Mind, turn: MicroTurnInput, sensed: Sensed) -> Verdict:
        """One micro-turn of the rules."""
        row = _row(mind)
        judged = row.end_of_turn
        observation = Observation(
            activity=tuple(sensed.found),
            speaking=mind.interruptible,
            words=tuple(word.text for word in mind.hearing.words),
            end_of_turn=None if judged is None else judged.probability,
            end_of_turn_age=0 if judged is None else turn.k - judged.k,
            typed=mind.unanswered and not mind.interruptible,
        )
        settings = self._settings.with_eagerness(mind.settings.eagerness)
        decided = decide(row.state, observation, settings)
        row = replace(row, state=decided.state)
        return Verdict(
            row,
            decided.decision,
            decided.probability,
            decided.person,
            decided.person_probability,
            draft=row.falling_silent,
            goes_on=decided.person == "speaking" and not row.falling_silent,
            jobs=self._jobs(decided, mind, turn.k),
        )

    def waits(self, state: RulesRow) -> RulesRow:
        """The offer stands."""
        return replace(state, state=replace(state.state, offered_seconds=0.0))

    def forget(self, state: RulesRow) -> RulesRow:
        """The last judgement no longer counts."""
        return replace(state, end_of_turn=None)

    def spoke(self, state: RulesRow, speech: Sequence[Speech]) -> RulesRow:
        """The rules do not listen to us."""
        return state

    def told(self, state: VoiceActivityState, row: int, mind: Mind) -> Mapping[str, float]:
        """Voice, and the model's judgement."""
        found = {"rules.voice": float(state.last[row])}
        judged = _row(mind).end_of_turn
        if judged is not None:
            found["rules.end of turn"] = judged.probability
        return found

    def _jobs(self, decided: Decided, mind: Mind, k: int) -> tuple[FloorJob, ...]:
        asks = decided.wants_end_of_turn and decided.decision != "take"
        if not asks or mind.hearing.segment is None:
            return ()
        audio = hearing.last_seconds(mind.hearing)
        return (FloorJob("turn", Priority.ENDS_TURN, judge(self._end_of_turn, audio, k)),)


def heard(frames: Sequence[float]) -> Sensed:
    """Sensed of the probabilities of voice in a micro-turn's frames."""
    return Sensed(max(frames, default=0.0) >= VOICED, tuple(frames))


def judge(model: EndOfTurnModel, audio: Audio, k: int) -> Work:
    """Ask the pretrained model whether what was heard until micro-turn `k` is a finished turn."""
    probability = yield from model.probability(audio)
    return EndOfTurn(k, probability)


def _row(mind: Mind) -> RulesRow:
    assert isinstance(mind.floor, RulesRow)
    return mind.floor
