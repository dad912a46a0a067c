"""The session object of OpenAI's Realtime API, read strictly and told back. Pure.

What cannot be served is refused by name; what needs no service here (a model's name, tracing,
noise reduction) is taken and told back. `turn_detection` becomes eagerness: a longer silence is
less eager. None of it is manual turns, where only `response.create` is answered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from server.dialects.openai_fields import (
    FieldError,
    checked_number,
    checked_object,
    checked_text,
)

__all__ = [
    "MODEL",
    "FieldError",
    "RealtimeSettings",
    "check_choice",
    "check_voice",
    "chosen",
    "merged",
    "our_voice",
]

MODEL: Final = "counterpoint"
MAX_INSTRUCTIONS: Final = 8_192
MAX_TOOLS: Final = 16
MAX_TOLD_BACK: Final = 8_192
"""Characters of JSON that all fields together may have that are only told back."""

_TOOL_TIMEOUT_MS: Final = 300_000

_EAGERNESS: Final = {"low": 0.2, "medium": 0.5, "auto": 0.5, "high": 0.8}
_THEIR_VOICES: Final = frozenset(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()
)
_RATES: Final = {"audio/pcm": 24_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}
_IGNORED: Final = frozenset(
    {"tracing", "truncation", "prompt", "include", "max_output_tokens", "parallel_tool_calls"}
    | {"reasoning", "id", "object", "expires_at", "client_secret"}
)
_MERGED: Final = ("audio", "input", "output")
_NULLABLE: Final = ("tracing", "prompt", "reasoning", "truncation", "include")
_KNOWN: Final = _IGNORED | {
    "type",
    "model",
    "instructions",
    "output_modalities",
    "audio",
    "tools",
    "tool_choice",
}


class RealtimeSettings:
    """What one client asked of its session.

    Args:
        fixed: what its secret fixes; later updates do not change that.
    """

    def __init__(self, fixed: Mapping[str, Any] | None = None) -> None:
        self.fixed = _named(fixed or {})
        self.session: dict[str, Any] = _defaults()
        self.update({})

    def update(self, session: Any, path: str = "session") -> None:
        """Merge what the client sends; raises FieldError, and then nothing was changed."""
        if not isinstance(session, Mapping):
            raise FieldError(path, f"{path} must be an object.", "invalid_type")
        new = merged(merged(self.session, _named(session)), self.fixed)
        try:
            _check(new, path)
        except RecursionError:
            raise FieldError(path, "This is nested too deeply.") from None
        self.session = new

    @property
    def detection(self) -> Mapping[str, Any] | None:
        """The turn detection that was asked for; None for manual turns."""
        detection: Mapping[str, Any] | None = self.session["audio"]["input"]["turn_detection"]
        return detection

    @property
    def manual(self) -> bool:
        """Whether only `response.create` is answered."""
        return self.detection is None or not self.detection.get("create_response", True)

    @property
    def transcribes(self) -> bool:
        """Whether the client wants to read what the person says."""
        return self.session["audio"]["input"]["transcription"] is not None

    @property
    def text_only(self) -> bool:
        """Whether answers are read, not heard."""
        return bool(self.session["output_modalities"] == ["text"])

    @property
    def input_format(self) -> str:
        """Of sound that comes in messages."""
        return str(self.session["audio"]["input"]["format"]["type"])

    @property
    def output_format(self) -> str:
        """Of sound that goes in messages."""
        return str(self.session["audio"]["output"]["format"]["type"])

    def eagerness(self) -> float:
        """How soon an answer begins, 0 to 1."""
        detection = self.detection
        if detection is None:
            return 0.5
        if detection["type"] == "semantic_vad":
            return _EAGERNESS[str(detection.get("eagerness", "auto"))]
        # Twice the silence is a fifth less eager; their usual 500 ms is our usual.
        silence = detection.get("silence_duration_ms")
        silence_ms = 500.0 if silence is None else max(50.0, float(silence))
        return min(0.9, max(0.1, 0.5 - 0.2 * math.log2(silence_ms / 500.0)))

    def values(self) -> dict[str, Any]:
        """As settings of our own dialect, which is how the Session takes them."""
        tools, names = self.session["tools"], ("name", "description", "parameters")
        return {
            "instructions": self.session["instructions"],
            "voice": our_voice(self.session["audio"]["output"]["voice"]),
            "eagerness": round(self.eagerness(), 3),
            "manual_turns": self.manual,
            # The protocol knows no limit: a person may have to approve.
            "tools": [
                {name: tool[name] for name in names if tool.get(name) is not None}
                | {"timeout_ms": _TOOL_TIMEOUT_MS}
                for tool in tools
            ],
            "tool_choice": chosen(self.session["tool_choice"]) or "auto",
        }

    def told(self, session_id: str) -> dict[str, Any]:
        """As the client is told."""
        told = deepcopy(self.session)
        if self.detection is not None:
            # OpenAI's agents cancel every answer themselves where they are not told that we do.
            said = {"create_response": True, "interrupt_response": True}
            told["audio"]["input"]["turn_detection"] = {**said, **self.detection}
        return {**told, "type": "realtime", "object": "realtime.session", "id": session_id}


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with what `new` names, both left as they are: `audio` and its two sides are merged,
    every other field is replaced whole."""
    result = dict(old)
    for name, value in new.items():
        before = result.get(name)
        if name in _MERGED and isinstance(value, Mapping) and isinstance(before, Mapping):
            value = merged(before, value)
        result[name] = value
    return result


def _named(session: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a session; null says nothing where a field knows no null."""
    return {name: one for name, one in session.items() if one is not None or name in _NULLABLE}


def _defaults() -> dict[str, Any]:
    return {
        "type": "realtime",
        "model": MODEL,
        "instructions": "",
        "output_modalities": ["audio"],
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "transcription": {"model": MODEL, "language": "en"},
                "noise_reduction": None,
                "turn_detection": {"type": "semantic_vad", "eagerness": "auto"},
            },
            "output": {
                "format": {"type": "audio/pcm", "rate": 24_000},
                "voice": "",
                "speed": 1.0,
            },
        },
    }


def _check(session: Mapping[str, Any], path: str) -> None:
    unknown = sorted(set(session) - _KNOWN)
    if unknown:
        raise FieldError(f"{path}.{unknown[0]}", "There is no such field.", "unknown_parameter")
    if session["type"] != "realtime":
        raise FieldError(f"{path}.type", "Only sessions of type 'realtime' are served here.")
    checked_text(session["model"], f"{path}.model", 256)
    checked_text(session["instructions"], f"{path}.instructions", MAX_INSTRUCTIONS)
    if session["output_modalities"] not in (["audio"], ["text"]):
        raise FieldError(f"{path}.output_modalities", "Must be ['audio'] or ['text'].")
    audio = checked_object(session["audio"], f"{path}.audio", {"input", "output"})
    _check_input(
        checked_object(audio["input"], f"{path}.audio.input", _INPUT), f"{path}.audio.input"
    )
    _check_output(
        checked_object(audio["output"], f"{path}.audio.output", _OUTPUT), f"{path}.audio.output"
    )
    _check_told_back(session, path)
    _check_tools(session["tools"], f"{path}.tools")
    check_choice(session["tool_choice"], session["tools"], f"{path}.tool_choice")


_INPUT: Final = {"format", "transcription", "noise_reduction", "turn_detection"}
_OUTPUT: Final = {"format", "voice", "speed"}
_DETECTION: Final = {
    "type",
    "threshold",
    "prefix_padding_ms",
    "silence_duration_ms",
    "create_response",
    "interrupt_response",
    "idle_timeout_ms",
    "eagerness",
    "model_version",
}


def _check_told_back(session: Mapping[str, Any], path: str) -> None:
    """All that is kept only to be told back, and told with every answer to an update."""
    sound = session["audio"]["input"]
    kept = [session.get(name) for name in _IGNORED]
    kept += [sound["transcription"], sound["noise_reduction"], sound["turn_detection"]]
    if len(json.dumps(kept, ensure_ascii=False, separators=(",", ":"))) > MAX_TOLD_BACK:
        why = f"What is only told back here may have {MAX_TOLD_BACK} characters; send less of it."
        raise FieldError(path, why, "string_above_max_length")


def _check_input(sound: Mapping[str, Any], path: str) -> None:
    _check_format(sound["format"], f"{path}.format")
    for name in ("transcription", "noise_reduction"):
        if sound[name] is not None and not isinstance(sound[name], Mapping):
            raise FieldError(f"{path}.{name}", "Must be an object or null.", "invalid_type")
    detection, path = sound["turn_detection"], f"{path}.turn_detection"
    if detection is None:
        return
    checked_object(detection, path, _DETECTION)
    if detection.get("type") not in ("server_vad", "semantic_vad"):
        raise FieldError(f"{path}.type", "Must be server_vad or semantic_vad.")
    eagerness = detection.get("eagerness", "auto")
    if not isinstance(eagerness, str) or eagerness not in _EAGERNESS:
        raise FieldError(f"{path}.eagerness", f"Must be one of {sorted(_EAGERNESS)}.")
    for name in ("create_response", "interrupt_response"):
        if not isinstance(detection.get(name, True), bool):
            raise FieldError(f"{path}.{name}", "Must be true or false.", "invalid_type")
    if not detection.get("interrupt_response", True):
        why = "Whoever speaks is given the floor here; this cannot be turned off."
        raise FieldError(f"{path}.interrupt_response", why, "unsupported_value")
    if detection.get("idle_timeout_ms") is not None:
        why = "Nobody is spoken to here only because they are silent; leave it out."
        raise FieldError(f"{path}.idle_timeout_ms", why, "unsupported_value")
    for name in ("threshold", "prefix_padding_ms", "silence_duration_ms"):
        checked_number(detection.get(name, 0), f"{path}.{name}", 0.0, 60_000.0)


def _check_output(sound: Mapping[str, Any], path: str) -> None:
    _check_format(sound["format"], f"{path}.format")
    check_voice(sound["voice"], f"{path}.voice")
    speed = sound["speed"]
    if speed is not None and checked_number(speed, f"{path}.speed", 0.25, 1.5) != 1.0:
        raise FieldError(f"{path}.speed", "Only a speed of 1 is served.", "unsupported_value")


def _check_format(value: Any, path: str) -> None:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in _RATES:
        raise FieldError(path, f"`type` must be one of {sorted(_RATES)}.")
    rate = value.get("rate", _RATES[kind])
    if rate != _RATES[kind]:
        raise FieldError(f"{path}.rate", f"Must be {_RATES[value['type']]}.")


def _check_tools(tools: Any, path: str) -> None:
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise FieldError(path, f"Must be a list of at most {MAX_TOOLS} tools.", "invalid_type")
    for at, tool in enumerate(tools):
        here = f"{path}[{at}]"
        if not isinstance(tool, Mapping) or tool.get("type") != "function":
            raise FieldError(here, "Only tools of type 'function' are served.", "unsupported_value")
        checked_text(tool.get("name"), f"{here}.name", 64)
        checked_text(tool.get("description") or "", f"{here}.description", 4_096)
        if not isinstance(tool.get("parameters", {}), Mapping):
            raise FieldError(f"{here}.parameters", "Must be a JSON Schema.", "invalid_type")


def check_choice(choice: Any, tools: list[Any], path: str) -> None:
    """A `tool_choice`: auto, none, required, or a function that is there; raises FieldError."""
    names = [tool["name"] for tool in tools]
    if isinstance(choice, Mapping):
        if choice.get("type") != "function" or choice.get("name") not in names:
            raise FieldError(path, "Names no function of `tools`.")
    elif choice not in ("auto", "none", "required", None):
        raise FieldError(path, "Must be auto, none, required or a function.")


def chosen(choice: Any) -> str:
    """A checked `tool_choice` as our own settings have it; empty for none given."""
    return str(choice["name"]) if isinstance(choice, Mapping) else str(choice or "")


def check_voice(voice: Any, path: str) -> None:
    """The name of a voice, or an object with it as `id`; raises FieldError."""
    if isinstance(voice, Mapping):
        voice = checked_object(voice, path, {"id"}).get("id")
    if voice is not None:
        checked_text(voice, path, 64)


def our_voice(voice: Any) -> str:
    """The voice that is meant, by our name; "" for the usual."""
    named = voice.get("id") if isinstance(voice, Mapping) else voice
    # Names of their voices are in everybody's code: they mean the usual one here.
    return "" if named in _THEIR_VOICES else str(named or "")
