"""OpenAI's Realtime dialect: what is taken back, refused late, cleared, or asked for too often."""

from __future__ import annotations

import pytest

from model.messages import PersonWords
from server.dialects.pace import CHANGES_A_SECOND
from server.session_events import Problem
from server.steering_events import AnswerAsked, CancelAsked, SettingsAsked
from tests.server.test_openai_realtime import Client, Event, heard, types

TOOL = {"type": "function", "name": "weather", "parameters": {}}


def updated(client: Client, instructions: str) -> str:
    """The name that the engine refuses it by."""
    client.send("session.update", session={"instructions": instructions}, event_id=instructions)
    asked = client.asked[-1]
    assert isinstance(asked, SettingsAsked) and asked.event_id is not None
    return asked.event_id


@pytest.mark.parametrize(
    ("refused", "left"), [("1", "second"), ("2", "first"), ("12", "kept"), ("21", "kept")]
)
def test_updates_are_refused_late_and_each_by_itself(refused: str, left: str) -> None:
    client = Client()
    updated(client, "kept")
    names = {"1": updated(client, "first"), "2": updated(client, "second")}
    for one in refused:
        (told,) = client.happens(Problem("bad_field", "It does not fit.", event_id=names[one]))
        assert told["error"]["event_id"] == {"1": "first", "2": "second"}[one]
    assert client.dialect.settings.values()["instructions"] == left


def test_updates_are_counted_before_they_are_read() -> None:
    client = Client()
    for n in range(CHANGES_A_SECOND):
        updated(client, f"number {n}")
        client._now -= 0.1  # all at once
    error = client.refused("session.update", session={"instructions": "one more"})
    assert error["code"] == "rate_limit_exceeded" and len(client.asked) == CHANGES_A_SECOND
    assert client.dialect.settings.values()["instructions"] == f"number {CHANGES_A_SECOND - 1}"
    client._now += 1.0
    updated(client, "a second later")


def test_what_was_cleared_becomes_no_item() -> None:
    client = Client()
    started = client.happens(heard(0, "hello there"))
    cleared = client.happens(PersonWords(0, (), final=True))
    assert types(cleared) == ["input_audio_buffer.speech_stopped"]
    assert cleared[0]["item_id"] == started[0]["item_id"] and cleared[0]["audio_end_ms"] == 1400
    assert len(client.dialect.telling.items) == 0
    told = client.happens(heard(1, "hello again", final=True))
    assert told[0]["type"] == "input_audio_buffer.speech_started"
    assert told[-1]["transcript"] == "hello again"


def test_what_was_cleared_in_manual_turns_is_not_told_of() -> None:
    client = Client()
    client.send("session.update", session={"audio": {"input": {"turn_detection": None}}})
    client.happens(heard(0, "hello there"))
    assert client.happens(PersonWords(0, (), final=True)) == []


def test_sound_that_is_cleared_before_it_came_ends_the_answer() -> None:
    client = Client()
    client.send("response.create")
    (done,) = client.send("output_audio_buffer.clear")
    assert done["type"] == "response.done"
    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    assert types(client.send("response.create")) == ["response.created"]
    assert [type(one) for one in client.asked] == [AnswerAsked, CancelAsked, AnswerAsked]


@pytest.mark.parametrize(
    ("response", "param"),
    [
        ({"tools": []}, "response.tools"),
        ({"tools": 5}, "response.tools"),
        ({"audio": {"output": {"voice": "somebody"}}}, "response.audio.output"),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, "response.audio.output"),
        ({"audio": {"output": {"format": 5}}}, "response.audio.output"),
        ({"audio": {"output": {"voice": []}}}, "response.audio.output.voice"),
        ({"audio": {"input": {}}}, "response.audio.input"),
        ({"audio": 5}, "response.audio"),
        ({"output_modalities": ["text"]}, "response.output_modalities"),
    ],
)
def test_an_answer_is_asked_for_as_the_session_is_or_refused(response: Event, param: str) -> None:
    client = Client()
    client.send("session.update", session={"tools": [TOOL]})
    assert client.refused("response.create", response=response)["param"] == param
    output = {"format": {"type": "audio/pcm", "rate": 24_000}, "voice": "marin"}
    same = {"tools": [TOOL], "audio": {"output": output}, "output_modalities": ["audio"]}
    assert types(client.send("response.create", response=same)) == ["response.created"]


def test_a_tool_choice_that_a_secret_fixes_holds_for_every_answer() -> None:
    for fixed, choice in (({"tool_choice": "none"}, ""), ({}, "required")):
        client = Client(fixed=fixed)
        client.send("response.create", response={"tool_choice": "required"})
        assert client.asked == [AnswerAsked(None, choice)]
