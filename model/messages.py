"""What crosses the boundary between the server process and the engine process.

A handful of frozen dataclasses of numpy and text; both sides import this module and nothing else
of each other. One number `k`, the micro-turn, travels the whole way.

Time has two rulers. What the person said is in seconds of the *stream*: micro-turn `k` covers
`[k * 0.1, (k + 1) * 0.1)`. What we say is in samples of an *utterance* (24 kHz, from 0): an
utterance is one contiguous thing we say, and its samples count only while it is played.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from model.orders import Order, Refused, Saying, StreamSettings, ToolAnswer, ToolCall
from model.sight import Picture, PicturesWanted, Seen, SightSource

__all__ = [
    "AgentWord",
    "Audio",
    "CloseStream",
    "Command",
    "EngineReady",
    "EngineVitals",
    "Event",
    "Floor",
    "FromEngine",
    "Heard",
    "Hesitation",
    "MicroTurnInput",
    "MicroTurnOutput",
    "OpenStream",
    "Order",
    "PersonState",
    "PersonWords",
    "Picture",
    "PicturesWanted",
    "Refused",
    "Remembered",
    "Said",
    "Saying",
    "Seen",
    "Shutdown",
    "Speech",
    "StreamClosed",
    "StreamOpened",
    "StreamSettings",
    "ToEngine",
    "ToolAnswer",
    "ToolCall",
    "Turn",
    "UtteranceDone",
    "Word",
]

Audio = npt.NDArray[np.float32]
"""Mono samples in [-1, 1], shape `[samples]`."""

FloorDecision = Literal["listen", "take", "hold", "yield", "backchannel"]
PersonDoing = Literal["speaking", "pausing", "finished", "acknowledging", "elsewhere", "silent"]
Command = Literal["stop", "quiet", "goodbye", "heed"]
"""stop: fall silent now (button). quiet: the same, asked aloud, and do not answer the request.
goodbye: say goodbye and nothing after it. heed: quiet was only the beginning of what was asked, the
rest of it is answered."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word the person said, in seconds of the stream."""

    text: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True, slots=True)
class AgentWord:
    """One word we say, in samples of its utterance (24 kHz).

    `text` carries its own leading space and trailing punctuation, so that joining the words of
    an utterance gives its text.
    """

    text: str
    start_samples: int
    end_samples: int


# ---- server to engine --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One finished turn of a conversation, as it was *heard*: what a resumed stream remembers.

    A turn of `knowledge` is what nobody said, but the model was told.
    """

    who: Literal["person", "agent", "knowledge"]
    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Give a row to a new stream.

    Attributes:
        stream: the stream's number.
        settings: how to behave.
        turns: a conversation to be gone on with.
        k: its first micro-turn.
        session: what its journal is called, so that it can be deleted with the conversation.
    """

    stream: int
    settings: StreamSettings = field(default_factory=StreamSettings)
    turns: tuple[Turn, ...] = ()
    k: int = 0
    session: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What Playout says of an utterance: how many of its samples have been played.

    `cut` means that the rest was thrown away and will never be heard. Reported in every
    micro-turn in which the count moved.
    """

    utterance: int
    samples: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class MicroTurnInput:
    """All that came in during micro-turn `k` of a stream.

    Attributes:
        stream: the stream's number.
        k: the micro-turn's number; consecutive from `OpenStream.k`.
        audio: what the person's microphone gave, float32 `[1600]` at 16 kHz.
        texts: what the person typed, each at most 16 KiB.
        heard: what Playout reports.
        commands: stop, quiet, goodbye, heed; obeyed in order.
        answers: tools' answers.
        pictures: the newest video frame of each source, where a new one came.
        orders: what the client orders, at most `MAX_ORDERS`; obeyed behind `commands`, in order.
        unseen: what is shown no longer, or was not for a moment before `pictures`.
    """

    stream: int
    k: int
    audio: Audio
    texts: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()
    commands: tuple[Command, ...] = ()
    answers: tuple[ToolAnswer, ...] = ()
    pictures: tuple[Picture, ...] = ()
    orders: tuple[Order, ...] = ()
    unseen: tuple[SightSource, ...] = ()

    @property
    def silenced(self) -> bool:
        """Whether a command makes us fall silent."""
        return any(command != "heed" for command in self.commands)


@dataclass(frozen=True, slots=True)
class CloseStream:
    """Free the stream's row."""

    stream: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """End the engine process."""


ToEngine = OpenStream | MicroTurnInput | CloseStream | Shutdown

# ---- engine to server --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speech:
    """Samples to be played: `audio` continues utterance `utterance` at `start_samples`."""

    utterance: int
    start_samples: int
    audio: Audio


@dataclass(frozen=True, slots=True)
class PersonWords:
    """What the person is saying or has said.

    A later event with the same `segment` replaces an earlier one whole; `final` ends it. Typed
    text comes as one final event with `typed=True` and words of no duration.
    """

    segment: int
    words: tuple[Word, ...]
    final: bool
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """Words that are about to be heard, in order, appended to utterance `utterance`; `listening`
    marks a sign of listening, which answers nothing."""

    utterance: int
    words: tuple[AgentWord, ...]
    listening: bool = False


@dataclass(frozen=True, slots=True)
class UtteranceDone:
    """Nothing more will be appended to this utterance; `samples` is its whole length.

    `limited`: it ends because it reached the longest answer there is, not because all was said.
    """

    utterance: int
    samples: int
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Remembered:
    """What Language's own memory now holds of an utterance: read back from its row."""

    utterance: int
    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Floor:
    """A decision of the floor, made in this micro-turn, with its probability in [0, 1]."""

    decision: FloorDecision
    probability: float


@dataclass(frozen=True, slots=True)
class Hesitation:
    """Whether our voice stands still: somebody began to speak over it, and who wants the floor will
    be known in a moment. Nothing is thrown away; it lasts for half a second at most."""

    stands: bool


@dataclass(frozen=True, slots=True)
class PersonState:
    """What the person seems to be doing, sent when it changes."""

    state: PersonDoing
    probability: float


Event = (
    PersonWords
    | Said
    | UtteranceDone
    | Remembered
    | Floor
    | Hesitation
    | PersonState
    | ToolCall
    | Saying
    | Refused
    | Seen
    | PicturesWanted
)


@dataclass(frozen=True, slots=True)
class MicroTurnOutput:
    """All that goes out in answer to micro-turn `k` of a stream."""

    stream: int
    k: int
    speech: tuple[Speech, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamOpened:
    """The stream has its row."""

    stream: int


@dataclass(frozen=True, slots=True)
class StreamClosed:
    """The stream's row is free again. `reason` is empty when the server asked for it."""

    stream: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EngineReady:
    """The model is loaded. `parts` maps each part to a line that says what and where it is."""

    rows: int
    device: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EngineVitals:
    """Sent about once a second: how the engine keeps up.

    `tick_p50_seconds` and `tick_p99_seconds` are over the last ten seconds; `missed` counts
    micro-turns since the start whose outputs left later than their tick allowed. `drafted` answers
    were begun since the start; `dropped` of them were made for nothing. `tick_counts` are of the
    ticks since the start those that took at most each of `TICK_BOUNDS_SECONDS`, and at last all;
    together they took `tick_total_seconds`.
    """

    ticks: int
    missed: int
    tick_p50_seconds: float
    tick_p99_seconds: float
    queued_jobs: int
    journal_entries: int = 0
    drafted: int = 0
    dropped: int = 0
    tick_counts: tuple[int, ...] = ()
    tick_total_seconds: float = 0.0


TICK_BOUNDS_SECONDS: Final = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1,
    0.2, 0.5,
)  # fmt: skip

FromEngine = EngineReady | EngineVitals | StreamOpened | StreamClosed | MicroTurnOutput
