"""A served network for the tests of the wrapper."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import pytest

from server.webrtc.ice import IceSettings
from server.webrtc.peer import Peer
from tests.network.caller import Caller
from tests.network.testbed import Link, TestBed
from tests.steady import SteadyLoop

LOOPBACK = IceSettings(interfaces=("127.0.0.1",))


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], SteadyLoop]]:
    """Both ends of a call in one process stand still together, when the machine does."""
    return {"steady": SteadyLoop}


class Served:
    """An echo server on one side of a wire; the test is on the other."""

    def __init__(self, bed: TestBed) -> None:
        self.bed = bed
        self.url = f"http://{bed.server_address}:8000/api/offer"

    async def told(self) -> dict[str, Any]:
        """What the server knows of its Peers."""
        timeout = aiohttp.ClientTimeout(total=20)
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(self.url.replace("/api/offer", "/peers")) as response,
        ):
            told: dict[str, Any] = await response.json()
            return told


@asynccontextmanager
async def paired(videos: int = 0, codec: str = "VP8") -> AsyncIterator[tuple[Peer, Caller]]:
    """A Peer and its caller in this process, over loopback; `codec` is that of its video."""
    caller = Caller("", loopback=True, videos=videos)
    peer = await Peer.answer(await caller.offer(), LOOPBACK)
    answer = peer.answer_sdp
    if codec == "H264":
        answer = re.sub(r"a=(rtpmap|rtcp-fb):97 .*\r\n", "", answer).replace("SAVPF 97 ", "SAVPF ")
    try:
        await caller.accept(answer)
        await caller.open()
        yield peer, caller
    finally:
        await caller.hang_up()
        await peer.close()


@contextmanager
def serve(link: Link | None = None) -> Iterator[Served]:
    """Start the echo server on a wire of its own; this thread is the client's side meanwhile."""
    with TestBed(link=link) as bed:
        server = bed.spawn_server([sys.executable, "-m", "tests.network.echo_server"])
        server.wait_for_output("serving", 60)
        with bed.in_client():
            yield Served(bed)
        assert "Traceback" not in server.output(), server.output()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A clean wire with a server, for all tests of a module."""
    with serve() as result:
        yield result
