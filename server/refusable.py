"""Orders that the engine may still refuse, by the name they were given. Pure."""

from __future__ import annotations

from itertools import count
from typing import Final

from model.orders import StreamSettings

__all__ = ["Refusable"]

_MOST: Final = 16


class Refusable:
    """Gives names, and knows what each meant: the client's own name, and the settings before."""

    def __init__(self) -> None:
        self._names = count(1)
        self._orders: dict[str, tuple[str | None, StreamSettings | None]] = {}

    def fresh(self) -> str:
        """A name that nothing else has."""
        return str(next(self._names))

    def add(self, event_id: str | None, before: StreamSettings | None) -> str:
        """The name of an order that may be refused; the oldest of too many is forgotten."""
        name = self.fresh()
        self._orders[name] = (event_id, before)
        while len(self._orders) > _MOST:
            del self._orders[next(iter(self._orders))]
        return name

    def refused(self, order: str) -> tuple[str | None, StreamSettings | None, bool]:
        """The client's name, the settings before, and whether those hold again.

        They do not where others were asked for since, which the engine judges by themselves: should
        those be refused as well, what held before both holds again.
        """
        name, before = self._orders.pop(order, (None, None))
        if before is None:
            return name, None, False
        for later, (asked, settings) in self._orders.items():
            if settings is not None and int(later) > int(order):
                self._orders[later] = (asked, before)
                return name, before, False
        return name, before, True
