"""What is queued to be heard, what was heard, what was cut off. Pure: frames are its only clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from model.messages import Audio, Heard, Speech, UtteranceDone
from model.timebase import FRAME_SECONDS, SPEAKING_FRAME_SAMPLES, SPEAKING_RATE, samples

__all__ = ["FADE_SECONDS", "HEARD_LAG_SECONDS", "QUEUE_SECONDS", "Notice", "Playout"]

HEARD_LAG_SECONDS: Final = 0.06
"""How long after it was handed to the speaker a sample counts as heard.

The way down takes about 40 ms on a clean link and the listener's device another 10-30 ms, so what
was handed over less than this ago cannot yet have been heard when an interruption is decided.
"""

QUEUE_SECONDS: Final = 30.0
"""The most that may wait to be played; see `Playout.push` for what happens beyond it."""

FADE_SECONDS: Final = 0.04
"""The longest fade-out after a flush."""

HESITATION_SECONDS: Final = 0.5
"""The longest hesitation: should the engine not say that it is over, the voice goes on."""

RISE_SECONDS: Final = 0.01
"""What stood still comes back within so much, without a click."""

_LAG_FRAMES: Final = round(HEARD_LAG_SECONDS / FRAME_SECONDS)
_QUEUE_SAMPLES: Final = samples(QUEUE_SECONDS, SPEAKING_RATE)
# The engine finishes one utterance before it begins the next. Should it forget to, a later
# utterance waits this many frames for the missing end, and then is played all the same.
_PATIENCE_FRAMES: Final = 25


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to an utterance; `samples` is how much of it was heard by then.

    started: its first sample was handed to the speaker. done: heard to its end. overflow: speech
    was refused; the utterance ends with what is queued, and a `cut` follows when that was heard.
    """

    kind: Literal["started", "done", "cut", "overflow"]
    utterance: int
    samples: int


@dataclass(slots=True)
class _Utterance:
    """One utterance between the first push and the moment its last sample counts as heard."""

    number: int
    parts: deque[Audio] = field(default_factory=deque)
    pushed: int = 0
    handed: int = 0
    heard: int = 0
    reported: int = 0
    total: int | None = None
    truncated: bool = False
    limit: int | None = None

    def ended(self) -> bool:
        """Nothing is left to hand over and nothing will come."""
        return self.total is not None and self.handed >= self.total

    def take(self, count: int) -> Audio | None:
        """The next `count` samples, padded at the utterance's end; None while too few are here."""
        available = self.pushed - self.handed
        if available == 0 or (available < count and self.total is None):
            return None
        frame = np.zeros(count, np.float32)
        filled = 0
        while filled < count and self.parts:
            part = self.parts[0]
            piece = part[: count - filled]
            frame[filled : filled + len(piece)] = piece
            filled += len(piece)
            if len(piece) == len(part):
                self.parts.popleft()
            else:
                self.parts[0] = part[len(piece) :]
        self.handed += filled
        return frame


class Playout:
    """The queue between the engine's speech and the Speaker, which asks for a frame every 20 ms.

    Utterances are played in the order of their first speech. Not thread-safe: one event loop.
    """

    def __init__(self) -> None:
        self._utterances: deque[_Utterance] = deque()
        self._in_flight: deque[tuple[_Utterance | None, int]] = deque()
        self._fade: deque[Audio] = deque()
        self._heard: list[Heard] = []
        self._notices: list[Notice] = []
        self._closed_through = -1
        self._starved_frames = 0
        self._held = False
        self._hesitates = 0  # frames for which it still may
        self._stood = False

    @property
    def held(self) -> bool:
        """Whether the playing stands still; nothing is thrown away."""
        return self._held

    @held.setter
    def held(self, held: bool) -> None:
        if held and not self._held:
            self._start_fade(FADE_SECONDS)
        self._held = held

    def hesitate(self, stands: bool) -> None:
        """Let the playing stand still until it is told to go on, or for half a second; nothing is
        thrown away."""
        if stands and not self._hesitates:
            self._start_fade(FADE_SECONDS)
        self._hesitates = round(HESITATION_SECONDS / FRAME_SECONDS) if stands else 0

    @property
    def queued_samples(self) -> int:
        """Samples that wait to be handed to the speaker (24 kHz)."""
        return sum(one.pushed - one.handed for one in self._utterances)

    @property
    def speaking(self) -> bool:
        """Whether an utterance is being played or waits to be."""
        return bool(self._utterances)

    @property
    def position(self) -> tuple[int | None, int]:
        """The utterance being heard and how many of its samples were; (None, 0) in silence."""
        if not self._utterances:
            return None, 0
        return self._utterances[0].number, self._utterances[0].heard

    @property
    def next_utterance(self) -> int:
        """The lowest number that is not over."""
        return self._closed_through + 1

    def expect(self, utterance: int) -> bool:
        """Speech of this utterance will come; False when it was cut or is over."""
        return self._expected(utterance) is not None

    def limit(self, utterance: int, heard_samples: int) -> bool:
        """Of this utterance, when it is cut, no more counts as heard; False when it is over."""
        for one in self._utterances:
            if one.number == utterance:
                one.limit = max(0, heard_samples)
                return True
        return False

    def end_here(self, utterance: int) -> None:
        """Let the utterance end, as cut, with what is queued of it; the rest is refused."""
        one = self._expected(utterance)
        if one is not None and one.total is None:
            one.total, one.truncated = one.pushed, True

    def push(self, speech: Speech) -> None:
        """Queue speech.

        Speech of an utterance that was cut or is over is dropped. Speech that would make more than
        `QUEUE_SECONDS` wait, or that does not continue its utterance at `start_samples`, is refused
        with an `overflow` notice and so is the rest of the utterance: what is heard of it is
        one piece from its beginning, never a piece with a hole.
        """
        one = self._expected(speech.utterance)
        if one is None or one.total is not None:
            return
        too_much = self.queued_samples + len(speech.audio) > _QUEUE_SAMPLES
        if too_much or speech.start_samples != one.pushed:
            self.end_here(one.number)
            self._notices.append(Notice("overflow", one.number, one.heard))
            return
        if len(speech.audio):
            one.parts.append(np.asarray(speech.audio, np.float32))
            one.pushed += len(speech.audio)

    def finish(self, done: UtteranceDone) -> None:
        """Nothing more comes for this utterance; it is done when what is queued was heard."""
        one = self._expected(done.utterance)
        if one is not None and one.total is None:
            one.total = one.pushed

    def next_frame(self) -> Audio | None:
        """The next 20 ms, float32 `[480]` at 24 kHz, or None for silence.

        Must be called once for every 20 ms of played time: the calls are what makes speech
        count as heard. Starvation inside an utterance is silence that counts for nothing.
        """
        if self._fade:
            self._stood = True
            return self._fade.popleft()
        stands = self._held or self._hesitates > 0
        self._hesitates = max(self._hesitates - 1, 0)
        one = self._next_to_hand() if not stands else None
        frame = one.take(SPEAKING_FRAME_SAMPLES) if one is not None else None
        if one is not None and frame is not None:
            if self._stood and one.handed > SPEAKING_FRAME_SAMPLES:
                rise = samples(RISE_SECONDS, SPEAKING_RATE)
                frame[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
            if one.handed <= SPEAKING_FRAME_SAMPLES:
                self._notices.append(Notice("started", one.number, 0))
            self._in_flight.append((one, one.handed))
        else:
            self._in_flight.append((None, 0))
        if len(self._in_flight) > _LAG_FRAMES:
            arrived, handed = self._in_flight.popleft()
            if arrived is not None:
                arrived.heard = handed
        self._stood = stands
        self._retire()
        return frame

    def flush(self, fade_seconds: float = FADE_SECONDS) -> tuple[Heard, ...]:
        """Fall silent: throw away all that waits and say exactly what was heard of each utterance.

        What is sounding fades out within `fade_seconds` (at most 0.04); the fade does not count as
        heard. An utterance whose last sample is already on its way counts as heard whole, since
        nothing can call it back. Speech that still comes for any of these is dropped.
        """
        self._start_fade(min(fade_seconds, FADE_SECONDS))
        for one in self._utterances:
            whole = one.ended() and not one.truncated and one.handed > 0
            heard = one.handed if whole else one.heard
            if one.limit is not None and one.limit < heard:
                heard, whole = one.limit, False
            self._close(one, heard, cut=not whole)
        self._utterances.clear()
        self._in_flight.clear()
        self._starved_frames = self._hesitates = 0
        return self.heard()

    def heard(self) -> tuple[Heard, ...]:
        """Progress since the last call: one entry for each utterance that moved or ended."""
        news = self._heard
        self._heard = []
        for one in self._utterances:
            if one.heard != one.reported:
                one.reported = one.heard
                news.append(Heard(one.number, one.heard))
        return tuple(news)

    def notices(self) -> tuple[Notice, ...]:
        """What happened since the last call, in order."""
        news = tuple(self._notices)
        self._notices.clear()
        return news

    def _expected(self, number: int) -> _Utterance | None:
        if number <= self._closed_through:
            return None
        for one in self._utterances:
            if one.number == number:
                return one
        one = _Utterance(number)
        self._utterances.append(one)
        return one

    def _next_to_hand(self) -> _Utterance | None:
        for one in self._utterances:
            if one.ended():
                continue
            if one.handed < one.pushed or one is self._utterances[-1]:
                self._starved_frames = 0
                return one
            self._starved_frames += 1
            if self._starved_frames <= _PATIENCE_FRAMES:
                return one
            one.total = one.pushed
        return None

    def _retire(self) -> None:
        while self._utterances:
            one = self._utterances[0]
            if one.total is None or one.heard < one.total:
                return
            self._utterances.popleft()
            self._close(one, one.heard, cut=one.truncated)

    def _close(self, one: _Utterance, heard: int, cut: bool) -> None:
        self._heard.append(Heard(one.number, heard, cut))
        self._notices.append(Notice("cut" if cut else "done", one.number, heard))
        self._closed_through = max(self._closed_through, one.number)

    def _start_fade(self, fade_seconds: float) -> None:
        if self._fade or self._stood:
            return  # It has faded already, or is about to.
        one = self._in_flight[-1][0] if self._in_flight else None
        length = samples(fade_seconds, SPEAKING_RATE)
        if one is None or one.ended() or length <= 0:
            return
        frames = -(-length // SPEAKING_FRAME_SAMPLES)
        tail = np.zeros(frames * SPEAKING_FRAME_SAMPLES, np.float32)
        left = np.concatenate(tuple(one.parts) or (tail[:0],))[:length]
        tail[: len(left)] = left * np.linspace(1.0, 0.0, length, dtype=np.float32)[: len(left)]
        self._fade.extend(tail.reshape(frames, SPEAKING_FRAME_SAMPLES))
