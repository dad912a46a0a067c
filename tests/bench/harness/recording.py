"""What was received, on the client's clock: from packets with arrival times to voiced intervals.

The receiver's RTP timestamps are the sender's clock. Its drift against ours is fitted and
removed; a packet that came later than its place in the stream moves the onset it carries, since
nobody can have heard it sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.metrics.activity import Interval, voiced_intervals
from tests.bench.stimuli.script import RATE, Audio

__all__ = ["Arrival", "Clock", "agent_intervals", "clock_of", "placed_audio"]

RTP_RATE: Final = 48_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One packet: seconds on the client's clock, unwrapped RTP timestamp, its samples."""

    at: float
    timestamp: int
    audio: Audio


@dataclass(frozen=True, slots=True)
class Clock:
    """`client seconds = offset + rtp seconds * (1 + drift)`.

    Attributes:
        offset: client time of RTP timestamp 0.
        drift: how much slower the sender's clock runs, as a share.
        jitter_seconds: 95th percentile of how late packets came against the fit.
    """

    offset: float
    drift: float
    jitter_seconds: float

    def at(self, timestamp: int) -> float:
        """Client time at which a sample of this timestamp is due."""
        return self.offset + timestamp / RTP_RATE * (1.0 + self.drift)


def clock_of(arrivals: Sequence[Arrival]) -> Clock:
    """Fit the sender's clock.

    The line goes through the earliest arrivals: queues only ever delay. The slope is fitted to
    the minima of two-second spans when there are five of them, else taken as exact.
    """
    if not arrivals:
        return Clock(0.0, 0.0, 0.0)
    sent = np.array([a.timestamp / RTP_RATE for a in arrivals])
    lag = np.array([a.at for a in arrivals]) - sent
    drift = 0.0
    spans = ((sent - sent[0]) // 2.0).astype(int)
    if spans[-1] >= 10:
        kept = [int(np.flatnonzero(spans == s)[np.argmin(lag[spans == s])]) for s in set(spans)]
        drift = float(np.polyfit(sent[kept], lag[kept], 1)[0])
    rest = lag - drift * sent
    # The 5th percentile, not the minimum: one early outlier must not shift a whole recording.
    offset = float(np.percentile(rest, 5))
    return Clock(offset, drift, float(np.percentile(rest - offset, 95)))


def _unwrapped(arrivals: Sequence[Arrival]) -> list[Arrival]:
    ordered: list[Arrival] = []
    turns, last = 0, None
    for arrival in arrivals:
        if last is not None and arrival.timestamp < last - (1 << 31):
            turns += 1
        last = arrival.timestamp
        ordered.append(Arrival(arrival.at, arrival.timestamp + (turns << 32), arrival.audio))
    return ordered


def placed_audio(arrivals: Sequence[Arrival], length_seconds: float) -> Audio:
    """Everything received as one float32 signal on the client's clock, holes as silence."""
    arrivals = _unwrapped(arrivals)
    clock = clock_of(arrivals)
    signal = np.zeros(round(length_seconds * RATE), np.float32)
    for arrival in arrivals:
        at = round(clock.at(arrival.timestamp) * RATE)
        first, last = max(at, 0), min(at + len(arrival.audio), len(signal))
        if first < last:
            signal[first:last] = arrival.audio[first - at : last - at]
    return signal


def agent_intervals(arrivals: Sequence[Arrival], length_seconds: float) -> tuple[Interval, ...]:
    """Voiced intervals received, no edge of them earlier than the packet that carried it."""
    arrivals = _unwrapped(arrivals)
    clock = clock_of(arrivals)
    due = np.array([clock.at(a.timestamp) for a in arrivals])
    moved: list[Interval] = []

    def received(edge: float) -> float:
        near = int(np.searchsorted(due, edge, side="right")) - 1
        return edge + (max(arrivals[near].at - float(due[near]), 0.0) if near >= 0 else 0.0)

    for interval in voiced_intervals(placed_audio(arrivals, length_seconds), RATE):
        start = received(interval.start)
        # The last voiced sample itself, not the one behind it, was carried.
        end = max(received(interval.end - 1.0 / RATE) + 1.0 / RATE, start)
        if moved and start < moved[-1].end:
            moved[-1] = Interval(moved[-1].start, max(moved[-1].end, end))
        else:
            moved.append(Interval(start, end))
    return tuple(moved)
