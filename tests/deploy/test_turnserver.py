"""The relay of deploy/turnserver.conf, with coturn: it leads to Counterpoint and nowhere else."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import aioice.stun
import aioice.turn
import pytest

from server.webrtc.ice import turn_credentials
from tests.network.coturn import HERE, coturn

CONF: Final = Path(__file__).resolve().parents[2] / "deploy" / "turnserver.conf"
COUNTERPOINT: Final = "203.0.113.7"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[int]:
    """Its port. Counterpoint is on the loopback, and there are no certificates."""
    given = CONF.read_text("utf-8")
    assert f"allowed-peer-ip={COUNTERPOINT}\n" in given
    kept = re.sub(r"(?m)^(cert|pkey|\S*listening-port)=.*\n", "", given)
    (tmp_path / "conf").write_text(kept.replace(COUNTERPOINT, HERE))
    with coturn(tmp_path, "-c", str(tmp_path / "conf"), "--allow-loopback-peers") as port:
        yield port


async def allocation(port: int, secret: str, lives_seconds: int = 60) -> Any:
    """A relay for a page, as it is told of one."""
    name, password = turn_credentials(secret, "page", lives_seconds, time.time())
    transport, _ = await aioice.turn.create_turn_endpoint(
        asyncio.DatagramProtocol, server_addr=(HERE, port), username=name, password=password
    )
    return transport


async def test_it_leads_to_counterpoint_and_nowhere_else(relay: int) -> None:
    transport = await allocation(relay, "CHANGE-ME")
    client = transport._TurnTransport__inner_protocol
    await client.send_data(b"media", (HERE, 50_000))
    for elsewhere in ("10.0.0.5", "127.0.0.2", "198.51.100.1"):
        with pytest.raises(aioice.stun.TransactionFailed, match="403"):
            await client.send_data(b"media", (elsewhere, 50_000))
    transport.close()
    await asyncio.sleep(0.1)


async def test_many_people_may_use_it_at_once(relay: int) -> None:
    """All have one name in it: a quota of one user's would be everybody's."""
    held = [await allocation(relay, "CHANGE-ME", 60 + n) for n in range(14)]
    for transport in held:
        transport.close()
    await asyncio.sleep(0.1)


async def test_another_secret_is_refused(relay: int) -> None:
    with pytest.raises(aioice.stun.TransactionFailed, match="401"):
        await allocation(relay, "another")
