"""The remote audio track as numbered blocks of 16 kHz mono."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from model.timebase import HEARING_BLOCK_SAMPLES, HEARING_RATE
from server.webrtc.jitter import JitterBuffer, JitterCounts, Piece
from server.webrtc.opus import OpusDecoder, OpusError

__all__ = ["Block", "Microphone"]

Block = npt.NDArray[np.float32]
"""One micro-turn of what the person's microphone gave: `[1600]` at 16 kHz, in [-1, 1]."""

# Newest wins: with two blocks waiting the oldest is thrown away and counted, so that a consumer
# that stalls comes back to the present instead of hearing the past.
_MAX_WAITING: Final = 2
# Sound is not made up while packets come in: after a stall of this process they wait in the
# socket, and what is made up for them would only be put in their place.
_FLOWING_SECONDS: Final = 0.04
_DEFER_SECONDS: Final = 0.05
_MAX_DEFERRALS: Final = 5


class Microphone:
    """Iterate it: `async for k, block in microphone`.

    k counts from 0 at the instant media is connected and follows the monotonic clock to within
    half a second, whatever comes or does not come over the network. It skips numbers
    only if the consumer was so late that blocks were thrown away (`dropped_blocks`). Iteration
    ends when the Peer is gone. One consumer; event loop only.

    Attributes:
        on_sound: given every stretch of sound the moment it is heard, before it is part of a
            block (level meters, measurements); float32 at 16 kHz, not to be kept or changed.
    """

    def __init__(self) -> None:
        self.dropped_blocks = 0
        self.on_sound: Callable[[Block], None] | None = None
        self.last_packet_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._buffer: JitterBuffer | None = None
        self._decoder = OpusDecoder(HEARING_RATE)
        self._block: tuple[int, Block] = (0, np.zeros(HEARING_BLOCK_SAMPLES, np.float32))
        self._filled = 0
        self._waiting: deque[tuple[int, Block]] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    # ---- the consumer's side

    def __aiter__(self) -> Microphone:
        return self

    async def __anext__(self) -> tuple[int, Block]:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    @property
    def queued_blocks(self) -> int:
        """Blocks that wait to be taken."""
        return len(self._waiting)

    @property
    def counts(self) -> JitterCounts:
        """What happened to the packets."""
        return self._buffer.counts if self._buffer is not None else JitterCounts()

    @property
    def played_samples(self) -> int:
        """Samples cut into blocks so far."""
        return self._buffer.played_samples if self._buffer is not None else 0

    @property
    def behind_seconds(self) -> float:
        """How far the sample count is behind the clock now; negative when ahead."""
        if self._buffer is None:
            return 0.0
        return self._buffer.lag_samples(self._loop.time()) / HEARING_RATE

    def sample_of(self, timestamp: int) -> int | None:
        """The number of the sample that has this RTP timestamp; None before there is sound."""
        return self._buffer.sample_of(timestamp) if self._buffer is not None else None

    @property
    def wait_packets(self) -> int:
        """How many packets beyond a hole are awaited now."""
        return self._buffer.wait_packets if self._buffer is not None else 0

    # ---- the network's side

    def start(self) -> None:
        """The clock's zero: media is connected. Idempotent."""
        if self._buffer is None and not self._ended:
            self._buffer = JitterBuffer(self._loop.time())
            self._arm(self._buffer.deadline())

    def restart(self) -> None:
        """The sender changed (a new SSRC); the clock goes on."""
        if self._buffer is not None:
            self._buffer.restart()
            self._decoder.reset()

    def push(self, sequence: int, timestamp: int, payload: bytes) -> None:
        """One RTP packet, as it came."""
        if self._buffer is None or self._ended:
            return
        now = self._loop.time()
        self.last_packet_at = now
        self._buffer.add(sequence, timestamp, payload, now)
        for piece in self._buffer.take(now):
            self._write(self._sound(piece))

    def end(self) -> None:
        """No more blocks; the consumer's iteration ends after those that wait."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake.set()

    def _arm(self, at: float, deferrals: int = 0) -> None:
        self._timer = self._loop.call_at(at, self._on_time, at, deferrals)

    def _on_time(self, due: float, deferrals: int) -> None:
        assert self._buffer is not None
        now = self._loop.time()
        if now < self._buffer.deadline():  # the usual case: packets moved it on
            self._arm(self._buffer.deadline())
            return
        slept = now - due > _FLOWING_SECONDS
        flowing = self.last_packet_at is not None and now - self.last_packet_at < _FLOWING_SECONDS
        if (slept or flowing) and deferrals < _MAX_DEFERRALS:
            self._arm(now + _DEFER_SECONDS, deferrals + 1)
            return
        for piece in self._buffer.keep(now):
            self._write(self._sound(piece))
        self._arm(self._buffer.deadline())

    def _sound(self, piece: Piece) -> Block:
        try:
            if piece.kind == "decode":
                sound = self._decoder.decode(piece.payload)
            elif piece.kind == "rebuild":
                sound = self._decoder.rebuild(piece.payload, piece.samples)
            elif piece.kind == "conceal":
                sound = self._decoder.conceal(piece.samples)
            else:
                return np.zeros(piece.samples, np.float32)
        except OpusError:
            return np.zeros(piece.samples, np.float32)
        if len(sound) != piece.samples:  # a packet whose header lies; the clock must not slip
            exact = np.zeros(piece.samples, np.float32)
            exact[: len(sound)] = sound[: piece.samples]
            return exact
        return sound

    def _write(self, sound: Block) -> None:
        if self.on_sound is not None:
            self.on_sound(sound)
        at = 0
        while at < len(sound):
            k, block = self._block
            count = min(len(sound) - at, HEARING_BLOCK_SAMPLES - self._filled)
            block[self._filled : self._filled + count] = sound[at : at + count]
            at += count
            self._filled += count
            if self._filled == HEARING_BLOCK_SAMPLES:
                self._waiting.append((k, block))
                if len(self._waiting) > _MAX_WAITING:
                    self._waiting.popleft()
                    self.dropped_blocks += 1
                self._block = (k + 1, np.zeros(HEARING_BLOCK_SAMPLES, np.float32))
                self._filled = 0
                self._wake.set()
