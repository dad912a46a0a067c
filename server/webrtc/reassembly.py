"""What waits on the data channels for the rest of its message: bounded, as aiortc leaves it not.

aiortc keeps each chunk until its message is whole and what was sent before it is there, goes
through those that wait with every chunk that comes, and takes in more than the window it announces.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from server.webrtc.pins import replace_part

__all__ = ["MAX_STREAMS", "MAX_WAITING_BYTES", "MAX_WAITING_CHUNKS", "bound_reassembly"]

logger = logging.getLogger(__name__)

WINDOW_BYTES: Final = 384 * 1024
"""Announced: the longest message that may be sent (256 KiB, in the answer), and some behind it."""

MAX_WAITING_BYTES: Final = 512 * 1024
"""More than who heeds the window ever has under way."""

MAX_WAITING_CHUNKS: Final = 512
"""A full window in chunks of a packet each takes 330."""

MAX_STREAMS: Final = 16
"""Data channels at a time; one is served."""


def bound_reassembly(sctp: Any, exceeded: Callable[[], None]) -> None:
    """Call `exceeded`, once, when more waits than may, and take in nothing from then on.

    Args:
        sctp: an `RTCSctpTransport` whose association has not begun.
        exceeded: ends the connection.

    Raises:
        IncompatibleAiortc: a wrong aiortc is installed.
    """
    receive = sctp._receive_chunk
    over = False

    async def guarded(chunk: Any) -> None:
        nonlocal over
        if over:
            return
        await receive(chunk)
        if _overruns(sctp):
            over = True
            logger.info("a peer overran its data channel and was closed")
            exceeded()

    replace_part(sctp, "_advertised_rwnd", WINDOW_BYTES)
    replace_part(sctp, "_receive_chunk", guarded)


def _overruns(sctp: Any) -> bool:
    streams = sctp._inbound_streams
    return (
        len(streams) > MAX_STREAMS
        or sum(len(stream.reassembly) for stream in streams.values()) > MAX_WAITING_CHUNKS
        or len(sctp._sack_misordered) > MAX_WAITING_CHUNKS
        or WINDOW_BYTES - sctp._advertised_rwnd > MAX_WAITING_BYTES
    )
