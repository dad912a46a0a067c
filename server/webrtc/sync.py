"""When a picture was taken, on the clock of the microphone's samples. Pure.

A sender's reports (RTCP) tie the timestamps of each of its streams to its one wall clock. Where
both streams have reported, a frame's timestamp becomes a wall time, that the microphone's
timestamp, and that the sample which carried it: the delays of both ways cancel. A browser reports
its sound only every five seconds; until then the frame's arrival stands in, less what it was later
than the promptest of its stream: the sound that arrived with that one.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from model.timebase import HEARING_RATE, samples

__all__ = ["Alignment", "Ear", "SenderClock"]

_WRAP: Final = 1 << 32
_OLDEST_REPORT_SECONDS: Final = 120.0
# Further from its arrival no picture is believed to be, whatever the reports say.
_LONGEST_WAY_SECONDS: Final = 2.0
_AHEAD_SECONDS: Final = 0.1
_PROMPTEST_OF: Final = 64


def _signed(ticks: int) -> int:
    return (ticks + _WRAP // 2) % _WRAP - _WRAP // 2


class SenderClock:
    """Timestamps of one stream against its sender's wall clock.

    Args:
        rate: ticks a second.

    Attributes:
        last: middle of the NTP time of its last report, and when that came; zeros before.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.last = (0, 0.0)
        self._report: tuple[float, int] | None = None

    def reset(self) -> None:
        """Another stream begins: its timestamps have another origin."""
        self.last = (0, 0.0)
        self._report = None

    def report(self, ntp: int, timestamp: int, now: float) -> None:
        """A sender report: 64-bit NTP time and the timestamp of that instant."""
        self.last = ((ntp >> 16) & 0xFFFFFFFF, now)
        self._report = (ntp / _WRAP, timestamp)

    def wall_seconds(self, timestamp: int) -> float | None:
        """The sender's wall time of a timestamp; None before it reported."""
        if self._report is None:
            return None
        wall, at = self._report
        ahead = _signed(timestamp - at) / self.rate
        return wall + ahead if abs(ahead) < _OLDEST_REPORT_SECONDS else None

    def timestamp(self, wall_seconds: float) -> int | None:
        """The inverse, to 32 bits."""
        if self._report is None:
            return None
        wall, at = self._report
        ahead = wall_seconds - wall
        if abs(ahead) >= _OLDEST_REPORT_SECONDS:
            return None
        return (at + round(ahead * self.rate)) % _WRAP


class Ear(Protocol):
    """What is asked of the microphone."""

    @property
    def played_samples(self) -> int:
        """Samples that were heard so far: the newest sound that arrived."""

    def sample_of(self, timestamp: int) -> int | None:
        """The number of the sample that has this RTP timestamp; None before there is sound."""


class Alignment:
    """Places the frames of one video stream.

    Args:
        ear: the microphone.
        sound: the clock of the microphone's stream.
    """

    def __init__(self, ear: Ear, sound: SenderClock) -> None:
        self._ear = ear
        self._sound = sound
        # Sample of arrival less own time, in samples, of the last frames.
        self._ways: deque[int] = deque(maxlen=_PROMPTEST_OF)
        self._origin: int | None = None

    def reset(self) -> None:
        """Another stream begins."""
        self._ways.clear()
        self._origin = None

    def sample(self, timestamp: int, clock: SenderClock) -> int:
        """The number of the microphone's sample at the instant the frame was taken, from 0.

        Called when the frame has just arrived; `clock` is that of its stream.
        """
        arrived = self._ear.played_samples
        prompt = self._promptest(timestamp, clock.rate, arrived)
        reported = self._reported(timestamp, clock)
        if reported is not None:
            earliest = arrived - samples(_LONGEST_WAY_SECONDS, HEARING_RATE)
            if earliest <= reported <= arrived + samples(_AHEAD_SECONDS, HEARING_RATE):
                return max(0, reported)
        return max(0, prompt)

    def _promptest(self, timestamp: int, rate: int, arrived: int) -> int:
        if self._origin is None:
            self._origin = timestamp
        taken = round(_signed(timestamp - self._origin) * HEARING_RATE / rate)
        self._ways.append(arrived - taken)
        if self._ways[-1] - min(self._ways) > samples(_LONGEST_WAY_SECONDS, HEARING_RATE):
            # No frame is so late: its sender's numbers jumped.
            self._ways = deque([self._ways[-1]], maxlen=_PROMPTEST_OF)
        return min(arrived, taken + min(self._ways))

    def _reported(self, timestamp: int, clock: SenderClock) -> int | None:
        wall = clock.wall_seconds(timestamp)
        sound = self._sound.timestamp(wall) if wall is not None else None
        return self._ear.sample_of(sound) if sound is not None else None
