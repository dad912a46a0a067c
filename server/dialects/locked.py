"""A dialect in which some settings cannot be changed: those that a secret fixes. Pure."""

from __future__ import annotations

from typing import Literal

from server.session_events import ClientEvent, Dialect, Problem, SessionEvent, Several
from server.steering_events import AnswerAsked, SettingsAsked

__all__ = ["Locked"]


class Locked:
    """Another dialect, but changes of the settings `names` are left out of what it asks for, and
    with `tool_choice` among them what an answer may call besides."""

    def __init__(self, dialect: Dialect, names: frozenset[str]) -> None:
        self._dialect = dialect
        self._names = names

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """As the other says."""
        return self._dialect.encode(event, at_seconds)

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What the other understands, without what is fixed."""
        return self._without(self._dialect.decode(text, now))

    def refuse(
        self, why: Literal["binary", "too_large"], now: float
    ) -> ClientEvent | Problem | None:
        """As the other says."""
        return self._dialect.refuse(why, now)

    def _without(self, event: ClientEvent | Problem | None) -> ClientEvent | Problem | None:
        match event:
            case SettingsAsked(values, event_id):
                free = {name: one for name, one in values.items() if name not in self._names}
                return SettingsAsked(free, event_id)
            case AnswerAsked(event_id) if "tool_choice" in self._names:
                return AnswerAsked(event_id)
            case Several(events):
                kept = (self._without(one) for one in events)
                return Several(tuple(one for one in kept if one is not None))
            case _:
                return event
