"""What the client asks for anew with every connection, and when it asks for no other one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from client import ErrorEvent, Refused, SessionEnded, SessionStarted, SettingsChanged, connect
from client.conversation import Conversation
from client.values import Settings, SettingsNow
from client.wanted import MAX_UPDATES, Wanted
from tests.client.wires import Server, Wire
from tests.waiting import until

NOW = SettingsNow(
    instructions="",
    voice="",
    eagerness=0.5,
    greeting="",
    backchannels=True,
    manual_turns=False,
    tools=(),
    tool_choice="auto",
)


def taken(name: str) -> SettingsChanged:
    return SettingsChanged(seq=0, at_ms=0, settings=NOW, event_id=name)


def refused(name: str | None, fatal: bool = False) -> ErrorEvent:
    return ErrorEvent(
        seq=0, at_ms=0, code="bad_field", message="It does not fit.", fatal=fatal, event_id=name
    )


def asked(wanted: Wanted, settings: Settings) -> str:
    name: str = wanted.update(settings)["event_id"]
    return name


# ---- settings


def test_what_was_refused_is_not_named_again_however_late() -> None:
    wanted = Wanted({"instructions": "Be brief.", "eagerness": 0.2})
    names = [asked(wanted, {"instructions": "long", "voice": "a"}), asked(wanted, {"voice": "b"})]
    assert len(set(names)) == 2, "though no event came in between"
    assert wanted.offered() == {"instructions": "Be brief.", "eagerness": 0.2}
    for name in names:
        wanted.hear(taken(name))
    assert wanted.offered() == {"instructions": "long", "eagerness": 0.2, "voice": "b"}
    wanted.hear(refused(names[0]))
    wanted.hear(taken(names[0]))  # what holds then, by the name of what was refused
    assert wanted.offered() == {"instructions": "Be brief.", "eagerness": 0.2, "voice": "b"}
    wanted.hear(refused(asked(wanted, {"voice": "c"})))
    wanted.hear(refused(None))
    wanted.hear(taken("somebody else's"))
    assert wanted.offered()["voice"] == "b"


def test_updates_without_end_are_kept_in_few() -> None:
    wanted = Wanted({})
    for n in range(3 * MAX_UPDATES):
        wanted.hear(taken(asked(wanted, {"eagerness": n / 100})))
        asked(wanted, {"voice": "never answered"})
    assert wanted.offered() == {"eagerness": (3 * MAX_UPDATES - 1) / 100}
    assert len(wanted._taken) == len(wanted._asked) == MAX_UPDATES


def test_ones_own_tools_stand_behind_whichever_are_named() -> None:
    wanted = Wanted({}, [{"name": "weather"}])
    assert wanted.offered() == {"tools": [{"name": "weather"}]}
    request = wanted.update({"tools": ["current_time"]})
    assert request["settings"] == {"tools": ["current_time", {"name": "weather"}]}
    wanted.hear(taken(request["event_id"]))
    assert wanted.offered() == {"tools": ["current_time", {"name": "weather"}]}
    assert wanted.update({"voice": "a"})["settings"] == {"voice": "a"}


# ---- a conversation


def message(event: Any, at_ms: int = 0) -> str:
    return json.dumps({"type": event.type, **asdict(event), "at_ms": at_ms})


STARTED = SessionStarted(seq=0, at_ms=0, session="s", dialect=1, resumed=True, parts={}, turns=())
FAILED = SessionEnded(seq=0, at_ms=0, reason="internal")


@pytest.fixture
async def conversation(
    wires: list[Wire], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Conversation]:
    """One that has begun; its server takes every offer."""
    server = Server()
    monkeypatch.setattr("client.conversation.Signalling", lambda *_: server)
    begun = connect("http://localhost:9", settings={"instructions": "Be brief."})
    begun.offers = server.offers  # type: ignore[attr-defined]
    opening = asyncio.ensure_future(begun.open())
    await until(lambda: begun.state == "live")
    begun.on_message(message(STARTED))
    await opening
    yield begun
    await begun.close()


def offers(conversation: Conversation) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = conversation.offers  # type: ignore[attr-defined]
    return found


async def test_an_update_that_the_engine_refuses_is_not_offered_again(
    conversation: Conversation, wires: list[Wire]
) -> None:
    updating = asyncio.ensure_future(conversation.update({"instructions": "long"}))
    await until(lambda: bool(wires[0].sent))
    name = wires[0].sent[0]["event_id"]
    conversation.on_message(message(taken(name)))
    assert (await updating).event_id == name
    conversation.on_message(message(refused(name)))
    conversation.on_message(message(taken(name)))
    wires[0].cut()
    await until(lambda: len(offers(conversation)) == 2 and conversation.state == "live")
    assert [one["settings"] for one in offers(conversation)] == [{"instructions": "Be brief."}] * 2


@pytest.mark.parametrize(
    ("fatal", "at_ms", "goes_on"), [(True, 0, False), (True, 9_000, True), (False, 0, True)]
)
async def test_what_fails_as_soon_as_it_begins_is_not_asked_for_again(
    conversation: Conversation, wires: list[Wire], fatal: bool, at_ms: int, goes_on: bool
) -> None:
    feed = conversation.events()
    conversation.on_message(message(refused(None, fatal), at_ms))
    conversation.on_message(message(FAILED, at_ms))
    wires[0].cut()
    if goes_on:
        await until(lambda: len(wires) == 2 and conversation.state == "live")
        return
    assert conversation.state == "ended"
    with pytest.raises(Refused, match="does not fit"):
        _ = [event async for event in feed]
    await conversation.close()
    assert len(wires) == 1


async def test_a_conversation_that_fails_at_once_is_not_begun(
    wires: list[Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.conversation.Signalling", lambda *_: Server())
    begun = connect("http://localhost:9")

    async def accept(wire: Wire, sdp: str) -> None:
        for event in (STARTED, refused(None, True), FAILED):
            begun.on_message(message(event))

    monkeypatch.setattr(Wire, "accept", accept)
    with pytest.raises(Refused, match="does not fit"):
        await begun.open()
    assert begun.state == "ended" and wires[0].closed
