"""Micro-turn after micro-turn of one row without the parts: jobs are counted, not run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from model.engine.engine import RowInput, RowOutput
from model.interaction.floor import FloorSettings
from model.interaction.memory import Memory
from model.interaction.mind import Mind, Rendered, Transcribed
from model.interaction.parts import Spoken, SpokenWord
from model.interaction.rules import Rules, RulesRow, heard
from model.interaction.segment import Segment
from model.interaction.step import RowStep
from model.interaction.work import Parts
from model.messages import Floor, MicroTurnInput, StreamSettings, Word
from model.timebase import HEARING_BLOCK_SAMPLES, SPEAKING_RATE

__all__ = ["BLOCK", "SILENCE", "VOICE", "Walk", "decisions", "lanes", "rendered"]

BLOCK = np.full(HEARING_BLOCK_SAMPLES, 0.1, np.float32)
VOICE, SILENCE = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
NOTHING = cast(Any, None)
RULES = Rules(NOTHING, NOTHING, FloorSettings())
PARTS = Parts(NOTHING, NOTHING, (Memory(NOTHING, 0),), RULES, 16)


@dataclass
class Walk:
    """Micro-turn after micro-turn of one mind."""

    mind: Mind = field(default_factory=lambda: Mind(0, StreamSettings(), RulesRow()))
    k: int = 0

    def step(
        self, activity: tuple[float, ...] = SILENCE, *results: object, **given: Any
    ) -> RowOutput:
        turn = MicroTurnInput(1, self.k, BLOCK, **given)
        entering = tuple((0, "", result) for result in results)
        step = RowStep(self.mind, RowInput(turn, entering), PARTS)
        step.take_in()
        self.mind, output = step.act(heard(activity))
        self.k += 1
        return output

    def take(self, count: int, activity: tuple[float, ...] = SILENCE) -> list[RowOutput]:
        return [self.step(activity) for _ in range(count)]

    def transcribed(self, *words: str) -> Transcribed:
        """What the draft under way would hear."""
        draft, segment = self.mind.draft, self.mind.hearing.segment
        assert draft is not None and segment is not None
        at = segment.start_seconds
        heard = Segment(segment.blocks, at, open_words=tuple(Word(w, at, at) for w in words))
        return Transcribed(draft.segment, segment, heard, draft.number)


def rendered(draft: int, seconds: float = 1.0) -> Rendered:
    audio = np.full(round(seconds * SPEAKING_RATE), 0.1, np.float32)
    return Rendered(draft, Spoken(audio, (SpokenWord("Well.", 0.0, seconds),)))


def decisions(outputs: list[RowOutput]) -> list[str]:
    events = [event for one in outputs for event in one.output.events]
    return [event.decision for event in events if isinstance(event, Floor)]


def lanes(output: RowOutput) -> list[str]:
    return [job.lane for job in output.jobs]
