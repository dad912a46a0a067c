"""RTVI's dialect: our events as its turns, its messages as our orders, errors by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model.messages import AgentWord, Floor, PersonState, PersonWords, Said, StreamSettings, Word
from model.orders import ToolCall
from server.dialects.locked import Locked
from server.dialects.rtvi import RtviDialect
from server.session_events import (
    AgentProgress,
    AgentStarted,
    ClientEvent,
    CutBy,
    EndSession,
    Flood,
    Latency,
    Ping,
    Pong,
    Problem,
    Reply,
    SessionEnded,
    SessionEvent,
    Several,
    StopSpeaking,
    TextSent,
)
from server.steering_events import (
    AgentComplete,
    AnswerAsked,
    Appended,
    HoldAsked,
    HoldChanged,
    LookAsked,
    SayAsked,
    SettingsAsked,
    SettingsChanged,
    ToolAnswered,
    ToolEnded,
)

Event = dict[str, Any]
WORDS = tuple(AgentWord(f" w{n}", n * 2400, (n + 1) * 2400) for n in range(4))


class Client:
    """A client, with the dialect between it and what the test plays of the Session."""

    def __init__(self, every_event: bool = False) -> None:
        self.dialect = RtviDialect(every_event, wall=lambda: 0.5)
        self.asked: list[ClientEvent] = []
        self._now = 0.0

    def happens(self, *events: SessionEvent) -> list[Event]:
        return [json.loads(one) for event in events for one in self.dialect.encode(event, 1.0)]

    def send(self, kind: str, data: Any = None, id: Any = "mine", **others: Any) -> list[Event]:
        """Send a message; what is told at once, if the Session does what is asked."""
        self._now += 0.1
        sent = {"label": "rtvi-ai", "type": kind, "id": id, "data": data, **others}
        return self.take(self.dialect.decode(json.dumps(sent), self._now))

    def take(self, outcome: Any) -> list[Event]:
        match outcome:
            case Several(events):
                return [told for one in events for told in self.take(one)]
            case Reply(messages):
                return [json.loads(one) for one in messages]
            case Ping(token):
                return self.happens(Pong(token))
            case None:
                return []
        self.asked.append(outcome)
        return []

    def refused(self, kind: str, data: Any = None, **others: Any) -> str:
        """Send a message that is refused; why."""
        (told,) = self.send(kind, data, **others)
        assert told["type"] == "error-response" and told["id"] == "mine", told
        assert self.asked == []
        why: str = told["data"]["error"]
        return why


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def heard(segment: int, text: str, final: bool = False, typed: bool = False) -> PersonWords:
    words = tuple(Word(w, 1.0 + n * 0.2, 1.2 + n * 0.2) for n, w in enumerate(text.split()))
    return PersonWords(segment, words, final, typed)


def outputs(events: list[Event]) -> list[tuple[Any, ...]]:
    """Segment, status, words heard and words left of each bot-output."""
    told = [one["data"] for one in events if one["type"] == "bot-output"]
    return [
        (
            one["segment_id"],
            one["spoken_status"],
            *one.get("spoken_progress", {}).values(),
        )
        for one in told
    ]


# ---- the person ----------------------------------------------------------------------------------


def test_a_turn_is_told_from_what_the_person_does_and_says() -> None:
    client = Client()
    told = client.happens(
        PersonState("speaking", 0.9),
        heard(0, "hello"),
        PersonState("pausing", 0.8),
        PersonState("speaking", 0.9),
        heard(0, "hello world"),
        PersonState("finished", 0.9),
        heard(0, "hello world.", final=True),
        PersonState("silent", 0.9),
    )
    assert types(told) == [
        "user-started-speaking",
        "user-transcription",
        "user-transcription",
        "user-stopped-speaking",
        "user-transcription",
        "user-llm-text",
    ]
    assert told[4]["data"] == {
        "text": "hello world.",
        "final": True,
        "timestamp": "1970-01-01T00:00:00.500+00:00",
        "user_id": "",
    }
    assert not told[1]["data"]["final"] and told[5]["data"] == {"text": "hello world."}
    assert all(one["label"] == "rtvi-ai" and one["id"] for one in told)
    assert len({one["id"] for one in told}) == len(told)


def test_words_alone_make_a_turn() -> None:
    client = Client()
    told = client.happens(heard(0, "a"), heard(0, "a b", final=True), heard(1, "c", final=True))
    started = ["user-started-speaking"]
    stopped = ["user-stopped-speaking", "user-transcription", "user-llm-text"]
    assert types(told) == started + ["user-transcription"] + stopped + started + stopped


def test_noise_without_words_and_words_while_speaking_on() -> None:
    client = Client()
    told = client.happens(PersonState("speaking", 0.9), heard(0, "", final=True))
    assert types(told) == ["user-started-speaking"]
    assert types(client.happens(PersonState("silent", 0.9))) == ["user-stopped-speaking"]
    client.happens(PersonState("speaking", 0.9), heard(1, "so"))
    # The first stretch is final while the person goes on with the next.
    told = client.happens(heard(1, "so", final=True), heard(2, "then"))
    assert types(told) == ["user-transcription", "user-llm-text", "user-transcription"]
    assert client.happens(PersonState("acknowledging", 0.9), heard(1, "late", final=True)) == []


def test_typed_words_are_no_speech() -> None:
    assert types(Client().happens(heard(0, "hi", True, True))) == ["user-llm-text"]


# ---- ourselves -----------------------------------------------------------------------------------


def test_an_answer_that_is_heard_whole() -> None:
    client = Client()
    told = client.happens(
        Said(0, WORDS[:2]),
        AgentStarted(0),
        AgentProgress("heard", 0, 2400, 1),
        Said(0, WORDS[2:]),
        AgentComplete(0, 9600),
        AgentProgress("heard", 0, 7200, 3),
        AgentProgress("done", 0, 9600, 4),
    )
    assert types(told) == (
        ["bot-llm-started", "bot-llm-text", "bot-output", "bot-transcription"]
        + ["bot-started-speaking", "bot-tts-started", "bot-tts-text", "bot-output"]
        + ["bot-llm-text", "bot-output", "bot-transcription", "bot-llm-stopped"]
        + ["bot-tts-text", "bot-tts-text", "bot-output", "bot-output"]
        + ["bot-tts-text", "bot-output", "bot-tts-stopped", "bot-stopped-speaking"]
    )
    assert outputs(told) == [
        (1, "new"),
        (1, "in-progress", "w0", "w1"),
        (2, "new"),
        (1, "completed", "w0 w1", ""),
        (2, "in-progress", "w2", "w3"),
        (2, "completed", "w2 w3", ""),
    ]
    words = [one["data"] for one in told if one["type"] == "bot-tts-text"]
    assert [word["text"] for word in words] == ["w0", "w1", "w2", "w3"]
    assert words[1] == {"text": "w1", "utterance": 0, "start_ms": 100, "end_ms": 200}


@pytest.mark.parametrize("by", ["floor", "stop", "client"])
def test_what_was_cut_is_never_told_as_spoken(by: CutBy) -> None:
    client = Client()
    client.happens(Said(0, WORDS[:2]), Said(0, WORDS[2:]), AgentStarted(0))
    told = client.happens(
        AgentProgress("heard", 0, 2400, 1), AgentProgress("cut", 0, 7200, 3, by=by)
    )
    assert outputs(told) == [
        (1, "in-progress", "w0", "w1"),
        (1, "completed", "w0 w1", ""),
        (2, "in-progress", "w2", "w3"),
    ]
    assert types(told)[-4:] == (
        ["bot-llm-stopped", "bot-tts-stopped", "bot-stopped-speaking", "server-message"]
    )
    cut = told[-1]["data"]
    assert (cut["type"], cut["by"], cut["words_heard"]) == ("agent.cut", by, 3)


@pytest.mark.parametrize("limited", [True, False])
def test_an_answer_at_its_limit_is_told_in_our_own_form(limited: bool) -> None:
    told = Client().happens(Said(0, WORDS), AgentComplete(0, 9600, limited))[4:]
    assert types(told) == ["bot-llm-stopped"] + ["server-message"] * limited


def test_less_was_heard_than_was_believed() -> None:
    """A client that says how much was heard takes words back, also of a segment that was whole."""
    client = Client()
    client.happens(Said(0, WORDS[:2]), Said(0, WORDS[2:]), AgentStarted(0))
    client.happens(AgentProgress("heard", 0, 7200, 3))
    told = client.happens(AgentProgress("cut", 0, 2400, 1, by="client"))
    assert outputs(told) == [(1, "in-progress", "w0", "w1"), (2, "in-progress", "", "w2 w3")]


def test_two_utterances_in_one_breath_are_one_stretch_of_speech() -> None:
    client = Client()
    told = client.happens(
        Said(0, WORDS), AgentStarted(0), Said(1, WORDS), AgentStarted(1),
        AgentProgress("done", 0, 9600, 4), AgentProgress("cut", 1, 0, 0, "stop"),
    )  # fmt: skip
    speaking = [one for one in types(told) if one.endswith("-speaking")]
    assert speaking == ["bot-started-speaking", "bot-stopped-speaking"]
    assert types(told).count("bot-tts-started") == types(told).count("bot-tts-stopped") == 2
    assert types(told).count("bot-llm-started") == types(told).count("bot-llm-stopped") == 2


def test_an_utterance_cut_before_it_began_was_never_spoken() -> None:
    client = Client()
    told = client.happens(Said(0, WORDS), AgentProgress("cut", 0, 0, 0, "quiet"))
    assert types(told)[-2:] == ["bot-llm-stopped", "server-message"]
    assert outputs(told) == [(1, "new")]


def test_the_latency_is_a_metric() -> None:
    (told,) = Client().happens(Latency(0, 0.8125))
    assert told["data"] == {"ttfb": [{"processor": "counterpoint", "value": 0.812}]}


# ---- tools ---------------------------------------------------------------------------------------


def test_a_tool_is_asked_for_and_answered() -> None:
    client = Client()
    told = client.happens(ToolCall("c1", "get_weather", '{"city": "Rome"}'))
    assert types(told) == ["llm-function-call-started", "llm-function-call-in-progress"]
    named = {"function_name": "get_weather", "tool_call_id": "c1"}
    assert told[1]["data"] == {**named, "arguments": {"city": "Rome"}}
    result = {**named, "arguments": {"city": "Rome"}, "result": {"sunny": True}}
    assert client.send("llm-function-call-result", result) == []
    assert client.asked == [ToolAnswered("c1", '{"sunny": true}', event_id="mine")]
    (over,) = client.happens(ToolEnded("c1", False, '{"sunny": true}'))
    ended = {"cancelled": False, "result": '{"sunny": true}'}
    assert over["data"] == {**named, **ended}
    (over,) = client.happens(ToolEnded("c2", True, "No answer came."))
    assert over["data"]["cancelled"] and "function_name" not in over["data"]


# ---- what a client may ask -----------------------------------------------------------------------


def test_a_client_that_is_ready_is_told_that_we_are() -> None:
    (told,) = Client().send("client-ready", {"version": "2.1.0", "about": {"library": "js"}})
    assert (told["type"], told["id"]) == ("bot-ready", "mine")
    assert told["data"]["version"] == "2.1.0"


@pytest.mark.parametrize(
    ("kind", "data", "asked"),
    [
        ("send-text", {"content": " hi "}, [TextSent("hi", "mine")]),
        ("send-text", {"content": "hi", "options": {}}, [TextSent("hi", "mine")]),
        ("send-text", {"content": "hi", "options": {"run_immediately": False}},
            [Appended("hi", "person", "mine")]),
        ("dtmf", {"buttons": ["1", "#"]}, [TextSent("DTMF: 1#", "mine")]),
        ("dtmf", {"button": "5"}, [TextSent("DTMF: 5", "mine")]),
        ("disconnect-bot", {}, [EndSession()]),
        ("disconnect-bot", None, [EndSession()]),
        ("append-to-context", {"role": "user", "content": "a", "run_immediately": True},
            [Appended("a", "person", "mine"), AnswerAsked("mine")]),
        ("append-to-context", {"role": "assistant", "content": "a"},
            [Appended("a", "agent", "mine")]),
        ("client-message", {"t": "speech.stop"}, [StopSpeaking()]),
        ("client-message", {"t": "agent.hold", "d": {}}, [HoldAsked("mine")]),
        ("client-message", {"t": "agent.say", "d": {"text": "Hi.", "type": "x"}},
            [SayAsked("Hi.", event_id="mine")]),
        ("client-message", {"t": "settings.update", "d": {"settings": {"eagerness": 1}}},
            [SettingsAsked({"eagerness": 1}, "mine")]),
        ("llm-function-call-result", {"tool_call_id": "c", "result": "5"},
            [ToolAnswered("c", "5", event_id="mine")]),
    ],
)  # fmt: skip
def test_what_is_asked_for(kind: str, data: Any, asked: list[ClientEvent]) -> None:
    client = Client()
    told = client.send(kind, data)
    assert client.asked == asked
    answers = {"client-message": "server-response", "append-to-context": "append-to-context-result"}
    assert types(told) == ([answers[kind]] if kind in answers else [])
    assert all(one["id"] == "mine" for one in told)


def test_a_request_that_the_session_refuses_has_one_answer() -> None:
    client = Client()
    asked = client.dialect.decode(
        json.dumps({"label": "rtvi-ai", "type": "client-message", "id": "mine",
            "data": {"t": "agent.say", "d": {"text": "Hi."}}}), 0.0)  # fmt: skip
    assert isinstance(asked, Several) and isinstance(asked.events[1], Ping)
    told = client.happens(Problem("bad_field", "Too many wait.", False, "mine"))
    told += client.happens(Pong(asked.events[1].sent_ms))
    assert types(told) == ["error-response"]
    assert told[0]["id"] == "mine" and told[0]["data"]["error"] == "Too many wait."


def test_a_ping_through_the_protocol_is_answered() -> None:
    (told,) = Client().send("client-message", {"t": "ping", "d": {"sent_ms": 5}})
    assert told["data"] == {"t": "ping", "d": {"sent_ms": 5}}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("client-ready", {}),
        ("client-ready", {"version": "two"}),
        ("client-ready", "2.1.0"),
        ("client-message", {"d": {}}),
        ("client-message", {"t": "nonsense"}),
        ("client-message", {"t": "agent.say", "d": {}}),
        ("client-message", {"t": "agent.say", "d": "Hi."}),
        ("send-text", {"content": "  "}),
        ("send-text", {"content": 5}),
        ("send-text", {"content": "\ud800"}),
        ("send-text", {"content": "a", "options": []}),
        ("send-text", {"content": "a", "options": {"audio_response": False}}),
        ("send-text", {"content": "a", "options": {"run_immediately": "no"}}),
        ("send-text", {"content": "a" * 9_000, "options": {"run_immediately": False}}),
        ("append-to-context", {"role": "system", "content": "a"}),
        ("llm-function-call-result", {"tool_call_id": "c"}),
        ("llm-function-call-result", {"result": "5"}),
        ("llm-function-call-result", {"tool_call_id": "c", "result": "x" * 9_000}),
        ("dtmf", {"buttons": []}),
        ("dtmf", {"buttons": ["12"]}),
        ("dtmf", {"buttons": [["1"]]}),
        ("dtmf", {}),
        ("ui-snapshot", {"tree": {}}),
        ("ui-event", {"event": "click"}),
        ("nonsense", {}),
        (5, {}),
    ],
)
def test_what_is_refused_by_name(kind: Any, data: Any) -> None:
    assert Client().refused(kind, data)


def test_other_labels_and_messages_without_an_id_are_refused() -> None:
    client = Client()
    assert client.refused("send-text", {"content": "a"}, label="other")
    for id in (None, "", 5, "x" * 65, "\ud800"):
        (told,) = client.send("send-text", {"content": "a"}, id=id)
        assert told["type"] == "error" and not told["data"]["fatal"]


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "pingpong", "ping: x", "NaN", "[" * 9_999])
def test_what_is_no_message_is_an_error(text: str) -> None:
    client = Client()
    (told,) = client.take(client.dialect.decode(text, 0.0))
    assert told["type"] == "error" and told["data"]["error"] == told["data"]["message"]


def test_signs_of_life_ask_for_nothing_and_a_camera_that_is_on_to_be_looked_at() -> None:
    client = Client()
    assert client.dialect.decode("ping: 1764259200000", 0.0) is None
    asked = (None, LookAsked("camera", True), LookAsked("screen", True))
    for index, event in enumerate(asked):
        status = {"type": "trackStatus", "receiver_index": index, "enabled": True}
        sent = {"type": "signalling", "message": status}
        assert client.dialect.decode(json.dumps(sent), 0.0) == event
    for bad in (None, {"type": "renegotiate"}, {**status, "receiver_index": 3}, {**status,
            "enabled": 1}, {**status, "receiver_index": True}):  # fmt: skip
        told = client.take(
            client.dialect.decode(json.dumps({"type": "signalling", "message": bad}), 0.0)
        )
        assert types(told) == ["error"]


def test_too_many_messages_are_dropped_then_a_flood() -> None:
    client = Client()
    outcomes = [client.dialect.decode("ping: 1", n / 10_000) for n in range(1_500)]
    assert any(isinstance(one, Reply) for one in outcomes)
    assert isinstance(outcomes[-1], Flood)
    refusals = (client.dialect.refuse("binary", 9.0), client.dialect.refuse("too_large", 9.0))
    assert all(isinstance(one, Reply) for one in refusals)


# ---- the rest ------------------------------------------------------------------------------------


def test_the_end_is_told_unless_the_client_itself_began_anew() -> None:
    (told,) = Client().happens(SessionEnded("idle"))
    assert told == {"type": "signalling", "message": {"type": "peerLeft"}}
    assert Client().happens(SessionEnded("replaced")) == []


def test_what_rtvi_has_no_word_for_is_told_in_our_own_form() -> None:
    events = (HoldChanged(True), SettingsChanged(StreamSettings()))
    told = Client().happens(*events, Floor("take", 0.9))
    assert [one["data"]["type"] for one in told] == ["agent.held", "settings.changed"]
    told = Client(every_event=True).happens(*events, Floor("take", 0.9), AgentStarted(0))
    ours = [one["data"]["type"] for one in told if one["type"] == "server-message"]
    assert ours == ["agent.held", "settings.changed", "floor", "agent.started"]


def test_what_a_secret_fixes_stays() -> None:
    sent = {"label": "rtvi-ai", "type": "client-message", "id": "a", "data": {
        "t": "settings.update", "d": {"settings": {"voice": "x", "eagerness": 1}}}}  # fmt: skip
    asked = Locked(RtviDialect(), frozenset({"voice"})).decode(json.dumps(sent), 0.0)
    assert isinstance(asked, Several)
    assert asked.events[0] == SettingsAsked({"eagerness": 1}, "a")


def test_a_tool_choice_that_a_secret_fixes_is_not_overridden_for_an_answer() -> None:
    sent = {"label": "rtvi-ai", "type": "client-message", "id": "a", "data": {
        "t": "agent.answer", "d": {"tool_choice": "required"}}}  # fmt: skip
    for fixed, choice in (("tool_choice", ""), ("voice", "required")):
        asked = Locked(RtviDialect(), frozenset({fixed})).decode(json.dumps(sent), 0.0)
        assert isinstance(asked, Several)
        assert asked.events[0] == AnswerAsked("a", choice)
