"""The engine as the rest of the server knows it: streams that survive the process they live in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, Protocol

from model.messages import (
    CloseStream,
    EngineReady,
    EngineVitals,
    FromEngine,
    MicroTurnInput,
    MicroTurnOutput,
    OpenStream,
    StreamClosed,
)
from server.engine_entry import enter
from server.engine_process import EngineEntry, EngineProcess
from server.errors import EngineLost, EngineTooSlow, NotReady
from server.settings import Settings

__all__ = ["EngineClient", "EngineStatus", "StreamOwner"]

log = logging.getLogger(__name__)

EngineStatus = Literal["loading", "ready", "restarting", "failed"]

# An engine that ran this long before it died is restarted at once and counts as a fresh start.
_GOOD_RUN_SECONDS: Final = 30.0
_BACKOFF_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
# The spare loads only after the engine at work had time to settle: both cores are wanted there.
_SPARE_DELAY_SECONDS: Final = 2.0
_LONGEST_SPARE_WAIT_SECONDS: Final = 300.0


class StreamOwner(Protocol):
    """Who has a stream, that is, a Session. All calls come on the event loop; one that raises is
    followed by `engine_refused`."""

    def engine_output(self, output: MicroTurnOutput) -> None:
        """The answer to a micro-turn."""

    def engine_lost(self) -> None:
        """The engine is gone; a new one is being started."""

    def engine_back(self) -> OpenStream:
        """A new engine is ready; returns how to open the stream in it."""

    def engine_refused(self, reason: str) -> None:
        """The engine ended the stream by itself."""


class EngineClient:
    """Starts, watches and restarts engine processes and routes streams to the one at work."""

    def __init__(self, settings: Settings, entry: EngineEntry = enter) -> None:
        self.status: EngineStatus = "loading"
        self.vitals: EngineVitals | None = None
        self.restarts = 0
        self.failure = ""
        self._settings = settings
        self._entry = entry
        self._engine: EngineProcess | None = None
        self._spare: EngineProcess | None = None
        self._owners: dict[int, StreamOwner] = {}
        self._next_stream = 0
        self._last_word = 0.0
        self._loaded: EngineReady | None = None

    @property
    def ready(self) -> EngineReady:
        """What the engine said of itself; raises NotReady before there is one."""
        if self.status != "ready" or self._loaded is None:
            raise NotReady("The engine is loading; try again in a few seconds.")
        return self._loaded

    @property
    def parts(self) -> Mapping[str, str]:
        """What the engine consists of; nothing before it said so."""
        return self._loaded.parts if self._loaded is not None else {}

    @property
    def pid(self) -> int | None:
        """The process number of the engine at work."""
        return self._engine.pid if self._engine is not None else None

    @property
    def spare_ready(self) -> bool:
        """Whether a loaded engine waits to take over."""
        spare = self._spare
        return spare is not None and spare.ready is not None and not spare.gone.is_set()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._owners)

    @property
    def outbox_messages(self) -> int:
        """How many messages wait to be written to the engine."""
        return self._engine.outbox_messages if self._engine is not None else 0

    def number(self) -> int:
        """A number for a new stream, never given before."""
        self._next_stream += 1
        return self._next_stream

    def open(self, opening: OpenStream, owner: StreamOwner) -> None:
        """Open a stream; while the engine restarts it is opened when that is done."""
        self._owners[opening.stream] = owner
        if self.status == "ready" and self._engine is not None:
            with contextlib.suppress(EngineLost):  # just gone: then `engine_lost` follows
                self._engine.send(opening)

    def send(self, micro_turn: MicroTurnInput) -> None:
        """Send a micro-turn; raises EngineLost or EngineTooSlow, and then it was not sent."""
        if self.status != "ready" or self._engine is None:
            raise EngineLost("The engine is being restarted.")
        self._engine.send(micro_turn)

    def close(self, stream: int) -> None:
        """Close a stream; closing it twice is the same as once."""
        if self._owners.pop(stream, None) is None or self._engine is None:
            return
        try:
            self._engine.send(CloseStream(stream))
        except EngineLost:
            pass
        except EngineTooSlow:
            # Its row would stay taken for ever: better a new engine than a leak.
            log.error("the engine takes no messages; it is ended")
            self._engine.kill()

    async def run(self) -> None:
        """Keep an engine at work until cancelled; raises EngineLost when it cannot be started."""
        loop = asyncio.get_running_loop()
        failures = 0
        try:
            while True:
                engine = self._take_spare() or self._start()
                loaded = await self._loads(engine)
                began = loop.time()
                if loaded:
                    await self._serve(engine)
                # Loading for minutes, and then ending, is no good run.
                failures = 1 if loop.time() - began > _GOOD_RUN_SECONDS else failures + 1
                self.restarts += 1
                if failures > self._settings.engine_restarts:
                    why = f"The engine ended {failures} times in a row; see its log above."
                    raise EngineLost(why)
                await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS)) - 1])
        except EngineLost as lost:
            self.status, self.failure = "failed", str(lost)
            raise
        except Exception as error:
            # Else the server would go on, and nobody would look for an engine any more.
            self.status, self.failure = "failed", f"The engine cannot be kept: {error!r}"
            raise EngineLost(self.failure) from error
        finally:
            await self._stop()

    def _start(self) -> EngineProcess:
        settings: dict[str, Any] = dict(self._settings.engine)
        return EngineProcess(self._entry, settings, lambda _: None)

    def _take_spare(self) -> EngineProcess | None:
        spare, self._spare = self._spare, None
        return spare if spare is not None and not spare.gone.is_set() else None

    async def _loads(self, engine: EngineProcess) -> bool:
        self._engine = engine
        try:
            async with asyncio.timeout(self._settings.engine_load_seconds):
                await engine.settled.wait()
        except TimeoutError:
            log.error("the engine did not load in time; it is ended")
            engine.kill()
            await engine.gone.wait()
        return not engine.gone.is_set()

    async def _serve(self, engine: EngineProcess) -> None:
        assert engine.ready is not None, "an engine that settled and is not gone is ready"
        loop = asyncio.get_running_loop()
        self._loaded = engine.ready
        self._last_word = loop.time()
        engine.on_message = self._receive
        self.status = "ready"
        for owner in tuple(self._owners.values()):
            # Gone again already: then `engine_lost` follows.
            with _alone(owner), contextlib.suppress(EngineLost):
                engine.send(owner.engine_back())
        watch = asyncio.create_task(self._watch(engine))
        try:
            await engine.gone.wait()
        finally:
            watch.cancel()
            engine.on_message = lambda _: None
        self.status = "restarting"
        self.vitals = None
        log.error("the engine is gone; it is restarted")
        for owner in tuple(self._owners.values()):
            with _alone(owner):
                owner.engine_lost()

    async def _watch(self, engine: EngineProcess) -> None:
        """End an engine that hangs; keep a spare loaded."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(_SPARE_DELAY_SECONDS)
        retry, wait = 0.0, 1.0
        while True:
            missing = self._spare is None or self._spare.gone.is_set()
            if self._settings.spare_engines and missing and loop.time() >= retry:
                self._spare = self._start()
                # One that cannot load is not tried every second for ever.
                retry, wait = loop.time() + wait, min(wait * 2, _LONGEST_SPARE_WAIT_SECONDS)
            if loop.time() - self._last_word > self._settings.engine_silence_seconds:
                log.error("the engine says nothing; it is ended")
                engine.kill()
            await asyncio.sleep(1.0)

    def _receive(self, message: FromEngine) -> None:
        self._last_word = asyncio.get_running_loop().time()
        match message:
            case MicroTurnOutput():
                if (owner := self._owners.get(message.stream)) is not None:
                    with _alone(owner):
                        owner.engine_output(message)
            case EngineVitals():
                self.vitals = message
            case StreamClosed(stream, reason):
                if reason and (owner := self._owners.pop(stream, None)) is not None:
                    with _alone(owner):
                        owner.engine_refused(reason)
            case _:
                pass

    async def _stop(self) -> None:
        engines = [one for one in (self._engine, self._spare) if one is not None]
        await asyncio.gather(*(one.stop() for one in engines))


@contextlib.contextmanager
def _alone(owner: StreamOwner) -> Iterator[None]:
    """What fails is this owner's alone: it is told to end, and all others hear the engine on."""
    try:
        yield
    except Exception:
        log.exception("a stream's owner failed; it is ended")
        with contextlib.suppress(Exception):
            owner.engine_refused("something failed in the server; its log says what.")
