"""The data channel of a real call."""

from __future__ import annotations

import asyncio

import pytest

from server.webrtc.channel import MAX_TEXT_BYTES
from server.webrtc.peer import Peer
from tests.network.caller import Caller
from tests.waiting import until

from .conftest import LOOPBACK, paired

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)


async def test_texts_pass_both_ways_in_order_also_those_sent_before_it_was_open() -> None:
    caller = Caller("", loopback=True)
    peer = await Peer.answer(await caller.offer(), LOOPBACK)
    assert all(peer.channel.send(f'{{"type": "early", "n": {n}}}') for n in range(3))
    try:
        await caller.accept(peer.answer_sdp)
        await caller.open()
        came: list[str] = []
        caller.send("before")
        await caller.wait_for("early", where=lambda event: event["n"] == 2)
        await asyncio.sleep(0.1)
        peer.channel.on_text(came.append)
        caller.send("after")
        await until(lambda: len(came) >= 2)
        assert came == ["before", "after"]
        assert [event["n"] for event in caller.events] == [0, 1, 2]
    finally:
        await caller.hang_up()
        await peer.close()


async def test_a_callback_that_raises_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with paired() as (peer, caller):

        def fail(text: str) -> None:
            raise ValueError(text)

        peer.channel.on_text(fail)
        peer.channel.on_refused(fail)
        caller.send("one")
        caller.send(b"two")
        await until(lambda: len(caplog.records) >= 2)
        came: list[str] = []
        peer.channel.on_text(came.append)
        caller.send("three")
        await until(lambda: bool(came))
        assert came == ["three"]
        assert not peer.gone.is_set()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "a data channel callback failed"
    ] * 2


async def test_binary_and_long_messages_are_refused_unread() -> None:
    async with paired() as (peer, caller):
        texts: list[str] = []
        refused: list[str] = []
        peer.channel.on_text(texts.append)
        peer.channel.on_refused(refused.append)
        caller.send(b"\x00" * 10)
        caller.send("x" * (256 * 1024))
        caller.send("é" * (MAX_TEXT_BYTES // 2 + 1))
        caller.send("y" * MAX_TEXT_BYTES)
        await until(lambda: bool(texts))
        assert refused == ["binary", "too_large", "too_large"]
        assert [len(text) for text in texts] == [MAX_TEXT_BYTES]


async def test_what_cannot_be_sent_is_dropped_and_counted() -> None:
    async with paired() as (peer, caller):
        sent = 0
        while peer.channel.send("z" * 10_000):
            sent += 1
            assert sent < 300
        assert peer.channel.buffered_bytes <= 1024 * 1024
        assert peer.statistics().events_dropped == 1
    assert not peer.channel.send("too late")
    assert peer.channel.dropped == 1, "what comes behind a hang-up was for nobody"


async def test_channels_of_other_names_are_closed_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "server.webrtc")
    async with paired() as (peer, caller):
        others = [caller._pc.createDataChannel(f"gossip {n}") for n in range(3)]
        await until(lambda: all(one.readyState == "closed" for one in others))
        assert peer.channel.is_open and not peer.gone.is_set()
    told = [one.getMessage() for one in caplog.records if "not served" in one.getMessage()]
    assert told == ["a data channel was not served: 'gossip 0'"]


async def test_a_channel_of_another_name_is_closed() -> None:
    caller = Caller("", loopback=True, label="gossip")
    peer = await Peer.answer(await caller.offer(), LOOPBACK)
    try:
        await caller.accept(peer.answer_sdp)
        await until(lambda: caller._channel.readyState in ("closing", "closed"))
        assert not peer.channel.is_open
        assert not peer.gone.is_set()
    finally:
        await caller.hang_up()
        await peer.close()
