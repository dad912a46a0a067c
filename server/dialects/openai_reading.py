"""Items and answers as OpenAI's Realtime clients ask for them, read strictly. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from model.orders import AppendRole
from model.timebase import SPEAKING_RATE, samples
from server.dialects.openai_fields import FieldError, checked_object, checked_text
from server.dialects.openai_items import Item, new_id
from server.dialects.openai_settings import (
    RealtimeSettings,
    check_choice,
    check_voice,
    chosen,
    our_voice,
)
from server.session_events import ClientEvent, Problem
from server.steering_events import Appended, ToolAnswered

__all__ = [
    "Created",
    "ResponseAsked",
    "goes_with_typed",
    "read_item",
    "read_response",
    "read_truncation",
]

MAX_TEXT: Final = 8_192
MAX_PARTS: Final = 32
MAX_METADATA: Final = 16

_ROLES: Final[dict[str, AppendRole]] = {
    "user": "person",
    "system": "knowledge",
    "assistant": "agent",
}
_TEXTS: Final = {"input_text": "text", "output_text": "text", "text": "text"}
_SOUNDS: Final = ("input_audio", "output_audio", "audio")
_RESPONSE: Final = {
    "instructions",
    "metadata",
    "output_modalities",
    "audio",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "conversation",
    "parallel_tool_calls",
    "reasoning",
}


@dataclass(frozen=True, slots=True)
class Created:
    """An item that the client adds.

    Attributes:
        item: as it is listed.
        text: what it says.
        role: who says it; None when the model need not know of it.
        call: the call that it answers, for the output of a function.
    """

    item: Item
    text: str = ""
    role: AppendRole | None = None
    call: str = ""

    def asked(self, event_id: Any) -> list[ClientEvent | Problem]:
        """What the Session is asked for."""
        if self.call:
            return [ToolAnswered(self.call, self.text, event_id=event_id)]
        if self.role is None or not self.text.strip():
            return []
        return [Appended(self.text.strip(), self.role, event_id)]


@dataclass(frozen=True, slots=True)
class ResponseAsked:
    """What a `response.create` says of the answer it asks for; `tool_choice` as in our own
    settings, empty for what stands there."""

    metadata: dict[str, Any] | None = None
    tool_choice: str = ""
    appended: list[ClientEvent | Problem] = field(default_factory=list)


def read_item(value: Any) -> Created:
    """An item of the client's; raises FieldError."""
    if not isinstance(value, Mapping):
        raise FieldError("item", "item must be an object.", "invalid_type")
    given = value.get("id")
    item_id = new_id("item") if given is None else checked_text(given, "item.id", 64)
    match value.get("type"):
        case "message":
            return _message(value, item_id)
        case "function_call_output":
            call = checked_text(value.get("call_id"), "item.call_id", 64)
            output = checked_text(value.get("output"), "item.output", MAX_TEXT)
            fields = {"type": "function_call_output", "call_id": call, "output": output}
            if not call:
                raise FieldError("item.call_id", "Must name the call.")
            return Created(Item(item_id, fields), output, call=call)
        case "function_call":
            names = ("name", "call_id", "arguments")
            texts = {one: checked_text(value.get(one), f"item.{one}", MAX_TEXT) for one in names}
            return Created(Item(item_id, {"type": "function_call", **texts}))
        case _:
            raise FieldError("item.type", "Items of this type are not served.", "unsupported_value")


def read_response(value: Any, settings: RealtimeSettings) -> ResponseAsked:
    """What the client says of an answer; raises FieldError for what cannot be served."""
    if value is None:
        return ResponseAsked()
    if not isinstance(value, Mapping):
        raise FieldError("response", "response must be an object.", "invalid_type")
    if unknown := sorted(set(map(str, value)) - _RESPONSE):
        why = "There is no such field, or it is not served."
        raise FieldError(f"response.{unknown[0]}", why, "unknown_parameter")
    if value.get("conversation", "auto") != "auto":
        why = "Answers outside of the conversation are not served."
        raise FieldError("response.conversation", why, "unsupported_value")
    for name in ("output_modalities", "tools"):
        if value.get(name) is not None and value[name] != settings.session[name]:
            why = f"Set {name} with session.update."
            raise FieldError(f"response.{name}", why, "unsupported_value")
    if value.get("audio") is not None:
        _same_sound(value["audio"], settings)
    appended: list[ClientEvent | Problem] = []
    if value.get("instructions") is not None:
        text = checked_text(value["instructions"], "response.instructions", MAX_TEXT)
        appended = [Appended(text.strip(), "knowledge")] if text.strip() else []
    choice = value.get("tool_choice")
    check_choice(choice, settings.session["tools"], "response.tool_choice")
    if "tool_choice" in settings.fixed:
        choice = None
    return ResponseAsked(_metadata(value.get("metadata")), chosen(choice), appended)


def read_truncation(message: Mapping[str, Any]) -> int:
    """How much of an utterance was heard, in samples at 24 kHz; raises FieldError."""
    if message.get("content_index", 0) != 0:
        raise FieldError("content_index", "There is only content 0.")
    end_ms = message.get("audio_end_ms")
    if isinstance(end_ms, bool) or not isinstance(end_ms, int) or not 0 <= end_ms < 2**31:
        raise FieldError("audio_end_ms", "Must be a whole number from 0.")
    return samples(end_ms / 1000, SPEAKING_RATE)


def _same_sound(audio: Any, settings: RealtimeSettings) -> None:
    """What an answer is to sound like must be what the session says; raises FieldError."""
    path = "response.audio"
    output = checked_object(audio, path, {"output"}).get("output")
    if output is None:
        return
    checked_object(output, f"{path}.output", {"format", "voice"})
    given, voice = output.get("format"), output.get("voice")
    check_voice(voice, f"{path}.output.voice")
    now = settings.session["audio"]["output"]
    sounds = given is None or (
        isinstance(given, Mapping) and given.get("type") == settings.output_format
    )
    if not sounds or (voice is not None and our_voice(voice) != our_voice(now["voice"])):
        why = "Set format and voice with session.update."
        raise FieldError(f"{path}.output", why, "unsupported_value")


def _message(value: Mapping[str, Any], item_id: str) -> Created:
    role, content = value.get("role"), value.get("content")
    if not isinstance(role, str) or role not in _ROLES:
        raise FieldError("item.role", f"Must be one of {sorted(_ROLES)}.")
    if not isinstance(content, list) or not 1 <= len(content) <= MAX_PARTS:
        raise FieldError("item.content", f"Must be a list of 1 to {MAX_PARTS} parts.")
    parts = [_part(part, f"item.content[{at}]") for at, part in enumerate(content)]
    text = " ".join(part.get("text") or part.get("transcript") or "" for part in parts)
    if len(text) > MAX_TEXT:
        raise FieldError("item.content", f"At most {MAX_TEXT} characters.")
    fields = {"type": "message", "role": role, "content": parts}
    return Created(Item(item_id, fields), text, _ROLES[role])


def _part(part: Any, path: str) -> dict[str, Any]:
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        raise FieldError(path, "Must be an object with a type.", "invalid_type")
    kind = str(part["type"])
    if kind in _TEXTS:
        return {"type": kind, "text": checked_text(part.get("text"), f"{path}.text", MAX_TEXT)}
    if kind in _SOUNDS and isinstance(part.get("transcript"), str):
        text = checked_text(part["transcript"], f"{path}.transcript", MAX_TEXT)
        return {"type": kind, "transcript": text}
    why = "Only text, and sound with its transcript, can be added."
    raise FieldError(f"{path}.type", why, "unsupported_value")


def _metadata(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or len(value) > MAX_METADATA:
        raise FieldError("response.metadata", f"Must be an object of {MAX_METADATA} entries.")
    return {
        checked_text(name, "response.metadata", 64): checked_text(one, "response.metadata", 512)
        for name, one in value.items()
    }


def goes_with_typed(message: Mapping[str, Any]) -> bool:
    """Whether the message has typed words answered, or adds to them."""
    item = message.get("item")
    user = isinstance(item, Mapping) and item.get("role") == "user"
    return user or message.get("type") == "response.create"
