"""Sound that travels in messages: pieces of any length in, paced pieces of 20 ms out."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from model.messages import Audio
from model.timebase import (
    HEARING_BLOCK_SAMPLES,
    HEARING_RATE,
    MICRO_TURN_SECONDS,
    SPEAKING_RATE,
    samples,
)
from server import g711
from server.webrtc.microphone import Block
from server.webrtc.speaker import Frame, FrameSource, Lateness, Schedule

__all__ = [
    "FORMATS",
    "MAX_QUEUED_SECONDS",
    "BadSound",
    "Resampler",
    "SocketMicrophone",
    "SocketSpeaker",
    "pcm",
]

logger = logging.getLogger(__name__)

MAX_QUEUED_SECONDS: Final = 180.0
"""Sound that may wait to be heard; more is refused. It is heard at the speed it was spoken."""

FORMATS: Final[dict[str, int]] = {
    "audio/pcm": 24_000,
    "audio/pcm;rate=16000": 16_000,
    "audio/pcmu": 8_000,
    "audio/pcma": 8_000,
}
"""What is understood, with its rate in Hz; PCM is mono, 16 bits, little-endian."""

_LAWS: Final[dict[str, g711.Law]] = {"audio/pcmu": "mu", "audio/pcma": "a"}

# Of whoever sends as they speak, so much may wait; more came in a burst behind a stall of the
# network, and is caught up with where they are quiet.
_LATE_SECONDS: Final = 0.4
_QUIET: Final = 0.005
_QUIET_BLOCKS: Final = 3
_AHEAD_SECONDS: Final = 0.2

# A piece that comes a little late must not tear a word: so much is kept in hand.
_IN_HAND: Final = samples(0.04, HEARING_RATE)
_MAX_WAITING: Final = 2


class BadSound(ValueError):
    """What came is no sound, or too much of it."""


class Resampler:
    """Mono int16 of one rate to another, without seams between pieces.

    Args:
        rate, to: Hz.
    """

    def __init__(self, rate: int, to: int) -> None:
        self._rate = rate
        self._resampler = AudioResampler(format="s16", layout="mono", rate=to)

    def __call__(self, piece: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
        """What can be said of `piece` at the other rate; the rest comes with the next."""
        frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._rate
        parts = [one.to_ndarray().reshape(-1) for one in self._resampler.resample(frame)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)


class _Queue:
    """Samples that wait to be heard, at `HEARING_RATE`.

    Attributes:
        waiting: how many wait.
        passed: how many were taken.
        first_at: the loop's time at which the first came.
        quiet_blocks: how many blocks without a voice were heard last.
    """

    def __init__(self) -> None:
        self.waiting = self.passed = self.quiet_blocks = 0
        self.first_at = 0.0
        self._pieces: deque[Audio] = deque()

    def append(self, piece: Audio) -> None:
        """Put a piece behind the others."""
        self._pieces.append(piece)
        self.waiting += len(piece)

    def take(self, block: Block) -> None:
        """Fill a block with the next samples, as far as there are any."""
        filled = 0
        while filled < len(block) and self._pieces:
            piece = self._pieces.popleft()
            count = min(len(piece), len(block) - filled)
            block[filled : filled + count] = piece[:count]
            filled += count
            if count < len(piece):
                self._pieces.appendleft(piece[count:])
        self.waiting -= filled
        self.passed += filled

    def cut(self, keep: int) -> None:
        """Forget all but the next samples."""
        kept = np.zeros(min(keep, self.waiting), np.float32)
        passed = self.passed
        self.take(kept)
        self._pieces.clear()
        self.waiting, self.passed = 0, passed
        self.append(kept)


class SocketMicrophone:
    """Iterate it: `async for k, block in microphone`, on the clock from the first instant.

    What the client sends faster than it was spoken waits its turn; when nothing waits, silence is
    heard. Of a client that sends as it is spoken to, what a stalled line held back is caught up
    with where nothing is said: else every answer would be so late until the end. Newest wins among
    blocks that nobody takes, as with the microphone of a call.

    Attributes:
        on_block: called before each block is made.
    """

    def __init__(self) -> None:
        self.dropped_blocks = 0
        self.on_block: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._k = 0
        self._queue = _Queue()
        self._flowing = False
        self._came = False
        self._resampler: tuple[str, Resampler] | None = None
        self._waiting: deque[tuple[int, Block]] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = self._arm()

    def __aiter__(self) -> SocketMicrophone:
        return self

    async def __anext__(self) -> tuple[int, Block]:
        while not self._waiting:
            if self._timer is None:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    @property
    def queued_seconds(self) -> float:
        """How much waits to be heard."""
        return self._queue.waiting / HEARING_RATE

    @property
    def appended_samples(self) -> int:
        """How much came in all, without what was forgotten."""
        return self._queue.passed + self._queue.waiting

    @property
    def passed_samples(self) -> int:
        """How much of that was heard."""
        return self._queue.passed

    def append(self, encoded: str, kind: str) -> None:
        """Take a piece of base64 in a format of `FORMATS`; raises BadSound."""
        try:
            payload = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise BadSound("`audio` must be base64.") from None
        if kind not in _LAWS:
            if len(payload) % 2:
                raise BadSound("PCM of 16 bits has two bytes a sample.")
            piece = np.frombuffer(payload, "<i2").astype(np.int16)
        else:
            piece = g711.decode(payload, _LAWS[kind])
        if self.queued_seconds + len(piece) / FORMATS[kind] > MAX_QUEUED_SECONDS:
            raise BadSound(f"More than {MAX_QUEUED_SECONDS:.0f} s wait to be heard; send slower.")
        if not len(piece):
            return
        if self._resampler is None or self._resampler[0] != kind:
            self._resampler = kind, Resampler(FORMATS[kind], HEARING_RATE)
        sound = self._resampler[1](piece).astype(np.float32) / 32_768.0
        self._queue.first_at = self._queue.first_at or self._loop.time()
        self._queue.append(sound)
        self._came = True

    def clear(self, keep_samples: int = 0) -> None:
        """Forget what waits, but for its first samples."""
        self._queue.cut(keep_samples)

    def end(self) -> None:
        """No more blocks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake.set()

    def _arm(self) -> asyncio.TimerHandle:
        due = self._start + (self._k + 1) * MICRO_TURN_SECONDS
        return self._loop.call_at(due, self._on_time)

    def _on_time(self) -> None:
        try:
            self.on_block()
        finally:  # The clock goes on, whatever comes of it.
            self._advance()

    def _advance(self) -> None:
        self._waiting.append((self._k, self._next()))
        if len(self._waiting) > _MAX_WAITING:
            self._waiting.popleft()
            self.dropped_blocks += 1
        self._k += 1
        self._timer = self._arm()
        self._wake.set()

    def _next(self) -> Block:
        """The block that is due."""
        needed = HEARING_BLOCK_SAMPLES + (0 if self._flowing else _IN_HAND)
        ended = not self._came  # nothing came for a whole block: this is the end of what was sent
        self._came = False
        block = np.zeros(HEARING_BLOCK_SAMPLES, np.float32)
        waiting = self._queue.waiting
        self._flowing = waiting >= needed or (ended and waiting > 0)
        if self._flowing:
            self._queue.take(block)
        quiet = _quiet(block)
        if quiet and self._queue.quiet_blocks >= _QUIET_BLOCKS and self._lags():
            self._queue.take(block)
            quiet = _quiet(block)
        self._queue.quiet_blocks = self._queue.quiet_blocks + 1 if quiet else 0
        return block

    def _lags(self) -> bool:
        """Whether what waits is late, and was not sent all at once to be heard in its time."""
        spoken = self._loop.time() - self._queue.first_at + _AHEAD_SECONDS
        return (
            self.queued_seconds > _LATE_SECONDS and self.appended_samples / HEARING_RATE <= spoken
        )


def _quiet(block: Block) -> bool:
    return float(np.sqrt(np.mean(np.square(block)))) < _QUIET


class SocketSpeaker:
    """Asks `source` for 20 ms every 20 ms and sends what it gives; silence is not sent.

    Args:
        send: given each piece as base64; what it has no use for is lost.
        kind: the format of the next piece.
    """

    def __init__(self, send: Callable[[str], None], kind: Callable[[], str]) -> None:
        self.source: FrameSource | None = None
        self._send = send
        self._kind = kind
        self._schedule: Schedule | None = None
        self._resamplers: dict[int, Resampler] = {}
        self._failed = False

    def lateness(self) -> Lateness:
        """How late pieces were in the last minute."""
        return self._schedule.lateness() if self._schedule is not None else Lateness()

    async def run(self) -> None:
        """Send on time until cancelled."""
        loop = asyncio.get_running_loop()
        schedule = self._schedule = Schedule(loop.time())
        while True:
            await asyncio.sleep(max(0.0, schedule.due - loop.time()))
            schedule.sent(loop.time())
            try:
                self._send_next()
            except Exception:
                if not self._failed:  # once: the voice must not end with one bad frame
                    logger.exception("a frame could not be sent")
                self._failed = True

    def _send_next(self) -> None:
        frame = self.source.next_frame() if self.source is not None else None
        if frame is None:
            return
        kind = self._kind()
        sound = self._at_rate(pcm(frame), FORMATS[kind])
        coded = g711.encode(sound, _LAWS[kind]) if kind in _LAWS else sound.tobytes()
        self._send(base64.b64encode(coded).decode("ascii"))

    def _at_rate(self, sound: npt.NDArray[np.int16], rate: int) -> npt.NDArray[np.int16]:
        if rate == SPEAKING_RATE:
            return sound
        if rate not in self._resamplers:
            self._resamplers[rate] = Resampler(SPEAKING_RATE, rate)
        return self._resamplers[rate](sound)


def pcm(sound: Frame) -> npt.NDArray[np.int16]:
    """Float32 in [-1, 1], or int16, as little-endian int16."""
    if sound.dtype == np.int16:
        return np.asarray(sound, "<i2")
    whole: npt.NDArray[np.float32] = np.clip(sound * np.float32(32_767), -32_768, 32_767)
    return np.asarray(whole, "<i2")
