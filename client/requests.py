"""What a client may ask, as messages of the dialect (`docs/events.md`). Pure.

Raises ValueError for what the server would refuse, so that it is found where it was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from client.values import Settings

__all__ = [
    "ANSWER",
    "CANCEL",
    "CLEAR",
    "COMMIT",
    "END",
    "HOLD",
    "RESUME",
    "STOP",
    "Policy",
    "Request",
    "Role",
    "append",
    "encode",
    "ping",
    "say",
    "text",
    "tool_answer",
    "truncate",
    "update",
]

Request = Mapping[str, Any]
Policy = Literal["when_free", "now", "never_over_person"]
Role = Literal["knowledge", "person", "agent"]

MAX_BYTES: Final = 16 * 1024
MAX_SAID: Final = 4_096
MAX_KNOWN: Final = 8_192
_MAX_NAME: Final = 64
_ROOM_BYTES: Final = 512  # for a message's other fields

CANCEL: Final[Request] = {"type": "agent.cancel"}
HOLD: Final[Request] = {"type": "agent.hold"}
RESUME: Final[Request] = {"type": "agent.resume"}
ANSWER: Final[Request] = {"type": "agent.answer"}
COMMIT: Final[Request] = {"type": "turn.commit"}
CLEAR: Final[Request] = {"type": "turn.clear"}
STOP: Final[Request] = {"type": "speech.stop"}
END: Final[Request] = {"type": "session.end"}


def text(typed: str) -> Request:
    """Typed words."""
    return {"type": "text.send", "text": _filled(typed, MAX_BYTES)}


def say(words: str, policy: Policy = "when_free", priority: int = 0, name: str = "") -> Request:
    """Have this said."""
    if policy not in ("when_free", "now", "never_over_person"):
        raise ValueError(f"There is no policy {policy!r}.")
    if not 0 <= priority <= 9:
        raise ValueError("A priority is 0 to 9.")
    if len(name) > _MAX_NAME:
        raise ValueError(f"A name has at most {_MAX_NAME} characters.")
    asked = {"type": "agent.say", "text": _filled(words, MAX_SAID), "policy": policy}
    return {**asked, "priority": priority, **({"say": name} if name else {})}


def append(known: str, role: Role = "knowledge") -> Request:
    """Have this known."""
    if role not in ("knowledge", "person", "agent"):
        raise ValueError(f"There is no role {role!r}.")
    return {"type": "memory.append", "text": _filled(known, MAX_KNOWN), "role": role}


def truncate(utterance: int, heard_ms: int) -> Request:
    """So much of an utterance was heard."""
    if utterance < 0 or not 0 <= heard_ms <= 3_600_000:
        raise ValueError("An utterance is counted from 0, and heard for 0 to 3,600,000 ms.")
    return {"type": "agent.truncate", "utterance": utterance, "heard_ms": int(heard_ms)}


def update(settings: Settings) -> Request:
    """Go on with these settings."""
    return {"type": "settings.update", "settings": dict(settings)}


def tool_answer(call: str, answer: str, failed: bool = False) -> Request:
    """The answer to a call; of a longer one the beginning."""
    kept = answer.strip()[:MAX_KNOWN] or "done"
    # Escapes and letters outside ASCII take more room than one byte.
    while _size(kept) > MAX_BYTES - _ROOM_BYTES:
        kept = kept[: len(kept) * 3 // 4]
    return {"type": "tool.answer", "call": call, "text": kept, "failed": failed}


def ping(sent_ms: float) -> Request:
    """Have it come back."""
    return {"type": "ping", "sent_ms": sent_ms}


def encode(request: Request) -> str:
    """The request as a message; raises ValueError when it is too long."""
    if (size := _size(request)) > MAX_BYTES:
        raise ValueError(f"A message may have {MAX_BYTES} bytes, not {size}; send less at once.")
    return _json(request)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _size(value: Any) -> int:
    return len(_json(value).encode(errors="replace"))


def _filled(words: str, most: int) -> str:
    if not (kept := words.strip()):
        raise ValueError("There is nothing in it.")
    if len(kept) > most:
        raise ValueError(f"At most {most:,} characters, not {len(kept):,}; send less at once.")
    return kept
