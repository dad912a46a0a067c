"""A model that says back what it hears; loads nothing. For tests of everything around the model.

An utterance begins with the first loud block and ends after three quiet ones. It is counted
aloud in words of half a second (" one", " two", …), so that what was heard can be checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.engine.engine import RowInput, RowOutput
from model.engine.jobs import Job
from model.messages import (
    AgentWord,
    Audio,
    Event,
    Floor,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    PersonWords,
    Said,
    Speech,
    UtteranceDone,
    Word,
)
from model.timebase import (
    HEARING_BLOCK_SAMPLES,
    MICRO_TURN_SECONDS,
    SPEAKING_BLOCK_SAMPLES,
    SPEAKING_RATE,
)

__all__ = ["EchoModel"]

LOUD: Final = 0.01
QUIET_BLOCKS: Final = 3
NUMBERS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORD_SAMPLES: Final = SPEAKING_RATE // 2


@dataclass(frozen=True, slots=True)
class Echo:
    """State of one row: the utterance under way, its samples so far, quiet blocks in a row."""

    utterance: int = 0
    samples: int = 0
    speaking: bool = False
    quiet: int = 0
    segment: int = 0


Rows = tuple[Echo, ...]


class EchoModel:
    """An InteractionModel of one idea; every row is independent."""

    apart = frozenset[str]()

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def begin_jobs(self) -> None:
        """There are none."""

    def new_state(self) -> Rows:
        """Every row silent."""
        return (Echo(),) * self.rows

    def open(self, state: Rows, row: int, opening: OpenStream) -> tuple[Rows, tuple[Job, ...]]:
        """Start a row afresh."""
        return _with(state, row, Echo()), ()

    def close(self, state: Rows, row: int) -> Rows:
        """Empty a row."""
        return _with(state, row, Echo())

    def step(
        self, state: Rows, inputs: Sequence[RowInput | None]
    ) -> tuple[Rows, tuple[RowOutput | None, ...]]:
        """Say back each row's block."""
        stepped = [
            (row, None) if given is None else _echo(row, given.turn)
            for row, given in zip(state, inputs, strict=True)
        ]
        return tuple(row for row, _ in stepped), tuple(output for _, output in stepped)

    def sample(self, rows: Sequence[int]) -> Sequence[int]:
        """Never asked: there is no Language here."""
        raise AssertionError("the echo model samples no tokens")


def _with(state: Rows, row: int, value: Echo) -> Rows:
    return (*state[:row], value, *state[row + 1 :])


def _echo(row: Echo, turn: MicroTurnInput) -> tuple[Echo, RowOutput]:
    events: list[Event] = []
    speech: list[Speech] = []
    for text in turn.texts:
        row = replace(row, segment=row.segment + 1)
        events.append(_typed(row.segment, text, turn.k))
    loud = bool(np.sqrt(np.mean(np.square(turn.audio))) > LOUD)
    stopped = turn.silenced or any(
        heard.cut and heard.utterance == row.utterance for heard in turn.heard
    )
    if row.speaking and (stopped or (not loud and row.quiet + 1 >= QUIET_BLOCKS)):
        events += [Floor("listen", 1.0), UtteranceDone(row.utterance, row.samples)]
        row = replace(row, speaking=False, quiet=0)
    elif loud or row.speaking:
        if not row.speaking:
            row = Echo(row.utterance + 1, 0, True, 0, row.segment)
            events.append(Floor("take", 1.0))
        speech.append(Speech(row.utterance, row.samples, _to_speaking_rate(turn.audio)))
        after = row.samples + SPEAKING_BLOCK_SAMPLES
        events += _words(row.utterance, row.samples, after)
        row = replace(row, samples=after, quiet=0 if loud else row.quiet + 1)
    return row, RowOutput(MicroTurnOutput(turn.stream, turn.k, tuple(speech), tuple(events)))


def _typed(segment: int, text: str, k: int) -> PersonWords:
    at = k * MICRO_TURN_SECONDS
    return PersonWords(segment, tuple(Word(w, at, at) for w in text.split()), True, typed=True)


def _words(utterance: int, before: int, after: int) -> list[Event]:
    """The words that begin in these samples."""
    first = -(-before // WORD_SAMPLES)
    words = tuple(
        AgentWord(f" {NUMBERS[n % len(NUMBERS)]}", n * WORD_SAMPLES, (n + 1) * WORD_SAMPLES)
        for n in range(first, -(-after // WORD_SAMPLES))
    )
    return [Said(utterance, words)] if words else []


def _to_speaking_rate(block: Audio) -> Audio:
    """16 to 24 kHz by linear interpolation: fit for an echo, not for a voice."""
    at = np.arange(SPEAKING_BLOCK_SAMPLES) * (HEARING_BLOCK_SAMPLES / SPEAKING_BLOCK_SAMPLES)
    spoken: Audio = np.interp(at, np.arange(HEARING_BLOCK_SAMPLES), block).astype(np.float32)
    return spoken
