"""What is said over an answer whose sound is in messages: a client stops playing for any speech."""

from __future__ import annotations

import pytest

from model.messages import Floor
from tests.server.test_openai_realtime import Client, heard, types

STARTED = "input_audio_buffer.speech_started"


def answering(*, in_messages: bool = True) -> Client:
    client = Client(in_messages=in_messages)
    client.says()
    return client


def test_a_sign_of_listening_stops_nobody() -> None:
    client = answering()
    told = client.happens(heard(1, "mm-hm"), Floor("hold", 0.9), heard(1, "mm-hm", final=True))
    assert not any("speech" in kind for kind in types(told))
    # It was said, and is an item of the conversation.
    assert "conversation.item.done" in types(told)
    assert STARTED not in types(client.ends(0))


def test_who_is_given_the_floor_is_told_then() -> None:
    client = answering()
    assert STARTED not in types(client.happens(heard(1, "no wait")))
    (started,) = client.happens(Floor("yield", 0.9))
    assert started["type"] == STARTED and started["audio_start_ms"] == 1000
    assert client.happens(Floor("yield", 0.9)) == []
    told = client.happens(heard(1, "no wait what", final=True))
    stopped = next(one for one in told if one["type"] == "input_audio_buffer.speech_stopped")
    assert stopped["item_id"] == started["item_id"]


@pytest.mark.parametrize("by", [None, "floor"])
def test_who_speaks_on_behind_the_answers_end_is_told_then(by: str | None) -> None:
    client = answering()
    client.happens(heard(1, "and what about"))
    told = types(client.ends(0, by))  # type: ignore[arg-type]
    assert told.index("response.done") < told.index(STARTED)


def test_elsewhere_speech_is_told_as_it_begins() -> None:
    assert STARTED in types(Client(in_messages=True).happens(heard(1, "hello")))
    assert STARTED in types(answering(in_messages=False).happens(heard(1, "mm-hm")))
