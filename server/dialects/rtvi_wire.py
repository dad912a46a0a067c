"""Messages of RTVI and of pipecat's small WebRTC transport as text, refusals among them. Pure."""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Final

__all__ = ["LABEL", "VERSION", "Message", "Wire", "message", "refusal", "sound_text"]

LABEL: Final = "rtvi-ai"
VERSION: Final = "2.1.0"

Message = dict[str, Any]
"""`type`, `data` if there is any, and `id` if it answers a message of the client's."""


class Wire:
    """Gives every message of ours a label, and an id of its own unless it answers one."""

    def __init__(self) -> None:
        self._ids = count(1)

    def texts(self, messages: list[Message]) -> tuple[str, ...]:
        """Messages as text."""
        return tuple(json.dumps(self._whole(one), separators=(",", ":")) for one in messages)

    def _whole(self, told: Message) -> Message:
        if told["type"] == "signalling":
            return told
        return {"label": LABEL, "id": f"cp-{next(self._ids)}", **told}


def message(kind: str, **data: Any) -> Message:
    """A message; without data there is no `data`."""
    return {"type": kind, "data": data} if data else {"type": kind}


def refusal(why: str, code: str, id: str | None, *, fatal: bool = False) -> Message:
    """`error-response` to the message of that id, or `error` where none can be named."""
    if id is None:
        return message("error", error=why, message=why, code=code, fatal=fatal)
    return {"id": id, **message("error-response", error=why, code=code)}


def sound_text(text: str) -> bool:
    """No lone surrogate, which JSON can express and UTF-8 cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
