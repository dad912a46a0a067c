"""What a client of our own dialect may send, field by field. Pure.

One reader a type; the names and limits are those of `docs/dialect.md` and of the schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from model.timebase import SPEAKING_RATE, samples
from server.session_events import (
    ClientEvent,
    EndSession,
    Ping,
    Problem,
    StopSpeaking,
    TextSent,
)
from server.steering_events import (
    AnswerAsked,
    Appended,
    CancelAsked,
    ClearAsked,
    CommitAsked,
    HoldAsked,
    LookAsked,
    ResumeAsked,
    SayAsked,
    SettingsAsked,
    ToolAnswered,
    TruncateAsked,
)
from server.stream_settings import sound

__all__ = ["MAX_EVENT_ID", "read"]

MAX_EVENT_ID: Final = 64
_LARGEST_NUMBER: Final = 2**53
_LONGEST_HEARD_MS: Final = 3_600_000
_SOURCES: Final = ("camera", "screen")
_POLICIES: Final = ("when_free", "now", "never_over_person")
_ROLES: Final = ("knowledge", "person", "agent")


class _BadField(Exception):
    """A field is not as the document says; the text says how it should be."""


class _Fields:
    """The fields of one message, read with their checks."""

    def __init__(self, message: Mapping[str, Any], event_id: str | None) -> None:
        self._message = message
        self.event_id = event_id

    def text(self, name: str, longest: int, default: str | None = None) -> str:
        """Text that is not empty, unless it may be left out."""
        if default is not None and name not in self._message:
            return default
        value = self._message.get(name)
        if not isinstance(value, str) or not value.strip() or not sound(value):
            raise _BadField(f"{name} must be text that is not empty.")
        if len(value) > longest:
            raise _BadField(f"{name} may have {longest} characters.")
        return value.strip()

    def number(self, name: str) -> float:
        """Any number that JSON can carry exactly."""
        value = self._message.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _BadField(f"{name} must be a number.")
        if not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
            raise _BadField(f"{name} is out of range.")
        return value

    def whole(self, name: str, most: int, default: int | None = None) -> int:
        """A whole number from 0."""
        value = self._message.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise _BadField(f"{name} must be a whole number of 0 to {most}.")
        return value

    def flag(self, name: str) -> bool:
        """true, false, or left out for false."""
        value = self._message.get(name, False)
        if not isinstance(value, bool):
            raise _BadField(f"{name} must be true or false.")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...]) -> Any:
        """One of a few words, the first when it is left out."""
        value = self._message.get(name, allowed[0])
        if value not in allowed:
            raise _BadField(f"{name} must be one of {', '.join(allowed)}.")
        return value

    def needs(self, *names: str) -> None:
        """Fields that may not be left out."""
        for name in names:
            if name not in self._message:
                raise _BadField(f"{name} is missing.")

    def table(self, name: str) -> Mapping[str, Any]:
        """An object."""
        value = self._message.get(name)
        if not isinstance(value, Mapping):
            raise _BadField(f"{name} must be an object.")
        return value


def _truncate(fields: _Fields) -> ClientEvent:
    heard_ms = fields.whole("heard_ms", _LONGEST_HEARD_MS)
    heard_samples = samples(heard_ms / 1000, SPEAKING_RATE)
    return TruncateAsked(fields.whole("utterance", 2**31), heard_samples, fields.event_id)


def _look(fields: _Fields) -> ClientEvent:
    fields.needs("source", "on")
    return LookAsked(fields.one_of("source", _SOURCES), fields.flag("on"), fields.event_id)


def _say(fields: _Fields) -> ClientEvent:
    return SayAsked(
        text=fields.text("text", 4_096),
        policy=fields.one_of("policy", _POLICIES),
        priority=fields.whole("priority", 9, 0),
        say=fields.text("say", 64, ""),
        event_id=fields.event_id,
    )


def _append(fields: _Fields) -> ClientEvent:
    text = fields.text("text", 8_192)
    return Appended(text, fields.one_of("role", _ROLES), fields.event_id)


def _tool_answer(fields: _Fields) -> ClientEvent:
    call, text = fields.text("call", 64), fields.text("text", 8_192)
    return ToolAnswered(call, text, fields.flag("failed"), fields.event_id)


_READERS: Final[dict[str, Callable[[_Fields], ClientEvent]]] = {
    "text.send": lambda fields: TextSent(fields.text("text", 16_384), fields.event_id),
    "speech.stop": lambda fields: StopSpeaking(),
    "session.end": lambda fields: EndSession(),
    "ping": lambda fields: Ping(fields.number("sent_ms")),
    "eyes.look": _look,
    "agent.cancel": lambda fields: CancelAsked(fields.event_id),
    "agent.truncate": _truncate,
    "agent.hold": lambda fields: HoldAsked(fields.event_id),
    "agent.resume": lambda fields: ResumeAsked(fields.event_id),
    "agent.answer": lambda fields: AnswerAsked(fields.event_id, fields.text("tool_choice", 64, "")),
    "agent.say": _say,
    "memory.append": _append,
    "turn.commit": lambda fields: CommitAsked(fields.event_id),
    "turn.clear": lambda fields: ClearAsked(fields.event_id),
    "settings.update": lambda fields: SettingsAsked(fields.table("settings"), fields.event_id),
    "tool.answer": _tool_answer,
}


def read(message: Mapping[str, Any]) -> ClientEvent | Problem:
    """What a message asks for, or the Problem to answer it with."""
    event_id = message.get("event_id")
    if event_id is not None and not (
        isinstance(event_id, str) and len(event_id) <= MAX_EVENT_ID and sound(event_id)
    ):
        return Problem("bad_field", f"event_id must be text of at most {MAX_EVENT_ID} characters.")
    name = message.get("type")
    reader = _READERS.get(name) if isinstance(name, str) else None
    if reader is None:
        known = ", ".join(_READERS)
        return Problem("unknown_type", f"type must be one of {known}.", event_id=event_id)
    try:
        return reader(_Fields(message, event_id))
    except _BadField as bad:
        return Problem("bad_field", str(bad), event_id=event_id)
