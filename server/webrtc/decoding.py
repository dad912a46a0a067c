"""Encoded frames to pixels, in one thread for all cameras: never in the event loop's way."""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import av
import av.error
import numpy as np
import numpy.typing as npt

from server.webrtc.frames import EncodedFrame
from server.webrtc.ration import MAX_FRAME_PIXELS

__all__ = ["Decoded", "FrameDecoder", "shared_thread"]

_LIBRARY: Final = {"VP8": "vp8", "H264": "h264"}
_NICENESS: Final = 10
_PROBES: Final = 16

Pixels = npt.NDArray[np.uint8]


class Decoded(NamedTuple):
    """What became of a batch of frames.

    Attributes:
        pixels: of the newest that was asked for, RGB `[height, width, 3]`.
        size: of the frames as they came, (0, 0) when none could be decoded.
        failed: the decoder refused a frame; those after it were left out.
        light: mean of the pixels, 0 to 255.
        mark: the same for the same pixels.
    """

    pixels: Pixels | None
    size: tuple[int, int]
    failed: bool
    light: float = 0.0
    mark: int = 0


def shared_thread() -> ThreadPoolExecutor:
    """The thread in which all frames of this process are decoded; it starts with the first."""
    return _THREAD


def _put_behind() -> None:
    # Pictures may wait; sound and the engine's tick may not.
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


_THREAD: Final = ThreadPoolExecutor(1, "camera", initializer=_put_behind)


class FrameDecoder:
    """Decodes one stream; used by one thread at a time. It begins with a key frame."""

    def __init__(self) -> None:
        self._codec: Any = None
        self._name = ""

    def decode(self, frames: Sequence[EncodedFrame], most_pixels: int) -> Decoded:
        """Decode frames in order.

        Args:
            frames: consecutive ones.
            most_pixels: the newest is scaled down to so many; 0 when no pixels are wanted.
        """
        newest: Any = None
        failed = False
        for frame in frames:
            try:
                newest = self._one(frame) or newest
            except (av.error.FFmpegError, ValueError, MemoryError):
                failed = True
                self._codec = None
                break
        if newest is None:
            return Decoded(None, (0, 0), failed)
        size = (newest.width, newest.height)
        if not most_pixels:
            return Decoded(None, size, failed)
        try:
            pixels = _rgb(newest, most_pixels)
        except (av.error.FFmpegError, ValueError, MemoryError):
            return Decoded(None, size, True)
        probe = pixels[:: max(1, len(pixels) // _PROBES)]
        return Decoded(pixels, size, failed, float(probe.mean()), zlib.crc32(pixels.data))

    def _one(self, frame: EncodedFrame) -> Any:
        if frame.size[0] * frame.size[1] > MAX_FRAME_PIXELS:
            raise ValueError("the frame is too large")
        if self._codec is None or self._name != frame.codec:
            if not frame.key:
                raise ValueError("the first frame must be a key frame")
            self._codec = _open(frame.codec)
            self._name = frame.codec
        packet = av.Packet(frame.data)
        decoded = self._codec.decode(packet)
        return decoded[-1] if decoded else None


def _open(name: str) -> Any:
    codec = av.CodecContext.create(_LIBRARY[name], "r")
    codec.thread_count = 1
    codec.options = {"max_pixels": str(MAX_FRAME_PIXELS), "flags": "low_delay"}
    return codec


def _rgb(frame: Any, most_pixels: int) -> Pixels:
    shrink = min(1.0, (most_pixels / (frame.width * frame.height)) ** 0.5)
    width, height = (max(1, int(side * shrink)) for side in (frame.width, frame.height))
    turned = frame.reformat(width=width, height=height, format="rgb24")
    pixels: Pixels = np.ascontiguousarray(turned.to_ndarray())
    return pixels
