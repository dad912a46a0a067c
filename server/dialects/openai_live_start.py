"""How a Live session begins: the body of a call, and the first message of a WebSocket. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.dialects.openai_fields import FieldError, checked_object
from server.dialects.openai_live_settings import LiveSettings
from server.dialects.openai_live_wire import FIELDS, live_refused
from server.dialects.openai_wire import Incoming, sound_name
from server.session_events import Flood, Reply

__all__ = ["Start", "Starting", "read_call"]

START = "session.start"


@dataclass(frozen=True, slots=True)
class Start:
    """A session that may begin."""

    settings: LiveSettings
    event_id: str | None


class Starting:
    """Reads what comes on a WebSocket before its session has begun."""

    def __init__(self) -> None:
        self._incoming = Incoming(lambda code, why: live_refused(code, why, None))

    def read(self, text: str, now: float) -> Start | Flood | Reply | None:
        """What the first message asks for; a refusal is the answer to it."""
        message = self._incoming.read(text, now)
        if not isinstance(message, Mapping):
            return message
        event_id = message.get("event_id")
        if not sound_name(event_id):
            return live_refused("invalid_value", "event_id must be short text.", None, "event_id")
        kind = message.get("type")
        if kind != START:
            known = isinstance(kind, str) and kind in FIELDS
            why = f"Send {START} first." if known else "There is no such event."
            code = "session_not_started" if known else "invalid_event"
            return live_refused(code, why, event_id, "type")
        if unknown := sorted(set(message) - FIELDS[START] - {"type", "event_id"}):
            why = f"{START} has no field {unknown[0][:64]!r}."
            return live_refused("unknown_parameter", why, event_id, unknown[0][:256])
        try:
            return Start(LiveSettings(message.get("session"), in_messages=True), event_id)
        except FieldError as problem:
            return live_refused(problem.code, f"{START}: {problem}", event_id, problem.param)
        except RecursionError:
            return live_refused("invalid_value", "This is nested too deeply.", event_id)


def read_call(body: Any) -> tuple[str, LiveSettings]:
    """The offer's SDP and the settings of a call; raises FieldError."""
    checked_object(body, "body", {"session", "transport"})
    transport = checked_object(body.get("transport"), "transport", {"type", "sdp"})
    if transport.get("type") != "webrtc":
        raise FieldError("transport.type", "Must be 'webrtc'.", "unsupported_value")
    if not isinstance(transport.get("sdp"), str):
        raise FieldError("transport.sdp", "Must be the text of an offer.", "invalid_type")
    return transport["sdp"], LiveSettings(body.get("session"), in_messages=False)
