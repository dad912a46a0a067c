"""OpenAI's Live dialect: words with their times, what is appended, delegations, errors by name."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from openai.types.live import ServerEvent
from pydantic import TypeAdapter

from model.messages import AgentWord, PersonWords, Said, Word
from model.orders import ToolCall
from server.dialects.openai_live import LiveDialect
from server.dialects.openai_live_settings import DELEGATE, LiveSettings
from server.session_events import (
    AgentProgress,
    AgentStarted,
    CutBy,
    EndReason,
    EndSession,
    EngineState,
    Health,
    Ping,
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

Event = dict[str, Any]
ONE, TWO, THREE = (AgentWord(f" w{n}", n * 2400, (n + 1) * 2400) for n in range(3))
KNOWN: TypeAdapter[Any] = TypeAdapter(ServerEvent)


class Client:
    """A client, with the dialect between it and what the test plays of the Session."""

    def __init__(self, *, in_messages: bool = False, **session: Any) -> None:
        settings = LiveSettings({"model": "any", **session}, in_messages)
        self.dialect = LiveDialect(settings, 2_000_000_000, in_messages, "begin")
        self.told: list[Event] = []
        self.asked: list[Any] = []
        self._now = 0.0

    def happens(self, *events: SessionEvent, at: float = 1.0) -> list[Event]:
        return self._hear([text for one in events for text in self.dialect.encode(one, at)])

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """Send an event; what is told at once."""
        self._now += 0.1
        return self._take(self.dialect.decode(json.dumps({"type": kind, **fields}), self._now))

    def refused(self, kind: str, **fields: Any) -> Event:
        """Send an event that is refused; the error."""
        (told,) = self.send(kind, event_id="mine", **fields)
        assert told["type"] == "error", told
        error: Event = told["error"]
        assert error["client_event_id"] == told["client_event_id"] == "mine"
        return error

    def _take(self, outcome: Any) -> list[Event]:
        match outcome:
            case Several(events):
                return [told for one in events for told in self._take(one)]
            case Reply(messages):
                return self._hear(messages)
            case Ping(sent_ms):
                return self.happens(Pong(sent_ms), at=2.5)
        self.asked.append(outcome)
        return []

    def _hear(self, messages: Any) -> list[Event]:
        told = [json.loads(one) for one in messages]
        for event in told:
            KNOWN.validate_python(event)  # the published client knows every event, field by field
        self.told += told
        return told

    def words(self, kind: str = "output") -> str:
        told = (one for one in self.told if one["type"] == f"session.{kind}_transcript.delta")
        return "".join(one["delta"] for one in told)


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def heard(segment: int, text: str, final: bool = False, typed: bool = False) -> PersonWords:
    words = tuple(Word(w, 1.0 + n * 0.2, 1.2 + n * 0.2) for n, w in enumerate(text.split()))
    return PersonWords(segment, words, final, typed)


def progress(state: Any, heard_words: int, by: CutBy | None = None) -> AgentProgress:
    return AgentProgress(state, 0, heard_words * 2400, heard_words, by)


# ---- the session ---------------------------------------------------------------------------------


def test_the_session_is_told_and_closed() -> None:
    client = Client(instructions="Be brief.", safety_identifier="person-1")
    (started,) = client.happens(SessionStarted("abc", False, {}, ()))
    assert started["type"] == "session.started" and started["client_event_id"] == "begin"
    session = started["session"]
    assert session["id"] == "live_abc" and session["status"] == "active"
    assert session["instructions"] == "Be brief." and session["expires_at"] == 2_000_000_000
    assert client.happens(Health(0, 0, 0, 0, 0), at=11.0)[0]["usage"] == {"seconds": 11.0}
    assert client.happens(Health(0, 0, 0, 0, 0), at=12.0) == []
    assert client.send("session.close", event_id="bye") == []
    assert isinstance(client.asked.pop(), EndSession)
    (closed,) = client.happens(SessionEnded("hung_up"), at=12.5)
    assert closed["reason"] == "close_requested" and closed["usage"] == {"seconds": 12.5}
    assert closed["client_event_id"] == "bye" and closed["session"]["id"] == "live_abc"


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("hung_up", "remote_hangup"),
        ("limit", "expired"),
        ("vanished", "connection_lost"),
        ("internal", "connection_lost"),
    ],
)
def test_why_it_was_closed(reason: EndReason, told: str) -> None:
    (closed,) = Client().happens(SessionEnded(reason))
    assert closed["reason"] == told


def test_a_hang_up_of_the_application_is_a_request() -> None:
    client = Client()
    client.dialect.end()
    assert client.happens(SessionEnded("hung_up"))[0]["reason"] == "close_requested"


# ---- words ---------------------------------------------------------------------------------------


def test_a_word_of_the_persons_is_told_once_with_its_time() -> None:
    client = Client()
    assert client.happens(heard(0, "hello")) == []
    (first,) = client.happens(heard(0, "hello wold"))
    assert first["delta"] == " hello" and (first["start_ms"], first["end_ms"]) == (1000, 1200)
    client.happens(heard(0, "hello wold"))
    # "wold" was told and reads differently now: it is not taken back, and nothing is told twice
    told = client.happens(heard(0, "hello world yours", final=True))
    assert [one["delta"] for one in told] == [" yours"] and told[0]["start_ms"] == 1400
    assert client.words("input") == " hello wold yours"
    assert client.happens(heard(0, "hello world yours late", final=True)) == []
    assert client.happens(heard(1, "typed", final=True, typed=True)) == []


def test_a_word_of_ours_is_told_once_it_was_heard() -> None:
    client = Client()
    assert client.happens(Said(0, (ONE, TWO)), AgentStarted(0)) == []
    told = client.happens(progress("heard", 1), at=3.0)
    assert [(one["delta"], one["start_ms"], one["end_ms"]) for one in told] == [(" w0", 2900, 3000)]
    assert client.happens(progress("heard", 1), at=3.05) == []
    # a pause of half a second within the utterance
    (second,) = client.happens(progress("done", 2), at=3.6)
    assert (second["start_ms"], second["end_ms"]) == (3500, 3600)
    assert client.words() == " w0 w1"


@pytest.mark.parametrize("by", ["floor", "client", "quiet", "engine"])
def test_what_is_cut_was_never_told_and_the_cut_is(by: CutBy) -> None:
    client = Client()
    client.happens(Said(0, (ONE, TWO, THREE)), progress("heard", 1))
    told = client.happens(progress("cut", 2, by), at=4.0)
    assert types(told) == ["session.output_transcript.delta", "info"]
    assert told[1]["code"] == "output_audio_interrupted" and told[1]["reason"] == by
    assert told[1]["offset_ms"] == 4000
    assert client.words() == " w0 w1"


@pytest.mark.parametrize("limited", [True, False])
def test_an_answer_at_its_limit_is_told_of(limited: bool) -> None:
    told = Client().happens(Said(0, (ONE,)), AgentComplete(0, 2400, limited))
    assert [one.get("code") for one in told] == ["output_audio_limited"] * limited


# ---- what is appended ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["instructions", "thinking"])
def test_what_is_silent_is_known_and_acknowledged(kind: str) -> None:
    client = Client()
    sent = {"content": "It rains.", "delegation_id": None, "event_id": "a1"}
    (told,) = client.send(f"session.{kind}.append", **sent)
    assert told["type"] == f"session.{kind}.appended" and told["client_event_id"] == "a1"
    assert told["start_ms"] == told["end_ms"] == 2500
    (asked,) = client.asked
    assert isinstance(asked, Appended) and asked.text == "It rains." and asked.role == "knowledge"


def test_commentary_is_said() -> None:
    client = Client()
    (told,) = client.send("session.commentary.append", content="Tea is ready.", delegation_id=None)
    assert told["type"] == "session.commentary.appended" and "client_event_id" not in told
    (asked,) = client.asked
    assert isinstance(asked, SayAsked) and asked.policy == "when_free"


def test_what_the_session_refuses_is_an_error_and_not_acknowledged() -> None:
    client = Client()
    text = json.dumps(
        {
            "type": "session.thinking.append",
            "content": "x",
            "delegation_id": None,
            "event_id": "mine",
        }
    )
    outcome = client.dialect.decode(text, 0.0)
    assert isinstance(outcome, Several)
    order, ping = outcome.events
    assert isinstance(order, Appended) and isinstance(ping, Ping)
    problem = Problem("bad_field", "Too many orders at once.", event_id=order.event_id)
    (told,) = client.happens(problem)
    assert told["error"]["client_event_id"] == "mine" and told["error"]["code"] == "invalid_value"
    assert client.happens(Pong(ping.sent_ms)) == []


# ---- delegations ---------------------------------------------------------------------------------


def test_a_delegation_is_thought_about_and_answered() -> None:
    client = Client(delegation={"type": "client"})
    (tool,) = client.dialect.settings.values()["tools"]
    assert tool["name"] == DELEGATE
    (created,) = client.happens(ToolCall("c1", DELEGATE, '{"task":"book a table"}'), at=7.25)
    assert created["offset_ms"] == 7250
    assert created["delegation"] == {
        "type": "delegation",
        "id": "c1",
        "target": "client",
        "task": "book a table",
    }
    client.send("session.thinking.append", content="Two are free.", delegation_id="c1")
    client.send("session.commentary.append", content="Booked for eight.", delegation_id="c1")
    client.happens(ToolEnded("c1", False, ""))
    client.send("session.commentary.append", content="They confirmed.", delegation_id="c1")
    thought, answered, said = client.asked
    assert isinstance(thought, Appended)
    assert isinstance(answered, ToolAnswered) and answered.call == "c1"
    assert answered.text == "Booked for eight."
    assert isinstance(said, SayAsked) and said.text == "They confirmed."


def test_a_delegation_that_ended_unanswered_is_answered_aloud() -> None:
    client = Client(delegation={"type": "client"})
    client.happens(ToolCall("c1", DELEGATE, "odd"), ToolEnded("c1", True, "No answer came."))
    client.send("session.commentary.append", content="Done at last.", delegation_id="c1")
    assert isinstance(client.asked.pop(), SayAsked)


def test_nobody_is_delegated_to_who_was_not_named() -> None:
    assert Client().dialect.settings.values()["tools"] == []
    assert Client(delegation=None).dialect.settings.values()["tools"] == []
    refused = Client().refused("session.update", session={"delegation": {"type": "client"}})
    assert refused["param"] == "session.delegation"


def test_the_delegation_is_what_can_be_updated() -> None:
    client = Client(delegation={"type": "client"})
    changed = {"delegation": {"type": "client", "acknowledgement_delay_ms": 300}}
    (told,) = client.send("session.update", session=changed, event_id="u")
    assert told["type"] == "session.updated" and told["client_event_id"] == "u"
    assert told["session"]["delegation"]["acknowledgement_delay_ms"] == 300
    error = client.refused("session.update", session={"instructions": "Sing."})
    assert error["param"] == "session.instructions" and error["code"] == "unknown_parameter"


# ---- the person muted, a sound played ------------------------------------------------------------


def test_the_person_is_muted_and_unmuted() -> None:
    client = Client()
    (told,) = client.send("session.input_audio.mute", event_id="m")
    assert told["type"] == "session.input_audio.muted" and told["client_event_id"] == "m"
    assert client.dialect.deaf
    (told,) = client.send("session.input_audio.unmute")
    assert told["type"] == "session.input_audio.unmuted" and not client.dialect.deaf


def test_a_sound_of_the_clients_is_played_in_place_of_our_speech() -> None:
    client = Client(in_messages=True)
    sound = np.full(1_000, 8_000, "<i2")
    fields = {"audio": base64.b64encode(sound.tobytes()).decode(), "event_id": "f"}
    (told,) = client.send("session.output_audio.fixture.play", **fields)
    assert told["type"] == "session.output_audio.fixture.playing"
    assert isinstance(client.asked.pop(), CancelAsked)
    assert client.dialect.deaf and client.dialect.fixture is not None
    assert client.refused("session.output_audio.fixture.play", audio="AAAA")
    again = client.refused("session.commentary.append", content="x", delegation_id=None)
    assert again["code"] == "fixture_active"
    frames = [client.dialect.fixture.next_frame() for _ in range(4)]
    assert [frame is None for frame in frames] == [False, False, False, True]
    (played,) = (json.loads(one) for one in client.dialect.played())
    assert played["type"] == "session.output_audio.fixture.played"
    assert played["client_event_id"] == "f" and not client.dialect.deaf


@pytest.mark.parametrize("audio", [None, 5, "", "AA=", "A" * 8, "!", "AAA=" * 10])
def test_a_sound_that_is_none(audio: Any) -> None:
    client = Client(in_messages=True)
    if audio in ("A" * 8, "AAA=" * 10):
        audio = base64.b64encode(b"\0\0" * 24_000 * 31).decode() if audio[0] == "A" else audio
    assert client.refused("session.output_audio.fixture.play", audio=audio)["param"] == "audio"
    assert not client.dialect.deaf


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "code", "param"),
    [
        ("nonsense", {}, "invalid_event", "type"),
        ("session.start", {"session": {}}, "session_already_started", "type"),
        ("session.close", {"why": "tired"}, "unknown_parameter", "why"),
        ("session.input_audio.append", {"audio": "AAAA"}, "unsupported_transport", "type"),
        (
            "session.thinking.append",
            {"content": "x"},
            "missing_required_parameter",
            "delegation_id",
        ),
        (
            "session.thinking.append",
            {"content": "x", "delegation_id": "c9"},
            "delegation_not_found",
            "delegation_id",
        ),
        (
            "session.commentary.append",
            {"content": "x" * 5_000, "delegation_id": None},
            "string_above_max_length",
            "content",
        ),
        (
            "session.commentary.append",
            {"content": " ", "delegation_id": None},
            "invalid_value",
            "content",
        ),
        (
            "session.commentary.append",
            {"content": [], "delegation_id": None},
            "invalid_type",
            "content",
        ),
        ("response.create", {}, "unsupported_event", "type"),
        ("response.item.create", {"item": {}}, "unsupported_event", "type"),
        ("decision.create", {}, "unsupported_event", "type"),
        ("transport.dtmf.send", {"event": "1"}, "unsupported_event", "type"),
        ("session.update", {}, "invalid_type", "session"),
        (
            "session.update",
            {"session": {"triggers": [{}]}},
            "unsupported_value",
            "session.triggers",
        ),
    ],
)
def test_refusals_name_the_field_and_the_event(
    kind: str, fields: Event, code: str, param: str
) -> None:
    error = Client().refused(kind, **fields)
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error" and error["message"]


def test_what_goes_wrong_here_is_told_too() -> None:
    client = Client()
    told = client.happens(
        EngineState("restarting", "One moment."),
        EngineState("ready", ""),
        SessionEnding("shutdown", 3.0),
        Problem("internal", "no"),
    )
    assert types(told) == ["info", "info", "info", "error"]
    assert told[3]["error"]["type"] == "server_error"
