"""The engine's side of one conversation: a row, its next micro-turn, its bounded inbox."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from model.messages import MicroTurnInput

__all__ = ["INBOX_LIMIT", "Stream"]

INBOX_LIMIT: Final = 4
"""Micro-turns that may wait in one stream. The server keeps at most two in flight, so this is a
second line: beyond it the oldest is dropped, and the gap in `k` tells the model."""


@dataclass(slots=True)
class Stream:
    """One conversation in the engine.

    Attributes:
        number: the stream's number, chosen by the server.
        row: its row of the batch.
        next_k: the micro-turn expected next; a later one is taken as a gap, an earlier refused.
        inbox: inputs that arrived, with their time of arrival.
        dropped: inputs lost to overflow or gaps.
    """

    number: int
    row: int
    next_k: int
    inbox: deque[tuple[MicroTurnInput, float]] = field(default_factory=deque)
    dropped: int = 0

    def push(self, turn: MicroTurnInput, now: float) -> bool:
        """Take an input; False if it comes out of order and was refused."""
        newest = self.inbox[-1][0].k + 1 if self.inbox else self.next_k
        if turn.k < newest:
            return False
        if len(self.inbox) == INBOX_LIMIT:
            self.inbox.popleft()
        self.inbox.append((turn, now))
        return True

    def pop(self) -> tuple[MicroTurnInput, float]:
        """Take the oldest input; the micro-turn after it is expected next."""
        turn, arrived = self.inbox.popleft()
        self.dropped += turn.k - self.next_k
        self.next_k = turn.k + 1
        return turn, arrived
