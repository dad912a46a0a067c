"""The few things a Session tells its client and may be told by it; a Dialect gives them a form.

Times of the person's words are seconds of the session's clock. Numbers of segments and utterances
are the conversation's: they go on through restarts of the engine and resumptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from model.messages import (
    Floor,
    PersonState,
    PersonWords,
    Remembered,
    Said,
    Saying,
    Seen,
    ToolCall,
    Turn,
)
from server.steering_events import (
    AgentComplete,
    HoldChanged,
    LookChanged,
    LookWanted,
    SettingsChanged,
    SteeringEvent,
    ToolEnded,
)

__all__ = [
    "AgentProgress",
    "AgentStarted",
    "ClientEvent",
    "CutBy",
    "Dialect",
    "EndReason",
    "EndSession",
    "EngineState",
    "Flood",
    "Health",
    "Latency",
    "Listeners",
    "Ping",
    "Pong",
    "Problem",
    "Reply",
    "SessionEnded",
    "SessionEnding",
    "SessionEvent",
    "SessionStarted",
    "Several",
    "StopSpeaking",
    "TextSent",
]

CutBy = Literal["floor", "stop", "quiet", "engine", "client"]
EndReason = Literal[
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

# ---- Session to client -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The first event."""

    session: str
    resumed: bool
    parts: Mapping[str, str]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class SessionEnding:
    """The session is about to end."""

    reason: EndReason
    in_seconds: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The last event."""

    reason: EndReason


@dataclass(frozen=True, slots=True)
class AgentStarted:
    """The utterance's first sample was sent."""

    utterance: int


@dataclass(frozen=True, slots=True)
class AgentProgress:
    """How much of an utterance was heard; `done` and `cut` are the last of it."""

    state: Literal["heard", "done", "cut"]
    utterance: int
    heard_samples: int
    words_heard: int
    by: CutBy | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """From the end of the person's last word, as recognised or typed, to our first sample sent."""

    utterance: int
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class EngineState:
    """Something the person should be told of the engine."""

    state: Literal["ready", "restarting", "slow"]
    message: str


@dataclass(frozen=True, slots=True)
class Health:
    """How the connection and the engine keep up."""

    rtt_seconds: float
    lost: float
    concealed: float
    behind_seconds: float
    queued_seconds: float


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a Ping."""

    sent_ms: float


ProblemCode = Literal[
    "bad_json", "unknown_type", "bad_field", "nothing_said", "too_large", "too_fast", "internal"
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the client sent was refused, or something failed here."""

    code: ProblemCode
    message: str
    fatal: bool = False
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """How many others listen in, and whether any of them hears the person too."""

    count: int
    hear_person: bool


SessionEvent = (
    SessionStarted
    | SessionEnding
    | SessionEnded
    | PersonWords
    | PersonState
    | Said
    | AgentStarted
    | AgentProgress
    | Remembered
    | Floor
    | Seen
    | LookWanted
    | LookChanged
    | Latency
    | EngineState
    | Health
    | Pong
    | Problem
    | ToolCall
    | ToolEnded
    | Saying
    | SettingsChanged
    | HoldChanged
    | AgentComplete
    | Listeners
)

# ---- client to Session -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextSent:
    """The person typed."""

    text: str
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """The person pressed stop."""


@dataclass(frozen=True, slots=True)
class EndSession:
    """The person hangs up."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a Pong."""

    sent_ms: float


@dataclass(frozen=True, slots=True)
class Flood:
    """So many messages that the session must end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the dialect itself answers: messages in the client's own form."""

    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """One message that asks for several things, in this order."""

    events: tuple[ClientEvent | Problem, ...]


ClientEvent = TextSent | StopSpeaking | EndSession | Ping | Flood | Reply | Several | SteeringEvent


class Dialect(Protocol):
    """A public protocol on the data channel. Pure: text and times in, text and events out."""

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """The messages that tell the client of an event, at a time of the session's clock."""

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What a message asks for; a Problem to be sent back; None for nothing to do."""

    def refuse(
        self, why: Literal["binary", "too_large"], now: float
    ) -> ClientEvent | Problem | None:
        """What becomes of a message that was not text or too long to be read."""
