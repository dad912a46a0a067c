"""How the engine keeps up: a bounded window of tick times and a count of missed micro-turns."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import accumulate
from typing import Final

from model.messages import TICK_BOUNDS_SECONDS, EngineVitals
from model.timebase import MICRO_TURN_SECONDS

__all__ = ["VitalsWindow"]

WINDOW_SECONDS: Final = 10.0
WINDOW_TICKS: Final = 6_400


class VitalsWindow:
    """Takes the time of arrival and of answer of every micro-turn; reports once a second."""

    def __init__(self, now: float) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=WINDOW_TICKS)
        self._ticks = 0
        self._missed = 0
        self._counts = [0] * (len(TICK_BOUNDS_SECONDS) + 1)
        self._total = 0.0
        self.due = now + 1.0

    def add(self, arrived: float, answered: float) -> None:
        """One micro-turn was answered; missed if it took longer than a micro-turn."""
        took = answered - arrived
        self._ticks += 1
        self._missed += took > MICRO_TURN_SECONDS
        self._counts[bisect_left(TICK_BOUNDS_SECONDS, took)] += 1
        self._total += took
        self._times.append((answered, took))

    def report(self, now: float, queued_jobs: int, journalled: int = 0) -> EngineVitals:
        """The vitals of the last ten seconds; the next report is due a second later."""
        self.due = now + 1.0
        while self._times and self._times[0][0] < now - WINDOW_SECONDS:
            self._times.popleft()
        took = sorted(seconds for _, seconds in self._times) or [0.0]
        last = len(took) - 1
        return EngineVitals(
            ticks=self._ticks,
            missed=self._missed,
            tick_p50_seconds=took[round(last * 0.5)],
            tick_p99_seconds=took[round(last * 0.99)],
            queued_jobs=queued_jobs,
            journal_entries=journalled,
            tick_counts=tuple(accumulate(self._counts)),
            tick_total_seconds=self._total,
        )
