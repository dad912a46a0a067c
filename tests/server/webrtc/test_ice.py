"""Where the server says it can be reached."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
import socket

import aioice.stun
import pytest

from server.errors import BadOffer, Busy
from server.webrtc.ice import IceServer, IceSettings, host_addresses, turn_credentials
from server.webrtc.peer import Peer
from tests.waiting import until

from .test_offer import GOOD

# What it waits for comes in a moment, or on a busy machine some seconds later.
pytestmark = pytest.mark.timeout(60)


def candidates(answer: str) -> set[tuple[str, int]]:
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    return {(address, int(port)) for address, port in found}


async def answered(settings: IceSettings) -> set[tuple[str, int]]:
    peer = await Peer.answer(GOOD, settings)
    found = candidates(peer.answer_sdp)
    await peer.close()
    return found


async def test_only_allowed_interfaces_are_offered() -> None:
    everything = set(host_addresses(IceSettings(loopback=True)))
    assert {"127.0.0.1"} < everything | {"another"}
    assert "127.0.0.1" not in host_addresses(IceSettings())
    assert host_addresses(IceSettings(interfaces=("lo",), ipv6=False)) == ["127.0.0.1"]
    assert host_addresses(IceSettings(interfaces=("127.0.0.1",))) == ["127.0.0.1"]
    assert host_addresses(IceSettings(interfaces=("nothing0",))) == []
    assert {a for a, _ in await answered(IceSettings(interfaces=("127.0.0.1",)))} == {"127.0.0.1"}


async def test_ports_are_of_the_range_and_a_full_range_is_refused_until_one_is_free() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    settings = IceSettings(interfaces=("127.0.0.1",), ports=(free, free))
    peer = await Peer.answer(GOOD, settings)
    assert candidates(peer.answer_sdp) == {("127.0.0.1", free)}
    with pytest.raises(Busy, match="UDP port"):
        await answered(settings)
    await peer.close()
    assert await answered(settings) == {("127.0.0.1", free)}


async def test_a_nat_address_takes_the_place_of_the_private_one() -> None:
    public = "198.51.100.7"
    outside = {a for a, _ in await answered(IceSettings(public_address=public, ipv6=False))}
    private = set(host_addresses(IceSettings(ipv6=False)))
    assert outside == ({public} if private else set())
    assert {a for a, _ in await answered(IceSettings(interfaces=("lo",), ipv6=False))} == {
        "127.0.0.1"
    }


async def test_dead_servers_cost_the_cap_and_no_more() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        settings = IceSettings(
            interfaces=("127.0.0.1",),
            servers=(
                IceServer(f"stun:127.0.0.1:{port}"),
                IceServer(f"turn:127.0.0.1:{port}", "user", "secret"),
            ),
            gather_seconds=0.2,
        )
        loop = asyncio.get_running_loop()
        started = loop.time()
        peer = await Peer.answer(GOOD, settings)
        assert 0.2 <= loop.time() - started < 2.0
        assert {a for a, _ in candidates(peer.answer_sdp)} == {"127.0.0.1"}
        await peer.close()


async def test_stun_is_asked_again_soon() -> None:
    await answered(IceSettings(interfaces=("127.0.0.1",)))
    assert aioice.stun.RETRY_RTO == 0.1


async def test_no_sockets_are_left_when_an_offer_is_refused_or_cancelled() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    settings = IceSettings(
        interfaces=("127.0.0.1",),
        ports=(free, free),
        servers=(IceServer("stun:127.0.0.1:9"),),
        gather_seconds=5.0,
    )
    answering = asyncio.create_task(Peer.answer(GOOD, settings))
    await asyncio.sleep(0.2)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    with pytest.raises(BadOffer):
        await Peer.answer(GOOD.replace("PCMU/8000", "PCMU"), settings)
    await until(lambda: is_free(free))


def is_free(port: int) -> bool:
    """Whether nobody has this UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


@pytest.mark.parametrize(
    "fields",
    [
        {"ports": (0, 100)},
        {"ports": (200, 100)},
        {"ports": (1, 70_000)},
        {"public_address": "example"},
        {"public_address": "2001:db8::1"},
        {"servers": (IceServer("http://example"),)},
    ],
)
def test_settings_out_of_range_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        IceSettings(**fields)  # type: ignore[arg-type]


def test_turn_credentials_are_as_coturn_computes_them() -> None:
    username, credential = turn_credentials("north", "anna", 600, 1_700_000_000.9)
    assert username == "1700000600:anna"
    digest = hmac.new(b"north", username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(credential) == digest
    assert len(credential) == 28
