"""What pipecat's clients begin with one secret: once, and for as long as it holds."""

from __future__ import annotations

import asyncio
import json
import time
from types import SimpleNamespace
from typing import Any

import pytest

from model.orders import StreamSettings
from server import pipecat_routes
from server.auth import ApiKey, Gate, Grant, digest, new_key
from server.dialects.kept import Kept
from server.dialects.rtvi import RtviDialect
from server.errors import NotFound
from server.pipecat_calls import START_SECONDS, Connections
from server.session_events import Several
from server.steering_events import LookAsked, LookChanged, SettingsAsked
from server.visitor import Visitor
from tests.server.in_app import BAD_SDP, Answer, App, app

SHOWN = digest("ek_shown")
PATH = "/pipecat/api/offer"


@pytest.fixture
def key() -> tuple[str, ApiKey]:
    return new_key("shop")


def one_use(gate: Gate, token: str) -> str:
    now = time.time()
    return gate.mint(gate.show_key(token, now), Grant(seconds=60, uses=1), now)[0]


async def offer(
    here: App, token: str, path: str = PATH, *, sdp: str = "offer", pc_id: str = ""
) -> Answer:
    """An offer; with a `pc_id` for a new connection."""
    again = {"pc_id": pc_id, "restart_pc": True} if pc_id else {}
    return await here.ask("POST", path, {"type": "offer", "sdp": sdp, **again}, token)


async def started(here: App, token: str) -> str:
    """The path for the offer of a session that was asked for."""
    told = await here.ask("POST", "/pipecat/start", {}, token)
    return f"/pipecat/sessions/{told.body['sessionId']}/api/offer"


# ---- sessions that are asked for first -----------------------------------------------------------


def test_what_was_announced_is_taken_once() -> None:
    connections = Connections()
    id = connections.announce(Visitor("a", Gate(None)), SHOWN, {}, 0.0)
    with connections.taken(id, SHOWN, 1.0) as start:
        assert start.guest.address == "a"
        with pytest.raises(NotFound), connections.taken(id, SHOWN, 1.0):
            pass
    with pytest.raises(NotFound), connections.taken(id, SHOWN, 1.0):
        pass


def test_what_could_not_be_begun_is_there_again() -> None:
    connections = Connections()
    id = connections.announce(Visitor("a", Gate(None)), SHOWN, {}, 0.0)
    with pytest.raises(ValueError), connections.taken(id, SHOWN, 1.0):
        raise ValueError
    for shown, now in ((digest("ek_other"), 1.0), (SHOWN, START_SECONDS)):
        with pytest.raises(NotFound), connections.taken(id, shown, now):
            pass
    with connections.taken(id, SHOWN, START_SECONDS - 1.0) as start:
        assert start.shown == SHOWN


async def test_offers_that_come_together_begin_one_session(key: tuple[str, ApiKey]) -> None:
    async with app(key[1]) as here:
        path = await started(here, key[0])
        assert (await offer(here, key[0], path, sdp=BAD_SDP)).status == 400
        answers = await asyncio.gather(*(offer(here, key[0], path) for _ in range(3)))
        assert sorted(one.status for one in answers) == [200, 404, 404]
        assert len(here.reception.sessions) == 1


async def test_a_use_is_one_session_however_many_were_asked_for(key: tuple[str, ApiKey]) -> None:
    async with app(key[1]) as here:
        shown = one_use(here.gate, key[0])
        paths = [await started(here, shown) for _ in range(3)]
        answers = await asyncio.gather(*(offer(here, shown, path) for path in paths))
        assert sorted(one.status for one in answers) == [200, 401, 401]
        assert len(here.reception.sessions) == 1


# ---- connections that are made anew --------------------------------------------------------------


async def test_a_conversation_takes_one_use_however_often_it_is_connected(
    key: tuple[str, ApiKey],
) -> None:
    async with app(key[1]) as here:
        shown = one_use(here.gate, key[0])
        begun = (await offer(here, shown)).body["pc_id"]
        for _ in range(2):
            again = await offer(here, shown, pc_id=begun)
            assert (again.status, again.body["pc_id"]) == (200, begun)
        assert len(here.reception.registry) == 1
        assert (await offer(here, shown)).status == 401


async def test_a_secret_that_has_expired_connects_nothing_anew(
    key: tuple[str, ApiKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app(key[1]) as here:
        shown = one_use(here.gate, key[0])
        begun = (await offer(here, shown)).body["pc_id"]
        later = SimpleNamespace(time=lambda: time.time() + 61.0)
        monkeypatch.setattr(pipecat_routes, "time", later)
        refused = await offer(here, shown, pc_id=begun)
        assert (refused.status, refused.code) == (401, "unauthorized")
        assert len(here.reception.sessions) == 1, "what goes on is left alone"


async def test_a_conversation_that_is_gone_is_not_gone_on_with_for_nothing(
    key: tuple[str, ApiKey],
) -> None:
    async with app(key[1]) as here:
        shown = one_use(here.gate, key[0])
        for token, status in ((shown, 401), (key[0], 200)):
            begun = (await offer(here, token)).body["pc_id"]
            for entry in here.reception.registry:
                await here.reception.delete(entry)
            again = await offer(here, token, pc_id=begun)
            assert again.status == status
            assert again.body.get("pc_id") != begun


async def test_what_was_changed_holds_over_a_new_connection_unless_it_asks_for_more(
    key: tuple[str, ApiKey],
) -> None:
    wishes: dict[str, Any] = {
        "requestData": {"settings": {"instructions": "Be brief.", "eagerness": 0.2}}
    }
    others: dict[str, Any] = {"requestData": {"settings": {"instructions": "Rhyme."}}}
    async with app(key[1]) as here:

        async def settings(pc_id: str = "", **more: Any) -> tuple[StreamSettings, str]:
            again = {"pc_id": pc_id, "restart_pc": True} if pc_id else {}
            body = {"type": "offer", "sdp": "offer", **again, **more}
            told = await here.ask("POST", PATH, body, key[0])
            (session,) = here.reception.sessions
            return session.steering._course.settings, told.body["pc_id"]

        begun, pc_id = await settings(**wishes)
        assert (begun.instructions, begun.eagerness) == ("Be brief.", 0.2)
        (session,) = here.reception.sessions
        session.steering.act(SettingsAsked({"eagerness": 0.9}))
        for more in (wishes, {}):
            again, _ = await settings(pc_id, **more)
            assert (again.instructions, again.eagerness) == ("Be brief.", 0.9)
        anew, _ = await settings(pc_id, **others)
        assert (anew.instructions, anew.eagerness) == ("Rhyme.", 0.5)


def test_what_was_looked_at_is_looked_at_again_from_the_first_message_on() -> None:
    first = Kept(RtviDialect(), StreamSettings())
    for source, state in (("camera", "waiting"), ("screen", "looking"), ("screen", "off")):
        first.encode(LookChanged(source, state, ""), 0.0)  # type: ignore[arg-type]
    assert first.looks == {"camera"}
    again = Kept(RtviDialect(), first.settings, first.looks)
    assert again.looks == {"camera"}, "though the connection may be lost before any message"
    status = {"type": "trackStatus", "receiver_index": 1, "enabled": False}
    off = json.dumps({"type": "signalling", "message": status})
    assert again.decode(off, 0.0) == Several(
        (LookAsked("camera", True), LookAsked("camera", False))
    ), "who turned it off meanwhile has the last word"
    assert again.decode("ping: 1", 1.0) is None
    again.encode(LookChanged("camera", "absent", ""), 1.0)
    assert again.looks == set()
