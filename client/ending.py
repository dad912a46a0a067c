"""Whether a conversation ends with its session. Pure."""

from __future__ import annotations

from typing import Final

from client.errors import ConversationError, Refused
from client.events import ErrorEvent, SessionEnded, SessionStarted
from client.values import Event

__all__ = ["STEADY_SECONDS", "Ending"]

STEADY_SECONDS: Final = 5.0
"""What lived shorter has failed: a connection, and a session too."""

_GOES_ON: Final = ("vanished", "internal")
"""Reasons of an end after which the conversation is taken up again."""


class Ending:
    """Fed with events as they come.

    Attributes:
        error: what ended it, if an error did.
    """

    def __init__(self) -> None:
        self.error: ConversationError | None = None
        self._fatal: ErrorEvent | None = None  # of the session under way

    def hear(self, event: Event) -> bool:
        """An event came; whether the conversation is over.

        A session that an error ends as soon as it begins would end in the same way again: another
        one is not asked for.
        """
        match event:
            case SessionStarted():
                self._fatal = None
            case ErrorEvent(fatal=True):
                self._fatal = event
            case SessionEnded(reason=reason) if reason not in _GOES_ON:
                return True
            case SessionEnded(reason="internal", at_ms=at_ms) if at_ms < STEADY_SECONDS * 1_000:
                if self._fatal is not None:
                    self.error = Refused(self._fatal.message, 500, self._fatal.code)
                    return True
        return False
