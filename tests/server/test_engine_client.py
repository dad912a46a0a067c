"""When the server gives its engine up."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection
from typing import Any

import pytest

from model.messages import EngineReady, MicroTurnOutput, OpenStream, StreamClosed
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


async def test_an_engine_that_cannot_even_be_started_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(engine_client, "EngineProcess", never)
    client = EngineClient(Settings())
    with pytest.raises(EngineLost, match="new thread"):
        await asyncio.wait_for(client.run(), 5.0)
    assert client.status == "failed" and "new thread" in client.failure


class Owner:
    """Notes what it is told; a broken one raises at everything, and ends itself first."""

    def __init__(self, stream: int, broken: bool) -> None:
        self.told: list[str] = []
        self._stream = stream
        self._broken = broken

    def engine_output(self, output: MicroTurnOutput) -> None:
        self._tell("output")

    def engine_lost(self) -> None:
        self._tell("lost")

    def engine_back(self) -> OpenStream:
        self._tell("back")
        return OpenStream(self._stream)

    def engine_refused(self, reason: str) -> None:
        self._tell("refused")

    def _tell(self, what: str) -> None:
        self.told.append(what)
        if self._broken:
            raise ValueError(what)


class Engine:
    """As much of an EngineProcess as is served."""

    ready = EngineReady(4, "cpu", {})

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.sent: list[Any] = []
        self.send = self.sent.append
        self.on_message: Any = None


async def test_a_session_that_fails_takes_the_engine_from_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, engine = EngineClient(Settings()), Engine()
    owners = [Owner(stream, broken=stream == 1) for stream in (1, 2)]
    for stream, owner in enumerate(owners, 1):
        client.open(OpenStream(stream), owner)
    serving = asyncio.create_task(client._serve(engine))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert [opening.stream for opening in engine.sent] == [2]
    for stream in (1, 2):
        engine.on_message(MicroTurnOutput(stream, 0))
    engine.gone.set()
    await serving
    for stream in (1, 2):
        client._receive(StreamClosed(stream, "why"))
    assert owners[1].told == ["back", "output", "lost", "refused"]
    assert owners[0].told == ["back", "refused", "output", "refused", "lost", "refused"] + (
        ["refused"] * 2
    )
    assert "ValueError: back" in caplog.text
