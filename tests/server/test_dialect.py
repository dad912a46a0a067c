"""Our dialect: every event as its schema and its document say; every bad message refused."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from model.messages import (
    AgentWord,
    Floor,
    PersonState,
    PersonWords,
    Remembered,
    Said,
    Saying,
    Seen,
    StreamSettings,
    ToolCall,
    Turn,
    Word,
)
from model.orders import ToolSpec
from server.dialects import counterpoint
from server.dialects.counterpoint import CounterpointDialect
from server.errors import CounterpointError
from server.session_events import (
    AgentProgress,
    AgentStarted,
    EndSession,
    EngineState,
    Flood,
    Health,
    Latency,
    Listeners,
    Ping,
    Pong,
    Problem,
    SessionEnded,
    SessionEnding,
    SessionEvent,
    SessionStarted,
    StopSpeaking,
    TextSent,
)
from server.steering_events import (
    AgentComplete,
    AnswerAsked,
    Appended,
    CancelAsked,
    ClearAsked,
    CommitAsked,
    HoldAsked,
    HoldChanged,
    LookAsked,
    LookChanged,
    LookWanted,
    ResumeAsked,
    SayAsked,
    SettingsAsked,
    SettingsChanged,
    SteeringEvent,
    ToolAnswered,
    ToolEnded,
    TruncateAsked,
)

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "server/dialects/counterpoint.schema.json").read_text(encoding="utf-8")
)
EVENTS: list[SessionEvent] = [
    SessionStarted("id", True, {"ears": "m"}, (Turn("agent", "Ünïcödé \u2028", cut=True),)),
    SessionEnding("shutdown", 3.0),
    SessionEnded("vanished"),
    PersonWords(1, (Word("hi", 0.1234, 0.2),), final=True, typed=False),
    PersonState("pausing", 0.66666),
    Said(2, (AgentWord(" one", 0, 2400),)),
    AgentStarted(2),
    AgentProgress("heard", 2, 4800, 1),
    AgentProgress("done", 2, 4800, 1),
    AgentProgress("cut", 2, 4800, 1, by="floor"),
    Remembered(2, " One,", cut=True),
    Floor("yield", 0.91),
    Latency(2, 0.4567),
    EngineState("restarting", "wait"),
    Health(0.02, 0.0123456, 0.0, 0.1, 0.02),
    Pong(12.5),
    Problem("bad_field", "no", False, "abc"),
    Problem("internal", "gone", True),
    ToolCall("call-7-0", "get_weather", '{"city": "Łódź", "days": [1, 2]}'),
    ToolEnded("call-7-0", True, "No answer."),
    Saying("taxi", "began", 3),
    Saying("taxi", "dropped"),
    SettingsChanged(StreamSettings(tools=(ToolSpec("get_weather"),)), "e"),
    HoldChanged(True),
    AgentComplete(2, 24_000),
    AgentComplete(3, 1_248_000, limited=True),
    LookWanted("camera", 2.0, 320, 240),
    LookChanged("screen", "limited", "Too many."),
    Seen("camera", "hand", "raised, left", 0.93456, 1.25, (0.1, 0.2, 0.3, 1.0)),
    Seen("screen", "text", "OPEN", 1.0, -0.1),
    Listeners(2, True),
]
REQUESTS: list[tuple[dict[str, Any], SteeringEvent]] = [
    ({"type": "agent.cancel"}, CancelAsked("e")),
    ({"type": "agent.truncate", "utterance": 2, "heard_ms": 500}, TruncateAsked(2, 12_000, "e")),
    ({"type": "agent.hold"}, HoldAsked("e")),
    ({"type": "agent.resume"}, ResumeAsked("e")),
    ({"type": "agent.answer"}, AnswerAsked("e")),
    ({"type": "agent.say", "text": " Hi. "}, SayAsked("Hi.", event_id="e")),
    (
        {"type": "agent.say", "text": "Hi.", "policy": "now", "priority": 9, "say": "s"},
        SayAsked("Hi.", "now", 9, "s", "e"),
    ),
    ({"type": "memory.append", "text": "It rains."}, Appended("It rains.", event_id="e")),
    ({"type": "memory.append", "text": "Yes.", "role": "agent"}, Appended("Yes.", "agent", "e")),
    ({"type": "turn.commit"}, CommitAsked("e")),
    ({"type": "turn.clear"}, ClearAsked("e")),
    ({"type": "eyes.look", "source": "screen", "on": True}, LookAsked("screen", True, "e")),
    ({"type": "settings.update", "settings": {}}, SettingsAsked({}, "e")),
    ({"type": "tool.answer", "call": "c", "text": "5"}, ToolAnswered("c", "5", event_id="e")),
    (
        {"type": "tool.answer", "call": "c", "text": "no", "failed": True},
        ToolAnswered("c", "no", True, "e"),
    ),
]


def document_tables() -> dict[str, dict[str, set[str]]]:
    """Per direction, the types that the document lists and the fields it names."""
    text = (ROOT / "docs/dialect.md").read_text(encoding="utf-8")
    tables: dict[str, dict[str, set[str]]] = {}
    for title in ("Server to client", "Client to server"):
        section = text.split(f"### {title}")[1].split("###")[0]
        rows = re.findall(r"^\| `([a-z.]+)` \| (.*?) \|", section, re.M)
        tables[title] = {}
        for name, fields in rows:
            outside = re.sub(r"\{[^}]*\}|\([^)]*\)|:[^,|]*(?=,|$)", "", fields)
            tables[title][name] = set(re.findall(r"`([a-z_]+)`", outside))
    return tables


def fields_of(name: str) -> set[str]:
    return set(SCHEMA["$defs"][name]["properties"]) - {"type", "seq", "at_ms"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_as_the_schema_says(event: SessionEvent) -> None:
    message = json.loads(CounterpointDialect().encode(event, 1.2344)[0])
    jsonschema.validate(message, {**SCHEMA, "oneOf": [{"$ref": "#/$defs/server"}]})
    assert message["at_ms"] == 1234


def test_every_kind_of_event_is_among_them() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(SessionEvent))
    told = {json.loads(CounterpointDialect().encode(event, 0.0)[0])["type"] for event in EVENTS}
    assert told == {ref["$ref"].rsplit("/", 1)[1] for ref in SCHEMA["$defs"]["server"]["oneOf"]}


def test_document_and_schema_list_the_same_types_and_fields() -> None:
    tables = document_tables()
    listed = tables["Server to client"]
    one_of = SCHEMA["$defs"]["server"]["oneOf"]
    assert set(listed) == {ref["$ref"].rsplit("/", 1)[1] for ref in one_of}
    for name, fields in listed.items():
        assert fields <= fields_of(name), name
        assert fields_of(name) <= fields | {"event_id"}, name
    for name, fields in tables["Client to server"].items():
        assert fields == fields_of(name) - {"event_id"}, name


@pytest.mark.parametrize(("message", "event"), REQUESTS)
def test_every_request_is_as_the_schema_says(message: dict[str, Any], event: object) -> None:
    message = {**message, "event_id": "e"}
    jsonschema.validate(message, {**SCHEMA, "oneOf": [{"$ref": "#/$defs/client"}]})
    assert CounterpointDialect().decode(json.dumps(message), 0.0) == event


def test_every_kind_of_request_is_documented_and_among_them() -> None:
    assert {type(event) for _, event in REQUESTS} == set(get_args(SteeringEvent))
    refs = {ref["$ref"].rsplit("/", 1)[1] for ref in SCHEMA["$defs"]["client"]["oneOf"]}
    assert refs == set(document_tables()["Client to server"])
    others = {"text.send", "speech.stop", "session.end", "ping"}
    assert refs - others == {message["type"] for message, _ in REQUESTS}


def test_document_and_schema_list_the_same_settings() -> None:
    text = (ROOT / "docs/dialect.md").read_text(encoding="utf-8")
    section = text.split("### Settings")[1].split("###")[0]
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", section, re.M))
    assert listed == set(SCHEMA["$defs"]["settings"]["properties"])
    assert listed == {one.name for one in dataclasses.fields(StreamSettings)}


def test_every_refusal_over_http_is_documented() -> None:
    never_over_http = {"bad_settings", "engine_slow", "engine_lost"}
    kinds: list[type[CounterpointError]] = [CounterpointError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    codes = {kind.code for kind in kinds}
    text = (ROOT / "docs/dialect.md").read_text(encoding="utf-8")
    http = set(re.findall(r"`([a-z_]+)`", text.split("## HTTP")[1].split("## Events")[0]))
    assert codes - never_over_http <= http


def test_seq_is_consecutive_from_zero_and_no_time_is_negative() -> None:
    dialect = CounterpointDialect()
    messages = [json.loads(dialect.encode(Pong(0), at)[0]) for at in (-1.0, 0.0, 1.0)]
    assert [message["seq"] for message in messages] == [0, 1, 2]
    assert [message["at_ms"] for message in messages] == [0, 0, 1000]


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ('{"type":"text.send","text":" hi ","event_id":"e"}', TextSent("hi", "e")),
        ('{"type":"text.send","text":"hi","later":1}', TextSent("hi")),
        ('{"type":"speech.stop"}', StopSpeaking()),
        ('{"type":"session.end"}', EndSession()),
        ('{"type":"ping","sent_ms":1.5}', Ping(1.5)),
    ],
)
def test_what_a_client_may_send(text: str, event: object) -> None:
    assert CounterpointDialect().decode(text, 0.0) == event


@pytest.mark.parametrize(
    ("text", "code", "event_id"),
    [
        ("", "bad_json", None),
        ("{", "bad_json", None),
        ("[" * 16_000, "bad_json", None),
        ("9" * 16_000, "bad_json", None),
        ("NaN", "bad_json", None),
        ("null", "bad_json", None),
        ('["type"]', "bad_json", None),
        ("{}", "unknown_type", None),
        ('{"type":null,"event_id":"e"}', "unknown_type", "e"),
        ('{"type":["text.send"]}', "unknown_type", None),
        ('{"type":"session.started","event_id":"e"}', "unknown_type", "e"),
        ('{"type":"text.send","event_id":"e"}', "bad_field", "e"),
        ('{"type":"text.send","text":"  "}', "bad_field", None),
        ('{"type":"text.send","text":7}', "bad_field", None),
        ('{"type":"text.send","text":"\\ud800"}', "bad_field", None),
        ('{"type":"ping","event_id":"e"}', "bad_field", "e"),
        ('{"type":"ping","sent_ms":true}', "bad_field", None),
        ('{"type":"ping","sent_ms":1e999}', "bad_field", None),
        ('{"type":"ping","sent_ms":"1"}', "bad_field", None),
        ('{"type":"ping","sent_ms":1,"event_id":7}', "bad_field", None),
        ('{"type":"agent.truncate","utterance":-1,"heard_ms":1,"event_id":"e"}', "bad_field", "e"),
        ('{"type":"agent.truncate","utterance":1,"heard_ms":1.5,"event_id":"e"}', "bad_field", "e"),
        ('{"type":"agent.say","event_id":"e"}', "bad_field", "e"),
        ('{"type":"agent.say","text":"a","policy":"loudly","event_id":"e"}', "bad_field", "e"),
        ('{"type":"agent.say","text":"a","policy":["now"]}', "bad_field", None),
        ('{"type":"agent.say","text":"a","priority":10}', "bad_field", None),
        (json.dumps({"type": "agent.say", "text": "x" * 4_097}), "bad_field", None),
        ('{"type":"memory.append","text":"a","role":"system"}', "bad_field", None),
        ('{"type":"eyes.look","source":"window","on":true,"event_id":"e"}', "bad_field", "e"),
        ('{"type":"eyes.look","source":"camera","on":1}', "bad_field", None),
        ('{"type":"eyes.look","source":"camera"}', "bad_field", None),
        ('{"type":"eyes.look","on":true}', "bad_field", None),
        ('{"type":"settings.update","settings":[],"event_id":"e"}', "bad_field", "e"),
        ('{"type":"tool.answer","text":"a","event_id":"e"}', "bad_field", "e"),
        ('{"type":"tool.answer","call":"c","text":"a","failed":"no"}', "bad_field", None),
        (json.dumps({"type": "speech.stop", "event_id": "x" * 65}), "bad_field", None),
        (json.dumps({"type": "text.send", "text": "x" * 17_000}), "too_large", None),
        ('{"type":"text.send","text":"' + "é" * 8_200 + '"}', "too_large", None),
    ],
)
def test_what_is_refused(text: str, code: str, event_id: str | None) -> None:
    problem = CounterpointDialect().decode(text, 0.0)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.event_id, problem.fatal) == (code, event_id, False)
    message = json.loads(CounterpointDialect().encode(problem, 0.0)[0])
    jsonschema.validate(message, SCHEMA)


def answers(count: int, a_second: float) -> list[object]:
    dialect = CounterpointDialect()
    return [dialect.decode('{"type":"speech.stop"}', n / a_second) for n in range(count)]


def test_a_hundred_messages_a_second_pass() -> None:
    assert set(map(type, answers(1000, 100))) == {StopSpeaking}


def test_more_are_dropped_and_one_error_a_second_says_so() -> None:
    given = answers(1500, 300)
    problems = [one for one in given if isinstance(one, Problem)]
    assert {problem.code for problem in problems} == {"too_fast"}
    assert 4 <= len(problems) <= 5
    # The messages of a burst pass; of those that go on at the rate, none until it falls.
    assert sum(isinstance(one, StopSpeaking) for one in given) == 200
    assert not any(isinstance(one, Flood) for one in given)


def test_over_a_thousand_within_a_second_are_a_flood() -> None:
    assert not any(isinstance(one, Flood) for one in answers(1000, 1_000_000))
    assert isinstance(answers(1001, 1_000_000)[-1], Flood)
    assert not any(isinstance(one, Flood) for one in answers(5000, 999))


def test_what_was_refused_unread_counts_too() -> None:
    dialect = CounterpointDialect()
    first = dialect.refuse("too_large", 0.0)
    assert isinstance(first, Problem) and first.code == "too_large"
    binary = dialect.refuse("binary", 0.0)
    assert isinstance(binary, Problem) and binary.code == "bad_json"
    for _ in range(counterpoint.FLOOD_A_SECOND - 2):
        dialect.refuse("too_large", 0.5)
    assert isinstance(dialect.refuse("too_large", 0.5), Flood)
