"""How many sessions there may be, in all and from one address. Pure: takes `now`."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final

from server.errors import Busy
from server.waiting import ASK_AGAIN_SECONDS, Waiting

__all__ = ["Admission", "Place"]

_WINDOW_SECONDS: Final = 10.0
_FAILED_SECONDS: Final = 12.0
_REMEMBERED_ADDRESSES: Final = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """The right to one session; given back with `Admission.leave`."""

    address: str
    since: float


class Admission:
    """Hands out places: at most `sessions` in all and `per_address` to one address.

    An address that makes more than `offers_per_window` offers within ten seconds waits, so that a
    loop that reconnects cannot keep the process busy with handshakes. While somebody waits, a free
    place is theirs.
    """

    def __init__(self, sessions: int, per_address: int, offers_per_window: int = 30) -> None:
        self.sessions = sessions
        self.per_address = per_address
        self.offers_per_window = offers_per_window
        self.waiting = Waiting(sessions, per_address)
        self._places: set[Place] = set()
        self._by_address: Counter[str] = Counter()
        self._offers: dict[str, deque[float]] = {}

    @property
    def taken(self) -> int:
        """Places that are taken now."""
        return len(self._places)

    def knock(self, address: str, now: float) -> None:
        """Count an offer from this address; raises Busy when there were too many of late."""
        if len(self._offers) >= _REMEMBERED_ADDRESSES and address not in self._offers:
            self._offers.pop(next(iter(self._offers)))  # the address that came first is forgotten
        times = self._offers.setdefault(address, deque(maxlen=self.offers_per_window + 1))
        while times and times[0] <= now - _WINDOW_SECONDS:
            times.popleft()
        if len(times) >= self.offers_per_window:
            wait = times[0] + _WINDOW_SECONDS - now
            raise Busy("Too many offers from your address; wait and try again.", max(1.0, wait))
        times.append(now)

    def enter(
        self, address: str, now: float, ticket: str | None = None, *, in_turn: bool = True
    ) -> Place:
        """Take a place; raises Busy when there is none.

        Args:
            address: of whoever asks.
            now: the time.
            ticket: that of the line; "" to be given one, None not to wait at all.
            in_turn: whether those who wait go first.
        """
        if self._by_address[address] >= self.per_address:
            raise Busy(
                f"Your address already holds {self.per_address} sessions; end one first.", 5.0
            )
        ahead = self.waiting.ahead(ticket, now) if in_turn else 0
        if self.sessions - len(self._places) <= ahead:
            raise self._full(address, now, ticket)
        self.waiting.leave(ticket)
        place = Place(address, now)
        self._places.add(place)
        self._by_address[address] += 1
        return place

    def leave(self, place: Place, now: float) -> None:
        """Give the place back; giving it back twice is the same as once."""
        if place not in self._places:
            return
        self._places.remove(place)
        # Offers that are refused or never connect say nothing of how long people stay.
        if now - place.since > _FAILED_SECONDS:
            self.waiting.stayed(now - place.since)
        self._by_address[place.address] -= 1
        if not self._by_address[place.address]:
            del self._by_address[place.address]

    def _full(self, address: str, now: float, ticket: str | None) -> Busy:
        standing = None if ticket is None else self.waiting.stand(ticket, address, now)
        if standing is not None:
            why = f"All {self.sessions} places are taken; you are number {standing.place} in line."
            return Busy(why, ASK_AGAIN_SECONDS, standing)
        why = "try again in a moment, or raise the number of engine rows."
        return Busy(f"All {self.sessions} places are taken; {why}", 5.0)
