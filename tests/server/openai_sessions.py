"""A real Session in this process: its client on a WebSocket that is none, its engine scripted.

Time is the loop's own and costs nothing: it jumps to the next thing that is due.
"""

from __future__ import annotations

import asyncio
import json
import random
import selectors
from collections.abc import AsyncIterator, Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

from aiohttp import WSMsgType

from model.messages import MicroTurnInput, MicroTurnOutput, OpenStream
from model.orders import Answer, Cancel, Say, ToolCall
from server.metrics import Metrics
from server.policy import Policy
from server.port import Port
from server.registry import Registry
from server.services import Services
from server.session import Session
from server.session_events import Dialect
from server.settings import Settings
from server.socket_port import SocketPort
from server.stream_settings import read_settings
from tests.server.scripted_engine import Script

__all__ = ["Client", "JumpingLoop"]


class _Instantly(selectors.SelectSelector):
    """Waits for nothing; what it would have waited is added to `waited`."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """What is ready at once."""
        self.waited += timeout or 0.0
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to what is due next."""

    def __init__(self) -> None:
        self._instantly = _Instantly()
        super().__init__(self._instantly)

    def time(self) -> float:
        """Seconds that were waited for."""
        return 1_000.0 + self._instantly.waited


class Socket:
    """As much of a WebSocket as a SocketChannel asks for."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._queue: asyncio.Queue[SimpleNamespace | None] = asyncio.Queue()

    def send(self, text: str | bytes) -> None:
        """The client sends something."""
        kind = WSMsgType.TEXT if isinstance(text, str) else WSMsgType.BINARY
        self._queue.put_nowait(SimpleNamespace(type=kind, data=text))

    async def __aiter__(self) -> AsyncIterator[SimpleNamespace]:
        while (message := await self._queue.get()) is not None:
            yield message

    async def send_str(self, text: str) -> None:
        """We send something."""
        message = json.loads(text)
        if "audio.delta" not in message["type"]:  # fifty a second
            self.sent.append(message)

    async def close(self) -> None:
        """Either side ends it."""
        self.closed = True
        self._queue.put_nowait(None)


class Engine:
    """Scripts in this process; by the dice a stream hears, speaks, yields and calls tools."""

    status = "ready"
    parts: dict[str, str] = {}

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._numbers = count(1)
        self._streams: dict[int, tuple[Script, Session]] = {}

    def number(self) -> int:
        """A new stream's."""
        return next(self._numbers)

    def open(self, opening: OpenStream, session: Session) -> None:
        """Begin a stream."""
        self._streams[opening.stream] = Script(opening.turns), session

    def close(self, stream: int) -> None:
        """End it."""
        self._streams.pop(stream, None)

    def send(self, turn: MicroTurnInput) -> None:
        """Answer a micro-turn, a moment later."""
        script, session = self._streams[turn.stream]
        output = script.step(turn)
        more = self._obey(script, turn)
        answer = MicroTurnOutput(turn.stream, turn.k, output.speech, (*output.events, *more))
        asyncio.get_running_loop().call_later(0.01, session.engine_output, answer)

    def _obey(self, script: Script, turn: MicroTurnInput) -> list[Any]:
        script.events = []
        for order in turn.orders:
            match order:
                case Say() | Answer() if script.samples >= script.length:
                    script.begin(self._dice.randrange(1, 4))
                case Cancel():
                    script.length = script.samples
        match self._dice.randrange(12):
            case 0:
                script.report("hello there", turn.k * 0.1)
            case 1 if script.samples >= script.length:
                script.begin(self._dice.randrange(1, 4))
            case 2:
                script.obey("yield", 0.0)
                script.length = script.samples
            case 3:
                tools = self._streams[turn.stream][1].steering._course.settings.tools
                for tool in tools[:1]:
                    script.events.append(ToolCall(f"c{turn.k}", tool.name, '{"task": "x"}'))
        return script.events


class Client:
    """One client's end: what it was told, and what goes on behind.

    Args:
        dialect: the session's, which also knows how sound travels.
        engine: shared by all clients.
        values: the session's settings in our own dialect's names.
        around: makes the Session's port of the socket's.
    """

    def __init__(
        self,
        dialect: Any,
        engine: Engine,
        values: dict[str, Any],
        around: Callable[[Port], Port] = lambda port: port,
    ) -> None:
        self.socket = Socket()
        self.dialect: Dialect = dialect
        port = SocketPort(self.socket, dialect)  # type: ignore[arg-type]
        entry = Registry(60.0).create(asyncio.get_running_loop().time())
        services = Services(Settings(), engine, Metrics(), Policy())  # type: ignore[arg-type]
        settings = read_settings(values)
        self.session = Session(entry, around(port), dialect, settings, services, lambda: None)
        self._tasks = [asyncio.create_task(one) for one in (port.run(), self.session.run())]

    @property
    def told(self) -> list[dict[str, Any]]:
        """Every message but those with sound."""
        return self.socket.sent

    @property
    def settings(self) -> Any:
        """What the engine goes by."""
        return self.session.steering._course.settings

    async def send(self, text: str | bytes) -> list[dict[str, Any]]:
        """Send a message, and give it a moment; the errors that came."""
        since = len(self.told)
        self.socket.send(text)
        await asyncio.sleep(0.02)
        return [one for one in self.told[since:] if one["type"] == "error"]

    async def close(self) -> str:
        """End the session; returns its reason. Raises TimeoutError when it hangs."""
        self.session.end("hung_up")
        async with asyncio.timeout(10):
            _, reason = await asyncio.gather(*self._tasks)
        return str(reason)
