"""Which of the frames that come are decoded, and which of those become pictures. Pure.

A sender that keeps to what it was asked for has all its frames decoded: each depends on the one
before. One that does not, by rate or by size, is cut down to its key frames, which depend on none
and can be asked for one at a time, so that what a session's video costs has a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "DECODED_PIXELS_A_SECOND",
    "MAX_FRAMES_A_SECOND",
    "MAX_FRAME_PIXELS",
    "WISHES",
    "Ration",
    "Wish",
]

MAX_FRAMES_A_SECOND: Final = 5.0

DECODED_PIXELS_A_SECOND: Final = 5_000_000
"""640x480 at fifteen frames a second, or 4K every other second: a few per cent of a core."""

MAX_FRAME_PIXELS: Final = 4096 * 2304
"""Larger frames are refused before memory is taken for them."""

_BURST_SECONDS: Final = 2.0
_CALM_SECONDS: Final = 3.0
# What is not known of a frame's size before it is decoded is taken for this.
_USUAL_PIXELS: Final = 320 * 240
_WINDOW_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sender is asked for: frames a second, and a box of which its pixels are the bound."""

    frames_a_second: float
    width: int
    height: int


WISHES: Final = {"camera": Wish(2.0, 320, 240), "screen": Wish(1.0, 1280, 720)}


class Ration:
    """Of all that one camera ever sends. Times are seconds of any one clock."""

    def __init__(self, frames_a_second: float) -> None:
        self.keys_only = False
        self._rate = frames_a_second
        self._pixels = _USUAL_PIXELS
        self._left = DECODED_PIXELS_A_SECOND * _BURST_SECONDS
        self._filled = float("-inf")
        self._window = (float("-inf"), 0)
        self._calm_since = float("inf")
        self._due = float("-inf")
        self._taken = float("-inf")
        self._key_due = float("-inf")

    def want(self, frames_a_second: float) -> None:
        """Another rate from now on, at most MAX_FRAMES_A_SECOND."""
        self._rate = frames_a_second
        self._due = min(self._due, self._taken + 1 / self._rate)

    def sized(self, width: int, height: int) -> None:
        """The frames from now on are of this size."""
        self._pixels = min(MAX_FRAME_PIXELS, max(1, width * height))

    def came(self, now: float) -> None:
        """A frame has come, whether it is decoded or not: back to all of them when so little comes,
        for a while, that all can be decoded."""
        since, count = self._window
        if now - since < _WINDOW_SECONDS:
            self._window = (since, count + 1)
            return
        self._window = (now, 1)
        if (count + 1) * self._pixels > DECODED_PIXELS_A_SECOND * (now - since) / 2:
            self._calm_since = float("inf")
        elif self._calm_since == float("inf"):
            self._calm_since = now
        elif self.keys_only and now - self._calm_since >= _CALM_SECONDS:
            self.keys_only = False

    def decodes(self, key: bool, now: float) -> bool:
        """Whether the frame that came is decoded."""
        self._fill(now)
        if not self.keys_only and self._left < self._pixels:
            self.keys_only = True
            self._calm_since = float("inf")
        if self.keys_only and not (key and now >= self._key_due):
            return False
        if self.keys_only:
            self._key_due = now + max(1 / self._rate, self._pixels / DECODED_PIXELS_A_SECOND)
        self._left = max(0.0, self._left - self._pixels)
        return True

    def wants_key(self, now: float) -> bool:
        """Whether a key frame is to be asked for."""
        return self.keys_only and now >= self._key_due

    def uses(self, taken: float) -> bool:
        """Whether a decoded frame, taken at that time, becomes a picture."""
        period = 1 / self._rate
        if self._due - 2 * period < taken < self._due - period / 4:
            return False
        # A clock that went back must not leave the next picture ever farther ahead.
        due = max(self._due + period, taken + period / 2)
        self._due = min(due, taken + 1.25 * period)
        self._taken = taken
        return True

    def _fill(self, now: float) -> None:
        passed = min(_BURST_SECONDS, now - self._filled)
        most = DECODED_PIXELS_A_SECOND * _BURST_SECONDS
        self._left = min(most, self._left + passed * DECODED_PIXELS_A_SECOND)
        self._filled = now
