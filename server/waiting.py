"""Who waits for a place, in the order in which they came. Pure: takes `now`.

Nobody waits on an open connection: who waits has a ticket and asks again with it every few seconds;
one that was not shown for `TICKET_SECONDS` is thrown away, and everybody behind it moves up.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Final

__all__ = ["ASK_AGAIN_SECONDS", "MAX_WAITING", "TICKET_SECONDS", "Standing", "Waiting"]

MAX_WAITING: Final = 32
"""Tickets at a time; who comes then is told to try again later."""

ASK_AGAIN_SECONDS: Final = 3.0
TICKET_SECONDS: Final = 12.0
_REMEMBERED_STAYS: Final = 32


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands.

    Attributes:
        ticket: to be shown again.
        place: 1 is let in next.
        wait_seconds: an estimate from how long sessions lasted of late; None before any has ended.
    """

    ticket: str
    place: int
    wait_seconds: float | None


@dataclass(slots=True)
class _Ticket:
    address: str
    shown: float


class Waiting:
    """The line before `places` places; at most `per_address` tickets for one address."""

    def __init__(self, places: int, per_address: int) -> None:
        self._places = places
        self._per_address = per_address
        self._tickets: dict[str, _Ticket] = {}  # in the order in which they came
        self._stays: deque[float] = deque(maxlen=_REMEMBERED_STAYS)

    def length(self, now: float) -> int:
        """How many wait."""
        for name, ticket in tuple(self._tickets.items()):
            if ticket.shown + TICKET_SECONDS < now:
                del self._tickets[name]
        return len(self._tickets)

    def ahead(self, name: str | None, now: float) -> int:
        """How many are let in before whoever shows this ticket, or none."""
        length = self.length(now)
        return list(self._tickets).index(name) if name in self._tickets else length

    def show(self, name: str | None, now: float) -> None:
        """A ticket was shown while nobody can be let in: it is as good as before."""
        if name in self._tickets:
            self._tickets[name].shown = now

    def stand(self, name: str, address: str, now: float) -> Standing | None:
        """Stand in line, with a ticket or for one; None when the line is full."""
        if name not in self._tickets:
            theirs = sum(ticket.address == address for ticket in self._tickets.values())
            if self.length(now) >= MAX_WAITING or theirs >= self._per_address:
                return None
            name = secrets.token_urlsafe(12)
        self._tickets[name] = _Ticket(address, now)
        place = self.ahead(name, now) + 1
        return Standing(name, place, self._estimate(place))

    def leave(self, name: str | None) -> None:
        """Let in, or gone."""
        self._tickets.pop(name or "", None)

    def stayed(self, seconds: float) -> None:
        """A session that lasted so long has ended."""
        self._stays.append(seconds)

    def _estimate(self, place: int) -> float | None:
        if not self._stays:
            return None
        return place * sum(self._stays) / len(self._stays) / self._places
