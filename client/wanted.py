"""How the model should behave, as it was asked for: named anew with every connection. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

from client import requests, values
from client.events import ErrorEvent, SettingsChanged
from client.values import Event, Settings

__all__ = ["Wanted"]

MAX_UPDATES: Final = 16
"""Updates that may still be refused; of more the oldest holds."""


class Wanted:
    """The settings of one conversation; what was refused is not among them, however late.

    Args:
        settings: those it begins with.
        own: the conversation's own tools; they stand behind whichever tools are named.
    """

    def __init__(self, settings: Settings, own: Sequence[str | values.Tool] = ()) -> None:
        self._settings: Settings = {**settings}
        self._own = own
        self._numbers = count(1)
        # By the name of their requests, oldest first: not answered yet, and taken.
        self._asked: dict[str, Settings] = {}
        self._taken: dict[str, Settings] = {}

    def offered(self) -> Settings:
        """What an offer says."""
        settings: Settings = {**self._settings}
        for update in self._taken.values():
            settings.update(update)
        return self._with_own(settings) if self._own else settings

    def update(self, settings: Settings) -> requests.Request:
        """The request for a change; its `event_id` is a name that no other has."""
        name = f"update-{next(self._numbers)}"
        self._asked[name] = {**settings}
        if len(self._asked) > MAX_UPDATES:
            del self._asked[next(iter(self._asked))]
        asked = self._with_own(settings) if "tools" in settings else settings
        return {**requests.update(asked), "event_id": name}

    def hear(self, event: Event) -> None:
        """Take into account what became of an update: the server takes it at once, and the engine
        may refuse it a moment later."""
        if not isinstance(event, SettingsChanged | ErrorEvent) or event.event_id is None:
            return
        asked = self._asked.pop(event.event_id, None)
        if isinstance(event, ErrorEvent):
            self._taken.pop(event.event_id, None)
        elif asked is not None:
            self._taken[event.event_id] = asked
        while len(self._taken) > MAX_UPDATES:
            self._settings.update(self._taken.pop(next(iter(self._taken))))

    def _with_own(self, settings: Settings) -> Settings:
        return {**settings, "tools": [*settings.get("tools", []), *self._own]}
