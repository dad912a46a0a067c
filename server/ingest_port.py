"""The client's end of a session that only sends: a person whose voice comes in by WHIP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from model.sight import SightSource
from server.webrtc.camera import Camera
from server.webrtc.channel import Refusal
from server.webrtc.microphone import Microphone
from server.webrtc.peer import GoneReason, Peer, PeerStatistics
from server.webrtc.speaker import FrameSource, Schedule

__all__ = ["IngestPort"]

log = logging.getLogger(__name__)


class _Room:
    """Where we speak: asks for 20 ms every 20 ms, and who listens in hears it."""

    def __init__(self) -> None:
        self.source: FrameSource | None = None

    async def run(self) -> None:
        """Ask on time until cancelled."""
        loop = asyncio.get_running_loop()
        schedule = Schedule(loop.time())
        failed = False
        while True:
            await asyncio.sleep(max(0.0, schedule.due - loop.time()))
            schedule.sent(loop.time())
            try:
                if self.source is not None:
                    self.source.next_frame()
            except Exception:
                if not failed:  # once: the voice must not end with one bad frame
                    log.exception("a frame could not be had")
                failed = True


class _NoChannel:
    """There are no events: what is told goes nowhere."""

    buffered_bytes = 0

    def send(self, text: str) -> bool:
        """Lose it."""
        return True

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Nothing comes."""

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        """Nothing comes."""


class IngestPort:
    """A Peer that only sends. What we say is paced as if it were heard, whoever listens.

    Args:
        peer: of the person.
    """

    def __init__(self, peer: Peer) -> None:
        self.speaker = _Room()
        self.channel = _NoChannel()
        self.peer = peer
        self._speaking = asyncio.create_task(self.speaker.run(), name="speaking to who listens")

    @property
    def microphone(self) -> Microphone:
        """The Peer's."""
        return self.peer.microphone

    @property
    def cameras(self) -> Mapping[SightSource, Camera]:
        """None: there is no way to let us look."""
        return {}

    @property
    def gone(self) -> asyncio.Event:
        """Set when the person is gone."""
        return self.peer.gone

    @property
    def gone_reason(self) -> GoneReason | None:
        """Why."""
        return self.peer.gone_reason

    def statistics(self) -> PeerStatistics:
        """The Peer's."""
        return self.peer.statistics()

    async def close(self) -> None:
        """End everything."""
        self._speaking.cancel()
        await self.peer.close()
