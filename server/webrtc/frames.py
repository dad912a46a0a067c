"""Video packets to whole encoded frames. Pure: packets and `now` in, frames out.

aiortc's own buffer gives a frame out when the next one begins, half a second late at two frames a
second; here the marker of its last packet is enough. Frames come out in order and only where the
decoder can use them: a frame depends on those before it, so once one is lost, everything up to
the next key frame is thrown away.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor

__all__ = ["CODECS", "EncodedFrame", "FrameAssembler", "MAX_PACKETS"]

CODECS: Final = ("VP8", "H264")

MAX_PACKETS: Final = 1024
"""Packets held while a frame is incomplete, some 1.2 MB; older ones are thrown away."""

HOLE_SECONDS: Final = 0.6
"""How long a lost packet is awaited before the frames that need it are given up."""

_MAX_PAYLOAD: Final = 2000
# No real sender jumps further; a new numbering begins.
_JUMP_PACKETS: Final = 3000
_MAX_KEYS: Final = 8
"""Key frames that are incomplete at a time; of more the oldest is forgotten."""

_ASKS: Final = 5
_ASK_SECONDS: Final = 0.08
_ASKED_AT_ONCE: Final = 64
_IDR: Final = re.compile(rb"\x00\x00\x01[\x05\x25\x45\x65]")
_PARAMETERS: Final = 7  # H264 NAL type of a sequence parameter set: a key frame begins


class EncodedFrame(NamedTuple):
    """One frame as the decoder takes it.

    Attributes:
        codec: one of CODECS.
        data: VP8, or H264 in Annex B.
        timestamp: 32-bit RTP time, 90 kHz.
        key: it depends on no other frame.
        arrived: when the last of it came.
        size: width and height where the frame says so in clear (VP8 key frames), else (0, 0).
    """

    codec: str
    data: bytes
    timestamp: int
    key: bool
    arrived: float
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one packet brings; without data it only fills its number."""

    codec: str
    timestamp: int
    last: bool
    data: bytes
    begins_key: bool


class FrameAssembler:
    """Puts the frames of one stream together.

    Attributes:
        broken: nothing can be decoded before another key frame: ask for one.
        frames_lost: how often the chain of frames broke.
    """

    def __init__(self) -> None:
        self.broken = True
        self.frames_lost = 0
        self._parts: dict[int, _Part] = {}
        # Numbers at which key frames begin, by time: within a frame only the first counts.
        self._keys: dict[int, int] = {}
        self._next: int | None = None
        self._newest = 0
        self._hole_since: float | None = None
        self._asked: dict[int, tuple[int, float]] = {}

    def restart(self) -> None:
        """Another stream or another look begins: with a key frame."""
        self._parts.clear()
        self._keys.clear()
        self._asked.clear()
        self._next = self._hole_since = None
        self.broken = True

    def add(
        self, codec: str, sequence: int, timestamp: int, marker: bool, payload: bytes, now: float
    ) -> list[EncodedFrame]:
        """Take a packet; the frames that are whole now.

        Args:
            codec: one of CODECS.
            sequence: 16 bits.
            timestamp: 32 bits, 90 kHz.
            marker: it is the last of its frame.
            payload: as it came; what cannot be read counts as lost.
            now: seconds, monotonic.
        """
        number = self._number(sequence)
        if self._next is not None and number < self._next:
            return []
        part = _read(codec, timestamp, marker, payload)
        if part is None or number in self._parts:
            return []
        self._parts[number] = part
        self._asked.pop(number, None)
        if part.begins_key:
            self._keys[timestamp] = min(number, self._keys.get(timestamp, number))
        self._bound()
        before = self._parts.get(number - 1)
        amid = number == self._newest and before is not None and before.timestamp == timestamp
        if amid and part.data and not part.last:
            return []  # nothing is whole now that was not before; a large frame has many such
        return self._take(now)

    def missing(self, now: float) -> list[int]:
        """16-bit numbers of the packets to be asked for again now; asking is remembered."""
        start = min(self._keys.values(), default=None) if self.broken else self._next
        if start is None:
            return []
        found = []
        for number in range(max(start, self._newest - MAX_PACKETS), self._newest):
            if number in self._parts:
                continue
            count, last = self._asked.get(number, (0, float("-inf")))
            if count < _ASKS and now - last >= _ASK_SECONDS:
                self._asked[number] = (count + 1, now)
                found.append(number & 0xFFFF)
                if len(found) == _ASKED_AT_ONCE:
                    break
        return found

    def wait(self, now: float) -> list[EncodedFrame]:
        """Give up what was awaited too long; call it now and then."""
        return self._take(now)

    def _number(self, sequence: int) -> int:
        """The sequence number without its wrap."""
        if self._next is None and not self._parts:
            # Room below, for packets that overtook each other at the start.
            self._newest = sequence + 0x10000
            return self._newest
        step = (sequence - self._newest + 0x8000) % 0x10000 - 0x8000
        if abs(step) > _JUMP_PACKETS:
            self.restart()
            self._newest = sequence + 0x10000
            return self._newest
        number = self._newest + step
        self._newest = max(self._newest, number)
        return number

    def _bound(self) -> None:
        oldest = self._newest - MAX_PACKETS
        if len(self._parts) > MAX_PACKETS:
            self._forget(oldest)
        if len(self._keys) > _MAX_KEYS:
            del self._keys[min(self._keys, key=self._keys.__getitem__)]
        if self._next is not None and self._next < oldest:
            self._break()

    def _forget(self, below: int) -> None:
        self._parts = {number: part for number, part in self._parts.items() if number >= below}
        self._asked = {number: asked for number, asked in self._asked.items() if number >= below}
        self._keys = {time: number for time, number in self._keys.items() if number >= below}

    def _break(self) -> None:
        if not self.broken:
            self.frames_lost += 1
        self.broken = True
        self._next = self._hole_since = None
        self._asked.clear()

    def _take(self, now: float) -> list[EncodedFrame]:
        frames: list[EncodedFrame] = []
        while True:
            if not self.broken and self._next is not None:
                end = self._end(self._next)
                if end is not None:
                    frames += self._cut(self._next, end, now)
                    continue
            # A whole key frame needs nothing before it.
            keys = self._keys.values()
            whole = [(key, end) for key in keys if (end := self._end(key)) is not None]
            if whole and (self.broken or whole[0][0] != self._next):
                frames += self._cut(*min(whole), now)
                continue
            break
        if self.broken or self._next is None or not self._parts:
            self._hole_since = None
        elif self._hole_since is None:
            self._hole_since = now
        elif now - self._hole_since > HOLE_SECONDS:
            self._break()
        return frames

    def _end(self, number: int) -> int | None:
        """The number behind the frame that begins at `number`, if all of it is here."""
        first = part = self._parts.get(number)
        while part is not None and first is not None:
            if part.timestamp != first.timestamp or (not first.data and part.data):
                return number  # its sender sets no markers
            number += 1
            if part.last or not part.data:
                return number
            part = self._parts.get(number)
        return None

    def _cut(self, start: int, end: int, now: float) -> list[EncodedFrame]:
        """Take a frame out, with all that is older; one of filling alone gives nothing."""
        parts = [self._parts[number] for number in range(start, end)]
        self._forget(end)
        self._next, self.broken, self._hole_since = end, False, None
        data = b"".join(part.data for part in parts)
        if not data:
            return []
        codec = parts[0].codec
        key, size = _vp8_head(data) if codec == "VP8" else (bool(_IDR.search(data)), (0, 0))
        return [EncodedFrame(codec, data, parts[0].timestamp, key, now, size)]


def _read(codec: str, timestamp: int, marker: bool, payload: bytes) -> _Part | None:
    if not payload:
        return _Part(codec, timestamp, False, b"", False)  # padding that fills the sender's rate
    if len(payload) > _MAX_PAYLOAD:
        return None
    try:
        if codec == "VP8":
            described, data = VpxPayloadDescriptor.parse(payload)
            first = described.partition_start == 1 and described.partition_id == 0
            key = first and len(data) > 0 and not data[0] & 1
        else:
            fragment, data = H264PayloadDescriptor.parse(payload)
            key = fragment.first_fragment and len(data) > 4 and data[4] & 0x1F == _PARAMETERS
    except ValueError:
        return None
    return _Part(codec, timestamp, marker, bytes(data), key) if data else None


def _vp8_head(data: bytes) -> tuple[bool, tuple[int, int]]:
    """Whether it is a key frame, and its size."""
    if data[0] & 1 or len(data) < 10:
        return False, (0, 0)
    width = int.from_bytes(data[6:8], "little") & 0x3FFF
    return True, (width, int.from_bytes(data[8:10], "little") & 0x3FFF)
