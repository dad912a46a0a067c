"""Messages of OpenAI's Live API: the fields each may have, and the small ones we send. Pure."""

from __future__ import annotations

from typing import Any, Final

from server.dialects.openai_wire import texts
from server.session_events import Reply

__all__ = ["FIELDS", "UNSERVED", "info", "live_error", "live_id", "live_refused", "of"]

Message = dict[str, Any]

FIELDS: Final[dict[str, frozenset[str]]] = {
    "session.start": frozenset({"session"}),
    "session.update": frozenset({"session"}),
    "session.close": frozenset(),
    "session.input_audio.append": frozenset({"audio"}),
    "session.input_audio.mute": frozenset(),
    "session.input_audio.unmute": frozenset(),
    "session.output_audio.fixture.play": frozenset({"audio"}),
    "session.instructions.append": frozenset({"content", "delegation_id"}),
    "session.thinking.append": frozenset({"content", "delegation_id"}),
    "session.commentary.append": frozenset({"content", "delegation_id"}),
    "response.create": frozenset(),
    "response.item.create": frozenset({"item"}),
    "decision.create": frozenset(),
    "decision.item.create": frozenset({"item"}),
    "decision.item.delete": frozenset({"item_id"}),
    "transport.dtmf.send": frozenset({"event"}),
}
"""What each client event may have beside `type` and `event_id`."""
UNSERVED: Final = {
    "response": "Delegations go to the application here: session.delegation.type is 'client'.",
    "decision": "Decisions are not served.",
    "transport": "This is no telephone call.",
}
"""Why events of these families are refused."""


def live_id(session: str) -> str:
    """The session's name in this protocol."""
    return f"live_{session}"


def live_error(
    code: str,
    message: str,
    client_event_id: str | None,
    param: str | None = None,
    kind: str = "invalid_request_error",
) -> Message:
    """An `error` event."""
    told = {"type": kind, "code": code, "message": message, "param": param}
    named = of(client_event_id)
    return {"type": "error", "error": {**told, **named}, **named}


def live_refused(code: str, why: str, event_id: str | None, param: str | None = None) -> Reply:
    """An `error` as the answer to a message."""
    return Reply(texts([live_error(code, why, event_id, param)]))


def of(client_event_id: str | None) -> dict[str, str]:
    """The client's name of the message that this is about, if it has one."""
    return {} if client_event_id is None else {"client_event_id": client_event_id}


def info(code: str, message: str) -> Message:
    """An `info` event."""
    return {"type": "info", "code": code, "message": message}
