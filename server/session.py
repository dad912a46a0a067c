"""One conversation's server side: owns the Port, its tasks, both voices and the record's truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from model.messages import (
    Command,
    Floor,
    MicroTurnOutput,
    OpenStream,
    PersonState,
    PersonWords,
    Remembered,
    Said,
    StreamSettings,
    UtteranceDone,
)
from server.course import Course, SessionClock, health
from server.errors import EngineLost, EngineTooSlow
from server.hearing import Hearing
from server.line import Line
from server.looking import Looking
from server.port import Port, last_word
from server.registry import Entry
from server.services import Services
from server.session_events import (
    ClientEvent,
    Dialect,
    EndReason,
    EndSession,
    EngineState,
    Flood,
    Latency,
    Ping,
    Pong,
    Problem,
    Reply,
    SessionEnded,
    SessionEnding,
    SessionEvent,
    SessionStarted,
    Several,
    TextSent,
)
from server.session_log import SessionLog
from server.speaking import Speaking
from server.steering import Steering
from server.steering_events import ToolEnded
from server.steps import take_each

__all__ = ["Session"]

log = logging.getLogger(__name__)

_PULSE_SECONDS: Final = 1.0
_PROGRESS_BLOCKS: Final = 2


class Session:
    """Runs from the answer to the offer until either side ends it. One event loop.

    Args:
        entry: the conversation; no other session may be in it.
        port: the client's end; closed with the session.
        dialect: how the client is spoken to.
        settings: how the model should behave.
        services: what all sessions share.
        on_released: called once when the row, the record and the place are free again.
    """

    def __init__(
        self,
        entry: Entry,
        port: Port,
        dialect: Dialect,
        settings: StreamSettings,
        services: Services,
        on_released: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.id = entry.id
        self.port = port
        self.released = asyncio.Event()
        self._entry = entry
        self._services = services
        self._course = Course(settings, SessionClock(loop), last_activity=loop.time())
        self._over: asyncio.Future[EndReason] = loop.create_future()
        self._on_released = on_released
        kept = SessionLog(services.logs, entry.id)
        self._line = Line(dialect, port.channel, self._course.clock, kept)
        offset_seconds = loop.time() - entry.began
        self.hearing = Hearing(
            services.engine.number(), entry.conversation, services.policy, offset_seconds
        )
        self.speaking = Speaking(
            entry.conversation,
            services.policy,
            self._emit,
            now=lambda: self._course.clock.now() + offset_seconds,
            on_started=self._on_started,
            on_over=self._on_over,
        )
        looking = Looking(port.cameras, self.hearing, self._emit)
        self.steering = Steering(
            entry.conversation, self._course, self.hearing, self.speaking, looking, self._emit
        )

    def end(self, reason: EndReason, in_seconds: float | None = None) -> None:
        """End the session, after telling the client so if `in_seconds` is given."""
        if in_seconds is not None and not self._over.done():
            take_each(self.id, partial(self._emit, SessionEnding(reason, in_seconds)))
        if in_seconds:
            asyncio.get_running_loop().call_later(in_seconds, self.end, reason)
        elif not self._over.done():
            self._over.set_result(reason)

    def tell(self, event: SessionEvent) -> None:
        """Tell the client of what happens around the session."""
        if not self.released.is_set():
            self._emit(event)

    async def run(self) -> EndReason:
        """Live until the end; never raises but CancelledError. Then everything is given back."""
        reason: EndReason = "internal"
        try:
            self._begin()
            async with asyncio.TaskGroup() as tasks:
                lives = (self._listen(), self._pulse(), self._await_gone())
                works = [tasks.create_task(life) for life in lives]
                reason = await self._over
                for work in works:
                    work.cancel()
        except* Exception:
            log.exception("session %s failed", self.id)
            failed = Problem("internal", "The session failed; start a new one.", fatal=True)
            take_each(self.id, partial(self._emit, failed))
        finally:
            await self._close(reason)
        return reason

    # ---- the engine's calls ------------------------------------------------------------------

    def engine_output(self, output: MicroTurnOutput) -> None:
        """Take the answer to a micro-turn."""
        self.hearing.intake.answered(output.k)
        done: list[UtteranceDone] = []
        for event in output.events:
            match event:
                case PersonWords():
                    self._course.last_activity = self._course.clock.loop.time()
                    self._emit(self.hearing.words(event, self.speaking.active, self._obey))
                case Said():
                    self.speaking.said(event, output.k)
                case UtteranceDone():
                    done.append(event)
                case Floor():
                    if event.decision == "yield":
                        self.speaking.cut("floor")
                    self._emit(event)
                case Remembered():
                    self._emit(self.speaking.remembered(event))
                case PersonState():
                    self._emit(event)
                case _:
                    self.steering.told(event)
        for speech in output.speech:
            self.speaking.push(speech, output.k)
        for end in done:
            self.speaking.finish(end)
        self._pump()

    def engine_lost(self) -> None:
        """The engine is gone: what it was saying is cut, the person is told."""
        self._course.stream_open = self._course.slow = False
        self.steering.lost(self.hearing.intake.lost())
        self.speaking.cut("engine")
        self._emit(EngineState("restarting", "One moment: the voice is being restarted."))

    def engine_back(self) -> OpenStream:
        """Open the stream in the new engine, with the conversation as it was heard."""
        self._entry.conversation.settle()
        self.hearing.restart()
        self.speaking.restart()
        self.steering.restart()
        opening = self._opening()
        self._course.stream_open = True
        self._emit(EngineState("ready", ""))
        return opening

    def engine_refused(self, reason: str) -> None:
        """The engine gave the stream up."""
        log.error("session %s: the engine closed the stream: %s", self.id, reason)
        if not self._over.done():
            self.end("internal")
            self._emit(Problem("internal", f"The voice gave up: {reason}", fatal=True))

    # ---- life --------------------------------------------------------------------------------

    def _begin(self) -> None:
        engine = self._services.engine
        turns = self._entry.conversation.as_turns()
        resumed = bool(self._entry.conversation.turns)
        self._emit(SessionStarted(self.id, resumed, engine.parts, turns))
        self._line.listen(self._act)
        engine.open(self._opening(), self)
        self._course.stream_open = engine.status == "ready"
        self.port.speaker.source = self.speaking

    def _opening(self) -> OpenStream:
        intake = self.hearing.intake
        conversation = self._entry.conversation
        turns = conversation.as_known()
        return OpenStream(intake.stream, self._course.settings, turns, intake.next_k, self.id)

    async def _listen(self) -> None:
        """Every block the microphone gives becomes a micro-turn."""
        intake = self.hearing.intake
        async for k, block in self.port.microphone:
            self._course.clock.block(k)
            for news in self.speaking.heard():
                intake.heard(news)
            dropped = intake.add(k, block)
            self._services.metrics.blocks_dropped += dropped
            if dropped and self._course.stream_open:
                self._tell_slow()
            self._pump()
            if k % _PROGRESS_BLOCKS == 0:
                self.speaking.tell_progress()

    def _pump(self) -> None:
        """Send what may be sent."""
        if not self._course.stream_open:
            return
        while (turn := self.hearing.intake.take()) is not None:
            self._line.log.micro_turn(turn)
            try:
                self._services.engine.send(turn)
            except (EngineLost, EngineTooSlow) as error:
                # Either way the engine is about to be replaced, and `engine_back` starts afresh.
                log.warning("session %s: %s", self.id, error)
                return

    async def _pulse(self) -> None:
        """Once a second: tell how things are, and end what went on long enough."""
        course, settings = self._course, self._services.settings
        loop, began = course.clock.loop, course.last_activity
        while True:
            await asyncio.sleep(_PULSE_SECONDS)
            now = loop.time()
            self._emit(health(self.port.statistics(), self.hearing, self.speaking))
            if not self.port.gone.is_set():  # Its cameras are off then, and the client's may be on.
                self.steering.looking.tell()
            if course.recover(now):
                self._emit(EngineState("ready", ""))
            if self.speaking.active:
                course.last_activity = now
            if settings.idle_seconds and now - course.last_activity > settings.idle_seconds:
                self.end("idle", 0.0)
            if settings.session_seconds and now - began > settings.session_seconds:
                self.end("limit", 0.0)

    async def _await_gone(self) -> None:
        await self.port.gone.wait()
        self.end("hung_up" if self.port.gone_reason == "closed" else "vanished")

    async def _close(self, reason: EndReason) -> None:
        """Give everything back, whatever fails: first what others wait for, then the connection."""
        self._over.cancel()  # Where it began badly nobody ended it: nothing is obeyed any more.
        take_each(
            self.id,
            self.steering.close,
            partial(self.speaking.cut, "engine"),
            partial(self._emit, SessionEnded(reason)),
            partial(self._services.engine.close, self.hearing.intake.stream),
            self._entry.conversation.settle,
            self._line.log.close,
            self._on_released,
        )
        self.released.set()
        self.port.speaker.source = None
        self._services.metrics.events_dropped += self.port.statistics().events_dropped
        await last_word(self.port)
        await self.port.close()

    # ---- what the client asks for ------------------------------------------------------------

    def _act(self, event: ClientEvent | Problem | None) -> None:
        if event is None or self._over.done():
            return
        match event:
            case Problem():
                self._services.metrics.messages_refused[event.code] += 1
                self._emit(event)
            case Flood():
                self._services.metrics.messages_refused["flood"] += 1
                self._emit(Problem("too_fast", "Far too many messages; goodbye.", fatal=True))
                self.end("too_fast")
            case TextSent(text, event_id):
                self._course.last_activity = self._course.clock.loop.time()
                if not self.hearing.typed(text, self.speaking.active, self._obey):
                    why = "Too much text waits to be read."
                    self._act(Problem("too_fast", why, False, event_id))
            case EndSession():
                self.end("hung_up")
            case Ping(sent_ms):
                self._emit(Pong(sent_ms))
            case Several(events):
                for one in events:
                    self._act(one)
            case Reply(messages):
                self._line.send(messages)
            case _:
                self.steering.act(event)

    def _obey(self, command: Command) -> None:
        """Do what the person demands, whatever the model makes of it."""
        if command == "quiet":
            self.steering.silence("quiet")
        elif command == "goodbye" and not self._course.goodbye:
            self._course.goodbye = True
            self.steering.silence("goodbye")
            self.end("goodbye", self._services.settings.goodbye_seconds)

    # ---- what the client is told -------------------------------------------------------------

    def _emit(self, event: SessionEvent) -> None:
        self._services.metrics.server_tool_calls += isinstance(event, ToolEnded) and event.here
        self._line.tell(event)

    def _on_started(self, utterance: int) -> None:
        if not self.speaking.answers(utterance):
            return
        if self._course.goodbye and self._course.goodbye_utterance is None:
            self._course.goodbye_utterance = utterance
        if (latency := self.hearing.take_latency(self._course.clock.now())) is not None:
            self._emit(Latency(utterance, latency))

    def _on_over(self, utterance: int) -> None:
        if utterance == self._course.goodbye_utterance:
            self.end("goodbye")

    def _tell_slow(self) -> None:
        if self._course.drop(self._course.clock.loop.time()):
            message = "This machine cannot keep up; some of what you say may be missed."
            self._emit(EngineState("slow", message))
