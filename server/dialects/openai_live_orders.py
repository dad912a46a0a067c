"""What a Live client ordered and is to have acknowledged once the Session has taken it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final

from server.dialects.openai_items import ms
from server.dialects.openai_live_wire import of
from server.session_events import ClientEvent, Ping, Several

__all__ = ["Orders"]

MAX_ORDERS: Final = 256
"""That wait to be taken; beyond it the oldest is forgotten."""

_NAME: Final = "order_"


class Orders:
    """Each has a number, and by it the name that the Session knows it by."""

    def __init__(self) -> None:
        self._numbers = count(1)
        # What acknowledges each, and what the client called its message.
        self._asked: dict[int, tuple[str, str | None]] = {}

    def ask(
        self, kind: str, client_event_id: str | None, order: Callable[[str], ClientEvent]
    ) -> ClientEvent:
        """Ask the Session for what `order` makes of a name.

        The Session answers a Ping when it has done what came before it: if that was refused, its
        Problem has come by then, and there is nothing to acknowledge.
        """
        number = next(self._numbers)
        self._asked[number] = kind, client_event_id
        if len(self._asked) > MAX_ORDERS:
            del self._asked[next(iter(self._asked))]
        return Several((order(f"{_NAME}{number}"), Ping(float(number))))

    def taken(self, sent_ms: float, at_seconds: float) -> list[dict[str, Any]]:
        """The Ping of an order came back."""
        asked = self._asked.pop(int(sent_ms), None)
        if asked is None:
            return []
        kind, client_event_id = asked
        at = ms(at_seconds)
        return [{"type": kind, "start_ms": at, "end_ms": at, **of(client_event_id)}]

    def refused(self, name: str | None) -> str | None:
        """The Session refused it; the client's name of it."""
        if name is None or not name.startswith(_NAME):
            return None
        return self._asked.pop(int(name[len(_NAME) :]), ("", None))[1]
