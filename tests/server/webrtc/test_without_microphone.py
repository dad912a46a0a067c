"""Callers of whom there is nothing to hear: who only listens and types, or has no track."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from server.errors import Busy, NoAudio
from server.webrtc.ice import IceSettings, gather_with
from server.webrtc.peer import VANISHED_SECONDS, Peer
from tests.waiting import until

from .conftest import LOOPBACK

pytestmark = pytest.mark.timeout(60)


@asynccontextmanager
async def caller(direction: str) -> AsyncIterator[tuple[RTCPeerConnection, str]]:
    """A plain client without a track, and its offer."""
    bundle = RTCBundlePolicy.MAX_COMPAT  # see server/webrtc/peer.py
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=bundle))
    try:
        pc.createDataChannel("counterpoint")
        audio = pc.addTransceiver("audio", direction)
        assert pc.sctp is not None
        for transport in {audio.receiver.transport.transport, pc.sctp.transport.transport}:
            gather_with(transport.iceGatherer._connection, IceSettings(loopback=True))
        await pc.setLocalDescription(await pc.createOffer())
        yield pc, str(pc.localDescription.sdp)
    finally:
        await pc.close()


@asynccontextmanager
async def called(direction: str) -> AsyncIterator[Peer]:
    """Our end of a call by such a client."""
    async with caller(direction) as (pc, offer):
        peer = await Peer.answer(offer, LOOPBACK)
        try:
            await pc.setRemoteDescription(RTCSessionDescription(peer.answer_sdp, "answer"))
            yield peer
        finally:
            await peer.close()


async def test_who_only_listens_and_types_has_a_clock_all_the_same() -> None:
    """Without one no micro-turn is sent, and what was typed is never read."""
    async with called("recvonly") as peer:
        heard = []
        async for k, block in peer.microphone:
            heard.append((k, float(abs(block).max())))
            if len(heard) == 3:
                break
        assert heard == [(0, 0.0), (1, 0.0), (2, 0.0)]


async def test_who_has_no_track_is_there_as_long_as_they_report() -> None:
    async with called("sendrecv") as peer:
        assert await peer.connected()
        await asyncio.sleep(VANISHED_SECONDS + 1.5)
        assert not peer.gone.is_set() and peer.microphone.last_packet_at is None
    await until(peer.gone.is_set)


async def test_who_could_never_hear_an_answer_is_refused() -> None:
    async with caller("sendonly") as (_, offer):
        with pytest.raises(NoAudio, match="offer it sendrecv"):
            await Peer.answer(offer, LOOPBACK)
        peer = await Peer.answer(offer, LOOPBACK, direction="recvonly")  # as over WHIP
        await peer.close()


async def test_where_no_port_is_free_the_offer_is_refused_and_not_answered_with_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = int(other.getsockname()[1])
        taken = IceSettings(interfaces=("127.0.0.1",), ports=(port, port))
        async with caller("sendrecv") as (_, offer):
            with pytest.raises(Busy, match="UDP port") as refused:
                await Peer.answer(offer, taken)
    assert refused.value.retry_after_seconds
