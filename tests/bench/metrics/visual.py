"""Metric 8: events announced and repetitions counted because of what a camera showed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from tests.bench.metrics.statistics import Measure, Rows, bootstrap, grouped, mean, quantile, ratio

__all__ = ["WINDOW_SECONDS", "Announcement", "VisualLog", "matched", "number_in",
           "off_by_one", "visual_measures"]  # fmt: skip

WINDOW_SECONDS: Final = 2.5
"""An announcement later than this after an event is not of that event."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that was said, or told on the data channel, of what is seen.

    Attributes:
        at: seconds of the call; of what was said, its first voiced sample at the client.
        number: the number it holds; 0 for none.
    """

    at: float
    number: int = 0


@dataclass(frozen=True, slots=True)
class VisualLog:
    """One clip with everything on the client's clock, in seconds of the call.

    Attributes:
        clip: its name.
        kind: whether repetitions were to be counted or events to be announced.
        began, ended: what lies between is watched: from the first moment at which something may
            happen to the end of the call.
        moments: of events when each began to be visible; of repetitions when each was half way
            back, the earliest moment at which it can be counted.
        spoken: what the agent said between `began` and `ended`, in order.
        told: what it told as events on the data channel of the same.
        asked: whether what it said to the request names what was requested.
    """

    clip: str
    kind: Literal["count", "event"]
    began: float
    ended: float
    moments: tuple[float, ...]
    spoken: tuple[Announcement, ...] = ()
    told: tuple[Announcement, ...] = ()
    asked: bool = True


_WORDS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)


def number_in(text: str) -> int:
    """The last number of a text, in digits or up to twenty in words; 0 for none."""
    found = 0
    for word in re.findall(r"\d+|[a-z]+", text.lower()):
        if word.isdigit():
            found = int(word)
        elif word in _WORDS:
            found = _WORDS.index(word)
    return found


def matched(moments: Sequence[float], said: Sequence[Announcement]) -> tuple[list[float], int, int]:
    """Delays of those events that were announced, how many announcements were of none, and how
    many events were missed.

    Each event takes the first announcement within `WINDOW_SECONDS` of it, each announcement is of
    one event only; what comes before its event is of none.
    """
    free = sorted(one.at for one in said)
    delays: list[float] = []
    for moment in sorted(moments):
        fit = next((at for at in free if moment <= at <= moment + WINDOW_SECONDS), None)
        if fit is not None:
            free.remove(fit)
            delays.append(fit - moment)
    return delays, len(free), len(moments) - len(delays)


def off_by_one(moments: Sequence[float], said: Sequence[Announcement]) -> bool:
    """Whether the last number is right, or off by at most one; silence counted nothing."""
    numbers = [one.number for one in said if one.number]
    return abs((numbers[-1] if numbers else 0) - len(moments)) <= 1


def _count_delays(moments: Sequence[float], said: Sequence[Announcement]) -> list[float]:
    """How far each number lies from the moment at which it became true; of one past the last
    moment nothing can be said."""
    return [abs(one.at - moments[one.number - 1]) for one in said if 0 < one.number <= len(moments)]


def _f1(rows: Rows) -> float:
    right, false, missed = rows.sum(axis=0)
    every = 2 * right + false + missed
    return float(2 * right / every) if every else float("nan")


def visual_measures(logs: Sequence[VisualLog], seed: int) -> dict[str, Measure]:
    """Metric 8 of what was said, and the same of what was told (`visual.told_…`).

    Intervals are resampled by clip. `n` is of events for F1, of announcements matched for its
    delay, of clips for false ones and for counts, of numbers for their delay.
    """
    found = {"visual.asked": bootstrap([[float(log.asked)] for log in logs], mean, seed)}
    for prefix, name in (("visual.", "spoken"), ("visual.told_", "told")):
        said: list[tuple[VisualLog, tuple[Announcement, ...]]] = [
            (log, getattr(log, name)) for log in logs
        ]
        events = [(log, heard) for log, heard in said if log.kind == "event"]
        counts = [(log, heard) for log, heard in said if log.kind == "count"]
        if counts:
            found |= _counts(prefix, counts, seed)
        if events:
            found |= _events(prefix, events, seed)
    return found


def _counts(
    prefix: str, counts: Sequence[tuple[VisualLog, tuple[Announcement, ...]]], seed: int
) -> dict[str, Measure]:
    right = [[float(off_by_one(log.moments, heard))] for log, heard in counts]
    delays = [_count_delays(log.moments, heard) for log, heard in counts]
    return {
        f"{prefix}count_off_by_one": bootstrap(right, mean, seed),
        f"{prefix}count_delay_s": grouped(delays, quantile(0.5), seed),
    }


def _events(
    prefix: str, events: Sequence[tuple[VisualLog, tuple[Announcement, ...]]], seed: int
) -> dict[str, Measure]:
    told = [matched(log.moments, heard) for log, heard in events]
    rows = np.array([[len(delays), false, missed] for delays, false, missed in told], np.float64)
    rates = [
        [float(false), (log.ended - log.began) / 60.0]
        for (log, _), (_, false, _) in zip(events, told, strict=True)
    ]
    every = int(rows[:, 0].sum() + rows[:, 2].sum())
    return {
        f"{prefix}event_f1": bootstrap(rows, _f1, seed, n=every),
        f"{prefix}event_delay_p50_s": grouped([one[0] for one in told], quantile(0.5), seed),
        f"{prefix}false_per_minute": bootstrap(rates, ratio, seed),
    }
