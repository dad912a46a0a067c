"""Ten thousand messages of clients that do not mean well, to real Sessions with a scripted engine.

Two conversations go on beside each other in this process, each with its dialect, Session, record
and script; time runs as fast as the messages come. What one sends never reaches the other.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from model.messages import (
    AgentWord,
    EngineReady,
    Event,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    Said,
    StreamSettings,
)
from model.orders import Answer, Refused, Say, Saying, ToolCall, ToolSpec
from server.dialects.rtvi import RtviDialect
from server.metrics import Metrics
from server.policy import Policy
from server.registry import Registry
from server.services import Services
from server.session import Session
from server.settings import Settings
from server.webrtc.peer import GoneReason, PeerStatistics
from server.webrtc.speaker import FrameSource, Lateness
from tests.server.scripted_engine import Script

MESSAGES: Final = 10_000
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


class Fast(asyncio.SelectorEventLoop):
    """A loop whose time can be moved on."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class Room:
    """A Port: the client's end, played by the test. It is its own microphone and loudspeaker."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.gone = asyncio.Event()
        self.gone_reason: GoneReason | None = None
        self.source: FrameSource | None = None
        self.buffered_bytes = 0
        self.text: Callable[[str], None] = lambda _: None
        self._blocks: asyncio.Queue[int | None] = asyncio.Queue()

    microphone = speaker = channel = property(lambda self: self)
    cameras: dict[Any, Any] = {}

    def send(self, text: str) -> bool:
        self.told.append(json.loads(text))
        return True

    def on_text(self, callback: Callable[[str], None]) -> None:
        self.text = callback

    def on_refused(self, callback: Callable[[Any], None]) -> None:
        pass

    def statistics(self) -> PeerStatistics:
        return PeerStatistics(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, Lateness())

    async def close(self) -> None:
        self.gone.set()

    def tick(self, k: int) -> None:
        """A tenth of a second passes."""
        self._blocks.put_nowait(k)
        for _ in range(5):
            if self.source is not None:
                self.source.next_frame()

    def __aiter__(self) -> Room:
        return self

    async def __anext__(self) -> tuple[int, Any]:
        k = await self._blocks.get()
        if k is None:
            raise StopAsyncIteration
        return k, np.zeros(1_600, np.float32)


class Obeying(Script):
    """The scripted engine, which also obeys orders and asks for a tool now and then."""

    calls = 0

    def step(self, turn: MicroTurnInput) -> MicroTurnOutput:
        output = super().step(turn)
        more: list[Event] = []
        for order in turn.orders:
            match order:
                case Say(_, _, _, say):
                    more.append(Saying(say, "dropped"))
                case Answer() if self.samples >= self.length:
                    self.utterance += 1
                    self.samples, self.length = 0, 12_000
                    more.append(Said(self.utterance, (AgentWord(" yes", 0, 12_000),)))
                case _ if type(order).__name__ == "ChangeSettings" and turn.k % 7 == 0:
                    more.append(Refused(order.order, "Not this one."))  # type: ignore[union-attr]
        if turn.k % 50 == 0:
            more.append(ToolCall(f"call-{self.calls}", "look_up", "{}"))
            self.calls += 1
        return MicroTurnOutput(output.stream, output.k, output.speech, output.events + tuple(more))


class Engine:
    """Both streams of the scripted engine, in this process."""

    status = "ready"
    parts: dict[str, str] = {}
    ready = EngineReady(2, "cpu", {})

    def __init__(self) -> None:
        self._streams: dict[int, tuple[Obeying, Session]] = {}
        self._number = 0

    def number(self) -> int:
        self._number += 1
        return self._number

    def open(self, opening: OpenStream, session: Session) -> None:
        self._streams[opening.stream] = Obeying(opening.turns), session

    def send(self, turn: MicroTurnInput) -> None:
        script, session = self._streams[turn.stream]
        output = script.step(turn)
        asyncio.get_running_loop().call_soon(session.engine_output, output)

    def close(self, stream: int) -> None:
        self._streams.pop(stream, None)


def value(dice: random.Random, depth: int = 0) -> Any:
    """Anything JSON can hold, with names that mean something here and there."""
    roll = dice.random()
    if depth < 4 and roll < 0.3:
        names = dice.sample(FIELDS, dice.randrange(1, 5))
        return {name: value(dice, depth + 1) for name in names}
    if depth < 4 and roll < 0.4:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return dice.choice(ODD)


def sensible(dice: random.Random) -> tuple[str, Any]:
    """A message as a client that means well would send it."""
    kind = dice.choice(KINDS[:5])
    match kind:
        case "client-ready":
            return kind, {"version": "2.1.0", "about": {"library": "js"}}
        case "client-message":
            fields = {"text": "hello", "utterance": dice.randrange(9), "heard_ms": 400}
            fields |= {"settings": {"eagerness": 0.7}, "call": f"call-{dice.randrange(9)}"}
            return kind, {"t": dice.choice(OURS), "d": fields}
        case "send-text":
            typed = ("say 3", "burst 2", "yield", "recall", "be quiet", SECRET)
            return kind, {"content": dice.choice(typed)}
        case "append-to-context":
            return kind, {"role": "user", "content": "It rains.", "run_immediately": True}
    return kind, {"buttons": ["1", "*"]}


def made(dice: random.Random, n: int) -> dict[str, Any]:
    """One message, mostly with an id of its own."""
    if dice.random() < 0.03:
        status = {"type": dice.choice(("trackStatus", "renegotiate")), "receiver_index": 1}
        return {"type": "signalling", "message": {**status, "enabled": dice.choice(ODD)}}
    kind, data = sensible(dice)
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


def begin(services: Services) -> tuple[Session, Room, asyncio.Task[Any]]:
    room = Room()
    entry = Registry(600.0).create(asyncio.get_running_loop().time())
    tools = StreamSettings(tools=(ToolSpec("look_up", timeout_seconds=2.0),))
    session = Session(entry, room, RtviDialect(), tools, services, lambda: None)
    return session, room, asyncio.create_task(session.run())


async def talk() -> tuple[list[Room], int, int, int]:
    """Let both clients send; the rooms, and how many messages were refused, answered and taken."""
    dice, loop = random.Random(7), asyncio.get_running_loop()
    assert isinstance(loop, Fast)
    settings = Settings(idle_seconds=0.0)
    services = Services(settings, Engine(), Metrics(), Policy())  # type: ignore[arg-type]
    begun = [begin(services) for _ in range(2)]
    rooms = [room for _, room, _ in begun]
    await asyncio.sleep(0)
    refused = answered = 0
    for n in range(MESSAGES):
        room, other = rooms[n % 2], rooms[(n + 1) % 2]
        sent = made(dice, n)
        if n % 2 and isinstance(sent.get("data"), dict) and sent["data"].get("content") == SECRET:
            sent["data"]["content"] = "hello"
        intact = dice.random() < 0.95
        text = json.dumps(sent) if intact else broken(dice, json.dumps(sent))
        before, elsewhere = len(room.told), len(other.told)
        room.text("ping: 5" if dice.random() < 0.02 else text)
        assert len(other.told) == elsewhere, "another client was told"
        now = [one for one in room.told[before:] if one["type"].startswith("error")]
        assert len(now) <= 1, now
        for error in now:
            refused += 1
            assert error["data"]["error"] and error["data"]["code"]
            if intact and error["type"] == "error-response":
                assert error["id"] == sent["id"]
        ours = [
            one for one in room.told[before:] if one["id" if "id" in one else "type"] == f"m{n}"
        ]
        assert len(ours) <= 1, ours
        answered += len(ours)
        if n % 4 == 3:
            loop.ahead += 0.1
            for each in rooms:
                each.tick(n // 4)
            for _ in range(4):
                await asyncio.sleep(0)
    assert not any(task.done() for *_, task in begun), "a session ended"
    for session, *_ in begun:
        session.end("hung_up")
    assert await asyncio.gather(*(task for *_, task in begun)) == ["hung_up", "hung_up"]
    return rooms, refused, answered, MESSAGES - refused


def test_ten_thousand_messages_are_answered_or_refused_by_name() -> None:
    with asyncio.Runner(loop_factory=Fast) as runner:
        rooms, refused, answered, taken = runner.run(talk())
    assert refused > 2_000 and taken > 2_000 and answered > 2_000, (refused, answered, taken)
    assert SECRET in json.dumps(rooms[0].told) and SECRET not in json.dumps(rooms[1].told)
    for room in rooms:
        told = [one["type"] for one in room.told]
        for pair in ("bot-started-speaking", "bot-tts-started", "bot-llm-started"):
            begun = told.count(pair)
            assert begun > 10 and 0 <= begun - told.count(pair.replace("started", "stopped")) <= 1
        assert {"server-response", "bot-ready", "llm-function-call-stopped"} <= set(told)
        assert room.told[-1] == {"type": "signalling", "message": {"type": "peerLeft"}}
