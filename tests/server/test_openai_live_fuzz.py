"""Ten thousand messages of a Live client that does not mean well, to real Sessions."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import pytest

from server.dialects.openai_live import LiveDialect
from server.dialects.openai_live_settings import LiveSettings
from server.dialects.openai_live_wire import FIELDS
from server.live_port import LivePort
from tests.server.fuzzing import Fuzz, value
from tests.server.openai_sessions import Client, Engine, JumpingLoop

NAMES: Final = (
    "session",
    "content",
    "delegation_id",
    "audio",
    "item",
    "item_id",
    "delegation",
    "triggers",
) + ("type", "acknowledgement_delay_ms", "model", "instructions", "event", "text", "more")
SESSION: Final = {"model": "any", "delegation": {"type": "client"}}
# A client that ends its session is another test's.
KINDS: Final = tuple(kind for kind in FIELDS if kind != "session.close")


def client(engine: Engine) -> Client:
    settings = LiveSettings(SESSION, in_messages=True)
    dialect = LiveDialect(settings, 2_000_000_000, in_messages=True)
    return Client(dialect, engine, settings.values(), lambda port: LivePort(port, dialect, None))


def message(dice: random.Random, client: Client) -> dict[str, Any]:
    told = [one for one in client.told[-200:] if one["type"] == "session.delegation.created"]
    known = [one["delegation"]["id"] for one in told] + ["c0"]
    kind = dice.choice(KINDS) if dice.random() < 0.97 else dice.choice(("nonsense", 5, None))
    made: dict[str, Any] = {"type": kind}
    for name in sorted(FIELDS.get(kind, ())) if isinstance(kind, str) else ():
        if dice.random() < 0.9:
            made[name] = value(dice, 0, NAMES, known)
    if dice.random() < 0.1:
        made[dice.choice(NAMES)] = value(dice, 0, NAMES, known)
    if "content" in made and dice.random() < 0.6:
        made |= {"content": "It rains.", "delegation_id": dice.choice([None, *known])}
    if "audio" in made and dice.random() < 0.5:
        made["audio"] = "AAAA" * 300
    if "session" in made and dice.random() < 0.4:
        made["session"] = {"delegation": {"type": "client", "acknowledgement_delay_ms": 5}}
    return made


@pytest.mark.timeout(120)
def test_ten_thousand_messages_are_answered_or_refused_by_name() -> None:
    async def run() -> Fuzz:
        dice = random.Random(6)
        engine = Engine(dice)
        clients = [client(engine) for _ in range(3)]
        await asyncio.sleep(0.5)
        fuzz = Fuzz(dice, clients[:2], clients[2], message, lambda one: one.get("client_event_id"))
        await fuzz.run()
        kinds = {event["type"] for event in clients[0].told + clients[1].told}
        assert {"session.delegation.created", "session.output_audio.fixture.played"} <= kinds
        assert {"session.commentary.appended", "session.output_transcript.delta"} <= kinds
        assert clients[0].told[-1]["type"] == "session.closed"
        return fuzz

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        fuzz = runner.run(run())
    assert fuzz.refused > 2_000 and fuzz.taken > 2_000, (fuzz.refused, fuzz.taken)
