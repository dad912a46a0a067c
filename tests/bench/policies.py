"""Scripted agents: the nulls every report shows, and the reference agents of known behaviour.

A policy hears 20 ms frames and plans its own speech as intervals of the same clock. It is pure:
the same object runs offline over a stimulus and live inside the reference agent. None of them
understands anything; that is the point.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np

from tests.bench.metrics.activity import ClipLog, Interval, Utterance
from tests.bench.stimuli.script import RATE, Audio, Script, placed_labels, placed_voice

__all__ = ["POLICIES", "Metronome", "Policy", "Responder", "Silence", "perform"]

FRAME: Final = RATE // 50
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
        ignore_every: every n-th sound over its speech is ignored; 0 ignores none.
        sharp: for calibration, see `_Activity`.
    """

    def __init__(
        self,
        delay_seconds: float,
        stop_seconds: float | None,
        length_seconds: float = 8.0,
        ignore_every: int = 0,
        *,
        sharp: bool = False,
    ) -> None:
        super().__init__(sharp=sharp)
        self._delay = delay_seconds
        self._stop_after = stop_seconds
        self._length = length_seconds
        self._ignore_every = ignore_every
        self._sounds = 0
        self._answered: float | None = None
        self._noticed: float | None = None

    def _decide(self) -> None:
        onset, last = self._activity.onset, self._activity.last_voiced
        if self._speaking() and self.speech[-1].start <= self.now:
            if onset is not None and onset != self._noticed and onset > self.speech[-1].start:
                self._noticed = onset
                self._sounds += 1
                ignored = self._ignore_every and self._sounds % self._ignore_every == 0
                if self._stop_after is not None and not ignored:
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


class _NeverYields(Responder):
    """Talks through everything, and takes no labelled event for a question."""

    def __init__(self) -> None:
        super().__init__(0.7, None)
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


POLICIES: Final[dict[str, Callable[[], Policy]]] = {
    "silence": Silence,
    "metronome": Metronome,
    "never_yield": _NeverYields,
    "always_yield": _AlwaysYields,
    "timeout_300": lambda: Responder(0.3, 0.2),
    "timeout_700": lambda: Responder(0.7, 0.2),
    "timeout_1500": lambda: Responder(1.5, 0.2),
    "reference": lambda: Responder(0.4, 0.25),
    "broken": lambda: Responder(0.6, 0.25, ignore_every=5),
}
"""By name. `broken` is `reference` with 200 ms added and one interruption in five ignored."""


def perform(script: Script, policy: Policy, delay_seconds: float = 0.07) -> ClipLog:
    """Play a script to a policy without a network, `delay_seconds` standing for the way.

    Cues are answered as the live player answers them, on the policy's own planned speech.
    """
    sent, starts, at, free_at = 0, [], 0, 0
    waiting = list(script.pieces)
    playing: tuple[Audio, int] | None = None
    voiced = silent = 0
    tail = round(script.tail_seconds * RATE)
    since = 0
    while playing is not None or waiting or at - free_at < tail:
        on = any(
            s.start + delay_seconds <= at / RATE < s.end + delay_seconds for s in policy.speech
        )
        voiced, silent = (voiced + FRAME, 0) if on else (voiced * (silent < 4800), silent + FRAME)
        if playing is None and waiting:
            cue = waiting[0].cue
            counts = {"clock": at - free_at, "agent_speaks": voiced, "agent_silent": silent}
            if counts[cue.when] >= cue.seconds * RATE:
                piece = waiting.pop(0)
                playing = (piece.audio, at)
                starts.append(at)
                for mark in piece.marks:
                    policy.note((at + mark.start) / RATE, (at + mark.end) / RATE, mark.kind)
            elif at - since > cue.limit_seconds * RATE:
                waiting, free_at = [], at
        frame = np.zeros(FRAME, np.float32)
        if playing is not None:
            part = playing[0][at - playing[1] : at - playing[1] + FRAME]
            frame[: len(part)] = part
            if at - playing[1] + FRAME >= len(playing[0]):
                playing, free_at = None, at + FRAME
                since = free_at
        if len(script.bed):
            frame = frame + np.take(script.bed, np.arange(at, at + FRAME), mode="wrap")
        policy.hear(frame.astype(np.float32))
        at, sent = at + FRAME, sent + 1
    length = at / RATE
    agent = tuple(
        Interval(s.start + delay_seconds, min(s.end + delay_seconds, length))
        for s in policy.speech
        if s.start + delay_seconds < length
    )
    placed = tuple(starts)
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
