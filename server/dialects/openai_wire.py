"""Messages of OpenAI's Realtime API as text, errors among them. Pure."""

from __future__ import annotations

import json
from typing import Any

from server.dialects.openai_items import new_id
from server.session_events import Reply

__all__ = ["error", "no_constant", "refused", "sound_text", "texts"]


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


def no_constant(name: str) -> float:
    """Refuse NaN and the like, for `json.loads`."""
    raise ValueError(f"{name} is not JSON")
