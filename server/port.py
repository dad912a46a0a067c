"""The client's end of a Session, whatever its sound and its words travel over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping
from typing import Final, Protocol

from model.sight import SightSource
from server.webrtc.camera import Camera
from server.webrtc.channel import Refusal
from server.webrtc.microphone import Block
from server.webrtc.peer import GoneReason, PeerStatistics
from server.webrtc.speaker import FrameSource

__all__ = ["Channel", "Mouthpiece", "Port", "last_word"]

# The last message needs a moment on its way before the connection is closed under it, and longer
# where it waits for a channel that is not open yet.
_LAST_WORD_SECONDS: Final = 0.1
_MOST_MOMENTS: Final = 25


class Channel(Protocol):
    """Text both ways, bounded."""

    @property
    def buffered_bytes(self) -> int:
        """What waits to be sent."""

    def send(self, text: str) -> bool:
        """Queue one message; False when it is closed or too much waits already."""

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with every message, also those that came before."""

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        """Call `callback` when a message is thrown away unread."""


class Mouthpiece(Protocol):
    """Asks its source for 20 ms of speech every 20 ms; what it was given counts as sent."""

    source: FrameSource | None


class Port(Protocol):
    """One client: a WebRTC `Peer`, or a WebSocket that carries sound too.

    The microphone gives numbered micro-turns of 16 kHz on the clock, whatever comes or does not
    come; the speaker is paced, so that what was heard of us is known.
    """

    @property
    def microphone(self) -> AsyncIterable[tuple[int, Block]]:
        """What the person says; ends when the port is gone."""

    @property
    def speaker(self) -> Mouthpiece:
        """What we say."""

    @property
    def cameras(self) -> Mapping[SightSource, Camera]:
        """What the person can show, if anything."""

    @property
    def channel(self) -> Channel:
        """Events."""

    @property
    def gone(self) -> asyncio.Event:
        """Set when the other side is gone."""

    @property
    def gone_reason(self) -> GoneReason | None:
        """Why."""

    def statistics(self) -> PeerStatistics:
        """What can be said of the connection now."""

    async def close(self) -> None:
        """End everything; twice if you like."""


async def last_word(port: Port) -> None:
    """Give what was sent last the time it needs to arrive, 2.5 s at most."""
    for _ in range(_MOST_MOMENTS):
        if port.gone.is_set():
            return
        waits = port.channel.buffered_bytes > 0
        await asyncio.sleep(_LAST_WORD_SECONDS)
        if not waits:
            return
