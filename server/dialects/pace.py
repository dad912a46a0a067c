"""How fast messages of a client may come. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

__all__ = [
    "CHANGES_A_SECOND",
    "FLOOD_A_SECOND",
    "MESSAGES_A_SECOND",
    "RATE_SECONDS",
    "Changes",
    "Pace",
    "Verdict",
]

MESSAGES_A_SECOND: Final = 100
RATE_SECONDS: Final = 2.0
FLOOD_A_SECOND: Final = 1_000

CHANGES_A_SECOND: Final = 8
"""Of settings, each of which is read on everybody's loop."""

Verdict = Literal["pass", "drop", "tell", "flood"]


class Pace:
    """Counts messages.

    More than 100 a second over two seconds are dropped, and once a second that is told; more than
    1,000 within a second are a flood.
    """

    def __init__(self) -> None:
        # Arrival times of the last FLOOD_A_SECOND + 1 messages, refused ones included.
        self._arrivals: deque[float] = deque(maxlen=FLOOD_A_SECOND + 1)
        self._told = float("-inf")

    def count(self, now: float) -> Verdict:
        """What becomes of a message that came at `now`."""
        arrivals = self._arrivals
        arrivals.append(now)
        if len(arrivals) > FLOOD_A_SECOND and now - arrivals[0] < 1.0:
            return "flood"
        allowed = int(MESSAGES_A_SECOND * RATE_SECONDS)
        # A clock's rounding must not make an even hundred a second too many.
        if len(arrivals) <= allowed or now - arrivals[-1 - allowed] >= RATE_SECONDS - 1e-6:
            return "pass"
        if now - self._told < 1.0:
            return "drop"
        self._told = now
        return "tell"


class Changes:
    """Counts changes of settings, before they are read."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=CHANGES_A_SECOND)

    def may_change(self, now: float) -> bool:
        """Whether there may be another one at `now`; counts it."""
        if len(self._at) == CHANGES_A_SECOND and now - self._at[0] < 1.0:
            return False
        self._at.append(now)
        return True
