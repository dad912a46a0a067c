"""What comes after the offer: candidates, another offer, and signs of life without a microphone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription

from server.errors import BadOffer
from server.webrtc.late import MAX_REMEMBERED, Candidate
from server.webrtc.offer import check_candidate
from server.webrtc.peer import Peer
from tests.network.caller import Caller
from tests.waiting import until

from .conftest import LOOPBACK, paired

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)

HOST = "candidate:1 1 udp 2130706431 10.1.2.{} 5000 typ host generation 0 ufrag abcd"


def remote(peer: Peer) -> list[Any]:
    (audio, *_) = peer._pc.getTransceivers()
    found: list[Any] = audio.receiver.transport.transport.getRemoteCandidates()
    return found


@pytest.fixture
async def waiting() -> AsyncIterator[Peer]:
    """A Peer whose offer had no candidates."""
    caller = Caller("", loopback=True)
    offer = await caller.offer()
    bare = "\r\n".join(one for one in offer.splitlines() if not one.startswith("a=candidate"))
    peer = await Peer.answer(bare + "\r\n", LOOPBACK)
    yield peer
    await peer.close()
    await caller.hang_up()


async def test_candidates_are_taken_by_section_or_by_its_number(waiting: Peer) -> None:
    assert remote(waiting) == []
    await waiting.add_candidates([Candidate(HOST.format(3), "0", 0), Candidate("", "0", 0)])
    await waiting.add_candidates([Candidate("a=" + HOST.format(4), None, 0)])
    assert [one.ip for one in remote(waiting)] == ["10.1.2.3", "10.1.2.4"]


async def test_what_would_only_cost_time_is_dropped(waiting: Peer) -> None:
    tcp = "candidate:1 1 tcp 1 10.1.2.3 9 typ host tcptype active"
    rtcp = HOST.format(3).replace(" 1 udp", " 2 udp")
    name = HOST.format(3).replace("10.1.2.3", "a-b.local")
    await waiting.add_candidates([Candidate(one, "0") for one in (tcp, rtcp, name)])
    assert remote(waiting) == []


async def test_more_than_sixty_are_dropped(waiting: Peer) -> None:
    for at in range(0, 90, 30):
        many = [Candidate(HOST.format(n), "0") for n in range(at, at + 30)]
        await waiting.add_candidates(many)
    assert len(remote(waiting)) == MAX_REMEMBERED


@pytest.mark.parametrize(
    "bad",
    [
        Candidate("nonsense", "0"),
        Candidate(None, "0"),
        Candidate("candidate:" + "x" * 5_000, "0"),
        Candidate(HOST.format("3 70000"), "0"),
        Candidate(HOST.format(3).replace("5000", "70000"), "0"),
        Candidate(HOST.format(3), "9"),
        Candidate(HOST.format(3), ["0"]),
        Candidate(HOST.format(3), None, None),
        Candidate(HOST.format(3), None, True),
        Candidate(HOST.format(3), None, -1),
        Candidate(HOST.format("\u0663"), "0"),
    ],
)
async def test_a_bad_one_is_refused_and_none_with_it_is_taken(waiting: Peer, bad: Any) -> None:
    with pytest.raises(BadOffer):
        await waiting.add_candidates([Candidate(HOST.format(3), "0"), bad])
    assert remote(waiting) == []


async def test_too_many_at_once_are_refused(waiting: Peer) -> None:
    with pytest.raises(BadOffer):
        await waiting.add_candidates([Candidate(HOST.format(3), "0")] * 101)


def test_the_end_of_candidates_is_no_candidate() -> None:
    assert check_candidate("") is None
    assert check_candidate("a=end-of-candidates") is None


async def test_another_offer_of_the_same_connection_is_answered_and_it_goes_on() -> None:
    async with paired() as (peer, caller):
        pc: RTCPeerConnection = caller._pc
        await pc.setLocalDescription(await pc.createOffer())
        answer = await peer.answer_again(pc.localDescription.sdp)
        await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        assert "useinbandfec=1" in answer
        came: list[str] = []
        peer.channel.on_text(came.append)
        caller.send("still here")
        since = peer.microphone.last_packet_at
        await until(lambda: bool(came) and peer.microphone.last_packet_at != since)
        assert came == ["still here"]
        other = pc.localDescription.sdp.replace("a=ice-ufrag:", "a=ice-ufrag:x")
        with pytest.raises(BadOffer):
            await peer.answer_again(other)
        assert not peer.gone.is_set()


async def test_messages_are_a_sign_of_life_of_one_who_sends_no_sound() -> None:
    async with paired() as (peer, caller):
        sender: Any = caller._pc.getTransceivers()[0].sender
        for task in sender._tasks:
            task.cancel()
        for _ in range(14):
            caller.send("ping: 1")
            await asyncio.sleep(0.25)
        assert not peer.gone.is_set()
        await asyncio.wait_for(peer.gone.wait(), 6)
        assert peer.gone_reason == "vanished"
