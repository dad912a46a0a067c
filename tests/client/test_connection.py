"""The client's connection without a network: what fails while it is made again, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from client import ConversationError, Unreachable
from client.connection import ATTEMPTS, Connection
from client.mouth import Mouth
from client.signalling import Key, Signalling
from client.sound import Audio
from tests.waiting import until


class Wire:
    """Stands for a line; it holds until the test cuts it."""

    def __init__(self) -> None:
        self.closed = False
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def offer(self) -> str:
        return "an offer"

    async def accept(self, sdp: str) -> None:
        assert sdp == "an answer"

    async def lost(self) -> str:
        return await asyncio.shield(self._lost)

    def cut(self) -> None:
        if not self._lost.done():
            self._lost.set_result("cut")

    async def close(self) -> None:
        self.cut()
        self.closed = True


class Server(Signalling):
    """Answers every offer, once it has failed with each of `failures`."""

    def __init__(self, key: Key = "") -> None:
        super().__init__("http://localhost:9", key)
        self.offers: list[Mapping[str, Any]] = []
        self.failures: list[Exception] = []

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        most_bytes: int,
        body: Mapping[str, Any] | None = None,
    ) -> str:
        self.offers.append(body or {})
        if self.failures:
            raise self.failures.pop(0)
        return json.dumps({"sdp": "an answer", "session": "s", "resume_token": "token"})


class Told:
    """Listens."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.ends: list[ConversationError | None] = []

    def on_message(self, text: str) -> None:
        raise AssertionError(text)

    def on_audio(self, audio: Audio) -> None:
        raise AssertionError(len(audio))

    def on_place(self, place: int) -> None:
        raise AssertionError(place)

    def on_lost(self, why: str) -> None:
        self.lost.append(why)

    def on_end(self, error: ConversationError | None) -> None:
        self.ends.append(error)


class Faulty(Told):
    """Fails when it is told of a loss, as nobody foresaw."""

    def on_lost(self, why: str) -> None:
        raise ZeroDivisionError("odd")


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    """Those that were laid; nothing is waited for between attempts."""
    laid: list[Wire] = []

    def lay(*_: object) -> Wire:
        laid.append(Wire())
        return laid[-1]

    monkeypatch.setattr("client.connection.Line", lay)
    monkeypatch.setattr("client.connection.WAITS_SECONDS", (0.0,))
    return laid


def connection_to(
    server: Server, told: Told, settings: Mapping[str, Any] | None = None
) -> Connection:
    return Connection(server, Mouth(), lambda: settings or {}, told)


@pytest.mark.parametrize(
    "error",
    [OSError("no route"), aiohttp.ClientError("gone"), ValueError("no SDP"), RuntimeError("odd")],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_fails_in_one_attempt_another_is_made(
    wires: list[Wire], error: Exception
) -> None:
    server, told = Server(), Told()
    connection = connection_to(server, told)
    await connection.open()
    server.failures = [error, error]
    wires[0].cut()
    await until(lambda: len(wires) == 4 and connection.state == "live")
    await connection.close()
    assert (told.lost, told.ends) == (["cut"], [None])
    assert [wire.closed for wire in wires] == [True] * 4


async def test_a_key_function_that_fails_is_asked_again(wires: list[Wire]) -> None:
    keys: list[str | Exception] = ["first", KeyError("vault"), "second"]

    def key() -> str:
        if isinstance(one := keys.pop(0), Exception):
            raise one
        return one

    told = Told()
    connection = connection_to(Server(key), told)
    await connection.open()
    wires[0].cut()
    await until(lambda: not keys and connection.state == "live")
    await connection.close()
    assert (told.lost, told.ends) == (["cut"], [None])


async def test_a_key_function_that_fails_at_first_is_told(wires: list[Wire]) -> None:
    async def key() -> str:
        raise KeyError("vault")

    told = Told()
    with pytest.raises(Unreachable, match="given as `key` failed: KeyError: 'vault'") as failed:
        await connection_to(Server(key), told).open()
    assert isinstance(failed.value.__cause__, KeyError)
    assert told.ends == [failed.value]  # Who listens already is not left waiting.
    assert [wire.closed for wire in wires] == [True]


async def test_after_the_last_attempt_it_ends_with_what_failed(wires: list[Wire]) -> None:
    server, told = Server(), Told()
    connection = connection_to(server, told)
    await connection.open()
    server.failures = [RuntimeError("odd") for _ in range(ATTEMPTS)]
    wires[0].cut()
    await until(lambda: connection.state == "ended")
    await connection.close()
    (error,) = told.ends
    assert isinstance(error, Unreachable) and "RuntimeError: odd" in str(error)
    assert error.__cause__ is not None
    assert isinstance(error.__cause__.__cause__, RuntimeError)


async def test_what_nobody_foresaw_ends_it_and_closing_is_quiet(wires: list[Wire]) -> None:
    told = Faulty()
    connection = connection_to(Server(), told)
    await connection.open()
    wires[0].cut()
    await until(lambda: wires[0].closed)
    await connection.close()
    (error,) = told.ends
    assert isinstance(error, Unreachable) and isinstance(error.__cause__, ZeroDivisionError)


async def test_who_goes_on_names_the_settings_again(wires: list[Wire]) -> None:
    settings = {"greeting": "Hello.", "eagerness": 0.2}
    server = Server()
    connection = connection_to(server, Told(), settings)
    await connection.open()
    wires[0].cut()
    await until(lambda: len(server.offers) == 2 and connection.state == "live")
    await connection.close()
    assert [offer["settings"] for offer in server.offers] == [settings, settings]
    assert [offer.get("resume") for offer in server.offers] == [None, "token"]
