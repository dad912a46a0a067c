"""RTVI, as pipecat's clients speak it over the small WebRTC transport: one client's side of it.

What has no word in RTVI is told as `server-message`, in our own dialect's form. Every refusal is an
`error-response` with the id of the message. `docs/pipecat.md` says what is served and what is not.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from itertools import count
from typing import Any, Final, Literal

from model.messages import PersonState, PersonWords, Said, Saying
from model.orders import ToolCall
from server.dialects.counterpoint import CounterpointDialect
from server.dialects.pace import Pace
from server.dialects.rtvi_reading import MAX_NAME, Asked, BadMessage, read, read_track_status
from server.dialects.rtvi_telling import Bot, Person
from server.dialects.rtvi_wire import LABEL, Message, Wire, message, refusal, sound_text
from server.session_events import (
    AgentProgress,
    AgentStarted,
    ClientEvent,
    EngineState,
    Flood,
    Latency,
    Listeners,
    Ping,
    Pong,
    Problem,
    Reply,
    SessionEnded,
    SessionEnding,
    SessionEvent,
    Several,
)
from server.steering_events import (
    AgentComplete,
    HoldChanged,
    LookChanged,
    LookWanted,
    SettingsChanged,
    ToolEnded,
)

__all__ = ["MAX_MESSAGE_CHARACTERS", "RtviDialect"]

MAX_MESSAGE_CHARACTERS: Final = 64 * 1024
MAX_ANSWERS: Final = 16
"""Answers that wait until what was asked for is done: one, unless the Session is over."""

MAX_CALLS: Final = 64
"""Calls of tools whose end is told with their name."""

_PING: Final = re.compile(r"ping(: ?\d{1,20})?")
_ALWAYS: Final = (
    (EngineState, SessionEnding, HoldChanged, SettingsChanged, Saying, Listeners)
    + (LookChanged, LookWanted)
)  # fmt: skip


class RtviDialect:
    """See the module's text.

    Args:
        every_event: whether all events are told as `server-message` too, each in our own form.
        wall: seconds since 1970.
    """

    def __init__(self, every_event: bool = False, wall: Callable[[], float] = time.time) -> None:
        self._every_event = every_event
        self._wire = Wire()
        self._person = Person(wall)
        self._bot = Bot()
        self._ours = CounterpointDialect()
        self._pace = Pace()
        self._tokens = count(1)
        # What is told once the Session did what was asked, by the Ping that follows it there.
        self._answers: dict[float, Message] = {}
        self._calls: dict[str, str] = {}

    # ---- to the client -----------------------------------------------------------------------

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """The messages that tell of an event."""
        told = self._told(event)
        cut = isinstance(event, AgentProgress) and event.state == "cut"
        cut |= isinstance(event, AgentComplete) and event.limited
        if self._every_event or cut or isinstance(event, _ALWAYS):
            if not isinstance(event, Pong | Problem):
                ours = json.loads(self._ours.encode(event, at_seconds)[0])
                told.append({"type": "server-message", "data": ours})
        return self._wire.texts(told)

    def _told(self, event: SessionEvent) -> list[Message]:
        match event:
            case PersonState(state):
                return self._person.does(state)
            case PersonWords():
                return self._person.words(event)
            case Said():
                return self._bot.said(event)
            case AgentStarted(utterance):
                return self._bot.started(utterance)
            case AgentProgress():
                return self._bot.progress(event)
            case AgentComplete(utterance):
                return self._bot.complete(utterance)
            case Latency(_, latency_seconds):
                value = {"processor": "counterpoint", "value": round(latency_seconds, 3)}
                return [message("metrics", ttfb=[value])]
            case ToolCall() | ToolEnded():
                return self._tool(event)
            case Pong(token):
                answer = self._answers.pop(token, None)
                return [answer] if answer is not None else []
            case Problem(code, why, fatal, id):
                self._answers = {t: one for t, one in self._answers.items() if one["id"] != id}
                return [refusal(why, code, id, fatal=fatal)]
            case SessionEnded(reason) if reason != "replaced":
                return [{"type": "signalling", "message": {"type": "peerLeft"}}]
            case _:
                return []

    def _tool(self, event: ToolCall | ToolEnded) -> list[Message]:
        if isinstance(event, ToolCall):
            self._calls[event.call] = event.name
            if len(self._calls) > MAX_CALLS:
                del self._calls[next(iter(self._calls))]
            named = {"function_name": event.name, "tool_call_id": event.call}
            values = json.loads(event.arguments)
            return [
                message("llm-function-call-started", function_name=event.name),
                message("llm-function-call-in-progress", **named, arguments=values),
            ]
        named = {"tool_call_id": event.call}
        if name := self._calls.pop(event.call, ""):
            named["function_name"] = name
        ended = {"cancelled": event.failed, "result": event.text}
        return [message("llm-function-call-stopped", **named, **ended)]

    # ---- from the client ---------------------------------------------------------------------

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What a message asks for; refusals are answered here."""
        limited = self._limited(now)
        if limited != "pass":
            return limited
        if text.startswith("ping") and _PING.fullmatch(text):
            return None  # a sign of life
        if len(text) > MAX_MESSAGE_CHARACTERS:
            return self._refuse("The message is too long; send less.", "too_large")
        try:
            sent = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return self._refuse("The message is not JSON.", "bad_json")
        if not isinstance(sent, dict):
            return self._refuse("The message is not an object.", "bad_json")
        return self._act(sent)

    def refuse(self, why: Literal["binary", "too_large"], now: float) -> Flood | Reply | None:
        """The answer to a message that was thrown away unread; it counts like any other."""
        limited = self._limited(now)
        if limited != "pass":
            return limited
        if why == "too_large":
            return self._refuse("The message is too long; send less.", "too_large")
        return self._refuse("The message is binary; send JSON as text.", "bad_json")

    def _act(self, sent: dict[str, Any]) -> ClientEvent | None:
        given = sent.get("id")
        named = isinstance(given, str) and 0 < len(given) <= MAX_NAME and sound_text(given)
        id: str | None = given if named else None
        kind = sent.get("type")
        try:
            if kind == "signalling":
                return read_track_status(sent.get("message"))
            if sent.get("label") != LABEL:
                raise BadMessage(f"label must be {LABEL}.")
            if id is None:
                raise BadMessage(f"id must be text of 1 to {MAX_NAME} characters.")
            if not isinstance(kind, str):
                raise BadMessage("type must be text.")
            return self._several(read(kind, sent.get("data"), id))
        except BadMessage as bad:
            return self._refuse(str(bad), bad.code, id)
        except RecursionError:
            return self._refuse("This is nested too deeply.", "bad_field", id)

    def _several(self, asked: Asked) -> ClientEvent:
        if asked.answer is None or not asked.events:
            answer = [asked.answer] if asked.answer is not None else []
            return Several((*asked.events, Reply(self._wire.texts(answer))))
        token = float(next(self._tokens))
        self._answers[token] = asked.answer
        if len(self._answers) > MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]
        return Several((*asked.events, Ping(token)))

    def _limited(self, now: float) -> Flood | Reply | None | Literal["pass"]:
        match self._pace.count(now):
            case "pass":
                return "pass"
            case "flood":
                return Flood()
            case "tell":
                why = "At most 100 messages a second; the others are dropped."
                return self._refuse(why, "too_fast")
            case _:
                return None

    def _refuse(self, why: str, code: str, id: str | None = None) -> Reply:
        return Reply(self._wire.texts([refusal(why, code, id)]))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
