"""One browser at the other end of WebRTC: the only place that touches RTCPeerConnection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from server.webrtc.ice import IceSettings
from server.webrtc.microphone import Microphone
from server.webrtc.speaker import FrameSource, Speaker

__all__ = ["EventChannel", "GoneReason", "Peer", "PeerStatistics"]

GoneReason = Literal["failed", "vanished", "closed"]
"""failed: never connected. vanished: no audio packet for 2.5 s. closed: either side hung up."""


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """Snapshot since the start; shares are in [0, 1]; `rtt_seconds` is 0 until measured."""

    packets_received: int = 0
    packets_lost: int = 0
    lost_share: float = 0.0
    concealed_share: float = 0.0
    rtt_seconds: float = 0.0
    jitter_seconds: float = 0.0
    behind_seconds: float = 0.0
    queued_blocks: int = 0
    dropped_blocks: int = 0
    events_dropped: int = 0


class EventChannel:
    """The data channel the client made. Callbacks may raise; that is logged and nothing else."""

    def send(self, text: str) -> bool:
        """Queue one message; False (counted) when closed or when over 1 MiB waits already."""
        raise NotImplementedError

    def on_text(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with every text message of at most 16 KiB."""
        raise NotImplementedError

    def on_refused(self, callback: Callable[[Literal["binary", "too_large"]], None]) -> None:
        """Call `callback` when a message is thrown away unread."""
        raise NotImplementedError


class Peer:
    """Made by `Peer.answer`; ended by `close`. One event loop, no threads."""

    answer_sdp: str
    microphone: Microphone
    speaker: Speaker
    channel: EventChannel
    gone: asyncio.Event
    gone_reason: GoneReason | None

    @classmethod
    async def answer(
        cls,
        offer_sdp: str,
        ice: IceSettings | None = None,
        *,
        source: FrameSource | None = None,
        labels: frozenset[str] = frozenset({"counterpoint"}),
    ) -> Peer:
        """Answer an offer. Raises `OfferRefused`."""
        raise NotImplementedError

    async def connected(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until media flows both ways can start; False if that never happens."""
        raise NotImplementedError

    async def close(self) -> None:
        """End everything within 5 s; safe to call twice and from anywhere."""
        raise NotImplementedError

    def statistics(self) -> PeerStatistics:
        """What can be said of the connection now."""
        raise NotImplementedError
