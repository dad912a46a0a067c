"""OpenAI's Live API over a data channel or a WebSocket: one client's side of it.

Messages are read strictly: a field that is not known is refused by its name, and every refusal is
an `error` whose `client_event_id` names the message. Sound in messages is taken by the WebSocket
port before it comes here. `docs/openai-live.md` says what is served and what is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from model.messages import PersonWords, Said
from model.orders import ToolCall
from server.dialects.openai_fields import FieldError, checked_text
from server.dialects.openai_items import ms
from server.dialects.openai_live_delegations import Delegations
from server.dialects.openai_live_fixture import Fixture
from server.dialects.openai_live_orders import Orders
from server.dialects.openai_live_settings import DELEGATE, LiveSettings
from server.dialects.openai_live_transcript import Transcript
from server.dialects.openai_live_wire import (
    FIELDS,
    UNSERVED,
    info,
    live_error,
    live_id,
    live_refused,
    of,
)
from server.dialects.openai_wire import Incoming, sound_name, texts
from server.session_events import (
    AgentProgress,
    ClientEvent,
    EndReason,
    EndSession,
    EngineState,
    Flood,
    Health,
    Pong,
    Problem,
    Reply,
    SessionEnded,
    SessionEnding,
    SessionEvent,
    SessionStarted,
    Several,
)
from server.steering_events import (
    AgentComplete,
    Appended,
    CancelAsked,
    SayAsked,
    ToolAnswered,
    ToolEnded,
)

__all__ = ["LiveDialect"]

Message = dict[str, Any]

MAX_CONTENT: Final = 4_000
"""Characters of what is appended at a time; about the protocol's 500 tokens and some more."""

USAGE_SECONDS: Final = 10.0

_CODES: Final = {
    "bad_field": "invalid_value",
    "too_fast": "rate_limit_exceeded",
    "internal": "server_error",
}
_CLOSED: Final[dict[EndReason, str]] = {
    "hung_up": "remote_hangup",
    "goodbye": "remote_hangup",
    "idle": "expired",
    "limit": "expired",
    "deleted": "close_requested",
}


class LiveDialect:
    """See the module's text.

    Args:
        settings: the client's.
        expires_at: when the session ends at the latest, seconds since 1970.
        in_messages: whether sound travels in messages (WebSocket), else in a track (WebRTC).
        start_event_id: what the client called its `session.start`.

    Attributes:
        muted: whether the client muted the person.
        fixture: a sound that is to be played in place of our speech.
    """

    sound_message: Final = "session.input_audio.append"
    clear_message: Final = ""
    behind_sound: Final[frozenset[str]] = frozenset()
    passing: Final[frozenset[str]] = frozenset()

    def __init__(
        self,
        settings: LiveSettings,
        expires_at: int,
        in_messages: bool = False,
        start_event_id: str | None = None,
    ) -> None:
        self.settings = settings
        self.muted = self._asked_to_close = False
        self.fixture: Fixture | None = None
        settings.expires_at = expires_at
        self._in_messages = in_messages
        self._named: dict[str, str | None] = {"start": start_event_id}
        self._session_id = ""
        # Thirty seconds of sound to be played are two and a half million characters.
        self._incoming = Incoming(lambda code, why: live_refused(code, why, None), 3 * 2**20)
        self._transcript = Transcript()
        self._orders = Orders()
        self._delegations = Delegations()
        self._usage_told = 0.0

    @property
    def deaf(self) -> bool:
        """Whether the model is to hear silence."""
        return self.muted or self.fixture is not None

    @property
    def input_format(self) -> str:
        """Of sound that comes in messages; see `FORMATS`."""
        return self.settings.format

    output_format = input_format

    # ---- to the client -----------------------------------------------------------------------

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """The messages that tell of an event; none for what the protocol has no word for."""
        match event:
            case SessionStarted(session):
                self._session_id = live_id(session)
                started: Message = {"type": "session.started", "session": self._session()}
                return texts([{**started, **of(self._named["start"])}])
            case PersonWords():
                return texts(self._transcript.person(event))
            case Said():
                self._transcript.said(event)
            case AgentProgress():
                told = self._transcript.progress(event, at_seconds)
                return texts(told + _interrupted(event, at_seconds))
            case AgentComplete(limited=True):
                why = "What is being said reached the longest answer there is, and ends there."
                return texts([info("output_audio_limited", why)])
            case ToolCall(call, name, arguments) if name == DELEGATE:
                return texts([self._delegations.created(call, arguments, at_seconds)])
            case ToolEnded(call):
                self._delegations.ended(call)
            case Pong(sent_ms):
                return texts(self._orders.taken(sent_ms, at_seconds))
            case Health():
                return texts(self._usage(at_seconds))
            case EngineState(state, message):
                return texts([info(f"engine_{state}", message or "The voice is back.")])
            case SessionEnding(reason):
                return texts([info("session_ending", f"The session ends: {reason}.")])
            case SessionEnded(reason):
                return texts([self._closed(reason, at_seconds)])
            case Problem():
                return texts([self._problem(event)])
        return ()

    def greeting(self) -> tuple[str, ...]:
        """What somebody who joins later is told first."""
        return texts([{"type": "session.started", "session": self._session()}])

    def end(self) -> None:
        """The application hangs up."""
        self._asked_to_close = True

    def sound(self, encoded: str) -> str | None:
        """The message that carries 20 ms of ours as base64."""
        return json.dumps({"type": "session.output_audio.delta", "delta": encoded})

    def played(self) -> tuple[str, ...]:
        """The fixture's last sample was sent."""
        named = self.fixture.client_event_id if self.fixture is not None else None
        self.fixture = None
        return texts([{"type": "session.output_audio.fixture.played", **of(named)}])

    # ---- from the client ---------------------------------------------------------------------

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What a message asks for; refusals are answered here."""
        message = self._incoming.read(text, now)
        return self._act(message) if isinstance(message, dict) else message

    def refuse(self, why: Literal["binary", "too_large"], now: float) -> Flood | Reply | None:
        """The answer to a message that was thrown away unread."""
        return self._incoming.refuse(why, now)

    def refuse_sound(self, why: str, event_id: str | None) -> Reply:
        """The answer to sound that cannot be taken."""
        return live_refused("invalid_value", why, event_id, "audio")

    def _act(self, message: Mapping[str, Any]) -> ClientEvent | Problem | None:
        event_id = message.get("event_id")
        if not sound_name(event_id):
            return live_refused("invalid_value", "event_id must be short text.", None, "event_id")
        kind = message.get("type")
        known = FIELDS.get(kind) if isinstance(kind, str) else None
        if known is None or not isinstance(kind, str):
            return live_refused("invalid_event", "There is no such event.", event_id, "type")
        if unknown := sorted(set(message) - known - {"type", "event_id"}):
            why = f"{kind} has no field {unknown[0][:64]!r}."
            return live_refused("unknown_parameter", why, event_id, unknown[0][:256])
        try:
            return self._answer(kind, message, event_id)
        except RecursionError:
            return live_refused("invalid_value", "This is nested too deeply.", event_id)
        except FieldError as problem:
            return live_refused(problem.code, f"{kind}: {problem}", event_id, problem.param)

    def _answer(
        self, kind: str, message: Mapping[str, Any], event_id: str | None
    ) -> ClientEvent | Problem | None:
        match kind:
            case "session.instructions.append" | "session.thinking.append":
                self._delegations.named(message)
                text = _content(message)
                return self._orders.ask(f"{kind}ed", event_id, lambda n: Appended(text, event_id=n))
            case "session.commentary.append":
                return self._comment(message, event_id)
            case "session.input_audio.mute" | "session.input_audio.unmute":
                self.muted = kind.endswith(".mute")
                return Reply(texts([{"type": f"{kind}d", **of(event_id)}]))
            case "session.update":
                self.settings.update(message.get("session"))
                updated: Message = {"type": "session.updated", "session": self._session()}
                return Reply(texts([{**updated, **of(event_id)}]))
            case "session.close":
                self._asked_to_close, self._named["close"] = True, event_id
                return EndSession()
            case "session.start":
                raise FieldError("type", "The session has started.", "session_already_started")
            case "session.input_audio.append" if self._in_messages:
                raise FieldError("audio", "Must be base64, once in a message.")
            case "session.input_audio.append":
                why = "Sound comes over the call's track."
                raise FieldError("type", why, "unsupported_transport")
            case "session.output_audio.fixture.play":
                return self._play(message, event_id)
            case _:
                raise FieldError("type", UNSERVED[kind.partition(".")[0]], "unsupported_event")

    def _comment(self, message: Mapping[str, Any], event_id: str | None) -> ClientEvent | Problem:
        content, kind = _content(message), "session.commentary.append"
        delegation = self._delegations.named(message)
        self._check_silence()
        if delegation is not None and self._delegations.answer(delegation):
            return self._orders.ask(
                f"{kind}ed", event_id, lambda n: ToolAnswered(delegation, content, event_id=n)
            )
        return self._orders.ask(f"{kind}ed", event_id, lambda n: SayAsked(content, event_id=n))

    # ---- pieces ------------------------------------------------------------------------------

    def _check_silence(self) -> None:
        if self.fixture is not None:
            why = "A sound is being played; wait for session.output_audio.fixture.played."
            raise FieldError("type", why, "fixture_active")

    def _play(self, message: Mapping[str, Any], event_id: str | None) -> ClientEvent:
        self._check_silence()
        self.fixture = Fixture(message.get("audio"), event_id)
        playing: Message = {"type": "session.output_audio.fixture.playing", **of(event_id)}
        return Several((CancelAsked(), Reply(texts([playing]))))

    def _problem(self, problem: Problem) -> Message:
        client_event_id = self._orders.refused(problem.event_id)
        kind = "server_error" if problem.code == "internal" else "invalid_request_error"
        code = _CODES.get(problem.code, problem.code)
        return live_error(code, problem.message, client_event_id, kind=kind)

    def _session(self) -> Message:
        return self.settings.told(self._session_id)

    def _usage(self, at_seconds: float) -> list[Message]:
        if at_seconds - self._usage_told < USAGE_SECONDS:
            return []
        self._usage_told = at_seconds
        return [{"type": "session.usage.updated", "usage": {"seconds": round(at_seconds, 3)}}]

    def _closed(self, reason: EndReason, at_seconds: float) -> Message:
        why = "close_requested" if self._asked_to_close else _CLOSED.get(reason, "connection_lost")
        usage = {"seconds": round(at_seconds, 3)}
        told = {"type": "session.closed", "reason": why, "session": self._session(), "usage": usage}
        return {**told, **of(self._named.get("close"))}


def _interrupted(progress: AgentProgress, at_seconds: float) -> list[Message]:
    """Our speech was cut: theirs never is, so there is no other word for it than an `info`."""
    if progress.state != "cut":
        return []
    why = "What was being said ends here; what was not told was not heard."
    told = info("output_audio_interrupted", why)
    return [{**told, "reason": progress.by, "offset_ms": ms(at_seconds)}]


def _content(message: Mapping[str, Any]) -> str:
    text = checked_text(message.get("content"), "content", MAX_CONTENT).strip()
    if not text:
        raise FieldError("content", "There is nothing in it.")
    return text
