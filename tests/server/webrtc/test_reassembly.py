"""What waits on the data channels of a real call is bounded, and who overruns it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    WEBRTC_STRING,
    DataChunk,
    ForwardTsnChunk,
)

from server.webrtc.reassembly import MAX_STREAMS, MAX_WAITING_BYTES, MAX_WAITING_CHUNKS
from tests.network.caller import Caller
from tests.waiting import until

from .conftest import paired

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)

WHOLE = SCTP_DATA_FIRST_FRAG | SCTP_DATA_LAST_FRAG


def chunk(caller: Caller, number: int, flags: int, data: bytes = b"x", stream: int = 0) -> Any:
    """The chunk that is `number` behind all that was sent."""
    sctp: Any = caller._pc.sctp
    made = DataChunk(flags)
    made.tsn = sctp._local_tsn + number
    channel: Any = caller._channel
    made.stream_id = channel.id + 2 * stream
    made.stream_seq = 0 if stream else sctp._outbound_stream_seq[channel.id]
    made.protocol, made.user_data = WEBRTC_STRING, data
    return made


def unfinished(caller: Caller, number: int) -> Any:
    return chunk(caller, number, 0 if number else SCTP_DATA_FIRST_FRAG)


def large_and_unfinished(caller: Caller, number: int) -> Any:
    return chunk(caller, number, 0 if number else SCTP_DATA_FIRST_FRAG, b"x" * 1_100)


def behind_a_gap(caller: Caller, number: int) -> Any:
    return chunk(caller, 2 * number + 1, WHOLE)


def on_many_streams(caller: Caller, number: int) -> Any:
    return chunk(caller, number, WHOLE, stream=number)


def skipping_on_many_streams(caller: Caller, number: int) -> Any:
    sctp: Any = caller._pc.sctp
    made = ForwardTsnChunk()
    made.cumulative_tsn = sctp._local_tsn + number
    made.streams = [(stream, 0) for stream in range(100)]
    return made


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (unfinished, MAX_WAITING_CHUNKS + 1),
        (large_and_unfinished, MAX_WAITING_BYTES // 1_100 + 1),
        (behind_a_gap, MAX_WAITING_CHUNKS + 1),
        (on_many_streams, MAX_STREAMS + 1),
        (skipping_on_many_streams, 1),
    ],
)
async def test_who_has_more_waiting_than_may_is_closed(
    make: Callable[[Caller, int], Any], count: int
) -> None:
    async with paired() as (peer, caller):
        sctp: Any = caller._pc.sctp
        caller.send("one that is whole")
        await until(lambda: not sctp._sent_queue and not sctp._outbound_queue)
        for number in range(2 * count):  # some are lost where a socket's buffer overflows
            if peer.gone.is_set():
                break
            await sctp._send_chunk(make(caller, number))
            if number % 8 == 0:
                await asyncio.sleep(0.002)
        await until(peer.gone.is_set)
        assert peer.gone_reason == "closed"


async def test_a_message_as_long_as_the_answer_allows_and_some_behind_it_pass() -> None:
    async with paired() as (peer, caller):
        texts: list[str] = []
        refused: list[str] = []
        peer.channel.on_text(texts.append)
        peer.channel.on_refused(refused.append)
        caller.send("x" * 256 * 1024)
        for _ in range(100):
            caller.send("y" * 1_000)
        await until(lambda: len(texts) == 100)
        assert refused == ["too_large"] and not peer.gone.is_set()
        assert f"a=max-message-size:{256 * 1024}" in peer.answer_sdp
