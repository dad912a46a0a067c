"""OpenAI's Realtime API, GA, over a data channel or a WebSocket: one client's side of it.

What the client asks for is read strictly; every refusal is an `error` that names the `event_id` of
the message. Sound in messages (`input_audio_buffer.append`) is taken by the WebSocket port before
it comes here. `docs/openai.md` says what is served and what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from model.messages import Floor, PersonWords, Said
from model.orders import ToolCall
from server.dialects.openai_fields import FieldError
from server.dialects.openai_items import new_id
from server.dialects.openai_reading import (
    goes_with_typed,
    read_item,
    read_response,
    read_truncation,
)
from server.dialects.openai_settings import RealtimeSettings
from server.dialects.openai_telling import Limits, Message, Telling, truncated
from server.dialects.openai_wire import Incoming, error, refused, sound_name, texts
from server.dialects.pace import CHANGES_A_SECOND, Changes
from server.refusable import Refusable
from server.session_events import (
    AgentProgress,
    AgentStarted,
    ClientEvent,
    Flood,
    Health,
    Problem,
    Reply,
    SessionEnding,
    SessionEvent,
    SessionStarted,
    Several,
    TextSent,
)
from server.steering_events import (
    AgentComplete,
    AnswerAsked,
    Appended,
    CancelAsked,
    ClearAsked,
    CommitAsked,
    SettingsAsked,
    SettingsChanged,
    TruncateAsked,
)

__all__ = ["RealtimeDialect"]

MAX_TYPED: Final = 32
"""Messages of the person's that may wait for an answer to be asked for; more are only known."""

MAX_ASKED: Final = 64
"""Messages that may still be refused: the engine does so later than the Session."""

Asked = ClientEvent | Problem
Outcome = tuple[list[Message], list[Asked]]
"""What is told at once, and what the Session is asked for."""

_CODES: Final = {
    "bad_json": "invalid_json",
    "unknown_type": "invalid_event",
    "bad_field": "invalid_value",
    "nothing_said": "input_audio_buffer_commit_empty",
    "too_large": "message_too_large",
    "too_fast": "rate_limit_exceeded",
    "internal": "server_error",
}


class RealtimeDialect:
    """See the module's text.

    Attributes:
        sound_message: type of the message that carries sound to us.
        clear_message: type of the one that has waiting sound forgotten.
        behind_sound: types of messages that wait until the sound before them was heard.
        passing: types of messages that overtake those.

    Args:
        settings: the client's, with what its secret fixes.
        in_messages: whether sound travels in messages (WebSocket), else in a track (WebRTC).
        limits: what is told as rate limits; None for none.
    """

    sound_message: Final = "input_audio_buffer.append"
    clear_message: Final = "input_audio_buffer.clear"
    behind_sound: Final = frozenset({"input_audio_buffer.commit"})
    passing: Final = frozenset({"response.cancel"})

    def __init__(
        self, settings: RealtimeSettings, in_messages: bool = False, limits: Limits | None = None
    ) -> None:
        self.settings = settings
        self.telling = Telling(settings, not in_messages, limits)
        self._in_messages = in_messages
        self._session_id = ""
        self._incoming = Incoming(lambda code, why: refused(code, why, None))
        self._tool: Literal["", "given", "answered"] = ""
        self._typed: list[str] = []
        self._output = ""  # our name of a function's last one
        # By our own names, which refusals come with and no client gives.
        self._refusable = Refusable[dict[str, Any]](f"{new_id('asked')}_", MAX_ASKED)
        self._changes = Changes()
        self._now = 0.0
        self._events: dict[str, Callable[[Mapping[str, Any]], Outcome]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "output_audio_buffer.clear": self._silence,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.truncate": self._truncate_item,
            "conversation.item.delete": self._delete_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel,
        }

    @property
    def input_format(self) -> str:
        """Of sound that comes in messages; see `FORMATS`."""
        return self.settings.input_format

    @property
    def output_format(self) -> str:
        """Of sound that goes in messages; see `FORMATS`."""
        return self.settings.output_format

    # ---- to the client -----------------------------------------------------------------------

    def encode(self, event: SessionEvent, at_seconds: float) -> tuple[str, ...]:
        """The messages that tell of an event; none for what the protocol has no word for."""
        self.telling.at_seconds = at_seconds
        match event:
            case SessionStarted(session):
                self._session_id = f"sess_{session}"
                return texts([self._session("session.created")])
            case PersonWords():
                told = self.telling.person(event)
                self._tool = self._tool if not told else ""
                return texts(told)
            case Floor(decision="yield"):
                return texts(self.telling.interrupts())
            case Said():
                if self._tool == "given" and self.telling.answer is None:
                    self._tool = "answered"
                return texts(self.telling.said(event))
            case AgentStarted() | AgentComplete() | AgentProgress():
                return texts(self.telling.ours(event))
            case ToolCall():
                return texts(self.telling.tool(event))
            case SettingsChanged():
                return texts([self._session("session.updated")])
            case SessionEnding(reason):
                why = f"The session ends: {reason}."
                return texts([error("session_expired", why, kind="server_error")])
            case Health():
                return texts(self.telling.patience())
            case Problem():
                return texts([self._problem(event)])
            case _:
                return ()

    def greeting(self) -> tuple[str, ...]:
        """What somebody who joins later is told first."""
        return texts([self._session("session.created")])

    def sound(self, encoded: str) -> str | None:
        """The message that carries 20 ms of an answer as base64; None when nothing is answered."""
        answer = self.telling.answer
        if answer is None or answer.item is None or self.settings.text_only:
            return None
        place = {"response_id": answer.id, "item_id": answer.item.id}
        where = {"output_index": answer.index, "content_index": 0}
        kind = "response.output_audio.delta"
        return texts([{"type": kind, **place, **where, "delta": encoded}])[0]

    # ---- from the client ---------------------------------------------------------------------

    def decode(self, text: str, now: float) -> ClientEvent | Problem | None:
        """What a message asks for; refusals are answered here."""
        self._now = now
        message = self._incoming.read(text, now)
        return self._act(message) if isinstance(message, dict) else message

    def refuse(self, why: Literal["binary", "too_large"], now: float) -> Flood | Reply | None:
        """The answer to a message that was thrown away unread."""
        return self._incoming.refuse(why, now)

    def refuse_sound(self, why: str, event_id: str | None) -> Reply:
        """The answer to sound that cannot be taken."""
        return refused("invalid_value", why, event_id, "audio")

    def _act(self, message: dict[str, Any]) -> ClientEvent | Problem | None:
        event_id = message.get("event_id")
        if not sound_name(event_id):
            return refused("invalid_value", "event_id must be short text.", None, "event_id")
        kind = message.get("type")
        act = self._events.get(kind) if isinstance(kind, str) else None
        if act is None:
            return refused("invalid_event", "There is no such event.", event_id, "type")
        try:
            told, asked = act(message)
            behind = [] if goes_with_typed(message) else self._flushed()
        except RecursionError:
            return refused("invalid_value", "This is nested too deeply.", event_id)
        except FieldError as problem:
            return refused(problem.code, str(problem), event_id, problem.param)
        events: list[Asked] = [Reply(texts(told))] if told else []
        return Several((*behind, *events, *asked))

    # ---- one for each client event -----------------------------------------------------------

    def _update(self, message: Mapping[str, Any]) -> Outcome:
        # Before it is read: the Session counts only what was merged and copied already.
        if not self._changes.may_change(self._now):
            why = f"At most {CHANGES_A_SECOND} updates a second."
            raise FieldError("session", why, "rate_limit_exceeded")
        before = self.settings.session
        self.settings.update(message.get("session"))
        name = self._refusable.add(message.get("event_id"), before)
        return [], [SettingsAsked(self.settings.values(), name)]

    def _commit(self, message: Mapping[str, Any]) -> Outcome:
        return [], [CommitAsked(self._refusable.add(message.get("event_id"), None))]

    def _append(self, message: Mapping[str, Any]) -> Outcome:
        if not self._in_messages:
            raise FieldError("type", "Sound comes over the call's track.", "unsupported_transport")
        field = min(set(message) - {"type", "audio", "event_id"}, default="audio")
        raise FieldError(field, "There is no such field.", "unknown_parameter")

    def _clear(self, message: Mapping[str, Any]) -> Outcome:
        return [{"type": "input_audio_buffer.cleared"}], [ClearAsked()]

    def _silence(self, message: Mapping[str, Any]) -> Outcome:
        if self._in_messages:
            why = "What was sent is with you: stop playing it, and send conversation.item.truncate."
            raise FieldError("type", why, "unsupported_transport")
        # An interruption sends this after a cancel, or when nothing is said at all.
        return self._stop() if self.telling.answer is not None else ([], [])

    def _create_item(self, message: Mapping[str, Any]) -> Outcome:
        made = read_item(message.get("item"))
        after = message.get("previous_item_id")
        if after is not None and not isinstance(after, str):
            raise FieldError("previous_item_id", "Must be text or null.", "invalid_type")
        before = {"previous_item_id": self.telling.items.add(made.item, after)}
        told = made.item.told()
        # A person's words are a question of their own, whatever a function answered before.
        self._tool = "" if made.role == "person" else self._tool
        if made.call:
            self._tool = "given"
            self._output = self._refusable.add(message.get("event_id"), None)
        # Typed words wait for the `response.create` that has them answered.
        typed = made.role == "person" and len(self._typed) < MAX_TYPED
        self._typed += [made.text.strip()] if typed and made.text.strip() else []
        added: Message = {"type": "conversation.item.added", "item": told, **before}
        done: Message = {"type": "conversation.item.done", "item": told, **before}
        named = self._output if made.call else message.get("event_id")
        return [added, done], [] if typed else made.asked(named)

    def _retrieve_item(self, message: Mapping[str, Any]) -> Outcome:
        item = self.telling.items.get(message.get("item_id"))
        return [{"type": "conversation.item.retrieved", "item": item.told()}], []

    def _truncate_item(self, message: Mapping[str, Any]) -> Outcome:
        item = self.telling.items.get(message.get("item_id"))
        if item.utterance is None:
            raise FieldError("item_id", "Only what we said can be truncated.")
        heard = read_truncation(message)
        if item.heard_samples is None:  # still being said: its end tells the client
            return [], [TruncateAsked(item.utterance, heard, message.get("event_id"))]
        item.heard(min(heard, item.heard_samples))
        item.status = "incomplete"
        asked = TruncateAsked(item.utterance, item.heard_samples or 0, message.get("event_id"))
        return [truncated(item)], [asked]

    def _delete_item(self, message: Mapping[str, Any]) -> Outcome:
        item_id = message.get("item_id")
        self.telling.items.delete(item_id)
        return [{"type": "conversation.item.deleted", "item_id": item_id}], []

    def _create_response(self, message: Mapping[str, Any]) -> Outcome:
        asked = read_response(message.get("response"), self.settings)
        tool, active = self._tool, self.telling.answer is not None
        if active and tool != "answered":
            raise FieldError(
                "response",
                "There is an answer under way; wait for response.done or cancel it.",
                "conversation_already_has_active_response",
            )
        self._tool = ""
        # A function's output is answered by itself; asked once more, it would be heard twice.
        if tool == "answered":
            told = [] if active else self.telling.begin(asked.metadata)
            return told + ([] if active else self.telling.finish("completed", "")), []
        given = tool == "given"
        again = [] if given else self._asks_for_answer(message.get("event_id"), asked.tool_choice)
        return self.telling.begin(asked.metadata), [*asked.appended, *again]

    def _flushed(self) -> list[Asked]:
        """Typed words, known and not answered: what is sent behind them comes behind them."""
        typed, self._typed = self._typed, []
        return [*(Appended(text, "person") for text in typed)]

    def _asks_for_answer(self, event_id: str | None, choice: str) -> list[Asked]:
        typed, self._typed = " ".join(self._typed), []
        sent: list[Asked] = [TextSent(typed, event_id)] if typed else []
        if typed and not choice and not self.settings.manual:
            return sent
        return [*sent, AnswerAsked(event_id, choice)]

    def _cancel(self, message: Mapping[str, Any]) -> Outcome:
        answer, named = self.telling.answer, message.get("response_id")
        if answer is None or (named is not None and named != answer.id):
            why = "There is no such answer under way."
            raise FieldError("response_id", why, "response_cancel_not_active")
        return self._stop()

    # ---- pieces ------------------------------------------------------------------------------

    def _stop(self) -> Outcome:
        """Stop the answer under way; of one that has no words yet nothing else tells the end."""
        answer = self.telling.answer
        waits = answer is not None and answer.item is None
        told = self.telling.finish("cancelled", "client_cancelled") if waits else []
        return told, [CancelAsked()]

    def _session(self, kind: str) -> Message:
        return {"type": kind, "session": self.settings.told(self._session_id)}

    def _problem(self, problem: Problem) -> Message:
        event_id = problem.event_id
        if event_id == self._output:
            self._tool = ""  # Nothing waited for that output: nothing answers it either.
        if event_id is not None and event_id in self._refusable:
            event_id, before, again = self._refusable.refused(event_id)
            if before is not None and again:
                self.settings.session = before
        kind = "server_error" if problem.code == "internal" else "invalid_request_error"
        code = _CODES.get(problem.code, problem.code)
        return error(code, problem.message, event_id, kind=kind)
