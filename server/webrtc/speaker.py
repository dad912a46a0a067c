"""What we say, as a local audio track: one 20 ms frame at a time on a monotonic schedule."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Frame", "FrameSource", "Speaker"]

Frame = npt.NDArray[np.float32] | npt.NDArray[np.int16]


class FrameSource(Protocol):
    """Where frames come from; the Session's Playout is one."""

    def next_frame(self) -> Frame | None:
        """The next 20 ms to be heard, `[480]` mono at 24 kHz, or None for silence.

        Called on the event loop exactly once per 20 ms, at the moment the frame is sent.
        """


class Speaker:
    """Pulls frames from `source`, which may be set or replaced at any time (None is silence)."""

    source: FrameSource | None = None
