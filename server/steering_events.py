"""What a client may ask of the conversation under way, and what it is told of that.

Beside `server.session_events`, which holds what every session has. `event_id` is the client's name
for its message; a Problem it causes names it. Numbers of utterances are the conversation's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from model.orders import AppendRole, SayPolicy, StreamSettings
from model.sight import SightSource

__all__ = [
    "AgentComplete",
    "AnswerAsked",
    "Appended",
    "CancelAsked",
    "ClearAsked",
    "CommitAsked",
    "HoldAsked",
    "HoldChanged",
    "LookAsked",
    "LookChanged",
    "LookWanted",
    "ResumeAsked",
    "SayAsked",
    "SettingsAsked",
    "SettingsChanged",
    "SteeringEvent",
    "ToolAnswered",
    "ToolEnded",
    "TruncateAsked",
]

# ---- client to Session -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Stop the answer under way or in the making."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class TruncateAsked:
    """The client says how much of an utterance was heard; if it is under way, it is cut there."""

    utterance: int
    heard_samples: int
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class HoldAsked:
    """Stay silent and go on listening."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """Go on where the hold stopped."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class SayAsked:
    """Say this text; see `model.messages.Say`. Without a `say` the Session makes a name."""

    text: str
    policy: SayPolicy = "when_free"
    priority: int = 0
    say: str = ""
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """Something the model should remember, unanswered."""

    text: str
    role: AppendRole = "knowledge"
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommitAsked:
    """The person's turn ends here; it is answered when an answer is asked for."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ClearAsked:
    """Forget what the person said since the last turn."""

    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerAsked:
    """Answer what is there, now; see `model.orders.Answer` for `tool_choice`."""

    event_id: str | None = None
    tool_choice: str = ""


@dataclass(frozen=True, slots=True)
class SettingsAsked:
    """Change settings by their names in `docs/dialect.md`; what is not named stays as it is.

    The Session checks them; a Problem is told, or SettingsChanged.
    """

    values: Mapping[str, Any]
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolAnswered:
    """The client's answer to a ToolCall; of a failed one `text` says why."""

    call: str
    text: str
    failed: bool = False
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class LookAsked:
    """The person lets us look, or no longer; nothing is looked at before."""

    source: SightSource
    on: bool
    event_id: str | None = None


SteeringEvent = (
    CancelAsked
    | TruncateAsked
    | HoldAsked
    | ResumeAsked
    | SayAsked
    | Appended
    | CommitAsked
    | ClearAsked
    | AnswerAsked
    | SettingsAsked
    | ToolAnswered
    | LookAsked
)

# ---- Session to client (beside ToolCall and Saying of model.messages) ---------------------------


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """The settings as they are from now on; `event_id` is that of the message that asked."""

    settings: StreamSettings
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """Whether we are held."""

    held: bool


@dataclass(frozen=True, slots=True)
class AgentComplete:
    """Nothing more will be made of this utterance: its whole length (24 kHz), and whether it ends
    only because it reached the longest answer there is."""

    utterance: int
    length_samples: int
    limited: bool = False


@dataclass(frozen=True, slots=True)
class LookWanted:
    """What the client's sender is asked for: no more frames, no larger ones."""

    source: SightSource
    frames_a_second: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class LookChanged:
    """Whether we look, and what of it the person should know."""

    source: SightSource
    state: Literal[
        "off", "waiting", "looking", "limited", "dark", "still", "stalled", "unusable", "absent"
    ]
    message: str


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """A tool call is over: answered, failed or timed out; of a tool of the server's, or not."""

    call: str
    failed: bool
    text: str
    here: bool = False
