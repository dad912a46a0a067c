"""What the person is about to say: a bounded queue that is spoken at its own speed. Pure.

It outlives connections: what was queued and not sent when one broke is said on the next.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from client.errors import TooMuch
from client.sound import FRAME, RATE, Audio

__all__ = ["Mouth"]

MAX_WAITING_SECONDS: Final = 900.0
"""Of sound that was queued whole; more is refused."""

MAX_LIVE_SECONDS: Final = 0.4
"""Of a microphone's sound; more means that we lag, and the oldest is dropped."""


class Mouth:
    """Frames of 20 ms at 48 kHz: what was queued, mixed with a live microphone.

    Attributes:
        muted: whether silence is sent instead.
        spoken: samples given out so far, silence included.
    """

    def __init__(self) -> None:
        self.muted = False
        self.spoken = 0
        self._queue: deque[Audio] = deque()
        self._live: deque[Audio] = deque()

    @property
    def waiting(self) -> int:
        """Samples that were queued and are not spoken yet."""
        return sum(map(len, self._queue))

    def say(self, audio: Audio) -> int:
        """Queue sound after what waits; what `spoken` will be when its last sample is spoken.

        Raises:
            TooMuch: a quarter of an hour waits already.
        """
        waiting = self.waiting + len(audio)
        if waiting > MAX_WAITING_SECONDS * RATE:
            raise TooMuch(f"{MAX_WAITING_SECONDS:g} s of sound wait already; wait until it is said")
        self._queue.append(audio)
        return self.spoken + waiting

    def hear_live(self, audio: Audio) -> None:
        """Sound of a microphone, as it comes."""
        self._live.append(audio)
        while sum(map(len, self._live)) > MAX_LIVE_SECONDS * RATE:
            self._live.popleft()

    def live_again(self) -> None:
        """A line begins: what the microphone gave while there was none is not said late, for all
        behind it would be late as well."""
        self._live.clear()

    def hush(self) -> int:
        """Say none of what waits; how many samples that were."""
        dropped = self.waiting
        self._queue.clear()
        return dropped

    def frame(self) -> Audio:
        """The next 20 ms."""
        frame = _take(self._queue) + _take(self._live)
        self.spoken += FRAME
        return np.zeros(FRAME, np.float32) if self.muted else np.clip(frame, -1, 1)


def _take(queue: deque[Audio]) -> Audio:
    frame = np.zeros(FRAME, np.float32)
    filled = 0
    while queue and filled < FRAME:
        part = queue[0][: FRAME - filled]
        frame[filled : filled + len(part)] = part
        filled += len(part)
        if len(part) == len(queue[0]):
            queue.popleft()
        else:
            queue[0] = queue[0][len(part) :]
    return frame
