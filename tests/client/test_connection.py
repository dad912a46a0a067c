"""The client's connection without a network: what fails while it is made again, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from client import ConversationError, Refused, Unreachable
from client.connection import ATTEMPTS, Connection
from client.mouth import Mouth
from client.sound import Audio
from tests.client.wires import Server, Wire
from tests.waiting import until


class Told:
    """Listens."""

    def __init__(self) -> None:
        self.lost: list[str] = []
        self.ends: list[ConversationError | None] = []
        self.places: list[int] = []

    def on_message(self, text: str) -> None:
        raise AssertionError(text)

    def on_audio(self, audio: Audio) -> None:
        raise AssertionError(len(audio))

    def on_place(self, place: int) -> None:
        self.places.append(place)

    def on_lost(self, why: str) -> None:
        self.lost.append(why)

    def on_end(self, error: ConversationError | None) -> None:
        self.ends.append(error)


class Faulty(Told):
    """Fails when it is told of a loss, as nobody foresaw."""

    def on_lost(self, why: str) -> None:
        raise ZeroDivisionError("odd")


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


def refusal(code: str, again: float | None, place: int | None = None) -> Refused:
    error = Refused(code, 503, code, again)
    error.place = place
    return error


async def test_who_stands_in_line_stays_there_while_the_server_hiccups(wires: list[Wire]) -> None:
    server, told = Server(), Told()
    server.failures = [
        refusal("busy", 0.0, place=2), refusal("not_ready", 0.0), Unreachable("proxy"),
        refusal("busy", 0.0, place=1),
    ]  # fmt: skip
    connection = connection_to(server, told)
    await connection.open()
    assert (told.places, connection.state, len(server.offers)) == ([2, 1], "live", 5)
    await connection.close()


@pytest.mark.parametrize("error", [refusal("not_ready", 0.0), Unreachable("proxy")])
async def test_who_stands_in_no_line_is_told_at_once(wires: list[Wire], error: Exception) -> None:
    server, told = Server(), Told()
    server.failures = [error]
    with pytest.raises(type(error)):
        await connection_to(server, told).open()
    assert len(server.offers) == 1


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


async def test_who_is_told_to_wait_has_not_failed(wires: list[Wire]) -> None:
    server, told = Server(), Told()
    connection = connection_to(server, told)
    await connection.open()
    for place in range(3 * ATTEMPTS, 0, -1):
        full = Refused("All places are taken.", 503, "busy", 0.0)
        full.place = place
        server.failures.append(full)
    wires[0].cut()
    await until(lambda: not server.failures and connection.state == "live")
    await connection.close()
    assert told.ends == [None] and told.places == [*range(3 * ATTEMPTS, 0, -1)]


async def test_what_is_over_before_it_is_known_to_be_connected_stays_over(
    wires: list[Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(Server(), told := Told())

    async def accept(wire: Wire, sdp: str) -> None:
        connection.over(error)

    error = Refused("The voice gave up.", 500)
    monkeypatch.setattr(Wire, "accept", accept)
    await connection.open()
    await until(lambda: wires[0].closed)
    assert connection.state == "ended" and connection.error is error
    await connection.close()
    assert told.ends == [error] and len(wires) == 1
