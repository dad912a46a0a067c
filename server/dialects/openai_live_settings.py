"""The session object of OpenAI's Live API, read strictly and told back. Pure.

What cannot be served is refused by name; a model's name and what serves statistics elsewhere is
taken and told back. Everything but the delegation's delay is fixed when the session starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, Literal

from model.messages import Turn
from server.dialects.openai_fields import FieldError, checked_object, checked_text
from server.dialects.openai_settings import check_voice, our_voice

__all__ = ["DELEGATE", "LiveSettings"]

DELEGATE: Final = "delegate"
"""The tool by which the model hands work over to the application."""

MAX_INPUT: Final = 32
"""Messages of history: as many as the Session keeps. Theirs are 128."""

_MAX_INPUT_CHARACTERS: Final = 32_768
_MAX_INSTRUCTIONS: Final = 8_192
_MAX_DELAY_MS: Final = 60_000
_MAX_NAMES: Final = 64
_FIELDS: Final = frozenset(
    {"model", "audio", "client", "delegation", "input", "instructions"}
    | {"safety_identifier", "store", "triggers"}
)
_FORMATS: Final[dict[tuple[str, int], str]] = {
    ("audio/pcm", 24_000): "audio/pcm",
    ("audio/pcm", 16_000): "audio/pcm;rate=16000",
    ("audio/pcmu", 8_000): "audio/pcmu",
    ("audio/pcma", 8_000): "audio/pcma",
}
_ROLES: Final[dict[str, Literal["person", "agent", "knowledge"]]] = {
    "developer": "knowledge",
    "user": "person",
    "assistant": "agent",
}
_TEXTS: Final = {
    "developer": ("input_text",),
    "user": ("input_text",),
    "assistant": ("text", "output_text"),
}
_THEIR_VOICES: Final = frozenset(
    "beacon bossa cinder delta gleam meridian quartz ripple shida stone tempo vesper willow".split()
)
_TOOL: Final = {
    "name": DELEGATE,
    "description": "Hands a task over to an assistant who can look things up and get things done. "
    "Use it for whatever you do not know or cannot do yourself; say what is to be done.",
    "parameters": {
        "type": "object",
        "properties": {
            "task": {"type": "string", "description": "The task in the person's words."}
        },
        "required": ["task"],
    },
    "timeout_ms": 300_000,
}


class LiveSettings:
    """What one client asked of its session; raises FieldError.

    Args:
        session: as the client sent it.
        in_messages: whether sound travels in messages, which then have a format.

    Attributes:
        expires_at: when the session ends at the latest, seconds since 1970.
        history: what is remembered from before.
    """

    def __init__(self, session: Any, in_messages: bool) -> None:
        _check(checked_object(session, "session", _FIELDS), in_messages)
        self.session: dict[str, Any] = {k: deepcopy(v) for k, v in session.items() if v is not None}
        self.expires_at = 0
        self.history = _history(session.get("input"))

    @property
    def delegates(self) -> bool:
        """Whether the application takes over work."""
        return "delegation" in self.session

    @property
    def stores(self) -> bool:
        """Whether the sound is kept."""
        return bool(self.session.get("store", False))

    @property
    def format(self) -> str:
        """Of sound in messages, as `server.socket_sound.FORMATS` names it."""
        given = self.session.get("audio", {}).get("format")
        return "audio/pcm" if given is None else _FORMATS[given["type"], given["rate"]]

    @property
    def client_events(self) -> frozenset[str] | None:
        """What the data channel may send; None for everything."""
        allowed = self._data_channel.get("allowed_client_events", "all")
        return None if allowed in ("all", None) else frozenset(allowed)

    @property
    def server_events(self) -> frozenset[str] | None:
        """What the data channel is told; None for everything."""
        allowed = self._data_channel.get("allowed_server_events", "all")
        return None if allowed in ("all", None) else frozenset(one["type"] for one in allowed)

    @property
    def _data_channel(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.session.get("client", {}).get("data_channel", {})
        return found

    def update(self, session: Any) -> None:
        """Take what can be changed; raises FieldError, and then nothing was changed."""
        checked_object(session, "session", {"delegation", "triggers"})
        _check_triggers(session.get("triggers"))
        delegation = session.get("delegation")
        if delegation is None:
            return
        _check_delegation(delegation)
        if not self.delegates:
            why = "Nobody was named for delegations when the session started."
            raise FieldError("session.delegation", why)
        self.session["delegation"] = {**self.session["delegation"], **delegation}

    def values(self) -> dict[str, Any]:
        """As settings of our own dialect, which is how the Session takes them."""
        voice = our_voice((self.session.get("audio", {}).get("output") or {}).get("voice"))
        return {
            "instructions": self.session.get("instructions", ""),
            "voice": "" if voice in _THEIR_VOICES else voice,
            "tools": [_TOOL] if self.delegates else [],
        }

    def told(self, session_id: str) -> dict[str, Any]:
        """As the client is told, without the history that it gave."""
        told = {name: value for name, value in self.session.items() if name != "input"}
        head = {"id": session_id, "expires_at": self.expires_at, "status": "active"}
        return {**deepcopy(told), **head}


def _check(session: Mapping[str, Any], in_messages: bool) -> None:
    if "model" not in session:
        why = "Name a model; any name will do."
        raise FieldError("session.model", why, "missing_required_parameter")
    checked_text(session["model"], "session.model", 256)
    for name, longest in (("instructions", _MAX_INSTRUCTIONS), ("safety_identifier", 512)):
        if session.get(name) is not None:
            checked_text(session[name], f"session.{name}", longest)
    if not isinstance(session.get("store", False), bool):
        raise FieldError("session.store", "Must be true or false.", "invalid_type")
    _check_triggers(session.get("triggers"))
    if session.get("audio") is not None:
        _check_audio(session["audio"], in_messages)
    if session.get("delegation") is not None:
        _check_delegation(session["delegation"])
    if session.get("client") is not None:
        if in_messages:
            why = "Only the data channel of a WebRTC call can be restricted."
            raise FieldError("session.client", why, "unsupported_value")
        _check_client(session["client"])


def _check_audio(audio: Any, in_messages: bool) -> None:
    known = {"output", "format"} if in_messages else {"output"}
    checked_object(audio, "session.audio", known)
    output = checked_object(audio.get("output") or {}, "session.audio.output", {"voice"})
    check_voice(output.get("voice"), "session.audio.output.voice")
    given, path = audio.get("format"), "session.audio.format"
    if given is not None:
        checked_object(given, path, {"type", "rate"})
        kind, rate = given.get("type"), given.get("rate")
        hashable = isinstance(kind, str) and isinstance(rate, int) and not isinstance(rate, bool)
        if not hashable or (kind, rate) not in _FORMATS:
            served = ", ".join(f"{kind} at {rate}" for kind, rate in _FORMATS)
            raise FieldError(path, f"`type` and `rate` must be one of: {served}.")


def _check_delegation(delegation: Any) -> None:
    path = "session.delegation"
    if not isinstance(delegation, Mapping):
        raise FieldError(path, f"{path} must be an object or null.", "invalid_type")
    if delegation.get("type") != "client":
        why = "Only 'client' is served: the application does what is delegated."
        raise FieldError(f"{path}.type", why, "unsupported_value")
    checked_object(delegation, path, {"type", "acknowledgement_delay_ms"})
    delay = delegation.get("acknowledgement_delay_ms", 0)
    sound = isinstance(delay, int) and not isinstance(delay, bool)
    if not sound or not 0 <= delay <= _MAX_DELAY_MS:
        why = f"Must be a whole number from 0 to {_MAX_DELAY_MS}."
        raise FieldError(f"{path}.acknowledgement_delay_ms", why)


def _check_triggers(triggers: Any) -> None:
    if triggers is not None and triggers != []:
        raise FieldError("session.triggers", "Decisions are not served.", "unsupported_value")


def _check_client(client: Any) -> None:
    path = "session.client"
    checked_object(client, path, {"data_channel"})
    allowed, path = client.get("data_channel"), f"{path}.data_channel"
    checked_object(allowed, path, {"allowed_client_events", "allowed_server_events"})
    for name in ("allowed_client_events", "allowed_server_events"):
        listed, here = allowed.get(name), f"{path}.{name}"
        if listed is None or listed == "all":
            continue
        if not isinstance(listed, list) or len(listed) > _MAX_NAMES:
            raise FieldError(here, f"Must be 'all' or a list of at most {_MAX_NAMES}.")
        for at, one in enumerate(listed):
            if name == "allowed_server_events":
                one = checked_object(one, f"{here}[{at}]", {"type", "response_event"}).get("type")
            checked_text(one, f"{here}[{at}]", 64)


def _history(given: Any) -> tuple[Turn, ...]:
    path = "session.input"
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MAX_INPUT:
        raise FieldError(path, f"Must be a list of at most {MAX_INPUT} messages.")
    turns = tuple(_message(one, f"{path}[{at}]") for at, one in enumerate(given))
    if sum(len(turn.text) for turn in turns) > _MAX_INPUT_CHARACTERS:
        raise FieldError(path, f"At most {_MAX_INPUT_CHARACTERS} characters in all.")
    return tuple(turn for turn in turns if turn.text)


def _message(message: Any, path: str) -> Turn:
    checked_object(message, path, {"type", "role", "content", "id", "status"})
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        raise FieldError(f"{path}.role", f"Must be one of {sorted(_ROLES)}.")
    if message.get("type", "message") != "message":
        raise FieldError(f"{path}.type", "Only messages are taken.", "unsupported_value")
    if not isinstance(content, list) or len(content) != 1:
        raise FieldError(f"{path}.content", "Must be a list of one part.")
    part = checked_object(content[0], f"{path}.content[0]", {"type", "text"})
    if part.get("type", _TEXTS[role][0]) not in _TEXTS[role]:
        raise FieldError(f"{path}.content[0].type", f"Must be one of {list(_TEXTS[role])}.")
    text = checked_text(part.get("text"), f"{path}.content[0].text", _MAX_INPUT_CHARACTERS)
    return Turn(_ROLES[role], text.strip())
