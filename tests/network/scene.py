"""What a test client shows: frames drawn on a schedule, whose moments are known.

scene = Scene(size=(320, 240), rate=10)
caller.show(scene)                       # see `Caller.show`
scene.colour = (200, 30, 30)             # RGB, from the next frame on
"""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable

import av
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from model.weights.store import folder

__all__ = ["Scene", "photograph"]

_CLOCK = 90_000


def photograph(name: str) -> npt.NDArray[np.uint8]:
    """A photograph that a package ships (docs/eyes.md), stretched to 320 by 240."""
    with av.open(str(folder("pictures") / name)) as file:
        frame = next(file.decode(video=0)).reformat(320, 240, format="rgb24")
    return np.ascontiguousarray(frame.to_ndarray().astype(np.uint8))


class Scene(MediaStreamTrack):
    """A video track of one colour, or of what `draw` makes.

    Attributes:
        colour: of the frames from now on.
        size: width and height of the frames from now on.
        rate: frames a second from now on.
        draw: makes the pixels of a frame, RGB `[height, width, 3]`, at a monotonic time.
        drawn: when each frame was taken.
    """

    kind = "video"

    def __init__(self, size: tuple[int, int] = (320, 240), rate: float = 2.0) -> None:
        super().__init__()
        self.colour = (200, 30, 30)
        self.size = size
        self.rate = rate
        self.draw: Callable[[float], npt.NDArray[np.uint8]] = lambda _: self._plain()
        self.drawn: list[float] = []
        self._began = asyncio.get_running_loop().time()
        self._due = self._began

    async def recv(self) -> av.VideoFrame:
        """The next frame when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._due - loop.time()))
        now = loop.time()
        self._due = max(self._due + 1 / self.rate, now)
        self.drawn.append(now)
        # Beside the loop: on a busy machine 4K takes so long that the caller's sound would stop.
        frame = await asyncio.to_thread(self._frame, now)
        frame.pts = round((now - self._began) * _CLOCK)
        frame.time_base = fractions.Fraction(1, _CLOCK)
        return frame

    def _frame(self, now: float) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(self.draw(now), format="rgb24")
        return frame.reformat(format="yuv420p")

    def _plain(self) -> npt.NDArray[np.uint8]:
        width, height = self.size
        return np.full((height, width, 3), self.colour, np.uint8)
