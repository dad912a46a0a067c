"""Who says BYE has hung up, unless there are signs of life behind it."""

from __future__ import annotations

import asyncio

import pytest

from server.webrtc.watch import GoneReason, Watch

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("stays", [True, False])
async def test_who_stops_a_track_says_bye_and_may_stay(stays: bool) -> None:
    loop = asyncio.get_running_loop()
    connected, signs, gone = asyncio.Event(), [loop.time()], list[GoneReason]()
    connected.set()
    watch = Watch(connected, lambda _: signs[-1], gone.append)
    watch.start(receives=True)
    try:
        watch.bye()
        for _ in range(8):
            await asyncio.sleep(0.3)
            if stays:
                signs.append(loop.time())
        assert gone[:1] == ([] if stays else ["closed"])
    finally:
        watch.stop()
