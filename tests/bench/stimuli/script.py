"""A stimulus: what the person's side of one clip sends, and what each part of it means.

Audio is float32 mono at 16 kHz; positions are samples and exact. A script is interactive: a
piece may wait until the agent speaks. Noise is not in the pieces: one bed runs under everything
the player sends, splices included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tests.bench.metrics.activity import Interval, Label, LabelKind

__all__ = ["NOT_PLAYED", "RATE", "Audio", "Cue", "Mark", "Piece", "Script", "placed_labels",
           "placed_voice", "played_pieces"]  # fmt: skip

RATE: Final = 16_000

NOT_PLAYED: Final = -1
"""In place of the sample at which a piece began: an optional piece that was left out."""

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mark:
    """A label inside a piece, in samples from its first."""

    kind: LabelKind
    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cue:
    """When a piece starts.

    clock: `seconds` after the piece before has ended (or after the start of the call).
    agent_speaks: once the agent has been voiced for `seconds`; agent_silent: once it has been
    silent for `seconds`. Never sooner than `after_seconds` after the piece before. After
    `limit_seconds` of waiting the rest of the script is not played. An `optional` piece is left
    out as soon as the agent speaks, or at the limit, and the script goes on.
    """

    when: Literal["clock", "agent_speaks", "agent_silent"] = "clock"
    seconds: float = 0.0
    limit_seconds: float = 12.0
    after_seconds: float = 0.0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Audio without a break, with its labels and the spans in which the person is voiced.

    `text` is what is said in it, for recognition; empty where nothing is to be recognised.
    """

    audio: Audio
    marks: tuple[Mark, ...] = ()
    voiced: tuple[tuple[int, int], ...] = ()
    text: str = ""
    cue: Cue = field(default_factory=Cue)


@dataclass(frozen=True, slots=True)
class Script:
    """One clip.

    Attributes:
        clip: its name, unique in a suite and seed.
        suite: the suite it belongs to.
        half: where its voices come from.
        speaker: the voice.
        pieces: played in order.
        bed: noise floor, looped under the whole call; silence when empty.
        room: impulse response through which what we hear returns into the uplink; empty: none.
        canceller: whether an echo canceller stands in that loop.
        tail_seconds: recorded after the last piece.
        ends: `tail` records all of it; `decided` ends sooner, once no later sound can change what
            the last piece counts for; `finished` once the agent has said all it had to say (25 s
            at most).
        noise, room_name: what was drawn, for the report.
    """

    clip: str
    suite: str
    half: Literal["synthetic", "human"]
    speaker: str
    pieces: tuple[Piece, ...]
    bed: Audio
    room: Audio
    canceller: bool = True
    tail_seconds: float = 4.0
    ends: Literal["tail", "decided", "finished"] = "tail"
    noise: str = ""
    room_name: str = ""


def played_pieces(script: Script, starts: tuple[int, ...]) -> tuple[tuple[int, Piece], ...]:
    """(sample at which it began, piece) of every piece that was played."""
    pairs = zip(starts, script.pieces, strict=False)
    return tuple((at, piece) for at, piece in pairs if at != NOT_PLAYED)


def placed_labels(script: Script, starts: tuple[int, ...]) -> tuple[Label, ...]:
    """The labels in seconds of the call, given the sample at which each piece played began."""
    return tuple(
        Label(mark.kind, (at + mark.start) / RATE, (at + mark.end) / RATE, mark.text)
        for at, piece in played_pieces(script, starts)
        for mark in piece.marks
    )


def placed_voice(script: Script, starts: tuple[int, ...]) -> tuple[Interval, ...]:
    """The person's voiced intervals in seconds of the call."""
    return tuple(
        Interval((at + start) / RATE, (at + end) / RATE)
        for at, piece in played_pieces(script, starts)
        for start, end in piece.voiced
    )
