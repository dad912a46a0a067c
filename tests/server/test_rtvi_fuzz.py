"""Ten thousand messages of clients that do not mean well, to real Sessions with a scripted engine.

Two conversations go on beside each other in this process; what one client sends, right or wrong,
never reaches the other.
"""

from __future__ import annotations

import json
import random
from typing import Any, Final

import pytest

from model.messages import StreamSettings
from model.orders import ToolSpec
from server.dialects import pace
from server.dialects.rtvi import RtviDialect
from server.registry import Registry
from tests.server.in_process import ScriptedEngine, Talk

MESSAGES: Final = 10_000
TYPED: Final = ("say 3", "burst 2", "yield", "recall", "be quiet")
SECRET: Final = "only-of-the-first"
KINDS: Final = (
    ("client-ready", "client-message", "send-text", "append-to-context", "dtmf", "ui-event")
    + ("llm-function-call-result", "ui-snapshot", "ui-cancel-job-group", "bot-ready", "error")
)  # fmt: skip
OURS: Final = (
    ("text.send", "speech.stop", "ping", "agent.cancel", "agent.truncate", "agent.hold")
    + ("agent.resume", "agent.answer", "agent.say", "memory.append", "turn.commit", "turn.clear")
    + ("settings.update", "tool.answer", "nonsense")
)  # fmt: skip
FIELDS: Final = (
    ("content", "options", "run_immediately", "audio_response", "t", "d", "version", "about")
    + ("text", "policy", "priority", "say", "role", "settings", "utterance", "heard_ms", "call")
    + ("tool_call_id", "function_name", "result", "buttons", "button", "tree", "failed")
)  # fmt: skip
ODD: Final[tuple[Any, ...]] = (
    (None, True, False, -1, 0, 1, 1.5, 2**63, "", "x" * 9_000, "\ud800", "\u0000", [], {}, [[]])
    + ("now", "when_free", "user", "person", "call-0", "5", "2.1.0", ["1", "#"], {"voice": "v"})
    + ({"eagerness": 0.2}, {"tools": ["none"]}, {"run_immediately": False})
)  # fmt: skip


def value(dice: random.Random, depth: int = 0) -> Any:
    """Anything JSON can hold, with names that mean something here and there."""
    roll = dice.random()
    if depth < 4 and roll < 0.3:
        names = dice.sample(FIELDS, dice.randrange(1, 5))
        return {name: value(dice, depth + 1) for name in names}
    if depth < 4 and roll < 0.4:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return dice.choice(ODD)


def sensible(dice: random.Random, typed: tuple[str, ...]) -> tuple[str, Any]:
    """A message as a client that means well would send it."""
    kind = dice.choice(KINDS[:5])
    match kind:
        case "client-ready":
            return kind, {"version": "2.1.0", "about": {"library": "js"}}
        case "client-message":
            fields = {"text": "hello", "utterance": dice.randrange(9), "heard_ms": 400}
            tools = dice.choice(([{"name": "look_up"}], [{"name": "other"}], []))
            fields |= {"settings": {"tools": tools}, "call": f"call-{dice.randrange(400)}"}
            return kind, {"t": dice.choice(OURS), "d": fields}
        case "send-text":
            return kind, {"content": dice.choice(typed)}
        case "append-to-context":
            return kind, {"role": "user", "content": "It rains.", "run_immediately": True}
    return kind, {"buttons": ["1", "*"]}


def made(dice: random.Random, n: int, typed: tuple[str, ...]) -> dict[str, Any]:
    """One message, mostly with an id of its own."""
    if dice.random() < 0.03:
        status = {"type": dice.choice(("trackStatus", "renegotiate")), "receiver_index": 1}
        return {"type": "signalling", "message": {**status, "enabled": dice.choice(ODD)}}
    kind: Any
    kind, data = sensible(dice, typed)
    if dice.random() < 0.5:
        kind = dice.choice(KINDS) if dice.random() < 0.97 else dice.choice(("nonsense", 5, None))
        data = value(dice)
    sent: dict[str, Any] = {"label": "rtvi-ai", "type": kind, "id": f"m{n}", "data": data}
    if dice.random() < 0.05:
        sent[dice.choice(("label", "id", "type", "data"))] = dice.choice(ODD)
    return sent


def broken(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text))
    return dice.choice((text[:at], text[at:], text[:at] + '"' + text[at:], "[" * 9_999, ""))


def check(sent: dict[str, Any], intact: bool, told: list[dict[str, Any]]) -> tuple[int, int]:
    """At most one answer, and of the right name; how many refusals and how many answers."""
    refusals = [one for one in told if one["type"].startswith("error")]
    answers = [one for one in told if one.get("id") == sent.get("id")]
    assert len(refusals) <= 1 and len(answers) <= 1, (sent, refusals, answers)
    for one in refusals:
        assert one["data"]["error"] and one["data"]["code"]
        named = one["type"] == "error-response"
        proper = isinstance(sent.get("id"), str) and 0 < len(sent["id"]) <= 64
        if intact and sent["type"] != "signalling" and "\ud800" not in str(sent.get("id")):
            assert named == proper, (sent, one)
            assert not named or one["id"] == sent["id"], (sent, one)
    return len(refusals), len(answers) - len([one for one in answers if one in refusals])


@pytest.mark.timeout(120)
async def test_ten_thousand_messages_are_answered_or_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # By the real clock, which here is not the conversation's: ten thousand messages in 3 s.
    monkeypatch.setattr(pace, "CHANGES_A_SECOND", MESSAGES)
    dice, engine = random.Random(7), ScriptedEngine()
    tools = StreamSettings(tools=(ToolSpec("look_up"),))
    talks = [Talk(engine, Registry(600.0), RtviDialect(), tools) for _ in range(2)]
    for talk in talks:
        await talk.live()
    refused = answered = 0
    for n in range(MESSAGES):
        talk, other = talks[n % 2], talks[(n + 1) % 2]
        sent = made(dice, n, typed=TYPED + ((SECRET,) if n % 2 == 0 else ()))
        intact = dice.random() < 0.95
        text = json.dumps(sent) if intact else broken(dice, json.dumps(sent))
        elsewhere = len(other.told)
        told = talk.say(text, 0.02)
        talk.say("ping: 5", 0.0)
        assert len(other.told) == elsewhere, "another client was told"
        counts = check(sent, intact, told)
        refused, answered = refused + counts[0], answered + counts[1]
        if n % 10 in (4, 9):
            await talk.live()
            await other.live()
    assert refused > 3_000 and answered > 1_000 and engine.orders > 1_000, (refused, answered)
    for talk in talks:
        assert not talk.run.done()
        talk.session.end("hung_up")
        assert await talk.run == "hung_up"
        whole(talk.told)
    assert SECRET in json.dumps(talks[0].told) and SECRET not in json.dumps(talks[1].told)
    assert not engine.scripts


def whole(told: list[dict[str, Any]]) -> None:
    """What began ended, and the end was told."""
    kinds = [one["type"] for one in told]
    for begins in ("bot-started-speaking", "bot-tts-started", "bot-llm-started"):
        assert kinds.count(begins) == kinds.count(begins.replace("started", "stopped")) > 10
    assert {"server-response", "bot-ready", "llm-function-call-stopped"} <= set(kinds)
    assert told[-1] == {"type": "signalling", "message": {"type": "peerLeft"}}
