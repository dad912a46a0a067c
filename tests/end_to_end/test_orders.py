"""What a client orders, through the real server with the real model: said, known, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.served import Served
from tests.end_to_end.spoken import RATE, SMALL, Talk, model_server

# Every wait ends by itself sooner than this.
pytestmark = [pytest.mark.weights, pytest.mark.timeout(240)]

WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather in a city now.",
    "parameters": {
        "type": "object",
        "properties": {"unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["unit"],
    },
}
PATIENCE = 40.0


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One server for all of it."""
    with model_server(*SMALL) as running:
        yield running


async def test_a_conversation_that_is_steered(served: Served) -> None:
    """Said in these words, appended and not answered, answered when asked, a tool in between."""
    async with served.call(rate=RATE) as caller:
        await Talk(caller).begin()

        async def event(kind: str, since: int, **fields: Any) -> dict[str, Any]:
            def fits(one: dict[str, Any]) -> bool:
                return all(one.get(name) == value for name, value in fields.items())

            return await caller.wait_for(kind, PATIENCE, since=since, where=fits)

        def ask(kind: str, **fields: Any) -> int:
            since = len(caller.events)
            caller.send({"type": kind, **fields})
            return since

        since = ask("settings.update", settings={"manual_turns": True})
        assert (await event("settings.changed", since))["settings"]["manual_turns"]

        since = ask("agent.say", text="Your taxi is here.", say="taxi")
        began = await event("agent.saying", since, say="taxi", state="began")
        await event("agent.done", since, utterance=began["utterance"])
        told = await event("agent.remembered", since, utterance=began["utterance"])
        assert told["text"] == "Your taxi is here." and not told["cut"]

        since = ask("memory.append", text="The shop closes at six.")
        caller.send({"type": "text.send", "text": "When does the shop close?"})
        await event("person.words", since, typed=True)
        await asyncio.sleep(1.5)
        assert not [one for one in caller.events[since:] if one["type"] == "agent.started"]
        since = ask("agent.answer")
        started = await event("agent.started", since)
        await event("agent.done", since, utterance=started["utterance"])

        settings = {"tools": [WEATHER], "tool_choice": "get_weather"}
        since = ask("settings.update", settings=settings)
        await event("settings.changed", since)
        caller.send({"type": "text.send", "text": "How is the weather?"})
        caller.send({"type": "agent.answer"})
        call = await event("tool.call", since)
        assert call["name"] == "get_weather"
        assert call["arguments"]["unit"] in ("celsius", "fahrenheit")
        since = ask("tool.answer", call=call["call"], text="It is sunny.")
        await event("tool.ended", since, call=call["call"], failed=False)
        started = await event("agent.started", since)
        await event("agent.done", since, utterance=started["utterance"])
        assert not [one for one in caller.events if one["type"] == "error"]
