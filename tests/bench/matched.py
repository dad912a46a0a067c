"""Ours against a baseline's whole curve: at the same latency, and at the same false actions.

A policy swept over its threshold gives points (mean latency, share of pauses taken). Between two
neighbours its take-over at our latency is interpolated, which is what one would get by choosing
between the two settings by a coin. Everything is resampled together, by clip. A setting that
answered fewer than 95 % of its turns has no latency: it is no point of the curve; nor is one that
another setting beats in both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.bench.metrics.statistics import Measure, withheld
from tests.bench.records import Record
from tests.bench.sides import Chosen, Side, name_of, resampled, shared_sides, unanswered

__all__ = ["Curve", "at_matched", "families", "family_of", "interpolated", "matched"]

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
        beyond_takeover: the same of our share of pauses taken.
        favoured: keys of `as_json` for which the end that was taken is in our favour: we are later
            than the slowest setting, or take more pauses than the quickest.
        left_out: settings without a latency.
    """

    takeover_at_our_latency: Measure
    latency_at_our_takeover: Measure
    balance: Measure
    stop_p50: Measure
    beyond: bool = False
    beyond_takeover: bool = False
    favoured: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Plain fields."""
        return {
            "takeover_at_our_latency": self.takeover_at_our_latency.as_json(),
            "latency_at_our_takeover_s": self.latency_at_our_takeover.as_json(),
            "balance": self.balance.as_json(),
            "stop_p50_s": self.stop_p50.as_json(),
            "beyond": self.beyond,
            "beyond_takeover": self.beyond_takeover,
            "favoured": list(self.favoured),
            "left_out": list(self.left_out),
        }


def families(targets: Sequence[str]) -> dict[str, list[str]]:
    """`baseline.timeout_400.` and `baseline.timeout_800.` → `baseline.timeout`: both."""
    found: dict[str, list[str]] = {}
    for target in targets:
        if (match := _NAME.match(target)) is not None:
            found.setdefault(match[1], []).append(target)
    return {name: points for name, points in found.items() if len(points) >= 2}


def family_of(target: str) -> str:
    """What a target is one setting of; itself where its name has no number at its end."""
    match = _NAME.match(target)
    return match[1] if match is not None else target.rstrip(".")


def interpolated(at: float, xs: Floats, ys: Floats) -> float:
    """y at x on the line through the points in order of x; beyond them that of the last."""
    order = np.argsort(xs)
    return float(np.interp(at, np.asarray(xs)[order], np.asarray(ys)[order]))


def at_matched(
    records: Sequence[Record], half: str, points: Sequence[str], seed: int, subject: str = ""
) -> Curve | None:
    """Ours, or another `subject`, against the curve through these targets over the clips all of
    them played.

    None when there is no turn or no pause to compare. What hangs on a latency is withheld where
    ours, or all but one of theirs, answered too few turns.
    """
    (ours, *theirs), clips = shared_sides(records, (half,), (subject, *points))
    every = np.arange(len(clips))
    if not np.isfinite([ours.answered, ours.takeover(every)]).all():
        return None
    named = dict(zip(points, theirs, strict=True))
    out = tuple(point for point, side in named.items() if unanswered({point: side}))
    kept = [side for point, side in named.items() if point not in out]
    best = max(theirs, key=lambda side: np.nan_to_num(side.balance(every), nan=-1.0))

    def balance(chosen: Chosen) -> float:
        return ours.balance(chosen) - best.balance(chosen)

    def stop(chosen: Chosen) -> float:
        return ours.stop(chosen) - best.stop(chosen)

    beside = resampled(clips, balance, seed), resampled(clips, stop, seed)
    if why := unanswered({subject: ours}) or (unanswered(named) if len(kept) < 2 else ""):
        none = withheld(len(clips), seed, why)
        return Curve(none, none, *beside, left_out=out)

    def over(chosen: Chosen) -> float:
        xs, ys = _curve(kept, chosen)
        return ours.takeover(chosen) - interpolated(ours.latency(chosen), xs, ys)

    def later(chosen: Chosen) -> float:
        xs, ys = _curve(kept, chosen)
        return ours.latency(chosen) - interpolated(ours.takeover(chosen), ys, xs)

    xs, ys = _curve(kept, every)
    latency, takeover = ours.latency(every), ours.takeover(every)
    favoured = {"takeover_at_our_latency": latency > max(xs),
                "latency_at_our_takeover_s": takeover > max(ys)}  # fmt: skip
    return Curve(
        resampled(clips, over, seed),
        resampled(clips, later, seed),
        *beside,
        beyond=not min(xs) <= latency <= max(xs),
        beyond_takeover=not min(ys) <= takeover <= max(ys),
        favoured=tuple(key for key, holds in favoured.items() if holds),
        left_out=out,
    )


def _curve(theirs: Sequence[Side], chosen: Chosen) -> tuple[list[float], list[float]]:
    """Latencies and take-overs of the settings that no other one beats: nobody would choose those
    that are later and take as many pauses."""
    points = [(side.latency(chosen), side.takeover(chosen)) for side in theirs]
    kept = [
        point
        for point in dict.fromkeys(points)
        if not any(other != point and other[0] <= point[0] and other[1] <= point[1]
                   for other in points)
    ]  # fmt: skip
    return [x for x, _ in kept], [y for _, y in kept]


def matched(
    records: Sequence[Record], seed: int, variants: Sequence[str] = ()
) -> Mapping[str, dict[str, object]]:
    """Every family of this run, by half: `baseline.timeout`, `baseline.timeout human`; against a
    variant of ours `baseline.timeout from alone`."""
    found: dict[str, dict[str, object]] = {}
    swept = families(sorted({r.target for r in records}))
    for subject in ("", *variants):
        of = f" from {name_of(subject)}" if subject else ""
        for name, points in swept.items():
            for half, tail in (("synthetic", ""), ("human", " human")):
                curve = at_matched(records, half, points, seed, subject)
                if curve is not None:
                    found[f"{name}{tail}{of}"] = curve.as_json()
    return found
