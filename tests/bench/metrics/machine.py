"""Metrics 9, 10, 13 and 14: deadlines, identity, transport, capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from tests.bench.metrics.statistics import (
    NO_INTERVAL,
    Measure,
    Rows,
    bootstrap,
    mean,
    quantile,
    ratio,
    withheld,
)  # fmt: skip

__all__ = ["CORE", "LoadPoint", "VitalsSample", "broken_by", "capacity_measures", "holds",
           "identity_measures", "tick_measures", "transport_measures"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class VitalsSample:
    """One reading of a running server.

    `ticks` and `missed` count from the engine's start; `tick_p99_seconds` is over its own last
    seconds; `resident_bytes` is the server's and the engine's together; `at` is seconds of the
    run. `tick_counts` has for each bound in seconds how many ticks since the start took at most so
    long, infinity for all.
    """

    at: float
    ticks: int
    missed: int
    tick_p99_seconds: float
    resident_bytes: int
    tick_counts: Mapping[float, int] = field(default_factory=dict)


_TICK: Final = ("tick.missed", "tick.p99_s", "tick.p99_drift", "tick.memory_growth")
_DRIFT_SECONDS: Final = 600.0


def tick_measures(
    samples: Sequence[VitalsSample], seed: int, ended: int = 0, failed: Sequence[str] = ()
) -> dict[str, Measure]:
    """Metric 9: share missed, 99th percentile of tick time, its drift, memory growth over the run.

    The percentile is of all ticks of the run, interpolated within a class of the server's
    histogram; withheld where it tells none. Drift compares the medians of tick times (99th
    percentiles) of the last and the first ten minutes, memory growth those of the last and the
    second fifth (the first is warm-up); both are shares. All are withheld where an engine ended or
    a call failed: what was not served was not on time.

    Args:
        samples: in order.
        seed: of the bootstrap.
        ended: how many engines ended meanwhile.
        failed: why calls failed.
    """
    if why := _not_served(len(samples), ended, failed):
        return {key: withheld(len(samples), seed, why) for key in _TICK}
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
        "tick.p99_s": _percentile(samples, seed),
        "tick.p99_drift": _drift(samples, seed),
        "tick.memory_growth": Measure(growth, len(samples), seed, (growth, growth)),
    }


def _percentile(samples: Sequence[VitalsSample], seed: int) -> Measure:
    bounds = sorted(samples[0].tick_counts)
    if not bounds or any(sorted(one.tick_counts) != bounds for one in samples):
        return withheld(len(samples), seed, "the server tells no histogram of its ticks")
    known = [[float(one.tick_counts[bound]) for bound in bounds] for one in samples]
    # A negative step is another engine's, whose counts begin anew.
    steps = [step for step in np.diff(np.asarray(known), axis=0) if step[-1] > 0]
    if not steps:
        return withheld(0, seed, "no micro-turn was answered")
    ticks = int(sum(step[-1] for step in steps))

    def p99(rows: Rows) -> float:
        counts = rows.sum(axis=0)
        wanted = 0.99 * counts[-1]
        at = int(np.searchsorted(counts, wanted))
        low, before = (bounds[at - 1], counts[at - 1]) if at else (0.0, 0.0)
        if not np.isfinite(bounds[at]):
            return float("inf")
        return float(low + (bounds[at] - low) * (wanted - before) / (counts[at] - before))

    found = bootstrap(steps, p99, seed, n=ticks)
    if np.isfinite(found.value):
        return found
    return replace(found, reason=f"more than {bounds[-2]:g} s, the longest class")


def _not_served(readings: int, ended: int, failed: Sequence[str]) -> str:
    """Why nothing can be said of the engine's ticks; empty where something can."""
    told = [f"engines that ended: {ended}"] if ended else []
    told += [f"calls that failed: {len(failed)} ({failed[0]})"] if failed else []
    told += ["fewer than five readings"] if readings < 5 else []
    return "; ".join(told)


def _drift(samples: Sequence[VitalsSample], seed: int) -> Measure:
    first, last = samples[0].at, samples[-1].at
    if last - first < 2.0 * _DRIFT_SECONDS:
        return withheld(len(samples), seed, "shorter than twice ten minutes")
    early = [s.tick_p99_seconds for s in samples if s.at <= first + _DRIFT_SECONDS]
    late = [s.tick_p99_seconds for s in samples if s.at >= last - _DRIFT_SECONDS]
    drift = float(np.median(late) / np.median(early) - 1.0)
    return Measure(drift, len(samples), seed, NO_INTERVAL)


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


CORE: Final[Mapping[str, tuple[str, float]]] = {
    "turn.latency_mean_s": ("<=", 0.70),
    "turn.answered": (">=", 0.95),
    "pause.takeover": ("<=", 0.15),
    "stop.latency_p50_s": ("<=", 0.45),
    "stop.yielded": (">=", 0.95),
    "overlap.balance": (">=", 0.75),
}
"""Of metrics 1 to 4, what must hold for a number of sessions to count as carried."""

_SHARES: Final = ("turn.answered", "pause.takeover", "stop.yielded", "overlap.balance")


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """All measures at one number of sessions, with the CPU it took and the calls that failed."""

    sessions: int
    measures: Mapping[str, Measure]
    cpu_seconds: float
    session_seconds: float
    failures: int = 0


def _nearest(measure: Measure, sign: str) -> float:
    """The end of a share's interval that is nearest to what is wanted.

    All or none of n gives an interval of no width; it is taken to reach three n-ths inwards (the
    rule of three), as `compare` takes it.
    """
    low, high = measure.ci95
    reach = 3.0 / max(measure.n, 3)
    if low == high == 0.0:
        high = reach
    if low == high == 1.0:
        low = 1.0 - reach
    return low if sign == "<=" else high


def broken_by(
    measures: Mapping[str, Measure], targets: Mapping[str, tuple[str, float]] = CORE
) -> list[str]:
    """The targets that are not met: one that was not measured is none that is met.

    A number of sessions has few clips, so that one event can put a share beyond its target by
    chance: a share misses only when its interval lies wholly beyond the target. Latencies, which
    scatter less, are judged by their value.
    """
    found: list[str] = []
    for key, (sign, bound) in targets.items():
        measure = measures.get(key)
        if measure is None:
            found.append(key)
            continue
        value = _nearest(measure, sign) if key in _SHARES else measure.value
        if not (value <= bound if sign == "<=" else value >= bound):
            found.append(key)
    return found


def holds(point: LoadPoint, targets: Mapping[str, tuple[str, float]] = CORE) -> bool:
    """Whether every target is met and no call failed: else those sessions were not carried."""
    return not point.failures and not broken_by(point.measures, targets)


def capacity_measures(
    points: Sequence[LoadPoint], seed: int, targets: Mapping[str, tuple[str, float]] = CORE
) -> dict[str, Measure]:
    """Metric 14: sessions carried before the first N that breaks a target; CPU a minute of one.

    Neither has an interval: the points, one for each number of sessions, are no sample of anything.
    The n of the sessions is the most that were tried: where that many were carried, more may be.
    """
    carried = 0
    for point in sorted(points, key=lambda p: p.sessions):
        if not holds(point, targets):
            break
        carried = point.sessions
    rows = np.asarray([[p.cpu_seconds * 60.0, p.session_seconds] for p in points]).reshape(-1, 2)
    most = max((point.sessions for point in points), default=0)
    return {
        "capacity.sessions": Measure(carried, most, seed, NO_INTERVAL),
        "capacity.cpu_seconds_per_minute": Measure(ratio(rows), len(rows), seed, NO_INTERVAL),
    }
