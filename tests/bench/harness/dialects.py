"""How a server wants to be called: what differs between ours and others, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["COUNTERPOINT", "Dialect", "Event", "Timed"]

Event = dict[str, Any]
Timed = tuple[tuple[float, Event], ...]
"""Events of a call with their times, in order of arrival."""


def _as_it_is(event: Event) -> Event:
    return event


def _all_as_they_are(events: Timed) -> Timed:
    return events


@dataclass(frozen=True, slots=True)
class Dialect:
    """The client's side of `POST /api/offer` and of the data channel.

    Attributes:
        channel: label of the data channel.
        takes_settings: whether an offer may carry `settings`.
        hello: the event sent once the channel is open; None for none.
        ready: type of the event after which the person may speak; empty where the connection
            is enough. A server that is still loading must not be measured as slow.
        keep_alive: text sent once a second while the call goes on; empty for none.
        read: an event of theirs as one of docs/dialect.md where there is one, else as it is.
        read_call: all events of a call, once read, with ours in place of those that mean one of
            ours only by what came before them.
        goodbye: the event that ends a call; None where closing the connection does.
    """

    channel: str = "counterpoint"
    takes_settings: bool = True
    hello: Mapping[str, object] | None = None
    ready: str = ""
    keep_alive: str = ""
    read: Callable[[Event], Event] = _as_it_is
    read_call: Callable[[Timed], Timed] = _all_as_they_are
    goodbye: Mapping[str, object] | None = field(default_factory=lambda: {"type": "session.end"})

    def offer(self, sdp: str, kind: str, settings: Mapping[str, object]) -> dict[str, object]:
        """The body of an offer."""
        body: dict[str, object] = {"sdp": sdp, "type": kind}
        return body | {"settings": dict(settings)} if self.takes_settings else body


COUNTERPOINT: Final = Dialect()
