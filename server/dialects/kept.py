"""A dialect that knows what its client asked for, for when it comes again. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from model.orders import StreamSettings
from model.sight import SightSource
from server.session_events import ClientEvent, Dialect, Problem, SessionEvent, Several
from server.steering_events import LookAsked, LookChanged, SettingsChanged

__all__ = ["Kept"]


class Kept:
    """Another dialect, and what holds for its client.

    Attributes:
        settings: how the model should behave.
        looks: what we are let look at.

    Args:
        dialect: the other.
        settings: those that the session begins with.
        looks: what is looked at again, from the client's first message on: a client that says
            something different then has the last word.
    """

    def __init__(
        self, dialect: Dialect, settings: StreamSettings, looks: Collection[SightSource] = ()
    ) -> None:
        self.settings = settings
        self.looks = set(looks)
        self._dialect = dialect
        self._again = tuple(LookAsked(source, True) for source in sorted(looks))

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """As the other says."""
        match event:
            case SettingsChanged(settings):
                self.settings = settings
            case LookChanged(source, "off" | "absent"):
                self.looks.discard(source)
            case LookChanged(source):
                self.looks.add(source)
        return self._dialect.encode(event, at_seconds)

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What the other understands."""
        asked, again = self._dialect.decode(text, now), self._again
        if not again:
            return asked
        self._again = ()
        return Several((*again, asked) if asked is not None else again)

    def refuse(
        self, why: Literal["binary", "too_large"], now: float
    ) -> ClientEvent | Problem | None:
        """As the other says."""
        return self._dialect.refuse(why, now)
