"""How the model should behave, as a client may say it: at the start and in mid-conversation. Pure.

`docs/dialect.md` lists the names; a setting that is not named stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from model.orders import StreamSettings
from server.errors import BadOffer
from server.tools.declared import read_tools

__all__ = ["MAX_INSTRUCTIONS", "changed", "read_settings", "sound", "written"]

MAX_INSTRUCTIONS: Final = 8_192
_MAX_TEXT: Final = {"instructions": MAX_INSTRUCTIONS, "voice": 64, "greeting": 1_000}
_FLAGS: Final = ("backchannels", "manual_turns")
_KNOWN: Final = frozenset({*_MAX_TEXT, *_FLAGS, "eagerness", "tools", "tool_choice"})
_CHOICES: Final = ("auto", "none", "required")


def read_settings(values: Any) -> StreamSettings:
    """The settings of a new conversation; raises BadOffer."""
    return changed(StreamSettings(), values)


def changed(settings: StreamSettings, values: Any) -> StreamSettings:
    """These settings with what `values` says instead; raises BadOffer and names the field."""
    if not isinstance(values, Mapping):
        raise BadOffer("`settings` must be an object.")
    if unknown := sorted(set(map(str, values)) - _KNOWN):
        raise BadOffer(f"`settings` has unknown fields {unknown[:5]}; known are {sorted(_KNOWN)}.")
    new: dict[str, Any] = {}
    for name, value in values.items():
        if name in _MAX_TEXT:
            new[name] = _text(name, value, _MAX_TEXT[name])
        elif name in _FLAGS:
            if not isinstance(value, bool):
                raise BadOffer(f"`settings.{name}` must be true or false.")
            new[name] = value
        elif name == "eagerness":
            new[name] = _eagerness(value)
        elif name == "tool_choice":
            new[name] = _text(name, value, 64)
        else:
            new[name] = read_tools(value)
    after = replace(settings, **new)
    names = [tool.name for tool in after.tools]
    if after.tool_choice not in (*_CHOICES, *names):
        known = ", ".join((*_CHOICES, *names))
        raise BadOffer(f"`settings.tool_choice` must be one of {known[:400]}.")
    return after


def written(settings: StreamSettings) -> dict[str, Any]:
    """The settings by the same names; of tools their names only."""
    return {
        "instructions": settings.instructions,
        "voice": settings.voice,
        "eagerness": settings.eagerness,
        "greeting": settings.greeting,
        "backchannels": settings.backchannels,
        "manual_turns": settings.manual_turns,
        "tools": [tool.name for tool in settings.tools],
        "tool_choice": settings.tool_choice,
    }


def sound(text: str) -> bool:
    """No lone surrogate, which JSON can express and UTF-8 cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _text(name: str, text: Any, longest: int) -> str:
    if not isinstance(text, str) or len(text) > longest:
        raise BadOffer(f"`settings.{name}` must be text of at most {longest} characters.")
    if not sound(text):
        raise BadOffer(f"`settings.{name}` is not sound Unicode.")
    return text


def _eagerness(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadOffer("`settings.eagerness` must be a number.")
    if not 0 <= value <= 1:
        raise BadOffer("`settings.eagerness` must be between 0 and 1.")
    return float(value)
