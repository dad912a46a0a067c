"""What we say: one 20 ms frame at a time on a monotonic schedule, encoded here and now."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from model.timebase import FRAME_SECONDS, SPEAKING_FRAME_SAMPLES, SPEAKING_RATE
from server.webrtc.opus import Frame, OpusEncoder

__all__ = ["Frame", "FrameSource", "Lateness", "Schedule", "Speaker"]

logger = logging.getLogger(__name__)

# Real zeros are encoded for this long after speech, so that codec and error correction have
# nothing of it left; then one packet of silence is sent again and again at no cost.
_TAIL_FRAMES: Final = 6
# A machine that slept does not speak minutes in one breath.
_GIVE_UP_SECONDS: Final = 2.0
_LATENESS_FRAMES: Final = 3000


class FrameSource(Protocol):
    """Where frames come from; the Session's Playout is one."""

    def next_frame(self) -> Frame | None:
        """The next 20 ms to be heard, `[480]` mono at 24 kHz, or None for silence.

        Called on the event loop exactly once per 20 ms, at the moment the frame is sent.
        """


@dataclass(frozen=True, slots=True)
class Lateness:
    """Actual minus due time of the frames of the last minute, in seconds."""

    p50: float = 0.0
    p99: float = 0.0
    worst: float = 0.0


class Schedule:
    """Which frame is due when. Pure.

    Late frames are due at once, one after the other: none is skipped, because a listener loses
    six times less by a burst than by a hole. Only beyond two seconds is the past given up.
    """

    def __init__(self, start: float) -> None:
        self.skipped_frames = 0
        self._start = start
        self._frame = 0
        self._late: deque[float] = deque(maxlen=_LATENESS_FRAMES)

    @property
    def due(self) -> float:
        """When the next frame is to be sent."""
        return self._start + self._frame * FRAME_SECONDS

    def sent(self, now: float) -> int:
        """Note that the due frame goes out at `now`; returns the number of the frame.

        Numbers are consecutive, except where the past was given up.
        """
        late = now - self.due
        if late > _GIVE_UP_SECONDS:
            skipped = int(late / FRAME_SECONDS)
            self.skipped_frames += skipped
            self._frame += skipped
            late = now - self.due
        self._late.append(late)
        self._frame += 1
        return self._frame - 1

    def lateness(self) -> Lateness:
        """Over the last minute."""
        if not self._late:
            return Lateness()
        late = np.fromiter(self._late, np.float64)
        p50, p99 = np.percentile(late, (50, 99))
        return Lateness(float(p50), float(p99), float(late.max()))


class Speaker:
    """Pulls frames from `source`, which may be set or replaced at any time (None is silence).

    Nothing is fetched ahead: what the source gives is on the wire within a millisecond, so what
    it stops giving is silent from the next frame on.
    """

    def __init__(self, source: FrameSource | None = None) -> None:
        self.source = source
        self.failed_frames = 0
        self.schedule: Schedule | None = None
        self._encoder = OpusEncoder(SPEAKING_RATE)
        self._zeros = np.zeros(SPEAKING_FRAME_SAMPLES, np.float32)
        self._silent_frames = _TAIL_FRAMES
        self._silence = b""

    def lateness(self) -> Lateness:
        """How late frames were sent in the last minute."""
        return self.schedule.lateness() if self.schedule is not None else Lateness()

    async def run(self, send: Callable[[int, bytes], Awaitable[None]]) -> None:
        """Give every frame's number and packet to `send`, on time, until cancelled."""
        loop = asyncio.get_running_loop()
        schedule = self.schedule = Schedule(loop.time())
        while True:
            # Also when late: a burst must not keep the loop from everything else.
            await asyncio.sleep(max(0.0, schedule.due - loop.time()))
            number = schedule.sent(loop.time())
            await send(number, self.next_packet())

    def next_packet(self) -> bytes:
        """Pull one frame and encode it."""
        frame: Frame | None = None
        if self.source is not None:
            try:
                frame = self.source.next_frame()
                if frame is not None:
                    packet = self._encoder.encode(frame)
            except Exception:
                # The voice of one Session must not end with one bad frame.
                self.failed_frames += 1
                if self.failed_frames == 1:
                    logger.exception("a frame could not be had from %r", self.source)
                frame = None
        if frame is not None:
            self._silent_frames = 0
            return packet
        if self._silent_frames < _TAIL_FRAMES or not self._silence:
            self._silent_frames += 1
            self._silence = self._encoder.encode(self._zeros)
        return self._silence
