"""Ten thousand messages of a Realtime client that does not mean well, to real Sessions."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import pytest

from server.dialects.openai_items import MAX_ITEMS
from server.dialects.openai_realtime import RealtimeDialect
from server.dialects.openai_settings import RealtimeSettings
from tests.server.fuzzing import Fuzz, value
from tests.server.openai_sessions import Client, Engine, JumpingLoop

KINDS: Final = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "output_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.truncate",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
)
FIELDS: Final = (
    ("session", "item", "item_id", "previous_item_id", "content_index", "audio_end_ms", "audio")
    + ("response", "response_id", "type", "role", "content", "text", "id", "call_id", "output")
    + ("instructions", "input", "format", "turn_detection", "eagerness", "tools", "metadata")
    + ("output_modalities", "voice", "speed", "transcription", "name", "parameters", "tool_choice")
)
TOOL: Final = {"type": "function", "name": "weather", "parameters": {"type": "object"}}


def client(engine: Engine, in_messages: bool) -> Client:
    settings = RealtimeSettings()
    settings.update({"tools": [TOOL]})
    return Client(RealtimeDialect(settings, in_messages), engine, settings.values())


def items(client: Client) -> list[str]:
    dialect: Any = client.dialect
    return [item.id for item in dialect.telling.items]


def message(dice: random.Random, client: Client) -> dict[str, Any]:
    known = items(client)[-20:]
    kind = dice.choice(KINDS) if dice.random() < 0.97 else dice.choice(("nonsense", 5, None))
    made: dict[str, Any] = {"type": kind}
    text = {"type": "input_text", "text": "hello"}
    plain = {"type": "message", "role": "user", "content": [text]}
    for name in dice.sample(FIELDS[:9], dice.randrange(4)):
        made[name] = value(dice, 0, FIELDS, known)
    if dice.random() < 0.3:
        made["item"] = plain
    if dice.random() < 0.3 and known:
        made["item_id"], made["audio_end_ms"] = dice.choice(known), dice.randrange(100)
    if dice.random() < 0.2:
        made["session"] = {"instructions": "Be kind.", "tools": [TOOL]}
    return made


@pytest.mark.timeout(120)
def test_ten_thousand_messages_are_answered_or_refused_by_name() -> None:
    async def run() -> Fuzz:
        dice = random.Random(5)
        engine = Engine(dice)
        clients = [client(engine, in_messages) for in_messages in (False, True, True)]
        await asyncio.sleep(0.5)
        fuzz = Fuzz(
            dice, clients[:2], clients[2], message, lambda one: one["error"].get("event_id")
        )
        await fuzz.run()
        kinds = {event["type"] for event in clients[0].told + clients[1].told}
        assert {"response.function_call_arguments.done", "conversation.item.truncated"} <= kinds
        assert {"response.done", "session.updated", "conversation.item.retrieved"} <= kinds
        assert all(len(items(one)) <= MAX_ITEMS for one in clients)
        return fuzz

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        fuzz = runner.run(run())
    assert fuzz.refused > 2_000 and fuzz.taken > 2_000, (fuzz.refused, fuzz.taken)
