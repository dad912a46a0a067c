"""The person's room: what comes out of the loudspeaker returns into the microphone."""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.bench.stimuli.script import RATE, Audio

__all__ = ["EchoLoop"]

FRAME: Final = RATE // 50
DELAY_FRAMES: Final = 3  # loudspeaker and microphone buffers: 60 ms
CONVERGE_SECONDS: Final = 0.4
RESIDUAL: Final = 10.0 ** (-30 / 20)
DUCK: Final = 10.0 ** (-6 / 20)


class EchoLoop:
    """Mixes what is heard, through a room, into what is sent; frame by frame of 20 ms.

    Args:
        room: impulse response from loudspeaker to microphone, float32 `[taps]`, its gain the
            attenuation; empty for headphones.
        canceller: model of an echo canceller: after 0.4 s of far speech 30 dB less echo, and the
            near voice 6 dB lower while both are loud, as browsers do.
    """

    def __init__(self, room: Audio, *, canceller: bool) -> None:
        self._room = room
        self._canceller = canceller
        self._tail = np.zeros(len(room) + FRAME, np.float32)
        self._waiting = [np.zeros(FRAME, np.float32)] * DELAY_FRAMES
        self._trained_seconds = 0.0

    def mix(self, near: Audio, far: Audio) -> Audio:
        """The microphone's frame, given the person's own frame and what the loudspeaker plays."""
        if not len(self._room):
            return near
        self._waiting.append(far)
        played = self._waiting.pop(0)
        self._tail[: len(self._room) + FRAME - 1] += np.convolve(played, self._room)
        echo = self._tail[:FRAME].copy()
        self._tail = np.roll(self._tail, -FRAME)
        self._tail[-FRAME:] = 0.0
        if self._canceller:
            loud = float(np.sqrt(np.mean(played**2))) > 0.003
            if loud:
                self._trained_seconds += FRAME / RATE
            if self._trained_seconds > CONVERGE_SECONDS:
                echo = echo * RESIDUAL
                if loud and float(np.sqrt(np.mean(near**2))) > 0.003:
                    near = near * DUCK
        return np.asarray(near + echo, dtype=np.float32)
