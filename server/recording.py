"""Both voices of a conversation as a file: Opus in Ogg, the person left, we right."""

from __future__ import annotations

import io
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt

from model.messages import Audio
from model.timebase import HEARING_RATE, SPEAKING_RATE, samples
from server.socket_sound import Resampler, pcm
from server.webrtc.speaker import Frame

__all__ = ["MAX_RECORDED_SECONDS", "Recording"]

MAX_RECORDED_SECONDS: Final = 3_600.0
"""Longer conversations are recorded to here: some 20 MB."""

_BITS_A_SECOND: Final = 40_000
# Our frames come every 20 ms and the person's blocks every 100 ms, on clocks of their own.
_IN_HAND: Final = samples(0.1, SPEAKING_RATE)
_MOST_IN_HAND: Final = 4 * _IN_HAND


class Recording:
    """Grows in memory while the conversation goes on; event loop only."""

    def __init__(self) -> None:
        self.whole: bytes | None = None
        self._file = io.BytesIO()
        self._container: Any = av.open(self._file, "w", format="ogg")
        self._stream: Any = self._container.add_stream(
            "libopus", rate=SPEAKING_RATE, layout="stereo", options={"compression_level": "2"}
        )
        self._stream.bit_rate = _BITS_A_SECOND
        self._faster = Resampler(HEARING_RATE, SPEAKING_RATE)
        self._ours = np.zeros(_IN_HAND, np.int16)
        self._written = 0

    def frame(self, ours: Frame | None, length: int) -> None:
        """What is sent of us now, 24 kHz; None for silence of that length."""
        piece = pcm(ours) if ours is not None else np.zeros(length, np.int16)
        self._ours = np.concatenate([self._ours, piece])
        # Should the person's blocks stall, what we say goes on beside silence.
        if (over := len(self._ours) - _MOST_IN_HAND) > 0:
            self._pair(np.zeros(over, np.int16))

    def block(self, theirs: Audio) -> None:
        """What the person says, 16 kHz; the next stretch of both is written."""
        self._pair(self._faster(pcm(theirs)))

    def close(self) -> None:
        """Nothing more comes: `whole` is the file; twice if you like."""
        if self.whole is None:
            self._pair(np.zeros(len(self._ours), np.int16))
            self._mux(None)
            self._container.close()
            self.whole = self._file.getvalue()
            self._file.close()

    def _pair(self, left: npt.NDArray[np.int16]) -> None:
        """Write a stretch of the person beside as much of us."""
        right = np.zeros(len(left), np.int16)
        piece, self._ours = self._ours[: len(left)], self._ours[len(left) :]
        right[: len(piece)] = piece
        if self.whole is not None or self._written > MAX_RECORDED_SECONDS * SPEAKING_RATE:
            return
        if len(left):
            self._write(np.stack([left, right], axis=1).reshape(1, -1))

    def _write(self, interleaved: npt.NDArray[np.int16]) -> None:
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = SPEAKING_RATE, self._written
        self._written += interleaved.shape[1] // 2
        self._mux(frame)

    def _mux(self, frame: av.AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
