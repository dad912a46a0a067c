"""What a caller heard: packets with their times of arrival, decoded only when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from model.timebase import SPEAKING_FRAME_SAMPLES, SPEAKING_RATE
from server.webrtc.opus import OpusDecoder, OpusError

__all__ = ["Arrival", "Heard"]

Audio = npt.NDArray[np.float32]

_RUN_IN_SECONDS = 1.0
"""Of packets that are decoded before what is asked for: a decoder knows what came before. A whole
call would be decoded for longer than the other side waits for a sign of life."""

# Ten minutes of packets; a longer call keeps the newest.
_MAX_ARRIVALS = 30_000


class Arrival(NamedTuple):
    """One received packet: monotonic time in seconds, unwrapped RTP time at 48 kHz."""

    at: float
    timestamp: int
    payload: bytes


class Heard:
    """What came back, packet by packet."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.received = 0
        self.keep = True
        self.on_packet: Callable[[Arrival], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._last: int | None = None

    def start(self) -> None:
        """Media is connected."""

    def restart(self) -> None:
        """Another stream begins; its times follow on."""

    def push(self, sequence: int, timestamp: int, payload: bytes) -> None:
        """One packet."""
        last = self._last if self._last is not None else timestamp
        self._last = last + (timestamp - last + (1 << 31)) % (1 << 32) - (1 << 31)
        self.received += 1
        arrival = Arrival(self._loop.time(), self._last, payload)
        if self.keep:
            self.arrivals.append(arrival)
            if len(self.arrivals) > _MAX_ARRIVALS:
                del self.arrivals[: _MAX_ARRIVALS // 10]
        if self.on_packet is not None:
            self.on_packet(arrival)

    def audio(self, since: float = 0.0) -> Audio:
        """All sound of packets that arrived from monotonic time `since` on, at 24 kHz."""
        frames = self.frames(since)
        return np.concatenate([frame for _, frame in frames]) if frames else np.zeros(0, np.float32)

    def frames(self, since: float = 0.0) -> list[tuple[float, Audio]]:
        """(arrival, 480 samples at 24 kHz) of every 20 ms; a missing frame is concealed."""
        decoder = OpusDecoder(SPEAKING_RATE)
        result: list[tuple[float, Audio]] = []
        expected: int | None = None
        asked = (one for one in self.arrivals if one.at >= since - _RUN_IN_SECONDS)
        for arrival in sorted(asked, key=lambda arrival: arrival.timestamp):
            if expected is not None:
                missing = min(50, (arrival.timestamp - expected) // 960)
                result.extend(
                    (arrival.at, decoder.conceal(SPEAKING_FRAME_SAMPLES)) for _ in range(missing)
                )
            try:
                result.append((arrival.at, decoder.decode(arrival.payload)))
            except OpusError:
                result.append((arrival.at, decoder.conceal(SPEAKING_FRAME_SAMPLES)))
            expected = arrival.timestamp + 960
        return [(at, frame) for at, frame in result if at >= since]

    def last_loud(self, threshold: float = 0.01) -> float | None:
        """When the last frame with a sample above `threshold` arrived."""
        loud = [at for at, frame in self.frames() if np.abs(frame).max() > threshold]
        return loud[-1] if loud else None
