"""Counting repetitions in a signal of the body: causal, a value in and a count out.

A repetition is a way there and back. It is counted when the signal has come back by `BACK` of the
way it went, so within one picture (and the picture that the median waits for) of that moment: at
five pictures a second 0.2 to 0.4 s after it, mostly before the person has come to rest. What is
smaller than `least` is no way, and ways much shorter than the usual ones are none either.

The median of three takes a body that is seen wrongly once for what it is. Where looks come slowly,
because the machine is busy, three of them span half a repetition, and their median would flatten
it: then each is taken as it is, and one seen wrongly may count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Final

__all__ = ["Counter", "counted"]

BACK: Final = 0.6
USUAL: Final = 0.45
"""Of the usual way; less is a wobble."""

REMEMBERED: Final = 5
SHORTEST_SECONDS: Final = 0.5
"""Between two repetitions: two a second are more than people do."""

SPARSE_SECONDS: Final = 0.25
"""Values farther apart are not smoothed. At forty a minute with looks 0.2 to 0.6 s apart, 51 of 60
runs of ten were right within one with this, none with the median of whatever came."""

FORGOTTEN_SECONDS: Final = 4.0
"""After a gap in the signal of this length a new way begins."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a count is.

    Attributes:
        least: the shortest way that counts, in units of the signal.
        sign: 1 when the way there goes up (arms), -1 when it goes down (push-ups).
        count: repetitions so far.
        recent: the last values that came soon after each other, at most three: their median is
            what counts.
        at: when the last value came, in seconds.
        rest: where the way there began: the extreme on the side of rest.
        far: the extreme of the way there; None before it is long enough.
        ways: lengths of the last ways.
        counted_at: when the last one was counted.
    """

    least: float
    sign: int = 1
    count: int = 0
    recent: tuple[float, ...] = ()
    at: float = -1e9
    rest: float | None = None
    far: float | None = None
    ways: tuple[float, ...] = ()
    counted_at: float = -1e9


def counted(counter: Counter, value: float, at: float) -> Counter:
    """Take one value of the signal, taken at `at` seconds; values come in order of time."""
    if at - counter.at > FORGOTTEN_SECONDS:
        counter = replace(counter, recent=(), rest=None, far=None)
    before = counter.recent if at - counter.at <= SPARSE_SECONDS else ()
    recent = (*before, value * counter.sign)[-3:]
    level = median(recent)
    counter = replace(counter, recent=recent, at=at)
    if counter.rest is None:
        return replace(counter, rest=level)
    if counter.far is None:
        return _there(counter, level)
    far = max(counter.far, level)
    way = far - counter.rest
    if far - level < BACK * way:
        return replace(counter, far=far)
    counter = replace(counter, far=None, rest=level)
    if at - counter.counted_at < SHORTEST_SECONDS:
        return counter
    ways = (*counter.ways, way)[-REMEMBERED:]
    return replace(counter, count=counter.count + 1, ways=ways, counted_at=at)


def _there(counter: Counter, level: float) -> Counter:
    assert counter.rest is not None
    rest = min(counter.rest, level)
    enough = max(counter.least, USUAL * median(counter.ways) if counter.ways else 0.0)
    gone = level - rest >= enough
    return replace(counter, rest=rest, far=level if gone else None)
