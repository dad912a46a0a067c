"""Scripted agents: the nulls every report shows, and the reference agents of known behaviour.

A policy hears 20 ms frames and plans its own speech as intervals of the same clock. It is pure:
the same object runs offline over a stimulus and live inside the reference agent. None of them
understands anything; that is the point.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from tests.bench.metrics.activity import ClipLog, Interval, Utterance
from tests.bench.stimuli.script import (
    RATE,
    Audio,
    Script,
    placed_labels,
    placed_voice,
    played_pieces,
)  # fmt: skip
from tests.bench.stimuli.stage import FRAME, Stage

__all__ = [
    "POLICIES",
    "Discerning",
    "Metronome",
    "Policy",
    "Responder",
    "Silence",
    "broken",
    "perform",
]

STEP: Final = RATE // 200
CONFIRM_STEPS: Final = 12
_FLOOR_SECONDS: Final = 3.0
_LEAST_DB: Final = -45.0
_ABOVE_FLOOR_DB: Final = 10.0


class _Activity:
    """Onset and last voiced sample of what is heard, in 5 ms steps over a tracked noise floor.

    With `sharp`, steps must also reach within 12 dB of the loudest of the last three seconds: the
    codec's ringing after a buzz that ends at once does not count. For calibration only.
    """

    def __init__(self, *, sharp: bool = False) -> None:
        self._sharp = sharp
        self.now = 0.0
        self.onset: float | None = None  # start of the present stretch, once confirmed
        self.last_voiced: float | None = None
        self._run = 0
        self._steps = 0
        self._floor = -90.0
        self._levels: deque[float] = deque(maxlen=round(_FLOOR_SECONDS * RATE / STEP))

    def hear(self, frame: Audio) -> None:
        """Advance by one frame."""
        for step in frame.reshape(-1, STEP):
            level = 10.0 * float(np.log10(np.mean(step**2) + 1e-10))
            self._levels.append(level)
            self.now += STEP / RATE
            self._steps += 1
            if self._steps % 40 == 0:
                self._floor = float(np.percentile(self._levels, 10))
            least = max(_LEAST_DB, min(self._floor, -30.0) + _ABOVE_FLOOR_DB)
            if level > (max(least, max(self._levels) - 12.0) if self._sharp else least):
                self._run += 1
                if self._run >= 4:
                    # The end lies anywhere in the step; calibration wants no bias.
                    self.last_voiced = self.now - (0.5 * STEP / RATE if self._sharp else 0.0)
                if self._run == CONFIRM_STEPS:
                    self.onset = self.now - CONFIRM_STEPS * STEP / RATE
            elif self.last_voiced is None or self.now - self.last_voiced > 0.06:
                self._run = 0
                if self.last_voiced is not None and self.now - self.last_voiced > 0.2:
                    self.onset = None


class Policy:
    """Plans `speech`; never changes what lies before `now`."""

    def __init__(self, *, sharp: bool = False) -> None:
        self.speech: list[Interval] = []
        self.cuts: list[float] = []
        self._activity = _Activity(sharp=sharp)

    @property
    def now(self) -> float:
        """Seconds heard."""
        return self._activity.now

    def hear(self, frame: Audio) -> None:
        """Take in one frame of 20 ms at 16 kHz and revise the plan."""
        self._activity.hear(frame)
        self._decide()

    def note(self, onset: float, end: float, kind: str) -> None:
        """Told by `perform` of a labelled event before it is heard; only the nulls listen."""

    def _decide(self) -> None:
        raise NotImplementedError

    def _speaking(self) -> bool:
        return bool(self.speech) and self.speech[-1].end > self.now

    def _say(self, start: float, length: float) -> None:
        self.speech.append(Interval(max(start, self.now), max(start, self.now) + length))

    def _stop(self, at: float) -> None:
        last = self.speech[-1]
        end = max(at, self.now)
        if end <= last.start:
            self.speech.pop()
        elif end < last.end:
            self.speech[-1] = Interval(last.start, end)
            self.cuts.append(end)


class Silence(Policy):
    """Never says anything."""

    def _decide(self) -> None:
        """Nothing."""


class Metronome(Policy):
    """A short sound every `period_seconds`, whatever happens."""

    def __init__(self, period_seconds: float = 4.0, length_seconds: float = 0.35) -> None:
        super().__init__()
        self._period = period_seconds
        self._length = length_seconds
        self._beats = 0

    def _decide(self) -> None:
        if self.now >= (self._beats + 1) * self._period - 0.1:
            self._beats += 1
            self._say(self._beats * self._period, self._length)


class Responder(Policy):
    """Answers `delay_seconds` after the last voiced sample; may stop for sound, or not.

    Args:
        delay_seconds: silence before it speaks; at least 0.12, since 60 ms are needed to notice.
        stop_seconds: onset of sound to its own last sample; None never yields.
        length_seconds: of an answer.
        ignore_every: every n-th sound over its speech is ignored, and whatever follows it in that
            answer; 0 ignores none.
        sounds: counts the sounds; given to several, it counts theirs together.
        sharp: for calibration, see `_Activity`.
    """

    def __init__(
        self,
        delay_seconds: float,
        stop_seconds: float | None,
        length_seconds: float = 8.0,
        ignore_every: int = 0,
        sounds: Iterator[int] | None = None,
        *,
        sharp: bool = False,
    ) -> None:
        super().__init__(sharp=sharp)
        self._delay = delay_seconds
        self._stop_after = stop_seconds
        self._length = length_seconds
        self._ignore_every = ignore_every
        self._sounds = itertools.count(1) if sounds is None else sounds
        self._deaf = False  # for the rest of this answer
        self._answered: float | None = None
        self._noticed: float | None = None

    def _decide(self) -> None:
        onset, last = self._activity.onset, self._activity.last_voiced
        if self._speaking() and self.speech[-1].start <= self.now:
            if onset is not None and onset != self._noticed and onset > self.speech[-1].start:
                self._noticed = onset
                number = next(self._sounds)
                if self._ignore_every and number % self._ignore_every == 0:
                    self._deaf = True
                if self._stop_after is not None and not self._deaf:
                    self._stop(onset + self._stop_after)
            return
        if last is None or last == self._answered:
            return
        if self._speaking() and last > self.speech[-1].start - self._delay + 0.005:
            self.speech.pop()  # the person went on before it was said
        # Planned shortly before it is due, so that a person who goes on is noticed.
        silent = self.now - last
        if not self._speaking() and silent >= self._delay - 0.06 and self._heard_enough():
            self._say(last + self._delay, self._length)
            self._answered = last
            self._deaf = False

    def _heard_enough(self) -> bool:
        return self._activity.last_voiced is not None


_ASKS_NOTHING: Final = ("backchannel", "vocal_tic", "not_directed")


class _AlwaysYields(Responder):
    """Stops 0.2 s into every labelled event, heard or not, and answers every one."""

    def __init__(self) -> None:
        super().__init__(0.7, 0.2)
        self._events: list[tuple[float, float]] = []

    def note(self, onset: float, end: float, kind: str) -> None:
        """Remember it."""
        if kind in (*_ASKS_NOTHING, "interruption"):
            self._events.append((onset, end))

    def _decide(self) -> None:
        for onset, end in self._events:
            if self.now >= onset and self._speaking() and onset > self.speech[-1].start:
                self._stop(onset + 0.2)
            if end <= self.now < end + 0.1:
                self._activity.last_voiced = max(self._activity.last_voiced or 0.0, end)
        super()._decide()


class Discerning(Responder):
    """Takes no labelled event for a question, since it is told of them."""

    def __init__(
        self, delay_seconds: float, stop_seconds: float | None, length_seconds: float = 8.0
    ) -> None:
        super().__init__(delay_seconds, stop_seconds, length_seconds)
        self._events: list[tuple[float, float]] = []

    def note(self, onset: float, end: float, kind: str) -> None:
        """Remember what asks for nothing."""
        if kind in _ASKS_NOTHING:
            self._events.append((onset, end))

    def _heard_enough(self) -> bool:
        last = self._activity.last_voiced
        return last is not None and not any(
            onset - 0.1 <= last <= end + 0.3 for onset, end in self._events
        )


def broken(sounds: Iterator[int] | None = None) -> Policy:
    """The reference agent, broken on purpose: the bench must find it out."""
    return Responder(0.6, 0.25, ignore_every=5, sounds=sounds)


POLICIES: Final[dict[str, Callable[[], Policy]]] = {
    "silence": Silence,
    "metronome": Metronome,
    "never_yield": lambda: Discerning(0.7, None),
    "always_yield": _AlwaysYields,
    "timeout_300": lambda: Responder(0.3, 0.2),
    "timeout_700": lambda: Responder(0.7, 0.2),
    "timeout_1500": lambda: Responder(1.5, 0.2),
    "reference": lambda: Responder(0.4, 0.25),
    "broken": broken,
    "deaf": lambda: Responder(0.3, None, 20.0),
    "slow": lambda: Responder(3.0, 0.2),
}
"""By name. `broken` is `reference` with 200 ms added and one interruption in five ignored; `deaf`
takes every pause and stops for nothing, `slow` answers late."""


def perform(script: Script, policy: Policy, delay_seconds: float = 0.07) -> ClipLog:
    """Play a script to a policy without a network, `delay_seconds` standing for the way.

    Cues are answered as the live player answers them, on the policy's own planned speech.
    """
    stage, at, noted = Stage(script), 0, 0
    while not stage.over(at):
        now = at / RATE - delay_seconds
        stage.hear(at, voiced=any(s.start <= now < s.end for s in policy.speech))
        frame = stage.near(at)
        played = played_pieces(script, tuple(stage.starts))
        for start, piece in played[noted:]:
            for mark in piece.marks:
                policy.note((start + mark.start) / RATE, (start + mark.end) / RATE, mark.kind)
        noted = len(played)
        if len(script.bed):
            frame = frame + np.take(script.bed, np.arange(at, at + FRAME), mode="wrap")
        policy.hear(frame.astype(np.float32))
        at += FRAME
    length = at / RATE
    agent = tuple(
        Interval(s.start + delay_seconds, min(s.end + delay_seconds, length))
        for s in policy.speech
        if s.start + delay_seconds < length
    )
    placed = tuple(stage.starts)
    return ClipLog(script.clip, script.half, script.speaker, placed_voice(script, placed), agent,
                   placed_labels(script, placed), _told(policy, delay_seconds), length)  # fmt: skip


def _told(policy: Policy, delay_seconds: float) -> tuple[Utterance, ...]:
    """What events would say of a policy's speech."""
    cuts = set(policy.cuts)
    return tuple(
        Utterance(
            span.start + delay_seconds,
            finished="cut" if span.end in cuts else "done",
            ended=span.end + delay_seconds,
        )
        for span in policy.speech
    )
