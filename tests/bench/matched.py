"""Ours against a baseline's whole curve: at the same latency, and at the same false actions.

A policy swept over its threshold gives points (mean latency, share of pauses taken). Between two
neighbours its take-over at our latency is interpolated, which is what one would get by choosing
between the two settings by a coin. Everything is resampled together, by clip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.metrics.activity import ClipLog
from tests.bench.metrics.overlap import balance_of, overlap_rows, stop_delay
from tests.bench.metrics.statistics import Measure, Rows, bootstrap
from tests.bench.metrics.turns import answer_delay, asked, pause_taken
from tests.bench.records import Record

__all__ = ["Curve", "at_matched", "families", "interpolated", "matched"]

_NAME: Final = re.compile(r"^((?:baseline|null|rival)\.[a-z_]*?[a-z])_?(\d+)\.$")

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Differences ours minus theirs, negative is better for latency and take-overs.

    Attributes:
        takeover_at_our_latency: of the share of pauses taken.
        latency_at_our_takeover: of the mean turn latency, seconds.
        balance: of B, against the setting of theirs with the highest.
        stop_p50: of the stop latency, against that same setting.
        beyond: whether our latency lies outside the curve, so that its end was taken.
    """

    takeover_at_our_latency: Measure
    latency_at_our_takeover: Measure
    balance: Measure
    stop_p50: Measure
    beyond: bool

    def as_json(self) -> dict[str, object]:
        """Plain fields."""
        return {
            "takeover_at_our_latency": self.takeover_at_our_latency.as_json(),
            "latency_at_our_takeover_s": self.latency_at_our_takeover.as_json(),
            "balance": self.balance.as_json(),
            "stop_p50_s": self.stop_p50.as_json(),
            "beyond": self.beyond,
        }


def families(targets: Sequence[str]) -> dict[str, list[str]]:
    """`baseline.timeout_400.` and `baseline.timeout_800.` → `baseline.timeout`: both."""
    found: dict[str, list[str]] = {}
    for target in targets:
        if (match := _NAME.match(target)) is not None:
            found.setdefault(match[1], []).append(target)
    return {name: points for name, points in found.items() if len(points) >= 2}


def interpolated(at: float, xs: Floats, ys: Floats) -> float:
    """y at x on the line through the points in order of x; beyond them that of the last."""
    order = np.argsort(xs)
    return float(np.interp(at, np.asarray(xs)[order], np.asarray(ys)[order]))


class _Side:
    """Sums by clip of one target: latencies, take-overs, overlaps, stops."""

    def __init__(self, logs: Sequence[ClipLog]) -> None:
        self._answers = np.zeros((len(logs), 2))
        self._pauses = np.zeros((len(logs), 2))
        self._overlaps = overlap_rows(logs)
        self._stops: list[list[float]] = []
        for i, log in enumerate(logs):
            turns = [answer_delay(log, turn) for turn in log.labelled("turn") if asked(log, turn)]
            known = [delay for delay in turns if delay is not None]
            self._answers[i] = sum(known), len(known)
            taken = [pause_taken(log, pause) for pause in log.labelled("pause")]
            self._pauses[i] = sum(taken), len(taken)
            stops = [stop_delay(log, label) for label in log.labelled("interruption")]
            self._stops.append([s for s in stops if s is not None and s <= 2.0])

    def latency(self, chosen: np.ndarray) -> float:
        """Mean over these clips, NaN without any."""
        total = self._answers[chosen].sum(axis=0)
        return float(total[0] / total[1]) if total[1] else float("nan")

    def takeover(self, chosen: np.ndarray) -> float:
        """Share of pauses."""
        total = self._pauses[chosen].sum(axis=0)
        return float(total[0] / total[1]) if total[1] else float("nan")

    def balance(self, chosen: np.ndarray) -> float:
        """B."""
        return balance_of(self._overlaps[chosen])

    def stop(self, chosen: np.ndarray) -> float:
        """Median of those that stopped."""
        every = [value for i in chosen for value in self._stops[int(i)]]
        return float(np.median(every)) if every else float("nan")


def _sides(
    records: Sequence[Record], half: str, points: Sequence[str]
) -> tuple[_Side, list[_Side], int]:
    logs: dict[str, dict[str, ClipLog]] = {target: {} for target in ("", *points)}
    for record in records:
        if record.target in logs and record.log is not None and record.log.half == half:
            if record.suite != "voice":
                logs[record.target][record.clip] = record.log
    shared = sorted(set.intersection(*(set(known) for known in logs.values())))
    made = [_Side([logs[target][clip] for clip in shared]) for target in ("", *points)]
    return made[0], made[1:], len(shared)


def at_matched(
    records: Sequence[Record], half: str, points: Sequence[str], seed: int
) -> Curve | None:
    """Ours against the curve through these targets over the clips all of them played.

    None when some point has no latency or no pause to compare.
    """
    ours, theirs, count = _sides(records, half, points)
    every = np.arange(count)
    known = [side.latency(every) for side in (ours, *theirs)]
    if not count or not np.isfinite([*known, ours.takeover(every)]).all():
        return None

    def over(rows: Rows) -> float:
        chosen = rows[:, 0].astype(int)
        xs, ys = _curve(theirs, chosen)
        return ours.takeover(chosen) - interpolated(ours.latency(chosen), xs, ys)

    def later(rows: Rows) -> float:
        chosen = rows[:, 0].astype(int)
        xs, ys = _curve(theirs, chosen)
        return ours.latency(chosen) - interpolated(ours.takeover(chosen), ys, xs)

    best = max(theirs, key=lambda side: np.nan_to_num(side.balance(every), nan=-1.0))

    def balance(rows: Rows) -> float:
        chosen = rows[:, 0].astype(int)
        return ours.balance(chosen) - best.balance(chosen)

    def stop(rows: Rows) -> float:
        chosen = rows[:, 0].astype(int)
        return ours.stop(chosen) - best.stop(chosen)

    rows = every.reshape(-1, 1).astype(np.float64)
    return Curve(
        bootstrap(rows, over, seed), bootstrap(rows, later, seed), bootstrap(rows, balance, seed),
        bootstrap(rows, stop, seed), not min(known[1:]) <= known[0] <= max(known[1:]),
    )  # fmt: skip


def _curve(theirs: Sequence[_Side], chosen: np.ndarray) -> tuple[list[float], list[float]]:
    return [s.latency(chosen) for s in theirs], [s.takeover(chosen) for s in theirs]


def matched(records: Sequence[Record], seed: int) -> Mapping[str, dict[str, object]]:
    """Every family of this run, by half: `baseline.timeout`, `baseline.timeout human`."""
    found: dict[str, dict[str, object]] = {}
    for name, points in families(sorted({r.target for r in records})).items():
        for half, tail in (("synthetic", ""), ("human", " human")):
            curve = at_matched(records, half, points, seed)
            if curve is not None:
                found[f"{name}{tail}"] = curve.as_json()
    return found
