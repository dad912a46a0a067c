"""What a Session remembers of its own course: its clock and where it stands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from model.messages import StreamSettings
from model.timebase import MICRO_TURN_SECONDS
from server.dialects.pace import Changes
from server.hearing import Hearing
from server.session_events import Health
from server.speaking import Speaking
from server.webrtc.peer import PeerStatistics

__all__ = ["Course", "SessionClock", "health"]

# Without a loss for so long, the engine keeps up again.
_RECOVERED_SECONDS: Final = 3.0


@dataclass(slots=True)
class SessionClock:
    """Seconds since the first sample the microphone gave, going on between its blocks."""

    loop: asyncio.AbstractEventLoop
    anchor: float | None = None

    def block(self, k: int) -> None:
        """Block k is here: its last sample was just taken."""
        anchor = self.loop.time() - (k + 1) * MICRO_TURN_SECONDS
        # The earliest arrival is the truest: others were late.
        self.anchor = anchor if self.anchor is None else min(anchor, self.anchor)

    def now(self) -> float:
        """The time; 0 before the first block."""
        return 0.0 if self.anchor is None else max(0.0, self.loop.time() - self.anchor)


@dataclass(slots=True)
class Course:
    """Where the session stands."""

    settings: StreamSettings
    clock: SessionClock
    stream_open: bool = False
    goodbye: bool = False
    goodbye_utterance: int | None = None
    last_activity: float = 0.0
    slow: bool = False
    last_drop: float = 0.0
    changes: Changes = field(default_factory=Changes)

    def may_change(self) -> bool:
        """Whether settings may be changed again already; counts the change."""
        return self.changes.may_change(self.clock.loop.time())

    def drop(self, now: float) -> bool:
        """Audio was thrown away; whether the person is to be told, for the first time."""
        first, self.slow, self.last_drop = not self.slow, True, now
        return first

    def recover(self, now: float) -> bool:
        """Whether the engine keeps up again and the person is to be told."""
        if not self.slow or now - self.last_drop < _RECOVERED_SECONDS:
            return False
        self.slow = False
        return True


def health(statistics: PeerStatistics, hearing: Hearing, speaking: Speaking) -> Health:
    """How the connection and the engine keep up, for the client."""
    return Health(
        rtt_seconds=statistics.rtt_seconds,
        lost=statistics.lost_share,
        concealed=statistics.concealed_share,
        behind_seconds=max(0.0, statistics.behind_seconds) + hearing.intake.behind_seconds,
        queued_seconds=speaking.queued_seconds,
    )
