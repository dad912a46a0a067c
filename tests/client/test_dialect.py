"""The Python client reads whatever the server sends, and sends only what the schema allows."""

from __future__ import annotations

import dataclasses
import inspect
import json

import jsonschema
import pytest

import client
from client import agent_events, events, requests
from client.reading import Unknown, read_event
from server.dialects.counterpoint import CounterpointDialect
from server.session_events import Problem, SessionEvent
from tests.server.test_dialect import EVENTS, SCHEMA

VALID = jsonschema.Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": "#/$defs/client"}]})
REQUESTS = [
    requests.text(" Ünïcödé \u2028 "),
    requests.STOP,
    requests.END,
    requests.ping(1.5),
    requests.CANCEL,
    requests.truncate(2, 500),
    requests.HOLD,
    requests.RESUME,
    requests.ANSWER,
    requests.say("Hello.", "now", 9, "greeting"),
    requests.say("x" * requests.MAX_SAID),
    requests.append("It rains.", "agent"),
    requests.COMMIT,
    requests.CLEAR,
    requests.update({"eagerness": 0.5, "tools": ["current_time", {"name": "weather"}]}),
    requests.tool_answer("call-1", "5"),
    requests.tool_answer("call-1", "", failed=True),
    requests.tool_answer("call-1", '"\\' * 20_000),
    requests.tool_answer("call-1", "\U0001f355" * 20_000),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_of_the_server_is_read_whole(event: SessionEvent) -> None:
    message = json.loads(CounterpointDialect().encode(event, 1.25)[0])
    found = read_event(json.dumps(message))
    assert type(found) is events.EVENTS[message["type"]]
    kept = json.loads(json.dumps(dataclasses.asdict(found)))
    read = {name: value for name, value in kept.items() if value is not None}
    assert {**read, "type": found.type} == message


def test_every_event_is_there_frozen_and_exported() -> None:
    read = {json.loads(CounterpointDialect().encode(one, 0.0)[0])["type"] for one in EVENTS}
    assert read == set(events.EVENTS)
    for kind in events.EVENTS.values():
        assert getattr(client, kind.__name__) is kind and kind.__name__ in client.__all__
    assert "AgentCut" in agent_events.__all__
    first = read_event('{"type": "pong", "seq": 0, "at_ms": 0, "sent_ms": 1}')
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(first, "sent_ms", 2.0)  # noqa: B010 (the type checker knows that it is frozen)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it has no type"),
        ('{"type": 7}', "it has no type"),
        ('{"type": "agent.danced"}', "there is no event 'agent.danced' here"),
        ('{"type": "pong", "seq": 0, "at_ms": 0}', "Pong has no sent_ms"),
        ('{"type": "pong", "seq": true, "at_ms": 0, "sent_ms": 1}', "Pong.seq: True is not"),
        (
            '{"type": "floor", "seq": 0, "at_ms": 0, "decision": "dance", "probability": 1}',
            "Floor.decision: 'dance' is none of",
        ),
        (
            '{"type": "agent.words", "seq": 0, "at_ms": 0, "utterance": 0, "words": [{"text": 1}]}',
            "AgentWords.words: Word.text: 1 is not",
        ),
        (json.dumps({"type": "x" * 1_000_001}), "it is too long"),
    ],
)
def test_what_cannot_be_read_is_told_and_ends_nothing(message: str, why: str) -> None:
    found = read_event(message)
    assert isinstance(found, Unknown)
    assert found.why.startswith(why), found.why
    assert len(found.message) <= 1_000


def test_fields_of_a_newer_server_are_left_out() -> None:
    text = '{"type": "agent.held", "seq": 3, "at_ms": 5, "held": true, "mood": "good"}'
    assert read_event(text) == client.AgentHeld(seq=3, at_ms=5, held=True)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: str(one["type"]))
def test_every_request_is_as_the_schema_and_the_server_say(request_: requests.Request) -> None:
    message = requests.encode(request_)
    VALID.validate(json.loads(message))
    read = CounterpointDialect().decode(message, 0.0)
    assert read is not None and not isinstance(read, Problem), read


def test_every_request_of_the_schema_can_be_made() -> None:
    named = {one["$ref"].rsplit("/", 1)[1] for one in SCHEMA["$defs"]["client"]["oneOf"]}
    # But for looking: this client sends no pictures.
    assert {one["type"] for one in REQUESTS} == named - {"eyes.look"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: requests.text("  "),
        lambda: requests.say("x" * 4_097),
        lambda: requests.say("Hi.", priority=10),
        lambda: requests.say("Hi.", policy="loudly"),  # type: ignore[arg-type]
        lambda: requests.say("Hi.", name="x" * 65),
        lambda: requests.append(""),
        lambda: requests.append("x", role="system"),  # type: ignore[arg-type]
        lambda: requests.truncate(-1, 0),
        lambda: requests.truncate(0, 3_600_001),
        lambda: requests.encode(requests.text("é" * 9_000)),
    ],
)
def test_what_the_server_would_refuse_is_refused_here(make: object) -> None:
    assert inspect.isfunction(make)
    with pytest.raises(ValueError, match=r"\w"):
        make()
