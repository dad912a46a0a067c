"""OpenAI's Realtime dialect: our events as its turns, its events as our orders, errors by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model.messages import AgentWord, Floor, PersonWords, Said, Word
from model.orders import ToolCall
from server.dialects.openai_realtime import RealtimeDialect
from server.dialects.openai_settings import RealtimeSettings
from server.session_events import (
    AgentProgress,
    AgentStarted,
    CutBy,
    Flood,
    Health,
    Problem,
    Reply,
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
    ToolAnswered,
    TruncateAsked,
)

Event = dict[str, Any]
ONE, TWO, THREE = (AgentWord(f" w{n}", n * 2400, (n + 1) * 2400) for n in range(3))


class Client:
    """A client, with the dialect between it and what the test plays of the Session."""

    def __init__(self, *, in_messages: bool = False, fixed: Event | None = None) -> None:
        self.dialect = RealtimeDialect(RealtimeSettings(fixed), in_messages=in_messages)
        self.told: list[Event] = []
        self.asked: list[Any] = []
        self._now = 0.0

    def happens(self, *events: SessionEvent) -> list[Event]:
        told = [json.loads(one) for event in events for one in self.dialect.encode(event, 1.0)]
        self.told += told
        return told

    def send(self, kind: str, **fields: Any) -> list[Event]:
        """Send an event; what is told at once."""
        self._now += 0.1
        return self._take(self.dialect.decode(json.dumps({"type": kind, **fields}), self._now))

    def _take(self, outcome: Any) -> list[Event]:
        if isinstance(outcome, Several):
            return [told for one in outcome.events for told in self._take(one)]
        if isinstance(outcome, Reply):
            told = [json.loads(one) for one in outcome.messages]
            self.told += told
            return told
        if outcome is not None:
            self.asked.append(outcome)
        return []

    def refused(self, kind: str, **fields: Any) -> Event:
        """Send an event that is refused; the error."""
        (told,) = self.send(kind, event_id="mine", **fields)
        assert told["type"] == "error" and told["error"]["event_id"] == "mine", told
        error: Event = told["error"]
        return error

    def says(self, utterance: int = 0, *words: AgentWord) -> list[Event]:
        return self.happens(Said(utterance, words or (ONE, TWO, THREE)), AgentStarted(utterance))

    def ends(self, utterance: int, by: CutBy | None = None, words: int = 3) -> list[Event]:
        state = "done" if by is None else "cut"
        return self.happens(AgentProgress(state, utterance, words * 2400, words, by))  # type: ignore[arg-type]


def types(events: list[Event]) -> list[str]:
    return [event["type"] for event in events]


def heard(segment: int, text: str, final: bool = False, typed: bool = False) -> PersonWords:
    words = tuple(Word(w, 1.0 + n * 0.2, 1.2 + n * 0.2) for n, w in enumerate(text.split()))
    return PersonWords(segment, words, final, typed)


# ---- the session ---------------------------------------------------------------------------------


def test_the_session_is_told_and_updated() -> None:
    client = Client()
    (created,) = client.happens(SessionStarted("abc", False, {}, ()))
    assert created["type"] == "session.created" and created["event_id"]
    assert created["session"]["id"] == "sess_abc" and created["session"]["type"] == "realtime"
    detection = {"type": "server_vad", "silence_duration_ms": 1000}
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "instructions": "Be brief.",
        "audio": {
            "input": {"turn_detection": detection},
            "output": {"voice": "marin"},
        },
    }
    assert client.send("session.update", session=session, event_id="u1") == []
    (asked,) = client.asked
    assert isinstance(asked, SettingsAsked)
    assert asked.values["instructions"] == "Be brief." and asked.values["voice"] == ""
    assert asked.values["eagerness"] == 0.3 and asked.values["manual_turns"] is False
    (updated,) = client.happens(SettingsChanged(settings=None, event_id=asked.event_id))  # type: ignore[arg-type]
    assert updated["type"] == "session.updated"
    told = {**detection, "create_response": True, "interrupt_response": True}
    assert updated["session"]["audio"]["input"]["turn_detection"] == told
    assert updated["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_an_update_the_session_refuses_is_taken_back_and_named() -> None:
    client = Client()
    client.send("session.update", session={"instructions": "x"}, event_id="mine")
    (asked,) = client.asked
    (told,) = client.happens(Problem("bad_field", "no", False, asked.event_id))
    assert told["error"]["event_id"] == "mine" and told["error"]["code"] == "invalid_value"
    assert client.dialect.settings.session["instructions"] == ""


# ---- the person ----------------------------------------------------------------------------------


def test_speech_becomes_an_item_with_deltas_that_are_never_taken_back() -> None:
    client = Client()
    told = client.happens(heard(0, "hello"), heard(0, "hello wold"), heard(0, "hello world you"))
    assert (
        types(told)[0] == "input_audio_buffer.speech_started" and told[0]["audio_start_ms"] == 1000
    )
    told = client.happens(heard(0, "hello world yours", final=True))
    assert types(told) == [
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    deltas = [one["delta"] for one in client.told if one["type"].endswith("transcription.delta")]
    assert "".join(deltas) == told[-1]["transcript"] == "hello world yours"
    item_id = client.told[0]["item_id"]
    (retrieved,) = client.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"] == [
        {"type": "input_audio", "transcript": "hello world yours"}
    ]


def test_typed_words_and_late_words_of_an_older_segment_tell_nothing() -> None:
    client = Client()
    assert client.happens(heard(0, "typed", final=True, typed=True)) == []
    client.happens(heard(2, "later", final=True))
    assert client.happens(heard(1, "older", final=True)) == []


# ---- ourselves -----------------------------------------------------------------------------------


def test_an_answer_that_is_heard_whole() -> None:
    client = Client()
    told = client.says() + client.ends(0)
    assert types(told) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "output_audio_buffer.started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
        "output_audio_buffer.stopped",
    ]
    done = told[-2]["response"]
    assert done["status"] == "completed" and done["id"] == told[0]["response"]["id"]
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": "w0 w1 w2"}]
    assert told[3]["part"]["type"] == told[8]["part"]["type"] == "audio"


@pytest.mark.parametrize(
    ("by", "status", "reason"),
    [
        ("floor", "cancelled", "turn_detected"),
        ("client", "cancelled", "client_cancelled"),
        ("stop", "cancelled", "client_cancelled"),
        ("engine", "failed", None),
    ],
)
def test_an_answer_that_is_cut_is_what_was_heard(
    by: CutBy, status: str, reason: str | None
) -> None:
    client = Client()
    client.says()
    told = client.ends(0, by, words=1)
    assert types(told)[-3:] == [
        "response.done",
        "output_audio_buffer.cleared",
        "conversation.item.truncated",
    ]
    response = told[-3]["response"]
    assert response["status"] == status and response["status_details"].get("reason") == reason
    assert told[-1]["audio_end_ms"] == 100
    (retrieved,) = client.send("conversation.item.retrieve", item_id=told[-1]["item_id"])
    assert retrieved["item"]["status"] == "incomplete"
    assert retrieved["item"]["content"][0]["transcript"] == "w0"


def test_an_answer_at_its_limit_is_incomplete() -> None:
    client = Client()
    client.says(0)
    client.happens(AgentComplete(0, 7200, limited=True))
    client.says(1)
    client.happens(AgentComplete(1, 7200))
    first, second = (
        next(one["response"] for one in client.ends(number) if one["type"] == "response.done")
        for number in (0, 1)
    )
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    assert first["status"] == "incomplete" and first["status_details"] == details
    (item,) = first["output"]
    assert item["status"] == "incomplete" and item["content"][0]["transcript"] == "w0 w1 w2"
    assert (second["status"], second["status_details"]) == ("completed", None)


def test_an_answer_at_its_limit_that_is_cut_is_cancelled() -> None:
    client = Client()
    client.says()
    client.happens(AgentComplete(0, 7200, limited=True))
    (done,) = (one for one in client.ends(0, "floor", 2) if one["type"] == "response.done")
    assert done["response"]["status_details"]["reason"] == "turn_detected"


def test_answers_never_overlap() -> None:
    client = Client()
    client.says(0)
    assert client.says(1) == []
    told = client.ends(0)
    assert types(told).count("response.created") == 1
    assert types(told)[-2:] == [
        "response.output_audio_transcript.delta",
        "output_audio_buffer.started",
    ]
    client.says(2)
    assert client.ends(2, "floor", 0) == []
    assert types(client.ends(1))[-1] == "output_audio_buffer.stopped"


def test_sound_in_messages_belongs_to_the_answer_under_way() -> None:
    client = Client(in_messages=True)
    assert client.dialect.sound("AAAA") is None
    told = client.says()
    assert "output_audio_buffer.started" not in types(told)
    delta = json.loads(client.dialect.sound("AAAA") or "")
    assert delta["item_id"] == told[1]["item"]["id"] and delta["delta"] == "AAAA"
    client.ends(0)
    assert client.dialect.sound("AAAA") is None


def test_answers_to_be_read() -> None:
    client = Client(in_messages=True)
    client.dialect.settings.update({"output_modalities": ["text"]})
    told = client.says() + client.ends(0)
    assert "response.output_text.delta" in types(told)
    assert client.dialect.sound("AAAA") is None
    done = next(one for one in told if one["type"] == "response.output_text.done")
    assert done["text"] == "w0 w1 w2"


def test_a_function_is_called_and_answered_once() -> None:
    client = Client()
    told = client.happens(ToolCall("c1", "weather", '{"city":"Rome"}'))
    assert types(told)[0] == "response.created" and types(told)[-1] == "response.done"
    done = next(one for one in told if one["type"] == "response.function_call_arguments.done")
    assert done["name"] == "weather" and json.loads(done["arguments"]) == {"city": "Rome"}
    item = next(one for one in told if one["type"] == "response.output_item.done")["item"]
    assert item["status"] == "completed" and item["call_id"] == "c1"
    output = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
    client.send("conversation.item.create", item=output)
    client.send("response.create")
    assert [type(one) for one in client.asked] == [ToolAnswered]


# ---- what the client asks for --------------------------------------------------------------------


def test_items_are_appended_and_answered_when_asked() -> None:
    client = Client()
    content = [{"type": "input_text", "text": "hello"}]
    item = {"type": "message", "role": "user", "content": content}
    told = client.send("conversation.item.create", item=item)
    assert types(told) == ["conversation.item.added", "conversation.item.done"]
    assert types(client.send("response.create", response={"instructions": "Rhyme."}))[0] == (
        "response.created"
    )
    assert [type(one) for one in client.asked] == [Appended, TextSent]
    assert client.asked[0].role == "knowledge" and client.asked[1].text == "hello"
    assert client.refused("response.create")["code"] == "conversation_already_has_active_response"
    told = client.says()
    assert "response.created" not in types(told), "the answer is the one that was begun"


def test_items_have_places() -> None:
    client = Client()

    def add(name: str, after: str | None) -> str | None:
        content = [{"type": "input_text", "text": name}]
        item = {"id": name, "type": "message", "role": "system", "content": content}
        told = client.send("conversation.item.create", item=item, previous_item_id=after)
        before: str | None = told[0]["previous_item_id"]
        return before

    assert [add("a", None), add("b", None), add("c", "a"), add("d", "root")] == [
        None,
        "a",
        "a",
        None,
    ]
    assert [item.id for item in client.dialect.telling.items] == ["d", "a", "c", "b"]
    client.send("conversation.item.delete", item_id="a")
    assert client.refused("conversation.item.delete", item_id="a")["code"] == "item_not_found"
    assert client.refused("conversation.item.retrieve", item_id=5)["code"] == "item_not_found"
    with pytest.raises(KeyError):
        add("b", None)  # an error instead of an item


def test_an_interruption_cancels_once_and_clearing_again_is_no_error() -> None:
    client = Client()
    client.says()
    assert client.send("response.cancel") == []
    assert isinstance(client.asked.pop(), CancelAsked)
    client.ends(0, "client", 1)
    assert client.send("output_audio_buffer.clear") == [] and client.asked == []
    assert client.refused("response.cancel")["code"] == "response_cancel_not_active"


def test_an_answer_that_has_not_begun_is_cancelled_at_once() -> None:
    client = Client()
    client.send("response.create")
    (done,) = client.send("response.cancel")
    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    assert [type(one) for one in client.asked] == [AnswerAsked, CancelAsked]


def test_truncation_shortens_and_never_lengthens() -> None:
    client = Client(in_messages=True)
    item_id = client.says()[1]["item"]["id"]
    fields: Event = {"item_id": item_id, "content_index": 0}
    assert client.send("conversation.item.truncate", audio_end_ms=100, **fields) == []
    assert client.asked.pop() == TruncateAsked(0, 2400, None)
    client.ends(0, "client", 2)
    (told,) = client.send("conversation.item.truncate", audio_end_ms=100, **fields)
    assert told["audio_end_ms"] == 100 and client.asked.pop() == TruncateAsked(0, 2400, None)
    (told,) = client.send("conversation.item.truncate", audio_end_ms=5000, **fields)
    assert told["audio_end_ms"] == 100
    assert client.refused("conversation.item.truncate", audio_end_ms=-1, **fields)
    assert client.refused("conversation.item.truncate", audio_end_ms=1.5, **fields)


def test_manual_turns() -> None:
    client = Client()
    client.send("session.update", session={"audio": {"input": {"turn_detection": None}}})
    assert client.asked.pop().values["manual_turns"]
    told = client.happens(heard(0, "hello", final=True))
    assert types(told)[:2] == [
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.committed",
    ]
    client.send("input_audio_buffer.commit")
    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    content = [{"type": "input_text", "text": "hello"}]
    item = {"type": "message", "role": "user", "content": content}
    client.send("conversation.item.create", item=item)
    client.send("response.create")
    expected = [CommitAsked, ClearAsked, TextSent, AnswerAsked]
    assert [type(one) for one in client.asked] == expected


def test_a_commit_of_nothing_is_refused_by_its_name() -> None:
    client = Client()
    client.send("input_audio_buffer.commit", event_id="mine")
    (asked,) = client.asked
    assert isinstance(asked, CommitAsked) and asked.event_id not in (None, "mine")
    nothing = "Nothing was said since the last turn."
    (told,) = client.happens(Problem("nothing_said", nothing, event_id=asked.event_id))
    assert told["error"]["code"] == "input_audio_buffer_commit_empty"
    assert told["error"]["event_id"] == "mine" and told["error"]["message"] == nothing


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("nonsense", {}, "invalid_event"),
        ("input_audio_buffer.append", {"audio": "AAAA"}, "unsupported_transport"),
        ("conversation.item.create", {"item": 5}, "invalid_type"),
        ("conversation.item.create", {"item": {"type": "mcp_call"}}, "unsupported_value"),
        ("response.create", {"response": {"conversation": "none"}}, "unsupported_value"),
        ("response.create", {"response": {"input": []}}, "unknown_parameter"),
        ("response.create", {"response": 5}, "invalid_type"),
    ],
)
def test_refusals_name_the_message(kind: str, fields: Event, code: str) -> None:
    assert Client().refused(kind, **fields)["code"] == code


def test_what_is_no_message_is_refused_too() -> None:
    dialect = RealtimeDialect(RealtimeSettings())
    for n, text in enumerate(("{", "[]", "5", '{"type": NaN}', "[" * 50_000, "x" * 200_000)):
        reply = dialect.decode(text, float(n))
        assert isinstance(reply, Reply), text[:20]
        assert json.loads(reply.messages[0])["type"] == "error"
    assert isinstance(dialect.refuse("binary", 10.0), Reply)


def test_too_many_messages_end_it() -> None:
    dialect = RealtimeDialect(RealtimeSettings())
    outcomes = [dialect.decode('{"type":"x"}', n / 2000) for n in range(1_200)]
    assert isinstance(outcomes[-1], Flood) and None in outcomes


def test_what_the_protocol_has_no_word_for_is_not_told() -> None:
    assert Client().happens(Floor("take", 0.9), Health(0, 0, 0, 0, 0)) == []
