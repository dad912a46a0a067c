"""Which utterance the sound belongs to. Pure.

Sound and events come by different ways, the sound some 80 ms later (its jitter buffer). So an
utterance begins with the first sound that is not silent after its event, and lasts as long as its
last event says it was heard. The places found are within a few frames of 20 ms.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from client.agent_events import AgentCut, AgentDone, AgentStarted
from client.sound import RATE
from client.values import Event

__all__ = ["Attribution"]

SILENT: Final = 1e-4
"""Peak of decoded silence; an utterance's own pauses are louder, or last less than
`LATEST_SAMPLES`."""

LATEST_SAMPLES: Final = RATE // 4
"""An utterance has begun this long after its event, however silent."""

_MAX_OPEN: Final = 64


class Attribution:
    """Fed with events and frames as they come."""

    def __init__(self) -> None:
        self._now: int | None = None
        self._at = 0
        # Utterances that began and are not heard yet, with the samples that came since.
        self._next: deque[list[int]] = deque(maxlen=_MAX_OPEN)
        self._lengths: dict[int, int] = {}

    def hear(self, event: Event) -> None:
        """An event came."""
        if isinstance(event, AgentStarted):
            self._next.append([event.utterance, 0])
        elif isinstance(event, AgentDone | AgentCut):
            self._lengths[event.utterance] = event.heard_ms * RATE // 1000
            while len(self._lengths) > _MAX_OPEN:
                del self._lengths[next(iter(self._lengths))]

    def reset(self) -> None:
        """Another connection: nothing of the old one is still to come."""
        self._now = None
        self._next.clear()
        self._lengths.clear()

    def frame(self, peak: float, samples: int) -> int | None:
        """A frame came: the utterance that its sound belongs to, None for none.

        Args:
            peak: the largest absolute sample in it.
            samples: its length.
        """
        self._over()
        if self._next and (peak > SILENT or self._next[0][1] >= LATEST_SAMPLES):
            # One that follows at once waits until the one before has had its length.
            if self._now is None:
                self._now, self._at = self._next.popleft()[0], 0
        for waiting in self._next:
            waiting[1] += samples
        if self._now is not None:
            self._at += samples
        return self._now

    def _over(self) -> None:
        if self._now is not None and self._at >= self._lengths.get(self._now, self._at + 1):
            del self._lengths[self._now]
            self._now = None
