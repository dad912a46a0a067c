"""The pass `teach`: what a pretrained end-of-turn model thinks of every silence of the person.

A teacher only: Core never reads it. It is asked once in a silence, when 0.2 to 0.3 s of it have
passed, about the turn so far (at most its last 8 s); its answer stands for the rest of the silence,
at most 0.8 s. Everywhere else there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.engine.pieces import finished
from model.interaction import streams
from model.interaction.end_of_turn import LISTENED_SAMPLES, EndOfTurnModel
from model.messages import Audio
from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE, samples
from model.training import shards

__all__ = ["asked_spans", "joined_columns", "taught"]

_SILENT: Final = tuple(streams.PERSON_STATES.index(name) for name in ("pausing", "finished"))
_MOST_MICRO_TURNS: Final = 8
_BEFORE_SECONDS: Final = 0.3
"""How much of what was before the turn the teacher hears, as the engine gives it."""


def joined_columns(folder: Path, index: int, teacher: EndOfTurnModel) -> streams.Arrays:
    """The column `teacher_end` of a shard, all its conversations."""
    rows, facts = shards.read_part(folder, index, "rows")
    starts = rows["starts"]
    made = [
        taught(heard, rows["person"][first:last], about, teacher)
        for (heard, _), first, last, about in zip(
            shards.read_audio(folder, index), starts, starts[1:], facts["conversations"],
            strict=False,
        )
    ]  # fmt: skip
    return {"teacher_end": np.concatenate(made)}


def asked_spans(person: npt.NDArray[np.int8]) -> list[tuple[int, int]]:
    """For every silence of 0.2 s and more: the micro-turn in which to ask, and the last one + 1.

    Args:
        person: the label, `[micro-turns]`; a silence's label begins one after the micro-turn of
            the last voiced sample.
    """
    silent = np.isin(person, _SILENT)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], silent.astype(np.int8), [0]))))
    spans = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [
        (first + 1, min(last, first + 1 + _MOST_MICRO_TURNS))
        for first, last in spans
        if last - first >= 2
    ]


def taught(
    heard: Audio, person: npt.NDArray[np.int8], facts: Mapping[str, Any], teacher: EndOfTurnModel
) -> npt.NDArray[np.float16]:
    """`teacher_end` of one conversation, `[micro-turns]`.

    Args:
        heard: the microphone at 16 kHz.
        person: the label of that name.
        facts: what the shard keeps of the conversation.
        teacher: is asked.
    """
    column = np.full(len(person), -1.0, np.float16)
    begins = [one["first"] for one in facts["person"] if one["kind"] in ("turn", "interruption")]
    for first, last in asked_spans(person):
        end = (first + 1) * HEARING_BLOCK_SAMPLES
        start = _turn_start(begins, end)
        column[first:last] = _answer(teacher, heard[max(start, end - LISTENED_SAMPLES) : end])
    return column


def _turn_start(begins: Sequence[float], end: int) -> int:
    """The sample from which the teacher listens: a little before the turn that is under way."""
    before = [begin for begin in begins if samples(begin, HEARING_RATE) < end]
    begin = max(before, default=0.0) - _BEFORE_SECONDS
    return samples(max(begin, 0.0), HEARING_RATE)


def _answer(teacher: EndOfTurnModel, audio: Audio) -> float:
    return float(finished(teacher.probability(audio)))
