"""What holding one's breath is worth on dev (`breath.py`): how soon we fall silent for somebody who
interrupts, and how often we falter for nothing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from model.interaction.breath import Breath
from model.interaction.core import OperatingPoint
from model.timebase import MICRO_TURN_SECONDS
from model.training.operating_point import Trace

__all__ = ["MOST_FALTERED", "a_minute", "choose_hesitating", "faltered", "silent_after",
           "silent_p50"]  # fmt: skip

MOST_FALTERED: Final = 0.35
"""Share of what we talk through at which we may falter."""

MOST_A_MINUTE: Final = 0.5
"""How often we may falter in a minute of ours in which nobody else makes a sound."""

LEAST_SOONER_SECONDS: Final = 0.05
"""What hesitating must bring."""

LEVELS: Final = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def silent_after(trace: Trace, point: OperatingPoint) -> tuple[float, bool]:
    """Seconds until our voice ends for good, infinite where it goes on; and whether it stood still.

    Who yields while the voice stands still fell silent when it began to. Delays are of the
    decision, as everywhere on dev.
    """
    breath, still = Breath(), False
    for k, chance in enumerate(trace):
        if chance >= point.yielding:
            ended = breath.since_k if breath.held else k
            return (ended + 0.5) * MICRO_TURN_SECONDS, still
        breath = breath.next(k, float(chance), point.hesitating, speaking=True)
        still |= breath.held
    return float("inf"), still


def faltered(wrong: Sequence[Trace], point: OperatingPoint) -> float:
    """Of the events that we talk through, the share at which our voice stood still; 0 of none."""
    found = [still for after, still in (silent_after(trace, point) for trace in wrong)
             if after == float("inf")]  # fmt: skip
    return float(np.mean(found)) if found else 0.0


def a_minute(quiet: Sequence[Trace], point: OperatingPoint) -> float:
    """How many stretches of our voice in which nobody else makes a sound it stands still in, by the
    minute of them."""
    minutes = sum(map(len, quiet)) * MICRO_TURN_SECONDS / 60
    return sum(silent_after(trace, point)[1] for trace in quiet) / max(minutes, 1e-9)


def silent_p50(due: Sequence[Trace], point: OperatingPoint, within_seconds: float = 2.0) -> float:
    """Median seconds until our voice ends for who interrupts, of those for whom it does in time;
    infinite where it never does. What was cut short before we would have stopped is left out."""
    after = [silent_after(trace, point)[0] for trace in due]
    came = [one for one in after if one <= within_seconds]
    return float(np.median(came)) if came else float("inf")


def choose_hesitating(
    due: Sequence[Trace], wrong: Sequence[Trace], quiet: Sequence[Trace], point: OperatingPoint
) -> float:
    """The lowest probability at which we falter at few enough of the events that ask for nothing,
    and hardly ever where there is none; 1, never, where none does, or where who interrupts would
    not be given way to sooner for it."""
    without = silent_p50(due, replace(point, hesitating=1.0))
    for level in LEVELS:
        at = replace(point, hesitating=level)
        rarely = a_minute(quiet, at) <= MOST_A_MINUTE
        if level < point.yielding and rarely and faltered(wrong, at) <= MOST_FALTERED:
            sooner = silent_p50(due, at) <= without - LEAST_SOONER_SECONDS
            return level if sooner and without < float("inf") else 1.0
    return 1.0
