"""What a conversation is made of before it is mixed: who says what, when, and what it asks of us.

Times of the person's side are samples at 16 kHz of the stream's clock; ours begin with a
micro-turn.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

import numpy as np

from model.interaction.breath import APART_MICRO_TURNS
from model.messages import Audio, Word
from model.timebase import (
    HEARING_BLOCK_SAMPLES,
    HEARING_RATE,
    MICRO_TURN_SECONDS,
    SPEAKING_RATE,
    samples,
    seconds,
)
from model.training.render.speech import Persona

__all__ = ["Conversation", "OtherPart", "OwnPart", "Pause", "PersonPart", "voiced_spans"]

PersonKind = Literal["turn", "interruption", "backchannel", "aside", "tic"]
OwnKind = Literal["answer", "backchannel", "notice", "mistake", "resumed"]

_FADE_SAMPLES: Final = samples(0.04, SPEAKING_RATE)
_APART: Final = samples(APART_MICRO_TURNS * MICRO_TURN_SECONDS, SPEAKING_RATE)
_FRAME: Final = HEARING_RATE // 100
_UNDER_LOUD_DB: Final = 32.0
_CLOSED_FRAMES: Final = 18


@dataclass(frozen=True, slots=True)
class Pause:
    """A silence inside a turn, in samples of the stream: last voiced to first voiced.

    doubtful: what was said so far could have been all. place: a listener would say "mhm" here.
    """

    start: int
    end: int
    doubtful: bool = False
    place: bool = False


@dataclass(frozen=True)
class PersonPart:
    """One thing the person's mouth does, dry.

    Attributes:
        kind: what it means.
        start: sample at which its audio begins.
        audio: float32 at 16 kHz.
        words: in seconds of the audio.
        pauses: in samples of the stream.
        complete: False for a sentence that is broken off.
        wanted: whether an answer is expected; None for who asks for silence or for time.
        spoken: samples of `audio` before the filling that closes it; None where nothing does.
    """

    kind: PersonKind
    start: int
    audio: Audio
    words: tuple[Word, ...] = ()
    pauses: tuple[Pause, ...] = ()
    complete: bool = True
    wanted: bool | None = True
    spoken: int | None = None

    @cached_property
    def voiced(self) -> tuple[tuple[int, int], ...]:
        """Voiced spans in samples of the stream, closed over gaps of less than 0.18 s."""
        # Not of the filling: behind a short word it is most of the audio, and how loud the loud
        # part is would be measured in it.
        said = self.audio[: self.spoken]
        return tuple((a + self.start, b + self.start) for a, b in voiced_spans(said))

    @property
    def first(self) -> int:
        """Its first voiced sample."""
        return self.voiced[0][0] if self.voiced else self.start

    @property
    def last(self) -> int:
        """One past its last voiced sample."""
        return self.voiced[-1][1] if self.voiced else self.start


@dataclass(frozen=True, slots=True)
class OtherPart:
    """Somebody else in the room, dry, 16 kHz."""

    start: int
    audio: Audio
    words: tuple[Word, ...] = ()

    @property
    def first(self) -> int:
        """The first voiced sample."""
        spans = voiced_spans(self.audio)
        return self.start + (spans[0][0] if spans else 0)


@dataclass(frozen=True, slots=True)
class OwnPart:
    """One utterance of ours as sent.

    Attributes:
        kind: an answer, a backchannel, a notice nobody asked for, an answer begun in error, or what
            follows where we stopped and nobody had wanted it.
        k: the micro-turn in which its first sample is sent.
        audio: float32 at 24 kHz, all that was meant to be said.
        words: in seconds of the audio.
        sent: samples that were really sent.
        faded: whether the end is a cut (faded over 40 ms).
        holes: samples of `audio` in which the playing stood still, first and one past the last.
    """

    kind: OwnKind
    k: int
    audio: Audio
    words: tuple[Word, ...]
    sent: int
    faded: bool = False
    holes: tuple[tuple[int, int], ...] = ()

    @property
    def start_seconds(self) -> float:
        """When its first sample is sent."""
        return self.k * MICRO_TURN_SECONDS

    @property
    def end_seconds(self) -> float:
        """When its last sample has been sent."""
        return self.start_seconds + seconds(self.sent, SPEAKING_RATE)

    def held(self, at: float, length: float) -> OwnPart:
        """The same with its playing held `at` a second of the stream, for `length` seconds: it
        fades out over 40 ms and goes on where it was. As it is where nothing of it sounds then, or
        where it has just stood still."""
        here = samples(at - self.start_seconds, SPEAKING_RATE)
        near = any(start - _APART < here < end + _APART for start, end in self.holes)
        if near or not 0 < here < self.sent:
            return self
        hole = np.zeros(samples(length, SPEAKING_RATE), np.float32)
        fading = self.audio[here : here + min(_FADE_SAMPLES, len(hole))]
        fall = np.linspace(1.0, 0.0, _FADE_SAMPLES, dtype=np.float32)
        hole[: len(fading)] = fading * fall[: len(fading)]
        moved = seconds(len(hole), SPEAKING_RATE)
        words = []
        for word in self.words:
            start, end = (
                time + moved * (time * SPEAKING_RATE >= limit)
                for time, limit in ((word.start_seconds, here), (word.end_seconds, here + 1))
            )
            words.append(replace(word, start_seconds=start, end_seconds=end))
        audio = np.concatenate((self.audio[:here], hole, self.audio[here:]))
        return replace(self, audio=audio, words=tuple(words), sent=self.sent + len(hole),
                       holes=(*self.holes, (here, here + len(hole))))  # fmt: skip


@dataclass(frozen=True)
class Conversation:
    """A script with its voices rendered and its times fixed."""

    persona: Persona
    micro_turns: int
    delay_seconds: float
    person: tuple[PersonPart, ...]
    own: tuple[OwnPart, ...]
    others: tuple[OtherPart, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Samples at 16 kHz."""
        return self.micro_turns * HEARING_BLOCK_SAMPLES


def voiced_spans(audio: Audio, closed_frames: int = _CLOSED_FRAMES) -> list[tuple[int, int]]:
    """Spans, on a grid of 10 ms, that are at most 32 dB under the loud part of the audio."""
    count = len(audio) // _FRAME
    if not count:
        return []
    power = np.mean(np.square(audio[: count * _FRAME].reshape(-1, _FRAME)), axis=1)
    loud = power > np.quantile(power, 0.95) * 10 ** (-_UNDER_LOUD_DB / 10) + 1e-12
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(np.int8), [0]))))
    spans: list[tuple[int, int]] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if spans and start - spans[-1][1] < closed_frames:
            spans[-1] = (spans[-1][0], int(end))
        else:
            spans.append((int(start), int(end)))
    return [(a * _FRAME, b * _FRAME) for a, b in spans if b - a >= 3]
