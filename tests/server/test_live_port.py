"""A page's channel that may send only some events: what it may not send is counted all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from server.dialects.openai_live import LiveDialect
from server.dialects.openai_live_settings import LiveSettings
from server.live_port import _frontend
from server.session_events import Flood
from server.steering_events import SettingsAsked
from tests.server.in_process import _Wire
from tests.server.openai_sessions import JumpingLoop


def event(kind: str) -> str:
    return json.dumps({"type": kind})


def at_once(test: Coroutine[Any, Any, None]) -> None:
    """Run it while no time passes, so that what comes too fast is no matter of the machine."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(test)


def test_what_may_not_be_sent_is_refused_and_too_much_of_it_dropped() -> None:
    at_once(_refused_and_dropped())


async def _refused_and_dropped() -> None:
    allowed = {"allowed_client_events": ["session.close"]}
    settings = LiveSettings({"model": "any", "client": {"data_channel": allowed}}, False)
    wire = _Wire()
    channel = _frontend(wire, LiveDialect(settings, 2_000_000_000))
    came: list[str] = []
    channel.on_text(came.append)
    for text in (event("session.close"), event("session.update"), "no JSON"):
        wire.say(text)
    assert came == [event("session.close"), "no JSON"]
    for _ in range(500):
        wire.say(event("session.update"))
    wire.say(event("session.close"))
    assert len(came) == 2, "too fast to be read"
    codes = [one["error"]["code"] for one in wire.told if one["type"] == "error"]
    assert codes.count("event_not_allowed") <= 200 and "rate_limit_exceeded" in codes


def test_a_flood_of_what_may_not_be_sent_ends_the_session() -> None:
    at_once(_flooded())


async def _flooded() -> None:
    allowed = {"allowed_client_events": ["session.close"]}
    settings = LiveSettings({"model": "any", "client": {"data_channel": allowed}}, False)
    wire, dialect = _Wire(), LiveDialect(settings, 2_000_000_000)
    channel = _frontend(wire, dialect)
    decoded: list[object] = []
    channel.on_text(lambda text: decoded.append(dialect.decode(text, 0.0)))
    for _ in range(2_500):
        wire.say(event("session.update"))
    assert any(isinstance(one, Flood) for one in decoded)
    assert not any(isinstance(one, SettingsAsked) for one in decoded)
