"""Who asks for a session, and how they want to be spoken to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from model.messages import Turn
from server.auth import Gate, Pass
from server.dialects.counterpoint import CounterpointDialect
from server.port import Port
from server.session_events import Dialect
from server.webrtc.peer import Direction, Peer

__all__ = ["OUR_LABEL", "PIPECAT_LABEL", "SEEING", "Visitor"]

OUR_LABEL: Final = "counterpoint"
PIPECAT_LABEL: Final = "chat"
SEEING: Final = frozenset({OUR_LABEL, PIPECAT_LABEL})
"""Data channels of the dialects that have a way to let us look."""
"""Of the data channel of our own dialect."""


def _as_it_is(peer: Peer) -> Port:
    return peer


@dataclass(frozen=True, slots=True)
class Visitor:
    """One caller at the reception.

    Attributes:
        address: where they call from.
        gate: where they came in.
        holder: what they showed there.
        dialect: makes the dialect of their session; the address they called chose it.
        label: name of their data channel.
        port: what the session has for the Peer; the Peer itself, or something around it.
        direction: of the audio between us.
        history: what a new conversation remembers from before.
    """

    address: str
    gate: Gate
    holder: Pass = field(default_factory=Pass)
    dialect: Callable[[], Dialect] = CounterpointDialect
    label: str = OUR_LABEL
    port: Callable[[Peer], Port] = _as_it_is
    direction: Direction = "sendrecv"
    history: tuple[Turn, ...] = ()
