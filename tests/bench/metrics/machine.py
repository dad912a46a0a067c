"""Metrics 9, 10, 13 and 14: deadlines, identity, transport, capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.metrics.statistics import Measure, bootstrap, mean, quantile, ratio, withheld

__all__ = ["TARGETS", "LoadPoint", "VitalsSample", "capacity_measures", "holds",
           "identity_measures", "tick_measures", "transport_measures"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class VitalsSample:
    """One reading of a running server.

    `ticks` and `missed` count from the start; `tick_p99_seconds` is over its own last seconds;
    `resident_bytes` is the server's and the engine's together; `at` is seconds of the run.
    """

    at: float
    ticks: int
    missed: int
    tick_p99_seconds: float
    resident_bytes: int


def tick_measures(samples: Sequence[VitalsSample], seed: int) -> dict[str, Measure]:
    """Metric 9: share missed, worst-case tick time, memory growth over the run.

    Growth compares the median of the last fifth with that of the second fifth (the first is
    warm-up), as a share.
    """
    if len(samples) < 5:
        return {
            key: withheld(len(samples), seed)
            for key in ("tick.missed", "tick.p99_s", "tick.memory_growth")
        }
    steps = [
        [float(after.missed - before.missed), float(after.ticks - before.ticks)]
        for before, after in zip(samples, samples[1:], strict=False)
        if after.ticks >= before.ticks
    ]
    fifth = len(samples) // 5
    early = [[float(s.resident_bytes)] for s in samples[fifth : 2 * fifth]]
    late = [[float(s.resident_bytes)] for s in samples[-fifth:]]
    growth = float(np.median(late) / np.median(early) - 1.0)
    return {
        "tick.missed": bootstrap(steps, ratio, seed, n=int(sum(step[1] for step in steps))),
        "tick.p99_s": bootstrap([[s.tick_p99_seconds] for s in samples], quantile(0.99), seed),
        "tick.memory_growth": Measure(growth, len(samples), seed, (growth, growth)),
    }


def identity_measures(
    runs: Sequence[tuple[bytes, bytes]], seconds: Sequence[tuple[float, float]], seed: int
) -> dict[str, Measure]:
    """Metric 10: share of micro-turns whose outputs are bitwise equal, and what that costs.

    Args:
        runs: digest of each micro-turn's output in one run and in the other.
        seconds: time of the step with the invariant kernels and with the fastest ones.
        seed: of the bootstrap.
    """

    def overhead(rows: np.ndarray) -> float:
        return ratio(rows) - 1.0

    return {
        "identity.equal": bootstrap([[float(a == b)] for a, b in runs], mean, seed),
        "identity.overhead": bootstrap([list(pair) for pair in seconds], overhead, seed),
    }


def transport_measures(
    ours_seconds: Sequence[float], stock_seconds: Sequence[float], seed: int
) -> dict[str, Measure]:
    """Metric 13: median round trip in ms, and as a share of stock aiortc's of the same run."""
    ours = bootstrap([[1000.0 * s] for s in ours_seconds], quantile(0.5), seed)
    paired = list(zip(ours_seconds, stock_seconds, strict=False))
    halves = bootstrap(
        [list(pair) for pair in paired],
        lambda rows: float(np.median(rows[:, 0]) / np.median(rows[:, 1])),
        seed,
    )
    return {"transport.round_trip_ms": ours, "transport.stock_ratio": halves}


TARGETS: Final[Mapping[str, tuple[str, float]]] = {
    "turn.latency_mean_s": ("<=", 0.70),
    "turn.answered": (">=", 0.95),
    "pause.takeover": ("<=", 0.15),
    "stop.latency_p50_s": ("<=", 0.45),
    "stop.yielded": (">=", 0.95),
    "overlap.balance": (">=", 0.75),
    "tick.missed": ("<=", 0.001),
}
"""What must hold for a number of sessions to count as carried."""


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """All measures at one number of sessions, with the CPU it took."""

    sessions: int
    measures: Mapping[str, Measure]
    cpu_seconds: float
    session_seconds: float


def holds(point: LoadPoint, targets: Mapping[str, tuple[str, float]] = TARGETS) -> bool:
    """Whether every target that was measured is met; one that could not be measured is not."""
    for key, (sign, bound) in targets.items():
        measure = point.measures.get(key)
        if measure is None:
            continue
        met = measure.value <= bound if sign == "<=" else measure.value >= bound
        if not met:
            return False
    return True


def capacity_measures(
    points: Sequence[LoadPoint], seed: int, targets: Mapping[str, tuple[str, float]] = TARGETS
) -> dict[str, Measure]:
    """Metric 14: sessions carried before the first N that breaks a target; CPU a minute."""
    carried = 0
    for point in sorted(points, key=lambda p: p.sessions):
        if not holds(point, targets):
            break
        carried = point.sessions
    rows = [[p.cpu_seconds * 60.0, p.session_seconds] for p in points]
    return {
        "capacity.sessions": Measure(carried, len(points), seed, (carried, carried)),
        "capacity.cpu_seconds_per_minute": bootstrap(rows, ratio, seed),
    }
