"""Silence asks for less: how sure Core must be to take the floor, the longer the person is silent.

Live decides by `needed`; dev, which tries many thresholds on the same probabilities, by what a
probability is worth (`as_at_once`). Pure; for numbers and arrays.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from model.interaction import streams
from model.timebase import MICRO_TURN_SECONDS

__all__ = ["OVERDUE_SECONDS", "VOICES", "as_at_once", "needed", "silence_seconds", "voiced"]

Numbers = npt.NDArray[Any]

OVERDUE_SECONDS: Final = (1.5, 2.5)
VOICED: Final = 0.5
VOICES: Final = tuple(
    streams.PERSON_STATES.index(name) for name in ("speaking", "acknowledging", "elsewhere")
)


def needed(take: float, overdue: float, silence: float) -> float:
    """The probability from which the floor is taken after so many seconds of silence."""
    return float(np.interp(silence, OVERDUE_SECONDS, (take, min(take, overdue))))


def as_at_once(chance: Numbers, overdue: float, silence: Numbers) -> Numbers:
    """The probability that reaches a constant `take` where `chance` reaches `needed`.

    Args:
        chance: of a take `[…]`.
        overdue: see `needed`.
        silence: seconds since the person's voice `[…]`.
    """
    first, last = OVERDUE_SECONDS
    share = np.clip((silence - first) / (last - first), 0.0, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(share < 1.0, (chance - overdue * share) / (1.0 - share), 1.0)
    return np.where(chance >= overdue, np.clip(worth, chance, 1.0), chance)


def voiced(person: Numbers, ahead: Numbers) -> npt.NDArray[np.bool_]:
    """Whether the person, or whoever is there, sounds now or is about to `[…]`.

    Args:
        person: probabilities of their states `[…, 6]` in the order of `streams.PERSON_STATES`.
        ahead: of their voice in the nearest window ahead `[…]`.
    """
    now = person[..., VOICES].sum(-1)
    return np.asarray(np.maximum(now, ahead) >= VOICED)


def silence_seconds(voice: npt.NDArray[np.bool_]) -> Numbers:
    """Seconds since the last voice, in each micro-turn of a conversation `[n]`."""
    at = np.arange(len(voice))
    last = np.maximum.accumulate(np.where(voice, at, -1))
    return np.asarray((at - last) * MICRO_TURN_SECONDS)
