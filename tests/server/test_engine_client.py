"""When the server gives its engine up."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest

from server import engine_client
from server.engine_client import EngineClient
from server.errors import EngineLost
from server.settings import Settings


def loads_long_and_ends(connection: Connection, settings: dict[str, Any]) -> None:
    """An engine that is never ready, which takes it longer than a good run."""
    time.sleep(0.3)


async def test_an_engine_that_loads_long_and_never_is_ready_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_client, "_GOOD_RUN_SECONDS", 0.1)
    monkeypatch.setattr(engine_client, "_BACKOFF_SECONDS", (0.0,))
    client = EngineClient(Settings(engine_restarts=2), loads_long_and_ends)
    with pytest.raises(EngineLost, match="3 times in a row"):
        await asyncio.wait_for(client.run(), 60.0)
    assert client.status == "failed" and client.restarts == 3
