"""Orders that the engine may still refuse, by the name they were given. Pure."""

from __future__ import annotations

from itertools import count
from typing import Final, Generic, TypeVar

__all__ = ["Refusable"]

Settings = TypeVar("Settings")

_MOST: Final = 16


class Refusable(Generic[Settings]):
    """Gives names, and knows what each meant: the client's own name, and the settings before.

    Args:
        prefix: what every name begins with.
        most: names that are known; of more the oldest is forgotten.
    """

    def __init__(self, prefix: str = "", most: int = _MOST) -> None:
        self._names = count(1)
        self._prefix = prefix
        self._most = most
        # Oldest first.
        self._orders: dict[str, tuple[str | None, Settings | None]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._orders

    def fresh(self) -> str:
        """A name that nothing else has."""
        return f"{self._prefix}{next(self._names)}"

    def add(self, event_id: str | None, before: Settings | None) -> str:
        """The name of an order that may be refused; the oldest of too many is forgotten."""
        name = self.fresh()
        self._orders[name] = (event_id, before)
        while len(self._orders) > self._most:
            del self._orders[next(iter(self._orders))]
        return name

    def refused(self, order: str) -> tuple[str | None, Settings | None, bool]:
        """The client's name, the settings before, and whether those hold again.

        They do not where others were asked for since, which the engine judges by themselves: should
        those be refused as well, what held before both holds again.
        """
        later = list(self._orders)
        later = later[later.index(order) + 1 :] if order in self._orders else []
        name, before = self._orders.pop(order, (None, None))
        if before is None:
            return name, None, False
        for one in later:
            asked, settings = self._orders[one]
            if settings is not None:
                self._orders[one] = (asked, before)
                return name, before, False
        return name, before, True
