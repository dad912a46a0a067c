"""Holding one's breath: somebody begins to speak over us, and in the first tenths of a second
nobody can tell an interruption from an "okay". Pure.

Whoever stops for every voice stops for nothing half of the time; whoever waits until it is certain
talks over people for half a second more. People do neither: they hesitate, hear what it is, and
give way or go on. Our voice stands still as soon as an interruption is not unlikely, and goes on at
the same sample when it turns out to be none, or when that takes too long to be settled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["APART_MICRO_TURNS", "LONGEST_MICRO_TURNS", "Breath"]

LONGEST_MICRO_TURNS: Final = 4
"""Less than the 0.5 s of silence that are a stop and no longer a pause between two phrases."""

APART_MICRO_TURNS: Final = 8
"""From the end of one to the next: nobody stammers."""

RELEASED: Final = 0.5
"""Below this share of what it takes to hold it, it is let go, and may be held again."""


@dataclass(frozen=True, slots=True)
class Breath:
    """Whether it is held.

    Attributes:
        since_k: the micro-turn from which on it is held; negative while it is not.
        until_k: where it was let go last.
        calm: nothing has asked for it since.
    """

    since_k: int = -1
    until_k: int = -APART_MICRO_TURNS
    calm: bool = True

    @property
    def held(self) -> bool:
        """Whether it is held now."""
        return self.since_k >= 0

    def next(self, k: int, chance: float, wanted: float, speaking: bool) -> Breath:
        """After micro-turn `k`.

        Args:
            k: the micro-turn.
            chance: that the floor is to be yielded.
            wanted: the chance from which on it is held.
            speaking: our voice is being sent.
        """
        low = chance < wanted * RELEASED
        if self.held:
            if speaking and not low and k - self.since_k < LONGEST_MICRO_TURNS:
                return self
            return Breath(until_k=k, calm=low)
        if not speaking or low:
            return self if self.calm else replace(self, calm=True)
        if chance >= wanted and self.calm and k - self.until_k >= APART_MICRO_TURNS:
            return replace(self, since_k=k, calm=False)
        return self
