"""What the server tells of its own speech.

Generated from `server/dialects/counterpoint.schema.json` by `python -m server.dialects.reference`;
do not edit. Names, units (`_ms` is milliseconds) and meanings are those of `docs/events.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from client.values import Event, Word

__all__ = [
    "AgentComplete",
    "AgentCut",
    "AgentDone",
    "AgentHeard",
    "AgentHeld",
    "AgentRemembered",
    "AgentSaying",
    "AgentStarted",
    "AgentWords",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWords(Event):
    """Words that will be heard, appended to those of the utterance so far."""

    type: ClassVar[str] = "agent.words"
    utterance: int
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStarted(Event):
    """The utterance's first sample was sent."""

    type: ClassVar[str] = "agent.started"
    utterance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentHeard(Event):
    """How much of the utterance was heard; about every 200 ms while it is played."""

    type: ClassVar[str] = "agent.heard"
    utterance: int
    heard_ms: int
    words_heard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDone(Event):
    """The utterance was heard to its end."""

    type: ClassVar[str] = "agent.done"
    utterance: int
    heard_ms: int
    words_heard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCut(Event):
    """The rest of the utterance will not be heard: its words from `words_heard` on are struck…"""

    type: ClassVar[str] = "agent.cut"
    utterance: int
    heard_ms: int
    words_heard: int
    by: Literal["floor", "stop", "quiet", "engine", "client"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRemembered(Event):
    """What the model remembers of an utterance that is over."""

    type: ClassVar[str] = "agent.remembered"
    utterance: int
    text: str
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentComplete(Event):
    """Nothing more will be made of the utterance; sent before its last 0.4 s are played."""

    type: ClassVar[str] = "agent.complete"
    utterance: int
    length_ms: int
    limited: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSaying(Event):
    """What became of an `agent.say`: it began as this utterance, or never will."""

    type: ClassVar[str] = "agent.saying"
    say: str
    state: Literal["began", "dropped"]
    utterance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentHeld(Event):
    """The answer to `agent.hold` and `agent.resume`."""

    type: ClassVar[str] = "agent.held"
    held: bool
