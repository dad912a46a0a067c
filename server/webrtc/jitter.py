"""What of the incoming packets is heard when. Pure: packets and `now` in, pieces of sound out.

aiortc's own buffer holds everything back by 80 ms and falls 200 ms behind at the first lost
packet. This one plays a packet the moment it is in order, waits for a hole no longer than three
packets, and never lets the count of samples slip against the clock:

* *lag* is how much less was played than time has passed since the start. Packets in order keep
  it near zero; a stall makes it grow, and beyond `SLACK_SECONDS` sound is made up;
* a packet whose time was made up already is thrown away;
* when even the least lag of two seconds is off by more than two frames, the two clocks differ:
  one frame is left out or put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from model.timebase import FRAME_SECONDS, HEARING_FRAME_SAMPLES, HEARING_RATE, samples
from server.webrtc.opus import packet_samples_48k

__all__ = ["JitterBuffer", "JitterCounts", "Piece", "SLACK_SECONDS", "WAIT_PACKETS"]

WAIT_PACKETS: Final = 3
"""How many packets beyond a hole are awaited before it is filled; grows to 6 when packets are
seen to come later than that, and falls back after ten quiet seconds."""

SLACK_SECONDS: Final = 0.16
"""The most that the sample count may be behind the clock."""

_MAX_WAIT_PACKETS: Final = 6
_CALM_PACKETS: Final = 500
_SLACK_SAMPLES: Final = samples(SLACK_SECONDS, HEARING_RATE)
# Concealment fades within five frames; what follows is silence, which costs nothing.
_FADE_SAMPLES: Final = 5 * HEARING_FRAME_SAMPLES
# A gap in the timestamps is filled only until the count is this far ahead of the clock, and a
# packet that would bring it further is left out: timestamps come from outside.
_GAP_LEAD_SAMPLES: Final = HEARING_RATE // 10
_LEAD_SAMPLES: Final = HEARING_RATE // 4
_DRIFT_SAMPLES: Final = 2 * HEARING_FRAME_SAMPLES
_DRIFT_PACKETS: Final = 100
# Packets whose time is past and that do not catch up for so long had no stall: their sender
# paused without counting (a page's audio graph does), and is heard from now on.
_STALE_SECONDS: Final = 0.06
# No real sender jumps further; a new numbering begins.
_JUMP_PACKETS: Final = 3000
# 48 kHz ticks of RTP per sample at 16 kHz.
_TICKS: Final = 3


class Piece(NamedTuple):
    """One stretch of sound to be made, `samples` long at 16 kHz.

    decode: of `payload`. rebuild: the frame before `payload`, from the copy in it.
    conceal: guess on. silence: zeros.
    """

    kind: Literal["decode", "rebuild", "conceal", "silence"]
    samples: int
    payload: bytes = b""


@dataclass(slots=True)
class JitterCounts:
    """What happened so far, in packets, frames and samples."""

    late: int = 0
    past: int = 0
    left_out: int = 0
    put_in: int = 0
    rebuilt_samples: int = 0
    concealed_samples: int = 0


class _Packet(NamedTuple):
    timestamp: int
    payload: bytes
    arrived: float


class JitterBuffer:
    """The buffer of one microphone; `start` is the clock's zero.

    `take` follows every `add`, so that at most `_MAX_WAIT_PACKETS` + 1 packets are held; `keep`
    is called at `deadline`, or later while packets are known to be on their way.
    """

    def __init__(self, start: float) -> None:
        self.counts = JitterCounts()
        self.played_samples = 0
        self.wait_packets = WAIT_PACKETS
        self._start = start
        self._packets: dict[int, _Packet] = {}
        self._next: tuple[int, int] | None = None  # sequence number and timestamp, unwrapped
        self._made_up = 0  # samples concealed in a row
        self._anchored = False  # whether timestamps are tied to the clock yet
        self._stale: tuple[float, int] | None = None  # since when, and how far behind then
        self._calm = 0
        self._drift = _Drift()

    def lag_samples(self, now: float) -> int:
        """How many samples fewer than the clock asks for were played; negative when ahead."""
        return samples(now - self._start, HEARING_RATE) - self.played_samples

    def deadline(self) -> float:
        """When `keep` must be called if no packet comes."""
        stall = self._start + (self.played_samples + _SLACK_SAMPLES + 1) / HEARING_RATE
        if self._packets:
            return min(stall, self._hole_until())
        return stall

    def sample_of(self, timestamp: int) -> int | None:
        """The number of the sample that has this RTP timestamp, were it to be played in order."""
        if self._next is None or not self._anchored:
            return None
        behind = (self._next[1] - timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        return self.played_samples - behind // _TICKS

    def restart(self) -> None:
        """Another sender's numbering begins (a new SSRC); the clock goes on."""
        self._packets.clear()
        self._next = None
        self._anchored = False
        self._stale = None

    def add(self, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        """Store a packet as it came: 16-bit sequence number, 32-bit timestamp."""
        if self._next is not None:
            step = (sequence - self._next[0] + 0x8000) % 0x10000 - 0x8000
            if abs(step) > _JUMP_PACKETS:
                self.restart()
        if self._next is None:
            self._next = (sequence, timestamp)
        next_sequence, next_timestamp = self._next
        number = next_sequence + (sequence - next_sequence + 0x8000) % 0x10000 - 0x8000
        if number < next_sequence:
            self.counts.late += 1
            self._calm = 0
            self.wait_packets = min(self.wait_packets + 1, _MAX_WAIT_PACKETS)
            return
        ticks = (timestamp - next_timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
        self._packets[number] = _Packet(next_timestamp + ticks, payload, now)

    def take(self, now: float) -> list[Piece]:
        """All sound that can be had from what is here, in order."""
        pieces: list[Piece] = []
        while self._packets and self._next is not None:
            number, timestamp = self._next
            packet = self._packets.pop(number, None)
            if packet is not None:
                self._next = (number + 1, timestamp)
                self._play(packet, now, pieces)
            elif len(self._packets) >= self.wait_packets or now >= self._hole_until():
                self._fill_hole(now, pieces)
            else:
                break
        return pieces

    def keep(self, now: float) -> list[Piece]:
        """What `take` gives, and made-up sound as far as the count is behind the clock."""
        pieces = self.take(now)
        excess = self.lag_samples(now) - _SLACK_SAMPLES
        if excess > 0:
            length = -(-excess // HEARING_FRAME_SAMPLES) * HEARING_FRAME_SAMPLES
            if self._next is None:
                self._silence(length, pieces)
            else:
                self._make_up(length, pieces)
        return pieces

    def _hole_until(self) -> float:
        first = min(packet.arrived for packet in self._packets.values())
        return first + self.wait_packets * FRAME_SECONDS

    def _fill_hole(self, now: float, pieces: list[Piece]) -> None:
        """Give up the packets before the first that is here; the last of them may be inside it."""
        assert self._next is not None
        number = min(self._packets)
        packet = self._packets[number]
        missing = self._gap(packet.timestamp, now)
        inside = packet_samples_48k(packet.payload) // _TICKS
        if 0 < inside <= missing:
            self._make_up(missing - inside, pieces)
            pieces.append(Piece("rebuild", inside, packet.payload))
            self.played_samples += inside
            self.counts.rebuilt_samples += inside
            self._made_up = 0
        else:
            self._make_up(missing, pieces)
        # Where the gap was believed, the packet follows without another gap; else it is the anchor.
        self._next = (number, max(packet.timestamp, self._next[1]))

    def _gap(self, timestamp: int, now: float) -> int:
        """Samples between what was played and `timestamp`, as far as the clock allows."""
        assert self._next is not None
        gap = (timestamp - self._next[1]) // _TICKS
        return max(0, min(gap, self.lag_samples(now) + _GAP_LEAD_SAMPLES))

    def _play(self, packet: _Packet, now: float, pieces: list[Piece]) -> None:
        assert self._next is not None
        length_48k = packet_samples_48k(packet.payload)
        if length_48k == 0:
            return  # malformed or empty: the next packet's timestamp shows the gap
        length = length_48k // _TICKS
        ahead = self.lag_samples(now) - length < -_LEAD_SAMPLES
        if ahead or (self._drift.waiting and self._drift.leave_out(len(packet.payload))):
            self.counts.left_out += 1
            self._next = (self._next[0], packet.timestamp + length_48k)
            return
        behind = (self._next[1] - packet.timestamp) // _TICKS
        stale = behind > length // 2
        if not self._anchored or self._clock_changed(behind if stale else None, now):
            # The first packet, or the first on a changed clock, is heard at this instant.
            self._silence(max(0, self.lag_samples(now) - length), pieces)
            self._anchored = True
        elif stale:
            self.counts.past += 1
            return
        elif behind < 0:
            self._make_up(self._gap(packet.timestamp, now), pieces)
        self._made_up = 0
        self._next = (self._next[0], packet.timestamp + length_48k)
        pieces.append(Piece("decode", length, packet.payload))
        self.played_samples += length
        self._after_packet(now, pieces)

    def _clock_changed(self, behind: int | None, now: float) -> bool:
        if behind is None:
            self._stale = None
            return False
        if self._stale is None:
            self._stale = (now, behind)
        since, first = self._stale
        if now - since < _STALE_SECONDS or behind < first - HEARING_FRAME_SAMPLES:
            return False
        self._stale = None
        return True

    def _after_packet(self, now: float, pieces: list[Piece]) -> None:
        self._calm += 1
        if self._calm >= _CALM_PACKETS:
            self._calm = 0
            self.wait_packets = max(self.wait_packets - 1, WAIT_PACKETS)
        if self._drift.observe(self.lag_samples(now)):
            self.counts.put_in += 1
            self._make_up(HEARING_FRAME_SAMPLES, pieces, moves_stream=False)

    def _make_up(self, length: int, pieces: list[Piece], *, moves_stream: bool = True) -> None:
        """Conceal `length` samples; `moves_stream` when they stand for packets that are missing."""
        if length <= 0:
            return
        if moves_stream and self._next is not None:
            self._next = (self._next[0], self._next[1] + length * _TICKS)
        self.played_samples += length
        self.counts.concealed_samples += length
        # libopus conceals whole multiples of 2.5 ms only.
        guess = min(length, max(0, _FADE_SAMPLES - self._made_up)) // 40 * 40
        self._made_up += length
        pieces.extend(
            Piece("conceal", min(HEARING_FRAME_SAMPLES, guess - at))
            for at in range(0, guess, HEARING_FRAME_SAMPLES)
        )
        if length > guess:
            pieces.append(Piece("silence", length - guess))

    def _silence(self, length: int, pieces: list[Piece]) -> None:
        if length > 0:
            self.played_samples += length
            pieces.append(Piece("silence", length))


class _Drift:
    """Tells from the least lag of two seconds whether the sender's clock and ours differ."""

    def __init__(self) -> None:
        self.waiting = 0
        self._least = HEARING_RATE
        self._count = 0
        self._usual_bytes = 0.0

    def observe(self, lag_samples: int) -> bool:
        """Note the lag after a packet; True when a frame should be put in now."""
        self._least = min(self._least, lag_samples)
        self._count += 1
        if self._count < _DRIFT_PACKETS:
            return False
        least, self._least, self._count = self._least, HEARING_RATE, 0
        if least < -_DRIFT_SAMPLES:
            self.waiting = _DRIFT_PACKETS // 2
        return least > _DRIFT_SAMPLES

    def leave_out(self, length_bytes: int) -> bool:
        """Whether to leave out this packet: a quiet (short) one if one comes within a second."""
        self._usual_bytes += 0.1 * (length_bytes - self._usual_bytes)
        self.waiting -= 1
        quiet = length_bytes < 0.6 * self._usual_bytes
        if quiet or self.waiting == 0:
            self.waiting = 0
            return True
        return False
