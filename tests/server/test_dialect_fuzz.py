"""Ten thousand messages of clients that do not mean well: refused by name, and nothing else.

Made from the schema, right and wrong in every place, out of order, to whole Sessions; beside them a
conversation that must not notice.
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, Final

import pytest

from server.dialects import pace
from server.dialects.counterpoint import MAX_MESSAGE_BYTES, CounterpointDialect
from server.dialects.reference import SCHEMA
from server.registry import Registry
from server.session_events import Problem
from tests.server.in_process import ScriptedEngine, Talk
from tests.server.schema_messages import Messages

MESSAGES: Final = 10_000
STRANGERS: Final = 3
SECONDS: Final = 0.02
TEXTS: Final = ("say 2", "say 9", "burst 6", "yield", "recall", "be quiet", "hello there")
CALLS: Final = tuple(f"call-{n}" for n in range(400))
CODES: Final = set(
    json.loads(SCHEMA.read_text("utf-8"))["$defs"]["error"]["properties"]["code"]["enum"]
)
pytestmark = pytest.mark.timeout(120)


class Stranger:
    """A client that sends whatever comes to mind; when its session is over it calls again."""

    def __init__(self, n: int, engine: ScriptedEngine, dice: random.Random) -> None:
        self.n = n
        self.talks: list[Talk] = []
        self.refused = self.taken = 0
        self._engine, self._dice = engine, dice
        self._registry = Registry(600.0)
        self._ids: set[str] = set()
        likely = {
            "text": TEXTS,
            "utterance": range(6),
            "heard_ms": range(0, 900, 100),
            "say": ("a", "b"),
            "tools": (["current_time"], [], [{"name": "mine"}]),
            "call": CALLS,
        }
        schema = json.loads(SCHEMA.read_text("utf-8"))
        self.messages = Messages(dice, schema, "client", likely)
        self._server = Messages(dice, schema, "server", {})

    async def call(self) -> None:
        self.talks.append(Talk(self._engine, self._registry))
        await self.talks[-1].live()

    async def speak(self) -> None:
        """One message; checks what comes of it."""
        talk = self.talks[-1]
        # Hanging up is a message like any other, but must not be most of what happens.
        kinds = [one for one in self.messages.kinds if one != "session.end"]
        kind = self._dice.choice(kinds) if self._dice.random() < 0.995 else "session.end"
        right = self._dice.random() < 0.6
        message = self.messages.right(kind) if right else self.messages.wrong(kind)
        if "event_id" not in message and self._dice.random() < 0.9 or right:
            message["event_id"] = f"{self.n}-{self._dice.randrange(10**9)}"
        text = json.dumps(message)
        intact = self._dice.random() < 0.97
        self._note(message.get("event_id") if intact else None)
        text = text if intact else self.messages.torn(text)
        answers = talk.say(text, SECONDS)
        errors = [one for one in answers if one["type"] == "error"]
        self.refused, self.taken = self.refused + len(errors), self.taken + (not errors)
        if intact:
            self._check(message, errors)
        else:
            code = "too_large" if len(text) > MAX_MESSAGE_BYTES else "bad_json"
            assert [one["code"] for one in errors] == [code], text
        if self._dice.random() < 0.3:
            await talk.live()
        if talk.run.done() or (intact and message.get("type") == "session.end" and not errors):
            assert await talk.run == "hung_up"
            await self.call()

    def storm(self, messages: int) -> None:
        """Many messages at once: some pass, the others are dropped, and it is told so once."""
        talk = self.talks[-1]
        answers = [one for _ in range(messages) for one in talk.say('{"type":"agent.hold"}', 0.0)]
        late = [one for one in answers if one["type"] == "error"]
        assert {one["code"] for one in late} <= {"too_fast", "bad_field"}
        assert [one["code"] for one in late].count("too_fast") == 1
        talk.dialect.now += 3.0

    def finish(self) -> None:
        """Nothing was told that is not of the dialect, or that is somebody else's."""
        for talk in self.talks:
            assert [one["seq"] for one in talk.told] == list(range(len(talk.told)))
            for one in talk.told:
                # A fifth of them: telling whether is most of this test's time.
                assert self._dice.random() < 0.8 or self._server.allowed(one), one
                assert one.get("event_id") is None or one["event_id"] in self._ids
        lives = {talk.entry.id for talk in self.talks}
        started = [one for talk in self.talks for one in talk.told if one["type"].endswith("rted")]
        assert {one["session"] for one in started if "session" in one} == lives

    def _note(self, event_id: Any) -> None:
        if isinstance(event_id, str):
            self._ids.add(event_id)

    def _check(self, message: dict[str, Any], errors: list[dict[str, Any]]) -> None:
        text = json.dumps(message)
        alone = CounterpointDialect().decode(text, 0.0)
        if len(text) > MAX_MESSAGE_BYTES:  # refused unread
            assert [one["code"] for one in errors] == ["too_large"]
            return
        allowed = self.messages.allowed(message)
        assert len(errors) <= 1, (message, errors)
        if not allowed:
            assert errors, ("taken against the schema", message)
        elif not _blank(message):
            assert not isinstance(alone, Problem), ("refused against the schema", message, alone)
        for error in errors:
            assert error["code"] in CODES and error["message"] and not error["fatal"]
            given = message.get("event_id")
            proper = isinstance(given, str) and len(given) <= 64 and given.isprintable()
            assert error.get("event_id") == (given if proper else None), (message, error)


def _blank(message: dict[str, Any]) -> bool:
    """Whether a text has nothing in it, or half a letter: no schema says that."""
    texts = [one for one in message.values() if isinstance(one, str)]
    return any(not one.strip() or "\ud800" <= max(one) <= "\udfff" for one in texts)


async def test_ten_thousand_messages_are_answered_or_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # By the real clock, which here is not the conversation's.
    monkeypatch.setattr(pace, "CHANGES_A_SECOND", MESSAGES)
    dice = random.Random(11)
    engine = ScriptedEngine()
    strangers = [Stranger(n, engine, dice) for n in range(STRANGERS)]
    for stranger in strangers:
        await stranger.call()
    bystander = Talk(engine, Registry(600.0))
    await bystander.live(2)
    for n in range(MESSAGES):
        await dice.choice(strangers).speak()
        if n % 100 == 0:
            bystander.say('{"type":"text.send","text":"say 1"}', 1.0)
        if n % 5 == 0:
            await bystander.live()
        if n % 2_500 == 1:
            strangers[n % STRANGERS].storm(300)
    await bystander.live(10)
    for stranger in strangers:
        stranger.finish()
        for talk in stranger.talks:
            talk.session.end("hung_up")
            assert await talk.run == "hung_up"
    refused, taken = (sum(getattr(one, name) for one in strangers) for name in ("refused", "taken"))
    assert refused > 2_000 and taken > 4_000 and engine.orders > 1_000, (refused, taken, engine)
    unmoved(bystander)
    bystander.session.end("hung_up")
    assert await bystander.run == "hung_up"
    assert not engine.scripts and engine.streams == 0
    assert len(asyncio.all_tasks()) == 1


def unmoved(bystander: Talk) -> None:
    """It typed a hundred times, and each time heard one word to its end."""
    told = bystander.told
    typed = [one for one in told if one["type"] == "person.words"]
    done = [one["utterance"] for one in told if one["type"] == "agent.done"]
    assert [one["words"][0]["text"] for one in typed] == ["say"] * (MESSAGES // 100)
    assert done == list(range(MESSAGES // 100))
    assert {one["type"] for one in told}.isdisjoint({"error", "agent.cut", "agent.held"})
