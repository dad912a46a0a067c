"""What can go wrong for a caller, as one tree; `str(error)` says what happened and what to do."""

from __future__ import annotations

__all__ = [
    "BadAudio",
    "BadTool",
    "ConversationError",
    "NoDevice",
    "NotConnected",
    "Refused",
    "TooMuch",
    "Unreachable",
]


class ConversationError(Exception):
    """The root."""


class Unreachable(ConversationError):
    """The server cannot be reached, or its sound cannot."""


class Refused(ConversationError):
    """The server said no.

    Attributes:
        status: the HTTP status.
        code: the word for it, as `docs/dialect.md` lists them; "" when it gave none.
        retry_after_seconds: when to ask again, or None when asking again will not help.
        place: in the line before a full server, 1 is next; None where there is no line.
    """

    place: int | None = None

    def __init__(
        self, message: str, status: int, code: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class NotConnected(ConversationError):
    """There is no connection now: it is being made again, or the conversation is over."""


class TooMuch(ConversationError):
    """More waits to be sent already than is kept."""


class BadAudio(ConversationError):
    """This is not sound that can be sent."""


class BadTool(ConversationError):
    """This function cannot be a tool."""


class NoDevice(ConversationError):
    """There is no microphone or loudspeaker that can be used here."""
