"""What events are made of, and what may be told of settings.

Generated from `server/dialects/counterpoint.schema.json` by `python -m server.dialects.reference`;
do not edit. Names, units (`_ms` is milliseconds) and meanings are those of `docs/events.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypedDict

__all__ = [
    "Event",
    "Settings",
    "SettingsNow",
    "Tool",
    "Turn",
    "Word",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side said, as far as it was heard."""

    who: Literal["person", "agent"]
    text: str
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word with its times."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsNow:
    """All settings; of tools their names."""

    instructions: str
    voice: str
    eagerness: float
    greeting: str
    backchannels: bool
    manual_turns: bool
    tools: tuple[str, ...]
    tool_choice: str


class Tool(TypedDict, total=False):
    """A tool of the client's."""

    type: Literal["function"]
    name: str
    description: str
    parameters: Mapping[str, Any]
    strict: bool
    timeout_ms: float


class Settings(TypedDict, total=False):
    """How the model should behave; also of an offer."""

    instructions: str
    voice: str
    eagerness: float
    greeting: str
    backchannels: bool
    manual_turns: bool
    tools: list[str | Tool]
    tool_choice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Anything the server tells; `at_ms` is of the session's clock, `seq` counts from 0."""

    type: ClassVar[str] = ""
    seq: int
    at_ms: int
