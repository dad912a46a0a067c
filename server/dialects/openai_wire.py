"""Messages of OpenAI's Realtime and Live APIs as text, and how theirs are read. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Literal

from server.dialects.openai_items import new_id
from server.dialects.pace import Pace
from server.session_events import Flood, Reply

__all__ = ["MAX_MESSAGE_CHARACTERS", "Incoming", "error", "refused", "sound_name", "texts"]

MAX_MESSAGE_CHARACTERS: Final = 128 * 1024
_MAX_EVENT_ID: Final = 512


class Incoming:
    """Reads messages of one client, bounded in size and number.

    Args:
        refused: makes the answer to one that is not taken of a code and what is wrong.
        longest: characters of a message.
    """

    def __init__(
        self, refused: Callable[[str, str], Reply], longest: int = MAX_MESSAGE_CHARACTERS
    ) -> None:
        self._refused = refused
        self._longest = longest
        self._pace = Pace()

    def read(self, text: str, now: float) -> dict[str, Any] | Flood | Reply | None:
        """The message; a Reply when it is none; None when it came too fast to be answered."""
        limited = self._limited(now)
        if limited != "pass":
            return limited
        if len(text) > self._longest:
            return self._refused("message_too_large", "The message is too long; send less.")
        try:
            message = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return self._refused("invalid_json", "The message is not JSON.")
        if not isinstance(message, dict):
            return self._refused("invalid_json", "The message is not an object.")
        return message

    def refuse(self, why: Literal["binary", "too_large"], now: float) -> Flood | Reply | None:
        """The answer to a message that was thrown away unread; it counts like any other."""
        limited = self._limited(now)
        if limited != "pass":
            return limited
        if why == "too_large":
            return self._refused("message_too_large", "The message is too long; send less.")
        return self._refused("invalid_json", "The message is binary; send JSON as text.")

    def _limited(self, now: float) -> Flood | Reply | None | Literal["pass"]:
        match self._pace.count(now):
            case "pass":
                return "pass"
            case "flood":
                return Flood()
            case "tell":
                why = "At most 100 messages a second; the others are dropped."
                return self._refused("rate_limit_exceeded", why)
            case _:
                return None


def sound_name(event_id: Any) -> bool:
    """Whether this can be a client's name for its message."""
    if event_id is None:
        return True
    return isinstance(event_id, str) and len(event_id) <= _MAX_EVENT_ID and sound_text(event_id)


def error(
    code: str,
    message: str,
    event_id: str | None = None,
    param: str | None = None,
    kind: str = "invalid_request_error",
) -> dict[str, Any]:
    """An `error` event."""
    told = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
    return {"type": "error", "error": told}


def refused(code: str, why: str, event_id: str | None, param: str | None = None) -> Reply:
    """An `error` event as the answer to a message."""
    return Reply(texts([error(code, why, event_id, param)]))


def texts(messages: list[dict[str, Any]]) -> tuple[str, ...]:
    """Messages, each with an `event_id` of its own."""
    return tuple(
        json.dumps({"event_id": new_id("event"), **message}, separators=(",", ":"))
        for message in messages
    )


def sound_text(text: str) -> bool:
    """No lone surrogate, which JSON can express and UTF-8 cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _no_constant(name: str) -> float:
    """Refuse NaN and the like, for `json.loads`."""
    raise ValueError(f"{name} is not JSON")
