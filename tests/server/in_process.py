"""A Session without processes or packets: its client's end in memory, its engine a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import numpy as np

from model.messages import (
    EngineReady,
    MicroTurnInput,
    OpenStream,
    Refused,
    Saying,
    StreamSettings,
    ToolCall,
)
from model.orders import ChangeSettings, Say
from model.sight import SightSource
from model.timebase import HEARING_BLOCK_SAMPLES
from server.dialects.counterpoint import CounterpointDialect
from server.engine_client import EngineClient, StreamOwner
from server.metrics import Metrics
from server.policy import Policy
from server.registry import Entry, Registry
from server.services import Services
from server.session import Session
from server.session_events import ClientEvent, Dialect, Problem
from server.settings import Settings
from server.webrtc.camera import Camera
from server.webrtc.channel import Refusal
from server.webrtc.microphone import Block
from server.webrtc.peer import GoneReason, PeerStatistics
from server.webrtc.speaker import FrameSource, Lateness
from tests.server.scripted_engine import Script

__all__ = ["ScriptedEngine", "Talk"]

_SILENCE = np.zeros(HEARING_BLOCK_SAMPLES, np.float32)
_STILL = PeerStatistics(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0, 0, 0, Lateness())


class ScriptedEngine(EngineClient):
    """An engine in this process; it says what it is told to and refuses every third setting."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.status = "ready"
        self._loaded = EngineReady(64, "cpu", {"engine": "scripted"})
        self.scripts: dict[int, Script] = {}
        self.changes = 0
        self.orders = 0

    def open(self, opening: OpenStream, owner: StreamOwner) -> None:
        """Begin a stream's script."""
        self._owners[opening.stream] = owner
        self.scripts[opening.stream] = Script(opening.turns)

    def close(self, stream: int) -> None:
        """Forget it."""
        self._owners.pop(stream, None)
        self.scripts.pop(stream, None)

    def send(self, micro_turn: MicroTurnInput) -> None:
        """Step the script; its output comes a moment later."""
        script = self.scripts[micro_turn.stream]
        output = script.step(micro_turn)
        for order in micro_turn.orders:
            self.orders += 1
            if isinstance(order, Say):
                script.begin(2)
                script.events.append(Saying(order.say, "began", script.utterance))
            if isinstance(order, ChangeSettings):
                self._change(script, order)
        told = type(output)(output.stream, output.k, output.speech, tuple(script.events))
        loop = asyncio.get_running_loop()
        loop.call_soon(self._answer, told)

    def _change(self, script: Script, order: ChangeSettings) -> None:
        self.changes += 1
        if self.changes % 3 == 0:
            script.events.append(Refused(order.order, "That does not fit."))
        for tool in order.settings.tools[:1]:
            script.events.append(ToolCall(f"call-{self.changes}", tool.name, "{}"))

    def _answer(self, output: Any) -> None:
        if (owner := self._owners.get(output.stream)) is not None:
            owner.engine_output(output)


class _Wire:
    """Both ends of a line; it is also the speaker, which this client drives itself."""

    buffered_bytes = 0

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.source: FrameSource | None = None
        self.say: Callable[[str], None] = lambda _: None

    def send(self, text: str) -> bool:
        self.told.append(json.loads(text))
        return True

    def on_text(self, callback: Callable[[str], None]) -> None:
        self.say = callback

    def on_refused(self, callback: Callable[[Refusal], None]) -> None:
        pass


class _Port:
    """A client that lives in the test."""

    def __init__(self) -> None:
        self.channel = self.speaker = _Wire()
        self.gone = asyncio.Event()
        self.gone_reason: GoneReason | None = None
        self.blocks: asyncio.Queue[tuple[int, Block]] = asyncio.Queue()
        self.cameras: Mapping[SightSource, Camera] = {}

    @property
    async def microphone(self) -> AsyncIterator[tuple[int, Block]]:
        while True:
            yield await self.blocks.get()

    def statistics(self) -> PeerStatistics:
        return _STILL

    async def close(self) -> None:
        self.gone_reason = "closed"
        self.gone.set()


class _Paced:
    """A dialect by a clock that the test moves."""

    def __init__(self, dialect: Dialect) -> None:
        self.now = 0.0
        self._dialect = dialect
        self.encode = dialect.encode

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        return self._dialect.decode(text, self.now)

    def refuse(self, why: Refusal, now: float) -> ClientEvent | Problem | None:
        return self._dialect.refuse(why, self.now)


class Talk:
    """One conversation: what the client says goes in, what it is told is in `told`.

    Args:
        engine: where the stream is.
        registry: where the conversation is.
        dialect: the client's; our own if none is given.
        settings: of the conversation.
    """

    def __init__(
        self,
        engine: ScriptedEngine,
        registry: Registry,
        dialect: Dialect | None = None,
        settings: StreamSettings | None = None,
    ) -> None:
        self.dialect = _Paced(dialect or CounterpointDialect())
        self.entry: Entry = registry.create(asyncio.get_running_loop().time())
        self._port = _Port()
        self._k = 0
        services = Services(Settings(), engine, Metrics(), Policy())
        settings = settings or StreamSettings()
        self.session = Session(
            self.entry, self._port, self.dialect, settings, services, lambda: None
        )
        self.run = asyncio.create_task(self.session.run())

    @property
    def told(self) -> list[dict[str, Any]]:
        """Every message to the client, in order."""
        return self._port.channel.told

    def say(self, text: str, seconds: float) -> list[dict[str, Any]]:
        """Send a message so long after the last; what is told at once in answer."""
        self.dialect.now += seconds
        before = len(self.told)
        self._port.channel.say(text)
        return self.told[before:]

    async def live(self, micro_turns: int = 1) -> None:
        """Let time pass: the microphone gives blocks and the loudspeaker plays."""
        for _ in range(micro_turns):
            self._port.blocks.put_nowait((self._k, _SILENCE))
            self._k += 1
            for _ in range(5):
                if self._port.speaker.source is not None:
                    self._port.speaker.source.next_frame()
                await asyncio.sleep(0)
