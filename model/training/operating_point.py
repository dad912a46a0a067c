"""Where to act: thresholds on Core's probabilities, chosen on conversations of the dev split. Pure.

A trace is the probability of one action in the micro-turns of one event, from its first on. The
first that reaches the threshold acts; its delay counts from the middle of the first micro-turn to
the end of the acting one, which is when it is heard.

A trace ends where the conversation went on without us, most often because an answer came in it.
What we would have done later is not known, so shares and delays are estimated as those of
lifetimes are (Kaplan and Meier): of the events still open at an age, how many act at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.timebase import MICRO_TURN_SECONDS

__all__ = ["NEVER_SECONDS", "Point", "Trace", "choose_balanced", "choose_quick", "sweep"]

Trace = npt.NDArray[np.floating[Any]]


NEVER_SECONDS: Final = 3.0
"""What an action counts that did not come within as much."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold does.

    Attributes:
        threshold: probability from which to act.
        acted: share of the events in which it was right to act and the action came.
        delay_seconds: mean delay of those actions; infinite without any.
        wrong: share of the events in which it was wrong to act and the action came.
        median_seconds: median delay of those actions.
    """

    threshold: float
    acted: float
    delay_seconds: float
    wrong: float
    median_seconds: float = float("inf")

    @property
    def cost_seconds(self) -> float:
        """Mean delay with `NEVER_SECONDS` for those that never came: a mean over actions alone is
        the better the more of the late ones are left out."""
        came = self.acted * self.delay_seconds if self.acted > 0 else 0.0
        return came + (1.0 - self.acted) * NEVER_SECONDS

    @property
    def balance(self) -> float:
        """Mean of the shares of right doing and right leaving, in [0, 1]."""
        return (self.acted + 1.0 - self.wrong) / 2


def sweep(
    due: Sequence[Trace],
    wrong: Sequence[Trace],
    thresholds: Sequence[float],
    within_seconds: float = 3.0,
) -> list[Point]:
    """What each threshold does.

    Args:
        due: traces of events in which the action is due.
        wrong: traces of events in which it is wrong.
        thresholds: to be tried.
        within_seconds: an action later than this did not come.
    """
    if not due or not wrong:
        raise ValueError("choosing a threshold needs events of both kinds: use more conversations")
    levels = np.asarray(thresholds, np.float64)
    arrived = _arrivals(due, levels, within_seconds)
    delays = (np.arange(len(arrived)) + 0.5) * MICRO_TURN_SECONDS
    highest = np.array([trace.max(initial=0.0) for trace in wrong])
    points = []
    for number, threshold in enumerate(levels):
        shares = arrived[:, number]
        acted = float(shares.sum())
        mean = median = float("inf")
        if acted > 0:
            mean = float(shares @ delays / acted)
            median = float(delays[np.searchsorted(np.cumsum(shares), acted / 2 - 1e-12)])
        false = float((highest >= threshold).mean())
        points.append(Point(float(threshold), acted, mean, false, median))
    return points


def choose_quick(points: Sequence[Point], most_wrong: float = 0.05) -> Point:
    """The cheapest point within bounds (`Point.cost_seconds`); when none is, the one that least
    exceeds them.

    Args:
        points: of one sweep.
        most_wrong: highest share of wrong actions.
    """

    def excess(point: Point) -> float:
        return round(max(point.wrong - most_wrong, 0.0), 9)

    return min(points, key=lambda p: (excess(p), p.cost_seconds, -p.threshold))


def choose_balanced(points: Sequence[Point], margin: float = 0.01) -> Point:
    """The quickest of the points whose balance is within `margin` of the best."""
    best = max(point.balance for point in points)
    near = [point for point in points if point.balance >= best - margin]
    return min(near, key=lambda p: (p.delay_seconds, -p.balance, p.threshold))


def _arrivals(
    due: Sequence[Trace], levels: npt.NDArray[np.float64], within_seconds: float
) -> npt.NDArray[np.float64]:
    """Share of the events that act at each age, `[ages, thresholds]`."""
    ages = int(within_seconds / MICRO_TURN_SECONDS + 0.5 + 1e-9)
    lengths = np.array([len(trace) for trace in due])[:, None]
    firsts = np.stack([np.searchsorted(np.maximum.accumulate(trace), levels) for trace in due])
    waiting = np.ones(len(levels))
    arrived = np.zeros((ages, len(levels)))
    for age in range(ages):
        there = lengths > age
        open_still = (there & (firsts >= age)).sum(0)
        now = (there & (firsts == age)).sum(0)
        arrived[age] = waiting * now / np.maximum(open_still, 1)
        waiting = waiting - arrived[age]
    return arrived
