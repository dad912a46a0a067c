"""Notices a Peer that never connects or is no longer there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

__all__ = ["CONNECT_SECONDS", "LISTENER_SECONDS", "VANISHED_SECONDS", "GoneReason", "Watch"]

GoneReason = Literal["failed", "vanished", "closed"]
"""failed: not connected within 10 s. vanished: no audio packet and no message for 2.5 s, or no
report of one who only listens for 12 s. closed: hung up."""

CONNECT_SECONDS: Final = 10.0
VANISHED_SECONDS: Final = 2.5
LISTENER_SECONDS: Final = 12.0
"""Browsers that only listen report about every five seconds."""

_WATCH_SECONDS: Final = 0.25
# A browser that only stops its track says BYE too; if it is still there, packets go on, or pings,
# once a second or so. What came this much later than the BYE was sent behind it.
_BYE_SECONDS: Final = 1.5
_BEHIND_BYE_SECONDS: Final = 0.2


class Watch:
    """aiortc needs half a minute to notice that somebody is gone.

    A muted browser still sends packets; one without a microphone sends none, but its messages show
    that it is there, if it sends any. Who only listens reports what came.

    Args:
        connected: set once audio can flow.
        signs: the loop's time of the last sign of life, of a Peer that sends audio or does not.
        on_gone: called when it is gone; ends the watch with `stop`.
    """

    def __init__(
        self,
        connected: asyncio.Event,
        signs: Callable[[bool], float],
        on_gone: Callable[[GoneReason], None],
    ) -> None:
        self._connected = connected
        self._signs = signs
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._connect_until = 0.0
        self._connected_at: float | None = None
        self._receives = True
        self._bye_at: float | None = None
        self._last_look = 0.0

    def start(self, *, receives: bool) -> None:
        """From the answer on."""
        self._receives = receives
        self._last_look = self._loop.time()
        self._connect_until = self._last_look + CONNECT_SECONDS
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def bye(self) -> None:
        """The sender says that it ends."""
        self._bye_at = self._loop.time()

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._last_look > 3 * _WATCH_SECONDS:
            # We slept, not they: what came meanwhile is still in the socket.
            self._connected_at = now if self._connected_at is not None else None
        self._last_look = now
        self._timer = self._loop.call_later(_WATCH_SECONDS, self._look)
        if not self._connected.is_set():
            if now > self._connect_until:
                self._on_gone("failed")
            return
        if self._connected_at is None:
            self._connected_at = now
        heard_at = max(self._signs(self._receives), self._connected_at)
        if self._bye_at is not None and heard_at > self._bye_at + _BEHIND_BYE_SECONDS:
            self._bye_at = None
        if now - heard_at > (VANISHED_SECONDS if self._receives else LISTENER_SECONDS):
            self._on_gone("vanished")
        elif self._bye_at is not None and now - self._bye_at > _BYE_SECONDS:
            self._on_gone("closed")
