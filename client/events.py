"""What the server tells.

Generated from `server/dialects/counterpoint.schema.json` by `python -m server.dialects.reference`;
do not edit. Names, units (`_ms` is milliseconds) and meanings are those of `docs/events.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from client.agent_events import (
    AgentComplete,
    AgentCut,
    AgentDone,
    AgentHeard,
    AgentHeld,
    AgentRemembered,
    AgentSaying,
    AgentStarted,
    AgentWords,
)
from client.values import Event, SettingsNow, Turn, Word

__all__ = [
    "EVENTS",
    "EngineState",
    "ErrorEvent",
    "EyesSeen",
    "EyesState",
    "EyesWanted",
    "Floor",
    "Health",
    "Latency",
    "Listeners",
    "PersonState",
    "PersonWords",
    "Pong",
    "SessionEnded",
    "SessionEnding",
    "SessionStarted",
    "SettingsChanged",
    "ToolCall",
    "ToolEnded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    """The first message. `turns` is what is remembered of a conversation that was resumed."""

    type: ClassVar[str] = "session.started"
    session: str
    dialect: Literal[1]
    resumed: bool
    parts: Mapping[str, str]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnding(Event):
    """The server is about to close the session."""

    type: ClassVar[str] = "session.ending"
    reason: Literal["shutdown", "goodbye", "idle", "replaced", "limit"]
    in_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The last message."""

    type: ClassVar[str] = "session.ended"
    reason: Literal[
        "shutdown",
        "goodbye",
        "idle",
        "replaced",
        "limit",
        "hung_up",
        "deleted",
        "vanished",
        "too_fast",
        "internal",
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonWords(Event):
    """What the person said or typed. Replaces earlier words of the same segment until `final`."""

    type: ClassVar[str] = "person.words"
    segment: int
    words: tuple[Word, ...]
    final: bool
    typed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonState(Event):
    """What the person seems to be doing."""

    type: ClassVar[str] = "person.state"
    state: Literal["speaking", "pausing", "finished", "acknowledging", "elsewhere", "silent"]
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor(Event):
    """The floor changed: what was decided about who speaks."""

    type: ClassVar[str] = "floor"
    decision: Literal["listen", "take", "hold", "yield", "backchannel"]
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Event):
    """How long the person waited for this utterance, as the server saw it."""

    type: ClassVar[str] = "latency"
    utterance: int
    latency_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState(Event):
    """Something the person should be told of the engine."""

    type: ClassVar[str] = "engine"
    state: Literal["ready", "restarting", "slow"]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Event):
    """How the connection and the engine keep up; about once a second."""

    type: ClassVar[str] = "health"
    rtt_ms: int
    lost: float
    concealed: float
    behind_ms: int
    queued_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong(Event):
    """The answer to `ping`."""

    type: ClassVar[str] = "pong"
    sent_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent(Event):
    """Something that was sent was refused, or something failed at the server."""

    type: ClassVar[str] = "error"
    code: Literal[
        "bad_json",
        "unknown_type",
        "bad_field",
        "nothing_said",
        "too_large",
        "too_fast",
        "internal",
    ]
    message: str
    fatal: bool
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners(Event):
    """Somebody else began or ceased to listen in; sent to the person whose session it is."""

    type: ClassVar[str] = "listeners"
    count: int
    hear_person: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall(Event):
    """The model asks for a tool of the client's; to be answered by `tool.answer`."""

    type: ClassVar[str] = "tool.call"
    call: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnded(Event):
    """The call is over: answered, failed, or without an answer in time."""

    type: ClassVar[str] = "tool.ended"
    call: str
    failed: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChanged(Event):
    """The settings from now on, whole; of tools their names."""

    type: ClassVar[str] = "settings.changed"
    settings: SettingsNow
    event_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EyesSeen(Event):
    """Something was seen in a picture."""

    type: ClassVar[str] = "eyes.seen"
    source: Literal["camera", "screen"]
    what: str
    label: str
    score: float
    seen_ms: int
    box: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EyesWanted(Event):
    """What the sender of that video is asked for."""

    type: ClassVar[str] = "eyes.wanted"
    source: Literal["camera", "screen"]
    frames_a_second: float
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EyesState(Event):
    """Whether the server looks, and what of it the person should know."""

    type: ClassVar[str] = "eyes.state"
    source: Literal["camera", "screen"]
    state: Literal[
        "off",
        "waiting",
        "looking",
        "limited",
        "dark",
        "still",
        "stalled",
        "unusable",
        "absent",
    ]
    message: str


EVENTS: Mapping[str, type[Event]] = {
    "session.started": SessionStarted,
    "session.ending": SessionEnding,
    "session.ended": SessionEnded,
    "person.words": PersonWords,
    "person.state": PersonState,
    "agent.words": AgentWords,
    "agent.started": AgentStarted,
    "agent.heard": AgentHeard,
    "agent.done": AgentDone,
    "agent.cut": AgentCut,
    "agent.remembered": AgentRemembered,
    "floor": Floor,
    "latency": Latency,
    "engine": EngineState,
    "health": Health,
    "pong": Pong,
    "error": ErrorEvent,
    "agent.complete": AgentComplete,
    "agent.saying": AgentSaying,
    "agent.held": AgentHeld,
    "listeners": Listeners,
    "tool.call": ToolCall,
    "tool.ended": ToolEnded,
    "settings.changed": SettingsChanged,
    "eyes.seen": EyesSeen,
    "eyes.wanted": EyesWanted,
    "eyes.state": EyesState,
}
"""Every event by the type it has on the wire."""
