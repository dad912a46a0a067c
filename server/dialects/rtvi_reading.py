"""What RTVI's clients ask for, read strictly: one reader a message. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from model.sight import SightSource
from server.dialects.counterpoint_requests import read as read_ours
from server.dialects.rtvi_wire import VERSION, Message, message, sound_text
from server.session_events import ClientEvent, EndSession, Problem, TextSent
from server.steering_events import AnswerAsked, Appended, LookAsked, ToolAnswered

__all__ = ["Asked", "BadMessage", "read", "read_track_status"]

MAX_TEXT: Final = 16_384
MAX_APPENDED: Final = 8_192
MAX_NAME: Final = 64
MAX_KEYS: Final = 32

_KEYS: Final = frozenset("0123456789*#")
_ROLES: Final = {"user": "person", "assistant": "agent"}
_RECEIVERS: Final[tuple[SightSource | None, ...]] = (None, "camera", "screen")


class BadMessage(Exception):
    """A message cannot be taken; the text says how it should be."""

    def __init__(self, why: str, code: str = "bad_field") -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message asks for.

    Attributes:
        events: what the Session is to do, in this order.
        answer: what is told once that was done; not if it was refused.
    """

    events: tuple[ClientEvent, ...] = ()
    answer: Message | None = None


def read(kind: str, data: Any, id: str) -> Asked:
    """What the message of that type, data and id asks for; raises BadMessage."""
    reader = _READERS.get(kind)
    if reader is None:
        raise BadMessage(_NOT_SERVED.get(kind, f"There is no message {kind[:64]!r}."), "unknown")
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        raise BadMessage("data must be an object.")
    return reader(data, id)


def read_track_status(value: Any) -> ClientEvent | None:
    """A signalling message of the transport's: one of its tracks is on or off; raises BadMessage.

    Whoever turns their camera on lets us look. A microphone that is off gives silence by itself.
    """
    if not isinstance(value, Mapping) or value.get("type") != "trackStatus":
        raise BadMessage("The only signalling message is trackStatus.", "unknown")
    index = value.get("receiver_index")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(_RECEIVERS):
        raise BadMessage(f"receiver_index must be a whole number below {len(_RECEIVERS)}.")
    source, on = _RECEIVERS[index], _flag(value, "enabled")
    return LookAsked(source, on) if source is not None else None


# ---- one for each message ------------------------------------------------------------------------


def _client_ready(data: Mapping[str, Any], id: str) -> Asked:
    version = _text(data, "version", MAX_NAME)
    if not version.partition(".")[0].isdigit():
        raise BadMessage(f"version must be like {VERSION}.")
    return Asked(answer={"id": id, **message("bot-ready", version=VERSION)})


def _client_message(data: Mapping[str, Any], id: str) -> Asked:
    """A request in our own dialect: its type is `t`, its fields are `d`."""
    kind, fields = _text(data, "t", MAX_NAME), data.get("d")
    if fields is not None and not isinstance(fields, Mapping):
        raise BadMessage("d must be an object.")
    answer = {"id": id, **message("server-response", t=kind, d=None)}
    if kind == "ping":
        answer["data"]["d"] = {"sent_ms": (fields or {}).get("sent_ms")}
        return Asked(answer=answer)
    asked = read_ours({**(fields or {}), "type": kind, "event_id": id})
    if isinstance(asked, Problem):
        raise BadMessage(asked.message.replace("type must", "t must", 1), asked.code)
    return Asked((asked,), answer)


def _send_text(data: Mapping[str, Any], id: str) -> Asked:
    text, options = _text(data, "content", MAX_TEXT), data.get("options")
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise BadMessage("options must be an object.")
    if not _flag(options, "audio_response", True):
        raise BadMessage("Answers are spoken here; leave audio_response out.")
    if _flag(options, "run_immediately", True):
        return Asked((TextSent(text, id),))
    if len(text) > MAX_APPENDED:
        raise BadMessage(f"content that is not answered may have {MAX_APPENDED} characters.")
    return Asked((Appended(text, "person", id),))


def _append_to_context(data: Mapping[str, Any], id: str) -> Asked:
    """Deprecated by RTVI, and still sent."""
    role = data.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise BadMessage("role must be user or assistant.")
    text = _text(data, "content", MAX_APPENDED)
    answers = _flag(data, "run_immediately", False)
    appended = Appended(text, "person" if role == "user" else "agent", id)
    answer = {"id": id, **message("append-to-context-result", result="appended")}
    return Asked((appended, AnswerAsked(id)) if answers else (appended,), answer)


def _function_result(data: Mapping[str, Any], id: str) -> Asked:
    call = _text(data, "tool_call_id", MAX_NAME)
    if "result" not in data:
        raise BadMessage("result must be text or an object.")
    result = data["result"]
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    if not text.strip() or len(text) > MAX_APPENDED or not sound_text(text):
        raise BadMessage(f"result must be 1 to {MAX_APPENDED} characters.")
    return Asked((ToolAnswered(call, text, event_id=id),))


def _dtmf(data: Mapping[str, Any], id: str) -> Asked:
    """Keys pressed are read like typed text, as pipecat's own servers do."""
    keys = data.get("buttons", [data.get("button")])
    if not isinstance(keys, list) or not 1 <= len(keys) <= MAX_KEYS:
        raise BadMessage(f"buttons must be a list of 1 to {MAX_KEYS} keys.")
    if not all(isinstance(key, str) and key in _KEYS for key in keys):
        raise BadMessage("Keys are 0 to 9, * and #.")
    return Asked((TextSent(f"DTMF: {''.join(keys)}", id),))


_READERS: Final[dict[str, Callable[[Mapping[str, Any], str], Asked]]] = {
    "client-ready": _client_ready,
    "client-message": _client_message,
    "send-text": _send_text,
    "append-to-context": _append_to_context,
    "llm-function-call-result": _function_result,
    "dtmf": _dtmf,
    "disconnect-bot": lambda data, id: Asked((EndSession(),)),
}
_NOT_SERVED: Final = {
    name: f"{name} is not served: nothing here looks at or drives a page."
    for name in ("ui-event", "ui-snapshot", "ui-cancel-job-group")
}


# ---- fields --------------------------------------------------------------------------------------


def _text(data: Mapping[str, Any], name: str, longest: int) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip() or not sound_text(value):
        raise BadMessage(f"{name} must be text that is not empty.")
    if len(value) > longest:
        raise BadMessage(f"{name} may have {longest} characters.")
    return value.strip()


def _flag(data: Mapping[str, Any], name: str, default: bool | None = None) -> bool:
    value = data.get(name, default)
    if not isinstance(value, bool):
        raise BadMessage(f"{name} must be true or false.")
    return value
