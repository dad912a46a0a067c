"""A clip's pictures as a video track: the scene at rest over and over, then the action once."""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

__all__ = ["Film", "Frames", "developed"]

_CLOCK: Final = 90_000
REST_SECONDS: Final = 2.0

Plane = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Frames:
    """What a track shows, as I420 planes.

    Attributes:
        rate: frames a second.
        rest: shown forwards and backwards until the action begins.
        action: shown once; then its last frame stays.
    """

    rate: float
    rest: tuple[Plane, ...]
    action: tuple[Plane, ...]


def _planes(pixels: npt.NDArray[np.uint8]) -> Plane:
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
    planes: Plane = frame.to_ndarray().astype(np.uint8, copy=False)
    return planes


def developed(
    paint: Callable[[float], npt.NDArray[np.uint8]], rate: float, seconds: float
) -> Frames:
    """Paint everything beforehand, so that a call costs this side no more than encoding."""
    still = round(REST_SECONDS * rate)
    rest: Sequence[float] = [(n - still) / rate for n in range(still)]
    action = [n / rate for n in range(round(seconds * rate) + 1)]
    return Frames(
        rate,
        tuple(_planes(paint(at)) for at in rest),
        tuple(_planes(paint(at)) for at in action),
    )


class Film(MediaStreamTrack):
    """Frames on an absolute schedule of the monotonic clock.

    Attributes:
        began: monotonic time of the action's first frame; 0 before it.
    """

    kind = "video"

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.began = 0.0
        self.acting = asyncio.Event()
        self._frames = frames
        self._asked = False
        self._origin = 0.0
        self._sent = 0
        self._place = 0

    def act(self) -> None:
        """Begin the action when the scene at rest is next where the action begins; `acting` is set
        then, within four seconds."""
        self._asked = True

    async def recv(self) -> av.VideoFrame:
        """The next frame when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        if not self._sent:
            self._origin = time.monotonic()
        due = self._origin + self._sent / self._frames.rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        frame = av.VideoFrame.from_ndarray(self._next(due), format="yuv420p")
        frame.pts = round((due - self._origin) * _CLOCK)
        frame.time_base = fractions.Fraction(1, _CLOCK)
        self._sent += 1
        return frame

    def _next(self, due: float) -> Plane:
        rest, action = self._frames.rest, self._frames.action
        if self.began:
            self._place = min(self._place + 1, len(action) - 1)
            return action[self._place]
        turn = self._place % (2 * len(rest))
        if self._asked and turn == len(rest):
            self.began, self._place = due, 0
            self.acting.set()
            return action[0]
        self._place += 1
        return rest[turn if turn < len(rest) else 2 * len(rest) - 1 - turn]
