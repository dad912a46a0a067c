"""A Session that fails on the way gives everything back, says so, and leaves others alone."""

from __future__ import annotations

import asyncio
import json

import pytest

from model.messages import AgentWord, MicroTurnOutput, OpenStream, Said
from server.dialects.counterpoint import CounterpointDialect
from server.engine_client import StreamOwner
from server.errors import EngineTooSlow
from server.registry import Registry
from server.session_events import (
    Problem,
    SessionEnded,
    SessionEnding,
    SessionEvent,
    SessionStarted,
)
from tests.server.in_process import ScriptedEngine, Talk

PING = json.dumps({"type": "ping", "sent_ms": 1})


class Broken(CounterpointDialect):
    """Our dialect, with no form for some events."""

    def __init__(self, *unknown: type) -> None:
        super().__init__()
        self._unknown = unknown

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        if isinstance(event, self._unknown):
            raise ValueError(type(event).__name__)
        return super().encode(event, at_seconds)


class Stuck(ScriptedEngine):
    """It takes no stream."""

    def open(self, opening: OpenStream, owner: StreamOwner) -> None:
        super().open(opening, owner)
        raise EngineTooSlow("The engine does not read its messages.")


def begun(*unknown: type, engine: ScriptedEngine | None = None) -> Talk:
    """A conversation whose dialect has no form for these."""
    return Talk(engine or ScriptedEngine(), Registry(60.0), Broken(*unknown))


def given_back(talk: Talk) -> bool:
    """Whether nobody waits for it, and its client's connection is closed."""
    return talk.session.released.is_set() and talk._port.gone.is_set()


@pytest.mark.parametrize("unknown", [(), (SessionEnded,), (SessionEnding, SessionEnded)])
async def test_an_end_that_cannot_be_told_is_an_end(unknown: tuple[type, ...]) -> None:
    engine = ScriptedEngine()
    talk = begun(*unknown, engine=engine)
    await talk.live()
    assert engine.streams == 1
    talk.session.end("replaced", 0.0)
    assert await asyncio.wait_for(talk.run, 5.0) == "replaced"
    assert given_back(talk) and engine.streams == 0


@pytest.mark.parametrize("unknown", [(SessionStarted,), (SessionStarted, Problem, SessionEnded)])
async def test_a_session_that_cannot_begin_ends(unknown: tuple[type, ...]) -> None:
    talk = begun(*unknown)
    assert await asyncio.wait_for(talk.run, 5.0) == "internal"
    assert given_back(talk)
    fatal = [one["fatal"] for one in talk.told if one["type"] == "error"]
    assert fatal == [True] * (Problem not in unknown)


async def test_what_began_badly_obeys_nothing_any_more() -> None:
    engine = Stuck()
    talk = begun(engine=engine)
    await asyncio.wait_for(talk.session.released.wait(), 5.0)
    assert [one["type"] for one in talk.told] == ["session.started", "error", "session.ended"]
    assert talk.say(PING, 1.0) == [] and engine.streams == 0
    await talk.run


async def test_what_the_engine_says_and_cannot_be_told_ends_the_session_aloud() -> None:
    engine = ScriptedEngine()
    talk, other = begun(Said, engine=engine), begun(engine=engine)
    for one in (talk, other):
        await one.live()
    for stream in tuple(engine.scripts):
        said = Said(0, (AgentWord("Hello", 0, 960),))
        engine._receive(MicroTurnOutput(stream, 5, (), (said, said)))
    assert await asyncio.wait_for(talk.run, 5.0) == "internal"
    assert [one.get("fatal") for one in talk.told if one["type"] == "error"] == [True]
    assert talk.told[-1]["type"] == "session.ended" and given_back(talk)
    assert [one["type"] for one in other.told].count("agent.words") == 2
    assert other.say(PING, 1.0)[0]["type"] == "pong"
    other.session.end("hung_up")
    await other.run
